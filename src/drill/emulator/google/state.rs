//! What the organization keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::super::clients::Clients;
use super::ServiceAccount;

/// Its part of the tenant.
#[derive(Clone, Default, Serialize)]
pub struct State {
    /// People by id.
    pub users: BTreeMap<String, User>,
    /// Groups by id.
    pub groups: BTreeMap<String, Group>,
    /// Ids of groups whose people may use Mixpanel, as the console has it: no API shows it.
    pub mixpanel_groups: BTreeSet<String>,
    /// Administrators' roles by id, without that of super administrators.
    pub roles: BTreeMap<String, String>,
    /// Who has which role, by the id of the assignment, which is new each time.
    #[serde(serialize_with = "without_ids")]
    pub assignments: BTreeMap<String, Assignment>,
    /// The responders' access tokens.
    pub credentials: BTreeMap<String, Credential>,
    /// The responders' service account, whose key is then their credential.
    pub service_account: Option<ServiceAccount>,
    /// Tokens that its key got.
    pub clients: Clients<Credential>,
    /// What the responders' configuration gives a block to hold everywhere.
    pub settle_seconds: u64,
    /// What reads that lag behind still show: until when it was so, in milliseconds since the emulator started.
    pub past: Vec<(u64, Box<State>)>,
}

/// A person.
#[expect(clippy::struct_excessive_bools, reason = "the vendor has as many")]
#[derive(Clone, Default, Serialize)]
pub struct User {
    /// Address to sign in with.
    pub email: String,
    /// Further ones.
    pub aliases: Vec<String>,
    /// Addresses of the profile, by which nobody signs in.
    pub contacts: Vec<String>,
    /// When it was made, in milliseconds since the emulator started.
    pub made_ms: u64,
    /// May not sign in.
    pub suspended: bool,
    /// Super administrator.
    pub admin: bool,
    /// Has second factors.
    pub enrolled: bool,
    /// Has to have them.
    pub enforced: bool,
    /// Backup codes.
    pub codes: Vec<String>,
    /// Applications that have tokens, by client id: their names.
    pub tokens: BTreeMap<String, String>,
    /// App passwords by id: their names.
    pub passwords: BTreeMap<u32, String>,
    /// Sessions by id: until when cookies count that were reset, in milliseconds since the emulator started.
    pub sessions: BTreeMap<String, Option<u64>>,
}

/// A group.
#[derive(Clone, Default, Serialize)]
pub struct Group {
    /// Address.
    pub email: String,
    /// Name.
    pub name: String,
    /// A rule fills it; no field of the API says so.
    pub dynamic: bool,
    /// How people are in it, by their ids.
    pub members: BTreeMap<String, Member>,
}

/// How somebody is in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// `OWNER`, `MANAGER` or `MEMBER`.
    pub role: String,
    /// Which mail of the group comes: `ALL_MAIL`.
    pub delivery: String,
}

impl Default for Member {
    fn default() -> Self {
        Self { role: "MEMBER".into(), delivery: "ALL_MAIL".into() }
    }
}

/// That somebody has an administrator's role.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Assignment {
    /// Id of the role.
    pub role: String,
    /// Id of the person or the group.
    pub to: String,
    /// The organizational unit that it is limited to.
    pub unit: Option<String>,
}

/// What an access token may do.
#[derive(Clone, Default, Serialize)]
pub struct Credential {
    /// Scopes, without what is before `admin.directory.`.
    pub scopes: BTreeSet<String>,
    /// It acts for a super administrator.
    pub is_super: bool,
}

/// Assignments compare by what they are.
fn without_ids<S: Serializer>(all: &BTreeMap<String, Assignment>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(all.values().collect::<BTreeSet<&Assignment>>())
}

impl User {
    /// Whether it signs in by this address.
    pub(super) fn is_called(&self, email: &str) -> bool {
        std::iter::once(&self.email).chain(&self.aliases).any(|name| name.eq_ignore_ascii_case(email))
    }

    /// Whether the address is anywhere in its profile.
    pub(super) fn mentions(&self, email: &str) -> bool {
        self.is_called(email) || self.contacts.iter().any(|name| name.eq_ignore_ascii_case(email))
    }
}

impl State {
    /// The id of whom a key means: an id, an address or an alias.
    pub(super) fn id_of(&self, key: &str) -> Option<String> {
        let called = || self.users.iter().find(|(_, user)| user.is_called(key)).map(|(id, _)| id.clone());
        self.users.get_key_value(key).map(|(id, _)| id.clone()).or_else(called)
    }

    /// The id of the group that a key means.
    pub(super) fn group_id(&self, key: &str) -> Option<String> {
        let called = |group: &Group| group.email.eq_ignore_ascii_case(key);
        let by_address = || self.groups.iter().find(|(_, group)| called(group)).map(|(id, _)| id.clone());
        self.groups.get_key_value(key).map(|(id, _)| id.clone()).or_else(by_address)
    }

    /// Whether the address is in a domain of the organization.
    pub(super) fn has_domain_of(&self, email: &str) -> bool {
        let domain = |email: &str| email.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
        self.users.values().any(|user| domain(&user.email) == domain(email))
    }

    /// What a read at `millis` sees that lags so far behind.
    pub(super) fn seen(&self, millis: u64, lag: u64) -> &Self {
        let Some(then) = millis.checked_sub(lag) else {
            return self.past.first().map_or(self, |(_, old)| old);
        };
        self.past.iter().find(|(until, _)| *until > then).map_or(self, |(_, old)| old)
    }

    /// Keeps what is there before it is changed, where reads lag behind.
    pub(super) fn remember(&mut self, millis: u64, lag: u64) {
        if lag > 0 {
            let before = Self { past: Vec::new(), ..self.clone() };
            self.past.push((millis, Box::new(before)));
        }
    }
}
