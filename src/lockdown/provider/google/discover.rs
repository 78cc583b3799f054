//! Reads what an account holds in Google Workspace.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::super::person::{Refused, allowed, seen};
use super::Google;
use super::api::quoted;
use super::steps::{Maker, person};
use super::wire::{Assignment, Group, Password, Role, Token, User};
use crate::lockdown::http::CallError;
use crate::lockdown::operation::Ask;
use crate::lockdown::provider::{Discovery, Guard, Presence, Target};

/// What one user holds.
struct Held {
    /// How many backup codes.
    codes: Refused<usize>,
    tokens: Refused<Vec<Token>>,
    passwords: Refused<Vec<Password>>,
    groups: Refused<Vec<Group>>,
    assignments: Refused<Vec<Assignment>>,
}

pub(super) async fn discover(google: &Google, target: &Target) -> Result<Discovery, CallError> {
    let (email, mut found) = (target.email.as_str(), Discovery::default());
    let users = users(google, email, &mut found).await?;
    found.presence = Presence::of(&users);
    if users.is_empty() {
        found.notes.push(format!("{}: no user signs in by the address {email}", google.name));
        return Ok(found);
    }
    if users.len() > 1 {
        let names: Vec<&str> = users.iter().map(|user| user.email.as_str()).collect();
        found.notes.push(format!("{}: {email} belongs to {}: all are meant", google.name, names.join(", ")));
    }
    guard(google, &users, &mut found).await?;
    if google.groups.is_empty() {
        let note = "the configuration names no `groups`: memberships stay, also of those that give Mixpanel";
        found.notes.push(format!("{}: {note}", google.name));
    }
    let roles = allowed(google.api.roles().await)?;
    let held = try_join_all(users.iter().map(|user| held(google, user))).await?;
    let mut snapshots = Vec::new();
    for (user, held) in users.iter().zip(&held) {
        snapshots.push(snapshot(user, held));
        let make = Maker::new(&google.name, user);
        block(google, &make, held, &mut found);
        end_sessions(&make, held, &mut found);
        take_roles(google, &make, held, &roles, &mut found);
        take_groups(google, &make, held, &mut found);
        // Who leaves is not suspected to sit in a session.
        found.guided.push(make.look_after_the_hour(target.ask == Ask::ShutOut));
        found.guided.push(make.before_it_comes_back());
    }
    found.snapshot = json!({ "users": snapshots, "roles": seen(&roles) });
    Ok(found)
}

/// Everyone who signs in by this address, each read by itself: a search knows only later what is new, and tells contact
/// addresses too.
async fn users(google: &Google, email: &str, found: &mut Discovery) -> Result<Vec<User>, CallError> {
    let query = format!("email={}", quoted(email));
    let (searched, named) = tokio::join!(google.api.users(&query), google.api.user(email));
    let (searched, named) = (searched?, allowed(named)?);
    let known = named.as_ref().ok().and_then(Option::as_ref).map(|user| user.id.clone());
    let ids = searched.into_iter().map(|user| user.id).filter(|id| Some(id) != known.as_ref());
    let mut users = BTreeMap::new();
    let read = try_join_all(ids.map(|id| async move { google.api.user(&id).await })).await?;
    users.extend(read.into_iter().flatten().map(|user| (user.id.clone(), user)));
    match named {
        Ok(user) => users.extend(user.map(|user| (user.id.clone(), user))),
        Err(why) if !users.values().any(|user| user.is_called(email)) => {
            person(&google.name, email, email).gap("account", true, &why, found);
        }
        Err(_) => {}
    }
    let (called, others): (Vec<User>, Vec<User>) =
        users.into_values().partition(|user| user.is_called(email));
    for User { email: other, .. } in others {
        let note = format!("{}: {email} is a contact address of {other}, which is left alone", google.name);
        found.notes.push(note);
    }
    Ok(called)
}

