//! The vendor's audit log, in the shape that the made-up logs of [`crate::synth`] have: the vendor documents the names
//! of its events, not their keys.

use serde::Serialize;
use serde_json::Value;

use crate::event::time::Timestamp;

/// Who did something, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// E-mail of a person, username of a service account, `Mixpanel (System)`.
    pub email: String,
    /// Display name.
    pub name: String,
    /// Address; blank for the system.
    pub ip: String,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// When, in nanoseconds since 1970.
    pub nanos: i64,
    /// Who.
    pub actor: Actor,
    /// Event type.
    pub action: String,
    /// Id and name of the project; none for the organisation.
    pub project: Option<(u64, String)>,
    /// Event-specific part.
    pub details: Value,
}

#[derive(Serialize)]
struct Line<'a> {
    date_time: String,
    user: User<'a>,
    action: &'a str,
    ip_address: &'a str,
    scope: &'a str,
    project: Option<Named<'a>>,
    organization: Named<'a>,
    details: &'a Value,
}

#[derive(Serialize)]
struct User<'a> {
    email: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Named<'a> {
    id: u64,
    name: &'a str,
}

/// The log as NDJSON, in the order of the entries.
pub fn ndjson(entries: &[Entry], organization: (u64, &str)) -> String {
    let mut text = String::new();
    for entry in entries {
        let line = Line {
            date_time: Timestamp { nanos: entry.nanos, digits: 0 }.to_rfc3339(),
            user: User { email: &entry.actor.email, name: &entry.actor.name },
            action: &entry.action,
            ip_address: &entry.actor.ip,
            scope: if entry.project.is_some() { "project" } else { "organization" },
            project: entry.project.as_ref().map(|(id, name)| Named { id: *id, name }),
            organization: Named { id: organization.0, name: organization.1 },
            details: &entry.details,
        };
        text.push_str(&serde_json::to_string(&line).unwrap_or_default());
        text.push('\n');
    }
    text
}
