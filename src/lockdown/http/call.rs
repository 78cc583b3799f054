//! A request before it is addressed and signed.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;
use zeroize::Zeroize as _;

use super::error::CallError;
use super::redact::{smells, wipe};

/// Everything but the unreserved characters of RFC 3986: a space is `%20`, which no server takes for a plus.
pub(super) const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Of a segment, also what RFC 3986 lets stand there and vendors write, such as `$ref`.
const SEGMENT: &AsciiSet =
    &QUERY.remove(b'$').remove(b':').remove(b'@').remove(b'!').remove(b',').remove(b'=');

/// What a request carries; wiped when dropped.
#[derive(Clone)]
pub enum Body {
    /// Nothing.
    None,
    /// `application/json`.
    Json(Value),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
    /// `application/merge-patch+json` (RFC 7396).
    MergePatch(Value),
    /// JSON under another content type, as SCIM asks for.
    JsonAs(&'static str, Value),
}

/// A request: method, path below the base address, query, body and headers. Its `Debug` shows no values.
#[derive(Clone)]
pub struct Call {
    pub(super) method: Method,
    target: Target,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Body,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) secrets: Vec<SecretString>,
    pub(super) also: Vec<u16>,
    /// The root of the answer, where that is XML.
    pub(super) xml: Option<&'static str>,
    label: Option<&'static str>,
}

#[derive(Clone)]
enum Target {
    /// Segments below the base address; each is percent-encoded.
    Path { segments: Vec<String>, slash: bool },
    /// An address that the provider gave; only followed on the origin of the base address.
    Link(Url),
}

impl Call {
    fn new(method: Method, segments: &[&str]) -> Self {
        let segments = segments.iter().map(|&segment| segment.to_owned()).collect();
        Self {
            method,
            target: Target::Path { segments, slash: false },
            query: Vec::new(),
            body: Body::None,
            headers: Vec::new(),
            secrets: Vec::new(),
            also: Vec::new(),
            xml: None,
            label: None,
        }
    }

    /// `GET` of a path, given as its segments: `&["users", id, "groups"]`.
    pub fn get(segments: &[&str]) -> Self {
        Self::new(Method::GET, segments)
    }

    /// `POST` to a path.
    pub fn post(segments: &[&str]) -> Self {
        Self::new(Method::POST, segments)
    }

    /// `PUT` to a path.
    pub fn put(segments: &[&str]) -> Self {
        Self::new(Method::PUT, segments)
    }

    /// `PATCH` of a path.
    pub fn patch(segments: &[&str]) -> Self {
        Self::new(Method::PATCH, segments)
    }

    /// `DELETE` of a path.
    pub fn delete(segments: &[&str]) -> Self {
        Self::new(Method::DELETE, segments)
    }

    /// The same request to an address that the provider gave, query included.
    #[must_use]
    pub fn at(mut self, link: Url) -> Self {
        self.target = Target::Link(link);
        self.query.clear();
        self
    }

