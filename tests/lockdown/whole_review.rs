//! A whole review: one problem of every kind is found and nothing else, all are agreed to, and then nothing is proposed any more.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Date;
use portcullis::drill::emulator::mixpanel::{Member, ServiceAccount, State, Ui};
use portcullis::drill::emulator::{Faults, Moment, SERVICES, Switches, Tenant};
use portcullis::sys::clock::{Clock as _, System};
use serde_json::{Value, json};

use super::check::{self, DONE, PARTIAL};
use super::operations::{ADMIN, APPLY, CONTRACTOR, MOBILE, WEB, agree, line, not_restored};
use super::stage::Stage;
use super::tenant::AROUND;

/// Closed, by the register.
const STAGING: u64 = 3_187_003;
const OVER_AS_ADMIN: &str = "karl@acme.example";
const DORMANT: &str = "dmitri.dietz@acme.example";
const ONE_FACTOR: &str = "elif.eriksen@acme.example";
const IDLE_ADMIN: &str = "chiara.costa@acme.example";
const IDLE_IN_PROJECT: &str = "emil@acme.example";
const IN_CLOSED: &str = "ines@acme.example";
/// An organisation's number of nobody.
const LEFT: u64 = 599;

fn day(ago: i64) -> Date {
    let today: Date = System.now().to_rfc3339()[..10].parse().unwrap();
    today.saturating_sub(ago.days())
}

fn moment(ago: i64) -> String {
    format!("{}T09:00:00Z", day(ago))
}

fn account(id: u64, name: &str, creator: u64, used: i64) -> (u64, ServiceAccount) {
    let account = ServiceAccount {
        username: format!("{name}.abcdef.mp-service-account"),
        secret: format!("secret-of-{name}-that-nobody-has"),
        projects: [(WEB, "analyst".to_owned())].into(),
        creator,
        created: moment(if used > 90 { 200 } else { 30 }),
        last_used: Some(moment(used)),
        user: id + 1_000_000,
        ..ServiceAccount::default()
    };
    (id, account)
}

fn plant(state: &mut State) {
    for (id, (email, project, role)) in (500_010..).zip([
        (OVER_AS_ADMIN, WEB, "admin"),
        (IDLE_IN_PROJECT, MOBILE, "admin"),
        (IN_CLOSED, STAGING, "analyst"),
    ]) {
        let projects = [(project, role.to_owned())].into();
        let (name, role) = (email.to_owned(), "member".to_owned());
        state.members.insert(email.to_owned(), Member { id, name, role, projects, active: true });
    }
    for team in state.teams.values_mut() {
        // What a service account reaches through a team only a person can end, and no item asks for it.
        team.service_accounts.clear();
    }
    for account in state.service_accounts.values_mut() {
        (account.created, account.last_used) = (moment(30), Some(moment(1)));
    }
    let reverse = state.service_accounts.get_mut(&88_103).unwrap();
    reverse.projects.insert(STAGING, "consumer".to_owned());
    state.service_accounts.extend([
        account(88_130, "idle", 500_001, 150),
        account(88_131, "left", LEFT, 1),
        account(88_132, "good", 500_001, 1),
    ]);
}

/// The emulated organisation, its inventory, its register, and its log of before.
pub fn planted(seed: u64) -> Stage {
    let mut tenant = Tenant::example(seed);
    plant(&mut tenant.mixpanel);
    for service in SERVICES.iter().filter(|service| AROUND.contains(&service.name())) {
        service.example(&mut tenant);
    }
    let stage = Stage::new(tenant, Switches::default(), Faults::default());
    let good = format!(
        "\n[[integration]]\nname = 'good'\ntype = 'service-account'\ncredential = {:?}\nconsumer = 'airflow'\n",
        username(&stage, 88_132)
    );
    let rows: Vec<String> = (stage.inventory_before.clone() + &good)
        .split("[[integration]]")
        .map(|row| {
            let recent = ["name = \"local\"", "name = 'good'", "mixpanel/88103"];
            let ago = if recent.iter().any(|known| row.contains(known)) { 10 } else { 100 };
            (row, ago)
        })
        .filter(|(row, _)| !row.trim().is_empty())
        .map(|(row, ago)| {
            format!("[[integration]]{}\nowner = {ADMIN:?}\nlast-rotated = {}\n", row.trim_end(), day(ago))
        })
        .collect();
    let unowned = "[[integration]]\nname = 'unowned'\ntype = 'pipeline'\nconsumer = 'snowflake'\n";
    stage.put("integrations.toml", (rows.concat() + unowned).as_bytes());
    let register = format!(
        "closed-projects = ['{STAGING}']\n[[person]]\nemail = '{CONTRACTOR}'\ncontractor = true\nends = {}\n\
         [[person]]\nemail = '{OVER_AS_ADMIN}'\nadmin-until = {}\n",
        day(20),
        day(20)
    );
    stage.put("register.toml", register.as_bytes());
    stage.put("before.ndjson", history().as_bytes());
    stage
}

