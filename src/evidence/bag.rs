//! A bag as it lies on disk: what its files are called, and how they are read when nobody may be trusted.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::wrong::{Fault, Wrong};
use crate::sys::folder::open_below;
use crate::sys::fs::read_plain_up_to;

/// The bag declaration.
pub const DECLARATION: &str = "bagit.txt";
/// What the declaration says.
pub const DECLARED: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
/// What the bag is about.
pub const INFO: &str = "bag-info.txt";
/// How to check it without Portcullis.
pub const INSTRUCTIONS: &str = "VERIFY.md";
/// The seal.
pub const ENVELOPE: &str = "seal/envelope.json";
/// The public key that the seal was made with.
pub const KEY: &str = "seal/key.pem";
/// A time stamp of the seal (RFC 3161).
pub const TIMESTAMP: &str = "seal/timestamp.tsr";
/// Who had the bag.
pub const CUSTODY: &str = "custody.jsonl";
/// The incident's journal.
pub const JOURNAL: &str = "data/journal.jsonl";
/// The findings.
pub const FINDINGS: &str = "data/findings.jsonl";

/// The most files of a bag.
const MOST_FILES: usize = 100_000;
/// Bytes that are read at once.
const BLOCK: usize = 1 << 18;

/// A bag.
pub struct Bag {
    path: PathBuf,
}

impl Bag {
    /// At this path, which is not looked at yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Its files in order, with `/` between parts. Folders do not count.
    pub fn files(&self) -> Result<Vec<String>, Wrong> {
        let mut files = Vec::new();
        for entry in WalkDir::new(&self.path).min_depth(1).follow_links(false).sort_by_file_name() {
            let entry = entry.map_err(|error| {
                let path = error.path().map(|path| self.name(path)).unwrap_or_default();
                Wrong::new(path, Fault::Unreadable(error.to_string()))
            })?;
            let kind = entry.file_type();
            let Some(name) = entry.path().strip_prefix(&self.path).ok().and_then(Path::to_str) else {
                return Err(Wrong::new(self.name(entry.path()), Fault::Form("its name is not UTF-8".into())));
            };
            if kind.is_file() {
                files.push(name.to_owned());
            } else if !kind.is_dir() {
                return Err(Wrong::new(name, Fault::NotRegular));
            }
            if files.len() > MOST_FILES {
                return Err(Wrong::new(
                    name,
                    Fault::Form(format!("it is one of more than {MOST_FILES} files")),
                ));
            }
        }
        Ok(files)
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.path).unwrap_or(path).display().to_string()
    }

    /// Opens a file; no link is followed.
    pub fn open(&self, name: &str) -> Result<File, Wrong> {
        open_below(&self.path, Path::new(name)).map_err(|error| Wrong::new(name, unreadable(&error)))
    }

    /// Reads a file of at most `limit` bytes.
    pub fn read(&self, name: &str, limit: usize) -> Result<Vec<u8>, Wrong> {
        let file = self.open(name)?;
        let bytes = read_plain_up_to(file, limit).map_err(|error| Wrong::new(name, unreadable(&error)))?;
        bytes.ok_or_else(|| Wrong::new(name, Fault::TooLarge(limit)))
    }

    /// Gives a file's bytes piece by piece.
    pub fn stream(&self, name: &str, mut take: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Wrong> {
        let mut file = self.open(name)?;
        let mut block = vec![0; BLOCK];
        loop {
            let read = file.read(&mut block).map_err(|error| Wrong::new(name, unreadable(&error)))?;
            let Some(piece) = block.get(..read).filter(|piece| !piece.is_empty()) else { return Ok(()) };
            take(piece).map_err(|fault| Wrong::new(name, fault))?;
        }
    }
}

fn unreadable(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => Fault::Missing,
        io::ErrorKind::InvalidInput => Fault::NotRegular,
        _ => Fault::Unreadable(error.to_string()),
    }
}
