//! Against the emulated directory; `tests/scim_servers.rs` tries real ones.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::config::{Settings, Value as Setting};
use crate::drill::emulator::{Fault, Faults, Switches, Tenant, What, When, scim as emulated};
use crate::lockdown::provider::world::{World, transport};

const TOKEN: &str = "canary-scim";

fn world(groups: &[&str], switch: impl FnOnce(&mut Switches)) -> World {
    let mut tenant = Tenant::example(1);
    tenant.scim.token = TOKEN.to_owned();
    tenant.scim.claimed_domains.insert("agency.example".to_owned());
    for (id, name) in
        [("u1", "Jane@Agency.example"), ("u2", "bob@agency.example"), ("u3", "eve@agency.example")]
    {
        let user = emulated::User { user_name: name.to_owned(), active: true, ..emulated::User::default() };
        tenant.scim.users.insert(id.to_owned(), user);
    }
    let members = ["u1", "u2"].map(str::to_owned).into();
    let group = emulated::Group { display_name: "Growth".to_owned(), members, ..emulated::Group::default() };
    tenant.scim.groups.insert("g1".to_owned(), group);
    let groups = Setting::List(groups.iter().map(|&group| group.to_owned()).collect());
    World::new(&KIND, TOKEN, Settings::from_iter([("groups", groups)]), tenant, switch)
}

#[test]
fn each_step_goes_there_and_back() {
    for (etags, body) in [(true, true), (false, true), (true, false), (false, false)] {
        let world = world(&["growth"], |switches| {
            switches.scim.etags = etags;
            switches.scim.patch_answers_body = body;
            switches.scim.strict_booleans = true;
        });
        let start = world.emulator.tenant();
        let found = world.discover("jane@agency.example");
        assert_eq!(found.notes, [""; 0]);
        let ids: Vec<&str> = found.steps.iter().map(|step| step.id.0.as_str()).collect();
        assert_eq!(ids, ["scim/user/u1/deactivate", "scim/membership/g1:u1/leave", "scim/user/u1/delete"]);
        for step in found.steps.iter().filter(|step| step.undo == Undo::Reversible) {
            let before = world.look(step);
            assert_eq!(before.done, Some(false));
            assert!(matches!(world.prove(step), Proof::NotYet(_)));
            world.apply(step).unwrap();
            assert_eq!(world.look(step).done, Some(true));
            assert!(matches!(world.prove(step), Proof::Proved(_)));
            world.undo(step, &before.state).unwrap();
            assert_eq!(world.look(step), before);
        }
        let differences = crate::drill::emulator::tenant::differences(&start, &world.emulator.tenant());
        assert_eq!(differences, [""; 0]);
    }
}

#[test]
fn a_deletion_waits_for_the_commit_and_is_proved_by_a_search() {
    let world = world(&[], |_| {});
    let delete = world.discover("jane@agency.example").steps.pop().unwrap();
    assert!(delete.commit && delete.undo == Undo::Irreversible && delete.phase == Phase::Retire);
    assert_eq!(delete.needs, [StepId("scim/user/u1/deactivate".to_owned())]);
    world.apply(&delete).unwrap();
    assert_eq!(
        world.look(&delete),
        Look { state: json!({"exists": false}), done: Some(true), result: Value::Null }
    );
    assert!(world.undo(&delete, &json!({"exists": true})).is_err());
    assert!(!world.emulator.tenant().scim.users.contains_key("u1"));
    assert_eq!(world.discover("jane@agency.example").steps, []);
}

#[test]
fn who_is_inactive_is_left_so() {
    let world = world(&[], |_| {});
    world.emulator.edit(|tenant| tenant.scim.users.get_mut("u1").unwrap().active = false);
    let found = world.discover("jane@agency.example");
    let actions: Vec<&str> = found.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(actions, ["delete"]);
    assert_eq!(found.steps[0].needs, []);
}

