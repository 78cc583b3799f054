//! Providers: the systems in which an account is shut out. A provider is one file and one line in [`PROVIDERS`].
//!
//! This is a whole one, for a system that disables accounts by `PUT /users/{id}` with `{"enabled": false}` and finds them by
//! `GET /users?email=…`:
//!
//! ```
//! use async_trait::async_trait;
//! use portcullis::config::KindSpec;
//! use portcullis::lockdown::about::{About, Change};
//! use portcullis::lockdown::http::{Auth, Call, CallError, Stats, Transport};
//! use portcullis::lockdown::provider::{
//!     Acted, Check, CheckState, Discovery, Hand, Look, Opening, Proof, Provider, ProviderKind, Target,
//! };
//! use portcullis::lockdown::step::{Object, Phase, Step, Undo};
//! use serde_json::{Value, json};
//!
//! pub const KIND: ProviderKind = ProviderKind {
//!     spec: KindSpec {
//!         name: "acme",
//!         title: "Acme",
//!         base_url: Some("https://api.acme.example/v1"),
//!         credential: "token of an administrator",
//!         settings: &[],
//!     },
//!     about: About {
//!         reads: &["users with the e-mail address"],
//!         changes: &[Change { action: "disable", object: "user", undo: &[Undo::Reversible], commit: false }],
//!         needs: &["a token that may change users"],
//!         cannot: &["ending sessions"],
//!     },
//!     auth: |secret| Ok(Auth::Bearer(secret)),
//!     open: |Opening { name, transport, .. }| Ok(Box::new(Acme { name, transport })),
//! };
//!
//! struct Acme {
//!     name: String,
//!     transport: Transport,
//! }
//!
//! /// What the answer has to have, or nothing is known.
//! fn lost(what: &str) -> CallError {
//!     CallError::Lost { what: format!("GET users: {what}") }
//! }
//!
//! #[async_trait]
//! impl Provider for Acme {
//!     fn name(&self) -> &str {
//!         &self.name
//!     }
//!
//!     async fn discover(&self, target: &Target) -> Result<Discovery, CallError> {
//!         let reply = self.transport.read(&Call::get(&["users"]).query("email", &target.email)).await?;
//!         let users = reply.json()?;
//!         let mut found = Discovery::default();
//!         for user in users.as_array().ok_or_else(|| lost("no list"))? {
//!             let id = user["id"].as_str().ok_or_else(|| lost("`id` is missing"))?;
//!             let object = Object { kind: "user".into(), id: id.into(), name: target.email.clone() };
//!             if user["enabled"] != false {
//!                 found.steps.push(Step {
//!                     why: "Whoever knows the password signs in.".into(),
//!                     effect: "The person cannot sign in to Acme.".into(),
//!                     ..Step::new(&self.name, object, "disable", Phase::Block, Undo::Reversible)
//!                 });
//!             }
//!         }
//!         found.snapshot = users;
//!         Ok(found)
//!     }
//!
//!     async fn look(&self, step: &Step, _: &Hand) -> Result<Look, CallError> {
//!         let user = self.transport.read(&Call::get(&["users", &step.object.id])).await?.json()?;
//!         let enabled = user["enabled"].as_bool().ok_or_else(|| lost("`enabled` is missing"))?;
//!         Ok(Look { state: json!({ "enabled": enabled }), done: Some(!enabled), result: Value::Null })
//!     }
//!
//!     async fn apply(&self, step: &Step, _: &Hand, key: &str) -> Result<Acted, CallError> {
//!         self.set(step, false, key).await
//!     }
//!
//!     async fn undo(&self, step: &Step, before: &Value, _: &Hand, key: &str) -> Result<Acted, CallError> {
//!         // Only what was enabled before is enabled again.
//!         if before["enabled"] != true {
//!             return Err(CallError::NotSent { what: format!("{} was not enabled before", step.id) });
//!         }
//!         self.set(step, true, key).await
//!     }
//!
//!     async fn prove(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError> {
//!         // Not by the answer to the change, but by reading again; an error is no proof.
//!         Ok(match self.look(step, hand).await {
//!             Ok(look) if look.done == Some(true) => Proof::Proved(format!("read again: {}", look.state)),
//!             Ok(look) => Proof::NotYet(format!("Acme still says {}", look.state)),
//!             Err(error) => Proof::Unknown(error.to_string()),
//!         })
//!     }
//!
//!     async fn check(&self) -> Vec<Check> {
//!         let read = self.transport.read(&Call::get(&["users"]).query("email", "nobody@acme.invalid")).await;
//!         let (state, note) = match read {
//!             Ok(_) => (CheckState::Works, "accounts can be found".to_owned()),
//!             Err(error) => (CheckState::Unknown, error.to_string()),
//!         };
//!         vec![Check { what: "find users".to_owned(), state, note }]
//!     }
//!
//!     fn stats(&self) -> Stats {
//!         self.transport.stats()
//!     }
//! }
//!
//! impl Acme {
//!     async fn set(&self, step: &Step, enabled: bool, key: &str) -> Result<Acted, CallError> {
//!         let call = Call::put(&["users", &step.object.id]).json(json!({ "enabled": enabled }));
//!         self.transport.change(&call, key).await?;
//!         Ok(Acted::default())
//!     }
//! }
//!
//! // It is opened as any other; nothing is sent by that.
//! let auth = (KIND.auth)("secret".into())?;
//! let base = KIND.spec.base_url.unwrap_or_default().parse()?;
//! let transport = Transport::open(portcullis::lockdown::http::Settings::new(base, auth))?;
//! let acme = (KIND.open)(Opening {
//!     name: "acme".to_owned(),
//!     settings: [].into_iter().collect(),
//!     transport,
//!     inventory: [].into(),
//!     default_store: None,
//!     disabling: [].into(),
//! })?;
//! assert_eq!((acme.name(), acme.stats().sent), ("acme", 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod auth0;
mod client;
pub mod entra;
pub mod google;
pub mod mixpanel;
pub mod okta;
pub mod onelogin;
mod person;
pub mod pingone;
pub mod scim;
mod support;
#[cfg(test)]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;

