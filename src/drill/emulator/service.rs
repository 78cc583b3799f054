//! What a service is, and which there are.

use std::time::Duration;

use super::{Answer, Request, Switches, Tenant, mixpanel, okta, scim, vault};
use crate::event::time::Timestamp;

/// When a request is handled, and under which switches.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// Since the emulator started.
    pub now: Duration,
    /// Time of day.
    pub wall: Timestamp,
    /// What the vendors leave open.
    pub switches: &'a Switches,
}

impl Moment<'_> {
    /// Milliseconds since the emulator started.
    pub fn millis(&self) -> u64 {
        u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX)
    }
}

/// What the responders' client is configured with to use a service.
#[derive(Clone, Default)]
pub struct Client {
    /// What the base address has after the service's prefix.
    pub path: &'static str,
    /// The credential.
    pub credential: String,
    /// Further settings of its kind, as TOML values.
    pub settings: Vec<(&'static str, String)>,
}

/// An emulated API: a function of the tenant, without clock, sockets or chance of its own.
pub trait Service: Sync {
    /// The first segment of its paths, and its key in records and limits.
    fn name(&self) -> &'static str;

    /// Answers a request, and changes the tenant as the vendor would. Never panics, whatever the request.
    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer;

    /// Whether the request asks for a change.
    fn changes(&self, request: &Request) -> bool {
        !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// What the responders configure for a provider or store of this kind, with the service at this base address; `None`
    /// where it does not serve that kind, or they have no credential.
    fn client(&self, kind: &str, tenant: &Tenant, base: &str) -> Option<Client>;

    /// Ways by which an account, or whoever took it over, still gets in, in words that name the service.
    fn ways_in(&self, tenant: &Tenant, email: &str, moment: &Moment<'_>) -> Vec<String>;

    /// Parts of its serialized state that are logs and counters, not what somebody set up; see
    /// [`differences`](super::tenant::differences). Keys joined by dots, `*` for any key.
    fn volatile(&self) -> &'static [&'static str] {
        &[]
    }
}

/// The services: one line each.
pub const SERVICES: &[&dyn Service] = &[&mixpanel::Mixpanel, &okta::Okta, &scim::Scim, &vault::Vault];
