//! SCIM 2.0 (RFC 7644): deactivates users of a directory such as Mixpanel's, takes them out of named groups, and deletes
//! them where that was asked for.
//!
//! By default no group is touched: an inactive user cannot use what a group gives, an identity provider that pushes groups
//! would put the membership back, and each one more is one more to restore. Groups that matter anyway are named in `groups`.

mod api;
#[cfg(test)]
mod tests;
mod wire;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::person::allowed;
use super::support::{no_way_back, not_ours, proof_of, tried};
use super::{
    Acted, Check, CheckState, Discovery, Hand, Look, OpenError, Opening, Presence, Proof, Provider,
    ProviderKind, Target,
};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, destroys, reversible};
use crate::lockdown::http::{Auth, CallError, Stats};
use crate::lockdown::step::{Guided, GuidedProof, Object, Phase, Step, StepId, Undo};
use api::Api;
use wire::{Group, User};

/// The kind.
pub const KIND: ProviderKind = ProviderKind {
    about: About {
        reads: &["the user, found by userName and by e-mail", "the groups of the configuration"],
        changes: &[
            reversible("deactivate", "user"),
            reversible("leave", "membership"),
            destroys("delete", "user"),
        ],
        needs: &["a token that may change users"],
        cannot: &[
            "showing whether the token may change users before it does",
            "ending sessions: an inactive user may keep what is open",
        ],
    },
    spec: KindSpec {
        name: "scim",
        title: "SCIM 2.0",
        base_url: Some("https://mixpanel.com/api/app/scim/v2"),
        credential: "bearer token",
        settings: &[Setting {
            name: "groups",
            about: "Groups, by name or id, whose membership is removed too; an inactive user has no use of others.",
            value: SettingKind::List,
            required: false,
            default: None,
            example: "Data admins, Exports",
        }],
    },
    auth: |secret| Ok(Auth::Bearer(secret)),
    open,
};

struct Scim {
    name: String,
    api: Api,
    groups: Vec<String>,
}

/// What a step does, in its details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Action {
    Deactivate { user: String, name: String },
    Leave { user: String, group: String },
    Delete { user: String, name: String },
}

#[expect(clippy::unnecessary_wraps, reason = "all kinds are opened by the same signature")]
fn open(opening: Opening) -> Result<Box<dyn Provider>, OpenError> {
    let groups = opening.settings.list("groups").to_vec();
    Ok(Box::new(Scim { name: opening.name, api: Api::new(opening.transport), groups }))
}

#[async_trait]
impl Provider for Scim {
    fn name(&self) -> &str {
        &self.name
    }

    async fn discover(&self, target: &Target) -> Result<Discovery, CallError> {
        let mut found = Discovery::default();
        let users = self.users(&target.email, &mut found).await?;
        found.presence = Presence::of(&users);
        if users.is_empty() {
            found.unprovisioned.push((target.email.clone(), self.by_hand(&target.email)));
        }
        let groups = if users.is_empty() { Vec::new() } else { self.named_groups(&mut found.notes).await? };
        for user in &users {
            found.steps.extend(self.steps(user, &groups));
        }
        found.snapshot = json!({
            "users": users.iter().map(User::evidence).collect::<Vec<_>>(),
            "groups": groups.iter().map(Group::evidence).collect::<Vec<_>>(),
        });
        Ok(found)
    }

    async fn look(&self, step: &Step, _: &Hand) -> Result<Look, CallError> {
        let (state, done) = match action(step)? {
            Action::Deactivate { user, name } => match self.api.user(&user, &name).await? {
                Some(user) => (json!({"active": user.is_active()}), !user.is_active()),
                None => (json!({"active": null}), true),
            },
            Action::Leave { user, group } => {
                let member = self.api.group(&group).await?.has(&user);
                (json!({"member": member}), !member)
            }
            Action::Delete { user, name } => {
                let exists = self.api.user(&user, &name).await?.is_some();
                (json!({"exists": exists}), !exists)
            }
        };
        Ok(Look { state, done: Some(done), result: Value::Null })
    }

    async fn apply(&self, step: &Step, _: &Hand, key: &str) -> Result<Acted, CallError> {
        match action(step)? {
            Action::Deactivate { user, .. } => self.api.set_active(&user, false, key).await?,
            Action::Leave { user, group } => self.api.remove_member(&group, &user, key).await?,
            Action::Delete { user, .. } => self.api.delete_user(&user, key).await?,
        }
        Ok(Acted::default())
    }

