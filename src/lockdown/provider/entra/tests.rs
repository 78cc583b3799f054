//! Against the emulated directory.

use super::super::Guard;
use super::*;
use crate::config::{Settings, Value as Setting};
use crate::drill::emulator::draws::{CANARY, access_token};
use crate::drill::emulator::entra as emulated;
use crate::drill::emulator::tenant::differences;
use crate::drill::emulator::{Fault, Faults, Service as _, Switches, Tenant, What, When};
use crate::lockdown::provider::world::{World, ids};

const JANE: &str = "jane@agency.example";
const ID: &str = "6e7b768e-07e2-4810-8459-485f84f8f204";
const APP: &str = "8e881353-1735-45af-af21-ee1344582a4d";

fn world_with(
    change: impl FnOnce(&mut emulated::State),
    switch: impl FnOnce(&mut Switches),
    groups: &[&str],
) -> World {
    let mut tenant = Tenant::example(1);
    emulated::Entra.example(&mut tenant);
    change(&mut tenant.entra);
    let token = tenant.entra.tokens.keys().next().unwrap().clone();
    let groups = Setting::List(groups.iter().map(|&group| group.to_owned()).collect());
    let app = Setting::Text(APP.to_owned());
    World::new(&KIND, &token, Settings::from_iter([("app", app), ("groups", groups)]), tenant, switch)
}

fn world(change: impl FnOnce(&mut emulated::State), switch: impl FnOnce(&mut Switches)) -> World {
    world_with(change, switch, &[])
}

fn jane(state: &mut emulated::State) -> &mut emulated::User {
    state.users.get_mut(ID).unwrap()
}

fn guided(found: &Discovery) -> Vec<(&str, bool)> {
    let all = found.guided.iter();
    all.map(|guided| (guided.id.strip_prefix("entra/user/").unwrap(), guided.required)).collect()
}

#[test]
fn an_account_loses_everything_and_gets_back_what_can_come_back() {
    let world = world(|_| {}, |switches| switches.entra.page_size = 1);
    let start = world.emulator.tenant();
    let found = world.discover(JANE);
    let expected = [
        format!("entra/user/{ID}/disable"),
        format!("entra/user/{ID}/end-sessions"),
        "entra/grant/grant-jane/revoke".to_owned(),
        format!("entra/membership/group-mixpanel:{ID}/leave"),
        format!("entra/role/role-reports:{ID}/remove"),
        format!("entra/assignment/{APP}:00000000-0000-0000-0000-000000000000:{ID}/unassign"),
    ];
    assert_eq!(ids(&found), expected);
    let left = [
        (format!("{ID}/owned-app-exporter"), true),
        (format!("{ID}/leave-group-rule"), false),
        (format!("{ID}/before-it-comes-back"), false),
    ];
    let left: Vec<(&str, bool)> = left.iter().map(|(id, required)| (id.as_str(), *required)).collect();
    assert_eq!(guided(&found), left);
    let mut done = Vec::new();
    for step in found.steps {
        let before = world.look(&step);
        assert_eq!(before.done, (!step.blind).then_some(false), "{}", step.id);
        world.apply(&step).unwrap_or_else(|error| panic!("{}: {error}", step.id));
        assert_eq!(world.look(&step).done, (!step.blind).then_some(true), "{}", step.id);
        assert!(matches!(world.prove(&step), Proof::Proved(_)), "{}", step.id);
        done.push((step, before.state));
    }
    let state = world.emulator.tenant().entra;
    assert!(!state.users[ID].enabled && state.users[ID].sessions.is_empty() && state.grants.is_empty());
    assert_eq!(state.users.len(), start.entra.users.len(), "nobody was deleted");
    assert!(state.assignments.values().any(|one| one.kind == "Group"), "others keep what their group gives");
    assert_eq!(ids(&world.discover(JANE)), [format!("entra/user/{ID}/end-sessions")]);

    world.takes_back(&done);
    let left = differences(&start, &world.emulator.tenant());
    assert!(left.iter().all(|line| line.contains("sessions") || line.contains("grants")), "{left:#?}");
}

