//! Mixpanel: service accounts, pipelines and imports by its API, everything else by people.
//!
//! Only documented calls change anything. Two undocumented lists are read where they answer: the members, to know who is
//! the last owner and who made what, and the projects.

mod accounts;
mod api;
mod chain;
mod check;
mod credential;
pub mod deletions;
mod discover;
mod exports;
mod guided;
mod rotation;
mod steps;
mod survey;
mod suspect;
mod sweep;
mod wire;
mod wishes;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use self::api::Api;
use self::steps::{final_step, lacks};
use self::survey::Survey;
use self::sweep::Sweeps;
use super::{Acted, Check, Discovery, Hand, Look, OpenError, Opening, Proof, Provider, ProviderKind, Target};
use crate::config::Integration;
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, Change, destroys, irreversible, reversible};
use crate::lockdown::http::{Auth, CallError, Stats};
use crate::lockdown::operation::Ask;
use crate::lockdown::step::{Step, Undo};
use crate::lockdown::store::DefaultStore;

/// Mixpanel.
pub const KIND: ProviderKind = ProviderKind {
    about: About {
        reads: &[
            "service accounts, their projects and roles",
            "members and projects (undocumented)",
            "legacy pipelines and warehouse imports of every project",
        ],
        changes: &[
            reversible("quarantine", "service-account"),
            reversible("leave-project", "project-access"),
            Change {
                action: "replace",
                object: "service-account",
                undo: &[Undo::Compensable],
                commit: false,
            },
            irreversible("remove-duplicate", "service-account"),
            reversible("pause-pipeline", "pipeline"),
            reversible("pause-import", "warehouse-import"),
            destroys("delete", "service-account"),
        ],
        needs: &[
            "a service account that is owner or admin of the organization, in every project that matters",
        ],
        cannot: &[
            "removing a member, sessions, OAuth and MCP grants",
            "resetting API secrets, project tokens and the SCIM token",
            "JSON pipelines, cohort syncs, webhooks, public boards",
            "cancelling deletions without a person's token (`mixpanel-deletions`)",
        ],
    },
    spec: KindSpec {
        name: "mixpanel",
        title: "Mixpanel",
        base_url: Some("https://mixpanel.com"),
        credential: "service account as username:secret, owner or admin of the organization",
        settings: &[
            Setting {
                name: "organization",
                about: "Number of the organization, as in the address of its settings page.",
                value: SettingKind::Number,
                required: true,
                default: None,
                example: "12345",
            },
            Setting {
                name: "data-url",
                about: "Address of legacy pipelines; from base-url (US, EU, India) unless given.",
                value: SettingKind::Url,
                required: false,
                default: None,
                example: "https://data-eu.mixpanel.com",
            },
            Setting {
                name: "scim",
                about: "Members come by SCIM: a scim provider of this file deactivates the account.",
                value: SettingKind::Flag,
                required: false,
                default: Some("false"),
                example: "true",
            },
        ],
    },
    auth,
    open,
};

/// An organization at Mixpanel.
struct Mixpanel {
    name: String,
    organization: u64,
    scim: bool,
    inventory: Arc<[Integration]>,
    default_store: Option<DefaultStore>,
    disabling: BTreeSet<String>,
    api: Api,
    sweeps: Sweeps,
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that all kinds share")]
fn auth(credential: SecretString) -> Result<Auth, OpenError> {
    match credential.expose_secret().split_once(':') {
        Some((username, secret)) if !username.is_empty() && !secret.is_empty() => {
            Ok(Auth::Basic { username: username.to_owned(), secret: secret.into() })
        }
        _ => Err(OpenError("the credential has to be username:secret of a service account".to_owned())),
    }
}

fn open(opening: Opening) -> Result<Box<dyn Provider>, OpenError> {
    let Opening { name, settings, transport, inventory, default_store, disabling } = opening;
    let organization = settings.number("organization").unwrap_or_default();
    if organization == 0 {
        return Err(OpenError("organization has to be the number of the organization".to_owned()));
    }
    if transport.username().is_none() {
        return Err(OpenError("the credential has to be username:secret of a service account".to_owned()));
    }
    let data = match settings.url("data-url") {
        Some(url) => url.clone(),
        None => data_url(transport.base_url())
            .ok_or_else(|| OpenError("data-url has to be given for this base-url".to_owned()))?,
    };
    let api = Api::new(transport, data, organization).map_err(|error| OpenError(error.to_string()))?;
    let scim = settings.flag("scim").unwrap_or_default();
    let sweeps = Sweeps::new(api.clone());
    Ok(Box::new(Mixpanel { name, organization, scim, inventory, default_store, disabling, api, sweeps }))
}

/// Where the data API of a region is.
fn data_url(base: &Url) -> Option<Url> {
    let url = match base.host_str()? {
        "mixpanel.com" => "https://data.mixpanel.com",
        "eu.mixpanel.com" => "https://data-eu.mixpanel.com",
        "in.mixpanel.com" => "https://data-in.mixpanel.com",
        _ => return None,
    };
    Url::parse(url).ok()
}

#[async_trait]
impl Provider for Mixpanel {
    fn name(&self) -> &str {
        &self.name
    }

