//! Calls of SCIM.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::support::read_as;
use super::wire::{Config, Features, Group, Page, Resource, User, equals, patch};
use crate::lockdown::http::{Body, Call, CallError, Next, Reply, Stats, Transport};

const SCIM_JSON: &str = "application/scim+json";
/// Entries asked for at a time; servers may give fewer.
const COUNT: &str = "100";
/// What the RFC has a server answer to a filter that it does not support.
const INVALID_FILTER: &str = "invalidFilter";

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

    /// Users with this `userName`, without regard to case; also from a server that ignores the filter.
    pub(super) async fn users_named(&self, name: &str) -> Result<Vec<User>, CallError> {
        let users = self.users(&equals("userName", name)).await?;
        Ok(users.into_iter().filter(|user| user.is_called(name)).collect())
    }

    /// Users with this e-mail address, likewise; `None` where the server says that it has no such filter.
    pub(super) async fn users_at(&self, email: &str) -> Result<Option<Vec<User>>, CallError> {
        match self.users(&equals("emails.value", email)).await {
            Ok(users) => Ok(Some(users.into_iter().filter(|user| user.has_email(email)).collect())),
            Err(CallError::Refused { status: 400, code: Some(code), .. }) if code == INVALID_FILTER => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn users(&self, filter: &str) -> Result<Vec<User>, CallError> {
        let found = self.list("Users", filter).await?;
        // A server may list what has no name; it is not the one looked for.
        Ok(found.into_iter().filter_map(|sent| User::of(sent, "GET Users").ok()).collect())
    }

    /// A user by id, `None` where there is none. A 404 alone proves nothing: the search by `name` has to agree.
    pub(super) async fn user(&self, id: &str, name: &str) -> Result<Option<User>, CallError> {
        match self.transport.read(&Call::get(&["Users", id])).await {
            Ok(reply) => User::of(read_as(&reply, "GET Users/{id}", "a user")?, "GET Users/{id}").map(Some),
            Err(CallError::Refused { status: 404, .. }) => {
                Ok(self.users_named(name).await?.into_iter().find(|user| user.id == id))
            }
            Err(error) => Err(error),
        }
    }

    /// Groups by id or display name.
    pub(super) async fn groups_named(&self, name: &str) -> Result<Vec<Group>, CallError> {
        let found = self.list("Groups", &equals("displayName", name)).await?;
        let groups = found.into_iter().filter_map(|sent| Group::of(sent, "GET Groups").ok());
        let mut ids: Vec<String> =
            groups.filter(|group| group.is_called(name)).map(|group| group.id).collect();
        if ids.is_empty() {
            ids.push(name.to_owned());
        }
        let mut groups = Vec::new();
        for id in ids {
            match self.group(&id).await {
                Ok(group) => groups.push(group),
                Err(CallError::Refused { status: 400 | 404, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(groups)
    }

    /// A group with its members, which lists may leave out.
    pub(super) async fn group(&self, id: &str) -> Result<Group, CallError> {
        let reply = self.transport.read(&Call::get(&["Groups", id])).await?;
        Group::of(read_as(&reply, "GET Groups/{id}", "a group")?, "GET Groups/{id}")
    }

    pub(super) async fn set_active(&self, id: &str, active: bool, key: &str) -> Result<(), CallError> {
        let path = ["Users", id];
        let call =
            Call::patch(&path).body(body(&json!({"op": "replace", "path": "active", "value": active})));
        self.change(&path, call, key).await
    }

    pub(super) async fn delete_user(&self, id: &str, key: &str) -> Result<(), CallError> {
        let path = ["Users", id];
        self.change(&path, Call::delete(&path), key).await
    }

    pub(super) async fn remove_member(&self, group: &str, user: &str, key: &str) -> Result<(), CallError> {
        let path = ["Groups", group];
        // By filter: a list of values empties the whole group on some servers.
        let members = format!("members[{}]", equals("value", user));
        let call = Call::patch(&path).body(body(&json!({"op": "remove", "path": members})));
        self.change(&path, call, key).await
    }

    pub(super) async fn add_member(&self, group: &str, user: &str, key: &str) -> Result<(), CallError> {
        let path = ["Groups", group];
        let add = json!({"op": "add", "path": "members", "value": [{"value": user}]});
        self.change(&path, Call::patch(&path).body(body(&add)), key).await
    }

    pub(super) async fn features(&self) -> Result<Features, CallError> {
        let reply = self.transport.read(&Call::get(&["ServiceProviderConfig"])).await?;
        read_as::<Config>(&reply, "GET ServiceProviderConfig", "a configuration").map(Features::from)
    }

    /// Changes a resource as it is now: where the server gives versions, nothing is done if someone else was faster.
    async fn change(&self, path: &[&str], call: Call, key: &str) -> Result<(), CallError> {
        let reply = self.transport.read(&Call::get(path)).await?;
        let call = match version(&reply) {
            Some(version) => call.header("if-match", version),
            None => call,
        };
        match self.transport.change(&call, key).await {
            Ok(_) => Ok(()),
            Err(CallError::Refused { status: 412, .. }) => Err(CallError::NotSent {
                what: format!("someone else changed {} in the same moment (412)", path.join("/")),
            }),
            Err(error) => Err(error),
        }
    }

    /// Everything that fits the filter, and what else the server sends. A list that ends before as many came as there are is
    /// lost: a server that heeds neither the filter nor `startIndex` would hide what is not on its first page.
    pub(super) async fn list(&self, kind: &'static str, filter: &str) -> Result<Vec<Resource>, CallError> {
        let call = Call::get(&[kind]).query("filter", filter).query("startIndex", "1").query("count", COUNT);
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let (mut index, mut nameless, mut total) = (1, 0, None);
        let take = |reply: &Reply| {
            let page: Page = read_as(reply, &format!("GET {kind}"), "a list")?;
            let resources = page.resources.unwrap_or_default();
            let got = u64::try_from(resources.len()).unwrap_or(u64::MAX);
            let next = Next::offset("startIndex", 1, index, got, page.total);
            index += got;
            total = page.total;
            let before = seen.len();
            seen.extend(resources.iter().filter_map(|sent| sent.id().map(str::to_owned)));
            nameless += resources.iter().filter(|sent| sent.id().is_none()).count();
            found.extend(resources);
            // A server that does not page sends the same again.
            Ok(if seen.len() == before { Next::Done } else { next })
        };
        self.transport.pages(call, take).await?;
        let came = u64::try_from(seen.len() + nameless).unwrap_or(u64::MAX);
        match total.filter(|total| came < *total) {
            Some(total) => {
                let what = format!("GET {kind}: the list ended after {came} of {total} entries");
                Err(CallError::Lost { what })
            }
            None => Ok(found),
        }
    }
}

fn body(operation: &Value) -> Body {
    Body::JsonAs(SCIM_JSON, patch(operation))
}

/// The version that the resource itself names. A header alone may be of whatever stands in between, a hash of the body
/// that no condition is ever true for.
fn version(reply: &Reply) -> Option<String> {
    read_as::<Resource>(reply, "", "").ok()?.version()
}
