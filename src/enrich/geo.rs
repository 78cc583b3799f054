//! Places and autonomous systems from `MaxMind` DB files.
//!
//! Files are read into memory: mapping them would be unsafe (a file that changes under the map is undefined behaviour), and
//! was measured to be no faster.
//!
//! A database is input like any other and may be broken or hostile. What keeps a lookup short and harmless is, first, the
//! reader: it bounds the walk through the tree by the address's bits, a record by 65,536 values, 2 MiB of text and 512
//! levels, and skips without following pointers. What it does not bound is iteration: a tree whose nodes all lead nowhere has
//! 2^128 empty networks, which [`Within`](maxminddb::Within) would pass over in one call. Sampling therefore asks for empty
//! networks too and counts its steps.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use maxminddb::{LookupResult, MaxMindDbError, Reader, WithinOptions};

use super::EnrichError;
use super::record::Record;

/// The largest database that is read, in bytes.
const MAX_FILE: u64 = 2 << 30;

/// Zero bytes between tree and data.
const SEPARATOR: usize = 16;

/// Networks that sampling steps over, and records it reads from the database's beginning.
const MAX_STEPS: usize = 4096;
const FIRST_RECORDS: usize = 64;

/// What databases say of an address. What they do not say is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// Two capital letters (ISO 3166-1): where the address is used, not where it was registered.
    pub country_iso_code: Option<String>,
    /// The country's English name, as the database writes it.
    pub country_name: Option<String>,
    /// The city's English name, as the database writes it.
    pub city_name: Option<String>,
    /// As the database writes it: an IANA name in most, an offset such as `+01:00` in some.
    pub time_zone: Option<String>,
    /// Latitude and longitude in degrees, within -90 to 90 and -180 to 180.
    pub location: Option<(f64, f64)>,
    /// Number of the autonomous system, never 0.
    pub as_number: Option<u32>,
    /// Who runs the autonomous system.
    pub as_organization: Option<String>,
    /// A [`Kind`](super::Kind)'s name.
    pub network_kind: Option<String>,
}

impl Place {
    /// Takes what is missing from a later database. A code and its name come together: the name of another country, or of
    /// another autonomous system, would be wrong.
    fn fill(&mut self, other: Self) {
        let country = (other.country_iso_code, other.country_name);
        fill_pair(&mut self.country_iso_code, &mut self.country_name, country);
        let system = (other.as_number, other.as_organization);
        fill_pair(&mut self.as_number, &mut self.as_organization, system);
        fill(&mut self.city_name, other.city_name);
        fill(&mut self.time_zone, other.time_zone);
        fill(&mut self.location, other.location);
        fill(&mut self.network_kind, other.network_kind);
    }

    fn has(&self, attribute: Attribute) -> bool {
        match attribute {
            Attribute::Country => self.country_iso_code.is_some() || self.country_name.is_some(),
            Attribute::City => self.city_name.is_some(),
            Attribute::Location => self.location.is_some(),
            Attribute::TimeZone => self.time_zone.is_some(),
            Attribute::AutonomousSystem => self.as_number.is_some(),
            Attribute::NetworkKind => self.network_kind.is_some(),
        }
    }
}

fn fill<T>(mine: &mut Option<T>, other: Option<T>) {
    if mine.is_none() {
        *mine = other;
    }
}

/// A code and its name, from one that says nothing else of either.
fn fill_pair<A: PartialEq, B: PartialEq>(
    code: &mut Option<A>,
    name: &mut Option<B>,
    other: (Option<A>, Option<B>),
) {
    match (code.is_some(), name.is_some()) {
        (false, false) => (*code, *name) = other,
        (true, false) if *code == other.0 => *name = other.1,
        (false, true) if *name == other.1 => *code = other.0,
        _ => {}
    }
}

/// Something that a database can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// Code or name of the country.
    Country,
    /// Name of the city.
    City,
    /// Latitude and longitude.
    Location,
    /// Time zone.
    TimeZone,
    /// Number of the autonomous system.
    AutonomousSystem,
    /// Kind of network.
    NetworkKind,
}

