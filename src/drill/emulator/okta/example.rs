//! The identity provider of a small organisation.

use std::collections::BTreeMap;

use super::state::{ApiToken, App, Grant, Group, Role, User};
use crate::drill::emulator::Tenant;
use crate::synth::people::VICTIM;

const CREATED: &str = "2026-01-05T08:00:00.000Z";
/// The application's id.
const APP: &str = "0oa1mixpanel";

/// Everybody of Mixpanel comes through one group; the compromised account has a bit of everything.
pub(super) fn fill(tenant: &mut Tenant) {
    let emails: Vec<String> = tenant.mixpanel.members.keys().cloned().collect();
    let mut secret = || tenant.draws.secret();
    let mut tool = person("portcullis@acme.example");
    tool.roles.insert("ra-tool".into(), role("SUPER_ADMIN"));
    let tokens = [
        ("00Ttool".to_owned(), token("00utool", "portcullis", secret())),
        ("00Tjane".to_owned(), token("00ujane", "scripts", secret())),
    ];
    let state = &mut tenant.okta;
    state.tokens.extend(tokens);
    state.users.extend([("00utool".to_owned(), tool), ("00ujane".to_owned(), victim())]);
    let others = emails.iter().filter(|email| *email != VICTIM).enumerate();
    state.users.extend(others.map(|(at, email)| (format!("00u{at}"), person(email))));
    let everybody: BTreeMap<String, Option<String>> =
        state.users.keys().map(|id| (id.clone(), None)).collect();
    let group =
        |name: &str, kind: &str| Group { name: name.into(), kind: kind.into(), members: everybody.clone() };
    state.groups.insert("00gall".into(), group("Everyone", "BUILT_IN"));
    state.groups.insert("00gmix".into(), group("Mixpanel users", "OKTA_GROUP"));
    let app = App {
        name: "mixpanel".into(),
        label: "Mixpanel".into(),
        groups: ["00gmix".to_owned()].into(),
        provisions: true,
        ..App::default()
    };
    state.apps.insert(APP.into(), app);
}

fn person(login: &str) -> User {
    User {
        login: login.to_owned(),
        first_name: "A".into(),
        last_name: "B".into(),
        created: CREATED.into(),
        status_changed: CREATED.into(),
        ..User::default()
    }
}

fn victim() -> User {
    let mut victim = person(VICTIM);
    victim.sessions.insert("session-jane".into());
    victim.devices.insert("device-jane".into());
    victim
        .grants
        .insert("grant-jane".into(), Grant { client: "cli".into(), scope: "okta.users.read".into() });
    victim.oauth_tokens.insert("refresh-jane".into(), "cli".into());
    victim.roles.insert("ra-jane".into(), role("REPORT_ADMIN"));
    victim
}

fn role(kind: &str) -> Role {
    Role { kind: kind.into(), groups: [].into() }
}

fn token(user: &str, name: &str, secret: String) -> ApiToken {
    ApiToken { secret, name: name.into(), user: user.into(), created: CREATED.into() }
}
