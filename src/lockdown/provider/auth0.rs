//! Auth0: blocks every account of the address, ends sessions, refresh tokens and consents, and takes the roles away that
//! the configuration names. Sets no password: a reset takes the block away.
//!
//! Sessions and refresh tokens are ended by requests that Auth0 takes and carries out in time; that they are gone is read
//! from its lists. Not every plan has these lists: then they are left to a person.

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
use super::person::{Needed, permissions};
use super::support::{no_way_back, proof_of, tried};
use super::{Acted, Check, Discovery, Hand, Look, OpenError, Opening, Proof, Provider, ProviderKind, Target};
use crate::config::Settings;
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, irreversible, reversible};
use crate::lockdown::http::{Auth, CallError, Stats};
use crate::lockdown::step::Step;
use action::Action;
use api::Api;
use wire::{Role, User};

/// The kind.
pub const KIND: ProviderKind = ProviderKind {
    about: About {
        reads: &[
            "every user with the e-mail address, however it is written there, one for each connection",
            "sessions, refresh tokens, consents, roles",
        ],
        changes: &[
            reversible("block", "user"),
            irreversible("end-sessions", "user"),
            irreversible("revoke-tokens", "user"),
            irreversible("revoke-grants", "user"),
            reversible("remove", "role"),
        ],
        needs: &[
            "with `client-id`: a machine-to-machine application that has these for the Management API",
            "read:users, update:users",
            "read:sessions and delete:sessions, read:refresh_tokens and delete:refresh_tokens, which not every plan has",
            "read:grants and delete:grants; read:roles and update:roles for the roles of the configuration",
        ],
        cannot: &[
            "keeping the block through a password reset, which whoever reads the mailbox can ask for",
            "sessions that applications keep by themselves, and access tokens until they expire",
            "accounts that are linked to one with another address",
        ],
    },
    spec: KindSpec {
        name: "auth0",
        title: "Auth0",
        base_url: None,
        credential: "access token for the Management API, such as a command prints. With `client-id`: that client's secret",
        settings: &[
            Setting {
                name: "base-url",
                about: "Address of your Auth0 tenant.",
                value: SettingKind::Url,
                required: true,
                default: None,
                example: "https://acme.eu.auth0.example",
            },
            client_id("k2Vb9uYtqE1hXo3S"),
            client_auth("post"),
            Setting {
                name: "audience",
                about: "Beside client-id: identifier of the Management API, where base-url is a custom domain.",
                value: SettingKind::Text,
                required: false,
                default: None,
                example: "https://acme.eu.auth0.example/api/v2/",
            },
            Setting {
                name: "roles",
                about: "Roles, by name or id, to take away; a blocked user has no use of others.",
                value: SettingKind::List,
                required: false,
                default: None,
                example: "Mixpanel users",
            },
        ],
    },
    auth: |secret| Ok(Auth::Bearer(secret)),
    open,
};

struct Auth0 {
    name: String,
    api: Api,
    roles: Vec<String>,
}

/// As Auth0 documents it: the Management API's identifier is `/api/v2/` of the tenant's own domain.
fn asks(settings: &Settings, base: &Url) -> Result<Asks, OpenError> {
    let own = || below(base, &["api", "v2", ""]).map(String::from);
    let audience = settings.text("audience").map_or_else(own, |audience| Ok(audience.to_owned()))?;
    Ok(Asks {
        endpoint: below(base, &["oauth", "token"])?,
        shows: client::shows(settings)?,
        fields: vec![("audience", audience)],
    })
}

fn open(mut opening: Opening) -> Result<Box<dyn Provider>, OpenError> {
    ask_for_tokens(&mut opening, &["audience"], asks)?;
    let roles = opening.settings.list("roles").to_vec();
    Ok(Box::new(Auth0 { api: Api::new(opening.transport), roles, name: opening.name }))
}

impl Auth0 {
    /// Whether the token stands for this user.
    fn is_own(&self, user: &User) -> bool {
        let claims = self.api.claims();
        let sub = claims.as_ref().and_then(|claims| claims.get("sub")?.as_str());
        sub == Some(user.id.as_str())
    }

    fn names(&self, role: &Role) -> bool {
        self.roles.iter().any(|name| *name == role.id || *name == role.name)
    }
}

#[async_trait]
impl Provider for Auth0 {
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
        let nobody = "nobody@portcullis.invalid";
        checks.push(tried(
            "find users",
            async { Ok((self.api.by_email(nobody).await?, self.api.search(nobody).await?)) }.await,
            "accounts can be found, and their block proved",
            "no account can be found or blocked here",
        ));
        let claims = self.api.claims();
        checks.extend(permissions(claims.as_ref(), NEEDED));
        checks
    }

    fn stats(&self) -> Stats {
        self.api.stats()
    }
}

const NEEDED: &[Needed] = &[
    Needed { what: "block users", any: &["update:users"], without: "no account can be blocked here" },
    Needed {
        what: "end sessions",
        any: &["delete:sessions"],
        without: "sessions last until they end by themselves, and a person has to look",
    },
    Needed {
        what: "revoke refresh tokens",
        any: &["delete:refresh_tokens"],
        without: "refresh tokens stay, and a person has to look",
    },
    Needed {
        what: "revoke consents",
        any: &["delete:grants"],
        without: "consents stay, of no use while the user is blocked",
    },
    Needed {
        what: "change roles of users",
        any: &["update:users"],
        without: "roles stay, of no use while the user is blocked",
    },
];
