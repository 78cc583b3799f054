//! Microsoft Entra ID, by Microsoft Graph: disables the account, ends its sessions and consents, and takes the application,
//! the groups that give it and directory roles away. Never deletes: a membership is left by its reference (`$ref`), and only
//! the user's own assignment is taken away, never that of a group.
//!
//! Of the groups only those go that give the application, and those that the configuration names. Groups whose members a
//! rule or another directory decides are left to a person.

mod action;
mod api;
mod discover;
mod steps;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

use super::client::{self, Asks, ask_for_tokens, below, client_id};
use super::person::{Needed, permissions, settle_seconds, settles};
use super::support::{no_way_back, proof_of, tried};
use super::{
    Acted, Check, CheckState, Discovery, Hand, Look, OpenError, Opening, Proof, Provider, ProviderKind,
    Target,
};
use crate::config::Settings;
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, Change, irreversible, reversible};
use crate::lockdown::http::{Auth, CallError, Shows, Stats};
use crate::lockdown::step::{Step, Undo};
use action::Action;
use api::Api;
use wire::Membership;

/// How long Entra says that it takes before a revocation holds everywhere ("a few minutes").
const SETTLES: &str = "180";

/// The kind.
pub const KIND: ProviderKind = ProviderKind {
    about: About {
        reads: &[
            "the user, found by name, e-mail and aliases",
            "groups, directory roles, consents, owned applications",
            "who has the application, where `app` is set",
        ],
        changes: &[
            reversible("disable", "user"),
            irreversible("end-sessions", "user"),
            irreversible("revoke", "grant"),
            reversible("leave", "membership"),
            reversible("remove", "role"),
            Change { action: "unassign", object: "assignment", undo: &[Undo::Compensable], commit: false },
        ],
        needs: &[
            "with `client-id`: an app registration of its tenant (`tenant`) that has these as application permissions",
            "User.ReadWrite.All and Directory.Read.All, or an administrator who may do as much",
            "GroupMember.ReadWrite.All, AppRoleAssignment.ReadWrite.All, DelegatedPermissionGrant.ReadWrite.All and \
             RoleManagement.ReadWrite.Directory for groups, the application, consents and roles",
            "a directory role of the credential's own to disable administrators",
        ],
        cannot: &[
            "sessions that applications keep by themselves, and access tokens until they expire",
            "sessions of guests: they begin in another organization",
            "dynamic groups and groups that another directory keeps",
            "roles that are eligible or were given through groups",
            "secrets of applications that the account owns",
        ],
    },
    spec: KindSpec {
        name: "entra",
        title: "Microsoft Entra ID",
        base_url: Some("https://graph.microsoft.com/v1.0"),
        credential: "access token for Microsoft Graph, such as a command prints; it lasts about an hour. With `client-id`: that client's secret",
        settings: &[
            client_id("b2f6a7f0-5d0c-4a0e-9f5c-0c1f6f6e2d11"),
            Setting {
                name: "tenant",
                about: "Beside client-id: id or domain of the tenant in which access tokens are asked for.",
                value: SettingKind::Text,
                required: false,
                default: None,
                example: "acme.onmicrosoft.example",
            },
            Setting {
                name: "authority",
                about: "Beside client-id: where access tokens are asked for; national clouds have their own.",
                value: SettingKind::Url,
                required: false,
                default: Some("https://login.microsoftonline.com"),
                example: "https://login.microsoftonline.us",
            },
            Setting {
                name: "app",
                about: "Object id of the enterprise application through which people reach Mixpanel.",
                value: SettingKind::Text,
                required: false,
                default: None,
                example: "8e881353-1735-45af-af21-ee1344582a4d",
            },
            Setting {
                name: "groups",
                about: "Groups, by name or id, to leave besides those that give the application.",
                value: SettingKind::List,
                required: false,
                default: None,
                example: "Data admins, Exports",
            },
            settle_seconds(SETTLES),
        ],
    },
    auth: |secret| Ok(Auth::Bearer(secret)),
    open,
};

