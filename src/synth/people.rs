//! The made-up organisation: people, networks, projects.

use super::rng::Rng;

/// Somebody with an account.
#[derive(Debug, Clone)]
pub struct Person {
    /// E-mail, which is the login.
    pub email: String,
    /// Full name.
    pub name: String,
    /// Where they work.
    pub place: &'static Place,
    /// Their address at work or at home.
    pub ip: String,
    /// Their browser.
    pub agent: &'static str,
    /// Id at the identity provider.
    pub id: String,
}

/// A place in the world.
#[derive(Debug)]
pub struct Place {
    /// City.
    pub city: &'static str,
    /// State or region.
    pub state: &'static str,
    /// Country.
    pub country: &'static str,
    /// Latitude and longitude.
    pub at: (&'static str, &'static str),
    /// Hours ahead of UTC; summer time is left out.
    pub offset: i64,
}

/// Where the organisation works.
pub const PLACES: [Place; 4] = [
    Place { city: "Berlin", state: "Berlin", country: "Germany", at: ("52.52", "13.405"), offset: 1 },
    Place { city: "Lisbon", state: "Lisbon", country: "Portugal", at: ("38.7223", "-9.1393"), offset: 0 },
    Place {
        city: "Austin",
        state: "Texas",
        country: "United States",
        at: ("30.2672", "-97.7431"),
        offset: -6,
    },
    Place { city: "Toronto", state: "Ontario", country: "Canada", at: ("43.6532", "-79.3832"), offset: -5 },
];

/// Where the attacker's addresses say that they are.
pub const FAR: [Place; 2] = [
    Place {
        city: "Singapore",
        state: "Singapore",
        country: "Singapore",
        at: ("1.3521", "103.8198"),
        offset: 8,
    },
    Place {
        city: "Amsterdam",
        state: "North Holland",
        country: "Netherlands",
        at: ("52.3676", "4.9041"),
        offset: 1,
    },
];

const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
];

const FIRST: [&str; 24] = [
    "Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Lars",
    "Mara", "Nils", "Olga", "Pablo", "Quinn", "Rosa", "Sven", "Tariq", "Uma", "Vera", "Wim", "Yara",
];
const LAST: [&str; 20] = [
    "Abel", "Brandt", "Costa", "Dietz", "Eriksen", "Fischer", "Gomes", "Haas", "Ivanov", "Jansen", "Keller",
    "Lopes", "Moreau", "Novak", "Okafor", "Peters", "Quist", "Reyes", "Santos", "Tran",
];

/// The account that is taken over: a collaborator of an agency.
pub const VICTIM: &str = "jane@agency.example";
/// The administrator who responds.
pub const RESPONDER: &str = "ada.abel@acme.example";
/// Projects: id and name.
pub const PROJECTS: [(u32, &str); 3] =
    [(3_187_001, "Web Production"), (3_187_002, "Mobile Production"), (3_187_003, "Staging")];

/// The staff: the responder first, the collaborator second, then `count - 2` others.
pub fn staff(count: usize, rng: &mut Rng) -> Vec<Person> {
    (0..count.max(2))
        .map(|number| {
            let (first, last) = (pick(&FIRST, number), pick(&LAST, number / FIRST.len() * 7 + number));
            let round = number / (FIRST.len() * LAST.len());
            let suffix = if round > 0 { round.to_string() } else { String::new() };
            let (name, email) = match number {
                1 => ("Jane Doe".to_owned(), VICTIM.to_owned()),
                _ => (
                    format!("{first} {last}"),
                    format!("{}.{}{suffix}@acme.example", first.to_lowercase(), last.to_lowercase()),
                ),
            };
            Person {
                email,
                name,
                place: PLACES.get(if number == 1 { 0 } else { number % PLACES.len() }).unwrap_or(&PLACES[0]),
                ip: address(number, rng),
                agent: pick(&AGENTS, number),
                id: format!("00u{:017x}", rng.bits() >> 4),
            }
        })
        .collect()
}

fn pick(list: &[&'static str], at: usize) -> &'static str {
    list.get(at % list.len().max(1)).copied().unwrap_or_default()
}

impl Person {
    /// The address of one act: those of large organisations come from ten addresses of a network.
    pub fn address(&self, rng: &mut Rng) -> String {
        match self.ip.strip_prefix("10.").and_then(|_| self.ip.rsplit_once('.')) {
            Some((network, last)) => {
                let last: u64 = last.parse().unwrap_or_default();
                format!("{network}.{}", last + rng.below(10) + 1)
            }
            None => self.ip.clone(),
        }
    }
}

/// Half the staff share an office's address; the others have their own. Beyond 500 people, networks of their own.
fn address(number: usize, rng: &mut Rng) -> String {
    if number >= 500 {
        format!("10.{}.{}.{}", rng.below(256), rng.below(256), rng.below(24) * 10)
    } else if number.is_multiple_of(2) {
        format!("192.0.2.{}", 10 + number % PLACES.len())
    } else {
        format!("198.51.100.{}", number % 250 + 1)
    }
}
