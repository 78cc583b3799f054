//! What is usual: places, zones, baselines, and the story that only history tells.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "common/mmdb.rs"]
mod mmdb;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use common::{Place, Scanned, command};
use portcullis::synth::{self, Log, Options, START, STORY_START};
use serde_json::{Value, json};

const HOME: &str = "198.51.100.7";
const AWAY: &str = "203.0.113.9";

/// A record of the Mixpanel audit log.
fn record(time: &str, action: &str, address: &str) -> String {
    json!({"date_time": time, "user": {"email": "jane@agency.example"}, "action": action, "ip_address": address})
        .to_string()
        + "\n"
}

/// Work on every day of August and September 2026 at this time of UTC.
fn work(at: &str) -> String {
    let mut log = String::new();
    for month in [8, 9] {
        for day in 1..=30 {
            log.push_str(&record(&format!("2026-{month:02}-{day:02}T{at}Z"), "bookmark.created", HOME));
        }
    }
    log
}

/// A rule over Mixpanel's log: one search `s`, and what is derived.
fn rule(search: &str, derive: &str) -> String {
    format!(
        "title: Rule under test\nname: test\nlogsource: {{product: mixpanel, service: audit}}\n\
         detection: {{s: {{{search}}}, condition: s}}\nlevel: high\nx-portcullis: {{derive: {{d: {{{derive}}}}}}}\n"
    )
}

fn places() -> Vec<u8> {
    let place = |country: &str, city: &str, lat: f64, lon: f64, zone: &str, asn: u32| {
        json!({
            "country": {"iso_code": country}, "city": {"names": {"en": city}},
            "location": {"latitude": lat, "longitude": lon, "time_zone": zone},
            "autonomous_system_number": asn, "autonomous_system_organization": format!("AS of {city}"),
        })
    };
    mmdb::database(&[
        ("198.51.100.0/24", place("CA", "Toronto", 43.7, -79.4, "America/Toronto", 64496)),
        ("203.0.113.0/24", place("DE", "Berlin", 52.5, 13.4, "Europe/Berlin", 64497)),
        ("192.0.2.0/24", place("CA", "Toronto", 43.7, -79.4, "America/Toronto", 64498)),
    ])
}

fn scan(place: &Place, rule: &str, args: &[&str]) -> Scanned {
    place.write("rule.yml", rule.as_bytes());
    let mut all = vec!["log", "--rules", "rule.yml"];
    all.extend(args);
    place.scan(&all)
}

fn fact<'a>(scanned: &'a [Value], field: &str) -> Vec<&'a Value> {
    let facts = scanned.iter().flat_map(|finding| finding["why"].as_array().unwrap());
    facts.filter(|fact| fact["field"] == field).collect()
}

#[test]
fn a_country_is_new_where_a_database_tells_it_and_the_rule_is_blind_where_none_does() {
    let place = Place::new();
    place.write("geo.mmdb", &places());
    let log = work("14:00:00")
        + &record("2026-10-01T14:00:00Z", "session.logged_in", AWAY)
        + &record("2026-10-01T14:05:00Z", "session.logged_in", "192.0.2.77");
    place.write("log", log.as_bytes());
    let rule = rule("d.is_new: true", "kind: first_seen, value: source.ip, as: country");
    let found = scan(&place, &rule, &["--geo", "geo.mmdb"]);
    let findings = found.findings();
    assert_eq!(findings.len(), 1, "{}", found.stderr);
    assert_eq!((&findings[0]["source_ip"], &findings[0]["events"][0]["record"]), (&json!(AWAY), &json!(61)));
    assert_eq!(fact(&findings, "d.is_new")[0]["note"], "DE; 1 other in 61 days of history");
    assert_eq!(found.ledger["rules"][0]["blind"], json!(false));
    let blind = scan(&place, &rule, &[]);
    assert_eq!((blind.findings().len(), blind.code), (0, 0));
    assert_eq!(blind.ledger["rules"][0]["blind"], json!(true));
    assert_eq!(
        blind.ledger["rules"][0]["places_unknown"],
        json!(["`d` needs a database that tells country"])
    );
    assert!(blind.stderr.contains("1 rules know no places"), "{}", blind.stderr);
}

