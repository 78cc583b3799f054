//! PingOne: disables the user, ends its sessions one by one, and takes administrators' roles, the groups that give the
//! application, and those of the configuration away. Groups that a filter fills are left to a person.

mod action;
mod api;
mod discover;
#[cfg(test)]
mod tests;
mod wire;

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

use super::client::{self, Asks, ask_for_tokens, below, client_auth, client_id};
use super::support::{no_way_back, proof_of, tried};
use super::{
    Acted, Check, CheckState, Discovery, Hand, Look, OpenError, Opening, Proof, Provider, ProviderKind,
    Target,
};
use crate::config::Settings;
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, irreversible, reversible};
use crate::lockdown::http::{Auth, CallError, Stats};
use crate::lockdown::step::Step;
use action::Action;
use api::Api;
use wire::{Membership, User};

/// The kind.
pub const KIND: ProviderKind = ProviderKind {
    about: About {
        reads: &[
            "the user, found by username and e-mail",
            "sessions, groups, administrators' roles",
            "which groups may use the application, where `app` is set",
        ],
        changes: &[
            reversible("disable", "user"),
            irreversible("end", "session"),
            reversible("remove", "role"),
            reversible("leave", "membership"),
        ],
        needs: &["a worker application, or an administrator, with the role Identity Data Admin"],
        cannot: &[
            "showing what the credential may do before it does",
            "sessions that applications keep by themselves, and tokens until they expire",
            "groups that a filter or another directory fills, and roles given through groups",
        ],
    },
    spec: KindSpec {
        name: "pingone",
        title: "PingOne",
        base_url: Some("https://api.pingone.com/v1"),
        credential: "access token of a worker application, such as a command prints; it lasts about an hour. \
                     With `client-id`: that client's secret",
        settings: &[
            Setting {
                name: "environment",
                about: "Id of the environment in which the people are.",
                value: SettingKind::Text,
                required: true,
                default: None,
                example: "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6",
            },
            client_id("0d6f4b0e-7a0c-4f4f-8f0f-5d1f4a3f0c11"),
            client_auth("basic"),
            Setting {
                name: "client-environment",
                about: "Beside client-id: id of the environment of the worker application, if it is another one.",
                value: SettingKind::Text,
                required: false,
                default: None,
                example: "5a1e7b52-3c0b-4f55-8f3f-3b7d1f0c9a77",
            },
            Setting {
                name: "auth-url",
                about: "Beside client-id: where access tokens are asked for, if base-url is not https://api.pingone….",
                value: SettingKind::Url,
                required: false,
                default: None,
                example: "https://auth.pingone.com",
            },
            Setting {
                name: "app",
                about: "Id of the application through which people reach Mixpanel.",
                value: SettingKind::Text,
                required: false,
                default: None,
                example: "2a3f6a0c-9f1b-4d57-9f0c-0d4d1a1e7c55",
            },
            Setting {
                name: "groups",
                about: "Groups, by name or id, to leave besides those that give the application.",
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

struct PingOne {
    name: String,
    api: Api,
    app: Option<String>,
    groups: Vec<String>,
}

/// As `PingOne` documents it: each region has `auth.pingone.TLD` beside `api.pingone.TLD`.
fn asks(settings: &Settings, base: &Url) -> Result<Asks, OpenError> {
    let own =
        if settings.text("client-environment").is_some() { "client-environment" } else { "environment" };
    let auth = match settings.url("auth-url") {
        Some(url) => url.clone(),
        None => {
            beside(base).ok_or_else(|| OpenError("`auth-url` is needed beside this `base-url`".into()))?
        }
    };
    Ok(Asks {
        endpoint: below(&auth, &[client::name(settings, own)?, "as", "token"])?,
        shows: client::shows(settings)?,
        fields: Vec::new(),
    })
}

/// `https://auth.pingone.eu` for `https://api.pingone.eu/v1`.
fn beside(base: &Url) -> Option<Url> {
    let region = base.host_str()?.strip_prefix("api.pingone.")?;
    (base.scheme() == "https" && base.port().is_none())
        .then(|| Url::parse(&format!("https://auth.pingone.{region}")).ok())?
}

fn open(mut opening: Opening) -> Result<Box<dyn Provider>, OpenError> {
    ask_for_tokens(&mut opening, &["client-environment", "auth-url"], asks)?;
    let settings = &opening.settings;
    let environment = settings.text("environment").map(str::to_owned);
    let environment = environment.ok_or_else(|| OpenError("`environment` is needed".into()))?;
    Ok(Box::new(PingOne {
        app: settings.text("app").map(str::to_owned),
        groups: settings.list("groups").to_vec(),
        api: Api::new(opening.transport, environment),
        name: opening.name,
    }))
}

impl PingOne {
    /// Whether the token stands for this user.
    fn is_own(&self, user: &User) -> bool {
        let claims = self.api.claims();
        let sub = claims.as_ref().and_then(|claims| claims.get("sub")?.as_str());
        sub == Some(user.id.as_str())
    }

    fn names(&self, group: &Membership) -> bool {
        self.groups.iter().any(|name| *name == group.id || *name == group.name)
    }
}

#[async_trait]
impl Provider for PingOne {
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
        let what = "read which groups may use the application";
        let mut checks = Vec::from_iter(client::check(self.api.transport()).await);
        checks.extend([
            tried(
                "find users",
                self.api.users("email", "nobody@portcullis.invalid").await,
                "accounts can be found, and their being disabled proved",
                "no account can be found or disabled here",
            ),
            match &self.app {
                Some(app) => tried(
                    what,
                    self.api.app_groups(app).await,
                    "these groups can be found and left",
                    "memberships stay, of no use while the account is disabled",
                ),
                None => Check {
                    what: what.to_owned(),
                    state: CheckState::Missing,
                    note: "the configuration names no `app`: memberships stay, of no use while the account is disabled"
                        .to_owned(),
                },
            },
            Check {
                what: "change users".to_owned(),
                state: CheckState::Unknown,
                note: "no read shows what the credential may change: the role Identity Data Admin is needed"
                    .to_owned(),
            },
        ]);
        checks
    }

    fn stats(&self) -> Stats {
        self.api.stats()
    }
}
