//! What correlations find, by trying every window.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Record;
use super::rules::{Condition, Correlation, Kind, Rules};

/// A rule's match: of one record, or of a correlation.
#[derive(Debug, Clone)]
struct Event {
    time: i64,
    /// Of equal times, which comes first: the (last) record's place.
    place: usize,
    fields: BTreeMap<String, String>,
    records: BTreeSet<usize>,
    /// The rule's place in the list of the correlation that looks at it.
    rule: usize,
    key: Vec<String>,
}

/// Something found: the rule, the time, and the places of the records cited.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alert {
    pub rule: String,
    pub time: Option<i64>,
    pub records: Vec<usize>,
}

const FIELDS: [&str; 5] = ["user.email", "source.ip", "event.action", "details.n", "details.target"];

/// Everything that these rules find in a log, given in the order of its inputs.
pub fn alerts(rules: &Rules, log: &[Record]) -> Vec<Alert> {
    let mut all = Vec::new();
    for base in rules.bases.iter().filter(|base| rules.is_shown(&base.name)) {
        for (at, record) in log.iter().enumerate() {
            if base.matches(record) {
                all.push(Alert { rule: base.name.clone(), time: record.time, records: vec![at] });
            }
        }
    }
    for correlation in rules.correlations.iter().filter(|found| rules.is_shown(&found.name)) {
        for event in found(rules, correlation, log) {
            let records = event.records.into_iter().collect();
            all.push(Alert { rule: correlation.name.clone(), time: Some(event.time), records });
        }
    }
    all.sort();
    all
}

/// The matches of a rule or of a correlation.
fn events(rules: &Rules, name: &str, log: &[Record]) -> Vec<Event> {
    if let Some(correlation) = rules.correlation(name) {
        return found(rules, correlation, log);
    }
    let base = rules.bases.iter().find(|base| base.name == name).unwrap();
    let mut events = Vec::new();
    for (place, record) in log.iter().enumerate() {
        let Some(time) = record.time.filter(|_| base.matches(record)) else {
            continue;
        };
        let fields =
            FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), record.field(name)?))).collect();
        let records = BTreeSet::from([place]);
        events.push(Event { time, place, fields, records, rule: 0, key: Vec::new() });
    }
    events
}

/// What the correlation alerts on, each as an event of its own.
fn found(rules: &Rules, correlation: &Correlation, log: &[Record]) -> Vec<Event> {
    let mut all = Vec::new();
    for (rule, name) in correlation.rules.iter().enumerate() {
        for mut event in events(rules, name, log) {
            let key: Option<Vec<String>> =
                correlation.group_by.iter().map(|field| grouped(correlation, &event, rule, field)).collect();
            if let Some(key) = key {
                event.rule = rule;
                event.key = key;
                all.push(event);
            }
        }
    }
    all.retain(|event| takes_part(correlation, event));
    all.sort_by_key(|event| (event.time, event.place, event.rule));
    let keys: BTreeSet<Vec<String>> = all.iter().map(|event| event.key.clone()).collect();
    keys.iter()
        .flat_map(|key| {
            let group: Vec<&Event> = all.iter().filter(|event| event.key == *key).collect();
            windows(correlation, &group)
        })
        .collect()
}

fn grouped(correlation: &Correlation, event: &Event, rule: usize, field: &str) -> Option<String> {
    let alias = correlation.aliases.iter().find(|alias| alias.name == field);
    let source = alias.and_then(|alias| alias.fields.iter().find(|(of, _)| *of == rule));
    let field = source.map_or(field, |(_, field)| field);
    event.fields.get(field).map(|value| value.to_ascii_lowercase())
}

fn number(event: &Event, field: &str) -> Option<f64> {
    event.fields.get(field)?.parse().ok()
}

fn takes_part(correlation: &Correlation, event: &Event) -> bool {
    match correlation.kind {
        Kind::ValueCount(field) => event.fields.contains_key(field),
        Kind::Sum(field) | Kind::Average(field) | Kind::Percentile(field, _) => {
            number(event, field).is_some()
        }
        Kind::EventCount | Kind::Temporal | Kind::Ordered => true,
    }
}

