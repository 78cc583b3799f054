//! Vault or `OpenBao`: the secret store, its key-value engine of version 2, tokens and seal.
//!
//! Statuses and bodies are those of `OpenBao` 2.7, request by request: a token that is not known is refused with other
//! words than one whose policies do not reach.

mod example;
mod kv;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::draws::Draws;
use super::{Answer, Client, Entry, Moment, Request, Service, Tenant};
use crate::event::time::Timestamp;

pub use kv::{Mount, Secret, Version};

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// Tokens by what is sent as `X-Vault-Token`.
    pub tokens: BTreeMap<String, Token>,
    /// Key-value mounts by path, without slashes at the ends.
    pub mounts: BTreeMap<String, Mount>,
    /// Whether the store is sealed: everything but its seal's state answers 503.
    pub sealed: bool,
}

/// Who may do what.
#[derive(Clone, Default, Serialize)]
pub struct Token {
    /// Shown by a look-up of the token.
    pub display_name: String,
    /// Names the token without being it.
    pub accessor: String,
    /// Capabilities by path, of which a `*` at the end stands for any rest; the longest path that fits counts.
    pub rules: BTreeMap<String, BTreeSet<String>>,
    /// May do everything.
    pub root: bool,
    /// Milliseconds since the emulator started at which it ends.
    pub expires_ms: Option<u64>,
}

/// What every token may do with itself.
const SELF: [&str; 4] =
    ["auth/token/lookup-self", "auth/token/renew-self", "auth/token/revoke-self", "sys/capabilities-self"];

impl Token {
    /// A token with these capabilities at each of the paths.
    pub fn new(display_name: &str, accessor: String, paths: &[&str], capabilities: &[&str]) -> Self {
        let capabilities: BTreeSet<String> = capabilities.iter().map(|&word| word.to_owned()).collect();
        Self {
            display_name: display_name.to_owned(),
            accessor,
            rules: paths.iter().map(|&path| (path.to_owned(), capabilities.clone())).collect(),
            root: false,
            expires_ms: None,
        }
    }

    fn capabilities(&self, path: &str) -> BTreeSet<String> {
        if self.root {
            return BTreeSet::from(["root".to_owned()]);
        }
        let fits = |rule: &str| match rule.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == rule,
        };
        let longest = self.rules.iter().filter(|(rule, _)| fits(rule)).max_by_key(|(rule, _)| rule.len());
        match longest {
            Some((_, capabilities)) => capabilities.clone(),
            None if SELF.contains(&path) => BTreeSet::from(["read".to_owned(), "update".to_owned()]),
            None => BTreeSet::from(["deny".to_owned()]),
        }
    }

    fn may(&self, capability: &str, path: &str) -> bool {
        let has = self.capabilities(path);
        has.contains("root") || (has.contains(capability) && !has.contains("deny"))
    }
}

/// What a request comes to, before it is dressed for the wire.
enum Reply {
    /// The usual envelope around data.
    Data(u16, Value),
    /// A body without envelope.
    Bare(u16, Value),
    /// A list of errors; none stands for "nothing there".
    Errors(u16, Vec<String>),
    /// No body.
    Empty(u16),
}

impl Reply {
    fn error(status: u16, text: impl Into<String>) -> Self {
        Self::Errors(status, vec![text.into()])
    }

    fn nothing() -> Self {
        Self::Errors(404, Vec::new())
    }

    fn answer(self, draws: &mut Draws) -> Answer {
        match self {
            Self::Data(status, data) => Answer::json(
                status,
                &json!({
                    "request_id": uuid(draws), "lease_id": "", "renewable": false, "lease_duration": 0,
                    "data": data, "wrap_info": null, "warnings": null, "auth": null,
                }),
            ),
            Self::Bare(status, body) => Answer::json(status, &body),
            Self::Errors(status, errors) => Answer::json(status, &json!({ "errors": errors })),
            Self::Empty(status) => Answer::empty(status).header("content-type", "application/json"),
        }
    }
}

/// See the module.
pub struct Vault;

impl Service for Vault {
    fn name(&self) -> &'static str {
        "vault"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        reply(&mut tenant.vault, request, moment).answer(&mut tenant.draws)
    }

    fn changes(&self, request: &Request) -> bool {
        !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "LIST")
            && !request.path.ends_with("sys/capabilities-self")
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        if kind != "vault" {
            return None;
        }
        let tokens = &tenant.vault.tokens;
        let (token, _) = tokens.iter().find(|(_, token)| !token.root).or_else(|| tokens.iter().next())?;
        let mount = tenant.vault.mounts.keys().next()?;
        let settings = vec![("mount", format!("{mount:?}"))];
        Some(Client { path: "", credential: token.clone(), settings })
    }

    fn example(&self, tenant: &mut Tenant) {
        example::fill(tenant);
    }

    fn entries(&self, tenant: &Tenant) -> Vec<Entry> {
        let secrets = tenant.vault.mounts.values().flat_map(|mount| &mount.secrets);
        let named = secrets.filter_map(|(path, secret)| {
            let username = secret.holds()?.get("username")?.as_str()?.to_owned();
            Some(Entry { store: "vault", path: path.clone(), username })
        });
        let is_account = |entry: &Entry| {
            tenant.mixpanel.service_accounts.values().any(|account| account.username == entry.username)
        };
        named.filter(is_account).collect()
    }

    /// Nobody but the responders and the consumers of secrets has a token.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["mounts.*.secrets.*.versions", "mounts.*.secrets.*.current", "mounts.*.secrets.*.updated"]
    }
}

