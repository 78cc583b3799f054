//! Where answers go: to standard output, to a file that appears when it is complete, or into a pipe or device.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::ui::stdout;
use crate::source::input;
use crate::sys::fs::{Pending, stdin_place};

/// Links that are followed to where a file is written.
const MAX_LINKS: usize = 40;

/// Something that is written to, and there when it is complete.
pub struct Out {
    to: To,
}

enum To {
    Standard(Box<dyn Write>),
    /// The path as it was given, where it leads, and what will be there.
    File(PathBuf, PathBuf, BufWriter<Pending>),
    /// What is no regular file is never replaced: what is for it waits here.
    Stream(PathBuf, BufWriter<File>),
}

impl Out {
    /// Starts with the file at `path`; without one, or with `-`, with standard output. Links are followed.
    ///
    /// # Errors
    /// It could not be written there.
    pub fn open(path: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = path.filter(|path| !is_standard(Some(path))) else {
            return Ok(Self { to: To::Standard(stdout()) });
        };
        let opened = target(path).and_then(|target| {
            Ok(match target {
                Some(target) => {
                    let pending = BufWriter::new(Pending::create(&target)?);
                    To::File(path.to_owned(), target, pending)
                }
                None => To::Stream(path.to_owned(), BufWriter::new(tempfile::tempfile()?)),
            })
        });
        Ok(Self { to: opened.map_err(|error| failed(path, &error))? })
    }

    /// Writes what `write` gives, and finishes.
    ///
    /// # Errors
    /// It cannot be written; then there is no file.
    pub fn fill<T>(mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> Result<T, CliError> {
        let written = write(&mut self).map_err(|error| self.failed(&error))?;
        self.finish()?;
        Ok(written)
    }

    /// Puts a file in place, or gives a pipe or device what is for it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> Result<(), CliError> {
        match self.to {
            To::Standard(mut out) => out.flush().map_err(|error| CliError::output(&error)),
            To::File(path, target, pending) => {
                let pending = pending.into_inner().map_err(io::IntoInnerError::into_error);
                pending.and_then(|file| file.finish(&target)).map_err(|error| failed(&path, &error))
            }
            To::Stream(path, held) => {
                let held = held.into_inner().map_err(io::IntoInnerError::into_error);
                held.and_then(|held| pour(held, &path)).map_err(|error| failed(&path, &error))
            }
        }
    }

    fn failed(&self, error: &io::Error) -> CliError {
        match &self.to {
            To::Standard(_) => CliError::output(error),
            To::File(path, ..) | To::Stream(path, _) => failed(path, error),
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            To::Standard(out) => out.write(bytes),
            To::File(_, _, out) => out.write(bytes),
            To::Stream(_, out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Standard(out) => out.flush(),
            To::File(_, _, out) => out.flush(),
            To::Stream(_, out) => out.flush(),
        }
    }
}

/// Whether answers go to standard output.
pub fn is_standard(path: Option<&Path>) -> bool {
    path.is_none_or(|path| path.as_os_str() == "-")
}

/// Writes to a file, or to standard output where none is named.
///
/// # Errors
/// It cannot be written.
pub fn text(path: Option<&Path>, text: &str) -> Result<(), CliError> {
    stream(path, |out| out.write_all(text.as_bytes()))
}

/// Writes to a file.
///
/// # Errors
/// It cannot be written.
pub fn bytes(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    stream(Some(path), |out| out.write_all(bytes))
}

/// Writes what `write` gives, buffered.
///
/// # Errors
/// It cannot be written; then there is no file.
pub fn stream<T>(
    path: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> Result<T, CliError> {
    Out::open(path)?.fill(write)
}

/// Refuses to write over one of these logs.
///
/// # Errors
/// The file is one of them, by whatever name.
pub fn spare(path: Option<&Path>, logs: &[String]) -> Result<(), CliError> {
    let Some(path) = path.filter(|path| !is_standard(Some(path))) else { return Ok(()) };
    // What is not there yet is no log.
    let Ok(about) = std::fs::metadata(path) else { return Ok(()) };
    if !about.is_file() && !about.file_type().is_fifo() {
        return Ok(());
    }
    let place = Some((about.dev(), about.ino()));
    let is_same = |log: &Path| std::fs::metadata(log).ok().map(|log| (log.dev(), log.ino())) == place;
    let found = input::discover(logs);
    let is_log = found.inputs.iter().any(|input| match &input.path {
        Some(log) => is_same(log),
        None => stdin_place() == place,
    });
    if is_log {
        let what = format!("{} is one of the logs: it would be written over", path.display());
        return Err(CliError::usage(what).hint("write to another file"));
    }
    Ok(())
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return CliError::output(error);
    }
    CliError::usage(format!("cannot write {}: {error}", path.display()))
}

/// Where the file at a path is or will be; `None` for what is no regular file, and for the process's own descriptors.
fn target(path: &Path) -> io::Result<Option<PathBuf>> {
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(about) if !about.is_file() => return Ok(None),
        Ok(_) | Err(_) => {}
    }
    let mut at = path.to_owned();
    for _ in 0..MAX_LINKS {
        if ["/proc", "/dev/fd"].iter().any(|own| at.starts_with(own)) {
            return Ok(None);
        }
        let Ok(next) = std::fs::read_link(&at) else { return Ok(Some(at)) };
        at = at.parent().unwrap_or(Path::new("")).join(next);
    }
    Err(io::Error::other("symbolic links in a circle"))
}

fn pour(mut held: File, path: &Path) -> io::Result<()> {
    held.rewind()?;
    let mut into = OpenOptions::new().append(true).open(path)?;
    io::copy(&mut held, &mut into)?;
    into.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("kept")).unwrap();
        bytes(&at("kept/file"), b"old").unwrap();
        std::os::unix::fs::symlink("kept/file", at("link")).unwrap();
        std::os::unix::fs::symlink("link", at("to-link")).unwrap();
        std::os::unix::fs::symlink("kept/new", at("to-nothing")).unwrap();
        std::os::unix::fs::symlink("circle", at("circle")).unwrap();
        for (name, file) in [("link", "kept/file"), ("to-link", "kept/file"), ("to-nothing", "kept/new")] {
            bytes(&at(name), name.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(at(file)).unwrap(), name);
            assert!(std::fs::symlink_metadata(at(name)).unwrap().is_symlink(), "{name}");
        }
        assert!(bytes(&at("circle"), b"x").unwrap_err().message().contains("circle"));
        assert!(bytes(&at("kept"), b"x").unwrap_err().message().contains("directory"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5, "nothing else is left");
    }

    #[test]
    fn a_log_is_not_written_over_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let text = |name: &str| vec![at(name).display().to_string()];
        std::fs::create_dir(at("logs")).unwrap();
        bytes(&at("logs/a"), b"{}\n").unwrap();
        bytes(&at("other"), b"{}\n").unwrap();
        std::fs::hard_link(at("logs/a"), at("hard")).unwrap();
        std::os::unix::fs::symlink("logs/a", at("soft")).unwrap();
        for name in ["logs/a", "hard", "soft"] {
            for logs in [text("logs"), text("logs/a"), text("soft")] {
                let error = spare(Some(&at(name)), &logs).unwrap_err();
                assert!(error.message().contains("one of the logs"), "{name}: {}", error.message());
            }
        }
        spare(Some(&at("other")), &text("logs")).unwrap();
        spare(Some(&at("logs/new")), &text("logs")).unwrap();
        spare(Some(Path::new("-")), &text("logs")).unwrap();
        spare(None, &text("logs")).unwrap();
    }
}
