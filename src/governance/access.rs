//! Who has which role by which grant, at one moment. Access is the union of four kinds of grant: removing one leaves the
//! others.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::matrix::{Matrix, Scope};

/// One grant that there is or is not. E-mail addresses are in lower case; projects are their numbers as text, or names
/// where the number is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The role of a person in the organization.
    Organization(String),
    /// The role that a project gives a person directly.
    Individual(String, String),
    /// A person is in a team.
    Membership(String, String),
    /// The role that a team has in a project.
    Team(String, String),
    /// The role that a project gives everybody in the organization.
    AllUsers(String),
}

impl Slot {
    /// The kind of grant that it belongs to.
    pub fn kind(&self) -> Grant {
        match self {
            Self::Organization(_) => Grant::Organization,
            Self::Individual(..) => Grant::Individual,
            Self::Membership(..) | Self::Team(..) => Grant::Team,
            Self::AllUsers(_) => Grant::AllUsers,
        }
    }

    /// Whose it is, where it is somebody's.
    pub fn email(&self) -> Option<&str> {
        match self {
            Self::Organization(email) | Self::Individual(email, _) | Self::Membership(email, _) => {
                Some(email)
            }
            Self::Team(..) | Self::AllUsers(_) => None,
        }
    }

    /// Where it is, where it is in a project.
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::Individual(_, project) | Self::Team(_, project) | Self::AllUsers(project) => Some(project),
            Self::Organization(_) | Self::Membership(..) => None,
        }
    }
}

/// The four kinds of grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// The role in the organization.
    Organization,
    /// Through a team.
    Team,
    /// By the project itself.
    Individual,
    /// Everybody in the organization has it.
    AllUsers,
}

impl Grant {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Organization, Self::Team, Self::Individual, Self::AllUsers];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Team => "team",
            Self::Individual => "individual",
            Self::AllUsers => "all users",
        }
    }
}

/// A role that is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// Of this name; empty for being in a team.
    Role(String),
    /// There is one, and nothing tells which.
    Unknown,
}

impl Held {
    /// For people.
    pub fn name(&self) -> &str {
        match self {
            Self::Role(name) => name,
            Self::Unknown => "a role that is not known",
        }
    }
}

/// Every grant at one moment.
pub type Grants = BTreeMap<Slot, Held>;

/// One way by which an account has a role somewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Way {
    /// The kind of grant.
    pub grant: Grant,
    /// The team, where it is one's.
    pub team: Option<String>,
    /// The role.
    pub held: Held,
}

/// Whether somebody can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Could {
    /// No.
    #[default]
    No,
    /// It cannot be told: a role is not known, or is not in the matrix.
    Maybe,
    /// Yes.
    Yes,
}

/// What one account has at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// The role in the organization; `None`: it is not in it.
    pub organization: Option<Held>,
    /// The ways into each project.
    pub projects: BTreeMap<String, BTreeSet<Way>>,
}

impl Reach {
    /// What `email` has by these grants. `projects`: all that there are, for roles of the organization that reach all.
    pub fn of(email: &str, grants: &Grants, projects: &BTreeSet<String>, matrix: &Matrix) -> Self {
        let organization = grants.get(&Slot::Organization(email.to_owned())).cloned();
        let mut reach = Self { organization, projects: BTreeMap::new() };
        let mut teams = BTreeSet::new();
        for (slot, held) in grants {
            match slot {
                Slot::Individual(who, project) if who == email => {
                    reach.give(project, Grant::Individual, None, held);
                }
                Slot::Membership(who, team) if who == email => drop(teams.insert(team)),
                _ => {}
            }
        }
        let Some(role) = reach.organization.clone() else { return reach };
        // Grants of teams and to everybody count for members of the organization alone.
        for (slot, held) in grants {
            match slot {
                Slot::Team(team, project) if teams.contains(team) => {
                    reach.give(project, Grant::Team, Some(team.clone()), held);
                }
                Slot::AllUsers(project) => reach.give(project, Grant::AllUsers, None, held),
                _ => {}
            }
        }
        if reaches_all(&role, matrix) {
            for project in projects {
                reach.give(project, Grant::Organization, None, &role);
            }
        }
        reach
    }

    fn give(&mut self, project: &str, grant: Grant, team: Option<String>, held: &Held) {
        let way = Way { grant, team, held: held.clone() };
        self.projects.entry(project.to_owned()).or_default().insert(way);
    }

