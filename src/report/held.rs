//! What a report keeps of a scan.

use std::collections::BTreeMap;
use std::io;

use crate::finding::Finding;
use crate::incident::Incident;
use crate::output::{LevelCounts, Sink, Summary};
use crate::rule::Level;

/// Findings that a report lists; a page of more is of no use to anyone, and the rest is counted.
const MAX_FINDINGS: usize = 5_000;

/// Takes the findings of a scan. Where there are too many, the least serious are left out, of one level the latest.
#[derive(Debug, Default)]
pub struct Held {
    /// In time order, once the scan is finished.
    pub(super) findings: Vec<Finding>,
    /// Findings that are not listed.
    pub(super) left_out: LevelCounts,
    /// Of the findings that are listed.
    pub(super) incidents: Vec<Incident>,
    /// Until the scan is finished: by level, with the place of each in the order of all.
    kept: BTreeMap<Level, Vec<(u64, Finding)>>,
    /// How many are kept.
    count: usize,
    /// How many there were.
    seen: u64,
    gap: i64,
}

impl Held {
    /// Nothing yet. `gap`: the longest silence inside an incident, in nanoseconds.
    pub fn new(gap: i64) -> Self {
        Self { gap, ..Self::default() }
    }

    /// Groups of findings that reach level medium, most serious first.
    pub(super) fn serious(&self) -> impl Iterator<Item = &Incident> {
        let reached = |incident: &&Incident| incident.findings.iter().any(|one| one.level >= Level::Medium);
        self.incidents.iter().filter(reached)
    }

    /// Makes room for a finding of this level. Whether there is some.
    fn has_room(&mut self, level: Level) -> bool {
        if self.count < MAX_FINDINGS {
            self.count += 1;
            return true;
        }
        let Some(mut lowest) = self.kept.first_entry().filter(|lowest| *lowest.key() < level) else {
            self.left_out.add(level, 1);
            return false;
        };
        self.left_out.add(*lowest.key(), 1);
        lowest.get_mut().pop();
        if lowest.get().is_empty() {
            lowest.remove();
        }
        true
    }
}

impl Sink for Held {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.seen += 1;
        if self.has_room(finding.level) {
            self.kept.entry(finding.level).or_default().push((self.seen, finding.clone()));
        }
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        let mut kept: Vec<_> = std::mem::take(&mut self.kept).into_values().flatten().collect();
        kept.sort_unstable_by_key(|(place, _)| *place);
        self.findings = kept.into_iter().map(|(_, finding)| finding).collect();
        self.incidents = Incident::group(self.findings.clone(), self.gap);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::time::Timestamp;
    use crate::output::tests::sample;

    fn finding(at: i64, level: Level, actor: &str) -> Finding {
        let time = Some(Timestamp { nanos: at * 1_000_000_000, digits: 0 });
        Finding { level, time, actor: Some(actor.to_owned()), ..sample() }
    }

    #[test]
    fn the_least_serious_make_room_and_are_counted() {
        let most = i64::try_from(MAX_FINDINGS).unwrap();
        let mut held = Held::new(crate::incident::GAP);
        let mut findings = LevelCounts::default();
        let noise = (0..most + 200).map(|at| {
            finding(at, if at % 2 == 0 { Level::Informational } else { Level::Low }, "ada@acme.example")
        });
        let serious = [(Level::High, 1), (Level::Critical, 2), (Level::Informational, 3)]
            .map(|(level, after)| finding(most + 200 + after, level, "jane@agency.example"));
        for one in noise.chain(serious) {
            findings.add(one.level, 1);
            held.finding(&one).unwrap();
        }
        held.finish(&Summary { findings, inputs: 1, records: 10, clean: true }).unwrap();
        assert_eq!(held.findings.len(), MAX_FINDINGS);
        assert!(held.findings.is_sorted_by_key(|one| one.time.map(|time| time.nanos)));
        let left_out: Vec<(Level, u64)> = held.left_out.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(left_out, [(Level::Informational, 203)]);
        let serious: Vec<Option<&str>> = held.serious().map(|incident| incident.actor.as_deref()).collect();
        assert_eq!(serious, [Some("jane@agency.example")]);
        // Of one level the earliest stay.
        let last = held.findings.iter().rfind(|one| one.level == Level::Informational).unwrap();
        assert!(last.time.unwrap().nanos < most * 1_000_000_000);
    }
}
