//! What SCIM servers send, as far as it matters here. Everything but identifiers may be missing or null.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::support::{lenient, need};
use crate::lockdown::http::CallError;

/// The schema of a PATCH.
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(rename = "totalResults", default, deserialize_with = "lenient")]
    pub(super) total: Option<u64>,
    #[serde(rename = "Resources", default, deserialize_with = "lenient")]
    pub(super) resources: Option<Vec<Resource>>,
}

/// A user or a group as sent.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Resource {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(rename = "userName", default, deserialize_with = "lenient")]
    user_name: Option<String>,
    #[serde(rename = "displayName", default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default)]
    active: Value,
    #[serde(default, deserialize_with = "lenient")]
    members: Option<Vec<Valued>>,
    #[serde(default, deserialize_with = "lenient")]
    emails: Option<Vec<Valued>>,
    #[serde(default, deserialize_with = "lenient")]
    meta: Option<Meta>,
}

/// A member of a group, or an e-mail address of a user.
#[derive(Debug, Clone, Default, Deserialize)]
struct Valued {
    #[serde(default, deserialize_with = "lenient")]
    value: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Meta {
    #[serde(default, deserialize_with = "lenient")]
    version: Option<String>,
}

/// A user.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "userName is the attribute's name")]
pub(super) struct User {
    pub(super) id: String,
    pub(super) user_name: String,
    emails: Vec<String>,
    active: bool,
}

/// A group.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) id: String,
    display_name: Option<String>,
    members: Vec<String>,
}

/// What a server says that it can do; `None` where it is silent.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Config {
    #[serde(default, deserialize_with = "lenient")]
    patch: Option<Feature>,
    #[serde(default, deserialize_with = "lenient")]
    filter: Option<Feature>,
}

#[derive(Debug, Default, Deserialize)]
struct Feature {
    #[serde(default, deserialize_with = "lenient")]
    supported: Option<bool>,
}

/// [`Config`], flat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Features {
    pub(super) patch: Option<bool>,
    pub(super) filter: Option<bool>,
}

impl Resource {
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(super) fn version(self) -> Option<String> {
        self.meta?.version
    }
}

impl User {
    pub(super) fn of(sent: Resource, call: &str) -> Result<Self, CallError> {
        let active = match &sent.active {
            Value::Bool(active) => *active,
            // Some directories write booleans as text.
            Value::String(text) => !text.trim().eq_ignore_ascii_case("false"),
            // Where a server does not say, nobody has deactivated the user.
            _ => true,
        };
        Ok(Self {
            id: need(sent.id, call, "id")?,
            user_name: need(sent.user_name, call, "userName")?,
            emails: values(sent.emails),
            active,
        })
    }

    pub(super) fn is_active(&self) -> bool {
        self.active
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.user_name.to_lowercase() == name.to_lowercase()
    }

    pub(super) fn has_email(&self, email: &str) -> bool {
        self.emails.iter().any(|own| own.to_lowercase() == email.to_lowercase())
    }

    pub(super) fn evidence(&self) -> Value {
        json!({"id": self.id, "userName": self.user_name, "emails": self.emails, "active": self.active})
    }
}

impl Group {
    pub(super) fn of(sent: Resource, call: &str) -> Result<Self, CallError> {
        Ok(Self {
            id: need(sent.id, call, "id")?,
            display_name: sent.display_name,
            members: values(sent.members),
        })
    }

    pub(super) fn name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.id)
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.id == name || self.name().to_lowercase() == name.to_lowercase()
    }

    pub(super) fn has(&self, user: &str) -> bool {
        self.members.iter().any(|member| member == user)
    }

    pub(super) fn evidence(&self) -> Value {
        json!({"id": self.id, "displayName": self.display_name, "members": self.members})
    }
}

fn values(sent: Option<Vec<Valued>>) -> Vec<String> {
    sent.unwrap_or_default().into_iter().filter_map(|entry| entry.value).collect()
}

impl From<Config> for Features {
    fn from(config: Config) -> Self {
        let supported = |feature: Option<Feature>| feature.and_then(|feature| feature.supported);
        Self { patch: supported(config.patch), filter: supported(config.filter) }
    }
}

/// `attribute eq "value"`, the value quoted as JSON, as the RFC wants it.
pub(super) fn equals(attribute: &str, value: &str) -> String {
    format!("{attribute} eq {}", Value::from(value))
}

/// A PATCH of one operation.
pub(super) fn patch(operation: &Value) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": [operation]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_missing_fields_and_texts_are_borne() {
        let user = |text: &str| User::of(serde_json::from_str(text).unwrap(), "GET Users");
        assert!(
            user(r#"{"id":"1","userName":"a","active":null,"members":null,"meta":7}"#).unwrap().is_active()
        );
        assert!(user(r#"{"id":"1","userName":"a"}"#).unwrap().is_active());
        assert!(!user(r#"{"id":"1","userName":"a","active":"False"}"#).unwrap().is_active());
        assert!(!user(r#"{"id":"1","userName":"a","active":false}"#).unwrap().is_active());
        let error = user(r#"{"id":7,"userName":"a"}"#).unwrap_err().to_string();
        assert_eq!(error, "answer lost: GET Users: `id` is missing in the answer");
        let page: Page = serde_json::from_str(r#"{"totalResults":"2","Resources":null}"#).unwrap();
        assert!(page.total.is_none() && page.resources.is_none());
    }

    #[test]
    fn filters_quote_what_they_look_for() {
        assert_eq!(equals("userName", r#"a"b\c"#), r#"userName eq "a\"b\\c""#);
    }
}
