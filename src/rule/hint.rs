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

/// Levenshtein distance, without case.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, letter) in left.to_lowercase().chars().enumerate() {
        let mut above_left = at;
        let mut previous = at + 1;
        let mut next = vec![previous];
        for (other, above) in right.iter().zip(row.iter().skip(1)) {
            let cost = above_left + usize::from(letter != *other);
            above_left = *above;
            previous = cost.min(previous + 1).min(above + 1);
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
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
        assert_eq!(distance("kitten", "sitting"), 3);
        let long = "x".repeat(65);
        assert_eq!(nearest(&long, [long.as_str()].into_iter()), None);
    }
}
