//! An organisation's own thresholds: numbers and times of rules, put in their place before the rules are read.
//!
//! A threshold is named by its rule, or the part of a correlation that it stands in, and by its path in that document.
//! Nothing else of a rule can be changed: what is compared, and with what, stays as its author wrote it.

use std::collections::BTreeMap;

use super::derive::parse_duration;
use super::hint::nearest;
use super::yaml::{Node, Yaml};

/// A number or a time.
#[derive(Debug, Clone, PartialEq)]
pub enum Threshold {
    /// A finite number.
    Number(f64),
    /// A number and `s`, `m`, `h` or `d`.
    Time(String),
}

/// By name of a rule, then by path: `detection.many.exports.count|gte`, `derive.exports.window`, `correlation.timespan`.
pub type Thresholds = BTreeMap<String, BTreeMap<String, Threshold>>;

/// What became of thresholds.
#[derive(Debug, Clone, Default)]
pub struct Tuned {
    /// Rule and path of those that were put in place, with the value.
    pub placed: BTreeMap<(String, String), String>,
    /// Rule and path of others, and what is wrong with them, in words.
    pub refused: BTreeMap<(String, String), String>,
}

/// Words that make the number behind them one that a value is held against.
const BOUNDS: [&str; 4] = ["gt", "gte", "lt", "lte"];
/// Keys outside `detection` whose numbers are thresholds.
const NUMBERS: [&str; 8] = ["gt", "gte", "lt", "lte", "eq", "neq", "percentile", "min_days"];

impl Threshold {
    /// The number of that value, if it is finite.
    pub fn number(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self::Number(value))
    }

    /// The time that a text is.
    pub fn time(text: &str) -> Option<Self> {
        parse_duration(text).map(|_| Self::Time(text.to_owned()))
    }

    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Time(text) => text.clone(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "number",
            Self::Time(_) => "time",
        }
    }

    fn yaml(&self) -> Yaml {
        match self {
            Self::Number(number) => Yaml::Number(*number, number.to_string()),
            Self::Time(text) => Yaml::Text(text.clone()),
        }
    }

    /// The threshold that a value of a rule is, if it is one.
    fn of(part: &str, key: &str, value: &Yaml) -> Option<Self> {
        match value {
            Yaml::Number(number, _) if part == "detection" => {
                key.split('|').skip(1).any(|word| BOUNDS.contains(&word)).then_some(Self::Number(*number))
            }
            Yaml::Number(number, _) => NUMBERS.contains(&key).then_some(Self::Number(*number)),
            Yaml::Text(text) if part != "detection" => Self::time(text),
            _ => None,
        }
    }
}

/// Puts a rule's own thresholds into its document.
pub(super) fn apply(node: &mut Node, name: &str, thresholds: &Thresholds, tuned: &mut Tuned) -> bool {
    let Some(own) = thresholds.get(name) else { return false };
    for (path, wanted) in own {
        let mut known = Vec::new();
        let placed = each(node, &mut |at, found, value| {
            known.push(at.to_owned());
            if at != path || found.kind() != wanted.kind() {
                return false;
            }
            *value = wanted.yaml();
            true
        });
        if placed {
            tuned.placed.insert((name.to_owned(), path.clone()), wanted.text());
        } else {
            tuned.refused.insert((name.to_owned(), path.clone()), refusal(name, path, wanted, &known));
        }
    }
    true
}

fn refusal(name: &str, path: &str, wanted: &Threshold, known: &[String]) -> String {
    if known.iter().any(|known| known == path) {
        return format!("`{path}` of rule `{name}` cannot be a {}", wanted.kind());
    }
    let help = match nearest(path, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it has none".to_owned(),
        None => format!("it has {}", known.join(", ")),
    };
    format!("rule `{name}` has no threshold `{path}`: {help}")
}

