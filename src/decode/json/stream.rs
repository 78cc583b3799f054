//! Framing of JSON that is not one record a line: arrays, pages, and values one after the other, over any number of lines.
//!
//! The framer follows brackets and strings only; whether a record is good JSON is for the walk to say. A value that
//! never closes costs its first line, and reading goes on at the next; after 64 of them it costs all that
//! was read of it, so that hostile input takes linear time.

use std::ops::Range;

use super::page::{Sought, seek};

/// How often reading goes on at the line after a broken value's start.
const MAX_RESUMES: u32 = 64;

/// A stretch of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A record.
    Record(Range<usize>),
    /// Something else.
    Rejected(Range<usize>, &'static str),
}

/// Cuts a stream into items. Offsets are those of the buffer given.
#[derive(Debug, Default)]
pub struct Framer {
    /// Where in the buffer the framer stands.
    at: usize,
    /// Start of the value that is open.
    open: Option<usize>,
    depth: usize,
    in_string: bool,
    arrays: usize,
    resumes: u32,
    /// Keys that lead from a page's object to its array of records; empty where records come without pages.
    page: Vec<String>,
    /// Objects of the page that are open around its array.
    around: usize,
}

/// What a call came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Framed {
    /// Items in order; the bytes between them are white space, commas and brackets.
    pub items: Vec<Item>,
    /// Leading bytes of the buffer that are dealt with; the next buffer starts after them.
    pub consumed: usize,
}

impl Framer {
    /// A framer of pages that have their records in the array at this path of keys.
    pub fn pages(path: &str) -> Self {
        Self { page: path.split('.').map(str::to_owned).collect(), ..Self::default() }
    }

    /// Cuts what it can. The next call's buffer must start at `consumed` and hold more, unless `eof`.
    pub fn cut(&mut self, buffer: &[u8], eof: bool, max_record: usize) -> Framed {
        let mut items = Vec::new();
        loop {
            let progress = match self.open {
                Some(start) => self.inside(buffer, start, eof, max_record, &mut items),
                None if self.around > 0 && self.arrays == 0 => self.page(buffer, eof, max_record, &mut items),
                None => self.between(buffer, eof, max_record, &mut items),
            };
            if !progress {
                break;
            }
        }
        let consumed = self.open.unwrap_or(self.at).min(buffer.len());
        self.at -= consumed;
        self.open = self.open.map(|_| 0);
        Framed { items, consumed }
    }

    /// Whether an array or a page was opened that has not been closed.
    pub fn unclosed(&self) -> bool {
        self.arrays > 0 || self.around > 0
    }

