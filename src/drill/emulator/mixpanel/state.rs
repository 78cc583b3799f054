//! What the vendor keeps about an organisation.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::roles;

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// Id of the organisation.
    pub organization_id: u64,
    /// Its name.
    pub organization_name: String,
    /// Projects by id.
    pub projects: BTreeMap<u64, Project>,
    /// People by e-mail.
    pub members: BTreeMap<String, Member>,
    /// Teams by id.
    pub teams: BTreeMap<u64, Team>,
    /// Service accounts by id.
    pub service_accounts: BTreeMap<u64, ServiceAccount>,
    /// Browser sessions by their cookie.
    pub sessions: BTreeMap<String, Session>,
    /// OAuth tokens of people, by token: the e-mail.
    pub oauth_tokens: BTreeMap<String, String>,
    /// User-data deletions by tracking id.
    pub deletions: BTreeMap<String, Deletion>,
    /// Credentials that were withdrawn and still work for a while.
    pub lingering: Vec<Lingering>,
    /// Service accounts that are deleted and still listed for a while.
    pub ghosts: Vec<Ghost>,
    /// The next id.
    pub next_id: u64,
    /// How many pages of lists were served.
    pub pages_served: u64,
    /// Raw event exports that were answered: who, and of which project.
    pub exports: Vec<(String, u64)>,
}

/// A project.
#[derive(Clone, Default, Serialize)]
pub struct Project {
    /// Name.
    pub name: String,
    /// Token of its events.
    pub token: String,
    /// Secret of its old API; a credential for exports.
    pub api_secret: String,
    /// Role that every member of the organisation has here, if any.
    pub default_role: Option<String>,
    /// Legacy pipelines by name.
    pub pipelines: BTreeMap<String, Pipeline>,
    /// JSON pipelines by name, which only the web page shows: whether they are paused.
    pub json_pipelines: BTreeMap<String, bool>,
    /// Warehouse imports by id.
    pub imports: BTreeMap<u64, Import>,
    /// Cohort syncs by destination, which only the web page shows: whether they are connected.
    pub cohort_syncs: BTreeMap<String, bool>,
    /// Boards by id, which only the web page shows: whether they are public.
    pub boards: BTreeMap<u64, bool>,
}

/// A person.
#[derive(Clone, Default, Serialize)]
pub struct Member {
    /// User id.
    pub id: u64,
    /// Display name.
    pub name: String,
    /// Role in the organisation.
    pub role: String,
    /// Roles that projects give this person directly.
    pub projects: BTreeMap<u64, String>,
    /// False where the directory has deactivated the person.
    pub active: bool,
}

/// A team, which gives its role in each of its projects to its people and service accounts.
#[derive(Clone, Default, Serialize)]
pub struct Team {
    /// Name.
    pub name: String,
    /// E-mails of its people.
    pub members: BTreeSet<String>,
    /// Ids of its service accounts.
    pub service_accounts: BTreeSet<u64>,
    /// Roles in projects.
    pub projects: BTreeMap<u64, String>,
}

/// A service account.
#[derive(Clone, Default, Serialize)]
pub struct ServiceAccount {
    /// Username, as the vendor made it.
    pub username: String,
    /// Secret.
    pub secret: String,
    /// Role in the organisation, if any.
    pub role: Option<String>,
    /// Roles that projects give it directly.
    pub projects: BTreeMap<u64, String>,
    /// User id of who made it.
    pub creator: u64,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it stops working, RFC 3339.
    pub expires: Option<String>,
    /// When it was last used, RFC 3339.
    pub last_used: Option<String>,
    /// The user id that the vendor keeps behind it.
    pub user: u64,
    /// Lists show it from this time on, in milliseconds since the emulator started.
    pub listed_from_ms: u64,
}

/// A browser session.
#[derive(Clone, Default, Serialize)]
pub struct Session {
    /// Whose.
    pub email: String,
    /// When it ends, in milliseconds since the emulator started; never by itself where absent.
    pub ends_ms: Option<u64>,
    /// What it could do when its member was removed or deactivated, and can until it ends.
    pub kept: Option<Access>,
}

/// What somebody may do: a role in the organisation, and the strongest role in each project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Role in the organisation.
    pub role: Option<String>,
    /// Roles in projects, from all grants together.
    pub projects: BTreeMap<u64, String>,
}

/// A legacy pipeline.
#[derive(Clone, Default, Serialize)]
pub struct Pipeline {
    /// Whether it is paused.
    pub paused: bool,
    /// `hourly` or `daily`.
    pub frequency: String,
    /// Where it writes.
    pub destination: String,
    /// E-mail of who made it.
    pub creator: String,
}

/// A warehouse import.
#[derive(Clone, Default, Serialize)]
pub struct Import {
    /// `event_stream`, `people` and the like.
    pub kind: String,
    /// Source of the data.
    pub source: u64,
    /// Whether it is paused.
    pub paused: bool,
    /// Nanoseconds between two runs; 0 runs on request only.
    pub run_every: u64,
    /// E-mail of who made it.
    pub creator: String,
    /// When it was made, RFC 3339.
    pub created: String,
}

