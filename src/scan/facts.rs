//! Where the values of derived fields come from: all facts in memory, or, when they are too many, part by part from disk.

use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::heap::{Heap, Spot};
use crate::derive::{Answer, Baseline, Plan, Question, Recorder, Spill, State};
use crate::rule::Derivation;

/// A kept record and the rule that it matches: unit, number in the unit, rule. Correlations carry no more than this.
pub(super) type Match = (usize, usize, usize);
/// A question about a kept record: unit, record, rule, derivation.
pub(super) type Place = (usize, usize, usize, usize);

/// The facts of a scan.
pub(super) enum Facts<'a> {
    /// All in memory.
    Whole(State),
    /// On disk.
    Parted(Parted<'a>),
}

/// Facts on disk.
pub(super) struct Parted<'a> {
    plan: &'a Plan,
    spill: &'a Spill,
    baseline: Option<(&'a Baseline, i64)>,
    /// What all keys did.
    peers: State,
    /// Parts that are in memory together.
    runs: Vec<Range<usize>>,
}

/// What one look at the kept records can answer.
#[derive(Clone, Copy)]
pub(super) enum Answers<'a> {
    /// Everything.
    Whole(&'a State),
    /// Questions about keys of some parts.
    Part { spill: &'a Spill, parts: &'a Range<usize>, state: &'a State },
    /// Everything that was asked before of a unit.
    Held(&'a Held),
}

/// What the parts answered of one unit.
#[derive(Default)]
pub(super) struct Held {
    /// Those that have a value.
    answers: HashMap<Place, Answer>,
    /// Records, by unit and number, that one answer alone rules out for a rule.
    ruled_out: HashSet<Match>,
}

/// What the parts answered, on disk.
#[derive(Default)]
pub(super) struct Answered(Mutex<(Heap, Spots)>);

/// By unit: where what was told of it is.
type Spots = HashMap<usize, Vec<Spot>>;

impl Answered {
    /// Adds what one part says of some records of a unit.
    ///
    /// # Errors
    /// A temporary file could not be written.
    pub(super) fn add(
        &self,
        unit: usize,
        answers: &[(Place, Answer)],
        ruled_out: &[Match],
    ) -> io::Result<()> {
        if answers.is_empty() && ruled_out.is_empty() {
            return Ok(());
        }
        let text = serde_json::to_vec(&(answers, ruled_out))?;
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (heap, spots) = &mut *held;
        spots.entry(unit).or_default().push(heap.add(&text)?);
        Ok(())
    }

    /// What was said of a unit.
    ///
    /// # Errors
    /// The temporary file could not be read.
    pub(super) fn of(&self, unit: usize) -> io::Result<Held> {
        let mut held = Held::default();
        for text in self.texts(unit)? {
            let (answers, ruled_out): (Vec<(Place, Answer)>, Vec<Match>) = serde_json::from_slice(&text)?;
            held.answers.extend(answers);
            held.ruled_out.extend(ruled_out);
        }
        Ok(held)
    }

    fn texts(&self, unit: usize) -> io::Result<Vec<Vec<u8>>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (heap, spots) = &*held;
        spots.get(&unit).into_iter().flatten().map(|&spot| heap.read(spot)).collect()
    }
}

impl<'a> Facts<'a> {
    /// Joins what workers noted, if it fits into memory.
    pub(super) fn gather(
        plan: &'a Plan,
        spill: &'a Spill,
        recorders: Vec<Recorder>,
        baseline: Option<(&'a Baseline, i64)>,
        memory: usize,
    ) -> io::Result<Self> {
        if !spill.is_used() {
            return Ok(Self::Whole(State::join(plan, recorders, baseline)));
        }
        recorders.into_iter().try_for_each(|recorder| spill.write(plan, recorder))?;
        let runs = spill.runs(memory);
        let mut peers = State::default();
        if !plan.peers.is_empty() {
            for run in &runs {
                peers.add_peers_of(&State::part(plan, spill, run, baseline)?, plan);
            }
        }
        Ok(Self::Parted(Parted { plan, spill, baseline, peers, runs }))
    }

    /// All facts, where they are wanted for a baseline.
    pub(super) fn into_state(self, wanted: bool) -> io::Result<State> {
        match self {
            Self::Whole(state) => Ok(state),
            Self::Parted(_) if !wanted => Ok(State::default()),
            Self::Parted(parted) => {
                let mut all = State::default();
                for run in &parted.runs {
                    all.append(State::part(parted.plan, parted.spill, run, parted.baseline)?);
                }
                Ok(all)
            }
        }
    }
}

impl Parted<'_> {
    /// Calls `look` with what can be answered, some parts at a time.
    pub(super) fn each_run(&self, mut look: impl FnMut(Answers<'_>) -> io::Result<()>) -> io::Result<()> {
        for parts in &self.runs {
            let mut state = State::part(self.plan, self.spill, parts, self.baseline)?;
            state.share_peers(&self.peers);
            look(Answers::Part { spill: self.spill, parts, state: &state })?;
        }
        Ok(())
    }
}

impl Answers<'_> {
    /// The answer to a question, where this look can give it.
    pub(super) fn answer(
        &self,
        place: Place,
        derivation: &Derivation,
        question: &Question<'_>,
    ) -> Option<Answer> {
        match self {
            Self::Whole(state) => Some(state.answer(derivation, question)),
            Self::Part { spill, parts, state } => {
                let own = parts.contains(&spill.part_of(question.key.unwrap_or_default()));
                own.then(|| state.answer(derivation, question))
            }
            Self::Held(held) => Some(held.answers.get(&place).cloned().unwrap_or_default()),
        }
    }

    /// Whether an earlier look found that a rule does not match a record.
    pub(super) fn is_ruled_out(&self, place: Match) -> bool {
        matches!(self, Self::Held(held) if held.ruled_out.contains(&place))
    }

    /// The zone that is learnt for a key, where this look can tell it.
    pub(super) fn learned_zone(
        &self,
        table: usize,
        key: &str,
        derivation: &Derivation,
        time: i64,
    ) -> Option<String> {
        match self {
            Self::Whole(state) | Self::Part { state, .. } => state.learned_zone(table, key, derivation, time),
            Self::Held(_) => None,
        }
    }
}
