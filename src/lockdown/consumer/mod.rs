//! Consumers that keep a copy of a credential and have an API by which it is changed. A consumer is one file and one line in
//! [`CONSUMERS`]; what has no such API stays a guided step, and [`guided::BY_PEOPLE`] says why.
//!
//! **Invariants.** A consumer gets what its store holds, and gets back what the store held before: no other place keeps a
//! secret. Nothing is written over that the store never held, since nobody could bring it back. A write keeps all else that
//! stands there, and names the state that it replaces where the vendor can be told. A secret is in no error and no `Debug`.
//!
//! This is a whole one, for a system that keeps settings of jobs, all of them text: `GET /jobs/{name}` answers
//! `{"version": 3, "settings": {"A": "b"}}`, and `PATCH` of the same with `{"version": 3, "settings": {"A": "c"}}` sets what it
//! names, unless the version is another one:
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use portcullis::config::KindSpec;
//! use portcullis::lockdown::about::{About, Change};
//! use portcullis::lockdown::consumer::{Consumer, ConsumerKind, Fields, Held, Opening, Runs};
//! use portcullis::lockdown::http::{Auth, Call, CallError, Settings, Stats, Transport};
//! use portcullis::lockdown::provider::{Check, CheckState};
//! use portcullis::lockdown::step::Undo;
//! use secrecy::ExposeSecret as _;
//! use serde_json::{Map, Value, json};
//!
//! pub const KIND: ConsumerKind = ConsumerKind {
//!     spec: KindSpec {
//!         name: "acme-jobs",
//!         title: "Acme, settings of jobs",
//!         base_url: Some("https://jobs.acme.example/v1"),
//!         credential: "token that may change jobs",
//!         settings: &[],
//!     },
//!     about: About {
//!         reads: &["settings of jobs that the inventory names"],
//!         changes: &[Change { action: "repoint", object: "consumer", undo: &[Undo::Reversible], commit: false }],
//!         needs: &["a token that may read and change the jobs"],
//!         cannot: &["runs of jobs that have begun: they end with what they began with"],
//!     },
//!     open: |opening| {
//!         let transport = opening.transport.with_auth(Auth::Bearer(opening.credential));
//!         Ok(Arc::new(Acme { name: opening.name, transport }))
//!     },
//! };
//!
//! struct Acme {
//!     name: String,
//!     transport: Transport,
//! }
//!
//! fn lost(what: &str) -> CallError {
//!     CallError::Lost { what: format!("GET jobs: {what}") }
//! }
//!
//! #[async_trait]
//! impl Consumer for Acme {
//!     fn name(&self) -> &str {
//!         &self.name
//!     }
//!
//!     async fn read(&self, place: &str) -> Result<Held, CallError> {
//!         let job = self.transport.read(&Call::get(&["jobs", place])).await?.json()?;
//!         let revision = job["version"].as_u64().ok_or_else(|| lost("`version` is missing"))?.to_string();
//!         let mut fields = Fields::new();
//!         for (name, value) in job["settings"].as_object().ok_or_else(|| lost("`settings` is missing"))? {
//!             fields.insert(name.clone(), value.as_str().ok_or_else(|| lost("a setting is no text"))?.into());
//!         }
//!         Ok(Held { revision, fields, untold: &[], runs: Runs::WithThis })
//!     }
//!
//!     async fn write(&self, place: &str, fields: Fields, held: Held, key: &str) -> Result<(), CallError> {
//!         let settings = fields.iter().map(|(name, value)| (name.clone(), json!(value.expose_secret())));
//!         let version: u64 = held.revision.parse().map_err(|_| lost("`version` is no number"))?;
//!         let body = json!({ "version": version, "settings": settings.collect::<Map<String, Value>>() });
//!         let call = Call::patch(&["jobs", place]).json(body);
//!         // An answer that repeats a secret is not shown with it.
//!         let call = fields.into_values().fold(call, Call::hiding);
//!         self.transport.change(&call, key).await.map(drop)
//!     }
//!
//!     async fn check(&self) -> Vec<Check> {
//!         let (state, note) = match self.transport.read(&Call::get(&["jobs"])).await {
//!             Ok(_) => (CheckState::Works, "jobs can be read".to_owned()),
//!             Err(error) => (CheckState::Unknown, error.to_string()),
//!         };
//!         vec![Check { what: "read jobs".to_owned(), state, note }]
//!     }
//!
//!     fn stats(&self) -> Stats {
//!         self.transport.stats()
//!     }
//! }
//!
//! // It is opened as any other; nothing is sent by that.
//! let base = KIND.spec.base_url.unwrap_or_default().parse()?;
//! let acme = (KIND.open)(Opening {
//!     name: "acme-jobs".to_owned(),
//!     settings: [].into_iter().collect(),
//!     credential: "secret".into(),
//!     transport: Transport::open(Settings::new(base, Auth::None))?,
//! })?;
//! assert_eq!((acme.name(), acme.stats().sent), ("acme-jobs", 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod guided;
pub mod lambda;
pub mod looker;
pub mod system;
pub mod tableau;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::about::About;
use super::http::{CallError, Stats, Transport};
use super::provider::{Check, OpenError};
use crate::config::Settings;
use crate::config::catalog::KindSpec;

