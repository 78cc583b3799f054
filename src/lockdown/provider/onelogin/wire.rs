//! What OneLogin sends, as far as it matters here. Everything but identifiers may be missing or null.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::support::lenient;

/// A user that can come back only when somebody changes the status.
pub(super) const SUSPENDED: u64 = 2;

/// `GET /api/2/users/{id}`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentUser {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) username: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) status: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) directory_id: Option<u64>,
}

/// `GET /api/1/users/{id}/roles`: the list, or a list with the list in it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentRoles {
    pub(super) data: Vec<Value>,
}

/// `GET /api/2/roles`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentRole {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
}

/// `GET /api/2/mappings`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentMapping {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) actions: Option<Vec<SentMappingAction>>,
}

/// What a mapping does.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentMappingAction {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) action: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) value: Option<Vec<String>>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) email: Option<String>,
    pub(super) username: Option<String>,
    pub(super) status: u64,
    /// Comes from another directory.
    pub(super) directory: Option<u64>,
}

impl User {
    pub(super) fn name(&self) -> String {
        let names = [self.email.as_deref(), self.username.as_deref()];
        let name = names.into_iter().flatten().find(|name| !name.is_empty());
        name.map_or_else(|| self.id.to_string(), str::to_owned)
    }

    /// Whether it has exactly this name or address: a search may take `*` for anything.
    pub(super) fn is_called(&self, email: &str) -> bool {
        let mut names = [self.email.as_deref(), self.username.as_deref()].into_iter().flatten();
        names.any(|name| name.to_lowercase() == email.to_lowercase())
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Role {
    pub(super) id: u64,
    pub(super) name: String,
}

/// A mapping that gives roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Mapping {
    pub(super) name: String,
    pub(super) roles: Vec<String>,
}

/// What a status means.
pub(super) fn status_name(status: u64) -> String {
    let name = match status {
        0 => "not activated",
        1 => "active",
        2 => "suspended",
        3 => "locked",
        4 => "with an expired password",
        5 => "waiting for a password reset",
        7 => "with a pending password",
        8 => "asked for security questions",
        _ => return format!("of status {status}"),
    };
    name.to_owned()
}
