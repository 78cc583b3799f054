//! PingOne audit activities. They have no address.

use serde_json::{Value, json};

use super::{Act, What, iso};

/// An activity.
pub(super) fn activity(act: &Act<'_>, number: u64) -> Value {
    let (kind, status) = match act.what {
        What::Login => ("PASSWORD.CHECK_SUCCEEDED", "SUCCESS"),
        What::LoginFailed => ("PASSWORD.CHECK_FAILED", "FAILED"),
        What::FactorRemoved => ("DEVICE.DELETED", "SUCCESS"),
        What::FactorAdded => ("DEVICE.CREATED", "SUCCESS"),
        What::AdminGranted => ("ROLE_ASSIGNMENT.CREATED", "SUCCESS"),
        What::CredentialCreated => ("SECRET.READ", "SUCCESS"),
        What::ProvisioningChanged => ("PROVISIONING_RULE.UPDATED", "SUCCESS"),
        What::AccountBlocked => ("USER.LOCKED", "SUCCESS"),
    };
    json!({
        "id": format!("{number:08x}-1f2e-4a70-8b90-3f5a0c6d2b00"),
        "recordedAt": iso(act.time),
        "correlationId": format!("c-{number}"),
        "action": {"type": kind},
        "actors": {"user": {"id": act.person.id, "name": act.person.email, "type": "USER", "environment": {"id": "e1"}}},
        "resources": [{"type": "USER", "id": "u1", "name": act.target}],
        "result": {"status": status, "description": kind},
    })
}
