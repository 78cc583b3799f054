//! A whole run: carry the plan out, discover again until two passes are clean, prove, conclude.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Map;
use tokio::time::{Instant, sleep};

use super::ask::soften;
use super::engine::Engine;
use super::http::CallError;
use super::journal::JournalError;
use super::plan::Plan;
use super::prove::prove_all;
use super::provider::{Discovery, Hand, Presence, Provider, Target};
use super::record::{Entry, Record, SystemRead, Tracked};
use super::snapshot::Snapshots;
use super::state::{Status, StepEvent};
use super::step::{Gap, Phase, Step, StepId};
use super::turns::in_turn;
use super::verdict::conclude;

/// Passes in one run: an attacker who is faster than that is not shut out by more of them.
const PASSES: u32 = 8;
/// Clean passes in a row that are asked for.
const CLEAN: u32 = 2;
/// Passes before anything is done that may hide what could not be seen so far.
const LOOKS: u32 = 3;
/// No further one begins after this time: the account has to be out.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest wait without a look at whether the responder stopped it.
const SHORT: Duration = Duration::from_millis(200);
/// Why the responder leaves a step out; `None` where it is not left out.
pub type LeaveOut<'a> = dyn Fn(&Step) -> Option<String> + Send + Sync + 'a;

/// What the responder allowed.
pub struct Options<'a> {
    /// Steps that destroy something are carried out too.
    pub commit: bool,
    /// Steps that later passes find are carried out too; otherwise only what was confirmed is.
    pub extend: bool,
    /// So is what systems show that could not be read when the plan was agreed to: the responder wants to be asked nothing.
    pub unasked: bool,
    /// Objects that may be changed.
    pub max: usize,
    /// How long proofs are asked for.
    pub wait: Duration,
    /// Steps to leave out of this run. Others that an earlier one left out are done now.
    pub leave_out: Box<LeaveOut<'a>>,
}

/// What all systems gave in one pass.
pub struct Found {
    /// By the instances' names.
    pub discoveries: BTreeMap<String, Discovery>,
    /// Systems that could not be read, and why.
    pub failed: BTreeMap<String, String>,
    /// What is done besides steps of earlier passes, and was not told then: their system could not be asked.
    pub besides: Vec<Step>,
}

/// Reads all systems side by side, for all targets. Writes nothing. `record` says what earlier passes left behind.
pub async fn read_all(
    systems: &BTreeMap<String, Arc<dyn Provider>>,
    targets: &[Target],
    record: &Record,
) -> Found {
    let read = systems.iter().filter(|(_, system)| system.discovers()).map(|(name, system)| async move {
        Some((name.clone(), read(system.as_ref(), targets, &record.read_of(name)).await?))
    });
    let besides = owed(systems, record);
    let mut found = Found { discoveries: BTreeMap::new(), failed: BTreeMap::new(), besides };
    for (system, result) in join_all(read).await.into_iter().flatten() {
        match result {
            Ok(discovery) => drop(found.discoveries.insert(system, discovery)),
            Err(error) => drop(found.failed.insert(system, error.to_string())),
        }
    }
    found.discoveries.iter_mut().for_each(|(name, discovery)| look_besides(systems, name, discovery));
    look_elsewhere(systems, record, &mut found).await;
    found.take_out();
    found
}

impl Found {
    /// Whom a directory does not have, a person takes out, unless a list shows that there is nobody to take out.
    fn take_out(&mut self) {
        let gone = self.discoveries.values().flat_map(|discovery| discovery.gone.iter().cloned());
        let gone: BTreeSet<String> = gone.collect();
        for discovery in self.discoveries.values_mut() {
            let left = std::mem::take(&mut discovery.unprovisioned).into_iter();
            discovery.guided.extend(left.filter(|(email, _)| !gone.contains(email)).map(|(_, step)| step));
        }
    }

