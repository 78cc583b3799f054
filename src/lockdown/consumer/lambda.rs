//! Environment variables of AWS Lambda functions. <https://docs.aws.amazon.com/lambda/latest/api/>
//!
//! `UpdateFunctionConfiguration` replaces all variables at once, so that those that are there are sent again; `RevisionId` names
//! the state that is replaced, and the service refuses another one (412). While an update is in progress no other one is taken
//! (409), and invocations go to the configuration before; after one that failed too, whatever is shown. Published versions keep
//! the variables that they were published with, and no call changes those: where an alias points to one, nothing is changed.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::{Consumer, ConsumerKind, Fields, Held, Opening, Runs, exposed};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, reversible};
use crate::lockdown::aws;
use crate::lockdown::http::{Call, CallError, Next, Stats, Transport, wipe};
use crate::lockdown::provider::{Check, CheckState, OpenError};

const SERVICE: &str = "lambda";
/// The version of the API, which its paths begin with.
const API: &str = "2015-03-31";
/// The longest name of a function.
const LONGEST: usize = 64;
/// A function that is asked for to see whether the key is taken; it need not be there.
const PROBE: &str = "portcullis";
/// What is not published.
const UNPUBLISHED: &str = "$LATEST";

/// The kind.
pub const KIND: ConsumerKind = ConsumerKind {
    about: About {
        reads: &[
            "the configuration of functions that the inventory names, their environment variables among it",
            "their aliases",
        ],
        changes: &[reversible(super::system::REPOINT, "consumer")],
        needs: &[
            "lambda:GetFunctionConfiguration, UpdateFunctionConfiguration and ListAliases on the functions",
            "kms:Decrypt and Encrypt with the KMS key of functions that have their own",
        ],
        cannot: &[
            "functions with an alias of a published version: it keeps what it was published with, so nothing is changed",
            "credentials that the store never held, since nobody could bring them back",
            "functions of other accounts, named by their ARN",
        ],
    },
    spec: KindSpec {
        name: "aws-lambda",
        title: "AWS Lambda, environment variables",
        base_url: None,
        credential: aws::CREDENTIAL,
        settings: &[
            Setting {
                name: "base-url",
                about: "Endpoint of the service in the region of the functions.",
                value: SettingKind::Url,
                required: true,
                default: None,
                example: "https://lambda.eu-west-1.amazonaws.com",
            },
            aws::REGION,
        ],
    },
    open,
};

fn open(opening: Opening) -> Result<Arc<dyn Consumer>, OpenError> {
    let Opening { name, settings, credential, transport } = opening;
    let transport = aws::signed(&transport, &settings, &credential, SERVICE)
        .map_err(|what| OpenError(format!("consumer {name}: {what}")))?;
    Ok(Arc::new(Lambda { name, transport }))
}

struct Lambda {
    name: String,
    transport: Transport,
}

#[async_trait]
impl Consumer for Lambda {
    fn name(&self) -> &str {
        &self.name
    }

    async fn read(&self, place: &str) -> Result<Held, CallError> {
        check_name(place)?;
        let mut answer = self.transport.read(&Call::get(&path(place, "configuration"))).await?.json()?;
        let held = held(place, &answer);
        wipe(&mut answer);
        held
    }

    async fn hindrance(&self, place: &str) -> Result<Option<String>, CallError> {
        check_name(place)?;
        let mut published = None;
        let call = Call::get(&path(place, "aliases"));
        self.transport
            .pages(call, |reply| {
                let page = reply.json()?;
                let aliases = page.get("Aliases").and_then(Value::as_array).ok_or_else(odd)?;
                for alias in aliases {
                    published = published.take().or(published_version(alias)?);
                }
                let marker = page.get("NextMarker").and_then(Value::as_str).filter(|next| !next.is_empty());
                Ok(marker.map_or(Next::Done, |next| Next::Query("Marker", next.to_owned())))
            })
            .await?;
        Ok(published.map(|(alias, version)| {
            format!("alias {alias} of {place} runs version {version}, which keeps the old credential until a new version is published")
        }))
    }

    async fn write(&self, place: &str, fields: Fields, held: Held, key: &str) -> Result<(), CallError> {
        check_name(place)?;
        let mut all = held.fields;
        all.extend(fields);
        let body = json!({ "Environment": { "Variables": exposed(&all) }, "RevisionId": held.revision });
        let call = Call::put(&path(place, "configuration")).json(body);
        let call = all.into_values().fold(call, Call::hiding);
        match self.transport.change(&call, key).await {
            Ok(_) => Ok(()),
            // Another update is in progress, or somebody was faster: it is looked at again.
            Err(error) if matches!(error.status(), Some(409 | 412)) => {
                Err(CallError::NotSent { what: error.to_string() })
            }
            Err(error) => Err(error),
        }
    }

