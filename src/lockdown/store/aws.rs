//! AWS Secrets Manager. <https://docs.aws.amazon.com/secretsmanager/latest/apireference/>
//!
//! The fields of an entry are the members of the JSON object that the secret's text is, as the console makes it. A write
//! puts a new version under `AWSCURRENT`, and the version before becomes `AWSPREVIOUS`. The service has no check-and-set
//! for that: the version is read before, and what was replaced is looked at afterwards. The way back moves `AWSCURRENT`,
//! which names the version that it is taken from.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::document::Document;
use super::{Entry, Opening, Store, StoreError, StoreKind, Version, Write};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, reversible};
use crate::lockdown::aws;
use crate::lockdown::http::{Body, Call, CallError, Stats, Transport, wipe};
use crate::lockdown::provider::{Check, CheckState, OpenError};

const SERVICE: &str = "secretsmanager";
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
/// How versions begin with which a secret was made here. None but such a secret is deleted by a restore.
const MADE: &str = "portcullis-made-";
/// Letters that a version's name can have.
const TOKEN: usize = 64;
/// The longest name or ARN, in bytes.
const LONGEST: usize = 2048;
/// A secret whose description is asked for to see whether the key is taken; it need not be there.
const PROBE: &str = "portcullis";

/// The kind.
pub const KIND: StoreKind = StoreKind {
    about: About {
        reads: &["the secrets of integrations, at AWSCURRENT and at the version before"],
        changes: &[reversible("put", "secret")],
        needs: &[
            "secretsmanager:GetSecretValue, DescribeSecret, PutSecretValue and UpdateSecretVersionStage on the secrets",
            "CreateSecret and DeleteSecret for secrets that are not there yet; the KMS key of secrets that have their own",
        ],
        cannot: &[
            "a check-and-set of the version that is replaced: it is compared before and after",
            "taking the first version of a secret away that was there without one: a restore leaves an empty one in its place",
            "telling consumers that read a secret once: they are started anew",
        ],
    },
    spec: KindSpec {
        name: "aws-secrets-manager",
        title: "AWS Secrets Manager",
        base_url: None,
        credential: aws::CREDENTIAL,
        settings: &[
            Setting {
                name: "base-url",
                about: "Endpoint of the service in the region of the secrets.",
                value: SettingKind::Url,
                required: true,
                default: None,
                example: "https://secretsmanager.eu-west-1.amazonaws.com",
            },
            aws::REGION,
        ],
    },
    entry: Some(|name| {
        // Names have no other letters.
        let fits = |letter: char| {
            if letter.is_ascii_alphanumeric() || "/_+=.@-".contains(letter) { letter } else { '-' }
        };
        super::in_folder(&name.chars().map(fits).collect::<String>())
    }),
    open,
};

fn open(opening: Opening) -> Result<Arc<dyn Store>, OpenError> {
    let lacks = |what: &str| OpenError(format!("store {}: {what}", opening.name));
    let transport = opening.transport.as_ref().ok_or_else(|| lacks("`base-url` is missing"))?;
    let credential = opening.credential.as_ref().ok_or_else(|| lacks("`credential` is missing"))?;
    let transport = aws::signed(transport, &opening.settings, credential, SERVICE).map_err(lacks)?;
    Ok(Arc::new(SecretsManager { name: opening.name, transport, turn: Mutex::new(()) }))
}

struct SecretsManager {
    name: String,
    transport: Transport,
    /// Writes of this process come one after the other.
    turn: Mutex<()>,
}

/// What a secret holds at one version.
struct Held {
    version: String,
    document: Document,
}

/// Which versions have the labels.
struct Stages {
    current: Option<String>,
    previous: Option<String>,
    /// It is to be deleted.
    ending: bool,
}

#[async_trait]
impl Store for SecretsManager {
    fn name(&self) -> &str {
        &self.name
    }

