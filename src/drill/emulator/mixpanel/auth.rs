//! Who is asking: Basic credentials of a service account or an API secret, a session cookie, an OAuth token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::state::{Access, State};
use crate::drill::emulator::audit::Actor;
use crate::drill::emulator::{Answer, Moment, Request, Tenant};

/// Somebody whose credentials hold.
pub(super) struct Caller {
    /// As the audit log names it.
    pub(super) actor: Actor,
    /// What it may do.
    pub(super) access: Access,
    /// User id, which is what `creator` says.
    pub(super) user: u64,
    /// Id of the service account.
    pub(super) account: Option<u64>,
}

impl Caller {
    pub(super) fn manages_organization(&self) -> Result<(), Answer> {
        if self.access.manages_organization() { Ok(()) } else { Err(forbidden()) }
    }

    /// The organisation's managers manage every project.
    pub(super) fn manages_project(&self, project: u64) -> Result<(), Answer> {
        if self.access.manages_project(project) { Ok(()) } else { Err(forbidden()) }
    }

    /// Whether it may read a project at all.
    pub(super) fn reads_project(&self, project: u64, moment: &Moment<'_>) -> Result<(), Answer> {
        if self.access.projects.contains_key(&project) {
            return Ok(());
        }
        if self.account.is_some() && self.access.projects.is_empty() {
            return Err(error(moment.switches.mixpanel.without_project, "No access to any project"));
        }
        Err(forbidden())
    }
}

/// Finds the caller. The error is the answer that refuses it.
pub(super) fn caller(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Result<Caller, Answer> {
    let ip = request.header("x-forwarded-for").unwrap_or("127.0.0.1").to_owned();
    let state = &mut tenant.mixpanel;
    if let Some(cookie) = request.header("cookie") {
        return session(state, cookie, ip, moment).ok_or_else(unauthorized);
    }
    let Some((scheme, value)) = request.header("authorization").and_then(|header| header.split_once(' '))
    else {
        return Err(unauthorized());
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return bearer(state, value.trim(), ip).ok_or_else(unauthorized);
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unauthorized());
    }
    let pair = STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((username, secret)) = pair.as_deref().and_then(|pair| pair.split_once(':')) else {
        return Err(unauthorized());
    };
    basic(state, username, secret, ip, moment).ok_or_else(unauthorized)
}

fn session(state: &State, cookie: &str, ip: String, moment: &Moment<'_>) -> Option<Caller> {
    let token = cookie.split(';').find_map(|part| part.trim().strip_prefix("sessionid="))?;
    let session = state.sessions.get(token)?;
    if session.ends_ms.is_some_and(|end| moment.millis() >= end) {
        return None;
    }
    let access = state.member_access(&session.email).or_else(|| session.kept.clone())?;
    Some(person(state, &session.email, access, ip))
}

fn bearer(state: &State, token: &str, ip: String) -> Option<Caller> {
    let email = state.oauth_tokens.get(token)?;
    Some(person(state, email, state.member_access(email)?, ip))
}

fn person(state: &State, email: &str, access: Access, ip: String) -> Caller {
    let member = state.members.get(email);
    let name = member.map_or_else(|| email.to_owned(), |member| member.name.clone());
    let user = member.map_or(0, |member| member.id);
    Caller { actor: Actor { email: email.to_owned(), name, ip }, access, user, account: None }
}

/// What is live and what lingers under these credentials, together.
fn basic(state: &mut State, username: &str, secret: &str, ip: String, moment: &Moment<'_>) -> Option<Caller> {
    let mut access: Option<Access> = None;
    let mut join = |other: Access| access.get_or_insert_default().join(&other);
    let known =
        |account: &super::state::ServiceAccount| account.username == username && account.secret == secret;
    let live = state
        .service_accounts
        .iter()
        .find(|(_, account)| known(account) && !is_over(account.expires.as_deref(), moment))
        .map(|(id, account)| (*id, account.user));
    if let Some(held) = live.and_then(|(id, _)| state.account_access(id)) {
        join(held);
    }
    let lingers = state.lingering.iter().filter(|old| {
        moment.millis() < old.until_ms
            && (old.username == username && old.secret == secret || is_api_secret(old, username, secret))
    });
    lingers.for_each(|old| join(old.access.clone()));
    // An API secret is the username of its project, with a blank password.
    for (id, _) in
        state.projects.iter().filter(|(_, project)| secret.is_empty() && project.api_secret == username)
    {
        let mut of_project = Access::default();
        of_project.give(*id, "analyst");
        join(of_project);
    }
    if let Some(account) = live.and_then(|(id, _)| state.service_accounts.get_mut(&id)) {
        account.last_used = Some(moment.wall.to_rfc3339());
    }
    // The audit log must not hold an API secret.
    let name = if secret.is_empty() { "project secret" } else { username };
    let actor = Actor { email: name.to_owned(), name: name.to_owned(), ip };
    let account = (!secret.is_empty()).then_some(live.map_or(0, |(id, _)| id));
    Some(Caller { actor, access: access?, user: live.map_or(0, |(_, user)| user), account })
}

fn is_api_secret(old: &super::state::Lingering, username: &str, secret: &str) -> bool {
    old.username.is_empty() && secret.is_empty() && old.secret == username
}

fn is_over(expires: Option<&str>, moment: &Moment<'_>) -> bool {
    let end = expires.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    end.is_some_and(|end| end.as_nanosecond() <= i128::from(moment.wall.nanos))
}

/// An error of the App API.
pub(super) fn error(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({"error": text, "status": "error"}))
}

pub(super) fn unauthorized() -> Answer {
    error(401, "Invalid credentials")
}

pub(super) fn forbidden() -> Answer {
    error(403, "You do not have permission to perform this action")
}

pub(super) fn not_found() -> Answer {
    error(404, "Not found")
}

pub(super) fn bad_request(text: &str) -> Answer {
    error(400, text)
}

/// A success of the App API.
pub(super) fn ok(results: &Value) -> Answer {
    Answer::json(200, &json!({"status": "ok", "results": results}))
}
