//! People: contractors and admins whose time is over, the dormant, those without a second factor, those with more rights than
//! they need, and access to closed projects.

use std::collections::BTreeSet;

use super::{Check, DAYS, Of, Reviewer};
use crate::governance::access::{Grant, Held, Reach, Slot};
use crate::governance::blast::time;
use crate::governance::matrix::{Needs, Scope};

/// Owners that an organization should keep.
const OWNERS: usize = 2;

impl Reviewer<'_> {
    pub(super) fn people(&mut self) {
        if !self.kinds.contains(&Grant::Organization) {
            self.gap("no list of members was given or could be read: nothing of people was judged");
            return;
        }
        if self.kinds.len() < Grant::ALL.len() {
            self.gap("roles of people in projects are in no list, since no API tells them: give one with --members");
        }
        let members: Vec<(String, Held)> =
            self.members.iter().map(|(email, held)| (email.clone(), held.clone())).collect();
        for (email, held) in &members {
            let reach = self.reach(email);
            let leaves = self.over(email, &reach);
            let dormant = !leaves && self.dormant(email);
            self.second_factor(email, &reach);
            if !leaves && !dormant {
                self.over_privileged(email, held, &reach);
            }
        }
        self.closed_projects();
    }

    /// A contractor's time, or an admin's; whether the account should leave.
    fn over(&mut self, email: &str, reach: &Reach) -> bool {
        let day = self.sources.day;
        let Some(person) = self.sources.register.people.iter().find(|person| person.email == email) else {
            return false;
        };
        let (ends, admin_until) = (person.ends, person.admin_until);
        if let Some(ends) = ends.filter(|ends| *ends < day) {
            let who = if person.contractor { "a contractor" } else { "somebody" };
            let why = format!(
                "the register has {who} whose access ends with {ends}, and the account is an active member"
            );
            let action = "take the account out: SCIM and groups first where SCIM rules, then projects one by one, then the membership; rotate what it could see (blast-radius)";
            self.add(Check::ContractorEnded, email, None, why, action.to_owned());
            return true;
        }
        if let Some(until) = admin_until.filter(|until| *until < day) {
            for place in self.managed(reach) {
                let why = format!("the register has it as an admin until {until}, and it still is one");
                let action =
                    "give it the role from before; rotate what it could see as an admin (blast-radius)";
                self.add(Check::AdminEnded, email, place, why, action.to_owned());
            }
        }
        false
    }

    /// Where it manages: the organization is no place of its own.
    fn managed(&self, reach: &Reach) -> Vec<Option<String>> {
        if reach.organization.as_ref().is_some_and(|held| self.manages(Scope::Organization, held)) {
            return vec![None];
        }
        let managed = reach.projects.iter().filter(|(_, ways)| {
            ways.iter().any(|way| way.grant != Grant::Organization && self.manages(Scope::Project, &way.held))
        });
        managed.map(|(project, _)| Some(self.project_name(project))).collect()
    }

    /// No sign of life in 90 days. Where nothing is known of a member, a log that covers these days says that there was none.
    fn dormant(&mut self, email: &str) -> bool {
        let why = match self.seen.get(email) {
            Some(last) if *last >= self.start => return false,
            Some(last) => format!("the last sign of life is of {}", time(*last)),
            None if self.covered => {
                format!("the log covers {DAYS} days and has no act of it, nor does a list tell a login")
            }
            None => {
                self.gap("whether members of whom no sign of life is known are dormant: the log does not cover 90 days");
                return false;
            }
        };
        let action =
            "ask whether it is still needed; else deactivate it: SCIM and groups first where SCIM rules";
        self.add(Check::Dormant, email, None, why, action.to_owned());
        true
    }

    fn second_factor(&mut self, email: &str, reach: &Reach) {
        match self.two_factor(email) {
            Some(true) => {}
            None => self.gap("whether members have a second factor: give it in --members; logs show it only when it changes"),
            Some(false) => {
                let admin = !self.managed(reach).is_empty();
                let what = if admin { "; it is an admin, who should not be one without" } else { "" };
                let why = format!("the account has no second factor{what}");
                let action = "have it set up one; an admin role is given only after it was seen";
                self.add(Check::SecondFactor, email, None, why, action.to_owned());
            }
        }
    }

    /// An admin who in 90 days did nothing that takes an admin.
    fn over_privileged(&mut self, email: &str, held: &Held, reach: &Reach) {
        let in_organization = self.manages(Scope::Organization, held);
        let managed: Vec<String> = reach
            .projects
            .iter()
            .filter(|(_, ways)| {
                ways.iter()
                    .any(|way| way.grant != Grant::Organization && self.manages(Scope::Project, &way.held))
            })
            .map(|(project, _)| project.clone())
            .collect();
        if !in_organization && managed.is_empty() {
            return;
        }
        if !self.covered {
            self.gap("whether admins need their roles: the log does not cover 90 days");
            return;
        }
        let used = self.used(email);
        if in_organization {
            self.organization_role(email, held, &used);
            return;
        }
        for project in managed {
            if used.iter().any(|(_, place)| place.as_deref() == Some(project.as_str())) {
                continue;
            }
            let ways: Vec<String> = reach
                .projects
                .get(&project)
                .into_iter()
                .flatten()
                .filter(|way| self.manages(Scope::Project, &way.held))
                .map(|way| {
                    way.team
                        .as_ref()
                        .map_or_else(|| way.grant.name().to_owned(), |team| format!("team {team}"))
                })
                .collect();
            let why = format!(
                "it is an admin by {}, and in {DAYS} days did nothing there that takes one{}",
                ways.join(", "),
                self.unsaid(email)
            );
            let action =
                "make it an analyst there; rotate what it could see as an admin (blast-radius)".to_owned();
            let place = Some(self.project_name(&project));
            self.add(Check::OverPrivileged, email, place, why, action);
        }
    }

    fn organization_role(&mut self, email: &str, held: &Held, used: &BTreeSet<(String, Option<String>)>) {
        let of_organization =
            |capability: &str| self.matrix.can(Scope::Project, "admin", capability) == Some(false);
        if used.iter().any(|(capability, _)| of_organization(capability)) {
            return;
        }
        let owner = matches!(held, Held::Role(role) if self.matrix.can(Scope::Organization, role, "billing") == Some(true));
        let owners = self.members.values().filter(|held| {
            matches!(held, Held::Role(role) if self.matrix.can(Scope::Organization, role, "billing") == Some(true))
        });
        if owner && owners.count() <= OWNERS {
            return;
        }
        let projects: BTreeSet<String> = used
            .iter()
            .filter_map(|(_, project)| project.as_deref())
            .map(|project| self.project_name(project))
            .collect();
        let why = format!(
            "it is {} of the organization, and in {DAYS} days did nothing that takes that{}",
            held.name(),
            self.unsaid(email)
        );
        let projects: Vec<String> = projects.into_iter().collect();
        let action = if projects.is_empty() {
            "make it a member, and an analyst where it works; rotate what it could see (blast-radius)"
                .to_owned()
        } else {
            format!(
                "make it a member, an admin of {} alone, and an analyst elsewhere; rotate what it could see (blast-radius)",
                projects.join(", ")
            )
        };
        self.add(Check::OverPrivileged, email, None, why, action);
    }

    /// What it did in these days that an analyst cannot do: capability and project.
    fn used(&self, email: &str) -> BTreeSet<(String, Option<String>)> {
        let acts = self.sources.trail.into_iter().flat_map(|trail| &trail.acts);
        let recent = acts
            .filter(|(act, tally)| act.actor == email && tally.last.is_none_or(|last| last >= self.start));
        let used = recent.filter_map(|(act, _)| match self.matrix.needs(&act.event) {
            Needs::Capability(needed)
                if self.matrix.can(Scope::Project, "analyst", &needed.id) == Some(false) =>
            {
                Some((needed.id.clone(), act.project.clone()))
            }
            _ => None,
        });
        used.collect()
    }

    /// Acts of which the table of roles does not say what they take: whoever decides should know of them.
    fn unsaid(&self, email: &str) -> String {
        let acts = self.sources.trail.into_iter().flat_map(|trail| &trail.acts);
        let unsaid: BTreeSet<&str> = acts
            .filter(|(act, tally)| act.actor == email && tally.last.is_none_or(|last| last >= self.start))
            .filter(|(act, _)| self.matrix.needs(&act.event) == Needs::Unsaid)
            .map(|(act, _)| act.event.as_str())
            .collect();
        if unsaid.is_empty() {
            return String::new();
        }
        let events: Vec<&str> = unsaid.into_iter().collect();
        format!(" (what these take, the table of roles does not say: {})", events.join(", "))
    }

    /// Everybody and everything that still has access to a closed project.
    fn closed_projects(&mut self) {
        let closed = self.sources.register.closed_projects.clone();
        for project in &closed {
            let place = Some(self.project_name(project));
            let found: Vec<(Of, String, String)> = self
                .grants
                .iter()
                .filter(|(slot, _)| slot.project() == Some(project.as_str()))
                .filter(|(slot, _)| slot.email().is_none_or(|email| !self.inactive.contains(email)))
                .map(|(slot, held)| match slot {
                    Slot::Team(team, _) => (Of::Many, format!("team {team}"), held.name().to_owned()),
                    Slot::AllUsers(_) => (Of::Many, "all users".to_owned(), held.name().to_owned()),
                    _ => (Of::Member, slot.email().unwrap_or_default().to_owned(), held.name().to_owned()),
                })
                .collect();
            for (of, subject, role) in found {
                let why = format!("the register calls the project closed, and this is {role} there");
                let action = "take the access away".to_owned();
                self.add_of(of, Check::ClosedProject, &subject, place.clone(), (why, action));
            }
            let accounts: Vec<String> = self
                .sources
                .estate
                .accounts
                .values()
                .filter(|account| !account.own && account.projects.contains_key(project))
                .map(|account| account.username.clone())
                .collect();
            for account in accounts {
                let why =
                    "the register calls the project closed, and the service account is in it".to_owned();
                let action = "take the service account out of the project".to_owned();
                self.add_of(Of::ServiceAccount, Check::ClosedProject, &account, place.clone(), (why, action));
            }
        }
    }
}
