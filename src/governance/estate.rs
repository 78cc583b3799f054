//! What providers list: members, projects, service accounts, pipelines and imports. It is read from what a lockdown's discovery
//! keeps as evidence, fresh or from the folder of an incident.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::access::{Grant, Held, Slot, same};
use super::replay::Listed;

/// Everything that was listed.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// Members' roles in the organization: of the four kinds of grant, the only one that an API tells.
    pub listed: Listed,
    /// Names of projects by their numbers.
    pub projects: BTreeMap<String, String>,
    /// Service accounts by their numbers.
    pub accounts: BTreeMap<u64, Account>,
    /// Pipelines and imports.
    pub feeds: Vec<Feed>,
    /// E-mail addresses by the vendor's numbers of people.
    pub people: BTreeMap<u64, String>,
    /// Whether service accounts could be listed.
    pub accounts_told: bool,
    /// What could not be read, in words.
    pub unread: Vec<String>,
}

/// A service account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Its user name.
    pub username: String,
    /// Who made it, in the vendor's numbers.
    pub creator: Option<u64>,
    /// Who made it, where that is told by e-mail address.
    pub creator_email: Option<String>,
    /// The number of the user that the vendor keeps behind it.
    pub user: Option<u64>,
    /// When it was made, as the vendor writes it.
    pub created: Option<String>,
    /// When it ends by itself.
    pub expires: Option<String>,
    /// When it was last used.
    pub last_used: Option<String>,
    /// Projects that it reaches, and the role or the way.
    pub projects: BTreeMap<String, String>,
    /// It is the tool's own.
    pub own: bool,
}

/// What carries data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Feed {
    /// The project's number.
    pub project: String,
    /// `pipeline` or `warehouse`.
    pub kind: FeedKind,
    /// Its name or number.
    pub name: String,
    /// Whether it is paused, where that is told.
    pub paused: Option<bool>,
    /// Who made it, as far as it is told.
    pub creator: Option<String>,
}

/// Kinds of feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeedKind {
    /// A legacy pipeline.
    Pipeline,
    /// A warehouse import.
    Warehouse,
}

impl FeedKind {
    /// Its name in the inventory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Warehouse => "warehouse",
        }
    }
}

/// Number, e-mail address, name: whichever is told.
type Creator = (Option<u64>, Option<String>, Option<String>);

#[derive(Deserialize)]
struct Wire {
    credential: WireCredential,
    service_accounts: Option<Vec<WireAccount>>,
    members: Option<Vec<WireMember>>,
    projects: Vec<WireProject>,
    #[serde(default)]
    unread: Vec<String>,
}

#[derive(Deserialize)]
struct WireCredential {
    service_account: Option<u64>,
}

#[derive(Deserialize)]
struct WireAccount {
    id: u64,
    username: String,
    creator: Creator,
    created: Option<String>,
    expires: Option<String>,
    last_used: Option<String>,
    user: Option<u64>,
    direct: BTreeMap<String, String>,
    indirect: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct WireMember {
    id: Option<u64>,
    email: String,
    role: Option<String>,
}

#[derive(Deserialize)]
struct WireProject {
    id: u64,
    name: String,
    pipelines: Vec<WireJob>,
    imports: Vec<WireImport>,
}

#[derive(Deserialize)]
struct WireJob {
    name: String,
    paused: Option<bool>,
}

#[derive(Deserialize)]
struct WireImport {
    id: u64,
    paused: bool,
    creator: Creator,
}

/// Whether a snapshot is of a system that this room reads.
pub fn is_estate(snapshot: &Value) -> bool {
    ["credential", "service_accounts", "members", "projects"].iter().all(|key| snapshot.get(key).is_some())
}

impl Estate {
    /// Takes in what one system listed.
    ///
    /// # Errors
    /// In words: the snapshot has another form.
    pub fn add(&mut self, snapshot: &Value) -> Result<(), String> {
        let wire = Wire::deserialize(snapshot).map_err(|error| error.to_string())?;
        self.unread.extend(wire.unread);
        if let Some(members) = wire.members {
            self.listed.kinds.insert(Grant::Organization);
            for member in members {
                let email = same(&member.email);
                self.people.extend(member.id.map(|id| (id, email.clone())));
                let held = member.role.map_or(Held::Unknown, Held::Role);
                self.listed.grants.insert(Slot::Organization(email), held);
            }
        }
        self.accounts_told |= wire.service_accounts.is_some();
        for account in wire.service_accounts.into_iter().flatten() {
            let WireAccount { id, username, creator, created, expires, last_used, user, direct, indirect } =
                account;
            let own = Some(id) == wire.credential.service_account;
            let projects = indirect.into_iter().chain(direct).collect();
            let (creator, creator_email, _) = creator;
            let creator_email = creator_email.map(|email| same(&email));
            let account = Account {
                username,
                creator,
                creator_email,
                user,
                created,
                expires,
                last_used,
                projects,
                own,
            };
            self.accounts.insert(id, account);
        }
        wire.projects.into_iter().for_each(|project| self.project(project));
        self.feeds.sort();
        Ok(())
    }

