//! What services of Google have in common: access tokens, which last about an hour, or the key of a service account, which
//! asks for them as often as they are needed.
//! <https://developers.google.com/identity/protocols/oauth2/service-account>

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::config::Settings;
use crate::config::catalog::{Setting, SettingKind};
use crate::event::time::Timestamp;
use crate::lockdown::http::{Auth, Signing, Transport};

/// Where access tokens are asked for.
pub(super) const TOKEN_URL: Setting = Setting {
    name: "token-url",
    about: "Where the key of a service account asks for access tokens.",
    value: SettingKind::Url,
    required: false,
    default: Some("https://oauth2.googleapis.com/token"),
    example: "https://oauth2.googleapis.com/token",
};

/// The scope of what is no API of Google Workspace.
const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";

/// How long an assertion holds, in seconds: the longest that is taken.
const HOLDS: i64 = 3600;

/// What a key asks for.
pub(super) struct Wanted {
    /// Scopes, with a space between them.
    pub(super) scopes: String,
    /// For whom the service account acts, by domain-wide delegation.
    pub(super) subject: Option<String>,
}

/// The transport with tokens that are asked for, where its credential is the key of a service account (the JSON file that the
/// console gives); as it is where the credential is an access token.
///
/// # Errors
/// The key cannot be used. Nothing of it is in the error.
pub(super) fn with_key(
    transport: Transport,
    settings: &Settings,
    wanted: Wanted,
) -> Result<Transport, String> {
    let endpoint = settings.url(TOKEN_URL.name).cloned();
    let signed = transport.with_signing(|credential| {
        let text = credential.expose_secret().trim();
        if !text.starts_with('{') {
            return Ok(None);
        }
        let endpoint = endpoint.ok_or_else(|| format!("`{}` is needed", TOKEN_URL.name))?;
        signing(KeyFile::read(text)?, endpoint, wanted).map(Some)
    });
    signed.map_err(|error| error.to_string())
}

/// The transport with this credential for an API of Google Cloud, where nobody acts for another: see [`with_key`].
///
/// # Errors
/// The key cannot be used.
pub(super) fn cloud(
    transport: &Transport,
    credential: SecretString,
    settings: &Settings,
) -> Result<Transport, String> {
    let wanted = Wanted { scopes: CLOUD.to_owned(), subject: None };
    with_key(transport.with_auth(Auth::Bearer(credential)), settings, wanted)
}

/// The file of a key, as far as it is needed. Where it says that tokens are asked for does not count: who can write the
/// file is not who decides where signatures go.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
}

impl KeyFile {
    fn read(text: &str) -> Result<Self, String> {
        let key: Self = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("`credential` is JSON, but not the key file of a service account (line {line}, column {column})")
        })?;
        if key.kind == "service_account" {
            return Ok(key);
        }
        Err("`credential` is JSON, but its `type` is not `service_account`".to_owned())
    }

    fn pair(&self) -> Result<RsaKeyPair, String> {
        let unusable = || "`private_key` of `credential` is no RSA key in PEM (PKCS #8)".to_owned();
        let der =
            PrivatePkcs8KeyDer::from_pem_slice(self.private_key.as_bytes()).map_err(|_error| unusable())?;
        RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_error| unusable())
    }
}

/// What an assertion says: who asks, for whom, for what, where, and from when to when, in seconds since 1970.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

fn signing(key: KeyFile, endpoint: Url, wanted: Wanted) -> Result<Signing, String> {
    let pair = key.pair()?;
    let KeyFile { client_email, private_key_id, .. } = key;
    let (issuer, audience) = (client_email.clone(), endpoint.to_string());
    let assert = move |now: Timestamp| {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": private_key_id });
        let seconds = now.nanos.div_euclid(1_000_000_000);
        // Whoever acts for itself needs no delegation.
        let subject = wanted.subject.as_ref().filter(|subject| **subject != issuer);
        let claims = Claims {
            iss: &issuer,
            sub: subject.map(String::as_str),
            scope: &wanted.scopes,
            aud: &audience,
            iat: seconds,
            exp: seconds + HOLDS,
        };
        let claims = serde_json::to_value(claims).map_err(|_error| "no claims".to_owned())?;
        token(&pair, &header, &claims)
    };
    Ok(Signing { endpoint, id: client_email, assert: Box::new(assert), advice: ADVICE })
}

