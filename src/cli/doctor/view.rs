//! The table, and below it what a lockdown could and could not do today.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Report;
use crate::lockdown::provider::CheckState;
use crate::output::escape::Safe;

const PARTS: [(CheckState, &str, &str); 3] = [
    (CheckState::Works, "could", "A lockdown today could"),
    (CheckState::Missing, "could_not", "It could not"),
    (CheckState::Unknown, "not_known", "Not known"),
];

/// For people.
pub fn text(report: &Report) -> String {
    let mut text = table(report);
    // Writing to a String cannot fail.
    for (state, _, title) in PARTS {
        let mut lines = report.all(state).peekable();
        if lines.peek().is_some() {
            let _ = writeln!(text, "\n{title}:");
        }
        for (system, words) in lines {
            let _ = writeln!(text, "  {}: {}", Safe(system), Safe(&words));
        }
    }
    if !report.guided.is_empty() {
        let _ = writeln!(text, "\nLeft to people in any case (guided steps):");
    }
    for (system, title, needed) in &report.guided {
        let _ =
            writeln!(text, "  {}: {}{}", Safe(system), Safe(title), if *needed { "" } else { " (advised)" });
    }
    text
}

/// For machines.
pub fn json(report: &Report) -> Value {
    let rows = report.rows.iter().map(|row| {
        json!({
            "system": row.system, "what": row.check.what, "state": word(row.check.state), "means": row.check.note,
        })
    });
    let guided = report
        .guided
        .iter()
        .map(|(system, title, needed)| json!({ "system": system, "title": title, "required": needed }));
    let mut value = json!({ "checks": rows.collect::<Vec<_>>(), "guided": guided.collect::<Vec<_>>() });
    if let Some(fields) = value.as_object_mut() {
        for (state, key, _) in PARTS {
            let lines: Vec<String> =
                report.all(state).map(|(system, words)| format!("{system}: {words}")).collect();
            fields.insert(key.to_owned(), json!(lines));
        }
    }
    value
}

fn word(state: CheckState) -> &'static str {
    match state {
        CheckState::Works => "works",
        CheckState::Missing => "missing",
        CheckState::Unknown => "unknown",
    }
}

/// Columns as wide as they need to be; the last is prose.
fn table(report: &Report) -> String {
    let head = ["SYSTEM", "WHAT", "STATE", "WHAT IT MEANS FOR A LOCKDOWN"].map(str::to_owned);
    let rows = report.rows.iter().map(|row| {
        let shown = |text: &str| Safe(text).to_string();
        [shown(&row.system), shown(&row.check.what), word(row.check.state).to_owned(), shown(&row.check.note)]
    });
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2), 0];
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}
