//! Azure Key Vault: secrets, their versions, and versions that are disabled.
//!
//! Shapes, statuses and codes are those of the REST reference, version 7.4.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::draws::Draws;
use super::{Answer, Client, Entry, Moment, Request, Service, Tenant, stored};

/// Versions on a page.
const PAGE: usize = 25;

/// Its part of the tenant: one vault.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// Access tokens, and the operations on secrets that each may do: `get`, `list`, `set`.
    pub tokens: BTreeMap<String, Vec<String>>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, Secret>,
}

/// A secret: its versions, oldest first.
#[derive(Clone, Default)]
pub struct Secret {
    /// The last one is the current one.
    pub versions: Vec<Version>,
}

/// One version.
#[derive(Clone, Default, Serialize)]
pub struct Version {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The value.
    pub value: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Whether it cannot be read.
    pub disabled: bool,
    /// Content type and tags.
    pub about: Map<String, Value>,
}

/// What it holds now comes as a key of its own, so that states compare by it and not by how often they were written.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Secret", 3)?;
        out.serialize_field("holds", &self.holds())?;
        out.serialize_field("about", &self.versions.last().map(|version| &version.about))?;
        out.serialize_field("versions", &self.versions)?;
        out.end()
    }
}

impl Secret {
    /// What whoever reads it without naming a version gets, as JSON where it is that.
    pub fn holds(&self) -> Option<Value> {
        let version = self.versions.last().filter(|version| !version.disabled)?;
        Some(serde_json::from_str(&version.value).unwrap_or_else(|_| json!(version.value)))
    }
}

impl State {
    /// A vault with these secrets, whose fields are given, and one token that may read, list and set them.
    pub fn with(draws: &mut Draws, entries: &[(String, Value)]) -> Self {
        let token = draws.secret();
        let secrets = entries.iter().map(|(name, fields)| {
            let about = json!({ "contentType": "application/json", "tags": { "team": "analytics" } });
            let about = about.as_object().cloned().unwrap_or_default();
            let (id, value) = (version_id(draws), fields.to_string());
            let version = Version { id, value, created: 1_767_600_000, disabled: false, about };
            (name.clone(), Secret { versions: vec![version] })
        });
        let secrets = secrets.collect();
        Self { tokens: [(token, ["get", "list", "set"].map(str::to_owned).to_vec())].into(), secrets }
    }
}

fn version_id(draws: &mut Draws) -> String {
    format!("{:016x}{:016x}", draws.below(u64::MAX), draws.below(u64::MAX))
}

/// See the module.
pub struct Azure;

impl Service for Azure {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        let Tenant { azure, draws, .. } = tenant;
        match reply(azure, draws, request, moment) {
            Ok(body) => Answer::json(200, &body),
            Err((status, code, message)) => {
                let mut error = json!({ "code": code, "message": message });
                if let (Some(error), true) = (error.as_object_mut(), message.contains("disabled")) {
                    error.insert("innererror".to_owned(), json!({ "code": "SecretDisabled" }));
                }
                let answer = Answer::json(status, &json!({ "error": error }));
                let challenge = "Bearer authorization=\"https://login.microsoftonline.com/x\", resource=\"https://vault.azure.net\"";
                if status == 401 { answer.header("www-authenticate", challenge) } else { answer }
            }
        }
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        if kind != "azure-key-vault" {
            return None;
        }
        let token = tenant.azure.tokens.keys().next()?;
        Some(Client {
            path: "",
            credential: token.clone(),
            settings: vec![("disable-old", "true".to_owned())],
        })
    }

    fn example(&self, tenant: &mut Tenant) {
        // Names have no slash.
        let entries = stored::used(tenant).into_iter().map(|(path, fields)| (path.replace('/', "-"), fields));
        let entries: Vec<(String, Value)> = entries.collect();
        tenant.azure = State::with(&mut tenant.draws, &entries);
    }

    /// Nobody but the responders and the consumers of secrets has a token.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    fn entries(&self, tenant: &Tenant) -> Vec<Entry> {
        let named = tenant.azure.secrets.iter().filter_map(|(name, secret)| {
            Some((name.clone(), secret.holds()?.get("username")?.as_str()?.to_owned()))
        });
        stored::entries(tenant, "azure-key-vault", named)
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["secrets.*.versions"]
    }
}

