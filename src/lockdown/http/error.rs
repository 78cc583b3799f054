//! What can become of a request. The classes say what is known about its effect.

use std::error::Error as _;
use std::time::Duration;

use serde_json::Value;

use super::reply::Reply;

/// Why a request gave no result. Texts are escaped, cut, and free of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request surely had no effect: it never left, or never reached the provider.
    #[error("not sent: {what}")]
    NotSent {
        /// What kept it.
        what: String,
    },
    /// Whether the request had an effect is unknown: its answer was late, cut, unreadable or a server's fault.
    #[error("answer lost: {what}")]
    Lost {
        /// What became of the answer.
        what: String,
    },
    /// The provider refused; nothing was changed.
    #[error("refused with status {status}{}: {message}", code.as_deref().map(|code| format!(" {code}")).unwrap_or_default())]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The provider's own code, when its answer has one.
        code: Option<String>,
        /// The provider's own words.
        message: String,
    },
    /// Too many requests; nothing was changed.
    #[error("too many requests{}", wait.map(|wait| format!("; to be asked again in {} s", wait.as_secs())).unwrap_or_default())]
    Limited {
        /// How long the provider asks to wait, when it says so.
        wait: Option<Duration>,
    },
}

impl CallError {
    pub(super) fn not_sent(what: impl Into<String>) -> Self {
        Self::NotSent { what: what.into() }
    }

    pub(super) fn lost(what: impl Into<String>) -> Self {
        Self::Lost { what: what.into() }
    }

    /// That of a read before a change, as that of the change: it was not sent.
    #[must_use]
    pub fn unsent(self) -> Self {
        Self::NotSent { what: self.to_string() }
    }

    /// Whether the vendor itself says, by this code, that there is no such thing. Any other 404 says nothing of it.
    pub fn is_missing(&self, own: &str) -> bool {
        matches!(self, Self::Refused { status: 404, code: Some(code), .. } if code == own)
    }

    /// The status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::NotSent { .. } | Self::Lost { .. } | Self::Limited { .. } => None,
        }
    }
}

/// A failure as the transport sees it: with what retrying it would mean.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: CallError,
    /// Whether the same read could succeed.
    pub(super) again: Again,
    /// How long the server asks to wait.
    pub(super) wait: Option<Duration>,
}

/// What asking again for the same would bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The same.
    Never,
    /// The same, if it is the provider's answer. What stands before it may have given it for once, and what is refused
    /// is taken for something that is not there: it is believed when it comes twice.
    Once,
    /// An answer, when time has passed.
    Later,
}

impl Failure {
    pub(super) fn passing(error: CallError) -> Self {
        Self { error, again: Again::Later, wait: None }
    }

    pub(super) fn odd(error: CallError) -> Self {
        Self { error, again: Again::Once, wait: None }
    }

    pub(super) fn lasting(error: CallError) -> Self {
        Self { error, again: Again::Never, wait: None }
    }

    /// An error of the client below: whether the request may have left is what matters.
    pub(super) fn of_client(error: &reqwest::Error) -> Self {
        let what = causes(error);
        if error.is_builder() || untrusted(error) {
            Self::lasting(CallError::not_sent(what))
        } else if error.is_connect() {
            Self::passing(CallError::not_sent(what))
        } else {
            Self::passing(CallError::lost(what))
        }
    }
}

/// The innermost causes, without the address: its query may hold secrets.
fn causes(error: &reqwest::Error) -> String {
    let mut parts = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let part = inner.to_string();
        if parts.last() != Some(&part) {
            parts.push(part);
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        parts.insert(0, "time-out".to_owned());
    }
    if parts.is_empty() { "the request is not valid".to_owned() } else { parts.join(": ") }
}

/// A certificate that is not trusted stays so, whereas a broken handshake may pass.
fn untrusted(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(rustls::Error::InvalidCertificate(_)) = inner.downcast_ref() {
            return true;
        }
        // The source of an I/O error is the source of what it wraps, which would be missed.
        let wrapped = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = wrapped.map_or_else(|| inner.source(), |wrapped| Some(wrapped));
    }
    false
}

