//! What lockdown does, as data: steps, the objects they change, and what people have to do.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Names a step for the whole life of an incident, in every pass and every run: `okta/user/00u1/suspend`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl StepId {
    /// From the instance's name, the object and the action.
    pub fn new(system: &str, object: &Object, action: &str) -> Self {
        Self(format!("{system}/{}/{}/{action}", object.kind, object.id))
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// One thing in one system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// What it is, in the vendor's words: `user`, `service-account`.
    pub kind: String,
    /// The vendor's identifier.
    pub id: String,
    /// A name for people.
    pub name: String,
}

/// When a step's turn comes. Within one system the phases follow each other; `Preserve` and `Block` come before
/// everything else in all systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Stop what destroys evidence.
    Preserve,
    /// Second factors that the vendor takes away only while the account is not blocked.
    Factors,
    /// Block the account at the identity provider: before sessions are revoked, or whoever knows the password logs in
    /// again in between.
    Block,
    /// Deactivate the account inside the application.
    Deactivate,
    /// Credentials that the account made.
    ServiceAccounts,
    /// Sessions, grants, tokens.
    Sessions,
    /// Groups, application assignments, roles.
    Groups,
    /// Replace exposed secrets.
    Rotate,
    /// Pause what carries data out.
    Exports,
    /// Delete what is quarantined; only with `--commit`.
    Retire,
}

impl Phase {
    /// In order.
    pub const ALL: [Self; 10] = [
        Self::Preserve,
        Self::Factors,
        Self::Block,
        Self::Deactivate,
        Self::ServiceAccounts,
        Self::Sessions,
        Self::Groups,
        Self::Rotate,
        Self::Exports,
        Self::Retire,
    ];

    /// Everything of other phases waits for this one, in all systems.
    pub fn comes_first(self) -> bool {
        matches!(self, Self::Preserve | Self::Block)
    }
}

/// What undoing a step means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// The state before comes back exactly.
    Reversible,
    /// Something equivalent comes back, as the step's `effect` says.
    Compensable,
    /// Nothing brings it back.
    Irreversible,
}

impl fmt::Display for Undo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Reversible => "reversible",
            Self::Compensable => "compensable",
            Self::Irreversible => "irreversible",
        })
    }
}

/// Whether a step has to do with a new secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretRole {
    /// It has not.
    #[default]
    None,
    /// Its answer holds a secret that is shown once. Where the secret was lost before the step that takes it was done,
    /// the object is removed again and made anew.
    Yields,
    /// It puts the secret of that step away.
    Takes(StepId),
}

/// One change of one object by one request.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the incident.
    pub id: StepId,
    /// Name of the provider's or store's instance that carries it out.
    pub system: String,
    /// The provider's own word for it: `suspend`.
    pub action: String,
    /// What it changes.
    pub object: Object,
    /// When its turn comes.
    pub phase: Phase,
    /// What undoing it means.
    pub undo: Undo,
    /// Why it has to be done.
    pub why: String,
    /// What else stops working: the blast radius, in words.
    pub effect: String,
    /// Only with `--commit`: it destroys something.
    #[serde(default)]
    pub commit: bool,
    /// The account is shut out without it too: whether it is done does not change the verdict.
    #[serde(default)]
    pub optional: bool,
    /// No read can show whether it holds, as with sessions that cannot be listed. Sending it twice is safe, and it is sent
    /// once more at the end, for what began in between.
    #[serde(default)]
    pub blind: bool,
    /// Steps that have to be applied before; else this one is not tried. Undone in the opposite order.
    #[serde(default)]
    pub needs: Vec<StepId>,
    /// What needs this one is done without it where the responder left it out: somebody else sees to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dispensable: bool,
    /// Guided steps, by identifier, that a person has to have done before; until then this one waits, and that is all that
    /// keeps the incident open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Steps that cannot be undone, after which this one stays too: undone, it would tell of what is not there any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bound_to: Vec<StepId>,
    /// Whether it makes or takes a secret.
    #[serde(default)]
    pub secret: SecretRole,
    /// What the provider needs to act. Never a secret.
    #[serde(default)]
    pub details: Value,
}

impl Step {
    /// A step that is needed, destroys nothing, can be read, needs no other and has to do with no secret; its texts and
    /// details are empty. Its identifier comes from the system, the object and the action.
    pub fn new(system: &str, object: Object, action: &str, phase: Phase, undo: Undo) -> Self {
        Self {
            id: StepId::new(system, &object, action),
            system: system.to_owned(),
            action: action.to_owned(),
            object,
            phase,
            undo,
            why: String::new(),
            effect: String::new(),
            commit: false,
            optional: false,
            blind: false,
            needs: Vec::new(),
            dispensable: false,
            after: Vec::new(),
            bound_to: Vec::new(),
            secret: SecretRole::None,
            details: Value::Null,
        }
    }

    /// Whether `other` has to wait for this one: it needs it, or it is of a later phase, in the same system or where
    /// this phase comes before everything.
    pub fn comes_before(&self, other: &Self) -> bool {
        let earlier = self.phase < other.phase && (self.phase.comes_first() || self.system == other.system);
        earlier || other.needs.contains(&self.id)
    }
}

/// Something that no API can do: a numbered step for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guided {
    /// Unique in the incident: `mixpanel/remove-member`.
    pub id: String,
    /// What to do, in a few words.
    pub title: String,
    /// Who can do it.
    pub who: String,
    /// Where, and what to click.
    pub how: String,
    /// How it is proved.
    pub proof: GuidedProof,
    /// The account is not shut out before this is done. Others are good practice and do not change the verdict.
    pub required: bool,
}

/// Something that bears on whether the account is shut out, and that a pass could not see. Until a later pass sees it or
/// a person has looked, the verdict is UNKNOWN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What, and why it could not be seen.
    pub what: String,
    /// The guided step by which a person looks instead.
    pub guided: Option<String>,
}

/// How a guided step is proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuidedProof {
    /// A record in a fresh export of the audit log.
    Log {
        /// Any of these events; a name's end may be `*`.
        actions: Vec<String>,
        /// The record has to contain all of these texts, such as the account's e-mail.
        mentions: Vec<String>,
    },
    /// No log shows it: a person vouches for it.
    Attested,
}

impl fmt::Display for GuidedProof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log { actions, .. } => {
                write!(
                    out,
                    "{} in a fresh export of the audit log (`verify --log FILE`)",
                    actions.join(" or ")
                )
            }
            Self::Attested => out.write_str("no log shows it: a person vouches for it (`verify --attest`)"),
        }
    }
}
