//! One unit of work: a run of whole records, read, evaluated and accounted for.

use std::hash::BuildHasher;

use serde::{Deserialize, Serialize};

use super::evaluate::Evaluator;
use super::fields::ViewFields;
use super::ledger::{Coverage, Duplicates, Range};
use super::program::{ACTION, ACTOR, Program, SOURCE_IP, TIME, is_late};
use super::prune;
use super::rows::{Rows, is_of};
use super::{Engine, Settings};
use crate::decode::fields::{FieldId, Got, View};
use crate::decode::json::paths::Slot;
use crate::decode::json::records::{Handler, Span};
use crate::decode::json::walk::Fault;
use crate::decode::{Kind, Raw};
use crate::derive::{Known, Recorder, Usual, extract, local_hour, usual_day};
use crate::enrich::Locate;
use crate::event::Scalar;
use crate::event::time::Timestamp;
use crate::finding::Fact;
use crate::rule::derive::{self, DAY};
use crate::rule::{Atom, Rule, set};
use crate::sys::hash;

/// Characters kept of an actor, address or action in a finding.
const MAX_SHOWN: usize = 512;

/// A record that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cited {
    /// Index of the input.
    pub input: usize,
    /// Offset in the input.
    pub offset: u64,
    /// Bytes, without the line end.
    pub length: u64,
    /// Number of the record in the input, from 1.
    pub record: u64,
    /// Of exactly these bytes.
    pub sha256: String,
}

/// A rule's match on a record, before it is numbered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hit {
    /// Index into the loaded rules, then into the correlations.
    pub rule: usize,
    /// Nanoseconds and digits of the event's time.
    pub time: Option<(i64, u8)>,
    /// `user.email`.
    pub actor: Option<String>,
    /// `source.ip`.
    pub source_ip: Option<String>,
    /// `event.action`.
    pub action: Option<String>,
    /// Why it matched.
    pub why: Vec<Fact>,
    /// The records it rests on, in order; the last is the one that completed it. The record's number counts in the
    /// unit at first, in the input once it is merged.
    pub events: Vec<Cited>,
}

/// Records of a unit that can only be judged when everything is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// In order.
    pub entries: Vec<KeptRecord>,
    /// Indexes of rules, those of each entry together.
    pub rules: Vec<u32>,
    /// Raw records, each followed by a newline.
    pub bytes: Vec<u8>,
}

/// One such record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRecord {
    /// Nanoseconds and digits of its time.
    pub time: Option<(i64, u8)>,
    /// Its number in the unit, from 1.
    pub record: u64,
    /// Its offset in the input.
    pub offset: u64,
    /// Where its bytes start in [`Kept::bytes`].
    pub start: usize,
    /// How many there are.
    pub length: usize,
    /// How many of [`Kept::rules`] are its.
    pub rules: u32,
}

impl Kept {
    fn add(&mut self, record: KeptRecord, bytes: &[u8], rules: impl Iterator<Item = usize>) {
        let before = self.rules.len();
        self.rules.extend(rules.filter_map(|rule| u32::try_from(rule).ok()));
        let count = u32::try_from(self.rules.len() - before).unwrap_or(u32::MAX);
        if count > 0 {
            self.entries.push(KeptRecord { start: self.bytes.len(), rules: count, ..record });
            self.bytes.extend_from_slice(bytes);
            self.bytes.push(b'\n');
        }
    }
}

/// What a unit came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Its bytes.
    pub coverage: Coverage,
    /// Its matches, in order.
    pub hits: Vec<Hit>,
    /// Raw paths that its records had, as a bit set.
    pub slots: Vec<u64>,
    /// Fingerprints, where they are counted.
    pub duplicates: Option<Duplicates>,
    /// Matches by rule that a filter kept back.
    pub suppressed: Vec<usize>,
    /// Records that can only be judged when everything is read.
    pub kept: Kept,
    /// The values that were asked for.
    pub rows: Rows,
}

/// What is done with the matches of a rule or correlation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Role {
    /// They are findings.
    pub is_emitted: bool,
    /// They are events of correlations.
    pub is_member: bool,
    /// They depend on what came before.
    pub is_stateful: bool,
}

impl Role {
    /// They are findings as soon as they are seen.
    pub fn is_plain(self) -> bool {
        self.is_emitted && !self.is_stateful
    }
}