    /// What the responder should know, each once.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        for note in self.discoveries.values().flat_map(|discovery| &discovery.notes) {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        notes
    }

    /// What could not be seen, with its system.
    pub fn gaps(&self) -> impl Iterator<Item = (&str, &Gap)> {
        let all = self.discoveries.iter();
        all.flat_map(|(system, discovery)| discovery.gaps.iter().map(move |gap| (system.as_str(), gap)))
    }

    /// Steps of systems that could be read when the plan was agreed to.
    fn asked(&self, record: &Record) -> BTreeSet<StepId> {
        let asked = self.discoveries.iter().filter(|(name, _)| !record.unasked.contains(*name));
        let steps = asked.flat_map(|(_, discovery)| &discovery.steps).chain(&self.besides);
        steps.map(|step| step.id.clone()).collect()
    }

    /// Whether a system that could not be read when the plan was agreed to shows what nobody agreed to.
    pub fn shows_unasked(&self, record: &Record) -> bool {
        let unasked = self.discoveries.iter().filter(|(name, _)| record.unasked.contains(*name));
        unasked.flat_map(|(_, discovery)| &discovery.steps).any(|step| !record.is_confirmed(&step.id))
    }

    /// Whether any system has the account that it is about.
    pub fn presence(&self) -> Presence {
        self.discoveries.values().map(|discovery| discovery.presence).max().unwrap_or_default()
    }
}

/// Adds what other systems do besides the steps that are planned for them.
fn look_besides(systems: &BTreeMap<String, Arc<dyn Provider>>, name: &str, discovery: &mut Discovery) {
    let others = discovery.steps.iter().filter(|step| step.system != name);
    let besides = others.filter_map(|step| systems.get(&step.system)?.besides(step));
    let besides: Vec<Step> = besides.collect();
    discovery.steps.extend(besides);
}

/// What is done besides steps of `record` and nobody agreed to yet: the credential of their system could not be had when they
/// were planned, and they do not come up again once they are done.
fn owed(systems: &BTreeMap<String, Arc<dyn Provider>>, record: &Record) -> Vec<Step> {
    let steps = record.in_order().filter(|tracked| tracked.state.status != Status::Skipped);
    let besides = steps.filter_map(|tracked| systems.get(&tracked.step.system)?.besides(&tracked.step));
    besides.filter(|step| !record.is_confirmed(&step.id)).collect()
}

/// Of what systems plan for others, adds to their steps what is not done yet, and what cannot be looked at.
async fn look_elsewhere(systems: &BTreeMap<String, Arc<dyn Provider>>, record: &Record, found: &mut Found) {
    let hand = Hand::new(&record.tag, BTreeMap::new());
    let look = async |step: Step| {
        let done = match systems.get(&step.system) {
            Some(system) => system.look(&step, &hand).await.map(|look| look.done == Some(true)),
            None => Ok(false),
        };
        (step, done)
    };
    for discovery in found.discoveries.values_mut() {
        let planned = std::mem::take(&mut discovery.elsewhere);
        for (step, done) in join_all(planned.into_iter().map(look)).await {
            let what = format!("{} {} of {}", step.action, step.object.name, step.system);
            let besides = systems.get(&step.system).and_then(|system| system.besides(&step));
            let ours = record.steps.contains_key(&step.id);
            if ours || done != Ok(true) {
                discovery.steps.extend(besides);
            }
            match done {
                Ok(false) => discovery.steps.push(step),
                // What this incident has done is no news.
                Ok(true) if ours => {}
                Ok(true) => {
                    discovery.notes.push(format!("nothing is to be done, and nothing taken back: {what}"));
                }
                Err(error) => {
                    discovery
                        .notes
                        .push(format!("whether it is to be done could not be read: {what}: {error}"));
                    discovery.steps.push(step);
                }
            }
        }
    }
}

