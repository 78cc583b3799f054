//! What discovery read, kept beside the journal as evidence: one JSON file a system and pass.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::journal::JournalError;
use crate::sys::fs::Pending;
use crate::sys::hash::sha256_hex;

/// The folder of an incident's snapshots.
pub struct Snapshots {
    folder: PathBuf,
}

impl Snapshots {
    /// In this folder, which is made when the first one is kept.
    pub fn new(incident: &Path) -> Self {
        Self { folder: incident.join("snapshots") }
    }

    /// Writes a snapshot; gives its path below the incident's folder and its SHA-256.
    pub fn keep(&self, pass: u32, system: &str, snapshot: &Value) -> Result<(String, String), JournalError> {
        let name = format!("pass-{pass}-{}.json", file_name(system));
        let failed = |error: serde_json::Error| JournalError::Io {
            path: self.folder.join(&name),
            error: error.into(),
        };
        let mut text = serde_json::to_vec_pretty(snapshot).map_err(failed)?;
        text.push(b'\n');
        self.keep_file(&name, &text)
    }

    /// Writes a file of this name, which is plain; gives its path below the incident's folder and its SHA-256.
    pub fn keep_file(&self, name: &str, text: &[u8]) -> Result<(String, String), JournalError> {
        let path = self.folder.join(name);
        let failed = |error| JournalError::Io { path: path.clone(), error };
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let mut pending = Pending::create_private(&path).map_err(failed)?;
        pending.write_all(text).and_then(|()| pending.finish(&path)).map_err(failed)?;
        Ok((format!("snapshots/{name}"), sha256_hex(text)))
    }
}

/// Names of instances are the user's: what is not plain in a file's name is replaced.
fn file_name(system: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    system.chars().map(plain).collect()
}