#[test]
fn revoked_sessions_are_proved_by_the_time_from_which_they_count() {
    let world = world(|_| {}, |switches| switches.entra.read_lag_ms = 600_000);
    let found = world.discover(JANE);
    let step = |action: &str| found.steps.iter().find(|step| step.action == action).unwrap();
    let (disable, end) = (step("disable"), step("end-sessions"));
    let before = world.look(end).state;
    let facts = super::super::Facts { before, ..super::super::Facts::default() };
    world.hand.set_facts(&end.id, facts);
    world.apply(disable).unwrap();
    world.apply(end).unwrap();
    assert!(matches!(world.prove(end), Proof::NotYet(_)), "reads lag behind");
    world.emulator.set_switches(Switches::default());
    assert!(matches!(world.prove(end), Proof::Proved(how) if how.contains("do not count")));
    world.emulator.edit(|tenant| jane(&mut tenant.entra).enabled = true);
    assert!(matches!(world.prove(end), Proof::NotYet(why) if why.contains("a new session")));
}

#[test]
fn every_user_with_the_address_is_meant() {
    let more = |state: &mut emulated::State| {
        let user = |name: &str| emulated::User { name: name.into(), enabled: true, ..Default::default() };
        let guest = emulated::User {
            other_mails: vec![JANE.into()],
            guest: true,
            ..user("jane_agency.example#EXT#@acme.example")
        };
        let alias = emulated::User { aliases: vec![JANE.into()], ..user("jd@acme.example") };
        state.users.extend([("guest".to_owned(), guest), ("alias".to_owned(), alias)]);
    };
    let world = world(more, |_| {});
    let found = world.discover(JANE);
    for user in [ID, "guest", "alias"] {
        assert!(ids(&found).contains(&format!("entra/user/{user}/disable").as_str()), "{user}");
    }
    assert!(!ids(&found).contains(&"entra/user/guest/end-sessions"), "Entra does not end a guest's");
    assert!(found.notes.iter().any(|note| note.contains("is a guest")), "{:?}", found.notes);
    // A quote in an address is no way out of the filter.
    assert!(world.discover("x' or mail eq 'jane@agency.example").steps.is_empty());
}

#[test]
fn a_search_that_is_refused_leaves_users_to_a_person() {
    let world = world(|_| {}, |_| {});
    let (service, method, path_part) = ("entra".into(), "GET".into(), "proxyAddresses".into());
    let when = When::Match { service, method, path_part, times: u64::MAX };
    let faults = vec![Fault { when, what: What::Status(403) }];
    world.emulator.set_faults(Faults { faults, ..Faults::default() });
    let found = world.discover(JANE);
    assert!(ids(&found).contains(&format!("entra/user/{ID}/disable").as_str()));
    let step = found.guided.iter().find(|guided| guided.id == "entra/users-by-aliases").unwrap();
    assert!(step.required && found.gaps.iter().any(|gap| gap.guided.as_ref() == Some(&step.id)));
}

#[test]
fn what_another_directory_or_a_rule_decides_is_left_to_a_person() {
    let synced = |state: &mut emulated::State| {
        jane(state).synced = true;
        state.groups.get_mut("group-mixpanel").unwrap().kind = emulated::Kind::Synced;
    };
    let world = world(synced, |switches| switches.entra.refuse_synced = true);
    let found = world.discover(JANE);
    assert!(guided(&found).contains(&(&format!("{ID}/disable-at-its-source"), true)));
    assert!(guided(&found).contains(&(&format!("{ID}/leave-group-mixpanel"), false)));
    assert!(found.steps.iter().all(|step| step.action != "leave"), "{:?}", ids(&found));
    let rule = found.guided.iter().find(|guided| guided.id.ends_with("leave-group-rule")).unwrap();
    assert!(rule.how.contains("user.department"), "{}", rule.how);
    let disable = found.steps.iter().find(|step| step.action == "disable").unwrap();
    assert_eq!(world.apply(disable).unwrap_err().status(), Some(400));
    assert_eq!(world.look(disable).done, Some(false));
}

