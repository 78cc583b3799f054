//! Who is hired: the members of an organisation, their offices, and what is going to change for them.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::Plan;
use super::diary::Desk;
use super::member::{AGENTS, Lodging, Member, Office, Role, Service, person, trip};
use super::networks::{Networks, host_number};
use super::places::{CITIES, Zones, city};
use crate::synth::people::Person;
use crate::synth::rng::Rng;

const FIRST: [&str; 32] = [
    "Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Lars",
    "Mara", "Nils", "Olga", "Pablo", "Quinn", "Rosa", "Sven", "Tariq", "Uma", "Vera", "Wim", "Yara", "Anil",
    "Bina", "Carl", "Dora", "Emil", "Fay", "Gita", "Hana",
];
const LAST: [&str; 25] = [
    "Abel", "Brandt", "Costa", "Dietz", "Eriksen", "Fischer", "Gomes", "Haas", "Ivanov", "Jansen", "Keller",
    "Lopes", "Moreau", "Novak", "Okafor", "Peters", "Quist", "Reyes", "Santos", "Tran", "Udo", "Vogel",
    "Weiss", "Xu", "Young",
];
const JOBS: [&str; 6] =
    ["etl-sync", "nightly-export", "dbt-loader", "crm-bridge", "billing-feed", "ml-train"];
/// What programs say that they are.
pub const HOST_AGENT: &str = "python-requests/2.32.3";

/// Everybody, before anything happens.
#[derive(Debug)]
pub struct Staff {
    /// Identities: members, then service accounts; attackers' own accounts come later.
    pub people: Vec<Person>,
    /// Members, at the same index as their identity.
    pub members: Vec<Member>,
    /// Programs.
    pub services: Vec<Service>,
    /// Who leaves without anybody taking the account away.
    pub forgotten: Vec<usize>,
}

/// Hires everybody.
pub fn hire(plan: &Plan, zones: &Zones, networks: &mut Networks, rng: &mut Rng) -> Staff {
    let days = i64::from(plan.days);
    let offices = offices(days, networks, rng);
    let count = plan.people.max(4);
    let mut people = Vec::with_capacity(count);
    let mut members: Vec<Member> = Vec::with_capacity(count);
    for who in 0..count {
        let first = FIRST.get((who * 5 + who / FIRST.len()) % FIRST.len()).copied().unwrap_or("Ada");
        let last = LAST.get((who * 7 + who / LAST.len()) % LAST.len()).copied().unwrap_or("Abel");
        let member = member(who, count, &offices, networks, rng);
        people.push(person(who, &format!("{first} {last}"), member.city, rng));
        members.push(member);
    }
    balance(&mut members, count);
    let forgotten = careers(&mut members, days, rng);
    for member in &mut members {
        changes(member, days, &offices, (zones, networks), rng);
    }
    let services = (0..=rng.below(3)).map(|_| service(&mut people, days, networks, rng)).collect();
    Staff { people, members, services, forgotten }
}

fn offices(days: i64, networks: &mut Networks, rng: &mut Rng) -> Vec<Office> {
    let moves = rng.one_in(4);
    (0..=rng.below(3))
        .map(|number| {
            let city = usize::try_from(rng.below(CITIES.len() as u64)).unwrap_or_default();
            let network = networks.take(city, rng);
            let day = rng.between(days / 6, days);
            let renumbered = (moves && number == 0).then(|| (day, networks.take(city, rng)));
            Office { city, network, renumbered }
        })
        .collect()
}

fn member(who: usize, count: usize, offices: &[Office], networks: &mut Networks, rng: &mut Rng) -> Member {
    let office = rng.pick(offices).copied().filter(|_| rng.permille(750));
    let anywhere = usize::try_from(rng.below(CITIES.len() as u64)).unwrap_or_default();
    let home = office.map_or(anywhere, |office| office.city);
    let role = role(who, count);
    let Lodging { home: network, hotspot, hosts } = Lodging::new(home, networks, rng);
    let begin = rng.between(14, 20) * 1800;
    let exports = match role {
        Role::Analyst => 100 + rng.below(900),
        Role::Maker if rng.one_in(2) => 10 + rng.below(60),
        Role::Admin if rng.one_in(2) => 20 + rng.below(150),
        _ => 0,
    };
    let makes_cohorts = match role {
        Role::Analyst => rng.permille(700),
        Role::Maker => rng.permille(300),
        _ => false,
    };
    let weight = match role {
        Role::Analyst => 180,
        Role::Maker => 100,
        Role::Admin => 90,
        Role::Viewer => 35,
    };
    Member {
        who,
        role,
        city: home,
        office,
        home: network,
        new_home: None,
        hotspot,
        hosts,
        agent: rng.word(&AGENTS),
        new_agent: None,
        hours: begin..begin + rng.between(15, 19) * 1800,
        rate: weight * (40 + rng.below(160)) / 100,
        portal: (8000 / count.max(1) as u64).min(600),
        evenings: if rng.one_in(7) { 120 } else { 25 },
        weekends: if rng.one_in(10) { 200 } else { 25 },
        exports,
        big_pull: None,
        cohorts: makes_cohorts.then_some(0),
        password: rng.one_in(12),
        employed: 0..i64::MAX,
        away: Vec::new(),
        trip: None,
    }
}

