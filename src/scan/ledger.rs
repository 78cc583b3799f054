//! The coverage ledger: what was read, what became of every byte, and what each rule could see.
//!
//! No findings is a claim, and this is its proof. **Invariant:** for every input, bytes read = parsed + blank +
//! rejected, exactly; the two sides are counted by different code, and [`Ledger::check`] compares them.

mod coverage;
mod duplicates;
mod hours;
mod names;
mod ranges;
mod wire;

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::event::time::Timestamp;
use crate::output::{LevelCounts, Summary};
use crate::rule::Level;

pub use coverage::Coverage;
pub use duplicates::{DuplicateCount, Duplicates, HELD};
pub use hours::{Gap, HourSet};
pub use names::{KEPT, NAME_BYTES, Names};
pub use ranges::{LISTED, Range, Ranges, Tally};

/// The version of the JSON form; a name in it never changes its meaning.
pub const VERSION: u32 = 1;

/// A stretch without events is reported as a gap from this many whole hours on.
pub const GAP_HOURS: u32 = 24;

/// One input: a file, a member of an archive, or standard input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputLedger {
    /// The name that findings use.
    pub label: String,
    /// The path as it was found; `-` for standard input.
    pub path: String,
    /// The name inside an archive.
    pub member: Option<String>,
    /// The log source that read it; `None` where none fits.
    pub source: Option<String>,
    /// `ndjson`, `json` or `csv`.
    pub format: Option<String>,
    /// `gzip`, `zstd` or `zip`.
    pub compression: Option<String>,
    /// Bytes read, decompressed, counted where they are read.
    pub bytes: u64,
    /// What became of them, counted where they are parsed.
    pub coverage: Coverage,
    /// Repeated records, when they were counted.
    pub duplicates: Option<DuplicateCount>,
    /// ECS names and the raw keys or columns that were read as them.
    pub placed: BTreeMap<String, String>,
    /// Columns that have no ECS name; rules can still name them raw.
    pub unplaced: Names,
    /// Why reading ended early: a truncated gzip stream, a read error.
    pub problem: Option<String>,
}

/// What one rule could see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleLedger {
    /// The rule's id.
    pub id: String,
    /// Its short name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its severity.
    pub level: Level,
    /// The sources of this scan that it applied to; empty: it read nothing.
    pub sources: Vec<String>,
    /// The fields that it reads.
    pub fields: Vec<String>,
    /// Those of them that no record of these sources had.
    pub fields_never_seen: Vec<String>,
    /// The event types that it asks for.
    pub event_types: Vec<EventTypeNote>,
    /// What it would need to know of addresses and no database tells, in words.
    pub places_unknown: Vec<String>,
    /// Findings that were given out.
    pub findings: u64,
    /// Matches that `--since`, `--until`, `--account` or `--level` kept back.
    pub suppressed: u64,
}

impl RuleLedger {
    /// The rule read something, but cannot have matched there: a field that no record had, or only event types
    /// that the source never writes.
    pub fn is_blind(&self) -> bool {
        let impossible = |note: &EventTypeNote| note.known == Some(false);
        !self.sources.is_empty()
            && (!self.fields_never_seen.is_empty()
                || !self.places_unknown.is_empty()
                || (!self.event_types.is_empty() && self.event_types.iter().all(impossible)))
    }
}

/// What the source says about one event type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTypeNote {
    /// As the rule names it.
    pub name: String,
    /// Whether the source can write it; `None` where it has no list.
    pub known: Option<bool>,
    /// The date since which it is written; absence before that proves nothing.
    pub since: Option<String>,
}

/// Something that could not be read at all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub path: String,
    /// What happened.
    pub reason: String,
    /// What to do, when something can be done.
    pub hint: Option<String>,
}

/// A rule, or a rule file, that could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleProblem {
    /// The file.
    pub path: String,
    /// Counts from 1.
    pub line: u64,
    /// Counts from 1.
    pub column: u64,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What the user asked to see, which is not all that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Findings from this instant on.
    pub since: Option<Timestamp>,
    /// Findings before this instant.
    pub until: Option<Timestamp>,
    /// Findings of this account.
    pub account: Option<String>,
    /// Findings of at least this level.
    pub level: Option<Level>,
}

