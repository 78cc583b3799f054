//! What somebody holds: sessions, OAuth tokens and consents, API tokens, admin roles.

use serde_json::{Value, json};

use super::caller::Need;
use super::log::{self, Target};
use super::page::page;
use super::state::{ApiToken, Ghost, Grant, Role, User};
use super::{Call, Refusal, Reply, no_content};
use crate::drill::emulator::{Answer, Tenant};

/// Admin roles that can be given.
const ROLES: [&str; 7] = [
    "SUPER_ADMIN",
    "ORG_ADMIN",
    "USER_ADMIN",
    "APP_ADMIN",
    "HELP_DESK_ADMIN",
    "READ_ONLY_ADMIN",
    "REPORT_ADMIN",
];

fn user<'a>(tenant: &'a mut Tenant, id: &str) -> Result<&'a mut User, Refusal> {
    tenant.okta.users.get_mut(id).ok_or_else(|| Refusal::not_found(id, "User"))
}

/// Ends sessions; OAuth tokens and remembered devices only when asked to.
pub(super) fn end_sessions(tenant: &mut Tenant, call: &Call<'_>, id: &str) -> Reply {
    call.caller.needs(tenant, Need::Sessions, Some(id))?;
    let asked = |name: &str| call.request.parameter(name).is_some_and(|value| value == "true");
    let (tokens, devices) = (asked("oauthTokens"), asked("forgetDevices"));
    let user = user(tenant, id)?;
    user.sessions.clear();
    if tokens {
        user.oauth_tokens.clear();
    }
    if devices {
        user.devices.clear();
    }
    if tokens {
        tenant.okta.bearers.retain(|_, owner| owner != id);
    }
    let actor = call.caller.actor(call.request);
    log::write(tenant, call.moment, &actor, &log::CLEAR_SESSIONS, &[Target::User(id)]);
    Ok(no_content())
}

/// Consents to OAuth clients.
pub(super) fn grants(tenant: &mut Tenant, call: &Call<'_>, id: &str, rest: &[&str]) -> Reply {
    let need = if call.method() == "GET" { Need::Read } else { Need::Sessions };
    call.caller.needs(tenant, need, (need != Need::Read).then_some(id))?;
    let shown = |grant_id: &str, grant: &Grant| {
        json!({
            "id": grant_id, "status": "ACTIVE", "issuer": call.request.origin, "clientId": grant.client,
            "userId": id, "scopeId": grant.scope, "source": "END_USER",
        })
    };
    let user = user(tenant, id)?;
    match (call.method(), rest) {
        ("GET", []) => {
            page(call, user.grants.iter().map(|(id, grant)| (id.clone(), shown(id, grant))).collect())
        }
        ("GET", [grant]) => {
            let found = user
                .grants
                .get(*grant)
                .ok_or_else(|| Refusal::not_found(grant, "OAuth2ScopeConsentGrant"))?;
            Ok(Answer::json(200, &shown(grant, found)))
        }
        ("DELETE", []) => {
            user.grants.clear();
            revoked_grants(tenant, call, id)
        }
        ("DELETE", [grant]) => {
            user.grants.remove(*grant).ok_or_else(|| Refusal::not_found(grant, "OAuth2ScopeConsentGrant"))?;
            revoked_grants(tenant, call, id)
        }
        _ => Err(Refusal::unsupported()),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "all routes answer by the same signature")]
fn revoked_grants(tenant: &mut Tenant, call: &Call<'_>, id: &str) -> Reply {
    let actor = call.caller.actor(call.request);
    log::write(tenant, call.moment, &actor, &log::REVOKE_GRANTS, &[Target::User(id)]);
    Ok(no_content())
}

/// OAuth clients that hold refresh tokens of somebody.
pub(super) fn clients(tenant: &mut Tenant, call: &Call<'_>, id: &str, rest: &[&str]) -> Reply {
    let need = if call.method() == "GET" { Need::Read } else { Need::Sessions };
    call.caller.needs(tenant, need, (need != Need::Read).then_some(id))?;
    let user = user(tenant, id)?;
    match (call.method(), rest) {
        ("GET", []) => {
            let mut clients: Vec<&String> = user.oauth_tokens.values().collect();
            clients.sort();
            clients.dedup();
            let row = |client: &String| json!({"client_id": client, "client_name": client});
            page(call, clients.into_iter().map(|client| (client.clone(), row(client))).collect())
        }
        ("GET", [client, "tokens"]) => {
            let row = |token: &String| json!({"id": token, "status": "ACTIVE", "clientId": client, "userId": id, "scopes": ["offline_access"]});
            let tokens = user.oauth_tokens.iter().filter(|(_, of)| of == client);
            page(call, tokens.map(|(token, _)| (token.clone(), row(token))).collect())
        }
        ("DELETE", [client, "tokens"]) => {
            user.oauth_tokens.retain(|_, of| of != client);
            Ok(no_content())
        }
        _ => Err(Refusal::unsupported()),
    }
}