/// Takes a unit's records.
pub struct Reader<'a> {
    /// What the scan was asked for.
    pub settings: &'a Settings,
    /// Every loaded rule.
    pub rules: &'a [Rule],
    /// What is done with the matches of each.
    pub roles: &'a [Role],
    /// Those compiled for this source.
    pub program: &'a Program,
    /// Tells where addresses are.
    pub locate: Option<&'a dyn Locate>,
    /// The worker's evaluator.
    pub evaluator: &'a mut Evaluator,
    /// The worker's facts.
    pub recorder: &'a mut Recorder,
    /// Index of the input.
    pub input: usize,
    /// Offset of the current block in the input.
    pub base: u64,
    /// What it comes to.
    pub outcome: Outcome,
    /// Scratch.
    pub buffers: &'a mut Buffers,
}

/// Scratch of a worker.
#[derive(Default)]
pub struct Buffers {
    matched: Vec<usize>,
    many: Vec<Raw>,
    text: String,
    hour: i64,
}

impl Reader<'_> {
    /// Bytes that are no record and no fault: byte order marks, brackets and commas between records.
    pub fn filler(&mut self, bytes: u64) {
        self.outcome.coverage.blank_bytes += bytes;
    }

    /// A range that could not be read as a record, at its offset in the input.
    pub fn reject(&mut self, offset: u64, length: u64, reason: &'static str) {
        let number = Some(self.outcome.coverage.lines + 1);
        self.outcome.coverage.reject(Range { offset, length, number, reason });
    }

    fn strange(&mut self) {
        let coverage = &mut self.outcome.coverage;
        coverage.strange = (coverage.strange.0 + 1, coverage.strange.1.or(Some(coverage.records)));
    }

    fn account(&mut self, span: Span) -> u64 {
        self.outcome.coverage.lines += u64::from(span.next > span.end);
        u64::from(span.next - span.start)
    }

    /// The record's time; what is wrong with it is noted.
    #[inline]
    fn time<V: View>(&mut self, span: Span, view: &V) -> Option<Timestamp> {
        let read = match view.get(TIME, &mut self.buffers.many) {
            Got::Absent if self.program.is_calendar => return None,
            Got::One(raw) if self.program.is_calendar && is_blank(view.block(), raw) => return None,
            Got::Absent => Err("the record has no time"),
            Got::Many => Err("the record has several times"),
            Got::One(raw) => self.read_time(view.block(), raw),
        };
        match read {
            Ok(time) => {
                self.note_time(time);
                Some(time)
            }
            Err(reason) => {
                let (offset, length) = (self.base + u64::from(span.start), u64::from(span.end - span.start));
                let number = Some(self.outcome.coverage.records);
                self.outcome.coverage.untimed.push(Range { offset, length, number, reason });
                None
            }
        }
    }

    #[inline]
    fn read_time(&mut self, block: &[u8], raw: Raw) -> Result<Timestamp, &'static str> {
        let bytes = raw.bytes(block);
        let read = |bytes: &[u8]| {
            let settings = self.settings;
            let read = if self.program.is_calendar {
                settings.time.read_day(bytes, &settings.day_zone)
            } else {
                settings.time.read(bytes)
            };
            read.map_err(super::super::event::time::TimeError::reason)
        };
        match raw.kind {
            Kind::JsonString | Kind::CsvPlain | Kind::Number => match read(bytes) {
                Err(_) if bytes.contains(&b'\\') => match raw.scalar(block, &mut self.buffers.text) {
                    Scalar::Str(text) => read(text.as_bytes()),
                    _ => Err("the time is not text or a number"),
                },
                result => result,
            },
            Kind::CsvEscaped | Kind::True | Kind::False | Kind::Null | Kind::Container => {
                Err("the time is not text or a number")
            }
        }
    }

    /// Keeps first, last and hours; most events fall into the hour of the one before, between first and last.
    #[inline]
    fn note_time(&mut self, time: Timestamp) {
        let coverage = &mut self.outcome.coverage;
        let hour = time.nanos.div_euclid(3_600_000_000_000);
        let inside = coverage.first_time.is_some_and(|first| first <= time)
            && coverage.last_time.is_some_and(|last| time <= last);
        if !inside || hour != self.buffers.hour {
            self.buffers.hour = hour;
            coverage.event_at(time);
        }
    }

    fn matches<V: View>(&mut self, view: &V, record: &[u8]) {
        match self.settings.engine {
            Engine::Fast => self.evaluator.evaluate(self.program, view, record, &mut self.buffers.matched),
            Engine::Strict => {
                let fields = ViewFields::new(view, self.program, record);
                let unknown = |atom: &Atom| is_late(atom, self.settings.places);
                self.buffers.matched.clear();
                for (number, &rule) in self.program.rules.iter().enumerate() {
                    if self.rules.get(rule).is_some_and(|rule| rule.could(&rule.condition, &fields, &unknown))
                    {
                        self.buffers.matched.push(number);
                    }
                }
                for (number, (rule, expr)) in self.program.filters() {
                    if self.rules.get(*rule).is_some_and(|rule| rule.could(expr, &fields, &unknown)) {
                        self.buffers.matched.push(number);
                    }
                }
            }
        }
    }

    /// Where the current record is.
    fn kept(&self, span: Span, record: &[u8], time: Option<Timestamp>) -> KeptRecord {
        KeptRecord {
            time: time.map(|time| (time.nanos, time.digits)),
            record: self.outcome.coverage.records,
            offset: self.base + u64::from(span.start),
            start: 0,
            length: record.len(),
            rules: 0,
        }
    }

    #[inline(never)]
    fn project<V: View>(&mut self, span: Span, view: &V, record: &[u8], time: Option<Timestamp>) {
        let settings = self.settings;
        let Some(wanted) = &settings.projection else { return };
        if time.is_some_and(|time| !settings.is_in_time(time.nanos)) {
            return;
        }
        let kept = self.kept(span, record, time);
        let fields = ViewFields::new(view, self.program, record);
        let rows = &mut self.outcome.rows;
        let scratch = (&mut self.buffers.many, &mut self.buffers.text);
        if rows.add(wanted, &self.program.projected, &fields, (kept, time), scratch)
            && wanted.brief
            && settings.account.as_ref().is_none_or(|account| is_of(view, account))
        {
            let row = rows.len() - 1;
            let rules = self.buffers.matched.iter().filter_map(|&number| self.program.rules.get(number));
            let plain = rules.filter(|&&rule| self.roles.get(rule).is_some_and(|role| role.is_plain()));
            rows.matches.extend(plain.map(|&rule| (row, rule)));
        }
    }

    #[inline(never)]
    fn hits<V: View>(&mut self, span: Span, view: &V, record: &[u8], time: Option<Timestamp>) {
        let matched = std::mem::take(&mut self.buffers.matched);
        let rules = matched.iter().filter_map(|&number| self.program.rules.get(number).copied());
        let role = |rule: &usize| self.roles.get(*rule).copied().unwrap_or_default();
        let kept = self.kept(span, record, time);
        // Where nobody counts what a filter keeps back, nothing of others is judged but for correlations.
        let is_wanted = !self.settings.is_brief() || self.settings.wants_record(kept.time, view);
        let waits = matched.iter().filter_map(|&number| {
            let rule = self.program.rules.get(number).copied()?;
            let role = role(&rule);
            let waits = role.is_member || (role.is_stateful && is_wanted);
            (waits && !(role.is_stateful && self.is_ruled_out(number, rule, time))).then_some(rule)
        });
        let waits: Vec<usize> = waits.collect();
        self.outcome.kept.add(kept, record, waits.into_iter());
        let plain = rules.filter(|rule| role(rule).is_plain());
        if !self.settings.is_brief() && plain.clone().next().is_some() {
            let cited = kept.cited(self.input, 0, record);
            let fields = ViewFields::new(view, self.program, record);
            let hit = hit(&fields, kept.time, cited);
            if !self.settings.wants(&hit) {
                self.outcome.suppressed.extend(plain);
                self.buffers.matched = matched;
                return;
            }
            for rule in plain {
                let why = self.rules.get(rule).map(|rule| rule.facts(&fields)).unwrap_or_default();
                self.outcome.hits.push(Hit { rule, why, ..hit.clone() });
            }
        }
        self.buffers.matched = matched;
    }
}

