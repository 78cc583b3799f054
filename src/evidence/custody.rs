//! The custody log: who had a bag when. A line an entry; each is signed and carries the SHA-256 of what came before it, the
//! first one that of the seal. It lies beside the payload and only grows, so that a bag changes hands without being sealed anew.
//!
//! Entries cannot be changed, reordered, or taken from the middle. Whether the last ones were cut off, only somebody who noted
//! the digest of a later one can tell.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::envelope::pae;
use super::key::{PublicKey, SigningKey};
use crate::event::time::Timestamp;
use crate::sys::hash::sha256_hex;

/// The largest log that is read: some ten thousand entries.
pub const LARGEST: usize = 16 << 20;
/// The longest name and the longest note, in characters.
const LONGEST: usize = 500;
/// What is signed says what it is, so that no other signature of the key passes for an entry.
pub(super) const TYPE: &str = "application/vnd.portcullis.custody+json";

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1.
    pub seq: u64,
    /// When it was written, by the clock of the machine that wrote it: RFC 3339, UTC.
    pub time: String,
    /// Who did it.
    pub by: String,
    /// What was done: `handed to …`.
    pub what: String,
    /// A file that this entry adds to the bag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adds: Option<Added>,
    /// A key whose owner may write entries from here on: its SPKI document in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admits: Option<String>,
    /// SHA-256 of the line before without its line end; for the first one, of the seal's file.
    pub prev: String,
    /// The key that signs it.
    pub keyid: String,
}

/// A file that was added after the sealing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// Its path in the bag.
    pub path: String,
    /// Its SHA-256.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    entry: Entry,
    sig: String,
}

/// What somebody notes.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// Who.
    pub by: String,
    /// What.
    pub what: String,
    /// A file that comes into the bag with it.
    pub adds: Option<Added>,
    /// A key that may write from now on.
    pub admits: Option<PublicKey>,
}

/// A log whose entries all hold.
#[derive(Debug, Clone)]
pub struct Log {
    /// Its entries.
    pub entries: Vec<Entry>,
    /// SHA-256 of each entry's line.
    pub digests: Vec<String>,
    /// Keys that may write the next entry; the first is that of the seal.
    keys: Vec<PublicKey>,
    /// What the next entry has to carry.
    head: String,
}

