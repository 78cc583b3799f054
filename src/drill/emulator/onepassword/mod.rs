//! 1Password Connect: vaults, items and their patches.
//!
//! Shapes, statuses and patches are those of the published `OpenAPI` document (1.7). What an item's version counts and how
//! exactly filters match are switches.

mod patch;

use std::collections::BTreeMap;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::draws::Draws;
use super::{Answer, Client, Entry, Moment, Request, Service, Tenant, stored};

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// Vaults that each access token reaches, and whether it may write there.
    pub tokens: BTreeMap<String, BTreeMap<String, bool>>,
    /// Vaults by identifier.
    pub vaults: BTreeMap<String, Vault>,
}

/// A vault.
#[derive(Clone, Default, Serialize)]
pub struct Vault {
    /// Its name.
    pub name: String,
    /// Items by identifier.
    pub items: BTreeMap<String, Item>,
}

/// An item.
#[derive(Clone, Default)]
pub struct Item {
    /// Its title.
    pub title: String,
    /// Counts changes.
    pub version: u64,
    /// In the archive.
    pub archived: bool,
    /// Its fields, in their order.
    pub fields: Vec<Field>,
}

/// A field of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its identifier.
    pub id: String,
    /// `STRING`, `CONCEALED`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it is filled in for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// States compare by labels and values, not by how often an item was changed.
impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Item", 4)?;
        out.serialize_field("title", &self.title)?;
        out.serialize_field("archived", &self.archived)?;
        out.serialize_field("version", &self.version)?;
        let named = |field: &Field| {
            let name = field.label.clone().unwrap_or_else(|| field.id.clone());
            (name, (field.kind.clone(), field.value.clone(), field.purpose.clone()))
        };
        out.serialize_field("holds", &self.fields.iter().map(named).collect::<BTreeMap<_, _>>())?;
        out.end()
    }
}

impl State {
    /// One vault with these items, whose fields are given, and one token that may read and edit them.
    pub fn with(draws: &mut Draws, entries: &[(String, Value)]) -> Self {
        let vault = draws.letters(26);
        let items = entries.iter().map(|(title, fields)| {
            let fields = fields.as_object().into_iter().flatten();
            let field = |(label, value): (&String, &Value)| Field {
                id: draws.letters(26),
                kind: "CONCEALED".to_owned(),
                label: Some(label.clone()),
                value: value.as_str().map(str::to_owned),
                purpose: None,
            };
            let fields = fields.map(field).collect();
            (draws.letters(26), Item { title: title.clone(), version: 1, archived: false, fields })
        });
        let items = items.collect();
        let token = draws.secret();
        let vaults = [(vault.clone(), Vault { name: "Analytics".to_owned(), items })].into();
        Self { tokens: [(token, [(vault, true)].into())].into(), vaults }
    }
}

impl Item {
    /// The value of the field with this label.
    pub fn value(&self, label: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| field.label.as_deref() == Some(label));
        field.and_then(|field| field.value.as_deref())
    }

    fn summary(&self, id: &str, vault: &str) -> Map<String, Value> {
        let state = if self.archived { json!({ "state": "ARCHIVED" }) } else { json!({}) };
        let mut shown = json!({
            "id": id, "title": self.title, "vault": { "id": vault }, "category": "API_CREDENTIAL",
            "favorite": false, "version": self.version,
        });
        let mut shown = shown.as_object_mut().map(std::mem::take).unwrap_or_default();
        shown.extend(state.as_object().cloned().unwrap_or_default());
        shown
    }

    fn full(&self, id: &str, vault: &str) -> Value {
        let mut shown = self.summary(id, vault);
        shown.insert("fields".to_owned(), json!(self.fields));
        Value::Object(shown)
    }
}

/// See the module.
pub struct Connect;

impl Service for Connect {
    fn name(&self) -> &'static str {
        "onepassword"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        let Tenant { onepassword, draws, .. } = tenant;
        reply(onepassword, draws, request, moment).unwrap_or_else(|(status, message)| {
            Answer::json(status, &json!({ "status": status, "message": message }))
        })
    }

    fn client(&self, kind: &str, tenant: &Tenant, _: &str) -> Option<Client> {
        if kind != "onepassword-connect" {
            return None;
        }
        let token = tenant.onepassword.tokens.keys().next()?;
        let vault = tenant.onepassword.vaults.values().next()?;
        let settings = vec![("vault", format!("{:?}", vault.name))];
        Some(Client { path: "", credential: token.clone(), settings })
    }

    fn example(&self, tenant: &mut Tenant) {
        let entries = stored::used(tenant);
        tenant.onepassword = State::with(&mut tenant.draws, &entries);
    }

    /// Nobody but the responders and the consumers of secrets has a token.
    fn ways_in(&self, _: &Tenant, _: &str, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }

    fn entries(&self, tenant: &Tenant) -> Vec<Entry> {
        let items = tenant.onepassword.vaults.values().flat_map(|vault| vault.items.values());
        let named = items.filter_map(|item| Some((item.title.clone(), item.value("username")?.to_owned())));
        stored::entries(tenant, "onepassword-connect", named)
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["vaults.*.items.*.version"]
    }
}

