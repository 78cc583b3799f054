//! The tenants that are swept.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use portcullis::drill::emulator::{Tenant, okta, scim, vault};
use portcullis::synth::people::{RESPONDER, VICTIM};
use serde_json::{Map, json};

const CREATED: &str = "2026-01-05T08:00:00.000Z";
/// The application's id at the identity provider.
const APP: &str = "0oa1mixpanel";

/// The small organisation, with an identity provider, a directory and a secret store around it.
pub fn small(seed: u64) -> Tenant {
    let mut tenant = Tenant::example(seed);
    directory(&mut tenant);
    identity_provider(&mut tenant);
    secret_store(&mut tenant);
    tenant
}

fn directory(tenant: &mut Tenant) {
    tenant.scim.token = tenant.draws.secret();
    tenant.scim.claimed_domains = ["acme.example", "agency.example"].map(str::to_owned).into();
    for (email, member) in &tenant.mixpanel.members {
        let user = scim::User {
            user_name: email.clone(),
            active: true,
            version: 1,
            created: CREATED.into(),
            modified: CREATED.into(),
            ..scim::User::default()
        };
        tenant.scim.users.insert(format!("scim-{}", member.id), user);
    }
    for (id, team) in &tenant.mixpanel.teams {
        let member_id =
            |email: &String| tenant.mixpanel.members.get(email).map(|member| format!("scim-{}", member.id));
        let group = scim::Group {
            display_name: team.name.clone(),
            members: team.members.iter().filter_map(member_id).collect(),
            version: 1,
            created: CREATED.into(),
            modified: CREATED.into(),
        };
        tenant.scim.groups.insert(format!("group-{id}"), group);
    }
}

fn person(login: &str) -> okta::User {
    okta::User {
        login: login.to_owned(),
        first_name: "A".into(),
        last_name: "B".into(),
        created: CREATED.into(),
        status_changed: CREATED.into(),
        ..okta::User::default()
    }
}

fn identity_provider(tenant: &mut Tenant) {
    let emails: Vec<String> = tenant.mixpanel.members.keys().cloned().collect();
    let role = |kind: &str| okta::Role { kind: kind.into(), groups: [].into() };
    let mut secret = || tenant.draws.secret();
    let mut tool = person("portcullis@acme.example");
    tool.roles.insert("ra-tool".into(), role("SUPER_ADMIN"));
    let mut victim = person(VICTIM);
    victim.sessions.insert("session-jane".into());
    victim.devices.insert("device-jane".into());
    victim
        .grants
        .insert("grant-jane".into(), okta::Grant { client: "cli".into(), scope: "okta.users.read".into() });
    victim.oauth_tokens.insert("refresh-jane".into(), "cli".into());
    victim.roles.insert("ra-jane".into(), role("REPORT_ADMIN"));
    let token = |user: &str, name: &str, secret: String| okta::ApiToken {
        secret,
        name: name.into(),
        user: user.into(),
        created: CREATED.into(),
    };
    let tokens = [
        ("00Ttool".to_owned(), token("00utool", "portcullis", secret())),
        ("00Tjane".to_owned(), token("00ujane", "scripts", secret())),
    ];
    let state = &mut tenant.okta;
    state.tokens.extend(tokens);
    state.users.extend([("00utool".to_owned(), tool), ("00ujane".to_owned(), victim)]);
    let others = emails.iter().filter(|email| *email != VICTIM).enumerate();
    state.users.extend(others.map(|(at, email)| (format!("00u{at}"), person(email))));
    let everybody: BTreeMap<String, Option<String>> =
        state.users.keys().map(|id| (id.clone(), None)).collect();
    let group = |name: &str, kind: &str, members: &BTreeMap<String, Option<String>>| okta::Group {
        name: name.into(),
        kind: kind.into(),
        members: members.clone(),
    };
    state.groups.insert("00gall".into(), group("Everyone", "BUILT_IN", &everybody));
    state.groups.insert("00gmix".into(), group("Mixpanel users", "OKTA_GROUP", &everybody));
    let app = okta::App {
        name: "mixpanel".into(),
        label: "Mixpanel".into(),
        groups: ["00gmix".to_owned()].into(),
        provisions: true,
        ..okta::App::default()
    };
    state.apps.insert(APP.into(), app);
}

/// Every credential that the attacker knows, but those of the tool and of accounts that nobody uses.
fn secret_store(tenant: &mut Tenant) {
    let token = vault::Token::new(
        "portcullis",
        "accessor".into(),
        &["secret/*"],
        &["create", "read", "update", "patch"],
    );
    let id = tenant.draws.secret();
    tenant.vault.tokens.insert(id, token);
    let mut mount = vault::Mount::default();
    for id in [88_102, 88_103] {
        let account = &tenant.mixpanel.service_accounts[&id];
        let mut data = Map::new();
        data.insert("username".into(), json!(account.username));
        data.insert("secret".into(), json!(account.secret));
        data.insert("url".into(), json!("https://mixpanel.example"));
        mount.secrets.insert(format!("mixpanel/{id}"), vault::Secret::new(data, CREATED));
    }
    tenant.vault.mounts.insert("secret".into(), mount);
}

/// Integrations beyond those that the store's entries tell: one of the accounts that the account made is in use, and its
/// secret lies in the local store.
pub fn more_integrations(tenant: &Tenant) -> String {
    let user = tenant.mixpanel.members.get(&tenant.attacker.email).map(|member| member.id);
    let made = tenant.mixpanel.service_accounts.values().filter(|account| Some(account.creator) == user);
    let mut text = String::new();
    if let Some(account) = made.last() {
        let _ = writeln!(
            text,
            "[[integration]]\nname = \"local\"\ntype = \"service-account\"\ncredential = {:?}\nconsumer = \"a job\"\n\
             store = \"file\"\npath = \"mixpanel/local\"\ncreated-by = {RESPONDER:?}",
            account.username
        );
    }
    // One secret that two jobs read from two stores.
    let stored = tenant.vault.mounts.values().flat_map(|mount| mount.secrets.values());
    let first = stored.filter_map(|secret| secret.holds()?.get("username")?.as_str()).next();
    if let Some(username) = first {
        let _ = writeln!(
            text,
            "[[integration]]\nname = \"second\"\ntype = \"service-account\"\ncredential = {username:?}\n\
             consumer = \"another job\"\nstore = \"file\"\npath = \"mixpanel/second\""
        );
    }
    text
}
