//! What a log record is made of, whatever its format: scalars as they stood in the raw bytes, and time.

pub mod time;

use serde::{Deserialize, Serialize};

/// One value of a record, decoded (no JSON escapes, no CSV quotes) and borrowed where possible.
///
/// Numbers keep the text of the log: `4688`, `1.0` and `1e3` are distinct texts that may be equal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// Text. Always valid UTF-8.
    Str(&'a str),
    /// The raw text of a JSON number.
    Number(&'a str),
    /// A JSON boolean.
    Bool(bool),
    /// A JSON null.
    Null,
    /// An object, or an empty array: present, but without a value of its own.
    Container,
}

impl<'a> Scalar<'a> {
    /// The text that string comparisons see; `None` for null and containers.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Str(text) | Self::Number(text) => Some(text),
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            Self::Null | Self::Container => None,
        }
    }
}

/// A value that depends on what came before a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "rules/README.md says what each is")]
pub enum SubField {
    IsNew,
    AgeDays,
    IsUsual,
    SeenDays,
    Days,
    Count,
    Ratio,
    Zscore,
    Kmh,
    Km,
    From,
    Hour,
    Weekday,
    ZoneSource,
    Reached,
}

/// Fields of one record by name. The slow, plain way to look at a record: `explain`, samples, the strict engine.
pub trait Fields {
    /// Calls `each` with every value of `name`, in the order of the record. A name that resolves inside an array
    /// gives every element's value. A field that is absent gives no call.
    fn values(&self, name: &str, each: &mut dyn FnMut(Scalar<'_>));

    /// The same without what a source says by other fields: the values that stand in the record under the field's paths.
    fn own_values(&self, name: &str, each: &mut dyn FnMut(Scalar<'_>)) {
        self.values(name, each);
    }

    /// Calls `each` with a value of the rule's derivation `at`, where it is known.
    fn derived(&self, _at: usize, _sub: SubField, _each: &mut dyn FnMut(Scalar<'_>)) {}

    /// What the values of the rule's derivation `at` rest on, in words.
    fn note(&self, _at: usize) -> Option<String> {
        None
    }

    /// Calls `each` with every leaf value of the record, for keyword searches, then with the raw record's text.
    fn all_values(&self, each: &mut dyn FnMut(Scalar<'_>));
}
