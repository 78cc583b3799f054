//! Mixpanel's App API and data API, as far as an incident touches them.

use serde::Serialize;
use serde_json::json;

use super::{Answer, Moment, Request, Service, Tenant};

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {}

/// See the module.
pub struct Mixpanel;

impl Service for Mixpanel {
    fn name(&self) -> &'static str {
        "mixpanel"
    }

    fn handle(&self, _: &mut Tenant, _: &Request, _: &Moment<'_>) -> Answer {
        Answer::json(404, &json!({}))
    }
}

impl State {
    /// Id and name of the organisation.
    pub fn organization(&self) -> (u64, &str) {
        (90_210, "Acme")
    }
}
