//! The end of a scan: matches become findings, notes become the ledger.

use std::collections::{BTreeMap, BTreeSet};

use super::ledger::{
    self, Duplicates, EventTypeNote, Filters, InputLedger, Ledger, Names, Problem, RuleLedger, RuleProblem,
};
use super::program::Program;
use super::unit::Hit;
use super::work::{Done, InputNote};
use super::{Config, ScanError, mapped};
use crate::decode::csv_view::Columns;
use crate::decode::fields::FieldTable;
use crate::enrich::{Attribute, Given};
use crate::event::time::Timestamp;
use crate::finding::{EventRef, Finding};
use crate::output::Sink;
use crate::rule::derive::{Kind, View};
use crate::rule::{About, Loaded, Rule, Subject};
use crate::source::input::{Compression, Discovery, Input};
use crate::source::{Mapping, SOURCES, Source};

/// Writes the findings and makes the ledger.
pub(super) fn finish(
    config: &Config,
    mapping: &Mapping,
    mut done: Done,
    discovery: &Discovery,
    sink: &mut dyn Sink,
) -> Result<Ledger, ScanError> {
    if done.programs.iter().flatten().any(|program| program.overflow) {
        return Err(ScanError::TooManyFields);
    }
    let rules = &config.rules;
    let mut counts = vec![0u64; rules.len()];
    while let Some(hit) = done.sorted.take().map_err(ScanError::Spill)? {
        let Some(rule) = rules.about(hit.rule) else { continue };
        if let Some(count) = counts.get_mut(hit.rule) {
            *count += 1;
        }
        sink.finding(&finding(rule, &discovery.inputs, hit)).map_err(ScanError::Output)?;
    }
    let seen = seen_by_source(&done);
    let mut ledger = Ledger {
        inputs: inputs(discovery, mapping, &mut done),
        rules: rule_ledgers(config, &done, &seen, &counts),
        unreadable: unreadable(discovery),
        rule_errors: rule_errors(config),
        filters: Filters {
            since: config.since,
            until: config.until,
            account: config.account.clone(),
            level: config.level,
        },
        notes: notes(config, mapping, &done, &seen, discovery),
        blind_spots: blind_spots(&done),
        duplicates: None,
    };
    count_duplicates(&mut ledger, &mut done);
    ledger.sort();
    sink.finish(&ledger.summary()).map_err(ScanError::Output)?;
    Ok(ledger)
}

fn notes(config: &Config, mapping: &Mapping, done: &Done, seen: &Seen, discovery: &Discovery) -> Vec<String> {
    // Facts alone are learned without rules, so that nothing would be read.
    let of_mapping = if config.rules.is_empty() { Vec::new() } else { mapped::notes(mapping, done, seen) };
    discovery.notes.iter().cloned().chain(thresholds(config)).chain(of_mapping).collect()
}

/// What the profile put in place of numbers and times of rules.
fn thresholds(config: &Config) -> impl Iterator<Item = String> {
    let placed = config.rules.tuned.placed.iter();
    placed.map(|((rule, path), value)| format!("threshold of the profile: {rule} {path} = {value}"))
}

/// Repeats within each input, and over all of them.
fn count_duplicates(ledger: &mut Ledger, done: &mut Done) {
    let mut all: Option<Duplicates> = None;
    for (at, state) in &mut done.states {
        let Some(held) = state.duplicates.take() else { continue };
        if let Some(input) = ledger.inputs.get_mut(*at) {
            input.duplicates = Some(held.result());
        }
        all = Some(match all.take() {
            Some(before) => before.merge(held),
            None => held,
        });
    }
    ledger.duplicates = all.map(|all| all.result());
}

fn finding(rule: About<'_>, inputs: &[Input], hit: Hit) -> Finding {
    let label = |input: usize| inputs.get(input).map(|input| input.label.clone()).unwrap_or_default();
    Finding {
        rule_id: rule.meta.key().to_owned(),
        rule_name: rule.meta.name.clone(),
        title: rule.meta.title.clone(),
        author: rule.meta.author.clone(),
        level: rule.meta.level,
        time: hit.time.map(|(nanos, digits)| Timestamp { nanos, digits }),
        actor: hit.actor,
        source_ip: hit.source_ip,
        action: hit.action,
        tags: rule.meta.tags.clone(),
        score: rule.meta.level.score(),
        why: hit.why,
        events: hit
            .events
            .into_iter()
            .map(|cited| EventRef {
                path: label(cited.input),
                record: cited.record,
                offset: cited.offset,
                length: cited.length,
                sha256: cited.sha256,
            })
            .collect(),
        response: rule.response.map(str::to_owned),
    }
}

