//! Users of Snowflake that a pipeline loads with. <https://docs.snowflake.com/en/sql-reference/sql/alter-user>
//!
//! A user that is disabled can neither log in nor run queries; `ABORT ALL QUERIES` ends those that run. Statements go through the SQL
//! API (`POST /api/v2/statements`), which needs no warehouse for them. Names stand in them as quoted identifiers, exactly as they
//! are, with their quotes doubled.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{FlowKind, Flows, Standing, refused};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, irreversible, reversible};
use crate::lockdown::consumer::Opening;
use crate::lockdown::http::{Auth, Call, CallError, Stats, Transport};
use crate::lockdown::provider::{Check, OpenError};

/// The longest identifier, in characters.
const LONGEST: usize = 255;
/// Seconds that a statement may take.
const TIMEOUT: u64 = 30;

/// The kind.
pub const KIND: FlowKind = FlowKind {
    about: About {
        reads: &["users that the inventory names: whether they are disabled"],
        changes: &[reversible(super::system::PAUSE, "flow"), irreversible(super::system::END, "flow")],
        needs: &["a role that owns the users (OWNERSHIP), or a higher one"],
        cannot: &[
            "showing that queries have ended: the request to abort them is sent, and once more at the end",
            "what loads by another user, or by a storage integration",
            "new keys for the user: people give them to the vendor",
        ],
    },
    spec: KindSpec {
        name: "snowflake",
        title: "Snowflake, users that load",
        base_url: None,
        credential: "OAuth token, key-pair JWT or programmatic access token",
        settings: &[
            Setting {
                name: "base-url",
                about: "Address of the account's API.",
                value: SettingKind::Url,
                required: true,
                default: None,
                example: "https://acme-main.snowflakecomputing.com/api/v2",
            },
            Setting {
                name: "role",
                about: "Role to act in; without it, the default role of the token's user.",
                value: SettingKind::Text,
                required: false,
                default: None,
                example: "USERADMIN",
            },
            Setting {
                name: "token-type",
                about: "What the credential is, where Snowflake is to be told: OAUTH, KEYPAIR_JWT, PROGRAMMATIC_ACCESS_TOKEN.",
                value: SettingKind::Text,
                required: false,
                default: None,
                example: "KEYPAIR_JWT",
            },
        ],
    },
    open,
};

