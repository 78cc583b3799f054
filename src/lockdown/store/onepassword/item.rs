//! An item, its fields, and the patches that change them and bring them back.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;
use serde_json::{Value, json};

use super::super::document::text;
use super::super::{StoreError, Write};
use super::odd;

/// Begins the label of a field that holds what another field held before.
const KEEPS: &str = "Portcullis keeps version ";
/// In such a label: the other field was not there.
const WITHOUT: &str = " without";

/// An item as it was read.
pub(super) struct Item {
    pub(super) id: String,
    pub(super) version: u64,
    /// In the archive, or deleted.
    pub(super) is_gone: bool,
    fields: Vec<Field>,
    /// Labels that more than one field has.
    doubled: BTreeSet<String>,
    /// What fields held before the last write of ours.
    pub(super) kept: Vec<Kept>,
}

struct Field {
    id: String,
    /// The label; the identifier where others have the same label, or there is none.
    name: String,
    value: SecretString,
}

/// What a field held at a version.
pub(super) struct Kept {
    id: String,
    version: u64,
    name: String,
    /// `None`: the field was not there.
    value: Option<SecretString>,
}

impl Kept {
    pub(super) fn value(&self) -> Option<&SecretString> {
        self.value.as_ref()
    }
}

/// Whether a state is that of an item which is not there any more.
pub(super) fn is_gone(state: &str) -> bool {
    matches!(state, "ARCHIVED" | "DELETED")
}

/// Fields of a new item.
pub(super) fn new(fields: &BTreeMap<String, SecretString>) -> Value {
    fields.iter().map(|(name, value)| field(name, value)).collect()
}

fn field(label: &str, value: &SecretString) -> Value {
    json!({ "label": label, "type": "CONCEALED", "value": text(value) })
}

impl Item {
    /// An item as the server answers it.
    pub(super) fn read(answer: &Value) -> Result<Self, StoreError> {
        let text = |key: &str| answer.get(key).and_then(Value::as_str);
        let id = text("id").filter(|id| super::is_id(id)).ok_or_else(odd)?.to_owned();
        let version = answer.get("version").and_then(Value::as_u64).ok_or_else(odd)?;
        let rows = match answer.get("fields") {
            Some(Value::Array(rows)) => rows.as_slice(),
            Some(Value::Null) | None => &[],
            Some(_) => return Err(odd().into()),
        };
        let labels = rows.iter().filter_map(|row| row.get("label")?.as_str());
        let doubled = doubled(labels);
        let once = |label: &&str| !label.is_empty() && !doubled.contains(*label);
        let (mut fields, mut kept) = (Vec::new(), Vec::new());
        for row in rows {
            let text = |key: &str| row.get(key).and_then(Value::as_str);
            let id = text("id").filter(|id| !id.is_empty()).ok_or_else(odd)?.to_owned();
            let (label, value) = (text("label").unwrap_or_default(), text("value").unwrap_or_default());
            if let Some((version, name, there)) = keeps(label) {
                let (name, value) = (name.to_owned(), there.then(|| value.into()));
                kept.push(Kept { id, version, name, value });
            } else {
                let name = Some(label).filter(once).map_or_else(|| id.clone(), str::to_owned);
                fields.push(Field { id, name, value: value.into() });
            }
        }
        let is_gone = text("state").is_some_and(is_gone);
        Ok(Self { id, version, is_gone, fields, doubled, kept })
    }

    /// The fields by their names.
    pub(super) fn shown(&self) -> BTreeMap<String, SecretString> {
        self.fields.iter().map(|field| (field.name.clone(), field.value.clone())).collect()
    }

    /// The fields as they were at a version, where that is still known.
    pub(super) fn at(&self, version: u64) -> Option<BTreeMap<String, SecretString>> {
        let mut fields = self.shown();
        let mut kept = self.kept.iter().filter(|kept| kept.version == version).peekable();
        kept.peek()?;
        for Kept { name, value, .. } in kept {
            match value {
                Some(value) => drop(fields.insert(name.clone(), value.clone())),
                None => drop(fields.remove(name)),
            }
        }
        Some(fields)
    }

