//! Who left, held against the audit log of Mixpanel.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use common::{Place, Scanned};
use serde_json::{Value, json};

const AUDIT: &str = include_str!("../fixtures/source/roster/audit.ndjson");
const ROSTER: &str = include_str!("../fixtures/source/roster/roster.csv");
const BERLIN: [&str; 2] = ["--log-zone", "Europe/Berlin"];

/// A scan of a roster and a log.
fn scan(roster: &str, audit: &str, args: &[&str]) -> Scanned {
    let place = Place::new();
    place.write("roster", roster.as_bytes());
    place.write("audit", audit.as_bytes());
    let mut all = vec!["roster", "audit"];
    all.extend(args);
    place.scan(&all)
}

/// What the ledger says of the roster.
fn roster_of(scanned: &Scanned) -> &Value {
    let inputs = scanned.ledger["inputs"].as_array().unwrap();
    inputs.iter().find(|input| input["source"] == "roster").unwrap()
}

/// Rule, actor, time and number of cited records of what the roster's rules find.
fn found(scanned: &Scanned) -> Vec<(String, String, String, usize)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let own = scanned.findings().into_iter().filter(|of| text(&of["rule_name"]).starts_with("roster_"));
    let short = |of: Value| {
        let actor = text(&of["actor"]).to_lowercase();
        let name = text(&of["rule_name"]).trim_start_matches("roster_").to_owned();
        (name, actor, text(&of["time"]), of["events"].as_array().unwrap().len())
    };
    own.map(short).collect()
}

fn brief(scanned: &Scanned) -> Vec<(String, String)> {
    found(scanned).into_iter().map(|(rule, actor, _, _)| (rule, actor)).collect()
}

fn pair(rule: &str, actor: &str) -> (String, String) {
    (rule.to_owned(), format!("{actor}@acme.example"))
}

/// What is to be found in the fixture.
fn story() -> Vec<(String, String, String, usize)> {
    [
        ("left_not_removed", "elif.eriksen", "2026-09-18T21:59:59Z", 1),
        ("left_not_removed", "farid.fischer", "2026-09-25T21:59:59Z", 1),
        ("active_after_last_day", "farid.fischer", "2026-09-27T02:00:00Z", 2),
        ("left_not_removed", "greta.gomes", "2026-10-02T21:59:59Z", 1),
        ("left_not_removed", "jonas.jansen", "2026-10-30T22:59:59Z", 1),
    ]
    .map(|(rule, actor, time, cited)| {
        (rule.to_owned(), format!("{actor}@acme.example"), time.to_owned(), cited)
    })
    .to_vec()
}

#[test]
fn who_left_and_stayed_is_found_and_nobody_else() {
    for args in [&[][..], &["--engine", "strict"], &["--threads", "3"], &["--state-memory", "1"]] {
        let scanned = scan(ROSTER, AUDIT, &[&BERLIN[..], args].concat());
        assert_eq!(scanned.code, 0, "{}", scanned.stderr);
        assert_eq!(found(&scanned), story(), "{args:?}");
        assert_eq!(roster_of(&scanned)["records"], 14);
    }
    // The roster says nothing of how far the log goes.
    let whole = scan(ROSTER, AUDIT, &BERLIN);
    assert!(whole.stderr.contains("to 2026-11-13T22:05:08Z"), "{}", whole.stderr);
    // Neither alone says anything of who left.
    let place = Place::new();
    place.write("audit", AUDIT.as_bytes());
    place.write("roster", ROSTER.as_bytes());
    for alone in ["audit", "roster"] {
        assert_eq!(found(&place.scan(&[alone])), []);
    }
}

