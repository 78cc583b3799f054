//! Made-up organisations over half a year, with planted truth: for measuring what rules find, and what they find in
//! ordinary life.
//!
//! Everything is ours: which habits people have, how often something unusual happens for a good reason, how an attacker
//! behaves. Figures that are measured on it say how rules treat this life, not how often they are right elsewhere.

pub mod attack;
pub mod chores;
pub mod diary;
pub mod member;
pub mod networks;
pub mod places;
pub mod staff;
pub mod work;

use std::io::{self, Write};

use super::START;
use super::people::Person;
use super::rng::Rng;
use attack::Truth;
use diary::{Circumstance, Diary, Entry, Mark};
use networks::Networks;
use places::Zones;
use work::Worker;

/// What to make.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Days from [`START`].
    pub days: u32,
    /// Members of the staff.
    pub people: usize,
    /// Whether there is an attacker.
    pub attack: bool,
}

impl Plan {
    /// Half a year of 8 to 60 people, as many as the seed says.
    pub fn half_year(seed: u64, attack: bool) -> Self {
        let people = 8 + usize::try_from(Rng::new(seed ^ 0x5EED).below(53)).unwrap_or_default();
        Self { days: 180, people, attack }
    }
}

/// Which of an organisation's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Book {
    /// Mixpanel's audit log, NDJSON.
    Mixpanel,
    /// Okta's System Log, NDJSON.
    Okta,
}

/// Both logs of an organisation, and what is true about them.
#[derive(Debug)]
pub struct Organisation {
    seed: u64,
    people: Vec<Person>,
    books: [Vec<Entry>; 2],
    truth: Vec<Truth>,
}

impl Organisation {
    /// The same seed and plan give the same organisation. Ordinary life is the same with and without an attack, but
    /// for what the attack makes people leave undone.
    pub fn new(seed: u64, plan: &Plan) -> Self {
        let days = i64::from(plan.days);
        let zones = Zones::new();
        let mut rng = Rng::new(seed);
        let mut networks = Networks::new(&mut rng);
        let mut staff = staff::hire(plan, &zones, &mut networks, &mut rng);
        let mut diary = Diary::default();
        for member in &staff.members {
            let mut own = Rng::new(rng.bits());
            Worker { member, zones: &zones, diary: &mut diary, rng: &mut own, signed_in: None }.live(days);
        }
        let networks = &mut networks;
        chores::Chores { staff: &mut staff, zones: &zones, networks, diary: &mut diary, rng: &mut rng, days }
            .run();
        for service in &staff.services {
            work::run_service(service, days, &mut diary, &mut rng);
        }
        let incidents =
            if plan.attack { attack::plant(seed, days, &mut staff, &zones, &mut diary) } else { Vec::new() };
        let books = diary.close(&(START..START + days * 86_400));
        let truth = attack::truth(incidents, &books, &staff.people);
        Self { seed, people: staff.people, books, truth }
    }

    /// Writes a log; returns how many records it has.
    pub fn write(&self, book: Book, out: &mut dyn Write) -> io::Result<u64> {
        let mut rng = Rng::new(self.seed ^ 0x0B0E);
        let mut buffer = Vec::with_capacity(1 << 17);
        for entry in self.book(book) {
            diary::push(&mut buffer, entry, &self.people, &mut rng);
            if buffer.len() >= 1 << 16 {
                out.write_all(&buffer)?;
                buffer.clear();
            }
        }
        out.write_all(&buffer)?;
        Ok(self.book(book).len() as u64)
    }

    /// What was planted, in no order.
    pub fn truth(&self) -> &[Truth] {
        &self.truth
    }

    /// The records of a log, in order: the first is number 1.
    pub fn book(&self, book: Book) -> &[Entry] {
        let [mixpanel, okta] = &self.books;
        match book {
            Book::Mixpanel => mixpanel,
            Book::Okta => okta,
        }
    }

    /// Everybody: members, service accounts, attackers' own accounts.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Whether a record is an attacker's; records count from 1.
    pub fn mark(&self, book: Book, record: u64) -> Option<Mark> {
        self.entry(book, record)?.moment.mark
    }

    /// What is unusual about an ordinary record.
    pub fn circumstance(&self, book: Book, record: u64) -> Option<Circumstance> {
        Some(self.entry(book, record)?.moment.cause)
    }

