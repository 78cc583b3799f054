//! Texts of events, each kept once: a million events have few different ones.

use std::num::NonZeroU32;

use foldhash::HashMap;

/// A text of a [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(NonZeroU32);

impl Name {
    /// From 0, without gaps.
    pub fn number(self) -> u32 {
        self.0.get() - 1
    }

    fn at(self) -> usize {
        usize::try_from(self.number()).unwrap_or(usize::MAX)
    }
}

/// All texts.
#[derive(Debug, Clone, Default)]
pub struct Names {
    texts: Vec<Box<str>>,
    known: HashMap<Box<str>, Name>,
}

impl Names {
    /// The name of a text; `None` for the empty one, and when there are four billion.
    pub fn of(&mut self, text: &str) -> Option<Name> {
        if text.is_empty() {
            return None;
        }
        if let Some(name) = self.known.get(text) {
            return Some(*name);
        }
        let name = Name(u32::try_from(self.texts.len() + 1).ok().and_then(NonZeroU32::new)?);
        self.texts.push(text.into());
        self.known.insert(text.into(), name);
        Some(name)
    }

    /// The text.
    pub fn text(&self, name: Name) -> &str {
        self.texts.get(name.at()).map_or("", |text| text)
    }

    /// The name of a text that is known.
    pub fn find(&self, text: &str) -> Option<Name> {
        self.known.get(text).copied()
    }

    /// All names in their order.
    pub fn all(&self) -> impl Iterator<Item = (Name, &str)> {
        (1..).filter_map(NonZeroU32::new).map(Name).zip(self.texts.iter().map(|text| &**text))
    }

    /// Takes in another's texts: what each of its names is here, by its number.
    pub fn join(&mut self, other: &Self) -> Vec<Option<Name>> {
        other.texts.iter().map(|text| self.of(text)).collect()
    }
}

/// Looks a name up in what [`Names::join`] gave.
pub fn renamed(table: &[Option<Name>], name: Option<Name>) -> Option<Name> {
    name.and_then(|name| table.get(name.at()).copied().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_name_here_and_there() {
        let (mut one, mut other) = (Names::default(), Names::default());
        let (a, b) = (one.of("a"), one.of("b"));
        assert_eq!((one.of("a"), one.of("")), (a, None));
        let (b_there, c_there) = (other.of("b"), other.of("c"));
        let table = one.join(&other);
        assert_eq!(renamed(&table, b_there), b);
        assert_eq!(one.text(renamed(&table, c_there).unwrap()), "c");
        assert_eq!(one.all().map(|(_, text)| text).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(one.find("c").map(Name::number), Some(2));
    }
}