const ADVICE: &str = "look whether the key of the service account still exists, whether this machine's clock is right, and, for \
                      Google Workspace, whether domain-wide delegation gives this service account every scope of `scopes`";

/// A signed JSON Web Token (RFC 7515).
fn token(pair: &RsaKeyPair, header: &Value, claims: &Value) -> Result<SecretString, String> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_error| "the key does not sign".to_owned())?;
    Ok(SecretString::from(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

#[cfg(test)]
mod tests {
    use crate::drill::emulator::google::ServiceAccount;
    use crate::lockdown::http;

    use super::*;

    fn tried(base: &str, token_url: &str, credential: &str) -> Result<Transport, String> {
        let settings = http::Settings::new(Url::parse(base).unwrap(), Auth::Bearer(credential.into()));
        let url = crate::config::Value::Url(Url::parse(token_url).unwrap());
        let settings_of_kind = Settings::from_iter([(TOKEN_URL.name, url)]);
        let wanted = Wanted { scopes: CLOUD.to_owned(), subject: None };
        with_key(Transport::open(settings).unwrap(), &settings_of_kind, wanted)
    }

    fn with(credential: &str) -> Result<Transport, String> {
        tried("https://admin.example", "https://oauth2.example/token", credential)
    }

    #[test]
    fn a_key_asks_for_tokens_and_a_token_is_sent_as_it_is() {
        let file = ServiceAccount::with(&[]).file();
        let opened = with(&format!("\n {file}\n")).unwrap();
        assert_eq!(opened.client_id(), Some("responders@acme-security.iam.example"));
        assert_eq!(with("ya29.c4n4ry").unwrap().client_id(), None);
        let error = tried("https://admin.example", "http://127.0.0.1/token", &file).err().unwrap();
        assert!(error.contains("https"), "{error}");
    }

    #[test]
    fn what_is_no_key_is_told_without_what_it_says() {
        let file = ServiceAccount::with(&[]).file();
        let wrong = [
            ("{".to_owned(), "line 1, column 1"),
            (r#"{"type":"service_account","client_email":"c4n4ry"}"#.to_owned(), "not the key file"),
            (file.replace("service_account", "authorized_user"), "`type` is not"),
            (file.replace("BEGIN PRIVATE KEY", "BEGIN c4n4ry"), "no RSA key"),
            (file.replace("MII", "AAA"), "no RSA key"),
        ];
        for (credential, says) in wrong {
            let error = with(&credential).err().unwrap();
            assert!(error.contains(says) && !error.contains("c4n4ry") && !error.contains("AAA"), "{error}");
        }
    }

    #[test]
    fn an_assertion_says_who_asks_for_what_and_until_when() {
        let key = KeyFile::read(&ServiceAccount::with(&[]).file()).unwrap();
        let endpoint = Url::parse("https://oauth2.googleapis.com/token").unwrap();
        let wanted = Wanted { scopes: "a b".to_owned(), subject: Some("ada@acme.example".to_owned()) };
        let signing = signing(key, endpoint, wanted).unwrap();
        let assertion = (signing.assert)(Timestamp { nanos: 1_700_000_000_500_000_000, digits: 3 }).unwrap();
        let parts: Vec<&str> = assertion.expose_secret().split('.').collect();
        let part = |at: usize| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[at]).unwrap()).unwrap()
        };
        assert_eq!(part(0), json!({ "alg": "RS256", "typ": "JWT", "kid": "8d1f0c" }));
        let expected = json!({
            "iss": "responders@acme-security.iam.example", "sub": "ada@acme.example", "scope": "a b",
            "aud": "https://oauth2.googleapis.com/token", "iat": 1_700_000_000, "exp": 1_700_003_600,
        });
        assert_eq!(part(1), expected);
        assert_eq!(parts.len(), 3);
    }
}
