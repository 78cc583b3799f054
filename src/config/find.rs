//! Where the configuration is.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use crate::sys::fs::{is_of_root, is_own};

/// The name that is looked for.
pub const FILE: &str = "portcullis.toml";

/// The file that is named on the command line, else in the environment, else [`FILE`] in `folder` or the nearest folder
/// above it.
///
/// A file that is found, not named, and its folder have to be this user's or the superuser's, and others must not be able to
/// write them: otherwise whoever can write to a folder above could have commands run, or credentials sent elsewhere.
pub fn find(
    explicit: Option<&Path>,
    environment: Option<&Path>,
    folder: &Path,
) -> Result<PathBuf, ConfigError> {
    let named = explicit.or(environment.filter(|path| !path.as_os_str().is_empty()));
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    // A file that is there but cannot be reached is found too: reading it says why.
    let candidates = folder.ancestors().map(|folder| folder.join(FILE));
    let found = candidates.into_iter().find(|path| path.symlink_metadata().is_ok());
    let path = found.ok_or_else(|| ConfigError::NotFound { name: FILE, folder: folder.to_owned() })?;
    let failed = |error| ConfigError::Read { path: path.clone(), error };
    let folder = path.parent().unwrap_or(folder);
    // The folder counts too: relative paths lead into it. So does a link in place of the file.
    let all = [folder.metadata(), path.symlink_metadata(), path.metadata()];
    for about in all {
        if others_can_write(&about.map_err(failed)?) {
            return Err(ConfigError::Foreign(path));
        }
    }
    Ok(path)
}

/// A group that may write is trusted: many systems give every user one of their own.
fn others_can_write(about: &Metadata) -> bool {
    let by_mode = !about.is_symlink() && about.permissions().mode() & 0o002 != 0;
    by_mode || !(is_own(about) || is_of_root(about))
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions};

    use super::*;

    #[test]
    fn the_nearest_wins_and_a_name_wins_over_it() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let above = place.path().join(FILE);
        File::create(&above).unwrap();
        assert_eq!(find(None, None, &deep).unwrap(), above);
        assert_eq!(find(None, Some(Path::new("")), &deep).unwrap(), above);
        File::create(deep.join(FILE)).unwrap();
        assert_eq!(find(None, None, &deep).unwrap(), deep.join(FILE));
        assert_eq!(find(None, Some(Path::new("e")), &deep).unwrap(), Path::new("e"));
        assert_eq!(find(Some(Path::new("x")), Some(Path::new("e")), &deep).unwrap(), Path::new("x"));
    }

    #[test]
    fn a_file_that_others_can_write_is_not_taken_unless_named() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(FILE);
        File::create(&path).unwrap();
        let set = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        for (open, shut, mode) in [(path.as_path(), 0o644, 0o666), (place.path(), 0o700, 0o1777)] {
            set(open, mode);
            assert!(matches!(find(None, None, place.path()), Err(ConfigError::Foreign(_))));
            assert!(find(Some(&path), None, place.path()).is_ok());
            set(open, shut);
            assert!(find(None, None, place.path()).is_ok());
        }
    }

    #[test]
    fn none_is_an_error_that_says_where() {
        let place = tempfile::tempdir().unwrap();
        let error = find(None, None, place.path()).unwrap_err().to_string();
        assert!(error.contains(&*place.path().to_string_lossy()) && error.contains(FILE), "{error}");
    }
}
