//! What a service is, and which there are.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    Answer, Request, Switches, Tenant, auth0, aws, azure, bigquery, census, entra, gcp, google, hightouch,
    iam, lambda, looker, mixpanel, okta, onelogin, onepassword, pingone, scim, snowflake, tableau, vault,
};
use crate::event::time::Timestamp;
use crate::synth::rng::Rng;

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

/// An entry of a secret store that holds the credential of a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name of the store's kind, and so of its instance.
    pub store: &'static str,
    /// The entry's path, as the inventory names it.
    pub path: String,
    /// Username of the service account.
    pub username: String,
}

/// A place in a consumer that has a copy of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the consumer's kind, and so of its instance.
    pub system: &'static str,
    /// The place, as the inventory names it.
    pub place: String,
    /// The names there of the username and of the secret.
    pub names: [String; 2],
    /// The username and the secret that the consumer works with.
    pub holds: [String; 2],
    /// All else that it works with there.
    pub others: BTreeMap<String, String>,
}

/// What carries data by itself in a system of the organisation's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Name of the consumer's kind, and so of its instance.
    pub system: &'static str,
    /// The flow, as the inventory names it.
    pub name: String,
    /// Username of the service account that it works with; none where the vendor works with what it was given.
    pub username: Option<String>,
    /// E-mail of whoever set it up, where that is known.
    pub by: Option<String>,
    /// It carries something.
    pub runs: bool,
}

/// How much of a service's rate limit is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests that the full limit allows.
    pub limit: u32,
    /// Those that are left.
    pub remaining: u32,
    /// Seconds until there is room again, rounded up.
    pub wait: u64,
    /// The second since 1970 at which there is.
    pub reset: i64,
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

    /// What the responders configure for a provider, store or consumer of this kind, with the service at this base address; `None`
    /// where it does not serve that kind, or they have no credential.
    fn client(&self, kind: &str, tenant: &Tenant, base: &str) -> Option<Client>;

    /// Puts a small example of what the service keeps into a tenant: around the members that Mixpanel has, with the
    /// compromised account among them, and with a credential of the responders, so that [`Service::client`] serves its
    /// kinds. Every kind is swept in such a tenant.
    fn example(&self, tenant: &mut Tenant);

    /// The same by chance: for trials in many tenants.
    fn made_up(&self, tenant: &mut Tenant, rng: &mut Rng) {
        let _ = rng;
        self.example(tenant);
    }

    /// The account signs in: whether it lets it in to Mixpanel, as an identity provider does.
    fn signs_in(&self, tenant: &mut Tenant, email: &str, moment: &Moment<'_>) -> bool {
        let (_, _, _) = (tenant, email, moment);
        false
    }

    /// Entries that hold credentials of service accounts, where it is a secret store.
    fn entries(&self, tenant: &Tenant) -> Vec<Entry> {
        let _ = tenant;
        Vec::new()
    }

    /// Places that have a copy of a credential, where it is a consumer of them.
    fn places(&self, tenant: &Tenant) -> Vec<Place> {
        let _ = tenant;
        Vec::new()
    }

    /// Flows, where it has some.
    fn flows(&self, tenant: &Tenant) -> Vec<Flow> {
        let _ = tenant;
        Vec::new()
    }

    /// Headers by which each of its answers says how much of the limit is left; a 429 has them instead of `Retry-After`.
    /// `None`: there are none.
    fn limit_headers(&self, left: &Allowance) -> Option<Vec<(&'static str, String)>> {
        let _ = left;
        None
    }

    /// Ways by which an account, or whoever took it over, still gets in, in words that name the service.
    fn ways_in(&self, tenant: &Tenant, email: &str, moment: &Moment<'_>) -> Vec<String>;

    /// Parts of its serialized state that are logs and counters, not what somebody set up; see
    /// [`differences`](super::tenant::differences). Keys joined by dots, `*` for any key.
    fn volatile(&self) -> &'static [&'static str] {
        &[]
    }
}

/// The services: one line each.
pub const SERVICES: &[&dyn Service] = &[
    &mixpanel::Mixpanel,
    &okta::Okta,
    &scim::Scim,
    &vault::Vault,
    &entra::Entra,
    &auth0::Auth0,
    &onelogin::OneLogin,
    &aws::Aws,
    &onepassword::Connect,
    &gcp::Gcp,
    &azure::Azure,
    &pingone::PingOne,
    &google::Google,
    &lambda::Lambda,
    &looker::Looker,
    &tableau::Tableau,
    &census::Census,
    &hightouch::Hightouch,
    &iam::Iam,
    &snowflake::Snowflake,
    &bigquery::BigQuery,
];
