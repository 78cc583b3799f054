//! A system whose credential cannot be had: it counts as one that cannot be read. The others go on without it.

use async_trait::async_trait;
use serde_json::Value;

use super::http::{CallError, Stats};
use super::provider::{Acted, Check, CheckState, Discovery, Hand, Look, Proof, Provider, Target};
use super::step::Step;

/// Answers everything with why.
pub(super) struct Unavailable {
    /// The instance.
    pub(super) name: String,
    /// Why its credential cannot be had.
    pub(super) why: String,
    /// Whether it would have something to discover.
    pub(super) discovers: bool,
}

impl Unavailable {
    fn error(&self) -> CallError {
        CallError::NotSent { what: format!("its credential cannot be had: {}", self.why) }
    }
}

#[async_trait]
impl Provider for Unavailable {
    fn name(&self) -> &str {
        &self.name
    }

    /// It may be the one that does.
    fn keeps_credentials(&self) -> bool {
        true
    }

    fn discovers(&self) -> bool {
        self.discovers
    }

    async fn discover(&self, _: &Target) -> Result<Discovery, CallError> {
        Err(self.error())
    }

    async fn look(&self, _: &Step, _: &Hand) -> Result<Look, CallError> {
        Err(self.error())
    }

    async fn apply(&self, _: &Step, _: &Hand, _: &str) -> Result<Acted, CallError> {
        Err(self.error())
    }

    async fn undo(&self, _: &Step, _: &Value, _: &Hand, _: &str) -> Result<Acted, CallError> {
        Err(self.error())
    }

    async fn prove(&self, _: &Step, _: &Hand) -> Result<Proof, CallError> {
        Err(self.error())
    }

    async fn check(&self) -> Vec<Check> {
        let (what, note) = ("have the credential".to_owned(), self.why.clone());
        vec![Check { what, state: CheckState::Missing, note }]
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }
}
