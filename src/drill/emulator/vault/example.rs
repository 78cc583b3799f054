//! The secret store of a small organisation.

use serde_json::{Map, json};

use super::{Mount, Secret, Token};
use crate::drill::emulator::Tenant;
use crate::drill::emulator::mixpanel::USED;

const CREATED: &str = "2026-01-05T08:00:00.000Z";

/// Every credential that consumers use.
pub(super) fn fill(tenant: &mut Tenant) {
    let token =
        Token::new("portcullis", "accessor".into(), &["secret/*"], &["create", "read", "update", "patch"]);
    let id = tenant.draws.secret();
    tenant.vault.tokens.insert(id, token);
    let mut mount = Mount::default();
    let used = USED.iter().filter_map(|id| Some((id, tenant.mixpanel.service_accounts.get(id)?)));
    for (id, account) in used {
        let mut data = Map::new();
        data.insert("username".into(), json!(account.username));
        data.insert("secret".into(), json!(account.secret));
        data.insert("url".into(), json!("https://mixpanel.example"));
        mount.secrets.insert(format!("mixpanel/{id}"), Secret::new(data, CREATED));
    }
    tenant.vault.mounts.insert("secret".into(), mount);
}
