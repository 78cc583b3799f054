//! People: found, disabled, their sessions ended.

use serde_json::{Value, json};

use super::state::{State, User};
use super::{Call, READ, Refusal, Reply, access, groups, no_content};
use crate::drill::emulator::{Answer, Tenant};

/// Permissions that let a token change accounts.
const ENABLE: &[&str] = &["User.EnableDisableAccount.All", "User.ReadWrite.All", "Directory.ReadWrite.All"];
const REVOKE: &[&str] = &["User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"];
pub(super) const DELETE: &[&str] = &["User.ReadWrite.All"];

fn shown(call: &Call<'_>, id: &str, user: &User) -> Value {
    let whole = json!({
        "id": id, "userPrincipalName": user.name, "mail": user.mail, "displayName": user.name,
        "accountEnabled": user.enabled, "userType": if user.guest { "Guest" } else { "Member" },
        "onPremisesSyncEnabled": user.synced.then_some(true), "otherMails": user.other_mails,
        "signInSessionsValidFromDateTime": user.valid_from,
    });
    // Without `$select` only a few of them are sent.
    let select = call.request.parameter("$select").unwrap_or("id,userPrincipalName,mail,displayName");
    let wanted = select.split(',').filter_map(|key| Some((key.to_owned(), whole.get(key)?.clone())));
    Value::Object(wanted.collect())
}

/// What a read sees.
fn seen<'a>(tenant: &'a Tenant, call: &Call<'_>) -> &'a State {
    tenant.entra.seen(call.moment.millis(), call.moment.switches.entra.read_lag_ms)
}

pub(super) fn me(tenant: &Tenant, call: &Call<'_>) -> Reply {
    let only_people = "/me request is only valid with delegated authentication flow.";
    let id = call.token.user.as_ref().ok_or_else(|| Refusal(400, "BadRequest", only_people.into()))?;
    let user = seen(tenant, call).users.get(id).ok_or_else(|| Refusal::not_found(id))?;
    Ok(Answer::json(200, &shown(call, id, user)))
}

