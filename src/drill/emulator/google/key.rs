//! Access tokens for what the key of a service account signs (RFC 7523), as Google documents it; it acts for others by domain-wide
//! delegation, scope by scope.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::clients::Denied;
use super::super::http::pairs;
use super::super::{Answer, Moment, Request, Tenant};
use super::{Credential, example};

/// Where tokens are asked for.
pub(super) const TOKEN: &str = "/token";
/// The key of the service account, made up for the emulator.
const PEM: &str = include_str!("service-account.pem");
/// The longest that an assertion may hold, in seconds.
const LONGEST: i64 = 3600;
/// By how many seconds clocks may differ.
const SKEW: i64 = 300;
const SCOPES: &str = "https://www.googleapis.com/auth/";

/// A service account, its key, and for whom it may ask.
#[derive(Clone, Serialize)]
pub struct ServiceAccount {
    /// Its address.
    pub email: String,
    /// Id of its key.
    pub key_id: String,
    /// Scopes that were delegated to it, without what is before `admin.directory.`.
    pub delegated: Vec<String>,
}

impl ServiceAccount {
    /// One with these scopes.
    pub fn with(delegated: &[&str]) -> Self {
        Self {
            email: "responders@acme-security.iam.example".into(),
            key_id: "8d1f0c".into(),
            delegated: delegated.iter().map(|scope| (*scope).to_owned()).collect(),
        }
    }

    /// One with all scopes that a lockdown can use.
    pub fn full() -> Self {
        Self::with(&[
            "admin.directory.user",
            "admin.directory.user.security",
            "admin.directory.group.readonly",
            "admin.directory.group.member",
            "admin.directory.rolemanagement",
        ])
    }

    /// Its key file, as the console gives it.
    pub fn file(&self) -> String {
        json!({
            "type": "service_account", "project_id": "acme-security", "private_key_id": self.key_id, "private_key": PEM,
            "client_email": self.email, "token_uri": "https://elsewhere.example/token",
        })
        .to_string()
    }
}

/// `POST /token`.
pub(super) fn token(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Result<Answer, Denied> {
    let fields = pairs(&String::from_utf8_lossy(&request.body));
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if field("grant_type") != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
        return Err(Denied(400, "unsupported_grant_type", "Invalid grant_type."));
    }
    let account = tenant.google.service_account.clone();
    let account = account.ok_or(Denied(400, "invalid_grant", "Invalid grant: account not found"))?;
    let claims = checked(field("assertion").unwrap_or_default(), &account)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("iss") != account.email {
        return Err(Denied(400, "invalid_grant", "Invalid grant: account not found"));
    }
    if text("aud") != format!("{}{TOKEN}", request.origin) {
        return Err(Denied(400, "invalid_grant", "Invalid JWT: Failed audience check."));
    }
    in_time(&claims, moment)?;
    let scopes: Vec<&str> =
        text("scope").split(' ').map(|scope| scope.strip_prefix(SCOPES).unwrap_or(scope)).collect();
    let is_delegated = |scope: &&str| account.delegated.iter().any(|known| known == scope);
    if text("sub") != example::ADMIN || scopes.is_empty() || !scopes.iter().all(is_delegated) {
        return Err(Denied(
            401,
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
        ));
    }
    let scopes = scopes.iter().filter_map(|scope| scope.strip_prefix("admin.directory."));
    let credential = Credential { scopes: scopes.map(str::to_owned).collect(), is_super: true };
    let value = format!("ya29.c.{}", tenant.draws.secret());
    Ok(tenant.google.clients.issue(&account.email, credential, &value, moment))
}

/// The claims of an assertion that this account signed.
fn checked(assertion: &str, account: &ServiceAccount) -> Result<Value, Denied> {
    let malformed = || Denied(400, "invalid_request", "Bad Request");
    let (signed, signature) = assertion.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let json = |part: &str| serde_json::from_slice::<Value>(&decoded(part)?).ok();
    let (header, claims) = json(header).zip(json(claims)).ok_or_else(malformed)?;
    if header.get("alg") != Some(&json!("RS256")) {
        return Err(malformed());
    }
    let wrong = || Denied(400, "invalid_grant", "Invalid JWT Signature.");
    if header.get("kid").is_some_and(|kid| *kid != json!(account.key_id)) {
        return Err(wrong());
    }
    let der = PrivatePkcs8KeyDer::from_pem_slice(PEM.as_bytes()).map_err(|_error| wrong())?;
    let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_error| wrong())?;
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    let signature = decoded(signature).ok_or_else(malformed)?;
    public.verify(signed.as_bytes(), &signature).map_err(|_error| wrong())?;
    Ok(claims)
}

fn in_time(claims: &Value, moment: &Moment<'_>) -> Result<(), Denied> {
    let now = moment.wall.nanos.div_euclid(1_000_000_000);
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    let fits = time("iat").zip(time("exp")).is_some_and(|(issued, ends)| {
        (issued..=issued + LONGEST).contains(&ends) && issued <= now + SKEW && now <= ends + SKEW
    });
    let text = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.";
    if fits { Ok(()) } else { Err(Denied(400, "invalid_grant", text)) }
}
