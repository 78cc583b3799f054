//! The only unsafe code: wide loads and compares, and the call into code compiled for AVX2.
//!
//! Everything here is a pure function of 64 bytes; the portable version is the reference and a test holds the two
//! together on every byte pattern that matters. Measured reason: see `benches/scan.rs`, `isa` rows.
#![expect(
    unsafe_code,
    reason = "AVX2 intrinsics need loads from raw pointers and a checked call across target features"
)]

/// Bit masks over 64 bytes; bit n speaks of byte n.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Masks {
    /// `"`
    pub quote: u64,
    /// `\`
    pub backslash: u64,
    /// `\n`
    pub newline: u64,
    /// Bytes below 0x20, the newline included.
    pub control: u64,
    /// Bytes of 0x80 and above.
    pub high: u64,
}

/// A way to look at 64 bytes at once.
pub trait Simd: Copy {
    /// The masks of one chunk.
    fn masks(self, chunk: &[u8; 64]) -> Masks;
    /// Which of 64 bytes are this one.
    fn equal(self, chunk: &[u8; 64], byte: u8) -> u64;
    /// Whether `(bytes ^ wanted) & mask` is zero in all 32 bytes.
    fn same(self, bytes: &[u8; 32], wanted: &[u8; 32], mask: &[u8; 32]) -> bool;
}

/// Work that is compiled once for each instruction set.
pub trait Work {
    /// What it returns.
    type Output;
    /// Does it. Mark it and what it calls in its loops `#[inline(always)]`, else they stay portable code.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Which instruction set to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// Plain Rust, any machine.
    Portable,
    /// AVX2 with BMI1, BMI2, LZCNT and POPCNT.
    Avx2,
}

impl Isa {
    /// The best that this machine has.
    pub fn detect() -> Self {
        if avx2_here() { Self::Avx2 } else { Self::Portable }
    }

    /// Runs `work`; on a machine without AVX2, `Avx2` falls back to the portable code.
    pub fn run<W: Work>(self, work: W) -> W::Output {
        match self {
            Self::Portable => work.run(Portable),
            Self::Avx2 => run_avx2_or_portable(work),
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn avx2_here() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn run_avx2_or_portable<W: Work>(work: W) -> W::Output {
    work.run(Portable)
}

/// The reference.
#[derive(Debug, Clone, Copy)]
pub struct Portable;

impl Simd for Portable {
    #[inline(always)]
    fn masks(self, chunk: &[u8; 64]) -> Masks {
        let mut masks = Masks::default();
        for (word, bytes) in chunk.as_chunks::<8>().0.iter().enumerate() {
            let value = u64::from_le_bytes(*bytes);
            let shift = word * 8;
            masks.quote |= gather(equal(value, b'"')) << shift;
            masks.backslash |= gather(equal(value, b'\\')) << shift;
            masks.newline |= gather(equal(value, b'\n')) << shift;
            masks.control |= gather(below_space(value)) << shift;
            masks.high |= gather(value & HIGH) << shift;
        }
        masks
    }

    #[inline(always)]
    fn equal(self, chunk: &[u8; 64], byte: u8) -> u64 {
        // A loop over bytes: compilers make of it what vectors every machine of the kind has.
        let same = chunk.map(|of| u8::from(of == byte));
        let words = same.as_chunks::<8>().0.iter().enumerate();
        words.fold(0, |bits, (word, bytes)| bits | gather_low(u64::from_le_bytes(*bytes)) << (word * 8))
    }

    #[inline(always)]
    fn same(self, bytes: &[u8; 32], wanted: &[u8; 32], mask: &[u8; 32]) -> bool {
        let word = |of: &[u8; 32], at: usize| {
            of.as_chunks::<8>().0.get(at).map_or(0, |word| u64::from_le_bytes(*word))
        };
        let differ = (0..4).fold(0, |sum, at| sum | ((word(bytes, at) ^ word(wanted, at)) & word(mask, at)));
        differ == 0
    }
}

const HIGH: u64 = 0x8080_8080_8080_8080;
const ONES: u64 = 0x0101_0101_0101_0101;

/// High bit of every byte that equals `byte`; exact in every byte.
#[inline(always)]
fn equal(value: u64, byte: u8) -> u64 {
    let differ = value ^ (ONES * u64::from(byte));
    !(((differ & !HIGH) + !HIGH) | differ) & HIGH
}

/// High bit of every byte below 0x20.
#[inline(always)]
fn below_space(value: u64) -> u64 {
    !(((value & !HIGH) + ONES * 0x60) | value) & HIGH
}

/// The high bits of eight bytes as eight low bits.
#[inline(always)]
fn gather(high_bits: u64) -> u64 {
    gather_low(high_bits >> 7)
}

/// The low bits of eight bytes, which have no others, as eight low bits.
#[inline(always)]
fn gather_low(low_bits: u64) -> u64 {
    low_bits.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(target_arch = "x86_64")]
use x86::{avx2_here, run_avx2_or_portable};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_max_epu8,
        _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_testz_si256, _mm256_xor_si256,
    };

    use super::{Masks, Portable, Simd, Work};

    pub(super) fn avx2_here() -> bool {
        std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("lzcnt")
            && std::arch::is_x86_feature_detected!("popcnt")
    }

    pub(super) fn run_avx2_or_portable<W: Work>(work: W) -> W::Output {
        if avx2_here() {
            // SAFETY: every feature that `run_avx2` enables was detected just now.
            unsafe { run_avx2(work) }
        } else {
            work.run(Portable)
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn run_avx2<W: Work>(work: W) -> W::Output {
        work.run(Avx2(()))
    }

    /// Proof that AVX2 was detected: made in `run_avx2` alone.
    #[derive(Clone, Copy)]
    struct Avx2(());

    impl Simd for Avx2 {
        #[inline(always)]
        fn masks(self, chunk: &[u8; 64]) -> Masks {
            // SAFETY: the token exists, so the features do; the loads stay inside the 64 bytes.
            unsafe { masks(chunk) }
        }

        #[inline(always)]
        fn equal(self, chunk: &[u8; 64], byte: u8) -> u64 {
            // SAFETY: the token exists, so the features do; the loads stay inside the 64 bytes.
            unsafe { equal(chunk, byte) }
        }

        #[inline(always)]
        fn same(self, bytes: &[u8; 32], wanted: &[u8; 32], mask: &[u8; 32]) -> bool {
            // SAFETY: the token exists, so the features do; the loads stay inside the 32 bytes.
            unsafe { same(bytes, wanted, mask) }
        }
    }

    #[target_feature(enable = "avx2")]
    fn load(bytes: &[u8; 32]) -> __m256i {
        // SAFETY: an unaligned load of exactly the 32 bytes borrowed.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    fn same(bytes: &[u8; 32], wanted: &[u8; 32], mask: &[u8; 32]) -> bool {
        let differ = _mm256_xor_si256(load(bytes), load(wanted));
        _mm256_testz_si256(differ, load(mask)) == 1
    }

    #[target_feature(enable = "avx2")]
    fn masks(chunk: &[u8; 64]) -> Masks {
        let (halves, _) = chunk.as_chunks::<32>();
        let [low, high] = halves else { return Masks::default() };
        let (low, high) = (load(low), load(high));
        let equal = |byte: u8| {
            let wanted = _mm256_set1_epi8(byte.cast_signed());
            join(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted))
        };
        let (quote, newline) = (equal(b'"'), equal(b'\n'));
        // Controls and, as they are negative, bytes of 0x80 and above; and backslashes. Most chunks have none but newlines.
        let (space, backslash) = (_mm256_set1_epi8(0x20), _mm256_set1_epi8(b'\\'.cast_signed()));
        let special = |half: __m256i| {
            _mm256_or_si256(_mm256_cmpgt_epi8(space, half), _mm256_cmpeq_epi8(half, backslash))
        };
        if join(special(low), special(high)) == newline {
            return Masks { quote, newline, control: newline, ..Masks::default() };
        }
        let last_control = _mm256_set1_epi8(0x1F);
        let control = |half: __m256i| _mm256_cmpeq_epi8(_mm256_max_epu8(half, last_control), last_control);
        Masks {
            quote,
            backslash: equal(b'\\'),
            newline,
            control: join(control(low), control(high)),
            high: join(low, high),
        }
    }

    #[target_feature(enable = "avx2")]
    fn equal(chunk: &[u8; 64], byte: u8) -> u64 {
        let (halves, _) = chunk.as_chunks::<32>();
        let [low, high] = halves else { return 0 };
        let wanted = _mm256_set1_epi8(byte.cast_signed());
        join(_mm256_cmpeq_epi8(load(low), wanted), _mm256_cmpeq_epi8(load(high), wanted))
    }

    #[target_feature(enable = "avx2")]
    fn join(low: __m256i, high: __m256i) -> u64 {
        let bits = |half| u64::from(_mm256_movemask_epi8(half).cast_unsigned());
        bits(low) | bits(high) << 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Look<'a>(&'a [u8; 64]);

    impl Work for Look<'_> {
        type Output = Masks;
        fn run<S: Simd>(self, simd: S) -> Masks {
            let masks = simd.masks(self.0);
            assert_eq!(simd.equal(self.0, b'"'), masks.quote);
            masks
        }
    }

    struct Same<'a>(&'a [u8; 32], &'a [u8; 32], &'a [u8; 32]);

