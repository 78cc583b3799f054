//! OneLogin events. Accounts are names.

use serde_json::{Value, json};

use super::{Act, What, iso};

/// An event. What OneLogin has no number for that its documentation tells stands for what comes closest.
pub(super) fn event(act: &Act<'_>, number: u64) -> Value {
    let code = match act.what {
        What::Login => 5,
        What::LoginFailed => 6,
        What::FactorRemoved => 24,
        What::FactorAdded => 11,
        What::AdminGranted => 72,
        What::CredentialCreated => 240,
        What::ProvisioningChanged => 13,
        What::AccountBlocked => 551,
    };
    let other = act.target != act.person.email || act.what == What::CredentialCreated;
    let user = if other { act.target } else { act.person.name.as_str() };
    json!({
        "id": 900_000 + number,
        "created_at": iso(act.time),
        "account_id": 50_000,
        "event_type_id": code,
        "actor_user_id": act.person.id,
        "actor_user_name": act.person.name,
        "user_id": if other { "00u-other" } else { act.person.id.as_str() },
        "user_name": user,
        "ipaddr": act.ip,
        "notes": null,
    })
}
