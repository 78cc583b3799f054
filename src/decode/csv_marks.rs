//! Where quotes, newlines and delimiters of CSV are, 64 bytes at a time, and whether all quotes stand as they should.

use super::csv::Layout;
use super::json::simd::{Simd, Work};

/// Where quotes and newlines are in a block, and where cells stop: a bit for every byte, and an empty word.
#[derive(Debug, Default)]
pub struct Marks {
    pub(super) quotes: Vec<u64>,
    newlines: Vec<u64>,
    /// In a regular block, delimiters and newlines outside of quotes. Else: all three.
    pub(super) stops: Vec<u64>,
    /// All quotes stand as they should, and no record can be over the limit.
    pub(super) regular: bool,
}

/// Makes the marks of `padded[..len]`.
pub(super) struct Mark<'a> {
    pub(super) marks: &'a mut Marks,
    pub(super) padded: &'a [u8],
    pub(super) len: usize,
    pub(super) layout: Layout,
}

impl Work for Mark<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { marks, padded, len, layout: Layout { delimiter, max_record, .. } } = self;
        let (chunks, _) = padded.as_chunks::<64>();
        let words = len.div_ceil(64);
        let Marks { quotes, newlines, stops, regular } = marks;
        for bits in [&mut *quotes, &mut *newlines, &mut *stops] {
            bits.clear();
            bits.resize(words + 1, 0);
        }
        let mut quoting = Quoting::default();
        // A record over the limit costs its first line: what follows may be inside of its quotes.
        *regular = len <= max_record;
        let bits = quotes.iter_mut().zip(newlines.iter_mut()).zip(stops.iter_mut());
        for ((word, chunk), ((quotes, newlines), stops)) in chunks.iter().enumerate().take(words).zip(bits) {
            let keep = within(len, word);
            let found = Found64::of(simd, chunk, delimiter, keep);
            let (inside, odd) = quoting.step(&found, || simd.equal(chunk, b'\r'));
            *regular &= odd & keep == 0;
            (*quotes, *newlines) = (found.quotes, found.newlines);
            *stops = (found.newlines | found.delimiters) & !inside;
        }
        if !*regular || quoting.is_open() {
            *regular = false;
            for (word, (chunk, stops)) in chunks.iter().take(words).zip(stops).enumerate() {
                *stops = Found64::of(simd, chunk, delimiter, within(len, word)).borders();
            }
        }
    }
}

/// What is among 64 bytes: a bit for each.
struct Found64 {
    quotes: u64,
    newlines: u64,
    delimiters: u64,
}

impl Found64 {
    /// `keep`: the bytes that count.
    #[inline(always)]
    fn of<S: Simd>(simd: S, chunk: &[u8; 64], delimiter: u8, keep: u64) -> Self {
        Self {
            quotes: simd.equal(chunk, b'"') & keep,
            newlines: simd.equal(chunk, b'\n') & keep,
            delimiters: simd.equal(chunk, delimiter) & keep,
        }
    }

    #[inline(always)]
    fn borders(&self) -> u64 {
        self.quotes | self.newlines | self.delimiters
    }
}

/// The bytes of a word that belong to a block of `len` bytes.
#[inline(always)]
fn within(len: usize, word: usize) -> u64 {
    u64::MAX >> (64 - (len - word * 64).min(64))
}

/// Tells, 64 bytes after the other, what is inside of quotes, and whether all quotes stand as they should: an opening one
/// after a delimiter, a newline or a quote, and after a closing one the same or a line end.
struct Quoting {
    /// All bits: the byte before was inside of quotes.
    inside: u64,
    /// A quote may open after the byte before.
    opens: u64,
    /// The byte before was a closing quote.
    closed: u64,
    /// The byte before was a carriage return after one.
    returned: u64,
}

impl Default for Quoting {
    fn default() -> Self {
        Self { inside: 0, opens: 1, closed: 0, returned: 0 }
    }
}

impl Quoting {
    /// Which bytes are inside of quotes, and which stand as they should not. A closing quote counts as outside.
    /// `returns` tells where carriage returns are, and is seldom asked.
    #[inline(always)]
    fn step(&mut self, found: &Found64, returns: impl FnOnce() -> u64) -> (u64, u64) {
        let borders = found.borders();
        let inside = parity(found.quotes) ^ self.inside;
        let closing = found.quotes & !inside;
        let after_closing = closing << 1 | self.closed;
        let after_closing = after_closing & !borders;
        let returns = if after_closing == 0 { 0 } else { after_closing & returns() };
        let odd = (found.quotes & inside & !(borders << 1 | self.opens))
            | (after_closing & !returns)
            | ((returns << 1 | self.returned) & !found.newlines);
        (self.opens, self.closed) = (borders >> 63, closing >> 63);
        self.returned = returns >> 63;
        self.inside = 0u64.wrapping_sub(inside >> 63);
        (inside, odd)
    }

    fn is_open(&self) -> bool {
        self.inside != 0
    }
}

impl Marks {
    /// Newlines from `start` on and before `end`.
    #[inline(always)]
    pub(super) fn lines(&self, start: usize, end: usize) -> u32 {
        let Some(last) = end.checked_sub(1).filter(|last| *last >= start) else { return 0 };
        let words = self.newlines.get(start / 64..=last / 64).unwrap_or_default();
        let [first, rest @ ..] = words else { return 0 };
        let keep =
            |of: usize, bits: u64| if of == last / 64 { bits & (u64::MAX >> (63 - last % 64)) } else { bits };
        let first = keep(start / 64, first & (u64::MAX << (start % 64)));
        let rest = rest.iter().zip(start / 64 + 1..).map(|(bits, of)| keep(of, *bits));
        rest.fold(first.count_ones(), |count, bits| count + bits.count_ones())
    }
}

/// Where the last record ends that ends in the buffer's whole words, if all quotes before stand as they should
/// ([`Quoting`]). `None` where one does not, or no record ends: then it takes the careful way.
pub(super) struct Regular<'a> {
    pub(super) buffer: &'a [u8],
    pub(super) delimiter: u8,
}

impl Work for Regular<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Option<usize> {
        let (chunks, _) = self.buffer.as_chunks::<64>();
        let mut quoting = Quoting::default();
        let mut cut = None;
        for (word, chunk) in chunks.iter().enumerate() {
            let found = Found64::of(simd, chunk, self.delimiter, u64::MAX);
            let (inside, odd) = quoting.step(&found, || simd.equal(chunk, b'\r'));
            if odd != 0 {
                return None;
            }
            let ends = found.newlines & !inside;
            if ends != 0 {
                cut = Some(word * 64 + 64 - ends.leading_zeros() as usize);
            }
        }
        cut
    }
}

/// Bit n: whether an odd number of the bits up to n is set.
#[inline(always)]
fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}
