//! Which rules a record satisfies: each field's value is judged once and remembered.
//!
//! A value's *class* is the set of a field's tests that it passes. For every class it is known which rules can still be
//! true whatever the other fields say (three-valued logic over the condition). A record's candidates are what all its
//! fields leave. What those come to is a function of the classes alone, and is remembered as well. No rule is ever
//! ruled out that could be true.

use std::hash::BuildHasher;

use hashbrown::{HashMap, HashTable};

use super::program::{AtomPlace, Column, Looks, Program, is_set};
use crate::decode::fields::{FieldId, Got, View};
use crate::decode::{Kind, Raw};
use crate::event::Scalar;
use crate::rule::{Scratch, set};

/// Longer values are judged each time: they rarely come back.
const MAX_REMEMBERED: usize = 1024;
/// Values remembered for one field; then the memory starts afresh.
const MAX_VALUES: usize = 1 << 15;
/// Bytes of values remembered for one field.
const MAX_BYTES: usize = 1 << 20;
/// Distinct classes of one field.
const MAX_CLASSES: usize = 1 << 12;
/// Combinations of classes whose outcome is remembered.
const MAX_OUTCOMES: usize = 1 << 15;

/// The class of an absent field: it passes no test.
const ABSENT: u32 = 0;
const UNKNOWN: u32 = u32::MAX;

struct Class {
    tests: Box<[u64]>,
    candidates: Box<[u64]>,
}

struct Remembered {
    hash: u64,
    start: u32,
    length: u32,
    kind: Kind,
    class: u32,
}

/// What is known of one field's values.
#[derive(Default)]
struct Memory {
    classes: Vec<Class>,
    by_tests: HashMap<Box<[u64]>, u32>,
    values: HashTable<Remembered>,
    bytes: Vec<u8>,
}

/// Evaluates records of one program; one for each worker.
pub struct Evaluator {
    memories: Vec<Memory>,
    /// This record's class of each column.
    classes: Vec<u32>,
    candidates: Vec<u64>,
    /// What combinations of classes come to: the rules that match.
    outcomes: HashMap<Box<[u32]>, Box<[usize]>, foldhash::fast::RandomState>,
    tests: Vec<u64>,
    many: Vec<Raw>,
    scratch: Scratch,
    text: String,
    /// Seeded anew in every process: the attacker writes the keys.
    hasher: foldhash::fast::RandomState,
}

impl Evaluator {
    /// An evaluator that remembers nothing yet.
    pub fn new(program: &Program) -> Self {
        let mut evaluator = Self {
            memories: Vec::new(),
            classes: vec![UNKNOWN; program.columns.len()],
            candidates: vec![0; program.words()],
            outcomes: HashMap::default(),
            tests: Vec::new(),
            many: Vec::new(),
            scratch: Scratch::default(),
            text: String::new(),
            hasher: foldhash::fast::RandomState::default(),
        };
        for (at, column) in program.columns.iter().enumerate() {
            let mut memory = Memory::default();
            memory.forget(program, at, column);
            evaluator.memories.push(memory);
        }
        evaluator
    }

    /// Puts the program's conditions that `view` satisfies into `matched`, in order.
    #[inline]
    pub fn evaluate<V: View>(
        &mut self,
        program: &Program,
        view: &V,
        record: &[u8],
        matched: &mut Vec<usize>,
    ) {
        matched.clear();
        fill(&mut self.candidates, program.conditions.len());
        self.classes.fill(UNKNOWN);
        for &at in &program.order {
            let Some(column) = program.columns.get(at) else { continue };
            if !meet(&self.candidates, &column.readers) {
                continue;
            }
            let class = self.class(program, at, column, view, record);
            let Some(class) = self.memories.get(at).and_then(|memory| memory.classes.get(class as usize))
            else {
                continue;
            };
            let mut any = 0;
            for (word, keep) in self.candidates.iter_mut().zip(&class.candidates) {
                *word &= keep;
                any |= *word;
            }
            if any == 0 {
                return;
            }
        }
        // Every column that a remaining candidate reads was looked at above.
        if program.compares_fields {
            return self.settle(program, view, record, matched);
        }
        if let Some(known) = self.outcomes.get(self.classes.as_slice()) {
            matched.extend_from_slice(known);
            return;
        }
        self.settle(program, view, record, matched);
        if self.outcomes.len() >= MAX_OUTCOMES {
            self.outcomes.clear();
        }
        self.outcomes.insert(self.classes.as_slice().into(), matched.as_slice().into());
    }

