//! What is known of an account's incident: the plain data behind every chart.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashSet};
use jiff::tz::TimeZone;

use super::clock::{Clock, HOUR};
use super::gate::Gate;
use super::lane::{self, Does, Kind, Lane};
use super::mark::{Marks, Said};
use super::names::{Name, Names};
use crate::rule::Level;

/// One event, small: there may be a million.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Nanoseconds since 1970.
    pub nanos: i64,
    /// The event type.
    pub action: Option<Name>,
    /// Who did it.
    pub actor: Option<Name>,
    /// Whom it was done to.
    pub target: Option<Name>,
    /// What it was done to.
    pub object: Option<Name>,
    /// The address it came from.
    pub address: Option<Name>,
    /// The country of the address.
    pub country: Option<Name>,
    /// The city of the address.
    pub city: Option<Name>,
    /// The autonomous system of the address: number and organisation.
    pub network: Option<Name>,
    /// Latitude and longitude of the address, in degrees.
    pub spot: Option<(f32, f32)>,
    /// How much left, in rows.
    pub rows: Option<f64>,
    /// It was tried and failed.
    pub failed: bool,
    /// The highest level of its findings.
    pub level: Option<Level>,
}

/// A moment that has a meaning for the incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// Nanoseconds since 1970.
    pub nanos: i64,
    /// What happened, in words.
    pub what: String,
}

/// When the incident began, was noticed and ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Key {
    /// The first finding of level medium or above in the most serious group of findings.
    pub suspicious: Option<Moment>,
    /// The incident was opened.
    pub detected: Option<Moment>,
    /// The account was shut out: proved by a journal, or else as a log has it.
    pub contained: Option<Moment>,
}

/// What was read, before anything is concluded from it.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Their texts.
    pub names: Names,
    /// Events of the account and about it, and those that make or end something, in the order of the logs.
    pub events: Vec<Event>,
    /// Records of the account whose time is not known: they are on no chart.
    pub untimed: u64,
    /// Findings of the account.
    pub marks: Marks,
}

/// See the module.
#[derive(Debug)]
pub struct Story {
    /// The account's e-mail address.
    pub account: String,
    /// Writes times in the zone asked for.
    pub clock: Clock,
    /// Texts of events.
    pub names: Names,
    /// What the account did, in time order.
    pub own: Vec<Event>,
    /// What others did that made or ended something, in time order.
    pub others: Vec<Event>,
    /// Kinds of event types, by the number of their name.
    kinds: Vec<Kind>,
    /// Records of the account whose time is not known.
    pub untimed: u64,
    /// Findings of the account, sorted.
    pub marks: Marks,
    /// What a lockdown did, where its journal was given.
    pub gate: Option<Gate>,
    /// See [`Key`].
    pub key: Key,
    /// Moments that the first chart is about, in order; at least one.
    pub moments: Vec<i64>,
    /// What others did against the account and what it made.
    pub countered: Vec<Event>,
}

/// Moments further than this from the incident's others are another story.
const AFTERMATH: i64 = 7 * 24 * HOUR;

impl Story {
    /// From what was read; `None` where the account has no event and no finding with a time.
    pub fn of(account: &str, zone: TimeZone, gathered: Gathered, gate: Option<Gate>) -> Option<Self> {
        let Gathered { names, mut events, untimed, mut marks } = gathered;
        // Equal times keep the order of the logs.
        events.sort_by_key(|event| event.nanos);
        let is_own = own_names(&names, account);
        let (mut own, others): (Vec<Event>, Vec<Event>) =
            events.into_iter().partition(|event| event.actor.is_some_and(|actor| is_own.contains(&actor)));
        rate(&mut own, &marks.said);
        marks.sort();
        let kinds = names.all().map(|(_, text)| lane::kind(text)).collect();
        let mut story = Self {
            account: account.to_owned(),
            clock: Clock::new(zone),
            names,
            own,
            others,
            kinds,
            untimed,
            marks,
            gate,
            key: Key::default(),
            moments: Vec::new(),
            countered: Vec::new(),
        };
        story.countered = story.countered();
        story.conclude();
        (!story.moments.is_empty()).then_some(story)
    }

    /// The text of a name, or nothing.
    pub fn text(&self, name: Option<Name>) -> &str {
        name.map_or("", |name| self.names.text(name))
    }

    /// What an event type is.
    pub fn kind(&self, event: &Event) -> Kind {
        let number = event.action.and_then(|action| usize::try_from(action.number()).ok());
        let known = number.and_then(|number| self.kinds.get(number));
        known.copied().unwrap_or(Kind { lane: Lane::Other, does: Does::Plain })
    }

    /// When something is first on the page: the suspicious moment, or the first event.
    pub fn start(&self) -> i64 {
        let first = self.moments.first().copied().unwrap_or(0);
        self.key.suspicious.as_ref().map_or(first, |moment| moment.nanos)
    }

    /// The account's events before the incident: what is usual is told by them.
    pub fn before(&self) -> &[Event] {
        let start = self.start();
        let end = self.own.partition_point(|event| event.nanos < start);
        self.own.get(..end).unwrap_or_default()
    }

    /// The account's events within these times, both included.
    pub fn within(&self, from: i64, to: i64) -> &[Event] {
        let start = self.own.partition_point(|event| event.nanos < from);
        let end = self.own.partition_point(|event| event.nanos <= to);
        self.own.get(start..end.max(start)).unwrap_or_default()
    }

