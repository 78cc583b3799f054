//! Datasets of `BigQuery` that the vendor's accounts may write or read.
//! <https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets>
//!
//! `datasets.patch` replaces the whole list `access`, so that all entries but the vendor's are sent again; `If-Match` names the state
//! that is replaced, and another one is refused (412). Entries with conditions are shown and taken in version 3 of the policy alone.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{FlowKind, Flows, Standing, refused};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, reversible};
use crate::lockdown::consumer::Opening;
use crate::lockdown::google::{TOKEN_URL, cloud};
use crate::lockdown::http::{Call, CallError, Stats, Transport};
use crate::lockdown::provider::{Check, OpenError};

/// The longest name of a dataset.
const LONGEST: usize = 1024;
const POLICY_VERSION: (&str, &str) = ("accessPolicyVersion", "3");

/// The kind.
pub const KIND: FlowKind = FlowKind {
    about: About {
        reads: &["datasets that the inventory names: who may do what with them"],
        changes: &[reversible(super::system::PAUSE, "flow")],
        needs: &["bigquery.datasets.get, update, getIamPolicy and setIamPolicy on the datasets"],
        cannot: &[
            "access by the project's own policy, by groups, and to single tables: that stays",
            "a dataset that nobody but the vendor's accounts has access to: it is left alone",
            "ending jobs that run",
        ],
    },
    spec: KindSpec {
        name: "bigquery",
        title: "BigQuery, datasets that the vendor's accounts use",
        base_url: Some("https://bigquery.googleapis.com/bigquery/v2"),
        credential: "access token with the scope cloud-platform or bigquery, or the key file (JSON) of a service account",
        settings: &[
            Setting {
                name: "members",
                about: "The vendor's service accounts, as its pages name them for your region.",
                value: SettingKind::List,
                required: true,
                default: None,
                example: "export-upload@mixpanel-prod-1.iam.gserviceaccount.com",
            },
            TOKEN_URL,
        ],
    },
    open,
};

fn open(opening: Opening) -> Result<Arc<dyn Flows>, OpenError> {
    let Opening { name, settings, credential, transport } = opening;
    let members: Vec<String> =
        settings.list("members").iter().map(|member| member.to_ascii_lowercase()).collect();
    if members.is_empty() || members.iter().any(|member| !member.contains('@') || member.contains(':')) {
        return Err(OpenError(format!(
            "consumer {name}: `members` are e-mail addresses of service accounts"
        )));
    }
    let transport = cloud(&transport, credential, &settings)
        .map_err(|why| OpenError(format!("consumer {name}: {why}")))?;
    Ok(Arc::new(BigQuery { name, members, transport }))
}

struct BigQuery {
    name: String,
    /// Lower case.
    members: Vec<String>,
    transport: Transport,
}

