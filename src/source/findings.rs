//! What Portcullis found is no log: an output that lies beside the logs is not read as one.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::Mapping;
use super::sniff::{self, SniffError};

/// How files of findings begin whose first bytes are always the same.
const BEGINNINGS: [&str; 4] = [
    "{\"rule_id\":\"",
    "{\"incident\":",
    "time,level,score,title,",
    "message,datetime,timestamp_desc,level,",
];

/// Whether the keys of a sample are those of findings: as JSON, grouped into incidents, as CSV, or for Timesketch.
pub(super) fn are_keys(keys: &BTreeSet<String>) -> bool {
    let all = |names: &[&str]| names.iter().all(|name| keys.contains(*name));
    all(&["rule_id", "events", "why"])
        || all(&["incident", "findings.rule_id", "findings.events", "findings.why"])
        || all(&["rule_id", "level", "score", "record", "sha256"])
}

/// Whether a file, not compressed, holds findings.
pub(super) fn is_file(path: &Path) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    let longest = BEGINNINGS.iter().map(|beginning| beginning.len()).max().unwrap_or_default();
    let mut head = Vec::new();
    let mut read = |most: usize, head: &mut Vec<u8>| (&mut file).take(most as u64).read_to_end(head).is_ok();
    if !read(longest, &mut head) || !BEGINNINGS.iter().any(|beginning| head.starts_with(beginning.as_bytes()))
    {
        return false;
    }
    read(sniff::HEAD, &mut head)
        && matches!(sniff::sniff(&head, None, &Mapping::default()), Err(SniffError::Findings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{hostile, sample, written};
    use crate::output::{FORMATS, Options};
    use crate::source::find;

    /// What a folder leaves alone begins with one of [`BEGINNINGS`]; the rest is told when it is read.
    #[test]
    fn no_output_of_findings_is_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut left = Vec::new();
        for format in FORMATS {
            let text = written(format, Options::default(), &[sample(), hostile()]);
            let path = folder.path().join(format.name);
            crate::cli::put::bytes(&path, text.as_bytes()).unwrap();
            let told = sniff::sniff(text.as_bytes(), None, &Mapping::default());
            assert!(told.is_err(), "{}: {}", format.name, told.map_or("", |told| told.source.name));
            if is_file(&path) {
                left.push(format.name);
            }
        }
        assert_eq!(left, ["jsonl", "csv", "timesketch-csv"]);
        let text = written(&crate::output::jsonl::FORMAT, Options::default(), &[sample(), sample()]);
        let array = format!("[{}]", text.trim_end().replace('\n', ","));
        let grouped = format!("{{\"incident\":1,\"findings\":{array}}}\n");
        for text in [&array, &grouped] {
            let told = sniff::sniff(text.as_bytes(), None, &Mapping::default());
            assert_eq!(told.err(), Some(SniffError::Findings), "{text}");
        }
        assert!(
            sniff::sniff(text.as_bytes(), find("json"), &Mapping::default()).is_ok(),
            "asked for by name"
        );
    }
}