    impl Work for Same<'_> {
        type Output = bool;
        fn run<S: Simd>(self, simd: S) -> bool {
            simd.same(self.0, self.1, self.2)
        }
    }

    fn naive(chunk: &[u8; 64]) -> Masks {
        let of = |test: &dyn Fn(u8) -> bool| {
            chunk.iter().enumerate().fold(0u64, |bits, (at, &byte)| bits | u64::from(test(byte)) << at)
        };
        Masks {
            quote: of(&|byte| byte == b'"'),
            backslash: of(&|byte| byte == b'\\'),
            newline: of(&|byte| byte == b'\n'),
            control: of(&|byte| byte < 0x20),
            high: of(&|byte| byte >= 0x80),
        }
    }

    #[test]
    fn both_instruction_sets_see_every_byte_at_every_place() {
        for byte in 0..=255u8 {
            for at in [0, 1, 7, 8, 31, 32, 63] {
                for fill in [0u8, b'a', 0x80, 0xFF, b'"'] {
                    let mut chunk = [fill; 64];
                    chunk[at] = byte;
                    let expected = naive(&chunk);
                    assert_eq!(Isa::Portable.run(Look(&chunk)), expected, "portable {byte} at {at}");
                    assert_eq!(Isa::Avx2.run(Look(&chunk)), expected, "avx2 {byte} at {at}");
                }
            }
        }
    }

    #[test]
    fn comparison_looks_only_where_the_mask_does() {
        let (mut bytes, wanted, mut mask) = ([7u8; 32], [7u8; 32], [0xFFu8; 32]);
        for isa in [Isa::Portable, Isa::Avx2] {
            bytes[31] = 7;
            mask[31] = 0xFF;
            assert!(isa.run(Same(&bytes, &wanted, &mask)));
            bytes[31] = 8;
            assert!(!isa.run(Same(&bytes, &wanted, &mask)));
            mask[31] = 0;
            assert!(isa.run(Same(&bytes, &wanted, &mask)));
        }
    }
}
