//! Reads what an account holds in Okta.

use std::collections::BTreeSet;

use futures_util::future::{join_all, try_join_all};
use serde_json::{Value, json};

use super::Okta;
use super::action::is_blocked;
use super::steps::{Maker, limits_of};
use super::wire::{Assignment, Group, Role, Rule, Token, User};
use crate::lockdown::http::CallError;
use crate::lockdown::provider::{Discovery, Guard, Presence};
use crate::lockdown::step::{Gap, Guided, Step};

/// What was refused: it is left to a person, and everything else goes on.
type Refused<T> = Result<T, String>;

/// What one user holds.
struct Held {
    groups: Refused<Vec<Group>>,
    grants: Refused<Vec<String>>,
    tokens: Refused<Vec<Token>>,
    roles: Refused<Vec<(Role, Option<bool>)>>,
    assignment: Refused<Option<Assignment>>,
}

/// What is the same for all users.
struct Shared {
    rules: Refused<Vec<Rule>>,
    app_groups: Refused<Vec<String>>,
}

pub(super) async fn discover(okta: &Okta, email: &str) -> Result<Discovery, CallError> {
    let mut found = Discovery::default();
    let users = users(okta, email).await?;
    found.presence = Presence::of(&users);
    if users.is_empty() {
        found.notes.push(format!("{}: no user has the login or the e-mail address {email}", okta.name));
        return Ok(found);
    }
    if users.len() > 1 {
        let logins: Vec<&str> = users.iter().map(|user| user.login.as_str()).collect();
        found.notes.push(format!("{}: {email} belongs to {}: all are meant", okta.name, logins.join(", ")));
    }
    guard(okta, &users, &mut found).await?;
    let shared = Shared {
        rules: allowed(okta.api.rules().await)?,
        app_groups: match &okta.app {
            Some(app) => allowed(okta.api.app_groups(app).await)?,
            None => Ok(Vec::new()),
        },
    };
    if okta.app.is_none() {
        found.notes.push(format!(
            "{}: the configuration names no `app`: who has the application is not looked at",
            okta.name
        ));
    }
    let held = try_join_all(users.iter().map(|user| held(okta, user))).await?;
    let mut snapshots = Vec::new();
    for (user, held) in users.iter().zip(&held) {
        snapshots.push(snapshot(user, held));
        plan(okta, user, held, &shared, &mut found);
    }
    found.snapshot =
        json!({"users": snapshots, "rules": shared.rules.ok(), "appGroups": shared.app_groups.ok()});
    Ok(found)
}

/// Everyone with this login or e-mail address, each read by id: the search lags behind.
async fn users(okta: &Okta, email: &str) -> Result<Vec<User>, CallError> {
    // Such a login can only be found by the search.
    let by_login = if email.contains('/') { None } else { okta.api.user(email).await? };
    let mut ids: BTreeSet<String> = okta.api.search(email).await?.into_iter().collect();
    if let Some(user) = &by_login {
        ids.remove(&user.id);
    }
    let read = try_join_all(ids.iter().map(|id| okta.api.user(id))).await?;
    let is_meant = |user: &User| {
        let names = [Some(&user.login), user.email.as_ref()];
        names.into_iter().flatten().any(|name| name.to_lowercase() == email.to_lowercase())
    };
    Ok(by_login.into_iter().chain(read.into_iter().flatten()).filter(is_meant).collect())
}

/// The credential must not be the account's.
async fn guard(okta: &Okta, users: &[User], found: &mut Discovery) -> Result<(), CallError> {
    match allowed(okta.api.me().await)? {
        Ok(me) if users.iter().any(|user| user.id == me.id) => {
            found.guards.push(Guard::OwnCredential { system: okta.name.clone(), owner: me.login });
        }
        Ok(_) => {}
        Err(why) => {
            found
                .notes
                .push(format!("{}: whose credential Portcullis uses cannot be told: {why}", okta.name));
        }
    }
    Ok(())
}

