//! What is planned instead of done at once: rotations, reviews, offboarding. What the tenant then holds.

use portcullis::drill::emulator::tenant::differences;
use portcullis::drill::emulator::{Faults, Switches};
use portcullis::lockdown::state::Status;
use portcullis::sys::clock::{Clock as _, System};
use serde_json::Value;

use super::check::{self, DONE, PARTIAL, REFUSED};
use super::stage::Stage;
use super::tenant::small;

const USAGE: i32 = 2;

fn stage(seed: u64) -> Stage {
    Stage::new(small(seed), Switches::default(), Faults::default())
}

/// The service account that the store's entry names, with the projects and roles that it has.
fn stored(stage: &Stage, path: &str) -> (String, Vec<(u64, String)>) {
    let tenant = stage.emulator.tenant();
    let entry = tenant.vault.mounts["secret"].secrets[path].holds().unwrap().clone();
    let username = entry["username"].as_str().unwrap().to_owned();
    let mut accounts = tenant.mixpanel.service_accounts.values();
    let account = accounts.find(|account| account.username == username).expect("it is a service account");
    assert_eq!(entry["secret"], Value::from(account.secret.clone()), "with the secret that works");
    (username, account.projects.iter().map(|(id, role)| (*id, role.clone())).collect())
}

fn row<'a>(inventory: &'a str, name: &str) -> &'a str {
    let named = format!("name = \"{name}\"");
    inventory.split("[[integration]]").find(|row| row.contains(&named)).unwrap()
}

const PATH: &str = "mixpanel/88102";

#[test]
fn a_rotation_waits_for_its_consumers_and_leaves_the_old_one_out() {
    let stage = stage(21);
    let (old, roles) = stored(&stage, PATH);
    let rotate = |more: &[&str]| stage.carry_out(&[&["rotate", "use-1"], more].concat(), None);
    let planned = rotate(&["--dry-run"]);
    assert_eq!((planned.code, stage.changes()), (Some(DONE), 0), "{}", planned.stderr);
    let first = rotate(&[]);
    assert_eq!(first.code, Some(PARTIAL), "{}{}", first.stdout, first.stderr);
    let (new, same) = stored(&stage, PATH);
    assert!(new != old && same == roles, "the new one has the roles of the old one");
    let in_projects = |name: &str| {
        let tenant = stage.emulator.tenant();
        tenant.mixpanel.service_accounts.values().find(|of| of.username == name).map(|of| of.projects.len())
    };
    assert_eq!(
        in_projects(&old),
        Some(roles.len()),
        "the old one works until its consumers have the new one"
    );
    assert_eq!(stage.inventory(), stage.inventory_before);
    let waiting = stage.attest_waiting();
    assert_eq!(waiting, ["mixpanel/consumer/second", "mixpanel/consumer/use-1"]);
    let second = rotate(&[]);
    assert_eq!((second.code, in_projects(&old)), (Some(PARTIAL), Some(0)), "{}", second.stdout);
    let day = System.now().to_rfc3339()[..10].to_owned();
    for name in ["use-1", "second"] {
        let inventory = stage.inventory();
        let row = row(&inventory, name);
        assert!(row.contains(&format!("credential = {new:?}")), "{row}");
        assert!(row.contains(&format!("last-rotated = {day}")), "{row}");
    }
    let third = rotate(&["--commit"]);
    assert_eq!((third.code, in_projects(&old)), (Some(DONE), None), "{}{}", third.stdout, third.stderr);
    assert_eq!(third.json()["verdict"], "DONE");
    check::always(&stage).unwrap();
    check::agrees(&stage).unwrap();
    // Over: what is said again is another rotation, of the new one.
    let again = rotate(&["--dry-run"]);
    assert!(again.stdout.contains(&new), "{}", again.stdout);
}

#[test]
fn a_rotation_is_taken_back_with_what_the_inventory_says() {
    let stage = stage(22);
    let (old, _) = stored(&stage, PATH);
    // By its user name it is the same rotation.
    let run = stage.carry_out(&["rotate", &old, "--at-once"], None);
    assert_eq!(run.code, Some(PARTIAL), "{}{}", run.stdout, run.stderr);
    let same = stage.carry_out(&["rotate", "second"], None);
    assert_eq!(same.json()["incident"], run.json()["incident"], "{}", same.stderr);
    assert_ne!(stage.inventory(), stage.inventory_before);
    let kept = check::rests(&stage);
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &kept).unwrap();
    assert_eq!(differences(&stage.before, &stage.emulator.tenant()).len(), check_versions(&stage));
    assert_eq!(stored(&stage, PATH).0, old);
}

