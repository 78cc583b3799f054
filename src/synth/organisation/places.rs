//! Where people live and attackers sit, and what time it is there.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::synth::START;
use crate::synth::people::Place;

/// A city with its time zone. Its place's `offset` is not used: the zone knows summer time and half hours.
#[derive(Debug)]
pub struct City {
    /// What the identity provider says of its addresses.
    pub place: Place,
    /// The zone's rule, as POSIX writes it: no tz database decides what the logs are.
    pub zone: &'static str,
}

const fn place(
    city: &'static str,
    state: &'static str,
    country: &'static str,
    at: (&'static str, &'static str),
) -> Place {
    Place { city, state, country, at, offset: 0 }
}

/// Where people live. There are sixteen: each has four of the sixty-four providers, see [`super::networks`].
pub static CITIES: [City; 16] = [
    City {
        place: place("Berlin", "Berlin", "Germany", ("52.52", "13.405")),
        zone: "CET-1CEST,M3.5.0,M10.5.0/3",
    },
    City {
        place: place("Lisbon", "Lisbon", "Portugal", ("38.7223", "-9.1393")),
        zone: "WET0WEST,M3.5.0/1,M10.5.0",
    },
    City {
        place: place("London", "England", "United Kingdom", ("51.5072", "-0.1276")),
        zone: "GMT0BST,M3.5.0/1,M10.5.0",
    },
    City {
        place: place("Warsaw", "Masovia", "Poland", ("52.2297", "21.0122")),
        zone: "CET-1CEST,M3.5.0,M10.5.0/3",
    },
    City {
        place: place("Athens", "Attica", "Greece", ("37.9838", "23.7275")),
        zone: "EET-2EEST,M3.5.0/3,M10.5.0/4",
    },
    City {
        place: place("Toronto", "Ontario", "Canada", ("43.6532", "-79.3832")),
        zone: "EST5EDT,M3.2.0,M11.1.0",
    },
    City {
        place: place("Austin", "Texas", "United States", ("30.2672", "-97.7431")),
        zone: "CST6CDT,M3.2.0,M11.1.0",
    },
    City {
        place: place("San Francisco", "California", "United States", ("37.7749", "-122.4194")),
        zone: "PST8PDT,M3.2.0,M11.1.0",
    },
    City {
        place: place("St. John's", "Newfoundland and Labrador", "Canada", ("47.5615", "-52.7126")),
        zone: "NST3:30NDT,M3.2.0,M11.1.0",
    },
    City { place: place("Sao Paulo", "Sao Paulo", "Brazil", ("-23.5558", "-46.6396")), zone: "<-03>3" },
    City { place: place("Bengaluru", "Karnataka", "India", ("12.9716", "77.5946")), zone: "IST-5:30" },
    City { place: place("Kathmandu", "Bagmati", "Nepal", ("27.7172", "85.324")), zone: "<+0545>-5:45" },
    City { place: place("Tokyo", "Tokyo", "Japan", ("35.6762", "139.6503")), zone: "JST-9" },
    City {
        place: place("Adelaide", "South Australia", "Australia", ("-34.9285", "138.6007")),
        zone: "ACST-9:30ACDT,M10.1.0,M4.1.0/3",
    },
    City { place: place("Nairobi", "Nairobi", "Kenya", ("-1.2864", "36.8172")), zone: "EAT-3" },
    City {
        place: place("Auckland", "Auckland", "New Zealand", ("-36.8485", "174.7633")),
        zone: "NZST-12NZDT,M9.5.0,M4.1.0/3",
    },
];

/// Where attackers' addresses say that they are.
pub static LAIRS: [Place; 5] = [
    place("Singapore", "Singapore", "Singapore", ("1.3521", "103.8198")),
    place("Amsterdam", "North Holland", "Netherlands", ("52.3676", "4.9041")),
    place("Bucharest", "Bucharest", "Romania", ("44.4268", "26.1025")),
    place("Hanoi", "Hanoi", "Vietnam", ("21.0278", "105.8342")),
    place("Johannesburg", "Gauteng", "South Africa", ("-26.2041", "28.0473")),
];

/// The city of that number; any number is some city.
pub fn city(number: usize) -> &'static City {
    CITIES.get(number % CITIES.len()).unwrap_or(&CITIES[0])
}

/// Kilometres between two places, along the surface.
pub fn kilometres(from: &Place, to: &Place) -> f64 {
    let radians = |text: &str| text.parse::<f64>().unwrap_or_default().to_radians();
    let (lat, lon) = (radians(from.at.0), radians(from.at.1));
    let (other_lat, other_lon) = (radians(to.at.0), radians(to.at.1));
    let (north, east) = (((other_lat - lat) / 2.0).sin(), ((other_lon - lon) / 2.0).sin());
    let part = north * north + lat.cos() * other_lat.cos() * east * east;
    2.0 * 6371.0 * part.sqrt().asin()
}

/// Seconds from door to door by air: 800 km an hour, and three hours at airports and on the way.
pub fn journey(from: &Place, to: &Place) -> i64 {
    let air = Duration::from_secs_f64(kilometres(from, to) / 800.0 * 3600.0);
    i64::try_from(air.as_secs()).unwrap_or_default() + 3 * 3600
}

/// The cities' zones.
#[derive(Debug)]
pub struct Zones(Vec<TimeZone>);

impl Zones {
    /// All of them.
    pub fn new() -> Self {
        Self(CITIES.iter().map(|city| TimeZone::posix(city.zone).unwrap_or(TimeZone::UTC)).collect())
    }

    /// Seconds that a city is ahead of UTC on a day after [`START`].
    pub fn offset(&self, city: usize, day: i64) -> i64 {
        let noon = Timestamp::from_second(START + day * 86_400 + 43_200).unwrap_or(Timestamp::UNIX_EPOCH);
        let zone = self.0.get(city % CITIES.len());
        zone.map_or(0, |zone| i64::from(zone.to_offset(noon).seconds()))
    }

    /// The instant of a second of a local day.
    pub fn instant(&self, city: usize, day: i64, second: i64) -> i64 {
        START + day * 86_400 + second - self.offset(city, day)
    }
}

impl Default for Zones {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_know_summer_time_and_half_hours() {
        let zones = Zones::new();
        assert_eq!((zones.offset(0, 0), zones.offset(0, 120)), (7200, 3600));
        assert_eq!(zones.offset(10, 0), 19_800);
        assert_eq!((zones.offset(13, 0), zones.offset(13, 120)), (34_200, 37_800));
        assert_eq!(zones.instant(10, 0, 19_800), START);
    }

    #[test]
    fn flights_take_their_time() {
        let (berlin, toronto) = (&CITIES[0].place, &CITIES[5].place);
        assert!((6300.0..6700.0).contains(&kilometres(berlin, toronto)));
        assert!((10 * 3600..12 * 3600).contains(&journey(berlin, toronto)));
    }
}
