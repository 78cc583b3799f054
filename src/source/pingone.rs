//! PingOne audit activities, as its platform API documents them. They have no address.

use super::{Meaning, Source, When};

/// See the module.
pub const SOURCE: Source = Source {
    name: "pingone",
    about: "PingOne audit activities: pages of the API, an array, or one activity a line; they have no address",
    logsources: &[("saas_audit", "pingone", "audit")],
    aliases: |field| raw_paths(field).iter().map(|&path| path.to_owned()).collect(),
    meanings: MEANINGS,
    fields: &[
        "@timestamp",
        "event.action",
        "event.reason",
        "event.id",
        "user.email",
        "user.id",
        "user.target.email",
        "user.target.id",
        "service.name",
        "organization.id",
    ],
    is_mapped: false,
    is_calendar: false,
    required: &["@timestamp", "event.action"],
    looks_like: |has| has("recordedAt") && has("action.type"),
    pages: &["_embedded.activities"],
    event_type: None,
    blind_spots: &["the address that an activity came from, its device and place"],
};

/// Activities by which a person shows who they are.
const LOGINS: &[&str] = &["PASSWORD.CHECK_SUCCEEDED", "PASSWORD.CHECK_FAILED"];

const MEANINGS: &[Meaning] = &[
    Meaning { field: "event.category", value: "authentication", when: &[When::Is("event.action", LOGINS)] },
    Meaning { field: "event.outcome", value: "success", when: &[When::Is("result.status", &["success"])] },
    Meaning {
        field: "event.outcome",
        value: "failure",
        when: &[When::Is("result.status", &["failed", "failure"])],
    },
];

fn raw_paths(field: &str) -> &'static [&'static str] {
    match field {
        "@timestamp" => &["recordedAt"],
        "event.action" => &["action.type"],
        "event.reason" => &["result.description"],
        "event.id" => &["id"],
        "user.email" => &["actors.user.name"],
        "user.id" => &["actors.user.id"],
        "user.target.email" => &["resources.name"],
        "user.target.id" => &["resources.id"],
        "service.name" => &["actors.client.name"],
        "organization.id" => &["actors.user.environment.id"],
        _ => &[],
    }
}
