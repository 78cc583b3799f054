//! Streams: decompressed inputs, standard input, and formats whose records only a reading from the start can find.
//!
//! One task reads and cuts; chunks of whole records go to other workers as long as some are free, else the reading
//! task does them itself. So memory is bounded and the slowest part is the limit.

use std::io::{self, Read};
use std::sync::atomic::Ordering;

use rayon::Scope;

use super::ledger::{Coverage, Range};
use super::session::{BOM, Chunk, Session, TOO_LONG, Task};
use super::unit::Outcome;
use super::work::Scan;
use crate::decode::csv::{self, CsvFramer};
use crate::decode::csv_view::Columns;
use crate::decode::json::stream::{Framer, Item};
use crate::source::sniff::{self, Framing, SniffError, Sniffed, Told};

/// Bytes of a stream's chunk, unless units are smaller.
const CHUNK: usize = 1 << 20;

/// The reading end.
struct Feed {
    reader: Box<dyn Read + Send>,
    /// Bytes read and not yet dealt with; they stand at `offset`.
    held: Vec<u8>,
    offset: u64,
    eof: bool,
    problem: Option<String>,
}

/// What a chunk is read as.
enum Payload {
    Lines(Chunk),
    Items(Chunk, Vec<Item>),
    Csv(Chunk, std::sync::Arc<Columns>),
    /// No record: already accounted for.
    Settled(Box<Outcome>),
}

/// Reads an input from its start.
pub(super) fn read<'s>(scan: &'s Scan<'_>, scope: &Scope<'s>, at: usize, reader: Box<dyn Read + Send>) {
    let mut feed = Feed { reader, held: Vec::new(), offset: 0, eof: false, problem: None };
    let mut units = Units { scan, at, number: 0 };
    skip_leading_space(&mut units, scope, &mut feed);
    match tell(&mut units, scope, &mut feed) {
        Ok(sniffed) => read_as(&mut units, scope, &mut feed, &sniffed),
        Err(error) => {
            let blank = error == SniffError::Empty;
            if !blank {
                scan.note(at, |note| note.problem = Some(error.to_string()));
            }
            refuse_all(&mut units, scope, &mut feed, blank, Scan::sniff_reason(&error));
        }
    }
    scan.note(at, |note| {
        note.bytes = feed.offset;
        if let Some(problem) = feed.problem.take() {
            note.problem = Some(problem);
        }
    });
}

/// Leaves the head of the content in `feed`, however much white space stands before it.
fn skip_leading_space<'s>(units: &mut Units<'s, '_>, scope: &Scope<'s>, feed: &mut Feed) {
    loop {
        feed.fill(sniff::HEAD);
        if feed.eof || !feed.held.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let (space, _) = feed.take(feed.held.len());
        let mut outcome = blank(space.len() as u64);
        outcome.coverage.lines = memchr::memchr_iter(b'\n', &space).count() as u64;
        outcome.coverage.blank_lines = outcome.coverage.lines;
        units.give(scope, 0, Payload::Settled(Box::new(outcome)));
    }
}

/// What the input is, by as much of it as it takes. First records that are too long are skipped.
fn tell<'s>(units: &mut Units<'s, '_>, scope: &Scope<'s>, feed: &mut Feed) -> Result<Sniffed, SniffError> {
    let scan = units.scan;
    loop {
        match sniff::tell(&feed.held, feed.eof, scan.settings.max_record, scan.forced, scan.mapping) {
            Told::Result(told) => return told,
            Told::More(length) => feed.fill(length),
            Told::Skip => {
                let outcome = skip_line(scan, feed);
                units.give(scope, 0, Payload::Settled(Box::new(outcome)));
                skip_leading_space(units, scope, feed);
            }
        }
    }
}

/// Hands out units with their numbers.
struct Units<'s, 'a> {
    scan: &'s Scan<'a>,
    at: usize,
    number: u64,
}

impl<'s> Units<'s, '_> {
    fn give(&mut self, scope: &Scope<'s>, source: usize, payload: Payload) {
        let (scan, at, number) = (self.scan, self.at, self.number);
        self.number += 1;
        if matches!(payload, Payload::Settled(_)) || !scan.take_place() {
            return work(scan, at, source, number, payload);
        }
        scope.spawn(move |_| {
            work(scan, at, source, number, payload);
            scan.in_flight.fetch_sub(1, Ordering::AcqRel);
        });
    }
}

