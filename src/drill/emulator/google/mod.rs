//! Google Workspace by the Directory API of the Admin SDK, as far as an incident touches it: scopes of tokens, lists that
//! leave out an empty array, second factors that stay while a user is suspended, cookies that outlast the sign-out.

mod access;
mod example;
mod key;
mod state;
mod users;

use serde_json::{Value, json};

use super::clients::is_token_request;
use super::{Answer, Client, Moment, Request, Service, Tenant};
use crate::synth::rng::Rng;

pub use key::ServiceAccount;
pub use state::{Assignment, Credential, Group, Member, State, User};

/// Why something is refused: status, reason, message.
#[derive(Debug)]
struct Refusal(u16, &'static str, String);

impl Refusal {
    fn missing(what: &str) -> Self {
        Self(404, "notFound", format!("Resource Not Found: {what}"))
    }

    fn forbidden() -> Self {
        Self(403, "forbidden", "Not Authorized to access this resource/api".into())
    }

    fn invalid() -> Self {
        Self(400, "invalid", "Invalid Input".into())
    }

    fn answer(self) -> Answer {
        let Self(status, reason, message) = self;
        let one = json!({ "message": message, "domain": "global", "reason": reason });
        let error = json!({ "code": status, "message": message, "errors": [one] });
        Answer::json(status, &json!({ "error": error }))
    }
}

type Reply = Result<Answer, Refusal>;

/// A request, whose token it carries, and when.
struct Call<'a> {
    request: &'a Request,
    moment: &'a Moment<'a>,
    credential: Credential,
}

impl Call<'_> {
    fn method(&self) -> &str {
        &self.request.method
    }

    fn body(&self) -> Value {
        self.request.json().unwrap_or_default()
    }

    /// Refuses a token that has none of these scopes.
    fn needs(&self, any: &[&str]) -> Result<(), Refusal> {
        let text = "Request had insufficient authentication scopes.";
        let has = any.iter().any(|one| self.credential.scopes.contains(*one));
        if has { Ok(()) } else { Err(Refusal(403, "insufficientPermissions", text.into())) }
    }

    /// What reads see.
    fn seen<'t>(&self, tenant: &'t Tenant) -> &'t State {
        tenant.google.seen(self.moment.millis(), self.moment.switches.google.read_lag_ms)
    }

    /// The state, to be changed.
    fn changed<'t>(&self, tenant: &'t mut Tenant) -> &'t mut State {
        tenant.google.remember(self.moment.millis(), self.moment.switches.google.read_lag_ms);
        &mut tenant.google
    }

    /// A page of rows; an empty one has no key for them. The token is the place of the next.
    fn page(&self, kind: &str, key: &str, rows: &[Value]) -> Reply {
        let most = self.moment.switches.google.page_size.max(1);
        let asked = self.request.parameter("maxResults").and_then(|most| most.parse().ok()).unwrap_or(most);
        let start = match self.request.parameter("pageToken") {
            None => 0,
            Some(text) => text.parse::<usize>().map_err(|_text| Refusal::invalid())?,
        };
        let rest = rows.get(start..).unwrap_or_default();
        let shown = rest.get(..asked.clamp(1, most).min(rest.len())).unwrap_or_default();
        let mut body = json!({ "kind": format!("admin#directory#{kind}"), "etag": "\"e\"" });
        if let Some(fields) = body.as_object_mut() {
            if !shown.is_empty() {
                fields.insert(key.to_owned(), json!(shown));
            }
            if rest.len() > shown.len() {
                fields.insert("nextPageToken".into(), json!((start + shown.len()).to_string()));
            }
        }
        Ok(Answer::json(200, &body))
    }
}

/// See the module.
pub struct Google;

