//! A worker's facts. Rows may repeat and come in any order: joining them sorts and merges.

use std::collections::HashMap;

use super::lookup::{Extract, Interner, Lookup, NONE};
use super::plan::Track;
use super::rows::Rows;
use crate::decode::fields::View;
use crate::enrich::Locate;
use crate::event::time::Timestamp;
use crate::rule::derive::DAY;

/// Records that wait, at least and at most, before they are noted together.
const WAITING: (usize, usize) = (1 << 10, 1 << 16);
/// Rows that are looked at to see whether an hour is usual.
const MAX_ROWS: usize = 40;

/// What a worker knows of the history of a record's key, strictly before the record and within the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// The record has no key, or not the value that is asked for: nothing can be derived.
    pub absent: bool,
    /// A time at which the key had the record's value.
    pub seen: Option<i64>,
    /// A time at which the key was active: as late as is known.
    pub active: Option<i64>,
    /// A time at which the key was active: as early as is known.
    pub since: Option<i64>,
    /// It is usually active at this time of day; false where that is not known.
    pub usual: bool,
}

/// Nanoseconds of a quarter of an hour: every zone's offset is a multiple of it today.
pub(super) const QUARTER: i64 = 900_000_000_000;
/// Nanoseconds of a minute.
pub(super) const MINUTE: i64 = 60_000_000_000;

/// A table, and what of a record goes into it.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Index of the table.
    pub table: usize,
    /// What it keeps.
    pub track: Track,
    /// Index of the extract that gives the key; `None`: one key for all.
    pub key: Option<usize>,
    /// Index of the extract that gives the value, where the table keeps one.
    pub value: Option<usize>,
    /// The condition of the program that a record has to satisfy.
    pub filter: Option<usize>,
}

/// What is asked of a key: whether it is usually active about an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usual {
    /// The first day that is history.
    pub start: i64,
    /// Different days on which it has to be active then; at least one.
    pub min_days: usize,
    /// Hours since 1970 on the key's clock.
    pub hour: i64,
}

/// What was told of a key last.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    asked: Usual,
    /// Days of activity that were known then.
    days: usize,
    is_usual: bool,
}

impl Told {
    /// What it says of another question, when so many days are known. Facts only grow, so what was usual stays so; what was
    /// not is taken for unknown until another day is known.
    fn settles(&self, asked: &Usual, days: usize) -> Option<bool> {
        let same = (self.asked.start, self.asked.hour) == (asked.start, asked.hour);
        let as_many = if self.is_usual {
            asked.min_days <= self.asked.min_days
        } else {
            asked.min_days >= self.asked.min_days && days == self.days
        };
        (same && as_many).then_some(self.is_usual)
    }
}

/// A key's activity on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Active {
    /// Days since 1970, UTC.
    pub day: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    /// Quarters of an hour, from the day's first.
    pub(super) quarters: u128,
}

/// The first time of a day.
pub(super) type DayFirst = (i64, i64);
/// A time and an amount.
pub(super) type Amount = (i64, f64);
/// A minute since 1970, and a place's id.
pub(super) type Visit = (i64, u32);

/// A key's values and the days of each.
pub(super) type Values = HashMap<u32, Rows<DayFirst>, foldhash::fast::RandomState>;

/// Facts of one table, by ids of this worker.
#[derive(Debug, Default)]
pub(super) struct Local {
    /// By key.
    pub(super) active: Vec<Rows<Active>>,
    /// By key, by value.
    pub(super) values: Vec<Values>,
    /// By key: times at which there was one more.
    pub(super) counts: Vec<Vec<i64>>,
    /// By key.
    pub(super) amounts: Vec<Vec<Amount>>,
    /// By key.
    pub(super) visits: Vec<Vec<Visit>>,
    /// By key.
    usual: Vec<Told>,
}

/// Records that wait to be noted. Noted one by one, each would wait for memory in every table; in the order of their keys, a key's
/// rows are at hand from its first record on.
#[derive(Debug, Default)]
struct Waiting {
    times: Vec<i64>,
    /// By record, by extract.
    ids: Vec<u32>,
    /// By record: the feeds that take it, as bits.
    feeds: Vec<u64>,
    /// Keys, with the numbers of their records.
    order: Vec<(u32, u32)>,
    /// Ids, and words of feeds, of a record.
    shape: (usize, usize),
}

