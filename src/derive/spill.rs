//! Facts beyond the memory that they may take: on disk, parted by key, so that each part fits.

use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::baseline::Facts;
use super::plan::Plan;
use super::recorder::Recorder;
use super::state::State;

/// Parts; so many at a time are in memory as fit.
const PARTS: usize = 64;

/// Files of facts, one for each part.
pub struct Spill {
    files: Vec<Mutex<Option<BufWriter<File>>>>,
    /// Bytes written to each, about as many as its facts take in memory.
    sizes: Vec<AtomicUsize>,
    /// Seeded anew: who writes the log cannot put all keys into one part.
    hasher: foldhash::quality::RandomState,
}

/// A line of a file.
#[derive(Serialize, Deserialize)]
struct Row {
    table: usize,
    key: String,
    facts: Facts,
}

impl Default for Spill {
    fn default() -> Self {
        Self {
            files: (0..PARTS).map(|_| Mutex::new(None)).collect(),
            sizes: (0..PARTS).map(|_| AtomicUsize::new(0)).collect(),
            hasher: foldhash::quality::RandomState::default(),
        }
    }
}

impl Spill {
    /// Whether anything was written.
    pub fn is_used(&self) -> bool {
        self.sizes.iter().any(|size| size.load(Ordering::Acquire) > 0)
    }

    /// Runs of parts that fit into `memory` bytes together; a part that does not fit is a run of its own.
    pub fn runs(&self, memory: usize) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut held = 0;
        for (part, size) in self.sizes.iter().enumerate() {
            let size = size.load(Ordering::Acquire);
            if let Some(run) = runs.last_mut().filter(|_| held + size <= memory) {
                run.end = part + 1;
            } else {
                runs.push(part..part + 1);
                held = 0;
            }
            held += size;
        }
        runs
    }

    /// The part of a key.
    pub fn part_of(&self, key: &str) -> usize {
        usize::try_from(self.hasher.hash_one(key) % PARTS as u64).unwrap_or_default()
    }

    /// Writes what a recorder noted.
    ///
    /// # Errors
    /// A temporary file could not be written.
    pub fn write(&self, plan: &Plan, recorder: Recorder) -> io::Result<()> {
        for (table, key, facts) in State::join(plan, vec![recorder], None).into_facts() {
            let part = self.part_of(&key);
            let (Some(file), Some(size)) = (self.files.get(part), self.sizes.get(part)) else { continue };
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let out = match &mut *file {
                Some(out) => out,
                none => none.insert(BufWriter::new(tempfile::tempfile()?)),
            };
            let line = serde_json::to_vec(&Row { table, key, facts })?;
            out.write_all(&line)?;
            out.write_all(b"\n")?;
            size.fetch_add(line.len(), Ordering::AcqRel);
        }
        Ok(())
    }

    /// Calls `each` with the facts of a part: table, key, facts.
    ///
    /// # Errors
    /// A temporary file could not be read back.
    pub(super) fn read(&self, part: usize, mut each: impl FnMut(usize, &str, Facts)) -> io::Result<()> {
        let Some(file) = self.files.get(part) else { return Ok(()) };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(out) = &mut *file else { return Ok(()) };
        out.flush()?;
        let file = out.get_mut();
        file.rewind()?;
        let mut lines = BufReader::new(&mut *file);
        let mut line = String::new();
        while lines.read_line(&mut line)? > 0 {
            let row: Row = serde_json::from_str(&line)?;
            each(row.table, &row.key, row.facts);
            line.clear();
        }
        file.seek(io::SeekFrom::End(0))?;
        Ok(())
    }
}
