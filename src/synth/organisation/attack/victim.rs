//! Whose account is stolen, and when it is used: each behaviour needs an account that it is unusual for.

use super::Behaviour;
use crate::synth::START;
use crate::synth::organisation::diary::{Diary, Entry, What};
use crate::synth::organisation::member::{Member, Role};
use crate::synth::organisation::staff::Staff;
use crate::synth::rng::Rng;

/// An account and the day on which it is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Victim {
    pub who: usize,
    pub day: i64,
    /// The owner's sign-in that day, where the behaviour needs one.
    pub login: Option<i64>,
}

/// Somebody whom the behaviour suits and who is not `taken`; `None` if there is nobody.
pub(super) fn choose(
    behaviour: Behaviour,
    days: i64,
    staff: &Staff,
    taken: &[usize],
    diary: &Diary,
    rng: &mut Rng,
) -> Option<Victim> {
    let day = rng.between(days * 11 / 20, days - 12);
    let found = match behaviour {
        Behaviour::ServiceAccountFromNewNetwork => {
            let old = staff.services.iter().filter(|service| service.from < 60 && service.moved.is_none());
            let services: Vec<usize> = old.map(|service| service.who).collect();
            rng.pick(&services).map(|&who| Victim { who, day, login: None })
        }
        Behaviour::DormantAccountWakes => dormant(days, staff, diary, rng),
        Behaviour::ImpossibleTravel => {
            let logins: Vec<&Entry> = diary
                .entries
                .iter()
                .filter(|entry| is_login(entry) && (day - 20..day + 8).contains(&day_of(entry)))
                .collect();
            rng.pick(&logins).map(|entry| Victim {
                who: entry.moment.who,
                day: day_of(entry),
                login: Some(entry.moment.time),
            })
        }
        _ => {
            let suited: Vec<usize> = staff
                .members
                .iter()
                .filter(|member| {
                    suits(behaviour, member, day) && History::of(member, day, diary).suits(behaviour)
                })
                .map(|member| member.who)
                .collect();
            rng.pick(&suited).map(|&who| Victim { who, day, login: None })
        }
    };
    found.filter(|victim| !taken.contains(&victim.who))
}

fn is_login(entry: &Entry) -> bool {
    let okta = matches!(entry.what, What::Okta { event: "user.session.start", failure: None, .. });
    okta && entry.moment.mark.is_none()
}

fn day_of(entry: &Entry) -> i64 {
    (entry.moment.time - START).div_euclid(86_400)
}

/// An account that was last used more than 95 days before.
fn dormant(days: i64, staff: &Staff, diary: &Diary, rng: &mut Rng) -> Option<Victim> {
    let who = *rng.pick(&staff.forgotten)?;
    let own = diary.entries.iter().filter(|entry| entry.moment.who == who);
    let last = own.map(day_of).max()?;
    let first = last + 95;
    (first < days - 3).then(|| Victim { who, day: rng.between(first, days - 3), login: None })
}

fn suits(behaviour: Behaviour, member: &Member, day: i64) -> bool {
    let there = member.works(day)
        && member.trip.as_ref().is_none_or(|trip| (day - 10) * 86_400 + START > trip.back.end);
    let role = match behaviour {
        Behaviour::ExportAgainstOwnHistory => member.role == Role::Analyst,
        Behaviour::ExportAgainstPeers => member.exports < 100,
        Behaviour::UnusualCohort => member.cohorts.is_none(),
        Behaviour::SettingsChangeThenExport => member.role != Role::Admin,
        Behaviour::ServiceAccountThenRawExport
        | Behaviour::OutsiderInvitedThenPromoted
        | Behaviour::RoleChangeThenSync => member.role == Role::Admin,
        Behaviour::ApiTokenThenNewNetwork => member.role == Role::Admin && !member.password,
        Behaviour::FactorResetThenNewNetwork | Behaviour::PushFatigue => !member.password,
        _ => true,
    };
    there && role
}

/// What somebody did before the day.
struct History {
    records: usize,
    exports: usize,
}

impl History {
    fn of(member: &Member, day: i64, diary: &Diary) -> Self {
        let own = diary.entries.iter().filter(|entry| entry.moment.who == member.who && day_of(entry) < day);
        let mut history = Self { records: 0, exports: 0 };
        for entry in own {
            history.records += 1;
            let exported = matches!(entry.what, What::Mixpanel { action, .. } if action.contains("export"));
            history.exports += usize::from(exported);
        }
        history
    }

    /// Without a history nothing is unusual.
    fn suits(&self, behaviour: Behaviour) -> bool {
        let exports = match behaviour {
            Behaviour::ExportAgainstOwnHistory => self.exports >= 10,
            Behaviour::ExportAgainstPeers => self.exports <= 2,
            _ => true,
        };
        self.records >= 40 && exports
    }
}
