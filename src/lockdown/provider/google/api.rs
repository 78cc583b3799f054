//! Calls of the Admin SDK's Directory API, each with an answer that is typed and complete, or an error that names what is
//! not.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::person::gone;
use super::super::support::{need, read_as};
use super::wire::{
    ASSIGNMENTS, Assignment, CODES, GROUPS, Given, Group, ListOf, Member, PASSWORDS, Password, ROLES, Role,
    SentAssignment, SentGroup, SentMember, SentPassword, SentRole, SentToken, SentUser, TOKENS, Token, USERS,
    User, number,
};
use crate::lockdown::http::{Call, CallError, Next, Reply, Stats, Transport};

/// What Google writes into an error where something is not there. A 404 of anything in between has no such code.
const NOT_FOUND: &str = "404";
/// The organization of the credential's administrator.
const CUSTOMER: &str = "my_customer";

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

    /// Users by a search, which may not know yet what is new.
    pub(super) async fn users(&self, query: &str) -> Result<Vec<User>, CallError> {
        let call = Call::get(&["users"]).query("customer", CUSTOMER).query("query", query);
        let sent: Vec<SentUser> = self.list(call.query("maxResults", "500"), USERS, "GET users").await?;
        sent.into_iter().map(|user| user_of(user, "GET users")).collect()
    }

    /// A user by id, address or alias; `None` where Google knows none.
    pub(super) async fn user(&self, key: &str) -> Result<Option<User>, CallError> {
        let call = "GET users/{userKey}";
        let read = self.transport.read(&Call::get(&["users", key])).await;
        there(read)?.map(|reply| user_of(read_as(&reply, call, "a user")?, call)).transpose()
    }

    pub(super) async fn tokens(&self, user: &str) -> Result<Vec<Token>, CallError> {
        let name = "GET users/{userKey}/tokens";
        let sent: Vec<SentToken> = self.list(Call::get(&["users", user, "tokens"]), TOKENS, name).await?;
        let token = |sent: SentToken| {
            let client = need(sent.client_id, name, "clientId")?;
            let (shown, scopes) = (sent.display_text, sent.scopes.unwrap_or_default());
            Ok(Token { name: shown.unwrap_or_else(|| client.clone()), scopes, client })
        };
        sent.into_iter().map(token).collect()
    }

    pub(super) async fn passwords(&self, user: &str) -> Result<Vec<Password>, CallError> {
        let name = "GET users/{userKey}/asps";
        let sent: Vec<SentPassword> = self.list(Call::get(&["users", user, "asps"]), PASSWORDS, name).await?;
        let password = |sent: SentPassword| {
            let id = need(number(sent.code_id), name, "codeId")?;
            Ok(Password { name: sent.name.unwrap_or_else(|| id.clone()), id })
        };
        sent.into_iter().map(password).collect()
    }

    /// How many backup codes there are. The codes themselves are not asked for.
    pub(super) async fn codes(&self, user: &str) -> Result<usize, CallError> {
        let call = Call::get(&["users", user, "verificationCodes"])
            .query("fields", "kind,nextPageToken,items(userId)");
        let sent: Vec<Value> = self.list(call, CODES, "GET users/{userKey}/verificationCodes").await?;
        Ok(sent.len())
    }

    /// Groups that the user is in by itself.
    pub(super) async fn groups(&self, user: &str) -> Result<Vec<Group>, CallError> {
        let call = Call::get(&["groups"]).query("userKey", user).query("maxResults", "200");
        let sent: Vec<SentGroup> = self.list(call, GROUPS, "GET groups").await?;
        let group = |sent: SentGroup| {
            let (id, email) = (need(sent.id, "GET groups", "id")?, sent.email.unwrap_or_default());
            let name = [sent.name, Some(email.clone())].into_iter().flatten().find(|name| !name.is_empty());
            Ok(Group { name: name.unwrap_or_else(|| id.clone()), id, email })
        };
        sent.into_iter().map(group).collect()
    }

    /// How somebody is in a group; `None` where it is not.
    pub(super) async fn member(&self, group: &str, user: &str) -> Result<Option<Member>, CallError> {
        let call = "GET groups/{groupKey}/members/{memberKey}";
        let read = self.transport.read(&Call::get(&["groups", group, "members", user])).await;
        let member = |reply: Reply| {
            let sent: SentMember = read_as(&reply, call, "a member")?;
            let role = need(sent.role, call, "role")?;
            Ok(Member { role, delivery_settings: sent.delivery_settings })
        };
        there(read)?.map(member).transpose()
    }

    /// Roles of the user, and those of its groups.
    pub(super) async fn assignments(&self, user: &str) -> Result<Vec<Assignment>, CallError> {
        let name = "GET roleassignments";
        let call = Call::get(&["customer", CUSTOMER, "roleassignments"]).query("userKey", user);
        let call = call.query("includeIndirectRoleAssignments", "true").query("maxResults", "200");
        let sent: Vec<SentAssignment> = self.list(call, ASSIGNMENTS, name).await?;
        let assignment = |sent: SentAssignment| {
            Ok(Assignment {
                id: need(number(sent.role_assignment_id), name, "roleAssignmentId")?,
                given: Given {
                    role_id: need(number(sent.role_id), name, "roleId")?,
                    scope_type: need(sent.scope_type, name, "scopeType")?,
                    org_unit_id: sent.org_unit_id.filter(|unit| !unit.is_empty()),
                    condition: sent.condition.filter(|condition| !condition.is_empty()),
                },
                assigned_to: need(sent.assigned_to, name, "assignedTo")?,
            })
        };
        sent.into_iter().map(assignment).collect()
    }

    /// All roles there are.
    pub(super) async fn roles(&self) -> Result<Vec<Role>, CallError> {
        let call = Call::get(&["customer", CUSTOMER, "roles"]).query("maxResults", "100");
        let sent: Vec<SentRole> = self.list(call, ROLES, "GET roles").await?;
        let role = |sent: SentRole| {
            let id = need(number(sent.role_id), "GET roles", "roleId")?;
            let is_super = sent.is_super_admin_role == Some(true);
            Ok(Role { name: sent.role_name.unwrap_or_else(|| id.clone()), is_super, id })
        };
        sent.into_iter().map(role).collect()
    }

    pub(super) async fn set_suspended(&self, user: &str, to: bool, key: &str) -> Result<(), CallError> {
        self.change(Call::put(&["users", user]).json(json!({ "suspended": to })), key).await
    }

    pub(super) async fn set_admin(&self, user: &str, to: bool, key: &str) -> Result<(), CallError> {
        self.change(Call::post(&["users", user, "makeAdmin"]).json(json!({ "status": to })), key).await
    }

    pub(super) async fn sign_out(&self, user: &str, key: &str) -> Result<(), CallError> {
        self.change(Call::post(&["users", user, "signOut"]), key).await
    }

    pub(super) async fn turn_off_two_step(&self, user: &str, key: &str) -> Result<(), CallError> {
        self.change(Call::post(&["users", user, "twoStepVerification", "turnOff"]), key).await
    }

    pub(super) async fn invalidate_codes(&self, user: &str, key: &str) -> Result<(), CallError> {
        self.change(Call::post(&["users", user, "verificationCodes", "invalidate"]), key).await
    }

    pub(super) async fn delete_token(&self, user: &str, client: &str, key: &str) -> Result<(), CallError> {
        gone(self.change(Call::delete(&["users", user, "tokens", client]), key).await, is_missing)
    }

    pub(super) async fn delete_password(&self, user: &str, id: &str, key: &str) -> Result<(), CallError> {
        gone(self.change(Call::delete(&["users", user, "asps", id]), key).await, is_missing)
    }

    pub(super) async fn leave(&self, group: &str, user: &str, key: &str) -> Result<(), CallError> {
        gone(self.change(Call::delete(&["groups", group, "members", user]), key).await, is_missing)
    }

    /// By the address that the user has now: a new member is named by it.
    pub(super) async fn join(
        &self,
        group: &str,
        user: &str,
        member: &Member,
        key: &str,
    ) -> Result<(), CallError> {
        let missing = || CallError::NotSent { what: format!("Google knows no user {user} any more") };
        let email = self.user(user).await?.ok_or_else(missing)?.email;
        let mut body = json!(member);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("email".into(), email.into());
        }
        self.change(Call::post(&["groups", group, "members"]).json(body), key).await
    }

    pub(super) async fn take_role(&self, assignment: &str, key: &str) -> Result<(), CallError> {
        let call = Call::delete(&["customer", CUSTOMER, "roleassignments", assignment]);
        gone(self.change(call, key).await, is_missing)
    }

    pub(super) async fn give_role(&self, user: &str, given: &Given, key: &str) -> Result<(), CallError> {
        let mut body = json!(given);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("assignedTo".into(), user.into());
        }
        self.change(Call::post(&["customer", CUSTOMER, "roleassignments"]).json(body), key).await
    }

    async fn change(&self, call: Call, key: &str) -> Result<(), CallError> {
        self.transport.change(&call, key).await.map(drop)
    }

    async fn list<T: DeserializeOwned + Send>(
        &self,
        call: Call,
        of: ListOf,
        name: &str,
    ) -> Result<Vec<T>, CallError> {
        let mut all = Vec::new();
        let take = |reply: &Reply| {
            let (rows, next) = page_of(reply.json()?, of, name)?;
            all.extend(rows);
            Ok(next.map_or(Next::Done, |token| Next::Query("pageToken", token)))
        };
        self.transport.pages(call, take).await?;
        Ok(all)
    }
}

