//! From bytes to values: where a record's wanted values stand in a block, and their decoding.

pub mod bits;
pub mod csv;
mod csv_marks;
pub mod csv_view;
pub mod fields;
pub mod json;

use crate::event::Scalar;

/// Zero bytes that must follow the content of every block, so that fixed-size loads stay inside it.
pub const PADDING: usize = 64;

/// How a raw value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Inside of a JSON string, escapes and all.
    JsonString,
    /// A JSON number.
    Number,
    /// `true`.
    True,
    /// `false`.
    False,
    /// `null`.
    Null,
    /// An object, or an empty array.
    Container,
    /// A CSV cell as it stands.
    CsvPlain,
    /// Inside of a quoted CSV cell in which quotes are doubled.
    CsvEscaped,
}

/// A value where it stands: a byte range of the block, and how to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw {
    /// First byte, relative to the block.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// How the bytes are written.
    pub kind: Kind,
}

impl Raw {
    /// The bytes of the value; empty where the range is outside the block.
    #[inline]
    pub fn bytes(self, block: &[u8]) -> &[u8] {
        block.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The decoded value. `scratch` is used only where escapes have to be resolved.
    ///
    /// The range must come from a record that was accepted: its bytes are then valid UTF-8 with valid escapes;
    /// anything else is decoded with replacement characters.
    pub fn scalar<'a>(self, block: &'a [u8], scratch: &'a mut String) -> Scalar<'a> {
        let bytes = self.bytes(block);
        match self.kind {
            Kind::True => Scalar::Bool(true),
            Kind::False => Scalar::Bool(false),
            Kind::Null => Scalar::Null,
            Kind::Container => Scalar::Container,
            Kind::Number => Scalar::Number(text(bytes, scratch)),
            Kind::CsvPlain => Scalar::Str(text(bytes, scratch)),
            Kind::JsonString if memchr::memchr(b'\\', bytes).is_none() => Scalar::Str(text(bytes, scratch)),
            Kind::JsonString => {
                scratch.clear();
                json::string::unescape(bytes, scratch);
                Scalar::Str(scratch)
            }
            Kind::CsvEscaped => {
                let raw = String::from_utf8_lossy(bytes);
                scratch.clear();
                scratch.push_str(&raw.replace("\"\"", "\""));
                Scalar::Str(scratch)
            }
        }
    }
}

fn text<'a>(bytes: &'a [u8], scratch: &'a mut String) -> &'a str {
    // Far faster than the replacing one for text that is valid, as nearly all is.
    if let Ok(valid) = std::str::from_utf8(bytes) {
        return valid;
    }
    *scratch = String::from_utf8_lossy(bytes).into_owned();
    scratch
}
