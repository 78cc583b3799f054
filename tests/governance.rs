//! `blast-radius`, `inventory`, `review` and `calendar` as a user meets them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
mod emulated;

use common::{Place, command};
use emulated::{VICTIM, World};
use serde_json::{Value, json};

/// The day of every review here.
const DAY: &str = "2026-11-28";

fn run(place: &Place, args: &[&str]) -> (i32, String, String) {
    let output = command(place.folder.path()).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn line(time: &str, actor: &str, action: &str, project: Option<u64>, details: &Value) -> String {
    let project = project.map(|id| json!({"id": id, "name": format!("P{id}")}));
    let line = json!({
        "date_time": time, "user": {"email": actor}, "action": action, "ip_address": "192.0.2.1",
        "project": project, "details": details,
    });
    line.to_string() + "\n"
}

const MEMBERS: &str = "\
email,grant,project,team,role,last login,two factor
ada@acme.example,organization,,,owner,2026-11-27,yes
bruno@acme.example,organization,,,owner,2026-11-27,yes
carla@acme.example,organization,,,admin,2026-11-27,yes
dora@acme.example,organization,,,member,2026-11-27,yes
dora@acme.example,individual,7,,admin,,
emil@acme.example,organization,,,member,2026-11-27,yes
emil@acme.example,individual,7,,admin,,
finn@acme.example,organization,,,member,2026-07-01,yes
finn@acme.example,individual,7,,admin,,
gina@agency.example,organization,,,member,2026-11-27,yes
hugo@acme.example,organization,,,member,2026-11-27,no
ines@acme.example,organization,,,member,2026-11-27,yes
ines@acme.example,individual,9,,analyst,,
karl@acme.example,organization,,,member,2026-11-27,yes
karl@acme.example,individual,8,,admin,,
lena@acme.example,organization,,,member,2026-11-27,yes
lena@acme.example,team,,Growth,,,
*,team,8,Growth,admin,,
";

const REGISTER: &str = "\
closed-projects = ['9']
[[person]]
email = 'gina@agency.example'
contractor = true
ends = 2026-10-31
[[person]]
email = 'karl@acme.example'
admin-until = 2026-10-01
[[person]]
email = 'ines@acme.example'
contractor = true
ends = 2027-06-30
";

const INVENTORY: &str = "\
[[integration]]
name = 'good'
type = 'service-account'
credential = 'good'
consumer = 'airflow'
owner = 'data-team@acme.example'
last-rotated = 2026-11-01
[[integration]]
name = 'idle'
type = 'service-account'
credential = 'idle'
consumer = 'census'
owner = 'ada@acme.example'
last-rotated = 2026-07-01
[[integration]]
name = 'old'
type = 'service-account'
credential = 'old'
consumer = 'looker'
owner = 'ada@acme.example'
last-rotated = 2026-07-01
[[integration]]
name = 'left'
type = 'service-account'
credential = 'left'
consumer = 'dbt'
owner = 'ada@acme.example'
last-rotated = 2026-11-01
[[integration]]
name = 'nobody'
type = 'pipeline'
consumer = 'snowflake'
[[integration]]
name = 'orphan'
type = 'cohort-sync'
consumer = 'ads'
owner = 'jan@acme.example'
";

/// What the providers list: `creator` of each service account by the member's number; 599 is nobody's any more.
fn snapshot() -> Value {
    let account = |id: u64, name: &str, creator: u64, used: &str| {
        json!({
            "id": id, "username": format!("{name}.abc123.mp-service-account"), "creator": [creator, null, null],
            "created": "2026-01-05T09:00:00Z", "expires": null, "last_used": used, "user": id + 1000,
            "direct": {"7": "analyst"}, "indirect": {},
        })
    };
    let names = ["ada", "bruno", "carla", "dora", "emil", "finn", "hugo", "ines", "karl", "lena"];
    let role = |name: &str| match name {
        "ada" | "bruno" => "owner",
        "carla" => "admin",
        _ => "member",
    };
    let member = |(number, name): (u64, &&str)| json!({"id": 500 + number, "email": format!("{name}@acme.example"), "name": null, "role": role(name)});
    let mut members: Vec<Value> = (0..).zip(&names).map(member).collect();
    members.push(json!({"id": 550, "email": "gina@agency.example", "name": null, "role": "member"}));
    let project = |id: u64| json!({"id": id, "name": format!("P{id}"), "pipelines": [], "imports": []});
    json!({
        "credential": {"user": 1, "email": null, "role": "owner", "service_account": 90},
        "service_accounts": [
            account(90, "portcullis", 500, "2026-11-28T00:00:00Z"), account(91, "good", 500, "2026-11-27T00:00:00Z"),
            account(92, "idle", 500, "2026-06-01T00:00:00Z"), account(93, "old", 501, "2026-11-27T00:00:00Z"),
            account(94, "left", 599, "2026-11-27T00:00:00Z"),
        ],
        "members": members, "projects": [project(7), project(8), project(9)], "unread": [],
    })
}

fn log() -> String {
    let nothing = json!({});
    [
        line("2026-08-01T00:00:00Z", "ada@acme.example", "session.logged_in", None, &nothing),
        line("2026-08-02T00:00:00Z", "carla@acme.example", "team.created", None, &nothing),
        line("2026-08-02T00:00:00Z", "emil@acme.example", "raw_event_export.requested", Some(7), &nothing),
        line(
            "2026-10-01T00:00:00Z",
            "ada@acme.example",
            "organization.user_removed",
            None,
            &json!({"email": "jan@acme.example"}),
        ),
        line("2026-10-05T00:00:00Z", "carla@acme.example", "service_account.role_changed", Some(7), &nothing),
        line("2026-10-05T00:00:00Z", "dora@acme.example", "cohort_sync.created", Some(7), &nothing),
        line("2026-10-05T00:00:00Z", "emil@acme.example", "board.created", Some(7), &nothing),
        line("2026-10-05T00:00:00Z", "emil@acme.example", "experiment.created", Some(7), &nothing),
        line("2026-10-05T00:00:00Z", "emil@acme.example", "raw_event_export.requested", Some(8), &nothing),
        line("2026-10-06T00:00:00Z", "karl@acme.example", "event_definition.updated", Some(8), &nothing),
        line("2026-10-06T00:00:00Z", "lena@acme.example", "project.user_added", Some(8), &json!({})),
        line("2026-11-27T00:00:00Z", "bruno@acme.example", "session.logged_in", None, &nothing),
    ]
    .concat()
}

/// The files of an organization with one problem of each kind.
fn planted() -> Place {
    let place = Place::new();
    place.write("members.csv", MEMBERS.as_bytes());
    place.write("register.toml", REGISTER.as_bytes());
    place.write("integrations.toml", INVENTORY.as_bytes());
    place.write("snapshot.json", snapshot().to_string().as_bytes());
    // One change in the log names nobody: it is counted, so that it is left out here.
    place
        .write("audit.ndjson", log().replace("project.user_added", "property_definition.created").as_bytes());
    place
}

const SOURCES: &[&str] = &[
    "--offline",
    "--members",
    "members.csv",
    "--snapshot",
    "snapshot.json",
    "--inventory",
    "integrations.toml",
];

fn review(place: &Place, more: &[&str]) -> (i32, String, String) {
    let first = ["review", "audit.ndjson", "--register", "register.toml", "--as-of", DAY];
    run(place, &[&first[..], SOURCES, more].concat())
}

#[test]
fn a_review_finds_every_planted_problem_and_nothing_else() {
    let place = planted();
    let (code, out, err) = review(&place, &["--format", "json"]);
    let found: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    let items: Vec<(String, String, String)> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
            assert!(!text("why").is_empty() && !text("action").is_empty());
            (text("check"), text("subject"), text("where"))
        })
        .collect();
    let left = "left.abc123.mp-service-account";
    let expected = [
        ("contractor-ended", "gina@agency.example", ""),
        ("admin-ended", "karl@acme.example", "P8 (8)"),
        ("dormant", "finn@acme.example", ""),
        ("second-factor", "hugo@acme.example", ""),
        ("over-privileged", "carla@acme.example", ""),
        ("over-privileged", "emil@acme.example", "P7 (7)"),
        ("closed-project", "ines@acme.example", "P9 (9)"),
        ("creator-left", left, ""),
        ("credential-unused", "idle.abc123.mp-service-account", ""),
        ("credential-old", "old", ""),
        ("no-owner", "nobody", ""),
        ("no-owner", "orphan", ""),
    ];
    let expected =
        expected.map(|(check, subject, place)| (check.to_owned(), subject.to_owned(), place.to_owned()));
    assert_eq!(items, expected, "{out}");
    assert_eq!(found["gaps"], json!([]));
    assert_eq!(code, 0, "{err}");
    let emil = found["items"][5]["why"].as_str().unwrap();
    assert!(emil.contains("individual") && emil.contains("experiment.created"), "{emil}");
    let carla = found["items"][4]["action"].as_str().unwrap();
    assert!(carla.contains("an admin of P7 (7) alone"), "{carla}");
    assert_eq!(found["members"].as_array().unwrap().len(), 11);
}