struct Entra {
    name: String,
    api: Api,
    app: Option<String>,
    groups: Vec<String>,
    settles: Duration,
}

/// As Microsoft documents it: the scope is that of the Graph which the base address names, with `.default` at its end.
fn asks(settings: &Settings, base: &Url) -> Result<Asks, OpenError> {
    let tenant = client::name(settings, "tenant")?;
    let authority = settings.url("authority").ok_or_else(|| OpenError("`authority` is needed".into()))?;
    let scope = format!("{}/.default", base.origin().ascii_serialization());
    Ok(Asks {
        endpoint: below(authority, &[tenant, "oauth2", "v2.0", "token"])?,
        shows: Shows::Post,
        fields: vec![("scope", scope)],
    })
}

fn open(mut opening: Opening) -> Result<Box<dyn Provider>, OpenError> {
    ask_for_tokens(&mut opening, &["tenant"], asks)?;
    let settings = &opening.settings;
    Ok(Box::new(Entra {
        app: settings.text("app").map(str::to_owned),
        groups: settings.list("groups").to_vec(),
        settles: settles(settings),
        api: Api::new(opening.transport),
        name: opening.name,
    }))
}

impl Entra {
    /// Whether Portcullis acts as an application, and so for no user: as a client, or as the token says.
    fn is_application(&self) -> bool {
        self.api.transport().client_id().is_some()
            || self
                .api
                .claims()
                .is_some_and(|claims| claims.get("scp").is_none() && claims.get("roles").is_some())
    }

    fn names(&self, group: &Membership) -> bool {
        self.groups.iter().any(|name| *name == group.id || *name == group.name)
    }
}

#[async_trait]
impl Provider for Entra {
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

    async fn prove(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError> {
        let before = hand.facts(&step.id).before;
        Ok(proof_of(Action::of(step)?.prove(&self.api, &before).await))
    }

    fn settles(&self) -> Duration {
        self.settles
    }

    async fn check(&self) -> Vec<Check> {
        let nobody = "nobody@portcullis.invalid".to_owned();
        let mut checks = Vec::from_iter(client::check(self.api.transport()).await);
        checks.push(tried(
            "find users",
            self.api.users(format!("mail eq {}", api::quoted(&nobody))).await,
            "accounts can be found, and their being disabled proved",
            "no account can be found or disabled here",
        ));
        checks.push(match &self.app {
            Some(app) => tried(
                "read who has the application",
                self.api.assigned_to(app).await,
                "the assignment, or the groups that give it, can be found",
                "the assignment stays, of no use while the account is disabled",
            ),
            None => Check {
                what: "read who has the application".to_owned(),
                state: CheckState::Missing,
                note: "the configuration names no `app`: the assignment stays, of no use while the account is disabled"
                    .to_owned(),
            },
        });
        let claims = self.api.claims();
        checks.extend(permissions(claims.as_ref(), NEEDED));
        checks
    }

    fn stats(&self) -> Stats {
        self.api.stats()
    }
}

const NEEDED: &[Needed] = &[
    Needed {
        what: "disable users",
        any: &["User.EnableDisableAccount.All", "User.ReadWrite.All", "Directory.ReadWrite.All"],
        without: "no account can be blocked here",
    },
    Needed {
        what: "end sessions",
        any: &["User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"],
        without: "sessions last until they end by themselves",
    },
    Needed {
        what: "revoke consents",
        any: &["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"],
        without: "consents stay, of no use while the account is disabled",
    },
    Needed {
        what: "change members of groups",
        any: &["GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"],
        without: "memberships stay, of no use while the account is disabled",
    },
    Needed {
        what: "change directory roles",
        any: &["RoleManagement.ReadWrite.Directory"],
        without: "roles stay, of no use while the account is disabled",
    },
    Needed {
        what: "change who has the application",
        any: &["AppRoleAssignment.ReadWrite.All"],
        without: "the assignment stays, of no use while the account is disabled",
    },
];
