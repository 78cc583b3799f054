//! Google Cloud Secret Manager: secrets, numbered versions and their states.
//!
//! Shapes, statuses and messages are those of the REST reference, version 1. How long `latest` lags behind what was added
//! is a switch.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::draws::Draws;
use super::{Answer, Client, Entry, Moment, Request, Service, Tenant, stored};

/// Its part of the tenant: one project.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// The project.
    pub project: String,
    /// Access tokens, and the permissions of each on all secrets: `secretmanager.versions.add`.
    pub tokens: BTreeMap<String, Vec<String>>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, Secret>,
}

/// A secret.
#[derive(Clone, Default)]
pub struct Secret {
    /// Versions by number, from 1; none goes.
    pub versions: BTreeMap<u64, Version>,
}

/// One version.
#[derive(Clone, Default, Serialize)]
pub struct Version {
    /// The payload.
    pub payload: String,
    /// Milliseconds since the emulator started.
    pub added: u64,
    /// Whether it cannot be accessed.
    pub disabled: bool,
}

/// What it holds now comes as a key of its own, so that states compare by it and not by how often they were written.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Secret", 2)?;
        out.serialize_field("holds", &self.holds())?;
        out.serialize_field("versions", &self.versions)?;
        out.end()
    }
}

impl Secret {
    /// What whoever accesses the latest version gets, as JSON where it is that.
    pub fn holds(&self) -> Option<Value> {
        let (_, version) = self.versions.last_key_value()?;
        let text = || serde_json::from_str(&version.payload).unwrap_or_else(|_| json!(version.payload));
        (!version.disabled).then(text)
    }

    /// Adds a version, and gives its number.
    pub fn add(&mut self, payload: String, added: u64) -> u64 {
        let number = self.versions.last_key_value().map_or(1, |(number, _)| number + 1);
        self.versions.insert(number, Version { payload, added, disabled: false });
        number
    }

    /// The number that a request names, by itself or as `latest`.
    fn number(&self, name: &str, moment: &Moment<'_>) -> Option<u64> {
        if name != "latest" {
            return name.parse().ok().filter(|number| self.versions.contains_key(number));
        }
        let then = moment.millis().saturating_sub(moment.switches.gcp.latest_lag_ms);
        let seen = self.versions.iter().rev().find(|(_, version)| version.added <= then);
        seen.or_else(|| self.versions.first_key_value()).map(|(number, _)| *number)
    }
}

impl State {
    /// A project with these secrets, whose fields are given, and one token that may read and add versions.
    pub fn with(draws: &mut Draws, entries: &[(String, Value)]) -> Self {
        let permissions = ["access", "get", "add", "disable", "enable"];
        let permissions = permissions.map(|verb| format!("secretmanager.versions.{verb}"));
        let secrets = entries.iter().map(|(name, fields)| {
            let mut secret = Secret::default();
            secret.add(fields.to_string(), 0);
            (name.clone(), secret)
        });
        Self {
            project: "acme-analytics".to_owned(),
            tokens: [(draws.secret(), permissions.to_vec())].into(),
            secrets: secrets.collect(),
        }
    }
}

/// See the module.
pub struct Gcp;

impl Service for Gcp {
    fn name(&self) -> &'static str {
        "gcp"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        match reply(&mut tenant.gcp, request, moment) {
            Ok(body) => Answer::json(200, &body),
            Err((code, status, message)) => Answer::json(
                code,
                &json!({ "error": { "code": code, "message": message, "status": status } }),
            ),
        }
    }

    fn changes(&self, request: &Request) -> bool {
        request.method != "GET" && !request.path.ends_with(":testIamPermissions")
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        if kind != "gcp-secret-manager" {
            return None;
        }
        let token = tenant.gcp.tokens.keys().next()?;
        let project = format!("{:?}", tenant.gcp.project);
        let settings = vec![("project", project), ("disable-old", "true".to_owned())];
        Some(Client { path: "", credential: token.clone(), settings })
    }

    fn example(&self, tenant: &mut Tenant) {
        // Names have no slash.
        let entries = stored::used(tenant).into_iter().map(|(path, fields)| (path.replace('/', "-"), fields));
        let entries: Vec<(String, Value)> = entries.collect();
        tenant.gcp = State::with(&mut tenant.draws, &entries);
    }

    /// Nobody but the responders and the consumers of secrets has a token.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    fn entries(&self, tenant: &Tenant) -> Vec<Entry> {
        let named = tenant.gcp.secrets.iter().filter_map(|(name, secret)| {
            Some((name.clone(), secret.holds()?.get("username")?.as_str()?.to_owned()))
        });
        stored::entries(tenant, "gcp-secret-manager", named)
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["secrets.*.versions"]
    }
}

