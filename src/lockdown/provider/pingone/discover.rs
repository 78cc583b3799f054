//! Reads what an account holds in PingOne, and says what ends it.

use futures_util::future::try_join_all;
use serde_json::json;

use super::super::person::{Person, Refused, allowed, seen};
use super::PingOne;
use super::action::Action;
use super::wire::{Membership, Role, User};
use crate::lockdown::http::CallError;
use crate::lockdown::provider::{Discovery, Guard, Presence};
use crate::lockdown::step::{Object, Phase, Step, Undo};

/// What one user holds.
struct Held {
    sessions: Refused<Vec<String>>,
    memberships: Refused<Vec<Membership>>,
    roles: Refused<Vec<Role>>,
}

pub(super) async fn discover(ping: &PingOne, email: &str) -> Result<Discovery, CallError> {
    let mut found = Discovery::default();
    let users = users(ping, email).await?;
    found.presence = Presence::of(&users);
    if users.is_empty() {
        found.notes.push(format!("{}: no user has the name or the e-mail address {email}", ping.name));
        return Ok(found);
    }
    if users.len() > 1 {
        let names: Vec<&str> = users.iter().map(|user| user.username.as_str()).collect();
        found.notes.push(format!("{}: {email} belongs to {}: all are meant", ping.name, names.join(", ")));
    }
    if let Some(owner) = users.iter().find(|user| ping.is_own(user)) {
        let guard = Guard::OwnCredential { system: ping.name.clone(), owner: owner.username.clone() };
        found.guards.push(guard);
    }
    let given = if let Some(app) = &ping.app {
        allowed(ping.api.app_groups(app).await)?
    } else {
        let note = "the configuration names no `app`: who may use the application is not looked at";
        found.notes.push(format!("{}: {note}", ping.name));
        Ok(Vec::new())
    };
    let held = try_join_all(users.iter().map(|user| held(ping, user))).await?;
    let mut snapshots = Vec::new();
    for (user, held) in users.iter().zip(&held) {
        snapshots.push(json!({
            "user": user, "sessions": seen(&held.sessions), "memberOfGroups": seen(&held.memberships),
            "roleAssignments": seen(&held.roles),
        }));
        plan(ping, user, held, &given, &mut found);
    }
    found.snapshot = json!({ "users": snapshots, "groupsOfApp": seen(&given) });
    Ok(found)
}

/// Everyone with this name or address, each read by id.
async fn users(ping: &PingOne, email: &str) -> Result<Vec<User>, CallError> {
    let (named, addressed) = tokio::join!(ping.api.users("username", email), ping.api.users("email", email));
    let mut ids: Vec<String> = Vec::new();
    for user in named?.into_iter().chain(addressed?) {
        if !ids.contains(&user.id) {
            ids.push(user.id);
        }
    }
    let read = try_join_all(ids.iter().map(|id| ping.api.user(id))).await?;
    Ok(read.into_iter().flatten().collect())
}

async fn held(ping: &PingOne, user: &User) -> Result<Held, CallError> {
    let (api, id) = (&ping.api, user.id.as_str());
    let (sessions, memberships, roles) = tokio::join!(api.sessions(id), api.memberships(id), api.roles(id));
    Ok(Held { sessions: allowed(sessions)?, memberships: allowed(memberships)?, roles: allowed(roles)? })
}

fn plan(ping: &PingOne, user: &User, held: &Held, given: &Refused<Vec<String>>, found: &mut Discovery) {
    let person = Person {
        system: &ping.name,
        id: &user.id,
        name: &user.username,
        who: "a PingOne administrator",
        console: "the PingOne console, Directory > Users",
    };
    if user.enabled {
        found.steps.push(disable(&person));
    }
    match &held.sessions {
        Ok(sessions) => found.steps.extend(sessions.iter().map(|session| end_session(&person, session))),
        Err(why) => person.gap("sessions", true, why, found),
    }
    match &held.roles {
        Ok(roles) => {
            for role in roles.iter().filter(|role| !role.by_group) {
                found.steps.push(take_role(&person, role));
            }
            if roles.iter().any(|role| role.by_group) {
                let note =
                    "has administrators' roles through a group, which is left alone unless `groups` names it";
                found.notes.push(format!("{}: {} {note}", ping.name, user.username));
            }
        }
        Err(why) => person.gap("administrator roles", false, why, found),
    }
    take_groups(ping, &person, &held.memberships, given, found);
    found.guided.push(person.guided(
        "before-it-comes-back",
        false,
        format!("Before {} is let in again: a new password, and its own devices alone", user.username),
        "In the PingOne console, Directory > Users > the user: reset the password, and remove MFA devices and linked \
         accounts that are not the person's."
            .to_owned(),
    ));
}

/// The groups that give the application, and those that the configuration names.
fn take_groups(
    ping: &PingOne,
    person: &Person<'_>,
    memberships: &Refused<Vec<Membership>>,
    given: &Refused<Vec<String>>,
    found: &mut Discovery,
) {
    if let Err(why) = given {
        person.gap("groups of the application", false, why, found);
    }
    match memberships {
        Ok(memberships) => {
            let given = given.as_deref().unwrap_or_default();
            for group in memberships {
                let gives_app = given.contains(&group.id);
                match &group.stays {
                    _ if !gives_app && !ping.names(group) => {}
                    Some(why) => found.guided.push(person.stays(&group.id, &group.name, why)),
                    None => found.steps.push(leave(person, group, gives_app)),
                }
            }
        }
        Err(why) => person.gap("groups", false, why, found),
    }
}

fn disable(person: &Person<'_>) -> Step {
    Step {
        phase: Phase::Block,
        why: "Whoever knows the password, or holds a factor, signs in to everything behind PingOne.".into(),
        effect: "The person cannot sign in to PingOne or anything behind it; groups and roles stay assigned."
            .into(),
        ..person.step(person.object(), "disable", &Action::Disable { user: person.id.to_owned() })
    }
}

/// Each by itself: PingOne ends no others.
fn end_session(person: &Person<'_>, session: &str) -> Step {
    let object = Object {
        kind: "session".into(),
        id: session.to_owned(),
        name: format!("a session of {}", person.name),
    };
    let action = Action::EndSession { user: person.id.to_owned(), session: session.to_owned() };
    Step {
        phase: Phase::Sessions,
        undo: Undo::Irreversible,
        why: "It outlives the password.".into(),
        effect: "Whoever uses it signs in again; applications with sessions of their own are not told."
            .into(),
        ..person.step(object, "end", &action)
    }
}

fn take_role(person: &Person<'_>, role: &Role) -> Step {
    let object = person.part(
        "role",
        &format!("{}:{}:{}", role.definition, role.scope.kind, role.scope.id),
        &format!("the role {}", role.definition),
    );
    let action = Action::TakeRole {
        user: person.id.to_owned(),
        role: role.definition.clone(),
        scope: role.scope.clone(),
    };
    Step {
        phase: Phase::Groups,
        why: "With it the account could undo the lockdown.".into(),
        effect: "The person is no longer an administrator there. A restore gives the role again.".into(),
        ..person.step(object, "remove", &action)
    }
}

fn leave(person: &Person<'_>, group: &Membership, gives_app: bool) -> Step {
    let why = if gives_app { "It gives the application." } else { "The configuration names this group." };
    let action = Action::LeaveGroup { user: person.id.to_owned(), group: group.id.clone() };
    Step {
        phase: Phase::Groups,
        why: why.into(),
        effect: "The person loses what the group gives; nobody else does.".into(),
        ..person.step(person.part("membership", &group.id, &group.name), "leave", &action)
    }
}
