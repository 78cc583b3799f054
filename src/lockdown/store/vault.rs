//! Vault and `OpenBao`: the key-value engine, version 2.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::document::{Document, text};
use super::{Entry, Opening, Store, StoreError, StoreKind, Version, Write};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, reversible};
use crate::lockdown::http::{Auth, Body, Call, CallError, Reply, Stats, Transport, wipe};
use crate::lockdown::provider::{Check, CheckState, OpenError};

/// The kind.
pub const KIND: StoreKind = StoreKind {
    about: About {
        reads: &["the entries of integrations, at the version that is current"],
        changes: &[reversible("put", "secret")],
        needs: &["read, create, update and patch on the entries (key-value engine, version 2)"],
        cannot: &["telling consumers that read a secret once: they are started anew"],
    },
    spec: KindSpec {
        name: "vault",
        title: "Vault or OpenBao, key-value engine version 2",
        base_url: None,
        credential: "token that may read and patch the entries",
        settings: &[
            Setting {
                name: "base-url",
                about: "Address of the server.",
                value: SettingKind::Url,
                required: true,
                default: None,
                example: "https://vault.acme.example:8200",
            },
            Setting {
                name: "mount",
                about: "Where the engine is mounted.",
                value: SettingKind::Text,
                required: false,
                default: Some("secret"),
                example: "secret",
            },
            Setting {
                name: "namespace",
                about: "Namespace, where the server has them.",
                value: SettingKind::Text,
                required: false,
                default: None,
                example: "security",
            },
        ],
    },
    entry: Some(super::in_folder),
    open,
};

fn open(opening: Opening) -> Result<Arc<dyn Store>, OpenError> {
    let lacks = |what: &str| OpenError(format!("store {}: {what}", opening.name));
    let transport = opening.transport.as_ref().ok_or_else(|| lacks("`base-url` is missing"))?;
    let secret = opening.credential.clone().ok_or_else(|| lacks("`credential` is missing"))?;
    let auth = Auth::Header { name: "x-vault-token", prefix: "", secret };
    let mount = opening.settings.text("mount").unwrap_or("secret");
    let mount = segments(mount).map_err(|error| lacks(&format!("`mount`: {error}")))?;
    Ok(Arc::new(Vault {
        transport: transport.with_auth(auth),
        mount: mount.into_iter().map(str::to_owned).collect(),
        namespace: opening.settings.text("namespace").map(str::to_owned),
        name: opening.name,
    }))
}

struct Vault {
    name: String,
    transport: Transport,
    mount: Vec<String>,
    namespace: Option<String>,
}

/// An entry as the server has it: values need not be text.
struct Raw {
    version: u64,
    data: Document,
}

#[async_trait]
impl Store for Vault {
    fn name(&self) -> &str {
        &self.name
    }

