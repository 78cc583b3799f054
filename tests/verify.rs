//! `portcullis verify` against an emulated tenant.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::redundant_closure_for_method_calls,
    reason = "a test fails by panicking; a method of a type with a lifetime is no closure over all of them"
)]

mod common;
mod emulated;

use emulated::{ADMIN, ELSEWHERE, OFFICE, Ran, VICTIM, WEB, World, next_second};
use serde_json::Value;

/// A tenant in which the account is locked out as far as the API goes.
fn locked(flags: &[&str]) -> (World, String) {
    let world = World::new();
    let mut args = vec!["lockdown", VICTIM, "--yes", "--json"];
    args.extend(flags);
    let ran = world.run(&args);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    let incident = world.incident();
    next_second();
    (world, incident)
}

fn verify(world: &World, incident: &str, args: &[&str]) -> Ran {
    let before = world.changes().len();
    let mut all = vec!["verify", incident];
    all.extend(args);
    let ran = world.run(&all);
    assert_eq!(world.changes().len(), before, "verify changes nothing at the providers");
    ran
}

fn guided<'a>(record: &'a Value, id: &str) -> &'a Value {
    let all = record["guided"].as_array().unwrap();
    all.iter().find(|step| step["id"] == id).unwrap_or_else(|| panic!("{id}: {record}"))
}

/// Numbers of open guided steps that are needed, other than these.
fn open(record: &Value, but: &[&str]) -> Vec<String> {
    let all = record["guided"].as_array().unwrap().iter();
    let open = all.filter(|step| step["required"] == true && step["done"].is_null());
    let open = open.filter(|step| !but.contains(&step["id"].as_str().unwrap()));
    open.map(|step| step["number"].to_string()).collect()
}

/// Vouches for everything that is needed and that no log proves.
fn attest_rest(world: &World, incident: &str, but: &[&str]) {
    let record = world.run(&["status", incident, "--json"]).json();
    let mut args = vec!["--by", ADMIN, "--without-log"];
    let numbers = open(&record, but);
    for number in &numbers {
        args.extend(["--attest", number]);
    }
    verify(world, incident, &args);
}

fn remove_member(world: &World) {
    world.emulator.ui(ADMIN, OFFICE, |page| page.remove_member(VICTIM)).unwrap();
}

#[test]
fn it_proves_again_and_changes_nothing() {
    let (world, incident) = locked(&[]);
    let requests = world.emulator.requests().len();
    let ran = verify(&world, &incident, &["--json"]);
    assert_eq!((ran.code, &ran.json()["verdict"]), (4, &Value::from("PARTIAL")), "{}", ran.err);
    assert!(world.emulator.requests().len() > requests, "it reads");
    let record = ran.json();
    let steps = record["steps"].as_array().unwrap();
    let held = steps.iter().filter(|step| step["status"] == "applied");
    assert!(held.clone().count() >= 2 && held.clone().all(|step| step["proved"].is_string()), "{record}");
    let text = verify(&world, &incident, &[]);
    assert!(text.code == 4 && text.out.contains("PARTIAL: jane@agency.example"), "{}{}", text.out, text.err);
}

#[test]
fn what_came_up_since_is_unknown_and_left_alone() {
    let (world, incident) = locked(&[]);
    world.emulator.edit(|tenant| {
        let mut planted = tenant.mixpanel.service_accounts[&88_123].clone();
        planted.projects = [(WEB, "admin".to_owned())].into();
        (planted.username, planted.user) = ("planted.abc.mp-service-account".to_owned(), 1_099_001);
        tenant.mixpanel.service_accounts.insert(99_001, planted);
    });
    let ran = verify(&world, &incident, &["--json"]);
    assert_eq!((ran.code, &ran.json()["verdict"]), (5, &Value::from("UNKNOWN")), "{}", ran.err);
    assert!(ran.json()["reasons"].to_string().contains("99001"), "{}", ran.out);
}

