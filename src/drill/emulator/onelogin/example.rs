//! The identity provider of a small organisation, and made-up ones.

use super::state::{Mapping, Role, Scope, User};
use crate::drill::emulator::Tenant;
use crate::drill::emulator::clients::{Clients, Registered};
use crate::synth::people::VICTIM;
use crate::synth::rng::Rng;

const APP: u64 = 123_456;
/// Id of the compromised account.
const JANE: u64 = 700_000;
/// The role that gives Mixpanel.
const USERS: u64 = 501;
/// Another that does, and that a mapping gives.
const AGENCIES: u64 = 502;
/// One that does not.
const CANTEEN: u64 = 503;

/// Everybody of Mixpanel has it through one role; the compromised account is there under its username too.
pub(super) fn fill(tenant: &mut Tenant) {
    base(tenant);
    let state = &mut tenant.onelogin;
    if let Some(jane) = state.users.get_mut(&JANE) {
        jane.roles.extend([AGENCIES, CANTEEN]);
    }
    let mapping =
        Mapping { name: "Agencies by address".into(), fits: [JANE].into(), roles: [AGENCIES].into() };
    state.mappings.push(mapping);
    let second = User {
        id: JANE + 1,
        username: VICTIM.into(),
        email: "jane.doe@mail.example".into(),
        status: 4,
        ..User::default()
    };
    state.users.insert(second.id, second);
}

/// An API credential of the scope Manage All.
fn register(tenant: &mut Tenant) {
    let secret = tenant.draws.secret();
    let client = Registered { secret, basic: false, allowed: true, token: Scope::ManageAll };
    tenant.onelogin.clients = Clients::one("3f1c9a7d5b", client);
}

fn base(tenant: &mut Tenant) {
    let emails: Vec<String> = tenant.mixpanel.members.keys().cloned().collect();
    let secret = tenant.draws.secret();
    let state = &mut tenant.onelogin;
    state.mixpanel_app = APP;
    state.tokens.insert(secret, Scope::ManageAll);
    let role = |name: &str, apps: &[u64]| Role { name: name.into(), apps: apps.iter().copied().collect() };
    state.roles.extend([
        (USERS, role("Mixpanel users", &[APP, 1])),
        (AGENCIES, role("Agencies", &[APP])),
        (CANTEEN, role("Canteen", &[1])),
    ]);
    for (id, email) in (700_100..).zip(emails) {
        let id = if email == VICTIM { JANE } else { id };
        let roles = [USERS].into();
        state.users.insert(id, User { id, email, status: 1, roles, ..User::default() });
    }
    if let Some(jane) = state.users.get_mut(&JANE) {
        jane.sessions.extend(["laptop".to_owned(), "unknown".to_owned()]);
    }
}

/// The compromised account in one of the ways in which accounts are.
pub(super) fn make_up(tenant: &mut Tenant, rng: &mut Rng) {
    base(tenant);
    if rng.one_in(2) {
        register(tenant);
    }
    let state = &mut tenant.onelogin;
    if rng.one_in(10) {
        state.users.remove(&JANE);
    }
    let statuses = [1, 1, 1, 0, 2, 3, 4, 5, 7, 8];
    if let Some(jane) = state.users.get_mut(&JANE) {
        jane.status = rng.pick(&statuses).copied().unwrap_or(1);
        jane.directory = rng.one_in(3).then_some(42);
        for role in [USERS, AGENCIES, CANTEEN] {
            if rng.one_in(2) {
                jane.roles.insert(role);
            } else {
                jane.roles.remove(&role);
            }
        }
        if rng.one_in(2) {
            let (fits, roles) = ([JANE].into(), jane.roles.clone());
            state.mappings.push(Mapping { name: "By address".into(), fits, roles });
        }
    }
    if rng.one_in(3) {
        let id = JANE + 1;
        let status = if rng.one_in(2) { 1 } else { 2 };
        let roles = [AGENCIES].into();
        let user = User { id, username: VICTIM.into(), status, roles, ..User::default() };
        state.users.insert(id, user);
    }
}
