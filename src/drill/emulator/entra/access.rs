//! Applications: who has them, consents, owners.

use serde_json::{Value, json};

use super::state::{Assignment, State};
use super::{Call, READ, Refusal, Reply, no_content};
use crate::drill::emulator::{Answer, Tenant};

const ASSIGN: &[&str] = &["AppRoleAssignment.ReadWrite.All"];
const CONSENT: &[&str] = &["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"];

fn shown(id: &str, one: &Assignment) -> Value {
    json!({
        "id": id, "principalType": one.kind, "principalId": one.principal, "resourceId": one.app,
        "appRoleId": one.role, "createdDateTime": "2026-01-05T09:00:00Z",
    })
}

/// Who has an application.
pub(super) fn assigned_to(tenant: &Tenant, call: &Call<'_>, app: &str) -> Reply {
    call.needs(READ)?;
    let state = tenant.entra.seen(call.moment.millis(), call.moment.switches.entra.read_lag_ms);
    if !state.apps.contains_key(app) {
        return Err(Refusal::not_found(app));
    }
    let of_app = state.assignments.iter().filter(|(_, one)| one.app == app);
    call.page(&of_app.map(|(id, one)| shown(id, one)).collect::<Vec<_>>())
}

/// Of somebody: also those of groups of which somebody is a direct member.
pub(super) fn assignments(tenant: &mut Tenant, call: &Call<'_>, user: &str, rest: &[&str]) -> Reply {
    let (millis, lag) = (call.moment.millis(), call.moment.switches.entra.read_lag_ms);
    match (call.method(), rest) {
        ("GET", []) => {
            let state = tenant.entra.seen(millis, lag);
            let in_group = |id: &str| state.groups.get(id).is_some_and(|group| group.members.contains(user));
            let own =
                state.assignments.iter().filter(|(_, one)| one.principal == user || in_group(&one.principal));
            call.page(&own.map(|(id, one)| shown(id, one)).collect::<Vec<_>>())
        }
        ("POST", []) => {
            call.needs(ASSIGN)?;
            let body = call.body();
            let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
            let (principal, app, role) = (text("principalId"), text("resourceId"), text("appRoleId"));
            let (Some(principal), Some(app), Some(role)) = (principal, app, role) else {
                return Err(Refusal::bad("One or more properties are invalid."));
            };
            if principal != user || !tenant.entra.apps.contains_key(&app) {
                return Err(Refusal::bad("One or more properties are invalid."));
            }
            let one = Assignment { kind: "User".into(), principal, app, role };
            if tenant.entra.assignments.values().any(|known| *known == one) {
                let text = "Permission being assigned already exists on the object";
                return Err(Refusal::bad(text));
            }
            let id = tenant.draws.letters(43);
            let answer = Answer::json(201, &shown(&id, &one));
            tenant.entra.remember(millis, lag);
            tenant.entra.assignments.insert(id, one);
            Ok(answer)
        }
        ("DELETE", [id]) => {
            call.needs(ASSIGN)?;
            tenant.entra.remember(millis, lag);
            // That of a group goes for everybody in it.
            tenant.entra.assignments.remove(*id).ok_or_else(|| Refusal::not_found(id))?;
            Ok(no_content())
        }
        _ => Err(Refusal::no_such_route()),
    }
}

/// Consents of somebody, and those for everybody.
pub(super) fn grants(state: &State, user: &str) -> Vec<Value> {
    let own = state.grants.iter().filter(|(_, grant)| grant.principal.as_deref() == Some(user));
    let row = |(id, grant): (&String, &super::Grant)| {
        json!({
            "id": id, "clientId": grant.client, "consentType": "Principal", "principalId": grant.principal,
            "resourceId": "graph", "scope": grant.scope,
        })
    };
    own.map(row).collect()
}

pub(super) fn grant(tenant: &mut Tenant, call: &Call<'_>, id: &str) -> Reply {
    if call.method() != "DELETE" {
        return Err(Refusal::no_such_route());
    }
    call.needs(CONSENT)?;
    tenant.entra.remember(call.moment.millis(), call.moment.switches.entra.read_lag_ms);
    tenant.entra.grants.remove(id).ok_or_else(|| Refusal::not_found(id))?;
    Ok(no_content())
}

/// Applications that somebody owns.
pub(super) fn owned(state: &State, user: &str) -> Vec<Value> {
    let own = state.apps.iter().filter(|(_, app)| app.owners.contains(user));
    own.map(|(id, app)| {
        json!({
            "@odata.type": "#microsoft.graph.servicePrincipal", "id": id, "displayName": app.name, "appId": app.client,
        })
    })
    .collect()
}
