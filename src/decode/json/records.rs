//! The records of a block of JSON lines, each by the fastest way that is sure.

use super::index::{Index, Line};
use super::shapes::Shapes;
use super::simd::{Isa, Simd, Work};
use super::template::{Candidate, Template, TemplateView, escapes_fit};
use super::walk::{Fault, Hints, Walk, Walker};
use crate::decode::Raw;
use crate::decode::fields::{FieldTable, View, WalkView};
use crate::decode::json::paths::Slot;

/// A line: its record without line end, and where the line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte of the line, relative to the block.
    pub start: u32,
    /// One past the record's last byte.
    pub end: u32,
    /// One past the line's last byte: the next line's start.
    pub next: u32,
}

/// Takes the records of a block, in order.
pub trait Handler {
    /// A record.
    fn record<V: View>(&mut self, span: Span, view: &V);
    /// A line of nothing but white space.
    fn blank(&mut self, span: Span);
    /// A line that is not a record.
    fn rejected(&mut self, span: Span, fault: Fault);
    /// The unit has a record with this wanted path. Called at least once a unit for each.
    fn saw(&mut self, slot: Slot);
    /// A key on a wanted path stood twice in a record.
    fn duplicate_keys(&mut self, count: u32);
}

/// What a decoder is to do.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Instruction set.
    pub isa: Isa,
    /// Whether to use templates; without, every record is walked.
    pub templates: bool,
    /// Whether views must know all leaves (keyword searches).
    pub all_leaves: bool,
    /// Longest record, in bytes without the line end; longer ones are rejected.
    pub max_record: usize,
}

/// Decodes blocks; keeps what it learnt from block to block.
pub struct Decoder {
    options: Options,
    index: Index,
    walker: Walker,
    walk: Walk,
    shapes: Shapes,
    holes: Vec<Raw>,
}

struct Lines<'a, H> {
    decoder: &'a mut Decoder,
    table: &'a FieldTable,
    block: &'a [u8],
    len: usize,
    handler: &'a mut H,
}

impl<H: Handler> Work for Lines<'_, H> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.decoder.run(simd, self.table, self.block, self.len, self.handler);
    }
}

impl Decoder {
    /// A decoder that has learnt nothing yet.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            index: Index::default(),
            walker: Walker::default(),
            walk: Walk::default(),
            shapes: Shapes::default(),
            holes: Vec::new(),
        }
    }

    /// Starts a new unit: see [`Handler::saw`].
    pub fn begin(&mut self) {
        self.shapes.begin();
    }

    /// Gives the lines of `block[..len]` to `handler`. `block` must have [`crate::decode::PADDING`] bytes more.
    pub fn lines<H: Handler>(&mut self, table: &FieldTable, block: &[u8], len: usize, handler: &mut H) {
        self.options.isa.run(Lines { decoder: self, table, block, len, handler });
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "blocks are shorter than 4 GiB")]
    fn run<S: Simd, H: Handler>(
        &mut self,
        simd: S,
        table: &FieldTable,
        block: &[u8],
        len: usize,
        handler: &mut H,
    ) {
        let mut index = std::mem::take(&mut self.index);
        index.build(simd, block, len);
        let mut start = 0u32;
        for line in &index.lines {
            let next = (line.end + 1).min(len as u32);
            let record = Candidate { block, start, end: line.end, quotes: &index.quotes };
            self.line(simd, table, record, next, *line, handler);
            start = next;
        }
        self.index = index;
    }

    #[inline(always)]
    fn line<S: Simd, H: Handler>(
        &mut self,
        simd: S,
        table: &FieldTable,
        mut record: Candidate<'_>,
        next: u32,
        line: Line,
        handler: &mut H,
    ) {
        if line.control && record.bytes().ends_with(b"\r") {
            record.end -= 1;
        }
        let span = Span { start: record.start, end: record.end, next };
        if (span.end - span.start) as usize > self.options.max_record {
            return handler
                .rejected(span, Fault { offset: span.start, reason: "record longer than the limit" });
        }
        if self.options.templates && span.end > span.start {
            let clean = !line.control || !has_control(record);
            if clean
                && let Some(hit) = self.shapes.find(simd, record, &mut self.holes)
                && is_text(record, line, &self.holes)
            {
                if hit.first {
                    hit.template.slots().iter().for_each(|&slot| handler.saw(slot));
                }
                handler.record(span, &TemplateView { record, template: hit.template, holes: &self.holes });
                return;
            }
        }
        let learn = self.options.templates && self.shapes.wants_more();
        self.strict(table, record, span, line, learn, handler);
    }

    /// Gives one value of a stream to `handler`. It may span lines; `range` is exactly its bytes.
    #[expect(clippy::cast_possible_truncation, reason = "blocks are shorter than 4 GiB")]
    pub fn value<H: Handler>(
        &mut self,
        table: &FieldTable,
        block: &[u8],
        range: std::ops::Range<usize>,
        handler: &mut H,
    ) {
        let (start, end) = (range.start as u32, range.end as u32);
        let line = Line { end, backslash: true, control: true, high: true };
        let record = Candidate { block, start, end, quotes: &[] };
        self.strict(table, record, Span { start, end, next: end }, line, false, handler);
    }

    /// The way of every record that no template fits.
    #[inline(never)]
    fn strict<H: Handler>(
        &mut self,
        table: &FieldTable,
        record: Candidate<'_>,
        span: Span,
        line: Line,
        learn: bool,
        handler: &mut H,
    ) {
        let range = span.start as usize..span.end as usize;
        let bytes = record.bytes();
        if bytes.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
            return handler.blank(span);
        }
        if line.high
            && let Err(error) = simdutf8::compat::from_utf8(bytes)
        {
            let at = u32::try_from(error.valid_up_to()).unwrap_or_default();
            return handler.rejected(span, Fault { offset: span.start + at, reason: "invalid UTF-8" });
        }
        let hints = Hints { control: line.control, backslash: line.backslash };
        let leaves = self.options.all_leaves || learn;
        let walked = self.walker.walk(record.block, range, table.paths(), hints, leaves, &mut self.walk);
        if let Err(fault) = walked {
            return handler.rejected(span, fault);
        }
        self.walk.values.iter().for_each(|&(slot, _)| handler.saw(slot));
        if self.walk.duplicate_keys > 0 {
            handler.duplicate_keys(self.walk.duplicate_keys);
        }
        handler.record(span, &WalkView { block: record.block, table, walk: &self.walk });
        if learn && let Some(template) = Template::learn(record, &self.walk, table) {
            self.shapes.learn(template);
        }
    }
}

