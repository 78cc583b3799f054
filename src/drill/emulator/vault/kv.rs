//! The key-value engine of version 2.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{Moment, Reply, Request, State, time};

/// Versions that a secret keeps; older ones go for good.
const MAX_VERSIONS: usize = 10;

/// A key-value engine.
#[derive(Clone, Default, Serialize)]
pub struct Mount {
    /// Secrets by path.
    pub secrets: BTreeMap<String, Secret>,
    /// Whether writes must say which version they expect.
    pub cas_required: bool,
}

/// A secret and its versions.
#[derive(Clone, Default)]
pub struct Secret {
    /// Versions by number, from 1.
    pub versions: BTreeMap<u64, Version>,
    /// Number of the newest version, kept or not; 0 before the first.
    pub current: u64,
    /// Free remarks, which are no secrets.
    pub custom_metadata: Option<Map<String, Value>>,
    /// Whether writes must say which version they expect.
    pub cas_required: bool,
    /// When it was written first and last.
    pub created: String,
    /// See `created`.
    pub updated: String,
}

/// One version.
#[derive(Clone, Default, Serialize)]
pub struct Version {
    /// The keys and values.
    pub data: Map<String, Value>,
    /// When it was written.
    pub created: String,
    /// Since when it is deleted; this can be undone.
    pub deleted: Option<String>,
    /// Whether its data are gone for good.
    pub destroyed: bool,
}

/// What it holds now comes as a key of its own, so that states compare by it and not by how often they were written.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Secret", 5)?;
        out.serialize_field("holds", &self.holds())?;
        out.serialize_field("custom_metadata", &self.custom_metadata)?;
        out.serialize_field("versions", &self.versions)?;
        out.serialize_field("current", &self.current)?;
        out.serialize_field("updated", &self.updated)?;
        out.end()
    }
}

impl Secret {
    /// A secret with one version.
    pub fn new(data: Map<String, Value>, created: &str) -> Self {
        let mut secret = Self { created: created.to_owned(), ..Self::default() };
        secret.write(data, created);
        secret
    }

    /// What a reader gets; nothing where the newest version is deleted.
    pub fn holds(&self) -> Option<&Map<String, Value>> {
        let version = self.versions.get(&self.current)?;
        version.readable().then_some(&version.data)
    }

    /// Adds a version; the oldest one goes where there are too many.
    pub fn write(&mut self, data: Map<String, Value>, now: &str) {
        self.current += 1;
        now.clone_into(&mut self.updated);
        let version = Version { data, created: now.to_owned(), deleted: None, destroyed: false };
        self.versions.insert(self.current, version);
        while self.versions.len() > MAX_VERSIONS {
            self.versions.pop_first();
        }
    }

    fn metadata(&self, number: u64) -> Value {
        let version = self.versions.get(&number);
        json!({
            "created_time": version.map(|version| version.created.as_str()),
            "custom_metadata": self.custom_metadata,
            "deletion_time": version.and_then(|version| version.deleted.as_deref()).unwrap_or_default(),
            "destroyed": version.is_some_and(|version| version.destroyed),
            "version": number,
        })
    }
}

impl Version {
    fn readable(&self) -> bool {
        self.deleted.is_none() && !self.destroyed
    }
}

/// Mount, verb and path of the secret of a path.
fn split<'a>(state: &State, path: &'a str) -> Option<(String, &'a str, &'a str)> {
    let (mount, rest) = state
        .mounts
        .keys()
        .filter_map(|mount| Some((mount, path.strip_prefix(mount.as_str())?.strip_prefix('/')?)))
        .max_by_key(|(mount, _)| mount.len())?;
    let (verb, secret) = rest.split_once('/').unwrap_or((rest, ""));
    Some((mount.clone(), verb, secret))
}

/// Whether a write to this path would make a new secret.
pub(super) fn is_new(state: &State, path: &str) -> bool {
    split(state, path).is_some_and(|(mount, verb, secret)| {
        verb == "data" && state.mounts.get(&mount).is_some_and(|mount| !mount.secrets.contains_key(secret))
    })
}

