//! Service accounts that have to go: out of all projects first, which can be undone, then deleted, which cannot.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Mixpanel;
use super::api::Roles;
use super::credential::{Kept, Tried, try_old};
use super::steps::{self, details, lacks};
use super::wire::Account;
use crate::lockdown::http::CallError;
use crate::lockdown::provider::{Acted, Hand, Look, Proof};
use crate::lockdown::step::{Object, Phase, Step, StepId, Undo};

/// Takes a service account out of all its projects.
pub(super) const QUARANTINE: &str = "quarantine";
/// Takes it out of one project alone.
pub(super) const LEAVE: &str = "leave-project";
/// Deletes it.
pub(super) const DELETE: &str = "delete";

/// What both steps need.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct About {
    account: u64,
    username: String,
    /// Projects that it was in when it was found.
    projects: BTreeSet<u64>,
    /// Where its old secret was, so that it can be tried.
    #[serde(default)]
    kept: Vec<Kept>,
    /// It leaves these projects alone, and works on in others.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    only: BTreeSet<u64>,
}

impl About {
    /// Of its projects, those that the step takes it out of.
    fn meant<T>(&self, mut projects: BTreeMap<u64, T>) -> BTreeMap<u64, T> {
        projects.retain(|project, _| self.only.is_empty() || self.only.contains(project));
        projects
    }

    /// The projects that have to be read to tell how it is: those in which it was found at first, and at any later time. One that
    /// could not be read when the step was planned may have been found since.
    fn concerned(&self, before: &Value) -> BTreeSet<u64> {
        let found = self.meant(roles(before).unwrap_or_default());
        self.projects.iter().copied().chain(found.into_keys()).collect()
    }
}

/// Why, when and after what a service account is taken out of use.
pub(super) struct Reason<'a> {
    pub(super) why: &'a str,
    pub(super) phase: Phase,
    pub(super) needs: Vec<StepId>,
    /// Guided steps that come before.
    pub(super) after: Vec<String>,
    pub(super) kept: Vec<Kept>,
}

/// The steps that are still to be done for an account with these direct grants.
pub(super) fn plan(
    system: &str,
    account: &Account,
    direct: &Roles,
    names: &str,
    reason: &Reason<'_>,
) -> Vec<Step> {
    let object = steps::account_object(account);
    let about = About {
        account: account.id,
        username: account.username.clone(),
        projects: direct.keys().copied().collect(),
        kept: reason.kept.clone(),
        only: BTreeSet::new(),
    };
    let about = serde_json::to_value(about).unwrap_or_default();
    let quarantine = Step {
        why: reason.why.to_owned(),
        effect: format!("loses {names}; whatever uses this credential stops"),
        needs: reason.needs.clone(),
        after: reason.after.clone(),
        details: about,
        ..Step::new(system, object, QUARANTINE, reason.phase, Undo::Reversible)
    };
    let delete = Step {
        id: StepId::new(system, &quarantine.object, DELETE),
        action: DELETE.to_owned(),
        phase: Phase::Retire,
        undo: Undo::Irreversible,
        effect: "the service account is gone for good, with every grant that it has".to_owned(),
        commit: true,
        needs: if direct.is_empty() { Vec::new() } else { vec![quarantine.id.clone()] },
        after: Vec::new(),
        ..quarantine.clone()
    };
    if direct.is_empty() { vec![delete] } else { vec![quarantine, delete] }
}

/// The step that takes a service account out of one project, where it is in it directly.
pub(super) fn leave(system: &str, account: &Account, (project, name): (u64, &str), why: &str) -> Step {
    let object = Object {
        kind: "project-access".to_owned(),
        id: format!("{project}/{}", account.id),
        name: format!("{} in {name}", account.username),
    };
    let about = About {
        account: account.id,
        username: account.username.clone(),
        projects: [project].into(),
        kept: Vec::new(),
        only: [project].into(),
    };
    Step {
        why: why.to_owned(),
        effect: format!("loses {name} and nothing else; whatever uses this credential there stops"),
        details: serde_json::to_value(about).unwrap_or_default(),
        ..Step::new(system, object, LEAVE, Phase::ServiceAccounts, Undo::Reversible)
    }
}

