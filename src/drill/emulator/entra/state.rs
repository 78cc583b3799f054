//! What the directory keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::drill::emulator::clients::Clients;

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// People by id.
    pub users: BTreeMap<String, User>,
    /// Groups by id.
    pub groups: BTreeMap<String, Group>,
    /// Directory roles by id.
    pub roles: BTreeMap<String, Role>,
    /// Applications (service principals) by id.
    pub apps: BTreeMap<String, App>,
    /// Who has which application, by the id of the assignment, which is new each time.
    #[serde(serialize_with = "without_ids")]
    pub assignments: BTreeMap<String, Assignment>,
    /// Consents by id.
    pub grants: BTreeMap<String, Grant>,
    /// Access tokens that were handed out once and for all.
    pub tokens: BTreeMap<String, Token>,
    /// Applications that ask for tokens by their secret.
    pub clients: Clients<Token>,
    /// What the responders' configuration gives a block to hold everywhere.
    pub settle_seconds: u64,
    /// What reads that lag behind still show: until when it was so, in milliseconds since the emulator started.
    pub past: Vec<(u64, Box<State>)>,
}

/// A person.
#[derive(Clone, Default, Serialize)]
pub struct User {
    /// Name to sign in with; that of a guest is made from the address and is none.
    pub name: String,
    /// E-mail address.
    pub mail: Option<String>,
    /// Further addresses.
    pub other_mails: Vec<String>,
    /// Aliases.
    pub aliases: Vec<String>,
    /// May sign in.
    pub enabled: bool,
    /// When it was disabled, in milliseconds since the emulator started.
    pub disabled_ms: Option<u64>,
    /// Of another organization.
    pub guest: bool,
    /// Kept by a directory outside.
    pub synced: bool,
    /// Sessions by id: when each began, in milliseconds since the emulator started.
    pub sessions: BTreeMap<String, u64>,
    /// From when on sessions count, as the API shows it.
    pub valid_from: String,
    /// The same in milliseconds since the emulator started; none: all count.
    pub valid_from_ms: Option<u64>,
}

/// A group.
#[derive(Clone, Default, Serialize)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Who decides about its members.
    pub kind: Kind,
    /// Ids of its people.
    pub members: BTreeSet<String>,
}

/// Who decides about the members of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// Administrators.
    #[default]
    Assigned,
    /// A rule.
    Dynamic(String),
    /// A directory outside.
    Synced,
}

/// A directory role.
#[derive(Clone, Default, Serialize)]
pub struct Role {
    /// Name.
    pub name: String,
    /// Ids of its people.
    pub members: BTreeSet<String>,
}

/// An application.
#[derive(Clone, Default, Serialize)]
pub struct App {
    /// Name.
    pub name: String,
    /// The id as which it asks for tokens.
    pub client: String,
    /// Ids of people who own it.
    pub owners: BTreeSet<String>,
}

/// That somebody has an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Assignment {
    /// `User` or `Group`.
    pub kind: String,
    /// Id of the person or the group.
    pub principal: String,
    /// Id of the application.
    pub app: String,
    /// Id of its role.
    pub role: String,
}

/// A consent.
#[derive(Clone, Default, Serialize)]
pub struct Grant {
    /// Id of the application that may act.
    pub client: String,
    /// For whom; none for everybody.
    pub principal: Option<String>,
    /// As what.
    pub scope: String,
}

/// What an access token may do.
#[derive(Clone, Default, Serialize)]
pub struct Token {
    /// The person it stands for; none for an application.
    pub user: Option<String>,
    /// Names of permissions.
    pub permissions: BTreeSet<String>,
    /// Has a directory role that lets it act on administrators.
    pub privileged: bool,
}

/// Assignments compare by what they are.
fn without_ids<S: Serializer>(all: &BTreeMap<String, Assignment>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(all.values().collect::<BTreeSet<&Assignment>>())
}

impl User {
    /// Whether it is known by this name or address.
    pub(super) fn is_called(&self, email: &str) -> bool {
        let mut names = [Some(&self.name), self.mail.as_ref()].into_iter().flatten();
        names.any(|name| name.eq_ignore_ascii_case(email))
            || self.other_mails.iter().chain(&self.aliases).any(|name| name.eq_ignore_ascii_case(email))
    }
}

impl State {
    /// Everybody with this name or address.
    pub(super) fn find<'a>(&'a self, email: &'a str) -> impl Iterator<Item = (&'a str, &'a User)> {
        let called = self.users.iter().filter(move |(_, user)| user.is_called(email));
        called.map(|(id, user)| (id.as_str(), user))
    }

    /// The application that leads to Mixpanel.
    pub fn mixpanel_app(&self) -> Option<&str> {
        self.apps.iter().find(|(_, app)| app.name == "Mixpanel").map(|(id, _)| id.as_str())
    }

    /// Whether somebody has an application, by itself or by a group.
    pub fn is_assigned(&self, app: &str, user: &str) -> bool {
        self.has(app, user, |_| true)
    }

    /// The same by ways that administrators can end.
    pub fn is_assigned_changeably(&self, app: &str, user: &str) -> bool {
        self.has(app, user, |group| group.kind == Kind::Assigned)
    }

    fn has(&self, app: &str, user: &str, counts: impl Fn(&Group) -> bool) -> bool {
        let by_group =
            |id: &str| self.groups.get(id).is_some_and(|group| group.members.contains(user) && counts(group));
        let mut of_app = self.assignments.values().filter(|one| one.app == app);
        of_app.any(|one| one.principal == user || by_group(&one.principal))
    }

    /// What a read at `millis` sees that lags so far behind.
    pub(super) fn seen(&self, millis: u64, lag: u64) -> &Self {
        let Some(then) = millis.checked_sub(lag) else {
            return self.past.first().map_or(self, |(_, old)| old);
        };
        self.past.iter().find(|(until, _)| *until > then).map_or(self, |(_, old)| old)
    }

    /// Keeps what is there before it is changed, where reads lag behind.
    pub(super) fn remember(&mut self, millis: u64, lag: u64) {
        if lag > 0 {
            let before = Self { past: Vec::new(), ..self.clone() };
            self.past.push((millis, Box::new(before)));
        }
    }

    /// Takes somebody out of everything.
    pub(super) fn delete_user(&mut self, id: &str) {
        self.users.remove(id);
        self.groups.values_mut().for_each(|group| group.members.retain(|one| one != id));
        self.roles.values_mut().for_each(|role| role.members.retain(|one| one != id));
        self.assignments.retain(|_, one| one.principal != id);
        self.grants.retain(|_, grant| grant.principal.as_deref() != Some(id));
    }
}
