//! Flows: what carries data by itself in a system of the organisation's own, with a credential that the account may know or by a
//! trust that it could use. They are consumers of the configuration whose credential no API changes safely; what their APIs do is
//! stop a flow, say whether it is stopped, and let it go on. A kind is one file and one line in [`FLOWS`].
//!
//! **Invariants.** Only what runs is stopped, and only that is let go on. One request stops a flow; it changes nothing else of
//! it, or names the state that it replaces. A stop is read back, and what still runs in spite of it is no proof.
//!
//! This is a whole one, for a system that has jobs: `GET /jobs/{name}` answers `{"on": true}`, and `PATCH` of the same with
//! `{"on": false}` sets it:
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use portcullis::config::KindSpec;
//! use portcullis::lockdown::about::{About, Change};
//! use portcullis::lockdown::consumer::Opening;
//! use portcullis::lockdown::flow::{FlowKind, Flows, Standing};
//! use portcullis::lockdown::http::{Auth, Call, CallError, Settings, Stats, Transport};
//! use portcullis::lockdown::provider::{Check, CheckState};
//! use portcullis::lockdown::step::Undo;
//! use serde_json::{Value, json};
//!
//! pub const KIND: FlowKind = FlowKind {
//!     spec: KindSpec {
//!         name: "acme-jobs",
//!         title: "Acme, jobs",
//!         base_url: Some("https://jobs.acme.example/v1"),
//!         credential: "token that may change jobs",
//!         settings: &[],
//!     },
//!     about: About {
//!         reads: &["jobs that the inventory names"],
//!         changes: &[Change { action: "pause", object: "flow", undo: &[Undo::Reversible], commit: false }],
//!         needs: &["a token that may read and change the jobs"],
//!         cannot: &["ending runs of jobs that have begun"],
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
//! impl Acme {
//!     async fn set(&self, job: &str, on: bool, key: &str) -> Result<(), CallError> {
//!         let call = Call::patch(&["jobs", job]).json(json!({ "on": on }));
//!         self.transport.change(&call, key).await.map(drop)
//!     }
//! }
//!
//! #[async_trait]
//! impl Flows for Acme {
//!     fn name(&self) -> &str {
//!         &self.name
//!     }
//!
//!     async fn look(&self, job: &str) -> Result<Standing, CallError> {
//!         let answer = self.transport.read(&Call::get(&["jobs", job])).await?.json()?;
//!         let lost = || CallError::Lost { what: "`on` is missing".to_owned() };
//!         let on = answer["on"].as_bool().ok_or_else(lost)?;
//!         Ok(Standing { state: json!({ "on": on }), stopped: !on, rest: Value::Null })
//!     }
//!
//!     async fn stop(&self, job: &str, _: Standing, key: &str) -> Result<(), CallError> {
//!         self.set(job, false, key).await
//!     }
//!
//!     async fn resume(&self, job: &str, _: &Value, _: Standing, key: &str) -> Result<(), CallError> {
//!         self.set(job, true, key).await
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

pub mod bigquery;
pub mod census;
pub mod hightouch;
pub mod iam;
pub mod snowflake;
pub mod system;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::about::About;
use super::consumer::Opening;
use super::http::{CallError, Stats};
use super::provider::{Check, CheckState, OpenError};
use crate::config::catalog::KindSpec;

/// The kinds there are.
pub const FLOWS: &[&FlowKind] =
    &[&census::KIND, &hightouch::KIND, &iam::KIND, &snowflake::KIND, &bigquery::KIND];

/// A kind of consumer whose flows can be stopped: how it is configured and how it is opened.
pub struct FlowKind {
    /// Name, settings, what the credential is.
    pub spec: KindSpec,
    /// What it reads, changes and cannot do.
    pub about: About,
    /// Opens an instance: checks its settings, sends nothing.
    pub open: fn(Opening) -> Result<Arc<dyn Flows>, OpenError>,
}

/// How a flow stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Just what a stop changes: it is compared, kept in the journal, and brought back. Never a secret.
    pub state: Value,
    /// Nothing begins to flow any more.
    pub stopped: bool,
    /// What a change has to be sent with, such as the vendor's name of this state. Neither compared nor kept.
    pub rest: Value,
}

/// Where flows are.
#[async_trait]
pub trait Flows: Send + Sync {
    /// The instance's name.
    fn name(&self) -> &str;

    /// How `flow` stands.
    ///
    /// # Errors
    /// It cannot be read, or there is no such flow.
    async fn look(&self, flow: &str) -> Result<Standing, CallError>;

    /// Stops `flow`, which stands so `now`, by one changing request.
    async fn stop(&self, flow: &str, now: Standing, key: &str) -> Result<(), CallError>;

    /// Brings the state `before` back, by one changing request. `flow` stands so `now`: as a stop has left it.
    async fn resume(&self, flow: &str, before: &Value, now: Standing, key: &str) -> Result<(), CallError>;

    /// What had begun to flow before the stop and goes on; `None`: nothing, as far as the vendor tells.
    async fn under_way(&self, flow: &str) -> Result<Option<String>, CallError> {
        let _ = flow;
        Ok(None)
    }

    /// Whether [`Flows::end`] is asked for besides a stop.
    fn ends(&self) -> bool {
        false
    }

    /// Ends what had begun to flow before the stop, by one changing request that is safe to send twice. No read shows its effect.
    async fn end(&self, flow: &str, key: &str) -> Result<(), CallError> {
        let _ = key;
        Err(refused(format!("nothing ends what {flow} has begun")))
    }

    /// Tries, by reads only, what the credential may do: for `doctor`.
    async fn check(&self) -> Vec<Check>;

    /// Requests sent, refused for the rate limit, and the time spent waiting for it.
    fn stats(&self) -> Stats;
}

/// The kind with this name.
pub fn kind(name: &str) -> Option<&'static FlowKind> {
    FLOWS.iter().find(|kind| kind.spec.name == name).copied()
}

/// Nothing is sent: what the inventory says does not fit, or somebody else is in the way.
fn refused(message: String) -> CallError {
    CallError::Refused { status: 0, code: None, message }
}

/// A flow that is named by its number.
fn check_number(flow: &str, what: &str) -> Result<(), CallError> {
    /// Digits of the largest number.
    const LONGEST: usize = 19;
    let is_number = (1..=LONGEST).contains(&flow.len()) && flow.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Ok(()) } else { Err(refused(format!("{flow:?} is no number of {what}"))) }
}

/// What reading with the credential came to, for `doctor`.
fn told<T>(what: &str, read: Result<T, CallError>) -> Check {
    let (state, note) = match read {
        Ok(_) => (CheckState::Works, String::new()),
        Err(error) => match error.status() {
            Some(401) => (CheckState::Missing, error.to_string()),
            _ => (CheckState::Unknown, error.to_string()),
        },
    };
    Check { what: what.to_owned(), state, note }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_go_into_a_path() {
        for good in ["1", "15135", &"9".repeat(19)] {
            assert!(check_number(good, "a sync").is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "1/2", "-1", "1.5", " 1", "١", "1\n", &"9".repeat(20)] {
            assert!(check_number(bad, "a sync").is_err(), "{bad:?}");
        }
    }
}