type Refusal = (u16, &'static str, String);

fn reply(
    state: &mut State,
    draws: &mut Draws,
    request: &Request,
    moment: &Moment<'_>,
) -> Result<Value, Refusal> {
    let token = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
    let Some(rights) = token.and_then(|token| state.tokens.get(token)).cloned() else {
        return Err((401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.".to_owned()));
    };
    if request.parameter("api-version") != Some("7.4") {
        return Err((400, "BadParameter", "api-version must be specified".to_owned()));
    }
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["secrets", name, rest @ ..] = path.as_slice() else {
        return Err((404, "NotFound", "No such resource.".to_owned()));
    };
    let may = |right: &str| {
        let message =
            format!("The user, group or application does not have secrets {right} permission on key vault");
        if rights.iter().any(|has| has == right) { Ok(()) } else { Err((403, "Forbidden", message)) }
    };
    let missing = || {
        let message = format!("A secret with (name/id) {name} was not found in this key vault.");
        (404, "SecretNotFound", message)
    };
    let at = format!("{}/secrets/{name}", request.origin);
    match (request.method.as_str(), rest) {
        ("PUT", []) => {
            may("set")?;
            let id = version_id(draws);
            put(state.secrets.entry((*name).to_owned()).or_default(), id, &at, request, moment)
        }
        ("GET", ["versions"]) => {
            may("list")?;
            Ok(list(state.secrets.get(*name).ok_or_else(missing)?, &at, request))
        }
        ("GET", [] | [_]) => {
            may("get")?;
            let secret = state.secrets.get(*name).ok_or_else(missing)?;
            let version = match rest.first() {
                Some(id) => secret.versions.iter().find(|version| version.id == **id),
                None => secret.versions.last(),
            };
            let version = version.ok_or_else(missing)?;
            if version.disabled {
                let message = "Operation get is not allowed on a disabled secret.".to_owned();
                return Err((403, "Forbidden", message));
            }
            Ok(shown(version, &at, true))
        }
        ("PATCH", [id]) => {
            may("set")?;
            let secret = state.secrets.get_mut(*name).ok_or_else(missing)?;
            let version = secret.versions.iter_mut().find(|version| version.id == *id).ok_or_else(missing)?;
            let body = request.json().unwrap_or_default();
            if let Some(enabled) = body.pointer("/attributes/enabled").and_then(Value::as_bool) {
                version.disabled = !enabled;
            }
            Ok(shown(version, &at, false))
        }
        _ => Err((405, "MethodNotAllowed", "The method is not allowed.".to_owned())),
    }
}

fn put(
    secret: &mut Secret,
    id: String,
    at: &str,
    request: &Request,
    moment: &Moment<'_>,
) -> Result<Value, Refusal> {
    let body = request.json().unwrap_or_default();
    let value = body.get("value").and_then(Value::as_str).filter(|value| value.len() <= 25_600);
    let value = value.ok_or((400, "BadParameter", "Property value has invalid value".to_owned()))?.to_owned();
    let about =
        ["contentType", "tags"].into_iter().filter_map(|key| Some((key.to_owned(), body.get(key)?.clone())));
    let created = moment.wall.nanos / 1_000_000_000;
    let version = Version { id, value, created, disabled: false, about: about.collect() };
    let answer = shown(&version, at, true);
    secret.versions.push(version);
    Ok(answer)
}

fn list(secret: &Secret, at: &str, request: &Request) -> Value {
    let from: usize = request.parameter("$skiptoken").and_then(|from| from.parse().ok()).unwrap_or_default();
    let page = secret.versions.iter().skip(from).take(PAGE);
    let rows: Vec<Value> = page.map(|version| shown(version, at, false)).collect();
    let next = from.saturating_add(PAGE);
    let next =
        (next < secret.versions.len()).then(|| format!("{at}/versions?api-version=7.4&$skiptoken={next}"));
    json!({ "value": rows, "nextLink": next })
}

fn shown(version: &Version, at: &str, with_value: bool) -> Value {
    let mut shown = version.about.clone();
    shown.insert("id".to_owned(), json!(format!("{at}/{}", version.id)));
    shown.insert(
        "attributes".to_owned(),
        json!({
            "enabled": !version.disabled, "created": version.created, "updated": version.created,
            "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90,
        }),
    );
    if with_value {
        shown.insert("value".to_owned(), json!(version.value));
    }
    Value::Object(shown)
}

#[cfg(test)]
mod tests;
