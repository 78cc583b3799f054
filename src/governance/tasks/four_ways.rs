//! The four ways in which it is shown that somebody who left is out: the login fails, the removal is in the log, old credentials
//! are refused, the account is in no group.

use serde::Serialize;

use super::leaving::REMOVAL;
use crate::lockdown::record::{Record, Tracked};
use crate::lockdown::state::Status;
use crate::lockdown::step::{Phase, SecretRole};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    /// What.
    pub what: &'static str,
    /// It is shown.
    pub shown: bool,
    /// By what, or what is missing.
    pub why: String,
}

/// All four, from the journal.
pub fn four_ways(record: &Record) -> [Way; 4] {
    let login = |tracked: &Tracked| {
        let step = &tracked.step;
        step.object.kind == "user" && matches!(step.phase, Phase::Block | Phase::Deactivate)
    };
    let groups = |tracked: &Tracked| tracked.step.object.kind != "user" && tracked.step.phase == Phase::Block;
    let credentials = |tracked: &Tracked| {
        let step = &tracked.step;
        let waits = step.commit && tracked.state.status == Status::Planned;
        step.object.kind == "service-account" && step.secret == SecretRole::None && !waits
    };
    [
        by_steps(
            record,
            "the login fails",
            login,
            "no identity provider and no directory had the account: try it by hand",
        ),
        in_log(record),
        by_steps(
            record,
            "old credentials are refused",
            credentials,
            "it knew none that a system could replace",
        ),
        by_steps(record, "it is in no group", groups, "no group that gives access had it"),
    ]
}

fn by_steps(record: &Record, what: &'static str, of: impl Fn(&Tracked) -> bool, none: &str) -> Way {
    let mut steps = record.in_order().filter(|tracked| of(tracked)).peekable();
    if steps.peek().is_none() {
        // What no system could show is not shown, but for groups and credentials that were not there.
        let shown = what != "the login fails" && record.clean > 1;
        return Way { what, shown, why: none.to_owned() };
    }
    let told = |tracked: &Tracked| {
        let proof = tracked.proved.as_deref().unwrap_or("not proved yet");
        format!("{}: {proof}", tracked.step.object.name)
    };
    let steps: Vec<&Tracked> = steps.collect();
    let open: Vec<String> =
        steps.iter().filter(|step| step.proved.is_none()).map(|step| told(step)).collect();
    let shown = open.is_empty();
    let why = if shown { steps.iter().map(|step| told(step)).collect::<Vec<_>>() } else { open };
    Way { what, shown, why: why.join("; ") }
}

fn in_log(record: &Record) -> Way {
    let what = "the removal is in the log";
    let is_removal =
        |id: &str| id == REMOVAL || id.ends_with("/remove-member") || id.contains("/remove-member/");
    let steps = || record.guided.iter().filter(|tracked| is_removal(&tracked.guided.id));
    match steps().find_map(|tracked| tracked.done.as_ref()) {
        Some(done) => Way { what, shown: true, why: done.clone() },
        None => Way {
            what,
            shown: false,
            why: "no export that has it was given (`verify --log FILE`)".to_owned(),
        },
    }
}
