//! Stores: where new secrets are put and their consumers read them. A store is one file and one line in [`STORES`].
//!
//! **Invariants.** A write says which version it replaces, and nothing else is replaced. The version before stays
//! readable, as long as the store keeps it. A secret is in no error and no `Debug`.

pub mod aws;
pub mod azure;
mod document;
pub mod file;
pub mod gcp;
pub mod onepassword;
pub mod system;
pub mod vault;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::about::About;
use super::http::{CallError, Stats, Transport};
use super::provider::{Check, OpenError};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::config::{Instance, Settings};
use crate::output::escape::Safe;

/// The kinds of stores there are.
pub const STORES: &[&StoreKind] =
    &[&file::KIND, &vault::KIND, &aws::KIND, &onepassword::KIND, &gcp::KIND, &azure::KIND];

/// A kind of store: how it is configured and how it is opened.
pub struct StoreKind {
    /// Name, settings, what the credential is.
    pub spec: KindSpec,
    /// What it reads, changes and cannot do.
    pub about: About,
    /// Where the credential of an integration goes that names no entry: of the integration's name. `None`: the store
    /// makes no entries.
    pub entry: Option<fn(&str) -> String>,
    /// Opens an instance: checks its settings, sends and writes nothing.
    pub open: fn(Opening) -> Result<Arc<dyn Store>, OpenError>,
}

/// Where new credentials go whose integrations name no store.
#[derive(Debug, Clone)]
pub struct DefaultStore {
    /// The instance.
    pub name: String,
    /// The entry, of the integration's name.
    pub entry: fn(&str) -> String,
}

/// What a store is opened with.
pub struct Opening {
    /// The instance's name.
    pub name: String,
    /// Its settings.
    pub settings: Settings,
    /// Its credential; `None` where the kind takes none.
    pub credential: Option<SecretString>,
    /// The way to it, with any authentication; `None` where the kind has no address.
    pub transport: Option<Transport>,
}

/// Names one version of an entry. A journal has it as a number or as a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Version {
    /// Counts from 1; 0 is that there is no entry, whatever the store.
    Number(u64),
    /// The vendor's own name for it.
    Name(String),
}

impl Version {
    /// There is no entry.
    pub const NONE: Self = Self::Number(0);

    /// Whether there is no entry.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// The number, of stores that count.
    fn number(&self) -> Result<u64, StoreError> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Name(_) => Err(StoreError::Invalid(format!("this store has no {self}: it counts them"))),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(0) => out.write_str("no version"),
            Self::Number(number) => write!(out, "version {number}"),
            Self::Name(name) => write!(out, "version {}", Safe(name)),
        }
    }
}

impl From<u64> for Version {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

/// One version of an entry.
#[derive(Clone)]
pub struct Entry {
    /// Which one.
    pub version: Version,
    /// Its fields. Empty where this version says that the entry was deleted.
    pub fields: BTreeMap<String, SecretString>,
}

/// What a write does with the fields that are there.
#[derive(Clone)]
pub enum Write {
    /// Sets these and keeps the others.
    Merge(BTreeMap<String, SecretString>),
    /// Leaves none but these.
    Replace(BTreeMap<String, SecretString>),
}

/// Why a store gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The request failed; [`CallError::Lost`] of a write leaves its effect unknown.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Somebody else has written; nothing was changed.
    #[error("“{path}” is at {}, not at {expected}", found.as_ref().map_or("another version".to_owned(), Version::to_string))]
    Conflict {
        /// The entry.
        path: String,
        /// The version that was to be replaced.
        expected: Version,
        /// The version that is there, as far as it is known.
        found: Option<Version>,
    },
    /// A path that the store cannot have, or content that is not a store's.
    #[error("{0}")]
    Invalid(String),
    /// A file of the store cannot be used. A write that fails so has changed nothing.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
}

/// Where secrets are kept.
#[async_trait]
pub trait Store: Send + Sync {
    /// The instance's name.
    fn name(&self) -> &str;

