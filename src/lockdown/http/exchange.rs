//! One request and its answer, and what the answer means.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use reqwest::{Request, Response};
use secrecy::ExposeSecret as _;
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

use super::credential::own_error;
use super::error::{CallError, Failure, asked_wait, words};
use super::reply::Reply;
use super::sigv4::{self, AwsKey, Signed};
use super::token::{BEARER, Token, Tokens};
use super::{Auth, Body, Call, Transport, redact, xml};
use crate::sys::clock::{Clock as _, System};

/// The largest answer that is read.
pub(super) const LARGEST: usize = 16 << 20;

/// What a request does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    Read,
    Change { key: &'a str },
}

/// An answer of any status.
pub(super) struct Answer {
    pub(super) reply: Reply,
    /// What kept the rest of the body away.
    pub(super) cut: Option<String>,
    /// When its request left.
    started: Instant,
    url: Url,
}

/// Says nothing of the value, which is secret.
struct InvalidHeader;

impl Transport {
    /// One attempt: sent once, or twice when the first answer only asks for a slash or another token.
    pub(super) async fn attempt(
        &self,
        call: &Call,
        kind: Kind<'_>,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let answer = self.answer(call, kind, deadline).await?;
        self.judge(call, kind, answer)
    }

    pub(super) async fn answer(
        &self,
        call: &Call,
        kind: Kind<'_>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let url = call.url(&self.shared.base).map_err(Failure::lasting)?;
        let Some(tokens) = &self.signer.tokens else {
            return self.followed(call, kind, url, None, deadline).await;
        };
        let failed = |error| Failure::lasting(without_token(kind, error));
        let token = tokens.get(deadline).await.map_err(failed)?;
        let answer = self.followed(call, kind, url.clone(), Some(&token), deadline).await?;
        if answer.reply.status != 401 {
            tokens.took(&token);
            return Ok(answer);
        }
        if !is_untouched(kind, &answer) {
            return Ok(answer);
        }
        let Some(token) = tokens.instead_of(&token, deadline).await.map_err(failed)? else {
            return Ok(answer);
        };
        let answer = self.followed(call, kind, url, Some(&token), deadline).await?;
        if answer.reply.status != 401 {
            tokens.took(&token);
        }
        Ok(answer)
    }

    /// One exchange, and another one when the first answer only asks for a slash.
    async fn followed(
        &self,
        call: &Call,
        kind: Kind<'_>,
        url: Url,
        token: Option<&Token>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let answer = self.exchange(call, kind, url, token, deadline).await?;
        match slash_redirect(&answer) {
            Some(url) => self.exchange(call, kind, url, token, deadline).await,
            None => Ok(answer),
        }
    }

    async fn exchange(
        &self,
        call: &Call,
        kind: Kind<'_>,
        url: Url,
        token: Option<&Token>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let request = self.request(call, kind, url.clone(), token)?;
        let limits = &self.shared.limits;
        let permit = limits.enter(deadline).await;
        // Not worth trying again: it would wait for the same.
        let _permit = permit.map_err(|wait| Failure::lasting(CallError::Limited { wait: Some(wait) }))?;
        crate::sys::crash::point("request");
        let started = Instant::now();
        let answer = match self.shared.client.execute(request).await {
            Ok(response) => Ok(collect(response, started, url).await),
            Err(error) => Err(self.failed(call, &error)),
        };
        crate::sys::crash::point("request");
        let mut answer = answer?;
        answer.cut = answer.cut.map(|why| self.signer.masks.clean(&why, &call.secrets));
        if answer.reply.status != 429 {
            limits.accepted();
        }
        Ok(answer)
    }

    fn request(
        &self,
        call: &Call,
        kind: Kind<'_>,
        url: Url,
        token: Option<&Token>,
    ) -> Result<Request, Failure> {
        let mut builder = self.shared.client.request(call.method.clone(), url);
        builder = match &call.body {
            Body::None => builder,
            Body::Json(value) => builder.json(value),
            Body::Form(fields) => builder.form(fields),
            Body::MergePatch(value) => {
                builder.header(CONTENT_TYPE, "application/merge-patch+json").json(value)
            }
            Body::JsonAs(kind, value) => builder.header(CONTENT_TYPE, *kind).json(value),
        };
        for (name, value) in &call.headers {
            builder = builder.header(*name, value);
        }
        if let Kind::Change { key } = kind {
            builder = builder.header("idempotency-key", key);
        }
        let mut request = builder.build().map_err(|error| self.failed(call, &error))?;
        let no_header = |InvalidHeader| {
            Failure::lasting(CallError::NotSent {
                what: self.say(call, "the credential cannot stand in a header"),
            })
        };
        // Last and alone, whatever the call brought.
        match token {
            Some(token) => {
                self.signer.masks.learn(&token.value);
                let (name, prefix) = self.signer.tokens.as_ref().map_or(BEARER, Tokens::header);
                let text = Zeroizing::new(format!("{prefix}{}", token.value.expose_secret()));
                let value = secret_value(&text).map_err(no_header)?;
                let name = HeaderName::from_bytes(name.as_bytes());
                request.headers_mut().insert(name.map_err(|_name| no_header(InvalidHeader))?, value);
            }
            None => self.authenticate(&mut request).map_err(no_header)?,
        }
        Ok(request)
    }

