//! Who does what: inputs become units, units go to workers, outcomes to the collector.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::Scope;

use super::collect::{Collected, Collector, InputState, Sorted};
use super::facts::Facts;
use super::program::{Program, Rules, is_late};
use super::resolve::Resolver;
use super::rows::TakeRows;
use super::session::{Session, Task};
use super::stream;
use super::unit::{Outcome, Role};
use super::{Config, Progress, ScanError, Settings};
use crate::correlate;
use crate::decode::csv_view::Columns;
use crate::derive::{Plan, Recorder, Spill, State};
use crate::enrich::{Attribute, Given, Locate};
use crate::rule::Rule;
use crate::rule::derive::DAY;
use crate::source::input::{self, Compression, Input, Limits};
use crate::source::sniff::{self, Framing, SniffError, Sniffed, Told};
use crate::source::{Mapping, SOURCES, Source};

/// What is known of an input besides its units.
#[derive(Debug, Default, Clone)]
pub(super) struct InputNote {
    /// Index into [`SOURCES`].
    pub(super) source: Option<usize>,
    pub(super) format: Option<&'static str>,
    /// Bytes of the decompressed stream.
    pub(super) bytes: u64,
    /// Why reading failed or ended early.
    pub(super) problem: Option<String>,
    /// CSV columns.
    pub(super) columns: Option<Columns>,
}

/// A scan under way.
pub(super) struct Scan<'a> {
    pub(super) settings: Settings,
    pub(super) limits: &'a Limits,
    pub(super) mapping: &'a Mapping,
    pub(super) forced: Option<&'static Source>,
    pub(super) progress: &'a dyn Progress,
    rows: Option<&'a dyn TakeRows>,
    config: &'a Config,
    /// Rules, then correlations, that are evaluated.
    wanted: Vec<bool>,
    roles: Vec<Role>,
    needs: Vec<Vec<String>>,
    plan: Plan,
    inputs: &'a [Input],
    programs: Vec<OnceLock<Program>>,
    /// By thread, by source.
    sessions: Vec<Vec<Mutex<Option<Session>>>>,
    collector: Mutex<Collector>,
    /// Facts beyond the memory that they may take.
    spill: Spill,
    notes: Mutex<BTreeMap<usize, InputNote>>,
    failure: Mutex<Option<ScanError>>,
    /// Units handed to other workers that still hold their bytes.
    pub(super) in_flight: AtomicUsize,
    pub(super) max_in_flight: usize,
}

/// A plain file in parts, taken in order by whoever is free.
struct Parts {
    file: File,
    size: u64,
    /// Bytes of a part; the last may have less.
    step: u64,
    next: AtomicU64,
}

impl Parts {
    /// The number of the next part and where it is.
    fn take(&self) -> Option<(u64, Range<u64>)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let start = number.checked_mul(self.step).filter(|start| *start < self.size)?;
        Some((number, start..self.size.min(start + self.step)))
    }
}

/// Who reads, who is told, and who takes rows.
pub(super) struct Readers<'a> {
    /// Workers.
    pub(super) threads: usize,
    pub(super) progress: &'a dyn Progress,
    pub(super) rows: Option<&'a dyn TakeRows>,
}

