//! Access tokens that are asked for with a client's secret: OAuth 2.0 client credentials (RFC 6749, section 4.4); with what a
//! private key signs (RFC 7523, section 2.1); or by a sign-in of the vendor's own, whose session then has the token.
//!
//! A token is asked for when a request first needs one, held in memory alone, and renewed before it ends; also when a
//! vendor refuses one that it took before. Whoever needs one meanwhile waits for the same answer, be it a failure. The
//! request for it is a read: limited, tried again and timed as any, and no redirect is followed with the secret.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use percent_encoding::utf8_percent_encode;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Mutex as Turn;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::call::QUERY;
use super::redact::{Masks, wipe};
use super::reply::Reply;
use super::{Auth, Body, Call, CallError, Shared, Signer, Transport, check_base};
use crate::event::time::Timestamp;
use crate::sys::clock::{Clock as _, System};

/// How long a token is held whose answer does not say how long it lasts, which RFC 6749 lets it leave out.
const UNSAID: Duration = Duration::from_mins(5);
/// No token is held longer.
const LONGEST: Duration = Duration::from_hours(24);
/// A token is renewed so long before it ends, or earlier by a quarter of its life where that is short: requests take time.
const BEFORE: Duration = Duration::from_mins(1);
/// The longest token, in bytes: it has to stand in a header.
const LARGEST: usize = 16 << 10;

/// How an access token is shown (RFC 6750, section 2.1).
pub(super) const BEARER: (&str, &str) = ("authorization", "Bearer ");

/// How a client shows its secret (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// By `Authorization: Basic`.
    Basic,
    /// In the form, as `client_id` and `client_secret`.
    Post,
}

/// A client that asks for access tokens. Nothing in it is secret.
#[derive(Debug, Clone)]
pub struct TokenClient {
    /// Where it asks.
    pub endpoint: Url,
    /// Its id.
    pub id: String,
    /// How it shows its secret.
    pub shows: Shows,
    /// What it asks for besides: `scope`, `audience`.
    pub fields: Vec<(&'static str, String)>,
}

/// Makes the assertion with which a token is asked for at this time, or says why it cannot.
pub type Assert = Box<dyn Fn(Timestamp) -> Result<SecretString, String> + Send + Sync>;

/// One whose private key signs for access tokens. The key itself is never sent.
pub struct Signing {
    /// Where tokens are asked for.
    pub endpoint: Url,
    /// Who signs. Nothing secret.
    pub id: String,
    /// Makes an assertion each time that a token is asked for: it lasts for a short while alone.
    pub assert: Assert,
    /// What to do where it is refused.
    pub advice: &'static str,
}

/// A sign-in of the vendor's own, which gives a session.
pub struct SignIn {
    /// Who signs in. Nothing secret.
    pub id: String,
    /// With what.
    pub secret: SecretString,
    /// The request, below the base address. Sending it again is safe.
    pub call: Call,
    /// The header in which requests show the session's token.
    pub header: &'static str,
    /// Reads the answer, or says what is wrong with it.
    pub read: fn(&mut Value) -> Result<Session, String>,
    /// What to do where it is refused.
    pub advice: &'static str,
}

/// What a sign-in gives.
pub struct Session {
    /// The token; it is held to what can stand in a header.
    pub token: SecretString,
    /// How long it lasts, where it is not ended before.
    pub lasts: Duration,
    /// What else the answer tells that requests need. Nothing secret.
    pub about: String,
}

/// The tokens of one client, or of one that signs in.
pub(super) struct Tokens {
    id: String,
    /// The way to where they are asked for.
    way: Transport,
    call: Call,
    /// What makes the body of each request, where it is not always the same.
    assert: Option<Assert>,
    /// The header of a token, and what stands before it there.
    header: (&'static str, &'static str),
    read: fn(&mut Value) -> Result<Session, String>,
    /// `None`: what RFC 6749 lets one say of a refusal.
    advice: Option<&'static str>,
    /// Somebody else's sign-in may end a session before it is used. A token that was never taken has no such excuse.
    ends_early: bool,
    state: Mutex<State>,
    /// Who asks; the others wait for it.
    turn: Turn<()>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// How many there were.
    count: u64,
    /// When asking last failed, and how.
    failed: Option<(Instant, CallError)>,
}

struct Held {
    token: Token,
    /// When another one is asked for.
    until: Instant,
    /// Whether the vendor took it once.
    taken: bool,
}

/// A token, and which one it is.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: SecretString,
    number: u64,
    about: String,
}

