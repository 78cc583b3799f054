//! Derived fields of many small logs, read through rules that ask whether they exist.

use std::collections::BTreeMap;

use portcullis::finding::Finding;

use super::batch::scan_batch;
use super::derive::{Declaration, Value};
use super::model::{Files, Log, Place, Record};
use super::rng::Rng;
use super::run::{self, How, PLAIN, WAYS};

/// A rule for each sub-field, by name the number of its declaration and the sub-field, that finds where it is present.
pub fn probes(declarations: &[Declaration]) -> String {
    let rules = declarations.iter().enumerate().flat_map(|(number, declaration)| {
        let probe =
            move |sub: &&str| declaration.rule(&format!("{number}_{sub}"), &format!("x.{sub}|exists: true"));
        declaration.sub_fields().iter().map(probe).collect::<Vec<_>>()
    });
    rules.collect::<Vec<_>>().join("---\n")
}

/// Rule, record, value of the sub-field.
type Seen = BTreeMap<(String, Place), Value>;

pub fn seen(findings: &[Finding]) -> Seen {
    let value = |finding: &Finding| {
        let fact = finding.why.iter().find(|fact| fact.field.starts_with("x.")).expect("a fact of the field");
        let text = fact.seen.as_deref().expect("the field's value");
        match (text, text.parse()) {
            ("true", _) => Value::Bool(true),
            ("false", _) => Value::Bool(false),
            (_, Ok(number)) => Value::Number(number),
            _ => Value::Text(text.to_owned()),
        }
    };
    let mut all = Seen::new();
    for finding in findings {
        let places = run::places(finding);
        assert_eq!(places.len(), 1, "{finding:?}");
        let before = all.insert((finding.rule_name.clone(), places[0]), value(finding));
        assert_eq!(before, None, "{finding:?}");
    }
    all
}

fn wanted(declarations: &[Declaration], log: &[Record], places: &[Place], all: &mut Seen) {
    for (number, declaration) in declarations.iter().enumerate() {
        for (at, place) in places.iter().enumerate() {
            for (sub, value) in declaration.values(log, at) {
                all.insert((format!("{number}_{sub}"), *place), value);
            }
        }
    }
}

/// The first difference, numbers apart from each other by no more than what floats lose being the same.
fn difference(seen: &Seen, wanted: &Seen) -> Option<(String, Place)> {
    let same = |one: Option<&Value>, other: Option<&Value>| match (one, other) {
        (Some(Value::Number(one)), Some(Value::Number(other))) => {
            (one - other).abs() <= 1e-6 * other.abs().max(1.0)
        }
        (one, other) => one == other,
    };
    seen.keys().chain(wanted.keys()).find(|key| !same(seen.get(*key), wanted.get(*key))).cloned()
}

/// As [`report`], for one declaration.
fn report_derived(declaration: &Declaration, log: &Log) -> String {
    let declarations = [declaration.clone()];
    let differ = |log: &Log| {
        let (places, found) = scan_alone(log, &probes(&declarations), PLAIN);
        let (seen, mut expected) = (seen(&found), Seen::new());
        wanted(&declarations, &log.sorted(), &places, &mut expected);
        let (rule, place) = difference(&seen, &expected)?;
        let at = places.iter().position(|known| *known == place).unwrap();
        let key = (rule, place);
        Some(format!(
            "{} of record {at}\nscan: {:?}\nreference: {:?}",
            key.0,
            seen.get(&key),
            expected.get(&key)
        ))
    };
    let (mut log, mut at) = (log.clone(), 0);
    while at < log.records.len() {
        let mut less = log.clone();
        less.records.remove(at);
        if differ(&less).is_some() { (log, at) = (less, 0) } else { at += 1 }
    }
    let lines: Vec<String> = log.sorted().iter().map(Record::line).collect();
    let what =
        differ(&log).unwrap_or_else(|| "the scan differs only when logs are scanned together".to_owned());
    format!("{declaration:?}\n{}\n{what}", lines.join("\n"))
}

pub fn scan_alone(log: &Log, yaml: &str, how: How) -> (Vec<Place>, Vec<Finding>) {
    let mut files = Files::new();
    let places =
        log.input_order().iter().map(|&at| files.push(log.records[at].0, &log.records[at].1)).collect();
    (places, run::scan(&files, &run::load(yaml), how))
}

pub fn compare_derived(seed: u64, logs: &[Log], declarations: &[Declaration]) -> usize {
    let mut rng = Rng::new(seed);
    let how = WAYS[rng.below(WAYS.len())];
    let (places, found) = scan_batch(logs, &mut rng, &probes(declarations), how);
    let (seen, mut expected) = (seen(&found), Seen::new());
    for (log, places) in logs.iter().zip(&places) {
        wanted(declarations, &log.sorted(), places, &mut expected);
    }
    if let Some((rule, place)) = difference(&seen, &expected) {
        let number: usize = rule.split('_').next().unwrap().parse().unwrap();
        let log = places.iter().position(|places| places.contains(&place)).expect("a record of a log");
        panic!(
            "seed {seed}, log {log}, {rule}, {how:?}:\n{}",
            report_derived(&declarations[number], &logs[log])
        );
    }
    expected.len()
}
