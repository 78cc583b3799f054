//! Secrets, their versions, and which version has which label.

use std::collections::{BTreeMap, BTreeSet};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{Moment, Refusal, State, refusal};

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// A secret and its versions.
#[derive(Clone, Default)]
pub struct Secret {
    /// Versions by their identifiers, which are the tokens of the requests that made them.
    pub versions: BTreeMap<String, Version>,
    /// Since which millisecond of the emulator which version has each label: the last one is how it is.
    labels: Vec<(u64, BTreeMap<String, String>)>,
    /// When it was to be deleted, in seconds since 1970.
    pub deleted: Option<i64>,
}

/// One version.
#[derive(Clone, Default, Serialize)]
pub struct Version {
    /// The text.
    pub text: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

/// What it holds now comes as a key of its own, so that states compare by it and not by how often they were written.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Secret", 4)?;
        out.serialize_field("holds", &self.holds())?;
        out.serialize_field("deleted", &self.deleted.is_some())?;
        out.serialize_field("versions", &self.versions)?;
        out.serialize_field("labels", &self.labels)?;
        out.end()
    }
}

impl Secret {
    /// A secret with one version of this name.
    pub fn new(version: &str, fields: &Value) -> Self {
        let mut secret = Self::default();
        secret.put(version, fields.to_string(), [CURRENT.to_owned()].into(), 0, 0);
        secret
    }

    /// What whoever reads it without naming a version gets, as JSON where it is that.
    pub fn holds(&self) -> Option<Value> {
        let version = self.labels.last()?.1.get(CURRENT)?;
        let text = &self.versions.get(version)?.text;
        Some(serde_json::from_str(text).unwrap_or_else(|_| json!(text)))
    }

    /// Writes a version with the labels, which leave the versions that had them.
    pub fn put(&mut self, version: &str, text: String, labels: BTreeSet<String>, millis: u64, created: i64) {
        self.versions.insert(version.to_owned(), Version { text, created });
        for label in labels {
            self.label(&label, Some(version), millis);
        }
    }

    fn label(&mut self, label: &str, to: Option<&str>, millis: u64) {
        let mut now = self.labels.last().map(|(_, labels)| labels.clone()).unwrap_or_default();
        let from = match to {
            Some(to) => now.insert(label.to_owned(), to.to_owned()),
            None => now.remove(label),
        };
        if label == CURRENT && from.as_deref() != to {
            match from {
                Some(from) => now.insert(PREVIOUS.to_owned(), from),
                None => now.remove(PREVIOUS),
            };
        }
        self.labels.push((millis, now));
    }

    /// The labels as a read shows them that lags by so much.
    fn seen(&self, millis: u64, lag: u64) -> BTreeMap<String, String> {
        let then = millis.saturating_sub(lag);
        let mut past = self.labels.iter().rev();
        let seen = past.find(|(since, _)| *since <= then).or_else(|| self.labels.first());
        seen.map(|(_, labels)| labels.clone()).unwrap_or_default()
    }

    fn now(&self) -> BTreeMap<String, String> {
        self.labels.last().map(|(_, labels)| labels.clone()).unwrap_or_default()
    }
}

/// Answers a request that is allowed.
pub(super) fn reply(
    state: &mut State,
    action: &str,
    name: &str,
    body: &Map<String, Value>,
    moment: &Moment<'_>,
) -> Result<Value, Refusal> {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let arn = format!("arn:aws:secretsmanager:{}:123456789012:secret:{name}-a1b2c3", state.region);
    let missing = || refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    if action == "CreateSecret" {
        return create(state, name, &arn, body, moment);
    }
    let secret = state.secrets.get_mut(name).ok_or_else(missing)?;
    let seen = secret.seen(moment.millis(), moment.switches.aws.lag_ms);
    if action == "DescribeSecret" {
        return Ok(describe(secret, name, &arn, &seen));
    }
    if secret.deleted.is_some() && action != "RestoreSecret" {
        let message = "You can't perform this operation on the secret because it was marked for deletion.";
        return Err(refusal("InvalidRequestException", message));
    }
    match action {
        "GetSecretValue" => get(secret, name, &arn, text("VersionId"), text("VersionStage"), &seen),
        "PutSecretValue" => put(secret, name, &arn, body, moment),
        "UpdateSecretVersionStage" => {
            let stage = text("VersionStage").ok_or_else(|| refusal("ValidationException", "VersionStage"))?;
            let (from, to) = (text("RemoveFromVersionId"), text("MoveToVersionId"));
            move_label(secret, stage, from, to, moment)?;
            Ok(json!({ "ARN": arn, "Name": name }))
        }
        "DeleteSecret" => {
            let now = moment.wall.nanos / 1_000_000_000;
            secret.deleted = Some(now);
            Ok(json!({ "ARN": arn, "Name": name, "DeletionDate": now + 30 * 86_400 }))
        }
        "RestoreSecret" => {
            secret.deleted = None;
            Ok(json!({ "ARN": arn, "Name": name }))
        }
        _ => Err(refusal("UnknownOperationException", "")),
    }
}

