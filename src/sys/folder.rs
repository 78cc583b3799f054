//! Folders that are either whole or not there, and files below a folder that no link leads out of.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use tempfile::TempDir;

/// A folder of this user alone under another name until it is complete.
pub struct PendingFolder {
    folder: TempDir,
}

impl PendingFolder {
    /// Starts one in `parent`, which is made where it is not there.
    pub fn create(parent: &Path) -> io::Result<Self> {
        make(parent)?;
        let private = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix(".pending-").permissions(private).tempdir_in(parent)?;
        Ok(Self { folder })
    }

    /// Where it is now.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a file in it for this user alone, and the folders above the file. Whoever writes it has to sync it.
    pub fn create_file(&self, name: &Path) -> io::Result<File> {
        let path = self.path().join(name);
        make(path.parent().unwrap_or(self.path()))?;
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    }

    /// Puts it in place: its folders synced, renamed, and the parent synced, so that it survives a crash once this returns.
    /// The files in it have to be synced already.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where there is anything but an empty folder at `path`; nothing has changed then.
    pub fn finish_new(self, path: &Path) -> io::Result<()> {
        sync_folders(self.path())?;
        // The system replaces no folder that holds something, no file and no link.
        rename(self.path(), path).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => {
                io::Error::new(io::ErrorKind::AlreadyExists, "it is there already")
            }
            _ => error,
        })?;
        // The folder is not there any more under its first name: nothing is to be removed.
        let _moved = self.folder.keep();
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the durable rename of folders")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

/// Makes a folder of this user alone, and those above it.
pub fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}

/// Opens a regular file below a folder. No link is followed, neither as the file nor on the way.
///
/// # Errors
/// The system's; [`io::ErrorKind::InvalidInput`] for a path that leads out, or to something that is no regular file.
pub fn open_below(folder: &Path, path: &Path) -> io::Result<File> {
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
    let mut at = File::open(folder)?;
    let mut names: Vec<&OsStr> = Vec::new();
    for part in path.components() {
        let Component::Normal(name) = part else { return Err(invalid("it leads out of the folder")) };
        names.push(name);
    }
    let (last, folders) = names.split_last().ok_or_else(|| invalid("it names no file"))?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let refused = |error| match error {
        Errno::LOOP | Errno::NOTDIR => invalid("a link, or no folder, is on the way"),
        error => error.into(),
    };
    for name in folders {
        at = openat(&at, *name, flags | OFlags::DIRECTORY, Mode::empty()).map_err(refused)?.into();
    }
    // Without waiting for the other end of a pipe.
    let file: File = openat(&at, *last, flags | OFlags::NONBLOCK, Mode::empty()).map_err(refused)?.into();
    if file.metadata()?.is_file() { Ok(file) } else { Err(invalid("it is no regular file")) }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_appears_whole_and_takes_no_others_place() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("2026/T-1");
        let pending = || {
            let pending = PendingFolder::create(&root.path().join("2026")).unwrap();
            pending.create_file(Path::new("sub/file")).unwrap();
            assert!(pending.create_file(Path::new("sub/file")).is_err());
            pending
        };
        let first = pending();
        assert!(!target.exists());
        first.finish_new(&target).unwrap();
        assert_eq!(names(&target), ["sub"]);
        assert_eq!(std::fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(pending().finish_new(&target).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(names(&root.path().join("2026")), ["T-1"]);
        let file = root.path().join("file");
        File::create(&file).unwrap();
        assert_eq!(pending().finish_new(&file).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let link = root.path().join("link");
        std::fs::create_dir(root.path().join("elsewhere")).unwrap();
        symlink(root.path().join("elsewhere"), &link).unwrap();
        assert_eq!(pending().finish_new(&link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn no_link_leads_out() {
        let root = tempfile::tempdir().unwrap();
        let bag = root.path().join("bag");
        std::fs::create_dir_all(bag.join("data")).unwrap();
        std::fs::copy("Cargo.toml", bag.join("data/file")).unwrap();
        std::fs::copy("Cargo.toml", root.path().join("secret")).unwrap();
        symlink("../../secret", bag.join("data/link")).unwrap();
        symlink("..", bag.join("up")).unwrap();
        let open = |path: &str| open_below(&bag, Path::new(path));
        let mut text = String::new();
        open("data/file").unwrap().read_to_string(&mut text).unwrap();
        assert!(text.starts_with("[package]"));
        for path in [
            "data/link",
            "up/secret",
            "../secret",
            "/etc/passwd",
            "data",
            "",
            ".",
            "data/none",
            "data/file/x",
        ] {
            assert!(open(path).is_err(), "{path}");
        }
    }
}
