//! Which part of an account's life an event type belongs to. A table: a new source adds lines.

/// A lane of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Logins, sessions, factors, passwords.
    Identity,
    /// Data that leaves, and ways for it to leave.
    Exports,
    /// Settings, definitions and stored data.
    Settings,
    /// Service accounts and tokens.
    Credentials,
    /// Members, roles, teams, invitations.
    People,
    /// What others did against the account.
    Containment,
    /// Everything else: reports, boards, cohorts.
    Other,
}

impl Lane {
    /// In the order of the chart.
    pub const ALL: [Self; 7] = [
        Self::Identity,
        Self::Exports,
        Self::Settings,
        Self::Credentials,
        Self::People,
        Self::Other,
        Self::Containment,
    ];

    /// Its name on the chart.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Exports => "exports",
            Self::Settings => "settings",
            Self::Credentials => "credentials",
            Self::People => "people",
            Self::Containment => "containment",
            Self::Other => "other work",
        }
    }
}

/// What an event of a type does, beyond belonging to a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Nothing that a chart has to know.
    Plain,
    /// Data leaves.
    Leaves,
    /// A way for data to leave is opened.
    Opens,
    /// Something comes into being that can act by itself, so called.
    Makes(&'static str),
    /// Somebody or something loses a right, or a change is called off.
    Ends,
}

/// An event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The lane.
    pub lane: Lane,
    /// What it does.
    pub does: Does,
}

/// The kind of an event type: that of the longest beginning in the table.
pub fn kind(action: &str) -> Kind {
    let known = TABLE.iter().filter(|(start, ..)| action.starts_with(start));
    let longest = known.max_by_key(|(start, ..)| start.len());
    longest.map_or(Kind { lane: Lane::Other, does: Does::Plain }, |&(_, lane, does)| Kind { lane, does })
}

/// An event type in words: `raw_event_export.requested` becomes "raw event export requested".
pub fn words(action: &str) -> String {
    let core = PREFIXES.iter().find_map(|prefix| action.strip_prefix(prefix)).unwrap_or(action);
    core.replace(['.', '_'], " ")
}

/// Beginnings that say nothing where it is an account's chart.
const PREFIXES: &[&str] =
    &["user.authentication.", "user.account.", "user.lifecycle.", "user.mfa.", "system."];

use Does::{Ends, Leaves, Makes, Opens, Plain};
use Lane::{Credentials, Exports, Identity, Other, People, Settings};

