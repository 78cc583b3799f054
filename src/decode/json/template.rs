//! Structural templates: a record that the strict walk accepted, with holes where its values stood.
//!
//! Logs have few shapes. A template knows, for one shape, every byte that is not a value, and finds each value by the
//! rank of its quotes. A record fits when all those bytes are the same and each hole holds a valid value; then its
//! wanted values are known without a walk. Anything that does not fit goes the strict way.

use std::ops::Range;

use super::paths::Slot;
use super::simd::Simd;
use super::string;
use super::walk::{Leaf, Walk, scalar_kind};
use crate::decode::fields::{FieldId, FieldTable, Got, View};
use crate::decode::{Kind, Raw};

/// Records with more quotes are walked.
const MAX_QUOTES: usize = 4096;

/// A place in any record of the shape.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    base: Base,
    delta: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Start,
    End,
    Quote(u16),
}

/// Up to 32 bytes that must be the same.
#[derive(Debug, Clone)]
struct Chunk {
    rank: u16,
    delta: i32,
    bytes: [u8; 32],
    mask: [u8; 32],
}

/// Two quotes that must be exactly so far apart: the text between them is fixed.
#[derive(Debug, Clone, Copy)]
struct Tie {
    left: u16,
    right: u16,
    distance: u32,
}

#[derive(Debug, Clone, Copy)]
struct ScalarHole {
    start: Anchor,
    end: Anchor,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Absent,
    /// Rank of the opening quote.
    Text(u16),
    /// Index of the scalar hole.
    Scalar(u16),
    Container,
    /// A range of `Template::several`.
    Several(u16, u16),
}

/// One shape.
#[derive(Debug)]
pub struct Template {
    quotes: usize,
    /// Text before the first hole, from the record's start.
    head: Vec<u8>,
    /// Text after a last hole that is a scalar, up to the record's end.
    tail: Vec<u8>,
    /// Distance from the last string's closing quote to the record's end, where the last hole is a string.
    last_quote_to_end: Option<u32>,
    /// Distance from the start to the first string's opening quote, where the first hole is a string.
    start_to_first_quote: Option<u32>,
    chunks: Vec<Chunk>,
    ties: Vec<Tie>,
    texts: Vec<u16>,
    scalars: Vec<ScalarHole>,
    places: Vec<Place>,
    several: Vec<Place>,
    slots: Box<[Slot]>,
}

/// A record among its block's bytes and quotes.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// The block, with padding after it.
    pub block: &'a [u8],
    /// First byte of the record.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// Its unescaped quotes.
    pub quotes: &'a [u32],
}

impl Template {
    /// Makes a template from a record that was walked with all leaves. `None` where the shape does not suit one:
    /// duplicate wanted keys, scalars side by side in an array, no values, or too large.
    pub fn learn(record: Candidate<'_>, walk: &Walk, table: &FieldTable) -> Option<Self> {
        if walk.duplicate_keys > 0 || record.quotes.len() > MAX_QUOTES || walk.leaves.is_empty() {
            return None;
        }
        Builder::new(record, walk)?.build(table)
    }

    /// Raw paths that a record of this shape has.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether the record fits. Escapes, control characters and UTF-8 inside of strings are the caller's to check.
    #[inline(always)]
    pub fn fits<S: Simd>(&self, simd: S, record: Candidate<'_>) -> bool {
        record.quotes.len() == self.quotes
            && self.chunks.iter().all(|chunk| chunk.same(simd, record))
            && self.ties.iter().all(|tie| tie.holds(record.quotes))
            && self.ends_fit(record)
            && self.scalars.iter().all(|hole| hole.token(record).is_some_and(|token| scalar_kind(token).is_some()))
    }

