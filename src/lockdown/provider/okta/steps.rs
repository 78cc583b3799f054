//! The steps of one account: what each means, and why it is done.

use super::action::Action;
use super::wire::{Group, Role, Rule, Token, User};
use crate::lockdown::step::{Guided, GuidedProof, Object, Phase, Step, Undo};

/// Standard roles that can be limited to groups or applications.
const LIMITABLE: [(&str, &[&str]); 4] = [
    ("USER_ADMIN", &["groups"]),
    ("HELP_DESK_ADMIN", &["groups"]),
    ("GROUP_MEMBERSHIP_ADMIN", &["groups"]),
    ("APP_ADMIN", &["catalog", "apps"]),
];

/// Where the limits of a role are listed, for one that can have some.
pub(super) fn limits_of(role: &Role) -> Option<&'static [&'static str]> {
    LIMITABLE.iter().find(|(kind, _)| *kind == role.kind.kind).map(|(_, targets)| *targets)
}

/// Makes steps of one instance for one user.
pub(super) struct Maker<'a> {
    pub(super) system: &'a str,
    pub(super) user: &'a User,
}

impl Maker<'_> {
    pub(super) fn suspend(&self) -> Step {
        Step {
            phase: Phase::Block,
            why: "Whoever knows the password, or holds a factor, signs in to everything behind Okta.".into(),
            effect: "The person cannot sign in to Okta or anything behind it; groups and applications stay assigned."
                .into(),
            ..self.step(self.person(), "suspend", &Action::Suspend { user: self.id() })
        }
    }

    pub(super) fn end_sessions(&self) -> Step {
        Step {
            phase: Phase::Sessions,
            undo: Undo::Irreversible,
            why: "Sessions, refresh tokens and remembered devices outlive a password.".into(),
            effect:
                "The person signs in again everywhere, and proves the second factor again. Applications with \
                     sessions of their own are not told."
                    .into(),
            blind: true,
            ..self.step(self.person(), "end-sessions", &Action::EndSessions { user: self.id() })
        }
    }

    pub(super) fn revoke_grants(&self, count: usize) -> Step {
        Step {
            phase: Phase::Sessions,
            undo: Undo::Irreversible,
            why: format!("{count} grants let applications act for the account."),
            effect: "Applications ask the person for consent again.".into(),
            ..self.step(self.person(), "revoke-grants", &Action::RevokeGrants { user: self.id() })
        }
    }

    pub(super) fn delete_token(&self, token: &Token) -> Step {
        let object = Object { kind: "api-token".into(), id: token.id.clone(), name: token.name.clone() };
        Step {
            phase: Phase::Sessions,
            undo: Undo::Irreversible,
            why: "It acts for the account, and outlives its sessions.".into(),
            effect: "Whatever uses the token stops until it has another one.".into(),
            ..self.step(object, "delete", &Action::DeleteToken { user: self.id(), token: token.id.clone() })
        }
    }

    /// `rules`: those that fill the group; `None` where they cannot be read.
    pub(super) fn leave(&self, group: &Group, gives_app: bool, rules: Option<&[&Rule]>) -> Step {
        let object = Object {
            kind: "membership".into(),
            id: format!("{}:{}", group.id, self.user.id),
            name: format!("{} in {}", self.user.login, group.name),
        };
        let (undo, and) = match rules {
            Some([]) => (Undo::Reversible, String::new()),
            Some(rules) => {
                let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
                let names = names.join(", ");
                (Undo::Compensable, format!(" The rule {names} gave it: a restore makes the person a direct member, and \
                    the exclusion from the rule has to be cleared by hand."))
            }
            None => (
                Undo::Compensable,
                " Group rules cannot be read: if one gave it, a restore makes the person a direct member, and the \
                 exclusion from the rule has to be cleared by hand."
                    .to_owned(),
            ),
        };
        let why = if gives_app { "It gives the application." } else { "The configuration names this group." };
        Step {
            phase: Phase::Groups,
            undo,
            why: why.into(),
            effect: format!("The person loses what the group gives; nobody else does.{and}"),
            ..self.step(object, "leave", &Action::LeaveGroup { user: self.id(), group: group.id.clone() })
        }
    }

    pub(super) fn unassign(&self, app: &str) -> Step {
        let object = Object {
            kind: "assignment".into(),
            id: format!("{app}:{}", self.user.id),
            name: format!("{} in {app}", self.user.login),
        };
        Step {
            phase: Phase::Groups,
            undo: Undo::Compensable,
            why: "It is the way to Mixpanel.".into(),
            effect: "The person loses the application; where Okta provisions it, the account there may be deactivated. A \
                     restore assigns it again with the mapped profile; values that were set by hand are lost."
                .into(),
            ..self.step(object, "unassign", &Action::Unassign { user: self.id(), app: app.to_owned() })
        }
    }

    /// `limited`: to some groups or applications; `None` where that cannot be read.
    pub(super) fn remove_role(&self, role: &Role, limited: Option<bool>) -> Step {
        let kind = &role.kind;
        let parts = [Some(&kind.kind), kind.role.as_ref(), kind.resource_set.as_ref()];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        let object = Object {
            kind: "role".into(),
            id: format!("{}:{}", parts.join(":"), self.user.id),
            name: format!("{} of {}", role.label, self.user.login),
        };
        let (undo, back) = match limited {
            Some(false) => (Undo::Reversible, "A restore gives it again."),
            // Given without its limits it would hold for the whole organisation until they are set one by one.
            Some(true) => {
                (Undo::Irreversible, "It is limited to some groups or applications: give it again by hand.")
            }
            None => (Undo::Irreversible, "Whether it is limited cannot be read: give it again by hand."),
        };
        Step {
            phase: Phase::Groups,
            undo,
            why: "With it the account could undo the lockdown.".into(),
            effect: format!("The person is no longer {}. {back}", role.label),
            ..self.step(object, "remove", &Action::RemoveRole { user: self.id(), role: kind.clone() })
        }
    }

    pub(super) fn guided(&self, what: &str, required: bool, title: String, how: String) -> Guided {
        Guided {
            id: format!("{}/user/{}/{what}", self.system, self.user.id),
            title,
            who: "an Okta administrator".into(),
            how,
            proof: GuidedProof::Attested,
            required,
        }
    }

    fn id(&self) -> String {
        self.user.id.clone()
    }

    fn person(&self) -> Object {
        Object { kind: "user".into(), id: self.id(), name: self.user.login.clone() }
    }

    fn step(&self, object: Object, action: &str, details: &Action) -> Step {
        Step {
            details: serde_json::to_value(details).unwrap_or_default(),
            ..Step::new(self.system, object, action, Phase::Block, Undo::Reversible)
        }
    }
}
