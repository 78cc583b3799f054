//! One row of an inventory changed in place: everything else of the file, comments too, stays byte for byte.

use std::ops::Range;
use std::path::Path;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::inventory::{Integration, Inventory};

const CREDENTIAL: &str = "credential";
const LAST_ROTATED: &str = "last-rotated";

/// What a row says of its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The user name or number; `None`: as it is.
    pub credential: Option<String>,
    /// The day of the last rotation; `None`: none is noted.
    pub last_rotated: Option<Date>,
}

/// The text of an inventory in which the row `name` says `rotated`.
///
/// # Errors
/// In words: it is no inventory, it has no such row, or the row is written in a way that cannot be changed in place.
pub fn amended(text: &str, name: &str, rotated: &Rotated) -> Result<String, String> {
    let before = rows(text)?;
    let mut edits = edits(text, name, rotated)?;
    edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut changed = text.to_owned();
    for (place, new) in edits {
        // Places come from the parser, and are those of whole characters.
        let sound = changed.is_char_boundary(place.start) && changed.is_char_boundary(place.end);
        if !sound || place.start > place.end {
            return Err(format!("the row {name} cannot be changed in place"));
        }
        changed.replace_range(place, &new);
    }
    let wanted = before.into_iter().map(|row| if row.name == name { as_wanted(row, rotated) } else { row });
    if rows(&changed)? == wanted.collect::<Vec<_>>() {
        Ok(changed)
    } else {
        Err(format!("the row {name} cannot be changed in place"))
    }
}

fn rows(text: &str) -> Result<Vec<Integration>, String> {
    let read = Inventory::parse_with(Path::new("inventory"), text.as_bytes(), None);
    Ok(read.map_err(|error| error.to_string())?.integrations)
}

fn as_wanted(row: Integration, rotated: &Rotated) -> Integration {
    let credential = rotated.credential.clone().or(row.credential);
    Integration { credential, last_rotated: rotated.last_rotated, ..row }
}

