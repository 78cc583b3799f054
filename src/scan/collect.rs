//! Units back in order: coverage strung together, matches numbered and sorted, spilled to disk when they are many.

use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

use super::kept::KeptUnits;
use super::ledger::{Coverage, Duplicates};
use super::unit::{Cited, Hit, Outcome};
use crate::event::time::Timestamp;

/// Bytes of matches kept in memory, about.
const MEMORY: usize = 48 << 20;

/// Where a match stands among all findings: time (none last), input and offset of the record that completed it, rule,
/// then the other records.
type Key<'a> = (bool, i64, usize, u64, usize, &'a [Cited]);

fn key(hit: &Hit) -> Key<'_> {
    let (last, others) =
        hit.events.split_last().map_or((None, &[][..]), |(last, others)| (Some(last), others));
    let place = last.map_or((0, 0), |last| (last.input, last.offset));
    (hit.time.is_none(), hit.time.map_or(0, |(nanos, _)| nanos), place.0, place.1, hit.rule, others)
}

fn order(left: &Hit, right: &Hit) -> std::cmp::Ordering {
    key(left).cmp(&key(right))
}

/// What is known of one input so far.
#[derive(Debug, Default)]
pub struct InputState {
    next: u64,
    waiting: BTreeMap<u64, Outcome>,
    /// All units so far, in order.
    pub coverage: Coverage,
    /// Raw paths seen.
    pub slots: Vec<u64>,
    /// Fingerprints, where they are counted.
    pub duplicates: Option<Duplicates>,
}

/// Takes units in any order.
#[derive(Debug, Default)]
pub struct Collector {
    inputs: BTreeMap<usize, InputState>,
    sorter: Sorter,
    kept: KeptUnits,
    /// Matches that a filter kept back, by rule.
    pub suppressed: BTreeMap<usize, u64>,
}

impl Collector {
    /// Adds unit `number` (from 0) of an input.
    ///
    /// # Errors
    /// Matches could not be spilled to disk.
    pub fn add(&mut self, input: usize, number: u64, outcome: Outcome) -> io::Result<()> {
        let state = self.inputs.entry(input).or_default();
        state.waiting.insert(number, outcome);
        while let Some(mut outcome) = state.waiting.remove(&state.next) {
            state.next += 1;
            let before = state.coverage.records;
            for mut hit in outcome.hits.drain(..) {
                hit.events.iter_mut().for_each(|cited| cited.record += before);
                self.sorter.push(hit)?;
            }
            self.kept.add(input, before, std::mem::take(&mut outcome.kept))?;
            for rule in outcome.suppressed.drain(..) {
                *self.suppressed.entry(rule).or_default() += 1;
            }
            state.take(outcome);
        }
        Ok(())
    }

    /// Adds a match whose records are numbered.
    ///
    /// # Errors
    /// Matches could not be spilled to disk.
    pub fn push(&mut self, hit: Hit) -> io::Result<()> {
        self.sorter.push(hit)
    }

    /// Time of the first record of those inputs.
    pub fn first_time(&self, of: &dyn Fn(usize) -> bool) -> Option<Timestamp> {
        self.those(of).filter_map(|state| state.coverage.first_time).min()
    }

    /// Time of the last record of those inputs.
    pub fn last_time(&self, of: &dyn Fn(usize) -> bool) -> Option<Timestamp> {
        self.those(of).filter_map(|state| state.coverage.last_time).max()
    }

    fn those(&self, of: &dyn Fn(usize) -> bool) -> impl Iterator<Item = &InputState> {
        self.inputs.iter().filter(|(at, _)| of(**at)).map(|(_, state)| state)
    }

    /// Takes the records that had to wait until everything is read.
    pub fn take_kept(&mut self) -> KeptUnits {
        std::mem::take(&mut self.kept)
    }

    /// Everything together.
    ///
    /// # Errors
    /// A spilled run could not be read back.
    pub fn finish(self) -> io::Result<Collected> {
        Ok(Collected { inputs: self.inputs, suppressed: self.suppressed, sorted: self.sorter.finish()? })
    }
}

/// What all units came to.
#[derive(Debug)]
pub struct Collected {
    /// Every input that had a unit.
    pub inputs: BTreeMap<usize, InputState>,
    /// Matches that a filter kept back, by rule.
    pub suppressed: BTreeMap<usize, u64>,
    /// All matches in their final order.
    pub sorted: Sorted,
}

impl InputState {
    fn take(&mut self, outcome: Outcome) {
        self.coverage.append(outcome.coverage);
        if self.slots.len() < outcome.slots.len() {
            self.slots.resize(outcome.slots.len(), 0);
        }
        self.slots.iter_mut().zip(&outcome.slots).for_each(|(word, more)| *word |= more);
        self.duplicates = match (self.duplicates.take(), outcome.duplicates) {
            (Some(held), Some(more)) => Some(held.merge(more)),
            (held, more) => held.or(more),
        };
    }
}

/// Sorts matches with bounded memory: sorted runs on disk, merged at the end.
#[derive(Debug, Default)]
struct Sorter {
    held: Vec<Hit>,
    bytes: usize,
    runs: Vec<File>,
}

