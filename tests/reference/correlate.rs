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
    alerts_before(rules, log, log.iter().filter_map(|record| record.time).max().unwrap_or_default())
}

/// The same where the log is part of a larger one, whose last record is of the time `horizon`.
pub fn alerts_before(rules: &Rules, log: &[Record], horizon: i64) -> Vec<Alert> {
    let mut all = Vec::new();
    for base in rules.bases.iter().filter(|base| rules.is_shown(&base.name)) {
        for (at, record) in log.iter().enumerate().filter(|(at, _)| base.matches(log, *at)) {
            all.push(Alert { rule: base.name.clone(), time: record.time, records: vec![at] });
        }
    }
    let scope = Scope { rules, log, horizon };
    for correlation in rules.correlations.iter().filter(|found| rules.is_shown(&found.name)) {
        for event in scope.found(correlation, false) {
            let records = event.records.into_iter().collect();
            all.push(Alert { rule: correlation.name.clone(), time: Some(event.time), records });
        }
    }
    all.sort();
    all
}

struct Scope<'a> {
    rules: &'a Rules,
    log: &'a [Record],
    horizon: i64,
}

impl Scope<'_> {
    /// The matches of a rule or of a correlation, as another correlation takes them.
    fn events(&self, name: &str, asking: &Correlation) -> Vec<Event> {
        if let Some(correlation) = self.rules.correlation(name) {
            return self.found(correlation, !is_count(&asking.condition) && is_brief(correlation));
        }
        let base = self.rules.bases.iter().find(|base| base.name == name).unwrap();
        let matches = self.log.iter().enumerate().filter(|(at, _)| base.matches(self.log, *at));
        let event = |(place, record): (usize, &Record)| {
            let fields = FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), record.field(name)?)));
            let (fields, records) = (fields.collect(), BTreeSet::from([place]));
            Some(Event { time: record.time?, place, fields, records, rule: 0, key: Vec::new() })
        };
        matches.filter_map(event).collect()
    }

    /// What the correlation alerts on, each as an event of its own; `every`: in windows that overlap too.
    fn found(&self, correlation: &Correlation, every: bool) -> Vec<Event> {
        let mut all = Vec::new();
        for (rule, name) in correlation.rules.iter().enumerate() {
            for mut event in self.events(name, correlation) {
                let key = correlation.group_by.iter().map(|field| grouped(correlation, &event, rule, field));
                if let Some(key) = key.collect() {
                    (event.rule, event.key) = (rule, key);
                    all.push(event);
                }
            }
        }
        all.retain(|event| takes_part(correlation, event));
        all.sort_by_key(|event| (event.time, event.place, event.rule));
        let keys: BTreeSet<Vec<String>> = all.iter().map(|event| event.key.clone()).collect();
        let group = |key: &Vec<String>| all.iter().filter(|event| event.key == *key).collect::<Vec<&Event>>();
        keys.iter().flat_map(|key| self.windows(correlation, &group(key), every)).collect()
    }

    /// Windows are tried from each event in order; after an alert, from the first event after the window's end, if not `every`.
    fn windows(&self, correlation: &Correlation, group: &[&Event], every: bool) -> Vec<Event> {
        let mut alerts = Vec::new();
        let mut free_from = i64::MIN;
        for (first, begin) in group.iter().enumerate() {
            if begin.time < free_from {
                continue;
            }
            let end = begin.time + correlation.span;
            let window: Vec<&Event> =
                group[first..].iter().copied().filter(|event| event.time <= end).collect();
            let Some(cited) = cited(correlation, &window, end <= self.horizon) else { continue };
            free_from = if every { i64::MIN } else { end + 1 };
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
}

fn is_count(condition: &Condition) -> bool {
    matches!(condition, Condition::Count(_))
}

/// Whether all that is cited is known before the window's end.
fn is_brief(correlation: &Correlation) -> bool {
    match correlation.kind {
        Kind::Ordered => !is_count(&correlation.condition),
        Kind::EventCount => correlation.condition.is_lower_bound(),
        _ => false,
    }
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

/// The events that an alert on this window cites; `None` where there is no alert. `complete`: nothing can come any more.
fn cited<'a>(correlation: &Correlation, window: &[&'a Event], complete: bool) -> Option<Vec<&'a Event>> {
    let condition = &correlation.condition;
    let whole = |seen: f64| condition.count_holds(seen).then(|| window.to_vec());
    match correlation.kind {
        Kind::EventCount => counted(condition, window, window),
        Kind::ValueCount(field) => counted(
            condition,
            &first_of_each(window, |event| event.fields[field].to_ascii_lowercase()),
            window,
        ),
        Kind::Temporal => together(correlation, window, complete),
        Kind::Ordered => {
            let chain = in_order(correlation, window);
            match condition {
                Condition::Count(_) => counted(condition, &chain, window),
                _ => (chain.len() == correlation.rules.len()).then_some(chain),
            }
        }
        Kind::Sum(field) => whole(numbers(window, field).iter().sum()),
        Kind::Average(field) => {
            let numbers = numbers(window, field);
            whole(numbers.iter().sum::<f64>() / numbers.len() as f64)
        }
        Kind::Percentile(field, percentile) => {
            let mut numbers = numbers(window, field);
            numbers.sort_by(f64::total_cmp);
            // The least value that this part of the values does not exceed.
            let enough = |count: usize| count * 100 >= percentile.unwrap_or(50) as usize * numbers.len();
            let rank = (1..=numbers.len()).find(|&count| enough(count))?;
            whole(numbers[rank - 1])
        }
    }
}

fn numbers(window: &[&Event], field: &str) -> Vec<f64> {
    window.iter().filter_map(|event| number(event, field)).collect()
}

/// With lower bounds alone, the first that are enough; else the whole window.
fn counted<'a>(condition: &Condition, of: &[&'a Event], window: &[&'a Event]) -> Option<Vec<&'a Event>> {
    if !condition.is_lower_bound() {
        return condition.count_holds(of.len() as f64).then(|| window.to_vec());
    }
    let enough = (1..=of.len()).find(|&count| condition.count_holds(count as f64))?;
    Some(of[..enough].to_vec())
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

/// The first event of each rule whose presence the condition asks for; one of them begins the window.
fn together<'a>(correlation: &Correlation, window: &[&'a Event], complete: bool) -> Option<Vec<&'a Event>> {
    let firsts = first_of_each(window, |event| event.rule);
    let seen = |rule: usize| {
        let is_there = firsts.iter().any(|event| event.rule == rule);
        (is_there || complete).then_some(is_there)
    };
    match &correlation.condition {
        Condition::Default => (firsts.len() == correlation.rules.len()).then_some(firsts),
        Condition::Count(_) => counted(&correlation.condition, &firsts, window),
        Condition::Expr(expr) => {
            let holds = expr.asks_for(window[0].rule) && expr.holds(&seen) == Some(true);
            holds.then(|| firsts.into_iter().filter(|event| expr.asks_for(event.rule)).collect())
        }
    }
}

/// Rule by rule, the next event that comes after. The window begins with an event of the first rule.
fn in_order<'a>(correlation: &Correlation, window: &[&'a Event]) -> Vec<&'a Event> {
    let mut chain: Vec<&Event> = Vec::new();
    if window[0].rule != 0 {
        return chain;
    }
    for rule in 0..correlation.rules.len() {
        let after = |event: &Event| {
            chain.last().is_none_or(|last| (event.time, event.place) > (last.time, last.place))
        };
        let next = window.iter().copied().find(|event| event.rule == rule && after(event));
        let Some(next) = next else { break };
        chain.push(next);
    }
    chain
}
