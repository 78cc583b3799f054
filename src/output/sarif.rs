//! SARIF 2.1.0: for viewers of results, with the place of each record.

use std::collections::BTreeMap;
use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::alert::{self, PRODUCT, VERSION};
use super::{Format, Options, Sink, Summary};
use crate::finding::{EventRef, Finding};

/// See the module.
pub const FORMAT: Format = Format {
    name: "sarif",
    description: "SARIF 2.1.0, one document; places are bytes of the decompressed inputs",
    open: |out, _: Options| {
        Box::new(Sarif { out, rules: Vec::new(), known: BTreeMap::new(), is_begun: false })
    },
    open_grouped: None,
};

/// What a path keeps in a URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// Up to the first result. Results are written as they come, so the rules that they point at follow them.
const BEGINNING: &str = concat!(
    "{\n  \"$schema\": \"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json\",\n",
    "  \"version\": \"2.1.0\",\n  \"runs\": [{\n    \"results\": [",
);

struct Sarif<'a> {
    out: Box<dyn Write + 'a>,
    /// Rules with a finding.
    rules: Vec<Value>,
    known: BTreeMap<String, usize>,
    is_begun: bool,
}

impl Sink for Sarif<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let rules = &mut self.rules;
        let index = *self.known.entry(finding.rule_id.clone()).or_insert_with(|| {
            rules.push(rule(finding));
            rules.len() - 1
        });
        let before = if self.is_begun { ",\n" } else { BEGINNING };
        self.is_begun = true;
        self.out.write_all(before.as_bytes())?;
        super::json::write(&mut self.out, &result(finding, index))?;
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        if !self.is_begun {
            self.out.write_all(BEGINNING.as_bytes())?;
        }
        let driver = json!({"name": PRODUCT, "semanticVersion": VERSION, "rules": self.rules});
        self.out.write_all(b"],\n    \"tool\": ")?;
        super::json::write(&mut self.out, &json!({"driver": driver}))?;
        self.out.write_all(b"\n  }]\n}\n")?;
        self.out.flush()
    }
}

fn rule(finding: &Finding) -> Value {
    let help = finding.response.as_deref().unwrap_or("The rule gives no advice.");
    json!({
        "id": finding.rule_id,
        "name": finding.rule_name,
        "shortDescription": {"text": finding.title},
        "help": {"text": help},
        "properties": {"tags": finding.tags, "author": finding.author},
    })
}

fn result(finding: &Finding, index: usize) -> Value {
    let mut result = json!({
        "ruleId": finding.rule_id,
        "ruleIndex": index,
        "level": alert::scale(finding.level, ["note", "note", "warning", "error", "error"]),
        "rank": f64::from(finding.score),
        "message": {"text": alert::message(finding)},
        "locations": finding.events.last().map(location).into_iter().collect::<Vec<_>>(),
        "properties": {
            "level": finding.level.name(),
            "time": finding.time.map(|time| time.to_rfc3339()),
            "actor": finding.actor,
            "sourceIp": finding.source_ip,
            "action": finding.action,
            "why": finding.why,
        },
    });
    let Some(fields) = result.as_object_mut() else { return result };
    if let Some(last) = finding.events.last() {
        fields.insert("fingerprints".to_owned(), json!({"recordSha256/v1": last.sha256}));
    }
    let others: Vec<Value> = finding.events.iter().rev().skip(1).rev().map(location).collect();
    if !others.is_empty() {
        fields.insert("relatedLocations".to_owned(), json!(others));
    }
    result
}

fn location(event: &EventRef) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(&event.path)},
            "region": {"byteOffset": event.offset, "byteLength": event.length},
        },
        "message": {"text": format!("record {}", event.record)},
    })
}

/// A path as a reference that is relative to the folder of the scan, or as a `file` URI.
fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    format!("{scheme}{}", utf8_percent_encode(path, PATH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{hostile, sample, written};

    /// A scan of many findings takes no memory for them.
    #[test]
    fn results_are_written_as_they_come() {
        let mut out = Vec::new();
        let mut sink = (FORMAT.open)(Box::new(&mut out), Options::default());
        sink.finding(&sample()).unwrap();
        drop(sink);
        assert!(String::from_utf8(out).unwrap().contains("raw_event_export.requested"));
    }

    #[test]
    fn rules_stand_once_and_results_point_at_them() {
        let other = Finding { rule_id: "other".into(), ..hostile() };
        let text = written(&FORMAT, Options::default(), &[sample(), other, sample()]);
        let document: Value = serde_json::from_str(&text).unwrap();
        let run = &document["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 2);
        let indexes: Vec<_> = run["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| result["ruleIndex"].as_u64().unwrap())
            .collect();
        assert_eq!(indexes, [0, 1, 0]);
        let none: Value = serde_json::from_str(&written(&FORMAT, Options::default(), &[])).unwrap();
        assert_eq!(none["runs"][0]["results"], json!([]));
        assert_eq!(none["runs"][0]["tool"]["driver"]["rules"], json!([]));
        let place = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["region"], json!({"byteOffset": 733_180, "byteLength": 412}));
        let uri = run["results"][1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            .as_str()
            .unwrap();
        assert!(uri.is_ascii() && uri.starts_with("-%1B%5B2J"), "{uri}");
    }
}
