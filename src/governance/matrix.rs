//! The permission matrix, as data: `matrix.toml`, embedded and checked when it is loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::source::mixpanel_events::EVENTS;

const FILE: &str = include_str!("matrix.toml");

/// What roles may do, what they see, and what has to be rotated because of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// How old a credential may be.
    pub rotation: Rotation,
    /// Roles, in the order of the table.
    #[serde(rename = "role")]
    pub roles: Vec<Role>,
    /// Rows of the table.
    #[serde(rename = "capability")]
    pub capabilities: Vec<Capability>,
    /// Events that say nothing of a role.
    #[serde(rename = "other")]
    pub others: Vec<Other>,
    /// Events by which data left, or a way for it was made.
    pub exports: Exports,
    /// What can be seen.
    #[serde(rename = "credential")]
    pub credentials: Vec<Credential>,
    /// When everything that an admin could see is rotated.
    #[serde(rename = "trigger")]
    pub triggers: Vec<Trigger>,
}

/// See [`Matrix::rotation`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rotation {
    /// Days.
    pub after_days: i64,
}

/// A role.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name in this file.
    pub id: String,
    /// For people.
    pub title: String,
    /// Of what it is a role.
    pub scope: Scope,
    /// How the API, the web page and logs call it, in lower case.
    pub names: Vec<String>,
}

/// Of what something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The organization.
    Organization,
    /// One project.
    Project,
}

/// A row of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capability {
    /// Its name in this file.
    pub id: String,
    /// For people.
    pub title: String,
    /// By role.
    pub may: BTreeMap<String, May>,
    /// Events of the log that show its use.
    pub events: Vec<String>,
}

/// A cell of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum May {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Look at, not change.
    See,
    /// Yes, where the organization does not forbid it.
    UnlessForbidden,
}

/// See [`Matrix::others`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// Why these events say nothing of a role.
    pub why: String,
    /// Whoever does it needs no role for it.
    pub own: bool,
    /// The events.
    pub events: Vec<String>,
}

/// See [`Matrix::exports`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exports {
    /// The events.
    pub events: Vec<String>,
}

/// A kind of credential.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Credential {
    /// Its name in this file.
    pub kind: CredentialKind,
    /// For people.
    pub title: String,
    /// The capability by which it is seen.
    pub shown_by: String,
    /// What it belongs to.
    pub scope: Scope,
    /// Whether it has to be rotated once it was seen.
    pub rotate: Rotate,
    /// How it is rotated.
    pub how: String,
}

/// Kinds of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// The secret of a service account.
    ServiceAccount,
    /// The API secret of a project.
    ApiSecret,
    /// The token of a project.
    ProjectToken,
    /// The SCIM token of the organization.
    ScimToken,
}

/// Whether a credential that was seen has to be rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotate {
    /// It has to be.
    Must,
    /// It is good practice.
    Advised,
}

/// See [`Matrix::triggers`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Its name in this file.
    pub id: String,
    /// For people.
    pub when: String,
}

/// What an event says of the role of whoever did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs<'a> {
    /// It takes this capability.
    Capability(&'a Capability),
    /// Nothing.
    Nothing,
    /// The table does not say.
    Unsaid,
}

impl PartialEq for Capability {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Capability {}

/// The matrix that comes with the program.
pub fn matrix() -> &'static Matrix {
    static MATRIX: LazyLock<Matrix> = LazyLock::new(|| {
        // A test loads and checks the same file: the program is not built with another one.
        parse(FILE).unwrap_or_else(|_| Matrix::empty())
    });
    &MATRIX
}

/// Reads a matrix and checks that it is whole.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(text: &str) -> Result<Matrix, String> {
    let matrix: Matrix = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
    matrix.check()?;
    Ok(matrix)
}

impl Matrix {
    fn empty() -> Self {
        Self {
            rotation: Rotation { after_days: 0 },
            roles: Vec::new(),
            capabilities: Vec::new(),
            others: Vec::new(),
            exports: Exports { events: Vec::new() },
            credentials: Vec::new(),
            triggers: Vec::new(),
        }
    }

    /// The role of this name, as the vendor or a log writes it; `None` for custom roles.
    pub fn role(&self, scope: Scope, name: &str) -> Option<&Role> {
        let name = name.trim().to_ascii_lowercase();
        self.roles.iter().find(|role| role.scope == scope && role.names.contains(&name))
    }

    /// The capability of this id.
    pub fn capability(&self, id: &str) -> Option<&Capability> {
        self.capabilities.iter().find(|capability| capability.id == id)
    }

