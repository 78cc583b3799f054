//! Requests and answers as services see them: no sockets, no streams.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A request, its body read.
#[derive(Clone)]
pub struct Request {
    /// Upper case, as received.
    pub method: String,
    /// Path without the service's prefix, percent-encoded as received: `/v1/Users/7` of `/scim/v1/Users/7`.
    pub path: String,
    /// Parameters of the query, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// `http://127.0.0.1:PORT/SERVICE`, for links and redirects.
    pub origin: String,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: pairs(query),
            headers: Vec::new(),
            body: Vec::new(),
            origin: String::new(),
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn with_json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.with_header("content-type", "application/json")
    }

    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The first parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The query as a URL has it, with its question mark; blank where there is none.
    pub fn query_text(&self) -> String {
        if self.query.is_empty() {
            return String::new();
        }
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        format!("?{}", text.extend_pairs(&self.query).finish())
    }

    /// The segments of the path, decoded; a slash at the end adds none.
    pub fn segments(&self) -> Vec<String> {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        let path = path.strip_suffix('/').unwrap_or(path);
        path.split('/').map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned()).collect()
    }

    /// The body as JSON; nothing where it is not JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as the fields of a form.
    pub fn form(&self) -> Vec<(String, String)> {
        pairs(&String::from_utf8_lossy(&self.body))
    }

    /// Whether it carries credentials of any kind.
    pub fn has_credentials(&self) -> bool {
        has_credentials(self.headers.iter().map(|(name, _)| name.as_str()))
    }
}

/// Whether one of these lower-case header names carries credentials.
pub(super) fn has_credentials<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    names.any(|name| ["authorization", "x-vault-token", "x-tableau-auth", "cookie"].contains(&name))
}

/// The pairs of a query or a form, decoded.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes())
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

/// What a service answers.
#[derive(Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers besides those of the protocol.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string().into_bytes() }
            .header("content-type", "application/json")
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A body of this type.
    pub fn text(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }.header("content-type", kind)
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_taken_apart() {
        let request = Request::new("GET", "/api/users/jane%40agency.example/?search=a+eq+%22b%22&x");
        assert_eq!(request.segments(), ["api", "users", "jane@agency.example"]);
        assert_eq!(request.parameter("search"), Some("a eq \"b\""));
        assert_eq!(request.parameter("x"), Some(""));
        assert_eq!(request.query_text(), "?search=a+eq+%22b%22&x=");
        assert!(!request.has_credentials());
        assert!(request.with_header("Authorization", "Basic x").has_credentials());
    }
}