#[test]
fn a_fresh_log_proves_what_people_did() {
    let (world, incident) = locked(&[]);
    world.export("before.ndjson");
    let ran = verify(&world, &incident, &["--log", "before.ndjson", "--json"]);
    assert!(guided(&ran.json(), "mixpanel/remove-member")["done"].is_null(), "{}", ran.out);
    let why = ran.json()["log"]["guided"].to_string();
    assert!(why.contains("no record of organization.user_removed about jane@agency.example"), "{why}");
    assert!(why.contains("no log shows it"), "{why}");
    remove_member(&world);
    world.export("after.ndjson");
    let ran = verify(&world, &incident, &["--log", "after.ndjson", "--json"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    let record = ran.json();
    let done = guided(&record, "mixpanel/remove-member")["done"].as_str().unwrap().to_owned();
    let log = std::fs::read_to_string(world.place.path("after.ndjson")).unwrap();
    let number = log.lines().position(|line| line.contains("organization.user_removed")).unwrap() + 1;
    assert!(done.starts_with(&format!("record {number} of after.ndjson (sha256 ")), "{done}");
    assert!(
        done.contains(": organization.user_removed at 20") && done.ends_with(&format!("by {ADMIN}")),
        "{done}"
    );
    let noted = world.journal();
    let noted = noted.iter().filter(|entry| entry["entry"] == "guided");
    assert!(noted.clone().count() == 1 && noted.clone().all(|entry| entry["how"] == done.as_str()), "{done}");
    let text = verify(&world, &incident, &["--log", "after.ndjson"]);
    assert!(text.out.contains("proved  mixpanel/remove-member: record"), "{}", text.out);
}

#[test]
fn a_log_from_before_the_incident_proves_nothing() {
    let world = World::new();
    world.emulator.ui(ADMIN, OFFICE, |page| page.export_audit_log()).unwrap();
    next_second();
    let ran = world.run(&["lockdown", VICTIM, "--yes", "--json"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    world.export("audit.ndjson");
    let ran = verify(&world, &world.incident(), &["--log", "audit.ndjson", "--json"]);
    assert!(guided(&ran.json(), "mixpanel/export-audit-log")["done"].is_null(), "{}", ran.out);
    assert!(ran.json()["log"]["guided"].to_string().contains("from before the incident"), "{}", ran.out);
}

#[test]
fn a_record_of_something_else_of_the_kind_proves_no_step_that_is_needed() {
    let (world, incident) = locked(&[]);
    world.emulator.ui(ADMIN, OFFICE, |page| page.publish_board(WEB, 5_120)).unwrap();
    world.emulator.ui(ADMIN, OFFICE, |page| page.pause_json_pipeline(WEB, "json-gcs")).unwrap();
    world.export("audit.ndjson");
    let ran = verify(&world, &incident, &["--log", "audit.ndjson", "--json"]);
    for id in ["mixpanel/public-boards", "mixpanel/json-pipelines"] {
        assert!(guided(&ran.json(), id)["done"].is_null(), "{id}: {}", ran.out);
    }
}

#[test]
fn what_the_account_does_after_the_lockdown_is_unknown_until_a_later_log_is_quiet() {
    let (world, incident) = locked(&["--commit"]);
    world.emulator.ui(VICTIM, ELSEWHERE, |page| page.close_board(WEB, 5_121)).unwrap();
    world.export("one.ndjson");
    let ran = verify(&world, &incident, &["--log", "one.ndjson", "--json"]);
    let record = ran.json();
    assert_eq!((ran.code, &record["verdict"]), (5, &Value::from("UNKNOWN")), "{}", ran.err);
    assert!(record["reasons"][0].as_str().unwrap().contains("board.public_access_updated"), "{record}");
    // Neither time nor another look takes it back.
    assert_eq!(verify(&world, &incident, &[]).code, 5);
    let without: Vec<String> =
        world.emulator.audit_log().lines().filter(|line| !line.contains(VICTIM)).map(str::to_owned).collect();
    world.place.write("without.ndjson", (without.join("\n") + "\n").as_bytes());
    assert_eq!(verify(&world, &incident, &["--log", "without.ndjson"]).code, 5);
    next_second();
    remove_member(&world);
    world.emulator.ui(ADMIN, OFFICE, |page| page.close_board(WEB, 5_120)).unwrap();
    world.export("two.ndjson");
    assert_eq!(verify(&world, &incident, &["--log", "two.ndjson"]).code, 5, "more is to be done");
    attest_rest(&world, &incident, &[]);
    let ran = verify(&world, &incident, &["--log", "two.ndjson"]);
    assert!(ran.code == 5 && ran.out.contains("takes a later export"), "{}{}", ran.out, ran.err);
    next_second();
    world.emulator.ui(ADMIN, OFFICE, |page| page.export_audit_log()).unwrap();
    world.export("three.ndjson");
    let ran = verify(&world, &incident, &["--log", "three.ndjson", "--json"]);
    assert_eq!((ran.code, &ran.json()["verdict"]), (0, &Value::from("CONTAINED")), "{}{}", ran.out, ran.err);
    assert!(ran.json()["log"]["notes"].to_string().contains("see what it did"), "{}", ran.out);
    assert_eq!(verify(&world, &incident, &[]).code, 0);
}

#[test]
fn a_log_that_is_not_read_whole_keeps_the_verdict_from_being_the_best() {
    let (world, incident) = locked(&["--commit"]);
    remove_member(&world);
    attest_rest(&world, &incident, &["mixpanel/remove-member"]);
    next_second();
    world.emulator.ui(ADMIN, OFFICE, |page| page.export_audit_log()).unwrap();
    let log = world.emulator.audit_log();
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains("organization.user_removed")).collect();
    world.place.write("torn.ndjson", format!("{}\n{{\"date_time\": torn\n", lines.join("\n")).as_bytes());
    let ran = verify(&world, &incident, &["--log", "torn.ndjson"]);
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("torn.ndjson: 1 rejected parts"), "{}", ran.err);
    assert!(ran.out.contains("it may be in what could not be read"), "{}", ran.out);
    world.place.write("torn.ndjson", format!("{log}{{\"date_time\": torn\n").as_bytes());
    let ran = verify(&world, &incident, &["--log", "torn.ndjson", "--json"]);
    let record = ran.json();
    assert!(
        guided(&record, "mixpanel/remove-member")["done"].is_string(),
        "a proof found is a proof: {record}"
    );
    assert_eq!((ran.code, &record["verdict"]), (4, &Value::from("PARTIAL")));
    assert!(record["reasons"].to_string().contains("not read whole"), "{record}");
    world.export("whole.ndjson");
    assert_eq!(verify(&world, &incident, &["--log", "whole.ndjson"]).code, 0);
    let missing = verify(&world, &incident, &["--log", "nowhere.ndjson"]);
    assert!(missing.code == 4 && missing.err.contains("nowhere.ndjson"), "{}{}", missing.out, missing.err);
}

#[test]
fn who_vouches_is_in_the_journal() {
    let (world, incident) = locked(&[]);
    let number =
        |id: &str| guided(&world.run(&["status", &incident, "--json"]).json(), id)["number"].to_string();
    let sessions = number("mixpanel/end-sessions");
    let ran = verify(
        &world,
        &incident,
        &[
            "--attest",
            &sessions,
            "--attest",
            "mixpanel/api-secrets",
            "--by",
            ADMIN,
            "--note",
            "ticket 4711",
            "--json",
        ],
    );
    assert_eq!(ran.code, 4, "{}", ran.err);
    let expected = format!("attested by {ADMIN}: ticket 4711");
    for id in ["mixpanel/end-sessions", "mixpanel/api-secrets"] {
        assert_eq!(guided(&ran.json(), id)["done"], expected.as_str());
    }
    let entries = world.journal().len();
    for (args, part) in [
        (vec!["--attest", "99", "--by", "x"], "there is no guided step"),
        (vec!["--attest", "0", "--by", "x"], "there is no guided step"),
        (vec!["--attest", &sessions, "--by", "x"], "is done: attested by"),
        (vec!["--attest", "mixpanel/remove-member", "--by", "x"], "--without-log"),
        (
            vec!["--attest", "mixpanel/cohort-syncs", "--attest", "no-such", "--by", "x"],
            "there is no guided step",
        ),
        (vec!["--attest", "mixpanel/cohort-syncs", "--by", " "], "names nobody"),
        (vec!["--attest", "mixpanel/cohort-syncs", "--by", "x\u{1b}[2J"], "one line"),
        (vec!["--attest", "mixpanel/cohort-syncs"], "--by"),
    ] {
        let ran = verify(&world, &incident, &args);
        assert!(ran.code == 2 && ran.err.contains(part), "{args:?}: {}", ran.err);
    }
    let unknown = verify(&world, &incident, &["--attest", "99", "--by", "x"]);
    assert!(unknown.err.contains("mixpanel/cohort-syncs"), "open steps are listed: {}", unknown.err);
    assert_eq!(world.journal().len(), entries, "nothing is noted after a mistake");
    let args = ["--attest", "mixpanel/remove-member", "--by", "x", "--without-log", "--json"];
    let ran = verify(&world, &incident, &args);
    assert_eq!(guided(&ran.json(), "mixpanel/remove-member")["done"], "attested by x");
}

#[test]
fn a_word_that_the_member_is_removed_does_not_stand_in_for_the_list() {
    let (world, incident) = locked(&["--commit"]);
    attest_rest(&world, &incident, &[]);
    let ran = verify(&world, &incident, &["--json"]);
    assert_eq!((ran.code, &ran.json()["verdict"]), (5, &Value::from("UNKNOWN")), "{}{}", ran.out, ran.err);
    assert!(ran.json()["reasons"].to_string().contains("it is still listed"), "{}", ran.out);
    remove_member(&world);
    let ran = verify(&world, &incident, &["--json"]);
    assert_eq!((ran.code, &ran.json()["verdict"]), (0, &Value::from("CONTAINED")), "{}{}", ran.out, ran.err);
}

#[test]
fn there_has_to_be_a_lockdown() {
    let (world, incident) = locked(&[]);
    let ran = verify(&world, "nothing-of-that-name", &[]);
    assert!(ran.code == 2 && ran.err.contains("there is no incident"), "{}", ran.err);
    assert_ne!(world.run(&["restore", &incident, "--yes"]).code, 2);
    let ran = verify(&world, &incident, &[]);
    assert!(ran.code == 2 && ran.err.contains("is being restored"), "{}", ran.err);
    let other = World::new();
    assert_eq!(other.run(&["lockdown", VICTIM]).code, 6, "nobody agreed");
    let ran = verify(&other, &other.incident(), &[]);
    assert!(ran.code == 2 && ran.err.contains("never agreed to"), "{}", ran.err);
    assert!(other.changes().is_empty());
}
