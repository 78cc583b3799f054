//! Groups, which are Mixpanel's teams of the same name.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Call, Refusal, Reply, patch, show};
use crate::drill::emulator::mixpanel::Team;
use crate::drill::emulator::{Answer, Tenant};

const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// A group.
#[derive(Clone, Default, Serialize)]
pub struct Group {
    /// Name, which is the team's.
    pub display_name: String,
    /// Ids of its people.
    pub members: BTreeSet<String>,
    /// Grows with every change.
    pub version: u64,
    /// When it was made and changed last, RFC 3339.
    pub created: String,
    /// See `created`.
    pub modified: String,
}

impl Group {
    fn shown(&self, id: &str, call: &Call<'_>) -> Value {
        let members: Vec<Value> = self.members.iter().map(|member| json!({ "value": member })).collect();
        let times = (self.version, self.created.as_str(), self.modified.as_str());
        json!({
            "schemas": [SCHEMA], "id": id, "displayName": self.display_name, "members": members,
            "meta": call.meta("Group", id, times),
        })
    }
}

pub(super) fn reply(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Reply {
    match (call.request.method.as_str(), rest) {
        ("GET", []) => call.list(tenant.scim.groups.iter().map(|(id, group)| group.shown(id, call))),
        ("POST", []) => {
            let mut group = read(&call.body()?)?;
            group.created = call.now();
            let id = tenant.draws.letters(20);
            store(tenant, call, &id, group).map(|resource| show(201, &resource))
        }
        ("GET", [id]) => Ok(show(200, &group(tenant, id)?.shown(id, call))),
        ("PATCH", [id]) => {
            let old = group(tenant, id)?;
            call.expects(old.version)?;
            let new = patch::group(old, &call.body()?, call.moment.switches.scim.remove_by_value)?;
            store(tenant, call, id, new).map(|resource| call.patched(&resource))
        }
        ("PUT", [id]) => {
            let old = group(tenant, id)?;
            call.expects(old.version)?;
            let mut new = read(&call.body()?)?;
            (new.version, new.created) = (old.version, old.created.clone());
            store(tenant, call, id, new).map(|resource| show(200, &resource))
        }
        ("DELETE", [id]) => {
            call.expects(group(tenant, id)?.version)?;
            tenant.scim.groups.remove(*id);
            Ok(Answer::empty(204).header("content-type", "application/scim+json"))
        }
        _ => Err(Refusal::new(405, "", "method not allowed")),
    }
}

fn group<'a>(tenant: &'a Tenant, id: &str) -> Result<&'a Group, Refusal> {
    tenant.scim.groups.get(id).ok_or_else(|| Refusal::not_found("Group", id))
}

fn read(body: &Map<String, Value>) -> Result<Group, Refusal> {
    let name = body.get("displayName").and_then(Value::as_str).filter(|name| !name.is_empty());
    let Some(name) = name else {
        return Err(Refusal::value("Field 'displayName' is required but value is missing, null or empty"));
    };
    let members = body.get("members").map(patch::member_ids).transpose()?.unwrap_or_default();
    Ok(Group { display_name: name.to_owned(), members, ..Group::default() })
}

/// Stores a changed group; the team of its name follows.
fn store(tenant: &mut Tenant, call: &Call<'_>, id: &str, mut group: Group) -> Result<Value, Refusal> {
    if let Some(stranger) = group.members.iter().find(|member| !tenant.scim.users.contains_key(*member)) {
        return Err(Refusal::value(format!("member '{stranger}' is no user")));
    }
    group.version += 1;
    group.modified = call.now();
    let before = tenant.scim.groups.get(id).map(|group| group.members.clone()).unwrap_or_default();
    let shown = group.shown(id, call);
    if let Some(team) = tenant.mixpanel.teams.values_mut().find(|team| team.name == group.display_name) {
        let email = |id: &String| tenant.scim.users.get(id).map(|user| user.user_name.clone());
        follow(team, before.difference(&group.members).filter_map(email), false);
        follow(team, group.members.difference(&before).filter_map(email), true);
    }
    tenant.scim.groups.insert(id.to_owned(), group);
    Ok(shown)
}

fn follow(team: &mut Team, emails: impl Iterator<Item = String>, joined: bool) {
    for email in emails {
        if joined {
            team.members.insert(email.to_ascii_lowercase());
        } else {
            team.members.remove(&email.to_ascii_lowercase());
        }
    }
}