#[test]
fn a_day_ends_in_the_zone_of_the_scan() {
    let zone = |args: &[&str]| found(&scan(ROSTER, AUDIT, args))[0].2.clone();
    assert_eq!(zone(&[]), "2026-09-18T23:59:59Z");
    assert_eq!(zone(&["--log-zone", "America/Toronto"]), "2026-09-19T03:59:59Z");
    let place = Place::new();
    place.write("roster", ROSTER.as_bytes());
    place.write("audit", AUDIT.as_bytes());
    place.write("profile.toml", b"time-zone = 'Asia/Kolkata'\n");
    let profile = ["roster", "audit", "--profile", "profile.toml"];
    assert_eq!(found(&place.scan(&profile))[0].2, "2026-09-18T18:29:59Z");
    assert_eq!(found(&place.scan(&[&profile[..], &BERLIN].concat()))[0].2, "2026-09-18T21:59:59Z");
    // The audit log's own times need a zone as before: a date is no time there.
    let dated = AUDIT.replacen("2026-08-17T00:00:00Z", "2026-08-17", 1);
    assert_eq!(scan(ROSTER, &dated, &BERLIN).code, 3);
}

/// All findings rest on the roster, on what shows accounts in use or removed, and on how far the log goes.
#[test]
fn ordinary_work_is_not_what_findings_rest_on() {
    let needed = ["session.logged_in", "invitation.accepted", "organization.user_removed"];
    let count = AUDIT.lines().count();
    let kept = AUDIT.lines().enumerate().filter(|(at, line)| {
        at + 1 == count || needed.iter().any(|action| line.contains(&format!("\"action\":\"{action}\"")))
    });
    let kept: Vec<&str> = kept.map(|(_, line)| line).collect();
    assert!(kept.len() < count / 2, "{}", kept.len());
    assert_eq!(found(&scan(ROSTER, &(kept.join("\n") + "\n"), &BERLIN)), story());
}

/// The finding goes with each record that it cites.
#[test]
fn a_finding_goes_with_each_record_it_cites_and_with_a_removal() {
    let whole = scan(ROSTER, AUDIT, &BERLIN);
    let mut tried = 0;
    for finding in whole.findings() {
        if !finding["rule_name"].as_str().unwrap().starts_with("roster_") {
            continue;
        }
        for event in finding["events"].as_array().unwrap() {
            let number = usize::try_from(event["record"].as_u64().unwrap()).unwrap();
            let (mut roster, mut audit) = (ROSTER.to_owned(), AUDIT.to_owned());
            match event["path"].as_str().unwrap() {
                // Records of CSV do not count the header.
                "roster" => roster = without(ROSTER, number),
                _ => audit = without(AUDIT, number - 1),
            }
            let again = scan(&roster, &audit, &BERLIN).findings();
            let same = |other: &&Value| {
                other["rule_id"] == finding["rule_id"] && other["events"][0]["sha256"] == event["sha256"]
            };
            assert_eq!(again.iter().find(same), None, "{event}");
            tried += 1;
        }
    }
    assert_eq!(tried, 6);
    for (day, stays) in [("2026-09-18", false), ("2026-09-25", false), ("2026-09-26", true)] {
        let removal = json!({
            "date_time": format!("{day}T12:00:00Z"), "user": {"email": "ada.abel@acme.example"},
            "action": "organization.user_removed", "ip_address": "192.0.2.10",
            "details": {"email": "Elif.Eriksen@acme.example"},
        });
        let found = brief(&scan(ROSTER, &format!("{AUDIT}{removal}\n"), &BERLIN));
        assert_eq!(found.contains(&pair("left_not_removed", "elif.eriksen")), stays, "{day}");
        assert_eq!(found.len(), story().len() - usize::from(!stays));
    }
}

fn without(text: &str, line: usize) -> String {
    let kept = text.lines().enumerate().filter(|(at, _)| *at != line);
    kept.fold(String::new(), |text, (_, line)| text + line + "\n")
}

fn act(time: &str, who: &str, action: &str, target: &str) -> String {
    json!({"date_time": time, "user": {"email": who}, "action": action, "ip_address": "198.51.100.7", "details": {"email": target}})
        .to_string()
        + "\n"
}

/// Elif works in August, and the log goes on to the end of November.
fn log(more: &str) -> String {
    act("2026-08-20T09:00:00Z", "elif@acme.example", "session.logged_in", "")
        + more
        + &act("2026-11-30T09:00:00Z", "ada@acme.example", "session.logged_in", "")
}

