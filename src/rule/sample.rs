//! Records as JSON values: the samples of rules, and records that are explained.

use serde_json::Value;

use super::document::unknown_key;
use super::yaml::{Fault, Node, Yaml};
use crate::event::{Fields, Scalar};

/// Records that a rule carries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// It must match these: records, or lists of records that together are a log.
    pub matches: Vec<Value>,
    /// It must not match these.
    pub misses: Vec<Value>,
}

/// Reads `samples`.
pub(super) fn parse(node: &Node) -> Result<Samples, Fault> {
    const KEYS: [&str; 2] = ["match", "no_match"];
    if !matches!(node.value, Yaml::Map(_)) {
        return Err(Fault::new(node.span, format!("`samples` has to be a map, not {}", node.kind())));
    }
    if let Some((key, _)) = node.entries().find(|(key, _)| !KEYS.contains(&key.text.as_str())) {
        return Err(unknown_key(&key.text, key.span, &KEYS));
    }
    let list = |name: &str| match node.get(name).map(|node| (&node.value, node.span)) {
        None => Ok(Vec::new()),
        Some((Yaml::List(items), _)) => Ok(items.iter().map(json).collect()),
        Some((_, span)) => Err(Fault::new(span, format!("`{name}` has to be a list of records"))),
    };
    Ok(Samples { matches: list("match")?, misses: list("no_match")? })
}

fn json(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(truth) => Value::Bool(*truth),
        Yaml::Number(value, text) => serde_json::from_str(text)
            .ok()
            .or_else(|| serde_json::Number::from_f64(*value).map(Value::Number))
            .unwrap_or_else(|| Value::String(text.clone())),
        Yaml::Text(text) => Value::String(text.clone()),
        Yaml::List(items) => Value::Array(items.iter().map(json).collect()),
        Yaml::Map(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.text.clone(), json(value))).collect())
        }
    }
}

/// A JSON record whose fields are asked for by name.
pub struct JsonFields<'a> {
    record: &'a Value,
    paths: &'a dyn Fn(&str) -> Vec<String>,
}

impl<'a> JsonFields<'a> {
    /// `paths` gives the raw paths of a field, most wanted first; the first that is present gives the values.
    pub fn new(record: &'a Value, paths: &'a dyn Fn(&str) -> Vec<String>) -> Self {
        Self { record, paths }
    }
}

impl Fields for JsonFields<'_> {
    fn values(&self, name: &str, each: &mut dyn FnMut(Scalar<'_>)) {
        for path in (self.paths)(name) {
            let mut found = false;
            visit(self.record, &path, &mut |value| {
                found = true;
                give(value, each);
            });
            if found {
                return;
            }
        }
    }

    fn all_values(&self, each: &mut dyn FnMut(Scalar<'_>)) {
        leaves(self.record, each);
        each(Scalar::Str(&self.record.to_string()));
    }
}

/// Every value at a dotted path; keys may contain dots, arrays stand for their elements.
fn visit(value: &Value, path: &str, each: &mut dyn FnMut(&Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, path, each)),
        Value::Object(members) => {
            for (key, member) in members {
                if key == path {
                    spread(member, each);
                } else if let Some(rest) =
                    path.strip_prefix(key.as_str()).and_then(|rest| rest.strip_prefix('.'))
                {
                    visit(member, rest, each);
                }
            }
        }
        _ => {}
    }
}

fn spread(value: &Value, each: &mut dyn FnMut(&Value)) {
    match value {
        Value::Array(items) if !items.is_empty() => items.iter().for_each(|item| spread(item, each)),
        _ => each(value),
    }
}

fn leaves(value: &Value, each: &mut dyn FnMut(Scalar<'_>)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| leaves(item, each)),
        Value::Object(members) => members.values().for_each(|member| leaves(member, each)),
        _ => give(value, each),
    }
}

fn give(value: &Value, each: &mut dyn FnMut(Scalar<'_>)) {
    match value {
        Value::Null => each(Scalar::Null),
        Value::Bool(truth) => each(Scalar::Bool(*truth)),
        Value::Number(number) => each(Scalar::Number(&number.to_string())),
        Value::String(text) => each(Scalar::Str(text)),
        Value::Array(_) | Value::Object(_) => each(Scalar::Container),
    }
}