/// One system, for the targets that it is asked about; `None`: for none of them. Of several targets, memory and snapshot
/// are kept by the name of each.
async fn read(
    system: &dyn Provider,
    targets: &[Target],
    read: &SystemRead,
) -> Option<Result<Discovery, CallError>> {
    let asked = targets.iter().filter(|target| !target.is_nobody() || system.keeps_credentials());
    let mut asked: Vec<Target> = asked.cloned().collect();
    let [only] = asked.as_mut_slice() else {
        return if asked.is_empty() { None } else { Some(read_several(system, asked, read).await) };
    };
    only.read = read.clone();
    let found = system.discover(only).await;
    Some(found.map(|found| softened(only, found)))
}

async fn read_several(
    system: &dyn Provider,
    asked: Vec<Target>,
    read: &SystemRead,
) -> Result<Discovery, CallError> {
    let (mut all, mut memory, mut snapshot) = (Discovery::default(), Map::new(), Map::new());
    for mut target in asked {
        let remembered = read.memory.get(&target.email).cloned().unwrap_or_default();
        target.read = SystemRead { memory: remembered, ..read.clone() };
        let found = softened(&target, system.discover(&target).await?);
        memory.insert(target.email.clone(), found.memory);
        snapshot.insert(target.email, found.snapshot);
        all.steps.extend(found.steps);
        all.elsewhere.extend(found.elsewhere);
        all.guided.extend(found.guided);
        all.guards.extend(found.guards);
        all.notes.extend(found.notes);
        all.gaps.extend(found.gaps);
        all.gone.extend(found.gone);
        all.unprovisioned.extend(found.unprovisioned);
        all.presence = all.presence.max(found.presence);
    }
    Ok(Discovery { memory: memory.into(), snapshot: snapshot.into(), ..all })
}

fn softened(target: &Target, mut found: Discovery) -> Discovery {
    soften(target.ask, &mut found);
    found
}

/// Reads all systems for the next pass of an incident.
pub async fn read_for(engine: &Engine) -> Found {
    let (record, began) = (engine.record(), std::time::Instant::now());
    let found = read_all(&engine.systems, &record.targets(), &record).await;
    engine.leg(&format!("pass {}: reading", record.pass + 1), began, Vec::new());
    found
}

/// Keeps what a pass read as evidence, and says so in the journal.
pub fn keep(engine: &Engine, found: &Found, snapshots: &Snapshots) -> Result<(), JournalError> {
    let pass = engine.read(|record| record.pass) + 1;
    for (system, discovery) in &found.discoveries {
        let (snapshot, sha256) = snapshots.keep(pass, system, &discovery.snapshot)?;
        let (system, notes) = (system.clone(), discovery.notes.clone());
        let (steps, memory) = (discovery.steps.len(), discovery.memory.clone());
        let mut gaps = discovery.gaps.clone();
        // Before the plan is confirmed a guard refuses everything. One that comes up later keeps the verdict down.
        gaps.extend(discovery.guards.iter().map(|guard| Gap { what: guard.to_string(), guided: None }));
        engine.note(&Entry::Discovered { pass, system, snapshot, sha256, steps, notes, gaps, memory })?;
    }
    for (system, why) in &found.failed {
        engine.note(&Entry::Undiscovered { pass, system: system.clone(), why: why.clone() })?;
    }
    Ok(())
}

/// Notes what of `plan` is new.
pub fn extend(engine: &Engine, plan: &Plan) -> Result<(), JournalError> {
    let record = engine.record();
    let steps = plan.steps.iter().filter(|step| !record.steps.contains_key(&step.id));
    let steps: Vec<Step> = steps.cloned().collect();
    let known = |id: &str| record.guided.iter().any(|tracked| tracked.guided.id == id);
    let guided: Vec<_> = plan.guided.iter().filter(|guided| !known(&guided.id)).cloned().collect();
    if steps.is_empty() && guided.is_empty() {
        return Ok(());
    }
    engine.note(&Entry::Planned { pass: record.pass, hash: plan.hash.clone(), steps, guided })
}

