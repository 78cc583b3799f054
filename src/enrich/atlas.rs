//! Databases and known networks together: what is known of an address.

use std::net::IpAddr;

use super::{Attribute, Databases, Kind, KnownNetworks};

/// What is known of an address.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Located {
    /// ISO code of its country.
    pub country: Option<String>,
    /// Number of the autonomous system that announces it.
    pub asn: Option<u32>,
    /// Latitude and longitude in degrees.
    pub location: Option<(f64, f64)>,
    /// Its time zone, as the tz database names it.
    pub time_zone: Option<String>,
    /// What people call the place.
    pub label: Option<String>,
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
        let label = match (place.city_name, place.country_iso_code.clone()) {
            (Some(city), Some(country)) => Some(format!("{city}, {country}")),
            (city, country) => city.or(country),
        };
        Located {
            country: place.country_iso_code,
            asn: place.as_number,
            location: place.location,
            time_zone: place.time_zone,
            label,
            is_relay: kind.is_some_and(|kind| kind != Kind::Hosting),
        }
    }

    fn knows(&self, attribute: Attribute) -> bool {
        self.databases.has(attribute)
    }
}
