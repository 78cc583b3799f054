//! A layer for the ATT&CK Navigator: the techniques of the rules that found something.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::json;

use super::{Format, Options, Sink, Summary, alert};
use crate::finding::Finding;

/// See the module.
pub const FORMAT: Format = Format {
    name: "navigator",
    description: "a layer for the ATT&CK Navigator: techniques by number of findings",
    open: |out, _: Options| Box::new(Layer { out, found: BTreeMap::new(), other: 0 }),
    open_grouped: None,
};

/// Rules named in a comment.
const MAX_NAMED: usize = 20;

#[derive(Default)]
struct Found {
    findings: u64,
    /// Titles of rules, and how often each found something.
    rules: BTreeMap<String, u64>,
}

struct Layer<'a> {
    out: Box<dyn Write + 'a>,
    found: BTreeMap<alert::Technique, Found>,
    /// Findings of rules that name no technique.
    other: u64,
}

impl Sink for Layer<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let techniques = alert::techniques(&finding.tags);
        self.other += u64::from(techniques.is_empty());
        for technique in techniques {
            let found = self.found.entry(technique).or_default();
            found.findings += 1;
            *found.rules.entry(finding.title.clone()).or_default() += 1;
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let techniques = self.found.iter().map(|(technique, found)| {
            let named = found.rules.iter().take(MAX_NAMED).map(|(title, count)| format!("{title}: {count}"));
            json!({
                "techniqueID": technique.id,
                "score": found.findings,
                "comment": named.collect::<Vec<_>>().join("\n"),
                "enabled": true,
                "showSubtechniques": true,
            })
        });
        let most = self.found.values().map(|found| found.findings).max().unwrap_or(1);
        let layer = json!({
            "name": "Portcullis findings",
            "versions": {"attack": alert::ATTACK, "navigator": "5.1.0", "layer": "4.5"},
            "domain": "enterprise-attack",
            "description": format!(
                "{} findings; {} of them by rules that name no technique",
                summary.findings.total(), self.other
            ),
            "techniques": techniques.collect::<Vec<_>>(),
            "gradient": {"colors": ["#fee8c8", "#e34a33"], "minValue": 0, "maxValue": most},
        });
        super::json::write_pretty(&mut self.out, &layer)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::output::tests::{hostile, sample, written};

    #[test]
    fn techniques_are_counted_once_a_finding() {
        let tagged =
            |tags: &[&str]| Finding { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..hostile() };
        let findings = [tagged(&["attack.t1078", "attack.t1098.001"]), tagged(&["attack.t1078"]), sample()];
        let layer: Value = serde_json::from_str(&written(&FORMAT, Options::default(), &findings)).unwrap();
        let scores: Vec<_> = layer["techniques"]
            .as_array()
            .unwrap()
            .iter()
            .map(|technique| {
                (technique["techniqueID"].as_str().unwrap(), technique["score"].as_u64().unwrap())
            })
            .collect();
        assert_eq!(scores, [("T1078", 2), ("T1098.001", 1)]);
        assert!(layer["description"].as_str().unwrap().starts_with("3 findings; 1 of them"), "{layer}");
    }
}
