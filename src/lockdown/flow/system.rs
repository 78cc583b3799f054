//! Flows as a system with steps: each is stopped where it runs, and let go on by a restore where it ran.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Flows, Standing, refused};
use crate::lockdown::http::{CallError, Stats};
use crate::lockdown::provider::{Acted, Check, Discovery, Hand, Look, Proof, Provider, Target};
use crate::lockdown::step::{Object, Phase, Step, Undo};

/// Stops a flow.
pub const PAUSE: &str = "pause";
/// Ends what had begun to flow before that.
pub const END: &str = "end-runs";

/// What a step is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pause {
    /// The flow, in the system's words.
    pub flow: String,
}

/// The step that stops `flow` of this system.
pub fn step(system: &str, flow: &str, why: &str) -> Step {
    let object = Object { kind: "flow".to_owned(), id: flow.to_owned(), name: flow.to_owned() };
    let details = Pause { flow: flow.to_owned() };
    Step {
        why: why.to_owned(),
        effect: format!("{flow} of {system} carries nothing any more; a restore lets it go on"),
        details: serde_json::to_value(details).unwrap_or_default(),
        ..Step::new(system, object, PAUSE, Phase::Exports, Undo::Reversible)
    }
}

/// Flows as a provider whose steps are made by others.
pub struct FlowSystem(pub Arc<dyn Flows>);

#[async_trait]
impl Provider for FlowSystem {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn discovers(&self) -> bool {
        false
    }

    async fn discover(&self, _: &Target) -> Result<Discovery, CallError> {
        Ok(Discovery::default())
    }

    /// What a stop leaves running does not rest on it: a restore lets go on what was stopped, and nothing that was ended.
    fn besides(&self, step: &Step) -> Option<Step> {
        let is_stop = step.action == PAUSE && self.0.ends();
        is_stop.then(|| Step {
            why: step.why.clone(),
            effect: format!("what {} of {} has begun ends where it is", step.object.name, step.system),
            blind: true,
            details: step.details.clone(),
            ..Step::new(&step.system, step.object.clone(), END, Phase::Retire, Undo::Irreversible)
        })
    }

    async fn look(&self, step: &Step, _: &Hand) -> Result<Look, CallError> {
        let Standing { state, stopped, .. } = self.0.look(&flow(step)?).await?;
        if step.action == END {
            return Ok(Look { state: json!({}), done: None, result: Value::Null });
        }
        Ok(Look { state, done: Some(stopped), result: Value::Null })
    }

    async fn apply(&self, step: &Step, _: &Hand, key: &str) -> Result<Acted, CallError> {
        let flow = flow(step)?;
        if step.action == END {
            self.0.end(&flow, key).await?;
            return Ok(Acted::default());
        }
        let now = self.0.look(&flow).await.map_err(CallError::unsent)?;
        if now.stopped {
            return Err(meanwhile(&flow));
        }
        self.0.stop(&flow, now, key).await?;
        Ok(Acted::default())
    }

    async fn undo(&self, step: &Step, before: &Value, _: &Hand, key: &str) -> Result<Acted, CallError> {
        let flow = flow(step)?;
        if before.is_null() || step.action == END {
            return Err(refused(format!("how {flow} stood before is not known")));
        }
        let now = self.0.look(&flow).await.map_err(CallError::unsent)?;
        if !now.stopped {
            return Err(meanwhile(&flow));
        }
        self.0.resume(&flow, before, now, key).await?;
        Ok(Acted::default())
    }

    async fn prove(&self, step: &Step, _: &Hand) -> Result<Proof, CallError> {
        let flow = flow(step)?;
        if step.action == END {
            return Ok(Proof::Proved("the request was taken; nothing shows what has ended".to_owned()));
        }
        if !self.0.look(&flow).await?.stopped {
            return Ok(Proof::NotYet(format!("{flow} is not stopped")));
        }
        Ok(match self.0.under_way(&flow).await? {
            Some(what) => Proof::NotYet(format!("{flow} is stopped, and yet {what}")),
            None => Proof::Proved("it is stopped, read back".to_owned()),
        })
    }

    async fn check(&self) -> Vec<Check> {
        self.0.check().await
    }

    fn stats(&self) -> Stats {
        self.0.stats()
    }
}

fn flow(step: &Step) -> Result<String, CallError> {
    let details: Result<Pause, _> = serde_json::from_value(step.details.clone());
    details.map(|details| details.flow).map_err(|error| CallError::NotSent { what: error.to_string() })
}

/// A request of ours that was taken for lost may have had its effect late: it is looked at again.
fn meanwhile(flow: &str) -> CallError {
    CallError::Lost { what: format!("{flow} has changed meanwhile") }
}