    async fn read(&self, path: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.raw(path, None).await?.as_ref().map(entry))
    }

    async fn earlier(&self, path: &str, version: &Version) -> Result<Option<Entry>, StoreError> {
        let raw = self.raw(path, Some(version.number()?)).await?;
        // Deleted or destroyed: what it held is not readable.
        Ok(raw.as_ref().filter(|raw| !raw.data.is_empty()).map(entry))
    }

    async fn write(
        &self,
        path: &str,
        write: Write,
        expected: &Version,
        key: &str,
    ) -> Result<Version, StoreError> {
        let expected = expected.number()?;
        let outcome = match &write {
            Write::Merge(fields) if expected > 0 => match self.patch(path, fields, expected, key).await {
                // The token may only read and create, the server is too old, or the current version is deleted.
                Err(StoreError::Call(CallError::Refused { status: 403..=405, .. })) => {
                    self.rewrite(path, &write, expected, key).await
                }
                outcome => outcome,
            },
            _ => self.rewrite(path, &write, expected, key).await,
        };
        match outcome {
            Err(StoreError::Call(CallError::Refused { status: 400, message, .. }))
                if message.contains("check-and-set parameter did not match") =>
            {
                Err(self.overtaken(path, expected).await)
            }
            outcome => outcome.map(Version::from),
        }
    }

    async fn check(&self) -> Vec<Check> {
        let mut checks = vec![self.check_token().await];
        if checks.iter().all(|check| check.state == CheckState::Works) {
            checks.push(self.check_mount().await);
            checks.push(self.check_rights().await);
        }
        checks
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

impl Vault {
    fn with_headers(&self, call: Call) -> Call {
        // Agents demand it, so that no browser can be made to ask in our name.
        let call = call.header("x-vault-request", "true");
        match &self.namespace {
            Some(namespace) => call.header("x-vault-namespace", namespace.clone()),
            None => call,
        }
    }

    fn data_call(&self, make: fn(&[&str]) -> Call, path: &str) -> Result<Call, StoreError> {
        let mut parts = vec!["v1"];
        parts.extend(self.mount.iter().map(String::as_str));
        parts.push("data");
        parts.extend(segments(path).map_err(StoreError::Invalid)?);
        Ok(self.with_headers(make(&parts)))
    }

    async fn raw(&self, path: &str, version: Option<u64>) -> Result<Option<Raw>, StoreError> {
        let mut call = self.data_call(Call::get, path)?.also(404);
        if let Some(version) = version {
            call = call.query("version", version.to_string());
        }
        let reply = self.transport.read(&call).await?;
        let mut body = reply.json()?;
        let raw = raw_of(&reply, &mut body);
        wipe(&mut body);
        raw
    }

    /// One request that sets fields and keeps the others.
    async fn patch(
        &self,
        path: &str,
        fields: &BTreeMap<String, SecretString>,
        expected: u64,
        key: &str,
    ) -> Result<u64, StoreError> {
        let data = Value::Object(fields.iter().map(|(name, value)| (name.clone(), text(value))).collect());
        let call = self.data_call(Call::patch, path)?;
        self.send(call, Body::MergePatch(content(data, expected)), fields, key).await
    }

    /// Reads the entry and writes all of it, provided that it is still at `expected`.
    async fn rewrite(&self, path: &str, write: &Write, expected: u64, key: &str) -> Result<u64, StoreError> {
        let now = if expected == 0 { None } else { self.raw(path, None).await? };
        let found = now.as_ref().map_or(0, |now| now.version);
        if found != expected {
            return Err(conflict(path, expected, Some(found)));
        }
        let (Write::Merge(fields) | Write::Replace(fields)) = write;
        let data = now.map(|now| now.data).unwrap_or_default().written(write);
        let call = self.data_call(Call::post, path)?;
        self.send(call, Body::Json(content(data.into_value(), expected)), fields, key).await
    }

    async fn send(
        &self,
        call: Call,
        body: Body,
        fields: &BTreeMap<String, SecretString>,
        key: &str,
    ) -> Result<u64, StoreError> {
        let call = fields.values().fold(call.body(body), |call, value| call.hiding(value.clone()));
        let reply = self.transport.change(&call, key).await?;
        let version = reply.json()?.pointer("/data/version").and_then(Value::as_u64);
        // An engine of version 1 would take the request too, and keep nothing of the old.
        version.ok_or_else(|| {
            let what = "the store did not say which version it wrote: is the engine of version 2?";
            CallError::Lost { what: what.to_owned() }.into()
        })
    }

    async fn overtaken(&self, path: &str, expected: u64) -> StoreError {
        let found = match self.raw(path, None).await {
            Ok(raw) => Some(raw.map_or(0, |raw| raw.version)),
            Err(_) => None,
        };
        conflict(path, expected, found)
    }

    async fn check_token(&self) -> Check {
        let call = self.with_headers(Call::get(&["v1", "auth", "token", "lookup-self"]));
        let (state, note) = match self.transport.read(&call).await.and_then(|reply| reply.json()) {
            Ok(mut body) => {
                let ttl = body.pointer("/data/ttl").and_then(Value::as_u64).unwrap_or(0);
                // Its `id` is the token.
                wipe(&mut body);
                let note =
                    if ttl == 0 { "does not expire".to_owned() } else { format!("expires in {ttl} s") };
                (CheckState::Works, note)
            }
            Err(error) => refusal(&error),
        };
        Check { what: "use the token".to_owned(), state, note }
    }

    async fn check_mount(&self) -> Check {
        let mount = self.mount.join("/");
        let mut parts = vec!["v1", "sys", "internal", "ui", "mounts"];
        parts.extend(self.mount.iter().map(String::as_str));
        let (state, note) = match self
            .transport
            .read(&self.with_headers(Call::get(&parts)))
            .await
            .and_then(|reply| reply.json())
        {
            Ok(body) if body.pointer("/data/options/version").and_then(Value::as_str) == Some("2") => {
                (CheckState::Works, String::new())
            }
            Ok(_) => (CheckState::Missing, "it is not a key-value engine of version 2".to_owned()),
            Err(error) => refusal(&error),
        };
        Check { what: format!("reach the engine at {mount}/"), state, note }
    }

    /// What the token may do with an entry at the root. Rights to single entries cannot be listed.
    async fn check_rights(&self) -> Check {
        let path = format!("{}/data/portcullis", self.mount.join("/"));
        let call = self.with_headers(Call::post(&["v1", "sys", "capabilities-self"]));
        // It changes nothing, although it is a POST.
        let reply = self.transport.read(&call.json(json!({ "paths": [path] }))).await;
        let (state, note) = match reply.and_then(|reply| reply.json()) {
            Ok(body) => {
                let has =
                    body.pointer("/data/capabilities").and_then(Value::as_array).cloned().unwrap_or_default();
                rights(&has.iter().filter_map(Value::as_str).collect::<Vec<_>>())
            }
            Err(error) => refusal(&error),
        };
        Check { what: format!("read and write {path}"), state, note }
    }
}

fn rights(has: &[&str]) -> (CheckState, String) {
    if has.contains(&"root") {
        return (CheckState::Works, "with the root token; a token of its own would do".to_owned());
    }
    let needs = ["read", "create", "update"];
    let missing: Vec<&str> = needs.into_iter().filter(|need| !has.contains(need)).collect();
    if missing.is_empty() {
        (CheckState::Works, String::new())
    } else {
        let note =
            format!("there it may not {}; rights to single entries cannot be listed", missing.join(", "));
        (CheckState::Unknown, note)
    }
}

fn refusal(error: &CallError) -> (CheckState, String) {
    let state = if error.status() == Some(403) { CheckState::Missing } else { CheckState::Unknown };
    (state, error.to_string())
}

fn conflict(path: &str, expected: u64, found: Option<u64>) -> StoreError {
    StoreError::Conflict { path: path.to_owned(), expected: expected.into(), found: found.map(Version::from) }
}

fn content(data: Value, expected: u64) -> Value {
    // Moved, not copied: the request wipes what it carries.
    Map::from_iter([("options".to_owned(), json!({ "cas": expected })), ("data".to_owned(), data)]).into()
}

fn entry(raw: &Raw) -> Entry {
    Entry { version: raw.version.into(), fields: raw.data.fields() }
}

/// What a read answered. Not found is either an entry that never was, a deleted version, or a wrong mount.
fn raw_of(reply: &Reply, body: &mut Value) -> Result<Option<Raw>, StoreError> {
    if let Some(version) = body.pointer("/data/metadata/version").and_then(Value::as_u64) {
        let data = body.pointer_mut("/data/data").map(Value::take);
        let data = if let Some(Value::Object(data)) = data { data } else { Map::new() };
        return Ok(Some(Raw { version, data: data.into() }));
    }
    let errors = body.get("errors").and_then(Value::as_array);
    match errors {
        Some(errors) if reply.status == 404 && errors.is_empty() => Ok(None),
        Some(errors) if reply.status == 404 => {
            let errors: Vec<&str> = errors.iter().filter_map(Value::as_str).collect();
            Err(StoreError::Invalid(crate::output::escape::shortened(&errors.join("; "), 300)))
        }
        _ => Err(CallError::Lost {
            what: "the answer is not that of a key-value engine of version 2".to_owned(),
        }
        .into()),
    }
}

fn segments(path: &str) -> Result<Vec<&str>, String> {
    let parts: Vec<&str> = path.split('/').collect();
    // The server takes these for something else, or answers with a redirect.
    if parts.iter().any(|part| matches!(part.trim(), "" | "." | "..")) {
        return Err(format!("“{path}” is no path: write it as in team/service"));
    }
    Ok(parts)
}
