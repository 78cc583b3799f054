//! Against the emulated identity provider.

use super::super::Guard;
use super::*;
use crate::config::{Settings, Value as Setting};
use crate::drill::emulator::okta as emulated;
use crate::drill::emulator::tenant::differences;
use crate::drill::emulator::{Switches, Tenant};
use crate::lockdown::provider::world::{World, ids};
use crate::lockdown::step::{Phase, Undo};
use emulated::Status;

const TOKEN: &str = "canary-okta";
const JANE: &str = "jane@agency.example";

fn user(login: &str) -> emulated::User {
    emulated::User { login: login.to_owned(), status: Status::Active, ..emulated::User::default() }
}

fn role(kind: &str) -> emulated::Role {
    emulated::Role { kind: kind.to_owned(), ..emulated::Role::default() }
}

fn group(name: &str, kind: &str, members: &[(&str, Option<&str>)]) -> emulated::Group {
    let members = members.iter().map(|(id, rule)| ((*id).to_owned(), rule.map(str::to_owned))).collect();
    emulated::Group { name: name.to_owned(), kind: kind.to_owned(), members }
}

/// Jane has everything: sessions, a grant, a token, roles, a group, and the application on her own account.
fn tenant() -> Tenant {
    let mut tenant = Tenant::example(1);
    let okta = &mut tenant.okta;
    *okta = emulated::State::default();
    let mut jane = user(JANE);
    jane.sessions.insert("s1".to_owned());
    jane.devices.insert("d1".to_owned());
    jane.oauth_tokens.insert("oar1".to_owned(), "0oaclient".to_owned());
    jane.grants.insert(
        "oag1".to_owned(),
        emulated::Grant { client: "0oaclient".into(), scope: "okta.users.read".into() },
    );
    jane.roles.insert("ra1x".to_owned(), role("READ_ONLY_ADMIN"));
    let mut admin = user("soc@acme.example");
    admin.roles.insert("ra1y".to_owned(), role("SUPER_ADMIN"));
    okta.users = [("00ujane", jane), ("00uadmin", admin)].map(|(id, user)| (id.to_owned(), user)).into();
    let token = |secret: &str, name: &str, user: &str| emulated::ApiToken {
        secret: secret.to_owned(),
        name: name.to_owned(),
        user: user.to_owned(),
        ..emulated::ApiToken::default()
    };
    okta.tokens.insert("00Tours".to_owned(), token(TOKEN, "portcullis", "00uadmin"));
    okta.tokens.insert("00Tjane".to_owned(), token("janes", "export job", "00ujane"));
    okta.groups
        .insert("00gall".to_owned(), group("Everyone", "BUILT_IN", &[("00ujane", None), ("00uadmin", None)]));
    okta.groups.insert(
        "00gmix".to_owned(),
        group("Analytics", "OKTA_GROUP", &[("00ujane", None), ("00uadmin", None)]),
    );
    okta.groups.insert("00gcafe".to_owned(), group("Canteen", "OKTA_GROUP", &[("00ujane", None)]));
    let assignment = emulated::Assignment { user_name: JANE.to_owned(), ..emulated::Assignment::default() };
    let app = emulated::App {
        name: "mixpanel".to_owned(),
        label: "Mixpanel".to_owned(),
        users: [("00ujane".to_owned(), assignment)].into(),
        groups: ["00gmix".to_owned()].into(),
        provisions: false,
    };
    okta.apps.insert("0oamix".to_owned(), app);
    tenant
}

fn world(change: impl FnOnce(&mut emulated::State), switch: impl FnOnce(&mut Switches)) -> World {
    world_with(change, switch, TOKEN, &[])
}

fn world_with(
    change: impl FnOnce(&mut emulated::State),
    switch: impl FnOnce(&mut Switches),
    token: &str,
    groups: &[&str],
) -> World {
    let mut tenant = tenant();
    change(&mut tenant.okta);
    let groups = Setting::List(groups.iter().map(|&group| group.to_owned()).collect());
    let settings = Settings::from_iter([("app", Setting::Text("0oamix".to_owned())), ("groups", groups)]);
    World::new(&KIND, token, settings, tenant, switch)
}

impl World {
    fn jane(&self) -> emulated::User {
        self.emulator.tenant().okta.users["00ujane"].clone()
    }
}