impl Service for Google {
    fn name(&self) -> &'static str {
        "google"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        if is_token_request(request, key::TOKEN) {
            return key::token(tenant, request, moment).unwrap_or_else(|denied| denied.answer());
        }
        reply(tenant, request, moment).unwrap_or_else(Refusal::answer)
    }

    fn changes(&self, request: &Request) -> bool {
        !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS")
            && !is_token_request(request, key::TOKEN)
    }

    /// The key of a service account where there is one, else a token.
    fn client(&self, kind: &str, tenant: &Tenant, base: &str) -> Option<Client> {
        if kind != "google" {
            return None;
        }
        let state = &tenant.google;
        let key = state.service_account.as_ref().map(ServiceAccount::file);
        let token = || state.credentials.iter().find(|(_, one)| one.is_super).map(|(token, _)| token.clone());
        let credential = key.or_else(token)?;
        let groups = state.mixpanel_groups.iter().filter_map(|id| state.groups.get(id));
        let groups: Vec<&str> = groups.map(|group| group.email.as_str()).collect();
        let settings = vec![
            ("admin", format!("{:?}", example::ADMIN)),
            ("groups", format!("{groups:?}")),
            ("token-url", format!("{:?}", format!("{base}{}", key::TOKEN))),
            ("settle-seconds", state.settle_seconds.to_string()),
        ];
        Some(Client { path: BASE, credential, settings })
    }

    fn example(&self, tenant: &mut Tenant) {
        example::fill(tenant);
    }

    fn made_up(&self, tenant: &mut Tenant, rng: &mut Rng) {
        example::make_up(tenant, rng);
    }

    fn signs_in(&self, tenant: &mut Tenant, email: &str, _: &Moment<'_>) -> bool {
        let session = tenant.draws.letters(12);
        let state = &mut tenant.google;
        let Some(id) = state.id_of(email).filter(|id| has_mixpanel(state, id)) else { return false };
        let Some(user) = state.users.get_mut(&id).filter(|user| !user.suspended) else { return false };
        user.sessions.insert(session, None);
        true
    }

    fn ways_in(&self, tenant: &Tenant, email: &str, moment: &Moment<'_>) -> Vec<String> {
        let state = &tenant.google;
        let called = state.users.iter().filter(|(_, user)| user.is_called(email));
        called.flat_map(|(id, user)| ways_in(state, id, user, moment)).collect()
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["past", "clients.issued"]
    }
}

/// The path at which the API begins.
const BASE: &str = "/admin/directory/v1";

fn has_mixpanel(state: &State, id: &str) -> bool {
    let gives = |group: &String| state.groups.get(group).is_some_and(|group| group.members.contains_key(id));
    state.mixpanel_groups.iter().any(gives)
}

fn ways_in(state: &State, id: &str, user: &User, moment: &Moment<'_>) -> Vec<String> {
    let counts = |until: &Option<u64>| until.is_none_or(|until| until > moment.millis());
    let ways = [
        (!user.suspended, "is not suspended"),
        (user.sessions.values().any(counts), "has a session"),
        (!user.tokens.is_empty(), "has given an application a token"),
        (!user.passwords.is_empty(), "has an app password"),
        (user.admin || state.assignments.values().any(|one| one.to == id), "is an administrator"),
        (has_mixpanel(state, id), "is in a group that gives Mixpanel"),
    ];
    ways.into_iter().filter(|(open, _)| *open).map(|(_, what)| format!("google: {id} {what}")).collect()
}

fn reply(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Reply {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let state = &tenant.google;
    let issued = |bearer: &str| state.clients.token(bearer, moment);
    let credential =
        bearer.and_then(|bearer| state.credentials.get(bearer).cloned().or_else(|| issued(bearer)));
    let credential = credential.ok_or(Refusal(401, "authError", "Invalid Credentials".into()))?;
    let call = Call { request, moment, credential };
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["admin", "directory", "v1", rest @ ..] = segments.as_slice() else {
        return Err(Refusal::missing("route"));
    };
    match rest {
        ["users", rest @ ..] => users::reply(tenant, &call, rest),
        ["groups", rest @ ..] => access::groups(tenant, &call, rest),
        ["customer", "my_customer", rest @ ..] => access::roles(tenant, &call, rest),
        _ => Err(Refusal::missing("route")),
    }
}

/// What a method without an answer of its own sends.
fn nothing() -> Answer {
    Answer::empty(204)
}

#[cfg(test)]
mod tests;
