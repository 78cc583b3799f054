//! What a fresh export of an audit log proves about an incident: that guided steps were done, and whether the account
//! did anything after its lockdown.
//!
//! Times of the log are compared with those of the journal as they are: the log has the vendor's clock, the journal that
//! of this machine. A proof is later than the incident's opening, so that a machine whose clock is ahead finds too little,
//! never too much; `doctor` compares the clocks.

pub mod activity;
mod gather;
mod rules;

use std::path::PathBuf;

use jiff::tz::TimeZone;

use self::gather::Gather;
pub use self::gather::{Hits, Outcome};
use crate::cli::error::CliError;
use crate::event::time::{TimeOptions, TimeReader, Timestamp};
use crate::lockdown::journal::Timed;
use crate::lockdown::record::{Entry, Record};
use crate::lockdown::step::{GuidedProof, SecretRole};
use crate::scan::ledger::Ledger;
use crate::scan::{self, Config, Progress};

/// Which logs, and how they are read.
pub struct Logs {
    /// As `scan` takes them.
    pub paths: Vec<String>,
    /// The kind, where it is not recognised.
    pub source: Option<String>,
    /// Says which keys give which fields.
    pub mapping: Option<PathBuf>,
    /// The zone of times that name none.
    pub zone: Option<TimeZone>,
}

/// What the logs say.
pub struct Evidence {
    /// Guided steps that a log can prove, by their place in the incident.
    pub steps: Vec<(usize, Outcome)>,
    /// What the account and its service accounts did after the lockdown ended.
    pub active: Hits,
    /// What they tried after it and were not let.
    pub attempts: Hits,
    /// What they did at any time. None at all may mean that the log names people in another way.
    pub ever: u64,
    /// Records that were told in an earlier run and are not in these logs.
    pub unseen: usize,
    /// What was read.
    pub ledger: Ledger,
}

impl Evidence {
    /// Until when the logs tell of every kind of source that is among them.
    pub fn reaches(&self) -> Option<Timestamp> {
        let mut last = std::collections::BTreeMap::new();
        for input in self.ledger.inputs.iter().filter(|input| input.coverage.records > 0) {
            let of = last.entry(input.source.clone()).or_insert(input.coverage.last_time);
            *of = (*of).max(input.coverage.last_time);
        }
        last.into_values().min().flatten()
    }

    /// Guided steps that are proved, by their place, and how.
    pub fn proved(&self) -> impl Iterator<Item = (usize, &str)> {
        self.steps.iter().filter_map(|(at, outcome)| match outcome {
            Outcome::Proved { how, .. } => Some((*at, how.as_str())),
            Outcome::TooEarly(_) | Outcome::Untimed(_) | Outcome::NotFound => None,
        })
    }

    /// What of the logs was not understood, in words; nothing where everything was.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self
            .ledger
            .unreadable
            .iter()
            .map(|problem| format!("{}: {}", problem.path, problem.reason))
            .collect();
        for input in &self.ledger.inputs {
            faults.extend(input.problem.iter().map(|problem| format!("{}: {problem}", input.label)));
            let (rejected, untimed) = (input.coverage.rejected.total(), input.coverage.untimed.total());
            let parts =
                [(rejected.ranges, "rejected parts"), (untimed.ranges, "records without a readable time")];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            faults.extend(parts.map(|(count, what)| format!("{}: {count} {what}", input.label)));
        }
        if faults.is_empty() && !self.ledger.is_clean() {
            faults.push("the logs were not read whole".to_owned());
        }
        faults
    }
}

/// Reads the logs for proofs about an incident, whose journal has these entries.
///
/// # Errors
/// The logs cannot be scanned at all. What is unreadable in them is in the ledger.
pub fn read(
    logs: &Logs,
    record: &Record,
    entries: &[Timed],
    progress: &dyn Progress,
) -> Result<Evidence, CliError> {
    let own = own(record);
    let failed = |error: crate::rule::RuleError| {
        CliError::usage(format!("this cannot be looked for in a log: {error}"))
    };
    let mut loaded = rules::activity(&own).map_err(failed)?;
    let mut wanted = Vec::new();
    for (at, tracked) in record.guided.iter().enumerate() {
        if let GuidedProof::Log { actions, mentions } = &tracked.guided.proof {
            let key = format!("guided-{at}");
            loaded.join(rules::guided(&key, actions, mentions, &own).map_err(failed)?);
            wanted.push((at, key));
        }
    }
    let mut gather =
        Gather::new(opened(entries), activity::ended(entries), wanted, activity::digests(record));
    let mut config = Config::new(logs.paths.clone(), loaded);
    config.source.clone_from(&logs.source);
    config.mapping.clone_from(&logs.mapping);
    config.log_zone.clone_from(&logs.zone);
    let ledger = scan::run(&config, &mut gather, progress)?;
    Ok(gather.evidence(ledger))
}

/// The account, and the service accounts that lockdown took its access away from.
fn own(record: &Record) -> Vec<String> {
    let taken = record.in_order().filter(|tracked| {
        tracked.step.object.kind == "service-account"
            && tracked.step.secret == SecretRole::None
            && tracked.state.status.holds()
    });
    let mut own = vec![record.account.clone()];
    own.extend(taken.map(|tracked| tracked.step.object.name.clone()));
    own.sort();
    own.dedup();
    own
}

/// When the incident was opened.
fn opened(entries: &[Timed]) -> Option<Timestamp> {
    let first = entries.iter().find(|timed| matches!(timed.entry, Entry::Opened { .. }));
    first.and_then(time)
}

/// When an entry was written.
fn time(timed: &Timed) -> Option<Timestamp> {
    TimeReader::new(TimeOptions::default()).read(timed.time.as_bytes()).ok()
}
