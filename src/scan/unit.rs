//! One unit of work: a run of whole records, read, evaluated and accounted for.

use std::hash::BuildHasher;

use serde::{Deserialize, Serialize};

use super::evaluate::Evaluator;
use super::fields::ViewFields;
use super::ledger::{Coverage, Duplicates, Range};
use super::program::{ACTION, ACTOR, Program, SOURCE_IP, TIME};
use super::{Engine, Settings};
use crate::decode::fields::{FieldId, Got, View};
use crate::decode::json::paths::Slot;
use crate::decode::json::records::{Handler, Span};
use crate::decode::json::walk::Fault;
use crate::decode::{Kind, Raw};
use crate::event::Scalar;
use crate::event::time::Timestamp;
use crate::finding::Fact;
use crate::rule::{Rule, set};
use crate::sys::hash;

/// Characters kept of an actor, address or action in a finding.
const MAX_SHOWN: usize = 512;

/// A rule's match on a record, before it is numbered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hit {
    /// Index into the loaded rules.
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
    /// Index of the input.
    pub input: usize,
    /// Number of the record, from 1: in the unit at first, in the input once it is merged.
    pub record: u64,
    /// Offset in the input.
    pub offset: u64,
    /// Bytes, without the line end.
    pub length: u64,
    /// Of exactly these bytes.
    pub sha256: String,
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
}

/// Takes a unit's records.
pub struct Reader<'a> {
    /// What the scan was asked for.
    pub settings: &'a Settings,
    /// Every loaded rule.
    pub rules: &'a [Rule],
    /// Those compiled for this source.
    pub program: &'a Program,
    /// The worker's evaluator.
    pub evaluator: &'a mut Evaluator,
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

    fn account(&mut self, span: Span) -> u64 {
        self.outcome.coverage.lines += u64::from(span.next > span.end);
        u64::from(span.next - span.start)
    }

    /// The record's time; what is wrong with it is noted.
    #[inline]
    fn time<V: View>(&mut self, span: Span, view: &V) -> Option<Timestamp> {
        let read = match view.get(TIME, &mut self.buffers.many) {
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
            self.settings.time.read(bytes).map_err(super::super::event::time::TimeError::reason)
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

    fn wanted(&self, time: Option<Timestamp>) -> bool {
        time.is_none_or(|time| {
            self.settings.since.is_none_or(|since| time.nanos >= since.nanos)
                && self.settings.until.is_none_or(|until| time.nanos < until.nanos)
        })
    }

    fn matches<V: View>(&mut self, view: &V, record: &[u8]) {
        match self.settings.engine {
            Engine::Fast => self.evaluator.evaluate(self.program, view, record, &mut self.buffers.matched),
            Engine::Strict => {
                let fields = ViewFields { view, table: &self.program.table, record };
                self.buffers.matched.clear();
                for (number, &rule) in self.program.rules.iter().enumerate() {
                    if self.rules.get(rule).is_some_and(|rule| rule.matches(&fields)) {
                        self.buffers.matched.push(number);
                    }
                }
            }
        }
    }

    #[inline(never)]
    fn hits<V: View>(&mut self, span: Span, view: &V, record: &[u8], time: Option<Timestamp>) {
        let matched = std::mem::take(&mut self.buffers.matched);
        let rules = matched.iter().filter_map(|&number| self.program.rules.get(number).copied());
        let actor = shown(view, ACTOR);
        let other =
            |account: &String| actor.as_ref().is_none_or(|actor| !actor.eq_ignore_ascii_case(account));
        if !self.wanted(time) || self.settings.account.as_ref().is_some_and(other) {
            self.outcome.suppressed.extend(rules);
            self.buffers.matched = matched;
            return;
        }
        let fields = ViewFields { view, table: &self.program.table, record };
        let hit = Hit {
            rule: 0,
            time: time.map(|time| (time.nanos, time.digits)),
            source_ip: shown(view, SOURCE_IP),
            action: shown(view, ACTION),
            actor,
            why: Vec::new(),
            input: self.input,
            record: self.outcome.coverage.records,
            offset: self.base + u64::from(span.start),
            length: u64::from(span.end - span.start),
            sha256: hash::sha256_hex(record),
        };
        for rule in rules {
            let why = self.rules.get(rule).map(|rule| rule.facts(&fields)).unwrap_or_default();
            self.outcome.hits.push(Hit { rule, why, ..hit.clone() });
        }
        self.buffers.matched = matched;
    }
}

impl Handler for Reader<'_> {
    #[inline]
    fn record<V: View>(&mut self, span: Span, view: &V) {
        self.outcome.coverage.parsed_bytes += self.account(span);
        self.outcome.coverage.records += 1;
        let time = self.time(span, view);
        let record = view.block().get(span.start as usize..span.end as usize).unwrap_or_default();
        if let Some(duplicates) = &mut self.outcome.duplicates {
            duplicates.insert(foldhash::quality::FixedState::default().hash_one(record));
        }
        self.matches(view, record);
        if !self.buffers.matched.is_empty() {
            self.hits(span, view, record, time);
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
fn shown<V: View>(view: &V, field: FieldId) -> Option<String> {
    let mut many = Vec::new();
    let raw = match view.get(field, &mut many) {
        Got::Absent => return None,
        Got::One(raw) => raw,
        Got::Many => *many.first()?,
    };
    let mut scratch = String::new();
    let text = raw.scalar(view.block(), &mut scratch).text()?;
    (!text.is_empty()).then(|| text.chars().take(MAX_SHOWN).collect())
}