/// Carries out what was confirmed, discovers again until two passes are clean, proves every step and concludes.
///
/// # Errors
/// The journal cannot be written; nothing is sent after that.
pub async fn run(engine: &Engine, snapshots: &Snapshots, options: &Options<'_>) -> Result<(), JournalError> {
    take_up(engine, options)?;
    skip(engine, options)?;
    see_all(engine, snapshots, options).await?;
    let record = engine.record();
    carry_out(engine, wanted(&record, options).collect()).await?;
    let done = Instant::now();
    passes(engine, snapshots, options).await?;
    if engine.is_interrupted() {
        return engine.note(&Entry::Interrupted { why: "stopped by the responder".into() });
    }
    let unrepeated = repeat(engine, done).await?;
    prove_all(engine, options.wait).await?;
    for step in unrepeated {
        let why = "it could not be sent once more when everything was blocked".to_owned();
        engine.note(&Entry::Unproved { step, why })?;
    }
    let (verdict, reasons) = conclude(&engine.record(), options.commit);
    engine.note(&Entry::Concluded { verdict, reasons })
}

/// Proves every step again and concludes; changes nothing.
pub async fn verify(
    engine: &Engine,
    snapshots: &Snapshots,
    options: &Options<'_>,
) -> Result<(), JournalError> {
    for _ in 0..CLEAN {
        look_again(engine, snapshots, options).await?;
    }
    prove_all(engine, options.wait).await?;
    let (verdict, reasons) = conclude(&engine.record(), options.commit);
    engine.note(&Entry::Concluded { verdict, reasons })
}

/// What is done first hides nothing. Everything else may hide what was not seen yet: that is looked for again in between.
async fn see_all(engine: &Engine, snapshots: &Snapshots, options: &Options<'_>) -> Result<(), JournalError> {
    let unseen = || engine.read(|record| (record.undiscovered.clone(), record.gaps.clone()));
    let is_open =
        || engine.read(|record| !record.undiscovered.is_empty() || record.open_gaps().next().is_some());
    if !is_open() {
        return Ok(());
    }
    let record = engine.record();
    let first = |id: &StepId| record.steps.get(id).is_some_and(|tracked| tracked.step.phase <= Phase::Block);
    carry_out(engine, wanted(&record, options).filter(first).collect()).await?;
    let began = Instant::now();
    for _ in 0..LOOKS {
        let before = unseen();
        look_again(engine, snapshots, options).await?;
        let (failed, gaps) = unseen();
        // What may not be seen does not change.
        let lasts = failed.is_empty() && gaps == before.1;
        if !is_open() || lasts || began.elapsed() >= PATIENCE || engine.is_interrupted() {
            break;
        }
    }
    Ok(())
}

/// Steps that an earlier run left out and this one does not, as far as it may do them: the responder is asked about them.
pub fn taken_up(record: &Record, commit: bool, leave_out: &LeaveOut<'_>) -> Vec<StepId> {
    let is_taken_up = |tracked: &&Tracked| {
        let is_left_out = tracked.state.status == Status::Skipped;
        is_left_out && (commit || !tracked.step.commit) && leave_out(&tracked.step).is_none()
    };
    record.in_order().filter(is_taken_up).map(|tracked| tracked.step.id.clone()).collect()
}

fn take_up(engine: &Engine, options: &Options<'_>) -> Result<(), JournalError> {
    for step in taken_up(&engine.record(), options.commit, &options.leave_out) {
        engine.note(&Entry::Step { step, event: StepEvent::Included })?;
    }
    Ok(())
}

fn skip(engine: &Engine, options: &Options<'_>) -> Result<(), JournalError> {
    let record = engine.record();
    let open = |tracked: &&Tracked| matches!(tracked.state.status, Status::Planned | Status::Refused);
    for Tracked { step, .. } in record.in_order().filter(open) {
        if let Some(reason) = (options.leave_out)(step) {
            engine.note(&Entry::Step { step: step.id.clone(), event: StepEvent::Skipped { reason } })?;
        }
    }
    Ok(())
}

