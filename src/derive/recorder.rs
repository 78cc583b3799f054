//! A worker's facts. Rows may repeat and come in any order: joining them sorts and merges.

use std::collections::HashMap;
use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::extract::{self, Origin, OriginFields};
use super::plan::Track;
use super::rows::Rows;
use crate::decode::Raw;
use crate::decode::fields::{self, FieldId, View};
use crate::enrich::Locate;
use crate::event::time::Timestamp;
use crate::rule::derive::{DAY, View as Seen};

/// Raw values remembered for one extract; then the memory starts afresh.
const MAX_REMEMBERED: usize = 1 << 15;
/// Bytes of raw values remembered for one extract.
const MAX_BYTES: usize = 1 << 21;
const NONE: u32 = u32::MAX;
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

/// What is taken out of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Extract {
    /// A key.
    Key(Vec<FieldId>),
    /// A value under a view.
    Seen(FieldId, Seen),
    /// A number.
    Amount(FieldId),
    /// A place.
    Origin(OriginFields),
    /// A time zone of an address.
    Zone(FieldId),
}

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

/// Facts of one table, by ids of this worker.
#[derive(Debug, Default)]
pub(super) struct Local {
    pub(super) active: Vec<Rows<Active>>,
    pub(super) values: HashMap<(u32, u32), Rows<DayFirst>, foldhash::fast::RandomState>,
    pub(super) amounts: Vec<Vec<Amount>>,
    pub(super) visits: Vec<Vec<Visit>>,
    /// By key.
    usual: Vec<Told>,
}

/// Texts by id.
#[derive(Debug, Default)]
pub(super) struct Interner {
    ids: HashMap<String, u32, foldhash::fast::RandomState>,
    pub(super) texts: Vec<String>,
    /// Of places.
    pub(super) origins: Vec<Origin>,
    pub(super) numbers: Vec<f64>,
    /// About how many they take.
    bytes: usize,
}

struct Remembered {
    hash: u64,
    start: u32,
    length: u32,
    id: u32,
}

/// Raw values, and the ids of what they give.
#[derive(Default)]
struct Memo {
    values: HashTable<Remembered>,
    bytes: Vec<u8>,
    hasher: foldhash::fast::RandomState,
}

/// Notes the facts of one program's records; one for each worker.
pub struct Recorder {
    extracts: Vec<Extract>,
    memos: Vec<Memo>,
    pub(super) interners: Vec<Interner>,
    /// This record's ids, and whether they are known.
    current: Vec<Option<u32>>,
    pub(super) feeds: Vec<Feed>,
    pub(super) locals: Vec<Local>,
    raw: Vec<u8>,
    many: Vec<Raw>,
    /// About how many bytes the facts take.
    bytes: usize,
}

impl Recorder {
    /// A recorder without facts.
    pub fn new(extracts: &[Extract], feeds: &[Feed]) -> Self {
        Self {
            memos: extracts.iter().map(|_| Memo::default()).collect(),
            interners: extracts.iter().map(|_| Interner::default()).collect(),
            current: vec![None; extracts.len()],
            extracts: extracts.to_owned(),
            locals: feeds.iter().map(|_| Local::default()).collect(),
            feeds: feeds.to_owned(),
            raw: Vec::new(),
            many: Vec::new(),
            bytes: 0,
        }
    }

    /// Notes what a record says. `satisfied`: the conditions that it satisfies, in order.
    pub fn record<V: View>(
        &mut self,
        view: &V,
        time: Timestamp,
        satisfied: &[usize],
        locate: Option<&dyn Locate>,
    ) {
        self.current.fill(None);
        for at in 0..self.feeds.len() {
            let Some(feed) = self.feeds.get(at) else { return };
            if feed.filter.is_some_and(|filter| satisfied.binary_search(&filter).is_err()) {
                continue;
            }
            let (key, value) = (feed.key, feed.value);
            let key = match key {
                None => 0,
                Some(extract) => self.id(extract, view, locate),
            };
            let value = value.map(|extract| (extract, self.id(extract, view, locate)));
            if key == NONE || value.is_some_and(|(_, id)| id == NONE) {
                continue;
            }
            self.note(at, key, value, time.nanos);
        }
    }

