//! Flows that run on a credential that the account may know: paused, proved, and let go on.

use portcullis::drill::emulator::bigquery::BigQuery;
use portcullis::drill::emulator::census::{Census, Run as Running};
use portcullis::drill::emulator::hightouch::Hightouch;
use portcullis::drill::emulator::iam::Iam;
use portcullis::drill::emulator::snowflake::Snowflake;
use portcullis::drill::emulator::{Faults, Switches, Tenant};
use portcullis::lockdown::state::Status;
use serde_json::{Value, json};

use super::check::{self, DONE, PARTIAL, UNKNOWN};
use super::stage::{Run, Stage};
use super::tenant::beside_without_teams;

/// A sync on the exposed credential, one that was paused before, and one on a credential that nobody knows.
const EXPOSED: u64 = 15_135;
const PAUSED: u64 = 15_136;
const OTHER: u64 = 15_137;
const STEP: &str = "census/flow/15135/pause";

fn stage(seed: u64, change: impl FnOnce(&mut Tenant)) -> Stage {
    let mut tenant = beside_without_teams(&Census, seed);
    change(&mut tenant);
    Stage::new(tenant, Switches::default(), Faults::default())
}

fn status(stage: &Stage, step: &str) -> Option<Status> {
    let record = stage.record();
    record.steps.values().find(|tracked| tracked.step.id.0 == step).map(|tracked| tracked.state.status)
}

fn pauses(stage: &Stage) -> Vec<String> {
    let record = stage.record();
    let steps = record.steps.values().filter(|tracked| tracked.step.action == "pause");
    steps.map(|tracked| tracked.step.id.0.clone()).collect()
}

fn reasons(run: &Run) -> String {
    run.json()["reasons"].to_string()
}

fn paused(stage: &Stage) -> [bool; 3] {
    let syncs = stage.emulator.tenant().census.syncs;
    [EXPOSED, PAUSED, OTHER].map(|id| syncs[&id].paused)
}

#[test]
fn what_runs_is_paused_and_what_was_paused_before_is_nobody_s_to_resume() {
    let stage = stage(61, |_| {});
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    check::agrees(&stage).unwrap();
    check::always(&stage).unwrap();
    assert_eq!((pauses(&stage), paused(&stage)), (vec![STEP.to_owned()], [true, true, false]));
    let record = stage.record();
    let how = |id: &str| {
        let mut guided = record.guided.iter().filter(|tracked| tracked.guided.id == id);
        guided.next().unwrap().guided.how.clone()
    };
    assert!(how("mixpanel/consumer/use-1").contains("15135, 15136 of census is paused"));
    assert!(!how("mixpanel/consumer/second").contains("paused"));
    let notes = record.notes.join("\n");
    assert!(notes.contains("nothing taken back: pause 15136 of census"), "{notes}");
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
    assert_eq!(paused(&stage), [false, true, false]);
}

#[test]
fn what_somebody_lets_go_on_is_paused_again_and_is_told_by_a_verification() {
    let stage = stage(62, |_| {});
    stage.lockdown(&[], None);
    let go_on =
        || stage.emulator.edit(|tenant| tenant.census.syncs.get_mut(&EXPOSED).unwrap().paused = false);
    go_on();
    let incident = stage.incident().unwrap();
    let verify = stage.run(&["verify", &incident, "--json", "--wait", "1s"], None);
    assert_eq!(verify.code, Some(UNKNOWN), "{}", verify.stderr);
    assert!(
        reasons(&verify).contains(STEP) && paused(&stage) == [false, true, false],
        "{}",
        reasons(&verify)
    );
    let run = stage.lockdown(&[], None);
    assert_eq!((run.code, paused(&stage)), (Some(PARTIAL), [true, true, false]), "{}", reasons(&run));
    // What somebody has let go on again is as it was.
    go_on();
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
    assert_eq!(status(&stage, STEP), Some(Status::Undone));
}

#[test]
fn a_run_that_goes_on_is_no_stop() {
    let stage = stage(63, |tenant| {
        let run = Running { status: "working".to_owned(), canceled: false };
        tenant.census.syncs.get_mut(&EXPOSED).unwrap().runs.insert(99, run);
    });
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
    assert!(reasons(&run).contains("its run 99 has not ended"), "{}", reasons(&run));
    assert!(paused(&stage)[0]);
    stage.emulator.edit(|tenant| {
        let runs = &mut tenant.census.syncs.get_mut(&EXPOSED).unwrap().runs;
        runs.get_mut(&99).unwrap().canceled = true;
    });
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
}