    async fn undo(&self, step: &Step, before: &Value, _: &Hand, key: &str) -> Result<Acted, CallError> {
        match action(step)? {
            Action::Deactivate { user, .. } if before["active"] == true => {
                self.api.set_active(&user, true, key).await?;
            }
            Action::Leave { user, group } if before["member"] == true => {
                self.api.add_member(&group, &user, key).await?;
            }
            Action::Deactivate { .. } | Action::Leave { .. } | Action::Delete { .. } => {
                return Err(no_way_back(step));
            }
        }
        Ok(Acted::default())
    }

    async fn prove(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError> {
        let proved = match action(step)? {
            Action::Deactivate { .. } => "read again: the user is inactive",
            Action::Leave { .. } => "read again: the user is not among the group's members",
            Action::Delete { .. } => "searched again: the user is not there",
        };
        Ok(proof_of(self.look(step, hand).await.map(|look| match look.done {
            Some(true) => Proof::Proved(proved.to_owned()),
            Some(false) | None => Proof::NotYet(format!("the directory still says {}", look.state)),
        })))
    }

    async fn check(&self) -> Vec<Check> {
        let mut checks = vec![
            tried(
                "find users",
                async { Ok((self.api.users_named(NOBODY).await?, self.api.users_at(NOBODY).await?)) }.await,
                "accounts can be found, and their deactivation proved",
                "no account can be found or deactivated here",
            ),
            self.check_features().await,
        ];
        if !self.groups.is_empty() {
            let mut notes = Vec::new();
            let read = self.named_groups(&mut notes).await;
            let mut check =
                tried("read the groups to leave", read, "", "their memberships cannot be removed");
            if check.state == CheckState::Works {
                check.state = if notes.is_empty() { CheckState::Works } else { CheckState::Missing };
                check.note = if notes.is_empty() { "all are there".to_owned() } else { notes.join("; ") };
            }
            checks.push(check);
        }
        checks.push(Check {
            what: "change users".to_owned(),
            state: CheckState::Unknown,
            note: "SCIM has no read that shows whether the token may change users".to_owned(),
        });
        checks
    }

    fn stats(&self) -> Stats {
        self.api.stats()
    }
}

/// An address that nobody has.
const NOBODY: &str = "nobody@portcullis.invalid";

impl Scim {
    /// What the directory cannot do, where it does not have the account.
    fn by_hand(&self, email: &str) -> Guided {
        Guided {
            id: format!("{}/not-provisioned/{email}", self.name),
            title: "Take out an account that the directory does not have".to_owned(),
            who: "whoever administers the application that the directory serves".to_owned(),
            how: format!(
                "{} has no user called {email}: it is outside the claimed domains, or was never provisioned. If it is a \
                 member all the same, remove it there by hand; in Mixpanel: Organization settings → Users & Teams.",
                self.name
            ),
            proof: GuidedProof::Log {
                actions: vec!["organization.user_removed".to_owned()],
                mentions: vec![email.to_owned()],
            },
            required: true,
        }
    }

    /// Everyone with this `userName` or e-mail address; notes and gaps say what was not found, and why.
    async fn users(&self, email: &str, found: &mut Discovery) -> Result<Vec<User>, CallError> {
        let mut users = self.api.users_named(email).await?;
        let by_email = allowed(self.api.users_at(email).await)?;
        let others = by_email.as_ref().ok().and_then(Option::as_ref).into_iter().flatten();
        for other in others {
            if users.iter().all(|user| user.id != other.id) {
                users.push(other.clone());
            }
        }
        if users.is_empty() {
            found.notes.push(format!(
                "{}: no user is called {email} or has that e-mail address: it is outside the claimed domains or was \
                 never provisioned, and cannot be deactivated here",
                self.name
            ));
        }
        if users.len() > 1 || users.iter().any(|user| !user.is_called(email)) {
            let names: Vec<&str> = users.iter().map(|user| user.user_name.as_str()).collect();
            found.notes.push(format!(
                "{}: {email} belongs to {}: all are meant",
                self.name,
                names.join(", ")
            ));
        }
        match by_email {
            Ok(Some(_)) => {}
            Ok(None) => found.notes.push(format!(
                "{}: the directory has no filter by e-mail address: whoever has {email} there under another userName is \
                 not found",
                self.name
            )),
            Err(why) => self.unsearched(email, &why, found),
        }
        Ok(users)
    }

