//! Inside of JSON strings: checking and resolving escapes.

/// Checks the inside of a JSON string after UTF-8 has been checked: escapes known, surrogates paired, no raw control
/// characters. Returns the offset and cause of the first fault.
pub fn check(inside: &[u8]) -> Result<(), (usize, &'static str)> {
    if let Some(at) = inside.iter().position(|&byte| byte < 0x20) {
        return Err((at, "control character in a string"));
    }
    check_escapes(inside)
}

/// Checks only the escapes of the inside of a JSON string.
pub fn check_escapes(inside: &[u8]) -> Result<(), (usize, &'static str)> {
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', inside.get(at..).unwrap_or_default()) {
        let slash = at + found;
        at = match inside.get(slash + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => slash + 2,
            Some(b'u') => check_unicode(inside, slash)?,
            _ => return Err((slash, "unknown escape in a string")),
        };
    }
    Ok(())
}

fn check_unicode(inside: &[u8], slash: usize) -> Result<usize, (usize, &'static str)> {
    let bad = (slash, "\\u escape without four hexadecimal digits");
    let unit = hex4(inside, slash + 2).ok_or(bad)?;
    match unit {
        0xD800..=0xDBFF => {
            let low = match (inside.get(slash + 6), inside.get(slash + 7)) {
                (Some(b'\\'), Some(b'u')) => hex4(inside, slash + 8),
                _ => None,
            };
            match low {
                Some(0xDC00..=0xDFFF) => Ok(slash + 12),
                _ => Err((slash, "lone surrogate in a \\u escape")),
            }
        }
        0xDC00..=0xDFFF => Err((slash, "lone surrogate in a \\u escape")),
        _ => Ok(slash + 6),
    }
}

fn hex4(inside: &[u8], at: usize) -> Option<u32> {
    let digits = inside.get(at..at + 4)?;
    digits.iter().try_fold(0u32, |sum, &digit| Some(sum << 4 | (digit as char).to_digit(16)?))
}

/// Appends the decoded text of a checked string to `out`. Escapes that a check would refuse become U+FFFD.
pub fn unescape(inside: &[u8], out: &mut String) {
    let mut rest = inside;
    while let Some(slash) = memchr::memchr(b'\\', rest) {
        let (plain, escaped) = rest.split_at(slash);
        out.push_str(&String::from_utf8_lossy(plain));
        let (decoded, length) = decode_escape(escaped);
        out.push(decoded);
        rest = escaped.get(length..).unwrap_or_default();
    }
    out.push_str(&String::from_utf8_lossy(rest));
}

fn decode_escape(escaped: &[u8]) -> (char, usize) {
    let simple = match escaped.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return decode_unicode(escaped),
        Some(&other) if other.is_ascii() => other as char,
        _ => char::REPLACEMENT_CHARACTER,
    };
    (simple, 2)
}

fn decode_unicode(escaped: &[u8]) -> (char, usize) {
    let Some(unit) = hex4(escaped, 2) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if let Some(plain) = char::from_u32(unit) {
        return (plain, 6);
    }
    let low = match (escaped.get(6), escaped.get(7)) {
        (Some(b'\\'), Some(b'u')) => hex4(escaped, 8).filter(|low| (0xDC00..=0xDFFF).contains(low)),
        _ => None,
    };
    match low {
        Some(low) if unit < 0xDC00 => {
            let code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(inside: &str) -> String {
        let mut out = String::new();
        unescape(inside.as_bytes(), &mut out);
        out
    }

    #[test]
    fn escapes_decode_as_serde_json_does() {
        for inside in
            [r"plain", r#"a\"b\\c\/d"#, r"\b\f\n\r\t", r"\u00e9\u20ac", r"\ud83d\ude00!", "é€", r"\u0000"]
        {
            let expected: String = serde_json::from_str(&format!("\"{inside}\"")).unwrap();
            assert_eq!(check(inside.as_bytes()), Ok(()), "{inside}");
            assert_eq!(decoded(inside), expected, "{inside}");
        }
    }

    #[test]
    fn bad_escapes_are_named_with_their_offset() {
        for (inside, at) in [
            (r"ab\x", 2),
            (r"\u12", 0),
            (r"\ud800", 0),
            (r"x\ud800\u0041", 1),
            (r"\udc00", 0),
            ("a\\", 1),
            ("a\tb", 1),
        ] {
            assert_eq!(check(inside.as_bytes()).map_err(|(offset, _)| offset), Err(at), "{inside}");
            assert!(serde_json::from_str::<String>(&format!("\"{inside}\"")).is_err(), "{inside}");
        }
    }
}
