//! A file encrypted by age: the store that needs no server.
//!
//! It is encrypted to an X25519 identity rather than to a passphrase, so that it can be written when nobody is there to
//! type one. Anybody's age opens it: `age --decrypt -i IDENTITY FILE`.

mod content;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::x25519::Identity;
use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use self::content::{Content, Written};
use super::{Entry, Opening, Store, StoreError, StoreKind, Version, Write};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, reversible};
use crate::lockdown::http::Stats;
use crate::lockdown::provider::{Check, CheckState, OpenError};
use crate::sys::crash;
use crate::sys::fs::{Pending, is_own, read_plain_up_to, read_up_to};
use crate::sys::lock::{Lock, LockError};

/// The largest file that is read, and the largest content.
const LARGEST: usize = 16 << 20;
/// An identity file is a few lines.
const LARGEST_IDENTITY: usize = 64 << 10;
/// How long a write waits for another process to finish its own.
const PATIENCE: Duration = Duration::from_secs(10);

/// The kind.
pub const KIND: StoreKind = StoreKind {
    about: About {
        reads: &["the file, opened by the identity"],
        changes: &[reversible("put", "secret")],
        needs: &["a folder that may be written, and an age identity of mode 0600"],
        cannot: &["being written by two programs at once"],
    },
    spec: KindSpec {
        name: "file",
        title: "File encrypted by age",
        base_url: None,
        credential: "",
        settings: &[
            Setting {
                name: "path",
                about: "The file; made by the first write.",
                value: SettingKind::Path,
                required: true,
                default: None,
                example: "secrets.age",
            },
            Setting {
                name: "identity",
                about: "The age identity that opens it, mode 0600; made by `age-keygen -o FILE`. Keep a copy elsewhere.",
                value: SettingKind::Path,
                required: true,
                default: None,
                example: "portcullis-identity.txt",
            },
        ],
    },
    entry: Some(super::in_folder),
    open,
};

fn open(opening: Opening) -> Result<Arc<dyn Store>, OpenError> {
    let path = |name| {
        let path = opening.settings.path(name).map(Path::to_owned);
        path.ok_or_else(|| OpenError(format!("store {}: `{name}` is missing", opening.name)))
    };
    let (path, identity) = (path("path")?, path("identity")?);
    let identity =
        read_identity(&identity).map_err(|why| OpenError(format!("store {}: {why}", opening.name)))?;
    Ok(Arc::new(FileStore { name: opening.name, path, identity, turn: Mutex::new(()) }))
}

/// Makes a new identity in a file of this user alone, which must not be there yet.
///
/// # Errors
/// The file is there, or cannot be written.
pub fn create_identity(path: &Path) -> io::Result<()> {
    let identity = Identity::generate();
    let mut pending = Pending::create_private(path)?;
    writeln!(pending, "# public key: {}", identity.to_public())?;
    pending.write_all(identity.to_string().expose_secret().as_bytes())?;
    pending.write_all(b"\n")?;
    pending.finish_new(path)
}

fn read_identity(path: &Path) -> Result<Identity, String> {
    let shown = path.display();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("there is no identity at {shown}; make one with `age-keygen -o {shown}`"));
        }
        Err(error) => return Err(format!("cannot read the identity {shown}: {error}")),
    };
    let about = file.metadata().map_err(|error| format!("cannot read the identity {shown}: {error}"))?;
    let mode = about.permissions().mode() & 0o7777;
    if !about.is_file() {
        return Err(format!("the identity {shown} is not a regular file"));
    }
    if !is_own(&about) {
        return Err(format!("the identity {shown} belongs to another user"));
    }
    if mode & 0o077 != 0 {
        return Err(format!(
            "others can reach the identity {shown}: its mode is {mode:04o}, and has to be 0600"
        ));
    }
    let bytes =
        read_up_to(file, LARGEST_IDENTITY).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let bytes = bytes.ok_or_else(|| format!("{shown} is too large to be an identity"))?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let identity = lines.next().and_then(|line| Identity::from_str(line).ok());
    identity
        .ok_or_else(|| format!("{shown} holds no age identity (a line that begins with AGE-SECRET-KEY-1)"))
}

struct FileStore {
    name: String,
    path: PathBuf,
    identity: Identity,
    /// Writes of this process come one after the other; the lock on disk keeps other processes out.
    turn: Mutex<()>,
}

#[async_trait]
impl Store for FileStore {
    fn name(&self) -> &str {
        &self.name
    }

