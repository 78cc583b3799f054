//! Google Cloud Secret Manager. <https://cloud.google.com/secret-manager/docs/reference/rest>
//!
//! The fields of an entry are the members of the JSON object that the secret's text is. A write adds a version, whose
//! number tells whether anybody else has added one in between. What `latest` stands for may lag, whereas a version that
//! was added can be accessed by its number at once: reads go on from `latest` by number.

mod crc;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use self::crc::crc32c;
use super::document::Document;
use super::system::DISABLES;
use super::{DISABLE_OLD, Entry, Opening, Store, StoreError, StoreKind, Version, Write};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, reversible};
use crate::lockdown::google::{TOKEN_URL, cloud};
use crate::lockdown::http::{Call, CallError, Stats, Transport, wipe};
use crate::lockdown::provider::{Check, CheckState, OpenError};

/// Versions by which `latest` may lag.
const LAG: u64 = 50;
/// A secret whose permissions are asked for to see whether the token is taken; it need not be there.
const PROBE: &str = "portcullis";

/// The code of the vendor's own answer that there is no such secret or version.
const NOT_FOUND: &str = "404";

/// The kind.
pub const KIND: StoreKind = StoreKind {
    about: About {
        reads: &["the secrets of integrations, at the newest version and at the one before"],
        changes: &[reversible("put", "secret"), DISABLES],
        needs: &[
            "secretmanager.versions.access, get and add on the secrets",
            "secretmanager.versions.disable and enable for `disable-old`, and for secrets that had no version",
        ],
        cannot: &[
            "a check-and-set of the version that is replaced: it is compared before and after",
            "making a secret that is not there: it takes two requests; make it without a version before",
            "telling consumers that read a secret once: they are started anew",
        ],
    },
    spec: KindSpec {
        name: "gcp-secret-manager",
        title: "Google Cloud Secret Manager",
        base_url: Some("https://secretmanager.googleapis.com"),
        credential: "access token with the scope cloud-platform, such as command:gcloud auth print-access-token, or the key file (JSON) of a service account",
        settings: &[
            Setting {
                name: "project",
                about: "Project with the secrets.",
                value: SettingKind::Text,
                required: true,
                default: None,
                example: "acme-analytics",
            },
            Setting {
                name: "location",
                about: "Location of regional secrets, which have a `base-url` of their own.",
                value: SettingKind::Text,
                required: false,
                default: None,
                example: "europe-west3",
            },
            DISABLE_OLD,
            TOKEN_URL,
        ],
    },
    entry: None,
    open,
};

fn open(opening: Opening) -> Result<Arc<dyn Store>, OpenError> {
    let lacks = |what: &str| OpenError(format!("store {}: {what}", opening.name));
    let transport = opening.transport.as_ref().ok_or_else(|| lacks("`base-url` is missing"))?;
    let secret = opening.credential.clone().ok_or_else(|| lacks("`credential` is missing"))?;
    let project = opening.settings.text("project").ok_or_else(|| lacks("`project` is missing"))?;
    let mut parent = vec!["v1".to_owned(), "projects".to_owned(), project.to_owned()];
    if let Some(location) = opening.settings.text("location") {
        parent.extend(["locations".to_owned(), location.to_owned()]);
    }
    // A project may have a domain before it: `acme.example:analytics`.
    let fits =
        |part: &String| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte));
    if !parent.iter().all(|part| !part.is_empty() && fits(part)) {
        return Err(lacks("`project` and `location` have letters, digits and -"));
    }
    let transport = cloud(transport, secret, &opening.settings).map_err(|why| lacks(&why))?;
    let disables_old = opening.settings.flag(DISABLE_OLD.name).unwrap_or_default();
    let turn = Mutex::new(());
    Ok(Arc::new(SecretManager { name: opening.name, transport, parent, disables_old, turn }))
}

struct SecretManager {
    name: String,
    transport: Transport,
    /// Segments of the path above the secrets.
    parent: Vec<String>,
    disables_old: bool,
    /// Writes of this process come one after the other.
    turn: Mutex<()>,
}

/// A version, as far as it can be accessed.
struct Held {
    version: u64,
    /// `None`: disabled or destroyed.
    document: Option<Document>,
}

#[async_trait]
impl Store for SecretManager {
    fn name(&self) -> &str {
        &self.name
    }

