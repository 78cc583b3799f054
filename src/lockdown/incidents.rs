//! The folder of incidents: one folder each, named by date and account, with its journal, lock and snapshots.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::journal::{self, Journal, JournalError};
use super::operation::Kind;
use super::record::{Entry, Record};
use crate::sys::fs::read_plain_up_to;
use crate::sys::hash::sha256_hex;
use crate::sys::lock::{Lock, LockError};

/// Characters of an account in an incident's name.
const MAX_NAME: usize = 60;
/// A larger file was not kept by this program, in bytes.
const MAX_FILED: usize = 256 << 20;

/// All incidents.
pub struct Incidents {
    root: PathBuf,
}

/// An incident that no other process works on as long as this lives.
pub struct Held {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    _lock: Lock,
}

/// Why an incident cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum IncidentError {
    /// There is none of that name.
    #[error("there is no incident {name} in {root}")]
    None {
        /// What was asked for.
        name: String,
        /// Where.
        root: PathBuf,
    },
    /// The name is not that of a folder in the folder of incidents.
    #[error("{0:?} cannot be the name of an incident")]
    Name(String),
    /// Another process works on it.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// Its journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file that was kept is not as the journal says.
    #[error("{0} was changed since it was kept")]
    Changed(PathBuf),
    /// The folder.
    #[error("{path}: {error}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Incidents {
    /// Those in `root`, which need not be there yet.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Names of all incidents that have a journal, in order.
    pub fn names(&self) -> Result<Vec<String>, IncidentError> {
        let failed = |error| IncidentError::Io { path: self.root.clone(), error };
        let entries = match std::fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            if let Ok(name) = entry.file_name().into_string()
                && entry.path().join(journal::FILE).is_file()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// What the journal of an incident adds up to.
    pub fn record(&self, name: &str) -> Result<Record, IncidentError> {
        Ok(self.read(name)?.record)
    }

    /// The journal of an incident, its chain checked.
    pub fn read(&self, name: &str) -> Result<journal::Read, IncidentError> {
        let path = self.folder(name)?.join(journal::FILE);
        if !path.is_file() {
            return Err(IncidentError::None { name: name.to_owned(), root: self.root.clone() });
        }
        Ok(journal::read(&path)?)
    }

    /// The files that were kept in an incident under names that begin so, as they were when they were kept.
    ///
    /// # Errors
    /// One cannot be read, or was changed since.
    pub fn filed(
        &self,
        name: &str,
        read: &journal::Read,
        begin: &str,
    ) -> Result<Vec<(String, Vec<u8>)>, IncidentError> {
        let folder = self.folder(name)?;
        let filed = read.entries.iter().filter_map(|timed| match &timed.entry {
            Entry::Filed { file, sha256 } if file.starts_with(begin) => Some((file, sha256)),
            _ => None,
        });
        let one = |(file, sha256): (&String, &String)| {
            let path = folder.join(file);
            let bytes = File::open(&path).and_then(|file| read_plain_up_to(file, MAX_FILED));
            match bytes {
                Ok(Some(bytes)) if sha256_hex(&bytes) == *sha256 => Ok((file.clone(), bytes)),
                Ok(_) => Err(IncidentError::Changed(path)),
                Err(error) => Err(IncidentError::Io { path, error }),
            }
        };
        filed.map(one).collect()
    }

    /// The incident of this kind about `account` that is not over. A journal that cannot be read is told to `unread`; where its
    /// name says that it is about the account, it is an error.
    pub fn open_for(
        &self,
        account: &str,
        kind: Kind,
        unread: &dyn Fn(&IncidentError),
    ) -> Result<Option<String>, IncidentError> {
        for name in self.names()?.into_iter().rev() {
            match self.record(&name) {
                Ok(record) => {
                    if record.account == account && record.operation.kind == kind && !record.is_over() {
                        return Ok(Some(name));
                    }
                }
                Err(error) if is_about(&name, account) => return Err(error),
                Err(error) => unread(&error),
            }
        }
        Ok(None)
    }

    /// A name for a new incident about `account`; `date` as `2026-10-24`. One that was begun and never opened is still
    /// free, or else a second lockdown at the same moment would not meet the lock of the first.
    pub fn fresh_name(&self, account: &str, kind: Kind, date: &str) -> Result<String, IncidentError> {
        let account = plain(account);
        let base = match kind {
            Kind::Lockdown => format!("{date}-{account}"),
            Kind::Rotation | Kind::Review | Kind::Offboarding => {
                format!("{date}-{}-{account}", kind.command())
            }
        };
        let mut names = self.names()?;
        let mut unopened = Vec::new();
        for name in names.iter().filter(|name| is_numbered(name, &base)) {
            if self.record(name)?.incident.is_empty() {
                unopened.push(name.clone());
            }
        }
        names.retain(|name| !unopened.contains(name));
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let mut candidates = std::iter::once(base.clone()).chain(numbered);
        Ok(candidates.find(|name| !names.contains(name)).unwrap_or(base))
    }

    /// Takes an incident, new or not, for this process alone.
    pub fn hold(&self, name: &str) -> Result<Held, IncidentError> {
        let folder = self.folder(name)?;
        let failed = |error| IncidentError::Io { path: folder.clone(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let lock = Lock::acquire(&folder.join("lock"))?;
        Ok(Held { folder, name: name.to_owned(), _lock: lock })
    }

    fn folder(&self, name: &str) -> Result<PathBuf, IncidentError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(IncidentError::Name(name.to_owned()));
        }
        Ok(self.root.join(name))
    }
}

