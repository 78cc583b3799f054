//! What services of AWS have in common: access keys, and the region that their signatures are for.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use crate::config::Settings;
use crate::config::catalog::{Setting, SettingKind};
use crate::lockdown::http::{Auth, AwsKey, CallError, Transport};
use crate::lockdown::provider::CheckState;

/// What the credential of an instance is, in words.
pub(super) const CREDENTIAL: &str =
    "access key as ID:SECRET or ID:SECRET:SESSION-TOKEN, or the JSON of a credential process";

/// The region that signatures are for.
pub(super) const REGION: Setting = Setting {
    name: "region",
    about: "Region, where the endpoint's name does not tell it.",
    value: SettingKind::Text,
    required: false,
    default: None,
    example: "eu-west-1",
};

/// The same connections and limits with requests that are signed for this service: see [`key`]. The region is that of the
/// settings, else that of the endpoint's name.
pub(super) fn signed(
    transport: &Transport,
    settings: &Settings,
    credential: &SecretString,
    service: &'static str,
) -> Result<Transport, &'static str> {
    let region = match settings.text(REGION.name) {
        Some(region) => Some(region.to_owned()),
        None => region_of(transport.base_url(), service),
    };
    let region = region.ok_or("`region` is missing, and `base-url` does not tell it")?;
    Ok(transport.with_auth(Auth::Aws(key(credential, region, service)?)))
}

/// What the refusal to read a thing that need not be there says of an access key, for `doctor`. A key that may not read that one
/// is taken all the same. `things`: what is read.
pub(super) fn refusal(error: &CallError, things: &str) -> (CheckState, String) {
    let CallError::Refused { code: Some(code), .. } = error else {
        return (CheckState::Unknown, error.to_string());
    };
    match code.as_str() {
        "NoSuchEntity" | "ResourceNotFoundException" => (CheckState::Works, String::new()),
        "AccessDenied" | "AccessDeniedException" => {
            let note = format!("the key is taken; what it may do with single {things} cannot be listed");
            (CheckState::Unknown, note)
        }
        _ => (CheckState::Missing, error.to_string()),
    }
}

/// What a credential process writes, such as `aws configure export-credentials`.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Process {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// Reads `ID:SECRET`, `ID:SECRET:SESSION-TOKEN` or the JSON of a credential process, for signatures of this service. The
/// error does not show it.
fn key(credential: &SecretString, region: String, service: &'static str) -> Result<AwsKey, &'static str> {
    let text = credential.expose_secret().trim();
    let (id, secret, session): (String, SecretString, Option<SecretString>) = if text.starts_with('{') {
        let process = serde_json::from_str::<Process>(text).ok().filter(|process| process.version == 1);
        let process = process.ok_or("the credential is not the JSON of a credential process, version 1")?;
        (
            process.access_key_id,
            process.secret_access_key.into(),
            process.session_token.map(SecretString::from),
        )
    } else {
        // No part has a colon in it.
        let mut parts = text.split(':');
        let (id, secret, session) = (parts.next(), parts.next(), parts.next());
        let (Some(id), Some(secret), None) = (id, secret, parts.next()) else { return Err(FORM) };
        (id.to_owned(), secret.into(), session.map(SecretString::from))
    };
    let is_word =
        |word: &str| !word.is_empty() && word.len() <= 4096 && word.bytes().all(|b| b.is_ascii_graphic());
    let words = [secret.expose_secret()].into_iter().chain(session.as_ref().map(SecretString::expose_secret));
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        || id.is_empty()
        || !words.into_iter().all(is_word)
    {
        return Err(FORM);
    }
    Ok(AwsKey { id, secret, session, region, service })
}

const FORM: &str = "the credential has to be ID:SECRET or ID:SECRET:SESSION-TOKEN";

/// Of the names that AWS gives the endpoints of a service: `SERVICE.REGION.amazonaws.com`, `SERVICE-fips…`,
/// `SERVICE.REGION.api.aws`, those of other partitions, and those of interface endpoints.
fn region_of(base: &Url, service: &str) -> Option<String> {
    let host = base.host_str()?;
    let is_service = |label: &str| label.strip_suffix("-fips").unwrap_or(label) == service;
    let mut labels = host.split('.').skip_while(|label| !is_service(label));
    labels.next()?;
    let (region, rest) = (labels.next()?, labels.next()?);
    // A region has three parts at least.
    let is_region = region.split('-').count() >= 3;
    (is_region && matches!(rest, "amazonaws" | "api" | "vpce")).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(String, String, Option<String>)> {
        let plain = |secret: &SecretString| secret.expose_secret().to_owned();
        let key = key(&text.into(), "eu-west-1".to_owned(), "secretsmanager").ok()?;
        Some((key.id.clone(), plain(&key.secret), key.session.as_ref().map(plain)))
    }

    #[test]
    fn keys_are_read_in_each_form() {
        let all =
            |session: Option<&str>| Some(("AKIA1".to_owned(), "s3/+".to_owned(), session.map(str::to_owned)));
        assert_eq!(parts("AKIA1:s3/+"), all(None));
        assert_eq!(parts("AKIA1:s3/+:t0="), all(Some("t0=")));
        let process = r#"{"Version":1,"AccessKeyId":"AKIA1","SecretAccessKey":"s3/+","SessionToken":"t0=","Expiration":"x"}"#;
        assert_eq!(parts(process), all(Some("t0=")));
        for wrong in [
            "",
            "AKIA1",
            "AKIA1:",
            ":s3",
            "AKIA1:s3:",
            "AKIA1:s3:t:x",
            "AK IA:s3",
            "AKIA1:s 3",
            "AKIA1:s3\n4",
            "{",
            "{}",
            r#"{"Version":2,"AccessKeyId":"AKIA1","SecretAccessKey":"s3"}"#,
            r#"{"Version":1,"AccessKeyId":"AKIA1/../","SecretAccessKey":"s3"}"#,
        ] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_region_is_told_by_the_vendor_s_names_alone() {
        for (base, region) in [
            ("https://secretsmanager.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("https://secretsmanager-fips.us-gov-west-1.amazonaws.com/", Some("us-gov-west-1")),
            ("https://secretsmanager.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("https://secretsmanager.us-east-1.api.aws", Some("us-east-1")),
            ("https://vpce-0a-1b.secretsmanager.us-east-1.vpce.amazonaws.com", Some("us-east-1")),
            ("https://secretsmanager.example.com", None),
            ("https://secretsmanager.amazonaws.com", None),
            ("http://127.0.0.1:5000", None),
        ] {
            assert_eq!(region_of(&Url::parse(base).unwrap(), "secretsmanager").as_deref(), region, "{base}");
        }
        let lambda = Url::parse("https://lambda-fips.us-east-1.amazonaws.com").unwrap();
        assert_eq!(region_of(&lambda, "lambda").as_deref(), Some("us-east-1"));
        assert_eq!(region_of(&lambda, "secretsmanager"), None);
    }
}