/// What a scan leaves.
pub(super) struct Done {
    pub(super) states: BTreeMap<usize, InputState>,
    /// Raw paths that each input's records had.
    pub(super) seen: BTreeMap<usize, Vec<u64>>,
    pub(super) suppressed: BTreeMap<usize, u64>,
    pub(super) sorted: Sorted,
    pub(super) notes: BTreeMap<usize, InputNote>,
    /// By source: compiled where an input needed it.
    pub(super) programs: Vec<Option<Program>>,
    /// The tables of facts.
    pub(super) plan: Plan,
    /// The facts.
    pub(super) state: State,
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        config: &'a Config,
        forced: Option<&'static Source>,
        mapping: &'a Mapping,
        inputs: &'a [Input],
        readers: &Readers<'a>,
    ) -> Self {
        let &Readers { threads, progress, rows } = readers;
        let per_source = || SOURCES.iter().map(|_| Mutex::new(None)).collect();
        let rules = &config.rules;
        let wanted = rules.wanted(config.level);
        let zones = config.locate.as_deref().is_some_and(|locate| locate.knows(Attribute::TimeZone));
        let is_wanted = |rule: usize| wanted.get(rule).copied().unwrap_or_default();
        Self {
            roles: roles(config, &wanted, config.places()),
            needs: correlate::needs(rules),
            plan: Plan::new(&rules.rules, &is_wanted, zones),
            wanted,
            config,
            settings: config.settings(mapping),
            limits: &config.limits,
            mapping,
            forced,
            progress,
            rows,
            inputs,
            programs: SOURCES.iter().map(|_| OnceLock::new()).collect(),
            sessions: (0..threads).map(|_| per_source()).collect(),
            collector: Mutex::default(),
            spill: Spill::default(),
            notes: Mutex::default(),
            failure: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            max_in_flight: threads.saturating_sub(1) * 2,
        }
    }

    /// Spawns the work of every input.
    pub(super) fn start<'s>(&'s self, scope: &Scope<'s>) {
        for (at, input) in self.inputs.iter().enumerate() {
            scope.spawn(move |scope| {
                if let Err(problem) = self.input(scope, at, input) {
                    self.note(at, |note| note.problem = Some(problem));
                }
            });
        }
    }

    pub(super) fn finish(mut self) -> Result<Done, ScanError> {
        if let Some(error) = self.failure.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        let mut collector = std::mem::take(self.collector.get_mut().unwrap_or_else(PoisonError::into_inner));
        let state = self.resolve(&mut collector).map_err(ScanError::Spill)?;
        let Collected { inputs: states, suppressed, sorted } =
            collector.finish().map_err(ScanError::Spill)?;
        let programs = self.programs.into_iter().map(OnceLock::into_inner).collect();
        let seen = states.iter().map(|(&at, state)| (at, state.slots.clone())).collect();
        let notes = into_inner(self.notes);
        Ok(Done { states, seen, suppressed, sorted, notes, programs, plan: self.plan, state })
    }

    /// Judges what could not be judged while reading.
    fn resolve(&mut self, collector: &mut Collector) -> io::Result<State> {
        let kept = collector.take_kept();
        let sessions = std::mem::take(&mut self.sessions).into_iter().flatten().filter_map(into_inner);
        let recorders: Vec<Recorder> = sessions.map(Session::into_recorder).collect();
        // What the logs themselves say of a day is all that counts of it: nothing is counted twice.
        let notes = self.notes.get_mut().unwrap_or_else(PoisonError::into_inner);
        let is_calendar = |note: &InputNote| {
            note.source.and_then(|source| SOURCES.get(source)).is_some_and(|source| source.is_calendar)
        };
        let is_log = |at: usize| !notes.get(&at).is_some_and(is_calendar);
        let before = collector.first_time(&is_log).map_or(i64::MAX, |time| time.nanos.div_euclid(DAY));
        let horizon = collector.last_time(&is_log).map_or(i64::MIN, |time| time.nanos);
        let baseline = self.config.baseline.as_ref().map(|of| (of, before));
        let facts = Facts::gather(&self.plan, &self.spill, recorders, baseline, self.config.state_memory)?;
        let programs: Vec<Option<&Program>> = self.programs.iter().map(OnceLock::get).collect();
        let inputs = notes.iter().filter_map(|(&at, note)| Some((at, (note.source?, note.columns.clone()))));
        let resolver = Resolver {
            config: self.config,
            settings: &self.settings,
            plan: &self.plan,
            facts: &facts,
            roles: &self.roles,
            wanted: &self.wanted,
            needs: &self.needs,
            locate: locate(self.config),
            programs: &programs,
            inputs: &inputs.collect(),
            horizon,
        };
        let collector = Mutex::new(collector);
        resolver.resolve(&kept, &|part| {
            let mut collector = collector.lock().unwrap_or_else(PoisonError::into_inner);
            for rule in part.suppressed {
                *collector.suppressed.entry(rule).or_default() += 1;
            }
            part.hits.into_iter().try_for_each(|hit| collector.push(hit))
        })?;
        facts.into_state(self.config.facts_alone)
    }

    fn input<'s>(&'s self, scope: &Scope<'s>, at: usize, input: &'s Input) -> Result<(), String> {
        self.note(at, |_| {});
        let plain = input.path.as_ref().filter(|_| input.compression == Compression::None);
        // What is no regular file is opened once: to open a pipe and to close it is to end it.
        if let Some(path) = plain.filter(|path| path.is_file()) {
            let file = File::open(path).map_err(|error| error.to_string())?;
            if self.parts(scope, at, &file)? {
                return Ok(());
            }
        }
        let reader = input::open(input, self.limits).map_err(|error| error.to_string())?;
        stream::read(self, scope, at, reader);
        Ok(())
    }

    /// Plain files of JSON lines are read in parts, side by side. Whether this is one.
    fn parts<'s>(&'s self, scope: &Scope<'s>, at: usize, file: &File) -> Result<bool, String> {
        let size = file.metadata().map_err(|error| error.to_string())?.len();
        let Some(sniffed) = self.sniff(file).map_err(|error| error.to_string())? else { return Ok(false) };
        if sniffed.framing != Framing::JsonLines {
            return Ok(false);
        }
        let source = self.recognised(at, sniffed.source, &sniffed.framing);
        self.note(at, |note| note.bytes = size);
        let file = file.try_clone().map_err(|error| error.to_string())?;
        let parts =
            Arc::new(Parts { file, size, step: self.settings.chunk_size as u64, next: AtomicU64::new(0) });
        // Each takes the part that is next: parts that are ahead of a missing one wait in memory.
        for _ in 0..size.div_ceil(parts.step).min(self.sessions.len() as u64) {
            let parts = Arc::clone(&parts);
            scope.spawn(move |_| {
                while let Some((number, part)) = parts.take() {
                    self.part(at, source, &parts.file, number, part);
                }
            });
        }
        Ok(true)
    }

    /// What a plain file is, where its first records tell.
    fn sniff(&self, file: &File) -> io::Result<Option<Sniffed>> {
        let mut length = sniff::HEAD;
        loop {
            let head = read_head(file, length)?;
            let is_whole = head.len() < length;
            match sniff::tell(&head, is_whole, self.settings.max_record, self.forced, self.mapping) {
                Told::Result(told) => return Ok(told.ok()),
                Told::More(more) => length = more,
                Told::Skip => return Ok(None),
            }
        }
    }

    fn part(&self, at: usize, source: usize, file: &File, number: u64, part: Range<u64>) {
        let length = part.end - part.start;
        match self.with_session(at, source, |session, task| session.file_part(task, file, part)) {
            None => {}
            Some(Ok(outcome)) => self.collect(at, number, outcome),
            Some(Err(error)) => {
                self.note(at, |note| note.problem = Some(format!("read error: {error}")));
            }
        }
        self.progress.bytes(length);
    }

    /// Notes what an input is; the index of its source.
    pub(super) fn recognised(&self, at: usize, source: &'static Source, framing: &Framing) -> usize {
        let index = SOURCES.iter().position(|known| known.name == source.name).unwrap_or_default();
        let format = match framing {
            Framing::JsonLines => "ndjson",
            Framing::JsonStream | Framing::JsonPages(_) => "json",
            Framing::Csv { .. } => "csv",
        };
        self.note(at, |note| {
            note.source = Some(index);
            note.format = Some(format);
        });
        index
    }

    /// The program of a source, compiled when the first input needs it.
    pub(super) fn program(&self, source: usize) -> Option<&Program> {
        let of = SOURCES.get(source)?;
        let cell = self.programs.get(source)?;
        let rules = Rules {
            all: &self.config.rules.rules,
            wanted: &self.wanted,
            plan: &self.plan,
            needs: &self.needs,
            places: self.settings.places,
            projection: self.settings.projection.as_ref().map_or(&[], |wanted| &wanted.fields),
        };
        Some(cell.get_or_init(|| Program::compile(rules, of, self.mapping)))
    }

    /// Lends this worker's session for a source.
    pub(super) fn with_session<R>(
        &self,
        input: usize,
        source: usize,
        work: impl FnOnce(&mut Session, Task<'_>) -> R,
    ) -> Option<R> {
        let thread = rayon::current_thread_index().unwrap_or_default();
        let slot = self.sessions.get(thread).and_then(|sessions| sessions.get(source));
        let (Some(slot), Some(program)) = (slot, self.program(source)) else { return None };
        let task = Task {
            settings: &self.settings,
            rules: &self.config.rules.rules,
            roles: &self.roles,
            locate: locate(self.config),
            program,
            input,
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let session = slot.get_or_insert_with(|| Session::new(task));
        let result = work(session, task);
        let facts = too_many_facts(session, self.config.state_memory / self.sessions.len().max(1));
        // Joining facts may run other units on this thread, and they lock this session.
        drop(slot);
        if let Some(Err(error)) = facts.map(|facts| self.spill.write(&self.plan, facts)) {
            self.fail(ScanError::Spill(error));
        }
        Some(result)
    }

    pub(super) fn collect(&self, input: usize, number: u64, mut outcome: Outcome) {
        if let Some(Err(error)) = self.take_rows(input, number, &mut outcome) {
            self.fail(ScanError::Rows(error));
        }
        let added = self.collector.lock().unwrap_or_else(PoisonError::into_inner).add(input, number, outcome);
        if let Err(error) = added {
            self.fail(ScanError::Spill(error));
        }
    }

    fn take_rows(&self, input: usize, number: u64, outcome: &mut Outcome) -> Option<io::Result<()>> {
        let (takes, mut rows) = (self.rows?, std::mem::take(&mut outcome.rows));
        rows.input = input;
        rows.number = number;
        rows.records = outcome.coverage.records;
        rows.label.clone_from(&self.inputs.get(input)?.label);
        rows.source = self.source_of(input).map(|source| source.name).unwrap_or_default();
        Some(takes.take(rows))
    }

    fn source_of(&self, input: usize) -> Option<&'static Source> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        SOURCES.get(notes.get(&input)?.source?).copied()
    }

    fn fail(&self, error: ScanError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    pub(super) fn note(&self, input: usize, change: impl FnOnce(&mut InputNote)) {
        change(self.notes.lock().unwrap_or_else(PoisonError::into_inner).entry(input).or_default());
    }

    /// Whether another worker may take a unit; if so it is counted.
    pub(super) fn take_place(&self) -> bool {
        let raise = |now| (now < self.max_in_flight).then_some(now + 1);
        self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, raise).is_ok()
    }

    /// What an unreadable input's problem is called in ranges.
    pub(super) fn sniff_reason(error: &SniffError) -> &'static str {
        match error {
            SniffError::Empty => "blank",
            SniffError::UnknownFormat => "unknown format",
            SniffError::UnknownSource { .. } => "unknown log",
            SniffError::Findings => "findings, no log",
            SniffError::Unplaced { .. } => "required columns not placed",
        }
    }
}

