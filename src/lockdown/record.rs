//! What an incident's journal says: its entries, and the state they add up to. Pure; used live and in recovery alike.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::message::{self, Message, MessageEvent};
use super::operation::{Kind, Operation, Task};
use super::state::{Illegal, StepEvent, StepState};
use super::step::{Gap, Guided, Step, StepId};

/// Steps that need each other in a row: no plan has so many.
const MAX_CHAIN: u8 = 16;

/// One thing that happened in an incident. The names are in files: they never change their meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    /// The first entry.
    Opened {
        /// The incident's name.
        incident: String,
        /// What it is about: the account's e-mail address, or the name of a credential or review.
        account: String,
        /// Marks what the incident makes.
        tag: String,
        /// The version of Portcullis.
        version: String,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Operation::is_plain")]
        operation: Operation,
    },
    /// More is asked for than before. The plan has to be agreed to again.
    Widened {
        /// What is added.
        tasks: Vec<Task>,
    },
    /// A system was read.
    Discovered {
        /// Counts from 1 through the life of the incident.
        pass: u32,
        /// The instance.
        system: String,
        /// What was read, beside the journal.
        snapshot: String,
        /// Its SHA-256.
        sha256: String,
        /// Steps that are to be done.
        steps: usize,
        /// What the responder should know.
        notes: Vec<String>,
        /// What could not be seen.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        gaps: Vec<Gap>,
        /// What the provider is told again in later passes.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        memory: Value,
    },
    /// A system could not be read.
    Undiscovered {
        /// The pass.
        pass: u32,
        /// The instance.
        system: String,
        /// Why.
        why: String,
    },
    /// Steps that were not in the plan before.
    Planned {
        /// The pass that found them.
        pass: u32,
        /// The plan's hash with them.
        hash: String,
        /// In their order.
        steps: Vec<Step>,
        /// What people have to do.
        guided: Vec<Guided>,
    },
    /// The responder agreed to the plan.
    Confirmed {
        /// The plan's hash.
        hash: String,
        /// How: typed, `--yes`, a plan file.
        how: String,
        /// To what destroys something too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        commit: bool,
        /// Systems that could not be read then: nobody agreed to what they show later.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        unread: BTreeSet<String>,
        /// Steps that are in the journal, and that this is not about.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        except: BTreeSet<StepId>,
    },
    /// What was done and proved is not so any more: somebody let the account in again. The plan has to be agreed to again, and
    /// people have to do their part again.
    Reopened {
        /// Steps that held, and do not.
        steps: Vec<StepId>,
    },
    /// A file was kept beside the journal: what was before anything was changed.
    Filed {
        /// Below the incident's folder.
        file: String,
        /// Its SHA-256.
        sha256: String,
    },
    /// Something happened to a step.
    Step {
        /// Which.
        step: StepId,
        /// What.
        #[serde(flatten)]
        event: StepEvent,
    },
    /// All systems were read again.
    Passed {
        /// Which pass.
        pass: u32,
        /// Nothing was left to do.
        clean: bool,
    },
    /// A step had its effect.
    Proved {
        /// Which.
        step: StepId,
        /// How it shows.
        how: String,
    },
    /// It could not be told in time whether a step had its effect.
    Unproved {
        /// Which.
        step: StepId,
        /// What was seen last.
        why: String,
    },
    /// A guided step is done.
    Guided {
        /// Which.
        guided: String,
        /// The record in a log, or who vouches for it.
        how: String,
    },
    /// What a log shows of the account's doings after the lockdown. Each entry replaces the one before; none takes it back.
    Active {
        /// In words, with the digest of each record.
        records: Vec<String>,
    },
    /// The end of a run.
    Concluded {
        /// The verdict.
        verdict: Verdict,
        /// What keeps it from being better.
        reasons: Vec<String>,
    },
    /// A run ended before its verdict.
    Interrupted {
        /// Why.
        why: String,
    },
    /// The way back begins.
    Restoring {
        /// How it was confirmed.
        how: String,
    },
    /// Something happened to a message. It says nothing of how the incident stands.
    Message {
        /// Its name.
        message: String,
        /// What.
        #[serde(flatten)]
        event: MessageEvent,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum Verdict {
    /// Shut out, and proved.
    Contained,
    /// Everything that was asked for is done, and proved: of incidents that shut nobody out.
    Done,
    /// What is left is for people to do.
    Partial,
    /// Something could not be verified: treat as not contained.
    Unknown,
    /// What the incident did is undone.
    Restored,
    /// What can be undone is undone; the rest is left as others made it, or cannot come back.
    PartlyRestored,
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Contained => "CONTAINED",
            Self::Done => "DONE",
            Self::Partial => "PARTIAL",
            Self::Unknown => "UNKNOWN",
            Self::Restored => "RESTORED",
            Self::PartlyRestored => "PARTLY RESTORED",
        })
    }
}

