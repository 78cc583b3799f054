//! Records that were seen more than once, counted in bounded memory.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Distinct records that are held exactly; about 20 MiB.
pub const HELD: usize = 1 << 20;

/// Counts repeated records by a 64-bit fingerprint of their bytes.
///
/// Up to [`HELD`] distinct records the count is exact (but for fingerprints that collide). Beyond, only fingerprints
/// below a threshold are held, which halves each time the table is full: the result is then the count within a
/// sample of one in 2ᵏ records. The threshold that is reached depends on the set of fingerprints alone, so neither
/// order nor splitting changes the result.
#[derive(Debug, Clone)]
pub struct Duplicates {
    limit: usize,
    halvings: u32,
    seen: HashMap<u64, u64, RandomState>,
}

/// What [`Duplicates`] found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DuplicateCount {
    /// Records that repeat an earlier one.
    pub duplicates: u64,
    /// `Some(n)`: counted within a sample of one record in `n`, not scaled up. `None`: all records.
    pub one_in: Option<u64>,
}

impl Default for Duplicates {
    fn default() -> Self {
        Self::with_limit(HELD)
    }
}

impl Duplicates {
    /// Holds at most `limit` distinct fingerprints.
    pub fn with_limit(limit: usize) -> Self {
        Self { limit, halvings: 0, seen: HashMap::default() }
    }

    /// Notes one record. Fingerprints must be spread evenly over all 64 bits, the high ones above all.
    pub fn insert(&mut self, fingerprint: u64) {
        self.add(fingerprint, 1);
    }

    /// Everything in `self` and in `other`.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.limit = self.limit.min(other.limit);
        self.halvings = self.halvings.max(other.halvings);
        let threshold = self.threshold();
        self.seen.retain(|fingerprint, _| *fingerprint <= threshold);
        for (fingerprint, count) in other.seen {
            self.add(fingerprint, count);
        }
        self.thin();
        self
    }

    /// The count so far.
    pub fn result(&self) -> DuplicateCount {
        let duplicates = self.seen.values().map(|count| count - 1).sum();
        let one_in = (self.halvings > 0).then(|| 1u64.checked_shl(self.halvings).unwrap_or(u64::MAX));
        DuplicateCount { duplicates, one_in }
    }

    fn add(&mut self, fingerprint: u64, count: u64) {
        if fingerprint <= self.threshold() {
            *self.seen.entry(fingerprint).or_default() += count;
            self.thin();
        }
    }

    fn thin(&mut self) {
        while self.seen.len() > self.limit && self.halvings < u64::BITS {
            self.halvings += 1;
            let threshold = self.threshold();
            self.seen.retain(|fingerprint, _| *fingerprint <= threshold);
        }
    }

    fn threshold(&self) -> u64 {
        u64::MAX.checked_shr(self.halvings).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spread(n: u64) -> u64 {
        n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn of(limit: usize, records: &[u64]) -> Duplicates {
        let mut all = Duplicates::with_limit(limit);
        records.iter().for_each(|n| all.insert(spread(*n)));
        all
    }

    #[test]
    fn exact_while_everything_fits() {
        let count = of(8, &[1, 2, 1, 3, 1, 2]).result();
        assert_eq!(count, DuplicateCount { duplicates: 3, one_in: None });
    }

    #[test]
    fn a_sample_when_it_does_not() {
        let records: Vec<u64> = (0..4096).chain(0..4096).collect();
        let count = of(256, &records).result();
        let one_in = count.one_in.unwrap_or_default();
        assert!((16..=32).contains(&one_in), "{count:?}");
        assert!((4096 / 40..=256).contains(&(count.duplicates)), "{count:?}");
    }

    proptest! {
        #[test]
        fn order_and_split_do_not_matter(
            picks in prop::collection::vec((0u64..60, any::<bool>()), 0..120),
            limit in 1usize..20,
        ) {
            let whole = of(limit, &picks.iter().map(|p| p.0).collect::<Vec<_>>());
            let part = |side| of(limit, &picks.iter().rev().filter(|p| p.1 == side).map(|p| p.0).collect::<Vec<_>>());
            prop_assert_eq!(part(true).merge(part(false)).result(), whole.result());
            prop_assert_eq!(part(false).merge(part(true)).result(), whole.result());
        }
    }
}
