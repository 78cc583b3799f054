//! Stores: where new secrets are put and their consumers read them. A store is one file and one line in [`STORES`].
//!
//! **Invariants.** A write says which version it replaces, and nothing else is replaced. The version before stays
//! readable, as long as the store keeps it. A secret is in no error and no `Debug`.

pub mod file;
pub mod system;
pub mod vault;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use super::about::About;
use super::http::{CallError, Stats, Transport};
use super::provider::{Check, OpenError};
use crate::config::Settings;
use crate::config::catalog::KindSpec;

/// The kinds of stores there are.
pub const STORES: &[&StoreKind] = &[&file::KIND, &vault::KIND];

/// A kind of store: how it is configured and how it is opened.
pub struct StoreKind {
    /// Name, settings, what the credential is.
    pub spec: KindSpec,
    /// What it reads, changes and cannot do.
    pub about: About,
    /// Opens an instance: checks its settings, sends and writes nothing.
    pub open: fn(Opening) -> Result<Arc<dyn Store>, OpenError>,
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

/// One version of an entry.
#[derive(Clone)]
pub struct Entry {
    /// Counts from 1.
    pub version: u64,
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
    #[error("“{path}” is at {}, not at {}", at(*found), at(Some(*expected)))]
    Conflict {
        /// The entry.
        path: String,
        /// The version that was to be replaced; 0: none.
        expected: u64,
        /// The version that is there, as far as it is known.
        found: Option<u64>,
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

fn at(version: Option<u64>) -> String {
    match version {
        None => "another version".to_owned(),
        Some(0) => "no version".to_owned(),
        Some(version) => format!("version {version}"),
    }
}

/// Where secrets are kept.
#[async_trait]
pub trait Store: Send + Sync {
    /// The instance's name.
    fn name(&self) -> &str;

    /// The current version; `None` where there never was one.
    async fn read(&self, path: &str) -> Result<Option<Entry>, StoreError>;

    /// The number of the current version.
    async fn version(&self, path: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.read(path).await?.map(|entry| entry.version))
    }

    /// An earlier version, unless it is gone.
    async fn earlier(&self, path: &str, version: u64) -> Result<Option<Entry>, StoreError>;

    /// Writes a new version in place of version `expected` (0: there must be none) and gives its number.
    async fn write(&self, path: &str, write: Write, expected: u64, key: &str) -> Result<u64, StoreError>;

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

/// The kind with this name.
pub fn kind(name: &str) -> Option<&'static StoreKind> {
    STORES.iter().find(|kind| kind.spec.name == name).copied()
}
