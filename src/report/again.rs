//! The second reading of the logs, for what can only be asked for when it is known what was found: the records that findings
//! rest on, and the events of the accounts that are charted.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::tz::TimeZone;

use super::held::Held;
use crate::finding::{EventRef, Finding};
use crate::lockdown::journal;
use crate::rule::Loaded;
use crate::scan::rows::{Rows, TakeRows};
use crate::scan::{self, Config, NoFindings, Progress, ScanError};
use crate::sys::hash::sha256_hex;
use crate::timeline::gather::Gather;
use crate::timeline::mark::Marks;
use crate::timeline::{Gate, Story};

/// Accounts whose events are charted: those of the most serious incidents.
const MAX_ACCOUNTS: usize = 3;
/// Records that are shown whole, those of the most serious findings; of others the digest stands.
const MAX_RECORDS: usize = 2_000;
/// Bytes of a record that are shown.
const MAX_SHOWN: usize = 4_096;

/// What it gave.
#[derive(Debug, Default)]
pub struct Again {
    /// Records by input and offset.
    pub(super) records: HashMap<(String, u64), Shown>,
    pub(super) stories: Vec<Story>,
    /// What is missing, and why.
    pub(super) missing: Vec<String>,
}

/// A record as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// Its text, or the beginning.
    pub(super) text: String,
    /// Bytes that are not shown.
    pub(super) cut: usize,
}

/// Why the logs are not read a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRead {
    /// Standard input and pipes can be read once.
    ReadOnce,
    /// Nothing was found.
    NothingFound,
}

impl Again {
    /// What there is without a second reading.
    pub fn without(why: NotRead) -> Self {
        let missing = match why {
            NotRead::NothingFound => Vec::new(),
            NotRead::ReadOnce => vec![
                "Standard input and pipes can be read once: charts and the text of records are not here. Scan a file for them."
                    .to_owned(),
            ],
        };
        Self { missing, ..Self::default() }
    }

    /// Reads the logs of `config` again. The steps of `lockdown` are charted where it is about the same account.
    ///
    /// # Errors
    /// The logs cannot be read any more.
    pub fn read(
        config: Config,
        held: &Held,
        zone: &TimeZone,
        lockdown: Option<&journal::Read>,
        progress: &dyn Progress,
    ) -> Result<Self, ScanError> {
        let mut projection = Gather::projection();
        projection.raw = true;
        let reader = Reader::new(held, lockdown);
        let config = Config {
            rules: Loaded::default(),
            since: None,
            until: None,
            account: None,
            baseline: None,
            count_duplicates: false,
            projection: Some(projection),
            ..config
        };
        scan::read_rows(&config, &mut NoFindings, &reader, progress)?;
        Ok(reader.finish(held, zone, lockdown))
    }
}

struct Reader<'a> {
    /// Records that findings cite.
    cited: HashMap<(&'a str, u64), &'a EventRef>,
    uncited: usize,
    charts: Vec<Charted>,
    found: Mutex<HashMap<(String, u64), Shown>>,
}

/// An account whose events are gathered, unless there are too many.
struct Charted {
    account: String,
    gather: Gather,
    full: AtomicBool,
}

impl<'a> Reader<'a> {
    fn new(held: &'a Held, lockdown: Option<&journal::Read>) -> Self {
        let mut cited = HashMap::new();
        let mut uncited = 0;
        let mut findings: Vec<&Finding> = held.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        for event in findings.into_iter().flat_map(|finding| &finding.events) {
            let key = (event.path.as_str(), event.offset);
            if cited.len() < MAX_RECORDS {
                cited.insert(key, event);
            } else if !cited.contains_key(&key) {
                uncited += 1;
            }
        }
        let locked = lockdown.map(|read| read.record.account.as_str());
        let actors = held.serious().filter_map(|incident| incident.actor.as_deref());
        let mut seen = HashSet::new();
        let accounts = locked.into_iter().chain(actors).filter(|actor| seen.insert(actor.to_lowercase()));
        let charts = accounts.take(MAX_ACCOUNTS).map(Charted::new).collect();
        Self { cited, uncited, charts, found: Mutex::default() }
    }