/// Answers for any path that is not the system's.
pub(super) fn reply(state: &mut State, request: &Request, path: &str, moment: &Moment<'_>) -> Reply {
    let unknown = || Reply::error(404, format!("no handler for route \"{path}\". route entry not found."));
    let Some((mount, verb, secret)) = split(state, path) else { return unknown() };
    let Some(mount) = state.mounts.get_mut(&mount) else { return unknown() };
    let now = time(moment.wall, 0);
    let list = request.method == "LIST" || request.parameter("list").is_some_and(|value| value == "true");
    match (request.method.as_str(), verb) {
        ("GET" | "LIST", "metadata") if list => mount.list(secret),
        ("GET", "data") => mount.read(secret, request.parameter("version")),
        ("POST" | "PUT", "data") if request.path.ends_with('/') => {
            Reply::error(400, "cannot write to a path ending in '/'")
        }
        ("POST" | "PUT", "data") => with_body(request, |body| mount.write(secret, body, &now)),
        ("PATCH", "data") => match request.header("content-type") {
            Some("application/merge-patch+json") => {
                with_body(request, |body| mount.patch(secret, body, &now))
            }
            other => Reply::error(
                415,
                format!(
                    "PATCH requires Content-Type of application/merge-patch+json, provided {}",
                    other.unwrap_or_default()
                ),
            ),
        },
        ("DELETE", "data") => mount.delete_newest(secret, &now),
        ("GET", "metadata") => mount.metadata(secret),
        ("POST" | "PUT", "metadata") => with_body(request, |body| mount.describe(secret, body, &now)),
        ("DELETE", "metadata") => {
            mount.secrets.remove(secret);
            Reply::Empty(204)
        }
        ("POST" | "PUT", "delete") => mount.each_version(secret, request, |version| {
            if version.readable() {
                version.deleted = Some(now.clone());
            }
        }),
        ("POST" | "PUT", "undelete") => mount.each_version(secret, request, |version| version.deleted = None),
        ("POST" | "PUT", "destroy") => mount.each_version(secret, request, |version| {
            version.data.clear();
            version.destroyed = true;
        }),
        ("GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "LIST", _) => Reply::Data(404, Value::Null),
        _ => Reply::error(400, "cannot handle internal-only request operation"),
    }
}

fn with_body(request: &Request, then: impl FnOnce(&Map<String, Value>) -> Reply) -> Reply {
    if request.body.is_empty() {
        return then(&Map::new());
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => then(&body),
        Ok(_) => Reply::error(
            400,
            "failed to decode JSON input: json: cannot unmarshal into Go value of type map[string]interface {}",
        ),
        Err(_) => Reply::error(400, "failed to decode JSON input: invalid character"),
    }
}

/// The data of a write, and the version that it expects to find.
fn write_parts(body: &Map<String, Value>) -> Result<(Map<String, Value>, Option<i64>), Reply> {
    let data = match body.get("data") {
        Some(Value::Object(data)) => data.clone(),
        None | Some(Value::Null) => return Err(Reply::error(400, "no data provided")),
        Some(_) => {
            return Err(Reply::error(
                400,
                "error converting input for field \"data\": '' expected type 'map[string]interface {}'",
            ));
        }
    };
    let cas = match body.get("options").and_then(|options| options.get("cas")) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_i64(),
    };
    let asked = body.get("options").and_then(|options| options.get("cas")).is_some_and(|cas| !cas.is_null());
    if asked && cas.is_none() {
        return Err(Reply::error(400, "error parsing check-and-set parameter"));
    }
    Ok((data, cas))
}

impl Mount {
    fn read(&self, path: &str, version: Option<&str>) -> Reply {
        let Some(secret) = self.secrets.get(path) else { return Reply::nothing() };
        let Ok(number) = version.unwrap_or("0").parse::<i64>() else {
            return Reply::error(
                400,
                "Field validation failed: error converting input for field \"version\": '' cannot parse value as 'int': strconv.ParseInt: invalid syntax",
            );
        };
        let number = u64::try_from(number).ok().filter(|&number| number > 0).unwrap_or(secret.current);
        let Some(version) = secret.versions.get(&number) else { return Reply::nothing() };
        let data = version.readable().then_some(&version.data);
        Reply::Data(
            if data.is_some() { 200 } else { 404 },
            json!({ "data": data, "metadata": secret.metadata(number) }),
        )
    }

    fn write(&mut self, path: &str, body: &Map<String, Value>, now: &str) -> Reply {
        let (data, cas) = match write_parts(body) {
            Ok(parts) => parts,
            Err(refusal) => return refusal,
        };
        if let Some(refusal) = self.check(path, cas) {
            return refusal;
        }
        let secret = self
            .secrets
            .entry(path.to_owned())
            .or_insert_with(|| Secret { created: now.to_owned(), ..Secret::default() });
        secret.write(data, now);
        Reply::Data(200, secret.metadata(secret.current))
    }

    fn patch(&mut self, path: &str, body: &Map<String, Value>, now: &str) -> Reply {
        let (changes, cas) = match write_parts(body) {
            Ok(parts) => parts,
            Err(refusal) => return refusal,
        };
        let Some(secret) = self.secrets.get(path).filter(|secret| secret.current > 0) else {
            return Reply::Empty(404);
        };
        let Some(mut data) = secret.holds().cloned() else {
            return Reply::Data(404, secret.metadata(secret.current));
        };
        if let Some(refusal) = self.check(path, cas) {
            return refusal;
        }
        merge(&mut data, &changes);
        let Some(secret) = self.secrets.get_mut(path) else { return Reply::Empty(404) };
        secret.write(data, now);
        Reply::Data(200, secret.metadata(secret.current))
    }

