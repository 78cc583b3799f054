//! The samples of rules: each is run through the scan itself.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use serde_json::Value;

use crate::event::time::{TimeOptions, TimeReader, Timestamp};
use crate::finding::Finding;
use crate::output::{Sink, Summary};
use crate::rule::derive::parse_duration;
use crate::rule::sample::JsonFields;
use crate::rule::{Loaded, LogSource};
use crate::scan::{self, Config, Progress, ScanError};
use crate::source::{Mapping, SOURCES, Source};

/// Most records that one record of a sample may stand for.
const MAX_REPEATS: u64 = 10_000;

/// Why a sample could not be run.
#[derive(Debug, thiserror::Error)]
pub(super) enum SampleError {
    /// A temporary file could not be written.
    #[error("cannot write the sample to a temporary file: {0}")]
    Write(#[from] io::Error),
    /// The scan failed.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// `x-repeat` or `x-every` cannot be used.
    #[error("{0}")]
    Repeat(String),
}

/// Whether the rule, or correlation, at `index` finds something in a sample: a record, or a list of records.
pub(super) fn finds(loaded: &Loaded, index: usize, sample: &Value) -> Result<bool, SampleError> {
    let sources = sources_of(loaded, index);
    let records = match sample {
        Value::Array(records) => records.as_slice(),
        record => std::slice::from_ref(record),
    };
    let known: Vec<Option<&'static Source>> = records.iter().map(recognise).collect();
    if known.iter().all(Option::is_some) {
        return scan(loaded, index, &logs(records, &known)?, None);
    }
    // A record that no source recognises is read as each source that the rule is for.
    for source in sources {
        let known: Vec<Option<&'static Source>> = records.iter().map(|_| Some(source)).collect();
        if scan(loaded, index, &logs(records, &known)?, Some(source))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn sources_of(loaded: &Loaded, index: usize) -> Vec<&'static Source> {
    let mut logsources: Vec<&LogSource> = Vec::new();
    let mut left = vec![index];
    while let Some(at) = left.pop() {
        match loaded.rules.get(at) {
            Some(rule) => logsources.push(&rule.logsource),
            None => left.extend(loaded.correlation(at).iter().flat_map(|of| &of.links)),
        }
    }
    let takes = |source: &&Source| logsources.iter().any(|of| source.takes(of));
    SOURCES.iter().copied().filter(|source| !source.logsources.is_empty()).filter(takes).collect()
}

/// The source that a record looks like.
pub(super) fn recognise(record: &Value) -> Option<&'static Source> {
    let own = |name: &str| vec![name.to_owned()];
    let fields = JsonFields::new(record, &own);
    let has = |path: &str| {
        let mut found = false;
        crate::event::Fields::values(&fields, path, &mut |_| found = true);
        found
    };
    SOURCES
        .iter()
        .copied()
        .filter(|source| !source.logsources.is_empty())
        .find(|source| (source.looks_like)(&has))
}

/// JSON lines by source.
fn logs(
    records: &[Value],
    known: &[Option<&'static Source>],
) -> Result<BTreeMap<&'static str, String>, SampleError> {
    let mut logs: BTreeMap<&'static str, String> = BTreeMap::new();
    for (record, source) in records.iter().zip(known) {
        let Some(source) = source else { continue };
        let log = logs.entry(source.name).or_default();
        for record in repeated(record, source)? {
            log.push_str(&record.to_string());
            log.push('\n');
        }
    }
    Ok(logs)
}

/// The records that one of a sample stands for.
fn repeated(record: &Value, source: &Source) -> Result<Vec<Value>, SampleError> {
    let Some(times) = record.get("x-repeat") else { return Ok(vec![record.clone()]) };
    let bad = |what: &str| SampleError::Repeat(format!("{what} in {record}"));
    let times = times.as_u64().filter(|times| (1..=MAX_REPEATS).contains(times));
    let times = times.ok_or_else(|| bad("`x-repeat` has to be from 1 to 10,000"))?;
    let step = record.get("x-every").and_then(Value::as_str).and_then(parse_duration);
    let step = step.ok_or_else(|| bad("`x-every` has to be a time such as 1d"))?;
    let mut plain = record.clone();
    plain.as_object_mut().map(|members| (members.remove("x-repeat"), members.remove("x-every")));
    let (pointer, start) = time_of(&plain, source).ok_or_else(|| bad("no time that could be repeated"))?;
    let mut records = Vec::new();
    for (number, _) in (0i64..).zip(0..times) {
        let mut copy = plain.clone();
        let time = Timestamp { nanos: start.nanos.saturating_add(number.saturating_mul(step)), ..start };
        if let Some(value) = copy.pointer_mut(&pointer) {
            *value = if value.is_number() {
                Value::from(time.nanos.div_euclid(1_000_000_000))
            } else {
                Value::String(time.to_rfc3339())
            };
        }
        records.push(copy);
    }
    Ok(records)
}

/// Where a record's time stands, and what it is.
fn time_of(record: &Value, source: &Source) -> Option<(String, Timestamp)> {
    let reader = TimeReader::new(TimeOptions::default());
    source.raw_paths("@timestamp", &Mapping::default()).iter().find_map(|path| {
        let whole = format!("/{path}");
        let nested = format!("/{}", path.replace('.', "/"));
        [whole, nested].into_iter().find_map(|pointer| {
            let value = record.pointer(&pointer)?;
            let seconds = value.as_i64().map(|seconds| seconds.to_string());
            let time = reader.read(seconds.as_deref().or_else(|| value.as_str())?.as_bytes()).ok()?;
            Some((pointer, time))
        })
    })
}

fn scan(
    loaded: &Loaded,
    index: usize,
    logs: &BTreeMap<&'static str, String>,
    forced: Option<&'static Source>,
) -> Result<bool, SampleError> {
    let folder = tempfile::tempdir()?;
    for (name, log) in logs {
        let mut file = std::fs::File::create(folder.path().join(format!("{name}.ndjson")))?;
        file.write_all(log.as_bytes())?;
    }
    let key = loaded.about(index).map(|about| about.meta.key().to_owned()).unwrap_or_default();
    let paths = vec![folder.path().display().to_string()];
    let mut config = Config::new(paths, loaded.only(index));
    config.source = forced.map(|source| source.name.to_owned());
    config.threads = 1;
    let mut sink = Found { key, found: false };
    scan::run(&config, &mut sink, &Silent)?;
    Ok(sink.found)
}

struct Found {
    key: String,
    found: bool,
}

impl Sink for Found {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.found |= finding.rule_id == self.key;
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
