//! Microsoft Graph's `signIn` and `directoryAudit`, and the same as Azure Monitor wraps them.

use serde_json::{Value, json};

use super::{Act, What, country, degrees, iso};

/// A record as Microsoft Graph gives it.
pub(super) fn graph(act: &Act<'_>, number: u64) -> Value {
    match activity(act.what) {
        None => sign_in(act, number),
        Some((name, category)) => audit(act, number, name, category),
    }
}

/// The same as Azure Monitor exports it.
pub(super) fn monitor(act: &Act<'_>, number: u64) -> Value {
    let inner = graph(act, number);
    let (category, operation) =
        activity(act.what).map_or(("SignInLogs", "Sign-in activity"), |(name, _)| ("AuditLogs", name));
    let result = inner.pointer("/status/errorCode").map(ToString::to_string).unwrap_or_default();
    json!({
        "time": iso(act.time),
        "resourceId": "/tenants/7d3f/providers/Microsoft.aadiam",
        "operationName": operation,
        "category": category,
        "resultType": result,
        "callerIpAddress": act.ip,
        "properties": inner,
    })
}

fn activity(what: What) -> Option<(&'static str, &'static str)> {
    match what {
        What::Login | What::LoginFailed => None,
        What::FactorRemoved => Some(("User deleted security info", "UserManagement")),
        What::FactorAdded => Some(("User registered security info", "UserManagement")),
        What::AdminGranted => Some(("Add member to role", "RoleManagement")),
        What::CredentialCreated => Some(("Add service principal credentials", "ApplicationManagement")),
        What::ProvisioningChanged => {
            Some(("Update provisioning setting or credentials", "ProvisioningManagement"))
        }
        What::AccountBlocked => Some(("Disable account", "UserManagement")),
    }
}

fn sign_in(act: &Act<'_>, number: u64) -> Value {
    let status = if act.what == What::LoginFailed {
        json!({"errorCode": 50126, "failureReason": "Error validating credentials due to invalid username or password."})
    } else {
        json!({"errorCode": 0, "failureReason": "Other."})
    };
    json!({
        "id": format!("{number:08x}-5b1c-4f7e-9a77-3c3e0d6f1a00"),
        "createdDateTime": iso(act.time),
        "userDisplayName": act.person.name,
        "userPrincipalName": act.person.email,
        "userId": act.person.id,
        "appDisplayName": "Mixpanel",
        "ipAddress": act.ip,
        "clientAppUsed": "Browser",
        "userAgent": act.agent,
        "conditionalAccessStatus": "notApplied",
        "isInteractive": true,
        "riskLevelDuringSignIn": "none",
        "status": status,
        "location": {
            "city": act.place.city,
            "state": act.place.state,
            "countryOrRegion": country(act.place),
            "geoCoordinates": {"latitude": degrees(act.place.at.0), "longitude": degrees(act.place.at.1)},
        },
    })
}

fn audit(act: &Act<'_>, number: u64, name: &str, category: &str) -> Value {
    json!({
        "id": format!("Directory_{number:08x}"),
        "category": category,
        "result": "success",
        "activityDisplayName": name,
        "activityDateTime": iso(act.time),
        "loggedByService": "Core Directory",
        "initiatedBy": {"app": null, "user": {
            "id": act.person.id,
            "userPrincipalName": act.person.email,
            "ipAddress": act.ip,
        }},
        "targetResources": [{"id": "t", "type": "User", "userPrincipalName": act.target, "modifiedProperties": []}],
    })
}
