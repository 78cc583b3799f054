//! A log that only its owner knows: JSON or CSV whose keys a mapping file names.
//!
//! The file says `source = "generic"`, or the source is named on the command line. Rules for every log apply.

use super::Source;

/// See the module.
pub const SOURCE: Source = Source {
    name: "generic",
    about: "any JSON or CSV log whose keys a --mapping file names; rules for every log apply",
    logsources: &[("saas_audit", "generic", "generic")],
    aliases: |_| Vec::new(),
    meanings: &[],
    fields: &[
        "@timestamp",
        "event.action",
        "event.category",
        "event.outcome",
        "event.reason",
        "event.id",
        "user.email",
        "user.id",
        "user.name",
        "user.target.email",
        "source.ip",
        "source.geo.city_name",
        "source.geo.country_iso_code",
        "source.geo.country_name",
        "source.geo.location.lat",
        "source.geo.location.lon",
        "user_agent.original",
        "organization.name",
    ],
    is_mapped: false,
    is_calendar: false,
    required: &["@timestamp"],
    looks_like: |_| false,
    pages: &[],
    event_type: None,
    blind_spots: &[],
};
