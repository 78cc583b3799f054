//! What the identity provider keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::drill::emulator::clients::Clients;

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// People by id.
    pub users: BTreeMap<u64, User>,
    /// Roles by id.
    pub roles: BTreeMap<u64, Role>,
    /// What gives roles to whom it fits, when mappings run.
    pub mappings: Vec<Mapping>,
    /// Access tokens that were handed out once and for all, each with its scope.
    pub tokens: BTreeMap<String, Scope>,
    /// API credentials that ask for tokens by their secret.
    pub clients: Clients<Scope>,
    /// Id of the application that leads to Mixpanel.
    pub mixpanel_app: u64,
}

/// A person.
#[derive(Clone, Default, Serialize)]
pub struct User {
    /// Its own id.
    pub id: u64,
    /// E-mail address.
    pub email: String,
    /// Name to sign in with; blank where it is the address.
    pub username: String,
    /// 1 is active, 2 suspended.
    pub status: u64,
    /// The directory that it comes from.
    pub directory: Option<u64>,
    /// Ids of its roles.
    pub roles: BTreeSet<u64>,
    /// Ids of its sessions, which no call lists.
    pub sessions: BTreeSet<String>,
}

/// A role.
#[derive(Clone, Default, Serialize)]
pub struct Role {
    /// Name.
    pub name: String,
    /// Ids of applications that it gives.
    pub apps: BTreeSet<u64>,
}

/// A mapping.
#[derive(Clone, Default, Serialize)]
pub struct Mapping {
    /// Name.
    pub name: String,
    /// Ids of people whom it fits.
    pub fits: BTreeSet<u64>,
    /// Ids of roles that it gives.
    pub roles: BTreeSet<u64>,
}

/// What a token may do: each more than the one before, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Scope {
    /// Look at users and roles.
    ReadUsers,
    /// Look at everything.
    ReadAll,
    /// Change users, but not their roles.
    ManageUsers,
    /// Everything.
    ManageAll,
}

impl User {
    /// Whether this is its name or address.
    pub(super) fn is_called(&self, email: &str) -> bool {
        self.email.eq_ignore_ascii_case(email) || self.username.eq_ignore_ascii_case(email)
    }
}
