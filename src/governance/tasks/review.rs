//! What was agreed to in a review, as tasks.

use super::{ADMIN, rotation};
use crate::config::Integration;
use crate::governance::matrix::Matrix;
use crate::governance::review::{Check, Item, Of};
use crate::lockdown::operation::{Ask, Change, Task, Wish};
use crate::lockdown::step::{Guided, GuidedProof};

/// Tasks for these items, in their order. `inventory`: as it is now.
pub fn tasks(items: &[&Item], inventory: &[Integration], matrix: &Matrix) -> Vec<Task> {
    items.iter().flat_map(|item| of(item, inventory, matrix)).collect()
}

fn of(item: &Item, inventory: &[Integration], matrix: &Matrix) -> Vec<Task> {
    let account = |ask| match address(&item.subject) {
        Some(email) => vec![Task::Account { email, ask }],
        None => vec![by_a_person(item)],
    };
    let credential = |change| vec![wish(item, change)];
    match (item.check, item.of) {
        (Check::ContractorEnded, Of::Member) => account(Ask::Leave),
        (Check::Dormant, Of::Member) => account(Ask::Deactivate),
        (Check::CreatorLeft, Of::ServiceAccount) => credential(Change::ReplaceWhereUsed),
        (Check::CredentialUnused, Of::ServiceAccount) => credential(Change::Retire),
        (Check::CredentialOld, Of::ServiceAccount) => credential(Change::Replace),
        (Check::CredentialOld, Of::Integration) => {
            let row = inventory.iter().find(|row| row.name == item.subject);
            match row {
                Some(row) => rotation::tasks(row, false, &why(item), matrix),
                None => vec![by_a_person(item)],
            }
        }
        (Check::ClosedProject, Of::ServiceAccount) => match project(item) {
            Some(project) => credential(Change::Leave(project)),
            None => vec![by_a_person(item)],
        },
        _ => vec![by_a_person(item)],
    }
}

/// An e-mail address as systems are asked about it; what is none is left to people.
fn address(text: &str) -> Option<String> {
    let plain = text.len() <= 254 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    let (name, host) = text.split_once('@')?;
    (plain && !name.is_empty() && !host.is_empty()).then(|| text.to_lowercase())
}

fn why(item: &Item) -> String {
    format!("the review: {}", item.why)
}

fn wish(item: &Item, change: Change) -> Task {
    Task::Credential(Wish { credential: item.subject.clone(), change, why: why(item) })
}

/// The number of the project: `P9 (9)`, or the number alone.
fn project(item: &Item) -> Option<u64> {
    let place = item.place.as_deref()?;
    let last = place.rsplit('(').next().and_then(|rest| rest.strip_suffix(')'));
    last.unwrap_or(place).parse().ok()
}

/// What no API can do.
fn by_a_person(item: &Item) -> Task {
    let place = item.place.as_ref().map_or_else(String::new, |place| format!(" in {place}"));
    let (who, actions) = match item.check {
        Check::SecondFactor => (item.subject.clone(), &["user.twofactor_enabled"][..]),
        Check::AdminEnded | Check::OverPrivileged => (ADMIN.to_owned(), &["user.role_changed"][..]),
        Check::ClosedProject => (
            ADMIN.to_owned(),
            &[
                "project.user_removed",
                "project.team_removed",
                "team.user_removed",
                "project.default_access_revoked",
            ][..],
        ),
        _ => (ADMIN.to_owned(), &[][..]),
    };
    // A team's or a default's removal does not name whom the item is about.
    let is_logged = !actions.is_empty() && item.of == Of::Member;
    let proof = if is_logged {
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        GuidedProof::Log { actions, mentions: vec![item.subject.clone()] }
    } else {
        GuidedProof::Attested
    };
    let step = Guided {
        id: format!("review/{}", item.id),
        title: format!("{}: {}{place}", item.check.name(), item.subject),
        who,
        how: format!("{}. Because {}.", item.action, item.why),
        proof,
        required: true,
    };
    Task::Guided { step, notes: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::matrix::matrix;

    fn item(check: Check, of: Of, subject: &str, place: Option<&str>) -> Item {
        Item {
            check,
            subject: subject.into(),
            place: place.map(str::to_owned),
            why: "x".into(),
            action: "y".into(),
            of,
            id: "1a2b3c4d".into(),
            agreed: true,
        }
    }

    #[test]
    fn what_has_an_api_is_a_task_for_it_and_the_rest_is_for_people() {
        let sa = "etl.x.mp-service-account";
        let items = [
            item(Check::Dormant, Of::Member, "finn@x", None),
            item(Check::ContractorEnded, Of::Member, "gina@x", None),
            item(Check::ClosedProject, Of::ServiceAccount, sa, Some("A (b) (9)")),
            item(Check::ClosedProject, Of::ServiceAccount, sa, Some("no number")),
            item(Check::ClosedProject, Of::Many, "all users", Some("9")),
            item(Check::SecondFactor, Of::Member, "hugo@x", None),
            item(Check::Dormant, Of::Member, "x@y\n*\u{1b}", None),
            item(Check::Dormant, Of::Member, "", None),
        ];
        let items: Vec<&Item> = items.iter().collect();
        let tasks = tasks(&items, &[], matrix());
        let [dormant, ended, leaves, by_hand, many, factor, hostile, nobody] = &tasks[..] else {
            panic!("{tasks:?}")
        };
        assert!([hostile, nobody].iter().all(|task| matches!(task, Task::Guided { .. })));
        assert_eq!(*dormant, Task::Account { email: "finn@x".into(), ask: Ask::Deactivate });
        assert_eq!(*ended, Task::Account { email: "gina@x".into(), ask: Ask::Leave });
        assert!(matches!(leaves, Task::Credential(Wish { change: Change::Leave(9), .. })));
        assert!(matches!(by_hand, Task::Guided { .. }));
        let proof = |task: &Task| match task {
            Task::Guided { step, .. } => step.proof.clone(),
            _ => panic!("{task:?}"),
        };
        assert_eq!(proof(many), GuidedProof::Attested);
        assert!(matches!(proof(factor), GuidedProof::Log { mentions, .. } if mentions == ["hugo@x"]));
    }
}
