//! One step at a time, safely: intent on disk, request, outcome on disk, and the look that settles what was lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use super::http::CallError;
use super::journal::{Journal, JournalError};
use super::pace::{Leg, Link};
use super::provider::{Acted, Facts, Hand, Look, Provider};
use super::record::{Entry, Record, Tracked};
use super::state::{Direction, Status, StepEvent};
use super::step::{SecretRole, Step, StepId};
use crate::sys::clock::Clock;

/// Requests for one step in one run, of one direction: more would not help.
pub(super) const TRIES: u32 = 4;
/// What reading an object before a request comes to.
enum Before {
    /// It has to be changed; its state.
    Send(Value),
    /// Something was cleared out of the way: read again.
    Again,
    /// Nothing is to be sent, or nothing can be told.
    Stop,
}

/// Told every entry once it is on disk.
pub type Watch = dyn Fn(&Entry, &Record) + Send + Sync;

/// What carries out steps of one incident.
pub struct Engine {
    /// By the name of the instance: providers, and stores as systems.
    pub systems: BTreeMap<String, Arc<dyn Provider>>,
    /// What steps share.
    pub hand: Hand,
    journal: Mutex<Journal>,
    clock: Arc<dyn Clock>,
    watch: Box<Watch>,
    /// The wait before a request is tried again, doubled each time.
    backoff: Duration,
    interrupted: AtomicBool,
    legs: Mutex<Vec<Leg>>,
    /// Whoever looks for a lost secret.
    pub(super) recovery: tokio::sync::Mutex<()>,
}

impl Engine {
    /// Goes on from what `journal` holds.
    pub fn new(
        systems: BTreeMap<String, Arc<dyn Provider>>,
        hand: Hand,
        journal: Journal,
        clock: Arc<dyn Clock>,
        watch: Box<Watch>,
        backoff: Duration,
    ) -> Self {
        for tracked in journal.record().steps.values() {
            hand.set_facts(&tracked.step.id, facts(tracked));
        }
        let (journal, interrupted) = (Mutex::new(journal), AtomicBool::new(false));
        let (legs, recovery) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { systems, hand, journal, clock, watch, backoff, interrupted, legs, recovery }
    }

    /// Notes where the time since `began` went; `chain`: of steps that ran side by side.
    pub fn leg(&self, what: &str, began: Instant, chain: Vec<Link>) {
        let leg = Leg { what: what.to_owned(), took: began.elapsed(), chain };
        self.legs.lock().unwrap_or_else(PoisonError::into_inner).push(leg);
    }