use super::about::About;
use super::http::{Auth, CallError, Transport};
use super::operation::{Ask, Wish};
use super::record::SystemRead;
use super::step::{Gap, Guided, Step, StepId};
use super::store::{DefaultStore, Entry, Store};
use crate::config::catalog::KindSpec;
use crate::config::{Integration, Settings};

/// The kinds of providers there are.
pub const PROVIDERS: &[&ProviderKind] = &[
    &mixpanel::KIND,
    &mixpanel::deletions::KIND,
    &okta::KIND,
    &scim::KIND,
    &entra::KIND,
    &auth0::KIND,
    &onelogin::KIND,
    &pingone::KIND,
    &google::KIND,
];

/// A kind of provider: how it is configured and how it is opened.
pub struct ProviderKind {
    /// Name, settings, what the credential is.
    pub spec: KindSpec,
    /// What it reads, changes and cannot do.
    pub about: About,
    /// Makes the authentication of requests from the credential that the configuration refers to.
    ///
    /// # Errors
    /// The credential has not the form that `spec` says; the error does not show it.
    pub auth: fn(SecretString) -> Result<Auth, OpenError>,
    /// Opens an instance: checks its settings, sends nothing.
    pub open: fn(Opening) -> Result<Box<dyn Provider>, OpenError>,
}

/// What an instance is opened with.
pub struct Opening {
    /// The instance's name.
    pub name: String,
    /// Its settings.
    pub settings: Settings,
    /// Its requests, authenticated and limited.
    pub transport: Transport,
    /// Who uses which credential.
    pub inventory: Arc<[Integration]>,
    /// The store for secrets of integrations that name none.
    pub default_store: Option<DefaultStore>,
    /// Stores in which versions that were replaced are to be disabled.
    pub disabling: BTreeSet<String>,
}

