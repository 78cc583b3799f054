//! Reads what an account holds in Entra.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::super::person::{Refused, allowed, seen};
use super::Entra;
use super::action::is_own;
use super::api::quoted;
use super::steps::Maker;
use super::wire::{Assignment, Grant, Kind, Membership, Owned, User};
use crate::lockdown::http::CallError;
use crate::lockdown::provider::{Discovery, Guard, Presence};
use crate::lockdown::step::{Guided, GuidedProof};

/// What one user holds.
struct Held {
    memberships: Refused<Vec<Membership>>,
    assignments: Refused<Vec<Assignment>>,
    grants: Refused<Vec<Grant>>,
    owned: Refused<Vec<Owned>>,
}

pub(super) async fn discover(entra: &Entra, email: &str) -> Result<Discovery, CallError> {
    let mut found = Discovery::default();
    let users = users(entra, email, &mut found).await?;
    found.presence = Presence::of(&users);
    if users.is_empty() {
        found.notes.push(format!("{}: no user has the name or an e-mail address {email}", entra.name));
        return Ok(found);
    }
    if users.len() > 1 {
        let logins: Vec<&str> = users.iter().map(|user| user.login.as_str()).collect();
        found.notes.push(format!("{}: {email} belongs to {}: all are meant", entra.name, logins.join(", ")));
    }
    guard(entra, &users, &mut found).await?;
    let given = match &entra.app {
        Some(app) => allowed(entra.api.assigned_to(app).await)?,
        None => Ok(Vec::new()),
    };
    if entra.app.is_none() {
        let note = "the configuration names no `app`: who has the application is not looked at";
        found.notes.push(format!("{}: {note}", entra.name));
    }
    let held = try_join_all(users.iter().map(|user| held(entra, user))).await?;
    let mut snapshots = Vec::new();
    for (user, held) in users.iter().zip(&held) {
        snapshots.push(snapshot(user, held));
        plan(entra, user, held, &given, &mut found);
    }
    found.snapshot = json!({ "users": snapshots, "assignedTo": seen(&given) });
    Ok(found)
}

/// Everyone with this name or address, each read by id: a search may lag behind. A guest's name is not the address.
async fn users(entra: &Entra, email: &str, found: &mut Discovery) -> Result<Vec<User>, CallError> {
    let address = quoted(email);
    let alias = quoted(&format!("smtp:{email}"));
    let (named, aliases, others) = tokio::join!(
        entra.api.users(format!("userPrincipalName eq {address} or mail eq {address}")),
        entra.api.users(format!("proxyAddresses/any(a:a eq {alias})")),
        entra.api.users(format!("otherMails/any(a:a eq {address})")),
    );
    let mut ids = BTreeSet::new();
    let further = [("aliases", allowed(aliases)?), ("further addresses", allowed(others)?)];
    let mut all = named?;
    for (what, read) in further {
        match read {
            Ok(users) => all.extend(users),
            Err(why) => unsearched(entra, email, what, &why, found),
        }
    }
    for user in all {
        ids.insert(user.id);
    }
    let read = try_join_all(ids.iter().map(|id| entra.api.user(id))).await?;
    Ok(read.into_iter().flatten().collect())
}

/// Whoever has the address in this place alone was not found.
fn unsearched(entra: &Entra, email: &str, what: &str, why: &str, found: &mut Discovery) {
    let step = Guided {
        id: format!("{}/users-by-{}", entra.name, what.replace(' ', "-")),
        title: format!("Look for users that have {email} among their {what}"),
        who: "an administrator of the tenant".into(),
        how: format!(
            "Portcullis could not search the {what} of users ({why}). In the Microsoft Entra admin center, Users: search for the \
             address, and block the sign-in of users that have it."
        ),
        proof: GuidedProof::Attested,
        required: true,
    };
    let what = format!("users that have {email} among their {what}: {why}");
    found.look_by_hand(what, step);
}

/// The credential must not be the account's.
async fn guard(entra: &Entra, users: &[User], found: &mut Discovery) -> Result<(), CallError> {
    if entra.is_application() {
        return Ok(());
    }
    match allowed(entra.api.me().await)? {
        Ok(me) if users.iter().any(|user| user.id == me.id) => {
            found.guards.push(Guard::OwnCredential { system: entra.name.clone(), owner: me.login });
        }
        Ok(_) => {}
        Err(why) => {
            let note = format!("{}: no user that Portcullis acts for can be told: {why}", entra.name);
            found.notes.push(note);
        }
    }
    Ok(())
}

