//! The strict walk: RFC 8259 to the letter over one record, keeping the wanted values.

use super::paths::{Node, Paths, ROOT, Slot};
use super::{MAX_DEPTH, string};
use crate::decode::{Kind, Raw};

/// Why a record is not the JSON object that it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Offset relative to the block.
    pub offset: u32,
    /// Stable text for people and ledgers.
    pub reason: &'static str,
}

/// A leaf value, or an empty container, where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// The value. An empty container's range is empty.
    pub raw: Raw,
    /// The wanted path it answers.
    pub slot: Option<Slot>,
}

/// What a walk found. Reused from record to record.
#[derive(Debug, Default)]
pub struct Walk {
    /// Wanted values in the order of the record.
    pub values: Vec<(Slot, Raw)>,
    /// Every leaf in the order of the record; filled only where asked for.
    pub leaves: Vec<Leaf>,
    /// How often a key on a wanted path stood twice in one object. Both values count.
    pub duplicate_keys: u32,
}

/// What is already known of a record's bytes, to spare a second look.
#[derive(Debug, Clone, Copy)]
pub struct Hints {
    /// There may be control characters.
    pub control: bool,
    /// There may be backslashes.
    pub backslash: bool,
}

impl Hints {
    /// Nothing is known.
    pub const NONE: Self = Self { control: true, backslash: true };
}

struct Frame {
    node: Option<Node>,
    array: bool,
    /// Where this object's wanted keys start in `Walker::seen`.
    seen: usize,
}

/// A strict parser with its reusable stacks.
#[derive(Default)]
pub struct Walker {
    stack: Vec<Frame>,
    seen: Vec<Node>,
    key: String,
}

enum Next {
    Value(Option<Node>),
    Key,
    AfterValue,
}

/// One record under the parser's eyes.
struct Cursor<'a> {
    /// The block up to the record's end, so that offsets are the block's.
    bytes: &'a [u8],
    at: usize,
    hints: Hints,
}

impl Walker {
    /// Walks the record `block[start..end]`, which must be valid UTF-8 without line ends around it.
    ///
    /// # Errors
    /// The first fault, with its offset in the block.
    pub fn walk(
        &mut self,
        block: &[u8],
        range: std::ops::Range<usize>,
        paths: &Paths,
        hints: Hints,
        all_leaves: bool,
        out: &mut Walk,
    ) -> Result<(), Fault> {
        out.values.clear();
        out.leaves.clear();
        out.duplicate_keys = 0;
        self.stack.clear();
        self.seen.clear();
        let mut cursor = Cursor { bytes: block.get(..range.end).unwrap_or_default(), at: range.start, hints };
        cursor.skip_space();
        if cursor.peek() != Some(b'{') {
            return Err(cursor.fault("record is not a JSON object"));
        }
        let mut sink = Sink { paths, all_leaves, out };
        let mut next = Next::Value(Some(ROOT));
        loop {
            next = match next {
                Next::Value(node) => self.value(&mut cursor, node, &mut sink)?,
                Next::Key => self.key(&mut cursor, &mut sink)?,
                Next::AfterValue if self.stack.is_empty() => return cursor.finish(),
                Next::AfterValue => self.after_value(&mut cursor)?,
            };
        }
    }

    fn value(
        &mut self,
        cursor: &mut Cursor<'_>,
        node: Option<Node>,
        sink: &mut Sink<'_>,
    ) -> Result<Next, Fault> {
        cursor.skip_space();
        match cursor.peek() {
            Some(b'"') => {
                let raw = cursor.string()?;
                sink.leaf(raw, node);
                Ok(Next::AfterValue)
            }
            Some(b'{') => self.open(cursor, node, false, sink),
            Some(b'[') => self.open(cursor, node, true, sink),
            _ => {
                let raw = cursor.scalar()?;
                sink.leaf(raw, node);
                Ok(Next::AfterValue)
            }
        }
    }

