//! Syncs of Hightouch. <https://hightouch.com/docs/api-reference#operation/UpdateSync>
//!
//! `PATCH /syncs/{id}` changes what it names, `disabled` among it, and `GET` of the same shows it, beside the state of the latest
//! run (`status`).

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{FlowKind, Flows, Standing, check_number, told};
use crate::config::catalog::KindSpec;
use crate::lockdown::about::{About, reversible};
use crate::lockdown::consumer::Opening;
use crate::lockdown::http::{Auth, Call, CallError, Stats, Transport};
use crate::lockdown::provider::{Check, OpenError};

/// What `status` says while a run goes on.
const RUNNING: [&str; 4] = ["queued", "querying", "processing", "reporting"];

/// The kind.
pub const KIND: FlowKind = FlowKind {
    about: About {
        reads: &["syncs that the inventory names"],
        changes: &[reversible(super::system::PAUSE, "flow")],
        needs: &["an API key of the workspace (Settings → API keys)"],
        cannot: &[
            "ending a run that has begun: where the sync shows it, the pause is proved when it is over",
            "keeping somebody who may use the workspace from enabling a sync again",
            "giving it a new credential: people do",
        ],
    },
    spec: KindSpec {
        name: "hightouch",
        title: "Hightouch, syncs",
        base_url: Some("https://api.hightouch.com/api/v1"),
        credential: "API key of the workspace",
        settings: &[],
    },
    open,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature that all kinds share")]
fn open(opening: Opening) -> Result<Arc<dyn Flows>, OpenError> {
    let transport = opening.transport.with_auth(Auth::Bearer(opening.credential));
    Ok(Arc::new(Hightouch { name: opening.name, transport }))
}

struct Hightouch {
    name: String,
    transport: Transport,
}

impl Hightouch {
    async fn sync(&self, flow: &str) -> Result<Value, CallError> {
        check_number(flow, "a sync")?;
        let sync = self.transport.read(&Call::get(&["syncs", flow])).await?.json()?;
        // The vendor's documents have it as text and as a number.
        let is_it = match sync.get("id") {
            Some(Value::String(id)) => id == flow,
            Some(Value::Number(id)) => id.to_string() == flow,
            _ => false,
        };
        if is_it { Ok(sync) } else { Err(odd()) }
    }

    async fn set(&self, flow: &str, disabled: bool, key: &str) -> Result<(), CallError> {
        let call = Call::patch(&["syncs", flow]).json(json!({ "disabled": disabled }));
        self.transport.change(&call, key).await.map(drop)
    }
}

#[async_trait]
impl Flows for Hightouch {
    fn name(&self) -> &str {
        &self.name
    }

    async fn look(&self, flow: &str) -> Result<Standing, CallError> {
        standing(&self.sync(flow).await?)
    }

    async fn stop(&self, flow: &str, _: Standing, key: &str) -> Result<(), CallError> {
        self.set(flow, true, key).await
    }

    async fn resume(&self, flow: &str, _: &Value, _: Standing, key: &str) -> Result<(), CallError> {
        self.set(flow, false, key).await
    }

    async fn under_way(&self, flow: &str) -> Result<Option<String>, CallError> {
        under_way(&self.sync(flow).await?)
    }

    async fn check(&self) -> Vec<Check> {
        let read = self.transport.read(&Call::get(&["syncs"]).query("limit", "1")).await;
        vec![told("read syncs", read)]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

fn standing(sync: &Value) -> Result<Standing, CallError> {
    let disabled = sync.get("disabled").and_then(Value::as_bool).ok_or_else(odd)?;
    Ok(Standing { state: json!({ "disabled": disabled }), stopped: disabled, rest: Value::Null })
}

fn under_way(sync: &Value) -> Result<Option<String>, CallError> {
    let status = sync.get("status").and_then(Value::as_str).ok_or_else(odd)?;
    let runs = RUNNING.contains(&status);
    Ok(runs.then(|| format!("a run of it is {status}: cancel it in Hightouch, or wait")))
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of Hightouch".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_is_stopped_where_it_says_so() {
        for disabled in [true, false] {
            let standing = standing(&json!({ "id": "42", "disabled": disabled })).unwrap();
            assert_eq!((standing.stopped, standing.state), (disabled, json!({ "disabled": disabled })));
        }
        for odd in [
            json!({}),
            json!([]),
            json!(null),
            json!({ "disabled": "true" }),
            json!({ "disabled": null }),
            json!({ "disabled": { "CANARY": 1 } }),
        ] {
            assert!(!standing(&odd).unwrap_err().to_string().contains("CANARY"), "{odd}");
        }
    }

    #[test]
    fn a_run_that_shows_is_under_way() {
        let of = |status: &str| under_way(&json!({ "status": status })).unwrap();
        for status in RUNNING {
            assert!(of(status).is_some_and(|told| told.contains(status)), "{status}");
        }
        for status in ["disabled", "pending", "cancelled", "failed", "success", "warning", "interrupted"] {
            assert_eq!(of(status), None, "{status}");
        }
        for odd in [json!({}), json!({ "status": 1 }), json!({ "status": null }), json!("queued")] {
            assert!(under_way(&odd).is_err(), "{odd}");
        }
    }
}