    /// The current version; `None` where there never was one.
    async fn read(&self, path: &str) -> Result<Option<Entry>, StoreError>;

    /// Which version is the current one.
    async fn version(&self, path: &str) -> Result<Option<Version>, StoreError> {
        Ok(self.read(path).await?.map(|entry| entry.version))
    }

    /// An earlier version, unless it is gone.
    async fn earlier(&self, path: &str, version: &Version) -> Result<Option<Entry>, StoreError>;

    /// Writes a new version in place of version `expected` ([`Version::NONE`]: there must be none) and says which it is.
    async fn write(
        &self,
        path: &str,
        write: Write,
        expected: &Version,
        key: &str,
    ) -> Result<Version, StoreError>;

    /// Brings back what version `earlier` held, in place of version `now`, by one changing request, and says which
    /// version is current then.
    async fn bring_back(
        &self,
        path: &str,
        earlier: &Version,
        now: &Version,
        key: &str,
    ) -> Result<Version, StoreError> {
        let fields = if earlier.is_none() {
            BTreeMap::new()
        } else {
            let entry = self.earlier(path, earlier).await?;
            let gone = || StoreError::Invalid(format!("{earlier} of “{path}” is not in the store any more"));
            entry.ok_or_else(gone)?.fields
        };
        self.write(path, Write::Replace(fields), now, key).await
    }

    /// Whether versions that a new one has replaced are to be disabled.
    fn disables_old(&self) -> bool {
        false
    }

    /// Whether a version can be read; `None` where there is no such version, or the store cannot disable any.
    async fn is_enabled(&self, path: &str, version: &Version) -> Result<Option<bool>, StoreError> {
        let (_, _) = (path, version);
        Ok(None)
    }

    /// Lets nobody read a version any more, or everybody again who may read the entry.
    async fn enable(
        &self,
        path: &str,
        version: &Version,
        enabled: bool,
        key: &str,
    ) -> Result<(), StoreError> {
        let (_, _, _) = (version, enabled, key);
        Err(StoreError::Invalid(format!("versions of “{path}” cannot be disabled in this store")))
    }

    /// Tries, by reads only, what the credential may do: for `doctor`.
    async fn check(&self) -> Vec<Check>;

    /// Requests sent, refused for the rate limit, and the time spent waiting for it.
    fn stats(&self) -> Stats;
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&String> = self.fields.keys().collect();
        f.debug_struct("Entry").field("version", &self.version).field("fields", &fields).finish()
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, fields) = match self {
            Self::Merge(fields) => ("Merge", fields),
            Self::Replace(fields) => ("Replace", fields),
        };
        f.debug_tuple(name).field(&fields.keys().collect::<Vec<_>>()).finish()
    }
}

/// Whether what new versions replace is disabled, of stores that can do that.
const DISABLE_OLD: Setting = Setting {
    name: "disable-old",
    about: "With --commit, disables the version that a new one has replaced; then it proves nothing any more.",
    value: SettingKind::Flag,
    required: false,
    default: Some("false"),
    example: "true",
};

/// The entry of an integration where names have folders.
fn in_folder(integration: &str) -> String {
    format!("mixpanel/{integration}")
}

/// The same where names have no folders, with `-` for what else they cannot have.
fn flat(integration: &str) -> String {
    let fits = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    format!("mixpanel-{}", integration.chars().map(fits).collect::<String>())
}

/// The first of these instances whose store makes entries.
pub fn default_of(instances: &[Instance]) -> Option<DefaultStore> {
    instances.iter().find_map(|instance| {
        let entry = kind(instance.kind.name)?.entry?;
        Some(DefaultStore { name: instance.name.clone(), entry })
    })
}

/// The kind with this name.
pub fn kind(name: &str) -> Option<&'static StoreKind> {
    STORES.iter().find(|kind| kind.spec.name == name).copied()
}
