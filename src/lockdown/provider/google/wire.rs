//! What the Directory API sends, as far as it matters here. Everything but identifiers may be missing or null.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::support::lenient;

/// A kind of list: what it says that it is, and the key under which its rows stand, which an empty one leaves out.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListOf {
    pub(super) kind: &'static str,
    pub(super) key: &'static str,
}

pub(super) const USERS: ListOf = ListOf { kind: "admin#directory#users", key: "users" };
pub(super) const GROUPS: ListOf = ListOf { kind: "admin#directory#groups", key: "groups" };
pub(super) const TOKENS: ListOf = ListOf { kind: "admin#directory#tokenList", key: "items" };
pub(super) const PASSWORDS: ListOf = ListOf { kind: "admin#directory#aspList", key: "items" };
pub(super) const CODES: ListOf = ListOf { kind: "admin#directory#verificationCodesList", key: "items" };
pub(super) const ASSIGNMENTS: ListOf = ListOf { kind: "admin#directory#roleAssignments", key: "items" };
pub(super) const ROLES: ListOf = ListOf { kind: "admin#directory#roles", key: "items" };

/// `GET /users/{userKey}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentUser {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) primary_email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) aliases: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) non_editable_aliases: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) suspended: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) is_admin: Option<bool>,
    #[serde(rename = "isEnrolledIn2Sv", default, deserialize_with = "lenient")]
    pub(super) is_enrolled: Option<bool>,
    #[serde(rename = "isEnforcedIn2Sv", default, deserialize_with = "lenient")]
    pub(super) is_enforced: Option<bool>,
}

/// `GET /groups?userKey=`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentGroup {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
}

/// `GET /groups/{groupKey}/members/{memberKey}`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentMember {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) role: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) delivery_settings: Option<String>,
}

/// `GET /users/{userKey}/tokens`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentToken {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) client_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) display_text: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) scopes: Option<Vec<String>>,
}

/// `GET /users/{userKey}/asps`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentPassword {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) code_id: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
}

/// `GET /customer/{customer}/roleassignments`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentAssignment {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) role_assignment_id: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) role_id: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) assigned_to: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) scope_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) org_unit_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) condition: Option<String>,
}

/// `GET /customer/{customer}/roles`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentRole {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) role_id: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) role_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) is_super_admin_role: Option<bool>,
}

/// A number as text: Google writes large ones as text, small ones as numbers.
pub(super) fn number(sent: Option<Value>) -> Option<String> {
    match sent? {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    /// Further addresses by which it signs in.
    pub(super) aliases: Vec<String>,
    pub(super) suspended: bool,
    /// Super administrator.
    pub(super) admin: bool,
    /// Has second factors; `None`: Google does not say.
    pub(super) enrolled: Option<bool>,
    /// Has to have second factors.
    pub(super) enforced: bool,
}

impl User {
    /// Whether it signs in by this address: a contact address of its profile is no name of its own.
    pub(super) fn is_called(&self, email: &str) -> bool {
        let mut names = std::iter::once(&self.email).chain(&self.aliases);
        names.any(|name| name.to_lowercase() == email.to_lowercase())
    }
}

/// A group that the user is in by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) name: String,
}

/// How somebody is in a group, in the words in which it is given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delivery_settings: Option<String>,
}

/// What an application may do in the user's name: all its tokens in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Token {
    pub(super) client: String,
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
}

/// An app password, not its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Password {
    pub(super) id: String,
    pub(super) name: String,
}

/// A role and where it holds, in the words in which it is given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Given {
    pub(super) role_id: String,
    pub(super) scope_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) org_unit_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<String>,
}

/// An administrator's role that somebody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Assignment {
    pub(super) id: String,
    pub(super) given: Given,
    /// The user, or a group that it is in.
    pub(super) assigned_to: String,
}

/// An administrator's role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Role {
    pub(super) id: String,
    pub(super) name: String,
    /// That of a super administrator, which the user itself shows.
    pub(super) is_super: bool,
}
