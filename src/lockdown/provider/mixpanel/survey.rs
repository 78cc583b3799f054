//! Reads what there is: the organization's projects, people, service accounts and what carries data, in one pass.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use super::suspect::Suspect;
use super::sweep::{SIDE_BY_SIDE, is_refusal};
use super::wire::{Account, Creator, Grant, Import, Job, Me, Member};
use crate::lockdown::http::CallError;
use crate::lockdown::provider::Target;

/// What one pass saw. Holds no secrets.
pub(super) struct Survey {
    pub(super) me: Me,
    /// The account that Portcullis itself works with.
    pub(super) own: Option<u64>,
    pub(super) suspect: Suspect,
    /// `None`: the undocumented list could not be read.
    pub(super) members: Option<Vec<Member>>,
    pub(super) projects: BTreeMap<u64, Project>,
    /// `None`: the credential may not list them.
    pub(super) accounts: Option<Vec<Account>>,
    pub(super) unread: Vec<Unread>,
    /// Rows of the inventory whose service account an earlier pass found.
    pub(super) found_before: BTreeSet<String>,
}

/// What later passes are told.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    /// The account's row in the list of members.
    pub(super) member: Option<Member>,
    /// Rows of the inventory whose service account was found.
    #[serde(default)]
    pub(super) rows: BTreeSet<String>,
}

impl Memory {
    /// Journals of an earlier version hold the member alone.
    fn read(memory: &Value) -> Self {
        let member =
            Member::deserialize(memory).ok().map(|member| Self { member: Some(member), ..Self::default() });
        member.or_else(|| Self::deserialize(memory).ok()).unwrap_or_default()
    }
}

/// A list that could not be read.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) list: List,
    /// It may not be read, or is not there: another try gives the same.
    pub(super) refused: bool,
    /// Which, and why, in words.
    pub(super) what: String,
}

/// What a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// Undocumented.
    Members,
    /// Undocumented.
    Projects,
    /// Service accounts, of the organization or of a project.
    Accounts,
    /// Legacy pipelines or warehouse imports of a project.
    Feeds,
}

/// A project. A list that the credential may not read is `None`.
#[derive(Debug, Default)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) grants: Option<Vec<Grant>>,
    pub(super) jobs: Option<Vec<Job>>,
    pub(super) imports: Option<Vec<Import>>,
}

impl Survey {
    /// Reads everything, side by side as far as the transport allows.
    ///
    /// # Errors
    /// A read failed otherwise than by a refusal: nothing can be said then.
    pub(super) async fn read(api: &Api, target: &Target) -> Result<Self, CallError> {
        let mut unread = Vec::new();
        let me = api.me().await?;
        let (members, listed, accounts) = tokio::join!(api.members(), api.projects(), api.accounts());
        let members = undocumented(members, List::Members, "members of the organization", &mut unread);
        let listed = undocumented(listed, List::Projects, "projects of the organization", &mut unread);
        let accounts =
            allowed(accounts, List::Accounts, "service accounts of the organization", &mut unread)?;
        let names: BTreeMap<u64, String> = listed.into_iter().flatten().chain(me.projects.clone()).collect();
        let read = names.into_iter().map(|(id, name)| project(api, id, name));
        let mut projects = BTreeMap::new();
        // In the order of their numbers, so that every pass tells the same.
        let read: Vec<_> = stream::iter(read).buffered(SIDE_BY_SIDE).try_collect().await?;
        for (id, project, missing) in read {
            unread.extend(missing);
            projects.insert(id, project);
        }
        let own = own(api, &me, accounts.as_deref().unwrap_or_default());
        let remembered = Memory::read(&target.read.memory);
        let suspect = Suspect::new(
            &target.email,
            members.as_deref(),
            remembered.member.as_ref(),
            accounts.as_deref().unwrap_or_default(),
            own,
        );
        Ok(Self { me, own, suspect, members, projects, accounts, unread, found_before: remembered.rows })
    }

    /// The account's row in the list of members, as it is now.
    pub(super) fn listed(&self) -> Option<&Member> {
        let mut members = self.members.iter().flatten();
        members.find(|member| member.email.eq_ignore_ascii_case(&self.suspect.email))
    }

    /// Whether it can be told which role the account has, or that it is no member. `late`: what is not listed may be what
    /// the lockdown has deactivated already.
    pub(super) fn tells_role(&self, late: bool) -> bool {
        match &self.suspect.member {
            Some(member) => member.role.is_some(),
            None => self.members.is_some() && !late,
        }
    }

