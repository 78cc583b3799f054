//! All facts of a scan, joined: sorted and merged, the same whatever worker noted what.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::baseline::{Baseline, Facts};
use super::extract::{Origin, PlaceKey};
use super::lookup::Interner;
use super::plan::{Plan, Table, Track};
use super::recorder::{Active, Amount, DayFirst, Local, Noted, Recorder, Visit, keep_first, merge_days};
use super::spill::Spill;

/// Facts by table.
#[derive(Debug, Default)]
pub struct State {
    pub(super) tables: Vec<TableState>,
    /// What all keys of a table did, by table and length of calendar spans.
    pub(super) peers: HashMap<(usize, i64), Peers>,
}

/// Facts of one table by key.
#[derive(Debug, Default)]
pub(super) struct TableState {
    pub(super) keys: HashMap<String, KeyState, foldhash::fast::RandomState>,
    /// Places by id.
    pub(super) origins: Vec<Origin>,
    /// Ids of places while facts are taken.
    places: HashMap<PlaceKey, u32>,
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
    /// The first time of each value.
    pub(super) firsts: Vec<i64>,
    /// By time.
    pub(super) amounts: Vec<Amount>,
    /// By minute.
    pub(super) visits: Vec<Visit>,
    /// Calendar spans with any amount, by length: those that the plan asks for.
    spans: Vec<(i64, Vec<Span>)>,
    /// Local days and their hours as bits, in the zone of that name: the last one asked for.
    local: Mutex<Option<(String, LocalDays)>>,
}

/// A calendar span: number, amount, first time.
pub(super) type Span = (i64, f64, i64);
/// Local days since 1970, with their hours as bits.
pub(super) type LocalDays = Arc<Vec<(i64, u32)>>;

/// What all keys of a table did in each calendar span, by the span's number.
pub(super) type Peers = BTreeMap<i64, PeerSpan>;

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
        let mut held: Vec<Noted> = recorders.into_iter().map(Recorder::finish).collect();
        for Noted { interners, feeds, locals } in &mut held {
            for (feed, local) in feeds.iter().zip(locals.drain(..)) {
                let of = |extract: Option<usize>| extract.and_then(|extract| interners.get(extract));
                let part = Part { local, keys: of(feed.key), values: of(feed.value) };
                if let Some(parts) = parts.get_mut(feed.table) {
                    parts.push(part);
                }
            }
        }
        let tables = plan.tables.par_iter().enumerate().zip(parts.into_par_iter());
        let join = |((at, table), parts): ((usize, &Table), Vec<Part<'_>>)| {
            let mut state = TableState::default();
            parts.into_iter().for_each(|part| state.take(&table.track, part));
            state.add_baseline(table, baseline, &|_| true);
            state.settle(&plan.spans_of(at));
            state
        };
        let mut state = Self { tables: tables.map(join).collect(), peers: HashMap::new() };
        state.peers = state.peers_of(plan);
        state
    }

    /// Some parts of what was spilled, without what all keys did.
    ///
    /// # Errors
    /// It could not be read back.
    pub fn part(
        plan: &Plan,
        spill: &Spill,
        parts: &Range<usize>,
        baseline: Option<(&Baseline, i64)>,
    ) -> io::Result<Self> {
        let mut tables: Vec<TableState> = plan.tables.iter().map(|_| TableState::default()).collect();
        for part in parts.clone() {
            spill.read(part, |table, key, facts| {
                if let Some(table) = tables.get_mut(table) {
                    table.add(key, facts, i64::MAX);
                }
            })?;
        }
        for (at, (state, table)) in tables.iter_mut().zip(&plan.tables).enumerate() {
            state.add_baseline(table, baseline, &|key| parts.contains(&spill.part_of(key)));
            state.settle(&plan.spans_of(at));
        }
        Ok(Self { tables, peers: HashMap::new() })
    }

    /// What all keys did, where the plan asks for it.
    fn peers_of(&self, plan: &Plan) -> HashMap<(usize, i64), Peers> {
        let asked =
            plan.peers.iter().filter_map(|&(table, span)| Some(((table, span), self.tables.get(table)?)));
        asked.map(|((table, span), state)| ((table, span), state.peers(span))).collect()
    }

    /// Takes over what all keys of another part did.
    pub fn add_peers_of(&mut self, part: &Self, plan: &Plan) {
        for (asked, peers) in part.peers_of(plan) {
            let all = self.peers.entry(asked).or_default();
            for (span, more) in peers {
                all.entry(span).or_insert_with(PeerSpan::nobody).join(more);
            }
        }
    }

    /// Takes over what all keys did from `whole`.
    pub fn share_peers(&mut self, whole: &Self) {
        self.peers.clone_from(&whole.peers);
    }

    /// Adds the facts of another part: other keys of the same tables.
    pub fn append(&mut self, part: Self) {
        self.tables.resize_with(self.tables.len().max(part.tables.len()), TableState::default);
        for (table, more) in self.tables.iter_mut().zip(part.tables) {
            table.append(more);
        }
    }

    /// All facts: table, key, facts.
    pub(super) fn into_facts(self) -> impl Iterator<Item = (usize, String, Facts)> {
        let tables = self.tables.into_iter().enumerate();
        tables.flat_map(|(at, table)| table.facts().into_iter().map(move |(key, facts)| (at, key, facts)))
    }
}

