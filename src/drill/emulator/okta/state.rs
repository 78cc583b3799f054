//! What the identity provider keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// People by id.
    pub users: BTreeMap<String, User>,
    /// Groups by id.
    pub groups: BTreeMap<String, Group>,
    /// Group rules by id.
    pub rules: BTreeMap<String, Rule>,
    /// Applications by id.
    pub apps: BTreeMap<String, App>,
    /// API tokens by id.
    pub tokens: BTreeMap<String, ApiToken>,
    /// OAuth access tokens for this API: the id of whose they are.
    pub bearers: BTreeMap<String, String>,
    /// API tokens that are revoked and still listed for a while.
    pub ghosts: Vec<Ghost>,
    /// The System Log, oldest first.
    pub log: Vec<Value>,
}

/// A person.
#[derive(Clone, Default, Serialize)]
pub struct User {
    /// Login, which is the e-mail.
    pub login: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Where the person is in its life.
    pub status: Status,
    /// Since when.
    pub status_changed: String,
    /// When it was made.
    pub created: String,
    /// Ids of sessions.
    pub sessions: BTreeSet<String>,
    /// Devices on which a second factor is remembered.
    pub devices: BTreeSet<String>,
    /// OAuth consents by id.
    pub grants: BTreeMap<String, Grant>,
    /// OAuth refresh tokens by id: the client.
    pub oauth_tokens: BTreeMap<String, String>,
    /// Admin roles by id of the assignment, which is new each time.
    #[serde(serialize_with = "without_ids")]
    pub roles: BTreeMap<String, Role>,
    /// Earlier statuses, each with the time at which it ended, in milliseconds since the emulator started.
    pub changes: Vec<(u64, Status)>,
}

/// Where a person is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Made, not activated.
    Staged,
    /// Activated, has not set a password.
    Provisioned,
    /// In use.
    #[default]
    Active,
    /// Forgot the password.
    Recovery,
    /// Has to set a new password.
    PasswordExpired,
    /// Too many wrong passwords.
    LockedOut,
    /// Kept out, can be let in again.
    Suspended,
    /// Gone for good.
    Deprovisioned,
}

impl Status {
    /// As the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Staged => "STAGED",
            Self::Provisioned => "PROVISIONED",
            Self::Active => "ACTIVE",
            Self::Recovery => "RECOVERY",
            Self::PasswordExpired => "PASSWORD_EXPIRED",
            Self::LockedOut => "LOCKED_OUT",
            Self::Suspended => "SUSPENDED",
            Self::Deprovisioned => "DEPROVISIONED",
        }
    }
}

/// An admin role.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Role {
    /// `SUPER_ADMIN` and the like.
    pub kind: String,
    /// Ids of the groups that it is limited to; all where there are none.
    pub groups: BTreeSet<String>,
}

/// Roles compare by what they are.
fn without_ids<S: Serializer>(roles: &BTreeMap<String, Role>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(roles.values().collect::<BTreeSet<&Role>>())
}

/// A consent of a person to an OAuth client.
#[derive(Clone, Default, Serialize)]
pub struct Grant {
    /// The client.
    pub client: String,
    /// The scope.
    pub scope: String,
}

/// A group.
#[derive(Clone, Default, Serialize)]
pub struct Group {
    /// Name.
    pub name: String,
    /// `OKTA_GROUP`, `APP_GROUP` or `BUILT_IN`: only members of the first can be changed.
    pub kind: String,
    /// Ids of its people, and the rule that put them there.
    pub members: BTreeMap<String, Option<String>>,
}

/// A rule that puts people into groups.
#[derive(Clone, Default, Serialize)]
pub struct Rule {
    /// Name.
    pub name: String,
    /// Its condition, which nothing here evaluates.
    pub expression: String,
    /// People whom the condition fits.
    pub fits: BTreeSet<String>,
    /// Groups that it fills.
    pub groups: BTreeSet<String>,
    /// People whom it leaves out: those who were taken out of its groups by hand.
    pub excluded: BTreeSet<String>,
    /// An active rule cannot be edited.
    pub active: bool,
}

