//! What all steps have in common.

use serde::de::DeserializeOwned;

use super::wire::Account;
use crate::lockdown::http::CallError;
use crate::lockdown::step::{Object, Step};

/// The object of steps about a service account.
pub(super) fn account_object(account: &Account) -> Object {
    Object { kind: "service-account".to_owned(), id: account.id.to_string(), name: account.username.clone() }
}

/// What discovery wrote into the step.
pub(super) fn details<T: DeserializeOwned>(step: &Step) -> Result<T, CallError> {
    serde_json::from_value(step.details.clone())
        .map_err(|error| lacks(&format!("the step's details are not readable: {error}")))
}

/// Something is missing here: nothing was sent.
pub(super) fn lacks(what: &str) -> CallError {
    CallError::NotSent { what: what.to_owned() }
}

/// What cannot be undone.
pub(super) fn final_step() -> CallError {
    CallError::Refused {
        status: 0,
        code: None,
        message: "a deleted service account cannot come back".to_owned(),
    }
}
