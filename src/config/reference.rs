//! Where a credential is to be found. The file never holds one.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::words::{self, WordsError};
use crate::sys::fs::{is_own, read_up_to};
use crate::sys::process::{self, RunError};

/// No credential is longer, in bytes.
const MAX_SECRET: usize = 64 << 10;
/// How long a command may take: time enough for a finger on a reader.
const COMMAND_TIME: Duration = Duration::from_mins(1);

/// Where a credential is to be found.
#[derive(Clone, PartialEq, Eq)]
pub enum Reference {
    /// `env:NAME`: an environment variable.
    Env(String),
    /// `file:PATH`: a file that only this user may read.
    File(PathBuf),
    /// `prompt` or `prompt:LABEL`: asked for on the terminal.
    Prompt(String),
    /// `command:PROGRAM …`: what a program writes; it is run without a shell.
    Command(Vec<String>),
}

/// The environment and the terminal, which only the command line may touch.
pub trait Door {
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// Asks on the terminal, without echo.
    fn ask(&self, label: &str) -> io::Result<SecretString>;
}

/// Why a text is no reference. Says nothing of the text: it may be the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceFault {
    /// None of the schemes.
    Literal,
    /// `env:` without the name of a variable.
    Name,
    /// `file:` without a path.
    NoPath,
    /// A path that begins with `~`, which only a shell would expand.
    Home,
    /// `command:` without words.
    Words(WordsError),
}

/// Why a credential is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The environment variable is not set.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A folder, a pipe, a device.
    #[error("{} is not a regular file", .0.display())]
    NotRegular(PathBuf),
    /// The file is somebody else's.
    #[error("{} belongs to another user", .0.display())]
    NotOwn(PathBuf),
    /// Others may read or write the file.
    #[error("others can reach {}: its mode is {mode:04o}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The terminal gave none.
    #[error("cannot ask for the {label}: {error}")]
    Ask {
        /// What was asked for.
        label: String,
        /// The system's reason.
        error: io::Error,
    },
    /// The program gave none.
    #[error("`{program}` {error}")]
    Command {
        /// The program, without its arguments.
        program: String,
        /// What went wrong.
        error: RunError,
    },
    /// It is there but empty.
    #[error("{0} gives an empty credential")]
    Empty(String),
    /// It is longer than any credential.
    #[error("{0} gives more than 64 KiB, which is no credential")]
    TooLong(String),
    /// It is not UTF-8.
    #[error("{0} gives bytes that are no text")]
    NotText(String),
}

impl Reference {
    /// Reads a reference. Relative paths count from `folder`; `label` is what a bare `prompt` asks for.
    pub fn parse(text: &str, folder: &Path, label: &str) -> Result<Self, ReferenceFault> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        match scheme {
            "env" => is_name(rest).then(|| Self::Env(rest.to_owned())).ok_or(ReferenceFault::Name),
            "file" if rest.is_empty() || rest.contains('\0') => Err(ReferenceFault::NoPath),
            "file" if rest.starts_with('~') => Err(ReferenceFault::Home),
            "file" => Ok(Self::File(folder.join(rest))),
            "prompt" => Ok(Self::Prompt(if rest.is_empty() { label } else { rest }.to_owned())),
            "command" => {
                let mut words = words::split(rest).map_err(ReferenceFault::Words)?;
                match words.first_mut() {
                    Some(program) if program.starts_with('~') => return Err(ReferenceFault::Home),
                    // A name is looked up in PATH; a path counts from the file, wherever the user stands.
                    Some(program) if program.contains('/') => {
                        *program = folder.join(&*program).to_string_lossy().into_owned();
                    }
                    _ => {}
                }
                Ok(Self::Command(words))
            }
            _ => Err(ReferenceFault::Literal),
        }
    }

    /// Fetches the credential. One newline at its end is not part of it.
    pub fn resolve(&self, door: &dyn Door) -> Result<SecretString, ReferenceError> {
        match self {
            Self::Env(name) => {
                let value = door.variable(name).ok_or_else(|| ReferenceError::Unset(name.clone()))?;
                self.secret(&Zeroizing::new(value.into_vec()))
            }
            Self::File(path) => self.secret(&read_private(path)?),
            Self::Prompt(label) => {
                let asked = door.ask(label);
                let asked = asked.map_err(|error| ReferenceError::Ask { label: label.clone(), error })?;
                self.secret(asked.expose_secret().as_bytes())
            }
            Self::Command(words) => {
                let (program, arguments) = words.split_first().map_or(("", &[][..]), |(p, a)| (p, a));
                let output = process::output(program, arguments, MAX_SECRET, COMMAND_TIME);
                let program = || program.to_owned();
                self.secret(&output.map_err(|error| ReferenceError::Command { program: program(), error })?)
            }
        }
    }

    fn secret(&self, bytes: &[u8]) -> Result<SecretString, ReferenceError> {
        let bytes = bytes.strip_suffix(b"\n").map_or(bytes, |line| line.strip_suffix(b"\r").unwrap_or(line));
        if bytes.is_empty() {
            return Err(ReferenceError::Empty(self.to_string()));
        }
        if bytes.len() > MAX_SECRET {
            return Err(ReferenceError::TooLong(self.to_string()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_bytes| ReferenceError::NotText(self.to_string()))?;
        Ok(SecretString::from(text))
    }
}

/// As in the file, but of a command only the program: its arguments may say more than is wise.
impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(out, "env:{name}"),
            Self::File(path) => write!(out, "file:{}", path.display()),
            Self::Prompt(_) => out.write_str("prompt"),
            Self::Command(words) => {
                write!(out, "command:{}", words.first().map_or("", String::as_str))?;
                out.write_str(if words.len() > 1 { " …" } else { "" })
            }
        }
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Reference({self})")
    }
}

