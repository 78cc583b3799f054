//! Auth0 tenant logs.

use serde_json::{Value, json};

use super::{Act, What, country, degrees, iso};

/// A record as the Management API gives it.
pub(super) fn flat(act: &Act<'_>, number: u64) -> Value {
    let (code, description) = match act.what {
        What::Login => ("s", ""),
        What::LoginFailed => ("fp", "Wrong email or password."),
        What::FactorRemoved => ("gd_unenroll", "Guardian - Unenroll"),
        What::FactorAdded => ("gd_enrollment_complete", "Guardian - Enrollment complete (otp)"),
        What::AdminGranted => ("sapi", "Assign roles to a user"),
        What::CredentialCreated => ("sapi", "Create a client"),
        What::ProvisioningChanged => ("sapi", "Update a connection"),
        What::AccountBlocked => ("sapi", "Update a User"),
    };
    let mut record = json!({
        "date": iso(act.time),
        "type": code,
        "description": description,
        "client_id": "wXyZ0123456789",
        "client_name": "Mixpanel",
        "ip": act.ip,
        "user_agent": act.agent,
        "user_id": format!("auth0|{}", act.person.id),
        "user_name": act.person.email,
        "log_id": format!("90020261024{number:09}"),
        "location_info": {
            "country_code": country(act.place),
            "country_name": act.place.country,
            "city_name": act.place.city,
            "latitude": degrees(act.place.at.0),
            "longitude": degrees(act.place.at.1),
        },
    });
    if let (Some(request), Some(members)) = (request(act), record.as_object_mut()) {
        members.remove("user_name");
        members.insert("details".to_owned(), request);
    }
    record
}

/// The same as a log stream sends it.
pub(super) fn streamed(act: &Act<'_>, number: u64) -> Value {
    let data = flat(act, number);
    json!({"log_id": data.get("log_id"), "data": data})
}

/// The call to the Management API.
fn request(act: &Act<'_>) -> Option<Value> {
    let (method, path, body) = match act.what {
        What::AdminGranted => ("post", "/api/v2/users/auth0|00u8/roles", json!({"roles": ["rol_admin"]})),
        What::CredentialCreated => ("post", "/api/v2/clients", json!({"name": "sync"})),
        What::ProvisioningChanged => ("patch", "/api/v2/connections/con_1", json!({"options": {}})),
        What::AccountBlocked => ("patch", "/api/v2/users/auth0|00u7", json!({"blocked": true})),
        _ => return None,
    };
    Some(json!({
        "request": {
            "method": method,
            "path": path,
            "body": body,
            "auth": {"strategy": "jwt", "user": {"email": act.person.email, "name": act.person.name}},
        },
        "response": {"statusCode": 200, "body": {"email": act.target}},
    }))
}
