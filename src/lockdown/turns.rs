//! Work on steps, each when its turn comes and side by side otherwise: forwards for a lockdown, backwards for a restore.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::journal::JournalError;
use super::pace::Link;
use super::step::{Step, StepId};

/// Does `work` for each of `steps`: after those of them that `first(one, other)` puts before it. Gives the chain of steps
/// that ended last: each one was the last that the next waited for.
///
/// # Errors
/// The first failure of the journal ends it.
pub(super) async fn in_turn<W: Future<Output = Result<(), JournalError>>>(
    steps: &[Step],
    first: impl Fn(&Step, &Step) -> bool,
    work: impl Fn(StepId) -> W,
) -> Result<Vec<Link>, JournalError> {
    let mut waiting: Vec<Waiting<'_>> = steps.iter().map(|step| Waiting::new(step, steps, &first)).collect();
    let mut running = FuturesUnordered::new();
    // What each one that ended waited for at last, and how long it took itself.
    let mut ended: BTreeMap<&StepId, (Option<&StepId>, Duration)> = BTreeMap::new();
    let mut last = None;
    loop {
        for one in waiting.extract_if(.., |one| one.after == 0) {
            let (work, began) = (work(one.step.id.clone()), Instant::now());
            running.push(async move { (one, work.await, began) });
        }
        let Some((done, result, began)) = running.next().await else { return Ok(chain(&ended, last)) };
        result?;
        let done = (done.step, ended.insert(&done.step.id, (done.last, began.elapsed()))).0;
        last = Some(&done.id);
        for one in waiting.iter_mut().filter(|one| first(done, one.step)) {
            (one.after, one.last) = (one.after - 1, last);
        }
    }
}

/// From the first step that waited for none to `last`.
fn chain(ended: &BTreeMap<&StepId, (Option<&StepId>, Duration)>, last: Option<&StepId>) -> Vec<Link> {
    let before = |link: &(&StepId, Duration)| ended.get(link.0).and_then(|(before, _)| *before);
    let link = |step| ended.get(step).map(|(_, took)| (step, *took));
    let links = std::iter::successors(last.and_then(link), |this| before(this).and_then(link));
    let mut chain: Vec<Link> = links.map(|(step, took)| Link { step: step.clone(), took }).collect();
    chain.reverse();
    chain
}

/// A step whose turn has not come.
struct Waiting<'a> {
    step: &'a Step,
    /// How many have to be done before.
    after: usize,
    /// The last of them that was done.
    last: Option<&'a StepId>,
}

impl<'a> Waiting<'a> {
    fn new(step: &'a Step, all: &[Step], first: impl Fn(&Step, &Step) -> bool) -> Self {
        Self { step, after: all.iter().filter(|other| first(other, step)).count(), last: None }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::lockdown::step::{Object, Phase, Undo};

    fn step(system: &str, id: &str, phase: Phase, needs: &[&Step]) -> Step {
        let object = Object { kind: "o".into(), id: id.into(), name: id.into() };
        let needs = needs.iter().map(|step| step.id.clone()).collect();
        Step { needs, ..Step::new(system, object, "do", phase, Undo::Reversible) }
    }

    /// Where each step came, as its object's identifier.
    fn order(steps: &[Step], first: impl Fn(&Step, &Step) -> bool) -> Vec<String> {
        let done = RefCell::new(Vec::new());
        let work = |id: StepId| {
            let done = &done;
            async move {
                tokio::task::yield_now().await;
                done.borrow_mut().push(id.0.split('/').nth(2).unwrap().to_owned());
                Ok(())
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let chain = runtime.block_on(in_turn(steps, &first, work)).unwrap();
        let chained = |link: &Link| steps.iter().find(|step| step.id == link.step).unwrap();
        assert!(chain.windows(2).all(|pair| first(chained(&pair[0]), chained(&pair[1]))), "{chain:?}");
        let done = done.into_inner();
        assert_eq!(chain.last().map(|link| chained(link).object.id.clone()), done.last().cloned());
        done
    }

    fn place(order: &[String], id: &str) -> usize {
        order.iter().position(|done| done == id).unwrap()
    }

    #[test]
    fn what_comes_first_is_done_first_and_undone_last() {
        let make = step("a", "make", Phase::Rotate, &[]);
        let put = step("b", "put", Phase::Rotate, &[&make]);
        let retire = step("a", "retire", Phase::Retire, &[&put]);
        let block = step("c", "block", Phase::Block, &[]);
        let steps = [retire, put, make, block];
        assert_eq!(order(&steps, Step::comes_before), ["block", "make", "put", "retire"]);
        assert_eq!(order(&steps, |one, other| other.comes_before(one)), ["retire", "put", "make", "block"]);
    }

    #[test]
    fn other_systems_wait_for_the_first_phases_alone() {
        let slow = step("a", "sessions", Phase::Sessions, &[]);
        let other = step("b", "exports", Phase::Exports, &[]);
        let later = step("a", "groups", Phase::Groups, &[]);
        let order = order(&[later, other, slow], Step::comes_before);
        assert!(place(&order, "sessions") < place(&order, "groups"));
        assert!(place(&order, "exports") < place(&order, "groups"));
    }

    #[test]
    fn factors_go_before_the_block_of_their_own_system_alone() {
        let factors = step("a", "factors", Phase::Factors, &[]);
        let block = step("a", "block", Phase::Block, &[]);
        let other = step("b", "other", Phase::Block, &[]);
        assert!(factors.comes_before(&block) && !factors.comes_before(&other));
        assert_eq!(order(&[block, factors], Step::comes_before), ["factors", "block"]);
    }

    #[test]
    fn steps_that_wait_for_each_other_are_left() {
        let one = step("a", "one", Phase::Groups, &[]);
        let two = step("a", "two", Phase::Groups, &[&one]);
        let one = Step { needs: vec![two.id.clone()], ..one };
        assert_eq!(order(&[one, two], Step::comes_before), [""; 0]);
    }
}
