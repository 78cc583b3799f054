//! CSV records as views: which column gives which wanted path.

use super::csv::{FieldSpan, Layout};
use super::fields::{FieldId, FieldTable, Got, View};
use super::json::paths::Slot;
use super::{Kind, Raw};
use crate::source::spelling::bare;

/// Columns of one input, placed.
#[derive(Debug, Clone)]
pub struct Columns {
    names: Vec<String>,
    /// For each wanted path, the column that gives it.
    by_slot: Vec<Option<u16>>,
    delimiter: u8,
}

impl Columns {
    /// Places the columns of a header: a path takes the column of exactly its name, else the first one that differs
    /// from it only in case, spaces and punctuation.
    pub fn place(names: Vec<String>, delimiter: u8, table: &FieldTable) -> Self {
        let paths = table.paths();
        let bare_names: Vec<String> = names.iter().map(|name| bare(name)).collect();
        let place = |path: &str| {
            let wanted = bare(path);
            let exact = names.iter().position(|name| name == path);
            let near = || bare_names.iter().position(|name| !wanted.is_empty() && *name == wanted);
            exact.or_else(near).and_then(|at| u16::try_from(at).ok())
        };
        let slots = 0..u16::try_from(paths.len()).unwrap_or(u16::MAX);
        let by_slot = slots.map(|slot| place(paths.name(slot))).collect();
        Self { names, by_slot, delimiter }
    }

    /// The wanted paths that a column gives.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let slots = 0..Slot::try_from(self.by_slot.len()).unwrap_or(Slot::MAX);
        slots.filter(|&slot| self.column(slot).is_some())
    }

    /// The column of a wanted path.
    pub fn column(&self, slot: Slot) -> Option<u16> {
        self.by_slot.get(usize::from(slot)).copied().flatten()
    }

    /// Names from the header.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How records are read.
    pub fn layout(&self, max_record: usize) -> Layout {
        Layout { delimiter: self.delimiter, columns: self.names.len(), max_record }
    }
}

/// A CSV record.
pub struct CsvView<'a> {
    /// The block it stands in.
    pub block: &'a [u8],
    /// The fields asked for.
    pub table: &'a FieldTable,
    /// The input's columns.
    pub columns: &'a Columns,
    /// The record's cells.
    pub fields: &'a [FieldSpan],
}

impl CsvView<'_> {
    fn raw(cell: &FieldSpan) -> Raw {
        let kind = if cell.escaped { Kind::CsvEscaped } else { Kind::CsvPlain };
        Raw { start: cell.start, end: cell.end, kind }
    }
}

impl View for CsvView<'_> {
    fn block(&self) -> &[u8] {
        self.block
    }

    #[inline]
    fn get(&self, field: FieldId, _many: &mut Vec<Raw>) -> Got {
        let columns = self.table.slots(field).iter().filter_map(|&slot| self.columns.column(slot));
        let mut cells = columns.filter_map(|column| self.fields.get(usize::from(column)));
        let Some(first) = cells.next() else { return Got::Absent };
        let filled = if first.start < first.end { None } else { cells.find(|cell| cell.start < cell.end) };
        Got::One(Self::raw(filled.unwrap_or(first)))
    }

    fn leaves(&self, out: &mut Vec<Raw>) {
        out.extend(self.fields.iter().map(Self::raw));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cell_leaves_a_field_to_its_next_column() {
        let mut table = FieldTable::default();
        let field = table.add("ip", &["ip".to_owned(), "address".to_owned()]).unwrap();
        let columns = Columns::place(vec!["address".to_owned(), "ip".to_owned()], b',', &table);
        let cell = |start, end| FieldSpan { start, end, escaped: false };
        let shown = |block: &[u8], fields: &[FieldSpan]| {
            let view = CsvView { block, table: &table, columns: &columns, fields };
            match view.get(field, &mut Vec::new()) {
                Got::One(raw) => Some(String::from_utf8(raw.bytes(block).to_vec()).unwrap()),
                _ => None,
            }
        };
        assert_eq!(shown(b"a,b", &[cell(0, 1), cell(2, 3)]).as_deref(), Some("b"));
        assert_eq!(shown(b"a,", &[cell(0, 1), cell(2, 2)]).as_deref(), Some("a"));
        assert_eq!(shown(b",b", &[cell(0, 0), cell(1, 2)]).as_deref(), Some("b"));
        assert_eq!(shown(b",", &[cell(0, 0), cell(1, 1)]).as_deref(), Some(""));
    }
}
