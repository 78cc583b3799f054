//! The fixtures are what the generator makes, and a scan of them tells the story.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "the logs are small")]

use std::collections::BTreeMap;
use std::process::Command;

use portcullis::synth::{self, Log, Options, START, STORY_START, story};
use serde_json::Value;

fn made(log: Log, records: u64, days: u32, incident: bool) -> Vec<u8> {
    made_of(25, log, records, days, incident)
}

fn made_of(people: usize, log: Log, records: u64, days: u32, incident: bool) -> Vec<u8> {
    let mut out = Vec::new();
    synth::write(
        log,
        &Options {
            seed: 2026,
            start: START,
            story: STORY_START,
            until: i64::MAX,
            days,
            people,
            records,
            incident,
        },
        &mut out,
    )
    .unwrap();
    out
}

#[test]
fn committed_logs_are_what_the_generator_makes() {
    let same =
        |path: &str, made: Vec<u8>| assert!(std::fs::read(path).unwrap() == made, "{path} is out of date");
    same("fixtures/incident/mixpanel-audit.ndjson", made(Log::MixpanelNdjson, 3000, 91, true));
    same("fixtures/incident/okta-system-log.ndjson", made(Log::OktaNdjson, 1200, 91, true));
    same("fixtures/source/mixpanel_audit/audit.csv", made(Log::MixpanelCsv, 60, 20, false));
    let page: Value =
        serde_json::from_slice(&std::fs::read("fixtures/source/okta/page.json").unwrap()).unwrap();
    let array: Value =
        serde_json::from_slice(&std::fs::read("fixtures/source/okta/array.json").unwrap()).unwrap();
    let generated: Value = serde_json::from_slice(&made(Log::OktaArray, 20, 20, false)).unwrap();
    assert!(page == generated && array == generated);
}

#[test]
fn committed_logs_of_identity_providers_are_what_the_generator_makes() {
    for (path, log, records) in [
        ("entra/page.json", Log::EntraPage, 90),
        ("entra/monitor.ndjson", Log::EntraMonitor, 90),
        ("google/page.json", Log::GooglePage, 90),
        ("google/activities.ndjson", Log::GoogleNdjson, 90),
        ("auth0/logs.ndjson", Log::Auth0Ndjson, 90),
        ("auth0/stream.ndjson", Log::Auth0Stream, 90),
        ("onelogin/page.json", Log::OneloginPage, 90),
        ("pingone/page.json", Log::PingonePage, 90),
        ("mixpanel_export/export.ndjson", Log::MixpanelExport, 60),
    ] {
        let path = format!("fixtures/source/{path}");
        let same = std::fs::read(&path).unwrap() == made_of(4, log, records, 91, true);
        assert!(same, "{path} is out of date");
    }
}

#[test]
fn the_committed_roster_and_its_audit_log_are_what_the_generator_makes() {
    for (name, log) in [("roster.csv", Log::RosterCsv), ("audit.ndjson", Log::RosterAudit)] {
        let path = format!("fixtures/source/roster/{name}");
        let same = std::fs::read(&path).unwrap() == made_of(12, log, 400, 91, false);
        assert!(same, "{path} is out of date");
    }
}

/// Every source but those that have logs of the large incident, and any JSON, has a log and what is to be found in it.
#[test]
fn each_source_has_a_log_whose_story_is_found_by_name() {
    let folders = std::fs::read_dir("fixtures/source").unwrap().map(|entry| entry.unwrap().path());
    let expected = folders.filter_map(|folder| {
        let text = std::fs::read(folder.join("expected.json")).ok()?;
        Some((folder, serde_json::from_slice::<Value>(&text).unwrap()))
    });
    let mut told = vec!["okta".to_owned(), "mixpanel-audit".to_owned(), "json".to_owned()];
    for (folder, expected) in expected {
        for log in expected["logs"].as_array().unwrap() {
            check_log(&folder, log, &expected);
        }
        told.push(expected["source"].as_str().unwrap().to_owned());
    }
    let missing: Vec<&str> = portcullis::source::SOURCES.iter().map(|source| source.name).collect();
    let missing: Vec<&&str> = missing.iter().filter(|name| !told.iter().any(|told| told == *name)).collect();
    assert!(missing.is_empty(), "sources without a log in fixtures/source: {missing:?}");
}