#[test]
fn what_is_not_shown_is_not_taken_for_stopped() {
    let gone: fn(&mut Tenant) = |tenant| drop(tenant.census.syncs.remove(&EXPOSED));
    let closed: fn(&mut Tenant) = |tenant| tenant.census.token.push('x');
    for (change, told) in [(gone, "Resource not found"), (closed, "Unauthorized")] {
        let stage = stage(64, |_| {});
        stage.emulator.edit(change);
        let run = stage.lockdown(&[], None);
        assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
        assert!(reasons(&run).contains(STEP) && reasons(&run).contains(told), "{}", reasons(&run));
        let requests = stage.emulator.requests();
        assert!(requests.iter().all(|request| request.service != "census" || !request.changing));
        check::always(&stage).unwrap();
    }
}

#[test]
fn what_is_planned_ahead_stops_nothing() {
    for command in [&["rotate", "use-1", "--at-once"][..], &["offboard", "jane@agency.example"]] {
        let stage = stage(65, |_| {});
        let run = stage.carry_out(command, None);
        assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
        assert_eq!((pauses(&stage), paused(&stage)), (Vec::new(), [false, true, false]), "{command:?}");
    }
}

#[test]
fn whoever_administers_the_organization_may_know_every_credential() {
    let stage = stage(66, |tenant| {
        let account = tenant.attacker.email.clone();
        tenant.mixpanel.members.get_mut(&account).unwrap().role = "admin".to_owned();
    });
    stage.lockdown(&[], None);
    let all = [STEP, "census/flow/15137/pause"].map(str::to_owned);
    assert_eq!((pauses(&stage), paused(&stage)), (all.to_vec(), [true; 3]));
    check::agrees(&stage).unwrap();
}

/// A pause costs a delay, and what nobody tells is not taken for good.
#[test]
fn where_the_role_is_not_told_all_is_paused() {
    let mut switches = Switches::default();
    switches.mixpanel.unpublished_routes = false;
    let stage = Stage::new(beside_without_teams(&Census, 67), switches, Faults::default());
    stage.lockdown(&[], None);
    assert_eq!(paused(&stage), [true; 3]);
    check::agrees(&stage).unwrap();
    stage.restore(None);
    assert_eq!(paused(&stage), [false, true, false]);
}

/// The inventory calls its credential by a name that nobody has.
#[test]
fn what_runs_on_a_credential_that_is_not_found_is_paused() {
    let stage = stage(60, |_| {});
    let old = &stage.before.mixpanel.service_accounts[&88_103].username;
    stage.put("integrations.toml", stage.inventory_before.replace(old, "renamed").as_bytes());
    let run = stage.lockdown(&[], None);
    assert_eq!((run.code, paused(&stage)), (Some(PARTIAL), [true; 3]), "{} {}", reasons(&run), run.stderr);
    assert!(stage.record().guided.iter().any(|tracked| tracked.guided.id == "mixpanel/row/use-2"));
    check::agrees(&stage).unwrap();
    stage.put("integrations.toml", stage.inventory_before.as_bytes());
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
    assert_eq!(paused(&stage), [false, true, false]);
}

#[test]
fn a_row_that_asks_for_what_its_system_cannot_do_is_a_mistake() {
    let stage = stage(68, |_| {});
    let rows = &stage.inventory_before;
    stage
        .put("integrations.toml", rows.replace("pause = [\"15135\", \"15136\"]", "place = \"x\"").as_bytes());
    let run = stage.run(&["lockdown", "jane@agency.example", "--yes"], None);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("use-1") && run.stderr.contains("name what is paused"), "{}", run.stderr);
    assert!(stage.emulator.requests().is_empty());
}

