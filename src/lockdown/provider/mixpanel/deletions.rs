//! Deletions of people's data that the account asked for: cancelled before they start, since a deletion destroys
//! evidence. An instance of its own kind, since Mixpanel asks for the OAuth token of a person here, and for the project's
//! token. It lists no deletions: their numbers are in the audit log, and go into the configuration.

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::steps::lacks;
use super::wire::{Deletion, Reader, deletion};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, irreversible};
use crate::lockdown::http::{Auth, Call, CallError, Stats, Transport};
use crate::lockdown::operation::Ask;
use crate::lockdown::provider::{
    Acted, Check, CheckState, Discovery, Hand, Look, OpenError, Opening, Proof, Provider, ProviderKind,
    Target,
};
use crate::lockdown::step::{Guided, GuidedProof, Object, Phase, Step, Undo};

/// Pending deletions in a project.
pub const KIND: ProviderKind = ProviderKind {
    about: About {
        reads: &["the deletions whose tracking numbers are in the configuration"],
        changes: &[irreversible("cancel-deletion", "data-deletion")],
        needs: &["the OAuth token of a person who may delete data in the project"],
        cannot: &["listing deletions: their numbers are in the audit log", "stopping one that has started"],
    },
    spec: KindSpec {
        name: "mixpanel-deletions",
        title: "Mixpanel, pending deletions of people's data in one project",
        base_url: Some("https://mixpanel.com"),
        credential: "OAuth token of a person who may delete data in the project",
        settings: &[
            Setting {
                name: "project-token",
                about: "Token of the project; not a secret, every SDK carries it.",
                value: SettingKind::Text,
                required: true,
                default: None,
                example: "0123abcd",
            },
            Setting {
                name: "tracking-ids",
                about: "Deletions to cancel if the account asked for them: user_data_deletion.created in the audit log.",
                value: SettingKind::List,
                required: false,
                default: None,
                example: "c0ffee00-4711",
            },
        ],
    },
    auth,
    open,
};

const CANCEL: &str = "cancel-deletion";

struct Deletions {
    name: String,
    transport: Transport,
    token: String,
    tracking: Vec<String>,
}

fn auth(credential: SecretString) -> Result<Auth, OpenError> {
    if credential.expose_secret().is_empty() {
        return Err(OpenError("the OAuth token is empty".to_owned()));
    }
    Ok(Auth::Bearer(credential))
}

fn open(opening: Opening) -> Result<Box<dyn Provider>, OpenError> {
    let Opening { name, settings, transport, .. } = opening;
    let token = settings.text("project-token").filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| OpenError("project-token is missing".to_owned()))?.to_owned();
    let tracking = settings.list("tracking-ids").to_vec();
    Ok(Box::new(Deletions { name, transport, token, tracking }))
}

#[async_trait]
impl Provider for Deletions {
    fn name(&self) -> &str {
        &self.name
    }

    async fn discover(&self, target: &Target) -> Result<Discovery, CallError> {
        let mut out = Discovery::default();
        let mut seen = Vec::new();
        for id in &self.tracking {
            let Some(found) = self.read(id).await? else {
                let what = format!("the deletion {id}: Mixpanel does not find it in this project");
                out.notes.push(format!("left alone: {what}"));
                // What somebody asked for who leaves stands anyway.
                if target.ask == Ask::ShutOut {
                    out.look_by_hand(what, self.look_for(id));
                }
                continue;
            };
            seen.push(json!({ "tracking_id": id, "status": found.status, "by": found.by }));
            if !found.by.eq_ignore_ascii_case(&target.email) {
                out.notes.push(format!("left alone: the deletion {id} was asked for by {}", found.by));
            } else if found.is_cancellable() {
                out.steps.push(self.cancel_step(id));
            } else if !found.is_cancelled() {
                out.notes.push(format!("evidence is being destroyed: the deletion {id} is {}", found.status));
                out.guided.push(self.support(id, &found.status));
            }
        }
        out.snapshot = json!({ "deletions": seen });
        Ok(out)
    }

    async fn look(&self, step: &Step, _: &Hand) -> Result<Look, CallError> {
        let id = own(step)?;
        let found = self.read(id).await?.ok_or_else(|| lacks("there is no such deletion"))?;
        let cancelled = found.is_cancelled();
        Ok(Look { state: json!({ "cancelled": cancelled }), done: Some(cancelled), result: Value::Null })
    }

