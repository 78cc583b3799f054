//! The user's mapping file: which raw key gives which field, and what its values mean.
//!
//! TOML. `[fields]`: `"@timestamp" = "When"` or a list, most wanted first. `[values."event.outcome"]`: `success = ["ok"]`.
//! `source`, `records` and `time_formats` stand before the tables.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::event::time;

/// Extra raw paths for fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    fields: BTreeMap<String, Vec<String>>,
    values: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    source: Option<String>,
    records: Option<String>,
    time_formats: Vec<String>,
}

/// Why a mapping file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// It cannot be read.
    #[error("cannot read mapping file {path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// It is not what it should be.
    #[error("mapping file {path}: {reason}")]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong, with line and column.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    fields: BTreeMap<String, Names>,
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, Names>>,
    source: Option<String>,
    records: Option<String>,
    #[serde(default)]
    time_formats: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
}

impl Names {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(name) => vec![name],
            Self::Many(names) => names,
        }
    }
}

impl Mapping {
    /// Reads a mapping file.
    pub fn read(path: &Path) -> Result<Self, MappingError> {
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| MappingError::Unreadable { path: name(), error })?;
        Self::parse(&text).map_err(|reason| MappingError::Invalid { path: name(), reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
        if let Some(name) = file.source.as_deref().filter(|name| super::find(name).is_none()) {
            return Err(format!("`source` is {name:?}, which is no source of this program"));
        }
        if let Some((format, reason)) =
            file.time_formats.iter().find_map(|format| Some((format, time::check_format(format).err()?)))
        {
            return Err(format!("time format {format:?}: {reason}"));
        }
        let values = file.values.into_iter().map(|(field, values)| {
            (field, values.into_iter().map(|(value, raw)| (value, raw.list())).collect())
        });
        Ok(Self {
            fields: file.fields.into_iter().map(|(field, names)| (field, names.list())).collect(),
            values: values.collect(),
            source: file.source,
            records: file.records,
            time_formats: file.time_formats,
        })
    }

    /// The source of logs that it is for, where it says so.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Where pages of the log hold their records.
    pub fn records(&self) -> Option<&str> {
        self.records.as_deref()
    }

    /// Formats of times besides those that are known.
    pub fn time_formats(&self) -> &[String] {
        &self.time_formats
    }

    /// Fields, values of theirs, and the raw values that mean them.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str, &[String])> {
        self.values.iter().flat_map(|(field, values)| {
            values.iter().map(move |(value, raw)| (field.as_str(), value.as_str(), raw.as_slice()))
        })
    }

    /// Raw paths that the user gave for a field.
    pub fn paths(&self, field: &str) -> &[String] {
        self.fields.get(field).map_or(&[], Vec::as_slice)
    }

    /// The fields it names.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lists_are_read_and_other_tables_are_refused() {
        let mapping =
            Mapping::parse("[fields]\n\"@timestamp\" = \"When\"\n\"user.email\" = [\"Who\", \"By\"]\n")
                .unwrap();
        assert_eq!(mapping.paths("@timestamp"), ["When"]);
        assert_eq!(mapping.paths("user.email"), ["Who", "By"]);
        assert!(mapping.paths("source.ip").is_empty());
        assert!(Mapping::parse("[felds]\n").unwrap_err().contains("felds"));
    }

    #[test]
    fn values_formats_and_places_are_read_and_checked() {
        let text = "source = \"generic\"\nrecords = \"data.items\"\ntime_formats = [\"%d/%m/%Y %H:%M:%S\"]\n\
                    [values.\"event.outcome\"]\nsuccess = [\"ok\", \"200\"]\nfailure = \"denied\"\n";
        let mapping = Mapping::parse(text).unwrap();
        assert_eq!((mapping.source(), mapping.records()), (Some("generic"), Some("data.items")));
        assert_eq!(mapping.time_formats(), ["%d/%m/%Y %H:%M:%S"]);
        let values: Vec<_> = mapping.values().map(|(_, value, raw)| (value, raw.join(" "))).collect();
        assert_eq!(values, [("failure", "denied".to_owned()), ("success", "ok 200".to_owned())]);
        assert!(Mapping::parse("source = \"acme\"\n").unwrap_err().contains("acme"));
        assert!(Mapping::parse("time_formats = [\"%H:%M\"]\n").unwrap_err().contains("%H:%M"));
        assert!(Mapping::parse("time_formats = [\"%Q9\"]\n").unwrap_err().contains("%Q9"));
    }
}
