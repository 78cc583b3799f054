//! An answer.

use std::fmt;

use serde_json::Value;
use url::Url;
use zeroize::Zeroize as _;

use super::error::CallError;

/// A whole answer with a status of 2xx, or one that its call also takes. Its body may hold secrets: it is wiped when dropped, and not in `Debug`.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most 16 MiB.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`CallError::Lost`]: it is not JSON, so whatever was asked for, its result is unknown.
    pub fn json(&self) -> Result<Value, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| CallError::lost(self.not_json(&error)))
    }

    /// The text of the element at this path of an answer in XML, whose first name is that of the root.
    ///
    /// # Errors
    /// [`CallError::Lost`]: it is no such document, or has no such element.
    pub fn element(&self, path: &[&str]) -> Result<String, CallError> {
        let found = super::xml::text(&self.body, path).map_err(|why| CallError::lost(self.not_xml(why)))?;
        found.ok_or_else(|| CallError::lost(format!("{} is missing", path.join("/"))))
    }

    /// That the body is XML with this root; else why it is not.
    pub(super) fn is_xml(&self, root: &str) -> Result<(), String> {
        super::xml::text(&self.body, &[root]).map(drop).map_err(|why| self.not_xml(why))
    }

    fn not_xml(&self, why: &str) -> String {
        format!(
            "status {} with a body that is not the XML asked for ({why}, {} bytes)",
            self.status,
            self.body.len()
        )
    }

    /// That the body is JSON, or that there is none; else why it is not.
    pub(super) fn is_json(&self) -> Result<(), String> {
        if self.body.is_empty() {
            return Ok(());
        }
        let read = serde_json::from_slice::<serde::de::IgnoredAny>(&self.body);
        read.map(drop).map_err(|error| self.not_json(&error))
    }

    fn not_json(&self, error: &serde_json::Error) -> String {
        let (line, column) = (error.line(), error.column());
        let kind = self.header("content-type").unwrap_or("no content type");
        let kind = super::redact::Masks::default().clean(kind, &[]);
        format!(
            "status {} with a body that is not JSON ({kind}, {} bytes; line {line}, column {column})",
            self.status,
            self.body.len()
        )
    }

    /// The target of `Link: <…>; rel="next"`, made absolute against `base`.
    pub(super) fn next(&self, base: &Url) -> Option<Url> {
        let links = self.headers.iter().filter(|(name, _)| name == "link").map(|(_, value)| value.as_str());
        links
            .flat_map(links_of)
            .find(|(_, rel)| rel.split_whitespace().any(|rel| rel == "next"))
            .and_then(|(target, _)| base.join(target).ok())
    }
}

/// Targets and relations in one `Link` header (RFC 8288). Commas may stand inside the angle brackets.
fn links_of(header: &str) -> Vec<(&str, String)> {
    let mut links = Vec::new();
    for part in header.split('<').skip(1) {
        let Some((target, parameters)) = part.split_once('>') else { continue };
        let rel = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.trim().split_once('=')?;
            let value = value.trim().trim_end_matches(',').trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel").then(|| value.to_ascii_lowercase())
        });
        links.push((target, rel.unwrap_or_default()));
    }
    links
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.body.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_links() {
        let cases = [
            (vec![r#"<https://x.test/a?after=1,2>; rel="next""#], Some("https://x.test/a?after=1,2")),
            (vec![r#"<https://x.test/a>; rel="self", </b?c=d>; rel="next""#], Some("https://x.test/b?c=d")),
            (
                vec![r#"<https://x.test/a>; rel="self""#, "<?p=2>; title=x; rel=NEXT"],
                Some("https://x.test/api?p=2"),
            ),
            (vec![r#"<https://x.test/a>; rel="self prev""#], None),
            (vec!["<broken; rel=next", ""], None),
            (vec![], None),
        ];
        let base = Url::parse("https://x.test/api").unwrap();
        for (links, expected) in cases {
            let headers = links.iter().map(|&link| ("link".to_owned(), link.to_owned())).collect();
            let reply = Reply { status: 200, headers, body: Vec::new() };
            assert_eq!(reply.next(&base).map(String::from).as_deref(), expected, "{links:?}");
        }
    }
}
