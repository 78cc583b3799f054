//! Ordinary days: who signs in when, and what they do.

use super::diary::{Circumstance, Diary, Moment, Target};
use super::member::{Member, Role, Service};
use super::places::Zones;
use crate::synth::rng::Rng;
use crate::synth::{START, people::PROJECTS};

/// What people do, with weights: makers and administrators, then analysts, then viewers.
type Table = [(u64, &'static str, &'static str)];

const MAKER: &Table = &[
    (20, "bookmark.created", r#"{"report_type":"insights","name":"Weekly signups {n}"}"#),
    (20, "bookmark.updated", r#"{"report_type":"funnels","name":"Checkout {n}"}"#),
    (15, "board.updated", r#"{"board_id":{n},"name":"Growth"}"#),
    (6, "board.created", r#"{"board_id":{n},"name":"Launch week"}"#),
    (4, "board.shared", r#"{"board_id":{n},"with":"team"}"#),
    (4, "bookmark.deleted", r#"{"report_type":"insights","name":"Draft {n}"}"#),
    (4, "experiment.updated", r#"{"experiment_id":{n},"name":"Pricing page"}"#),
    (4, "feature_flag.updated", r#"{"flag_id":{n},"key":"new-onboarding"}"#),
    (2, "alert.created", r#"{"alert_id":{n},"metric":"signups"}"#),
    (2, "board.duplicated", r#"{"board_id":{n}}"#),
    (1, "experiment.launched", r#"{"experiment_id":{n}}"#),
    (1, "board.deleted", r#"{"board_id":{n}}"#),
    (1, "board_subscription.created", r#"{"board_id":{n},"frequency":"weekly"}"#),
];
const ANALYST: &Table = &[
    (30, "bookmark.created", r#"{"report_type":"insights","name":"Retention {n}"}"#),
    (20, "bookmark.updated", r#"{"report_type":"funnels","name":"Activation {n}"}"#),
    (8, "board.updated", r#"{"board_id":{n},"name":"KPIs"}"#),
    (4, "event_definition.updated", r#"{"event":"Sign Up","field":"description"}"#),
    (3, "property_definition.updated", r#"{"property":"plan","field":"description"}"#),
    (3, "bookmark.moved", r#"{"board_id":{n}}"#),
    (2, "bookmark.deleted", r#"{"report_type":"insights","name":"Scratch {n}"}"#),
    (2, "alert.updated", r#"{"alert_id":{n}}"#),
];
const VIEWER: &Table = &[
    (5, "bookmark.created", r#"{"report_type":"insights","name":"My view {n}"}"#),
    (3, "board.shared", r#"{"board_id":{n},"with":"team"}"#),
    (2, "board_subscription.created", r#"{"board_id":{n},"frequency":"weekly"}"#),
];
const ADMIN: &Table = &[
    (20, "bookmark.created", r#"{"report_type":"insights","name":"Usage {n}"}"#),
    (20, "board.updated", r#"{"board_id":{n},"name":"Company"}"#),
    (10, "event_definition.updated", r#"{"event":"Purchase","field":"display_name"}"#),
    (6, "project.user_added", r#"{"user_id":{n},"role":"consumer"}"#),
    (6, "team.updated", r#"{"team_id":{n},"name":"Growth"}"#),
    (6, "profile.updated", r#"{"distinct_id":"u-{n}"}"#),
    (1, "organization_setting.updated", r#"{"setting":"session_timeout","value":{n}}"#),
    (1, "custom_role.updated", r#"{"role":"support-readonly"}"#),
];
const EXPORT: &Table = &[
    (14, "event_export.downloaded", r#"{"format":"csv","rows":{n}}"#),
    (3, "profile_export.downloaded", r#"{"rows":{n}}"#),
    (3, "board.exported", r#"{"board_id":{n},"format":"pdf"}"#),
];
const COHORT: &Table = &[
    (5, "cohort.created", r#"{"cohort_id":{n},"name":"Active last 30 days"}"#),
    (4, "cohort.updated", r#"{"cohort_id":{n},"name":"Trial users"}"#),
    (2, "cohort.shared", r#"{"cohort_id":{n},"with":"team"}"#),
];

/// Days of the year's end, on which few work.
const YEAR_END: std::ops::Range<i64> = 129..138;

/// One of a table's acts, in the project that most work is done in, or another.
pub fn act(diary: &mut Diary, moment: &Moment, table: &Table, rng: &mut Rng) {
    let sum = table.iter().map(|(weight, ..)| weight).sum();
    let mut left = rng.below(sum);
    let chosen = table.iter().find(|(weight, ..)| match left.checked_sub(*weight) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    });
    let Some((_, action, details)) = chosen else { return };
    let organisation = ["organization", "team", "custom_role"].iter().any(|part| action.starts_with(part));
    let project = (!organisation).then(|| rng.skewed(PROJECTS.len()));
    let details = details.replace("{n}", &(1000 + rng.below(90_000)).to_string());
    diary.mixpanel(moment, action, project, &details);
}

/// An export of events, profiles or a board.
pub fn export(diary: &mut Diary, moment: &Moment, rng: &mut Rng) {
    act(diary, moment, EXPORT, rng);
}

/// Work on a cohort.
pub fn cohort(diary: &mut Diary, moment: &Moment, rng: &mut Rng) {
    act(diary, moment, COHORT, rng);
}

/// Whether a day is one of a month's last three, or the first of the next.
pub fn month_end(day: i64) -> bool {
    let time = jiff::Timestamp::from_second(START + day * 86_400).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = jiff::tz::Offset::UTC.to_datetime(time).date();
    date.day() == 1 || date.day() + 2 >= date.days_in_month()
}

/// The days of one member.
pub struct Worker<'a> {
    /// Who.
    pub member: &'a Member,
    /// What time it is.
    pub zones: &'a Zones,
    /// Where it is written.
    pub diary: &'a mut Diary,
    /// Chance.
    pub rng: &'a mut Rng,
    /// When, and in which browser, they last signed in to Mixpanel.
    pub signed_in: Option<(i64, &'static str)>,
}

impl Worker<'_> {
    /// All days of the time.
    pub fn live(&mut self, days: i64) {
        for day in 0..days {
            if !self.member.works(day) {
                continue;
            }
            let weekend = day % 7 >= 5;
            let share = if YEAR_END.contains(&day) { 100 } else { 1000 };
            let share = if weekend { share * self.member.weekends / 1000 } else { share };
            let mut rate = self.member.rate * share / 1000;
            if self.member.big_pull == Some(day) || self.member.employed.start == day {
                rate = 1000;
            }
            let sessions = rate / 1000 + u64::from(self.rng.permille(rate % 1000));
            for number in 0..sessions {
                self.session(day, weekend, number);
            }
            if !weekend && !self.member.password && self.rng.permille(self.member.portal * share / 1000) {
                self.portal(day);
            }
        }
    }

    /// A time of the local day: within the usual hours, in the evening, or any time at the weekend.
    fn second(&mut self, weekend: bool, number: u64) -> (i64, bool) {
        let hours = &self.member.hours;
        if weekend {
            (self.rng.between(9 * 3600, 21 * 3600), false)
        } else if number == 0 && self.rng.permille(self.member.evenings) {
            (self.rng.between(19 * 3600 + 1800, 23 * 3600), true)
        } else {
            let (low, high) = (hours.start - 1500, hours.end - 3600);
            let (first, second) = (self.rng.between(low, high), self.rng.between(low, high));
            // The morning is busier.
            (if self.rng.one_in(3) { first.min(second) } else { first }, false)
        }
    }

    /// At a desk; `None` on the way.
    fn sit_down(&mut self, day: i64, weekend: bool, number: u64) -> Option<Moment> {
        let (second, late) = self.second(weekend, number);
        let here = self.zones.instant(self.member.city, day, second);
        let city = self.member.whereabouts(here)?;
        let time = self.zones.instant(city, day, second);
        if self.member.whereabouts(time) != Some(city) {
            return None;
        }
        let in_office = !late && !weekend && self.rng.permille(600);
        let (desk, cause) = self.member.desk(day, city, in_office, self.rng);
        let cause = match cause {
            _ if self.member.big_pull == Some(day) => Circumstance::BigPull,
            Circumstance::Routine if late => Circumstance::Late,
            Circumstance::Routine if weekend => Circumstance::Weekend,
            Circumstance::Routine if month_end(day) => Circumstance::MonthEnd,
            other => other,
        };
        Some(Moment { time, who: self.member.who, desk, cause, mark: None })
    }

    /// Signs in for other applications, which this organisation's logs do not show.
    fn portal(&mut self, day: i64) {
        let Some(mut moment) = self.sit_down(day, false, 1) else { return };
        let rusty = moment.cause == Circumstance::Returned;
        sign_in(self.diary, &mut moment, rusty, self.rng);
    }

    fn session(&mut self, day: i64, weekend: bool, number: u64) {
        let Some(mut moment) = self.sit_down(day, weekend, number) else { return };
        // A browser stays signed in for days, wherever its owner carries it.
        let is_open = self.signed_in.is_some_and(|(on, agent)| day - on <= 2 && agent == moment.desk.agent);
        if !(is_open && self.rng.one_in(4)) {
            let rusty = moment.cause == Circumstance::Returned;
            open(self.diary, &mut moment, self.member.password, rusty, self.rng);
            self.signed_in = Some((day, moment.desk.agent));
        }
        self.acts(&mut moment, day);
        if self.rng.one_in(6) {
            moment.wait(60, 900, self.rng);
            self.diary.mixpanel(&moment, "session.logged_out", None, "{}");
        }
    }

    fn acts(&mut self, moment: &mut Moment, day: i64) {
        let table = match self.member.role {
            Role::Admin => ADMIN,
            Role::Analyst => ANALYST,
            Role::Maker => MAKER,
            Role::Viewer => VIEWER,
        };
        for _ in 0..=self.rng.below(5) {
            moment.wait(40, 600, self.rng);
            act(self.diary, moment, table, self.rng);
        }
        if self.member.cohorts.is_some_and(|from| day >= from) && self.rng.permille(200) {
            moment.wait(60, 600, self.rng);
            cohort(self.diary, moment, self.rng);
        }
        let peak = if month_end(day) { 2 } else { 1 };
        let exports = self.member.exports * peak;
        let mut count = exports / 1000 + u64::from(self.rng.permille(exports % 1000));
        if count > 0 && self.rng.one_in(3) {
            count += 1 + self.rng.below(2);
        }
        if self.member.big_pull == Some(day) {
            count += 5 + self.rng.below(4);
        }
        for _ in 0..count {
            moment.wait(60, 900, self.rng);
            export(self.diary, moment, self.rng);
        }
    }
}

/// Signs in: at the identity provider and from there to Mixpanel, or with a password; with typing errors now and then.
pub fn open(diary: &mut Diary, moment: &mut Moment, password: bool, rusty: bool, rng: &mut Rng) {
    if password {
        for _ in 0..typos(rusty, rng) {
            diary.mixpanel(moment, "session.login_failed", None, r#"{"method":"password"}"#);
            moment.wait(8, 40, rng);
        }
        diary.mixpanel(moment, "session.logged_in", None, r#"{"method":"password"}"#);
        return;
    }
    sign_in(diary, moment, rusty, rng);
    moment.wait(2, 300, rng);
    diary.okta(moment, "user.authentication.sso", vec![Target::App, Target::User(moment.who)]);
    moment.wait(1, 4, rng);
    diary.mixpanel(moment, "session.logged_in", None, r#"{"method":"saml"}"#);
}

fn typos(rusty: bool, rng: &mut Rng) -> u64 {
    if rng.permille(if rusty { 250 } else { 30 }) { 1 + rng.below(3) } else { 0 }
}

/// Signs in at the identity provider.
pub fn sign_in(diary: &mut Diary, moment: &mut Moment, rusty: bool, rng: &mut Rng) {
    for _ in 0..typos(rusty, rng) {
        diary.okta_failure(moment, "user.session.start", "INVALID_CREDENTIALS");
        moment.wait(8, 40, rng);
    }
    if rng.permille(4) {
        // Refused by mistake, or the phone was out of reach.
        diary.okta_failure(moment, "user.authentication.auth_via_mfa", "USER_REJECTED_OKTA_VERIFY_PUSH");
        moment.wait(10, 60, rng);
    }
    diary.okta(moment, "user.authentication.auth_via_mfa", vec![Target::User(moment.who)]);
    moment.wait(1, 5, rng);
    diary.okta(moment, "user.session.start", Vec::new());
    if rng.one_in(3) {
        diary.okta(moment, "policy.evaluate_sign_on", Vec::new());
    }
}

/// All runs of a service account: at its second of the day, give or take some.
pub fn run_service(service: &Service, days: i64, diary: &mut Diary, rng: &mut Rng) {
    for day in (service.from..days).step_by(usize::try_from(service.every).unwrap_or(1).max(1)) {
        let moved = service.moved.filter(|&(from, _)| day >= from);
        let mut desk = service.desk;
        desk.ip = moved.map_or(desk.ip, |(_, ip)| ip);
        let cause = match moved {
            Some((from, _)) if day - from < 21 => Circumstance::ServiceMoved,
            _ => Circumstance::Service,
        };
        let time = START + day * 86_400 + service.second + rng.between(0, 20);
        let moment = Moment { time, who: service.who, desk, cause, mark: None };
        let details = r#"{"from":"yesterday","to":"today","format":"ndjson"}"#;
        diary.mixpanel(&moment, service.action, Some(service.project), details);
    }
}