impl Attribute {
    /// Every attribute.
    pub const ALL: [Self; 6] = [
        Self::Country,
        Self::City,
        Self::Location,
        Self::TimeZone,
        Self::AutonomousSystem,
        Self::NetworkKind,
    ];

    /// What to call it in a message.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::City => "city",
            Self::Location => "location",
            Self::TimeZone => "time zone",
            Self::AutonomousSystem => "autonomous system",
            Self::NetworkKind => "kind of network",
        }
    }
}

/// Lookups that a database could not answer. An address that it simply does not have is not among them, nor is one whose
/// way through a broken tree leads in circles: the reader takes that for an address that is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    /// IPv6 addresses asked of a database that has IPv4 alone.
    pub ipv6: u64,
    /// Broken places in the tree or in a record.
    pub broken: u64,
}

/// One database.
#[derive(Debug)]
pub struct Database {
    path: PathBuf,
    reader: Reader<Vec<u8>>,
    can: HashSet<Attribute>,
    ipv6_failures: AtomicU64,
    broken_failures: AtomicU64,
}

impl Database {
    fn open(path: &Path) -> Result<Self, EnrichError> {
        let bytes = super::read_file(path, MAX_FILE, "give the path of a MaxMind DB (.mmdb) file")?;
        let broken = |reason: String| EnrichError::Database { path: path.to_owned(), reason };
        if let Some(reason) = no_database(&bytes) {
            return Err(broken(reason.to_owned()));
        }
        // The reader keeps its bytes to itself: look at them first, through a reader that borrows them.
        let borrowed = Reader::from_source(bytes.as_slice()).map_err(|error| broken(error.to_string()))?;
        if !has_separator(&borrowed, &bytes) {
            return Err(broken("its tree does not have the length that its metadata gives".to_owned()));
        }
        let reader = Reader::from_source(bytes).map_err(|error| broken(error.to_string()))?;
        let mut database = Self {
            path: path.to_owned(),
            reader,
            can: HashSet::new(),
            ipv6_failures: AtomicU64::new(0),
            broken_failures: AtomicU64::new(0),
        };
        database.can = database.sample().map_err(broken)?;
        Ok(database)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its maker calls it, such as `GeoLite2-City`.
    pub fn database_type(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// When it was made, in seconds since 1970.
    pub fn build_epoch(&self) -> u64 {
        self.reader.metadata().build_epoch
    }

    /// Whether it can give an attribute for some addresses: by its type, where that is a known one, or by a sample of its
    /// records. A database that has the attribute for few addresses alone may be missed.
    pub fn has(&self, attribute: Attribute) -> bool {
        self.can.contains(&attribute)
    }

    /// Lookups that failed so far.
    pub fn failures(&self) -> Failures {
        Failures {
            ipv6: self.ipv6_failures.load(Ordering::Relaxed),
            broken: self.broken_failures.load(Ordering::Relaxed),
        }
    }

    fn lookup(&self, ip: IpAddr) -> Place {
        if ip.is_ipv6() && self.reader.metadata().ip_version == 4 {
            self.ipv6_failures.fetch_add(1, Ordering::Relaxed);
            return Place::default();
        }
        let place = self.reader.lookup(ip).and_then(|found| decode(&found));
        place.unwrap_or_else(|_| {
            self.broken_failures.fetch_add(1, Ordering::Relaxed);
            Place::default()
        })
    }

    /// What the type says it has, and what a sample of the records has. An error says that no record of it can be read.
    fn sample(&self) -> Result<HashSet<Attribute>, String> {
        let mut can = claimed(self.database_type());
        let (mut seen, mut broken, mut reason) = (HashSet::new(), 0_usize, None);
        let mut look = |found: Result<LookupResult<'_, Vec<u8>>, MaxMindDbError>| {
            let record = found.and_then(|found| match found.offset() {
                Some(offset) if seen.insert(offset) => decode(&found).map(Some),
                _ => Ok(None),
            });
            match record {
                Ok(Some(place)) => can.extend(Attribute::ALL.into_iter().filter(|one| place.has(*one))),
                Ok(None) => {}
                Err(error) => {
                    broken += 1;
                    reason.get_or_insert_with(|| error.to_string());
                }
            }
            seen.len()
        };
        // Networks without data too: a tree can have endlessly many, and only those that are given out are counted.
        let options = WithinOptions::default().include_networks_without_data();
        for found in self.reader.networks(options).map_err(|error| error.to_string())?.take(MAX_STEPS) {
            if look(found) >= FIRST_RECORDS {
                break;
            }
        }
        for ip in spread().filter(|ip| ip.is_ipv4() || self.reader.metadata().ip_version == 6) {
            look(self.reader.lookup(ip));
        }
        match reason {
            Some(reason) if broken >= seen.len() => Err(format!("no record of it can be read: {reason}")),
            _ => Ok(can),
        }
    }
}

fn decode(found: &LookupResult<'_, Vec<u8>>) -> Result<Place, MaxMindDbError> {
    Ok(found.decode::<Record>()?.map(|record| record.0).unwrap_or_default())
}

/// Addresses all over the space that is in use: one in each /8 of IPv4 and in each /11 of `2000::/3`.
fn spread() -> impl Iterator<Item = IpAddr> {
    let four = (0..=u8::MAX).map(|first| IpAddr::V4(Ipv4Addr::new(first, 100, 50, 25)));
    let six = (0..=u8::MAX)
        .map(|part| IpAddr::V6(Ipv6Addr::new(0x2000 | u16::from(part) << 5, 1, 0, 0, 0, 0, 0, 1)));
    four.chain(six)
}

/// What is sure from the type that the makers of the usual databases write.
fn claimed(database_type: &str) -> HashSet<Attribute> {
    use Attribute::{AutonomousSystem, City, Country, Location, NetworkKind, TimeZone};
    let name = database_type.to_ascii_lowercase();
    let maxmind = name.starts_with("geoip") || name.starts_with("geolite");
    if !maxmind && !name.starts_with("dbip") {
        return HashSet::new();
    }
    let has = |word: &str| name.contains(word);
    let claims: &[Attribute] = match () {
        () if has("enterprise") => &[Country, City, Location, TimeZone, AutonomousSystem],
        () if has("city") && maxmind => &[Country, City, Location, TimeZone],
        () if has("city") => &[Country, City, Location],
        () if has("country") => &[Country],
        () if has("asn") || has("isp") => &[AutonomousSystem],
        () if has("anonymous") => &[NetworkKind],
        () => &[],
    };
    claims.iter().copied().collect()
}

/// Why a file is none that a reader could make something of.
fn no_database(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [] => Some("it is empty"),
        [0x1F, 0x8B, ..] => Some("it is compressed with gzip; unpack it first"),
        [b'P', b'K', 3, 4, ..] => Some("it is a zip archive; unpack it first"),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some("it is compressed with zstd; unpack it first"),
        _ => memchr::memmem::rfind(bytes, b"\xAB\xCD\xEFMaxMind.com")
            .is_none()
            .then_some("it has no metadata of a MaxMind DB, so it is another kind of file or cut off"),
    }
}