#[test]
fn nobody_flies_from_toronto_to_berlin_in_an_hour() {
    let place = Place::new();
    place.write("geo.mmdb", &places());
    let log = |minutes: u32| {
        work("14:00:00")
            + &record("2026-10-01T14:00:00Z", "bookmark.created", HOME)
            + &record(
                &format!("2026-10-01T{}:{:02}:00Z", 14 + minutes / 60, minutes % 60),
                "bookmark.created",
                AWAY,
            )
    };
    let rule = rule("d.kmh|gt: 900, d.km|gt: 500", "kind: travel");
    place.write("log", log(60).as_bytes());
    let fast = scan(&place, &rule, &["--geo", "geo.mmdb"]).findings();
    assert_eq!(fast.len(), 1);
    let note = fact(&fast, "d.kmh")[0]["note"].as_str().unwrap();
    assert!(note.starts_with("from Toronto, CA (198.51.100.7) to Berlin, DE (203.0.113.9): 64"), "{note}");
    assert!(note.ends_with("km in 60 minutes"), "{note}");
    place.write("log", log(480).as_bytes());
    assert_eq!(scan(&place, &rule, &["--geo", "geo.mmdb"]).findings().len(), 0);
    // A VPN says nothing of where its user is.
    let networks = "[[network]]\nname = 'Test VPN'\nkind = 'vpn'\nsource = 'https://vpn.example'\ntaken = '2026-11-24'\n\
                    ranges = ['203.0.113.0/24']\n";
    place.write("networks.toml", networks.as_bytes());
    place.write("log", log(60).as_bytes());
    let masked = scan(&place, &rule, &["--geo", "geo.mmdb", "--networks", "networks.toml"]);
    assert_eq!((masked.findings().len(), masked.code), (0, 0), "{}", masked.stderr);
}

#[test]
fn detection_reads_what_databases_say_of_an_address() {
    let place = Place::new();
    place.write("geo.mmdb", &places());
    place.write("log", (work("14:00:00") + &record("2026-10-01T14:00:00Z", "x", AWAY)).as_bytes());
    let text = "title: From Germany\nname: t\nlogsource: {product: mixpanel}\nlevel: low\n\
                detection: {s: {source.geo.country_iso_code: DE}, as: {source.as.number: 64497}, condition: s and as}\n";
    for engine in ["fast", "strict"] {
        let findings = scan(&place, text, &["--geo", "geo.mmdb", "--engine", engine]).findings();
        assert_eq!(findings.len(), 1, "{engine}");
        assert_eq!(fact(&findings, "source.geo.country_iso_code")[0]["seen"], "DE");
    }
    let blind = scan(&place, text, &[]);
    assert_eq!(blind.findings().len(), 0);
    assert_eq!(
        blind.ledger["rules"][0]["fields_never_seen"],
        json!(["source.as.number", "source.geo.country_iso_code"])
    );
}

/// Where the clock goes back, work at nine local time is at 14:00 UTC and no longer at 13:00.
#[test]
fn usual_hours_follow_the_clock_of_the_account() {
    let place = Place::new();
    let mut log = String::new();
    for day in 1..=30 {
        write!(log, "{}", record(&format!("2026-10-{day:02}T13:30:00Z"), "bookmark.created", HOME)).unwrap();
    }
    // 2026-11-01 ends summer time in Toronto. The first is 09:30 there, the second 11:30.
    log.push_str(&record("2026-11-03T14:30:00Z", "raw_event_export.requested", HOME));
    log.push_str(&record("2026-11-04T16:30:00Z", "raw_event_export.requested", HOME));
    place.write("log", log.as_bytes());
    place.write("profile.toml", b"[accounts.'jane@agency.example']\ntime-zone = 'America/Toronto'\n");
    let rule = rule("event.action: raw_event_export.requested, d.is_usual: false", "kind: usual_hours");
    let findings = scan(&place, &rule, &["--profile", "profile.toml"]).findings();
    let times: Vec<&str> = findings.iter().map(|finding| finding["time"].as_str().unwrap()).collect();
    assert_eq!(times, ["2026-11-04T16:30:00Z"]);
    let note = fact(&findings, "d.is_usual")[0]["note"].as_str().unwrap();
    assert!(
        note.starts_with("11 h in America/Toronto (profile): active about then on 0 earlier working days"),
        "{note}"
    );
    // Without the profile the hours are UTC's, and the first is an hour next to the usual ones.
    let findings = scan(&place, &rule, &[]).findings();
    let times: Vec<&str> = findings.iter().map(|finding| finding["time"].as_str().unwrap()).collect();
    assert_eq!(times, ["2026-11-04T16:30:00Z"]);
}

