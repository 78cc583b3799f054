//! The inventory, `integrations.toml`: who uses which credential, so that a rotation reaches them.
//!
//! ```toml
//! [[integration]]
//! name = "nightly-etl"
//! type = "service-account"
//! project = "1001"
//! credential = "etl.a1b2c3.mp-service-account"   # a username or an id, never the secret
//! store = "vault"                                # the store of portcullis.toml that holds the secret
//! path = "mixpanel/etl"                          # its entry there
//! fields = { username = "username", secret = "secret" }   # the fields of the entry; these are the defaults
//! system = "aws-lambda"                          # the consumer of portcullis.toml that is given the new credential, if it has an API
//! place = "nightly-etl"                          # where in it
//! place-fields = { username = "MIXPANEL_USER", secret = "MIXPANEL_SECRET" }   # the names there; as in the store by default
//! consumer = "airflow on etl-1"
//! owner = "data-team@acme.example"
//! purpose = "Loads yesterday's events."
//! created-by = "jane@agency.example"
//! last-rotated = 2026-01-31
//! restart = "Airflow reads the secret at every run: nothing to do."
//!
//! [[integration]]
//! name = "crm-sync"
//! type = "service-account"
//! credential = "reverse-etl.d4e5f6.mp-service-account"
//! consumer = "Census, sync 15135"
//! system = "census"                              # the consumer of portcullis.toml in which a lockdown pauses what follows
//! pause = ["15135"]                              # flows of it: syncs, users, roles, datasets, as the consumer calls them
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use toml::de::{DeTable, DeValue};

use super::document::{self, Entry, Report, Section};
use super::error::{ConfigError, Fault};
use super::instance::{self, Instance, Names};
use crate::rule::nearest;

/// A larger file is not read, in bytes.
const MAX_FILE: usize = 4 << 20;

const KEYS: [&str; 17] = [
    "name",
    "type",
    "project",
    "credential",
    "store",
    "path",
    "fields",
    "system",
    "place",
    "place-fields",
    "pause",
    "consumer",
    "owner",
    "purpose",
    "created-by",
    "last-rotated",
    "restart",
];

/// Who uses which credential.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The file.
    pub path: PathBuf,
    /// In the order of the file.
    pub integrations: Vec<Integration>,
}

/// One use of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// Its name; no other has it.
    pub name: String,
    /// What it uses.
    pub kind: IntegrationKind,
    /// The project.
    pub project: Option<String>,
    /// Username or id of the service account; always there for one.
    pub credential: Option<String>,
    /// Where the secret is kept.
    pub stored: Option<Stored>,
    /// Where its consumer has a copy of it that an API changes.
    pub point: Option<Point>,
    /// What carries data by it, and can be paused by an API.
    pub pause: Option<Pause>,
    /// Who reads it.
    pub consumer: String,
    /// Whom to ask.
    pub owner: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// Who made it: the accounts of an attacker are worth a second look.
    pub created_by: Option<String>,
    /// When the secret was last changed.
    pub last_rotated: Option<Date>,
    /// How the consumer takes up a new value, for humans.
    pub restart: Option<String>,
}

/// An entry in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The name of a store of the configuration.
    pub store: String,
    /// The entry.
    pub path: String,
    /// The field that holds the username.
    pub username: String,
    /// The field that holds the secret.
    pub secret: String,
}

/// A place in a consumer that has a copy of what is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The name of a consumer of the configuration.
    pub system: String,
    /// Where in it, in the consumer's words: a function.
    pub place: String,
    /// The name under which the username stands there.
    pub username: String,
    /// The name under which the secret stands there.
    pub secret: String,
}

/// What carries data by itself in a system, and is paused when the account may know the credential behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The name of a consumer of the configuration.
    pub system: String,
    /// Flows in it, in the consumer's words, none of which has a `;` or a blank at an end.
    pub flows: Vec<String>,
}

/// The instances of a configuration that rows may name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Its stores.
    pub stores: &'a [Instance],
    /// Its consumers.
    pub consumers: &'a [Instance],
}