impl Reader<'_> {
    /// Whether what this worker noted decides already that a rule does not match.
    fn is_ruled_out(&mut self, number: usize, rule: usize, time: Option<Timestamp>) -> bool {
        let (Some(rule), Some(time)) = (self.rules.get(rule), time) else { return false };
        if self.settings.engine == Engine::Strict {
            return false;
        }
        let asks = self.program.asks.get(number).map_or(&[][..], Vec::as_slice);
        let Some(condition) = self.program.prunes.get(number) else { return false };
        prune::is_ruled_out(rule, condition, time.nanos, &mut |at| {
            let feed = asks.get(at).and_then(|ask| ask.feed);
            let Some(derivation) = rule.derived.get(at) else { return Known::default() };
            let Some(feed) = feed else {
                // No table: a value that no database tells, or one that needs no history.
                let absent = matches!(derivation.kind, derive::Kind::FirstSeen { .. });
                return Known { absent, ..Known::default() };
            };
            let start = time.nanos.div_euclid(DAY) - derivation.window_days;
            let mut known = self.recorder.known(feed, start, time.nanos);
            if let (derive::Kind::UsualHours { min_days }, Some(zone), false) =
                (&derivation.kind, &self.settings.only_zone, known.absent)
            {
                let asked = Usual { start, min_days: *min_days as usize, hour: local_hour(time.nanos, zone) };
                known.usual = self.recorder.is_usual(feed, asked, || usual_day(time.nanos, zone));
            }
            known
        })
    }
}

