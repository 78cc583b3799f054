//! Bytes on disk that are read back by place.

use std::fs::File;
use std::io::{self, Write};

/// A temporary file, made when there is something to write. Whatever is added stays.
#[derive(Debug, Default)]
pub(super) struct Heap {
    file: Option<File>,
    length: u64,
}

/// Where something is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    offset: u64,
    length: usize,
}

impl Heap {
    /// Adds `bytes`.
    ///
    /// # Errors
    /// They could not be written.
    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<Spot> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(bytes)?;
        let spot = Spot { offset: self.length, length: bytes.len() };
        self.length += bytes.len() as u64;
        Ok(spot)
    }

    /// What was added there.
    ///
    /// # Errors
    /// It could not be read.
    pub(super) fn read(&self, spot: Spot) -> io::Result<Vec<u8>> {
        use std::os::unix::fs::FileExt;
        let mut bytes = vec![0; spot.length];
        if let Some(file) = &self.file {
            file.read_exact_at(&mut bytes, spot.offset)?;
        }
        Ok(bytes)
    }
}