#[test]
fn the_zone_is_of_the_profile_else_learned_else_of_the_address_else_of_the_organisation() {
    let place = Place::new();
    place.write("geo.mmdb", &places());
    place.write("log", (work("14:00:00") + &record("2026-10-01T01:00:00Z", "x.y", AWAY)).as_bytes());
    place.write("account.toml", b"[accounts.'jane@agency.example']\ntime-zone = 'Asia/Kolkata'\n");
    place.write("organisation.toml", b"time-zone = 'Europe/Lisbon'\n");
    let rule = rule("event.action: x.y, d.hour|gte: 0, d.zone_source|contains: ''", "kind: local_time");
    let seen = |args: &[&str]| {
        let findings = scan(&place, &rule, args).findings();
        let of = |field: &str| fact(&findings, field)[0]["seen"].as_str().unwrap().to_owned();
        (of("d.zone_source"), of("d.hour"))
    };
    let pair = |source: &str, hour: &str| (source.to_owned(), hour.to_owned());
    assert_eq!(seen(&["--profile", "account.toml", "--geo", "geo.mmdb"]), pair("profile", "6"));
    assert_eq!(seen(&["--geo", "geo.mmdb"]), pair("learned", "21"));
    assert_eq!(seen(&["--profile", "organisation.toml"]), pair("organisation", "2"));
    place.write("log", record("2026-10-01T01:00:00Z", "x.y", AWAY).as_bytes());
    assert_eq!(seen(&["--geo", "geo.mmdb"]), pair("geo", "3"));
}