    #[inline(always)]
    fn ends_fit(&self, record: Candidate<'_>) -> bool {
        let bytes = record.block.get(record.start as usize..record.end as usize).unwrap_or_default();
        let first_ok = self
            .start_to_first_quote
            .is_none_or(|distance| record.quotes.get(self.first_text()).is_some_and(|at| at.wrapping_sub(record.start) == distance));
        let last_ok = self
            .last_quote_to_end
            .is_none_or(|distance| record.quotes.get(self.last_text()).is_some_and(|at| record.end.wrapping_sub(*at) == distance));
        first_ok && last_ok && bytes.starts_with(&self.head) && bytes.ends_with(&self.tail)
    }

    #[inline(always)]
    fn first_text(&self) -> usize {
        self.texts.first().map_or(usize::MAX, |&rank| usize::from(rank))
    }

    #[inline(always)]
    fn last_text(&self) -> usize {
        self.texts.last().map_or(usize::MAX, |&rank| usize::from(rank) + 1)
    }

    /// Whether every string value of a fitting record has valid escapes.
    pub fn escapes_fit(&self, record: Candidate<'_>) -> bool {
        self.texts.iter().all(|&rank| {
            text_raw(record, rank).is_some_and(|raw| string::check_escapes(raw.bytes(record.block)).is_ok())
        })
    }
}

impl Chunk {
    #[inline(always)]
    fn same<S: Simd>(&self, simd: S, record: Candidate<'_>) -> bool {
        let Some(&quote) = record.quotes.get(usize::from(self.rank)) else { return false };
        let at = quote.wrapping_add_signed(self.delta) as usize;
        let bytes = record.block.get(at..).and_then(<[u8]>::first_chunk::<32>);
        bytes.is_some_and(|bytes| simd.same(bytes, &self.bytes, &self.mask))
    }
}

impl Tie {
    #[inline(always)]
    fn holds(&self, quotes: &[u32]) -> bool {
        match (quotes.get(usize::from(self.left)), quotes.get(usize::from(self.right))) {
            (Some(left), Some(right)) => right.wrapping_sub(*left) == self.distance,
            _ => false,
        }
    }
}

impl Anchor {
    #[inline(always)]
    fn position(self, record: Candidate<'_>) -> Option<u32> {
        let base = match self.base {
            Base::Start => record.start,
            Base::End => record.end,
            Base::Quote(rank) => *record.quotes.get(usize::from(rank))?,
        };
        Some(base.wrapping_add_signed(self.delta))
    }
}

impl ScalarHole {
    #[inline(always)]
    fn range(self, record: Candidate<'_>) -> Option<Range<u32>> {
        Some(self.start.position(record)?..self.end.position(record)?)
    }

    #[inline(always)]
    fn token(self, record: Candidate<'_>) -> Option<&[u8]> {
        let range = self.range(record)?;
        record.block.get(range.start as usize..range.end as usize)
    }

    fn raw(self, record: Candidate<'_>) -> Option<Raw> {
        let range = self.range(record)?;
        Some(Raw { start: range.start, end: range.end, kind: scalar_kind(self.token(record)?)? })
    }
}

#[inline]
fn text_raw(record: Candidate<'_>, rank: u16) -> Option<Raw> {
    let open = record.quotes.get(usize::from(rank))?;
    let close = record.quotes.get(usize::from(rank) + 1)?;
    Some(Raw { start: open + 1, end: *close, kind: Kind::JsonString })
}

/// A record that fits a template.
pub struct TemplateView<'a> {
    /// The record.
    pub record: Candidate<'a>,
    /// Its shape.
    pub template: &'a Template,
}

impl TemplateView<'_> {
    #[inline]
    fn raw(&self, place: Place) -> Option<Raw> {
        match place {
            Place::Text(rank) => text_raw(self.record, rank),
            Place::Scalar(at) => self.template.scalars.get(usize::from(at))?.raw(self.record),
            Place::Container => {
                Some(Raw { start: self.record.start, end: self.record.start, kind: Kind::Container })
            }
            Place::Absent | Place::Several(..) => None,
        }
    }
}

