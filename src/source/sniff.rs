//! Which log is this? Answered by its first bytes, never by its name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Mapping, SOURCES, Source, findings};
use crate::decode::csv;
use crate::decode::json::page::{Sought, seek};

/// Bytes that are enough to tell, unless the first record is longer.
pub const HEAD: usize = 64 << 10;
/// How much longer a head is that is looked at next.
const GROWTH: usize = 4;
/// Records of the head that are looked at.
const SAMPLE: usize = 50;
/// Keys named in an error.
const MAX_KEYS_NAMED: usize = 40;

/// How records follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framing {
    /// One JSON object a line.
    JsonLines,
    /// JSON values that may span lines: arrays of records, or records one after the other.
    JsonStream,
    /// Pages of an API: objects that hold records in the array at this path of keys.
    JsonPages(String),
    /// Comma-separated values with a header.
    Csv {
        /// The delimiter.
        delimiter: u8,
    },
}

/// What a log is.
pub struct Sniffed {
    /// Its source.
    pub source: &'static Source,
    /// Its framing.
    pub framing: Framing,
    /// Whether the head holds a whole record, or a header.
    is_sure: bool,
}

/// What the head of an input says.
pub enum Told {
    /// What it is, or that nobody knows.
    Result(Result<Sniffed, SniffError>),
    /// Nothing yet: a head of so many bytes may.
    More(usize),
    /// The first line is a record that is too long to be read; the next may tell.
    Skip,
}

/// Why it cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SniffError {
    /// Nothing but white space.
    #[error("no records: the input is empty or blank")]
    Empty,
    /// Neither JSON nor CSV with known columns.
    #[error("unknown format: neither JSON nor CSV with a header that is recognised")]
    UnknownFormat,
    /// Records were read, but no source knows them.
    #[error(
        "unknown log: no source recognises its keys ({keys}); name it with --source, or its keys with --mapping"
    )]
    UnknownSource {
        /// The keys seen.
        keys: String,
    },
    /// What Portcullis found is read as no log, unless its source is named.
    #[error("these are findings of Portcullis and no log; name a --source to read them all the same")]
    Findings,
    /// The source that was asked for needs fields that no key gives.
    #[error("no column or key for {missing} of {source_name}; seen: {keys}; name them in a --mapping file")]
    Unplaced {
        /// Fields without a key.
        missing: String,
        /// The source.
        source_name: &'static str,
        /// The keys seen.
        keys: String,
    },
}

/// The same as [`sniff`] of as much as it takes: a first record may be longer than [`HEAD`]. `is_whole`: nothing follows
/// the head; `max_record`: the longest record that is read.
pub fn tell(
    head: &[u8],
    is_whole: bool,
    max_record: usize,
    forced: Option<&'static Source>,
    mapping: &Mapping,
) -> Told {
    let told = sniff(head, forced, mapping);
    let is_told = match &told {
        Ok(sniffed) => sniffed.is_sure,
        Err(SniffError::Empty | SniffError::Findings) => true,
        Err(_) => false,
    };
    if is_told || is_whole {
        return Told::Result(told);
    }
    let body = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    // One byte more than the longest record has room for its line end.
    let enough = max_record.saturating_add(1);
    let Some(start) = body.get(..enough) else {
        let most = (head.len() - body.len()).saturating_add(enough);
        return Told::More(head.len().saturating_mul(GROWTH).min(most));
    };
    let is_long = start.starts_with(b"{") && !start.contains(&b'\n');
    if is_long { Told::Skip } else { Told::Result(told) }
}

/// Tells source and framing from the head of the decompressed stream.
///
/// # Errors
/// Nobody knows it.
pub fn sniff(head: &[u8], forced: Option<&'static Source>, mapping: &Mapping) -> Result<Sniffed, SniffError> {
    let text = String::from_utf8_lossy(head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head));
    // A page is looked for first unless the first line is a record: a line of an indented page may be one too.
    let first_is_whole = text.trim_start().lines().next().is_some_and(is_record);
    if !first_is_whole && let Some(sniffed) = page(&text, forced, mapping) {
        return Ok(sniffed);
    }
    let framing = framing(&text)?;
    let keys = keys(&text, &framing);
    if forced.is_none() && findings::are_keys(&keys) {
        return Err(SniffError::Findings);
    }
    if forced.is_some_and(|source| !is_known(source, &keys, &framing, mapping))
        && let Some(sniffed) = page(&text, forced, mapping)
    {
        return Ok(sniffed);
    }
    let known = match forced {
        Some(source) => Ok(source),
        None => recognise(&keys, &framing, mapping),
    };
    let checked = known
        .and_then(|source| check_required(source, &keys, &framing, mapping).map(|()| source))
        .map(|source| Sniffed { source, is_sure: !keys.is_empty(), framing });
    checked.or_else(|error| page(&text, forced, mapping).ok_or(error))
}