/// A step and all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracked {
    /// The step.
    pub step: Step,
    /// Its state.
    pub state: StepState,
    /// The responder agreed to a plan that has it, or to what later passes find.
    pub confirmed: bool,
    /// How its effect was proved; `None` while it is not.
    pub proved: Option<String>,
    /// Why it could not be proved.
    pub unproved: Option<String>,
}

/// A guided step and whether it is done.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackedGuided {
    /// The step.
    pub guided: Guided,
    /// How it was shown to be done.
    pub done: Option<String>,
}

/// What reading a system left behind for later passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SystemRead {
    /// Something had been changed already when it was read for the first time.
    pub late: bool,
    /// What the provider asked to be told again.
    pub memory: Value,
    /// Guided steps that a log or a person says are done, by identifier.
    pub done: BTreeSet<String>,
    /// Steps that the incident has, of all systems, done or not.
    pub planned: BTreeSet<StepId>,
}

/// The state of an incident.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// The incident's name.
    pub incident: String,
    /// What it is about: the account's e-mail address, or the name of a credential or review.
    pub account: String,
    /// Marks what the incident makes.
    pub tag: String,
    /// What it is for.
    pub operation: Operation,
    /// Steps in the order in which they were planned.
    pub order: Vec<StepId>,
    /// Steps by identifier.
    pub steps: BTreeMap<StepId, Tracked>,
    /// Guided steps, numbered from 1 by their place.
    pub guided: Vec<TrackedGuided>,
    /// Files that were kept before anything was changed.
    pub filed: Vec<String>,
    /// What the responder should know, each once.
    pub notes: Vec<String>,
    /// The last pass.
    pub pass: u32,
    /// Clean passes in a row.
    pub clean: u32,
    /// Systems that could not be read in the last pass, and why.
    pub undiscovered: BTreeMap<String, String>,
    /// What the last pass could not see, by system.
    pub gaps: BTreeMap<String, Vec<Gap>>,
    /// Systems that were read, and how.
    pub read: BTreeMap<String, SystemRead>,
    /// What a log showed of the account's doings after the lockdown, as far as no later log took it back.
    pub active: Vec<String>,
    /// The hash that the responder agreed to.
    pub confirmed: Option<String>,
    /// Systems that could not be read when the plan was agreed to: nobody was asked about what they show since.
    pub unasked: BTreeSet<String>,
    /// The responder agreed to what destroys something too.
    pub commits: bool,
    /// The plan's hash now.
    pub hash: Option<String>,
    /// A restore has begun: the incident can only go back.
    pub restoring: bool,
    /// The last verdict, and what kept it from being better.
    pub verdict: Option<(Verdict, Vec<String>)>,
    /// It came to the best end that its kind has, and was not reopened since. No later verdict takes that back: what was done
    /// and vouched for until then counts for that end alone.
    pub was_best: bool,
    /// Messages that were tried, in the order in which they first were.
    pub messages: Vec<Message>,
}

/// An entry that does not fit what came before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A step that was never planned.
    #[error("step {0} was never planned")]
    UnknownStep(StepId),
    /// A guided step that was never planned.
    #[error("guided step {0} was never planned")]
    UnknownGuided(String),
    /// An event that cannot follow.
    #[error("step {step}: {illegal}")]
    Illegal {
        /// The step.
        step: StepId,
        /// What cannot follow what.
        illegal: Illegal,
    },
    /// An event that cannot follow, of a message.
    #[error("message {0}: this cannot follow what is known of it")]
    Message(String),
    /// The first entry is not `opened`, or a later one is.
    #[error("an incident is opened once, by its first entry")]
    Opened,
}

impl Record {
    /// Whether `entry` may follow. [`Record::apply`] then cannot fail.
    pub fn check(&self, entry: &Entry) -> Result<(), Misfit> {
        if matches!(entry, Entry::Opened { .. }) != self.incident.is_empty() {
            return Err(Misfit::Opened);
        }
        match entry {
            Entry::Step { step, event } => self.after(step, event).map(drop),
            Entry::Proved { step, .. } | Entry::Unproved { step, .. } => self.tracked(step).map(drop),
            Entry::Guided { guided, .. } => {
                let known = self.guided.iter().any(|tracked| tracked.guided.id == *guided);
                if known { Ok(()) } else { Err(Misfit::UnknownGuided(guided.clone())) }
            }
            Entry::Message { message, event } => self.posted(message, event).map(drop),
            _ => Ok(()),
        }
    }

