//! Okta System Log, as its API documents it.

use super::{Meaning, Source, When};

/// See the module.
pub const SOURCE: Source = Source {
    name: "okta",
    about: "Okta System Log: NDJSON, a JSON array, or pages as the API gives them",
    logsources: &[("saas_audit", "okta", "okta")],
    aliases: |field| raw_paths(field).iter().map(|&path| path.to_owned()).collect(),
    meanings: &[Meaning {
        field: "event.category",
        value: "authentication",
        when: &[When::Is("event.action", &["user.session.start"])],
    }],
    fields: &[
        "@timestamp",
        "event.action",
        "event.outcome",
        "event.reason",
        "event.id",
        "user.email",
        "user.id",
        "user.name",
        "user.target.email",
        "source.ip",
        "source.geo.city_name",
        "source.geo.country_name",
        "source.geo.region_name",
        "source.geo.location.lat",
        "source.geo.location.lon",
        "source.as.number",
        "source.as.organization.name",
        "user_agent.original",
    ],
    is_mapped: true,
    is_calendar: false,
    required: &["event.action"],
    looks_like: |has| {
        (has("eventType") || has("eventtype"))
            && (has("published") || has("actor.alternateId") || has("outcome.result"))
    },
    pages: &[],
    event_type: None,
    blind_spots: &[],
};

fn raw_paths(field: &str) -> &'static [&'static str] {
    match field {
        "@timestamp" => &["published"],
        // Some lakes write the outermost keys in lower case.
        "event.action" => &["eventType", "eventtype"],
        "eventType" => &["eventtype"],
        "event.outcome" => &["outcome.result"],
        "event.reason" => &["outcome.reason"],
        "event.id" => &["uuid"],
        "user.email" => &["actor.alternateId"],
        "user.id" => &["actor.id"],
        "user.name" => &["actor.displayName"],
        "user.target.email" => &["target.alternateId"],
        "source.ip" => &["client.ipAddress"],
        "source.geo.city_name" => &["client.geographicalContext.city"],
        "source.geo.country_name" => &["client.geographicalContext.country"],
        "source.geo.region_name" => &["client.geographicalContext.state"],
        "source.geo.location.lat" => &["client.geographicalContext.geolocation.lat"],
        "source.geo.location.lon" => &["client.geographicalContext.geolocation.lon"],
        "source.as.number" => &["securityContext.asNumber"],
        "source.as.organization.name" => &["securityContext.asOrg"],
        "user_agent.original" => &["client.userAgent.rawUserAgent"],
        _ => &[],
    }
}