#[test]
fn the_next_review_tells_new_open_and_done_apart_and_is_empty_once_all_is_mended() {
    let place = planted();
    let (code, first, _) = review(&place, &["--check", "--save", "first.json"]);
    assert_eq!(code, 1);
    assert_eq!(first, review(&place, &[]).1, "the same bytes");
    place.write("members.csv", MEMBERS.replace("2026-11-27,no", "2026-11-27,yes").as_bytes());
    place.write("integrations.toml", INVENTORY.replace("owner = 'data-team@acme.example'\n", "").as_bytes());
    let (_, out, _) = review(&place, &["--previous", "first.json"]);
    for told in
        ["1 new, 11 still open, 1 done", "done: no second factor: hugo@acme.example", "no owner: good (new)"]
    {
        assert!(out.contains(told), "{told}: {out}");
    }
    let mended = MEMBERS
        .replace("2026-11-27,no", "2026-11-27,yes")
        .replace("emil@acme.example,individual,7,,admin", "emil@acme.example,individual,7,,analyst")
        .replace("karl@acme.example,individual,8,,admin", "karl@acme.example,individual,8,,analyst")
        .replace("carla@acme.example,organization,,,admin", "carla@acme.example,organization,,,member");
    let gone = ["finn", "gina", "ines@acme.example,individual"];
    let mended: String = mended
        .lines()
        .filter(|line| !gone.iter().any(|who| line.starts_with(who)))
        .map(|line| format!("{line}\n"))
        .collect();
    place.write("members.csv", mended.as_bytes());
    let mut listed = snapshot();
    listed["members"].as_array_mut().unwrap().retain(|member| {
        !["finn@acme.example", "gina@agency.example"].contains(&member["email"].as_str().unwrap())
    });
    listed["members"][2]["role"] = json!("member");
    listed["service_accounts"]
        .as_array_mut()
        .unwrap()
        .retain(|account| account["id"] != 92 && account["id"] != 94);
    place.write("snapshot.json", listed.to_string().as_bytes());
    let rows = INVENTORY.replace("2026-07-01", "2026-11-20").replace("jan@", "ada@");
    let rows = rows.replace("consumer = 'snowflake'", "consumer = 'snowflake'\nowner = 'x'");
    place.write("integrations.toml", rows.as_bytes());
    let (code, out, err) = review(&place, &["--check", "--previous", "first.json"]);
    assert!(code == 0 && out.contains("Proposed\n  nothing"), "{code} {out}{err}");
    assert!(out.contains("0 new, 0 still open, 12 done") && out.contains("finn@acme.example left"), "{out}");
}