/// Windows are tried from each event in order; after an alert, from the first event after the window's end.
fn windows(correlation: &Correlation, group: &[&Event]) -> Vec<Event> {
    let mut alerts = Vec::new();
    let mut free_from = i64::MIN;
    for (first, begin) in group.iter().enumerate() {
        if begin.time < free_from {
            continue;
        }
        let end = begin.time + correlation.span;
        let window: Vec<&Event> = group[first..].iter().copied().filter(|event| event.time <= end).collect();
        let Some(cited) = cited(correlation, &window) else { continue };
        free_from = end + 1;
        let last = cited.iter().max_by_key(|event| (event.time, event.place)).unwrap();
        let fields = correlation.group_by.iter().zip(&begin.key);
        alerts.push(Event {
            time: last.time,
            place: last.place,
            fields: fields.map(|(field, value)| ((*field).to_owned(), value.clone())).collect(),
            records: cited.iter().flat_map(|event| event.records.iter().copied()).collect(),
            rule: 0,
            key: Vec::new(),
        });
    }
    alerts
}

/// The events that an alert on this window cites; `None` where there is no alert.
fn cited<'a>(correlation: &Correlation, window: &[&'a Event]) -> Option<Vec<&'a Event>> {
    let condition = &correlation.condition;
    match correlation.kind {
        Kind::EventCount if condition.is_lower_bound() => first_enough(condition, window),
        Kind::EventCount => whole(condition.count_holds(window.len() as f64), window),
        Kind::ValueCount(field) => {
            let firsts = first_of_each(window, |event| event.fields[field].to_ascii_lowercase());
            if condition.is_lower_bound() {
                return first_enough(condition, &firsts);
            }
            whole(condition.count_holds(firsts.len() as f64), &firsts)
        }
        Kind::Temporal => {
            let firsts = first_of_each(window, |event| event.rule);
            let holds = match condition {
                Condition::Default => firsts.len() == correlation.rules.len(),
                Condition::Count(_) => condition.count_holds(firsts.len() as f64),
                Condition::Expr(expr) => expr.holds(&|rule| firsts.iter().any(|event| event.rule == rule)),
            };
            whole(holds, &firsts)
        }
        Kind::Ordered => in_order(correlation, window),
        Kind::Sum(field) => whole(condition.count_holds(numbers(window, field).iter().sum()), window),
        Kind::Average(field) => {
            let numbers = numbers(window, field);
            whole(condition.count_holds(numbers.iter().sum::<f64>() / numbers.len() as f64), window)
        }
        Kind::Percentile(field, percentile) => {
            let mut numbers = numbers(window, field);
            numbers.sort_by(f64::total_cmp);
            // The least value that this part of the values does not exceed.
            let enough = |count: usize| count * 100 >= percentile.unwrap_or(50) as usize * numbers.len();
            let rank = (1..=numbers.len()).find(|&count| enough(count))?;
            whole(condition.count_holds(numbers[rank - 1]), window)
        }
    }
}

fn numbers(window: &[&Event], field: &str) -> Vec<f64> {
    window.iter().filter_map(|event| number(event, field)).collect()
}

fn whole<'a>(holds: bool, cited: &[&'a Event]) -> Option<Vec<&'a Event>> {
    holds.then(|| cited.to_vec())
}

fn first_enough<'a>(condition: &Condition, events: &[&'a Event]) -> Option<Vec<&'a Event>> {
    (1..=events.len())
        .find(|&count| condition.count_holds(count as f64))
        .map(|count| events[..count].to_vec())
}

fn first_of_each<'a, T: PartialEq>(window: &[&'a Event], of: impl Fn(&Event) -> T) -> Vec<&'a Event> {
    let mut firsts: Vec<&Event> = Vec::new();
    for event in window {
        if firsts.iter().all(|known| of(known) != of(event)) {
            firsts.push(event);
        }
    }
    firsts
}

fn in_order<'a>(correlation: &Correlation, window: &[&'a Event]) -> Option<Vec<&'a Event>> {
    let mut cited: Vec<&Event> = Vec::new();
    for rule in 0..correlation.rules.len() {
        let after = |event: &Event| {
            cited.last().is_none_or(|last| (event.time, event.place) > (last.time, last.place))
        };
        let next = window.iter().copied().find(|event| event.rule == rule && after(event))?;
        cited.push(next);
    }
    Some(cited)
}
