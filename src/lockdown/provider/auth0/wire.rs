//! What Auth0's Management API sends, as far as it matters here. Everything but identifiers may be missing or null.

use serde::{Deserialize, Serialize};

use super::super::support::lenient;

/// `GET /users/{id}`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentUser {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) user_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) email: Option<String>,
    /// Missing where it was never set.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) blocked: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) identities: Option<Vec<SentIdentity>>,
}

/// Where an account comes from.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentIdentity {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) connection: Option<String>,
}

/// An element of a list of which the identifier matters, and a name for people.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Listed {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: Option<String>,
    pub(super) blocked: bool,
    pub(super) connections: Vec<String>,
}

impl User {
    /// Tells accounts of one address apart.
    pub(super) fn name(&self) -> String {
        let email = self.email.as_deref().unwrap_or(&self.id);
        if self.connections.is_empty() {
            email.to_owned()
        } else {
            format!("{email} ({})", self.connections.join(", "))
        }
    }
}

/// A role of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Role {
    pub(super) id: String,
    pub(super) name: String,
}
