//! Reads what an account holds in Auth0, and says what ends it.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use serde_json::json;

use super::super::person::{Person, Refused, allowed, seen};
use super::Auth0;
use super::action::Action;
use super::wire::{Role, User};
use crate::lockdown::http::CallError;
use crate::lockdown::provider::{Discovery, Guard, Presence};
use crate::lockdown::step::{Guided, GuidedProof, Phase, Step, Undo};

/// What one user holds.
struct Held {
    sessions: Refused<Vec<String>>,
    tokens: Refused<Vec<String>>,
    grants: Refused<Vec<String>>,
    roles: Refused<Vec<Role>>,
}

pub(super) async fn discover(auth0: &Auth0, email: &str) -> Result<Discovery, CallError> {
    let mut found = Discovery::default();
    let users = users(auth0, email, &mut found).await?;
    found.presence = Presence::of(&users);
    if users.is_empty() {
        found.notes.push(format!("{}: no user has the e-mail address {email}", auth0.name));
        return Ok(found);
    }
    if users.len() > 1 {
        let names: Vec<String> = users.iter().map(User::name).collect();
        let note = format!("{}: {email} belongs to {}: all are meant", auth0.name, names.join(", "));
        found.notes.push(note);
    }
    if let Some(owner) = users.iter().find(|user| auth0.is_own(user)) {
        let guard = Guard::OwnCredential { system: auth0.name.clone(), owner: owner.name() };
        found.guards.push(guard);
    }
    let held = try_join_all(users.iter().map(|user| held(auth0, user))).await?;
    let mut snapshots = Vec::new();
    for (user, held) in users.iter().zip(&held) {
        snapshots.push(json!({
            "user": user, "sessions": seen(&held.sessions), "refreshTokens": seen(&held.tokens),
            "grants": seen(&held.grants), "roles": seen(&held.roles),
        }));
        plan(auth0, user, held, &mut found);
    }
    found.snapshot = json!({ "users": snapshots });
    Ok(found)
}

/// Every account with this address, however it is written there, each read by id: the search alone tells no capital letters
/// apart, and lags behind, whereas what is asked for the address as it is given shows an account at once.
async fn users(auth0: &Auth0, email: &str, found: &mut Discovery) -> Result<Vec<User>, CallError> {
    let exact: BTreeSet<String> = auth0.api.by_email(email).await?.into_iter().map(|user| user.id).collect();
    let mut ids = exact.clone();
    match allowed(auth0.api.search(email).await)? {
        Ok(users) => ids.extend(users.into_iter().filter(|user| is_called(user, email)).map(|user| user.id)),
        Err(why) => unsearched(auth0, email, &why, found),
    }
    let read = try_join_all(ids.iter().map(|id| auth0.api.user(id))).await?;
    let read = read.into_iter().flatten();
    Ok(read.filter(|user| exact.contains(&user.id) || is_called(user, email)).collect())
}

fn is_called(user: &User, email: &str) -> bool {
    user.email.as_ref().is_some_and(|own| own.to_lowercase() == email.to_lowercase())
}

/// Accounts whose connection writes the address otherwise stay unknown.
fn unsearched(auth0: &Auth0, email: &str, why: &str, found: &mut Discovery) {
    let step = Guided {
        id: format!("{}/accounts-written-otherwise", auth0.name),
        title: format!("Look for accounts of {email} that are written otherwise"),
        who: "an Auth0 administrator".into(),
        how: format!(
            "Portcullis could not search for them ({why}), and found only accounts with just these letters. In the Auth0 \
             dashboard, User Management > Users: search for the address, and block the accounts that have it with capital \
             letters."
        ),
        proof: GuidedProof::Attested,
        required: true,
    };
    let what = format!("accounts of {email} that are written with capital letters: {why}");
    found.look_by_hand(what, step);
}

async fn held(auth0: &Auth0, user: &User) -> Result<Held, CallError> {
    let (api, id) = (&auth0.api, user.id.as_str());
    let (sessions, tokens, grants, roles) =
        tokio::join!(api.sessions(id), api.refresh_tokens(id), api.grants(id), api.roles(id));
    Ok(Held {
        sessions: allowed(sessions)?,
        tokens: allowed(tokens)?,
        grants: allowed(grants)?,
        roles: allowed(roles)?,
    })
}