fn reply(state: &mut State, request: &Request, moment: &Moment<'_>) -> Reply {
    let segments = request.segments();
    let Some((version, rest)) = segments.split_first() else { return Reply::nothing() };
    if version != "v1" {
        return Reply::nothing();
    }
    let path = rest.join("/");
    match path.as_str() {
        "sys/seal-status" => return Reply::Bare(200, seal_status(state.sealed)),
        "sys/health" => return health(state.sealed, moment.wall),
        _ if state.sealed => return Reply::error(503, "Vault is sealed"),
        _ => {}
    }
    let Some((id, token)) = authenticate(state, request, moment) else {
        return Reply::error(403, "permission denied");
    };
    let capability = capability(state, request, &path);
    if !token.may(capability, &path) {
        return Reply::error(403, "1 error occurred:\n\t* permission denied\n\n");
    }
    match (request.method.as_str(), path.as_str()) {
        ("GET", "auth/token/lookup-self") => Reply::Data(200, lookup(&id, &token, moment)),
        ("POST" | "PUT", "auth/token/revoke-self") => {
            state.tokens.remove(&id);
            Reply::Empty(204)
        }
        ("POST" | "PUT", "sys/capabilities-self") => capabilities_self(&token, request),
        ("POST" | "PUT", "sys/seal") => {
            state.sealed = true;
            Reply::Empty(204)
        }
        _ => kv::reply(state, request, &path, moment),
    }
}

/// The token of a request, in either of its headers.
fn authenticate(state: &State, request: &Request, moment: &Moment<'_>) -> Option<(String, Token)> {
    let bearer = || request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let id = request.header("x-vault-token").or_else(bearer)?;
    let token = state.tokens.get(id)?;
    let ended = token.expires_ms.is_some_and(|end| end <= moment.millis());
    (!ended).then(|| (id.to_owned(), token.clone()))
}

/// What a request needs: writing what is not there yet is `create`.
fn capability(state: &State, request: &Request, path: &str) -> &'static str {
    match request.method.as_str() {
        "GET" if request.parameter("list").is_some_and(|value| value == "true") => "list",
        "LIST" => "list",
        "PATCH" => "patch",
        "DELETE" => "delete",
        "POST" | "PUT" if kv::is_new(state, path) => "create",
        "POST" | "PUT" => "update",
        _ => "read",
    }
}

fn capabilities_self(token: &Token, request: &Request) -> Reply {
    let body = request.json().unwrap_or_default();
    let paths = match body.get("paths") {
        Some(Value::Array(paths)) => paths.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(path)) => vec![path.as_str()],
        _ => return Reply::error(400, "paths must be supplied"),
    };
    let found: Map<String, Value> =
        paths.into_iter().map(|path| (path.to_owned(), json!(token.capabilities(path)))).collect();
    Reply::Data(200, Value::Object(found))
}

fn lookup(id: &str, token: &Token, moment: &Moment<'_>) -> Value {
    let left = token.expires_ms.map_or(0, |end| end.saturating_sub(moment.millis()) / 1000);
    json!({
        "accessor": token.accessor,
        "creation_ttl": token.expires_ms.map_or(0, |end| end / 1000),
        "display_name": token.display_name,
        "entity_id": "",
        "expire_time": token.expires_ms.map(|_| time(moment.wall, left)),
        "explicit_max_ttl": 0,
        "id": id,
        "meta": null,
        "num_uses": 0,
        "orphan": true,
        "path": "auth/token/create",
        "policies": if token.root { ["root"].as_slice() } else { ["default", "tool"].as_slice() },
        "renewable": !token.root,
        "ttl": left,
        "type": "service",
    })
}

fn seal_status(sealed: bool) -> Value {
    json!({
        "type": "shamir", "initialized": true, "sealed": sealed, "t": 1, "n": 1, "progress": 0, "nonce": "",
        "recovery_seal": false, "version": "2.7.2", "migration": false, "storage_type": "inmem",
    })
}

fn health(sealed: bool, wall: Timestamp) -> Reply {
    let body = json!({
        "initialized": true, "sealed": sealed, "standby": sealed, "server_time_utc": wall.nanos / 1_000_000_000,
        "version": "2.7.2",
    });
    Reply::Bare(if sealed { 503 } else { 200 }, body)
}

/// RFC 3339 with all nine digits, so many seconds later.
fn time(wall: Timestamp, seconds_later: u64) -> String {
    let later = i64::try_from(seconds_later).unwrap_or_default().saturating_mul(1_000_000_000);
    Timestamp { nanos: wall.nanos.saturating_add(later), digits: 9 }.to_rfc3339()
}

fn uuid(draws: &mut Draws) -> String {
    let (high, low) = (draws.below(u64::MAX), draws.below(u64::MAX));
    let (first, second, third) = (high >> 32, high >> 16 & 0xFFFF, high & 0xFFF);
    format!("{first:08x}-{second:04x}-4{third:03x}-8{:03x}-{:012x}", low >> 52, low & 0xFFFF_FFFF_FFFF)
}

#[cfg(test)]
mod tests;