fn has_control(record: Candidate<'_>) -> bool {
    record.bytes().iter().any(|&byte| byte < 0x20)
}

/// The checks that a template leaves to its caller; rare, since most lines have neither escapes nor non-ASCII text.
#[inline(always)]
fn is_text(record: Candidate<'_>, line: Line, holes: &[Raw]) -> bool {
    (!line.high || simdutf8::basic::from_utf8(record.bytes()).is_ok())
        && (!line.backslash || escapes_fit(record.block, holes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::fields::Got;
    use crate::decode::{PADDING, Raw};

    /// Writes down all that a handler is told.
    #[derive(Default, Debug, PartialEq)]
    struct Notes {
        items: Vec<String>,
        saw: std::collections::BTreeSet<Slot>,
        duplicates: u32,
    }

    impl Handler for Notes {
        fn record<V: View>(&mut self, span: Span, view: &V) {
            let mut many = Vec::new();
            let mut scratch = String::new();
            let mut text = |raw: Raw| format!("{raw:?} {:?}", raw.scalar(view.block(), &mut scratch));
            for field in 0..4 {
                let got = match view.get(field, &mut many) {
                    Got::Absent => vec![],
                    // A container has no place of its own.
                    Got::One(raw) if raw.kind == crate::decode::Kind::Container => {
                        vec!["container".to_owned()]
                    }
                    Got::One(raw) => vec![text(raw)],
                    Got::Many => many
                        .iter()
                        .map(|raw| {
                            format!("{:?} {:?}", raw.kind, raw.scalar(view.block(), &mut String::new()))
                        })
                        .collect(),
                };
                self.items.push(format!("{span:?} {field} {got:?}"));
            }
            let mut leaves = Vec::new();
            view.leaves(&mut leaves);
            leaves.sort_by_key(|raw| (raw.start, raw.end));
            self.items.push(format!("{leaves:?}"));
        }
        fn blank(&mut self, span: Span) {
            self.items.push(format!("{span:?} blank"));
        }
        fn rejected(&mut self, span: Span, fault: Fault) {
            self.items.push(format!("{span:?} {fault:?}"));
        }
        fn saw(&mut self, slot: Slot) {
            self.saw.insert(slot);
        }
        fn duplicate_keys(&mut self, count: u32) {
            self.duplicates += count;
        }
    }

    fn read(text: &[u8], templates: bool, isa: Isa) -> Notes {
        let mut table = FieldTable::default();
        for (name, paths) in [("a", vec!["a"]), ("n", vec!["b.c", "d"]), ("d", vec!["d"]), ("e", vec!["e.f"])]
        {
            let paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
            table.add(name, &paths);
        }
        let mut decoder = Decoder::new(Options { isa, templates, all_leaves: true, max_record: 1 << 20 });
        let mut block = text.to_vec();
        block.resize(text.len() + PADDING, 0);
        let mut notes = Notes::default();
        decoder.begin();
        decoder.lines(&table, &block, text.len(), &mut notes);
        notes
    }

    fn same_both_ways(text: &[u8]) -> Notes {
        let strict = read(text, false, Isa::Portable);
        assert_eq!(read(text, true, Isa::Portable), strict, "{}", String::from_utf8_lossy(text));
        assert_eq!(read(text, true, Isa::Avx2), strict, "{}", String::from_utf8_lossy(text));
        strict
    }

    #[test]
    fn templates_and_walk_agree_on_records_of_one_shape_and_on_near_misses() {
        let base = r#"{"a":"x","b":{"c":1,"z":"q"},"d":[true,"k"],"e":{"f":null,"g":-1.5e3}}"#;
        let near = [
            base.to_owned(),
            base.replace("\"x\"", "\"a longer one \u{e9}\""),
            base.replace("\"x\"", r#""es\"cap\u0065d""#),
            base.replace("\"x\"", r#""bad \q escape""#),
            base.replace("\"x\"", "\"tab\there\""),
            base.replace(":1,", ":12345678901234567890,"),
            base.replace(":1,", ":\"1\","),
            base.replace(":1,", ":01,"),
            base.replace(":1,", ":,"),
            base.replace(":1,", ": 1 ,"),
            base.replace("null", "false"),
            base.replace("null", "nul"),
            base.replace("\"a\"", "\"A\""),
            base.replace("\"z\"", "\"a\""),
            base.replace("\"z\"", "\"c\""),
            base.replace("[true", "[true,false"),
            base.replace("\"k\"]", "\"k\"}"),
            base.replace("}}", "}}}"),
            base.replace("}}", "}"),
            format!(" {base} "),
            format!("{base}\r"),
            base.replace("\"x\"", "\"\""),
        ];
        let text = near.join("\n");
        let notes = same_both_ways(text.as_bytes());
        assert!(notes.items.iter().any(|item| item.contains("unknown escape")));
        assert!(notes.items.iter().any(|item| item.contains("caped")));
    }

    #[test]
    fn null_leaves_a_field_to_its_next_path() {
        let cases = [
            (r#"{"b":{"c":null},"d":7}"#, r#"Number(\"7\")"#),
            (r#"{"b":{"c":null},"d":8}"#, r#"Number(\"8\")"#),
            (r#"{"b":{"c":5},"d":8}"#, r#"Number(\"5\")"#),
            (r#"{"b":{"c":5},"d":null}"#, r#"Number(\"5\")"#),
            (r#"{"b":{"c":null},"d":null}"#, "Null"),
            (r#"{"b":{"c":null},"d":"x"}"#, r#"Str(\"x\")"#),
            (r#"{"b":{"c":null},"d":"y"}"#, r#"Str(\"y\")"#),
            (r#"{"b":{"c":"z"},"d":"y"}"#, r#"Str(\"z\")"#),
            (r#"{"b":{"c":null},"d":[3,4]}"#, r#"Number(\"4\")"#),
            (r#"{"b":{"c":6},"d":[3,4]}"#, r#"Number(\"6\")"#),
        ];
        // Twice, so that each shape is known.
        let lines: Vec<&str> = cases.iter().chain(&cases).map(|(line, _)| *line).collect();
        let notes = same_both_ways(lines.join("\n").as_bytes());
        let of_n = notes.items.iter().filter(|item| item.contains("} 1 ["));
        let of_n: Vec<&String> = of_n.collect();
        assert_eq!(of_n.len(), lines.len(), "{notes:?}");
        for (item, (line, value)) in of_n.iter().zip(cases.iter().chain(&cases)) {
            assert!(item.contains(value), "{line}: {item}");
        }
    }

    fn value() -> impl Strategy<Value = String> {
        prop::sample::select(vec![
            "1",
            "-2.5",
            "true",
            "null",
            "\"\"",
            "\"x\"",
            "\"y\\n\"",
            "\"\\u00e9\"",
            "\"\u{20ac}\"",
            "\"bad\\x\"",
            "[]",
            "{}",
            "[1,2]",
            "[\"p\",\"q\"]",
            "[{\"f\":1},{\"f\":\"2\"}]",
            "{\"c\":3}",
            "{\"c\":\"s\",\"f\":null}",
            "tru",
            "",
            "\"a\u{1}b\"",
            "\"\\\\\"",
            "\"\\\\\\\"\"",
        ])
        .prop_map(str::to_owned)
    }

    fn record() -> impl Strategy<Value = String> {
        let key = prop::sample::select(vec![
            "a",
            "b",
            "d",
            "e",
            "x",
            "b.c",
            "e.f",
            "\\u0061",
            "longer key name that fills chunks",
        ]);
        let space = prop::sample::select(vec!["", "", "", "", " "]);
        prop::collection::vec((key, space, value()), 0..5).prop_map(|members| {
            let members: Vec<String> =
                members.into_iter().map(|(key, space, value)| format!("\"{key}\":{space}{value}")).collect();
            format!("{{{}}}", members.join(","))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn templates_never_change_what_a_block_says(
            pool in prop::collection::vec(record(), 1..4),
            picks in prop::collection::vec((0usize..4, value(), 0usize..6), 1..24),
        ) {
            // Few shapes, many records, now and then a byte out of place.
            let lines: Vec<Vec<u8>> = picks.iter().map(|(pick, value, mangle)| {
                let mut line = pool[pick % pool.len()].replace("\"x\"", value).into_bytes();
                if *mangle == 0 && !line.is_empty() {
                    let at = value.len() % line.len();
                    line[at] = b"\"\\,:}]\xFF\x00"[pick % 8];
                }
                line
            }).collect();
            same_both_ways(&lines.join(&b'\n'));
        }
    }
}
