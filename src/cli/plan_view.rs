//! A plan and an incident as people read them, and as machines do.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::pace_view::Pace;
use crate::governance::tasks::four_ways::{Way, four_ways};
use crate::lockdown::execute::Found;
use crate::lockdown::message::Fate;
use crate::lockdown::operation::Kind;
use crate::lockdown::plan::Plan;
use crate::lockdown::record::{Record, Tracked};
use crate::lockdown::step::{Gap, Guided, Phase, Step, StepId};
use crate::output::escape::Safe;

/// The plan: object, action, whether it can be undone, why, and what else stops working.
pub fn plan(plan: &Plan, commit: bool) -> String {
    let mut text = format!(
        "Plan for {}: {} on {}, {}\n",
        Safe(&plan.account),
        count(plan.steps.len(), "step"),
        count(plan.objects(), "object"),
        count(plan.guided.len(), "guided step"),
    );
    for (at, step) in plan.steps.iter().enumerate() {
        text.push_str(&self::step(at + 1, step, commit));
    }
    text.push_str(&guided(plan.guided.iter().map(|guided| (guided, None))));
    // Writing to a String cannot fail.
    let _ = writeln!(text, "\nPlan hash {}", plan.hash);
    text
}

fn step(number: usize, step: &Step, commit: bool) -> String {
    let held = if step.commit && !commit { "  (only with --commit)" } else { "" };
    let mut text = format!(
        "\n{number:>3}  {:<15} {:<10} {} {} {}\n     {}{held}\n",
        phase(step.phase),
        Safe(&step.system),
        Safe(&step.action),
        Safe(&step.object.kind),
        Safe(&step.object.name),
        step.undo,
    );
    for (label, words) in [("why", &step.why), ("effect", &step.effect)] {
        if !words.is_empty() {
            let _ = writeln!(text, "     {label}: {}", Safe(words));
        }
    }
    text
}

/// What bears on a plan and is no step: what was seen and left alone, and what could not be seen. Empty where there is nothing.
pub fn seen<'a>(notes: &[String], gaps: impl Iterator<Item = (&'a str, &'a Gap)>) -> String {
    let gaps: Vec<String> =
        gaps.map(|(system, gap)| format!("{system} did not show: {}", gap.what)).collect();
    let mut text = String::new();
    for (title, lines) in [("Could not be seen", gaps.as_slice()), ("Notes", notes)] {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{title}");
        }
        for line in lines {
            let _ = writeln!(text, "  - {}", Safe(line));
        }
    }
    text
}

/// A plan that is only shown, for machines: with what bears on it and is no step.
pub fn shown_json(plan: &Plan, found: &Found) -> Value {
    let gaps =
        found.gaps().map(|(system, gap)| json!({ "system": system, "what": gap.what, "guided": gap.guided }));
    let mut value = json!(plan);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("notes".to_owned(), json!(found.notes()));
        fields.insert("gaps".to_owned(), gaps.collect());
        fields.insert("unread".to_owned(), json!(found.failed));
    }
    value
}

/// Steps that were left out before, and are done now where the responder agrees.
pub fn taken_up(record: &Record, steps: &[StepId]) -> String {
    let mut text = "\nLeft out before, and done now; --skip and --only leave them out again\n".to_owned();
    for step in steps {
        let why = record.steps.get(step).and_then(|tracked| tracked.state.why.as_deref());
        let _ = writeln!(text, "  {}: {}", Safe(&step.0), Safe(why.unwrap_or_default()));
    }
    text
}

/// Guided steps, numbered.
pub fn guided<'a>(steps: impl Iterator<Item = (&'a Guided, Option<&'a str>)>) -> String {
    let mut text = String::new();
    for (at, (guided, done)) in steps.enumerate() {
        if at == 0 {
            text.push_str("\nGuided steps: what no API can do\n");
        }
        let needed = if guided.required { "needed" } else { "advised" };
        let state = done.map_or_else(|| needed.to_owned(), |done| format!("done: {}", Safe(done)));
        let _ = writeln!(text, "\n{:>3}  {} ({state})", at + 1, Safe(&guided.title));
        let _ = writeln!(text, "     who: {}\n     how: {}", Safe(&guided.who), Safe(&guided.how));
        let _ = writeln!(text, "     proof: {}", Safe(&guided.proof.to_string()));
    }
    text
}

