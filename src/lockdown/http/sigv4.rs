//! AWS Signature Version 4 in the header `Authorization`.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::collections::BTreeMap;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::hmac::{HMAC_SHA256, Key, Tag, sign};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::event::time::Timestamp;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// All but the unreserved characters of RFC 3986.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same for a path, whose slashes stay.
const PATH: &AsciiSet = &VALUE.remove(b'/');

/// An access key, and what its signatures are good for.
#[derive(Debug, Clone)]
pub struct AwsKey {
    /// The key's identifier, which is no secret.
    pub id: String,
    /// The secret access key.
    pub secret: SecretString,
    /// The session token of temporary credentials.
    pub session: Option<SecretString>,
    /// `eu-west-1`.
    pub region: String,
    /// `secretsmanager`.
    pub service: &'static str,
}

/// A request as it is sent.
pub(super) struct Signed<'a> {
    /// `POST`.
    pub(super) method: &'a str,
    /// Percent-encoded, beginning with a slash.
    pub(super) path: &'a str,
    /// Percent-encoded, without the question mark.
    pub(super) query: &'a str,
    /// The headers that are signed: names in lower case, `host` and `x-amz-date` among them.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

/// A moment as `x-amz-date` has it: `20150830T123600Z`.
pub(super) fn date(now: Timestamp) -> String {
    Timestamp { digits: 0, ..now }.to_rfc3339().replace(['-', ':'], "")
}

/// The value of `Authorization`, at the moment that `x-amz-date` says.
pub(super) fn authorization(key: &AwsKey, request: &Signed<'_>) -> String {
    let headers = headers(request.headers);
    let date = headers.get("x-amz-date").cloned().unwrap_or_default();
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{}/{}/aws4_request", key.region, key.service);
    let names = headers.keys().copied().collect::<Vec<_>>().join(";");
    let canonical = canonical(request, &headers, &names);
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let signature = sign(&signing_key(key, day), text.as_bytes());
    let signature = hex(signature.as_ref());
    format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", key.id)
}

fn signing_key(key: &AwsKey, day: &str) -> Key {
    let secret = Zeroizing::new(format!("AWS4{}", key.secret.expose_secret()));
    let mut chained = Key::new(HMAC_SHA256, secret.as_bytes());
    for part in [day, &key.region, key.service, "aws4_request"] {
        let tag: Tag = sign(&chained, part.as_bytes());
        chained = Key::new(HMAC_SHA256, tag.as_ref());
    }
    chained
}

fn canonical(request: &Signed<'_>, headers: &BTreeMap<&str, String>, names: &str) -> String {
    // A path is encoded once more than it is sent, by every service but S3.
    let path = utf8_percent_encode(request.path, PATH);
    let mut text = format!("{}\n{path}\n{}\n", request.method, query(request.query));
    for (name, value) in headers {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}:{value}");
    }
    let _ = write!(text, "\n{names}\n{}", hex(&Sha256::digest(request.body)));
    text
}

/// Pairs in the order of their encoded names, then values.
fn query(query: &str) -> String {
    let encoded = |text: &str| {
        let plain: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&plain, VALUE).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (encoded(name), encoded(value))
    });
    let mut pairs: Vec<(String, String)> = pairs.collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Values of one name joined by commas, white space within them as one space.
