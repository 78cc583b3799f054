//! OneLogin's API, as far as an incident touches it: two versions with errors of their own, statuses, roles that give
//! applications, mappings that give roles, wildcards in searches.

mod example;
mod state;

use serde_json::{Value, json};

use super::clients::{self, Denied};
use super::{Allowance, Answer, Client, Moment, Request, Service, Tenant};
use crate::synth::rng::Rng;

pub use state::{Mapping, Role, Scope, State, User};

/// Where tokens are asked for.
const TOKEN: &str = "/auth/oauth2/v2/token";

/// Why something is refused: status, name, message.
#[derive(Debug)]
struct Refusal(u16, &'static str, &'static str);

const MISSING: Refusal = Refusal(
    404,
    "NotFoundError",
    "The resource can't be found or the server has not found anything matching the Request-URI",
);

impl Refusal {
    fn unprocessable(message: &'static str) -> Self {
        Self(422, "UnprocessableEntityError", message)
    }

    /// The first version puts it into an envelope.
    fn answer(self, first: bool) -> Answer {
        let Self(status, name, message) = self;
        if first {
            let inner = json!({ "error": true, "code": status, "type": name, "message": message });
            Answer::json(status, &json!({ "status": inner }))
        } else {
            Answer::json(status, &json!({ "statusCode": status, "name": name, "message": message }))
        }
    }
}

type Reply = Result<Answer, Refusal>;

/// A request, what its token may do, and when.
struct Call<'a> {
    request: &'a Request,
    moment: &'a Moment<'a>,
    scope: Scope,
}

impl Call<'_> {
    fn needs(&self, least: Scope) -> Result<(), Refusal> {
        if self.scope >= least { Ok(()) } else { Err(Refusal(403, "ForbiddenError", "not allowed")) }
    }

    /// A page of rows; the cursor is the place of the next.
    fn page(&self, rows: &[Value]) -> Reply {
        let most = self.moment.switches.onelogin.page_size.clamp(1, 100);
        let number = |name: &str, default: usize| {
            let text = self.request.parameter(name);
            text.map_or(Ok(default), |text| {
                text.parse::<usize>().map_err(|_text| Refusal(400, "BadRequestError", "invalid page"))
            })
        };
        let (limit, start) = (number("limit", most)?.clamp(1, most), number("cursor", 0)?);
        let rest = rows.get(start..).unwrap_or_default();
        let shown = rest.get(..limit.min(rest.len())).unwrap_or_default();
        let answer = Answer::json(200, &json!(shown)).header("total-count", &rows.len().to_string());
        let next = start + shown.len();
        let more = rest.len() > shown.len();
        Ok(if more { answer.header("after-cursor", &next.to_string()) } else { answer })
    }
}

/// See the module.
pub struct OneLogin;

impl Service for OneLogin {
    fn name(&self) -> &'static str {
        "onelogin"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        if clients::is_token_request(request, TOKEN) {
            return token(tenant, request, moment).unwrap_or_else(|denied| denied.answer());
        }
        let first = request.path.starts_with("/api/1/");
        reply(&mut tenant.onelogin, request, moment).unwrap_or_else(|refusal| refusal.answer(first))
    }

    fn changes(&self, request: &Request) -> bool {
        !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS")
            && !clients::is_token_request(request, TOKEN)
    }

    /// A client where there is one, else a token.
    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        if kind != "onelogin" {
            return None;
        }
        let state = &tenant.onelogin;
        let mut settings = vec![("app", state.mixpanel_app.to_string())];
        let credential = if let Some((id, client)) = state.clients.registered.first_key_value() {
            settings.push(("client-id", format!("{id:?}")));
            client.secret.clone()
        } else {
            state.tokens.iter().find(|(_, scope)| **scope == Scope::ManageAll)?.0.clone()
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
            ("x-ratelimit-reset", left.wait.to_string()),
        ])
    }

    fn signs_in(&self, tenant: &mut Tenant, email: &str, _: &Moment<'_>) -> bool {
        let session = tenant.draws.letters(12);
        let state = &mut tenant.onelogin;
        let app = state.mixpanel_app;
        let giving: Vec<u64> =
            state.roles.iter().filter(|(_, role)| role.apps.contains(&app)).map(|(id, _)| *id).collect();
        let mut users = state.users.values_mut();
        let can = |user: &&mut User| {
            user.is_called(email) && user.status == 1 && user.roles.iter().any(|role| giving.contains(role))
        };
        let Some(user) = users.find(can) else { return false };
        user.sessions.insert(session);
        true
    }

    fn ways_in(&self, tenant: &Tenant, email: &str, _: &Moment<'_>) -> Vec<String> {
        let state = &tenant.onelogin;
        let called = state.users.iter().filter(|(_, user)| user.is_called(email));
        called.flat_map(|(id, user)| ways_in(state, *id, user)).collect()
    }
}

