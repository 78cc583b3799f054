//! What a window holds, kept up to date while it slides: no group is read over and over, however many events it has.

use std::collections::HashMap;

use crate::rule::correlation::{Condition, CorrelationKind, Operator};
use crate::rule::{Correlation, Expr};

/// An event of a group, as windows see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Item {
    /// Nanoseconds.
    pub(super) time: i64,
    /// Position of its rule in the correlation.
    pub(super) member: usize,
    /// Number of its value among those of the group.
    pub(super) value: usize,
    /// Its number, where one is measured.
    pub(super) number: f64,
    /// Where it stands among events of the same time.
    pub(super) order: (usize, u64),
}

/// Counts and sums of the window.
pub(super) struct Sliding<'a> {
    correlation: &'a Correlation,
    count: usize,
    members: Vec<usize>,
    present: usize,
    values: HashMap<usize, usize>,
    sum: f64,
    magnitude: f64,
    ranks: Ranks,
}

impl<'a> Sliding<'a> {
    pub(super) fn new(correlation: &'a Correlation, items: &[Item]) -> Self {
        let ranked = correlation.kind == CorrelationKind::ValuePercentile;
        Self {
            correlation,
            count: 0,
            members: vec![0; correlation.members.len()],
            present: 0,
            values: HashMap::new(),
            sum: 0.0,
            magnitude: 0.0,
            ranks: Ranks::new(if ranked { items } else { &[] }),
        }
    }

    pub(super) fn add(&mut self, item: &Item) {
        self.count += 1;
        if let Some(count) = self.members.get_mut(item.member) {
            self.present += usize::from(*count == 0);
            *count += 1;
        }
        *self.values.entry(item.value).or_default() += 1;
        self.sum += item.number;
        self.magnitude += item.number.abs();
        self.ranks.change(item.number, 1);
    }

    pub(super) fn remove(&mut self, item: &Item) {
        self.count -= 1;
        if let Some(count) = self.members.get_mut(item.member) {
            *count -= 1;
            self.present -= usize::from(*count == 0);
        }
        if let Some(count) = self.values.get_mut(&item.value) {
            *count -= 1;
            if *count == 0 {
                self.values.remove(&item.value);
            }
        }
        self.sum -= item.number;
        if self.count == 0 {
            (self.sum, self.magnitude) = (0.0, 0.0);
        }
        self.ranks.change(item.number, -1);
    }

    /// Whether the window may satisfy the correlation; where not, it surely does not. `first`: the rule of its first
    /// event; `complete`: nothing can come any more.
    #[expect(clippy::cast_precision_loss, reason = "no window has 2^53 events")]
    pub(super) fn may_hold(&self, first: usize, complete: bool) -> bool {
        use CorrelationKind::{
            EventCount, Temporal, TemporalOrdered, ValueAvg, ValueCount, ValuePercentile, ValueSum,
        };
        match &self.correlation.condition {
            Condition::Rules(expr) => {
                let mut known = |at: usize| match self.members.get(at) {
                    Some(0) | None => complete.then_some(false),
                    Some(_) => Some(true),
                };
                counts(expr, first) && expr.truth(&mut known) == Some(true)
            }
            Condition::Bounds(bounds) => match self.correlation.kind {
                EventCount => holds(bounds, self.count as f64),
                ValueCount => holds(bounds, self.values.len() as f64),
                Temporal => holds(bounds, self.present as f64),
                TemporalOrdered => true,
                ValueSum => near(bounds, self.sum, self.magnitude),
                ValueAvg => {
                    let count = self.count.max(1) as f64;
                    near(bounds, self.sum / count, self.magnitude / count)
                }
                ValuePercentile => self
                    .ranks
                    .at(rank(self.correlation.percentile, self.count))
                    .is_some_and(|seen| holds(bounds, seen)),
            },
        }
    }
}

/// Sums that slide lose a little; where that could decide, the window is added up anew.
fn near(bounds: &[(Operator, f64)], seen: f64, magnitude: f64) -> bool {
    let slack = (magnitude + seen.abs()) * 1e-9;
    holds(bounds, seen) || bounds.iter().any(|(_, limit)| (seen - limit).abs() <= slack)
}

/// The nearest rank of a percentile, from 1.
#[expect(clippy::cast_precision_loss, reason = "no window has 2^53 events")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the number of events"
)]
pub(super) fn rank(percentile: f64, count: usize) -> usize {
    // Not `percentile / 100.0` first: 28 % of 25 would be a little more than 7.
    (percentile * count as f64 / 100.0).ceil().max(1.0) as usize
}

pub(super) fn holds(bounds: &[(Operator, f64)], seen: f64) -> bool {
    bounds.iter().all(|(operator, limit)| operator.holds(seen, *limit))
}

/// Whether the presence of a rule makes the expression true.
pub(super) fn counts(expr: &Expr, member: usize) -> bool {
    fn looks(expr: &Expr, member: usize, positive: bool) -> bool {
        match expr {
            Expr::Atom(at) => positive && *at == member,
            Expr::Not(inner) => looks(inner, member, !positive),
            Expr::All(inner) | Expr::Any(inner) => inner.iter().any(|expr| looks(expr, member, positive)),
        }
    }
    looks(expr, member, true)
}

/// Numbers of the window by rank: a Fenwick tree over all numbers of the group.
struct Ranks {
    numbers: Vec<f64>,
    tree: Vec<i64>,
}

impl Ranks {
    fn new(items: &[Item]) -> Self {
        let mut numbers: Vec<f64> = items.iter().map(|item| item.number).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        Self { tree: vec![0; numbers.len() + 1], numbers }
    }

    fn change(&mut self, number: f64, by: i64) {
        if self.numbers.is_empty() {
            return;
        }
        let mut at = self.numbers.partition_point(|known| known.total_cmp(&number).is_lt()) + 1;
        while let Some(slot) = self.tree.get_mut(at) {
            *slot += by;
            at += at & at.wrapping_neg();
        }
    }

    /// The number of that rank, from 1.
    fn at(&self, rank: usize) -> Option<f64> {
        let mut left = i64::try_from(rank).ok()?;
        let (mut at, mut step) = (0, self.tree.len().next_power_of_two());
        while step > 0 {
            if let Some(&held) = self.tree.get(at + step).filter(|&&held| held < left) {
                at += step;
                left -= held;
            }
            step /= 2;
        }
        self.numbers.get(at).copied()
    }
}
