//! What the account's own doings mean for the verdict.
//!
//! While something that shuts the account out is still to be done, any act after the lockdown is told. Once all is done,
//! what counts is after the last of it. What was seen once stands in the journal ([`Entry::Active`]), and only a later log
//! that has it too, and none after it, takes it away: neither time nor another run does.

use super::{Evidence, Outcome, time};
use crate::event::time::Timestamp;
use crate::lockdown::journal::Timed;
use crate::lockdown::record::{Entry, Record, Verdict};
use crate::lockdown::state::StepEvent;

/// How the note of a guided step begins for which a person vouches.
pub const ATTESTED: &str = "attested by ";

/// When the lockdown ended: its verdict after the last request that changed something, or where there is none that
/// request. Verdicts of `verify` change nothing, and do not move it.
pub fn ended(entries: &[Timed]) -> Option<Timestamp> {
    let (mut changed, mut verdict) = (None, None);
    for timed in entries {
        match &timed.entry {
            Entry::Confirmed { .. }
            | Entry::Step { event: StepEvent::Intended { .. } | StepEvent::Answered { .. }, .. } => {
                (changed, verdict) = (time(timed), None);
            }
            Entry::Concluded { .. } if changed.is_some() && verdict.is_none() => verdict = time(timed),
            _ => {}
        }
    }
    verdict.or(changed)
}

/// What is known of the account's doings: reasons that keep the verdict from being better.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// It was active: nothing else counts then.
    pub active: Vec<String>,
    /// Logs show that it is not any more, where they showed before that it was.
    pub quiet: Option<String>,
    /// The logs were not read whole, so that they do not show that it was not.
    pub unread: Option<String>,
    /// For the responder.
    pub notes: Vec<String>,
}

/// Without a log, what was seen before.
pub fn without_log(record: &Record) -> Judgement {
    Judgement { active: record.active.clone(), ..Judgement::default() }
}

/// With what logs say. `record` and `entries` have this run's guided steps.
pub fn judge(evidence: &Evidence, record: &Record, entries: &[Timed]) -> Judgement {
    let mut judgement = Judgement::default();
    let (ended, known) = (ended(entries), &record.active);
    let all_done = record.guided.iter().all(|tracked| tracked.done.is_some() || !tracked.guided.required);
    let mark = if all_done { ended.max(last_measure(evidence, record, entries)) } else { ended };
    let faults = evidence.faults();
    let reaches = evidence.reaches().zip(mark).is_some_and(|(last, mark)| last > mark);
    let shown = mark.map_or_else(|| "the lockdown".to_owned(), |mark| mark.to_rfc3339());
    let still = evidence.active.last.zip(mark).is_some_and(|(last, mark)| last > mark);
    let quiet = faults.is_empty() && reaches && !still && evidence.unseen == 0;
    if still || (evidence.active.count > 0 && !quiet) {
        judgement.active = told(evidence);
    } else if !quiet {
        judgement.active.clone_from(known);
    } else if !known.is_empty() || evidence.active.count > 0 {
        judgement.quiet =
            Some(format!("not active any more: the logs have nothing of the account after {shown}"));
    }
    if evidence.active.count > 0 && !still && quiet {
        let count = evidence.active.count;
        let note = format!(
            "before {shown}, but after the lockdown, the account still acted ({count}): see what it did"
        );
        judgement.notes.push(note);
        judgement.notes.extend(evidence.active.described.iter().cloned());
    }
    if !faults.is_empty() {
        let faults = faults.join("; ");
        judgement.unread = Some(format!(
            "whether the account was active is not known: the logs were not read whole: {faults}"
        ));
    }
    judgement.notes.extend(limits(evidence, reaches, &shown));
    judgement
}

/// What the logs cannot tell.
fn limits(evidence: &Evidence, reaches: bool, shown: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if !reaches {
        let last =
            evidence.reaches().map_or_else(|| "before any record".to_owned(), |last| last.to_rfc3339());
        notes.push(format!(
            "the logs end at {last}: whether the account was active after {shown} takes a later export"
        ));
    }
    if evidence.unseen > 0 {
        notes.push(format!(
            "{} records of the account that were seen before are not in these logs: they do not show that it ended",
            evidence.unseen
        ));
    }
    if evidence.ever == 0 {
        notes.push(
            "no record at all is by the account: do the logs name people by their e-mail addresses, and go far enough back?"
                .to_owned(),
        );
    }
    if evidence.attempts.count > 0 {
        notes.push(format!(
            "the account tried {} times after the lockdown, and was not let in",
            evidence.attempts.count
        ));
        notes.extend(evidence.attempts.described.iter().cloned());
    }
    if !evidence.ledger.blind_spots.is_empty() {
        notes.push(format!("these logs never show: {}", evidence.ledger.blind_spots.join("; ")));
    }
    notes
}

