//! Counting, side by side.

use std::sync::{Mutex, PoisonError};

use foldhash::HashMap;
use jiff::tz::TimeZone;

use crate::scan::rows::{Cells, Projection, Rows, TakeRows};

/// Most different values of a kind: about half a gigabyte of memory.
pub const MOST: usize = 4_000_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `user.email`.
    Account,
    /// `event.action`.
    Action,
    /// `source.ip`.
    Address,
    /// The hour of the day in the zone asked for.
    Hour,
}

impl Kind {
    /// In the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Account, Self::Action, Self::Address, Self::Hour];

    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Action => "action",
            Self::Address => "address",
            Self::Hour => "hour",
        }
    }

    fn field(self) -> Option<&'static str> {
        match self {
            Self::Account => Some("user.email"),
            Self::Action => Some("event.action"),
            Self::Address => Some("source.ip"),
            Self::Hour => None,
        }
    }
}

/// How often a value occurs, and when. Times are nanoseconds since 1970; `None` where no record of it has a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Records.
    pub records: u64,
    /// The earliest.
    pub first: Option<i64>,
    /// The latest.
    pub last: Option<i64>,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.records += other.records;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = [self.last, other.last].into_iter().flatten().max();
    }
}

type Table = HashMap<Option<Box<str>>, Count>;

/// Takes records from workers, in any order: sums do not depend on it.
#[derive(Debug)]
pub struct Counter {
    zone: TimeZone,
    tables: Mutex<[Table; 4]>,
}

/// A value and its count. A value is `None` where records have none.
pub type Row = (Option<String>, Count);

/// The result: for each kind its values, the most frequent first, ties by value.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Stats {
    /// In the order of [`Kind::ALL`]; hours by hour.
    pub tables: Vec<(&'static str, Vec<Row>)>,
    /// Records.
    pub records: u64,
}

impl Counter {
    /// Hours are those of `zone`.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, tables: Mutex::default() }
    }

    /// What has to be read: of one account, or of all.
    pub fn projection(account: Option<&str>) -> Projection {
        let fields = Kind::ALL.iter().filter_map(|kind| kind.field()).map(str::to_owned).collect();
        Projection { fields, account: account.map(str::to_owned), raw: false, brief: false }
    }

    /// What it came to.
    pub fn finish(self) -> Stats {
        let tables = self.tables.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut stats = Stats::default();
        for (kind, table) in Kind::ALL.into_iter().zip(tables) {
            let mut rows: Vec<Row> =
                table.into_iter().map(|(value, count)| (value.map(String::from), count)).collect();
            let by_value = kind == Kind::Hour;
            rows.sort_by(|(left, one), (right, other)| {
                let order =
                    if by_value { std::cmp::Ordering::Equal } else { other.records.cmp(&one.records) };
                order.then_with(|| (left.is_none(), left).cmp(&(right.is_none(), right)))
            });
            stats.records = rows.iter().map(|(_, count)| count.records).sum();
            stats.tables.push((kind.name(), rows));
        }
        stats
    }

    /// The hour of each row, as `00` to `23`.
    fn hours(&self, rows: &Rows) -> Cells {
        let mut cells = Cells::default();
        for time in &rows.times {
            let hour = time.and_then(|time| jiff::Timestamp::from_nanosecond(time.nanos.into()).ok());
            let hour = hour.map(|time| format!("{:02}", self.zone.to_datetime(time).hour()));
            cells.push(hour.as_deref());
        }
        cells
    }
}

/// Counts of one unit, whose texts are borrowed: most units have few different values.
fn counted<'a>(rows: &Rows, cells: &'a Cells) -> HashMap<Option<&'a str>, Count> {
    let mut counts: HashMap<Option<&str>, Count> = HashMap::default();
    for (value, time) in cells.iter().zip(&rows.times) {
        let nanos = time.map(|time| time.nanos);
        counts.entry(value).or_default().add(Count { records: 1, first: nanos, last: nanos });
    }
    counts
}

impl TakeRows for Counter {
    fn take(&self, rows: Rows) -> std::io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let hours = self.hours(&rows);
        let columns: Vec<_> =
            rows.columns.iter().chain([&hours]).map(|cells| counted(&rows, cells)).collect();
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        for ((kind, table), counts) in Kind::ALL.into_iter().zip(tables.iter_mut()).zip(columns) {
            for (value, count) in counts {
                match table.get_mut(&value.map(Box::from)) {
                    Some(held) => held.add(count),
                    None => drop(table.insert(value.map(Box::from), count)),
                }
            }
            if table.len() > MOST {
                return Err(std::io::Error::other(format!(
                    "more than {MOST} different values of {}: ask for fewer with --since, --until or --account",
                    kind.name()
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::time::Timestamp;

    fn rows(values: &[(Option<&str>, Option<i64>)]) -> Rows {
        let mut rows = Rows { columns: vec![Cells::default(); 3], ..Rows::default() };
        for (value, hour) in values {
            rows.times.push(hour.map(|hour| Timestamp { nanos: hour * 3_600_000_000_000, digits: 0 }));
            rows.columns.iter_mut().for_each(|cells| cells.push(*value));
        }
        rows
    }

    #[test]
    fn the_order_of_units_does_not_matter() {
        let parts = [
            rows(&[(Some("a"), Some(5)), (None, None), (Some("b"), Some(30))]),
            rows(&[(Some("b"), Some(1)), (Some("b"), None)]),
        ];
        let count = |order: [usize; 2]| {
            let counter = Counter::new(TimeZone::UTC);
            for at in order {
                let part = &parts[at];
                let copy =
                    Rows { times: part.times.clone(), columns: part.columns.clone(), ..Rows::default() };
                counter.take(copy).unwrap();
            }
            counter.finish()
        };
        let stats = count([0, 1]);
        assert_eq!(stats, count([1, 0]));
        assert_eq!(stats.records, 5);
        let (name, accounts) = &stats.tables[0];
        assert_eq!(*name, "account");
        let hour = 3_600_000_000_000;
        let names: Vec<_> = accounts.iter().map(|(name, count)| (name.as_deref(), count.records)).collect();
        assert_eq!(names, [(Some("b"), 3), (Some("a"), 1), (None, 1)]);
        assert_eq!((accounts[0].1.first, accounts[0].1.last), (Some(hour), Some(30 * hour)));
        let hours: Vec<_> =
            stats.tables[3].1.iter().map(|(hour, count)| (hour.as_deref(), count.records)).collect();
        assert_eq!(hours, [(Some("01"), 1), (Some("05"), 1), (Some("06"), 1), (None, 2)]);
    }
}
