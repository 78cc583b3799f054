//! What is wrong with a bag: which file, and why.

use super::custody::Broken;
use super::envelope::EnvelopeFault;
use super::manifest::ManifestFault;
use super::timestamp::TimestampFault;

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct Wrong {
    /// Path in the bag.
    pub file: String,
    /// Why.
    pub fault: Fault,
}

impl Wrong {
    /// About this file.
    pub fn new(file: impl Into<String>, fault: impl Into<Fault>) -> Self {
        Self { file: file.into(), fault: fault.into() }
    }
}

/// Why a file is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not there.
    #[error("it is missing")]
    Missing,
    /// Nothing says that it belongs there.
    #[error("nothing in the seal or in the custody log names it: it was added afterwards")]
    Extra,
    /// It is a link, a pipe, a folder.
    #[error("it is a link, or no regular file")]
    NotRegular,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is too large for what it is.
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
    /// It is not what it should be.
    #[error("{0}")]
    Form(String),
    /// Its digest differs.
    #[error("its {algorithm} is not the one in {named_in}: expected {expected}, found {found}")]
    Digest {
        /// Such as `sha256`.
        algorithm: &'static str,
        /// Where the digest stands.
        named_in: String,
        /// What stands there.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// The signed statement counts otherwise.
    #[error("the seal counts {expected} {what}, and there are {found}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// What the statement says.
        expected: String,
        /// What there is.
        found: String,
    },
    /// The key is not the one that was given.
    #[error("the bag was sealed with another key: expected {expected}, found {found}")]
    Key {
        /// The key that was given.
        expected: String,
        /// The key of the bag.
        found: String,
    },
    /// The seal.
    #[error(transparent)]
    Envelope(#[from] EnvelopeFault),
    /// A manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestFault),
    /// The custody log.
    #[error(transparent)]
    Custody(#[from] Broken),
    /// The custody log does not have the entry that was asked for.
    #[error("it has no entry {0}: entries were cut off, or it is another log")]
    Head(String),
    /// The time stamp.
    #[error(transparent)]
    Timestamp(#[from] TimestampFault),
}
