//! Calls of Okta's management API, each with an answer that is typed and complete, or an error that names what is not.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::support::{need, read_as};
use super::wire::{
    Assignment, Group, Listed, Role, RoleKind, Rule, SentAssignment, SentGroup, SentRole, SentRule,
    SentToken, SentUser, Token, User,
};
use crate::lockdown::http::{Call, CallError, Next, Reply, Stats, Transport};

/// What Okta answers where something is not there. A 404 of anything in between has no such code.
const NOT_FOUND: &str = "E0000007";

pub(super) struct Api {
    transport: Transport,
}

impl Api {
    pub(super) fn new(transport: Transport) -> Self {
        Self { transport }
    }

    pub(super) fn stats(&self) -> Stats {
        self.transport.stats()
    }

    /// The user that the token belongs to.
    pub(super) async fn me(&self) -> Result<User, CallError> {
        user_of(self.get(&["users", "me"]).await?, "GET users/me")
    }

    /// A user by id or login; `None` where Okta knows none.
    pub(super) async fn user(&self, id_or_login: &str) -> Result<Option<User>, CallError> {
        match self.get::<SentUser>(&["users", id_or_login]).await {
            Ok(sent) => user_of(sent, "GET users/{id}").map(Some),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Identifiers of users with this e-mail address. The search lags behind: read them again.
    pub(super) async fn search(&self, email: &str) -> Result<Vec<String>, CallError> {
        let call =
            path(Call::get, &["users"]).query("search", format!("profile.email eq {}", Value::from(email)));
        let found: Vec<SentUser> = self.list(call, "GET users").await?;
        found.into_iter().map(|user| need(user.id, "GET users", "id")).collect()
    }

    pub(super) async fn groups(&self, user: &str) -> Result<Vec<Group>, CallError> {
        let call = "GET users/{id}/groups";
        let sent: Vec<SentGroup> = self.list(path(Call::get, &["users", user, "groups"]), call).await?;
        let group = |sent: SentGroup| {
            let id = need(sent.id, call, "id")?;
            let name = sent.profile.and_then(|profile| profile.name).unwrap_or_else(|| id.clone());
            Ok(Group { name, kind: sent.kind.unwrap_or_default(), id })
        };
        sent.into_iter().map(group).collect()
    }

    /// Rules that put people into groups; also those that are not active, which may have done so before.
    pub(super) async fn rules(&self) -> Result<Vec<Rule>, CallError> {
        let call = path(Call::get, &["groups", "rules"]).query("limit", "200");
        let sent: Vec<SentRule> = self.list(call, "GET groups/rules").await?;
        let rule = |sent: SentRule| {
            let groups = sent.actions.and_then(|actions| actions.assign).and_then(|assign| assign.groups);
            let users =
                sent.conditions.and_then(|conditions| conditions.people).and_then(|people| people.users);
            Rule {
                name: sent.name.unwrap_or_default(),
                groups: groups.unwrap_or_default(),
                excluded: users.and_then(|users| users.exclude).unwrap_or_default(),
            }
        };
        Ok(sent.into_iter().map(rule).collect())
    }

    /// Groups that have the application.
    pub(super) async fn app_groups(&self, app: &str) -> Result<Vec<String>, CallError> {
        let call = "GET apps/{id}/groups";
        let sent: Vec<Listed> =
            self.list(path(Call::get, &["apps", app, "groups"]).query("limit", "200"), call).await?;
        sent.into_iter().map(|group| need(group.id, call, "id")).collect()
    }

    /// How the user has the application; `None` where Okta says that there is no such assignment.
    pub(super) async fn assignment(&self, app: &str, user: &str) -> Result<Option<Assignment>, CallError> {
        match self.get::<SentAssignment>(&["apps", app, "users", user]).await {
            Ok(sent) => Ok(Some(Assignment {
                by_group: sent.scope.as_deref() == Some("GROUP"),
                user_name: sent.credentials.and_then(|credentials| credentials.user_name),
            })),
            // An application that is not there is a mistake in the configuration, not a user without it.
            Err(error) if is_missing(&error) && !error.to_string().contains(app) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Grants that count.
    pub(super) async fn grants(&self, user: &str) -> Result<Vec<String>, CallError> {
        let call = "GET users/{id}/grants";
        let sent: Vec<Listed> =
            self.list(path(Call::get, &["users", user, "grants"]).query("limit", "200"), call).await?;
        let live = sent.into_iter().filter(|grant| grant.status.as_deref() != Some("REVOKED"));
        live.map(|grant| need(grant.id, call, "id")).collect()
    }

    /// API tokens of a user.
    pub(super) async fn tokens(&self, user: &str) -> Result<Vec<Token>, CallError> {
        let call = "GET api-tokens";
        let sent: Vec<SentToken> = self.list(path(Call::get, &["api-tokens"]), call).await?;
        let own = sent.into_iter().filter(|token| token.user.as_deref() == Some(user));
        let token = |sent: SentToken| {
            let id = need(sent.id, call, "id")?;
            Ok(Token { name: sent.name.unwrap_or_else(|| id.clone()), id })
        };
        own.map(token).collect()
    }

    pub(super) async fn roles(&self, user: &str) -> Result<Vec<Role>, CallError> {
        let call = "GET users/{id}/roles";
        let sent: Vec<SentRole> = self.list(path(Call::get, &["users", user, "roles"]), call).await?;
        let role = |sent: SentRole| {
            let kind = need(sent.kind, call, "type")?;
            Ok(Role {
                id: need(sent.id, call, "id")?,
                label: sent.label.unwrap_or_else(|| kind.clone()),
                by_group: sent.assignment.as_deref() == Some("GROUP"),
                kind: RoleKind { kind, role: sent.role, resource_set: sent.resource_set },
            })
        };
        sent.into_iter().map(role).collect()
    }

    /// What a role is limited to: `groups` or `catalog/apps`. Empty: it holds for the whole organisation.
    pub(super) async fn targets(&self, user: &str, role: &str, of: &[&str]) -> Result<usize, CallError> {
        let segments: Vec<&str> =
            ["users", user, "roles", role, "targets"].iter().chain(of).copied().collect();
        let sent: Vec<Value> =
            self.list(path(Call::get, &segments), "GET users/{id}/roles/{id}/targets").await?;
        Ok(sent.len())
    }

    pub(super) async fn suspend(&self, user: &str, key: &str) -> Result<(), CallError> {
        self.change(path(Call::post, &["users", user, "lifecycle", "suspend"]), key).await
    }

    pub(super) async fn unsuspend(&self, user: &str, key: &str) -> Result<(), CallError> {
        self.change(path(Call::post, &["users", user, "lifecycle", "unsuspend"]), key).await
    }

    /// Sessions at Okta, tokens that were issued to applications, and devices that need no second factor.
    pub(super) async fn end_sessions(&self, user: &str, key: &str) -> Result<(), CallError> {
        let call = path(Call::delete, &["users", user, "sessions"]);
        self.change(call.query("oauthTokens", "true").query("forgetDevices", "true"), key).await
    }

    pub(super) async fn revoke_grants(&self, user: &str, key: &str) -> Result<(), CallError> {
        self.change(path(Call::delete, &["users", user, "grants"]), key).await
    }

    pub(super) async fn delete_token(&self, token: &str, key: &str) -> Result<(), CallError> {
        gone(self.change(path(Call::delete, &["api-tokens", token]), key).await)
    }

    pub(super) async fn leave(&self, group: &str, user: &str, key: &str) -> Result<(), CallError> {
        self.change(path(Call::delete, &["groups", group, "users", user]), key).await
    }

    pub(super) async fn join(&self, group: &str, user: &str, key: &str) -> Result<(), CallError> {
        self.change(path(Call::put, &["groups", group, "users", user]), key).await
    }

    pub(super) async fn unassign(&self, app: &str, user: &str, key: &str) -> Result<(), CallError> {
        let result = self.change(path(Call::delete, &["apps", app, "users", user]), key).await;
        if matches!(&result, Err(error) if error.to_string().contains(app)) { result } else { gone(result) }
    }

    /// Without a profile: mappings fill it, and Okta refuses values for what they fill.
    pub(super) async fn assign(
        &self,
        app: &str,
        user: &str,
        name: Option<&str>,
        key: &str,
    ) -> Result<(), CallError> {
        let mut body = json!({"id": user, "scope": "USER"});
        if let (Some(name), Some(fields)) = (name, body.as_object_mut()) {
            fields.insert("credentials".to_owned(), json!({"userName": name}));
        }
        self.change(path(Call::post, &["apps", app, "users"]).json(body), key).await
    }

    pub(super) async fn remove_role(&self, user: &str, role: &str, key: &str) -> Result<(), CallError> {
        self.change(path(Call::delete, &["users", user, "roles", role]), key).await
    }

    pub(super) async fn give_role(&self, user: &str, kind: &RoleKind, key: &str) -> Result<(), CallError> {
        let body = serde_json::to_value(kind).unwrap_or_default();
        self.change(path(Call::post, &["users", user, "roles"]).json(body), key).await
    }

    async fn change(&self, call: Call, key: &str) -> Result<(), CallError> {
        self.transport.change(&call, key).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<T, CallError> {
        let reply = self.transport.read(&path(Call::get, segments)).await?;
        read_as(&reply, &format!("GET {}", segments.join("/")), "an object")
    }

    async fn list<T: DeserializeOwned + Send>(&self, call: Call, name: &str) -> Result<Vec<T>, CallError> {
        let mut all = Vec::new();
        let take = |reply: &Reply| {
            all.extend(read_as::<Vec<T>>(reply, name, "a list")?);
            Ok(Next::Link)
        };
        self.transport.pages(call, take).await?;
        Ok(all)
    }
}

/// A call below `/api/v1`.
fn path(method: fn(&[&str]) -> Call, segments: &[&str]) -> Call {
    let whole: Vec<&str> = ["api", "v1"].iter().chain(segments).copied().collect();
    method(&whole)
}

fn is_missing(error: &CallError) -> bool {
    error.is_missing(NOT_FOUND)
}

/// What Okta says is not there needs no removing: lists may show it for a while yet.
fn gone(result: Result<(), CallError>) -> Result<(), CallError> {
    match result {
        Err(error) if is_missing(&error) => Ok(()),
        result => result,
    }
}

fn user_of(sent: SentUser, call: &str) -> Result<User, CallError> {
    let profile = sent.profile.unwrap_or_default();
    let source = sent.credentials.and_then(|credentials| credentials.provider);
    let source = source.filter(|source| source.kind.as_deref().is_some_and(|kind| kind != "OKTA"));
    let id = need(sent.id, call, "id")?;
    Ok(User {
        login: profile.login.or_else(|| profile.email.clone()).unwrap_or_else(|| id.clone()),
        email: profile.email,
        status: need(sent.status, call, "status")?,
        source: source.and_then(|source| source.name.or(source.kind)),
        id,
    })
}
