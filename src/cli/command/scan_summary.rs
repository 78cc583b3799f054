//! What a scan covered, on standard error.

use crate::cli::ui::Ui;
use crate::output::escape::Safe;
use crate::scan::ledger::{InputLedger, Ledger, Ranges};

/// Ranges shown of each input.
const MAX_RANGES: usize = 12;
/// Names shown in a list.
const MAX_NAMES: usize = 6;

/// Says what was read, what was not, and which rules were blind.
pub(super) fn print(ui: &Ui, ledger: &Ledger) {
    print_coverage(ui, ledger);
    print_rules(ui, ledger);
    if !ledger.blind_spots.is_empty() {
        ui.note(&format!("these logs never show: {}", ledger.blind_spots.join("; ")));
    }
    let counts: Vec<String> = ledger
        .findings()
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(level, count)| format!("{count} {}", level.name()))
        .collect();
    ui.note(&format!("findings: {}", if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }));
}

/// Says what was read, and what was not.
pub(super) fn print_coverage(ui: &Ui, ledger: &Ledger) {
    let totals = ledger.totals();
    ui.note(&format!(
        "scanned {} input{}: {} bytes = {} parsed + {} blank + {} rejected; {} records",
        totals.inputs,
        if totals.inputs == 1 { "" } else { "s" },
        totals.bytes,
        totals.parsed_bytes,
        totals.blank_bytes,
        totals.rejected_bytes,
        totals.records,
    ));
    if let (Some(first), Some(last)) = (totals.first_time, totals.last_time) {
        ui.note(&format!("events from {} to {}", first.to_rfc3339(), last.to_rfc3339()));
    }
    ledger.inputs.iter().for_each(|input| print_input(ui, input));
    for problem in &ledger.unreadable {
        let hint = problem.hint.as_deref().map_or_else(String::new, |hint| format!(" ({hint})"));
        ui.warn(&Safe(&format!("{}: {}{hint}", problem.path, problem.reason)).to_string());
    }
    for note in &ledger.notes {
        ui.note(&Safe(note).to_string());
    }
}

fn print_input(ui: &Ui, input: &InputLedger) {
    let label = Safe(&input.label).to_string();
    if let Some(problem) = &input.problem {
        ui.warn(&format!("{label}: {}", Safe(problem)));
    }
    print_ranges(ui, &label, "line", &input.coverage.rejected, "rejected");
    print_ranges(ui, &label, "record", &input.coverage.untimed, "evaluated without a time");
    if input.coverage.duplicate_keys > 0 {
        ui.note(&format!(
            "{label}: {} keys stand twice in a record; both values were read",
            input.coverage.duplicate_keys
        ));
    }
    let unplaced: Vec<&str> = input.unplaced.iter().take(MAX_NAMES).collect();
    if !input.placed.is_empty() && input.format.as_deref() == Some("csv") {
        let placed: Vec<String> =
            input.placed.iter().map(|(field, column)| format!("{field} = {column}")).collect();
        let rest = if unplaced.is_empty() {
            String::new()
        } else {
            format!("; by their own names: {}", unplaced.join(", "))
        };
        ui.note(&Safe(&format!("{label}: columns read as {}{rest}", placed.join(", "))).to_string());
    }
}

fn print_ranges(ui: &Ui, label: &str, unit: &str, ranges: &Ranges, what: &str) {
    let total = ranges.total();
    if total.ranges == 0 {
        return;
    }
    let listed = ranges.listed();
    for range in listed.iter().take(MAX_RANGES) {
        let number = range.number.map_or_else(String::new, |number| format!("{unit} {number}, "));
        ui.note(&format!(
            "{label}: {number}offset {}, {} bytes {what}: {}",
            range.offset, range.length, range.reason
        ));
    }
    let shown = listed.len().min(MAX_RANGES) as u64;
    if total.ranges > shown {
        ui.note(&format!("{label}: {} more {what} (--ledger FILE lists them)", total.ranges - shown));
    }
}

fn print_rules(ui: &Ui, ledger: &Ledger) {
    let read = ledger.rules.iter().filter(|rule| !rule.sources.is_empty()).count();
    let blind: Vec<&str> = ledger
        .rules
        .iter()
        .filter(|rule| rule.is_blind() && rule.places_unknown.is_empty())
        .map(|rule| rule.name.as_str())
        .collect();
    let mut line = format!("rules: {} loaded, {read} apply to these logs", ledger.rules.len());
    if !ledger.rule_errors.is_empty() {
        line.push_str(&format!(", {} could not be loaded", ledger.rule_errors.len()));
    }
    ui.note(&line);
    let needs: std::collections::BTreeSet<&str> =
        ledger.rules.iter().flat_map(|rule| &rule.places_unknown).map(String::as_str).collect();
    let places = ledger.rules.iter().filter(|rule| !rule.places_unknown.is_empty()).count();
    if !needs.is_empty() {
        let needs: Vec<&str> = needs.into_iter().collect();
        ui.note(
            &Safe(&format!("{places} rules know no places: {} (--geo FILE)", needs.join(", "))).to_string(),
        );
    }
    if !blind.is_empty() {
        let named = blind.iter().take(MAX_NAMES).copied().collect::<Vec<_>>().join(", ");
        let more = blind.len().saturating_sub(MAX_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        ui.note(
            &Safe(&format!(
                "rules with a field that no record has: {named}{more} (--ledger FILE says which)"
            ))
            .to_string(),
        );
    }
}