    /// Evaluates the remaining candidates exactly.
    #[inline(never)]
    fn settle<V: View>(&mut self, program: &Program, view: &V, record: &[u8], matched: &mut Vec<usize>) {
        for (number, condition) in program.conditions.iter().enumerate() {
            if !is_set(&self.candidates, number) {
                continue;
            }
            let holds = condition.holds(&mut |place| match place {
                AtomPlace::Bit { column, bit } => self.bit(program, *column, *bit, view, record),
                AtomPlace::Pair { test, field, other } => {
                    pair_holds(view, *field, *other, &|left, right| test.eval_pair(left, right))
                }
            });
            if holds {
                matched.push(number);
            }
        }
    }

    fn bit<V: View>(&mut self, program: &Program, at: usize, bit: usize, view: &V, record: &[u8]) -> bool {
        let Some(column) = program.columns.get(at) else { return false };
        let class = self.class(program, at, column, view, record);
        let class = self.memories.get(at).and_then(|memory| memory.classes.get(class as usize));
        class.is_some_and(|class| is_set(&class.tests, bit))
    }

    /// The class of this record's values in a column.
    #[inline]
    fn class<V: View>(
        &mut self,
        program: &Program,
        at: usize,
        column: &Column,
        view: &V,
        record: &[u8],
    ) -> u32 {
        let known = self.classes.get(at).copied().unwrap_or(UNKNOWN);
        if known != UNKNOWN {
            return known;
        }
        let class = match column.looks {
            Looks::Everywhere => self.class_of_record(program, at, column, view, record),
            Looks::At(field) => match view.get(field, &mut self.many) {
                Got::Absent => ABSENT,
                Got::One(raw) => self.class_of_value(program, at, column, view.block(), raw),
                Got::Many => self.class_of_values(program, at, column, view.block()),
            },
        };
        if let Some(slot) = self.classes.get_mut(at) {
            *slot = class;
        }
        class
    }

    #[inline]
    fn class_of_value(
        &mut self,
        program: &Program,
        at: usize,
        column: &Column,
        block: &[u8],
        raw: Raw,
    ) -> u32 {
        let bytes = raw.bytes(block);
        if bytes.len() > MAX_REMEMBERED {
            self.judge(column, block, &[raw]);
            return self.intern(program, at, column);
        }
        let hash = self.hasher.hash_one(bytes) ^ raw.kind as u64;
        if let Some(memory) = self.memories.get(at)
            && let Some(found) = memory.values.find(hash, |known| memory.is(known, hash, raw.kind, bytes))
        {
            return found.class;
        }
        self.judge(column, block, &[raw]);
        let class = self.intern(program, at, column);
        if let Some(memory) = self.memories.get_mut(at) {
            memory.remember(hash, raw.kind, bytes, class);
        }
        class
    }

    /// Any value of several may pass a test: the class of their union.
    fn class_of_values(&mut self, program: &Program, at: usize, column: &Column, block: &[u8]) -> u32 {
        let many = std::mem::take(&mut self.many);
        let mut union = vec![0; column.words];
        for &raw in &many {
            let class = self.class_of_value(program, at, column, block, raw);
            if let Some(class) = self.memories.get(at).and_then(|memory| memory.classes.get(class as usize)) {
                union.iter_mut().zip(&class.tests).for_each(|(word, more)| *word |= more);
            }
        }
        self.many = many;
        self.tests = union;
        self.intern(program, at, column)
    }

    fn class_of_record<V: View>(
        &mut self,
        program: &Program,
        at: usize,
        column: &Column,
        view: &V,
        record: &[u8],
    ) -> u32 {
        let mut leaves = std::mem::take(&mut self.many);
        leaves.clear();
        view.leaves(&mut leaves);
        self.judge(column, view.block(), &leaves);
        self.many = leaves;
        let whole = String::from_utf8_lossy(record);
        column.matcher.eval(Scalar::Str(&whole), &mut self.scratch, &mut self.tests);
        self.intern(program, at, column)
    }

