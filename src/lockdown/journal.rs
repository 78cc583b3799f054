//! The journal of an incident: one JSON line an entry, each with the SHA-256 of the line before, synced to the disk before
//! anything rests on it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::record::{Entry, Misfit, Record};
use super::step::StepId;
use crate::event::time::{TimeReader, Timestamp};
use crate::sys::append::{Appender, Written};
use crate::sys::crash;
use crate::sys::fs::read_plain_up_to;
use crate::sys::hash::sha256_hex;

/// The name of the file in an incident's folder.
pub const FILE: &str = "journal.jsonl";
/// A journal of more than this is not read: a lockdown of a thousand objects writes about 5 MB.
pub const MAX_BYTES: usize = 1 << 28;
/// What the first line has for the line before it.
const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// Counts from 1.
    seq: u64,
    /// When it was written: UTC, by the clock of this machine.
    time: String,
    /// SHA-256 of the line before, without its line end.
    prev: String,
    #[serde(flatten)]
    entry: Entry,
}

/// An entry and when it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// RFC 3339, UTC.
    pub time: String,
    /// What happened.
    pub entry: Entry,
}

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("cannot write or read the journal {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A line is not one that Portcullis wrote there, or lines are missing.
    #[error("{path}:{line}: {fault}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// Counts from 1.
        line: u64,
        /// What is wrong.
        fault: String,
    },
    /// It is larger than [`MAX_BYTES`].
    #[error("{path} is larger than {MAX_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// An entry that does not fit what came before. Nothing was written.
    #[error("this cannot be written to the journal: {0}")]
    Misfit(#[from] Misfit),
}

/// A journal that is open for writing, and the state that its entries add up to.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Appender,
    seq: u64,
    prev: String,
    record: Record,
}

/// What a journal holds.
#[derive(Debug)]
pub struct Read {
    /// Its entries.
    pub entries: Vec<Timed>,
    /// What they add up to.
    pub record: Record,
    /// Bytes of whole lines; what is after them was being written when the process ended, and nothing rests on it.
    whole: u64,
    /// What the next line has to carry.
    prev: String,
}

impl Read {
    /// When something first and last happened to each step, in nanoseconds since 1970.
    pub fn times(&self) -> BTreeMap<&StepId, (i64, i64)> {
        let reader = TimeReader::default();
        let mut times = BTreeMap::new();
        for timed in &self.entries {
            if let Entry::Step { step, .. } = &timed.entry
                && let Ok(time) = reader.read(timed.time.as_bytes())
            {
                times.entry(step).or_insert((time.nanos, time.nanos)).1 = time.nanos;
            }
        }
        times
    }
}

impl Journal {
    /// Starts the journal at `path`, which must not be there.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let file = Appender::create_new(path).map_err(|error| failed(path, error))?;
        Ok(Self { path: path.to_owned(), file, seq: 0, prev: START.to_owned(), record: Record::default() })
    }

    /// Goes on with the journal at `path`. A last line that was not finished is cut off.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let read = read(path)?;
        let io = |error| failed(path, error);
        let about = std::fs::metadata(path).map_err(io)?;
        if about.len() > read.whole {
            let file = OpenOptions::new().write(true).open(path).map_err(io)?;
            file.set_len(read.whole).and_then(|()| file.sync_all()).map_err(io)?;
        }
        let file = Appender::open(path).map_err(io)?;
        let seq = read.entries.len() as u64;
        Ok(Self { path: path.to_owned(), file, seq, prev: read.prev, record: read.record })
    }

    /// What the entries add up to.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Writes `entry`; once this returns, it survives a crash. Blocks for the disk.
    ///
    /// # Errors
    /// It does not fit, or the disk does not take it. Then nothing may be sent that rests on it.
    pub fn append(&mut self, entry: &Entry, time: Timestamp) -> Result<(), JournalError> {
        self.write(entry, time)?.sync()
    }

    /// Writes `entry`; once it is synced, it survives a crash, and so does all that was written before it. So what rests on a
    /// later entry rests on this one too.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn write(&mut self, entry: &Entry, time: Timestamp) -> Result<Noted, JournalError> {
        self.record.check(entry)?;
        let line = Line {
            seq: self.seq + 1,
            time: time.to_rfc3339(),
            prev: self.prev.clone(),
            entry: entry.clone(),
        };
        let mut text = serde_json::to_string(&line).map_err(|error| failed(&self.path, error.into()))?;
        let digest = sha256_hex(text.as_bytes());
        text.push('\n');
        crash::point("journal");
        let written = self.file.write(text.as_bytes()).map_err(|error| failed(&self.path, error))?;
        (self.seq, self.prev) = (line.seq, digest);
        self.record.apply(entry)?;
        Ok(Noted { path: self.path.clone(), written })
    }
}

