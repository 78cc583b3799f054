//! What a log shows of access: changes of grants, what accounts did, what was exported. Read by the same workers as everything
//! else; what comes out does not depend on how the work was cut.

mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, PoisonError};

use foldhash::HashMap;

use super::replay::Change;
use crate::scan::rows::{Projection, Rows, TakeRows};

/// Most entries of any kind that are kept.
const MOST: usize = 4_000_000;
/// Projects whose names are kept; more have their numbers alone.
const MOST_PROJECTS: usize = 100_000;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// Changes of grants, in order.
    pub changes: Vec<Change>,
    /// What was done: by actor in lower case, event and project.
    pub acts: BTreeMap<Act, Tally>,
    /// Service accounts that were made or ended, in order.
    pub accounts: Vec<AccountEvent>,
    /// Data that left, in order.
    pub exports: Vec<Export>,
    /// Second factors that were switched, in order: when, whose, on or off.
    pub factors: Vec<(i64, String, bool)>,
    /// Names of projects by their numbers; where one has several, the first in order.
    pub projects: BTreeMap<String, String>,
    /// The first and the last time of all records.
    pub span: Option<(i64, i64)>,
    /// What could not be used, and how often.
    pub unused: BTreeMap<String, u64>,
}

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Act {
    /// Who, in lower case.
    pub actor: String,
    /// The event.
    pub event: String,
    /// The project, if it is one's.
    pub project: Option<String>,
}

/// How often and when something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// The first time, in nanoseconds since 1970; `None` where no record has one.
    pub first: Option<i64>,
    /// The last time.
    pub last: Option<i64>,
}

/// A service account was made or ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountEvent {
    /// Nanoseconds since 1970.
    pub nanos: i64,
    /// Its number or user name, as the log has it.
    pub names: Vec<String>,
    /// Who did it, in lower case.
    pub actor: String,
    /// Made, or else deleted.
    pub made: bool,
}

/// Data that left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Export {
    /// Nanoseconds since 1970; `None` where the record has no time.
    pub nanos: Option<i64>,
    /// Who, in lower case.
    pub actor: String,
    /// The event.
    pub event: String,
    /// The project.
    pub project: Option<String>,
    /// How many rows, as the log says it.
    pub rows: Option<String>,
    /// The address it came from.
    pub address: Option<String>,
}

/// What one record gave.
#[derive(Debug, Default)]
struct Found {
    change: Option<Change>,
    act: Option<Act>,
    account: Option<AccountEvent>,
    export: Option<Export>,
    factor: Option<(String, bool)>,
    project: Option<(String, String)>,
    unused: Option<String>,
}

#[derive(Debug, Default)]
struct Part {
    place: (usize, u64),
    changes: Vec<Change>,
    trail: Loose,
}

/// A trail whose order does not matter yet.
#[derive(Debug, Default)]
struct Loose {
    acts: HashMap<Act, Tally>,
    accounts: Vec<AccountEvent>,
    exports: Vec<Export>,
    factors: Vec<(i64, String, bool)>,
    projects: BTreeMap<String, String>,
    span: Option<(i64, i64)>,
    unused: BTreeMap<String, u64>,
}

/// Takes records from workers, in any order.
#[derive(Debug)]
pub struct Gather {
    /// Numbers of projects by the names that logs may have instead.
    projects: BTreeMap<String, String>,
    parts: Mutex<Vec<Part>>,
    whole: Mutex<Loose>,
}

impl Gather {
    /// `projects`: names by number, so that a record that has the name alone is understood.
    pub fn new(projects: &BTreeMap<String, String>) -> Self {
        let mut by_name: BTreeMap<String, String> = BTreeMap::new();
        let mut twice = BTreeSet::new();
        for (id, name) in projects.iter().filter(|(_, name)| !name.is_empty()) {
            if by_name.insert(name.clone(), id.clone()).is_some() {
                twice.insert(name);
            }
        }
        by_name.retain(|name, _| !twice.contains(name));
        Self { projects: by_name, parts: Mutex::default(), whole: Mutex::default() }
    }