fn check_log(folder: &std::path::Path, log: &Value, expected: &Value) {
    let name = log["log"].as_str().unwrap();
    let arguments = log["arguments"].as_array().cloned().unwrap_or_default();
    let forced = ["--source", expected["source"].as_str().unwrap()];
    // Recognised by its content, named, and by the plain engine.
    let mut before: Option<Vec<u8>> = None;
    for source in [&[][..], &forced, &["--engine", "strict"]] {
        let ledger = tempfile::NamedTempFile::new().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .current_dir(folder)
            .args(["scan", "--format", "jsonl", name, "--ledger"])
            .arg(ledger.path())
            .args(arguments.iter().map(|argument| argument.as_str().unwrap()))
            .args(source)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{name}: {stderr}");
        let ledger: Value = serde_json::from_slice(&std::fs::read(ledger.path()).unwrap()).unwrap();
        assert_eq!(ledger["inputs"][0]["source"], expected["source"], "{name}");
        assert!(before.as_ref().is_none_or(|before| *before == output.stdout), "{name}: {source:?}");
        before = Some(output.stdout.clone());
        let text = String::from_utf8(output.stdout).unwrap();
        let found: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for wanted in expected["findings"].as_array().unwrap() {
            let is_wanted = |finding: &&Value| {
                finding["rule_name"] == wanted["rule"]
                    && finding["actor"] == wanted["actor"]
                    && (wanted["time"].is_null() || finding["time"] == wanted["time"])
            };
            let finding = found.iter().find(is_wanted);
            assert!(finding.is_some(), "{}/{name}: no {wanted}", folder.display());
            assert!(finding.unwrap()["action"].is_string(), "{}/{name}: {wanted}", folder.display());
        }
    }
}

/// Findings of a scan, by event type.
fn findings(paths: &[&str]) -> BTreeMap<String, Vec<Value>> {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["scan", "--format", "jsonl", "--account", "jane@agency.example"])
        .args(paths)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let mut by_action: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let finding: Value = serde_json::from_str(line).unwrap();
        by_action.entry(finding["action"].as_str().unwrap().to_owned()).or_default().push(finding);
    }
    by_action
}

#[test]
fn the_scan_tells_every_part_of_the_story() {
    let found = findings(&["fixtures/incident"]);
    // What nobody can tell from one record alone: logins, the sign-on, the cohort of a busy analyst.
    let later = |planted: &story::Planted| match planted.event {
        "session.logged_in" => true,
        "user.authentication.auth_via_mfa" => planted.what.contains("accepted"),
        "user.session.start" => planted.what.contains("second country"),
        _ => planted.what.starts_with("responder") || planted.what.starts_with("outsider joined"),
    };
    let stateless = story::planted().into_iter().filter(|planted| !later(planted));
    let mut missing = Vec::new();
    for planted in stateless {
        let at = synth::STORY_START + planted.minute * 60;
        let seen = found.get(planted.event).into_iter().flatten().any(|finding| {
            let time: jiff::Timestamp = finding["time"].as_str().unwrap().parse().unwrap();
            (at..at + 60).contains(&time.as_second())
        });
        if !seen {
            missing.push(planted);
        }
    }
    assert_eq!(missing, []);
}

#[test]
fn findings_point_at_the_bytes_they_rest_on() {
    let log = std::fs::read("fixtures/incident/mixpanel-audit.ndjson").unwrap();
    let mut checked = 0;
    for finding in findings(&["fixtures/incident/mixpanel-audit.ndjson"]).values().flatten() {
        let event = &finding["events"][0];
        let (offset, length) =
            (event["offset"].as_u64().unwrap() as usize, event["length"].as_u64().unwrap() as usize);
        let bytes = &log[offset..offset + length];
        assert_eq!(portcullis::sys::hash::sha256_hex(bytes), event["sha256"].as_str().unwrap());
        let number = event["record"].as_u64().unwrap() as usize;
        assert_eq!(log.split(|&byte| byte == b'\n').nth(number - 1).unwrap(), bytes);
        checked += 1;
    }
    assert!(checked > 20, "{checked}");
}
