//! One record of a geo database, whatever its schema: reads what it knows, skips the rest.
//!
//! Two families are in use. `MaxMind` and DB-IP nest (`country.iso_code`, `city.names.en`, `location.latitude`,
//! `traits.…`); ip-location-db, `IPinfo` and others are flat (`country_code`, `city`, `latitude`, `asn`). A value of an
//! unexpected type or out of its range leaves its attribute absent; a record that cannot be decoded is an error as a whole.
//!
//! The walk goes three levels down and leaves anything else to the decoder, which skips without following pointers.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Kind, Place};

/// Longer text is no name of a place or an organisation, and is not taken.
const MAX_TEXT: usize = 256;

/// A record's place.
pub(super) struct Record(pub(super) Place);

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Found::default();
        Walk { found: &mut found, at: At::Top }.deserialize(deserializer)?;
        Ok(Self(found.place()))
    }
}

/// Where in a record the walk is.
#[derive(Clone, Copy)]
enum At {
    Top,
    Country,
    City,
    Location,
    Traits,
    Names(Leaf),
    Leaf(Leaf),
}

/// What a value says. The number is its rank: where several keys say the same, the lowest counts.
#[derive(Clone, Copy)]
enum Leaf {
    CountryCode(u8),
    CountryName(u8),
    /// A flat `country`: a code in some databases, a name in others.
    Country,
    City(u8),
    Latitude,
    Longitude,
    FlatLatitude,
    FlatLongitude,
    TimeZone(u8),
    AsNumber(u8),
    AsOrganization(u8),
    Flag(Kind),
    ConnectionType,
}

fn step(at: At, key: &str) -> Option<At> {
    match at {
        At::Top => top(key).or_else(|| network(key).map(At::Leaf)),
        At::Country => match key {
            "iso_code" => Some(At::Leaf(Leaf::CountryCode(0))),
            "names" => Some(At::Names(Leaf::CountryName(0))),
            _ => None,
        },
        At::City => (key == "names").then_some(At::Names(Leaf::City(0))),
        At::Location => match key {
            "latitude" => Some(At::Leaf(Leaf::Latitude)),
            "longitude" => Some(At::Leaf(Leaf::Longitude)),
            "time_zone" => Some(At::Leaf(Leaf::TimeZone(0))),
            _ => None,
        },
        At::Traits => network(key).map(At::Leaf),
        At::Names(leaf) => (key == "en").then_some(At::Leaf(leaf)),
        At::Leaf(_) => None,
    }
}

fn top(key: &str) -> Option<At> {
    let leaf = match key {
        "country" => return Some(At::Country),
        "city" => return Some(At::City),
        "location" => return Some(At::Location),
        "traits" => return Some(At::Traits),
        "country_code" | "country_iso_code" => Leaf::CountryCode(1),
        "country_name" => Leaf::CountryName(1),
        "city_name" => Leaf::City(1),
        "latitude" | "lat" => Leaf::FlatLatitude,
        "longitude" | "lng" | "lon" => Leaf::FlatLongitude,
        "time_zone" | "timezone" => Leaf::TimeZone(1),
        _ => return None,
    };
    Some(At::Leaf(leaf))
}

fn network(key: &str) -> Option<Leaf> {
    Some(match key {
        "autonomous_system_number" => Leaf::AsNumber(0),
        "asn" | "as_number" => Leaf::AsNumber(1),
        "autonomous_system_organization" => Leaf::AsOrganization(0),
        "as_organization" | "as_org" => Leaf::AsOrganization(1),
        "as_name" => Leaf::AsOrganization(2),
        // Of an address, which need not be that of its autonomous system: last.
        "organization" | "org" => Leaf::AsOrganization(3),
        "is_tor_exit_node" | "is_tor" | "tor" => Leaf::Flag(Kind::Tor),
        "is_anonymous_vpn" | "is_vpn" | "vpn" => Leaf::Flag(Kind::Vpn),
        "is_residential_proxy" => Leaf::Flag(Kind::ResidentialProxy),
        "is_public_proxy" | "is_anonymous_proxy" | "is_proxy" | "proxy" => Leaf::Flag(Kind::Proxy),
        "is_relay" | "relay" => Leaf::Flag(Kind::Relay),
        "is_satellite_provider" | "is_satellite" => Leaf::Flag(Kind::Satellite),
        "is_hosting_provider" | "is_hosting" | "hosting" => Leaf::Flag(Kind::Hosting),
        "is_anonymous" => Leaf::Flag(Kind::Anonymous),
        "connection_type" => Leaf::ConnectionType,
        _ => return None,
    })
}

