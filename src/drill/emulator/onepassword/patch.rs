//! Patches of items: RFC 6902, in which fields are named by their identifiers.

use serde_json::Value;

use super::{Draws, Field, Item};

/// Applies all operations, or none.
pub(super) fn apply(item: &mut Item, patch: &Value, draws: &mut Draws) -> Result<(), &'static str> {
    let operations = patch.as_array().ok_or("Invalid patch")?;
    let mut changed = item.clone();
    for operation in operations {
        let text = |key: &str| operation.get(key).and_then(Value::as_str);
        let path = text("path").and_then(|path| path.strip_prefix('/')).ok_or("Invalid path")?;
        let segments: Vec<String> =
            path.split('/').map(|segment| segment.replace("~1", "/").replace("~0", "~")).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        one(&mut changed, text("op").unwrap_or_default(), &segments, operation.get("value"), draws)?;
    }
    *item = changed;
    Ok(())
}

fn one(
    item: &mut Item,
    op: &str,
    path: &[&str],
    value: Option<&Value>,
    draws: &mut Draws,
) -> Result<(), &'static str> {
    let given = || value.ok_or("A value is needed");
    match (op, path) {
        ("add" | "replace", ["title"]) => {
            given()?.as_str().ok_or("Invalid title")?.clone_into(&mut item.title);
            Ok(())
        }
        ("add", ["fields"]) => {
            item.fields.push(field(given()?, draws).ok_or("Invalid field")?);
            Ok(())
        }
        (_, ["fields", id, rest @ ..]) => {
            let at = item.fields.iter().position(|field| field.id == *id).ok_or("Field not found")?;
            match (op, rest) {
                ("remove", []) => drop(item.fields.remove(at)),
                ("replace", []) => {
                    let mut new = field(given()?, draws).ok_or("Invalid field")?;
                    (*id).clone_into(&mut new.id);
                    *item.fields.get_mut(at).ok_or("Field not found")? = new;
                }
                (op, [name]) => {
                    let field = item.fields.get_mut(at).ok_or("Field not found")?;
                    let text = match op {
                        "remove" => None,
                        _ => Some(given()?.as_str().ok_or("Invalid value")?.to_owned()),
                    };
                    match *name {
                        "value" => field.value = text,
                        "label" => field.label = text,
                        _ => return Err("Invalid path"),
                    }
                }
                _ => return Err("Invalid path"),
            }
            Ok(())
        }
        _ => Err("Invalid path"),
    }
}

/// A field as a request says it; its identifier is drawn where it says none.
pub(super) fn field(value: &Value, draws: &mut Draws) -> Option<Field> {
    let fields = value.as_object()?;
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Field {
        id: text("id").unwrap_or_else(|| draws.letters(26)),
        kind: text("type").unwrap_or_else(|| "STRING".to_owned()).to_uppercase(),
        label: text("label"),
        value: text("value"),
        purpose: text("purpose"),
    })
}
