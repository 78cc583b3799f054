//! What is wrong with a file, and where. What to do about it is said by the command line.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::reference::ReferenceFault;
use super::words::WordsError;
use crate::output::escape::shortened;

/// Letters of a key that are shown.
const SHOWN: usize = 60;

/// Why there is no configuration, or no inventory.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No file is named, and none lies here or above.
    #[error("no {name} in {} or in a folder above it", folder.display())]
    NotFound {
        /// The name that was looked for.
        name: &'static str,
        /// Where the search began.
        folder: PathBuf,
    },
    /// A file that was found by searching, and that another user can change. It could name any command.
    #[error("{} can be changed by other users", .0.display())]
    Foreign(PathBuf),
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// It is longer than any such file.
    #[error("{} is larger than {} KiB", path.display(), limit >> 10)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: usize,
    },
    /// It does not say what it should.
    #[error("{}", list(path, problems, *more))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// In the order of the file.
        problems: Vec<Problem>,
        /// Problems beyond those listed.
        more: usize,
    },
}

/// One thing wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What.
    pub fault: Fault,
}

/// What is wrong. Values of the file are never part of it: any of them may be a secret in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Not UTF-8.
    NotText,
    /// Not TOML.
    Syntax(String),
    /// A key that nothing reads.
    UnknownKey {
        /// The key.
        key: String,
        /// The table, as `[http]`; empty at the top.
        place: String,
        /// The key that was most likely meant.
        near: Option<String>,
        /// Every key that may stand there.
        known: Vec<String>,
    },
    /// A key that has to be there.
    Missing {
        /// The key.
        key: String,
        /// The table.
        place: String,
    },
    /// A value of another type.
    Type {
        /// The key.
        key: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// A value outside its limits.
    Limits {
        /// The key.
        key: String,
        /// The limits, in words.
        limits: String,
    },
    /// A credential that is no reference.
    Reference {
        /// The key.
        key: String,
        /// Why.
        fault: ReferenceFault,
    },
    /// An address that is not used.
    Url {
        /// The key.
        key: String,
        /// Why.
        fault: UrlFault,
    },
    /// A name with other letters than names have.
    Name {
        /// The name.
        name: String,
    },
    /// A name that is taken.
    Taken {
        /// The name.
        name: String,
        /// The line that has it first.
        line: usize,
    },
    /// Two rows name one place for different credentials: it holds one alone.
    Shared {
        /// The place: `mixpanel/etl in vault`.
        place: String,
        /// The line of the row that has it first.
        line: usize,
    },
    /// A name that is none of those known.
    Unknown {
        /// What it should name: `kind of provider`, `store`.
        what: &'static str,
        /// The name that was most likely meant.
        near: Option<String>,
        /// Every name.
        known: Vec<String>,
    },
    /// A key that has no meaning without another.
    Needs {
        /// The key.
        key: &'static str,
        /// The other.
        other: &'static str,
    },
    /// What looks like the secret itself.
    LooksSecret {
        /// The key.
        key: &'static str,
    },
}

/// Why an address is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlFault {
    /// It is no URL with a host.
    Invalid,
    /// Neither `https` nor, where that is allowed, `http`.
    Scheme,
    /// `http` to another machine would show the credential to the network.
    Plain,
    /// It holds a user or a password.
    Credentials,
    /// It has a query or a fragment.
    Query,
}

fn list(path: &std::path::Path, problems: &[Problem], more: usize) -> String {
    let path = path.display().to_string();
    let path = shortened(&path, 4096);
    let mut lines: Vec<String> = problems.iter().map(|problem| format!("{path}:{problem}")).collect();
    if more > 0 {
        lines.push(format!("{path}: {more} more"));
    }
    lines.join("\n")
}

/// `5:1: unknown key …`
impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.line, self.column, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |text: &str| shortened(text, SHOWN);
        let place =
            |place: &str| if place.is_empty() { String::new() } else { format!(" in {}", show(place)) };
        match self {
            Self::NotText => out.write_str("not UTF-8"),
            Self::Syntax(message) => write!(out, "not TOML: {}", shortened(message, 200)),
            Self::UnknownKey { key, place: at, .. } => {
                write!(out, "unknown key `{}`{}", show(key), place(at))
            }
            Self::Missing { key, place: at } => write!(out, "`{}` is missing{}", show(key), place(at)),
            Self::Type { key, expected } => write!(out, "`{}` has to be {expected}", show(key)),
            Self::Limits { key, limits } => write!(out, "`{}` has to be {limits}", show(key)),
            Self::Reference { key, fault } => write!(out, "`{}` {fault}", show(key)),
            Self::Url { key, fault } => write!(out, "`{}` {fault}", show(key)),
            Self::Name { name } => write!(out, "`{}` is no name", show(name)),
            Self::Taken { name, line } => {
                write!(out, "the name `{}` is taken by line {line}", show(name))
            }
            Self::Shared { place, line } => {
                write!(out, "{} is that of another credential in line {line}", show(place))
            }
            Self::Unknown { what, .. } => write!(out, "no such {what}"),
            Self::Needs { key, other } => write!(out, "`{key}` without `{other}`"),
            Self::LooksSecret { key } => write!(out, "`{key}` looks like the secret itself"),
        }
    }
}

impl fmt::Display for ReferenceFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal => {
                out.write_str("is not a reference; it may be the secret itself, so it is not shown")
            }
            Self::Name => out.write_str("names no environment variable after `env:`"),
            Self::NoPath => out.write_str("has no path after `file:`"),
            Self::Home => out.write_str("begins a path with `~`, which only a shell expands"),
            Self::Words(WordsError::OpenQuote) => out.write_str("has a quote that does not end"),
            Self::Words(WordsError::OpenBackslash) => out.write_str("ends with a backslash"),
            Self::Words(WordsError::ForShell(letter)) => {
                write!(out, "has a `{}` for a shell, and commands run without one", letter.escape_default())
            }
            Self::Words(WordsError::NoProgram) => out.write_str("names no program after `command:`"),
        }
    }
}

impl fmt::Display for UrlFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Invalid => "is no address such as https://host",
            Self::Scheme => "has another scheme than https",
            Self::Plain => "is http to another machine, which shows the credential to the network",
            Self::Credentials => "holds a user or a password",
            Self::Query => "has a query or a fragment",
        })
    }
}
