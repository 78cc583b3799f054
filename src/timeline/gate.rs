//! What a lockdown did, from its journal.

use std::collections::BTreeMap;

use super::clock::duration;
use super::story::Moment;
use crate::event::time::{TimeReader, Timestamp};
use crate::lockdown::journal::Read;
use crate::lockdown::record::{Entry, Record, Verdict};
use crate::lockdown::state::Status;
use crate::lockdown::step::{Phase, Step, StepId};

/// How an act of the lockdown ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It had its effect.
    Done,
    /// It was refused, or its effect is not known.
    Open,
    /// It was taken back.
    Undone,
}

/// One act of the lockdown.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// When its answer came.
    pub nanos: i64,
    /// What: `suspend user`.
    pub what: String,
    /// The object's name for people, and its identifier.
    pub object: (String, String),
    /// When its turn came.
    pub phase: Phase,
    /// How it ended.
    pub outcome: Outcome,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gate {
    /// The incident's name.
    pub incident: String,
    /// The account that it is about.
    pub account: String,
    /// When it was opened.
    pub opened: Option<Moment>,
    /// What was done, in order.
    pub acts: Vec<Act>,
    /// The last verdict and when it was reached.
    pub verdict: Option<(i64, Verdict)>,
    /// Guided steps that nobody has done yet.
    pub guided: usize,
}

impl Gate {
    /// From a journal whose chain was checked. Entries go through the same transitions as when they were written.
    pub fn of(read: &Read) -> Self {
        let (incident, account) = (read.record.incident.clone(), read.record.account.clone());
        let guided = read.record.guided.iter().filter(|guided| guided.done.is_none()).count();
        let mut gate = Self { incident, account, guided, ..Self::default() };
        let (reader, mut record) = (TimeReader::default(), Record::default());
        let mut acts: BTreeMap<StepId, Act> = BTreeMap::new();
        for timed in &read.entries {
            let applied = record.apply(&timed.entry);
            let Ok(Timestamp { nanos, .. }) = reader.read(timed.time.as_bytes()) else { continue };
            match &timed.entry {
                Entry::Opened { .. } => {
                    gate.opened = Some(Moment { nanos, what: "incident opened".to_owned() });
                }
                Entry::Concluded { verdict, .. } => gate.verdict = Some((nanos, *verdict)),
                Entry::Interrupted { .. } | Entry::Restoring { .. } => gate.verdict = None,
                Entry::Step { step, .. } if applied.is_ok() => {
                    let tracked = record.steps.get(step);
                    if let Some((tracked, outcome)) =
                        tracked.and_then(|tracked| Some((tracked, outcome(tracked.state.status)?)))
                    {
                        acts.insert(step.clone(), act(nanos, &tracked.step, outcome));
                    }
                }
                _ => {}
            }
        }
        gate.acts = record.order.iter().filter_map(|step| acts.remove(step)).collect();
        gate.acts.sort_by_key(|act| act.nanos);
        gate
    }

    /// When the account was shut out, by the verdict.
    pub fn contained(&self) -> Option<Moment> {
        let (nanos, verdict) = self.verdict?;
        let what = format!("verdict {verdict}");
        matches!(verdict, Verdict::Contained | Verdict::Done).then_some(Moment { nanos, what })
    }

    /// Its moments.
    pub fn moments(&self) -> impl Iterator<Item = i64> + '_ {
        let ends = self.opened.iter().map(|moment| moment.nanos).chain(self.verdict.map(|(nanos, _)| nanos));
        ends.chain(self.acts.iter().map(|act| act.nanos))
    }

    /// In one line: how many acts, the verdict, how long it took.
    pub fn summary(&self) -> String {
        let done = self.acts.iter().filter(|act| act.outcome == Outcome::Done).count();
        let verdict = self.verdict.map_or("not finished".to_owned(), |(_, verdict)| verdict.to_string());
        let took = self.opened.as_ref().zip(self.verdict).map_or_else(String::new, |(opened, (nanos, _))| {
            format!(" in {}", duration(nanos.saturating_sub(opened.nanos)))
        });
        let guided = match self.guided {
            0 => String::new(),
            1 => "; 1 guided step is open".to_owned(),
            many => format!("; {many} guided steps are open"),
        };
        format!("{verdict}: {done} of {} steps done{took}{guided}", self.acts.len())
    }

    /// When something of that name or identifier was shut out.
    pub fn ended(&self, name: &str) -> Option<i64> {
        let same =
            |act: &&Act| [&act.object.0, &act.object.1].iter().any(|own| own.eq_ignore_ascii_case(name));
        self.acts.iter().filter(|act| act.outcome == Outcome::Done).find(same).map(|act| act.nanos)
    }
}

fn act(nanos: i64, step: &Step, outcome: Outcome) -> Act {
    let object = (step.object.name.clone(), step.object.id.clone());
    let what = format!("{} {}", step.action, step.object.kind).replace(['-', '_'], " ");
    Act { nanos, what, object, phase: step.phase, outcome }
}

/// How a step ended; `None` where it is under way.
fn outcome(status: Status) -> Option<Outcome> {
    match status {
        Status::Already | Status::Applied => Some(Outcome::Done),
        Status::Skipped | Status::Refused | Status::UndoRefused | Status::Kept => Some(Outcome::Open),
        Status::Undone => Some(Outcome::Undone),
        Status::Planned | Status::Applying | Status::Discarding | Status::Undoing => None,
    }
}
