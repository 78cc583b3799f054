//! Hightouch's API, as far as syncs go: whether they are disabled, and the state of the latest run.
//!
//! Routes and shapes are those of its reference. Whether an identifier is a number, and whether a disabled sync shows that a run
//! goes on, it leaves open: switches.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::vault::Vault;
use super::{Answer, Client, Flow, Moment, Request, Service, Switches, Tenant, stored};

/// The kind that it serves, and so the name of its instance.
const KIND: &str = "hightouch";
/// The first sync of an example.
const FIRST: u64 = 1_127_166;

/// Its part of the tenant: one workspace.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// The API key of the responders; blank where there is no such workspace.
    pub key: String,
    /// Syncs by number.
    pub syncs: BTreeMap<u64, Sync>,
}

/// A sync.
#[derive(Clone, Default, Serialize)]
pub struct Sync {
    /// The service account that it writes with.
    pub username: String,
    /// Its name in addresses.
    pub slug: String,
    /// It does not run.
    pub disabled: bool,
    /// State of the latest run: `success`, `processing`.
    pub run: String,
}

/// See the module.
pub struct Hightouch;

impl Service for Hightouch {
    fn name(&self) -> &'static str {
        "hightouch"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        let state = &mut tenant.hightouch;
        let bearer = format!("Bearer {}", state.key);
        if state.key.is_empty() || request.header("authorization") != Some(&bearer) {
            return Answer::json(401, &json!("Unauthorized"));
        }
        let missing = || Answer::json(404, &json!("Not found"));
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["api", "v1", "syncs", rest @ ..] = segments.as_slice() else { return missing() };
        let [number] = rest else {
            let syncs = state.syncs.iter().map(|(id, sync)| shown(*id, sync, moment.switches));
            let syncs: Vec<Value> = syncs.collect();
            return if rest.is_empty() { Answer::json(200, &json!({ "data": syncs })) } else { missing() };
        };
        let found = number.parse().ok().and_then(|id: u64| Some((id, state.syncs.get_mut(&id)?)));
        let Some((id, sync)) = found else { return missing() };
        match request.method.as_str() {
            "GET" => Answer::json(200, &shown(id, sync, moment.switches)),
            "PATCH" => {
                let body = request.json().unwrap_or_default();
                match body
                    .as_object()
                    .map(|body| body.get("disabled").map_or(Some(sync.disabled), Value::as_bool))
                {
                    Some(Some(disabled)) => {
                        sync.disabled = disabled;
                        Answer::json(200, &shown(id, sync, moment.switches))
                    }
                    Some(None) | None => {
                        Answer::json(422, &json!({ "message": "Validation failed", "details": {} }))
                    }
                }
            }
            _ => missing(),
        }
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        let serves = kind == KIND && !tenant.hightouch.key.is_empty();
        serves.then(|| Client {
            path: "/api/v1",
            credential: tenant.hightouch.key.clone(),
            settings: Vec::new(),
        })
    }

    /// Nobody but the responders has a key.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    /// Two syncs for each credential that consumers use, stored in Vault; the second is disabled already.
    fn example(&self, tenant: &mut Tenant) {
        Vault.example(tenant);
        let mut state = State { key: tenant.draws.secret(), syncs: BTreeMap::new() };
        let pairs = stored::usernames(tenant)
            .into_iter()
            .flat_map(|username| [(username.clone(), false), (username, true)]);
        for (id, (username, disabled)) in (FIRST..).zip(pairs) {
            let sync = Sync { username, slug: format!("accounts-{id}"), disabled, run: "success".to_owned() };
            state.syncs.insert(id, sync);
        }
        tenant.hightouch = state;
    }

    fn flows(&self, tenant: &Tenant) -> Vec<Flow> {
        let flow = |(id, sync): (&u64, &Sync)| Flow {
            system: KIND,
            name: id.to_string(),
            username: Some(sync.username.clone()),
            by: None,
            runs: !sync.disabled,
        };
        tenant.hightouch.syncs.iter().map(flow).collect()
    }
}

fn shown(id: u64, sync: &Sync, switches: &Switches) -> Value {
    let id = if switches.hightouch.numbers { json!(id) } else { json!(id.to_string()) };
    let hidden = sync.disabled && switches.hightouch.hides_runs;
    let status = if hidden { "disabled" } else { sync.run.as_str() };
    json!({
        "id": id, "slug": sync.slug, "disabled": sync.disabled, "status": status, "workspaceId": "7",
        "destinationId": "19", "modelId": "3", "configuration": {}, "schedule": { "type": "interval" },
    })
}

#[cfg(test)]
mod tests;
