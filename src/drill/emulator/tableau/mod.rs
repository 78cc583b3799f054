//! Tableau's REST API, as far as connections of data sources and workbooks go: what they sign in with, the refresh of an extract
//! that tries it, and the job that tells how it ended.
//!
//! Routes, statuses, codes and shapes are those of its reference. A token has one session: another sign-in ends it. How long a
//! refresh takes, and the rest that no page says, are switches.

mod jobs;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::vault::Vault;
use super::{Answer, Client, Moment, Place, Request, Service, Tenant, mixpanel};

pub use jobs::Job;

/// The kind of consumer that it serves, and so the name of its instance.
const KIND: &str = "tableau";
const NAMES: [&str; 2] = ["userName", "password"];
const VERSION: &str = "3.24";
/// The identifier of the site.
const SITE: &str = "6b7179ba-b82b-4f0f-91ed-812074ac5da6";
/// How the identifiers of an example begin.
const LUID: &str = "9dbd2263-16b5-46e1-9c43";

/// Its part of the tenant: one site.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// The site, as it stands in its address; blank where there is none.
    pub site: String,
    /// Personal access tokens: their secrets by name.
    pub tokens: BTreeMap<String, String>,
    /// Sessions by their token.
    pub sessions: BTreeMap<String, Session>,
    /// Data sources and workbooks: `datasources/ID`, `workbooks/ID`.
    pub contents: BTreeMap<String, Content>,
    /// Refreshes by identifier.
    pub jobs: BTreeMap<String, Job>,
}

/// A session.
#[derive(Clone, Serialize)]
pub struct Session {
    /// Whose: the name of the personal access token.
    pub of: String,
    /// When it ends, in milliseconds since the emulator started.
    pub ends_ms: u64,
}

/// A data source or a workbook.
#[derive(Clone, Default, Serialize)]
pub struct Content {
    /// It has an extract; otherwise it is live.
    pub extract: bool,
    /// What it reads from is not reached, whatever the credential.
    pub unreached: bool,
    /// Its connections by identifier.
    pub connections: BTreeMap<String, Connection>,
}

/// A connection.
#[derive(Clone, Default, Serialize)]
pub struct Connection {
    /// Who signs in.
    pub username: String,
    /// With what.
    pub password: String,
    /// It keeps the password.
    pub embeds: bool,
    /// Where.
    pub server: String,
    /// How it signs in, where that is said.
    pub way: Option<String>,
}

/// Why a request is refused: status, code, summary, detail.
struct Refusal(u16, &'static str, &'static str, String);

/// See the module.
pub struct Tableau;

impl Service for Tableau {
    fn name(&self) -> &'static str {
        "tableau"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        match reply(tenant, request, moment) {
            Ok((status, mut body)) => {
                if moment.switches.tableau.as_text {
                    spell_out(&mut body);
                }
                Answer::json(status, &body)
            }
            Err(Refusal(status, code, summary, detail)) => {
                let error = json!({ "summary": summary, "detail": detail, "code": code });
                Answer::json(status, &json!({ "error": error }))
            }
        }
    }

    /// A sign-in changes nothing that anybody set up.
    fn changes(&self, request: &Request) -> bool {
        !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS") && !is_sign_in(request)
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        let (name, secret) = tenant.tableau.tokens.first_key_value()?;
        (kind == KIND).then(|| Client {
            path: "/api/3.24",
            credential: secret.clone(),
            settings: vec![
                ("token-name", format!("{name:?}")),
                ("site", format!("{:?}", tenant.tableau.site)),
            ],
        })
    }

    /// Nobody but the responders has a token.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    /// A connection for every credential that consumers use, which are stored in Vault: of data sources and workbooks in turn.
    fn example(&self, tenant: &mut Tenant) {
        Vault.example(tenant);
        let tokens = [("portcullis".to_owned(), tenant.draws.secret())].into();
        let mut state = State { site: "acme".to_owned(), tokens, ..State::default() };
        for (at, entry) in Vault.entries(tenant).into_iter().enumerate() {
            let mut accounts = tenant.mixpanel.service_accounts.values();
            let Some(account) = accounts.find(|account| account.username == entry.username) else { continue };
            let connection = Connection {
                username: account.username.clone(),
                password: account.secret.clone(),
                embeds: true,
                server: "gateway.acme.example".to_owned(),
                way: Some("username-password".to_owned()),
            };
            let end = entry.path.rsplit('/').next().unwrap_or_default();
            let kind = if at.is_multiple_of(2) { "datasources" } else { "workbooks" };
            let connections = [(format!("c0-{end}"), connection)].into();
            let content = Content { extract: true, unreached: false, connections };
            state.contents.insert(format!("{kind}/{LUID}-{end:0>12}"), content);
        }
        tenant.tableau = state;
    }

    fn places(&self, tenant: &Tenant) -> Vec<Place> {
        let place = |name: &String, (id, connection): (&String, &Connection)| Place {
            system: KIND,
            place: format!("{name}/connections/{id}"),
            names: NAMES.map(str::to_owned),
            holds: [connection.username.clone(), connection.password.clone()],
            others: [
                ("server".to_owned(), connection.server.clone()),
                ("embeds".to_owned(), connection.embeds.to_string()),
            ]
            .into(),
        };
        let contents = tenant.tableau.contents.iter();
        contents
            .flat_map(|(name, content)| content.connections.iter().map(move |one| place(name, one)))
            .collect()
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["sessions", "jobs"]
    }
}