type Reply = Result<Answer, (u16, &'static str)>;

fn reply(state: &mut State, draws: &mut Draws, request: &Request, moment: &Moment<'_>) -> Reply {
    let token = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
    let rights = token.and_then(|token| state.tokens.get(token)).ok_or((401, "Invalid token signature"))?;
    let rights = rights.clone();
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let loose = moment.switches.onepassword.loose_filters;
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["v1", "vaults"]) => {
            let reached = state.vaults.iter().filter(|(id, _)| rights.contains_key(*id));
            let found = reached.filter(|(_, vault)| matches(request, "name", &vault.name, loose));
            Ok(Answer::json(200, &found.map(|(id, vault)| shown(id, vault)).collect()))
        }
        (_, ["v1", "vaults", id, rest @ ..]) => {
            let may_write = *rights.get(*id).ok_or((404, "Vault not found"))?;
            let vault = state.vaults.get_mut(*id).ok_or((404, "Vault not found"))?;
            if !may_write && request.method != "GET" {
                return Err((403, "Unauthorized access"));
            }
            if let ("GET", []) = (request.method.as_str(), rest) {
                return Ok(Answer::json(200, &shown(id, vault)));
            }
            items(vault, id, rest, draws, request, moment)
        }
        _ => Err((404, "Not found")),
    }
}

fn items(
    vault: &mut Vault,
    vault_id: &str,
    path: &[&str],
    draws: &mut Draws,
    request: &Request,
    moment: &Moment<'_>,
) -> Reply {
    let loose = moment.switches.onepassword.loose_filters;
    let counts = moment.switches.onepassword.counts_versions;
    match (request.method.as_str(), path) {
        ("GET", ["items"]) => {
            let found = vault.items.iter().filter(|(_, item)| matches(request, "title", &item.title, loose));
            Ok(Answer::json(
                200,
                &found.map(|(id, item)| Value::Object(item.summary(id, vault_id))).collect(),
            ))
        }
        ("POST", ["items"]) => {
            let body = request.json().ok_or((400, "Invalid request body"))?;
            let title = body.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
            let of = body.pointer("/vault/id").and_then(Value::as_str);
            if of != Some(vault_id) || !body.get("category").is_some_and(Value::is_string) {
                return Err((400, "The item doesn't have a vault or a category"));
            }
            let fields = body.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
            let fields: Option<Vec<Field>> = fields.iter().map(|field| patch::field(field, draws)).collect();
            let fields = fields.ok_or((400, "Invalid field"))?;
            let (id, item) = (draws.letters(26), Item { title, version: 1, archived: false, fields });
            let answer = Answer::json(200, &item.full(&id, vault_id));
            vault.items.insert(id, item);
            Ok(answer)
        }
        ("GET", ["items", id]) => {
            let item = vault.items.get(*id).ok_or((404, "Item not found"))?;
            Ok(Answer::json(200, &item.full(id, vault_id)))
        }
        ("PATCH", ["items", id]) => {
            let item = vault.items.get_mut(*id).ok_or((404, "Item not found"))?;
            let body = request.json().ok_or((400, "Invalid request body"))?;
            patch::apply(item, &body, draws).map_err(|why| (400, why))?;
            item.version += u64::from(counts);
            Ok(Answer::json(200, &item.full(id, vault_id)))
        }
        ("DELETE", ["items", id]) => {
            vault.items.remove(*id).ok_or((404, "Item not found"))?;
            Ok(Answer::empty(204))
        }
        _ => Err((404, "Not found")),
    }
}

fn shown(id: &str, vault: &Vault) -> Value {
    json!({ "id": id, "name": vault.name, "type": "USER_CREATED", "items": vault.items.len() })
}

/// Whether a row passes the filter, if there is one: `title eq "text"`.
fn matches(request: &Request, key: &str, value: &str, loose: bool) -> bool {
    let Some(filter) = request.parameter("filter") else { return true };
    let wanted = filter.strip_prefix(key).and_then(|rest| rest.strip_prefix(" eq \"")?.strip_suffix('"'));
    wanted.is_some_and(|wanted| {
        if loose { value.to_lowercase().contains(&wanted.to_lowercase()) } else { value == wanted }
    })
}

#[cfg(test)]
mod tests;