impl View for TemplateView<'_> {
    fn block(&self) -> &[u8] {
        self.record.block
    }

    #[inline]
    fn get(&self, field: FieldId, many: &mut Vec<Raw>) -> Got {
        match self.template.places.get(usize::from(field)).copied().unwrap_or(Place::Absent) {
            Place::Absent => Got::Absent,
            Place::Several(start, end) => {
                let places = self.template.several.get(usize::from(start)..usize::from(end)).unwrap_or_default();
                many.clear();
                many.extend(places.iter().filter_map(|&place| self.raw(place)));
                Got::Many
            }
            place => self.raw(place).map_or(Got::Absent, Got::One),
        }
    }

    fn leaves(&self, out: &mut Vec<Raw>) {
        out.extend(self.template.texts.iter().filter_map(|&rank| text_raw(self.record, rank)));
        out.extend(self.template.scalars.iter().filter_map(|hole| hole.raw(self.record)));
    }
}

/// A hole of the record that is learnt: the value's range (for strings without the quotes), and for strings the rank of
/// the opening quote. The fixed text after a string thus starts with its closing quote.
#[derive(Clone, Copy)]
struct Hole {
    start: u32,
    end: u32,
    rank: Option<u16>,
}

struct Builder<'a> {
    record: Candidate<'a>,
    walk: &'a Walk,
    holes: Vec<Hole>,
    template: Template,
}

impl<'a> Builder<'a> {
    fn new(record: Candidate<'a>, walk: &'a Walk) -> Option<Self> {
        let holes = walk.leaves.iter().map(|leaf| hole(record, leaf)).collect::<Option<Vec<_>>>()?;
        let template = Template {
            quotes: record.quotes.len(),
            head: Vec::new(),
            tail: Vec::new(),
            last_quote_to_end: None,
            start_to_first_quote: None,
            chunks: Vec::new(),
            ties: Vec::new(),
            texts: holes.iter().filter_map(|hole| hole.rank).collect(),
            scalars: Vec::new(),
            places: Vec::new(),
            several: Vec::new(),
            slots: Box::default(),
        };
        Some(Self { record, walk, holes, template })
    }

    fn build(mut self, table: &FieldTable) -> Option<Template> {
        let (first, last) = (*self.holes.first()?, *self.holes.last()?);
        self.head(first)?;
        let mut before = Anchor { base: Base::Start, delta: i32::try_from(self.template.head.len()).ok()? };
        let holes = std::mem::take(&mut self.holes);
        for (left, right) in holes.iter().zip(holes.iter().skip(1)) {
            let segment = self.segment(*left, *right)?;
            self.close(*left, before, segment);
            before = Anchor { delta: segment.delta + i32::try_from(right.start - left.end).ok()?, ..segment };
        }
        self.tail(last, before)?;
        self.places(table, &holes)?;
        Some(self.template)
    }

    fn text(&self, start: u32, end: u32) -> &'a [u8] {
        self.record.block.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The text before the first hole.
    fn head(&mut self, first: Hole) -> Option<()> {
        let stop = first.start;
        self.template.head = self.text(self.record.start, stop).to_vec();
        if first.rank.is_some() {
            self.template.start_to_first_quote = Some(stop.checked_sub(self.record.start + 1)?);
        }
        Some(())
    }

    /// The text after the last hole.
    fn tail(&mut self, last: Hole, before: Anchor) -> Option<()> {
        let from = last.end;
        let text = self.text(from, self.record.end);
        self.template.tail = text.to_vec();
        if last.rank.is_some() {
            self.template.last_quote_to_end = Some(self.record.end - last.end);
        } else {
            let delta = -i32::try_from(text.len()).ok()?;
            self.close(last, before, Anchor { base: Base::End, delta });
        }
        Some(())
    }