    /// From the first event, or moment, to the last.
    pub fn span(&self) -> (i64, i64) {
        let moments = self.moments.first().copied().zip(self.moments.last().copied()).unwrap_or((0, 0));
        let first = self.own.first().map_or(moments.0, |event| event.nanos.min(moments.0));
        (first, self.own.last().map_or(moments.1, |event| event.nanos.max(moments.1)))
    }

    /// What others ended of what was the account's: itself, what it made, and what these made.
    fn countered(&self) -> Vec<Event> {
        let mut touched: HashSet<Name> = own_names(&self.names, &self.account);
        touched
            .extend(self.own.iter().filter(|event| event.level.is_some()).filter_map(|event| event.object));
        let ends = |event: &&Event| matches!(self.kind(event).does, Does::Ends);
        let about = |event: &&Event| {
            [event.target, event.object].into_iter().flatten().any(|name| touched.contains(&name))
        };
        let first = self.own.first().map_or(i64::MIN, |event| event.nanos);
        self.others.iter().filter(ends).filter(about).filter(|event| event.nanos >= first).copied().collect()
    }

    fn conclude(&mut self) {
        let marks = self.marks.most_serious();
        let first = marks.iter().find(|mark| mark.level >= Level::Medium);
        self.key.suspicious = first
            .and_then(|mark| Some(Moment { nanos: mark.nanos?, what: self.marks.title(mark).to_owned() }));
        let mut moments: BTreeSet<i64> = marks
            .iter()
            .filter(|mark| first.is_none() || mark.level >= Level::Medium)
            .filter_map(|mark| mark.nanos)
            .collect();
        let near = |nanos: i64, moments: &BTreeSet<i64>| {
            let first = moments.first().copied().unwrap_or(nanos);
            let last = moments.last().copied().unwrap_or(nanos);
            nanos >= first && nanos.saturating_sub(last) <= AFTERMATH
        };
        let acts: Vec<i64> = self.countered.iter().map(|event| event.nanos).collect();
        for nanos in acts {
            if !moments.is_empty() && near(nanos, &moments) {
                moments.insert(nanos);
            }
        }
        self.key.contained = self.suspended(&moments);
        if let Some(gate) = &self.gate {
            self.key.detected = gate.opened.clone();
            self.key.contained = gate.contained().or(self.key.contained.take());
            moments.extend(gate.moments());
        }
        if moments.is_empty() {
            moments
                .extend([self.own.first(), self.own.last()].into_iter().flatten().map(|event| event.nanos));
        }
        self.moments = moments.into_iter().collect();
    }

    /// The first time that somebody else blocked the account itself, after it became suspicious.
    fn suspended(&self, moments: &BTreeSet<i64>) -> Option<Moment> {
        let own = own_names(&self.names, &self.account);
        let start = self.key.suspicious.as_ref()?.nanos;
        let blocks = |event: &&Event| {
            let action = self.text(event.action);
            let shut = ["user.lifecycle.suspend", "user.lifecycle.deactivate", "user.lifecycle.delete"];
            let itself = [event.target, event.object].into_iter().flatten().any(|name| own.contains(&name));
            itself && (shut.contains(&action) || action == "organization.user_removed")
        };
        let in_time = |event: &&Event| event.nanos >= start && moments.contains(&event.nanos);
        let event = self.countered.iter().filter(in_time).find(blocks)?;
        let what =
            format!("{} by {}, says the log", lane::words(self.text(event.action)), self.text(event.actor));
        Some(Moment { nanos: event.nanos, what })
    }
}

/// The account in every way in which the logs write it.
fn own_names(names: &Names, account: &str) -> HashSet<Name> {
    names.all().filter(|(_, text)| text.eq_ignore_ascii_case(account)).map(|(name, _)| name).collect()
}

/// Gives events the highest level of findings that did not come with them. A finding without an event becomes one, so that
/// none is lost.
fn rate(own: &mut Vec<Event>, findings: &[Said]) {
    let timed = || findings.iter().filter_map(|said| Some((said, said.mark.nanos?)));
    let mut levels: HashMap<(i64, Option<Name>), (Level, bool)> = HashMap::default();
    for (said, nanos) in timed() {
        let held = levels.entry((nanos, said.action)).or_insert((said.mark.level, false));
        held.0 = held.0.max(said.mark.level);
    }
    if levels.is_empty() {
        return;
    }
    for event in own.iter_mut() {
        if let Some((level, used)) = levels.get_mut(&(event.nanos, event.action)) {
            event.level = event.level.max(Some(*level));
            *used = true;
        }
    }
    for (said, nanos) in timed() {
        if let Some((level, used)) = levels.get_mut(&(nanos, said.action)).filter(|(_, used)| !used) {
            *used = true;
            let Said { actor, action, address, .. } = *said;
            own.push(Event { actor, action, address, level: Some(*level), ..Event::at(nanos) });
        }
    }
    own.sort_by_key(|event| event.nanos);
}

impl Event {
    /// An event of which nothing is known but its time.
    pub fn at(nanos: i64) -> Self {
        Self {
            nanos,
            action: None,
            actor: None,
            target: None,
            object: None,
            address: None,
            country: None,
            city: None,
            network: None,
            spot: None,
            rows: None,
            failed: false,
            level: None,
        }
    }
}
