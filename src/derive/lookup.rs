//! What records say, as small numbers: the same text, the same id. Raw values are remembered, so that most are compared, not parsed.

use std::collections::HashMap;
use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::extract::{self, Origin, OriginFields};
use crate::decode::Raw;
use crate::decode::fields::{self, FieldId, View};
use crate::enrich::Locate;
use crate::rule::derive::View as Seen;

/// Raw values remembered for the same fields; then the memory starts afresh.
const MAX_REMEMBERED: usize = 1 << 15;
/// Bytes of raw values remembered for the same fields.
const MAX_BYTES: usize = 1 << 21;
/// No id: a record has not what is asked for.
pub(super) const NONE: u32 = u32::MAX;

/// What is taken out of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Extract {
    /// A key.
    Key(Vec<FieldId>),
    /// A value under a view.
    Seen(FieldId, Seen),
    /// A number.
    Amount(FieldId),
    /// A place.
    Origin(OriginFields),
    /// A time zone of an address.
    Zone(FieldId),
}

/// Texts by id.
#[derive(Debug, Default)]
pub(super) struct Interner {
    ids: HashMap<String, u32, foldhash::fast::RandomState>,
    pub(super) texts: Vec<String>,
    /// Of places.
    pub(super) origins: Vec<Origin>,
    pub(super) numbers: Vec<f64>,
    /// About how many bytes they take.
    pub(super) bytes: usize,
}

/// Extracts that depend on the same fields: one look at these gives all of them.
#[derive(Default)]
struct Group {
    extracts: Vec<usize>,
    memo: Memo,
    /// Where an address decides them all: the field, and the bits of an IPv4 address that do.
    address: Option<(FieldId, u32)>,
}

struct Remembered {
    hash: u64,
    start: u32,
    length: u32,
    /// Where its ids start.
    ids: u32,
}

/// Raw values, and the ids of what they give.
#[derive(Default)]
struct Memo {
    values: HashTable<Remembered>,
    bytes: Vec<u8>,
    ids: Vec<u32>,
    /// IPv4 addresses, and where their ids start.
    addresses: HashMap<u32, u32, foldhash::fast::RandomState>,
    hasher: foldhash::fast::RandomState,
}

/// Gives the ids of what is taken out of one record after the other.
pub(super) struct Lookup {
    pub(super) extracts: Vec<Extract>,
    groups: Vec<Group>,
    /// By extract.
    group_of: Vec<usize>,
    /// By extract.
    pub(super) interners: Vec<Interner>,
    /// This record's ids by extract; `None`: not looked up.
    current: Vec<Option<u32>>,
    raw: Vec<u8>,
    many: Vec<Raw>,
}

impl Lookup {
    /// Without any id yet.
    pub(super) fn new(extracts: &[Extract]) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let group_of = extracts.iter().enumerate().map(|(at, extract)| {
            let same = |group: &Group| {
                group
                    .extracts
                    .first()
                    .and_then(|&of| extracts.get(of))
                    .is_some_and(|of| of.reads_same(extract))
            };
            let number = groups.iter().position(same).unwrap_or_else(|| {
                groups.push(Group::default());
                groups.len() - 1
            });
            groups.get_mut(number).into_iter().for_each(|group| group.extracts.push(at));
            number
        });
        let group_of = group_of.collect();
        for group in &mut groups {
            let mut bits = group.extracts.iter().map(|&of| extracts.get(of).and_then(Extract::address));
            let first = bits.next().flatten();
            let join =
                |(field, bits): (FieldId, u32), more: Option<(FieldId, u32)>| Some((field, bits | more?.1));
            group.address = first.and_then(|first| bits.try_fold(first, join));
        }
        Self {
            group_of,
            groups,
            interners: extracts.iter().map(|_| Interner::default()).collect(),
            current: vec![None; extracts.len()],
            extracts: extracts.to_owned(),
            raw: Vec::new(),
            many: Vec::new(),
        }
    }

    /// Turns to another record.
    pub(super) fn begin(&mut self) {
        self.current.fill(None);
    }

    /// What was looked up of this record.
    pub(super) fn known(&self, extract: usize) -> Option<u32> {
        self.current.get(extract).copied().flatten()
    }

    /// What was looked up of this record, by extract; [`NONE`] for what was not.
    pub(super) fn all(&self) -> impl Iterator<Item = u32> {
        self.current.iter().map(|id| id.unwrap_or(NONE))
    }

    /// The id of what an extract gives for this record; and about how many bytes more are held.
    pub(super) fn id<V: View>(
        &mut self,
        extract: usize,
        view: &V,
        locate: Option<&dyn Locate>,
    ) -> (u32, usize) {
        if let Some(known) = self.known(extract) {
            return (known, 0);
        }
        let more = self.look_up(extract, view, locate).unwrap_or_default();
        (self.known(extract).unwrap_or(NONE), more)
    }

    fn look_up<V: View>(&mut self, at: usize, view: &V, locate: Option<&dyn Locate>) -> Option<usize> {
        let group = self.groups.get_mut(*self.group_of.get(at)?)?;
        let count = group.extracts.len();
        let address = group.address.and_then(|(field, bits)| {
            let raw = fields::first(view, field, &mut self.many)?;
            Some(ipv4(raw.bytes(view.block()))? & bits)
        });
        let known = if let Some(address) = address {
            group.memo.find_address(address, count).ok_or(0)
        } else {
            self.raw.clear();
            if !gather(self.extracts.get(at)?, view, &mut self.many, &mut self.raw) {
                group.extracts.iter().for_each(|&of| set(&mut self.current, of, NONE));
                return None;
            }
            let hash = group.memo.hasher.hash_one(&*self.raw);
            group.memo.find(hash, &self.raw, count).ok_or(hash)
        };
        let hash = match known {
            Ok(ids) => {
                group.extracts.iter().zip(ids).for_each(|(&of, &id)| set(&mut self.current, of, id));
                return None;
            }
            Err(hash) => hash,
        };
        let mut more = 0;
        for &of in &group.extracts {
            let (extract, interner) = (self.extracts.get(of)?, self.interners.get_mut(of)?);
            let held = interner.bytes;
            let id = interner.take(extract, view, locate);
            more += interner.bytes - held;
            set(&mut self.current, of, id);
        }
        let ids = group.extracts.iter().map(|&of| self.current.get(of).copied().flatten().unwrap_or(NONE));
        match address {
            Some(address) => group.memo.remember_address(address, ids),
            None => group.memo.remember(hash, &self.raw, ids),
        }
        Some(more)
    }
}

