//! Sigma correlations over event time. `rules/README.md` has the decisions where the specification is silent.

mod sieve;
mod sliding;
mod window;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::rule::correlation::{Condition, CorrelationKind};
use crate::rule::{Correlation, Loaded};
pub use sieve::{Group, Sieve, Value};
use window::Alerted;

/// A match that correlations hold together: of a rule, or of another correlation.
#[derive(Debug)]
pub struct Event<R> {
    /// Nanoseconds and digits.
    pub time: (i64, u8),
    /// Values of the fields that are asked of it: see [`needs`].
    pub values: Vec<Option<String>>,
    /// Where it stands among events of the same time: input and offset.
    pub order: (usize, u64),
    /// What it rests on, in order.
    pub records: Vec<R>,
}

impl<R: Copy> Clone for Event<R> {
    fn clone(&self) -> Self {
        Self {
            time: self.time,
            values: self.values.clone(),
            order: self.order,
            records: self.records.clone(),
        }
    }
}

/// What a correlation found.
#[derive(Debug)]
pub struct Alert<R> {
    /// Index of the correlation.
    pub correlation: usize,
    /// The `group-by` values.
    pub group: Vec<String>,
    /// What was measured: a count, sum, mean or percentile.
    pub measured: f64,
    /// The events cited.
    pub event: Event<R>,
}

/// Events by rule or correlation.
pub type Events<R> = BTreeMap<usize, Vec<Event<R>>>;

/// For each rule and correlation, the fields that correlations ask of its events, each once.
pub fn needs(loaded: &Loaded) -> Vec<Vec<String>> {
    let mut needs = vec![Vec::new(); loaded.len()];
    for correlation in &loaded.correlations {
        for at in 0..correlation.links.len() {
            let fields = member_fields(loaded, correlation, at);
            let Some(held) = correlation.links.get(at).and_then(|&link| needs.get_mut(link)) else {
                continue;
            };
            for field in fields {
                if !held.contains(&field) {
                    held.push(field);
                }
            }
        }
    }
    needs
}

/// The fields that a correlation asks of its member: those of the group, then those that it measures.
fn member_fields(loaded: &Loaded, correlation: &Correlation, at: usize) -> Vec<String> {
    let member = correlation.members.get(at).map_or("", String::as_str);
    let about = correlation.links.get(at).and_then(|&link| loaded.about(link));
    let names: Vec<&str> =
        about.iter().flat_map(|about| [about.meta.name.as_str(), about.meta.key()]).collect();
    let group = correlation.group_by.iter().map(|name| correlation.field_of(name, member, &names).to_owned());
    let measured =
        correlation.fields.iter().map(|name| correlation.field_of(name, member, &names).to_owned());
    group.chain(measured).collect()
}

/// One event as a correlation sees it.
#[derive(Debug)]
struct Entry<'a, R> {
    event: &'a Event<R>,
    member: usize,
    /// Values of the measured fields; `None` where one is absent.
    measured: Option<Vec<&'a str>>,
}

impl<R> Entry<'_, R> {
    fn time(&self) -> i64 {
        self.event.time.0
    }

    fn cmp(&self, other: &Self) -> Ordering {
        (self.time(), self.event.order, self.member).cmp(&(other.time(), other.event.order, other.member))
    }
}

/// Runs the correlations over the events of rules, by rule. `needs`: see [`needs`]; `horizon`: the time of the last record of all; what is
/// to be absent from a window that ends after it cannot be judged, and gives no alert. Alerts of silent correlations
/// are among the results.
pub fn run<R: Copy + Send + Sync>(
    loaded: &Loaded,
    needs: &[Vec<String>],
    wanted: &[bool],
    mut events: Events<R>,
    horizon: i64,
) -> Vec<Alert<R>> {
    let mut alerts = Vec::new();
    let mut every = Events::new();
    for at in in_order(loaded) {
        let index = loaded.rules.len() + at;
        let Some(correlation) = loaded.correlations.get(at) else { continue };
        if !wanted.get(index).copied().unwrap_or_default() {
            continue;
        }
        let mut asking = loaded.correlations.iter().filter(|of| of.links.contains(&index)).peekable();
        let is_linked = asking.peek().is_some();
        let of_all = asking.any(asks_for_presence) && window::is_brief(correlation);
        let of_every = |link: usize| every.get(&link).filter(|_| asks_for_presence(correlation));
        let held = |link: usize| of_every(link).or_else(|| events.get(&link)).map_or(&[][..], Vec::as_slice);
        let found = one(loaded, correlation, needs, held, (horizon, of_all));
        let fields = needs.get(index).map_or(&[][..], Vec::as_slice);
        let (mut once, mut all) = (Vec::new(), Vec::new());
        for (group, Alerted { measured, event, overlaps }) in found {
            let value = |field: &String| {
                let at = correlation.group_by.iter().position(|name| name == field)?;
                group.get(at).cloned()
            };
            let event = Event { values: fields.iter().map(value).collect(), ..event };
            if of_all {
                all.push(event.clone());
            }
            if overlaps {
                continue;
            }
            if is_linked {
                once.push(event.clone());
            }
            alerts.push(Alert { correlation: at, group, measured, event });
        }
        if of_all {
            every.insert(index, all);
        }
        events.insert(index, once);
    }
    alerts
}

