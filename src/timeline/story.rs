//! What is known of an account's incident: the plain data behind every chart.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashSet};
use jiff::tz::TimeZone;

use super::clock::{Clock, HOUR};
use super::gate::Gate;
use super::lane::{self, Call, Does, Kind, Lane, Line, Turn};
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
    /// It had its effect: its record says so, or says nothing of how it ended.
    pub done: bool,
    /// What its type means; `None` where that is not known.
    pub line: Option<&'static Line>,
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
    /// The account was shut out and not let in again: proved by a journal, or else as a log has it.
    pub contained: Option<Moment>,
    /// The account was shut out and let in again.
    pub taken_back: Option<TakenBack>,
}

/// A block that did not last.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenBack {
    /// The account was shut out.
    pub shut: Moment,
    /// It was let in again.
    pub back: Moment,
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
    /// Sources with records of the account or about it whose event types are not known.
    pub unknown: BTreeSet<&'static str>,
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
    /// What others did, or tried to do, against the account and what it made; in time order.
    pub countered: Vec<Event>,
    /// What let the account, or what it made, in again after a block; in time order.
    pub let_in: Vec<Event>,
    /// See [`Gathered::unknown`].
    pub unknown: BTreeSet<&'static str>,
}

/// What became of blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate<'a> {
    /// None is known that had its effect.
    Open,
    /// The first that lasts.
    Shut(&'a Event),
    /// A block, and what took it back.
    TakenBack(&'a Event, &'a Event),
}

/// Moments further than this from the incident's others are another story.
pub(super) const AFTERMATH: i64 = 7 * 24 * HOUR;

impl Story {
    /// From what was read; `None` where the account has no event and no finding with a time.
    pub fn of(account: &str, zone: TimeZone, gathered: Gathered, gate: Option<Gate>) -> Option<Self> {
        let Gathered { names, mut events, untimed, mut marks, unknown } = gathered;
        // Equal times keep the order of the logs.
        events.sort_by_key(|event| event.nanos);
        let is_own = own_names(&names, account);
        let (mut own, others): (Vec<Event>, Vec<Event>) =
            events.into_iter().partition(|event| event.actor.is_some_and(|actor| is_own.contains(&actor)));
        rate(&mut own, &marks.said, &names);
        marks.sort();
        let mut story = Self {
            account: account.to_owned(),
            clock: Clock::new(zone),
            names,
            own,
            others,
            untimed,
            marks,
            gate,
            key: Key::default(),
            moments: Vec::new(),
            countered: Vec::new(),
            let_in: Vec::new(),
            unknown,
        };
        (story.countered, story.let_in) = story.against_and_for();
        story.conclude();
        (!story.moments.is_empty()).then_some(story)
    }

    /// The text of a name, or nothing.
    pub fn text(&self, name: Option<Name>) -> &str {
        name.map_or("", |name| self.names.text(name))
    }

    /// What an event does.
    pub fn kind(&self, event: &Event) -> Kind {
        event.line.map_or(Kind { lane: Lane::Other, does: Does::Plain }, |line| line.kind)
    }

    /// An event's type in words.
    pub fn words(&self, event: &Event) -> String {
        let action = self.text(event.action);
        event.line.map_or_else(|| lane::words(action), |line| line.words(action))
    }