    fn finish(self, held: &Held, zone: &TimeZone, lockdown: Option<&journal::Read>) -> Again {
        let records = self.found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut missing = Vec::new();
        let gone = self.cited.len().saturating_sub(records.len());
        if gone > 0 {
            missing.push(format!(
                "{gone} records are not as they were when the rules ran: the logs changed between two readings. Scan again."
            ));
        }
        if self.uncited > 0 {
            missing
                .push(format!("The text of {} more records is not shown; their digests are.", self.uncited));
        }
        let mut stories = Vec::new();
        for chart in self.charts {
            let account = chart.account;
            if chart.full.into_inner() {
                missing.push(format!(
                    "{account} has too many events for a chart; `portcullis timeline` takes --since."
                ));
                continue;
            }
            let gate =
                lockdown.filter(|read| read.record.account.eq_ignore_ascii_case(&account)).map(Gate::of);
            let gathered = chart.gather.finish(marks_of(held, &account));
            match Story::of(&account, zone.clone(), gathered, gate) {
                Some(story) => stories.push(story),
                None => missing
                    .push(format!("The logs have no event of {account} with a time: there is no chart.")),
            }
        }
        Again { records, stories, missing }
    }
}

fn marks_of(held: &Held, account: &str) -> Marks {
    let own =
        |finding: &&Finding| finding.actor.as_ref().is_some_and(|actor| actor.eq_ignore_ascii_case(account));
    let mut marks = Marks::default();
    held.findings.iter().filter(own).for_each(|finding| marks.add(finding));
    marks
}

impl Charted {
    fn new(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            gather: Gather::new(account, Vec::new()),
            full: AtomicBool::new(false),
        }
    }
}

impl TakeRows for Reader<'_> {
    fn take(&self, rows: Rows) -> std::io::Result<()> {
        let mut found = Vec::new();
        for (row, offset) in rows.offsets.iter().enumerate() {
            let Some(event) = self.cited.get(&(rows.label.as_str(), *offset)) else { continue };
            let Some(text) = rows.raw.get(row).filter(|text| is_same(event, text)) else { continue };
            found.push(((rows.label.clone(), *offset), shown(text)));
        }
        if !found.is_empty() {
            self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(found);
        }
        let times = || rows.times.iter().map(|time| time.map(|time| time.nanos));
        let value = |row: usize, field: usize| rows.columns.get(field).and_then(|cells| cells.get(row));
        for chart in self.charts.iter().filter(|chart| !chart.full.load(Ordering::Relaxed)) {
            if chart.gather.unit((rows.input, rows.number), rows.source, times(), &value, &[]).is_err() {
                chart.full.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// Whether the record is still the one that was found. Bytes that are no UTF-8 were replaced, so their digest cannot tell.
fn is_same(event: &EventRef, text: &str) -> bool {
    text.contains(char::REPLACEMENT_CHARACTER) || sha256_hex(text.as_bytes()) == event.sha256
}

fn shown(text: &str) -> Shown {
    let end = text.floor_char_boundary(MAX_SHOWN);
    let text_shown = text.get(..end).unwrap_or(text).to_owned();
    Shown { text: text_shown, cut: text.len() - end.min(text.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::sample;
    use crate::output::{LevelCounts, Sink as _, Summary};
    use crate::rule::Level;

    #[test]
    fn the_records_of_serious_findings_are_shown_first() {
        let cites = |from: u64, count: u64| -> Vec<EventRef> {
            let of = |offset: u64| EventRef { offset, ..sample().events[0].clone() };
            (from..from + count).map(of).collect()
        };
        let most = MAX_RECORDS as u64;
        let noise = Finding { level: Level::Low, events: cites(0, most), ..sample() };
        let serious = Finding { level: Level::Critical, events: cites(most, 2), ..sample() };
        let mut held = Held::new(crate::incident::GAP);
        for finding in [&noise, &serious] {
            held.finding(finding).unwrap();
        }
        let findings = LevelCounts::default();
        held.finish(&Summary { findings, inputs: 1, records: 10, clean: true }).unwrap();
        let reader = Reader::new(&held, None);
        assert_eq!((reader.cited.len(), reader.uncited), (MAX_RECORDS, 2));
        for event in &serious.events {
            assert!(reader.cited.contains_key(&(event.path.as_str(), event.offset)), "{}", event.offset);
        }
    }
}
