//! Files that are either whole or not there.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
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

/// Whether a file belongs to the user that this process acts for.
pub fn is_own(about: &Metadata) -> bool {
    about.uid() == rustix::process::geteuid().as_raw()
}

/// Whether a file belongs to the superuser.
pub fn is_of_root(about: &Metadata) -> bool {
    about.uid() == 0
}

/// The device and inode of standard input; `None` where it is closed.
pub fn stdin_place() -> Option<(u64, u64)> {
    let about = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
    Some((about.dev(), about.ino()))
}

/// Bytes that this user may still write to the disk on which a folder is.
pub fn room(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// All that `reader` gives, or `None` if that is more than `limit` bytes.
///
/// Memory that the bytes were in is wiped before it is given back, so that a caller who wipes them leaves no copy behind.
pub fn read_up_to(mut reader: impl Read, limit: usize) -> io::Result<Option<zeroize::Zeroizing<Vec<u8>>>> {
    const FIRST: usize = 16 << 10;
    let most = limit.saturating_add(1);
    let mut bytes = zeroize::Zeroizing::new(vec![0; FIRST.min(most)]);
    let mut length = 0;
    loop {
        if length == bytes.len() {
            if length == most {
                return Ok(None);
            }
            bytes = larger(&bytes, length.saturating_mul(2).min(most));
        }
        match reader.read(bytes.get_mut(length..).unwrap_or_default()) {
            Ok(0) => {
                bytes.truncate(length);
                return Ok(Some(bytes));
            }
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A copy with more room. A vector that grows by itself would leave its bytes in the memory that it gives back.
fn larger(bytes: &[u8], size: usize) -> zeroize::Zeroizing<Vec<u8>> {
    let mut larger = zeroize::Zeroizing::new(Vec::with_capacity(size));
    larger.extend_from_slice(bytes);
    larger.resize(size, 0);
    larger
}

/// The same for what is no secret: as much memory as there are bytes, whatever the limit.
pub fn read_plain_up_to(reader: impl Read, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader.take((limit as u64).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

pub(super) const PRIVATE: u32 = 0o600;

pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
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
    fn reading_stops_at_the_limit() {
        assert_eq!(read_up_to(&b"abc"[..], 3).unwrap().unwrap().as_slice(), b"abc");
        assert!(read_up_to(&b"abcd"[..], 3).unwrap().is_none());
        assert!(read_up_to(std::io::repeat(1), 1000).unwrap().is_none());
        assert!(read_up_to(std::io::repeat(1), 1 << 17).unwrap().is_none());
        assert_eq!(read_up_to(&b""[..], 0).unwrap().unwrap().len(), 0);
    }
}