    async fn check(&self) -> Vec<Check> {
        let (state, note) = match self.read(PROBE).await {
            Ok(_) => (CheckState::Works, String::new()),
            Err(error) => aws::refusal(&error, "functions"),
        };
        vec![Check { what: "use the access key".to_owned(), state, note }]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

fn path<'a>(place: &'a str, what: &'a str) -> [&'a str; 4] {
    [API, "functions", place, what]
}

fn held(place: &str, answer: &Value) -> Result<Held, CallError> {
    let text = |key: &str| answer.get(key).and_then(Value::as_str);
    let revision = text("RevisionId").ok_or_else(odd)?.to_owned();
    let environment = answer.get("Environment").filter(|environment| !environment.is_null());
    let part =
        |key: &str| environment.and_then(|environment| environment.get(key)).filter(|part| !part.is_null());
    // What cannot be decrypted is not shown, and a write would take it away.
    if let Some(error) = part("Error") {
        let code = error.get("ErrorCode").and_then(Value::as_str).unwrap_or_default();
        let message = format!("the variables of {place} cannot be read: {code}");
        return Err(CallError::Refused { status: 0, code: None, message });
    }
    let mut fields = Fields::new();
    if let Some(variables) = part("Variables") {
        for (name, value) in variables.as_object().ok_or_else(odd)? {
            fields.insert(name.clone(), SecretString::from(value.as_str().ok_or_else(odd)?));
        }
    }
    let runs = match text("LastUpdateStatus") {
        Some("Successful") | None => Runs::WithThis,
        Some("InProgress") => Runs::Soon,
        Some(other) => Runs::Unknown(format!(
            "the last update of {place} is {other} ({}), so that it may run as before: update it again",
            text("LastUpdateStatusReasonCode").unwrap_or("no reason is given")
        )),
    };
    Ok(Held { revision, fields, untold: &[], runs })
}

/// The alias and the version, where it sends anything to a published one.
fn published_version(alias: &Value) -> Result<Option<(String, String)>, CallError> {
    let text = |key: &str| alias.get(key).and_then(Value::as_str).map(str::to_owned).ok_or_else(odd);
    let (name, version) = (text("Name")?, text("FunctionVersion")?);
    let routed = alias.pointer("/RoutingConfig/AdditionalVersionWeights").and_then(Value::as_object);
    let versions = std::iter::once(version).chain(routed.into_iter().flat_map(Map::keys).cloned());
    let mut published = versions.filter(|version| version != UNPUBLISHED);
    Ok(published.next().map(|version| (name, version)))
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of AWS Lambda".to_owned() }
}

fn check_name(place: &str) -> Result<(), CallError> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if place.is_empty() || place.len() > LONGEST || !place.chars().all(fits) {
        let message =
            format!("“{place}” is no name of a function: at most {LONGEST} letters, digits, - and _");
        return Err(CallError::Refused { status: 0, code: None, message });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(answer: &Value) -> Result<Held, String> {
        held("etl", answer).map_err(|error| error.to_string())
    }

    #[test]
    fn a_configuration_is_read_in_every_documented_shape() {
        let whole = json!({
            "FunctionName": "etl", "RevisionId": "r1", "LastUpdateStatus": "Successful", "Environment":
            { "Variables": { "A": "1", "B": "CANARY" } },
        });
        let held = read(&whole).unwrap();
        assert_eq!((held.revision.as_str(), &held.runs), ("r1", &Runs::WithThis));
        let fields: Vec<(&str, &str)> =
            held.fields.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!(fields, [("A", "1"), ("B", "CANARY")]);
        assert!(!format!("{held:?}").contains("CANARY"), "{held:?}");
        for without in [json!({ "RevisionId": "r" }), json!({ "RevisionId": "r", "Environment": null })] {
            let held = read(&without).unwrap();
            assert!(held.fields.is_empty() && held.runs == Runs::WithThis, "{without}");
        }
        let updating =
            |status: &str| read(&json!({ "RevisionId": "r", "LastUpdateStatus": status })).unwrap().runs;
        assert_eq!(updating("InProgress"), Runs::Soon);
        assert!(matches!(updating("Failed"), Runs::Unknown(why) if why.contains("Failed")));
        assert!(matches!(updating("SomethingNew"), Runs::Unknown(_)));
    }

    #[test]
    fn what_is_no_configuration_is_not_taken_for_an_empty_one() {
        for odd in [
            json!({}),
            json!([]),
            json!(null),
            json!({ "RevisionId": 7 }),
            json!({ "RevisionId": "r", "Environment": { "Variables": ["CANARY"] } }),
            json!({ "RevisionId": "r", "Environment": { "Variables": { "A": { "B": "CANARY" } } } }),
            json!({ "RevisionId": "r", "Environment": { "Variables": { "A": 7 } } }),
            json!({ "RevisionId": "r", "Environment": { "Variables": {}, "Error": { "ErrorCode": "KMSAccessDenied", "Message": "CANARY" } } }),
        ] {
            let why = read(&odd).err().unwrap_or_default();
            assert!(!why.is_empty() && !why.contains("CANARY"), "{odd}: {why}");
        }
    }

    #[test]
    fn an_alias_runs_what_it_points_to_and_what_it_is_weighed_with() {
        let of = |alias: Value| published_version(&alias).map_err(|error| error.to_string());
        let prod = |version: &str| Ok(Some(("prod".to_owned(), version.to_owned())));
        assert_eq!(of(json!({ "Name": "prod", "FunctionVersion": "$LATEST" })), Ok(None));
        assert_eq!(of(json!({ "Name": "prod", "FunctionVersion": "7" })), prod("7"));
        let weighed = json!({
            "Name": "prod", "FunctionVersion": "$LATEST", "RoutingConfig": { "AdditionalVersionWeights": { "8": 0.1 } },
        });
        assert_eq!(of(weighed), prod("8"));
        assert_eq!(of(json!({ "Name": "a", "FunctionVersion": "$LATEST", "RoutingConfig": null })), Ok(None));
        for odd in
            [json!({}), json!("x"), json!({ "Name": "a" }), json!({ "Name": "a", "FunctionVersion": 7 })]
        {
            assert!(of(odd).is_err());
        }
    }

    #[test]
    fn only_names_of_functions_go_into_a_path() {
        for good in ["etl", "a-b_C9", &"x".repeat(64)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "etl:7",
            "arn:aws:lambda:eu-west-1:1:function:f",
            "é",
            "a b",
            &"x".repeat(65),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