#[test]
fn syncs_of_hightouch_are_paused_whatever_its_reference_leaves_open() {
    for open in [false, true] {
        let mut switches = Switches::default();
        (switches.hightouch.numbers, switches.hightouch.hides_runs) = (open, open);
        let stage = Stage::new(beside_without_teams(&Hightouch, 69), switches, Faults::default());
        stage.emulator.edit(|tenant| {
            "processing".clone_into(&mut tenant.hightouch.syncs.get_mut(&1_127_166).unwrap().run);
        });
        let run = stage.lockdown(&[], None);
        // A run that the vendor does not show is what `providers` says cannot be seen.
        let expected = if open { PARTIAL } else { UNKNOWN };
        assert_eq!(run.code, Some(expected), "{} {}", reasons(&run), run.stderr);
        assert_eq!(reasons(&run).contains("a run of it is processing"), !open, "{}", reasons(&run));
        let disabled = |id: u64| stage.emulator.tenant().hightouch.syncs[&id].disabled;
        assert_eq!([1_127_166, 1_127_167, 1_127_168].map(disabled), [true, true, false]);
        let restore = stage.restore(None);
        assert_eq!(restore.code, Some(DONE), "{}", reasons(&restore));
        assert_eq!([1_127_166, 1_127_167, 1_127_168].map(disabled), [false, true, false]);
    }
}

const EXPORT: &str = "mixpanel-export";
const ROLE_STEP: &str = "aws-iam/flow/mixpanel-export/pause";

fn policy(stage: &Stage) -> Option<Value> {
    stage.emulator.tenant().iam.roles[EXPORT].policies.get("PortcullisPause").cloned()
}

fn set_policy(stage: &Stage, policy: &Value) {
    stage.emulator.edit(|tenant| {
        let policies = &mut tenant.iam.roles.get_mut(EXPORT).unwrap().policies;
        policies.insert("PortcullisPause".to_owned(), policy.clone());
    });
}

#[test]
fn a_role_behind_what_the_account_set_up_may_do_nothing_until_a_restore() {
    let stage = Stage::new(beside_without_teams(&Iam, 71), Switches::default(), Faults::default());
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    check::agrees(&stage).unwrap();
    check::always(&stage).unwrap();
    assert_eq!(pauses(&stage), [ROLE_STEP]);
    let record = stage.record();
    let told: Vec<_> = record.guided.iter().filter(|tracked| tracked.guided.id.contains("/flow/")).collect();
    assert!(told.len() == 1 && !told[0].guided.required, "{told:?}");
    assert!(told[0].guided.how.contains("mixpanel-export of aws-iam is paused"), "{}", told[0].guided.how);
    assert_eq!(policy(&stage).unwrap()["Statement"][0]["Effect"], "Deny");
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
    assert_eq!(policy(&stage), None);
}

#[test]
fn a_policy_of_somebody_else_is_not_written_over() {
    let theirs = json!({ "Statement": [{ "Effect": "Deny", "Action": "s3:*", "Resource": "*" }] });
    let stage = Stage::new(beside_without_teams(&Iam, 72), Switches::default(), Faults::default());
    set_policy(&stage, &theirs);
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
    assert!(reasons(&run).contains("that is somebody else's"), "{}", reasons(&run));
    assert_eq!((status(&stage, ROLE_STEP), policy(&stage)), (Some(Status::Refused), Some(theirs)));
    check::always(&stage).unwrap();
}

#[test]
fn what_somebody_made_of_the_policy_since_is_reported_and_stays() {
    let stage = Stage::new(beside_without_teams(&Iam, 73), Switches::default(), Faults::default());
    stage.lockdown(&[], None);
    let theirs = json!({ "Statement": [] });
    set_policy(&stage, &theirs);
    let restore = stage.restore(None);
    assert_eq!(restore.code, Some(PARTIAL), "{}", reasons(&restore));
    assert!(reasons(&restore).contains("someone else changed it since"), "{}", reasons(&restore));
    assert_eq!((status(&stage, ROLE_STEP), policy(&stage)), (Some(Status::Kept), Some(theirs)));
}

const ODD: &str = "für mixpanel\" SET DISABLED = FALSE --";