fn headers<'a>(headers: &[(&'a str, &str)]) -> BTreeMap<&'a str, String> {
    let mut all: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        all.entry(name).and_modify(|first| *first = format!("{first},{value}")).or_insert(value);
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: (&str, &str) = ("host", "example.amazonaws.com");
    const DATE: (&str, &str) = ("x-amz-date", "20150830T123600Z");
    const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

    /// The name of a case, its method, path, query, headers besides the host and the date, body, and its signature.
    type Vector = (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static str,
        &'static str,
    );

    /// Of the suite that AWS publishes for implementers: `awslabs/aws-c-auth`, `tests/aws-signing-test-suite/v4`.
    const VECTORS: &[Vector] = &[
        (
            "get-vanilla",
            "GET",
            "/",
            "",
            &[],
            "",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/",
            "Param2=value2&Param1=value1",
            &[],
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-order-encoded",
            "GET",
            "/",
            "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            &[],
            "",
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        (
            "get-vanilla-query-unreserved",
            "GET",
            "/",
            "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            &[],
            "",
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        (
            "get-vanilla-empty-query-key",
            "GET",
            "/",
            "Param1=value1",
            &[],
            "",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "get-vanilla-utf8-query",
            "GET",
            "/",
            "\u{1234}=bar",
            &[],
            "",
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            "get-header-value-trim",
            "GET",
            "/",
            "",
            &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            "",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "get-header-key-duplicate",
            "GET",
            "/",
            "",
            &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
            "",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-order",
            "GET",
            "/",
            "",
            &[
                ("my-header1", "value4"),
                ("my-header1", "value1"),
                ("my-header1", "value3"),
                ("my-header1", "value2"),
            ],
            "",
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        (
            "get-header-value-multiline",
            "GET",
            "/",
            "",
            &[("my-header1", "value1 value2 value3")],
            "",
            "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd",
        ),
        (
            "get-utf8",
            "GET",
            "/\u{1234}",
            "",
            &[],
            "",
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (
            "get-space-normalized",
            "GET",
            "/example space/",
            "",
            &[],
            "",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        (
            "get-unreserved",
            "GET",
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "",
            &[],
            "",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "get-slashes-unnormalized",
            "GET",
            "//example//",
            "",
            &[],
            "",
            "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5",
        ),
        (
            "post-vanilla",
            "POST",
            "/",
            "",
            &[],
            "",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "post-vanilla-query",
            "POST",
            "/",
            "Param1=value1",
            &[],
            "",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            "post-vanilla-empty-query-value",
            "POST",
            "/",
            "Param1=value1",
            &[],
            "",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            "post-header-key-sort",
            "POST",
            "/",
            "",
            &[("my-header1", "value1")],
            "",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "post-header-key-case",
            "POST",
            "/",
            "",
            &[],
            "",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "post-header-value-case",
            "POST",
            "/",
            "",
            &[("my-header1", "VALUE1")],
            "",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
        (
            "post-sts-header-before",
            "POST",
            "/",
            "",
            &[("x-amz-security-token", TOKEN)],
            "",
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        ),
        (
            "get-vanilla-with-session-token",
            "GET",
            "/",
            "",
            &[("x-amz-security-token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267")],
            "",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        ),
        (
            "post-x-www-form-urlencoded",
            "POST",
            "/",
            "",
            &[
                ("content-type", "application/x-www-form-urlencoded"),
                ("content-length", "13"),
                ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"),
            ],
            "Param1=value1",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        ),
        (
            "post-x-www-form-urlencoded-parameters",
            "POST",
            "/",
            "",
            &[
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
                ("content-length", "13"),
                ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"),
            ],
            "Param1=value1",
            "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
        ),
    ];

    #[test]
    fn the_published_vectors_are_signed_alike() {
        let key = AwsKey {
            id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session: None,
            region: "us-east-1".to_owned(),
            service: "service",
        };
        for (name, method, path, query, more, body, signature) in VECTORS {
            let headers: Vec<_> = more.iter().copied().chain([HOST, DATE]).collect();
            let request = Signed { method, path, query, headers: &headers, body: body.as_bytes() };
            let said = authorization(&key, &request);
            let start = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=";
            assert!(said.starts_with(start), "{name}: {said}");
            assert_eq!(said.rsplit_once("Signature=").map(|(_, end)| end), Some(*signature), "{name}");
        }
    }

    #[test]
    fn dates_are_written_as_headers_have_them() {
        assert_eq!(date(Timestamp { nanos: 1_440_938_160_123_000_000, digits: 3 }), "20150830T123600Z");
    }
}
