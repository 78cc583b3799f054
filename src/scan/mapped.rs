//! What became of a mapping file: names in it that nothing reads, and keys that no record has.

use super::report::{Seen, seen_paths};
use super::work::Done;
use crate::decode::fields::FieldTable;
use crate::rule::nearest;
use crate::source::{Mapping, SOURCES};

/// What is to be said of the mapping after a scan with rules. Nothing where no record was read.
pub(super) fn notes(mapping: &Mapping, done: &Done, seen: &Seen) -> Vec<String> {
    let read: Vec<Read<'_>> = seen
        .iter()
        .filter_map(|(&source, slots)| {
            let table = &done.programs.get(source)?.as_ref()?.table;
            Some(Read { table, slots, own: SOURCES.get(source)?.fields })
        })
        .collect();
    if read.is_empty() {
        return Vec::new();
    }
    mapping.fields().filter_map(|field| note(field, mapping.paths(field), &read)).collect()
}

/// What was read of one source.
struct Read<'a> {
    table: &'a FieldTable,
    /// A bit for every raw path that a record had.
    slots: &'a [u64],
    /// The fields that the source gives, whether a rule reads them or not.
    own: &'a [&'a str],
}

fn note(field: &str, keys: &[String], read: &[Read<'_>]) -> Option<String> {
    let mut known = read.iter().filter(|read| read.table.find(field).is_some()).peekable();
    if known.peek().is_none() {
        let own = || read.iter().flat_map(|read| read.own.iter().copied());
        if own().any(|name| name == field) {
            return None;
        }
        let near = nearest(field, own().chain(read.iter().flat_map(|read| read.table.names())));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Some(format!("mapping: no rule reads `{field}`{near}"));
    }
    let has = |read: &Read<'_>| {
        seen_paths(read.table, field, read.slots).iter().any(|path| keys.iter().any(|key| key == path))
    };
    if known.any(has) {
        return None;
    }
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    Some(format!("mapping: no record has {}, which is to be read as `{field}`", keys.join(" or ")))
}
