//! Proofs: asked for again and again, until what was done shows or the time is over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::engine::Engine;
use super::execute::all;
use super::journal::JournalError;
use super::provider::Proof;
use super::record::Entry;
use super::state::StepEvent;
use super::step::Step;

/// The wait between two looks at a step whose effect does not show yet, doubled up to [`SLOW`].
const FAST: Duration = Duration::from_millis(50);
/// The longest wait between two looks.
const SLOW: Duration = Duration::from_secs(2);

/// Asks for a proof of every step that holds, until there is one or the time is over.
pub(super) async fn prove_all(engine: &Engine, wait: Duration) -> Result<(), JournalError> {
    let (deadline, began) = (Instant::now() + wait, std::time::Instant::now());
    let record = engine.record();
    let held = record.in_order().filter(|tracked| tracked.state.status.holds());
    let proved = all(held.map(|tracked| prove(engine, &tracked.step, deadline))).await;
    engine.leg("proofs", began, Vec::new());
    proved
}

async fn prove(engine: &Engine, step: &Step, deadline: Instant) -> Result<(), JournalError> {
    let failed = AtomicBool::new(false);
    let ask = async || {
        let proof = match engine.system(step) {
            Ok(system) => system.prove(step, &engine.hand).await,
            Err(error) => Err(error),
        };
        match proof {
            Ok(Proof::Proved(how)) => Asked::Shown(how),
            Ok(Proof::NotYet(why)) => Asked::Again(why),
            Ok(Proof::Unknown(why)) => Asked::Again(format!("it cannot be told: {why}")),
            Ok(Proof::Failed(why)) => {
                failed.store(true, Ordering::Relaxed);
                Asked::InVain(why)
            }
            Ok(Proof::Guided(why)) => Asked::InVain(why),
            Err(error) => Asked::Again(format!("it cannot be told: {error}")),
        }
    };
    let id = step.id.clone();
    match ask_until(engine, deadline, ask).await {
        Ok(how) => {
            engine.see(&id).await?;
            engine.note(&Entry::Proved { step: id, how })
        }
        Err(why) => {
            if failed.into_inner() {
                engine.happened(&id, StepEvent::Unseen { state: Value::Null })?;
            }
            engine.note(&Entry::Unproved { step: id, why })
        }
    }
}

/// What one look at an effect came to, in words.
pub(super) enum Asked {
    /// It shows.
    Shown(String),
    /// It does not show yet.
    Again(String),
    /// It does not show, and will not in this run.
    InVain(String),
}

/// Asks again and again, until there is a proof or the time is over: then it gives the last reason.
pub(super) async fn ask_until(
    engine: &Engine,
    deadline: Instant,
    ask: impl AsyncFn() -> Asked,
) -> Result<String, String> {
    let mut pause = FAST;
    loop {
        match ask().await {
            Asked::Shown(how) => return Ok(how),
            Asked::InVain(why) => return Err(why),
            Asked::Again(why) if Instant::now() + pause >= deadline || engine.is_interrupted() => {
                return Err(why);
            }
            Asked::Again(_) => {}
        }
        sleep(pause).await;
        pause = (pause * 2).min(SLOW);
    }
}
