//! What is written, shown by programs that people look at it with: a browser, a terminal, a spreadsheet.
//!
//! `PORTCULLIS_CHROMIUM` and `PORTCULLIS_SSCONVERT` name the programs (`.ci/install-screens` sets them); without one its test
//! says that it was left out.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what was left out"
)]

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod report;
mod spreadsheet;
mod terminal;

use common::{HIT, Place};
use serde_json::{Value, json};

/// Records that a rule finds, in which everything that an attacker writes tries to be obeyed. `url`: where it calls home.
fn hostile(url: &str) -> Vec<Value> {
    let evil = [
        format!("<script>window.pwned=1;fetch('{url}/script')</script>"),
        format!("<img src=\"{url}/img\" onerror=\"window.pwned=1\">"),
        format!("\"><svg onload=\"window.pwned=1;fetch('{url}/svg')\">"),
        format!("</pre></td></table></details></style><style>@import url({url}/style);body{{display:none}}</style>"),
        format!("<iframe srcdoc=\"<script>parent.pwned=1</script>\" src={url}/frame></iframe>"),
        format!("<link rel=stylesheet href={url}/link><meta http-equiv=refresh content='0;url={url}/meta'>"),
        format!("javascript:fetch('{url}/js')"),
        "=HYPERLINK(\"http://evil.example\",\"x\")".to_owned(),
        "=cmd|' /C calc'!A0".to_owned(),
        "+1+1".to_owned(),
        "\t=1+1".to_owned(),
        "@SUM(1,1)".to_owned(),
        "-2+3".to_owned(),
        "\u{1b}[2J\u{1b}[?1049h\u{1b}[31m\u{1b}]0;title\u{7}\u{1b}]52;c;aGk=\u{7}\u{9b}5m\u{e}\u{8}\u{7f}\u{0}".to_owned(),
        "\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\r\n".to_owned(),
        "W".repeat(20_000),
    ];
    let record: Value = serde_json::from_str(HIT).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut record = record.clone();
        change(&mut record);
        record
    };
    let mut records = Vec::new();
    for evil in evil {
        records.push(with(&|record| record["user"]["email"] = json!(evil)));
        records.push(with(&|record| record["ip_address"] = json!(evil)));
        records.push(with(&|record| record["details"] = json!({ "name": evil, "rows": evil })));
        // The account whose charts are drawn does it too.
        records.push(with(&|record| record["action"] = json!(format!("service_account.created {evil}"))));
    }
    records
}

/// A log of them, by a name that is hostile too.
fn write_hostile(place: &Place, url: &str) {
    let lines: String = hostile(url).iter().map(|record| format!("{record}\n")).collect();
    let folder = place.path("logs");
    std::fs::create_dir(&folder).unwrap();
    let name = "logs/<img src=x onerror=window.pwned=1>\u{1b}[31m.ndjson";
    place.write(name, lines.as_bytes());
}