/// A setting that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub String);

/// What systems are asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The account's e-mail address, lower case. Empty: nobody, so that only systems with credentials of their own are
    /// asked ([`Provider::keeps_credentials`]).
    pub email: String,
    /// What is to become of the account. What a provider plans is for [`Ask::ShutOut`]; what others leave out or do in
    /// another order is the same for all providers, and done behind it. One that knows of it may plan less itself.
    pub ask: Ask,
    /// Service accounts that are asked about by name, whoever made them.
    pub wishes: Vec<Wish>,
    /// Marks what this incident makes: part of the names of new objects, lower case letters and digits.
    pub tag: String,
    /// What earlier passes over the same system left behind.
    pub read: SystemRead,
}

impl Target {
    /// For the first pass: an account that is to be shut out.
    pub fn new(email: &str, tag: &str) -> Self {
        let (ask, wishes, read) = (Ask::ShutOut, Vec::new(), SystemRead::default());
        Self { email: email.to_owned(), ask, wishes, tag: tag.to_owned(), read }
    }

    /// Whether it is about credentials alone.
    pub fn is_nobody(&self) -> bool {
        self.email.is_empty()
    }
}

/// What a provider found in one pass. Reads only.
#[derive(Debug, Default)]
pub struct Discovery {
    /// What has to be done now. Steps that are done do not come up again; a step's identifier is the same in each pass.
    pub steps: Vec<Step>,
    /// Steps of other systems, whose objects this one cannot see, whether they are done or not: whoever carries them out is
    /// asked, and what is done is left out.
    pub elsewhere: Vec<Step>,
    /// What people have to do, the same in each pass.
    pub guided: Vec<Guided>,
    /// Whether the account is here: one that is nowhere is misspelt.
    pub presence: Presence,
    /// Addresses of which a list shows that they are no members here.
    pub gone: BTreeSet<String>,
    /// What people have to do about an address that a directory does not have, unless it is [`Discovery::gone`] where it would be
    /// a member.
    pub unprovisioned: Vec<(String, Guided)>,
    /// Why nothing may be changed at all.
    pub guards: Vec<Guard>,
    /// What the responder should know: what was seen and left alone, and what could not be seen.
    pub notes: Vec<String>,
    /// What could not be seen and bears on whether the account is shut out. The same in each pass that cannot see it.
    pub gaps: Vec<Gap>,
    /// What later passes have to be told, since the lockdown itself hides it: [`Target::read`] has it then. No secrets.
    pub memory: Value,
    /// What was read, without secrets: kept as evidence.
    pub snapshot: Value,
}

impl Discovery {
    /// What this pass cannot see, and a person can.
    pub(super) fn look_by_hand(&mut self, what: String, step: Guided) {
        self.gaps.push(Gap { what, guided: Some(step.id.clone()) });
        self.guided.push(step);
    }
}

/// Whether a system has an account; of several systems the greatest counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// It does not tell.
    #[default]
    Untold,
    /// It has none of this address.
    Absent,
    /// It has it, or had it, or knows what it made.
    Here,
}

impl Presence {
    /// By the users that were found.
    pub fn of<T>(users: &[T]) -> Self {
        if users.is_empty() { Self::Absent } else { Self::Here }
    }
}

/// Why a lockdown is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Guard {
    /// The account is the responder's.
    #[error("{0} is an account of the responders: locking it out would lock you out")]
    OwnAccount(String),
    /// The account owns the credential that Portcullis works with.
    #[error("{system}: the credential that Portcullis uses belongs to {owner}: it would cut itself off")]
    OwnCredential {
        /// The instance.
        system: String,
        /// Whose it is.
        owner: String,
    },
    /// Nobody else could administer the organisation.
    #[error("{system}: {account} is the last owner; make someone else an owner first")]
    LastOwner {
        /// The instance.
        system: String,
        /// The account.
        account: String,
    },
    /// More is touched than was allowed.
    #[error(
        "{found} objects would be changed, more than the {max} that are allowed; read the plan, then give --max {found}"
    )]
    TooMany {
        /// Objects in the plan.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// What is there is not what the plan file was made from.
    #[error("the plan has changed since it was written: {0}")]
    PlanChanged(String),
}

