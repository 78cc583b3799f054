//! Against the emulated organization.

use serde_json::json;

use super::super::Guard;
use super::*;
use crate::config::{Settings, Value as Setting};
use crate::drill::emulator::draws::CANARY;
use crate::drill::emulator::google as emulated;
use crate::drill::emulator::tenant::differences;
use crate::drill::emulator::{Service as _, Switches, Tenant};
use crate::lockdown::operation::Ask;
use crate::lockdown::provider::world::{World, ids};

const JANE: &str = "jane@agency.example";
const ID: &str = "1037";
const ADMIN: &str = "workspace-admin@acme.example";

fn world_of(
    change: impl FnOnce(&mut emulated::State),
    switch: impl FnOnce(&mut Switches),
    admin: &str,
    groups: &[&str],
) -> World {
    let mut tenant = Tenant::example(1);
    emulated::Google.example(&mut tenant);
    change(&mut tenant.google);
    let token = tenant.google.credentials.keys().next().unwrap().clone();
    let groups = Setting::List(groups.iter().map(|&group| group.to_owned()).collect());
    let settings = [("admin", Setting::Text(admin.to_owned())), ("groups", groups)];
    World::new(&KIND, &token, Settings::from_iter(settings), tenant, switch)
}

fn world(change: impl FnOnce(&mut emulated::State), switch: impl FnOnce(&mut Switches)) -> World {
    world_of(change, switch, ADMIN, &["Mixpanel@acme.example"])
}

fn jane(state: &mut emulated::State) -> &mut emulated::User {
    state.users.get_mut(ID).unwrap()
}

fn step<'a>(found: &'a Discovery, id: &str) -> &'a Step {
    found
        .steps
        .iter()
        .find(|step| step.id.0.ends_with(id))
        .unwrap_or_else(|| panic!("{id}: {:?}", ids(found)))
}

fn guided(found: &Discovery) -> Vec<(&str, bool)> {
    let all = found.guided.iter();
    all.map(|guided| (guided.id.strip_prefix("google/user/").unwrap(), guided.required)).collect()
}

#[test]
fn an_account_loses_everything_and_gets_back_what_can_come_back() {
    let world = world(|_| {}, |switches| switches.google.page_size = 1);
    let start = world.emulator.tenant();
    let found = world.discover(JANE);
    let expected = [
        "google/user/1037/invalidate-codes",
        "google/user/1037/turn-off-two-step",
        "google/user/1037/suspend",
        "google/user/1037/sign-out",
        "google/token/77.apps.example:1037/delete",
        "google/app-password/4:1037/delete",
        "google/role/super-administrator:1037/remove",
        "google/role/21:unit-agencies:1037/remove",
        "google/membership/group-mixpanel:1037/leave",
    ];
    assert_eq!(ids(&found), expected);
    assert_eq!(guided(&found), [("1037/after-the-hour", true), ("1037/before-it-comes-back", false)]);
    assert!(found.notes.iter().any(|note| note.contains("_GROUPS_READER_ROLE through a group")));
    let mut done = Vec::new();
    for step in found.steps {
        let before = world.look(&step);
        assert_eq!(before.done, (!step.blind).then_some(false), "{}", step.id);
        assert!(step.blind || matches!(world.prove(&step), Proof::NotYet(_)), "{}", step.id);
        world.apply(&step).unwrap_or_else(|error| panic!("{}: {error}", step.id));
        done.push((step, before.state));
    }
    // After the suspension too, which hides nothing of it.
    for (step, _) in &done {
        assert_eq!(world.look(step).done, (!step.blind).then_some(true), "{}", step.id);
        assert!(matches!(world.prove(step), Proof::Proved(_)), "{}", step.id);
    }
    let state = world.emulator.tenant().google;
    let user = &state.users[ID];
    assert!(user.suspended && !user.admin && !user.enrolled && user.codes.is_empty());
    assert!(user.tokens.is_empty() && user.passwords.is_empty() && user.sessions.is_empty());
    assert_eq!(
        state.groups["group-mixpanel"].members.len() + 1,
        start.google.groups["group-mixpanel"].members.len()
    );
    assert_eq!(state.assignments.values().map(|one| one.to.as_str()).collect::<Vec<_>>(), ["group-mixpanel"]);
    assert_eq!(ids(&world.discover(JANE)), ["google/user/1037/sign-out"]);

    world.takes_back(&done);
    let gone = ["codes", "enrolled", "sessions", "tokens", "passwords"];
    let left = differences(&start, &world.emulator.tenant());
    let of_jane = |line: &String, what: &&str| line.starts_with(&format!("google.users.1037.{what}"));
    assert!(left.iter().all(|line| gone.iter().any(|what| of_jane(line, what))), "{left:#?}");
}

