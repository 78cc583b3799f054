//! What an account could reach: the projects and credentials that its roles showed it at any time that is known, who works
//! with these, what it did with it, and what has to be rotated, each with the reason.

mod credentials;
mod evidence;
pub mod graph;
mod spans;
#[cfg(test)]
mod tests;
pub mod view;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::access::{Could, Grant};
use super::estate::Estate;
use super::matrix::{CredentialKind, Matrix, Needs};
use super::members::Members;
use super::replay::{Listed, Past, past};
use super::trail::{Act, Tally, Trail};
use crate::config::Integration;
use crate::event::time::Timestamp;
use crate::source::mixpanel_events;

pub use spans::Span;

/// What is known, and from where.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Its e-mail address, in lower case.
    pub account: &'a str,
    /// What providers list.
    pub estate: &'a Estate,
    /// A list of members as they are now.
    pub members: Option<&'a Members>,
    /// A list of members from before the log.
    pub before: Option<&'a Members>,
    /// The log.
    pub trail: Option<&'a Trail>,
    /// Who uses which credential.
    pub inventory: &'a [Integration],
    /// Whether members come by SCIM.
    pub scim: bool,
}

/// The blast radius of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Radius {
    /// Whose.
    pub account: String,
    /// Roles in the organization over time.
    pub organization: Vec<Span>,
    /// Projects that it could see anything of.
    pub projects: Vec<ProjectReach>,
    /// Credentials that it made, saw or could see.
    pub credentials: Vec<Exposed>,
    /// Who works with them, and what it could have led elsewhere.
    pub consumers: Vec<Consumer>,
    /// What it did, and what was done by service accounts that it made.
    pub touched: Vec<Touch>,
    /// Data that left by it.
    pub exports: Vec<Export>,
    /// What bears on this and could not be seen: the answer is not whole.
    pub gaps: Vec<String>,
}

/// A project and how the account reached it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectReach {
    /// Its number, or its name where that alone is known.
    pub id: String,
    /// `Web (3187001)`.
    pub name: String,
    /// Roles over time, one for each way.
    pub roles: Vec<Span>,
    /// Whether it could see credentials there: `yes`, `maybe`, `no`.
    pub credentials: Answer,
    /// Whether any of it holds now.
    pub now: bool,
}

/// [`Could`], for the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It could.
    Yes,
    /// It cannot be told.
    Maybe,
    /// It could not.
    No,
}

impl From<Could> for Answer {
    fn from(could: Could) -> Self {
        match could {
            Could::Yes => Self::Yes,
            Could::Maybe => Self::Maybe,
            Could::No => Self::No,
        }
    }
}

/// What is to be done about a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It has to be rotated, or deleted.
    Must,
    /// It may have been seen: rotate it, or find out that it was not.
    UnlessRuledOut,
    /// It is good practice.
    Advised,
}

impl Verdict {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::UnlessRuledOut => "UNLESS RULED OUT",
            Self::Advised => "advised",
        }
    }
}

/// A credential that the account made, saw or could see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposed {
    /// What is to be done.
    pub rotate: Verdict,
    /// What it is.
    pub kind: CredentialKind,
    /// The vendor's number of it, or of its project.
    pub id: String,
    /// For people.
    pub name: String,
    /// The account made it.
    pub made: bool,
    /// Projects that it opens.
    pub projects: Vec<String>,
    /// Why.
    pub reasons: Vec<String>,
    /// What to do.
    pub action: String,
    /// Integrations of the inventory that work with it.
    pub consumers: Vec<String>,
}

/// Who works with a credential, by the inventory; or what carries data and could have been led elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Consumer {
    /// The row of the inventory.
    pub integration: String,
    /// Who.
    pub consumer: String,
    /// Whom to ask.
    pub owner: Option<String>,
    /// What it works with.
    pub uses: String,
    /// Where the secret is kept.
    pub kept: Option<String>,
    /// How it takes up a new value.
    pub restart: Option<String>,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// Who: the account, or a service account that it made.
    pub actor: String,
    /// The event.
    pub event: String,
    /// The project.
    pub project: Option<String>,
    /// The capability that it takes; nothing where it takes none, or the table of roles does not say.
    pub takes: Option<String>,
    /// How often.
    pub count: u64,
    /// The first time.
    pub first: Option<String>,
    /// The last time.
    pub last: Option<String>,
}

