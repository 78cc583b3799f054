//! Census's API, as far as syncs go: whether they are paused, and their runs.
//!
//! Routes and shapes are those of its reference. What becomes of a run that has begun when its sync is paused, no page says: it goes on.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::vault::Vault;
use super::{Answer, Client, Flow, Moment, Request, Service, Tenant, stored};

/// The kind that it serves, and so the name of its instance.
const KIND: &str = "census";
/// The first sync of an example.
const FIRST: u64 = 15_135;

/// Its part of the tenant: one workspace.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// The access token of the responders; blank where there is no such workspace.
    pub token: String,
    /// Syncs by number.
    pub syncs: BTreeMap<u64, Sync>,
}

/// A sync.
#[derive(Clone, Default, Serialize)]
pub struct Sync {
    /// The service account that it writes with.
    pub username: String,
    /// What it is called.
    pub label: String,
    /// It does not run by itself.
    pub paused: bool,
    /// Its runs by number.
    pub runs: BTreeMap<u64, Run>,
}

/// A run.
#[derive(Clone, Default, Serialize)]
pub struct Run {
    /// `working`, `completed`, `failed`, `skipped` or `queued`.
    pub status: String,
    /// Somebody ended it.
    pub canceled: bool,
}

/// See the module.
pub struct Census;

impl Service for Census {
    fn name(&self) -> &'static str {
        "census"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, _: &Moment<'_>) -> Answer {
        let state = &mut tenant.census;
        let bearer = format!("Bearer {}", state.token);
        if state.token.is_empty() || request.header("authorization") != Some(&bearer) {
            return Answer::json(401, &json!({ "status": 401, "message": "Unauthorized" }));
        }
        let missing = || Answer::json(404, &json!({ "status": 404, "message": "Resource not found." }));
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["api", "v1", "syncs", rest @ ..] = segments.as_slice() else { return missing() };
        let [number, rest @ ..] = rest else {
            let syncs: Vec<Value> = state.syncs.iter().map(|(id, sync)| shown(*id, sync)).collect();
            return Answer::json(200, &json!({ "status": "success", "data": syncs }));
        };
        let found = number.parse().ok().and_then(|id: u64| Some((id, state.syncs.get_mut(&id)?)));
        let Some((id, sync)) = found else { return missing() };
        match (request.method.as_str(), rest) {
            ("GET", []) => Answer::json(200, &json!({ "status": "success", "data": shown(id, sync) })),
            ("PATCH", []) => {
                match request.json().as_ref().and_then(Value::as_object).map(|body| set(sync, body)) {
                    Some(Ok(())) => {
                        Answer::json(200, &json!({ "status": "updated", "data": shown(id, sync) }))
                    }
                    Some(Err(())) | None => {
                        Answer::json(422, &json!({ "status": 422, "message": "Invalid parameters" }))
                    }
                }
            }
            ("GET", ["sync_runs"]) => {
                Answer::json(200, &json!({ "status": "success", "data": runs(id, sync, request) }))
            }
            _ => missing(),
        }
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        let serves = kind == KIND && !tenant.census.token.is_empty();
        serves.then(|| Client {
            path: "/api/v1",
            credential: tenant.census.token.clone(),
            settings: Vec::new(),
        })
    }

    /// Nobody but the responders has a token.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    /// Two syncs for each credential that consumers use, stored in Vault; the second is paused already.
    fn example(&self, tenant: &mut Tenant) {
        Vault.example(tenant);
        let mut state = State { token: tenant.draws.secret(), syncs: BTreeMap::new() };
        let pairs = stored::usernames(tenant)
            .into_iter()
            .flat_map(|username| [(username.clone(), false), (username, true)]);
        for (id, (username, paused)) in (FIRST..).zip(pairs) {
            let ended = Run { status: "completed".to_owned(), canceled: false };
            let runs = [(id * 10, ended)].into();
            state.syncs.insert(id, Sync { username, label: format!("accounts {id}"), paused, runs });
        }
        tenant.census = state;
    }

    fn flows(&self, tenant: &Tenant) -> Vec<Flow> {
        let flow = |(id, sync): (&u64, &Sync)| Flow {
            system: KIND,
            name: id.to_string(),
            username: Some(sync.username.clone()),
            by: None,
            runs: !sync.paused,
        };
        tenant.census.syncs.iter().map(flow).collect()
    }
}

fn shown(id: u64, sync: &Sync) -> Value {
    json!({
        "id": id, "label": sync.label, "paused": sync.paused, "operation": "upsert", "status": "Ready",
        "schedule_frequency": "hourly", "destination_attributes": { "connection_id": 15, "object": "user" },
    })
}

/// Sets what is named. `Err`: a value of another type; then nothing is set.
fn set(sync: &mut Sync, body: &Map<String, Value>) -> Result<(), ()> {
    let paused = match body.get("paused") {
        None => sync.paused,
        Some(paused) => paused.as_bool().ok_or(())?,
    };
    let label = match body.get("label") {
        None => sync.label.clone(),
        Some(label) => label.as_str().ok_or(())?.to_owned(),
    };
    (sync.paused, sync.label) = (paused, label);
    Ok(())
}

/// The oldest first unless it is asked otherwise.
fn runs(id: u64, sync: &Sync, request: &Request) -> Vec<Value> {
    let run = |(number, run): (&u64, &Run)| json!({ "id": number, "sync_id": id, "status": run.status, "canceled": run.canceled });
    let mut runs: Vec<Value> = sync.runs.iter().map(run).collect();
    if request.parameter("order") == Some("desc") {
        runs.reverse();
    }
    runs.truncate(request.parameter("per_page").and_then(|count| count.parse().ok()).unwrap_or(100));
    runs
}

#[cfg(test)]
mod tests;