#[test]
fn second_factors_go_before_the_suspension_and_are_not_needed_for_it() {
    let world = world(|_| {}, |_| {});
    let found = world.discover(JANE);
    let suspend = step(&found, "/suspend");
    for factor in ["/invalidate-codes", "/turn-off-two-step"] {
        let factor = step(&found, factor);
        assert!(factor.comes_before(suspend) && factor.optional, "{}", factor.id);
        assert!(!suspend.needs.contains(&factor.id), "it is tried whatever became of {}", factor.id);
    }
    world.apply(suspend).unwrap();
    assert_eq!(world.apply(step(&found, "/invalidate-codes")).unwrap_err().status(), Some(400));
    assert!(matches!(world.prove(step(&found, "/invalidate-codes")), Proof::NotYet(_)));
    let now = world.discover(JANE);
    assert!(!ids(&now).iter().any(|id| id.contains("two-step") || id.contains("codes")), "{:?}", ids(&now));
}

#[test]
fn enforced_factors_are_left_and_said() {
    let world = world(|state| jane(state).enforced = true, |_| {});
    let found = world.discover(JANE);
    assert!(!ids(&found).contains(&"google/user/1037/turn-off-two-step"), "{:?}", ids(&found));
    assert!(found.notes.iter().any(|note| note.contains("has to have second factors")), "{:?}", found.notes);
}

#[test]
fn what_reads_do_not_show_yet_is_not_proved() {
    let world = world(|_| {}, |switches| switches.google.read_lag_ms = 600_000);
    let found = world.discover(JANE);
    let (suspend, out) = (step(&found, "/suspend"), step(&found, "/sign-out"));
    let token = step(&found, "/77.apps.example:1037/delete");
    for step in [suspend, out, token] {
        world.apply(step).unwrap();
        assert!(matches!(world.prove(step), Proof::NotYet(_)), "{}", step.id);
    }
    world.emulator.set_switches(Switches::default());
    for step in [suspend, out, token] {
        assert!(matches!(world.prove(step), Proof::Proved(_)), "{}", step.id);
    }
    assert!(matches!(world.prove(out), Proof::Proved(how) if how.contains("up to an hour more")));
    world.emulator.edit(|tenant| jane(&mut tenant.google).suspended = false);
    assert!(matches!(world.prove(out), Proof::NotYet(why) if why.contains("a new session")));
}

#[test]
fn cookies_that_last_are_left_to_a_person_for_an_hour() {
    let world = world(|_| {}, |switches| switches.google.cookie_lag_ms = 3_600_000);
    let found = world.discover(JANE);
    for end in ["/suspend", "/sign-out"] {
        world.apply(step(&found, end)).unwrap();
    }
    let state = world.emulator.tenant().google;
    assert!(state.users[ID].sessions.values().all(Option::is_some), "they end later");
    assert!(guided(&found).contains(&("1037/after-the-hour", true)));
    let target = Target { ask: Ask::Leave, ..Target::new(JANE, "i1") };
    let leaving = world.runtime.block_on(world.provider.discover(&target)).unwrap();
    assert!(guided(&leaving).contains(&("1037/after-the-hour", false)));
}