/// Neither the credential's administrator nor the last super administrator is shut out.
async fn guard(google: &Google, users: &[User], found: &mut Discovery) -> Result<(), CallError> {
    let system = google.name.clone();
    if users.iter().any(|user| user.id == google.admin || user.is_called(&google.admin)) {
        let owner = google.admin.clone();
        found.guards.push(Guard::OwnCredential { system: system.clone(), owner });
    }
    let Some(admin) = users.iter().find(|user| user.admin && !user.suspended) else { return Ok(()) };
    let (searched, own) = tokio::join!(google.api.users("isAdmin=true"), google.api.user(&google.admin));
    let (searched, own) = (allowed(searched)?, allowed(own)?);
    let mut all = searched.iter().flatten().chain(own.iter().flatten());
    let is_other =
        |user: &User| user.admin && !user.suspended && users.iter().all(|meant| meant.id != user.id);
    if !all.any(is_other) {
        match searched {
            Ok(_) => found.guards.push(Guard::LastOwner { system, account: admin.email.clone() }),
            Err(why) => {
                let note = "whether there is another super administrator cannot be told";
                found.notes.push(format!("{system}: {note}: {why}"));
            }
        }
    }
    Ok(())
}

async fn held(google: &Google, user: &User) -> Result<Held, CallError> {
    let (api, id) = (&google.api, user.id.as_str());
    let (codes, tokens, passwords, groups, assignments) =
        tokio::join!(api.codes(id), api.tokens(id), api.passwords(id), api.groups(id), api.assignments(id));
    Ok(Held {
        codes: allowed(codes)?,
        tokens: allowed(tokens)?,
        passwords: allowed(passwords)?,
        groups: allowed(groups)?,
        assignments: allowed(assignments)?,
    })
}

fn snapshot(user: &User, held: &Held) -> Value {
    json!({
        "user": user,
        "backupCodes": seen(&held.codes),
        "tokens": seen(&held.tokens),
        "appPasswords": seen(&held.passwords),
        "groups": seen(&held.groups),
        "roleAssignments": seen(&held.assignments),
    })
}

/// Second factors first: Google takes them from nobody who is suspended.
fn block(google: &Google, make: &Maker<'_>, held: &Held, found: &mut Discovery) {
    let user = make.user;
    if user.suspended {
        return;
    }
    match &held.codes {
        Ok(0) => {}
        Ok(_) => found.steps.push(make.invalidate_codes()),
        Err(why) => make.person.gap("backup codes", false, why, found),
    }
    if user.enrolled == Some(true) && user.enforced {
        let note = "has to have second factors, so Google does not take them away: they stay until somebody removes them";
        found.notes.push(format!("{}: {} {note}", google.name, user.email));
    } else if user.enrolled == Some(true) {
        found.steps.push(make.turn_off_two_step());
    }
    found.steps.push(make.suspend());
}

fn end_sessions(make: &Maker<'_>, held: &Held, found: &mut Discovery) {
    found.steps.push(make.sign_out());
    match &held.tokens {
        Ok(tokens) => found.steps.extend(tokens.iter().map(|token| make.delete_token(token))),
        Err(why) => make.person.gap("tokens of applications", true, why, found),
    }
    match &held.passwords {
        Ok(passwords) => found.steps.extend(passwords.iter().map(|one| make.delete_password(one))),
        Err(why) => make.person.gap("app passwords", true, why, found),
    }
}

/// The role of a super administrator is the user's own, whatever the list of roles has.
fn take_roles(
    google: &Google,
    make: &Maker<'_>,
    held: &Held,
    roles: &Refused<Vec<Role>>,
    found: &mut Discovery,
) {
    if make.user.admin {
        found.steps.push(make.demote());
    }
    let (assignments, roles) = match (&held.assignments, roles) {
        (Ok(assignments), Ok(roles)) => (assignments, roles),
        (Err(why), _) | (_, Err(why)) => {
            return make.person.gap("administrator roles", false, why, found);
        }
    };
    for one in assignments {
        let role = roles.iter().find(|role| role.id == one.given.role_id);
        let name = role.map_or(one.given.role_id.as_str(), |role| role.name.as_str());
        if one.assigned_to != make.user.id {
            let note = "through a group, which is left alone unless `groups` names it";
            found.notes.push(format!("{}: {} has the role {name} {note}", google.name, make.user.email));
        } else if !role.is_some_and(|role| role.is_super) {
            found.steps.push(make.take_role(name, one));
        }
    }
}

/// Which groups give an application, no API of Google's tells.
fn take_groups(google: &Google, make: &Maker<'_>, held: &Held, found: &mut Discovery) {
    match &held.groups {
        Ok(groups) => {
            found.steps.extend(groups.iter().filter(|one| google.names(one)).map(|group| make.leave(group)));
        }
        Err(why) => make.person.gap("groups", false, why, found),
    }
}
