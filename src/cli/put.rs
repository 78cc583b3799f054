//! Where answers go: to standard output, or to a file that appears when it is complete.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::error::CliError;
use super::ui::print;
use crate::sys::fs::Pending;

/// Writes to a file, or to standard output where none is named.
///
/// # Errors
/// It cannot be written.
pub fn text(path: Option<&Path>, text: &str) -> Result<(), CliError> {
    match path {
        None => print(text),
        Some(path) => bytes(path, text.as_bytes()),
    }
}

/// Writes to a file.
///
/// # Errors
/// It cannot be written.
pub fn bytes(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    stream(path, |out| out.write_all(bytes))
}

/// Writes to a file what `write` gives, buffered.
///
/// # Errors
/// It cannot be written; then there is no file.
pub fn stream<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> Result<T, CliError> {
    let failed = |error: io::Error| CliError::usage(format!("cannot write {}: {error}", path.display()));
    let mut file = Pending::create(path).map_err(failed)?;
    let mut buffered = BufWriter::new(&mut file);
    let written = write(&mut buffered).and_then(|value| buffered.flush().map(|()| value));
    let value = written.map_err(failed)?;
    drop(buffered);
    file.finish(path).map_err(failed)?;
    Ok(value)
}