/// Applies every step in order of phases; gives what was there before each.
fn carry_out(world: &World, found: &Discovery) -> Vec<(Step, Value)> {
    let mut steps = found.steps.clone();
    steps.sort_by_key(|step| step.phase);
    let mut done = Vec::new();
    for step in steps {
        let before = world.look(&step);
        assert_eq!(before.done, (!step.blind).then_some(false), "{}", step.id);
        assert!(!matches!(world.prove(&step), Proof::Proved(_)) || step.blind, "{}", step.id);
        world.apply(&step).unwrap_or_else(|error| panic!("{}: {error}", step.id));
        assert_eq!(world.look(&step).done, (!step.blind).then_some(true), "{}", step.id);
        assert!(matches!(world.prove(&step), Proof::Proved(_)), "{}", step.id);
        done.push((step, before.state));
    }
    done
}

#[test]
fn an_account_loses_everything_and_gets_back_what_can_come_back() {
    let world = world(|_| {}, |switches| switches.okta.page_size = 1);
    let start = world.emulator.tenant();
    let found = world.discover(JANE);
    let expected = [
        "okta/user/00ujane/suspend",
        "okta/user/00ujane/end-sessions",
        "okta/user/00ujane/revoke-grants",
        "okta/api-token/00Tjane/delete",
        "okta/role/READ_ONLY_ADMIN:00ujane/remove",
        "okta/membership/00gmix:00ujane/leave",
        "okta/assignment/0oamix:00ujane/unassign",
    ];
    assert_eq!(ids(&found), expected);
    assert!(found.guards.is_empty() && found.guided.is_empty(), "{:?} {:?}", found.guards, found.guided);
    let done = carry_out(&world, &found);
    let jane = world.jane();
    assert_eq!(jane.status, Status::Suspended);
    assert!(jane.sessions.is_empty() && jane.devices.is_empty() && jane.oauth_tokens.is_empty());
    assert_eq!(ids(&world.discover(JANE)), ["okta/user/00ujane/end-sessions"], "only what nothing can show");

    world.takes_back(&done);
    let left: Vec<String> = differences(&start, &world.emulator.tenant());
    let known = ["users.00ujane.profile", "sessions", "devices", "grants", "oauth_tokens", "roles", "tokens"];
    assert!(left.iter().all(|line| known.iter().any(|part| line.contains(part))), "{left:#?}");
}

#[test]
fn an_account_that_is_not_active_is_left_to_a_person() {
    let cases = [
        (Status::LockedOut, "unlock it"),
        (Status::PasswordExpired, "random password"),
        (Status::Recovery, "recovery"),
        (Status::Staged, "activation"),
        (Status::Provisioned, "activation"),
    ];
    for (status, how) in cases {
        let world = world(|okta| okta.users.get_mut("00ujane").unwrap().status = status, |_| {});
        let found = world.discover(JANE);
        assert!(found.steps.iter().all(|step| step.action != "suspend"), "{status:?}");
        let guided = &found.guided[0];
        assert!(guided.required && guided.title.contains(status.name()), "{guided:?}");
        assert!(guided.how.contains(how), "{guided:?}");
        // No attestation closes it: Okta's own word does.
        assert!(found.gaps.len() == 1 && found.gaps[0].guided.is_none(), "{:?}", found.gaps);
        assert!(found.gaps[0].what.contains(status.name()), "{:?}", found.gaps);
        let end = found.steps.iter().find(|step| step.action == "end-sessions").unwrap();
        world.apply(end).unwrap();
        let proof = world.prove(end);
        assert!(matches!(&proof, Proof::Guided(why) if why.contains(status.name())), "{status:?}: {proof:?}");
        world
            .emulator
            .edit(|tenant| tenant.okta.users.get_mut("00ujane").unwrap().status = Status::Suspended);
        assert!(matches!(world.prove(end), Proof::Proved(_)), "{status:?}");
        assert_eq!(world.discover(JANE).gaps, []);
    }
    for (status, steps) in [(Status::Suspended, 6), (Status::Deprovisioned, 0)] {
        let world = world(|okta| okta.users.get_mut("00ujane").unwrap().status = status, |_| {});
        let found = world.discover(JANE);
        assert_eq!((found.steps.len(), found.guided.len()), (steps, 0), "{status:?}: {:?}", ids(&found));
    }
}

