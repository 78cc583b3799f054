//! All tests of one field together: a value is folded, parsed and searched once for all of them.

use std::fmt::Write as _;

use aho_corasick::AhoCorasick;
use hashbrown::HashMap;

use super::test::{Comparison, DatePart, Test, address, number, same_number};
use super::text::{Pattern, fold_into};
use crate::event::Scalar;

/// Reusable memory of a worker.
#[derive(Debug, Default)]
pub struct Scratch {
    folded: String,
}

/// The grouped tests of one field. Test `i` of those it was made of is bit `i`.
#[derive(Debug, Default)]
pub struct FieldMatcher {
    folded: Texts,
    cased: Texts,
    number_texts: Vec<(String, f64, usize)>,
    numbers: Vec<(Comparison, f64, usize)>,
    dates: Vec<(DatePart, Comparison, f64, usize)>,
    networks: Vec<(ipnet::IpNet, usize)>,
    regexes: Vec<(regex::Regex, usize)>,
    exists: Vec<usize>,
    null: Vec<usize>,
}

/// Text tests over one form of the value.
#[derive(Debug, Default)]
struct Texts {
    exact: HashMap<Vec<u8>, Vec<usize>>,
    literals: Option<AhoCorasick>,
    /// By pattern of `literals`: where it has to stand, and whose it is.
    places: Vec<(Place, usize)>,
    globs: Vec<(regex::bytes::Regex, usize)>,
    /// Tests that any text passes.
    always: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Start,
    End,
    Anywhere,
}

#[derive(Default)]
struct Draft {
    texts: Texts,
    literals: Vec<Vec<u8>>,
}

impl FieldMatcher {
    /// Groups the tests of a field.
    pub fn new(tests: &[&Test]) -> Self {
        let mut matcher = Self::default();
        let (mut folded, mut cased) = (Draft::default(), Draft::default());
        for (bit, test) in tests.iter().enumerate() {
            match test {
                Test::Text { compared, cased: exact_case, glob, .. } => {
                    let draft = if *exact_case { &mut cased } else { &mut folded };
                    draft.add(compared, glob.as_ref(), bit);
                }
                Test::NumberText { text, value } => matcher.number_texts.push((text.clone(), *value, bit)),
                Test::Number { comparison, value } => matcher.numbers.push((*comparison, *value, bit)),
                Test::Date { part, comparison, value } => {
                    matcher.dates.push((*part, *comparison, *value, bit));
                }
                Test::Cidr(network) => matcher.networks.push((*network, bit)),
                Test::Regex(regex) => matcher.regexes.push((regex.clone(), bit)),
                Test::Exists => matcher.exists.push(bit),
                Test::Null => matcher.null.push(bit),
                Test::Field { .. } => {}
            }
        }
        matcher.folded = folded.finish();
        matcher.cased = cased.finish();
        matcher
    }

    /// Sets the bit of every test that this value passes; clears none. [`Test::Field`] tests are never set.
    pub fn eval(&self, value: Scalar<'_>, scratch: &mut Scratch, bits: &mut [u64]) {
        self.exists.iter().for_each(|&bit| set(bits, bit));
        if value == Scalar::Null {
            self.null.iter().for_each(|&bit| set(bits, bit));
        }
        let Some(text) = value.text() else { return };
        if !self.folded.is_empty() {
            fold_into(text, &mut scratch.folded);
            self.folded.eval(scratch.folded.as_bytes(), bits);
        }
        self.cased.eval(text.as_bytes(), bits);
        self.eval_numbers(text, matches!(value, Scalar::Number(_)), bits);
        for (part, comparison, wanted, bit) in &self.dates {
            if part.of(text).is_some_and(|seen| comparison.holds(f64::from(seen), *wanted)) {
                set(bits, *bit);
            }
        }
        if !self.networks.is_empty()
            && let Some(address) = address(text)
        {
            let inside = self.networks.iter().filter(|(network, _)| network.contains(&address));
            inside.for_each(|(_, bit)| set(bits, *bit));
        }
        let found = self.regexes.iter().filter(|(regex, _)| regex.is_match(text));
        found.for_each(|(_, bit)| set(bits, *bit));
    }

    fn eval_numbers(&self, text: &str, is_number: bool, bits: &mut [u64]) {
        if self.numbers.is_empty() && self.number_texts.is_empty() {
            return;
        }
        let seen = number(text);
        for (wanted, value, bit) in &self.number_texts {
            if same_number(wanted, *value, text, seen.filter(|_| is_number)) {
                set(bits, *bit);
            }
        }
        let Some(seen) = seen else { return };
        let holds = self.numbers.iter().filter(|(comparison, wanted, _)| comparison.holds(seen, *wanted));
        holds.for_each(|(.., bit)| set(bits, *bit));
    }
}

impl Draft {
    fn add(&mut self, pattern: &Pattern, glob: Option<&regex::bytes::Regex>, bit: usize) {
        let (text, place) = match pattern {
            Pattern::Exact(text) => return self.texts.exact.entry(text.clone()).or_default().push(bit),
            Pattern::Glob(_) => return self.texts.globs.extend(glob.map(|glob| (glob.clone(), bit))),
            Pattern::Prefix(text) => (text, Place::Start),
            Pattern::Suffix(text) => (text, Place::End),
            Pattern::Contains(text) => (text, Place::Anywhere),
        };
        if text.is_empty() {
            self.texts.always.push(bit);
        } else {
            self.literals.push(text.clone());
            self.texts.places.push((place, bit));
        }
    }

