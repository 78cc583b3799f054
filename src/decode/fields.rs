//! The fields that a scan reads, and the raw paths that give them.

use std::collections::HashMap;

use super::json::paths::{Paths, Slot};
use super::json::walk::Walk;
use super::{Kind, Raw};

/// Index of a field.
pub type FieldId = u16;

/// Fields of one scan over one source. A field has one or more raw paths; the first path that a record has gives its
/// values, but where that is null or an empty cell, the next that has more.
#[derive(Debug, Default, Clone)]
pub struct FieldTable {
    names: Vec<String>,
    ids: HashMap<String, FieldId>,
    slots: Vec<Vec<Slot>>,
    paths: Paths,
}

impl FieldTable {
    /// Adds a field with its raw paths in order of preference; the same name gives the same id. `None` when there are
    /// more than 65,535 fields or path segments.
    pub fn add(&mut self, name: &str, raw_paths: &[String]) -> Option<FieldId> {
        if let Some(known) = self.find(name) {
            return Some(known);
        }
        let id = FieldId::try_from(self.names.len()).ok()?;
        let slots = raw_paths.iter().map(|path| self.paths.add(path)).collect::<Option<Vec<_>>>()?;
        self.names.push(name.to_owned());
        self.ids.insert(name.to_owned(), id);
        self.slots.push(slots);
        Some(id)
    }

    /// The id of a field that was added.
    pub fn find(&self, name: &str) -> Option<FieldId> {
        self.ids.get(name).copied()
    }

    /// Name of a field.
    pub fn name(&self, field: FieldId) -> &str {
        self.names.get(usize::from(field)).map_or("", String::as_str)
    }

    /// Names of all fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Raw paths of a field, most wanted first.
    pub fn slots(&self, field: FieldId) -> &[Slot] {
        self.slots.get(usize::from(field)).map_or(&[], Vec::as_slice)
    }

    /// All raw paths.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether nothing is read.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// What a record has for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// Nothing.
    Absent,
    /// One value.
    One(Raw),
    /// Several: they were put into the caller's list.
    Many,
}

/// A record whose fields can be asked for.
pub trait View {
    /// The block that the values point into.
    fn block(&self) -> &[u8];
    /// The values of a field. `many` is cleared and filled only for [`Got::Many`].
    fn get(&self, field: FieldId, many: &mut Vec<Raw>) -> Got;
    /// Appends every leaf value.
    fn leaves(&self, out: &mut Vec<Raw>);
}

/// The first value of a field.
pub fn first<V: View>(view: &V, field: FieldId, many: &mut Vec<Raw>) -> Option<Raw> {
    match view.get(field, many) {
        Got::Absent => None,
        Got::One(raw) => Some(raw),
        Got::Many => many.first().copied(),
    }
}

/// A record that was walked.
pub struct WalkView<'a> {
    /// The block it stands in.
    pub block: &'a [u8],
    /// The fields asked for.
    pub table: &'a FieldTable,
    /// What the walk found.
    pub walk: &'a Walk,
}

impl View for WalkView<'_> {
    fn block(&self) -> &[u8] {
        self.block
    }

    fn get(&self, field: FieldId, many: &mut Vec<Raw>) -> Got {
        let mut null = None;
        for &slot in self.table.slots(field) {
            let mut found = self.walk.values.iter().filter(|(of, _)| *of == slot).map(|&(_, raw)| raw);
            let Some(first) = found.next() else { continue };
            let Some(second) = found.next() else {
                if first.kind != Kind::Null {
                    return Got::One(first);
                }
                null.get_or_insert(first);
                continue;
            };
            many.clear();
            many.extend([first, second]);
            many.extend(found);
            return Got::Many;
        }
        null.map_or(Got::Absent, Got::One)
    }

    fn leaves(&self, out: &mut Vec<Raw>) {
        out.extend(self.walk.leaves.iter().map(|leaf| leaf.raw));
    }
}
