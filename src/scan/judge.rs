//! Judges the records of one unit: with all facts known, or with some.

use std::io;

use jiff::tz::TimeZone;

use super::facts::Answers;
use super::fields::ViewFields;
use super::kept::KeptUnit;
use super::program::{Ask, Program, SOURCE_IP};
use super::resolve::{Event, Purpose, Quoted, Resolved, Resolver, Take};
use super::session::Chunk;
use super::unit::{self, Cited, Hit, Kept, KeptRecord};
use crate::correlate::{Group, Sieve};
use crate::decode::csv;
use crate::decode::csv_view::{Columns, CsvView};
use crate::decode::fields::View;
use crate::decode::json::paths::Slot;
use crate::decode::json::records::{Decoder, Handler, Options, Span};
use crate::decode::json::walk::Fault;
use crate::derive::zone::ZoneSource;
use crate::derive::{Answer, Question, Value, extract};
use crate::enrich::{Locate, Located};
use crate::event::{Fields, Scalar, SubField};
use crate::rule::derive::{Derivation, Kind};
use crate::rule::{Atom, Rule, Subject};

/// Looks at the records of a unit for a purpose; what that comes to goes to `take`.
///
/// # Errors
/// What `take` says.
pub(super) fn unit(
    resolver: &Resolver<'_>,
    (at, unit): (usize, KeptUnit),
    (answers, purpose): (Answers<'_>, Purpose<'_>),
    take: Take<'_>,
) -> io::Result<()> {
    let Some((source, columns)) = resolver.inputs.get(&unit.input) else { return Ok(()) };
    let Some(program) = resolver.programs.get(*source).copied().flatten() else { return Ok(()) };
    let KeptUnit { input, before, kept: Kept { entries, rules: names, bytes } } = unit;
    let chunk = Chunk::new(bytes, 0);
    let mut judge = Judge {
        resolver,
        answers,
        purpose,
        program,
        input,
        before,
        entries: &entries,
        names: &names,
        number: at,
        next: 0,
        rules: 0,
        out: Resolved::default(),
        take,
        failed: None,
    };
    match columns {
        Some(columns) => judge.csv(&chunk, columns),
        None => judge.json(&chunk),
    }
    judge.give();
    judge.failed.map_or(Ok(()), Err)
}

/// Judges the records of one unit.
struct Judge<'a> {
    resolver: &'a Resolver<'a>,
    answers: Answers<'a>,
    purpose: Purpose<'a>,
    program: &'a Program,
    /// Index of the input, and how many of its records stand before the unit.
    input: usize,
    before: u64,
    entries: &'a [KeptRecord],
    /// Indexes of rules, those of each entry together.
    names: &'a [u32],
    /// Number of the unit.
    number: usize,
    next: usize,
    rules: usize,
    out: Resolved,
    take: Take<'a>,
    /// Why results were not taken.
    failed: Option<io::Error>,
}

