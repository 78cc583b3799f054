//! Files that are either whole or not there.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
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
        let file =
            tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder(path))?;
        Ok(Self { file })
    }

    /// Puts the file in place: synced, renamed, and the folder synced, so that it survives a crash once this returns.
    pub fn finish(mut self, path: &Path) -> io::Result<()> {
        self.file.flush()?;
        self.file.as_file().sync_all()?;
        self.file.persist(path).map_err(|error| error.error)?;
        File::open(folder(path))?.sync_all()
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
}