#[test]
fn what_cannot_be_judged_is_said_and_changes_the_exit_code() {
    let place = planted();
    let (code, out, _) = run(&place, &["review", "--offline", "--as-of", DAY]);
    assert!(code == 5 && out.contains("no list of members was given"), "{code} {out}");
    let short: String = log().lines().skip(3).map(|line| format!("{line}\n")).collect();
    place.write("audit.ndjson", short.as_bytes());
    let (code, out, _) = review(&place, &[]);
    assert_eq!(code, 5);
    for told in ["does not cover 90 days", "project.user_added that does not say whom it is about"] {
        assert!(out.contains(told), "{told}: {out}");
    }
    assert!(!out.contains("more rights than needed"), "{out}");
}

#[test]
fn hostile_names_are_harmless_in_a_review() {
    let place = planted();
    let hostile = "\u{1b}[2J\u{202e}=x@acme.example";
    place.write("members.csv", MEMBERS.replace("hugo@acme.example", hostile).as_bytes());
    let mut listed = snapshot();
    listed["members"][6]["email"] = json!(hostile);
    place.write("snapshot.json", listed.to_string().as_bytes());
    place.write("integrations.toml", INVENTORY.replace("'snowflake'", "'=cmd|x'").as_bytes());
    let (_, out, err) = review(&place, &[]);
    assert!(
        !(out.clone() + &err).contains(['\u{1b}', '\u{202e}'])
            && out.contains(r"\u{1b}[2j\u{202e}=x@acme.example"),
        "{out}"
    );
    let (_, json, _) = review(&place, &["--format", "json"]);
    assert!(!json.contains(['\u{1b}', '\u{202e}']) && json.contains("\\u202e"), "{json}");
    let formula = "=cmd@acme.example";
    place.write("members.csv", MEMBERS.replace("hugo@acme.example", formula).as_bytes());
    listed["members"][6]["email"] = json!(formula);
    place.write("snapshot.json", listed.to_string().as_bytes());
    let (_, csv, _) = review(&place, &["--format", "csv"]);
    assert!(csv.contains("\"'=cmd@acme.example\"") && !csv.contains(",=cmd"), "{csv}");
}