fn set(current: &mut [Option<u32>], at: usize, id: u32) {
    if let Some(slot) = current.get_mut(at) {
        *slot = Some(id);
    }
}

impl Extract {
    /// Whether the same raw bytes decide it.
    fn reads_same(&self, other: &Self) -> bool {
        self.needed().zip(other.needed()).is_some_and(|(own, others)| own == others)
    }

    /// Where an address decides it: the field, and the bits of an IPv4 address that do.
    fn address(&self) -> Option<(FieldId, u32)> {
        match self {
            Self::Seen(field, Seen::Network) => Some((*field, extract::NETWORK_BITS)),
            Self::Seen(field, Seen::Ip | Seen::Asn | Seen::Country) | Self::Zone(field) => {
                Some((*field, u32::MAX))
            }
            Self::Key(_) | Self::Seen(..) | Self::Amount(_) | Self::Origin(_) => None,
        }
    }

    /// The fields that it needs all of; `None` where it takes what there is.
    fn needed(&self) -> Option<&[FieldId]> {
        match self {
            Self::Key(fields) => Some(fields),
            Self::Seen(field, _) | Self::Amount(field) | Self::Zone(field) => {
                Some(std::slice::from_ref(field))
            }
            Self::Origin(_) => None,
        }
    }
}

/// Puts the raw bytes that an extract depends on into `raw`; whether there are any.
fn gather<V: View>(extract: &Extract, view: &V, many: &mut Vec<Raw>, raw: &mut Vec<u8>) -> bool {
    let mut push = |field: FieldId, needed: bool| {
        let value = fields::first(view, field, many);
        if let Some(value) = value {
            raw.push(1 + value.kind as u8);
            raw.extend_from_slice(value.bytes(view.block()));
        }
        raw.push(0);
        value.is_some() || !needed
    };
    match (extract.needed(), extract) {
        (Some(fields), _) => fields.iter().all(|&field| push(field, true)),
        (None, Extract::Origin(OriginFields { address, latitude, longitude })) => {
            [address, latitude, longitude].into_iter().all(|&field| push(field, false))
        }
        (None, _) => false,
    }
}

/// An IPv4 address that stands there as it is, octets from the first: anything else takes the way of all texts.
fn ipv4(bytes: &[u8]) -> Option<u32> {
    let (mut address, mut octets) = (0u32, 0);
    for octet in bytes.split(|byte| *byte == b'.') {
        let plain = matches!(octet, [b'0'] | [b'1'..=b'9', ..]) && octet.len() <= 3;
        if !plain || !octet.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = octet.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        if number > 255 {
            return None;
        }
        address = address << 8 | number;
        octets += 1;
        if octets > 4 {
            return None;
        }
    }
    (octets == 4).then_some(address)
}

