//! Whether a bag is what was sealed. From the key down: signature, manifests, files, lines, custody. The first thing that is
//! wrong is named, and nothing after it is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::bag::{
    Bag, CUSTODY, DECLARATION, DECLARED, ENVELOPE, FINDINGS, INFO, INSTRUCTIONS, JOURNAL, KEY, TIMESTAMP,
};
use super::custody;
use super::envelope::Envelope;
use super::key::PublicKey;
use super::manifest::{self, Algorithm, Manifest};
use super::merkle::Lines;
use super::statement::{Predicate, Statement};
use super::timestamp::{self, Stamp};
use super::wrong::{Fault, Wrong};
use crate::lockdown::journal;
use crate::lockdown::record::Entry;
use crate::sys::hash::{Digested, Digests, hex, sha256_hex};

/// The largest envelope.
pub const LARGEST_ENVELOPE: usize = 1 << 20;
const LARGEST_KEY: usize = 16 << 10;

/// A bag that is what was sealed, as far as the key is who it should be.
#[derive(Debug, Clone)]
pub struct Good {
    /// The key that sealed it.
    pub key: PublicKey,
    /// SHA-256 of the seal's file, which a time-stamp authority is asked to stamp.
    pub seal: String,
    /// What the seal claims.
    pub predicate: Predicate,
    /// Who had it.
    pub custody: custody::Log,
    /// When it was stamped; the authority's signature was not looked at.
    pub stamp: Option<Stamp>,
}

/// Digests by path: of each file in `data/`, and of each other one.
struct Named {
    payload: BTreeMap<String, [String; 2]>,
    tags: BTreeMap<String, [String; 2]>,
}

/// Checks a bag. Without `key` the one in the bag is taken, which anybody may have put there. `head` is the digest of an entry
/// of the custody log that has to be there.
pub fn check(path: &Path, key: Option<&PublicKey>, head: Option<&str>) -> Result<Good, Wrong> {
    let bag = Bag::new(path);
    let files = bag.files()?;
    let (sealed, key) = seal(&bag, key)?;
    let envelope = Envelope::from_bytes(&sealed).map_err(|fault| Wrong::new(ENVELOPE, fault))?;
    let statement = envelope.open(&key).map_err(|fault| Wrong::new(ENVELOPE, fault))?;
    let statement =
        Statement::from_bytes(&statement).map_err(|why| Wrong::new(ENVELOPE, Fault::Form(why)))?;
    let named = manifests(&bag, &statement)?;
    complete(&files, &named)?;
    let digested = digests(&bag, &named)?;
    counts(&statement, &named, &digested)?;
    lines(&bag, &statement, &files)?;
    incident(&bag, &statement, &digested)?;
    let log = bag.read(CUSTODY, custody::LARGEST)?;
    let log = custody::Log::parse(&log, &sealed, key.clone()).map_err(|fault| Wrong::new(CUSTODY, fault))?;
    if log.entries.is_empty() {
        return Err(Wrong::new(CUSTODY, Fault::Form("it has no entry: sealing writes the first".into())));
    }
    if let Some(head) = head.filter(|head| !log.digests.iter().any(|digest| digest == head)) {
        return Err(Wrong::new(CUSTODY, Fault::Head(head.to_owned())));
    }
    let stamp = stamp(&bag, &files, &log, &sealed)?;
    Ok(Good { key, seal: sha256_hex(&sealed), predicate: statement.predicate, custody: log, stamp })
}

/// The seal's bytes, and the key that it is held against.
pub(super) fn seal(bag: &Bag, given: Option<&PublicKey>) -> Result<(Vec<u8>, PublicKey), Wrong> {
    let sealed = bag.read(ENVELOPE, LARGEST_ENVELOPE)?;
    let text = bag.read(KEY, LARGEST_KEY)?;
    // One form only: the file is as Portcullis wrote it, or somebody changed it.
    let key = PublicKey::from_pem(&text).filter(|key| key.to_pem().as_bytes() == text);
    let form =
        || Wrong::new(KEY, Fault::Form("it is not an Ed25519 public key as Portcullis writes it".into()));
    let key = key.ok_or_else(form)?;
    match given {
        Some(given) if *given != key => {
            Err(Wrong::new(KEY, Fault::Key { expected: given.id(), found: key.id() }))
        }
        _ => Ok((sealed, key)),
    }
}