/// The kinds of consumers there are.
pub const CONSUMERS: &[&ConsumerKind] = &[&lambda::KIND, &looker::KIND, &tableau::KIND];

/// A kind of consumer: how it is configured and how it is opened.
pub struct ConsumerKind {
    /// Name, settings, what the credential is.
    pub spec: KindSpec,
    /// What it reads, changes and cannot do.
    pub about: About,
    /// Opens an instance: checks its settings, sends nothing.
    pub open: fn(Opening) -> Result<Arc<dyn Consumer>, OpenError>,
}

/// What a consumer is opened with.
pub struct Opening {
    /// The instance's name.
    pub name: String,
    /// Its settings.
    pub settings: Settings,
    /// The credential with which it is changed.
    pub credential: SecretString,
    /// The way to it, without authentication.
    pub transport: Transport,
}

/// Names and values.
pub type Fields = BTreeMap<String, SecretString>;

/// For the body of a request, which alone may hold secrets.
fn exposed(fields: &Fields) -> Map<String, Value> {
    fields.iter().map(|(name, value)| (name.clone(), Value::from(value.expose_secret()))).collect()
}

/// What stands at a place.
pub struct Held {
    /// The vendor's name for this state, which a write replaces; empty where there is none.
    pub revision: String,
    /// What is told: where a write replaces everything, all of it.
    pub fields: Fields,
    /// Names of what is there and never told.
    pub untold: &'static [&'static str],
    /// Whether it runs with this.
    pub runs: Runs,
}

/// Whether a consumer runs with what stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// It does.
    WithThis,
    /// It will: until then it runs as before.
    Soon,
    /// What it runs with is not known.
    Unknown(String),
}

/// What came of trying what a place holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// There is no need to: all of it can be read back.
    ReadBack,
    /// The consumer gets in with it.
    Works,
    /// It does not.
    Fails(String),
    /// It cannot be told.
    Unknown(String),
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&String> = self.fields.keys().collect();
        let mut shown = f.debug_struct("Held");
        shown.field("revision", &self.revision).field("fields", &fields).field("untold", &self.untold);
        shown.field("runs", &self.runs).finish()
    }
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    UnderWay(String),
    /// The consumer got in with what it was given.
    Works,
    /// It did not, or the trial came to nothing: one more may be begun.
    Fails(String),
    /// It cannot be told.
    Unknown(String),
}

/// Trials that no read can make: a request has to begin one.
#[async_trait]
pub trait Trials: Send + Sync {
    /// Begins a trial of what stands at `place`, by one changing request, and gives the vendor's name for it. Two of them do
    /// no harm: where the answer was lost, one more is begun.
    async fn begin(&self, place: &str, key: &str) -> Result<String, CallError>;

    /// What has come of the trial of this name so far; changes nothing.
    async fn outcome(&self, place: &str, name: &str) -> Result<Outcome, CallError>;
}

/// Where copies of credentials are kept.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// The instance's name.
    fn name(&self) -> &str;

    /// What stands at `place`.
    ///
    /// # Errors
    /// It cannot be read, or there is no such place.
    async fn read(&self, place: &str) -> Result<Held, CallError>;

    /// Why something would run on with the old credential after a change of `place`, which then is not changed; `None`:
    /// nothing would.
    async fn hindrance(&self, place: &str) -> Result<Option<String>, CallError> {
        let _ = place;
        Ok(None)
    }

    /// Puts these fields in place of those of the same names, and keeps the others, by one changing request. Where the vendor
    /// can be told what it replaces, it has no effect on anything else than `held`.
    async fn write(&self, place: &str, fields: Fields, held: Held, key: &str) -> Result<(), CallError>;

    /// Has the consumer try what stands at `place`; changes nothing.
    async fn tried(&self, place: &str) -> Result<Tried, CallError> {
        let _ = place;
        Ok(Tried::ReadBack)
    }

    /// Trials, where only a request that changes something can try what stands at a place, which then is a step of its own,
    /// with its own intent; [`Consumer::tried`] is not asked.
    fn trials(&self) -> Option<&dyn Trials> {
        None
    }

    /// Tries, by reads only, what the credential may do: for `doctor`.
    async fn check(&self) -> Vec<Check>;

    /// Requests sent, refused for the rate limit, and the time spent waiting for it.
    fn stats(&self) -> Stats;
}

/// The kind with this name.
pub fn kind(name: &str) -> Option<&'static ConsumerKind> {
    CONSUMERS.iter().find(|kind| kind.spec.name == name).copied()
}
