//! The second half of a scan: with all facts known, what was kept is judged; what matched is correlated.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use jiff::tz::TimeZone;
use rayon::prelude::*;

use super::facts::{Answers, Facts, Held, Match, Place};
use super::fields::ViewFields;
use super::kept::{KeptUnit, KeptUnits};
use super::program::{Ask, Program};
use super::session::Chunk;
use super::unit::{self, Cited, Hit, KeptRecord, Role};
use super::{Config, Settings};
use crate::correlate::{self, Alert};
use crate::decode::csv;
use crate::decode::csv_view::{Columns, CsvView};
use crate::decode::fields::{FieldId, View};
use crate::decode::json::paths::Slot;
use crate::decode::json::records::{Decoder, Handler, Options, Span};
use crate::decode::json::walk::Fault;
use crate::derive::zone::ZoneSource;
use crate::derive::{Answer, Plan, Question, Value, extract};
use crate::enrich::{Locate, Located};
use crate::event::{Fields, Scalar, SubField};
use crate::finding::Fact;
use crate::rule::derive::{Derivation, Kind};
use crate::rule::{Atom, Rule, Subject};

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

type Event = correlate::Event<Match>;

/// What judging came to.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) hits: Vec<Hit>,
    /// Rules, or correlations, whose matches a filter of the scan kept back.
    pub(super) suppressed: Vec<usize>,
    events: Vec<(usize, Event)>,
    /// What one part of the facts could answer.
    answers: Vec<(Place, Answer)>,
    /// Records that one part of the facts rules out for a rule.
    ruled_out: Vec<Match>,
    /// What findings say of matches that alerts cite.
    cited: Vec<(Match, Hit)>,
}