impl KeptRecord {
    /// The record as findings cite it, but for its digest; `before`: records of the input before the unit.
    pub fn place(&self, input: usize, before: u64) -> Cited {
        Cited {
            input,
            offset: self.offset,
            length: self.length as u64,
            record: before + self.record,
            sha256: String::new(),
        }
    }

    /// The record as findings cite it.
    pub fn cited(&self, input: usize, before: u64, bytes: &[u8]) -> Cited {
        Cited { sha256: hash::sha256_hex(bytes), ..self.place(input, before) }
    }
}

/// A match on a record, whatever the rule.
pub fn hit<V: View>(fields: &ViewFields<'_, V>, time: Option<(i64, u8)>, cited: Cited) -> Hit {
    let view = fields.view;
    let said = || fields.meanings.first(fields, "event.action").map(str::to_owned);
    Hit {
        rule: 0,
        time,
        source_ip: shown(view, SOURCE_IP),
        action: shown(view, ACTION).or_else(said),
        actor: shown(view, ACTOR),
        why: Vec::new(),
        events: vec![cited],
    }
}

impl Handler for Reader<'_> {
    #[inline]
    fn record<V: View>(&mut self, span: Span, view: &V) {
        self.outcome.coverage.parsed_bytes += self.account(span);
        self.outcome.coverage.records += 1;
        if self.program.has_actions && matches!(view.get(ACTION, &mut self.buffers.many), Got::Absent) {
            self.strange();
        }
        let time = self.time(span, view);
        let record = view.block().get(span.start as usize..span.end as usize).unwrap_or_default();
        if let Some(duplicates) = &mut self.outcome.duplicates {
            duplicates.insert(foldhash::quality::FixedState::default().hash_one(record));
        }
        self.matches(view, record);
        let is_fact =
            |time: &Timestamp| self.settings.facts_until.is_none_or(|until| time.nanos < until.nanos);
        if let Some(time) = time.filter(is_fact) {
            self.recorder.record(view, time, &self.buffers.matched, self.locate);
        }
        // Rules come first; the others are conditions of facts.
        if self.buffers.matched.first().is_some_and(|&number| number < self.program.rules.len()) {
            self.hits(span, view, record, time);
        }
        if self.settings.projection.is_some() {
            self.project(span, view, record, time);
        }
    }

    fn blank(&mut self, span: Span) {
        self.outcome.coverage.blank_bytes += self.account(span);
        self.outcome.coverage.blank_lines += 1;
    }

    fn rejected(&mut self, span: Span, fault: Fault) {
        self.reject(self.base + u64::from(span.start), u64::from(span.next - span.start), fault.reason);
        self.account(span);
    }

    fn saw(&mut self, slot: Slot) {
        let word = usize::from(slot) / 64;
        if self.outcome.slots.len() <= word {
            self.outcome.slots.resize(word + 1, 0);
        }
        set(&mut self.outcome.slots, usize::from(slot));
    }

    fn duplicate_keys(&mut self, count: u32) {
        self.outcome.coverage.duplicate_keys += u64::from(count);
    }
}

/// The first text of a field, shortened.
/// Whether a field that is there says nothing.
fn is_blank(block: &[u8], raw: Raw) -> bool {
    raw.kind == Kind::Null || raw.bytes(block).trim_ascii().is_empty()
}

fn shown<V: View>(view: &V, field: FieldId) -> Option<String> {
    extract::text(view, field, |text| Some(text.chars().take(MAX_SHOWN).collect()))
}
