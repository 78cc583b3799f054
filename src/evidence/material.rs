//! What there is to seal of an incident: its journal, the plan that the journal adds up to, and what discovery read.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::seal::SealError;
use crate::letters;
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
    /// Names of the letters that the last run left.
    pub letters: Vec<String>,
    /// The incident's folder.
    pub folder: PathBuf,
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
        let letters = names(folder, letters::FOLDER)?;
        let folder = folder.to_owned();
        Ok(Self { journal, entries: read.entries, record: read.record, plan, snapshots, letters, folder })
    }
}

fn plan(record: &Record) -> Plan {
    let steps = record.in_order().map(|tracked| tracked.step.clone()).collect();
    let guided = record.guided.iter().map(|tracked| tracked.guided.clone()).collect();
    Plan::of(&record.account, &record.incident, &record.operation, steps, guided)
}

fn snapshots(folder: &Path, entries: &[Timed]) -> Result<Vec<Snapshot>, SealError> {
    let found = names(folder, "snapshots")?.into_iter().map(|name| (format!("snapshots/{name}"), None));
    let mut all: BTreeMap<String, Option<String>> = found.collect();
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

/// Names in a folder of the incident, in order. Those that begin with a dot are of files that were never finished.
fn names(folder: &Path, below: &str) -> Result<Vec<String>, SealError> {
    let below = folder.join(below);
    let failed = |error| SealError::Io { path: below.clone(), error };
    let entries = match std::fs::read_dir(&below) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name().into_string();
        names.extend(name.into_iter().filter(|name| !name.starts_with('.')));
    }
    names.sort();
    Ok(names)
}