    fn open(
        &mut self,
        cursor: &mut Cursor<'_>,
        node: Option<Node>,
        array: bool,
        sink: &mut Sink<'_>,
    ) -> Result<Next, Fault> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(cursor.fault("nested deeper than 128 levels"));
        }
        cursor.at += 1;
        cursor.skip_space();
        let empty = cursor.peek() == Some(if array { b']' } else { b'}' });
        if !array || empty {
            sink.container(cursor.at, node);
        }
        if empty {
            cursor.at += 1;
            return Ok(Next::AfterValue);
        }
        self.stack.push(Frame { node, array, seen: self.seen.len() });
        Ok(if array { Next::Value(node) } else { Next::Key })
    }

    fn key(&mut self, cursor: &mut Cursor<'_>, sink: &mut Sink<'_>) -> Result<Next, Fault> {
        cursor.skip_space();
        if cursor.peek() != Some(b'"') {
            return Err(cursor.fault("expected a key in double quotes"));
        }
        let raw = cursor.string()?;
        cursor.skip_space();
        if cursor.peek() != Some(b':') {
            return Err(cursor.fault("expected a colon after the key"));
        }
        cursor.at += 1;
        let Some(frame) = self.stack.last() else { return Ok(Next::AfterValue) };
        let Some(parent) = frame.node else { return Ok(Next::Value(None)) };
        let name = raw.bytes(cursor.bytes);
        let child = if cursor.hints.backslash && memchr::memchr(b'\\', name).is_some() {
            self.key.clear();
            string::unescape(name, &mut self.key);
            sink.paths.child(parent, self.key.as_bytes())
        } else {
            sink.paths.child(parent, name)
        };
        if let Some(node) = child {
            if self.seen.get(frame.seen..).unwrap_or_default().contains(&node) {
                sink.out.duplicate_keys += 1;
            } else {
                self.seen.push(node);
            }
        }
        Ok(Next::Value(child))
    }

    fn after_value(&mut self, cursor: &mut Cursor<'_>) -> Result<Next, Fault> {
        cursor.skip_space();
        let Some(frame) = self.stack.last() else { return Ok(Next::AfterValue) };
        let (node, array, seen) = (frame.node, frame.array, frame.seen);
        match cursor.peek() {
            Some(b',') => {
                cursor.at += 1;
                Ok(if array { Next::Value(node) } else { Next::Key })
            }
            Some(close) if close == if array { b']' } else { b'}' } => {
                cursor.at += 1;
                self.seen.truncate(seen);
                self.stack.pop();
                Ok(Next::AfterValue)
            }
            None => Err(cursor.fault("record ends before its brackets close")),
            Some(_) if array => Err(cursor.fault("expected a comma or ] after the value")),
            Some(_) => Err(cursor.fault("expected a comma or } after the value")),
        }
    }
}

struct Sink<'a> {
    paths: &'a Paths,
    all_leaves: bool,
    out: &'a mut Walk,
}

impl Sink<'_> {
    #[inline]
    fn leaf(&mut self, raw: Raw, node: Option<Node>) {
        let slot = node.and_then(|node| self.paths.slot(node));
        if let Some(slot) = slot {
            self.out.values.push((slot, raw));
        }
        if self.all_leaves {
            self.out.leaves.push(Leaf { raw, slot });
        }
    }

    fn container(&mut self, at: usize, node: Option<Node>) {
        if let Some(slot) = node.and_then(|node| self.paths.slot(node)) {
            self.out.values.push((slot, raw(at, at, Kind::Container)));
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "blocks are shorter than 4 GiB")]
fn raw(start: usize, end: usize, kind: Kind) -> Raw {
    Raw { start: start as u32, end: end as u32, kind }
}

impl Cursor<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn fault(&self, reason: &'static str) -> Fault {
        fault_at(self.at, reason)
    }

    fn finish(mut self) -> Result<(), Fault> {
        self.skip_space();
        if self.peek().is_some() { Err(self.fault("more data after the record's end")) } else { Ok(()) }
    }

    /// At an opening quote: the inside, with the cursor moved past the closing quote.
    fn string(&mut self) -> Result<Raw, Fault> {
        let start = self.at + 1;
        let mut from = start;
        loop {
            let rest = self.bytes.get(from..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                return Err(fault_at(start - 1, "string is never closed"));
            };
            let at = from + found;
            if self.bytes.get(at) == Some(&b'"') {
                self.at = at + 1;
                break;
            }
            from = at + 2;
        }
        let inside = raw(start, self.at - 1, Kind::JsonString);
        let bytes = inside.bytes(self.bytes);
        let checked = match (self.hints.control, self.hints.backslash) {
            (false, false) => Ok(()),
            (false, true) => string::check_escapes(bytes),
            (true, _) => string::check(bytes),
        };
        checked.map_err(|(offset, reason)| fault_at(start + offset, reason))?;
        Ok(inside)
    }

    fn scalar(&mut self) -> Result<Raw, Fault> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        if rest.is_empty() {
            return Err(self.fault("record ends where a value should stand"));
        }
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n'))
            .unwrap_or(rest.len());
        let token = rest.get(..length).unwrap_or_default();
        let Some(kind) = scalar_kind(token) else {
            return Err(self.fault("not a JSON value"));
        };
        self.at += length;
        Ok(raw(start, self.at, kind))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "blocks are shorter than 4 GiB")]
fn fault_at(offset: usize, reason: &'static str) -> Fault {
    Fault { offset: offset as u32, reason }
}