/// The rows of a page, and where the next is. One without rows has no key for them, so it has to say what it is: anything
/// else must not be taken for an empty list.
pub(super) fn page_of<T: DeserializeOwned>(
    mut page: Value,
    of: ListOf,
    name: &str,
) -> Result<(Vec<T>, Option<String>), CallError> {
    let lost = |what: String| CallError::Lost { what: format!("{name}: {what}") };
    if page.get("kind").and_then(Value::as_str) != Some(of.kind) {
        return Err(lost(format!("the answer is not {}", of.kind)));
    }
    let rows = page.get_mut(of.key).map(Value::take).map(serde_json::from_value);
    let rows = rows
        .transpose()
        .map_err(|error| lost(format!("the answer is not a list ({:?})", error.classify())))?;
    let next = match page.get("nextPageToken") {
        None | Some(Value::Null) => None,
        Some(Value::String(token)) => Some(token.clone()).filter(|token| !token.is_empty()),
        Some(_) => return Err(lost("where the next page is cannot be read".to_owned())),
    };
    Ok((rows.unwrap_or_default(), next))
}

/// A text in a search: a quote has a backslash before it.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn is_missing(error: &CallError) -> bool {
    error.is_missing(NOT_FOUND)
}

/// What a read of one thing gave, where it is there.
fn there(read: Result<Reply, CallError>) -> Result<Option<Reply>, CallError> {
    match read {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn user_of(sent: SentUser, call: &str) -> Result<User, CallError> {
    let further = sent.aliases.into_iter().chain(sent.non_editable_aliases);
    Ok(User {
        id: need(sent.id, call, "id")?,
        email: need(sent.primary_email, call, "primaryEmail")?,
        aliases: further.flatten().collect(),
        suspended: need(sent.suspended, call, "suspended")?,
        admin: need(sent.is_admin, call, "isAdmin")?,
        enrolled: sent.is_enrolled,
        enforced: sent.is_enforced == Some(true),
    })
}