impl Memo {
    /// The ids of a raw value, so many.
    fn find(&self, hash: u64, raw: &[u8], count: usize) -> Option<&[u32]> {
        let same = |known: &Remembered| {
            let range = known.start as usize..(known.start + known.length) as usize;
            known.hash == hash && self.bytes.get(range) == Some(raw)
        };
        let start = self.values.find(hash, same)?.ids as usize;
        self.ids.get(start..start + count)
    }

    /// The ids of an address, so many.
    fn find_address(&self, address: u32, count: usize) -> Option<&[u32]> {
        let start = *self.addresses.get(&address)? as usize;
        self.ids.get(start..start + count)
    }

    fn remember_address(&mut self, address: u32, ids: impl Iterator<Item = u32>) {
        self.forget_if_full(0);
        if let Ok(first) = u32::try_from(self.ids.len()) {
            self.ids.extend(ids);
            self.addresses.insert(address, first);
        }
    }

    fn forget_if_full(&mut self, more: usize) {
        let remembered = self.values.len() + self.addresses.len();
        if remembered >= MAX_REMEMBERED || self.bytes.len() + more > MAX_BYTES {
            self.values.clear();
            self.addresses.clear();
            self.bytes.clear();
            self.ids.clear();
        }
    }

    fn remember(&mut self, hash: u64, raw: &[u8], ids: impl Iterator<Item = u32>) {
        self.forget_if_full(raw.len());
        let number = |length: usize| u32::try_from(length).ok();
        let (Some(start), Some(length), Some(first)) =
            (number(self.bytes.len()), number(raw.len()), number(self.ids.len()))
        else {
            return;
        };
        self.bytes.extend_from_slice(raw);
        self.ids.extend(ids);
        let new = Remembered { hash, start, length, ids: first };
        self.values.insert_unique(hash, new, |known| known.hash);
    }
}

impl Interner {
    /// The id of what an extract gives; [`NONE`] for nothing.
    fn take<V: View>(&mut self, extract: &Extract, view: &V, locate: Option<&dyn Locate>) -> u32 {
        match extract {
            Extract::Key(fields) => self.text(extract::key(view, fields)),
            Extract::Seen(field, seen) => {
                self.text(extract::text(view, *field, |text| extract::seen(text, *seen, locate)))
            }
            Extract::Zone(field) => self.text(zone(view, *field, locate)),
            Extract::Amount(field) => {
                let Some(number) = number(view, *field) else { return NONE };
                let known = self.numbers.len();
                let id = self.text(Some(format!("{:x}", number.to_bits())));
                if id as usize == known {
                    self.numbers.push(number);
                }
                id
            }
            Extract::Origin(fields) => {
                let Some(origin) = extract::origin(view, *fields, locate) else { return NONE };
                let known = self.origins.len();
                let id = self.text(Some(format!("{origin:?}")));
                if id as usize == known {
                    self.origins.push(origin);
                }
                id
            }
        }
    }

    fn text(&mut self, text: Option<String>) -> u32 {
        let Some(text) = text else { return NONE };
        if let Some(&known) = self.ids.get(&text) {
            return known;
        }
        let Some(id) = u32::try_from(self.texts.len()).ok().filter(|id| *id < NONE) else { return NONE };
        self.bytes += 2 * text.len() + 120;
        self.texts.push(text.clone());
        self.ids.insert(text, id);
        id
    }
}

/// A field's number.
pub(super) fn number<V: View>(view: &V, field: FieldId) -> Option<f64> {
    extract::text(view, field, |text| text.trim().parse::<f64>().ok()).filter(|number| number.is_finite())
}

/// The time zone of a record's address.
pub(super) fn zone<V: View>(view: &V, field: FieldId, locate: Option<&dyn Locate>) -> Option<String> {
    let address = extract::text(view, field, extract::address)?;
    let located = locate?.locate(address);
    if located.is_relay { None } else { located.time_zone }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<Ipv4Addr> {
        ipv4(text.as_bytes()).map(Ipv4Addr::from)
    }

    #[test]
    fn an_address_is_read_as_everywhere_else() {
        for text in [
            "0.0.0.0",
            "255.255.255.255",
            "10.2.30.4",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "1.2.3.256",
            "1.2.3.",
            ".1.2.3",
            "",
        ] {
            assert_eq!(read(text), text.parse().ok(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_looks_like_one(text in "[0-9]{0,4}(\\.[0-9]{0,4}){0,5}|[0-9. :x\\\\]{0,16}") {
            prop_assert_eq!(read(&text), text.parse().ok());
        }
    }
}