/// Shows each threshold of a document with its path; whether `change` changed one.
fn each(node: &mut Node, change: &mut dyn FnMut(&str, &Threshold, &mut Yaml) -> bool) -> bool {
    let mut changed = false;
    let Yaml::Map(entries) = &mut node.value else { return false };
    for (key, node) in entries {
        match key.text.as_str() {
            part @ ("detection" | "correlation") => changed |= walk(part, part, node, change),
            "x-portcullis" => {
                let Yaml::Map(entries) = &mut node.value else { continue };
                for (_, node) in entries.iter_mut().filter(|(key, _)| key.text == "derive") {
                    changed |= walk("derive", "derive", node, change);
                }
            }
            _ => {}
        }
    }
    changed
}

/// The same below a map or list; `path` leads to it. YAML limits how deep it goes.
fn walk(
    part: &str,
    path: &str,
    node: &mut Node,
    change: &mut dyn FnMut(&str, &Threshold, &mut Yaml) -> bool,
) -> bool {
    let mut changed = false;
    match &mut node.value {
        Yaml::List(items) => {
            for item in items {
                changed |= walk(part, path, item, change);
            }
        }
        Yaml::Map(entries) => {
            for (key, node) in entries {
                let path = format!("{path}.{}", key.text);
                changed |= match Threshold::of(part, &key.text, &node.value) {
                    Some(found) => change(&path, &found, &mut node.value),
                    None => walk(part, &path, node, change),
                };
            }
        }
        _ => {}
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    const RULE: &str = "title: x\ndetection:\n  many:\n    day.count|gte: 5\n    event.id: 4625\n  \
                        fresh:\n    - net.is_new: true\n    - net.age_days|lte: 1\n  condition: many\n\
                        x-portcullis:\n  derive:\n    day: {kind: volume, span: 1d}\n    \
                        hours: {kind: usual_hours, min_days: 2}\n";

    fn tuned(path: &str, wanted: Threshold) -> (Node, Tuned) {
        let mut node = yaml::parse(RULE).unwrap().remove(0);
        let thresholds = Thresholds::from([("x".to_owned(), BTreeMap::from([(path.to_owned(), wanted)]))]);
        let mut tuned = Tuned::default();
        assert!(!apply(&mut node, "y", &thresholds, &mut tuned));
        assert!(apply(&mut node, "x", &thresholds, &mut tuned));
        (node, tuned)
    }

    #[test]
    fn numbers_and_times_are_put_in_their_place() {
        for (path, wanted) in [
            ("detection.many.day.count|gte", Threshold::Number(8.0)),
            ("detection.fresh.net.age_days|lte", Threshold::Number(0.5)),
            ("derive.day.span", Threshold::Time("12h".to_owned())),
            ("derive.hours.min_days", Threshold::Number(3.0)),
        ] {
            let (mut node, tuned) = tuned(path, wanted.clone());
            assert!(tuned.refused.is_empty(), "{tuned:?}");
            assert_eq!(tuned.placed.values().collect::<Vec<_>>(), [&wanted.text()]);
            let mut seen = Vec::new();
            each(&mut node, &mut |at, found, _| {
                seen.push((at.to_owned(), found.clone()));
                false
            });
            assert_eq!(seen.len(), 4, "{seen:?}");
            assert!(seen.contains(&(path.to_owned(), wanted)), "{seen:?}");
        }
    }

    #[test]
    fn nothing_else_of_a_rule_can_be_changed() {
        for (path, wanted, part) in [
            ("detection.many.event.id", Threshold::Number(1.0), "has no threshold"),
            (
                "detection.many.day.count|gt",
                Threshold::Number(1.0),
                "did you mean `detection.many.day.count|gte`",
            ),
            ("detection.many.day.count|gte", Threshold::Time("1d".to_owned()), "cannot be a time"),
            ("derive.day.span", Threshold::Number(1.0), "cannot be a number"),
            ("title", Threshold::Number(1.0), "it has detection.many.day.count|gte, detection.fresh"),
        ] {
            let (node, tuned) = tuned(path, wanted);
            assert!(tuned.placed.is_empty());
            assert!(tuned.refused.values().all(|text| text.contains(part)), "{tuned:?}");
            assert_eq!(tuned.refused.len(), 1);
            assert_eq!(node, yaml::parse(RULE).unwrap().remove(0));
        }
        assert_eq!((Threshold::number(f64::NAN), Threshold::time("soon")), (None, None));
    }
}
