//! Event types of Mixpanel's audit log, from the vendor's documentation of August 2026.

/// Which export has an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The organisation's log alone.
    OrganizationOnly,
    /// The organisation's and the project's.
    Both,
}

/// A documented event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventType {
    /// Its name.
    pub name: &'static str,
    /// The date from which the vendor records it; its absence before proves nothing.
    pub since: &'static str,
    /// Which export has it.
    pub scope: Scope,
    /// The vendor's heading.
    pub category: &'static str,
}

/// What the audit log never shows, to be said in every report.
pub const BLIND_SPOTS: &[&str] = &[
    "token or secret resets",
    "creation, deletion and reset of projects",
    "changes of SSO, domains and the SCIM token by name",
    "password and passkey changes",
    "OAuth and MCP grants",
    "use of a service account",
    "ordinary queries",
    "webhooks",
    "removal of a cohort sync",
];

/// The event type of that name.
pub fn lookup(name: &str) -> Option<&'static EventType> {
    EVENTS.binary_search_by(|event| event.name.cmp(name)).ok().and_then(|at| EVENTS.get(at))
}

const fn event(name: &'static str, since: &'static str, scope: Scope, category: &'static str) -> EventType {
    EventType { name, since, scope, category }
}

use Scope::{Both, OrganizationOnly};

