//! Calls of Microsoft Graph v1.0, each with an answer that is typed and complete, or an error that names what is not.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::person::gone;
use super::super::support::{need, read_as};
use super::wire::{
    Assignment, Grant, Kind, Membership, Owned, Page, SELECT, SentAssignment, SentGrant, SentObject,
    SentUser, User,
};
use crate::lockdown::http::{Call, CallError, Next, Reply, Stats, Transport};

/// What Graph answers where something is not there. A 404 of anything in between has no such code.
const NOT_FOUND: &str = "Request_ResourceNotFound";

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

    /// The user that the token stands for; a token of an application is refused.
    pub(super) async fn me(&self) -> Result<User, CallError> {
        let reply = self.transport.read(&Call::get(&["me"]).query("$select", SELECT)).await?;
        user_of(read_as(&reply, "GET me", "a user")?, "GET me")
    }

    /// A user by id; `None` where Entra knows none.
    pub(super) async fn user(&self, id: &str) -> Result<Option<User>, CallError> {
        match self.transport.read(&Call::get(&["users", id]).query("$select", SELECT)).await {
            Ok(reply) => {
                let call = "GET users/{id}";
                user_of(read_as(&reply, call, "a user")?, call).map(Some)
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Users by a `$filter`.
    pub(super) async fn users(&self, filter: String) -> Result<Vec<User>, CallError> {
        let call = Call::get(&["users"]).query("$filter", filter).query("$select", SELECT);
        let sent: Vec<SentUser> = self.list(call, "GET users").await?;
        sent.into_iter().map(|user| user_of(user, "GET users")).collect()
    }

    /// Groups and roles of which the user is a member by itself.
    pub(super) async fn memberships(&self, user: &str) -> Result<Vec<Membership>, CallError> {
        let call = "GET users/{id}/memberOf";
        let sent: Vec<SentObject> = self.list(Call::get(&["users", user, "memberOf"]), call).await?;
        sent.into_iter().map(|object| membership_of(object, call)).collect()
    }

    /// Applications that the user has, also through groups.
    pub(super) async fn assignments(&self, user: &str) -> Result<Vec<Assignment>, CallError> {
        self.assigned(Call::get(&["users", user, "appRoleAssignments"])).await
    }

    /// Who has the application.
    pub(super) async fn assigned_to(&self, app: &str) -> Result<Vec<Assignment>, CallError> {
        self.assigned(Call::get(&["servicePrincipals", app, "appRoleAssignedTo"])).await
    }

    async fn assigned(&self, call: Call) -> Result<Vec<Assignment>, CallError> {
        let name = "GET appRoleAssignments";
        let sent: Vec<SentAssignment> = self.list(call, name).await?;
        let assignment = |sent: SentAssignment| {
            Ok(Assignment {
                id: need(sent.id, name, "id")?,
                principal_type: need(sent.principal_type, name, "principalType")?,
                principal: need(sent.principal_id, name, "principalId")?,
                resource: need(sent.resource_id, name, "resourceId")?,
                role: need(sent.app_role_id, name, "appRoleId")?,
            })
        };
        sent.into_iter().map(assignment).collect()
    }

    /// Consents of the user alone.
    pub(super) async fn grants(&self, user: &str) -> Result<Vec<Grant>, CallError> {
        let call = "GET users/{id}/oauth2PermissionGrants";
        let sent: Vec<SentGrant> =
            self.list(Call::get(&["users", user, "oauth2PermissionGrants"]), call).await?;
        // One for everybody is not the user's to end.
        let own = sent.into_iter().filter(|grant| {
            grant.consent_type.as_deref() != Some("AllPrincipals")
                && grant.principal_id.as_deref().is_none_or(|principal| principal == user)
        });
        let grant = |sent: SentGrant| {
            Ok(Grant {
                id: need(sent.id, call, "id")?,
                client: sent.client_id.unwrap_or_default(),
                scope: sent.scope.unwrap_or_default().trim().to_owned(),
            })
        };
        own.map(grant).collect()
    }

    /// Applications that the user owns: an owner may give them new secrets.
    pub(super) async fn owned(&self, user: &str) -> Result<Vec<Owned>, CallError> {
        let call = "GET users/{id}/ownedObjects";
        let sent: Vec<SentObject> = self.list(Call::get(&["users", user, "ownedObjects"]), call).await?;
        let is_app = |object: &SentObject| {
            let kind = object.kind.as_deref().unwrap_or_default();
            kind.ends_with(".application") || kind.ends_with(".servicePrincipal")
        };
        let client = self.transport.client_id();
        let owned = |sent: SentObject| {
            let id = need(sent.id, call, "id")?;
            let own = client.zip(sent.app_id).is_some_and(|(client, app)| app.eq_ignore_ascii_case(client));
            Ok(Owned { name: sent.display_name.unwrap_or_else(|| id.clone()), id, own })
        };
        sent.into_iter().filter(is_app).map(owned).collect()
    }

    pub(super) async fn set_enabled(&self, user: &str, enabled: bool, key: &str) -> Result<(), CallError> {
        let call = Call::patch(&["users", user]).json(json!({ "accountEnabled": enabled }));
        self.change(call, key).await
    }

    pub(super) async fn end_sessions(&self, user: &str, key: &str) -> Result<(), CallError> {
        self.change(Call::post(&["users", user, "revokeSignInSessions"]), key).await
    }

    pub(super) async fn revoke_grant(&self, grant: &str, key: &str) -> Result<(), CallError> {
        gone(self.change(Call::delete(&["oauth2PermissionGrants", grant]), key).await, is_missing)
    }

    /// `whole`: `groups` or `directoryRoles`. Without `$ref` at its end the request would delete the user.
    pub(super) async fn leave(&self, whole: &str, id: &str, user: &str, key: &str) -> Result<(), CallError> {
        gone(self.change(Call::delete(&[whole, id, "members", user, "$ref"]), key).await, is_missing)
    }

    pub(super) async fn join(&self, whole: &str, id: &str, user: &str, key: &str) -> Result<(), CallError> {
        let base = self.transport.base_url().as_str().trim_end_matches('/');
        let body = json!({ "@odata.id": format!("{base}/directoryObjects/{user}") });
        self.change(Call::post(&[whole, id, "members", "$ref"]).json(body), key).await
    }

    pub(super) async fn unassign(&self, user: &str, assignment: &str, key: &str) -> Result<(), CallError> {
        let call = Call::delete(&["users", user, "appRoleAssignments", assignment]);
        gone(self.change(call, key).await, is_missing)
    }

    pub(super) async fn assign(&self, user: &str, app: &str, role: &str, key: &str) -> Result<(), CallError> {
        let body = json!({ "principalId": user, "resourceId": app, "appRoleId": role });
        self.change(Call::post(&["users", user, "appRoleAssignments"]).json(body), key).await
    }

    async fn change(&self, call: Call, key: &str) -> Result<(), CallError> {
        self.transport.change(&call, key).await.map(drop)
    }

    async fn list<T: DeserializeOwned + Send>(&self, call: Call, name: &str) -> Result<Vec<T>, CallError> {
        let mut all = Vec::new();
        let take = |reply: &Reply| {
            let page: Page<T> = read_as(reply, name, "a page")?;
            all.extend(page.value);
            Next::told(page.next.as_ref(), Next::at)
        };
        self.transport.pages(call, take).await?;
        Ok(all)
    }
}

/// A text in a `$filter`: a quote is written twice.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn is_missing(error: &CallError) -> bool {
    error.is_missing(NOT_FOUND)
}

fn user_of(sent: SentUser, call: &str) -> Result<User, CallError> {
    let id = need(sent.id, call, "id")?;
    Ok(User {
        login: sent.user_principal_name.unwrap_or_else(|| id.clone()),
        mail: sent.mail,
        enabled: need(sent.account_enabled, call, "accountEnabled")?,
        guest: sent.user_type.as_deref() == Some("Guest"),
        synced: sent.on_premises_sync_enabled == Some(true),
        valid_from: sent.sign_in_sessions_valid_from_date_time,
        id,
    })
}

fn membership_of(sent: SentObject, call: &str) -> Result<Membership, CallError> {
    let id = need(sent.id, call, "id")?;
    let is_dynamic = sent.group_types.iter().flatten().any(|kind| kind == "DynamicMembership");
    let kind = match sent.kind.as_deref().and_then(|kind| kind.rsplit_once('.')).map(|(_, kind)| kind) {
        Some("directoryRole") => Kind::Role,
        Some("group") if is_dynamic => Kind::Dynamic(sent.membership_rule.unwrap_or_default()),
        Some("group") if sent.on_premises_sync_enabled == Some(true) => Kind::Synced,
        Some("group") => Kind::Group,
        _ => Kind::Other,
    };
    Ok(Membership { name: sent.display_name.unwrap_or_else(|| id.clone()), id, kind })
}
