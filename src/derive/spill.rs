//! Facts beyond the memory that they may take: on disk, parted by key, so that each part fits.

use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::baseline::Facts;
use super::plan::Plan;
use super::recorder::Recorder;
use super::state::State;

/// Parts; one is in memory at a time.
const PARTS: usize = 32;

/// Files of facts, one for each part.
pub struct Spill {
    files: Vec<Mutex<Option<BufWriter<File>>>>,
    is_used: AtomicBool,
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
            is_used: AtomicBool::new(false),
            hasher: foldhash::quality::RandomState::default(),
        }
    }
}

impl Spill {
    /// Whether anything was written.
    pub fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Acquire)
    }

    /// The parts there are.
    pub fn parts(&self) -> std::ops::Range<usize> {
        0..self.files.len()
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
        self.is_used.store(true, Ordering::Release);
        for (table, key, facts) in State::join(plan, vec![recorder], None).into_facts() {
            let Some(file) = self.files.get(self.part_of(&key)) else { continue };
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let out = match &mut *file {
                Some(out) => out,
                none => none.insert(BufWriter::new(tempfile::tempfile()?)),
            };
            serde_json::to_writer(&mut *out, &Row { table, key, facts })?;
            out.write_all(b"\n")?;
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
