//! Consumers that are given the new credential by their own API, and those that must not be.

use portcullis::drill::emulator::lambda::{Alias, Function, Lambda};
use portcullis::drill::emulator::looker::{self, Looker};
use portcullis::drill::emulator::tableau::{self, Tableau};
use portcullis::drill::emulator::tenant::differences;
use portcullis::drill::emulator::{Faults, Place, Switches, Tenant};
use portcullis::lockdown::record::Verdict;
use portcullis::lockdown::state::Status;
use serde_json::Value;

use super::check::{self, DONE, PARTIAL, UNKNOWN};
use super::stage::{Run, Stage};
use super::tenant::beside_without_teams;

const JOBS: &str = "nightly-jobs";
const STEP: &str = "aws-lambda/consumer/nightly-jobs/MIXPANEL_88102_SECRET/repoint";
const QUARANTINE: &str = "mixpanel/service-account/88102/quarantine";

fn stage(tenant: Tenant) -> Stage {
    Stage::new(tenant, Switches::default(), Faults::default())
}

fn tenant(seed: u64) -> Tenant {
    beside_without_teams(&Lambda, seed)
}

/// What the function works with for this service account.
fn place(tenant: &Tenant, account: u64) -> Place {
    let name = format!("MIXPANEL_{account}_SECRET");
    check::places(tenant).into_iter().find(|place| place.names[1] == name).unwrap()
}

fn status(stage: &Stage, step: &str) -> Status {
    let record = stage.record();
    let found = record.steps.values().find(|tracked| tracked.step.id.0 == step);
    found.unwrap_or_else(|| panic!("no step {step}: {:?}", record.order)).state.status
}

fn reasons(run: &Run) -> String {
    run.json()["reasons"].to_string()
}

/// In how many projects a service account of the tenant as it was is now.
fn projects(stage: &Stage, account: u64) -> usize {
    stage.emulator.tenant().mixpanel.service_accounts[&account].projects.len()
}

fn set(tenant: &mut Tenant, name: &str, value: &str) {
    tenant.lambda.functions.get_mut(JOBS).unwrap().set(name, value);
}

#[test]
fn a_function_is_given_the_new_credential_before_the_old_one_ends_and_nobody_is_asked() {
    let mut switches = Switches::default();
    (switches.lambda.update_ms, switches.lambda.revises_twice) = (300, true);
    let stage = Stage::new(tenant(41), switches, Faults::default());
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    check::agrees(&stage).unwrap();
    check::always(&stage).unwrap();
    let new = place(&stage.emulator.tenant(), 88_102).holds;
    assert_ne!(new, place(&stage.before, 88_102).holds);
    let record = stage.record();
    let guided = record.guided.iter().map(|tracked| tracked.guided.id.as_str());
    // The jobs that read a file have no API.
    let consumers: Vec<&str> = guided.filter(|id| id.contains("/consumer/")).collect();
    assert_eq!(consumers, ["mixpanel/consumer/second", "mixpanel/consumer/local"]);
    let order: Vec<String> = stage.watch.changes().into_iter().map(|change| change.step).collect();
    let at = |step: &str| order.iter().position(|own| own == step).unwrap();
    assert!(at(STEP) < at(QUARANTINE), "{order:?}");
    let kept = check::rests(&stage);
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &kept).unwrap();
    assert_eq!(place(&stage.emulator.tenant(), 88_102), place(&stage.before, 88_102));
}

#[test]
fn two_credentials_of_one_function_are_both_replaced() {
    let mut tenant = tenant(42);
    let other = tenant.mixpanel.service_accounts[&88_103].clone();
    tenant.attacker.service_accounts.push((other.username, other.secret));
    let stage = stage(tenant);
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    check::agrees(&stage).unwrap();
    for account in [88_102, 88_103] {
        assert_ne!(place(&stage.emulator.tenant(), account).holds, place(&stage.before, account).holds);
        assert_eq!(projects(&stage, account), 0);
    }
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
}

