//! Where the time of a run went.

use std::time::Duration;

use super::step::StepId;

/// A part of a run. The parts follow each other: together they are what the run took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// What was done, in words.
    pub what: String,
    /// How long.
    pub took: Duration,
    /// Of steps that ran side by side: the chain that ended last, each step after the one that it waited for.
    pub chain: Vec<Link>,
}

/// A step in a chain of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Which.
    pub step: StepId,
    /// From its turn to its end.
    pub took: Duration,
}