/// An entry that was written and may not be on the disk yet.
#[must_use = "nothing may rest on it before it is synced"]
pub struct Noted {
    path: PathBuf,
    written: Written,
}

impl Noted {
    /// Returns when the entry survives a crash. Blocks for the disk; entries that wait side by side are synced together.
    ///
    /// # Errors
    /// The disk does not take it. Then nothing may be sent that rests on it.
    pub fn sync(self) -> Result<(), JournalError> {
        self.written.sync().map_err(|error| failed(&self.path, error))?;
        crash::point("journal");
        Ok(())
    }
}

/// Reads the journal at `path` and checks its chain.
pub fn read(path: &Path) -> Result<Read, JournalError> {
    let file = File::open(path).map_err(|error| failed(path, error))?;
    let bytes = read_plain_up_to(file, MAX_BYTES).map_err(|error| failed(path, error))?;
    let bytes = bytes.ok_or_else(|| JournalError::TooLarge { path: path.to_owned() })?;
    parse(path, &bytes)
}

/// The same from bytes; `path` is for errors.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Read, JournalError> {
    let mut read = Read { entries: Vec::new(), record: Record::default(), whole: 0, prev: START.to_owned() };
    for text in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(text) = text.strip_suffix(b"\n") else { break };
        let number = read.entries.len() as u64 + 1;
        let broken = |fault: String| JournalError::Broken { path: path.to_owned(), line: number, fault };
        let line: Line =
            serde_json::from_slice(text).map_err(|error| broken(format!("not a journal line: {error}")))?;
        if line.seq != number {
            return Err(broken(format!("line {} is here: lines are missing or were added", line.seq)));
        }
        if line.prev != read.prev {
            return Err(broken("the line before was changed after it was written".into()));
        }
        read.record.apply(&line.entry).map_err(|misfit| broken(misfit.to_string()))?;
        read.prev = sha256_hex(text);
        read.whole += text.len() as u64 + 1;
        read.entries.push(Timed { time: line.time, entry: line.entry });
    }
    Ok(read)
}

fn failed(path: &Path, error: io::Error) -> JournalError {
    JournalError::Io { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time() -> Timestamp {
        use crate::sys::clock::{Clock, System};
        System.now()
    }

    fn opened() -> Entry {
        Entry::Opened {
            incident: "i".into(),
            account: "jane@agency.example".into(),
            tag: "t".into(),
            version: "0".into(),
            operation: crate::lockdown::operation::Operation::default(),
        }
    }

    fn passed(pass: u32) -> Entry {
        Entry::Passed { pass, clean: true }
    }

    fn written(path: &Path) -> Vec<u8> {
        let mut journal = Journal::create(path).unwrap();
        journal.append(&opened(), time()).unwrap();
        journal.append(&passed(1), time()).unwrap();
        journal.append(&passed(2), time()).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn what_was_written_is_read_and_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        written(&path);
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.record().clean, 2);
        journal.append(&passed(3), time()).unwrap();
        let read = read(&path).unwrap();
        assert_eq!((read.entries.len(), read.record.clean), (4, 3));
        assert!(matches!(Journal::create(&path), Err(JournalError::Io { .. })));
    }

    #[test]
    fn a_torn_last_line_is_cut_off_at_every_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let bytes = written(&path);
        let whole = bytes.iter().take(bytes.len() - 1).rposition(|byte| *byte == b'\n').unwrap() + 1;
        for end in whole..bytes.len() {
            let torn = folder.path().join(format!("torn-{end}"));
            let mut file = Appender::create_new(&torn).unwrap();
            file.append(&bytes[..end]).unwrap();
            let mut journal = Journal::open(&torn).unwrap();
            assert_eq!(journal.record().clean, 1);
            journal.append(&passed(2), time()).unwrap();
            assert_eq!(read(&torn).unwrap().entries.len(), 3);
        }
    }

    #[test]
    fn every_changed_byte_and_every_missing_line_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = written(&folder.path().join(FILE));
        let last = bytes.iter().take(bytes.len() - 1).rposition(|byte| *byte == b'\n').unwrap();
        for at in 0..last {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(parse(Path::new("j"), &changed).is_err(), "byte {at}");
        }
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        for missing in 0..2 {
            let mut kept = lines.clone();
            kept.remove(missing);
            assert!(parse(Path::new("j"), &kept.concat()).is_err());
        }
    }

    #[test]
    fn an_entry_that_does_not_fit_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let before = written(&path);
        let mut journal = Journal::open(&path).unwrap();
        assert!(matches!(journal.append(&opened(), time()), Err(JournalError::Misfit(Misfit::Opened))));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}