#[test]
fn a_rotation_waits_for_nobody_where_every_consumer_has_an_api() {
    let stage = stage(tenant(43));
    let run = stage.carry_out(&["rotate", "use-2"], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    assert!(reasons(&run).contains("--commit") && !reasons(&run).contains("guided"), "{}", reasons(&run));
    assert_eq!(projects(&stage, 88_103), 0);
    check::agrees(&stage).unwrap();
    let run = stage.carry_out(&["rotate", "use-2", "--commit"], None);
    assert_eq!(run.code, Some(DONE), "{} {}", reasons(&run), run.stderr);
    assert!(!stage.emulator.tenant().mixpanel.service_accounts.contains_key(&88_103));
}

/// A credential that the store never held could not be brought back. What has to be done then is for the responder to say.
#[test]
fn what_the_store_never_held_is_not_written_over_and_the_old_credential_stays_until_somebody_says_so() {
    let mut tenant = tenant(44);
    set(&mut tenant, "MIXPANEL_88102_SECRET", "CANARYby-hand");
    let stage = stage(tenant);
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
    assert_eq!((status(&stage, STEP), status(&stage, QUARANTINE)), (Status::Refused, Status::Planned));
    assert!(reasons(&run).contains("nobody could bring them back"), "{}", reasons(&run));
    assert_eq!(place(&stage.emulator.tenant(), 88_102), place(&stage.before, 88_102));
    assert!(projects(&stage, 88_102) > 0);
    check::always(&stage).unwrap();
    let run = stage.lockdown(&["--skip", "aws-lambda/*=its owner sees to it"], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    assert_eq!((status(&stage, STEP), projects(&stage, 88_102)), (Status::Skipped, 0));
    assert!(reasons(&run).contains("was left out: its owner sees to it"), "{}", reasons(&run));
    assert_eq!(place(&stage.emulator.tenant(), 88_102), place(&stage.before, 88_102));
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
}

/// A person takes it from the store.
#[test]
fn what_was_given_by_hand_counts() {
    let mut tenant = tenant(45);
    let alias = Alias { version: "7".to_owned(), also: None };
    tenant.lambda.functions.get_mut(JOBS).unwrap().aliases.insert("prod".to_owned(), alias);
    let stage = stage(tenant);
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
    assert_eq!((status(&stage, STEP), status(&stage, QUARANTINE)), (Status::Refused, Status::Planned));
    assert!(reasons(&run).contains("alias prod of nightly-jobs runs version 7"), "{}", reasons(&run));
    assert!(
        differences(&stage.before, &stage.emulator.tenant()).iter().all(|line| !line.starts_with("lambda"))
    );
    stage.emulator.edit(|tenant| {
        let stored: Value = tenant.aws.secrets["mixpanel/88102"].holds().unwrap();
        set(tenant, "MIXPANEL_88102_USERNAME", stored["username"].as_str().unwrap());
        set(tenant, "MIXPANEL_88102_SECRET", stored["secret"].as_str().unwrap());
    });
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    assert_eq!((status(&stage, STEP), projects(&stage, 88_102)), (Status::Already, 0));
}

#[test]
fn an_update_that_fails_is_no_new_credential_whatever_is_shown() {
    for shows_failed in [false, true] {
        let mut switches = Switches::default();
        (switches.lambda.updates_fail, switches.lambda.shows_failed) = (true, shows_failed);
        let stage = Stage::new(tenant(46), switches, Faults::default());
        let run = stage.lockdown(&[], None);
        assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
        assert!(reasons(&run).contains("InvalidStateKMSKey"), "{}", reasons(&run));
        assert_eq!(status(&stage, QUARANTINE), Status::Planned);
        assert_eq!(
            place(&stage.emulator.tenant(), 88_102),
            place(&stage.before, 88_102),
            "it runs as before"
        );
        check::always(&stage).unwrap();
    }
}

#[test]
fn a_variable_that_is_not_there_is_not_made() {
    let stage = stage(tenant(47));
    stage.emulator.edit(|tenant| {
        let function = tenant.lambda.functions.get_mut(JOBS).unwrap();
        let mut variables = function.running().clone();
        variables.remove("MIXPANEL_88102_SECRET");
        *function = Function::new(variables);
    });
    let without = stage.emulator.tenant();
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
    assert!(
        reasons(&run).contains("has no MIXPANEL_88102_SECRET: correct place-fields"),
        "{}",
        reasons(&run)
    );
    assert_eq!((status(&stage, STEP), status(&stage, QUARANTINE)), (Status::Refused, Status::Planned));
    assert!(differences(&without, &stage.emulator.tenant()).iter().all(|line| !line.starts_with("lambda")));
}

#[test]
fn a_function_that_cannot_be_read_is_told_and_left_alone() {
    let mut gone = tenant(47);
    gone.lambda.functions.clear();
    let mut locked = tenant(47);
    locked.lambda.functions.get_mut(JOBS).unwrap().locked = true;
    let whole = tenant(47);
    for (now, told) in [(gone, "Function not found"), (locked, "cannot be read: AccessDeniedException")] {
        let stage = stage(whole.clone());
        stage.emulator.edit(|tenant| tenant.lambda = now.lambda.clone());
        let run = stage.lockdown(&[], None);
        assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
        assert!(reasons(&run).contains(told), "{}", reasons(&run));
        assert_eq!((status(&stage, STEP), status(&stage, QUARANTINE)), (Status::Planned, Status::Planned));
        let lambda = stage.emulator.requests();
        assert!(lambda.iter().all(|request| request.service != "lambda" || !request.changing));
    }
}

/// After a lockdown somebody sets a variable; then it is taken back.
fn restored_after(name: &str, value: &str) -> (Stage, Run) {
    let stage = stage(tenant(48));
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    stage.emulator.edit(|tenant| set(tenant, name, value));
    let restore = stage.restore(None);
    check::always(&stage).unwrap();
    (stage, restore)
}

#[test]
fn another_variable_that_somebody_set_stays_when_the_old_credential_comes_back() {
    let (stage, restore) = restored_after("REGION", "us");
    assert_eq!(restore.code, Some(DONE), "{} {}", reasons(&restore), restore.stderr);
    let (was, is) = (place(&stage.before, 88_102), place(&stage.emulator.tenant(), 88_102));
    assert_eq!(is.holds, was.holds);
    assert_eq!((is.others["REGION"].as_str(), is.others.len()), ("us", was.others.len()));
}

#[test]
fn a_credential_that_somebody_set_stays_and_so_does_what_it_rests_on() {
    let (stage, restore) = restored_after("MIXPANEL_88102_SECRET", "CANARYtheirs");
    assert_eq!(restore.code, Some(PARTIAL), "{} {}", reasons(&restore), restore.stderr);
    let steps =
        [STEP, "aws-secrets-manager/secret/mixpanel/88102/put", "mixpanel/service-account/88102/replace"];
    assert_eq!(steps.map(|step| status(&stage, step)), [Status::Kept; 3]);
    assert_eq!(place(&stage.emulator.tenant(), 88_102).holds[1], "CANARYtheirs");
    let record = stage.record();
    assert!(matches!(record.verdict, Some((Verdict::PartlyRestored, _))));
}

/// Looker never tells a password: it tries the connection, and what no test shows is not proved.
#[test]
fn a_connection_whose_password_is_never_told_is_proved_by_its_test() {
    for has_tests in [true, false] {
        let mut switches = Switches::default();
        switches.looker.has_tests = has_tests;
        let stage = Stage::new(beside_without_teams(&Looker, 51), switches, Faults::default());
        let run = stage.lockdown(&[], None);
        check::agrees(&stage).unwrap();
        check::always(&stage).unwrap();
        let expected = if has_tests { PARTIAL } else { UNKNOWN };
        assert_eq!(run.code, Some(expected), "{} {}", reasons(&run), run.stderr);
        assert_eq!(reasons(&run).contains("has no test `connect`"), !has_tests, "{}", reasons(&run));
        let restore = stage.restore(None);
        check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
    }
}

#[test]
fn a_connection_that_somebody_pointed_elsewhere_or_that_signs_in_otherwise_is_left_alone() {
    let elsewhere: fn(&mut looker::Connection) = |one| "someone".clone_into(&mut one.username);
    let key: fn(&mut looker::Connection) = |one| one.key_pair = true;
    let tables: fn(&mut looker::Connection) = |one| one.pdt_username = Some("tables".to_owned());
    for (change, told) in [
        (elsewhere, "nobody could bring them back"),
        (key, "uses_key_pair_auth"),
        (tables, "persistent tables"),
    ] {
        let stage = stage(beside_without_teams(&Looker, 52));
        stage.emulator.edit(|tenant| change(tenant.looker.connections.get_mut("bi 88102").unwrap()));
        let before = stage.emulator.tenant();
        let run = stage.lockdown(&[], None);
        assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
        assert!(reasons(&run).contains(told), "{}", reasons(&run));
        let step = "looker/consumer/bi 88102/password/repoint";
        assert_eq!((status(&stage, step), status(&stage, QUARANTINE)), (Status::Refused, Status::Planned));
        let changed = differences(&before, &stage.emulator.tenant());
        assert!(changed.iter().all(|line| !line.starts_with("looker")), "{changed:#?}");
    }
}

const EXTRACT: &str = "datasources/9dbd2263-16b5-46e1-9c43-000000088102";
const REFRESH: &str =
    "tableau/consumer/datasources/9dbd2263-16b5-46e1-9c43-000000088102/connections/c0-88102/password/try";

fn in_tableau(stage: &Stage, change: impl FnOnce(&mut tableau::Content)) {
    stage.emulator.edit(|tenant| change(tenant.tableau.contents.get_mut(EXTRACT).unwrap()));
}

fn refreshes(stage: &Stage) -> Vec<u8> {
    let jobs = stage.emulator.tenant().tableau.jobs;
    jobs.values().filter(|job| job.of == EXTRACT).map(|job| job.code).collect()
}

/// A refresh is a change, so that it has an intent of its own; its job is in the journal.
#[test]
fn an_extract_is_refreshed_once_with_the_new_credential_and_its_job_is_the_proof() {
    let stage = stage(beside_without_teams(&Tableau, 53));
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    check::agrees(&stage).unwrap();
    check::always(&stage).unwrap();
    assert_eq!((refreshes(&stage), status(&stage, REFRESH)), (vec![0], Status::Applied));
    let record = stage.record();
    let tried = record.steps.values().find(|tracked| tracked.step.id.0 == REFRESH).unwrap();
    let job = tried.state.result["trial"].as_str().unwrap();
    assert!(stage.emulator.tenant().tableau.jobs.contains_key(job));
    assert!(tried.proved.as_ref().is_some_and(|how| how.contains("gets in with what it was given")));
    let changes = stage.watch.changes();
    let at = |step: &str| changes.iter().position(|change| change.step == step).unwrap();
    assert!(at(REFRESH.replace("/try", "/repoint").as_str()) < at(REFRESH));
    // Once more: nothing is left to do.
    let again = stage.lockdown(&[], None);
    assert_eq!((again.code, refreshes(&stage)), (Some(PARTIAL), vec![0]));
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
    assert_eq!(refreshes(&stage), [0], "the way back refreshes nothing");
}

/// When the plan is made nobody can tell that it is to be tried: its credential cannot be had.
#[test]
fn a_place_whose_credential_comes_late_is_tried_all_the_same() {
    let stage = stage(beside_without_teams(&Tableau, 58));
    let mut command = stage.command(&stage.lockdown_args(&[]));
    command.env_remove("PORTCULLIS_TABLEAU");
    let run = stage.finish(command.spawn().unwrap());
    assert_eq!(run.code, Some(UNKNOWN), "{}{}", run.stdout, run.stderr);
    assert!(!stage.record().steps.keys().any(|id| id.0 == REFRESH));
    in_tableau(&stage, |content| content.unreached = true);
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "it does not get in: {} {}", reasons(&run), run.stderr);
    assert!(reasons(&run).contains("ended with an error"), "{}", reasons(&run));
    assert_eq!((refreshes(&stage), status(&stage, REFRESH)), (vec![1], Status::Planned));
    in_tableau(&stage, |content| content.unreached = false);
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    assert_eq!((refreshes(&stage).len(), status(&stage, REFRESH)), (2, Status::Applied));
    check::agrees(&stage).unwrap();
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
    check::always(&stage).unwrap();
}

/// Each run begins one: schedules are suspended when refreshes fail again and again.
#[test]
fn a_refresh_that_fails_is_no_proof_and_the_next_run_begins_one_more() {
    let stage = stage(beside_without_teams(&Tableau, 54));
    in_tableau(&stage, |content| content.unreached = true);
    for count in 1..=2 {
        let run = stage.lockdown(&[], None);
        assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
        assert!(reasons(&run).contains("ended with an error"), "{}", reasons(&run));
        assert_eq!((refreshes(&stage), status(&stage, REFRESH)), (vec![1; count], Status::Planned));
        check::always(&stage).unwrap();
    }
    // It has no part in whether the old credential is out.
    assert_eq!(projects(&stage, 88_102), 0);
    in_tableau(&stage, |content| content.unreached = false);
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    assert_eq!((refreshes(&stage).len(), status(&stage, REFRESH)), (3, Status::Applied));
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
}

/// A job may take longer than anybody waits: its name is in the journal, and a later command asks for it again.
#[test]
fn a_refresh_that_takes_long_is_asked_for_by_a_later_command() {
    let mut switches = Switches::default();
    switches.tableau.refresh_ms = 3_600_000;
    let stage = Stage::new(beside_without_teams(&Tableau, 55), switches, Faults::default());
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
    assert!(reasons(&run).contains("is not over"), "{}", reasons(&run));
    let over = |tenant: &mut Tenant| tenant.tableau.jobs.values_mut().for_each(|job| job.ends_ms = 0);
    stage.emulator.edit(over);
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    assert_eq!(refreshes(&stage), [0]);
}

#[test]
fn what_has_no_extract_is_opened_by_a_person_who_says_so() {
    let mut tenant = beside_without_teams(&Tableau, 56);
    tenant.tableau.contents.get_mut(EXTRACT).unwrap().extract = false;
    let stage = stage(tenant);
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
    assert!(reasons(&run).contains("has no extract") && reasons(&run).contains("open it in Tableau"));
    assert_eq!((refreshes(&stage), status(&stage, REFRESH)), (Vec::new(), Status::Refused));
    let skip = format!("{REFRESH}=opened, and it shows data");
    let run = stage.lockdown(&["--skip", &skip], None);
    assert_eq!(run.code, Some(PARTIAL), "{} {}", reasons(&run), run.stderr);
    assert!(reasons(&run).contains("was left out: opened, and it shows data"), "{}", reasons(&run));
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
}

#[test]
fn a_connection_that_keeps_no_password_or_has_another_name_is_left_alone() {
    let elsewhere: fn(&mut tableau::Connection) = |one| "someone".clone_into(&mut one.username);
    let prompts: fn(&mut tableau::Connection) = |one| one.embeds = false;
    let key: fn(&mut tableau::Connection) = |one| one.way = Some("auth-keypair".to_owned());
    for (change, told) in
        [(elsewhere, "nobody could bring them back"), (prompts, "embedPassword"), (key, "auth-keypair")]
    {
        let stage = stage(beside_without_teams(&Tableau, 57));
        in_tableau(&stage, |content| content.connections.values_mut().for_each(change));
        let before = stage.emulator.tenant();
        let run = stage.lockdown(&[], None);
        assert_eq!(run.code, Some(UNKNOWN), "{} {}", reasons(&run), run.stderr);
        assert!(reasons(&run).contains(told), "{}", reasons(&run));
        let repoint = REFRESH.replace("/try", "/repoint");
        assert_eq!((status(&stage, &repoint), status(&stage, REFRESH)), (Status::Refused, Status::Planned));
        assert_eq!(status(&stage, QUARANTINE), Status::Planned);
        let changed = differences(&before, &stage.emulator.tenant());
        assert!(changed.iter().all(|line| !line.starts_with("tableau")), "{changed:#?}");
        assert_eq!(refreshes(&stage), [0_u8; 0]);
    }
}
