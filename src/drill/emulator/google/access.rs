//! Groups and their members; administrators' roles and who has them.

use serde_json::{Value, json};

use super::state::{Assignment, Member, State};
use super::{Call, Refusal, Reply, nothing};
use crate::drill::emulator::{Answer, Tenant};

const READ_GROUPS: &[&str] = &["group", "group.readonly"];
const READ_MEMBERS: &[&str] = &["group", "group.member", "group.member.readonly", "group.readonly"];
const CHANGE_MEMBERS: &[&str] = &["group", "group.member"];
const READ_ROLES: &[&str] = &["rolemanagement", "rolemanagement.readonly"];
const CHANGE_ROLES: &[&str] = &["rolemanagement"];
/// Id of the role of super administrators, which users themselves show.
const SUPER: &str = "1";
const WHERE: [&str; 2] = ["CUSTOMER", "ORG_UNIT"];

pub(super) fn groups(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Reply {
    match (call.method(), rest) {
        ("GET", []) => {
            call.needs(READ_GROUPS)?;
            let key = call.request.parameter("userKey").ok_or_else(Refusal::invalid)?;
            let state = call.seen(tenant);
            let user = state.id_of(key).ok_or_else(|| Refusal::missing("userKey"))?;
            let own = state.groups.iter().filter(|(_, group)| group.members.contains_key(&user));
            let row = |(id, group): (&String, &super::Group)| {
                json!({
                    "kind": "admin#directory#group", "id": id, "email": group.email, "name": group.name,
                    "directMembersCount": group.members.len().to_string(), "adminCreated": true,
                })
            };
            call.page("groups", "groups", &own.map(row).collect::<Vec<_>>())
        }
        (_, [group, "members", rest @ ..]) => {
            let group = tenant.google.group_id(group).ok_or_else(|| Refusal::missing("groupKey"))?;
            members(tenant, call, &group, rest)
        }
        _ => Err(Refusal::missing("route")),
    }
}

fn member_shown(state: &State, id: &str, member: &Member) -> Value {
    let email = state.users.get(id).map(|user| user.email.as_str());
    json!({
        "kind": "admin#directory#member", "id": id, "email": email, "role": member.role, "type": "USER",
        "status": "ACTIVE", "delivery_settings": member.delivery,
    })
}

fn members(tenant: &mut Tenant, call: &Call<'_>, group: &str, rest: &[&str]) -> Reply {
    let missing = || Refusal::missing("memberKey");
    match (call.method(), rest) {
        ("GET", [member]) => {
            call.needs(READ_MEMBERS)?;
            let state = call.seen(tenant);
            let id = state.id_of(member).ok_or_else(missing)?;
            let found = state.groups.get(group).and_then(|group| group.members.get(&id));
            Ok(Answer::json(200, &member_shown(state, &id, found.ok_or_else(missing)?)))
        }
        ("POST", []) => {
            call.needs(CHANGE_MEMBERS)?;
            let (body, state) = (call.body(), call.changed(tenant));
            let text = |key: &str| body.get(key).and_then(Value::as_str);
            let user = text("email").and_then(|email| state.id_of(email)).ok_or_else(missing)?;
            let role = text("role").unwrap_or("MEMBER");
            let delivery = text("delivery_settings").unwrap_or("ALL_MAIL");
            let found = state.groups.get_mut(group).ok_or_else(|| Refusal::missing("groupKey"))?;
            if found.dynamic || !["OWNER", "MANAGER", "MEMBER"].contains(&role) {
                return Err(Refusal::invalid());
            }
            if found.members.contains_key(&user) {
                return Err(Refusal(409, "duplicate", "Member already exists.".into()));
            }
            let member = Member { role: role.into(), delivery: delivery.into() };
            found.members.insert(user.clone(), member.clone());
            Ok(Answer::json(200, &member_shown(state, &user, &member)))
        }
        ("DELETE", [member]) => {
            call.needs(CHANGE_MEMBERS)?;
            let state = call.changed(tenant);
            let id = state.id_of(member).ok_or_else(missing)?;
            let found = state.groups.get_mut(group).ok_or_else(|| Refusal::missing("groupKey"))?;
            if found.dynamic {
                return Err(Refusal::invalid());
            }
            found.members.remove(&id).ok_or_else(missing)?;
            Ok(nothing())
        }
        _ => Err(Refusal::missing("route")),
    }
}

pub(super) fn roles(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Reply {
    call.needs(if call.method() == "GET" { READ_ROLES } else { CHANGE_ROLES })?;
    match (call.method(), rest) {
        ("GET", ["roles"]) => {
            let row = |(id, name): (&String, &String)| json!({ "kind": "admin#directory#role", "roleId": id, "roleName": name, "isSystemRole": true });
            let mut rows = vec![json!({
                "kind": "admin#directory#role", "roleId": SUPER, "roleName": "_SEED_ADMIN_ROLE",
                "isSystemRole": true, "isSuperAdminRole": true,
            })];
            rows.extend(call.seen(tenant).roles.iter().map(row));
            call.page("roles", "items", &rows)
        }
        ("GET", ["roleassignments"]) => assignments(call.seen(tenant), call),
        ("POST", ["roleassignments"]) => give(tenant, call),
        ("DELETE", ["roleassignments", id]) => {
            let gone = call.changed(tenant).assignments.remove(*id);
            gone.map(|_| nothing()).ok_or_else(|| Refusal::missing("roleAssignmentId"))
        }
        _ => Err(Refusal::missing("route")),
    }
}

/// Of one person, and of the groups that it is in where that is asked for.
fn assignments(state: &State, call: &Call<'_>) -> Reply {
    let key = call.request.parameter("userKey").ok_or_else(Refusal::invalid)?;
    let user = state.id_of(key).ok_or_else(|| Refusal::missing("userKey"))?;
    let indirect = call.request.parameter("includeIndirectRoleAssignments") == Some("true");
    let by_group =
        |to: &str| state.groups.get(to).is_some_and(|group| indirect && group.members.contains_key(&user));
    let own = state.assignments.iter().filter(|(_, one)| one.to == user || by_group(&one.to));
    let mut rows: Vec<Value> = own.map(|(id, one)| assignment_shown(state, id, one)).collect();
    if state.users.get(&user).is_some_and(|user| user.admin) {
        let one = Assignment { role: SUPER.into(), to: user, unit: None };
        rows.push(assignment_shown(state, "0", &one));
    }
    call.page("roleAssignments", "items", &rows)
}

fn assignment_shown(state: &State, id: &str, one: &Assignment) -> Value {
    let [everywhere, limited] = WHERE;
    let mut row = json!({
        "kind": "admin#directory#roleAssignment", "roleAssignmentId": id, "roleId": one.role, "assignedTo": one.to,
        "assigneeType": if state.groups.contains_key(&one.to) { "GROUP" } else { "USER" },
        "scopeType": if one.unit.is_some() { limited } else { everywhere },
    });
    if let (Some(unit), Some(fields)) = (&one.unit, row.as_object_mut()) {
        fields.insert("orgUnitId".into(), json!(unit));
    }
    row
}

fn give(tenant: &mut Tenant, call: &Call<'_>) -> Reply {
    let body = call.body();
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let (role, to, scope) = (text("roleId"), text("assignedTo"), text("scopeType"));
    let (Some(role), Some(to), Some(scope)) = (role, to, scope) else { return Err(Refusal::invalid()) };
    let unit = text("orgUnitId");
    let [_, limited] = WHERE;
    let known = tenant.google.roles.contains_key(&role) && tenant.google.users.contains_key(&to);
    if !known || !WHERE.contains(&scope.as_str()) || (scope == limited) != unit.is_some() {
        return Err(Refusal::invalid());
    }
    let one = Assignment { role, to, unit };
    if tenant.google.assignments.values().any(|held| *held == one) {
        return Err(Refusal(409, "duplicate", "Role assignment already exists.".into()));
    }
    let id = (1_000_000_000 + tenant.draws.below(1 << 40)).to_string();
    let state = call.changed(tenant);
    let answer = Answer::json(200, &assignment_shown(state, &id, &one));
    state.assignments.insert(id, one);
    Ok(answer)
}
