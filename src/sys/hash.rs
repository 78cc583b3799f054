//! Digests.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest, Sha256, Sha512};

/// SHA-256 of `bytes`, in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Length and SHA-256 of a file.
///
/// # Errors
/// It cannot be read.
pub fn sha256_file(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        let Some(block) = buffer.get(..read).filter(|block| !block.is_empty()) else { break };
        digest.update(block);
        bytes += read as u64;
    }
    Ok((bytes, hex(&digest.finalize())))
}

/// SHA-256 and SHA-512 of a stream, and its length.
#[derive(Default)]
pub struct Digests {
    sha256: Sha256,
    sha512: Sha512,
    bytes: u64,
}

/// What [`Digests`] came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digested {
    /// SHA-256, in lower-case hexadecimal.
    pub sha256: String,
    /// SHA-512, in lower-case hexadecimal.
    pub sha512: String,
    /// Its length.
    pub bytes: u64,
}

impl Digests {
    /// Takes more of the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.sha512.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// The end of the stream.
    pub fn finish(self) -> Digested {
        let (sha256, sha512) = (hex(&self.sha256.finalize()), hex(&self.sha512.finalize()));
        Digested { sha256, sha512, bytes: self.bytes }
    }
}

/// Bytes in lower-case hexadecimal.
pub fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_digests_are_those_of_the_whole() {
        let mut digests = Digests::default();
        digests.update(b"a");
        digests.update(b"bc");
        let digested = digests.finish();
        assert_eq!((digested.bytes, digested.sha256), (3, sha256_hex(b"abc")));
        assert!(
            digested.sha512.starts_with("ddaf35a193617abacc417349ae204131") && digested.sha512.len() == 128
        );
    }

    #[test]
    fn the_digest_of_nothing_is_known() {
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
