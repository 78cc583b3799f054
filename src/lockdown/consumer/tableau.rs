//! Connections of data sources and workbooks of Tableau, on a site of Tableau Cloud or Tableau Server.
//! <https://help.tableau.com/current/api/rest_api/en-us/REST/rest_api_ref_data_sources.htm>
//!
//! A connection tells its user name and never its password; an update sets what it names. Whether it gets in shows a refresh of
//! the extract alone: a job, whose name the answer has (`Trials`). A refresh that is queued already is not queued twice (409093).
//! What has no extract is read live, and no call tries that. There is no check-and-set.
//!
//! A personal access token signs in; the session's token goes with every request. One token has one session: signing in once more,
//! from wherever, ends the one before, after which this one signs in anew.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::{Consumer, ConsumerKind, Fields, Held, Opening, Outcome, Runs, Trials, exposed};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, reversible};
use crate::lockdown::http::{Call, CallError, Session, SignIn, Stats, Transport};
use crate::lockdown::provider::{Check, CheckState, OpenError};

const USERNAME: &str = "userName";
const PASSWORD: &str = "password";
const EMBEDDED: &str = "embedPassword";
const TOKEN_NAME: &str = "token-name";
/// A session lasts two hours on Tableau Cloud, four on Tableau Server unless its administrator says otherwise.
const LASTS: Duration = Duration::from_mins(100);
/// A refresh of the same is queued.
const QUEUED: &str = "409093";
/// The longest identifier that is asked for.
const LONGEST: usize = 64;

/// The kind.
pub const KIND: ConsumerKind = ConsumerKind {
    about: About {
        reads: &[
            "connections that the inventory names: their user name and how they sign in",
            "whether their data source or workbook has an extract",
            "the refresh that was begun",
        ],
        changes: &[
            reversible(super::system::REPOINT, "consumer"),
            reversible(super::system::TRY, "consumer"),
        ],
        needs: &[
            "a personal access token of an owner of the data sources and workbooks, or of an administrator of the site",
            "that nothing else signs in with this token: it has one session at a time",
        ],
        cannot: &[
            "reading a password: the user name stands for it, and a refresh of the extract tries it",
            "trying what has no extract: a person opens it, and leaves the step out",
            "a check-and-set: what somebody writes at the same moment is written over",
            "connections that keep no password, or sign in otherwise",
            "virtual connections and flows",
        ],
    },
    spec: KindSpec {
        name: "tableau",
        title: "Tableau, connections of data sources and workbooks",
        base_url: None,
        credential: "secret of a personal access token",
        settings: &[
            Setting {
                name: "base-url",
                about: "Address of the REST API with its version.",
                value: SettingKind::Url,
                required: true,
                default: None,
                example: "https://10ax.online.tableau.com/api/3.24",
            },
            Setting {
                name: TOKEN_NAME,
                about: "Name of the personal access token whose secret is the credential.",
                value: SettingKind::Text,
                required: true,
                default: None,
                example: "portcullis",
            },
            Setting {
                name: "site",
                about: "The site as it stands in its address; the default site of Tableau Server without.",
                value: SettingKind::Text,
                required: false,
                default: None,
                example: "acme",
            },
        ],
    },
    open,
};

fn open(opening: Opening) -> Result<Arc<dyn Consumer>, OpenError> {
    let Opening { name, settings, credential, transport } = opening;
    let token = settings.text(TOKEN_NAME);
    let token = token.ok_or_else(|| OpenError(format!("consumer {name}: `{TOKEN_NAME}` is missing")))?;
    let body = json!({ "credentials": {
        "personalAccessTokenName": token, "personalAccessTokenSecret": credential.expose_secret(),
        "site": { "contentUrl": settings.text("site").unwrap_or_default() },
    } });
    let transport = transport.with_sign_in(SignIn {
        id: token.to_owned(),
        secret: credential,
        call: Call::post(&["auth", "signin"]).named("the sign-in").json(body),
        header: "x-tableau-auth",
        read: session,
        advice: "look whether `token-name`, `credential` and `site` belong together, and whether the token has expired or was \
                 revoked: one that is not used for 15 days expires",
    });
    Ok(Arc::new(Tableau { name, transport }))
}

