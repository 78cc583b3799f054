//! Ed25519 keys: PKCS#8 for the one that signs, SPKI for the one that anybody may have, both as PEM, as openssl reads them.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use zeroize::Zeroizing;

use crate::sys::fs::{Pending, is_own, read_plain_up_to, read_up_to};
use crate::sys::hash::sha256_hex;

/// A key file is a few lines.
const LARGEST: usize = 16 << 10;
/// PKCS#8 of an Ed25519 key up to its 32 bytes (RFC 8410): it has no other part that varies.
const PRIVATE: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// SPKI of an Ed25519 key up to its 32 bytes.
const PUBLIC: &[u8] = &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// There is something of that name already; nothing was written.
    #[error("{0} is there already, and keys are never overwritten")]
    Exists(PathBuf),
    /// Others can read the private key, or it is somebody else's.
    #[error("{0} must be a file of yours that nobody else can read")]
    Open(PathBuf),
    /// The file holds something else.
    #[error("{path} is not {wanted}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

/// The key that signs. Its bytes are in no `Debug` and no error.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

/// The key that anybody may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    bytes: [u8; 32],
}

/// Makes a new key: the private one at `path` (mode 0600), the public one at [`beside`] it. Overwrites neither.
pub fn create(path: &Path) -> Result<PublicKey, KeyError> {
    let public_path = beside(path);
    for path in [path, &public_path] {
        // Also for a link that leads nowhere.
        if path.symlink_metadata().is_ok() {
            return Err(KeyError::Exists(path.to_owned()));
        }
    }
    let mut document = Zeroizing::new(PRIVATE.to_vec());
    document.reserve_exact(32);
    let mut seed = Zeroizing::new([0; 32]);
    SystemRandom::new().fill(&mut *seed).map_err(|_unspecified| KeyError::Random)?;
    document.extend_from_slice(&*seed);
    let key = SigningKey::from_pkcs8(&document).ok_or(KeyError::Random)?;
    let text = Zeroizing::new(pem("PRIVATE KEY", &document));
    let (private, public) = (Pending::create_private(path), Pending::create(&public_path));
    write_new(private, path, text.as_bytes())?;
    write_new(public, &public_path, key.public().to_pem().as_bytes())?;
    Ok(key.public())
}

/// Where the public key of a private key's file goes: `evidence.pub.pem` for `evidence.pem`.
pub fn beside(private: &Path) -> PathBuf {
    private.with_extension("pub.pem")
}

fn write_new(file: io::Result<Pending>, path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let written = file.and_then(|mut file| {
        file.write_all(bytes)?;
        file.finish_new(path)
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::Io { path: path.to_owned(), error },
    })
}

impl SigningKey {
    /// Reads a key that [`create`] or openssl made, from a file that nobody else can read.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let failed = |error| KeyError::Io { path: path.to_owned(), error };
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if !about.is_file() || !is_own(&about) || about.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Open(path.to_owned()));
        }
        let text = read_up_to(&file, LARGEST).map_err(failed)?;
        let key = text.and_then(|text| {
            let der = PrivatePkcs8KeyDer::from_pem_slice(&text).ok()?;
            let der = Zeroizing::new(der.secret_pkcs8_der().to_vec());
            Self::from_pkcs8(&der)
        });
        key.ok_or_else(|| {
            let wanted = "an Ed25519 private key (PKCS#8, PEM)";
            KeyError::Form { path: path.to_owned(), wanted }
        })
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        // Unchecked says that the document need not hold the public key too, which openssl's do not.
        Some(Self { pair: Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()? })
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(self.pair.public_key().as_ref()) {
            *to = *from;
        }
        PublicKey { bytes }
    }

    /// The signature of a message; the same each time.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SigningKey({})", self.public().id())
    }
}

impl PublicKey {
    /// Reads one that [`create`] or openssl made.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let failed = |error| KeyError::Io { path: path.to_owned(), error };
        let file = File::open(path).map_err(failed)?;
        let text = read_plain_up_to(file, LARGEST).map_err(failed)?;
        let key = text.and_then(|text| Self::from_pem(&text));
        let wanted = "an Ed25519 public key (SPKI, PEM)";
        key.ok_or_else(|| KeyError::Form { path: path.to_owned(), wanted })
    }

    /// From PEM; `None` for anything else.
    pub fn from_pem(text: &[u8]) -> Option<Self> {
        Self::from_der(&SubjectPublicKeyInfoDer::from_pem_slice(text).ok()?)
    }

    /// From the SPKI document itself.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        Some(Self { bytes: der.strip_prefix(PUBLIC)?.try_into().ok()? })
    }

    /// As openssl writes it: one text for one key.
    pub fn to_pem(&self) -> String {
        pem("PUBLIC KEY", &self.to_der())
    }

    /// The SPKI document.
    pub fn to_der(&self) -> Vec<u8> {
        [PUBLIC, &self.bytes].concat()
    }

    /// Its name: SHA-256 of the SPKI document.
    pub fn id(&self) -> String {
        sha256_hex(&self.to_der())
    }

    /// Whether the signature is that of this key's owner for the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature).is_ok()
    }
}

/// Both kinds of document fit into one line.
fn pem(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = String::with_capacity(2 * (label.len() + 20) + body.len());
    for part in ["-----BEGIN ", label, "-----\n", body.as_str(), "\n-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    fn made() -> (tempfile::TempDir, PathBuf, PublicKey) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.pem");
        let public = create(&path).unwrap();
        (folder, path, public)
    }

    #[test]
    fn what_one_signs_the_other_verifies() {
        let (_folder, path, public) = made();
        let key = SigningKey::read(&path).unwrap();
        assert_eq!(key.public(), public);
        assert_eq!(PublicKey::read(&beside(&path)).unwrap(), public);
        let signature = key.sign(b"message");
        assert_eq!(signature, key.sign(b"message"));
        assert!(public.verifies(b"message", &signature));
        assert!(!public.verifies(b"messagf", &signature));
        assert!(!public.verifies(b"message", &signature[1..]));
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", public.id()));
    }

    #[test]
    fn a_private_key_is_private_and_stays() {
        let (folder, path, public) = made();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(create(&path), Err(KeyError::Exists(_))));
        let other = folder.path().join("other.pem");
        std::fs::copy(beside(&path), beside(&other)).unwrap();
        assert!(matches!(create(&other), Err(KeyError::Exists(_))) && !other.exists());
        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(SigningKey::read(&path), Err(KeyError::Open(_))));
        assert_eq!(public.id().len(), 64);
    }

    #[test]
    fn other_files_are_no_keys() {
        let (folder, path, public) = made();
        assert!(matches!(PublicKey::read(&path), Err(KeyError::Form { .. })));
        assert!(matches!(PublicKey::read(&folder.path().join("none")), Err(KeyError::Io { .. })));
        let mut der = public.to_der();
        der.push(0);
        assert_eq!(PublicKey::from_der(&der), None);
        for text in ["", "-----BEGIN PUBLIC KEY-----\n", "\u{0}"] {
            assert_eq!(PublicKey::from_pem(text.as_bytes()), None);
        }
    }
}
