//! Okta's management API as far as an incident touches it, checked for real: tokens, admin roles, statuses, groups that
//! applications and rules own, and the System Log of what was done.

mod access;
mod apps;
mod caller;
mod example;
mod groups;
mod log;
mod page;
mod state;
mod users;

use serde_json::{Value, json};

use super::{Allowance, Answer, Client, Moment, Request, Service, Tenant, mixpanel, scim};
use caller::{Caller, Need};

pub use state::{ApiToken, App, Assignment, Ghost, Grant, Group, Role, Rule, State, Status, User};

/// Why something is refused: status, code, summary, causes.
#[derive(Debug)]
struct Refusal(u16, &'static str, String, Vec<String>);

impl Refusal {
    fn new(status: u16, code: &'static str, summary: impl Into<String>) -> Self {
        Self(status, code, summary.into(), Vec::new())
    }

    fn not_found(what: &str, kind: &str) -> Self {
        Self::new(404, "E0000007", format!("Not found: Resource not found: {what} ({kind})"))
    }

    fn forbidden() -> Self {
        Self::new(403, "E0000006", "You do not have permission to perform the requested action")
    }

    fn invalid(what: &str, cause: &str) -> Self {
        let summary = format!("Api validation failed: {what}");
        Self(400, "E0000001", summary, vec![format!("{what}: {cause}")])
    }

    fn unsupported() -> Self {
        Self::new(405, "E0000022", "The endpoint does not support the provided HTTP method")
    }

    fn answer(self, tenant: &mut Tenant) -> Answer {
        let Self(status, code, summary, causes) = self;
        let causes: Vec<Value> = causes.iter().map(|cause| json!({ "errorSummary": cause })).collect();
        let id = format!("oae{}", tenant.draws.letters(20));
        Answer::json(
            status,
            &json!({
                "errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": id,
                "errorCauses": causes,
            }),
        )
    }
}

type Reply = Result<Answer, Refusal>;

/// A request, who sends it, and when.
struct Call<'a> {
    request: &'a Request,
    moment: &'a Moment<'a>,
    caller: Caller,
}

impl Call<'_> {
    fn method(&self) -> &str {
        &self.request.method
    }

    fn href(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.request.origin)
    }

    fn now(&self) -> String {
        log::time(self.moment.wall)
    }
}

/// See the module.
pub struct Okta;

impl Service for Okta {
    fn name(&self) -> &'static str {
        "okta"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        reply(tenant, request, moment).unwrap_or_else(|refusal| refusal.answer(tenant))
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        if kind != "okta" {
            return None;
        }
        let state = &tenant.okta;
        let is_super = |user: &User| user.roles.values().any(|role| role.kind == "SUPER_ADMIN");
        let own = |token: &&ApiToken| {
            state
                .users
                .get(&token.user)
                .is_some_and(|user| is_super(user) && user.login != tenant.attacker.email)
        };
        let credential = state.tokens.values().find(own)?.secret.clone();
        let app = state.mixpanel_app().map(|(id, _)| ("app", format!("{id:?}")));
        Some(Client { path: "", credential, settings: app.into_iter().collect() })
    }

    fn example(&self, tenant: &mut Tenant) {
        example::fill(tenant);
    }

    fn lets_in(&self, tenant: &Tenant, email: &str) -> bool {
        tenant.okta.lets_in(email)
    }

    fn limit_headers(&self, left: &Allowance) -> Option<Vec<(&'static str, String)>> {
        Some(vec![
            ("x-rate-limit-limit", left.limit.to_string()),
            ("x-rate-limit-remaining", left.remaining.to_string()),
            ("x-rate-limit-reset", left.reset.to_string()),
        ])
    }

    fn ways_in(&self, tenant: &Tenant, email: &str, _: &Moment<'_>) -> Vec<String> {
        ways_in(&tenant.okta, email)
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["log", "ghosts", "users.*.changes", "users.*.status_changed"]
    }
}

fn ways_in(state: &State, email: &str) -> Vec<String> {
    let Some((id, user)) = state.find(email) else { return Vec::new() };
    let can_return = !matches!(user.status, Status::Suspended | Status::Deprovisioned);
    let tokens =
        state.tokens.values().any(|token| token.user == id) || state.bearers.values().any(|of| of == id);
    let ways = [
        (can_return, format!("the person is {}", user.status.name())),
        (!user.sessions.is_empty(), "a session is open".to_owned()),
        (!user.oauth_tokens.is_empty(), "an application holds a refresh token".to_owned()),
        (!user.grants.is_empty(), "an application has a grant".to_owned()),
        (tokens, "an API token of the person is valid".to_owned()),
        (!user.roles.is_empty(), "the person is an administrator".to_owned()),
        (
            state.mixpanel_app().is_some_and(|(app, _)| state.assignment(app, id).is_some()),
            "Mixpanel is assigned".into(),
        ),
    ];
    ways.into_iter().filter(|(open, _)| *open).map(|(_, what)| format!("okta: {what}")).collect()
}

