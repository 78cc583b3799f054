//! This machine: the folder of incidents, and whom lockdown spares.

use std::io::Write as _;
use std::path::Path;

use super::Row;
use crate::config::Config;
use crate::lockdown::provider::CheckState;
use crate::sys::fs::{Pending, room};

/// The name of these lines.
const SYSTEM: &str = "portcullis";
/// What an incident may need, in bytes: a journal at its limit would be larger, but so is no lockdown.
const ROOM: u64 = 64 << 20;

pub(super) fn rows(config: &Config) -> Vec<Row> {
    vec![incidents(&config.incidents), responders(config)]
}

/// Tries a file in the folder, or in the one in which it would be made.
fn incidents(folder: &Path) -> Row {
    let what = format!("write in {}", folder.display());
    let there = folder.ancestors().find(|folder| folder.exists() || folder.as_os_str().is_empty());
    let there = there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Never finished: it is gone when it is dropped.
    let tried = Pending::create_private(&there.join("doctor")).and_then(|mut file| {
        file.write_all(b"portcullis doctor\n")?;
        file.flush()?;
        room(there)
    });
    let without = "a lockdown sends nothing that its journal cannot hold";
    match tried {
        Err(error) => Row::new(SYSTEM, &what, CheckState::Missing, format!("{error}; {without}")),
        Ok(room) if room < ROOM => {
            let note = format!("only {} MiB are free; {without}", room >> 20);
            Row::new(SYSTEM, &what, CheckState::Missing, note)
        }
        Ok(_) => Row::new(SYSTEM, &what, CheckState::Works, "incidents are kept there"),
    }
}

fn responders(config: &Config) -> Row {
    let what = "know the responders";
    if config.responder.is_empty() {
        let note = "the configuration names no `responder`: nothing keeps a lockdown from locking you out";
        return Row::new(SYSTEM, what, CheckState::Missing, note);
    }
    let note = format!("never locked out: {}", config.responder.join(", "));
    Row::new(SYSTEM, what, CheckState::Works, note)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_that_cannot_be_written_is_told_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("a/b/incidents");
        assert_eq!(incidents(&new).check.state, CheckState::Works);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = folder.path().join("file");
        std::fs::File::create(&file).unwrap();
        assert_eq!(incidents(&file).check.state, CheckState::Missing);
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
        let root = rustix::process::geteuid().is_root();
        assert_eq!(incidents(&new).check.state == CheckState::Missing, !root);
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    }
}