/// What an integration uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegrationKind {
    /// A service account.
    ServiceAccount,
    /// A project's token, which only the vendor's support changes.
    ProjectToken,
    /// A project's API secret.
    ApiSecret,
    /// A data pipeline.
    Pipeline,
    /// A warehouse import.
    Warehouse,
    /// A cohort sync.
    CohortSync,
    /// Anything else.
    Other,
}

impl IntegrationKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::ServiceAccount,
        Self::ProjectToken,
        Self::ApiSecret,
        Self::Pipeline,
        Self::Warehouse,
        Self::CohortSync,
        Self::Other,
    ];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service-account",
            Self::ProjectToken => "project-token",
            Self::ApiSecret => "api-secret",
            Self::Pipeline => "pipeline",
            Self::Warehouse => "warehouse",
            Self::CohortSync => "cohort-sync",
            Self::Other => "other",
        }
    }
}

impl Inventory {
    /// Reads a file whose `store` and `system` keys name some of these instances.
    pub fn load(path: &Path, known: Known<'_>) -> Result<Self, ConfigError> {
        Self::parse(path, &document::read(path, MAX_FILE)?, known)
    }

    /// Reads a file whose `store` and `system` keys are not held against a configuration: there is none.
    pub fn load_alone(path: &Path) -> Result<Self, ConfigError> {
        Self::parse_with(path, &document::read(path, MAX_FILE)?, None)
    }

    /// Reads the content of a file; `path` stands in errors.
    pub fn parse(path: &Path, bytes: &[u8], known: Known<'_>) -> Result<Self, ConfigError> {
        Self::parse_with(path, bytes, Some(known))
    }

    /// The same; without instances, any name of one will do.
    pub(crate) fn parse_with(
        path: &Path,
        bytes: &[u8],
        known: Option<Known<'_>>,
    ) -> Result<Self, ConfigError> {
        let report = Report::new(path, bytes)?;
        match report.parse() {
            Some(table) => {
                let integrations = read(&report, table.get_ref(), known);
                report.finish(Self { path: path.to_owned(), integrations })
            }
            None => Err(report.into_error()),
        }
    }
}