    /// The first of these names that more than one field has as its label: which one is meant is not known.
    pub(super) fn doubled<'a>(&self, mut names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
        names.find(|name| self.doubled.contains(*name))
    }

    /// What has to be changed for a write, and kept of what is there now.
    pub(super) fn patch(&self, write: &Write) -> Vec<Value> {
        let (Write::Merge(wanted) | Write::Replace(wanted)) = write;
        let mut patch: Vec<Value> = self.kept.iter().map(|kept| remove(&kept.id)).collect();
        let keep = |name: &str, value: Option<&SecretString>| {
            let without = if value.is_some() { "" } else { WITHOUT };
            let label = format!("{KEEPS}{}{without}: {name}", self.version);
            add(&label, value.unwrap_or(&SecretString::default()))
        };
        for field in &self.fields {
            match wanted.get(&field.name) {
                Some(value) => {
                    patch.push(keep(&field.name, Some(&field.value)));
                    patch.push(replace(&field.id, value));
                }
                None if matches!(write, Write::Replace(_)) => {
                    patch.push(keep(&field.name, Some(&field.value)));
                    patch.push(remove(&field.id));
                }
                None => {}
            }
        }
        let there: BTreeSet<&String> = self.fields.iter().map(|field| &field.name).collect();
        for (name, value) in wanted.iter().filter(|(name, _)| !there.contains(name)) {
            patch.push(keep(name, None));
            patch.push(add(name, value));
        }
        patch
    }

    /// What brings a version back; `None` where it is not known any more.
    pub(super) fn patch_back(&self, version: u64) -> Option<Vec<Value>> {
        let kept: Vec<&Kept> = self.kept.iter().filter(|kept| kept.version == version).collect();
        if kept.is_empty() {
            return None;
        }
        let mut patch: Vec<Value> = self.kept.iter().map(|kept| remove(&kept.id)).collect();
        for Kept { name, value, .. } in kept {
            let there = self.fields.iter().find(|field| field.name == *name);
            match (there, value) {
                (Some(there), Some(value)) => patch.push(replace(&there.id, value)),
                (Some(there), None) => patch.push(remove(&there.id)),
                (None, Some(value)) => patch.push(add(name, value)),
                (None, None) => {}
            }
        }
        Some(patch)
    }
}

fn doubled<'a>(labels: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut once = BTreeSet::new();
    labels.filter(|label| !once.insert(*label)).map(str::to_owned).collect()
}

fn add(label: &str, value: &SecretString) -> Value {
    json!({ "op": "add", "path": "/fields", "value": field(label, value) })
}

fn remove(id: &str) -> Value {
    json!({ "op": "remove", "path": format!("/fields/{}", pointer(id)) })
}

fn replace(id: &str, value: &SecretString) -> Value {
    json!({ "op": "replace", "path": format!("/fields/{}/value", pointer(id)), "value": text(value) })
}

/// A segment of a JSON pointer (RFC 6901).
fn pointer(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

/// Version and name in the label of a kept field, and whether the field was there.
fn keeps(label: &str) -> Option<(u64, &str, bool)> {
    let (version, name) = label.strip_prefix(KEEPS)?.split_once(": ")?;
    let (version, there) = version.strip_suffix(WITHOUT).map_or((version, true), |version| (version, false));
    Some((version.parse().ok()?, name, there))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn item(fields: &Value) -> Item {
        let answer = json!({ "id": "a".repeat(26), "version": 7, "fields": fields });
        Item::read(&answer).unwrap()
    }

    fn plain(fields: Option<BTreeMap<String, SecretString>>) -> Vec<(String, String)> {
        let fields = fields.into_iter().flatten();
        fields.map(|(name, value)| (name, value.expose_secret().to_owned())).collect()
    }

    #[test]
    fn fields_are_named_by_labels_that_are_the_only_ones() {
        let item = item(&json!([
            { "id": "username", "label": "username", "value": "a" },
            { "id": "f1", "label": "x", "value": "1" },
            { "id": "f2", "label": "x", "value": "2" },
            { "id": "f3" },
        ]));
        let pairs = [("f1", "1"), ("f2", "2"), ("f3", ""), ("username", "a")];
        assert_eq!(plain(Some(item.shown())), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn kept_values_are_read_from_labels_and_nothing_else() {
        for (label, expected) in [
            ("Portcullis keeps version 7: secret", Some((7, "secret", true))),
            ("Portcullis keeps version 7 without: a: b", Some((7, "a: b", false))),
            ("Portcullis keeps version x: secret", None),
            ("Portcullis keeps version 7", None),
            ("portcullis keeps version 7: secret", None),
            ("", None),
        ] {
            assert_eq!(keeps(label), expected, "{label}");
        }
    }

    #[test]
    fn pointers_are_escaped() {
        let write = Write::Merge([("a".to_owned(), "n".into())].into());
        let patch = item(&json!([{ "id": "x/~y", "label": "a", "value": "o" }])).patch(&write);
        assert_eq!(patch[1], json!({"op": "replace", "path": "/fields/x~1~0y/value", "value": "n"}));
    }

    #[test]
    fn what_is_no_item_is_an_error() {
        for answer in [
            json!({}),
            json!([]),
            json!({"id": "short", "version": 1}),
            json!({"id": "a".repeat(26)}),
            json!({"id": "a".repeat(26), "version": 1, "fields": 7}),
            json!({"id": "a".repeat(26), "version": 1, "fields": [{"label": "x"}]}),
        ] {
            assert!(Item::read(&answer).is_err(), "{answer}");
        }
    }
}