#[test]
fn rows_that_are_wrong_are_named_and_the_others_count() {
    let roster = "email,last_day\n\
                  elif@acme.example,2026-02-30\n\
                  elif@acme.example,30/08/2026\n\
                  elif@acme.example,30.08.2026\n\
                  elif@acme.example,2026-08\n\
                  elif@acme.example,soon\n\
                  elif@acme.example,0000-00-00\n\
                  elif@acme.example,99999-12-31\n\
                  elif@acme.example,\n\
                  elif@acme.example,   \n\
                  ,2026-08-30\n\
                  \u{202e}elif@acme.example,2026-08-30\n\
                  elif@acme.example,2026-08-30,more,than,the,header\n";
    let scanned = scan(roster, &log(""), &[]);
    assert_eq!((scanned.code, found(&scanned).len()), (3, 0), "{}", scanned.stderr);
    let input = roster_of(&scanned);
    let reasons: BTreeMap<String, u64> =
        input["untimed"].as_array().unwrap().iter().fold(BTreeMap::new(), |mut reasons, range| {
            *reasons.entry(range["reason"].as_str().unwrap().to_owned()).or_default() += 1;
            reasons
        });
    let expected = [
        ("date with slashes: day and month cannot be told apart", 1),
        ("neither a day, such as 2026-03-30, nor a time", 4),
        ("time does not exist", 2),
    ];
    assert_eq!(reasons, expected.map(|(reason, count)| (reason.to_owned(), count)).into());
    assert_eq!(scanned.rejected().len(), 1, "the row that is too long");
    // One good row after all of them is enough.
    let good = format!("{roster}elif@acme.example,2026-08-30\n");
    assert_eq!(brief(&scan(&good, &log(""), &[])), [pair("left_not_removed", "elif")]);
}

#[test]
fn spellings_other_columns_and_json_lines_are_read_alike() {
    for roster in [
        "email,last_day\nELIF@acme.example,2026-08-30\n",
        "\u{feff}Name;Work Email;Grade;Last Working Day;Salary\r\n\"Eriksen; Elif\";Elif@Acme.Example;7;\"2026-08-30\";\r\n",
        "Last Day\tMail\n2026-08-30\telif@acme.example\n",
        "{\"email\":\"elif@acme.example\",\"terminationDate\":\"2026-08-30\",\"manager\":{\"email\":\"ada@acme.example\"}}\n",
        "{\"mail\":\"elif@acme.example\",\"leaving_date\":\"2026-08-30T23:59:59Z\"}\n{\"mail\":\"ada@acme.example\",\"leaving_date\":null}\n",
    ] {
        let scanned = scan(roster, &log(""), &[]);
        assert_eq!(scanned.code, 0, "{roster}: {}", scanned.stderr);
        assert_eq!(brief(&scanned), [pair("left_not_removed", "elif")], "{roster}");
    }
    // A table that only looks a little like it is not taken for one.
    let other = scan("email,end_date\nelif@acme.example,2026-08-30\n", &log(""), &[]);
    assert!(other.code == 3 && other.stderr.contains("no source recognises"), "{}", other.stderr);
    let place = Place::new();
    place.write("audit", log("").as_bytes());
    place.write("roster", b"Adresse,Austritt\nelif@acme.example,2026-08-30\n");
    let fields =
        "\"@timestamp\" = 'Austritt'\n\"user.email\" = 'Adresse'\n\"user.target.email\" = 'Adresse'\n";
    place.write("map.toml", format!("source = 'roster'\n[fields]\n{fields}").as_bytes());
    let mapped = place.scan(&["roster", "--mapping", "map.toml"]);
    assert_eq!((mapped.code, &roster_of(&mapped)["records"]), (0, &json!(1)), "{}", mapped.stderr);
}

