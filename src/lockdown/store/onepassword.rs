//! 1Password Connect. <https://developer.1password.com/docs/connect/api-reference>
//!
//! An entry is an item, and its fields are those of the item, by their labels. There is no check-and-set: the version is
//! read before, the change names single fields, and the item is read again. No API shows what an item held before, so that
//! the values that a write replaces stay in fields of their own until the next write, or until they are brought back.

mod item;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use self::item::{Item, Kept};
use super::{Entry, Opening, Store, StoreError, StoreKind, Version, Write};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, reversible};
use crate::lockdown::http::{Auth, Call, CallError, Stats, Transport, wipe};
use crate::lockdown::provider::{Check, CheckState, OpenError};

/// The longest title, in bytes.
const LONGEST: usize = 1024;

/// The kind.
pub const KIND: StoreKind = StoreKind {
    about: About {
        reads: &["the items of integrations, at the version that is current"],
        changes: &[reversible("put", "secret")],
        needs: &["an access token of a Connect server that may read and edit the items of the vault"],
        cannot: &[
            "a check-and-set of the version that is replaced: it is compared before and after",
            "earlier versions of an item: what a write replaces is kept in fields of the item that say so",
            "telling consumers that read a secret once: they are started anew",
        ],
    },
    spec: KindSpec {
        name: "onepassword-connect",
        title: "1Password Connect",
        base_url: None,
        credential: "access token of the Connect server that may edit items in the vault",
        settings: &[
            Setting {
                name: "base-url",
                about: "Address of your Connect server.",
                value: SettingKind::Url,
                required: true,
                default: None,
                example: "https://connect.acme.example",
            },
            Setting {
                name: "vault",
                about: "Name or identifier of the vault with the items.",
                value: SettingKind::Text,
                required: true,
                default: None,
                example: "Analytics",
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
    let vault = opening.settings.text("vault").ok_or_else(|| lacks("`vault` is missing"))?.to_owned();
    check_title(&vault).map_err(|error| lacks(&format!("`vault`: {error}")))?;
    let transport = transport.with_auth(Auth::Bearer(secret));
    let (id, turn) = (OnceCell::new(), Mutex::new(()));
    Ok(Arc::new(Connect { name: opening.name, transport, vault, id, turn }))
}

struct Connect {
    name: String,
    transport: Transport,
    /// As configured.
    vault: String,
    /// Its identifier, once it is known.
    id: OnceCell<String>,
    /// Writes of this process come one after the other.
    turn: Mutex<()>,
}

#[async_trait]
impl Store for Connect {
    fn name(&self) -> &str {
        &self.name
    }

    async fn read(&self, path: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.item(path).await?.map(|item| Entry { version: item.version.into(), fields: item.shown() }))
    }

    async fn earlier(&self, path: &str, version: &Version) -> Result<Option<Entry>, StoreError> {
        let wanted = version.number()?;
        let item = self.item(path).await?;
        let fields =
            item.and_then(|item| if item.version == wanted { Some(item.shown()) } else { item.at(wanted) });
        Ok(fields.map(|fields| Entry { version: version.clone(), fields }))
    }

    async fn write(
        &self,
        path: &str,
        write: Write,
        expected: &Version,
        key: &str,
    ) -> Result<Version, StoreError> {
        let _turn = self.turn.lock().await;
        let wanted = expected.number()?;
        let item = self.expect(path, wanted).await?;
        let (Write::Merge(fields) | Write::Replace(fields)) = &write;
        let Some(item) = item else { return self.create(path, fields, key).await };
        if let Some(name) = item.doubled(fields.keys()) {
            let what = format!("more than one field of “{path}” is called “{name}”: give one another label");
            return Err(StoreError::Invalid(what));
        }
        let version = self.patch(&item, item.patch(&write), fields.values(), key).await?;
        self.compare(path, wanted, version, fields).await?;
        Ok(version.into())
    }

    async fn bring_back(
        &self,
        path: &str,
        earlier: &Version,
        now: &Version,
        key: &str,
    ) -> Result<Version, StoreError> {
        let _turn = self.turn.lock().await;
        let (earlier, now) = (earlier.number()?, now.number()?);
        let Some(item) = self.expect(path, now).await? else { return Ok(Version::NONE) };
        if earlier == 0 {
            let call = Call::delete(&["v1", "vaults", self.vault().await?, "items", &item.id]);
            self.transport.change(&call, key).await?;
            return Ok(Version::NONE);
        }
        let gone =
            || StoreError::Invalid(format!("version {earlier} of “{path}” is not in the store any more"));
        let patch = item.patch_back(earlier).ok_or_else(gone)?;
        let kept: Vec<SecretString> = item.kept.iter().filter_map(Kept::value).cloned().collect();
        Ok(self.patch(&item, patch, kept.iter(), key).await?.into())
    }

    async fn check(&self) -> Vec<Check> {
        let (state, note) = match self.vault().await {
            Ok(id) => match self.transport.read(&Call::get(&["v1", "vaults", id])).await {
                Ok(_) => (CheckState::Works, "whether the token may edit items cannot be read".to_owned()),
                Err(error) => refusal(&error),
            },
            Err(StoreError::Call(error)) => refusal(&error),
            Err(error) => (CheckState::Missing, error.to_string()),
        };
        vec![Check { what: format!("reach the vault {}", self.vault), state, note }]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

impl Connect {
    /// The identifier of the vault.
    async fn vault(&self) -> Result<&str, StoreError> {
        if is_id(&self.vault) {
            return Ok(&self.vault);
        }
        let find = async {
            let call = Call::get(&["v1", "vaults"]).query("filter", format!("name eq \"{}\"", self.vault));
            let reply = self.transport.read(&call).await?.json()?;
            one(&reply, "vault", &self.vault, "name")?.ok_or_else(|| {
                StoreError::Invalid(format!("there is no vault “{}” for this token", self.vault))
            })
        };
        self.id.get_or_try_init(|| find).await.map(String::as_str)
    }

    /// The item of this title or identifier.
    async fn item(&self, path: &str) -> Result<Option<Item>, StoreError> {
        check_title(path).map_err(StoreError::Invalid)?;
        let vault = self.vault().await?;
        let id = if is_id(path) {
            path.to_owned()
        } else {
            let call = Call::get(&["v1", "vaults", vault, "items"]);
            let call = call.query("filter", format!("title eq \"{path}\""));
            let reply = self.transport.read(&call).await?.json()?;
            match one(&reply, "item", path, "title")? {
                Some(id) => id,
                None => return Ok(None),
            }
        };
        let mut answer = match self.transport.read(&Call::get(&["v1", "vaults", vault, "items", &id])).await {
            Ok(reply) => reply.json()?,
            Err(error) if error.status() == Some(404) => {
                // It says the same of a vault that is not there.
                self.transport.read(&Call::get(&["v1", "vaults", vault])).await?;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let item = Item::read(&answer);
        wipe(&mut answer);
        Ok(Some(item?).filter(|item| !item.is_gone))
    }

    /// The item, at this version; 0 is that there has to be none.
    async fn expect(&self, path: &str, version: u64) -> Result<Option<Item>, StoreError> {
        let item = self.item(path).await?;
        let found = item.as_ref().map_or(0, |item| item.version);
        if found == version { Ok(item) } else { Err(conflict(path, version, found)) }
    }

    async fn create(
        &self,
        path: &str,
        fields: &BTreeMap<String, SecretString>,
        key: &str,
    ) -> Result<Version, StoreError> {
        if is_id(path) {
            let what = "is the identifier of an item, and there is none: name a new one by its title";
            return Err(StoreError::Invalid(format!("“{path}” {what}")));
        }
        let vault = self.vault().await?;
        let body = json!({
            "vault": { "id": vault }, "title": path, "category": "API_CREDENTIAL", "fields": item::new(fields),
        });
        let call = Call::post(&["v1", "vaults", vault, "items"]).json(body);
        self.send(call, fields.values(), key).await.map(Version::from)
    }

    async fn patch(
        &self,
        item: &Item,
        patch: Vec<Value>,
        secrets: impl Iterator<Item = &SecretString>,
        key: &str,
    ) -> Result<u64, StoreError> {
        let call = Call::patch(&["v1", "vaults", self.vault().await?, "items", &item.id]);
        self.send(call.json(Value::Array(patch)), secrets, key).await
    }

    /// Sends a change of an item, and gives the version that it made.
    async fn send(
        &self,
        call: Call,
        secrets: impl Iterator<Item = &SecretString>,
        key: &str,
    ) -> Result<u64, StoreError> {
        let call = secrets.fold(call, |call, secret| call.hiding(secret.clone()));
        let mut answer = self.transport.change(&call, key).await?.json()?;
        let item = Item::read(&answer);
        wipe(&mut answer);
        Ok(item?.version)
    }

    /// Whether `version` holds what was written, and took the place of version `before`.
    async fn compare(
        &self,
        path: &str,
        before: u64,
        version: u64,
        wanted: &BTreeMap<String, SecretString>,
    ) -> Result<(), StoreError> {
        let lost = |what: String| Err(CallError::Lost { what }.into());
        let item = match self.item(path).await {
            Ok(item) => item,
            Err(error) => {
                return lost(format!("version {version} was written, and cannot be compared: {error}"));
            }
        };
        let held = item.map(|item| item.shown()).unwrap_or_default();
        let same = wanted.iter().all(|(name, value)| {
            held.get(name).is_some_and(|held| held.expose_secret() == value.expose_secret())
        });
        if !same {
            return lost(format!("version {version} was written, and then somebody else wrote to “{path}”"));
        }
        if version > before + 1 {
            return lost(format!(
                "version {version} was written over one that somebody wrote after version {before}"
            ));
        }
        Ok(())
    }
}

/// The identifier of the one that is called so: filters may match more than they say.
fn one(list: &Value, what: &str, name: &str, key: &str) -> Result<Option<String>, StoreError> {
    let gone = |row: &Value| row.get("state").and_then(Value::as_str).is_some_and(item::is_gone);
    let rows = list.as_array().ok_or_else(odd)?;
    let mut named =
        rows.iter().filter(|row| row.get(key).and_then(Value::as_str) == Some(name) && !gone(row));
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some(row), None) => {
            let id = row.get("id").and_then(Value::as_str).filter(|id| is_id(id));
            Ok(Some(id.ok_or_else(odd)?.to_owned()))
        }
        (Some(_), Some(_)) => Err(StoreError::Invalid(format!(
            "there is more than one {what} “{name}”: name it by its identifier"
        ))),
    }
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of 1Password Connect".to_owned() }
}

fn conflict(path: &str, expected: u64, found: u64) -> StoreError {
    StoreError::Conflict { path: path.to_owned(), expected: expected.into(), found: Some(found.into()) }
}

/// Identifiers have 26 lower-case letters and digits.
fn is_id(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Whether a filter can name it: how quotes are written there is not documented.
fn check_title(title: &str) -> Result<(), String> {
    if title.is_empty()
        || title.len() > LONGEST
        || title.contains(['"', '\\'])
        || title.contains(char::is_control)
    {
        return Err(format!("“{title}” cannot be looked for by its title: name it by its identifier"));
    }
    Ok(())
}

fn refusal(error: &CallError) -> (CheckState, String) {
    let state = if matches!(error.status(), Some(401 | 403 | 404)) {
        CheckState::Missing
    } else {
        CheckState::Unknown
    };
    (state, error.to_string())
}
