//! Okta: suspends the account, ends its sessions, grants and API tokens, and takes the application, the groups that give it
//! and administrators' roles away. Never deactivates: that cannot be undone.
//!
//! Of the groups only those go that give the application, and those that the configuration names. A suspended account
//! cannot use the others, and each membership that stays is one that a restore cannot get wrong.

mod action;
mod api;
mod discover;
mod steps;
#[cfg(test)]
mod tests;
mod wire;

use async_trait::async_trait;
use serde_json::Value;

use super::support::{no_way_back, proof_of, tried};
use super::{
    Acted, Check, CheckState, Discovery, Hand, Look, OpenError, Opening, Proof, Provider, ProviderKind,
    Target,
};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, Change, irreversible, reversible};
use crate::lockdown::http::{Auth, CallError, Stats};
use crate::lockdown::step::{Step, Undo};
use action::Action;
use api::Api;
use wire::Role;

/// The kind.
pub const KIND: ProviderKind = ProviderKind {
    about: About {
        reads: &[
            "the user, found by e-mail and by login",
            "grants, groups, rules of groups, roles and their limits",
            "API tokens of the user",
            "who has the application, where `app` is set",
        ],
        changes: &[
            reversible("suspend", "user"),
            irreversible("end-sessions", "user"),
            irreversible("revoke-grants", "user"),
            irreversible("delete", "api-token"),
            Change {
                action: "leave",
                object: "membership",
                undo: &[Undo::Reversible, Undo::Compensable],
                commit: false,
            },
            Change { action: "unassign", object: "assignment", undo: &[Undo::Compensable], commit: false },
            Change {
                action: "remove",
                object: "role",
                undo: &[Undo::Reversible, Undo::Irreversible],
                commit: false,
            },
        ],
        needs: &[
            "an administrator who may manage users; super administrator for roles and for other administrators",
        ],
        cannot: &[
            "sessions that applications keep by themselves",
            "tokens that are not the user's own",
            "an account that is neither ACTIVE nor blocked: UNKNOWN until a person has made it ACTIVE or blocked it",
        ],
    },
    spec: KindSpec {
        name: "okta",
        title: "Okta",
        base_url: None,
        credential: "API token of an administrator",
        settings: &[
            Setting {
                name: "base-url",
                about: "Address of your Okta organization.",
                value: SettingKind::Url,
                required: true,
                default: None,
                example: "https://acme.okta.example",
            },
            Setting {
                name: "app",
                about: "Id of the application in Okta through which people reach Mixpanel.",
                value: SettingKind::Text,
                required: false,
                default: None,
                example: "0oa1gjh63g214q0Hq0g4",
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
    auth: |secret| Ok(Auth::Header { name: "authorization", prefix: "SSWS ", secret }),
    open,
};

struct Okta {
    name: String,
    api: Api,
    app: Option<String>,
    groups: Vec<String>,
}

#[expect(clippy::unnecessary_wraps, reason = "all kinds are opened by the same signature")]
fn open(opening: Opening) -> Result<Box<dyn Provider>, OpenError> {
    Ok(Box::new(Okta {
        app: opening.settings.text("app").map(str::to_owned),
        groups: opening.settings.list("groups").to_vec(),
        api: Api::new(opening.transport),
        name: opening.name,
    }))
}

#[async_trait]
impl Provider for Okta {
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
        let mut checks = vec![tried(
            "find users",
            self.api.search("nobody@portcullis.invalid").await,
            "accounts can be found, and their suspension proved",
            "no account can be found or suspended here",
        )];
        let me = self.api.me().await;
        let owner = me.as_ref().ok().map(|me| me.id.clone());
        checks.push(tried(
            "whose credential this is",
            me,
            "an account that owns it is never locked out",
            "it could cut itself off",
        ));
        let mut roles = None;
        if let Some(me) = owner {
            checks.extend(self.check_reads(&me).await);
            roles = self.api.roles(&me).await.ok();
        }
        checks.push(self.check_app().await);
        checks.push(check_changes(roles.as_deref()));
        checks
    }

    fn stats(&self) -> Stats {
        self.api.stats()
    }
}

/// A token may do what its owner may. Okta's documents say that a super administrator may do everything; what the others
/// may depends on the groups and resources that they are limited to.
fn check_changes(roles: Option<&[Role]>) -> Check {
    let (state, note) = match roles {
        None => (
            CheckState::Unknown,
            "the roles of the credential's owner could not be read: whether it may suspend and revoke is not told"
                .to_owned(),
        ),
        Some([]) => (
            CheckState::Missing,
            "the credential's owner has no administrator's role: it can neither suspend nor revoke".to_owned(),
        ),
        Some(roles) if roles.iter().any(|role| role.kind.kind == "SUPER_ADMIN") => {
            (CheckState::Works, "the credential's owner is a super administrator".to_owned())
        }
        Some(roles) => {
            let names: Vec<&str> = roles.iter().map(|role| role.label.as_str()).collect();
            let note = format!(
                "no read shows whether {} may suspend and revoke: see its permissions, and the groups it is limited to",
                names.join(", ")
            );
            (CheckState::Unknown, note)
        }
    };
    Check { what: "change users".to_owned(), state, note }
}

impl Okta {
    /// Reads about the credential's own account: it is there, and it is like any other.
    async fn check_reads(&self, me: &str) -> Vec<Check> {
        vec![
            tried(
                "list grants",
                self.api.grants(me).await,
                "grants to applications are found and revoked",
                "grants stay, and a person has to look",
            ),
            tried(
                "list API tokens",
                self.api.tokens(me).await,
                "API tokens of the account are found and deleted",
                "its API tokens stay, and a person has to look",
            ),
            tried(
                "list administrators' roles",
                self.api.roles(me).await,
                "roles of the account are found and taken away",
                "its roles stay, of no use while it is suspended",
            ),
            tried(
                "list groups and their rules",
                async { Ok((self.api.groups(me).await?, self.api.rules().await?)) }.await,
                "memberships can be removed, and those that a rule gave are told apart",
                "memberships that a rule gave cannot be told apart",
            ),
        ]
    }

    async fn check_app(&self) -> Check {
        let what = "read who has the application";
        match &self.app {
            Some(app) => tried(
                what,
                self.api.app_groups(app).await,
                "the assignment, or the groups that give it, can be taken away",
                "the assignment stays, of no use while the account is suspended",
            ),
            None => Check {
                what: what.to_owned(),
                state: CheckState::Missing,
                note:
                    "the configuration names no `app`: the assignment stays, of no use while the account is \
                       suspended"
                        .to_owned(),
            },
        }
    }
}