#[test]
fn people_who_come_back_and_rows_that_repeat() {
    let back = log(&[
        act("2026-08-31T09:00:00Z", "ada@acme.example", "organization.user_removed", "elif@acme.example"),
        act("2026-10-01T09:00:00Z", "elif@acme.example", "invitation.accepted", ""),
    ]
    .concat());
    let head = "email,last_day\n";
    for (rows, audit, expected) in [
        // Twice the same, or corrected by a day: one finding.
        ("elif@acme.example,2026-08-30\nElif@acme.example,2026-08-30\n", &log(""), vec!["left_not_removed"]),
        ("elif@acme.example,2026-08-30\nelif@acme.example,2026-08-31\n", &log(""), vec!["left_not_removed"]),
        // Came back and left again, with the newest day alone: the old removal does not count.
        ("elif@acme.example,2026-10-30\n", &back, vec!["left_not_removed"]),
        // Came back and stays.
        ("elif@acme.example,\n", &back, vec![]),
        ("elif@acme.example,2026-08-30\n", &back, vec![]),
    ] {
        let found = brief(&scan(&format!("{head}{rows}"), audit, &[]));
        let expected: Vec<_> = expected.into_iter().map(|rule| pair(rule, "elif")).collect();
        assert_eq!(found, expected, "{rows}");
    }
    // Whoever leaves the old day in the roster is told of the return; the rule says so.
    let login = act("2026-10-02T09:00:00Z", "elif@acme.example", "session.logged_in", "");
    let found = brief(&scan(&format!("{head}elif@acme.example,2026-08-30\n"), &(back + &login), &[]));
    assert_eq!(found, [pair("active_after_last_day", "elif")]);
}

#[test]
fn a_log_that_ends_too_early_says_nothing() {
    let audit = |end: &str| {
        act("2026-08-20T09:00:00Z", "elif@acme.example", "session.logged_in", "")
            + &act(end, "ada@acme.example", "session.logged_in", "")
    };
    let roster = "email,last_day\nelif@acme.example,2026-08-30\nada@acme.example,2027-01-31\n";
    for (end, count) in [
        ("2026-08-31T09:00:00Z", 0),
        ("2026-09-06T23:59:59Z", 0),
        ("2026-09-07T00:00:00Z", 1),
        ("2027-02-01T09:00:00Z", 2),
    ] {
        let found = found(&scan(roster, &audit(end), &[]));
        assert_eq!(found.iter().filter(|of| of.0 == "left_not_removed").count(), count.min(1), "{end}");
        assert_eq!(found.iter().filter(|of| of.0 != "left_not_removed").count(), count / 2, "{end}");
    }
}

/// History before the logs stays history, however old the roster's days are.
#[test]
fn an_old_row_takes_nothing_from_a_baseline() {
    let place = Place::new();
    place.write("old", act("2026-08-20T09:00:00Z", "elif@acme.example", "session.logged_in", "").as_bytes());
    let learn = common::command(place.folder.path())
        .args(["baseline", "learn", "old", "-o", "baseline.json"])
        .output()
        .unwrap();
    assert!(learn.status.success(), "{}", String::from_utf8_lossy(&learn.stderr));
    let log = act("2026-09-01T09:00:00Z", "ada@acme.example", "session.logged_in", "")
        + &act("2026-11-30T09:00:00Z", "ada@acme.example", "session.logged_in", "");
    place.write("audit", log.as_bytes());
    let roster = "email,last_day\nbo@acme.example,2019-01-31\nelif@acme.example,2026-08-30\n";
    place.write("roster", roster.as_bytes());
    assert_eq!(brief(&place.scan(&["roster", "audit"])), []);
    let known = place.scan(&["roster", "audit", "--baseline", "baseline.json"]);
    assert_eq!(brief(&known), [pair("left_not_removed", "elif")], "{}", known.stderr);
}

/// A million with `PORTCULLIS_FULL`.
#[test]
fn very_many_rows_are_read() {
    let rows = if std::env::var_os("PORTCULLIS_FULL").is_some() { 1_000_000 } else { 100_000 };
    let mut roster = "email,last_day\n".to_owned();
    for number in 0..rows {
        let day = number % 28 + 1;
        writeln!(roster, "u{number}@acme.example,2026-08-{day:02}").unwrap();
    }
    roster.push_str("elif@acme.example,2026-08-30\n");
    let scanned = scan(&roster, &log(""), &[]);
    assert_eq!(scanned.code, 0, "{}", scanned.stderr);
    assert_eq!(brief(&scanned), [pair("left_not_removed", "elif")]);
    assert_eq!(roster_of(&scanned)["records"], rows + 1);
}
