//! What the event types of each log mean, as far as they are known. A new source adds a table.
//!
//! An event type that is missing here is one of which a report says that it does not know it: better none than a guess.

use super::lane::Does::{self, Ends, Leaves, Makes, Opens, Plain};
use super::lane::Lane::{self, Credentials, Exports, Identity, Other, People, Settings};
use super::lane::Turn::{Lets, Shuts};
use super::lane::{Call, Kind, Line, Table};
use crate::source::mixpanel_events;

const fn line(start: &'static str, lane: Lane, does: Does) -> Line {
    Line { start, is_whole: false, kind: Kind { lane, does }, turn: None, words: "" }
}

/// An account is shut out.
const fn shuts(system: &'static str, start: &'static str) -> Line {
    Line { turn: Some(Shuts(system)), ..line(start, People, Ends) }
}

/// An account may come in again.
const fn lets(system: &'static str, action: &'static str, lane: Lane) -> Line {
    Line { turn: Some(Lets(system)), is_whole: true, ..line(action, lane, Plain) }
}

/// An event type to the letter.
const fn whole(action: &'static str, lane: Lane, does: Does) -> Line {
    Line { is_whole: true, ..line(action, lane, does) }
}

/// An event type that says nothing to people.
const fn code(action: &'static str, words: &'static str, lane: Lane, does: Does) -> Line {
    Line { words, ..whole(action, lane, does) }
}

/// Of no interest.
pub(super) const PLAIN: &Line = &line("", Other, Plain);

/// Of an unknown source: rules, too, take such logs by the names of their event types.
pub(super) const UNKNOWN: &Table =
    &Table { source: "", lines: &[MIXPANEL, OKTA], is_plain: |_| false, name: |_, _| None };

/// What is known of each source.
pub(super) const TABLES: &[Table] = &[
    Table {
        source: "mixpanel-audit",
        lines: &[MIXPANEL],
        is_plain: |action| mixpanel_events::lookup(action).is_some(),
        name: |_, _| None,
    },
    of("okta", &[OKTA]),
    of("entra", &[ENTRA]),
    of("google-workspace", &[GOOGLE]),
    Table { name: auth0_call, ..of("auth0", &[AUTH0]) },
    of("onelogin", &[ONELOGIN]),
    of("pingone", &[PINGONE]),
    // One event type, which is no act of the account.
    Table { is_plain: |_| true, ..of("roster", &[]) },
];

