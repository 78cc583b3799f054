//! Google Workspace, by the Directory API of the Admin SDK: takes backup codes and second factors away, suspends the user,
//! signs it out, deletes tokens of applications and app passwords, and takes administrators' roles and the groups of the
//! configuration away.
//!
//! Google takes second factors from nobody who is suspended, so that goes first, and is not needed: whoever is suspended is
//! shut out with them too. What an access token may do it does not say, so the configuration names the administrator for
//! whom it acts.

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

use super::client;
use super::person::{settle_seconds, settles};
use super::support::{no_way_back, proof_of, tried};
use super::{
    Acted, Check, CheckState, Discovery, Hand, Look, OpenError, Opening, Proof, Provider, ProviderKind,
    Target,
};
use crate::config::catalog::{KindSpec, Setting, SettingKind};
use crate::lockdown::about::{About, irreversible, reversible};
use crate::lockdown::google::{TOKEN_URL, Wanted, with_key};
use crate::lockdown::http::{Auth, CallError, Stats};
use crate::lockdown::step::Step;
use action::Action;
use api::Api;
use wire::Group;

/// How long a block is given before sessions are ended once more: no page says how long it takes.
const SETTLES: &str = "180";

/// The kind.
pub const KIND: ProviderKind = ProviderKind {
    about: About {
        reads: &[
            "the user, found by its address and aliases",
            "tokens of applications, app passwords, and how many backup codes there are",
            "groups, administrators' roles, who else is a super administrator",
        ],
        changes: &[
            irreversible("invalidate-codes", "user"),
            irreversible("turn-off-two-step", "user"),
            reversible("suspend", "user"),
            irreversible("sign-out", "user"),
            irreversible("delete", "token"),
            irreversible("delete", "app-password"),
            reversible("remove", "role"),
            reversible("leave", "membership"),
        ],
        needs: &[
            "an administrator, or a service account that acts for one; a super administrator to suspend administrators",
            "the scopes admin.directory.user and admin.directory.user.security",
            "admin.directory.group.readonly and admin.directory.group.member for groups, \
             admin.directory.rolemanagement for roles",
        ],
        cannot: &[
            "showing sessions, or that they ended: cookies may last up to an hour after the sign-out",
            "sessions that applications keep by themselves",
            "second factors where they are enforced, and any while the user is suspended",
            "which groups give an application; roles through groups; groups that a rule fills",
            "showing what the credential may change before it does",
        ],
    },
    spec: KindSpec {
        name: "google",
        title: "Google Workspace",
        base_url: Some("https://admin.googleapis.com/admin/directory/v1"),
        credential: "key file (JSON) of a service account with domain-wide delegation, or an access token for the Admin SDK, such as a command prints, which lasts about an hour",
        settings: &[
            Setting {
                name: "admin",
                about: "Address of the administrator or service account for whom the token acts: it is never shut out.",
                value: SettingKind::Text,
                required: true,
                default: None,
                example: "admin@acme.example",
            },
            Setting {
                name: "groups",
                about: "Groups, by address, name or id, to leave: those through which people reach Mixpanel, say.",
                value: SettingKind::List,
                required: false,
                default: None,
                example: "mixpanel@acme.example, exports@acme.example",
            },
            Setting {
                name: "scopes",
                about: "With a key: the scopes that were delegated to its service account, without what is before admin.",
                value: SettingKind::List,
                required: false,
                default: Some(
                    "admin.directory.user, admin.directory.user.security, admin.directory.group.readonly, \
                     admin.directory.group.member, admin.directory.rolemanagement",
                ),
                example: "admin.directory.user, admin.directory.user.security",
            },
            TOKEN_URL,
            settle_seconds(SETTLES),
        ],
    },
    auth: |secret| Ok(Auth::Bearer(secret)),
    open,
};

/// What is before the names of `scopes`.
const SCOPES: &str = "https://www.googleapis.com/auth/";

struct Google {
    name: String,
    api: Api,
    /// Whose credential it is.
    admin: String,
    groups: Vec<String>,
    settles: Duration,
}

fn open(opening: Opening) -> Result<Box<dyn Provider>, OpenError> {
    let settings = &opening.settings;
    let admin = settings.text("admin").map(str::to_owned);
    let admin = admin.ok_or_else(|| OpenError("`admin` is needed".into()))?;
    let scopes: Vec<String> =
        settings.list("scopes").iter().map(|scope| format!("{SCOPES}{scope}")).collect();
    let wanted = Wanted { scopes: scopes.join(" "), subject: Some(admin.clone()) };
    let transport = with_key(opening.transport, settings, wanted).map_err(OpenError)?;
    Ok(Box::new(Google {
        admin,
        groups: settings.list("groups").to_vec(),
        settles: settles(settings),
        api: Api::new(transport),
        name: opening.name,
    }))
}

impl Google {
    fn names(&self, group: &Group) -> bool {
        let is = |name: &String| {
            *name == group.id || *name == group.name || name.eq_ignore_ascii_case(&group.email)
        };
        self.groups.iter().any(is)
    }
}

#[async_trait]
impl Provider for Google {
    fn name(&self) -> &str {
        &self.name
    }

    async fn discover(&self, target: &Target) -> Result<Discovery, CallError> {
        discover::discover(self, target).await
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

    fn settles(&self) -> Duration {
        self.settles
    }

    /// Of one scope Google lets the same token read and change, so that a read tells.
    async fn check(&self) -> Vec<Check> {
        let (api, admin) = (&self.api, self.admin.as_str());
        let nobody = format!("email={}", api::quoted("nobody@portcullis.invalid"));
        let mut checks = Vec::from_iter(client::check(api.transport()).await);
        checks.extend([
            tried(
                "find users",
                api.users(&nobody).await,
                "accounts can be found, and their suspension proved",
                "no account can be found or suspended here",
            ),
            tried(
                "read tokens, app passwords and backup codes",
                api.tokens(admin).await,
                "the token has admin.directory.user.security: users can be signed out, and these be taken away",
                "no user can be signed out, and tokens and app passwords stay",
            ),
            tried(
                "read groups",
                api.groups(admin).await,
                "groups that `groups` names can be found",
                "memberships stay, of no use while the account is suspended",
            ),
            tried(
                "read administrators' roles",
                api.roles().await,
                "roles can be found",
                "roles stay, of no use while the account is suspended",
            ),
        ]);
        if self.groups.is_empty() {
            let note = "the configuration names no `groups`: memberships stay, of no use while the account is suspended";
            let (what, state) = ("leave groups".to_owned(), CheckState::Missing);
            checks.push(Check { what, state, note: note.to_owned() });
        }
        checks.push(Check {
            what: "change users".to_owned(),
            state: CheckState::Unknown,
            note: "no read shows it: admin.directory.user suspends, admin.directory.group.member leaves groups, \
                   admin.directory.rolemanagement takes roles, and only a super administrator suspends administrators"
                .to_owned(),
        });
        checks
    }

    fn stats(&self) -> Stats {
        self.api.stats()
    }
}
