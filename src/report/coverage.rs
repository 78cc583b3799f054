//! What was read, and what was not.

use jiff::tz::TimeZone;

use crate::event::time::Timestamp;
use crate::output::escape::markup as text;
use crate::scan::ledger::{InputLedger, Ledger};

/// Ranges that are listed of each input.
const MAX_RANGES: usize = 20;

/// The section of a report.
pub(super) fn section(ledger: &Ledger, zone: &TimeZone) -> String {
    let rows: String = ledger.inputs.iter().map(|input| row(input, zone)).collect();
    let problems: String = ledger.inputs.iter().map(ranges).collect();
    let unreadable = ledger.unreadable.iter().map(|problem| format!("{}: {}", problem.path, problem.reason));
    let rules = ledger
        .rule_errors
        .iter()
        .map(|problem| format!("{}:{}:{}: {}", problem.path, problem.line, problem.column, problem.message));
    let blind = ledger.rules.iter().filter(|rule| rule.is_blind()).map(|rule| {
        let missing: Vec<&str> =
            rule.fields_never_seen.iter().chain(&rule.places_unknown).map(String::as_str).collect();
        format!("{}: {}", rule.title, missing.join(", "))
    });
    format!(
        "<section><h2>What was covered</h2>\
         <p>For every input, bytes read = parsed + blank + rejected. No findings is a claim; this is its proof.</p>\
         <table><thead><tr><th>Input</th><th>Log</th><th class=\"n\">Records</th><th class=\"n\">Bytes</th>\
         <th class=\"n\">Parsed</th><th class=\"n\">Blank</th><th class=\"n\">Rejected</th><th>First event</th>\
         <th>Last event</th></tr></thead><tbody>\n{rows}</tbody></table>{problems}{}{}{}{}</section>\n",
        list("Not read", unreadable),
        list("Rules that could not be loaded", rules),
        list("Rules that could not match in these logs, and what they miss", blind),
        list("These logs never show", ledger.blind_spots.iter().map(ToString::to_string)),
    )
}

fn list(title: &str, items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.map(|item| format!("<li>{}</li>", text(&item))).collect();
    if items.is_empty() {
        return String::new();
    }
    format!(
        "<details open><summary><h3>{title} ({})</h3></summary><ul>{}</ul></details>",
        items.len(),
        items.concat()
    )
}

fn row(input: &InputLedger, zone: &TimeZone) -> String {
    let time = |time: Option<Timestamp>| time.map_or_else(String::new, |time| text(&time.in_zone(zone)));
    let covered = &input.coverage;
    format!(
        "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
         <td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>\n",
        text(&input.label),
        text(input.source.as_deref().unwrap_or("unknown")),
        covered.records,
        input.bytes,
        covered.parsed_bytes,
        covered.blank_bytes,
        covered.rejected.total().bytes,
        time(covered.first_time),
        time(covered.last_time),
    )
}

/// What of an input was rejected, or has no time.
fn ranges(input: &InputLedger) -> String {
    let problem = input.problem.iter().map(|problem| format!("reading ended early: {problem}"));
    let parts = [("rejected", &input.coverage.rejected), ("without a time", &input.coverage.untimed)];
    let ranges = parts.iter().flat_map(|(what, ranges)| {
        ranges.listed().into_iter().take(MAX_RANGES).map(move |range| {
            let number = range.number.map_or_else(String::new, |number| format!("line or record {number}, "));
            format!("{what}: {number}offset {}, {} bytes: {}", range.offset, range.length, range.reason)
        })
    });
    let items: Vec<String> = problem.chain(ranges).collect();
    list(&format!("Trouble in {}", text(&input.label)), items.into_iter())
}
