//! Takes what the rules find, and keeps what says something.

use std::io;

use super::{Evidence, rules};
use crate::event::time::Timestamp;
use crate::finding::Finding;
use crate::output::escape::shortened;
use crate::output::{Sink, Summary};
use crate::scan::ledger::Ledger;

/// Records that are described; more are counted.
const DESCRIBED: usize = 5;
/// Characters of a value from a log.
const MAX_VALUE: usize = 120;

/// What a log says of one guided step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is proved by this record, of this time.
    Proved {
        /// Which record, what it says.
        how: String,
        /// When that happened.
        at: Timestamp,
    },
    /// Such a record is there, but from before the incident was opened.
    TooEarly(String),
    /// Such a record is there, but its time cannot be read.
    Untimed(String),
    /// There is none.
    NotFound,
}

/// Records of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    /// How many.
    pub count: u64,
    /// The first of them, in words.
    pub described: Vec<String>,
    /// When the last one happened.
    pub last: Option<Timestamp>,
}

impl Hits {
    fn add(&mut self, finding: &Finding) {
        self.count += 1;
        self.last = self.last.max(finding.time);
        if self.described.len() < DESCRIBED {
            self.described.push(describe(finding));
        }
    }
}

/// A sink for the rules of [`rules`].
pub(super) struct Gather {
    opened: Option<Timestamp>,
    ended: Option<Timestamp>,
    steps: Vec<(usize, String, Outcome)>,
    active: Hits,
    attempts: Hits,
    ever: u64,
    unseen: Vec<String>,
}

impl Gather {
    /// For guided steps by their place and the key of their rule. `known`: digests of records that were told before.
    pub(super) fn new(
        opened: Option<Timestamp>,
        ended: Option<Timestamp>,
        steps: Vec<(usize, String)>,
        known: Vec<String>,
    ) -> Self {
        let steps = steps.into_iter().map(|(at, key)| (at, key, Outcome::NotFound)).collect();
        let (active, attempts) = (Hits::default(), Hits::default());
        Self { opened, ended, steps, active, attempts, ever: 0, unseen: known }
    }

    /// What it came to.
    pub(super) fn evidence(self, ledger: Ledger) -> Evidence {
        let Self { steps, active, attempts, ever, unseen, .. } = self;
        let steps = steps.into_iter().map(|(at, _, outcome)| (at, outcome)).collect();
        Evidence { steps, active, attempts, ever, unseen: unseen.len(), ledger }
    }
}

impl Sink for Gather {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let after = |mark: Option<Timestamp>| {
            finding.time.zip(mark).is_some_and(|(time, mark)| time.nanos > mark.nanos)
        };
        match finding.rule_id.as_str() {
            rules::ACTIVE => {
                self.ever += 1;
                self.unseen.retain(|known| finding.events.iter().all(|event| event.sha256 != *known));
                if after(self.ended) {
                    self.active.add(finding);
                }
            }
            rules::ATTEMPT => {
                if after(self.ended) {
                    self.attempts.add(finding);
                }
            }
            key => {
                let outcome = match finding.time {
                    None => Outcome::Untimed(describe(finding)),
                    Some(at) if after(self.opened) => Outcome::Proved { how: describe(finding), at },
                    Some(_) => Outcome::TooEarly(describe(finding)),
                };
                let step = self.steps.iter_mut().find(|(_, own, _)| own == key);
                // Findings come in time order: the first proof stays, and nothing else does.
                if let Some((_, _, known)) = step
                    && !matches!(known, Outcome::Proved { .. })
                {
                    *known = outcome;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

/// `record 12 of audit.ndjson (sha256 …): board.created at 2026-05-01T02:14:09Z by ada@acme.example`.
fn describe(finding: &Finding) -> String {
    let value = |value: &Option<String>| value.as_deref().map(|value| shortened(value, MAX_VALUE));
    let place = finding.events.first().map_or_else(String::new, |event| {
        format!("record {} of {} (sha256 {})", event.record, shortened(&event.path, 512), event.sha256)
    });
    let time = finding.time.map_or_else(|| "an unknown time".to_owned(), |time| time.to_rfc3339());
    let (action, actor) = (value(&finding.action), value(&finding.actor));
    format!(
        "{place}: {} at {time} by {}",
        action.unwrap_or_else(|| "an event".to_owned()),
        actor.unwrap_or_else(|| "somebody unnamed".to_owned())
    )
}
