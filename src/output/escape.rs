//! Text that an attacker may have written, made safe to show.

use std::fmt::{self, Display, Write};

/// Shows text with everything escaped that a terminal obeys or that hides or reorders what is read: controls, bidi
/// marks, zero-width and variation characters, line and paragraph separators, Unicode tags. `\` stays as it is.
///
/// ```
/// use portcullis::output::escape::Safe;
/// assert_eq!(Safe("a\u{1b}[2J\u{202e}").to_string(), r"a\u{1b}[2J\u{202e}");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Safe<'a>(pub &'a str);

impl Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Runs of harmless text are written at once.
        let mut rest = self.0;
        while let Some((at, bad)) = rest.char_indices().find(|(_, c)| is_unsafe(*c)) {
            f.write_str(rest.get(..at).unwrap_or_default())?;
            match bad {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                _ => write!(f, "\\u{{{:x}}}", u32::from(bad))?,
            }
            rest = rest.get(at + bad.len_utf8()..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

/// The same as a `String`, cut after `limit` characters of the original, which is then said.
pub fn shortened(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    let end = text.char_indices().nth(limit).map(|(at, _)| at);
    let head = end.and_then(|end| text.get(..end)).unwrap_or(text);
    // Writing to a String cannot fail.
    let written = write!(shown, "{}", Safe(head));
    debug_assert!(written.is_ok());
    if let Some(end) = end {
        shown.push_str(&format!("… ({} bytes more)", text.len() - end));
    }
    shown
}

/// Text for XML and HTML: nothing in it is markup, a control or a change of direction.
pub fn markup(text: &str) -> String {
    let mut escaped = String::new();
    for letter in Safe(text).to_string().chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // What XML forbids even when escaped.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Whether a terminal obeys it, or it hides or reorders what is read.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_obey_is_shown() {
        let cases = [
            ("plain text, ünïcode 日本 🙂", "plain text, ünïcode 日本 🙂"),
            ("\u{1b}]0;x\u{7}", r"\u{1b}]0;x\u{7}"),
            ("a\r\n\tb", r"a\r\n\tb"),
            ("\u{9b}31m\u{7f}\u{0}", r"\u{9b}31m\u{7f}\u{0}"),
            (
                "\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}",
                r"\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}",
            ),
            (
                "\u{200b}\u{200d}\u{2060}\u{feff}\u{2028}\u{2029}",
                r"\u{200b}\u{200d}\u{2060}\u{feff}\u{2028}\u{2029}",
            ),
            ("\u{e0041}\u{e007f}", r"\u{e0041}\u{e007f}"),
            (r"c:\temp", r"c:\temp"),
        ];
        for (text, shown) in cases {
            assert_eq!(Safe(text).to_string(), shown);
        }
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("ab\u{1b}é", 3), "ab\\u{1b}… (2 bytes more)");
    }
}