impl BigQuery {
    /// Replaces who may do what, where it still is what was read.
    async fn set(&self, flow: &str, access: Vec<Value>, now: &Value, key: &str) -> Result<(), CallError> {
        let (project, dataset) = parts(flow)?;
        let etag = now.get("etag").and_then(Value::as_str).ok_or_else(odd)?;
        let (name, version) = POLICY_VERSION;
        let call = Call::patch(&["projects", project, "datasets", dataset]).query(name, version);
        let call = call.header("if-match", etag).json(json!({ "access": access }));
        match self.transport.change(&call, key).await {
            Ok(_) => Ok(()),
            // Somebody was faster: it is looked at again.
            Err(error) if error.status() == Some(412) => Err(CallError::NotSent { what: error.to_string() }),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Flows for BigQuery {
    fn name(&self) -> &str {
        &self.name
    }

    async fn look(&self, flow: &str) -> Result<Standing, CallError> {
        let (project, dataset) = parts(flow)?;
        let (name, version) = POLICY_VERSION;
        let call = Call::get(&["projects", project, "datasets", dataset]).query(name, version);
        standing(dataset, &self.members, &self.transport.read(&call).await?.json()?)
    }

    async fn stop(&self, flow: &str, now: Standing, key: &str) -> Result<(), CallError> {
        let all = now.rest.get("access").and_then(Value::as_array).ok_or_else(odd)?;
        let others: Vec<Value> = all.iter().filter(|entry| !is_of(entry, &self.members)).cloned().collect();
        if others.is_empty() {
            return Err(refused(format!("nobody else has access to {flow}: take the vendor's away by hand")));
        }
        self.set(flow, others, &now.rest, key).await
    }

    async fn resume(&self, flow: &str, before: &Value, now: Standing, key: &str) -> Result<(), CallError> {
        let mut all = now.rest.get("access").and_then(Value::as_array).cloned().ok_or_else(odd)?;
        let entries = before.get("access").and_then(Value::as_array).ok_or_else(odd)?;
        all.extend(entries.iter().cloned());
        self.set(flow, all, &now.rest, key).await
    }

    async fn check(&self) -> Vec<Check> {
        let read = self.transport.read(&Call::get(&["projects"]).query("maxResults", "1")).await;
        vec![super::told("use the access token", read)]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

/// The state is the entries of the vendor's accounts alone, in an order of their own.
fn standing(dataset: &str, members: &[String], answer: &Value) -> Result<Standing, CallError> {
    if answer.pointer("/datasetReference/datasetId").and_then(Value::as_str) != Some(dataset) {
        return Err(odd());
    }
    let etag = answer.get("etag").and_then(Value::as_str).filter(|etag| !etag.is_empty()).ok_or_else(odd)?;
    let all = answer.get("access").and_then(Value::as_array).ok_or_else(odd)?;
    if !all.iter().all(Value::is_object) {
        return Err(odd());
    }
    let mut own: Vec<&Value> = all.iter().filter(|entry| is_of(entry, members)).collect();
    own.sort_by_key(ToString::to_string);
    Ok(Standing {
        state: json!({ "access": own }),
        stopped: own.is_empty(),
        rest: json!({ "etag": etag, "access": all }),
    })
}

/// An entry names an account in one of two ways.
fn is_of(entry: &Value, members: &[String]) -> bool {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let member = text("iamMember").and_then(|member| member.strip_prefix("serviceAccount:"));
    let named = text("userByEmail").or(member);
    named.is_some_and(|named| members.contains(&named.to_ascii_lowercase()))
}

/// `project.dataset`; a project may have dots of its own.
fn parts(flow: &str) -> Result<(&str, &str), CallError> {
    let wrong = || refused(format!("{flow:?} is no dataset, as project.dataset"));
    let (project, dataset) = flow.rsplit_once('.').ok_or_else(wrong)?;
    let in_project = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:".contains(&byte);
    let in_dataset = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let fits = (1..=LONGEST).contains(&dataset.len())
        && dataset.bytes().all(in_dataset)
        && project.len() <= LONGEST
        && project.starts_with(|first: char| first.is_ascii_lowercase())
        && project.bytes().all(in_project);
    if fits { Ok((project, dataset)) } else { Err(wrong()) }
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of BigQuery".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "export@vendor.iam.gserviceaccount.com";

    fn read(access: &Value) -> Result<Standing, CallError> {
        let answer = json!({ "datasetReference": { "datasetId": "raw" }, "etag": "e1", "access": access });
        standing("raw", &[OWN.to_owned()], &answer)
    }

    #[test]
    fn the_entries_of_the_vendor_are_told_from_all_others() {
        let owner = json!({ "role": "OWNER", "userByEmail": "ada@acme.example" });
        let group = json!({ "role": "READER", "groupByEmail": OWN });
        let view = json!({ "view": { "projectId": "p", "datasetId": "d", "tableId": "t" } });
        let none = read(&json!([owner, group, view])).unwrap();
        assert_eq!((none.stopped, &none.state), (true, &json!({ "access": [] })));
        assert_eq!(none.rest, json!({ "etag": "e1", "access": [owner, group, view] }));
        let one = json!({ "role": "WRITER", "userByEmail": "Export@Vendor.iam.gserviceaccount.com" });
        let two =
            json!({ "role": "roles/bigquery.dataViewer", "iamMember": format!("serviceAccount:{OWN}") });
        let first = read(&json!([two, owner, one])).unwrap();
        assert!(!first.stopped);
        // Their order is nobody's.
        assert_eq!(first.state, read(&json!([one, two, view])).unwrap().state);
        assert_eq!(first.state["access"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_such_dataset_is_not_taken_for_a_closed_one() {
        for odd in [
            json!({}),
            json!(null),
            json!({ "datasetReference": { "datasetId": "raw" }, "etag": "e" }),
            json!({ "datasetReference": { "datasetId": "raw" }, "access": [] }),
            json!({ "datasetReference": { "datasetId": "raw" }, "etag": "", "access": [] }),
            json!({ "datasetReference": { "datasetId": "CANARY" }, "etag": "e", "access": [] }),
            json!({ "datasetReference": { "datasetId": "raw" }, "etag": "e", "access": {} }),
            json!({ "datasetReference": { "datasetId": "raw" }, "etag": "e", "access": ["CANARY"] }),
        ] {
            let why = standing("raw", &[OWN.to_owned()], &odd).unwrap_err().to_string();
            assert!(!why.contains("CANARY"), "{why}");
        }
    }

    #[test]
    fn only_datasets_go_into_a_path() {
        assert_eq!(parts("acme-prod.raw_events").unwrap(), ("acme-prod", "raw_events"));
        assert_eq!(parts("acme.example:prod.raw").unwrap(), ("acme.example:prod", "raw"));
        for bad in [
            "",
            "raw",
            ".raw",
            "acme.",
            "acme/../x.raw",
            "acme.raw/..",
            "acme.r w",
            "..",
            "Acme.raw",
            "acme.é",
        ] {
            assert!(parts(bad).is_err(), "{bad}");
        }
        assert!(parts(&format!("acme.{}", "x".repeat(1025))).is_err());
    }
}
