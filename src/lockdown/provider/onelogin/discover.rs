//! Reads what an account holds in OneLogin, and says what ends it.

use futures_util::future::try_join_all;
use serde_json::json;

use super::super::person::{Person, Refused, allowed, seen};
use super::OneLogin;
use super::action::Action;
use super::wire::{Mapping, Role, SUSPENDED, User, status_name};
use crate::lockdown::http::CallError;
use crate::lockdown::provider::{Discovery, Presence};
use crate::lockdown::step::{Guided, Phase, Step, Undo};

/// What is the same for all users.
struct Shared {
    /// Roles that give the application.
    giving: Refused<Vec<Role>>,
    /// Roles of the configuration.
    named: Refused<Vec<Role>>,
    mappings: Refused<Vec<Mapping>>,
}

pub(super) async fn discover(onelogin: &OneLogin, email: &str) -> Result<Discovery, CallError> {
    let mut found = Discovery::default();
    let users = users(onelogin, email).await?;
    found.presence = Presence::of(&users);
    if users.is_empty() {
        found.notes.push(format!("{}: no user has the name or the e-mail address {email}", onelogin.name));
        return Ok(found);
    }
    if users.len() > 1 {
        let note = format!("{}: {email} belongs to {} users: all are meant", onelogin.name, users.len());
        found.notes.push(note);
    }
    let shared = shared(onelogin, &mut found).await?;
    let roles = try_join_all(
        users.iter().map(|user| onelogin.api.roles_of(user.id)).map(|read| async { allowed(read.await) }),
    )
    .await?;
    let mut snapshots = Vec::new();
    for (user, roles) in users.iter().zip(&roles) {
        snapshots.push(json!({ "user": user, "roles": seen(roles) }));
        plan(onelogin, user, roles, &shared, &mut found);
    }
    found.snapshot = json!({
        "users": snapshots, "rolesOfApp": seen(&shared.giving), "mappings": seen(&shared.mappings),
    });
    Ok(found)
}

/// Everyone with this name or address, each read by id.
async fn users(onelogin: &OneLogin, email: &str) -> Result<Vec<User>, CallError> {
    let (named, addressed) =
        tokio::join!(onelogin.api.users("username", email), onelogin.api.users("email", email));
    let mut ids: Vec<u64> = Vec::new();
    for user in named?.into_iter().chain(addressed?) {
        if user.is_called(email) && !ids.contains(&user.id) {
            ids.push(user.id);
        }
    }
    let read = try_join_all(ids.into_iter().map(|id| onelogin.api.user(id))).await?;
    Ok(read.into_iter().flatten().collect())
}

async fn shared(onelogin: &OneLogin, found: &mut Discovery) -> Result<Shared, CallError> {
    let giving = if let Some(app) = onelogin.app {
        allowed(onelogin.api.roles(Some(app)).await)?
    } else {
        let note = "the configuration names no `app`: who has the application is not looked at";
        found.notes.push(format!("{}: {note}", onelogin.name));
        Ok(Vec::new())
    };
    let named = if onelogin.roles.is_empty() {
        Ok(Vec::new())
    } else {
        allowed(onelogin.api.roles(None).await)?
            .map(|roles| roles.into_iter().filter(|role| onelogin.names(role)).collect())
    };
    Ok(Shared { giving, named, mappings: allowed(onelogin.api.mappings().await)? })
}

fn plan(onelogin: &OneLogin, user: &User, roles: &Refused<Vec<u64>>, shared: &Shared, found: &mut Discovery) {
    let (id, name) = (user.id.to_string(), user.name());
    let person = Person {
        system: &onelogin.name,
        id: &id,
        name: &name,
        who: "a OneLogin administrator",
        console: "the OneLogin administration, Users",
    };
    if user.status != SUSPENDED {
        found.steps.push(suspend(&person, user));
    }
    found.steps.push(log_out(&person, user));
    for read in [&shared.giving, &shared.named] {
        if let Err(why) = read {
            person.gap("roles of the application", false, why, found);
            break;
        }
    }
    match roles {
        Ok(held) => {
            let giving = shared.giving.as_deref().unwrap_or_default().iter().map(|role| (role, true));
            let named = shared.named.as_deref().unwrap_or_default().iter().map(|role| (role, false));
            for (role, gives) in giving.chain(named) {
                let step = take_role(&person, user, role, gives, &shared.mappings);
                if held.contains(&role.id) && found.steps.iter().all(|known| known.id != step.id) {
                    found.steps.push(step);
                }
            }
        }
        Err(why) => person.gap("roles", false, why, found),
    }
    if user.directory.is_some() {
        let note =
            "it comes from another directory: suspend it there too, or a synchronization may bring it back";
        found.notes.push(format!("{}: {name}: {note}", onelogin.name));
    }
    found.guided.push(before_it_comes_back(&person, onelogin.api.transport().client_id()));
}

/// `client`: as which Portcullis itself works.
fn before_it_comes_back(person: &Person<'_>, client: Option<&str>) -> Guided {
    let mut how = "In the OneLogin administration, Users > the user > Authentication: set a new password and delete \
                   devices that are not the person's. Developers > API Credentials: revoke what the person made; no API \
                   lists these."
        .to_owned();
    if let Some(client) = client {
        how.push_str(&format!(
            " If {client} is among them, Portcullis itself works with it: give Portcullis another one first, and never \
             delete a user whose API credentials are in use."
        ));
    }
    let title = "a new password, its own factors alone, no API credentials of its own";
    let title = format!("Before {} is let in again: {title}", person.name);
    person.guided("before-it-comes-back", false, title, how)
}

fn suspend(person: &Person<'_>, user: &User) -> Step {
    Step {
        phase: Phase::Block,
        why: format!(
            "The user is {}: whoever knows the password signs in or comes back.",
            status_name(user.status)
        ),
        effect: "The person cannot sign in to OneLogin or anything behind it; roles stay assigned.".into(),
        ..person.step(person.object(), "suspend", &Action::Suspend { user: user.id })
    }
}

fn log_out(person: &Person<'_>, user: &User) -> Step {
    Step {
        phase: Phase::Sessions,
        undo: Undo::Irreversible,
        why: "Sessions outlive a password.".into(),
        effect: "The person signs in again; applications with sessions of their own are not told.".into(),
        blind: true,
        ..person.step(person.object(), "log-out", &Action::LogOut { user: user.id })
    }
}

fn take_role(
    person: &Person<'_>,
    user: &User,
    role: &Role,
    gives_app: bool,
    mappings: &Refused<Vec<Mapping>>,
) -> Step {
    let again = match mappings {
        Ok(mappings) => {
            let gives = mappings.iter().filter(|mapping| mapping.roles.contains(&role.id.to_string()));
            let names: Vec<&str> = gives.map(|mapping| mapping.name.as_str()).collect();
            if names.is_empty() {
                String::new()
            } else {
                format!(" The mapping {} may give it again when mappings run: change it.", names.join(", "))
            }
        }
        Err(_) => " Mappings cannot be read: one may give it again when mappings run.".to_owned(),
    };
    let why = if gives_app { "It gives the application." } else { "The configuration names this role." };
    Step {
        phase: Phase::Groups,
        why: why.into(),
        effect: format!("The person loses what the role gives; nobody else does.{again}"),
        ..person.step(
            person.part("role", &role.id.to_string(), &role.name),
            "remove",
            &Action::TakeRole { user: user.id, role: role.id },
        )
    }
}