enum Scalar<'a> {
    Text(&'a str),
    Float(f64),
    Integer(i64),
    Bool(bool),
}

impl Scalar<'_> {
    /// Text that says something.
    fn text(&self) -> Option<String> {
        let Self::Text(text) = self else { return None };
        let text = text.trim();
        (!matches!(text, "" | "-") && text.len() <= MAX_TEXT).then(|| text.to_owned())
    }

    /// Two letters, in capitals; `ZZ` and `XX` stand for an unknown country.
    fn country_code(&self) -> Option<String> {
        let code = self.text()?.to_ascii_uppercase();
        let letters = code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase());
        (letters && code != "ZZ" && code != "XX").then_some(code)
    }

    fn degrees(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            Self::Integer(number) => i32::try_from(*number).ok().map(f64::from),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Bool(_) => None,
        }
    }

    /// A number, or text such as `AS64500`; 0 stands for none.
    fn as_number(&self) -> Option<u32> {
        let number = match self {
            Self::Integer(number) => u32::try_from(*number).ok(),
            Self::Text(text) => {
                let text = text.trim();
                let prefix = text.get(..2).filter(|prefix| prefix.eq_ignore_ascii_case("as"));
                let digits = prefix.map_or(text, |prefix| text.strip_prefix(prefix).unwrap_or(text));
                let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
                if plain { digits.parse().ok() } else { None }
            }
            Self::Float(_) | Self::Bool(_) => None,
        };
        number.filter(|number| *number != 0)
    }

    fn is_set(&self) -> bool {
        match self {
            Self::Bool(set) => *set,
            Self::Integer(number) => *number == 1,
            Self::Text(text) => text.trim().eq_ignore_ascii_case("true") || text.trim() == "1",
            Self::Float(_) => false,
        }
    }
}

/// A value with the rank of the key that gave it.
type Ranked<T> = Option<(u8, T)>;

fn offer<T>(slot: &mut Ranked<T>, rank: u8, value: Option<T>) {
    let better = slot.as_ref().is_none_or(|(held, _)| rank < *held);
    if let Some(value) = value.filter(|_| better) {
        *slot = Some((rank, value));
    }
}

#[derive(Default)]
struct Coordinates {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl Coordinates {
    /// Both, in range. Some databases write 0, 0, which is open sea, for an unknown place.
    fn checked(&self) -> Option<(f64, f64)> {
        let (latitude, longitude) = (self.latitude?, self.longitude?);
        // Not a number lies in no range.
        let in_range = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        (in_range && !(latitude == 0.0 && longitude == 0.0)).then_some((latitude, longitude))
    }
}

#[derive(Default)]
struct Found {
    country_code: Ranked<String>,
    country_name: Ranked<String>,
    city: Ranked<String>,
    nested: Coordinates,
    flat: Coordinates,
    time_zone: Ranked<String>,
    as_number: Ranked<u32>,
    as_organization: Ranked<String>,
    kind: Option<Kind>,
}

impl Found {
    fn put(&mut self, leaf: Leaf, value: &Scalar<'_>) {
        match leaf {
            Leaf::CountryCode(rank) => offer(&mut self.country_code, rank, value.country_code()),
            Leaf::CountryName(rank) => offer(&mut self.country_name, rank, value.text()),
            Leaf::Country => {
                let text = value.text();
                if text.as_ref().is_some_and(|text| text.len() == 2) {
                    offer(&mut self.country_code, 2, value.country_code());
                } else {
                    offer(&mut self.country_name, 2, text);
                }
            }
            Leaf::City(rank) => offer(&mut self.city, rank, value.text()),
            Leaf::Latitude => self.nested.latitude = self.nested.latitude.or(value.degrees()),
            Leaf::Longitude => self.nested.longitude = self.nested.longitude.or(value.degrees()),
            Leaf::FlatLatitude => self.flat.latitude = self.flat.latitude.or(value.degrees()),
            Leaf::FlatLongitude => self.flat.longitude = self.flat.longitude.or(value.degrees()),
            Leaf::TimeZone(rank) => offer(&mut self.time_zone, rank, value.text()),
            Leaf::AsNumber(rank) => offer(&mut self.as_number, rank, value.as_number()),
            Leaf::AsOrganization(rank) => offer(&mut self.as_organization, rank, value.text()),
            Leaf::Flag(kind) if value.is_set() => self.take_kind(kind),
            Leaf::ConnectionType if matches!(value, Scalar::Text("Satellite")) => {
                self.take_kind(Kind::Satellite);
            }
            Leaf::Flag(_) | Leaf::ConnectionType => {}
        }
    }