    /// The fixed text between two holes: its anchor, with chunks and ties noted.
    fn segment(&mut self, left: Hole, right: Hole) -> Option<Anchor> {
        let (start, end) = (left.end, right.start);
        let anchor = match (left.rank, right.rank) {
            (Some(open), _) => Anchor { base: Base::Quote(open + 1), delta: 0 },
            (None, Some(open)) => {
                Anchor { base: Base::Quote(open), delta: -i32::try_from(end.checked_sub(start + 1)?).ok()? }
            }
            (None, None) => self.first_quote_in(start, end)?,
        };
        if let (Some(left_open), Some(right_open)) = (left.rank, right.rank) {
            let distance = end.checked_sub(start + 1)?;
            self.template.ties.push(Tie { left: left_open + 1, right: right_open, distance });
        }
        let Base::Quote(rank) = anchor.base else { return None };
        self.chunks(rank, anchor.delta, self.text(start, end));
        Some(anchor)
    }

    fn first_quote_in(&self, start: u32, end: u32) -> Option<Anchor> {
        let rank = self.record.quotes.partition_point(|&quote| quote < start);
        let quote = *self.record.quotes.get(rank).filter(|&&quote| quote < end)?;
        Some(Anchor { base: Base::Quote(u16::try_from(rank).ok()?), delta: -i32::try_from(quote - start).ok()? })
    }

    fn chunks(&mut self, rank: u16, delta: i32, text: &[u8]) {
        for (piece, offset) in text.chunks(32).zip((0i32..).step_by(32)) {
            let (mut bytes, mut mask) = ([0; 32], [0; 32]);
            for ((to, keep), &byte) in bytes.iter_mut().zip(&mut mask).zip(piece) {
                *to = byte;
                *keep = 0xFF;
            }
            self.template.chunks.push(Chunk { rank, delta: delta + offset, bytes, mask });
        }
    }

    /// A scalar hole ends where the next fixed text starts.
    fn close(&mut self, hole: Hole, start: Anchor, end: Anchor) {
        if hole.rank.is_none() {
            self.template.scalars.push(ScalarHole { start, end });
        }
    }

    fn places(&mut self, table: &FieldTable, holes: &[Hole]) -> Option<()> {
        let mut slots: Vec<Slot> = self.walk.values.iter().map(|&(slot, _)| slot).collect();
        slots.sort_unstable();
        slots.dedup();
        self.template.slots = slots.into_boxed_slice();
        for field in 0..table.len() {
            let slots = FieldId::try_from(field).map_or(&[][..], |field| table.slots(field));
            let wanted = slots.iter().find(|slot| self.template.slots.contains(slot));
            let found: Vec<Place> = self
                .walk
                .values
                .iter()
                .filter(|(slot, _)| Some(slot) == wanted)
                .map(|(_, raw)| place(*raw, holes))
                .collect::<Option<_>>()?;
            let place = match found.as_slice() {
                [] => Place::Absent,
                [one] => *one,
                several => self.several(several)?,
            };
            self.template.places.push(place);
        }
        Some(())
    }

    fn several(&mut self, places: &[Place]) -> Option<Place> {
        let start = u16::try_from(self.template.several.len()).ok()?;
        self.template.several.extend_from_slice(places);
        let end = u16::try_from(self.template.several.len()).ok()?;
        Some(Place::Several(start, end))
    }
}

fn hole(record: Candidate<'_>, leaf: &Leaf) -> Option<Hole> {
    let Raw { start, end, kind } = leaf.raw;
    if kind != Kind::JsonString {
        return Some(Hole { start, end, rank: None });
    }
    let rank = record.quotes.binary_search(&start.checked_sub(1)?).ok()?;
    let closes = record.quotes.get(rank + 1) == Some(&end);
    closes.then_some(())?;
    Some(Hole { start, end, rank: Some(u16::try_from(rank).ok()?) })
}

fn place(raw: Raw, holes: &[Hole]) -> Option<Place> {
    if raw.kind == Kind::Container {
        return Some(Place::Container);
    }
    let at = holes.partition_point(|hole| hole.start < raw.start);
    if let Some(rank) = holes.get(at)?.rank {
        return Some(Place::Text(rank));
    }
    let scalar = holes.get(..at)?.iter().filter(|hole| hole.rank.is_none()).count();
    u16::try_from(scalar).ok().map(Place::Scalar)
}
