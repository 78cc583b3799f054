//! Any JSON log: no field names of its own, every rule is tried.

use super::Source;

/// See the module.
pub const SOURCE: Source = Source {
    name: "json",
    about: "any JSON log; fields by their raw names, every loaded rule is tried; only when asked for",
    logsources: &[],
    aliases: |field| match field {
        "@timestamp" => ["timestamp", "time", "published", "created_at"].map(str::to_owned).to_vec(),
        _ => Vec::new(),
    },
    meanings: &[],
    fields: &["@timestamp"],
    is_mapped: false,
    is_calendar: false,
    required: &[],
    looks_like: |_| false,
    pages: &[],
    event_type: None,
    blind_spots: &[],
};
