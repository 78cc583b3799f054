//! RFC 3161 time stamps: what a response says it stamped, and when. Whether the authority signed it is left to
//! `openssl ts -verify`, which knows certificates: a stamp that fits proves nothing before that was done.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};

use crate::sys::hash::hex;

/// The largest response that is read: certificates are most of it.
pub const LARGEST: usize = 1 << 20;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// What a time stamp says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When, as the authority says: RFC 3339, UTC.
    pub time: String,
    /// The authority's policy, a dotted object identifier.
    pub policy: String,
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// The SHA-256 that was stamped.
    digest: String,
}

/// Why a time stamp does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampFault {
    /// No response in DER.
    #[error("it is not a time-stamp response (RFC 3161, DER): {0}")]
    Form(&'static str),
    /// The authority refused.
    #[error("the authority gave no time stamp: its status is {0}")]
    Refused(String),
    /// It stamps a digest that is not SHA-256.
    #[error("it stamps a digest of the algorithm {0}: ask for SHA-256")]
    Algorithm(String),
    /// It stamps something else.
    #[error("it stamps something else than the seal: expected sha256 {expected}, found {found}")]
    Imprint {
        /// Of the seal.
        expected: String,
        /// In the stamp.
        found: String,
    },
}

impl Stamp {
    /// Reads a time-stamp response.
    pub fn parse(response: &[u8]) -> Result<Self, TimestampFault> {
        let whole = AnyRef::from_der(response).map_err(|_invalid| TimestampFault::Form("the file"))?;
        let parts = sequence(whole, "the response")?;
        granted(*parts.first().ok_or(TimestampFault::Form("the status"))?)?;
        let token = *parts.get(1).ok_or(TimestampFault::Form("it holds no token"))?;
        let signed = sequence(content(token, SIGNED_DATA, "the token")?, "the signed data")?;
        let encapsulated = *signed.get(2).ok_or(TimestampFault::Form("the signed content"))?;
        let info = content(encapsulated, TST_INFO, "the signed content")?;
        if info.tag() != Tag::OctetString {
            return Err(TimestampFault::Form("the signed content"));
        }
        Self::info(
            AnyRef::from_der(info.value()).map_err(|_invalid| TimestampFault::Form("the time-stamp info"))?,
        )
    }

    fn info(info: AnyRef<'_>) -> Result<Self, TimestampFault> {
        let parts = sequence(info, "the time-stamp info")?;
        let [_version, policy, imprint, serial, time, ..] = parts.as_slice() else {
            return Err(TimestampFault::Form("the time-stamp info"));
        };
        let imprint = sequence(*imprint, "the imprint")?;
        let [algorithm, digest] = imprint.as_slice() else { return Err(TimestampFault::Form("the imprint")) };
        let algorithm = sequence(*algorithm, "the imprint's algorithm")?;
        let algorithm = algorithm.first().copied().and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        let algorithm = algorithm.ok_or(TimestampFault::Form("the imprint's algorithm"))?;
        if algorithm != SHA256 {
            return Err(TimestampFault::Algorithm(algorithm.to_string()));
        }
        if digest.tag() != Tag::OctetString || digest.value().len() != 32 || serial.tag() != Tag::Integer {
            return Err(TimestampFault::Form("the time-stamp info"));
        }
        let policy =
            policy.decode_as::<ObjectIdentifier>().map_err(|_invalid| TimestampFault::Form("the policy"))?;
        Ok(Self {
            time: time_of(*time).ok_or(TimestampFault::Form("the time"))?,
            policy: policy.to_string(),
            serial: hex(serial.value()),
            digest: hex(digest.value()),
        })
    }

    /// Whether it stamps the file of this digest.
    pub fn covers(&self, sha256: &str) -> Result<(), TimestampFault> {
        if self.digest == sha256 {
            return Ok(());
        }
        Err(TimestampFault::Imprint { expected: sha256.to_owned(), found: self.digest.clone() })
    }
}

/// Status 0 is granted, 1 granted with changes.
fn granted(status: AnyRef<'_>) -> Result<(), TimestampFault> {
    let parts = sequence(status, "the status")?;
    let status = parts.first().filter(|part| part.tag() == Tag::Integer);
    match status.map(|status| status.value()) {
        Some([0 | 1]) => Ok(()),
        Some(other) => Err(TimestampFault::Refused(hex(other))),
        None => Err(TimestampFault::Form("the status")),
    }
}

/// What a structure of type and `[0]` content holds.
fn content<'a>(
    structure: AnyRef<'a>,
    kind: ObjectIdentifier,
    what: &'static str,
) -> Result<AnyRef<'a>, TimestampFault> {
    let parts = sequence(structure, what)?;
    let [found, explicit] = parts.as_slice() else { return Err(TimestampFault::Form(what)) };
    let found: Option<ObjectIdentifier> = found.decode_as().ok();
    if found != Some(kind) || !explicit.tag().is_context_specific() {
        return Err(TimestampFault::Form(what));
    }
    let inner = children(*explicit).ok_or(TimestampFault::Form(what))?;
    match inner.as_slice() {
        [content] => Ok(*content),
        _ => Err(TimestampFault::Form(what)),
    }
}

fn sequence<'a>(any: AnyRef<'a>, what: &'static str) -> Result<Vec<AnyRef<'a>>, TimestampFault> {
    let parts = if any.tag() == Tag::Sequence { children(any) } else { None };
    parts.ok_or(TimestampFault::Form(what))
}

/// What is right inside of it. There is no recursion: only the way to the info is looked at.
fn children(any: AnyRef<'_>) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(any.value()).ok()?;
    let mut children = Vec::new();
    while !reader.is_finished() {
        children.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(children)
}

/// `20261124194500.25Z`, as RFC 3339. Authorities may give fractions.
fn time_of(any: AnyRef<'_>) -> Option<String> {
    let text = std::str::from_utf8(any.value()).ok().filter(|_| any.tag() == Tag::GeneralizedTime)?;
    let (seconds, fraction) = match text.strip_suffix('Z')?.split_once('.') {
        Some((seconds, fraction)) => (seconds, format!(".{fraction}")),
        None => (text.strip_suffix('Z')?, String::new()),
    };
    let digits =
        seconds.len() == 14 && seconds.chars().chain(fraction.chars().skip(1)).all(|c| c.is_ascii_digit());
    if !digits || fraction == "." || fraction.len() > 10 {
        return None;
    }
    let part = |from: usize, to: usize| seconds.get(from..to).unwrap_or_default();
    let text = format!(
        "{}-{}-{}T{}:{}:{}{fraction}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    text.parse::<jiff::Timestamp>().ok().map(|_valid| text)
}