impl Judge<'_> {
    fn json(&mut self, chunk: &Chunk) {
        let content = chunk.bytes.get(..chunk.len).unwrap_or_default();
        let whole_lines =
            !self.is_choosy() && memchr::memchr_iter(b'\n', content).count() == self.entries.len();
        let table = &self.program.table;
        let mut decoder = Decoder::new(Options {
            isa: self.resolver.settings.isa(),
            templates: whole_lines,
            all_leaves: self.program.reads_everything(),
            max_record: usize::MAX,
        });
        if whole_lines {
            decoder.begin();
            return decoder.lines(table, &chunk.bytes, chunk.len, self);
        }
        for entry in self.entries {
            if self.skips(entry) {
                continue;
            }
            decoder.value(table, content, entry.start..entry.start + entry.length, self);
        }
    }

    fn csv(&mut self, chunk: &Chunk, columns: &Columns) {
        let mut marks = csv::Marks::default();
        let block = chunk.bytes.get(..chunk.len).unwrap_or_default();
        let (layout, isa) = (columns.layout(usize::MAX), self.resolver.settings.isa());
        csv::Records::new(&chunk.bytes, chunk.len, layout, isa, &mut marks).each(|item| {
            if let csv::Item::Record { start, end, next, fields, .. } = item {
                let view = CsvView { block, table: &self.program.table, columns, fields };
                self.record(Span { start, end, next }, &view);
            }
        });
    }

    fn judge<V: View>(&mut self, entry: &KeptRecord, view: &V, record: &[u8], rule: usize) {
        let resolver = self.resolver;
        let place = (self.number, self.next, rule);
        let Some(of) = resolver.config.rules.rules.get(rule) else { return };
        let Some(role) = resolver.roles.get(rule) else { return };
        let (sieve, asks_alone) = match self.purpose {
            Purpose::Groups(sieve) => return self.tell_groups(sieve, view, rule),
            Purpose::Quotes(quoted) => return self.quote(quoted, (rule, of), entry, view, record),
            Purpose::Answers(sieve) => (sieve, true),
            Purpose::Findings(sieve) => (sieve, false),
        };
        let is_event = role.is_member && sieve.passes(rule, &|at, with| self.with_need(view, rule, at, with));
        if self.answers.is_ruled_out(place) || !(is_event || role.is_stateful && role.is_emitted) {
            return;
        }
        let brief = resolver.settings.is_brief();
        if brief && !is_event && !resolver.settings.wants_record(entry.time, view) {
            return;
        }
        let fields = ViewFields::new(view, self.program, record);
        let mut late = Late { fields: &fields, answers: Vec::new(), located: None };
        if role.is_stateful {
            if asks_alone {
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
        } else if asks_alone {
            return;
        }
        if is_event {
            self.event(entry, view, rule);
        }
        if !(role.is_stateful && role.is_emitted) {
            return;
        }
        let hit = self.hit((rule, of), entry, view, record);
        if resolver.settings.wants(&hit) {
            self.out.hits.push(hit);
        } else {
            self.out.suppressed.push(rule);
        }
    }

    /// Whether it looks at single records.
    fn is_choosy(&self) -> bool {
        matches!(self.purpose, Purpose::Groups(_) | Purpose::Quotes(_))
    }

    /// Goes past a record that its purpose does not need; whether it did.
    fn skips(&mut self, entry: &KeptRecord) -> bool {
        let names = self.names.get(self.rules..self.rules + entry.rules as usize).unwrap_or_default();
        let mut rules = names.iter().map(|&rule| rule as usize);
        let is_needed = match self.purpose {
            Purpose::Groups(sieve) => rules.any(|rule| sieve.is_anchor(rule)),
            Purpose::Answers(_) | Purpose::Findings(_) => true,
            Purpose::Quotes(quoted) => rules.any(|rule| quoted.has((self.number, self.next + 1, rule))),
        };
        if !is_needed {
            self.next += 1;
            self.rules += entry.rules as usize;
        }
        !is_needed
    }

    /// Tells the groups of a rare match.
    fn tell_groups<V: View>(&mut self, sieve: &Sieve, view: &V, rule: usize) {
        let value = |at: usize, with: &mut dyn FnMut(&str)| self.with_need(view, rule, at, with);
        let groups: Vec<Group> = sieve.told_by(rule, &value).collect();
        self.out.groups.extend(groups);
    }

    /// Gives one of the values that correlations ask of a rule's events to `with`, if there is one.
    fn with_need<V: View>(&self, view: &V, rule: usize, at: usize, with: &mut dyn FnMut(&str)) {
        let name = self.resolver.needs.get(rule).and_then(|names| names.get(at));
        if let Some(field) = name.and_then(|name| self.program.table.find(name)) {
            extract::text(view, field, |text| {
                with(text);
                Some(())
            });
        }
    }

    /// What a finding says of a match.
    fn hit<V: View>(&self, (rule, of): (usize, &Rule), entry: &KeptRecord, view: &V, record: &[u8]) -> Hit {
        let fields = ViewFields::new(view, self.program, record);
        let hit = unit::hit(&fields, entry.time, self.cited(entry, record));
        if self.resolver.settings.is_brief() {
            return Hit { rule, ..hit };
        }
        let mut late = Late { fields: &fields, answers: Vec::new(), located: None };
        if self.resolver.roles.get(rule).is_some_and(|role| role.is_stateful) {
            late.answers = self.ask((rule, of), entry, view, true);
            late.locate(view, self.resolver.locate);
        }
        Hit { rule, why: of.facts(&late), ..hit }
    }

    fn cited(&self, entry: &KeptRecord, record: &[u8]) -> Cited {
        if self.resolver.settings.is_brief() {
            return entry.place(self.input, self.before);
        }
        entry.cited(self.input, self.before, record)
    }

    /// Tells what alerts say of a match that they rest on.
    fn quote<V: View>(
        &mut self,
        quoted: &Quoted,
        (rule, of): (usize, &Rule),
        entry: &KeptRecord,
        view: &V,
        record: &[u8],
    ) {
        let place = (self.number, self.next, rule);
        if !quoted.has(place) {
            return;
        }
        self.out.cited.push(((self.number, self.next), self.cited(entry, record)));
        if quoted.last.contains(&place) {
            self.out.told.push((place, self.hit((rule, of), entry, view, record)));
        }
    }

    /// Gives on what there is.
    fn give(&mut self) {
        let part = std::mem::take(&mut self.out);
        if let Err(error) = (self.take)(part) {
            self.failed.get_or_insert(error);
        }
    }

    /// A match as correlations see it; one without a time is none.
    fn event<V: View>(&mut self, entry: &KeptRecord, view: &V, rule: usize) {
        let Some(time) = entry.time else { return };
        let fields = self.resolver.needs.get(rule).map_or(&[][..], Vec::as_slice);
        let values = fields.iter().map(|name| self.value(view, name)).collect();
        let records = vec![(self.number, self.next, rule)];
        self.out.events.push((rule, Event { time, values, order: (self.input, entry.offset), records }));
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
        let Some(entry) = self.entries.get(self.next) else { return };
        self.next += 1;
        let record = view.block().get(span.start as usize..span.end as usize).unwrap_or_default();
        let rules = self.rules..self.rules + entry.rules as usize;
        self.rules = rules.end;
        for &rule in self.names.get(rules).unwrap_or_default() {
            self.judge(entry, view, record, rule as usize);
        }
        if self.out.is_much() {
            self.give();
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