    fn project(&mut self, project: WireProject) {
        let id = project.id.to_string();
        let jobs = project.pipelines.into_iter().map(|job| Feed {
            project: id.clone(),
            kind: FeedKind::Pipeline,
            name: job.name,
            paused: job.paused,
            creator: None,
        });
        self.feeds.extend(jobs);
        for import in project.imports {
            let (number, email, name) = import.creator;
            let creator = email.or_else(|| self.people.get(&number?).cloned()).or(name);
            self.feeds.push(Feed {
                project: id.clone(),
                kind: FeedKind::Warehouse,
                name: import.id.to_string(),
                paused: Some(import.paused),
                creator,
            });
        }
        self.projects.insert(id, project.name);
    }

    /// Who made a service account, where that is a person whom a list names.
    pub fn maker<'a>(&'a self, account: &'a Account) -> Option<&'a str> {
        let by_number = account.creator.and_then(|number| self.people.get(&number));
        account.creator_email.as_deref().or(by_number.map(String::as_str))
    }

    /// Service accounts that `email` made, itself or by way of such ones. What the tool's own one made is not followed.
    pub fn made_by(&self, email: &str) -> BTreeSet<u64> {
        let mut made = BTreeSet::new();
        let mut users: BTreeSet<u64> =
            self.people.iter().filter(|(_, who)| *who == email).map(|(number, _)| *number).collect();
        loop {
            let before = made.len();
            for (id, account) in &self.accounts {
                let by = account.creator_email.as_deref() == Some(email)
                    || account.creator.is_some_and(|creator| users.contains(&creator));
                if by && made.insert(*id) && !account.own {
                    users.extend(account.user);
                }
            }
            if made.len() == before {
                return made;
            }
        }
    }

    /// The service account that a row of the inventory or a log names: by number, by user name, or by the name that was asked
    /// for when it was made, where that is one account's.
    pub fn find(&self, name: &str) -> Option<u64> {
        let exact =
            self.accounts.iter().find(|(id, account)| account.username == name || id.to_string() == name);
        let bears = |account: &Account| {
            account.username.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let mut by_name = self.accounts.iter().filter(|(_, account)| bears(account));
        exact.or_else(|| by_name.next().filter(|_| by_name.next().is_none())).map(|(id, _)| *id)
    }

    /// `Web (3187001)`.
    pub fn project_name(&self, project: &str) -> String {
        match self.projects.get(project).map(String::as_str) {
            None | Some("") => project.to_owned(),
            Some(name) => format!("{name} ({project})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot() -> Value {
        let account = |id: u64, creator: u64, user: u64| {
            json!({
                "id": id, "username": format!("job-{id}.abc.mp-service-account"), "creator": [creator, null, null],
                "created": "2026-01-05T09:00:00Z", "expires": null, "last_used": null, "user": user,
                "direct": {"7": "admin"}, "indirect": {"8": "team"},
            })
        };
        json!({
            "credential": {"user": 1, "email": "ada@x", "role": "owner", "service_account": 90},
            "service_accounts": [account(90, 500, 900), account(91, 501, 901), account(92, 901, 902), account(93, 900, 903)],
            "members": [{"id": 500, "email": "Ada@x", "name": null, "role": "owner"},
                        {"id": 501, "email": "jane@x", "name": null, "role": null}],
            "projects": [{"id": 7, "name": "Web", "pipelines": [{"name": "p", "paused": null}],
                          "imports": [{"id": 3, "type": "people", "paused": false, "creator": [501, null, null]}]}],
            "unread": ["x"],
        })
    }

    #[test]
    fn what_a_discovery_keeps_is_read() {
        assert!(is_estate(&snapshot()) && !is_estate(&json!({"users": []})));
        let mut estate = Estate::default();
        estate.add(&snapshot()).unwrap();
        assert_eq!(estate.listed.grants[&Slot::Organization("ada@x".into())], Held::Role("owner".into()));
        assert_eq!(estate.listed.grants[&Slot::Organization("jane@x".into())], Held::Unknown);
        assert_eq!(estate.listed.kinds, [Grant::Organization].into());
        assert_eq!(estate.accounts[&91].projects.keys().collect::<Vec<_>>(), ["7", "8"]);
        assert!(estate.accounts[&90].own && estate.accounts_told);
        assert_eq!(
            estate.feeds.iter().map(|feed| feed.creator.as_deref()).collect::<Vec<_>>(),
            [None, Some("jane@x")]
        );
        assert_eq!((estate.project_name("7"), estate.project_name("9")), ("Web (7)".into(), "9".into()));
    }

    #[test]
    fn what_an_account_made_is_followed_but_not_through_the_tool_itself() {
        let mut estate = Estate::default();
        estate.add(&snapshot()).unwrap();
        assert_eq!(estate.made_by("jane@x"), [91, 92].into());
        assert_eq!(estate.made_by("ada@x"), [90].into());
        assert_eq!(estate.maker(&estate.accounts[&91]), Some("jane@x"));
        assert_eq!(estate.maker(&estate.accounts[&92]), None);
        for (name, found) in [
            ("91", Some(91)),
            ("job-92", Some(92)),
            ("job-9", None),
            ("job-93.abc.mp-service-account", Some(93)),
        ] {
            assert_eq!(estate.find(name), found, "{name}");
        }
    }

    #[test]
    fn another_form_is_an_error() {
        let mut odd = snapshot();
        odd["service_accounts"][0]["id"] = json!("x");
        assert!(Estate::default().add(&odd).is_err());
    }
}