/// Letters, digits and `_`, not beginning with a digit.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, ReferenceError> {
    let failed = |error| ReferenceError::Read { path: path.to_owned(), error };
    // Before it is opened: opening a pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(ReferenceError::NotRegular(path.to_owned()));
    }
    let file = File::open(path).map_err(failed)?;
    // What is judged is what is read: the name may lead elsewhere by now.
    let about = file.metadata().map_err(failed)?;
    let mode = about.permissions().mode() & 0o7777;
    if !about.is_file() {
        return Err(ReferenceError::NotRegular(path.to_owned()));
    }
    if !is_own(&about) {
        return Err(ReferenceError::NotOwn(path.to_owned()));
    }
    if mode & 0o077 != 0 {
        return Err(ReferenceError::Open { path: path.to_owned(), mode });
    }
    let bytes = read_up_to(file, MAX_SECRET).map_err(failed)?;
    bytes.ok_or_else(|| ReferenceError::TooLong(format!("file:{}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io::Write;

    use super::*;

    struct Given(Option<&'static [u8]>, io::Result<&'static str>);

    impl Door for Given {
        fn variable(&self, _: &str) -> Option<OsString> {
            self.0.map(|bytes| OsString::from_vec(bytes.to_vec()))
        }

        fn ask(&self, label: &str) -> io::Result<SecretString> {
            assert_eq!(label, "LABEL");
            match &self.1 {
                Ok(text) => Ok(SecretString::from(*text)),
                Err(error) => Err(error.kind().into()),
            }
        }
    }

    const SHUT: Given = Given(None, Ok(""));

    fn parse(text: &str) -> Result<Reference, ReferenceFault> {
        Reference::parse(text, Path::new("/etc/p"), "LABEL")
    }

    fn fetch(text: &str, door: &Given) -> Result<String, String> {
        let secret = parse(text).unwrap().resolve(door);
        secret.map(|secret| secret.expose_secret().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_four_schemes_are_read() {
        let words = |words: &[&str]| Reference::Command(words.iter().map(ToString::to_string).collect());
        for (text, reference) in [
            ("env:A_1", Reference::Env("A_1".into())),
            ("file:keys/x", Reference::File("/etc/p/keys/x".into())),
            ("file:/x y", Reference::File("/x y".into())),
            ("prompt", Reference::Prompt("LABEL".into())),
            ("prompt:Okta: token", Reference::Prompt("Okta: token".into())),
            ("command:op read 'op://a b/c'", words(&["op", "read", "op://a b/c"])),
            ("command:bin/get x/y", words(&["/etc/p/bin/get", "x/y"])),
        ] {
            assert_eq!(parse(text), Ok(reference), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, fault) in [
            ("", ReferenceFault::Literal),
            ("hunter2", ReferenceFault::Literal),
            ("user:hunter2", ReferenceFault::Literal),
            ("ENV:X", ReferenceFault::Literal),
            (" env:X", ReferenceFault::Literal),
            ("env:", ReferenceFault::Name),
            ("env:A B", ReferenceFault::Name),
            ("env:1A", ReferenceFault::Name),
            ("file:", ReferenceFault::NoPath),
            ("file:~/x", ReferenceFault::Home),
            ("command:~/x", ReferenceFault::Home),
            ("command:", ReferenceFault::Words(WordsError::NoProgram)),
            ("command:a | b", ReferenceFault::Words(WordsError::ForShell('|'))),
        ] {
            assert_eq!(parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn the_environment_gives_what_is_there() {
        assert_eq!(fetch("env:X", &Given(Some(b"a:b\n"), Ok(""))).unwrap(), "a:b");
        assert_eq!(fetch("env:X", &SHUT).unwrap_err(), "the environment variable X is not set");
        assert!(fetch("env:X", &Given(Some(b"\n"), Ok(""))).unwrap_err().contains("empty"));
        let error = fetch("env:X", &Given(Some(b"hunter2\xff"), Ok(""))).unwrap_err();
        assert!(error.contains("no text") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_terminal_is_asked() {
        assert_eq!(fetch("prompt", &Given(None, Ok("x"))).unwrap(), "x");
        assert!(fetch("prompt", &SHUT).unwrap_err().contains("empty"));
        let none = Given(None, Err(io::ErrorKind::NotFound.into()));
        assert!(fetch("prompt", &none).unwrap_err().starts_with("cannot ask for the LABEL"));
    }

    #[test]
    fn a_file_has_to_be_private_and_regular() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let reference = format!("file:{}", path.display());
        let write = |bytes: &[u8], mode| {
            File::create(&path).unwrap().write_all(bytes).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        };
        assert!(fetch(&reference, &SHUT).unwrap_err().starts_with("cannot read"));
        for (bytes, secret) in [(&b"s3\n"[..], "s3"), (b"s3\r\n", "s3"), (b"s3\n\n", "s3\n"), (b"s3", "s3")] {
            write(bytes, 0o600);
            assert_eq!(fetch(&reference, &SHUT).unwrap(), secret);
        }
        write(b"", 0o600);
        assert!(fetch(&reference, &SHUT).unwrap_err().contains("empty"));
        write(&vec![b'x'; MAX_SECRET + 1], 0o600);
        assert!(fetch(&reference, &SHUT).unwrap_err().contains("64 KiB"));
        for mode in [0o640, 0o604, 0o620, 0o601, 0o644] {
            write(b"hunter2", mode);
            let error = fetch(&reference, &SHUT).unwrap_err();
            assert!(error.contains(&format!("{mode:04o}")) && !error.contains("hunter2"), "{error}");
        }
        for path in [folder.path(), Path::new("/dev/null")] {
            let error = fetch(&format!("file:{}", path.display()), &SHUT).unwrap_err();
            assert!(error.ends_with("is not a regular file"), "{error}");
        }
    }

    #[test]
    fn a_command_gives_what_it_writes() {
        assert_eq!(fetch("command:printf 'a\\nb\\n'", &SHUT).unwrap(), "a\nb");
        let error = fetch("command:false hunter2", &SHUT).unwrap_err();
        assert_eq!(error, "`false` ended with exit status: 1");
        assert!(fetch("command:true", &SHUT).unwrap_err().contains("empty"));
        assert!(fetch("command:yes hunter2", &SHUT).unwrap_err().contains("more than 65536 bytes"));
        assert!(fetch("command:no-such-program-here x", &SHUT).unwrap_err().contains("cannot be started"));
    }

    #[test]
    fn what_is_shown_holds_no_argument() {
        for (text, shown) in [
            ("env:X", "env:X"),
            ("file:x", "file:/etc/p/x"),
            ("prompt:Token", "prompt"),
            ("command:get hunter2", "command:get …"),
            ("command:get", "command:get"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), shown);
            assert_eq!(format!("{:?}", parse(text).unwrap()), format!("Reference({shown})"));
        }
    }
}