/// What one key did with one value on one day.
#[derive(Debug, Clone, Copy)]
struct Same {
    key: u32,
    value: u32,
    active: Active,
}

/// What the last records of a feed say, as long as they say the same.
#[derive(Debug, Default)]
struct Pending(Option<Same>);

impl Pending {
    /// Adds one more; what was there before, if this is something else.
    fn add(&mut self, key: u32, value: u32, time: i64) -> Option<Same> {
        let active = Active::at(time);
        match &mut self.0 {
            Some(same) if (same.key, same.value, same.active.day) == (key, value, active.day) => {
                same.active.join(active);
                None
            }
            other => other.replace(Same { key, value, active }),
        }
    }
}

/// Notes the facts of one program's records; one for each worker.
pub struct Recorder {
    lookup: Lookup,
    feeds: Vec<Feed>,
    locals: Vec<Local>,
    /// Feeds that take every record.
    always: Vec<usize>,
    /// By condition, from the first that one asks for: the feeds that ask for it.
    asking: (usize, Vec<Vec<usize>>),
    waiting: Waiting,
    /// What was told of the record that was given last, by feed and first day: rules ask the same.
    told: Vec<(usize, i64, Known)>,
    /// Records noted so far.
    noted: usize,
    /// The extract that is the key of most feeds.
    main_key: usize,
    /// About how many bytes the facts take.
    bytes: usize,
}

/// What a recorder noted, by feed, with the texts of its ids by extract.
pub(super) struct Noted {
    pub(super) interners: Vec<Interner>,
    pub(super) feeds: Vec<Feed>,
    pub(super) locals: Vec<Local>,
}

impl Recorder {
    /// A recorder without facts.
    pub fn new(extracts: &[Extract], feeds: &[Feed]) -> Self {
        let filters = || feeds.iter().filter_map(|feed| feed.filter);
        let first = filters().min().unwrap_or_default();
        let mut asking = vec![Vec::new(); filters().max().map_or(0, |last| last + 1 - first)];
        let mut always = Vec::new();
        for (at, feed) in feeds.iter().enumerate() {
            match feed.filter {
                None => always.push(at),
                Some(filter) => asking.get_mut(filter - first).into_iter().for_each(|feeds| feeds.push(at)),
            }
        }
        let uses = |extract: &usize| feeds.iter().filter(|feed| feed.key == Some(*extract)).count();
        Self {
            lookup: Lookup::new(extracts),
            locals: feeds.iter().map(|_| Local::default()).collect(),
            feeds: feeds.to_owned(),
            always,
            asking: (first, asking),
            waiting: Waiting::default(),
            told: Vec::new(),
            noted: 0,
            main_key: (0..extracts.len()).max_by_key(uses).unwrap_or_default(),
            bytes: 0,
        }
    }

    /// Notes what a record says, now or with those that come after it. `satisfied`: the conditions that it satisfies, in order.
    pub fn record<V: View>(
        &mut self,
        view: &V,
        time: Timestamp,
        satisfied: &[usize],
        locate: Option<&dyn Locate>,
    ) {
        self.lookup.begin();
        self.told.clear();
        let words = self.feeds.len().div_ceil(64);
        let start = self.waiting.feeds.len();
        self.waiting.feeds.resize(start + words, 0);
        let mut is_taken = false;
        let (first, asking) = &self.asking;
        let asked = satisfied.get(satisfied.partition_point(|condition| condition < first)..);
        let asked = asked.unwrap_or_default().iter().filter_map(|condition| asking.get(condition - first));
        for &at in self.always.iter().chain(asked.flatten()) {
            let Some(feed) = self.feeds.get(at) else { continue };
            let takes = [feed.key, feed.value].into_iter().flatten().all(|extract| {
                let (id, more) = self.lookup.id(extract, view, locate);
                self.bytes += more;
                id != NONE
            });
            if takes && let Some(word) = self.waiting.feeds.get_mut(start + at / 64) {
                *word |= 1 << (at % 64);
                is_taken = true;
            }
        }
        if !is_taken {
            return self.waiting.feeds.truncate(start);
        }
        self.waiting.times.push(time.nanos);
        self.waiting.ids.extend(self.lookup.all());
        // Few at first: what is noted tells soon what need not be kept.
        if self.waiting.times.len() >= (self.noted / 4).clamp(WAITING.0, WAITING.1) {
            self.note_waiting();
        }
    }