    /// Adds the headers of the credential.
    fn authenticate(&self, request: &mut Request) -> Result<(), InvalidHeader> {
        let (name, text) = match &self.signer.auth {
            Auth::None => return Ok(()),
            Auth::Aws(key) => (AUTHORIZATION, aws_signature(key, request)?),
            Auth::Basic { username, secret } => {
                (AUTHORIZATION, format!("Basic {}", redact::basic(username, secret).expose_secret()))
            }
            Auth::Bearer(secret) => (AUTHORIZATION, format!("Bearer {}", secret.expose_secret())),
            Auth::Header { name, prefix, secret } => (
                HeaderName::from_bytes(name.as_bytes()).map_err(|_secret| InvalidHeader)?,
                format!("{prefix}{}", secret.expose_secret()),
            ),
        };
        let value = secret_value(&Zeroizing::new(text))?;
        request.headers_mut().insert(name, value);
        Ok(())
    }

    fn failed(&self, call: &Call, error: &reqwest::Error) -> Failure {
        let mut failure = Failure::of_client(error);
        if let CallError::NotSent { what } | CallError::Lost { what } = &mut failure.error {
            *what = self.say(call, what);
        }
        failure
    }

    /// `GET /x: what`, safe to show.
    pub(super) fn say(&self, call: &Call, what: &str) -> String {
        self.signer.masks.clean(&format!("{}: {what}", call.name()), &call.secrets)
    }

    fn judge(&self, call: &Call, kind: Kind<'_>, answer: Answer) -> Result<Reply, Failure> {
        let status = if is_throttled(call, &answer.reply) { 429 } else { answer.reply.status };
        let lost = |what: String| CallError::Lost { what: self.say(call, &what) };
        let also = (400..=499).contains(&status) && call.also.contains(&status);
        match status {
            _ if also && answer.cut.is_none() => Ok(answer.reply),
            200..=299 => match answer.cut {
                // Whatever is read is JSON, or the XML that was asked for. A page in its place comes from something in between.
                None if matches!(kind, Kind::Read) => {
                    let read =
                        call.xml.map_or_else(|| answer.reply.is_json(), |root| answer.reply.is_xml(root));
                    match read {
                        Ok(()) => Ok(answer.reply),
                        Err(error) => Err(Failure::odd(lost(error))),
                    }
                }
                None => Ok(answer.reply),
                Some(why) if why == TOO_LARGE => Err(Failure::lasting(lost(why))),
                Some(why) => Err(Failure::passing(lost(format!("status {status}, and then: {why}")))),
            },
            300..=399 => Err(Failure::odd(self.redirected(call, kind, &answer))),
            407 => {
                let what = self.say(call, "the proxy asks for a credential");
                Err(Failure::lasting(CallError::NotSent { what }))
            }
            429 => {
                let wait = asked_wait(&answer.reply);
                self.shared.limits.limited(answer.started, wait);
                Err(Failure { wait, ..Failure::passing(CallError::Limited { wait }) })
            }
            408 | 500..=599 => {
                let wait = asked_wait(&answer.reply);
                let what = format!("status {status}: {}", self.message(call, &answer.reply).1);
                Err(Failure { wait, ..Failure::passing(lost(what)) })
            }
            400..=499 => {
                let (code, message) = self.message(call, &answer.reply);
                Err(Failure::odd(CallError::Refused { status, code, message }))
            }
            _ => Err(Failure::lasting(lost(format!("status {status}")))),
        }
    }

    /// The provider's code and message, or else the body, safe to show.
    pub(super) fn message(&self, call: &Call, reply: &Reply) -> (Option<String>, String) {
        let clean = |text: &str| self.signer.masks.clean(text, &call.secrets);
        let code = |code: Option<String>| code.as_deref().or_else(|| aws_code(reply)).map(clean);
        match words_of(call, reply) {
            Some((own, Some(message))) => (code(own), clean(&message)),
            Some((own, None)) => (code(own), self.signer.masks.body(&reply.body, &call.secrets)),
            None if reply.body.is_empty() => (None, "no message".to_owned()),
            None => (None, self.signer.masks.body(&reply.body, &call.secrets)),
        }
    }

    /// A redirect elsewhere. 301, 307 and 308 say that the request has to be made there; after a change 302 and 303 may
    /// as well lead to the page that shows what was done.
    fn redirected(&self, call: &Call, kind: Kind<'_>, answer: &Answer) -> CallError {
        let status = answer.reply.status;
        let place = target(answer).map_or_else(
            || "nowhere".to_owned(),
            |url| format!("{}{}", url.origin().ascii_serialization(), url.path()),
        );
        let message = self.say(call, &format!("redirected to {place}"));
        match (kind, status) {
            (Kind::Change { .. }, 302 | 303) => CallError::Lost { what: message },
            _ => CallError::Refused { status, code: None, message },
        }
    }
}

