//! Mixpanel's audit log, exported as NDJSON or CSV.
//!
//! The vendor documents neither the keys nor the headers, only the columns of its page (`Date and Time`, `User`,
//! `Action`, `IP Address`, `Project or Org`). So this source knows many spellings, and the ledger says which one it
//! used. Nothing here is the vendor's schema.

use super::spelling::spellings;
use super::{Meaning, Source, When, mixpanel_events};

/// See the module.
pub const SOURCE: Source = Source {
    name: "mixpanel-audit",
    about: "Mixpanel audit log, exported as NDJSON or CSV; keys are recognised by spelling, --mapping adds others",
    logsources: &[("saas_audit", "mixpanel", "audit"), ("membership", "mixpanel", "audit")],
    aliases: raw_paths,
    meanings: MEANINGS,
    fields: &[
        "@timestamp",
        "event.action",
        "user.email",
        "user.name",
        "user.target.email",
        "source.ip",
        "user_agent.original",
        "organization.name",
        "details",
    ],
    is_mapped: true,
    is_calendar: false,
    required: &["@timestamp", "event.action"],
    looks_like: |has| {
        let any = |field: &str| raw_paths(field).iter().any(|path| has(path));
        any("@timestamp") && any("event.action") && any("user.email") && any("source.ip")
    },
    pages: &[],
    event_type: Some(|name| mixpanel_events::lookup(name).map(|event| event.since)),
    blind_spots: mixpanel_events::BLIND_SPOTS,
};

/// Logins by the names of their events.
pub(super) const MEANINGS: &[Meaning] = &[
    Meaning {
        field: "event.category",
        value: "authentication",
        when: &[When::Is("event.action", &["session.logged_in", "session.login_failed"])],
    },
    Meaning {
        field: "event.outcome",
        value: "success",
        when: &[When::Is("event.action", &["session.logged_in"])],
    },
    Meaning {
        field: "event.outcome",
        value: "failure",
        when: &[When::Is("event.action", &["session.login_failed"])],
    },
];

fn raw_paths(field: &str) -> Vec<String> {
    let words: &[&[&str]] = match field {
        "@timestamp" => &[
            &["date", "time"],
            &["date", "and", "time"],
            &["timestamp"],
            &["time"],
            &["date"],
            &["created", "at"],
            &["event", "time"],
            &["occurred", "at"],
        ],
        "event.action" => {
            &[&["action"], &["event"], &["event", "type"], &["event", "name"], &["action", "type"]]
        }
        "user.email" => {
            &[&["user", "email"], &["actor", "email"], &["email"], &["user"], &["actor"], &["username"]]
        }
        "user.name" => &[&["user", "name"], &["actor", "name"]],
        "source.ip" => {
            &[&["ip", "address"], &["ip"], &["source", "ip"], &["client", "ip"], &["remote", "ip"]]
        }
        "user_agent.original" => &[&["user", "agent"]],
        "organization.name" => &[&["project", "or", "org"], &["organization"], &["org"]],
        "details" => &[&["details"], &["metadata"], &["properties"]],
        _ => &[],
    };
    let nested: &[&str] = match field {
        "event.action" => &["event.name", "event.type"],
        "user.email" => &["user.email", "actor.email", "User.Email"],
        // Whom an act was about: an assumption of ours, as everything in the details.
        "user.target.email" => &["details.email", "details.user.email", "details.user_email"],
        "user.name" => &["user.name", "actor.name"],
        "source.ip" => &["IP Address", "IP", "ip.address", "client.ip"],
        "organization.name" => &["organization.name", "org.name"],
        _ => &[],
    };
    nested
        .iter()
        .map(|&path| path.to_owned())
        .chain(words.iter().flat_map(|words| spellings(words)))
        .collect()
}
