//! What each letter says. Who needs to know less is told less: names of systems and of what is open stay with security.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::config::notify::Audience;
use crate::governance::tasks::four_ways::four_ways;
use crate::lockdown::operation::Kind;
use crate::lockdown::record::{Record, Tracked, TrackedGuided, Verdict};
use crate::lockdown::state::Status;
use crate::lockdown::step::{Phase, Undo};
use crate::output::escape::Safe;

/// Lines of one list in a letter; the rest is counted.
const MAX_LINES: usize = 40;

/// For everybody of a role.
pub(super) fn to_role(record: &Record, audience: Audience) -> String {
    match audience {
        Audience::Security => to_security(record),
        Audience::Compliance => to_compliance(record),
        Audience::ProjectOwners => to_owners(record),
        Audience::Stakeholders => to_all(record),
    }
}

/// For somebody who has these steps to do, by their numbers.
pub(super) fn to_person(record: &Record, steps: &[(usize, &TrackedGuided)]) -> String {
    let mut text = format!("This is about {}. These are yours:\n", what(record));
    for (number, TrackedGuided { guided, done }) in steps {
        let needed = if guided.required { "needed" } else { "advised" };
        let state = done.as_ref().map_or_else(|| needed.to_owned(), |done| format!("done: {}", Safe(done)));
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{number}. {} ({state})\n   {}\n", Safe(&guided.title), Safe(&guided.how));
    }
    text.push_str(
        "\nAnswer with the number of the step when it is done, and how you know. Nothing here asks for a password or a secret: \
         send none.\n",
    );
    text
}

fn to_security(record: &Record) -> String {
    let mut text = format!("{}\n{}\n", first(record), end(record));
    let reasons = record.verdict.iter().flat_map(|(_, reasons)| reasons.iter().cloned());
    list(&mut text, "What keeps it from being better:", reasons);
    list(&mut text, "The account was active afterwards:", record.active.iter().cloned());
    let gaps = record.open_gaps().map(|(system, gap)| format!("{system}: {}", gap.what));
    list(&mut text, "What could not be seen:", gaps);
    let open = record.in_order().filter(|tracked| tracked.confirmed && tracked.proved.is_none());
    let open = open.map(|tracked| {
        let status = format!("{:?}", tracked.state.status).to_lowercase();
        format!("{} ({status})", tracked.step.id)
    });
    list(&mut text, "Steps that are not proved:", open);
    list(&mut text, "What people have to do:", left(record).map(|(line, _)| line));
    let _ = write!(text, "\nThe whole of it: `portcullis status {}`.\n", Safe(&record.incident));
    text
}

fn to_compliance(record: &Record) -> String {
    let mut text = format!("{}\n{}\n", first(record), end(record));
    let mut changed: BTreeMap<&str, usize> = BTreeMap::new();
    for tracked in record.in_order().filter(|tracked| ours(tracked)) {
        *changed.entry(&tracked.step.system).or_default() += 1;
    }
    let changed = changed.into_iter().map(|(system, count)| format!("{system}: {count}"));
    list(&mut text, "What was changed, by system:", changed);
    let lasting =
        record.in_order().filter(|tracked| ours(tracked) && tracked.step.undo == Undo::Irreversible);
    list(&mut text, "Of it, what nothing brings back:", lasting.map(object));
    list(&mut text, "Kept as it was before:", record.filed.iter().cloned());
    let open = record.guided.iter().filter(|tracked| tracked.done.is_none()).count();
    let _ = writeln!(text, "\nSteps for people that are open: {open} of {}.", record.guided.len());
    if record.operation.kind == Kind::Lockdown {
        text.push_str(
            "\nThis letter says what was done, not what the account did before: whether data of people was seen or taken has to \
             be told from the logs (`portcullis scan`, `portcullis blast-radius`). Whether and by when an authority has to be told \
             is yours to say.\n",
        );
    }
    let _ = write!(
        text,
        "\nEvidence, with every step and its proof: `portcullis evidence seal {}`.\n",
        Safe(&record.incident)
    );
    text
}

fn to_owners(record: &Record) -> String {
    let mut text = format!("{}\n{}\n", first(record), end(record));
    let of_projects = |tracked: &&Tracked| {
        let phases = [Phase::ServiceAccounts, Phase::Rotate, Phase::Exports, Phase::Retire];
        ours(tracked) && phases.contains(&tracked.step.phase)
    };
    let changed = record.in_order().filter(of_projects).map(|tracked| {
        let effect = &tracked.step.effect;
        if effect.is_empty() { object(tracked) } else { format!("{}: {effect}", object(tracked)) }
    });
    list(&mut text, "What was changed that your projects work with:", changed);
    list(&mut text, "What people have to do:", left(record).map(|(line, who)| format!("{line}: {who}")));
    if record.operation.kind == Kind::Lockdown && !record.restoring {
        text.push_str(
            "\nTell security of exports, cohorts, reports and settings in your projects that you do not know. Do not write to the \
             account, and give it no access again before security says so.\n",
        );
    }
    text
}