fn ways_in(state: &State, id: u64, user: &User) -> Vec<String> {
    let gives =
        |role: &u64| state.roles.get(role).is_some_and(|role| role.apps.contains(&state.mixpanel_app));
    let ways = [
        (user.status != 2, "is not suspended"),
        (!user.sessions.is_empty(), "has a session"),
        (user.roles.iter().any(gives), "has a role that gives Mixpanel"),
    ];
    ways.into_iter().filter(|(open, _)| *open).map(|(_, what)| format!("onelogin: {id} {what}")).collect()
}

fn reply(state: &mut State, request: &Request, moment: &Moment<'_>) -> Reply {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let given = |bearer| state.tokens.get(bearer).copied().or_else(|| state.clients.token(bearer, moment));
    let scope = bearer.and_then(given);
    let scope = scope.ok_or(Refusal(401, "UnauthorizedError", "This request requires Authentication"))?;
    let call = Call { request, moment, scope };
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["api", "2", "users"]) => list(state, &call),
        ("GET", ["api", "2", "users", id]) => {
            let user = user(state, id)?;
            Ok(Answer::json(200, &shown(user, true)))
        }
        ("PUT", ["api", "2", "users", id]) => update(state, &call, id),
        ("PUT", ["api", "1", "users", id, "logout"]) => {
            call.needs(Scope::ManageUsers)?;
            user(state, id)?.sessions.clear();
            let status = json!({ "error": false, "code": 200, "type": "success", "message": "Success" });
            Ok(Answer::json(200, &json!({ "status": status })))
        }
        ("GET", ["api", "1", "users", id, "roles"]) => {
            let roles = user(state, id)?.roles.clone();
            let data = if moment.switches.onelogin.nested_roles { json!([roles]) } else { json!(roles) };
            let status = json!({ "error": false, "code": 200, "type": "success", "message": "Success" });
            Ok(Answer::json(200, &json!({ "status": status, "data": data })))
        }
        ("GET", ["api", "2", "roles"]) => roles(state, &call),
        (_, ["api", "2", "roles", id, "users"]) => members(state, &call, id),
        ("GET", ["api", "2", "mappings"]) => {
            call.needs(Scope::ReadAll)?;
            let row = |mapping: &Mapping| {
                let roles: Vec<String> = mapping.roles.iter().map(u64::to_string).collect();
                let conditions = json!([{ "source": "email", "operator": "~", "value": "agency" }]);
                json!({
                    "id": 1, "name": mapping.name, "enabled": true, "match": "all", "conditions": conditions,
                    "actions": [{ "action": "add_role", "value": roles }],
                })
            };
            call.page(&state.mappings.iter().map(row).collect::<Vec<_>>())
        }
        _ => Err(MISSING),
    }
}

/// `POST /auth/oauth2/v2/token`: while its token lasts, a client is given the same again.
fn token(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Result<Answer, Denied> {
    let (asked, scope) = tenant.onelogin.clients.ask(request)?;
    let present = tenant.onelogin.clients.present(asked.id(), moment);
    let value = present.unwrap_or_else(|| tenant.draws.secret());
    Ok(tenant.onelogin.clients.issue(asked.id(), scope, &value, moment))
}

fn user<'a>(state: &'a mut State, id: &str) -> Result<&'a mut User, Refusal> {
    id.parse().ok().and_then(|id: u64| state.users.get_mut(&id)).ok_or(MISSING)
}