/// Whether a correlation asks if its members hold, and not how often.
fn asks_for_presence(correlation: &Correlation) -> bool {
    matches!(correlation.condition, Condition::Rules(_))
}

/// Correlations after those that they are made of.
fn in_order(loaded: &Loaded) -> Vec<usize> {
    let rules = loaded.rules.len();
    let mut done: Vec<usize> = Vec::new();
    // There are no cycles: the loader refuses them. Each round takes at least one.
    for _ in 0..loaded.correlations.len() {
        for (at, correlation) in loaded.correlations.iter().enumerate() {
            let ready = correlation
                .links
                .iter()
                .filter_map(|link| link.checked_sub(rules))
                .all(|of| done.contains(&of));
            if ready && !done.contains(&at) {
                done.push(at);
            }
        }
        if done.len() == loaded.correlations.len() {
            break;
        }
    }
    done
}

/// Runs one correlation. `events` gives those of a member; with `every`, windows that overlap an alert's count too.
fn one<'a, R: Copy + Send + Sync + 'a>(
    loaded: &Loaded,
    correlation: &Correlation,
    needs: &[Vec<String>],
    events: impl Fn(usize) -> &'a [Event<R>],
    (horizon, every): (i64, bool),
) -> Vec<(Vec<String>, Alerted<R>)> {
    let mut groups: BTreeMap<Vec<String>, Vec<Entry<'_, R>>> = BTreeMap::new();
    for (member, link) in correlation.links.iter().enumerate() {
        let fields = member_fields(loaded, correlation, member);
        let held = needs.get(*link).map_or(&[][..], Vec::as_slice);
        let places: Vec<Option<usize>> =
            fields.iter().map(|field| held.iter().position(|known| known == field)).collect();
        let (group, measured) = places.split_at(correlation.group_by.len().min(places.len()));
        for event in events(*link) {
            let value = |place: &Option<usize>| event.values.get((*place)?)?.as_deref();
            let Some(group) = group.iter().map(|place| value(place).map(str::to_ascii_lowercase)).collect()
            else {
                continue;
            };
            let measured = measured.iter().map(value).collect();
            groups.entry(group).or_default().push(Entry { event, member, measured });
        }
    }
    let found = groups.into_par_iter().flat_map_iter(|(group, mut entries)| {
        entries.sort_by(Entry::cmp);
        window::alerts(correlation, &entries, horizon, every)
            .into_iter()
            .map(move |alerted| (group.clone(), alerted))
            .collect::<Vec<_>>()
    });
    found.collect()
}

/// What is measured, in the words of a finding.
pub fn measure_words(correlation: &Correlation) -> String {
    let fields = correlation.fields.join(" and ");
    match correlation.kind {
        CorrelationKind::EventCount => "number of events".to_owned(),
        CorrelationKind::ValueCount => format!("different values of {fields}"),
        CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => "rules that match".to_owned(),
        CorrelationKind::ValueSum => format!("sum of {fields}"),
        CorrelationKind::ValueAvg => format!("mean of {fields}"),
        CorrelationKind::ValuePercentile => format!("percentile {} of {fields}", correlation.percentile),
    }
}

/// What a correlation asks, in the words of a finding.
pub fn condition_words(correlation: &Correlation) -> String {
    let span = span_words(correlation.timespan);
    match &correlation.condition {
        Condition::Bounds(bounds) => {
            let bounds: Vec<String> =
                bounds.iter().map(|(operator, limit)| format!("{} {limit}", operator.word())).collect();
            format!("{} within {span}", bounds.join(" and "))
        }
        Condition::Rules(_) if correlation.kind == CorrelationKind::TemporalOrdered => {
            format!("{} in this order within {span}", correlation.members.join(", "))
        }
        Condition::Rules(_) => {
            format!("{} as its condition says, within {span}", correlation.members.join(", "))
        }
    }
}

fn span_words(nanos: i64) -> String {
    match nanos / 1_000_000_000 {
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}
