//! Providers, stores and consumers: `[provider.NAME]`, `[store.NAME]`, `[consumer.NAME]`.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::address::Use;
use super::catalog::{BASE_URL, KindSpec};
use super::document::{Entry, Report, Section};
use super::error::Fault;
use super::reference::Reference;
use super::settings::Settings;
use crate::rule::nearest;

/// Requests a second unless the file says otherwise.
const RATE: f64 = 10.0;
/// Requests side by side unless the file says otherwise.
const CONCURRENCY: u64 = 8;
/// The longest name, in letters.
const MAX_NAME: usize = 64;

/// The keys that every instance may have.
pub(super) const KEYS: [&str; 5] = ["kind", "credential", "requests-per-second", "burst", "concurrency"];

/// A provider, a store or a consumer.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its name: ASCII letters, digits, `-` and `_`. No two instances share one.
    pub name: String,
    /// What it is.
    pub kind: &'static KindSpec,
    /// Where it is; `None` only where the kind takes no address.
    pub base_url: Option<Url>,
    /// Where its credential is to be found; `None` only where the kind takes none.
    pub credential: Option<Reference>,
    /// Requests a second, on average.
    pub requests_per_second: f64,
    /// Requests at once after a pause.
    pub burst: u32,
    /// Requests side by side.
    pub concurrency: usize,
    /// What only its kind has.
    pub settings: Settings,
}

/// What to read: the word for it, and its kinds.
#[derive(Clone, Copy)]
pub(super) struct Role {
    pub(super) word: &'static str,
    pub(super) what: &'static str,
    pub(super) kinds: &'static [&'static KindSpec],
}

/// Names that are taken, in lower case, with their places.
pub(super) type Names = BTreeMap<String, usize>;

/// The instances in a table such as `provider`, in the order of the file.
pub(super) fn read_all<'a>(
    report: &'a Report<'a>,
    role: Role,
    top: &Section<'a>,
    names: &mut Names,
) -> Vec<Instance> {
    let Some(entry) = top.get(role.word) else { return Vec::new() };
    let Some(table) = entry.value.as_table() else {
        entry.not::<()>("a table for each, such as [provider.mixpanel] or [store.vault]");
        return Vec::new();
    };
    let mut tables: Vec<(&Spanned<_>, &Spanned<_>)> = table.iter().collect();
    tables.sort_by_key(|(name, _)| name.span().start);
    tables.into_iter().filter_map(|(name, value)| read(report, role, name, value, names)).collect()
}

fn read<'a>(
    report: &'a Report<'a>,
    role: Role,
    name: &'a Spanned<toml::de::DeString<'a>>,
    value: &'a Spanned<DeValue<'a>>,
    names: &mut Names,
) -> Option<Instance> {
    let at = name.span().start;
    let name: &str = name.get_ref();
    let named = claim(report, name, at, names);
    let table = Entry::new(report, name, value).table()?;
    let kind = kind(report, role, name, at, table)?;
    named.then(|| instance(report, role, name, at, table, kind))?
}

/// Takes a name, if it is one and free.
pub(super) fn claim(report: &Report<'_>, name: &str, at: usize, names: &mut Names) -> bool {
    if !is_name(name) {
        report.add(at, Fault::Name { name: name.to_owned() });
        return false;
    }
    let lower = name.to_ascii_lowercase();
    if let Some(first) = names.get(&lower) {
        report.add_with(at, || Fault::Taken { name: name.to_owned(), line: report.line(*first) });
        return false;
    }
    names.insert(lower, at);
    true
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// What its `kind` says, or else its name.
fn kind<'a>(
    report: &'a Report<'a>,
    role: Role,
    name: &str,
    at: usize,
    table: &'a DeTable<'a>,
) -> Option<&'static KindSpec> {
    let given = table.get_key_value("kind");
    let (word, at) = match given {
        Some((key, value)) => {
            let entry = Entry::new(report, key.get_ref(), value);
            (entry.text()?, entry.at)
        }
        None => (name, at),
    };
    let found = role.kinds.iter().copied().find(|kind| kind.name == word);
    if found.is_none() {
        let near = nearest(word, role.kinds.iter().map(|kind| kind.name)).map(str::to_owned);
        let known = role.kinds.iter().map(|kind| kind.name.to_owned()).collect();
        report.add(at, Fault::Unknown { what: role.what, near, known });
    }
    found
}

fn instance<'a>(
    report: &'a Report<'a>,
    role: Role,
    name: &str,
    at: usize,
    table: &'a DeTable<'a>,
    kind: &'static KindSpec,
) -> Option<Instance> {
    let place = format!("[{}.{name}]", role.word);
    let section = Section::new(report, place, table, at, &keys(kind));
    let credential = if kind.credential.is_empty() { None } else { section.need("credential") };
    let number = |key, limits, default| section.get(key).map_or(Some(default), |entry| entry.number(limits));
    let rate = section.get("requests-per-second");
    let rate = rate.map_or(Some(RATE), |entry| entry.real(0.01..=1000.0));
    let burst = number("burst", 1..=1000, burst(rate.unwrap_or(RATE)));
    let concurrency = number("concurrency", 1..=256, CONCURRENCY);
    let base_url = base_url(kind, &section);
    let label = format!("credential of {name}");
    Some(Instance {
        name: name.to_owned(),
        kind,
        credential: credential.and_then(|entry| entry.reference(&label)),
        settings: Settings::read(kind, &section),
        base_url,
        requests_per_second: rate?,
        burst: u32::try_from(burst?).ok()?,
        concurrency: usize::try_from(concurrency?).ok()?,
    })
}

fn base_url(kind: &KindSpec, section: &Section<'_>) -> Option<Url> {
    let required = kind.own_base_url().is_some_and(|setting| setting.required);
    let entry = if required { section.need(BASE_URL) } else { section.get(BASE_URL) };
    match entry {
        Some(entry) => entry.url(Use::Service),
        None => kind.base_url.and_then(|url| Url::parse(url).ok()),
    }
}

/// Every key that an instance of this kind may have.
pub(super) fn keys(kind: &KindSpec) -> Vec<&'static str> {
    let mut keys: Vec<&str> = kind.settings.iter().map(|setting| setting.name).collect();
    if kind.base_url.is_some() && kind.own_base_url().is_none() {
        keys.push(BASE_URL);
    }
    keys.extend(KEYS.iter().filter(|key| **key != "credential" || !kind.credential.is_empty()));
    keys
}

/// What a second allows, at least one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0.01 and 1000")]
fn burst(requests_per_second: f64) -> u64 {
    requests_per_second.ceil() as u64
}