/// A page of a source's API whose records that source recognises; of the source asked for, a page with any records.
fn page(text: &str, forced: Option<&'static Source>, mapping: &Mapping) -> Option<Sniffed> {
    let body = text.trim_start();
    let sources: Vec<&'static Source> = forced.map_or_else(|| SOURCES.to_vec(), |source| vec![source]);
    sources.into_iter().find_map(|source| {
        let mut paths = source.pages.iter().copied().chain(mapping.records());
        let (path, inside) = paths.find_map(|path| Some((path, records_of(body, path)?)))?;
        let framing = Framing::JsonPages(path.to_owned());
        let keys = keys(inside, &framing);
        let known = match forced {
            Some(_) => keys.is_empty() || check_required(source, &keys, &framing, mapping).is_ok(),
            None => is_known(source, &keys, &framing, mapping),
        };
        known.then_some(Sniffed { source, framing, is_sure: true })
    })
}

/// What stands in the array of a page, as far as the text goes.
fn records_of<'a>(body: &'a str, path: &str) -> Option<&'a str> {
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    match seek(body.as_bytes(), &path, 0) {
        Sought::Array(length, _) => body.get(length..),
        Sought::End(_) | Sought::More | Sought::Broken(_) => None,
    }
}

fn is_record(line: &str) -> bool {
    serde_json::from_str::<Value>(line.trim()).is_ok_and(|value| value.is_object())
}

fn framing(text: &str) -> Result<Framing, SniffError> {
    let body = text.trim_start();
    if body.is_empty() {
        return Err(SniffError::Empty);
    }
    if body.starts_with('{') || body.starts_with('[') {
        // One good record on a line of its own is enough: the others may be damaged. The last line of an array that
        // opens on a line of its own is not one.
        let is_array = body.lines().next().is_some_and(|line| line.trim() == "[");
        let lines = !is_array && body.lines().take(SAMPLE).any(is_record);
        return Ok(if lines { Framing::JsonLines } else { Framing::JsonStream });
    }
    let header = body.lines().next().unwrap_or_default();
    if let Some(delimiter) = csv::detect_delimiter(header.as_bytes()) {
        return Ok(Framing::Csv { delimiter });
    }
    // A damaged first line: JSON if any later line is.
    if text.lines().take(SAMPLE).any(|line| line.trim_start().starts_with('{')) {
        return Ok(Framing::JsonLines);
    }
    Err(SniffError::UnknownFormat)
}

/// Raw paths present in the sample.
fn keys(text: &str, framing: &Framing) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    match framing {
        Framing::Csv { delimiter } => {
            let header = text.trim_start().lines().next().unwrap_or_default();
            keys.extend(csv::header(header.as_bytes(), *delimiter));
        }
        Framing::JsonLines => {
            let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line.trim()).ok());
            records.take(SAMPLE).for_each(|record| collect(&record, "", &mut keys, 0));
        }
        Framing::JsonStream | Framing::JsonPages(_) => stream_records(text, &mut keys),
    }
    keys
}

/// Reads as many whole records as the head holds; the last one is usually cut.
fn stream_records(text: &str, keys: &mut BTreeSet<String>) {
    let mut rest = text.trim_start();
    for _ in 0..SAMPLE {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || "[],".contains(letter));
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(record)) = values.next() else { return };
        let next = values.byte_offset();
        collect(&record, "", keys, 0);
        rest = rest.get(next..).unwrap_or_default();
    }
}

fn collect(value: &Value, path: &str, keys: &mut BTreeSet<String>, depth: usize) {
    if !path.is_empty() {
        keys.insert(path.to_owned());
    }
    match value {
        Value::Object(members) if depth < 8 => {
            for (key, member) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect(member, &path, keys, depth + 1);
            }
        }
        Value::Array(items) if depth < 8 => {
            items.iter().for_each(|item| collect(item, path, keys, depth + 1));
        }
        _ => {}
    }
}

/// Whether a raw path is among the keys: exactly in JSON, by its letters and digits in a CSV header.
fn has(keys: &BTreeSet<String>, framing: &Framing, path: &str) -> bool {
    if keys.contains(path) {
        return true;
    }
    let bare = super::spelling::bare;
    matches!(framing, Framing::Csv { .. }) && keys.iter().any(|key| bare(key) == bare(path))
}