/// A verdict that knows of [`Judgement::active`], with the rest of it: never better than without.
pub fn conclude(judgement: &Judgement, verdict: Verdict, mut reasons: Vec<String>) -> (Verdict, Vec<String>) {
    reasons.extend(judgement.unread.clone());
    reasons.extend(judgement.quiet.clone());
    let verdict = match verdict {
        Verdict::Contained | Verdict::Done if judgement.unread.is_some() => Verdict::Partial,
        verdict => verdict,
    };
    (verdict, reasons)
}

fn told(evidence: &Evidence) -> Vec<String> {
    let mut told = evidence.active.described.clone();
    let more = evidence.active.count.saturating_sub(told.len() as u64);
    if more > 0 {
        told.push(format!("{more} more records"));
    }
    told
}

/// SHA-256 of the records that were told before.
pub(super) fn digests(record: &Record) -> Vec<String> {
    let digests = record
        .active
        .iter()
        .filter_map(|told| Some(told.split_once("(sha256 ")?.1.split_once(')')?.0.to_owned()));
    digests.collect()
}

/// When the last guided step that was needed was done: by the log, or when somebody vouched for it. A step whose record
/// is not in these logs does not count.
fn last_measure(evidence: &Evidence, record: &Record, entries: &[Timed]) -> Option<Timestamp> {
    let needed =
        |id: &str| record.guided.iter().any(|tracked| tracked.guided.required && tracked.guided.id == id);
    let attested = entries.iter().filter_map(|timed| match &timed.entry {
        Entry::Guided { guided, how } if how.starts_with(ATTESTED) && needed(guided) => time(timed),
        _ => None,
    });
    let logged = evidence.steps.iter().filter_map(|(at, outcome)| match outcome {
        Outcome::Proved { at: time, .. } => {
            record.guided.get(*at).filter(|of| of.guided.required).map(|_| *time)
        }
        Outcome::TooEarly(_) | Outcome::Untimed(_) | Outcome::NotFound => None,
    });
    attested.chain(logged).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lockdown::verdict;

    fn at(second: u8, entry: Entry) -> Timed {
        Timed { time: format!("2026-05-01T10:00:{second:02}.000Z"), entry }
    }

    fn concluded(reasons: &[&str]) -> Entry {
        let reasons = reasons.iter().map(|&reason| reason.to_owned()).collect();
        Entry::Concluded { verdict: Verdict::Unknown, reasons }
    }

    fn confirmed() -> Entry {
        Entry::Confirmed {
            hash: "h".into(),
            how: "--yes".into(),
            commit: false,
            unread: [].into(),
            except: [].into(),
        }
    }

    fn ended_at(entries: &[Timed]) -> Option<String> {
        ended(entries).map(|time| time.to_rfc3339())
    }

    #[test]
    fn a_lockdown_ends_with_its_own_verdict_and_not_with_those_of_verify() {
        let shown = |second: u8| Some(format!("2026-05-01T10:00:{second:02}.000Z"));
        let mut entries = Vec::new();
        assert_eq!(ended_at(&entries), None);
        entries.push(at(1, confirmed()));
        assert_eq!(ended_at(&entries), shown(1));
        entries.push(at(5, concluded(&[])));
        entries.push(at(9, concluded(&[])));
        assert_eq!(ended_at(&entries), shown(5));
        entries.push(at(10, Entry::Passed { pass: 9, clean: true }));
        assert_eq!(ended_at(&entries), shown(5));
        entries.push(at(20, confirmed()));
        entries.push(at(22, concluded(&[])));
        assert_eq!(ended_at(&entries), shown(22));
    }

    #[test]
    fn what_was_seen_stands_until_a_log_takes_it_back() {
        let seen = format!("record 7 of a (sha256 {}): x at y by z", "ab".repeat(32));
        let mut record = Record { incident: "i".into(), ..Record::default() };
        record.apply(&Entry::Active { records: vec![seen.clone()] }).unwrap();
        // Another run, a lockdown as well as a verification, concludes anew.
        record.apply(&concluded(&["something else"])).unwrap();
        assert_eq!(without_log(&record).active, std::slice::from_ref(&seen));
        assert_eq!(digests(&record), ["ab".repeat(32)]);
        let (verdict, reasons) = verdict::conclude(&Record { clean: 2, ..record.clone() }, false);
        assert_eq!(
            (verdict, reasons),
            (Verdict::Unknown, vec![format!("active after the lockdown: {seen}")])
        );
        record.apply(&Entry::Active { records: Vec::new() }).unwrap();
        assert_eq!(without_log(&record), Judgement::default());
        assert_eq!(verdict::conclude(&Record { clean: 2, ..record }, false).0, Verdict::Contained);
    }

    #[test]
    fn no_verdict_gets_better() {
        let reason = || vec!["left".to_owned()];
        let unread = Judgement { unread: Some("torn".into()), ..Judgement::default() };
        for verdict in [Verdict::Contained, Verdict::Partial, Verdict::Unknown] {
            assert_eq!(conclude(&Judgement::default(), verdict, reason()), (verdict, reason()));
            let (with, reasons) = conclude(&unread, verdict, reason());
            let expected = if verdict == Verdict::Contained { Verdict::Partial } else { verdict };
            assert_eq!((with, reasons.len()), (expected, 2));
        }
    }
}
