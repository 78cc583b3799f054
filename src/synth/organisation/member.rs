//! The people: what they do, when, from where, and what changes for them in half a year.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::diary::{Circumstance, Desk};
use super::networks::{Network, Networks, host_number};
use super::places::{Zones, city, journey};
use crate::synth::people::Person;
use crate::synth::rng::Rng;

/// What somebody mostly does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Runs the organisation: settings, people, service accounts.
    Admin,
    /// Exports and cohorts.
    Analyst,
    /// Reports, boards and experiments.
    Maker,
    /// Looks at boards.
    Viewer,
}

/// An office: its city, its network, and the day on which that was numbered anew.
#[derive(Debug, Clone, Copy)]
pub struct Office {
    /// Where it is.
    pub city: usize,
    /// Network.
    pub network: Network,
    /// From that day on, another network.
    pub renumbered: Option<(i64, Network)>,
}

/// Some days in another city. Times are seconds since 1970.
#[derive(Debug, Clone)]
pub struct Trip {
    /// Where to.
    pub city: usize,
    /// The hotel's network, or the office's there.
    pub network: Network,
    /// On the way there.
    pub out: Range<i64>,
    /// On the way back.
    pub back: Range<i64>,
}

/// A change from a day on.
pub type Change<T> = Option<(i64, T)>;

/// Somebody with an account. Days count from [`crate::synth::START`].
#[derive(Debug, Clone)]
pub struct Member {
    /// Index among the people.
    pub who: usize,
    /// What they do.
    pub role: Role,
    /// Index of the city where they live.
    pub city: usize,
    /// Where they go to work on most days.
    pub office: Option<Office>,
    /// At home.
    pub home: Network,
    /// Another provider at home.
    pub new_home: Change<Network>,
    /// A phone's network, for one session in so many thousand.
    pub hotspot: (u64, Network),
    /// Host numbers at home and in the office.
    pub hosts: (u8, u8),
    /// Browser.
    pub agent: &'static str,
    /// Another laptop.
    pub new_agent: Change<&'static str>,
    /// Seconds of the local day at which they begin and end.
    pub hours: Range<i64>,
    /// Sessions in a thousand working days.
    pub rate: u64,
    /// Days in a thousand on which they only sign in at the identity provider, for other applications.
    pub portal: u64,
    /// Sessions in the evening, of a thousand.
    pub evenings: u64,
    /// Sessions on a day of the weekend, of a thousand working days' sessions.
    pub weekends: u64,
    /// Exports in a thousand sessions.
    pub exports: u64,
    /// A day with many more exports.
    pub big_pull: Option<i64>,
    /// From when on they make cohorts.
    pub cohorts: Option<i64>,
    /// Signs in to Mixpanel with a password, without the identity provider.
    pub password: bool,
    /// First and last day.
    pub employed: Range<i64>,
    /// Days away.
    pub away: Vec<Range<i64>>,
    /// The trip, at most one.
    pub trip: Option<Trip>,
}

impl Member {
    /// Whether they may work on that day.
    pub fn works(&self, day: i64) -> bool {
        self.employed.contains(&day) && !self.away.iter().any(|away| away.contains(&day))
    }

    /// The city that they are in at an instant; `None` on the way.
    pub fn whereabouts(&self, time: i64) -> Option<usize> {
        match &self.trip {
            Some(trip) if trip.out.contains(&time) || trip.back.contains(&time) => None,
            Some(trip) if (trip.out.end..trip.back.start).contains(&time) => Some(trip.city),
            _ => Some(self.city),
        }
    }

    /// Where they sit on a day, and what is unusual about that.
    pub fn desk(&self, day: i64, city_now: usize, in_office: bool, rng: &mut Rng) -> (Desk, Circumstance) {
        let agent = current(self.agent, self.new_agent, day);
        let (network, host, cause) = self.network(day, city_now, in_office, rng);
        let cause = match cause {
            Circumstance::Routine => self.recently(day),
            other => other,
        };
        (Desk { ip: address(network, host, rng), place: &city(city_now).place, agent }, cause)
    }

