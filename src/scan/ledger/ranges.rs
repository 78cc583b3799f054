//! Places in an input that need a reason: a bounded list, and exact counts for all of them.

use std::collections::BTreeMap;

/// How many places are listed one by one; the rest is counted by reason.
pub const LISTED: usize = 10_000;

/// One place in the decompressed stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// First byte.
    pub offset: u64,
    /// Bytes, the line end included.
    pub length: u64,
    /// Counts from 1: the line for a rejected range, the record for an untimed one. `None` where nobody counted.
    pub number: Option<u64>,
    /// Why. A fixed text, so that an attacker cannot make the table of reasons grow.
    pub reason: &'static str,
}

/// How many ranges and bytes one reason has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Ranges as they were pushed.
    pub ranges: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// Keeps the first [`LISTED`] ranges by offset and counts every one by reason.
///
/// The result depends neither on the order of the pushes nor on how they were spread over several `Ranges` that
/// were merged: the list is the smallest ranges of all that were pushed, whoever held them on the way.
#[derive(Debug, Clone)]
pub struct Ranges {
    limit: usize,
    kept: Vec<Range>,
    totals: BTreeMap<&'static str, Tally>,
}

impl Default for Ranges {
    fn default() -> Self {
        Self::with_limit(LISTED)
    }
}

impl Ranges {
    /// A list of at most `limit` ranges.
    pub fn with_limit(limit: usize) -> Self {
        Self { limit, kept: Vec::new(), totals: BTreeMap::new() }
    }

    /// Adds one range.
    pub fn push(&mut self, range: Range) {
        let tally = self.totals.entry(range.reason).or_default();
        tally.ranges += 1;
        tally.bytes += range.length;
        self.kept.push(range);
        self.shrink();
    }

    /// Everything in `self` and in `other`.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.limit = self.limit.min(other.limit);
        for (reason, tally) in other.totals {
            let sum = self.totals.entry(reason).or_default();
            sum.ranges += tally.ranges;
            sum.bytes += tally.bytes;
        }
        self.kept.extend(other.kept);
        self.shrink();
        self
    }

    /// Adds `before` to every number: what a chunk needs once it is known how much came before it.
    pub fn renumber(&mut self, before: u64) {
        for range in &mut self.kept {
            range.number = range.number.map(|number| number + before);
        }
    }

    /// No range at all.
    pub fn is_empty(&self) -> bool {
        self.totals.is_empty()
    }

    /// How many ranges were pushed, and their bytes.
    pub fn total(&self) -> Tally {
        self.totals.values().fold(Tally::default(), |sum, tally| Tally {
            ranges: sum.ranges + tally.ranges,
            bytes: sum.bytes + tally.bytes,
        })
    }

    /// Exact counts of all ranges, by reason.
    pub fn by_reason(&self) -> &BTreeMap<&'static str, Tally> {
        &self.totals
    }

    /// The listed ranges as they were pushed, in order.
    pub fn listed(&self) -> Vec<Range> {
        let mut listed = self.kept.clone();
        listed.sort_unstable();
        listed.truncate(self.limit);
        listed
    }

    /// The listed ranges with neighbours of the same reason joined, in order.
    pub fn joined(&self) -> Vec<Range> {
        let mut joined: Vec<Range> = Vec::new();
        for range in self.listed() {
            match joined.last_mut() {
                Some(last) if last.reason == range.reason && last.offset + last.length == range.offset => {
                    last.length += range.length;
                }
                _ => joined.push(range),
            }
        }
        joined
    }

    /// Counts of the ranges that are not listed, by reason.
    pub fn unlisted(&self) -> BTreeMap<&'static str, Tally> {
        let mut rest = self.totals.clone();
        for range in self.listed() {
            if let Some(tally) = rest.get_mut(range.reason) {
                tally.ranges -= 1;
                tally.bytes -= range.length;
            }
        }
        rest.retain(|_, tally| tally.ranges > 0);
        rest
    }

    /// Twice the limit is held before the larger half goes, so that a push costs constant time on average.
    fn shrink(&mut self) {
        if self.kept.len() > self.limit.saturating_mul(2) {
            self.kept.select_nth_unstable(self.limit);
            self.kept.truncate(self.limit);
        }
    }
}

impl PartialEq for Ranges {
    fn eq(&self, other: &Self) -> bool {
        self.limit == other.limit && self.totals == other.totals && self.listed() == other.listed()
    }
}

impl Eq for Ranges {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(offset: u64, length: u64, reason: &'static str) -> Range {
        Range { offset, length, number: Some(offset + 1), reason }
    }

    fn of(limit: usize, ranges: &[Range]) -> Ranges {
        let mut all = Ranges::with_limit(limit);
        ranges.iter().for_each(|range| all.push(*range));
        all
    }

    #[test]
    fn neighbours_of_one_reason_are_joined() {
        let all = of(10, &[range(20, 5, "b"), range(0, 10, "a"), range(10, 5, "a"), range(15, 5, "b")]);
        assert_eq!(all.joined(), [range(0, 15, "a"), range(15, 10, "b")]);
        assert_eq!(all.total(), Tally { ranges: 4, bytes: 25 });
    }

    #[test]
    fn the_rest_is_counted_by_reason() {
        let all = of(
            2,
            &[range(9, 1, "a"), range(3, 2, "b"), range(0, 1, "a"), range(7, 1, "b"), range(8, 1, "a")],
        );
        assert_eq!(all.listed(), [range(0, 1, "a"), range(3, 2, "b")]);
        let rest = all.unlisted();
        assert_eq!(rest.get("a"), Some(&Tally { ranges: 2, bytes: 2 }));
        assert_eq!(rest.get("b"), Some(&Tally { ranges: 1, bytes: 1 }));
    }

    #[test]
    fn renumbering_moves_lines() {
        let mut all = of(4, &[range(0, 1, "a")]);
        all.renumber(41);
        assert_eq!(all.listed().first().and_then(|range| range.number), Some(42));
    }

    proptest! {
        #[test]
        fn order_and_split_do_not_matter(
            picks in prop::collection::vec((0u64..40, 1u64..5, 0usize..3, any::<bool>(), any::<u32>()), 0..60),
            limit in 1usize..12,
        ) {
            let reasons = ["a", "b", "c"];
            let ranges: Vec<Range> = picks.iter().map(|p| range(p.0, p.1, reasons[p.2])).collect();
            let mut shuffled: Vec<usize> = (0..ranges.len()).collect();
            shuffled.sort_by_key(|i| picks[*i].4);
            let (mut left, mut right) = (Ranges::with_limit(limit), Ranges::with_limit(limit));
            for i in shuffled {
                if picks[i].3 { left.push(ranges[i]) } else { right.push(ranges[i]) }
            }
            let whole = of(limit, &ranges);
            let one = left.clone().merge(right.clone());
            let other = right.merge(left);
            prop_assert_eq!(&one, &whole);
            prop_assert_eq!(&other, &whole);
            prop_assert_eq!(one.joined(), whole.joined());
            prop_assert_eq!(one.unlisted(), whole.unlisted());
        }
    }
}
