//! What is known about an address beyond the log itself: where it is, whose it is, what kind of network it belongs to.
//!
//! [`Databases`] answers from `MaxMind` DB files that the user gives, [`KnownNetworks`] from a small list of networks whose
//! operators publish them. Neither asks anything of the network, and neither guesses: what is not known stays absent.

mod atlas;
pub mod geo;
pub mod networks;
mod record;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use atlas::{Atlas, Given, Locate, Located};
pub use geo::{Attribute, Database, Databases, Failures, Place};
pub use networks::{Known, KnownNetworks};

/// The mean radius of the earth (IUGG R1), in kilometres.
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// What kind of network an address belongs to, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An exit of the Tor network.
    Tor,
    /// A virtual private network that hides its users.
    Vpn,
    /// A proxy on the lines of private customers.
    ResidentialProxy,
    /// Any other public proxy.
    Proxy,
    /// A relay that hides its users' addresses but keeps their rough place, such as a browser's or a system's own.
    Relay,
    /// Access by satellite: the place is that of a ground station.
    Satellite,
    /// A hosting or cloud provider.
    Hosting,
    /// Hides its users in a way that is not told.
    Anonymous,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Tor,
        Self::Vpn,
        Self::ResidentialProxy,
        Self::Proxy,
        Self::Relay,
        Self::Satellite,
        Self::Hosting,
        Self::Anonymous,
    ];

    /// Its name, as in a list of networks and in [`Place::network_kind`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tor => "tor",
            Self::Vpn => "vpn",
            Self::ResidentialProxy => "residential_proxy",
            Self::Proxy => "proxy",
            Self::Relay => "relay",
            Self::Satellite => "satellite",
            Self::Hosting => "hosting",
            Self::Anonymous => "anonymous",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Why a file that was to tell more about addresses cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EnrichError {
    /// It cannot be read.
    #[error("cannot read {}: {error}; {advice}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// It is larger than is read into memory.
    #[error("{} has more than {limit} bytes, which is the most that is read; give a smaller file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// It is no database, or a broken one.
    #[error(
        "{} cannot be used as a MaxMind DB: {reason}; give a whole .mmdb file, downloaded again if need be",
        path.display()
    )]
    Database {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A list of networks is not what it should be.
    #[error("{}: {reason}", path.display())]
    Networks {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what to do.
        reason: String,
    },
}

/// The distance over the surface of a sphere between two places given as latitude and longitude in degrees, in kilometres.
///
/// The haversine formula; the earth's flattening makes the true distance differ by up to 0.6 %.
pub fn great_circle_km(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (from_latitude, to_latitude) = (from.0.to_radians(), to.0.to_radians());
    let across = ((to_latitude - from_latitude) / 2.0).sin().powi(2);
    let along = ((to.1 - from.1).to_radians() / 2.0).sin().powi(2);
    let haversine = from_latitude.cos().mul_add(to_latitude.cos() * along, across);
    2.0 * EARTH_RADIUS_KM * haversine.clamp(0.0, 1.0).sqrt().asin()
}

/// Reads a file whole, if it is one and not too large.
fn read_file(path: &Path, limit: u64, advice: &'static str) -> Result<Vec<u8>, EnrichError> {
    let unreadable = |error: io::Error| EnrichError::Unreadable { path: path.to_owned(), error, advice };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(limit)).unwrap_or(0));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(EnrichError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 0.01
    }

    #[test]
    fn distances_are_those_of_the_sphere() {
        let quarter = EARTH_RADIUS_KM * std::f64::consts::FRAC_PI_2;
        assert!(near(great_circle_km((0.0, 0.0), (0.0, 90.0)), quarter));
        assert!(near(great_circle_km((90.0, 0.0), (0.0, 77.0)), quarter));
        assert!(near(great_circle_km((0.0, 0.0), (0.0, 180.0)), 2.0 * quarter));
        assert!(near(great_circle_km((-90.0, 12.0), (90.0, -40.0)), 2.0 * quarter));
        assert!(near(great_circle_km((51.5, -0.12), (51.5, -0.12)), 0.0));
        // London to New York, and the same the other way.
        let (london, new_york) = ((51.5142, -0.0931), (40.7128, -74.0060));
        assert!((great_circle_km(london, new_york) - 5571.0).abs() < 2.0);
        assert!(near(great_circle_km(london, new_york), great_circle_km(new_york, london)));
        // Across the date line the short way counts.
        assert!(great_circle_km((0.0, 179.5), (0.0, -179.5)) < 112.0);
    }
}
