//! The way back: undoes what this incident did, in the opposite order, and only where nobody else changed it since.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};

use tokio::time::{Instant, sleep};

use super::engine::Engine;
use super::execute::{FAST, SLOW};
use super::journal::JournalError;
use super::provider::Look;
use super::record::{Entry, Record};
use super::state::{Direction, Status, StepEvent, StepState};
use super::step::{StepId, Undo};
use super::verdict::conclude_restore;

/// Requests to undo one step in one run.
const TRIES: u32 = 4;

/// Whether the object still is as we left it.
fn is_ours(state: &StepState, look: &Look) -> bool {
    look.done != Some(false) && (state.after.is_null() || look.state == state.after)
}

/// Undoes everything that can be undone and concludes. The incident has to be `restoring`.
///
/// # Errors
/// The journal cannot be written; nothing is sent after that.
pub async fn run(engine: &Engine, wait: Duration) -> Result<(), JournalError> {
    let record = engine.record();
    let mut waiting: BTreeSet<StepId> = record.order.iter().cloned().collect();
    let mut under_way: BTreeSet<StepId> = BTreeSet::new();
    let mut running = FuturesUnordered::new();
    loop {
        let record = engine.record();
        let free: Vec<StepId> =
            waiting.iter().filter(|id| is_free(&record, id, &waiting, &under_way)).cloned().collect();
        for id in free {
            waiting.remove(&id);
            under_way.insert(id.clone());
            running.push(async move {
                let done = undo(engine, &id).await;
                (id, done)
            });
        }
        let Some((id, done)) = running.next().await else { break };
        under_way.remove(&id);
        done?;
    }
    if engine.is_interrupted() {
        return engine.note(&Entry::Interrupted { why: "stopped by the responder".into() });
    }
    let record = engine.record();
    let undone = record.in_order().filter(|tracked| tracked.state.status == Status::Undone);
    let deadline = Instant::now() + wait;
    let confirmed = join_all(undone.map(|tracked| confirm(engine, &tracked.step.id, deadline))).await;
    confirmed.into_iter().collect::<Result<(), _>>()?;
    let (verdict, reasons) = conclude_restore(&engine.record());
    engine.note(&Entry::Concluded { verdict, reasons })
}

/// The opposite of the order in which steps are done: what needs a step goes first, and so does what came later.
fn is_free(record: &Record, id: &StepId, waiting: &BTreeSet<StepId>, under_way: &BTreeSet<StepId>) -> bool {
    let Some(tracked) = record.steps.get(id) else { return true };
    let step = &tracked.step;
    let comes_after = |other: &StepId| {
        let Some(other) = record.steps.get(other).map(|tracked| &tracked.step) else { return false };
        let later = other.phase > step.phase;
        other.needs.contains(&step.id) || (later && (step.phase.comes_first() || other.system == step.system))
    };
    !waiting.iter().chain(under_way).any(comes_after)
}

/// Undoes one step as far as that is possible; afterwards its status says what is known.
async fn undo(engine: &Engine, id: &StepId) -> Result<(), JournalError> {
    for attempt in 0..TRIES {
        if !engine.settle(id).await? {
            return Ok(());
        }
        let tracked = engine.tracked(id)?;
        let open = matches!(tracked.state.status, Status::Applied | Status::UndoRefused | Status::Undoing);
        if !open || !tracked.state.ours || tracked.step.undo == Undo::Irreversible || engine.is_interrupted()
        {
            return Ok(());
        }
        match holds_back(&engine.record(), id) {
            Some(HeldBack::ForGood(why)) => return engine.happened(id, StepEvent::Kept { why }),
            Some(HeldBack::ForNow(why)) => return engine.happened(id, StepEvent::Unreadable { why }),
            None => {}
        }
        match engine.look(&tracked.step).await {
            Err(error) => return engine.happened(id, StepEvent::Unreadable { why: error.to_string() }),
            Ok(look)
                if look.done.is_some() && engine.is_back(&tracked.step, &tracked.state.before, &look) =>
            {
                return engine.happened(id, StepEvent::Back { state: look.state });
            }
            Ok(look) if look.done.is_some() && !is_ours(&tracked.state, &look) => {
                let why = format!(
                    "someone else changed it since: it is {}, we left it {}",
                    look.state, tracked.state.after
                );
                return engine.happened(id, StepEvent::Kept { why });
            }
            Ok(look) => engine.send(&tracked, Direction::Undo, look.state).await?,
        }
        if engine.tracked(id)?.state.status == Status::Undone {
            return Ok(());
        }
        engine.pause(attempt).await;
    }
    engine.settle(id).await.map(drop)
}

/// Why a step has to wait for one that rests on it.
enum HeldBack {
    /// That one stays.
    ForGood(String),
    /// That one could not be undone in this run; a later one may.
    ForNow(String),
}

/// A step that was done by us, is not undone, and needs this one.
fn holds_back(record: &Record, id: &StepId) -> Option<HeldBack> {
    let needing = record.steps.values().filter(|tracked| tracked.step.needs.contains(id));
    let mut staying = needing.filter(|tracked| tracked.state.ours && tracked.state.status != Status::Undone);
    staying.next().map(|tracked| {
        let stays = tracked.state.status == Status::Kept || tracked.step.undo == Undo::Irreversible;
        let name = &tracked.step.id;
        if stays {
            HeldBack::ForGood(format!("{name} stays, and rests on it"))
        } else {
            HeldBack::ForNow(format!("{name} rests on it, and is not undone yet"))
        }
    })
}

/// Looks until the state before shows again, or the time is over.
async fn confirm(engine: &Engine, id: &StepId, deadline: Instant) -> Result<(), JournalError> {
    let mut pause = FAST;
    loop {
        let tracked = engine.tracked(id)?;
        let why = match engine.look(&tracked.step).await {
            Ok(look) if engine.is_back(&tracked.step, &tracked.state.before, &look) => {
                let how = "the state before is there again".to_owned();
                return engine.note(&Entry::Proved { step: id.clone(), how });
            }
            Ok(look) => format!("it is {}, and was {} before", look.state, tracked.state.before),
            Err(error) => format!("it cannot be told: {error}"),
        };
        if Instant::now() + pause >= deadline || engine.is_interrupted() {
            return engine.note(&Entry::Unproved { step: id.clone(), why });
        }
        sleep(pause).await;
        pause = (pause * 2).min(SLOW);
    }
}