#[test]
fn the_inventory_goes_to_a_spreadsheet_and_back() {
    let place = planted();
    let (code, _, err) =
        run(&place, &["inventory", "export", "--inventory", "integrations.toml", "-o", "i.csv"]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = run(&place, &["inventory", "import", "i.csv", "-o", "again.toml"]);
    assert!(code == 0 && err.contains("6 integrations"), "{code} {err}");
    let csv = |name: &str| run(&place, &["inventory", "export", "--inventory", name]).1;
    assert_eq!(csv("again.toml"), csv("integrations.toml"));
    place.write("bad.csv", b"integration,type,used by\na,othr,x\n");
    let (code, out, err) = run(&place, &["inventory", "import", "bad.csv", "-o", "again.toml"]);
    assert!(code == 2 && out.is_empty() && err.contains("bad.csv: line 2: no such type"), "{code} {err}");
    assert_eq!(csv("again.toml"), csv("integrations.toml"), "nothing was written");
    let list = |more: &[&str]| {
        let first = ["inventory", "list", "--inventory", "integrations.toml", "--as-of", DAY];
        run(&place, &[&first[..], more].concat())
    };
    let (code, out, _) = list(&["--due", "0d", "--check"]);
    assert_eq!(code, 1);
    assert!(out.contains("old") && out.contains("idle") && !out.contains("good"), "{out}");
    let (code, out, _) = list(&["--due", "90d", "--format", "json"]);
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, rows.as_array().unwrap().len()), (0, 4), "{out}");
    assert_eq!(rows[0]["next_rotation"], "2027-01-30");
}

#[test]
fn the_inventory_is_held_against_what_is_listed() {
    let place = planted();
    let first = ["inventory", "reconcile", "--as-of", DAY, "--check", "--format", "csv"];
    let (code, out, err) = run(&place, &[&first[..], SOURCES].concat());
    assert_eq!(code, 1, "{err}");
    let states: Vec<(&str, &str)> = out
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[0], cells[2])
        })
        .collect();
    assert_eq!(states, [("stale", "idle"), ("stale", "idle"), ("stale", "old")], "{out}");
    assert!(err.contains("no API lists JSON pipelines"), "{err}");
}

