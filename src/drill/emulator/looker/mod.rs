//! Looker's API 4.0, as far as connections go: what they sign in with, and the test that tries it.
//!
//! Routes, statuses and shapes are those of its `OpenAPI` document. Which tests a connection has depends on its dialect: a switch.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::vault::Vault;
use super::{Answer, Client, Moment, Place, Request, Service, Tenant, mixpanel};

/// The kind of consumer that it serves, and so the name of its instance.
const KIND: &str = "looker";
const NAMES: [&str; 2] = ["username", "password"];

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// The access token of the responders; blank where there is no such instance.
    pub token: String,
    /// Connections by name.
    pub connections: BTreeMap<String, Connection>,
}

/// A connection.
#[derive(Clone, Default, Serialize)]
pub struct Connection {
    /// Who signs in.
    pub username: String,
    /// With what.
    pub password: String,
    /// Where.
    pub host: String,
    /// Who signs in for persistent tables, if somebody else.
    pub pdt_username: Option<String>,
    /// It signs in by a key pair.
    pub key_pair: bool,
}

/// See the module.
pub struct Looker;

impl Service for Looker {
    fn name(&self) -> &'static str {
        "looker"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        let error = |status: u16, message: &str| {
            Answer::json(
                status,
                &json!({ "message": message, "documentation_url": "https://cloud.google.com/looker/" }),
            )
        };
        let token = &tenant.looker.token;
        if token.is_empty() || request.header("authorization") != Some(&format!("token {token}")) {
            return error(401, "Requires authentication.");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["api", "4.0", "connections", name, rest @ ..] = segments.as_slice() else {
            return error(404, "Not found");
        };
        let Some(connection) = tenant.looker.connections.get_mut(*name) else {
            return error(404, "Not found");
        };
        match (request.method.as_str(), rest) {
            ("GET", []) => Answer::json(200, &shown(name, connection)),
            ("PATCH", []) => match request.json().as_ref().and_then(Value::as_object) {
                Some(body) => match change(connection, body) {
                    Ok(()) => Answer::json(200, &shown(name, connection)),
                    Err(field) => {
                        let wrong = json!({ "field": field, "code": "invalid", "message": "is not text" });
                        let answer = json!({ "message": "Validation Failed", "errors": [wrong], "documentation_url": "" });
                        Answer::json(422, &answer)
                    }
                },
                None => error(400, "Bad Request"),
            },
            ("PUT", ["test"]) => {
                let results =
                    if moment.switches.looker.has_tests && request.parameter("tests") == Some("connect") {
                        vec![tried(connection, &tenant.mixpanel)]
                    } else {
                        Vec::new()
                    };
                Answer::json(200, &Value::Array(results))
            }
            _ => error(404, "Not found"),
        }
    }

    /// A test changes nothing.
    fn changes(&self, request: &Request) -> bool {
        !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS")
            && request.segments().last().is_none_or(|last| last != "test")
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        let serves = kind == KIND && !tenant.looker.token.is_empty();
        serves.then(|| Client {
            path: "/api/4.0",
            credential: tenant.looker.token.clone(),
            settings: Vec::new(),
        })
    }

    /// Nobody but the responders has a token.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    /// A connection for every credential that consumers use, which are stored in Vault.
    fn example(&self, tenant: &mut Tenant) {
        Vault.example(tenant);
        let mut state = State { token: tenant.draws.secret(), connections: BTreeMap::new() };
        for entry in Vault.entries(tenant) {
            let mut accounts = tenant.mixpanel.service_accounts.values();
            let Some(account) = accounts.find(|account| account.username == entry.username) else { continue };
            let connection = Connection {
                username: account.username.clone(),
                password: account.secret.clone(),
                host: "gateway.acme.example".to_owned(),
                ..Connection::default()
            };
            // A name may have a space in it.
            let name = format!("bi {}", entry.path.rsplit('/').next().unwrap_or_default());
            state.connections.insert(name, connection);
        }
        tenant.looker = state;
    }

    fn places(&self, tenant: &Tenant) -> Vec<Place> {
        let place = |(name, connection): (&String, &Connection)| Place {
            system: KIND,
            place: name.clone(),
            names: NAMES.map(str::to_owned),
            holds: [connection.username.clone(), connection.password.clone()],
            others: [("host".to_owned(), connection.host.clone())].into(),
        };
        tenant.looker.connections.iter().map(place).collect()
    }
}

/// The password is never among it.
fn shown(name: &str, connection: &Connection) -> Value {
    let mut shown = json!({
        "name": name, "username": connection.username, "host": connection.host, "uses_oauth": false,
        "uses_instance_oauth": false, "uses_key_pair_auth": connection.key_pair, "uses_service_auth": false,
        "uses_application_default_credentials": false, "user_db_credentials": null, "user_attribute_fields": [],
    });
    if let (Some(username), Some(fields)) = (&connection.pdt_username, shown.as_object_mut()) {
        fields.insert("pdt_context_override".to_owned(), json!({ "context": "pdt", "username": username }));
    }
    shown
}

/// Sets what is named. `Err`: a field that is no text; then nothing is set.
fn change(connection: &mut Connection, body: &Map<String, Value>) -> Result<(), &'static str> {
    let text = |name: &'static str, own: &str| match body.get(name) {
        None => Ok(own.to_owned()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(name),
    };
    let (username, password) =
        (text("username", &connection.username)?, text("password", &connection.password)?);
    let host = text("host", &connection.host)?;
    (connection.username, connection.password, connection.host) = (username, password, host);
    Ok(())
}

/// Whether what is behind it lets the connection in: a service account with its secret.
fn tried(connection: &Connection, vendor: &mixpanel::State) -> Value {
    let mut accounts = vendor.service_accounts.values();
    let works = accounts.any(|account| {
        account.username == connection.username
            && account.secret == connection.password
            && !account.projects.is_empty()
    });
    if works {
        json!({ "name": "connect", "status": "success", "message": "Can connect" })
    } else {
        let message = format!("Cannot connect with {}:{}", connection.username, connection.password);
        json!({ "name": "connect", "status": "error", "message": message })
    }
}

#[cfg(test)]
mod tests;
