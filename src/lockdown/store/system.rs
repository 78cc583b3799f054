//! A store as a system with steps: putting a new secret where its consumers read it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Entry, Store, StoreError, Version, Write};
use crate::config::Stored;
use crate::lockdown::about::Change;
use crate::lockdown::http::{CallError, Stats};
use crate::lockdown::provider::{Acted, Check, Discovery, Hand, Look, Proof, Provider, Target};
use crate::lockdown::step::{Object, Phase, SecretRole, Step, StepId, Undo};

/// What a step of a store is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// The instance of the store.
    pub store: String,
    /// The entry's path.
    pub path: String,
    /// The field of the entry that holds the username.
    pub username: String,
    /// The field of the entry that holds the secret.
    pub secret: String,
    /// Who reads it.
    pub consumer: String,
}

/// What the step that disables the replaced version is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Disable {
    path: String,
    /// The step that replaced it, whose state before says which version that is.
    put: StepId,
}

/// Puts a new secret into an entry.
const PUT: &str = "put";
/// Disables the version that it replaced.
const DISABLE_OLD: &str = "disable-old";

/// What a store may change, besides [`PUT`].
pub(super) const DISABLES: Change =
    Change { action: DISABLE_OLD, object: "secret-version", undo: &[Undo::Reversible], commit: true };

impl Put {
    /// Into the entry of an integration, for this consumer.
    pub fn of(stored: &Stored, consumer: &str) -> Self {
        Self {
            store: stored.store.clone(),
            path: stored.path.clone(),
            username: stored.username.clone(),
            secret: stored.secret.clone(),
            consumer: consumer.to_owned(),
        }
    }

    /// The step that stores the secret which `credential` yields. The answer of `credential` has to say the `username`.
    pub fn step(&self, credential: &StepId, why: String) -> Step {
        let object = Object { kind: "secret".into(), id: self.path.clone(), name: self.path.clone() };
        Step {
            why,
            effect: format!("{} gets the new credential when it next reads it", self.consumer),
            needs: vec![credential.clone()],
            secret: SecretRole::Takes(credential.clone()),
            details: serde_json::to_value(self).unwrap_or_default(),
            ..Step::new(&self.store, object, PUT, Phase::Rotate, Undo::Reversible)
        }
    }

    /// The step that disables the version which `put`, the step of this, has replaced, once the old credential is `out`.
    /// Last of all, and held back like what destroys, since the old secret cannot be tried any more then.
    pub fn disable_old(&self, put: &Step, out: StepId) -> Step {
        let object = Object { kind: DISABLES.object.into(), id: self.path.clone(), name: self.path.clone() };
        let details = Disable { path: self.path.clone(), put: put.id.clone() };
        Step {
            why: put.why.clone(),
            effect: "whoever reads the version before by its name gets nothing".to_owned(),
            commit: true,
            optional: true,
            needs: vec![put.id.clone(), out],
            details: serde_json::to_value(details).unwrap_or_default(),
            ..Step::new(&self.store, object, DISABLE_OLD, Phase::Retire, Undo::Reversible)
        }
    }
}

/// A store as a provider whose steps are made by others.
pub struct StoreSystem(pub Arc<dyn Store>);

#[async_trait]
impl Provider for StoreSystem {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn discovers(&self) -> bool {
        false
    }

    async fn discover(&self, _: &Target) -> Result<Discovery, CallError> {
        Ok(Discovery::default())
    }

    async fn look(&self, step: &Step, hand: &Hand) -> Result<Look, CallError> {
        if step.action == DISABLE_OLD {
            return self.look_disabled(step, hand).await;
        }
        let put = put(step)?;
        let entry = self.0.read(&put.path).await.map_err(call)?;
        let state = state(entry.as_ref(), &put);
        let wanted = hand.facts(credential(step)?).result;
        let wanted = wanted.get("username").and_then(Value::as_str);
        let done = wanted.is_some() && state.get("username").and_then(Value::as_str) == wanted;
        Ok(Look { state, done: Some(done), result: Value::Null })
    }

    async fn apply(&self, step: &Step, hand: &Hand, key: &str) -> Result<Acted, CallError> {
        if step.action == DISABLE_OLD {
            return self.disable(step, hand, key).await;
        }
        let (put, credential) = (put(step)?, credential(step)?);
        let secret = hand.secret(credential).ok_or_else(|| lacks("the secret is not at hand"))?;
        let facts = hand.facts(credential);
        let username = facts.result.get("username").and_then(Value::as_str);
        let username = username.ok_or_else(|| lacks("the new credential has no name"))?;
        let fields = BTreeMap::from([(put.username.clone(), username.into()), (put.secret.clone(), secret)]);
        let expected = version(&hand.facts(&step.id).before);
        let version = self.0.write(&put.path, Write::Merge(fields), &expected, key).await.map_err(call)?;
        Ok(Acted { result: json!({ "version": version }), secret: None })
    }

