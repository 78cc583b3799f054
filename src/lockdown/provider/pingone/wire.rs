//! What PingOne sends, as far as it matters here. Everything but identifiers may be missing or null.

use serde::{Deserialize, Serialize};

use super::super::support::lenient;

/// `GET /users/{id}`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentUser {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) username: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) enabled: Option<bool>,
}

/// `GET /users/{id}/memberOfGroups?expand=group`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentMembership {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(rename = "_embedded", default, deserialize_with = "lenient")]
    pub(super) embedded: Option<SentEmbedded>,
}

/// What was expanded.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentEmbedded {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) group: Option<SentGroup>,
}

/// A group.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentGroup {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) user_filter: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) source_type: Option<String>,
}

/// `GET /users/{id}/roleAssignments`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentRole {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) role: Option<Listed>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) scope: Option<Scope>,
    /// Given through this group.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) group: Option<Listed>,
}

/// Something of which the identifier matters.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Listed {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
}

/// Where a role holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scope {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) username: String,
    pub(super) email: Option<String>,
    pub(super) enabled: bool,
}

/// A group of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Membership {
    pub(super) id: String,
    pub(super) name: String,
    /// Why it cannot be left, where it cannot.
    pub(super) stays: Option<String>,
}

/// A role, in the words in which it is given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Role {
    pub(super) id: String,
    #[serde(rename = "role")]
    pub(super) definition: String,
    pub(super) scope: Scope,
    pub(super) by_group: bool,
}