/// What an object's state is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Just the parts that the step changes, so that they can be compared and brought back. Never a secret. A field that
    /// others may change at any time does not belong here.
    pub state: Value,
    /// Whether what the step asks for holds; `None` where nothing can show it, such as sessions that cannot be listed.
    /// Then the request has to be safe to send twice.
    pub done: Option<bool>,
    /// What the request that did this answered, as far as it can be read: the identifier of an object that was made.
    pub result: Value,
}

/// What a changing request gave.
#[derive(Debug, Default)]
pub struct Acted {
    /// For the journal, without secrets.
    pub result: Value,
    /// A secret that is shown once.
    pub secret: Option<SecretString>,
}

/// Whether a step is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It is, and how.
    Proved(String),
    /// The provider said yes, but the effect does not show yet: ask again.
    NotYet(String),
    /// It cannot be told now: errors, limits, time-outs. Ask again; never a proof.
    Unknown(String),
    /// What the step began has failed, and is not begun again in this run: the next one does.
    Failed(String),
    /// The effect does not show before a person has done something, for which there is a guided step: asking again in this
    /// run is in vain.
    Guided(String),
}

/// A line of `doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was tried: `list service accounts`.
    pub what: String,
    /// Whether it works.
    pub state: CheckState,
    /// What lockdown can or cannot do because of it, or what is wrong.
    pub note: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// It works.
    Works,
    /// The credential may not do it.
    Missing,
    /// It could not be told: an error, or no read-only call shows it.
    Unknown,
}

/// A system in which an account is shut out.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The instance's name.
    fn name(&self) -> &str;

    /// Whether it is asked about targets that are nobody, for the credentials that they wish something for.
    fn keeps_credentials(&self) -> bool {
        false
    }

    /// Whether it has anything to discover; false where others plan its steps and there is nothing to read.
    fn discovers(&self) -> bool {
        true
    }

    /// Reads what `target` holds here and says what has to be done now.
    async fn discover(&self, target: &Target) -> Result<Discovery, CallError>;

    /// What is done here besides a step that another system has planned, and only where that is done.
    fn besides(&self, step: &Step) -> Option<Step> {
        let _ = step;
        None
    }

    /// Reads the object of `step`.
    async fn look(&self, step: &Step, hand: &Hand) -> Result<Look, CallError>;

    /// Does `step`, by one changing request with this idempotency key.
    async fn apply(&self, step: &Step, hand: &Hand, key: &str) -> Result<Acted, CallError>;

    /// Brings `before` back (as [`Provider::look`] gave it before the step), by one changing request. For an object that
    /// the step made: removes it; `before` is then what `look` said when it was not there.
    async fn undo(&self, step: &Step, before: &Value, hand: &Hand, key: &str) -> Result<Acted, CallError>;

    /// Whether `now` is as good as the state `before` the step. Where a state counts its own changes, it never comes back
    /// exactly.
    fn is_back(&self, before: &Value, now: &Look) -> bool {
        now.state == *before || (before.is_null() && now.done == Some(false))
    }

    /// The state before a step that is tried more than once, where both looks tell a part of it: the first try may have
    /// taken away what it saw, and the next one takes away what only then can be seen. `None`: one look tells all.
    fn joined(&self, step: &Step, first: &Value, next: &Value) -> Option<Value> {
        let (_, _, _) = (step, first, next);
        None
    }

    /// Reads back the secret that `step` has put away; `None` where it holds none, or another one.
    async fn recover(&self, step: &Step, hand: &Hand) -> Result<Option<SecretString>, CallError> {
        let (_, _) = (step, hand);
        Ok(None)
    }

    /// Proves that `step` had its effect, beyond the provider's own yes: reads the object again, tries the old
    /// credential, tries the new one.
    async fn prove(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError>;

    /// How long a block may take to hold everywhere, as the vendor says: what nothing can show, such as the end of
    /// sessions, is sent once more after that.
    fn settles(&self) -> Duration {
        Duration::ZERO
    }

    /// Tries, by reads only, what the credential may do: for `doctor`.
    async fn check(&self) -> Vec<Check>;

    /// Requests sent, refused for the rate limit, and the time spent waiting for it.
    fn stats(&self) -> super::http::Stats;
}