impl Resolver<'_> {
    /// Judges what was kept and correlates what matched.
    pub(super) fn resolve(&self, kept: &KeptUnits) -> io::Result<Resolved> {
        match self.facts {
            Facts::Whole(state) => self.with(kept, &Answers::Whole(state)),
            Facts::Parted(parted) => {
                let mut held = Held::default();
                parted.each_run(|answers| {
                    for part in self.look(kept, answers, None)? {
                        held.answers.extend(part.answers);
                        held.ruled_out.extend(part.ruled_out);
                    }
                    Ok(())
                })?;
                self.with(kept, &Answers::Held(&held))
            }
        }
    }

    /// Judges and correlates, with all that can be asked at hand.
    fn with(&self, kept: &KeptUnits, answers: &Answers<'_>) -> io::Result<Resolved> {
        let mut all = Resolved::default();
        let mut events: correlate::Events<Match> = BTreeMap::new();
        for part in self.look(kept, answers, None)? {
            all.hits.extend(part.hits);
            all.suppressed.extend(part.suppressed);
            for (rule, event) in part.events {
                events.entry(rule).or_default().push(event);
            }
        }
        let mut alerts = correlate::run(&self.config.rules, self.needs, self.wanted, events, self.horizon);
        let rules = self.config.rules.rules.len();
        alerts.retain(|alert| self.roles.get(rules + alert.correlation).is_some_and(|role| role.is_emitted));
        let cited: BTreeSet<Match> =
            alerts.iter().flat_map(|alert| alert.event.records.iter().copied()).collect();
        let mut told = BTreeMap::new();
        for part in self.look(kept, answers, Some(&cited))? {
            told.extend(part.cited);
        }
        alerts.iter().for_each(|alert| self.alert(alert, &told, &mut all));
        Ok(all)
    }

    /// Looks at every kept record, or at those that are `cited` alone.
    fn look(
        &self,
        kept: &KeptUnits,
        answers: &Answers<'_>,
        cited: Option<&BTreeSet<Match>>,
    ) -> io::Result<Vec<Resolved>> {
        let asked =
            |at: usize| cited.is_none_or(|cited| cited.range((at, 0, 0)..(at + 1, 0, 0)).next().is_some());
        let units = kept.units().par_iter().enumerate().filter(|(at, _)| asked(*at));
        units.map(|(at, unit)| Ok(self.unit((at, unit), kept.bytes(unit)?, answers, cited))).collect()
    }

    fn unit(
        &self,
        (at, unit): (usize, &KeptUnit),
        bytes: Vec<u8>,
        answers: &Answers<'_>,
        cited: Option<&BTreeSet<Match>>,
    ) -> Resolved {
        let Some((source, columns)) = self.inputs.get(&unit.input) else { return Resolved::default() };
        let Some(program) = self.programs.get(*source).copied().flatten() else { return Resolved::default() };
        let chunk = Chunk::new(bytes, 0);
        let judge = Judge {
            resolver: self,
            answers,
            cited,
            program,
            unit,
            number: at,
            next: 0,
            rules: 0,
            out: Resolved::default(),
        };
        match columns {
            Some(columns) => self.csv(judge, &chunk, columns),
            None => self.json(judge, &chunk),
        }
    }

    fn json(&self, mut judge: Judge<'_>, chunk: &Chunk) -> Resolved {
        let whole_lines = memchr::memchr_iter(b'\n', chunk.bytes.get(..chunk.len).unwrap_or_default())
            .count()
            == judge.unit.entries.len();
        let mut decoder = Decoder::new(Options {
            isa: self.settings.isa(),
            templates: whole_lines,
            all_leaves: judge.program.reads_everything(),
            max_record: usize::MAX,
        });
        if whole_lines {
            decoder.begin();
            decoder.lines(&judge.program.table, &chunk.bytes, chunk.len, &mut judge);
            return judge.out;
        }
        let content = chunk.bytes.get(..chunk.len).unwrap_or_default();
        for entry in &judge.unit.entries {
            decoder.value(&judge.program.table, content, entry.start..entry.start + entry.length, &mut judge);
        }
        judge.out
    }

    fn csv(&self, mut judge: Judge<'_>, chunk: &Chunk, columns: &Columns) -> Resolved {
        let mut marks = csv::Marks::default();
        let block = chunk.bytes.get(..chunk.len).unwrap_or_default();
        let layout = columns.layout(usize::MAX);
        let records = csv::Records::new(&chunk.bytes, chunk.len, layout, self.settings.isa(), &mut marks);
        records.each(|item| {
            if let csv::Item::Record { start, end, next, fields, .. } = item {
                let view = CsvView { block, table: &judge.program.table, columns, fields };
                judge.record(Span { start, end, next }, &view);
            }
        });
        judge.out
    }

    /// An alert becomes a finding.
    fn alert(&self, alert: &Alert<Match>, told: &BTreeMap<Match, Hit>, out: &mut Resolved) {
        let loaded = &self.config.rules;
        let Some(correlation) = loaded.correlations.get(alert.correlation) else { return };
        let rule = loaded.rules.len() + alert.correlation;
        let hits: Vec<&Hit> = alert.event.records.iter().filter_map(|record| told.get(record)).collect();
        let Some(last) = hits.last() else { return };
        let mut why: Vec<Fact> = correlation.group_by.iter().zip(&alert.group).map(group_fact).collect();
        why.push(Fact {
            field: correlate::measure_words(correlation),
            seen: Some(alert.measured.to_string()),
            expected: correlate::condition_words(correlation),
            note: None,
        });
        why.extend(last.why.iter().cloned());
        let hit = Hit { rule, time: Some(alert.event.time), events: cited(&hits), why, ..(*last).clone() };
        if self.settings.wants(&hit) {
            out.hits.push(hit);
        } else {
            out.suppressed.push(rule);
        }
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
fn cited(hits: &[&Hit]) -> Vec<Cited> {
    let mut seen = BTreeSet::new();
    let all = hits.iter().flat_map(|hit| &hit.events);
    all.filter(|record| seen.insert((record.input, record.offset))).cloned().collect()
}

/// Judges the records of one unit.
struct Judge<'a> {
    resolver: &'a Resolver<'a>,
    answers: &'a Answers<'a>,
    /// If given, these are told and nothing else.
    cited: Option<&'a BTreeSet<Match>>,
    program: &'a Program,
    unit: &'a KeptUnit,
    /// Number of the unit.
    number: usize,
    next: usize,
    rules: usize,
    out: Resolved,
}

