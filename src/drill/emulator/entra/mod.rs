//! Microsoft Entra ID by Microsoft Graph v1.0, as far as an incident touches it: permissions of tokens, groups that rules or
//! other directories keep, assignments of groups, and the deletion that a forgotten `$ref` is.

mod access;
mod example;
mod groups;
mod state;
mod users;

use serde_json::{Value, json};

use super::clients::{self, Denied};
use super::draws::access_token;
use super::{Answer, Client, Moment, Request, Service, Tenant};
use crate::synth::rng::Rng;

pub use state::{App, Assignment, Grant, Group, Kind, Role, State, Token, User};

/// Reads of the directory.
const READ: &[&str] =
    &["Directory.Read.All", "Directory.ReadWrite.All", "User.Read.All", "User.ReadWrite.All"];

/// Where tokens are asked for, below the tenant.
const TOKEN: &str = "/oauth2/v2.0/token";

/// Why something is refused: status, code, message.
#[derive(Debug)]
struct Refusal(u16, &'static str, String);

impl Refusal {
    fn not_found(id: &str) -> Self {
        let text = format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
        );
        Self(404, "Request_ResourceNotFound", text)
    }

    fn denied() -> Self {
        Self(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.".into())
    }

    fn bad(message: impl Into<String>) -> Self {
        Self(400, "Request_BadRequest", message.into())
    }

    fn no_such_route() -> Self {
        Self(400, "BadRequest", "Resource not found for the segment.".into())
    }

    fn answer(self, tenant: &mut Tenant, wall: &str) -> Answer {
        let Self(status, code, message) = self;
        let id = tenant.draws.letters(32);
        let inner = json!({ "date": wall, "request-id": id, "client-request-id": id });
        Answer::json(status, &json!({ "error": { "code": code, "message": message, "innerError": inner } }))
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

    fn body(&self) -> Value {
        self.request.json().unwrap_or_default()
    }

    /// Refuses a token that has none of these permissions.
    fn needs(&self, any: &[&str]) -> Result<(), Refusal> {
        let has = any.iter().any(|one| self.token.permissions.contains(*one));
        if has { Ok(()) } else { Err(Refusal::denied()) }
    }

    /// A page of rows: `$skiptoken` is the place of the first.
    fn page(&self, rows: &[Value]) -> Reply {
        let most = self.moment.switches.entra.page_size.max(1);
        let asked = self.request.parameter("$top").and_then(|top| top.parse().ok()).unwrap_or(most);
        let start = match self.request.parameter("$skiptoken") {
            None => 0,
            Some(text) => text.parse::<usize>().map_err(|_text| Refusal::bad("Invalid skip token."))?,
        };
        let rest = rows.get(start..).unwrap_or_default();
        let shown = rest.get(..asked.clamp(1, most).min(rest.len())).unwrap_or_default();
        let mut body = json!({ "@odata.context": self.context(), "value": shown });
        if let (true, Some(fields)) = (rest.len() > shown.len(), body.as_object_mut()) {
            fields.insert("@odata.nextLink".into(), json!(self.next(start + shown.len())));
        }
        Ok(Answer::json(200, &body))
    }

    fn next(&self, start: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let others = self.request.query.iter().filter(|(key, _)| key != "$skiptoken");
        query.extend_pairs(others).append_pair("$skiptoken", &start.to_string());
        format!("{}{}?{}", self.request.origin, self.request.path, query.finish())
    }

    fn context(&self) -> String {
        format!("{}/v1.0/$metadata#directoryObjects", self.request.origin)
    }
}

/// See the module.
pub struct Entra;

impl Service for Entra {
    fn name(&self) -> &'static str {
        "entra"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        if clients::is_token_request(request, TOKEN) {
            return token(tenant, request, moment).unwrap_or_else(|denied| denied.answer());
        }
        let wall = moment.wall.to_rfc3339();
        reply(tenant, request, moment).unwrap_or_else(|refusal| refusal.answer(tenant, &wall))
    }

    fn changes(&self, request: &Request) -> bool {
        !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS")
            && !clients::is_token_request(request, TOKEN)
    }

    /// A client where there is one, else a token.
    fn client(&self, kind: &str, tenant: &Tenant, base: &str) -> Option<Client> {
        if kind != "entra" {
            return None;
        }
        let state = &tenant.entra;
        let app = state.mixpanel_app().map(|id| ("app", format!("{id:?}")));
        let settings = app.into_iter().chain([("settle-seconds", state.settle_seconds.to_string())]);
        let mut settings: Vec<(&str, String)> = settings.collect();
        let credential = if let Some((id, client)) = state.clients.registered.first_key_value() {
            settings.push(("client-id", format!("{id:?}")));
            settings.push(("tenant", format!("{:?}", example::TENANT)));
            settings.push(("authority", format!("{base:?}")));
            client.secret.clone()
        } else {
            state.tokens.iter().find(|(_, token)| token.user.is_none())?.0.clone()
        };
        Some(Client { path: "/v1.0", credential, settings })
    }

    fn example(&self, tenant: &mut Tenant) {
        example::fill(tenant);
    }

    fn made_up(&self, tenant: &mut Tenant, rng: &mut Rng) {
        example::make_up(tenant, rng);
    }

    fn signs_in(&self, tenant: &mut Tenant, email: &str, moment: &Moment<'_>) -> bool {
        let lag = moment.switches.entra.block_lag_ms;
        let app = tenant.entra.mixpanel_app().map(str::to_owned);
        let ids: Vec<String> = tenant.entra.find(email).map(|(id, _)| id.to_owned()).collect();
        let is_in = |id: &String| app.as_ref().is_some_and(|app| tenant.entra.is_assigned(app, id));
        let Some(id) = ids.into_iter().find(is_in) else { return false };
        let session = tenant.draws.letters(12);
        let Some(user) = tenant.entra.users.get_mut(&id) else { return false };
        let lets_in = user.enabled || user.disabled_ms.is_some_and(|at| moment.millis() < at + lag);
        if lets_in {
            user.sessions.insert(session, moment.millis());
        }
        lets_in
    }

    fn ways_in(&self, tenant: &Tenant, email: &str, _: &Moment<'_>) -> Vec<String> {
        let state = &tenant.entra;
        state.find(email).flat_map(|(id, user)| ways_in(state, id, user)).collect()
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["past", "clients.issued", "users.*.disabled_ms", "users.*.valid_from", "users.*.valid_from_ms"]
    }
}

fn ways_in(state: &State, id: &str, user: &User) -> Vec<String> {
    let open = user.sessions.values().any(|began| user.valid_from_ms.is_none_or(|from| *began >= from));
    let app = state.mixpanel_app();
    let by_own_or_group = app.is_some_and(|app| state.is_assigned_changeably(app, id));
    let owns = state.apps.values().any(|app| app.owners.contains(id));
    let ways = [
        (user.enabled, "the person is enabled"),
        // Nobody but the home organization ends a guest's sessions; here a guest that is disabled gets no token.
        (open && (user.enabled || !user.guest), "a session counts"),
        (
            state.grants.values().any(|grant| grant.principal.as_deref() == Some(id)),
            "an application has a consent",
        ),
        (state.roles.values().any(|role| role.members.contains(id)), "the person is an administrator"),
        (by_own_or_group, "Mixpanel is assigned"),
        (owns, "an application that the person owns may have a secret of theirs"),
    ];
    ways.into_iter().filter(|(open, _)| *open).map(|(_, what)| format!("entra: {what}")).collect()
}

fn reply(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Reply {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let invalid = |text: &str| Refusal(401, "InvalidAuthenticationToken", text.to_owned());
    let bearer = bearer.ok_or_else(|| invalid("Access token is empty."))?;
    let given = || tenant.entra.clients.token(bearer, moment);
    let token = tenant.entra.tokens.get(bearer).cloned().or_else(given);
    let token = token.ok_or_else(|| invalid("Access token validation failure. Invalid audience."))?;
    let call = Call { request, moment, token };
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["v1.0", rest @ ..] = segments.as_slice() else {
        return Err(Refusal::no_such_route());
    };
    match rest {
        ["me"] => users::me(tenant, &call),
        ["users", rest @ ..] => users::reply(tenant, &call, rest),
        [whole @ ("groups" | "directoryRoles"), rest @ ..] => groups::reply(tenant, &call, whole, rest),
        ["servicePrincipals", app, "appRoleAssignedTo"] => access::assigned_to(tenant, &call, app),
        ["oauth2PermissionGrants", grant] => access::grant(tenant, &call, grant),
        _ => Err(Refusal::no_such_route()),
    }
}

/// `POST /{tenant}/oauth2/v2.0/token`: for the Graph of this cloud, with what was consented to.
fn token(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Result<Answer, Denied> {
    if request.path.strip_suffix(TOKEN).is_none_or(|path| path.trim_matches('/') != example::TENANT) {
        return Err(Denied(400, "invalid_request", "AADSTS90002: Tenant not found."));
    }
    let (asked, token) = tenant.entra.clients.ask(request)?;
    // The origin here has the name of the service at its end, which no scope has.
    let graph = request.origin.strip_suffix("/entra").unwrap_or(&request.origin);
    if asked.field("scope") != format!("{graph}/.default") {
        return Err(Denied(400, "invalid_scope", "AADSTS70011: The provided scope is not valid."));
    }
    let claims = json!({ "appid": asked.id(), "roles": token.permissions });
    let value = access_token(&claims, &tenant.draws.secret());
    Ok(tenant.entra.clients.issue(asked.id(), token, &value, moment))
}

fn no_content() -> Answer {
    Answer::empty(204)
}

#[cfg(test)]
mod tests;
