//! Made-up tenants: random, but every reference holds across the four services. The same seed and size give the same one.

mod identity;
mod organization;
mod secrets;
mod setup;

use std::ops::RangeInclusive;

use super::attacker::Attacker;
use super::draws::Draws;
use super::{Tenant, aws, azure, gcp, mixpanel, okta, onepassword, scim, vault};
use crate::synth::people::{self, Person, VICTIM};
use crate::synth::rng::Rng;

pub use setup::{Setup, Use};

/// When everything was made that has a date.
const LONG_AGO: &str = "2026-01-05T09:00:00.000Z";

/// How large.
#[derive(Debug, Clone)]
pub struct Size {
    /// Projects.
    pub projects: RangeInclusive<i64>,
    /// People besides the responder, the compromised account and a second owner.
    pub members: RangeInclusive<i64>,
    /// Teams.
    pub teams: RangeInclusive<i64>,
    /// Service accounts besides the tool's own.
    pub service_accounts: RangeInclusive<i64>,
}

impl Size {
    /// One to eight projects.
    pub fn small() -> Self {
        Self { projects: 1..=8, members: 1..=12, teams: 0..=4, service_accounts: 0..=10 }
    }

    /// 200 projects and 500 service accounts.
    pub fn large() -> Self {
        Self { projects: 200..=200, members: 60..=60, teams: 12..=12, service_accounts: 500..=500 }
    }
}

/// What the parts are made of.
struct Maker {
    rng: Rng,
    draws: Draws,
    size: Size,
    /// The responder, the compromised account, a second owner, then the others.
    people: Vec<Person>,
}

impl Maker {
    fn count(&mut self, range: &RangeInclusive<i64>) -> usize {
        usize::try_from(self.rng.between(*range.start(), *range.end())).unwrap_or_default()
    }

    fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.draws.letters(17))
    }
}

impl Tenant {
    /// A tenant of this size with a compromised collaborator, and what a client needs to know to act in it.
    pub fn generate(seed: u64, size: &Size) -> (Self, Setup) {
        let mut rng = Rng::new(seed);
        let mut maker = Maker { draws: Draws::new(rng.bits()), people: Vec::new(), size: size.clone(), rng };
        let members = maker.count(&size.members);
        maker.people = people::staff(members + 3, &mut maker.rng);
        let mixpanel = maker.organization();
        let claimed = maker.rng.one_in(2);
        let okta = maker.identity(claimed);
        let scim = maker.directory(claimed, &mixpanel, &okta);
        let (vault, uses) = maker.secrets(&mixpanel);
        let setup = setup::of(&mixpanel, &okta, &scim, &vault, uses);
        let mut tenant = Self {
            attacker: intruder(&mixpanel),
            mixpanel,
            okta,
            scim,
            vault,
            aws: aws::State::default(),
            onepassword: onepassword::State::default(),
            gcp: gcp::State::default(),
            azure: azure::State::default(),
            audit: Vec::new(),
            draws: maker.draws,
        };
        tenant.settle();
        (tenant, setup)
    }

    /// Whom the directory has deactivated, the vendor has too.
    fn settle(&mut self) {
        for user in self.scim.users.values() {
            if let Some(member) = self.mixpanel.members.get_mut(&user.user_name) {
                member.active = user.active;
            }
        }
    }
}

/// Somebody with the account's sessions, the service accounts that it made, and one whose secret it could see.
fn intruder(mixpanel: &mixpanel::State) -> Attacker {
    let own = mixpanel.members.get(VICTIM).map(|member| member.id);
    let accounts = mixpanel.service_accounts.values().skip(1);
    let made = accounts.clone().filter(|account| Some(account.creator) == own);
    let seen = accounts.filter(|account| Some(account.creator) != own).take(1);
    let sessions = mixpanel.sessions.iter().filter(|(_, session)| session.email == VICTIM);
    Attacker {
        email: VICTIM.to_owned(),
        ip: "203.0.113.66".to_owned(),
        sessions: sessions.map(|(cookie, _)| cookie.clone()).collect(),
        service_accounts: made
            .chain(seen)
            .map(|account| (account.username.clone(), account.secret.clone()))
            .collect(),
        knows_password: false,
        attempts: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
