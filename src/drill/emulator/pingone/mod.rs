//! PingOne's platform API, as far as an incident touches it: sessions that are ended one by one, groups that filters fill,
//! roles with scopes, pages that link the next.

mod example;
mod state;

use serde_json::{Value, json};

use super::clients::{self, Denied};
use super::draws::access_token;
use super::{Answer, Client, Moment, Request, Service, Tenant, filter};
use crate::synth::rng::Rng;

pub use state::{Group, Role, State, Token, User};

/// Where tokens are asked for, below the environment.
const TOKEN: &str = "/as/token";

/// Why something is refused: status, code, message.
#[derive(Debug)]
struct Refusal(u16, &'static str, &'static str);

const MISSING: Refusal = Refusal(404, "NOT_FOUND", "The requested resource was not found.");
const INVALID: Refusal = Refusal(
    400,
    "INVALID_DATA",
    "The request could not be completed. One or more validation errors were in the request.",
);

impl Refusal {
    fn answer(self, id: &str) -> Answer {
        let Self(status, code, message) = self;
        Answer::json(status, &json!({ "id": id, "code": code, "message": message, "details": [] }))
    }
}

type Reply = Result<Answer, Refusal>;

/// A request, whose token it carries, and when.
struct Call<'a> {
    request: &'a Request,
    moment: &'a Moment<'a>,
    token: Token,
}

impl Call<'_> {
    fn method(&self) -> &str {
        &self.request.method
    }

    fn may_change(&self) -> Result<(), Refusal> {
        let text = "You do not have permissions or are not licensed to make this request.";
        if self.token.changes { Ok(()) } else { Err(Refusal(403, "ACCESS_FAILED", text)) }
    }

    /// A page of rows; the cursor is the place of the next.
    fn page(&self, key: &str, rows: &[Value]) -> Reply {
        let most = self.moment.switches.pingone.page_size.max(1);
        let start = match self.request.parameter("cursor") {
            None => 0,
            Some(text) => text.parse::<usize>().map_err(|_text| INVALID)?,
        };
        let rest = rows.get(start..).unwrap_or_default();
        let shown = rest.get(..most.min(rest.len())).unwrap_or_default();
        let mut links = json!({ "self": { "href": self.link(start) } });
        if let (true, Some(links)) = (rest.len() > shown.len(), links.as_object_mut()) {
            links.insert("next".into(), json!({ "href": self.link(start + shown.len()) }));
        }
        let body = json!({ "_links": links, "_embedded": { key: shown }, "size": shown.len() });
        Ok(Answer::json(200, &body))
    }

    fn link(&self, start: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let others = self.request.query.iter().filter(|(key, _)| key != "cursor");
        query.extend_pairs(others).append_pair("cursor", &start.to_string());
        format!("{}{}?{}", self.request.origin, self.request.path, query.finish())
    }
}

/// See the module.
pub struct PingOne;

impl Service for PingOne {
    fn name(&self) -> &'static str {
        "pingone"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        if clients::is_token_request(request, TOKEN) {
            return token(tenant, request, moment).unwrap_or_else(|denied| denied.answer());
        }
        let id = tenant.draws.letters(20);
        reply(tenant, request, moment).unwrap_or_else(|refusal| refusal.answer(&id))
    }

    fn changes(&self, request: &Request) -> bool {
        !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS")
            && !clients::is_token_request(request, TOKEN)
    }

    /// A client where there is one, else a token.
    fn client(&self, kind: &str, tenant: &Tenant, base: &str) -> Option<Client> {
        if kind != "pingone" {
            return None;
        }
        let state = &tenant.pingone;
        let mut settings = vec![
            ("environment", format!("{:?}", state.environment)),
            ("app", format!("{:?}", state.mixpanel_app)),
        ];
        let credential = if let Some((id, client)) = state.clients.registered.first_key_value() {
            let shows = if client.basic { "basic" } else { "post" };
            settings.push(("client-id", format!("{id:?}")));
            settings.push(("client-auth", format!("{shows:?}")));
            settings.push(("auth-url", format!("{base:?}")));
            client.secret.clone()
        } else {
            let own = |(_, token): &(&String, &Token)| token.user.is_none() && token.changes;
            state.tokens.iter().find(own)?.0.clone()
        };
        Some(Client { path: "/v1", credential, settings })
    }

    fn example(&self, tenant: &mut Tenant) {
        example::fill(tenant);
    }

    fn made_up(&self, tenant: &mut Tenant, rng: &mut Rng) {
        example::make_up(tenant, rng);
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["clients.issued"]
    }

    fn signs_in(&self, tenant: &mut Tenant, email: &str, _: &Moment<'_>) -> bool {
        let session = tenant.draws.letters(12);
        let state = &mut tenant.pingone;
        let giving = state.app_groups.clone();
        let is_in = |id: &str| {
            giving.iter().any(|group| state.groups.get(group).is_some_and(|group| group.members.contains(id)))
        };
        let called =
            state.users.iter().filter(|(id, user)| user.is_called(email) && user.enabled && is_in(id));
        let Some(id) = called.map(|(id, _)| id.clone()).next() else { return false };
        state.users.get_mut(&id).is_some_and(|user| user.sessions.insert(session))
    }

    fn ways_in(&self, tenant: &Tenant, email: &str, _: &Moment<'_>) -> Vec<String> {
        let state = &tenant.pingone;
        let called = state.users.iter().filter(|(_, user)| user.is_called(email));
        called.flat_map(|(id, user)| ways_in(state, id, user)).collect()
    }
}

