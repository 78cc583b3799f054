//! How findings are written: one file a format, one line in [`FORMATS`].
//!
//! The engine pushes findings, in their final order, into a [`Sink`]; it never prints.

mod alert;
pub mod attest;
pub mod columns;
pub mod csv;
pub mod ecs;
pub mod escape;
pub mod incidents;
pub mod json;
pub mod jsonl;
pub mod navigator;
pub mod ocsf;
pub mod parquet;
pub mod sarif;
pub mod text;
pub mod timesketch;

use std::io::{self, Write};

use jiff::tz::TimeZone;

use crate::finding::Finding;
use crate::rule::Level;

/// Where findings go.
pub trait Sink {
    /// Takes the next finding. An error ends the scan; [`io::ErrorKind::BrokenPipe`] means that nobody reads on.
    fn finding(&mut self, finding: &Finding) -> io::Result<()>;

    /// Called once, after the last finding. Writes what was held back, and flushes.
    fn finish(&mut self, summary: &Summary) -> io::Result<()>;
}

/// What a scan came to, for the last lines of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Findings by level.
    pub findings: LevelCounts,
    /// Inputs that were opened.
    pub inputs: u64,
    /// Records that were evaluated.
    pub records: u64,
    /// Whether every byte was accounted for and understood.
    pub clean: bool,
}

/// A count for each level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LevelCounts {
    counts: [u64; 5],
}

/// All levels, the most serious first.
pub const LEVELS: [Level; 5] =
    [Level::Critical, Level::High, Level::Medium, Level::Low, Level::Informational];

impl LevelCounts {
    /// Adds `count` to `level`.
    pub fn add(&mut self, level: Level, count: u64) {
        let slots = LEVELS.iter().zip(&mut self.counts);
        slots.filter(|(of, _)| **of == level).for_each(|(_, slot)| *slot += count);
    }

    /// Levels and counts, the most serious first, zeros included.
    pub fn iter(&self) -> impl Iterator<Item = (Level, u64)> + '_ {
        LEVELS.into_iter().zip(self.counts)
    }

    /// All levels together.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Findings at `level` or above.
    pub fn at_least(&self, level: Level) -> u64 {
        self.iter().filter(|(of, _)| *of >= level).map(|(_, count)| count).sum()
    }
}

/// What a format may be told. Those for machines ignore all of it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Colour the output.
    pub color: bool,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// Findings shown for each rule; 0: all.
    pub per_rule: usize,
    /// The longest silence inside an incident, in nanoseconds, where findings are grouped.
    pub incident_gap: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self { color: false, zone: TimeZone::UTC, per_rule: 5, incident_gap: crate::incident::GAP }
    }
}

/// A way to write findings.
#[derive(Debug)]
pub struct Format {
    /// What `--format` takes.
    pub name: &'static str,
    /// One line for the help.
    pub description: &'static str,
    /// Starts an output.
    pub open: Open,
    /// Starts an output in which findings are grouped into incidents; `None` where it has no groups.
    pub open_grouped: Option<Open>,
}

/// Starts an output.
pub type Open = for<'a> fn(Box<dyn Write + 'a>, Options) -> Box<dyn Sink + 'a>;

/// Every format, the default first.
pub const FORMATS: &[Format] = &[
    text::FORMAT,
    jsonl::FORMAT,
    csv::FORMAT,
    parquet::FORMAT,
    ecs::FORMAT,
    ocsf::FORMAT,
    ocsf::DRAFT,
    timesketch::JSONL,
    timesketch::CSV,
    navigator::FORMAT,
    sarif::FORMAT,
];

/// The format of that name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::event::time::Timestamp;
    use crate::finding::{EventRef, Fact};

    /// A finding of the kind that the contract shows.
    pub(crate) fn sample() -> Finding {
        Finding {
            rule_id: "5f0c1e5e-0000-4000-8000-000000000001".into(),
            rule_name: "raw_event_export".into(),
            title: "Raw events exported".into(),
            author: Some("Portcullis".into()),
            level: Level::High,
            time: Some(Timestamp { nanos: 1_777_601_649_000_000_000, digits: 0 }),
            actor: Some("jane@agency.example".into()),
            source_ip: Some("203.0.113.9".into()),
            action: Some("raw_event_export.requested".into()),
            tags: vec!["attack.exfiltration".into()],
            score: 75,
            why: vec![Fact {
                field: "event.action".into(),
                seen: Some("raw_event_export.requested".into()),
                expected: "equals 'raw_event_export.requested'".into(),
                note: None,
            }],
            events: vec![EventRef {
                path: "audit.ndjson".into(),
                record: 1841,
                offset: 733_180,
                length: 412,
                sha256: "ab".repeat(32),
            }],
            response: Some("Ask who exported, and why.".into()),
        }
    }

    /// The same with everything that an attacker can write made hostile.
    pub(crate) fn hostile() -> Finding {
        let evil = "\u{1b}[2J\u{202e}x\r\n\u{9b}31m\u{7f}\u{0}\u{200b}\u{2028}\u{e0041}\u{feff}";
        let mut finding = sample();
        finding.actor = Some(format!("={evil}"));
        finding.source_ip = Some(format!("@{evil}"));
        finding.action = Some(format!("\t{evil}"));
        finding.title.push_str(evil);
        finding.tags.push(evil.into());
        finding.why.push(Fact {
            field: evil.into(),
            seen: Some(evil.into()),
            expected: format!("contains '{evil}'"),
            note: None,
        });
        finding.events[0].path = format!("-{evil}.ndjson");
        finding.response = Some(evil.into());
        finding
    }

    /// What `format` writes for `findings`.
    pub(crate) fn written(format: &Format, options: Options, findings: &[Finding]) -> String {
        let mut out = Vec::new();
        let mut counts = LevelCounts::default();
        {
            let mut sink = (format.open)(Box::new(&mut out), options);
            for finding in findings {
                counts.add(finding.level, 1);
                sink.finding(finding).unwrap();
            }
            let records = 10;
            sink.finish(&Summary { findings: counts, inputs: 1, records, clean: true }).unwrap();
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn names_are_unique_and_found() {
        for known in FORMATS {
            assert_eq!(format(known.name).map(|found| found.description), Some(known.description));
        }
        assert!(format("xml").is_none());
    }

    #[test]
    fn counts_add_up() {
        let mut counts = LevelCounts::default();
        counts.add(Level::High, 2);
        counts.add(Level::Low, 1);
        counts.add(Level::Critical, 4);
        assert_eq!(counts.total(), 7);
        assert_eq!(counts.at_least(Level::High), 6);
        assert_eq!(counts.iter().next(), Some((Level::Critical, 4)));
    }

    #[test]
    fn the_same_findings_give_the_same_bytes() {
        for known in FORMATS {
            let findings = [sample(), hostile(), sample()];
            let once = written(known, Options::default(), &findings);
            assert_eq!(once, written(known, Options::default(), &findings), "{}", known.name);
        }
    }
}