    fn keeps_credentials(&self) -> bool {
        true
    }

    async fn discover(&self, target: &Target) -> Result<Discovery, CallError> {
        if target.ask == Ask::Deactivate {
            return Ok(discover::deactivate(self, target, self.api.members().await));
        }
        let survey = Survey::read(&self.api, target).await?;
        Ok(discover::plan(self, target, &survey))
    }

    async fn look(&self, step: &Step, hand: &Hand) -> Result<Look, CallError> {
        match step.action.as_str() {
            accounts::QUARANTINE | accounts::LEAVE => self.look_quarantine(step, hand).await,
            accounts::DELETE => self.look_delete(step).await,
            rotation::REPLACE => self.look_replace(step, hand).await,
            rotation::REMOVE_DUPLICATE => self.look_duplicate(step, hand).await,
            exports::PAUSE_PIPELINE => self.look_pipeline(step).await,
            exports::PAUSE_IMPORT => self.look_import(step).await,
            _ => Err(unknown(step)),
        }
    }

    async fn apply(&self, step: &Step, hand: &Hand, key: &str) -> Result<Acted, CallError> {
        match step.action.as_str() {
            accounts::QUARANTINE | accounts::LEAVE => self.quarantine(step, hand, key).await,
            accounts::DELETE => self.delete(step, key).await,
            rotation::REPLACE => self.replace(step, key).await,
            rotation::REMOVE_DUPLICATE => self.remove_duplicate(step, hand, key).await,
            exports::PAUSE_PIPELINE => self.pause_pipeline(step, key).await,
            exports::PAUSE_IMPORT => self.pause_import(step, key).await,
            _ => Err(unknown(step)),
        }
    }

    async fn undo(&self, step: &Step, before: &Value, hand: &Hand, key: &str) -> Result<Acted, CallError> {
        match step.action.as_str() {
            accounts::QUARANTINE | accounts::LEAVE => self.release(step, before, key).await,
            accounts::DELETE | rotation::REMOVE_DUPLICATE => Err(final_step()),
            rotation::REPLACE => self.discard(step, hand, key).await,
            exports::PAUSE_PIPELINE => self.resume_pipeline(step, before, key).await,
            exports::PAUSE_IMPORT => self.resume_import(step, before, key).await,
            _ => Err(unknown(step)),
        }
    }

    fn joined(&self, step: &Step, first: &Value, next: &Value) -> Option<Value> {
        matches!(step.action.as_str(), accounts::QUARANTINE | accounts::LEAVE)
            .then(|| accounts::joined(first, next))
            .flatten()
    }

    fn is_back(&self, before: &Value, now: &Look) -> bool {
        now.state == *before
            || (before.is_null() && now.done == Some(false))
            || accounts::has_again(before, &now.state)
    }

    async fn prove(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError> {
        match step.action.as_str() {
            accounts::QUARANTINE | accounts::LEAVE => self.prove_quarantine(step, hand).await,
            accounts::DELETE => self.prove_delete(step, hand).await,
            rotation::REPLACE => self.prove_replace(step, hand).await,
            rotation::REMOVE_DUPLICATE => self.prove_duplicate(step, hand).await,
            exports::PAUSE_PIPELINE => self.prove_pipeline(step).await,
            exports::PAUSE_IMPORT => self.prove_import(step).await,
            _ => Err(unknown(step)),
        }
    }

    async fn check(&self) -> Vec<Check> {
        self.checks().await
    }

    fn stats(&self) -> Stats {
        self.api.transport().stats()
    }
}

fn unknown(step: &Step) -> CallError {
    lacks(&format!("no step of Mixpanel is called {}", step.action))
}
