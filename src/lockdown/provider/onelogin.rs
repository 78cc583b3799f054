//! OneLogin: suspends the user, logs it out, and takes the roles away that give the application or that the configuration
//! names. The status that it had comes back with a restore, whatever it was.

mod action;
mod api;
mod discover;
#[cfg(test)]
mod tests;
mod wire;

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

use super::client::{self, Asks, ask_for_tokens, below, client_id};
use super::support::{no_way_back, proof_of, tried};
use super::{
    Acted, Check, CheckState, Discovery, Hand, Look, OpenError, Opening, Proof, Provider, ProviderKind,
    Target,
};
use crate::config::Settings;
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, irreversible, reversible};
use crate::lockdown::http::{Auth, CallError, Shows, Stats};
use crate::lockdown::step::Step;
use action::Action;
use api::Api;
use wire::Role;

/// The kind.
pub const KIND: ProviderKind = ProviderKind {
    about: About {
        reads: &[
            "the user, found by e-mail and by username",
            "roles of the user, mappings that give roles",
            "roles that give the application, where `app` is set",
        ],
        changes: &[
            reversible("suspend", "user"),
            irreversible("log-out", "user"),
            reversible("remove", "role"),
        ],
        needs: &["an API credential of the scope Manage All; Manage users cannot take roles away"],
        cannot: &[
            "showing what the credential may do before it does",
            "showing sessions, or ending those that applications keep by themselves",
            "privileges of administrators, and API credentials that the account made; whether it made the one that \
             Portcullis works with",
            "roles that a mapping gives again",
        ],
    },
    spec: KindSpec {
        name: "onelogin",
        title: "OneLogin",
        base_url: None,
        credential: "access token of an API credential, such as a command prints. With `client-id`: that client's secret",
        settings: &[
            Setting {
                name: "base-url",
                about: "Address of your OneLogin account.",
                value: SettingKind::Url,
                required: true,
                default: None,
                example: "https://acme.onelogin.example",
            },
            client_id("3f1c9a7d5b"),
            Setting {
                name: "app",
                about: "Number of the application through which people reach Mixpanel.",
                value: SettingKind::Number,
                required: false,
                default: None,
                example: "123456",
            },
            Setting {
                name: "roles",
                about: "Roles, by name or id, to take away besides those that give the application.",
                value: SettingKind::List,
                required: false,
                default: None,
                example: "Data admins, Exports",
            },
        ],
    },
    auth: |secret| Ok(Auth::Bearer(secret)),
    open,
};

struct OneLogin {
    name: String,
    api: Api,
    app: Option<u64>,
    roles: Vec<String>,
}

/// As OneLogin documents it: id and secret in the form.
fn asks(_: &Settings, base: &Url) -> Result<Asks, OpenError> {
    let endpoint = below(base, &["auth", "oauth2", "v2", "token"])?;
    Ok(Asks { endpoint, shows: Shows::Post, fields: Vec::new() })
}

fn open(mut opening: Opening) -> Result<Box<dyn Provider>, OpenError> {
    ask_for_tokens(&mut opening, &[], asks)?;
    Ok(Box::new(OneLogin {
        app: opening.settings.number("app"),
        roles: opening.settings.list("roles").to_vec(),
        api: Api::new(opening.transport),
        name: opening.name,
    }))
}

impl OneLogin {
    fn names(&self, role: &Role) -> bool {
        self.roles.iter().any(|name| *name == role.id.to_string() || *name == role.name)
    }
}

#[async_trait]
impl Provider for OneLogin {
    fn name(&self) -> &str {
        &self.name
    }

    async fn discover(&self, target: &Target) -> Result<Discovery, CallError> {
        discover::discover(self, &target.email).await
    }

    async fn look(&self, step: &Step, _: &Hand) -> Result<Look, CallError> {
        Action::of(step)?.look(&self.api).await
    }

    async fn apply(&self, step: &Step, _: &Hand, key: &str) -> Result<Acted, CallError> {
        Action::of(step)?.apply(&self.api, key).await?;
        Ok(Acted::default())
    }

    async fn undo(&self, step: &Step, before: &Value, _: &Hand, key: &str) -> Result<Acted, CallError> {
        let undone = Action::of(step)?.undo(&self.api, before, key).await?;
        if undone { Ok(Acted::default()) } else { Err(no_way_back(step)) }
    }

    async fn prove(&self, step: &Step, _: &Hand) -> Result<Proof, CallError> {
        Ok(proof_of(Action::of(step)?.prove(&self.api).await))
    }

    async fn check(&self) -> Vec<Check> {
        let mut checks = Vec::from_iter(client::check(self.api.transport()).await);
        checks.extend([
            tried(
                "find users",
                self.api.users("email", "nobody@portcullis.invalid").await,
                "accounts can be found, and their suspension proved",
                "no account can be found or suspended here",
            ),
            match self.app {
                Some(app) => tried(
                    "read the roles that give the application",
                    self.api.roles(Some(app)).await,
                    "these roles can be found and taken away",
                    "they stay, of no use while the account is suspended",
                ),
                None => Check {
                    what: "read the roles that give the application".to_owned(),
                    state: CheckState::Missing,
                    note: "the configuration names no `app`: they stay, of no use while the account is suspended"
                        .to_owned(),
                },
            },
            tried(
                "list mappings",
                self.api.mappings().await,
                "roles that a mapping gives again are told",
                "roles that a mapping gives again are not told",
            ),
            Check {
                what: "change users".to_owned(),
                state: CheckState::Unknown,
                note: "no read shows the scope of the credential: Manage All is needed, Manage users leaves roles"
                    .to_owned(),
            },
        ]);
        checks
    }

    fn stats(&self) -> Stats {
        self.api.stats()
    }
}
