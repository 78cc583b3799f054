//! A bounded set of names that an attacker may have chosen.

use std::collections::BTreeSet;

/// How many names are kept.
pub const KEPT: usize = 1_000;
/// How many bytes of a name are kept.
pub const NAME_BYTES: usize = 256;

/// The first [`KEPT`] names in alphabetical order, each cut to [`NAME_BYTES`]; the same for any order of insertion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    kept: BTreeSet<String>,
    more: bool,
}

impl Names {
    /// Adds a name.
    pub fn insert(&mut self, name: &str) {
        let name = name.get(..name.floor_char_boundary(NAME_BYTES)).unwrap_or(name);
        if !self.kept.contains(name) {
            self.kept.insert(name.to_owned());
        }
        self.cut();
    }

    /// The union of both.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.kept.extend(other.kept);
        self.more |= other.more;
        self.cut();
        self
    }

    /// The names, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().map(String::as_str)
    }

    /// No name at all.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// There were more names than are kept.
    pub fn has_more(&self) -> bool {
        self.more
    }

    fn cut(&mut self) {
        while self.kept.len() > KEPT {
            self.kept.pop_last();
            self.more = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_and_ordered() {
        let mut names = Names::default();
        (0..1_500).rev().for_each(|n| names.insert(&format!("key{n:04}")));
        assert_eq!(names.iter().count(), KEPT);
        assert_eq!(names.iter().next(), Some("key0000"));
        assert!(names.has_more());
        let mut long = Names::default();
        long.insert(&"é".repeat(400));
        assert_eq!(long.iter().map(str::len).collect::<Vec<_>>(), [256]);
        let merged = long.merge(names);
        assert_eq!(merged.iter().count(), KEPT);
        assert!(merged.iter().all(|name| name.starts_with("key")));
    }
}