/// A person logs in at the identity provider and opens Mixpanel; returns Mixpanel's cookie, or nothing where either
/// refuses.
pub fn sign_in(tenant: &mut Tenant, login: &str, ip: &str, moment: &Moment<'_>) -> Option<String> {
    let (id, _) = tenant.okta.find(login)?;
    let actor = log::Actor { id: id.to_owned(), ip: ip.to_owned(), token: None };
    if !tenant.okta.lets_in(login) {
        log::write(tenant, moment, &actor, &log::LOGIN_FAILED, &[]);
        return None;
    }
    log::write(tenant, moment, &actor, &log::LOGIN, &[]);
    let app = tenant.okta.mixpanel_app().map(|(id, _)| id.to_owned()).unwrap_or_default();
    log::write(tenant, moment, &actor, &log::SSO, &[log::Target::App(&app)]);
    mixpanel::sign_in(tenant, login, ip, moment)
}

fn reply(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Reply {
    let caller = caller::find(tenant, request, moment)?;
    let call = Call { request, moment, caller };
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["api", "v1", rest @ ..] = segments.as_slice() else {
        return Err(Refusal::new(404, "E0000008", "The requested path was not found"));
    };
    match rest {
        ["users", rest @ ..] => of_users(tenant, &call, rest),
        ["groups", rest @ ..] => groups::reply(tenant, &call, rest),
        ["apps", rest @ ..] => apps::reply(tenant, &call, rest),
        ["api-tokens", rest @ ..] => access::tokens(tenant, &call, rest),
        ["logs"] if call.method() == "GET" => {
            call.caller.needs(tenant, Need::Log, None)?;
            log::list(tenant, &call)
        }
        _ => Err(Refusal::new(404, "E0000008", "The requested path was not found")),
    }
}

/// Routes below `users`: those of one person begin by finding him.
fn of_users(tenant: &mut Tenant, call: &Call<'_>, rest: &[&str]) -> Reply {
    let Some((name, rest)) = rest.split_first() else {
        call.caller.needs(tenant, Need::Read, None)?;
        return if call.method() == "GET" { users::list(tenant, call) } else { Err(Refusal::unsupported()) };
    };
    let id = if let ("me", Some(id)) = (*name, &call.caller.user) {
        id.clone()
    } else {
        call.caller.needs(tenant, Need::Read, None)?;
        let found = tenant.okta.find(name);
        found.map(|(id, _)| id.to_owned()).ok_or_else(|| Refusal::not_found(name, "User"))?
    };
    match (call.method(), rest) {
        ("GET", []) => users::get(tenant, call, &id),
        ("POST", ["lifecycle", what]) => users::lifecycle(tenant, call, &id, what),
        ("DELETE", ["sessions"]) => access::end_sessions(tenant, call, &id),
        (_, ["grants", rest @ ..]) => access::grants(tenant, call, &id, rest),
        (_, ["clients", rest @ ..]) => access::clients(tenant, call, &id, rest),
        (_, ["roles", rest @ ..]) => access::roles(tenant, call, &id, rest),
        ("GET", ["groups"]) => groups::of_user(tenant, call, &id),
        ("GET", ["appLinks"]) => apps::of_user(tenant, call, &id),
        (_, []) => Err(Refusal::unsupported()),
        _ => Err(Refusal::new(404, "E0000008", "The requested path was not found")),
    }
}

/// Changes what somebody is assigned to; an application that provisions pushes the difference to Mixpanel's directory.
fn reassign<T>(
    tenant: &mut Tenant,
    user: &str,
    moment: &Moment<'_>,
    change: impl FnOnce(&mut State) -> T,
) -> T {
    let provisioned = |state: &State| {
        state.apps.iter().any(|(id, app)| app.provisions && state.assignment(id, user).is_some())
    };
    let before = provisioned(&tenant.okta);
    let result = change(&mut tenant.okta);
    let after = provisioned(&tenant.okta);
    let login = tenant.okta.users.get(user).map(|user| user.login.clone());
    if let (true, Some(login)) = (before != after, login) {
        scim::push(tenant, &login, after, moment);
    }
    result
}

fn no_content() -> Answer {
    Answer::empty(204)
}

#[cfg(test)]
mod tests;
