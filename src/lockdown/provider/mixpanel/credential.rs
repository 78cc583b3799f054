//! Whether an old credential still opens anything, and whether a new one does.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::api::Api;
use crate::lockdown::http::{Auth, Credential};
use crate::lockdown::provider::Hand;
use crate::lockdown::step::StepId;
use crate::lockdown::store::system::{Put, version};
use crate::lockdown::store::{Entry, StoreError};

/// Former projects that are tried with an old credential.
const TRIED: usize = 5;

/// Where a step of a store puts a new credential; the version before holds the old one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) step: StepId,
    pub(super) put: Put,
}

/// What came of trying an old credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tried {
    /// Nobody here knows its secret.
    NoSecret,
    /// Refused by the provider's own authentication error.
    Dead,
    /// Known to the provider, and refused wherever it was tried.
    NoAccess,
    /// It still opens something.
    Works(String),
    /// Nothing can be said.
    Unknown(String),
}

/// Tries the credential of `username` that the stores held before, on the whole and on `projects`.
pub(super) async fn try_old(
    api: &Api,
    hand: &Hand,
    kept: &[Kept],
    username: &str,
    projects: &[u64],
) -> Tried {
    let secret = match old_secret(hand, kept, username).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return Tried::NoSecret,
        Err(error) => return Tried::Unknown(format!("the store could not be read: {error}")),
    };
    let old = api.with_auth(Auth::Basic { username: username.to_owned(), secret });
    match old.try_me().await {
        // Without a project it may be let in to see just that.
        Ok(me) if me.projects.is_empty() => {}
        Ok(me) => return Tried::Works(format!("it reaches {} projects", me.projects.len())),
        Err(Credential::Dead { .. }) => return Tried::Dead,
        Err(Credential::Unknown { why }) => return Tried::Unknown(why),
        Err(Credential::NoAccess) => {}
        Err(Credential::Alive) => {
            return Tried::Unknown("it is let in, and what it reaches could not be read".to_owned());
        }
    }
    for project in projects.iter().take(TRIED) {
        match old.try_project(*project).await {
            Credential::NoAccess => {}
            Credential::Alive => return Tried::Works(format!("it reaches project {project}")),
            Credential::Dead { .. } => return Tried::Dead,
            Credential::Unknown { why } => return Tried::Unknown(why),
        }
    }
    Tried::NoAccess
}

/// The secret that a store held before the new one was put there.
async fn old_secret(hand: &Hand, kept: &[Kept], username: &str) -> Result<Option<SecretString>, StoreError> {
    for Kept { step, put } in kept {
        let version = version(&hand.facts(step).before);
        let Some(store) = hand.store(&put.store).filter(|_| !version.is_none()) else { continue };
        let held = hand.replaced(step);
        let entry = if held.is_some() { held } else { store.earlier(&put.path, &version).await? };
        if let Some(entry) = entry
            && let Some(secret) = secret_of(&entry, put, username)
        {
            return Ok(Some(secret));
        }
    }
    Ok(None)
}

/// The secret of a new credential, read back from a store.
pub(super) async fn new_secret(
    hand: &Hand,
    kept: &[Kept],
    username: &str,
) -> Result<Option<SecretString>, StoreError> {
    for Kept { put, .. } in kept {
        let Some(store) = hand.store(&put.store) else { continue };
        if let Some(entry) = store.read(&put.path).await?
            && let Some(secret) = secret_of(&entry, put, username)
        {
            return Ok(Some(secret));
        }
    }
    Ok(None)
}

fn secret_of(entry: &Entry, put: &Put, username: &str) -> Option<SecretString> {
    let named = entry.fields.get(&put.username)?;
    let secret = entry.fields.get(&put.secret)?;
    (named.expose_secret() == username).then(|| secret.clone())
}