fn plan(auth0: &Auth0, user: &User, held: &Held, found: &mut Discovery) {
    let name = user.name();
    let person = Person {
        system: &auth0.name,
        id: &user.id,
        name: &name,
        who: "an Auth0 administrator",
        console: "the Auth0 dashboard, User Management > Users",
    };
    if !user.blocked {
        found.steps.push(block(&person));
    }
    take_tokens(&person, held, found);
    match &held.roles {
        Ok(roles) => {
            let named = roles.iter().filter(|role| auth0.names(role));
            found.steps.extend(named.map(|role| take_role(&person, role)));
        }
        Err(why) if !auth0.roles.is_empty() => person.gap("roles", false, why, found),
        Err(_) => {}
    }
    found.notes.push(format!(
        "{}: {name}: a password reset takes the block away, and whoever reads the mailbox can ask for one: secure the \
         mailbox, and run verify after a reset",
        auth0.name
    ));
    found.guided.push(person.guided(
        "before-it-comes-back",
        false,
        format!("Before {name} is let in again: a new password, and its own factors alone"),
        "Reset the password first, and block the user again at once: a reset takes the block away. Then, in the Auth0 \
         dashboard, User Management > Users > the user > Multi-Factor Authentication: remove factors that are not the \
         person's."
            .to_owned(),
    ));
}

/// Sessions, refresh tokens and consents.
fn take_tokens(person: &Person<'_>, held: &Held, found: &mut Discovery) {
    let user = person.id.to_owned();
    match &held.sessions {
        Ok(sessions) if sessions.is_empty() => {}
        Ok(sessions) => {
            let why = format!("{} sessions outlive the block.", sessions.len());
            let effect = "The person signs in again everywhere; applications with sessions of their own are told only \
                          where they take back-channel logouts.";
            let action = Action::EndSessions { user: user.clone() };
            found.steps.push(ends(person, "end-sessions", &action, why, effect));
        }
        Err(why) => person.gap("sessions", true, why, found),
    }
    match &held.tokens {
        Ok(tokens) if tokens.is_empty() => {}
        Ok(tokens) => {
            let why = format!("Applications hold {} refresh tokens of the account.", tokens.len());
            let effect = "Applications ask the person to sign in again; access tokens that are out last until they expire.";
            let action = Action::RevokeTokens { user: user.clone() };
            found.steps.push(ends(person, "revoke-tokens", &action, why, effect));
        }
        Err(why) => person.gap("refresh tokens", true, why, found),
    }
    match &held.grants {
        Ok(grants) if grants.is_empty() => {}
        Ok(grants) => {
            let why = format!("{} consents let applications act for the account.", grants.len());
            let effect = "Applications ask the person for consent again.";
            let action = Action::RevokeGrants { user };
            found.steps.push(ends(person, "revoke-grants", &action, why, effect));
        }
        Err(why) => person.gap("consents", false, why, found),
    }
}

fn block(person: &Person<'_>) -> Step {
    Step {
        phase: Phase::Block,
        why: "Whoever knows the password, or holds the account at its connection, signs in.".into(),
        effect: "The person cannot sign in to anything behind Auth0; roles and organizations stay assigned."
            .into(),
        ..person.step(person.object(), "block", &Action::Block { user: person.id.to_owned() })
    }
}

/// What nothing brings back.
fn ends(person: &Person<'_>, name: &str, action: &Action, why: String, effect: &str) -> Step {
    Step {
        phase: Phase::Sessions,
        undo: Undo::Irreversible,
        why,
        effect: effect.into(),
        ..person.step(person.object(), name, action)
    }
}

fn take_role(person: &Person<'_>, role: &Role) -> Step {
    Step {
        phase: Phase::Groups,
        why: "The configuration names this role.".into(),
        effect: "The person loses what the role allows; nobody else does.".into(),
        ..person.step(
            person.part("role", &role.id, &role.name),
            "remove",
            &Action::TakeRole { user: person.id.to_owned(), role: role.id.clone() },
        )
    }
}