fn work(scan: &Scan<'_>, at: usize, source: usize, number: u64, payload: Payload) {
    let outcome = match payload {
        Payload::Settled(outcome) => *outcome,
        payload => {
            let read = scan.with_session(at, source, |session, task| payload.read(session, task));
            read.unwrap_or_default()
        }
    };
    scan.collect(at, number, outcome);
}

impl Payload {
    fn read(&self, session: &mut Session, task: Task<'_>) -> Outcome {
        match self {
            Self::Lines(chunk) => session.lines(task, chunk),
            Self::Items(chunk, items) => session.items(task, chunk, items),
            Self::Csv(chunk, columns) => session.csv(task, chunk, columns),
            Self::Settled(_) => Outcome::default(),
        }
    }
}

impl Feed {
    /// Reads until `target` bytes are held, or the end.
    fn fill(&mut self, target: usize) {
        while !self.eof && self.held.len() < target {
            let old = self.held.len();
            self.held.resize(target, 0);
            let read = self.held.get_mut(old..).map_or(Ok(0), |rest| self.reader.read(rest));
            self.held.truncate(old + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => self.eof = true,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.problem = Some(error.to_string());
                    self.eof = true;
                }
            }
        }
    }

    /// Takes the first `length` bytes.
    fn take(&mut self, length: usize) -> (Vec<u8>, u64) {
        let rest = self.held.split_off(length.min(self.held.len()));
        let taken = std::mem::replace(&mut self.held, rest);
        let offset = self.offset;
        self.offset += taken.len() as u64;
        (taken, offset)
    }
}

fn read_as<'s>(units: &mut Units<'s, '_>, scope: &Scope<'s>, feed: &mut Feed, sniffed: &Sniffed) {
    let source = units.scan.recognised(units.at, sniffed.source, &sniffed.framing);
    if feed.held.starts_with(BOM) {
        let (bom, _) = feed.take(BOM.len());
        units.give(scope, source, Payload::Settled(Box::new(blank(bom.len() as u64))));
    }
    match sniffed.framing {
        Framing::JsonLines => lines(units, scope, feed, source),
        Framing::JsonStream => values(units, scope, feed, source, Framer::default()),
        Framing::JsonPages(ref path) => values(units, scope, feed, source, Framer::pages(path)),
        Framing::Csv { delimiter } => table(units, scope, feed, source, delimiter),
    }
}

fn chunk_size(scan: &Scan<'_>) -> usize {
    scan.settings.chunk_size.min(CHUNK)
}

fn lines<'s>(units: &mut Units<'s, '_>, scope: &Scope<'s>, feed: &mut Feed, source: usize) {
    let mut target = chunk_size(units.scan);
    loop {
        feed.fill(target);
        let cut = match memchr::memrchr(b'\n', &feed.held) {
            Some(newline) => newline + 1,
            None if feed.eof => feed.held.len(),
            None if feed.held.len() > units.scan.settings.max_record + 1 => {
                let outcome = skip_line(units.scan, feed);
                units.give(scope, source, Payload::Settled(Box::new(outcome)));
                target = chunk_size(units.scan);
                continue;
            }
            None => {
                target = feed.held.len().saturating_mul(2).max(target);
                continue;
            }
        };
        if cut == 0 {
            return;
        }
        let (bytes, offset) = feed.take(cut);
        progress(units.scan, bytes.len());
        units.give(scope, source, Payload::Lines(Chunk::new(bytes, offset)));
        target = chunk_size(units.scan);
    }
}

fn progress(scan: &Scan<'_>, bytes: usize) {
    scan.progress.bytes(bytes as u64);
}

/// A line over the limit: its bytes are counted, not kept.
fn skip_line(scan: &Scan<'_>, feed: &mut Feed) -> Outcome {
    let start = feed.offset;
    let ended = loop {
        let newline = memchr::memchr(b'\n', &feed.held);
        let (bytes, _) = feed.take(newline.map_or(feed.held.len(), |newline| newline + 1));
        progress(scan, bytes.len());
        if newline.is_some() {
            break true;
        }
        if feed.eof {
            break false;
        }
        feed.fill(CHUNK);
    };
    let mut outcome = rejected(start, feed.offset - start, TOO_LONG);
    outcome.coverage.lines = u64::from(ended);
    outcome
}

