//! What is planned instead of done at once: rotations, reviews, offboarding. What the tenant then holds.

use portcullis::drill::emulator::mixpanel::Ui;
use portcullis::drill::emulator::tenant::differences;
use portcullis::drill::emulator::{Faults, Moment, Switches, okta};
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

/// A contractor whose time is over.
pub const CONTRACTOR: &str = "jane@agency.example";

/// A review of the emulated organisation, made by the program.
fn review(stage: &Stage) -> Value {
    let register = format!(
        "closed-projects = ['3187002']\n[[person]]\nemail = '{CONTRACTOR}'\ncontractor = true\nends = 2026-01-31\n"
    );
    stage.put("register.toml", register.as_bytes());
    let run = stage.run(&["review", "--register", "register.toml", "--format", "json"], None);
    assert_eq!(run.code, Some(5), "no list tells the roles in projects: {}{}", run.stdout, run.stderr);
    run.json()
}

/// Identifiers of its items of this check about this subject.
fn item(review: &Value, check: &str, subject: &str) -> Option<String> {
    let items = review["items"].as_array().unwrap();
    let found = items.iter().find(|item| item["check"] == check && item["subject"] == subject);
    found.map(|item| item["id"].as_str().unwrap().to_owned())
}

/// What people agree to: the contractor leaves, a service account leaves a closed project, a credential is rotated.
fn agreed(stage: &Stage, review: &Value) -> Vec<(&'static str, String)> {
    let nightly = stage.before.mixpanel.service_accounts[&88_102].username.clone();
    let meant = vec![
        ("contractor-ended", CONTRACTOR.to_owned()),
        ("closed-project", nightly),
        ("credential-old", "use-2".to_owned()),
    ];
    let ids: Vec<String> =
        meant.iter().map(|(check, subject)| item(review, check, subject).unwrap()).collect();
    agree(stage, review, |item| ids.iter().any(|id| item["id"] == **id));
    meant
}

/// People agree to these items of a review, and to no others.
pub fn agree(stage: &Stage, review: &Value, to: impl Fn(&Value) -> bool) {
    let mut review = review.clone();
    for item in review["items"].as_array_mut().unwrap() {
        item["agreed"] = Value::from(to(item));
    }
    stage.put("review.json", review.to_string().as_bytes());
}

/// What differs from before a restored review, but for what always does: versions of stores, numbers, ended sessions.
pub fn not_restored(stage: &Stage) -> Vec<String> {
    let known = |line: &String| {
        line.starts_with("vault")
            || ["next_id", "sessions", "tokens", "devices"].iter().any(|part| line.contains(part))
    };
    differences(&stage.before, &stage.emulator.tenant()).into_iter().filter(|line| !known(line)).collect()
}

/// A review in which everything that [`agreed`] chooses was agreed to.
pub fn agree_to_all(stage: &Stage) -> Vec<(&'static str, String)> {
    agreed(stage, &review(stage))
}

pub const APPLY: &[&str] = &["review", "--agreed", "review.json", "--apply"];

#[test]
fn what_was_agreed_in_a_review_is_done_and_the_next_review_does_not_find_it() {
    let stage = stage(31);
    let first = review(&stage);
    let meant = agreed(&stage, &first);
    let planned = stage.run(&["review", "--agreed", "review.json", "--dry-run"], None);
    assert_eq!((planned.code, stage.changes()), (Some(DONE), 0), "{}", planned.stderr);
    let run = stage.carry_out(APPLY, None);
    assert_eq!(run.code, Some(PARTIAL), "{}{}", run.stdout, run.stderr);
    assert!(!stage.attest_waiting().is_empty());
    let run = stage.carry_out(&[APPLY, &["--commit"]].concat(), None);
    assert_eq!(run.code, Some(PARTIAL), "{:#}", run.json()["reasons"]);
    stage.attest_all();
    let run = stage.carry_out(&[APPLY, &["--commit"]].concat(), None);
    assert_eq!(run.code, Some(DONE), "{}{}", run.stdout, run.stderr);
    check::always(&stage).unwrap();
    check::agrees(&stage).unwrap();
    let tenant = stage.emulator.tenant();
    assert!(!tenant.mixpanel.members[CONTRACTOR].active);
    let nightly = tenant.mixpanel.service_accounts.values().find(|of| of.username.contains("88102"));
    let nightly = nightly.expect("the contractor had made it: it has a successor");
    assert_eq!(
        nightly.projects.keys().copied().collect::<Vec<_>>(),
        [3_187_001],
        "but not in the closed project"
    );
    let second = review(&stage);
    for (check, subject) in meant {
        assert_eq!(item(&second, check, &subject), None, "{check} {subject}: {second:#}");
    }
}

