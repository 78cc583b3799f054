//! The settings of an instance, typed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

use super::address::{self, Use};
use super::catalog::{KindSpec, Setting, SettingKind};
use super::document::{Entry, Section};

/// What a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One line of text.
    Text(String),
    /// A whole number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// A path; where it was relative, from the folder of the file.
    Path(PathBuf),
    /// Lines of text.
    List(Vec<String>),
    /// An address.
    Url(Url),
}

/// The settings of an instance: those of the file, and the defaults of its kind.
///
/// A getter gives `None` where the file is silent and the kind has no default. Settings that a kind requires are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<&'static str, Value>,
}

impl FromIterator<(&'static str, Value)> for Settings {
    fn from_iter<I: IntoIterator<Item = (&'static str, Value)>>(values: I) -> Self {
        Self { values: values.into_iter().collect() }
    }
}

impl Settings {
    /// The settings of a kind in a section of the file.
    pub(super) fn read(kind: &KindSpec, section: &Section<'_>) -> Self {
        let read = |setting: &'static Setting| {
            let entry = if setting.required { section.need(setting.name) } else { section.get(setting.name) };
            let value = match entry {
                Some(entry) => value(setting.value, &entry),
                None => setting.default.and_then(|text| parse(setting.value, text, section.folder())),
            };
            Some((setting.name, value?))
        };
        kind.further().filter_map(read).collect()
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        if let Value::Text(text) = self.values.get(name)? { Some(text) } else { None }
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<u64> {
        if let Value::Number(number) = self.values.get(name)? { Some(*number) } else { None }
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> Option<bool> {
        if let Value::Flag(flag) = self.values.get(name)? { Some(*flag) } else { None }
    }

    /// A path.
    pub fn path(&self, name: &str) -> Option<&Path> {
        if let Value::Path(path) = self.values.get(name)? { Some(path) } else { None }
    }

    /// Lines of text; none where the file is silent.
    pub fn list(&self, name: &str) -> &[String] {
        if let Some(Value::List(list)) = self.values.get(name) { list } else { &[] }
    }

    /// An address.
    pub fn url(&self, name: &str) -> Option<&Url> {
        if let Value::Url(url) = self.values.get(name)? { Some(url) } else { None }
    }
}

fn value(kind: SettingKind, entry: &Entry<'_>) -> Option<Value> {
    Some(match kind {
        SettingKind::Text => Value::Text(entry.text()?.to_owned()),
        // The largest number that TOML has.
        SettingKind::Number => Value::Number(entry.number(0..=i64::MAX.unsigned_abs())?),
        SettingKind::Flag => Value::Flag(entry.flag()?),
        SettingKind::Path => Value::Path(entry.path()?),
        SettingKind::List => Value::List(entry.list()?),
        SettingKind::Url => Value::Url(entry.url(Use::Service)?),
    })
}

/// A default or an example as a catalog writes it.
pub(super) fn parse(kind: SettingKind, text: &str, folder: &Path) -> Option<Value> {
    Some(match kind {
        SettingKind::Text => Value::Text(text.to_owned()),
        SettingKind::Number => Value::Number(text.parse().ok()?),
        SettingKind::Flag => Value::Flag(text.parse().ok()?),
        SettingKind::Path => Value::Path(folder.join(text)),
        SettingKind::List => Value::List(text.split(',').map(|part| part.trim().to_owned()).collect()),
        SettingKind::Url => Value::Url(address::parse(text, Use::Service).ok()?),
    })
}
