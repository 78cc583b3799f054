//! Makes a bag of an incident and seals it. The same inputs, time and key give the same bytes.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::bag::{
    CUSTODY, DECLARATION, DECLARED, ENVELOPE, FINDINGS, INFO, INSTRUCTIONS, JOURNAL, KEY, TIMESTAMP,
};
use super::content::Content;
use super::custody::{Added, CustodyFault, Log, Note};
use super::encrypt::{self, Recipients};
use super::envelope::Envelope;
use super::key::SigningKey;
use super::manifest::{self, Algorithm};
use super::material::Material;
use super::merkle::{Hash, TooMany};
use super::statement::{Counts, Predicate, Statement, Tool};
use super::timestamp::{Stamp, TimestampFault};
use super::{instructions, summary};
use crate::event::time::Timestamp;
use crate::letters;
use crate::lockdown::journal::JournalError;
use crate::sys::folder::{PendingFolder, open_below};
use crate::sys::hash::{sha256_file, sha256_hex};

/// The longest name of a file or ticket.
const LONGEST_NAME: usize = 120;

/// What is to be sealed, and where.
pub struct Order<'a> {
    /// The folder of all bags; the bag will be `YEAR/TICKET` in it.
    pub root: &'a Path,
    /// The ticket; the incident's name where there is none.
    pub ticket: Option<&'a str>,
    /// When.
    pub at: Timestamp,
    /// Who seals it, for the custody log.
    pub by: &'a str,
    /// The key.
    pub key: &'a SigningKey,
    /// What comes along.
    pub attached: Attached,
    /// A time stamp of exactly this seal, from an earlier run with the same inputs and the same time.
    pub stamp: Option<Vec<u8>>,
    /// Who can open the encrypted copy; none is made for nobody.
    pub recipients: Recipients,
}

/// What comes along with the incident.
#[derive(Debug, Default)]
pub struct Attached {
    /// Findings, a JSON object a line.
    pub findings: Option<PathBuf>,
    /// The coverage ledger, JSON.
    pub ledger: Option<PathBuf>,
    /// The logs that the findings come from.
    pub inputs: Vec<PathBuf>,
    /// Whether the logs themselves come along, or their digests alone.
    pub copy_inputs: bool,
    /// Charts, reports: a name and a file each.
    pub files: Vec<(String, PathBuf)>,
}

/// Where a bag lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The bag.
    pub bag: PathBuf,
    /// Its encrypted copy.
    pub encrypted: Option<PathBuf>,
    /// The key's name.
    pub key: String,
    /// SHA-256 of the seal's file.
    pub seal: String,
    /// SHA-256 of the custody log's last entry.
    pub head: String,
    /// What the seal claims.
    pub predicate: Predicate,
}

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Something cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// There is a bag already.
    #[error("{0} is there already, and a bag is never overwritten")]
    Exists(PathBuf),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal has no entry.
    #[error("{0} has no entry: nothing was ever done")]
    Unopened(PathBuf),
    /// A snapshot is not what the journal says.
    #[error("{path} is not what the journal says: expected sha256 {expected}, found {found}")]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// In the journal.
        expected: String,
        /// Of the file.
        found: String,
    },
    /// A line is no finding, or a file no JSON.
    #[error("{path}{line}: {why}", line = line.map(|line| format!(":{line}")).unwrap_or_default())]
    Json {
        /// The file.
        path: PathBuf,
        /// Counts from 1.
        line: Option<u64>,
        /// What is wrong.
        why: String,
    },
    /// A name that cannot be one in a bag.
    #[error(
        "{0:?} cannot be a name: letters, digits, `.`, `-` and `_`, at most {LONGEST_NAME}, not `.` first"
    )]
    Name(String),
    /// Two files of one name.
    #[error("there are two files of the name {0}")]
    Twice(String),
    /// Too many lines.
    #[error("{path}: {error}")]
    TooMany {
        /// The file.
        path: PathBuf,
        /// How many are too many.
        error: TooMany,
    },
    /// The custody log's first entry.
    #[error(transparent)]
    Custody(#[from] CustodyFault),
    /// The time stamp.
    #[error("the time stamp: {0}")]
    Timestamp(#[from] TimestampFault),
}

/// Seals an incident. Once this returns, bag and copy survive a crash; before, nothing is there under their names.
pub fn seal(material: &Material, order: &Order<'_>) -> Result<Sealed, SealError> {
    let target = target(material, order)?;
    let bag = &target.bag;
    let parent = bag.parent().unwrap_or(order.root).to_owned();
    let failed = |error| SealError::Io { path: parent.clone(), error };
    let folder = PendingFolder::create(&parent).map_err(failed)?;
    let mut content = Content::new(&folder);
    let findings = payload(&mut content, material, &order.attached)?;
    let journal = content.lines_of(JOURNAL);
    let predicate = predicate(material, order, findings.map(|(_, lines)| lines), &content);
    summary::write(&mut content, material, &predicate, &order.attached)?;
    let predicate = Predicate { counts: content.counts(predicate.counts), ..predicate };
    let statement =
        tags(&mut content, &target, order, predicate.clone(), journal, findings.map(|(root, _)| root))?;
    let envelope = Envelope::seal(&statement, order.key).to_bytes();
    content.put(ENVELOPE, &envelope)?;
    let head = custody(&mut content, order, &envelope)?;
    let encrypted = encrypt::pack(folder.path(), &target.ticket, target.encrypted.as_deref(), order)?;
    folder.finish_new(bag).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => SealError::Exists(bag.clone()),
        _ => SealError::Io { path: bag.clone(), error },
    })?;
    if let (Some(file), Some(path)) = (encrypted, &target.encrypted) {
        file.finish_new(path).map_err(|error| SealError::Io { path: path.clone(), error })?;
    }
    let (seal, key) = (sha256_hex(&envelope), order.key.public().id());
    Ok(Sealed { bag: target.bag, encrypted: target.encrypted, key, seal, head, predicate })
}

