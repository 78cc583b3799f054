//! Runs the scan on a log and gives what it found in the reference's terms.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use portcullis::finding::Finding;
use portcullis::output::{Sink, Summary};
use portcullis::rule::{Loaded, Placeholders, parse_document};
use portcullis::scan::{self, Config, Engine, Progress};
use tempfile::TempDir;

use super::correlate::Alert;
use super::model::{Files, HEAD, Log, Place, Record};

/// How the work is cut.
#[derive(Debug, Clone, Copy)]
pub struct How {
    pub threads: usize,
    pub chunk_size: usize,
    pub engine: Engine,
    /// Bytes of facts in memory; beyond it they go to files.
    pub memory: usize,
}

const fn how(threads: usize, chunk_size: usize, engine: Engine, memory: usize) -> How {
    How { threads, chunk_size, engine, memory }
}

const KIB: usize = 1 << 10;
const LARGE: usize = 64 << 20;

pub const PLAIN: How = how(1, LARGE, Engine::Fast, LARGE);

/// Ways that must make no difference.
pub const WAYS: [How; 7] = [
    PLAIN,
    how(1, 4 * KIB, Engine::Fast, LARGE),
    how(2, 4 * KIB, Engine::Strict, LARGE),
    how(3, 4 * KIB, Engine::Fast, LARGE),
    how(2, LARGE, Engine::Fast, 64 * KIB),
    how(3, 4 * KIB, Engine::Fast, 1),
    how(2, 4 * KIB, Engine::Strict, 16 * KIB),
];

struct Collected(Vec<Finding>);

impl Sink for Collected {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.0.push(finding.clone());
        Ok(())
    }
    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

struct Silent;

impl Progress for Silent {
    fn bytes(&self, _: u64) {}
    fn total(&self, _: Option<u64>) {}
}

/// Loads rules that may need others.
pub fn parse(yaml: &str) -> Loaded {
    parse_document(Path::new("rules.yml"), yaml, &Placeholders::new())
}

/// Loads rules that have to be good.
pub fn load(yaml: &str) -> Loaded {
    let loaded = parse(yaml);
    assert!(loaded.errors.is_empty(), "{:?}\n{yaml}", loaded.errors);
    loaded
}

/// The findings of a scan of these files.
pub fn scan(files: &Files, rules: &Loaded, how: How) -> Vec<Finding> {
    scan_with(files, rules, how, |_| {})
}

/// As [`scan`], with other settings.
pub fn scan_with(files: &Files, rules: &Loaded, how: How, set: impl FnOnce(&mut Config)) -> Vec<Finding> {
    let folder = TempDir::new().unwrap();
    let mut paths = Vec::new();
    for (file, (text, _)) in &files.texts {
        let path = folder.path().join(format!("{file:02}.ndjson"));
        File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        paths.push(path.display().to_string());
    }
    let mut config = Config::new(paths, rules.clone());
    (config.threads, config.chunk_size, config.engine) = (how.threads, how.chunk_size, how.engine);
    config.state_memory = how.memory;
    set(&mut config);
    let mut sink = Collected(Vec::new());
    let ledger = scan::run(&config, &mut sink, &Silent).unwrap();
    assert!(ledger.check().is_ok());
    // Absent fields are found in the first line of a file too.
    sink.0.retain(|finding| finding.action.as_deref() != Some(HEAD));
    for event in sink.0.iter_mut().flat_map(|finding| &mut finding.events) {
        event.path = Path::new(&event.path).file_name().unwrap().to_string_lossy().into_owned();
    }
    sink.0
}

/// The place of a record that a finding cites.
pub fn places(finding: &Finding) -> Vec<Place> {
    let place = |event: &portcullis::finding::EventRef| {
        let stem = Path::new(&event.path).file_stem().unwrap().to_string_lossy().into_owned();
        (stem.parse().unwrap(), event.record)
    };
    let mut places: Vec<Place> = finding.events.iter().map(place).collect();
    places.sort_unstable();
    places
}

pub fn seconds(finding: &Finding) -> Option<i64> {
    finding.time.map(|time| {
        assert_eq!(time.nanos % 1_000_000_000, 0);
        time.nanos / 1_000_000_000
    })
}

/// What the scan finds in one log by itself, records named by their place in [`Log::input_order`].
pub fn alone(log: &Log, yaml: &str, how: How) -> Vec<Alert> {
    let mut files = Files::new();
    let order = log.input_order();
    let known: Vec<Place> =
        order.iter().map(|&at| files.push(log.records[at].0, &log.records[at].1)).collect();
    if files.texts.is_empty() {
        return Vec::new();
    }
    let mut alerts: Vec<Alert> = scan(&files, &load(yaml), how)
        .iter()
        .map(|finding| {
            let at = |place: &Place| known.iter().position(|known| known == place).unwrap();
            let mut records: Vec<usize> = places(finding).iter().map(at).collect();
            records.sort_unstable();
            Alert { rule: finding.rule_name.clone(), time: seconds(finding), records }
        })
        .collect();
    alerts.sort();
    alerts
}

/// As [`alone`], for records in one file.
pub fn of(records: &[Record], yaml: &str) -> Vec<Alert> {
    alone(&Log::of(records.to_vec()), yaml, PLAIN)
}
