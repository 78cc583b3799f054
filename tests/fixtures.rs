//! The fixtures are what the generator makes, and a scan of them tells the story.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "the logs are small")]

use std::collections::BTreeMap;
use std::process::Command;

use portcullis::synth::{self, Log, Options, START, STORY_START, story};
use serde_json::Value;

fn made(log: Log, records: u64, days: u32, incident: bool) -> Vec<u8> {
    let mut out = Vec::new();
    synth::write(
        log,
        &Options {
            seed: 2026,
            start: START,
            story: STORY_START,
            until: i64::MAX,
            days,
            people: 25,
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