#[test]
fn what_was_done_for_a_review_is_taken_back() {
    let stage = stage(32);
    let first = review(&stage);
    agreed(&stage, &first);
    let only = item(&first, "closed-project", &stage.before.mixpanel.service_accounts[&88_103].username);
    let run = stage.carry_out(&[APPLY, &["--only", &only.unwrap()]].concat(), None);
    assert_eq!(run.code, Some(DONE), "one thing alone: {}{}", run.stdout, run.stderr);
    let run = stage.carry_out(APPLY, None);
    assert_eq!(run.code, Some(PARTIAL), "{}{}", run.stdout, run.stderr);
    stage.attest_waiting();
    let run = stage.carry_out(APPLY, None);
    assert_eq!(run.code, Some(PARTIAL), "{}{}", run.stdout, run.stderr);
    for name in stage.incidents() {
        let restore = stage.run(&["restore", &name, "--yes", "--json", "--wait", "1s"], None);
        assert_eq!(restore.code, Some(DONE), "{name}: {}{}", restore.stdout, restore.stderr);
    }
    let left = not_restored(&stage);
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(stage.inventory(), stage.inventory_before);
}

#[test]
fn a_review_in_which_nobody_agreed_to_anything_does_nothing() {
    let stage = stage(33);
    let first = review(&stage);
    stage.put("review.json", first.to_string().as_bytes());
    for (args, told) in [
        (&["review", "--agreed", "review.json", "--apply"][..], "no item was agreed to"),
        (&["review", "--agreed", "review.json", "--apply", "--only", "ffffffff"], "no item is called"),
        (&["review", "--agreed", "review.json"], "needs --apply"),
        (&["review", "--apply"], "names no review"),
        (&["review", "--agreed", "register.toml", "--apply"], "not a review"),
    ] {
        let run = stage.run(args, None);
        assert!(
            run.code == Some(USAGE) && run.stderr.contains(told),
            "{args:?}: {:?} {}",
            run.code,
            run.stderr
        );
    }
    assert!(stage.incident().is_none() && stage.changes() == 0);
}

/// The roles of people in projects, which no API tells: those of the tenant, and jane's in these projects.
fn members(stage: &Stage, janes: &[u64]) -> String {
    let mut csv = "email,grant,project,team,role\n".to_owned();
    for (email, member) in &stage.before.mixpanel.members {
        csv += &format!("{email},organization,,,{}\n", member.role);
        let own = |project: &u64| email != CONTRACTOR || janes.contains(project);
        for (project, role) in member.projects.iter().filter(|(project, _)| own(project)) {
            csv += &format!("{email},individual,{project},,{role}\n");
        }
    }
    csv
}

pub fn line(time: &str, actor: &str, action: &str, project: Option<u64>, details: &Value) -> String {
    let project = project.map(|id| serde_json::json!({"id": id, "name": format!("P{id}")}));
    let line = serde_json::json!({
        "date_time": time, "user": {"email": actor}, "action": action, "ip_address": "192.0.2.1",
        "project": project, "details": details,
    });
    line.to_string() + "\n"
}

pub const WEB: u64 = 3_187_001;
pub const MOBILE: u64 = 3_187_002;
pub const ADMIN: &str = "ada.abel@acme.example";

/// No service account reaches a project through a team: there it would be seen today, and only a person could end that.
pub fn without_teams(seed: u64) -> Stage {
    let mut tenant = small(seed);
    for team in tenant.mixpanel.teams.values_mut() {
        team.service_accounts.clear();
    }
    Stage::new(tenant, Switches::default(), Faults::default())
}

