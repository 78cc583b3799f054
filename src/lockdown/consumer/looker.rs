//! Connections of Looker. <https://cloud.google.com/looker/docs/reference/looker-api/latest/methods/Connection>
//!
//! `PATCH /connections/{name}` changes what it names. The password is never told; `PUT /connections/{name}/test` has Looker try the
//! connection, and changes nothing. There is no check-and-set.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{Consumer, ConsumerKind, Fields, Held, Opening, Runs, Tried, exposed};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, reversible};
use crate::lockdown::http::{Auth, Call, CallError, Stats, Transport};
use crate::lockdown::provider::{Check, CheckState, OpenError};

const USERNAME: &str = "username";
const PASSWORD: &str = "password";
/// The test that signs in.
const CONNECT: &str = "connect";
/// A connection that is asked for to see whether the token is taken; it need not be there.
const PROBE: &str = "portcullis";
/// The longest name that is asked for, in bytes.
const LONGEST: usize = 255;
/// Ways to sign in for which neither username nor password counts.
const OTHER_WAYS: [&str; 6] = [
    "uses_oauth",
    "uses_instance_oauth",
    "uses_key_pair_auth",
    "uses_service_auth",
    "uses_application_default_credentials",
    "user_db_credentials",
];

/// The kind.
pub const KIND: ConsumerKind = ConsumerKind {
    about: About {
        reads: &["connections that the inventory names: their username and how they sign in"],
        changes: &[reversible(super::system::REPOINT, "consumer")],
        needs: &["an access token of somebody who may manage connections"],
        cannot: &[
            "reading a password: the username stands for it, and Looker tries the connection",
            "a check-and-set: what somebody writes at the same moment is written over",
            "connections that sign in otherwise, by user attributes, or with another username for persistent tables",
        ],
    },
    spec: KindSpec {
        name: "looker",
        title: "Looker, connections",
        base_url: None,
        credential: "access token of the API, as POST /login answers it for an API key",
        settings: &[Setting {
            name: "base-url",
            about: "Address of the API, version 4.0.",
            value: SettingKind::Url,
            required: true,
            default: None,
            example: "https://acme.cloud.looker.com/api/4.0",
        }],
    },
    open,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature that all kinds share")]
fn open(opening: Opening) -> Result<Arc<dyn Consumer>, OpenError> {
    let auth = Auth::Header { name: "authorization", prefix: "token ", secret: opening.credential };
    Ok(Arc::new(Looker { transport: opening.transport.with_auth(auth), name: opening.name }))
}

struct Looker {
    name: String,
    transport: Transport,
}

impl Looker {
    async fn connection(&self, place: &str) -> Result<Map<String, Value>, CallError> {
        check_name(place)?;
        let wanted = ["name", USERNAME, "user_attribute_fields", "pdt_context_override"];
        let wanted: Vec<&str> = wanted.into_iter().chain(OTHER_WAYS).collect();
        let call = Call::get(&["connections", place]).query("fields", wanted.join(","));
        let answer = self.transport.read(&call).await?.json()?;
        let Value::Object(connection) = answer else { return Err(odd()) };
        if connection.get("name").is_some_and(Value::is_string) { Ok(connection) } else { Err(odd()) }
    }
}

#[async_trait]
impl Consumer for Looker {
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
        check_name(place)?;
        let call = Call::patch(&["connections", place]).json(Value::Object(exposed(&fields)));
        let call = fields.into_values().fold(call, Call::hiding);
        self.transport.change(&call, key).await.map(drop)
    }

    async fn tried(&self, place: &str) -> Result<Tried, CallError> {
        check_name(place)?;
        let call = Call::put(&["connections", place, "test"]).query("tests", CONNECT);
        tried(&self.transport.read(&call).await?.json()?)
    }

    async fn check(&self) -> Vec<Check> {
        let (state, note) = match self.connection(PROBE).await {
            Ok(_) => (CheckState::Works, String::new()),
            Err(error) => match error.status() {
                Some(404) => (CheckState::Works, String::new()),
                Some(401) => (CheckState::Missing, error.to_string()),
                _ => (CheckState::Unknown, error.to_string()),
            },
        };
        vec![Check { what: "use the access token".to_owned(), state, note }]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

fn held(connection: &Map<String, Value>) -> Result<Held, CallError> {
    let mut fields = Fields::new();
    if let Some(username) = connection.get(USERNAME).filter(|username| !username.is_null()) {
        fields.insert(USERNAME.to_owned(), SecretString::from(username.as_str().ok_or_else(odd)?));
    }
    Ok(Held { revision: String::new(), fields, untold: &[PASSWORD], runs: Runs::WithThis })
}

/// What else decides how the connection signs in.
fn hindrance(place: &str, connection: &Map<String, Value>) -> Option<String> {
    let is_on = |way: &&&str| connection.get(**way).is_some_and(|on| *on == true);
    if let Some(way) = OTHER_WAYS.iter().find(is_on) {
        return Some(format!("the connection {place} does not sign in with a username and password ({way})"));
    }
    let attributes = connection.get("user_attribute_fields").and_then(Value::as_array);
    let names = |own: &Value| own == USERNAME || own == PASSWORD;
    if attributes.is_some_and(|attributes| attributes.iter().any(names)) {
        return Some(format!("the connection {place} takes its username or password from user attributes"));
    }
    let pdt =
        connection.get("pdt_context_override").and_then(|pdt| pdt.get(USERNAME)).and_then(Value::as_str);
    pdt.filter(|own| !own.is_empty()).map(|_| {
        format!("the connection {place} signs in with another username for persistent tables, which stays what it is")
    })
}

/// Results have the codes `success` and `error` in the vendor's examples, and no page lists them.
fn tried(answer: &Value) -> Result<Tried, CallError> {
    let results = answer.as_array().ok_or_else(odd)?;
    let status =
        |result: &Value| result.get("status").and_then(Value::as_str).map(str::to_owned).ok_or_else(odd);
    let statuses = results.iter().map(status).collect::<Result<Vec<String>, _>>()?;
    Ok(if statuses.is_empty() {
        Tried::Unknown(format!(
            "Looker has no test `{CONNECT}` for this connection: look there whether it works"
        ))
    } else if statuses.iter().all(|status| status == "success") {
        Tried::Works
    } else if statuses.iter().any(|status| status == "error") {
        // What a test says may name the whole connection.
        Tried::Fails(format!("its test `{CONNECT}` ends with an error"))
    } else {
        Tried::Unknown(format!("its test `{CONNECT}` ends neither with success nor with an error"))
    })
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of Looker".to_owned() }
}

fn check_name(place: &str) -> Result<(), CallError> {
    let fits = |letter: char| letter.is_ascii_graphic() || letter == ' ';
    if place.is_empty() || place.len() > LONGEST || !place.chars().all(fits) {
        let message = format!("“{place}” is no name of a connection: at most {LONGEST} letters of ASCII");
        return Err(CallError::Refused { status: 0, code: None, message });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;

    fn connection(more: &Value) -> Map<String, Value> {
        let mut whole = json!({ "name": "bi", "username": "etl" }).as_object().unwrap().clone();
        whole.extend(more.as_object().unwrap().clone());
        whole
    }

    #[test]
    fn a_username_is_told_and_a_password_never() {
        let one = held(&connection(&json!({}))).unwrap();
        assert_eq!(one.fields[USERNAME].expose_secret(), "etl");
        assert_eq!((one.untold, one.fields.len()), (&[PASSWORD][..], 1));
        assert!(held(&connection(&json!({ "username": null }))).unwrap().fields.is_empty());
        assert!(held(&connection(&json!({ "username": ["etl"] }))).is_err());
    }

    #[test]
    fn whatever_else_decides_how_it_signs_in_is_a_hindrance() {
        let told = |more: &Value| hindrance("bi", &connection(more));
        let none = json!({
            "uses_oauth": false, "user_db_credentials": null, "user_attribute_fields": ["schema"],
            "pdt_context_override": { "username": "", "host": "h" },
        });
        assert_eq!((told(&json!({})), told(&none)), (None, None));
        for (more, part) in [
            (json!({ "uses_key_pair_auth": true }), "uses_key_pair_auth"),
            (json!({ "user_db_credentials": true }), "user_db_credentials"),
            (json!({ "user_attribute_fields": ["password"] }), "user attributes"),
            (json!({ "pdt_context_override": { "username": "pdt" } }), "persistent tables"),
        ] {
            assert!(told(&more).is_some_and(|why| why.contains(part)), "{more}");
        }
    }

    #[test]
    fn only_success_everywhere_is_success() {
        let of = |statuses: &[&str]| {
            let results = statuses
                .iter()
                .map(|status| json!({ "name": "connect", "status": status, "message": "CANARY" }));
            tried(&Value::Array(results.collect())).unwrap()
        };
        assert_eq!(of(&["success", "success"]), Tried::Works);
        assert!(matches!(of(&["success", "error"]), Tried::Fails(why) if !why.contains("CANARY")));
        assert!(matches!(of(&["success", "warning"]), Tried::Unknown(_)));
        assert!(matches!(of(&[]), Tried::Unknown(_)));
        for odd in [json!({}), json!([1]), json!([{ "name": "connect" }]), json!("success")] {
            assert!(tried(&odd).is_err(), "{odd}");
        }
    }
}