type Refusal = (u16, &'static str, String);

fn reply(state: &mut State, request: &Request, moment: &Moment<'_>) -> Result<Value, Refusal> {
    let token = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
    let Some(permissions) = token.and_then(|token| state.tokens.get(token)).cloned() else {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie \
                       or other valid authentication credential.";
        return Err((401, "UNAUTHENTICATED", message.to_owned()));
    };
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let unknown = || (404, "NOT_FOUND", "Method not found.".to_owned());
    let ["v1", "projects", project, "secrets", secret, rest @ ..] = path.as_slice() else {
        return Err(unknown());
    };
    let (name, verb) = match rest {
        [] => secret.rsplit_once(':').unwrap_or((secret, "")),
        ["versions", version] => (*secret, version.rsplit_once(':').map_or("get", |(_, verb)| verb)),
        _ => return Err(unknown()),
    };
    if verb == "testIamPermissions" {
        return Ok(test(state, name, &permissions, request));
    }
    let needed = match verb {
        "addVersion" => "add",
        verb => verb,
    };
    let resource = format!("projects/{project}/secrets/{name}");
    if *project != state.project || !permissions.contains(&format!("secretmanager.versions.{needed}")) {
        let message = format!(
            "Permission 'secretmanager.versions.{needed}' denied for resource '{resource}' (or it may not exist)."
        );
        return Err((403, "PERMISSION_DENIED", message));
    }
    let missing = || (404, "NOT_FOUND", format!("Secret [{resource}] not found or has no versions."));
    let held = state.secrets.get_mut(name).ok_or_else(missing)?;
    let post = request.method == "POST";
    let version = match rest {
        ["versions", version] => version.split(':').next().and_then(|version| held.number(version, moment)),
        _ => None,
    };
    match (verb, version) {
        ("addVersion", _) if post => add(held, &resource, request, moment),
        ("access", Some(number)) if !post => access(held, &resource, number),
        ("get", Some(number)) if !post => Ok(shown(held, &resource, number)),
        ("disable" | "enable", Some(number)) if post => {
            if let Some(version) = held.versions.get_mut(&number) {
                version.disabled = verb == "disable";
            }
            Ok(shown(held, &resource, number))
        }
        (_, None) => Err(missing()),
        _ => Err(unknown()),
    }
}

/// Nothing, rather than an error, where the secret is not there.
fn test(state: &State, name: &str, permissions: &[String], request: &Request) -> Value {
    let body = request.json().unwrap_or_default();
    let asked = body.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
    let has = |asked: &&Value| asked.as_str().is_some_and(|asked| permissions.iter().any(|has| has == asked));
    let granted: Vec<&Value> = asked.iter().filter(has).collect();
    if state.secrets.contains_key(name) { json!({ "permissions": granted }) } else { json!({}) }
}

fn add(
    secret: &mut Secret,
    resource: &str,
    request: &Request,
    moment: &Moment<'_>,
) -> Result<Value, Refusal> {
    let invalid = |what: &str| (400, "INVALID_ARGUMENT", what.to_owned());
    let body = request.json().unwrap_or_default();
    let data =
        body.pointer("/payload/data").and_then(Value::as_str).and_then(|data| STANDARD.decode(data).ok());
    let data = data.ok_or_else(|| invalid("Invalid payload."))?;
    let said = body.pointer("/payload/dataCrc32c").and_then(Value::as_str);
    if said.is_some_and(|said| said.parse() != Ok(checksum(&data))) {
        return Err(invalid("The checksum of the payload does not match."));
    }
    if data.len() > 65_536 {
        return Err(invalid("The payload is larger than 64KiB."));
    }
    let number = secret.add(String::from_utf8_lossy(&data).into_owned(), moment.millis());
    Ok(shown(secret, resource, number))
}

fn access(secret: &Secret, resource: &str, number: u64) -> Result<Value, Refusal> {
    let name = format!("{resource}/versions/{number}");
    match secret.versions.get(&number) {
        Some(version) if !version.disabled => Ok(json!({
            "name": name,
            "payload": {
                "data": STANDARD.encode(&version.payload),
                "dataCrc32c": checksum(version.payload.as_bytes()).to_string(),
            },
        })),
        _ => Err((400, "FAILED_PRECONDITION", format!("Secret Version [{name}] is in DISABLED state."))),
    }
}

fn shown(secret: &Secret, resource: &str, number: u64) -> Value {
    let disabled = secret.versions.get(&number).is_some_and(|version| version.disabled);
    json!({
        "name": format!("{resource}/versions/{number}"), "createTime": "2026-01-05T08:00:00.000000Z",
        "state": if disabled { "DISABLED" } else { "ENABLED" }, "etag": format!("\"16{number}{disabled}\""),
    })
}

/// CRC32C by a table of half bytes.
fn checksum(bytes: &[u8]) -> u64 {
    let table: Vec<u32> = (0..16_u32)
        .map(|index| {
            (0..4).fold(index, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 })
        })
        .collect();
    let half = |crc: u32| crc >> 4 ^ table.get((crc & 15) as usize).copied().unwrap_or_default();
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| half(half(crc ^ u32::from(*byte))));
    u64::from(!crc)
}

#[cfg(test)]
mod tests;
