//! Auth0's Management API, as far as an incident touches it: scopes of tokens, several accounts of one address, deletions
//! that are accepted and carried out in time, and a reset that takes a block away.

mod example;
mod state;

use serde_json::{Value, json};

use super::clients::{self, Denied};
use super::draws::access_token;
use super::{Allowance, Answer, Client, Moment, Request, Service, Tenant};
use crate::synth::rng::Rng;

pub use state::{Grant, Role, State, Token, User};

/// Where tokens are asked for.
const TOKEN: &str = "/oauth/token";

/// Why something is refused: status, code, message.
#[derive(Debug)]
struct Refusal(u16, &'static str, String);

impl Refusal {
    fn scope(scope: &str) -> Self {
        Self(403, "insufficient_scope", format!("Insufficient scope, expected any of: {scope}"))
    }

    fn no_user() -> Self {
        Self(404, "inexistent_user", "The user does not exist.".into())
    }

    fn bad(message: &str) -> Self {
        Self(400, "invalid_body", format!("Payload validation error: '{message}'."))
    }

    fn no_such_route() -> Self {
        Self(404, "not_found", "Not Found".into())
    }

    fn answer(self) -> Answer {
        let Self(status, code, message) = self;
        let error = match status {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            _ => "Not Found",
        };
        Answer::json(
            status,
            &json!({ "statusCode": status, "error": error, "message": message, "errorCode": code }),
        )
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
    fn needs(&self, scope: &str) -> Result<(), Refusal> {
        if self.token.scopes.contains(scope) { Ok(()) } else { Err(Refusal::scope(scope)) }
    }

    fn number(&self, name: &str, default: usize) -> Result<usize, Refusal> {
        let text = self.request.parameter(name);
        let number = text.map_or(Ok(default), str::parse);
        number.map_err(|_text| {
            Refusal(400, "invalid_query_string", format!("Query validation error: '{name}'"))
        })
    }

    /// Numbered pages; with `include_totals` an object, else a bare list.
    fn page(&self, key: &str, rows: &[Value]) -> Reply {
        let most = self.moment.switches.auth0.page_size.max(1);
        let (page, size) = (self.number("page", 0)?, self.number("per_page", most)?.clamp(1, most));
        let start = page.saturating_mul(size).min(rows.len());
        let shown = rows.iter().skip(start).take(size).collect::<Vec<_>>();
        if self.request.parameter("include_totals") != Some("true") {
            return Ok(Answer::json(200, &json!(shown)));
        }
        let body = json!({ key: shown, "start": start, "limit": size, "total": rows.len() });
        Ok(Answer::json(200, &body))
    }

    /// From a checkpoint, which is the last id of the page before.
    fn checkpoint(&self, key: &str, rows: &[(&String, Value)]) -> Reply {
        let most = self.moment.switches.auth0.page_size.max(1);
        let size = self.number("take", most)?.clamp(1, most);
        let from = self.request.parameter("from").unwrap_or_default();
        let mut rest = rows.iter().filter(|(id, _)| id.as_str() > from);
        let shown: Vec<&(&String, Value)> = rest.by_ref().take(size).collect();
        let next = rest.next().and(shown.last()).map(|(id, _)| id);
        let shown: Vec<&Value> = shown.iter().map(|(_, row)| row).collect();
        let mut body = json!({ key: shown });
        if let (Some(next), Some(fields)) = (next, body.as_object_mut()) {
            fields.insert("next".into(), json!(next));
        }
        Ok(Answer::json(200, &body))
    }
}

/// See the module.
pub struct Auth0;

impl Service for Auth0 {
    fn name(&self) -> &'static str {
        "auth0"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        if clients::is_token_request(request, TOKEN) {
            return token(tenant, request, moment).unwrap_or_else(|denied| denied.answer());
        }
        reply(&mut tenant.auth0, request, moment).unwrap_or_else(Refusal::answer)
    }

    fn changes(&self, request: &Request) -> bool {
        !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS")
            && !clients::is_token_request(request, TOKEN)
    }

    /// A client where there is one, else a token.
    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        if kind != "auth0" {
            return None;
        }
        let state = &tenant.auth0;
        let roles: Vec<&String> = state.roles.values().take(1).map(|role| &role.name).collect();
        let mut settings = vec![("roles", format!("{roles:?}"))];
        let credential = if let Some((id, client)) = state.clients.registered.first_key_value() {
            settings.push(("client-id", format!("{id:?}")));
            client.secret.clone()
        } else {
            state.tokens.iter().find(|(_, token)| token.user.is_none())?.0.clone()
        };
        Some(Client { path: "", credential, settings })
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

    fn limit_headers(&self, left: &Allowance) -> Option<Vec<(&'static str, String)>> {
        Some(vec![
            ("x-ratelimit-limit", left.limit.to_string()),
            ("x-ratelimit-remaining", left.remaining.to_string()),
            ("x-ratelimit-reset", left.reset.to_string()),
        ])
    }

    fn signs_in(&self, tenant: &mut Tenant, email: &str, moment: &Moment<'_>) -> bool {
        let session = tenant.draws.letters(12);
        let resets = moment.switches.auth0.attacker_resets;
        let mut users = tenant.auth0.users.values_mut().filter(|user| user.is_called(email));
        let Some(user) = users.find(|user| !user.blocked || resets) else { return false };
        user.blocked = false;
        user.sessions.insert(session, None);
        true
    }

    fn ways_in(&self, tenant: &Tenant, email: &str, moment: &Moment<'_>) -> Vec<String> {
        let state = &tenant.auth0;
        let called = state.users.iter().filter(|(_, user)| user.is_called(email));
        called.flat_map(|(id, user)| ways_in(state, id, user, moment)).collect()
    }
}

fn ways_in(state: &State, id: &str, user: &User, moment: &Moment<'_>) -> Vec<String> {
    let open = |ends: &Option<u64>| ends.is_none_or(|end| moment.millis() < end);
    let ways = [
        (!user.blocked, "is not blocked"),
        (user.sessions.values().any(open), "has a session"),
        (user.refresh_tokens.values().any(open), "has a refresh token at an application"),
        (state.grants.values().any(|grant| grant.user == id), "lets an application act"),
    ];
    ways.into_iter().filter(|(open, _)| *open).map(|(_, what)| format!("auth0: {id} {what}")).collect()
}

fn reply(state: &mut State, request: &Request, moment: &Moment<'_>) -> Reply {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let given = |bearer| state.tokens.get(bearer).cloned().or_else(|| state.clients.token(bearer, moment));
    let token = bearer.and_then(given);
    let token = token.ok_or_else(|| Refusal(401, "invalid_token", "Invalid token".into()))?;
    let call = Call { request, moment, token };
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["api", "v2", rest @ ..] = segments.as_slice() else { return Err(Refusal::no_such_route()) };
    match (request.method.as_str(), rest) {
        ("GET", ["users-by-email"]) => by_email(state, &call),
        ("GET", ["users"]) => search(state, &call),
        ("GET", ["grants"]) => {
            call.needs("read:grants")?;
            let of = call.request.parameter("user_id").unwrap_or_default();
            let own = state.grants.iter().filter(|(_, grant)| grant.user == of);
            let rows: Vec<Value> = own
                .map(|(id, grant)| json!({ "id": id, "clientID": grant.client, "user_id": of, "scope": grant.scopes }))
                .collect();
            call.page("grants", &rows)
        }
        ("DELETE", ["grants"]) => {
            call.needs("delete:grants")?;
            let of = call.request.parameter("user_id").ok_or_else(|| Refusal::bad("user_id"))?;
            state.grants.retain(|_, grant| grant.user != of);
            Ok(Answer::empty(204))
        }
        (_, ["users", id, rest @ ..]) => of_user(state, &call, id, rest),
        _ => Err(Refusal::no_such_route()),
    }
}

/// `POST /oauth/token`, for the Management API.
fn token(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Result<Answer, Denied> {
    let (asked, token) = tenant.auth0.clients.ask(request).map_err(|denied| match denied {
        // Auth0 has a name of its own for it.
        Denied(401, _, _) => Denied(401, "access_denied", "Unauthorized"),
        denied => denied,
    })?;
    if asked.field("audience") != format!("{}/api/v2/", request.origin) {
        return Err(Denied(403, "access_denied", "Client is not authorized to access this API."));
    }
    let scopes: Vec<&str> = token.scopes.iter().map(String::as_str).collect();
    let claims = json!({ "sub": format!("{}@clients", asked.id()), "scope": scopes.join(" ") });
    let value = access_token(&claims, &tenant.draws.secret());
    Ok(tenant.auth0.clients.issue(asked.id(), token, &value, moment))
}

fn shown(id: &str, user: &User) -> Value {
    let (connection, own) = id.split_once('|').unwrap_or(("auth0", id));
    let mut row = json!({
        "user_id": id, "email": user.email, "email_verified": true, "name": user.email,
        "identities": [{ "connection": user.connection, "provider": connection, "user_id": own, "isSocial": false }],
    });
    // It is not there before it was set once.
    if let (true, Some(fields)) = (user.blocked || user.was_blocked, row.as_object_mut()) {
        fields.insert("blocked".into(), json!(user.blocked));
    }
    row
}

/// By the address as it is written there: capital letters count.
fn by_email(state: &State, call: &Call<'_>) -> Reply {
    call.needs("read:users")?;
    let email = call.request.parameter("email").filter(|email| email.contains('@'));
    let email = email.ok_or_else(|| Refusal::bad("email"))?;
    let called = state.users.iter().filter(|(_, user)| user.email == email);
    Ok(Answer::json(200, &json!(called.map(|(id, user)| shown(id, user)).collect::<Vec<_>>())))
}

/// The search, for an address alone: it tells no capital letters apart, and is eventually consistent.
fn search(state: &State, call: &Call<'_>) -> Reply {
    call.needs("read:users")?;
    let bad = || Refusal(400, "invalid_query_string", "Query validation error: 'q'".into());
    let of = |name: &str| call.request.parameter(name).unwrap_or_default();
    let quoted = of("q").strip_prefix("email:").filter(|_| of("search_engine") == "v3").ok_or_else(bad)?;
    let email: String = serde_json::from_str(quoted).map_err(|_text| bad())?;
    let then = call.moment.millis().checked_sub(call.moment.switches.auth0.search_lag_ms);
    let is_shown = |user: &User| user.made_ms == 0 || then.is_some_and(|then| user.made_ms <= then);
    let called = state.users.iter().filter(|(_, user)| user.is_called(&email) && is_shown(user));
    let rows: Vec<Value> = called.map(|(id, user)| shown(id, user)).collect();
    call.page("users", &rows)
}

fn of_user(state: &mut State, call: &Call<'_>, id: &str, rest: &[&str]) -> Reply {
    if !state.users.contains_key(id) {
        call.needs("read:users")?;
        return Err(Refusal::no_user());
    }
    match (call.request.method.as_str(), rest) {
        ("GET", []) => {
            call.needs("read:users")?;
            let user = state.users.get(id).ok_or_else(Refusal::no_user)?;
            Ok(Answer::json(200, &shown(id, user)))
        }
        ("PATCH", []) => update(state, call, id),
        (_, ["sessions"]) => tokens(state, call, id, ("sessions", "sessions")),
        (_, ["refresh-tokens"]) => tokens(state, call, id, ("refresh_tokens", "tokens")),
        (_, ["roles"]) => roles(state, call, id),
        _ => Err(Refusal::no_such_route()),
    }
}

fn update(state: &mut State, call: &Call<'_>, id: &str) -> Reply {
    call.needs("update:users")?;
    let body = call.request.json().unwrap_or_default();
    let blocked = match body.as_object() {
        Some(fields) if fields.len() == 1 => fields.get("blocked").and_then(Value::as_bool),
        _ => None,
    };
    let blocked = blocked.ok_or_else(|| Refusal::bad("blocked"))?;
    let user = state.users.get_mut(id).ok_or_else(Refusal::no_user)?;
    user.blocked = blocked;
    user.was_blocked = true;
    Ok(Answer::json(200, &shown(id, user)))
}

/// Sessions or refresh tokens: what they are called in scopes, and in the list.
fn tokens(state: &mut State, call: &Call<'_>, id: &str, (scope, key): (&str, &str)) -> Reply {
    let millis = call.moment.millis();
    let plan = "This endpoint is not available for your plan.";
    if !call.moment.switches.auth0.has_sessions {
        return Err(Refusal(403, "feature_not_enabled", plan.into()));
    }
    let user = state.users.get_mut(id).ok_or_else(Refusal::no_user)?;
    let all = if key == "sessions" { &mut user.sessions } else { &mut user.refresh_tokens };
    match call.request.method.as_str() {
        "GET" => {
            call.needs(&format!("read:{scope}"))?;
            let live = all.iter().filter(|(_, ends)| ends.is_none_or(|end| millis < end));
            let rows: Vec<(&String, Value)> =
                live.map(|(token, _)| (token, json!({ "id": token, "user_id": id }))).collect();
            call.checkpoint(key, &rows)
        }
        "DELETE" => {
            call.needs(&format!("delete:{scope}"))?;
            let lag = call.moment.switches.auth0.delete_lag_ms;
            if lag == 0 {
                all.clear();
            }
            all.values_mut().filter(|ends| ends.is_none()).for_each(|ends| *ends = Some(millis + lag));
            Ok(Answer::empty(202))
        }
        _ => Err(Refusal::no_such_route()),
    }
}

fn roles(state: &mut State, call: &Call<'_>, id: &str) -> Reply {
    let method = call.request.method.as_str();
    if method == "GET" {
        call.needs("read:roles")?;
        let held = state.roles.iter().filter(|(_, role)| role.members.contains(id));
        let rows: Vec<Value> = held.map(|(id, role)| json!({ "id": id, "name": role.name })).collect();
        return call.page("roles", &rows);
    }
    call.needs("update:users")?;
    let body = call.request.json().unwrap_or_default();
    let asked = body.get("roles").and_then(Value::as_array).filter(|roles| !roles.is_empty());
    let asked: Option<Vec<&str>> = asked.and_then(|roles| roles.iter().map(Value::as_str).collect());
    for role in asked.ok_or_else(|| Refusal::bad("roles"))? {
        let role = state.roles.get_mut(role).ok_or_else(|| Refusal::bad("roles"))?;
        match method {
            "POST" => {
                role.members.insert(id.to_owned());
            }
            "DELETE" => role.members.retain(|member| member != id),
            _ => return Err(Refusal::no_such_route()),
        }
    }
    Ok(Answer::empty(204))
}

#[cfg(test)]
mod tests;
