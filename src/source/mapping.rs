//! The user's mapping file: which raw key gives which field.
//!
//! TOML, one table `[fields]`: `"@timestamp" = "When"` or a list, most wanted first.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

/// Extra raw paths for fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    fields: BTreeMap<String, Vec<String>>,
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
    fields: BTreeMap<String, Names>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
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
        let fields = file.fields.into_iter().map(|(field, names)| match names {
            Names::One(name) => (field, vec![name]),
            Names::Many(names) => (field, names),
        });
        Ok(Self { fields: fields.collect() })
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
}