    /// Between values. Returns whether there is more to do in this buffer.
    fn between(&mut self, buffer: &[u8], eof: bool, max_record: usize, items: &mut Vec<Item>) -> bool {
        while let Some(&byte) = buffer.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => {}
                b'[' => self.arrays += 1,
                b']' if self.arrays > 0 => {
                    self.arrays -= 1;
                    if self.arrays == 0 && self.around > 0 {
                        self.at += 1;
                        return true;
                    }
                }
                b'{' if self.arrays == 0 && !self.page.is_empty() => {
                    return self.page(buffer, eof, max_record, items);
                }
                b'{' => {
                    self.record();
                    return true;
                }
                _ => return self.junk(buffer, eof, items),
            }
            self.at += 1;
        }
        false
    }

    /// A value opens.
    fn record(&mut self) {
        self.open = Some(self.at);
        (self.depth, self.in_string) = (1, false);
        self.at += 1;
    }

    /// In a page's object: at its brace, or behind its array.
    fn page(&mut self, buffer: &[u8], eof: bool, max_record: usize, items: &mut Vec<Item>) -> bool {
        let limit = buffer.len().min(self.at.saturating_add(max_record));
        let rest = buffer.get(self.at..limit).unwrap_or_default();
        match seek(rest, &self.page, self.around) {
            Sought::Array(length, around) => {
                self.at += length;
                (self.arrays, self.around) = (1, around);
            }
            Sought::More if !eof && limit == buffer.len() => return false,
            // An object without the array is a record, or has a fault that the walk names.
            _ if self.around == 0 => self.record(),
            Sought::End(length) => {
                self.at += length;
                self.around = 0;
            }
            Sought::More if limit == buffer.len() => {
                if !rest.iter().all(u8::is_ascii_whitespace) {
                    items.push(Item::Rejected(self.at..limit, "a page ends before its brackets close"));
                }
                self.at = limit;
                return false;
            }
            // What follows is looked at as if it stood outside of pages.
            Sought::More | Sought::Broken(_) => self.around = 0,
        }
        true
    }

    /// Something that starts no record: it goes up to the next comma, bracket or line end.
    fn junk(&mut self, buffer: &[u8], eof: bool, items: &mut Vec<Item>) -> bool {
        let rest = buffer.get(self.at + 1..).unwrap_or_default();
        let length = rest.iter().position(|byte| matches!(byte, b',' | b'[' | b']' | b'{' | b'\n'));
        let end = match length {
            Some(length) => self.at + 1 + length,
            // Cut off: a longer buffer may tell, but not past a page of it.
            None if !eof && rest.len() < 4096 => return false,
            None => buffer.len(),
        };
        items.push(Item::Rejected(self.at..end, "not a JSON object"));
        self.at = end;
        true
    }

    /// Inside a value that opened at `start`.
    fn inside(
        &mut self,
        buffer: &[u8],
        start: usize,
        eof: bool,
        max_record: usize,
        items: &mut Vec<Item>,
    ) -> bool {
        let limit = buffer.len().min(start.saturating_add(max_record));
        while self.at < limit && self.depth > 0 {
            let rest = buffer.get(self.at..limit).unwrap_or_default();
            self.at = if self.in_string { self.string(rest) } else { self.structure(rest) };
        }
        if self.depth == 0 {
            items.push(Item::Record(start..self.at));
            self.open = None;
            return true;
        }
        let too_long = limit < buffer.len() || limit == start + max_record;
        if !too_long && !eof {
            return false;
        }
        let reason =
            if too_long { "record longer than the limit" } else { "record ends before its brackets close" };
        self.give_up(buffer, start, limit, reason, items);
        true
    }

    /// To the end of the string, or of what there is. An escape at the very end stays for the next buffer.
    fn string(&mut self, rest: &[u8]) -> usize {
        match memchr::memchr2(b'"', b'\\', rest) {
            Some(found) if rest.get(found) == Some(&b'"') => {
                self.in_string = false;
                self.at + found + 1
            }
            Some(found) => self.at + found + 2,
            None => self.at + rest.len(),
        }
    }

    fn structure(&mut self, rest: &[u8]) -> usize {
        let Some(found) = rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'))
        else {
            return self.at + rest.len();
        };
        match rest.get(found) {
            Some(b'"') => self.in_string = true,
            Some(b'{' | b'[') => self.depth += 1,
            _ => self.depth -= 1,
        }
        self.at + found + 1
    }

    fn give_up(
        &mut self,
        buffer: &[u8],
        start: usize,
        limit: usize,
        reason: &'static str,
        items: &mut Vec<Item>,
    ) {
        let read = buffer.get(start..limit).unwrap_or_default();
        let line = memchr::memchr(b'\n', read).filter(|_| self.resumes < MAX_RESUMES);
        self.resumes += u32::from(line.is_some());
        let end = line.map_or(limit, |newline| start + newline + 1);
        items.push(Item::Rejected(start..end, reason));
        self.open = None;
        self.at = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames `text` fed `step` bytes at a time.
    fn frame(text: &[u8], step: usize, max_record: usize) -> Vec<Item> {
        frame_with(Framer::default(), text, step, max_record)
    }

    fn frame_with(mut framer: Framer, text: &[u8], step: usize, max_record: usize) -> Vec<Item> {
        let (mut all, mut base, mut fed) = (Vec::new(), 0, 0);
        loop {
            fed = (fed + step).min(text.len());
            let eof = fed == text.len();
            let framed = framer.cut(&text[base..fed], eof, max_record);
            let moved = |range: Range<usize>| range.start + base..range.end + base;
            all.extend(framed.items.into_iter().map(|item| match item {
                Item::Record(range) => Item::Record(moved(range)),
                Item::Rejected(range, reason) => Item::Rejected(moved(range), reason),
            }));
            base += framed.consumed;
            if eof {
                assert_eq!(base, text.len());
                return all;
            }
        }
    }

    #[test]
    fn arrays_and_bare_values_are_cut_into_records() {
        let text = b"[ {\"a\":\"}\\\"\"},\n {\"b\":[1,{}]} ]\n[]{\"c\":1}";
        assert_eq!(
            frame(text, text.len(), 100),
            [Item::Record(2..13), Item::Record(16..28), Item::Record(33..40),].map(|item| item)
        );
    }

    #[test]
    fn junk_and_unclosed_values_cost_themselves_alone() {
        let text = b"[1, \"x\", {\"a\":1}]\n{\"open\": [\n{\"b\":2}\n";
        let items = frame(text, text.len(), 100);
        assert_eq!(
            items,
            [
                Item::Rejected(1..2, "not a JSON object"),
                Item::Rejected(4..7, "not a JSON object"),
                Item::Record(9..16),
                Item::Rejected(18..29, "record ends before its brackets close"),
                Item::Record(29..36),
            ]
        );
    }

    #[test]
    fn pages_give_the_records_of_their_arrays_and_other_objects_are_records() {
        let text = br#"{"k":1,"items":[{"a":1},{"b":[2]}],"items":[{"c":3}],"x":{}}
{"plain":true}
{"items":[]}{"items":[{"d":4}, 5]}"#;
        let records = |step| {
            let items = frame_with(Framer::pages("items"), text, step, 100);
            let shown = items.iter().map(|item| match item {
                Item::Record(range) => String::from_utf8_lossy(&text[range.clone()]).into_owned(),
                Item::Rejected(range, reason) => format!("{range:?} {reason}"),
            });
            shown.collect::<Vec<_>>()
        };
        let expected = [
            r#"{"a":1}"#,
            r#"{"b":[2]}"#,
            r#"{"c":3}"#,
            r#"{"plain":true}"#,
            r#"{"d":4}"#,
            "107..108 not a JSON object",
        ];
        assert_eq!(records(text.len()), expected);
        assert_eq!(records(1), expected);
    }

    proptest! {
        #[test]
        fn pages_in_pieces_are_what_the_whole_is(
            picks in prop::collection::vec(
                prop::sample::select(vec!["{", "}", "[", "]", "\"p\":", "\"q\":[", "\"x\"", ",", "\n", "1", "\\", "{\"q\":[", "{\"p\":{\"q\":["]),
                0..40,
            ),
            step in 1usize..20,
            max_record in 16usize..60,
        ) {
            let text = picks.concat().into_bytes();
            for path in ["q", "p.q"] {
                let whole = frame_with(Framer::pages(path), &text, text.len().max(1), max_record);
                prop_assert_eq!(frame_with(Framer::pages(path), &text, step, max_record), whole);
            }
        }

        #[test]
        fn the_size_of_the_pieces_does_not_matter(
            picks in prop::collection::vec(prop::sample::select(b"{}[]\",\\\n a1".to_vec()), 0..120),
            step in 1usize..20,
            max_record in 8usize..40,
        ) {
            prop_assert_eq!(frame(&picks, step, max_record), frame(&picks, picks.len().max(1), max_record));
        }
    }
}
