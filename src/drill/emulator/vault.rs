//! Vault: the secret store.

use serde::Serialize;
use serde_json::json;

use super::{Answer, Moment, Request, Service, Tenant};

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {}

/// See the module.
pub struct Vault;

impl Service for Vault {
    fn name(&self) -> &'static str {
        "vault"
    }

    fn handle(&self, _: &mut Tenant, _: &Request, _: &Moment<'_>) -> Answer {
        Answer::json(404, &json!({}))
    }
}
