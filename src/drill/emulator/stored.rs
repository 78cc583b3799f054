//! What the secret stores of tenants hold of the vendor's credentials.

use serde_json::{Value, json};

use super::mixpanel::USED;
use super::{Entry, Tenant};

/// Every credential that consumers use in a small organisation: the entry's path, and its fields.
pub(super) fn used(tenant: &Tenant) -> Vec<(String, Value)> {
    let accounts = USED.iter().filter_map(|id| Some((id, tenant.mixpanel.service_accounts.get(id)?)));
    let fields = accounts.map(|(id, account)| {
        let url = "https://mixpanel.example";
        (
            format!("mixpanel/{id}"),
            json!({ "username": account.username, "secret": account.secret, "url": url }),
        )
    });
    fields.collect()
}

/// The user names of those credentials.
pub(super) fn usernames(tenant: &Tenant) -> Vec<String> {
    let accounts = USED.iter().filter_map(|id| tenant.mixpanel.service_accounts.get(id));
    accounts.map(|account| account.username.clone()).collect()
}

/// Of the entries of a store, by path and user name, those that hold the credential of a service account.
pub(super) fn entries(
    tenant: &Tenant,
    store: &'static str,
    named: impl Iterator<Item = (String, String)>,
) -> Vec<Entry> {
    let is_account = |username: &String| {
        tenant.mixpanel.service_accounts.values().any(|account| account.username == *username)
    };
    let held = named.filter(|(_, username)| is_account(username));
    held.map(|(path, username)| Entry { store, path, username }).collect()
}
