//! What lockdown is told: `portcullis.toml`, with its providers, stores, limits and who is told; `integrations.toml`, who uses which
//! credential. No file holds a secret, only references to secrets.
//!
//! Unknown keys are mistakes at every level, and every mistake is told with its line and column, without any value of the
//! file: each could be a secret in the wrong place. Reading never fails otherwise than by a [`ConfigError`], whatever the bytes.

mod address;
pub mod amend;
pub mod catalog;
mod document;
mod error;
mod find;
mod instance;
pub mod inventory;
#[cfg(test)]
pub(crate) mod kinds;
pub mod notify;
pub mod reference;
mod settings;
mod template;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;
use url::Url;

use address::Use;
pub use catalog::{Catalog, KindSpec, Setting, SettingKind};
use document::{Report, Section};
pub use error::{ConfigError, Fault, Problem, UrlFault};
pub use find::{FILE, find};
pub use instance::Instance;
use instance::{Names, Role};
pub use inventory::{Integration, IntegrationKind, Inventory, Known, Pause, Point, Stored};
pub use notify::Notify;
pub use reference::{Door, Reference, ReferenceError, ReferenceFault};
pub use settings::{Settings, Value};
pub use template::template;
pub use words::WordsError;

/// A larger file is not read, in bytes.
const MAX_FILE: usize = 1 << 20;
/// How long verification keeps asking for proof, unless the file says otherwise.
const WAIT: Duration = Duration::from_secs(90);
/// The time that one request has, unless the file says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a read is tried again, unless the file says otherwise.
const DEADLINE: Duration = Duration::from_mins(1);
/// The first wait before something is sent again, unless the file says otherwise: what Mixpanel's documentation asks for.
const BACKOFF: Duration = Duration::from_secs(2);
const MILLISECOND: Duration = Duration::from_millis(1);
/// Objects that one lockdown may change, unless the file says otherwise.
const MAX_OBJECTS: u64 = 50;

const KEYS: [&str; 10] = [
    "incidents",
    "responder",
    "wait",
    "max-objects",
    "inventory",
    "http",
    "notify",
    "provider",
    "store",
    "consumer",
];

/// The configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// The folder in which incidents are kept.
    pub incidents: PathBuf,
    /// Accounts that are never locked out.
    pub responder: Vec<String>,
    /// How long verification keeps asking for proof.
    pub wait: Duration,
    /// Objects that one lockdown may change.
    pub max_objects: usize,
    /// How requests are sent.
    pub http: Http,
    /// Providers, in the order of the file.
    pub providers: Vec<Instance>,
    /// Stores, in the order of the file.
    pub stores: Vec<Instance>,
    /// Consumers that are given new credentials by their own API, in the order of the file.
    pub consumers: Vec<Instance>,
    /// The file that says who uses which credential.
    pub inventory: Option<PathBuf>,
    /// Who is told of an incident.
    pub notify: Notify,
}

/// How requests are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Certificate authorities in PEM, trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy, instead of the one that the environment names.
    pub proxy: Option<Url>,
    /// The time that one request has.
    pub timeout: Duration,
    /// How long a read is tried again, and a change waits for its turn.
    pub deadline: Duration,
    /// The first wait before something is sent again; each further one is twice as long.
    pub backoff: Duration,
}

impl Config {
    /// Reads a file.
    pub fn load(path: &Path, catalog: &Catalog) -> Result<Self, ConfigError> {
        Self::parse(path, &document::read(path, MAX_FILE)?, catalog)
    }

    /// Reads the content of a file. `path` stands in errors, and relative paths count from its folder.
    pub fn parse(path: &Path, bytes: &[u8], catalog: &Catalog) -> Result<Self, ConfigError> {
        let report = Report::new(path, bytes)?;
        match report.parse() {
            Some(table) => {
                let config = read(&report, table.get_ref(), path, catalog);
                report.finish(config)
            }
            None => Err(report.into_error()),
        }
    }

    /// What rows of an inventory may name.
    pub fn known(&self) -> Known<'_> {
        Known { stores: &self.stores, consumers: &self.consumers }
    }

    /// Every instance: providers, stores, consumers.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.providers.iter().chain(&self.stores).chain(&self.consumers)
    }

    /// The store of that name.
    pub fn store(&self, name: &str) -> Option<&Instance> {
        self.stores.iter().find(|store| store.name == name)
    }
}

/// Where something is wrong, and has been noted, a default stands in: it is never used.
fn read(report: &Report<'_>, table: &DeTable<'_>, path: &Path, catalog: &Catalog) -> Config {
    let top = Section::new(report, "", table, 0, &KEYS);
    let incidents = top.get("incidents").and_then(|entry| entry.path());
    let wait =
        top.get("wait").and_then(|entry| entry.duration(Duration::from_secs(1)..=Duration::from_hours(2)));
    let max_objects = top.get("max-objects").and_then(|entry| entry.number(1..=100_000));
    let mut names = Names::new();
    let provider = Role { word: "provider", what: "kind of provider", kinds: catalog.providers };
    let store = Role { word: "store", what: "kind of store", kinds: catalog.stores };
    let consumer = Role { word: "consumer", what: "kind of consumer", kinds: catalog.consumers };
    Config {
        path: path.to_owned(),
        incidents: incidents.unwrap_or_else(|| report.folder().join("incidents")),
        responder: top.get("responder").and_then(|entry| entry.list()).unwrap_or_default(),
        wait: wait.unwrap_or(WAIT),
        max_objects: usize::try_from(max_objects.unwrap_or(MAX_OBJECTS)).unwrap_or(usize::MAX),
        http: http(report, &top),
        providers: instance::read_all(report, provider, &top, &mut names),
        stores: instance::read_all(report, store, &top, &mut names),
        consumers: instance::read_all(report, consumer, &top, &mut names),
        inventory: top.get("inventory").and_then(|entry| entry.path()),
        notify: notify::read(report, &top),
    }
}

fn http(report: &Report<'_>, top: &Section<'_>) -> Http {
    let entry = top.get("http");
    let table = entry.and_then(|entry| Some((entry.table()?, entry.at)));
    let section = table.map(|(table, at)| {
        Section::new(report, "[http]", table, at, &["ca-file", "proxy", "timeout", "deadline", "backoff"])
    });
    let get = |key| section.as_ref().and_then(|section| section.get(key));
    let duration = |key, least| get(key).and_then(|entry| entry.duration(least..=Duration::from_mins(10)));
    let (timeout, deadline) = (duration("timeout", MILLISECOND), duration("deadline", MILLISECOND));
    Http {
        ca_file: get("ca-file").and_then(|entry| entry.path()),
        proxy: get("proxy").and_then(|entry| entry.url(Use::Proxy)),
        timeout: timeout.unwrap_or(TIMEOUT),
        deadline: deadline.unwrap_or(DEADLINE),
        backoff: duration("backoff", MILLISECOND).unwrap_or(BACKOFF),
    }
}

#[cfg(test)]
mod tests;
