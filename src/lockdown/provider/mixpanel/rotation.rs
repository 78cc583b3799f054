//! Replacing a service account whose secret the account may know. Mixpanel cannot change a secret in place: a new
//! account with the same roles is made, its secret put into the store, the old one taken out of its projects.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Mixpanel;
use super::accounts::{self, Reason};
use super::api::Roles;
use super::credential::{Kept, new_secret};
use super::steps::{self, details, lacks};
use super::survey::Survey;
use super::wire::{Account, Creator};
use crate::config::Point;
use crate::lockdown::consumer::system as consumer;
use crate::lockdown::http::{Auth, CallError, Credential};
use crate::lockdown::inventory;
use crate::lockdown::provider::{Acted, Hand, Look, Proof};
use crate::lockdown::step::{Phase, SecretRole, Step, StepId, Undo};
use crate::lockdown::store::system::Put;

/// Makes the replacement.
pub(super) const REPLACE: &str = "replace";
/// Deletes a second replacement.
pub(super) const REMOVE_DUPLICATE: &str = "remove-duplicate";

/// The replacement to make.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Replacement {
    /// The name that is asked for.
    name: String,
    projects: Roles,
    expires: Option<String>,
    kept: Vec<Kept>,
    /// What bears the name and was made by these is not ours.
    suspect: String,
    suspect_user: Option<u64>,
    /// Nor are these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    strangers: BTreeSet<u64>,
}

/// One of two replacements: whichever the step did not make goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Duplicate {
    first: u64,
    other: u64,
    replace: StepId,
}

/// A service account to replace.
pub(super) struct Rotation<'a> {
    pub(super) account: &'a Account,
    pub(super) why: &'a str,
    pub(super) puts: Vec<Put>,
    /// Places that get the new credential by an API, each with the entry of which it has a copy.
    pub(super) points: Vec<(&'a Point, Put)>,
    /// Guided steps after which the old one goes; none: as soon as the new one is stored.
    pub(super) after: Vec<String>,
    /// Projects in which the new one is not needed.
    pub(super) without: BTreeSet<u64>,
    /// Rows of the inventory in which the rotation is noted.
    pub(super) noted: Vec<String>,
    /// Stores in which versions that were replaced are to be disabled.
    pub(super) disabling: &'a BTreeSet<String>,
    /// Service accounts that bear the name of the new one, and that somebody else made.
    pub(super) strangers: BTreeSet<u64>,
    /// Steps that the incident has.
    pub(super) planned: &'a BTreeSet<StepId>,
}

/// The name of the replacement, the same in every run of an incident.
pub(super) fn name(tag: &str, account: u64) -> String {
    format!("pc-{tag}-{account}")
}

