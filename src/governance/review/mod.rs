//! A review of who has access: what should change, each with the reason, and what is new since the last review.

mod credentials;
mod people;
pub mod under_way;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use under_way::UnderWay;

use super::access::{Grant, Grants, Held, Reach, Slot};
use super::estate::Estate;
use super::matrix::{Matrix, Scope};
use super::members::Members;
use super::register::Register;
use super::trail::Trail;
use crate::config::Integration;
use crate::sys::hash::sha256_hex;

/// Days without a sign of life, or of use, that are too many; and the days in which an admin has to have needed the role.
pub const DAYS: i64 = 90;

/// What is known.
pub struct Sources<'a> {
    /// The day of the review.
    pub day: Date,
    /// What providers list.
    pub estate: &'a Estate,
    /// A list of members.
    pub members: Option<&'a Members>,
    /// The log.
    pub trail: Option<&'a Trail>,
    /// Who uses which credential.
    pub inventory: &'a [Integration],
    /// What the organization says of itself.
    pub register: &'a Register,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Access of a contractor whose time is over.
    ContractorEnded,
    /// An admin whose time as one is over.
    AdminEnded,
    /// No sign of life for 90 days.
    Dormant,
    /// No second factor.
    SecondFactor,
    /// A role that was not needed in 90 days.
    OverPrivileged,
    /// Access to a closed project.
    ClosedProject,
    /// A service account whose creator left.
    CreatorLeft,
    /// A service account that was not used for 90 days.
    CredentialUnused,
    /// A credential that was to be rotated.
    CredentialOld,
    /// An integration that nobody answers for.
    NoOwner,
}

impl Check {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::ContractorEnded => "contractor's time is over",
            Self::AdminEnded => "time as admin is over",
            Self::Dormant => "dormant",
            Self::SecondFactor => "no second factor",
            Self::OverPrivileged => "more rights than needed",
            Self::ClosedProject => "access to a closed project",
            Self::CreatorLeft => "creator left",
            Self::CredentialUnused => "credential not used",
            Self::CredentialOld => "credential to be rotated",
            Self::NoOwner => "no owner",
        }
    }
}

/// Something that should change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What was looked for.
    pub check: Check,
    /// Who or what it is about.
    pub subject: String,
    /// Where, if it is about a project.
    #[serde(rename = "where")]
    pub place: Option<String>,
    /// Why.
    pub why: String,
    /// What is proposed.
    pub action: String,
    /// What the subject is.
    #[serde(default)]
    pub of: Of,
    /// Names the item in all reviews: a digest of what it is about. Reviews of before had none.
    #[serde(default)]
    pub id: String,
    /// People agreed to it: they write `true` into the file that `--save` wrote.
    #[serde(default)]
    pub agreed: bool,
}

/// What an item is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Of {
    /// A member, by e-mail address.
    #[default]
    Member,
    /// A team, or all users of a project.
    Many,
    /// A service account, by user name.
    ServiceAccount,
    /// A row of the inventory, by its name.
    Integration,
}

/// Characters of an item's identifier: no two of a review share so many.
const ID: usize = 8;

impl Item {
    /// With its identifier; nobody has agreed to it yet.
    fn named(self) -> Self {
        let key = serde_json::json!([self.check, self.subject, self.place]).to_string();
        Self { id: sha256_hex(key.as_bytes()).chars().take(ID).collect(), agreed: false, ..self }
    }

    /// Whether this names it: its identifier, its number in the review from 1, or what was looked for.
    fn is_called(&self, at: usize, name: &str) -> bool {
        let check = serde_json::to_value(self.check).unwrap_or_default();
        self.id == name || check == name || (at + 1).to_string() == name
    }
}

/// A member as the review found it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// E-mail address.
    pub email: String,
    /// Role in the organization.
    pub role: String,
    /// Roles in projects, each with the grant that gives it.
    pub projects: Vec<String>,
    /// The last sign of life that is known.
    pub last_seen: Option<String>,
    /// The second factor, where that is known.
    pub two_factor: Option<bool>,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The day.
    pub day: String,
    /// What should change, most urgent first.
    pub items: Vec<Item>,
    /// What is found too, and what incidents see to that wait for something: it was agreed to before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub under_way: Vec<UnderWay>,
    /// Members with their roles.
    pub members: Vec<Row>,
    /// What could not be judged.
    pub gaps: Vec<String>,
}

