//! The steps of one account: what each means, and why it is done.

use super::super::person::Person;
use super::action::Action;
use super::wire::{Assignment, Group, Password, Token, User};
use crate::lockdown::step::{Guided, Object, Phase, Step, Undo};

/// Makes steps of one instance for one user.
pub(super) struct Maker<'a> {
    pub(super) person: Person<'a>,
    pub(super) user: &'a User,
}

/// Somebody at one instance, by the vendor's identifier and a name.
pub(super) fn person<'a>(system: &'a str, id: &'a str, name: &'a str) -> Person<'a> {
    Person { system, id, name, who: "a Google Workspace administrator", console: "the Google Admin console" }
}

impl<'a> Maker<'a> {
    pub(super) fn new(system: &'a str, user: &'a User) -> Self {
        Self { person: person(system, &user.id, &user.email), user }
    }

    /// The account is shut out without it: it is about the day on which the account comes back.
    pub(super) fn invalidate_codes(&self) -> Step {
        Step {
            phase: Phase::Factors,
            undo: Undo::Irreversible,
            optional: true,
            why: "Whoever has copied them signs in with one when the account is back; while it is suspended, Google ends none."
                .into(),
            effect: "The printed codes are of no use any more; the person makes new ones.".into(),
            ..self.person.step(
                self.person.object(),
                "invalidate-codes",
                &Action::InvalidateCodes { user: self.id() },
            )
        }
    }

    /// The same.
    pub(super) fn turn_off_two_step(&self) -> Step {
        Step {
            phase: Phase::Factors,
            undo: Undo::Irreversible,
            optional: true,
            why: "A factor that somebody else has added lets them in when the account is back; while it is suspended, Google \
                  takes none away."
                .into(),
            effect: "All second factors are gone, the person's own too. The account has none until the person enrols again: \
                     give it a new password first."
                .into(),
            ..self.person.step(
                self.person.object(),
                "turn-off-two-step",
                &Action::TurnOffTwoStep { user: self.id() },
            )
        }
    }

    pub(super) fn suspend(&self) -> Step {
        Step {
            phase: Phase::Block,
            why: "Whoever knows the password, or holds a factor, signs in to everything behind Google.".into(),
            effect: "The person cannot sign in to Google or anything behind it. Google also resets cookies and tokens of the \
                     account, which a restore does not bring back; mail, files, groups and roles stay."
                .into(),
            ..self.person.step(self.person.object(), "suspend", &Action::Suspend { user: self.id() })
        }
    }

    pub(super) fn sign_out(&self) -> Step {
        Step {
            phase: Phase::Sessions,
            undo: Undo::Irreversible,
            why: "Cookies outlive a password.".into(),
            effect: "The person signs in again everywhere. It may take Google up to an hour, and applications with sessions \
                     of their own are not told."
                .into(),
            blind: true,
            ..self.person.step(self.person.object(), "sign-out", &Action::SignOut { user: self.id() })
        }
    }

    pub(super) fn delete_token(&self, token: &Token) -> Step {
        let Token { client, name, scopes } = token;
        let scopes = if scopes.is_empty() { "no scope is told".to_owned() } else { scopes.join(" ") };
        Step {
            phase: Phase::Sessions,
            undo: Undo::Irreversible,
            why: format!("By it an application acts for the account: {scopes}."),
            effect: "The application asks the person for access again.".into(),
            ..self.person.step(
                self.own("token", client, &format!("tokens of {name}")),
                "delete",
                &Action::DeleteToken { user: self.id(), client: client.clone() },
            )
        }
    }

    pub(super) fn delete_password(&self, password: &Password) -> Step {
        let Password { id, name } = password;
        Step {
            phase: Phase::Sessions,
            undo: Undo::Irreversible,
            why: "It opens mail and more without a second factor.".into(),
            effect: "The device or program that has it cannot sign in any more.".into(),
            ..self.person.step(
                self.own("app-password", id, &format!("the app password {name}")),
                "delete",
                &Action::DeletePassword { user: self.id(), password: id.clone() },
            )
        }
    }

    pub(super) fn leave(&self, group: &Group) -> Step {
        Step {
            phase: Phase::Groups,
            why: "The configuration names this group.".into(),
            effect: "The person loses what the group gives, and its mail; nobody else does. A restore gives the same role in \
                     the group again."
                .into(),
            ..self.person.step(
                self.person.part("membership", &group.id, &group.name),
                "leave",
                &Action::LeaveGroup { user: self.id(), group: group.id.clone() },
            )
        }
    }

    pub(super) fn take_role(&self, role: &str, assignment: &Assignment) -> Step {
        let given = &assignment.given;
        let place = given.org_unit_id.as_deref().unwrap_or(&given.scope_type);
        Step {
            phase: Phase::Groups,
            why: "With it the account could undo the lockdown.".into(),
            effect: format!("The person is no longer {role} there. A restore gives the role again."),
            ..self.person.step(
                self.person.part("role", &format!("{}:{place}", given.role_id), &format!("the role {role}")),
                "remove",
                &Action::TakeRole { user: self.id(), given: given.clone() },
            )
        }
    }

    pub(super) fn demote(&self) -> Step {
        Step {
            phase: Phase::Groups,
            why: "With it the account could undo the lockdown.".into(),
            effect: "The person is no longer a super administrator. A restore makes it one again.".into(),
            ..self.person.step(
                self.person.part("role", "super-administrator", "the role of a super administrator"),
                "remove",
                &Action::Demote { user: self.id() },
            )
        }
    }

    /// What no read shows, and what takes its time.
    pub(super) fn look_after_the_hour(&self, required: bool) -> Guided {
        self.person.guided(
            "after-the-hour",
            required,
            format!("An hour after the sign-out, look that nothing goes on in a session of {}", self.user.email),
            "Google takes up to an hour to end sessions, and no API shows them. In the Google Admin console, Reporting > Audit \
             and investigation: once the hour is over, look for the user in the events of users, mail and files. \
             `portcullis scan` reads these logs too."
                .into(),
        )
    }

    pub(super) fn before_it_comes_back(&self) -> Guided {
        self.person.guided(
            "before-it-comes-back",
            false,
            format!("Before {} is let in again: a new password, and its own factors alone", self.user.email),
            "In the Google Admin console, Directory > Users > the user > Security: reset the password; remove security keys, \
             passkeys and recovery addresses and phones that are not the person's; make no backup codes before that. \
             Delegates and forwarding of mail are in the settings of its mailbox."
                .into(),
        )
    }

    fn own(&self, kind: &str, id: &str, name: &str) -> Object {
        Object {
            kind: kind.into(),
            id: format!("{id}:{}", self.user.id),
            name: format!("{name} of {}", self.user.email),
        }
    }

    fn id(&self) -> String {
        self.user.id.clone()
    }
}