/// The zeros that must follow the tree: where they are missing, the metadata gives a wrong length, and every record would be
/// read from a wrong place.
fn has_separator(reader: &Reader<&[u8]>, bytes: &[u8]) -> bool {
    let metadata = reader.metadata();
    let length = u64::from(metadata.node_count) * u64::from(metadata.record_size) / 4;
    let start = usize::try_from(length).ok();
    start
        .and_then(|start| bytes.get(start..start.checked_add(SEPARATOR)?))
        .is_some_and(|zeros| zeros.iter().all(|byte| *byte == 0))
}

/// Several databases, the most trusted first.
#[derive(Debug, Default)]
pub struct Databases {
    all: Vec<Database>,
}

impl Databases {
    /// Opens files, the most trusted first. One that is no database, or so broken that it shows, is an error.
    pub fn open(paths: &[PathBuf]) -> Result<Self, EnrichError> {
        let all = paths.iter().map(|path| Database::open(path)).collect::<Result<_, _>>()?;
        Ok(Self { all })
    }

    /// What the databases say of an address: attribute by attribute, the first that says something. An IPv4 address in IPv6
    /// form is looked up as IPv4.
    ///
    /// A code comes with its own name: a later database gives the name of a country, or of an autonomous system, only if it
    /// gives the same code or number. A city, a place and a time zone may come from another database than the country.
    pub fn lookup(&self, ip: IpAddr) -> Place {
        let ip = ip.to_canonical();
        let mut place = Place::default();
        for database in &self.all {
            place.fill(database.lookup(ip));
        }
        place
    }