/// What changed since another review.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Difference {
    /// Items that were not there.
    pub new: Vec<Item>,
    /// Items that were there already.
    pub still: Vec<Item>,
    /// Items that are not there any more.
    pub gone: Vec<Item>,
    /// Members that came, left, or have other roles, in words.
    pub members: Vec<String>,
}

/// Carries it out.
pub fn review(sources: &Sources<'_>, matrix: &Matrix) -> Review {
    let mut reviewer = Reviewer::new(sources, matrix);
    reviewer.people();
    reviewer.credentials();
    let rows = reviewer.rows();
    let mut items = reviewer.items;
    items.sort();
    items.dedup();
    let mut gaps: Vec<String> = reviewer.gaps.into_iter().collect();
    gaps.extend(sources.estate.unread.iter().map(|what| format!("could not be read: {what}")));
    let unused = sources.trail.into_iter().flat_map(|trail| &trail.unused);
    gaps.extend(unused.map(|(why, count)| format!("the log has {count} × {why}")));
    Review { day: sources.day.to_string(), items, under_way: Vec::new(), members: rows, gaps }
}

impl Review {
    /// Reads what an earlier review wrote.
    ///
    /// # Errors
    /// In words: it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("not a review: {error}"))
    }

    /// The items that these names choose, or else those that were agreed to.
    ///
    /// # Errors
    /// In words: a name chooses none, or nothing was agreed to.
    pub fn chosen(&self, names: &[String]) -> Result<Vec<&Item>, String> {
        let all = || self.items.iter().enumerate();
        if let Some(name) = names.iter().find(|name| !all().any(|(at, item)| item.is_called(at, name))) {
            return Err(format!("no item is called {name:?}"));
        }
        let chosen: Vec<&Item> = all()
            .filter(|(at, item)| match names {
                [] => item.agreed,
                names => names.iter().any(|name| item.is_called(*at, name)),
            })
            .map(|(_, item)| item)
            .collect();
        if chosen.is_empty() {
            return Err(
                "no item was agreed to: write \"agreed\": true into the file, or name items".to_owned()
            );
        }
        Ok(chosen)
    }

    /// What changed since `before`. An item is the same where it is about the same, whatever its reason says now.
    pub fn since(&self, before: &Self) -> Difference {
        let key = |item: &Item| (item.check, item.subject.clone(), item.place.clone());
        let had: BTreeSet<_> = before.found().map(key).collect();
        let has: BTreeSet<_> = self.found().map(key).collect();
        let (still, new) = self.found().cloned().partition(|item| had.contains(&key(item)));
        let gone = before.found().filter(|item| !has.contains(&key(item))).cloned().collect();
        let of = |review: &Self| -> BTreeMap<String, (String, Vec<String>)> {
            review
                .members
                .iter()
                .map(|row| (row.email.clone(), (row.role.clone(), row.projects.clone())))
                .collect()
        };
        let (old, now) = (of(before), of(self));
        let mut members = Vec::new();
        for (email, roles) in &now {
            match old.get(email) {
                None => members.push(format!("{email} came")),
                Some(before) if before != roles => members.push(format!("{email} has other roles")),
                Some(_) => {}
            }
        }
        members.extend(
            old.keys().filter(|email| !now.contains_key(*email)).map(|email| format!("{email} left")),
        );
        Difference { new, still, gone, members }
    }
}

/// Works a review out.
struct Reviewer<'a> {
    sources: &'a Sources<'a>,
    matrix: &'a Matrix,
    /// Grants as they are now.
    grants: Grants,
    /// Kinds of grants that are known.
    kinds: BTreeSet<Grant>,
    inactive: BTreeSet<String>,
    projects: BTreeSet<String>,
    /// Active members of the organization, and their role there.
    members: BTreeMap<String, Held>,
    /// The last sign of life of each account that has one, in nanoseconds since 1970.
    seen: BTreeMap<String, i64>,
    /// The log covers the 90 days before the review.
    covered: bool,
    /// The first moment of these days.
    start: i64,
    items: Vec<Item>,
    gaps: BTreeSet<String>,
}