impl Transport {
    /// The same connections and limits with access tokens that `client` asks for: the bearer credential of this
    /// transport is its secret. Nothing is sent.
    ///
    /// # Errors
    /// [`CallError::NotSent`]: there is no secret, or the endpoint cannot be used, or is `http` where the base address is
    /// `https`.
    pub fn with_client(&self, client: TokenClient) -> Result<Self, CallError> {
        let Auth::Bearer(secret) = &self.signer.auth else {
            return Err(CallError::not_sent("a client needs its secret as `credential`"));
        };
        let tokens = Tokens::new(self, client, secret)?;
        let masks = Masks::of(&self.signer.auth);
        let signer = Signer { auth: Auth::None, masks, tokens: Some(tokens) };
        Ok(Self { shared: Arc::clone(&self.shared), signer: Arc::new(signer) })
    }

    /// The same connections and limits with access tokens for which a key signs that `signing` finds in the bearer credential of
    /// this transport; as it is where there is none in it. Nothing is sent.
    ///
    /// # Errors
    /// [`CallError::NotSent`]: what `signing` says, or the endpoint cannot be used (see [`Transport::with_client`]).
    pub fn with_signing(
        self,
        signing: impl FnOnce(&SecretString) -> Result<Option<Signing>, String>,
    ) -> Result<Self, CallError> {
        let Auth::Bearer(secret) = &self.signer.auth else { return Ok(self) };
        let Some(signing) = signing(secret).map_err(CallError::not_sent)? else { return Ok(self) };
        let Signing { endpoint, id, assert, advice } = signing;
        let way = self.way_to(endpoint, Auth::None)?;
        let call = Call::post(&[]).named("the token request");
        let tokens = Tokens {
            assert: Some(assert),
            advice: Some(advice),
            ..Tokens::by(id, way, call, BEARER, token_of)
        };
        let masks = Masks::of(&self.signer.auth);
        let signer = Signer { auth: Auth::None, masks, tokens: Some(tokens) };
        Ok(Self { shared: Arc::clone(&self.shared), signer: Arc::new(signer) })
    }

    /// The same connections and limits, to where tokens are asked for.
    fn way_to(&self, endpoint: Url, auth: Auth) -> Result<Self, CallError> {
        check_base(&endpoint)?;
        if endpoint.scheme() != self.shared.base.scheme() {
            return Err(CallError::not_sent("tokens have to be asked for by https too"));
        }
        let Shared { client, deadline, limits, .. } = &*self.shared;
        let (client, limits) = (client.clone(), Arc::clone(limits));
        let shared = Shared { client, base: endpoint, deadline: *deadline, limits };
        let signer = Signer { masks: Masks::of(&auth), auth, tokens: None };
        Ok(Self { shared: Arc::new(shared), signer: Arc::new(signer) })
    }

    /// The same connections and limits with the session that `sign_in` gives, in place of the credential of this transport.
    /// Nothing is sent.
    #[must_use]
    pub fn with_sign_in(&self, sign_in: SignIn) -> Self {
        let SignIn { id, secret, call, header, read, advice } = sign_in;
        let masks = Masks::of(&Auth::Bearer(secret.clone()));
        let (way, call) = (self.with_auth(Auth::None), call.hiding(secret));
        let by = Tokens::by(id, way, call, (header, ""), read);
        let tokens = Tokens { advice: Some(advice), ends_early: true, ..by };
        let signer = Signer { auth: Auth::None, masks, tokens: Some(tokens) };
        Self { shared: Arc::clone(&self.shared), signer: Arc::new(signer) }
    }

    /// What the present session tells besides its token ([`Session::about`]); signs in where there is none: a read.
    ///
    /// # Errors
    /// As [`Transport::authorize`]; [`CallError::NotSent`] where nobody signs in.
    pub async fn session(&self) -> Result<String, CallError> {
        let tokens =
            self.signer.tokens.as_ref().ok_or_else(|| CallError::not_sent("nobody signs in here"))?;
        let token = tokens.get(Instant::now() + self.shared.deadline).await?;
        self.signer.masks.learn(&token.value);
        Ok(token.about)
    }

