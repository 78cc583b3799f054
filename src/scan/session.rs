//! What a worker keeps from unit to unit of one source: decoder, evaluator, buffers.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::Settings;
use super::evaluate::Evaluator;
use super::ledger::Duplicates;
use super::lines::{Lines, Piece};
use super::program::Program;
use super::unit::{Buffers, Outcome, Reader, Role};
use crate::decode::PADDING;
use crate::decode::csv;
use crate::decode::csv_view::{Columns, CsvView};
use crate::decode::json::records::{Decoder, Handler, Options, Span};
use crate::decode::json::simd::Isa;
use crate::decode::json::stream::Item;
use crate::decode::json::walk::Fault;
use crate::derive::Recorder;
use crate::enrich::Locate;
use crate::rule::Rule;

/// The UTF-8 byte order mark.
pub const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Bytes read at a time from a plain file: fits a core's cache.
const BLOCK: usize = 256 << 10;
/// Why a line is refused unread.
pub const TOO_LONG: &str = "record longer than the limit";

/// A unit's bytes in memory, and where they stand in the input.
pub struct Chunk {
    /// Bytes, followed by [`PADDING`] zeros.
    pub bytes: Vec<u8>,
    /// Bytes of content.
    pub len: usize,
    /// Offset in the input.
    pub offset: u64,
}

/// One worker's state for one program.
pub struct Session {
    decoder: Decoder,
    evaluator: Evaluator,
    recorder: Recorder,
    buffers: Buffers,
    block: Vec<u8>,
    isa: Isa,
    marks: csv::Marks,
}

/// What a unit is read with.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// What the scan was asked for.
    pub settings: &'a Settings,
    /// Every loaded rule.
    pub rules: &'a [Rule],
    /// What is done with the matches of each.
    pub roles: &'a [Role],
    /// Tells where addresses are.
    pub locate: Option<&'a dyn Locate>,
    /// Those compiled for the input's source.
    pub program: &'a Program,
    /// Index of the input.
    pub input: usize,
}

impl Session {
    /// A session that has learnt nothing yet.
    pub fn new(task: Task<'_>) -> Self {
        let fast = task.settings.engine == super::Engine::Fast;
        let isa = task.settings.isa();
        let all_leaves = task.program.reads_everything();
        let max_record = task.settings.max_record;
        Self {
            decoder: Decoder::new(Options { isa, templates: fast, all_leaves, max_record }),
            evaluator: Evaluator::new(task.program),
            recorder: Recorder::new(&task.program.extracts, &task.program.feeds),
            buffers: Buffers::default(),
            block: Vec::new(),
            isa,
            marks: csv::Marks::default(),
        }
    }

    /// About how many bytes the facts take that were noted.
    pub fn fact_bytes(&self) -> usize {
        self.recorder.bytes()
    }

    /// Merges facts that say the same.
    pub fn compact_facts(&mut self) {
        self.recorder.compact();
    }

    /// Takes the facts out.
    pub fn take_facts(&mut self) -> Recorder {
        self.recorder.take()
    }

    /// The facts that were noted.
    pub fn into_recorder(self) -> Recorder {
        self.recorder
    }

