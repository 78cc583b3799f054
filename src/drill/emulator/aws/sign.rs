//! Whether a request is signed by a key that there is: Signature Version 4, from the request as it arrived.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac::{HMAC_SHA256, Key as Hmac, sign};
use sha2::{Digest as _, Sha256};

use super::super::{Moment, Request};
use super::{Account, Key, Refusal, refusal};

/// What is encoded: all but the unreserved characters of RFC 3986.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Seconds by which a signature's time may differ.
const SKEW: i64 = 300;

/// What `Authorization` says.
struct Claim<'a> {
    id: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    headers: Vec<&'a str>,
    signature: &'a str,
}

/// The key of a request to a service.
pub(in crate::drill::emulator) fn verify(
    account: Account<'_>,
    service: &str,
    request: &Request,
    moment: &Moment<'_>,
) -> Result<Key, Refusal> {
    let header = request.header("authorization").ok_or_else(|| {
        refusal("MissingAuthenticationTokenException", "Request is missing Authentication Token")
    })?;
    let incomplete =
        || refusal("IncompleteSignatureException", "Authorization header requires more parameters");
    let claim = claim(header).ok_or_else(incomplete)?;
    let unknown = || {
        let message = "The security token included in the request is invalid.";
        refusal("UnrecognizedClientException", message)
    };
    let key = account.keys.get(claim.id).ok_or_else(unknown)?;
    if key.session.as_deref() != request.header("x-amz-security-token") {
        return Err(unknown());
    }
    let date = request.header("x-amz-date").ok_or_else(incomplete)?;
    let invalid = |message: &str| refusal("InvalidSignatureException", message);
    if !date.starts_with(claim.day)
        || seconds(date).is_none_or(|then| (moment.wall.nanos / 1_000_000_000 - then).abs() > SKEW)
    {
        return Err(invalid("Signature expired"));
    }
    let sent = request.headers.iter().map(|(name, _)| name.as_str());
    let mut needed = sent.filter(|name| name.starts_with("x-amz-")).chain(["host", "x-amz-date"]);
    let scope = claim.region == account.region && claim.service == service;
    if !scope || !needed.all(|name| claim.headers.contains(&name)) {
        return Err(invalid("Credential should be scoped to a valid region."));
    }
    if expected(key, &claim, request, date) == claim.signature {
        Ok(key.clone())
    } else {
        Err(invalid("The request signature we calculated does not match the signature you provided."))
    }
}

fn claim(header: &str) -> Option<Claim<'_>> {
    let rest = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let part =
        |name: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let mut scope = part("Credential")?.split('/');
    let (id, day, region) = (scope.next()?, scope.next()?, scope.next()?);
    let (service, end) = (scope.next()?, scope.next()?);
    let headers = part("SignedHeaders")?.split(';').collect();
    let signature = part("Signature")?;
    (end == "aws4_request" && day.len() == 8).then_some(Claim {
        id,
        day,
        region,
        service,
        headers,
        signature,
    })
}

fn expected(key: &Key, claim: &Claim<'_>, request: &Request, date: &str) -> String {
    let prefix = request.origin.splitn(4, '/').nth(3).map_or_else(String::new, |rest| format!("/{rest}"));
    let path = format!("{prefix}{}", request.path);
    let path = if path.is_empty() { "/".to_owned() } else { path };
    let mut text = format!("{}\n{path}\n{}\n", request.method, query(request));
    for name in &claim.headers {
        let values = request.headers.iter().filter(|(header, _)| header == name);
        let values: Vec<&str> = values.map(|(_, value)| value.trim()).collect();
        text.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    text.push_str(&format!("\n{}\n{}", claim.headers.join(";"), hex(&Sha256::digest(&request.body))));
    let scope = format!("{}/{}/{}/aws4_request", claim.day, claim.region, claim.service);
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(text)));
    let mut chained = Hmac::new(HMAC_SHA256, format!("AWS4{}", key.secret).as_bytes());
    for part in [claim.day, claim.region, claim.service, "aws4_request"] {
        chained = Hmac::new(HMAC_SHA256, sign(&chained, part.as_bytes()).as_ref());
    }
    hex(sign(&chained, text.as_bytes()).as_ref())
}

/// Pairs in the order of their encoded names, then values.
fn query(request: &Request) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let pairs = request.query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let mut pairs: Vec<String> = pairs.collect();
    pairs.sort();
    pairs.join("&")
}

/// Of `20150830T123600Z`, since 1970.
fn seconds(date: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?.as_second())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
