//! Snowflake's SQL API, as far as users go: the statements that describe, disable, enable and drop one, and end its queries.
//!
//! Statuses, codes and shapes are those of its reference, which names the columns of a description in two ways: a switch.

mod sql;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use self::sql::{Statement, parse};
use super::{Answer, Client, Flow, Moment, Request, Service, Tenant};

/// The kind that it serves, and so the name of its instance.
const KIND: &str = "snowflake";
/// Who set up what the account has nothing to do with.
const SOMEBODY_ELSE: &str = "warehouse@acme.example";

/// Its part of the tenant: one account.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// The access token of the responders; blank where there is no such account.
    pub token: String,
    /// Users by name.
    pub users: BTreeMap<String, User>,
}

/// A user that loads.
#[derive(Clone, Default, Serialize)]
pub struct User {
    /// E-mail of whoever set up what uses it.
    pub by: String,
    /// It can neither log in nor run queries.
    pub disabled: bool,
    /// Queries that run.
    pub queries: u32,
}

/// See the module.
pub struct Snowflake;

impl Service for Snowflake {
    fn name(&self) -> &'static str {
        "snowflake"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        let state = &mut tenant.snowflake;
        let bearer = format!("Bearer {}", state.token);
        if state.token.is_empty() || request.header("authorization") != Some(&bearer) {
            return failed(401, ("390303", "Invalid OAuth access token."));
        }
        if request.method != "POST" || request.segments() != ["api", "v2", "statements"] {
            return failed(404, ("391900", "Not found."));
        }
        let Some(statement) = statement(request) else {
            return failed(400, ("391918", "Request body is not well formed."));
        };
        match parse(&statement) {
            Ok(statement) => match carry_out(state, statement, moment.switches.snowflake.long_columns) {
                Some(body) => Answer::json(200, &body),
                None => {
                    failed(422, ("002003", "SQL compilation error:\nUser does not exist or not authorized."))
                }
            },
            Err(error) => failed(422, error),
        }
    }

    fn changes(&self, request: &Request) -> bool {
        let statement = statement(request).map(|text| parse(&text));
        !matches!(statement, Some(Ok(Statement::Describe(_) | Statement::Show)))
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        let serves = kind == KIND && !tenant.snowflake.token.is_empty();
        serves.then(|| Client {
            path: "/api/v2",
            credential: tenant.snowflake.token.clone(),
            settings: vec![("role", "\"USERADMIN\"".to_owned())],
        })
    }

    /// Nobody but the responders has a token.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    /// Users behind what the account has set up, one of them disabled already, and one behind what somebody else has.
    fn example(&self, tenant: &mut Tenant) {
        let account = tenant.attacker.email.clone();
        let users = [
            ("MIXPANEL_LOADER", account.as_str(), false),
            // As somebody may call one who wants more than that done.
            ("für mixpanel\" SET DISABLED = FALSE --", account.as_str(), false),
            ("MIXPANEL_OLD", account.as_str(), true),
            ("MIXPANEL_SCHEMA", SOMEBODY_ELSE, false),
        ];
        let users = users
            .map(|(name, by, disabled)| (name.to_owned(), User { by: by.to_owned(), disabled, queries: 0 }));
        tenant.snowflake = State { token: tenant.draws.secret(), users: users.into() };
    }

    fn flows(&self, tenant: &Tenant) -> Vec<Flow> {
        let flow = |(name, user): (&String, &User)| Flow {
            system: KIND,
            name: name.clone(),
            username: None,
            by: Some(user.by.clone()),
            runs: !user.disabled || user.queries > 0,
        };
        tenant.snowflake.users.iter().map(flow).collect()
    }
}

fn statement(request: &Request) -> Option<String> {
    Some(request.json()?.get("statement")?.as_str()?.to_owned())
}

fn failed(status: u16, (code, message): (&str, &str)) -> Answer {
    Answer::json(
        status,
        &json!({ "code": code, "message": message, "sqlState": "02000", "statementHandle": "h" }),
    )
}

/// `None`: there is no such user.
fn carry_out(state: &mut State, statement: Statement, long_columns: bool) -> Option<Value> {
    let done = || json!([["Statement executed successfully."]]);
    let status: &[&str] = &["status"];
    let (columns, data) = match statement {
        Statement::Show => {
            (&["name"][..], json!(state.users.keys().take(1).map(|name| [name]).collect::<Vec<_>>()))
        }
        Statement::Describe(name) => {
            let disabled = state.users.get(&name)?.disabled.to_string();
            let rows =
                json!([["NAME", name], ["COMMENT", null], ["DISABLED", disabled], ["TYPE", "SERVICE"]]);
            let columns = if long_columns { ["property", "property_value"] } else { ["property", "value"] };
            return Some(result(&columns, &rows));
        }
        Statement::Disable(name, disabled) => {
            state.users.get_mut(&name)?.disabled = disabled;
            (status, done())
        }
        Statement::Abort(name) => {
            state.users.get_mut(&name)?.queries = 0;
            (status, done())
        }
        Statement::Drop(name) => {
            state.users.remove(&name)?;
            (status, done())
        }
    };
    Some(result(columns, &data))
}

fn result(columns: &[&str], data: &Value) -> Value {
    let columns: Vec<Value> = columns.iter().map(|name| json!({ "name": name, "type": "text" })).collect();
    json!({
        "resultSetMetaData": { "numRows": data.as_array().map(Vec::len), "format": "jsonv2", "rowType": columns },
        "data": data, "code": "090001", "statementHandle": "h", "message": "Statement executed successfully.",
    })
}

#[cfg(test)]
mod tests;