struct Target {
    bag: PathBuf,
    encrypted: Option<PathBuf>,
    ticket: String,
}

fn target(material: &Material, order: &Order<'_>) -> Result<Target, SealError> {
    let ticket = plain(order.ticket.unwrap_or(&material.record.incident))?.to_owned();
    let time = order.at.to_rfc3339();
    let year = time.split('-').next().unwrap_or_default();
    let folder = order.root.join(year);
    let bag = folder.join(&ticket);
    let encrypted = (!order.recipients.is_empty()).then(|| folder.join(format!("{ticket}.tar.age")));
    for path in std::iter::once(&bag).chain(&encrypted) {
        if path.symlink_metadata().is_ok() {
            return Err(SealError::Exists(path.clone()));
        }
    }
    Ok(Target { bag, encrypted, ticket })
}

/// Names go into manifests that other tools read, and into commands that people copy.
fn plain(name: &str) -> Result<&str, SealError> {
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let good = (1..=LONGEST_NAME).contains(&name.len()) && !name.starts_with('.') && name.chars().all(ok);
    if good { Ok(name) } else { Err(SealError::Name(name.to_owned())) }
}

/// Everything in `data/` but the summary. Gives root and number of the findings.
fn payload(
    content: &mut Content<'_>,
    material: &Material,
    attached: &Attached,
) -> Result<Option<(Hash, u64)>, SealError> {
    content.put_lines(JOURNAL, Path::new(JOURNAL), &material.journal[..])?;
    let mut plan = serde_json::to_vec_pretty(&material.plan).unwrap_or_default();
    plan.push(b'\n');
    content.put("data/plan.json", &plan)?;
    for snapshot in &material.snapshots {
        let path = snapshot.folder.join(&snapshot.name);
        let file = open_below(&snapshot.folder, Path::new(&snapshot.name));
        let file = file.map_err(|error| SealError::Io { path: path.clone(), error })?;
        let found = content.copy(&format!("data/{}", snapshot.name), &path, file)?.sha256;
        if let Some(expected) = snapshot.sha256.clone().filter(|expected| *expected != found) {
            return Err(SealError::Snapshot { path, expected, found });
        }
    }
    for letter in &material.letters {
        let name = Path::new(letters::FOLDER).join(letter);
        let path = material.folder.join(&name);
        let file = open_below(&material.folder, &name);
        let file = file.map_err(|error| SealError::Io { path: path.clone(), error })?;
        content.copy(&format!("data/letters/{}", tame(&path)), &path, file)?;
    }
    if let Some(path) = &attached.ledger {
        content.copy("data/ledger.json", path, open(path)?)?;
        let whole: Result<serde::de::IgnoredAny, _> =
            serde_json::from_reader(io::BufReader::new(open(path)?));
        whole.map_err(|error| SealError::Json { path: path.clone(), line: None, why: error.to_string() })?;
    }
    for (name, path) in &attached.files {
        content.copy(&format!("data/files/{}", plain(name)?), path, open(path)?)?;
    }
    inputs(content, attached)?;
    let Some(path) = &attached.findings else { return Ok(None) };
    content.put_lines(FINDINGS, path, open(path)?)?;
    Ok(content.lines_of(FINDINGS))
}

