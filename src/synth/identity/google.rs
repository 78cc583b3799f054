//! Activities of Google's Reports API.

use serde_json::{Value, json};

use super::{Act, What, iso};

/// An activity.
pub(super) fn activity(act: &Act<'_>, number: u64) -> Value {
    let user = || json!([{"name": "USER_EMAIL", "value": act.target}]);
    let (application, kind, name, parameters) = match act.what {
        What::Login => {
            ("login", "login", "login_success", json!([{"name": "login_type", "value": "google_password"}]))
        }
        What::LoginFailed => {
            ("login", "login", "login_failure", json!([{"name": "login_type", "value": "google_password"}]))
        }
        What::FactorRemoved => ("login", "2sv_change", "2sv_disable", json!([])),
        What::FactorAdded => ("login", "2sv_change", "2sv_enroll", json!([])),
        What::AdminGranted => ("admin", "DELEGATED_ADMIN_SETTINGS", "ASSIGN_ROLE", user()),
        What::CredentialCreated => (
            "admin",
            "DOMAIN_SETTINGS",
            "AUTHORIZE_API_CLIENT_ACCESS",
            json!([{"name": "API_CLIENT_NAME", "value": "104711"}]),
        ),
        What::ProvisioningChanged => ("admin", "DOMAIN_SETTINGS", "CHANGE_SSO_SETTINGS", json!([])),
        What::AccountBlocked => ("admin", "USER_SETTINGS", "SUSPEND_USER", user()),
    };
    json!({
        "kind": "admin#reports#activity",
        "id": {
            "time": iso(act.time),
            "uniqueQualifier": format!("-{}", 7_000_000 + number),
            "applicationName": application,
            "customerId": "C0acme",
        },
        "actor": {"callerType": "USER", "email": act.person.email, "profileId": act.person.id},
        "ipAddress": act.ip,
        "events": [{"type": kind, "name": name, "parameters": parameters}],
    })
}
