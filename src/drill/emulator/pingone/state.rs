//! What the environment keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::drill::emulator::clients::Clients;

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// Its id.
    pub environment: String,
    /// People by id.
    pub users: BTreeMap<String, User>,
    /// Groups by id.
    pub groups: BTreeMap<String, Group>,
    /// Id of the application that leads to Mixpanel.
    pub mixpanel_app: String,
    /// Ids of groups whose people may use it.
    pub app_groups: BTreeSet<String>,
    /// Access tokens that were handed out once and for all.
    pub tokens: BTreeMap<String, Token>,
    /// Worker applications that ask for tokens by their secret.
    pub clients: Clients<Token>,
}

/// A person.
#[derive(Clone, Default, Serialize)]
pub struct User {
    /// Name to sign in with.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// May sign in.
    pub enabled: bool,
    /// Ids of sessions.
    pub sessions: BTreeSet<String>,
    /// Administrators' roles by id of the assignment, which is new each time.
    #[serde(serialize_with = "without_ids")]
    pub roles: BTreeMap<String, Role>,
}

/// A group.
#[derive(Clone, Default, Serialize)]
pub struct Group {
    /// Name.
    pub name: String,
    /// The filter that fills it.
    pub filter: Option<String>,
    /// Another directory keeps it.
    pub external: bool,
    /// Ids of its people.
    pub members: BTreeSet<String>,
}

/// An administrator's role.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Role {
    /// Its id.
    pub role: String,
    /// Where it holds: an id.
    pub scope: String,
    /// And of what: `ENVIRONMENT`.
    pub kind: String,
    /// The group that gives it.
    pub group: Option<String>,
}

/// What an access token may do.
#[derive(Clone, Default, Serialize)]
pub struct Token {
    /// The person it stands for; none for a worker application.
    pub user: Option<String>,
    /// May change people.
    pub changes: bool,
}

/// Roles compare by what they are.
fn without_ids<S: Serializer>(roles: &BTreeMap<String, Role>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(roles.values().collect::<BTreeSet<&Role>>())
}

impl User {
    /// Whether this is its name or address.
    pub(super) fn is_called(&self, email: &str) -> bool {
        self.email.eq_ignore_ascii_case(email) || self.username.eq_ignore_ascii_case(email)
    }
}

impl Group {
    /// Whether administrators say who is in it.
    pub(super) fn is_changeable(&self) -> bool {
        self.filter.is_none() && !self.external
    }
}