/// The session that a sign-in has begun, and the identifier of its site.
fn session(answer: &mut Value) -> Result<Session, String> {
    let odd = || "the answer is not that of a sign-in to Tableau".to_owned();
    let credentials = answer.get_mut("credentials").ok_or_else(odd)?;
    let site = credentials.pointer("/site/id").and_then(Value::as_str).map(str::to_owned);
    let site = site.filter(|site| is_id(site)).ok_or_else(odd)?;
    let Some(Value::String(token)) = credentials.get_mut("token").map(Value::take) else {
        return Err(odd());
    };
    Ok(Session { token: SecretString::from(token), lasts: LASTS, about: site })
}

struct Tableau {
    name: String,
    transport: Transport,
}

impl Tableau {
    /// `GET` of what lies below the site, as JSON.
    async fn get(&self, below: &[&str]) -> Result<Value, CallError> {
        let site = self.transport.session().await?;
        self.transport.read(&Call::get(&on(&site, below))).await?.json()
    }

    async fn connection(&self, place: &str) -> Result<Map<String, Value>, CallError> {
        let at = Place::of(place)?;
        let answer = self.get(&[at.kind, at.id, "connections"]).await?;
        at.found(answer)
    }
}

#[async_trait]
impl Consumer for Tableau {
    fn name(&self) -> &str {
        &self.name
    }

    async fn read(&self, place: &str) -> Result<Held, CallError> {
        held(&self.connection(place).await?)
    }

    async fn hindrance(&self, place: &str) -> Result<Option<String>, CallError> {
        Ok(hindrance(place, &self.connection(place).await?))
    }

    async fn write(&self, place: &str, fields: Fields, _: Held, key: &str) -> Result<(), CallError> {
        let at = Place::of(place)?;
        let site = self.transport.session().await.map_err(CallError::unsent)?;
        let mut connection = exposed(&fields);
        // No page says that a password is kept where this is not said; only connections that keep one are written.
        connection.insert(EMBEDDED.to_owned(), json!(true));
        let call = Call::put(&on(&site, &[at.kind, at.id, "connections", at.connection]));
        let call = call.json(json!({ "connection": connection }));
        let call = fields.into_values().fold(call, Call::hiding);
        self.transport.change(&call, key).await.map(drop)
    }

    fn trials(&self) -> Option<&dyn Trials> {
        Some(self)
    }

    async fn check(&self) -> Vec<Check> {
        let (state, note) = match self.transport.session().await {
            Ok(_) => (CheckState::Works, String::new()),
            Err(error @ CallError::Refused { .. }) => (CheckState::Missing, error.to_string()),
            Err(error) => (CheckState::Unknown, error.to_string()),
        };
        vec![Check { what: "sign in with the personal access token".to_owned(), state, note }]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

#[async_trait]
impl Trials for Tableau {
    async fn begin(&self, place: &str, key: &str) -> Result<String, CallError> {
        let at = Place::of(place)?;
        let content = self.get(&[at.kind, at.id]).await.map_err(CallError::unsent)?;
        if at.is_live(&content) {
            return Err(refused(format!("{}/{} has no extract: {BY_HAND}", at.kind, at.id)));
        }
        let site = self.transport.session().await.map_err(CallError::unsent)?;
        let call = Call::post(&on(&site, &[at.kind, at.id, "refresh"])).json(json!({}));
        match self.transport.change(&call, key).await {
            Ok(reply) => job_of(&reply.json()?),
            Err(CallError::Refused { code: Some(code), .. }) if code == QUEUED => Err(CallError::NotSent {
                what: format!(
                    "a refresh of {}/{} is queued already: run this again when it is over",
                    at.kind, at.id
                ),
            }),
            Err(CallError::Refused { status, code, message }) if !matches!(status, 401 | 403 | 404) => {
                Err(CallError::Refused {
                    status,
                    code,
                    message: format!("{message}; if it has no extract, {BY_HAND}"),
                })
            }
            Err(error) => Err(error),
        }
    }

    async fn outcome(&self, _: &str, name: &str) -> Result<Outcome, CallError> {
        if !is_id(name) {
            return Err(refused(format!("“{name}” is no identifier of a job")));
        }
        match self.get(&["jobs", name]).await {
            Ok(answer) => outcome(name, &answer),
            Err(error) if error.status() == Some(404) => {
                Ok(Outcome::Fails(format!("the job {name} is not there any more")))
            }
            Err(error) => Err(error),
        }
    }
}

/// What a person does where there is no extract to refresh.
const BY_HAND: &str =
    "no call tries its connection: open it in Tableau, and once it shows data leave this step out (--skip)";

/// A connection of a data source or a workbook.
struct Place<'a> {
    whole: &'a str,
    /// `datasources` or `workbooks`, as in its path.
    kind: &'a str,
    id: &'a str,
    connection: &'a str,
}

impl<'a> Place<'a> {
    fn of(place: &'a str) -> Result<Self, CallError> {
        let parts: Vec<&str> = place.split('/').collect();
        match parts.as_slice() {
            [kind @ ("datasources" | "workbooks"), id, "connections", connection]
                if is_id(id) && is_id(connection) =>
            {
                Ok(Self { whole: place, kind, id, connection })
            }
            _ => Err(refused(format!(
                "“{place}” is no connection: datasources/ID/connections/ID, or workbooks/ID/connections/ID"
            ))),
        }
    }

