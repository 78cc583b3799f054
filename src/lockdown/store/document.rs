//! What an entry holds, where a store keeps one JSON object for it: its members are the fields.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::Write;
use crate::lockdown::http::wipe;

/// The members of the object; values need not be text. Wiped when dropped.
#[derive(Default)]
pub(super) struct Document(Map<String, Value>);

impl Document {
    /// Reads a text that has to be a JSON object. The error says nothing of the text, which is secret.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(mut other) => {
                wipe(&mut other);
                Err("it holds JSON, but not an object with the fields".to_owned())
            }
            Err(_) => Err("it holds no JSON object with the fields".to_owned()),
        }
    }

    /// Without members.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields; what is no text is shown as its JSON.
    pub(super) fn fields(&self) -> BTreeMap<String, SecretString> {
        let shown = self.0.iter().map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string().into(), SecretString::from);
            (name.clone(), text)
        });
        shown.collect()
    }

    /// What a write makes of it.
    pub(super) fn written(mut self, write: &Write) -> Self {
        let mut old = Self(std::mem::take(&mut self.0));
        let (mut new, fields) = match write {
            Write::Merge(fields) => (Self(std::mem::take(&mut old.0)), fields),
            Write::Replace(fields) => (Self::default(), fields),
        };
        for (name, value) in fields {
            // A number or an object comes back as what it was: entries show it as its JSON.
            let known = old.0.remove(name);
            let same = known.filter(|old| !old.is_string() && is_shown_as(old, value.expose_secret()));
            new.0.insert(name.clone(), same.unwrap_or_else(|| text(value)));
        }
        new
    }

    /// As a value that whoever takes it has to wipe.
    pub(super) fn into_value(mut self) -> Value {
        Value::Object(std::mem::take(&mut self.0))
    }

    /// As the text that is stored.
    pub(super) fn to_text(&self) -> SecretString {
        serde_json::to_string(&self.0).unwrap_or_default().into()
    }
}

impl From<Map<String, Value>> for Document {
    fn from(members: Map<String, Value>) -> Self {
        Self(members)
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// A secret as a value that has to be wiped.
pub(super) fn text(value: &SecretString) -> Value {
    Value::String(value.expose_secret().to_owned())
}

fn is_shown_as(value: &Value, text: &str) -> bool {
    serde_json::from_str(text).is_ok_and(|shown: Value| shown == *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(fields: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
        fields.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect()
    }

    fn after(text: &str, write: &Write) -> String {
        Document::parse(text).unwrap_or_default().written(write).to_text().expose_secret().to_owned()
    }

    #[test]
    fn a_merge_keeps_what_it_does_not_name_and_a_replacement_does_not() {
        let old = r#"{"port":5432,"secret":"old","on":true}"#;
        let merged = after(old, &Write::Merge(set(&[("secret", "new"), ("on", "false")])));
        assert_eq!(merged, r#"{"on":"false","port":5432,"secret":"new"}"#);
        let replaced = after(old, &Write::Replace(set(&[("port", "5432"), ("secret", "x")])));
        assert_eq!(replaced, r#"{"port":5432,"secret":"x"}"#, "a number that is shown comes back as one");
    }

    #[test]
    fn what_is_no_object_is_refused_and_not_shown() {
        for text in ["", "CANARY", "\"CANARY\"", "[\"CANARY\"]", "{\"CANARY\":", "7"] {
            let why = Document::parse(text).err().unwrap_or_default();
            assert!(!why.is_empty() && !why.contains("CANARY"), "{text}: {why}");
        }
    }
}
