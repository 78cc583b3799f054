//! What a report keeps of a scan.

use std::io;

use crate::finding::Finding;
use crate::incident::Incident;
use crate::output::{Sink, Summary};
use crate::rule::Level;

/// Findings that a report lists; a page of more is of no use to anyone, and the rest is counted.
const MAX_FINDINGS: usize = 5_000;

/// Takes the findings of a scan.
#[derive(Debug, Default)]
pub struct Held {
    pub(super) findings: Vec<Finding>,
    /// Findings beyond those that are listed.
    pub(super) more: usize,
    pub(super) incidents: Vec<Incident>,
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
}

impl Sink for Held {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding.clone());
        } else {
            self.more += 1;
        }
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        self.incidents = Incident::group(self.findings.clone(), self.gap);
        Ok(())
    }
}
