//! The way to every provider and store: one [`Transport`] an instance, which knows what may be sent again.
//!
//! **Invariants.** A change leaves at most once; once more only where the provider's own error says that it did not take
//! the access token, which this module asked for itself: then nothing was done. A credential goes to the origin of the base address and nowhere else,
//! not to a proxy either. No error, `Debug` or text of this module holds a secret.

mod call;
mod credential;
mod error;
mod exchange;
mod limit;
mod pages;
mod redact;
mod reply;
#[cfg(test)]
mod server;
mod sigv4;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
mod token;
#[cfg(test)]
mod token_tests;
mod xml;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use url::{Host, Url};

pub use call::{Body, Call};
pub use credential::Credential;
pub use error::CallError;
pub use limit::Stats;
pub use pages::Next;
pub(super) use redact::wipe;
pub use reply::Reply;
pub use sigv4::AwsKey;
pub use token::{Assert, Session, Shows, SignIn, Signing, TokenClient};

use error::{Again, Failure};
use exchange::Kind;
use limit::Limits;
use redact::Masks;
use token::Tokens;

/// How requests are authenticated; or, with [`Transport::with_client`], [`Transport::with_signing`] and [`Transport::with_sign_in`], the access tokens for them.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Not at all.
    None,
    /// `Authorization: Basic`.
    Basic {
        /// Not a secret.
        username: String,
        /// The password.
        secret: SecretString,
    },
    /// `Authorization: Bearer`.
    Bearer(SecretString),
    /// A header of the vendor's own.
    Header {
        /// Its name.
        name: &'static str,
        /// What stands before the secret, such as `SSWS `.
        prefix: &'static str,
        /// The secret.
        secret: SecretString,
    },
    /// A signature of each request (AWS Signature Version 4); the key itself is not sent.
    Aws(AwsKey),
}

/// What a transport is made from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Paths are below this.
    pub base_url: Url,
    /// The credential.
    pub auth: Auth,
    /// The rate after the burst.
    pub requests_per_second: f64,
    /// Requests that may leave at once after a quiet time.
    pub burst: u32,
    /// Requests under way at a time.
    pub concurrency: usize,
    /// From sending to the last byte of the answer.
    pub timeout: Duration,
    /// How long a read is tried again, waiting included; also the longest that a change waits for its turn.
    pub deadline: Duration,
    /// The first wait before a read is sent again; each further one is twice as long, up to a minute.
    pub backoff: Duration,
    /// Certificates (PEM) to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Instead of what the environment says. Only `https` goes through proxies.
    pub proxy: Option<Url>,
}

impl Settings {
    /// Settings that no vendor minds.
    pub fn new(base_url: Url, auth: Auth) -> Self {
        Self {
            base_url,
            auth,
            requests_per_second: 5.0,
            burst: 10,
            concurrency: 8,
            timeout: Duration::from_secs(30),
            deadline: Duration::from_mins(2),
            backoff: Duration::from_secs(2),
            ca_file: None,
            proxy: None,
        }
    }
}

/// Requests to one instance. Clones share the connections and the limits.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
    signer: Arc<Signer>,
}

struct Shared {
    client: reqwest::Client,
    base: Url,
    deadline: Duration,
    limits: Arc<Limits>,
}

struct Signer {
    auth: Auth,
    masks: Masks,
    /// Where tokens are asked for; `auth` is none then.
    tokens: Option<Tokens>,
}

impl Signer {
    fn of(auth: Auth) -> Arc<Self> {
        Arc::new(Self { masks: Masks::of(&auth), auth, tokens: None })
    }
}

impl Transport {
    /// Makes a transport; nothing is sent.
    ///
    /// # Errors
    /// [`CallError::NotSent`]: an address, the proxy or the file of certificates cannot be used.
    pub fn open(settings: Settings) -> Result<Self, CallError> {
        check_base(&settings.base_url)?;
        let client = client(&settings)?;
        let Settings { requests_per_second, burst, concurrency, backoff, deadline, .. } = settings;
        let limits = Arc::new(Limits::new(requests_per_second, burst, concurrency, backoff));
        let shared = Shared { client, base: settings.base_url, deadline, limits };
        Ok(Self { shared: Arc::new(shared), signer: Signer::of(settings.auth) })
    }

    /// The same connections and limits with another credential.
    #[must_use]
    pub fn with_auth(&self, auth: Auth) -> Self {
        Self { shared: Arc::clone(&self.shared), signer: Signer::of(auth) }
    }

    /// The same credential and limits at another address of the same vendor, which the configuration names.
    ///
    /// # Errors
    /// [`CallError::NotSent`]: the address cannot be used, or is `http` where the first one is `https`.
    pub fn with_base_url(&self, base: Url) -> Result<Self, CallError> {
        check_base(&base)?;
        if base.scheme() != self.shared.base.scheme() {
            return Err(CallError::not_sent("both addresses of an instance have to be https"));
        }
        let Shared { client, deadline, limits, .. } = &*self.shared;
        let shared = Shared { client: client.clone(), base, deadline: *deadline, limits: Arc::clone(limits) };
        Ok(Self { shared: Arc::new(shared), signer: Arc::clone(&self.signer) })
    }