    /// Notes the records that wait: those of a key together, and of these one feed after the other.
    fn note_waiting(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.shape = (self.lookup.interners.len(), self.feeds.len().div_ceil(64));
        waiting.sort(self.main_key);
        for group in waiting.order.chunk_by(|left, right| left.0 == right.0) {
            for word in 0..waiting.shape.1 {
                let mut left =
                    group.iter().fold(0, |bits, &(_, record)| bits | waiting.feeds_of(record, word));
                while left != 0 {
                    let bit = left.trailing_zeros();
                    let takes = |record| waiting.feeds_of(record, word) & (1 << bit) != 0;
                    let records = group.iter().map(|&(_, record)| record).filter(|&record| takes(record));
                    self.note(word * 64 + bit as usize, &waiting, records);
                    left &= left - 1;
                }
            }
        }
        self.noted += waiting.times.len();
        waiting.clear();
        self.waiting = waiting;
    }

    /// Notes records in one feed. Those that say the same of the same day are merged before its facts are looked up.
    fn note(&mut self, at: usize, waiting: &Waiting, records: impl Iterator<Item = u32>) {
        let (Some(feed), Some(local)) = (self.feeds.get(at), self.locals.get_mut(at)) else { return };
        let numbers = feed.value.and_then(|extract| self.lookup.interners.get(extract));
        let numbers = numbers.map_or(&[][..], |interner| &interner.numbers);
        let (mut more, mut pending) = (0, Pending::default());
        for record in records {
            let Some(&time) = waiting.times.get(record as usize) else { continue };
            let ids = waiting.ids_of(record);
            let id = |extract: usize| ids.get(extract).copied().unwrap_or(NONE);
            let (key, value) = (feed.key.map_or(0, id), feed.value.map_or(NONE, id));
            match (&feed.track, feed.value) {
                (Track::Activity, _) | (Track::Values { .. } | Track::Zones, Some(_)) => {
                    if let Some(whole) = pending.add(key, value, time) {
                        more += local.take(&feed.track, whole);
                    }
                }
                (Track::Amounts { .. }, None) => {
                    more += rows(&mut local.counts, key, |rows| push(rows, time));
                }
                (Track::Amounts { .. }, Some(_)) => {
                    if let Some(&amount) = numbers.get(value as usize) {
                        more += rows(&mut local.amounts, key, |rows| push(rows, (time, amount)));
                    }
                }
                (Track::Places, Some(_)) => {
                    let visit = (time.div_euclid(MINUTE), value);
                    let add = |rows: &mut Vec<Visit>| {
                        if rows.last() == Some(&visit) { 0 } else { push(rows, visit) }
                    };
                    more += rows(&mut local.visits, key, add);
                }
                (Track::Values { .. } | Track::Zones | Track::Places, None) => {}
            }
        }
        if let Some(whole) = pending.0 {
            more += local.take(&feed.track, whole);
        }
        self.bytes += more;
    }

    /// What the facts noted so far say of the record that was given last: not all there is, what is near at hand.
    /// `start`: the first day that is history.
    pub fn known(&mut self, feed: usize, start: i64, time: i64) -> Known {
        let same = |(of, from, _): &&(usize, i64, Known)| (*of, *from) == (feed, start);
        if let Some((.., known)) = self.told.iter().find(same) {
            return *known;
        }
        let known = self.look_up(feed, start, time);
        self.told.push((feed, start, known));
        known
    }

