//! What a step does: kept in its details, and carried out here.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::person::{gone_or, read_again};
use super::super::support::not_ours;
use super::super::{Look, Proof};
use super::api::Api;
use super::wire::{Role, Scope};
use crate::lockdown::http::CallError;
use crate::lockdown::step::Step;

/// One change of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(super) enum Action {
    Disable { user: String },
    EndSession { user: String, session: String },
    LeaveGroup { user: String, group: String },
    TakeRole { user: String, role: String, scope: Scope },
}

impl Action {
    pub(super) fn of(step: &Step) -> Result<Self, CallError> {
        serde_json::from_value(step.details.clone()).map_err(|_unreadable| not_ours(step))
    }

    pub(super) async fn look(&self, api: &Api) -> Result<Look, CallError> {
        Ok(match self {
            Self::Disable { user } => {
                let gone = || CallError::Lost {
                    what: format!("GET users/{user}: PingOne knows no such user any more"),
                };
                gone_or("enabled", api.user(user).await?.ok_or_else(gone)?.enabled)
            }
            Self::EndSession { user, session } => {
                gone_or("open", api.sessions(user).await?.contains(session))
            }
            Self::LeaveGroup { user, group } => {
                gone_or("member", api.memberships(user).await?.iter().any(|own| own.id == *group))
            }
            Self::TakeRole { user, role, scope } => {
                gone_or("assigned", find(&api.roles(user).await?, role, scope).is_some())
            }
        })
    }

    pub(super) async fn apply(&self, api: &Api, key: &str) -> Result<(), CallError> {
        match self {
            Self::Disable { user } => api.set_enabled(user, false, key).await,
            Self::EndSession { user, session } => api.end_session(user, session, key).await,
            Self::LeaveGroup { user, group } => api.leave(user, group, key).await,
            Self::TakeRole { user, role, scope } => match find(&api.roles(user).await?, role, scope) {
                Some(found) => api.take_role(user, &found.id, key).await,
                None => Err(CallError::NotSent { what: "the user has no such role any more".to_owned() }),
            },
        }
    }

    /// False: there is no way back, and nothing was sent.
    pub(super) async fn undo(&self, api: &Api, before: &Value, key: &str) -> Result<bool, CallError> {
        match self {
            Self::Disable { user } if before["enabled"] == true => api.set_enabled(user, true, key).await?,
            Self::LeaveGroup { user, group } if before["member"] == true => {
                api.join(user, group, key).await?;
            }
            Self::TakeRole { user, role, scope } if before["assigned"] == true => {
                api.give_role(user, role, scope, key).await?;
            }
            Self::Disable { .. }
            | Self::EndSession { .. }
            | Self::LeaveGroup { .. }
            | Self::TakeRole { .. } => return Ok(false),
        }
        Ok(true)
    }

    pub(super) async fn prove(&self, api: &Api) -> Result<Proof, CallError> {
        Ok(read_again(&self.look(api).await?, "PingOne"))
    }
}

/// A role that the user has in person.
fn find<'a>(roles: &'a [Role], role: &str, scope: &Scope) -> Option<&'a Role> {
    roles.iter().find(|one| !one.by_group && one.definition == role && one.scope == *scope)
}