fn inputs(discovery: &Discovery, mapping: &Mapping, done: &mut Done) -> Vec<InputLedger> {
    let inputs = discovery.inputs.iter().enumerate();
    inputs
        .map(|(at, input)| {
            let note = done.notes.get(&at).cloned().unwrap_or_default();
            let state = done.states.get_mut(&at);
            let (coverage, slots) = state
                .map(|state| (std::mem::take(&mut state.coverage), std::mem::take(&mut state.slots)))
                .unwrap_or_default();
            let source = note.source.and_then(|source| SOURCES.get(source).copied());
            let program = note.source.and_then(|source| done.programs.get(source)?.as_ref());
            let (placed, unplaced) = match (source, program) {
                (Some(source), Some(program)) => places(source, program, mapping, &note, &slots),
                _ => Default::default(),
            };
            InputLedger {
                label: input.label.clone(),
                path: input.path.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string()),
                member: input.member.clone(),
                source: source.map(|source| source.name.to_owned()),
                format: note.format.map(str::to_owned),
                compression: compression(input.compression).map(str::to_owned),
                bytes: note.bytes,
                problem: note
                    .problem
                    .or_else(|| timeless(source?, &coverage))
                    .or_else(|| strange(source?, &coverage)),
                coverage,
                duplicates: None,
                placed,
                unplaced,
            }
        })
        .collect()
}

/// What is to be said of a log in which no record has a time, as all of its kind have: everything that asks for hours, order or
/// history is blind.
fn timeless(source: &Source, coverage: &ledger::Coverage) -> Option<String> {
    let has_times = source.fields.contains(&"@timestamp") && !source.is_calendar;
    let none = coverage.first_time.is_none() && coverage.untimed.total().ranges > 0;
    (has_times && none).then(|| {
        "no record has a time that can be read: rules that ask for hours, order or history see nothing in it; name its key \
         with `\"@timestamp\" = \"KEY\"` below `[fields]` of a mapping (--mapping FILE), and how it is written in \
         `time_formats`"
            .to_owned()
    })
}

/// What is to be said of records without an action, in a log whose records all have one.
fn strange(source: &Source, coverage: &ledger::Coverage) -> Option<String> {
    let (count, Some(first)) = coverage.strange else { return None };
    Some(format!(
        "{count} of {} records, the first of them record {first}, have no action, as all of `{}` have: if they are of another \
         kind of log, scan them in a file of their own",
        coverage.records, source.name
    ))
}

fn compression(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some("gzip"),
        Compression::Zstd => Some("zstd"),
        Compression::Zip => Some("zip"),
    }
}

/// Which raw keys or columns were read as which ECS fields, and which columns have no ECS name.
fn places(
    source: &Source,
    program: &Program,
    mapping: &Mapping,
    note: &InputNote,
    slots: &[u64],
) -> (BTreeMap<String, String>, Names) {
    let mut table = program.table.clone();
    let mut placed = BTreeMap::new();
    let mut unplaced = Names::default();
    let Some(columns) = &note.columns else {
        for &field in source.fields {
            let seen = seen_paths(&table, field, slots);
            if !seen.is_empty() {
                placed.insert(field.to_owned(), seen.join(", "));
            }
        }
        return (placed, unplaced);
    };
    for &field in source.fields {
        let paths = source.raw_paths(field, mapping);
        table.add(field, &paths);
    }
    let columns = columns.names();
    let places = Columns::place(columns.to_vec(), b',', &table);
    let mut taken = BTreeSet::new();
    for &field in source.fields {
        let slots = table.find(field).map(|field| table.slots(field)).unwrap_or_default();
        let mut read: Vec<&str> = Vec::new();
        for name in slots.iter().filter_map(|&slot| columns.get(usize::from(places.column(slot)?))) {
            if !read.contains(&name.as_str()) {
                read.push(name);
                taken.insert(name);
            }
        }
        if !read.is_empty() {
            placed.insert(field.to_owned(), read.join(", "));
        }
    }
    columns.iter().filter(|name| !taken.contains(name)).for_each(|name| unplaced.insert(name));
    (placed, unplaced)
}