    /// Check-and-set: what the writer expects against what there is.
    fn check(&self, path: &str, cas: Option<i64>) -> Option<Reply> {
        let secret = self.secrets.get(path);
        let current = secret.map_or(0, |secret| secret.current);
        match cas {
            None if self.cas_required || secret.is_some_and(|secret| secret.cas_required) => {
                Some(Reply::error(400, "check-and-set parameter required for this call"))
            }
            Some(expected) if u64::try_from(expected).ok() != Some(current) => {
                Some(Reply::error(400, "check-and-set parameter did not match the current version"))
            }
            _ => None,
        }
    }

    fn delete_newest(&mut self, path: &str, now: &str) -> Reply {
        if let Some(secret) = self.secrets.get_mut(path)
            && let Some(version) = secret.versions.get_mut(&secret.current)
            && version.readable()
        {
            version.deleted = Some(now.to_owned());
        }
        Reply::Empty(204)
    }

    fn each_version(&mut self, path: &str, request: &Request, mut change: impl FnMut(&mut Version)) -> Reply {
        let body = request.json().unwrap_or_default();
        let versions = match body.get("versions") {
            Some(Value::Array(versions)) => versions.iter().map(Value::as_u64).collect(),
            Some(one) => vec![one.as_u64()],
            None => Vec::new(),
        };
        if versions.is_empty() {
            return Reply::error(400, "No version number provided");
        }
        let Some(versions) = versions.into_iter().collect::<Option<Vec<u64>>>() else {
            return Reply::error(
                400,
                "Field validation failed: error converting input for field \"versions\"",
            );
        };
        if let Some(secret) = self.secrets.get_mut(path) {
            for number in versions {
                if let Some(version) = secret.versions.get_mut(&number) {
                    change(version);
                }
            }
        }
        Reply::Empty(204)
    }

    fn metadata(&self, path: &str) -> Reply {
        let Some(secret) = self.secrets.get(path) else { return Reply::nothing() };
        let versions: Map<String, Value> = secret
            .versions
            .iter()
            .map(|(number, version)| {
                let deleted = version.deleted.as_deref().unwrap_or_default();
                let shown = json!({
                    "created_time": version.created, "deletion_time": deleted, "destroyed": version.destroyed,
                });
                (number.to_string(), shown)
            })
            .collect();
        let oldest = secret.versions.keys().next().copied().filter(|&oldest| oldest > 1);
        Reply::Data(
            200,
            json!({
                "cas_required": secret.cas_required, "created_time": secret.created,
                "current_metadata_version": 0, "current_version": secret.current, "metadata_cas_required": false,
                "custom_metadata": secret.custom_metadata,
                "delete_version_after": "0s", "max_versions": 0, "oldest_version": oldest.unwrap_or(0),
                "updated_time": secret.updated, "versions": versions,
            }),
        )
    }

    fn describe(&mut self, path: &str, body: &Map<String, Value>, now: &str) -> Reply {
        let secret = self.secrets.entry(path.to_owned()).or_insert_with(|| Secret {
            created: now.to_owned(),
            updated: now.to_owned(),
            ..Secret::default()
        });
        if let Some(Value::Object(custom)) = body.get("custom_metadata") {
            secret.custom_metadata = Some(custom.clone());
        }
        if let Some(required) = body.get("cas_required").and_then(Value::as_bool) {
            secret.cas_required = required;
        }
        Reply::Empty(204)
    }

    /// Names right below a folder; folders end in a slash.
    fn list(&self, folder: &str) -> Reply {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut keys: Vec<String> = self
            .secrets
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix))
            .map(|rest| rest.split_once('/').map_or_else(|| rest.to_owned(), |(name, _)| format!("{name}/")))
            .collect();
        keys.dedup();
        if keys.is_empty() { Reply::nothing() } else { Reply::Data(200, json!({ "keys": keys })) }
    }
}

/// Merge patch of RFC 7396.
fn merge(data: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (key, change) in changes {
        match (change, data.get_mut(key)) {
            (Value::Null, _) => {
                data.remove(key);
            }
            (Value::Object(inner), Some(Value::Object(old))) => merge(old, inner),
            (Value::Object(inner), _) => {
                let mut fresh = Map::new();
                merge(&mut fresh, inner);
                data.insert(key.clone(), Value::Object(fresh));
            }
            (value, _) => {
                data.insert(key.clone(), value.clone());
            }
        }
    }
}