impl Mixpanel {
    /// The roles that projects give it directly.
    pub(super) async fn look_quarantine(&self, step: &Step, hand: &Hand) -> Result<Look, CallError> {
        let about: About = details(step)?;
        let concerned = about.concerned(&hand.facts(&step.id).before);
        let mut sweep = self.sweeps.recent(about.account).await?;
        // Projects are read one by one. What takes effect meanwhile, such as a request of ours that was lost, shows in some alone.
        if is_torn(&concerned, &sweep.direct(about.account)) {
            sweep = self.sweeps.fresh().await?;
        }
        sweep.has_read(&concerned)?;
        let direct = about.meant(sweep.direct(about.account));
        let mut state = json!({ "projects": direct });
        // Somebody may have deleted it since: then there is nothing to give back.
        if direct.is_empty() && self.still_there(about.account).await?.is_none() {
            state = json!({ "projects": direct, "exists": false });
        }
        Ok(Look { done: Some(direct.is_empty()), state, result: Value::Null })
    }

    /// Takes it out of those of its projects that are in the journal: only they can be given back.
    pub(super) async fn quarantine(&self, step: &Step, hand: &Hand, key: &str) -> Result<Acted, CallError> {
        let about: About = details(step)?;
        let known = roles(&hand.facts(&step.id).before)?;
        let mut direct = about.meant(self.sweeps.latest().await?.direct(about.account));
        direct.retain(|project, _| known.contains_key(project));
        if direct.is_empty() {
            return Err(lacks("it is in none of these projects any more"));
        }
        let removed = self.api.remove(about.account, direct.into_keys(), key).await;
        self.sweeps.note_change(about.account);
        removed.map(|()| Acted::default())
    }

    /// Gives back the roles that it had and has not.
    pub(super) async fn release(&self, step: &Step, before: &Value, key: &str) -> Result<Acted, CallError> {
        let about: About = details(step)?;
        let direct = about.meant(self.sweeps.latest().await?.direct(about.account));
        let mut roles = roles(before)?;
        roles.retain(|project, _| !direct.contains_key(project));
        if roles.is_empty() {
            return Err(lacks("there is no role to give back"));
        }
        let added = self.api.add(about.account, &roles, key).await;
        self.sweeps.note_change(about.account);
        added.map(|()| Acted::default())
    }

