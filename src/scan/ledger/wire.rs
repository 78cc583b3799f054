//! The ledger's JSON form. Its names are a promise to readers and change only with [`super::VERSION`].

use std::collections::BTreeMap;

use serde::Serialize;

use crate::event::time::Timestamp;
use crate::output::LevelCounts;
use crate::rule::Level;

/// Gaps listed for an input; `gap_count` is exact.
const GAPS: usize = 1_000;

#[derive(Serialize)]
pub(super) struct Ledger<'a> {
    version: u32,
    tool: &'static str,
    clean: bool,
    totals: Totals,
    filters: Filters<'a>,
    inputs: Vec<Input<'a>>,
    rules: Vec<Rule<'a>>,
    unreadable: Vec<Problem<'a>>,
    rule_errors: Vec<RuleProblem<'a>>,
    notes: &'a [String],
    blind_spots: &'a [String],
}

#[derive(Serialize)]
struct Totals {
    inputs: u64,
    bytes: u64,
    parsed_bytes: u64,
    blank_bytes: u64,
    rejected_bytes: u64,
    rejected: u64,
    records: u64,
    untimed: u64,
    first_time: Option<String>,
    last_time: Option<String>,
    duplicates: Option<Duplicates>,
    findings: BTreeMap<Level, u64>,
}

#[derive(Serialize)]
struct Filters<'a> {
    since: Option<String>,
    until: Option<String>,
    account: Option<&'a str>,
    level: Option<Level>,
}

#[derive(Serialize)]
struct Input<'a> {
    label: &'a str,
    path: &'a str,
    member: Option<&'a str>,
    source: Option<&'a str>,
    format: Option<&'a str>,
    compression: Option<&'a str>,
    bytes: u64,
    parsed_bytes: u64,
    blank_bytes: u64,
    rejected_bytes: u64,
    records: u64,
    lines: u64,
    blank_lines: u64,
    rejected: Vec<Place>,
    rejected_not_listed: BTreeMap<&'static str, Tally>,
    rejected_reasons: BTreeMap<&'static str, Tally>,
    untimed: Vec<Untimed>,
    untimed_reasons: BTreeMap<&'static str, Tally>,
    first_time: Option<String>,
    last_time: Option<String>,
    hours_with_events: u64,
    gaps: Vec<Gap>,
    gap_count: usize,
    duplicates: Option<Duplicates>,
    duplicate_keys: u64,
    placed: &'a BTreeMap<String, String>,
    unplaced: Vec<&'a str>,
    unplaced_has_more: bool,
    problem: Option<&'a str>,
}

#[derive(Serialize)]
struct Place {
    offset: u64,
    length: u64,
    line: Option<u64>,
    reason: &'static str,
}

#[derive(Serialize)]
struct Untimed {
    record: Option<u64>,
    offset: u64,
    length: u64,
    reason: &'static str,
}

#[derive(Serialize)]
struct Tally {
    count: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Gap {
    from: String,
    to: String,
}

#[derive(Serialize)]
struct Duplicates {
    records: u64,
    sampled_one_in: Option<u64>,
}

#[derive(Serialize)]
struct Rule<'a> {
    id: &'a str,
    name: &'a str,
    title: &'a str,
    level: Level,
    sources: &'a [String],
    fields: &'a [String],
    fields_never_seen: &'a [String],
    event_types: Vec<EventType<'a>>,
    places_unknown: &'a [String],
    blind: bool,
    findings: u64,
    suppressed: u64,
}

#[derive(Serialize)]
struct EventType<'a> {
    name: &'a str,
    known: Option<bool>,
    since: Option<&'a str>,
}

#[derive(Serialize)]
struct Problem<'a> {
    path: &'a str,
    reason: &'a str,
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct RuleProblem<'a> {
    path: &'a str,
    line: u64,
    column: u64,
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> From<&'a super::Ledger> for Ledger<'a> {
    fn from(ledger: &'a super::Ledger) -> Self {
        Self {
            version: super::VERSION,
            tool: concat!("portcullis ", env!("CARGO_PKG_VERSION")),
            clean: ledger.is_clean(),
            totals: totals(ledger),
            filters: Filters::from(&ledger.filters),
            inputs: ledger.inputs.iter().map(Input::from).collect(),
            rules: ledger.rules.iter().map(Rule::from).collect(),
            unreadable: ledger.unreadable.iter().map(Problem::from).collect(),
            rule_errors: ledger.rule_errors.iter().map(RuleProblem::from).collect(),
            notes: &ledger.notes,
            blind_spots: &ledger.blind_spots,
        }
    }
}

