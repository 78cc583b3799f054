//! What a step does: kept in its details, and carried out here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::support::not_ours;
use super::super::{Look, Proof};
use super::api::Api;
use super::wire::{Role, RoleKind};
use crate::lockdown::http::CallError;
use crate::lockdown::step::Step;

/// Statuses in which nobody can sign in. From all others people come back by themselves: whoever has an expired password sets a
/// new one when next signing in, links lead out of RECOVERY, STAGED and PROVISIONED, and a policy may unlock `LOCKED_OUT`.
const BLOCKED: [&str; 2] = ["SUSPENDED", "DEPROVISIONED"];

/// One change of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(super) enum Action {
    Suspend { user: String },
    EndSessions { user: String },
    RevokeGrants { user: String },
    DeleteToken { user: String, token: String },
    LeaveGroup { user: String, group: String },
    Unassign { user: String, app: String },
    RemoveRole { user: String, role: RoleKind },
}

pub(super) fn is_blocked(status: &str) -> bool {
    BLOCKED.contains(&status)
}

impl Action {
    pub(super) fn of(step: &Step) -> Result<Self, CallError> {
        serde_json::from_value(step.details.clone()).map_err(|_unreadable| not_ours(step))
    }

    pub(super) async fn look(&self, api: &Api) -> Result<Look, CallError> {
        let (state, done) = match self {
            Self::Suspend { user } => {
                let status = status(api, user).await?;
                (json!({"status": status}), Some(is_blocked(&status)))
            }
            // Okta lists no sessions.
            Self::EndSessions { .. } => (Value::Null, None),
            Self::RevokeGrants { user } => {
                let grants = api.grants(user).await?;
                (json!({"grants": grants}), Some(grants.is_empty()))
            }
            Self::DeleteToken { user, token } => {
                let exists = api.tokens(user).await?.iter().any(|own| own.id == *token);
                (json!({"exists": exists}), Some(!exists))
            }
            Self::LeaveGroup { user, group } => {
                let member = api.groups(user).await?.iter().any(|own| own.id == *group);
                (json!({"member": member}), Some(!member))
            }
            Self::Unassign { user, app } => match api.assignment(app, user).await? {
                Some(assignment) => (json!({"assigned": assignment}), Some(false)),
                None => (json!({"assigned": null}), Some(true)),
            },
            Self::RemoveRole { user, role } => {
                let assigned = find(&api.roles(user).await?, role).is_some();
                (json!({"assigned": assigned}), Some(!assigned))
            }
        };
        Ok(Look { state, done, result: Value::Null })
    }

    pub(super) async fn apply(&self, api: &Api, key: &str) -> Result<(), CallError> {
        match self {
            Self::Suspend { user } => api.suspend(user, key).await,
            Self::EndSessions { user } => api.end_sessions(user, key).await,
            Self::RevokeGrants { user } => api.revoke_grants(user, key).await,
            Self::DeleteToken { token, .. } => api.delete_token(token, key).await,
            Self::LeaveGroup { user, group } => api.leave(group, user, key).await,
            Self::Unassign { user, app } => api.unassign(app, user, key).await,
            Self::RemoveRole { user, role } => match find(&api.roles(user).await?, role) {
                Some(found) => api.remove_role(user, &found.id, key).await,
                None => {
                    Err(CallError::NotSent { what: format!("the user has no role {} any more", role.kind) })
                }
            },
        }
    }

    /// False: there is no way back, and nothing was sent.
    pub(super) async fn undo(&self, api: &Api, before: &Value, key: &str) -> Result<bool, CallError> {
        match self {
            Self::Suspend { user } if before["status"] == "ACTIVE" => {
                api.unsuspend(user, key).await?;
            }
            Self::LeaveGroup { user, group } if before["member"] == true => {
                api.join(group, user, key).await?;
            }
            Self::Unassign { user, app } if before["assigned"].is_object() => {
                let name = before.pointer("/assigned/user_name").and_then(Value::as_str);
                api.assign(app, user, name, key).await?;
            }
            Self::RemoveRole { user, role } if before["assigned"] == true => {
                api.give_role(user, role, key).await?;
            }
            Self::Suspend { .. }
            | Self::EndSessions { .. }
            | Self::RevokeGrants { .. }
            | Self::DeleteToken { .. }
            | Self::LeaveGroup { .. }
            | Self::Unassign { .. }
            | Self::RemoveRole { .. } => return Ok(false),
        }
        Ok(true)
    }

    pub(super) async fn prove(&self, api: &Api) -> Result<Proof, CallError> {
        if let Self::EndSessions { user } = self {
            let status = status(api, user).await?;
            let open = || format!("the account is {status}: a new session may have begun");
            return Ok(match status.as_str() {
                _ if is_blocked(&status) => Proof::Proved(format!(
                    "Okta took it, and no session can begin while the account is {status}"
                )),
                "ACTIVE" => Proof::NotYet(open()),
                _ => Proof::Guided(open()),
            });
        }
        let look = self.look(api).await?;
        Ok(match look.done {
            Some(true) => Proof::Proved(format!("read again: {}", look.state)),
            Some(false) | None => Proof::NotYet(format!("Okta still says {}", look.state)),
        })
    }
}

/// A role that the user has in person.
fn find<'a>(roles: &'a [Role], kind: &RoleKind) -> Option<&'a Role> {
    roles.iter().find(|role| !role.by_group && role.kind == *kind)
}

async fn status(api: &Api, user: &str) -> Result<String, CallError> {
    let found = api.user(user).await?;
    let gone = || CallError::Lost { what: format!("GET users/{user}: Okta knows no such user any more") };
    found.map(|user| user.status).ok_or_else(gone)
}