fn manifests(bag: &Bag, statement: &Statement) -> Result<Named, Wrong> {
    let read = |name: &str, algorithm: Algorithm| {
        let bytes = bag.read(name, manifest::LARGEST)?;
        let signed = statement.of_file(name);
        let signed = signed.ok_or_else(|| {
            Wrong::new(ENVELOPE, Fault::Form(format!("its statement does not name {name}")))
        })?;
        same(name, "sha256", ENVELOPE, signed, &sha256_hex(&bytes))?;
        manifest::parse(&bytes, algorithm).map_err(|fault| Wrong::new(name, fault))
    };
    let both = |name: fn(Algorithm) -> &'static str| {
        let [short, long] = Algorithm::ALL.map(|algorithm| read(name(algorithm), algorithm));
        pair(name, &short?, &long?)
    };
    let named = Named { payload: both(Algorithm::manifest)?, tags: both(Algorithm::tag_manifest)? };
    let [manifest, tag_manifest] = [Algorithm::Sha256.manifest(), Algorithm::Sha256.tag_manifest()];
    for (name, files, payload) in [(manifest, &named.payload, true), (tag_manifest, &named.tags, false)] {
        if let Some(path) = files.keys().find(|path| path.starts_with("data/") != payload) {
            let why = format!("it names {path}, which belongs into the other kind of manifest");
            return Err(Wrong::new(name, Fault::Form(why)));
        }
    }
    let wanted =
        [DECLARATION, INFO, INSTRUCTIONS, KEY].into_iter().chain(Algorithm::ALL.map(Algorithm::manifest));
    for wanted in wanted {
        if !named.tags.contains_key(wanted) {
            let why = format!("it does not name {wanted}");
            return Err(Wrong::new(tag_manifest, Fault::Form(why)));
        }
    }
    if bag.read(DECLARATION, DECLARED.len())? == DECLARED.as_bytes() {
        Ok(named)
    } else {
        Err(Wrong::new(DECLARATION, Fault::Form("it does not declare a bag of version 1.0 in UTF-8".into())))
    }
}

/// Both manifests have to name the same files.
fn pair(
    name: fn(Algorithm) -> &'static str,
    short: &Manifest,
    long: &Manifest,
) -> Result<BTreeMap<String, [String; 2]>, Wrong> {
    let names: BTreeSet<&String> = short.keys().chain(long.keys()).collect();
    let both = names.into_iter().map(|path| {
        let missing =
            |algorithm| move || Wrong::new(name(algorithm), Fault::Form(format!("it does not name {path}")));
        let one = short.get(path).ok_or_else(missing(Algorithm::Sha256))?;
        let other = long.get(path).ok_or_else(missing(Algorithm::Sha512))?;
        Ok((path.clone(), [one.clone(), other.clone()]))
    });
    both.collect()
}

/// Every file that is named is there, and no other one is.
fn complete(files: &[String], named: &Named) -> Result<(), Wrong> {
    let there: BTreeSet<&str> = files.iter().map(String::as_str).collect();
    let mut wanted: BTreeSet<&str> =
        named.payload.keys().chain(named.tags.keys()).map(String::as_str).collect();
    wanted.extend(Algorithm::ALL.map(Algorithm::tag_manifest));
    wanted.extend([ENVELOPE, CUSTODY]);
    if let Some(missing) = wanted.difference(&there).next() {
        return Err(Wrong::new(*missing, Fault::Missing));
    }
    // The time stamp is named by the custody log, which is looked at later.
    let extra = there.difference(&wanted).find(|name| **name != TIMESTAMP);
    extra.map_or(Ok(()), |extra| Err(Wrong::new(*extra, Fault::Extra)))
}