/// The kind of a whole unquoted token, or `None` where JSON has no such value.
#[inline]
pub fn scalar_kind(token: &[u8]) -> Option<Kind> {
    match token {
        b"true" => Some(Kind::True),
        b"false" => Some(Kind::False),
        b"null" => Some(Kind::Null),
        _ => is_number(token).then_some(Kind::Number),
    }
}

fn is_number(token: &[u8]) -> bool {
    let digits = token.strip_prefix(b"-").unwrap_or(token);
    let (whole, rest) = split_digits(digits);
    if whole.is_empty() || (whole.len() > 1 && whole.first() == Some(&b'0')) {
        return false;
    }
    let rest = match rest.strip_prefix(b".") {
        None => rest,
        Some(fraction) => {
            let (digits, rest) = split_digits(fraction);
            if digits.is_empty() {
                return false;
            }
            rest
        }
    };
    match rest {
        [] => true,
        [b'e' | b'E', exponent @ ..] => {
            let exponent =
                exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
            let (digits, rest) = split_digits(exponent);
            !digits.is_empty() && rest.is_empty()
        }
        _ => false,
    }
}

fn split_digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walk(text: &str, wanted: &[&str]) -> Result<Vec<(String, String)>, Fault> {
        let mut paths = Paths::default();
        for path in wanted {
            paths.add(path);
        }
        let mut out = Walk::default();
        Walker::default().walk(text.as_bytes(), 0..text.len(), &paths, Hints::NONE, false, &mut out)?;
        let mut scratch = String::new();
        Ok(out
            .values
            .iter()
            .map(|&(slot, raw)| {
                let value = format!("{:?}", raw.scalar(text.as_bytes(), &mut scratch));
                (paths.name(slot).to_owned(), value)
            })
            .collect())
    }

    #[test]
    fn wanted_values_are_found_in_objects_arrays_and_dotted_keys() {
        let text =
            r#" {"a":{"b":1,"x":[{"b":2}]},"t":[{"n":"p"},{"n":"q\n"},{}],"a.b":true,"e":[],"n":null} "#;
        let found = walk(text, &["a.b", "t.n", "t", "e", "n"]).unwrap();
        let expected = [
            ("a.b", "Number(\"1\")"),
            ("t", "Container"),
            ("t.n", "Str(\"p\")"),
            ("t", "Container"),
            ("t.n", "Str(\"q\\n\")"),
            ("t", "Container"),
            ("a.b", "Bool(true)"),
            ("e", "Container"),
            ("n", "Null"),
        ];
        let expected: Vec<_> = expected.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn faults_have_offset_and_reason() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(128), "]".repeat(128));
        let cases = [
            ("[1]", 0, "record is not a JSON object"),
            ("{\"a\":1", 6, "record ends before its brackets close"),
            ("{\"a\":}", 5, "not a JSON value"),
            ("{\"a\":1,}", 7, "expected a key in double quotes"),
            ("{\"a\" 1}", 5, "expected a colon after the key"),
            ("{\"a\":1]", 6, "expected a comma or } after the value"),
            ("{\"a\":[1}", 7, "expected a comma or ] after the value"),
            ("{\"a\":1}{\"b\":2}", 7, "more data after the record's end"),
            ("{\"a\":\"x", 5, "string is never closed"),
            ("{\"a\":NaN}", 5, "not a JSON value"),
            ("{\"a\":01}", 5, "not a JSON value"),
            ("{\"a\":\"\\q\"}", 6, "unknown escape in a string"),
            ("{'a':1}", 1, "expected a key in double quotes"),
            (deep.as_str(), 132, "nested deeper than 128 levels"),
        ];
        for (text, offset, reason) in cases {
            assert_eq!(walk(text, &["a"]), Err(Fault { offset, reason }), "{text}");
        }
    }

    #[test]
    fn both_values_of_a_duplicate_key_count() {
        let mut paths = Paths::default();
        paths.add("a");
        let text = br#"{"a":1,"b":2,"\u0061":3,"b":4}"#;
        let mut out = Walk::default();
        Walker::default().walk(text, 0..text.len(), &paths, Hints::NONE, true, &mut out).unwrap();
        assert_eq!((out.values.len(), out.duplicate_keys, out.leaves.len()), (2, 1, 4));
    }

    fn json_like() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"b\"",
            "\"\\u0041\"",
            "1",
            "-0.5e3",
            "true",
            "null",
            " ",
            "\"",
            "\\",
            "x",
            "01",
            "\"\u{e9}\"",
        ]);
        prop::collection::vec(token, 0..14).prop_map(|tokens| format!("{{{}}}", tokens.concat()))
    }

    proptest! {
        #[test]
        fn accepts_exactly_what_serde_json_accepts(text in json_like()) {
            let ours = walk(&text, &["a"]).is_ok();
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }
}
