//! What a step does: kept in its details, and carried out here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::person::{gone_or, read_again};
use super::super::support::{need, not_ours};
use super::super::{Look, Proof};
use super::api::Api;
use super::wire::{Assignment, Given, Member, User};
use crate::lockdown::http::CallError;
use crate::lockdown::step::Step;

/// One change of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(super) enum Action {
    InvalidateCodes { user: String },
    TurnOffTwoStep { user: String },
    Suspend { user: String },
    SignOut { user: String },
    DeleteToken { user: String, client: String },
    DeletePassword { user: String, password: String },
    LeaveGroup { user: String, group: String },
    TakeRole { user: String, given: Given },
    Demote { user: String },
}

impl Action {
    pub(super) fn of(step: &Step) -> Result<Self, CallError> {
        serde_json::from_value(step.details.clone()).map_err(|_unreadable| not_ours(step))
    }

    pub(super) async fn look(&self, api: &Api) -> Result<Look, CallError> {
        Ok(match self {
            Self::InvalidateCodes { user } => gone_or("codes", api.codes(user).await? > 0),
            Self::TurnOffTwoStep { user } => {
                let enrolled = person(api, user).await?.enrolled;
                gone_or("enrolled", need(enrolled, "GET users/{userKey}", "isEnrolledIn2Sv")?)
            }
            Self::Suspend { user } => {
                let suspended = person(api, user).await?.suspended;
                Look { state: json!({ "suspended": suspended }), done: Some(suspended), result: Value::Null }
            }
            // Google lists no sessions.
            Self::SignOut { .. } => Look { state: Value::Null, done: None, result: Value::Null },
            Self::DeleteToken { user, client } => {
                gone_or("exists", api.tokens(user).await?.iter().any(|own| own.client == *client))
            }
            Self::DeletePassword { user, password } => {
                gone_or("exists", api.passwords(user).await?.iter().any(|own| own.id == *password))
            }
            Self::LeaveGroup { user, group } => {
                let member = api.member(group, user).await?;
                let done = Some(member.is_none());
                Look { state: json!({ "member": member }), done, result: Value::Null }
            }
            Self::TakeRole { user, given } => {
                gone_or("assigned", find(&api.assignments(user).await?, user, given).is_some())
            }
            Self::Demote { user } => gone_or("assigned", person(api, user).await?.admin),
        })
    }

    pub(super) async fn apply(&self, api: &Api, key: &str) -> Result<(), CallError> {
        match self {
            Self::InvalidateCodes { user } => api.invalidate_codes(user, key).await,
            Self::TurnOffTwoStep { user } => api.turn_off_two_step(user, key).await,
            Self::Suspend { user } => api.set_suspended(user, true, key).await,
            Self::SignOut { user } => api.sign_out(user, key).await,
            Self::DeleteToken { user, client } => api.delete_token(user, client, key).await,
            Self::DeletePassword { user, password } => api.delete_password(user, password, key).await,
            Self::LeaveGroup { user, group } => api.leave(group, user, key).await,
            Self::TakeRole { user, given } => match find(&api.assignments(user).await?, user, given) {
                Some(found) => api.take_role(&found.id, key).await,
                None => Err(CallError::NotSent { what: "the user has no such role any more".to_owned() }),
            },
            Self::Demote { user } => api.set_admin(user, false, key).await,
        }
    }

    /// False: there is no way back, and nothing was sent.
    pub(super) async fn undo(&self, api: &Api, before: &Value, key: &str) -> Result<bool, CallError> {
        match self {
            Self::Suspend { user } if before["suspended"] == false => {
                api.set_suspended(user, false, key).await?;
            }
            Self::LeaveGroup { user, group } => {
                let Ok(member) = Member::deserialize(&before["member"]) else { return Ok(false) };
                api.join(group, user, &member, key).await?;
            }
            Self::TakeRole { user, given } if before["assigned"] == true => {
                api.give_role(user, given, key).await?;
            }
            Self::Demote { user } if before["assigned"] == true => api.set_admin(user, true, key).await?,
            Self::Suspend { .. }
            | Self::TakeRole { .. }
            | Self::Demote { .. }
            | Self::InvalidateCodes { .. }
            | Self::TurnOffTwoStep { .. }
            | Self::SignOut { .. }
            | Self::DeleteToken { .. }
            | Self::DeletePassword { .. } => return Ok(false),
        }
        Ok(true)
    }

    pub(super) async fn prove(&self, api: &Api) -> Result<Proof, CallError> {
        let Self::SignOut { user } = self else {
            return Ok(read_again(&self.look(api).await?, "Google"));
        };
        Ok(if person(api, user).await?.suspended {
            Proof::Proved(
                "Google took it, and no session can begin while the user is suspended; it says that cookies may last up to \
                 an hour more"
                    .to_owned(),
            )
        } else {
            Proof::NotYet("the user is not suspended: a new session may have begun".to_owned())
        })
    }
}

/// A role that the user has in person.
fn find<'a>(all: &'a [Assignment], user: &str, given: &Given) -> Option<&'a Assignment> {
    all.iter().find(|one| one.assigned_to == user && one.given == *given)
}

async fn person(api: &Api, user: &str) -> Result<User, CallError> {
    let gone = || CallError::Lost { what: format!("GET users/{user}: Google knows no such user any more") };
    api.user(user).await?.ok_or_else(gone)
}
