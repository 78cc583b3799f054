//! Functions: what their next invocation runs with, and what is shown of it meanwhile.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::Moment;
use super::super::aws::{Refusal, refusal};

/// Aliases on a page.
const PAGE: usize = 2;
/// Characters of all variables together: the documented limit is 4 KB.
const LARGEST: usize = 4096;

/// A function.
#[derive(Clone, Default, Serialize)]
pub struct Function {
    /// What is shown.
    variables: BTreeMap<String, String>,
    /// What invocations get.
    running: BTreeMap<String, String>,
    /// Megabytes, as something that no update of variables changes.
    memory: u64,
    /// Aliases by name.
    pub aliases: BTreeMap<String, Alias>,
    /// Whoever asks may not use the key that the variables are encrypted with.
    pub locked: bool,
    revision: u64,
    status: Status,
}

/// What an alias runs.
#[derive(Clone, Default, Serialize)]
pub struct Alias {
    /// `$LATEST`, or a published version.
    pub version: String,
    /// Another version that gets a part of the invocations.
    pub also: Option<String>,
}

/// What became of the last update.
#[derive(Clone, Copy, Default, Serialize)]
enum Status {
    #[default]
    Successful,
    /// Until this millisecond of the emulator.
    InProgress(u64),
    Failed,
}

impl Function {
    /// With these variables.
    pub fn new(variables: BTreeMap<String, String>) -> Self {
        Self { running: variables.clone(), variables, memory: 512, revision: 1, ..Self::default() }
    }

    /// What invocations get.
    pub fn running(&self) -> &BTreeMap<String, String> {
        &self.running
    }

    /// Somebody else sets a variable, at once.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
        self.running = self.variables.clone();
        self.revision += 1;
    }

    /// Ends an update whose time is over.
    pub(super) fn settle(&mut self, moment: &Moment<'_>) {
        let Status::InProgress(until) = self.status else { return };
        let switches = &moment.switches.lambda;
        if moment.millis() < until {
            return;
        }
        self.revision += u64::from(switches.revises_twice);
        if switches.updates_fail {
            self.status = Status::Failed;
            if !switches.shows_failed {
                self.variables.clone_from(&self.running);
            }
        } else {
            self.status = Status::Successful;
            self.running.clone_from(&self.variables);
        }
    }

    pub(super) fn update(
        &mut self,
        arn: &str,
        body: &Map<String, Value>,
        moment: &Moment<'_>,
    ) -> Result<(), Refusal> {
        if let Status::InProgress(_) = self.status {
            let message = format!(
                "The operation cannot be performed at this time. An update is in progress for resource: {arn}"
            );
            return Err(refusal("ResourceConflictException", message));
        }
        if body.get("RevisionId").is_some_and(|revision| *revision != self.revision()) {
            let message = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API \
                           to retrieve the latest Revision Id";
            return Err(refusal("PreconditionFailedException", message));
        }
        if let Some(environment) = body.get("Environment") {
            self.variables = variables(environment)?;
        }
        self.revision += 1;
        self.status = Status::InProgress(moment.millis().saturating_add(moment.switches.lambda.update_ms));
        // One that takes no time is over by the answer.
        self.settle(moment);
        Ok(())
    }

    fn revision(&self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.revision)
    }

    pub(super) fn shown(&self, name: &str, arn: &str) -> Value {
        let status = match self.status {
            Status::Successful => "Successful",
            Status::InProgress(_) => "InProgress",
            Status::Failed => "Failed",
        };
        let mut shown = json!({
            "FunctionName": name, "FunctionArn": arn, "Runtime": "python3.13", "Handler": "job.handler",
            "MemorySize": self.memory, "Timeout": 60, "Version": "$LATEST", "State": "Active",
            "RevisionId": self.revision(), "LastUpdateStatus": status,
        });
        let Some(fields) = shown.as_object_mut() else { return shown };
        if matches!(self.status, Status::Failed) {
            fields.insert("LastUpdateStatusReasonCode".to_owned(), json!("InvalidStateKMSKey"));
        }
        if self.locked {
            let error = json!({ "ErrorCode": "AccessDeniedException", "Message": "the key cannot be used" });
            fields.insert("Environment".to_owned(), json!({ "Error": error }));
        } else if !self.variables.is_empty() {
            fields.insert("Environment".to_owned(), json!({ "Variables": self.variables }));
        }
        shown
    }

    /// A page of aliases, after the one that the marker names.
    pub(super) fn listed(&self, arn: &str, marker: Option<&str>) -> Value {
        let rest = self.aliases.iter().filter(|(name, _)| marker.is_none_or(|marker| name.as_str() > marker));
        let page: Vec<(&String, &Alias)> = rest.clone().take(PAGE).collect();
        let rows = page.iter().map(|(name, alias)| {
            let also = alias.also.iter().map(|version| (version.clone(), json!(0.1)));
            json!({
                "AliasArn": format!("{arn}:{name}"), "Name": name, "FunctionVersion": alias.version,
                "RoutingConfig": { "AdditionalVersionWeights": also.collect::<Map<String, Value>>() },
            })
        });
        let mut answer = json!({ "Aliases": rows.collect::<Vec<Value>>() });
        let last = page.last().filter(|_| rest.count() > PAGE).map(|(name, _)| json!(name));
        if let (Some(next), Some(fields)) = (last, answer.as_object_mut()) {
            fields.insert("NextMarker".to_owned(), next);
        }
        answer
    }
}

fn variables(environment: &Value) -> Result<BTreeMap<String, String>, Refusal> {
    let odd = || refusal("SerializationException", "Environment is not a map of strings");
    let Some(variables) = environment.get("Variables") else { return Ok(BTreeMap::new()) };
    let mut read = BTreeMap::new();
    for (name, value) in variables.as_object().ok_or_else(odd)? {
        read.insert(name.clone(), value.as_str().ok_or_else(odd)?.to_owned());
    }
    let length: usize = read.iter().map(|(name, value)| name.len() + value.len()).sum();
    if length > LARGEST {
        let message = "Lambda was unable to configure your environment variables because the environment variables you \
                       have provided exceeded the 4KB limit.";
        return Err(refusal("InvalidParameterValueException", message));
    }
    Ok(read)
}