impl PeerSpan {
    fn nobody() -> Self {
        Self { first: i64::MAX, second: i64::MAX, ..Self::default() }
    }

    fn join(&mut self, other: Self) {
        self.keys += other.keys;
        self.sum += other.sum;
        self.squares += other.squares;
        let mut firsts = [self.first, self.second, other.first, other.second];
        firsts.sort_unstable();
        [self.first, self.second, ..] = firsts;
    }
}

impl TableState {
    /// Sorts and merges what was taken.
    pub(super) fn settle(&mut self, spans: &[i64]) {
        self.rank_places();
        for key in self.keys.values_mut() {
            key.settle(spans);
        }
    }

    /// Adds other keys, whose places get new ids.
    fn append(&mut self, more: Self) {
        let shift = u32::try_from(self.origins.len()).unwrap_or(u32::MAX);
        self.origins.extend(more.origins);
        for (name, mut key) in more.keys {
            key.visits.iter_mut().for_each(|(_, place)| *place += shift);
            self.keys.insert(name, key);
        }
    }

    fn add_baseline(
        &mut self,
        table: &Table,
        baseline: Option<(&Baseline, i64)>,
        wanted: &dyn Fn(&str) -> bool,
    ) {
        let Some((baseline, before)) = baseline else { return };
        for (key, facts) in
            baseline.tables.get(&table.name).into_iter().flatten().filter(|(key, _)| wanted(key))
        {
            self.add(key, facts.clone(), before);
        }
    }

    fn take(&mut self, track: &Track, part: Part<'_>) {
        let name = |key: usize| part.keys.map_or(Some(""), |keys| keys.texts.get(key).map(String::as_str));
        for (key, rows) in part.local.active.into_iter().enumerate() {
            if let Some(name) = name(key).filter(|_| rows.len() > 0) {
                self.key(name).active.extend(rows.all());
            }
        }
        for (key, times) in part.local.counts.into_iter().enumerate() {
            if let Some(name) = name(key).filter(|_| !times.is_empty()) {
                self.key(name).amounts.extend(times.into_iter().map(|time| (time, 1.0)));
            }
        }
        for (key, rows) in part.local.amounts.into_iter().enumerate() {
            if let Some(name) = name(key).filter(|_| !rows.is_empty()) {
                self.key(name).amounts.extend(rows);
            }
        }
        let texts = part.values.map_or(&[][..], |values| &values.texts);
        for (key, values) in part.local.values.into_iter().enumerate() {
            let Some(name) = name(key).filter(|_| !values.is_empty()) else { continue };
            let key = self.key(name);
            for (value, rows) in values {
                if let Some(value) = texts.get(value as usize) {
                    key.values.entry(value.clone()).or_default().extend(rows.all());
                }
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
    fn peers(&self, span: i64) -> Peers {
        let mut peers = Peers::new();
        // In one order, so that sums of fractions come out the same.
        let mut names: Vec<&String> = self.keys.keys().collect();
        names.sort_unstable();
        for key in names.iter().filter_map(|name| self.keys.get(*name)) {
            for &(of, sum, first) in key.spans(span) {
                let own = PeerSpan { keys: 1.0, sum, squares: sum * sum, first, second: i64::MAX };
                peers.entry(of).or_insert_with(PeerSpan::nobody).join(own);
            }
        }
        peers
    }
}

impl KeyState {
    /// Sorts and merges.
    fn settle(&mut self, spans: &[i64]) {
        merge_days(&mut self.active);
        for rows in self.values.values_mut() {
            keep_first(rows);
        }
        self.days = self.values.values().flatten().copied().collect();
        keep_first(&mut self.days);
        self.firsts = self.values.values().filter_map(|rows| rows.first()).map(|row| row.1).collect();
        self.firsts.sort_unstable();
        self.amounts.sort_unstable_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
        self.visits.sort_unstable();
        self.visits.dedup();
        self.spans = spans.iter().map(|&span| (span, self.spans_of(span))).collect();
    }

    /// Gives the local days and hours of activity to `with`, in the zone of that name; `hours` tells those of a row.
    pub(super) fn with_local_days<R>(
        &self,
        zone: &str,
        hours: impl Fn(&Active) -> Vec<(i64, u32)>,
        with: impl FnOnce(&[(i64, u32)]) -> R,
    ) -> R {
        let mut held = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let known = held.as_ref().filter(|(of, _)| of == zone).map(|(_, days)| Arc::clone(days));
        let days = known.unwrap_or_else(|| {
            let mut days: BTreeMap<i64, u32> = BTreeMap::new();
            for (day, hour) in self.active.iter().flat_map(hours) {
                *days.entry(day).or_default() |= 1 << hour;
            }
            let days: LocalDays = Arc::new(days.into_iter().collect());
            *held = Some((zone.to_owned(), Arc::clone(&days)));
            days
        });
        drop(held);
        with(&days)
    }

    /// Calendar spans of a length that the plan asks for.
    pub(super) fn spans(&self, span: i64) -> &[Span] {
        self.spans.iter().find(|(of, _)| *of == span).map_or(&[], |(_, spans)| spans)
    }

    /// Calendar spans with any amount.
    fn spans_of(&self, span: i64) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
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