#[test]
fn users_are_disabled_and_their_queries_end_whatever_they_are_called() {
    for long in [false, true] {
        let mut switches = Switches::default();
        switches.snowflake.long_columns = long;
        let mut tenant = beside_without_teams(&Snowflake, 81);
        for user in tenant.snowflake.users.values_mut().filter(|user| !user.disabled) {
            user.queries = 3;
        }
        let stage = Stage::new(tenant, switches, Faults::default());
        let run = stage.lockdown(&[], None);
        assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
        check::agrees(&stage).unwrap();
        check::always(&stage).unwrap();
        let user = |name: &str| {
            let user = stage.emulator.tenant().snowflake.users[name].clone();
            (user.disabled, user.queries)
        };
        assert_eq!([user("MIXPANEL_LOADER"), user(ODD)], [(true, 0); 2]);
        assert_eq!(user("MIXPANEL_SCHEMA"), (false, 3), "somebody else set up what uses it");
        let step = |name: &str, action: &str| status(&stage, &format!("snowflake/flow/{name}/{action}"));
        assert_eq!([step(ODD, "pause"), step(ODD, "end-runs")], [Some(Status::Applied); 2]);
        // What was disabled before is nobody's, and neither are its queries.
        assert_eq!([step("MIXPANEL_OLD", "pause"), step("MIXPANEL_OLD", "end-runs")], [None; 2]);
        let restore = stage.restore(None);
        check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
        assert_eq!(
            [user("MIXPANEL_LOADER"), user(ODD), user("MIXPANEL_OLD")],
            [(false, 0), (false, 0), (true, 0)]
        );
    }
}

const DATASET_STEP: &str = "bigquery/flow/acme-warehouse.raw_events/pause";

fn access(tenant: &Tenant) -> Vec<Value> {
    tenant.bigquery.datasets["raw_events"].access.clone()
}

fn beside_bigquery(seed: u64) -> Stage {
    Stage::new(beside_without_teams(&BigQuery, seed), Switches::default(), Faults::default())
}

/// Who may do what, with one entry more.
fn with_one_more(stage: &Stage, entry: &Value) -> Vec<Value> {
    stage.emulator.edit(|tenant| {
        let dataset = tenant.bigquery.datasets.get_mut("raw_events").unwrap();
        let mut all = dataset.access.clone();
        all.push(entry.clone());
        dataset.set(all);
        dataset.access.clone()
    })
}

#[test]
fn a_dataset_is_closed_to_the_vendor_alone_and_what_others_changed_since_stays() {
    let stage = beside_bigquery(91);
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    check::agrees(&stage).unwrap();
    check::always(&stage).unwrap();
    let owner = access(&stage.before).into_iter().find(|entry| entry["role"] == "OWNER").unwrap();
    assert_eq!(
        (pauses(&stage), access(&stage.emulator.tenant())),
        (vec![DATASET_STEP.to_owned()], vec![owner])
    );
    let reader = json!({ "role": "READER", "userByEmail": "elif@acme.example" });
    with_one_more(&stage, &reader);
    let restore = stage.restore(None);
    assert_eq!(restore.code, Some(DONE), "{}", reasons(&restore));
    let mut expected = access(&stage.before);
    expected.push(reader);
    expected.sort_by_key(Value::to_string);
    assert_eq!(access(&stage.emulator.tenant()), expected);
}

#[test]
fn an_entry_that_somebody_else_gave_the_vendor_since_is_reported_and_stays() {
    let stage = beside_bigquery(92);
    stage.lockdown(&[], None);
    let member = access(&stage.before).into_iter().find(|entry| entry["role"] == "WRITER").unwrap();
    let theirs = json!({ "role": "READER", "userByEmail": member["userByEmail"] });
    let now = with_one_more(&stage, &theirs);
    let restore = stage.restore(None);
    assert_eq!(restore.code, Some(PARTIAL), "{}", reasons(&restore));
    assert!(reasons(&restore).contains("someone else changed it since"), "{}", reasons(&restore));
    assert_eq!((status(&stage, DATASET_STEP), access(&stage.emulator.tenant())), (Some(Status::Kept), now));
}

#[test]
fn a_dataset_that_nobody_else_may_use_is_left_alone() {
    let stage = beside_bigquery(93);
    stage.emulator.edit(|tenant| {
        let dataset = tenant.bigquery.datasets.get_mut("raw_events").unwrap();
        let own = dataset.access.iter().filter(|entry| entry["role"] != "OWNER").cloned().collect();
        dataset.set(own);
    });
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
    assert!(reasons(&run).contains("nobody else has access"), "{}", reasons(&run));
    assert_eq!(access(&stage.emulator.tenant()).len(), 2);
}
