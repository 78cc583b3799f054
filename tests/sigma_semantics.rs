//! What rules mean, case by case. Every case is asked of the plain reference and of the scan's fast engine.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_collect,
    reason = "a test may fail, and its files need not survive a power cut"
)]

mod sigma_cases;

use std::io;
use std::path::Path;

use portcullis::finding::Finding;
use portcullis::output::{Sink, Summary};
use portcullis::rule::sample::JsonFields;
use portcullis::rule::{Loaded, Placeholders, parse_document};
use portcullis::scan::{self, Config, Engine, Progress};
use serde_json::Value;

use sigma_cases::{Case, MATCHING, VALUES};

/// Keeps the numbers of the records that were found.
#[derive(Default)]
struct Found(Vec<u64>);

impl Sink for Found {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.0.extend(finding.events.iter().map(|event| event.record));
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

struct Silent;

impl Progress for Silent {
    fn bytes(&self, _: u64) {}
    fn total(&self, _: Option<u64>) {}
}

fn placeholders() -> Placeholders {
    let known = [
        ("admins", vec!["root", "adm*"]),
        ("nets", vec!["10.0.0.0/8", "2001:db8::/32"]),
        ("re", vec!["^a.c$"]),
    ];
    known.map(|(name, values)| (name.to_owned(), values.into_iter().map(str::to_owned).collect())).into()
}

/// The rule of a case; a condition is added where the snippet has none.
fn rule(case: &Case) -> Loaded {
    let mut text = String::from("title: t\nlogsource: {category: test}\ndetection:\n");
    for line in case.detection.lines() {
        text.extend(["  ", line, "\n"]);
    }
    if !case.detection.contains("condition:") {
        text.push_str("  condition: s\n");
    }
    let loaded = parse_document(Path::new("case.yml"), &text, &placeholders());
    assert_eq!(loaded.errors, [], "{}: {text}", case.why);
    assert_eq!(loaded.rules.len(), 1, "{text}");
    loaded
}

fn config(rules: Loaded, path: &Path, engine: Engine) -> Config {
    Config {
        source: Some("json".to_owned()),
        threads: 1,
        chunk_size: 1 << 20,
        max_record: 1 << 20,
        engine,
        ..Config::new(vec![path.display().to_string()], rules)
    }
}

fn scanned(rules: &Loaded, folder: &Path, records: &[&str], engine: Engine) -> Vec<bool> {
    let path = folder.join("records.ndjson");
    std::fs::write(&path, records.iter().map(|record| format!("{record}\n")).collect::<String>()).unwrap();
    let mut found = Found::default();
    let ledger = scan::run(&config(rules.clone(), &path, engine), &mut found, &Silent).unwrap();
    assert_eq!(ledger.findings().total(), found.0.len() as u64);
    (1..=records.len() as u64).map(|number| found.0.contains(&number)).collect()
}

fn check(cases: &[Case]) {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let loaded = rule(case);
        let records: Vec<&str> = case.yes.iter().chain(case.no).copied().collect();
        let fast = scanned(&loaded, folder.path(), &records, Engine::Fast);
        let strict = scanned(&loaded, folder.path(), &records, Engine::Strict);
        for (at, record) in records.iter().enumerate() {
            let value: Value = serde_json::from_str(record).expect(record);
            let plain = loaded.rules[0].matches(&JsonFields::new(&value, &|name| vec![name.to_owned()]));
            let expected = at < case.yes.len();
            if (plain, fast[at], strict[at]) != (expected, expected, expected) {
                let got = format!("plain {plain}, fast {}, strict {}", fast[at], strict[at]);
                wrong.push(format!(
                    "{}: {}\n    on {record}: expected {expected}, got {got}",
                    case.why, case.detection
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn values_wildcards_and_modifiers() {
    check(VALUES);
}

#[test]
fn searches_conditions_and_fields() {
    check(MATCHING);
}

/// A rule may not name a modifier that no case covers.
#[test]
fn every_modifier_has_a_case() {
    let all = [
        "all",
        "startswith",
        "endswith",
        "contains",
        "exists",
        "cased",
        "neq",
        "windash",
        "re",
        "i",
        "m",
        "s",
        "base64",
        "base64offset",
        "utf16le",
        "wide",
        "utf16be",
        "utf16",
        "lt",
        "lte",
        "gt",
        "gte",
        "minute",
        "hour",
        "day",
        "week",
        "month",
        "year",
        "cidr",
        "expand",
        "fieldref",
    ];
    let used = |name: &str| {
        let has =
            |case: &Case| case.detection.split([':', '|', '\'', '{', '}', ' ']).any(|word| word == name);
        VALUES.iter().chain(MATCHING).any(|case| has(case) && case.detection.contains(&format!("|{name}")))
    };
    let missing: Vec<&str> = all.into_iter().filter(|name| !used(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}
