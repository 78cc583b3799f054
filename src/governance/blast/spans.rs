//! Roles over time.

use std::collections::BTreeSet;

use serde::Serialize;

use super::time;
use crate::governance::access::{Grant, Held, Reach, Way};
use crate::governance::replay::Past;

/// A role that was held from one moment to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// The kind of grant.
    pub grant: Grant,
    /// The team, where it is one's.
    pub team: Option<String>,
    /// The role, as the vendor calls it.
    pub role: String,
    /// Since when; `None`: as far back as anything is known.
    pub from: Option<String>,
    /// Until when; `None` while `now`, or where that is not told.
    pub to: Option<String>,
    /// It is held now.
    pub now: bool,
}

impl Span {
    /// `admin through the team Growth from 2026-06-01T00:00:00Z until now`.
    pub fn words(&self) -> String {
        let how = match (&self.team, self.grant) {
            (Some(team), _) => format!(" through the team {team}"),
            (None, Grant::AllUsers) => " as all users are".to_owned(),
            (None, Grant::Organization) => " of the organization".to_owned(),
            (None, _) => String::new(),
        };
        let from = self.from.as_ref().map_or_else(String::new, |from| format!(" from {from}"));
        let to = match &self.to {
            Some(to) => format!(" until {to}"),
            None if self.now => " until now".to_owned(),
            None => " until it is not told when".to_owned(),
        };
        format!("{}{how}{from}{to}", self.role)
    }
}

/// One way, from when to when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub(super) way: Way,
    /// Nanoseconds since 1970; `None`: as far back as anything is known.
    pub(super) from: Option<i64>,
    /// `None`: it is open, or it is not told when it ended.
    pub(super) to: Option<i64>,
    /// It had not ended when the log and the lists did.
    pub(super) open: bool,
}

impl Stretch {
    pub(super) fn span(&self, is_active: bool) -> Span {
        Span {
            grant: self.way.grant,
            team: self.way.team.clone(),
            role: self.way.held.name().to_owned(),
            from: self.from.map(time),
            to: self.to.map(time),
            now: self.open && is_active,
        }
    }
}

/// Roles in the organization.
pub(super) fn organization(past: &Past, is_active: bool) -> Vec<Span> {
    let way = |held: &Held| Way { grant: Grant::Organization, team: None, held: held.clone() };
    let found = stretches(past, |reach| reach.organization.as_ref().map(way).into_iter().collect());
    found.iter().map(|stretch| stretch.span(is_active)).collect()
}

/// Ways into a project, each for as long as it lasted.
pub(super) fn project(past: &Past, project: &str) -> Vec<Stretch> {
    stretches(past, |reach| reach.projects.get(project).cloned().unwrap_or_default())
}

fn stretches(past: &Past, ways: impl Fn(&Reach) -> BTreeSet<Way>) -> Vec<Stretch> {
    let mut done = Vec::new();
    let mut open: Vec<(Way, Option<i64>)> = Vec::new();
    for moment in &past.moments {
        let now = ways(&moment.reach);
        open.retain(|(way, from)| {
            let stays = now.contains(way);
            if !stays {
                done.push(Stretch { way: way.clone(), from: *from, to: moment.from, open: false });
            }
            stays
        });
        let fresh: Vec<Way> =
            now.into_iter().filter(|way| !open.iter().any(|(held, _)| held == way)).collect();
        open.extend(fresh.into_iter().map(|way| (way, moment.from)));
    }
    done.extend(open.into_iter().map(|(way, from)| Stretch { way, from, to: None, open: true }));
    done.sort_by(|one, other| (one.from, one).cmp(&(other.from, other)));
    done
}
