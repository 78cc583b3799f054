//! What `scan --format` writes for other tools, read by code of those tools.
//!
//! Needs `PORTCULLIS_FORMAT_TOOLS`, a folder made by `.ci/install-formats`; without it the test says that it was left out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "what is left out is said")]

mod common;
mod emulated;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Place, command};
use emulated::{VICTIM, World};
use serde_json::{Value, json};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident");

/// Scans the incident, or a log of one hostile record, into every format.
fn write_all(place: &Place, paths: &str) -> usize {
    let mut findings = 0;
    for format in
        ["jsonl", "ocsf", "ocsf-integrity", "sarif", "navigator", "ecs", "timesketch", "timesketch-csv"]
    {
        let out = format!("out.{format}");
        let args = ["scan", paths, "--format", format, "-o", &out, "--quiet"];
        let scanned = command(place.folder.path()).args(args).output().unwrap();
        assert!(scanned.status.success(), "{}", String::from_utf8_lossy(&scanned.stderr));
        if format == "jsonl" {
            findings = std::fs::read_to_string(place.path(&out)).unwrap().lines().count();
        }
    }
    assert!(findings > 0, "nothing to write");
    findings
}

fn hostile(place: &Place) {
    let evil = "=cmd|'/C calc'!A0\u{1b}[2J\u{202e}<script>\"\n\u{0}";
    let record = json!({
        "date_time": "2026-10-24T01:36:17Z", "user": {"email": evil}, "action": "user.twofactor_disabled",
        "ip_address": evil,
    });
    place.write("hostile.ndjson", format!("{record}\n").as_bytes());
}

/// The folder of the tools.
fn tools() -> Option<PathBuf> {
    let tools = std::env::var_os("PORTCULLIS_FORMAT_TOOLS").map(PathBuf::from);
    if tools.is_none() {
        eprintln!("left out: PORTCULLIS_FORMAT_TOOLS is not set (.ci/install-formats makes the folder)");
    }
    tools
}

/// What the tools in Python counted.
fn counted(place: &Place, tools: &Path) -> Value {
    let checked = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/check_formats.py"))
        .arg(place.folder.path())
        .env("PYTHONPATH", tools.join("python"))
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    serde_json::from_slice(&checked.stdout).unwrap()
}

#[test]
fn other_tools_read_what_is_written_for_them() {
    let Some(tools) = tools() else { return };
    let place = Place::new();
    hostile(&place);
    for paths in [FIXTURE, "hostile.ndjson"] {
        let findings = write_all(&place, paths);
        let told = counted(&place, &tools);
        for format in ["ocsf", "ocsf_integrity", "timesketch", "timesketch_csv"] {
            assert_eq!(told[format], findings, "{format} of {paths}");
        }
        assert!(told["techniques"].as_u64().unwrap() > 0, "{told}");
        sarif(&place, &tools, findings);
        ecs(&place, &tools, findings);
    }
}

#[test]
fn a_lockdown_is_read_as_remediation_activities() {
    let Some(tools) = tools() else { return };
    let world = World::new();
    let ran = world.run(&["lockdown", VICTIM, "--yes", "--json"]);
    let steps = ran.json()["steps"].as_array().unwrap().clone();
    let tried =
        steps.iter().filter(|step| step["status"] == "applied" || step["status"] == "already").count();
    assert!(tried >= 4, "{steps:?}");
    let ran = world.run(&["status", &world.incident(), "--ocsf"]);
    assert_eq!(ran.out.lines().count(), tried, "{}", ran.out);
    world.place.write("remediation.jsonl", ran.out.as_bytes());
    assert_eq!(counted(&world.place, &tools)["remediation"], tried);
    let secrets = world.secrets();
    assert!(!secrets.iter().any(|secret| ran.out.contains(secret)));
    let ran = world.run(&["restore", &world.incident(), "--yes"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let ran = world.run(&["status", &world.incident(), "--ocsf"]);
    world.place.write("remediation.jsonl", ran.out.as_bytes());
    assert!(counted(&world.place, &tools)["remediation"].as_u64().unwrap() > 0);
    assert!(ran.out.contains("\"activity_name\":\"Restore\""), "{}", ran.out);
}

fn ecs(place: &Place, tools: &Path, findings: usize) {
    let checked = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/check_ecs.js"))
        .arg(place.path("out.ecs"))
        .env("NODE_PATH", tools.join("node_modules"))
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert_eq!(String::from_utf8(checked.stdout).unwrap().trim(), findings.to_string());
}

fn sarif(place: &Place, tools: &Path, findings: usize) {
    let validator = tools.join("node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool");
    let args = ["validate", "out.sarif", "--output", "said.sarif", "--log", "ForceOverwrite"];
    let checked = Command::new(validator)
        .args(args)
        .current_dir(place.folder.path())
        .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(!said.contains(": error") && said.contains("1 files scanned"), "{said}");
    let document: Value = serde_json::from_slice(&std::fs::read(place.path("out.sarif")).unwrap()).unwrap();
    let results = document.pointer("/runs/0/results").and_then(Value::as_array).unwrap();
    assert_eq!(results.len(), findings);
}