#[test]
fn a_status_that_changed_since_is_refused_and_said() {
    let world = world(|_| {}, |_| {});
    let suspend = world.discover(JANE).steps.remove(0);
    world.emulator.edit(|tenant| tenant.okta.users.get_mut("00ujane").unwrap().status = Status::LockedOut);
    let error = world.apply(&suspend).unwrap_err();
    assert_eq!(error.status(), Some(400), "{error}");
    assert_eq!(world.look(&suspend).done, Some(false));
    assert!(matches!(world.prove(&suspend), Proof::NotYet(why) if why.contains("LOCKED_OUT")));
}

#[test]
fn a_rules_membership_comes_back_as_a_direct_one() {
    let rule = |okta: &mut emulated::State| {
        let rule = emulated::Rule {
            name: "All agencies".to_owned(),
            groups: ["00gmix".to_owned()].into(),
            fits: ["00ujane".to_owned()].into(),
            active: true,
            ..emulated::Rule::default()
        };
        okta.rules.insert("0pr1".to_owned(), rule);
        okta.groups
            .insert("00gmix".to_owned(), group("Analytics", "OKTA_GROUP", &[("00ujane", Some("0pr1"))]));
    };
    let world = world(rule, |_| {});
    let leave = world.discover(JANE).steps.into_iter().find(|step| step.action == "leave").unwrap();
    assert_eq!(leave.undo, Undo::Compensable);
    assert!(leave.effect.contains("All agencies"), "{}", leave.effect);
    let before = world.look(&leave);
    world.apply(&leave).unwrap();
    assert!(world.emulator.tenant().okta.rules["0pr1"].excluded.contains("00ujane"));
    world.undo(&leave, &before.state).unwrap();
    assert_eq!(world.look(&leave), before);
    let again = world.discover(JANE).steps.into_iter().find(|step| step.action == "leave").unwrap();
    assert_eq!(again.undo, Undo::Reversible, "the rule leaves her out now");
}

#[test]
fn what_a_group_gives_goes_with_the_group() {
    let by_group = |okta: &mut emulated::State| okta.apps.get_mut("0oamix").unwrap().users.clear();
    let world = world(by_group, |_| {});
    let found = world.discover(JANE);
    assert!(found.steps.iter().all(|step| step.action != "unassign") && found.guided.is_empty());
    let leave = found.steps.iter().find(|step| step.action == "leave").unwrap();
    world.apply(leave).unwrap();
    assert!(world.emulator.tenant().okta.assignment("0oamix", "00ujane").is_none());

    let imported = |okta: &mut emulated::State| {
        okta.groups.insert("00gmix".to_owned(), group("From AD", "APP_GROUP", &[("00ujane", None)]));
    };
    let world = self::world(imported, |_| {});
    let found = world.discover(JANE);
    assert!(
        found.steps.iter().all(|step| step.phase != Phase::Groups || step.action == "remove"),
        "{:?}",
        ids(&found)
    );
    let guided: Vec<(&str, bool)> =
        found.guided.iter().map(|guided| (guided.id.as_str(), guided.required)).collect();
    assert_eq!(guided, [("okta/user/00ujane/leave-00gmix", false)]);
}

#[test]
fn a_limited_role_is_not_given_back_without_its_limits() {
    for (groups, undo) in [(vec![], Undo::Reversible), (vec!["00gcafe"], Undo::Irreversible)] {
        let roles = |okta: &mut emulated::State| {
            let mut help_desk = role("HELP_DESK_ADMIN");
            help_desk.groups.extend(groups.iter().map(|&group| group.to_owned()));
            okta.users.get_mut("00ujane").unwrap().roles = [("ra1x".to_owned(), help_desk)].into();
        };
        let world = world(roles, |_| {});
        let remove = world.discover(JANE).steps.into_iter().find(|step| step.object.kind == "role").unwrap();
        assert_eq!(remove.undo, undo, "{groups:?}");
    }
}

#[test]
fn groups_of_the_configuration_are_left_too() {
    let world = world_with(|_| {}, |_| {}, TOKEN, &["Canteen"]);
    let found = world.discover(JANE);
    assert!(ids(&found).contains(&"okta/membership/00gcafe:00ujane/leave"), "{:?}", ids(&found));
}

