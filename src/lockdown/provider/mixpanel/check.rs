//! For `doctor`: what the credential may do, by reads only, and what a missing right means.

use super::Mixpanel;
use crate::lockdown::http::CallError;
use crate::lockdown::provider::{Check, CheckState};

impl Mixpanel {
    /// One read for each capability.
    pub(super) async fn checks(&self) -> Vec<Check> {
        let me = self.api.me().await;
        let mut checks = vec![check("credential", &me, "without it nothing can be done")];
        let Ok(me) = me else { return checks };
        checks.push(match me.role.as_deref() {
            Some(role @ ("owner" | "admin")) => {
                Check { what: "role".to_owned(), state: CheckState::Works, note: format!("it is {role}") }
            }
            role => Check {
                what: "role".to_owned(),
                state: CheckState::Missing,
                note: format!(
                    "it is {} in organization {}: managing service accounts needs owner or admin",
                    role.filter(|role| !role.is_empty()).unwrap_or("nothing"),
                    self.organization
                ),
            },
        });
        let (accounts, members, projects) =
            tokio::join!(self.api.accounts(), self.api.members(), self.api.projects());
        let without =
            "service accounts can be neither found, replaced nor removed: all of that is left to people";
        checks.push(check("list service accounts", &accounts, without));
        let without = "undocumented: ownership cannot be checked, and who made an object only by e-mail";
        checks.push(check("list members", &members, without));
        let without = "undocumented: only projects that the credential itself is in are searched";
        checks.push(check("list projects", &projects, without));
        let Some((project, name)) = me.projects.first() else {
            checks.push(Check {
                what: "projects".to_owned(),
                state: CheckState::Missing,
                note: "the credential is in no project: nothing in projects can be found or changed"
                    .to_owned(),
            });
            return checks;
        };
        let of = |what: &str| format!("{what} (tried in {name}, {project})");
        let (grants, jobs, imports) =
            tokio::join!(self.api.grants(*project), self.api.jobs(*project), self.api.imports(*project));
        let without = "service accounts cannot be taken out of this project";
        checks.push(check(&of("list service accounts of a project"), &grants, without));
        checks.push(check(&of("list legacy pipelines"), &jobs, "legacy pipelines are not paused"));
        checks.push(check(&of("list warehouse imports"), &imports, "warehouse imports are not paused"));
        checks
    }
}

fn check<T>(what: &str, result: &Result<T, CallError>, without: &str) -> Check {
    let what = what.to_owned();
    match result {
        Ok(_) => Check { what, state: CheckState::Works, note: String::new() },
        Err(error @ CallError::Refused { .. }) => {
            Check { what, state: CheckState::Missing, note: format!("{error}; {without}") }
        }
        Err(error) => Check { what, state: CheckState::Unknown, note: format!("{error}; {without}") },
    }
}
