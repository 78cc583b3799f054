//! The environment of a small organisation, and made-up ones.

use std::collections::BTreeSet;

use serde_json::json;

use super::state::{Group, Role, Token, User};
use crate::drill::emulator::Tenant;
use crate::drill::emulator::clients::{Clients, Registered};
use crate::drill::emulator::draws::access_token;
use crate::synth::people::VICTIM;
use crate::synth::rng::Rng;

/// Id of the compromised account.
const JANE: &str = "user-jane";
/// Id of the responders' worker application.
const CLIENT: &str = "0d6f4b0e-7a0c-4f4f-8f0f-5d1f4a3f0c11";
const ENVIRONMENT: &str = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6";

/// Everybody of Mixpanel comes through one group; the compromised account has a bit of everything. The responders have a
/// worker application.
pub(super) fn fill(tenant: &mut Tenant) {
    base(tenant);
    register(tenant, true);
    let state = &mut tenant.pingone;
    let group = Group {
        name: "Agencies".into(),
        filter: Some("email ew \"agency\"".into()),
        external: false,
        members: only_jane(),
    };
    state.groups.insert("group-filter".into(), group);
    state.app_groups.insert("group-filter".into());
    if let Some(jane) = state.users.get_mut(JANE) {
        jane.roles.insert("assignment-1".into(), role("identity-data-read-only"));
        let by_group = Role { group: Some("group-filter".into()), ..role("client-application-developer") };
        jane.roles.insert("assignment-2".into(), by_group);
    }
}

/// A worker application that may change people.
fn register(tenant: &mut Tenant, basic: bool) {
    // What a form writes otherwise stands in it.
    let secret = format!("{}~+/ &", tenant.draws.secret());
    let token = Token { user: None, changes: true };
    tenant.pingone.clients = Clients::one(CLIENT, Registered { secret, basic, allowed: true, token });
}

fn base(tenant: &mut Tenant) {
    let emails: Vec<String> = tenant.mixpanel.members.keys().cloned().collect();
    let claims = json!({ "sub": "worker-1", "env": ENVIRONMENT });
    let secret = access_token(&claims, &tenant.draws.secret());
    let state = &mut tenant.pingone;
    state.environment = ENVIRONMENT.into();
    state.mixpanel_app = "app-mixpanel".into();
    state.tokens.insert(secret, Token { user: None, changes: true });
    for (at, email) in emails.into_iter().enumerate() {
        let id = if email == VICTIM { JANE.to_owned() } else { format!("user-{at}") };
        state.users.insert(id, User { username: email.clone(), email, enabled: true, ..User::default() });
    }
    if let Some(jane) = state.users.get_mut(JANE) {
        jane.sessions.extend(["laptop".to_owned(), "unknown".to_owned()]);
    }
    let members = state.users.keys().cloned().collect();
    let group = Group { name: "Mixpanel users".into(), members, ..Group::default() };
    state.groups.insert("group-mixpanel".into(), group);
    state.app_groups.insert("group-mixpanel".into());
}

/// The compromised account in one of the ways in which accounts are.
pub(super) fn make_up(tenant: &mut Tenant, rng: &mut Rng) {
    base(tenant);
    if rng.one_in(2) {
        let basic = rng.one_in(2);
        register(tenant, basic);
    }
    let state = &mut tenant.pingone;
    if rng.one_in(10) {
        state.users.remove(JANE);
        state.groups.values_mut().for_each(|group| group.members.retain(|id| id != JANE));
        return;
    }
    if let Some(jane) = state.users.get_mut(JANE) {
        jane.enabled = !rng.one_in(5);
        for at in 0..rng.below(6) {
            jane.sessions.insert(format!("session-{at}"));
        }
        for name in ["identity-data-admin", "environment-admin"] {
            if rng.one_in(3) {
                let group = rng.one_in(2).then(|| "group-0".to_owned());
                jane.roles.insert(format!("assignment-{name}"), Role { group, ..role(name) });
            }
        }
    }
    for at in 0..3 {
        let id = format!("group-{at}");
        let filter = (at == 1).then(|| "population.id eq \"p1\"".to_owned());
        if rng.one_in(2) {
            let group =
                Group { name: format!("Group {at}"), filter, external: at == 2, members: only_jane() };
            state.groups.insert(id.clone(), group);
            if rng.one_in(2) {
                state.app_groups.insert(id);
            }
        }
    }
    if rng.one_in(3) {
        let (username, email) = ("jane.second".to_owned(), VICTIM.to_owned());
        let second = User { username, email, enabled: rng.one_in(2), ..User::default() };
        state.users.insert("user-second".into(), second);
    }
}

fn only_jane() -> BTreeSet<String> {
    [JANE.to_owned()].into()
}

fn role(name: &str) -> Role {
    Role { role: name.into(), scope: ENVIRONMENT.into(), kind: "ENVIRONMENT".into(), group: None }
}
