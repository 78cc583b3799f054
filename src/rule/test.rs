//! One test on one value. Every test is positive: negations are in the condition.

use std::net::IpAddr;

use ipnet::IpNet;

use super::text::{Pattern, fold_bytes, fold_into};
use crate::event::Scalar;

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
}

/// Part of a date that a test extracts, as the text has it; no time zone is converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatePart {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    Day,
    /// ISO week, 1 to 53.
    Week,
    /// 1 to 12.
    Month,
    /// The year.
    Year,
}

/// How another field's value is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The same text.
    Equals,
    /// At the start.
    StartsWith,
    /// At the end.
    EndsWith,
    /// Anywhere.
    Contains,
}

/// A test on a field's value.
#[derive(Debug, Clone)]
pub enum Test {
    /// Text. Uncased patterns are folded, and are compared with the folded value.
    Text {
        /// As the rule has it, for people.
        pattern: Pattern,
        /// What is compared: folded unless `cased`.
        compared: Pattern,
        /// Whether case counts.
        cased: bool,
        /// The expression of a glob.
        glob: Option<regex::bytes::Regex>,
    },
    /// A number of the rule: equal as text or as a number.
    NumberText {
        /// Its text in the rule.
        text: String,
        /// Its value.
        value: f64,
    },
    /// A numeric comparison.
    Number {
        /// How.
        comparison: Comparison,
        /// With what.
        value: f64,
    },
    /// A part of a date.
    Date {
        /// Which.
        part: DatePart,
        /// How it is compared.
        comparison: Comparison,
        /// With what.
        value: f64,
    },
    /// An address in a network.
    Cidr(IpNet),
    /// A regular expression found in the text.
    Regex(regex::Regex),
    /// Any value, null included.
    Exists,
    /// Null.
    Null,
    /// Another field's value; evaluated by [`Test::eval_pair`].
    Field {
        /// The other field.
        other: String,
        /// How.
        relation: Relation,
        /// Whether case counts.
        cased: bool,
    },
}

impl Test {
    /// A text test.
    ///
    /// # Errors
    /// The pattern is too large to compile.
    pub fn text(pattern: Pattern, cased: bool) -> Result<Self, String> {
        let compared = if cased { pattern.clone() } else { pattern.folded() };
        let glob = compared.expression().map(|expression| regex::bytes::Regex::new(&expression)).transpose();
        let glob = glob.map_err(|error| error.to_string())?;
        Ok(Self::Text { pattern, compared, cased, glob })
    }

    /// Whether one value passes. The reference: plain, one test at a time.
    pub fn eval(&self, value: Scalar<'_>) -> bool {
        match self {
            Self::Exists => true,
            Self::Null => value == Scalar::Null,
            Self::Field { .. } => false,
            _ => value.text().is_some_and(|text| self.eval_text(text, matches!(value, Scalar::Number(_)))),
        }
    }

    fn eval_text(&self, text: &str, is_number: bool) -> bool {
        match self {
            Self::Text { compared, cased: true, glob, .. } => {
                compared.matches(text.as_bytes(), glob.as_ref())
            }
            Self::Text { compared, cased: false, glob, .. } => {
                let mut folded = String::new();
                fold_into(text, &mut folded);
                compared.matches(folded.as_bytes(), glob.as_ref())
            }
            Self::NumberText { text: wanted, value } => {
                same_number(wanted, *value, text, number(text).filter(|_| is_number))
            }
            Self::Number { comparison, value } => {
                number(text).is_some_and(|seen| comparison.holds(seen, *value))
            }
            Self::Date { part, comparison, value } => {
                part.of(text).is_some_and(|seen| comparison.holds(f64::from(seen), *value))
            }
            Self::Cidr(network) => address(text).is_some_and(|address| network.contains(&address)),
            Self::Regex(regex) => regex.is_match(text),
            Self::Exists | Self::Null | Self::Field { .. } => false,
        }
    }

    /// Whether a value and one of the other field's pass a [`Test::Field`].
    pub fn eval_pair(&self, value: Scalar<'_>, other: Scalar<'_>) -> bool {
        let Self::Field { relation, cased, .. } = self else { return false };
        let (Some(value), Some(other)) = (value.text(), other.text()) else { return false };
        let fold = |text: &str| if *cased { text.as_bytes().to_vec() } else { fold_bytes(text.as_bytes()) };
        let (value, other) = (fold(value), fold(other));
        match relation {
            Relation::Equals => value == other,
            Relation::StartsWith => value.starts_with(&other),
            Relation::EndsWith => value.ends_with(&other),
            Relation::Contains => memchr::memmem::find(&value, &other).is_some(),
        }
    }

