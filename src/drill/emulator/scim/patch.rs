//! The operations of a `PatchOp`: all or none.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::groups::Group;
use super::users::User;
use super::{Refusal, filter};

/// Attributes of people besides `userName` and `active`.
const ATTRIBUTES: [&str; 17] = [
    "externalId",
    "name",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "emails",
    "phoneNumbers",
    "addresses",
    "roles",
    "entitlements",
    "photos",
    "ims",
];
/// What clients send along and servers decide.
const READ_ONLY: [&str; 4] = ["schemas", "id", "meta", "groups"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Remove,
    Replace,
}

struct Operation<'a> {
    verb: Verb,
    path: Option<&'a str>,
    value: Option<&'a Value>,
}

/// The person after the operations.
pub(super) fn user(old: &User, body: &Map<String, Value>, strict: bool) -> Result<User, Refusal> {
    let mut new = old.clone();
    for operation in operations(body)? {
        match (operation.verb, operation.path, operation.value) {
            (Verb::Remove, None, _) => return Err(no_target()),
            (Verb::Remove, Some(path), _) => remove_attribute(&mut new, path)?,
            (_, Some(path), Some(value)) => set_user(&mut new, path, value, strict)?,
            (_, None, Some(Value::Object(values))) => {
                for (name, value) in values {
                    set_user(&mut new, name, value, strict)?;
                }
            }
            (_, None, Some(_)) => return Err(Refusal::value("the value is not an object")),
            (_, _, None) => return Err(Refusal::value("the operation has no value")),
        }
    }
    Ok(new)
}

/// The group after the operations.
pub(super) fn group(old: &Group, body: &Map<String, Value>, by_value: bool) -> Result<Group, Refusal> {
    let mut new = old.clone();
    for operation in operations(body)? {
        match (operation.verb, operation.path, operation.value) {
            (Verb::Remove, None, _) => return Err(no_target()),
            (Verb::Remove, Some(path), value) => remove_members(&mut new, path, value, by_value)?,
            (verb, Some(path), Some(value)) => set_group(&mut new, verb, path, value)?,
            (verb, None, Some(Value::Object(values))) => {
                for (name, value) in values {
                    set_group(&mut new, verb, name, value)?;
                }
            }
            (_, None, Some(_)) => return Err(Refusal::value("the value is not an object")),
            (_, _, None) => return Err(Refusal::value("the operation has no value")),
        }
    }
    Ok(new)
}

/// The ids in a list of members.
pub(super) fn member_ids(value: &Value) -> Result<BTreeSet<String>, Refusal> {
    let wrong = || Refusal::value("members are a list of objects with a value");
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let id = |item: &Value| item.get("value").and_then(Value::as_str).map(str::to_owned);
    items.iter().map(|item| id(item).ok_or_else(wrong)).collect()
}

/// Sets one attribute of a person.
pub(super) fn set_user(user: &mut User, path: &str, value: &Value, strict: bool) -> Result<(), Refusal> {
    let path = short(path);
    if READ_ONLY.iter().any(|name| path.eq_ignore_ascii_case(name)) || path.starts_with("urn:") {
        return Ok(());
    }
    if path.eq_ignore_ascii_case("active") {
        user.active = boolean(value, strict)?;
        return Ok(());
    }
    if path.eq_ignore_ascii_case("userName") {
        let name = value.as_str().filter(|name| !name.is_empty());
        name.ok_or_else(|| Refusal::value("userName is not a text"))?.clone_into(&mut user.user_name);
        return Ok(());
    }
    let (name, inner) = attribute(path)?;
    match inner {
        None => {
            user.attributes.insert(name.to_owned(), value.clone());
        }
        Some(inner) => {
            let parent = user.attributes.entry(name).or_insert_with(|| Value::Object(Map::new()));
            let Some(parent) = parent.as_object_mut() else { return Err(invalid_path(path)) };
            parent.insert(inner.to_owned(), value.clone());
        }
    }
    Ok(())
}

