//! Any JSON log: no field names of its own, every rule is tried.

use super::Source;

/// See the module.
pub const SOURCE: Source = Source {
    name: "json",
    about: "any JSON log; fields by their raw names, every loaded rule is tried; only when asked for",
    logsource: None,
    aliases: |field| match field {
        "@timestamp" => ["timestamp", "time", "published", "created_at"].map(str::to_owned).to_vec(),
        _ => Vec::new(),
    },
    fields: &["@timestamp"],
    required: &[],
    looks_like: |_| false,
    event_type: None,
    blind_spots: &[],
};