fn recognise(
    keys: &BTreeSet<String>,
    framing: &Framing,
    mapping: &Mapping,
) -> Result<&'static Source, SniffError> {
    SOURCES
        .iter()
        .copied()
        .find(|source| is_known(source, keys, framing, mapping))
        .ok_or_else(|| SniffError::UnknownSource { keys: named(keys) })
}

/// Whether a source recognises the keys, or the mapping file names them for it.
fn is_known(source: &Source, keys: &BTreeSet<String>, framing: &Framing, mapping: &Mapping) -> bool {
    let mapped = |field: &&str| mapping.paths(field).iter().any(|path| has(keys, framing, path));
    let is_meant = mapping.source().map_or(source.is_mapped, |name| name == source.name);
    (source.looks_like)(&|path| has(keys, framing, path))
        || (is_meant && !source.required.is_empty() && source.required.iter().all(mapped))
}

fn check_required(
    source: &'static Source,
    keys: &BTreeSet<String>,
    framing: &Framing,
    mapping: &Mapping,
) -> Result<(), SniffError> {
    let placed = |field: &str| source.raw_paths(field, mapping).iter().any(|path| has(keys, framing, path));
    let missing: Vec<&str> = source.required.iter().copied().filter(|field| !placed(field)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(SniffError::Unplaced { missing: missing.join(", "), source_name: source.name, keys: named(keys) })
}

fn named(keys: &BTreeSet<String>) -> String {
    let names: Vec<&str> = keys.iter().map(String::as_str).take(MAX_KEYS_NAMED).collect();
    let more = keys.len().saturating_sub(MAX_KEYS_NAMED);
    let list = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    if more > 0 { format!("{list} and {more} more") } else { list }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::find;

    fn told(text: &str, forced: Option<&str>) -> Option<(&'static str, Framing)> {
        let forced = forced.and_then(find);
        let sniffed = sniff(text.as_bytes(), forced, &Mapping::default()).ok()?;
        Some((sniffed.source.name, sniffed.framing))
    }

    #[test]
    fn pages_are_told_from_records_and_arrays() {
        let record =
            r#"{"id":{"applicationName":"login","time":"t"},"actor":{"email":"a"},"events":[{"name":"n"}]}"#;
        let google = |framing: Framing| Some(("google-workspace", framing));
        let pages = || google(Framing::JsonPages("items".to_owned()));
        assert_eq!(told(record, None), google(Framing::JsonLines));
        assert_eq!(told(&format!("[\n{record},\n{record}\n]\n"), None), google(Framing::JsonStream));
        assert_eq!(told(&format!("{{\"kind\":\"k\",\"items\":[{record}]}}"), None), pages());
        // Cut off, as the head of a long page is; one record a line, as some tools write pages.
        assert_eq!(told(&format!("{{\"items\":[{record},{{\"id\":"), None), pages());
        assert_eq!(told(&format!("{{\n\"items\": [\n{record},\n{record}\n]}}\n"), None), pages());
        assert_eq!(told("{\"items\":[]}", Some("google-workspace")), pages());
        assert_eq!(told("{\"items\":[]}", None), None);
        assert_eq!(told("{\"items\":[{\"sku\":1}]}", None), None);
        assert_eq!(told("{\"items\":[{\"sku\":1}]}", Some("google-workspace")), pages());
    }

    #[test]
    fn both_shapes_of_entra_and_both_of_auth0_are_recognised() {
        for (text, name) in [
            (r#"{"createdDateTime":"t","userPrincipalName":"u","status":{"errorCode":0}}"#, "entra"),
            (r#"{"activityDateTime":"t","activityDisplayName":"a","initiatedBy":{}}"#, "entra"),
            (r#"{"time":"t","operationName":"o","properties":{"userPrincipalName":"u"}}"#, "entra"),
            (r#"{"TimeGenerated":"t","UserPrincipalName":"u","ResultType":"0"}"#, "entra"),
            (r#"{"date":"t","type":"s","client_id":"c","ip":"1.2.3.4"}"#, "auth0"),
            (r#"{"log_id":"1","data":{"date":"t","type":"s"}}"#, "auth0"),
            (r#"{"event_type_id":5,"user_name":"u","created_at":"t"}"#, "onelogin"),
            (r#"{"recordedAt":"t","action":{"type":"USER.CREATED"}}"#, "pingone"),
            (r#"{"event":"Sign Up","properties":{"time":1,"distinct_id":"d"}}"#, "mixpanel-export"),
            (r#"{"eventType":"user.session.start","published":"t"}"#, "okta"),
        ] {
            assert_eq!(told(text, None).map(|(name, _)| name), Some(name), "{text}");
        }
    }
}
