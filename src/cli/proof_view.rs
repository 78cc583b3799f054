//! What logs prove, as people read it, and as machines do.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::proof::activity::Judgement;
use super::proof::{Evidence, Outcome};
use crate::lockdown::record::Record;
use crate::lockdown::step::GuidedProof;
use crate::output::escape::Safe;

/// Each guided step and what the logs say of it, then what the account did.
pub fn text(evidence: &Evidence, judgement: &Judgement, record: &Record) -> String {
    let totals = evidence.ledger.totals();
    let mut text =
        format!("Logs: {} records in {}", totals.records, count(evidence.ledger.inputs.len(), "file"));
    // Writing to a String cannot fail.
    if let (Some(first), Some(last)) = (totals.first_time, totals.last_time) {
        let _ = write!(text, ", from {} to {}", first.to_rfc3339(), last.to_rfc3339());
    }
    text.push('\n');
    for (number, id, state, why) in steps(evidence, record) {
        let _ = writeln!(text, "  {number:>3}  {state:<6}  {}: {}", Safe(&id), Safe(&why));
    }
    for reason in judgement.active.iter().chain(&judgement.quiet).chain(&judgement.unread) {
        let _ = writeln!(text, "  {}", Safe(reason));
    }
    for note in &judgement.notes {
        let _ = writeln!(text, "  note: {}", Safe(note));
    }
    text.push('\n');
    text
}

/// The same.
pub fn json(evidence: &Evidence, judgement: &Judgement, record: &Record) -> Value {
    let totals = evidence.ledger.totals();
    let steps: Vec<Value> = steps(evidence, record)
        .into_iter()
        .map(|(number, id, state, why)| json!({ "number": number, "id": id, "state": state, "why": why }))
        .collect();
    json!({
        "records": totals.records,
        "first": totals.first_time.map(|time| time.to_rfc3339()),
        "last": totals.last_time.map(|time| time.to_rfc3339()),
        "faults": evidence.faults(),
        "guided": steps,
        "active_records": evidence.active.count,
        "attempts": evidence.attempts.count,
        "active": judgement.active,
        "notes": judgement.notes,
    })
}

/// Number, identifier, `proved`, `done` or `open`, and why.
fn steps(evidence: &Evidence, record: &Record) -> Vec<(usize, String, &'static str, String)> {
    let steps = record.guided.iter().enumerate().map(|(at, tracked)| {
        let outcome = evidence.steps.iter().find(|(step, _)| *step == at).map(|(_, outcome)| outcome);
        let (state, why) = match (&tracked.done, outcome) {
            (_, Some(Outcome::Proved { how, .. })) => ("proved", how.clone()),
            (Some(done), _) => ("done", done.clone()),
            (None, outcome) => ("open", why_open(evidence, &tracked.guided.proof, outcome)),
        };
        (at + 1, tracked.guided.id.clone(), state, why)
    });
    steps.collect()
}

fn why_open(evidence: &Evidence, proof: &GuidedProof, outcome: Option<&Outcome>) -> String {
    let GuidedProof::Log { actions, mentions } = proof else {
        return proof.to_string();
    };
    match outcome {
        Some(Outcome::TooEarly(how)) => format!("the last such record is from before the incident: {how}"),
        Some(Outcome::Untimed(how)) => format!("such a record is there, but its time cannot be read: {how}"),
        Some(Outcome::Proved { .. } | Outcome::NotFound) | None => {
            let about =
                if mentions.is_empty() { String::new() } else { format!(" about {}", mentions.join(", ")) };
            let unread =
                if evidence.faults().is_empty() { "" } else { "; it may be in what could not be read" };
            format!("no record of {}{about} by somebody else is in the logs{unread}", actions.join(" or "))
        }
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