impl<'a> Reviewer<'a> {
    fn new(sources: &'a Sources<'a>, matrix: &'a Matrix) -> Self {
        let listed = &sources.estate.listed;
        let (mut grants, mut kinds, mut inactive) = (Grants::new(), listed.kinds.clone(), BTreeSet::new());
        if let Some(members) = sources.members {
            grants.clone_from(&members.listed.grants);
            if listed.kinds.contains(&Grant::Organization) {
                grants.retain(|slot, _| slot.kind() != Grant::Organization);
            }
            kinds.extend(&members.listed.kinds);
            inactive.clone_from(&members.listed.inactive);
        }
        grants.extend(listed.grants.clone());
        let members = grants
            .iter()
            .filter_map(|(slot, held)| match slot {
                Slot::Organization(email) if !inactive.contains(email) => Some((email.clone(), held.clone())),
                _ => None,
            })
            .collect();
        let mut projects: BTreeSet<String> = sources.estate.projects.keys().cloned().collect();
        projects.extend(grants.keys().filter_map(Slot::project).map(str::to_owned));
        let start = midnight(sources.day.saturating_sub(DAYS.days()));
        let covered = sources.trail.and_then(|trail| trail.span).is_some_and(|(first, _)| first <= start);
        let mut seen: BTreeMap<String, i64> = BTreeMap::new();
        let mut note = |email: &str, nanos: i64| {
            let held = seen.entry(email.to_owned()).or_insert(nanos);
            *held = nanos.max(*held);
        };
        for (email, person) in sources.members.into_iter().flat_map(|members| &members.people) {
            if let Some(day) = person.last_login {
                note(email, midnight(day));
            }
        }
        for (act, tally) in sources.trail.into_iter().flat_map(|trail| &trail.acts) {
            if let Some(last) = tally.last.filter(|_| act.event != "session.login_failed") {
                note(&act.actor, last);
            }
        }
        Self {
            sources,
            matrix,
            grants,
            kinds,
            inactive,
            projects,
            members,
            seen,
            covered,
            start,
            items: Vec::new(),
            gaps: BTreeSet::new(),
        }
    }

    fn add(&mut self, check: Check, subject: &str, place: Option<String>, why: String, action: String) {
        self.add_of(Of::Member, check, subject, place, (why, action));
    }

    fn add_of(
        &mut self,
        of: Of,
        check: Check,
        subject: &str,
        place: Option<String>,
        (why, action): (String, String),
    ) {
        let (subject, id) = (subject.to_owned(), String::new());
        self.items.push(Item { check, subject, place, why, action, of, id, agreed: false }.named());
    }

    fn gap(&mut self, text: &str) {
        self.gaps.insert(text.to_owned());
    }

    fn reach(&self, email: &str) -> Reach {
        Reach::of(email, &self.grants, &self.projects, self.matrix)
    }

    /// Whether a role is one that manages: in the organization, or in a project.
    fn manages(&self, scope: Scope, held: &Held) -> bool {
        let Held::Role(role) = held else { return false };
        self.matrix.can(scope, role, "api-credentials") == Some(true)
    }

    fn project_name(&self, project: &str) -> String {
        let listed = self.sources.members.and_then(|members| members.projects.get(project));
        match listed {
            Some(name) if !self.sources.estate.projects.contains_key(project) => {
                format!("{name} ({project})")
            }
            _ => self.sources.estate.project_name(project),
        }
    }

    fn rows(&self) -> Vec<Row> {
        let row = |(email, held): (&String, &Held)| {
            let reach = self.reach(email);
            let ways = reach.projects.iter().flat_map(|(project, ways)| {
                let name = self.project_name(project);
                ways.iter().map(move |way| {
                    let by = way
                        .team
                        .as_ref()
                        .map_or_else(|| way.grant.name().to_owned(), |team| format!("team {team}"));
                    format!("{name}: {} ({by})", way.held.name())
                })
            });
            Row {
                email: email.clone(),
                role: held.name().to_owned(),
                projects: ways.collect(),
                last_seen: self.seen.get(email).map(|nanos| super::blast::time(*nanos)),
                two_factor: self.two_factor(email),
            }
        };
        self.members.iter().map(row).collect()
    }

    /// By the log's last word, where it has one; else by the list.
    fn two_factor(&self, email: &str) -> Option<bool> {
        let factors = self.sources.trail.map(|trail| trail.factors.as_slice()).unwrap_or_default();
        let told = factors.iter().rev().find(|(_, who, _)| who == email).map(|(_, _, on)| *on);
        told.or_else(|| self.sources.members?.people.get(email)?.two_factor)
    }
}

/// The first moment of a day in UTC, in nanoseconds since 1970.
fn midnight(day: Date) -> i64 {
    let moment = day.to_zoned_datetime(TimeZone::UTC).map(|moment| moment.timestamp().as_nanosecond());
    moment.ok().and_then(|nanos| i64::try_from(nanos).ok()).unwrap_or(i64::MIN)
}
