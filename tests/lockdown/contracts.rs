//! What is sent, held to what the vendors publish of their calls.
//!
//! Needs `PORTCULLIS_FORMAT_TOOLS`, a folder made by `.ci/install-formats`, and the documents in `openapi` of the folder that
//! `PORTCULLIS_CORPUS` names; without them the test says that it was left out.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use portcullis::drill::emulator::{Faults, Switches, Tenant};
use serde_json::{Value, json};

use super::check::{DONE, PARTIAL};
use super::stage::Stage;
use super::tenant::{beside, further, small};

/// Where a document says otherwise than the vendor's own code, which is what is sent first.
const CONTRADICTED: [&str; 1] = ["onelogin DELETE /api/2/roles/{role_id}/users"];
/// Services of which there is a document, and the fewest requests that it has to cover; Looker's only where it is there. Google describes the Directory API in a
/// form of its own, not as `OpenAPI`, so that what is sent to it is held to its emulated service alone.
const COVERED: [(&str, u64); 5] =
    [("mixpanel", 20), ("okta", 4), ("entra", 3), ("onelogin", 4), ("pingone", 5)];

fn folder(name: &str, below: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(name).map(|folder| PathBuf::from(folder).join(below));
    let folder = folder.filter(|folder| folder.is_dir());
    if folder.is_none() {
        eprintln!("left out: {name} is not set, or has no {below}");
    }
    folder
}

/// Every changing request of a lockdown and of its restore, a line each.
fn recorded(tenant: Tenant, more: &[&str]) -> String {
    let stage = Stage::new(tenant, Switches::default(), Faults::default());
    let run = stage.lockdown(more, None);
    assert!(matches!(run.code, Some(DONE | PARTIAL)), "{}{}", run.stdout, run.stderr);
    let run = stage.restore(None);
    assert!(matches!(run.code, Some(DONE | PARTIAL)), "{}{}", run.stdout, run.stderr);
    let changes = stage.watch.changes();
    assert!(!changes.is_empty());
    let line = |change: super::watch::Change| {
        let request = change.request;
        let row = json!({
            "service": change.service, "method": request.method, "path": request.path, "query": request.query,
            "content_type": request.header("content-type"), "body": String::from_utf8_lossy(&request.body),
        });
        format!("{row}\n")
    };
    changes.into_iter().map(line).collect()
}

#[test]
fn what_is_sent_is_what_the_vendors_document() {
    let tools = folder("PORTCULLIS_FORMAT_TOOLS", "python");
    let (Some(tools), Some(documents)) = (tools, folder("PORTCULLIS_CORPUS", "openapi")) else { return };
    let mut requests = recorded(small(3), &[]) + &recorded(small(4), &["--commit"]);
    requests.extend(further().map(|service| recorded(beside(service, 5), &[])));
    let place = tempfile::TempDir::new().unwrap();
    let file = place.path().join("requests.jsonl");
    File::create(&file).unwrap().write_all(requests.as_bytes()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/check_requests.py");
    let checked = Command::new("python3")
        .arg(script)
        .args([&file, &documents])
        .env("PYTHONPATH", tools)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let told: Value = serde_json::from_slice(&checked.stdout).unwrap();
    eprintln!("{told:#}");
    let looker = documents.join("looker.json").is_file().then_some(("looker", 2));
    for (service, fewest) in COVERED.into_iter().chain(looker) {
        assert!(told["valid"][service].as_u64() >= Some(fewest), "{service}: {told:#}");
    }
    let invalid = told["invalid"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
    let wrong: Vec<&str> =
        invalid.filter(|line| !CONTRADICTED.iter().any(|known| line.starts_with(known))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
