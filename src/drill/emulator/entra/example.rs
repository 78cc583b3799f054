//! The directory of a small organisation, and made-up ones.

use std::collections::BTreeSet;

use serde_json::json;

use super::state::{App, Assignment, Grant, Group, Kind, Role, Token, User};
use crate::drill::emulator::Tenant;
use crate::drill::emulator::clients::{Clients, Registered};
use crate::drill::emulator::draws::access_token;
use crate::synth::people::VICTIM;
use crate::synth::rng::Rng;

/// Id of the application that leads to Mixpanel.
const APP: &str = "8e881353-1735-45af-af21-ee1344582a4d";
/// The role that an application without roles of its own has.
const DEFAULT_ROLE: &str = "00000000-0000-0000-0000-000000000000";
/// Id of the tenant.
pub(super) const TENANT: &str = "acme.onmicrosoft.example";
/// Id of the responders' application.
const CLIENT: &str = "b2f6a7f0-5d0c-4a0e-9f5c-0c1f6f6e2d11";
const LONG_AGO: &str = "2026-01-05T08:00:00Z";
/// Id of the compromised account.
const JANE: &str = "6e7b768e-07e2-4810-8459-485f84f8f204";
/// Everything that lockdown can use.
const PERMISSIONS: [&str; 6] = [
    "Directory.Read.All",
    "User.ReadWrite.All",
    "GroupMember.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "RoleManagement.ReadWrite.Directory",
];

/// Everybody of Mixpanel has it through one group; the compromised account has a bit of everything. The responders have an
/// application of their own.
pub(super) fn fill(tenant: &mut Tenant) {
    base(tenant);
    register(tenant);
    let state = &mut tenant.entra;
    state.roles.insert("role-reports".into(), role("Reports Reader"));
    state.assignments.insert("assignment-jane".into(), assigned("User", JANE));
    let group = Group {
        name: "Mixpanel by department".into(),
        kind: Kind::Dynamic("(user.department -eq \"x\")".into()),
        members: only_jane(),
    };
    state.groups.insert("group-rule".into(), group);
    state.assignments.insert("assignment-rule".into(), assigned("Group", "group-rule"));
    let app = App { name: "exporter".into(), owners: only_jane(), ..App::default() };
    state.apps.insert("app-exporter".into(), app);
}

/// An application that may do what lockdown needs.
fn register(tenant: &mut Tenant) {
    let secret = tenant.draws.secret();
    let token = Token { user: None, permissions: PERMISSIONS.map(str::to_owned).into(), privileged: true };
    let client = Registered { secret, basic: false, allowed: true, token };
    tenant.entra.clients = Clients::one(CLIENT, client);
}

/// People, one group that gives Mixpanel, and the responders' token.
fn base(tenant: &mut Tenant) {
    let emails: Vec<String> = tenant.mixpanel.members.keys().cloned().collect();
    let claims = json!({ "appid": "5d3c", "roles": PERMISSIONS });
    let secret = access_token(&claims, &tenant.draws.secret());
    let permissions = PERMISSIONS.map(str::to_owned).into();
    let state = &mut tenant.entra;
    state.tokens.insert(secret, Token { user: None, permissions, privileged: true });
    for (at, email) in emails.iter().enumerate() {
        let id = if email == VICTIM { JANE.to_owned() } else { format!("user-{at}") };
        state.users.insert(id, person(email));
    }
    if let Some(jane) = state.users.get_mut(JANE) {
        jane.sessions.extend([("laptop".to_owned(), 0), ("unknown".to_owned(), 0)]);
    }
    let members = state.users.keys().cloned().collect();
    let group = Group { name: "Mixpanel users".into(), kind: Kind::Assigned, members };
    state.groups.insert("group-mixpanel".into(), group);
    state.apps.insert(APP.into(), App { name: "Mixpanel".into(), ..App::default() });
    state.assignments.insert("assignment-all".into(), assigned("Group", "group-mixpanel"));
    let grant = Grant { client: "app-mail".into(), principal: Some(JANE.into()), scope: "Mail.Read".into() };
    state.grants.insert("grant-jane".into(), grant);
}

/// The compromised account in one of the ways in which accounts are.
pub(super) fn make_up(tenant: &mut Tenant, rng: &mut Rng) {
    base(tenant);
    if rng.one_in(2) {
        register(tenant);
    }
    let state = &mut tenant.entra;
    if rng.one_in(12) {
        state.delete_user(JANE);
        return;
    }
    if let Some(jane) = state.users.get_mut(JANE) {
        jane.enabled = !rng.one_in(6);
        jane.synced = rng.one_in(4);
        jane.guest = rng.one_in(4);
        if jane.guest {
            jane.name = "jane_agency.example#EXT#@acme.onmicrosoft.example".into();
            jane.mail = (!rng.one_in(2)).then(|| VICTIM.to_owned());
            jane.other_mails = vec![VICTIM.to_owned()];
        }
    }
    if rng.one_in(3) {
        let alias = User { aliases: vec![VICTIM.to_owned()], ..person("jane.doe@acme.example") };
        state.users.insert("user-alias".into(), alias);
    }
    if rng.one_in(2) {
        state.groups.values_mut().for_each(|group| group.members.retain(|id| id != JANE));
    }
    for (at, kind) in
        [Kind::Assigned, Kind::Dynamic("(user.city -eq \"x\")".into()), Kind::Synced].into_iter().enumerate()
    {
        if rng.one_in(2) {
            let id = format!("group-{at}");
            let group = Group { name: format!("Group {at}"), kind, members: only_jane() };
            state.groups.insert(id.clone(), group);
            if rng.one_in(2) {
                state.assignments.insert(format!("assignment-{at}"), assigned("Group", &id));
            }
        }
    }
    if rng.one_in(2) {
        state.assignments.insert("assignment-jane".into(), assigned("User", JANE));
    }
    if rng.one_in(3) {
        state.roles.insert("role-admin".into(), role(rng.word(&["User Administrator", "Global Reader"])));
    }
    if rng.one_in(3) {
        state
            .apps
            .insert("app-own".into(), App { name: "own".into(), owners: only_jane(), ..App::default() });
    }
}

fn only_jane() -> BTreeSet<String> {
    [JANE.to_owned()].into()
}

fn role(name: &str) -> Role {
    Role { name: name.to_owned(), members: only_jane() }
}

fn assigned(kind: &str, principal: &str) -> Assignment {
    Assignment { kind: kind.into(), principal: principal.into(), app: APP.into(), role: DEFAULT_ROLE.into() }
}

fn person(email: &str) -> User {
    User {
        name: email.to_owned(),
        mail: Some(email.to_owned()),
        enabled: true,
        valid_from: LONG_AGO.into(),
        ..User::default()
    }
}
