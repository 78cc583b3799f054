//! OneLogin events, as its API documents them.
//!
//! Events are numbers, and accounts are names, not addresses: `user.email` is the name of who acted, so that rules by
//! account work at all. A mapping file places the login where an export has one.

use super::{Meaning, Source, When};

/// See the module.
pub const SOURCE: Source = Source {
    name: "onelogin",
    about: "OneLogin events: pages of the API, an array, or one event a line; accounts are names, not addresses",
    logsources: &[("saas_audit", "onelogin", "onelogin.events")],
    aliases: |field| raw_paths(field).iter().map(|&path| path.to_owned()).collect(),
    meanings: MEANINGS,
    fields: &[
        "@timestamp",
        "event.action",
        "event.reason",
        "event.id",
        "user.email",
        "user.id",
        "user.name",
        "user.target.email",
        "user.target.id",
        "source.ip",
        "user_agent.original",
        "service.name",
    ],
    is_mapped: false,
    is_calendar: false,
    required: &["event.action"],
    looks_like: |has| {
        has("event_type_id")
            && ["ipaddr", "user_id", "user_name", "actor_user_name", "created_at", "account_id"]
                .iter()
                .any(|path| has(path))
    },
    pages: &["data"],
    event_type: None,
    blind_spots: &["addresses of accounts: events name people, not logins"],
};

const MEANINGS: &[Meaning] = &[
    Meaning {
        field: "event.category",
        value: "authentication",
        when: &[When::Is("event.action", &["5", "6"])],
    },
    Meaning { field: "event.outcome", value: "success", when: &[When::Is("event.action", &["5"])] },
    Meaning { field: "event.outcome", value: "failure", when: &[When::Is("event.action", &["6"])] },
];

fn raw_paths(field: &str) -> &'static [&'static str] {
    match field {
        "@timestamp" => &["created_at", "event_timestamp"],
        "event.action" => &["event_type_id"],
        "event.reason" => &["notes", "error_description"],
        "event.id" => &["id"],
        "user.email" | "user.name" => &["actor_user_name", "user_name"],
        "user.id" => &["actor_user_id", "user_id"],
        "user.target.email" => &["user_name"],
        "user.target.id" => &["user_id"],
        "source.ip" => &["ipaddr"],
        "user_agent.original" => &["user_agent"],
        "service.name" => &["app_name"],
        _ => &[],
    }
}
