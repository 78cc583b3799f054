//! What happened, before it is written: who did what from where, and what it is part of.

use std::net::Ipv4Addr;

use crate::synth::people::{Person, Place};
use crate::synth::rng::Rng;
use crate::synth::{mixpanel, okta};

/// What is unusual about an ordinary record, so that a false positive can say where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Circumstance {
    /// Nothing.
    Routine,
    /// Work late in the evening.
    Late,
    /// Work at the weekend.
    Weekend,
    /// The last days of a month and the first of the next.
    MonthEnd,
    /// A day on which somebody needs much more data than usual.
    BigPull,
    /// On a trip, in another network.
    Trip,
    /// From a phone's network.
    Hotspot,
    /// A new provider at home, in its first weeks.
    NewProvider,
    /// A new laptop, in its first weeks.
    NewLaptop,
    /// An office network that was numbered anew, in its first weeks.
    Renumbered,
    /// Somebody's first weeks.
    Joiner,
    /// Back from weeks or months away.
    Returned,
    /// An administrator's chore.
    Chore,
    /// A service account at its hour.
    Service,
    /// A service account that was moved to another host.
    ServiceMoved,
}

/// That a record is an attacker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Which incident it belongs to: an index into [`super::Organisation::truth`].
    pub incident: usize,
    /// Whether it is one of those that show the behaviour.
    pub shows: bool,
}

/// Where somebody sits.
#[derive(Debug, Clone, Copy)]
pub struct Desk {
    /// Address.
    pub ip: Ipv4Addr,
    /// Where the address is.
    pub place: &'static Place,
    /// Browser.
    pub agent: &'static str,
}

/// Somebody at work: the next record is theirs.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Seconds since 1970.
    pub time: i64,
    /// Index of the person.
    pub who: usize,
    /// Where.
    pub desk: Desk,
    /// Why, if it is ordinary.
    pub cause: Circumstance,
    /// Whose, if it is not.
    pub mark: Option<Mark>,
}

impl Moment {
    /// Lets between `low` and `high` seconds pass.
    pub fn wait(&mut self, low: i64, high: i64, rng: &mut Rng) {
        self.time += rng.between(low, high);
    }
}

/// What an Okta event was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Mixpanel.
    App,
    /// Somebody, by index.
    User(usize),
    /// Something with a type and a name.
    Thing(&'static str, String),
}

/// The part of a record that only its log has.
#[derive(Debug, Clone)]
pub enum What {
    /// A line of Mixpanel's audit log.
    Mixpanel {
        /// Event type.
        action: &'static str,
        /// Index into the projects; `None` for the organisation.
        project: Option<usize>,
        /// A JSON object.
        details: String,
    },
    /// A line of Okta's System Log.
    Okta {
        /// Event type.
        event: &'static str,
        /// Why it failed, if it did.
        failure: Option<&'static str>,
        /// The API token that it was done with.
        token: Option<&'static str>,
        /// What it was done to.
        targets: Vec<Target>,
    },
}

/// One record.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When, where, who.
    pub moment: Moment,
    /// What.
    pub what: What,
}

/// Both logs, in any order until [`Diary::close`].
#[derive(Debug, Default)]
pub struct Diary {
    /// The records.
    pub entries: Vec<Entry>,
}

impl Diary {
    /// Somebody did something in Mixpanel.
    pub fn mixpanel(&mut self, moment: &Moment, action: &'static str, project: Option<usize>, details: &str) {
        let what = What::Mixpanel { action, project, details: details.to_owned() };
        self.entries.push(Entry { moment: *moment, what });
    }

    /// Somebody did something at the identity provider.
    pub fn okta(&mut self, moment: &Moment, event: &'static str, targets: Vec<Target>) {
        let what = What::Okta { event, failure: None, token: None, targets };
        self.entries.push(Entry { moment: *moment, what });
    }

    /// A program did something at the identity provider with somebody's API token.
    pub fn okta_token(&mut self, moment: &Moment, event: &'static str, token: &'static str, target: Target) {
        let what = What::Okta { event, failure: None, token: Some(token), targets: vec![target] };
        self.entries.push(Entry { moment: *moment, what });
    }

