//! What attackers do with stolen accounts, and which rules should say so.

mod script;
mod victim;

use super::Book;
use super::diary::{Diary, Entry};
use super::places::Zones;
use super::staff::Staff;
use crate::synth::people::Person;
use crate::synth::rng::Rng;

/// A way in which an attacker gives themselves away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it; `script.rs` has what is done")]
pub enum Behaviour {
    ExportsAtNight,
    LoginFromUnfamiliarNetwork,
    ImpossibleTravel,
    ExportAgainstOwnHistory,
    ExportAgainstPeers,
    UnusualCohort,
    DormantAccountWakes,
    FailedLoginsThenSuccess,
    SecondFactorOffThenNewNetwork,
    SettingsChangeThenExport,
    ServiceAccountThenRawExport,
    OutsiderInvitedThenPromoted,
    RoleChangeThenSync,
    DeletionAfterExport,
    AuditLogExportedThenQuiet,
    ServiceAccountFromNewNetwork,
    FactorResetThenNewNetwork,
    PushFatigue,
    ApiTokenThenNewNetwork,
    ExportFromUnfamiliarNetwork,
}

use Behaviour::{
    ApiTokenThenNewNetwork, AuditLogExportedThenQuiet, DeletionAfterExport, DormantAccountWakes,
    ExportAgainstOwnHistory, ExportAgainstPeers, ExportFromUnfamiliarNetwork, ExportsAtNight,
    FactorResetThenNewNetwork, FailedLoginsThenSuccess, ImpossibleTravel, LoginFromUnfamiliarNetwork,
    OutsiderInvitedThenPromoted, PushFatigue, RoleChangeThenSync, SecondFactorOffThenNewNetwork,
    ServiceAccountFromNewNetwork, ServiceAccountThenRawExport, SettingsChangeThenExport, UnusualCohort,
};

/// Every behaviour, and the rules of which at least one should find it.
pub const EXPECTED: &[(Behaviour, &[&str])] = &[
    (ExportsAtNight, &["mixpanel_export_off_hours", "mixpanel_export_unusual_hour"]),
    (LoginFromUnfamiliarNetwork, &["any_login_unfamiliar_network", "any_login_network_new_to_organisation"]),
    (ImpossibleTravel, &["any_impossible_travel"]),
    (ExportAgainstOwnHistory, &["mixpanel_export_volume_own"]),
    (ExportAgainstPeers, &["mixpanel_export_volume_peers"]),
    (UnusualCohort, &["mixpanel_cohort_unusual"]),
    (DormantAccountWakes, &["any_dormant_account_wakes"]),
    (FailedLoginsThenSuccess, &["any_failed_logins_then_success"]),
    (SecondFactorOffThenNewNetwork, &["mixpanel_second_factor_off_then_new_network"]),
    (SettingsChangeThenExport, &["mixpanel_settings_change_then_export"]),
    (ServiceAccountThenRawExport, &["mixpanel_service_account_then_raw_export"]),
    (OutsiderInvitedThenPromoted, &["mixpanel_outsider_invited_then_promoted"]),
    (RoleChangeThenSync, &["mixpanel_role_change_then_sync"]),
    (DeletionAfterExport, &["mixpanel_deletion_after_export"]),
    (AuditLogExportedThenQuiet, &["mixpanel_audit_log_exported_then_quiet"]),
    (ServiceAccountFromNewNetwork, &["mixpanel_service_account_unfamiliar_network"]),
    (FactorResetThenNewNetwork, &["okta_factor_reset_then_new_network"]),
    (PushFatigue, &["okta_push_fatigue"]),
    (ApiTokenThenNewNetwork, &["okta_api_token_then_new_network", "okta_api_token_then_call"]),
    (ExportFromUnfamiliarNetwork, &["mixpanel_export_unfamiliar_network", "mixpanel_export_fresh_network"]),
];

/// One behaviour of an attacker, where it can be seen.
#[derive(Debug, Clone)]
pub struct Truth {
    /// What it is.
    pub behaviour: Behaviour,
    /// The stolen account.
    pub actor: String,
    /// The stolen account and those that the attacker made.
    pub accounts: Vec<String>,
    /// Time of the attacker's first record.
    pub start: i64,
    /// Time of the attacker's last record.
    pub end: i64,
    /// The records that show it; they count from 1.
    pub records: Vec<(Book, u64)>,
    /// The rules of which at least one should find it.
    pub rules: &'static [&'static str],
}

/// A behaviour and the accounts that an attacker used for it, the stolen one first.
#[derive(Debug)]
pub struct Incident {
    behaviour: Behaviour,
    accounts: Vec<usize>,
}

/// Plants one to three behaviours, each with an account of its own.
pub fn plant(seed: u64, days: i64, staff: &mut Staff, zones: &Zones, diary: &mut Diary) -> Vec<Incident> {
    let mut rng = Rng::new(seed ^ 0x00A7_7AC4);
    let wanted = 1 + usize::try_from(rng.below(3)).unwrap_or_default();
    let count = EXPECTED.len();
    // The first goes round with the seed, so that all of them come as often; the others as they come.
    let mut next = usize::try_from(seed % count as u64).unwrap_or_default();
    let mut incidents: Vec<Incident> = Vec::new();
    let mut taken = Vec::new();
    for _ in 0..count * 2 {
        if incidents.len() == wanted {
            break;
        }
        let Some((behaviour, _)) = EXPECTED.get(next % count) else { break };
        next += 1 + usize::try_from(rng.below(count as u64 - 1)).unwrap_or_default();
        if incidents.iter().any(|incident| incident.behaviour == *behaviour) {
            continue;
        }
        let Some(victim) = victim::choose(*behaviour, days, staff, &taken, diary, &mut rng) else { continue };
        taken.push(victim.who);
        let accounts =
            script::run(*behaviour, victim, incidents.len(), (staff, zones, &mut *diary, &mut rng));
        incidents.push(Incident { behaviour: *behaviour, accounts });
    }
    incidents
}

/// Where the incidents are in the finished logs.
pub fn truth(incidents: Vec<Incident>, books: &[Vec<Entry>; 2], people: &[Person]) -> Vec<Truth> {
    let [mixpanel, okta] = books;
    let mut all: Vec<Truth> = incidents
        .into_iter()
        .map(|incident| {
            let email = |who: &usize| people.get(*who).map(|person| person.email.clone());
            let accounts: Vec<String> = incident.accounts.iter().filter_map(email).collect();
            Truth {
                behaviour: incident.behaviour,
                actor: accounts.first().cloned().unwrap_or_default(),
                accounts,
                start: i64::MAX,
                end: i64::MIN,
                records: Vec::new(),
                rules: rules(incident.behaviour),
            }
        })
        .collect();
    for (book, entries) in [(Book::Mixpanel, mixpanel), (Book::Okta, okta)] {
        for (entry, record) in entries.iter().zip(1..) {
            let mark = entry.moment.mark;
            let Some((mark, truth)) = mark.and_then(|mark| Some((mark, all.get_mut(mark.incident)?))) else {
                continue;
            };
            truth.start = truth.start.min(entry.moment.time);
            truth.end = truth.end.max(entry.moment.time);
            if mark.shows {
                truth.records.push((book, record));
            }
        }
    }
    all
}

fn rules(behaviour: Behaviour) -> &'static [&'static str] {
    EXPECTED.iter().find(|(of, _)| *of == behaviour).map_or(&[], |(_, rules)| rules)
}