    fn look_up(&self, feed: usize, start: i64, time: i64) -> Known {
        let (Some(of), Some(local)) = (self.feeds.get(feed), self.locals.get(feed)) else {
            return Known::default();
        };
        // Only ids of extracts that were looked up are known: those of feeds whose filter the record passed.
        let id = |extract: usize| self.lookup.known(extract);
        let key = of.key.map_or(Some(0), id);
        let value = of.value.map(id);
        // A record without an amount still has a volume: that of the others.
        let needs_value = !matches!(of.track, Track::Amounts { .. });
        let absent = key == Some(NONE) || (needs_value && value == Some(Some(NONE)));
        let mut known = Known { absent, ..Known::default() };
        let Some(key) = key.filter(|key| *key != NONE) else { return known };
        match (&of.track, value) {
            (Track::Values { .. }, Some(Some(value))) => {
                let fits = |row: &&DayFirst| row.0 >= start && row.1 < time;
                let rows = local.values.get(key as usize).and_then(|values| values.get(&value));
                known.seen = rows.and_then(|rows| {
                    rows.first().filter(fits).or(rows.backwards().next().filter(fits)).map(|row| row.1)
                });
            }
            (Track::Activity, _) => {
                let Some(rows) = local.active.get(key as usize) else { return known };
                let times = rows.backwards().take(2).filter(|row| row.day >= start);
                known.active = times.flat_map(|row| [row.last, row.first]).find(|&at| at < time);
                known.since =
                    rows.first().filter(|row| row.day >= start && row.first < time).map(|row| row.first);
            }
            _ => {}
        }
        known
    }

    /// Whether activity of the key of the record that was given last fits on as many different days as asked, as far as that
    /// is near at hand. `fits` gives what tells the day on which a row does; what is asked decides it.
    pub fn is_usual<F: FnMut(&Active) -> Option<i64>>(
        &mut self,
        feed: usize,
        asked: Usual,
        fits: impl FnOnce() -> F,
    ) -> bool {
        let id = |extract: usize| self.lookup.known(extract).filter(|id| *id != NONE);
        let key = self.feeds.get(feed).and_then(|of| of.key.map_or(Some(0), id));
        let Some((key, local)) = key.zip(self.locals.get_mut(feed)) else { return false };
        let Some(active) = local.active.get(key as usize) else { return false };
        if let Some(is_usual) =
            local.usual.get(key as usize).and_then(|told| told.settles(&asked, active.len()))
        {
            return is_usual;
        }
        let told = Told { asked, days: active.len(), is_usual: fit(active, &asked, fits()) };
        self.bytes += rows(&mut local.usual, key, |last| {
            *last = told;
            0
        });
        told.is_usual
    }

    /// About how many bytes the facts take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Merges rows that say the same, as those do of a log that is not in order or comes again.
    pub fn compact(&mut self) {
        self.note_waiting();
        self.locals.iter_mut().for_each(Local::compact);
        let texts: usize = self.lookup.interners.iter().map(|interner| interner.bytes).sum();
        self.bytes = texts + self.locals.iter().map(Local::bytes).sum::<usize>();
    }

    /// Takes the facts out; the recorder starts afresh.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let fresh = Self::new(&self.lookup.extracts, &self.feeds);
        std::mem::replace(self, fresh)
    }

    /// Everything that was noted.
    pub(super) fn finish(mut self) -> Noted {
        self.note_waiting();
        Noted { interners: self.lookup.interners, feeds: self.feeds, locals: self.locals }
    }
}

impl Local {
    /// Takes activity, or a value, of one day; how many bytes more that takes.
    fn take(&mut self, track: &Track, Same { key, value, active }: Same) -> usize {
        if *track == Track::Activity {
            return rows(&mut self.active, key, |rows| add_active(rows, active));
        }
        rows(&mut self.values, key, |values| {
            let before = values.capacity();
            let more = add_day(values.entry(value).or_default(), (active.day, active.first));
            more + (values.capacity() - before) * size_of::<(u32, Rows<DayFirst>)>()
        })
    }

    fn compact(&mut self) {
        for rows in self.active.iter_mut().filter(|rows| rows.len() > 2) {
            let mut all: Vec<Active> = std::mem::take(rows).all().collect();
            merge_days(&mut all);
            rows.replace(all);
        }
        for rows in self.values.iter_mut().flat_map(HashMap::values_mut).filter(|rows| rows.len() > 2) {
            let mut all: Vec<DayFirst> = std::mem::take(rows).all().collect();
            keep_first(&mut all);
            rows.replace(all);
        }
        for visits in &mut self.visits {
            visits.sort_unstable();
            visits.dedup();
            visits.shrink_to_fit();
        }
    }

