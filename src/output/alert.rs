//! What several formats for other tools ask of a finding.

use crate::finding::Finding;
use crate::incident::tactic;
use crate::rule::Level;

/// What the tools are told of the program.
pub(super) const PRODUCT: &str = "Portcullis";
/// Its version.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An ATT&CK technique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Technique {
    /// `T1567`, or with a sub-technique `T1567.002`.
    pub id: String,
}

/// The techniques among a rule's tags: `attack.t1567.002`.
pub(super) fn techniques(tags: &[String]) -> Vec<Technique> {
    let technique = |tag: &String| {
        let id = tag.strip_prefix("attack.t")?;
        let is_id =
            id.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        is_id.then(|| Technique { id: format!("T{id}") })
    };
    tags.iter().filter_map(technique).collect()
}

/// The version of ATT&CK whose numbers and names these are.
pub(super) const ATTACK: &str = "19";

/// The tactics among a rule's tags, as MITRE numbers and names them.
pub(super) fn tactics(tags: &[String]) -> Vec<(&'static str, &'static str)> {
    const TACTICS: [(&str, &str); 15] = [
        ("TA0043", "Reconnaissance"),
        ("TA0042", "Resource Development"),
        ("TA0001", "Initial Access"),
        ("TA0002", "Execution"),
        ("TA0003", "Persistence"),
        ("TA0004", "Privilege Escalation"),
        ("TA0005", "Stealth"),
        ("TA0112", "Defense Impairment"),
        ("TA0006", "Credential Access"),
        ("TA0007", "Discovery"),
        ("TA0008", "Lateral Movement"),
        ("TA0009", "Collection"),
        ("TA0011", "Command and Control"),
        ("TA0010", "Exfiltration"),
        ("TA0040", "Impact"),
    ];
    let bare = |name: &str| name.to_ascii_lowercase().replace(' ', "-");
    let tagged: Vec<String> = tags.iter().filter_map(|tag| tactic(tag)).collect();
    TACTICS.into_iter().filter(|(_, name)| tagged.contains(&bare(name))).collect()
}

/// One line for people: who did what from where, and which rule says so.
pub(super) fn message(finding: &Finding) -> String {
    let mut text = finding.title.clone();
    for (word, value) in [("by", &finding.actor), ("from", &finding.source_ip), ("action", &finding.action)] {
        if let Some(value) = value {
            text.push_str(&format!("; {word} {value}"));
        }
    }
    if finding.time.is_none() {
        text.push_str("; the record has no time that can be read");
    }
    text
}

/// A level on a scale.
pub(super) fn scale<T: Copy>(level: Level, [informational, low, medium, high, critical]: [T; 5]) -> T {
    match level {
        Level::Informational => informational,
        Level::Low => low,
        Level::Medium => medium,
        Level::High => high,
        Level::Critical => critical,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_give_techniques_and_tactics() {
        let tags =
            ["attack.t1567.002", "attack.t10x", "attack.exfiltration", "attack.initial-access", "cve.2024.1"];
        let tags = tags.map(str::to_owned);
        assert_eq!(techniques(&tags), [Technique { id: "T1567.002".into() }]);
        assert_eq!(tactics(&tags), [("TA0001", "Initial Access"), ("TA0010", "Exfiltration")]);
        let tags =
            ["attack.defense_evasion", "attack.stealth", "attack.defense-impairment"].map(str::to_owned);
        assert_eq!(tactics(&tags), [("TA0005", "Stealth"), ("TA0112", "Defense Impairment")]);
    }
}
