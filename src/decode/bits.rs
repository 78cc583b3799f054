//! Bit masks over the bytes of a block.

/// Place of the first bit that is set from `from` on. `bits` has one word more than the block, without a set bit: so every
/// place has 64 bits after it, which nearly every value's end is within, and no branch depends on where a word ends.
#[inline(always)]
pub fn next(bits: &[u64], from: usize) -> Option<usize> {
    let word = from / 64;
    let [low, high] = bits.get(word..)?.first_chunk::<2>()?;
    let shift = from % 64;
    let window = low >> shift | (high << 1) << (63 - shift);
    if window != 0 { Some(from + window.trailing_zeros() as usize) } else { later(bits, word + 1) }
}

/// The first bit from a word on.
#[inline(never)]
fn later(bits: &[u64], from: usize) -> Option<usize> {
    let at = from + bits.get(from..)?.iter().position(|word| *word != 0)?;
    bits.get(at).map(|word| at * 64 + word.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_look_at_every_bit_finds(
            set in prop::collection::vec(0usize..400, 0..6),
            words in 1usize..7,
        ) {
            let set: Vec<usize> = set.into_iter().filter(|at| *at < words * 64).collect();
            let mut bits = vec![0u64; words + 1];
            set.iter().for_each(|at| bits[at / 64] |= 1 << (at % 64));
            for from in 0..words * 64 {
                prop_assert_eq!(next(&bits, from), set.iter().copied().filter(|at| *at >= from).min());
            }
        }
    }
}
