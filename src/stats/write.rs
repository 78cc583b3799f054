//! Counts for people, spreadsheets and programs.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use serde_json::json;

use super::count::{Count, Stats};
use crate::event::time::Timestamp;
use crate::output::csv;
use crate::output::escape::shortened;
use crate::output::json;

/// Characters of a value that a table for people shows.
const WIDTH: usize = 60;
/// Characters of the longest bar.
const BAR: u64 = 40;

/// How counts are written.
#[derive(Debug, Clone)]
pub enum Form {
    /// Tables for people, of each kind so many rows (0: all), times in the zone.
    Text {
        /// Rows of each kind.
        rows: usize,
        /// The zone of times.
        zone: TimeZone,
    },
    /// RFC 4180: `by`, `value`, `records`, `first`, `last`; a cell that would start a formula gets an apostrophe,
    /// and controls are shown by their codes.
    Csv,
    /// One object a line with the same keys, exact.
    Jsonl,
}

/// Writes them.
///
/// # Errors
/// Of the writer.
pub fn write(out: &mut dyn Write, stats: &Stats, form: &Form) -> io::Result<()> {
    match form {
        Form::Text { rows, zone } => text(out, stats, *rows, zone),
        Form::Csv => {
            csv::row(out, ["by", "value", "records", "first", "last"])?;
            each(stats, |by, value, count| {
                let (records, first, last) = (count.records.to_string(), utc(count.first), utc(count.last));
                let cells = [by, value.unwrap_or_default(), &records, &first, &last];
                csv::row(out, cells.map(csv::shown))
            })
        }
        Form::Jsonl => each(stats, |by, value, count| {
            let time = |nanos: Option<i64>| nanos.map(|_| utc(nanos));
            let row = json!({
                "by": by, "value": value, "records": count.records, "first": time(count.first), "last": time(count.last),
            });
            out.write_all(json::line(&row).as_bytes())
        }),
    }?;
    out.flush()
}

fn each(stats: &Stats, mut row: impl FnMut(&str, Option<&str>, &Count) -> io::Result<()>) -> io::Result<()> {
    stats.tables.iter().try_for_each(|(by, rows)| {
        rows.iter().try_for_each(|(value, count)| row(by, value.as_deref(), count))
    })
}

fn utc(nanos: Option<i64>) -> String {
    nanos.map(|nanos| Timestamp { nanos, digits: 0 }.to_rfc3339()).unwrap_or_default()
}

fn text(out: &mut dyn Write, stats: &Stats, shown: usize, zone: &TimeZone) -> io::Result<()> {
    for (at, (by, rows)) in stats.tables.iter().enumerate() {
        let gap = if at > 0 { "\n" } else { "" };
        let is_hour = *by == "hour";
        let named = rows.iter().filter(|(value, _)| value.is_some()).count();
        let of = if is_hour {
            format!(" in {}", zone.iana_name().unwrap_or("the zone asked for"))
        } else {
            String::new()
        };
        writeln!(out, "{gap}By {by}{of}: {named}")?;
        let most = rows.iter().map(|(_, count)| count.records).max().unwrap_or(0).max(1);
        let limit = if shown == 0 || is_hour { rows.len() } else { shown };
        for (value, count) in rows.iter().take(limit) {
            let value = value.as_deref().map_or_else(|| "(none)".to_owned(), |value| shortened(value, WIDTH));
            if is_hour {
                let length = (u128::from(count.records) * u128::from(BAR)).div_ceil(u128::from(most));
                let bar = "█".repeat(usize::try_from(length).unwrap_or(0));
                writeln!(out, "{:>12}  {value:<6} {bar}", count.records)?;
            } else {
                writeln!(out, "{:>12}  {value:<WIDTH$}  {}", count.records, span(count, zone))?;
            }
        }
        let left = rows.len().saturating_sub(limit);
        if left > 0 {
            writeln!(out, "{left:>12}  more (--all shows them)")?;
        }
    }
    Ok(())
}

fn span(count: &Count, zone: &TimeZone) -> String {
    let time = |nanos: i64| Timestamp { nanos, digits: 0 }.in_zone(zone);
    count
        .first
        .zip(count.last)
        .map_or_else(String::new, |(first, last)| format!("{} to {}", time(first), time(last)))
}
