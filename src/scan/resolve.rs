//! The second half of a scan: with all facts known, what was kept is judged; what matched is correlated.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::facts::{Answered, Answers, Facts, Held, Match, Place};
use super::judge;
use super::kept::KeptUnits;
use super::program::Program;
use super::unit::{Cited, Hit, Role};
use super::{Config, Settings};
use crate::correlate::{self, Alert, Group, Sieve};
use crate::decode::csv_view::Columns;
use crate::derive::{Answer, Plan};
use crate::enrich::Locate;
use crate::finding::Fact;

/// What judging needs.
pub(super) struct Resolver<'a> {
    pub(super) config: &'a Config,
    pub(super) settings: &'a Settings,
    pub(super) plan: &'a Plan,
    pub(super) facts: &'a Facts<'a>,
    pub(super) roles: &'a [Role],
    pub(super) wanted: &'a [bool],
    pub(super) needs: &'a [Vec<String>],
    pub(super) locate: Option<&'a dyn Locate>,
    /// By source.
    pub(super) programs: &'a [Option<&'a Program>],
    /// By input: its source and, of CSV, its columns.
    pub(super) inputs: &'a BTreeMap<usize, (usize, Option<Columns>)>,
    /// Time of the last record of all.
    pub(super) horizon: i64,
}

pub(super) type Event = correlate::Event<Match>;

/// How many results a worker holds before it gives them on.
const HELD: usize = 1024;

/// What judging came to, as far as it is.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) hits: Vec<Hit>,
    /// Rules, or correlations, whose matches a filter of the scan kept back.
    pub(super) suppressed: Vec<usize>,
    pub(super) events: Vec<(usize, Event)>,
    /// What one part of the facts could answer.
    pub(super) answers: Vec<(Place, Answer)>,
    /// Records that one part of the facts rules out for a rule.
    pub(super) ruled_out: Vec<Match>,
    /// Records that alerts cite, by unit and number.
    pub(super) cited: Vec<((usize, usize), Cited)>,
    /// What findings say of the matches that completed an alert.
    pub(super) told: Vec<(Match, Hit)>,
    /// Groups of correlations that a rare match tells.
    pub(super) groups: Vec<Group>,
}

/// Takes results as they come, from any worker.
pub(super) type Take<'a> = &'a (dyn Fn(Resolved) -> io::Result<()> + Sync);

