//! The API of `BigQuery`, as far as access to datasets goes: read, and replaced where it is still what was read.
//!
//! Routes, statuses and shapes are those of the REST reference, version 2. The order of entries says nothing: they are kept sorted.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Answer, Client, Flow, Moment, Request, Service, Tenant};

/// The kind that it serves, and so the name of its instance.
const KIND: &str = "bigquery";
/// The vendor's account.
const MEMBER: &str = "export-upload@mixpanel-prod-1.iam.gserviceaccount.com";
/// Who set up what the account has nothing to do with.
const SOMEBODY_ELSE: &str = "warehouse@acme.example";

/// Its part of the tenant: one project.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// The project; blank where there is none.
    pub project: String,
    /// The access token of the responders.
    pub token: String,
    /// Datasets by name.
    pub datasets: BTreeMap<String, Dataset>,
}

/// A dataset.
#[derive(Clone, Default, Serialize)]
pub struct Dataset {
    /// E-mail of whoever set up what uses it.
    pub by: String,
    /// Who may do what: entries, sorted by their text.
    pub access: Vec<Value>,
    /// Counts changes.
    pub revision: u64,
}

impl Dataset {
    /// Sets who may do what.
    pub fn set(&mut self, mut access: Vec<Value>) {
        access.sort_by_key(Value::to_string);
        self.access = access;
        self.revision += 1;
    }

    fn lets_in(&self) -> bool {
        let own = |entry: &Value| {
            let is = |key: &str, value: &str| entry.get(key).and_then(Value::as_str) == Some(value);
            is("userByEmail", MEMBER) || is("iamMember", &format!("serviceAccount:{MEMBER}"))
        };
        self.access.iter().any(own)
    }

    fn has_conditions(&self) -> bool {
        self.access.iter().any(|entry| entry.get("condition").is_some())
    }

    fn etag(&self) -> String {
        format!("\"r{}\"", self.revision)
    }
}

/// See the module.
pub struct BigQuery;

impl Service for BigQuery {
    fn name(&self) -> &'static str {
        "bigquery"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, _: &Moment<'_>) -> Answer {
        reply(&mut tenant.bigquery, request).unwrap_or_else(|(code, status, message)| {
            let error = json!({ "code": code, "message": message, "status": status });
            Answer::json(code, &json!({ "error": error }))
        })
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        let serves = kind == KIND && !tenant.bigquery.project.is_empty();
        serves.then(|| Client {
            path: "/bigquery/v2",
            credential: tenant.bigquery.token.clone(),
            settings: vec![("members", format!("[{MEMBER:?}]"))],
        })
    }

    /// Nobody but the responders has a token.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    /// A dataset behind what the account has set up, with two entries of the vendor, and one behind what somebody else has.
    fn example(&self, tenant: &mut Tenant) {
        let account = tenant.attacker.email.clone();
        let owner = json!({ "role": "OWNER", "userByEmail": SOMEBODY_ELSE });
        let writer = json!({ "role": "WRITER", "userByEmail": MEMBER });
        let until =
            json!({ "expression": "request.time < timestamp('2027-01-01T00:00:00Z')", "title": "until" });
        let viewer = json!({
            "role": "roles/bigquery.metadataViewer", "iamMember": format!("serviceAccount:{MEMBER}"), "condition": until,
        });
        let dataset = |by: &str, access: &[&Value]| {
            let mut dataset = Dataset { by: by.to_owned(), ..Dataset::default() };
            dataset.set(access.iter().copied().cloned().collect());
            dataset
        };
        let datasets = [
            ("raw_events".to_owned(), dataset(&account, &[&owner, &writer, &viewer])),
            ("schema".to_owned(), dataset(SOMEBODY_ELSE, &[&owner, &writer])),
        ];
        let token = tenant.draws.secret();
        tenant.bigquery = State { project: "acme-warehouse".to_owned(), token, datasets: datasets.into() };
    }

    fn flows(&self, tenant: &Tenant) -> Vec<Flow> {
        let project = &tenant.bigquery.project;
        let flow = |(name, dataset): (&String, &Dataset)| Flow {
            system: KIND,
            name: format!("{project}.{name}"),
            username: None,
            by: Some(dataset.by.clone()),
            runs: dataset.lets_in(),
        };
        tenant.bigquery.datasets.iter().map(flow).collect()
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["datasets.*.revision"]
    }
}

type Failed = (u16, &'static str, &'static str);

fn reply(state: &mut State, request: &Request) -> Result<Answer, Failed> {
    let bearer = format!("Bearer {}", state.token);
    if state.project.is_empty() || request.header("authorization") != Some(&bearer) {
        return Err((401, "UNAUTHENTICATED", "Request had invalid authentication credentials."));
    }
    let missing = || (404, "NOT_FOUND", "Not found");
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["bigquery", "v2", "projects", rest @ ..] = segments.as_slice() else { return Err(missing()) };
    let (project, name) = match rest {
        [] => return Ok(Answer::json(200, &json!({ "projects": [{ "id": state.project }] }))),
        [project, "datasets", name] => (*project, *name),
        _ => return Err(missing()),
    };
    let dataset = state.datasets.get_mut(name).filter(|_| project == state.project).ok_or_else(missing)?;
    if dataset.has_conditions() && request.parameter("accessPolicyVersion") != Some("3") {
        return Err((400, "INVALID_ARGUMENT", "Conditional access entries need accessPolicyVersion 3."));
    }
    match request.method.as_str() {
        "GET" => {}
        "PATCH" => {
            if request.header("if-match").is_some_and(|etag| etag != dataset.etag()) {
                return Err((412, "FAILED_PRECONDITION", "Precondition check failed."));
            }
            let body = request.json().unwrap_or_default();
            let invalid = || (400, "INVALID_ARGUMENT", "Invalid value for access.");
            let access = body.get("access").and_then(Value::as_array).ok_or_else(invalid)?;
            if access.is_empty() || !access.iter().all(Value::is_object) {
                return Err(invalid());
            }
            dataset.set(access.clone());
        }
        _ => return Err(missing()),
    }
    let shown = json!({
        "kind": "bigquery#dataset", "etag": dataset.etag(), "access": dataset.access,
        "datasetReference": { "projectId": project, "datasetId": name },
    });
    Ok(Answer::json(200, &shown))
}

#[cfg(test)]
mod tests;
