//! What a blast radius says has to be rotated, as tasks.

use super::{ADMIN, rotation};
use crate::config::{Integration, IntegrationKind};
use crate::governance::blast::{Exposed, Verdict};
use crate::governance::matrix::{CredentialKind, Matrix};
use crate::lockdown::operation::{Change, Task, Wish};
use crate::lockdown::step::{Guided, GuidedProof};

/// How many are named in the text of one guided step.
const MOST: usize = 50;

/// Tasks for the credentials that an account made, saw or could see. `at_once`: old ones do not wait for their consumers.
pub fn tasks(
    credentials: &[Exposed],
    inventory: &[Integration],
    at_once: bool,
    matrix: &Matrix,
) -> Vec<Task> {
    let mut tasks = Vec::new();
    for credential in credentials.iter().filter(|credential| credential.rotate == Verdict::Must) {
        match credential.kind {
            CredentialKind::ServiceAccount => tasks.push(service_account(credential, at_once)),
            CredentialKind::ApiSecret => tasks.extend(api_secret(credential, inventory, matrix)),
            // The provider asks for these of its own accord.
            CredentialKind::ProjectToken | CredentialKind::ScimToken => {}
        }
    }
    tasks.extend(rule_out(credentials));
    tasks
}

fn service_account(credential: &Exposed, at_once: bool) -> Task {
    let change = match (credential.made && credential.consumers.is_empty(), at_once) {
        (true, _) => Change::Retire,
        (false, true) => Change::ReplaceAtOnce,
        (false, false) => Change::Replace,
    };
    Task::Credential(Wish { credential: credential.id.clone(), change, why: why(credential) })
}

/// The reasons, as the plan shows them.
fn why(credential: &Exposed) -> String {
    format!("the blast radius: {}", credential.reasons.join("; "))
}

/// One guided step for the project, and what the inventory knows of who works with it.
fn api_secret(credential: &Exposed, inventory: &[Integration], matrix: &Matrix) -> Vec<Task> {
    let rows: Vec<&Integration> = inventory
        .iter()
        .filter(|row| row.kind == IntegrationKind::ApiSecret && credential.consumers.contains(&row.name))
        .collect();
    if !rows.is_empty() {
        return rows.iter().flat_map(|row| rotation::tasks(row, false, &why(credential), matrix)).collect();
    }
    let step = Guided {
        id: format!("blast-radius/api-secret/{}", credential.id),
        title: format!("Reset the API secret of {}", credential.name),
        who: "an owner of the project".to_owned(),
        how: format!(
            "{}. How: {}. Proof: the old secret is refused by /export.",
            why(credential),
            credential.action
        ),
        proof: GuidedProof::Attested,
        required: true,
    };
    vec![Task::Guided { step, notes: None }]
}

/// What it may have seen: a person finds out, or has it rotated.
fn rule_out(credentials: &[Exposed]) -> Option<Task> {
    let maybe: Vec<&Exposed> =
        credentials.iter().filter(|credential| credential.rotate == Verdict::UnlessRuledOut).collect();
    if maybe.is_empty() {
        return None;
    }
    let of = |credential: &&Exposed| match credential.kind {
        CredentialKind::ServiceAccount => format!("service account {}", credential.name),
        CredentialKind::ApiSecret => format!("API secret of {}", credential.name),
        CredentialKind::ProjectToken => format!("token of {}", credential.name),
        CredentialKind::ScimToken => "the SCIM token".to_owned(),
    };
    let mut names: Vec<String> = maybe.iter().take(MOST).map(of).collect();
    if maybe.len() > MOST {
        names.push(format!("and {} more", maybe.len() - MOST));
    }
    let step = Guided {
        id: "blast-radius/rule-out".to_owned(),
        title: "Rule out that it saw these credentials, or rotate them".to_owned(),
        who: ADMIN.to_owned(),
        how: format!(
            "It may have seen them, since its roles are not known at all times: {}. A list of members from before the logs \
             (--members-before) may rule them out; else `portcullis rotate NAME` for service accounts, and an owner of the \
             project for the rest.",
            names.join(", ")
        ),
        proof: GuidedProof::Attested,
        required: true,
    };
    Some(Task::Guided { step, notes: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::matrix::matrix;

    fn exposed(rotate: Verdict, kind: CredentialKind, id: &str, made: bool, consumers: &[&str]) -> Exposed {
        Exposed {
            rotate,
            kind,
            id: id.into(),
            name: format!("name of {id}"),
            made,
            projects: Vec::new(),
            reasons: vec!["it could see it".into()],
            action: "do it".into(),
            consumers: consumers.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn what_must_be_rotated_is_and_what_may_have_been_seen_is_a_question() {
        let sa = CredentialKind::ServiceAccount;
        let all = [
            exposed(Verdict::Must, sa, "1", true, &[]),
            exposed(Verdict::Must, sa, "2", true, &["etl"]),
            exposed(Verdict::Must, CredentialKind::ApiSecret, "7", false, &[]),
            exposed(Verdict::UnlessRuledOut, sa, "3", false, &[]),
            exposed(Verdict::Advised, CredentialKind::ProjectToken, "7", false, &[]),
        ];
        let found = tasks(&all, &[], true, matrix());
        let [
            Task::Credential(planted),
            Task::Credential(used),
            Task::Guided { step: secret, .. },
            Task::Guided { step, .. },
        ] = &found[..]
        else {
            panic!("{found:?}")
        };
        assert_eq!((planted.change, used.change), (Change::Retire, Change::ReplaceAtOnce));
        assert!(used.why.contains("it could see it"));
        assert_eq!(secret.id, "blast-radius/api-secret/7");
        assert!(
            step.how.contains("service account name of 3") && !step.how.contains("name of 7"),
            "{}",
            step.how
        );
        let Task::Credential(gentle) = &tasks(&all[1..2], &[], false, matrix())[0] else { panic!() };
        assert_eq!(gentle.change, Change::Replace);
    }
}