    /// The id of the client that asks for tokens here; `None` where the credential is sent itself.
    pub fn client_id(&self) -> Option<&str> {
        self.signer.tokens.as_ref().map(|tokens| tokens.id.as_str())
    }

    /// Gets an access token, where tokens are asked for and none is held: a read, for `doctor`.
    ///
    /// # Errors
    /// Why there is none: see [`Transport::read`]. A refusal has the status 401, whatever the endpoint's was.
    pub async fn authorize(&self) -> Result<(), CallError> {
        match &self.signer.tokens {
            Some(_) => self.session().await.map(drop),
            None => Ok(()),
        }
    }
}

impl Tokens {
    fn by(
        id: String,
        way: Transport,
        call: Call,
        header: (&'static str, &'static str),
        read: fn(&mut Value) -> Result<Session, String>,
    ) -> Self {
        let (state, turn) = (Mutex::default(), Turn::default());
        Self { id, way, call, assert: None, header, read, advice: None, ends_early: false, state, turn }
    }

    fn new(transport: &Transport, client: TokenClient, secret: &SecretString) -> Result<Self, CallError> {
        let TokenClient { endpoint, id, shows, fields } = client;
        let encoded = |text: &str| utf8_percent_encode(text, QUERY).to_string();
        let hidden: SecretString = encoded(secret.expose_secret()).into();
        let mut form = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        form.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let auth = match shows {
            Shows::Basic => Auth::Basic { username: encoded(&id), secret: hidden.clone() },
            Shows::Post => {
                form.push(("client_id".to_owned(), id.clone()));
                form.push(("client_secret".to_owned(), secret.expose_secret().to_owned()));
                Auth::None
            }
        };
        let call = Call::post(&[]).named("the token request").body(Body::Form(form));
        let call = call.hiding(secret.clone()).hiding(hidden);
        let way = transport.way_to(endpoint, auth)?;
        Ok(Self::by(id, way, call, BEARER, token_of))
    }

    /// The header of a token, and what stands before it there.
    pub(super) fn header(&self) -> (&'static str, &'static str) {
        self.header
    }

