//! `summary.md`: the incident in a page, and which file supports which control. Names in it are the attacker's to choose: they
//! are shown as code, with nothing in them that Markdown or a terminal obeys.

use std::fmt::{self, Display, Write as _};

use super::content::Content;
use super::material::Material;
use super::seal::{Attached, SealError};
use super::statement::Predicate;
use crate::lockdown::message::MessageEvent;
use crate::lockdown::record::{Entry, Record, Tracked};
use crate::output::escape::Safe;

/// Writes it into the bag; the rest of the payload is there already.
pub(super) fn write(
    content: &mut Content<'_>,
    material: &Material,
    predicate: &Predicate,
    attached: &Attached,
) -> Result<(), SealError> {
    let mut text = head(material, predicate);
    text.push_str(&steps(material));
    text.push_str(&times(material));
    text.push_str(&files(content, predicate, attached));
    text.push_str(&controls(content));
    content.put("data/summary.md", text.as_bytes())
}

/// Text of anybody's, as inline code.
struct Code<'a>(&'a str);

impl Display for Code<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A backtick would end the code, and a bar the table's cell.
        let text = Safe(self.0).to_string().replace('`', "'").replace('|', "\\|");
        write!(out, "`{}`", if text.is_empty() { " " } else { &text })
    }
}

fn head(material: &Material, predicate: &Predicate) -> String {
    let record = &material.record;
    let verdict = predicate.verdict.as_deref().unwrap_or("none: the last run did not finish");
    let mut text = format!(
        "# Incident {}\n\nAccount: {}\n\nVerdict: **{verdict}**\n\nSealed: {} by {} {}\n",
        Code(&record.incident),
        Code(&record.account),
        predicate.sealed,
        predicate.tool.name,
        predicate.tool.version
    );
    let reasons = record.verdict.iter().flat_map(|(_, reasons)| reasons);
    let not_read =
        record.undiscovered.iter().map(|(system, why)| format!("{system} could not be read: {why}"));
    let open: Vec<String> = reasons.cloned().chain(not_read).collect();
    if !open.is_empty() {
        text.push_str("\nWhat keeps it from being better:\n\n");
        open.iter().for_each(|reason| text.push_str(&format!("- {}\n", Code(reason))));
    }
    text
}

fn steps(material: &Material) -> String {
    let mut text = "\n## What was done\n\n| step | where | state | proof |\n|---|---|---|---|\n".to_owned();
    for tracked in material.record.in_order() {
        let Tracked { step, state, proved, unproved, .. } = tracked;
        let proof = proved.as_deref().or(unproved.as_deref()).unwrap_or("none");
        let status = format!("{:?}", state.status).to_lowercase();
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "| {} | {} | {status} | {} |", Code(&step.id.0), Code(&step.system), Code(proof));
    }
    if material.record.guided.is_empty() {
        return text;
    }
    text.push_str("\nWhat people had to do:\n\n");
    for tracked in &material.record.guided {
        let needed = if tracked.guided.required { "needed" } else { "advised" };
        let done = tracked.done.as_deref().map_or("open".to_owned(), |done| format!("done: {}", Code(done)));
        let _ = writeln!(text, "- {} ({needed}): {done}", Code(&tracked.guided.title));
    }
    text
}

/// From the journal: opened, agreed to, concluded.
fn times(material: &Material) -> String {
    let mut text = "\n## When\n\nBy the clock of the machine that ran the lockdown.\n\n".to_owned();
    for timed in &material.entries {
        let what = match &timed.entry {
            Entry::Opened { .. } => "opened".to_owned(),
            Entry::Confirmed { how, .. } => format!("plan agreed to: {}", Code(how)),
            Entry::Passed { pass, clean: true } => format!("pass {pass} found nothing left to do"),
            Entry::Concluded { verdict, .. } => format!("concluded: {verdict}"),
            Entry::Interrupted { why } => format!("interrupted: {}", Code(why)),
            Entry::Reopened { steps } => format!("let in again: {} steps that held do not", steps.len()),
            Entry::Widened { tasks } => format!("{} more tasks asked for", tasks.len()),
            Entry::Restoring { how } => format!("restoring: {}", Code(how)),
            Entry::Message { message, event } => told(&material.record, message, event),
            _ => continue,
        };
        let _ = writeln!(text, "- {} {what}", Code(&timed.time));
    }
    text
}

/// Who was told, and whether it arrived.
fn told(record: &Record, id: &str, event: &MessageEvent) -> String {
    let (letter, to) = record
        .message(id)
        .map_or(("a letter", "somebody"), |message| (message.letter.as_str(), message.to.as_str()));
    let (what, why) = match event {
        MessageEvent::Intended { .. } => ("about to be sent", ""),
        MessageEvent::Accepted { answer } => ("taken by the server", answer.as_str()),
        MessageEvent::Refused { why } => ("refused by the server", why.as_str()),
        MessageEvent::NotSent { why } => ("not sent", why.as_str()),
        MessageEvent::Lost { why } => ("sent, and no answer came", why.as_str()),
    };
    let why = if why.is_empty() { String::new() } else { format!(": {}", Code(why)) };
    format!("{} to {}: {what}{why}", Code(letter), Code(to))
}