    fn reader<'a>(&'a mut self, task: Task<'a>) -> (&'a mut Decoder, &'a mut Vec<u8>, Reader<'a>) {
        self.decoder.begin();
        let outcome = Outcome {
            duplicates: task.settings.count_duplicates.then(Duplicates::default),
            ..Outcome::default()
        };
        let reader = Reader {
            settings: task.settings,
            rules: task.rules,
            roles: task.roles,
            program: task.program,
            locate: task.locate,
            evaluator: &mut self.evaluator,
            recorder: &mut self.recorder,
            input: task.input,
            base: 0,
            outcome,
            buffers: &mut self.buffers,
        };
        (&mut self.decoder, &mut self.block, reader)
    }

    /// Reads the lines that start in `part` of a plain file of JSON lines.
    pub fn file_part(&mut self, task: Task<'_>, file: &File, part: Range<u64>) -> io::Result<Outcome> {
        let (decoder, buffer, mut reader) = self.reader(task);
        let settings = task.settings;
        let skip = bom_length(file, &part)?;
        reader.filler(skip);
        let block = BLOCK.min(settings.chunk_size);
        let mut lines = Lines::new(file, part, skip, block, settings.max_record, buffer)?;
        while let Some(piece) = lines.read()? {
            match piece {
                Piece::Lines { offset, len } => {
                    reader.base = offset;
                    decoder.lines(&task.program.table, lines.buffer(), len, &mut reader);
                }
                Piece::TooLong { offset, length, ended } => {
                    reader.reject(offset, length, TOO_LONG);
                    reader.outcome.coverage.lines += u64::from(ended);
                }
            }
        }
        Ok(reader.outcome)
    }

    /// Reads whole lines of JSON.
    pub fn lines(&mut self, task: Task<'_>, chunk: &Chunk) -> Outcome {
        let (decoder, _, mut reader) = self.reader(task);
        reader.base = chunk.offset;
        decoder.lines(&task.program.table, &chunk.bytes, chunk.len, &mut reader);
        reader.outcome
    }

    /// Reads JSON values that were cut out of a stream.
    pub fn items(&mut self, task: Task<'_>, chunk: &Chunk, items: &[Item]) -> Outcome {
        let (decoder, _, mut reader) = self.reader(task);
        reader.base = chunk.offset;
        let content = chunk.bytes.get(..chunk.len).unwrap_or_default();
        let newlines = |range: Range<usize>| {
            memchr::memchr_iter(b'\n', content.get(range).unwrap_or_default()).count() as u64
        };
        let mut at = 0;
        for item in items {
            let (Item::Record(range) | Item::Rejected(range, _)) = item;
            reader.filler((range.start - at) as u64);
            reader.outcome.coverage.lines += newlines(at..range.start);
            let before = reader.outcome.coverage.lines;
            match item {
                Item::Record(_) => decoder.value(&task.program.table, content, range.clone(), &mut reader),
                Item::Rejected(_, reason) => {
                    reader.reject(chunk.offset + range.start as u64, range.len() as u64, reason);
                }
            }
            reader.outcome.coverage.lines = before + newlines(range.clone());
            at = range.end;
        }
        reader.filler((chunk.len - at) as u64);
        reader.outcome.coverage.lines += newlines(at..chunk.len);
        reader.outcome
    }

    /// Reads whole CSV records.
    pub fn csv(&mut self, task: Task<'_>, chunk: &Chunk, columns: &Columns) -> Outcome {
        let mut marks = std::mem::take(&mut self.marks);
        let isa = self.isa;
        let (_, _, mut reader) = self.reader(task);
        reader.base = chunk.offset;
        columns.slots().for_each(|slot| reader.saw(slot));
        let content = chunk.bytes.get(..chunk.len).unwrap_or_default();
        let layout = columns.layout(task.settings.max_record);
        let records = csv::Records::new(&chunk.bytes, chunk.len, layout, isa, &mut marks);
        records.each(|item| csv_item(&mut reader, task.program, content, columns, &item));
        let outcome = reader.outcome;
        self.marks = marks;
        outcome
    }
}

#[inline(always)]
fn csv_item(
    reader: &mut Reader<'_>,
    program: &Program,
    block: &[u8],
    columns: &Columns,
    item: &csv::Item<'_>,
) {
    let before = reader.outcome.coverage.lines;
    let lines = match *item {
        csv::Item::Record { start, end, next, fields, lines } => {
            let view = CsvView { block, table: &program.table, columns, fields };
            reader.record(Span { start, end, next }, &view);
            lines
        }
        csv::Item::Blank { start, next, lines } => {
            reader.blank(Span { start, end: start, next });
            lines
        }
        csv::Item::Rejected { start, next, reason, lines } => {
            reader.rejected(Span { start, end: next, next }, Fault { offset: start, reason });
            lines
        }
    };
    reader.outcome.coverage.lines = before + u64::from(lines);
}

fn bom_length(file: &File, part: &Range<u64>) -> io::Result<u64> {
    use std::os::unix::fs::FileExt;
    let mut head = [0; 3];
    if part.start > 0 || file.read_at(&mut head, 0)? < BOM.len() {
        return Ok(0);
    }
    Ok(if head == BOM { BOM.len() as u64 } else { 0 })
}

impl Chunk {
    /// A chunk of these bytes.
    pub fn new(mut bytes: Vec<u8>, offset: u64) -> Self {
        let len = bytes.len();
        bytes.resize(len + PADDING, 0);
        Self { bytes, len, offset }
    }
}