fn remove_attribute(user: &mut User, path: &str) -> Result<(), Refusal> {
    let (name, inner) = attribute(short(path))?;
    match inner {
        None => {
            user.attributes.remove(name);
        }
        Some(inner) => {
            if let Some(parent) = user.attributes.get_mut(name).and_then(Value::as_object_mut) {
                parent.remove(inner);
            }
        }
    }
    Ok(())
}

/// A known attribute, in its own spelling, and what is meant within it.
fn attribute(path: &str) -> Result<(&'static str, Option<&str>), Refusal> {
    let (name, inner) = path.split_once('.').map_or((path, None), |(name, inner)| (name, Some(inner)));
    ATTRIBUTES
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name))
        .map(|known| (known, inner))
        .ok_or_else(|| invalid_path(path))
}

fn set_group(group: &mut Group, verb: Verb, path: &str, value: &Value) -> Result<(), Refusal> {
    let path = short(path);
    match path.to_ascii_lowercase().as_str() {
        "members" => {
            let members = member_ids(value)?;
            if verb == Verb::Replace {
                group.members.clear();
            }
            group.members.extend(members);
        }
        "displayname" => {
            let name = value.as_str().filter(|name| !name.is_empty());
            name.ok_or_else(|| Refusal::value("displayName is not a text"))?
                .clone_into(&mut group.display_name);
        }
        "schemas" | "id" | "meta" | "externalid" => {}
        _ => return Err(invalid_path(path)),
    }
    Ok(())
}

/// By a filter in the path, by a list of values, or all.
fn remove_members(
    group: &mut Group,
    path: &str,
    value: Option<&Value>,
    by_value: bool,
) -> Result<(), Refusal> {
    let path = short(path);
    let selection = path.strip_prefix("members[").and_then(|rest| rest.strip_suffix(']'));
    if let Some(selection) = selection {
        let filter = filter::parse(selection).ok_or_else(|| invalid_path(path))?;
        group.members.retain(|id| !filter.matches(&serde_json::json!({ "value": id })));
        return Ok(());
    }
    if !path.eq_ignore_ascii_case("members") {
        return Err(invalid_path(path));
    }
    match value.filter(|value| !value.is_null()) {
        Some(_) if !by_value => Err(Refusal::value(
            "a remove operation carries no value, a filter in the path selects what to remove",
        )),
        Some(value) => {
            let members = member_ids(value)?;
            group.members.retain(|id| !members.contains(id));
            Ok(())
        }
        None => {
            group.members.clear();
            Ok(())
        }
    }
}

fn operations(body: &Map<String, Value>) -> Result<Vec<Operation<'_>>, Refusal> {
    let list = body.iter().find(|(key, _)| key.eq_ignore_ascii_case("Operations")).map(|(_, list)| list);
    let list = list.and_then(Value::as_array).filter(|list| !list.is_empty());
    list.ok_or_else(|| Refusal::value("operations holds one or more operations"))?
        .iter()
        .map(operation)
        .collect()
}

fn operation(item: &Value) -> Result<Operation<'_>, Refusal> {
    let verb = item.get("op").and_then(Value::as_str).unwrap_or_default();
    let verb = match verb.to_ascii_lowercase().as_str() {
        "add" => Verb::Add,
        "remove" => Verb::Remove,
        "replace" => Verb::Replace,
        _ => return Err(Refusal::value("not a PATCH operation: add, remove or replace")),
    };
    let path = match item.get("path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) => Some(path.as_str()),
        Some(_) => return Err(Refusal::new(400, "invalidPath", "the path is not a text")),
    };
    Ok(Operation { verb, path, value: item.get("value") })
}

/// A path without the core schema's prefix.
fn short(path: &str) -> &str {
    ["urn:ietf:params:scim:schemas:core:2.0:User:", "urn:ietf:params:scim:schemas:core:2.0:Group:"]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))
        .unwrap_or(path)
}

fn boolean(value: &Value, strict: bool) -> Result<bool, Refusal> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::String(text) if !strict && text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if !strict && text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Refusal::value("active is not a boolean")),
    }
}

fn invalid_path(path: &str) -> Refusal {
    Refusal::new(400, "invalidPath", format!("'{path}' is not an attribute of the schema"))
}

fn no_target() -> Refusal {
    Refusal::new(400, "noTarget", "a remove operation needs a path")
}