/// Data that left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// When.
    pub time: Option<String>,
    /// Who.
    pub actor: String,
    /// The event.
    pub event: String,
    /// The project.
    pub project: Option<String>,
    /// How many rows.
    pub rows: Option<String>,
    /// From where.
    pub address: Option<String>,
}

impl Radius {
    /// Reads what `blast-radius --format json` wrote.
    ///
    /// # Errors
    /// In words: it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("not a blast radius: {error}"))
    }
}

/// A moment as it is shown.
pub fn time(nanos: i64) -> String {
    Timestamp { nanos, digits: 0 }.to_rfc3339()
}

/// Works it out.
pub fn radius(sources: &Sources<'_>, matrix: &Matrix) -> Radius {
    let after = after(sources);
    let projects = projects(sources);
    let changes = sources.trail.map(|trail| trail.changes.as_slice()).unwrap_or_default();
    let before = sources.before.map(|members| &members.listed);
    let past = past(sources.account, before, changes, after.as_ref(), &projects, matrix);
    let unseen = unseen(sources, after.as_ref(), &past);
    let is_unseen = unseen.is_some();
    let ways = spans::projects(&past);
    let unexplained = evidence::unexplained(sources, &past, matrix);
    let name = |project: &str| project_name(sources, project);
    let is_active = after.as_ref().is_none_or(|after| !after.inactive.contains(sources.account));
    let reached: BTreeSet<&String> = past
        .moments
        .iter()
        .flat_map(|moment| moment.reach.projects.keys())
        .chain(unexplained.keys())
        .collect();
    let reach = |id: &&String| ProjectReach {
        id: (*id).clone(),
        name: name(id),
        roles: ways.get(*id).into_iter().flatten().map(|stretch| stretch.span(is_active)).collect(),
        credentials: credentials::project(&past, id, is_unseen, matrix)
            .max(unexplained.get(*id).map_or(Could::No, |act| act.could))
            .into(),
        now: is_active && past.moments.last().is_some_and(|last| last.reach.projects.contains_key(*id)),
    };
    let found =
        credentials::find(sources, (&past, &ways), &projects, (is_unseen, is_active, &unexplained), matrix);
    let (touched, exports) = touched(sources, &found.actors, matrix);
    let mut gaps = past.gaps.clone();
    gaps.extend(unseen);
    gaps.extend(not_recorded(sources));
    gaps.extend(unexplained.iter().map(|(project, act)| format!("{}: {}", name(project), act.why)));
    gaps.extend(found.gaps);
    gaps.extend(sources.estate.unread.iter().map(|what| format!("could not be read: {what}")));
    let unused = sources.trail.into_iter().flat_map(|trail| &trail.unused);
    gaps.extend(unused.map(|(why, count)| format!("the log has {count} × {why}")));
    if past.moments.iter().all(|moment| moment.reach.organization.is_none()) && found.credentials.is_empty() {
        gaps.push(format!("no list and no log shows {} as a member of the organization", sources.account));
    }
    Radius {
        account: sources.account.to_owned(),
        organization: spans::organization(&past, is_active),
        projects: reached.iter().map(reach).collect(),
        credentials: found.credentials,
        consumers: found.consumers,
        touched,
        exports,
        gaps,
    }
}

/// The vendor records changes of access from a day on: what a log does not have from before proves nothing.
fn not_recorded(sources: &Sources<'_>) -> Option<String> {
    let since = mixpanel_events::lookup("user.role_changed")?.since;
    let (first, _) = sources.trail?.span?;
    let first = time(first);
    (first.as_str() < since).then(|| {
        format!("the vendor records changes of access from {since} on; the log begins at {first}, and what changed in between is not known")
    })
}

