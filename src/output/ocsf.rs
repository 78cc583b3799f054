//! OCSF: one Detection Finding a line. In version 1.5, or in the draft of 1.9 with record integrity.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::alert::{self, PRODUCT, VERSION};
use super::attest::Chain;
use super::{Format, Options, Sink, Summary};
use crate::finding::{EventRef, Finding};

/// See the module.
pub const FORMAT: Format = Format {
    name: "ocsf",
    description: "OCSF 1.5 Detection Findings, one a line; a record without a time has 0",
    open: |out, _: Options| Box::new(Ocsf { out, chain: None }),
    open_grouped: None,
};

/// The same, chained.
pub const DRAFT: Format = Format {
    name: "ocsf-integrity",
    description: "OCSF Detection Findings by the draft of 1.9: each carries its digest and that of the one before",
    open: |out, _: Options| Box::new(Ocsf { out, chain: Some(Chain::new(CHAIN)) }),
    open_grouped: None,
};

/// The chain's name: an output has one, and a second run over the same logs gives the same.
const CHAIN: &str = "portcullis-findings";

/// Detection Finding, activity Create.
const CLASS: u32 = 2004;
const CREATE: u32 = 1;

struct Ocsf<'a> {
    out: Box<dyn Write + 'a>,
    chain: Option<Chain>,
}

impl Sink for Ocsf<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let mut event = event(finding);
        if let Some(chain) = &mut self.chain {
            chain.add(&uid(finding), &mut event);
        }
        super::json::write(&mut self.out, &event)?;
        self.out.write_all(b"\n")
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        self.out.flush()
    }
}

fn event(finding: &Finding) -> Value {
    let millis = finding.time.map_or(0, |time| time.nanos.div_euclid(1_000_000));
    let severity = alert::scale(finding.level, [1, 2, 3, 4, 5]);
    let mut event = json!({
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + CREATE,
        "type_name": "Detection Finding: Create",
        "time": millis,
        "severity_id": severity,
        "severity": alert::scale(finding.level, ["Informational", "Low", "Medium", "High", "Critical"]),
        "status_id": 1,
        "status": "New",
        "risk_score": finding.score,
        "message": alert::message(finding),
        "metadata": {
            "version": "1.5.0",
            "product": {"name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION},
        },
        "finding_info": {
            "uid": uid(finding),
            "title": finding.title,
            "created_time": millis,
            "types": finding.tags,
            "analytic": {"type_id": 1, "type": "Rule", "uid": finding.rule_id, "name": finding.rule_name},
            "attacks": attacks(finding),
        },
        "evidences": evidences(finding),
    });
    if let (Some(response), Some(fields)) = (&finding.response, event.as_object_mut()) {
        fields.insert("remediation".to_owned(), json!({"desc": response}));
    }
    event
}

/// The same for the same rule on the same record, so that a second import adds nothing.
fn uid(finding: &Finding) -> String {
    let last = finding.events.last();
    let place =
        last.map_or_else(String::new, |last| format!("{}:{}:{}", last.path, last.record, last.sha256));
    crate::sys::hash::sha256_hex(format!("{}\n{place}", finding.rule_id).as_bytes())
}

/// A technique is told with its tactic where there is no doubt which; else tactics stand by themselves.
fn attacks(finding: &Finding) -> Vec<Value> {
    let tactics: Vec<Value> =
        alert::tactics(&finding.tags).iter().map(|(uid, name)| json!({"uid": uid, "name": name})).collect();
    let techniques = alert::techniques(&finding.tags);
    let technique = |id: &str| json!({"uid": id, "name": id});
    let version = alert::ATTACK;
    if let ([tactic], [_, ..]) = (tactics.as_slice(), techniques.as_slice()) {
        let both = |of: &alert::Technique| json!({"version": version, "tactic": tactic, "technique": technique(&of.id)});
        return techniques.iter().map(both).collect();
    }
    let tactics = tactics.iter().map(|tactic| json!({"version": version, "tactic": tactic}));
    let techniques = techniques.iter().map(|of| json!({"version": version, "technique": technique(&of.id)}));
    tactics.chain(techniques).collect()
}

/// The records. Who, from where and what a finding says of the last alone.
fn evidences(finding: &Finding) -> Vec<Value> {
    let mut evidences: Vec<Value> = finding.events.iter().map(data).collect();
    if let Some(fields) = evidences.last_mut().and_then(Value::as_object_mut) {
        tell(finding, fields);
    }
    evidences
}

fn data(cited: &EventRef) -> Value {
    json!({
        "data": {
            "path": cited.path, "record": cited.record, "offset": cited.offset, "length": cited.length,
            "sha256": cited.sha256,
        },
    })
}

fn tell(finding: &Finding, fields: &mut Map<String, Value>) {
    if let Some(actor) = &finding.actor {
        fields.insert("actor".to_owned(), json!({"user": {"name": actor}}));
    }
    // OCSF wants an address here, and attackers may have written something else.
    if let Some(address) = finding.source_ip.as_ref().filter(|text| text.parse::<std::net::IpAddr>().is_ok())
    {
        fields.insert("src_endpoint".to_owned(), json!({"ip": address}));
    }
    if let Some(action) = &finding.action {
        fields.insert("api".to_owned(), json!({"operation": action}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{hostile, sample, written};

    fn event_of(finding: &Finding) -> Value {
        let line = written(&FORMAT, Options::default(), std::slice::from_ref(finding));
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn what_the_class_requires_is_there() {
        let line = written(&FORMAT, Options::default(), &[sample()]);
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&event["type_uid"], &event["severity_id"]), (&json!(200_401), &json!(4)));
        assert_eq!(event["time"], json!(1_777_601_649_000_u64));
        assert_eq!(event["finding_info"]["attacks"][0]["tactic"]["uid"], "TA0010");
        assert_eq!(event["evidences"][0]["src_endpoint"]["ip"], "203.0.113.9");
        let evil = hostile();
        let line = written(&FORMAT, Options::default(), std::slice::from_ref(&evil));
        assert_eq!(line.matches('\n').count(), 1);
        let event: Value = serde_json::from_str(&line).unwrap();
        assert!(event["evidences"][0].get("src_endpoint").is_none(), "no address");
        assert_eq!(event["evidences"][0]["actor"]["user"]["name"].as_str(), evil.actor.as_deref());
        let mut several = sample();
        several.events.push(EventRef { record: 9, ..several.events[0].clone() });
        let evidences = &event_of(&several)["evidences"];
        let first: Vec<&String> = evidences[0].as_object().unwrap().keys().collect();
        assert_eq!(first, ["data"], "what is known of the last record is not said of the others");
        assert_eq!(evidences[1]["actor"]["user"]["name"], "jane@agency.example");
        assert_eq!(uid(&sample()), uid(&sample()));
        assert_ne!(uid(&sample()), uid(&evil));
    }
}