type Replied = Result<(u16, Value), Refusal>;

fn is_sign_in(request: &Request) -> bool {
    request.method == "POST" && request.segments() == ["api", VERSION, "auth", "signin"]
}

fn reply(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Replied {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if is_sign_in(request) {
        return sign_in(tenant, request, moment);
    }
    if !tenant.tableau.is_signed_in(request, moment) {
        let (code, detail) = match request.header("x-tableau-auth") {
            None => ("401000", "No authentication credentials were provided."),
            Some(_) => ("401002", "Invalid authentication credentials were provided."),
        };
        return Err(Refusal(401, code, "Unauthorized Access", detail.to_owned()));
    }
    let ["api", VERSION, "sites", SITE, rest @ ..] = segments.as_slice() else {
        return Err(missing("404000", "The resource"));
    };
    match (request.method.as_str(), rest) {
        ("GET", ["jobs", id]) => tenant.tableau.job(id, moment),
        (method, [kind @ ("datasources" | "workbooks"), id, rest @ ..]) => {
            let one = kind.trim_end_matches('s');
            let name = format!("{kind}/{id}");
            let code = if one == "workbook" { "404006" } else { "404004" };
            let state = &mut tenant.tableau;
            let content = state.contents.get_mut(&name).ok_or_else(|| missing(code, &name))?;
            match (method, rest) {
                ("GET", []) => Ok((200, shown(one, id, content, moment))),
                ("GET", ["connections"]) => {
                    let all = content.connections.iter().map(|(id, connection)| connection.shown(id));
                    Ok((200, json!({ "connections": { "connection": all.collect::<Vec<_>>() } })))
                }
                ("PUT", ["connections", connection]) => {
                    let found = content.connections.get_mut(*connection);
                    let found = found.ok_or_else(|| missing("404000", connection))?;
                    found.update(request, moment)?;
                    Ok((200, json!({ "connection": found.shown(connection) })))
                }
                ("POST", ["refresh"]) => {
                    let gets_in = gets_in(content, &tenant.mixpanel);
                    let job = tenant.draws.letters(24);
                    tenant.tableau.refresh(&name, &job, gets_in, moment)
                }
                _ => Err(missing("404000", "The resource")),
            }
        }
        _ => Err(missing("404000", "The resource")),
    }
}

fn missing(code: &'static str, what: &str) -> Refusal {
    Refusal(404, code, "Resource Not Found", format!("{what} could not be found."))
}

fn bad(code: &'static str, detail: &str) -> Refusal {
    Refusal(400, code, "Bad Request", detail.to_owned())
}

/// Begins a session, and ends the one that the token had.
fn sign_in(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Replied {
    let body = request.json().unwrap_or_default();
    let text = |path: &str| body.pointer(path).and_then(Value::as_str);
    let shown =
        text("/credentials/personalAccessTokenName").zip(text("/credentials/personalAccessTokenSecret"));
    let shown = shown.zip(text("/credentials/site/contentUrl"));
    let ((name, secret), site) =
        shown.ok_or_else(|| bad("400000", "Payload is either malformed or incomplete."))?;
    let state = &mut tenant.tableau;
    if state.tokens.get(name).map(String::as_str) != Some(secret) || state.site != site {
        let detail = "Error signing in to Tableau Server".to_owned();
        return Err(Refusal(401, "401001", "Signin Error", detail));
    }
    state.sessions.retain(|_, session| session.of != name);
    let lasts = match moment.switches.tokens.ends_after_ms {
        0 => 7_200_000,
        early => early,
    };
    let session = Session { of: name.to_owned(), ends_ms: moment.millis().saturating_add(lasts) };
    let token = format!("{}|{SITE}", tenant.draws.secret());
    let answer = json!({ "credentials": {
        "site": { "id": SITE, "contentUrl": state.site }, "user": { "id": format!("{LUID}-0000000000aa") }, "token": token,
    } });
    state.sessions.insert(token, session);
    Ok((200, answer))
}

impl State {
    fn is_signed_in(&self, request: &Request, moment: &Moment<'_>) -> bool {
        let session = request.header("x-tableau-auth").and_then(|token| self.sessions.get(token));
        session.is_some_and(|session| moment.millis() < session.ends_ms)
    }
}

impl Connection {
    /// The password is never among it.
    fn shown(&self, id: &str) -> Value {
        let mut shown = json!({
            "id": id, "type": "genericodbc", "serverAddress": self.server, "serverPort": "443", "userName": self.username,
            "embedPassword": self.embeds, "queryTaggingEnabled": false,
        });
        if let (Some(way), Some(fields)) = (&self.way, shown.as_object_mut()) {
            fields.insert("authenticationType".to_owned(), json!(way));
        }
        shown
    }

    /// Sets what is named; where something is not as documented, nothing.
    fn update(&mut self, request: &Request, moment: &Moment<'_>) -> Result<(), Refusal> {
        let body = request.json().unwrap_or_default();
        let asked = body.get("connection").and_then(Value::as_object);
        let asked = asked.ok_or_else(|| bad("400000", "Payload is either malformed or incomplete."))?;
        let text = |name: &str, own: &str| match asked.get(name) {
            None => Ok(own.to_owned()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(bad("400000", "Payload is either malformed or incomplete.")),
        };
        let (username, mut password) = (text("userName", &self.username)?, text("password", &self.password)?);
        let server = text("serverAddress", &self.server)?;
        let told = embeds(asked);
        let embeds = match (told, moment.switches.tableau.embeds_when_told) {
            (Some(told), _) => told,
            (None, true) => false,
            (None, false) => self.embeds,
        };
        if !embeds {
            password.clear();
        }
        *self = Self { username, password, embeds, server, way: self.way.take() };
        Ok(())
    }
}

fn embeds(asked: &Map<String, Value>) -> Option<bool> {
    match asked.get("embedPassword")? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => Some(text == "true"),
        _ => None,
    }
}

fn shown(one: &str, id: &str, content: &Content, moment: &Moment<'_>) -> Value {
    let mut shown = json!({
        "id": id, "name": id, "contentUrl": id, "project": { "name": "default" }, "tags": {},
        "createdAt": "2026-03-05T22:05:32Z", "updatedAt": moment.wall.to_rfc3339(),
    });
    if let (true, Some(fields)) = (moment.switches.tableau.tells_extracts, shown.as_object_mut()) {
        fields.insert("hasExtracts".to_owned(), json!(content.extract));
    }
    json!({ one: shown })
}

/// Whether what is behind it lets every connection in: service accounts with their secrets.
fn gets_in(content: &Content, vendor: &mixpanel::State) -> bool {
    let works = |connection: &Connection| {
        vendor.service_accounts.values().any(|account| {
            account.username == connection.username
                && account.secret == connection.password
                && !account.projects.is_empty()
        })
    };
    !content.unreached && content.connections.values().all(works)
}

/// Numbers and flags as text.
fn spell_out(value: &mut Value) {
    match value {
        Value::Bool(_) | Value::Number(_) => *value = Value::String(value.to_string()),
        Value::Array(all) => all.iter_mut().for_each(spell_out),
        Value::Object(fields) => fields.values_mut().for_each(spell_out),
        Value::Null | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
