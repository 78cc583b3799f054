//! All facts of a scan, joined: sorted and merged, the same whatever worker noted what.

use std::collections::HashMap;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::baseline::Baseline;
use super::extract::{Origin, PlaceKey};
use super::plan::{Plan, Table, Track};
use super::recorder::{Active, Amount, DayFirst, Interner, Local, Recorder, Visit};

/// Facts by table.
#[derive(Debug, Default)]
pub struct State {
    pub(super) tables: Vec<TableState>,
}

/// Facts of one table by key.
#[derive(Debug, Default)]
pub(super) struct TableState {
    pub(super) keys: HashMap<String, KeyState, foldhash::fast::RandomState>,
    /// Places by id.
    pub(super) origins: Vec<Origin>,
    /// Ids of places while facts are taken.
    places: HashMap<PlaceKey, u32>,
    /// What all keys did, by calendar span; worked out when first asked for.
    pub(super) peers: OnceLock<(i64, Peers)>,
}

/// Facts of one key; only the part that the table keeps is filled.
#[derive(Debug, Default)]
pub(super) struct KeyState {
    /// By day.
    pub(super) active: Vec<Active>,
    /// By value, by day.
    pub(super) values: HashMap<String, Vec<DayFirst>, foldhash::fast::RandomState>,
    /// Days with any value.
    pub(super) days: Vec<DayFirst>,
    /// By time.
    pub(super) amounts: Vec<Amount>,
    /// By minute.
    pub(super) visits: Vec<Visit>,
}

/// What all keys of a table did in each calendar span.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// By number of the span.
    pub(super) spans: Vec<(i64, PeerSpan)>,
}

/// One calendar span of all keys.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct PeerSpan {
    /// Keys that did anything.
    pub(super) keys: f64,
    /// Sum of their amounts.
    pub(super) sum: f64,
    /// Sum of their squares.
    pub(super) squares: f64,
    /// The earliest time of the span, and that of all keys but that one.
    pub(super) first: i64,
    pub(super) second: i64,
}

/// One worker's facts of a table, with the texts of its ids.
struct Part<'a> {
    local: Local,
    keys: Option<&'a Interner>,
    values: Option<&'a Interner>,
}

impl State {
    /// Joins what workers noted, and the facts of a baseline for days before `before` (since 1970, UTC).
    pub fn join(plan: &Plan, recorders: Vec<Recorder>, baseline: Option<(&Baseline, i64)>) -> Self {
        let mut parts: Vec<Vec<Part<'_>>> = plan.tables.iter().map(|_| Vec::new()).collect();
        let mut held: Vec<(Vec<Interner>, Vec<super::Feed>, Vec<Local>)> =
            recorders.into_iter().map(|of| (of.interners, of.feeds, of.locals)).collect();
        for (interners, feeds, locals) in &mut held {
            for (feed, local) in feeds.iter().zip(locals.drain(..)) {
                let of = |extract: Option<usize>| extract.and_then(|extract| interners.get(extract));
                let part = Part { local, keys: of(feed.key), values: of(feed.value) };
                if let Some(parts) = parts.get_mut(feed.table) {
                    parts.push(part);
                }
            }
        }
        let tables = plan.tables.par_iter().zip(parts.into_par_iter());
        let join = |(table, parts): (&Table, Vec<Part<'_>>)| {
            let mut state = TableState::default();
            parts.into_iter().for_each(|part| state.take(&table.track, part));
            let facts =
                baseline.and_then(|(baseline, before)| Some((baseline.tables.get(&table.name)?, before)));
            for (key, of, before) in
                facts.iter().flat_map(|(keys, before)| keys.iter().map(move |(key, of)| (key, of, *before)))
            {
                state.add(key, of.clone(), before);
            }
            state.settle();
            state
        };
        Self { tables: tables.map(join).collect() }
    }
}

impl TableState {
    /// Sorts and merges what was taken.
    pub(super) fn settle(&mut self) {
        self.rank_places();
        for key in self.keys.values_mut() {
            key.settle();
        }
    }