impl Judge<'_> {
    fn judge<V: View>(&mut self, entry: &KeptRecord, view: &V, record: &[u8], rule: usize) {
        let resolver = self.resolver;
        let place = (self.number, self.next, rule);
        let Some(of) = resolver.config.rules.rules.get(rule) else { return };
        let Some(role) = resolver.roles.get(rule) else { return };
        if self.cited.is_some_and(|cited| !cited.contains(&place)) || self.answers.is_ruled_out(place) {
            return;
        }
        let brief = resolver.settings.is_brief();
        if brief && !role.is_member && !resolver.settings.wants_record(entry.time, view) {
            return;
        }
        let fields = ViewFields::new(view, self.program, record);
        let mut late = Late { fields: &fields, answers: Vec::new(), located: None };
        if role.is_stateful {
            if matches!(self.answers, Answers::Part { .. }) {
                late.answers = self.ask((rule, of), entry, view, false);
                return self.judge_part((rule, of), entry, view, late);
            }
            // What was derived rules most records out, and takes no look at the record.
            if !self.ask_in_turn((rule, of), entry, view, &mut late) {
                return;
            }
            late.locate(view, resolver.locate);
            if !of.matches(&late) {
                return;
            }
        } else if matches!(self.answers, Answers::Part { .. }) {
            return;
        }
        if self.cited.is_none() && role.is_member {
            self.event(entry, view, rule);
        }
        if self.cited.is_none() && !(role.is_stateful && role.is_emitted) {
            return;
        }
        let mut hit = if brief {
            unit::hit(&fields, entry.time, entry.place(self.unit.input, self.unit.before))
        } else {
            if role.is_stateful {
                late.answers = self.ask((rule, of), entry, view, true);
            }
            let cited = entry.cited(self.unit.input, self.unit.before, record);
            Hit { why: of.facts(&late), ..unit::hit(&fields, entry.time, cited) }
        };
        hit.rule = rule;
        if self.cited.is_some() {
            self.out.cited.push((place, hit));
        } else if resolver.settings.wants(&hit) {
            self.out.hits.push(hit);
        } else {
            self.out.suppressed.push(rule);
        }
    }

    /// A match as correlations see it; one without a time is none.
    fn event<V: View>(&mut self, entry: &KeptRecord, view: &V, rule: usize) {
        let Some(time) = entry.time else { return };
        let fields = self.resolver.needs.get(rule).map_or(&[][..], Vec::as_slice);
        let values = fields.iter().map(|name| self.value(view, name)).collect();
        let records = vec![(self.number, self.next, rule)];
        self.out.events.push((rule, Event { time, values, order: (self.unit.input, entry.offset), records }));
    }

    /// What one part of the facts says of a record: nothing, that the rule does not match, or answers for later.
    fn judge_part<V: View>(
        &mut self,
        (rule, of): (usize, &Rule),
        entry: &KeptRecord,
        view: &V,
        mut late: Late<'_>,
    ) {
        late.locate(view, self.resolver.locate);
        if late.answers.iter().all(Option::is_none) {
            return;
        }
        if !of.could(&of.condition, &late, &|atom| late.is_open(atom)) {
            self.out.ruled_out.push((self.number, self.next, rule));
            return;
        }
        for (at, answer) in self.ask((rule, of), entry, view, true).into_iter().enumerate() {
            if let Some(answer) = answer.filter(|answer| !answer.values.is_empty()) {
                self.out.answers.push(((self.number, self.next, rule, at), answer));
            }
        }
    }

    /// What is known for each of a rule's derivations; nothing where the record's time is not known.
    fn ask<V: View>(
        &self,
        (rule, of): (usize, &Rule),
        entry: &KeptRecord,
        view: &V,
        explain: bool,
    ) -> Vec<Option<Answer>> {
        let Some((time, _)) = entry.time else { return Vec::new() };
        let asks = self.compiled(rule, &self.program.asks);
        let derivations = of.derived.iter().zip(asks).enumerate();
        let when = When { time, explain };
        derivations
            .map(|(at, (derivation, ask))| self.answer((rule, at), (derivation, ask), when, view))
            .collect()
    }

    /// What a list that is by the program's rules has for a rule.
    fn compiled<'t, T>(&self, rule: usize, of: &'t [Vec<T>]) -> &'t [T] {
        let number = self.program.rules.binary_search(&rule).ok();
        number.and_then(|number| of.get(number)).map_or(&[], Vec::as_slice)
    }

    /// Asks for one derivation after the other, the cheap ones first, until the rule is ruled out; whether it is not.
    fn ask_in_turn<V: View>(
        &self,
        (rule, of): (usize, &Rule),
        entry: &KeptRecord,
        view: &V,
        late: &mut Late<'_>,
    ) -> bool {
        let Some((time, _)) = entry.time else {
            return of.could(&of.condition, late, &|atom| !atom.is_derived());
        };
        let asks = self.compiled(rule, &self.program.asks);
        let when = When { time, explain: false };
        late.answers = vec![None; of.derived.len()];
        for &at in self.compiled(rule, &self.program.turns) {
            let (Some(derivation), Some(ask), Some(slot)) =
                (of.derived.get(at), asks.get(at), late.answers.get_mut(at))
            else {
                continue;
            };
            *slot = Some(self.answer((rule, at), (derivation, ask), when, view).unwrap_or_default());
            if !of.could(&of.condition, late, &|atom| !atom.is_derived() || late.is_open(atom)) {
                return false;
            }
        }
        true
    }

    fn value<V: View>(&self, view: &V, name: &str) -> Option<String> {
        let field = self.program.table.find(name)?;
        extract::text(view, field, |text| Some(text.to_owned()))
    }
}

impl Handler for Judge<'_> {
    fn record<V: View>(&mut self, span: Span, view: &V) {
        let unit = self.unit;
        let Some(entry) = unit.entries.get(self.next) else { return };
        self.next += 1;
        let record = view.block().get(span.start as usize..span.end as usize).unwrap_or_default();
        let rules = self.rules..self.rules + entry.rules as usize;
        self.rules = rules.end;
        for &rule in unit.rules.get(rules).unwrap_or_default() {
            self.judge(entry, view, record, rule as usize);
        }
    }

    fn blank(&mut self, _: Span) {}

    fn rejected(&mut self, _: Span, _: Fault) {}

    fn saw(&mut self, _: Slot) {}

    fn duplicate_keys(&mut self, _: u32) {}
}