fn create(
    state: &mut State,
    name: &str,
    arn: &str,
    body: &Map<String, Value>,
    moment: &Moment<'_>,
) -> Result<Value, Refusal> {
    let (token, text) = token_and_text(body)?;
    if let Some(secret) = state.secrets.get(name) {
        if secret.deleted.is_some() {
            let message = "You can't create this secret because a secret with this name is already scheduled for deletion.";
            return Err(refusal("InvalidRequestException", message));
        }
        if secret.versions.get(token).is_none_or(|version| version.text != text) {
            let message = format!("The operation failed because the secret {name} already exists.");
            return Err(refusal("ResourceExistsException", message));
        }
    } else {
        let mut secret = Secret::default();
        let labels = [CURRENT.to_owned()].into();
        secret.put(token, text.to_owned(), labels, moment.millis(), moment.wall.nanos / 1_000_000_000);
        state.secrets.insert(name.to_owned(), secret);
    }
    Ok(json!({ "ARN": arn, "Name": name, "VersionId": token }))
}

fn put(
    secret: &mut Secret,
    name: &str,
    arn: &str,
    body: &Map<String, Value>,
    moment: &Moment<'_>,
) -> Result<Value, Refusal> {
    let (token, text) = token_and_text(body)?;
    let labels = match body.get("VersionStages").and_then(Value::as_array) {
        Some(labels) => labels.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => BTreeSet::from([CURRENT.to_owned()]),
    };
    match secret.versions.get(token) {
        // The same request once more does nothing.
        Some(version) if version.text == text => {}
        Some(_) => {
            let message =
                format!("You can't use ClientRequestToken {token} because that value is already in use");
            return Err(refusal("ResourceExistsException", message));
        }
        None => {
            let created = moment.wall.nanos / 1_000_000_000;
            secret.put(token, text.to_owned(), labels, moment.millis(), created);
        }
    }
    Ok(
        json!({ "ARN": arn, "Name": name, "VersionId": token, "VersionStages": stages_of(&secret.now(), token) }),
    )
}

fn token_and_text(body: &Map<String, Value>) -> Result<(&str, &str), Refusal> {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let token = text("ClientRequestToken").filter(|token| (32..=64).contains(&token.len()));
    let invalid = |what: &str| refusal("InvalidParameterException", what);
    let token = token.ok_or_else(|| invalid("ClientRequestToken must be 32-64 characters long."))?;
    let value = text("SecretString")
        .ok_or_else(|| invalid("You must provide either SecretString or SecretBinary."))?;
    if value.len() > 65_536 {
        return Err(refusal(
            "ValidationException",
            "SecretString must have length less than or equal to 65536",
        ));
    }
    Ok((token, value))
}

fn get(
    secret: &Secret,
    name: &str,
    arn: &str,
    version: Option<&str>,
    stage: Option<&str>,
    seen: &BTreeMap<String, String>,
) -> Result<Value, Refusal> {
    let wanted = version.map_or_else(|| seen.get(stage.unwrap_or(CURRENT)).map(String::as_str), Some);
    let found = wanted.and_then(|id| Some((id, secret.versions.get(id)?)));
    let Some((id, version)) = found else {
        let label = stage.unwrap_or(CURRENT);
        return Err(refusal(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for staging label: {label}"),
        ));
    };
    let stages = stages_of(seen, id);
    if stage.is_some_and(|stage| !stages.contains(&stage)) {
        let message = "You provided a VersionStage that is not associated to the provided VersionId.";
        return Err(refusal("InvalidRequestException", message));
    }
    Ok(json!({
        "ARN": arn, "Name": name, "VersionId": id, "SecretString": version.text, "VersionStages": stages,
        "CreatedDate": version.created,
    }))
}

fn describe(secret: &Secret, name: &str, arn: &str, seen: &BTreeMap<String, String>) -> Value {
    // Versions without labels are not listed.
    let versions: BTreeSet<&String> = seen.values().collect();
    let versions: Map<String, Value> =
        versions.into_iter().map(|id| (id.clone(), json!(stages_of(seen, id)))).collect();
    let mut answer = json!({ "ARN": arn, "Name": name, "VersionIdsToStages": versions });
    if let (Some(date), Some(answer)) = (secret.deleted, answer.as_object_mut()) {
        answer.insert("DeletedDate".to_owned(), json!(date));
    }
    answer
}

fn move_label(
    secret: &mut Secret,
    stage: &str,
    from: Option<&str>,
    to: Option<&str>,
    moment: &Moment<'_>,
) -> Result<(), Refusal> {
    let invalid = |what: String| Err(refusal("InvalidParameterException", what));
    if let Some(unknown) = from.iter().chain(&to).find(|id| !secret.versions.contains_key(**id)) {
        return Err(refusal(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the version {unknown}"),
        ));
    }
    let holder = secret.now().get(stage).cloned();
    match (holder, from) {
        (Some(holder), Some(from)) if holder != from => invalid(format!(
            "Staging label {stage} is currently attached to version {holder}, and not to {from}."
        )),
        (Some(holder), None) if to != Some(holder.as_str()) => invalid(format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {holder}."
        )),
        (_, _) if stage == CURRENT && to.is_none() => {
            invalid("You can't remove the staging label AWSCURRENT.".to_owned())
        }
        (_, _) => {
            secret.label(stage, to, moment.millis());
            Ok(())
        }
    }
}

fn stages_of<'a>(labels: &'a BTreeMap<String, String>, version: &str) -> Vec<&'a str> {
    labels.iter().filter(|(_, of)| *of == version).map(|(label, _)| label.as_str()).collect()
}
