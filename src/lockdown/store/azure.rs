//! Azure Key Vault. <https://learn.microsoft.com/rest/api/keyvault/secrets>
//!
//! The fields of an entry are the members of the JSON object that the secret's value is. A write makes a version; there is
//! no check-and-set, so that the version is read before, and the versions are listed afterwards.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::document::Document;
use super::system::DISABLES;
use super::{DISABLE_OLD, Entry, Opening, Store, StoreError, StoreKind, Version, Write};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, reversible};
use crate::lockdown::http::{Auth, Call, CallError, Next, Reply, Stats, Transport, wipe};
use crate::lockdown::provider::{Check, CheckState, OpenError};

const API: &str = "7.4";
/// A secret that is asked for to see whether the token is taken; it need not be there.
const PROBE: &str = "portcullis";

/// The code of the vendor's own answer that there is no such secret or version.
const NOT_FOUND: &str = "SecretNotFound";

/// The kind.
pub const KIND: StoreKind = StoreKind {
    about: About {
        reads: &["the secrets of integrations, at the current version and at the one before; their versions"],
        changes: &[reversible("put", "secret"), DISABLES],
        needs: &["get, list and set on secrets: the role Key Vault Secrets Officer, or an access policy"],
        cannot: &[
            "a check-and-set of the version that is replaced: it is compared before and after",
            "telling consumers that read a secret once: they are started anew",
        ],
    },
    spec: KindSpec {
        name: "azure-key-vault",
        title: "Azure Key Vault",
        base_url: None,
        credential: "access token for https://vault.azure.net, such as command:az account get-access-token …",
        settings: &[
            Setting {
                name: "base-url",
                about: "Address of the key vault.",
                value: SettingKind::Url,
                required: true,
                default: None,
                example: "https://acme-analytics.vault.azure.net",
            },
            DISABLE_OLD,
        ],
    },
    entry: Some(super::flat),
    open,
};

fn open(opening: Opening) -> Result<Arc<dyn Store>, OpenError> {
    let lacks = |what: &str| OpenError(format!("store {}: {what}", opening.name));
    let transport = opening.transport.as_ref().ok_or_else(|| lacks("`base-url` is missing"))?;
    let secret = opening.credential.clone().ok_or_else(|| lacks("`credential` is missing"))?;
    let transport = transport.with_auth(Auth::Bearer(secret));
    let disables_old = opening.settings.flag(DISABLE_OLD.name).unwrap_or_default();
    Ok(Arc::new(KeyVault { name: opening.name, transport, disables_old, turn: Mutex::new(()) }))
}

struct KeyVault {
    name: String,
    transport: Transport,
    disables_old: bool,
    /// Writes of this process come one after the other.
    turn: Mutex<()>,
}

/// A version, as far as it can be read.
#[derive(Default)]
struct Held {
    version: String,
    /// `None`: disabled.
    document: Option<Document>,
    /// What goes with the value and is not secret: content type, tags, and when it may be used.
    about: Map<String, Value>,
}

/// A line of the list of versions.
struct Listed {
    version: String,
    /// Seconds since 1970.
    created: i64,
}

#[async_trait]
impl Store for KeyVault {
    fn name(&self) -> &str {
        &self.name
    }

