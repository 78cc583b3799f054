//! Guided steps that no log proves: who vouches for them.

use super::error::CliError;
use super::proof::activity::ATTESTED;
use crate::lockdown::record::{Record, TrackedGuided};
use crate::lockdown::step::GuidedProof;

/// Longest name and longest note, in characters.
const MAX_TEXT: usize = 500;

/// What the journal says of it.
pub fn how(by: &str, note: Option<&str>) -> Result<String, CliError> {
    let (by, note) = (by.trim(), note.map(str::trim).filter(|note| !note.is_empty()));
    if by.is_empty() {
        return Err(CliError::usage("--by names nobody").hint("the name or address of who vouches for it"));
    }
    for text in [Some(by), note].into_iter().flatten() {
        if text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(CliError::usage(format!(
                "--by and --note take one line of at most {MAX_TEXT} characters"
            )));
        }
    }
    Ok(format!("{ATTESTED}{by}{}", note.map(|note| format!(": {note}")).unwrap_or_default()))
}

/// Identifiers of the guided steps that these numbers or identifiers name, all open; nothing is noted unless all are.
pub fn steps(record: &Record, named: &[String], without_log: bool) -> Result<Vec<String>, CliError> {
    named.iter().map(|named| step(record, named, without_log)).collect()
}

fn step(record: &Record, named: &str, without_log: bool) -> Result<String, CliError> {
    let by_number = named.parse::<usize>().ok().and_then(|number| record.guided.get(number.checked_sub(1)?));
    let found = by_number.or_else(|| record.guided.iter().find(|tracked| tracked.guided.id == named));
    let Some(TrackedGuided { guided, done }) = found else {
        return Err(CliError::usage(format!("there is no guided step {named:?}")).hint(open(record)));
    };
    if let Some(done) = done {
        return Err(CliError::usage(format!("{} is done: {done}", guided.id)).hint(open(record)));
    }
    match &guided.proof {
        GuidedProof::Log { actions, .. } if !without_log => {
            let what = format!("{} is proved by a log, with {}", guided.id, actions.join(" or "));
            let advice =
                "export the audit log and give it to --log; with --without-log a person's word is enough";
            Err(CliError::usage(what).hint(advice))
        }
        GuidedProof::Log { .. } | GuidedProof::Attested => Ok(guided.id.clone()),
    }
}

fn open(record: &Record) -> String {
    let open = record.guided.iter().enumerate().filter(|(_, tracked)| tracked.done.is_none());
    let open: Vec<String> = open.map(|(at, tracked)| format!("{} {}", at + 1, tracked.guided.id)).collect();
    if open.is_empty() { "no guided step is open".to_owned() } else { format!("open: {}", open.join(", ")) }
}
