//! What Okta sends, as far as it matters here. Everything but identifiers may be missing or null.

use serde::{Deserialize, Serialize};

use super::super::support::lenient;

/// `GET /users/{id}`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentUser {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) status: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) profile: Option<Profile>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) credentials: Option<Credentials>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Profile {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) login: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Credentials {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) provider: Option<Source>,
    #[serde(rename = "userName", default, deserialize_with = "lenient")]
    pub(super) user_name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Source {
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
}

/// `GET /users/{id}/groups`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentGroup {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) profile: Option<Profile>,
}

/// An element of a list of which only the identifier matters: groups of an app, grants.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Listed {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) status: Option<String>,
}

/// `GET /groups/rules`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentRule {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) conditions: Option<RuleConditions>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) actions: Option<RuleActions>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct RuleConditions {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) people: Option<RulePeople>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct RulePeople {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) users: Option<RuleUsers>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct RuleUsers {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) exclude: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct RuleActions {
    #[serde(rename = "assignUserToGroups", default, deserialize_with = "lenient")]
    pub(super) assign: Option<RuleGroups>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct RuleGroups {
    #[serde(rename = "groupIds", default, deserialize_with = "lenient")]
    pub(super) groups: Option<Vec<String>>,
}

/// `GET /apps/{app}/users/{id}`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentAssignment {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) scope: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) credentials: Option<Credentials>,
}

/// `GET /api-tokens`. The token itself is never sent.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentToken {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    #[serde(rename = "userId", default, deserialize_with = "lenient")]
    pub(super) user: Option<String>,
}

/// `GET /users/{id}/roles`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct SentRole {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) label: Option<String>,
    #[serde(rename = "assignmentType", default, deserialize_with = "lenient")]
    pub(super) assignment: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) role: Option<String>,
    #[serde(rename = "resource-set", default, deserialize_with = "lenient")]
    pub(super) resource_set: Option<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) login: String,
    pub(super) email: Option<String>,
    pub(super) status: String,
    /// Where the account comes from, unless it is Okta's own.
    pub(super) source: Option<String>,
}

/// A group of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: String,
}

/// A rule that fills groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) groups: Vec<String>,
    /// Users that it leaves out.
    pub(super) excluded: Vec<String>,
}

/// How the user has the application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Assignment {
    /// Through a group, and not to be taken away from the user alone.
    pub(super) by_group: bool,
    pub(super) user_name: Option<String>,
}

/// An API token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Token {
    pub(super) id: String,
    pub(super) name: String,
}

/// What makes an administrator's role the same one when it is given again: its identifier is new each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RoleKind {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Of custom roles.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) role: Option<String>,
    /// Of custom roles.
    #[serde(rename = "resource-set", skip_serializing_if = "Option::is_none", default)]
    pub(super) resource_set: Option<String>,
}

/// A role of an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Role {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) by_group: bool,
    pub(super) kind: RoleKind,
}