async fn held(entra: &Entra, user: &User) -> Result<Held, CallError> {
    let (api, id) = (&entra.api, user.id.as_str());
    let (memberships, assignments, grants, owned) =
        tokio::join!(api.memberships(id), api.assignments(id), api.grants(id), api.owned(id));
    Ok(Held {
        memberships: allowed(memberships)?,
        assignments: allowed(assignments)?,
        grants: allowed(grants)?,
        owned: allowed(owned)?,
    })
}

fn snapshot(user: &User, held: &Held) -> Value {
    json!({
        "user": user,
        "memberOf": seen(&held.memberships),
        "appRoleAssignments": seen(&held.assignments),
        "oauth2PermissionGrants": seen(&held.grants),
        "owned": seen(&held.owned),
    })
}

fn plan(entra: &Entra, user: &User, held: &Held, given: &Refused<Vec<Assignment>>, found: &mut Discovery) {
    let make = Maker::new(&entra.name, user);
    block(entra, &make, found);
    match &held.grants {
        Ok(grants) => found.steps.extend(grants.iter().map(|grant| make.revoke_grant(grant))),
        Err(why) => make.person.gap("consents", false, why, found),
    }
    match &held.owned {
        Ok(owned) => found.guided.extend(owned.iter().map(|app| make.look_at_owned(app))),
        Err(why) => make.person.gap("owned applications", true, why, found),
    }
    match &held.memberships {
        Ok(memberships) => take_memberships(entra, &make, memberships, given, found),
        Err(why) => make.person.gap("groups and roles", false, why, found),
    }
    match (&held.assignments, &entra.app) {
        (Ok(assignments), Some(app)) => {
            let own = assignments.iter().filter(|one| is_own(one, &user.id) && one.resource == *app);
            found.steps.extend(own.map(|assignment| make.unassign(assignment)));
        }
        (Ok(_), None) => {}
        (Err(why), _) => make.person.gap("assigned applications", false, why, found),
    }
    found.guided.push(make.before_it_comes_back());
}

fn block(entra: &Entra, make: &Maker<'_>, found: &mut Discovery) {
    let user = make.user;
    if user.enabled {
        found.steps.push(make.disable());
    }
    if user.synced {
        found.guided.push(make.disable_elsewhere());
    }
    if user.guest {
        found.notes.push(format!(
            "{}: {} is a guest: its sessions begin in its own organization, where Entra does not end them; tell that \
             organization. Here a guest that is disabled gets no new token",
            entra.name, user.login
        ));
    } else {
        found.steps.push(make.end_sessions());
    }
}

/// Roles, the groups that give the application, and those that the configuration names.
fn take_memberships(
    entra: &Entra,
    make: &Maker<'_>,
    memberships: &[Membership],
    given: &Refused<Vec<Assignment>>,
    found: &mut Discovery,
) {
    if let Err(why) = given {
        make.person.gap("groups of the application", false, why, found);
    }
    let given = given.as_deref().unwrap_or_default();
    let gives = |id: &str| given.iter().any(|one| one.principal_type == "Group" && one.principal == id);
    for one in memberships {
        let (gives_app, named) = (gives(&one.id), entra.names(one));
        match &one.kind {
            Kind::Role => found.steps.push(make.remove_role(one)),
            _ if !gives_app && !named => {}
            Kind::Group => found.steps.push(make.leave(one, gives_app)),
            Kind::Dynamic(rule) => found.guided.push(make.person.stays(
                &one.id,
                &one.name,
                &format!(
                    "Its rule decides who is in it, and no API changes that: change the rule, or what it goes by ({rule})."
                ),
            )),
            Kind::Synced => found.guided.push(make.person.stays(
                &one.id,
                &one.name,
                "It is synchronized from another directory: remove the person there.",
            )),
            Kind::Other => {}
        }
    }
    if memberships.iter().any(|one| one.kind == Kind::Role) {
        found.notes.push(format!(
            "{}: {} is an administrator: Entra lets only a credential with a role of its own disable administrators",
            entra.name, make.user.login
        ));
    }
}
