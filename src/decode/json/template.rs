//! Structural templates: a record that the strict walk accepted, with holes where its values stood.
//!
//! Logs have few shapes. A template knows, for one shape, every byte that is not a value. A record fits when all those
//! bytes are the same and each hole holds a valid value; then its wanted values are known without a walk. A hole for
//! text ends at the next unescaped quote, one for a scalar with its token. Anything that does not fit goes the strict
//! way.

use super::paths::Slot;
use super::string;
use super::walk::{Walk, scalar_kind};
use crate::decode::fields::{FieldId, FieldTable, Got, View};
use crate::decode::{Kind, Raw, bits};

/// Records with more values are walked.
const MAX_HOLES: usize = 2048;

/// What follows a piece of fixed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// More fixed text.
    Text,
    /// A string's inside; its opening quote was the last byte of the fixed text.
    String,
    /// A number, `true`, `false` or `null`.
    Scalar,
    /// The end of the record.
    End,
}

/// Up to 32 bytes of fixed text, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: [u8; 32],
    pub(super) mask: [u8; 32],
    pub(super) len: u32,
    pub(super) then: Then,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Absent,
    /// Index of a hole.
    Hole(u16),
    Container,
    /// A range of `Template::several`: all of them.
    Several(u16, u16),
    /// The same: the first that is not null.
    FirstOf(u16, u16),
}

/// One shape.
#[derive(Debug)]
pub struct Template {
    /// Its fixed text, until the tree of shapes takes it.
    pub(super) pieces: Vec<Piece>,
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
    /// A bit for every byte of the block: its unescaped quotes. One more word follows.
    pub quotes: &'a [u64],
}

impl Candidate<'_> {
    /// The record's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.block.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The inside of the string that starts at `at`: up to the next quote.
    #[inline(always)]
    pub(super) fn string(&self, at: u32) -> Option<Raw> {
        let end = bits::next(self.quotes, at as usize)?;
        Some(Raw { start: at, end: u32::try_from(end).ok()?, kind: Kind::JsonString })
    }

    /// The token at `at`.
    #[inline(always)]
    pub(super) fn scalar(&self, at: u32) -> Option<Raw> {
        let rest = self.block.get(at as usize..self.end as usize)?;
        let stops = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t');
        // Most are words or whole numbers; the general grammar is only asked for the others.
        let (length, kind) = match rest {
            [b'n', b'u', b'l', b'l', ..] => (4, Kind::Null),
            [b't', b'r', b'u', b'e', ..] => (4, Kind::True),
            [b'f', b'a', b'l', b's', b'e', ..] => (5, Kind::False),
            [b'0', ..] => (1, Kind::Number),
            _ => (rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(0), Kind::Number),
        };
        if length > 0 && rest.get(length).is_some_and(stops) {
            return Some(Raw { start: at, end: at + u32::try_from(length).ok()?, kind });
        }
        let length = rest.iter().position(stops).unwrap_or(rest.len());
        let kind = scalar_kind(rest.get(..length)?)?;
        Some(Raw { start: at, end: at + u32::try_from(length).ok()?, kind })
    }
}

impl Template {
    /// Makes a template from a record that was walked with all leaves. `None` where the shape does not suit one:
    /// duplicate wanted keys, no values, or too many.
    pub fn learn(record: Candidate<'_>, walk: &Walk, table: &FieldTable) -> Option<Self> {
        let leaves = &walk.leaves;
        if walk.duplicate_keys > 0 || leaves.is_empty() || leaves.len() > MAX_HOLES {
            return None;
        }
        let mut template =
            Self { pieces: Vec::new(), places: Vec::new(), several: Vec::new(), slots: Box::default() };
        let mut at = record.start;
        for leaf in leaves {
            let then = if leaf.raw.kind == Kind::JsonString { Then::String } else { Then::Scalar };
            template.fixed(record.block.get(at as usize..leaf.raw.start as usize)?, then);
            at = leaf.raw.end;
        }
        template.fixed(record.block.get(at as usize..record.end as usize)?, Then::End);
        template.places(table, walk)?;
        Some(template)
    }