fn totals(ledger: &super::Ledger) -> Totals {
    let sum = ledger.totals();
    Totals {
        inputs: sum.inputs,
        bytes: sum.bytes,
        parsed_bytes: sum.parsed_bytes,
        blank_bytes: sum.blank_bytes,
        rejected_bytes: sum.rejected_bytes,
        rejected: sum.rejected,
        records: sum.records,
        untimed: sum.untimed,
        first_time: time(sum.first_time),
        last_time: time(sum.last_time),
        duplicates: ledger.duplicates.map(Duplicates::from),
        findings: LevelCounts::iter(&ledger.findings()).collect(),
    }
}

fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_rfc3339())
}

fn tallies(of: &BTreeMap<&'static str, super::Tally>) -> BTreeMap<&'static str, Tally> {
    of.iter().map(|(reason, tally)| (*reason, Tally { count: tally.ranges, bytes: tally.bytes })).collect()
}

impl<'a> From<&'a super::Filters> for Filters<'a> {
    fn from(filters: &'a super::Filters) -> Self {
        Self {
            since: time(filters.since),
            until: time(filters.until),
            account: filters.account.as_deref(),
            level: filters.level,
        }
    }
}

impl<'a> From<&'a super::InputLedger> for Input<'a> {
    fn from(input: &'a super::InputLedger) -> Self {
        let coverage = &input.coverage;
        let gaps = coverage.hours.gaps(super::GAP_HOURS);
        Self {
            label: &input.label,
            path: &input.path,
            member: input.member.as_deref(),
            source: input.source.as_deref(),
            format: input.format.as_deref(),
            compression: input.compression.as_deref(),
            bytes: input.bytes,
            parsed_bytes: coverage.parsed_bytes,
            blank_bytes: coverage.blank_bytes,
            rejected_bytes: coverage.rejected_bytes(),
            records: coverage.records,
            lines: coverage.lines,
            blank_lines: coverage.blank_lines,
            rejected: coverage.rejected.joined().into_iter().map(Place::from).collect(),
            rejected_not_listed: tallies(&coverage.rejected.unlisted()),
            rejected_reasons: tallies(coverage.rejected.by_reason()),
            untimed: coverage.untimed.listed().into_iter().map(Untimed::from).collect(),
            untimed_reasons: tallies(coverage.untimed.by_reason()),
            first_time: time(coverage.first_time),
            last_time: time(coverage.last_time),
            hours_with_events: coverage.hours.len(),
            gaps: gaps.iter().take(GAPS).map(Gap::from).collect(),
            gap_count: gaps.len(),
            duplicates: input.duplicates.map(Duplicates::from),
            duplicate_keys: coverage.duplicate_keys,
            placed: &input.placed,
            unplaced: input.unplaced.iter().collect(),
            unplaced_has_more: input.unplaced.has_more(),
            problem: input.problem.as_deref(),
        }
    }
}

impl From<super::Range> for Place {
    fn from(range: super::Range) -> Self {
        Self { offset: range.offset, length: range.length, line: range.number, reason: range.reason }
    }
}

impl From<super::Range> for Untimed {
    fn from(range: super::Range) -> Self {
        Self { record: range.number, offset: range.offset, length: range.length, reason: range.reason }
    }
}

impl From<&super::Gap> for Gap {
    fn from(gap: &super::Gap) -> Self {
        Self { from: gap.from.to_rfc3339(), to: gap.to.to_rfc3339() }
    }
}

impl From<super::DuplicateCount> for Duplicates {
    fn from(count: super::DuplicateCount) -> Self {
        Self { records: count.duplicates, sampled_one_in: count.one_in }
    }
}

impl<'a> From<&'a super::RuleLedger> for Rule<'a> {
    fn from(rule: &'a super::RuleLedger) -> Self {
        let event_type = |note: &'a super::EventTypeNote| EventType {
            name: &note.name,
            known: note.known,
            since: note.since.as_deref(),
        };
        Self {
            id: &rule.id,
            name: &rule.name,
            title: &rule.title,
            level: rule.level,
            sources: &rule.sources,
            fields: &rule.fields,
            fields_never_seen: &rule.fields_never_seen,
            event_types: rule.event_types.iter().map(event_type).collect(),
            places_unknown: &rule.places_unknown,
            blind: rule.is_blind(),
            findings: rule.findings,
            suppressed: rule.suppressed,
        }
    }
}

impl<'a> From<&'a super::Problem> for Problem<'a> {
    fn from(problem: &'a super::Problem) -> Self {
        Self { path: &problem.path, reason: &problem.reason, hint: problem.hint.as_deref() }
    }
}

impl<'a> From<&'a super::RuleProblem> for RuleProblem<'a> {
    fn from(problem: &'a super::RuleProblem) -> Self {
        Self {
            path: &problem.path,
            line: problem.line,
            column: problem.column,
            message: &problem.message,
            hint: problem.hint.as_deref(),
        }
    }
}