/// API tokens of the whole organisation.
pub(super) fn tokens(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Reply {
    call.caller.needs(tenant, Need::Tokens, None)?;
    let missing = |id: &str| Refusal::not_found(id, "ApiToken");
    match (call.method(), rest) {
        ("GET", []) => {
            let millis = call.moment.millis();
            let ghosts = tenant.okta.ghosts.iter().filter(|ghost| ghost.until_ms > millis);
            let ghosts = ghosts.map(|ghost| (&ghost.id, &ghost.token));
            let rows: Vec<Value> = tenant
                .okta
                .tokens
                .iter()
                .chain(ghosts)
                .map(|(id, token)| token_row(call, id, token))
                .collect();
            Ok(Answer::json(200, &json!(rows)))
        }
        ("GET", [id]) => {
            let token = tenant.okta.tokens.get(*id).ok_or_else(|| missing(id))?;
            Ok(Answer::json(200, &token_row(call, id, token)))
        }
        ("DELETE", [id]) => {
            let id = match (*id, &call.caller.token) {
                ("current", Some(own)) => own.clone(),
                _ => (*id).to_owned(),
            };
            // Reading is enough to see them, not to revoke them.
            call.caller.needs(tenant, Need::Users, None)?;
            let token = tenant.okta.tokens.remove(&id).ok_or_else(|| missing(&id))?;
            let until_ms = call.moment.millis().saturating_add(call.moment.switches.okta.token_ghost_ms);
            let name = token.name.clone();
            tenant.okta.ghosts.push(Ghost { id: id.clone(), token, until_ms });
            let actor = call.caller.actor(call.request);
            log::write(tenant, call.moment, &actor, &log::REVOKE_TOKEN, &[Target::Token(&id, &name)]);
            Ok(no_content())
        }
        _ => Err(Refusal::unsupported()),
    }
}

fn token_row(call: &Call<'_>, id: &str, token: &ApiToken) -> Value {
    json!({
        "id": id, "name": token.name, "userId": token.user, "clientName": "Okta API", "tokenWindow": "P30D",
        "network": {"connection": "ANYWHERE"}, "created": token.created, "lastUpdated": token.created,
        "expiresAt": null, "_link": {"self": {"href": call.href(&format!("api-tokens/{id}"))}},
    })
}

/// Admin roles of somebody.
pub(super) fn roles(tenant: &mut Tenant, call: &Call<'_>, id: &str, rest: &[&str]) -> Reply {
    let need = if call.method() == "GET" { Need::Read } else { Need::Roles };
    call.caller.needs(tenant, need, None)?;
    let shown = |role_id: &str, role: &Role| {
        json!({
            "id": role_id, "type": role.kind, "label": role.kind, "status": "ACTIVE", "assignmentType": "USER",
            "_links": {"assignee": {"href": call.href(&format!("users/{id}"))}},
        })
    };
    let actor = call.caller.actor(call.request);
    match (call.method(), rest) {
        ("GET", []) => {
            let rows: Vec<Value> = user(tenant, id)?.roles.iter().map(|(id, role)| shown(id, role)).collect();
            Ok(Answer::json(200, &json!(rows)))
        }
        ("GET", [role]) => {
            let held = user(tenant, id)?.roles.get(*role).ok_or_else(|| Refusal::not_found(role, "Role"))?;
            Ok(Answer::json(200, &shown(role, held)))
        }
        ("GET", [role, "targets", "groups"]) => {
            let groups = user(tenant, id)?
                .roles
                .get(*role)
                .ok_or_else(|| Refusal::not_found(role, "Role"))?
                .groups
                .clone();
            page(call, groups.into_iter().map(|group| (group.clone(), json!({ "id": group }))).collect())
        }
        ("GET", [_, "targets", "catalog", "apps"]) => page(call, Vec::new()),
        ("DELETE", [role]) => {
            user(tenant, id)?.roles.remove(*role).ok_or_else(|| Refusal::not_found(role, "Role"))?;
            log::write(tenant, call.moment, &actor, &log::REVOKE_ROLE, &[Target::User(id)]);
            Ok(no_content())
        }
        ("POST", []) => {
            let body = call.request.json().unwrap_or_default();
            let kind = body.get("type").and_then(Value::as_str).filter(|kind| ROLES.contains(kind));
            let kind = kind.ok_or_else(|| Refusal::invalid("type", "The role is not known"))?.to_owned();
            if user(tenant, id)?.roles.values().any(|held| held.kind == kind) {
                let text = "The role specified is already assigned to the user.";
                return Err(Refusal::new(409, "E0000090", text));
            }
            let role = format!("ra1{}", tenant.draws.letters(17));
            let given = Role { kind, ..Role::default() };
            let answer = shown(&role, &given);
            user(tenant, id)?.roles.insert(role, given);
            log::write(tenant, call.moment, &actor, &log::GRANT_ROLE, &[Target::User(id)]);
            Ok(Answer::json(200, &answer))
        }
        _ => Err(Refusal::unsupported()),
    }
}