    fn finish(mut self) -> Texts {
        if self.literals.is_empty() {
            return self.texts;
        }
        match AhoCorasick::new(&self.literals) {
            Ok(literals) => self.texts.literals = Some(literals),
            Err(_too_many) => self.one_by_one(),
        }
        self.texts
    }

    /// More literals than one automaton holds: each becomes an expression of its own.
    fn one_by_one(&mut self) {
        let places = std::mem::take(&mut self.texts.places);
        for (text, (place, bit)) in self.literals.iter().zip(places) {
            let mut literal = String::new();
            for byte in text {
                // Writing to a String cannot fail.
                let _ = write!(literal, "\\x{byte:02x}");
            }
            let expression = match place {
                Place::Start => format!("(?-u)^{literal}"),
                Place::End => format!("(?-u){literal}$"),
                Place::Anywhere => format!("(?-u){literal}"),
            };
            self.texts.globs.extend(regex::bytes::Regex::new(&expression).ok().map(|glob| (glob, bit)));
        }
    }
}

impl Texts {
    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.literals.is_none() && self.globs.is_empty() && self.always.is_empty()
    }

    fn eval(&self, text: &[u8], bits: &mut [u64]) {
        self.always.iter().for_each(|&bit| set(bits, bit));
        if let Some(found) = self.exact.get(text) {
            for &bit in found {
                set(bits, bit);
            }
        }
        if let Some(literals) = &self.literals {
            for found in literals.find_overlapping_iter(text) {
                let Some(&(place, bit)) = self.places.get(found.pattern().as_usize()) else { continue };
                let stands = match place {
                    Place::Start => found.start() == 0,
                    Place::End => found.end() == text.len(),
                    Place::Anywhere => true,
                };
                if stands {
                    set(bits, bit);
                }
            }
        }
        let found = self.globs.iter().filter(|(glob, _)| glob.is_match(text));
        found.for_each(|(_, bit)| set(bits, *bit));
    }
}

/// Sets a bit of a bit set.
pub(crate) fn set(bits: &mut [u64], bit: usize) {
    if let Some(word) = bits.get_mut(bit / 64) {
        *word |= 1 << (bit % 64);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::text::{parse, windash};
    use super::*;

    fn any_test() -> impl Strategy<Value = Test> {
        let pattern = prop::collection::vec(
            prop::sample::select(vec![
                "a", "B", "\u{e9}", "\u{c9}", "*", "?", "\\", "-", " ", "1", "\\*", "ss",
            ]),
            0..5,
        );
        let text = (pattern, any::<bool>(), any::<bool>()).prop_map(|(parts, cased, dashes)| {
            let parts = parse(&parts.concat());
            Test::text(Pattern::new(if dashes { windash(parts) } else { parts }), cased).unwrap()
        });
        let number = prop::sample::select(vec![0.0, 1.0, 1.5, -2.0, 11.0]);
        let comparison =
            prop::sample::select(vec![Comparison::Equal, Comparison::Less, Comparison::GreaterOrEqual]);
        prop_oneof![
            6 => text,
            1 => (comparison, number.clone()).prop_map(|(comparison, value)| Test::Number { comparison, value }),
            1 => number.prop_map(|value| Test::NumberText { text: value.to_string(), value }),
            1 => prop::sample::select(vec!["10.0.0.0/8", "2001:db8::/32"]).prop_map(|net| Test::Cidr(net.parse().unwrap())),
            1 => prop::sample::select(vec!["^a", "(?i)b$", "1.5"]).prop_map(|re| Test::Regex(regex::Regex::new(re).unwrap())),
            1 => Just(Test::Exists),
            1 => Just(Test::Null),
        ]
    }

    proptest! {
        #[test]
        fn together_is_the_same_as_one_by_one(
            tests in prop::collection::vec(any_test(), 0..80),
            value in prop_oneof![
                prop::collection::vec(prop::sample::select(vec!["a", "b", "A", "\u{e9}", "\u{c9}", "\\", "-", "/", " ", "1", "*", "ss"]), 0..6)
                    .prop_map(|parts| parts.concat()),
                prop::sample::select(vec!["10.1.2.3", "2001:db8::1", "1.50", "1.5", "11", "::ffff:10.0.0.1"]).prop_map(str::to_owned),
            ],
            kind in 0usize..4,
        ) {
            let scalar = match kind {
                0 => Scalar::Number(&value),
                1 => Scalar::Null,
                _ => Scalar::Str(&value),
            };
            let matcher = FieldMatcher::new(&tests.iter().collect::<Vec<_>>());
            let mut bits = vec![0; 2];
            matcher.eval(scalar, &mut Scratch::default(), &mut bits);
            for (at, test) in tests.iter().enumerate() {
                prop_assert_eq!(bits[at / 64] >> (at % 64) & 1 == 1, test.eval(scalar), "{:?} on {:?}", test, scalar);
            }
        }
    }
}