/// An entry that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry}: {fault}")]
pub struct Broken {
    /// Counts from 1.
    pub entry: u64,
    /// Why.
    pub fault: CustodyFault,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustodyFault {
    /// No entry at all.
    #[error("it is not an entry as Portcullis writes it")]
    Form,
    /// The line has no end.
    #[error("it was not finished: writing it was interrupted, or the file was cut")]
    Unfinished,
    /// It is of another place.
    #[error("it is numbered {0}: entries are missing, were added or stand in another order")]
    Place(u64),
    /// What came before is not what it was.
    #[error("what is before it was changed: expected {expected}, found {found}")]
    Chain {
        /// What the entry carries.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The key is none that may write.
    #[error("it is signed by key {0}, which neither sealed the bag nor was admitted by an earlier entry")]
    Key(String),
    /// The signature is not that of the key.
    #[error("its signature is not that of key {0}: it was changed after it was written")]
    Signature(String),
    /// The text cannot be noted.
    #[error("names and notes are one line of 1 to {LONGEST} characters")]
    Text,
}

impl Log {
    /// The log of a seal without entries.
    pub fn new(seal: &[u8], key: PublicKey) -> Self {
        Self { entries: Vec::new(), digests: Vec::new(), keys: vec![key], head: sha256_hex(seal) }
    }

    /// Reads a log's file.
    pub fn parse(bytes: &[u8], seal: &[u8], key: PublicKey) -> Result<Self, Broken> {
        let mut log = Self::new(seal, key);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let broken = |fault| Broken { entry: log.next_number(), fault };
            let line = piece.strip_suffix(b"\n").ok_or_else(|| broken(CustodyFault::Unfinished))?;
            log.take(line).map_err(|fault| Broken { entry: log.next_number(), fault })?;
        }
        Ok(log)
    }

    /// The digest of the last entry, or of the seal.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The next entry's line, with its end; and the log has it.
    ///
    /// # Errors
    /// The key may not write, or the text is not one line.
    pub fn append(
        &mut self,
        note: &Note,
        time: Timestamp,
        key: &SigningKey,
    ) -> Result<Vec<u8>, CustodyFault> {
        if !is_line(&note.by) || !is_line(&note.what) {
            return Err(CustodyFault::Text);
        }
        let entry = Entry {
            seq: self.next_number(),
            time: time.to_rfc3339(),
            by: note.by.clone(),
            what: note.what.clone(),
            adds: note.adds.clone(),
            admits: note.admits.as_ref().map(|key| STANDARD.encode(key.to_der())),
            prev: self.head.clone(),
            keyid: key.public().id(),
        };
        let sig = STANDARD.encode(key.sign(&signed(&entry)));
        let mut line = render(&Line { entry, sig });
        self.take(&line)?;
        line.push(b'\n');
        Ok(line)
    }

    fn next_number(&self) -> u64 {
        self.entries.len() as u64 + 1
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), CustodyFault> {
        let line: Line = serde_json::from_slice(bytes).map_err(|_invalid| CustodyFault::Form)?;
        // One form only: no byte of the file is without meaning.
        if render(&line) != bytes {
            return Err(CustodyFault::Form);
        }
        let Line { entry, sig } = line;
        if entry.seq != self.next_number() {
            return Err(CustodyFault::Place(entry.seq));
        }
        let key = self.keys.iter().find(|key| key.id() == entry.keyid);
        let key = key.ok_or_else(|| CustodyFault::Key(entry.keyid.clone()))?;
        let sig = STANDARD.decode(sig).map_err(|_invalid| CustodyFault::Form)?;
        if !key.verifies(&signed(&entry), &sig) {
            return Err(CustodyFault::Signature(entry.keyid));
        }
        if entry.prev != self.head {
            return Err(CustodyFault::Chain { expected: entry.prev, found: self.head.clone() });
        }
        if let Some(admitted) = &entry.admits {
            let der = STANDARD.decode(admitted).map_err(|_invalid| CustodyFault::Form)?;
            self.keys.push(PublicKey::from_der(&der).ok_or(CustodyFault::Form)?);
        }
        self.head = sha256_hex(bytes);
        self.digests.push(self.head.clone());
        self.entries.push(entry);
        Ok(())
    }
}

fn is_line(text: &str) -> bool {
    let length = text.trim().chars().take(LONGEST + 1).count();
    (1..=LONGEST).contains(&length) && text.chars().count() <= LONGEST && !text.chars().any(char::is_control)
}

fn render(line: &Line) -> Vec<u8> {
    // A structure of strings and numbers cannot fail to serialise.
    serde_json::to_vec(line).unwrap_or_default()
}

fn signed(entry: &Entry) -> Vec<u8> {
    pae(TYPE, &serde_json::to_vec(entry).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::envelope::tests::signing_key;

    const TIME: Timestamp = Timestamp { nanos: 1_777_601_649_000_000_000, digits: 0 };

    fn note(what: &str) -> Note {
        Note { by: "ada@acme.example".into(), what: what.into(), ..Note::default() }
    }

    fn three(key: &SigningKey) -> Vec<Vec<u8>> {
        let mut log = Log::new(b"seal", key.public());
        ["sealed", "copied", "handed to the auditor"]
            .map(|what| log.append(&note(what), TIME, key).unwrap())
            .into()
    }

    fn fault(bytes: &[u8], key: &SigningKey) -> Option<Broken> {
        Log::parse(bytes, b"seal", key.public()).err()
    }

    #[test]
    fn every_byte_counts() {
        let key = signing_key();
        let bytes = three(&key).concat();
        let log = Log::parse(&bytes, b"seal", key.public()).unwrap();
        assert_eq!((log.entries.len(), log.head()), (3, log.digests[2].as_str()));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(fault(&changed, &key).is_some(), "byte {at}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let key = signing_key();
        let lines = three(&key);
        let at =
            |lines: &[&Vec<u8>]| fault(&lines.iter().copied().flatten().copied().collect::<Vec<_>>(), &key);
        let broken = |entry, fault| Some(Broken { entry, fault });
        assert_eq!(at(&[&lines[0], &lines[2], &lines[1]]), broken(2, CustodyFault::Place(3)));
        assert_eq!(at(&[&lines[0], &lines[2]]), broken(2, CustodyFault::Place(3)));
        assert_eq!(at(&[&lines[0], &lines[0]]), broken(2, CustodyFault::Place(1)));
        let cut = lines[1][..lines[1].len() - 1].to_vec();
        assert_eq!(at(&[&lines[0], &cut]), broken(2, CustodyFault::Unfinished));
        let edited = String::from_utf8(lines[1].clone()).unwrap().replace("copied", "burned").into_bytes();
        assert_eq!(at(&[&lines[0], &edited]), broken(2, CustodyFault::Signature(key.public().id())));
        let other = Log::parse(&lines.concat(), b"another seal", key.public()).unwrap_err();
        assert!(matches!(other, Broken { entry: 1, fault: CustodyFault::Chain { .. } }), "{other}");
        let stranger = signing_key();
        let found = fault(&three(&stranger).concat(), &key);
        assert_eq!(found, broken(1, CustodyFault::Key(stranger.public().id())));
        // What cannot be seen in the log alone.
        assert_eq!(at(&[&lines[0], &lines[1]]), None);
    }

    #[test]
    fn an_admitted_key_writes_from_there_on() {
        let (key, next) = (signing_key(), signing_key());
        let mut log = Log::new(b"seal", key.public());
        let early = log.append(&note("too early"), TIME, &next);
        assert_eq!(early, Err(CustodyFault::Key(next.public().id())));
        let admitted = Note { admits: Some(next.public()), ..note("handed over") };
        let mut bytes = log.append(&admitted, TIME, &key).unwrap();
        bytes.extend(log.append(&note("received"), TIME, &next).unwrap());
        assert_eq!(Log::parse(&bytes, b"seal", key.public()).unwrap().entries.len(), 2);
    }

    #[test]
    fn only_lines_are_noted() {
        let key = signing_key();
        for text in ["", "  ", "a\nb", "\u{1b}[2J", &"x".repeat(LONGEST + 1)] {
            let mut log = Log::new(b"seal", key.public());
            assert_eq!(log.append(&note(text), TIME, &key), Err(CustodyFault::Text), "{text:?}");
        }
    }
}
