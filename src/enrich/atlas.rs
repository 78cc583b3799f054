//! Databases and known networks together: what is known of an address.

use std::net::IpAddr;

use super::{Attribute, Databases, Kind, KnownNetworks};

/// What is known of an address.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Located {
    /// ISO code of its country.
    pub country: Option<String>,
    /// Name of its country.
    pub country_name: Option<String>,
    /// Name of its city.
    pub city: Option<String>,
    /// Number of the autonomous system that announces it.
    pub asn: Option<u32>,
    /// Name of that system's organisation.
    pub as_organization: Option<String>,
    /// Latitude and longitude in degrees.
    pub location: Option<(f64, f64)>,
    /// Its time zone, as the tz database names it.
    pub time_zone: Option<String>,
    /// What people call the place.
    pub label: Option<String>,
    /// What kind of network it is of.
    pub network_kind: Option<Kind>,
    /// Whether it says nothing of where its user is: VPN, relay, satellite.
    pub is_relay: bool,
}

/// Tells where addresses are.
pub trait Locate: Sync {
    /// What is known of an address; nothing where no database has it.
    fn locate(&self, address: IpAddr) -> Located;
    /// Whether some database can tell this.
    fn knows(&self, attribute: Attribute) -> bool;
}

/// Fields of rules that databases can give where the log does not have them: those of ECS, and
/// `source.network.kind`, which is ours.
const FIELDS: [(&str, Attribute); 7] = [
    ("source.geo.country_iso_code", Attribute::Country),
    ("source.geo.country_name", Attribute::Country),
    ("source.geo.city_name", Attribute::City),
    ("source.geo.timezone", Attribute::TimeZone),
    ("source.as.number", Attribute::AutonomousSystem),
    ("source.as.organization.name", Attribute::AutonomousSystem),
    ("source.network.kind", Attribute::NetworkKind),
];

/// Which of the fields that can be given are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Given([bool; FIELDS.len()]);

impl Given {
    /// Those that `locate` gives.
    pub fn by(locate: &dyn Locate) -> Self {
        Self(FIELDS.map(|(_, attribute)| locate.knows(attribute)))
    }

    /// Whether a field is among them.
    pub fn has(&self, field: &str) -> bool {
        FIELDS.iter().zip(self.0).any(|((name, _), given)| given && *name == field)
    }
}

impl Located {
    /// The value of a field that databases can give.
    pub fn field(&self, name: &str) -> Option<String> {
        match name {
            "source.geo.country_iso_code" => self.country.clone(),
            "source.geo.country_name" => self.country_name.clone(),
            "source.geo.city_name" => self.city.clone(),
            "source.geo.timezone" => self.time_zone.clone(),
            "source.as.number" => self.asn.map(|number| number.to_string()),
            "source.as.organization.name" => self.as_organization.clone(),
            "source.network.kind" => self.network_kind.map(|kind| kind.name().to_owned()),
            _ => None,
        }
    }
}

/// Databases and lists of networks, asked together.
pub struct Atlas {
    /// What the user gave.
    pub databases: Databases,
    /// Those that come with the program, or the user's.
    pub networks: KnownNetworks,
}

impl Locate for Atlas {
    fn locate(&self, address: IpAddr) -> Located {
        let place = self.databases.lookup(address);
        let listed = self.networks.kind(address, place.as_number).map(|known| known.kind);
        let kind = listed.or_else(|| Kind::parse(place.network_kind.as_deref()?));
        let label = match (place.city_name.clone(), place.country_iso_code.clone()) {
            (Some(city), Some(country)) => Some(format!("{city}, {country}")),
            (city, country) => city.or(country),
        };
        Located {
            country: place.country_iso_code,
            country_name: place.country_name,
            city: place.city_name,
            asn: place.as_number,
            as_organization: place.as_organization,
            location: place.location,
            time_zone: place.time_zone,
            label,
            network_kind: kind,
            is_relay: kind.is_some_and(|kind| kind != Kind::Hosting),
        }
    }

    fn knows(&self, attribute: Attribute) -> bool {
        attribute == Attribute::NetworkKind || self.databases.has(attribute)
    }
}
