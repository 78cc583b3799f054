//! For spreadsheets: RFC 4180, no cell that a spreadsheet would run as a formula, and none that a terminal would obey.

use std::borrow::Cow;
use std::io::{self, Write};

use super::escape::Safe;
use super::{Format, Options, Sink, Summary};
use crate::finding::{EventRef, Fact, Finding};

/// See the module.
pub const FORMAT: Format = Format {
    name: "csv",
    description: "for spreadsheets; cells that start a formula get an apostrophe, and controls are shown by their codes",
    open: |out, _: Options| Box::new(Csv { out, started: false }),
    open_grouped: None,
};

const HEADER: [&str; 17] = [
    "time",
    "level",
    "score",
    "title",
    "actor",
    "source_ip",
    "action",
    "why",
    "path",
    "record",
    "offset",
    "length",
    "sha256",
    "tags",
    "rule_name",
    "rule_id",
    "response",
];

struct Csv<'a> {
    out: Box<dyn Write + 'a>,
    started: bool,
}

impl Csv<'_> {
    fn start(&mut self) -> io::Result<()> {
        if self.started {
            return Ok(());
        }
        self.started = true;
        self.row(&HEADER.map(Cow::Borrowed))
    }

    fn row(&mut self, cells: &[Cow<'_, str>]) -> io::Result<()> {
        row(&mut self.out, cells.iter().map(|cell| shown(cell)))
    }
}

impl Sink for Csv<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.start()?;
        let text = |value: &'_ Option<String>| Cow::Owned(value.clone().unwrap_or_default());
        let each = |part: fn(&EventRef) -> String| {
            Cow::Owned(finding.events.iter().map(part).collect::<Vec<_>>().join(" "))
        };
        self.row(&[
            Cow::Owned(finding.time.map(|time| time.to_rfc3339()).unwrap_or_default()),
            Cow::Borrowed(finding.level.name()),
            Cow::Owned(finding.score.to_string()),
            Cow::Borrowed(&finding.title),
            text(&finding.actor),
            text(&finding.source_ip),
            text(&finding.action),
            Cow::Owned(finding.why.iter().map(fact).collect::<Vec<_>>().join("; ")),
            each(|event| event.path.clone()),
            each(|event| event.record.to_string()),
            each(|event| event.offset.to_string()),
            each(|event| event.length.to_string()),
            each(|event| event.sha256.clone()),
            Cow::Owned(finding.tags.join(" ")),
            Cow::Borrowed(&finding.rule_name),
            Cow::Borrowed(&finding.rule_id),
            text(&finding.response),
        ])
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        self.start()?;
        self.out.flush()
    }
}

fn fact(fact: &Fact) -> String {
    let seen = fact.seen.as_deref().map_or_else(|| "nothing".to_owned(), |seen| format!("'{seen}'"));
    let note = fact.note.as_deref().map_or_else(String::new, |note| format!(" ({note})"));
    format!("{}: seen {seen}, expected {}{note}", fact.field, fact.expected)
}

/// Writes a row of cells that are quoted already.
///
/// # Errors
/// It cannot be written.
pub fn row<C: AsRef<str>>(out: &mut dyn Write, cells: impl IntoIterator<Item = C>) -> io::Result<()> {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        out.write_all(cell.as_ref().as_bytes())?;
    }
    out.write_all(b"\r\n")
}

/// A cell that cannot start a formula, since it is a number, quoted where RFC 4180 asks for it.
pub fn plain(cell: &str) -> Cow<'_, str> {
    if cell.contains(['"', ',', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(cell)
    }
}

/// A cell of what a log may have written, as it is shown everywhere: what a terminal obeys, and what hides or reorders text,
/// by its code. It starts no formula, and is quoted also for programs that part cells at a semicolon. Not exact: a
/// backslash of the log stays as it is.
pub fn shown(cell: &str) -> String {
    let text = Safe(cell).to_string();
    let apostrophe = if is_formula(cell) { "'" } else { "" };
    if apostrophe.is_empty() && !text.contains(['"', ',', ';']) {
        return text;
    }
    format!("\"{apostrophe}{}\"", text.replace('"', "\"\""))
}

fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A cell, made harmless and quoted where RFC 4180 asks for it.
pub fn quoted(cell: &str) -> Cow<'_, str> {
    if is_formula(cell) { Cow::Owned(format!("\"'{}\"", cell.replace('"', "\"\""))) } else { plain(cell) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{hostile, sample, written};

    #[test]
    fn cells_are_quoted_and_never_run() {
        let cases = [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("a=1", "a=1"),
        ];
        for (cell, shown) in cases {
            assert_eq!(quoted(cell), shown);
        }
    }

    #[test]
    fn cells_of_logs_give_no_orders() {
        let cases = [
            ("plain", "plain"),
            ("a;b", "\"a;b\""),
            ("a\tb", r"a\tb"),
            ("two\r\nlines", r"two\r\nlines"),
            ("=1+1", "\"'=1+1\""),
            ("\t=1", "\"'\\t=1\""),
            ("\u{1b}[2J\u{7}\u{202e}\"", "\"\\u{1b}[2J\\u{7}\\u{202e}\"\"\""),
        ];
        for (cell, expected) in cases {
            assert_eq!(shown(cell), expected);
        }
    }

    #[test]
    fn a_header_even_without_findings() {
        let empty = written(&FORMAT, Options::default(), &[]);
        assert_eq!(empty, format!("{}\r\n", HEADER.join(",")));
        let text = written(&FORMAT, Options::default(), &[sample()]);
        let row = text.lines().nth(1).unwrap();
        let start = "2026-05-01T02:14:09Z,high,75,Raw events exported,jane@agency.example,203.0.113.9,";
        assert!(row.starts_with(start), "{row}");
        assert!(row.contains("event.action: seen 'raw_event_export.requested', expected equals"), "{row}");
    }

    #[test]
    fn hostile_cells_start_with_an_apostrophe() {
        let text = written(&FORMAT, Options::default(), &[hostile()]);
        for start in ["\"'=", "\"'@", "\"'\\t", "\"'-"] {
            assert!(text.contains(start), "{start:?}");
        }
        assert_eq!(text.matches('\n').count(), 2, "{text:?}");
        let hides = |letter: char| letter.is_control() && !"\r\n".contains(letter) || letter == '\u{202e}';
        assert!(!text.contains(hides), "{text:?}");
    }
}
