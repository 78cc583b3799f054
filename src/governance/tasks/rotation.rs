//! A planned rotation of one credential of the inventory.

use crate::config::{Integration, IntegrationKind};
use crate::governance::matrix::{CredentialKind, Matrix};
use crate::lockdown::operation::{Change, Task, Wish};
use crate::lockdown::step::{Guided, GuidedProof};

/// What rotating the credential of a row asks for. `at_once`: without waiting for consumers. `why` is shown in the plan.
pub fn tasks(row: &Integration, at_once: bool, why: &str, matrix: &Matrix) -> Vec<Task> {
    match (row.kind, &row.credential) {
        (IntegrationKind::ServiceAccount, Some(credential)) => {
            vec![service_account(credential, at_once, why)]
        }
        _ => by_people(row, why, matrix),
    }
}

/// A service account, by the vendor's number or name.
pub fn service_account(credential: &str, at_once: bool, why: &str) -> Task {
    let change = if at_once { Change::ReplaceAtOnce } else { Change::Replace };
    Task::Credential(Wish { credential: credential.to_owned(), change, why: why.to_owned() })
}

/// What no API rotates: a person does it, then its consumer takes it up, then the inventory says so.
fn by_people(row: &Integration, why: &str, matrix: &Matrix) -> Vec<Task> {
    let place = row.project.as_ref().map_or_else(String::new, |project| format!(" of project {project}"));
    let (what, who, how) = match row.kind {
        IntegrationKind::ApiSecret => ("API secret", "an owner of the project", CredentialKind::ApiSecret),
        IntegrationKind::ProjectToken => {
            ("project token", "an owner of the organization", CredentialKind::ProjectToken)
        }
        IntegrationKind::ServiceAccount
        | IntegrationKind::Pipeline
        | IntegrationKind::Warehouse
        | IntegrationKind::CohortSync
        | IntegrationKind::Other => return vec![elsewhere(row, why)],
    };
    let how = matrix.credential(how).map(|known| known.how.as_str()).unwrap_or_default();
    let kept = row.stored.as_ref().map_or_else(String::new, |stored| {
        format!(" Put the new value into {} under {}.", stored.store, stored.path)
    });
    let reset = Guided {
        id: format!("rotate/{}", row.name),
        title: format!("Rotate the {what}{place} ({})", row.name),
        who: who.to_owned(),
        how: format!("{why}. How: {how}.{kept} Proof: the old value is refused."),
        proof: GuidedProof::Attested,
        required: true,
    };
    vec![Task::Guided { step: reset, notes: None }, consumer(row)]
}

/// A secret that whoever runs the destination keeps.
fn elsewhere(row: &Integration, why: &str) -> Task {
    let step = Guided {
        id: format!("rotate/{}", row.name),
        title: format!("Rotate the credential of {} where it is kept", row.name),
        who: owner(row),
        how: format!(
            "{why}. It is not Mixpanel's to change ({}): give {} a new one at its destination, see that it works, and that \
             the old one is refused.",
            row.kind.name(),
            row.consumer
        ),
        proof: GuidedProof::Attested,
        required: true,
    };
    Task::Guided { step, notes: Some(row.name.clone()) }
}

fn consumer(row: &Integration) -> Task {
    let restart = row.restart.as_deref().unwrap_or("Restart it if it reads its credential only once.");
    let step = Guided {
        id: format!("rotate/{}/consumer", row.name),
        title: format!("See that {} takes up the new value", row.consumer),
        who: owner(row),
        how: format!("{restart} See that it still works, and that nothing uses the old value any more."),
        proof: GuidedProof::Attested,
        required: true,
    };
    Task::Guided { step, notes: Some(row.name.clone()) }
}

fn owner(row: &Integration) -> String {
    row.owner.clone().unwrap_or_else(|| format!("whoever runs {}", row.consumer))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Inventory, Known};
    use crate::governance::matrix::matrix;

    fn rows() -> Vec<Integration> {
        let text = "[[integration]]\nname = 'etl'\ntype = 'service-account'\ncredential = 'etl.x'\nconsumer = 'airflow'\n\
                    [[integration]]\nname = 'old'\ntype = 'api-secret'\nproject = 7\nconsumer = 'a job'\nowner = 'ada@x'\n\
                    [[integration]]\nname = 'ads'\ntype = 'cohort-sync'\nconsumer = 'ads'\n";
        Inventory::parse(Path::new("i"), text.as_bytes(), Known::default()).unwrap().integrations
    }

    #[test]
    fn a_service_account_is_replaced_and_everything_else_is_for_people() {
        let rows = rows();
        let of = |row: &Integration| tasks(row, false, "planned", matrix());
        let [Task::Credential(wish)] = &of(&rows[0])[..] else { panic!() };
        assert_eq!((wish.credential.as_str(), &wish.change), ("etl.x", &Change::Replace));
        let [Task::Guided { step: reset, notes: None }, Task::Guided { step: consumer, notes: Some(row) }] =
            &of(&rows[1])[..]
        else {
            panic!()
        };
        assert!(reset.title.contains("API secret of project 7") && consumer.who == "ada@x");
        assert_eq!(row, "old");
        let [Task::Guided { step, notes: Some(_) }] = &of(&rows[2])[..] else { panic!() };
        assert!(step.how.contains("at its destination"));
    }
}
