//! The public Sigma rules and their regression data. They are found through `PORTCULLIS_CORPUS`; without it these
//! tests say so and check nothing.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use portcullis::event::Fields;
use portcullis::rule::sample::JsonFields;
use portcullis::rule::{FieldMatcher, Loaded, Placeholders, Rule, Scratch, Subject, load};
use serde_json::{Map, Value};

fn corpus(part: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("PORTCULLIS_CORPUS") else {
        eprintln!("PORTCULLIS_CORPUS is not set: the public Sigma corpus was NOT checked");
        return None;
    };
    Some(Path::new(&root).join(part))
}

fn rule_folders(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    // One of them has a README alone.
    let has_rules = |folder: &PathBuf| {
        let mut files = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
        files.any(|file| file.path().extension().is_some_and(|ending| ending == "yml"))
    };
    let is_named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("rules");
    let mut folders: Vec<PathBuf> = entries.filter(is_named).filter(has_rules).collect();
    folders.sort();
    folders
}

fn load_all(root: &Path, placeholders: &Placeholders) -> Loaded {
    load(&rule_folders(root), placeholders)
}

/// Values for every placeholder that the public rules use.
fn placeholders(loaded: &Loaded) -> Placeholders {
    let names = loaded.errors.iter().filter_map(|error| error.message.split('%').nth(1));
    names.map(|name| (name.to_owned(), vec!["value-of-it".to_owned()])).collect()
}

#[test]
fn every_public_rule_loads_or_is_named_with_its_reason() {
    let Some(root) = corpus("sigma") else { return };
    let mut known = Placeholders::new();
    let mut loaded = load_all(&root, &known);
    let reasons: BTreeSet<String> = loaded
        .errors
        .iter()
        .filter(|error| {
            !(error.message.contains("placeholder")
                && error.hint.as_ref().is_some_and(|hint| hint.contains("--placeholders")))
        })
        .map(ToString::to_string)
        .collect();
    assert_eq!(reasons, BTreeSet::new(), "only unresolved placeholders keep a rule from loading");
    // A rule can name several placeholders, and each load names the first that is missing.
    while !loaded.errors.is_empty() {
        let before = known.len();
        known.extend(placeholders(&loaded));
        assert!(known.len() > before, "{:?}", loaded.errors);
        loaded = load_all(&root, &known);
    }
    assert_eq!((loaded.rules.len(), loaded.correlations.len()), (3780, 0));
    let saas = ["azure", "aws", "okta", "gcp", "m365", "github", "bitbucket", "onelogin", "cisco"];
    let is_saas = |rule: &&Rule| {
        let product = rule.logsource.product.as_deref().unwrap_or_default();
        saas.contains(&product) && (product != "cisco" || rule.logsource.service.as_deref() == Some("duo"))
    };
    assert_eq!(loaded.rules.iter().filter(is_saas).count(), 292);
}

#[test]
fn the_specification_s_own_rules_load() {
    let Some(root) = corpus("sigma/specification/tests/schema") else { return };
    let (mut rules, mut filters, mut unlinked) = (0, 0, 0);
    for entry in walkdir::WalkDir::new(root) {
        let path = entry.unwrap().into_path();
        if path.is_file() {
            // One by one: the examples share an id.
            let loaded = load(&[path], &Placeholders::new());
            // The rules that the examples name are not part of it.
            let missing =
                loaded.errors.iter().all(|error| error.message.starts_with("no rule has the id or name"));
            assert!(missing, "{:?}", loaded.errors);
            rules += loaded.rules.len();
            filters += loaded.filters.len();
            unlinked += usize::from(!loaded.errors.is_empty());
        }
    }
    assert_eq!((rules, filters, unlinked), (2, 2, 10));
}

/// Windows events as the rules name their fields: data by name, system fields with attributes joined by `_`.
fn flatten(event: &Value) -> Value {
    let mut fields = Map::new();
    let event = &event["Event"];
    if let Some(system) = event["System"].as_object() {
        for (name, value) in system {
            match value["#attributes"].as_object() {
                Some(attributes) => {
                    for (attribute, value) in attributes {
                        fields.insert(format!("{name}_{attribute}"), value.clone());
                    }
                }
                None => {
                    fields.insert(name.clone(), value.clone());
                }
            }
        }
    }
    for data in ["EventData", "UserData"] {
        insert_data(&event[data], &mut fields);
    }
    Value::Object(fields)
}

