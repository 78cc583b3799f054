//! One pass over a block: where its unescaped quotes and its lines are.

use super::simd::{Masks, Simd};
use crate::decode::PADDING;

/// A line of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Offset of its newline (or of the block's end).
    pub end: u32,
    /// There may be a backslash in it.
    pub backslash: bool,
    /// There may be a control character in it, its newline not counted.
    pub control: bool,
    /// There may be a byte of 0x80 or above in it.
    pub high: bool,
}

/// Quotes and lines of a block. Reused from block to block.
#[derive(Debug, Default)]
pub struct Index {
    /// A bit for every byte: quotes that no backslash escapes. Whether they are inside of strings is for the reader to
    /// know. The last word is empty, as [`bits::next`](crate::decode::bits::next) wants it.
    pub quotes: Vec<u64>,
    /// Lines in order.
    pub lines: Vec<Line>,
}

/// What the words since the last newline had, at the granularity of a word: false alarms only cost a second look.
#[derive(Default, Clone, Copy)]
struct Seen {
    backslash: u64,
    control: u64,
    high: u64,
}

impl Index {
    /// Indexes `block[..len]`. `block` must be at least `len + PADDING` long; a last line without newline counts.
    ///
    /// Escapes do not reach over a newline: a line that ends in a backslash harms no other line.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "blocks are shorter than 4 GiB")]
    pub fn build<S: Simd>(&mut self, simd: S, block: &[u8], len: usize) {
        debug_assert!(block.len() >= len + PADDING);
        self.lines.clear();
        let words = len.div_ceil(64);
        self.quotes.resize(words, 0);
        let (chunks, _) = block.as_chunks::<64>();
        let mut escaped_first = 0u64;
        let mut seen = Seen::default();
        for ((word, chunk), quotes) in chunks.iter().enumerate().zip(&mut self.quotes) {
            let base = word * 64;
            let keep = if len - base >= 64 { u64::MAX } else { (1u64 << (len - base)) - 1 };
            let masks = simd.masks(chunk);
            let quote = masks.quote & !escaped(masks.backslash, &mut escaped_first) & keep;
            *quotes = quote;
            push_lines(&mut self.lines, base as u32, &masks, masks.newline & keep, &mut seen);
        }
        self.quotes.push(0);
        let ended = self.lines.last().is_some_and(|line| line.end as usize + 1 == len);
        if len > 0 && !ended {
            push_line(&mut self.lines, len as u32, seen);
        }
    }
}

#[inline(always)]
fn push_lines(lines: &mut Vec<Line>, base: u32, masks: &Masks, mut newline: u64, seen: &mut Seen) {
    seen.backslash |= masks.backslash;
    seen.high |= masks.high;
    let control = masks.control & !masks.newline;
    seen.control |= control;
    while newline != 0 {
        let at = newline.trailing_zeros();
        push_line(lines, base + at, *seen);
        *seen = Seen { backslash: masks.backslash, control, high: masks.high };
        newline &= newline - 1;
    }
}

#[inline(always)]
fn push_line(lines: &mut Vec<Line>, end: u32, seen: Seen) {
    lines.push(Line {
        end,
        backslash: seen.backslash != 0,
        control: seen.control != 0,
        high: seen.high != 0,
    });
}

/// Which bytes a backslash escapes. `first` carries over from word to word: bit 0 is escaped.
#[inline(always)]
fn escaped(backslash: u64, first: &mut u64) -> u64 {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    if backslash == 0 {
        return std::mem::take(first);
    }
    let backslash = backslash & !*first;
    let follows = backslash << 1 | *first;
    let odd_starts = backslash & !EVEN & !follows;
    let (even_runs, overflow) = odd_starts.overflowing_add(backslash);
    *first = u64::from(overflow);
    (EVEN ^ (even_runs << 1)) & follows
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "test inputs are short")]
mod tests {
    use proptest::prelude::*;

    use super::super::simd::{Isa, Work};
    use super::*;

    struct Build<'a>(&'a [u8], usize);

    impl Work for Build<'_> {
        type Output = Index;
        fn run<S: Simd>(self, simd: S) -> Index {
            let mut index = Index::default();
            index.build(simd, self.0, self.1);
            index
        }
    }

    fn naive(text: &[u8]) -> (Vec<u32>, Vec<u32>) {
        let (mut quotes, mut lines, mut escape) = (vec![], vec![], false);
        for (at, &byte) in text.iter().enumerate() {
            match byte {
                b'\n' => lines.push(at as u32),
                b'"' if !escape => quotes.push(at as u32),
                _ => {}
            }
            escape = byte == b'\\' && !escape;
        }
        if text.last().is_some_and(|&byte| byte != b'\n') {
            lines.push(text.len() as u32);
        }
        (quotes, lines)
    }

    proptest! {
        #[test]
        fn finds_what_a_byte_by_byte_reading_finds(
            picks in prop::collection::vec(prop::sample::select(b"\"\\\na\x01\xC3{}:, ".to_vec()), 0..400)
        ) {
            let mut block = picks.clone();
            block.resize(picks.len() + PADDING, b'"');
            let (quotes, lines) = naive(&picks);
            for isa in [Isa::Portable, Isa::Avx2] {
                let index = isa.run(Build(&block, picks.len()));
                let bits = index.quotes.iter().enumerate();
                let found: Vec<u32> = bits
                    .flat_map(|(word, bits)| (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word as u32 * 64 + bit))
                    .collect();
                prop_assert_eq!(&found, &quotes);
                let found: Vec<_> = index.lines.iter().map(|line| line.end).collect();
                prop_assert_eq!(&found, &lines);
                let mut start = 0;
                for line in &index.lines {
                    let bytes = &picks[start..line.end as usize];
                    prop_assert!(line.backslash || !bytes.contains(&b'\\'));
                    prop_assert!(line.control || !bytes.iter().any(|&byte| byte < 0x20));
                    prop_assert!(line.high || !bytes.iter().any(|&byte| byte >= 0x80));
                    start = line.end as usize + 1;
                }
            }
        }
    }
}