    pub(super) async fn prove_quarantine(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError> {
        let about: About = details(step)?;
        let mut sweep = self.sweeps.recent(about.account).await?;
        // That a person has to end it is the last word in this run, so it is not taken from what was seen before.
        if !sweep.indirect(about.account).is_empty() {
            sweep = self.sweeps.fresh().await?;
        }
        sweep.has_read(&about.concerned(&hand.facts(&step.id).before))?;
        let direct = about.meant(sweep.direct(about.account));
        if !direct.is_empty() {
            return Ok(Proof::NotYet(format!("it is still in projects {}", listed(direct.keys()))));
        }
        if let Some((project, way)) = about.meant(sweep.indirect(about.account)).into_iter().next() {
            return Ok(Proof::Guided(format!(
                "in no project directly, but it still reaches project {project} through its {way}: a person has to \
                 end that, see the guided step"
            )));
        }
        if !about.only.is_empty() {
            return Ok(Proof::Proved("it is not in the project's list any more".to_owned()));
        }
        let before = roles(&hand.facts(&step.id).before).unwrap_or_default();
        let former: Vec<u64> = before.into_keys().collect();
        let gone = "it is in no project's list";
        Ok(match try_old(&self.api, hand, &about.kept, &about.username, &former).await {
            Tried::NoSecret => {
                Proof::Proved(format!("{gone}; its secret is not known here, so it was not tried"))
            }
            Tried::Dead => Proof::Proved(format!("{gone}, and its credential is refused as unknown (401)")),
            Tried::NoAccess => Proof::Proved(format!(
                "{gone}, and its credential has no access any more (403): it is quarantined, not dead"
            )),
            Tried::Works(what) => Proof::NotYet(format!("{gone}, but its credential still works: {what}")),
            Tried::Unknown(why) => Proof::Unknown(why),
        })
    }

    pub(super) async fn look_delete(&self, step: &Step) -> Result<Look, CallError> {
        let about: About = details(step)?;
        self.look_existing(about.account).await
    }

    /// Whether a service account exists. Lists may lag; this does not rest on them.
    pub(super) async fn look_existing(&self, account: u64) -> Result<Look, CallError> {
        let found = self.api.account(account).await?;
        let state = json!({ "account": account, "exists": found.is_some() });
        Ok(Look { state, done: Some(found.is_none()), result: Value::Null })
    }

    pub(super) async fn delete(&self, step: &Step, key: &str) -> Result<Acted, CallError> {
        let about: About = details(step)?;
        let deleted = self.api.delete(about.account, key).await;
        // With it goes what it reached through teams: a sweep from before does not tell.
        self.sweeps.note_change(about.account);
        deleted.map(|()| Acted::default())
    }

    pub(super) async fn prove_delete(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError> {
        let about: About = details(step)?;
        if let Some(proof) = self.still_there(about.account).await? {
            return Ok(proof);
        }
        let gone = "it is not found (404) and not listed";
        Ok(match try_old(&self.api, hand, &about.kept, &about.username, &[]).await {
            Tried::NoSecret => {
                Proof::Proved(format!("{gone}; its secret is not known here, so it was not tried"))
            }
            Tried::Dead => Proof::Proved(format!("{gone}, and its credential is refused as unknown (401)")),
            Tried::NoAccess => Proof::Unknown(format!(
                "{gone}, but its credential is refused with 403, which proves nothing"
            )),
            Tried::Works(what) => Proof::NotYet(format!("{gone}, but its credential still works: {what}")),
            Tried::Unknown(why) => Proof::Unknown(why),
        })
    }

    /// What speaks against a service account being gone.
    pub(super) async fn still_there(&self, account: u64) -> Result<Option<Proof>, CallError> {
        if self.api.account(account).await?.is_some() {
            return Ok(Some(Proof::NotYet("it still exists".to_owned())));
        }
        let listed = self.api.accounts().await?.iter().any(|other| other.id == account);
        Ok(listed.then(|| Proof::NotYet("it is not found any more, but still listed".to_owned())))
    }
}

/// Whether it is in some of these projects and not in others.
fn is_torn(projects: &BTreeSet<u64>, direct: &Roles) -> bool {
    let is_in = |project: &u64| direct.contains_key(project);
    projects.iter().any(is_in) && !projects.iter().all(is_in)
}

/// Whether every role that it had is there again: another step may have given back others.
pub(super) fn has_again(before: &Value, now: &Value) -> bool {
    let (Some(before), Some(now)) = (before.get("projects"), now.get("projects")) else { return false };
    let (Some(before), Some(now)) = (before.as_object(), now.as_object()) else { return false };
    !before.is_empty() && before.iter().all(|(project, role)| now.get(project) == Some(role))
}

/// The roles of both; what was seen first counts.
pub(super) fn joined(first: &Value, next: &Value) -> Option<Value> {
    let (first, mut all) = (roles(first).ok()?, roles(next).ok()?);
    if first.is_empty() {
        return None;
    }
    all.extend(first);
    Some(json!({ "projects": all }))
}

/// Roles by project, as `look` writes them.
fn roles(state: &Value) -> Result<Roles, CallError> {
    let roles = state.get("projects").cloned().unwrap_or_default();
    serde_json::from_value(roles)
        .map_err(|error| lacks(&format!("the roles before are not readable: {error}")))
}

fn listed<'a>(ids: impl Iterator<Item = &'a u64>) -> String {
    ids.map(u64::to_string).collect::<Vec<_>>().join(", ")
}