    fn network(
        &self,
        day: i64,
        city_now: usize,
        in_office: bool,
        rng: &mut Rng,
    ) -> (Network, u8, Circumstance) {
        let abroad = self.trip.as_ref().filter(|trip| trip.city == city_now && city_now != self.city);
        if let Some(trip) = abroad {
            return (trip.network, self.hosts.1, Circumstance::Trip);
        }
        if rng.permille(self.hotspot.0) {
            return (self.hotspot.1, self.hosts.0, Circumstance::Hotspot);
        }
        if let Some(office) = self.office.filter(|_| in_office) {
            let cause = fresh(office.renumbered, day, Circumstance::Renumbered);
            (current(office.network, office.renumbered, day), self.hosts.1, cause)
        } else {
            let cause = fresh(self.new_home, day, Circumstance::NewProvider);
            (current(self.home, self.new_home, day), self.hosts.0, cause)
        }
    }

    fn recently(&self, day: i64) -> Circumstance {
        let returned = |away: &Range<i64>| away.len_days() >= 14 && (0..7).contains(&(day - away.end));
        if self.employed.start > 0 && day - self.employed.start < 21 {
            Circumstance::Joiner
        } else if self.away.iter().any(returned) {
            Circumstance::Returned
        } else {
            fresh(self.new_agent, day, Circumstance::NewLaptop)
        }
    }
}

trait Days {
    fn len_days(&self) -> i64;
}

impl Days for Range<i64> {
    fn len_days(&self) -> i64 {
        self.end - self.start
    }
}

fn current<T: Copy>(before: T, change: Change<T>, day: i64) -> T {
    change.filter(|&(from, _)| day >= from).map_or(before, |(_, after)| after)
}

fn fresh<T: Copy>(change: Change<T>, day: i64, cause: Circumstance) -> Circumstance {
    change.filter(|&(from, _)| (0..21).contains(&(day - from))).map_or(Circumstance::Routine, |_| cause)
}

/// Addresses of a network are handed out anew now and then.
fn address(network: Network, host: u8, rng: &mut Rng) -> Ipv4Addr {
    network.host(if rng.one_in(12) { host_number(rng) } else { host })
}

/// An account of a program: the same request at the same time from the same address.
#[derive(Debug, Clone)]
pub struct Service {
    /// Index among the people.
    pub who: usize,
    /// Where it runs.
    pub desk: Desk,
    /// Another host.
    pub moved: Change<Ipv4Addr>,
    /// First day.
    pub from: i64,
    /// Every so many days.
    pub every: i64,
    /// Second of the day, UTC.
    pub second: i64,
    /// What it asks for.
    pub action: &'static str,
    /// Index of the project.
    pub project: usize,
}

/// A trip of some days from a day on: there in the evening before, back in the evening of the last day.
pub fn trip(
    member: &Member,
    day: i64,
    days: i64,
    to: usize,
    network: Network,
    zones: &Zones,
) -> Option<Trip> {
    let (home, away) = (&city(member.city).place, &city(to).place);
    if to == member.city {
        return None;
    }
    let leave = zones.instant(member.city, day - 1, 18 * 3600);
    let arrive = leave + journey(home, away);
    let depart = zones.instant(to, day + days, 17 * 3600).max(arrive + 86_400);
    Some(Trip { city: to, network, out: leave..arrive, back: depart..depart + journey(home, away) })
}

/// The browsers that people have.
pub const AGENTS: [&str; 7] = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
];

/// Identity of a member of the staff.
pub fn person(number: usize, name: &str, home: usize, rng: &mut Rng) -> Person {
    let round = if number >= 1000 { number.to_string() } else { String::new() };
    Person {
        email: format!("{}{round}@acme.example", name.to_lowercase().replace(' ', ".")),
        name: name.to_owned(),
        place: &city(home).place,
        ip: String::new(),
        agent: "",
        id: format!("00u{:017x}", rng.bits() >> 4),
    }
}

/// Networks of a member, who may live anywhere.
pub struct Lodging {
    /// At home.
    pub home: Network,
    /// Phone.
    pub hotspot: (u64, Network),
    /// See [`Member::hosts`].
    pub hosts: (u8, u8),
}

impl Lodging {
    /// A home in a city, and a phone that a third uses now and then.
    pub fn new(city: usize, networks: &mut Networks, rng: &mut Rng) -> Self {
        let often = if rng.one_in(3) { 4 + rng.below(20) } else { 0 };
        Self {
            home: networks.take(city, rng),
            hotspot: (often, networks.take(city, rng)),
            hosts: (host_number(rng), host_number(rng)),
        }
    }
}