impl Held {
    /// Its journal, made where there is none.
    pub fn journal(&self) -> Result<Journal, JournalError> {
        let path = self.folder.join(journal::FILE);
        if path.exists() { Journal::open(&path) } else { Journal::create(&path) }
    }
}

/// An account as a part of a folder's name.
fn plain(account: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    account.chars().map(plain).take(MAX_NAME).collect()
}

/// Whether [`Incidents::fresh_name`] gives an incident about `account` this name, of whatever kind and on whatever day.
fn is_about(name: &str, account: &str) -> bool {
    let is_day = |(at, c): (usize, char)| if matches!(at, 4 | 7) { c == '-' } else { c.is_ascii_digit() };
    let Some((day, rest)) = name.split_at_checked(10) else { return false };
    let Some(rest) = rest.strip_prefix('-').filter(|_| day.chars().enumerate().all(is_day)) else {
        return false;
    };
    let account = plain(account);
    let command = |kind: Kind| rest.strip_prefix(kind.command())?.strip_prefix('-');
    let others = [Kind::Rotation, Kind::Review, Kind::Offboarding].into_iter().filter_map(command);
    std::iter::once(rest).chain(others).any(|rest| is_numbered(rest, &account))
}

/// Whether `name` is `base`, or `base` with a number.
fn is_numbered(name: &str, base: &str) -> bool {
    let is_number = |number: &str| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    name.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.strip_prefix('-').is_some_and(is_number))
}

/// Marks what an incident makes: eight characters of its name's digest.
pub fn tag(incident: &str) -> String {
    sha256_hex(incident.as_bytes()).chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Write as _;

    use super::*;
    use crate::lockdown::operation::Operation;
    use crate::sys::clock::{Clock, System};

    #[test]
    fn names_stay_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let incidents = Incidents::new(folder.path());
        for name in ["", "..", "../x", "a/b", "a b", "\x1b[2J"] {
            assert!(matches!(incidents.record(name), Err(IncidentError::Name(_))), "{name}");
        }
        assert!(matches!(incidents.record("x"), Err(IncidentError::None { .. })));
        let name = incidents.fresh_name("Jane@agency.example", Kind::Lockdown, "2026-10-24").unwrap();
        assert_eq!(name, "2026-10-24-jane-agency-example");
        let held = incidents.hold(&name).unwrap();
        assert!(matches!(incidents.hold(&name), Err(IncidentError::Locked(_))));
        let mut journal = held.journal().unwrap();
        assert_eq!(incidents.names().unwrap(), std::slice::from_ref(&name));
        let fresh = |kind| incidents.fresh_name("jane@agency.example", kind, "2026-10-24").unwrap();
        assert_eq!(fresh(Kind::Lockdown), name);
        let (incident, account) = (name.clone(), "jane@agency.example".to_owned());
        let operation = Operation::default();
        let opened = Entry::Opened { incident, account, tag: "t".into(), version: "0".into(), operation };
        journal.append(&opened, System.now()).unwrap();
        assert_eq!(fresh(Kind::Lockdown), "2026-10-24-jane-agency-example-2");
        assert_eq!(fresh(Kind::Offboarding), "2026-10-24-offboard-jane-agency-example");
        let (told, jane) = (RefCell::new(Vec::new()), "jane@agency.example");
        let unread = |error: &IncidentError| told.borrow_mut().push(error.to_string());
        let open = |account, kind| incidents.open_for(account, kind, &unread);
        assert_eq!(open(jane, Kind::Lockdown).unwrap(), Some(name.clone()));
        assert_eq!(open(jane, Kind::Offboarding).unwrap(), None);
        // A journal that somebody edited stops the incidents of its own account alone.
        let path = held.folder.join(journal::FILE);
        File::create(&path).and_then(|mut file| file.write_all(b"{}\n")).unwrap();
        assert!(open(jane, Kind::Lockdown).is_err() && told.borrow().is_empty());
        assert_eq!(open("bo@acme.example", Kind::Lockdown).unwrap(), None);
        assert!(told.borrow().iter().any(|error| error.contains(&name)));
    }

    #[test]
    fn a_damaged_journal_of_somebody_else_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let incidents = Incidents::new(folder.path());
        let jane = "jane@agency.example";
        let damage = |name: &str| {
            let held = incidents.hold(name).unwrap();
            File::create(held.folder.join(journal::FILE))
                .and_then(|mut file| file.write_all(b"{}\n"))
                .unwrap();
        };
        let others = [
            "2026-10-24-mary-jane-agency-example",
            "2026-10-24-jane-agency-example-org",
            "2026-10-24-rotate-mary-jane-agency-example",
            "2026-10-2-jane-agency-example",
            "jane-agency-example",
        ];
        others.into_iter().for_each(damage);
        let told = RefCell::new(0);
        let unread = |_: &IncidentError| *told.borrow_mut() += 1;
        assert_eq!(incidents.open_for(jane, Kind::Lockdown, &unread).unwrap(), None);
        assert_eq!(told.take(), others.len());
        let fresh = incidents.fresh_name(jane, Kind::Lockdown, "2026-10-24").unwrap();
        assert_eq!(fresh, "2026-10-24-jane-agency-example");
        for own in ["2026-10-24-jane-agency-example", "2026-10-23-offboard-jane-agency-example-12"] {
            assert!(is_about(own, jane), "{own}");
            damage(own);
            assert!(incidents.open_for(jane, Kind::Lockdown, &unread).is_err(), "{own}");
            std::fs::remove_dir_all(folder.path().join(own)).unwrap();
        }
        assert!(incidents.open_for(jane, Kind::Lockdown, &unread).is_ok());
    }
}