/// Whether a service account is a replacement of this name: the vendor may add to the name that was asked for.
pub(super) fn bears(username: &str, name: &str) -> bool {
    username.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether there is a new credential, or there will be one: of an account that is in no project, none is made.
pub(super) fn has_new(
    system: &str,
    survey: &Survey,
    account: &Account,
    name: &str,
    strangers: &BTreeSet<u64>,
    planned: &BTreeSet<StepId>,
) -> bool {
    let replace = StepId::new(system, &steps::account_object(account), REPLACE);
    let made = ours(survey, name, strangers).next().is_some();
    made || planned.contains(&replace) || !survey.direct(account.id).is_empty()
}

/// The steps that are still to be done.
pub(super) fn plan(system: &str, tag: &str, survey: &Survey, rotation: &Rotation<'_>) -> Vec<Step> {
    let Rotation { account, why, puts, points, after, strangers, planned: known, .. } = rotation;
    let replace = StepId::new(system, &steps::account_object(account), REPLACE);
    let put_steps: Vec<Step> = puts.iter().map(|put| put.step(&replace, (*why).to_owned())).collect();
    let kept: Vec<Kept> = put_steps
        .iter()
        .zip(puts)
        .map(|(step, put)| Kept { step: step.id.clone(), put: put.clone() })
        .collect();
    let repoints = repoints(points, puts, &put_steps, &replace, why);
    let direct = survey.direct(account.id);
    let ours: BTreeSet<u64> = ours(survey, &name(tag, account.id), strangers).collect();
    let needs = put_steps.iter().chain(&repoints).map(|step| step.id.clone()).collect();
    let given = given(system, rotation, &replace, put_steps, repoints);
    let mut planned = Vec::new();
    if ours.is_empty() && !direct.is_empty() {
        planned.push(replacement(system, tag, survey, rotation, kept.clone()));
        planned.extend(given);
    } else if known.contains(&replace) {
        // Of rows that came into the inventory since. All others are in the incident already, done or not.
        planned.extend(given.into_iter().filter(|step| !known.contains(&step.id)));
    }
    let reason = Reason { why, phase: Phase::Rotate, needs, after: after.clone(), kept };
    planned.extend(accounts::plan(system, account, &direct, &survey.project_names(direct.keys()), &reason));
    planned.extend(duplicates(system, survey, &ours, &replace));
    planned
}

/// The step that makes the new one.
fn replacement(system: &str, tag: &str, survey: &Survey, rotation: &Rotation<'_>, kept: Vec<Kept>) -> Step {
    let Rotation { account, why, without, strangers, .. } = rotation;
    let direct = survey.direct(account.id);
    let mut projects = direct.clone();
    projects.retain(|project, _| !without.contains(project) || direct.len() == 1);
    let effect = format!(
        "a new service account with the same roles in {}; undone by deleting it",
        survey.project_names(projects.keys())
    );
    let details = Replacement {
        name: name(tag, account.id),
        projects,
        expires: account.expires.clone(),
        kept,
        suspect: survey.suspect.email.clone(),
        suspect_user: survey.suspect.member.as_ref().and_then(|member| member.id),
        strangers: strangers.clone(),
    };
    Step {
        why: (*why).to_owned(),
        effect,
        secret: SecretRole::Yields,
        details: serde_json::to_value(details).unwrap_or_default(),
        ..Step::new(system, steps::account_object(account), REPLACE, Phase::Rotate, Undo::Compensable)
    }
}

/// The steps by which the new credential gets to whoever works with it, and is noted.
fn given(
    system: &str,
    rotation: &Rotation<'_>,
    replace: &StepId,
    put_steps: Vec<Step>,
    repoints: Vec<Step>,
) -> Vec<Step> {
    let Rotation { account, puts, noted, disabling, .. } = rotation;
    let of = |action| StepId::new(system, &steps::account_object(account), action);
    let note = |row: &String| Step {
        bound_to: vec![of(accounts::DELETE)],
        ..inventory::note(row, Some(replace), vec![of(accounts::QUARANTINE)], Vec::new())
    };
    let disabled = puts.iter().zip(&put_steps).filter(|(put, _)| disabling.contains(&put.store));
    let disabled = disabled.map(|(put, step)| put.disable_old(step, of(accounts::QUARANTINE)));
    let last: Vec<Step> = noted.iter().map(note).chain(disabled).collect();
    put_steps.into_iter().chain(repoints).chain(last).collect()
}

/// The steps by which consumers get what was put into their entries, each once.
fn repoints(
    points: &[(&Point, Put)],
    puts: &[Put],
    put_steps: &[Step],
    replace: &StepId,
    why: &str,
) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (point, own) in points {
        let mut puts = puts.iter().zip(put_steps);
        let put = puts.find(|(put, _)| (&put.store, &put.path) == (&own.store, &own.path));
        let step = put.map(|(put, step)| consumer::step(point, put, &step.id, replace, why));
        steps.extend(step.filter(|step| steps.iter().all(|other| other.id != step.id)));
    }
    steps
}

/// The replacements of this name that nobody else made.
fn ours<'a>(
    survey: &'a Survey,
    name: &'a str,
    strangers: &'a BTreeSet<u64>,
) -> impl Iterator<Item = u64> + 'a {
    let ours = survey
        .accounts
        .iter()
        .flatten()
        .filter(move |account| bears(&account.username, name) && !strangers.contains(&account.id));
    ours.map(|account| account.id)
}

/// One step for each replacement too many. Which one that is, only the journal knows: the step finds out.
fn duplicates(system: &str, survey: &Survey, ours: &BTreeSet<u64>, replace: &StepId) -> Vec<Step> {
    let Some(first) = ours.first().copied() else { return Vec::new() };
    let named = |id: u64| survey.accounts.iter().flatten().find(|account| account.id == id);
    let step = |account: &Account| {
        let object = steps::account_object(account);
        let details = Duplicate { first, other: account.id, replace: replace.clone() };
        Step {
            why: "a request whose answer was lost took effect late: there are two replacements".to_owned(),
            effect: "nothing: the one that goes is ours, and nobody has its secret".to_owned(),
            needs: vec![replace.clone()],
            details: serde_json::to_value(details).unwrap_or_default(),
            ..Step::new(system, object, REMOVE_DUPLICATE, Phase::Rotate, Undo::Irreversible)
        }
    };
    ours.iter().skip(1).filter_map(|id| named(*id)).map(step).collect()
}

impl Mixpanel {
    /// The replacement, if it is there. Lists may lag on both sides, so that it is asked for by its number too.
    pub(super) async fn look_replace(&self, step: &Step, hand: &Hand) -> Result<Look, CallError> {
        let made = hand.facts(&step.id).result.get("id").and_then(Value::as_u64);
        let found = match made {
            Some(id) => self.api.account(id).await?,
            None => None,
        };
        let found = match found {
            Some(found) => Some(found),
            None => self.find_replacement(&details(step)?, made).await?,
        };
        let state = found.map(|account| json!({ "id": account.id, "username": account.username }));
        let done = state.is_some();
        let state = state.unwrap_or_default();
        Ok(Look { done: Some(done), result: state.clone(), state: json!({ "replacement": state }) })
    }

