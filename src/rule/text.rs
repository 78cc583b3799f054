//! Text patterns: literals, wildcards, folding.

use std::fmt::Write as _;

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// These bytes. Encodings give bytes that need not be UTF-8.
    Literal(Vec<u8>),
    /// `*`: anything.
    Any,
    /// `?`: one character.
    One,
    /// One of the characters that introduce a Windows command-line option.
    Dash,
}

/// Characters that `windash` takes for each other.
pub(super) const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// A pattern by the way in which it is matched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// The whole value.
    Exact(Vec<u8>),
    /// Its start.
    Prefix(Vec<u8>),
    /// Its end.
    Suffix(Vec<u8>),
    /// Anywhere in it.
    Contains(Vec<u8>),
    /// Wildcards elsewhere.
    Glob(Vec<Part>),
}

/// Splits a rule's text at its wildcards. A backslash escapes `*`, `?` and, before them, itself; any other backslash
/// is plain, and two in a row are one.
pub(super) fn parse(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.peek() {
                Some(&next @ ('*' | '?' | '\\')) => {
                    literal.push(next);
                    letters.next();
                }
                _ => literal.push('\\'),
            },
            '*' | '?' => {
                push_literal(&mut parts, &mut literal);
                parts.push(if letter == '*' { Part::Any } else { Part::One });
            }
            _ => literal.push(letter),
        }
    }
    push_literal(&mut parts, &mut literal);
    parts
}

fn push_literal(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal).into_bytes()));
    }
}

/// Replaces option dashes: one of the five before a word character and not after one.
pub(super) fn windash(parts: Vec<Part>) -> Vec<Part> {
    let mut out = Vec::new();
    for part in parts {
        let Part::Literal(bytes) = part else {
            out.push(part);
            continue;
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let letters: Vec<char> = text.chars().collect();
        let mut literal = String::new();
        let is_word =
            |letter: Option<&char>| letter.is_some_and(|letter| letter.is_alphanumeric() || *letter == '_');
        for (at, letter) in letters.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|at| letters.get(at));
            if DASHES.contains(letter) && !is_word(before) && is_word(letters.get(at + 1)) {
                push_literal(&mut out, &mut literal);
                out.push(Part::Dash);
            } else {
                literal.push(*letter);
            }
        }
        push_literal(&mut out, &mut literal);
    }
    out
}

impl Pattern {
    /// Sorts a pattern into its way of matching.
    pub fn new(mut parts: Vec<Part>) -> Self {
        parts.dedup_by(|next, last| *next == Part::Any && *last == Part::Any);
        match parts.as_slice() {
            [] => Self::Exact(Vec::new()),
            [Part::Literal(text)] => Self::Exact(text.clone()),
            [Part::Any] => Self::Contains(Vec::new()),
            [Part::Literal(text), Part::Any] => Self::Prefix(text.clone()),
            [Part::Any, Part::Literal(text)] => Self::Suffix(text.clone()),
            [Part::Any, Part::Literal(text), Part::Any] => Self::Contains(text.clone()),
            _ => Self::Glob(parts),
        }
    }

    /// The same with every literal folded.
    #[must_use]
    pub fn folded(&self) -> Self {
        match self {
            Self::Exact(text) => Self::Exact(fold_bytes(text)),
            Self::Prefix(text) => Self::Prefix(fold_bytes(text)),
            Self::Suffix(text) => Self::Suffix(fold_bytes(text)),
            Self::Contains(text) => Self::Contains(fold_bytes(text)),
            Self::Glob(parts) => Self::Glob(
                parts
                    .iter()
                    .map(|part| {
                        if let Part::Literal(text) = part {
                            Part::Literal(fold_bytes(text))
                        } else {
                            part.clone()
                        }
                    })
                    .collect(),
            ),
        }
    }

    /// Whether `value`, folded if the pattern is, matches. `glob` is the pattern's expression where it is a glob.
    pub fn matches(&self, value: &[u8], glob: Option<&regex::bytes::Regex>) -> bool {
        match self {
            Self::Exact(text) => value == text,
            Self::Prefix(text) => value.starts_with(text),
            Self::Suffix(text) => value.ends_with(text),
            Self::Contains(text) => memchr::memmem::find(value, text).is_some(),
            Self::Glob(_) => glob.is_some_and(|glob| glob.is_match(value)),
        }
    }

