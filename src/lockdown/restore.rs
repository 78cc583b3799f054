//! The way back: undoes what this incident did, in the opposite order, and only where nobody else changed it since.

use std::time::Duration;

use tokio::time::Instant;

use super::engine::Engine;
use super::execute::all;
use super::journal::JournalError;
use super::prove::{Asked, ask_until};
use super::provider::Look;
use super::record::{Entry, Record, Tracked};
use super::state::{Direction, Status, StepEvent, StepState};
use super::step::{Step, StepId, Undo};
use super::turns::in_turn;
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
    let steps =
        engine.read(|record| record.steps.values().map(|tracked| tracked.step.clone()).collect::<Vec<_>>());
    // The opposite of the order in which steps are done.
    let first = |one: &Step, other: &Step| other.comes_before(one);
    let began = std::time::Instant::now();
    let chain = in_turn(&steps, first, async |id| undo(engine, &id).await).await?;
    engine.leg(&format!("{} steps", steps.len()), began, chain);
    if engine.is_interrupted() {
        return engine.note(&Entry::Interrupted { why: "stopped by the responder".into() });
    }
    let record = engine.record();
    let undone = record.in_order().filter(|tracked| tracked.state.status == Status::Undone);
    let (deadline, began) = (Instant::now() + wait, std::time::Instant::now());
    all(undone.map(|tracked| confirm(engine, &tracked.step.id, deadline))).await?;
    engine.leg("proofs", began, Vec::new());
    let (verdict, reasons) = conclude_restore(&engine.record());
    engine.note(&Entry::Concluded { verdict, reasons })
}

/// Undoes one step as far as that is possible; afterwards its status says what is known.
async fn undo(engine: &Engine, id: &StepId) -> Result<(), JournalError> {
    for attempt in 0..TRIES {
        if !engine.settle(id).await? {
            return Ok(());
        }
        take_up(engine, id).await?;
        let tracked = engine.tracked(id)?;
        let status = tracked.state.status;
        let open = matches!(
            status,
            Status::Applied
                | Status::Planned
                | Status::Skipped
                | Status::Refused
                | Status::UndoRefused
                | Status::Undoing
        );
        if !open || !tracked.state.ours || tracked.step.undo == Undo::Irreversible || engine.is_interrupted()
        {
            return Ok(());
        }
        match engine.read(|record| holds_back(record, id)) {
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

/// What was taken for undone, and never showed: one look may have been wrong. Where it still is as we left it, it is undone
/// again.
async fn take_up(engine: &Engine, id: &StepId) -> Result<(), JournalError> {
    let tracked = engine.tracked(id)?;
    if tracked.state.status != Status::Undone || tracked.proved.is_some() {
        return Ok(());
    }
    match engine.look(&tracked.step).await {
        Ok(look)
            if look.done == Some(true)
                && !engine.is_back(&tracked.step, &tracked.state.before, &look)
                && is_ours(&tracked.state, &look) =>
        {
            engine.happened(id, StepEvent::Seen { state: look.state, result: look.result })
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Why a step has to wait for one that rests on it.
enum HeldBack {
    /// That one stays.
    ForGood(String),
    /// That one could not be undone in this run; a later one may.
    ForNow(String),
}

/// A step that was done by us, is not undone, and needs this one, or has destroyed what this one is about.
fn holds_back(record: &Record, id: &StepId) -> Option<HeldBack> {
    let this = &record.steps.get(id)?.step;
    let destroys = |other: &Step| {
        other.commit && other.id != *id && (&other.system, &other.object) == (&this.system, &this.object)
    };
    let needing = record.steps.values();
    let rests =
        |other: &Step| other.needs.contains(id) || destroys(other) || this.bound_to.contains(&other.id);
    let needing = needing.filter(|tracked| rests(&tracked.step));
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
    let Tracked { step, state, .. } = engine.tracked(id)?;
    let ask = async || match engine.look(&step).await {
        Ok(look) if engine.is_back(&step, &state.before, &look) => {
            Asked::Shown("the state before is there again".to_owned())
        }
        Ok(look) => Asked::Again(format!("it is {}, and was {} before", look.state, state.before)),
        Err(error) => Asked::Again(format!("it cannot be told: {error}")),
    };
    engine.note(&match ask_until(engine, deadline, ask).await {
        Ok(how) => Entry::Proved { step: step.id.clone(), how },
        Err(why) => Entry::Unproved { step: step.id.clone(), why },
    })
}
