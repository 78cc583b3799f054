//! Calls of PingOne's platform API, each with an answer that is typed and complete, or an error that names what is not.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::person::gone;
use super::super::support::{need, read_as};
use super::wire::{Listed, Membership, Role, Scope, SentMembership, SentRole, SentUser, User};
use crate::lockdown::http::{Call, CallError, Next, Reply, Stats, Transport};

/// What PingOne answers where something is not there. A 404 of anything in between has no such code.
const NOT_FOUND: &str = "NOT_FOUND";

pub(super) struct Api {
    transport: Transport,
    environment: String,
}

impl Api {
    pub(super) fn new(transport: Transport, environment: String) -> Self {
        Self { transport, environment }
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(super) fn stats(&self) -> Stats {
        self.transport.stats()
    }

    /// What the access token says of itself.
    pub(super) fn claims(&self) -> Option<Value> {
        self.transport.claims()
    }

    /// Users whose `attribute` has this value.
    pub(super) async fn users(&self, attribute: &str, value: &str) -> Result<Vec<User>, CallError> {
        let filter = format!("{attribute} eq {}", Value::from(value));
        let call = self.path(Call::get, &["users"]).query("filter", filter);
        let sent: Vec<SentUser> = self.list(call, "GET users").await?;
        sent.into_iter().map(|user| user_of(user, "GET users")).collect()
    }

    /// A user by id; `None` where PingOne knows none.
    pub(super) async fn user(&self, id: &str) -> Result<Option<User>, CallError> {
        match self.transport.read(&self.path(Call::get, &["users", id])).await {
            Ok(reply) => {
                let call = "GET users/{id}";
                user_of(read_as(&reply, call, "a user")?, call).map(Some)
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn sessions(&self, user: &str) -> Result<Vec<String>, CallError> {
        let call = "GET users/{id}/sessions";
        let sent: Vec<Listed> = self.list(self.path(Call::get, &["users", user, "sessions"]), call).await?;
        sent.into_iter().map(|session| need(session.id, call, "id")).collect()
    }

    pub(super) async fn memberships(&self, user: &str) -> Result<Vec<Membership>, CallError> {
        let name = "GET users/{id}/memberOfGroups";
        let call = self.path(Call::get, &["users", user, "memberOfGroups"]).query("expand", "group");
        let sent: Vec<SentMembership> = self.list(call, name).await?;
        sent.into_iter().map(|membership| membership_of(membership, name)).collect()
    }

    pub(super) async fn roles(&self, user: &str) -> Result<Vec<Role>, CallError> {
        let call = "GET users/{id}/roleAssignments";
        let sent: Vec<SentRole> =
            self.list(self.path(Call::get, &["users", user, "roleAssignments"]), call).await?;
        let role = |sent: SentRole| {
            Ok(Role {
                id: need(sent.id, call, "id")?,
                definition: need(sent.role.and_then(|role| role.id), call, "role")?,
                scope: need(sent.scope, call, "scope")?,
                by_group: sent.group.is_some(),
            })
        };
        sent.into_iter().map(role).collect()
    }

    /// Groups whose people may use the application.
    pub(super) async fn app_groups(&self, app: &str) -> Result<Vec<String>, CallError> {
        let reply = self.transport.read(&self.path(Call::get, &["applications", app])).await?;
        let application = reply.json()?;
        let groups = application.pointer("/accessControl/group/groups").and_then(Value::as_array);
        let ids = groups.into_iter().flatten().map(|group| group.get("id").and_then(Value::as_str));
        ids.map(|id| need(id.map(str::to_owned), "GET applications/{id}", "accessControl")).collect()
    }

    pub(super) async fn set_enabled(&self, user: &str, enabled: bool, key: &str) -> Result<(), CallError> {
        let call = self.path(Call::put, &["users", user, "enabled"]);
        self.change(call.json(json!({ "enabled": enabled })), key).await
    }

    pub(super) async fn end_session(&self, user: &str, session: &str, key: &str) -> Result<(), CallError> {
        let call = self.path(Call::delete, &["users", user, "sessions", session]);
        gone(self.change(call, key).await, is_missing)
    }

    pub(super) async fn leave(&self, user: &str, group: &str, key: &str) -> Result<(), CallError> {
        let call = self.path(Call::delete, &["users", user, "memberOfGroups", group]);
        gone(self.change(call, key).await, is_missing)
    }

    pub(super) async fn join(&self, user: &str, group: &str, key: &str) -> Result<(), CallError> {
        let call = self.path(Call::post, &["users", user, "memberOfGroups"]);
        self.change(call.json(json!({ "id": group })), key).await
    }

    pub(super) async fn take_role(&self, user: &str, assignment: &str, key: &str) -> Result<(), CallError> {
        let call = self.path(Call::delete, &["users", user, "roleAssignments", assignment]);
        gone(self.change(call, key).await, is_missing)
    }

    pub(super) async fn give_role(
        &self,
        user: &str,
        role: &str,
        scope: &Scope,
        key: &str,
    ) -> Result<(), CallError> {
        let call = self.path(Call::post, &["users", user, "roleAssignments"]);
        self.change(call.json(json!({ "role": { "id": role }, "scope": scope })), key).await
    }

    async fn change(&self, call: Call, key: &str) -> Result<(), CallError> {
        self.transport.change(&call, key).await.map(drop)
    }

    /// A list: `{"_embedded": {"users": […]}, "_links": {"next": {"href": "…"}}}`. It is the one list there is in `_embedded`,
    /// whatever it is called; an empty one may be left out.
    async fn list<T: DeserializeOwned + Send>(&self, call: Call, name: &str) -> Result<Vec<T>, CallError> {
        let mut all = Vec::new();
        let take = |reply: &Reply| {
            let page = reply.json()?;
            let embedded = page.get("_embedded").and_then(Value::as_object);
            let embedded = need(embedded, name, "_embedded")?;
            for rows in embedded.values().filter(|rows| rows.is_array()) {
                let rows: Vec<T> = serde_json::from_value(rows.clone()).map_err(|error| CallError::Lost {
                    what: format!("{name}: the answer is not a list ({:?})", error.classify()),
                })?;
                all.extend(rows);
            }
            Next::told(page.pointer("/_links/next/href"), Next::at)
        };
        self.transport.pages(call, take).await?;
        Ok(all)
    }

    /// A call below the environment.
    fn path(&self, method: fn(&[&str]) -> Call, segments: &[&str]) -> Call {
        let whole: Vec<&str> = ["environments", &self.environment].iter().chain(segments).copied().collect();
        method(&whole)
    }
}

fn is_missing(error: &CallError) -> bool {
    error.is_missing(NOT_FOUND)
}

fn user_of(sent: SentUser, call: &str) -> Result<User, CallError> {
    let id = need(sent.id, call, "id")?;
    Ok(User {
        username: sent.username.or_else(|| sent.email.clone()).unwrap_or_else(|| id.clone()),
        email: sent.email,
        enabled: need(sent.enabled, call, "enabled")?,
        id,
    })
}

fn membership_of(sent: SentMembership, call: &str) -> Result<Membership, CallError> {
    let id = need(sent.id, call, "id")?;
    let group = sent.embedded.and_then(|embedded| embedded.group).unwrap_or_default();
    let own = group.source_type.as_deref().is_none_or(|source| source == "PING_ONE");
    let stays = if let Some(filter) = group.user_filter {
        Some(format!("Its filter decides who is in it: change the filter, or what it goes by ({filter})."))
    } else if !own {
        Some("It comes from another directory: remove the person there.".to_owned())
    } else if sent.kind.as_deref() == Some("INDIRECT") {
        Some("The person is in it through another group: remove that one.".to_owned())
    } else {
        None
    };
    let name = sent.name.or(group.name).unwrap_or_else(|| id.clone());
    Ok(Membership { id, name, stays })
}
