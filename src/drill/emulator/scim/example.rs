//! The directory of a small organisation.

use super::{Group, User};
use crate::drill::emulator::Tenant;

const CREATED: &str = "2026-01-05T08:00:00.000Z";

/// Everybody of Mixpanel, and its teams.
pub(super) fn fill(tenant: &mut Tenant) {
    tenant.scim.token = tenant.draws.secret();
    tenant.scim.claimed_domains = ["acme.example", "agency.example"].map(str::to_owned).into();
    for (email, member) in &tenant.mixpanel.members {
        let user = User {
            user_name: email.clone(),
            active: true,
            version: 1,
            created: CREATED.into(),
            modified: CREATED.into(),
            ..User::default()
        };
        tenant.scim.users.insert(format!("scim-{}", member.id), user);
    }
    for (id, team) in &tenant.mixpanel.teams {
        let member_id =
            |email: &String| tenant.mixpanel.members.get(email).map(|member| format!("scim-{}", member.id));
        let group = Group {
            display_name: team.name.clone(),
            members: team.members.iter().filter_map(member_id).collect(),
            version: 1,
            created: CREATED.into(),
            modified: CREATED.into(),
        };
        tenant.scim.groups.insert(format!("group-{id}"), group);
    }
}
