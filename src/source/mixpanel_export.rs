//! Mixpanel's raw event export: what a project's users did, or activity that somebody mirrors into a project.
//!
//! Mirrored events have the names that the sender gave them; where those are the audit log's, its rules apply.

use super::{Source, mixpanel_audit};

/// See the module.
pub const SOURCE: Source = Source {
    name: "mixpanel-export",
    about: "Mixpanel raw event export, one event a line; rules for the audit log apply to events of the same names",
    logsources: &[
        ("saas_audit", "mixpanel", "export"),
        ("saas_audit", "mixpanel", "audit"),
        ("membership", "mixpanel", "audit"),
    ],
    aliases: |field| raw_paths(field).iter().map(|&path| path.to_owned()).collect(),
    meanings: mixpanel_audit::MEANINGS,
    fields: &[
        "@timestamp",
        "event.action",
        "event.id",
        "event.ingested",
        "user.email",
        "user.id",
        "user.name",
        "user.target.email",
        "source.ip",
        "source.geo.city_name",
        "source.geo.country_iso_code",
        "source.geo.region_name",
        "user_agent.original",
        "organization.name",
        "details",
    ],
    is_mapped: false,
    is_calendar: false,
    required: &["@timestamp", "event.action"],
    looks_like: |has| {
        has("event")
            && has("properties.time")
            && ["properties.$insert_id", "properties.distinct_id", "properties.mp_processing_time_ms"]
                .iter()
                .any(|path| has(path))
    },
    pages: &[],
    event_type: None,
    blind_spots: &[
        "everything that nobody sent to the project; it says what a sender claims, not what happened",
    ],
};

fn raw_paths(field: &str) -> &'static [&'static str] {
    match field {
        "@timestamp" => &["properties.time"],
        "event.action" => &["event"],
        "event.id" => &["properties.$insert_id"],
        "event.ingested" => &["properties.mp_processing_time_ms"],
        "user.email" => &[
            "properties.user.email",
            "properties.user_email",
            "properties.$email",
            "properties.$user_id",
            "properties.distinct_id",
        ],
        "user.id" => &["properties.$user_id", "properties.distinct_id"],
        "user.name" => &["properties.user.name", "properties.$name"],
        "user.target.email" => &["properties.details.email"],
        "source.ip" => &["properties.ip_address", "properties.ip", "properties.$ip"],
        "source.geo.city_name" => &["properties.$city"],
        "source.geo.country_iso_code" => &["properties.mp_country_code"],
        "source.geo.region_name" => &["properties.$region"],
        "user_agent.original" => &["properties.user_agent", "properties.$user_agent"],
        "organization.name" => &["properties.organization", "properties.project"],
        "details" => &["properties.details", "properties"],
        _ => &[],
    }
}