/// Sums over all inputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Inputs that were opened.
    pub inputs: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Bytes parsed.
    pub parsed_bytes: u64,
    /// Blank bytes.
    pub blank_bytes: u64,
    /// Rejected bytes.
    pub rejected_bytes: u64,
    /// Rejected ranges.
    pub rejected: u64,
    /// Records evaluated.
    pub records: u64,
    /// Records without a usable time.
    pub untimed: u64,
    /// The earliest event.
    pub first_time: Option<Timestamp>,
    /// The latest event.
    pub last_time: Option<Timestamp>,
}

/// The whole of one scan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// What was opened.
    pub inputs: Vec<InputLedger>,
    /// The rules that were loaded.
    pub rules: Vec<RuleLedger>,
    /// What could not be opened, or is of no known format.
    pub unreadable: Vec<Problem>,
    /// The rules that could not be loaded.
    pub rule_errors: Vec<RuleProblem>,
    /// What the findings were narrowed to.
    pub filters: Filters,
    /// What was left alone on purpose: hidden files, a file given twice. Thresholds of a profile.
    pub notes: Vec<String>,
    /// What the logs of these sources never show, whatever happened.
    pub blind_spots: Vec<String>,
    /// Records that occur more than once anywhere in the scan, when they were counted.
    pub duplicates: Option<DuplicateCount>,
}

/// The invariant does not hold: a defect of this program, never of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{label}: {bytes} bytes read, but {parsed} parsed + {blank} blank + {rejected} rejected")]
pub struct Imbalance {
    /// The input.
    pub label: String,
    /// Bytes read.
    pub bytes: u64,
    /// Bytes parsed.
    pub parsed: u64,
    /// Blank bytes.
    pub blank: u64,
    /// Rejected bytes.
    pub rejected: u64,
}

impl Ledger {
    /// Puts every list into an order that depends on the inputs and rules alone.
    pub fn sort(&mut self) {
        let key = |input: &InputLedger| (input.label.clone(), input.path.clone(), input.member.clone());
        self.inputs.sort_by_cached_key(key);
        self.rules.sort_by(|a, b| (&a.id, &a.name, &a.title).cmp(&(&b.id, &b.name, &b.title)));
        self.unreadable.sort();
        self.rule_errors.sort();
    }

    /// Every byte is accounted for and understood, every record has a time, every rule was loaded.
    pub fn is_clean(&self) -> bool {
        let clean = |input: &InputLedger| input.problem.is_none() && input.coverage.is_clean();
        self.inputs.iter().all(clean)
            && self.unreadable.is_empty()
            && self.rule_errors.is_empty()
            && self.check().is_ok()
    }

    /// The arithmetic invariant, for every input.
    pub fn check(&self) -> Result<(), Imbalance> {
        let wrong = self.inputs.iter().find(|input| input.bytes != input.coverage.accounted());
        wrong.map_or(Ok(()), |input| {
            Err(Imbalance {
                label: input.label.clone(),
                bytes: input.bytes,
                parsed: input.coverage.parsed_bytes,
                blank: input.coverage.blank_bytes,
                rejected: input.coverage.rejected_bytes(),
            })
        })
    }

    /// Sums over all inputs.
    pub fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        for input in &self.inputs {
            let coverage = &input.coverage;
            sum.inputs += 1;
            sum.bytes += input.bytes;
            sum.parsed_bytes += coverage.parsed_bytes;
            sum.blank_bytes += coverage.blank_bytes;
            sum.rejected_bytes += coverage.rejected_bytes();
            sum.rejected += coverage.rejected.total().ranges;
            sum.records += coverage.records;
            sum.untimed += coverage.untimed.total().ranges;
            let source = input.source.as_deref().and_then(crate::source::find);
            if source.is_some_and(|source| source.is_calendar) {
                continue;
            }
            sum.first_time = [sum.first_time, coverage.first_time].into_iter().flatten().min();
            sum.last_time = sum.last_time.max(coverage.last_time);
        }
        sum
    }

    /// Findings that were given out, by level.
    pub fn findings(&self) -> LevelCounts {
        let mut counts = LevelCounts::default();
        self.rules.iter().for_each(|rule| counts.add(rule.level, rule.findings));
        counts
    }

    /// What an output needs to close with.
    pub fn summary(&self) -> Summary {
        let totals = self.totals();
        Summary {
            findings: self.findings(),
            inputs: totals.inputs,
            records: totals.records,
            clean: self.is_clean(),
        }
    }

    /// Writes the JSON form, ending in a newline.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        crate::output::json::write_pretty(&mut *out, &wire::Ledger::from(self))?;
        out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests;
