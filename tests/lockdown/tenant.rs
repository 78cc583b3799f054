//! The tenants that are swept.

use std::fmt::Write as _;

use portcullis::drill::emulator::{SERVICES, Service, Tenant};
use portcullis::synth::people::RESPONDER;
use portcullis::synth::rng::Rng;

/// What the small tenant has besides Mixpanel.
pub const AROUND: [&str; 3] = ["scim", "okta", "vault"];

/// The small organisation, with an identity provider, a directory and a secret store around it.
pub fn small(seed: u64) -> Tenant {
    let mut tenant = Tenant::example(seed);
    for name in AROUND {
        let service = SERVICES.iter().find(|service| service.name() == name);
        service.expect("a service").example(&mut tenant);
    }
    tenant
}

/// Services that the small tenant does not have. No organisation has them all: each is swept in a tenant of its own.
pub fn further() -> impl Iterator<Item = &'static dyn Service> {
    let is_small = |name: &str| name == "mixpanel" || AROUND.contains(&name);
    SERVICES.iter().copied().filter(move |service| !is_small(service.name()))
}

/// The small organisation's Mixpanel, and one service beside it.
pub fn beside(service: &dyn Service, seed: u64) -> Tenant {
    let mut tenant = Tenant::example(seed);
    service.example(&mut tenant);
    tenant
}

/// The same, without service accounts in teams: no person has to take them out.
pub fn beside_without_teams(service: &dyn Service, seed: u64) -> Tenant {
    let mut tenant = beside(service, seed);
    tenant.mixpanel.teams.values_mut().for_each(|team| team.service_accounts.clear());
    tenant
}

/// A made-up Mixpanel, and one service beside it, made up too.
pub fn made_up_beside(service: &dyn Service, seed: u64, mut tenant: Tenant) -> Tenant {
    let empty = Tenant::example(seed);
    (tenant.okta, tenant.scim, tenant.vault) = (empty.okta, empty.scim, empty.vault);
    service.made_up(&mut tenant, &mut Rng::new(seed));
    tenant
}

/// Integrations beyond those that the store's entries tell: one of the accounts that the account made is in use, and its
/// secret lies in the local store.
pub fn more_integrations(tenant: &Tenant) -> String {
    let user = tenant.mixpanel.members.get(&tenant.attacker.email).map(|member| member.id);
    let mut made = tenant.mixpanel.service_accounts.values().filter(|account| Some(account.creator) == user);
    let mut text = String::new();
    if let Some(account) = made.next_back() {
        let _ = writeln!(
            text,
            "[[integration]]\nname = \"local\"\ntype = \"service-account\"\ncredential = {:?}\nconsumer = \"a job\"\n\
             store = \"file\"\npath = \"mixpanel/local\"\ncreated-by = {RESPONDER:?}",
            account.username
        );
    }
    // One secret that two jobs read from two stores.
    let first = SERVICES.iter().flat_map(|service| service.entries(tenant)).next();
    if let Some(entry) = first {
        let _ = writeln!(
            text,
            "[[integration]]\nname = \"second\"\ntype = \"service-account\"\ncredential = {:?}\n\
             consumer = \"another job\"\nstore = \"file\"\npath = \"mixpanel/second\"",
            entry.username
        );
    }
    text
}
