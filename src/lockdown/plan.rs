//! The plan: every step in its order, its guards, and a hash that names exactly this plan. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::inventory;
use super::operation::Operation;
use super::provider::Guard;
use super::step::{Guided, Step};
use crate::sys::hash::sha256_hex;

/// What is going to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What it is about: the account's e-mail address, or the name of a credential or review.
    pub account: String,
    /// The incident's name: the names of new objects come from it.
    pub incident: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Operation::is_plain")]
    pub operation: Operation,
    /// In the order in which their turns come.
    pub steps: Vec<Step>,
    /// What people have to do.
    pub guided: Vec<Guided>,
    /// SHA-256 of all of the above.
    pub hash: String,
}

impl Plan {
    /// With these steps and what the operation asks of people, sorted; each identifier once.
    pub fn of(
        account: &str,
        incident: &str,
        operation: &Operation,
        mut steps: Vec<Step>,
        discovered: Vec<Guided>,
    ) -> Self {
        let mut guided: Vec<Guided> = operation.guided().map(|(step, _)| step.clone()).collect();
        guided.extend(discovered);
        let noted = operation.guided().filter_map(|(step, row)| Some((step, row?)));
        steps.extend(noted.map(|(step, row)| inventory::note(row, None, Vec::new(), vec![step.id.clone()])));
        steps.sort_by(|one, other| (one.phase, &one.id).cmp(&(other.phase, &other.id)));
        steps.dedup_by(|one, other| one.id == other.id);
        let mut seen = BTreeSet::new();
        guided.retain(|step| seen.insert(step.id.clone()));
        let (account, incident, operation) = (account.to_owned(), incident.to_owned(), operation.clone());
        let hash = String::new();
        let plan = Self { account, incident, operation, steps, guided, hash };
        Self { hash: plan.digest(), ..plan }
    }

    /// Whether the hash is that of the plan: a file may have been edited.
    pub fn is_genuine(&self) -> bool {
        self.hash == self.digest()
    }

    fn digest(&self) -> String {
        let Self { account, incident, operation, steps, guided, .. } = self;
        // Structures of strings and JSON values cannot fail to serialise; keys of JSON objects are sorted.
        let text = if operation.is_plain() {
            serde_json::to_vec(&(account, incident, steps, guided))
        } else {
            serde_json::to_vec(&(account, incident, operation, steps, guided))
        };
        sha256_hex(&text.unwrap_or_default())
    }

    /// How many objects it changes.
    pub fn objects(&self) -> usize {
        let objects: BTreeSet<_> =
            self.steps.iter().map(|step| (&step.system, &step.object.kind, &step.object.id)).collect();
        objects.len()
    }

    /// Why it must not be carried out.
    pub fn guards(&self, responders: &[String], max: usize) -> Vec<Guard> {
        let people = self.operation.people(&self.account);
        let is_meant = |own: &&String| people.iter().any(|(email, _)| own.eq_ignore_ascii_case(email));
        let own = responders.iter().filter(is_meant);
        let mut guards: Vec<Guard> = own.map(|own| Guard::OwnAccount(own.clone())).collect();
        let found = self.objects();
        if found > max {
            guards.push(Guard::TooMany { found, max });
        }
        guards
    }

    /// In words, what of `other` is not in this plan and the other way round; empty for the same plan.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut side = |here: &Self, there: &Self, what: &str| {
            let missing = here.steps.iter().filter(|step| !there.steps.contains(step));
            lines.extend(missing.map(|step| format!("{what}: {}", step.id)));
            let missing = here.guided.iter().filter(|step| !there.guided.contains(step));
            lines.extend(missing.map(|step| format!("{what}: guided step {}", step.id)));
        };
        side(self, other, "not there any more, or changed");
        side(other, self, "new, or changed");
        if lines.is_empty() && self.hash != other.hash {
            lines.push("it is for another account, incident or purpose, or was edited".into());
        }
        lines
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::lockdown::step::{Object, Phase, Undo};

    fn step(phase: Phase, id: &str) -> Step {
        let object = Object { kind: "user".into(), id: id.into(), name: id.into() };
        Step::new("okta", object, "suspend", phase, Undo::Reversible)
    }

    fn plan(steps: Vec<Step>) -> Plan {
        Plan::of("jane@agency.example", "i", &Operation::default(), steps, Vec::new())
    }

    #[test]
    fn order_of_discovery_does_not_matter() {
        let (one, two) = (step(Phase::Groups, "a"), step(Phase::Block, "b"));
        let first = plan(vec![one.clone(), two.clone()]);
        assert_eq!(first, plan(vec![two.clone(), one.clone(), two.clone()]));
        assert_eq!(first.steps, [two, one]);
        assert!(first.is_genuine());
    }

    #[test]
    fn an_edited_plan_is_not_genuine_and_says_what_differs() {
        let one = plan(vec![step(Phase::Block, "a")]);
        let mut edited = one.clone();
        edited.steps.push(step(Phase::Block, "b"));
        assert!(!edited.is_genuine());
        assert_eq!(one.differences(&edited), ["new, or changed: okta/user/b/suspend"]);
        assert_eq!(one.differences(&one), [""; 0]);
    }

    #[test]
    fn guards_stop_the_own_account_and_large_plans() {
        let plan = plan(vec![step(Phase::Block, "a"), step(Phase::Block, "b")]);
        assert_eq!(plan.guards(&[], 2), []);
        assert_eq!(plan.guards(&[], 1), [Guard::TooMany { found: 2, max: 1 }]);
        let own = vec!["Jane@Agency.example".to_owned()];
        assert_eq!(plan.guards(&own, 9), [Guard::OwnAccount(own[0].clone())]);
    }
}
