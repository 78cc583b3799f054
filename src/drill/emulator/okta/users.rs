//! People: found, searched, suspended.

use serde_json::{Value, json};

use super::caller::Need;
use super::log::{self, Target};
use super::page::page;
use super::state::{Status, User};
use super::{Call, Refusal, Reply, reassign};
use crate::drill::emulator::{Answer, Tenant, filter};

/// A person as the API shows it.
fn shown(call: &Call<'_>, id: &str, user: &User, status: Status) -> Value {
    let link =
        |what: &str| json!({"href": call.href(&format!("users/{id}/lifecycle/{what}")), "method": "POST"});
    let mut links = json!({"self": {"href": call.href(&format!("users/{id}"))}});
    let next: &[&str] = match status {
        Status::Active => &["suspend", "deactivate"],
        Status::Suspended => &["unsuspend", "deactivate"],
        Status::LockedOut => &["unlock", "deactivate"],
        Status::Deprovisioned => &["activate"],
        _ => &["deactivate"],
    };
    if let Some(links) = links.as_object_mut() {
        links.extend(next.iter().map(|what| ((*what).to_owned(), link(what))));
    }
    json!({
        "id": id, "status": status.name(), "created": user.created, "activated": user.created,
        "statusChanged": user.status_changed, "lastLogin": null, "lastUpdated": user.status_changed,
        "passwordChanged": user.created, "type": {"id": "oty1default"},
        "profile": {
            "firstName": user.first_name, "lastName": user.last_name, "mobilePhone": null, "secondEmail": null,
            "login": user.login, "email": user.login,
        },
        "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}},
        "_links": links,
    })
}

pub(super) fn get(tenant: &Tenant, call: &Call<'_>, id: &str) -> Reply {
    let user = user(tenant, id)?;
    Ok(Answer::json(200, &shown(call, id, user, user.status)))
}

fn user<'a>(tenant: &'a Tenant, id: &str) -> Result<&'a User, Refusal> {
    tenant.okta.users.get(id).ok_or_else(|| Refusal::not_found(id, "User"))
}

/// By `search`, which lags behind, by `filter`, or by `q`, the beginning of a name; without any of them, those who are
/// gone are left out.
pub(super) fn list(tenant: &Tenant, call: &Call<'_>) -> Reply {
    let parameter = |name: &str| call.request.parameter(name);
    let search = parameter("search");
    let expression = match search.or_else(|| parameter("filter")) {
        None => None,
        Some(text) => Some(
            filter::parse(text)
                .ok_or_else(|| Refusal::new(400, "E0000031", format!("Invalid search criteria. {text}")))?,
        ),
    };
    let lag = if search.is_some() { call.moment.switches.okta.search_lag_ms } else { 0 };
    let seen = call.moment.millis().checked_sub(lag);
    let start = parameter("q").map(str::to_lowercase);
    let rows = tenant.okta.users.iter().filter_map(|(id, user)| {
        let status = match seen {
            Some(seen) => user.status_at(seen),
            // Before the emulator started nothing had changed.
            None => user.changes.first().map_or(user.status, |(_, first)| *first),
        };
        let row = shown(call, id, user, status);
        let begins = |start: &String| {
            [&user.login, &user.first_name, &user.last_name]
                .iter()
                .any(|name| name.to_lowercase().starts_with(start))
        };
        let wanted = match (&expression, &start) {
            (Some(expression), _) => expression.matches(&row),
            (None, Some(start)) => begins(start),
            (None, None) => status != Status::Deprovisioned,
        };
        wanted.then(|| (id.clone(), row))
    });
    page(call, rows.collect())
}

pub(super) fn lifecycle(tenant: &mut Tenant, call: &Call<'_>, id: &str, what: &str) -> Reply {
    call.caller.needs(tenant, Need::Users, Some(id))?;
    let status = user(tenant, id)?.status;
    let (next, event) = match (what, status) {
        ("suspend", Status::Active) => (Status::Suspended, &log::SUSPEND),
        ("suspend", _) => {
            return Err(Refusal::invalid("suspendUser", "Cannot suspend a user that is not active"));
        }
        ("unsuspend", Status::Suspended) => (Status::Active, &log::UNSUSPEND),
        ("unsuspend", _) => {
            return Err(Refusal::invalid("unsuspendUser", "Cannot unsuspend a user that is not suspended"));
        }
        ("unlock", Status::LockedOut) => (Status::Active, &log::UNLOCK),
        ("unlock", _) => {
            return Err(Refusal::new(403, "E0000032", "Unlock is not allowed for this user."));
        }
        ("deactivate", Status::Deprovisioned) => {
            return Err(Refusal::invalid("deactivateUser", "The user is deactivated already"));
        }
        ("deactivate", _) => (Status::Deprovisioned, &log::DEACTIVATE),
        ("activate", Status::Staged | Status::Deprovisioned) => (Status::Provisioned, &log::ACTIVATE),
        ("activate", _) => {
            let text = "Activation failed because the user is already active";
            return Err(Refusal::new(403, "E0000016", text));
        }
        ("expire_password", Status::Active) => (Status::PasswordExpired, &log::EXPIRE_PASSWORD),
        ("expire_password", _) => {
            let text = "This operation is not allowed in the user's current status.";
            return Err(Refusal::new(403, "E0000038", text));
        }
        _ => return Err(Refusal::new(404, "E0000008", "The requested path was not found")),
    };
    if next == Status::Deprovisioned {
        destroy(tenant, call, id);
    }
    let (now, millis) = (call.now(), call.moment.millis());
    if let Some(user) = tenant.okta.users.get_mut(id) {
        user.changes.push((millis, status));
        user.status = next;
        user.status_changed = now;
    }
    log::write(tenant, call.moment, &call.caller.actor(call.request), event, &[Target::User(id)]);
    if what == "expire_password" { get(tenant, call, id) } else { Ok(Answer::json(200, &json!({}))) }
}

/// What a deactivation takes, and no activation gives back.
fn destroy(tenant: &mut Tenant, call: &Call<'_>, id: &str) {
    reassign(tenant, id, call.moment, |state| {
        for group in state.groups.values_mut().filter(|group| group.kind != "BUILT_IN") {
            group.members.remove(id);
        }
        for app in state.apps.values_mut() {
            app.users.remove(id);
        }
        state.tokens.retain(|_, token| token.user != id);
        if let Some(user) = state.users.get_mut(id) {
            user.sessions.clear();
            user.devices.clear();
            user.grants.clear();
            user.oauth_tokens.clear();
            user.roles.clear();
        }
    });
}
