//! The secret store of a small organisation.

use super::{Mount, Secret, Token};
use crate::drill::emulator::{Tenant, stored};

const CREATED: &str = "2026-01-05T08:00:00.000Z";

/// Every credential that consumers use.
pub(super) fn fill(tenant: &mut Tenant) {
    let token =
        Token::new("portcullis", "accessor".into(), &["secret/*"], &["create", "read", "update", "patch"]);
    let id = tenant.draws.secret();
    tenant.vault.tokens.insert(id, token);
    let mut mount = Mount::default();
    for (path, fields) in stored::used(tenant) {
        let data = fields.as_object().cloned().unwrap_or_default();
        mount.secrets.insert(path, Secret::new(data, CREATED));
    }
    tenant.vault.mounts.insert("secret".into(), mount);
}
