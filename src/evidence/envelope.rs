//! The seal: a DSSE envelope with one signature, in one form only, so that no byte of its file is without meaning.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::key::{PublicKey, SigningKey};

/// The payload type of an in-toto statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A signed payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    payload_type: String,
    payload: String,
    signatures: [Signature; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    sig: String,
}

/// Why an envelope does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// Not an envelope in the form in which Portcullis writes it.
    #[error("it is not a DSSE envelope as Portcullis writes it{0}")]
    Form(String),
    /// Another payload type.
    #[error("its payload is of the type {0:?}, not {IN_TOTO}")]
    Type(String),
    /// It names another key.
    #[error("it was sealed with another key: expected {expected}, found {found}")]
    Key {
        /// The key that it is held against.
        expected: String,
        /// The key that it names.
        found: String,
    },
    /// The signature is not that of the key for the payload.
    #[error("its signature is not that of key {0} over its payload")]
    Signature(String),
}

impl Envelope {
    /// Signs a statement.
    pub fn seal(statement: &[u8], key: &SigningKey) -> Self {
        let sig = STANDARD.encode(key.sign(&pae(IN_TOTO, statement)));
        Self {
            payload_type: IN_TOTO.to_owned(),
            payload: STANDARD.encode(statement),
            signatures: [Signature { keyid: key.public().id(), sig }],
        }
    }

    /// The key that it says it was sealed with.
    pub fn key_id(&self) -> &str {
        let [signature] = &self.signatures;
        &signature.keyid
    }

    /// Its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A structure of strings cannot fail to serialise.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads its file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeFault> {
        let envelope: Self = serde_json::from_slice(bytes).map_err(|error| {
            EnvelopeFault::Form(format!(" (line {}, column {})", error.line(), error.column()))
        })?;
        if envelope.to_bytes() != bytes {
            return Err(EnvelopeFault::Form(": it is formatted otherwise".to_owned()));
        }
        Ok(envelope)
    }

    /// The statement, if this is the key that signed it.
    pub fn open(&self, key: &PublicKey) -> Result<Vec<u8>, EnvelopeFault> {
        let ([signature], id) = (&self.signatures, key.id());
        if self.payload_type != IN_TOTO {
            return Err(EnvelopeFault::Type(self.payload_type.clone()));
        }
        if signature.keyid != id {
            return Err(EnvelopeFault::Key { expected: id, found: signature.keyid.clone() });
        }
        let decode = |text: &str| {
            STANDARD.decode(text).map_err(|_invalid| EnvelopeFault::Form(": broken base64".to_owned()))
        };
        let (payload, sig) = (decode(&self.payload)?, decode(&signature.sig)?);
        if key.verifies(&pae(IN_TOTO, &payload), &sig) {
            Ok(payload)
        } else {
            Err(EnvelopeFault::Signature(id))
        }
    }
}

/// What DSSE signs: type and payload with their lengths, so that neither can be taken for the other.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::evidence::key;

    pub(crate) fn signing_key() -> SigningKey {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        key::create(&path).unwrap();
        SigningKey::read(&path).unwrap()
    }

    #[test]
    fn what_is_signed_is_what_the_specification_says() {
        // The example of the DSSE protocol.
        let signed = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(signed, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn every_byte_of_the_file_counts() {
        let key = signing_key();
        let bytes = Envelope::seal(b"{\"a\": 1}", &key).to_bytes();
        let read =
            |bytes: &[u8]| Envelope::from_bytes(bytes).and_then(|envelope| envelope.open(&key.public()));
        assert_eq!(read(&bytes).unwrap(), b"{\"a\": 1}");
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(read(&changed).is_err(), "byte {at}, bit {bit}");
            }
            assert!(read(&bytes[..at]).is_err());
        }
    }

    #[test]
    fn another_key_is_named() {
        let (key, other) = (signing_key(), signing_key());
        let envelope = Envelope::seal(b"{}", &key);
        let (expected, found) = (other.public().id(), key.public().id());
        assert_eq!(envelope.open(&other.public()), Err(EnvelopeFault::Key { expected, found }));
    }
}