    fn unsearched(&self, email: &str, why: &str, found: &mut Discovery) {
        let step = Guided {
            id: format!("{}/users-by-email", self.name),
            title: format!("Look for users with the e-mail address {email}"),
            who: "an administrator of the directory".into(),
            how: format!(
                "Portcullis could look for the userName alone ({why}). In the directory, search for the e-mail address, and \
                 deactivate the users who have it."
            ),
            proof: GuidedProof::Attested,
            required: true,
        };
        let what = format!("users with the e-mail address {email}: {why}");
        found.look_by_hand(what, step);
    }

    fn steps(&self, user: &User, groups: &[Group]) -> Vec<Step> {
        let mut steps = Vec::new();
        let object = Object { kind: "user".into(), id: user.id.clone(), name: user.user_name.clone() };
        let (id, name) = (user.id.clone(), user.user_name.clone());
        let deactivate = StepId::new(&self.name, &object, "deactivate");
        if user.is_active() {
            steps.push(Step {
                phase: Phase::Deactivate,
                undo: Undo::Reversible,
                why: "The application lets owners and admins in past the identity provider.".into(),
                effect:
                    "The person cannot use the application, and sessions there may end; what they made stays."
                        .into(),
                ..self.step(
                    object.clone(),
                    "deactivate",
                    &Action::Deactivate { user: id.clone(), name: name.clone() },
                )
            });
        }
        for group in groups.iter().filter(|group| group.has(&user.id)) {
            let object = Object {
                kind: "membership".into(),
                id: format!("{}:{}", group.id, user.id),
                name: format!("{} in {}", user.user_name, group.name()),
            };
            let action = Action::Leave { user: user.id.clone(), group: group.id.clone() };
            steps.push(Step {
                phase: Phase::Groups,
                undo: Undo::Reversible,
                why: "The configuration names this group.".into(),
                effect: "The person loses what the group gives; nobody else does.".into(),
                ..self.step(object, "leave", &action)
            });
        }
        steps.push(Step {
            phase: Phase::Retire,
            undo: Undo::Irreversible,
            why: "Only where the account is to be gone for good.".into(),
            effect: "The user is destroyed with all data that hangs on it, for good; no one brings it back."
                .into(),
            commit: true,
            optional: true,
            // One that was inactive before is not in the plan, and could never be waited for.
            needs: if user.is_active() { vec![deactivate] } else { Vec::new() },
            ..self.step(object, "delete", &Action::Delete { user: id, name })
        });
        steps
    }

    fn step(&self, object: Object, action: &str, details: &Action) -> Step {
        Step {
            details: serde_json::to_value(details).unwrap_or_default(),
            ..Step::new(&self.name, object, action, Phase::Deactivate, Undo::Reversible)
        }
    }

    /// The groups of the configuration; notes say which are not there.
    async fn named_groups(&self, notes: &mut Vec<String>) -> Result<Vec<Group>, CallError> {
        let mut groups: Vec<Group> = Vec::new();
        for name in &self.groups {
            let found = self.api.groups_named(name).await?;
            if found.is_empty() {
                notes.push(format!("{}: there is no group {name}", self.name));
            }
            for group in found {
                if groups.iter().all(|known| known.id != group.id) {
                    groups.push(group);
                }
            }
        }
        Ok(groups)
    }

    async fn check_features(&self) -> Check {
        let what = "what the server can do";
        match self.api.features().await {
            Ok(features) if features.patch == Some(false) => Check {
                what: what.to_owned(),
                state: CheckState::Missing,
                note: "it says that it has no PATCH: users cannot be deactivated".to_owned(),
            },
            Ok(features) if features.filter == Some(false) => Check {
                what: what.to_owned(),
                state: CheckState::Works,
                note: "it says that it does not filter: every user is read to find one".to_owned(),
            },
            Err(CallError::Refused { status: 404 | 501, .. }) => Check {
                what: what.to_owned(),
                state: CheckState::Unknown,
                note: "it does not say (no ServiceProviderConfig): RFC 7644 is taken at its word".to_owned(),
            },
            result => tried(what, result, "PATCH and filters, as needed", "it does not say"),
        }
    }
}

fn action(step: &Step) -> Result<Action, CallError> {
    serde_json::from_value(step.details.clone()).map_err(|_unreadable| not_ours(step))
}