    /// Whether any of them can give an attribute; see [`Database::has`].
    pub fn has(&self, attribute: Attribute) -> bool {
        self.all.iter().any(|database| database.has(attribute))
    }

    /// Each of them, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Database> {
        self.all.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The lookups that failed so far, by file, in their order.
    pub fn failures(&self) -> impl Iterator<Item = (&Path, Failures)> {
        self.all.iter().map(|database| (database.path(), database.failures()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(code: Option<&str>, name: Option<&str>) -> Place {
        Place {
            country_iso_code: code.map(str::to_owned),
            country_name: name.map(str::to_owned),
            ..Place::default()
        }
    }

    #[test]
    fn a_code_keeps_its_own_name() {
        let filled = |mut first: Place, second: Place| {
            first.fill(second);
            (first.country_iso_code, first.country_name)
        };
        let pair =
            |code: Option<&str>, name: Option<&str>| (code.map(str::to_owned), name.map(str::to_owned));
        let other = || place(Some("FR"), Some("France"));
        assert_eq!(filled(place(None, None), other()), pair(Some("FR"), Some("France")));
        assert_eq!(filled(place(Some("FR"), None), other()), pair(Some("FR"), Some("France")));
        assert_eq!(filled(place(None, Some("France")), other()), pair(Some("FR"), Some("France")));
        assert_eq!(filled(place(Some("GB"), None), other()), pair(Some("GB"), None));
        assert_eq!(filled(place(None, Some("Germany")), other()), pair(None, Some("Germany")));
        assert_eq!(filled(place(Some("GB"), None), place(None, Some("France"))), pair(Some("GB"), None));
        assert_eq!(filled(place(Some("GB"), Some("UK")), other()), pair(Some("GB"), Some("UK")));
    }

    #[test]
    fn types_claim_what_their_makers_put_in() {
        let claims = |name: &str| {
            let claimed = claimed(name);
            Attribute::ALL
                .into_iter()
                .filter(|one| claimed.contains(one))
                .map(Attribute::name)
                .collect::<Vec<_>>()
        };
        assert_eq!(claims("GeoLite2-City"), ["country", "city", "location", "time zone"]);
        assert_eq!(claims("DBIP-City-Lite"), ["country", "city", "location"]);
        assert_eq!(claims("GeoIP2-Country"), ["country"]);
        assert_eq!(claims("GeoLite2-ASN"), ["autonomous system"]);
        assert_eq!(claims("GeoIP2-Anonymous-IP"), ["kind of network"]);
        assert_eq!(claims("somebody's city").len(), 0);
    }

    #[test]
    fn sampled_addresses_are_spread() {
        let all: HashSet<IpAddr> = spread().collect();
        assert_eq!(all.len(), 512);
        assert!(all.contains(&"2600:1::1".parse::<IpAddr>().unwrap()));
        assert!(all.contains(&"3fe0:1::1".parse::<IpAddr>().unwrap()));
    }

    #[test]
    fn a_path_that_is_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Databases::open(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains("it is not a regular file; give the path of a MaxMind DB"), "{error}");
    }
}
