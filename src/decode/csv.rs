//! CSV by RFC 4180, line by line where it is broken.
//!
//! A record with a fault in its quotes, or longer than the limit, costs exactly its first line: reading goes on at the
//! next one. A whole record with the wrong number of cells, with NUL or with invalid UTF-8 costs itself. None of this
//! depends on how the stream was cut for reading.

use super::bits;
pub use super::csv_marks::Marks;
use super::csv_marks::{Mark, Regular};
use super::json::simd::{Isa, Simd, Work};

/// How records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Between cells.
    pub delimiter: u8,
    /// Cells of every record.
    pub columns: usize,
    /// Longest record in bytes.
    pub max_record: usize,
}

/// A cell, without its outer quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSpan {
    /// First byte, relative to the block.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Its quotes are doubled.
    pub escaped: bool,
}

/// A stretch of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A record.
    Record {
        /// First byte.
        start: u32,
        /// One past the last byte without line end.
        end: u32,
        /// Where the next item starts.
        next: u32,
        /// Its cells.
        fields: &'a [FieldSpan],
        /// Line ends in it.
        lines: u32,
    },
    /// An empty line, or one of white space.
    Blank {
        /// First byte.
        start: u32,
        /// Where the next item starts.
        next: u32,
        /// Line ends in it.
        lines: u32,
    },
    /// What could not be read.
    Rejected {
        /// First byte.
        start: u32,
        /// Where the next item starts.
        next: u32,
        /// Why.
        reason: &'static str,
        /// Line ends in it.
        lines: u32,
    },
}

/// Why a record is refused unread.
const TOO_LONG: &str = "record longer than the limit";

/// What stands at a record's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Whole {
        end: usize,
        next: usize,
    },
    Faulty {
        next: usize,
        reason: &'static str,
    },
    /// The buffer ends before it can be told.
    Unknown,
}

/// A way to find the next mark.
trait Find: Copy {
    fn quote(self, bytes: &[u8], from: usize) -> Option<usize>;
    fn mark(self, bytes: &[u8], from: usize, delimiter: u8) -> Option<usize>;
}

/// By looking at the bytes.
#[derive(Clone, Copy)]
struct Search;

impl Find for Search {
    fn quote(self, bytes: &[u8], from: usize) -> Option<usize> {
        memchr::memchr(b'"', bytes.get(from..)?).map(|at| from + at)
    }

    fn mark(self, bytes: &[u8], from: usize, delimiter: u8) -> Option<usize> {
        memchr::memchr3(delimiter, b'\n', b'"', bytes.get(from..)?).map(|at| from + at)
    }
}

impl Find for &Marks {
    #[inline(always)]
    fn quote(self, bytes: &[u8], from: usize) -> Option<usize> {
        bits::next(&self.quotes, from).filter(|at| *at < bytes.len())
    }

    #[inline(always)]
    fn mark(self, bytes: &[u8], from: usize, _delimiter: u8) -> Option<usize> {
        bits::next(&self.stops, from).filter(|at| *at < bytes.len())
    }
}

/// The records of a block that a [`CsvFramer`] cut.
pub struct Records<'a> {
    block: &'a [u8],
    layout: Layout,
    at: usize,
    fields: Vec<FieldSpan>,
    marks: &'a Marks,
    isa: Isa,
    /// The block has NUL or is not UTF-8: every record is looked at.
    suspect: bool,
}

impl<'a> Records<'a> {
    /// The records of `padded[..len]`, which has [`crate::decode::PADDING`] bytes more. `marks` is scratch.
    pub fn new(padded: &'a [u8], len: usize, layout: Layout, isa: Isa, marks: &'a mut Marks) -> Self {
        isa.run(Mark { marks, padded, len, layout });
        let block = padded.get(..len).unwrap_or_default();
        let suspect = memchr::memchr(0, block).is_some() || simdutf8::basic::from_utf8(block).is_err();
        Self { block, layout, at: 0, fields: Vec::new(), marks, isa, suspect }
    }

