//! One finding a line, exact: what the log wrote is the value that is read back.

use std::io::{self, Write};

use serde::Serialize;

use super::{Format, Options, Sink, Summary};
use crate::finding::{EventRef, Fact, Finding};
use crate::rule::Level;

/// See the module.
pub const FORMAT: Format = Format {
    name: "jsonl",
    description: "one JSON object a line, exact, in time order; for programs",
    open: |out, _: Options| Box::new(Jsonl { out }),
    open_grouped: Some(super::incidents::jsonl),
};

struct Jsonl<'a> {
    out: Box<dyn Write + 'a>,
}

impl Sink for Jsonl<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        super::json::write(&mut self.out, &Wire::from(finding))?;
        self.out.write_all(b"\n")
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        self.out.flush()
    }
}

/// The order of the keys is part of the contract.
#[derive(Serialize)]
pub(super) struct Wire<'a> {
    rule_id: &'a str,
    title: &'a str,
    level: Level,
    time: Option<String>,
    actor: Option<&'a str>,
    source_ip: Option<&'a str>,
    action: Option<&'a str>,
    tags: &'a [String],
    score: u8,
    why: Vec<WireFact<'a>>,
    events: Vec<WireEvent<'a>>,
    rule_name: &'a str,
    response: Option<&'a str>,
    author: Option<&'a str>,
}

#[derive(Serialize)]
struct WireFact<'a> {
    field: &'a str,
    seen: Option<&'a str>,
    expected: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

#[derive(Serialize)]
struct WireEvent<'a> {
    path: &'a str,
    record: u64,
    offset: u64,
    length: u64,
    sha256: &'a str,
}

impl<'a> From<&'a Finding> for Wire<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            rule_id: &finding.rule_id,
            title: &finding.title,
            level: finding.level,
            time: finding.time.map(|time| time.to_rfc3339()),
            actor: finding.actor.as_deref(),
            source_ip: finding.source_ip.as_deref(),
            action: finding.action.as_deref(),
            tags: &finding.tags,
            score: finding.score,
            why: finding.why.iter().map(WireFact::from).collect(),
            events: finding.events.iter().map(WireEvent::from).collect(),
            rule_name: &finding.rule_name,
            response: finding.response.as_deref(),
            author: finding.author.as_deref(),
        }
    }
}

impl<'a> From<&'a Fact> for WireFact<'a> {
    fn from(fact: &'a Fact) -> Self {
        Self {
            field: &fact.field,
            seen: fact.seen.as_deref(),
            expected: &fact.expected,
            note: fact.note.as_deref(),
        }
    }
}

impl<'a> From<&'a EventRef> for WireEvent<'a> {
    fn from(event: &'a EventRef) -> Self {
        Self {
            path: &event.path,
            record: event.record,
            offset: event.offset,
            length: event.length,
            sha256: &event.sha256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{hostile, sample, written};

    #[test]
    fn the_line_of_the_contract() {
        let line = written(&FORMAT, Options::default(), &[sample()]);
        let expected = concat!(
            r#"{"rule_id":"5f0c1e5e-0000-4000-8000-000000000001","title":"Raw events exported","level":"high","#,
            r#""time":"2026-05-01T02:14:09Z","actor":"jane@agency.example","source_ip":"203.0.113.9","#,
            r#""action":"raw_event_export.requested","tags":["attack.exfiltration"],"score":75,"#,
            r#""why":[{"field":"event.action","seen":"raw_event_export.requested","#,
            r#""expected":"equals 'raw_event_export.requested'"}],"#,
            r#""events":[{"path":"audit.ndjson","record":1841,"offset":733180,"length":412,"sha256":""#,
        );
        let rest = concat!(
            r#""}],"rule_name":"raw_event_export","response":"Ask who exported, and why.","author":"Portcullis"}"#,
            "\n"
        );
        assert_eq!(line, format!("{expected}{}{rest}", "ab".repeat(32)));
    }

    #[test]
    fn hostile_text_is_exact_and_stays_on_its_line() {
        let finding = hostile();
        let line = written(&FORMAT, Options::default(), std::slice::from_ref(&finding));
        assert_eq!(line.matches('\n').count(), 1);
        let back: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(back["actor"].as_str(), finding.actor.as_deref());
        assert_eq!(back["why"][1]["seen"].as_str(), finding.why[1].seen.as_deref());
    }

    #[test]
    fn no_time_is_null() {
        let finding = Finding { time: None, actor: None, ..sample() };
        let line = written(&FORMAT, Options::default(), &[finding]);
        assert!(line.contains(r#""time":null,"actor":null"#), "{line}");
    }
}