pub(super) fn seen_paths<'a>(table: &'a FieldTable, field: &str, slots: &[u64]) -> Vec<&'a str> {
    let Some(field) = table.find(field) else { return Vec::new() };
    let seen = table.slots(field).iter().filter(|&&slot| super::program::is_set(slots, usize::from(slot)));
    seen.map(|&slot| table.paths().name(slot)).collect()
}

fn rule_ledgers(config: &Config, done: &Done, seen: &Seen, counts: &[u64]) -> Vec<RuleLedger> {
    let rules = &config.rules;
    let locate = config.locate.as_deref();
    let places = config.places();
    let knows = |attribute| locate.is_some_and(|locate| locate.knows(attribute));
    let mut ledgers: Vec<RuleLedger> = Vec::new();
    for at in 0..rules.len() {
        let Some(about) = rules.about(at) else { continue };
        let read = match rules.rules.get(at) {
            Some(rule) => read_by((at, rule), done, seen, &knows, places),
            None => read_by_members(rules, at, &ledgers),
        };
        ledgers.push(RuleLedger {
            id: about.meta.key().to_owned(),
            name: about.meta.name.clone(),
            title: about.meta.title.clone(),
            level: about.meta.level,
            fields_never_seen: read.never_seen,
            event_types: read.event_types,
            places_unknown: read.places_unknown,
            fields: read.fields,
            sources: read.sources,
            findings: counts.get(at).copied().unwrap_or_default(),
            suppressed: done.suppressed.get(&at).copied().unwrap_or_default(),
        });
    }
    ledgers
}

/// What a rule read in this scan.
#[derive(Default)]
struct Read {
    sources: Vec<String>,
    fields: Vec<String>,
    never_seen: Vec<String>,
    event_types: Vec<EventTypeNote>,
    places_unknown: Vec<String>,
}

fn read_by(
    (at, rule): (usize, &Rule),
    done: &Done,
    seen: &Seen,
    knows: &dyn Fn(Attribute) -> bool,
    places: Given,
) -> Read {
    let program = |source: usize| done.programs.get(source).and_then(Option::as_ref);
    let applies = |source: &usize| program(*source).is_some_and(|program| program.rules.contains(&at));
    let sources: Vec<usize> = seen.keys().copied().filter(applies).collect();
    let fields = fields_of(rule);
    let absent = |field: &String| {
        sources.iter().all(|&source| {
            let slots = seen.get(&source).map_or(&[][..], Vec::as_slice);
            program(source).is_none_or(|program| {
                let mut says = program.meanings.of_field(field).flat_map(|said| &said.when);
                let is_seen = |field: &str| !seen_paths(&program.table, field, slots).is_empty();
                !is_seen(field) && !says.any(|clause| is_seen(&clause.field))
            })
        })
    };
    let never_seen = |field: &&String| !sources.is_empty() && absent(field) && !places.has(field);
    Read {
        places_unknown: if sources.is_empty() { Vec::new() } else { places_unknown(rule, knows, &absent) },
        never_seen: fields.iter().filter(never_seen).cloned().collect(),
        event_types: event_types(rule, &sources),
        fields,
        sources: sources.iter().filter_map(|&at| SOURCES.get(at)).map(|of| of.name.to_owned()).collect(),
    }
}

/// What a rule's derived fields need of addresses and no database tells.
fn places_unknown(
    rule: &Rule,
    knows: &dyn Fn(Attribute) -> bool,
    absent: &dyn Fn(&String) -> bool,
) -> Vec<String> {
    let mut unknown = Vec::new();
    for derivation in &rule.derived {
        let needed = match &derivation.kind {
            Kind::FirstSeen { view: View::Asn, .. } => Some(Attribute::AutonomousSystem),
            Kind::FirstSeen { view: View::Country, .. } => Some(Attribute::Country),
            Kind::Travel if absent(&"source.geo.location.lat".to_owned()) => Some(Attribute::Location),
            _ => None,
        };
        if let Some(needed) = needed.filter(|needed| !knows(*needed)) {
            unknown.push(format!("`{}` needs a database that tells {}", derivation.name, needed.name()));
        }
    }
    unknown
}