/// An application.
#[derive(Clone, Default, Serialize)]
pub struct App {
    /// Name of its kind: `mixpanel`.
    pub name: String,
    /// Name as shown.
    pub label: String,
    /// Ids of people who have it on their own account.
    pub users: BTreeMap<String, Assignment>,
    /// Ids of groups whose people have it.
    pub groups: BTreeSet<String>,
    /// Whether it tells the application's directory who has it.
    pub provisions: bool,
}

/// How somebody has an application.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Assignment {
    /// Name of the person at the application.
    pub user_name: String,
    /// The application's own attributes of the person.
    pub profile: Map<String, Value>,
}

/// An API token.
#[derive(Clone, Default, Serialize)]
pub struct ApiToken {
    /// The token itself, which no list shows.
    pub secret: String,
    /// Name.
    pub name: String,
    /// Id of who made it, whose rights it has.
    pub user: String,
    /// When it was made.
    pub created: String,
}

/// An API token that is revoked and still listed for a while.
#[derive(Clone, Serialize)]
pub struct Ghost {
    /// Id.
    pub id: String,
    /// What it was.
    pub token: ApiToken,
    /// Until when, in milliseconds since the emulator started.
    pub until_ms: u64,
}

impl State {
    /// Somebody by id or login.
    pub fn find(&self, name: &str) -> Option<(&str, &User)> {
        let by_login = || self.users.iter().find(|(_, user)| user.login.eq_ignore_ascii_case(name));
        self.users.get_key_value(name).or_else(by_login).map(|(id, user)| (id.as_str(), user))
    }

    /// The application that leads to Mixpanel.
    pub fn mixpanel_app(&self) -> Option<(&str, &App)> {
        self.apps.iter().find(|(_, app)| app.name == "mixpanel").map(|(id, app)| (id.as_str(), app))
    }

    /// Groups that give somebody an application.
    pub(in crate::drill::emulator) fn granting_groups(&self, app: &str, user: &str) -> Vec<&str> {
        let Some(app) = self.apps.get(app) else { return Vec::new() };
        let has = |id: &&String| self.groups.get(*id).is_some_and(|group| group.members.contains_key(user));
        app.groups.iter().filter(has).map(String::as_str).collect()
    }

    /// How somebody has an application, if at all: on his own account, or by a group.
    pub fn assignment(&self, app: &str, user: &str) -> Option<Assignment> {
        let own = self.apps.get(app)?.users.get(user).cloned();
        own.or_else(|| {
            let login = &self.users.get(user)?.login;
            let by_group = !self.granting_groups(app, user).is_empty();
            let user_name = login.clone();
            by_group.then(|| Assignment { user_name, profile: self.mapped_profile(user) })
        })
    }

    /// What the application gets to know about somebody, unless it is told otherwise.
    pub(in crate::drill::emulator) fn mapped_profile(&self, user: &str) -> Map<String, Value> {
        let Some(user) = self.users.get(user) else { return Map::new() };
        let pairs = [("email", &user.login), ("firstName", &user.first_name), ("lastName", &user.last_name)];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect()
    }

    /// Whether somebody with this login can start a session at Mixpanel. Who has to set a new password or forgot it can
    /// do so, and comes back by himself.
    pub fn lets_in(&self, login: &str) -> bool {
        let Some((id, user)) = self.find(login) else { return false };
        let alive = matches!(user.status, Status::Active | Status::PasswordExpired | Status::Recovery);
        alive && self.mixpanel_app().is_some_and(|(app, _)| self.assignment(app, id).is_some())
    }
}

impl User {
    /// The status that a search shows, which lags behind.
    pub(super) fn status_at(&self, millis: u64) -> Status {
        self.changes.iter().find(|(ended, _)| *ended > millis).map_or(self.status, |(_, before)| *before)
    }
}
