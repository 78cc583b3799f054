//! Reports as files: the same bytes however the work is cut, and what standard input cannot give is said.

use std::io::Write as _;
use std::process::Stdio;

use crate::common::{Place, command};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident");

#[test]
fn the_same_logs_give_the_same_report() {
    let place = Place::new();
    let report = |name: &str, more: &[&str]| {
        let args = [&["scan", FIXTURE, "--format", "html", "--quiet", "-o", name], more].concat();
        let output = command(place.folder.path()).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::read_to_string(place.path(name)).unwrap()
    };
    let one = report("one.html", &["--threads", "1", "--chunk-size", "4KiB"]);
    assert!(one == report("two.html", &["--threads", "3", "--chunk-size", "64KiB", "--engine", "strict"]));
    let berlin = report("berlin.html", &["--time-zone", "Europe/Berlin"]);
    assert!(berlin.contains("Times in Europe/Berlin") && berlin.contains("2026-10-24 03:49:17"), "{berlin}");
}

#[test]
fn standard_input_gives_findings_and_says_what_is_missing() {
    let place = Place::new();
    let log = std::fs::read(format!("{FIXTURE}/mixpanel-audit.ndjson")).unwrap();
    let args = ["scan", "-", "--format", "html", "-o", "report.html", "--level", "high"];
    let mut child = command(place.folder.path()).args(args).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&log).unwrap();
    assert!(child.wait().unwrap().success());
    let html = std::fs::read_to_string(place.path("report.html")).unwrap();
    assert!(html.contains("Standard input and pipes can be read once") && !html.contains("<svg"), "{html}");
    assert!(html.contains("jane@agency.example"), "{html}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let place = Place::new();
    for (args, said) in [
        (&["--incident", "x"][..], "--format html"),
        (&["--format", "html", "--group", "incident"], "--group"),
        (&["--format", "html", "--incident", "../x", "--config", "none.toml"], "none.toml"),
    ] {
        let args = [&["scan", FIXTURE], args].concat();
        let output = command(place.folder.path()).args(args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && text.contains(said), "{text}");
    }
}