const fn of(source: &'static str, lines: &'static [&'static [Line]]) -> Table {
    Table { source, lines, is_plain: |_| false, name: |_, _| None }
}

const MIXPANEL: &[Line] = &[
    line("session.", Identity, Plain),
    line("user.twofactor_", Identity, Plain),
    line("raw_event_export.", Exports, Leaves),
    line("event_export.", Exports, Leaves),
    line("profile_export.", Exports, Leaves),
    line("user_data_export.", Exports, Leaves),
    line("audit_log_export.", Exports, Leaves),
    line("board.exported", Exports, Leaves),
    line("bookmark.screenshot_downloaded", Exports, Leaves),
    line("board.public_access_updated", Exports, Opens),
    line("board_subscription.", Exports, Plain),
    line("board_subscription.created", Exports, Opens),
    line("cohort_sync.", Exports, Opens),
    line("data_pipeline.", Exports, Opens),
    line("data_pipeline.deleted", Exports, Ends),
    line("warehouse_source", Exports, Plain),
    line("warehouse_source.created", Exports, Opens),
    line("warehouse_source.deleted", Exports, Ends),
    line("warehouse_source_sync.created", Exports, Opens),
    line("warehouse_source_sync.deleted", Exports, Ends),
    line("organization_", Settings, Plain),
    line("billing_info.", Settings, Plain),
    line("project.", Settings, Plain),
    line("project.default_access_revoked", Settings, Ends),
    line("event_definition.", Settings, Plain),
    line("property_definition.", Settings, Plain),
    line("event_deletion.", Settings, Plain),
    line("event_deletion.canceled", Settings, Ends),
    line("user_data_deletion.", Settings, Plain),
    line("user_data_deletion.canceled", Settings, Ends),
    line("profile.", Settings, Plain),
    line("alert.deleted", Settings, Plain),
    line("alert.updated", Settings, Plain),
    line("agent_flow.", Settings, Plain),
    line("service_account.", Credentials, Plain),
    line("service_account.created", Credentials, Makes("service account")),
    line("service_account.deleted", Credentials, Ends),
    line("service_account.removed_from_project", Credentials, Ends),
    line("team.service_account_", Credentials, Plain),
    line("team.service_account_removed", Credentials, Ends),
    line("custom_role.", People, Plain),
    line("custom_role.deleted", People, Ends),
    line("invitation.", People, Plain),
    line("invitation.sent", People, Makes("invited person")),
    Line { turn: Some(Lets("mixpanel")), ..line("organization.user_added", People, Makes("member")) },
    shuts("mixpanel", "organization.user_removed"),
    line("user.role_changed", People, Plain),
    line("project.user_", People, Plain),
    line("project.user_removed", People, Ends),
    line("project.team_", People, Plain),
    line("workspace.", People, Plain),
    line("workspace.user_removed", People, Ends),
    line("team.", People, Plain),
    line("team.user_removed", People, Ends),
    line("board.", Other, Plain),
];

const OKTA: &[Line] = &[
    line("user.session.", Identity, Plain),
    line("user.session.end", Identity, Ends),
    line("user.session.clear", Identity, Ends),
    line("user.authentication.", Identity, Plain),
    line("user.mfa.", Identity, Plain),
    line("user.mfa.factor.activate", Identity, Makes("factor")),
    line("user.mfa.factor.reset_all", Identity, Ends),
    line("user.mfa.factor.deactivate", Identity, Ends),
    line("user.account.", Identity, Plain),
    line("user.account.lock", Identity, Ends),
    lets("okta", "user.account.unlock", Identity),
    lets("okta", "user.account.unlock_by_admin", Identity),
    line("user.account.reset_password", Identity, Ends),
    line("user.account.expire_password", Identity, Ends),
    line("user.account.privilege.", People, Plain),
    line("user.account.privilege.revoke", People, Ends),
    line("user.lifecycle.", People, Plain),
    line("user.lifecycle.create", People, Makes("person")),
    shuts("okta", "user.lifecycle.suspend"),
    shuts("okta", "user.lifecycle.deactivate"),
    shuts("okta", "user.lifecycle.delete"),
    line("user.lifecycle.delete.initiated", People, Plain),
    lets("okta", "user.lifecycle.unsuspend", People),
    lets("okta", "user.lifecycle.activate", People),
    lets("okta", "user.lifecycle.reactivate", People),
    line("security.", Identity, Plain),
    line("system.api_token.", Credentials, Plain),
    line("system.api_token.create", Credentials, Makes("API token")),
    line("system.api_token.revoke", Credentials, Ends),
    line("app.generic.", Other, Plain),
    line("app.oauth2.", Credentials, Plain),
    line("app.oauth2.token.revoke", Credentials, Ends),
    line("app.oauth2.client.lifecycle.create", Credentials, Makes("OAuth client")),
    line("application.user_membership.", People, Plain),
    line("application.user_membership.remove", People, Ends),
    line("application.", Settings, Plain),
    line("group.", People, Plain),
    line("group.user_membership.remove", People, Ends),
    line("group.privilege.revoke", People, Ends),
    line("policy.", Settings, Plain),
    line("zone.", Settings, Plain),
    line("system.", Settings, Plain),
];

/// Activities of directory audits, and sign-ins under the name that Azure Monitor gives them.
const ENTRA: &[Line] = &[
    whole("Sign-in activity", Identity, Plain),
    line("User registered security info", Identity, Makes("factor")),
    line("Admin registered security info", Identity, Makes("factor")),
    line("User registered all required security info", Identity, Plain),
    line("User started security info registration", Identity, Plain),
    line("User deleted security info", Identity, Ends),
    line("Admin deleted security info", Identity, Ends),
    line("Disable Strong Authentication", Identity, Ends),
    line("Add service principal", Credentials, Makes("service principal")),
    line("Add service principal credentials", Credentials, Makes("service principal credential")),
    line("Remove service principal", Credentials, Ends),
    line("Update service principal", Settings, Plain),
    whole("Add application", Credentials, Makes("application")),
    whole("Delete application", Credentials, Ends),
    line("Update application", Settings, Plain),
    // Vendors' own dash, and the one that exports make of it.
    line("Update application – Certificates and secrets", Credentials, Makes("application credential")),
    line("Update application - Certificates and secrets", Credentials, Makes("application credential")),
    line("Remove owner from", Credentials, Ends),
    line("Consent to application", Credentials, Makes("consent")),
    line("Add delegated permission grant", Credentials, Makes("permission grant")),
    line("Remove delegated permission grant", Credentials, Ends),
    line("Add app role assignment to service principal", Credentials, Makes("permission grant")),
    line("Add app role assignment grant to user", People, Plain),
    whole("Add user", People, Makes("person")),
    whole("Update user", People, Plain),
    line("Invite external user", People, Makes("invited person")),
    shuts("entra", "Disable account"),
    shuts("entra", "Delete user"),
    lets("entra", "Enable account", People),
    lets("entra", "Restore user", People),
    line("Add member to role", People, Plain),
    line("Add eligible member to role", People, Plain),
    line("Remove member from role", People, Ends),
    line("Remove eligible member from role", People, Ends),
    line("Delete role assignment", People, Ends),
    line("Remove role assignment", People, Ends),
    line("Add member to group", People, Plain),
    line("Remove member from group", People, Ends),
    line("Add conditional access policy", Settings, Plain),
    line("Update conditional access policy", Settings, Plain),
    line("Delete conditional access policy", Settings, Plain),
    line("Add policy", Settings, Plain),
    line("Update policy", Settings, Plain),
    line("Delete policy", Settings, Plain),
    line("Authentication Methods Policy Update", Settings, Plain),
    line("Update authentication methods policy", Settings, Plain),
    line("Set federation settings on domain", Settings, Plain),
    line("Set domain authentication", Settings, Plain),
    line("Add unverified domain", Settings, Plain),
    line("Verify domain", Settings, Plain),
    line("Update provisioning setting or credentials", Settings, Plain),
    line("Disable/pause provisioning configuration", Settings, Plain),
    // What provisioning does by itself, all day.
    whole("Import", Other, Plain),
    whole("Export", Other, Plain),
    whole("Synchronization rule action", Other, Plain),
    whole("Process escrow", Other, Plain),
];

const GOOGLE: &[Line] = &[
    whole("login_success", Identity, Plain),
    whole("login_failure", Identity, Plain),
    line("suspicious_login", Identity, Plain),
    whole("suspicious_programmatic_login", Identity, Plain),
    line("account_disabled_", Identity, Plain),
    whole("gov_attack_warning", Identity, Plain),
    whole("2sv_enroll", Identity, Makes("factor")),
    whole("2sv_disable", Identity, Ends),
    whole("titanium_enroll", Identity, Plain),
    whole("titanium_unenroll", Identity, Ends),
    whole("TURN_OFF_2_STEP_VERIFICATION", Identity, Ends),
    line("recovery_", Identity, Plain),
    whole("authorize", Credentials, Makes("app access")),
    whole("revoke", Credentials, Ends),
    whole("AUTHORIZE_API_CLIENT_ACCESS", Credentials, Makes("API client")),
    whole("CREATE_USER", People, Makes("person")),
    Line { is_whole: true, ..shuts("google", "SUSPEND_USER") },
    Line { is_whole: true, ..shuts("google", "DELETE_USER") },
    lets("google", "UNSUSPEND_USER", People),
    lets("google", "UNDELETE_USER", People),
    whole("GRANT_ADMIN_PRIVILEGE", People, Plain),
    whole("GRANT_DELEGATED_ADMIN_PRIVILEGES", People, Plain),
    whole("ASSIGN_ROLE", People, Plain),
    whole("CREATE_ROLE", People, Plain),
    whole("RENAME_ROLE", People, Plain),
    whole("DELETE_ROLE", People, Ends),
    whole("CUSTOMER_TAKEOUT_CREATED", Exports, Leaves),
    line("CUSTOMER_TAKEOUT_", Exports, Plain),
    whole("download", Exports, Leaves),
    whole("email_forwarding_out_of_domain", Exports, Opens),
    whole("ENFORCE_STRONG_AUTHENTICATION", Settings, Plain),
    whole("ALLOW_STRONG_AUTHENTICATION", Settings, Plain),
    whole("CHANGE_SSO_SETTINGS", Settings, Plain),
    whole("TOGGLE_SSO_ENABLED", Settings, Plain),
    whole("CREATE_SAML2_SERVICE_PROVIDER_CONFIG", Settings, Plain),
    whole("UPDATE_SAML2_SERVICE_PROVIDER_CONFIG", Settings, Plain),
    whole("ADD_TRUSTED_DOMAINS", Settings, Plain),
    whole("REMOVE_TRUSTED_DOMAINS", Settings, Plain),
    whole("CREATE_APPLICATION_SETTING", Settings, Plain),
    whole("CHANGE_APPLICATION_SETTING", Settings, Plain),
    whole("CHANGE_EMAIL_SETTING", Settings, Plain),
    whole("CREATE_GMAIL_SETTING", Settings, Plain),
    whole("CHANGE_CALENDAR_SETTING", Settings, Plain),
    whole("ADD_APPLICATION", Settings, Plain),
];

/// Codes, and for calls to the Management API the names that [`auth0_call`] gives them.
const AUTH0: &[Line] = &[
    code("s", "login", Identity, Plain),
    code("slo", "logout", Identity, Plain),
    code("f", "login", Identity, Plain),
    code("fp", "login with a wrong password", Identity, Plain),
    code("fu", "login with an unknown name", Identity, Plain),
    code("ferrt", "use of a used refresh token", Identity, Plain),
    code("limit_wc", "login after too many tries", Identity, Plain),
    code("limit_mu", "login from an address with too many tries", Identity, Plain),
    code("limit_sul", "login beyond the limit", Identity, Plain),
    code("pwd_leak", "login with a leaked password", Identity, Plain),
    code("signup_pwd_leak", "signup with a leaked password", Identity, Plain),
    code("reset_pwd_leak", "reset to a leaked password", Identity, Plain),
    code("gd_auth_succeed", "second factor passed", Identity, Plain),
    code("gd_auth_failed", "second factor", Identity, Plain),
    code("gd_auth_rejected", "second factor", Identity, Plain),
    code("gd_send_pn", "push notification sent", Identity, Plain),
    code("gd_enrollment_complete", "factor enrolled", Identity, Makes("factor")),
    code("gd_unenroll", "factor removed", Identity, Ends),
    Line { words: "account blocked", is_whole: true, ..shuts("auth0", "account_blocked") },
    Line { words: "user deleted", is_whole: true, ..shuts("auth0", "user_deleted") },
    Line { words: "account unblocked", ..lets("auth0", "account_unblocked", People) },
    code("user_updated", "user updated", People, Plain),
    code("user_created", "user created", People, Makes("person")),
    code("role_assigned", "role assigned", People, Plain),
    code("role_removed", "role removed", People, Ends),
    code("member_invited", "administrator invited", People, Makes("invited person")),
    code("sessions_ended", "sessions ended", Identity, Ends),
    code("factor_removed", "factor removed", Identity, Ends),
    code("grants_revoked", "grants revoked", Credentials, Ends),
    code("client_created", "application created", Credentials, Makes("application")),
    code("client_deleted", "application deleted", Credentials, Ends),
    code("client_grant_created", "API grant created", Credentials, Makes("API grant")),
    code("client_grant_deleted", "API grant deleted", Credentials, Ends),
    code(
        "client_credential_created",
        "application credential created",
        Credentials,
        Makes("application credential"),
    ),
    code("client_credential_deleted", "application credential deleted", Credentials, Ends),
    code("factor_policy_changed", "second factor policy changed", Settings, Plain),
    code("attack_protection_changed", "attack protection changed", Settings, Plain),
    code("log_stream_changed", "log stream changed", Settings, Plain),
    code("log_stream_created", "log stream created", Exports, Opens),
    code("connection_changed", "connection changed", Settings, Plain),
];

/// What a call to the Management API did: one code stands for all of them, another for all that failed.
fn auth0_call(action: &str, call: &Call<'_>) -> Option<&'static str> {
    if !["sapi", "fapi"].contains(&action) {
        return None;
    }
    let path = call.path.split('?').next().unwrap_or_default().trim_end_matches('/');
    let parts: Vec<&str> = path.strip_prefix("/api/v2/")?.split('/').collect();
    let method = call.method.to_ascii_lowercase();
    Some(match (method.as_str(), parts.as_slice()) {
        ("patch", ["users", _, ..]) => match call.blocked {
            "true" => "account_blocked",
            "false" => "account_unblocked",
            "" => "user_updated",
            _ => return None,
        },
        ("delete", ["users", _]) => "user_deleted",
        ("post", ["users"]) => "user_created",
        ("post", ["users", _, "roles"] | ["roles", _, "users"]) => "role_assigned",
        ("delete", ["users", _, "roles"]) => "role_removed",
        ("post", ["tenants", "invitations", ..]) => "member_invited",
        ("delete", ["users", _, "sessions" | "refresh-tokens"]) => "sessions_ended",
        (
            "delete",
            ["users", _, "authentication-methods" | "authenticators" | "multifactor", ..]
            | ["guardian", "enrollments", _],
        ) => "factor_removed",
        ("delete", ["grants", ..]) => "grants_revoked",
        ("post", ["clients"]) => "client_created",
        ("delete", ["clients", _]) => "client_deleted",
        ("post", ["client-grants"]) => "client_grant_created",
        ("delete", ["client-grants", _]) => "client_grant_deleted",
        ("post", ["clients", _, "credentials" | "rotate-secret"]) => "client_credential_created",
        ("delete", ["clients", _, "credentials", _]) => "client_credential_deleted",
        ("put" | "patch" | "delete", ["guardian", "policies" | "factors", ..] | ["risk-assessment", ..]) => {
            "factor_policy_changed"
        }
        ("put" | "patch" | "delete", ["attack-protection" | "anomaly", ..]) => "attack_protection_changed",
        ("post", ["log-streams"]) => "log_stream_created",
        ("patch" | "delete", ["log-streams", ..]) => "log_stream_changed",
        (_, ["connections", ..]) => "connection_changed",
        _ => return None,
    })
}

/// Events are numbers. Of those by which a block is taken back only one is known: 16.
const ONELOGIN: &[Line] = &[
    code("3", "acted as another user", Identity, Plain),
    code("4", "role assigned", People, Plain),
    code("5", "login", Identity, Plain),
    code("6", "login", Identity, Plain),
    code("11", "password changed", Identity, Plain),
    code("13", "user created", People, Makes("person")),
    Line { words: "user activated", ..lets("onelogin", "16", People) },
    number("17", "user deleted"),
    code("24", "factor removed", Identity, Ends),
    code("72", "privilege granted", People, Plain),
    code("90", "application refused", Identity, Plain),
    code("172", "factor removed", Identity, Ends),
    code("211", "password changed by another", Identity, Ends),
    code("240", "password shown", Credentials, Plain),
    number("531", "user locked by API"),
    number("532", "user locked by API"),
    number("551", "user suspended by API"),
    number("553", "user locked by API"),
];

/// A number by which OneLogin says that a user is shut out.
const fn number(action: &'static str, words: &'static str) -> Line {
    Line { words, is_whole: true, ..shuts("onelogin", action) }
}

/// Activities say `USER.UPDATED` of a user who is disabled and of one whose name is changed: that is no block here.
const PINGONE: &[Line] = &[
    line("PASSWORD.", Identity, Plain),
    whole("PASSWORD.RESET", Identity, Ends),
    whole("PASSWORD.FORCE_CHANGE", Identity, Ends),
    lets("pingone", "PASSWORD.UNLOCKED", Identity),
    line("OTP.", Identity, Plain),
    line("SESSION.", Identity, Plain),
    whole("SESSION.DELETED", Identity, Ends),
    line("DEVICE.", Identity, Plain),
    whole("DEVICE.CREATED", Identity, Makes("factor")),
    whole("DEVICE.ACTIVATED", Identity, Makes("factor")),
    whole("DEVICE.DELETED", Identity, Ends),
    line("SEEN_DEVICE.", Identity, Plain),
    line("USER_SEEN_DEVICE.", Identity, Plain),
    line("USER.", Identity, Plain),
    whole("USER.CREATED", People, Makes("person")),
    whole("USER.UPDATED", People, Plain),
    Line { is_whole: true, ..shuts("pingone", "USER.LOCKED") },
    Line { is_whole: true, ..shuts("pingone", "USER.DELETED") },
    lets("pingone", "USER.UNLOCKED", People),
    whole("ROLE_ASSIGNMENT.CREATED", People, Plain),
    whole("ROLE_ASSIGNMENT.DELETED", People, Ends),
    whole("MEMBER_OF_GROUP.CREATED", People, Plain),
    whole("MEMBER_OF_GROUP.DELETED", People, Ends),
    line("GROUP.", People, Plain),
    whole("APPLICATION.CREATED", Credentials, Makes("application")),
    whole("APPLICATION.DELETED", Credentials, Ends),
    whole("APPLICATION.UPDATED", Settings, Plain),
    whole("GRANT.CREATED", Credentials, Makes("grant")),
    whole("GRANT.DELETED", Credentials, Ends),
    whole("SECRET.READ", Credentials, Plain),
    whole("SECRET.UPDATED", Credentials, Makes("client secret")),
    line("KEY.", Credentials, Plain),
    whole("KEY.CREATED", Credentials, Makes("key")),
    whole("OAUTH_CONSENT.ACCEPTED", Credentials, Makes("consent")),
    line("OAUTH_CONSENT.", Credentials, Plain),
    whole("OAUTH_CONSENT.REVOKED", Credentials, Ends),
    whole("OAUTH_CONSENT.DELETED", Credentials, Ends),
    line("IDENTITY_PROVIDER.", Settings, Plain),
    line("IDP_ATTRIBUTE.", Settings, Plain),
    line("SUBSCRIPTION.", Settings, Plain),
    whole("SUBSCRIPTION.CREATED", Exports, Opens),
    line("PROVISIONING_", Settings, Plain),
    line("MFA_SETTINGS.", Settings, Plain),
    line("DEVICE_AUTHENTICATION_POLICY.", Settings, Plain),
    line("SIGN_ON_POLICY_ASSIGNMENT.", Settings, Plain),
    line("POLICY.", Settings, Plain),
    line("POPULATION.", Settings, Plain),
    line("SETTINGS.", Settings, Plain),
];
