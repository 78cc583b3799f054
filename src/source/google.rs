//! Google Workspace: activities of the Reports API (admin, login, token, saml and others), as pages or one a line.
//!
//! The API gives `events` as an array, some exports a single object, some put the event's members beside the others. An
//! activity may hold several events; a rule asks of all of them together. What an event was about stands in parameters,
//! a list of names and values. A path cannot tell which value is whose: `user.target.email` is the value of every parameter
//! where it is not named by a key. For events about one account that is the account.

use super::{Meaning, Source, When};

/// See the module.
pub const SOURCE: Source = Source {
    name: "google-workspace",
    about: "Google Workspace activities of the Reports API: pages, or one activity a line",
    logsources: &[
        ("saas_audit", "gcp", "google_workspace.admin"),
        ("saas_audit", "gcp", "google_workspace.login"),
        ("saas_audit", "gcp", "google_workspace.token"),
        ("saas_audit", "gcp", "google_workspace.saml"),
    ],
    aliases: |field| raw_paths(field).iter().map(|&path| path.to_owned()).collect(),
    meanings: MEANINGS,
    fields: &[
        "@timestamp",
        "event.action",
        "event.provider",
        "event.id",
        "user.email",
        "user.id",
        "user.target.email",
        "source.ip",
        "source.geo.country_iso_code",
        "source.as.number",
        "user_agent.original",
        "organization.id",
    ],
    is_mapped: false,
    is_calendar: false,
    required: &[],
    looks_like: |has| has("id.applicationName") || (has("id.uniqueQualifier") && has("actor")),
    pages: &["items"],
    event_type: None,
    blind_spots: &["a login's outcome where an event's name does not tell it"],
};

const LOGINS: &[&str] = &["login_success", "login_failure"];

const MEANINGS: &[Meaning] = &[
    Meaning { field: "event.category", value: "authentication", when: &[When::Is("event.action", LOGINS)] },
    Meaning { field: "event.category", value: "iam", when: &[When::Is("event.provider", &["admin"])] },
    Meaning {
        field: "event.outcome",
        value: "success",
        when: &[When::Is("event.action", &["login_success"])],
    },
    Meaning {
        field: "event.outcome",
        value: "failure",
        when: &[When::Is("event.action", &["login_failure"])],
    },
    // What Google's audit logs in Google Cloud call the same; rules of SigmaHQ ask for it.
    Meaning {
        field: "eventService",
        value: "admin.googleapis.com",
        when: &[When::Is("event.provider", &["admin"])],
    },
    Meaning {
        field: "eventService",
        value: "login.googleapis.com",
        when: &[When::Is("event.provider", &["login"])],
    },
];

fn raw_paths(field: &str) -> &'static [&'static str] {
    match field {
        "@timestamp" => &["id.time"],
        "event.action" | "eventName" => &["events.name", "name"],
        "event.provider" => &["id.applicationName"],
        "event.id" => &["id.uniqueQualifier"],
        "user.email" => &["actor.email"],
        "user.id" => &["actor.profileId"],
        "user.target.email" => {
            &["parameters.USER_EMAIL", "parameters.affected_email_address", "events.parameters.value"]
        }
        "source.ip" => &["ipAddress"],
        "source.geo.country_iso_code" => &["networkInfo.regionCode"],
        "source.as.number" => &["networkInfo.ipAsn"],
        "user_agent.original" => &["parameters.user_agent"],
        "organization.id" => &["id.customerId"],
        "new_value" => &["parameters.NEW_VALUE"],
        "setting_name" => &["parameters.SETTING_NAME"],
        _ => &[],
    }
}