pub(super) fn reply(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Reply {
    call.needs(READ)?;
    let Some((name, rest)) = rest.split_first() else {
        return if call.method() == "GET" { list(tenant, call) } else { Err(Refusal::no_such_route()) };
    };
    let users = &tenant.entra.users;
    let by_name = || users.iter().find(|(_, user)| user.name.eq_ignore_ascii_case(name));
    let (id, _) = users.get_key_value(*name).or_else(by_name).ok_or_else(|| Refusal::not_found(name))?;
    let id = id.clone();
    match (call.method(), rest) {
        ("GET", []) => {
            let user = seen(tenant, call).users.get(&id).ok_or_else(|| Refusal::not_found(&id))?;
            Ok(Answer::json(200, &shown(call, &id, user)))
        }
        ("PATCH", []) => update(tenant, call, &id),
        ("DELETE", []) => delete(tenant, call, &id),
        ("POST", ["revokeSignInSessions"]) => revoke(tenant, call, &id),
        ("GET", ["memberOf"]) => call.page(&groups::of_user(seen(tenant, call), &id)),
        ("GET", ["ownedObjects"]) => call.page(&access::owned(seen(tenant, call), &id)),
        ("GET", ["oauth2PermissionGrants"]) => call.page(&access::grants(seen(tenant, call), &id)),
        (_, ["appRoleAssignments", rest @ ..]) => access::assignments(tenant, call, &id, rest),
        _ => Err(Refusal::no_such_route()),
    }
}

/// By `$filter`: equality of a name or an address, or an `any` over addresses, joined by `or`.
fn list(tenant: &Tenant, call: &Call<'_>) -> Reply {
    let invalid = || Refusal::bad("Invalid filter clause.");
    let filter = call.request.parameter("$filter");
    let tests: Option<Vec<Test>> = match filter {
        None => None,
        Some(text) => Some(text.split(" or ").map(Test::read).collect::<Option<_>>().ok_or_else(invalid)?),
    };
    let fits = |user: &User| tests.as_ref().is_none_or(|tests| tests.iter().any(|test| test.fits(user)));
    let users = seen(tenant, call).users.iter().filter(|(_, user)| fits(user));
    let rows: Vec<Value> = users.map(|(id, user)| shown(call, id, user)).collect();
    call.page(&rows)
}

/// One comparison of a filter.
struct Test {
    property: String,
    value: String,
}

impl Test {
    fn read(text: &str) -> Option<Self> {
        let (left, right) = text.split_once(" eq ")?;
        let right = right.trim();
        let (property, right) = match left.split_once("/any(") {
            None => (left, right),
            Some((property, _)) => (property, right.strip_suffix(')')?),
        };
        let value = right.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'");
        let known = ["userPrincipalName", "mail", "otherMails", "proxyAddresses"];
        known.contains(&property.trim()).then(|| Self { property: property.trim().to_owned(), value })
    }

    fn fits(&self, user: &User) -> bool {
        let is = |text: &String| text.eq_ignore_ascii_case(&self.value);
        match self.property.as_str() {
            "userPrincipalName" => is(&user.name),
            "mail" => user.mail.as_ref().is_some_and(is),
            "otherMails" => user.other_mails.iter().any(is),
            _ => user.aliases.iter().any(|alias| format!("smtp:{alias}").eq_ignore_ascii_case(&self.value)),
        }
    }
}

/// Administrators are for tokens with a role of their own.
fn may_touch(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<(), Refusal> {
    let is_admin = tenant.entra.roles.values().any(|role| role.members.contains(id));
    let guarded = is_admin && call.moment.switches.entra.admins_need_role && !call.token.privileged;
    if guarded { Err(Refusal::denied()) } else { Ok(()) }
}

fn update(tenant: &mut Tenant, call: &Call<'_>, id: &str) -> Reply {
    call.needs(ENABLE)?;
    may_touch(tenant, call, id)?;
    let body = call.body();
    let enabled = match body.as_object() {
        Some(fields) if fields.len() == 1 => fields.get("accountEnabled").and_then(Value::as_bool),
        _ => None,
    };
    let enabled = enabled.ok_or_else(|| Refusal::bad("Invalid value specified for property."))?;
    let (switches, millis) = (&call.moment.switches.entra, call.moment.millis());
    tenant.entra.remember(millis, switches.read_lag_ms);
    let user = tenant.entra.users.get_mut(id).ok_or_else(|| Refusal::not_found(id))?;
    if user.synced && switches.refuse_synced {
        let text = "Unable to update the specified properties for on-premises mastered Directory Sync objects or \
                    objects currently undergoing migration.";
        return Err(Refusal::bad(text));
    }
    if user.enabled && !enabled {
        user.disabled_ms = Some(millis);
    }
    user.enabled = enabled;
    Ok(no_content())
}

fn delete(tenant: &mut Tenant, call: &Call<'_>, id: &str) -> Reply {
    call.needs(DELETE)?;
    tenant.entra.delete_user(id);
    Ok(no_content())
}

/// Sessions of guests begin elsewhere: these are not ended.
fn revoke(tenant: &mut Tenant, call: &Call<'_>, id: &str) -> Reply {
    call.needs(REVOKE)?;
    may_touch(tenant, call, id)?;
    let (millis, wall) = (call.moment.millis(), call.moment.wall.to_rfc3339());
    tenant.entra.remember(millis, call.moment.switches.entra.read_lag_ms);
    let user = tenant.entra.users.get_mut(id).ok_or_else(|| Refusal::not_found(id))?;
    user.valid_from = wall;
    if !user.guest {
        user.valid_from_ms = Some(millis);
        user.sessions.retain(|_, began| *began >= millis);
    }
    let context = format!("{}/v1.0/$metadata#Edm.Boolean", call.request.origin);
    Ok(Answer::json(200, &json!({ "@odata.context": context, "value": true })))
}
