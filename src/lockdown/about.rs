//! What a kind of provider or store reads, changes, undoes, needs and cannot do: for people who choose, and as the promise
//! that the drill's plan is held to.

use super::step::Undo;

/// Of one kind.
#[derive(Debug)]
pub struct About {
    /// What discovery reads.
    pub reads: &'static [&'static str],
    /// Every change that it may make, as steps name them.
    pub changes: &'static [Change],
    /// What the credential has to be allowed.
    pub needs: &'static [&'static str],
    /// What no API of the system can do or show: guided steps, or nothing at all.
    pub cannot: &'static [&'static str],
}

/// One kind of step.
#[derive(Debug)]
pub struct Change {
    /// The step's action: `suspend`.
    pub action: &'static str,
    /// The kind of its object: `user`.
    pub object: &'static str,
    /// What undoing it means; several where it depends on the object.
    pub undo: &'static [Undo],
    /// Only with `--commit`.
    pub commit: bool,
}

/// A change that comes back exactly.
pub(super) const fn reversible(action: &'static str, object: &'static str) -> Change {
    Change { action, object, undo: &[Undo::Reversible], commit: false }
}

/// A change that nothing brings back.
pub(super) const fn irreversible(action: &'static str, object: &'static str) -> Change {
    Change { action, object, undo: &[Undo::Irreversible], commit: false }
}

/// The same, done with `--commit` alone.
pub(super) const fn destroys(action: &'static str, object: &'static str) -> Change {
    Change { action, object, undo: &[Undo::Irreversible], commit: true }
}