/// The logs: what they are called, their digests, and where their copies are.
fn inputs(content: &mut Content<'_>, attached: &Attached) -> Result<(), SealError> {
    if attached.inputs.is_empty() {
        return Ok(());
    }
    let mut all = Vec::new();
    for (at, path) in attached.inputs.iter().enumerate() {
        let failed = |error| SealError::Io { path: path.clone(), error };
        let (bytes, sha256, copy) = if attached.copy_inputs {
            let name = format!("data/inputs/{:03}-{}", at + 1, tame(path));
            let digested = content.copy(&name, path, open(path)?)?;
            (digested.bytes, digested.sha256, Some(name))
        } else {
            let (bytes, sha256) = sha256_file(path).map_err(failed)?;
            (bytes, sha256, None)
        };
        let mut input = BTreeMap::from([
            ("path", serde_json::Value::from(path.display().to_string())),
            ("bytes", bytes.into()),
            ("sha256", sha256.into()),
        ]);
        input.extend(copy.map(|name| ("copy", name.into())));
        all.push(input);
    }
    let mut text = serde_json::to_vec_pretty(&all).unwrap_or_default();
    text.push(b'\n');
    content.put("data/inputs.json", &text)
}

/// A file's name as one that every system and tool takes.
fn tame(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    name.chars().map(plain).take(LONGEST_NAME).collect()
}

fn open(path: &Path) -> Result<impl Read + use<>, SealError> {
    let failed = |error| SealError::Io { path: path.to_owned(), error };
    let file = std::fs::File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let regular = about.is_file().then_some(file);
    regular.ok_or_else(|| failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")))
}

fn predicate(
    material: &Material,
    order: &Order<'_>,
    findings: Option<u64>,
    content: &Content<'_>,
) -> Predicate {
    let (name, version) = ("portcullis".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let journal = content.lines_of(JOURNAL).map_or(0, |(_, lines)| lines);
    Predicate {
        incident: material.record.incident.clone(),
        verdict: material.record.verdict.as_ref().map(|(verdict, _)| verdict.to_string()),
        sealed: order.at.to_rfc3339(),
        tool: Tool { name, version },
        counts: Counts { journal, findings, files: 0, bytes: 0 },
    }
}

/// Everything beside `data/` but what follows from the statement; gives the statement.
fn tags(
    content: &mut Content<'_>,
    target: &Target,
    order: &Order<'_>,
    predicate: Predicate,
    journal: Option<(Hash, u64)>,
    findings: Option<Hash>,
) -> Result<Vec<u8>, SealError> {
    let (counts, date) = (predicate.counts, predicate.sealed.split('T').next().unwrap_or_default());
    let info = format!(
        "Bag-Software-Agent: portcullis {}\nBagging-Date: {date}\nExternal-Identifier: {}\n\
         Internal-Sender-Identifier: {}\nPayload-Oxum: {}.{}\n",
        predicate.tool.version, target.ticket, predicate.incident, counts.bytes, counts.files,
    );
    let mut statement = Statement::new(predicate);
    content.put_tag(DECLARATION, DECLARED.as_bytes())?;
    content.put_tag(INFO, info.as_bytes())?;
    content.put_tag(KEY, order.key.public().to_pem().as_bytes())?;
    content.put_tag(INSTRUCTIONS, instructions::text(&order.key.public().id()).as_bytes())?;
    let payload = Algorithm::ALL.map(|algorithm| (algorithm, manifest::render(&content.payload(algorithm))));
    for (algorithm, text) in &payload {
        content.put_tag(algorithm.manifest(), text.as_bytes())?;
    }
    let tags = Algorithm::ALL.map(|algorithm| (algorithm, manifest::render(&content.tags(algorithm))));
    for (algorithm, text) in &tags {
        content.put(algorithm.tag_manifest(), text.as_bytes())?;
    }
    for (algorithm, text) in &payload {
        statement.file(algorithm.manifest(), &sha256_hex(text.as_bytes()));
    }
    for (algorithm, text) in &tags {
        statement.file(algorithm.tag_manifest(), &sha256_hex(text.as_bytes()));
    }
    for (name, root) in [(JOURNAL, journal.map(|(root, _)| root)), (FINDINGS, findings)] {
        if let Some(root) = root {
            statement.lines(name, &root);
        }
    }
    Ok(statement.to_bytes())
}

/// The first entry of the custody log, and that of the time stamp. Gives the digest of the last one.
fn custody(content: &mut Content<'_>, order: &Order<'_>, envelope: &[u8]) -> Result<String, SealError> {
    let mut log = Log::new(envelope, order.key.public());
    let note = |what: &str| Note { by: order.by.to_owned(), what: what.to_owned(), ..Note::default() };
    let mut lines = log.append(&note("sealed"), order.at, order.key)?;
    if let Some(stamp) = &order.stamp {
        Stamp::parse(stamp)?.covers(&sha256_hex(envelope))?;
        content.put(TIMESTAMP, stamp)?;
        let adds = Some(Added { path: TIMESTAMP.to_owned(), sha256: sha256_hex(stamp) });
        lines.extend(log.append(&Note { adds, ..note("time stamp added") }, order.at, order.key)?);
    }
    content.put(CUSTODY, &lines)?;
    Ok(log.head().to_owned())
}
