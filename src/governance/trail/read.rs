//! One record of the audit log as what it says of access. The vendor documents the names of events, not where a record says
//! whom and what they are about: these are the keys that were seen or are likely, and a mapping file can give others. What
//! cannot be understood is counted, never passed over.

use std::collections::BTreeMap;

use super::{AccountEvent, Act, Export, Found};
use crate::governance::access::{Held, Slot, same};
use crate::governance::matrix::matrix;
use crate::governance::replay::{Change, What};

/// The fields that records are read by.
pub(super) const FIELDS: &[&str] = &[
    "event.action",
    "user.email",
    "source.ip",
    "user.target.email",
    "details.email",
    "details.user_email",
    "details.user.email",
    "details.target_email",
    "details.role",
    "details.new_role",
    "details.role_name",
    "details.old_role",
    "details.previous_role",
    "details.team",
    "details.team_name",
    "details.team.name",
    "project.id",
    "project_id",
    "details.project_id",
    "project.name",
    "organization.name",
    "details.rows",
    "details.service_account_id",
    "details.service_account",
    "details.username",
];
const TARGETS: std::ops::Range<usize> = 3..8;
const ROLES: std::ops::Range<usize> = 8..11;
const OLD_ROLES: std::ops::Range<usize> = 11..13;
const TEAMS: std::ops::Range<usize> = 13..16;
const PROJECTS: std::ops::Range<usize> = 16..19;
const PROJECT_NAME: usize = 19;
const PROJECT_OR_ORG: usize = 20;
const ROWS: usize = 21;
const ACCOUNTS: std::ops::Range<usize> = 22..25;

/// Longest text of a record that is kept, in characters.
const LONGEST: usize = 300;

/// The value of a field by its place in [`FIELDS`].
pub(super) type Value<'a> = &'a dyn Fn(usize) -> Option<&'a str>;

/// What a record says. `projects`: numbers by name.
pub(super) fn record(nanos: Option<i64>, value: Value<'_>, projects: &BTreeMap<String, String>) -> Found {
    let Some(event) = value(0).map(str::to_ascii_lowercase) else { return Found::default() };
    let event = short(&event);
    let actor = same(&short(value(1).unwrap_or_default()));
    let project = project(value, projects);
    let mut found = Found {
        act: Some(Act { actor: actor.clone(), event: event.clone(), project: project.clone() }),
        ..Found::default()
    };
    found.project = project.clone().zip(value(PROJECT_NAME).map(short)).filter(|(id, name)| id != name);
    if matrix().exports(&event) {
        let text = |at| value(at).map(short);
        found.export = Some(Export {
            nanos,
            actor: actor.clone(),
            event: event.clone(),
            project: project.clone(),
            rows: text(ROWS),
            address: text(2),
        });
    }
    match event.as_str() {
        "user.twofactor_enabled" => found.factor = Some((whose(value, &actor), true)),
        "user.twofactor_disabled" => found.factor = Some((whose(value, &actor), false)),
        "service_account.created" | "service_account.deleted" => {
            let names: Vec<String> = ACCOUNTS.filter_map(value).map(short).collect();
            match nanos {
                Some(nanos) if !names.is_empty() => {
                    let made = event.ends_with("created");
                    found.account = Some(AccountEvent { nanos, names, actor: actor.clone(), made });
                }
                _ => found.unused = Some(format!("{event} that does not say which service account, or when")),
            }
        }
        _ => {}
    }
    match change(&event, value, project.as_ref()) {
        Ok(None) => {}
        Ok(Some(what)) => match nanos {
            Some(nanos) => found.change = Some(Change { nanos, actor, what }),
            None => found.unused = Some(format!("{event} without a time that can be read")),
        },
        Err(missing) => found.unused = Some(format!("{event} that does not say {missing}")),
    }
    found
}

fn change(event: &str, value: Value<'_>, project: Option<&String>) -> Result<Option<What>, &'static str> {
    let first = |range: std::ops::Range<usize>| range.into_iter().find_map(value);
    let email =
        || first(TARGETS).and_then(address).map(|email| same(&short(&email))).ok_or("whom it is about");
    let role = || first(ROLES).map_or(Held::Unknown, |role| Held::Role(short(role)));
    let before = || first(OLD_ROLES).map(|role| Held::Role(short(role)));
    let team = || first(TEAMS).map(short).ok_or("which team it is about");
    let project_needed = || project.cloned().ok_or("which project it is about");
    let within = |email: String, team: String| Slot::Membership(email, team);
    Ok(Some(match event {
        "organization.user_added" => What::Added(Slot::Organization(email()?), role()),
        "organization.user_removed" => What::Left(email()?),
        "user.role_changed" => match &project {
            None => What::Changed(Slot::Organization(email()?), before(), role()),
            Some(project) => What::Changed(Slot::Individual(email()?, (*project).clone()), before(), role()),
        },
        "project.user_added" => What::Added(Slot::Individual(email()?, project_needed()?), role()),
        "project.user_removed" => What::Removed(Slot::Individual(email()?, project_needed()?)),
        "project.team_added" => What::Added(Slot::Team(team()?, project_needed()?), role()),
        "project.team_removed" => What::Removed(Slot::Team(team()?, project_needed()?)),
        "project.default_access_granted" => What::Added(Slot::AllUsers(project_needed()?), role()),
        "project.default_access_revoked" => What::Removed(Slot::AllUsers(project_needed()?)),
        "team.user_added" => What::Added(within(email()?, team()?), Held::Role(String::new())),
        "team.user_removed" => What::Removed(within(email()?, team()?)),
        "team.deleted" => What::TeamGone(team()?),
        "team.updated"
        | "workspace.user_added"
        | "workspace.user_removed"
        | "workspace.team_added"
        | "workspace.team_removed"
        | "custom_role.updated"
        | "custom_role.deleted" => {
            return Err("what became of roles in projects");
        }
        _ => return Ok(None),
    }))
}

/// Whose second factor it is: the one that the record names, else the actor's.
fn whose(value: Value<'_>, actor: &str) -> String {
    let named = TARGETS.into_iter().find_map(value).and_then(address);
    named.map_or_else(|| actor.to_owned(), |email| same(&short(&email)))
}

/// Of several values, which are a JSON array: the first e-mail address.
fn address(text: &str) -> Option<String> {
    match serde_json::from_str::<Vec<Option<String>>>(text) {
        Ok(texts) => texts.into_iter().flatten().find(|text| text.contains('@')),
        Err(_) => Some(text.to_owned()),
    }
}

/// The number of the project, or its name where nothing tells the number.
fn project(value: Value<'_>, projects: &BTreeMap<String, String>) -> Option<String> {
    if let Some(id) = PROJECTS.into_iter().find_map(value) {
        return Some(short(id));
    }
    if let Some(name) = value(PROJECT_NAME) {
        return Some(projects.get(name).cloned().unwrap_or_else(|| short(name)));
    }
    // The column of the web page holds either; a name that is no project's is the organization's.
    value(PROJECT_OR_ORG).and_then(|name| projects.get(name).cloned())
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
