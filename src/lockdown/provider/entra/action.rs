//! What a step does: kept in its details, and carried out here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::person::{gone_or, read_again};
use super::super::support::not_ours;
use super::super::{Look, Proof};
use super::api::Api;
use super::wire::{Assignment, User};
use crate::lockdown::http::CallError;
use crate::lockdown::step::Step;

/// One change of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(super) enum Action {
    Disable { user: String },
    EndSessions { user: String },
    RevokeGrant { user: String, grant: String },
    LeaveGroup { user: String, group: String },
    RemoveRole { user: String, role: String },
    Unassign { user: String, app: String, role: String },
}

impl Action {
    pub(super) fn of(step: &Step) -> Result<Self, CallError> {
        serde_json::from_value(step.details.clone()).map_err(|_unreadable| not_ours(step))
    }

    pub(super) async fn look(&self, api: &Api) -> Result<Look, CallError> {
        Ok(match self {
            Self::Disable { user } => {
                let enabled = person(api, user).await?.enabled;
                gone_or("enabled", enabled)
            }
            // It cannot be told which sessions there are, but from when on they count.
            Self::EndSessions { user } => {
                let state = json!({ "validFrom": person(api, user).await?.valid_from });
                Look { state, done: None, result: Value::Null }
            }
            Self::RevokeGrant { user, grant } => {
                gone_or("exists", api.grants(user).await?.iter().any(|own| own.id == *grant))
            }
            Self::LeaveGroup { user, group: id } | Self::RemoveRole { user, role: id } => {
                gone_or("member", api.memberships(user).await?.iter().any(|own| own.id == *id))
            }
            Self::Unassign { user, app, role } => {
                gone_or("assigned", find(&api.assignments(user).await?, user, app, role).is_some())
            }
        })
    }

    pub(super) async fn apply(&self, api: &Api, key: &str) -> Result<(), CallError> {
        match self {
            Self::Disable { user } => api.set_enabled(user, false, key).await,
            Self::EndSessions { user } => api.end_sessions(user, key).await,
            Self::RevokeGrant { grant, .. } => api.revoke_grant(grant, key).await,
            Self::LeaveGroup { user, group } => api.leave("groups", group, user, key).await,
            Self::RemoveRole { user, role } => api.leave("directoryRoles", role, user, key).await,
            Self::Unassign { user, app, role } => {
                match find(&api.assignments(user).await?, user, app, role) {
                    Some(found) => api.unassign(user, &found.id, key).await,
                    None => Err(CallError::NotSent {
                        what: "the user does not have the application any more".to_owned(),
                    }),
                }
            }
        }
    }

    /// False: there is no way back, and nothing was sent.
    pub(super) async fn undo(&self, api: &Api, before: &Value, key: &str) -> Result<bool, CallError> {
        match self {
            Self::Disable { user } if before["enabled"] == true => api.set_enabled(user, true, key).await?,
            Self::LeaveGroup { user, group } if before["member"] == true => {
                api.join("groups", group, user, key).await?;
            }
            Self::RemoveRole { user, role } if before["member"] == true => {
                api.join("directoryRoles", role, user, key).await?;
            }
            Self::Unassign { user, app, role } if before["assigned"] == true => {
                api.assign(user, app, role, key).await?;
            }
            Self::Disable { .. }
            | Self::EndSessions { .. }
            | Self::RevokeGrant { .. }
            | Self::LeaveGroup { .. }
            | Self::RemoveRole { .. }
            | Self::Unassign { .. } => return Ok(false),
        }
        Ok(true)
    }

    /// `before`: what was seen before the step.
    pub(super) async fn prove(&self, api: &Api, before: &Value) -> Result<Proof, CallError> {
        let Self::EndSessions { user } = self else {
            return Ok(read_again(&self.look(api).await?, "Entra"));
        };
        let user = person(api, user).await?;
        if user.enabled {
            return Ok(Proof::NotYet("the account is enabled: a new session may have begun".to_owned()));
        }
        Ok(match (user.valid_from, before["validFrom"].as_str()) {
            (Some(now), Some(before)) if now == before => {
                Proof::NotYet(format!("Entra still says that sessions since {before} count"))
            }
            (Some(now), _) => Proof::Proved(format!(
                "read again: sessions from before {now} do not count, and none can begin while the account is disabled"
            )),
            (None, _) => Proof::Proved(
                "Entra took it, and no session can begin while the account is disabled".to_owned(),
            ),
        })
    }
}

/// The user's own assignment: that of a group would unassign everybody in it.
fn find<'a>(all: &'a [Assignment], user: &str, app: &str, role: &str) -> Option<&'a Assignment> {
    all.iter().find(|one| is_own(one, user) && one.resource == app && one.role == role)
}

pub(super) fn is_own(assignment: &Assignment, user: &str) -> bool {
    assignment.principal_type == "User" && assignment.principal == user
}

async fn person(api: &Api, user: &str) -> Result<User, CallError> {
    let gone = || CallError::Lost { what: format!("GET users/{user}: Entra knows no such user any more") };
    api.user(user).await?.ok_or_else(gone)
}
