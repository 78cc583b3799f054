use std::collections::BTreeSet;

use super::*;
use crate::drill::emulator::draws::CANARY;
use crate::drill::emulator::tenant::differences;
use crate::synth::people::RESPONDER;

fn json(tenant: &Tenant) -> String {
    serde_json::to_string(tenant).unwrap()
}

#[test]
fn the_same_seed_and_size_give_the_same_tenant() {
    let (one, same, other) = (
        Tenant::generate(7, &Size::small()).0,
        Tenant::generate(7, &Size::small()).0,
        Tenant::generate(8, &Size::small()).0,
    );
    assert_eq!(json(&one), json(&same));
    assert!(!differences(&one, &other).is_empty());
}

#[test]
fn every_reference_holds_for_200_seeds() {
    let (mut statuses, mut managed, mut orphans) = (BTreeSet::new(), BTreeSet::new(), 0);
    for seed in 0..200 {
        let (tenant, setup) = Tenant::generate(seed, &Size::small());
        vendor_holds(&tenant, seed);
        identity_holds(&tenant, seed);
        setup_holds(&tenant, &setup, seed);
        let victim = tenant.okta.find(VICTIM);
        statuses.insert(victim.map(|(_, user)| user.status.name()));
        managed.insert(tenant.scim.claims(VICTIM));
        orphans += usize::from(tenant.attacker.service_accounts.is_empty());
    }
    assert!(statuses.len() >= 7, "{statuses:?}");
    assert_eq!(managed.len(), 2);
    assert!(orphans < 100);
}

fn vendor_holds(tenant: &Tenant, seed: u64) {
    let state = &tenant.mixpanel;
    assert!((1..=8).contains(&state.projects.len()), "{seed}");
    let others = state.members.iter().filter(|(email, member)| *email != VICTIM && member.role == "owner");
    assert_eq!(others.count(), 2, "{seed}: two owners stay whatever happens to the account");
    let ids: BTreeSet<u64> = state.members.values().map(|member| member.id).collect();
    assert_eq!(ids.len(), state.members.len());
    let granted = state
        .members
        .values()
        .flat_map(|member| member.projects.keys())
        .chain(state.service_accounts.values().flat_map(|account| account.projects.keys()))
        .chain(state.teams.values().flat_map(|team| team.projects.keys()));
    assert!(granted.into_iter().all(|id| state.projects.contains_key(id)), "{seed}");
    assert!(state.service_accounts.values().all(|account| ids.contains(&account.creator)), "{seed}");
    for team in state.teams.values() {
        assert!(team.members.iter().all(|email| state.members.contains_key(email)), "{seed}");
        assert!(team.service_accounts.iter().all(|id| state.service_accounts.contains_key(id)), "{seed}");
    }
    assert!(state.service_accounts.keys().all(|id| *id < state.next_id));
    assert!(state.deletions.values().all(|deletion| state.projects.contains_key(&deletion.project)));
}

fn identity_holds(tenant: &Tenant, seed: u64) {
    let okta = &tenant.okta;
    for group in okta.groups.values() {
        assert!(group.members.keys().all(|id| okta.users.contains_key(id)), "{seed}");
        assert!(group.members.values().flatten().all(|rule| okta.rules.contains_key(rule)), "{seed}");
    }
    for rule in okta.rules.values() {
        let filled =
            |user: &String| rule.groups.iter().all(|group| okta.groups[group].members.contains_key(user));
        assert!(rule.fits.iter().all(filled), "{seed}: an active rule has done its work");
    }
    assert!(okta.tokens.values().all(|token| okta.users.contains_key(&token.user)), "{seed}");
    for app in okta.apps.values() {
        assert!(app.groups.iter().all(|id| okta.groups.contains_key(id)), "{seed}");
        assert!(app.users.keys().all(|id| okta.users.contains_key(id)), "{seed}");
    }
    let (id, app) = okta.mixpanel_app().unwrap();
    for user in tenant.scim.users.values() {
        let member = &tenant.mixpanel.members[&user.user_name];
        assert_eq!(member.active, user.active, "{seed}");
        let assigned =
            okta.find(&user.user_name).is_some_and(|(user, _)| okta.assignment(id, user).is_some());
        assert!(!app.provisions || assigned == user.active, "{seed}");
        assert!(tenant.scim.claims(&user.user_name));
    }
    for group in tenant.scim.groups.values() {
        assert!(group.members.iter().all(|id| tenant.scim.users.contains_key(id)), "{seed}");
        assert!(tenant.mixpanel.teams.values().any(|team| team.name == group.display_name), "{seed}");
    }
}

fn setup_holds(tenant: &Tenant, setup: &Setup, seed: u64) {
    let account = &tenant.mixpanel.service_accounts[&setup.service_account_id];
    assert_eq!(setup.service_account, (account.username.clone(), account.secret.clone()));
    assert!(tenant.mixpanel.account_access(setup.service_account_id).unwrap().manages_organization());
    let token = &tenant.okta.tokens[&setup.okta_token_id];
    let owner = &tenant.okta.users[&token.user];
    assert!(token.secret == setup.okta_token && owner.login != VICTIM && owner.login != RESPONDER);
    assert!(owner.roles.values().any(|role| role.kind == "SUPER_ADMIN"));
    assert!(tenant.okta.apps.contains_key(&setup.okta_app));
    assert_eq!(setup.scim_token, tenant.scim.token);
    assert!(!tenant.vault.tokens[&setup.vault_token].root);
    let entries = &tenant.vault.mounts[&setup.vault_mount].secrets;
    for row in &setup.uses {
        let account =
            tenant.mixpanel.service_accounts.values().find(|account| account.username == row.credential);
        let account = account.unwrap();
        if let Some(path) = &row.path {
            let held = entries[path].holds().unwrap();
            assert_eq!(held["username"], account.username.as_str(), "{seed}");
            assert_eq!(held["secret"], account.secret.as_str(), "{seed}");
            assert!(held.len() > 2, "{seed}: there are keys of others beside");
        }
    }
    let file: toml::Table = toml::from_str(&setup.inventory("vault")).unwrap();
    let rows = file.get("integration").and_then(toml::Value::as_array).map_or(0, Vec::len);
    assert_eq!(rows, setup.uses.len(), "{seed}");
    for secret in secrets(tenant) {
        assert!(secret.contains(CANARY), "{seed}: a secret without the marker");
        assert!(!setup.inventory("vault").contains(&secret));
    }
}

fn secrets(tenant: &Tenant) -> Vec<String> {
    let vendor = &tenant.mixpanel;
    let projects = vendor.projects.values().map(|project| project.api_secret.clone());
    projects
        .chain(vendor.service_accounts.values().map(|account| account.secret.clone()))
        .chain(vendor.sessions.keys().cloned())
        .chain(vendor.oauth_tokens.keys().cloned())
        .chain(tenant.okta.tokens.values().map(|token| token.secret.clone()))
        .chain([tenant.scim.token.clone()])
        .chain(tenant.vault.tokens.keys().cloned())
        .collect()
}

#[test]
fn a_large_tenant_is_large() {
    let (tenant, setup) = Tenant::generate(1, &Size::large());
    assert_eq!(tenant.mixpanel.projects.len(), 200);
    assert_eq!(tenant.mixpanel.service_accounts.len(), 501);
    assert!(setup.uses.len() > 300);
}