    /// What an event made: its object, else its target, unless that is the account itself.
    pub fn made(&self, event: &Event) -> Option<Name> {
        event
            .object
            .or(event.target.filter(|name| !self.text(Some(*name)).eq_ignore_ascii_case(&self.account)))
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

    /// What others ended of what was the account's, and what anybody let in again of it: itself, what it made, and what these
    /// made.
    fn against_and_for(&self) -> (Vec<Event>, Vec<Event>) {
        let mut touched: HashSet<Name> = own_names(&self.names, &self.account);
        let made = |event: &Event| match self.kind(event).does {
            Does::Makes(_) => self.made(event),
            _ => event.object,
        };
        touched.extend(self.own.iter().filter(|event| event.level.is_some()).filter_map(made));
        let first = self.own.first().map_or(i64::MIN, |event| event.nanos);
        let about = |event: &&Event| {
            event.nanos >= first
                && [event.target, event.object].into_iter().flatten().any(|name| touched.contains(&name))
        };
        let ends = |event: &&Event| matches!(self.kind(event).does, Does::Ends);
        let against: Vec<Event> = self.others.iter().filter(ends).filter(about).copied().collect();
        let proved = self.gate.as_ref().and_then(Gate::contained).map(|moment| moment.nanos);
        let lets = |event: &&Event| {
            let Some(turn @ Turn::Lets(_)) = event.turn() else { return false };
            let shut = |end: &Event| end.nanos <= event.nanos && end.shuts_at(turn.system());
            proved.is_some_and(|nanos| nanos < event.nanos) || against.iter().any(shut)
        };
        let all = self.own.iter().chain(&self.others);
        let mut back: Vec<Event> = all.filter(lets).filter(about).copied().collect();
        back.sort_by_key(|event| event.nanos);
        (against, back)
    }

    /// What became of something, by what others did against it: `is_end` chooses that. An end that failed is none, and one
    /// that was taken back at its system is none; of what is not known to have failed, a block did not happen and what takes
    /// one back did.
    pub fn fate<'a>(&'a self, is_end: &dyn Fn(&Event) -> bool, about: &dyn Fn(&Event) -> bool) -> Fate<'a> {
        let ends: Vec<&Event> =
            self.countered.iter().filter(|event| event.done && about(event) && is_end(event)).collect();
        let back_of = |end: &Event| {
            let system = end.turn()?.system();
            let at_system = |event: &&Event| event.turn().is_some_and(|turn| turn.system() == system);
            let after = |event: &&Event| event.nanos >= end.nanos && !event.failed && about(event);
            let back = self.let_in.iter().filter(after).find(at_system)?;
            Some((back, ends.iter().any(|again| again.nanos > back.nanos && again.shuts_at(system))))
        };
        let open = |end: &&'a Event| back_of(end).filter(|(_, again)| !again).map(|(back, _)| (*end, back));
        match ends.iter().rev().find_map(open) {
            Some((end, back)) => Fate::TakenBack(end, back),
            None => ends.iter().find(|end| back_of(end).is_none()).map_or(Fate::Open, |end| Fate::Shut(end)),
        }
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
        let acts: Vec<i64> = self.countered.iter().chain(&self.let_in).map(|event| event.nanos).collect();
        for nanos in acts {
            if !moments.is_empty() && near(nanos, &moments) {
                moments.insert(nanos);
            }
        }
        (self.key.contained, self.key.taken_back) = self.suspended(&moments);
        if let Some(gate) = &self.gate {
            self.key.detected = gate.opened.clone();
            moments.extend(gate.moments());
            if let Some(shut) = gate.contained() {
                (self.key.contained, self.key.taken_back) = self.held(shut);
            }
        }
        if moments.is_empty() {
            moments
                .extend([self.own.first(), self.own.last()].into_iter().flatten().map(|event| event.nanos));
        }
        self.moments = moments.into_iter().collect();
    }

    /// When somebody else blocked the account itself after it became suspicious, and whether that lasted.
    fn suspended(&self, moments: &BTreeSet<i64>) -> (Option<Moment>, Option<TakenBack>) {
        let Some(start) = self.key.suspicious.as_ref().map(|moment| moment.nanos) else {
            return (None, None);
        };
        let blocks = |event: &Event| {
            matches!(event.turn(), Some(Turn::Shuts(_)))
                && event.nanos >= start
                && moments.contains(&event.nanos)
        };
        match self.fate(&blocks, &|event| self.is_about_itself(event)) {
            Fate::Open => (None, None),
            Fate::Shut(event) => (Some(self.moment(event)), None),
            Fate::TakenBack(shut, back) => {
                (None, Some(TakenBack { shut: self.moment(shut), back: self.moment(back) }))
            }
        }
    }

    /// What a journal proved, unless a log lets the account in again later.
    fn held(&self, shut: Moment) -> (Option<Moment>, Option<TakenBack>) {
        let later = |event: &&Event| event.nanos > shut.nanos && !event.failed && self.is_about_itself(event);
        match self.let_in.iter().find(later) {
            Some(back) => (None, Some(TakenBack { back: self.moment(back), shut })),
            None => (Some(shut), None),
        }
    }

    fn is_about_itself(&self, event: &Event) -> bool {
        let own = |name: Name| self.text(Some(name)).eq_ignore_ascii_case(&self.account);
        [event.target, event.object].into_iter().flatten().any(own)
    }

    fn moment(&self, event: &Event) -> Moment {
        let by = match self.text(event.actor) {
            "" => String::new(),
            actor => format!(" by {actor}"),
        };
        Moment { nanos: event.nanos, what: format!("{}{by}, says the log", self.words(event)) }
    }
}

/// The account in every way in which the logs write it.
fn own_names(names: &Names, account: &str) -> HashSet<Name> {
    names.all().filter(|(_, text)| text.eq_ignore_ascii_case(account)).map(|(name, _)| name).collect()
}

/// Gives events the highest level of findings that did not come with them. A finding without an event becomes one, so that
/// none is lost.
fn rate(own: &mut Vec<Event>, findings: &[Said], names: &Names) {
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
            let line = action.and_then(|action| lane::table("").line(names.text(action), &Call::default()));
            own.push(Event { actor, action, address, line, level: Some(*level), ..Event::at(nanos) });
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
            done: true,
            line: None,
            level: None,
        }
    }

    /// Whether it shuts somebody out or lets somebody in.
    pub fn turn(&self) -> Option<Turn> {
        self.line.and_then(|line| line.turn)
    }

    /// Whether it shut somebody out of this system.
    fn shuts_at(&self, system: &str) -> bool {
        self.done
            && self.turn().is_some_and(|turn| turn == Turn::Shuts(turn.system()) && turn.system() == system)
    }
}