/// Steps that are confirmed and do not hold yet.
fn wanted<'a>(record: &'a Record, options: &'a Options<'a>) -> impl Iterator<Item = StepId> + 'a {
    let wanted = |tracked: &&Tracked| is_allowed(tracked, record, options) && !tracked.state.status.holds();
    record.in_order().filter(wanted).map(|tracked| tracked.step.id.clone())
}

/// What destroys something waits until everything was seen: it takes with it what would tell.
fn is_allowed(tracked: &Tracked, record: &Record, options: &Options<'_>) -> bool {
    let seen = || record.undiscovered.is_empty() && record.open_gaps().next().is_none();
    let allowed = tracked.confirmed && (!tracked.step.commit || options.commit && seen());
    allowed && tracked.state.status != Status::Skipped
}

/// Reads everything again until two passes are clean, and does what comes up.
async fn passes(engine: &Engine, snapshots: &Snapshots, options: &Options<'_>) -> Result<(), JournalError> {
    let mut tried = BTreeSet::new();
    let mut clean = 0;
    let mut gaps = None;
    for _ in 0..PASSES {
        if engine.is_interrupted() || clean >= CLEAN {
            break;
        }
        let todo = look_again(engine, snapshots, options).await?;
        clean = if engine.read(|record| record.clean) > 0 { clean + 1 } else { 0 };
        // What was tried again and still comes up does not change in this run.
        if !todo.is_empty() && todo.is_subset(&tried) {
            break;
        }
        // Nor does what may not be seen.
        let now = engine.read(|record| record.undiscovered.is_empty().then(|| record.gaps.clone()));
        if todo.is_empty() && clean == 0 && now.is_some() && now == gaps {
            break;
        }
        gaps = now;
        carry_out(engine, todo.clone()).await?;
        tried.extend(todo);
    }
    Ok(())
}

/// One more pass. Gives the steps that came up, are allowed, and have to be done.
async fn look_again(
    engine: &Engine,
    snapshots: &Snapshots,
    options: &Options<'_>,
) -> Result<BTreeSet<StepId>, JournalError> {
    let found = read_for(engine).await;
    keep(engine, &found, snapshots)?;
    let guarded = found.discoveries.values().any(|discovery| !discovery.guards.is_empty());
    let record = engine.record();
    let (asked, failed) = (found.asked(&record), found.failed);
    let mut steps: Vec<Step> = record.in_order().map(|tracked| tracked.step.clone()).collect();
    let mut guided: Vec<_> = record.guided.iter().map(|tracked| tracked.guided.clone()).collect();
    let mut up: BTreeSet<StepId> = found.besides.iter().map(|step| step.id.clone()).collect();
    steps.extend(found.besides);
    for discovery in found.discoveries.into_values() {
        up.extend(discovery.steps.iter().map(|step| step.id.clone()));
        // What is known stays as it was planned: sorting is stable, and the first of two is kept.
        steps.extend(discovery.steps);
        guided.extend(discovery.guided);
    }
    let whole = Plan::of(&record.account, &record.incident, &record.operation, steps, guided);
    extend(engine, &whole)?;
    if options.extend && !guarded && whole.objects() <= options.max {
        cover(engine, whole.hash, &asked, &failed, options)?;
    }
    skip(engine, options)?;
    let record = engine.record();
    let waits = |tracked: &Tracked| record.waits_for(&tracked.step).is_some();
    up.retain(|id| record.steps.get(id).is_some_and(|tracked| comes_up(tracked, options) && !waits(tracked)));
    let clean = failed.is_empty() && up.is_empty() && record.open_gaps().next().is_none();
    engine.note(&Entry::Passed { pass: record.pass, clean })?;
    up.retain(|id| {
        !guarded && record.steps.get(id).is_some_and(|tracked| is_allowed(tracked, &record, options))
    });
    Ok(up)
}

