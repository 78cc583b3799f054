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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::mixpanel::{Act, push_ndjson};

    #[test]
    fn a_line_is_as_the_made_up_logs_have_it() {
        let (email, name) = ("jane@agency.example", "Jane Doe");
        for project in [None, Some(0)] {
            let act = Act {
                time: 1_777_601_649,
                who: (email.to_owned(), name.to_owned()),
                action: "service_account.created",
                ip: "203.0.113.66".to_owned(),
                project,
                details: r#"{"role":"admin","service_account_id":88123}"#.to_owned(),
            };
            let mut expected = Vec::new();
            push_ndjson(&mut expected, &act);
            let entry = Entry {
                nanos: 1_777_601_649_250_000_000,
                actor: Actor { email: email.to_owned(), name: name.to_owned(), ip: act.ip },
                action: act.action.to_owned(),
                project: project.map(|_| (3_187_001, "Web Production".to_owned())),
                details: serde_json::json!({"role": "admin", "service_account_id": 88123}),
            };
            assert_eq!(ndjson(&[entry], (90_210, "Acme")), String::from_utf8(expected).unwrap());
        }
    }
}
