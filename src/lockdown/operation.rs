//! What an incident is for, as data: a kind, and the tasks that systems and people are asked for. One engine carries all
//! kinds out; a command only makes the tasks. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provider::Target;
use super::record::{Record, Verdict};
use super::step::Guided;

/// What an incident is for. In the first entry of its journal, so that every command that goes on with it knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Which command it is.
    #[serde(default)]
    pub kind: Kind,
    /// What is asked for, beyond what the kind says of the account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
}

/// The kinds of incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An account is compromised: it is shut out at once.
    #[default]
    Lockdown,
    /// A credential is rotated as planned.
    Rotation,
    /// What a review proposed, and people agreed to.
    Review,
    /// Somebody leaves.
    Offboarding,
}

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "kebab-case")]
pub enum Task {
    /// About a person's account.
    Account {
        /// The e-mail address, lower case.
        email: String,
        /// What.
        ask: Ask,
    },
    /// About a credential.
    Credential(Wish),
    /// Nothing that a system can do.
    Guided {
        /// What a person does.
        step: Guided,
        /// The row of the inventory that then gets today as the day of its last rotation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        notes: Option<String>,
    },
}

/// What is asked for about a person's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Everything that it holds ends at once.
    #[default]
    ShutOut,
    /// It leaves: groups first, then the account, then what it knew; what works with its credentials is told before they
    /// end, and nothing is destroyed without `--commit`.
    Leave,
    /// It cannot be used until somebody wants it again; nothing else changes.
    Deactivate,
}

/// What is asked for about a service account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The vendor's number or name of it.
    pub credential: String,
    /// What.
    pub change: Change,
    /// Why: shown in the plan.
    pub why: String,
}

/// What is to become of a service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// A new one takes its place, and the old one goes when its consumers have the new one.
    Replace,
    /// The same, and the old one goes as soon as the new one is stored.
    ReplaceAtOnce,
    /// It is replaced where the inventory says who works with it, and goes otherwise.
    ReplaceWhereUsed,
    /// It goes: nobody is to work with it.
    Retire,
    /// It leaves this project.
    Leave(u64),
}

impl Task {
    /// Whether both ask for the same, whatever the reasons.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Credential(one), Self::Credential(other)) => {
                (&one.credential, one.change) == (&other.credential, other.change)
            }
            (Self::Guided { step: one, .. }, Self::Guided { step: other, .. }) => one.id == other.id,
            (one, other) => one == other,
        }
    }
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Lockdown, Self::Rotation, Self::Review, Self::Offboarding];

    /// The command that begins it and goes on with it.
    pub fn command(self) -> &'static str {
        match self {
            Self::Lockdown => "lockdown",
            Self::Rotation => "rotate",
            Self::Review => "review",
            Self::Offboarding => "offboard",
        }
    }

    /// Whether it is about one account, which is to be out at its end.
    pub fn is_about_an_account(self) -> bool {
        matches!(self, Self::Lockdown | Self::Offboarding)
    }

    /// The verdict where everything is done and proved.
    pub fn best(self) -> Verdict {
        match self {
            Self::Lockdown => Verdict::Contained,
            Self::Rotation | Self::Review | Self::Offboarding => Verdict::Done,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Lockdown => "lockdown",
            Self::Rotation => "rotation",
            Self::Review => "review",
            Self::Offboarding => "offboarding",
        })
    }
}

impl Operation {
    /// Of this kind, with these tasks.
    pub fn new(kind: Kind, tasks: Vec<Task>) -> Self {
        Self { kind, tasks }
    }

    /// A lockdown and nothing more: what journals had before there were other kinds.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The accounts that it is about, each once. `subject`: what the incident is about.
    pub fn people<'a>(&'a self, subject: &'a str) -> Vec<(&'a str, Ask)> {
        let own = match self.kind {
            Kind::Lockdown => Some((subject, Ask::ShutOut)),
            Kind::Offboarding => Some((subject, Ask::Leave)),
            Kind::Rotation | Kind::Review => None,
        };
        let more = self.tasks.iter().filter_map(|task| match task {
            Task::Account { email, ask } => Some((email.as_str(), *ask)),
            Task::Credential(_) | Task::Guided { .. } => None,
        });
        let mut people: Vec<(&str, Ask)> = Vec::new();
        for (email, ask) in own.into_iter().chain(more) {
            match people.iter_mut().find(|(known, _)| *known == email) {
                // What asks for more comes first in the list.
                Some((_, known)) => *known = ask.min(*known),
                None => people.push((email, ask)),
            }
        }
        people
    }

    /// What systems are asked about, one after the other: an account each, and credentials with the first of them that takes
    /// credentials with it, so that both are seen together, or else by themselves.
    pub fn targets(&self, subject: &str, tag: &str) -> Vec<Target> {
        let wishes = self.tasks.iter().filter_map(|task| match task {
            Task::Credential(wish) => Some(wish.clone()),
            Task::Account { .. } | Task::Guided { .. } => None,
        });
        let wishes: Vec<Wish> = wishes.collect();
        let people = self.people(subject);
        let mut targets: Vec<Target> =
            people.iter().map(|(email, ask)| Target { ask: *ask, ..Target::new(email, tag) }).collect();
        match targets.iter_mut().find(|target| target.ask != Ask::Deactivate) {
            Some(own) => own.wishes = wishes,
            None if wishes.is_empty() => {}
            None => targets.push(Target { wishes, ..Target::new("", tag) }),
        }
        targets
    }

    /// What people are asked for, with the row of the inventory that it rotates.
    pub fn guided(&self) -> impl Iterator<Item = (&Guided, Option<&str>)> {
        self.tasks.iter().filter_map(|task| match task {
            Task::Guided { step, notes } => Some((step, notes.as_deref())),
            Task::Account { .. } | Task::Credential(_) => None,
        })
    }
}

