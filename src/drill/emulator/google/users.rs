//! People: found, suspended, signed out; their second factors, tokens and app passwords.

use serde_json::{Value, json};

use super::state::{State, User};
use super::{Call, Refusal, Reply, nothing};
use crate::drill::emulator::{Answer, Tenant};

const READ: &[&str] = &["user", "user.readonly"];
const CHANGE: &[&str] = &["user"];
const SECURITY: &[&str] = &["user.security"];

pub(super) fn shown(id: &str, user: &User) -> Value {
    let mut row = json!({
        "kind": "admin#directory#user", "id": id, "primaryEmail": user.email, "suspended": user.suspended,
        "isAdmin": user.admin, "isDelegatedAdmin": false, "isEnrolledIn2Sv": user.enrolled,
        "isEnforcedIn2Sv": user.enforced, "archived": false, "customerId": "C0", "orgUnitPath": "/",
    });
    if let (false, Some(fields)) = (user.aliases.is_empty(), row.as_object_mut()) {
        fields.insert("aliases".into(), json!(user.aliases));
    }
    row
}

pub(super) fn reply(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Reply {
    let Some((key, rest)) = rest.split_first() else {
        return if call.method() == "GET" { list(tenant, call) } else { Err(Refusal::missing("route")) };
    };
    let state = &tenant.google;
    let Some(id) = state.id_of(key) else {
        let foreign = key.contains('@') && !state.has_domain_of(key);
        let refused = foreign && call.moment.switches.google.foreign_is_forbidden;
        return Err(if refused { Refusal::forbidden() } else { Refusal::missing("userKey") });
    };
    match (call.method(), rest) {
        ("GET", []) => {
            call.needs(READ)?;
            let user = call.seen(tenant).users.get(&id).ok_or_else(|| Refusal::missing("userKey"))?;
            Ok(Answer::json(200, &shown(&id, user)))
        }
        ("PUT" | "PATCH", []) => update(tenant, call, &id),
        ("POST", ["makeAdmin"]) => make_admin(tenant, call, &id),
        (_, rest) => security(tenant, call, &id, rest),
    }
}

/// By `query`; everybody who is new is left out for a while.
fn list(tenant: &Tenant, call: &Call<'_>) -> Reply {
    call.needs(READ)?;
    if call.request.parameter("customer") != Some("my_customer") {
        return Err(Refusal(400, "badRequest", "Bad Request".into()));
    }
    let clauses: Vec<Clause> = match call.request.parameter("query") {
        None => Vec::new(),
        Some(text) => Clause::all(text).ok_or_else(Refusal::invalid)?,
    };
    let (millis, lag) = (call.moment.millis(), call.moment.switches.google.search_lag_ms);
    let is_known = |user: &User| lag == 0 || user.made_ms + lag <= millis;
    let fits = |user: &User| is_known(user) && clauses.iter().all(|clause| clause.fits(user));
    let users = call.seen(tenant).users.iter().filter(|(_, user)| fits(user));
    call.page("users", "users", &users.map(|(id, user)| shown(id, user)).collect::<Vec<_>>())
}

/// One comparison of a search: `email='…'` or `isAdmin=true`. Several have to hold.
struct Clause {
    field: String,
    value: String,
}

impl Clause {
    fn all(text: &str) -> Option<Vec<Self>> {
        let (mut clauses, mut rest) = (Vec::new(), text.trim());
        while !rest.is_empty() {
            let (field, after) = rest.split_once('=')?;
            let (value, after) = match after.strip_prefix('\'') {
                Some(quoted) => unquoted(quoted)?,
                None => {
                    after.split_once(' ').map_or((after.to_owned(), ""), |(one, rest)| (one.to_owned(), rest))
                }
            };
            let field = field.trim().to_owned();
            if !["email", "isAdmin"].contains(&field.as_str()) {
                return None;
            }
            clauses.push(Self { field, value });
            rest = after.trim_start();
        }
        Some(clauses)
    }

    fn fits(&self, user: &User) -> bool {
        if self.field == "email" { user.mentions(&self.value) } else { self.value == user.admin.to_string() }
    }
}

/// What is before the quote that ends it, and what is behind.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut escaped) = (String::new(), false);
    for (at, letter) in text.char_indices() {
        match letter {
            '\\' if !escaped => escaped = true,
            '\'' if !escaped => return Some((value, text.get(at + 1..)?)),
            letter => {
                value.push(letter);
                escaped = false;
            }
        }
    }
    None
}

/// Administrators are for super administrators.
fn may_touch(state: &State, call: &Call<'_>, id: &str) -> Result<(), Refusal> {
    let user = state.users.get(id).ok_or_else(|| Refusal::missing("userKey"))?;
    let is_admin = user.admin || state.assignments.values().any(|one| one.to == id);
    if is_admin && !call.credential.is_super { Err(Refusal::forbidden()) } else { Ok(()) }
}