fn digests(bag: &Bag, named: &Named) -> Result<BTreeMap<String, Digested>, Wrong> {
    let mut all = BTreeMap::new();
    let tags = named.tags.iter().map(|file| (file, Algorithm::tag_manifest as fn(Algorithm) -> &'static str));
    let payload =
        named.payload.iter().map(|file| (file, Algorithm::manifest as fn(Algorithm) -> &'static str));
    for ((path, [short, long]), manifest) in tags.chain(payload) {
        let mut digests = Digests::default();
        bag.stream(path, |piece| {
            digests.update(piece);
            Ok(())
        })?;
        let digested = digests.finish();
        same(path, "sha256", manifest(Algorithm::Sha256), short, &digested.sha256)?;
        same(path, "sha512", manifest(Algorithm::Sha512), long, &digested.sha512)?;
        all.insert(path.clone(), digested);
    }
    Ok(all)
}

fn counts(statement: &Statement, named: &Named, digested: &BTreeMap<String, Digested>) -> Result<(), Wrong> {
    let counts = &statement.predicate.counts;
    let bytes = named.payload.keys().filter_map(|path| digested.get(path)).map(|digested| digested.bytes);
    count("data", "files", Some(counts.files), Some(named.payload.len() as u64))?;
    count("data", "bytes", Some(counts.bytes), Some(bytes.sum()))
}

fn lines(bag: &Bag, statement: &Statement, files: &[String]) -> Result<(), Wrong> {
    let counts = &statement.predicate.counts;
    for (name, signed) in [(JOURNAL, Some(counts.journal)), (FINDINGS, counts.findings)] {
        if !files.iter().any(|file| file == name) {
            count(name, "lines", signed, None)?;
            continue;
        }
        let mut lines = Lines::default();
        let too_many = |error: super::merkle::TooMany| Fault::Form(error.to_string());
        bag.stream(name, |piece| lines.update(piece).map_err(too_many))?;
        let tree = lines.finish().map_err(|error| Wrong::new(name, too_many(error)))?;
        count(name, "lines", signed, Some(tree.size() as u64))?;
        let root = statement.of_lines(name).unwrap_or("none");
        same(name, "Merkle root", ENVELOPE, root, &hex(&tree.root()))?;
    }
    Ok(())
}

/// The journal is whole in itself, is about the incident of the seal, and the snapshots are those that it names.
fn incident(bag: &Bag, statement: &Statement, digested: &BTreeMap<String, Digested>) -> Result<(), Wrong> {
    let form = |name: &str, why: String| Wrong::new(name, Fault::Form(why));
    let bytes = bag.read(JOURNAL, journal::MAX_BYTES)?;
    let read = journal::parse(Path::new("line"), &bytes);
    let read = read.map_err(|error| form(JOURNAL, error.to_string()))?;
    let signed = &statement.predicate;
    let verdict = read.record.verdict.as_ref().map(|(verdict, _)| verdict.to_string());
    let none = || "none".to_owned();
    for (what, found, expected) in [
        ("incident", read.record.incident, signed.incident.clone()),
        ("verdict", verdict.unwrap_or_else(none), signed.verdict.clone().unwrap_or_else(none)),
    ] {
        if found != expected {
            return Err(form(JOURNAL, format!("its {what} is {found:?}, and the seal says {expected:?}")));
        }
    }
    let mut snapshots = BTreeMap::new();
    for timed in &read.entries {
        if let Entry::Discovered { snapshot, sha256, .. } = &timed.entry {
            snapshots.insert(format!("data/{snapshot}"), sha256);
        }
    }
    for (path, sha256) in snapshots {
        let found = digested.get(&path).ok_or_else(|| Wrong::new(&path, Fault::Missing))?;
        same(&path, "sha256", JOURNAL, sha256, &found.sha256)?;
    }
    Ok(())
}

/// Files that came after the sealing are those that the custody log names.
fn stamp(bag: &Bag, files: &[String], log: &custody::Log, sealed: &[u8]) -> Result<Option<Stamp>, Wrong> {
    let added: BTreeMap<&str, &str> = log
        .entries
        .iter()
        .filter_map(|entry| entry.adds.as_ref())
        .map(|added| (added.path.as_str(), added.sha256.as_str()))
        .collect();
    if let Some(other) = added.keys().find(|path| **path != TIMESTAMP) {
        return Err(Wrong::new(CUSTODY, Fault::Form(format!("it adds {other:?}, which no bag has"))));
    }
    let there = files.iter().any(|file| file == TIMESTAMP);
    let Some(sha256) = added.get(TIMESTAMP) else {
        return if there { Err(Wrong::new(TIMESTAMP, Fault::Extra)) } else { Ok(None) };
    };
    let bytes = bag.read(TIMESTAMP, timestamp::LARGEST)?;
    same(TIMESTAMP, "sha256", CUSTODY, sha256, &sha256_hex(&bytes))?;
    let stamp = Stamp::parse(&bytes).map_err(|fault| Wrong::new(TIMESTAMP, fault))?;
    stamp.covers(&sha256_hex(sealed)).map_err(|fault| Wrong::new(TIMESTAMP, fault))?;
    Ok(Some(stamp))
}

fn same(
    file: &str,
    algorithm: &'static str,
    named_in: &str,
    expected: &str,
    found: &str,
) -> Result<(), Wrong> {
    if expected == found {
        return Ok(());
    }
    let (named_in, expected, found) = (named_in.to_owned(), expected.to_owned(), found.to_owned());
    Err(Wrong::new(file, Fault::Digest { algorithm, named_in, expected, found }))
}

fn count(file: &str, what: &'static str, expected: Option<u64>, found: Option<u64>) -> Result<(), Wrong> {
    if expected == found {
        return Ok(());
    }
    let text = |number: Option<u64>| number.map_or("no".to_owned(), |number| number.to_string());
    Err(Wrong::new(file, Fault::Count { what, expected: text(expected), found: text(found) }))
}