fn files(content: &Content<'_>, predicate: &Predicate, attached: &Attached) -> String {
    let mut text = "\n## What is in this bag\n\n".to_owned();
    for name in content.names().filter_map(|name| name.strip_prefix("data/")) {
        let about = match name {
            "journal.jsonl" => "every intent and outcome, each line with the digest of the one before",
            "plan.json" => {
                "every step that was planned, with its reason, its effect and whether it can be undone"
            }
            "findings.jsonl" => "what the rules found, with the records that it rests on",
            "ledger.json" => "what was read of the logs, to the byte, and what was not",
            "inputs.json" => "the logs, with their digests",
            _ if name.starts_with("snapshots/pass-1-") => "the system before anything was changed",
            "snapshots/access-before.json" => {
                "what the account had, could see and did, before anything was changed"
            }
            _ if name.starts_with("snapshots/agreed-") => "what people agreed to in the review",
            _ if name.starts_with("snapshots/") => {
                "the system in a later pass; the highest number is the state at the end"
            }
            _ if name.starts_with("letters/") => {
                "a letter that was written for somebody; whether it was sent is above"
            }
            _ if name.starts_with("inputs/") => "a log",
            _ => "given by the responder",
        };
        let _ = writeln!(text, "- {}: {about}", Code(name));
    }
    text.push_str("- `summary.md`: this page\n");
    let missing = [
        ("findings", attached.findings.is_none()),
        ("coverage ledger", attached.ledger.is_none()),
        ("logs", attached.inputs.is_empty()),
    ];
    let missing: Vec<&str> =
        missing.into_iter().filter_map(|(name, missing)| missing.then_some(name)).collect();
    if !missing.is_empty() {
        let _ = writeln!(text, "\nNot given, and so not here: {}.", missing.join(", "));
    }
    let findings = predicate.counts.findings.map_or("none given".to_owned(), |findings| findings.to_string());
    let _ = writeln!(text, "\nLines of the journal: {}. Findings: {findings}.", predicate.counts.journal);
    text
}

/// A control, what it asks for in our words, the files that support it, and what a bag cannot show.
const CONTROLS: &[(&str, &str, &[&str], &str)] = &[
    (
        "SOC 2 CC7.2",
        "activity is watched for anomalies",
        &["findings.jsonl", "ledger.json", "inputs.json"],
        "that logs are scanned regularly, not only this once",
    ),
    (
        "SOC 2 CC7.3",
        "events are evaluated: are they incidents?",
        &["findings.jsonl", "summary.md", "plan.json"],
        "who decided, where that is not in the ticket",
    ),
    (
        "SOC 2 CC7.4",
        "incidents are contained, remedied and told of",
        &["plan.json", "journal.jsonl", "snapshots/", "letters/", "summary.md"],
        "whom you told besides, and when",
    ),
    (
        "ISO 27001:2022 A.5.24",
        "incident management is planned and prepared",
        &["plan.json", "journal.jsonl"],
        "your procedure and its roles; that they were practised (`portcullis drill`)",
    ),
    (
        "ISO 27001:2022 A.5.25",
        "events are assessed and decided on",
        &["findings.jsonl", "ledger.json", "plan.json"],
        "the criteria by which you decide",
    ),
    (
        "ISO 27001:2022 A.5.26",
        "incidents are responded to as documented",
        &["journal.jsonl", "snapshots/", "summary.md"],
        "what was done outside of the systems that were configured",
    ),
    (
        "ISO 27001:2022 A.5.27",
        "incidents are learnt from",
        &["summary.md", "findings.jsonl"],
        "your review, and what you changed: add it to the ticket",
    ),
    (
        "ISO 27001:2022 A.5.28",
        "evidence is identified, collected and kept",
        &["inputs.json", "../manifest-sha256.txt", "../seal/envelope.json", "../custody.jsonl"],
        "how the bag is stored, and for how long",
    ),
];

fn controls(content: &Content<'_>) -> String {
    let mut text = "\n## Which file supports which control\n\nA bag supports a control, it does not fulfil one. The last column \
                    is yours to show.\n\n| control | asks that | here | not here |\n|---|---|---|---|\n"
        .to_owned();
    let there = |file: &&&str| {
        let name = format!("data/{file}");
        file.starts_with("../")
            || **file == "summary.md"
            || content.names().any(|known| known.starts_with(&name))
    };
    for (control, asks, files, rest) in CONTROLS {
        let files: Vec<String> = files.iter().filter(there).map(|file| Code(file).to_string()).collect();
        let files = if files.is_empty() { "nothing was given".to_owned() } else { files.join(", ") };
        let _ = writeln!(text, "| {control} | {asks} | {files} | {rest} |");
    }
    text
}