    /// Leaves in `self.tests` the tests that some of the values pass.
    fn judge(&mut self, column: &Column, block: &[u8], values: &[Raw]) {
        self.tests.clear();
        self.tests.resize(column.words, 0);
        for raw in values {
            let scalar = raw.scalar(block, &mut self.text);
            column.matcher.eval(scalar, &mut self.scratch, &mut self.tests);
        }
    }

    /// The class with the tests in `self.tests`.
    fn intern(&mut self, program: &Program, at: usize, column: &Column) -> u32 {
        let Some(memory) = self.memories.get_mut(at) else { return ABSENT };
        if let Some(&known) = memory.by_tests.get(self.tests.as_slice()) {
            return known;
        }
        if memory.classes.len() >= MAX_CLASSES {
            memory.forget(program, at, column);
            // Their keys name classes that are gone.
            self.outcomes.clear();
        }
        memory.add(program, at, self.tests.as_slice().into())
    }
}

impl Memory {
    #[inline]
    fn is(&self, known: &Remembered, hash: u64, kind: Kind, bytes: &[u8]) -> bool {
        let range = known.start as usize..(known.start + known.length) as usize;
        known.hash == hash && known.kind == kind && self.bytes.get(range) == Some(bytes)
    }

    fn remember(&mut self, hash: u64, kind: Kind, bytes: &[u8], class: u32) {
        if self.values.len() >= MAX_VALUES || self.bytes.len() + bytes.len() > MAX_BYTES {
            self.values.clear();
            self.bytes.clear();
        }
        let (Ok(start), Ok(length)) = (u32::try_from(self.bytes.len()), u32::try_from(bytes.len())) else {
            return;
        };
        self.bytes.extend_from_slice(bytes);
        self.values.insert_unique(hash, Remembered { hash, start, length, kind, class }, |known| known.hash);
    }

    /// Starts afresh with only the class of absent values.
    fn forget(&mut self, program: &Program, at: usize, column: &Column) {
        *self = Self::default();
        self.add(program, at, vec![0; column.words].into());
    }

    fn add(&mut self, program: &Program, at: usize, tests: Box<[u64]>) -> u32 {
        let mut candidates = vec![0; program.words()];
        let known = |place: &AtomPlace| match place {
            AtomPlace::Bit { column, bit } if *column == at => Some(is_set(&tests, *bit)),
            _ => None,
        };
        for (number, condition) in program.conditions.iter().enumerate() {
            if condition.truth(&known) != Some(false) {
                set(&mut candidates, number);
            }
        }
        // At most MAX_CLASSES, so the index fits.
        let id = u32::try_from(self.classes.len()).unwrap_or(ABSENT);
        self.by_tests.insert(tests.clone(), id);
        self.classes.push(Class { tests, candidates: candidates.into() });
        id
    }
}

/// Whether any value of one field and any of the other pass `test`.
fn pair_holds<V: View>(
    view: &V,
    field: FieldId,
    other: FieldId,
    test: &dyn Fn(Scalar<'_>, Scalar<'_>) -> bool,
) -> bool {
    let values = |field| {
        let mut many = Vec::new();
        match view.get(field, &mut many) {
            Got::Absent => vec![],
            Got::One(raw) => vec![raw],
            Got::Many => many,
        }
    };
    let (lefts, rights) = (values(field), values(other));
    let (mut left_text, mut right_text) = (String::new(), String::new());
    lefts.iter().any(|left| {
        rights.iter().any(|right| {
            test(left.scalar(view.block(), &mut left_text), right.scalar(view.block(), &mut right_text))
        })
    })
}

fn meet(left: &[u64], right: &[u64]) -> bool {
    left.iter().zip(right).any(|(left, right)| left & right != 0)
}

/// Sets the first `count` bits and clears the rest.
fn fill(bits: &mut [u64], count: usize) {
    for (at, word) in bits.iter_mut().enumerate() {
        let left = count.saturating_sub(at * 64).min(64);
        *word = if left == 64 { u64::MAX } else { (1 << left) - 1 };
    }
}