/// Takes what is new for agreed to, as far as the responder's word covers it. `asked`: what systems show that could be read when
/// it was given. A verification in between may have noted some already.
fn cover(
    engine: &Engine,
    hash: String,
    asked: &BTreeSet<StepId>,
    failed: &BTreeMap<String, String>,
    options: &Options<'_>,
) -> Result<(), JournalError> {
    let record = engine.record();
    let (covered, except) = split(&record, asked, options.unasked);
    if covered.is_empty() {
        return Ok(());
    }
    let is_unread = |system: &&String| !options.unasked || failed.contains_key(*system);
    let unread = record.unasked.iter().filter(is_unread).cloned().collect();
    let how = "found in a later pass".to_owned();
    engine.note(&Entry::Confirmed { hash, how, commit: false, unread, except })
}

/// Of steps that nobody agreed to, those that the responder's word covers, and the others.
fn split(record: &Record, asked: &BTreeSet<StepId>, unasked: bool) -> (BTreeSet<StepId>, BTreeSet<StepId>) {
    let covers_all = unasked || record.unasked.is_empty();
    record.unconfirmed().cloned().partition(|id| covers_all || asked.contains(id))
}

/// Whether a step that a pass found says that something is left to do. Blind ones come up in every pass.
fn comes_up(tracked: &Tracked, options: &Options<'_>) -> bool {
    let done = tracked.step.blind && tracked.state.status.holds();
    let held = tracked.step.commit && !options.commit;
    !done && !held && tracked.state.status != Status::Skipped
}

/// Carries out steps, each when its turn comes and where what it needs holds.
async fn carry_out(engine: &Engine, ids: BTreeSet<StepId>) -> Result<(), JournalError> {
    let steps = engine.read(|record| {
        let steps = ids.iter().filter_map(|id| record.steps.get(id));
        steps.map(|tracked| tracked.step.clone()).collect::<Vec<_>>()
    });
    let work = async |id: StepId| {
        if engine.is_interrupted() || !engine.read(|record| has_needs(record, &id)) {
            return Ok(());
        }
        engine.do_again(&id).await
    };
    let began = std::time::Instant::now();
    let chain = in_turn(&steps, Step::comes_before, work).await?;
    if !chain.is_empty() {
        engine.leg(&format!("{} steps", steps.len()), began, chain);
    }
    Ok(())
}

fn has_needs(record: &Record, id: &StepId) -> bool {
    let step = record.steps.get(id).map(|tracked| &tracked.step);
    let holds = |need: &StepId| record.steps.get(need).is_some_and(meets);
    step.is_some_and(|step| step.needs.iter().all(holds) && step.after.iter().all(|id| record.is_done(id)))
}

/// Whether what needs a step can be done.
fn meets(needed: &Tracked) -> bool {
    let left_out = needed.step.dispensable && needed.state.status == Status::Skipped;
    needed.state.status.holds() || left_out
}

/// Sends blind steps once more: a session may have begun before the block had its effect everywhere. `done`: when
/// everything was blocked. Gives those that could not be sent again: what they were to end may have begun in between.
async fn repeat(engine: &Engine, done: Instant) -> Result<BTreeSet<StepId>, JournalError> {
    let record = engine.record();
    let is_sent = |tracked: &&Tracked| tracked.step.blind && tracked.state.status == Status::Applied;
    let again = record.in_order().filter(is_sent).map(|tracked| async {
        let settles = engine.system(&tracked.step).map_or(Duration::ZERO, |system| system.settles());
        let then = done + settles;
        while Instant::now() < then && !engine.is_interrupted() {
            sleep(SHORT.min(then - Instant::now())).await;
        }
        let id = &tracked.step.id;
        Ok::<_, JournalError>((!engine.repeat(id).await?).then(|| id.clone()))
    });
    let again: Result<Vec<Option<StepId>>, JournalError> = join_all(again).await.into_iter().collect();
    Ok(again?.into_iter().flatten().collect())
}

