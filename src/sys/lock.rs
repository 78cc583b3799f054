//! One process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A process's number has at most 10 digits, on every system.
const MAX_DIGITS: usize = 10;

/// An exclusive lock on a file, held until it is dropped or the process ends, however it ends.
///
/// The lock is advisory and the file stays: whoever removed it could let two in. It names the process that took the lock last.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it, or this one has it already.
    #[error("{path} is locked by {by}")]
    Held {
        /// The file.
        path: PathBuf,
        /// The holder: `process 4711`, or that it is not known.
        by: String,
    },
    /// The file cannot be opened, locked or written.
    #[error("cannot lock {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

impl Lock {
    /// Takes the lock without waiting; makes the file (mode 0600) where it is not there.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        let failed = |error| LockError::Io { path: path.to_owned(), error };
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { path: path.to_owned(), by: holder(&file) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        name_holder(&mut file).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn name_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(std::process::id().to_string().as_bytes())
}

/// The process that the file names. Anything but a number is not shown: the file may be anyone's.
fn holder(file: &File) -> String {
    let mut text = String::new();
    let read = file.take(MAX_DIGITS as u64 + 1).read_to_string(&mut text);
    let number =
        !text.is_empty() && text.len() <= MAX_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if read.is_ok() && number { format!("process {text}") } else { "another process".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(path: &Path) -> String {
        match Lock::acquire(path) {
            Err(LockError::Held { by, .. }) => by,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_holds_it_and_the_next_learns_who() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::acquire(&path).unwrap();
        assert_eq!(held_by(&path), format!("process {}", std::process::id()));
        drop(held);
        drop(Lock::acquire(&path).unwrap());
    }

    #[test]
    fn a_longer_name_of_an_earlier_holder_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        File::create(&path).unwrap().write_all(b"99999999999999999999").unwrap();
        let _held = Lock::acquire(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), std::process::id().to_string());
    }

    #[test]
    fn what_is_no_number_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        for (at, text) in [&b"\x1b[2J"[..], b"", b"12345678901", b"\xff\xfe"].into_iter().enumerate() {
            // A file each: a program that another test starts holds the lock with us until it is loaded.
            let path = folder.path().join(format!("lock-{at}"));
            let mut file = File::create(&path).unwrap();
            file.write_all(text).unwrap();
            file.try_lock().unwrap();
            assert_eq!(held_by(&path), "another process");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_of_its_own() {
        let error = Lock::acquire(Path::new("/no/such/folder/lock")).unwrap_err();
        assert!(matches!(error, LockError::Io { .. }), "{error}");
    }
}
