//! Roles over time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::time;
use crate::governance::access::{Grant, Held, Way};
use crate::governance::replay::Past;

/// A role that was held from one moment to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    let mut open = Open::default();
    for moment in &past.moments {
        let now = moment.reach.organization.as_ref().map(way).into_iter().collect();
        open.follow(&now, moment.from);
    }
    open.finish().iter().map(|stretch| stretch.span(is_active)).collect()
}

/// Ways into each project, each for as long as it lasted.
pub(super) fn projects(past: &Past) -> BTreeMap<String, Vec<Stretch>> {
    let mut all: BTreeMap<&String, Open> = BTreeMap::new();
    let none = BTreeSet::new();
    for moment in &past.moments {
        for (project, open) in &mut all {
            open.follow(moment.reach.projects.get(*project).unwrap_or(&none), moment.from);
        }
        for (project, ways) in &moment.reach.projects {
            all.entry(project).or_default().follow(ways, moment.from);
        }
    }
    all.into_iter().map(|(project, open)| (project.clone(), open.finish())).collect()
}

/// Ways that are followed from moment to moment.
#[derive(Default)]
struct Open {
    done: Vec<Stretch>,
    now: BTreeMap<Way, Option<i64>>,
}

impl Open {
    fn follow(&mut self, ways: &BTreeSet<Way>, at: Option<i64>) {
        if self.now.len() == ways.len() && self.now.keys().eq(ways) {
            return;
        }
        let done = &mut self.done;
        self.now.retain(|way, from| {
            let stays = ways.contains(way);
            if !stays {
                done.push(Stretch { way: way.clone(), from: *from, to: at, open: false });
            }
            stays
        });
        for way in ways {
            self.now.entry(way.clone()).or_insert(at);
        }
    }

    fn finish(self) -> Vec<Stretch> {
        let mut all = self.done;
        all.extend(self.now.into_iter().map(|(way, from)| Stretch { way, from, to: None, open: true }));
        all.sort_by(|one, other| (one.from, one).cmp(&(other.from, other)));
        all
    }
}
