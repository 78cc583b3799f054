//! What is signed: an in-toto Statement, version 1. It names digests and counts, and nothing that a bag holds, since a
//! disclosed finding carries it along.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::merkle::Hash;
use crate::sys::hash::hex;

/// The statement's type.
const TYPE: &str = "https://in-toto.io/Statement/v1";
/// The predicate's type.
const PREDICATE: &str = "urn:portcullis:evidence:v1";
/// The digest of a Merkle root, which is none of the algorithms that in-toto names.
const MERKLE: &str = "rfc6962-sha256";

/// The statement of a seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    /// What is claimed of the subjects.
    pub predicate: Predicate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: BTreeMap<String, String>,
}

/// What is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predicate {
    /// The incident's name.
    pub incident: String,
    /// Its last verdict; none where no run ended with one.
    pub verdict: Option<String>,
    /// When it was sealed, by the clock of the machine that sealed it: RFC 3339, UTC.
    pub sealed: String,
    /// What sealed it.
    pub tool: Tool,
    /// How much there is.
    pub counts: Counts,
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `portcullis`.
    pub name: String,
    /// Such as `0.1.0`.
    pub version: String,
}

/// How much a bag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Lines of the journal.
    pub journal: u64,
    /// Lines of the findings; none where no findings were given, which is not the same as no findings.
    pub findings: Option<u64>,
    /// Files in `data/`.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Statement {
    /// With no subjects yet.
    pub fn new(predicate: Predicate) -> Self {
        let (kind, predicate_type) = (TYPE.to_owned(), PREDICATE.to_owned());
        Self { kind, subject: Vec::new(), predicate_type, predicate }
    }

    /// Adds a file.
    pub fn file(&mut self, name: &str, sha256: &str) {
        self.add(name, "sha256", sha256.to_owned());
    }

    /// Adds the Merkle root over the lines of a file.
    pub fn lines(&mut self, name: &str, root: &Hash) {
        self.add(name, MERKLE, hex(root));
    }

    fn add(&mut self, name: &str, algorithm: &str, digest: String) {
        let digest = BTreeMap::from([(algorithm.to_owned(), digest)]);
        self.subject.push(Subject { name: name.to_owned(), digest });
    }

    /// The SHA-256 of a file.
    pub fn of_file(&self, name: &str) -> Option<&str> {
        self.find(name, "sha256")
    }

    /// The Merkle root over the lines of a file.
    pub fn of_lines(&self, name: &str) -> Option<&str> {
        self.find(name, MERKLE)
    }

    fn find(&self, name: &str, algorithm: &str) -> Option<&str> {
        let named = self.subject.iter().filter(|subject| subject.name == name);
        named.filter_map(|subject| subject.digest.get(algorithm)).map(String::as_str).next()
    }

    /// As JSON, for people too.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A structure of strings and numbers cannot fail to serialise.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// From JSON. Fields that are not known are left alone, as in-toto asks.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let statement: Self = serde_json::from_slice(bytes).map_err(|error| {
            format!(
                "its statement is not one of Portcullis (line {}, column {})",
                error.line(),
                error.column()
            )
        })?;
        let Self { kind, predicate_type, .. } = &statement;
        for (found, expected) in [(kind, TYPE), (predicate_type, PREDICATE)] {
            if found != expected {
                return Err(format!("its statement is of the type {found:?}, not {expected}"));
            }
        }
        Ok(statement)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn predicate() -> Predicate {
        Predicate {
            incident: "2026-10-24-jane".into(),
            verdict: Some("CONTAINED".into()),
            sealed: "2026-10-25T12:00:00Z".into(),
            tool: Tool { name: "portcullis".into(), version: "0".into() },
            counts: Counts { journal: 3, findings: Some(2), files: 4, bytes: 5 },
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut statement = Statement::new(predicate());
        statement.file("manifest-sha256.txt", "ab");
        statement.lines("data/journal.jsonl", &[1; 32]);
        let read = Statement::from_bytes(&statement.to_bytes()).unwrap();
        assert_eq!(read, statement);
        assert_eq!(read.of_file("manifest-sha256.txt"), Some("ab"));
        assert_eq!(read.of_lines("data/journal.jsonl"), Some("01".repeat(32).as_str()));
        assert_eq!(read.of_file("data/journal.jsonl"), None);
    }

    #[test]
    fn other_statements_are_refused() {
        let text = String::from_utf8(Statement::new(predicate()).to_bytes()).unwrap();
        for (from, to) in
            [("Statement/v1", "Statement/v0.1"), ("evidence:v1", "evidence:v2"), ("\"incident\"", "\"i\"")]
        {
            assert!(Statement::from_bytes(text.replace(from, to).as_bytes()).is_err(), "{from}");
        }
        let more = text.replace("\"predicate\": {", "\"new\": 1, \"predicate\": {");
        assert!(Statement::from_bytes(more.as_bytes()).is_ok());
    }
}