fn username(stage: &Stage, id: u64) -> String {
    stage.before.mixpanel.service_accounts[&id].username.clone()
}

/// What admins did who need their role, over more than 90 days.
fn history() -> String {
    let nothing = json!({});
    [
        line(&moment(120), ADMIN, "session.logged_in", None, &nothing),
        line(&moment(20), OVER_AS_ADMIN, "event_definition.updated", Some(WEB), &nothing),
        line(&moment(20), CONTRACTOR, "raw_event_export.requested", Some(WEB), &nothing),
        line(&moment(2), ADMIN, "session.logged_in", None, &nothing),
    ]
    .concat()
}

/// What somebody exports from the vendor's page: the tenant as it is.
fn members(stage: &Stage, with_factor: &BTreeSet<&str>) -> String {
    let tenant = stage.emulator.tenant();
    let mut csv = "email,grant,project,team,role,last login,two factor\n".to_owned();
    for (email, member) in tenant.mixpanel.members.iter().filter(|(_, member)| member.active) {
        let last = if email == DORMANT { day(150) } else { day(1) };
        let factor = if email == ONE_FACTOR && !with_factor.contains(ONE_FACTOR) { "no" } else { "yes" };
        let _ = writeln!(csv, "{email},organization,,,{},{last},{factor}", member.role);
        for (project, role) in &member.projects {
            let _ = writeln!(csv, "{email},individual,{project},,{role},,");
        }
    }
    for team in tenant.mixpanel.teams.values() {
        for email in team.members.iter().filter(|email| tenant.mixpanel.members[*email].active) {
            let _ = writeln!(csv, "{email},team,,{},,,", team.name);
        }
        for (project, role) in &team.projects {
            let _ = writeln!(csv, "*,team,{project},{},{role},,", team.name);
        }
    }
    for (id, project) in &tenant.mixpanel.projects {
        if let Some(role) = &project.default_role {
            let _ = writeln!(csv, "*,all-users,{id},,{role},,");
        }
    }
    csv
}

/// A review of what is now, all of it known: nothing may be left unjudged.
pub fn review(stage: &Stage, with_factor: &[&str], more: &[&str]) -> Value {
    stage.put("members.csv", members(stage, &with_factor.iter().copied().collect()).as_bytes());
    stage.put("now.ndjson", stage.emulator.audit_log().as_bytes());
    let args =
        ["review", "before.ndjson", "now.ndjson", "--members", "members.csv", "--register", "register.toml"];
    let run = stage.run(&[&args[..], &["--check", "--format", "json"], more].concat(), None);
    let review = run.json();
    assert_eq!(review["gaps"], json!([]), "{}", run.stderr);
    let proposes = !review["items"].as_array().unwrap().is_empty();
    assert_eq!(run.code, Some(i32::from(proposes)), "{}", run.stderr);
    review
}

fn told(items: &Value) -> Vec<(String, String, String)> {
    let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let one = |item: &Value| (text(item, "check"), text(item, "subject"), text(item, "where"));
    items.as_array().unwrap().iter().map(one).collect()
}

/// All that was planted, and nothing else.
fn expected(stage: &Stage) -> Vec<(String, String, String)> {
    let (idle, left, reverse) = (username(stage, 88_130), username(stage, 88_131), username(stage, 88_103));
    let place = |id: u64| format!("{} ({id})", stage.before.mixpanel.projects[&id].name);
    let item =
        |check: &str, subject: &str, place: &str| (check.to_owned(), subject.to_owned(), place.to_owned());
    vec![
        item("contractor-ended", CONTRACTOR, ""),
        item("admin-ended", OVER_AS_ADMIN, &place(WEB)),
        item("dormant", DORMANT, ""),
        item("second-factor", ONE_FACTOR, ""),
        item("over-privileged", IDLE_ADMIN, ""),
        item("over-privileged", IDLE_IN_PROJECT, &place(MOBILE)),
        item("closed-project", "all users", &place(STAGING)),
        item("closed-project", IN_CLOSED, &place(STAGING)),
        item("closed-project", &reverse, &place(STAGING)),
        item("creator-left", &left, ""),
        item("credential-unused", &idle, ""),
        item("credential-old", "use-1", ""),
        item("no-owner", "unowned", ""),
    ]
}