    fn take_kind(&mut self, kind: Kind) {
        self.kind = Some(self.kind.map_or(kind, |held| held.min(kind)));
    }

    fn place(self) -> Place {
        let number = self.as_number.map(|(_, number)| number);
        // An address's organisation is that of its autonomous system only where the record is about one.
        let organization = self.as_organization.filter(|(rank, _)| *rank < 3 || number.is_some());
        Place {
            country_iso_code: self.country_code.map(|(_, code)| code),
            country_name: self.country_name.map(|(_, name)| name),
            city_name: self.city.map(|(_, name)| name),
            time_zone: self.time_zone.map(|(_, zone)| zone),
            location: self.nested.checked().or_else(|| self.flat.checked()),
            as_number: number,
            as_organization: organization.map(|(_, name)| name),
            network_kind: self.kind.map(|kind| kind.name().to_owned()),
        }
    }
}

struct Walk<'f> {
    found: &'f mut Found,
    at: At,
}

impl Walk<'_> {
    fn scalar(self, value: &Scalar<'_>) {
        let leaf = match self.at {
            At::Leaf(leaf) => leaf,
            At::Country => Leaf::Country,
            At::City => Leaf::City(1),
            At::Top | At::Location | At::Traits | At::Names(_) => return,
        };
        self.found.put(leaf, value);
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.scalar(&Scalar::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.scalar(&Scalar::Integer(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        if let Ok(value) = i64::try_from(value) {
            self.scalar(&Scalar::Integer(value));
        }
        Ok(())
    }

    fn visit_u128<E>(self, _: u128) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.scalar(&Scalar::Float(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.scalar(&Scalar::Text(value));
        Ok(())
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<&str>()? {
            match step(self.at, key) {
                Some(at) => map.next_value_seed(Walk { found: self.found, at })?,
                None => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// JSON has the same shapes.
    fn place(json: &str) -> Place {
        serde_json::from_str::<Record>(json).unwrap().0
    }

    #[test]
    fn nested_records_are_read() {
        let read = place(
            r#"{"country":{"iso_code":"GB","names":{"de":"Vereinigtes Königreich","en":"United Kingdom"}},
                "registered_country":{"iso_code":"FR"},"represented_country":{"iso_code":"US"},
                "city":{"geoname_id":1,"names":{"en":"London"}},"subdivisions":[{"iso_code":"ENG"}],
                "location":{"accuracy_radius":9,"latitude":51.5142,"longitude":-0.0931,"time_zone":"Europe/London"},
                "traits":{"autonomous_system_number":64500,"autonomous_system_organization":"Example",
                          "organization":"Tenant","is_anonymous_vpn":true,"is_hosting_provider":true}}"#,
        );
        let expected = Place {
            country_iso_code: Some("GB".to_owned()),
            country_name: Some("United Kingdom".to_owned()),
            city_name: Some("London".to_owned()),
            time_zone: Some("Europe/London".to_owned()),
            location: Some((51.5142, -0.0931)),
            as_number: Some(64500),
            as_organization: Some("Example".to_owned()),
            network_kind: Some("vpn".to_owned()),
        };
        assert_eq!(read, expected);
        assert_eq!(place(r#"{"registered_country":{"iso_code":"FR"}}"#), Place::default());
    }

    #[test]
    fn flat_records_are_read() {
        let expected = Place {
            country_iso_code: Some("DE".to_owned()),
            city_name: Some("Bonn".to_owned()),
            time_zone: Some("Europe/Berlin".to_owned()),
            location: Some((50.7, 7.1)),
            ..Place::default()
        };
        let number = r#"{"country_code":"DE","city":"Bonn","latitude":50.7,"longitude":7.1,"timezone":"Europe/Berlin"}"#;
        assert_eq!(place(number), expected);
        let as_text = r#"{"country":"DE","city":"Bonn","lat":"50.7","lng":"7.1","timezone":"Europe/Berlin"}"#;
        assert_eq!(place(as_text), expected);
        // The two free schemas of one vendor: `country` is the code in one, the name in the other.
        let expected = Place {
            country_iso_code: Some("US".to_owned()),
            country_name: Some("United States".to_owned()),
            as_number: Some(64500),
            as_organization: Some("Example LLC".to_owned()),
            ..Place::default()
        };
        let lite =
            r#"{"asn":"AS64500","as_name":"Example LLC","country_code":"US","country":"United States"}"#;
        assert_eq!(place(lite), expected);
        let older =
            r#"{"country":"US","country_name":"United States","asn":"as64500","as_name":"Example LLC"}"#;
        assert_eq!(place(older), expected);
    }

    #[test]
    fn numbers_of_autonomous_systems_are_read_as_number_and_as_text() {
        let number = |json: &str| place(&format!("{{\"asn\":{json}}}")).as_number;
        assert_eq!(number("64500"), Some(64500));
        assert_eq!(number("\"64500\""), Some(64500));
        assert_eq!(number("\" AS4294967295\""), Some(u32::MAX));
        for absent in
            ["0", "-1", "4294967296", "1.5", "true", "\"\"", "\"AS\"", "\"AS+5\"", "\"ASé\"", "\"é5\"", "[1]"]
        {
            assert_eq!(number(absent), None, "{absent}");
        }
        // An organisation without a number can be anybody.
        assert_eq!(place(r#"{"organization":"Tenant"}"#).as_organization, None);
        assert_eq!(place(r#"{"organization":"Owner","asn":1}"#).as_organization, Some("Owner".to_owned()));
        let ranked =
            r#"{"org":"a","as_name":"b","autonomous_system_organization":"c","as_organization":"d"}"#;
        assert_eq!(place(ranked).as_organization, Some("c".to_owned()));
    }

    #[test]
    fn values_that_cannot_be_are_absent() {
        let nothing = [
            r#"{"country":["GB"],"city":5,"location":"51,0","traits":true}"#,
            r#"{"country":{"iso_code":7,"names":"x"},"city":{"names":["en"]},"location":{"time_zone":{}}}"#,
            r#"{"country":"ZZ","city":"-","country_code":"-","timezone":"  "}"#,
            r#"{"country_code":"G1","latitude":"north","longitude":5}"#,
            r#"{"latitude":90.5,"longitude":5}"#,
            r#"{"latitude":5,"longitude":-180.5}"#,
            r#"{"latitude":"NaN","longitude":"inf"}"#,
            r#"{"latitude":0.0,"longitude":0.0}"#,
            r#"{"latitude":5.0}"#,
            r#"{"vpn":"","tor":false,"hosting":"no","is_proxy":0}"#,
            r#"[{"country_code":"GB"}]"#,
            "17",
        ];
        for json in nothing {
            assert_eq!(place(json), Place::default(), "{json}");
        }
        let long = "x".repeat(MAX_TEXT + 1);
        assert_eq!(place(&format!("{{\"city\":\"{long}\"}}")), Place::default());
        assert_eq!(place(r#"{"latitude":90,"longitude":-180}"#).location, Some((90.0, -180.0)));
    }

    #[test]
    fn the_most_telling_flag_gives_the_kind() {
        let kind = |json: &str| place(json).network_kind.unwrap_or_default();
        assert_eq!(kind(r#"{"is_anonymous":true,"is_hosting_provider":true}"#), "hosting");
        assert_eq!(
            kind(r#"{"is_hosting_provider":true,"is_tor_exit_node":true,"is_anonymous_vpn":true}"#),
            "tor"
        );
        assert_eq!(kind(r#"{"is_public_proxy":true,"is_residential_proxy":true}"#), "residential_proxy");
        assert_eq!(kind(r#"{"traits":{"is_satellite_provider":true}}"#), "satellite");
        assert_eq!(kind(r#"{"connection_type":"Satellite"}"#), "satellite");
        assert_eq!(kind(r#"{"connection_type":"Cable/DSL"}"#), "");
        assert_eq!(kind(r#"{"hosting":"","relay":"true","vpn":""}"#), "relay");
        for one in Kind::ALL {
            assert_eq!(Kind::parse(one.name()), Some(one));
        }
    }
}
