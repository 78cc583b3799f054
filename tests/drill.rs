//! The first door: `portcullis drill` comes to its end, with a killed lockdown and a live attacker too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::path::Path;

use common::{Place, command};
use portcullis::drill::emulator::draws::CANARY;
use portcullis::lockdown::journal;
use portcullis::lockdown::record::{Entry, Verdict};
use serde_json::Value;

/// Runs a drill below `place`; its output, and where it left everything.
fn drill(place: &Place, args: &[&str]) -> (String, String) {
    let mut command = command(place.folder.path());
    command.env("TMPDIR", place.folder.path()).arg("drill").args(args);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains(CANARY), "{text}");
    let folder = text.lines().find_map(|line| line.split_once("Everything lies in ")).unwrap().1.to_owned();
    (text, folder)
}

fn entries(folder: &str) -> Vec<Entry> {
    let incidents = std::fs::read_dir(Path::new(folder).join("incidents")).unwrap();
    let incident = incidents.map(|entry| entry.unwrap().path()).next().unwrap();
    let read = journal::read(&incident.join(journal::FILE)).unwrap();
    read.entries.into_iter().map(|timed| timed.entry).collect()
}

#[test]
fn it_finds_the_compromise_and_ends_contained() {
    let place = Place::new();
    let (text, folder) = drill(&place, &[]);
    assert!(text.contains("INCIDENT 1") && text.contains("CRITICAL"), "{text}");
    promised(&place, &entries(&folder));
    let verdicts: Vec<Verdict> = entries(&folder)
        .into_iter()
        .filter_map(|entry| if let Entry::Concluded { verdict, .. } = entry { Some(verdict) } else { None })
        .collect();
    assert_eq!(verdicts[0], Verdict::Partial);
    assert_eq!(verdicts.last(), Some(&Verdict::Contained));
    assert!(text.contains("GOOD\n") && text.contains("verdict   CONTAINED"), "the bag is checked: {text}");
    for (file, told) in [
        ("timeline.html", "CONTAINED"),
        ("report.html", "CONTAINED"),
        ("report.html", "type=\"checkbox\" id=\"guided-1\" checked disabled"),
        ("findings.jsonl", "rule_id"),
    ] {
        let made = std::fs::read_to_string(Path::new(&folder).join(file)).unwrap();
        assert!(made.contains(told) && !made.contains(CANARY), "{file}");
    }
}

/// What `providers` says that it changes is what a plan has, and as it says.
fn promised(place: &Place, entries: &[Entry]) {
    let output = common::command(place.folder.path()).args(["providers", "--json"]).output().unwrap();
    let kinds: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(kinds.len() >= 6, "{kinds:?}");
    let mut systems = std::collections::BTreeSet::new();
    let planned = entries.iter().filter_map(|entry| match entry {
        Entry::Planned { steps, .. } => Some(steps),
        _ => None,
    });
    for step in planned.flatten() {
        systems.insert(step.system.clone());
        let kind = kinds.iter().find(|kind| kind["kind"] == step.system.as_str()).unwrap();
        let undo = serde_json::to_value(step.undo).unwrap();
        let is_promised = kind["changes"].as_array().unwrap().iter().any(|change| {
            change["action"] == step.action.as_str()
                && change["object"] == step.object.kind.as_str()
                && change["commit"] == step.commit
                && change["undo"].as_array().unwrap().contains(&undo)
        });
        assert!(is_promised, "`providers` does not know {step:?}");
    }
    assert_eq!(systems.len(), 4, "{systems:?}");
}

#[test]
fn a_killed_lockdown_goes_on_and_a_live_attacker_is_shut_out() {
    let place = Place::new();
    let (text, folder) = drill(&place, &["--seed", "7", "--attacker", "live", "--crash-at", "60"]);
    assert!(text.contains("Killed, as asked"), "{text}");
    assert!(text.contains("The attacker, as only the tenant knows"), "{text}");
    let last = entries(&folder).into_iter().rev().find(|entry| matches!(entry, Entry::Concluded { .. }));
    assert!(matches!(last, Some(Entry::Concluded { verdict: Verdict::Contained, .. })), "{last:?}");
}