/// Every documented event type, by name.
pub const EVENTS: &[EventType] = &[
    event("agent_flow.activated", "2026-06-09", Both, "Agents"),
    event("agent_flow.created", "2026-06-09", Both, "Agents"),
    event("agent_flow.deleted", "2026-06-09", Both, "Agents"),
    event("agent_flow.paused", "2026-06-09", Both, "Agents"),
    event("agent_flow.triggered", "2026-06-09", Both, "Agents"),
    event("agent_flow.updated", "2026-06-09", Both, "Agents"),
    event("alert.created", "2026-02-01", Both, "Alerts"),
    event("alert.deleted", "2026-02-01", Both, "Alerts"),
    event("alert.triggered", "2026-02-07", Both, "Alerts"),
    event("alert.updated", "2026-02-01", Both, "Alerts"),
    event("audit_log_export.created", "2026-04-05", Both, "Exports"),
    event("audit_log_export.downloaded", "2026-04-05", Both, "Exports"),
    event("billing_info.payment_info_updated", "2026-05-20", OrganizationOnly, "Billing"),
    event("billing_info.receipt_preferences_updated", "2026-05-20", OrganizationOnly, "Billing"),
    event("billing_info.tax_info_updated", "2026-05-20", OrganizationOnly, "Billing"),
    event("board.created", "2026-04-05", Both, "Boards"),
    event("board.deleted", "2026-04-05", Both, "Boards"),
    event("board.duplicated", "2026-04-05", Both, "Boards"),
    event("board.exported", "2026-04-05", Both, "Boards"),
    event("board.public_access_updated", "2026-04-05", Both, "Boards"),
    event("board.shared", "2026-04-05", Both, "Boards"),
    event("board.unshared", "2026-04-05", Both, "Boards"),
    event("board.updated", "2026-04-05", Both, "Boards"),
    event("board_subscription.created", "2026-04-05", Both, "Boards"),
    event("board_subscription.deleted", "2026-04-05", Both, "Boards"),
    event("bookmark.created", "2026-04-05", Both, "Reports"),
    event("bookmark.deleted", "2026-04-05", Both, "Reports"),
    event("bookmark.moved", "2026-05-20", Both, "Reports"),
    event("bookmark.screenshot_downloaded", "2026-05-20", Both, "Reports"),
    event("bookmark.updated", "2026-04-05", Both, "Reports"),
    event("cohort.created", "2026-04-05", Both, "Cohorts"),
    event("cohort.deleted", "2026-04-05", Both, "Cohorts"),
    event("cohort.shared", "2026-04-05", Both, "Cohorts"),
    event("cohort.unshared", "2026-04-05", Both, "Cohorts"),
    event("cohort.updated", "2026-04-05", Both, "Cohorts"),
    event("cohort_sync.created", "2026-05-20", Both, "Cohorts"),
    event("cohort_sync.updated", "2026-05-20", Both, "Cohorts"),
    event("custom_role.created", "2026-04-05", Both, "Custom roles"),
    event("custom_role.deleted", "2026-04-05", Both, "Custom roles"),
    event("custom_role.updated", "2026-04-05", Both, "Custom roles"),
    event("data_pipeline.created", "2026-04-05", Both, "Pipelines"),
    event("data_pipeline.deleted", "2026-04-05", Both, "Pipelines"),
    event("data_pipeline.updated", "2026-04-05", Both, "Pipelines"),
    event("event_definition.created", "2026-05-20", Both, "Data"),
    event("event_definition.deleted", "2026-05-20", Both, "Data"),
    event("event_definition.updated", "2026-05-20", Both, "Data"),
    event("event_deletion.canceled", "2026-04-05", Both, "Data"),
    event("event_deletion.created", "2026-04-05", Both, "Data"),
    event("event_export.downloaded", "2026-04-05", Both, "Exports"),
    event("experiment.archived", "2026-05-20", Both, "Experiments"),
    event("experiment.concluded", "2026-05-20", Both, "Experiments"),
    event("experiment.created", "2026-05-20", Both, "Experiments"),
    event("experiment.decided", "2026-05-20", Both, "Experiments"),
    event("experiment.deleted", "2026-05-20", Both, "Experiments"),
    event("experiment.duplicated", "2026-05-20", Both, "Experiments"),
    event("experiment.launched", "2026-05-20", Both, "Experiments"),
    event("experiment.restored", "2026-05-20", Both, "Experiments"),
    event("experiment.updated", "2026-05-20", Both, "Experiments"),
    event("feature_flag.archived", "2026-05-20", Both, "Feature flags"),
    event("feature_flag.created", "2026-05-20", Both, "Feature flags"),
    event("feature_flag.deleted", "2026-05-20", Both, "Feature flags"),
    event("feature_flag.duplicated", "2026-05-20", Both, "Feature flags"),
    event("feature_flag.restored", "2026-05-20", Both, "Feature flags"),
    event("feature_flag.updated", "2026-05-20", Both, "Feature flags"),
    event("invitation.accepted", "2026-05-20", OrganizationOnly, "Users"),
    event("invitation.sent", "2026-05-20", OrganizationOnly, "Users"),
    event("organization.user_added", "2026-05-20", OrganizationOnly, "Users"),
    event("organization.user_removed", "2026-05-20", OrganizationOnly, "Users"),
    event(
        "organization_access_security.twofactor_disabled",
        "2026-05-20",
        OrganizationOnly,
        "Organization settings",
    ),
    event(
        "organization_access_security.twofactor_enabled",
        "2026-05-20",
        OrganizationOnly,
        "Organization settings",
    ),
    event("organization_setting.updated", "2026-05-20", OrganizationOnly, "Organization settings"),
    event("organization_spark_setting.updated", "2026-05-20", OrganizationOnly, "Organization settings"),
    event("profile.batch_deleted", "2026-05-20", Both, "Data"),
    event("profile.batch_updated", "2026-05-20", Both, "Data"),
    event("profile.deleted", "2026-05-20", Both, "Data"),
    event("profile.updated", "2026-05-20", Both, "Data"),
    event("profile_export.downloaded", "2026-04-05", Both, "Exports"),
    event("project.default_access_granted", "2026-05-20", Both, "Users"),
    event("project.default_access_revoked", "2026-05-20", Both, "Users"),
    event("project.team_added", "2026-05-20", Both, "Users"),
    event("project.team_removed", "2026-05-20", Both, "Users"),
    event("project.transferred", "2026-05-20", Both, "Project settings"),
    event("project.user_added", "2026-05-20", Both, "Users"),
    event("project.user_removed", "2026-05-20", Both, "Users"),
    event("property_definition.created", "2026-05-20", Both, "Data"),
    event("property_definition.deleted", "2026-07-02", Both, "Data"),
    event("property_definition.updated", "2026-05-20", Both, "Data"),
    event("raw_event_export.requested", "2026-05-20", Both, "Exports"),
    event("service_account.added_to_project", "2026-04-05", Both, "Service accounts"),
    event("service_account.created", "2026-04-05", OrganizationOnly, "Service accounts"),
    event("service_account.deleted", "2026-04-05", OrganizationOnly, "Service accounts"),
    event("service_account.removed_from_project", "2026-04-05", Both, "Service accounts"),
    event("service_account.role_changed", "2026-04-05", Both, "Service accounts"),
    event("session.logged_in", "2026-04-05", OrganizationOnly, "Authentication"),
    event("session.logged_out", "2026-04-05", OrganizationOnly, "Authentication"),
    event("session.login_failed", "2026-05-20", OrganizationOnly, "Authentication"),
    event("team.created", "2026-05-20", OrganizationOnly, "Teams"),
    event("team.deleted", "2026-05-20", OrganizationOnly, "Teams"),
    event("team.service_account_added", "2026-05-20", OrganizationOnly, "Teams"),
    event("team.service_account_removed", "2026-05-20", OrganizationOnly, "Teams"),
    event("team.updated", "2026-05-20", OrganizationOnly, "Teams"),
    event("team.user_added", "2026-05-20", OrganizationOnly, "Teams"),
    event("team.user_removed", "2026-05-20", OrganizationOnly, "Teams"),
    event("user.role_changed", "2026-05-20", Both, "Users"),
    event("user.twofactor_disabled", "2026-08-16", OrganizationOnly, "Authentication"),
    event("user.twofactor_enabled", "2026-08-16", OrganizationOnly, "Authentication"),
    event("user_data_deletion.canceled", "2026-04-05", Both, "Data"),
    event("user_data_deletion.created", "2026-04-05", Both, "Data"),
    event("user_data_export.created", "2026-04-05", Both, "Exports"),
    event("warehouse_source.created", "2026-04-05", Both, "Warehouse"),
    event("warehouse_source.deleted", "2026-04-05", Both, "Warehouse"),
    event("warehouse_source.updated", "2026-04-05", Both, "Warehouse"),
    event("warehouse_source_sync.created", "2026-05-20", Both, "Warehouse"),
    event("warehouse_source_sync.deleted", "2026-05-20", Both, "Warehouse"),
    event("warehouse_source_sync.updated", "2026-05-20", Both, "Warehouse"),
    event("workspace.team_added", "2026-05-20", Both, "Data views"),
    event("workspace.team_removed", "2026-05-20", Both, "Data views"),
    event("workspace.user_added", "2026-05-20", Both, "Data views"),
    event("workspace.user_removed", "2026-05-20", Both, "Data views"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_whole_and_sorted() {
        assert_eq!(EVENTS.len(), 119);
        assert!(EVENTS.is_sorted_by(|left, right| left.name < right.name));
        assert_eq!(lookup("raw_event_export.requested").map(|event| event.since), Some("2026-05-20"));
        assert_eq!(lookup("user.twofactor_disabled").map(|event| event.since), Some("2026-08-16"));
        assert_eq!(lookup("cohort_sync.deleted"), None);
    }
}
