//! Which hours had an event: the claim that a log has no hole in it.

use std::collections::BTreeMap;

use crate::event::time::Timestamp;

const HOUR: i64 = 3_600_000_000_000;
const BLOCK: i32 = 64;

/// The UTC hours that had an event, as blocks of 64 bits.
///
/// A timestamp spans the years 1677 to 2262, hence at most 80,000 blocks, whatever a log claims.
#[derive(Debug, Clone, Default)]
pub struct HourSet {
    blocks: BTreeMap<i32, u64>,
    // The block of the last event: logs are nearly in order, so that most inserts touch only these two.
    current: i32,
    bits: u64,
}

/// A stretch of whole hours without an event, between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The end of the last hour that had an event.
    pub from: Timestamp,
    /// The start of the next hour that had one.
    pub to: Timestamp,
}

impl HourSet {
    /// Notes an event.
    pub fn insert(&mut self, time: Timestamp) {
        let (block, bit) = place(time);
        if block != self.current {
            self.flush();
            self.current = block;
        }
        self.bits |= 1 << bit;
    }

    /// The union of both.
    #[must_use]
    pub fn merge(mut self, mut other: Self) -> Self {
        self.flush();
        other.flush();
        for (block, bits) in other.blocks {
            *self.blocks.entry(block).or_default() |= bits;
        }
        self
    }

    /// How many hours had an event.
    pub fn len(&self) -> u64 {
        self.settled().values().map(|bits| u64::from(bits.count_ones())).sum()
    }

    /// No event at all.
    pub fn is_empty(&self) -> bool {
        self.bits == 0 && self.blocks.is_empty()
    }

    /// Every stretch of at least `min_hours` whole hours without an event, in order.
    pub fn gaps(&self, min_hours: u32) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let mut last: Option<i32> = None;
        for (block, bits) in self.settled() {
            for bit in (0..BLOCK).filter(|bit| (bits >> bit) & 1 == 1) {
                let hour = block * BLOCK + bit;
                if let Some(before) = last
                    && i64::from(hour) - i64::from(before) > i64::from(min_hours.max(1))
                {
                    gaps.push(Gap { from: start(before + 1), to: start(hour) });
                }
                last = Some(hour);
            }
        }
        gaps
    }

    fn flush(&mut self) {
        if self.bits != 0 {
            *self.blocks.entry(self.current).or_default() |= self.bits;
            self.bits = 0;
        }
    }

    fn settled(&self) -> BTreeMap<i32, u64> {
        let mut copy = self.clone();
        copy.flush();
        copy.blocks
    }
}

impl PartialEq for HourSet {
    fn eq(&self, other: &Self) -> bool {
        self.settled() == other.settled()
    }
}

impl Eq for HourSet {}

/// Block and bit. All nanoseconds that an `i64` holds are within three million hours of 1970.
fn place(time: Timestamp) -> (i32, i32) {
    let hour = i32::try_from(time.nanos.div_euclid(HOUR)).unwrap_or_default();
    (hour.div_euclid(BLOCK), hour.rem_euclid(BLOCK))
}

fn start(hour: i32) -> Timestamp {
    Timestamp { nanos: i64::from(hour).saturating_mul(HOUR), digits: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp { nanos: hour * HOUR + 1, digits: 9 }
    }

    fn of(hours: &[i64]) -> HourSet {
        let mut set = HourSet::default();
        hours.iter().for_each(|hour| set.insert(at(*hour)));
        set
    }

    #[test]
    fn gaps_are_whole_hours_between_events() {
        let set = of(&[100, 3, 2, -70, 2]);
        let hours: Vec<(i64, i64)> =
            set.gaps(24).iter().map(|gap| (gap.from.nanos / HOUR, gap.to.nanos / HOUR)).collect();
        assert_eq!(hours, [(-69, 2), (4, 100)]);
        assert_eq!(of(&[0, 25]).gaps(24).len(), 1, "hours 1 to 24 are 24 empty hours");
        assert_eq!(of(&[0, 24]).gaps(24).len(), 0);
        assert_eq!(of(&[0, 1, 2]).gaps(0), []);
        assert_eq!(set.len(), 4);
    }

    #[test]
    fn the_edges_of_time_fit() {
        let mut set = HourSet::default();
        set.insert(Timestamp { nanos: i64::MIN, digits: 0 });
        set.insert(Timestamp { nanos: i64::MAX, digits: 0 });
        assert_eq!(set.len(), 2);
        assert_eq!(set.gaps(1).len(), 1);
    }

    proptest! {
        #[test]
        fn order_and_split_do_not_matter(picks in prop::collection::vec((-300i64..300, any::<bool>()), 0..50)) {
            let whole = of(&picks.iter().map(|p| p.0).collect::<Vec<_>>());
            let part = |side| of(&picks.iter().rev().filter(|p| p.1 == side).map(|p| p.0).collect::<Vec<_>>());
            prop_assert_eq!(&part(true).merge(part(false)), &whole);
            prop_assert_eq!(part(false).merge(part(true)).gaps(3), whole.gaps(3));
        }
    }
}
