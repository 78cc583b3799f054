//! Tables in and out: CSV as people have it, text for terminals, CSV for spreadsheets.

use std::collections::BTreeSet;

use crate::decode::PADDING;
use crate::decode::csv::{self, Item, Layout, Marks, Records};
use crate::decode::json::simd::Isa;
use crate::output::csv as out;
use crate::output::escape::{Safe, shortened};
use crate::source::spelling::bare;

/// Longest row of a table that is read, in bytes.
const MAX_ROW: usize = 1 << 20;
/// Characters of a cell that a terminal shows.
const MAX_CELL: usize = 72;
/// Between columns.
const GAP: &str = "  ";

/// A table that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Names of columns.
    pub header: Vec<String>,
    /// The line of each row, from 1, and its cells: as many as columns.
    pub rows: Vec<(usize, Vec<String>)>,
}

/// Reads CSV with a header; comma, semicolon or tab.
///
/// # Errors
/// In words, with the line: there is no header, or a row cannot be read. Nothing is left out.
pub fn read(text: &[u8]) -> Result<Sheet, String> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let delimiter =
        csv::detect_delimiter(line).ok_or("line 1: there is no header of at least two columns")?;
    let header = csv::header(line, delimiter);
    let mut sheet = Sheet { header, rows: Vec::new() };
    let layout = Layout { delimiter, columns: sheet.header.len(), max_record: MAX_ROW };
    let mut padded = text.to_vec();
    padded.resize(text.len() + PADDING, b'"');
    let mut marks = Marks::default();
    let mut records = Records::new(&padded, text.len(), layout, Isa::detect(), &mut marks);
    let (mut at, mut first) = (1, true);
    while let Some(item) = records.next() {
        match item {
            Item::Record { fields, lines, .. } => {
                if !std::mem::take(&mut first) {
                    let cells = fields.iter().map(|cell| {
                        let bytes = text.get(cell.start as usize..cell.end as usize).unwrap_or_default();
                        let cell_text = String::from_utf8_lossy(bytes);
                        if cell.escaped { cell_text.replace("\"\"", "\"") } else { cell_text.into_owned() }
                    });
                    sheet.rows.push((at, cells.map(|cell| harmed(&cell)).collect()));
                }
                at += lines as usize;
            }
            Item::Blank { lines, .. } => at += lines as usize,
            Item::Rejected { reason, .. } => return Err(format!("line {at}: {reason}")),
        }
    }
    Ok(sheet)
}

/// Takes off the apostrophe that a cell got so that no spreadsheet runs it.
fn harmed(cell: &str) -> String {
    cell.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(cell).to_owned()
}

/// Whether a text is a formula, or one after apostrophes: those get one more, so that what is read is what was written.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

impl Sheet {
    /// The column that has one of these names, whatever its case, spaces and punctuation.
    pub fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.header.iter().position(|column| bare(column) == bare(name)))
    }

    /// Columns that have none of these names.
    pub fn strangers(&self, known: &[&[&str]]) -> Vec<&str> {
        let known: BTreeSet<String> =
            known.iter().flat_map(|names| names.iter().map(|name| bare(name))).collect();
        self.header.iter().map(String::as_str).filter(|column| !known.contains(&bare(column))).collect()
    }
}

/// Aligned columns for a terminal: everything that one obeys is escaped, and long cells are cut, which is said.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let shown = |row: &[String]| row.iter().map(|cell| shortened(cell, MAX_CELL)).collect::<Vec<_>>();
    let mut lines = vec![header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| shown(row)));
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())));
        text.push_str(cells.collect::<Vec<_>>().join(GAP).trim_end());
        text.push('\n');
    }
    text
}

/// CSV in which no cell is run as a formula.
pub fn csv(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut bytes = Vec::new();
    let cell = |text: &str| {
        if text.starts_with('\'') && is_formula(text) {
            out::plain(&format!("'{text}")).into_owned()
        } else {
            out::quoted(text).into_owned()
        }
    };
    // Writing to a Vec cannot fail.
    let _written = out::row(&mut bytes, header.iter().map(|name| cell(name)));
    for row in rows {
        let _written = out::row(&mut bytes, row.iter().map(|text| cell(text)));
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// A line of text whose parts may be hostile.
pub fn safe(text: &str) -> String {
    Safe(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_csv_is_read_again() {
        let rows = vec![
            vec!["=1+1".to_owned(), "a,b".to_owned()],
            vec!["say \"hi\"\ntwo".to_owned(), "-x".to_owned()],
            vec!["'quoted".to_owned(), "\u{202e}\u{1b}[2J".to_owned()],
            vec!["'=1".to_owned(), "''@x".to_owned()],
        ];
        let text = csv(&["one", "two words"], &rows);
        assert!(text.contains("\"'=1+1\"") && text.contains("\"'-x\""));
        let sheet = read(text.as_bytes()).unwrap();
        assert_eq!(sheet.header, ["one", "two words"]);
        assert_eq!(sheet.rows.iter().map(|(_, row)| row.clone()).collect::<Vec<_>>(), rows);
        assert_eq!(sheet.rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 5, 6]);
        assert_eq!((sheet.column(&["x", "Two_Words"]), sheet.column(&["three"])), (Some(1), None));
        assert_eq!(sheet.strangers(&[&["ONE"]]), ["two words"]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, told) in [
            ("", "line 1: there is no header"),
            ("one\n1\n", "line 1: there is no header"),
            ("a,b\n1,2\n1\n", "line 3: fewer cells"),
            ("a,b\n1,2,3\n", "line 2: more cells"),
            ("a,b\n\"1,2\n", "line 2: "),
            ("a,b\n1,\0\n", "line 2: NUL"),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.starts_with(told), "{text:?}: {error}");
        }
        assert_eq!(
            read(b"\xEF\xBB\xBFa;b\r\n1;2\r\n\r\n").unwrap().rows,
            [(2, vec!["1".into(), "2".into()])]
        );
    }

    #[test]
    fn a_terminal_obeys_nothing_in_a_table() {
        let text = table(
            &["A", "B"],
            &[vec!["\u{1b}[2J\u{202e}x".into(), "y\nz".into()], vec!["1".into(), "2".into()]],
        );
        assert_eq!(text, "A                   B\n\\u{1b}[2J\\u{202e}x  y\\nz\n1                   2\n");
    }
}
