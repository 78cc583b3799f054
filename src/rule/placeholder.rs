//! Placeholders: `%name%` in the values of keys with `expand`.

use std::collections::BTreeMap;

use super::yaml::{Fault, Span};

/// Texts that one value may become.
const MAX_VALUES: usize = 4096;
/// Bytes of these texts together.
const MAX_BYTES: usize = 1 << 20;
/// Placeholders in one value.
const MAX_PLACEHOLDERS: usize = 16;

/// Values of placeholders, by name without percent signs.
pub type Placeholders = BTreeMap<String, Vec<String>>;

/// Fills in `%name%`; `\%` is a plain percent sign.
pub(super) fn expand(text: &str, span: Span, placeholders: &Placeholders) -> Result<Vec<String>, Fault> {
    let mut values = vec![String::new()];
    let mut rest = text;
    let mut filled = 0;
    while let Some((before, after)) = rest.split_once('%') {
        rest = after;
        if let Some(before) = before.strip_suffix('\\') {
            append(&mut values, &[before, "%"], span)?;
            continue;
        }
        append(&mut values, &[before], span)?;
        let Some((name, next)) = after.split_once('%') else {
            append(&mut values, &["%"], span)?;
            break;
        };
        filled += 1;
        if filled > MAX_PLACEHOLDERS {
            return Err(Fault::new(span, "more than 16 placeholders in one value"));
        }
        values = multiply(&values, values_of(name, span, placeholders)?, span)?;
        rest = next;
    }
    append(&mut values, &[rest], span)?;
    Ok(values)
}

fn values_of<'a>(name: &str, span: Span, placeholders: &'a Placeholders) -> Result<&'a [String], Fault> {
    match placeholders.get(name).map(Vec::as_slice) {
        None => Err(Fault::new(span, format!("placeholder `%{name}%` has no value"))
            .hint("give its values in a file with --placeholders FILE")),
        Some([]) => Err(Fault::new(span, format!("the list of values of placeholder `%{name}%` is empty"))
            .hint("give it a value, or leave the rule out")),
        Some(found) => Ok(found),
    }
}

fn append(values: &mut [String], pieces: &[&str], span: Span) -> Result<(), Fault> {
    let more: usize = pieces.iter().map(|piece| piece.len()).sum();
    check_bytes(bytes(values) + more * values.len(), span)?;
    for value in values {
        value.extend(pieces.iter().copied());
    }
    Ok(())
}

/// Every value followed by every one found. Refused before it is made.
fn multiply(values: &[String], found: &[String], span: Span) -> Result<Vec<String>, Fault> {
    if values.len().saturating_mul(found.len()) > MAX_VALUES {
        return Err(Fault::new(span, "placeholders make more than 4,096 values of this one"));
    }
    check_bytes(bytes(values) * found.len() + bytes(found) * values.len(), span)?;
    Ok(values.iter().flat_map(|value| found.iter().map(move |found| format!("{value}{found}"))).collect())
}

fn bytes(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
}

fn check_bytes(bytes: usize, span: Span) -> Result<(), Fault> {
    if bytes > MAX_BYTES {
        return Err(Fault::new(span, "placeholders make more than 1 MiB of this value"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_multiply_and_percent_can_be_escaped() {
        let known = Placeholders::from([("a".to_owned(), vec!["1".to_owned(), "2*".to_owned()])]);
        let span = Span::default();
        assert_eq!(expand("x%a%y%a%", span, &known).unwrap(), ["x1y1", "x1y2*", "x2*y1", "x2*y2*"]);
        assert_eq!(expand(r"\%plain%a%", span, &known).unwrap(), ["%plain1", "%plain2*"]);
        assert!(expand("%b%", span, &known).unwrap_err().hint.unwrap().contains("--placeholders"));
    }

    #[test]
    fn values_cannot_grow_without_limit() {
        let span = Span { line: 1, column: 1 };
        let many = (0..1000).map(|at| at.to_string()).collect();
        let known = Placeholders::from([
            ("many".to_owned(), many),
            ("long".to_owned(), vec!["x".repeat(100_000)]),
            ("none".to_owned(), Vec::new()),
            ("a".to_owned(), vec!["a".to_owned()]),
        ]);
        for (text, part) in [
            ("%many%%many%".to_owned(), "4,096 values"),
            ("%long%".repeat(11), "1 MiB"),
            (format!("%many%{}", "x".repeat(2000)), "1 MiB"),
            ("%a%".repeat(17), "16 placeholders"),
            ("%none%".to_owned(), "is empty"),
        ] {
            assert!(expand(&text, span, &known).unwrap_err().message.contains(part), "{part}");
        }
        assert_eq!(expand("50% off", span, &known).unwrap(), ["50% off"]);
    }
}