fn values<'s>(
    units: &mut Units<'s, '_>,
    scope: &Scope<'s>,
    feed: &mut Feed,
    source: usize,
    mut framer: Framer,
) {
    let mut target = chunk_size(units.scan);
    loop {
        feed.fill(target);
        let framed = framer.cut(&feed.held, feed.eof, units.scan.settings.max_record);
        if framed.consumed == 0 && !feed.eof {
            target = feed.held.len().saturating_mul(2).max(target);
            continue;
        }
        let (bytes, offset) = feed.take(framed.consumed);
        progress(units.scan, bytes.len());
        if !bytes.is_empty() {
            units.give(scope, source, Payload::Items(Chunk::new(bytes, offset), framed.items));
        }
        if feed.eof && feed.held.is_empty() {
            if framer.unclosed() && feed.problem.is_none() {
                feed.problem = Some("the JSON array or page is never closed: the file is cut off".to_owned());
            }
            return;
        }
        target = chunk_size(units.scan) + feed.held.len();
    }
}

fn table<'s>(units: &mut Units<'s, '_>, scope: &Scope<'s>, feed: &mut Feed, source: usize, delimiter: u8) {
    let Some(program) = units.scan.program(source) else { return };
    let header_end = memchr::memchr(b'\n', &feed.held).map_or(feed.held.len(), |newline| newline + 1);
    let (header, _) = feed.take(header_end);
    let names = csv::header(&header, delimiter);
    let columns = std::sync::Arc::new(Columns::place(names, delimiter, &program.table));
    units.scan.note(units.at, |note| note.columns = Some(Columns::clone(&columns)));
    let mut settled = Outcome::default();
    settled.coverage.parsed_bytes = header.len() as u64;
    settled.coverage.lines = u64::from(header.ends_with(b"\n"));
    units.give(scope, source, Payload::Settled(Box::new(settled)));
    let mut framer =
        CsvFramer::new(columns.layout(units.scan.settings.max_record), units.scan.settings.isa());
    let mut target = chunk_size(units.scan);
    loop {
        feed.fill(target);
        let cut = framer.cut(&feed.held, feed.eof);
        if cut == 0 && !feed.eof && feed.held.len() > units.scan.settings.max_record + 2 {
            let outcome = skip_line(units.scan, feed);
            units.give(scope, source, Payload::Settled(Box::new(outcome)));
            continue;
        }
        if cut == 0 && !feed.eof {
            target = feed.held.len().saturating_mul(2).max(target);
            continue;
        }
        let (bytes, offset) = feed.take(cut);
        progress(units.scan, bytes.len());
        if bytes.is_empty() {
            return;
        }
        units.give(scope, source, Payload::Csv(Chunk::new(bytes, offset), std::sync::Arc::clone(&columns)));
        target = chunk_size(units.scan) + feed.held.len();
    }
}

/// Nobody knows this input: every byte is counted, none is read as a record.
fn refuse_all<'s>(
    units: &mut Units<'s, '_>,
    scope: &Scope<'s>,
    feed: &mut Feed,
    is_blank: bool,
    reason: &'static str,
) {
    let start = feed.offset;
    let mut length = 0;
    let mut only_space = is_blank;
    loop {
        let (bytes, _) = feed.take(feed.held.len());
        only_space &= bytes.strip_prefix(BOM).unwrap_or(&bytes).iter().all(u8::is_ascii_whitespace);
        length += bytes.len() as u64;
        progress(units.scan, bytes.len());
        if feed.eof {
            break;
        }
        feed.fill(CHUNK);
    }
    let outcome = if only_space { blank(length) } else { rejected(start, length, reason) };
    if length > 0 {
        units.give(scope, 0, Payload::Settled(Box::new(outcome)));
    }
}

fn blank(bytes: u64) -> Outcome {
    Outcome { coverage: Coverage { blank_bytes: bytes, ..Coverage::default() }, ..Outcome::default() }
}

fn rejected(offset: u64, length: u64, reason: &'static str) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.coverage.reject(Range { offset, length, number: Some(1), reason });
    outcome
}
