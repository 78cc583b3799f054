//! The configuration that the responders of an emulated tenant have: every kind of provider, store and consumer
//! whose service is emulated, and an inventory of who uses which service account.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::emulator::{Client, Emulator, Entry, Flow, Place, SERVICES, Tenant};
use crate::config::KindSpec;
use crate::lockdown::open;

/// Text of the files, and the environment that they refer to.
pub struct Configuration {
    /// `portcullis.toml`.
    pub portcullis: String,
    /// `integrations.toml`.
    pub integrations: String,
    /// Variables with the credentials.
    pub environment: Vec<(String, String)>,
}

impl Configuration {
    /// For this emulator. `head` stands before the instances, and may end in tables; `each` stands in every instance that
    /// has an address. Stores without a service are local: their settings are the examples of their kind.
    pub fn of(emulator: &Emulator, head: &str, each: &str) -> Self {
        let tenant = emulator.tenant();
        let mut portcullis = format!("inventory = \"integrations.toml\"\n{head}\n");
        let mut environment = Vec::new();
        let catalog = open::catalog();
        let roles =
            [("provider", catalog.providers), ("store", catalog.stores), ("consumer", catalog.consumers)];
        for (role, kinds) in roles {
            for kind in kinds {
                if let Some((base, client)) = client(emulator, &tenant, kind.name) {
                    portcullis.push_str(&section(role, kind, &base, &client, each));
                    environment.push((variable(kind), client.credential));
                } else if kind.credential.is_empty() {
                    portcullis.push_str(&local(role, kind));
                }
            }
        }
        Self { portcullis, integrations: integrations(&tenant), environment }
    }
}

/// The service of a kind: its address, and how it is used.
fn client(emulator: &Emulator, tenant: &Tenant, kind: &str) -> Option<(String, Client)> {
    SERVICES.iter().find_map(|service| {
        let base = emulator.base_url(service.name());
        let client = service.client(kind, tenant, &base)?;
        Some((base, client))
    })
}

fn variable(kind: &KindSpec) -> String {
    format!("PORTCULLIS_{}", kind.name.to_ascii_uppercase().replace('-', "_"))
}

// Writing to a String cannot fail.
fn section(role: &str, kind: &KindSpec, base: &str, client: &Client, each: &str) -> String {
    let Client { path, settings, .. } = client;
    let mut text = format!("[{role}.{}]\nbase-url = \"{base}{path}\"\n", kind.name);
    let _ = writeln!(text, "credential = \"env:{}\"\n{each}", variable(kind));
    for (name, value) in settings {
        let _ = writeln!(text, "{name} = {value}");
    }
    text
}

fn local(role: &str, kind: &KindSpec) -> String {
    let mut text = format!("[{role}.{}]\n", kind.name);
    for setting in kind.settings.iter().filter(|setting| setting.required) {
        let _ = writeln!(text, "{} = \"{}\"", setting.name, setting.example);
    }
    text
}

/// One for every entry of a store that holds the credential of a service account, with the place of a consumer that has a
/// copy, or the flows that run on it; and one for the flows that each person has set up. What the attacker knows was made by the account, or shown to it.
fn integrations(tenant: &Tenant) -> String {
    let mut text = String::new();
    let entries = SERVICES.iter().flat_map(|service| service.entries(tenant));
    let places: Vec<Place> = SERVICES.iter().flat_map(|service| service.places(tenant)).collect();
    let flows: Vec<Flow> = SERVICES.iter().flat_map(|service| service.flows(tenant)).collect();
    for (number, Entry { store, path, username }) in (1..).zip(entries) {
        let known = tenant.attacker.service_accounts.iter().any(|(known, _)| *known == username);
        let _ = writeln!(
            text,
            "[[integration]]\nname = \"use-{number}\"\ntype = \"service-account\"\ncredential = {username:?}\n\
             consumer = \"job {number}\"\nstore = {store:?}\npath = {path:?}"
        );
        for Place { system, place, names: [own, secret], holds, .. } in &places {
            if holds.first() == Some(&username) {
                let _ = writeln!(
                    text,
                    "system = {system:?}\nplace = {place:?}\n\
                     place-fields = {{ username = {own:?}, secret = {secret:?} }}"
                );
            }
        }
        text.push_str(&paused(&flows, |flow| flow.username.as_ref() == Some(&username)));
        if known {
            let _ = writeln!(text, "created-by = {:?}", tenant.attacker.email);
        }
    }
    let by: BTreeSet<Option<&String>> = flows.iter().map(|flow| flow.by.as_ref()).collect();
    for (number, by) in (1..).zip(by) {
        let own = paused(&flows, |flow| flow.username.is_none() && flow.by.as_ref() == by);
        if !own.is_empty() {
            let _ = writeln!(
                text,
                "[[integration]]\nname = \"flow-{number}\"\ntype = \"pipeline\"\nconsumer = \"a warehouse\"\n{own}"
            );
            let _ = by.map(|by| writeln!(text, "created-by = {by:?}"));
        }
    }
    text
}

/// What a row says of those of the flows; they are in one system.
fn paused(flows: &[Flow], is_it: impl Fn(&&Flow) -> bool) -> String {
    let names: Vec<&String> = flows.iter().filter(&is_it).map(|flow| &flow.name).collect();
    let system = flows.iter().find(is_it).map(|flow| flow.system);
    system.map_or_else(String::new, |system| format!("system = {system:?}\npause = {names:?}\n"))
}
