//! What the file holds: entries with their last versions.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::super::{Entry, Write};

/// Versions of an entry that are kept, so that a change can be undone.
const KEPT: usize = 20;
/// The only format there has been.
const FORMAT: u32 = 1;

/// All entries.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    format: u32,
    entries: BTreeMap<String, Vec<Version>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    #[serde(rename = "version")]
    number: u64,
    /// Under which it was written: the same write once more is no second one.
    key: String,
    fields: BTreeMap<String, Text>,
}

/// A secret that may be written into the encrypted file.
#[derive(Clone)]
struct Text(SecretString);

/// What a write came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// A new version, not saved yet.
    New(u64),
    /// The same write has been done before.
    Before(u64),
}

impl Default for Content {
    fn default() -> Self {
        Self { format: FORMAT, entries: BTreeMap::new() }
    }
}

impl Content {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        // The message of the parser can hold parts of what it read.
        let content: Self = serde_json::from_slice(bytes).map_err(|error| {
            format!("its content is not that of a store (line {}, column {})", error.line(), error.column())
        })?;
        let rising = |versions: &Vec<Version>| {
            let numbers = versions.iter().map(|version| version.number);
            !versions.is_empty() && numbers.clone().zip(numbers.skip(1)).all(|(first, next)| first < next)
        };
        if content.format != FORMAT {
            return Err(format!("its format is {}, and only {FORMAT} is known", content.format));
        }
        if !content.entries.values().all(rising) {
            return Err("its versions are out of order".to_owned());
        }
        Ok(content)
    }

    pub(super) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        // Escapes make six bytes of one at most: the room suffices, and no copy is left behind by growing.
        let texts = self.entries.iter().flat_map(|(path, versions)| {
            let of = |version: &Version| {
                let fields =
                    version.fields.iter().map(|(name, Text(value))| name.len() + value.expose_secret().len());
                64 + version.key.len() + fields.map(|length| length + 8).sum::<usize>()
            };
            std::iter::once(16 + path.len()).chain(versions.iter().map(of))
        });
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 + 6 * texts.sum::<usize>()));
        serde_json::to_writer(&mut *bytes, self).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn current(&self, path: &str) -> Option<Entry> {
        self.entries.get(path)?.last().map(Version::entry)
    }

    pub(super) fn version(&self, path: &str, version: u64) -> Option<Entry> {
        self.entries.get(path)?.iter().find(|one| one.number == version).map(Version::entry)
    }

    /// Adds a version in place of `expected`; the error is the version that is there.
    pub(super) fn write(
        &mut self,
        path: &str,
        write: &Write,
        expected: u64,
        key: &str,
    ) -> Result<Written, u64> {
        let versions = self.entries.get(path).map(Vec::as_slice).unwrap_or_default();
        let current = versions.last();
        let before = versions.len().checked_sub(2).and_then(|at| versions.get(at));
        if let Some(current) = current.filter(|current| current.key == key && !key.is_empty()) {
            let was = before.map_or(0, |before| before.number);
            if was == expected && same(&current.fields, &fields(before, write)) {
                return Ok(Written::Before(current.number));
            }
        }
        let found = current.map_or(0, |current| current.number);
        if found != expected {
            return Err(found);
        }
        let new = Version { number: expected + 1, key: key.to_owned(), fields: fields(current, write) };
        let versions = self.entries.entry(path.to_owned()).or_default();
        versions.push(new);
        let surplus = versions.len().saturating_sub(KEPT);
        versions.drain(..surplus);
        Ok(Written::New(expected + 1))
    }
}

fn fields(before: Option<&Version>, write: &Write) -> BTreeMap<String, Text> {
    let (mut fields, set) = match write {
        Write::Merge(set) => (before.map(|before| before.fields.clone()).unwrap_or_default(), set),
        Write::Replace(set) => (BTreeMap::new(), set),
    };
    fields.extend(set.iter().map(|(name, value)| (name.clone(), Text(value.clone()))));
    fields
}

fn same(one: &BTreeMap<String, Text>, other: &BTreeMap<String, Text>) -> bool {
    one.len() == other.len()
        && one.iter().all(|(name, Text(value))| {
            other.get(name).is_some_and(|Text(other)| other.expose_secret() == value.expose_secret())
        })
}

impl Version {
    fn entry(&self) -> Entry {
        let fields = self.fields.iter().map(|(name, Text(value))| (name.clone(), value.clone()));
        Entry { version: self.number.into(), fields: fields.collect() }
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(fields: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
        fields.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect()
    }

    #[test]
    fn the_last_versions_are_kept_and_numbers_go_on() {
        let mut content = Content::default();
        for at in 0..30 {
            let write = Write::Merge(set(&[("n", &at.to_string())]));
            assert_eq!(content.write("p", &write, at, &format!("k{at}")), Ok(Written::New(at + 1)));
        }
        let content = Content::parse(&content.to_bytes().unwrap()).unwrap();
        assert!(content.version("p", 10).is_none() && content.version("p", 11).is_some());
        let last = content.current("p").unwrap();
        assert_eq!((last.version, last.fields["n"].expose_secret()), (30.into(), "29"));
    }

    #[test]
    fn the_same_write_twice_is_one_and_another_under_its_key_is_a_conflict() {
        let mut content = Content::default();
        let write = |value| Write::Merge(set(&[("a", value)]));
        assert_eq!(content.write("p", &write("1"), 0, "k"), Ok(Written::New(1)));
        assert_eq!(content.write("p", &write("1"), 0, "k"), Ok(Written::Before(1)));
        assert_eq!(content.write("p", &write("2"), 0, "k"), Err(1));
        assert_eq!(content.write("p", &write("1"), 0, "other"), Err(1));
        assert_eq!(content.write("p", &write("2"), 1, "k2"), Ok(Written::New(2)));
        assert_eq!(content.write("p", &write("1"), 0, "k"), Err(2), "somebody wrote in between");
        assert_eq!(content.write("p", &write("2"), 1, "k2"), Ok(Written::Before(2)));
    }

    #[test]
    fn what_is_no_content_is_an_error_without_its_text() {
        for text in [
            "",
            "{}",
            r#"{"format":1,"entries":{"p":[{"version":1,"key":"k","fields":{"a":canary}}]}}"#,
            r#"{"format":1,"entries":{"p":[{"version":1,"key":"k","fields":{"a":7}}]}}"#,
            r#"{"format":2,"entries":{}}"#,
            r#"{"format":1,"entries":{"p":[]}}"#,
            r#"{"format":1,"entries":{"p":[{"version":2,"key":"","fields":{}},{"version":2,"key":"","fields":{}}]}}"#,
            r#"{"format":1,"entries":{},"canary":1}"#,
        ] {
            let error = Content::parse(text.as_bytes()).err().unwrap();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn there_is_room_for_all_escapes() {
        let mut content = Content::default();
        let nasty = "\u{1}\"\\".repeat(1000);
        content.write("p", &Write::Merge(set(&[(&nasty, &nasty)])), 0, &nasty).unwrap();
        let bytes = content.to_bytes().unwrap();
        assert!(Content::parse(&bytes).is_ok());
    }
}