    async fn find_replacement(
        &self,
        wanted: &Replacement,
        gone: Option<u64>,
    ) -> Result<Option<Account>, CallError> {
        let is_suspect = |creator: &Creator| {
            let email =
                creator.email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(&wanted.suspect));
            email || creator.user.is_some() && creator.user == wanted.suspect_user
        };
        let listed = self.api.accounts().await?;
        let ours = listed.iter().filter(|account| {
            bears(&account.username, &wanted.name)
                && !is_suspect(&account.creator)
                && !wanted.strangers.contains(&account.id)
                && Some(account.id) != gone
        });
        for account in ours {
            if let Some(found) = self.api.account(account.id).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    pub(super) async fn replace(&self, step: &Step, key: &str) -> Result<Acted, CallError> {
        let wanted: Replacement = details(step)?;
        let made = self.api.create(&wanted.name, &wanted.projects, wanted.expires.as_deref(), key).await?;
        let result = json!({ "id": made.id, "username": made.username });
        Ok(Acted { result, secret: Some(made.secret) })
    }

    /// Deletes the replacement.
    pub(super) async fn discard(&self, step: &Step, hand: &Hand, key: &str) -> Result<Acted, CallError> {
        let look = self.look_replace(step, hand).await?;
        let id = look.result.get("id").and_then(Value::as_u64);
        self.api.delete(id.ok_or_else(|| lacks("there is no replacement any more"))?, key).await?;
        Ok(Acted::default())
    }

    /// The new credential, read back from where its consumers read it, reaches what the old one reached.
    pub(super) async fn prove_replace(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError> {
        let wanted: Replacement = details(step)?;
        let look = self.look_replace(step, hand).await?;
        let Some(username) = look.result.get("username").and_then(Value::as_str).map(str::to_owned) else {
            return Ok(Proof::NotYet("the replacement is not there".to_owned()));
        };
        let secret = match new_secret(hand, &wanted.kept, &username).await {
            Ok(Some(secret)) => secret,
            Ok(None) => return Ok(Proof::NotYet("the new credential is in no store yet".to_owned())),
            Err(error) => return Ok(Proof::Unknown(format!("the store could not be read: {error}"))),
        };
        let new = self.api.with_auth(Auth::Basic { username: username.clone(), secret });
        let me = match new.try_me().await {
            Ok(me) => me,
            Err(Credential::Unknown { why }) => return Ok(Proof::Unknown(why)),
            Err(Credential::Dead { .. }) => {
                return Ok(Proof::NotYet("the new credential is refused (401)".to_owned()));
            }
            Err(Credential::NoAccess) => {
                return Ok(Proof::NotYet("the new credential has no access (403)".to_owned()));
            }
            Err(Credential::Alive) => {
                return Ok(Proof::Unknown("what the new credential reaches could not be read".to_owned()));
            }
        };
        let reached: BTreeSet<u64> = me.projects.into_iter().map(|(id, _)| id).collect();
        Ok(match wanted.projects.keys().find(|id| !reached.contains(id)) {
            Some(id) => Proof::NotYet(format!("the new credential does not reach project {id}")),
            None => {
                Proof::Proved(format!("{username} works, and reaches {} projects", wanted.projects.len()))
            }
        })
    }

    pub(super) async fn look_duplicate(&self, step: &Step, hand: &Hand) -> Result<Look, CallError> {
        self.look_existing(surplus(step, hand)?).await
    }

    pub(super) async fn remove_duplicate(
        &self,
        step: &Step,
        hand: &Hand,
        key: &str,
    ) -> Result<Acted, CallError> {
        self.api.delete(surplus(step, hand)?, key).await?;
        Ok(Acted::default())
    }

    pub(super) async fn prove_duplicate(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError> {
        let gone = || Proof::Proved("the second replacement is not found (404) and not listed".to_owned());
        Ok(self.still_there(surplus(step, hand)?).await?.unwrap_or_else(gone))
    }
}

/// The replacement that goes: never the one whose secret was stored.
fn surplus(step: &Step, hand: &Hand) -> Result<u64, CallError> {
    let pair: Duplicate = details(step)?;
    let made = hand.facts(&pair.replace).result.get("id").and_then(Value::as_u64);
    let made = made.ok_or_else(|| lacks("which replacement is in use is not known"))?;
    Ok(if made == pair.other { pair.first } else { pair.other })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_whatever_the_vendor_adds() {
        let name = name("c0ffee", 88102);
        assert_eq!(name, "pc-c0ffee-88102");
        for yes in ["pc-c0ffee-88102", "pc-c0ffee-88102.abc123.mp-service-account"] {
            assert!(bears(yes, &name), "{yes}");
        }
        for no in ["pc-c0ffee-881021", "pc-c0ffee-88102-x", "x.pc-c0ffee-88102", "pc-c0ffee-8810"] {
            assert!(!bears(no, &name), "{no}");
        }
    }
}