#[test]
fn the_credentials_owner_is_never_locked_out() {
    let world = world_with(|_| {}, |_| {}, "janes", &[]);
    let guard = Guard::OwnCredential { system: "okta".to_owned(), owner: JANE.to_owned() };
    assert_eq!(world.discover(JANE).guards, [guard]);
}

#[test]
fn what_may_not_be_read_is_left_to_a_person() {
    let weak = |okta: &mut emulated::State| {
        let admin = okta.users.get_mut("00uadmin").unwrap();
        admin.roles = [("ra1y".to_owned(), role("USER_ADMIN"))].into();
    };
    let world = world(weak, |_| {});
    let found = world.discover(JANE);
    assert!(ids(&found).contains(&"okta/user/00ujane/suspend"));
    let tokens = found.guided.iter().find(|guided| guided.id.ends_with("/API-tokens")).unwrap();
    assert!(tokens.required && tokens.how.contains("E0000006"), "{tokens:?}");
    let checks = world.runtime.block_on(world.provider.check());
    let state = |what: &str| checks.iter().find(|check| check.what == what).unwrap().state;
    assert_eq!(state("find users"), CheckState::Works);
    assert_eq!(state("list API tokens"), CheckState::Missing);
    // Whether a group administrator may list roles, and whom it may suspend, differs.
    assert_eq!(state("change users"), CheckState::Unknown);
}

#[test]
fn what_the_credential_may_change_is_told_where_a_role_tells_it() {
    let told = |roles: &[&str]| {
        let roles: Vec<Role> = roles
            .iter()
            .map(|kind| Role {
                id: "ra1".into(),
                label: (*kind).into(),
                by_group: true,
                kind: wire::RoleKind { kind: (*kind).into(), role: None, resource_set: None },
            })
            .collect();
        let check = check_changes(Some(&roles));
        (check.state, check.note)
    };
    assert_eq!(told(&["HELP_DESK_ADMIN", "SUPER_ADMIN"]).0, CheckState::Works);
    assert_eq!(told(&[]).0, CheckState::Missing);
    let (state, note) = told(&["USER_ADMIN", "CUSTOM"]);
    assert!(state == CheckState::Unknown && note.contains("USER_ADMIN, CUSTOM"), "{note}");
    assert_eq!(check_changes(None).state, CheckState::Unknown);
    let world = world(|_| {}, |_| {});
    let checks = world.runtime.block_on(world.provider.check());
    let change = checks.iter().find(|check| check.what == "change users").unwrap();
    assert_eq!(change.state, CheckState::Works, "{}", change.note);
}

#[test]
fn a_search_that_lags_does_not_decide() {
    let world = world(|_| {}, |switches| switches.okta.search_lag_ms = 600_000);
    let suspend = world.discover(JANE).steps.remove(0);
    assert_eq!(suspend.action, "suspend");
    world.apply(&suspend).unwrap();
    assert!(ids(&world.discover(JANE)).iter().all(|id| !id.ends_with("/suspend")), "read by id");
    assert!(matches!(world.prove(&suspend), Proof::Proved(_)));
}

#[test]
fn a_listed_ghost_of_a_token_is_no_failure() {
    let world = world(|_| {}, |switches| switches.okta.token_ghost_ms = 600_000);
    let token = world.discover(JANE).steps.into_iter().find(|step| step.object.kind == "api-token").unwrap();
    world.apply(&token).unwrap();
    assert!(matches!(world.prove(&token), Proof::NotYet(_)), "it is still listed");
    world.apply(&token).unwrap();
}

#[test]
fn no_failure_is_a_proof() {
    world(|_| {}, |_| {}).no_failure_is_a_proof(JANE);
}

#[test]
fn nothing_shows_a_secret() {
    let world = world(|_| {}, |_| {});
    let found = format!("{:?}", world.discover(JANE));
    let checks = format!("{:?}", world.runtime.block_on(world.provider.check()));
    for text in [&found, &checks] {
        assert!(!text.contains(TOKEN) && !text.contains("janes"), "{text}");
    }
    assert!(found.contains("00Tjane"));
}
