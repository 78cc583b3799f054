//! Somebody who is in the tenant while it is being locked down, and uses what works.
//!
//! He sends requests to the same services as everybody, with real credentials: a session of the account he took over,
//! service accounts he made or whose secret he saw. What he gets done is in the tenant and in its audit log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use super::mixpanel::{Mixpanel, sign_in};
use super::{Answer, Moment, Request, SERVICES, Service, Tenant};

/// His attempt to make a service account.
pub const CREATE: &str = "create-service-account";
/// His attempt to export events.
pub const EXPORT: &str = "export";
/// His attempt to log in anew.
pub const SIGN_IN: &str = "sign-in";
/// Projects that he tries with one credential.
const PROJECTS: usize = 3;
/// Credentials with which he exports at one turn.
const EXPORTS: usize = 8;

/// What he knows and has tried.
#[derive(Clone, Default, Serialize)]
pub struct Attacker {
    /// The account he took over; blank where there is no attacker.
    pub email: String,
    /// Where he comes from.
    pub ip: String,
    /// Cookies of sessions he holds.
    pub sessions: Vec<String>,
    /// He knows the account's password at the vendor, which lets in owners and admins past the identity provider.
    pub knows_password: bool,
    /// Usernames and secrets of service accounts he knows.
    pub service_accounts: Vec<(String, String)>,
    /// What he tried, oldest first.
    pub attempts: Vec<Attempt>,
}

/// One thing that he tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Number of the request of others after which he tried it.
    pub after: u64,
    /// Milliseconds since the emulator started.
    pub at_ms: u64,
    /// [`CREATE`], [`EXPORT`] or [`SIGN_IN`].
    pub what: String,
    /// Which credential: `session`, or the username of a service account.
    pub with: String,
    /// The status he got.
    pub status: u16,
    /// Whether it worked.
    pub succeeded: bool,
}

/// A credential of his.
#[derive(Clone)]
enum Credential {
    Session(String),
    Account(String, String),
}

impl Credential {
    fn name(&self) -> &str {
        match self {
            Self::Session(_) => "session",
            Self::Account(username, _) => username,
        }
    }

    fn sign(&self, request: Request, ip: &str) -> Request {
        let request = request.with_header("x-forwarded-for", ip);
        match self {
            Self::Session(cookie) => request.with_header("cookie", &format!("sessionid={cookie}")),
            Self::Account(username, secret) => {
                let pair = STANDARD.encode(format!("{username}:{secret}"));
                request.with_header("authorization", &format!("Basic {pair}"))
            }
        }
    }
}

/// How many of his attempts of a kind worked.
pub fn successes(tenant: &Tenant, what: &str) -> u64 {
    let tried = tenant.attacker.attempts.iter();
    tried.filter(|attempt| attempt.what == what && attempt.succeeded).count() as u64
}

/// Lets him act once: make himself a service account, and export events.
pub(super) fn act(tenant: &mut Tenant, after: u64, moment: &Moment<'_>) {
    if tenant.attacker.email.is_empty() {
        return;
    }
    let mut hand = Hand { tenant, after, moment };
    let made = hand.credentials().iter().any(|credential| hand.makes_account(credential));
    if !made && hand.signs_in() {
        let sessions = hand.credentials();
        let _ = sessions.iter().any(|credential| hand.makes_account(credential));
    }
    // Every working secret loses data of its own; the newest are tried, as he may have made hundreds.
    for credential in hand.credentials().into_iter().take(EXPORTS) {
        hand.exports(&credential);
    }
}

struct Hand<'a, 'm> {
    tenant: &'a mut Tenant,
    after: u64,
    moment: &'a Moment<'m>,
}

impl Hand<'_, '_> {
    fn credentials(&self) -> Vec<Credential> {
        let attacker = &self.tenant.attacker;
        let sessions = attacker.sessions.iter().rev().cloned().map(Credential::Session);
        let accounts = attacker.service_accounts.iter().rev();
        let accounts = accounts.map(|(name, secret)| Credential::Account(name.clone(), secret.clone()));
        sessions.chain(accounts).collect()
    }

    fn send(&mut self, credential: &Credential, request: Request) -> Answer {
        let request = credential.sign(request, &self.tenant.attacker.ip);
        Mixpanel.handle(self.tenant, &request, self.moment)
    }

    fn note(&mut self, what: &str, with: &str, status: u16) -> bool {
        let succeeded = status < 300;
        let (what, with, at_ms) = (what.to_owned(), with.to_owned(), self.moment.millis());
        self.tenant.attacker.attempts.push(Attempt {
            after: self.after,
            at_ms,
            what,
            with,
            status,
            succeeded,
        });
        succeeded
    }

    fn projects(&mut self, credential: &Credential) -> Vec<u64> {
        let answer = self.send(credential, Request::new("GET", "/api/app/me/"));
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let projects = body.pointer("/results/projects").and_then(Value::as_object);
        projects.map(|map| map.keys().filter_map(|id| id.parse().ok()).collect()).unwrap_or_default()
    }