async fn held(okta: &Okta, user: &User) -> Result<Held, CallError> {
    let id = user.id.as_str();
    let assignment = async {
        match &okta.app {
            Some(app) => okta.api.assignment(app, id).await,
            None => Ok(None),
        }
    };
    let (groups, grants, tokens, roles, assignment) = tokio::join!(
        okta.api.groups(id),
        okta.api.grants(id),
        okta.api.tokens(id),
        roles(okta, id),
        assignment
    );
    Ok(Held {
        groups: allowed(groups)?,
        grants: allowed(grants)?,
        tokens: allowed(tokens)?,
        roles: allowed(roles)?,
        assignment: allowed(assignment)?,
    })
}

/// Roles, and whether each is limited, where that can be read.
async fn roles(okta: &Okta, user: &str) -> Result<Vec<(Role, Option<bool>)>, CallError> {
    let roles = okta.api.roles(user).await?;
    let limited = roles.into_iter().map(|role| async move {
        let limited = match limits_of(&role) {
            Some(of) => allowed(okta.api.targets(user, &role.id, of).await)?.ok().map(|targets| targets > 0),
            None => Some(false),
        };
        Ok((role, limited))
    });
    join_all(limited).await.into_iter().collect()
}

/// A refusal is an answer; anything else is none, and the pass is not complete.
fn allowed<T>(result: Result<T, CallError>) -> Result<Refused<T>, CallError> {
    match result {
        Ok(found) => Ok(Ok(found)),
        Err(error @ CallError::Refused { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

fn snapshot(user: &User, held: &Held) -> Value {
    let roles = held.roles.as_ref().ok().map(|roles| roles.iter().map(|(role, _)| role).collect::<Vec<_>>());
    json!({
        "user": user,
        "groups": held.groups.as_ref().ok(),
        "grants": held.grants.as_ref().ok(),
        "apiTokens": held.tokens.as_ref().ok(),
        "roles": roles,
        "assignment": held.assignment.as_ref().ok(),
    })
}

fn plan(okta: &Okta, user: &User, held: &Held, shared: &Shared, found: &mut Discovery) {
    let make = Maker { system: &okta.name, user };
    if user.status == "DEPROVISIONED" {
        found
            .notes
            .push(format!("{}: {} is DEPROVISIONED: there is nothing to take away", okta.name, user.login));
        return;
    }
    block(okta, &make, found);
    found.steps.push(make.end_sessions());
    match &held.grants {
        Ok(grants) if grants.is_empty() => {}
        Ok(grants) => found.steps.push(make.revoke_grants(grants.len())),
        Err(why) => gap(&make, "grants", false, why, found),
    }
    match &held.tokens {
        Ok(tokens) => found.steps.extend(tokens.iter().map(|token| make.delete_token(token))),
        Err(why) => gap(&make, "API tokens", true, why, found),
    }
    match &held.roles {
        Ok(roles) => take_roles(okta, &make, roles, found),
        Err(why) => gap(&make, "administrator roles", false, why, found),
    }
    take_app(okta, &make, held, shared, found);
}

fn block(okta: &Okta, make: &Maker<'_>, found: &mut Discovery) {
    let user = make.user;
    if user.status == "ACTIVE" {
        found.steps.push(make.suspend());
    } else if !is_blocked(&user.status) {
        // Nobody's word stands in for the status: the gap is open until Okta itself says that the account is blocked.
        let what = format!("that {} is blocked: it is {}, and can come back", user.login, user.status);
        found.gaps.push(Gap { what, guided: None });
        found.guided.push(make.guided(
            "suspend",
            true,
            format!("Block {}: it is {} and can come back", user.login, user.status),
            format!(
                "Okta suspends only ACTIVE accounts, and a deactivation takes applications away for good. In the Admin \
                 Console, Directory > People > {}: {}, and run this again at once: it suspends the account and ends its \
                 sessions once more. The verdict stays UNKNOWN until Okta says that the account is blocked.",
                user.login,
                way_to_active(&user.status)
            ),
        ));
    }
    let from = match &user.source {
        Some(source) => {
            format!("it comes from {source}: disable it there too, or the next sign-in or import")
        }
        None => "an import from a directory or HR system, or just-in-time provisioning,".to_owned(),
    };
    found
        .notes
        .push(format!("{}: {}: {from} may bring it back; verify reads it again", okta.name, user.login));
}

fn way_to_active(status: &str) -> &'static str {
    match status {
        "LOCKED_OUT" => "unlock it",
        "PASSWORD_EXPIRED" => "set a new random password that nobody knows",
        "RECOVERY" => "end the recovery by a new random password that nobody knows",
        "STAGED" | "PROVISIONED" => {
            "cancel its activation by deactivating it, or activate it with a random password"
        }
        _ => "make it ACTIVE",
    }
}

fn take_roles(okta: &Okta, make: &Maker<'_>, roles: &[(Role, Option<bool>)], found: &mut Discovery) {
    for (role, limited) in roles {
        if role.by_group {
            found.notes.push(format!(
                "{}: {} is {} through a group, which is left alone unless it is named in `groups`",
                okta.name, make.user.login, role.label
            ));
        } else {
            found.steps.push(make.remove_role(role, *limited));
        }
    }
}

/// The application, and the groups that give it.
fn take_app(okta: &Okta, make: &Maker<'_>, held: &Held, shared: &Shared, found: &mut Discovery) {
    if let Err(why) = &shared.app_groups {
        gap(make, "groups of the application", false, why, found);
    }
    let given = shared.app_groups.as_deref().unwrap_or_default();
    let (mut left, mut kept) = (Vec::new(), Vec::new());
    for group in held.groups.as_deref().unwrap_or_default() {
        let gives_app = given.contains(&group.id);
        if !gives_app && !okta.groups.iter().any(|name| *name == group.id || *name == group.name) {
            continue;
        }
        match leave(make, group, gives_app, shared) {
            Ok(step) => {
                left.extend(gives_app.then(|| step.id.clone()));
                found.steps.push(step);
            }
            Err(guided) => {
                kept.extend(gives_app.then_some(group));
                found.guided.push(guided);
            }
        }
    }
    if let Err(why) = &held.groups {
        gap(make, "groups", false, why, found);
    }
    match (&held.assignment, &okta.app) {
        // While a group gives it, Okta refuses to take it from one person; what the group gave goes with the group.
        (Ok(Some(assignment)), Some(app)) if kept.is_empty() && !assignment.by_group => {
            found.steps.push(Step { needs: left, ..make.unassign(app) });
        }
        (Ok(Some(_)), Some(app)) if kept.is_empty() && left.is_empty() => found.guided.push(make.guided(
            "assignment",
            false,
            format!("Take the application from {}", make.user.login),
            format!("A group that cannot be told gives the application {app}: remove the person from it."),
        )),
        (Ok(_), _) => {}
        (Err(why), _) => gap(make, "assignment of the application", false, why, found),
    }
}

/// The step that leaves a group, or what a person has to do where Okta does not keep its members.
#[expect(clippy::result_large_err, reason = "both outcomes are planned, and rare")]
fn leave(make: &Maker<'_>, group: &Group, gives_app: bool, shared: &Shared) -> Result<Step, Guided> {
    if group.kind != "OKTA_GROUP" {
        let how = if group.kind == "BUILT_IN" {
            "Everyone is in it: assign the application to other groups instead.".to_owned()
        } else {
            format!("Its members come from elsewhere ({}): remove the person there.", group.kind)
        };
        let title = format!("Take {} out of {}", make.user.login, group.name);
        return Err(make.guided(&format!("leave-{}", group.id), false, title, how));
    }
    let fills = |rule: &&Rule| rule.groups.contains(&group.id) && !rule.excluded.contains(&make.user.id);
    let filling: Option<Vec<&Rule>> =
        shared.rules.as_ref().ok().map(|rules| rules.iter().filter(fills).collect());
    Ok(make.leave(group, gives_app, filling.as_deref()))
}

/// What the credential may not read is left to a person; where it lets the account in, it is not known until then.
fn gap(make: &Maker<'_>, what: &str, required: bool, why: &str, found: &mut Discovery) {
    let title = format!("Look at the {what} of {}", make.user.login);
    let how = format!(
        "Portcullis may not read them ({why}): look in the Admin Console, and take away what is there."
    );
    let step = make.guided(&what.replace(' ', "-"), required, title, how);
    if required {
        let what = format!("{what} of {}: {why}", make.user.login);
        found.gaps.push(Gap { what, guided: Some(step.id.clone()) });
    }
    found.guided.push(step);
}