    /// This connection, of all that its data source or workbook has.
    fn found(&self, mut answer: Value) -> Result<Map<String, Value>, CallError> {
        let all = answer.get_mut("connections").and_then(Value::as_object_mut).ok_or_else(odd)?;
        let all = match all.remove("connection") {
            Some(Value::Array(all)) => all,
            None => Vec::new(),
            Some(_) => return Err(odd()),
        };
        let is_it = |one: &Value| one.get("id").and_then(Value::as_str) == Some(self.connection);
        match all.into_iter().find(is_it) {
            Some(Value::Object(connection)) => Ok(connection),
            _ => Err(refused(format!("there is no {}", self.whole))),
        }
    }

    /// Whether the data source or workbook says that it has no extract. Where it says nothing, the refresh tells.
    fn is_live(&self, answer: &Value) -> bool {
        let content = answer.get(self.kind.trim_end_matches('s'));
        let extracts = content.and_then(|content| content.get("hasExtracts"));
        extracts.is_some_and(|extracts| is(extracts, false))
    }
}

fn held(connection: &Map<String, Value>) -> Result<Held, CallError> {
    let mut fields = Fields::new();
    if let Some(username) = connection.get(USERNAME).filter(|username| !username.is_null()) {
        let username = username.as_str().ok_or_else(odd)?;
        if !username.is_empty() {
            fields.insert(USERNAME.to_owned(), SecretString::from(username));
        }
    }
    Ok(Held { revision: String::new(), fields, untold: &[PASSWORD], runs: Runs::WithThis })
}

/// What keeps the connection from signing in with the two.
fn hindrance(place: &str, connection: &Map<String, Value>) -> Option<String> {
    let is_on = |name: &str| connection.get(name).is_some_and(|flag| is(flag, true));
    if !is_on(EMBEDDED) {
        return Some(format!(
            "{place} is not said to keep a password ({EMBEDDED}): whoever opens it may be asked for one"
        ));
    }
    if is_on("useOAuthManagedKeychain") {
        return Some(format!("{place} signs in by OAuth, not with a password"));
    }
    // Their names are the connectors' own: `username-password`, `auth-user-pass`, `auth-keypair`, `oauth`.
    let way = connection.get("authenticationType").and_then(Value::as_str).unwrap_or_default();
    (!way.is_empty() && !way.contains("pass"))
        .then(|| format!("{place} signs in otherwise than with a user name and password ({way})"))
}

fn job_of(answer: &Value) -> Result<String, CallError> {
    let id = answer.pointer("/job/id").and_then(Value::as_str).filter(|id| is_id(id));
    id.map(str::to_owned).ok_or_else(odd)
}

/// A job says how it ended when it has. Its notes may repeat what a data source answered, and are not shown.
fn outcome(name: &str, answer: &Value) -> Result<Outcome, CallError> {
    let job = answer.get("job").and_then(Value::as_object).ok_or_else(odd)?;
    let ended = job.get("completedAt").and_then(Value::as_str).is_some_and(|then| !then.is_empty());
    if !ended {
        let progress = job.get("progress").and_then(number);
        let progress = progress.map_or_else(String::new, |percent| format!(" ({percent} %)"));
        return Ok(Outcome::UnderWay(format!("the refresh (job {name}) is not over{progress}")));
    }
    Ok(match job.get("finishCode").and_then(number) {
        Some(0) => Outcome::Works,
        Some(1) => Outcome::Fails(format!(
            "the refresh (job {name}) ended with an error: its notes are under Jobs in Tableau; this run again begins another one"
        )),
        Some(2) => Outcome::Fails(format!(
            "the refresh (job {name}) was cancelled; this run again begins another one"
        )),
        other => Outcome::Unknown(format!(
            "the refresh (job {name}) ended with the code {other:?}, which no page explains: look under Jobs in Tableau"
        )),
    })
}

/// A whole number, or the same as text, which XML has and some versions keep in JSON.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// The same for what is true or false.
fn is(value: &Value, wanted: bool) -> bool {
    match value {
        Value::Bool(flag) => *flag == wanted,
        Value::String(text) => text.eq_ignore_ascii_case(if wanted { "true" } else { "false" }),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// A path below the site.
fn on<'a>(site: &'a str, below: &[&'a str]) -> Vec<&'a str> {
    ["sites", site].into_iter().chain(below.iter().copied()).collect()
}

fn is_id(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of Tableau".to_owned() }
}

fn refused(message: String) -> CallError {
    CallError::Refused { status: 0, code: None, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "datasources/d-1/connections/c-1";

    fn connection(more: &Value) -> Map<String, Value> {
        let mut whole =
            json!({ "id": "c-1", "userName": "etl", "embedPassword": true }).as_object().unwrap().clone();
        whole.extend(more.as_object().unwrap().clone());
        whole
    }

    #[test]
    fn a_place_is_a_connection_and_nothing_else() {
        for place in [PLACE, "workbooks/9dbd2263-16b5-46e1-9c43-a76bb8ab65fb/connections/C"] {
            let at = Place::of(place).unwrap();
            assert_eq!(format!("{}/{}/connections/{}", at.kind, at.id, at.connection), place);
        }
        for bad in [
            "",
            "datasources/d",
            "datasources/d/connections/",
            "datasources//connections/c",
            "datasources/../connections/c",
            "datasources/d/connections/c/",
            "datasources/d/connections/c?x",
            "flows/f/connections/c",
            "datasources/d/keychain/c",
            "datasources/é/connections/c",
            &format!("datasources/{}/connections/c", "x".repeat(65)),
        ] {
            assert!(Place::of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_connection_is_found_by_its_identifier_among_all() {
        let find = |answer: Value| Place::of(PLACE).unwrap().found(answer).map_err(|error| error.to_string());
        let two = json!({ "connections": { "connection": [{ "id": "c-2", "userName": "CANARY" }, { "id": "c-1" }] } });
        assert_eq!(find(two).unwrap()["id"], "c-1");
        for none in [json!({}), json!({ "connection": [] }), json!({ "connection": [{ "id": 1 }, "c-1"] })] {
            let why = find(json!({ "connections": none })).unwrap_err();
            assert!(why.contains(&format!("there is no {PLACE}")), "{why}");
        }
        for odd in [
            json!({}),
            json!([]),
            json!({ "connections": [] }),
            json!({ "connections": { "connection": "c-1" } }),
        ] {
            assert!(find(odd.clone()).unwrap_err().contains("not that of Tableau"), "{odd}");
        }
    }

    #[test]
    fn a_user_name_is_told_and_a_password_never() {
        let one = held(&connection(&json!({}))).unwrap();
        assert_eq!(one.fields[USERNAME].expose_secret(), "etl");
        assert_eq!((one.untold, one.fields.len()), (&[PASSWORD][..], 1));
        for none in [json!(null), json!("")] {
            assert!(held(&connection(&json!({ "userName": none }))).unwrap().fields.is_empty());
        }
        assert!(held(&connection(&json!({ "userName": ["etl"] }))).is_err());
    }

    #[test]
    fn whatever_else_decides_how_it_signs_in_is_a_hindrance() {
        let told = |more: &Value| hindrance("it", &connection(more));
        for fine in [
            json!({}),
            json!({ "embedPassword": "true", "authenticationType": "auth-user-pass" }),
            json!({ "authenticationType": "username-password", "useOAuthManagedKeychain": false }),
            json!({ "authenticationType": "" }),
        ] {
            assert_eq!(told(&fine), None, "{fine}");
        }
        for (more, part) in [
            (json!({ "embedPassword": false }), "keep a password"),
            (json!({ "embedPassword": "false" }), "keep a password"),
            (json!({ "embedPassword": null }), "keep a password"),
            (json!({ "embedPassword": 1 }), "keep a password"),
            (json!({ "useOAuthManagedKeychain": true }), "OAuth"),
            (json!({ "authenticationType": "oauth" }), "(oauth)"),
            (json!({ "authenticationType": "auth-keypair" }), "(auth-keypair)"),
        ] {
            assert!(told(&more).is_some_and(|why| why.contains(part)), "{more}");
        }
    }

    #[test]
    fn only_success_is_success() {
        let of = |job: Value| outcome("j-1", &json!({ "job": job })).unwrap();
        let ended = |code: Value| {
            of(json!({ "completedAt": "2026-05-01T02:14:09Z", "finishCode": code, "progress": 100 }))
        };
        assert_eq!((ended(json!(0)), ended(json!("0"))), (Outcome::Works, Outcome::Works));
        for (code, part) in
            [(json!(1), "ended with an error"), (json!("1"), "ended with an error"), (json!(2), "cancelled")]
        {
            assert!(matches!(ended(code.clone()), Outcome::Fails(why) if why.contains(part)), "{code}");
        }
        for code in [json!(3), json!(null), json!("zero"), json!(-1), json!({})] {
            assert!(matches!(ended(code.clone()), Outcome::Unknown(_)), "{code}");
        }
        // The code counts when the job is over.
        let notes = json!({ "finishCode": 0, "progress": "40", "extractRefreshJob": { "notes": "CANARY" } });
        assert!(
            matches!(of(notes), Outcome::UnderWay(what) if what.contains("40 %") && !what.contains("CANARY"))
        );
        assert!(matches!(of(json!({ "completedAt": "", "finishCode": 0 })), Outcome::UnderWay(_)));
        for odd in [json!({}), json!([]), json!({ "job": [] }), json!({ "job": "done" })] {
            assert!(outcome("j-1", &odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_is_live_says_so() {
        let live = |answer: &Value| Place::of(PLACE).unwrap().is_live(answer);
        for yes in [json!(false), json!("false")] {
            assert!(live(&json!({ "datasource": { "hasExtracts": yes } })));
        }
        for no in [json!({}), json!({ "hasExtracts": true }), json!({ "hasExtracts": null })] {
            assert!(!live(&json!({ "datasource": no })));
        }
        assert!(!live(&json!({ "workbook": { "hasExtracts": false } })));
    }

    #[test]
    fn a_sign_in_gives_a_token_and_a_site_or_nothing() {
        let whole =
            json!({ "credentials": { "token": "CANARY|x", "site": { "id": "s-1", "contentUrl": "acme" } } });
        let given = session(&mut whole.clone()).unwrap();
        assert_eq!((given.token.expose_secret(), given.about.as_str()), ("CANARY|x", "s-1"));
        for odd in [
            json!({}),
            json!({ "credentials": { "token": "CANARY" } }),
            json!({ "credentials": { "token": ["CANARY"], "site": { "id": "s-1" } } }),
            json!({ "credentials": { "token": "CANARY", "site": { "id": "../x" } } }),
            json!("CANARY"),
        ] {
            let why = session(&mut odd.clone()).map(drop).unwrap_err();
            assert!(!why.contains("CANARY"), "{why}");
        }
        for (answer, job) in
            [(json!({ "job": { "id": "j-1" } }), Some("j-1")), (json!({ "job": { "id": "../x" } }), None)]
        {
            assert_eq!(job_of(&answer).ok().as_deref(), job);
        }
    }
}