    fn take(&mut self, track: &Track, part: Part<'_>) {
        let name = |key: usize| part.keys.map_or(Some(""), |keys| keys.texts.get(key).map(String::as_str));
        for (key, rows) in part.local.active.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            name(key).into_iter().for_each(|name| self.key(name).active.extend_from_slice(&rows));
        }
        for (key, rows) in part.local.amounts.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            name(key).into_iter().for_each(|name| self.key(name).amounts.extend_from_slice(&rows));
        }
        let texts = part.values.map_or(&[][..], |values| &values.texts);
        for ((key, value), rows) in part.local.values {
            if let (Some(name), Some(value)) = (name(key as usize), texts.get(value as usize)) {
                self.key(name).values.entry(value.clone()).or_default().extend(rows);
            }
        }
        if *track != Track::Places {
            return;
        }
        let origins = part.values.map_or(&[][..], |values| &values.origins);
        let ids: Vec<u32> = origins.iter().map(|origin| self.place_of(origin)).collect();
        for (key, rows) in part.local.visits.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let Some(name) = name(key) else { continue };
            let rows = rows.iter().filter_map(|&(minute, place)| Some((minute, *ids.get(place as usize)?)));
            self.key(name).visits.extend(rows);
        }
    }

    pub(super) fn key(&mut self, name: &str) -> &mut KeyState {
        if !self.keys.contains_key(name) {
            self.keys.insert(name.to_owned(), KeyState::default());
        }
        self.keys.entry(name.to_owned()).or_default()
    }

    pub(super) fn place_of(&mut self, origin: &Origin) -> u32 {
        let next = u32::try_from(self.origins.len()).unwrap_or(u32::MAX);
        let id = *self.places.entry(origin.key()).or_insert(next);
        if id == next {
            self.origins.push(origin.clone());
        }
        id
    }

    /// Numbers places by what they are: ids say nothing of who saw them first.
    fn rank_places(&mut self) {
        let places = std::mem::take(&mut self.places);
        let mut order: Vec<(PlaceKey, u32)> = places.into_iter().collect();
        order.sort_unstable();
        let mut ranks = vec![0; order.len()];
        for (rank, (_, id)) in (0u32..).zip(&order) {
            if let Some(slot) = ranks.get_mut(*id as usize) {
                *slot = rank;
            }
        }
        self.origins = order.iter().filter_map(|(_, id)| self.origins.get(*id as usize).cloned()).collect();
        for visit in self.keys.values_mut().flat_map(|key| &mut key.visits) {
            visit.1 = ranks.get(visit.1 as usize).copied().unwrap_or_default();
        }
    }

    /// What all keys did in calendar spans of this length.
    pub(super) fn peers(&self, span: i64) -> Peers {
        let mut spans: HashMap<i64, PeerSpan> = HashMap::new();
        // In one order, so that sums of fractions come out the same.
        let mut names: Vec<&String> = self.keys.keys().collect();
        names.sort_unstable();
        for key in names.iter().filter_map(|name| self.keys.get(*name)) {
            for (of, amount, first) in key.spans(span) {
                let entry = spans.entry(of).or_insert(PeerSpan {
                    first: i64::MAX,
                    second: i64::MAX,
                    ..PeerSpan::default()
                });
                entry.keys += 1.0;
                entry.sum += amount;
                entry.squares += amount * amount;
                if first < entry.first {
                    (entry.second, entry.first) = (entry.first, first);
                } else {
                    entry.second = entry.second.min(first);
                }
            }
        }
        let mut spans: Vec<(i64, PeerSpan)> = spans.into_iter().collect();
        spans.sort_unstable_by_key(|(of, _)| *of);
        Peers { spans }
    }
}

impl KeyState {
    /// Sorts and merges.
    fn settle(&mut self) {
        self.active.sort_unstable_by_key(|row| row.day);
        self.active.dedup_by(|later, earlier| {
            let same = later.day == earlier.day;
            if same {
                earlier.join(*later);
            }
            same
        });
        for rows in self.values.values_mut() {
            keep_first(rows);
        }
        self.days = self.values.values().flatten().copied().collect();
        keep_first(&mut self.days);
        self.amounts.sort_unstable_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
        self.visits.sort_unstable();
        self.visits.dedup();
    }

    /// Calendar spans with any amount: number, amount, first time.
    pub(super) fn spans(&self, span: i64) -> Vec<(i64, f64, i64)> {
        let mut spans: Vec<(i64, f64, i64)> = Vec::new();
        for &(time, amount) in &self.amounts {
            let of = time.div_euclid(span);
            match spans.last_mut().filter(|(known, ..)| *known == of) {
                Some((_, sum, _)) => *sum += amount,
                None => spans.push((of, amount, time)),
            }
        }
        spans
    }
}

/// Keeps the first time of each day.
fn keep_first(rows: &mut Vec<DayFirst>) {
    rows.sort_unstable();
    rows.dedup_by_key(|row| row.0);
}