/// What a correlation's rules read. A rule that stands later in the list is another correlation: chains are read as
/// far as the rules before.
fn read_by_members(rules: &Loaded, at: usize, ledgers: &[RuleLedger]) -> Read {
    let mut read = Read::default();
    let correlation = at.checked_sub(rules.rules.len()).and_then(|at| rules.correlations.get(at));
    for member in correlation.iter().flat_map(|of| &of.links).filter_map(|&link| ledgers.get(link)) {
        read.sources.extend(member.sources.iter().cloned());
        read.fields.extend(member.fields.iter().cloned());
        read.never_seen.extend(member.fields_never_seen.iter().cloned());
        read.event_types.extend(member.event_types.iter().cloned());
        read.places_unknown.extend(member.places_unknown.iter().cloned());
    }
    for names in [&mut read.sources, &mut read.fields, &mut read.never_seen, &mut read.places_unknown] {
        names.sort();
        names.dedup();
    }
    read
}

/// For each source that has a record, a bit for every raw path that was seen in any of its inputs.
pub(super) type Seen = BTreeMap<usize, Vec<u64>>;

fn seen_by_source(done: &Done) -> Seen {
    let mut seen = Seen::new();
    for (at, note) in &done.notes {
        let (Some(source), Some(state)) = (note.source, done.seen.get(at)) else { continue };
        let all = seen.entry(source).or_default();
        all.resize(all.len().max(state.len()), 0);
        all.iter_mut().zip(state).for_each(|(word, more)| *word |= more);
    }
    seen
}

fn fields_of(rule: &Rule) -> Vec<String> {
    let mut fields = BTreeSet::new();
    for atom in &rule.atoms {
        if let Subject::Field(name) = &atom.subject {
            fields.insert(name.clone());
        }
        fields.extend(atom.test.other_field().map(str::to_owned));
    }
    fields.into_iter().collect()
}

/// The event types that a rule names, with what the sources' catalogues say of them. One that none has may be of a source
/// without a catalogue.
fn event_types(rule: &Rule, sources: &[usize]) -> Vec<EventTypeNote> {
    let sources: Vec<_> = sources.iter().filter_map(|&at| SOURCES.get(at)).collect();
    let catalogue = sources.iter().find_map(|source| source.event_type);
    let have_all = sources.iter().all(|source| source.event_type.is_some());
    let mut names = BTreeSet::new();
    for atom in &rule.atoms {
        let is_action =
            matches!(&atom.subject, Subject::Field(name) if name == "event.action" || name == "eventType");
        if let Some(text) = atom.test.exact_text().filter(|_| is_action) {
            names.insert(text.to_owned());
        }
    }
    let note = |name: String| {
        let since = catalogue.and_then(|find| find(&name.to_lowercase()));
        let known = catalogue.map(|_| since.is_some()).filter(|known| *known || have_all);
        EventTypeNote { known, since: since.map(str::to_owned), name }
    };
    names.into_iter().map(note).collect()
}

/// What the logs that were read never show.
fn blind_spots(done: &Done) -> Vec<String> {
    let sources: BTreeSet<usize> = done.notes.values().filter_map(|note| note.source).collect();
    let sources = sources.into_iter().filter_map(|source| SOURCES.get(source));
    sources.flat_map(|source| source.blind_spots).map(|spot| (*spot).to_owned()).collect()
}

fn unreadable(discovery: &Discovery) -> Vec<Problem> {
    discovery
        .problems
        .iter()
        .map(|problem| Problem {
            path: problem.path.clone(),
            reason: problem.reason.clone(),
            hint: problem.hint.clone(),
        })
        .collect()
}

/// Rules that did not load.
fn rule_errors(config: &Config) -> Vec<RuleProblem> {
    let errors = config.rules.errors.iter().map(|error| RuleProblem {
        path: error.file.display().to_string(),
        line: error.line as u64,
        column: error.column as u64,
        message: error.message.clone(),
        hint: error.hint.clone(),
    });
    errors.collect()
}