    /// Gives all items to `take`, in order.
    pub fn each(self, take: impl FnMut(Item<'_>)) {
        self.isa.run(Each { records: self, take });
    }

    /// The next item; every byte belongs to exactly one.
    #[inline(always)]
    #[expect(clippy::should_implement_trait, reason = "items borrow from the reader")]
    #[expect(clippy::cast_possible_truncation, reason = "blocks are shorter than 4 GiB")]
    pub fn next(&mut self) -> Option<Item<'_>> {
        let start = self.at;
        if start >= self.block.len() {
            return None;
        }
        let found = match self.regular(start) {
            Some(end) => end,
            None => find(self.marks, self.block, start, self.layout, true, &mut self.fields),
        };
        let (end, next) = match found {
            Found::Whole { end, next } => (end, next),
            Found::Faulty { next, reason } => {
                self.at = next;
                let lines = self.marks.lines(start, next);
                return Some(Item::Rejected { start: start as u32, next: next as u32, reason, lines });
            }
            Found::Unknown => (self.block.len(), self.block.len()),
        };
        self.at = next;
        let bytes = self.block.get(start..end).unwrap_or_default();
        let lines = self.marks.lines(start, next);
        let (start, end, next) = (start as u32, end as u32, next as u32);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Some(Item::Blank { start, next, lines });
        }
        if let Some(reason) = self.fault(bytes) {
            return Some(Item::Rejected { start, next, reason, lines });
        }
        Some(Item::Record { start, end, next, fields: &self.fields, lines })
    }

    /// A record that ends in a newline, in a block where all quotes stand as they should; `None`: the careful way.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "blocks are shorter than 4 GiB")]
    fn regular(&mut self, start: usize) -> Option<Found> {
        if !self.marks.regular {
            return None;
        }
        self.fields.clear();
        let mut at = start;
        loop {
            let stop = bits::next(&self.marks.stops, at)?;
            let is_last = *self.block.get(stop)? == b'\n';
            let carriage = is_last && stop > at && self.block.get(stop - 1) == Some(&b'\r');
            let end = stop - usize::from(carriage);
            let is_quoted = at < end && self.block.get(at) == Some(&b'"');
            let (from, to) = if is_quoted { (at + 1, end - 1) } else { (at, end) };
            let escaped = is_quoted && bits::next(&self.marks.quotes, from)? < to;
            self.fields.push(FieldSpan { start: from as u32, end: to as u32, escaped });
            if is_last {
                return Some(Found::Whole { end, next: stop + 1 });
            }
            at = stop + 1;
        }
    }

    #[inline(always)]
    fn fault(&self, record: &[u8]) -> Option<&'static str> {
        if self.suspect && memchr::memchr(0, record).is_some() {
            return Some("NUL in a record");
        }
        if self.suspect && simdutf8::basic::from_utf8(record).is_err() {
            return Some("invalid UTF-8");
        }
        match self.fields.len() {
            count if count < self.layout.columns => Some("fewer cells than the header"),
            count if count > self.layout.columns => Some("more cells than the header"),
            _ => None,
        }
    }
}

struct Each<'a, F> {
    records: Records<'a>,
    take: F,
}

impl<F: FnMut(Item<'_>)> Work for Each<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, _simd: S) {
        while let Some(item) = self.records.next() {
            (self.take)(item);
        }
    }
}

/// Cuts a stream into blocks of whole records.
pub struct CsvFramer {
    layout: Layout,
    isa: Isa,
    fields: Vec<FieldSpan>,
}

impl CsvFramer {
    /// A framer at the start of the records.
    pub fn new(layout: Layout, isa: Isa) -> Self {
        Self { layout, isa, fields: Vec::new() }
    }

    /// How many leading bytes of `buffer` are whole records. The next buffer starts after them. At the end of the
    /// stream all is cut. 0 means that more bytes are needed, or, where the buffer is longer than a record may be, that
    /// its first line is too long.
    pub fn cut(&mut self, buffer: &[u8], eof: bool) -> usize {
        if eof {
            return buffer.len();
        }
        // No record of a buffer within the limit can be over it.
        if buffer.len() <= self.layout.max_record
            && let Some(cut) = self.isa.run(Regular { buffer, delimiter: self.layout.delimiter })
        {
            return cut;
        }
        let mut at = 0;
        loop {
            let rest = buffer.get(at..).unwrap_or_default();
            let Some(quote) = memchr::memchr(b'"', rest) else {
                return memchr::memrchr(b'\n', rest).map_or(at, |newline| at + newline + 1);
            };
            // Lines before that of the quote are records of their own.
            let line = memchr::memrchr(b'\n', rest.get(..quote).unwrap_or_default());
            at += line.map_or(0, |newline| newline + 1);
            match find(Search, buffer, at, self.layout, false, &mut self.fields) {
                Found::Whole { next, .. } | Found::Faulty { next, .. } => at = next,
                Found::Unknown => return at,
            }
        }
    }
}