fn update(tenant: &mut Tenant, call: &Call<'_>, id: &str) -> Reply {
    call.needs(CHANGE)?;
    may_touch(&tenant.google, call, id)?;
    let body = call.body();
    let suspended = match body.as_object() {
        Some(fields) if fields.len() == 1 => fields.get("suspended").and_then(Value::as_bool),
        _ => None,
    };
    let suspended = suspended.ok_or_else(Refusal::invalid)?;
    let resets = call.moment.switches.google.suspending_resets && suspended;
    let user = call.changed(tenant).users.get_mut(id).ok_or_else(|| Refusal::missing("userKey"))?;
    user.suspended = suspended;
    if resets {
        user.sessions.clear();
        user.tokens.clear();
    }
    Ok(Answer::json(200, &shown(id, user)))
}

fn make_admin(tenant: &mut Tenant, call: &Call<'_>, id: &str) -> Reply {
    call.needs(CHANGE)?;
    if !call.credential.is_super {
        return Err(Refusal::forbidden());
    }
    let status = call.body().get("status").and_then(Value::as_bool).ok_or_else(Refusal::invalid)?;
    let refuses = call.moment.switches.google.no_suspended_admins;
    let user = call.changed(tenant).users.get_mut(id).ok_or_else(|| Refusal::missing("userKey"))?;
    if status && user.suspended && refuses {
        return Err(Refusal::invalid());
    }
    user.admin = status;
    Ok(nothing())
}

/// What needs the scope for security.
fn security(tenant: &mut Tenant, call: &Call<'_>, id: &str, rest: &[&str]) -> Reply {
    call.needs(SECURITY)?;
    if call.method() == "GET" {
        return listed(call.seen(tenant), call, id, rest);
    }
    may_touch(&tenant.google, call, id)?;
    let (millis, switches) = (call.moment.millis(), &call.moment.switches.google);
    let user = call.changed(tenant).users.get_mut(id).ok_or_else(|| Refusal::missing("userKey"))?;
    match (call.method(), rest) {
        ("POST", ["signOut"]) => {
            if user.suspended && switches.no_sign_out_of_suspended {
                return Err(Refusal::invalid());
            }
            let until = millis.saturating_add(switches.cookie_lag_ms);
            user.sessions.retain(|_, _| until > millis);
            user.sessions.values_mut().for_each(|end| *end = Some(end.unwrap_or(until)));
        }
        ("POST", ["twoStepVerification", "turnOff"]) => {
            if user.suspended || user.enforced || !user.enrolled {
                return Err(Refusal::invalid());
            }
            user.enrolled = false;
        }
        ("POST", ["verificationCodes", "invalidate"]) => {
            if user.suspended {
                return Err(Refusal::invalid());
            }
            user.codes.clear();
        }
        ("DELETE", ["tokens", client]) => {
            user.tokens.remove(*client).ok_or_else(|| Refusal::missing("clientId"))?;
        }
        ("DELETE", ["asps", code]) => {
            let gone = code.parse::<u32>().ok().and_then(|code| user.passwords.remove(&code));
            gone.ok_or_else(|| Refusal::missing("codeId"))?;
        }
        _ => return Err(Refusal::missing("route")),
    }
    Ok(nothing())
}

fn listed(state: &State, call: &Call<'_>, id: &str, rest: &[&str]) -> Reply {
    let user = state.users.get(id).ok_or_else(|| Refusal::missing("userKey"))?;
    match rest {
        ["tokens"] => {
            let row = |(client, name): (&String, &String)| {
                json!({
                    "kind": "admin#directory#token", "userKey": id, "clientId": client, "displayText": name,
                    "anonymous": false, "nativeApp": false, "scopes": ["https://mail.google.com/"],
                })
            };
            call.page("tokenList", "items", &user.tokens.iter().map(row).collect::<Vec<_>>())
        }
        ["asps"] => {
            let row = |(code, name): (&u32, &String)| json!({ "kind": "admin#directory#asp", "userKey": id, "codeId": code, "name": name });
            call.page("aspList", "items", &user.passwords.iter().map(row).collect::<Vec<_>>())
        }
        ["verificationCodes"] => {
            // `fields` leaves out what it does not name.
            let asked = call.request.parameter("fields");
            let with_code = asked.is_none_or(|fields| fields.contains("verificationCode"));
            let row = |code: &String| {
                let mut row = json!({ "userId": id });
                if let (true, Some(fields)) = (with_code, row.as_object_mut()) {
                    fields.insert("verificationCode".into(), json!(code));
                }
                row
            };
            call.page("verificationCodesList", "items", &user.codes.iter().map(row).collect::<Vec<_>>())
        }
        _ => Err(Refusal::missing("route")),
    }
}
