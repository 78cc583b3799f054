//! People, and what a change of theirs does at Mixpanel.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Call, Refusal, Reply, patch, show};
use crate::drill::emulator::mixpanel::Member;
use crate::drill::emulator::{Answer, Moment, Tenant};

const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// A person.
#[derive(Clone, Default, Serialize)]
pub struct User {
    /// The e-mail.
    pub user_name: String,
    /// False once deactivated.
    pub active: bool,
    /// Other attributes: `name`, `displayName`, `emails`, `externalId`.
    pub attributes: Map<String, Value>,
    /// Grows with every change.
    pub version: u64,
    /// When it was made and changed last, RFC 3339.
    pub created: String,
    /// See `created`.
    pub modified: String,
}

impl User {
    /// The user name, and the e-mails.
    fn addresses(&self) -> impl Iterator<Item = &str> {
        let emails = self.attributes.get("emails").and_then(Value::as_array).into_iter().flatten();
        let emails = emails.filter_map(|entry| entry.get("value")?.as_str());
        std::iter::once(self.user_name.as_str()).chain(emails)
    }

    /// Whether this is the person with the address.
    pub(super) fn is_of(&self, email: &str) -> bool {
        self.addresses().any(|own| own.eq_ignore_ascii_case(email))
    }

    fn shown(&self, id: &str, call: &Call<'_>) -> Value {
        let mut shown = self.attributes.clone();
        shown.insert("schemas".to_owned(), json!([SCHEMA]));
        shown.insert("id".to_owned(), json!(id));
        shown.insert("userName".to_owned(), json!(self.user_name));
        shown.insert("active".to_owned(), json!(self.active));
        let times = (self.version, self.created.as_str(), self.modified.as_str());
        shown.insert("meta".to_owned(), call.meta("User", id, times));
        Value::Object(shown)
    }
}

pub(super) fn reply(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Reply {
    match (call.request.method.as_str(), rest) {
        ("GET", []) => call.list(tenant.scim.users.iter().map(|(id, user)| user.shown(id, call))),
        ("POST", []) => create(tenant, call),
        ("GET", [id]) => Ok(show(200, &user(tenant, id)?.shown(id, call))),
        ("PATCH", [id]) => {
            let old = user(tenant, id)?;
            call.expects(old.version)?;
            let strict = call.moment.switches.scim.strict_booleans;
            let new = patch::user(old, &call.body()?, strict)?;
            store(tenant, call, id, new).map(|resource| call.patched(&resource))
        }
        ("PUT", [id]) => {
            let old = user(tenant, id)?;
            call.expects(old.version)?;
            let mut new = read(&call.body()?, call.moment)?;
            (new.version, new.created) = (old.version, old.created.clone());
            store(tenant, call, id, new).map(|resource| show(200, &resource))
        }
        ("DELETE", [id]) => {
            call.expects(user(tenant, id)?.version)?;
            delete(tenant, call, id)
        }
        _ => Err(Refusal::new(405, "", "method not allowed")),
    }
}

fn user<'a>(tenant: &'a Tenant, id: &str) -> Result<&'a User, Refusal> {
    tenant.scim.users.get(id).ok_or_else(|| Refusal::not_found("User", id))
}

/// A whole user from a body. Left out, `active` is true.
fn read(body: &Map<String, Value>, moment: &Moment<'_>) -> Result<User, Refusal> {
    let mut user = User { active: true, ..User::default() };
    for (name, value) in body {
        patch::set_user(&mut user, name, value, moment.switches.scim.strict_booleans)?;
    }
    if user.user_name.is_empty() {
        return Err(Refusal::value("Field 'userName' is required but value is missing, null or empty"));
    }
    Ok(user)
}

fn create(tenant: &mut Tenant, call: &Call<'_>) -> Reply {
    let mut user = read(&call.body()?, call.moment)?;
    reach(tenant, call, &user)?;
    if tenant.scim.find(&user.user_name).is_some() {
        return Err(in_use());
    }
    let id = tenant.draws.letters(20);
    user.created = call.now();
    if tenant.scim.claims(&user.user_name) && !tenant.mixpanel.members.contains_key(&user.user_name) {
        let name = user.attributes.get("displayName").and_then(Value::as_str).unwrap_or(&user.user_name);
        let member = Member {
            id: tenant.mixpanel.take_id(),
            name: name.to_owned(),
            role: "consumer".to_owned(),
            active: user.active,
            ..Member::default()
        };
        tenant.mixpanel.members.insert(user.user_name.clone(), member);
    }
    store(tenant, call, &id, user).map(|resource| show(201, &resource))
}

fn in_use() -> Refusal {
    let detail = "One or more of the attribute values are already in use or are reserved";
    Refusal::new(409, "uniqueness", detail)
}

/// Refuses what is out of the directory's reach, where it is said at all.
fn reach(tenant: &Tenant, call: &Call<'_>, user: &User) -> Result<(), Refusal> {
    let is_claimed = user.addresses().any(|address| tenant.scim.claims(address));
    if call.moment.switches.scim.refuse_unclaimed && !is_claimed {
        return Err(Refusal::new(403, "", "The e-mail is not in a domain that the organization has claimed"));
    }
    Ok(())
}

/// Stores a changed person, and lets the change reach Mixpanel.
fn store(tenant: &mut Tenant, call: &Call<'_>, id: &str, mut user: User) -> Result<Value, Refusal> {
    reach(tenant, call, &user)?;
    if tenant.scim.find(&user.user_name).is_some_and(|other| other != id) {
        return Err(in_use());
    }
    user.version += 1;
    user.modified = call.now();
    let shown = user.shown(id, call);
    set_active(tenant, &user.user_name, user.active, call.moment);
    tenant.scim.users.insert(id.to_owned(), user);
    Ok(shown)
}

/// What `active` means for the member.
pub(super) fn set_active(tenant: &mut Tenant, email: &str, active: bool, moment: &Moment<'_>) {
    if !tenant.scim.claims(email) {
        return;
    }
    let is_active = tenant.mixpanel.members.get(email).map(|member| member.active);
    match (is_active, active) {
        (Some(false), true) => {
            tenant.mixpanel.reactivate(email);
        }
        (Some(true), false) => {
            let ends = moment.switches.scim.deactivation_ends_sessions.then(|| moment.millis());
            tenant.mixpanel.deactivate(email, ends);
        }
        _ => {}
    }
}

/// DELETE takes the member and what was his for good.
fn delete(tenant: &mut Tenant, call: &Call<'_>, id: &str) -> Reply {
    let user = user(tenant, id)?.clone();
    reach(tenant, call, &user)?;
    let email = user.user_name;
    tenant.scim.users.remove(id);
    for group in tenant.scim.groups.values_mut() {
        group.members.remove(id);
    }
    if tenant.scim.claims(&email) {
        tenant.mixpanel.remove_member(&email, call.moment.millis());
    }
    Ok(Answer::empty(204).header("content-type", "application/scim+json"))
}