#[test]
fn groups_of_the_configuration_are_left_too() {
    let more = |state: &mut emulated::State| {
        let group =
            emulated::Group { name: "Canteen".into(), members: [ID.to_owned()].into(), ..Default::default() };
        state.groups.insert("group-canteen".into(), group);
    };
    let world = world_with(more, |_| {}, &["Canteen"]);
    assert!(
        ids(&world.discover(JANE)).contains(&format!("entra/membership/group-canteen:{ID}/leave").as_str())
    );
}

/// The responders' token is a person's, or has less.
fn with_token(permissions: &[&str], user: Option<&str>) -> World {
    world(
        |state| {
            let claims = match user {
                Some(_) => serde_json::json!({ "oid": user, "scp": permissions.join(" ") }),
                None => serde_json::json!({ "roles": permissions }),
            };
            let token = emulated::Token {
                user: user.map(str::to_owned),
                permissions: permissions.iter().map(|&one| one.to_owned()).collect(),
                privileged: false,
            };
            state.tokens = [(access_token(&claims, CANARY), token)].into();
        },
        |_| {},
    )
}

#[test]
fn the_credentials_owner_is_never_locked_out() {
    let guards = with_token(&["Directory.ReadWrite.All"], Some(ID)).discover(JANE).guards;
    assert_eq!(guards, [Guard::OwnCredential { system: "entra".to_owned(), owner: JANE.to_owned() }]);
    assert!(with_token(&["Directory.ReadWrite.All"], Some("user-0")).discover(JANE).guards.is_empty());
}

#[test]
fn doctor_reads_the_permissions_of_the_token() {
    let state = |permissions: &[&str], what: &str| {
        let world = with_token(permissions, None);
        let checks = world.runtime.block_on(world.provider.check());
        checks.iter().find(|check| check.what == what).unwrap().state
    };
    let some = ["Directory.Read.All", "User.EnableDisableAccount.All"];
    assert_eq!(state(&some, "find users"), CheckState::Works);
    assert_eq!(state(&some, "disable users"), CheckState::Works);
    assert_eq!(state(&some, "end sessions"), CheckState::Missing);
    assert_eq!(state(&some, "change directory roles"), CheckState::Missing);
    assert_eq!(state(&["Mail.Read"], "find users"), CheckState::Missing);
    let mut tenant = Tenant::example(1);
    emulated::Entra.example(&mut tenant);
    let opaque = World::new(&KIND, "opaque", Settings::default(), tenant, |_| {});
    let checks = opaque.runtime.block_on(opaque.provider.check());
    assert!(checks.iter().all(|check| check.state != CheckState::Works), "{checks:?}");
}

#[test]
fn an_administrator_may_need_more_than_permissions() {
    let world = with_token(&["Directory.Read.All", "User.ReadWrite.All"], None);
    let found = world.discover(JANE);
    let disable = found.steps.iter().find(|step| step.action == "disable").unwrap();
    assert_eq!(world.apply(disable).unwrap_err().status(), Some(403));
    assert!(found.notes.iter().any(|note| note.contains("is an administrator")), "{:?}", found.notes);
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
fn each_cloud_has_an_authority_and_a_scope_of_its_own() {
    let clouds = [
        ("https://graph.microsoft.com/v1.0", "https://login.microsoftonline.com"),
        ("https://graph.microsoft.us/v1.0", "https://login.microsoftonline.us"),
    ];
    for (graph, authority) in clouds {
        let (graph, authority) = (Url::parse(graph).unwrap(), Url::parse(authority).unwrap());
        let expected = format!("{authority}acme.example/oauth2/v2.0/token");
        let scope = format!("{}/.default", graph.origin().ascii_serialization());
        let (tenant, authority) = (Setting::Text("acme.example".into()), Setting::Url(authority));
        let settings = Settings::from_iter([("tenant", tenant), ("authority", authority)]);
        let asks = asks(&settings, &graph).unwrap();
        assert_eq!((asks.endpoint.as_str(), asks.shows), (expected.as_str(), Shows::Post));
        assert_eq!(asks.fields, [("scope", scope)]);
    }
}