/// What jane made, and that somebody took her out of a project a while ago.
pub fn history(stage: &Stage) {
    let nothing = serde_json::json!({});
    let whom = serde_json::json!({ "email": CONTRACTOR });
    let log = [
        line("2026-09-01T00:00:00Z", ADMIN, "session.logged_in", None, &nothing),
        line("2026-09-02T00:00:00Z", CONTRACTOR, "board.created", Some(WEB), &nothing),
        line("2026-11-20T00:00:00Z", ADMIN, "project.user_removed", Some(MOBILE), &whom),
        line("2026-11-27T00:00:00Z", ADMIN, "session.logged_in", None, &nothing),
    ];
    stage.put("audit.ndjson", log.concat().as_bytes());
    stage.put("now.csv", members(stage, &[WEB]).as_bytes());
    stage.put("before.csv", members(stage, &[WEB, MOBILE]).as_bytes());
}

pub const KNOWN: &[&str] =
    &["--log", "audit.ndjson", "--members", "now.csv", "--members-before", "before.csv"];

#[test]
fn a_lockdown_rotates_what_the_account_could_see_once_and_no_list_shows_today() {
    let stage = without_teams(41);
    history(&stage);
    let seen = "mixpanel/service-account/88103/replace";
    let plan =
        |more: &[&str]| stage.run(&[&["lockdown", CONTRACTOR, "--dry-run", "--json"], more].concat(), None);
    let planned = |run: &super::stage::Run| {
        let steps = run.json()["steps"].as_array().unwrap().clone();
        let step = steps.iter().find(|step| step["id"] == seen);
        step.map(|step| step["why"].as_str().unwrap().to_owned())
    };
    assert_eq!(planned(&plan(&[])), None, "no list shows it today");
    let with = plan(KNOWN);
    let why = planned(&with).expect("the log shows it");
    assert!(why.contains("it could see the credentials of Mobile Production (3187002)"), "{why}");
    assert!(why.contains("until 2026-11-20"), "{why}");
    let asked = [
        "blast-radius",
        CONTRACTOR,
        "audit.ndjson",
        "--members",
        "now.csv",
        "--members-before",
        "before.csv",
    ];
    let radius = stage.run(&[&asked[..], &["--format", "json", "-o", "radius.json"]].concat(), None);
    assert!(matches!(radius.code, Some(0 | 5)), "{}", radius.stderr);
    assert_eq!(plan(&["--blast-radius", "radius.json"]).json()["hash"], with.json()["hash"]);
    let other = ["lockdown", "elif.eriksen@acme.example", "--dry-run", "--blast-radius", "radius.json"];
    let other = stage.run(&other, None);
    assert!(other.code == Some(USAGE) && other.stderr.contains("is the blast radius of"), "{}", other.stderr);
    assert_eq!(stage.changes(), 0);
    // At night without logs; in the morning with them.
    let (old, _) = stored(&stage, "mixpanel/88103");
    let first = stage.lockdown(&[], None);
    assert_eq!(first.code, Some(PARTIAL), "{}", first.stderr);
    assert_eq!(stored(&stage, "mixpanel/88103").0, old);
    let second = stage.lockdown(KNOWN, None);
    assert_eq!(second.code, Some(PARTIAL), "{}{}", second.stdout, second.stderr);
    assert_eq!(second.json()["incident"], first.json()["incident"]);
    assert_ne!(stored(&stage, "mixpanel/88103").0, old);
    let account = |id: u64| stage.emulator.tenant().mixpanel.service_accounts[&id].projects.len();
    assert_eq!(account(88_103), 0, "a compromised account: its consumers are not waited for");
    check::always(&stage).unwrap();
    check::agrees(&stage).unwrap();
    let again = stage.lockdown(&[], None);
    assert_eq!(again.code, Some(PARTIAL), "{}", again.stderr);
    let kept = check::rests(&stage);
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &kept).unwrap();
}

#[test]
fn logs_that_are_not_whole_make_no_plan() {
    let stage = stage(42);
    history(&stage);
    stage.put("audit.ndjson", b"{\"date_time\"");
    let run = stage.lockdown(KNOWN, None);
    assert_eq!((run.code, stage.changes()), (Some(REFUSED), 0), "{}", run.stderr);
    assert!(stage.incident().is_none());
}

fn offboard(stage: &Stage, more: &[&str]) -> super::stage::Run {
    stage.carry_out(&[&["offboard", CONTRACTOR], more].concat(), None)
}

