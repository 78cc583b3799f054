//! Records that wait until everything is read, in memory up to a limit and beyond it in a temporary file.

use std::fs::File;
use std::io::{self, Write};

use super::unit::{Kept, KeptRecord};

/// Bytes of raw records held in memory.
const MEMORY: usize = 128 << 20;

/// The records of one unit.
#[derive(Debug)]
pub struct KeptUnit {
    /// Index of the input.
    pub input: usize,
    /// Records of the input before the unit.
    pub before: u64,
    /// In order.
    pub entries: Vec<KeptRecord>,
    /// Indexes of rules, those of each entry together.
    pub rules: Vec<u32>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    File { offset: u64, length: usize },
}

/// All of them, in no particular order.
#[derive(Debug, Default)]
pub struct KeptUnits {
    units: Vec<KeptUnit>,
    held: usize,
    file: Option<File>,
    written: u64,
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
        let place = if self.held + kept.bytes.len() > MEMORY {
            self.write(&kept.bytes)?
        } else {
            self.held += kept.bytes.len();
            Place::Memory(kept.bytes)
        };
        self.units.push(KeptUnit { input, before, entries: kept.entries, rules: kept.rules, place });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Place> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(bytes)?;
        let place = Place::File { offset: self.written, length: bytes.len() };
        self.written += bytes.len() as u64;
        Ok(place)
    }

    /// The units.
    pub fn units(&self) -> &[KeptUnit] {
        &self.units
    }

    /// A unit's raw records.
    ///
    /// # Errors
    /// The temporary file could not be read.
    pub fn bytes(&self, unit: &KeptUnit) -> io::Result<Vec<u8>> {
        use std::os::unix::fs::FileExt;
        match &unit.place {
            Place::Memory(bytes) => Ok(bytes.clone()),
            Place::File { offset, length } => {
                let mut bytes = vec![0; *length];
                if let Some(file) = &self.file {
                    file.read_exact_at(&mut bytes, *offset)?;
                }
                Ok(bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_memory_comes_back_from_disk() {
        let kept = |byte: u8, length: usize| Kept {
            entries: vec![KeptRecord { time: None, record: 1, offset: 0, start: 0, length, rules: 0 }],
            rules: Vec::new(),
            bytes: vec![byte; length],
        };
        let mut units = KeptUnits::default();
        units.add(0, 0, kept(b'a', MEMORY - 1)).unwrap();
        units.add(0, 1, kept(b'b', 10)).unwrap();
        units.add(0, 2, kept(b'c', 3)).unwrap();
        assert_eq!(units.written, 13);
        let bytes: Vec<Vec<u8>> =
            units.units().iter().skip(1).map(|unit| units.bytes(unit).unwrap()).collect();
        assert_eq!(bytes, [vec![b'b'; 10], vec![b'c'; 3]]);
    }
}