    async fn read(&self, path: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.load()?.current(path))
    }

    async fn earlier(&self, path: &str, version: &Version) -> Result<Option<Entry>, StoreError> {
        Ok(self.load()?.version(path, version.number()?))
    }

    async fn write(
        &self,
        path: &str,
        write: Write,
        expected: &Version,
        key: &str,
    ) -> Result<Version, StoreError> {
        if path.is_empty() || path.len() > 1024 {
            return Err(StoreError::Invalid("the path of an entry has 1 to 1024 bytes".to_owned()));
        }
        let _turn = self.turn.lock().await;
        let _lock = self.lock().await?;
        let mut content = self.load()?;
        match content.write(path, &write, expected.number()?, key) {
            Ok(Written::New(version)) => {
                self.save(&content)?;
                Ok(version.into())
            }
            Ok(Written::Before(version)) => Ok(version.into()),
            Err(found) => {
                let (path, expected) = (path.to_owned(), expected.clone());
                Err(StoreError::Conflict { path, expected, found: Some(found.into()) })
            }
        }
    }

    async fn check(&self) -> Vec<Check> {
        let (state, note) = match self.load() {
            Ok(_) if !self.path.exists() => {
                (CheckState::Works, "not there yet; made by the first write".to_owned())
            }
            Ok(content) => (CheckState::Works, format!("{} entries", content.len())),
            Err(error) => (CheckState::Missing, error.to_string()),
        };
        let read = Check { what: format!("open {}", self.path.display()), state, note };
        let folder = folder(&self.path);
        let (state, note) = match folder.metadata() {
            Ok(about) if !about.is_dir() => (CheckState::Missing, "it is not a folder".to_owned()),
            Ok(about) if about.permissions().readonly() => {
                (CheckState::Missing, "it is read-only".to_owned())
            }
            Ok(_) => (CheckState::Works, String::new()),
            Err(error) => (CheckState::Missing, error.to_string()),
        };
        vec![read, Check { what: format!("write in {}", folder.display()), state, note }]
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }
}

impl FileStore {
    /// The content; empty where there is no file yet.
    fn load(&self) -> Result<Content, StoreError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::default()),
            Err(error) => return Err(self.io(error)),
        };
        let sealed = read_plain_up_to(file, LARGEST).map_err(|error| self.io(error))?;
        let sealed = sealed.ok_or_else(|| self.bad("it is larger than 16 MiB"))?;
        let bytes = self.decrypt(&sealed)?;
        Content::parse(&bytes).map_err(|why| self.bad(&why))
    }

    fn decrypt(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let damaged = |why: &dyn std::fmt::Display| {
            self.bad(&format!("it is damaged, or was encrypted to another identity ({why})"))
        };
        let decryptor =
            age::Decryptor::new_buffered(ArmoredReader::new(sealed)).map_err(|error| damaged(&error))?;
        let identities = std::iter::once(&self.identity as &dyn age::Identity);
        let mut reader = decryptor.decrypt(identities).map_err(|error| damaged(&error))?;
        // Plaintext is shorter than its encryption: the room suffices, and nothing is copied while it grows.
        let mut bytes = Zeroizing::new(Vec::with_capacity(sealed.len()));
        reader.read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
        Ok(bytes)
    }

    fn save(&self, content: &Content) -> Result<(), StoreError> {
        let bytes = content.to_bytes().map_err(|why| self.bad(&why))?;
        // In Base64, and with a header.
        if bytes.len() > LARGEST / 2 {
            return Err(self.bad("it would become larger than can be read"));
        }
        crash::point("store");
        let saved = self.encrypt(&bytes).and_then(|pending| pending.finish(&self.path));
        crash::point("store");
        saved.map_err(|error| self.io(error))
    }

    fn encrypt(&self, bytes: &[u8]) -> io::Result<Pending> {
        let recipient = self.identity.to_public();
        let recipients = std::iter::once(&recipient as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        let pending = Pending::create_private(&self.path)?;
        let armor = ArmoredWriter::wrap_output(pending, Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armor)?;
        writer.write_all(bytes)?;
        writer.finish()?.finish()
    }

    async fn lock(&self) -> Result<Lock, StoreError> {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let until = Instant::now() + PATIENCE;
        loop {
            match Lock::acquire(Path::new(&path)) {
                Ok(lock) => return Ok(lock),
                Err(LockError::Held { .. }) if Instant::now() < until => {
                    sleep(Duration::from_millis(20)).await;
                }
                Err(LockError::Io { error, .. }) => return Err(self.io(error)),
                Err(error @ LockError::Held { .. }) => {
                    return Err(self.io(io::Error::new(io::ErrorKind::WouldBlock, error.to_string())));
                }
            }
        }
    }

    fn io(&self, error: io::Error) -> StoreError {
        StoreError::Io { path: self.path.display().to_string(), error }
    }

    fn bad(&self, why: &str) -> StoreError {
        StoreError::Invalid(format!("{}: {why}", self.path.display()))
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