/// When a record was, and whether the answer is to say what it rests on.
#[derive(Clone, Copy)]
struct When {
    time: i64,
    explain: bool,
}

impl Judge<'_> {
    fn answer<V: View>(
        &self,
        (rule, at): (usize, usize),
        (derivation, ask): (&Derivation, &Ask),
        when: When,
        view: &V,
    ) -> Option<Answer> {
        let locate = self.resolver.locate;
        let key = extract::key(view, &ask.per);
        let value = match (&derivation.kind, ask.value) {
            (Kind::FirstSeen { view: seen, .. }, Some(field)) => {
                extract::text(view, field, |text| extract::seen(text, *seen, locate))
            }
            _ => None,
        };
        let origin = ask.origin.and_then(|fields| extract::origin(view, fields, locate));
        let zone = ask
            .is_local
            .then(|| self.zone((rule, at), derivation, key.as_deref(), when.time, view))
            .flatten();
        let question = Question {
            time: when.time,
            key: key.as_deref(),
            value: value.as_deref(),
            origin: origin.as_ref(),
            zone: zone.as_ref().map(|(zone, source)| (zone, *source)),
            table: self.resolver.plan.table_of(rule, at),
            explain: when.explain,
        };
        self.answers.answer((self.number, self.next, rule, at), derivation, &question)
    }

    /// The zone of the key: profile, else learned, else of the record's address, else the organisation's.
    fn zone<V: View>(
        &self,
        (rule, at): (usize, usize),
        derivation: &Derivation,
        key: Option<&str>,
        time: i64,
        view: &V,
    ) -> Option<(TimeZone, ZoneSource)> {
        let key = key?;
        let resolver = self.resolver;
        if let Some(zone) = resolver.config.profile.zone_of(key) {
            return Some((zone.clone(), ZoneSource::Profile));
        }
        let named = |name: String, source| Some((TimeZone::get(&name).ok()?, source));
        let learned = resolver.plan.zones_of(rule, at);
        let learned = learned.and_then(|table| self.answers.learned_zone(table, key, derivation, time));
        let geo = || {
            let address = extract::text(view, SOURCE_IP, extract::address)?;
            named(resolver.locate?.locate(address).time_zone?, ZoneSource::Geo)
        };
        let organisation = resolver.config.profile.zone.clone().unwrap_or(TimeZone::UTC);
        let learned = learned.and_then(|name| named(name, ZoneSource::Learned));
        learned.or_else(geo).or(Some((organisation, ZoneSource::Organisation)))
    }
}

const SOURCE_IP: FieldId = super::program::SOURCE_IP;

/// A record's fields together with what was derived for it, and what databases say of its address.
struct Late<'a> {
    fields: &'a dyn Fields,
    answers: Vec<Option<Answer>>,
    located: Option<Located>,
}

impl Late<'_> {
    /// Whether an atom reads a derived value that was not asked for yet.
    fn is_open(&self, atom: &Atom) -> bool {
        let Subject::Derived { at, .. } = &atom.subject else { return false };
        self.answers.get(*at).is_none_or(Option::is_none)
    }

    fn locate<V: View>(&mut self, view: &V, locate: Option<&dyn Locate>) {
        let address = extract::text(view, SOURCE_IP, extract::address);
        self.located = address.zip(locate).map(|(address, locate)| locate.locate(address));
    }
}

impl Fields for Late<'_> {
    fn values(&self, name: &str, each: &mut dyn FnMut(Scalar<'_>)) {
        let mut found = false;
        self.fields.values(name, &mut |value| {
            found = true;
            each(value);
        });
        if let Some(value) = self.located.as_ref().filter(|_| !found).and_then(|located| located.field(name))
        {
            each(Scalar::Str(&value));
        }
    }

    fn derived(&self, at: usize, sub: SubField, each: &mut dyn FnMut(Scalar<'_>)) {
        match self.answers.get(at).and_then(|answer| answer.as_ref()?.value(sub)) {
            None => {}
            Some(Value::Bool(truth)) => each(Scalar::Bool(*truth)),
            Some(Value::Number(number)) => each(Scalar::Number(&number.to_string())),
            Some(Value::Text(text)) => each(Scalar::Str(text)),
        }
    }

    fn note(&self, at: usize) -> Option<String> {
        self.answers.get(at)?.as_ref()?.note.clone()
    }

    fn all_values(&self, each: &mut dyn FnMut(Scalar<'_>)) {
        self.fields.all_values(each);
    }
}