    /// Where the time went so far.
    pub fn legs(&self) -> Vec<Leg> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// No new request is sent from now on; what is under way is finished.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
    }

    /// Whether [`Engine::interrupt`] was called.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// The state of the incident now.
    pub fn record(&self) -> Record {
        self.read(Record::clone)
    }

    /// What `read` tells of the state now, without a copy of all of it. It must not come back to the engine.
    pub(super) fn read<R>(&self, read: impl FnOnce(&Record) -> R) -> R {
        read(self.journal.lock().unwrap_or_else(PoisonError::into_inner).record())
    }

    /// A step and its state now.
    pub fn tracked(&self, id: &StepId) -> Result<Tracked, JournalError> {
        Ok(self.read(|record| record.tracked(id).cloned())?)
    }

    /// Writes an entry. Once this returns it survives a crash.
    pub fn note(&self, entry: &Entry) -> Result<(), JournalError> {
        let write = || {
            let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
            let noted = journal.write(entry, self.clock.now())?;
            if let Entry::Step { step, .. } = entry {
                self.hand.set_facts(step, facts(journal.record().tracked(step)?));
            }
            (self.watch)(entry, journal.record());
            drop(journal);
            noted.sync()
        };
        tokio::task::block_in_place(write)
    }

    pub(super) fn happened(&self, step: &StepId, event: StepEvent) -> Result<(), JournalError> {
        self.note(&Entry::Step { step: step.clone(), event })
    }

    /// The system that carries out `step`.
    pub fn system(&self, step: &Step) -> Result<&Arc<dyn Provider>, CallError> {
        self.systems
            .get(&step.system)
            .ok_or_else(|| CallError::NotSent { what: format!("{} is not configured any more", step.system) })
    }

    /// Does a step. It may have been begun, lost or done by an earlier run; afterwards its status says what is known.
    ///
    /// # Errors
    /// The journal cannot be written: nothing more may be sent.
    pub async fn carry_out(&self, id: &StepId) -> Result<(), JournalError> {
        for attempt in 0..TRIES {
            if !self.settle(id).await? {
                return Ok(());
            }
            let tracked = self.tracked(id)?;
            if self.is_interrupted() || !self.wants_apply(&tracked, attempt).await? {
                return Ok(());
            }
            match self.look_before(&tracked).await? {
                Before::Send(before) => self.send(&tracked, Direction::Apply, before).await?,
                Before::Again => continue,
                Before::Stop => return Ok(()),
            }
            if self.tracked(id)?.state.status.holds() {
                return self.see(id).await;
            }
            self.pause(attempt).await;
        }
        self.settle(id).await.map(drop)
    }

    /// Does again what was done and does not hold any more.
    pub async fn do_again(&self, id: &StepId) -> Result<(), JournalError> {
        let tracked = self.tracked(id)?;
        if matches!(tracked.state.status, Status::Applied | Status::Already) {
            match self.look(&tracked.step).await {
                Ok(look) if look.done == Some(false) => {
                    self.happened(id, StepEvent::Unseen { state: look.state })?;
                }
                Ok(_) => return Ok(()),
                Err(error) => return self.happened(id, StepEvent::Unreadable { why: error.to_string() }),
            }
        }
        self.carry_out(id).await
    }

    /// Sends a step once more that nothing can show and that is safe to repeat: a session may have begun in between. False: none
    /// of the tries was answered.
    pub async fn repeat(&self, id: &StepId) -> Result<bool, JournalError> {
        for attempt in 0..TRIES {
            let tracked = self.tracked(id)?;
            let may_send =
                matches!(tracked.state.status, Status::Applied | Status::Applying | Status::Refused);
            if !may_send || self.is_interrupted() {
                return Ok(false);
            }
            match self.look(&tracked.step).await {
                Ok(look) if look.done.is_none() => {
                    self.send(&tracked, Direction::Apply, look.state).await?;
                    let state = self.tracked(id)?.state;
                    if state.status == Status::Applied && state.why.is_none() {
                        return Ok(true);
                    }
                }
                Ok(_) => return Ok(true),
                Err(error) => self.happened(id, StepEvent::Unreadable { why: error.to_string() })?,
            }
            self.pause(attempt).await;
        }
        Ok(false)
    }

    /// Settles what an open intent came to, by reading. False: it cannot be told now.
    pub(super) async fn settle(&self, id: &StepId) -> Result<bool, JournalError> {
        let Tracked { step, state, .. } = self.tracked(id)?;
        if !state.status.is_open() {
            return Ok(true);
        }
        let look = match self.look(&step).await {
            Ok(look) => look,
            Err(error) => {
                self.happened(id, StepEvent::Unreadable { why: error.to_string() })?;
                return Ok(false);
            }
        };
        let event = match (state.status, look.done) {
            (Status::Undoing, _) if self.is_back(&step, &state.before, &look) => {
                StepEvent::Back { state: look.state }
            }
            (Status::Undoing, Some(_))
            | (Status::Applying, Some(false))
            | (Status::Discarding, Some(true)) => StepEvent::Unseen { state: look.state },
            (_, Some(_)) => StepEvent::Seen { state: look.state, result: look.result },
            // Nothing can show it, and it is safe to send again.
            (_, None) => return Ok(true),
        };
        self.happened(id, event)?;
        Ok(true)
    }

    /// Whether the state before a step is there again.
    pub(super) fn is_back(&self, step: &Step, before: &Value, now: &Look) -> bool {
        self.systems.get(&step.system).is_some_and(|system| system.is_back(before, now))
    }

    /// Whether the step still has to be sent; what has to be there before it is made again where its secret was lost.
    async fn wants_apply(&self, tracked: &Tracked, attempt: u32) -> Result<bool, JournalError> {
        let settled = match tracked.state.status {
            Status::Planned | Status::Applying => false,
            // One refusal is looked at again: what it asked for may hold. A second is final for this run.
            Status::Refused => attempt > 1,
            Status::Applied
            | Status::Already
            | Status::Skipped
            | Status::Discarding
            | Status::Undoing
            | Status::Undone
            | Status::UndoRefused
            | Status::Kept => true,
        };
        if settled {
            return Ok(false);
        }
        match &tracked.step.secret {
            SecretRole::Takes(credential) => self.has_secret(&tracked.step, credential).await,
            SecretRole::None | SecretRole::Yields => Ok(true),
        }
    }

    /// Reads the object before a request.
    async fn look_before(&self, tracked: &Tracked) -> Result<Before, JournalError> {
        let id = &tracked.step.id;
        match self.look(&tracked.step).await {
            Ok(look) if look.done == Some(true) && tracked.step.secret == SecretRole::Yields => {
                // Ours by its name, and its secret is not known: its request had been taken for lost.
                self.discard(id).await?;
                Ok(Before::Again)
            }
            Ok(look) if look.done == Some(true) => {
                self.happened(id, StepEvent::Seen { state: look.state, result: look.result })?;
                Ok(Before::Stop)
            }
            Ok(look) => Ok(Before::Send(look.state)),
            Err(error) => {
                self.happened(id, StepEvent::Unreadable { why: error.to_string() })?;
                Ok(Before::Stop)
            }
        }
    }

    /// Sends one request, its intent on disk before and its outcome after.
    pub(super) async fn send(
        &self,
        tracked: &Tracked,
        direction: Direction,
        before: Value,
    ) -> Result<(), JournalError> {
        let step = &tracked.step;
        let before = if direction == Direction::Apply { self.before(tracked, before) } else { before };
        self.happened(&step.id, StepEvent::Intended { direction, before })?;
        let attempt = self.tracked(&step.id)?.state.attempts;
        let key = format!("{}/{}/{attempt}", self.hand.tag, step.id);
        let acted = match (self.system(step), direction) {
            (Err(error), _) => Err(error),
            (Ok(system), Direction::Apply) => system.apply(step, &self.hand, &key).await,
            (Ok(system), Direction::Discard) => system.undo(step, &Value::Null, &self.hand, &key).await,
            (Ok(system), Direction::Undo) => system.undo(step, &tracked.state.before, &self.hand, &key).await,
        };
        self.happened(&step.id, self.outcome(step, direction, acted))
    }

    /// What undoing brings back, where the object is `now` as it is: never what an earlier try of ours made of it.
    fn before(&self, Tracked { step, state, .. }: &Tracked, now: Value) -> Value {
        let joined =
            self.systems.get(&step.system).and_then(|system| system.joined(step, &state.before, &now));
        joined.unwrap_or_else(|| if state.ours { state.before.clone() } else { now })
    }

    fn outcome(&self, step: &Step, direction: Direction, acted: Result<Acted, CallError>) -> StepEvent {
        match acted {
            Ok(Acted { result, secret }) => {
                match (secret, direction) {
                    (Some(secret), Direction::Apply) => self.hand.hold(&step.id, secret),
                    (_, Direction::Discard | Direction::Undo) => self.hand.forget(&step.id),
                    (None, Direction::Apply) => {}
                }
                StepEvent::Answered { result }
            }
            Err(error @ CallError::Refused { .. }) => StepEvent::Refused { why: error.to_string() },
            Err(error @ (CallError::NotSent { .. } | CallError::Limited { .. })) => {
                StepEvent::NotSent { why: error.to_string() }
            }
            Err(error @ CallError::Lost { .. }) => StepEvent::Lost { why: error.to_string() },
        }
    }

    /// Notes the state after a step where it shows already; where it does not yet, proving asks again.
    pub async fn see(&self, id: &StepId) -> Result<(), JournalError> {
        let tracked = self.tracked(id)?;
        if !tracked.state.after.is_null() {
            return Ok(());
        }
        match self.look(&tracked.step).await {
            Ok(look) if look.done == Some(true) => {
                self.happened(id, StepEvent::Seen { state: look.state, result: look.result })
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    pub(super) async fn look(&self, step: &Step) -> Result<Look, CallError> {
        self.system(step)?.look(step, &self.hand).await
    }

    pub(super) async fn pause(&self, attempt: u32) {
        if !self.is_interrupted() {
            sleep(self.backoff * 2_u32.saturating_pow(attempt)).await;
        }
    }
}

fn facts(tracked: &Tracked) -> Facts {
    let state = &tracked.state;
    Facts { before: state.before.clone(), after: state.after.clone(), result: state.result.clone() }
}
