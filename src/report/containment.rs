//! What a lockdown did, what people have to do, and what remains.

use jiff::tz::TimeZone;

use crate::event::time::Timestamp;
use crate::governance::tasks::four_ways::{Way, four_ways};
use crate::lockdown::journal::Read;
use crate::lockdown::operation::Kind;
use crate::lockdown::record::{Record, Tracked, TrackedGuided, Verdict};
use crate::lockdown::state::Status;
use crate::lockdown::step::Undo;
use crate::output::escape::markup as text;
use crate::timeline::{Gate, clock};

/// Containment, what people have to do, what remains.
pub(super) fn sections(read: &Read, zone: &TimeZone) -> String {
    let record = &read.record;
    [head(read, zone), ways(record), steps(read, zone), guided(record), residual(record)].concat()
}

/// The verdict in a sentence, for the first lines of the report.
pub(super) fn in_short(read: &Read) -> String {
    let gate = Gate::of(read);
    let (class, meaning) = meaning(&read.record);
    format!(
        "<p class=\"{class}\"><strong>{}</strong>: {}. {meaning}</p>\n",
        text(&read.record.account),
        text(&gate.summary())
    )
}

fn meaning(record: &Record) -> (&'static str, &'static str) {
    match record.verdict {
        Some((Verdict::Contained, _)) => {
            ("good", "The account is shut out, and what shuts it out is proved.")
        }
        Some((Verdict::Done, _)) => ("good", "Everything that was asked for is done, and proved."),
        Some((Verdict::Partial, _)) => ("warn", "What is left is for people to do; the list is below."),
        Some((Verdict::Unknown, _)) => {
            ("warn", "Something could not be verified: treat the account as not contained.")
        }
        Some((Verdict::Restored, _)) => ("good", "What the incident did is undone."),
        Some((Verdict::PartlyRestored, _)) => {
            ("warn", "What can be undone is undone; the rest is listed below.")
        }
        None => ("warn", "The last run did not come to its end: treat the account as not contained."),
    }
}

fn head(read: &Read, zone: &TimeZone) -> String {
    let record = &read.record;
    let gate = Gate::of(read);
    let time = |nanos: i64| text(&Timestamp { nanos, digits: 0 }.in_zone(zone));
    let opened =
        gate.opened.as_ref().map_or_else(String::new, |moment| format!("opened {}", time(moment.nanos)));
    let ended = gate.verdict.map_or_else(String::new, |(nanos, _)| format!(", verdict {}", time(nanos)));
    let took = gate.opened.as_ref().zip(gate.verdict).map_or_else(String::new, |(opened, (nanos, _))| {
        format!(", {} later", clock::duration(nanos.saturating_sub(opened.nanos)))
    });
    let plan = record.confirmed.as_deref().unwrap_or("none: nobody agreed to it");
    format!(
        "<section id=\"containment\"><h2>Containment</h2>\n<p class=\"soft\">Incident {}, {opened}{ended}{took}. \
         Plan <code>{}</code>.</p>\n",
        text(&record.incident),
        text(plan)
    )
}

/// The four ways in which it shows that who left is out.
fn ways(record: &Record) -> String {
    if record.operation.kind != Kind::Offboarding {
        return String::new();
    }
    let row = |Way { what, shown, why }: Way| {
        let (class, state) = if shown { ("done", "shown") } else { ("open", "not shown") };
        format!(
            "<tr><td>{what}</td><td><span class=\"{class}\">{state}</span></td><td>{}</td></tr>\n",
            text(&why)
        )
    };
    let rows: String = four_ways(record).into_iter().map(row).collect();
    format!(
        "<table class=\"ways\"><thead><tr><th>That it is out</th><th>State</th><th>By what, or what is missing</th></tr></thead>\
         <tbody>\n{rows}</tbody></table>\n"
    )
}

fn steps(read: &Read, zone: &TimeZone) -> String {
    let times = read.times();
    let rows: String = read
        .record
        .in_order()
        .enumerate()
        .map(|(at, tracked)| {
            let time = times.get(&tracked.step.id);
            step(at + 1, tracked, time.map(|(_, nanos)| Timestamp { nanos: *nanos, digits: 0 }.in_zone(zone)))
        })
        .collect();
    format!(
        "<table class=\"steps\" data-sortable><thead><tr><th class=\"n\">Step</th><th>Last change</th><th>System</th><th>What</th><th>State</th>\
         <th>Proof, or why not</th><th>Undo</th></tr></thead><tbody>\n{rows}</tbody></table></section>\n"
    )
}