#[test]
fn who_is_suspended_may_refuse_what_comes_after() {
    let world = world(
        |_| {},
        |switches| {
            switches.google.suspending_resets = true;
            switches.google.no_sign_out_of_suspended = true;
            switches.google.no_suspended_admins = true;
        },
    );
    let found = world.discover(JANE);
    let demote = step(&found, "/super-administrator:1037/remove");
    let before = world.look(demote).state;
    world.apply(step(&found, "/suspend")).unwrap();
    assert_eq!(world.apply(step(&found, "/sign-out")).unwrap_err().status(), Some(400));
    let token = step(&found, "/77.apps.example:1037/delete");
    assert_eq!(world.look(token).done, Some(true), "it went with the suspension");
    world.apply(token).unwrap();
    world.apply(demote).unwrap();
    assert_eq!(world.undo(demote, &before).unwrap_err().status(), Some(400));
    world.emulator.edit(|tenant| jane(&mut tenant.google).suspended = false);
    world.undo(demote, &before).unwrap();
    assert!(world.emulator.tenant().google.users[ID].admin);
}

#[test]
fn everybody_who_signs_in_by_the_address_is_meant_and_nobody_else() {
    let more = |state: &mut emulated::State| {
        let user = |email: &str| emulated::User { email: email.into(), ..Default::default() };
        jane(state).email = "jd@agency.example".into();
        jane(state).aliases = vec!["Jane@Agency.example".into()];
        let partner = emulated::User { contacts: vec![JANE.into()], ..user("partner@acme.example") };
        state.users.insert("3000".into(), partner);
    };
    let world = world(more, |_| {});
    let found = world.discover(JANE);
    assert!(ids(&found).contains(&"google/user/1037/suspend"), "{:?}", ids(&found));
    assert!(ids(&found).iter().all(|id| !id.contains("3000")), "{:?}", ids(&found));
    assert!(found.notes.iter().any(|note| note.contains("contact address of partner@acme.example")));
    // A quote in an address is no way out of the search.
    for hostile in ["x' isAdmin=true email='y", r"x\' isAdmin=true", "x/../1037", "../1037", "isAdmin=true"] {
        assert!(world.discover(hostile).steps.is_empty(), "{hostile}");
    }
}

#[test]
fn a_search_that_lags_behind_hides_nobody() {
    let world = world(|_| {}, |switches| switches.google.search_lag_ms = 129_600_000);
    let found = world.discover(JANE);
    assert!(ids(&found).contains(&"google/user/1037/suspend"), "{:?}", ids(&found));
    assert!(found.guards.is_empty(), "the credential's administrator is one too: {:?}", found.guards);
}

#[test]
fn an_address_that_may_not_be_asked_for_is_not_taken_for_nobody() {
    let world = world(|_| {}, |switches| switches.google.foreign_is_forbidden = true);
    let found = world.discover("jane@elsewhere.example");
    assert_eq!(guided(&found), [("jane@elsewhere.example/account", true)]);
    assert_eq!(found.gaps.len(), 1, "{:?}", found.gaps);
    assert!(world.discover("nobody@acme.example").gaps.is_empty());
}

#[test]
fn neither_the_credentials_owner_nor_the_last_super_administrator_is_locked_out() {
    let own = world_of(|_| {}, |_| {}, "Jane@agency.example", &[]).discover(JANE).guards;
    let owner = "Jane@agency.example".to_owned();
    assert_eq!(own, [Guard::OwnCredential { system: "google".to_owned(), owner }]);
    let alone = |state: &mut emulated::State| state.users.get_mut("1000").unwrap().admin = false;
    let last = world(alone, |_| {}).discover(JANE).guards;
    assert_eq!(last, [Guard::LastOwner { system: "google".to_owned(), account: JANE.to_owned() }]);
    let suspended = |state: &mut emulated::State| state.users.get_mut("1000").unwrap().suspended = true;
    assert_eq!(world(suspended, |_| {}).discover(JANE).guards, last, "a suspended one helps nobody");
    assert!(world(|_| {}, |_| {}).discover(JANE).guards.is_empty());
}

#[test]
fn a_group_that_a_rule_fills_is_not_said_to_be_left() {
    let filled = |state: &mut emulated::State| state.groups.get_mut("group-mixpanel").unwrap().dynamic = true;
    let world = world(filled, |_| {});
    let found = world.discover(JANE);
    let leave = step(&found, "/leave");
    assert_eq!(world.apply(leave).unwrap_err().status(), Some(400));
    assert!(matches!(world.prove(leave), Proof::NotYet(_)));
    let without = world_of(|_| {}, |_| {}, ADMIN, &[]).discover(JANE);
    assert!(!ids(&without).iter().any(|id| id.ends_with("/leave")), "{:?}", ids(&without));
    assert!(without.notes.iter().any(|note| note.contains("names no `groups`")));
}