fn ways_in(state: &State, id: &str, user: &User) -> Vec<String> {
    let gives = |group: &String| {
        state.groups.get(group).is_some_and(|group| group.members.contains(id) && group.is_changeable())
    };
    let ways = [
        (user.enabled, "is enabled"),
        (!user.sessions.is_empty(), "has a session"),
        (user.roles.values().any(|role| role.group.is_none()), "is an administrator"),
        (state.app_groups.iter().any(gives), "is in a group that gives Mixpanel"),
    ];
    ways.into_iter().filter(|(open, _)| *open).map(|(_, what)| format!("pingone: {id} {what}")).collect()
}

fn reply(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Reply {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let state = &tenant.pingone;
    let given = |bearer| state.tokens.get(bearer).cloned().or_else(|| state.clients.token(bearer, moment));
    let token = bearer.and_then(given);
    let text = "The request could not be completed. You do not have access to this resource.";
    let token = token.ok_or(Refusal(401, "INVALID_TOKEN", text))?;
    let call = Call { request, moment, token };
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["v1", "environments", environment, rest @ ..] = segments.as_slice() else { return Err(MISSING) };
    if *environment != tenant.pingone.environment {
        return Err(MISSING);
    }
    match (call.method(), rest) {
        ("GET", ["users"]) => list(&tenant.pingone, &call),
        ("GET", ["applications", app]) if *app == tenant.pingone.mixpanel_app => {
            let groups: Vec<Value> =
                tenant.pingone.app_groups.iter().map(|group| json!({ "id": group })).collect();
            let control = json!({ "role": { "type": "ADMIN_USERS_ONLY" }, "group": { "type": "ANY_GROUP", "groups": groups } });
            Ok(Answer::json(200, &json!({ "id": app, "name": "Mixpanel", "accessControl": control })))
        }
        (_, ["users", id, rest @ ..]) if tenant.pingone.users.contains_key(*id) => {
            of_user(tenant, &call, id, rest)
        }
        _ => Err(MISSING),
    }
}

/// `POST /{environment}/as/token`.
fn token(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Result<Answer, Denied> {
    let state = &mut tenant.pingone;
    if request.path.strip_suffix(TOKEN).is_none_or(|path| path.trim_matches('/') != state.environment) {
        return Err(Denied(404, "NOT_FOUND", "The requested environment was not found."));
    }
    let (asked, token) = state.clients.ask(request)?;
    let claims = json!({ "client_id": asked.id(), "env": state.environment });
    let value = access_token(&claims, &tenant.draws.secret());
    Ok(tenant.pingone.clients.issue(asked.id(), token, &value, moment))
}

fn shown(id: &str, user: &User) -> Value {
    json!({
        "id": id, "username": user.username, "email": user.email, "enabled": user.enabled,
        "lifecycle": { "status": "ACCOUNT_OK" }, "account": { "canAuthenticate": true, "status": "OK" },
        "mfaEnabled": false, "population": { "id": "p1" },
    })
}

fn list(state: &State, call: &Call<'_>) -> Reply {
    let expression = match call.request.parameter("filter") {
        None => None,
        Some(text) => Some(filter::parse(text).ok_or(INVALID)?),
    };
    let rows = state.users.iter().map(|(id, user)| shown(id, user));
    let wanted = rows.filter(|row| expression.as_ref().is_none_or(|expression| expression.matches(row)));
    call.page("users", &wanted.collect::<Vec<_>>())
}

fn of_user(tenant: &mut Tenant, call: &Call<'_>, id: &str, rest: &[&str]) -> Reply {
    if call.method() != "GET" {
        call.may_change()?;
    }
    let body = call.request.json().unwrap_or_default();
    let key = if call.moment.switches.pingone.odd_session_key { "userSessions" } else { "sessions" };
    let assignment = tenant.draws.letters(20);
    let state = &mut tenant.pingone;
    let user = state.users.get_mut(id).ok_or(MISSING)?;
    match (call.method(), rest) {
        ("GET", []) => Ok(Answer::json(200, &shown(id, user))),
        ("GET", ["enabled"]) => Ok(Answer::json(200, &json!({ "enabled": user.enabled }))),
        ("PUT", ["enabled"]) => {
            user.enabled = body.get("enabled").and_then(Value::as_bool).ok_or(INVALID)?;
            Ok(Answer::json(200, &json!({ "enabled": user.enabled })))
        }
        ("GET", ["sessions"]) => {
            let rows = user.sessions.iter().map(|session| json!({ "id": session, "user": { "id": id } }));
            call.page(key, &rows.collect::<Vec<_>>())
        }
        ("DELETE", ["sessions", session]) => {
            let gone = user.sessions.remove(*session);
            if gone { Ok(Answer::empty(204)) } else { Err(MISSING) }
        }
        ("GET", ["roleAssignments"]) => {
            let rows = user.roles.iter().map(|(id, role)| role_shown(id, role));
            call.page("roleAssignments", &rows.collect::<Vec<_>>())
        }
        ("DELETE", ["roleAssignments", role]) => {
            let held = user.roles.get(*role).ok_or(MISSING)?;
            if held.group.is_some() {
                return Err(Refusal(403, "ACCESS_FAILED", "The role is assigned through a group."));
            }
            user.roles.remove(*role);
            Ok(Answer::empty(204))
        }
        ("POST", ["roleAssignments"]) => {
            let text = |at: &str| body.pointer(at).and_then(Value::as_str).map(str::to_owned);
            let (role, scope, kind) = (text("/role/id"), text("/scope/id"), text("/scope/type"));
            let (Some(role), Some(scope), Some(kind)) = (role, scope, kind) else { return Err(INVALID) };
            let role = Role { role, scope, kind, group: None };
            if user.roles.values().any(|held| *held == role) {
                return Err(Refusal(409, "UNIQUENESS_VIOLATION", "The role is assigned already."));
            }
            let answer = Answer::json(201, &role_shown(&assignment, &role));
            user.roles.insert(assignment, role);
            Ok(answer)
        }
        (_, ["memberOfGroups", rest @ ..]) => memberships(state, call, id, rest),
        _ => Err(MISSING),
    }
}

fn role_shown(id: &str, role: &Role) -> Value {
    let mut row = json!({
        "id": id, "role": { "id": role.role }, "scope": { "id": role.scope, "type": role.kind }, "readOnly": false,
    });
    if let (Some(group), Some(fields)) = (&role.group, row.as_object_mut()) {
        fields.insert("group".into(), json!({ "id": group }));
    }
    row
}

fn memberships(state: &mut State, call: &Call<'_>, user: &str, rest: &[&str]) -> Reply {
    let body = call.request.json().unwrap_or_default();
    match (call.method(), rest) {
        ("GET", []) => {
            let own = state.groups.iter().filter(|(_, group)| group.members.contains(user));
            let expands = call.request.parameter("expand") == Some("group");
            let row = |(id, group): (&String, &Group)| {
                let mut row = json!({ "id": id, "name": group.name, "type": "DIRECT" });
                if let (true, Some(fields)) = (expands, row.as_object_mut()) {
                    let source = if group.external { "LDAP_GATEWAY" } else { "PING_ONE" };
                    let whole = json!({
                        "id": id, "name": group.name, "userFilter": group.filter, "sourceType": source,
                    });
                    fields.insert("_embedded".into(), json!({ "group": whole }));
                }
                row
            };
            call.page("groupMemberships", &own.map(row).collect::<Vec<_>>())
        }
        ("POST", []) => {
            let id = body.get("id").and_then(Value::as_str).ok_or(INVALID)?.to_owned();
            let group = state.groups.get_mut(&id).filter(|group| group.is_changeable()).ok_or(INVALID)?;
            if !group.members.insert(user.to_owned()) {
                return Err(Refusal(409, "UNIQUENESS_VIOLATION", "The user is a member already."));
            }
            Ok(Answer::json(201, &json!({ "id": id, "name": group.name, "type": "DIRECT" })))
        }
        ("DELETE", [id]) => {
            let group =
                state.groups.get_mut(*id).filter(|group| group.members.contains(user)).ok_or(MISSING)?;
            if !group.is_changeable() {
                return Err(INVALID);
            }
            group.members.remove(user);
            Ok(Answer::empty(204))
        }
        _ => Err(MISSING),
    }
}

#[cfg(test)]
mod tests;
