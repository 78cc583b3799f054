//! "Did you mean …?"

/// Longer words are not compared: the time grows with the product of two lengths.
const MAX_LETTERS: usize = 64;

/// The candidate that a misspelt word most likely meant: at most a third of its letters differ.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let short = |word: &str| word.chars().nth(MAX_LETTERS).is_none();
    if !short(word) {
        return None;
    }
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .filter(|candidate| short(candidate))
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words, without case; two swapped letters are one.
fn distance(left: &str, right: &str) -> usize {
    strsim::osa_distance(&left.to_lowercase(), &right.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["startswith", "endswith", "contains"];
        assert_eq!(nearest("startwith", known.into_iter()), Some("startswith"));
        assert_eq!(nearest("Contain", known.into_iter()), Some("contains"));
        assert_eq!(nearest("xyz", known.into_iter()), None);
        assert_eq!(nearest("contians", known.into_iter()), Some("contains"));
        let long = "x".repeat(65);
        assert_eq!(nearest(&long, [long.as_str()].into_iter()), None);
    }
}
