//! What Microsoft Graph sends, as far as it matters here. Everything but identifiers may be missing or null.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::support::lenient;

/// A page of a list.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Page<T> {
    pub(super) value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next: Option<Value>,
}

/// Properties of users that are asked for: without it some of them are not sent.
pub(super) const SELECT: &str = "id,userPrincipalName,mail,accountEnabled,userType,onPremisesSyncEnabled,\
                                 signInSessionsValidFromDateTime";

/// `GET /users/{id}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentUser {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) user_principal_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) mail: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) account_enabled: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) user_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) on_premises_sync_enabled: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) sign_in_sessions_valid_from_date_time: Option<String>,
}

/// Something in the directory: a group, a role, an application.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentObject {
    #[serde(rename = "@odata.type", default, deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) display_name: Option<String>,
    /// Of applications: the id as which they ask for tokens.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) app_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) group_types: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) membership_rule: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) on_premises_sync_enabled: Option<bool>,
}

/// An assignment of an application.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentAssignment {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) principal_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) principal_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) resource_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) app_role_id: Option<String>,
}

/// A consent by which an application acts for somebody.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentGrant {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) client_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) consent_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) principal_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) scope: Option<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) login: String,
    pub(super) mail: Option<String>,
    pub(super) enabled: bool,
    /// Of another organization.
    pub(super) guest: bool,
    /// Kept by a directory outside of Entra.
    pub(super) synced: bool,
    /// When sessions have to have begun to count.
    pub(super) valid_from: Option<String>,
}

/// What a user is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Membership {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What a membership is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// A group whose members can be changed.
    Group,
    /// A group whose rule decides.
    Dynamic(String),
    /// A group that a directory outside of Entra keeps.
    Synced,
    /// A directory role.
    Role,
    /// Something that gives nothing, such as an administrative unit.
    Other,
}

/// An assignment of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Assignment {
    pub(super) id: String,
    /// `User` or `Group`: one of a group is shown with its members, and taking it away unassigns them all.
    pub(super) principal_type: String,
    pub(super) principal: String,
    pub(super) resource: String,
    pub(super) role: String,
}

/// A consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Grant {
    pub(super) id: String,
    pub(super) client: String,
    pub(super) scope: String,
}

/// Something that a user owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Owned {
    pub(super) id: String,
    pub(super) name: String,
    /// Portcullis itself works as it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) own: bool,
}