    /// The token that is held, or a new one.
    pub(super) async fn get(&self, deadline: Instant) -> Result<Token, CallError> {
        let came = Instant::now();
        if let Some(token) = self.fresh() {
            return Ok(token);
        }
        let turn = timeout_at(deadline, self.turn.lock()).await;
        let _turn =
            turn.map_err(|_elapsed| CallError::not_sent("the token request: time-out before an answer"))?;
        // Somebody else may have asked meanwhile.
        if let Some(token) = self.fresh() {
            return Ok(token);
        }
        if let Some((_, error)) = self.state().failed.as_ref().filter(|(at, _)| *at >= came) {
            return Err(error.clone());
        }
        let asked = Instant::now();
        let answer = self.ask(deadline).await.map_err(|error| self.explained(error));
        let answer = answer.and_then(|reply| self.read(&reply));
        let mut state = self.state();
        match answer {
            Ok(Session { token: value, lasts, about }) => {
                state.count += 1;
                let token = Token { value, number: state.count, about };
                let until = asked + lasts.saturating_sub(BEFORE.min(lasts / 4));
                state.held = Some(Held { token: token.clone(), until, taken: self.ends_early });
                state.failed = None;
                Ok(token)
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// A token in place of one that was refused; `None` where there is no other: the vendor gives the same again, or
    /// never took it, and so another one would fare no better.
    pub(super) async fn instead_of(
        &self,
        refused: &Token,
        deadline: Instant,
    ) -> Result<Option<Token>, CallError> {
        {
            let mut state = self.state();
            if let Some(held) = state.held.as_mut().filter(|held| held.token.number == refused.number) {
                if !held.taken {
                    return Ok(None);
                }
                held.until = Instant::now();
            }
        }
        let token = self.get(deadline).await?;
        let same = token.value.expose_secret() == refused.value.expose_secret();
        Ok((!same).then_some(token))
    }

    /// Notes that the vendor took this token.
    pub(super) fn took(&self, token: &Token) {
        let mut state = self.state();
        if let Some(held) = state.held.as_mut().filter(|held| held.token.number == token.number) {
            held.taken = true;
        }
    }

    /// The token that was asked for last, though it may have ended.
    pub(super) fn last(&self) -> Option<SecretString> {
        self.state().held.as_ref().map(|held| held.token.value.clone())
    }

    fn fresh(&self) -> Option<Token> {
        let state = self.state();
        let held = state.held.as_ref().filter(|held| Instant::now() < held.until);
        held.map(|held| held.token.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Boxed: a transport asks by a transport.
    fn ask(&self, deadline: Instant) -> BoxFuture<'_, Result<Reply, CallError>> {
        Box::pin(async move {
            let Some(assert) = &self.assert else { return self.way.read_until(&self.call, deadline).await };
            let assertion = assert(System.now()).map_err(|why| {
                CallError::not_sent(self.way.say(&self.call, &format!("nothing can be signed: {why}")))
            })?;
            self.way.read_until(&asserted(&self.call, assertion), deadline).await
        })
    }

    /// What happened, and what to do. Whatever the status of a refusal, for the provider the credential does not hold:
    /// no 404 of the endpoint is taken for one of the object that was asked about.
    fn explained(&self, error: CallError) -> CallError {
        let CallError::Refused { status, code, message } = error else { return error };
        let place = self.way.base_url();
        let place = format!("{}{}", place.origin().ascii_serialization(), place.path());
        let own = || advice(status, code.as_deref().unwrap_or(&message));
        let advice = self.advice.unwrap_or_else(own);
        let message = format!("no access token from {place} (status {status}): {message}; {advice}");
        CallError::Refused { status: 401, code, message }
    }

    fn read(&self, reply: &Reply) -> Result<Session, CallError> {
        let lost = |what: &str| CallError::lost(self.way.say(&self.call, what));
        let mut answer = reply.json().map_err(|_error| lost("the answer is not JSON"))?;
        let read = (self.read)(&mut answer).map_err(|what| lost(&what));
        wipe(&mut answer);
        let session = read?;
        let text = session.token.expose_secret();
        if text.is_empty() || text.len() > LARGEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(lost("the token of the answer cannot stand in a header"));
        }
        Ok(Session { lasts: session.lasts.min(LONGEST), ..session })
    }
}

/// A request with an assertion.
fn asserted(call: &Call, assertion: SecretString) -> Call {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", assertion.expose_secret()),
    ];
    let form = form.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    call.clone().body(Body::Form(form)).hiding(assertion)
}

/// The token of an answer, and how long it lasts; or what is wrong with it.
fn token_of(answer: &mut Value) -> Result<Session, String> {
    let kind = answer.get("token_type").and_then(Value::as_str);
    match kind {
        Some(kind) if kind.eq_ignore_ascii_case("bearer") => {}
        // No longer text: it could be anything.
        Some(kind) if kind.len() <= 8 => {
            return Err(format!(
                "the answer has a token of the type “{kind}”, where a bearer token is needed"
            ));
        }
        Some(_) => return Err("the answer has a token of another type than bearer".to_owned()),
        None => return Err("the answer does not say that its token is a bearer token".to_owned()),
    }
    let lasts = answer.get("expires_in").map_or(Ok(UNSAID), lasts)?;
    let Some(Value::String(token)) = answer.get_mut("access_token").map(Value::take) else {
        return Err("the answer has no `access_token`".to_owned());
    };
    Ok(Session { token: SecretString::from(token), lasts, about: String::new() })
}

/// Seconds, as a number or, as some write it, as text.
fn lasts(value: &Value) -> Result<Duration, String> {
    let seconds = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let lasts = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    lasts.ok_or_else(|| "`expires_in` of the answer is no time".to_owned())
}

/// What to do about a refusal, by its status and the error that it names (RFC 6749, section 5.2).
fn advice(status: u16, error: &str) -> &'static str {
    match (status, error) {
        (300..=399, _) => "nothing was sent there: correct the address at which tokens are asked for",
        (_, "unauthorized_client" | "unsupported_grant_type") | (403, _) => {
            "look whether `client-id` is right, and let this client ask for tokens of this API by its secret (client \
             credentials) in the vendor's console"
        }
        (401, _) | (_, "invalid_client") => {
            "look whether `client-id` and `credential` belong together, whether the secret has expired, and whether \
             the client shows it as the vendor asks for"
        }
        _ => {
            "look at the settings that go with `client-id`, and at the address at which tokens are asked for"
        }
    }
}
