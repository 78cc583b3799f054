//! What is written into a bag: every file is digested and synced as it is written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::Path;

use super::manifest::{Algorithm, Manifest};
use super::merkle::{Hash, Lines};
use super::seal::SealError;
use super::statement::Counts;
use crate::sys::folder::PendingFolder;
use crate::sys::hash::{Digested, Digests};

/// The longest line of a findings file.
const LONGEST_LINE: usize = 64 << 20;
const BLOCK: usize = 1 << 18;

/// A bag that is being filled.
pub(super) struct Content<'a> {
    folder: &'a PendingFolder,
    payload: BTreeMap<String, Digested>,
    tags: BTreeMap<String, Digested>,
    lines: BTreeMap<String, (Hash, u64)>,
}

impl<'a> Content<'a> {
    pub(super) fn new(folder: &'a PendingFolder) -> Self {
        Self { folder, payload: BTreeMap::new(), tags: BTreeMap::new(), lines: BTreeMap::new() }
    }

    /// Writes a file that is in no tag manifest; below `data/` it is in the payload's.
    pub(super) fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), SealError> {
        self.copy(name, Path::new(name), bytes).map(drop)
    }

    /// Writes a file that is in the tag manifests.
    pub(super) fn put_tag(&mut self, name: &str, bytes: &[u8]) -> Result<(), SealError> {
        let digested = self.copy(name, Path::new(name), bytes)?;
        self.tags.insert(name.to_owned(), digested);
        Ok(())
    }

    /// Copies a stream; `path` is where it comes from, for errors.
    pub(super) fn copy(
        &mut self,
        name: &str,
        path: &Path,
        mut from: impl Read,
    ) -> Result<Digested, SealError> {
        let read = |error| SealError::Io { path: path.to_owned(), error };
        let mut writer = self.writer(name)?;
        let mut block = vec![0; BLOCK];
        loop {
            let length = from.read(&mut block).map_err(read)?;
            let Some(piece) = block.get(..length).filter(|piece| !piece.is_empty()) else { break };
            writer.write(piece)?;
        }
        self.finish(name, writer)
    }

    /// Copies a stream of JSON objects, one a line, and remembers the Merkle root over them.
    pub(super) fn put_lines(&mut self, name: &str, path: &Path, from: impl Read) -> Result<(), SealError> {
        let mut writer = self.writer(name)?;
        let (mut from, mut line, mut lines) = (BufReader::new(from), Vec::new(), Lines::default());
        let many = |error| SealError::TooMany { path: path.to_owned(), error };
        for number in 1.. {
            line.clear();
            let mut limited = from.by_ref().take(LONGEST_LINE as u64 + 1);
            let length = limited.read_until(b'\n', &mut line);
            let length = length.map_err(|error| SealError::Io { path: path.to_owned(), error })?;
            if length == 0 {
                break;
            }
            let fault = object(&line);
            if let Some(why) = fault {
                return Err(SealError::Json { path: path.to_owned(), line: Some(number), why });
            }
            lines.update(&line).map_err(many)?;
            writer.write(&line)?;
        }
        let tree = lines.finish().map_err(many)?;
        self.lines.insert(name.to_owned(), (tree.root(), tree.size() as u64));
        self.finish(name, writer).map(drop)
    }

    /// Root and number of a file's lines.
    pub(super) fn lines_of(&self, name: &str) -> Option<(Hash, u64)> {
        self.lines.get(name).copied()
    }

    /// With the payload counted as it is now.
    pub(super) fn counts(&self, counts: Counts) -> Counts {
        let bytes = self.payload.values().map(|digested| digested.bytes).sum();
        Counts { files: self.payload.len() as u64, bytes, ..counts }
    }

    /// Names of the payload's files, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.payload.keys().map(String::as_str)
    }

    pub(super) fn payload(&self, algorithm: Algorithm) -> Manifest {
        manifest(&self.payload, algorithm)
    }

    pub(super) fn tags(&self, algorithm: Algorithm) -> Manifest {
        manifest(&self.tags, algorithm)
    }

    fn writer(&self, name: &str) -> Result<Writer, SealError> {
        let path = self.folder.path().join(name);
        let file = self.folder.create_file(Path::new(name)).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => SealError::Twice(name.to_owned()),
            _ => SealError::Io { path: path.clone(), error },
        })?;
        Ok(Writer { file, path, digests: Digests::default() })
    }

    fn finish(&mut self, name: &str, writer: Writer) -> Result<Digested, SealError> {
        writer.file.sync_all().map_err(|error| SealError::Io { path: writer.path, error })?;
        let digested = writer.digests.finish();
        if name.starts_with("data/") {
            self.payload.insert(name.to_owned(), digested.clone());
        }
        Ok(digested)
    }
}

struct Writer {
    file: File,
    path: std::path::PathBuf,
    digests: Digests,
}

impl Writer {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SealError> {
        self.digests.update(bytes);
        self.file.write_all(bytes).map_err(|error| SealError::Io { path: self.path.clone(), error })
    }
}

/// Why a line is no JSON object.
fn object(line: &[u8]) -> Option<String> {
    if line.len() > LONGEST_LINE {
        return Some(format!("it is longer than {LONGEST_LINE} bytes"));
    }
    if line.first() != Some(&b'{') {
        return Some("it is not a JSON object: write findings with `scan --format jsonl`".to_owned());
    }
    let read: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(line);
    // A finding is disclosed as text.
    let text = std::str::from_utf8(line).err().map(|error| error.to_string());
    read.err().map(|error| format!("it is not a JSON object: column {}", error.column())).or(text)
}

fn manifest(files: &BTreeMap<String, Digested>, algorithm: Algorithm) -> Manifest {
    let digest = |digested: &Digested| match algorithm {
        Algorithm::Sha256 => digested.sha256.clone(),
        Algorithm::Sha512 => digested.sha512.clone(),
    };
    files.iter().map(|(name, digested)| (name.clone(), digest(digested))).collect()
}