    /// The user name of basic authentication, which is no secret.
    pub fn username(&self) -> Option<&str> {
        match &self.signer.auth {
            Auth::Basic { username, .. } => Some(username),
            Auth::None | Auth::Bearer(_) | Auth::Header { .. } | Auth::Aws(_) => None,
        }
    }

    /// What a bearer token says of itself, where it is a JSON Web Token; nobody has checked it. It tells what the
    /// credential may do where no request does, and never decides anything else. Where tokens are asked for, it is the
    /// last one; none before the first.
    pub fn claims(&self) -> Option<Value> {
        let token = match (&self.signer.auth, &self.signer.tokens) {
            (Auth::Bearer(token), _) => token.clone(),
            (_, Some(tokens)) => tokens.last()?,
            _ => return None,
        };
        let mut parts = token.expose_secret().split('.');
        let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    /// What has been sent so far, over all clones.
    pub fn stats(&self) -> Stats {
        self.shared.limits.stats()
    }

    /// The address below which requests go.
    pub fn base_url(&self) -> &Url {
        &self.shared.base
    }

    /// Sends a request that changes nothing, again and again until it has an answer or the deadline comes. What time does
    /// not heal ends it at once; refusals, and answers that are not JSON, when they come twice.
    ///
    /// # Errors
    /// That of the last attempt.
    pub async fn read(&self, call: &Call) -> Result<Reply, CallError> {
        self.read_until(call, Instant::now() + self.shared.deadline).await
    }

    async fn read_until(&self, call: &Call, deadline: Instant) -> Result<Reply, CallError> {
        let (mut attempt, mut odd) = (0, false);
        loop {
            let failure = match self.attempt(call, Kind::Read, deadline).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            if failure.again == Again::Once && !odd {
                odd = true;
                continue;
            }
            let wait = match (&failure.error, failure.wait) {
                (_, Some(asked)) => asked,
                (CallError::Limited { .. }, None) => Duration::ZERO,
                (_, None) => self.shared.limits.backoff(attempt),
            };
            let in_vain = Instant::now().checked_add(wait).is_none_or(|then| then >= deadline);
            if failure.again != Again::Later || in_vain {
                return Err(failure.error);
            }
            // A limit holds the whole instance: the wait is where requests enter.
            if !matches!(failure.error, CallError::Limited { .. }) {
                sleep(wait).await;
            }
            attempt += 1;
        }
    }

    /// Sends a request that changes something: once, with `key` as its `Idempotency-Key`. A redirect that only adds or
    /// takes the slash at the end of the path is followed once, since such an answer means that nothing was done.
    ///
    /// # Errors
    /// After [`CallError::Lost`] the effect is unknown and has to be looked for; after the others there was none.
    pub async fn change(&self, call: &Call, key: &str) -> Result<Reply, CallError> {
        let deadline = Instant::now() + self.shared.deadline;
        self.attempt(call, Kind::Change { key }, deadline).await.map_err(|failure| failure.error)
    }
}

fn check_base(base: &Url) -> Result<(), CallError> {
    if !matches!(base.scheme(), "https" | "http") || base.cannot_be_a_base() {
        return Err(CallError::not_sent("the base address has to start with https://"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(CallError::not_sent("the base address must not hold a credential"));
    }
    Ok(())
}

fn client(settings: &Settings) -> Result<reqwest::Client, CallError> {
    // An error says that another thread was first.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .timeout(settings.timeout)
        // Shorter than the whole, so that a connection that never came is told from an answer that never came.
        .connect_timeout((settings.timeout / 2).min(Duration::from_secs(10)))
        // Servers close idle connections from 5 s on, and a change that meets a closing one is lost.
        .pool_idle_timeout(Duration::from_secs(4));
    let plain = settings.base_url.scheme() == "http";
    let proxy = match &settings.proxy {
        Some(_) if plain => {
            return Err(CallError::not_sent(
                "a proxy would see the credential: the base address is not https",
            ));
        }
        Some(proxy) => {
            Some(reqwest::Proxy::all(proxy.clone()).map_err(|error| Failure::of_client(&error).error)?)
        }
        None => None,
    };
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy);
    } else if plain || is_loopback(&settings.base_url) {
        builder = builder.no_proxy();
    }
    if plain {
        // The system's certificates are never asked for, and may not be there.
        builder = builder.tls_certs_only([]);
    }
    if let Some(file) = &settings.ca_file {
        builder = builder.tls_certs_merge(certificates(file)?);
    }
    builder.build().map_err(|error| Failure::of_client(&error).error)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn certificates(file: &std::path::Path) -> Result<Vec<reqwest::Certificate>, CallError> {
    let bad = |why: String| CallError::not_sent(format!("certificates in {}: {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| bad(error.to_string()))?;
    let certificates =
        reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| bad(format!("not PEM: {error}")))?;
    if certificates.is_empty() { Err(bad("none found".to_owned())) } else { Ok(certificates) }
}