    /// The expression that matches a glob, in linear time.
    pub fn expression(&self) -> Option<String> {
        let Self::Glob(parts) = self else { return None };
        let mut expression = String::from("(?s)^");
        for part in parts {
            match part {
                Part::Any => expression.push_str(".*"),
                Part::One => expression.push('.'),
                Part::Dash => expression.push_str("[-/\u{2013}\u{2014}\u{2015}]"),
                Part::Literal(bytes) => push_escaped(&mut expression, bytes),
            }
        }
        expression.push('$');
        Some(expression)
    }

    /// For people: `equals 'x'`, `starts with 'x'` …
    pub fn words(&self) -> String {
        match self {
            Self::Exact(text) if text.is_empty() => "is empty".to_owned(),
            Self::Exact(text) => format!("equals '{}'", String::from_utf8_lossy(text)),
            Self::Prefix(text) => format!("starts with '{}'", String::from_utf8_lossy(text)),
            Self::Suffix(text) => format!("ends with '{}'", String::from_utf8_lossy(text)),
            Self::Contains(text) if text.is_empty() => "has any value".to_owned(),
            Self::Contains(text) => format!("contains '{}'", String::from_utf8_lossy(text)),
            Self::Glob(parts) => format!("is like '{}'", parts.iter().map(shown).collect::<String>()),
        }
    }
}

fn shown(part: &Part) -> String {
    match part {
        Part::Any => "*".to_owned(),
        Part::One => "?".to_owned(),
        Part::Dash => "-".to_owned(),
        Part::Literal(text) => String::from_utf8_lossy(text).into_owned(),
    }
}

fn push_escaped(expression: &mut String, bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        expression.push_str(&regex::escape(text));
        return;
    }
    expression.push_str("(?-u:");
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(expression, "\\x{byte:02x}");
    }
    expression.push(')');
}

/// Folds text for comparison without case: each character's lower case, the final sigma as the plain one.
pub(super) fn fold_into(text: &str, out: &mut String) {
    out.clear();
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
        return;
    }
    for letter in text.chars() {
        match letter {
            '\u{3c2}' => out.push('\u{3c3}'),
            _ => out.extend(letter.to_lowercase()),
        }
    }
}

/// Folds bytes: as text where they are UTF-8, else their ASCII letters.
pub(super) fn fold_bytes(bytes: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let mut out = String::new();
            fold_into(text, &mut out);
            out.into_bytes()
        }
        Err(_) => bytes.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Part {
        Part::Literal(text.as_bytes().to_vec())
    }

    #[test]
    fn backslashes_follow_the_specification() {
        let cases = [
            (r"C:\Windows\x.exe", vec![literal(r"C:\Windows\x.exe")]),
            (r"C:\\Windows", vec![literal(r"C:\Windows")]),
            (r"a\*b", vec![literal("a*b")]),
            (r"a\?b", vec![literal("a?b")]),
            (r"a\\*", vec![literal(r"a\"), Part::Any]),
            (r"a\\\*", vec![literal(r"a\*")]),
            (r"\\\\srv", vec![literal(r"\\srv")]),
            (r"\\\srv", vec![literal(r"\\srv")]),
            ("prog?.exe", vec![literal("prog"), Part::One, literal(".exe")]),
            (r"end\", vec![literal(r"end\")]),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn folding_is_by_character() {
        let mut out = String::new();
        fold_into("ΣΊΣΥΦΟΣ İK", &mut out);
        assert_eq!(out, "σίσυφοσ i\u{307}k");
        fold_into("Σίσυφος", &mut out);
        assert_eq!(out, "σίσυφοσ");
    }

    #[test]
    fn option_dashes_are_those_before_a_word() {
        assert_eq!(
            windash(parse(" -f x-y /a")),
            [literal(" "), Part::Dash, literal("f x-y "), Part::Dash, literal("a")]
        );
    }
}
