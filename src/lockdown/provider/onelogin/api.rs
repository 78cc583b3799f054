//! Calls of OneLogin's API, each with an answer that is typed and complete, or an error that names what is not.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::support::{need, read_as};
use super::wire::{Mapping, Role, SentMapping, SentRole, SentRoles, SentUser, User};
use crate::lockdown::http::{Call, CallError, Next, Reply, Stats, Transport};

/// What OneLogin answers where something is not there, by either of its versions. A 404 of anything in between has no such
/// code.
const NOT_FOUND: [&str; 2] = ["NotFoundError", "404"];
/// Entries asked for at a time.
const LIMIT: &str = "100";

pub(super) struct Api {
    transport: Transport,
}

impl Api {
    pub(super) fn new(transport: Transport) -> Self {
        Self { transport }
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(super) fn stats(&self) -> Stats {
        self.transport.stats()
    }

    /// Users by `email` or `username`.
    pub(super) async fn users(&self, by: &str, value: &str) -> Result<Vec<User>, CallError> {
        let call = Call::get(&["api", "2", "users"]).query(by, value);
        let sent: Vec<SentUser> = self.list(call, "GET users").await?;
        sent.into_iter().map(|user| user_of(user, "GET users")).collect()
    }

    /// A user by id; `None` where OneLogin knows none.
    pub(super) async fn user(&self, id: u64) -> Result<Option<User>, CallError> {
        match self.transport.read(&Call::get(&["api", "2", "users", &id.to_string()])).await {
            Ok(reply) => {
                let call = "GET users/{id}";
                user_of(read_as(&reply, call, "a user")?, call).map(Some)
            }
            Err(error) if NOT_FOUND.iter().any(|code| error.is_missing(code)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ids of the user's roles.
    pub(super) async fn roles_of(&self, user: u64) -> Result<Vec<u64>, CallError> {
        let reply =
            self.transport.read(&Call::get(&["api", "1", "users", &user.to_string(), "roles"])).await?;
        let call = "GET users/{id}/roles";
        let sent: SentRoles = read_as(&reply, call, "a list of roles")?;
        let inner = sent.data.iter().flat_map(|one| match one {
            Value::Array(inner) => inner.clone(),
            one => vec![one.clone()],
        });
        inner.map(|id| need(id.as_u64(), call, "data")).collect()
    }

    /// Roles that give an application; all where it is none.
    pub(super) async fn roles(&self, app: Option<u64>) -> Result<Vec<Role>, CallError> {
        let call = Call::get(&["api", "2", "roles"]);
        let call = app.into_iter().fold(call, |call, app| call.query("app_id", app.to_string()));
        let sent: Vec<SentRole> = self.list(call, "GET roles").await?;
        let role = |sent: SentRole| {
            let id = need(sent.id, "GET roles", "id")?;
            Ok(Role { name: sent.name.unwrap_or_else(|| id.to_string()), id })
        };
        sent.into_iter().map(role).collect()
    }

    /// Mappings that give roles.
    pub(super) async fn mappings(&self) -> Result<Vec<Mapping>, CallError> {
        let sent: Vec<SentMapping> = self.list(Call::get(&["api", "2", "mappings"]), "GET mappings").await?;
        let mapping = |sent: SentMapping| {
            let gives = |action: &str| matches!(action, "add_role" | "set_role");
            let actions = sent.actions.unwrap_or_default().into_iter();
            let roles = actions.filter(|one| one.action.as_deref().is_some_and(gives));
            Mapping {
                name: sent.name.unwrap_or_default(),
                roles: roles.flat_map(|one| one.value.unwrap_or_default()).collect(),
            }
        };
        Ok(sent.into_iter().map(mapping).filter(|mapping| !mapping.roles.is_empty()).collect())
    }

    /// Without mappings: they could change what is not meant.
    pub(super) async fn set_status(&self, user: u64, status: u64, key: &str) -> Result<(), CallError> {
        let call = Call::put(&["api", "2", "users", &user.to_string()]).query("mappings", "disabled");
        self.change(call.json(json!({ "status": status })), key).await
    }

    pub(super) async fn log_out(&self, user: u64, key: &str) -> Result<(), CallError> {
        let call = Call::put(&["api", "1", "users", &user.to_string(), "logout"]);
        self.change(call.json(json!({})), key).await
    }

    /// The vendor's code sends a bare list, its specification has an object: what is refused had no effect, and is sent in
    /// the other form.
    pub(super) async fn take_role(&self, role: u64, user: u64, key: &str) -> Result<(), CallError> {
        let call = Call::delete(&["api", "2", "roles", &role.to_string(), "users"]);
        match self.change(call.clone().json(json!([user])), key).await {
            Err(CallError::Refused { status: 400 | 422, .. }) => {
                self.change(call.json(json!({ "user_id": [user] })), key).await
            }
            result => result,
        }
    }

    pub(super) async fn give_role(&self, role: u64, user: u64, key: &str) -> Result<(), CallError> {
        let call = Call::post(&["api", "2", "roles", &role.to_string(), "users"]);
        self.change(call.json(json!([user])), key).await
    }

    async fn change(&self, call: Call, key: &str) -> Result<(), CallError> {
        self.transport.change(&call, key).await.map(drop)
    }

    async fn list<T: DeserializeOwned + Send>(&self, call: Call, name: &str) -> Result<Vec<T>, CallError> {
        let mut all = Vec::new();
        let take = |reply: &Reply| {
            all.extend(read_as::<Vec<T>>(reply, name, "a list")?);
            let next = reply.header("after-cursor").filter(|cursor| !cursor.is_empty());
            Ok(next.map_or(Next::Done, |cursor| Next::Query("cursor", cursor.to_owned())))
        };
        self.transport.pages(call.query("limit", LIMIT), take).await?;
        Ok(all)
    }
}

fn user_of(sent: SentUser, call: &str) -> Result<User, CallError> {
    Ok(User {
        id: need(sent.id, call, "id")?,
        email: sent.email,
        username: sent.username,
        status: need(sent.status, call, "status")?,
        directory: sent.directory_id,
    })
}
