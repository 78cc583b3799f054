//! What administrators have to do: joiners, leavers, roles, settings, keys, clean-ups, requests of the law.

use super::diary::{Circumstance, Desk, Diary, Moment, Target};
use super::member::{Member, Role};
use super::networks::{Networks, host_number};
use super::places::{Zones, city};
use super::staff::{HOST_AGENT, Staff, new_service};
use super::work::open;
use crate::synth::rng::Rng;

/// Writes the chores of all days.
pub struct Chores<'a> {
    /// Everybody; a new service account may join.
    pub staff: &'a mut Staff,
    /// What time it is.
    pub zones: &'a Zones,
    /// Where a new service account runs.
    pub networks: &'a mut Networks,
    /// Where it is written.
    pub diary: &'a mut Diary,
    /// Chance.
    pub rng: &'a mut Rng,
    /// How many days there are.
    pub days: i64,
}

impl Chores<'_> {
    /// All of them.
    pub fn run(&mut self) {
        let members = self.staff.members.clone();
        for member in &members {
            self.career(member);
            self.phone(member);
        }
        self.now_and_then(&members);
        self.seldom(&members);
    }

    /// An administrator signed in on the first day from `day` on that one of them works, and that day.
    fn admin(&mut self, day: i64) -> Option<(Moment, i64)> {
        for day in day.max(0)..self.days.min(day + 14) {
            let working = |member: &&Member| {
                member.role == Role::Admin && day % 7 < 5 && member.works(day) && member.trip.is_none()
            };
            let admins: Vec<&Member> = self.staff.members.iter().filter(working).collect();
            let Some(admin) = self.rng.pick(&admins).copied() else { continue };
            let second = self.rng.between(admin.hours.start, admin.hours.end - 5400);
            let in_office = self.rng.permille(600);
            let (desk, cause) = admin.desk(day, admin.city, in_office, self.rng);
            let cause = if cause == Circumstance::Routine { Circumstance::Chore } else { cause };
            let time = self.zones.instant(admin.city, day, second);
            let mut moment = Moment { time, who: admin.who, desk, cause, mark: None };
            let password = admin.password;
            open(self.diary, &mut moment, password, false, self.rng);
            moment.wait(30, 400, self.rng);
            return Some((moment, day));
        }
        None
    }

    fn career(&mut self, member: &Member) {
        let user = Target::User(member.who);
        let email = self.email(member.who);
        if member.employed.start > 0
            && let Some((mut moment, _)) = self.admin(member.employed.start - 3)
        {
            for event in ["user.lifecycle.create", "user.lifecycle.activate"] {
                self.diary.okta(&moment, event, vec![user.clone()]);
                moment.wait(5, 60, self.rng);
            }
            let group = Target::Thing("UserGroup", "Everyone at work".to_owned());
            self.diary.okta(&moment, "group.user_membership.add", vec![user.clone(), group]);
            self.diary.okta(&moment, "application.user_membership.add", vec![user.clone(), Target::App]);
            moment.wait(60, 400, self.rng);
            self.diary.mixpanel(&moment, "invitation.sent", None, &format!(r#"{{"email":"{email}"}}"#));
            self.first_day(member);
        }
        let leaves = member.employed.end < self.days && !self.staff.forgotten.contains(&member.who);
        if leaves && let Some((mut moment, _)) = self.admin(member.employed.end) {
            self.diary.okta(&moment, "user.lifecycle.deactivate", vec![user]);
            moment.wait(60, 900, self.rng);
            let details = format!(r#"{{"email":"{email}"}}"#);
            self.diary.mixpanel(&moment, "organization.user_removed", None, &details);
        }
    }

    /// A joiner enrols a factor and accepts the invitation, early on the first day.
    fn first_day(&mut self, member: &Member) {
        let day = member.employed.start;
        let (desk, _) = member.desk(day, member.city, true, self.rng);
        let time = self.zones.instant(member.city, day, member.hours.start - 3000);
        let mut moment = Moment { time, who: member.who, desk, cause: Circumstance::Joiner, mark: None };
        self.diary.okta(&moment, "user.account.update_password", vec![Target::User(member.who)]);
        moment.wait(30, 200, self.rng);
        self.diary.okta(&moment, "user.mfa.factor.activate", vec![Target::User(member.who)]);
        moment.wait(60, 300, self.rng);
        self.diary.mixpanel(&moment, "invitation.accepted", None, "{}");
    }

    /// A new phone: an administrator resets the factors, and the owner enrols again from the usual desk.
    fn phone(&mut self, member: &Member) {
        if !self.rng.one_in(12) {
            return;
        }
        let from = self.rng.between(5, self.days);
        let Some((mut moment, day)) = self.admin(from) else { return };
        if !member.works(day) || member.whereabouts(moment.time) != Some(member.city) {
            return;
        }
        self.diary.okta(&moment, "user.mfa.factor.reset_all", vec![Target::User(member.who)]);
        moment.wait(300, 3 * 3600, self.rng);
        let (desk, cause) = member.desk(day, member.city, true, self.rng);
        let mut own = Moment { who: member.who, desk, cause, ..moment };
        self.diary.okta(&own, "user.mfa.factor.activate", vec![Target::User(member.who)]);
        own.wait(20, 120, self.rng);
        open(self.diary, &mut own, member.password, false, self.rng);
        if member.password {
            own.wait(20, 120, self.rng);
            self.diary.mixpanel(&own, "user.twofactor_disabled", None, "{}");
            own.wait(30, 200, self.rng);
            self.diary.mixpanel(&own, "user.twofactor_enabled", None, "{}");
        }
    }

    /// Role changes, settings, policies, requests of the law: every few weeks.
    fn now_and_then(&mut self, members: &[Member]) {
        let privacy = self.rng.one_in(2);
        let audits = self.rng.permille(400);
        let mut day = self.rng.between(3, 20);
        while day < self.days {
            if let (Some((mut moment, _)), Some(other)) = (self.admin(day), self.rng.pick(members)) {
                self.errand(&mut moment, other.who, privacy);
            }
            day += self.rng.between(4, 18);
        }
        for day in (0..self.days).filter(|day| audits && super::work::month_end(day - 1)) {
            if super::work::month_end(day) {
                continue;
            }
            if let Some((mut moment, _)) = self.admin(day) {
                self.diary.mixpanel(&moment, "audit_log_export.created", None, r#"{"format":"csv"}"#);
                moment.wait(60, 300, self.rng);
                self.diary.mixpanel(&moment, "audit_log_export.downloaded", None, r#"{"format":"csv"}"#);
            }
        }
    }

    fn errand(&mut self, moment: &mut Moment, other: usize, privacy: bool) {
        let email = self.email(other);
        let number = 1000 + self.rng.below(90_000);
        match self.rng.below(if privacy { 10 } else { 8 }) {
            0..3 => {
                let role = self.rng.word(&["analyst", "consumer", "analyst", "consumer", "admin"]);
                let details = format!(r#"{{"email":"{email}","role":"{role}"}}"#);
                self.diary.mixpanel(moment, "user.role_changed", None, &details);
            }
            3 => {
                let details = r#"{"setting":"default_timezone","value":"UTC"}"#;
                self.diary.mixpanel(moment, "organization_setting.updated", None, details);
            }
            4 => {
                self.diary.okta(moment, "user.session.access_admin_app", vec![Target::App]);
                moment.wait(30, 300, self.rng);
                let rule = Target::Thing("PolicyRule", "Catch-all".to_owned());
                self.diary.okta(moment, "policy.rule.update", vec![rule]);
            }
            5 => {
                let group = Target::Thing("UserGroup", "Analytics".to_owned());
                let targets = vec![Target::User(other), group];
                self.diary.okta(moment, "group.user_membership.add", targets);
            }
            6 => {
                let details = r#"{"role":"consumer"}"#;
                self.diary.mixpanel(moment, "project.default_access_granted", Some(2), details);
            }
            7 => {
                let details = format!(r#"{{"email":"{email}"}}"#);
                self.diary.mixpanel(moment, "project.user_added", Some(1), &details);
            }
            8 => {
                let details = format!(r#"{{"distinct_id":"u-{number}"}}"#);
                self.diary.mixpanel(moment, "user_data_export.created", Some(0), &details);
            }
            _ => {
                let details = format!(r#"{{"distinct_id":"u-{number}"}}"#);
                self.diary.mixpanel(moment, "user_data_deletion.created", Some(0), &details);
            }
        }
    }

    /// What happens once in half a year, if at all.
    fn seldom(&mut self, members: &[Member]) {
        if self.rng.one_in(2)
            && let Some((mut moment, _)) = self.some_day()
        {
            for _ in 0..4 + self.rng.below(8) {
                let details = format!(r#"{{"board_id":{}}}"#, 1000 + self.rng.below(90_000));
                self.diary.mixpanel(&moment, "board.deleted", Some(0), &details);
                moment.wait(5, 60, self.rng);
            }
        }
        if self.rng.one_in(3) {
            self.integration();
        }
        if self.rng.one_in(2)
            && let Some((mut moment, day)) = self.some_day()
        {
            let who = new_service(self.staff, day, self.days, self.networks, self.rng);
            let name = self.email(who);
            let id = 10_000 + self.rng.below(90_000);
            let made = format!(r#"{{"service_account":"{name}","service_account_id":{id}}}"#);
            self.diary.mixpanel(&moment, "service_account.created", None, &made);
            moment.wait(20, 200, self.rng);
            let added = format!(r#"{{"service_account_id":{id},"role":"consumer"}}"#);
            self.diary.mixpanel(&moment, "service_account.added_to_project", Some(0), &added);
            self.first_run(who, moment);
        }
        if self.rng.one_in(4)
            && let Some((moment, day)) = self.some_day()
        {
            self.token(moment, day);
        }
        if self.rng.one_in(6)
            && let Some((moment, _)) = self.some_day()
            && members.len() > 10
        {
            let details = r#"{"email":"pat.moore@agency.example"}"#;
            self.diary.mixpanel(&moment, "invitation.sent", None, details);
        }
    }

    /// An API token, with which a server keeps groups up to date once a week from the next day on.
    fn token(&mut self, moment: Moment, day: i64) {
        self.diary.okta(&moment, "user.session.access_admin_app", vec![Target::App]);
        let token = Target::Thing("Token", "directory-sync".to_owned());
        self.diary.okta(&moment, "system.api_token.create", vec![token]);
        let home = usize::try_from(self.rng.below(16)).unwrap_or_default();
        let ip = self.networks.take(home, self.rng).host(host_number(self.rng));
        let desk = Desk { ip, place: &city(home).place, agent: HOST_AGENT };
        for day in (day + 1..self.days).step_by(7) {
            let time = self.zones.instant(0, day, 4 * 3600);
            let run = Moment { time, desk, cause: Circumstance::Service, ..moment };
            let group = Target::Thing("UserGroup", "Analytics".to_owned());
            self.diary.okta_token(&run, "group.user_membership.add", "00T2directorysync0x7", group);
        }
    }

    /// Most new service accounts are tried out soon, where they are going to run.
    fn first_run(&mut self, who: usize, mut moment: Moment) {
        moment.wait(3 * 60, 3 * 3600, self.rng);
        let service = self.staff.services.iter().find(|service| service.who == who);
        if let Some(service) = service.filter(|_| self.rng.permille(700)) {
            let run = Moment { who, desk: service.desk, cause: Circumstance::Service, ..moment };
            let details = r#"{"from":"yesterday","to":"today","format":"ndjson"}"#;
            self.diary.mixpanel(&run, service.action, Some(service.project), details);
        }
    }

    /// A pipeline, a sync or a warehouse.
    fn integration(&mut self) {
        let Some((mut moment, _)) = self.some_day() else { return };
        let id = 1000 + self.rng.below(90_000);
        let cohort = format!(r#"{{"cohort_id":{id},"destination":"braze"}}"#);
        let (action, details) = match self.rng.below(3) {
            0 => ("data_pipeline.created", r#"{"destination":"bigquery","dataset":"acme_events"}"#),
            1 => ("cohort_sync.created", cohort.as_str()),
            _ => ("warehouse_source.created", r#"{"type":"snowflake"}"#),
        };
        self.diary.mixpanel(&moment, action, Some(0), details);
        moment.wait(60, 900, self.rng);
        if action == "data_pipeline.created" {
            self.diary.mixpanel(&moment, "data_pipeline.updated", Some(0), details);
        }
    }

    fn some_day(&mut self) -> Option<(Moment, i64)> {
        let day = self.rng.between(10, self.days.max(11));
        self.admin(day)
    }

    fn email(&self, who: usize) -> String {
        self.staff.people.get(who).map(|person| person.email.clone()).unwrap_or_default()
    }
}
