//! What providers of directories share: tolerant reading of answers, and what errors come to.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;

use super::{Check, CheckState, Proof};
use crate::lockdown::http::{CallError, Reply};
use crate::lockdown::step::Step;

/// A field that may be missing, null or of another type: then it is not known.
pub(super) fn lenient<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

/// The answer to `call`. Errors say nothing of its values.
pub(super) fn read_as<T: DeserializeOwned>(reply: &Reply, call: &str, what: &str) -> Result<T, CallError> {
    serde_json::from_value(reply.json()?).map_err(|error| CallError::Lost {
        what: format!("{call}: the answer is not {what} ({:?})", error.classify()),
    })
}

/// A field without which nothing can be done.
pub(super) fn need<T>(field: Option<T>, call: &str, key: &str) -> Result<T, CallError> {
    field.ok_or_else(|| CallError::Lost { what: format!("{call}: `{key}` is missing in the answer") })
}

/// Nothing that went wrong proves anything.
pub(super) fn proof_of(result: Result<Proof, CallError>) -> Proof {
    result.unwrap_or_else(|error| Proof::Unknown(error.to_string()))
}

/// For steps that nothing brings back.
pub(super) fn no_way_back(step: &Step) -> CallError {
    CallError::NotSent { what: format!("{} cannot be undone", step.id) }
}

/// A step's details that another version or another hand wrote.
pub(super) fn not_ours(step: &Step) -> CallError {
    CallError::NotSent { what: format!("{}: the step's details are not known here", step.id) }
}

/// A line of `doctor` from one read: what works if it does, what is missing if the credential may not.
pub(super) fn tried<T>(what: &str, result: Result<T, CallError>, works: &str, missing: &str) -> Check {
    let (state, note) = match result {
        Ok(_) => (CheckState::Works, works.to_owned()),
        Err(error @ CallError::Refused { status: 401 | 403, .. }) => {
            (CheckState::Missing, format!("{missing}: {error}"))
        }
        Err(error) => (CheckState::Unknown, error.to_string()),
    };
    Check { what: what.to_owned(), state, note }
}
