//! Files that are either whole or not there, and files that only grow.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tempfile::NamedTempFile;

/// A file under another name until it is complete.
pub struct Pending {
    file: NamedTempFile,
}

impl Pending {
    /// Starts a file that will be `path`. Its folder must exist.
    pub fn create(path: &Path) -> io::Result<Self> {
        // Findings are not secrets of ours: the file gets the permissions that the user's mask gives.
        Self::with_mode(path, 0o666)
    }

    /// The same for this user alone: mode 0600 from the first byte on.
    pub fn create_private(path: &Path) -> io::Result<Self> {
        Self::with_mode(path, PRIVATE)
    }

    fn with_mode(path: &Path, mode: u32) -> io::Result<Self> {
        let permissions = Permissions::from_mode(mode);
        Ok(Self { file: tempfile::Builder::new().permissions(permissions).tempfile_in(folder(path))? })
    }

    /// Puts the file in place: synced, renamed, and the folder synced, so that it survives a crash once this returns.
    pub fn finish(mut self, path: &Path) -> io::Result<()> {
        self.sync()?;
        self.file.persist(path).map_err(|error| error.error)?;
        sync_folder(path)
    }

    /// The same, unless `path` is there already: then [`io::ErrorKind::AlreadyExists`], and nothing has changed.
    pub fn finish_new(mut self, path: &Path) -> io::Result<()> {
        self.sync()?;
        self.file.persist_noclobber(path).map_err(|error| error.error)?;
        sync_folder(path)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.as_file().sync_all()
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file of this user alone (mode 0600) that only grows; what was appended survives a crash.
///
/// A crash during [`append`](Self::append) may leave a part of its bytes at the end: the reader has to recognise that.
#[derive(Debug)]
pub struct Appender {
    file: File,
    broken: bool,
}

impl Appender {
    /// Makes the file, which must not be there yet. Its folder must exist; once this returns, the name survives a crash.
    pub fn create_new(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).mode(PRIVATE).open(path)?;
        file.sync_all()?;
        sync_folder(path)?;
        Ok(Self { file, broken: false })
    }

    /// Goes on with a file that is there.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: OpenOptions::new().append(true).open(path)?, broken: false })
    }

    /// Goes on with a file that no other process appends to as long as this lives.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where another one does.
    pub fn open_alone(path: &Path) -> io::Result<Self> {
        let appender = Self::open(path)?;
        appender.file.try_lock()?;
        Ok(appender)
    }

    /// Cuts off what is after so many bytes.
    pub fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length).and_then(|()| self.file.sync_all())
    }

    /// Writes all of `bytes` at the end and syncs them to the disk.
    ///
    /// # Errors
    /// The first failure is final. What the disk holds is not known then, and bytes after a hole would be worse than none:
    /// every later call fails too.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier write to this file failed"));
        }
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        self.broken = written.is_err();
        written
    }
}

/// Whether a file belongs to the user that this process acts for.
pub fn is_own(about: &Metadata) -> bool {
    about.uid() == rustix::process::geteuid().as_raw()
}

/// Whether a file belongs to the superuser.
pub fn is_of_root(about: &Metadata) -> bool {
    about.uid() == 0
}

/// Bytes that this user may still write to the disk on which a folder is.
pub fn room(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// All that `reader` gives, or `None` if that is more than `limit` bytes.
///
/// The bytes are never moved in memory, so that a caller who wipes them leaves no copy behind.
pub fn read_up_to(mut reader: impl Read, limit: usize) -> io::Result<Option<zeroize::Zeroizing<Vec<u8>>>> {
    let mut bytes = zeroize::Zeroizing::new(vec![0; limit.saturating_add(1)]);
    let mut length = 0;
    while let Some(room) = bytes.get_mut(length..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => {
                bytes.truncate(length);
                return Ok(Some(bytes));
            }
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The same for what is no secret: as much memory as there are bytes, whatever the limit.
pub fn read_plain_up_to(reader: impl Read, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader.take((limit as u64).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

const PRIVATE: u32 = 0o600;

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_there_until_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut pending = Pending::create(&path).unwrap();
        pending.write_all(b"whole").unwrap();
        assert!(!path.exists());
        pending.finish(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn plain_files_are_read_up_to_the_limit() {
        assert_eq!(read_plain_up_to(&b"abc"[..], 3).unwrap(), Some(b"abc".to_vec()));
        assert_eq!(read_plain_up_to(&b"abcd"[..], 3).unwrap(), None);
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_private_file_is_private_and_a_new_one_takes_no_others_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let write = |text: &[u8]| {
            let mut pending = Pending::create_private(&path).unwrap();
            pending.write_all(text).unwrap();
            pending
        };
        write(b"first").finish_new(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        let error = write(b"second").finish_new(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        write(b"third").finish(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"third");
    }

    #[test]
    fn an_appender_grows_its_file_and_makes_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        assert!(Appender::open(&path).is_err());
        Appender::create_new(&path).unwrap().append(b"one\n").unwrap();
        assert_eq!(mode(&path), 0o600);
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
    fn reading_stops_at_the_limit() {
        assert_eq!(read_up_to(&b"abc"[..], 3).unwrap().unwrap().as_slice(), b"abc");
        assert!(read_up_to(&b"abcd"[..], 3).unwrap().is_none());
        assert!(read_up_to(std::io::repeat(1), 1000).unwrap().is_none());
        assert_eq!(read_up_to(&b""[..], 0).unwrap().unwrap().len(), 0);
    }
}