/// The responders' token has these scopes alone.
fn with_scopes(scopes: &[&str]) -> World {
    world(
        |state| {
            let scopes = scopes.iter().map(|&one| one.to_owned()).collect();
            let one = emulated::Credential { scopes, is_super: true };
            state.credentials = [(format!("ya29.{CANARY}"), one)].into();
        },
        |_| {},
    )
}

#[test]
fn what_may_not_be_read_is_left_to_a_person() {
    let world = with_scopes(&["user"]);
    let found = world.discover(JANE);
    let left: Vec<(&str, bool)> = vec![
        ("1037/backup-codes", false),
        ("1037/tokens-of-applications", true),
        ("1037/app-passwords", true),
        ("1037/administrator-roles", false),
        ("1037/groups", false),
        ("1037/after-the-hour", true),
        ("1037/before-it-comes-back", false),
    ];
    assert_eq!(guided(&found), left);
    assert_eq!(found.gaps.len(), 2, "{:?}", found.gaps);
    assert!(ids(&found).contains(&"google/role/super-administrator:1037/remove"), "the user itself shows it");
}

#[test]
fn doctor_tells_scopes_by_what_can_be_read() {
    let states = |scopes: &[&str]| {
        let world = with_scopes(scopes);
        let checks = world.runtime.block_on(world.provider.check());
        checks.into_iter().map(|check| check.state).collect::<Vec<_>>()
    };
    let (works, missing, unknown) = (CheckState::Works, CheckState::Missing, CheckState::Unknown);
    assert_eq!(states(&["user", "user.security"]), [works, works, missing, missing, unknown]);
    assert_eq!(states(&["group.readonly", "rolemanagement"]), [missing, missing, works, works, unknown]);
    let bare = world_of(|_| {}, |_| {}, ADMIN, &[]);
    let checks = bare.runtime.block_on(bare.provider.check());
    assert!(checks.iter().any(|check| check.what == "leave groups" && check.state == missing), "{checks:?}");
}

#[test]
fn an_answer_that_is_something_else_is_not_an_empty_list() {
    let rows = |page: Value| api::page_of::<wire::SentToken>(page, wire::TOKENS, "GET tokens");
    let kind = "admin#directory#tokenList";
    let (none, next) = rows(json!({ "kind": kind })).unwrap();
    assert_eq!((none.len(), next), (0, None));
    let (some, next) =
        rows(json!({ "kind": kind, "items": [{}, { "clientId": 7 }], "nextPageToken": "t" })).unwrap();
    assert_eq!((some.len(), next.as_deref()), (2, Some("t")));
    assert!(some.iter().all(|token| token.client_id.is_none()), "which discovery then refuses");
    for hostile in [
        json!(null),
        json!([]),
        json!("x"),
        json!({}),
        json!({ "items": [] }),
        json!({ "kind": "admin#directory#aspList" }),
        json!({ "kind": [kind] }),
        json!({ "kind": kind, "items": null }),
        json!({ "kind": kind, "items": { "clientId": "x" } }),
        json!({ "kind": kind, "items": ["x"] }),
        json!({ "kind": kind, "nextPageToken": 7 }),
    ] {
        assert!(matches!(rows(hostile.clone()), Err(CallError::Lost { .. })), "{hostile}");
    }
}

#[test]
fn numbers_are_read_however_they_are_written() {
    assert_eq!(wire::number(Some(json!("5"))).as_deref(), Some("5"));
    assert_eq!(wire::number(Some(json!(5))).as_deref(), Some("5"));
    for none in [None, Some(json!(null)), Some(json!("")), Some(json!([5])), Some(json!(true))] {
        assert_eq!(wire::number(none), None);
    }
}

#[test]
fn no_failure_is_a_proof() {
    world(|_| {}, |_| {}).no_failure_is_a_proof(JANE);
}

#[test]
fn nothing_shows_a_secret() {
    world(|_| {}, |_| {}).nothing_shows_a_secret(JANE);
}
