//! Calls of Auth0's Management API v2, each with an answer that is typed and complete, or an error that names what is not.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::support::{need, read_as};
use super::wire::{Listed, Role, SentUser, User};
use crate::lockdown::http::{Call, CallError, Next, Reply, Stats, Transport};

/// What Auth0 answers where a user is not there. A 404 of anything in between has no such code.
const NOT_FOUND: &str = "inexistent_user";
/// Entries asked for at a time.
const COUNT: &str = "50";

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

    /// What the access token says of itself.
    pub(super) fn claims(&self) -> Option<Value> {
        self.transport.claims()
    }

    /// Every user with this address as it is written there, one for each connection. Auth0 keeps the capital letters that other
    /// identity providers give it, and tells them apart here.
    pub(super) async fn by_email(&self, email: &str) -> Result<Vec<User>, CallError> {
        let call = path(Call::get, &["users-by-email"]).query("email", email);
        let reply = self.transport.read(&call).await?;
        let sent: Vec<SentUser> = read_as(&reply, "GET users-by-email", "a list")?;
        sent.into_iter().map(|user| user_of(user, "GET users-by-email")).collect()
    }

    /// Every user with this address however it is written, as the search has them: it lags behind, so read them again. Beyond
    /// the first 1,000 Auth0 refuses it.
    pub(super) async fn search(&self, email: &str) -> Result<Vec<User>, CallError> {
        let name = "GET users";
        let call = path(Call::get, &["users"]).query("search_engine", "v3");
        let call = call.query("q", format!("email:{}", Value::from(email)));
        let sent: Vec<SentUser> = self.by_pages(call, name, "users").await?;
        sent.into_iter().map(|user| user_of(user, name)).collect()
    }

    /// A user by id; `None` where Auth0 knows none.
    pub(super) async fn user(&self, id: &str) -> Result<Option<User>, CallError> {
        match self.transport.read(&path(Call::get, &["users", id])).await {
            Ok(reply) => {
                let call = "GET users/{id}";
                user_of(read_as(&reply, call, "a user")?, call).map(Some)
            }
            Err(error) if error.is_missing(NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sessions at Auth0.
    pub(super) async fn sessions(&self, user: &str) -> Result<Vec<String>, CallError> {
        self.by_checkpoints(user, "sessions", "sessions").await
    }

    /// Refresh tokens that applications hold.
    pub(super) async fn refresh_tokens(&self, user: &str) -> Result<Vec<String>, CallError> {
        self.by_checkpoints(user, "refresh-tokens", "tokens").await
    }

    /// Consents to applications.
    pub(super) async fn grants(&self, user: &str) -> Result<Vec<String>, CallError> {
        let call = path(Call::get, &["grants"]).query("user_id", user);
        let sent: Vec<Listed> = self.by_pages(call, "GET grants", "grants").await?;
        sent.into_iter().map(|grant| need(grant.id, "GET grants", "id")).collect()
    }

    pub(super) async fn roles(&self, user: &str) -> Result<Vec<Role>, CallError> {
        let name = "GET users/{id}/roles";
        let call = path(Call::get, &["users", user, "roles"]);
        let sent: Vec<Listed> = self.by_pages(call, name, "roles").await?;
        let role = |sent: Listed| {
            let id = need(sent.id, name, "id")?;
            Ok(Role { name: sent.name.unwrap_or_else(|| id.clone()), id })
        };
        sent.into_iter().map(role).collect()
    }

    pub(super) async fn set_blocked(&self, user: &str, blocked: bool, key: &str) -> Result<(), CallError> {
        self.change(path(Call::patch, &["users", user]).json(json!({ "blocked": blocked })), key).await
    }

    /// `what`: `sessions` or `refresh-tokens`. Auth0 takes it, and does it in time.
    pub(super) async fn end(&self, user: &str, what: &str, key: &str) -> Result<(), CallError> {
        self.change(path(Call::delete, &["users", user, what]), key).await
    }

    pub(super) async fn revoke_grants(&self, user: &str, key: &str) -> Result<(), CallError> {
        self.change(path(Call::delete, &["grants"]).query("user_id", user), key).await
    }

    pub(super) async fn take_role(&self, user: &str, role: &str, key: &str) -> Result<(), CallError> {
        let call = path(Call::delete, &["users", user, "roles"]);
        self.change(call.json(json!({ "roles": [role] })), key).await
    }

    pub(super) async fn give_role(&self, user: &str, role: &str, key: &str) -> Result<(), CallError> {
        let call = path(Call::post, &["users", user, "roles"]);
        self.change(call.json(json!({ "roles": [role] })), key).await
    }

    async fn change(&self, call: Call, key: &str) -> Result<(), CallError> {
        self.transport.change(&call, key).await.map(drop)
    }

    /// A list that goes on from a checkpoint: `{"sessions": […], "next": "…"}`.
    async fn by_checkpoints(&self, user: &str, what: &str, key: &str) -> Result<Vec<String>, CallError> {
        let name = format!("GET users/{{id}}/{what}");
        let mut all = Vec::new();
        let take = |reply: &Reply| {
            all.extend(rows::<Listed>(reply, &name, key)?);
            Next::told(reply.json()?.get("next"), |next| Ok(Next::Query("from", next.to_owned())))
        };
        self.transport.pages(path(Call::get, &["users", user, what]).query("take", COUNT), take).await?;
        all.into_iter().map(|row| need(row.id, &name, "id")).collect()
    }

    /// A list in numbered pages, with its length: `{"roles": […], "start": 0, "limit": 50, "total": 3}`.
    async fn by_pages<T: DeserializeOwned + Send>(
        &self,
        call: Call,
        name: &str,
        key: &str,
    ) -> Result<Vec<T>, CallError> {
        let (mut all, mut page) = (Vec::new(), 0_u64);
        let take = |reply: &Reply| {
            let found: Vec<T> = rows(reply, name, key)?;
            let none = found.is_empty();
            all.extend(found);
            let total = need(reply.json()?.get("total").and_then(Value::as_u64), name, "total")?;
            page += 1;
            after_page(name, page, none, (all.len() as u64, total))
        };
        let call = call.query("per_page", COUNT).query("page", "0").query("include_totals", "true");
        self.transport.pages(call, take).await?;
        Ok(all)
    }
}

/// Where a numbered list goes on, with so many rows of so many. One that ends before its length is not all there is.
fn after_page(name: &str, next: u64, none: bool, (got, total): (u64, u64)) -> Result<Next, CallError> {
    if got >= total {
        return Ok(Next::Done);
    }
    if none {
        return Err(CallError::Lost { what: format!("{name}: the list ends after {got} of {total}") });
    }
    Ok(Next::Query("page", next.to_string()))
}

/// The rows of a page.
fn rows<T: DeserializeOwned>(reply: &Reply, name: &str, key: &str) -> Result<Vec<T>, CallError> {
    let rows = reply.json()?.get(key).cloned();
    let rows = need(rows, name, key)?;
    serde_json::from_value(rows).map_err(|error| CallError::Lost {
        what: format!("{name}: `{key}` is not a list ({:?})", error.classify()),
    })
}

/// A call below `/api/v2`.
fn path(method: fn(&[&str]) -> Call, segments: &[&str]) -> Call {
    let whole: Vec<&str> = ["api", "v2"].iter().chain(segments).copied().collect();
    method(&whole)
}

fn user_of(sent: SentUser, call: &str) -> Result<User, CallError> {
    let identities = sent.identities.unwrap_or_default();
    Ok(User {
        id: need(sent.user_id, call, "user_id")?,
        email: sent.email,
        blocked: sent.blocked == Some(true),
        connections: identities.into_iter().filter_map(|identity| identity.connection).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_ends_before_its_length_is_not_taken_for_whole() {
        let after = |none, counts| after_page("GET roles", 1, none, counts);
        assert!(matches!(after(false, (50, 51)), Ok(Next::Query("page", page)) if page == "1"));
        assert!(matches!(after(false, (51, 51)), Ok(Next::Done)));
        assert!(matches!(after(true, (0, 0)), Ok(Next::Done)));
        let error = after(true, (50, 51)).unwrap_err().to_string();
        assert!(error.contains("GET roles: the list ends after 50 of 51"), "{error}");
    }
}
