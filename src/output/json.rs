//! JSON that may be shown: the same values as any other JSON, and no character in it that a terminal obeys or that hides or
//! reorders what is read. These are written as `\u` escapes, which JSON allows for every character.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::escape::is_unsafe;

/// Writes `value` in one line, without a line end.
///
/// # Errors
/// Of the writer, or because `value` has keys that are no texts.
pub fn write(out: impl io::Write, value: &impl Serialize) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Shown(CompactFormatter)))
}

/// The same over several lines.
///
/// # Errors
/// As for [`write()`].
pub fn write_pretty(out: impl io::Write, value: &impl Serialize) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Shown(PrettyFormatter::new())))
}

/// `value` in one line, with a line end.
pub fn line(value: &serde_json::Value) -> String {
    let mut bytes = Vec::new();
    // Neither a value of JSON nor memory refuses.
    let written = write(&mut bytes, value);
    debug_assert!(written.is_ok());
    bytes.push(b'\n');
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `value` over several lines, with a line end.
///
/// # Errors
/// `value` has keys that are no texts.
pub fn pretty(value: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    write_pretty(&mut bytes, value)?;
    bytes.push(b'\n');
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Another formatter, with texts made safe to show.
struct Shown<F>(F);

impl<F: Formatter> Formatter for Shown<F> {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, bad)) = rest.char_indices().find(|(_, letter)| is_unsafe(*letter)) {
            out.write_all(rest.get(..at).unwrap_or_default().as_bytes())?;
            let mut units = [0; 2];
            for unit in bad.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = rest.get(at + bad.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_terminals_obey_is_an_escape() {
        let value = json!({ "k\u{9b}": "a\u{202e}b\u{7f}\u{e0041}\u{1b}\"\\é🙂" });
        assert_eq!(line(&value), "{\"k\\u009b\":\"a\\u202eb\\u007f\\udb40\\udc41\\u001b\\\"\\\\é🙂\"}\n");
        let mut pretty = Vec::new();
        write_pretty(&mut pretty, &json!({ "a": ["\u{9b}"] })).unwrap();
        assert_eq!(String::from_utf8(pretty).unwrap(), "{\n  \"a\": [\n    \"\\u009b\"\n  ]\n}");
    }

    proptest! {
        #[test]
        fn values_stay_the_same(text in any::<String>(), key in any::<String>()) {
            let value = json!({ key: [text, 1.5, null] });
            let written = line(&value);
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
            prop_assert!(!written.trim_end_matches('\n').chars().any(is_unsafe));
        }
    }
}
