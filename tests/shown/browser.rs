//! Reports in headless Chromium.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::common::{Place, command};
use crate::write_hostile;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident");
/// Loads the report into a frame, looks at it, uses it, and writes down what came of it.
const LOOK: &str = include_str!("look.html");

/// A server that nobody may call.
struct Home {
    url: String,
    calls: Receiver<String>,
}

impl Home {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, calls) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut line = String::new();
                // A connection is a call, whatever is said.
                let _ = BufReader::new(stream).read_line(&mut line);
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { url, calls }
    }

    fn called(&self, patience: Duration) -> Option<String> {
        self.calls.recv_timeout(patience).ok()
    }
}

fn chromium() -> Option<std::ffi::OsString> {
    let program = std::env::var_os("PORTCULLIS_CHROMIUM");
    if program.is_none() {
        eprintln!("left out: PORTCULLIS_CHROMIUM is not set (.ci/install-screens sets it)");
    }
    program
}

/// The document after its scripts ran.
fn document(program: &std::ffi::OsStr, place: &Place, page: &str) -> String {
    let output = Command::new("timeout")
        .arg("120")
        .arg(program)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--allow-file-access-from-files", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", place.path("browser").display()))
        .arg(format!("file://{}", place.path(page).display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn report(place: &Place, paths: &str) {
    let args = ["scan", paths, "--format", "html", "-o", "report.html", "--quiet"];
    let scanned = command(place.folder.path()).args(args).output().unwrap();
    assert!(Path::new(&place.path("report.html")).is_file(), "{}", String::from_utf8_lossy(&scanned.stderr));
}

/// What the browser made of the report.
fn look(program: &std::ffi::OsStr, place: &Place) -> Value {
    place.write("look.html", LOOK.as_bytes());
    let document = document(program, place, "look.html");
    let told = document.split("<pre id=\"told\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let told = told.unwrap_or_else(|| panic!("nothing told: {document}"));
    let told = told.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

#[test]
fn a_hostile_log_runs_nothing_and_calls_nobody() {
    let Some(program) = chromium() else { return };
    let (place, home) = (Place::new(), Home::new());
    let control = format!("<img src=\"{}/control\">", home.url);
    place.write("control.html", control.as_bytes());
    document(&program, &place, "control.html");
    let called = home.called(Duration::from_secs(10));
    assert!(called.is_some_and(|line| line.starts_with("GET /control")), "the server would not see a call");

    write_hostile(&place, &home.url);
    report(&place, "logs");
    let told = look(&program, &place);
    assert_eq!(told["title"], "Portcullis report", "{told}");
    assert_eq!(told["pwned"], false, "{told}");
    assert_eq!((told["scripts"].as_u64(), told["styles"].as_u64()), (Some(1), Some(1)), "{told}");
    assert_eq!((told["loaders"].as_u64(), told["handlers"].as_u64()), (Some(0), Some(0)), "{told}");
    assert!(told["overflow"].as_i64().unwrap() <= 0, "wider than the window: {told}");
    assert!(told["rows"].as_u64().unwrap() > 40, "{told}");
    assert_eq!(told["hidden_body"], false, "{told}");
    // Our own script did run: tables can be sorted.
    assert_eq!(told["buttons"], 7, "{told}");
    let called = home.called(Duration::from_secs(1));
    assert_eq!(called, None);
}

#[test]
fn the_report_of_the_incident_is_whole_and_can_be_used_by_keyboard() {
    let Some(program) = chromium() else { return };
    let place = Place::new();
    report(&place, FIXTURE);
    let told = look(&program, &place);
    let headings: Vec<&str> = told["headings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let words: Vec<&str> = headings.iter().map(|heading| heading.split(" (").next().unwrap()).collect();
    assert_eq!(words, ["Charts", "Incidents", "Findings", "What was covered", "Appendix"], "{told}");
    assert!(headings.contains(&format!("Findings ({})", told["rows"]).as_str()), "{told}");
    assert!(told["charts"].as_u64().unwrap() >= 5, "{told}");
    assert!(told["raw"].as_u64().unwrap() > 100, "records are not shown: {told}");
    assert_eq!(told["focused"], "search", "{told}");
    let (rows, left) = (told["rows"].as_u64().unwrap(), told["filtered"].as_u64().unwrap());
    assert!(left > 0 && left < rows / 2, "{told}");
    assert_eq!(told["all_match"], true, "{told}");
    assert_eq!(
        (told["sorted_up"].as_bool(), told["sorted_down"].as_bool()),
        (Some(true), Some(true)),
        "{told}"
    );
    assert!(told["overflow"].as_i64().unwrap() <= 0, "{told}");
}
