//! Somebody leaves: what they made is handed over, projects are left one by one, what they knew is rotated.

use super::{ADMIN, exposed};
use crate::config::Integration;
use crate::governance::blast::{Radius, Span, Touch};
use crate::governance::matrix::Matrix;
use crate::lockdown::operation::Task;
use crate::lockdown::step::{Guided, GuidedProof};

/// The guided step whose proof is the removal in the log.
pub const REMOVAL: &str = "offboard/removal-in-log";
/// Events by which somebody loses access.
const REMOVALS: [&str; 5] = [
    "organization.user_removed",
    "project.user_removed",
    "project.team_removed",
    "team.user_removed",
    "project.default_access_revoked",
];
/// What a person made and no API lists or hands over: what it is called, its events, where it is.
const ASSETS: [(&str, &str, &[&str], &str); 6] = [
    ("boards", "boards", &["board."], "Boards → filter by creator"),
    ("reports", "saved reports", &["bookmark."], "each board's reports, and Reports → filter by creator"),
    ("schedules", "scheduled e-mails", &["board_subscription."], "each board → Subscribe"),
    ("alerts", "alerts", &["alert."], "Alerts, in every project"),
    ("cohorts", "cohorts and their syncs", &["cohort.", "cohort_sync."], "Data Management → Cohorts"),
    (
        "pipelines",
        "data pipelines and imports",
        &["data_pipeline.", "warehouse_source.", "warehouse_source_sync."],
        "Project settings → Data Pipelines, and Warehouse Sources",
    ),
];

/// What an offboarding asks for, beyond what it always does. `scim`: members come by SCIM, which ends all access at once.
pub fn tasks(radius: &Radius, inventory: &[Integration], scim: bool, matrix: &Matrix) -> Vec<Task> {
    let who = &radius.account;
    let mut steps: Vec<Guided> = ASSETS.iter().map(|asset| hand_over(who, asset, &radius.touched)).collect();
    let projects = radius.projects.iter().filter(|project| project.now);
    steps.extend(projects.map(|project| {
        let ways: Vec<String> = project.roles.iter().filter(|span| span.now).map(Span::words).collect();
        leave_project(who, (&project.id, &project.name), &ways, scim)
    }));
    steps.push(removal(who, scim));
    let mut tasks: Vec<Task> = steps.into_iter().map(|step| Task::Guided { step, notes: None }).collect();
    tasks.extend(exposed::tasks(&radius.credentials, inventory, false, matrix));
    tasks
}

fn hand_over(
    who: &str,
    (id, what, events, place): &(&str, &str, &[&str], &str),
    touched: &[Touch],
) -> Guided {
    let made = touched
        .iter()
        .filter(|touch| touch.actor == who && events.iter().any(|event| touch.event.starts_with(event)));
    let made: Vec<String> = made.map(touch).collect();
    let log = if made.is_empty() {
        "The logs that were given show none, which proves nothing: they begin one day.".to_owned()
    } else {
        format!("The logs show: {}.", made.join("; "))
    };
    Guided {
        id: format!("offboard/hand-over/{id}"),
        title: format!("Hand over the {what} of {who}"),
        who: "whoever takes over the work".to_owned(),
        how: format!(
            "They outlive their author, and no API lists or moves them. {place}: list those of {who}, give each an owner who \
             stays, or delete it. {log}"
        ),
        proof: GuidedProof::Attested,
        required: true,
    }
}

fn touch(touch: &Touch) -> String {
    let place = touch.project.as_ref().map_or_else(String::new, |project| format!(" in {project}"));
    let last = touch.last.as_ref().map_or_else(String::new, |last| format!(", last at {last}"));
    format!("{} × {}{place}{last}", touch.count, touch.event)
}

fn leave_project(who: &str, (id, name): (&str, &str), ways: &[String], scim: bool) -> Guided {
    let actions = REMOVALS.iter().skip(1).chain(&["user.role_changed"]);
    let then = if scim {
        " The directory deactivates the member, which ends all of it; what is left would come back with the member."
    } else {
        ""
    };
    Guided {
        id: format!("offboard/project/{id}"),
        title: format!("Take {who} out of {name}"),
        who: "an owner or admin of the project".to_owned(),
        how: format!(
            "Project settings → Users: {}. Access is the union of the single grant, teams, the default for all users and the role \
             in the organization: removing one leaves the others.{then}",
            if ways.is_empty() { "whatever gives access".to_owned() } else { ways.join("; ") }
        ),
        proof: GuidedProof::Log {
            actions: actions.map(|action| (*action).to_owned()).collect(),
            mentions: vec![who.to_owned(), id.to_owned()],
        },
        required: !scim,
    }
}

/// One of the four ways in which it is shown that somebody is out.
fn removal(who: &str, scim: bool) -> Guided {
    let caveat = if scim {
        " No document says which event a deactivation by SCIM writes: where the log has none, say so and vouch for it \
         (`verify --attest offboard/removal-in-log --without-log`)."
    } else {
        ""
    };
    Guided {
        id: REMOVAL.to_owned(),
        title: format!("See the removal of {who} in the audit log"),
        who: ADMIN.to_owned(),
        how: format!(
            "When everything else is done: Organization settings → Audit Log → Export, then `verify --log FILE`.{caveat}"
        ),
        proof: GuidedProof::Log {
            actions: REMOVALS.iter().map(|action| (*action).to_owned()).collect(),
            mentions: vec![who.to_owned()],
        },
        required: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::matrix::matrix;

    fn radius() -> Radius {
        let touch = |event: &str, actor: &str| Touch {
            actor: actor.into(),
            event: event.into(),
            project: Some("Web (7)".into()),
            takes: None,
            count: 3,
            first: None,
            last: Some("2026-10-05T00:00:00Z".into()),
        };
        Radius {
            account: "jane@x".into(),
            organization: Vec::new(),
            projects: Vec::new(),
            credentials: Vec::new(),
            consumers: Vec::new(),
            touched: vec![
                touch("board.created", "jane@x"),
                touch("board.created", "sa"),
                touch("alert.created", "jane@x"),
            ],
            exports: Vec::new(),
            gaps: Vec::new(),
        }
    }

    #[test]
    fn what_the_log_shows_stands_in_what_is_handed_over() {
        let tasks = tasks(&radius(), &[], true, matrix());
        let steps: Vec<&Guided> = tasks
            .iter()
            .map(|task| match task {
                Task::Guided { step, .. } => step,
                _ => panic!("{task:?}"),
            })
            .collect();
        assert_eq!(steps.len(), ASSETS.len() + 1);
        assert!(
            steps[0].how.contains("3 × board.created in Web (7), last at 2026-10-05"),
            "{}",
            steps[0].how
        );
        assert!(steps[1].how.contains("show none") && steps[3].how.contains("alert.created"));
        assert_eq!(steps[0].how.matches("board.created").count(), 1, "others' are others'");
        assert_eq!(steps.last().unwrap().id, REMOVAL);
    }
}
