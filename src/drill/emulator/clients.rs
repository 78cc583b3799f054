//! Clients that get access tokens for their secret, as the emulated identity providers have them: OAuth 2.0 client
//! credentials (RFC 6749, section 4.4).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Value, json};

use super::http::pairs;
use super::{Answer, Moment, Request};

/// The clients of a service, and the tokens that they got; `T` is what a token may do.
#[derive(Clone, Serialize)]
pub struct Clients<T> {
    /// Clients by id.
    pub registered: BTreeMap<String, Registered<T>>,
    /// Tokens that were given.
    pub issued: BTreeMap<String, Issued<T>>,
}

/// A client.
#[derive(Clone, Serialize)]
pub struct Registered<T> {
    /// Its secret.
    pub secret: String,
    /// Whether it has to show its secret by basic authentication; otherwise in the form.
    pub basic: bool,
    /// May ask for tokens by its secret.
    pub allowed: bool,
    /// What its tokens may do.
    pub token: T,
}

/// A token that was given.
#[derive(Clone, Serialize)]
pub struct Issued<T> {
    /// To which client.
    pub client: String,
    /// When it ends, in milliseconds since the emulator started.
    pub ends_ms: u64,
    /// What it may do.
    pub token: T,
}

/// Why there is no token: status, error, description.
pub(super) struct Denied(pub(super) u16, pub(super) &'static str, pub(super) &'static str);

impl Denied {
    pub(super) fn answer(&self) -> Answer {
        let Self(status, error, description) = self;
        Answer::json(*status, &json!({ "error": error, "error_description": description }))
    }
}

/// Who asks for a token, and for what.
pub(super) struct Asked {
    id: String,
    fields: Vec<(String, String)>,
}

impl Asked {
    pub(super) fn field(&self, name: &str) -> &str {
        field(&self.fields, name).unwrap_or_default()
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Whether a request asks for a token, by a redirect to the same path with a slash too: that changes nothing that anybody set up.
pub(super) fn is_token_request(request: &Request, end: &str) -> bool {
    request.method == "POST" && request.path.trim_end_matches('/').ends_with(end)
}

impl<T> Default for Clients<T> {
    fn default() -> Self {
        Self { registered: BTreeMap::new(), issued: BTreeMap::new() }
    }
}

impl<T: Clone> Clients<T> {
    /// One client, and no tokens.
    pub fn one(id: &str, client: Registered<T>) -> Self {
        Self { registered: [(id.to_owned(), client)].into(), issued: BTreeMap::new() }
    }

    /// What a token that was given may do, while it lasts.
    pub fn token(&self, bearer: &str, moment: &Moment<'_>) -> Option<T> {
        let issued = self.issued.get(bearer).filter(|issued| moment.millis() < issued.ends_ms);
        issued.map(|issued| issued.token.clone())
    }

    /// Checks a request for a token: form, client, secret.
    pub(super) fn ask(&self, request: &Request) -> Result<(Asked, T), Denied> {
        let unknown = || Denied(401, "invalid_client", "Invalid client or client secret provided.");
        let kind = request.header("content-type").unwrap_or_default();
        if kind != "application/x-www-form-urlencoded" {
            return Err(Denied(400, "invalid_request", "The request body must be a form."));
        }
        let fields = pairs(&String::from_utf8_lossy(&request.body));
        let by_form =
            || Some((field(&fields, "client_id")?.to_owned(), field(&fields, "client_secret")?.to_owned()));
        let (shown, basic) = match basic(request) {
            Some(shown) => (Some(shown), true),
            None => (by_form(), false),
        };
        let (id, secret) = shown.ok_or_else(unknown)?;
        let client = self.registered.get(&id).filter(|client| client.secret == secret).ok_or_else(unknown)?;
        if client.basic != basic {
            return Err(Denied(401, "invalid_client", "Unsupported authentication method."));
        }
        match field(&fields, "grant_type") {
            Some("client_credentials") => {}
            _ => return Err(Denied(400, "unsupported_grant_type", "The grant type is not supported.")),
        }
        if !client.allowed {
            return Err(Denied(403, "unauthorized_client", "The client is not authorized for this grant."));
        }
        let token = client.token.clone();
        Ok((Asked { id, fields }, token))
    }

    /// The token that a client has already, and that lasts.
    pub(super) fn present(&self, client: &str, moment: &Moment<'_>) -> Option<String> {
        let mut own = self.issued.iter().filter(|(_, issued)| issued.client == client);
        own.find(|(_, issued)| moment.millis() < issued.ends_ms).map(|(token, _)| token.clone())
    }

    /// Gives this token to a client.
    pub(super) fn issue(&mut self, client: &str, token: T, value: &str, moment: &Moment<'_>) -> Answer {
        let switches = &moment.switches.tokens;
        let lasts = match switches.ends_after_ms {
            0 => switches.lasts_seconds.saturating_mul(1000),
            early => early,
        };
        let ends_ms = moment.millis().saturating_add(lasts);
        let issued = Issued { client: client.to_owned(), ends_ms, token };
        self.issued.entry(value.to_owned()).or_insert(issued);
        let mut body = json!({ "access_token": value, "token_type": "Bearer" });
        if let (true, Some(fields)) = (switches.says_when, body.as_object_mut()) {
            fields.insert("expires_in".into(), Value::from(switches.lasts_seconds));
        }
        Answer::json(200, &body).header("cache-control", "no-store")
    }
}

/// Id and secret by basic authentication, each decoded as RFC 6749 says.
fn basic(request: &Request) -> Option<(String, String)> {
    let shown = request.header("authorization")?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(shown).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decoded(id), decoded(secret)))
}