/// A deletion of people's data.
#[derive(Clone, Default, Serialize)]
pub struct Deletion {
    /// Project.
    pub project: u64,
    /// `PENDING`, `STAGING`, `STARTED`, `SUCCESS`, `REVOKED`.
    pub status: String,
    /// E-mail of who asked.
    pub requested_by: String,
    /// When, RFC 3339.
    pub requested: String,
    /// Whose data.
    pub distinct_ids: Vec<String>,
}

/// A credential that was withdrawn and still works for a while.
#[derive(Clone, Serialize)]
pub struct Lingering {
    /// Username; blank for an API secret.
    pub username: String,
    /// Secret.
    pub secret: String,
    /// What it still opens.
    pub access: Access,
    /// Until when, in milliseconds since the emulator started.
    pub until_ms: u64,
}

/// A service account that is deleted and still listed for a while.
#[derive(Clone, Serialize)]
pub struct Ghost {
    /// Id.
    pub id: u64,
    /// What it was.
    pub account: ServiceAccount,
    /// Until when, in milliseconds since the emulator started.
    pub until_ms: u64,
}

impl State {
    /// Id and name of the organisation.
    pub fn organization(&self) -> (u64, &str) {
        (self.organization_id, &self.organization_name)
    }

    /// A new id.
    pub fn take_id(&mut self) -> u64 {
        self.next_id = self.next_id.saturating_add(1);
        self.next_id
    }

    /// What a member may do: the union of organisation, teams, single grants and defaults. Nothing while deactivated.
    pub fn member_access(&self, email: &str) -> Option<Access> {
        let member = self.members.get(email).filter(|member| member.active)?;
        let teams = self.teams.values().filter(|team| team.members.contains(email));
        let mut access = self.access(Some(&member.role), &member.projects, teams);
        for (id, project) in &self.projects {
            if let Some(role) = &project.default_role {
                access.give(*id, role);
            }
        }
        Some(access)
    }

    /// What a service account may do.
    pub fn account_access(&self, id: u64) -> Option<Access> {
        let account = self.service_accounts.get(&id)?;
        let teams = self.teams.values().filter(|team| team.service_accounts.contains(&id));
        Some(self.access(account.role.as_deref(), &account.projects, teams))
    }

    fn access<'a>(
        &self,
        role: Option<&str>,
        own: &BTreeMap<u64, String>,
        teams: impl Iterator<Item = &'a Team>,
    ) -> Access {
        let mut access = Access { role: role.map(str::to_owned), projects: BTreeMap::new() };
        let from_teams = teams.flat_map(|team| &team.projects);
        for (id, role) in own.iter().chain(from_teams).filter(|(id, _)| self.projects.contains_key(id)) {
            access.give(*id, role);
        }
        if let Some(role) = role.filter(|role| roles::manages(role)) {
            for id in self.projects.keys() {
                access.give(*id, role);
            }
        }
        access
    }

    /// Ends what a person's sessions could do after `ends_ms`, or never where it is absent; they keep until then what
    /// they can do now.
    pub fn cut_sessions(&mut self, email: &str, ends_ms: Option<u64>) {
        let access = self.member_access(email).unwrap_or_default();
        for session in self.sessions.values_mut().filter(|session| session.email == email) {
            session.kept.get_or_insert_with(|| access.clone());
            session.ends_ms = match (session.ends_ms, ends_ms) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
    }

    /// The directory's `active: false`. `ends_ms` as in [`State::cut_sessions`]. False where there is no such member.
    pub fn deactivate(&mut self, email: &str, ends_ms: Option<u64>) -> bool {
        self.cut_sessions(email, ends_ms);
        self.members.get_mut(email).map(|member| member.active = false).is_some()
    }

    /// The directory's `active: true`. False where there is no such member.
    pub fn reactivate(&mut self, email: &str) -> bool {
        self.members.get_mut(email).map(|member| member.active = true).is_some()
    }

    /// Takes a person out of the organisation, its projects and teams.
    pub fn remove_member(&mut self, email: &str, sessions_end_ms: u64) -> bool {
        self.cut_sessions(email, Some(sessions_end_ms));
        for team in self.teams.values_mut() {
            team.members.remove(email);
        }
        self.oauth_tokens.retain(|_, owner| owner != email);
        self.members.remove(email).is_some()
    }
}

impl Access {
    /// Gives a role in a project; the stronger one stays.
    pub fn give(&mut self, project: u64, role: &str) {
        let weaker = |held: &String| roles::rank(held) < roles::rank(role);
        if self.projects.get(&project).is_none_or(weaker) {
            self.projects.insert(project, role.to_owned());
        }
    }

    /// Takes in what another credential opens.
    pub fn join(&mut self, other: &Access) {
        if self.role.as_deref().map(roles::rank) < other.role.as_deref().map(roles::rank) {
            self.role.clone_from(&other.role);
        }
        for (project, role) in &other.projects {
            self.give(*project, role);
        }
    }

    /// Whether it may manage the organisation.
    pub fn manages_organization(&self) -> bool {
        self.role.as_deref().is_some_and(roles::manages)
    }

    /// Whether it may manage a project.
    pub fn manages_project(&self, project: u64) -> bool {
        self.projects.get(&project).is_some_and(|role| roles::manages(role))
    }
}
