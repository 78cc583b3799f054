//! What there is to seal of an incident: its journal, the plan that the journal adds up to, and what discovery read.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::seal::SealError;
use crate::lockdown::journal::{self, Timed};
use crate::lockdown::plan::Plan;
use crate::lockdown::record::{Entry, Record};
use crate::sys::folder::open_below;
use crate::sys::fs::read_plain_up_to;

/// An incident as it lies on disk. Nobody may work on it meanwhile.
#[derive(Debug)]
pub struct Material {
    /// The journal's whole lines, byte for byte.
    pub journal: Vec<u8>,
    /// Its entries.
    pub entries: Vec<Timed>,
    /// What they add up to.
    pub record: Record,
    /// Every step that was ever planned.
    pub plan: Plan,
    /// What discovery read.
    pub snapshots: Vec<Snapshot>,
}

/// One system as one pass read it.
#[derive(Debug)]
pub struct Snapshot {
    /// Below the incident's folder: `snapshots/pass-1-okta.json`.
    pub name: String,
    /// The incident's folder.
    pub folder: PathBuf,
    /// What the journal says of it; none where the run was killed before it did.
    pub sha256: Option<String>,
}

impl Material {
    /// Reads the incident in this folder.
    pub fn gather(folder: &Path) -> Result<Self, SealError> {
        let path = folder.join(journal::FILE);
        let failed = |error| SealError::Io { path: path.clone(), error };
        let file = open_below(folder, Path::new(journal::FILE)).map_err(failed)?;
        let mut journal = read_plain_up_to(file, journal::MAX_BYTES)
            .map_err(failed)?
            .ok_or_else(|| journal::JournalError::TooLarge { path: path.clone() })?;
        // What is after the last line end was being written when the process ended; nothing rests on it.
        let whole = journal.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        journal.truncate(whole);
        let read = journal::parse(&path, &journal)?;
        if read.record.incident.is_empty() {
            return Err(SealError::Unopened(path));
        }
        let snapshots = snapshots(folder, &read.entries)?;
        let plan = plan(&read.record);
        Ok(Self { journal, entries: read.entries, record: read.record, plan, snapshots })
    }
}

fn plan(record: &Record) -> Plan {
    let steps = record.in_order().map(|tracked| tracked.step.clone()).collect();
    let guided = record.guided.iter().map(|tracked| tracked.guided.clone()).collect();
    Plan::of(&record.account, &record.incident, &record.operation, steps, guided)
}

fn snapshots(folder: &Path, entries: &[Timed]) -> Result<Vec<Snapshot>, SealError> {
    let mut all: BTreeMap<String, Option<String>> = BTreeMap::new();
    let below = folder.join("snapshots");
    let failed = |error| SealError::Io { path: below.clone(), error };
    match std::fs::read_dir(&below) {
        Ok(entries) => {
            for entry in entries {
                // Names that begin with a dot are of files that were never finished.
                let name = entry.map_err(failed)?.file_name().into_string();
                if let Ok(name) = name.map(|name| format!("snapshots/{name}"))
                    && !name.starts_with("snapshots/.")
                {
                    all.insert(name, None);
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    for timed in entries {
        if let Entry::Discovered { snapshot, sha256, .. } | Entry::Filed { file: snapshot, sha256 } =
            &timed.entry
        {
            // A pass that was killed and begun again has written its snapshot anew: the last entry tells what it is.
            all.insert(snapshot.clone(), Some(sha256.clone()));
        }
    }
    let snapshot = |(name, sha256)| Snapshot { name, folder: folder.to_owned(), sha256 };
    Ok(all.into_iter().map(snapshot).collect())
}