fn learn(place: &Place, args: &[&str]) -> (i32, String) {
    let output = command(place.folder.path()).args(["baseline", "learn"]).args(args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A log cut in two: learnt from the first part, the second gives what both together give.
#[test]
fn a_baseline_is_as_good_as_the_log_it_was_learnt_from() {
    let place = Place::new();
    let mut log = Vec::new();
    let options = Options {
        seed: 5,
        start: START,
        story: STORY_START,
        until: i64::MAX,
        days: 91,
        people: 30,
        records: 3000,
        incident: true,
    };
    synth::write(Log::OktaNdjson, &options, &mut log).unwrap();
    let text = String::from_utf8(log).unwrap();
    let is_early = |line: &&str| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["published"].as_str().unwrap() < "2026-10-20"
    };
    let (early, late): (Vec<&str>, Vec<&str>) = text.lines().partition(is_early);
    place.write("early", (early.join("\n") + "\n").as_bytes());
    place.write("late", (late.join("\n") + "\n").as_bytes());
    assert_eq!(learn(&place, &["early", "-o", "base.json"]).0, 0);
    let names = |scanned: &Scanned| {
        let late = scanned
            .findings()
            .into_iter()
            .filter(|finding| finding["time"].as_str().unwrap() >= "2026-10-20");
        let name =
            |finding: Value| format!("{} {} {}", finding["time"], finding["rule_name"], finding["why"]);
        late.map(name).collect::<BTreeSet<String>>()
    };
    let both = names(&place.scan(&["early", "late"]));
    let based = names(&place.scan(&["late", "--baseline", "base.json"]));
    let alone = names(&place.scan(&["late"]));
    assert!(both.len() > 20 && alone != both);
    assert_eq!(based, both);
}

#[test]
fn an_incident_that_is_left_out_of_a_baseline_does_not_become_usual() {
    let place = Place::new();
    let attack = record("2026-09-20T14:00:00Z", "session.logged_in", AWAY);
    place.write("old", (work("14:00:00") + &attack).as_bytes());
    place.write("log", record("2026-10-02T14:00:00Z", "session.logged_in", AWAY).as_bytes());
    let rule = rule("d.is_new: true", "kind: first_seen, value: source.ip, as: network");
    place.write("rule.yml", rule.as_bytes());
    let found = |args: &[&str]| {
        let mut all = vec!["old", "-o", "base.json", "--rules", "rule.yml"];
        all.extend(args);
        let (code, stderr) = learn(&place, &all);
        assert_eq!(code, 0, "{stderr}");
        scan(&place, &rule, &["--baseline", "base.json"]).findings().len()
    };
    assert_eq!(found(&[]), 0);
    assert_eq!(found(&["--until", "2026-09-15"]), 1);
}

#[test]
fn baselines_add_up_and_no_log_counts_twice() {
    let place = Place::new();
    let log = work("14:00:00");
    let (first, second) = log.split_at(log.len() / 2);
    place.write("one", first.as_bytes());
    place.write("two", second.as_bytes());
    place.write("all", log.as_bytes());
    assert_eq!(learn(&place, &["one", "-o", "one.json"]).0, 0);
    assert_eq!(learn(&place, &["two", "-o", "both.json", "--merge", "one.json"]).0, 0);
    assert_eq!(learn(&place, &["all", "-o", "all.json"]).0, 0);
    let tables = |name: &str| {
        let text = std::fs::read_to_string(place.path(name)).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["tables"].clone()
    };
    assert_eq!(tables("both.json"), tables("all.json"));
    let (code, stderr) = learn(&place, &["one", "-o", "x.json", "--merge", "both.json"]);
    assert!(code == 2 && stderr.contains("one is in both baselines"), "{stderr}");
    assert!(!place.path("x.json").exists());
    for (name, text) in [("a", "{}"), ("b", "not json"), ("c", &"[".repeat(100_000))] {
        place.write(name, text.as_bytes());
        let (code, stderr) = learn(&place, &["one", "-o", "x.json", "--merge", name]);
        assert!(code == 2 && stderr.contains("not a baseline"), "{stderr}");
    }
    let text = std::fs::read_to_string(place.path("one.json")).unwrap();
    let first = text.find(r#""active":[["#).unwrap() + r#""active":[["#.len();
    place.write(
        "impossible",
        format!("{}9223372036854775807{}", &text[..first], &text[first + 5..]).as_bytes(),
    );
    let (code, stderr) = learn(&place, &["two", "-o", "x.json", "--merge", "impossible"]);
    assert!(code == 2 && stderr.contains("impossible time"), "{stderr}");
    place.write(
        "d",
        std::fs::read_to_string(place.path("one.json"))
            .unwrap()
            .replace("\"version\":1", "\"version\":2")
            .as_bytes(),
    );
    let (code, stderr) = learn(&place, &["one", "-o", "x.json", "--merge", "d"]);
    assert!(code == 2 && stderr.contains("version 2 of the format"), "{stderr}");
}

#[test]
fn a_baseline_shows_what_is_usual_and_suggests_who_was_meant() {
    let place = Place::new();
    place.write("log", work("14:00:00").as_bytes());
    assert_eq!(learn(&place, &["log", "-o", "base.json"]).0, 0);
    let show = |account: &str| {
        let output = command(place.folder.path())
            .args(["baseline", "show", account, "--baseline", "base.json"])
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, text) = show("Jane@agency.example");
    assert_eq!(code, 0);
    for part in ["198.51.100.0/24: 60 days, 2026-08-01 to 2026-09-30", "14 h 60", "learnt from log"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (code, text) = show("jan@agency.example");
    assert!(code == 2 && text.contains("did you mean jane@agency.example?"), "{text}");
}

/// Numbers and times of a rule can be the organisation's own; one that no rule has is not passed over.
#[test]
fn a_profile_has_thresholds_of_its_own() {
    let place = Place::new();
    let mut log = work("14:00:00");
    for minute in 0..4 {
        log.push_str(&record(&format!("2026-10-01T15:{minute:02}:00Z"), "raw_event_export.requested", HOME));
    }
    place.write("log", log.as_bytes());
    let rule = rule(
        "event.action: raw_event_export.requested, d.count|gte: 5",
        "kind: volume, span: 1d, window: 90d",
    );
    assert_eq!(scan(&place, &rule, &[]).findings().len(), 0);
    let with = |own: &str| {
        place.write("profile.toml", format!("[thresholds.{own}\n").as_bytes());
        scan(&place, &rule, &["--profile", "profile.toml"])
    };
    // The fourth export of a day reaches it; of two minutes none does.
    let tuned = with("test]\n'detection.s.d.count|gte' = 4");
    assert_eq!(tuned.findings().len(), 1, "{}", tuned.stderr);
    assert_eq!(fact(&tuned.findings(), "d.count")[0]["seen"], "4");
    let note = "threshold of the profile: test detection.s.d.count|gte = 4";
    assert!(tuned.ledger["notes"].as_array().unwrap().contains(&json!(note)), "{}", tuned.ledger["notes"]);
    assert_eq!(with("test]\n'detection.s.d.count|gte' = 4\n'derive.d.span' = '2m'").findings().len(), 0);
    for (own, part) in [
        ("test]\n'detection.s.d.count|gt' = 4", "did you mean `detection.s.d.count|gte`?"),
        ("test]\n'detection.s.d.count|gte' = '4d'", "cannot be a time"),
        ("test]\n'derive.d.window' = '36h'", "whole days"),
        ("u]\n'detection.s.d.count|gte' = 4", "no rule has that name"),
        ("test]\n'detection.s.event.action' = 4", "has no threshold"),
    ] {
        let refused = with(own);
        assert!(refused.code == 2 && refused.stderr.contains(part), "{own}: {}", refused.stderr);
    }
}

/// A correlation that wants three records, with samples of three and of two.
fn many() -> String {
    let record = |second: u32| json!({"date_time": format!("2026-10-01T15:00:{second:02}Z"), "user": {"email": "a@acme.example"}, "action": "x", "ip_address": HOME});
    let samples = |from, to| json!([(from..to).map(record).collect::<Vec<_>>()]);
    format!(
        "title: Many\nname: many\ncorrelation: {{type: event_count, rules: [one], group-by: [user.email], timespan: 1h, condition: {{gte: 3}}}}\n\
         x-portcullis: {{samples: {{match: {}, no_match: {}}}}}\n---\ntitle: One\nname: one\nlogsource: {{product: mixpanel}}\n\
         detection: {{s: {{event.action: x}}, condition: s}}\n",
        samples(0, 3),
        samples(0, 2)
    )
}

/// A profile is checked against the rules without a log: what it changes is said, and the samples are tried with it.
#[test]
fn rules_are_checked_and_tested_with_a_profile() {
    let place = Place::new();
    place.write("many.yml", many().as_bytes());
    let run = |verb: &str, rules: &[&str], profile: &str| {
        place.write("p.toml", profile.as_bytes());
        let mut command = command(place.folder.path());
        let output =
            command.args(["rules", verb]).args(rules).args(["--profile", "p.toml"]).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    };
    let three = "[thresholds.many]\n'correlation.condition.gte' = 3\n";
    let said = "threshold of the profile: many correlation.condition.gte = 3";
    for verb in ["check", "test"] {
        let (code, text) = run(verb, &["many.yml"], three);
        assert!(code == 0 && text.contains(said), "{text}");
        assert_eq!(run(verb, &["many.yml"], "time-zone = 'Europe/Berlin'\n").0, 0);
        for (profile, part) in [
            (
                "\n[thresholds.mny]\n'correlation.condition.gte' = 3\n",
                "p.toml:2: thresholds are given for `mny`",
            ),
            ("[thresholds.mny]\n'correlation.condition.gte' = 3\n", "did you mean `many`?"),
            (
                "[thresholds.many]\n\n'correlation.condition.gt' = 3\n",
                "p.toml:3: rule `many` has no threshold",
            ),
            (
                "[thresholds.many]\n'correlation.timespan' = 3\n",
                "p.toml:2: `correlation.timespan` of rule `many` cannot be",
            ),
            (
                "[thresholds.many]\n'correlation.timespan' = '0s'\n",
                "p.toml:1: rule `many` with these thresholds",
            ),
            (
                "[thresholds.many]\n'correlation.timespan' = 'soon'\n",
                "line 2: threshold `correlation.timespan`",
            ),
            (
                "[thresholds.\"many\\u001b[2J\"]\n'x' = 3\n",
                "p.toml:1: thresholds are given for `many\\u{1b}[2J`",
            ),
        ] {
            let (code, text) = run(verb, &["many.yml"], profile);
            assert!(code == 2 && text.contains(part), "{verb} {profile}: {text}");
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }
    // Two are enough now: the sample that must not be found is.
    let (code, text) = run("test", &["many.yml"], "[thresholds.many]\n'correlation.condition.gte' = 2\n");
    assert!(code == 2 && text.contains("many: sample 2 matches, but should not"), "{text}");
    let (code, text) = run("test", &["many.yml"], "[thresholds.many]\n'correlation.timespan' = '1s'\n");
    assert!(code == 2 && text.contains("many: sample 1 does not match, but should"), "{text}");
    // The built-in rules, a part of a correlation by its own name.
    let own = "[thresholds.guessing_many_failures]\n'correlation.condition.gte' = 8\n";
    assert_eq!(run("check", &[], own).0, 0);
}

/// Files and words of an attacker in places where only names are expected.
#[test]
fn files_that_are_none_are_refused() {
    let place = Place::new();
    place.write("log", work("14:00:00").as_bytes());
    place.write("bad", b"\x1b[2J not a file of that kind");
    for flag in ["--geo", "--networks", "--profile", "--baseline"] {
        for file in ["bad", "missing"] {
            let scanned = place.scan(&["log", flag, file]);
            assert_eq!(scanned.code, 2, "{flag} {file}");
            assert!(scanned.stderr.contains(file) && !scanned.stderr.contains('\x1b'), "{}", scanned.stderr);
        }
    }
}

/// The rules that tell the story only with history or with several records, each for what was planted.
#[test]
fn the_incident_is_found_by_what_is_unusual() {
    let output = command(std::path::Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["scan", "fixtures/incident", "--format", "jsonl", "--group", "incident"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&first["actor"], &first["score"]), (&json!("jane@agency.example"), &json!(100)));
    let terms = ["highest_finding", "further_rules", "further_tactics"];
    let sum: u64 = terms.iter().map(|term| first["score_terms"][term].as_u64().unwrap()).sum();
    assert_eq!(sum.min(100), 100);
    let rules: BTreeSet<&str> =
        first["rules"].as_array().unwrap().iter().map(|rule| rule.as_str().unwrap()).collect();
    for expected in [
        "any_failed_logins_then_success",
        "any_impossible_travel",
        "any_login_unfamiliar_network",
        "any_login_off_hours",
        "mixpanel_export_off_hours",
        "mixpanel_export_unfamiliar_network",
        "mixpanel_export_volume_own",
        "mixpanel_second_factor_off_then_new_network",
        "mixpanel_service_account_then_raw_export",
        "mixpanel_deletion_after_export",
        "mixpanel_audit_log_exported_then_quiet",
        "okta_factor_reset_then_new_network",
        "okta_api_token_then_new_network",
    ] {
        assert!(rules.contains(expected), "{expected}: {rules:?}");
    }
    // The outsider who was invited and made admin is an account of its own, or the victim's act: either is named.
    let outsider = text.lines().any(|line| line.contains("mixpanel_outsider_invited_then_promoted"));
    assert!(outsider);
    let serious = text.lines().filter(|line| {
        let incident: Value = serde_json::from_str(line).unwrap();
        incident["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|of| of["level"] == "high" || of["level"] == "critical")
    });
    assert!(serious.count() <= 2, "only the victim and the outsider");
}

#[test]
fn a_quiet_half_year_of_the_same_organisation_has_next_to_nothing_serious() {
    let place = Place::new();
    for (log, name, records) in [(Log::MixpanelNdjson, "m", 6000), (Log::OktaNdjson, "o", 2400)] {
        let mut bytes = Vec::new();
        let options = Options {
            seed: 2026,
            start: START,
            story: STORY_START,
            until: i64::MAX,
            days: 182,
            people: 25,
            records,
            incident: false,
        };
        synth::write(log, &options, &mut bytes).unwrap();
        place.write(name, &bytes);
    }
    let scanned = place.scan(&["m", "o", "--level", "high"]);
    assert_eq!(scanned.code, 0);
    assert!(scanned.findings().len() <= 1, "{:?}", scanned.findings());
}

/// What a finding is about: its rule and the records it cites, by their digests.
fn about(finding: &Value) -> (String, Vec<String>) {
    let events = finding["events"].as_array().unwrap();
    let digests = events.iter().map(|event| event["sha256"].as_str().unwrap().to_owned());
    (finding["rule_name"].as_str().unwrap().to_owned(), digests.collect())
}

/// Findings of level medium and above rest on what they cite, and on the baseline: without one of the records cited a
/// finding is gone; without all that none cites every finding stays.
#[test]
fn findings_rest_on_what_they_cite() {
    let place = Place::new();
    let day = |line: &&str| line.contains("\"2026-10-24T") || line.contains("\"2026-10-24 ");
    let mut logs: Vec<(&str, Vec<String>)> = Vec::new();
    for (name, file) in [("m", "mixpanel-audit.ndjson"), ("o", "okta-system-log.ndjson")] {
        let path = format!("{}/fixtures/incident/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        place.write(&format!("all/{name}"), text.as_bytes());
        logs.push((name, text.lines().filter(day).map(str::to_owned).collect()));
    }
    let (code, stderr) = learn(&place, &["all", "--until", "2026-10-24", "-o", "base.json"]);
    assert_eq!(code, 0, "{stderr}");
    let digest = |line: &String| portcullis::sys::hash::sha256_hex(line.as_bytes());
    let found = |keep: &dyn Fn(&str) -> bool| {
        for (name, lines) in &logs {
            let kept: Vec<&str> =
                lines.iter().filter(|line| keep(&digest(line))).map(String::as_str).collect();
            let kept = kept.join(
                "
",
            ) + "
";
            place.write(&format!("now/{name}"), kept.as_bytes());
        }
        let scanned = place.scan(&["now", "--baseline", "base.json", "--level", "medium"]);
        scanned.findings().iter().map(about).collect::<BTreeSet<_>>()
    };
    let all = found(&|_| true);
    let cited: BTreeSet<String> = all.iter().flat_map(|(_, events)| events.clone()).collect();
    let total: usize = logs.iter().map(|(_, lines)| lines.len()).sum();
    assert!(all.len() > 25 && cited.len() + 5 < total, "{} {} {total}", all.len(), cited.len());
    assert_eq!(found(&|record| cited.contains(record)), all);
    for record in &cited {
        let rest = found(&|other| other != record);
        let gone: Vec<_> = rest.iter().filter(|(_, events)| events.contains(record)).collect();
        assert!(gone.is_empty(), "{gone:?}");
    }
}

/// More matches in one unit than a worker holds, and a correlation that rests on all of them: each is told once, with its own record,
/// whether facts are in memory or on disk.
#[test]
fn thousands_of_matches_of_one_unit_are_all_told() {
    const MATCHES: u64 = 3000;
    let place = Place::new();
    let mut log = work("14:00:00");
    let before = log.lines().count() as u64;
    for at in 0..MATCHES {
        let time = format!("2026-10-01T15:{:02}:{:02}Z", at / 60, at % 60);
        log.push_str(&record(&time, "session.logged_in", &format!("10.0.{}.{}", at / 250, at % 250)));
    }
    place.write("log", log.as_bytes());
    let rule = rule("d.is_new: true", "kind: first_seen, value: source.ip")
        + &format!(
            "---\ntitle: Many\nname: many\nlevel: high\ncorrelation: {{type: event_count, rules: [test], \
             group-by: [user.email], timespan: 1h, generate: true, condition: {{gte: {MATCHES}}}}}\n"
        );
    for args in [&[][..], &["--state-memory", "1"], &["--engine", "strict"]] {
        let found = scan(&place, &rule, args);
        let findings = found.findings();
        let records = |finding: &Value| -> Vec<u64> {
            let events = finding["events"].as_array().unwrap();
            events.iter().map(|event| event["record"].as_u64().unwrap()).collect()
        };
        let (single, many): (Vec<&Value>, Vec<&Value>) =
            findings.iter().partition(|finding| finding["rule_name"] == "test");
        let expected: Vec<u64> = (before + 1..=before + MATCHES).collect();
        let told: Vec<u64> = single.iter().flat_map(|finding| records(finding)).collect();
        assert!(told == expected, "{args:?}: {} findings: {}", single.len(), found.stderr);
        assert!(single.iter().all(|finding| finding["why"][0]["note"].as_str().is_some()));
        assert_eq!(many.len(), 1, "{args:?}: {}", found.stderr);
        assert!(records(many[0]) == expected);
    }
}
