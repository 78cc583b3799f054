//! Findings of one actor that belong together, with a score that can be worked out by hand.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::time::Timestamp;
use crate::finding::Finding;
use crate::rule::Level;

/// The longest silence inside an incident, unless it is said otherwise: a day.
pub const GAP: i64 = 86_400_000_000_000;
/// Points for each further rule, and the most that they come to.
const RULE: (u32, u32) = (2, 10);
/// Points for each further tactic, and the most that they come to.
const TACTIC: (u32, u32) = (4, 16);
const MOST: u32 = 100;

/// Findings of one actor, none further than the gap from the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Who; `None` where the records name nobody.
    pub actor: Option<String>,
    /// First and last time of its findings; `None` where they have none.
    pub span: Option<(Timestamp, Timestamp)>,
    /// How serious it is.
    pub score: Score,
    /// The ATT&CK tactics of its rules, by name.
    pub tactics: BTreeSet<String>,
    /// The addresses of its findings.
    pub addresses: BTreeSet<String>,
    /// In order.
    pub findings: Vec<Finding>,
}

/// `total` is `highest` and the points for further rules and tactics, at most 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// The sum.
    pub total: u32,
    /// The highest score of a finding.
    pub highest: u32,
    /// Two points for each rule beyond the first, at most 10. Rules of level low and informational do not count.
    pub rules: u32,
    /// Four points for each tactic beyond the first, at most 16. The same rules count.
    pub tactics: u32,
}

impl Incident {
    /// Groups findings, which are in time order. The most serious incident comes first; ties by time, then actor.
    pub fn group(findings: Vec<Finding>, gap: i64) -> Vec<Self> {
        let mut open: BTreeMap<Option<String>, Vec<Finding>> = BTreeMap::new();
        let mut done: Vec<Vec<Finding>> = Vec::new();
        for finding in findings {
            let actor = finding.actor.as_ref().map(|actor| actor.to_lowercase());
            let held = open.entry(actor).or_default();
            if held.last().is_some_and(|last| !together(last, &finding, gap)) {
                done.push(std::mem::take(held));
            }
            held.push(finding);
        }
        done.extend(open.into_values());
        let mut incidents: Vec<Self> = done.into_iter().map(Self::of).collect();
        incidents.sort_by(|left, right| {
            let order =
                |of: &Self| (std::cmp::Reverse(of.score.total), of.span.is_none(), of.span, of.actor.clone());
            order(left).cmp(&order(right))
        });
        incidents
    }

    fn of(findings: Vec<Finding>) -> Self {
        let times = || findings.iter().filter_map(|finding| finding.time);
        let serious = || findings.iter().filter(|finding| finding.level >= Level::Medium);
        let tactics: BTreeSet<String> =
            serious().flat_map(|finding| &finding.tags).filter_map(|tag| tactic(tag)).collect();
        let rules: BTreeSet<&str> = serious().map(|finding| finding.rule_id.as_str()).collect();
        let highest = findings.iter().map(|finding| u32::from(finding.score)).max().unwrap_or_default();
        Self {
            actor: findings.first().and_then(|finding| finding.actor.clone()),
            span: times().min().zip(times().max()),
            score: Score::new(highest, rules.len(), tactics.len()),
            addresses: findings.iter().filter_map(|finding| finding.source_ip.clone()).collect(),
            tactics,
            findings,
        }
    }

    /// Its rules, each once, in the order in which they first fired.
    pub fn rules(&self) -> Vec<&str> {
        let mut rules: Vec<&str> = Vec::new();
        for finding in &self.findings {
            if !rules.contains(&finding.rule_name.as_str()) {
                rules.push(&finding.rule_name);
            }
        }
        rules
    }
}

fn together(last: &Finding, next: &Finding, gap: i64) -> bool {
    match (last.time, next.time) {
        (Some(last), Some(next)) => next.nanos.saturating_sub(last.nanos) <= gap,
        (None, None) => true,
        _ => false,
    }
}

/// The tactic of a tag such as `attack.exfiltration`; techniques, groups and software are none. Rules that were written
/// before ATT&CK 19 say Defense Evasion: its number is now that of Stealth.
pub(crate) fn tactic(tag: &str) -> Option<String> {
    let name = tag.strip_prefix("attack.")?;
    let numbered =
        name.len() > 1 && name.chars().skip(1).all(|letter| letter.is_ascii_digit() || letter == '.');
    let name = name.to_ascii_lowercase().replace('_', "-");
    (!numbered).then(|| if name == "defense-evasion" { "stealth".to_owned() } else { name })
}

impl Score {
    /// From the highest score, and how many rules and tactics there are.
    pub(crate) fn new(highest: u32, rules: usize, tactics: usize) -> Self {
        let further = |count: usize, (each, most): (u32, u32)| {
            u32::try_from(count.saturating_sub(1)).unwrap_or(MOST).saturating_mul(each).min(most)
        };
        let (rules, tactics) = (further(rules, RULE), further(tactics, TACTIC));
        Self { total: (highest + rules + tactics).min(MOST), highest, rules, tactics }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::sample;

    const HOUR: i64 = 3_600_000_000_000;

    fn finding(actor: &str, hours: i64, rule: &str, tag: &str) -> Finding {
        Finding {
            actor: Some(actor.into()),
            time: Some(Timestamp { nanos: hours * HOUR, digits: 0 }),
            rule_id: rule.into(),
            rule_name: rule.into(),
            tags: vec![tag.into()],
            ..sample()
        }
    }

    #[test]
    fn a_silence_longer_than_the_gap_parts_incidents() {
        let findings = vec![
            finding("a", 0, "r", "attack.impact"),
            finding("b", 1, "r", "attack.impact"),
            finding("A", 24, "r", "attack.impact"),
            finding("a", 49, "r", "attack.impact"),
        ];
        let incidents = Incident::group(findings, GAP);
        let sizes: Vec<(Option<&str>, usize)> =
            incidents.iter().map(|of| (of.actor.as_deref(), of.findings.len())).collect();
        assert_eq!(sizes, [(Some("a"), 2), (Some("b"), 1), (Some("a"), 1)]);
    }

    #[test]
    fn the_score_is_a_sum_that_anybody_can_work_out() {
        let findings = vec![
            finding("a", 0, "one", "attack.exfiltration"),
            finding("a", 1, "two", "attack.persistence"),
            finding("a", 2, "two", "attack.t1098.001"),
            finding("a", 3, "three", "attack.g0007"),
        ];
        let incidents = Incident::group(findings, GAP);
        assert_eq!(incidents[0].score, Score { total: 83, highest: 75, rules: 4, tactics: 4 });
        assert_eq!(Score::new(90, 50, 9).total, 100);
    }

    #[test]
    fn one_tactic_has_one_name() {
        let findings = ["attack.stealth", "attack.defense-evasion", "attack.Defense_Evasion"]
            .into_iter()
            .map(|tag| finding("a", 0, "one", tag));
        let incidents = Incident::group(findings.collect(), GAP);
        assert_eq!(incidents[0].tactics, BTreeSet::from(["stealth".to_owned()]));
        assert_eq!(incidents[0].score.tactics, 0);
    }

    #[test]
    fn the_most_serious_comes_first() {
        let mut low = finding("early", 0, "one", "attack.impact");
        (low.level, low.score) = (Level::Low, 25);
        let incidents = Incident::group(vec![low, finding("late", 5, "two", "attack.impact")], GAP);
        assert_eq!(incidents[0].actor.as_deref(), Some("late"));
    }
}