    fn entry(&self, book: Book, record: u64) -> Option<&Entry> {
        self.book(book).get(usize::try_from(record.checked_sub(1)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use diary::What;

    fn half_year(seed: u64, attack: bool) -> Organisation {
        Organisation::new(seed, &Plan::half_year(seed, attack))
    }

    fn written(organisation: &Organisation) -> [Vec<u8>; 2] {
        [Book::Mixpanel, Book::Okta].map(|book| {
            let mut out = Vec::new();
            let records = organisation.write(book, &mut out).unwrap();
            assert_eq!(out.split(|&byte| byte == b'\n').count() as u64, records + 1);
            out
        })
    }

    fn all(organisation: &Organisation) -> impl Iterator<Item = &Entry> {
        [Book::Mixpanel, Book::Okta].into_iter().flat_map(|book| organisation.book(book))
    }

    fn of_attackers(entry: &Entry) -> bool {
        let [first, second, third, _] = entry.moment.desk.ip.octets();
        [[192, 0, 2], [198, 51, 100], [203, 0, 113]].contains(&[first, second, third])
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let logs = written(&half_year(7, true));
        assert_eq!(logs, written(&half_year(7, true)));
        assert_ne!(logs, written(&half_year(8, true)));
        for line in
            logs.iter().flat_map(|log| log.split(|&byte| byte == b'\n')).filter(|line| !line.is_empty())
        {
            serde_json::from_slice::<serde_json::Value>(line).unwrap();
        }
    }

    #[test]
    fn what_was_planted_is_in_the_logs() {
        for seed in 0..40 {
            let organisation = half_year(seed, true);
            assert!((1..=3).contains(&organisation.truth().len()), "{seed}");
            for (incident, truth) in organisation.truth().iter().enumerate() {
                assert!(!truth.records.is_empty() && !truth.rules.is_empty(), "{seed}: {truth:?}");
                assert!(truth.start <= truth.end && truth.accounts.contains(&truth.actor));
                for &(book, record) in &truth.records {
                    let entry = organisation.entry(book, record).unwrap();
                    assert_eq!(entry.moment.mark, Some(Mark { incident, shows: true }));
                    assert!((truth.start..=truth.end).contains(&entry.moment.time));
                }
            }
        }
    }

    #[test]
    fn every_behaviour_is_planted() {
        let planted: BTreeSet<_> = (0..60)
            .flat_map(|seed| half_year(seed, true).truth.into_iter().map(|truth| truth.behaviour))
            .collect();
        assert_eq!(planted.len(), attack::EXPECTED.len());
    }

    #[test]
    fn a_quiet_organisation_has_nothing_of_an_attacker() {
        for seed in 0..20 {
            let quiet = half_year(seed, false);
            assert!(quiet.truth().is_empty());
            assert!(all(&quiet).all(|entry| entry.moment.mark.is_none() && !of_attackers(entry)));
        }
    }

    #[test]
    fn ordinary_life_is_the_same_under_attack() {
        for seed in 0..10 {
            let (quiet, attacked) = (half_year(seed, false), half_year(seed, true));
            let innocent = all(&attacked).filter(|entry| entry.moment.mark.is_none()).count();
            let ordinary = all(&quiet).count();
            assert!(innocent <= ordinary && ordinary - innocent < 200, "{seed}: {innocent} of {ordinary}");
        }
    }

    #[test]
    fn days_have_as_many_events_as_asked_and_times_are_in_order() {
        for seed in 0..20 {
            let organisation = half_year(seed, true);
            let count = all(&organisation).count();
            assert!((20 * 180..60 * 180).contains(&count), "{seed}: {} a day", count / 180);
            for book in [Book::Mixpanel, Book::Okta] {
                assert!(organisation.book(book).is_sorted_by_key(|entry| entry.moment.time));
            }
        }
    }

    #[test]
    fn people_work_in_their_usual_hours() {
        let (mut usual, mut total) = (0, 0);
        for seed in 0..20 {
            let plan = Plan::half_year(seed, false);
            let organisation = Organisation::new(seed, &plan);
            let zones = Zones::new();
            let mut rng = Rng::new(seed);
            let mut networks = Networks::new(&mut rng);
            let members = staff::hire(&plan, &zones, &mut networks, &mut rng).members;
            for entry in all(&organisation) {
                let Some(member) = members.get(entry.moment.who) else { continue };
                let time = entry.moment.time;
                let Some(city) = member.whereabouts(time) else { continue };
                let local = time - zones.instant(city, (time - START).div_euclid(86_400), 0);
                let second = local.rem_euclid(86_400);
                let hours = member.hours.start - 3600..member.hours.end + 3600;
                usual += u64::from(hours.contains(&second));
                total += 1;
            }
        }
        assert!(usual * 10 > total * 9, "{usual} of {total}");
    }

    #[test]
    fn service_accounts_run_at_their_hour_from_their_address() {
        let organisation = half_year(3, false);
        let runs: Vec<&Entry> = organisation
            .book(Book::Mixpanel)
            .iter()
            .filter(|entry| entry.moment.cause == Circumstance::Service)
            .collect();
        assert!(runs.len() > 20);
        for run in runs {
            assert!(organisation.people[run.moment.who].email.ends_with(".mp-service-account"));
            assert!(matches!(&run.what, What::Mixpanel { action, .. } if action.contains("export")));
        }
    }
}