/// Without a token nothing leaves: a change had no effect, whatever became of the token request.
fn without_token(kind: Kind<'_>, error: CallError) -> CallError {
    match (kind, error) {
        (Kind::Change { .. }, error @ (CallError::Refused { .. } | CallError::Lost { .. })) => {
            CallError::not_sent(error.to_string())
        }
        (_, error) => error,
    }
}

/// Whether what was asked for with a token that was refused may be asked for again: a change only where the provider
/// itself refused it, not something in between.
fn is_untouched(kind: Kind<'_>, answer: &Answer) -> bool {
    matches!(kind, Kind::Read) || (answer.cut.is_none() && own_error(&answer.reply))
}

fn secret_value(text: &str) -> Result<HeaderValue, InvalidHeader> {
    let mut value = HeaderValue::from_str(text).map_err(|_secret| InvalidHeader)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Adds the headers that the signature covers, and gives it. Whatever stands in between may change other headers.
fn aws_signature(key: &AwsKey, request: &mut Request) -> Result<String, InvalidHeader> {
    let date = HeaderValue::from_str(&sigv4::date(System.now())).map_err(|_date| InvalidHeader)?;
    request.headers_mut().insert("x-amz-date", date);
    if let Some(session) = &key.session {
        let value = secret_value(session.expose_secret())?;
        request.headers_mut().insert("x-amz-security-token", value);
    }
    let url = request.url();
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let signed = |name: &str| name == CONTENT_TYPE.as_str() || name.starts_with("x-amz-");
    let headers = request.headers().iter().filter(|(name, _)| signed(name.as_str()));
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let headers: Vec<(&str, &str)> = headers.chain([("host", host.as_str())]).collect();
    let signed = Signed {
        method: request.method().as_str(),
        path: url.path(),
        query: url.query().unwrap_or_default(),
        headers: &headers,
        body: request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default(),
    };
    Ok(sigv4::authorization(key, &signed))
}

/// Services of AWS that speak REST name the error in a header: `Code:http://…`.
/// <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>
fn aws_code(reply: &Reply) -> Option<&str> {
    let name = reply.header("x-amzn-errortype")?.split(':').next()?;
    Some(name.rsplit('#').next().unwrap_or(name)).filter(|name| !name.is_empty())
}

/// The provider's code and words: of XML where that was asked for, and of JSON, which something in between may write.
fn words_of(call: &Call, reply: &Reply) -> Option<(Option<String>, Option<String>)> {
    let own = call.xml.and_then(|_root| xml::words(&reply.body));
    own.or_else(|| words(&reply.body))
}

/// AWS says 400 to what others say 429 to.
fn is_throttled(call: &Call, reply: &Reply) -> bool {
    const CODES: [&str; 4] =
        ["Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"];
    let code = || words_of(call, reply).and_then(|(code, _)| code).unwrap_or_default();
    reply.status == 400 && CODES.contains(&code().as_str())
}

fn target(answer: &Answer) -> Option<Url> {
    answer.url.join(answer.reply.header(LOCATION.as_str())?).ok()
}

/// The address with the slash at its end added or taken, when the answer redirects to just that.
fn slash_redirect(answer: &Answer) -> Option<Url> {
    if !matches!(answer.reply.status, 301 | 302 | 307 | 308) {
        return None;
    }
    let target = target(answer)?;
    let mut url = answer.url.clone();
    let path = match url.path().strip_suffix('/') {
        Some(path) => path.to_owned(),
        None => format!("{}/", url.path()),
    };
    url.set_path(&path);
    let same_query = target.query().is_none_or(|query| Some(query) == url.query());
    (target.origin() == url.origin() && target.path() == url.path() && same_query).then_some(url)
}

const TOO_LARGE: &str = "the answer is larger than 16 MiB";

async fn collect(mut response: Response, started: Instant, url: Url) -> Answer {
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let mut reply =
        Reply { status: response.status().as_u16(), headers: headers.collect(), body: Vec::new() };
    let cut = loop {
        match response.chunk().await {
            Ok(Some(chunk)) if reply.body.len() + chunk.len() > LARGEST => break Some(TOO_LARGE.to_owned()),
            Ok(Some(chunk)) => reply.body.extend_from_slice(&chunk),
            Ok(None) => break None,
            Err(error) => match Failure::of_client(&error).error {
                CallError::NotSent { what } | CallError::Lost { what } => break Some(what),
                other @ (CallError::Refused { .. } | CallError::Limited { .. }) => {
                    break Some(other.to_string());
                }
            },
        }
    };
    Answer { reply, cut, started, url }
}
