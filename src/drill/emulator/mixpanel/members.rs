//! Who the caller is, and the organisation's people and projects.

use serde_json::{Map, Value, json};

use super::accounts::Reply;
use super::auth::{Caller, error, ok};
use crate::drill::emulator::{Moment, Tenant};

/// `GET /me`.
pub(super) fn me(tenant: &Tenant, caller: &Caller, moment: &Moment<'_>) -> Reply {
    let state = &tenant.mixpanel;
    let nothing = caller.access.role.is_none() && caller.access.projects.is_empty();
    if nothing && caller.account.is_some() {
        return Err(error(moment.switches.mixpanel.without_project, "No access to any project"));
    }
    let (id, name) = state.organization();
    let mut organizations = Map::new();
    let role = caller.access.role.as_deref().unwrap_or("member");
    organizations.insert(id.to_string(), json!({"id": id, "name": name, "role": role, "permissions": []}));
    let projects: Map<String, Value> = caller
        .access
        .projects
        .keys()
        .filter_map(|project| Some((project, state.projects.get(project)?)))
        .map(|(project, of)| {
            let row = json!({
                "name": of.name, "organization_id": id, "timezone": "US/Pacific", "domain": "mixpanel.com",
            });
            (project.to_string(), row)
        })
        .collect();
    Ok(ok(&json!({
        "user_id": caller.user, "user_email": caller.actor.email, "organizations": organizations,
        "projects": projects,
    })))
}

/// `GET /organizations/{org}/users/` and `…/projects/`, which the vendor's own code uses and no document names.
pub(super) fn rows(tenant: &Tenant, caller: &Caller, what: &str) -> Reply {
    caller.manages_organization()?;
    let state = &tenant.mixpanel;
    let rows: Vec<Value> = match what {
        "users" => state
            .members
            .iter()
            .filter(|(_, member)| member.active)
            .map(|(email, member)| {
                json!({"id": member.id, "email": email, "name": member.name, "role": member.role})
            })
            .collect(),
        _ => state
            .projects
            .iter()
            .map(|(id, project)| {
                json!({"id": id, "name": project.name, "token": project.token, "api_secret": project.api_secret})
            })
            .collect(),
    };
    Ok(ok(&json!(rows)))
}