    /// What has to be read for it.
    pub fn projection() -> Projection {
        let fields = read::FIELDS.iter().map(|field| (*field).to_owned()).collect();
        Projection { fields, account: None, raw: false, brief: false }
    }

    /// Everything, in order.
    pub fn finish(self) -> Trail {
        let mut parts = self.parts.into_inner().unwrap_or_else(PoisonError::into_inner);
        parts.sort_by_key(|part| part.place);
        let mut whole = self.whole.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut changes: Vec<Change> = parts.into_iter().flat_map(|part| part.changes).collect();
        // Equal times keep the order of the logs.
        changes.sort_by_key(|change| change.nanos);
        whole.accounts.sort();
        whole.exports.sort();
        whole.factors.sort();
        Trail {
            changes,
            acts: whole.acts.into_iter().collect(),
            accounts: whole.accounts,
            exports: whole.exports,
            factors: whole.factors,
            projects: whole.projects,
            span: whole.span,
            unused: whole.unused,
        }
    }
}

impl TakeRows for Gather {
    fn take(&self, rows: Rows) -> io::Result<()> {
        let mut part = Part { place: (rows.input, rows.number), ..Part::default() };
        for (row, time) in rows.times.iter().enumerate() {
            let nanos = time.map(|time| time.nanos);
            let value = |field: usize| rows.columns.get(field)?.get(row).filter(|text| !text.is_empty());
            part.take(nanos, read::record(nanos, &value, &self.projects));
        }
        let Part { place, changes, trail } = part;
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        whole.join(trail);
        let count = [whole.acts.len(), whole.exports.len(), whole.accounts.len(), whole.factors.len()];
        let count = count.into_iter().max().unwrap_or_default();
        drop(whole);
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if !changes.is_empty() {
            parts.push(Part { place, changes, trail: Loose::default() });
        }
        let kept: usize = count.max(parts.iter().map(|part| part.changes.len()).sum());
        if kept > MOST {
            return Err(io::Error::other(format!(
                "there is more to keep than {MOST} acts, exports or changes"
            )));
        }
        Ok(())
    }
}

impl Part {
    fn take(&mut self, nanos: Option<i64>, found: Found) {
        let trail = &mut self.trail;
        if let Some(nanos) = nanos {
            trail.span = join_span(trail.span, Some((nanos, nanos)));
        }
        self.changes.extend(found.change);
        trail.accounts.extend(found.account);
        trail.exports.extend(found.export);
        trail.factors.extend(found.factor.zip(nanos).map(|((who, on), nanos)| (nanos, who, on)));
        trail.names(found.project);
        if let Some(why) = found.unused {
            *trail.unused.entry(why).or_default() += 1;
        }
        if let Some(act) = found.act {
            let one = Tally { count: 1, first: nanos, last: nanos };
            trail.acts.entry(act).and_modify(|tally| tally.join(one)).or_insert(one);
        }
    }
}

impl Loose {
    fn join(&mut self, other: Self) {
        for (act, tally) in other.acts {
            self.acts.entry(act).and_modify(|own| own.join(tally)).or_insert(tally);
        }
        self.accounts.extend(other.accounts);
        self.exports.extend(other.exports);
        self.factors.extend(other.factors);
        self.names(other.projects);
        self.span = join_span(self.span, other.span);
        for (why, count) in other.unused {
            *self.unused.entry(why).or_default() += count;
        }
    }
}

impl Loose {
    fn names(&mut self, names: impl IntoIterator<Item = (String, String)>) {
        for (id, name) in names {
            if self.projects.len() < MOST_PROJECTS || self.projects.contains_key(&id) {
                let held = self.projects.entry(id).or_insert_with(|| name.clone());
                if name < *held {
                    *held = name;
                }
            }
        }
    }
}

impl Tally {
    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
    }
}

fn join_span(one: Option<(i64, i64)>, other: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
pub(crate) mod tests;
