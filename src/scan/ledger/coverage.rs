//! What became of the bytes of one input, chunk by chunk.

use crate::event::time::Timestamp;

use super::{HourSet, Range, Ranges};

/// What became of a run of bytes. Workers fill one for each chunk; [`Coverage::append`] strings them together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Bytes of records that were understood, with their line ends and the punctuation between them.
    pub parsed_bytes: u64,
    /// Bytes of blank lines and of white space between records.
    pub blank_bytes: u64,
    /// Records that were understood and evaluated.
    pub records: u64,
    /// Line ends seen, for the numbers of what follows.
    pub lines: u64,
    /// Blank lines.
    pub blank_lines: u64,
    /// What could not be understood. Numbers are lines.
    pub rejected: Ranges,
    /// Records whose time is absent, unreadable or ambiguous; they were evaluated all the same. Numbers are records.
    pub untimed: Ranges,
    /// The earliest event.
    pub first_time: Option<Timestamp>,
    /// The latest event.
    pub last_time: Option<Timestamp>,
    /// The hours that had an event.
    pub hours: HourSet,
    /// Records that name a key twice; every value counts in a match.
    pub duplicate_keys: u64,
    /// Records without an action, in a log whose records all have one, and the number of the first. They were evaluated all the same.
    pub strange: (u64, Option<u64>),
}

impl Coverage {
    /// Notes the time of one record.
    pub fn event_at(&mut self, time: Timestamp) {
        self.first_time = Some(self.first_time.map_or(time, |first| first.min(time)));
        self.last_time = Some(self.last_time.map_or(time, |last| last.max(time)));
        self.hours.insert(time);
    }

    /// Notes a rejected range.
    pub fn reject(&mut self, range: Range) {
        self.rejected.push(range);
    }

    /// Adds the chunk that follows in the stream. Its line and record numbers count from its own start and are moved
    /// on by what came before; its offsets are those of the stream already.
    pub fn append(&mut self, mut next: Self) {
        next.rejected.renumber(self.lines);
        next.untimed.renumber(self.records);
        let first = next.strange.1.map(|number| self.records + number);
        self.strange = (self.strange.0 + next.strange.0, self.strange.1.or(first));
        self.parsed_bytes += next.parsed_bytes;
        self.blank_bytes += next.blank_bytes;
        self.records += next.records;
        self.lines += next.lines;
        self.blank_lines += next.blank_lines;
        self.duplicate_keys += next.duplicate_keys;
        self.rejected = std::mem::take(&mut self.rejected).merge(next.rejected);
        self.untimed = std::mem::take(&mut self.untimed).merge(next.untimed);
        self.hours = std::mem::take(&mut self.hours).merge(next.hours);
        self.first_time = [self.first_time, next.first_time].into_iter().flatten().min();
        self.last_time = self.last_time.max(next.last_time);
    }

    /// Bytes in rejected ranges.
    pub fn rejected_bytes(&self) -> u64 {
        self.rejected.total().bytes
    }

    /// Parsed, blank and rejected bytes together.
    pub fn accounted(&self) -> u64 {
        self.parsed_bytes + self.blank_bytes + self.rejected_bytes()
    }

    /// Nothing was rejected and every record has a time.
    pub fn is_clean(&self) -> bool {
        self.rejected.is_empty() && self.untimed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(offset: u64, seconds: i64) -> Coverage {
        let mut chunk =
            Coverage { parsed_bytes: 20, blank_bytes: 1, records: 2, lines: 4, ..Coverage::default() };
        chunk.blank_lines = 1;
        chunk.reject(Range { offset, length: 9, number: Some(3), reason: "not JSON" });
        chunk.untimed.push(Range { offset, length: 10, number: Some(2), reason: "no time" });
        chunk.event_at(Timestamp { nanos: seconds * 1_000_000_000, digits: 0 });
        chunk
    }

    #[test]
    fn chunks_are_strung_together() {
        let mut all = chunk(5, 7200);
        all.append(chunk(50, 60));
        let numbers = |ranges: &Ranges| ranges.listed().iter().map(|range| range.number).collect::<Vec<_>>();
        assert_eq!(numbers(&all.rejected), [Some(3), Some(7)]);
        assert_eq!(numbers(&all.untimed), [Some(2), Some(4)]);
        assert_eq!((all.records, all.lines, all.blank_lines), (4, 8, 2));
        assert_eq!((all.rejected_bytes(), all.accounted()), (18, 60));
        assert_eq!(all.first_time.map(|time| time.nanos), Some(60_000_000_000));
        assert_eq!(all.last_time.map(|time| time.nanos), Some(7_200_000_000_000));
        assert_eq!(all.hours.len(), 2);
        assert!(!all.is_clean());
        let mut empty = Coverage::default();
        empty.append(Coverage::default());
        assert_eq!(empty, Coverage::default());
        assert!(empty.is_clean());
    }
}