    async fn undo(&self, step: &Step, before: &Value, hand: &Hand, key: &str) -> Result<Acted, CallError> {
        if step.action == DISABLE_OLD {
            let path = disable(step)?.path;
            self.0.enable(&path, &version(before), true, key).await.map_err(call)?;
            return Ok(Acted::default());
        }
        let put = put(step)?;
        let now = version(&hand.facts(&step.id).after);
        let version = self.0.bring_back(&put.path, &version(before), &now, key).await.map_err(call)?;
        Ok(Acted { result: json!({ "version": version }), secret: None })
    }

    fn is_back(&self, before: &Value, now: &Look) -> bool {
        ["username", "enabled"].iter().all(|key| before.get(key) == now.state.get(key))
    }

    async fn recover(&self, step: &Step, hand: &Hand) -> Result<Option<SecretString>, CallError> {
        let put = put(step)?;
        let wanted = hand.facts(credential(step)?).result;
        let entry = self.0.read(&put.path).await.map_err(call)?;
        let Some((wanted, entry)) = wanted.get("username").and_then(Value::as_str).zip(entry) else {
            return Ok(None);
        };
        let ours = entry.fields.get(&put.username).is_some_and(|name| name.expose_secret() == wanted);
        Ok(entry.fields.get(&put.secret).filter(|_| ours).cloned())
    }

    async fn prove(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError> {
        let look = self.look(step, hand).await?;
        Ok(match look.done {
            Some(true) if step.action == DISABLE_OLD => {
                Proof::Proved("the version before is disabled".into())
            }
            Some(true) => Proof::Proved("the store holds the new credential, read back".into()),
            _ => Proof::NotYet("the store does not hold the new credential".into()),
        })
    }

    async fn check(&self) -> Vec<Check> {
        self.0.check().await
    }

    fn stats(&self) -> Stats {
        self.0.stats()
    }
}

impl StoreSystem {
    async fn look_disabled(&self, step: &Step, hand: &Hand) -> Result<Look, CallError> {
        let disable = disable(step)?;
        let replaced = version(&hand.facts(&disable.put).before);
        let enabled = if replaced.is_none() {
            None
        } else {
            self.0.is_enabled(&disable.path, &replaced).await.map_err(call)?
        };
        let state = json!({ "version": replaced, "enabled": enabled });
        Ok(Look { state, done: Some(enabled != Some(true)), result: Value::Null })
    }

    async fn disable(&self, step: &Step, hand: &Hand, key: &str) -> Result<Acted, CallError> {
        let disable = disable(step)?;
        let replaced = version(&hand.facts(&disable.put).before);
        // Proofs of this run still try what it holds.
        if let Some(entry) = self.0.earlier(&disable.path, &replaced).await.map_err(call)? {
            hand.hold_replaced(&disable.put, entry);
        }
        self.0.enable(&disable.path, &replaced, false, key).await.map_err(call)?;
        Ok(Acted::default())
    }
}

fn disable(step: &Step) -> Result<Disable, CallError> {
    serde_json::from_value(step.details.clone()).map_err(|error| lacks(&error.to_string()))
}

fn put(step: &Step) -> Result<Put, CallError> {
    serde_json::from_value(step.details.clone()).map_err(|error| lacks(&error.to_string()))
}

fn credential(step: &Step) -> Result<&StepId, CallError> {
    match &step.secret {
        SecretRole::Takes(credential) => Ok(credential),
        SecretRole::None | SecretRole::Yields => Err(lacks("the step takes no secret")),
    }
}

/// Version and user name: a new version under the same name is a change too. An entry that is not there is version 0.
fn state(entry: Option<&Entry>, put: &Put) -> Value {
    let username = entry.and_then(|entry| entry.fields.get(&put.username));
    json!({
        "version": entry.map_or(&Version::NONE, |entry| &entry.version),
        "username": username.map(ExposeSecret::expose_secret),
    })
}

/// The version that a state of [`StoreSystem`] says, [`Version::NONE`] where it says none.
pub(in crate::lockdown) fn version(state: &Value) -> Version {
    let version = state.get("version").and_then(|version| Version::deserialize(version).ok());
    version.unwrap_or(Version::NONE)
}

fn lacks(what: &str) -> CallError {
    CallError::NotSent { what: what.to_owned() }
}

fn call(error: StoreError) -> CallError {
    match error {
        StoreError::Call(error) => error,
        other => CallError::Refused { status: 0, code: None, message: other.to_string() },
    }
}