/// Where a look has its answers from.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Nothing,
    Now(Answers<'a>),
    Before(&'a Answered),
}

/// What a look at the kept records is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// The groups that rare matches tell.
    Groups(&'a Sieve),
    /// What some of the facts can answer.
    Answers(&'a Sieve),
    /// Findings, and events of correlations.
    Findings(&'a Sieve),
    /// What alerts rest on.
    Quotes(&'a Quoted),
}

/// The matches that alerts rest on.
#[derive(Default)]
pub(super) struct Quoted {
    /// Each once, in order.
    all: Vec<Match>,
    /// Those that completed an alert.
    pub(super) last: HashSet<Match>,
}

/// What is told of them.
#[derive(Default)]
struct Told {
    cited: HashMap<(usize, usize), Cited>,
    last: HashMap<Match, Hit>,
}

impl Quoted {
    fn by(alerts: &[Alert<Match>]) -> Self {
        let mut all: Vec<Match> =
            alerts.iter().flat_map(|alert| alert.event.records.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        let last = alerts.iter().filter_map(|alert| alert.event.records.last().copied()).collect();
        Self { all, last }
    }

    pub(super) fn has(&self, place: Match) -> bool {
        self.all.binary_search(&place).is_ok()
    }

    fn has_unit(&self, at: usize) -> bool {
        let first = self.all.partition_point(|&(unit, ..)| unit < at);
        self.all.get(first).is_some_and(|&(unit, ..)| unit == at)
    }
}

impl Resolved {
    pub(super) fn is_much(&self) -> bool {
        let held = [self.hits.len(), self.suppressed.len(), self.events.len(), self.answers.len()];
        let told = [self.ruled_out.len(), self.cited.len(), self.told.len(), self.groups.len()];
        held.into_iter().chain(told).sum::<usize>() >= HELD
    }
}

impl Resolver<'_> {
    /// Judges what was kept and correlates what matched; findings go to `take` as they are made, in no order.
    ///
    /// # Errors
    /// A temporary file could not be written or read, or what `take` says.
    pub(super) fn resolve(&self, kept: &KeptUnits, take: Take<'_>) -> io::Result<()> {
        let sieve = self.sieve(kept)?;
        match self.facts {
            Facts::Whole(state) => self.with(kept, Asked::Now(Answers::Whole(state)), &sieve, take),
            Facts::Parted(parted) => {
                let answered = Answered::default();
                parted.each_run(|answers| {
                    self.look(kept, Asked::Now(answers), Purpose::Answers(&sieve), &|at, part| {
                        answered.add(at, &part.answers, &part.ruled_out)
                    })
                })?;
                self.with(kept, Asked::Before(&answered), &sieve, take)
            }
        }
    }

    /// What correlations need of events.
    fn sieve(&self, kept: &KeptUnits) -> io::Result<Sieve> {
        let counts = |rule| kept.waiting_for(rule);
        let bare = Sieve::new(&self.config.rules, self.needs, self.wanted, &counts);
        let groups: Mutex<HashSet<Group>> = Mutex::default();
        self.look(kept, Asked::Nothing, Purpose::Groups(&bare), &|_, part| {
            groups.lock().unwrap_or_else(PoisonError::into_inner).extend(part.groups);
            Ok(())
        })?;
        let mut sieve = bare;
        groups
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .into_iter()
            .for_each(|group| sieve.add(group));
        Ok(sieve)
    }

    /// Judges and correlates, with all that can be asked at hand.
    fn with(&self, kept: &KeptUnits, asked: Asked<'_>, sieve: &Sieve, take: Take<'_>) -> io::Result<()> {
        let events: Mutex<correlate::Events<Match>> = Mutex::default();
        self.look(kept, asked, Purpose::Findings(sieve), &|_, mut part| {
            let more = std::mem::take(&mut part.events);
            if !more.is_empty() {
                let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
                more.into_iter().for_each(|(rule, event)| events.entry(rule).or_default().push(event));
            }
            take(part)
        })?;
        let events = events.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut alerts = correlate::run(&self.config.rules, self.needs, self.wanted, events, self.horizon);
        let rules = self.config.rules.rules.len();
        alerts.retain(|alert| self.roles.get(rules + alert.correlation).is_some_and(|role| role.is_emitted));
        self.tell(kept, asked, &alerts, take)
    }

    /// Alerts become findings.
    fn tell(
        &self,
        kept: &KeptUnits,
        asked: Asked<'_>,
        alerts: &[Alert<Match>],
        take: Take<'_>,
    ) -> io::Result<()> {
        let quoted = Quoted::by(alerts);
        let told = Mutex::new(Told::default());
        self.look(kept, asked, Purpose::Quotes(&quoted), &|_, part| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.cited.extend(part.cited);
            told.last.extend(part.told);
            Ok(())
        })?;
        let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
        alerts.iter().filter_map(|alert| self.alert(alert, &told)).try_for_each(take)
    }

    /// Looks at the kept records, as far as its purpose needs them. `take` is told the unit.
    fn look(
        &self,
        kept: &KeptUnits,
        asked: Asked<'_>,
        purpose: Purpose<'_>,
        take: &(dyn Fn(usize, Resolved) -> io::Result<()> + Sync),
    ) -> io::Result<()> {
        let wanted = |at: &usize| match purpose {
            Purpose::Groups(sieve) => kept.waits_for(*at, &|rule| sieve.is_anchor(rule)),
            Purpose::Answers(_) | Purpose::Findings(_) => true,
            Purpose::Quotes(quoted) => quoted.has_unit(*at),
        };
        (0..kept.len()).into_par_iter().filter(wanted).try_for_each(|at| {
            let Some(unit) = kept.unit(at)? else { return Ok(()) };
            let take = |part| take(at, part);
            match asked {
                Asked::Nothing => {
                    judge::unit(self, (at, unit), (Answers::Held(&Held::default()), purpose), &take)
                }
                Asked::Now(answers) => judge::unit(self, (at, unit), (answers, purpose), &take),
                Asked::Before(answered) => {
                    let held = answered.of(at)?;
                    judge::unit(self, (at, unit), (Answers::Held(&held), purpose), &take)
                }
            }
        })
    }

    /// An alert becomes a finding, unless a filter of the scan keeps it back.
    fn alert(&self, alert: &Alert<Match>, told: &Told) -> Option<Resolved> {
        let loaded = &self.config.rules;
        let correlation = loaded.correlations.get(alert.correlation)?;
        let rule = loaded.rules.len() + alert.correlation;
        let last = told.last.get(alert.event.records.last()?)?;
        let mut why: Vec<Fact> = correlation.group_by.iter().zip(&alert.group).map(group_fact).collect();
        why.push(Fact {
            field: correlate::measure_words(correlation),
            seen: Some(alert.measured.to_string()),
            expected: correlate::condition_words(correlation),
            note: None,
        });
        why.extend(last.why.iter().cloned());
        let events = cited(&alert.event.records, told);
        let hit = Hit { rule, time: Some(alert.event.time), events, why, ..last.clone() };
        Some(if self.settings.wants(&hit) {
            Resolved { hits: vec![hit], ..Resolved::default() }
        } else {
            Resolved { suppressed: vec![rule], ..Resolved::default() }
        })
    }
}

fn group_fact((field, value): (&String, &String)) -> Fact {
    Fact {
        field: field.clone(),
        seen: Some(value.clone()),
        expected: "is the same in all events".to_owned(),
        note: None,
    }
}

/// Each record once, in order.
fn cited(records: &[Match], told: &Told) -> Vec<Cited> {
    let mut seen = HashSet::new();
    let each = records.iter().map(|&(unit, number, _)| (unit, number));
    each.filter(|record| seen.insert(*record)).filter_map(|record| told.cited.get(&record).cloned()).collect()
}
