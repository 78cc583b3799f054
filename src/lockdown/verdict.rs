//! The verdict. Pure; it never flatters.

use super::record::{Record, Tracked, Verdict};
use super::state::Status;
use super::step::Undo;

/// How an incident stands after a run, and what keeps it from being better. `commit`: steps that destroy were allowed.
pub fn conclude(record: &Record, commit: bool) -> (Verdict, Vec<String>) {
    let mut unknown: Vec<String> =
        record.active.iter().map(|record| format!("active after the lockdown: {record}")).collect();
    let unread = record.undiscovered.iter();
    unknown.extend(unread.map(|(system, why)| format!("{system} could not be read: {why}")));
    let gaps = record.open_gaps();
    unknown.extend(gaps.map(|(system, gap)| format!("{system} did not show: {}", gap.what)));
    let mut partial = Vec::new();
    if record.clean < 2 {
        unknown.push("two passes in a row without anything left to do were not reached".into());
    }
    for tracked in record.in_order() {
        match judge(record, tracked, commit) {
            Standing::Fine => {}
            Standing::Left(why) => partial.push(why),
            Standing::Open(why) => unknown.push(why),
        }
    }
    let left = record.guided.iter().enumerate();
    let left = left.filter(|(_, tracked)| tracked.guided.required && tracked.done.is_none());
    partial.extend(left.map(|(at, tracked)| format!("guided step {}: {}", at + 1, tracked.guided.title)));
    match (unknown.is_empty(), partial.is_empty()) {
        (true, true) => (record.operation.kind.best(), Vec::new()),
        (true, false) => (Verdict::Partial, partial),
        (false, _) => {
            unknown.extend(partial);
            (Verdict::Unknown, unknown)
        }
    }
}

enum Standing {
    Fine,
    Left(String),
    Open(String),
}

fn judge(record: &Record, tracked: &Tracked, commit: bool) -> Standing {
    let id = &tracked.step.id;
    let why = tracked.state.why.as_deref().or(tracked.unproved.as_deref()).unwrap_or("not tried");
    match tracked.state.status {
        Status::Applied | Status::Already => match (&tracked.proved, &tracked.unproved) {
            (Some(_), _) => Standing::Fine,
            (None, Some(why)) => Standing::Open(format!("{id} is not proved: {why}")),
            (None, None) => Standing::Open(format!("{id} is not proved")),
        },
        Status::Planned | Status::Skipped | Status::Refused if tracked.step.optional => Standing::Fine,
        Status::Skipped => Standing::Left(format!("{id} was left out: {why}")),
        Status::Planned if record.waits_for(&tracked.step).is_some() => {
            let guided = record.waits_for(&tracked.step).unwrap_or_default();
            Standing::Left(format!("{id} waits until the guided step {guided} is done"))
        }
        Status::Planned | Status::Refused if tracked.step.commit && !commit => {
            Standing::Left(format!("{id} destroys something: it is done with --commit only"))
        }
        Status::Planned if !tracked.confirmed => {
            Standing::Open(format!("{id} came up after the plan was confirmed, and was not done"))
        }
        Status::Planned => Standing::Open(format!("{id} was not done: {why}")),
        Status::Refused => Standing::Open(format!("{id} was refused: {why}")),
        Status::Applying | Status::Discarding => {
            Standing::Open(format!("{id} is not known to be done: {why}"))
        }
        Status::Undoing | Status::Undone | Status::UndoRefused | Status::Kept => {
            Standing::Open(format!("{id} was taken back by a restore"))
        }
    }
}

/// How a restore stands, and what was not brought back.
pub fn conclude_restore(record: &Record) -> (Verdict, Vec<String>) {
    let (mut unknown, mut left) = (Vec::new(), Vec::new());
    let mut declared = Vec::new();
    for tracked in record.in_order() {
        let id = &tracked.step.id;
        let why = tracked.state.why.as_deref().unwrap_or("not tried");
        match tracked.state.status {
            Status::Already => {}
            Status::Planned | Status::Skipped | Status::Refused if !tracked.state.ours => {}
            Status::Undone => match (&tracked.proved, &tracked.unproved) {
                (Some(_), _) => {}
                (None, why) => unknown.push(format!(
                    "{id} was undone, but that does not show: {}",
                    why.as_deref().unwrap_or("not looked at")
                )),
            },
            Status::Kept => left.push(format!("{id} is left as it is: {why}")),
            Status::Applied | Status::Applying | Status::Planned | Status::Skipped | Status::Refused
                if tracked.step.undo == Undo::Irreversible =>
            {
                declared.push(format!("{id} cannot be undone, as the plan said"));
            }
            Status::Applied
            | Status::Planned
            | Status::Skipped
            | Status::Refused
            | Status::Applying
            | Status::Discarding
            | Status::Undoing => {
                unknown.push(format!("{id} is not known to be undone: {why}"));
            }
            Status::UndoRefused => unknown.push(format!("{id} was not undone: {why}")),
        }
    }
    let verdict = match (unknown.is_empty(), left.is_empty()) {
        (false, _) => Verdict::Unknown,
        (true, false) => Verdict::PartlyRestored,
        (true, true) => Verdict::Restored,
    };
    unknown.extend(left);
    unknown.extend(declared);
    (verdict, unknown)
}