    /// The other field of a [`Test::Field`].
    pub fn other_field(&self) -> Option<&str> {
        if let Self::Field { other, .. } = self { Some(other) } else { None }
    }

    /// The text of a test for exactly one text.
    pub fn exact_text(&self) -> Option<&str> {
        match self {
            Self::Text { pattern: Pattern::Exact(text), .. } => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// For people: `equals 'x'`, `is in 10.0.0.0/8` …
    pub fn words(&self) -> String {
        match self {
            Self::Text { pattern, cased, .. } => {
                format!("{}{}", pattern.words(), if *cased { " (case counts)" } else { "" })
            }
            Self::NumberText { text, .. } => format!("equals {text}"),
            Self::Number { comparison, value } => format!("{} {value}", comparison.words()),
            Self::Date { part, comparison, value } => {
                format!("{} {} {value}", part.words(), comparison.words())
            }
            Self::Cidr(network) => format!("is in {network}"),
            Self::Regex(regex) => format!("matches /{regex}/"),
            Self::Exists => "exists".to_owned(),
            Self::Null => "is null".to_owned(),
            Self::Field { other, relation, cased } => {
                let relation = match relation {
                    Relation::Equals => "equals",
                    Relation::StartsWith => "starts with",
                    Relation::EndsWith => "ends with",
                    Relation::Contains => "contains",
                };
                format!("{relation} the value of {other}{}", if *cased { " (case counts)" } else { "" })
            }
        }
    }
}

impl Comparison {
    /// Whether it holds of a seen and a wanted value.
    #[expect(clippy::float_cmp, reason = "rules ask for equal numbers, not for near ones")]
    pub fn holds(self, seen: f64, wanted: f64) -> bool {
        match self {
            Self::Equal => seen == wanted,
            Self::Less => seen < wanted,
            Self::LessOrEqual => seen <= wanted,
            Self::Greater => seen > wanted,
            Self::GreaterOrEqual => seen >= wanted,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Equal => "equals",
            Self::Less => "is less than",
            Self::LessOrEqual => "is at most",
            Self::Greater => "is greater than",
            Self::GreaterOrEqual => "is at least",
        }
    }
}

impl DatePart {
    /// The part of a date written as `YYYY-MM-DD`, with `HH:MM` after it for hours and minutes.
    pub fn of(self, text: &str) -> Option<u32> {
        let digits = |from: usize, to: usize| -> Option<u32> {
            let part = text.get(from..to)?;
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten()
        };
        let at =
            |place: usize, wanted: &str| text.get(place..=place).is_some_and(|found| wanted.contains(found));
        if !(at(4, "-") && at(7, "-")) {
            return None;
        }
        let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
        let date = jiff::civil::Date::new(
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
        );
        let date = date.ok()?;
        let clock = || at(10, "Tt ") && at(13, ":");
        match self {
            Self::Year => Some(year),
            Self::Month => Some(month),
            Self::Day => Some(day),
            Self::Week => u32::try_from(date.iso_week_date().week()).ok(),
            Self::Hour => clock().then(|| digits(11, 13)).flatten().filter(|&hour| hour < 24),
            Self::Minute => clock().then(|| digits(14, 16)).flatten().filter(|&minute| minute < 60),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Minute => "its minute",
            Self::Hour => "its hour",
            Self::Day => "its day",
            Self::Week => "its week",
            Self::Month => "its month",
            Self::Year => "its year",
        }
    }
}

/// Whether a value equals a rule's number: as text, or, where `seen` is a number, by value. Whole numbers are compared
/// exactly: identifiers can be longer than a float tells apart.
pub(super) fn same_number(wanted: &str, value: f64, text: &str, seen: Option<f64>) -> bool {
    wanted.eq_ignore_ascii_case(text)
        || (seen == Some(value)
            && match (wanted.parse::<i128>(), text.parse::<i128>()) {
                (Ok(wanted), Ok(seen)) => wanted == seen,
                _ => true,
            })
}

/// A value as a number: finite decimals only, as in JSON.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let decimal = text.starts_with(|letter: char| letter.is_ascii_digit() || "+-.".contains(letter));
    decimal.then(|| text.parse::<f64>().ok()).flatten().filter(|value| value.is_finite())
}

/// A value as an address: v4, or v6 with or without zone; a v4 address mapped into v6 counts as v4.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}
