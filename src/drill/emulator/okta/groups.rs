//! Groups and the rules that fill them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::caller::Need;
use super::log::{self, Target};
use super::page::page;
use super::state::{Group, Rule, State};
use super::{Call, Refusal, Reply, no_content, reassign};
use crate::drill::emulator::{Answer, Tenant};

fn shown(call: &Call<'_>, id: &str, group: &Group) -> Value {
    json!({
        "id": id, "type": group.kind, "objectClass": ["okta:user_group"],
        "profile": {"name": group.name, "description": null},
        "_links": {"users": {"href": call.href(&format!("groups/{id}/users"))}},
    })
}

/// Groups of a person.
pub(super) fn of_user(tenant: &Tenant, call: &Call<'_>, id: &str) -> Reply {
    call.caller.needs(tenant, Need::Read, None)?;
    let groups = tenant.okta.groups.iter().filter(|(_, group)| group.members.contains_key(id));
    page(call, groups.map(|(id, group)| (id.clone(), shown(call, id, group))).collect())
}

pub(super) fn reply(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Reply {
    call.caller.needs(tenant, Need::Read, None)?;
    if let ["rules", rest @ ..] = rest {
        return rules(tenant, call, rest);
    }
    let find = |id: &str| tenant.okta.groups.get(id).ok_or_else(|| Refusal::not_found(id, "UserGroup"));
    match (call.method(), rest) {
        ("GET", []) => {
            let groups = tenant.okta.groups.iter();
            page(call, groups.map(|(id, group)| (id.clone(), shown(call, id, group))).collect())
        }
        ("GET", [id]) => Ok(Answer::json(200, &shown(call, id, find(id)?))),
        ("GET", [id, "users"]) => {
            let people = find(id)?.members.keys().filter_map(|id| Some((id, tenant.okta.users.get(id)?)));
            let row = |id: &String, user: &super::User| json!({"id": id, "status": user.status.name(), "profile": {"login": user.login, "email": user.login}});
            page(call, people.map(|(id, user)| (id.clone(), row(id, user))).collect())
        }
        ("PUT" | "DELETE", [id, "users", user]) => {
            let id = (*id).to_owned();
            find(&id)?;
            membership(tenant, call, &id, user)
        }
        _ => Err(Refusal::unsupported()),
    }
}

/// Puts somebody into a group or takes him out: idempotent, and only where nobody else owns the membership.
fn membership(tenant: &mut Tenant, call: &Call<'_>, id: &str, user: &str) -> Reply {
    call.caller.needs(tenant, Need::Groups, Some(user))?;
    if !tenant.okta.users.contains_key(user) {
        return Err(Refusal::not_found(user, "User"));
    }
    if tenant.okta.groups.get(id).is_none_or(|group| group.kind != "OKTA_GROUP") {
        return Err(Refusal::forbidden());
    }
    let joins = call.method() == "PUT";
    let changed = reassign(tenant, user, call.moment, |state| {
        if joins { join(state, id, user, None) } else { leave(state, id, user) }
    });
    if changed {
        let event = if joins { &log::JOIN_GROUP } else { &log::LEAVE_GROUP };
        let actor = call.caller.actor(call.request);
        log::write(tenant, call.moment, &actor, event, &[Target::User(user), Target::Group(id)]);
    }
    Ok(no_content())
}

fn join(state: &mut State, group: &str, user: &str, rule: Option<&str>) -> bool {
    let Some(group) = state.groups.get_mut(group) else { return false };
    let is_new = !group.members.contains_key(user);
    if is_new {
        group.members.insert(user.to_owned(), rule.map(str::to_owned));
    }
    is_new
}

/// Whom a rule put there is left out by it from now on.
fn leave(state: &mut State, group: &str, user: &str) -> bool {
    let Some(member) = state.groups.get_mut(group).and_then(|group| group.members.remove(user)) else {
        return false;
    };
    if let Some(rule) = member.and_then(|rule| state.rules.get_mut(&rule)) {
        rule.excluded.insert(user.to_owned());
    }
    true
}

fn rule_shown(id: &str, rule: &Rule) -> Value {
    json!({
        "id": id, "type": "group_rule", "name": rule.name,
        "status": if rule.active { "ACTIVE" } else { "INACTIVE" },
        "conditions": {
            "people": {"users": {"exclude": rule.excluded}, "groups": {"exclude": []}},
            "expression": {"value": rule.expression, "type": "urn:okta:expression:1.0"},
        },
        "actions": {"assignUserToGroups": {"groupIds": rule.groups}},
    })
}

fn rules(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Reply {
    if call.method() != "GET" {
        call.caller.needs(tenant, Need::Groups, None)?;
    }
    let missing = |id: &str| Refusal::not_found(id, "GroupRule");
    match (call.method(), rest) {
        ("GET", []) => {
            let rules = tenant.okta.rules.iter();
            page(call, rules.map(|(id, rule)| (id.clone(), rule_shown(id, rule))).collect())
        }
        ("GET", [id]) => {
            let rule = tenant.okta.rules.get(*id).ok_or_else(|| missing(id))?;
            Ok(Answer::json(200, &rule_shown(id, rule)))
        }
        ("PUT", [id]) => {
            let rule = tenant.okta.rules.get_mut(*id).ok_or_else(|| missing(id))?;
            edit(rule, &call.request.json().unwrap_or_default())?;
            Ok(Answer::json(200, &rule_shown(id, rule)))
        }
        ("POST", [id, "lifecycle", what @ ("activate" | "deactivate")]) => {
            let rule = tenant.okta.rules.get_mut(*id).ok_or_else(|| missing(id))?;
            rule.active = *what == "activate";
            if rule.active {
                fill(tenant, call, id);
            }
            Ok(no_content())
        }
        _ => Err(Refusal::unsupported()),
    }
}

/// Name and exclusions of an inactive rule; what it does cannot be edited.
fn edit(rule: &mut Rule, body: &Value) -> Result<(), Refusal> {
    if rule.active {
        return Err(Refusal::invalid("status", "Rule can not be updated while it is active"));
    }
    let excluded: Option<BTreeSet<String>> = match body.pointer("/conditions/people/users/exclude") {
        None | Some(Value::Null) => Some(BTreeSet::new()),
        Some(Value::Array(ids)) => ids.iter().map(|id| id.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    rule.excluded = excluded.ok_or_else(|| Refusal::invalid("exclude", "A list of user ids is needed"))?;
    if let Some(name) = body.get("name").and_then(Value::as_str) {
        name.clone_into(&mut rule.name);
    }
    Ok(())
}

/// An active rule puts those whom it fits into its groups.
fn fill(tenant: &mut Tenant, call: &Call<'_>, id: &str) {
    let Some(rule) = tenant.okta.rules.get(id).cloned() else { return };
    for user in rule.fits.difference(&rule.excluded) {
        reassign(tenant, user, call.moment, |state| {
            for group in &rule.groups {
                join(state, group, user, Some(id));
            }
        });
    }
}