    async fn read(&self, path: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.held(path, None).await?.map(Held::entry))
    }

    async fn version(&self, path: &str) -> Result<Option<Version>, StoreError> {
        let stages = self.stages(path).await?.filter(|stages| !stages.ending);
        Ok(stages.and_then(|stages| stages.current).map(Version::Name))
    }

    async fn earlier(&self, path: &str, version: &Version) -> Result<Option<Entry>, StoreError> {
        Ok(self.held(path, Some(named(version)?)).await?.map(Held::entry))
    }

    async fn write(
        &self,
        path: &str,
        write: Write,
        expected: &Version,
        key: &str,
    ) -> Result<Version, StoreError> {
        let _turn = self.turn.lock().await;
        let held = self.held(path, None).await?;
        let found = held.as_ref().map_or(Version::NONE, |held| Version::Name(held.version.clone()));
        if found != *expected {
            return Err(conflict(path, expected, Some(found)));
        }
        let document = held.map(|held| held.document).unwrap_or_default().written(&write);
        let (Write::Merge(fields) | Write::Replace(fields)) = &write;
        let makes = expected.is_none() && self.stages(path).await?.is_none();
        let call = written(path, &document, makes, key);
        let call = fields.values().fold(call, |call, value| call.hiding(value.clone()));
        let version = match self.change(&call, key).await {
            Err(StoreError::Call(error)) if code(&error) == Some("ResourceExistsException") => {
                return Err(conflict(path, expected, None));
            }
            answer => answer?,
        };
        self.compare(path, expected, &version).await?;
        Ok(Version::Name(version))
    }

    async fn bring_back(
        &self,
        path: &str,
        earlier: &Version,
        now: &Version,
        key: &str,
    ) -> Result<Version, StoreError> {
        let _turn = self.turn.lock().await;
        let stages = self.stages(path).await?.filter(|stages| !stages.ending);
        let found = stages.and_then(|stages| stages.current).map_or(Version::NONE, Version::Name);
        if found != *now {
            return Err(conflict(path, now, Some(found)));
        }
        if earlier.is_none() && named(now)?.starts_with(MADE) {
            // It can be taken back for as long as the service keeps it: 30 days.
            let call = call("DeleteSecret", json!({ "SecretId": path }));
            self.transport.change(&call, key).await?;
            return Ok(Version::NONE);
        }
        if earlier.is_none() {
            // Somebody else's secret, which had no version: it keeps one, since AWSCURRENT can be moved but not taken away.
            let version = self.change(&written(path, &Document::default(), false, key), key).await?;
            self.compare(path, now, &version).await?;
            return Ok(Version::Name(version));
        }
        let (to, from) = (named(earlier)?, named(now)?);
        let body = json!({
            "SecretId": path, "VersionStage": CURRENT, "MoveToVersionId": to, "RemoveFromVersionId": from,
        });
        match self.transport.change(&call("UpdateSecretVersionStage", body), key).await {
            Err(error) if code(&error) == Some("InvalidParameterException") => {
                let found = self.version(path).await.ok().map(|found| found.unwrap_or(Version::NONE));
                // The label is where it was: what was refused is something else.
                if found.as_ref().is_none_or(|found| found == now) {
                    Err(error.into())
                } else {
                    Err(conflict(path, now, found))
                }
            }
            answer => answer.map(|_| earlier.clone()).map_err(StoreError::from),
        }
    }

    async fn check(&self) -> Vec<Check> {
        let (state, note) = match self.stages(PROBE).await {
            Ok(_) => (CheckState::Works, String::new()),
            Err(StoreError::Call(error)) => aws::refusal(&error, "secrets"),
            Err(error) => (CheckState::Unknown, error.to_string()),
        };
        vec![Check { what: "use the access key".to_owned(), state, note }]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

impl SecretsManager {
    /// What a secret holds at this version, or at `AWSCURRENT`; `None` where there is none of it.
    async fn held(&self, path: &str, version: Option<&str>) -> Result<Option<Held>, StoreError> {
        check_name(path)?;
        let body = match version {
            Some(version) => json!({ "SecretId": path, "VersionId": version }),
            None => json!({ "SecretId": path, "VersionStage": CURRENT }),
        };
        let mut answer = match self.transport.read(&call("GetSecretValue", body)).await {
            Ok(reply) => reply.json()?,
            Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(None),
            // Among other things it says so of a secret that is to be deleted.
            Err(error) if code(&error) == Some("InvalidRequestException") => {
                let ending = self.stages(path).await?.is_some_and(|stages| stages.ending);
                return if ending { Ok(None) } else { Err(error.into()) };
            }
            Err(error) => return Err(error.into()),
        };
        let held = held(path, &answer);
        wipe(&mut answer);
        held.map(Some)
    }

    /// Which versions have the labels; `None` where there is no such secret.
    async fn stages(&self, path: &str) -> Result<Option<Stages>, StoreError> {
        check_name(path)?;
        let answer = match self.transport.read(&call("DescribeSecret", json!({ "SecretId": path }))).await {
            Ok(reply) => reply.json()?,
            Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if !answer.get("Name").is_some_and(Value::is_string) {
            return Err(odd().into());
        }
        let versions = answer.get("VersionIdsToStages").and_then(Value::as_object);
        let with = |label: &str| {
            let has = |stages: &Value| {
                stages.as_array().is_some_and(|stages| stages.iter().any(|stage| stage == label))
            };
            versions?.iter().find(|(_, stages)| has(stages)).map(|(version, _)| version.clone())
        };
        let ending = answer.get("DeletedDate").is_some_and(|date| !date.is_null());
        Ok(Some(Stages { current: with(CURRENT), previous: with(PREVIOUS), ending }))
    }

    /// Sends a write, and gives the version that it made.
    async fn change(&self, call: &Call, key: &str) -> Result<String, StoreError> {
        let answer = self.transport.change(call, key).await?.json()?;
        let version = answer.get("VersionId").and_then(Value::as_str);
        Ok(version.ok_or_else(odd)?.to_owned())
    }

    /// Whether `version` took the place of `expected`, and of nothing that somebody wrote in between.
    async fn compare(&self, path: &str, expected: &Version, version: &str) -> Result<(), StoreError> {
        let lost = |what: String| Err(CallError::Lost { what }.into());
        let stages = match self.stages(path).await {
            Ok(Some(stages)) => stages,
            // What is read may lag behind what was written.
            Ok(None) => return Ok(()),
            Err(error) => return lost(format!("{version} was written, and cannot be compared: {error}")),
        };
        let name = |version: Option<String>| version.map_or(Version::NONE, Version::Name);
        let (current, previous) = (name(stages.current), name(stages.previous));
        if current == *expected {
            return Ok(());
        }
        if current != Version::Name(version.to_owned()) {
            return lost(format!("{version} was written, and then somebody else wrote {current}"));
        }
        if !expected.is_none() && previous != *expected {
            return lost(format!("{version} was written over {previous}, which somebody wrote in between"));
        }
        Ok(())
    }
}

impl Held {
    fn entry(self) -> Entry {
        Entry { version: Version::Name(self.version), fields: self.document.fields() }
    }
}

fn held(path: &str, answer: &Value) -> Result<Held, StoreError> {
    let version = answer.get("VersionId").and_then(Value::as_str).ok_or_else(odd)?.to_owned();
    let text = match (answer.get("SecretString"), answer.get("SecretBinary")) {
        (Some(Value::String(text)), _) => text,
        (_, Some(_)) => {
            return Err(StoreError::Invalid(format!("“{path}” holds bytes, not a text with JSON")));
        }
        _ => return Err(odd().into()),
    };
    let document = Document::parse(text).map_err(|why| StoreError::Invalid(format!("“{path}”: {why}")))?;
    Ok(Held { version, document })
}

/// A request of the service: the action is in a header, everything goes to the same path.
fn call(action: &'static str, body: Value) -> Call {
    let call = Call::post(&[]).named(action).header("x-amz-target", format!("secretsmanager.{action}"));
    call.body(Body::JsonAs("application/x-amz-json-1.1", body))
}

/// The request that writes a version, and `makes` the secret with it.
fn written(path: &str, document: &Document, makes: bool, key: &str) -> Call {
    let (action, name) = if makes { ("CreateSecret", "Name") } else { ("PutSecretValue", "SecretId") };
    let text = document.to_text();
    call(
        action,
        json!({
            name: path, "ClientRequestToken": token(path, makes, key), "SecretString": text.expose_secret(),
        }),
    )
}

/// The same for the same write, however often it is sent: then the service does it once. It becomes the version's name.
fn token(path: &str, makes: bool, key: &str) -> String {
    let digest = Sha256::new().chain_update(path).chain_update([0]).chain_update(key).finalize();
    let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let start = if makes { MADE } else { "" };
    start.chars().chain(digest.chars()).take(TOKEN).collect()
}

fn code(error: &CallError) -> Option<&str> {
    if let CallError::Refused { code, .. } = error { code.as_deref() } else { None }
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of AWS Secrets Manager".to_owned() }
}

fn conflict(path: &str, expected: &Version, found: Option<Version>) -> StoreError {
    StoreError::Conflict { path: path.to_owned(), expected: expected.clone(), found }
}

fn named(version: &Version) -> Result<&str, StoreError> {
    match version {
        Version::Name(name) => Ok(name),
        Version::Number(_) => Err(StoreError::Invalid(format!("Secrets Manager has no {version}"))),
    }
}

fn check_name(path: &str) -> Result<(), StoreError> {
    // Names and ARNs.
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "/_+=.@-:".contains(letter);
    if path.is_empty() || path.len() > LONGEST || !path.chars().all(fits) {
        let what = "is no name of a secret: letters, digits and /_+=.@- or its whole ARN";
        return Err(StoreError::Invalid(format!("“{path}” {what}")));
    }
    Ok(())
}