fn read(report: &Report<'_>, table: &DeTable<'_>, known: Option<Known<'_>>) -> Vec<Integration> {
    let top = Section::new(report, "", table, 0, &["integration"]);
    let Some(entry) = top.get("integration") else { return Vec::new() };
    let Some(array) = entry.value.as_array() else {
        entry.not::<()>("a table for each: [[integration]]");
        return Vec::new();
    };
    let mut names = Names::new();
    let entries = array.iter().map(|value| Entry::new(report, "integration", value));
    let rows = entries.filter_map(|entry| Some((entry.at, integration(report, &entry, known, &mut names)?)));
    let rows: Vec<(usize, Integration)> = rows.collect();
    one_credential_each(report, &rows);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// An entry of a store, and a name in a consumer, hold one credential: of two, a rotation would lose one.
fn one_credential_each(report: &Report<'_>, rows: &[(usize, Integration)]) {
    let mut entries: HashMap<(&str, &str), &(usize, Integration)> = HashMap::new();
    let mut names: HashMap<(&str, &str, &str), &(usize, Integration)> = HashMap::new();
    for row in rows {
        let (at, Integration { stored, point, credential, .. }) = row;
        if let Some(own) = stored {
            let (line, first) = entries.entry((&own.store, &own.path)).or_insert(row);
            if (&first.stored, &first.credential) != (stored, credential) {
                let place = format!("the entry {} of {}", own.path, own.store);
                report.add_with(*at, || Fault::Shared { place, line: report.line(*line) });
            }
        }
        let Some(own) = point else { continue };
        for name in [&own.username, &own.secret] {
            let (line, first) = names.entry((&own.system, &own.place, name)).or_insert(row);
            if (&first.point, &first.credential) != (point, credential) {
                let place = format!("{name} of {} in {}", own.place, own.system);
                report.add_with(*at, || Fault::Shared { place, line: report.line(*line) });
            }
        }
    }
}

fn integration(
    report: &Report<'_>,
    entry: &Entry<'_>,
    known: Option<Known<'_>>,
    names: &mut Names,
) -> Option<Integration> {
    let section = Section::new(report, "[[integration]]", entry.table()?, entry.at, &KEYS);
    let name = section.need("name").and_then(|entry| {
        let name = entry.text()?;
        instance::claim(report, name, entry.at, names).then(|| name.to_owned())
    });
    let kind = section.need("type").and_then(|entry| kind(&entry));
    let text = |key| section.get(key).and_then(|entry| entry.text()).map(str::to_owned);
    let consumer = section.need("consumer").and_then(|entry| entry.text());
    let credential = if kind == Some(IntegrationKind::ServiceAccount) {
        section.need("credential")
    } else {
        section.get("credential")
    };
    let rotated = section.get("last-rotated");
    let stored = stored(report, &section, known.map(|known| known.stores));
    Some(Integration {
        project: section.get("project").and_then(|entry| project(&entry)),
        credential: credential.and_then(|entry| credential_name(&entry)),
        point: point(report, &section, stored.as_ref(), known.map(|known| known.consumers)),
        pause: pause(&section, known.map(|known| known.consumers)),
        stored,
        owner: text("owner"),
        purpose: text("purpose"),
        created_by: text("created-by"),
        last_rotated: rotated.and_then(|entry| date(&entry)),
        restart: text("restart"),
        name: name?,
        kind: kind?,
        consumer: consumer?.to_owned(),
    })
}

fn kind(entry: &Entry<'_>) -> Option<IntegrationKind> {
    let text = entry.text()?;
    let found = IntegrationKind::ALL.into_iter().find(|kind| kind.name() == text);
    found.or_else(|| {
        let names = || IntegrationKind::ALL.into_iter().map(IntegrationKind::name);
        let near = nearest(text, names()).map(str::to_owned);
        entry.add(Fault::Unknown {
            what: "type of integration",
            near,
            known: names().map(str::to_owned).collect(),
        })
    })
}

/// A project's number, in quotes or not.
fn project(entry: &Entry<'_>) -> Option<String> {
    if entry.value.is_integer() {
        return entry.number(0..=i64::MAX.unsigned_abs()).map(|number| number.to_string());
    }
    entry.text().map(str::to_owned)
}

/// A username or an id. Neither has a colon, as a username with its secret does, or is 32 hexadecimal digits, as the vendor's tokens
/// and API secrets are.
fn credential_name(entry: &Entry<'_>) -> Option<String> {
    let text = entry.text()?;
    let is_secret = text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_secret || text.contains(':') {
        return entry.add(Fault::LooksSecret { key: "credential" });
    }
    Some(text.to_owned())
}

fn date(entry: &Entry<'_>) -> Option<Date> {
    let date = match entry.value {
        DeValue::Datetime(time) => time.date.and_then(|date| {
            let part = |number: u8| i8::try_from(number).ok();
            Date::new(i16::try_from(date.year).ok()?, part(date.month)?, part(date.day)?).ok()
        }),
        DeValue::String(text) if text.len() == "2026-01-31".len() => text.parse().ok(),
        _ => None,
    };
    date.or_else(|| entry.not("a date such as 2026-01-31"))
}

fn stored(report: &Report<'_>, section: &Section<'_>, stores: Option<&[Instance]>) -> Option<Stored> {
    let Some(store) = section.get("store") else {
        for key in ["path", "fields"] {
            if let Some(entry) = section.get(key) {
                entry.add::<()>(Fault::Needs { key, other: "store" });
            }
        }
        return None;
    };
    let name = instance_name(&store, "store", stores);
    let path = section.need("path").and_then(|entry| entry.text());
    let (username, secret) = fields(report, section, "fields", ["username", "secret"]);
    Some(Stored { store: name?.to_owned(), path: path?.to_owned(), username: username?, secret: secret? })
}

/// The names of the two fields, where they are not these.
fn fields(
    report: &Report<'_>,
    section: &Section<'_>,
    key: &'static str,
    [username, secret]: [&str; 2],
) -> (Option<String>, Option<String>) {
    let table = section.get(key).and_then(|entry| Some((entry.table()?, entry.at)));
    let place = format!("`{key}`");
    let table = table.map(|(table, at)| Section::new(report, place, table, at, &["username", "secret"]));
    let field = |key: &str, or: &str| match table.as_ref().and_then(|table| table.get(key)) {
        Some(entry) => entry.text().map(str::to_owned),
        None => Some(or.to_owned()),
    };
    (field("username", username), field("secret", secret))
}

/// The name of one of these instances; without them, any will do.
fn instance_name<'a>(entry: &Entry<'a>, what: &'static str, known: Option<&[Instance]>) -> Option<&'a str> {
    let name = entry.text()?;
    let Some(known) = known else { return Some(name) };
    if known.iter().any(|instance| instance.name == name) {
        return Some(name);
    }
    let names = || known.iter().map(|instance| instance.name.as_str());
    let near = nearest(name, names()).map(str::to_owned);
    entry.add(Fault::Unknown { what, near, known: names().map(str::to_owned).collect() })
}

/// What it has is a copy: without a store nobody could bring the old credential back.
fn point(
    report: &Report<'_>,
    section: &Section<'_>,
    stored: Option<&Stored>,
    consumers: Option<&[Instance]>,
) -> Option<Point> {
    let Some(system) = section.get("system") else {
        for key in ["place", "place-fields", "pause"] {
            if let Some(entry) = section.get(key) {
                entry.add::<()>(Fault::Needs { key, other: "system" });
            }
        }
        return None;
    };
    let has_place = section.get("place").is_some() || section.get("place-fields").is_some();
    if section.get("pause").is_some() && !has_place {
        return None;
    }
    if section.get("store").is_none() {
        return system.add(Fault::Needs { key: "system", other: "store" });
    }
    let place = section.need("place").and_then(|entry| entry.text());
    let names = stored.map_or(["username", "secret"], |stored| [&stored.username, &stored.secret]);
    let (username, secret) = fields(report, section, "place-fields", names);
    let system = instance_name(&system, "consumer", consumers);
    Some(Point { system: system?.to_owned(), place: place?.to_owned(), username: username?, secret: secret? })
}

/// Without a system the key has been told already.
fn pause(section: &Section<'_>, consumers: Option<&[Instance]>) -> Option<Pause> {
    let (entry, system) = (section.get("pause")?, section.get("system")?);
    let flows = entry.list()?;
    // In a table that people fill in they are one cell.
    if flows.is_empty() || flows.iter().any(|flow| flow.contains(';') || flow.trim() != flow) {
        return entry.beyond("at least one name, none with `;` or a blank at an end");
    }
    let system = instance_name(&system, "consumer", consumers)?;
    Some(Pause { system: system.to_owned(), flows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, kinds};

    const INSTANCES: &str = "[store.vault]\nbase-url = 'https://v'\ncredential = 'env:V'\n\
                             [consumer.aws-lambda]\nbase-url = 'https://l'\ncredential = 'env:L'\n\
                             [consumer.census]\nkind = 'aws-lambda'\nbase-url = 'https://c'\ncredential = 'env:C'\n";
    const LEAST: &str = "[[integration]]\nname = 'etl'\ntype = 'other'\nconsumer = 'x'\n";

    fn parse(text: &str) -> Result<Vec<Integration>, ConfigError> {
        let config = Config::parse(Path::new("p.toml"), INSTANCES.as_bytes(), &kinds::KNOWN).unwrap();
        let inventory = Inventory::parse(Path::new("i.toml"), text.as_bytes(), config.known());
        inventory.map(|inventory| inventory.integrations)
    }

    /// The one integration of the module's documentation.
    fn documented() -> String {
        let lines = include_str!("inventory.rs").lines().take_while(|line| line.starts_with("//!"));
        let lines = lines.map(|line| line.trim_start_matches("//!").trim_start());
        lines
            .skip_while(|line| *line != "```toml")
            .skip(1)
            .take_while(|line| *line != "```")
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_documented_example_is_read() {
        let [one, sync] = &parse(&documented()).unwrap()[..] else { panic!() };
        assert_eq!((one.name.as_str(), one.kind), ("nightly-etl", IntegrationKind::ServiceAccount));
        assert_eq!(one.project.as_deref(), Some("1001"));
        assert_eq!(one.credential.as_deref(), Some("etl.a1b2c3.mp-service-account"));
        let stored = one.stored.as_ref().unwrap();
        assert_eq!((stored.store.as_str(), stored.path.as_str()), ("vault", "mixpanel/etl"));
        assert_eq!((stored.username.as_str(), stored.secret.as_str()), ("username", "secret"));
        let point = one.point.as_ref().unwrap();
        assert_eq!((point.system.as_str(), point.place.as_str()), ("aws-lambda", "nightly-etl"));
        assert_eq!((point.username.as_str(), point.secret.as_str()), ("MIXPANEL_USER", "MIXPANEL_SECRET"));
        assert_eq!(one.last_rotated, Some(Date::constant(2026, 1, 31)));
        assert_eq!(one.consumer, "airflow on etl-1");
        assert!(
            one.owner.is_some() && one.purpose.is_some() && one.created_by.is_some() && one.restart.is_some()
        );
        let pause = Pause { system: "census".to_owned(), flows: vec!["15135".to_owned()] };
        assert_eq!((one.pause.as_ref(), sync.pause.as_ref(), &sync.point), (None, Some(&pause), &None));
    }

    #[test]
    fn an_entry_and_a_name_hold_one_credential() {
        let row = |name: &str, credential: &str, more: &str| {
            format!(
                "[[integration]]\nname = '{name}'\ntype = 'service-account'\nconsumer = 'x'\ncredential = '{credential}'\n\
                 store = 'vault'\n{more}\n"
            )
        };
        let two = |one: &str, other: &str, more: [&str; 2]| {
            parse(&(row("a", one, more[0]) + &row("b", other, more[1])))
        };
        let told = |result: Result<Vec<Integration>, ConfigError>| result.unwrap_err().to_string();
        let (first, second) = ("path = 'p'", "path = 'p'\nfields = { username = 'u', secret = 's' }");
        assert_eq!(two("7", "7", [first, first]).unwrap().len(), 2, "two consumers of one credential");
        for (one, other, more) in
            [("7", "8", [first, first]), ("7", "8", [first, second]), ("7", "7", [first, second])]
        {
            let told = told(two(one, other, more));
            assert!(told.contains("the entry p of vault is that of another credential in line 1"), "{told}");
        }
        let place = |names: &str, path: &str| {
            format!("path = '{path}'\nsystem = 'aws-lambda'\nplace = 'f'\nplace-fields = {{ {names} }}")
        };
        let (own, others) =
            (place("username = 'A', secret = 'B'", "p"), place("username = 'C', secret = 'D'", "q"));
        assert_eq!(two("7", "8", [&own, &others]).unwrap().len(), 2);
        let shared = place("username = 'B', secret = 'D'", "q");
        let told = told(two("7", "8", [&own, &shared]));
        assert!(told.contains("B of f in aws-lambda is that of another credential in line 1"), "{told}");
    }

    #[test]
    fn little_is_needed_and_the_rest_has_defaults() {
        let [one] = &parse(LEAST).unwrap()[..] else { panic!() };
        assert!(one.credential.is_none() && one.stored.is_none());
        let text = format!(
            "{LEAST}project = 7\nlast-rotated = '2026-01-31'\nstore = 'vault'\npath = 'p'\nfields = {{ secret = 's' }}"
        );
        let [one] = &parse(&text).unwrap()[..] else { panic!() };
        let stored = one.stored.as_ref().unwrap();
        assert_eq!((stored.username.as_str(), stored.secret.as_str()), ("username", "s"));
        assert_eq!(
            (one.project.as_deref(), one.last_rotated),
            (Some("7"), Some(Date::constant(2026, 1, 31)))
        );
        assert!(parse("").unwrap().is_empty());
    }

    const SECRET: &str = "i.toml:5:14: `credential` looks like the secret itself";

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let token = "0123456789abcdef0123456789abcdef";
        for (text, told) in [
            ("integrations = 1".to_owned(), "i.toml:1:1: unknown key `integrations`"),
            ("integration = 1".to_owned(), "i.toml:1:15: `integration` has to be a table for each"),
            ("integration = [1]".to_owned(), "i.toml:1:16: `integration` has to be a table"),
            (format!("{LEAST}ownr = 'x'"), "i.toml:5:1: unknown key `ownr` in [[integration]]"),
            (format!("{LEAST}store = 'valt'\npath = 'x'"), "i.toml:5:9: no such store"),
            (format!("{LEAST}store = 'vault'"), "i.toml:1:1: `path` is missing in [[integration]]"),
            (format!("{LEAST}path = 'x'"), "i.toml:5:8: `path` without `store`"),
            (format!("{LEAST}fields = {{}}"), "i.toml:5:10: `fields` without `store`"),
            (
                format!("{LEAST}store = 'vault'\npath = 'x'\nfields = {{ user = 'x' }}"),
                "i.toml:7:12: unknown key `user` in `fields`",
            ),
            (format!("{LEAST}place = 'x'"), "i.toml:5:9: `place` without `system`"),
            (format!("{LEAST}system = 'x'\nplace = 'x'"), "i.toml:5:10: `system` without `store`"),
            (
                format!("{LEAST}store = 'vault'\npath = 'x'\nsystem = 'aws-lambda'"),
                "i.toml:1:1: `place` is missing in [[integration]]",
            ),
            (
                format!("{LEAST}store = 'vault'\npath = 'x'\nsystem = 'aws-lamda'\nplace = 'x'"),
                "i.toml:7:10: no such consumer",
            ),
            (
                format!("{LEAST}store = 'vault'\npath = 'x'\nsystem = 'aws-lambda'\nplace = 'a\tb'"),
                "i.toml:8:9: `place` has to be one line",
            ),
            (
                format!(
                    "{LEAST}store = 'vault'\npath = 'x'\nsystem = 'aws-lambda'\nplace = 'x'\nplace-fields = {{ key = 'x' }}"
                ),
                "i.toml:9:18: unknown key `key` in `place-fields`",
            ),
            (format!("{LEAST}last-rotated = 2026"), "i.toml:5:16: `last-rotated` has to be a date"),
            (format!("{LEAST}last-rotated = 07:32:00"), "i.toml:5:16: `last-rotated` has to be a date"),
            (format!("{LEAST}last-rotated = '2026-02-30'"), "i.toml:5:16: `last-rotated` has to be a date"),
            (format!("{LEAST}credential = '{token}'"), SECRET),
            (format!("{LEAST}credential = 'sa:{token}'"), SECRET),
            (format!("{LEAST}credential = 'etl.a1b2c3.mp-service-account:Zq8L'"), SECRET),
            (
                format!("{LEAST}{}", LEAST.replace("etl", "ETL")),
                "i.toml:6:8: the name `ETL` is taken by line 2",
            ),
            (LEAST.replace("'other'", "'service-acount'"), "i.toml:3:8: no such type of integration"),
            (LEAST.replace("'other'", "'service-account'"), "i.toml:1:1: `credential` is missing"),
            (LEAST.replace("consumer = 'x'", ""), "i.toml:1:1: `consumer` is missing"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(told) && error.lines().count() == 1, "{text}: {error}");
            assert!(!error.contains(token));
        }
    }

    #[test]
    fn what_is_paused_has_names_in_a_system() {
        for (text, told) in [
            (format!("{LEAST}pause = ['1']"), "i.toml:5:9: `pause` without `system`"),
            (format!("{LEAST}system = 'censu'\npause = ['1']"), "i.toml:5:10: no such consumer"),
            (format!("{LEAST}system = 'census'\npause = '1'"), "i.toml:6:9: `pause` has to be a list"),
            (
                format!("{LEAST}system = 'census'\npause = []"),
                "i.toml:6:9: `pause` has to be at least one name",
            ),
            (
                format!("{LEAST}system = 'census'\npause = ['1; 2']"),
                "i.toml:6:9: `pause` has to be at least one name",
            ),
            (
                format!("{LEAST}system = 'census'\npause = ['1\t2']"),
                "i.toml:6:10: `pause` has to be one line",
            ),
            (
                format!("{LEAST}system = 'census'\nplace = 'x'\npause = ['1']"),
                "i.toml:5:10: `system` without `store`",
            ),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(told) && error.lines().count() == 1, "{text}: {error}");
        }
        let text = format!("{LEAST}system = 'census'\npause = ['1', 'two words']");
        let [one] = &parse(&text).unwrap()[..] else { panic!() };
        assert_eq!(one.pause.as_ref().unwrap().flows, ["1", "two words"]);
    }
}