/// Out everywhere, nothing destroyed, and what others work with goes on.
fn the_first_day(stage: &Stage) {
    let tenant = stage.emulator.tenant();
    let user = tenant.okta.users.values().find(|user| user.login == CONTRACTOR).unwrap();
    assert_eq!(user.status, okta::Status::Suspended);
    assert!(!tenant.okta.groups["00gmix"].members.contains_key("00ujane"));
    assert!(!tenant.mixpanel.members[CONTRACTOR].active);
    assert!(tenant.okta.tokens.contains_key("00Tjane"), "nothing is destroyed without --commit");
    let of = |id: u64| tenant.mixpanel.service_accounts[&id].projects.len();
    assert!(of(88_102) == 2 && of(88_103) == 1, "consumers have not taken up the new ones yet");
    assert_eq!(tenant.mixpanel.service_accounts.len(), stage.before.mixpanel.service_accounts.len() + 3);
    assert_eq!(
        serde_json::to_value(&tenant.mixpanel.projects).unwrap(),
        serde_json::to_value(&stage.before.mixpanel.projects).unwrap(),
        "pipelines and imports run on"
    );
    let incident = stage.incident().unwrap();
    let folder = stage.path("incidents").join(&incident);
    let before = std::fs::read_to_string(folder.join("snapshots/access-before.json")).unwrap();
    assert!(before.contains("board.created") && before.contains("3187002"));
    assert_eq!(stage.record().filed, ["snapshots/access-before.json"]);
    let letter = std::fs::read_to_string(folder.join("letters/to-all.txt")).unwrap();
    assert!(
        letter.contains("[x] it is in no group") && letter.contains("[ ] the removal is in the log"),
        "{letter}"
    );
    let guided = |id: &str| {
        let record = stage.record();
        record.guided.iter().find(|step| step.guided.id == id).map(|step| step.guided.how.clone())
    };
    assert!(guided("offboard/hand-over/boards").unwrap().contains("1 × board.created"));
    assert!(guided("offboard/project/3187001").is_some() && guided("offboard/project/3187002").is_none());
}

#[test]
fn somebody_leaves_over_days_and_it_is_shown_in_four_ways() {
    let stage = without_teams(43);
    history(&stage);
    let first = offboard(&stage, KNOWN);
    assert_eq!(first.code, Some(PARTIAL), "{}{}", first.stdout, first.stderr);
    the_first_day(&stage);
    let incident = stage.incident().unwrap();
    let page =
        || std::fs::read_to_string(stage.path("incidents").join(&incident).join("report.html")).unwrap();
    assert!(
        page().contains("<tr><td>the removal is in the log</td><td><span class=\"open\">not shown</span>")
    );
    // The next day, people have signed off; the logs are not needed again.
    assert!(!stage.attest_waiting().is_empty());
    let second = offboard(&stage, &[]);
    assert_eq!(second.json()["incident"], first.json()["incident"]);
    let tenant = stage.emulator.tenant();
    let of = |id: u64| tenant.mixpanel.service_accounts[&id].projects.len();
    let why = &second.json()["reasons"];
    assert_eq!((second.code, of(88_102), of(88_103)), (Some(PARTIAL), 0, 0), "{why:#}");
    assert!(stage.inventory().contains("last-rotated"));
    // The removal by a person, and the export that shows it.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    stage.emulator.edit(|tenant| {
        let switches = Switches::default();
        let moment = Moment { now: std::time::Duration::ZERO, wall: System.now(), switches: &switches };
        tenant.mixpanel.members.get_mut(CONTRACTOR).unwrap().active = true;
        Ui::new(tenant, ADMIN, "192.0.2.10", moment).unwrap().remove_member(CONTRACTOR).unwrap();
    });
    stage.put("fresh.ndjson", stage.emulator.audit_log().as_bytes());
    let verified = stage.run(&["verify", &incident, "--log", "fresh.ndjson", "--json", "--wait", "1s"], None);
    assert_eq!(verified.code, Some(PARTIAL), "{}{}", verified.stdout, verified.stderr);
    stage.attest_all();
    let last = offboard(&stage, &["--commit"]);
    assert_eq!(last.code, Some(DONE), "{}{}", last.stdout, last.stderr);
    assert_eq!(last.json()["verdict"], "DONE");
    let shown = last.json()["shown"].as_array().unwrap().clone();
    assert!(shown.len() == 4 && shown.iter().all(|way| way["shown"] == true), "{shown:#?}");
    assert!(shown[1]["why"].as_str().unwrap().contains("organization.user_removed"), "{shown:#?}");
    assert_eq!(page().matches("<span class=\"done\">shown</span>").count(), 4);
    let tenant = stage.emulator.tenant();
    assert!(!tenant.okta.tokens.contains_key("00Tjane"));
    assert!(
        [88_102, 88_103, 88_123, 88_124].iter().all(|id| !tenant.mixpanel.service_accounts.contains_key(id))
    );
    check::always(&stage).unwrap();
    check::agrees(&stage).unwrap();
}