    async fn read(&self, path: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.newest(path).await?.map(Held::entry))
    }

    async fn earlier(&self, path: &str, version: &Version) -> Result<Option<Entry>, StoreError> {
        let held = self.access(path, &version.number()?.to_string()).await?;
        Ok(held.filter(|held| held.document.is_some()).map(Held::entry))
    }

    async fn write(
        &self,
        path: &str,
        write: Write,
        expected: &Version,
        key: &str,
    ) -> Result<Version, StoreError> {
        let _turn = self.turn.lock().await;
        let held = self.newest(path).await?;
        let before = expected.number()?;
        let found = held.as_ref().map_or(0, |held| held.version);
        if found != before {
            return Err(conflict(path, before, found));
        }
        let document = held.and_then(|held| held.document).unwrap_or_default().written(&write);
        let (Write::Merge(fields) | Write::Replace(fields)) = &write;
        let text = document.to_text();
        let bytes = text.expose_secret().as_bytes();
        let payload = json!({ "data": STANDARD.encode(bytes), "dataCrc32c": crc32c(bytes).to_string() });
        let call = self.call(Call::post, path, ":addVersion", None)?.json(json!({ "payload": payload }));
        let call = fields.values().fold(call, |call, value| call.hiding(value.clone()));
        let answer = self.transport.change(&call, key).await?.json()?;
        let version = number(&answer).ok_or_else(odd)?;
        self.compare(path, before, version, bytes).await?;
        Ok(version.into())
    }

    async fn bring_back(
        &self,
        path: &str,
        earlier: &Version,
        now: &Version,
        key: &str,
    ) -> Result<Version, StoreError> {
        if !earlier.is_none() {
            let gone = || StoreError::Invalid(format!("{earlier} of “{path}” cannot be accessed any more"));
            let fields = self.earlier(path, earlier).await?.ok_or_else(gone)?.fields;
            return self.write(path, Write::Replace(fields), now, key).await;
        }
        let _turn = self.turn.lock().await;
        let now = now.number()?;
        let found = self.newest(path).await?.map_or(0, |held| held.version);
        if found != now {
            return Err(conflict(path, now, found));
        }
        // There was no version, and none can be taken away for a while: this one is shut.
        self.enable(path, &now.into(), false, key).await?;
        Ok(now.into())
    }

    fn disables_old(&self) -> bool {
        self.disables_old
    }

    async fn is_enabled(&self, path: &str, version: &Version) -> Result<Option<bool>, StoreError> {
        let held = self.access(path, &version.number()?.to_string()).await?;
        Ok(held.map(|held| held.document.is_some()))
    }

    async fn enable(
        &self,
        path: &str,
        version: &Version,
        enabled: bool,
        key: &str,
    ) -> Result<(), StoreError> {
        let verb = if enabled { "enable" } else { "disable" };
        let version = format!("{}:{verb}", version.number()?);
        let call = self.call(Call::post, path, "", Some(&version))?.json(json!({}));
        self.transport.change(&call, key).await?;
        Ok(())
    }

    async fn check(&self) -> Vec<Check> {
        // It changes nothing, although it is a POST, and says nothing of a secret that is not there.
        let asked = json!({ "permissions": ["secretmanager.versions.access", "secretmanager.versions.add"] });
        let reply = match self.call(Call::post, PROBE, ":testIamPermissions", None) {
            Ok(call) => self.transport.read(&call.json(asked)).await,
            Err(error) => Err(CallError::NotSent { what: error.to_string() }),
        };
        let (state, note) = match reply {
            Ok(_) => (CheckState::Works, "what it may do with single secrets cannot be listed".to_owned()),
            Err(error) => refusal(&error),
        };
        vec![Check { what: "use the access token".to_owned(), state, note }]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

impl SecretManager {
    /// A request for a secret, or for one of its versions; `action` is what stands behind the secret's name.
    fn call(
        &self,
        make: fn(&[&str]) -> Call,
        path: &str,
        action: &str,
        version: Option<&str>,
    ) -> Result<Call, StoreError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if path.is_empty() || path.len() > 255 || !path.bytes().all(fits) {
            let what = "is no name of a secret: it has 1 to 255 letters, digits, - and _";
            return Err(StoreError::Invalid(format!("“{path}” {what}")));
        }
        let secret = format!("{path}{action}");
        let mut segments: Vec<&str> = self.parent.iter().map(String::as_str).collect();
        segments.extend(["secrets", &secret]);
        if let Some(version) = version {
            segments.extend(["versions", version]);
        }
        Ok(make(&segments))
    }

    /// The newest version; `None` where the secret is not there, or has none.
    async fn newest(&self, path: &str) -> Result<Option<Held>, StoreError> {
        let Some(mut held) = self.access(path, "latest").await? else { return Ok(None) };
        for _ in 0..LAG {
            match self.access(path, &(held.version + 1).to_string()).await? {
                Some(next) => held = next,
                None => return Ok(Some(held)),
            }
        }
        Err(StoreError::Invalid(format!(
            "“{path}” has {LAG} versions after the one that is said to be the latest"
        )))
    }

    /// One version, by its number or alias.
    async fn access(&self, path: &str, version: &str) -> Result<Option<Held>, StoreError> {
        let call = self.call(Call::get, path, "", Some(&format!("{version}:access")))?;
        let mut answer = match self.transport.read(&call).await {
            Ok(reply) => reply.json()?,
            Err(error) if error.is_missing(NOT_FOUND) => return Ok(None),
            // Among other things it says so of a version that is disabled or destroyed.
            Err(error) if error.status() == Some(400) => return self.shut(path, version, error).await,
            Err(error) => return Err(error.into()),
        };
        let held = held(path, &answer);
        wipe(&mut answer);
        held.map(Some)
    }

    /// A version that cannot be accessed, if that is why; else the error.
    async fn shut(&self, path: &str, version: &str, error: CallError) -> Result<Option<Held>, StoreError> {
        let answer = self.transport.read(&self.call(Call::get, path, "", Some(version))?).await?.json()?;
        let shut = matches!(answer.get("state").and_then(Value::as_str), Some("DISABLED" | "DESTROYED"));
        match number(&answer) {
            Some(version) if shut => Ok(Some(Held { version, document: None })),
            _ => Err(error.into()),
        }
    }

    /// Whether `version` came right after `before`, and holds what was written.
    async fn compare(&self, path: &str, before: u64, version: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let lost = |what: String| Err(CallError::Lost { what }.into());
        if version != before + 1 {
            return lost(format!(
                "version {version} was written, over one that somebody wrote after version {before}"
            ));
        }
        let held = match self.access(path, &version.to_string()).await {
            Ok(held) => held.and_then(|held| held.document).map(|document| document.to_text()),
            Err(error) => {
                return lost(format!("version {version} was written, and cannot be compared: {error}"));
            }
        };
        if held.is_none_or(|held| held.expose_secret().as_bytes() != bytes) {
            return lost(format!("version {version} does not hold what was written"));
        }
        Ok(())
    }
}

