//! Records that wait until everything is read, in memory up to a limit and beyond it in a temporary file.

use std::collections::BTreeMap;
use std::io;

use super::heap::{Heap, Spot};
use super::unit::{Kept, KeptRecord};

/// Bytes of records held in memory.
const MEMORY: usize = 32 << 20;

/// The records of one unit.
#[derive(Debug)]
pub struct KeptUnit {
    /// Index of the input.
    pub input: usize,
    /// Records of the input before the unit.
    pub before: u64,
    /// The records.
    pub kept: Kept,
}

/// Where a unit is.
#[derive(Debug)]
struct Stored {
    input: usize,
    before: u64,
    /// Indexes of the rules that its records wait for, each once, in order.
    rules: Box<[u32]>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Kept),
    /// Entries and rules as JSON, and the raw records.
    File {
        head: Spot,
        bytes: Spot,
    },
}

/// All of them, in no particular order.
#[derive(Debug, Default)]
pub struct KeptUnits {
    units: Vec<Stored>,
    /// By rule: how many records wait for it.
    counts: BTreeMap<u32, u64>,
    held: usize,
    heap: Heap,
}

impl KeptUnits {
    /// Adds those of a unit.
    ///
    /// # Errors
    /// They could not be written to a temporary file.
    pub fn add(&mut self, input: usize, before: u64, kept: Kept) -> io::Result<()> {
        if kept.entries.is_empty() {
            return Ok(());
        }
        let rules = self.count(&kept);
        let size = size(&kept);
        let place = if self.held + size > MEMORY {
            self.write(&kept)?
        } else {
            self.held += size;
            Place::Memory(kept)
        };
        self.units.push(Stored { input, before, rules, place });
        Ok(())
    }

    /// Counts a unit's records by rule; the rules, each once.
    fn count(&mut self, kept: &Kept) -> Box<[u32]> {
        let mut rules = kept.rules.clone();
        rules.sort_unstable();
        for same in rules.chunk_by(PartialEq::eq) {
            same.first().into_iter().for_each(|&rule| {
                *self.counts.entry(rule).or_default() += same.len() as u64;
            });
        }
        rules.dedup();
        rules.into_boxed_slice()
    }

    /// How many records wait for a rule.
    pub fn waiting_for(&self, rule: usize) -> u64 {
        u32::try_from(rule).ok().and_then(|rule| self.counts.get(&rule)).copied().unwrap_or_default()
    }

    /// Whether records of unit `at` wait for one of these rules.
    pub fn waits_for(&self, at: usize, is_one: &dyn Fn(usize) -> bool) -> bool {
        self.units.get(at).is_some_and(|unit| unit.rules.iter().any(|&rule| is_one(rule as usize)))
    }

    fn write(&mut self, kept: &Kept) -> io::Result<Place> {
        let head = self.heap.add(&serde_json::to_vec(&(&kept.entries, &kept.rules))?)?;
        Ok(Place::File { head, bytes: self.heap.add(&kept.bytes)? })
    }

    /// How many units there are.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Unit `at`; `None` where there is none.
    ///
    /// # Errors
    /// The temporary file could not be read.
    pub fn unit(&self, at: usize) -> io::Result<Option<KeptUnit>> {
        let Some(Stored { input, before, place, .. }) = self.units.get(at) else { return Ok(None) };
        let kept = match place {
            Place::Memory(kept) => kept.clone(),
            &Place::File { head, bytes } => {
                let (entries, rules) = serde_json::from_slice(&self.heap.read(head)?)?;
                Kept { entries, rules, bytes: self.heap.read(bytes)? }
            }
        };
        Ok(Some(KeptUnit { input: *input, before: *before, kept }))
    }
}

/// About what a unit takes in memory.
fn size(kept: &Kept) -> usize {
    kept.bytes.len() + kept.entries.len() * size_of::<KeptRecord>() + kept.rules.len() * size_of::<u32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_memory_comes_back_from_disk() {
        let kept = |byte: u8, length: usize| Kept {
            entries: vec![KeptRecord {
                time: Some((-1, 9)),
                record: 1,
                offset: 7,
                start: 0,
                length,
                rules: 2,
            }],
            rules: vec![3, u32::from(byte)],
            bytes: vec![byte; length],
        };
        let given = [kept(b'a', MEMORY - 200), kept(b'b', 200), kept(0xff, 3)];
        let mut units = KeptUnits::default();
        for (at, kept) in given.iter().enumerate() {
            units.add(at, 5, kept.clone()).unwrap();
        }
        let on_disk = units.units.iter().map(|unit| matches!(unit.place, Place::File { .. }));
        assert_eq!(on_disk.collect::<Vec<_>>(), [false, true, false]);
        for (at, kept) in given.into_iter().enumerate() {
            let unit = units.unit(at).unwrap().unwrap();
            assert_eq!((unit.input, unit.before, unit.kept == kept), (at, 5, true));
        }
        assert!(units.unit(3).unwrap().is_none());
        assert_eq!([3, u32::from(b'b'), 4].map(|rule| units.waiting_for(rule as usize)), [3, 1, 0]);
        assert_eq!([0, 1].map(|at| units.waits_for(at, &|rule| rule == usize::from(b'b'))), [false, true]);
    }
}