/// Finds the end of the record at `at`. `eof`: the stream ends with the buffer.
#[inline(always)]
fn find<F: Find>(
    by: F,
    buffer: &[u8],
    at: usize,
    layout: Layout,
    eof: bool,
    fields: &mut Vec<FieldSpan>,
) -> Found {
    // Two more bytes: a line end may follow a record of exactly the limit.
    let stop = buffer.len().min(at.saturating_add(layout.max_record).saturating_add(2));
    let cut = stop < buffer.len() || stop - at == layout.max_record.saturating_add(2);
    let bytes = buffer.get(..stop).unwrap_or_default();
    let mut scanner = Scanner { by, bytes, ends: eof && !cut, fields };
    match scanner.record(at, layout.delimiter) {
        Scan::Whole { end, next } if end - at <= layout.max_record => Found::Whole { end, next },
        Scan::Open if !cut && !eof => Found::Unknown,
        Scan::Whole { .. } | Scan::Fault(_) | Scan::Open => first_line(buffer, at, layout, eof, fields),
    }
}

/// A faulty record costs its first line. The reason is what that line alone shows: a block may end with it.
#[inline(never)]
fn first_line(buffer: &[u8], at: usize, layout: Layout, eof: bool, fields: &mut Vec<FieldSpan>) -> Found {
    let rest = buffer.get(at..).unwrap_or_default();
    let length = match memchr::memchr(b'\n', rest) {
        Some(newline) => newline + 1,
        None if eof => rest.len(),
        None => return Found::Unknown,
    };
    let line = buffer.get(..at + length).unwrap_or_default();
    let reason = match (Scanner { by: Search, bytes: line, ends: true, fields }).record(at, layout.delimiter)
    {
        _ if length > layout.max_record => TOO_LONG,
        Scan::Fault(reason) => reason,
        Scan::Open | Scan::Whole { .. } => "quote is not closed within the limit",
    };
    Found::Faulty { next: at + length, reason }
}

enum Scan {
    Whole {
        end: usize,
        next: usize,
    },
    Fault(&'static str),
    /// The bytes end inside the record.
    Open,
}

struct Scanner<'a, F> {
    by: F,
    bytes: &'a [u8],
    /// The stream ends with the bytes.
    ends: bool,
    fields: &'a mut Vec<FieldSpan>,
}

impl<F: Find> Scanner<'_, F> {
    #[inline(always)]
    fn record(&mut self, start: usize, delimiter: u8) -> Scan {
        self.fields.clear();
        let mut at = start;
        loop {
            let stop = match self.bytes.get(at) {
                Some(b'"') => match self.quoted(at) {
                    Some(stop) => stop,
                    None => return Scan::Open,
                },
                _ => match self.plain(at, delimiter) {
                    Ok(stop) => stop,
                    Err(scan) => return scan,
                },
            };
            match self.bytes.get(stop) {
                Some(&byte) if byte == delimiter => at = stop + 1,
                Some(b'\n') => {
                    let carriage = stop > start && self.bytes.get(stop - 1) == Some(&b'\r');
                    return Scan::Whole { end: stop - usize::from(carriage), next: stop + 1 };
                }
                Some(b'\r') if self.bytes.get(stop + 1) == Some(&b'\n') => {
                    return Scan::Whole { end: stop, next: stop + 2 };
                }
                Some(b'\r') if stop + 1 == self.bytes.len() => return self.at_end(stop),
                None => return self.at_end(stop),
                Some(_) => return Scan::Fault("text after a closing quote"),
            }
        }
    }

    fn at_end(&self, end: usize) -> Scan {
        if self.ends { Scan::Whole { end, next: self.bytes.len() } } else { Scan::Open }
    }

    /// A quoted cell at `open`: where it stops, after its closing quote. `None`: not closed, or not known to be.
    #[inline(always)]
    fn quoted(&mut self, open: usize) -> Option<usize> {
        let mut from = open + 1;
        let mut escaped = false;
        loop {
            let close = self.by.quote(self.bytes, from)?;
            match self.bytes.get(close + 1) {
                Some(b'"') => {
                    escaped = true;
                    from = close + 2;
                }
                None if !self.ends => return None,
                _ => {
                    self.push(open + 1, close, escaped);
                    return Some(close + 1);
                }
            }
        }
    }

    /// A cell without quotes: where it stops.
    #[inline(always)]
    fn plain(&mut self, at: usize, delimiter: u8) -> Result<usize, Scan> {
        let stop = match self.by.mark(self.bytes, at, delimiter) {
            Some(stop) => stop,
            None if self.ends => self.bytes.len(),
            None => return Err(Scan::Open),
        };
        match self.bytes.get(stop) {
            Some(b'"') => return Err(Scan::Fault("quote inside an unquoted cell")),
            Some(&byte) if byte == delimiter => self.push(at, stop, false),
            // The last cell: a carriage return belongs to the line end.
            _ => {
                let carriage = stop > at && self.bytes.get(stop - 1) == Some(&b'\r');
                self.push(at, stop - usize::from(carriage), false);
            }
        }
        Ok(stop)
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "blocks are shorter than 4 GiB")]
    fn push(&mut self, start: usize, end: usize, escaped: bool) {
        self.fields.push(FieldSpan { start: start as u32, end: end as u32, escaped });
    }
}