    async fn apply(&self, step: &Step, _: &Hand, key: &str) -> Result<Acted, CallError> {
        let id = own(step)?;
        self.transport.change(&self.call(Call::delete(&path(id))), key).await?;
        Ok(Acted::default())
    }

    async fn undo(&self, _: &Step, _: &Value, _: &Hand, _: &str) -> Result<Acted, CallError> {
        let message = "Portcullis never asks for a deletion".to_owned();
        Err(CallError::Refused { status: 0, code: None, message })
    }

    async fn prove(&self, step: &Step, _: &Hand) -> Result<Proof, CallError> {
        let found = self.read(own(step)?).await?.ok_or_else(|| lacks("there is no such deletion"))?;
        Ok(if found.is_cancelled() {
            Proof::Proved("it is REVOKED, read back".to_owned())
        } else {
            Proof::NotYet(format!("it is {}", found.status))
        })
    }

    async fn check(&self) -> Vec<Check> {
        let what = "read deletions".to_owned();
        let Some(id) = self.tracking.first() else {
            let note =
                "no tracking-ids are configured, and Mixpanel lists no deletions: nothing to try".to_owned();
            return vec![Check { what, state: CheckState::Unknown, note }];
        };
        let (state, note) = match self.read(id).await {
            Ok(Some(_)) => (CheckState::Works, String::new()),
            Ok(None) => {
                let note = format!("{id} is not found in this project: is it of another one, or misspelt?");
                (CheckState::Unknown, note)
            }
            Err(error @ CallError::Refused { .. }) => {
                (CheckState::Missing, format!("{error}; pending deletions cannot be cancelled"))
            }
            Err(error) => (CheckState::Unknown, error.to_string()),
        };
        vec![Check { what, state, note }]
    }

    fn stats(&self) -> Stats {
        self.transport.stats()
    }
}

impl Deletions {
    async fn read(&self, id: &str) -> Result<Option<Deletion>, CallError> {
        match self.transport.read(&self.call(Call::get(&path(id)))).await {
            Ok(reply) => Reader("GET a data deletion").one(&reply.json()?, deletion).map(Some),
            Err(CallError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn call(&self, call: Call) -> Call {
        call.query("token", self.token.as_str()).hiding(self.token.clone().into())
    }

    fn cancel_step(&self, id: &str) -> Step {
        let name = format!("deletion {id}");
        let object = Object { kind: "data-deletion".to_owned(), id: id.to_owned(), name };
        Step {
            why: "the account asked for it, and it destroys evidence once it has started".to_owned(),
            effect: "the data stays; whoever has a right to its deletion has to ask again".to_owned(),
            ..Step::new(&self.name, object, CANCEL, Phase::Preserve, Undo::Irreversible)
        }
    }

    /// A wrong project's token, or a wrong number, looks the same as a deletion that is not there.
    fn look_for(&self, id: &str) -> Guided {
        Guided {
            id: format!("{}/not-found/{id}", self.name),
            title: "Find a deletion that is in the configuration".to_owned(),
            who: "an owner of the organization".to_owned(),
            how: format!(
                "Mixpanel does not find the deletion {id} in this project, so that it was not cancelled. Compare tracking-ids and \
                 project-token with user_data_deletion.created in the audit log, correct them, and run this again. Vouch for \
                 it only if it was cancelled, or is of no account that is locked out; then take it out of the configuration."
            ),
            proof: GuidedProof::Attested,
            required: true,
        }
    }

    fn support(&self, id: &str, status: &str) -> Guided {
        Guided {
            id: format!("{}/support/{id}", self.name),
            title: "Stop a deletion that has started".to_owned(),
            who: "an owner of the organization".to_owned(),
            how: format!(
                "The deletion {id} is {status} and cannot be cancelled any more: evidence is being destroyed. Write to \
                 Mixpanel's support at once, and ask to stop it and to keep what is left."
            ),
            proof: GuidedProof::Attested,
            required: false,
        }
    }
}

fn own(step: &Step) -> Result<&str, CallError> {
    if step.action == CANCEL { Ok(&step.object.id) } else { Err(lacks("not a step about a deletion")) }
}

fn path(id: &str) -> [&str; 5] {
    ["api", "app", "data-deletions", "v3.0", id]
}
