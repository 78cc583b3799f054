//! Files that only grow, and are synced.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::fs::{PRIVATE, sync_folder};

/// A file of this user alone (mode 0600) that only grows; what was appended survives a crash.
///
/// A crash during [`append`](Self::append) may leave a part of its bytes at the end: the reader has to recognise that.
#[derive(Debug)]
pub struct Appender {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    file: File,
    /// Bytes written since it was opened.
    written: AtomicU64,
    /// Of those, how many are synced. Who holds it syncs.
    synced: Mutex<u64>,
    /// A write or sync failed.
    broken: AtomicBool,
}

/// Bytes that were written and may not be on the disk yet.
#[derive(Debug)]
#[must_use = "until it is synced it may not survive a crash"]
pub struct Written {
    shared: Arc<Shared>,
    until: u64,
}

impl Appender {
    fn of(file: File) -> Self {
        let (written, synced, broken) = (AtomicU64::new(0), Mutex::new(0), AtomicBool::new(false));
        Self { shared: Arc::new(Shared { file, written, synced, broken }) }
    }

    /// Makes the file, which must not be there yet. Its folder must exist; once this returns, the name survives a crash.
    pub fn create_new(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).mode(PRIVATE).open(path)?;
        file.sync_all()?;
        sync_folder(path)?;
        Ok(Self::of(file))
    }

    /// Goes on with a file that is there.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::of(OpenOptions::new().append(true).open(path)?))
    }

    /// Goes on with a file that no other process appends to as long as this lives.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where another one does.
    pub fn open_alone(path: &Path) -> io::Result<Self> {
        let appender = Self::open(path)?;
        appender.shared.file.try_lock()?;
        Ok(appender)
    }

    /// Cuts off what is after so many bytes.
    pub fn cut(&mut self, length: u64) -> io::Result<()> {
        self.shared.file.set_len(length).and_then(|()| self.shared.file.sync_all())
    }

    /// Writes all of `bytes` at the end and syncs them to the disk.
    ///
    /// # Errors
    /// The first failure is final. What the disk holds is not known then, and bytes after a hole would be worse than none:
    /// every later call fails too.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes)?.sync()
    }

    /// Writes all of `bytes` at the end. What several write side by side, one sync can bring to the disk.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Written> {
        let shared = &self.shared;
        shared.check()?;
        let written = (&shared.file).write_all(bytes);
        shared.broken.fetch_or(written.is_err(), Ordering::SeqCst);
        written?;
        let length = bytes.len() as u64;
        let until = shared.written.fetch_add(length, Ordering::SeqCst) + length;
        Ok(Written { shared: Arc::clone(shared), until })
    }
}

impl Written {
    /// Returns when these bytes, and all before them, are on the disk. Blocks for it.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn sync(self) -> io::Result<()> {
        let shared = &self.shared;
        let mut synced = shared.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced >= self.until {
            return Ok(());
        }
        shared.check()?;
        // Whatever was written before the sync begins is on the disk when it ends.
        let written = shared.written.load(Ordering::SeqCst);
        let result = shared.file.sync_data();
        shared.broken.fetch_or(result.is_err(), Ordering::SeqCst);
        result?;
        *synced = written;
        Ok(())
    }
}

impl Shared {
    fn check(&self) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("an earlier write to this file failed"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_appender_grows_its_file_and_makes_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        assert!(Appender::open(&path).is_err());
        Appender::create_new(&path).unwrap().append(b"one\n").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Appender::create_new(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let mut again = Appender::open(&path).unwrap();
        again.append(b"two\n").unwrap();
        again.append(b"three\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\nthree\n");
    }

    #[test]
    fn one_appends_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        Appender::create_new(&path).unwrap().append(b"one\ntw").unwrap();
        let mut alone = Appender::open_alone(&path).unwrap();
        assert_eq!(Appender::open_alone(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        alone.cut(4).unwrap();
        alone.append(b"2\n").unwrap();
        drop(alone);
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n2\n");
        Appender::open_alone(&path).unwrap();
    }

    #[test]
    fn after_a_failed_write_nothing_is_appended() {
        // A device that takes nothing: every write says that the disk is full.
        let full = Path::new("/dev/full");
        if !full.exists() {
            return;
        }
        let mut appender = Appender::open(full).unwrap();
        assert_eq!(appender.append(b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(appender.append(b"").unwrap_err().to_string().contains("earlier"));
    }

    #[test]
    fn one_sync_does_for_all_that_was_written_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut appender = Appender::create_new(&path).unwrap();
        let (one, two) = (appender.write(b"one\n").unwrap(), appender.write(b"two\n").unwrap());
        two.sync().unwrap();
        // Were it synced again, this would fail.
        appender.shared.broken.store(true, Ordering::SeqCst);
        one.sync().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
        assert!(appender.write(b"three\n").is_err());
    }

    #[test]
    fn what_could_not_be_synced_is_told_to_all_who_wait() {
        let folder = tempfile::tempdir().unwrap();
        let mut appender = Appender::create_new(&folder.path().join("log")).unwrap();
        let (one, two) = (appender.write(b"one\n").unwrap(), appender.write(b"two\n").unwrap());
        one.sync().unwrap();
        two.sync().unwrap();
        let three = appender.write(b"three\n").unwrap();
        appender.shared.broken.store(true, Ordering::SeqCst);
        assert!(three.sync().unwrap_err().to_string().contains("earlier"));
    }

    #[test]
    fn threads_side_by_side_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let appender = Mutex::new(Appender::create_new(&path).unwrap());
        std::thread::scope(|scope| {
            for thread in 0..8u8 {
                let appender = &appender;
                scope.spawn(move || {
                    for _ in 0..20 {
                        let written = appender.lock().unwrap().write(&[b'a' + thread, b'\n']).unwrap();
                        let until = written.until;
                        written.sync().unwrap();
                        assert!(*appender.lock().unwrap().shared.synced.lock().unwrap() >= until);
                    }
                });
            }
        });
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((bytes.len(), memchr::memchr_iter(b'h', &bytes).count()), (320, 20));
    }
}
