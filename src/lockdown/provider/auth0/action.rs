//! What a step does: kept in its details, and carried out here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::person::{gone_or, read_again};
use super::super::support::not_ours;
use super::super::{Look, Proof};
use super::api::Api;
use crate::lockdown::http::CallError;
use crate::lockdown::step::Step;

/// One change of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(super) enum Action {
    Block { user: String },
    EndSessions { user: String },
    RevokeTokens { user: String },
    RevokeGrants { user: String },
    TakeRole { user: String, role: String },
}

impl Action {
    pub(super) fn of(step: &Step) -> Result<Self, CallError> {
        serde_json::from_value(step.details.clone()).map_err(|_unreadable| not_ours(step))
    }

    pub(super) async fn look(&self, api: &Api) -> Result<Look, CallError> {
        let none_of = |what: &str, found: Vec<String>| Look {
            done: Some(found.is_empty()),
            state: json!({ what: found }),
            result: Value::Null,
        };
        Ok(match self {
            Self::Block { user } => {
                let found = api.user(user).await?;
                let gone = || CallError::Lost {
                    what: format!("GET users/{user}: Auth0 knows no such user any more"),
                };
                let blocked = found.ok_or_else(gone)?.blocked;
                Look { state: json!({ "blocked": blocked }), done: Some(blocked), result: Value::Null }
            }
            Self::EndSessions { user } => none_of("sessions", api.sessions(user).await?),
            Self::RevokeTokens { user } => none_of("refreshTokens", api.refresh_tokens(user).await?),
            Self::RevokeGrants { user } => none_of("grants", api.grants(user).await?),
            Self::TakeRole { user, role } => {
                gone_or("assigned", api.roles(user).await?.iter().any(|own| own.id == *role))
            }
        })
    }

    pub(super) async fn apply(&self, api: &Api, key: &str) -> Result<(), CallError> {
        match self {
            Self::Block { user } => api.set_blocked(user, true, key).await,
            Self::EndSessions { user } => api.end(user, "sessions", key).await,
            Self::RevokeTokens { user } => api.end(user, "refresh-tokens", key).await,
            Self::RevokeGrants { user } => api.revoke_grants(user, key).await,
            Self::TakeRole { user, role } => api.take_role(user, role, key).await,
        }
    }

    /// False: there is no way back, and nothing was sent.
    pub(super) async fn undo(&self, api: &Api, before: &Value, key: &str) -> Result<bool, CallError> {
        match self {
            Self::Block { user } if before["blocked"] == false => api.set_blocked(user, false, key).await?,
            Self::TakeRole { user, role } if before["assigned"] == true => {
                api.give_role(user, role, key).await?;
            }
            Self::Block { .. }
            | Self::EndSessions { .. }
            | Self::RevokeTokens { .. }
            | Self::RevokeGrants { .. }
            | Self::TakeRole { .. } => return Ok(false),
        }
        Ok(true)
    }

    pub(super) async fn prove(&self, api: &Api) -> Result<Proof, CallError> {
        Ok(read_again(&self.look(api).await?, "Auth0"))
    }
}