fn step(number: usize, tracked: &Tracked, time: Option<String>) -> String {
    let step = &tracked.step;
    let (class, state) = state(tracked);
    let proof = tracked.proved.as_ref().or(tracked.unproved.as_ref()).or(tracked.state.why.as_ref());
    format!(
        "<tr><td class=\"n\">{number}</td><td>{}</td><td>{}</td><td>{} {} <strong>{}</strong><br><span class=\"soft\">{}</span></td>\
         <td><span class=\"{class}\">{state}</span></td><td>{}</td><td>{}</td></tr>\n",
        text(&time.unwrap_or_default()),
        text(&step.system),
        text(&step.action),
        text(&step.object.kind),
        text(&step.object.name),
        text(&step.why),
        text(proof.map_or("", String::as_str)),
        step.undo
    )
}

/// The class and the word of a step's state.
fn state(tracked: &Tracked) -> (&'static str, &'static str) {
    match tracked.state.status {
        Status::Applied | Status::Already if tracked.proved.is_some() => ("done", "done, proved"),
        Status::Applied => ("open", "done, not proved"),
        Status::Already => ("open", "was so already, not proved"),
        Status::Planned if tracked.step.commit => ("open", "waits for --commit"),
        Status::Planned => ("open", "not done"),
        Status::Skipped => ("open", "left out"),
        Status::Refused => ("open", "refused"),
        Status::Applying | Status::Discarding | Status::Undoing => ("open", "not known"),
        Status::Undone => ("done", "undone"),
        Status::UndoRefused => ("open", "not undone"),
        Status::Kept => ("open", "left as others made it"),
    }
}

fn guided(record: &Record) -> String {
    if record.guided.is_empty() {
        return String::new();
    }
    let items: String =
        record.guided.iter().enumerate().map(|(at, tracked)| guided_step(at, tracked)).collect();
    format!(
        "<section id=\"guided\"><h2>For people ({})</h2><p class=\"soft\">No API can do these. A box that is ticked here is \
         proved by the journal; tick the others on paper, and tell the journal with <code>portcullis verify</code>.</p>\n\
         <ol class=\"guided\">\n{items}</ol></section>\n",
        record.guided.len()
    )
}

fn guided_step(at: usize, tracked: &TrackedGuided) -> String {
    let guided = &tracked.guided;
    let done = tracked.done.as_ref();
    let proof = match &tracked.done {
        Some(done) => format!("Done: {done}"),
        None => format!("Proof: {}", guided.proof),
    };
    format!(
        "<li><label><input type=\"checkbox\" id=\"guided-{}\"{}> <strong>{}</strong></label> ({})<br>{}<br>{}<br>\
         <span class=\"soft\">{}</span></li>\n",
        at + 1,
        if done.is_some() { " checked disabled" } else { "" },
        text(&guided.title),
        if guided.required { "needed" } else { "advised" },
        text(&guided.who),
        text(&guided.how),
        text(&proof)
    )
}

/// What is left after the lockdown: nothing here is repeated from the findings.
fn residual(record: &Record) -> String {
    let reasons = record.verdict.iter().flat_map(|(_, reasons)| reasons.iter().cloned());
    let forever = record.in_order().filter(|tracked| {
        tracked.step.undo == Undo::Irreversible
            && matches!(tracked.state.status, Status::Applied | Status::Applying)
    });
    let forever = forever
        .map(|tracked| format!("{}: nothing brings it back. {}", tracked.step.id, tracked.step.effect));
    let lists = [
        ("What keeps the verdict from being better", reasons.collect::<Vec<_>>()),
        ("What cannot be undone", forever.collect()),
        ("What the systems said", record.notes.clone()),
    ];
    let lists: String = lists
        .iter()
        .filter(|(_, items)| !items.is_empty())
        .map(|(title, items)| list(title, items))
        .collect();
    let none = if lists.is_empty() { "<p>Nothing that the journal knows of.</p>" } else { "" };
    format!("<section id=\"residual\"><h2>What remains</h2>{none}{lists}</section>\n")
}

fn list(title: &str, items: &[String]) -> String {
    let items: String = items.iter().map(|item| format!("<li>{}</li>", text(item))).collect();
    format!("<h3>{title}</h3><ul>{items}</ul>\n")
}
