//! The organization of a small customer, and made-up ones.

use std::collections::BTreeMap;

use super::state::{Assignment, Credential, Group, Member, User};
use crate::drill::emulator::Tenant;
use crate::synth::people::VICTIM;
use crate::synth::rng::Rng;

/// For whom the responders' token acts.
pub(super) const ADMIN: &str = "workspace-admin@acme.example";
/// Id of the compromised account.
const JANE: &str = "1037";
/// Everything that lockdown can use.
const SCOPES: [&str; 5] = ["user", "user.security", "group.readonly", "group.member", "rolemanagement"];
const MIXPANEL: &str = "group-mixpanel";

/// Everybody of Mixpanel comes through one group; the compromised account has a bit of everything.
pub(super) fn fill(tenant: &mut Tenant) {
    base(tenant);
    let codes = (0..3).map(|_| tenant.draws.secret()).collect();
    let state = &mut tenant.google;
    if let Some(jane) = state.users.get_mut(JANE) {
        (jane.admin, jane.enrolled) = (true, true);
        jane.codes = codes;
        jane.passwords.insert(4, "old phone".into());
    }
    state.assignments.insert("501".into(), assigned("21", JANE, Some("unit-agencies")));
    state.assignments.insert("502".into(), assigned("22", MIXPANEL, None));
    if let Some(member) = state.groups.get_mut(MIXPANEL).and_then(|group| group.members.get_mut(JANE)) {
        *member = Member { role: "MANAGER".into(), delivery: "DIGEST".into() };
    }
}

/// People, one group that gives Mixpanel, and the responders' token.
fn base(tenant: &mut Tenant) {
    let emails: Vec<String> = tenant.mixpanel.members.keys().cloned().collect();
    let token = format!("ya29.{}", tenant.draws.secret());
    let state = &mut tenant.google;
    let scopes = SCOPES.map(str::to_owned).into();
    state.credentials.insert(token, Credential { scopes, is_super: true });
    let admin = User { admin: true, enrolled: true, enforced: true, ..person(ADMIN) };
    state.users.insert("1000".into(), admin);
    for (at, email) in emails.iter().enumerate() {
        let id = if email == VICTIM { JANE.to_owned() } else { format!("2{at:03}") };
        state.users.insert(id, person(email));
    }
    if let Some(jane) = state.users.get_mut(JANE) {
        jane.sessions.extend([("laptop".to_owned(), None), ("unknown".to_owned(), None)]);
        jane.tokens.insert("77.apps.example".into(), "Mail reader".into());
    }
    let of_mixpanel = emails.iter().filter_map(|email| state.id_of(email));
    let members: BTreeMap<String, Member> = of_mixpanel.map(|id| (id, Member::default())).collect();
    let (email, name) = ("mixpanel@acme.example".to_owned(), "Mixpanel users".to_owned());
    state.groups.insert(MIXPANEL.into(), Group { email, name, dynamic: false, members });
    state.mixpanel_groups.insert(MIXPANEL.into());
    let roles = [("21", "_USER_MANAGEMENT_ADMIN_ROLE"), ("22", "_GROUPS_READER_ROLE")];
    state.roles.extend(roles.map(|(id, name)| (id.to_owned(), name.to_owned())));
}

/// The compromised account in one of the ways in which accounts are.
pub(super) fn make_up(tenant: &mut Tenant, rng: &mut Rng) {
    base(tenant);
    let codes = (0..rng.below(4)).map(|_| tenant.draws.secret()).collect();
    let state = &mut tenant.google;
    if rng.one_in(12) {
        state.users.remove(JANE);
        state.groups.values_mut().for_each(|group| group.members.retain(|id, _| id != JANE));
        return;
    }
    if let Some(jane) = state.users.get_mut(JANE) {
        jane.suspended = rng.one_in(5);
        jane.admin = rng.one_in(5);
        jane.enrolled = rng.one_in(2);
        jane.enforced = jane.enrolled && rng.one_in(3);
        jane.codes = codes;
        for at in 0..rng.below(3) {
            jane.tokens.insert(format!("8{at}.apps.example"), format!("Application {at}"));
        }
        for (at, name) in ["phone", "printer"].into_iter().enumerate() {
            if rng.one_in(3) {
                jane.passwords.insert(u32::try_from(at).unwrap_or_default(), name.to_owned());
            }
        }
    }
    for (at, role) in ["21", "22"].into_iter().enumerate() {
        if rng.one_in(3) {
            let unit = rng.one_in(2).then_some("unit-agencies");
            state.assignments.insert(format!("60{at}"), assigned(role, JANE, unit));
        }
    }
    for at in 0..3 {
        if rng.one_in(2) {
            let role = rng.word(&["OWNER", "MANAGER", "MEMBER"]).to_owned();
            let delivery = rng.word(&["ALL_MAIL", "DIGEST", "NONE"]).to_owned();
            let members = [(JANE.to_owned(), Member { role, delivery })].into();
            let (email, name) = (format!("group-{at}@acme.example"), format!("Group {at}"));
            let id = format!("group-{at}");
            state.groups.insert(id.clone(), Group { email, name, dynamic: false, members });
            if rng.one_in(2) {
                state.mixpanel_groups.insert(id);
            }
        }
    }
    if rng.one_in(3) {
        let contacts = vec![VICTIM.to_owned()];
        state.users.insert("3000".into(), User { contacts, ..person("partner@acme.example") });
    }
}

fn assigned(role: &str, to: &str, unit: Option<&str>) -> Assignment {
    Assignment { role: role.into(), to: to.into(), unit: unit.map(str::to_owned) }
}

fn person(email: &str) -> User {
    User { email: email.to_owned(), ..User::default() }
}