/// What a store that keeps versions has more: two of each entry that was written and written back.
fn check_versions(stage: &Stage) -> usize {
    let lines = differences(&stage.before, &stage.emulator.tenant());
    assert!(lines.iter().all(|line| line.contains("vault") || line.contains("next_id")), "{lines:#?}");
    lines.len()
}

#[test]
fn a_rotation_of_nothing_is_bad_usage_and_opens_no_incident() {
    let stage = stage(23);
    let run = stage.carry_out(&["rotate", "use-17"], None);
    assert_eq!(run.code, Some(USAGE), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("there is no service account use-17"), "{}", run.stderr);
    assert!(stage.incident().is_none());
    let own = stage.before.mixpanel.service_accounts[&88_101].username.clone();
    let run = stage.carry_out(&["rotate", &own], None);
    assert_eq!(run.code, Some(PARTIAL), "{}", run.stdout);
    assert_eq!(stage.changes(), 0, "the tool's own credential is for a person");
}

#[test]
fn a_rotation_is_carried_out_as_planned_or_not_at_all() {
    let stage = stage(24);
    let file = stage.path("plan.json");
    let file = file.to_str().unwrap();
    let run = stage.carry_out(&["rotate", "use-1", "--plan", file], None);
    assert_eq!((run.code, stage.changes()), (Some(DONE), 0), "{}", run.stderr);
    let apply = |what: &[&str]| stage.carry_out(&[what, &["--plan", file, "--apply"]].concat(), None);
    assert_eq!(apply(&["rotate", "use-2"]).code, Some(REFUSED));
    assert_eq!(apply(&["lockdown", "use-1@acme.example"]).code, Some(REFUSED));
    let text = std::fs::read_to_string(file).unwrap();
    stage.put("plan.json", text.replace("its planned rotation", "another reason").as_bytes());
    assert_eq!(apply(&["rotate", "use-1"]).code, Some(REFUSED));
    assert_eq!(stage.changes(), 0);
    stage.put("plan.json", text.as_bytes());
    assert_eq!(apply(&["rotate", "use-1"]).code, Some(PARTIAL));
    let applied = stage.record().steps.values().filter(|step| step.state.status == Status::Applied).count();
    assert_eq!(applied, 3, "a new one, in two stores");
}

/// A contractor whose time is over, and a member of whom there was no sign of life.
const CONTRACTOR: &str = "jane@agency.example";
const DORMANT: &str = "bruno.brandt@acme.example";

/// A review of the emulated organisation: made by the program, and agreed to.
fn reviewed(stage: &Stage) -> Value {
    let register = format!(
        "closed-projects = ['3187002']\n[[person]]\nemail = '{CONTRACTOR}'\ncontractor = true\nends = 2026-01-31\n"
    );
    stage.put("register.toml", register.as_bytes());
    let run = stage
        .run(&["review", "--register", "register.toml", "--save", "review.json", "--format", "json"], None);
    assert!(run.code == Some(5), "no list of members in projects: {}{}", run.stdout, run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn show_review() {
    let stage = stage(31);
    let review = reviewed(&stage);
    eprintln!("{}", serde_json::to_string_pretty(&review).unwrap());
    for (email, member) in &stage.before.mixpanel.members {
        eprintln!("{email} {} {:?}", member.role, member.projects);
    }
    for (id, account) in &stage.before.mixpanel.service_accounts {
        eprintln!(
            "{id} {} {:?} {:?} {:?}",
            account.username, account.projects, account.last_used, account.created
        );
    }
    let run = stage.run(
        &[
            "review",
            "--agreed",
            "review.json",
            "--dry-run",
            "--only",
            "contractor-ended",
            "--only",
            "credential-old",
            "--only",
            "closed-project",
        ],
        None,
    );
    eprintln!("{}{}", run.stdout, run.stderr);
    panic!();
}
