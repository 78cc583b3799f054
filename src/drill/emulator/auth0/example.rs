//! The identity provider of a small organisation, and made-up ones.

use serde_json::json;

use super::state::{Grant, Role, Token, User};
use crate::drill::emulator::Tenant;
use crate::drill::emulator::clients::{Clients, Registered};
use crate::drill::emulator::draws::access_token;
use crate::synth::people::VICTIM;
use crate::synth::rng::Rng;

/// Id of the compromised account.
const JANE: &str = "auth0|6182f7e6a8f5";
/// Everything that lockdown can use.
const SCOPES: [&str; 9] = [
    "read:users",
    "update:users",
    "read:sessions",
    "delete:sessions",
    "read:refresh_tokens",
    "delete:refresh_tokens",
    "read:grants",
    "delete:grants",
    "read:roles",
];

/// The compromised account has a password, comes by another connection too, and has a bit of everything.
pub(super) fn fill(tenant: &mut Tenant) {
    base(tenant);
    let social = User { connection: "google-oauth2".into(), ..person(VICTIM) };
    tenant.auth0.users.insert("google-oauth2|1138".into(), social);
}

/// An application that may do what lockdown needs.
fn register(tenant: &mut Tenant) {
    let secret = tenant.draws.secret();
    let token = Token { user: None, scopes: SCOPES.map(str::to_owned).into() };
    tenant.auth0.clients = Clients::one("5d3c", Registered { secret, basic: false, allowed: true, token });
}

fn base(tenant: &mut Tenant) {
    let emails: Vec<String> = tenant.mixpanel.members.keys().cloned().collect();
    let claims = json!({ "sub": "5d3c@clients", "scope": SCOPES.join(" ") });
    let secret = access_token(&claims, &tenant.draws.secret());
    let state = &mut tenant.auth0;
    state.tokens.insert(secret, Token { user: None, scopes: SCOPES.map(str::to_owned).into() });
    for (at, email) in emails.iter().enumerate() {
        let id = if email == VICTIM { JANE.to_owned() } else { format!("auth0|{at}") };
        state.users.insert(id, person(email));
    }
    if let Some(jane) = state.users.get_mut(JANE) {
        jane.sessions.extend([("laptop".to_owned(), None), ("unknown".to_owned(), None)]);
        jane.refresh_tokens.insert("cli".into(), None);
    }
    let members = state.users.keys().cloned().collect();
    state.roles.insert("rol_1".into(), Role { name: "Mixpanel users".into(), members });
    let grant = Grant { client: "cli".into(), user: JANE.into(), scopes: vec!["openid".into()] };
    state.grants.insert("cgr_1".into(), grant);
}

/// The compromised account in one of the ways in which accounts are.
pub(super) fn make_up(tenant: &mut Tenant, rng: &mut Rng) {
    base(tenant);
    if rng.one_in(2) {
        register(tenant);
    }
    let state = &mut tenant.auth0;
    for connection in ["google-oauth2", "samlp", "waad"] {
        if rng.one_in(3) {
            let mut user = User { connection: connection.into(), ..person(VICTIM) };
            user.blocked = rng.one_in(3);
            user.was_blocked = user.blocked || rng.one_in(2);
            for at in 0..rng.below(70) {
                user.sessions.insert(format!("{connection}-{at:02}"), None);
            }
            let id = format!("{connection}|acme|{VICTIM}");
            state.users.insert(id.clone(), user);
            if let Some(role) = state.roles.get_mut("rol_1").filter(|_| rng.one_in(2)) {
                role.members.insert(id);
            }
        }
    }
    if rng.one_in(6) {
        state.users.remove(JANE);
        state.grants.clear();
        state.roles.values_mut().for_each(|role| role.members.retain(|id| id != JANE));
    }
    if rng.one_in(3) {
        state.roles.values_mut().for_each(|role| role.members.retain(|id| id != JANE));
    }
}

fn person(email: &str) -> User {
    let connection = "Username-Password-Authentication".into();
    User { email: email.to_owned(), connection, ..User::default() }
}