/// The provider's code and words, wherever the vendors put them. `None`: not an error that an API writes.
pub(super) fn words(body: &[u8]) -> Option<(Option<String>, Option<String>)> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let fields = value.as_object().filter(|fields| !fields.is_empty())?;
    let envelope = |name: &str| fields.get(name).and_then(Value::as_object);
    let inner = envelope("error").or_else(|| envelope("status"));
    let find = |names: &[&str]| {
        let places = [inner, Some(fields)];
        let mut found =
            places.iter().flatten().flat_map(|place| names.iter().filter_map(|&name| place.get(name)));
        found.find_map(|value| match value {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let mut code = find(&["errorCode", "code", "scimType", "__type"]);
    // AWS may put the namespace of its service before a `#`.
    code = code.map(|code| code.rsplit('#').next().unwrap_or_default().to_owned());
    let mut message = find(&["errorSummary", "message", "Message", "error_description", "detail", "title"]);
    // Only beside a status it is the name of an error.
    if code.is_none() && fields.contains_key("statusCode") {
        code = find(&["name"]);
    }
    // OAuth puts a code there, others a sentence.
    if let Some(Value::String(error)) = fields.get("error") {
        if message.is_none() {
            message = Some(error.clone());
        } else if code.is_none() {
            code = Some(error.clone());
        }
    }
    if let Some(Value::Array(errors)) = fields.get("errors") {
        let errors: Vec<&str> = errors.iter().filter_map(Value::as_str).collect();
        message = message.or_else(|| (!errors.is_empty()).then(|| errors.join("; ")));
    }
    Some((code, message))
}

/// No second since 1970 that an answer names is as small.
const SECONDS: i64 = 1_000_000_000;

/// How long a 429 or 503 asks to wait: `Retry-After` in seconds or as a date, `X-Rate-Limit-Reset` or `X-RateLimit-Reset`
/// as a second since 1970, or as so many seconds, which vendors write too. Dates are compared with the server's own
/// `Date`, since our clock may differ.
pub(super) fn asked_wait(reply: &Reply) -> Option<Duration> {
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_second());
    let now = reply.header("date").and_then(date);
    let until = |second: i64| Some(Duration::from_secs(u64::try_from(second - now?).unwrap_or(0)));
    if let Some(after) = reply.header("retry-after") {
        let after = after.trim();
        if let Ok(seconds) = after.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        if let Some(wait) = date(after).and_then(until) {
            return Some(wait);
        }
    }
    let reset = reply.header("x-rate-limit-reset").or_else(|| reply.header("x-ratelimit-reset"))?;
    let reset: i64 = reset.trim().parse().ok()?;
    let left = || u64::try_from(reset).ok().map(Duration::from_secs);
    let wait = if reset < SECONDS { left() } else { until(reset) };
    wait.map(|wait| wait + Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_words_are_found() {
        let cases = [
            (r#"{"error":"no such thing","status":"error"}"#, None, Some("no such thing")),
            (r#"{"errorCode":"E0000001","errorSummary":"Bad status"}"#, Some("E0000001"), Some("Bad status")),
            (r#"{"error":{"code":"Denied","message":"No."}}"#, Some("Denied"), Some("No.")),
            (r#"{"error":{"code":403,"message":"No."}}"#, Some("403"), Some("No.")),
            (r#"{"status":{"error":true,"code":404,"message":"No."}}"#, Some("404"), Some("No.")),
            (
                r#"{"statusCode":404,"name":"NotFoundError","message":"No."}"#,
                Some("NotFoundError"),
                Some("No."),
            ),
            (r#"{"name":"x","message":"No."}"#, None, Some("No.")),
            (
                r#"{"status":"409","scimType":"uniqueness","detail":"twice"}"#,
                Some("uniqueness"),
                Some("twice"),
            ),
            (r#"{"errors":["permission denied","x"]}"#, None, Some("permission denied; x")),
            (r#"{"error":"invalid_token","error_description":"old"}"#, Some("invalid_token"), Some("old")),
            (r#"{"__type":"a.b#NoSuch","Message":"No."}"#, Some("NoSuch"), Some("No.")),
            (r#"{"other":1}"#, None, None),
        ];
        for (body, code, message) in cases {
            let expected = Some((code.map(str::to_owned), message.map(str::to_owned)));
            assert_eq!(words(body.as_bytes()), expected, "{body}");
        }
        for body in ["", "<html>401</html>", "{}", "[]", "\"no\"", "{\"error\":"] {
            assert_eq!(words(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn waits_are_read_in_every_spelling() {
        const DATE: (&str, &str) = ("date", "Sun, 06 Nov 2005 08:49:37 GMT");
        type Headers = &'static [(&'static str, &'static str)];
        let cases: [(Headers, Option<u64>); 11] = [
            (&[("retry-after", "7")], Some(7)),
            (&[DATE, ("retry-after", "Sun, 06 Nov 2005 08:50:07 GMT")], Some(30)),
            (&[DATE, ("retry-after", "Sun, 06 Nov 2005 08:00:00 GMT")], Some(0)),
            (&[("retry-after", "Sun, 06 Nov 2005 08:50:07 GMT")], None),
            (&[DATE, ("x-rate-limit-reset", "1131266987")], Some(11)),
            (&[("x-rate-limit-reset", "1131266987")], None),
            (&[DATE, ("retry-after", "3"), ("x-rate-limit-reset", "1131266987")], Some(3)),
            (&[DATE, ("retry-after", "-3")], None),
            (&[DATE, ("x-ratelimit-reset", "1131266987")], Some(11)),
            (&[("x-ratelimit-reset", "832")], Some(833)),
            (&[], None),
        ];
        for (headers, seconds) in cases {
            let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            let reply = Reply { status: 429, headers, body: Vec::new() };
            assert_eq!(asked_wait(&reply), seconds.map(Duration::from_secs), "{:?}", reply.headers);
        }
    }
}