    /// Somebody failed at the identity provider.
    pub fn okta_failure(&mut self, moment: &Moment, event: &'static str, reason: &'static str) {
        let what = What::Okta { event, failure: Some(reason), token: None, targets: Vec::new() };
        self.entries.push(Entry { moment: *moment, what });
    }

    /// The two logs in order of time, Mixpanel's first; records from outside the time are left out.
    pub fn close(mut self, time: &std::ops::Range<i64>) -> [Vec<Entry>; 2] {
        self.entries.retain(|entry| time.contains(&entry.moment.time));
        self.entries.sort_by_key(|entry| entry.moment.time);
        let (mixpanel, okta) =
            self.entries.into_iter().partition(|entry| matches!(entry.what, What::Mixpanel { .. }));
        [mixpanel, okta]
    }
}

/// Appends a record's line.
pub fn push(out: &mut Vec<u8>, entry: &Entry, people: &[Person], rng: &mut Rng) {
    let Some(person) = people.get(entry.moment.who) else { return };
    let ip = entry.moment.desk.ip.to_string();
    match &entry.what {
        What::Mixpanel { action, project, details } => {
            let who = (person.email.clone(), person.name.clone());
            let (action, project, details) = (*action, *project, details.clone());
            let act = mixpanel::Act { time: entry.moment.time, who, action, ip, project, details };
            mixpanel::push_ndjson(out, &act);
        }
        What::Okta { event, failure, token, targets } => {
            let act = okta::Act {
                time: entry.moment.time,
                person,
                event,
                message: message(event),
                outcome: if failure.is_some() { ("FAILURE", *failure) } else { ("SUCCESS", None) },
                ip,
                place: entry.moment.desk.place,
                agent: entry.moment.desk.agent,
                proxy: false,
                token: *token,
                targets: targets.iter().map(|target| spell(target, people)).collect(),
            };
            okta::push(out, &act, rng);
            out.push(b'\n');
        }
    }
}

/// Type, id, login and name of a target.
fn spell(target: &Target, people: &[Person]) -> [String; 4] {
    match target {
        Target::App => ["AppInstance", "0oa4mixpanelprod0x7", "Mixpanel", "Mixpanel"].map(str::to_owned),
        Target::User(who) => {
            let person = people.get(*who);
            let text = |of: fn(&Person) -> &String| person.map(of).cloned().unwrap_or_default();
            [
                "User".to_owned(),
                text(|person| &person.id),
                text(|person| &person.email),
                text(|person| &person.name),
            ]
        }
        Target::Thing(kind, name) => {
            [(*kind).to_owned(), format!("00x{}", name.len()), name.clone(), name.clone()]
        }
    }
}

/// What Okta shows for an event type.
fn message(event: &str) -> &'static str {
    match event {
        "user.session.start" => "User login to Okta",
        "user.session.end" => "User logout from Okta",
        "user.authentication.sso" => "User single sign on to app",
        "user.authentication.auth_via_mfa" => "Authentication of user via MFA",
        "policy.evaluate_sign_on" => "Evaluation of sign-on policy",
        "app.oauth2.token.grant.access_token" => "OAuth2 access token is granted",
        "user.account.update_profile" => "Update user profile for Okta",
        "user.account.update_password" => "User update password for Okta",
        "group.user_membership.add" => "Add user to group membership",
        "application.user_membership.add" => "Add user to application membership",
        "user.lifecycle.create" => "Create Okta user",
        "user.lifecycle.activate" => "Activate Okta user",
        "user.lifecycle.deactivate" => "Deactivate Okta user",
        "user.mfa.factor.activate" => "Activate factor or authenticator enrollment method for user",
        "user.mfa.factor.deactivate" => "Reset factor for user",
        "user.mfa.factor.reset_all" => "Reset all factors for user",
        "user.session.access_admin_app" => "User accessing Okta admin app",
        "system.api_token.create" => "Create API token",
        "policy.rule.update" => "Update policy rule",
        "application.lifecycle.update" => "Update application",
        _ => "Event",
    }
}
