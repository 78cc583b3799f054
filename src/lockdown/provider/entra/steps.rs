//! The steps of one account: what each means, and why it is done.

use super::super::person::Person;
use super::action::Action;
use super::wire::{Assignment, Grant, Membership, Owned, User};
use crate::lockdown::step::{Guided, Object, Phase, Step, Undo};

/// Makes steps of one instance for one user.
pub(super) struct Maker<'a> {
    pub(super) person: Person<'a>,
    pub(super) user: &'a User,
}

impl<'a> Maker<'a> {
    pub(super) fn new(system: &'a str, user: &'a User) -> Self {
        let person = Person {
            system,
            id: &user.id,
            name: &user.login,
            who: "an Entra administrator",
            console: "the Entra admin center",
        };
        Self { person, user }
    }

    pub(super) fn disable(&self) -> Step {
        Step {
            phase: Phase::Block,
            why: "Whoever knows the password, or holds a factor, signs in to everything behind Entra.".into(),
            effect: "The person cannot sign in to Entra or anything behind it, and cannot get new tokens; groups, roles \
                     and applications stay assigned. Provisioning deactivates the accounts behind it in time."
                .into(),
            ..self.person.step(self.person.object(), "disable", &Action::Disable { user: self.id() })
        }
    }

    pub(super) fn end_sessions(&self) -> Step {
        Step {
            phase: Phase::Sessions,
            undo: Undo::Irreversible,
            why: "Refresh tokens and cookies outlive a password.".into(),
            effect: "The person signs in again everywhere. Access tokens that are out already last until they expire, an \
                     hour or so, and applications with sessions of their own are not told."
                .into(),
            blind: true,
            ..self.person.step(self.person.object(), "end-sessions", &Action::EndSessions { user: self.id() })
        }
    }

    pub(super) fn revoke_grant(&self, grant: &Grant) -> Step {
        let object = Object {
            kind: "grant".into(),
            id: grant.id.clone(),
            name: format!("{} for {}", grant.client, self.user.login),
        };
        Step {
            phase: Phase::Sessions,
            undo: Undo::Irreversible,
            why: format!("By it an application acts for the account: {}.", grant.scope),
            effect: "The application asks the person for consent again.".into(),
            ..self.person.step(
                object,
                "revoke",
                &Action::RevokeGrant { user: self.id(), grant: grant.id.clone() },
            )
        }
    }

    pub(super) fn leave(&self, group: &Membership, gives_app: bool) -> Step {
        let why = if gives_app { "It gives the application." } else { "The configuration names this group." };
        Step {
            phase: Phase::Groups,
            why: why.into(),
            effect: "The person loses what the group gives; nobody else does.".into(),
            ..self.person.step(
                self.person.part("membership", &group.id, &group.name),
                "leave",
                &Action::LeaveGroup { user: self.id(), group: group.id.clone() },
            )
        }
    }

    pub(super) fn remove_role(&self, role: &Membership) -> Step {
        Step {
            phase: Phase::Groups,
            why: "With it the account could undo the lockdown.".into(),
            effect: format!("The person is no longer {}. A restore gives it again.", role.name),
            ..self.person.step(
                self.person.part("role", &role.id, &role.name),
                "remove",
                &Action::RemoveRole { user: self.id(), role: role.id.clone() },
            )
        }
    }

    pub(super) fn unassign(&self, assignment: &Assignment) -> Step {
        let Assignment { resource, role, .. } = assignment;
        Step {
            phase: Phase::Groups,
            undo: Undo::Compensable,
            why: "It is the way to Mixpanel.".into(),
            effect: "The person loses the application; where Entra provisions it, the account there is deactivated. A \
                     restore assigns it again, with another identifier."
                .into(),
            ..self.person.step(
                self.person.part("assignment", &format!("{resource}:{role}"), resource),
                "unassign",
                &Action::Unassign { user: self.id(), app: resource.clone(), role: role.clone() },
            )
        }
    }

    /// What no API of Entra does, or what comes back from elsewhere.
    pub(super) fn disable_elsewhere(&self) -> Guided {
        self.person.guided(
            "disable-at-its-source",
            true,
            format!("Disable {} in the directory that it comes from", self.user.login),
            "The account is synchronized from Active Directory or another directory: disable it there, or the next \
             synchronization may enable it again."
                .into(),
        )
    }

    pub(super) fn before_it_comes_back(&self) -> Guided {
        self.person.guided(
            "before-it-comes-back",
            false,
            format!("Before {} is let in again: a new password, and its own sign-in methods alone", self.user.login),
            "In the Entra admin center, Users > the user > Authentication methods: reset the password, and delete phones, \
             keys, passkeys and authenticators that are not the person's."
                .into(),
        )
    }

    pub(super) fn look_at_owned(&self, app: &Owned) -> Guided {
        let how = "An owner may give an application new credentials, and these work without the account. In the Entra \
                   admin center, App registrations > the application > Certificates & secrets: remove what is not \
                   known, and the owner.";
        let own = " It is the application as which Portcullis itself works (`client-id`): first give it a new secret, and \
                   that to Portcullis, then remove all others.";
        self.person.guided(
            &format!("owned-{}", app.id),
            true,
            format!("Look at the secrets and certificates of {}, which {} owns", app.name, self.user.login),
            if app.own { format!("{how}{own}") } else { how.to_owned() },
        )
    }

    fn id(&self) -> String {
        self.user.id.clone()
    }
}
