//! AWS Secrets Manager: its JSON protocol, versions with their labels, signatures and policies.
//!
//! Statuses, codes and shapes are those of the API reference. It says only that what is read may lag behind what was
//! written, not by how much: a switch.

mod secrets;
pub(super) mod sign;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::draws::Draws;
use super::{Answer, Client, Entry, Moment, Request, Service, Tenant, stored};

pub use secrets::{Secret, Version};

/// Its part of the tenant: one account in one region.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// The region; blank where there is no such account.
    pub region: String,
    /// Access keys by their identifiers.
    pub keys: BTreeMap<String, Key>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, Secret>,
}

impl State {
    /// An account with these secrets, whose fields are given, and one key that may read and write them.
    pub fn with(draws: &mut Draws, entries: &[(String, Value)]) -> Self {
        let secrets = entries.iter().map(|(name, fields)| {
            let version = draws.letters(36);
            (name.clone(), Secret::new(&version, fields))
        });
        let secrets = secrets.collect();
        Self { region: REGION.to_owned(), keys: [Key::drawn(draws)].into(), secrets }
    }
}

impl State {
    fn account(&self) -> Account<'_> {
        Account { region: &self.region, keys: &self.keys }
    }
}

/// Where the emulated accounts are.
pub(super) const REGION: &str = "eu-west-1";

/// An access key and its policy.
#[derive(Clone, Default, Serialize)]
pub struct Key {
    /// The secret access key.
    pub secret: String,
    /// The session token, of temporary credentials.
    pub session: Option<String>,
    /// Actions that are allowed: `GetSecretValue`; `*` for all.
    pub actions: Vec<String>,
    /// Names of secrets or functions on which they are, of which a `*` at the end stands for any rest.
    pub resources: Vec<String>,
}

impl Key {
    /// Temporary credentials that may do everything, with their identifier.
    pub(super) fn drawn(draws: &mut Draws) -> (String, Self) {
        let key = Self {
            secret: draws.secret(),
            session: Some(draws.secret()),
            actions: vec!["*".to_owned()],
            resources: vec!["*".to_owned()],
        };
        (format!("ASIA{}", draws.letters(16).to_ascii_uppercase()), key)
    }

    pub(super) fn may(&self, action: &str, resource: &str) -> bool {
        let fits = |rule: &String| match rule.strip_suffix('*') {
            Some(start) => resource.starts_with(start),
            None => rule == resource,
        };
        self.actions.iter().any(|allowed| allowed == "*" || allowed == action)
            && self.resources.iter().any(fits)
    }
}

/// What signatures are held against.
#[derive(Clone, Copy)]
pub(super) struct Account<'a> {
    pub(super) region: &'a str,
    pub(super) keys: &'a BTreeMap<String, Key>,
}

impl Account<'_> {
    /// What the responders configure: the first key as `ID:SECRET:SESSION-TOKEN`, and the region.
    pub(super) fn client(self) -> Option<Client> {
        let (id, key) = self.keys.iter().next()?;
        let session = key.session.as_ref().map_or_else(String::new, |session| format!(":{session}"));
        let credential = format!("{id}:{}{session}", key.secret);
        Some(Client { path: "", credential, settings: vec![("region", format!("{:?}", self.region))] })
    }
}

/// A refusal: code and message.
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
}

pub(super) fn refusal(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal { code, message: message.into() }
}

/// See the module.
pub struct Aws;

impl Service for Aws {
    fn name(&self) -> &'static str {
        "aws"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        let kind = "application/x-amz-json-1.1";
        match reply(&mut tenant.aws, request, moment) {
            Ok(body) => Answer::text(200, kind, body.to_string()),
            Err(Refusal { code, message }) => {
                // Every refusal has this status but those of the service's own faults.
                Answer::text(400, kind, json!({ "__type": code, "Message": message }).to_string())
            }
        }
    }

    fn changes(&self, request: &Request) -> bool {
        !matches!(action(request), Some("GetSecretValue" | "DescribeSecret" | "ListSecretVersionIds"))
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        if kind != "aws-secrets-manager" {
            return None;
        }
        tenant.aws.account().client()
    }

    /// Nobody but the responders and the consumers of secrets has a key.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    fn example(&self, tenant: &mut Tenant) {
        let entries = stored::used(tenant);
        tenant.aws = State::with(&mut tenant.draws, &entries);
    }

    fn entries(&self, tenant: &Tenant) -> Vec<Entry> {
        let named = tenant.aws.secrets.iter().filter_map(|(name, secret)| {
            Some((name.clone(), secret.holds()?.get("username")?.as_str()?.to_owned()))
        });
        stored::entries(tenant, "aws-secrets-manager", named)
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["secrets.*.versions", "secrets.*.labels"]
    }
}

/// The action of a request, which is in a header.
fn action(request: &Request) -> Option<&str> {
    request.header("x-amz-target")?.strip_prefix("secretsmanager.")
}

fn reply(state: &mut State, request: &Request, moment: &Moment<'_>) -> Result<Value, Refusal> {
    let action = action(request).filter(|_| request.method == "POST");
    let action = action.ok_or_else(|| refusal("UnknownOperationException", ""))?.to_owned();
    let key = sign::verify(state.account(), "secretsmanager", request, moment)?;
    let body = request.json().unwrap_or_default();
    let body = body.as_object().ok_or_else(|| refusal("SerializationException", ""))?;
    let name = body.get(if action == "CreateSecret" { "Name" } else { "SecretId" }).and_then(Value::as_str);
    let name = name.ok_or_else(|| refusal("ValidationException", "a member must not be null"))?;
    // Secrets may be named by their ARN; its end is drawn.
    let name = name
        .rsplit_once(":secret:")
        .map_or(name, |(_, rest)| rest.rsplit_once('-').map_or(rest, |(name, _)| name));
    if !key.may(&action, name) {
        return Err(refusal(
            "AccessDeniedException",
            format!(
                "User: arn:aws:iam::123456789012:user/portcullis is not authorized to perform: \
             secretsmanager:{action} on resource: {name} because no identity-based policy allows it"
            ),
        ));
    }
    secrets::reply(state, &action, name, body, moment)
}

#[cfg(test)]
mod tests;