impl Sorter {
    fn push(&mut self, hit: Hit) -> io::Result<()> {
        self.bytes += size(&hit);
        self.held.push(hit);
        if self.bytes > MEMORY { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        self.held.sort_by(order);
        let mut run = BufWriter::new(tempfile::tempfile()?);
        for hit in self.held.drain(..) {
            serde_json::to_writer(&mut run, &hit)?;
            run.write_all(b"\n")?;
        }
        let mut file = run.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.runs.push(file);
        self.bytes = 0;
        Ok(())
    }

    fn finish(mut self) -> io::Result<Sorted> {
        self.held.sort_by(order);
        let mut runs: Vec<Run> = self.runs.into_iter().map(|file| Run::File(BufReader::new(file))).collect();
        runs.push(Run::Memory(self.held.into_iter()));
        let mut heads = BinaryHeap::new();
        for (at, run) in runs.iter_mut().enumerate() {
            heads.extend(run.next()?.map(|hit| Head { hit, run: at }));
        }
        Ok(Sorted { runs, heads })
    }
}

/// About what a match takes in memory.
fn size(hit: &Hit) -> usize {
    let texts = [&hit.actor, &hit.source_ip, &hit.action];
    let texts: usize = texts.iter().map(|text| text.as_ref().map_or(0, String::len)).sum();
    let events = hit.events.len() * (size_of::<Cited>() + 96);
    let facts = |fact: &crate::finding::Fact| {
        128 + fact.field.len() + fact.expected.len() + fact.seen.as_ref().map_or(0, String::len)
    };
    size_of::<Hit>() + 64 + events + texts + hit.why.iter().map(facts).sum::<usize>()
}

#[derive(Debug)]
enum Run {
    File(BufReader<File>),
    Memory(std::vec::IntoIter<Hit>),
}

impl Run {
    fn next(&mut self) -> io::Result<Option<Hit>> {
        match self {
            Self::Memory(hits) => Ok(hits.next()),
            Self::File(lines) => {
                let mut line = String::new();
                if lines.read_line(&mut line)? == 0 {
                    return Ok(None);
                }
                Ok(Some(serde_json::from_str(&line)?))
            }
        }
    }
}

#[derive(Debug)]
struct Head {
    hit: Hit,
    run: usize,
}

impl Ord for Head {
    /// Reversed: the heap gives its greatest first, and the earliest match is wanted.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        order(&other.hit, &self.hit).then(other.run.cmp(&self.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

/// All matches in their final order.
#[derive(Debug)]
pub struct Sorted {
    runs: Vec<Run>,
    heads: BinaryHeap<Head>,
}

impl Sorted {
    /// Takes the next match.
    ///
    /// # Errors
    /// A spilled run could not be read back.
    pub fn take(&mut self) -> io::Result<Option<Hit>> {
        let Some(Head { hit, run }) = self.heads.pop() else { return Ok(None) };
        if let Some(next) = self.runs.get_mut(run).map(Run::next).transpose()?.flatten() {
            self.heads.push(Head { hit: next, run });
        }
        Ok(Some(hit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(time: Option<i64>, input: usize, offset: u64) -> Hit {
        Hit {
            rule: 0,
            time: time.map(|seconds| (seconds, 0)),
            actor: None,
            source_ip: None,
            action: None,
            why: Vec::new(),
            events: vec![Cited { input, offset, length: 1, record: 1, sha256: String::new() }],
        }
    }

    fn all(sorter: Sorter) -> Vec<Hit> {
        let mut sorted = sorter.finish().unwrap();
        std::iter::from_fn(|| sorted.take().unwrap()).collect()
    }

    #[test]
    fn spilled_runs_merge_to_the_order_of_one_sort() {
        let hits: Vec<Hit> = (0..500u32)
            .map(|n| hit((n % 7 > 0).then_some(i64::from(n * 37 % 101)), (n % 3) as usize, u64::from(n)))
            .collect();
        let mut expected: Vec<Key<'_>> = hits.iter().map(key).collect();
        expected.sort_unstable();
        let mut spilling = Sorter::default();
        for (at, hit) in hits.iter().enumerate() {
            spilling.push(hit.clone()).unwrap();
            if at % 90 == 0 {
                spilling.spill().unwrap();
            }
        }
        assert!(spilling.runs.len() > 4);
        assert_eq!(all(spilling).iter().map(key).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn records_are_numbered_through_units_that_arrive_out_of_order() {
        let unit = |records, record: u32| Outcome {
            coverage: Coverage { records, ..Coverage::default() },
            hits: vec![{
                let mut hit = hit(Some(i64::from(record)), 0, u64::from(record));
                hit.events[0].record = u64::from(record);
                hit
            }],
            ..Outcome::default()
        };
        let mut collector = Collector::default();
        collector.add(0, 1, unit(5, 2)).unwrap();
        collector.add(0, 0, unit(10, 3)).unwrap();
        let Collected { inputs, mut sorted, .. } = collector.finish().unwrap();
        assert_eq!(inputs[&0].coverage.records, 15);
        let numbers: Vec<u64> =
            std::iter::from_fn(|| sorted.take().unwrap()).map(|hit| hit.events[0].record).collect();
        assert_eq!(numbers, [12, 3]);
    }
}