impl Record {
    /// Those of `tasks` that are not asked for yet. What this incident has made is not changed again by it: the inventory may
    /// name it already.
    pub fn missing(&self, tasks: &[Task]) -> Vec<Task> {
        let made = |task: &Task| match task {
            Task::Credential(wish) => self.has_made(&wish.credential),
            Task::Account { .. } | Task::Guided { .. } => false,
        };
        let known = |task: &Task| self.operation.tasks.iter().any(|known| known.is_same(task));
        tasks.iter().filter(|task| !known(task) && !made(task)).cloned().collect()
    }

    /// Whether this incident has made a service account of this user name or number.
    pub fn has_made(&self, credential: &str) -> bool {
        self.steps.values().map(|tracked| &tracked.state.result).any(|made| {
            let username = made.get("username").and_then(Value::as_str);
            let id = made.get("id").and_then(Value::as_u64);
            username == Some(credential) || id.is_some_and(|id| id.to_string() == credential)
        })
    }

    /// What systems are asked about in this incident.
    pub fn targets(&self) -> Vec<Target> {
        self.operation.targets(&self.account, &self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(credential: &str) -> Task {
        Task::Credential(Wish { credential: credential.into(), change: Change::Replace, why: "x".into() })
    }

    fn about(email: &str, ask: Ask) -> Task {
        Task::Account { email: email.into(), ask }
    }

    #[test]
    fn a_journal_without_a_kind_is_that_of_a_lockdown() {
        let plain: Operation = serde_json::from_str("{}").unwrap();
        assert!(plain.is_plain());
        let targets = plain.targets("jane@x", "t");
        assert_eq!(targets, [Target::new("jane@x", "t")]);
    }

    #[test]
    fn credentials_are_asked_with_the_one_account_or_by_themselves() {
        let offboarding = Operation::new(Kind::Offboarding, vec![wish("7")]);
        let [own] = &offboarding.targets("jane@x", "t")[..] else { panic!() };
        assert_eq!((own.email.as_str(), own.ask, own.wishes.len()), ("jane@x", Ask::Leave, 1));
        let rotation = Operation::new(Kind::Rotation, vec![wish("7")]);
        let [own] = &rotation.targets("etl", "t")[..] else { panic!() };
        assert_eq!((own.email.as_str(), own.wishes.len()), ("", 1));
        let tasks = vec![
            about("a@x", Ask::Deactivate),
            wish("7"),
            about("b@x", Ask::Leave),
            about("a@x", Ask::Leave),
        ];
        let review = Operation::new(Kind::Review, tasks);
        let targets = review.targets("review 2026-10-01", "t");
        let shown: Vec<(&str, Ask, usize)> =
            targets.iter().map(|own| (own.email.as_str(), own.ask, own.wishes.len())).collect();
        assert_eq!(
            shown,
            [("a@x", Ask::Leave, 1), ("b@x", Ask::Leave, 0)],
            "once each, as the one that asks for more"
        );
        let review = Operation::new(Kind::Review, vec![about("a@x", Ask::Deactivate), wish("7")]);
        let alone = review.targets("review 2026-10-01", "t");
        assert_eq!(alone.iter().map(|own| own.email.as_str()).collect::<Vec<_>>(), ["a@x", ""]);
    }

    #[test]
    fn what_is_asked_again_is_not_asked_twice() {
        let operation = Operation::new(Kind::Lockdown, vec![wish("7")]);
        let one = Record { operation, ..Record::default() };
        assert_eq!(one.missing(&[wish("7"), wish("8")]), [wish("8")]);
    }
}