    /// Whether a role may do something; `None` where the role is not in the table.
    pub fn may(&self, scope: Scope, role: &str, capability: &str) -> Option<May> {
        let role = self.role(scope, role)?;
        self.capability(capability)?.may.get(&role.id).copied()
    }

    /// Whether a role can do something or see it done; `None` where the role is not in the table.
    pub fn can(&self, scope: Scope, role: &str, capability: &str) -> Option<bool> {
        Some(matches!(self.may(scope, role, capability)?, May::Yes | May::UnlessForbidden))
    }

    /// What an event says of the role of whoever did it. Case is ignored, as in rules.
    pub fn needs(&self, event: &str) -> Needs<'_> {
        let has = |events: &[String]| events.iter().any(|known| known.eq_ignore_ascii_case(event));
        if let Some(capability) = self.capabilities.iter().find(|capability| has(&capability.events)) {
            return Needs::Capability(capability);
        }
        match self.others.iter().find(|other| has(&other.events)) {
            Some(other) if other.own => Needs::Nothing,
            _ => Needs::Unsaid,
        }
    }

    /// Whether data left by this event, or a way for it was made.
    pub fn exports(&self, event: &str) -> bool {
        self.exports.events.iter().any(|known| known.eq_ignore_ascii_case(event))
    }

    /// What is known of a kind of credential.
    pub fn credential(&self, kind: CredentialKind) -> Option<&Credential> {
        self.credentials.iter().find(|credential| credential.kind == kind)
    }

    fn check(&self) -> Result<(), String> {
        let roles: BTreeSet<&str> = self.roles.iter().map(|role| role.id.as_str()).collect();
        if roles.len() != self.roles.len() || roles.is_empty() {
            return Err("the ids of roles have to be different".to_owned());
        }
        let mut names = BTreeSet::new();
        for role in &self.roles {
            for name in &role.names {
                let lower = name.to_ascii_lowercase() == *name && !name.is_empty();
                if !lower || !names.insert((role.scope, name)) {
                    return Err(format!("{}: {name:?} is not in lower case, or is taken", role.id));
                }
            }
        }
        let mut ids = BTreeSet::new();
        for capability in &self.capabilities {
            let cells: BTreeSet<&str> = capability.may.keys().map(String::as_str).collect();
            if cells != roles || !ids.insert(&capability.id) {
                return Err(format!("{} needs an id of its own and a cell for each role", capability.id));
            }
        }
        for credential in &self.credentials {
            if !ids.contains(&credential.shown_by) {
                return Err(format!("{} is shown by what is no capability", credential.title));
            }
        }
        self.check_events()
    }

    fn check_events(&self) -> Result<(), String> {
        let events = self.capabilities.iter().flat_map(|capability| &capability.events);
        let mut placed: Vec<&str> =
            events.chain(self.others.iter().flat_map(|other| &other.events)).map(String::as_str).collect();
        placed.sort_unstable();
        let known: Vec<&str> = EVENTS.iter().map(|event| event.name).collect();
        let differs = |one: &[&str], other: &[&str]| {
            one.iter().find(|name| !other.contains(name)).map(|name| (*name).to_owned())
        };
        if let Some(name) = differs(&placed, &known).or_else(|| differs(&known, &placed)) {
            return Err(format!("{name} is no documented event, or stands nowhere"));
        }
        if let Some([name, _]) = placed.array_windows().find(|[one, other]| one == other) {
            return Err(format!("{name} stands twice"));
        }
        let exports: Vec<&str> = self.exports.events.iter().map(String::as_str).collect();
        differs(&exports, &known).map_or(Ok(()), |name| Err(format!("{name} is no documented event")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the guide, restated: owner, admin of the organization; admin, analyst, viewer of a project.
    const TABLE: &str = "
        see reports; export what is visible as CSV | yes | yes | yes | yes | yes
        create reports, boards, cohorts, alerts, scheduled e-mails; query console; see all events and properties | yes | yes | yes | yes | no
        edit the Lexicon, merge or hide events, custom properties | yes | yes | yes | no | no
        data pipelines, warehouse connectors, webhooks, raw export | yes | yes | yes | no | no
        cohort syncs to ad platforms | yes | yes | yes | no | no
        API credentials: project token, API secret, service accounts | yes | yes | yes | no | no
        project settings, retention, deletion of data | yes | yes | yes | no | no
        project members and roles | yes | yes | yes | no | no
        delete a project | yes | yes | unless-forbidden | no | no
        members, SSO, SCIM of the organization | yes | yes | no | no | no
        billing; transfer ownership | yes | see | no | no | no";

    fn cell(text: &str) -> May {
        match text {
            "yes" => May::Yes,
            "no" => May::No,
            "see" => May::See,
            "unless-forbidden" => May::UnlessForbidden,
            _ => panic!("{text}"),
        }
    }

    #[test]
    fn every_cell_is_that_of_the_table() {
        let matrix = parse(FILE).unwrap();
        let columns = [
            (Scope::Organization, "owner"),
            (Scope::Organization, "admin"),
            (Scope::Project, "admin"),
            (Scope::Project, "analyst"),
            (Scope::Project, "consumer"),
        ];
        let rows: Vec<Vec<&str>> =
            TABLE.lines().skip(1).map(|line| line.split('|').map(str::trim).collect()).collect();
        assert_eq!(rows.len(), matrix.capabilities.len());
        let mut cells = 0;
        for (row, capability) in rows.iter().zip(&matrix.capabilities) {
            assert_eq!(row[0], capability.title);
            for (told, (scope, role)) in row[1..].iter().zip(columns) {
                assert_eq!(matrix.may(scope, role, &capability.id), Some(cell(told)), "{row:?} {role}");
                cells += 1;
            }
            // A member has nothing but what projects give.
            assert_eq!(matrix.may(Scope::Organization, "member", &capability.id), Some(May::No));
        }
        assert_eq!(cells, 55);
    }

    #[test]
    fn roles_have_the_names_that_the_vendor_uses_and_custom_roles_are_not_guessed() {
        let matrix = matrix();
        assert_eq!(matrix.roles.len(), 6, "the embedded file is whole");
        for (scope, name, id) in [
            (Scope::Project, "viewer", Some("project-viewer")),
            (Scope::Project, "Consumer", Some("project-viewer")),
            (Scope::Project, " OWNER ", Some("project-admin")),
            (Scope::Organization, "member", Some("organization-member")),
            (Scope::Organization, "analyst", None),
            (Scope::Project, "Data Steward", None),
        ] {
            assert_eq!(matrix.role(scope, name).map(|role| role.id.as_str()), id, "{name}");
        }
        assert_eq!(matrix.can(Scope::Project, "Data Steward", "api-credentials"), None);
        assert_eq!(matrix.can(Scope::Project, "admin", "delete-project"), Some(true));
        assert_eq!(matrix.can(Scope::Organization, "admin", "billing"), Some(false));
    }

    #[test]
    fn every_documented_event_stands_once_and_what_is_seen_is_rotated() {
        let matrix = matrix();
        let all = EVENTS.iter().filter(|event| matrix.needs(event.name) == Needs::Unsaid).count();
        assert_eq!(all, 33);
        let Needs::Capability(raw) = matrix.needs("RAW_EVENT_EXPORT.requested") else { panic!() };
        assert_eq!(raw.id, "carry-data-out");
        assert_eq!(matrix.needs("session.logged_in"), Needs::Nothing);
        assert_eq!(matrix.needs("made.up"), Needs::Unsaid);
        let rotate = |kind| matrix.credential(kind).unwrap().rotate;
        assert_eq!(rotate(CredentialKind::ServiceAccount), Rotate::Must);
        assert_eq!(rotate(CredentialKind::ApiSecret), Rotate::Must);
        assert_eq!(rotate(CredentialKind::ProjectToken), Rotate::Advised);
        assert_eq!(rotate(CredentialKind::ScimToken), Rotate::Must);
        assert_eq!((matrix.rotation.after_days, matrix.triggers.len()), (90, 6));
    }

    #[test]
    fn a_matrix_that_is_not_whole_is_refused() {
        for (from, to, told) in [
            ("\"project-viewer\"\ntitle", "\"project-admin\"\ntitle", "have to be different"),
            ("names = [\"analyst\"]", "names = [\"Analyst\"]", "lower case"),
            ("names = [\"analyst\"]", "names = [\"admin\"]", "taken"),
            ("organization-admin = \"see\", ", "", "a cell for each role"),
            ("= \"see\"", "= \"perhaps\"", "unknown variant"),
            (
                "\"cohort_sync.created\", \"cohort_sync.updated\"]\n\n[[cap",
                "\"cohort_sync.created\"]\n\n[[cap",
                "stands nowhere",
            ),
            ("events = []", "events = [\"alert.created\"]", "stands twice"),
            ("events = []", "events = [\"project.deleted\"]", "no documented event"),
            ("shown-by = \"organization-access\"", "shown-by = \"x\"", "no capability"),
            ("after-days", "after-dayz", "unknown field"),
        ] {
            assert!(FILE.contains(from), "{from}");
            let error = parse(&FILE.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(told), "{to}: {error}");
        }
    }
}