    fn bytes(&self) -> usize {
        fn held<T>(rows: &Vec<T>) -> usize {
            rows.capacity() * size_of::<T>()
        }
        let values = self.values.iter().map(|values| {
            values.capacity() * size_of::<(u32, Rows<DayFirst>)>()
                + values.values().map(Rows::bytes).sum::<usize>()
        });
        held(&self.active)
            + self.active.iter().map(Rows::bytes).sum::<usize>()
            + held(&self.values)
            + values.sum::<usize>()
            + held(&self.counts)
            + self.counts.iter().map(held).sum::<usize>()
            + held(&self.amounts)
            + self.amounts.iter().map(held).sum::<usize>()
            + held(&self.visits)
            + self.visits.iter().map(held).sum::<usize>()
            + held(&self.usual)
    }
}

/// Sorts by day, one row a day.
pub(super) fn merge_days(rows: &mut Vec<Active>) {
    rows.sort_unstable_by_key(|row| row.day);
    rows.dedup_by(|later, earlier| {
        let same = later.day == earlier.day;
        if same {
            earlier.join(*later);
        }
        same
    });
}

/// Sorts by day, and keeps the first time of each.
pub(super) fn keep_first(rows: &mut Vec<DayFirst>) {
    rows.sort_unstable();
    rows.dedup_by_key(|row| row.0);
}

impl Waiting {
    /// A word of the feeds that take a record.
    fn feeds_of(&self, record: u32, word: usize) -> u64 {
        self.feeds.get(record as usize * self.shape.1 + word).copied().unwrap_or_default()
    }

    /// Ids of a record, by extract.
    fn ids_of(&self, record: u32) -> &[u32] {
        let start = record as usize * self.shape.0;
        self.ids.get(start..start + self.shape.0).unwrap_or_default()
    }

    /// Puts the records in the order of their keys, those of a key as they came.
    fn sort(&mut self, key: usize) {
        let mut order = std::mem::take(&mut self.order);
        let key = |record: u32| self.ids_of(record).get(key).copied().unwrap_or(NONE);
        let records = (0..self.times.len()).filter_map(|record| u32::try_from(record).ok());
        order.extend(records.map(|record| (key(record), record)));
        order.sort_unstable_by_key(|&(key, record)| u64::from(key) << 32 | u64::from(record));
        self.order = order;
    }

    fn clear(&mut self) {
        self.times.clear();
        self.ids.clear();
        self.feeds.clear();
        self.order.clear();
    }
}

/// Gives the rows of a key to `with`; how many bytes more they take.
fn rows<T: Default>(all: &mut Vec<T>, key: u32, with: impl FnOnce(&mut T) -> usize) -> usize {
    let (key, before) = (key as usize, all.capacity());
    if all.len() <= key {
        all.resize_with(key + 1, T::default);
    }
    (all.capacity() - before) * size_of::<T>() + all.get_mut(key).map_or(0, with)
}

/// Adds a row; how many bytes more that takes.
pub(super) fn push<T>(rows: &mut Vec<T>, row: T) -> usize {
    let before = rows.capacity();
    rows.push(row);
    (rows.capacity() - before) * size_of::<T>()
}

/// Whether rows fit on as many days as asked.
fn fit(rows: &Rows<Active>, asked: &Usual, mut fits: impl FnMut(&Active) -> Option<i64>) -> bool {
    let mut days: Vec<i64> = Vec::with_capacity(asked.min_days);
    for row in rows.backwards().take(MAX_ROWS).filter(|row| row.day >= asked.start) {
        if let Some(day) = fits(row).filter(|day| !days.contains(day)) {
            days.push(day);
            if days.len() >= asked.min_days {
                return true;
            }
        }
    }
    false
}

impl Active {
    /// Activity at one time.
    fn at(time: i64) -> Self {
        let (day, since) = (time.div_euclid(DAY), time.rem_euclid(DAY));
        Self { day, first: time, last: time, quarters: 1 << (since / QUARTER) }
    }

    /// Adds what is known of the same day.
    pub(super) fn join(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.quarters |= other.quarters;
    }
}

fn add_active(rows: &mut Rows<Active>, row: Active) -> usize {
    match rows.newest().filter(|newest| newest.day == row.day) {
        Some(newest) => {
            newest.join(row);
            0
        }
        None => rows.push(row),
    }
}

fn add_day(rows: &mut Rows<DayFirst>, row: DayFirst) -> usize {
    match rows.newest().filter(|newest| newest.0 == row.0) {
        Some(newest) => {
            newest.1 = row.1.min(newest.1);
            0
        }
        None => rows.push(row),
    }
}