/// What there is now: of roles in the organization, what the providers say now outweighs a list.
fn after(sources: &Sources<'_>) -> Option<Listed> {
    let listed = &sources.estate.listed;
    let Some(members) = sources.members else { return (!listed.kinds.is_empty()).then(|| listed.clone()) };
    let mut after = members.listed.clone();
    if listed.kinds.contains(&Grant::Organization) {
        after.grants.retain(|slot, _| slot.kind() != Grant::Organization);
        after.grants.extend(listed.grants.clone());
    }
    Some(after)
}

/// Every project that anything names.
fn projects(sources: &Sources<'_>) -> BTreeSet<String> {
    let mut projects: BTreeSet<String> = sources.estate.projects.keys().cloned().collect();
    for members in [sources.members, sources.before].into_iter().flatten() {
        projects.extend(members.projects.keys().cloned());
        projects.extend(members.listed.grants.keys().filter_map(|slot| slot.project()).map(str::to_owned));
    }
    let changes = sources.trail.into_iter().flat_map(|trail| &trail.changes);
    projects.extend(changes.filter_map(|change| change.what.project()).map(str::to_owned));
    let acts = sources.trail.into_iter().flat_map(|trail| trail.acts.keys());
    projects.extend(acts.filter(|act| act.actor == sources.account).filter_map(|act| act.project.clone()));
    projects
}

fn project_name(sources: &Sources<'_>, project: &str) -> String {
    let mut listed = [sources.members, sources.before].into_iter().flatten();
    let logged = || sources.trail.and_then(|trail| trail.projects.get(project));
    match listed.find_map(|members| members.projects.get(project)).or_else(logged) {
        Some(name) if !sources.estate.projects.contains_key(project) => format!("{name} ({project})"),
        _ => sources.estate.project_name(project),
    }
}

/// Kinds of grants that nothing tells of, and a log that does not reach back to anything that is known.
fn unseen(sources: &Sources<'_>, after: Option<&Listed>, past: &Past) -> Option<String> {
    let was_there = past.moments.iter().any(|moment| moment.reach.organization.is_some());
    let known =
        |kind: &Grant| sources.before.is_some() || after.is_some_and(|after| after.kinds.contains(kind));
    let missing: Vec<&str> = Grant::ALL.iter().filter(|kind| !known(kind)).map(|kind| kind.name()).collect();
    if missing.is_empty() || (!was_there && known(&Grant::Organization)) {
        return None;
    }
    Some(format!(
        "grants of these kinds are known only as far as the log shows them, since no API tells them: {}; give a list of \
         members (--members)",
        missing.join(", ")
    ))
}

fn touched(sources: &Sources<'_>, actors: &BTreeSet<String>, matrix: &Matrix) -> (Vec<Touch>, Vec<Export>) {
    let Some(trail) = sources.trail else { return (Vec::new(), Vec::new()) };
    let name = |project: &Option<String>| project.as_deref().map(|id| project_name(sources, id));
    let acts: BTreeMap<&Act, &Tally> =
        trail.acts.iter().filter(|(act, _)| actors.contains(&act.actor)).collect();
    let touch = |(act, tally): (&&Act, &&Tally)| Touch {
        actor: act.actor.clone(),
        event: act.event.clone(),
        project: name(&act.project),
        takes: match matrix.needs(&act.event) {
            Needs::Capability(capability) => Some(capability.id.clone()),
            Needs::Nothing | Needs::Unsaid => None,
        },
        count: tally.count,
        first: tally.first.map(time),
        last: tally.last.map(time),
    };
    let exports = trail.exports.iter().filter(|export| actors.contains(&export.actor));
    let export = |export: &super::trail::Export| Export {
        time: export.nanos.map(time),
        actor: export.actor.clone(),
        event: export.event.clone(),
        project: name(&export.project),
        rows: export.rows.clone(),
        address: export.address.clone(),
    };
    (acts.iter().map(touch).collect(), exports.map(export).collect())
}