fn edits(text: &str, name: &str, rotated: &Rotated) -> Result<Vec<(Range<usize>, String)>, String> {
    let top = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
    let list = top.get_ref().get("integration").and_then(|value| value.get_ref().as_array());
    let mut tables =
        list.into_iter().flatten().filter_map(|row| Some((row.span(), row.get_ref().as_table()?)));
    let is_named = |(_, table): &(Range<usize>, &DeTable<'_>)| {
        table.get("name").and_then(|value| value.get_ref().as_str()) == Some(name)
    };
    let (span, table) = tables.find(is_named).ok_or_else(|| format!("there is no row {name}"))?;
    let inline = text.get(span).is_some_and(|row| row.starts_with('{'));
    let place = |key: &str| {
        table
            .get_key_value(key)
            .map(|(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| (key.span(), value.span()))
    };
    let (_, anchor) = place("name").ok_or_else(|| format!("there is no row {name}"))?;
    let mut edits = Vec::new();
    let mut set = |key: &str, plain: &str, quote: bool| match place(key) {
        Some((_, value)) => {
            let old = text.get(value.clone()).unwrap_or_default();
            edits.push((value, written(old, plain, quote)));
        }
        None => edits.push(added(text, &anchor, inline, key, &written("", plain, quote))),
    };
    if let Some(credential) = &rotated.credential {
        set(CREDENTIAL, credential, true);
    }
    match (rotated.last_rotated, place(LAST_ROTATED)) {
        (Some(day), _) => set(LAST_ROTATED, &day.to_string(), false),
        (None, Some((key, value))) => {
            edits.push((removed(text, key.start..value.end, inline), String::new()));
        }
        (None, None) => {}
    }
    Ok(edits)
}

/// In the way in which the old value was written: a value that comes back later is the same bytes again.
fn written(old: &str, plain: &str, quote: bool) -> String {
    let literal = !plain.contains('\'') && !plain.chars().any(char::is_control);
    match old.chars().next() {
        Some('\'') if literal => format!("'{plain}'"),
        Some('"' | '\'') => toml::Value::String(plain.to_owned()).to_string(),
        _ if quote => toml::Value::String(plain.to_owned()).to_string(),
        _ => plain.to_owned(),
    }
}

/// A key more, after the row's name.
fn added(text: &str, anchor: &Range<usize>, inline: bool, key: &str, value: &str) -> (Range<usize>, String) {
    if inline {
        return (anchor.end..anchor.end, format!(", {key} = {value}"));
    }
    let rest = text.get(anchor.end..).unwrap_or_default();
    let line = rest.find('\n').map_or(text.len(), |at| anchor.end + at);
    let (line, end) = match text.get(..line) {
        Some(before) if before.ends_with('\r') => (line - 1, "\r\n"),
        _ => (line, "\n"),
    };
    (line..line, format!("{end}{key} = {value}"))
}

/// A key and all that was added with it.
fn removed(text: &str, entry: Range<usize>, inline: bool) -> Range<usize> {
    let before = text.get(..entry.start).unwrap_or_default();
    if inline {
        let start = before.strip_suffix(", ").map_or(entry.start, str::len);
        return start..entry.end;
    }
    let line = before.rfind('\n').unwrap_or(entry.start);
    let start = if before.get(..line).is_some_and(|before| before.ends_with('\r')) { line - 1 } else { line };
    let rest = text.get(entry.end..).unwrap_or_default();
    // A comment behind the value stays, on a line of its own.
    let blank = rest.split(['\r', '\n']).next().is_none_or(|rest| rest.trim().is_empty());
    if blank { start..entry.end } else { entry }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# who uses what\r\n[[integration]]\r\nname = 'etl' # ours\r\ntype = 'service-account'\r\n\
                        consumer = 'a \"job\"'\r\ncredential = 'old' # of ada\r\n\n\
                        [[integration]]\nname = \"b\"\ntype = \"other\"\nconsumer = \"x\"\nlast-rotated = \"2026-01-31\" # by hand\n";

    fn day() -> Date {
        Date::constant(2026, 11, 30)
    }

    fn of(credential: Option<&str>, last_rotated: Option<Date>) -> Rotated {
        Rotated { credential: credential.map(str::to_owned), last_rotated }
    }

    #[test]
    fn a_row_changes_and_comes_back_to_the_byte() {
        let changed = amended(FILE, "etl", &of(Some("new.abc"), Some(day()))).unwrap();
        assert!(changed.contains("name = 'etl' # ours\r\nlast-rotated = 2026-11-30\r\ntype"), "{changed}");
        assert!(changed.contains("credential = 'new.abc' # of ada\r\n"), "{changed}");
        assert_eq!(amended(&changed, "etl", &of(Some("old"), None)).unwrap(), FILE);
        let changed = amended(FILE, "b", &of(None, Some(day()))).unwrap();
        assert!(changed.contains("last-rotated = \"2026-11-30\" # by hand"), "{changed}");
        assert_eq!(amended(&changed, "b", &of(None, Some(Date::constant(2026, 1, 31)))).unwrap(), FILE);
    }

    #[test]
    fn tables_in_a_line_are_changed_too() {
        let file = "integration = [{ name = 'a', type = 'other', consumer = 'x' }, { name = 'b', type = 'other', consumer = 'y' }]\n";
        let changed = amended(file, "b", &of(None, Some(day()))).unwrap();
        assert!(changed.contains("name = 'b', last-rotated = 2026-11-30, type"), "{changed}");
        assert_eq!(amended(&changed, "b", &of(None, None)).unwrap(), file);
    }

    #[test]
    fn a_value_that_is_hostile_stays_a_value() {
        let hostile = "x'\"]]\\n[[integration]]";
        let changed = amended(FILE, "etl", &of(Some(hostile), None)).unwrap();
        assert_eq!(rows(&changed).unwrap()[0].credential.as_deref(), Some(hostile));
        assert_eq!(rows(&changed).unwrap().len(), 2);
        assert!(amended(FILE, "etl", &of(Some("a\nb"), None)).is_err(), "no credential has two lines");
    }

    #[test]
    fn what_is_not_there_or_not_an_inventory_is_said() {
        assert!(amended(FILE, "none", &of(None, None)).unwrap_err().contains("no row none"));
        assert!(amended("x = 1", "etl", &of(None, None)).is_err());
        assert!(amended("[[", "etl", &of(None, None)).is_err());
    }
}
