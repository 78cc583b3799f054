//! Secrets that were lost before they were put away: read back from where another step has put them, or made anew.

use secrecy::SecretString;
use serde_json::Value;

use super::engine::{Engine, TRIES};
use super::http::CallError;
use super::journal::JournalError;
use super::record::Tracked;
use super::state::{Direction, Status, StepEvent};
use super::step::{SecretRole, Step, StepId};

impl Engine {
    /// Whether the secret that `step` puts away is at hand; where it was lost, its object is made anew. One step at a
    /// time: of two that miss the same secret, the second would throw away what the first has made.
    pub(super) async fn has_secret(&self, step: &Step, credential: &StepId) -> Result<bool, JournalError> {
        let _turn = self.recovery.lock().await;
        if self.hand.secret(credential).is_some() {
            return Ok(true);
        }
        match self.look(step).await {
            // It is in the store: `look_before` will say so.
            Ok(look) if look.done == Some(true) => return Ok(true),
            Ok(_) => {}
            // Whether it was stored is not known: an object whose secret may be in use is not thrown away.
            Err(error) => {
                self.happened(&step.id, StepEvent::Unreadable { why: error.to_string() })?;
                return Ok(false);
            }
        }
        match self.recover(credential).await {
            Ok(Some(secret)) => {
                self.hand.hold(credential, secret);
                return Ok(true);
            }
            Ok(None) => {}
            Err(error) => {
                self.happened(&step.id, StepEvent::Unreadable { why: error.to_string() })?;
                return Ok(false);
            }
        }
        if self.was_put_away(credential) {
            let why = "the new secret was put away before, and is in no store any more: whoever works with it keeps it";
            self.happened(&step.id, StepEvent::Unreadable { why: why.to_owned() })?;
            return Ok(false);
        }
        self.discard(credential).await?;
        Box::pin(self.carry_out(credential)).await?;
        Ok(self.hand.secret(credential).is_some())
    }

    /// Whether a step has put the secret of `credential` away, as it is now: it may be in use, whatever stands there today.
    fn was_put_away(&self, credential: &StepId) -> bool {
        let takes = SecretRole::Takes(credential.clone());
        let made = self.hand.facts(credential).result;
        let is_same =
            |after: &Value| after.get("username").is_some_and(|name| made.get("username") == Some(name));
        let holds = |tracked: &Tracked| {
            tracked.step.secret == takes && tracked.state.status.holds() && is_same(&tracked.state.after)
        };
        self.read(|record| record.steps.values().any(holds))
    }

    /// The secret of `credential`, where another step has put it away already.
    async fn recover(&self, credential: &StepId) -> Result<Option<SecretString>, CallError> {
        let takes = SecretRole::Takes(credential.clone());
        for Tracked { step, .. } in self.record().in_order().filter(|tracked| tracked.step.secret == takes) {
            if let Some(secret) = self.system(step)?.recover(step, &self.hand).await? {
                return Ok(Some(secret));
            }
        }
        Ok(None)
    }

    /// Removes an object of ours whose secret nobody has.
    pub(super) async fn discard(&self, id: &StepId) -> Result<(), JournalError> {
        for attempt in 0..TRIES {
            if !self.settle(id).await? {
                return Ok(());
            }
            let tracked = self.tracked(id)?;
            let wanted = match tracked.state.status {
                Status::Planned => self.look(&tracked.step).await.is_ok_and(|look| look.done == Some(true)),
                Status::Applied | Status::Discarding => true,
                _ => false,
            };
            if !wanted || self.is_interrupted() {
                return Ok(());
            }
            self.send(&tracked, Direction::Discard, Value::Null).await?;
            if attempt + 1 < TRIES && self.tracked(id)?.state.status != Status::Planned {
                self.pause(attempt).await;
            }
        }
        Ok(())
    }
}
