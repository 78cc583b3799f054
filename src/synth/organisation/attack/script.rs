//! What an attacker does for each behaviour.

use std::net::Ipv4Addr;

use super::Behaviour;
use super::victim::Victim;
use crate::synth::organisation::diary::{Circumstance, Desk, Diary, Mark, Moment, Target};
use crate::synth::organisation::member::{Member, Role};
use crate::synth::organisation::networks::host_number;
use crate::synth::organisation::places::{LAIRS, Zones, kilometres};
use crate::synth::organisation::staff::Staff;
use crate::synth::organisation::work;
use crate::synth::people::{Person, Place};
use crate::synth::rng::Rng;

const BROWSERS: [&str; 3] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
];
const PROGRAM: &str = "python-requests/2.32.3";
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

/// The raw exports that attackers make.
const LOOT: [(&str, &str); 4] = [
    ("raw_event_export.requested", r#"{"from":"2026-05-01","to":"2026-12-31"}"#),
    ("event_export.downloaded", r#"{"format":"csv","rows":184220}"#),
    ("profile_export.downloaded", r#"{"rows":184220}"#),
    ("event_export.downloaded", r#"{"format":"csv","rows":99871}"#),
];

/// Plays a behaviour; gives the accounts used, the stolen one first.
pub(super) fn run(
    behaviour: Behaviour,
    victim: Victim,
    incident: usize,
    (staff, zones, diary, rng): (&mut Staff, &Zones, &mut Diary, &mut Rng),
) -> Vec<usize> {
    let member = staff.members.get(victim.who).cloned();
    let mut lairs: Vec<&'static Place> = LAIRS.iter().collect();
    if let Some(member) = &member {
        let home = &super::super::places::city(member.city).place;
        lairs.retain(|lair| kilometres(lair, home) > 3000.0);
    }
    let desk = |number: usize, rng: &mut Rng| Desk {
        ip: foreign(incident + number, rng),
        place: rng.pick(&lairs).copied().unwrap_or(&LAIRS[0]),
        agent: rng.word(&BROWSERS),
    };
    let desks = [desk(0, rng), desk(1, rng)];
    let mut scene = Scene { staff, zones, diary, rng, incident, victim, member, desks };
    scene.play(behaviour)
}

/// An address of the ranges that ordinary life does not use.
fn foreign(number: usize, rng: &mut Rng) -> Ipv4Addr {
    let last = host_number(rng);
    match number % 3 {
        0 => Ipv4Addr::new(203, 0, 113, last),
        1 => Ipv4Addr::new(198, 51, 100, last),
        _ => Ipv4Addr::new(192, 0, 2, last),
    }
}

struct Scene<'a> {
    staff: &'a mut Staff,
    zones: &'a Zones,
    diary: &'a mut Diary,
    rng: &'a mut Rng,
    incident: usize,
    victim: Victim,
    /// `None` for a service account.
    member: Option<Member>,
    desks: [Desk; 2],
}

impl Scene<'_> {
    fn play(&mut self, behaviour: Behaviour) -> Vec<usize> {
        match behaviour {
            Behaviour::ExportsAtNight => self.exports_at_night(),
            Behaviour::LoginFromUnfamiliarNetwork => self.unfamiliar_login(),
            Behaviour::ImpossibleTravel => self.impossible_travel(),
            Behaviour::ExportAgainstOwnHistory => self.export_much(5, 40),
            Behaviour::ExportAgainstPeers => self.export_much(12, 70),
            Behaviour::UnusualCohort => self.unusual_cohort(),
            Behaviour::DormantAccountWakes => self.wake(),
            Behaviour::FailedLoginsThenSuccess => self.failed_logins(),
            Behaviour::SecondFactorOffThenNewNetwork => self.second_factor_off(),
            Behaviour::SettingsChangeThenExport => self.settings_then_export(),
            Behaviour::ServiceAccountThenRawExport => return self.service_account(),
            Behaviour::OutsiderInvitedThenPromoted => return self.outsider(),
            Behaviour::RoleChangeThenSync => self.role_then_sync(),
            Behaviour::DeletionAfterExport => self.deletion_after_export(),
            Behaviour::AuditLogExportedThenQuiet => self.audit_log_then_quiet(),
            Behaviour::ServiceAccountFromNewNetwork => self.service_elsewhere(),
            Behaviour::FactorResetThenNewNetwork => self.factor_reset(),
            Behaviour::PushFatigue => self.push_fatigue(),
            Behaviour::ApiTokenThenNewNetwork => self.api_token(),
            Behaviour::ExportFromUnfamiliarNetwork => self.unfamiliar_export(),
        }
        vec![self.victim.who]
    }

    /// A moment of the day: in the attacker's hours, which may be anybody's, or in the owner's.
    fn moment(&mut self, desk: usize) -> Moment {
        let second = match self.member.as_ref().filter(|_| self.rng.one_in(2)) {
            Some(member) => self.rng.between(member.hours.start, member.hours.end),
            None => self.rng.between(0, 86_399),
        };
        self.at(second, desk)
    }

    fn at(&mut self, second: i64, desk: usize) -> Moment {
        let city = self.member.as_ref().map_or(0, |member| member.city);
        Moment {
            time: self.zones.instant(city, self.victim.day, second),
            who: self.victim.who,
            desk: self.desk(desk),
            cause: Circumstance::Routine,
            mark: Some(Mark { incident: self.incident, shows: false }),
        }
    }

    fn desk(&self, number: usize) -> Desk {
        let [first, second] = self.desks;
        if number == 0 { first } else { second }
    }

    /// On the owner's own machine, as a program that steals can be; one time in `n`.
    fn perhaps_at_home(&mut self, moment: &mut Moment, n: u64) {
        if let Some(member) = self.member.clone().filter(|_| self.rng.one_in(n)) {
            moment.desk = member.desk(self.victim.day, member.city, false, self.rng).0;
        }
    }

    /// Signs in, or comes with a stolen session and leaves no record of it.
    fn enter(&mut self, moment: &mut Moment) {
        if self.rng.permille(600) {
            self.sign_in(moment, false);
        }
        moment.wait(30, 300, self.rng);
    }

    fn sign_in(&mut self, moment: &mut Moment, shows: bool) {
        let password = self.member.as_ref().is_none_or(|member| member.password);
        moment.mark = Some(Mark { incident: self.incident, shows });
        work::open(self.diary, moment, password, false, self.rng);
        moment.mark = Some(Mark { incident: self.incident, shows: false });
    }

    /// A record that shows the behaviour.
    fn mixpanel(&mut self, moment: &Moment, action: &'static str, project: Option<usize>, details: &str) {
        let mark = Some(Mark { incident: self.incident, shows: true });
        self.diary.mixpanel(&Moment { mark, ..*moment }, action, project, details);
    }

    fn okta(&mut self, moment: &Moment, event: &'static str, targets: Vec<Target>) {
        let mark = Some(Mark { incident: self.incident, shows: true });
        self.diary.okta(&Moment { mark, ..*moment }, event, targets);
    }

    fn okta_failure(&mut self, moment: &Moment, event: &'static str, reason: &'static str) {
        let mark = Some(Mark { incident: self.incident, shows: true });
        self.diary.okta_failure(&Moment { mark, ..*moment }, event, reason);
    }

    fn loot(&mut self, moment: &mut Moment, low: i64, high: i64, pause: (i64, i64)) {
        for _ in 0..self.rng.between(low, high) {
            let (action, details) = self.rng.pick(&LOOT).copied().unwrap_or(("", ""));
            let project = usize::try_from(self.rng.below(2)).unwrap_or_default();
            self.mixpanel(moment, action, Some(project), details);
            moment.wait(pause.0, pause.1, self.rng);
        }
    }

    /// Looks around; shows nothing.
    fn browse(&mut self, moment: &mut Moment) {
        for _ in 0..self.rng.below(4) {
            moment.wait(30, 300, self.rng);
            let details = format!(r#"{{"report_type":"insights","name":"Copy {}"}}"#, self.rng.below(1000));
            self.diary.mixpanel(moment, "bookmark.created", Some(0), &details);
        }
    }

    fn email(&self, who: usize) -> String {
        self.staff.people.get(who).map(|person| person.email.clone()).unwrap_or_default()
    }

    fn exports_at_night(&mut self) {
        let second = self.rng.between(45 * MINUTE, 3 * HOUR + 45 * MINUTE);
        let mut moment = self.at(second, 0);
        self.perhaps_at_home(&mut moment, 3);
        self.enter(&mut moment);
        self.loot(&mut moment, 1, 6, (90, 700));
    }

    fn unfamiliar_login(&mut self) {
        let mut moment = self.moment(0);
        self.sign_in(&mut moment, true);
        self.browse(&mut moment);
    }

    fn impossible_travel(&mut self) {
        let mut moment = self.moment(0);
        moment.time = self.victim.login.unwrap_or(moment.time) + self.rng.between(20 * MINUTE, 150 * MINUTE);
        self.sign_in(&mut moment, true);
        self.browse(&mut moment);
    }

    fn export_much(&mut self, low: i64, high: i64) {
        let mut moment = self.moment(0);
        self.perhaps_at_home(&mut moment, 3);
        self.enter(&mut moment);
        self.loot(&mut moment, low, high, (20, 400));
    }

    fn unusual_cohort(&mut self) {
        let mut moment = self.moment(0);
        self.perhaps_at_home(&mut moment, 3);
        self.enter(&mut moment);
        for _ in 0..self.rng.between(1, 3) {
            let details = r#"{"cohort_id":99001,"name":"all users with email"}"#;
            self.mixpanel(&moment, "cohort.created", Some(0), details);
            moment.wait(60, 400, self.rng);
        }
        if self.rng.one_in(2) {
            self.diary.mixpanel(&moment, "profile_export.downloaded", Some(0), r#"{"rows":184220}"#);
        }
    }

    fn wake(&mut self) {
        let mut moment = self.moment(0);
        self.sign_in(&mut moment, true);
        self.browse(&mut moment);
    }

    fn failed_logins(&mut self) {
        let mut moment = self.moment(0);
        let at_mixpanel = self.member.as_ref().is_none_or(|member| member.password) || self.rng.one_in(3);
        for _ in 0..self.rng.between(4, 20) {
            if at_mixpanel {
                self.mixpanel(&moment, "session.login_failed", None, r#"{"method":"password"}"#);
            } else {
                self.okta_failure(&moment, "user.session.start", "INVALID_CREDENTIALS");
            }
            moment.wait(2, 25, self.rng);
        }
        if at_mixpanel {
            self.mixpanel(&moment, "session.logged_in", None, r#"{"method":"password"}"#);
        } else {
            self.sign_in(&mut moment, true);
        }
        self.browse(&mut moment);
    }

    fn second_factor_off(&mut self) {
        let mut moment = self.moment(0);
        self.enter(&mut moment);
        self.mixpanel(&moment, "user.twofactor_disabled", None, "{}");
        moment.wait(10 * MINUTE, 20 * HOUR, self.rng);
        moment.desk = self.desk(1);
        self.mixpanel(&moment, "session.logged_in", None, r#"{"method":"password"}"#);
        self.browse(&mut moment);
    }

    fn settings_then_export(&mut self) {
        let mut moment = self.moment(0);
        self.perhaps_at_home(&mut moment, 3);
        self.enter(&mut moment);
        match self.rng.below(3) {
            0 => {
                let details = r#"{"setting":"export_restriction","value":false}"#;
                self.mixpanel(&moment, "organization_setting.updated", None, details);
            }
            1 => {
                let details = r#"{"role":"analyst"}"#;
                self.mixpanel(&moment, "project.default_access_granted", Some(0), details);
            }
            _ => self.mixpanel(&moment, "organization_access_security.twofactor_disabled", None, "{}"),
        }
        moment.wait(2 * MINUTE, 25 * MINUTE, self.rng);
        self.loot(&mut moment, 1, 3, (30, 90));
    }

    fn service_account(&mut self) -> Vec<usize> {
        let mut moment = self.moment(0);
        self.enter(&mut moment);
        let name = format!("backup.{:06x}.mp-service-account", self.rng.bits() >> 40);
        let made = format!(r#"{{"service_account":"{name}","service_account_id":88123}}"#);
        self.mixpanel(&moment, "service_account.created", None, &made);
        moment.wait(20, 200, self.rng);
        let added = r#"{"service_account_id":88123,"role":"admin"}"#;
        self.mixpanel(&moment, "service_account.added_to_project", Some(0), added);
        moment.wait(2 * MINUTE, 25 * MINUTE, self.rng);
        let mut accounts = vec![self.victim.who];
        if self.rng.one_in(2) {
            moment.who = self.newcomer(name, "backup");
            moment.desk = Desk { agent: PROGRAM, ..self.desk(1) };
            accounts.push(moment.who);
        }
        for project in 0..2 {
            let details = r#"{"from":"2026-05-01","to":"2026-12-31"}"#;
            self.mixpanel(&moment, "raw_event_export.requested", Some(project), details);
            moment.wait(20, 300, self.rng);
        }
        accounts
    }

    /// An account of the attacker's own.
    fn newcomer(&mut self, email: String, name: &str) -> usize {
        let who = self.staff.people.len();
        self.staff.people.push(Person {
            email,
            name: name.to_owned(),
            place: &LAIRS[0],
            ip: String::new(),
            agent: PROGRAM,
            id: format!("00u{:017x}", self.rng.bits() >> 4),
        });
        who
    }

    fn outsider(&mut self) -> Vec<usize> {
        let mut moment = self.moment(0);
        self.enter(&mut moment);
        let email = format!("m.smith{}@mail.example", self.rng.below(100));
        let invited = format!(r#"{{"email":"{email}"}}"#);
        self.mixpanel(&moment, "invitation.sent", None, &invited);
        moment.wait(5 * MINUTE, HOUR, self.rng);
        let outsider = self.newcomer(email.clone(), "M Smith");
        let mut own = Moment { who: outsider, desk: self.desk(1), ..moment };
        self.mixpanel(&own, "invitation.accepted", None, "{}");
        moment.wait(2 * MINUTE, 30 * MINUTE, self.rng);
        let raised = format!(r#"{{"email":"{email}","role":"admin"}}"#);
        self.mixpanel(&moment, "user.role_changed", None, &raised);
        own.time = moment.time;
        self.browse(&mut own);
        vec![self.victim.who, outsider]
    }

    fn role_then_sync(&mut self) {
        let mut moment = self.moment(0);
        self.perhaps_at_home(&mut moment, 3);
        self.enter(&mut moment);
        let colleague = usize::try_from(self.rng.below(self.staff.members.len() as u64)).unwrap_or_default();
        let raised = if self.rng.one_in(2) { self.victim.who } else { colleague };
        let details = format!(r#"{{"email":"{}","role":"admin"}}"#, self.email(raised));
        self.mixpanel(&moment, "user.role_changed", None, &details);
        moment.wait(2 * MINUTE, 50 * MINUTE, self.rng);
        match self.rng.below(3) {
            0 => {
                let details = r#"{"destination":"s3","bucket":"backup-eu-7"}"#;
                self.mixpanel(&moment, "data_pipeline.created", Some(0), details);
            }
            1 => {
                let details = r#"{"cohort_id":99001,"destination":"webhook"}"#;
                self.mixpanel(&moment, "cohort_sync.created", Some(0), details);
            }
            _ => self.mixpanel(&moment, "warehouse_source.created", Some(0), r#"{"type":"bigquery"}"#),
        }
    }

    fn deletion_after_export(&mut self) {
        let mut moment = self.moment(0);
        self.perhaps_at_home(&mut moment, 3);
        self.enter(&mut moment);
        self.loot(&mut moment, 1, 4, (60, 400));
        moment.wait(2 * MINUTE, 50 * MINUTE, self.rng);
        let (action, details, low, high) = match self.rng.below(4) {
            0 => ("event_deletion.created", r#"{"event":"Login","from":"2026-10-01"}"#, 1, 5),
            1 => ("profile.batch_deleted", r#"{"count":5000}"#, 1, 5),
            2 => ("user_data_deletion.created", r#"{"count":1000}"#, 2, 8),
            _ => ("board.deleted", r#"{"board_id":4711}"#, 6, 20),
        };
        for _ in 0..self.rng.between(low, high) {
            self.mixpanel(&moment, action, Some(0), details);
            moment.wait(10, 90, self.rng);
        }
    }

    fn audit_log_then_quiet(&mut self) {
        let mut moment = self.moment(0);
        self.enter(&mut moment);
        self.mixpanel(&moment, "audit_log_export.created", None, r#"{"format":"csv"}"#);
        moment.wait(40, 300, self.rng);
        self.mixpanel(&moment, "audit_log_export.downloaded", None, r#"{"format":"csv"}"#);
        // The owner is away, or locked out: nothing is heard of the account for ten days.
        let (who, silence) = (self.victim.who, moment.time + 1..moment.time + 10 * 86_400);
        let owner = |moment: &Moment| moment.who == who && moment.mark.is_none();
        self.diary.entries.retain(|entry| !(owner(&entry.moment) && silence.contains(&entry.moment.time)));
    }

    fn service_elsewhere(&mut self) {
        let mut moment = self.moment(0);
        moment.desk.agent = PROGRAM;
        for project in 0..usize::try_from(self.rng.between(1, 3)).unwrap_or(1) {
            let details = r#"{"from":"2026-01-01","to":"2026-12-31"}"#;
            self.mixpanel(&moment, "raw_event_export.requested", Some(project), details);
            moment.wait(20, 600, self.rng);
        }
    }

    /// Half the time a helpdesk was talked into it, half the time with a stolen session of the owner.
    fn factor_reset(&mut self) {
        let mut moment = self.moment(0);
        let target = vec![Target::User(self.victim.who)];
        let admin = self.staff.members.iter().find(|member| {
            member.role == Role::Admin && member.who != self.victim.who && member.works(self.victim.day)
        });
        match admin.cloned().filter(|_| self.rng.one_in(2)) {
            Some(admin) => {
                let desk = admin.desk(self.victim.day, admin.city, true, self.rng).0;
                let helper = Moment { who: admin.who, desk, ..moment };
                self.okta(&helper, "user.mfa.factor.reset_all", target.clone());
            }
            None => self.okta(&moment, "user.mfa.factor.deactivate", target.clone()),
        }
        moment.wait(3 * MINUTE, 40 * MINUTE, self.rng);
        moment.desk = self.desk(1);
        self.okta(&moment, "user.mfa.factor.activate", target);
        moment.wait(20, 200, self.rng);
        self.sign_in(&mut moment, true);
        self.browse(&mut moment);
    }

    fn push_fatigue(&mut self) {
        let mut moment = self.moment(0);
        for _ in 0..self.rng.between(3, 12) {
            let reason = "USER_REJECTED_OKTA_VERIFY_PUSH";
            self.okta_failure(&moment, "user.authentication.auth_via_mfa", reason);
            moment.wait(15, 90, self.rng);
        }
        self.sign_in(&mut moment, true);
        self.browse(&mut moment);
    }

    /// Half the time the attacker also works by hand, half the time only the token is used.
    fn api_token(&mut self) {
        let mut moment = self.moment(0);
        self.perhaps_at_home(&mut moment, 3);
        let token = Target::Thing("Token", "backup".to_owned());
        self.okta(&moment, "system.api_token.create", vec![token]);
        if self.rng.one_in(2) {
            moment.wait(2 * MINUTE, 2 * HOUR, self.rng);
            moment.desk = self.desk(0);
            self.okta(&moment, "user.session.access_admin_app", vec![Target::App]);
        }
        moment.wait(10 * MINUTE, 20 * HOUR, self.rng);
        moment.desk = Desk { agent: PROGRAM, ..self.desk(1) };
        let shown = Moment { mark: Some(Mark { incident: self.incident, shows: true }), ..moment };
        for number in 0..self.rng.between(3, 8) {
            let event = self.rng.word(&["group.user_membership.add", "user.account.update_profile"]);
            let call = Moment { time: shown.time + number * 30, ..shown };
            self.diary.okta_token(&call, event, "00T9backup0x7", Target::User(self.victim.who));
        }
    }

    fn unfamiliar_export(&mut self) {
        let hours = self.member.as_ref().map_or(0..86_399, |member| member.hours.clone());
        let second = self.rng.between(hours.start, hours.end);
        let mut moment = self.at(second, 0);
        self.browse(&mut moment);
        self.loot(&mut moment, 1, 3, (60, 400));
    }
}