/// Two administrators and one for each twenty people; a quarter analysts; half make reports; the others look.
fn role(who: usize, count: usize) -> Role {
    match who {
        who if who < 2 + count / 20 => Role::Admin,
        who if who % 4 == 0 => Role::Analyst,
        who if who % 8 == 7 => Role::Viewer,
        _ => Role::Maker,
    }
}

/// Scales everybody's rate so that the two logs have 20 to 60 events a day, growing with the head count.
fn balance(members: &mut [Member], count: usize) {
    // A session is about eight events in all; five days of seven are working days. Ten more a day come otherwise.
    let events = 23 + 25 * count.saturating_sub(8) as u64 / 52;
    let wanted = events * 1000 * 7 / 5 / 8;
    let sum: u64 = members.iter().map(|member| member.rate).sum();
    for member in members {
        member.rate = (member.rate * wanted / sum.max(1)).clamp(70, 1600);
    }
}

/// Joiners and leavers: about one in ten each. Gives those whose account nobody takes away.
fn careers(members: &mut [Member], days: i64, rng: &mut Rng) -> Vec<usize> {
    let mut forgotten = Vec::new();
    // One account is often left over from before: used at the beginning, never again.
    let left_over = rng.permille(700).then(|| members.len().saturating_sub(1));
    for member in members {
        if member.role == Role::Admin {
            continue;
        }
        let tenth = rng.below(10);
        if left_over == Some(member.who) {
            member.employed = 0..rng.between(days / 9, days / 6).max(1);
            member.rate = member.rate.max(400);
            forgotten.push(member.who);
        } else if tenth == 0 {
            member.employed.start = rng.between(days / 12, days * 3 / 4);
        } else if tenth == 1 {
            member.employed.end = rng.between(days / 5, days * 9 / 10);
            if rng.permille(300) {
                forgotten.push(member.who);
            }
        }
    }
    forgotten
}

/// What changes for a member in the time.
fn changes(
    member: &mut Member,
    days: i64,
    offices: &[Office],
    (zones, networks): (&Zones, &mut Networks),
    rng: &mut Rng,
) {
    let holiday = |low: i64, high: i64, rng: &mut Rng| -> Range<i64> {
        let start = rng.between(7, days.max(8));
        start..start + rng.between(low, high)
    };
    member.away.push(holiday(14, 21, rng));
    member.away.push(holiday(3, 8, rng));
    if rng.one_in(180) {
        member.away.push(holiday(92, 130, rng));
    }
    if rng.one_in(5) {
        member.new_agent = Some((rng.between(5, days), rng.word(&AGENTS)));
    }
    if rng.one_in(8) {
        member.new_home = Some((rng.between(5, days), networks.take(member.city, rng)));
    }
    if member.cohorts.is_none() && rng.one_in(15) {
        member.cohorts = Some(rng.between(20, days));
    }
    if member.role == Role::Analyst && rng.one_in(10) {
        // On a working day.
        let day = rng.between(20, days);
        member.big_pull = Some(day - (day % 7 - 4).max(0));
    }
    if rng.one_in(10) {
        let other = rng.pick(offices).copied().filter(|office| office.city != member.city);
        let (to, network) = if let Some(office) = other.filter(|_| rng.one_in(2)) {
            (office.city, office.network)
        } else {
            let to = member.city + 1 + usize::try_from(rng.below(15)).unwrap_or_default();
            (to % CITIES.len(), networks.take(to, rng))
        };
        let (day, length) = (rng.between(10, days), rng.between(2, 6));
        member.trip = trip(member, day, length, to, network, zones);
    }
}

/// A program with an account of its own, at a host of its own.
fn service(people: &mut Vec<Person>, days: i64, networks: &mut Networks, rng: &mut Rng) -> Service {
    let home = usize::try_from(rng.below(CITIES.len() as u64)).unwrap_or_default();
    let who = people.len();
    let name = rng.word(&JOBS);
    let email = format!("{name}.{:06x}.mp-service-account", rng.bits() >> 40);
    people.push(Person { email, name: name.to_owned(), ..person(who, "Service", home, rng) });
    let network = networks.take(home, rng);
    let ip: Ipv4Addr = network.host(host_number(rng));
    let moved = rng
        .one_in(15)
        .then(|| (rng.between(20, days.max(21)), networks.take(home, rng).host(host_number(rng))));
    let action = if rng.one_in(5) { "profile_export.downloaded" } else { "raw_event_export.requested" };
    Service {
        who,
        desk: Desk { ip, place: &city(home).place, agent: HOST_AGENT },
        moved,
        from: 0,
        every: if rng.one_in(3) { 7 } else { 1 },
        second: rng.between(0, 86_399),
        action,
        project: usize::try_from(rng.below(3)).unwrap_or_default(),
    }
}

/// A service account that an administrator makes on a day; it runs from the next day on.
pub fn new_service(staff: &mut Staff, day: i64, days: i64, networks: &mut Networks, rng: &mut Rng) -> usize {
    let mut made = service(&mut staff.people, days, networks, rng);
    made.from = day + 1;
    made.moved = None;
    let who = made.who;
    staff.services.push(made);
    who
}
