//! What the identity provider keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::drill::emulator::clients::Clients;

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// Accounts by id, such as `auth0|618…`.
    pub users: BTreeMap<String, User>,
    /// Roles by id.
    pub roles: BTreeMap<String, Role>,
    /// Consents by id.
    pub grants: BTreeMap<String, Grant>,
    /// Access tokens of the API that were handed out once and for all.
    pub tokens: BTreeMap<String, Token>,
    /// Applications that ask for tokens by their secret.
    pub clients: Clients<Token>,
}

/// An account: one person has one for each connection.
#[derive(Clone, Default, Serialize)]
pub struct User {
    /// E-mail address.
    pub email: String,
    /// Where it comes from.
    pub connection: String,
    /// When it was made, in milliseconds since the emulator started.
    #[serde(skip)]
    pub made_ms: u64,
    /// Kept out.
    pub blocked: bool,
    /// Whether it was ever said whether it is blocked.
    #[serde(skip)]
    pub was_blocked: bool,
    /// Sessions by id: when each ends, in milliseconds since the emulator started.
    pub sessions: BTreeMap<String, Option<u64>>,
    /// Refresh tokens by id, likewise.
    pub refresh_tokens: BTreeMap<String, Option<u64>>,
}

/// A role.
#[derive(Clone, Default, Serialize)]
pub struct Role {
    /// Name.
    pub name: String,
    /// Ids of its accounts.
    pub members: BTreeSet<String>,
}

/// A consent.
#[derive(Clone, Default, Serialize)]
pub struct Grant {
    /// The application.
    pub client: String,
    /// Id of the account.
    pub user: String,
    /// As what.
    pub scopes: Vec<String>,
}

/// What an access token may do.
#[derive(Clone, Default, Serialize)]
pub struct Token {
    /// The account it stands for; none for an application.
    pub user: Option<String>,
    /// Its scopes.
    pub scopes: BTreeSet<String>,
}

impl User {
    /// Whether this is its address, however it is written.
    pub(super) fn is_called(&self, email: &str) -> bool {
        self.email.eq_ignore_ascii_case(email)
    }
}