    /// Takes `entry` in.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Misfit> {
        self.check(entry)?;
        match entry {
            Entry::Opened { incident, account, tag, operation, .. } => {
                (self.incident, self.account, self.tag) = (incident.clone(), account.clone(), tag.clone());
                self.operation = operation.clone();
            }
            Entry::Widened { tasks } => {
                self.operation.tasks.extend(tasks.iter().cloned());
                (self.confirmed, self.verdict) = (None, None);
            }
            Entry::Discovered { pass, system, notes, gaps, memory, .. } => {
                self.pass = *pass;
                self.undiscovered.remove(system);
                self.gaps.insert(system.clone(), gaps.clone());
                let read = self.last_read(system);
                self.read.insert(system.clone(), SystemRead { memory: memory.clone(), ..read });
                for note in
                    notes.iter().filter(|note| !self.notes.contains(note)).cloned().collect::<Vec<_>>()
                {
                    self.notes.push(note);
                }
            }
            Entry::Undiscovered { pass, system, why } => {
                (self.pass, self.clean) = (*pass, 0);
                self.undiscovered.insert(system.clone(), why.clone());
            }
            Entry::Planned { hash, steps, guided, .. } => self.plan(hash, steps, guided),
            Entry::Confirmed { hash, commit, unread, except, .. } => {
                (self.confirmed, self.commits) = (Some(hash.clone()), self.commits || *commit);
                self.confirm(unread, except);
            }
            Entry::Reopened { .. } => {
                (self.confirmed, self.commits, self.verdict) = (None, false, None);
                self.was_best = false;
                self.guided.iter_mut().for_each(|tracked| tracked.done = None);
            }
            Entry::Filed { file, .. } => self.filed.push(file.clone()),
            Entry::Step { step, event } => self.happen(step, event)?,
            Entry::Passed { clean, .. } => self.clean = if *clean { self.clean + 1 } else { 0 },
            Entry::Proved { step, how } => self.prove(step, Some(how), None),
            Entry::Unproved { step, why } => self.prove(step, None, Some(why)),
            Entry::Guided { guided, how } => {
                let known = self.guided.iter_mut().find(|tracked| tracked.guided.id == *guided);
                if let Some(tracked) = known {
                    tracked.done = Some(how.clone());
                }
            }
            Entry::Active { records } => self.active.clone_from(records),
            Entry::Concluded { verdict, reasons } => self.conclude(*verdict, reasons),
            Entry::Interrupted { .. } => self.verdict = None,
            Entry::Restoring { .. } => (self.restoring, self.verdict) = (true, None),
            Entry::Message { message, event } => {
                let next = self.posted(message, event)?;
                match self.messages.iter_mut().find(|known| known.id == *message) {
                    Some(known) => *known = next,
                    None => self.messages.push(next),
                }
            }
        }
        Ok(())
    }

    /// A step by its identifier.
    pub fn tracked(&self, step: &StepId) -> Result<&Tracked, Misfit> {
        self.steps.get(step).ok_or_else(|| Misfit::UnknownStep(step.clone()))
    }

    /// What reading `system` has left behind so far, and what was done since.
    pub fn read_of(&self, system: &str) -> SystemRead {
        let done = self.guided.iter().filter(|tracked| tracked.done.is_some());
        let done = done.map(|tracked| tracked.guided.id.clone()).collect();
        SystemRead { done, planned: self.steps.keys().cloned().collect(), ..self.last_read(system) }
    }

    fn last_read(&self, system: &str) -> SystemRead {
        let changed = || self.steps.values().any(|tracked| tracked.state.attempts > 0);
        let first = || SystemRead { late: changed(), ..SystemRead::default() };
        self.read.get(system).cloned().unwrap_or_else(first)
    }

    /// What the last pass could not see and no person has looked at, with its system.
    pub fn open_gaps(&self) -> impl Iterator<Item = (&str, &Gap)> {
        let all = self.gaps.iter().flat_map(|(system, gaps)| {
            let system = system.as_str();
            gaps.iter().map(move |gap| (system, gap))
        });
        all.filter(|(_, gap)| !gap.guided.as_deref().is_some_and(|id| self.is_done(id)))
    }

    /// Whether a step is known and was agreed to.
    pub fn is_confirmed(&self, step: &StepId) -> bool {
        self.steps.get(step).is_some_and(|tracked| tracked.confirmed)
    }

    /// Steps that nobody agreed to.
    pub fn unconfirmed(&self) -> impl Iterator<Item = &StepId> {
        self.steps.values().filter(|tracked| !tracked.confirmed).map(|tracked| &tracked.step.id)
    }

    /// Whether nothing goes on with it any more: it is restored. A rotation that did what was asked for is over too, since the
    /// same credential is rotated again one day; an account may come back, and a review is carried out once.
    pub fn is_over(&self) -> bool {
        match self.verdict {
            Some((Verdict::Restored | Verdict::PartlyRestored, _)) => true,
            Some((Verdict::Done, _)) => self.operation.kind == Kind::Rotation,
            Some((Verdict::Contained | Verdict::Partial | Verdict::Unknown, _)) | None => false,
        }
    }

    /// Whether a person has done a guided step.
    pub fn is_done(&self, guided: &str) -> bool {
        self.guided.iter().any(|tracked| tracked.guided.id == guided && tracked.done.is_some())
    }

    /// The guided step that `step` waits for, itself or by way of what it needs; `None` where its turn may come now.
    pub fn waits_for<'a>(&'a self, step: &'a Step) -> Option<&'a str> {
        self.waits_within(step, MAX_CHAIN)
    }

    fn waits_within<'a>(&'a self, step: &'a Step, depth: u8) -> Option<&'a str> {
        let own = step.after.iter().map(String::as_str).find(|id| !self.is_done(id));
        let mut needs = step.needs.iter().filter_map(|need| self.steps.get(need));
        own.or_else(|| {
            let depth = depth.checked_sub(1)?;
            needs.find_map(|need| {
                if need.state.status.holds() { None } else { self.waits_within(&need.step, depth) }
            })
        })
    }

    /// Steps in their order.
    pub fn in_order(&self) -> impl DoubleEndedIterator<Item = &Tracked> {
        self.order.iter().filter_map(|step| self.steps.get(step))
    }

    fn after(&self, step: &StepId, event: &StepEvent) -> Result<StepState, Misfit> {
        let tracked = self.tracked(step)?;
        tracked.state.next(event).map_err(|illegal| Misfit::Illegal { step: step.clone(), illegal })
    }

    /// A message by its name.
    pub fn message(&self, id: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.id == id)
    }

    fn posted(&self, id: &str, event: &MessageEvent) -> Result<Message, Misfit> {
        message::next(id, self.message(id), event).ok_or_else(|| Misfit::Message(id.to_owned()))
    }

    fn happen(&mut self, step: &StepId, event: &StepEvent) -> Result<(), Misfit> {
        let next = self.after(step, event)?;
        if let Some(tracked) = self.steps.get_mut(step) {
            tracked.state = next;
            (tracked.proved, tracked.unproved) = (None, None);
        }
        self.verdict = None;
        Ok(())
    }

    fn confirm(&mut self, unread: &BTreeSet<String>, except: &BTreeSet<StepId>) {
        self.unasked.clone_from(unread);
        let meant = self.steps.values_mut().filter(|tracked| !except.contains(&tracked.step.id));
        meant.for_each(|tracked| tracked.confirmed = true);
    }

    fn plan(&mut self, hash: &str, steps: &[Step], guided: &[Guided]) {
        self.hash = Some(hash.to_owned());
        for step in steps {
            let (step, state) = (step.clone(), StepState::default());
            let tracked =
                Tracked { step: step.clone(), state, confirmed: false, proved: None, unproved: None };
            if self.steps.insert(step.id.clone(), tracked).is_none() {
                self.order.push(step.id.clone());
            }
        }
        for guided in guided {
            if !self.guided.iter().any(|tracked| tracked.guided.id == guided.id) {
                self.guided.push(TrackedGuided { guided: guided.clone(), done: None });
            }
        }
    }

    fn conclude(&mut self, verdict: Verdict, reasons: &[String]) {
        self.was_best |= verdict == self.operation.kind.best();
        self.verdict = Some((verdict, reasons.to_vec()));
    }

    fn prove(&mut self, step: &StepId, proved: Option<&String>, unproved: Option<&String>) {
        if let Some(tracked) = self.steps.get_mut(step) {
            (tracked.proved, tracked.unproved) = (proved.cloned(), unproved.cloned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(entries: &[Entry]) -> Record {
        let (incident, account) = ("i".to_owned(), "jane@agency.example".to_owned());
        let operation = Operation::default();
        let opened = Entry::Opened { incident, account, tag: "t".into(), version: "0".into(), operation };
        let mut record = Record::default();
        std::iter::once(&opened).chain(entries).for_each(|entry| record.apply(entry).unwrap());
        record
    }

    fn concluded(verdict: Verdict) -> Entry {
        Entry::Concluded { verdict, reasons: Vec::new() }
    }

    #[test]
    fn that_it_was_at_its_best_stands_until_it_is_reopened() {
        let contained = concluded(Verdict::Contained);
        let reopened = Entry::Reopened { steps: Vec::new() };
        for then in [
            concluded(Verdict::Unknown),
            Entry::Interrupted { why: "refused".into() },
            Entry::Widened { tasks: Vec::new() },
        ] {
            assert!(record(&[contained.clone(), then.clone()]).was_best, "{then:?}");
            assert!(!record(&[contained.clone(), then, reopened.clone()]).was_best);
        }
        assert!(!record(&[concluded(Verdict::Unknown), concluded(Verdict::Partial)]).was_best);
    }
}