/// How an incident stands.
pub fn record(record: &Record) -> String {
    let mut text = String::new();
    let open = record.in_order().filter(|tracked| tracked.proved.is_none());
    for tracked in open {
        let _ = writeln!(text, "  {}", Safe(&standing(tracked)));
    }
    if let Some((verdict, reasons)) = &record.verdict {
        let _ = writeln!(text, "\n{verdict}: {}", Safe(&record.account));
        for reason in reasons {
            let _ = writeln!(text, "  - {}", Safe(reason));
        }
    } else {
        let _ = writeln!(text, "\nNo verdict: the last run did not come to its end.");
    }
    if record.operation.kind == Kind::Offboarding {
        text.push_str("\nIs it out? Shown in four ways:\n");
        for Way { what, shown, why } in four_ways(record) {
            let _ = writeln!(text, "  {}  {what}: {}", if shown { "yes" } else { "no " }, Safe(&why));
        }
    }
    for note in &record.notes {
        let _ = writeln!(text, "  note: {}", Safe(note));
    }
    for message in record.messages.iter().filter(|message| message.fate != Fate::Accepted) {
        let (letter, to) = (Safe(&message.letter), Safe(&message.to));
        let _ = writeln!(text, "  letter: {letter} by {} to {to}: {}", message.way, message.fate);
    }
    text
}

fn standing(tracked: &Tracked) -> String {
    let status = format!("{:?}", tracked.state.status).to_lowercase();
    let why = tracked.unproved.as_ref().or(tracked.state.why.as_ref());
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    format!("{status:<11} {}{why}", tracked.step.id)
}

/// An incident for machines; with what a run took.
pub fn record_json(record: &Record, pace: Option<&Pace>) -> Value {
    let steps: Vec<Value> = record.in_order().map(tracked_json).collect();
    let guided: Vec<Value> = record
        .guided
        .iter()
        .enumerate()
        .map(|(at, tracked)| {
            json!({
                "number": at + 1,
                "id": tracked.guided.id,
                "title": tracked.guided.title,
                "required": tracked.guided.required,
                "done": tracked.done,
            })
        })
        .collect();
    let (verdict, reasons) = record.verdict.clone().map_or((None, Vec::new()), |(v, r)| (Some(v), r));
    let shown = (record.operation.kind == Kind::Offboarding).then(|| four_ways(record));
    json!({
        "shown": shown,
        "incident": record.incident,
        "account": record.account,
        "kind": record.operation.kind,
        "verdict": verdict,
        "reasons": reasons,
        "restoring": record.restoring,
        "plan": record.hash,
        "passes": record.pass,
        "clean_passes": record.clean,
        "steps": steps,
        "guided": guided,
        "notes": record.notes,
        "messages": record.messages,
        "requests": pace.map_or_else(|| json!([]), Pace::requests_json),
        "legs": pace.map_or_else(|| json!([]), Pace::legs_json),
        "crash_points": crate::sys::crash::passed(),
    })
}

fn tracked_json(tracked: &Tracked) -> Value {
    json!({
        "id": tracked.step.id,
        "system": tracked.step.system,
        "action": tracked.step.action,
        "object": tracked.step.object,
        "undo": tracked.step.undo,
        "commit": tracked.step.commit,
        "status": tracked.state.status,
        "attempts": tracked.state.attempts,
        "why": tracked.state.why,
        "proved": tracked.proved,
        "unproved": tracked.unproved,
    })
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Preserve => "preserve",
        Phase::Factors => "factors",
        Phase::Block => "block",
        Phase::Deactivate => "deactivate",
        Phase::ServiceAccounts => "accounts",
        Phase::Sessions => "sessions",
        Phase::Groups => "groups",
        Phase::Rotate => "rotate",
        Phase::Exports => "exports",
        Phase::Retire => "retire",
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
