//! What a client needs to know to act in a made-up tenant.

use std::fmt::Write as _;

use toml::Value;

use super::identity::TOOL_TOKEN;
use super::organization::TOOL_ACCOUNT;
use super::{mixpanel, okta, scim, secrets, vault};
use crate::synth::people::{RESPONDER, VICTIM};

/// Credentials of the tool, and the names that its configuration needs. Not printable: it holds secrets.
#[derive(Clone)]
pub struct Setup {
    /// The account to shut out.
    pub compromised: String,
    /// Who responds.
    pub responder: String,
    /// Id of the organisation.
    pub organization: u64,
    /// Username and secret of the tool's service account.
    pub service_account: (String, String),
    /// Id of the tool's service account.
    pub service_account_id: u64,
    /// The tool's Okta API token, which belongs to another administrator.
    pub okta_token: String,
    /// Id of that token.
    pub okta_token_id: String,
    /// Id of the application that leads to Mixpanel.
    pub okta_app: String,
    /// The directory's bearer token.
    pub scim_token: String,
    /// The tool's token at the secret store.
    pub vault_token: String,
    /// The store's mount.
    pub vault_mount: String,
    /// The inventory.
    pub uses: Vec<Use>,
}

/// A row of the inventory: who uses which service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Name of the row.
    pub name: String,
    /// A project.
    pub project: Option<u64>,
    /// Username of the service account.
    pub credential: String,
    /// Its entry in the store, with fields `username` and `secret`; none where it is kept elsewhere.
    pub path: Option<String>,
    /// Who reads it.
    pub consumer: String,
    /// Whom to ask.
    pub owner: String,
    /// Who made the service account.
    pub created_by: String,
}

impl Setup {
    /// The inventory as the file `integrations.toml`, for a store of this name.
    pub fn inventory(&self, store: &str) -> String {
        let mut text = String::new();
        for row in &self.uses {
            let mut line = |key: &str, value: &str| {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{key} = {}", Value::String(value.to_owned()));
            };
            line("name", &row.name);
            line("type", "service-account");
            line("credential", &row.credential);
            line("consumer", &row.consumer);
            line("owner", &row.owner);
            line("created-by", &row.created_by);
            if let Some(project) = row.project {
                line("project", &project.to_string());
            }
            if let Some(path) = &row.path {
                line("store", store);
                line("path", path);
            }
            text.push('\n');
        }
        text.split_inclusive("\n\n").fold(String::new(), |all, row| all + "[[integration]]\n" + row)
    }
}

pub(super) fn of(
    mixpanel: &mixpanel::State,
    okta: &okta::State,
    scim: &scim::State,
    vault: &vault::State,
    uses: Vec<Use>,
) -> Setup {
    let account = mixpanel.service_accounts.get(&TOOL_ACCOUNT).cloned().unwrap_or_default();
    let token = okta.tokens.iter().find(|(_, token)| token.name == TOOL_TOKEN);
    let vault_token = vault.tokens.iter().find(|(_, token)| token.display_name == secrets::TOOL);
    Setup {
        compromised: VICTIM.to_owned(),
        responder: RESPONDER.to_owned(),
        organization: mixpanel.organization_id,
        service_account: (account.username, account.secret),
        service_account_id: TOOL_ACCOUNT,
        okta_token: token.map(|(_, token)| token.secret.clone()).unwrap_or_default(),
        okta_token_id: token.map(|(id, _)| id.clone()).unwrap_or_default(),
        okta_app: okta.mixpanel_app().map(|(id, _)| id.to_owned()).unwrap_or_default(),
        scim_token: scim.token.clone(),
        vault_token: vault_token.map(|(id, _)| id.clone()).unwrap_or_default(),
        vault_mount: secrets::MOUNT.to_owned(),
        uses,
    }
}