    fn fixed(&mut self, text: &[u8], then: Then) {
        let count = text.len().div_ceil(32).max(1);
        for number in 0..count {
            let piece = text.get(number * 32..text.len().min(number * 32 + 32)).unwrap_or_default();
            let (mut bytes, mut mask) = ([0; 32], [0; 32]);
            for ((to, keep), &byte) in bytes.iter_mut().zip(&mut mask).zip(piece) {
                *to = byte;
                *keep = 0xFF;
            }
            let then = if number + 1 == count { then } else { Then::Text };
            let len = u32::try_from(piece.len()).unwrap_or_default();
            self.pieces.push(Piece { bytes, mask, len, then });
        }
    }

    fn places(&mut self, table: &FieldTable, walk: &Walk) -> Option<()> {
        let mut slots: Vec<Slot> = walk.values.iter().map(|&(slot, _)| slot).collect();
        slots.sort_unstable();
        slots.dedup();
        self.slots = slots.into_boxed_slice();
        for field in 0..table.len() {
            let slots = FieldId::try_from(field).map_or(&[][..], |field| table.slots(field));
            let place = self.wanted(slots, walk)?;
            self.places.push(place);
        }
        Some(())
    }

    /// Where a field's values are. A hole for a scalar may hold null in one record and a number in the next: then the
    /// next path counts.
    fn wanted(&mut self, slots: &[Slot], walk: &Walk) -> Option<Place> {
        let mut first = Vec::new();
        for slot in slots.iter().filter(|slot| self.slots.contains(slot)) {
            let raws = || walk.values.iter().filter(|(of, _)| of == slot).map(|(_, raw)| *raw);
            let places: Vec<Place> = raws().map(|raw| place(raw, walk)).collect::<Option<_>>()?;
            let [one] = places.as_slice() else {
                // All or none of several, by what another path has: that is left to the walk.
                return if first.is_empty() { self.range(&places, Place::Several) } else { None };
            };
            first.push(*one);
            if raws().all(|raw| matches!(raw.kind, Kind::JsonString | Kind::Container)) {
                break;
            }
        }
        match first.as_slice() {
            [] => Some(Place::Absent),
            [one] => Some(*one),
            several => self.range(several, Place::FirstOf),
        }
    }

    fn range(&mut self, places: &[Place], of: fn(u16, u16) -> Place) -> Option<Place> {
        let start = u16::try_from(self.several.len()).ok()?;
        self.several.extend_from_slice(places);
        Some(of(start, u16::try_from(self.several.len()).ok()?))
    }

    /// Raw paths that a record of this shape has.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

/// The place of a value among the leaves.
fn place(raw: Raw, walk: &Walk) -> Option<Place> {
    if raw.kind == Kind::Container {
        return Some(Place::Container);
    }
    let at = walk.leaves.partition_point(|leaf| leaf.raw.start < raw.start);
    u16::try_from(at).ok().map(Place::Hole)
}

/// Whether every string among the values has valid escapes.
pub fn escapes_fit(block: &[u8], holes: &[Raw]) -> bool {
    let mut strings = holes.iter().filter(|raw| raw.kind == Kind::JsonString);
    strings.all(|raw| string::check_escapes(raw.bytes(block)).is_ok())
}

/// A record that fits a template.
pub struct TemplateView<'a> {
    /// The record.
    pub record: Candidate<'a>,
    /// Its shape.
    pub template: &'a Template,
    /// Its values in order.
    pub holes: &'a [Raw],
}

impl TemplateView<'_> {
    #[inline]
    fn raw(&self, place: Place) -> Option<Raw> {
        match place {
            Place::Hole(at) => self.holes.get(usize::from(at)).copied(),
            Place::Container => {
                Some(Raw { start: self.record.start, end: self.record.start, kind: Kind::Container })
            }
            Place::Absent | Place::Several(..) | Place::FirstOf(..) => None,
        }
    }

    fn range(&self, start: u16, end: u16) -> impl Iterator<Item = Raw> {
        let places = self.template.several.get(usize::from(start)..usize::from(end)).unwrap_or_default();
        places.iter().filter_map(|&place| self.raw(place))
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
                many.clear();
                many.extend(self.range(start, end));
                Got::Many
            }
            Place::FirstOf(start, end) => {
                let found = self.range(start, end).find(|raw| raw.kind != Kind::Null);
                found.or_else(|| self.range(start, end).next()).map_or(Got::Absent, Got::One)
            }
            place => self.raw(place).map_or(Got::Absent, Got::One),
        }
    }

    fn leaves(&self, out: &mut Vec<Raw>) {
        out.extend_from_slice(self.holes);
    }
}