    async fn read(&self, path: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.held(path, None).await?.map(Held::entry))
    }

    async fn earlier(&self, path: &str, version: &Version) -> Result<Option<Entry>, StoreError> {
        let held = self.held(path, Some(named(version)?)).await?;
        Ok(held.filter(|held| held.document.is_some()).map(Held::entry))
    }

    async fn write(
        &self,
        path: &str,
        write: Write,
        expected: &Version,
        key: &str,
    ) -> Result<Version, StoreError> {
        let _turn = self.turn.lock().await;
        let held = self.expect(path, expected).await?.unwrap_or_default();
        let document = held.document.unwrap_or_default().written(&write);
        let (Write::Merge(fields) | Write::Replace(fields)) = &write;
        let mut body = held.about;
        body.insert("value".to_owned(), json!(document.to_text().expose_secret()));
        let call = call(Call::put, path, None)?.json(Value::Object(body));
        let call = fields.values().fold(call, |call, value| call.hiding(value.clone()));
        let mut answer = self.transport.change(&call, key).await?.json()?;
        let version = version(&answer);
        wipe(&mut answer);
        let version = version.ok_or_else(odd)?;
        self.compare(path, &held.version, &version).await?;
        Ok(Version::Name(version))
    }

    async fn bring_back(
        &self,
        path: &str,
        earlier: &Version,
        now: &Version,
        key: &str,
    ) -> Result<Version, StoreError> {
        if !earlier.is_none() {
            let gone = || StoreError::Invalid(format!("{earlier} of “{path}” cannot be read any more"));
            let fields = self.earlier(path, earlier).await?.ok_or_else(gone)?.fields;
            return self.write(path, Write::Replace(fields), now, key).await;
        }
        let _turn = self.turn.lock().await;
        self.expect(path, now).await?;
        // There was no secret. A deleted one would keep its name from being used again: this version is shut.
        self.enable(path, now, false, key).await?;
        Ok(now.clone())
    }

    fn disables_old(&self) -> bool {
        self.disables_old
    }

    async fn is_enabled(&self, path: &str, version: &Version) -> Result<Option<bool>, StoreError> {
        let held = self.held(path, Some(named(version)?)).await?;
        Ok(held.map(|held| held.document.is_some()))
    }

    async fn enable(
        &self,
        path: &str,
        version: &Version,
        enabled: bool,
        key: &str,
    ) -> Result<(), StoreError> {
        let body = json!({ "attributes": { "enabled": enabled } });
        self.transport.change(&call(Call::patch, path, Some(named(version)?))?.json(body), key).await?;
        Ok(())
    }

    async fn check(&self) -> Vec<Check> {
        let (state, note) = match self.held(PROBE, None).await {
            Ok(_) => (CheckState::Works, "whether it may set secrets cannot be read".to_owned()),
            Err(StoreError::Call(error)) => refusal(&error),
            Err(error) => (CheckState::Works, error.to_string()),
        };
        vec![Check { what: "read secrets".to_owned(), state, note }]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

impl KeyVault {
    /// What a secret holds at this version, or at the current one; `None` where there is none of it.
    async fn held(&self, path: &str, version: Option<&str>) -> Result<Option<Held>, StoreError> {
        let mut answer = match self.transport.read(&call(Call::get, path, version)?).await {
            Ok(reply) => reply.json()?,
            Err(error) if error.is_missing(NOT_FOUND) => return Ok(None),
            // Among other things it says so of a version that is disabled.
            Err(error) if error.status() == Some(403) => return self.shut(path, version, error).await,
            Err(error) => return Err(error.into()),
        };
        let held = held(path, &answer);
        wipe(&mut answer);
        held.map(Some)
    }

    /// A version that is disabled, if that is why; else the error.
    async fn shut(
        &self,
        path: &str,
        version: Option<&str>,
        error: CallError,
    ) -> Result<Option<Held>, StoreError> {
        let CallError::Refused { message, .. } = &error else { return Err(error.into()) };
        if !message.contains("disabled") {
            return Err(error.into());
        }
        let newest = self.versions(path).await?.into_iter().max_by_key(|listed| listed.created);
        let version = version.map(str::to_owned).or(newest.map(|listed| listed.version));
        let version = version.ok_or_else(odd)?;
        Ok(Some(Held { version, ..Held::default() }))
    }

    /// The current version, which has to be this one.
    async fn expect(&self, path: &str, expected: &Version) -> Result<Option<Held>, StoreError> {
        let held = self.held(path, None).await?;
        let found = held.as_ref().map_or(Version::NONE, |held| Version::Name(held.version.clone()));
        if found == *expected {
            return Ok(held);
        }
        Err(StoreError::Conflict { path: path.to_owned(), expected: expected.clone(), found: Some(found) })
    }

    /// Every version, in no order.
    async fn versions(&self, path: &str) -> Result<Vec<Listed>, StoreError> {
        let mut all = Vec::new();
        let list = call(Call::get, path, Some("versions"))?;
        let each = |reply: &Reply| {
            let page = reply.json()?;
            let rows = page.get("value").and_then(Value::as_array).ok_or_else(odd)?;
            for row in rows {
                let created = row.pointer("/attributes/created").and_then(Value::as_i64);
                all.push(Listed {
                    version: version(row).ok_or_else(odd)?,
                    created: created.unwrap_or_default(),
                });
            }
            Ok(match page.get("nextLink").and_then(Value::as_str) {
                Some(link) => Next::at(link)?,
                None => Next::Done,
            })
        };
        self.transport.pages(list, each).await?;
        Ok(all)
    }

    /// Whether `version` is current, and nobody made another one after `before`.
    async fn compare(&self, path: &str, before: &str, version: &str) -> Result<(), StoreError> {
        let lost = |what: String| Err(CallError::Lost { what }.into());
        let listed = match self.versions(path).await {
            Ok(listed) => listed,
            Err(error) => {
                return lost(format!("version {version} was written, and cannot be compared: {error}"));
            }
        };
        let since = listed.iter().find(|listed| listed.version == before).map(|before| before.created);
        // Times are whole seconds: what was made in the same second may be older.
        let other = listed.iter().find(|listed| {
            listed.version != version
                && listed.version != before
                && since.is_none_or(|since| listed.created > since)
        });
        match other {
            Some(other) => lost(format!(
                "version {version} was written, and somebody else wrote version {} too",
                other.version
            )),
            None => Ok(()),
        }
    }
}

impl Held {
    fn entry(self) -> Entry {
        let fields = self.document.map(|document| document.fields()).unwrap_or_default();
        Entry { version: Version::Name(self.version), fields }
    }
}

fn held(path: &str, answer: &Value) -> Result<Held, StoreError> {
    let version = version(answer).ok_or_else(odd)?;
    let text = answer.get("value").and_then(Value::as_str).ok_or_else(odd)?;
    let document = Document::parse(text).map_err(|why| StoreError::Invalid(format!("“{path}”: {why}")))?;
    let mut about = Map::new();
    for key in ["contentType", "tags"] {
        if let Some(value) = answer.get(key).filter(|value| !value.is_null()) {
            about.insert(key.to_owned(), value.clone());
        }
    }
    let attributes = answer.get("attributes").and_then(Value::as_object);
    let times = attributes.into_iter().flatten().filter(|(key, _)| matches!(key.as_str(), "exp" | "nbf"));
    let times: Map<String, Value> = times.map(|(key, value)| (key.clone(), value.clone())).collect();
    if !times.is_empty() {
        about.insert("attributes".to_owned(), Value::Object(times));
    }
    Ok(Held { version, document: Some(document), about })
}

/// The version in `https://acme.vault.azure.net/secrets/name/0123…`: 32 hexadecimal digits.
fn version(answer: &Value) -> Option<String> {
    let (_, version) = answer.get("id")?.as_str()?.rsplit_once('/')?;
    is_version(version).then(|| version.to_owned())
}

fn is_version(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn call(make: fn(&[&str]) -> Call, path: &str, version: Option<&str>) -> Result<Call, StoreError> {
    if path.is_empty()
        || path.len() > 127
        || !path.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        let what = "is no name of a secret: it has 1 to 127 letters, digits and -";
        return Err(StoreError::Invalid(format!("“{path}” {what}")));
    }
    let segments: Vec<&str> = ["secrets", path].into_iter().chain(version).collect();
    Ok(make(&segments).query("api-version", API))
}

fn named(version: &Version) -> Result<&str, StoreError> {
    match version {
        Version::Name(name) if is_version(name) => Ok(name),
        _ => Err(StoreError::Invalid(format!("Key Vault has no {version}"))),
    }
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of Azure Key Vault".to_owned() }
}

fn refusal(error: &CallError) -> (CheckState, String) {
    let state =
        if matches!(error.status(), Some(401 | 403)) { CheckState::Missing } else { CheckState::Unknown };
    (state, error.to_string())
}
