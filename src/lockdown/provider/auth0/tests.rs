//! Against the emulated identity provider.

use serde_json::json;

use super::super::{CheckState, Guard};
use super::*;
use crate::config::{Settings, Value as Setting};
use crate::drill::emulator::auth0 as emulated;
use crate::drill::emulator::draws::{CANARY, access_token};
use crate::drill::emulator::tenant::differences;
use crate::drill::emulator::{Fault, Faults, Service as _, Switches, Tenant, What, When};
use crate::lockdown::provider::world::{World, ids};

const JANE: &str = "jane@agency.example";
const ID: &str = "auth0|6182f7e6a8f5";

fn world(change: impl FnOnce(&mut emulated::State), switch: impl FnOnce(&mut Switches)) -> World {
    let mut tenant = Tenant::example(1);
    emulated::Auth0.example(&mut tenant);
    change(&mut tenant.auth0);
    let token = tenant.auth0.tokens.keys().next().unwrap().clone();
    let roles = Setting::List(vec!["Mixpanel users".to_owned()]);
    World::new(&KIND, &token, Settings::from_iter([("roles", roles)]), tenant, switch)
}

#[test]
fn every_account_of_the_address_loses_everything_and_gets_back_what_can_come_back() {
    let world = world(|_| {}, |switches| switches.auth0.page_size = 1);
    let start = world.emulator.tenant();
    let found = world.discover(&JANE.to_uppercase());
    let expected = [
        format!("auth0/user/{ID}/block"),
        format!("auth0/user/{ID}/end-sessions"),
        format!("auth0/user/{ID}/revoke-tokens"),
        format!("auth0/user/{ID}/revoke-grants"),
        format!("auth0/role/rol_1:{ID}/remove"),
        "auth0/user/google-oauth2|1138/block".to_owned(),
    ];
    assert_eq!(ids(&found), expected);
    assert!(found.notes.iter().any(|note| note.contains("a password reset takes the block away")));
    let mut done = Vec::new();
    for step in found.steps {
        let before = world.look(&step);
        assert_eq!(before.done, Some(false), "{}", step.id);
        assert!(!matches!(world.prove(&step), Proof::Proved(_)), "{}", step.id);
        world.apply(&step).unwrap_or_else(|error| panic!("{}: {error}", step.id));
        assert_eq!(world.look(&step).done, Some(true), "{}", step.id);
        assert!(matches!(world.prove(&step), Proof::Proved(_)), "{}", step.id);
        done.push((step, before.state));
    }
    assert!(world.discover(JANE).steps.is_empty());
    let state = world.emulator.tenant().auth0;
    let own = |id: &str| state.users[id].blocked && state.users[id].sessions.is_empty();
    assert!(own(ID) && own("google-oauth2|1138") && state.grants.is_empty());
    assert!(!state.users["auth0|0"].blocked);

    world.takes_back(&done);
    let left = differences(&start, &world.emulator.tenant());
    let known = ["sessions", "refresh_tokens", "grants"];
    assert!(left.iter().all(|line| known.iter().any(|part| line.contains(part))), "{left:#?}");
}

/// A connection whose identity provider keeps capital letters.
fn directory_user(email: &str) -> emulated::User {
    emulated::User { email: email.into(), connection: "acme-ad".into(), ..emulated::User::default() }
}

#[test]
fn an_account_is_found_however_its_address_is_written_there() {
    let more = |state: &mut emulated::State| {
        state.users.insert("waad|9".into(), directory_user("Jane@Agency.Example"));
        state.users.insert("waad|10".into(), directory_user("Jane@Agency.Example.org"));
    };
    for written in [JANE, "JANE@agency.example"] {
        let world = world(more, |switches| switches.auth0.page_size = 1);
        let found = world.discover(written);
        let blocks: Vec<&str> = ids(&found).into_iter().filter(|id| id.ends_with("/block")).collect();
        let expected = ["auth0|6182f7e6a8f5", "google-oauth2|1138", "waad|9"];
        assert_eq!(blocks, expected.map(|id| format!("auth0/user/{id}/block")), "{written}");
        assert_eq!(found.gaps, []);
        for step in found.steps.iter().filter(|step| step.action == "block") {
            world.apply(step).unwrap();
        }
        let state = world.emulator.tenant().auth0;
        assert!(state.users["waad|9"].blocked && !state.users["waad|10"].blocked);
    }
}

#[test]
fn an_account_that_the_search_does_not_show_yet_is_found_by_its_address() {
    let more = |state: &mut emulated::State| {
        let young = emulated::User { made_ms: 1, ..directory_user(JANE) };
        state.users.insert("waad|9".into(), young);
    };
    let world = world(more, |switches| switches.auth0.search_lag_ms = 600_000);
    assert!(ids(&world.discover(JANE)).contains(&"auth0/user/waad|9/block"));
}

#[test]
fn a_search_that_is_refused_leaves_accounts_unknown_and_the_others_are_blocked() {
    let world = world(|_| {}, |_| {});
    // The second request of all: the address as it is given comes first, and what is odd is asked for twice.
    let faults = [2, 3].map(|nth| Fault { when: When::Nth(nth), what: What::Status(400) });
    world.emulator.set_faults(Faults { faults: faults.into(), ..Faults::default() });
    let found = world.discover(JANE);
    assert!(ids(&found).contains(&format!("auth0/user/{ID}/block").as_str()), "{:?}", ids(&found));
    let guided = found.guided.iter().find(|step| step.id == "auth0/accounts-written-otherwise").unwrap();
    assert!(guided.required, "{guided:?}");
    assert_eq!(found.gaps[0].guided.as_ref(), Some(&guided.id));
}

