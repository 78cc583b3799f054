//! Argument values: times, zones, levels, names from registries.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::command::scan_report;
use crate::event::time::{TimeError, TimeOptions, TimeReader, Timestamp};
use crate::output::{FORMATS, LEVELS};
use crate::rule::Level;
use crate::source::SOURCES;

/// A date (midnight UTC), or any time that logs may have.
pub fn time(text: &str) -> Result<Timestamp, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    TimeReader::new(TimeOptions::default()).read(whole.as_bytes()).map_err(|error| {
        // The reader's advice is about logs, whose zone is not that of the command line.
        let why = match error {
            TimeError::NoZone => "time names no zone",
            TimeError::AmbiguousZone => "zone abbreviation has several meanings",
            other => other.reason(),
        };
        format!("{why}; write 2026-05-01 or 2026-05-01T02:14:09Z")
    })
}

/// A day.
pub fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_unknown| "write a day such as 2026-05-01".to_owned())
}

/// A length of time in nanoseconds: `30s`, `10m`, `1h`, `14d`.
pub fn duration(text: &str) -> Result<i64, String> {
    crate::rule::derive::parse_duration(text).ok_or_else(|| "write a time such as 30m, 12h or 2d".to_owned())
}

/// The same for waiting.
pub fn time_span(text: &str) -> Result<Duration, String> {
    let nanos = u64::try_from(duration(text)?).map_err(|_negative| "a time cannot be negative".to_owned())?;
    Ok(Duration::from_nanos(nanos))
}

/// A zone of the tz database.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name)
        .map_err(|_unknown| "no such time zone; write a tz name such as Europe/Berlin or UTC".to_owned())
}

/// A level.
pub fn level(name: &str) -> Result<Level, String> {
    let names: Vec<&str> = LEVELS.iter().map(|level| level.name()).collect();
    Level::parse(&name.to_ascii_lowercase()).ok_or_else(|| unknown(name, &names))
}

/// The name of a source.
pub fn source(name: &str) -> Result<String, String> {
    let names: Vec<&str> = SOURCES.iter().map(|source| source.name).collect();
    if names.contains(&name) { Ok(name.to_owned()) } else { Err(unknown(name, &names)) }
}

/// The name of a format.
pub fn format(name: &str) -> Result<String, String> {
    let names: Vec<&str> = FORMATS.iter().map(|format| format.name).chain([scan_report::FORMAT]).collect();
    if names.contains(&name) { Ok(name.to_owned()) } else { Err(unknown(name, &names)) }
}

fn unknown(name: &str, known: &[&str]) -> String {
    let near = crate::rule::nearest(name, known.iter().copied());
    let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    format!("{near}one of {}", known.join(", "))
}
