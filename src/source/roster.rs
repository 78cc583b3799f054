//! A roster: who left the organisation, and on which day. CSV or JSON lines, kept by people.
//!
//! Each record is an event, `person.left`, at the end of the last day: `2026-03-30` is the last instant of that day in
//! `--log-zone`, else the profile's zone, else UTC. A record without a day is somebody who still works there, and no
//! event in time. A date alone is a time in this source and in no other.

use super::spelling::spellings;
use super::{Meaning, Source, When};

/// See the module.
pub const SOURCE: Source = Source {
    name: "roster",
    about: "who left, and on which day: CSV or JSON lines with `email` and `last_day`; a date is the end of that day",
    logsources: &[("membership", "roster", "roster")],
    aliases: raw_paths,
    meanings: MEANINGS,
    fields: &["@timestamp", "user.email", "user.target.email", "user.name"],
    is_mapped: false,
    is_calendar: true,
    required: &["@timestamp", "user.email", "user.target.email"],
    looks_like: |has| {
        let any = |field: &str| raw_paths(field).iter().any(|path| has(path));
        any("@timestamp") && any("user.email")
    },
    pages: &[],
    event_type: None,
    blind_spots: &["accounts under another address than the one in the roster"],
};

const MEANINGS: &[Meaning] =
    &[Meaning { field: "event.action", value: "person.left", when: &[When::Not("@timestamp", &[""])] }];

/// The day has no name here that a log of events could have for its time, such as `date` or `end_date`.
fn raw_paths(field: &str) -> Vec<String> {
    let words: &[&[&str]] = match field {
        "@timestamp" => &[
            &["last", "day"],
            &["last", "working", "day"],
            &["leaving", "date"],
            &["exit", "date"],
            &["termination", "date"],
        ],
        // Whom the record is about, and in whose account rules look for what they did.
        "user.email" | "user.target.email" => {
            &[&["email"], &["email", "address"], &["work", "email"], &["mail"]]
        }
        "user.name" => &[&["name"], &["full", "name"]],
        _ => &[],
    };
    words.iter().flat_map(|words| spellings(words)).collect()
}
