//! Elastic Common Schema 8: one alert a line.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::alert::{self, PRODUCT};
use super::{Format, Options, Sink, Summary};
use crate::finding::Finding;

/// See the module.
pub const FORMAT: Format = Format {
    name: "ecs",
    description: "Elastic Common Schema 8 alerts, one a line",
    open: |out, _: Options| Box::new(Ecs { out }),
    open_grouped: None,
};

struct Ecs<'a> {
    out: Box<dyn Write + 'a>,
}

impl Sink for Ecs<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        super::json::write(&mut self.out, &document(finding))?;
        self.out.write_all(b"\n")
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        self.out.flush()
    }
}

/// Field names stay dotted: the schema allows it, and nothing can collide.
fn document(finding: &Finding) -> Map<String, Value> {
    let last = finding.events.last();
    let tactics = alert::tactics(&finding.tags);
    let techniques: Vec<String> =
        alert::techniques(&finding.tags).into_iter().map(|technique| technique.id).collect();
    let address = finding.source_ip.as_ref().filter(|text| text.parse::<std::net::IpAddr>().is_ok());
    let fields = [
        ("@timestamp", json!(finding.time.map(|time| time.to_rfc3339()))),
        ("ecs.version", json!("8.17.0")),
        ("event.kind", json!("alert")),
        ("event.module", json!(PRODUCT.to_ascii_lowercase())),
        ("event.action", json!(finding.action)),
        ("event.severity", json!(alert::scale(finding.level, [1, 21, 47, 73, 99]))),
        ("event.risk_score", json!(finding.score)),
        ("event.hash", json!(last.map(|event| &event.sha256))),
        ("message", json!(alert::message(finding))),
        ("rule.uuid", json!(finding.rule_id)),
        ("rule.id", json!(finding.rule_name)),
        ("rule.name", json!(finding.title)),
        ("rule.author", json!(finding.author)),
        ("user.email", json!(finding.actor)),
        ("source.address", json!(finding.source_ip)),
        ("source.ip", json!(address)),
        ("log.file.path", json!(last.map(|event| &event.path))),
        // No field of the schema; its rule for own ones is a name of one's own in front.
        ("portcullis.record", json!(last.map(|event| event.record))),
        ("portcullis.offset", json!(last.map(|event| event.offset))),
        ("threat.framework", json!((!tactics.is_empty()).then_some("MITRE ATT&CK"))),
        ("threat.tactic.id", json!(tactics.iter().map(|(id, _)| id).collect::<Vec<_>>())),
        ("threat.tactic.name", json!(tactics.iter().map(|(_, name)| name).collect::<Vec<_>>())),
        ("threat.technique.id", json!(techniques)),
        ("tags", json!(finding.tags)),
    ];
    let is_there = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    fields
        .into_iter()
        .filter(|(_, value)| is_there(value))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{hostile, sample, written};

    #[test]
    fn a_text_that_is_no_address_is_not_called_one() {
        let findings = [sample(), hostile(), Finding { time: None, actor: None, ..sample() }];
        let text = written(&FORMAT, Options::default(), &findings);
        let documents: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(documents[0]["source.ip"], "203.0.113.9");
        assert_eq!(documents[0]["event.severity"], 73);
        assert_eq!(documents[0]["threat.tactic.id"], json!(["TA0010"]));
        assert!(documents[1].get("source.ip").is_none());
        assert_eq!(documents[1]["source.address"].as_str(), hostile().source_ip.as_deref());
        assert!(documents[2].get("@timestamp").is_none() && documents[2].get("user.email").is_none());
    }
}
