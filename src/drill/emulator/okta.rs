//! Okta: the identity provider.

use serde::Serialize;
use serde_json::json;

use super::{Answer, Moment, Request, Service, Tenant};

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {}

/// See the module.
pub struct Okta;

impl Service for Okta {
    fn name(&self) -> &'static str {
        "okta"
    }

    fn handle(&self, _: &mut Tenant, _: &Request, _: &Moment<'_>) -> Answer {
        Answer::json(404, &json!({}))
    }
}

impl State {
    /// Whether somebody with this login can start a session at an application.
    pub fn lets_in(&self, _: &str) -> bool {
        false
    }
}