#[test]
fn one_who_was_blocked_before_stays_so() {
    let world = world(|state| state.users.get_mut(ID).unwrap().blocked = true, |_| {});
    assert!(!ids(&world.discover(JANE)).contains(&format!("auth0/user/{ID}/block").as_str()));
}

#[test]
fn what_was_accepted_is_proved_when_it_is_gone() {
    let world = world(|_| {}, |switches| switches.auth0.delete_lag_ms = 300);
    let found = world.discover(JANE);
    let end = found.steps.iter().find(|step| step.action == "end-sessions").unwrap();
    world.apply(end).unwrap();
    assert!(matches!(world.prove(end), Proof::NotYet(_)), "it was only accepted");
    std::thread::sleep(std::time::Duration::from_millis(350));
    assert!(matches!(world.prove(end), Proof::Proved(_)));
}

#[test]
fn a_reset_that_takes_the_block_away_is_seen() {
    let world = world(|_| {}, |switches| switches.auth0.attacker_resets = true);
    let block = world.discover(JANE).steps.remove(0);
    world.apply(&block).unwrap();
    assert!(matches!(world.prove(&block), Proof::Proved(_)));
    world.emulator.edit(|tenant| {
        let user = tenant.auth0.users.get_mut(ID).unwrap();
        user.blocked = false;
        user.sessions.insert("after the reset".into(), None);
    });
    assert!(matches!(world.prove(&block), Proof::NotYet(_)));
    let found = world.discover(JANE);
    assert_eq!((found.steps[0].action.as_str(), found.steps[1].action.as_str()), ("block", "end-sessions"));
}

#[test]
fn without_lists_of_sessions_a_person_has_to_look() {
    let world = world(|_| {}, |switches| switches.auth0.has_sessions = false);
    let found = world.discover(JANE);
    assert!(found.steps.iter().any(|step| step.action == "block"));
    assert!(found.steps.iter().all(|step| step.action != "end-sessions" && step.action != "revoke-tokens"));
    // Both lists of both accounts.
    assert_eq!((found.gaps.len(), found.guided.iter().filter(|guided| guided.required).count()), (4, 4));
    assert!(found.gaps[0].what.contains("not available for your plan"), "{:?}", found.gaps);
}

fn with_scopes(scopes: &str, sub: &str) -> World {
    world(
        |state| {
            let token = access_token(&json!({ "sub": sub, "scope": scopes }), CANARY);
            let scopes = scopes.split(' ').map(str::to_owned).collect();
            state.tokens = [(token, emulated::Token { user: None, scopes })].into();
        },
        |_| {},
    )
}

#[test]
fn the_credentials_owner_is_never_locked_out() {
    let all = "read:users read:sessions read:refresh_tokens read:grants read:roles";
    let guards = with_scopes(all, ID).discover(JANE).guards;
    assert!(matches!(&guards[..], [Guard::OwnCredential { .. }]), "{guards:?}");
    assert!(with_scopes(all, "5d3c@clients").discover(JANE).guards.is_empty());
}

#[test]
fn doctor_reads_the_scopes_of_the_token() {
    let world = with_scopes("read:users update:users", "5d3c@clients");
    let checks = world.runtime.block_on(world.provider.check());
    let state = |what: &str| checks.iter().find(|check| check.what == what).unwrap().state;
    assert_eq!(state("find users"), CheckState::Works);
    assert_eq!(state("block users"), CheckState::Works);
    assert_eq!(state("end sessions"), CheckState::Missing);
    // What may not be read is a gap, and only the sessions and tokens decide.
    let found = world.discover(JANE);
    assert_eq!(found.gaps.len(), 4, "{:?}", found.gaps);
}

#[test]
fn no_failure_is_a_proof() {
    world(|_| {}, |_| {}).no_failure_is_a_proof(JANE);
}

#[test]
fn nothing_shows_a_secret() {
    world(|_| {}, |_| {}).nothing_shows_a_secret(JANE);
}

#[test]
fn tokens_are_for_the_management_api_of_the_tenants_own_domain() {
    let asks = |base: &str, all: &[(&'static str, &str)]| {
        let all = [&[("client-auth", "post")], all].concat();
        let settings = all.into_iter().map(|(name, text)| (name, Setting::Text(text.to_owned())));
        asks(&settings.collect(), &Url::parse(base).unwrap()).unwrap()
    };
    let own = asks("https://acme.eu.auth0.example/", &[]);
    assert_eq!(own.endpoint.as_str(), "https://acme.eu.auth0.example/oauth/token");
    assert_eq!(own.fields, [("audience", "https://acme.eu.auth0.example/api/v2/".to_owned())]);
    let audience = "https://acme.eu.auth0.example/api/v2/";
    let custom = asks("https://login.acme.example", &[("audience", audience)]);
    assert_eq!(custom.endpoint.as_str(), "https://login.acme.example/oauth/token");
    assert_eq!(custom.fields, [("audience", audience.to_owned())]);
}