fn to_all(record: &Record) -> String {
    let mut text = format!("{}\n{}\n", first(record), end(record));
    if record.operation.kind == Kind::Lockdown {
        if !record.restoring {
            text.push_str(
                "\nWhat works with credentials that were replaced may stand still until it has the new ones. Do not answer messages \
                 of this account before security says so.\n",
            );
        }
        // What is open would help whoever has the account.
        return text;
    }
    if record.operation.kind == Kind::Offboarding {
        text.push_str("\nHow it is shown that the account is out:\n");
        for way in four_ways(record) {
            let _ =
                writeln!(text, "  [{}] {}: {}", if way.shown { "x" } else { " " }, way.what, Safe(&way.why));
        }
    }
    let reasons = record.verdict.iter().flat_map(|(_, reasons)| reasons.iter().cloned());
    list(&mut text, "What is left:", reasons);
    text
}

/// `the lockdown of jane@agency.example (incident …)`.
fn what(record: &Record) -> String {
    format!(
        "the {} of {} (incident {})",
        record.operation.kind,
        Safe(&record.account),
        Safe(&record.incident)
    )
}

fn first(record: &Record) -> String {
    match record.operation.kind {
        Kind::Lockdown if record.restoring => {
            format!("This is about {}, which is taken back: a false alarm.", what(record))
        }
        Kind::Lockdown => {
            format!(
                "An account is compromised, or may be, and is being shut out: this is about {}.",
                what(record)
            )
        }
        Kind::Rotation | Kind::Review | Kind::Offboarding => format!("This is about {}.", what(record)),
    }
}

fn end(record: &Record) -> &'static str {
    match &record.verdict {
        Some((Verdict::Done, _)) => "It is done, and proved.",
        Some((Verdict::Contained, _)) => "The account is shut out, and that is proved.",
        Some((Verdict::Restored, _)) => "It was taken back.",
        Some((Verdict::PartlyRestored, _)) => {
            "It was taken back as far as it can be; some of it stays as it is now."
        }
        Some((Verdict::Partial, _)) => "It is under way: what is left is for people to do.",
        Some((Verdict::Unknown, _)) if record.operation.kind.is_about_an_account() => {
            "Something could not be verified: treat the account as not shut out."
        }
        Some((Verdict::Unknown, _)) => "Something could not be verified.",
        None => "It is under way.",
    }
}

/// This incident did it, and it holds.
fn ours(tracked: &Tracked) -> bool {
    tracked.state.ours && tracked.state.status == Status::Applied
}

fn object(tracked: &Tracked) -> String {
    let step = &tracked.step;
    format!("{}: {} {} {}", step.system, step.action, step.object.kind, step.object.name)
}

/// Guided steps that are open, and who has them to do.
fn left(record: &Record) -> impl Iterator<Item = (String, String)> {
    let open = record.guided.iter().enumerate().filter(|(_, tracked)| tracked.done.is_none());
    open.map(|(at, TrackedGuided { guided, .. })| {
        let needed = if guided.required { "needed" } else { "advised" };
        (format!("{}. {} ({needed})", at + 1, guided.title), guided.who.clone())
    })
}

/// A list under a title, or nothing. The lines may be anybody's words.
fn list(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut more = 0;
    for (at, line) in lines.enumerate() {
        if at == 0 {
            let _ = writeln!(text, "\n{title}");
        }
        if at < MAX_LINES {
            let _ = writeln!(text, "  - {}", Safe(&line));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        let _ = writeln!(text, "  - and {more} more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lockdown::operation::Operation;

    fn record(kind: Kind, verdict: Verdict) -> Record {
        let reasons = vec!["okta could not be read\u{1b}[2J".to_owned()];
        Record {
            incident: "2026-10-24-jane".into(),
            account: "jane@agency.example".into(),
            operation: Operation::new(kind, Vec::new()),
            verdict: Some((verdict, reasons)),
            ..Record::default()
        }
    }

    #[test]
    fn who_needs_to_know_less_is_told_less() {
        let lockdown = record(Kind::Lockdown, Verdict::Unknown);
        let [security, compliance, owners, all] = Audience::ALL.map(|audience| to_role(&lockdown, audience));
        assert!(security.contains("okta could not be read\\u{1b}[2J"), "{security}");
        assert!(compliance.contains("evidence seal 2026-10-24-jane"), "{compliance}");
        for text in [&owners, &all] {
            assert!(text.contains("treat the account as not shut out") && !text.contains("okta"), "{text}");
        }
        let leaving = to_role(&record(Kind::Offboarding, Verdict::Partial), Audience::Stakeholders);
        assert!(
            leaving.contains("[ ] the removal is in the log") && leaving.contains("What is left:"),
            "{leaving}"
        );
    }

    #[test]
    fn a_false_alarm_is_told_as_one() {
        let mut record = record(Kind::Lockdown, Verdict::Restored);
        record.restoring = true;
        for audience in Audience::ALL {
            let text = to_role(&record, audience);
            assert!(text.contains("a false alarm") && text.contains("It was taken back."), "{text}");
            assert!(!text.contains("no access again"), "{text}");
        }
    }

    #[test]
    fn a_long_list_is_counted() {
        let mut text = String::new();
        list(&mut text, "T", (0..45).map(|at| format!("{at}\n")));
        assert_eq!(text.lines().count(), 1 + 1 + 40 + 1);
        assert!(text.ends_with("  - and 5 more\n") && text.contains("  - 0\\n\n"));
    }
}
