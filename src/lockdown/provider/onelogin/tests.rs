//! Against the emulated identity provider.

use super::*;
use crate::config::{Settings, Value as Setting};
use crate::drill::emulator::onelogin as emulated;
use crate::drill::emulator::tenant::differences;
use crate::drill::emulator::{Service as _, Switches, Tenant};
use crate::lockdown::provider::world::{World, ids};

const JANE: &str = "jane@agency.example";

fn world_with(
    change: impl FnOnce(&mut emulated::State),
    switch: impl FnOnce(&mut Switches),
    roles: &[&str],
) -> World {
    let mut tenant = Tenant::example(1);
    emulated::OneLogin.example(&mut tenant);
    change(&mut tenant.onelogin);
    let token = tenant.onelogin.tokens.keys().next().unwrap().clone();
    let app = Setting::Number(tenant.onelogin.mixpanel_app);
    let roles = Setting::List(roles.iter().map(|&role| role.to_owned()).collect());
    World::new(&KIND, &token, Settings::from_iter([("app", app), ("roles", roles)]), tenant, switch)
}

fn world(change: impl FnOnce(&mut emulated::State), switch: impl FnOnce(&mut Switches)) -> World {
    world_with(change, switch, &[])
}

#[test]
fn an_account_loses_everything_and_gets_back_what_can_come_back() {
    for by_object in [false, true] {
        let world = world(
            |_| {},
            |switches| {
                switches.onelogin.page_size = 1;
                switches.onelogin.removes_by_object = by_object;
                switches.onelogin.nested_roles = by_object;
            },
        );
        there_and_back(&world);
    }
}

fn there_and_back(world: &World) {
    let start = world.emulator.tenant();
    let found = world.discover(JANE);
    let expected = [
        // It was found by its username, with an expired password, and can come back.
        "onelogin/user/700001/suspend",
        "onelogin/user/700001/log-out",
        "onelogin/user/700000/suspend",
        "onelogin/user/700000/log-out",
        "onelogin/role/501:700000/remove",
        "onelogin/role/502:700000/remove",
    ];
    assert_eq!(ids(&found), expected);
    let mapped = found.steps.iter().find(|step| step.object.id.starts_with("502")).unwrap();
    assert!(mapped.effect.contains("Agencies by address"), "{}", mapped.effect);
    let mut done = Vec::new();
    for step in found.steps {
        let before = world.look(&step);
        assert_eq!(before.done, (!step.blind).then_some(false), "{}", step.id);
        world.apply(&step).unwrap_or_else(|error| panic!("{}: {error}", step.id));
        assert_eq!(world.look(&step).done, (!step.blind).then_some(true), "{}", step.id);
        assert!(matches!(world.prove(&step), Proof::Proved(_)), "{}", step.id);
        done.push((step, before.state));
    }
    let state = world.emulator.tenant().onelogin;
    assert!(state.users[&700_000].sessions.is_empty() && state.users[&700_000].roles == [503].into());
    assert_eq!(state.users[&700_001].status, 2);
    let others = state.users.values().filter(|user| user.roles.contains(&501)).count();
    assert_eq!(others, start.onelogin.users.len() - 2, "nobody else lost the role");
    assert_eq!(ids(&world.discover(JANE)), ["onelogin/user/700001/log-out", "onelogin/user/700000/log-out"]);

    world.takes_back(&done);
    let left = differences(&start, &world.emulator.tenant());
    assert!(left.iter().all(|line| line.contains("sessions")), "{left:#?}");
}

#[test]
fn the_end_of_sessions_is_proved_only_while_none_can_begin() {
    let world = world(|_| {}, |_| {});
    let found = world.discover(JANE);
    let out = found.steps.iter().find(|step| step.action == "log-out").unwrap();
    world.apply(out).unwrap();
    assert!(matches!(world.prove(out), Proof::NotYet(why) if why.contains("a new session")));
}

#[test]
fn a_star_in_a_name_means_nobody_else() {
    let world = world(|_| {}, |_| {});
    assert!(world.discover("*@agency.example").steps.is_empty());
    assert!(!world.discover(&JANE.to_uppercase()).steps.is_empty());
}

#[test]
fn roles_of_the_configuration_are_taken_away_too() {
    let world = world_with(|_| {}, |_| {}, &["Canteen"]);
    let found = world.discover(JANE);
    assert!(ids(&found).contains(&"onelogin/role/503:700000/remove"), "{:?}", ids(&found));
}

#[test]
fn what_may_not_be_done_is_refused_and_said() {
    let world = world(
        |state| state.tokens.values_mut().for_each(|scope| *scope = emulated::Scope::ReadUsers),
        |_| {},
    );
    let found = world.discover(JANE);
    assert_eq!(world.apply(&found.steps[0]).unwrap_err().status(), Some(403));
    let role = found.steps.iter().find(|step| step.action == "remove").unwrap();
    assert!(role.effect.contains("Mappings cannot be read"), "{}", role.effect);
    let checks = world.runtime.block_on(world.provider.check());
    let state = |what: &str| checks.iter().find(|check| check.what == what).unwrap().state;
    assert_eq!(state("find users"), CheckState::Works);
    assert_eq!(state("list mappings"), CheckState::Missing);
    assert_eq!(state("change users"), CheckState::Unknown);
}

#[test]
fn no_failure_is_a_proof() {
    world(|_| {}, |_| {}).no_failure_is_a_proof(JANE);
}

#[test]
fn nothing_shows_a_secret() {
    world(|_| {}, |_| {}).nothing_shows_a_secret(JANE);
}