    /// Whether it can do something in a project.
    pub fn could(&self, project: &str, capability: &str, matrix: &Matrix) -> Could {
        let ways = self.projects.get(project).into_iter().flatten();
        ways.map(|way| way.could(capability, matrix)).max().unwrap_or_default()
    }

    /// Whether it can do something by its role in the organization.
    pub fn could_organization(&self, capability: &str, matrix: &Matrix) -> Could {
        let role = self.organization.as_ref();
        role.map(|role| could(role, Scope::Organization, capability, matrix)).unwrap_or_default()
    }
}

impl Way {
    /// Whether it allows something.
    pub fn could(&self, capability: &str, matrix: &Matrix) -> Could {
        let scope = if self.grant == Grant::Organization { Scope::Organization } else { Scope::Project };
        could(&self.held, scope, capability, matrix)
    }
}

fn could(held: &Held, scope: Scope, capability: &str, matrix: &Matrix) -> Could {
    let Held::Role(role) = held else { return Could::Maybe };
    match matrix.can(scope, role, capability) {
        Some(true) => Could::Yes,
        Some(false) => Could::No,
        None => Could::Maybe,
    }
}

/// Whether a role in the organization gives anything in projects: everything but a plain member does, or may.
fn reaches_all(role: &Held, matrix: &Matrix) -> bool {
    could(role, Scope::Organization, "see-reports", matrix) != Could::No
}

/// An e-mail address as it is compared.
pub fn same(email: &str) -> String {
    email.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::matrix::matrix;

    fn role(name: &str) -> Held {
        Held::Role(name.to_owned())
    }

    fn projects() -> BTreeSet<String> {
        ["1", "2"].map(str::to_owned).into()
    }

    #[test]
    fn access_is_the_union_of_four_grants_and_removing_one_leaves_the_others() {
        let jane = || "jane".to_owned();
        let mut grants = Grants::from([
            (Slot::Organization(jane()), role("member")),
            (Slot::Individual(jane(), "1".into()), role("analyst")),
            (Slot::Membership(jane(), "Growth".into()), role("")),
            (Slot::Team("Growth".into(), "1".into()), role("admin")),
            (Slot::Team("Other".into(), "2".into()), role("admin")),
            (Slot::AllUsers("2".into()), role("consumer")),
        ]);
        let reach = |grants: &Grants| Reach::of("jane", grants, &projects(), matrix());
        let could =
            |grants: &Grants, project: &str| reach(grants).could(project, "api-credentials", matrix());
        assert_eq!((could(&grants, "1"), could(&grants, "2")), (Could::Yes, Could::No));
        assert_eq!(reach(&grants).projects["1"].len(), 2);
        assert_eq!(reach(&grants).could("2", "see-reports", matrix()), Could::Yes);
        grants.remove(&Slot::Membership(jane(), "Growth".into()));
        assert_eq!(could(&grants, "1"), Could::No);
        assert_eq!(
            reach(&grants).could("1", "create-reports", matrix()),
            Could::Yes,
            "the individual grant is left"
        );
        grants.insert(Slot::Organization(jane()), role("admin"));
        assert_eq!((could(&grants, "1"), could(&grants, "2")), (Could::Yes, Could::Yes));
        assert_eq!(reach(&grants).could_organization("organization-access", matrix()), Could::Yes);
    }

    #[test]
    fn what_is_not_known_may_be() {
        let jane = || "jane".to_owned();
        let mut grants = Grants::from([
            (Slot::Organization(jane()), role("member")),
            (Slot::Individual(jane(), "1".into()), role("Data Steward")),
        ]);
        let could = |grants: &Grants, project: &str| {
            Reach::of("jane", grants, &projects(), matrix()).could(project, "api-credentials", matrix())
        };
        assert_eq!((could(&grants, "1"), could(&grants, "2")), (Could::Maybe, Could::No));
        grants.insert(Slot::Organization(jane()), Held::Unknown);
        assert_eq!((could(&grants, "1"), could(&grants, "2")), (Could::Maybe, Could::Maybe));
        grants.insert(Slot::Individual(jane(), "1".into()), role("admin"));
        assert_eq!(could(&grants, "1"), Could::Yes);
    }

    #[test]
    fn whoever_is_not_in_the_organization_has_no_team_and_no_default() {
        let grants = Grants::from([
            (Slot::Membership("x".into(), "Growth".into()), role("")),
            (Slot::Team("Growth".into(), "1".into()), role("admin")),
            (Slot::AllUsers("2".into()), role("admin")),
        ]);
        assert!(Reach::of("x", &grants, &projects(), matrix()).projects.is_empty());
    }
}
