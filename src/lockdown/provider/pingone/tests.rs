//! Against the emulated environment.

use serde_json::json;

use super::super::Guard;
use super::*;
use crate::config::{Settings, Value as Setting};
use crate::drill::emulator::draws::{CANARY, access_token};
use crate::drill::emulator::pingone as emulated;
use crate::drill::emulator::tenant::differences;
use crate::drill::emulator::{Service as _, Switches, Tenant};
use crate::lockdown::provider::world::{World, ids};

const JANE: &str = "jane@agency.example";

fn world_with(
    change: impl FnOnce(&mut emulated::State),
    switch: impl FnOnce(&mut Switches),
    groups: &[&str],
) -> World {
    let mut tenant = Tenant::example(1);
    emulated::PingOne.example(&mut tenant);
    change(&mut tenant.pingone);
    let state = &tenant.pingone;
    let token = state.tokens.keys().next().unwrap().clone();
    let groups = Setting::List(groups.iter().map(|&group| group.to_owned()).collect());
    let settings = [
        ("environment", Setting::Text(state.environment.clone())),
        ("app", Setting::Text(state.mixpanel_app.clone())),
        ("groups", groups),
    ];
    World::new(&KIND, &token, Settings::from_iter(settings), tenant, switch)
}

fn world(change: impl FnOnce(&mut emulated::State), switch: impl FnOnce(&mut Switches)) -> World {
    world_with(change, switch, &[])
}

#[test]
fn an_account_loses_everything_and_gets_back_what_can_come_back() {
    for odd in [false, true] {
        let world = world(
            |_| {},
            |switches| {
                switches.pingone.page_size = 1;
                switches.pingone.odd_session_key = odd;
            },
        );
        there_and_back(&world);
    }
}

fn there_and_back(world: &World) {
    let start = world.emulator.tenant();
    let found = world.discover(JANE);
    let environment = &start.pingone.environment;
    let expected = [
        "pingone/user/user-jane/disable".to_owned(),
        "pingone/session/laptop/end".to_owned(),
        "pingone/session/unknown/end".to_owned(),
        format!("pingone/role/identity-data-read-only:ENVIRONMENT:{environment}:user-jane/remove"),
        "pingone/membership/group-mixpanel:user-jane/leave".to_owned(),
    ];
    assert_eq!(ids(&found), expected);
    assert!(found.guided[0].id.ends_with("leave-group-filter") && found.guided[0].how.contains("email ew"));
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

    world.takes_back(&done);
    let left = differences(&start, &world.emulator.tenant());
    assert!(left.iter().all(|line| line.contains("sessions")), "{left:#?}");
}

#[test]
fn a_session_that_began_since_comes_up() {
    let world = world(|_| {}, |_| {});
    for step in world.discover(JANE).steps {
        world.apply(&step).unwrap();
    }
    world.emulator.edit(|tenant| {
        tenant.pingone.users.get_mut("user-jane").unwrap().sessions.insert("late".to_owned());
    });
    assert_eq!(ids(&world.discover(JANE)), ["pingone/session/late/end"]);
}

#[test]
fn groups_of_the_configuration_are_left_too_where_they_can_be() {
    let more = |state: &mut emulated::State| {
        let group = |name: &str, external| emulated::Group {
            name: name.into(),
            external,
            members: ["user-jane".to_owned()].into(),
            ..Default::default()
        };
        state.groups.insert("g1".into(), group("Canteen", false));
        state.groups.insert("g2".into(), group("From LDAP", true));
    };
    let world = world_with(more, |_| {}, &["Canteen", "From LDAP"]);
    let found = world.discover(JANE);
    assert!(ids(&found).contains(&"pingone/membership/g1:user-jane/leave"), "{:?}", ids(&found));
    assert!(found.guided.iter().any(|guided| guided.id.ends_with("leave-g2")));
}

#[test]
fn the_credentials_owner_is_never_locked_out() {
    let world = world(
        |state| {
            let token = access_token(&json!({ "sub": "user-jane" }), CANARY);
            let user = Some("user-jane".to_owned());
            state.tokens = [(token, emulated::Token { user, changes: true })].into();
        },
        |_| {},
    );
    let guards = world.discover(JANE).guards;
    assert_eq!(guards, [Guard::OwnCredential { system: "pingone".to_owned(), owner: JANE.to_owned() }]);
}

#[test]
fn what_may_not_be_done_is_refused_and_said() {
    let world = world(|state| state.tokens.values_mut().for_each(|token| token.changes = false), |_| {});
    let found = world.discover(JANE);
    assert_eq!(world.apply(&found.steps[0]).unwrap_err().status(), Some(403));
    let checks = world.runtime.block_on(world.provider.check());
    let state = |what: &str| checks.iter().find(|check| check.what == what).unwrap().state;
    assert_eq!(state("find users"), CheckState::Works);
    assert_eq!(state("change users"), CheckState::Unknown);
    // A quote in an address is no way out of the filter.
    assert!(world.discover("x\" or email pr or email eq \"").steps.is_empty());
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
fn each_region_has_an_address_for_tokens_of_its_own() {
    for region in ["com", "eu", "asia", "com.au"] {
        let base = Url::parse(&format!("https://api.pingone.{region}/v1")).unwrap();
        let expected = format!("https://auth.pingone.{region}/");
        assert_eq!(beside(&base).unwrap().as_str(), expected);
    }
    for odd in ["https://api.example/v1", "https://api.pingone.eu:444/v1", "http://127.0.0.1/v1"] {
        assert!(beside(&Url::parse(odd).unwrap()).is_none(), "{odd}");
    }
}