/// The delimiter of a header: whichever of comma, semicolon and tab makes the most columns, at least two.
pub fn detect_delimiter(header: &[u8]) -> Option<u8> {
    let columns = |delimiter: &u8| self::header(header, *delimiter).len();
    let best = [b'\t', b';', b','].into_iter().max_by_key(columns)?;
    (columns(&best) >= 2).then_some(best)
}

/// The names of a header line, without byte order mark, quotes and white space around them.
pub fn header(line: &[u8], delimiter: u8) -> Vec<String> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let mut fields = Vec::new();
    let mut scanner = Scanner { by: Search, bytes: line, ends: true, fields: &mut fields };
    if !matches!(scanner.record(0, delimiter), Scan::Whole { .. }) {
        return Vec::new();
    }
    let name = |cell: &FieldSpan| {
        let bytes = line.get(cell.start as usize..cell.end as usize).unwrap_or_default();
        String::from_utf8_lossy(bytes).replace("\"\"", "\"").trim().to_owned()
    };
    fields.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LAYOUT: Layout = Layout { delimiter: b',', columns: 2, max_record: 24 };

    /// All items of a text that is fed `step` bytes at a time, as the scan feeds it.
    fn read(text: &[u8], step: usize, layout: Layout) -> Vec<String> {
        let mut framer = CsvFramer::new(layout, Isa::Avx2);
        let (mut items, mut base, mut fed) = (Vec::new(), 0, 0);
        loop {
            fed = (fed + step).min(text.len());
            let eof = fed == text.len();
            let held = &text[base..fed];
            let cut = framer.cut(held, eof);
            if cut == 0 && !eof && held.len() > layout.max_record + 2 && !held.contains(&b'\n') {
                let line = text[base..]
                    .iter()
                    .position(|&byte| byte == b'\n')
                    .map_or(text.len() - base, |at| at + 1);
                items.push(format!("{base}..{} rejected {TOO_LONG}", base + line));
                base += line;
                fed = fed.max(base);
            } else {
                note(&held[..cut], base, layout, &mut items);
                base += cut;
            }
            if base == text.len() {
                return items;
            }
        }
    }

    fn note(block: &[u8], base: usize, layout: Layout, items: &mut Vec<String>) {
        let mut padded = block.to_vec();
        padded.resize(block.len() + crate::decode::PADDING, b'"');
        let mut marks = Marks::default();
        let isa = if block.len().is_multiple_of(2) { Isa::Avx2 } else { Isa::Portable };
        let records = Records::new(&padded, block.len(), layout, isa, &mut marks);
        let mut quick = Vec::new();
        records.each(|item| quick.push(format!("{item:?}")));
        marks_of_all(&mut marks, block, layout.delimiter);
        let suspect = block.contains(&0) || std::str::from_utf8(block).is_err();
        let mut records = Records { block, layout, at: 0, fields: Vec::new(), marks: &marks, isa, suspect };
        let (mut at, mut count) = (0, 0);
        while let Some(item) = records.next() {
            assert_eq!(quick.get(count), Some(&format!("{item:?}")), "the careful way says the same");
            count += 1;
            let newlines =
                |from: u32, to: u32| memchr::memchr_iter(b'\n', &block[from as usize..to as usize]).count();
            let (from, to, what) = match item {
                Item::Record { start, next, fields, lines, .. } => {
                    assert_eq!(lines as usize, newlines(start, next));
                    let cells: Vec<_> = fields
                        .iter()
                        .map(|cell| String::from_utf8_lossy(&block[cell.start as usize..cell.end as usize]))
                        .collect();
                    (start, next, format!("{cells:?}"))
                }
                Item::Blank { start, next, .. } => (start, next, "blank".to_owned()),
                Item::Rejected { start, next, reason, lines } => {
                    assert_eq!(lines as usize, newlines(start, next));
                    (start, next, format!("rejected {reason}"))
                }
            };
            assert_eq!(from as usize, at, "no byte is left out");
            at = to as usize;
            items.push(format!("{}..{} {what}", base + from as usize, base + at));
        }
        assert_eq!((at, count), (block.len(), quick.len()));
    }

    /// Makes marks such that every record is read the careful way.
    fn marks_of_all(marks: &mut Marks, block: &[u8], delimiter: u8) {
        marks.regular = false;
        let is_mark = |byte: u8| [b'"', b'\n', delimiter].contains(&byte);
        let bits = |bytes: &[u8]| {
            (0..).zip(bytes).fold(0, |bits, (at, &byte)| bits | u64::from(is_mark(byte)) << at)
        };
        marks.stops = block.chunks(64).map(bits).chain([0]).collect();
    }

    #[test]
    fn faults_cost_one_line() {
        let text = b"a,b\r\nc\"d,e\n\"f\ng\",h\n\"i\"j,k\n\nl\nm,n,o\n\xFF,p\n\"q\"\"r\",s\n\"open,t\nu,v";
        let expected = [
            r#"0..5 ["a", "b"]"#,
            "5..11 rejected quote inside an unquoted cell",
            r#"11..19 ["f\ng", "h"]"#,
            "19..26 rejected text after a closing quote",
            "26..27 blank",
            "27..29 rejected fewer cells than the header",
            "29..35 rejected more cells than the header",
            "35..39 rejected invalid UTF-8",
            r#"39..48 ["q\"\"r", "s"]"#,
            "48..56 rejected quote is not closed within the limit",
            r#"56..59 ["u", "v"]"#,
        ];
        assert_eq!(read(text, text.len(), LAYOUT), expected);
    }

    #[test]
    fn headers_and_delimiters() {
        assert_eq!(detect_delimiter(b"Date and Time,User,Action"), Some(b','));
        assert_eq!(detect_delimiter(b"a;b;\"c,d\""), Some(b';'));
        assert_eq!(detect_delimiter(b"alone"), None);
        assert_eq!(header(b"\xEF\xBB\xBF\"Date, Time\", User\r\n", b','), ["Date, Time", "User"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_size_of_the_pieces_does_not_matter(
            picks in prop::collection::vec(prop::sample::select(b"\"\"\",,\n\n\r ab\xFF\x00".to_vec()), 0..160),
            step in 1usize..50,
        ) {
            prop_assert_eq!(read(&picks, step, LAYOUT), read(&picks, picks.len().max(1), LAYOUT));
        }

        #[test]
        fn regular_quotes_are_cut_as_the_careful_way_cuts_them(
            cells in prop::collection::vec(prop::sample::select(vec![
                "a", "bc", "\"q\"", "\"x,y\"", "\"line\nline\"", "\"say \"\"it\"\"\"", "\"\"", "", "\"\r\n\"", "o\"dd", "\"un", "\"x\"y",
            ]), 0..200),
            odd in any::<bool>(),
            ends in prop::sample::select(vec!["\n", "\r\n"]),
            step in 1usize..400,
        ) {
            let regular = cells.iter().filter(|cell| odd || !["o\"dd", "\"un", "\"x\"y"].contains(cell));
            let cells: Vec<&str> = regular.copied().collect();
            let text: String = cells.chunks(2).map(|row| row.join(",") + ends).collect();
            let layout = Layout { max_record: 2000, ..LAYOUT };
            let whole = read(text.as_bytes(), text.len().max(1), layout);
            prop_assert_eq!(read(text.as_bytes(), step, layout), whole);
        }
    }
}