/// Beginnings of event types. Mixpanel's audit log and Okta's System Log.
const TABLE: &[(&str, Lane, Does)] = &[
    // Mixpanel
    ("session.", Identity, Plain),
    ("user.twofactor_", Identity, Plain),
    ("raw_event_export.", Exports, Leaves),
    ("event_export.", Exports, Leaves),
    ("profile_export.", Exports, Leaves),
    ("user_data_export.", Exports, Leaves),
    ("audit_log_export.", Exports, Leaves),
    ("board.exported", Exports, Leaves),
    ("bookmark.screenshot_downloaded", Exports, Leaves),
    ("board.public_access_updated", Exports, Opens),
    ("board_subscription.", Exports, Plain),
    ("board_subscription.created", Exports, Opens),
    ("cohort_sync.", Exports, Opens),
    ("data_pipeline.", Exports, Opens),
    ("data_pipeline.deleted", Exports, Ends),
    ("warehouse_source", Exports, Plain),
    ("warehouse_source.created", Exports, Opens),
    ("warehouse_source.deleted", Exports, Ends),
    ("warehouse_source_sync.created", Exports, Opens),
    ("warehouse_source_sync.deleted", Exports, Ends),
    ("organization_", Settings, Plain),
    ("billing_info.", Settings, Plain),
    ("project.", Settings, Plain),
    ("project.default_access_revoked", Settings, Ends),
    ("event_definition.", Settings, Plain),
    ("property_definition.", Settings, Plain),
    ("event_deletion.", Settings, Plain),
    ("event_deletion.canceled", Settings, Ends),
    ("user_data_deletion.", Settings, Plain),
    ("user_data_deletion.canceled", Settings, Ends),
    ("profile.", Settings, Plain),
    ("alert.deleted", Settings, Plain),
    ("alert.updated", Settings, Plain),
    ("agent_flow.", Settings, Plain),
    ("service_account.", Credentials, Plain),
    ("service_account.created", Credentials, Makes("service account")),
    ("service_account.deleted", Credentials, Ends),
    ("service_account.removed_from_project", Credentials, Ends),
    ("team.service_account_", Credentials, Plain),
    ("team.service_account_removed", Credentials, Ends),
    ("custom_role.", People, Plain),
    ("custom_role.deleted", People, Ends),
    ("invitation.", People, Plain),
    ("invitation.sent", People, Makes("invited person")),
    ("organization.user_added", People, Makes("member")),
    ("organization.user_removed", People, Ends),
    ("user.role_changed", People, Plain),
    ("project.user_", People, Plain),
    ("project.user_removed", People, Ends),
    ("project.team_", People, Plain),
    ("workspace.", People, Plain),
    ("workspace.user_removed", People, Ends),
    ("team.", People, Plain),
    ("team.user_removed", People, Ends),
    // Okta
    ("user.session.", Identity, Plain),
    ("user.session.end", Identity, Ends),
    ("user.session.clear", Identity, Ends),
    ("user.authentication.", Identity, Plain),
    ("user.mfa.", Identity, Plain),
    ("user.mfa.factor.activate", Identity, Makes("factor")),
    ("user.mfa.factor.reset_all", Identity, Ends),
    ("user.mfa.factor.deactivate", Identity, Ends),
    ("user.account.", Identity, Plain),
    ("user.account.lock", Identity, Ends),
    ("user.account.reset_password", Identity, Ends),
    ("user.account.expire_password", Identity, Ends),
    ("user.account.privilege.", People, Plain),
    ("user.account.privilege.revoke", People, Ends),
    ("user.lifecycle.", People, Plain),
    ("user.lifecycle.create", People, Makes("person")),
    ("user.lifecycle.suspend", People, Ends),
    ("user.lifecycle.deactivate", People, Ends),
    ("user.lifecycle.delete", People, Ends),
    ("security.", Identity, Plain),
    ("system.api_token.", Credentials, Plain),
    ("system.api_token.create", Credentials, Makes("API token")),
    ("system.api_token.revoke", Credentials, Ends),
    ("app.oauth2.", Credentials, Plain),
    ("app.oauth2.token.revoke", Credentials, Ends),
    ("app.oauth2.client.lifecycle.create", Credentials, Makes("OAuth client")),
    ("application.user_membership.", People, Plain),
    ("application.user_membership.remove", People, Ends),
    ("application.", Settings, Plain),
    ("group.", People, Plain),
    ("group.user_membership.remove", People, Ends),
    ("group.privilege.revoke", People, Ends),
    ("policy.", Settings, Plain),
    ("zone.", Settings, Plain),
    ("system.", Settings, Plain),
    ("board.", Other, Plain),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::mixpanel_events::EVENTS;

    #[test]
    fn the_longest_beginning_counts() {
        let cases = [
            ("raw_event_export.requested", Exports, Leaves),
            ("board.public_access_updated", Exports, Opens),
            ("board.updated", Other, Plain),
            ("service_account.created", Credentials, Makes("service account")),
            ("user.mfa.factor.activate", Identity, Makes("factor")),
            ("user.lifecycle.suspend", People, Ends),
            ("system.api_token.create", Credentials, Makes("API token")),
            ("organization.user_removed", People, Ends),
            ("organization_setting.updated", Settings, Plain),
            ("", Other, Plain),
        ];
        for (action, lane, does) in cases {
            assert_eq!(kind(action), Kind { lane, does }, "{action}");
        }
    }

    #[test]
    fn lines_are_unique_and_each_export_of_the_vendor_is_in_its_lane() {
        for (at, (start, ..)) in TABLE.iter().enumerate() {
            assert!(TABLE.iter().skip(at + 1).all(|(other, ..)| other != start), "{start}");
        }
        for event in EVENTS.iter().filter(|event| event.category == "Exports") {
            assert_eq!(kind(event.name).lane, Exports, "{}", event.name);
        }
    }

    #[test]
    fn names_become_words() {
        assert_eq!(words("raw_event_export.requested"), "raw event export requested");
        assert_eq!(words("user.mfa.factor.activate"), "factor activate");
        assert_eq!(words("user.session.start"), "user session start");
    }
}