#[test]
fn a_calendar_is_the_same_bytes_each_time() {
    let place = planted();
    let _saved = review(&place, &["--save", "last.json"]);
    let args = [
        "calendar",
        "--inventory",
        "integrations.toml",
        "--register",
        "register.toml",
        "--last-review",
        "last.json",
        "--as-of",
        DAY,
    ];
    let (code, out, err) = run(&place, &args);
    assert_eq!(code, 0, "{err}");
    assert_eq!(out, run(&place, &args).1);
    for told in [
        "SUMMARY:Rotate the credential of old\r\n",
        "SUMMARY:karl@acme.example stops being an admin\r\n",
        "DTSTART;VALUE=DATE:20270226\r\nDTEND;VALUE=DATE:20270227\r\nSUMMARY:Review access\r\n",
        "DTSTART;VALUE=DATE:20270630\r\nDTEND;VALUE=DATE:20270701\r\nSUMMARY:Access of ines@acme.example ends\r\n",
    ] {
        assert!(out.contains(told), "{told}: {out}");
    }
}

#[test]
fn a_blast_radius_from_the_providers_reads_and_changes_nothing() {
    let world = World::new();
    world.export("audit.ndjson");
    let ran = world.run(&["blast-radius", VICTIM, "audit.ndjson", "--format", "json"]);
    // What no API tells is not known.
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    let radius = ran.json();
    assert!(radius["gaps"].to_string().contains("--members"), "{radius}");
    let credentials = radius["credentials"].as_array().unwrap();
    let made: Vec<&Value> = credentials.iter().filter(|found| found["made"] == true).collect();
    let tenant = world.emulator.tenant();
    let jane = tenant.mixpanel.members[VICTIM].id;
    let truly = tenant.mixpanel.service_accounts.values().filter(|account| account.creator == jane).count();
    assert!(truly > 0 && made.len() >= truly, "{radius}");
    assert!(made.iter().all(|found| found["rotate"] == "must"));
    assert!(world.changes().is_empty(), "by reads alone");
    assert!(!world.place.path("incidents").exists(), "no incident is opened");
    let text = world.run(&["blast-radius", VICTIM, "--graph", "radius.svg"]);
    assert!(text.out.contains("MUST  service account") && text.out.contains("Not known"), "{}", text.out);
    let svg = std::fs::read_to_string(world.place.path("radius.svg")).unwrap();
    roxmltree::Document::parse(&svg).unwrap();
    let again = world.run(&["blast-radius", VICTIM, "--graph", "again.svg"]);
    assert_eq!((again.out, std::fs::read_to_string(world.place.path("again.svg")).unwrap()), (text.out, svg));
}

#[test]
fn bad_usage_says_what_to_do() {
    let place = planted();
    for (args, part) in [
        (vec!["blast-radius", "jane"], "is not an e-mail address"),
        (vec!["blast-radius", "a@b"], "--offline asks no system"),
        (vec!["blast-radius", "a@b", "--offline", "--members", "register.toml"], "register.toml: line 1"),
        (vec!["blast-radius", "a@b", "--offline", "--snapshot", "members.csv"], "members.csv: "),
        (vec!["blast-radius", "a@b", "--offline", "--graph", "x.gif"], ".svg or .png"),
        (vec!["review", "--offline", "--previous", "members.csv"], "members.csv: not a review"),
        (vec!["review", "--offline", "--register", "members.csv"], "members.csv: "),
        (vec!["review", "--offline", "--as-of", "soon"], "write a day such as"),
        (vec!["inventory", "list"], "--inventory"),
    ] {
        let (code, out, err) = run(&place, &args);
        assert!(code == 2 && out.is_empty() && err.contains(part), "{args:?}: {code} {err}");
    }
}