#[test]
fn who_did_not_leave_after_all_has_everything_again() {
    let stage = stage(44);
    let first = offboard(&stage, &[]);
    assert_eq!(first.code, Some(PARTIAL), "{}{}", first.stdout, first.stderr);
    stage.attest_waiting();
    let second = offboard(&stage, &[]);
    assert_eq!(second.code, Some(PARTIAL), "{}{}", second.stdout, second.stderr);
    let kept = check::rests(&stage);
    assert!(kept.is_empty());
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &kept).unwrap();
}

#[test]
fn what_was_before_is_sealed_with_what_was_done() {
    let stage = stage(45);
    history(&stage);
    let planned = offboard(&stage, &[KNOWN, &["--plan", "plan.json"]].concat());
    assert_eq!((planned.code, stage.changes()), (Some(DONE), 0), "{}", planned.stderr);
    let run = offboard(&stage, &["--plan", "plan.json", "--apply"]);
    assert_eq!(run.code, Some(PARTIAL), "{}{}", run.stdout, run.stderr);
    let incident = stage.incident().unwrap();
    let letters = std::fs::read_dir(stage.path("incidents").join(&incident).join("letters")).unwrap();
    assert!(letters.count() > 3);
    let done = |args: &[&str]| {
        let run = stage.run(args, None);
        assert_eq!(run.code, Some(DONE), "{args:?}: {}{}", run.stdout, run.stderr);
    };
    done(&["evidence", "key", "new", "-o", "key.pem"]);
    done(&["evidence", "seal", &incident, "--root", "bags", "--ticket", "T-1", "--key", "key.pem"]);
    let year = System.now().to_rfc3339()[..4].to_owned();
    let bag = format!("bags/{year}/T-1");
    done(&["evidence", "check", &bag, "--key", "key.pub.pem"]);
    let sealed = std::fs::read(stage.path(&format!("{bag}/data/snapshots/access-before.json"))).unwrap();
    let kept = stage.path("incidents").join(&incident).join("snapshots/access-before.json");
    assert_eq!(sealed, std::fs::read(&kept).unwrap());
    // What was kept and changed afterwards is not what the journal says.
    std::fs::File::create(&kept).unwrap();
    let args = ["evidence", "seal", &incident, "--root", "bags", "--ticket", "T-2", "--key", "key.pem"];
    let run = stage.run(&args, None);
    assert!(run.code != Some(DONE), "{}{}", run.stdout, run.stderr);
}

#[test]
fn the_last_owner_is_not_deactivated_and_apply_needs_a_plan() {
    let mut tenant = small(46);
    for (email, member) in &mut tenant.mixpanel.members {
        member.role = if email == ADMIN { "owner" } else { "member" }.into();
    }
    let stage = Stage::new(tenant, Switches::default(), Faults::default());
    let item = serde_json::json!({
        "check": "dormant", "subject": ADMIN, "where": null, "why": "x", "action": "y", "agreed": true,
    });
    let review = serde_json::json!({"day": "2026-11-28", "items": [item], "members": [], "gaps": []});
    stage.put("review.json", review.to_string().as_bytes());
    let run = stage.carry_out(APPLY, None);
    assert_eq!((run.code, stage.changes()), (Some(REFUSED), 0), "{}", run.stderr);
    assert!(run.stderr.contains("is the last owner"), "{}", run.stderr);
    for command in [&["rotate", "use-1", "--apply"][..], &["offboard", CONTRACTOR, "--apply"]] {
        let run = stage.run(command, None);
        assert!(run.code == Some(USAGE) && run.stderr.contains("--plan names none"), "{}", run.stderr);
    }
}