/// What steps of one incident share while they run: results of earlier steps, secrets that are not stored yet, stores.
#[derive(Clone)]
pub struct Hand {
    /// Marks what this incident makes.
    pub tag: String,
    shared: Arc<Shared>,
}

struct Shared {
    results: Mutex<BTreeMap<StepId, Facts>>,
    secrets: Mutex<BTreeMap<StepId, SecretString>>,
    /// What entries held before steps replaced it, of versions that this run has disabled.
    replaced: Mutex<BTreeMap<StepId, Entry>>,
    stores: BTreeMap<String, Arc<dyn Store>>,
}

/// What the journal knows of a step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The object's state before the step.
    pub before: Value,
    /// The object's state as last seen after the step; null while it was not seen.
    pub after: Value,
    /// What the provider answered.
    pub result: Value,
}

impl Hand {
    /// With the stores by name.
    pub fn new(tag: &str, stores: BTreeMap<String, Arc<dyn Store>>) -> Self {
        let shared = Shared {
            results: Mutex::default(),
            secrets: Mutex::default(),
            replaced: Mutex::default(),
            stores,
        };
        Self { tag: tag.to_owned(), shared: Arc::new(shared) }
    }

    /// What is known of `step`; empty where it was not done.
    pub fn facts(&self, step: &StepId) -> Facts {
        let results = self.shared.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.get(step).cloned().unwrap_or_default()
    }

    /// Notes what is known of `step`.
    pub fn set_facts(&self, step: &StepId, facts: Facts) {
        let mut results = self.shared.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.insert(step.clone(), facts);
    }

    /// The secret that `step` gave in this run.
    pub fn secret(&self, step: &StepId) -> Option<SecretString> {
        self.secrets().get(step).cloned()
    }

    /// Holds the secret that `step` gave.
    pub fn hold(&self, step: &StepId, secret: SecretString) {
        self.secrets().insert(step.clone(), secret);
    }

    /// Drops the secret that `step` gave: it is stored, or its object is gone.
    pub fn forget(&self, step: &StepId) {
        self.secrets().remove(step);
    }

    /// Holds what an entry held before `step`, which the store will not tell any more.
    pub fn hold_replaced(&self, step: &StepId, entry: Entry) {
        self.shared.replaced.lock().unwrap_or_else(PoisonError::into_inner).insert(step.clone(), entry);
    }

    /// What an entry held before `step`, where the store does not tell it any more and this run does.
    pub fn replaced(&self, step: &StepId) -> Option<Entry> {
        self.shared.replaced.lock().unwrap_or_else(PoisonError::into_inner).get(step).cloned()
    }

    /// A store by the name of its instance.
    pub fn store(&self, name: &str) -> Option<Arc<dyn Store>> {
        self.shared.stores.get(name).cloned()
    }

    fn secrets(&self) -> std::sync::MutexGuard<'_, BTreeMap<StepId, SecretString>> {
        self.shared.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kind with this name.
pub fn kind(name: &str) -> Option<&'static ProviderKind> {
    PROVIDERS.iter().find(|kind| kind.spec.name == name).copied()
}
