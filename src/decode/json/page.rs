//! Pages as APIs give them: an object that holds the records in an array, among other things.
//!
//! A page's own members are not records. They are passed over, whatever they are, until the array is found or the object
//! ends; an object without the array is a record like any other.

use super::MAX_DEPTH;

/// What was found in a page's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sought {
    /// The array opens: bytes up to and with its bracket, and how many objects are open around it.
    Array(usize, usize),
    /// The objects end: bytes up to and with the last brace.
    End(usize),
    /// The bytes end first.
    More,
    /// No JSON: bytes up to where that is seen.
    Broken(usize),
}

/// Looks for the array at `path`, with `open` objects of the path open already.
///
/// With `open` 0 the bytes begin with the page's brace. Otherwise they begin after a member of the innermost object.
pub fn seek(bytes: &[u8], path: &[String], open: usize) -> Sought {
    let mut cursor = Cursor { bytes, at: 0 };
    let mut level = open;
    if level == 0 {
        if bytes.first() != Some(&b'{') {
            return Sought::Broken(0);
        }
        (cursor.at, level) = (1, 1);
    }
    loop {
        cursor.skip(b" \t\r\n,");
        match cursor.peek() {
            None => return Sought::More,
            Some(b'}') => {
                cursor.at += 1;
                level -= 1;
                if level == 0 {
                    return Sought::End(cursor.at);
                }
            }
            Some(b'"') => match member(&mut cursor, path, level) {
                Ok(Member::Passed) => {}
                Ok(Member::Object) => level += 1,
                Ok(Member::Array) => return Sought::Array(cursor.at, level),
                Err(sought) => return sought,
            },
            Some(_) => return Sought::Broken(cursor.at),
        }
    }
}

enum Member {
    Passed,
    Object,
    Array,
}

/// Reads a key, and its value unless that lies on the path.
fn member(cursor: &mut Cursor<'_>, path: &[String], level: usize) -> Result<Member, Sought> {
    let key = cursor.string()?;
    cursor.skip(b" \t\r\n");
    match cursor.peek() {
        None => return Err(Sought::More),
        Some(b':') => cursor.at += 1,
        Some(_) => return Err(Sought::Broken(cursor.at)),
    }
    cursor.skip(b" \t\r\n");
    let wanted = level.checked_sub(1).and_then(|at| path.get(at)).is_some_and(|name| name.as_bytes() == key);
    match cursor.peek() {
        None => Err(Sought::More),
        Some(b'[') if wanted && level == path.len() => {
            cursor.at += 1;
            Ok(Member::Array)
        }
        Some(b'{') if wanted && level < path.len() => {
            cursor.at += 1;
            Ok(Member::Object)
        }
        Some(_) => cursor.value().map(|()| Member::Passed),
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, letters: &[u8]) {
        while self.peek().is_some_and(|byte| letters.contains(&byte)) {
            self.at += 1;
        }
    }

    /// At an opening quote: the inside as it stands.
    fn string(&mut self) -> Result<&'a [u8], Sought> {
        let start = self.at + 1;
        self.at = start;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let found = memchr::memchr2(b'"', b'\\', rest).ok_or(Sought::More)?;
            let end = self.at + found;
            if self.bytes.get(end) == Some(&b'"') {
                self.at = end + 1;
                return Ok(self.bytes.get(start..end).unwrap_or_default());
            }
            self.at = end + 2;
        }
    }

    /// Passes over any value.
    fn value(&mut self) -> Result<(), Sought> {
        let mut depth = 0usize;
        loop {
            match self.peek() {
                None => return Err(Sought::More),
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{' | b'[') if depth < MAX_DEPTH => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b'{' | b'[' | b'}' | b']') => return Err(Sought::Broken(self.at)),
                Some(_) if depth > 0 => self.at += 1,
                Some(_) => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    let end =
                        rest.iter().position(|byte| b",}] \t\r\n".contains(byte)).ok_or(Sought::More)?;
                    self.at += end.max(1);
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, path: &str, open: usize) -> Sought {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        seek(text.as_bytes(), &path, open)
    }

    #[test]
    fn the_array_is_found_behind_other_members_and_in_objects() {
        assert_eq!(find("{\"items\":[1", "items", 0), Sought::Array(10, 1));
        let text = "{\"kind\":\"a\\\"}\",\"n\":-1.5e3,\"x\":{\"items\":[{}]},\"items\" : [";
        assert_eq!(find(text, "items", 0), Sought::Array(text.len(), 1));
        let text = "{\"_links\":{},\"_embedded\":{\"other\":[1,[2]],\"activities\":[";
        assert_eq!(find(text, "_embedded.activities", 0), Sought::Array(text.len(), 2));
        assert_eq!(find(",\"size\":2}, \"more\":[] }x", "_embedded.activities", 2), Sought::End(23));
        assert_eq!(find(",\"items\":[", "items", 1), Sought::Array(10, 1));
    }

    #[test]
    fn what_is_no_page_ends_and_what_is_cut_off_says_so() {
        assert_eq!(find("{\"a\":1,\"items\":{\"b\":[]}} ", "items", 0), Sought::End(24));
        assert_eq!(find("{}", "items", 0), Sought::End(2));
        let text = "{\"kind\":\"a\\\"\",\"n\":12,\"x\":[{\"y\":\"z\"}],\"items\":[";
        for cut in 1..text.len() {
            let path = ["items".to_owned()];
            assert_eq!(seek(&text.as_bytes()[..cut], &path, 0), Sought::More, "{cut}");
        }
        assert_eq!(find("{\"a\" 1}", "items", 0), Sought::Broken(5));
        assert_eq!(find("{a", "items", 0), Sought::Broken(1));
        let deep = format!("{{\"a\":{}", "[".repeat(1000));
        assert_eq!(find(&deep, "items", 0), Sought::Broken(5 + 128));
    }
}
