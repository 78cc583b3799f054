//! Applications and who has them.

use serde_json::{Map, Value, json};

use super::caller::Need;
use super::log::{self, Target};
use super::page::page;
use super::state::{App, Assignment, State};
use super::{Call, Refusal, Reply, no_content, reassign};
use crate::drill::emulator::{Answer, Tenant};

/// Applications on a person's page.
pub(super) fn of_user(tenant: &Tenant, call: &Call<'_>, user: &str) -> Reply {
    call.caller.needs(tenant, Need::Read, None)?;
    let apps = tenant.okta.apps.iter().filter(|(id, _)| tenant.okta.assignment(id, user).is_some());
    let row = |id: &String, app: &App| json!({"id": format!("{id}-link"), "label": app.label, "appName": app.name, "appInstanceId": id});
    page(call, apps.map(|(id, app)| (id.clone(), row(id, app))).collect())
}

fn shown(call: &Call<'_>, id: &str, app: &App) -> Value {
    let features: &[&str] = if app.provisions { &["PUSH_USER_DEACTIVATION", "PUSH_NEW_USERS"] } else { &[] };
    json!({
        "id": id, "name": app.name, "label": app.label, "status": "ACTIVE", "signOnMode": "SAML_2_0",
        "features": features, "_links": {"users": {"href": call.href(&format!("apps/{id}/users"))}},
    })
}

fn assignment_shown(state: &State, app: &str, user: &str) -> Option<Value> {
    let assignment = state.assignment(app, user)?;
    let own = state.apps.get(app)?.users.contains_key(user);
    Some(json!({
        "id": user, "scope": if own { "USER" } else { "GROUP" }, "status": "ACTIVE", "syncState": "DISABLED",
        "credentials": {"userName": assignment.user_name}, "profile": assignment.profile,
    }))
}

pub(super) fn reply(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Reply {
    let need = if call.method() == "GET" { Need::Read } else { Need::Apps };
    call.caller.needs(tenant, need, None)?;
    let state = &tenant.okta;
    if let [id, ..] = rest
        && !state.apps.contains_key(*id)
    {
        return Err(Refusal::not_found(id, "AppInstance"));
    }
    match (call.method(), rest) {
        ("GET", []) => {
            page(call, state.apps.iter().map(|(id, app)| (id.clone(), shown(call, id, app))).collect())
        }
        ("GET", [id]) => match state.apps.get(*id) {
            Some(app) => Ok(Answer::json(200, &shown(call, id, app))),
            None => Err(Refusal::not_found(id, "AppInstance")),
        },
        ("GET", [id, "groups"]) => {
            let groups = state.apps.get(*id).map(|app| app.groups.clone()).unwrap_or_default();
            page(
                call,
                groups
                    .into_iter()
                    .map(|group| (group.clone(), json!({"id": group, "priority": 0})))
                    .collect(),
            )
        }
        ("GET", [id, "users"]) => {
            let rows = state
                .users
                .keys()
                .filter_map(|user| Some((user.clone(), assignment_shown(state, id, user)?)));
            page(call, rows.collect())
        }
        ("POST", [id, "users"]) => {
            let body = call.request.json().unwrap_or_default();
            let user = body.get("id").and_then(Value::as_str);
            assign(
                tenant,
                call,
                id,
                user.ok_or_else(|| Refusal::invalid("id", "The field cannot be left blank"))?,
                &body,
            )
        }
        ("GET", [id, "users", user]) => match assignment_shown(state, id, user) {
            Some(found) => Ok(Answer::json(200, &found)),
            None => Err(Refusal::not_found(user, "AppUser")),
        },
        ("POST" | "PUT", [id, "users", user]) => {
            assign(tenant, call, id, user, &call.request.json().unwrap_or_default())
        }
        ("DELETE", [id, "users", user]) => unassign(tenant, call, id, user),
        _ => Err(Refusal::unsupported()),
    }
}

/// Gives somebody an application on his own account, or changes how he has it.
fn assign(tenant: &mut Tenant, call: &Call<'_>, app: &str, user: &str, body: &Value) -> Reply {
    let login = match tenant.okta.users.get(user) {
        Some(user) => user.login.clone(),
        None => return Err(Refusal::not_found(user, "User")),
    };
    let name = body.pointer("/credentials/userName").and_then(Value::as_str).map(str::to_owned);
    let profile: Option<Map<String, Value>> = body.get("profile").and_then(Value::as_object).cloned();
    let old = tenant.okta.assignment(app, user);
    let assignment = Assignment {
        user_name: name.or_else(|| old.as_ref().map(|old| old.user_name.clone())).unwrap_or(login),
        profile: profile
            .or_else(|| old.map(|old| old.profile))
            .unwrap_or_else(|| tenant.okta.mapped_profile(user)),
    };
    reassign(tenant, user, call.moment, |state| {
        if let Some(app) = state.apps.get_mut(app) {
            app.users.insert(user.to_owned(), assignment);
        }
    });
    let actor = call.caller.actor(call.request);
    log::write(tenant, call.moment, &actor, &log::ASSIGN_APP, &[Target::App(app), Target::User(user)]);
    Ok(Answer::json(200, &assignment_shown(&tenant.okta, app, user).unwrap_or_default()))
}

/// Takes an application away; not while a group gives it.
fn unassign(tenant: &mut Tenant, call: &Call<'_>, app: &str, user: &str) -> Reply {
    if tenant.okta.assignment(app, user).is_none() {
        return Err(Refusal::not_found(user, "AppUser"));
    }
    if !tenant.okta.granting_groups(app, user).is_empty() {
        let cause = "The application cannot be unassigned from the user while their group memberships grant them access";
        let summary = "Deactivate application for user forbidden.".to_owned();
        return Err(Refusal(403, "E0000046", summary, vec![cause.to_owned()]));
    }
    reassign(tenant, user, call.moment, |state| {
        if let Some(app) = state.apps.get_mut(app) {
            app.users.remove(user);
        }
    });
    let actor = call.caller.actor(call.request);
    log::write(tenant, call.moment, &actor, &log::UNASSIGN_APP, &[Target::App(app), Target::User(user)]);
    Ok(no_content())
}
