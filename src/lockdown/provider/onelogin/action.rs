//! What a step does: kept in its details, and carried out here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::person::{gone_or, read_again};
use super::super::support::not_ours;
use super::super::{Look, Proof};
use super::api::Api;
use super::wire::{SUSPENDED, status_name};
use crate::lockdown::http::CallError;
use crate::lockdown::step::Step;

/// One change of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(super) enum Action {
    Suspend { user: u64 },
    LogOut { user: u64 },
    TakeRole { user: u64, role: u64 },
}

impl Action {
    pub(super) fn of(step: &Step) -> Result<Self, CallError> {
        serde_json::from_value(step.details.clone()).map_err(|_unreadable| not_ours(step))
    }

    pub(super) async fn look(&self, api: &Api) -> Result<Look, CallError> {
        Ok(match self {
            Self::Suspend { user } => {
                let status = status(api, *user).await?;
                let done = Some(status == SUSPENDED);
                Look { state: json!({ "status": status }), done, result: Value::Null }
            }
            // OneLogin lists no sessions.
            Self::LogOut { .. } => Look { state: Value::Null, done: None, result: Value::Null },
            Self::TakeRole { user, role } => gone_or("assigned", api.roles_of(*user).await?.contains(role)),
        })
    }

    pub(super) async fn apply(&self, api: &Api, key: &str) -> Result<(), CallError> {
        match self {
            Self::Suspend { user } => api.set_status(*user, SUSPENDED, key).await,
            Self::LogOut { user } => api.log_out(*user, key).await,
            Self::TakeRole { user, role } => api.take_role(*role, *user, key).await,
        }
    }

    /// False: there is no way back, and nothing was sent.
    pub(super) async fn undo(&self, api: &Api, before: &Value, key: &str) -> Result<bool, CallError> {
        match (self, before["status"].as_u64()) {
            (Self::Suspend { user }, Some(status)) if status != SUSPENDED => {
                api.set_status(*user, status, key).await?;
            }
            (Self::TakeRole { user, role }, _) if before["assigned"] == true => {
                api.give_role(*role, *user, key).await?;
            }
            (Self::Suspend { .. } | Self::LogOut { .. } | Self::TakeRole { .. }, _) => return Ok(false),
        }
        Ok(true)
    }

    pub(super) async fn prove(&self, api: &Api) -> Result<Proof, CallError> {
        let Self::LogOut { user } = self else {
            return Ok(read_again(&self.look(api).await?, "OneLogin"));
        };
        let status = status(api, *user).await?;
        Ok(if status == SUSPENDED {
            Proof::Proved("OneLogin took it, and no session can begin while the user is suspended".to_owned())
        } else {
            Proof::NotYet(format!("the user is {}: a new session may have begun", status_name(status)))
        })
    }
}

async fn status(api: &Api, user: u64) -> Result<u64, CallError> {
    let gone = || CallError::Lost { what: format!("GET users/{user}: OneLogin knows no such user any more") };
    api.user(user).await?.map(|user| user.status).ok_or_else(gone)
}