/// What no API does, on the vendor's page and in the inventory.
fn people_do_their_part(stage: &Stage) {
    stage.emulator.edit(|tenant| {
        let switches = Switches::default();
        let moment = Moment { now: Duration::ZERO, wall: System.now(), switches: &switches };
        let mut page = Ui::new(tenant, ADMIN, "192.0.2.10", moment).unwrap();
        page.grant_project_access(OVER_AS_ADMIN, WEB, "analyst").unwrap();
        page.grant_project_access(IDLE_IN_PROJECT, MOBILE, "analyst").unwrap();
        page.change_role(IDLE_ADMIN, "member").unwrap();
        page.revoke_project_access(IN_CLOSED, STAGING).unwrap();
        page.revoke_default_access(STAGING).unwrap();
    });
    let owned = stage
        .inventory()
        .replace("consumer = 'snowflake'\n", &format!("consumer = 'snowflake'\nowner = '{ADMIN}'\n"));
    stage.put("integrations.toml", owned.as_bytes());
}

#[test]
fn a_whole_review_is_carried_out_and_the_next_one_is_empty() {
    let stage = planted(51);
    let first = review(&stage, &[], &["--save", "first.json"]);
    assert_eq!(told(&first["items"]), expected(&stage), "{first:#}");
    agree(&stage, &first, |_| true);
    let run = stage.carry_out(APPLY, None);
    assert_eq!(run.code, Some(PARTIAL), "{:#} {}", run.json()["reasons"], run.stderr);
    let incident = stage.incident().unwrap();
    // Right after: nothing is proposed again. What waits for people is said to be under way.
    let second = review(&stage, &[], &["--previous", "first.json"]);
    assert_eq!(second["items"], json!([]), "{second:#}");
    let under_way = second["under_way"].as_array().unwrap();
    assert!(under_way.iter().all(|of| of["incident"] == *incident), "{second:#}");
    let waits: Vec<Value> = under_way.iter().map(|of| of["item"].clone()).collect();
    let waits: BTreeSet<String> = told(&Value::from(waits)).into_iter().map(|(check, ..)| check).collect();
    assert!(!waits.contains("dormant") && !waits.contains("contractor-ended"), "these are out: {waits:?}");
    assert!(waits.contains("over-privileged") && waits.contains("no-owner"), "{waits:?}");
    let shown = |format: &str| {
        let args = ["review", "before.ndjson", "--members", "members.csv", "--register", "register.toml"];
        stage.run(&[&args[..], &["--format", format]].concat(), None).stdout
    };
    let (table, csv) = (shown("table"), shown("csv"));
    assert!(table.contains("Proposed\n  nothing\n\nUnder way\n"), "{table}");
    assert!(table.contains(&format!("`portcullis status {incident}`")), "{table}");
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    assert_eq!(rows.iter().filter(|row| row.ends_with(&format!(",{incident}"))).count(), rows.len(), "{csv}");
    stage.attest_waiting();
    people_do_their_part(&stage);
    stage.attest_all();
    let run = stage.carry_out(&[APPLY, &["--commit"]].concat(), None);
    assert_eq!(run.code, Some(DONE), "{:#}", run.json()["reasons"]);
    check::always(&stage).unwrap();
    check::agrees(&stage).unwrap();
    let third = review(&stage, &[ONE_FACTOR], &[]);
    assert_eq!((&third["items"], third.get("under_way")), (&json!([]), None), "{third:#}");
}

#[test]
fn a_whole_review_is_taken_back_and_finds_everything_again() {
    let stage = planted(52);
    let first = review(&stage, &[], &[]);
    agree(&stage, &first, |_| true);
    let run = stage.carry_out(APPLY, None);
    assert_eq!(run.code, Some(PARTIAL), "{:#} {}", run.json()["reasons"], run.stderr);
    stage.attest_waiting();
    let run = stage.carry_out(APPLY, None);
    assert_eq!(run.code, Some(PARTIAL), "{:#} {}", run.json()["reasons"], run.stderr);
    let restore = stage.restore(None);
    assert_eq!(restore.code, Some(DONE), "{}{}", restore.stdout, restore.stderr);
    let left = not_restored(&stage);
    assert!(left.is_empty(), "{left:#?}");
    let again = review(&stage, &[], &[]);
    assert_eq!(told(&again["items"]), expected(&stage), "{again:#}");
}

#[test]
fn what_was_agreed_to_is_kept_and_a_changed_copy_is_not_believed() {
    let stage = planted(53);
    agree(&stage, &review(&stage, &[], &[]), |_| true);
    let run = stage.carry_out(APPLY, None);
    assert_eq!(run.code, Some(PARTIAL), "{:#} {}", run.json()["reasons"], run.stderr);
    let [kept] = &stage.record().filed[..] else { panic!("{:?}", stage.record().filed) };
    let path = stage.path("incidents").join(stage.incident().unwrap()).join(kept);
    let items: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(told(&items), expected(&stage));
    stage.put("members.csv", members(&stage, &BTreeSet::new()).as_bytes());
    std::fs::File::create(&path).unwrap();
    let args = ["review", "before.ndjson", "--members", "members.csv", "--register", "register.toml"];
    let run = stage.run(&args, None);
    assert_eq!(run.code, Some(5), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("was changed since it was kept"), "{}", run.stdout);
}
