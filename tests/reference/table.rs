//! Cases written by hand, in a short notation.

use super::correlate::Alert;
use super::model::Record;
use super::rules::{Base, Condition, Correlation, Kind, Rules};

/// `a0`: action `a` at second 0, `a1d-1` at the last second of the first day. After it, in any order: `=5` sets `details.n`, `~2` the last part of the address,
/// `:x` the actor, `>x` the target. `a-` has no time, `:none` no actor.
pub fn log(text: &str) -> Vec<Record> {
    text.split_whitespace().map(record).collect()
}

fn record(text: &str) -> Record {
    let marks = ['=', '~', ':', '>'];
    let end = text.find(marks).unwrap_or(text.len());
    let (head, mut rest) = text.split_at(end);
    let (action, time) = head.split_at(1);
    let action = format!("act.{action}");
    let mut record = match time {
        "-" => Record::at(0, &action).timeless(),
        _ => Record::at(seconds(time), &action),
    };
    while let Some(mark) = rest.chars().next() {
        let end = rest[1..].find(marks).map_or(rest.len(), |end| end + 1);
        let value = &rest[1..end];
        rest = &rest[end..];
        record = match mark {
            '=' => record.n(value),
            '~' => record.from(&format!("198.51.100.{value}")),
            '>' => record.target(&format!("{value}@agency.example")),
            _ if value == "none" => record.nobody(),
            _ => record.by(&format!("{value}@agency.example")),
        };
    }
    record
}

/// `2d-1h5`: the sum of its parts.
fn seconds(text: &str) -> i64 {
    let end = text.find(['d', 'h', 'm']).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    // `-1h` after another part, or `5` at the end.
    let number: i64 = if number.is_empty() { 0 } else { number.parse().unwrap() };
    match rest.chars().next() {
        None => number,
        Some(unit) => {
            number
                * if unit == 'd' {
                    86_400
                } else if unit == 'h' {
                    3600
                } else {
                    60
                }
                + seconds(&rest[1..])
        }
    }
}

/// A correlation of rules `a`, `b` … by actor, over ten minutes.
pub fn correlation(kind: Kind, rules: &str, condition: Condition) -> Correlation {
    Correlation {
        name: "found".to_owned(),
        kind,
        rules: rules.split_whitespace().map(|rule| format!("rule_{rule}")).collect(),
        group_by: vec!["user.email"],
        aliases: Vec::new(),
        span: 600,
        condition,
        generate: false,
    }
}

/// With the rules for single records that it may name.
pub fn rules(correlations: Vec<Correlation>) -> Rules {
    let named = |base: &Base| correlations.iter().any(|of| of.rules.contains(&base.name));
    let base = |(name, action)| Base {
        name: format!("rule_{name}"),
        actions: vec![action],
        filter: None,
        usual: None,
    };
    let all = [("a", "act.a"), ("b", "act.b"), ("c", "act.c"), ("d", "act.d")].map(base);
    Rules { bases: all.into_iter().filter(named).collect(), correlations }
}

/// `0,1 3`: an alert that cites the first two records, and one that cites the fourth.
pub fn cited(alerts: &[Alert], rule: &str) -> String {
    let mut all: Vec<&Vec<usize>> =
        alerts.iter().filter(|alert| alert.rule == rule).map(|alert| &alert.records).collect();
    all.sort();
    let texts = |records: &Vec<usize>| records.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    all.into_iter().map(texts).collect::<Vec<_>>().join(" ")
}