    fn note(&mut self, at: usize, key: u32, value: Option<(usize, u32)>, time: i64) {
        let (Some(feed), Some(local)) = (self.feeds.get(at), self.locals.get_mut(at)) else { return };
        self.bytes += match (&feed.track, value) {
            (Track::Activity, _) => rows(&mut local.active, key, |rows| active(rows, time)),
            (Track::Values { .. } | Track::Zones, Some((_, value))) => {
                day_first(local.values.entry((key, value)).or_default(), time)
            }
            (Track::Amounts { .. }, None) => rows(&mut local.amounts, key, |rows| push(rows, (time, 1.0))),
            (Track::Amounts { .. }, Some((extract, id))) => {
                let numbers = self.interners.get(extract).map_or(&[][..], |interner| &interner.numbers);
                numbers
                    .get(id as usize)
                    .map_or(0, |&amount| rows(&mut local.amounts, key, |rows| push(rows, (time, amount))))
            }
            (Track::Places, Some((_, place))) => rows(&mut local.visits, key, |rows| {
                let visit = (time.div_euclid(MINUTE), place);
                if rows.last() == Some(&visit) { 0 } else { push(rows, visit) }
            }),
            (Track::Values { .. } | Track::Zones | Track::Places, None) => 0,
        };
    }

    /// What the facts noted so far say of the record that was noted last: not all there is, what is near at hand.
    /// `start`: the first day that is history.
    pub fn known(&self, feed: usize, start: i64, time: i64) -> Known {
        let (Some(of), Some(local)) = (self.feeds.get(feed), self.locals.get(feed)) else {
            return Known::default();
        };
        // Only ids of extracts that were looked up are known: those of feeds whose filter the record passed.
        let id = |extract: usize| self.current.get(extract).copied().flatten();
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
                known.seen = local.values.get(&(key, value)).and_then(|rows| {
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

    /// Whether activity of the key of the record that was noted last fits on as many different days as asked, as far as that
    /// is near at hand. `fits` gives what tells the day on which a row does; what is asked decides it.
    pub fn is_usual<F: FnMut(&Active) -> Option<i64>>(
        &mut self,
        feed: usize,
        asked: Usual,
        fits: impl FnOnce() -> F,
    ) -> bool {
        let id = |extract: usize| self.current.get(extract).copied().flatten().filter(|id| *id != NONE);
        let key = self.feeds.get(feed).and_then(|of| of.key.map_or(Some(0), id));
        let Some((key, local)) = key.zip(self.locals.get_mut(feed)) else { return false };
        let Some(active) = local.active.get(key as usize) else { return false };
        if let Some(is_usual) =
            local.usual.get(key as usize).and_then(|told| told.settles(&asked, active.len()))
        {
            return is_usual;
        }
        let told = Told { asked, days: active.len(), is_usual: fit(active, &asked, fits()) };
        let before = local.usual.len();
        rows(&mut local.usual, key, |last| {
            *last = told;
            0
        });
        self.bytes += (local.usual.len() - before) * size_of::<Told>();
        told.is_usual
    }

    /// The id of what an extract gives for this record.
    fn id<V: View>(&mut self, extract: usize, view: &V, locate: Option<&dyn Locate>) -> u32 {
        if let Some(Some(known)) = self.current.get(extract) {
            return *known;
        }
        let id = self.look_up(extract, view, locate);
        if let Some(slot) = self.current.get_mut(extract) {
            *slot = Some(id);
        }
        id
    }

    fn look_up<V: View>(&mut self, at: usize, view: &V, locate: Option<&dyn Locate>) -> u32 {
        let (Some(extract), Some(memo), Some(interner)) =
            (self.extracts.get(at), self.memos.get_mut(at), self.interners.get_mut(at))
        else {
            return NONE;
        };
        self.raw.clear();
        if !gather(extract, view, &mut self.many, &mut self.raw) {
            return NONE;
        }
        let hash = memo.hasher.hash_one(&*self.raw);
        if let Some(id) = memo.find(hash, &self.raw) {
            return id;
        }
        let held = interner.bytes;
        let id = interner.take(extract, view, locate);
        self.bytes += interner.bytes - held;
        memo.remember(hash, &self.raw, id);
        id
    }

    /// About how many bytes the facts take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the facts out; the recorder starts afresh.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let fresh = Self::new(&self.extracts, &self.feeds);
        std::mem::replace(self, fresh)
    }
}

/// Puts the raw bytes that an extract depends on into `raw`; whether there are any.
fn gather<V: View>(extract: &Extract, view: &V, many: &mut Vec<Raw>, raw: &mut Vec<u8>) -> bool {
    let mut push = |field: FieldId, needed: bool| {
        let value = fields::first(view, field, many);
        if let Some(value) = value {
            raw.push(1 + value.kind as u8);
            raw.extend_from_slice(value.bytes(view.block()));
        }
        raw.push(0);
        value.is_some() || !needed
    };
    match extract {
        Extract::Key(fields) => fields.iter().all(|&field| push(field, true)),
        Extract::Seen(field, _) | Extract::Amount(field) | Extract::Zone(field) => push(*field, true),
        Extract::Origin(OriginFields { address, latitude, longitude }) => {
            [address, latitude, longitude].into_iter().all(|&field| push(field, false))
        }
    }
}

impl Memo {
    fn find(&self, hash: u64, raw: &[u8]) -> Option<u32> {
        let same = |known: &Remembered| {
            let range = known.start as usize..(known.start + known.length) as usize;
            known.hash == hash && self.bytes.get(range) == Some(raw)
        };
        self.values.find(hash, same).map(|known| known.id)
    }

    fn remember(&mut self, hash: u64, raw: &[u8], id: u32) {
        if self.values.len() >= MAX_REMEMBERED || self.bytes.len() + raw.len() > MAX_BYTES {
            self.values.clear();
            self.bytes.clear();
        }
        let (Ok(start), Ok(length)) = (u32::try_from(self.bytes.len()), u32::try_from(raw.len())) else {
            return;
        };
        self.bytes.extend_from_slice(raw);
        self.values.insert_unique(hash, Remembered { hash, start, length, id }, |known| known.hash);
    }
}

impl Interner {
    /// The id of what an extract gives; [`NONE`] for nothing.
    fn take<V: View>(&mut self, extract: &Extract, view: &V, locate: Option<&dyn Locate>) -> u32 {
        match extract {
            Extract::Key(fields) => self.text(extract::key(view, fields)),
            Extract::Seen(field, seen) => {
                self.text(extract::text(view, *field, |text| extract::seen(text, *seen, locate)))
            }
            Extract::Zone(field) => self.text(zone(view, *field, locate)),
            Extract::Amount(field) => {
                let Some(number) = number(view, *field) else { return NONE };
                let known = self.numbers.len();
                let id = self.text(Some(format!("{:x}", number.to_bits())));
                if id as usize == known {
                    self.numbers.push(number);
                }
                id
            }
            Extract::Origin(fields) => {
                let Some(origin) = extract::origin(view, *fields, locate) else { return NONE };
                let known = self.origins.len();
                let id = self.text(Some(format!("{origin:?}")));
                if id as usize == known {
                    self.origins.push(origin);
                }
                id
            }
        }
    }

    fn text(&mut self, text: Option<String>) -> u32 {
        let Some(text) = text else { return NONE };
        if let Some(&known) = self.ids.get(&text) {
            return known;
        }
        let Some(id) = u32::try_from(self.texts.len()).ok().filter(|id| *id < NONE) else { return NONE };
        self.bytes += 2 * text.len() + 120;
        self.texts.push(text.clone());
        self.ids.insert(text, id);
        id
    }
}

/// A field's number.
pub(super) fn number<V: View>(view: &V, field: FieldId) -> Option<f64> {
    extract::text(view, field, |text| text.trim().parse::<f64>().ok()).filter(|number| number.is_finite())
}

/// The time zone of a record's address.
pub(super) fn zone<V: View>(view: &V, field: FieldId, locate: Option<&dyn Locate>) -> Option<String> {
    let address = extract::text(view, field, extract::address)?;
    let located = locate?.locate(address);
    if located.is_relay { None } else { located.time_zone }
}

/// Gives the rows of a key to `with`.
fn rows<T: Default>(all: &mut Vec<T>, key: u32, with: impl FnOnce(&mut T) -> usize) -> usize {
    let key = key as usize;
    if all.len() <= key {
        all.resize_with(key + 1, T::default);
    }
    all.get_mut(key).map_or(0, with)
}

/// Adds a row; how many bytes it takes.
fn push<T>(rows: &mut Vec<T>, row: T) -> usize {
    rows.push(row);
    // Vectors grow by doubling.
    2 * size_of::<T>() + if rows.len() == 1 { 48 } else { 0 }
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

fn active(rows: &mut Rows<Active>, time: i64) -> usize {
    let day = time.div_euclid(DAY);
    let quarters = 1u128 << (time.rem_euclid(DAY) / QUARTER);
    let row = Active { day, first: time, last: time, quarters };
    match rows.newest().filter(|newest| newest.day == day) {
        Some(newest) => {
            newest.join(row);
            0
        }
        None => rows.push(row),
    }
}

impl Active {
    /// Adds what is known of the same day.
    pub(super) fn join(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.quarters |= other.quarters;
    }
}

fn day_first(rows: &mut Rows<DayFirst>, time: i64) -> usize {
    let day = time.div_euclid(DAY);
    match rows.newest().filter(|(of, _)| *of == day) {
        Some((_, first)) => {
            *first = time.min(*first);
            0
        }
        None => rows.push((day, time)),
    }
}