impl Held {
    fn entry(self) -> Entry {
        let fields = self.document.map(|document| document.fields()).unwrap_or_default();
        Entry { version: self.version.into(), fields }
    }
}

fn held(path: &str, answer: &Value) -> Result<Held, StoreError> {
    let invalid = |why: &str| StoreError::Invalid(format!("“{path}”: {why}"));
    let version = number(answer).ok_or_else(odd)?;
    let data = answer.pointer("/payload/data").and_then(Value::as_str).unwrap_or_default();
    let bytes = Zeroizing::new(STANDARD.decode(data).map_err(|_secret| odd())?);
    // A number of 64 bits comes as a text.
    let said = answer.pointer("/payload/dataCrc32c");
    let said = said.and_then(|said| said.as_str().map_or_else(|| said.as_u64(), |said| said.parse().ok()));
    if said.is_some_and(|said| said != u64::from(crc32c(&bytes))) {
        let what = format!("“{path}” was damaged on its way: its checksum is another one");
        return Err(CallError::Lost { what }.into());
    }
    let text =
        std::str::from_utf8(&bytes).map_err(|_secret| invalid("it holds bytes, not a text with JSON"))?;
    let document = Document::parse(text).map_err(|why| invalid(&why))?;
    Ok(Held { version, document: Some(document) })
}

/// The number in `projects/1/secrets/a/versions/7`.
fn number(answer: &Value) -> Option<u64> {
    answer.get("name")?.as_str()?.rsplit_once("/versions/")?.1.parse().ok()
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of Secret Manager".to_owned() }
}

fn conflict(path: &str, expected: u64, found: u64) -> StoreError {
    StoreError::Conflict { path: path.to_owned(), expected: expected.into(), found: Some(found.into()) }
}

fn refusal(error: &CallError) -> (CheckState, String) {
    let refused = matches!(error.status(), Some(400 | 401 | 403 | 404));
    (if refused { CheckState::Missing } else { CheckState::Unknown }, error.to_string())
}