/// What is done with the matches of each rule and correlation.
fn roles(config: &Config, wanted: &[bool], places: Given) -> Vec<Role> {
    let rules = &config.rules;
    let mut roles = vec![Role::default(); rules.len()];
    for (at, role) in roles.iter_mut().enumerate() {
        let rule = rules.rules.get(at);
        let serious =
            rules.about(at).is_some_and(|of| config.level.is_none_or(|level| of.meta.level >= level));
        role.is_emitted = serious && !rules.is_silent(at) && !config.facts_alone;
        let has_late = |rule: &Rule| rule.atoms.iter().any(|atom| is_late(atom, places));
        role.is_stateful = rule.is_some_and(has_late) && !config.facts_alone;
    }
    for (at, correlation) in rules.correlations.iter().enumerate().filter(|_| !config.facts_alone) {
        let is_wanted = wanted.get(rules.rules.len() + at).copied().unwrap_or_default();
        for &link in correlation.links.iter().filter(|_| is_wanted) {
            if let Some(role) = roles.get_mut(link) {
                role.is_member = true;
            }
        }
    }
    roles
}

fn locate(config: &Config) -> Option<&dyn Locate> {
    let locate = config.locate.as_deref()?;
    Some(locate)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Takes out facts that need more than `limit` bytes, unless merging makes them half as many.
fn too_many_facts(session: &mut Session, limit: usize) -> Option<Recorder> {
    if session.fact_bytes() <= limit {
        return None;
    }
    session.compact_facts();
    (session.fact_bytes() > limit / 2).then(|| session.take_facts())
}

fn read_head(file: &File, length: usize) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let mut head = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    head.truncate(filled);
    Ok(head)
}