#[test]
fn who_is_not_there_and_groups_that_are_not_there_are_said() {
    let world = world(&["Nobody's"], |_| {});
    let found = world.discover("stranger@other.example");
    assert!(found.steps.is_empty() && found.notes[0].contains("stranger@other.example"), "{:?}", found.notes);
    assert_eq!(world.discover("bob@agency.example").notes, ["scim: there is no group Nobody's"]);
    // A quote cannot leave the filter.
    assert_eq!(world.discover(r#"x" or userName pr or userName eq "y"#).steps, []);
}

#[test]
fn a_change_by_someone_else_in_the_same_moment_is_not_overwritten() {
    let world = world(&[], |_| {});
    let deactivate = world.discover("jane@agency.example").steps.remove(0);
    let other = Arc::downgrade(&world.emulator);
    world.emulator.on_change(move |_, _| {
        let other = other.upgrade().unwrap();
        other.edit(|tenant| tenant.scim.users.get_mut("u1").unwrap().version += 1);
    });
    let error = world.apply(&deactivate).unwrap_err();
    assert!(matches!(&error, CallError::NotSent { what } if what.contains("412")), "{error}");
    assert!(world.emulator.tenant().scim.users["u1"].active);
    world.emulator.on_change(|_, _| {});
    world.apply(&deactivate).unwrap();
    assert!(!world.emulator.tenant().scim.users["u1"].active);
}

#[test]
fn no_failure_is_a_proof() {
    let world = world(&[], |_| {});
    let steps = world.discover("jane@agency.example").steps;
    for status in [401, 403, 404, 429, 500, 503] {
        let when = When::Match {
            service: "scim".into(),
            method: "GET".into(),
            path_part: String::new(),
            times: u64::MAX,
        };
        world.emulator.set_faults(Faults {
            faults: vec![Fault { when, what: What::Status(status) }],
            ..Faults::default()
        });
        for step in &steps {
            let proof = world.prove(step);
            assert!(matches!(proof, Proof::Unknown(_)), "{status}: {proof:?}");
        }
    }
    // A 404 for one call, while the user is there.
    let when = When::Match {
        service: "scim".into(),
        method: "GET".into(),
        path_part: "/Users/u1".into(),
        times: u64::MAX,
    };
    world.emulator.set_faults(Faults::one(when, What::Status(404)));
    for step in &steps {
        let proof = world.prove(step);
        assert!(!matches!(proof, Proof::Proved(_)), "{proof:?}");
    }
}

#[test]
fn who_has_the_address_under_another_user_name_is_found() {
    let email = |value: &str| {
        let mut attributes = serde_json::Map::new();
        attributes.insert("emails".to_owned(), json!([{"value": value, "type": "work"}]));
        attributes
    };
    for filters in [true, false] {
        let world = world(&[], |switches| switches.scim.filters_emails = filters);
        world.emulator.edit(|tenant| {
            for (id, name, value) in [
                ("u4", "jdoe", "Jane@Agency.example"),
                ("u5", "jdoe2", "jane@agency.example.org"),
                ("u6", "Eve2", "eve@agency.example"),
            ] {
                let (user_name, attributes) = (name.to_owned(), email(value));
                let user =
                    emulated::User { user_name, attributes, active: true, ..emulated::User::default() };
                tenant.scim.users.insert(id.to_owned(), user);
            }
            // Found by both, and meant once.
            tenant.scim.users.get_mut("u1").unwrap().attributes = email("jane@agency.example");
        });
        let found = world.discover("JANE@agency.example");
        let deactivated: Vec<&str> = found
            .steps
            .iter()
            .filter(|step| step.action == "deactivate")
            .map(|step| step.object.id.as_str())
            .collect();
        let notes = found.notes.join("\n");
        if filters {
            assert_eq!(deactivated, ["u1", "u4"]);
            assert_eq!(
                notes,
                "scim: JANE@agency.example belongs to Jane@Agency.example, jdoe: all are meant"
            );
        } else {
            assert_eq!(deactivated, ["u1"]);
            assert!(notes.contains("has no filter by e-mail address"), "{notes}");
        }
        assert!(found.gaps.is_empty() && found.guided.is_empty(), "{:?}", found.gaps);
        for step in found.steps.iter().filter(|step| step.action == "deactivate") {
            world.apply(step).unwrap();
        }
        let users = world.emulator.tenant().scim.users;
        assert_eq!([users["u1"].active, users["u4"].active, users["u5"].active], [false, !filters, true]);
    }
}

#[test]
fn a_search_that_is_refused_for_another_reason_leaves_users_unknown() {
    let world = world(&[], |_| {});
    // The second request of all: the user name comes first, and what is odd is asked for twice.
    let faults = [2, 3].map(|nth| Fault { when: When::Nth(nth), what: What::Status(400) });
    world.emulator.set_faults(Faults { faults: faults.into(), ..Faults::default() });
    let found = world.discover("jane@agency.example");
    assert_eq!(found.steps[0].action, "deactivate");
    assert_eq!((found.gaps.len(), found.guided[0].id.as_str()), (1, "scim/users-by-email"));
    assert!(found.guided[0].required && found.gaps[0].guided.as_ref() == Some(&found.guided[0].id));
}

#[test]
fn a_list_that_ends_early_is_lost() {
    for size in [1, 2, 3, 100] {
        let world = world(&[], |switches| {
            switches.scim.page_size = size;
            switches.scim.heeds_queries = false;
        });
        let target = Target::new("eve@agency.example", "i1");
        let found = world.runtime.block_on(world.provider.discover(&target));
        if size < 3 {
            let error = found.unwrap_err().to_string();
            assert!(error.contains(&format!("ended after {size} of 3 entries")), "{error}");
        } else {
            assert_eq!(found.unwrap().steps[0].object.id, "u3", "{size} on a page");
        }
    }
}

#[test]
fn lists_are_read_to_their_end() {
    for size in [1, 2, 3, 100] {
        let world = world(&[], |switches| switches.scim.page_size = size);
        let api = Api::new(transport(&world.emulator.base_url("scim"), Auth::Bearer(TOKEN.into())));
        let found = world.runtime.block_on(api.list("Users", "userName pr")).unwrap();
        let ids: Vec<Option<&str>> = found.iter().map(wire::Resource::id).collect();
        assert_eq!(ids, [Some("u1"), Some("u2"), Some("u3")], "{size} on a page");
    }
}

#[test]
fn nothing_shows_the_token() {
    let world = world(&["growth"], |_| {});
    let found = format!("{:?}", world.discover("jane@agency.example"));
    let checks = format!("{:?}", world.runtime.block_on(world.provider.check()));
    assert!(!found.contains(TOKEN) && !checks.contains(TOKEN));
    assert!(checks.contains("Works"), "{checks}");
}
