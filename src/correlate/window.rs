//! Alerts of one group: windows are tried from each event in order.

use std::collections::{HashMap, HashSet};

use super::sliding::{Item, Sliding, counts, holds, rank};
use super::{Entry, Event};
use crate::rule::correlation::{Condition, CorrelationKind, Operator};
use crate::rule::{Correlation, Expr};

/// What was measured, and which events of the window are cited.
type Cited = (f64, Vec<usize>);

/// What a group's events came to.
pub(super) struct Alerted<R> {
    pub(super) measured: f64,
    pub(super) event: Event<R>,
    /// Its window begins in that of an alert before.
    pub(super) overlaps: bool,
}

/// The alerts of a group's events, which are in order; with `every`, also those of windows that overlap an alert's.
pub(super) fn alerts<R: Copy>(
    correlation: &Correlation,
    entries: &[Entry<'_, R>],
    horizon: i64,
    every: bool,
) -> Vec<Alerted<R>> {
    let (items, events) = items(correlation, entries);
    let places = places(correlation, &items);
    let mut sliding = Sliding::new(correlation, &items);
    let mut alerts = Vec::new();
    let (mut start, mut end, mut free) = (0, 0, 0);
    while let Some(first) = items.get(start) {
        let last = first.time.saturating_add(correlation.timespan);
        while let Some(item) = items.get(end).filter(|item| item.time <= last) {
            sliding.add(item);
            end += 1;
        }
        let mut next = start + 1;
        if sliding.may_hold(first.member, last <= horizon) {
            let window = items.get(start..end).unwrap_or_default();
            if let Some((measured, cited)) = judge(correlation, window, &places, start) {
                let window = events.get(start..end).unwrap_or_default();
                let overlaps = start < free;
                alerts.push(Alerted { measured, event: event(window, &cited), overlaps });
                if !overlaps {
                    free = end;
                }
                if !every {
                    next = end;
                }
            }
        }
        items.get(start..next).unwrap_or_default().iter().for_each(|item| sliding.remove(item));
        start = next;
    }
    alerts
}

/// The entries that take part, as windows see them.
fn items<'a, R>(correlation: &Correlation, entries: &[Entry<'a, R>]) -> (Vec<Item>, Vec<&'a Event<R>>) {
    use CorrelationKind::{EventCount, Temporal, TemporalOrdered, ValueCount};
    let mut values: HashMap<Vec<String>, usize> = HashMap::new();
    let taken = entries.iter().filter_map(|entry| {
        let mut item = Item {
            time: entry.time(),
            member: entry.member,
            value: 0,
            number: 0.0,
            order: entry.event.order,
        };
        match correlation.kind {
            EventCount | Temporal | TemporalOrdered => {}
            ValueCount => {
                let folded =
                    entry.measured.as_ref()?.iter().map(|value| value.to_ascii_lowercase()).collect();
                let next = values.len();
                item.value = *values.entry(folded).or_insert(next);
            }
            _ => item.number = number(entry.measured.as_ref()?.first()?)?,
        }
        Some((item, entry.event))
    });
    taken.unzip()
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// For ordered correlations: where the events of each rule are.
fn places(correlation: &Correlation, items: &[Item]) -> Vec<Vec<usize>> {
    let mut places = vec![Vec::new(); correlation.members.len()];
    if correlation.kind == CorrelationKind::TemporalOrdered {
        for (at, item) in items.iter().enumerate() {
            places.get_mut(item.member).into_iter().for_each(|places: &mut Vec<usize>| places.push(at));
        }
    }
    places
}

/// Whether the window satisfies the correlation. It begins with event `start` of the group.
fn judge(correlation: &Correlation, window: &[Item], places: &[Vec<usize>], start: usize) -> Option<Cited> {
    let all = window.len();
    let chain = || chain(window, places, start);
    match (correlation.kind, &correlation.condition) {
        (CorrelationKind::TemporalOrdered, Condition::Rules(_)) => {
            let chain = chain();
            (chain.len() == correlation.members.len()).then(|| (float(chain.len()), chain))
        }
        (CorrelationKind::TemporalOrdered, Condition::Bounds(bounds)) => {
            count(bounds, chain().into_iter(), all)
        }
        (_, Condition::Rules(expr)) => Some(together(expr, window)),
        (CorrelationKind::EventCount, Condition::Bounds(bounds)) => count(bounds, 0..all, all),
        (CorrelationKind::ValueCount, Condition::Bounds(bounds)) => {
            count(bounds, firsts(window, |item| item.value).into_iter(), all)
        }
        (CorrelationKind::Temporal, Condition::Bounds(bounds)) => {
            count(bounds, firsts(window, |item| item.member).into_iter(), all)
        }
        (_, Condition::Bounds(bounds)) => {
            let seen = measure(correlation, window)?;
            holds(bounds, seen).then(|| (seen, (0..all).collect()))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no window has 2^53 events")]
fn float(count: usize) -> f64 {
    count as f64
}

/// The first event of each different thing.
fn firsts(window: &[Item], what: impl Fn(&Item) -> usize) -> Vec<usize> {
    let mut seen = HashSet::new();
    window.iter().enumerate().filter(|(_, item)| seen.insert(what(item))).map(|(at, _)| at).collect()
}

/// Counts what `counted` lists. Lower bounds alone cite the first that are enough; anything else the whole window.
fn count(
    bounds: &[(Operator, f64)],
    counted: impl ExactSizeIterator<Item = usize>,
    all: usize,
) -> Option<Cited> {
    let seen = counted.len();
    if !holds(bounds, float(seen)) {
        return None;
    }
    if !are_lower(bounds) {
        return Some((float(seen), (0..all).collect()));
    }
    let enough = (1..=seen).find(|&many| holds(bounds, float(many))).unwrap_or(seen);
    Some((float(enough), counted.take(enough).collect()))
}

fn are_lower(bounds: &[(Operator, f64)]) -> bool {
    bounds.iter().all(|(operator, _)| matches!(operator, Operator::Gt | Operator::Gte))
}

/// Whether a window is judged and cited without being read whole, so that every one can be, however many events there are.
pub(super) fn is_brief(correlation: &Correlation) -> bool {
    match (correlation.kind, &correlation.condition) {
        (CorrelationKind::TemporalOrdered, Condition::Rules(_)) => true,
        (CorrelationKind::EventCount, Condition::Bounds(bounds)) => are_lower(bounds),
        _ => false,
    }
}

fn measure(correlation: &Correlation, window: &[Item]) -> Option<f64> {
    let mut numbers: Vec<f64> = window.iter().map(|item| item.number).collect();
    match correlation.kind {
        CorrelationKind::ValueSum => Some(numbers.iter().sum()),
        CorrelationKind::ValueAvg => Some(numbers.iter().sum::<f64>() / float(numbers.len())),
        _ => {
            numbers.sort_by(f64::total_cmp);
            numbers.get(rank(correlation.percentile, numbers.len()) - 1).copied()
        }
    }
}

/// Rule by rule, the next event that comes after, as far as it goes; the window, which begins with event `start`, begins
/// with one of the first rule or with none. Places count from the window's start. No record comes after itself.
fn chain(window: &[Item], places: &[Vec<usize>], start: usize) -> Vec<usize> {
    let (mut chain, mut next, end) = (Vec::new(), start, start + window.len());
    let moment = |at: usize| window.get(at - start).map(|item| (item.time, item.order));
    for (member, places) in places.iter().enumerate() {
        let found = places.get(places.partition_point(|&at| at < next)).copied();
        let Some(at) = found.filter(|&at| at < end && (member > 0 || at == start)) else { break };
        chain.push(at - start);
        next = at + 1;
        while next < end && moment(next) == moment(at) {
            next += 1;
        }
    }
    chain
}

/// The first event of each rule whose presence counts.
fn together(expr: &Expr, window: &[Item]) -> Cited {
    let mut cited = firsts(window, |item| item.member);
    cited.retain(|&at| window.get(at).is_some_and(|item| counts(expr, item.member)));
    (float(cited.len()), cited)
}

/// The cited events as one, at the time of the last.
fn event<R: Copy>(window: &[&Event<R>], cited: &[usize]) -> Event<R> {
    let events: Vec<&Event<R>> = cited.iter().filter_map(|&at| window.get(at).copied()).collect();
    let last = events.last();
    Event {
        time: last.map_or((0, 0), |last| last.time),
        order: last.map_or((0, 0), |last| last.order),
        values: Vec::new(),
        records: events.iter().flat_map(|event| event.records.iter().copied()).collect(),
    }
}