    /// Ends the path in a slash.
    #[must_use]
    pub fn slash(mut self) -> Self {
        if let Target::Path { slash, .. } = &mut self.target {
            *slash = true;
        }
        self
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Sets a query parameter that may be there.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.retain(|(other, _)| other != name);
        self.query(name, value)
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, value: Value) -> Self {
        self.body(Body::Json(value))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Names a secret that the request carries, so that an answer that repeats it is not shown with it.
    #[must_use]
    pub fn hiding(mut self, secret: SecretString) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Takes an answer of this status, of the 4xx, for a reply rather than for a refusal: what is not there, say.
    #[must_use]
    pub fn also(mut self, status: u16) -> Self {
        self.also.push(status);
        self
    }

    /// Asks for XML with this root, in place of JSON.
    #[must_use]
    pub fn xml(mut self, root: &'static str) -> Self {
        self.xml = Some(root);
        self.header("accept", "text/xml")
    }

    /// What messages call the request, where its path does not tell one from another.
    #[must_use]
    pub fn named(mut self, label: &'static str) -> Self {
        self.label = Some(label);
        self
    }

    /// The whole address below `base`.
    ///
    /// # Errors
    /// [`CallError::NotSent`]: a segment is empty or means another folder, or a link leads to another origin.
    pub(super) fn url(&self, base: &Url) -> Result<Url, CallError> {
        let mut url = match &self.target {
            Target::Link(link) if link.origin() == base.origin() => link.clone(),
            Target::Link(link) => {
                let origin = link.origin().ascii_serialization();
                return Err(CallError::not_sent(format!("the provider's link leads to {origin}")));
            }
            Target::Path { segments, slash } => below(base, segments, *slash)?,
        };
        if !self.query.is_empty() {
            let pairs = self.query.iter().map(|(name, value)| {
                format!("{}={}", utf8_percent_encode(name, QUERY), utf8_percent_encode(value, QUERY))
            });
            let query: Vec<String> = url.query().map(str::to_owned).into_iter().chain(pairs).collect();
            url.set_query(Some(&query.join("&")));
        }
        Ok(url)
    }

    /// `GET /users/1`, for messages: without the query.
    pub(super) fn name(&self) -> String {
        if let Some(label) = self.label {
            return label.to_owned();
        }
        let path = match &self.target {
            Target::Path { segments, .. } => segments.join("/"),
            Target::Link(link) => link.path().trim_start_matches('/').to_owned(),
        };
        format!("{} /{path}", self.method)
    }
}

fn below(base: &Url, segments: &[String], slash: bool) -> Result<Url, CallError> {
    // The URL standard gives these another meaning even when they are encoded.
    if let Some(bad) = segments.iter().find(|segment| matches!(segment.as_str(), "" | "." | "..")) {
        return Err(CallError::not_sent(format!("“{bad}” cannot be a part of a path")));
    }
    let mut url = base.clone();
    let mut path = base.path().trim_end_matches('/').to_owned();
    for segment in segments {
        path.push('/');
        path.extend(utf8_percent_encode(segment, SEGMENT));
    }
    if slash {
        path.push('/');
    }
    url.set_path(&path);
    Ok(url)
}

impl Drop for Body {
    fn drop(&mut self) {
        match self {
            Self::Json(value) | Self::MergePatch(value) | Self::JsonAs(_, value) => wipe(value),
            Self::Form(fields) => fields.iter_mut().for_each(|(_, value)| value.zeroize()),
            Self::None => {}
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.body {
            Body::None => "none",
            Body::Json(_) => "json",
            Body::Form(_) => "form",
            Body::MergePatch(_) => "merge patch",
            Body::JsonAs(kind, _) => kind,
        };
        let shown: Vec<(&str, &str)> = self
            .query
            .iter()
            .map(|(name, value)| (name.as_str(), if smells(name) { "…" } else { value.as_str() }))
            .collect();
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Call")
            .field("request", &self.name())
            .field("query", &shown)
            .field("body", &kind)
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, call: &Call) -> Result<String, String> {
        call.url(&Url::parse(base).unwrap()).map(String::from).map_err(|error| error.to_string())
    }

    #[test]
    fn every_part_of_a_path_is_encoded() {
        let cases = [
            (Call::get(&["users", "auth0|61/8?#%"]), "https://x.test/api/app/users/auth0%7C61%2F8%3F%23%25"),
            (
                Call::get(&["organizations", "1", "users"]).slash(),
                "https://x.test/api/app/organizations/1/users/",
            ),
            (
                Call::get(&["Users"]).query("filter", r#"userName eq "a+b@x""#).query("count", "2"),
                "https://x.test/api/app/Users?filter=userName%20eq%20%22a%2Bb%40x%22&count=2",
            ),
            (Call::get(&["Users"]).query("at", "1").set("at", "3"), "https://x.test/api/app/Users?at=3"),
            (
                Call::delete(&["groups", "g", "members", "u", "$ref"]),
                "https://x.test/api/app/groups/g/members/u/$ref",
            ),
        ];
        for (call, expected) in cases {
            assert_eq!(url("https://x.test/api/app", &call).as_deref(), Ok(expected));
            assert_eq!(url("https://x.test/api/app/", &call).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_path_cannot_leave_its_base() {
        for bad in ["", ".", ".."] {
            let error = url("https://x.test/api", &Call::delete(&["users", bad])).unwrap_err();
            assert!(error.contains("cannot be a part of a path"), "{error}");
        }
        // Encoded by whoever made the identifier: it stays one segment.
        assert_eq!(
            url("https://x.test/api", &Call::get(&["%2e%2e"])).as_deref(),
            Ok("https://x.test/api/%252e%252e")
        );
        let elsewhere = Call::get(&["a"]).at(Url::parse("https://x.test:444/api/a?token=canary").unwrap());
        assert_eq!(
            url("https://x.test/api", &elsewhere).unwrap_err(),
            "not sent: the provider's link leads to https://x.test:444"
        );
    }

    #[test]
    fn debug_shows_no_values() {
        let call = Call::post(&["x"])
            .query("api_secret", "canary")
            .query("page", "2")
            .json(serde_json::json!({"a": "canary"}))
            .header("x-vault-token", "canary")
            .hiding("canary".into());
        let shown = format!("{call:?}");
        assert!(!shown.contains("canary") && shown.contains("POST /x") && shown.contains("page"), "{shown}");
    }
}
