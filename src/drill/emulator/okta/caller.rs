//! Who is asking, and what admin roles let them do.

use super::state::{State, Status};
use super::{Moment, Refusal, Request, Tenant};

/// Somebody whose token holds.
pub(super) struct Caller {
    /// Id of the person whose rights the token has.
    pub(super) user: Option<String>,
    /// Id of the API token, which the log names.
    pub(super) token: Option<String>,
}

/// What a request needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// To look at people, groups and applications.
    Read,
    /// To change the life of people.
    Users,
    /// To end sessions and OAuth tokens.
    Sessions,
    /// To change members of groups.
    Groups,
    /// To change assignments of applications.
    Apps,
    /// To see and revoke API tokens.
    Tokens,
    /// To change admin roles.
    Roles,
    /// To read the log.
    Log,
}

/// Finds the caller by the header `Authorization: SSWS token`, or `Bearer`.
pub(super) fn find(tenant: &Tenant, request: &Request, moment: &Moment<'_>) -> Result<Caller, Refusal> {
    let invalid = || Refusal::new(401, "E0000011", "Invalid token provided");
    let header = request.header("authorization").unwrap_or_default();
    let (scheme, secret) = header.split_once(' ').ok_or_else(invalid)?;
    let state = &tenant.okta;
    let (user, token) = if scheme.eq_ignore_ascii_case("ssws") {
        let (id, token) =
            state.tokens.iter().find(|(_, token)| token.secret == secret).ok_or_else(invalid)?;
        (token.user.clone(), Some(id.clone()))
    } else if scheme.eq_ignore_ascii_case("bearer") {
        (state.bearers.get(secret).ok_or_else(invalid)?.clone(), None)
    } else {
        return Err(invalid());
    };
    let works = match state.users.get(&user).map(|user| user.status) {
        None | Some(Status::Deprovisioned | Status::Staged) => false,
        Some(Status::Suspended) => moment.switches.okta.suspended_tokens_work,
        Some(_) => true,
    };
    if works { Ok(Caller { user: Some(user), token }) } else { Err(invalid()) }
}

impl Caller {
    /// Refuses what the caller's admin roles do not allow. People with admin roles are for super administrators.
    pub(super) fn needs(&self, tenant: &Tenant, need: Need, about: Option<&str>) -> Result<(), Refusal> {
        let held = self.user.as_deref().map(|user| roles(&tenant.okta, user)).unwrap_or_default();
        let is_super = held.contains(&"SUPER_ADMIN");
        let protected = matches!(need, Need::Users | Need::Sessions | Need::Groups)
            && about.is_some_and(|user| !roles(&tenant.okta, user).is_empty());
        let allowed = is_super || !protected && held.iter().any(|role| allows(role, need));
        if allowed { Ok(()) } else { Err(Refusal::forbidden()) }
    }
}

fn roles<'a>(state: &'a State, user: &str) -> Vec<&'a str> {
    state
        .users
        .get(user)
        .map(|user| user.roles.values().map(|role| role.kind.as_str()).collect())
        .unwrap_or_default()
}

fn allows(role: &str, need: Need) -> bool {
    match role {
        "ORG_ADMIN" => need != Need::Roles,
        "USER_ADMIN" => matches!(need, Need::Read | Need::Users | Need::Sessions | Need::Groups),
        "APP_ADMIN" => matches!(need, Need::Read | Need::Apps),
        "HELP_DESK_ADMIN" => matches!(need, Need::Read | Need::Sessions),
        "READ_ONLY_ADMIN" => matches!(need, Need::Read | Need::Log | Need::Tokens),
        "REPORT_ADMIN" => need == Need::Log,
        _ => false,
    }
}