fn shown(user: &User, whole: bool) -> Value {
    let mut row = json!({
        "id": user.id, "email": user.email, "username": user.username, "status": user.status, "state": 1,
        "firstname": "A", "lastname": "B", "last_login": null,
    });
    if let (true, Some(fields)) = (whole, row.as_object_mut()) {
        fields.insert("directory_id".into(), json!(user.directory));
        fields.insert("role_ids".into(), json!(user.roles));
    }
    row
}

/// By `email` and `username`; a `*` stands for anything.
fn list(state: &State, call: &Call<'_>) -> Reply {
    let fits = |value: &str, pattern: Option<&str>| {
        pattern.is_none_or(|pattern| {
            let (value, pattern) = (value.to_lowercase(), pattern.to_lowercase());
            match pattern.split_once('*') {
                Some((start, end)) => {
                    value.len() >= start.len() + end.len() && value.starts_with(start) && value.ends_with(end)
                }
                None => value == pattern,
            }
        })
    };
    let asked = |name: &str| call.request.parameter(name);
    let users = state
        .users
        .values()
        .filter(|user| fits(&user.email, asked("email")) && fits(&user.username, asked("username")));
    call.page(&users.map(|user| shown(user, false)).collect::<Vec<_>>())
}

fn update(state: &mut State, call: &Call<'_>, id: &str) -> Reply {
    call.needs(Scope::ManageUsers)?;
    let mappings = match call.request.parameter("mappings") {
        None | Some("async" | "sync") => state.mappings.clone(),
        Some("disabled") => Vec::new(),
        Some(_) => return Err(Refusal(400, "BadRequestError", "invalid value for mappings")),
    };
    let body = call.request.json().unwrap_or_default();
    let status = match body.as_object() {
        Some(fields) if fields.len() == 1 => fields.get("status").and_then(Value::as_u64),
        _ => None,
    };
    let known = status.filter(|status| matches!(status, 0..=5 | 7 | 8));
    let user = user(state, id)?;
    user.status = known.ok_or(Refusal::unprocessable("invalid value in \"status\""))?;
    for mapping in mappings.iter().filter(|mapping| mapping.fits.contains(&user.id)) {
        user.roles.extend(&mapping.roles);
    }
    Ok(Answer::json(200, &shown(user, true)))
}

fn roles(state: &State, call: &Call<'_>) -> Reply {
    let app = call.request.parameter("app_id").map(str::parse::<u64>).transpose();
    let app = app.map_err(|_text| Refusal(400, "BadRequestError", "invalid value for app_id"))?;
    let gives = |role: &Role| app.is_none_or(|app| role.apps.contains(&app));
    let roles = state.roles.iter().filter(|(_, role)| gives(role));
    call.page(&roles.map(|(id, role)| json!({ "id": id, "name": role.name })).collect::<Vec<_>>())
}

/// Users of a role: a bare list of ids; by switch, an object with that list where some are taken out.
fn members(state: &mut State, call: &Call<'_>, id: &str) -> Reply {
    call.needs(Scope::ManageAll)?;
    let id: u64 = id.parse().ok().filter(|id| state.roles.contains_key(id)).ok_or(MISSING)?;
    let body = call.request.json().unwrap_or_default();
    let by_object = call.request.method == "DELETE" && call.moment.switches.onelogin.removes_by_object;
    let list = if by_object { body.get("user_id").unwrap_or(&Value::Null) } else { &body };
    let ids: Option<Vec<u64>> = list.as_array().and_then(|ids| ids.iter().map(Value::as_u64).collect());
    let ids = ids.filter(|ids| !ids.is_empty());
    let ids = ids.ok_or(Refusal::unprocessable("a list of user ids is needed"))?;
    if ids.iter().any(|user| !state.users.contains_key(user)) {
        return Err(Refusal::unprocessable("no such user"));
    }
    let gives = match call.request.method.as_str() {
        "POST" => true,
        "DELETE" => false,
        _ => return Err(MISSING),
    };
    for user in state.users.values_mut().filter(|user| ids.contains(&user.id)) {
        if gives {
            user.roles.insert(id);
        } else {
            user.roles.remove(&id);
        }
    }
    if !gives {
        return Ok(Answer::empty(204));
    }
    Ok(Answer::json(200, &json!(ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>())))
}

#[cfg(test)]
mod tests;