fn insert_data(data: &Value, fields: &mut Map<String, Value>) {
    for (name, value) in data.as_object().into_iter().flatten() {
        if name == "#attributes" {
            continue;
        }
        if value.is_object() {
            insert_data(value, fields);
        } else {
            // The taxonomy strips spaces from names.
            fields.insert(name.replace(' ', ""), value.clone());
        }
    }
}

/// The rule by grouped tests, as the fast engine evaluates them.
fn matches_grouped(rule: &Rule, record: &dyn Fields) -> bool {
    let truth: Vec<bool> = rule
        .atoms
        .iter()
        .map(|atom| {
            let matcher = FieldMatcher::new(&[&atom.test]);
            let (mut bits, mut scratch) = ([0u64], Scratch::default());
            let mut each =
                |value: portcullis::event::Scalar<'_>| matcher.eval(value, &mut scratch, &mut bits);
            match &atom.subject {
                Subject::Field(name) => record.values(name, &mut each),
                Subject::Record => record.all_values(&mut each),
                Subject::Derived { .. } => unreachable!("public rules derive nothing"),
            }
            bits[0] == 1
        })
        .collect();
    holds(&rule.condition, &truth)
}

fn holds(expr: &portcullis::rule::Expr, truth: &[bool]) -> bool {
    use portcullis::rule::Expr;
    match expr {
        Expr::Atom(at) => truth[*at],
        Expr::Not(inner) => !holds(inner, truth),
        Expr::All(inner) => inner.iter().all(|expr| holds(expr, truth)),
        Expr::Any(inner) => inner.iter().any(|expr| holds(expr, truth)),
    }
}

/// Files whose `match_count` says 1 although more of their events are what the rule asks for, word for word: the upstream
/// count is a lower bound there. The counts here were taken from the events by hand.
const MORE_EVENTS: [(&str, usize); 4] = [
    ("0b9ad457-2554-44c1-82c2-d56a99c42377", 3),
    ("8fbf3271-1ef6-4e94-8210-03c2317947f6", 3),
    ("45e112d0-7759-4c2a-aa36-9f8fb79d3393", 3),
    ("c7dcacd0-cc59-4004-b0a4-1d6cdebe6f3e", 2),
];

#[test]
fn the_public_regression_data_gives_the_expected_counts() {
    let Some(root) = corpus("sigma") else { return };
    let rules: BTreeMap<String, Rule> = load_all(&root, &Placeholders::new())
        .rules
        .into_iter()
        .map(|rule| (rule.key().to_owned(), rule))
        .collect();
    let mut checked = 0;
    let mut wrong = Vec::new();
    for entry in walkdir::WalkDir::new(root.join("regression")).sort_by_file_name() {
        let path = entry.unwrap().into_path();
        if path.extension().is_none_or(|end| end != "json") {
            continue;
        }
        let rule = &rules[&path.file_stem().unwrap().to_string_lossy().into_owned()];
        let info = std::fs::read_to_string(path.with_file_name("info.yml")).unwrap();
        let count = info.lines().find_map(|line| line.trim().strip_prefix("match_count:"));
        let count: Option<usize> = count.map(|count| count.trim().parse().unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        let events = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        let (mut plain, mut grouped) = (0, 0);
        for event in events {
            let record = flatten(&event.unwrap());
            let fields = JsonFields::new(&record, &|name| vec![name.to_owned()]);
            plain += usize::from(rule.matches(&fields));
            grouped += usize::from(matches_grouped(rule, &fields));
        }
        checked += 1;
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let count = MORE_EVENTS.iter().find(|(id, _)| *id == stem).map(|&(_, count)| count).or(count);
        if plain != grouped || count.map_or(plain == 0, |count| plain != count) {
            wrong.push(format!("{}: expected {count:?}, got {plain} and {grouped}", path.display()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(checked, 202);
}