    fn makes_account(&mut self, credential: &Credential) -> bool {
        let organization = self.tenant.mixpanel.organization_id;
        let path = format!("/api/app/organizations/{organization}/service-accounts/");
        let username = format!("svc-{}", self.tenant.draws.letters(5));
        let projects = self.projects(credential);
        let mut status = 401;
        for project in projects.into_iter().take(PROJECTS) {
            let body = json!({"username": username, "projects": [{"id": project, "role": "admin"}]});
            let answer = self.send(credential, Request::new("POST", &path).with_json(&body));
            status = answer.status;
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let text = |key: &str| body.pointer(&format!("/results/{key}")).and_then(Value::as_str);
            if let (Some(username), Some(secret)) = (text("username"), text("token")) {
                let made = (username.to_owned(), secret.to_owned());
                self.tenant.attacker.service_accounts.push(made);
                break;
            }
        }
        self.note(CREATE, credential.name(), status)
    }

    fn exports(&mut self, credential: &Credential) {
        let project = self.projects(credential).first().copied();
        let project = project.or_else(|| self.tenant.mixpanel.projects.keys().next().copied()).unwrap_or(0);
        let path = format!("/api/2.0/export?from_date=2026-01-01&to_date=2026-10-31&project_id={project}");
        let answer = self.send(credential, Request::new("GET", &path));
        self.note(EXPORT, credential.name(), answer.status);
    }

    /// Logs in anew, where the identity provider still lets the account in, or its password does.
    fn signs_in(&mut self) -> bool {
        let (email, ip) = (self.tenant.attacker.email.clone(), self.tenant.attacker.ip.clone());
        let access = self.tenant.mixpanel.member_access(&email);
        let manages = access.is_some_and(|access| access.manages_organization());
        let with = if SERVICES.iter().any(|service| service.lets_in(self.tenant, &email)) {
            "identity provider"
        } else if manages && self.tenant.attacker.knows_password {
            "password"
        } else {
            return self.note(SIGN_IN, "identity provider", 403);
        };
        let cookie = sign_in(self.tenant, &email, &ip, self.moment);
        let status = if cookie.is_some() { 200 } else { 403 };
        self.tenant.attacker.sessions.extend(cookie);
        self.note(SIGN_IN, with, status)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::drill::emulator::Switches;
    use crate::event::time::Timestamp;
    use crate::synth::people::VICTIM;

    /// Lets him act once; returns what he did.
    fn turn(tenant: &mut Tenant) -> Vec<Attempt> {
        let (wall, switches) = (Timestamp { nanos: 0, digits: 3 }, Switches::default());
        let before = tenant.attacker.attempts.len();
        act(tenant, 1, &Moment { now: Duration::from_secs(1), wall, switches: &switches });
        tenant.attacker.attempts[before..].to_vec()
    }

    #[test]
    fn he_uses_what_works_and_keeps_what_he_makes() {
        let mut tenant = Tenant::example(7);
        let first = turn(&mut tenant);
        assert_eq!(
            (first[0].what.as_str(), first[0].with.as_str(), first[0].status),
            (CREATE, "session", 201)
        );
        let exports = first.iter().filter(|attempt| attempt.what == EXPORT && attempt.succeeded);
        assert_eq!(exports.count(), 5, "his session, three known accounts and the new one");
        tenant.mixpanel.remove_member(VICTIM, 0);
        let second = turn(&mut tenant);
        let made = second.iter().find(|attempt| attempt.what == CREATE && attempt.succeeded).unwrap();
        assert!(made.with.starts_with("svc-"), "{}", made.with);
    }

    #[test]
    fn he_is_out_when_all_his_credentials_are() {
        let mut tenant = Tenant::example(7);
        tenant.mixpanel.remove_member(VICTIM, 0);
        tenant.mixpanel.service_accounts.retain(|id, _| *id == 88_101);
        let attempts = turn(&mut tenant);
        assert!(attempts.iter().any(|attempt| attempt.what == SIGN_IN));
        assert!(attempts.iter().all(|attempt| !attempt.succeeded), "{attempts:?}");
        assert_eq!(tenant.mixpanel.service_accounts.len(), 1);
    }

    #[test]
    fn a_password_lets_an_admin_in_again() {
        let mut tenant = Tenant::example(7);
        tenant.mixpanel.service_accounts.clear();
        tenant.mixpanel.sessions.clear();
        tenant.okta = crate::drill::emulator::okta::State::default();
        tenant.attacker.knows_password = true;
        assert_eq!(successes(&tenant, SIGN_IN), 0);
        turn(&mut tenant);
        assert_eq!(successes(&tenant, SIGN_IN), 0, "a plain member must come through the identity provider");
        tenant.mixpanel.members.get_mut(VICTIM).unwrap().role = "admin".to_owned();
        assert!(turn(&mut tenant).iter().any(|attempt| attempt.what == CREATE && attempt.succeeded));
    }
}
