//! What happens to a bag after it was sealed: entries of the custody log, and a time stamp. The seal stays as it is.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::bag::{Bag, CUSTODY, TIMESTAMP};
use super::check::{self, Good};
use super::custody::{Added, CustodyFault, LARGEST, Log, Note};
use super::key::SigningKey;
use super::timestamp::Stamp;
use super::wrong::{Fault, Wrong};
use crate::event::time::Timestamp;
use crate::sys::append::Appender;
use crate::sys::fs::Pending;
use crate::sys::hash::sha256_hex;

/// Why nothing was noted.
#[derive(Debug, thiserror::Error)]
pub enum HandError {
    /// The bag is wrong: nothing is added to it.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// The entry.
    #[error("the custody log does not take this: {0}")]
    Custody(#[from] CustodyFault),
    /// Another process writes to the log.
    #[error("another process writes to {0}")]
    Busy(PathBuf),
    /// The time stamp does not fit, or there is one already.
    #[error("the time stamp: {0}")]
    Stamp(String),
    /// The log is full.
    #[error("the custody log would be larger than {LARGEST} bytes")]
    Full,
    /// The disk.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

/// What was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The entry's number.
    pub number: u64,
    /// SHA-256 of its line: whoever keeps it can tell later that nothing was cut off.
    pub head: String,
    /// An entry that was not finished was cut off.
    pub cut: bool,
}

/// Appends an entry to a bag that is right. Once this returns, it survives a crash.
pub fn note(path: &Path, note: &Note, at: Timestamp, key: &SigningKey) -> Result<Noted, HandError> {
    let (mut appender, cut) = alone(path)?;
    let good = check::check(path, None, None)?;
    append(path, &mut appender, good, note, at, key).map(|noted| Noted { cut, ..noted })
}

/// Adds a time stamp, in the name of `by`.
pub fn stamp(
    path: &Path,
    response: &[u8],
    by: &str,
    at: Timestamp,
    key: &SigningKey,
) -> Result<Noted, HandError> {
    let (mut appender, cut) = alone(path)?;
    let sha256 = sha256_hex(response);
    // The entry comes first and the file after it: a run that was killed in between is finished by the next one.
    if let Some(noted) = unfinished(path, &sha256)? {
        place(path, response)?;
        check::check(path, None, None)?;
        return Ok(Noted { cut, ..noted });
    }
    let good = check::check(path, None, None)?;
    if let Some(stamp) = &good.stamp {
        return Err(HandError::Stamp(format!("there is one already, of {}", stamp.time)));
    }
    let read = Stamp::parse(response).and_then(|read| read.covers(&good.seal));
    read.map_err(|fault| HandError::Stamp(fault.to_string()))?;
    let adds = Some(Added { path: TIMESTAMP.to_owned(), sha256 });
    let note = Note { by: by.to_owned(), what: "time stamp added".to_owned(), adds, admits: None };
    let noted = append(path, &mut appender, good, &note, at, key)?;
    place(path, response)?;
    Ok(Noted { cut, ..noted })
}

/// The log, for this process alone. An entry that was not finished is cut off: nothing rests on it.
fn alone(path: &Path) -> Result<(Appender, bool), HandError> {
    let bag = Bag::new(path);
    let bytes = bag.read(CUSTODY, LARGEST)?;
    let file = path.join(CUSTODY);
    let mut appender = Appender::open_alone(&file).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => HandError::Busy(file.clone()),
        _ => HandError::Io { path: file.clone(), error },
    })?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let cut = whole < bytes.len();
    if cut {
        appender.cut(whole as u64).map_err(|error| HandError::Io { path: file, error })?;
    }
    Ok((appender, cut))
}

fn append(
    path: &Path,
    appender: &mut Appender,
    good: Good,
    note: &Note,
    at: Timestamp,
    key: &SigningKey,
) -> Result<Noted, HandError> {
    let mut log = good.custody;
    let line = log.append(note, at, key)?;
    let file = path.join(CUSTODY);
    let failed = |error| HandError::Io { path: file.clone(), error };
    let length = std::fs::metadata(&file).map_err(failed)?.len();
    if length.saturating_add(line.len() as u64) > LARGEST as u64 {
        return Err(HandError::Full);
    }
    appender.append(&line).map_err(failed)?;
    Ok(Noted { number: log.entries.len() as u64, head: log.head().to_owned(), cut: false })
}

/// The entry of a time stamp of this digest whose file is not there.
fn unfinished(path: &Path, sha256: &str) -> Result<Option<Noted>, HandError> {
    let bag = Bag::new(path);
    if !matches!(bag.open(TIMESTAMP), Err(Wrong { fault: Fault::Missing, .. })) {
        return Ok(None);
    }
    let (seal, key) = check::seal(&bag, None)?;
    let log =
        Log::parse(&bag.read(CUSTODY, LARGEST)?, &seal, key).map_err(|fault| Wrong::new(CUSTODY, fault))?;
    let names = |added: &Added| added.path == TIMESTAMP && added.sha256 == sha256;
    let last = log.entries.last().filter(|entry| entry.adds.as_ref().is_some_and(names));
    Ok(last.map(|entry| Noted { number: entry.seq, head: log.head().to_owned(), cut: false }))
}

fn place(path: &Path, response: &[u8]) -> Result<(), HandError> {
    let file = path.join(TIMESTAMP);
    let written = Pending::create_private(&file).and_then(|mut pending| {
        pending.write_all(response)?;
        pending.finish_new(&file)
    });
    written.map_err(|error| HandError::Io { path: file, error })
}