    /// The e-mail of the member who made something; `None` where that is not told, or a service account made it. Nor is it told
    /// of whoever made the own credential: no document says whether that is the maker of what is made with it.
    pub(super) fn person(&self, creator: &Creator) -> Option<&str> {
        let by = |user: Option<u64>, name: &str| {
            let email = creator.email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(name));
            email || user.is_some() && user == creator.user
        };
        let is_machine = |account: &Account| {
            by(account.user, &account.username) || Some(account.id) == self.own && account.creator == *creator
        };
        if self.accounts.iter().flatten().any(is_machine) {
            return None;
        }
        let mut members = self.members.iter().flatten();
        members.find(|member| by(member.id, &member.email)).map(|member| member.email.as_str())
    }

    /// Direct grants of a service account: project and role.
    pub(super) fn direct(&self, account: u64) -> BTreeMap<u64, String> {
        let of = |project: &Project| {
            let mut grants = project.grants.iter().flatten();
            grants.find(|grant| grant.account == account && grant.is_direct()).map(|grant| grant.role.clone())
        };
        self.projects.iter().filter_map(|(id, project)| Some((*id, of(project)?))).collect()
    }

    /// Projects that a service account reaches otherwise, with the way.
    pub(super) fn indirect(&self, account: u64) -> BTreeMap<u64, String> {
        let of = |project: &Project| {
            let mut grants = project.grants.iter().flatten();
            grants
                .find(|grant| grant.account == account && !grant.is_direct())
                .map(|grant| grant.target.clone())
        };
        self.projects.iter().filter_map(|(id, project)| Some((*id, of(project)?))).collect()
    }

    /// `Web (3187001)`.
    pub(super) fn project_name(&self, id: u64) -> String {
        match self.projects.get(&id).map(|project| project.name.as_str()) {
            None | Some("") => id.to_string(),
            Some(name) => format!("{name} ({id})"),
        }
    }

    /// Names of projects, comma-separated.
    pub(super) fn project_names<'a>(&self, ids: impl IntoIterator<Item = &'a u64>) -> String {
        ids.into_iter().map(|id| self.project_name(*id)).collect::<Vec<_>>().join(", ")
    }

    /// Owners of the organization other than the account; `None` where the list could not be read.
    pub(super) fn other_owners(&self) -> Option<usize> {
        let owner = |member: &&Member| {
            member.role.as_deref().is_some_and(|role| role.eq_ignore_ascii_case("owner"))
                && !member.email.eq_ignore_ascii_case(&self.suspect.email)
        };
        Some(self.members.as_ref()?.iter().filter(owner).count())
    }

    /// For the evidence.
    pub(super) fn snapshot(&self) -> Value {
        let creator = |creator: &super::wire::Creator| json!([creator.user, creator.email, creator.name]);
        let accounts = self.accounts.as_ref().map(|accounts| {
            let rows = accounts.iter().map(|account| {
                json!({
                    "id": account.id, "username": account.username, "creator": creator(&account.creator),
                    "created": account.created, "expires": account.expires, "last_used": account.last_used,
                    "user": account.user, "direct": self.direct(account.id),
                    "indirect": self.indirect(account.id),
                })
            });
            rows.collect::<Vec<_>>()
        });
        let members = self.members.as_ref().map(|members| {
            let rows = members.iter().map(|member| {
                json!({ "id": member.id, "email": member.email, "name": member.name, "role": member.role })
            });
            rows.collect::<Vec<_>>()
        });
        let projects = self.projects.iter().map(|(id, project)| {
            let jobs = project.jobs.iter().flatten();
            let jobs = jobs.map(|job| json!({ "name": job.name, "paused": job.paused }));
            let imports = project.imports.iter().flatten().map(|import| {
                json!({
                    "id": import.id, "type": import.kind, "paused": import.paused,
                    "run_every": import.run_every, "creator": creator(&import.creator),
                })
            });
            json!({
                "id": id, "name": project.name, "pipelines": jobs.collect::<Vec<_>>(),
                "imports": imports.collect::<Vec<_>>(),
            })
        });
        json!({
            "credential": { "user": self.me.user, "email": self.me.email, "role": self.me.role,
                            "service_account": self.own },
            "service_accounts": accounts, "members": members, "projects": projects.collect::<Vec<_>>(),
            "unread": self.unread.iter().map(|unread| &unread.what).collect::<Vec<_>>(),
        })
    }
}

impl Grant {
    pub(super) fn is_direct(&self) -> bool {
        self.target == super::wire::DIRECT
    }
}

async fn project(api: &Api, id: u64, name: String) -> Result<(u64, Project, Vec<Unread>), CallError> {
    let mut unread = Vec::new();
    let (grants, jobs, imports) = tokio::join!(api.grants(id), api.jobs(id), api.imports(id));
    let grants = allowed(grants, List::Accounts, &format!("service accounts of project {id}"), &mut unread)?;
    let jobs = allowed(jobs, List::Feeds, &format!("legacy pipelines of project {id}"), &mut unread)?;
    let imports = allowed(imports, List::Feeds, &format!("warehouse imports of project {id}"), &mut unread)?;
    Ok((id, Project { name, grants, jobs, imports }, unread))
}

/// A refusal is told, and the rest goes on; any other failure ends the pass.
fn allowed<T>(
    result: Result<T, CallError>,
    list: List,
    what: &str,
    unread: &mut Vec<Unread>,
) -> Result<Option<T>, CallError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_refusal(&error) => {
            unread.push(Unread { list, refused: true, what: format!("{what}: {error}") });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What no document promises may fail in any way, and the rest goes on.
fn undocumented<T>(
    result: Result<T, CallError>,
    list: List,
    what: &str,
    unread: &mut Vec<Unread>,
) -> Option<T> {
    match result {
        Ok(found) => Some(found),
        Err(error) => {
            let refused = error.status().is_some();
            let what = format!("{what} (an undocumented list): {error}");
            unread.push(Unread { list, refused, what });
            None
        }
    }
}

/// By its user name, or else by the user behind it.
fn own(api: &Api, me: &Me, accounts: &[Account]) -> Option<u64> {
    let named = |account: &&Account| Some(account.username.as_str()) == api.transport().username();
    let same_user = |account: &&Account| account.user.is_some() && account.user == me.user;
    let found = accounts.iter().find(named).or_else(|| accounts.iter().find(same_user));
    found.map(|account| account.id)
}

/// The numbers of projects whose service accounts could not be read.
pub(super) fn unread_projects(survey: &Survey) -> BTreeSet<u64> {
    survey.projects.iter().filter(|(_, project)| project.grants.is_none()).map(|(id, _)| *id).collect()
}
