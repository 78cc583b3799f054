//! One finding with its proof, and nothing else of the bag: the line, the hashes that lead from it to the signed root, and the
//! seal. The hashes of other lines tell nothing about them, unless somebody can guess a whole line.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bag::{Bag, ENVELOPE, FINDINGS};
use super::check::{Good, LARGEST_ENVELOPE};
use super::envelope::Envelope;
use super::key::PublicKey;
use super::merkle::{self, Hash, Tree};
use super::statement::{Predicate, Statement};
use super::wrong::{Fault, Wrong};
use crate::sys::hash::hex;

/// The largest disclosure that is read.
pub const LARGEST: usize = 256 << 20;
/// The longest finding that is disclosed.
const LONGEST: usize = 64 << 20;
const FORMAT: &str = "portcullis-disclosure/1";

/// A disclosed finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    format: String,
    /// The finding: its line, byte for byte.
    pub finding: String,
    /// Its number, from 1.
    pub number: u64,
    /// Of how many.
    pub of: u64,
    /// Siblings from the leaf up, hexadecimal.
    proof: Vec<String>,
    /// The key that sealed it, as PEM.
    key: String,
    seal: Envelope,
}

/// Why a finding is not disclosed.
#[derive(Debug, thiserror::Error)]
pub enum DiscloseError {
    /// The bag is wrong.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// There is no such finding.
    #[error("there is no finding {number}: {}", match of { Some(of) => format!("the bag has {of}"), None => "no findings were sealed".to_owned() })]
    None {
        /// What was asked for.
        number: u64,
        /// How many there are.
        of: Option<u64>,
    },
}

/// What a disclosure shows.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The key that sealed it.
    pub key: PublicKey,
    /// What the seal claims.
    pub predicate: Predicate,
    /// The finding and its place.
    pub disclosure: Disclosure,
}

impl Disclosure {
    /// Of the finding at `number` of a bag that was checked just now.
    pub fn of(path: &Path, good: &Good, number: u64) -> Result<Self, DiscloseError> {
        let of = good.predicate.counts.findings;
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let index = index.filter(|_| of.is_some_and(|of| number <= of));
        let index = index.ok_or(DiscloseError::None { number, of })?;
        let bag = Bag::new(path);
        let (tree, finding) = read(&bag, index)?;
        let proof = tree.proof(index).unwrap_or_default();
        let seal = bag.read(ENVELOPE, LARGEST_ENVELOPE)?;
        let seal = Envelope::from_bytes(&seal).map_err(|fault| Wrong::new(ENVELOPE, fault))?;
        let disclosure = Self {
            format: FORMAT.to_owned(),
            finding,
            number,
            of: tree.size() as u64,
            proof: proof.iter().map(|hash| hex(hash)).collect(),
            key: good.key.to_pem(),
            seal,
        };
        // The bag may have changed since it was checked.
        disclosure.holds(None, FINDINGS)?;
        Ok(disclosure)
    }

    /// Its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A structure of strings and numbers cannot fail to serialise.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads and checks a file of the name `file`. Without `key` the one in it is taken, which anybody may have put there.
    pub fn check(bytes: &[u8], key: Option<&PublicKey>, file: &str) -> Result<Shown, Wrong> {
        let form = |why: String| Wrong::new(file, Fault::Form(why));
        let disclosure: Self = serde_json::from_slice(bytes).map_err(|error| {
            form(format!("it is not a disclosure (line {}, column {})", error.line(), error.column()))
        })?;
        if disclosure.to_bytes() != bytes {
            return Err(form("it is not formatted as Portcullis does: it was changed".to_owned()));
        }
        disclosure.holds(key, file)
    }

    fn holds(&self, given: Option<&PublicKey>, file: &str) -> Result<Shown, Wrong> {
        let wrong = |fault: Fault| Wrong::new(file, fault);
        let form = |why: &str| wrong(Fault::Form(why.to_owned()));
        if self.format != FORMAT {
            return Err(wrong(Fault::Form(format!("its format is {:?}, not {FORMAT}", self.format))));
        }
        let key = PublicKey::from_pem(self.key.as_bytes()).filter(|key| key.to_pem() == self.key);
        let key = key.ok_or_else(|| form("its key is not an Ed25519 public key as Portcullis writes it"))?;
        if let Some(given) = given.filter(|given| **given != key) {
            return Err(wrong(Fault::Key { expected: given.id(), found: key.id() }));
        }
        let statement = self.seal.open(&key).map_err(|fault| wrong(fault.into()))?;
        let statement = Statement::from_bytes(&statement).map_err(|why| wrong(Fault::Form(why)))?;
        let signed = statement.predicate.counts.findings;
        if signed != Some(self.of) {
            let expected = signed.map_or("no".to_owned(), |signed| signed.to_string());
            return Err(wrong(Fault::Count { what: "findings", expected, found: self.of.to_string() }));
        }
        let proof = self.proof.iter().map(|text| unhex(text)).collect::<Option<Vec<Hash>>>();
        let proof = proof.ok_or_else(|| form("its proof is not made of SHA-256 digests"))?;
        let place = |number: u64| usize::try_from(number).ok();
        let root = place(self.number).and_then(|number| number.checked_sub(1)).zip(place(self.of)).and_then(
            |(index, size)| merkle::root_by(merkle::leaf(self.finding.as_bytes()), index, size, &proof),
        );
        let root = root.ok_or_else(|| form("its proof is not one for the finding's place"))?;
        let (expected, found) = (statement.of_lines(FINDINGS).unwrap_or("none").to_owned(), hex(&root));
        if expected != found {
            let named_in = "the seal".to_owned();
            return Err(wrong(Fault::Digest { algorithm: "Merkle root", named_in, expected, found }));
        }
        Ok(Shown { key, predicate: statement.predicate, disclosure: self.clone() })
    }
}

/// The tree over all findings, and the one at `index`.
fn read(bag: &Bag, index: usize) -> Result<(Tree, String), Wrong> {
    let fault = |why: String| Wrong::new(FINDINGS, Fault::Form(why));
    let mut reader = BufReader::new(bag.open(FINDINGS)?);
    let (mut tree, mut line, mut found) = (Tree::default(), Vec::new(), None);
    loop {
        line.clear();
        let length = reader.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut line);
        let length = length.map_err(|error| Wrong::new(FINDINGS, Fault::Unreadable(error.to_string())))?;
        if length == 0 {
            break;
        }
        if length > LONGEST {
            return Err(fault(format!("line {} is longer than {LONGEST} bytes", tree.size() + 1)));
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if tree.size() == index {
            let text = String::from_utf8(text.to_vec());
            found = Some(text.map_err(|_invalid| fault(format!("line {} is not UTF-8", index + 1)))?);
        }
        tree.push(merkle::leaf(text)).map_err(|error| fault(error.to_string()))?;
    }
    let found = found.ok_or_else(|| fault(format!("it has no line {}", index + 1)))?;
    Ok((tree, found))
}

fn unhex(text: &str) -> Option<Hash> {
    let bytes = text.as_bytes();
    let plain =
        bytes.len() == 64 && bytes.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte));
    let mut hash = Hash::default();
    for (byte, digits) in hash.iter_mut().zip(bytes.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    plain.then_some(hash)
}
