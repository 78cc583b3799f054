//! Syncs of Census. <https://developers.getcensus.com/api-reference/syncs/update-a-sync>
//!
//! `PATCH /syncs/{id}` changes what it names at the top level, `paused` among it, and `GET` of the same shows it. A run that has
//! begun goes on; `GET /syncs/{id}/sync_runs` lists runs, the latest first where it is asked so.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{FlowKind, Flows, Standing, check_number, told};
use crate::config::catalog::KindSpec;
use crate::lockdown::about::{About, reversible};
use crate::lockdown::consumer::Opening;
use crate::lockdown::http::{Auth, Call, CallError, Stats, Transport};
use crate::lockdown::provider::{Check, OpenError};

/// How runs end. There are `working` and `queued` besides.
const ENDED: [&str; 3] = ["completed", "failed", "skipped"];
/// Runs that are looked at, the latest: of one sync no two run at a time.
const RUNS: &str = "25";

/// The kind.
pub const KIND: FlowKind = FlowKind {
    about: About {
        reads: &["syncs that the inventory names, and their runs"],
        changes: &[reversible(super::system::PAUSE, "flow")],
        needs: &["the API access token of the workspace (Settings → API)"],
        cannot: &[
            "ending a run that has begun: the pause is proved when it is over",
            "saying whether somebody who may use the workspace can run a paused sync by hand: no page does",
            "giving it a new credential: people do",
        ],
    },
    spec: KindSpec {
        name: "census",
        title: "Census (Fivetran Activations), syncs",
        base_url: Some("https://app.getcensus.com/api/v1"),
        credential: "API access token of the workspace",
        settings: &[],
    },
    open,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature that all kinds share")]
fn open(opening: Opening) -> Result<Arc<dyn Flows>, OpenError> {
    let transport = opening.transport.with_auth(Auth::Bearer(opening.credential));
    Ok(Arc::new(Census { name: opening.name, transport }))
}

struct Census {
    name: String,
    transport: Transport,
}

impl Census {
    async fn set(&self, flow: &str, paused: bool, key: &str) -> Result<(), CallError> {
        let call = Call::patch(&["syncs", flow]).json(json!({ "paused": paused }));
        self.transport.change(&call, key).await.map(drop)
    }
}

#[async_trait]
impl Flows for Census {
    fn name(&self) -> &str {
        &self.name
    }

    async fn look(&self, flow: &str) -> Result<Standing, CallError> {
        check_number(flow, "a sync")?;
        standing(flow, &self.transport.read(&Call::get(&["syncs", flow])).await?.json()?)
    }

    async fn stop(&self, flow: &str, _: Standing, key: &str) -> Result<(), CallError> {
        self.set(flow, true, key).await
    }

    async fn resume(&self, flow: &str, _: &Value, _: Standing, key: &str) -> Result<(), CallError> {
        self.set(flow, false, key).await
    }

    async fn under_way(&self, flow: &str) -> Result<Option<String>, CallError> {
        check_number(flow, "a sync")?;
        let call = Call::get(&["syncs", flow, "sync_runs"]).query("order", "desc").query("per_page", RUNS);
        under_way(&self.transport.read(&call).await?.json()?)
    }

    async fn check(&self) -> Vec<Check> {
        let read = self.transport.read(&Call::get(&["syncs"]).query("per_page", "1")).await;
        vec![told("read syncs", read)]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

fn standing(flow: &str, answer: &Value) -> Result<Standing, CallError> {
    let sync = answer.get("data").ok_or_else(odd)?;
    if sync.get("id").map(Value::to_string).as_deref() != Some(flow) {
        return Err(odd());
    }
    let paused = sync.get("paused").and_then(Value::as_bool).ok_or_else(odd)?;
    Ok(Standing { state: json!({ "paused": paused }), stopped: paused, rest: Value::Null })
}

/// A status that no page lists is not taken for the end of a run.
fn under_way(answer: &Value) -> Result<Option<String>, CallError> {
    for run in answer.get("data").and_then(Value::as_array).ok_or_else(odd)? {
        let status = run.get("status").and_then(Value::as_str).ok_or_else(odd)?;
        let id = run.get("id").and_then(Value::as_u64).ok_or_else(odd)?;
        let canceled = run.get("canceled").is_some_and(|canceled| *canceled == true);
        if !canceled && !ENDED.contains(&status) {
            return Ok(Some(format!("its run {id} has not ended: cancel it in Census, or wait")));
        }
    }
    Ok(None)
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of Census".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_is_paused_where_it_says_so() {
        for paused in [true, false] {
            let answer =
                json!({ "status": "success", "data": { "id": 15_135, "paused": paused, "label": "x" } });
            let standing = standing("15135", &answer).unwrap();
            assert_eq!((standing.stopped, standing.state), (paused, json!({ "paused": paused })));
        }
    }

    #[test]
    fn what_is_no_such_sync_is_not_taken_for_a_paused_one() {
        for odd in [
            json!({}),
            json!([]),
            json!(null),
            json!({ "data": [] }),
            json!({ "data": { "id": 15_135 } }),
            json!({ "data": { "paused": true } }),
            json!({ "data": { "id": 15_136, "paused": true } }),
            json!({ "data": { "id": "15135", "paused": true } }),
            json!({ "data": { "id": 15_135, "paused": "true" } }),
            json!({ "data": { "id": 15_135, "paused": 1, "CANARY": "CANARY" } }),
        ] {
            let why = standing("15135", &odd).unwrap_err().to_string();
            assert!(!why.contains("CANARY"), "{why}");
        }
    }

    #[test]
    fn a_run_is_under_way_until_it_is_known_to_have_ended() {
        let of = |runs: Value| under_way(&json!({ "data": runs }));
        let run = |status: &str, canceled: bool| json!({ "id": 7, "status": status, "canceled": canceled });
        assert_eq!(of(json!([])), Ok(None));
        let ended = json!([
            run("completed", false),
            run("failed", false),
            run("skipped", false),
            run("working", true)
        ]);
        assert_eq!(of(ended), Ok(None));
        for status in ["working", "queued", "\u{1b}[2J"] {
            let told = of(json!([run("completed", false), run(status, false)])).unwrap().unwrap();
            assert!(told.contains("run 7") && !told.contains('\u{1b}'), "{told}");
        }
        for odd in
            [json!({}), json!([1]), json!([{ "id": 7 }]), json!([{ "status": "completed" }]), json!(null)]
        {
            assert!(of(odd.clone()).is_err(), "{odd}");
        }
    }
}