fn open(opening: Opening) -> Result<Arc<dyn Flows>, OpenError> {
    let Opening { name, settings, credential, transport } = opening;
    let text = |key| settings.text(key).map(str::to_owned);
    let (role, token_type) = (text("role"), text("token-type"));
    if token_type
        .as_ref()
        .is_some_and(|kind| !kind.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
    {
        return Err(OpenError(format!("consumer {name}: `token-type` has capital letters and _ alone")));
    }
    Ok(Arc::new(Snowflake {
        name,
        role,
        token_type,
        transport: transport.with_auth(Auth::Bearer(credential)),
    }))
}

struct Snowflake {
    name: String,
    role: Option<String>,
    token_type: Option<String>,
    transport: Transport,
}

impl Snowflake {
    fn call(&self, label: &'static str, statement: &str) -> Call {
        let mut body = json!({ "statement": statement, "timeout": TIMEOUT });
        if let (Some(role), Some(fields)) = (&self.role, body.as_object_mut()) {
            fields.insert("role".to_owned(), json!(role));
        }
        let call = Call::post(&["statements"]).named(label).json(body);
        match &self.token_type {
            Some(kind) => call.header("x-snowflake-authorization-token-type", kind),
            None => call,
        }
    }

    async fn change(&self, label: &'static str, statement: &str, key: &str) -> Result<(), CallError> {
        let reply = self.transport.change(&self.call(label, statement), key).await?;
        // It goes on after 45 seconds, and nobody waits for it.
        if reply.status == 202 {
            return Err(CallError::Lost { what: format!("{label} has not ended") });
        }
        Ok(())
    }

    async fn set(&self, user: &str, disabled: bool, key: &str) -> Result<(), CallError> {
        let value = if disabled { "TRUE" } else { "FALSE" };
        let statement = format!("ALTER USER {} SET DISABLED = {value}", quoted(user)?);
        self.change("ALTER USER … SET DISABLED", &statement, key).await
    }
}

#[async_trait]
impl Flows for Snowflake {
    fn name(&self) -> &str {
        &self.name
    }

    async fn look(&self, user: &str) -> Result<Standing, CallError> {
        let call = self.call("DESCRIBE USER", &format!("DESCRIBE USER {}", quoted(user)?));
        standing(user, &self.transport.read(&call).await?.json()?)
    }

    async fn stop(&self, user: &str, _: Standing, key: &str) -> Result<(), CallError> {
        self.set(user, true, key).await
    }

    async fn resume(&self, user: &str, _: &Value, _: Standing, key: &str) -> Result<(), CallError> {
        self.set(user, false, key).await
    }

    fn ends(&self) -> bool {
        true
    }

    async fn end(&self, user: &str, key: &str) -> Result<(), CallError> {
        let statement = format!("ALTER USER {} ABORT ALL QUERIES", quoted(user)?);
        self.change("ALTER USER … ABORT ALL QUERIES", &statement, key).await
    }

    async fn check(&self) -> Vec<Check> {
        let read = self.transport.read(&self.call("SHOW USERS", "SHOW USERS LIMIT 1")).await;
        vec![super::told("run statements", read)]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

/// A name as an identifier of SQL.
fn quoted(user: &str) -> Result<String, CallError> {
    if user.is_empty() || user.chars().count() > LONGEST || user.chars().any(char::is_control) {
        return Err(refused(format!(
            "{user:?} is no name of a user: one line of at most {LONGEST} characters"
        )));
    }
    Ok(format!("\"{}\"", user.replace('"', "\"\"")))
}

/// A row for each property: its name, and its value as text. The vendor's pages name the columns in two ways.
fn standing(user: &str, answer: &Value) -> Result<Standing, CallError> {
    let columns = answer.pointer("/resultSetMetaData/rowType").and_then(Value::as_array).ok_or_else(odd)?;
    let column = |names: [&str; 2]| {
        let is_it = |column: &Value| {
            let name = column.get("name").and_then(Value::as_str).unwrap_or_default();
            names.iter().any(|own| own.eq_ignore_ascii_case(name))
        };
        columns.iter().position(is_it).ok_or_else(odd)
    };
    let (name, value) = (column(["property", "property_name"])?, column(["value", "property_value"])?);
    let (mut found, mut disabled) = (None, None);
    for row in answer.get("data").and_then(Value::as_array).ok_or_else(odd)? {
        let cell = |at: usize| row.get(at).and_then(Value::as_str);
        let slot = match cell(name) {
            Some("NAME") => &mut found,
            Some("DISABLED") => &mut disabled,
            _ => continue,
        };
        if slot.replace(cell(value).ok_or_else(odd)?).is_some() {
            return Err(odd());
        }
    }
    let disabled = match disabled {
        Some(text) if text.eq_ignore_ascii_case("true") => true,
        Some(text) if text.eq_ignore_ascii_case("false") => false,
        _ => return Err(odd()),
    };
    if found != Some(user) {
        return Err(odd());
    }
    Ok(Standing { state: json!({ "disabled": disabled }), stopped: disabled, rest: Value::Null })
}

fn odd() -> CallError {
    CallError::Lost { what: "the answer is not that of Snowflake".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(columns: [&str; 2], rows: &[[&str; 2]]) -> Value {
        let columns = columns.map(|name| json!({ "name": name, "type": "text" }));
        json!({ "resultSetMetaData": { "numRows": rows.len(), "rowType": columns }, "data": rows, "code": "090001" })
    }

    const OLD: [&str; 2] = ["property", "value"];

    #[test]
    fn a_user_is_stopped_where_it_is_disabled() {
        for (columns, text, stopped) in
            [(OLD, "true", true), (OLD, "false", false), (["PROPERTY", "PROPERTY_VALUE"], "TRUE", true)]
        {
            let rows = [["NAME", "LOADER"], ["COMMENT", "null"], ["DISABLED", text]];
            let standing = standing("LOADER", &answer(columns, &rows)).unwrap();
            assert_eq!((standing.stopped, standing.state), (stopped, json!({ "disabled": stopped })));
        }
    }

    #[test]
    fn what_is_no_such_user_is_not_taken_for_a_disabled_one() {
        let (name, disabled) = (["NAME", "LOADER"], ["DISABLED", "true"]);
        for odd in [
            json!({}),
            json!(null),
            json!({ "code": "333334", "statementHandle": "CANARY" }),
            answer(OLD, &[]),
            answer(OLD, &[name]),
            answer(OLD, &[disabled]),
            answer(OLD, &[["NAME", "CANARY"], disabled]),
            answer(OLD, &[["NAME", "loader"], disabled]),
            answer(OLD, &[name, ["DISABLED", "CANARY"]]),
            answer(OLD, &[name, disabled, ["DISABLED", "false"]]),
            answer(OLD, &[name, name, disabled]),
            answer(["property", "default"], &[name, disabled]),
            json!({ "resultSetMetaData": { "rowType": [{ "name": "property" }, { "name": "value" }] }, "data": [7] }),
            json!({ "resultSetMetaData": { "rowType": [7] }, "data": [["NAME", "LOADER"]] }),
        ] {
            let why = standing("LOADER", &odd).unwrap_err().to_string();
            assert!(!why.contains("CANARY"), "{why}");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        for (name, expected) in [
            ("LOADER", "\"LOADER\""),
            ("x\" SET DISABLED = FALSE --", "\"x\"\" SET DISABLED = FALSE --\""),
            ("\"", "\"\"\"\""),
            ("a\\\"; DROP USER b", "\"a\\\"\"; DROP USER b\""),
            ("é ' /* */", "\"é ' /* */\""),
        ] {
            assert_eq!(quoted(name).unwrap(), expected);
        }
        for bad in ["", "a\nb", "a\0b", "\u{1b}[2J", &"x".repeat(256)] {
            assert!(!quoted(bad).unwrap_err().to_string().contains(char::is_control), "{bad:?}");
        }
    }
}
