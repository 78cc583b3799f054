//! Writing the audit log.

use serde_json::Value;

use super::auth::Caller;
use crate::drill::emulator::audit::{Actor, Entry};
use crate::drill::emulator::{Moment, Tenant};

/// Notes what a caller of the API did, where the switch says that such things are noted.
pub(super) fn log(
    tenant: &mut Tenant,
    caller: &Caller,
    action: &str,
    project: Option<u64>,
    details: Value,
    moment: &Moment<'_>,
) {
    // What is done with a session is done on the web page, whose actions are always noted.
    let by_api = caller.account.is_some();
    if !by_api || moment.switches.mixpanel.audit_covers_api || action == "raw_event_export.requested" {
        write(tenant, caller.actor.clone(), action, project, details, moment.wall.nanos);
    }
}

/// Adds an entry.
pub(super) fn write(
    tenant: &mut Tenant,
    actor: Actor,
    action: &str,
    project: Option<u64>,
    details: Value,
    nanos: i64,
) {
    let project = project.and_then(|id| Some((id, tenant.mixpanel.projects.get(&id)?.name.clone())));
    tenant.audit.push(Entry { nanos, actor, action: action.to_owned(), project, details });
}
