//! Groups and directory roles.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::state::{Group, Kind, Role, State};
use super::users::DELETE;
use super::{Call, READ, Refusal, Reply, no_content};
use crate::drill::emulator::{Answer, Tenant};

const MEMBERS: &[&str] = &["GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"];
const ROLES: &[&str] = &["RoleManagement.ReadWrite.Directory"];

fn group_shown(id: &str, group: &Group) -> Value {
    let (types, rule) = match &group.kind {
        Kind::Dynamic(rule) => (vec!["DynamicMembership"], Some(rule)),
        Kind::Assigned | Kind::Synced => (Vec::new(), None),
    };
    json!({
        "@odata.type": "#microsoft.graph.group", "id": id, "displayName": group.name, "groupTypes": types,
        "membershipRule": rule, "onPremisesSyncEnabled": (group.kind == Kind::Synced).then_some(true),
        "securityEnabled": true, "mailEnabled": false,
    })
}

fn role_shown(id: &str, role: &Role) -> Value {
    json!({ "@odata.type": "#microsoft.graph.directoryRole", "id": id, "displayName": role.name })
}

/// Of what somebody is a member by itself.
pub(super) fn of_user(state: &State, user: &str) -> Vec<Value> {
    let groups = state.groups.iter().filter(|(_, group)| group.members.contains(user));
    let roles = state.roles.iter().filter(|(_, role)| role.members.contains(user));
    let groups = groups.map(|(id, group)| group_shown(id, group));
    groups.chain(roles.map(|(id, role)| role_shown(id, role))).collect()
}

/// `whole`: `groups` or `directoryRoles`.
pub(super) fn reply(tenant: &mut Tenant, call: &Call<'_>, whole: &str, rest: &[&str]) -> Reply {
    call.needs(READ)?;
    match (call.method(), rest) {
        ("GET", [id]) => {
            let group = tenant.entra.groups.get(*id).map(|group| group_shown(id, group));
            let role = || tenant.entra.roles.get(*id).map(|role| role_shown(id, role));
            let found = group.or_else(role).ok_or_else(|| Refusal::not_found(id))?;
            Ok(Answer::json(200, &found))
        }
        ("POST", [id, "members", "$ref"]) => {
            let body = call.body();
            let link = body.get("@odata.id").and_then(Value::as_str).unwrap_or_default();
            let user = link.rsplit_once("/directoryObjects/").map(|(_, user)| user);
            let user = user.ok_or_else(|| Refusal::bad("A value is required for property '@odata.id'."))?;
            if !tenant.entra.users.contains_key(user) {
                return Err(Refusal::not_found(user));
            }
            let members = members(tenant, call, whole, id)?;
            if !members.insert(user.to_owned()) {
                let text = "One or more added object references already exist for the following modified \
                            properties: 'members'.";
                return Err(Refusal::bad(text));
            }
            Ok(no_content())
        }
        ("DELETE", [id, "members", user, "$ref"]) => {
            let gone = members(tenant, call, whole, id)?.remove(*user);
            if gone { Ok(no_content()) } else { Err(Refusal::not_found(user)) }
        }
        // The member itself, not the membership.
        ("DELETE", [id, "members", user]) => {
            call.needs(DELETE)?;
            if !members(tenant, call, whole, id)?.contains(*user) {
                return Err(Refusal::not_found(user));
            }
            tenant.entra.delete_user(user);
            Ok(no_content())
        }
        _ => Err(Refusal::no_such_route()),
    }
}

/// The members of a group or role that the token may change.
fn members<'a>(
    tenant: &'a mut Tenant,
    call: &Call<'_>,
    whole: &str,
    id: &str,
) -> Result<&'a mut BTreeSet<String>, Refusal> {
    call.needs(if whole == "groups" { MEMBERS } else { ROLES })?;
    tenant.entra.remember(call.moment.millis(), call.moment.switches.entra.read_lag_ms);
    if whole == "directoryRoles" {
        let role = tenant.entra.roles.get_mut(id).ok_or_else(|| Refusal::not_found(id))?;
        return Ok(&mut role.members);
    }
    let group = tenant.entra.groups.get_mut(id).ok_or_else(|| Refusal::not_found(id))?;
    match group.kind {
        Kind::Assigned => Ok(&mut group.members),
        Kind::Dynamic(_) => Err(Refusal::bad("Insufficient privileges or a dynamic membership group.")),
        Kind::Synced => Err(Refusal::bad(
            "Unable to update the specified properties for on-premises mastered Directory Sync objects.",
        )),
    }
}