/// All of them side by side; the first failure of the journal ends it.
pub(super) async fn all(
    work: impl Iterator<Item = impl Future<Output = Result<(), JournalError>>>,
) -> Result<(), JournalError> {
    join_all(work).await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lockdown::operation::Operation;
    use crate::lockdown::step::{Object, Undo};

    fn step(system: &str, id: &str) -> Step {
        let object = Object { kind: "user".into(), id: id.into(), name: id.into() };
        Step::new(system, object, "suspend", Phase::Block, Undo::Reversible)
    }

    fn planned(steps: &[Step]) -> Entry {
        Entry::Planned { pass: 1, hash: "h".into(), steps: steps.to_vec(), guided: Vec::new() }
    }

    fn confirmed(unread: &[&str], except: BTreeSet<StepId>) -> Entry {
        let unread = unread.iter().map(|&system| system.to_owned()).collect();
        Entry::Confirmed { hash: "h".into(), how: "typed".into(), commit: false, unread, except }
    }

    /// Of one system that was read when the plan was agreed to, and one that was not.
    #[test]
    fn agreeing_does_not_cover_what_a_system_shows_that_could_not_be_read_then() {
        let (known, new, unasked) = (step("scim", "a"), step("scim", "b"), step("okta", "c"));
        let operation = Operation::default();
        let (incident, account) = ("i".to_owned(), "jane@agency.example".to_owned());
        let mut record = Record::default();
        for entry in [
            Entry::Opened { incident, account, tag: "t".into(), version: "0".into(), operation },
            planned(std::slice::from_ref(&known)),
            confirmed(&["okta"], BTreeSet::new()),
            planned(&[new.clone(), unasked.clone()]),
        ] {
            record.apply(&entry).unwrap();
        }
        let shown = |system: &str, steps: &[Step]| {
            (system.to_owned(), Discovery { steps: steps.to_vec(), ..Discovery::default() })
        };
        let all =
            [shown("scim", &[known.clone(), new.clone()]), shown("okta", std::slice::from_ref(&unasked))];
        let found = Found { discoveries: all.into(), failed: BTreeMap::new(), besides: Vec::new() };
        assert!(found.shows_unasked(&record));
        let (covered, except) = split(&record, &found.asked(&record), false);
        assert_eq!(covered, [new.id.clone()].into());
        assert_eq!(except, [unasked.id.clone()].into());
        assert_eq!(split(&record, &found.asked(&record), true).1, BTreeSet::new());
        record.apply(&confirmed(&["okta"], except)).unwrap();
        let is_confirmed = |record: &Record, step: &Step| record.steps[&step.id].confirmed;
        assert!(is_confirmed(&record, &new) && !is_confirmed(&record, &unasked));
        // The next question has it in its plan.
        record.apply(&confirmed(&[], BTreeSet::new())).unwrap();
        assert!(is_confirmed(&record, &unasked) && !found.shows_unasked(&record));
    }

    /// The journals of before say nothing of systems that could not be read.
    #[test]
    fn an_agreement_of_before_is_read_as_it_was_meant() {
        let old = r#"{"entry":"confirmed","hash":"h","how":"typed"}"#;
        let entry: Entry = serde_json::from_str(old).unwrap();
        assert_eq!(entry, confirmed(&[], BTreeSet::new()));
        assert_eq!(serde_json::to_string(&entry).unwrap(), old);
        let included = r#"{"entry":"step","step":"okta/user/c/suspend","event":"included"}"#;
        let entry: Entry = serde_json::from_str(included).unwrap();
        assert_eq!(serde_json::to_string(&entry).unwrap(), included);
    }
}
