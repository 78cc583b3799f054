//! Derived fields of many small logs, read through rules that ask whether they exist.

use std::collections::BTreeMap;

use portcullis::finding::Finding;

use super::batch::{scan_batch, shrunk};
use super::derive::{Declaration, Value};
use super::model::{Files, Log, Place, Record};
use super::rng::Rng;
use super::run::{self, How, PLAIN, WAYS};

/// What a rule asks of a sub-field. Numbers are such as no value comes close to.
#[derive(Debug, Clone, Copy)]
pub enum Test {
    /// That it is there; its value is read from the finding.
    Present,
    Absent,
    Is(bool),
    Equals(f64),
    AtLeast(f64),
    Below(f64),
}

impl Test {
    pub fn text(self, sub: &str) -> String {
        match self {
            Self::Present => format!("x.{sub}|exists: true"),
            Self::Absent => format!("x.{sub}|exists: false"),
            Self::Is(value) => format!("x.{sub}: {value}"),
            Self::Equals(value) => format!("x.{sub}: {value}"),
            Self::AtLeast(limit) => format!("x.{sub}|gte: {limit}"),
            Self::Below(limit) => format!("x.{sub}|lt: {limit}"),
        }
    }

    /// What is read from the finding; `None` where there is none.
    pub fn finds(self, value: Option<&Value>) -> Option<Value> {
        let holds = match (self, value) {
            (Self::Present, value) => return value.cloned(),
            (Self::Absent, None) => true,
            (Self::Is(wanted), Some(Value::Bool(value))) => *value == wanted,
            (Self::Equals(wanted), Some(Value::Number(value))) => (value - wanted).abs() < 1e-9,
            (Self::AtLeast(limit), Some(Value::Number(value))) => *value >= limit,
            (Self::Below(limit), Some(Value::Number(value))) => *value < limit,
            _ => false,
        };
        holds.then_some(Value::Bool(true))
    }

    /// The tests for a sub-field.
    pub fn of(sub: &str) -> &'static [Self] {
        match sub {
            "is_new" | "is_usual" => &[Self::Present, Self::Absent, Self::Is(true), Self::Is(false)],
            "ratio" | "zscore" => &[
                Self::Present,
                Self::Absent,
                Self::AtLeast(1.0173),
                Self::Below(0.5219),
                Self::Below(-0.3181),
            ],
            "zone_source" => &[Self::Present],
            _ => &[Self::Present, Self::Absent, Self::Equals(1.0), Self::AtLeast(2.0), Self::Below(3.0)],
        }
    }
}

/// A declaration's sub-fields and the tests for them, with the names of the rules that ask.
fn asked(number: usize, declaration: &Declaration) -> Vec<(String, &'static str, Test)> {
    let subs = declaration.sub_fields().iter();
    let named = |&sub| {
        Test::of(sub).iter().enumerate().map(move |(at, test)| (format!("{number}-{sub}-{at}"), sub, *test))
    };
    subs.flat_map(named).collect()
}

/// Rules that ask everything of these declarations.
pub fn probes(declarations: &[Declaration]) -> String {
    let rules = declarations.iter().enumerate().flat_map(|(number, declaration)| {
        let rule = |(name, sub, test): (String, &str, Test)| declaration.rule(&name, &test.text(sub));
        asked(number, declaration).into_iter().map(rule).collect::<Vec<_>>()
    });
    rules.collect::<Vec<_>>().join("---\n")
}

/// Rule, record, what is read from the finding.
type Seen = BTreeMap<(String, Place), Value>;

/// Findings of rules whose names end with `-0` give the value; the others give that there is one.
pub fn seen(findings: &[Finding]) -> Seen {
    let value = |finding: &Finding| {
        if !finding.rule_name.ends_with("-0") {
            return Value::Bool(true);
        }
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
        let asked = asked(number, declaration);
        for (at, place) in places.iter().enumerate() {
            let values = declaration.values(log, at);
            for (name, sub, test) in &asked {
                all.extend(test.finds(values.get(sub)).map(|value| ((name.clone(), *place), value)));
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

/// The smallest log for which scan and reference differ on this declaration.
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
    let log = shrunk(log, &|less| differ(less).is_some());
    let lines: Vec<String> =
        log.records.iter().map(|(file, record)| format!("{file}: {}", record.line(*file))).collect();
    let what =
        differ(&log).unwrap_or_else(|| "the scan differs only when logs are scanned together".to_owned());
    format!("{declaration:?}\n{}\n{what}", lines.join("\n"))
}

/// Places of a log's records in the order of its inputs, and what is found.
pub fn scan_alone(log: &Log, yaml: &str, how: How) -> (Vec<Place>, Vec<Finding>) {
    let mut files = Files::new();
    let places =
        log.input_order().iter().map(|&at| files.push(log.records[at].0, &log.records[at].1)).collect();
    (places, run::scan(&files, &run::load(yaml), how))
}

/// Holds the scan to the reference. Gives the number of findings.
pub fn compare_derived(seed: u64, logs: &[Log], declarations: &[Declaration]) -> usize {
    let mut rng = Rng::new(seed);
    let how = WAYS[rng.below(WAYS.len())];
    let (places, found) = scan_batch(logs, &mut rng, &probes(declarations), how);
    let (seen, mut expected) = (seen(&found), Seen::new());
    for (log, places) in logs.iter().zip(&places) {
        wanted(declarations, &log.sorted(), places, &mut expected);
    }
    if let Some((rule, place)) = difference(&seen, &expected) {
        let number: usize = rule.split('-').next().unwrap().parse().unwrap();
        let log = places.iter().position(|places| places.contains(&place)).expect("a record of a log");
        panic!(
            "seed {seed}, log {log}, {rule}, {how:?}:\n{}",
            report_derived(&declarations[number], &logs[log])
        );
    }
    expected.len()
}
