//! What is known about addresses: databases made here, and the public `MaxMind` test databases, good and bad. Those are found
//! through `PORTCULLIS_CORPUS`; without it their tests say so and check nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "what a test writes need not survive it")]
#![expect(clippy::print_stderr, reason = "a test says what it skips")]

#[path = "common/mmdb.rs"]
mod mmdb;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use maxminddb::Reader;
use mmdb::Writer;
use portcullis::enrich::{
    Attribute, Databases, EnrichError, Failures, KnownNetworks, Place, great_circle_km,
};
use serde_json::{Value, json};
use tempfile::TempDir;

fn corpus(part: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("PORTCULLIS_CORPUS") else {
        eprintln!("PORTCULLIS_CORPUS is not set: the public databases of {part} were NOT checked");
        return None;
    };
    Some(Path::new(&root).join(part))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let all = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    let files = all.map(|entry| entry.unwrap().into_path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "mmdb")).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Files in a folder of their own.
struct Made {
    folder: TempDir,
    paths: Vec<PathBuf>,
}

impl Made {
    fn new(files: &[Vec<u8>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |(at, bytes): (usize, &Vec<u8>)| {
            let path = folder.path().join(format!("{at}.mmdb"));
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let paths = files.iter().enumerate().map(write).collect();
        Self { folder, paths }
    }

    fn open(&self) -> Databases {
        Databases::open(&self.paths).unwrap()
    }
}

fn refused(bytes: &[u8]) -> String {
    let made = Made::new(&[bytes.to_vec()]);
    let error = Databases::open(&made.paths).unwrap_err().to_string();
    assert!(error.starts_with(made.folder.path().to_str().unwrap()), "{error}");
    error
}

#[test]
fn made_databases_are_read_by_the_reader_itself() {
    let networks = [
        ("203.0.113.0/24", json!({"name": "wide", "long": "x".repeat(70_000)})),
        ("203.0.113.64/26", json!({"name": "narrow", "n": [1, -5, 2.5, true, 5_000_000_000_u64]})),
        ("198.51.100.7/32", json!({"name": "one", "text": "y".repeat(300)})),
        ("192.0.2.0/24", json!({"name": "wide", "long": "x".repeat(70_000)})),
    ];
    let six = [("2001:db8::/32", json!({"name": "six"})), ("2001:db8:5::/48", json!({"name": "inner"}))];
    for record_size in [24, 28, 32] {
        for ipv6 in [false, true] {
            let writer = Writer { record_size, ipv6, database_type: "Made" };
            let all: Vec<(&str, Value)> = networks
                .iter()
                .chain(six.iter().filter(|_| ipv6))
                .map(|(net, value)| (*net, value.clone()))
                .collect();
            let reader = Reader::from_source(writer.write(&all)).unwrap();
            reader.verify().unwrap();
            assert_eq!(reader.metadata().ip_version, if ipv6 { 6 } else { 4 });
            let found = |text: &str| reader.lookup(ip(text)).unwrap().decode::<Value>().unwrap();
            assert_eq!(found("203.0.113.63").as_ref(), Some(&networks[0].1));
            assert_eq!(found("203.0.113.64").as_ref(), Some(&networks[1].1));
            assert_eq!(found("203.0.113.127").as_ref(), Some(&networks[1].1));
            assert_eq!(found("203.0.113.128").as_ref(), Some(&networks[0].1));
            assert_eq!(found("198.51.100.7").as_ref(), Some(&networks[2].1));
            assert_eq!(found("198.51.100.6"), None);
            assert_eq!(found("203.0.114.0"), None);
            if ipv6 {
                assert_eq!(found("2001:db8:5::1").as_ref(), Some(&six[1].1));
                assert_eq!(found("2001:db8:6::1").as_ref(), Some(&six[0].1));
                assert_eq!(found("2001:db9::"), None);
            }
        }
    }
    let all = mmdb::database(&[("0.0.0.0/0", json!({"a": 1}))]);
    Reader::from_source(&all).unwrap().verify().unwrap();
    Reader::from_source(mmdb::database(&[])).unwrap();
}

#[test]
fn the_first_database_that_has_an_attribute_gives_it() {
    let made = Made::new(&[
        mmdb::database(&[("203.0.113.0/24", json!({"country_code": "GB", "asn": "AS64500"}))]),
        mmdb::database(&[
            (
                "203.0.113.0/25",
                json!({"country": {"iso_code": "FR", "names": {"en": "France"}},
                                      "city": {"names": {"en": "Paris"}}, "asn": 64500, "as_name": "Example"}),
            ),
            (
                "203.0.113.128/25",
                json!({"country": {"iso_code": "GB", "names": {"en": "United Kingdom"}},
                                        "location": {"latitude": 51.5, "longitude": -0.1, "time_zone": "Europe/London"}}),
            ),
            ("2001:db8::/32", json!({"country": {"iso_code": "DE"}, "is_hosting_provider": true})),
        ]),
    ]);
    let databases = made.open();
    let text = |value: &str| Some(value.to_owned());
    let expected = Place {
        country_iso_code: text("GB"),
        city_name: text("Paris"),
        as_number: Some(64500),
        as_organization: text("Example"),
        ..Place::default()
    };
    assert_eq!(databases.lookup(ip("203.0.113.5")), expected);
    assert_eq!(databases.lookup(ip("::ffff:203.0.113.5")), expected);
    let expected = Place {
        country_iso_code: text("GB"),
        country_name: text("United Kingdom"),
        location: Some((51.5, -0.1)),
        time_zone: text("Europe/London"),
        as_number: Some(64500),
        ..Place::default()
    };
    assert_eq!(databases.lookup(ip("203.0.113.200")), expected);
    assert_eq!(databases.lookup(ip("198.51.100.1")), Place::default());
    assert!(databases.failures().all(|(_, failures)| failures == Failures::default()));
    // The first has IPv4 alone: it cannot tell, and says so.
    let six = databases.lookup(ip("2001:db8::1"));
    assert_eq!((six.country_iso_code, six.network_kind), (text("DE"), text("hosting")));
    let failures: Vec<Failures> = databases.failures().map(|(_, failures)| failures).collect();
    assert_eq!(failures, [Failures { ipv6: 1, broken: 0 }, Failures::default()]);
    let has = |at: usize| {
        let database = databases.iter().nth(at).unwrap();
        Attribute::ALL.into_iter().filter(|one| database.has(*one)).collect::<Vec<_>>()
    };
    assert_eq!(has(0), [Attribute::Country, Attribute::AutonomousSystem]);
    assert_eq!(has(1), Attribute::ALL);
    assert!(databases.has(Attribute::TimeZone));
    assert!(!Databases::open(&made.paths[..1]).unwrap().has(Attribute::City));
}

#[test]
fn what_is_no_database_is_refused_with_what_to_do() {
    let good = mmdb::database(&[("203.0.113.0/24", json!({"country_code": "GB"}))]);
    let marker = good.windows(11).position(|window| window == b"MaxMind.com").unwrap();
    let advice = "give a whole .mmdb file, downloaded again if need be";
    let cases: [(&[u8], &str); 6] = [
        (b"", "it is empty"),
        (b"network,country\n203.0.113.0/24,GB\n", "it has no metadata of a MaxMind DB"),
        (b"\x1F\x8B\x08 rest", "it is compressed with gzip; unpack it first"),
        (b"PK\x03\x04 rest", "it is a zip archive; unpack it first"),
        (b"\x28\xB5\x2F\xFD rest", "it is compressed with zstd; unpack it first"),
        (&good[..marker + 10], "it has no metadata of a MaxMind DB"),
    ];
    for (bytes, expected) in cases {
        let error = refused(bytes);
        assert!(error.contains(expected) && error.ends_with(advice), "{error}");
    }
    // One byte more or less in the tree, and every record would be read from a wrong place.
    let longer = [&good[..6], &[0], &good[6..]].concat();
    assert!(refused(&longer).contains("does not have the length"));
    assert!(matches!(
        Databases::open(&["no such file".into()]).unwrap_err(),
        EnrichError::Unreadable { path, .. } if path == Path::new("no such file")
    ));
    assert!(Databases::open(&[]).unwrap().is_empty());
}

#[test]
fn records_that_cannot_be_read_are_counted_and_give_nothing() {
    let networks = [
        ("203.0.113.0/24", json!({"country_code": "GB", "city": "good"})),
        ("198.51.100.0/24", json!({"country_code": "FR", "city": "spoilt"})),
    ];
    let mut bytes = mmdb::database(&networks);
    let at = bytes.windows(6).position(|window| window == b"spoilt").unwrap();
    bytes[at + 2] = 0xFF;
    let databases = Made::new(&[bytes]).open();
    assert_eq!(databases.lookup(ip("198.51.100.1")), Place::default());
    assert_eq!(databases.lookup(ip("198.51.100.2")), Place::default());
    assert_eq!(databases.lookup(ip("203.0.113.1")).city_name.as_deref(), Some("good"));
    let failures: Vec<Failures> = databases.failures().map(|(_, failures)| failures).collect();
    assert_eq!(failures, [Failures { ipv6: 0, broken: 2 }]);
    // Where no record at all can be read, that shows at once.
    let mut bytes = mmdb::database(&networks[1..]);
    let at = bytes.windows(6).position(|window| window == b"spoilt").unwrap();
    bytes[at + 2] = 0xFF;
    assert!(refused(&bytes).contains("no record of it can be read: "));
}

/// A tree whose every node leads to the next, and the last nowhere: 2^128 empty networks.
#[test]
fn a_tree_without_an_end_is_opened_in_no_time() {
    let deep = mmdb::database(&[("2001:db8::/128", json!({"country_code": "GB"}))]);
    let nodes = Reader::from_source(&deep).unwrap().metadata().node_count;
    assert_eq!(nodes, 128);
    let mut bytes = deep;
    for node in 0..128_u32 {
        let next = (node + 1).to_be_bytes();
        let at = node as usize * 6;
        bytes[at..at + 3].copy_from_slice(&next[1..]);
        bytes[at + 3..at + 6].copy_from_slice(&next[1..]);
    }
    let place = in_time("an endless tree", move || Made::new(&[bytes]).open().lookup(ip("2001:db8::")));
    assert_eq!(place, Place::default());
}

/// Runs something on a thread of its own, and fails where it takes longer than 20 seconds.
fn in_time<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let worker = std::thread::spawn(move || sender.send(work()).unwrap());
    let result = receiver.recv_timeout(Duration::from_secs(20));
    assert!(!matches!(result, Err(mpsc::RecvTimeoutError::Timeout)), "{what} does not end");
    worker.join().unwrap();
    result.unwrap()
}

/// A few hundred addresses of both families: spread, and dense where the test databases have their records.
fn addresses() -> Vec<IpAddr> {
    let four = (0..=255_u8).map(|part| IpAddr::V4(Ipv4Addr::new(part, part.wrapping_mul(37), 69, part)));
    let six = (0..=255_u16).map(|part| IpAddr::V6(Ipv6Addr::new(0x2000 | part << 4, part, 7, 0, 0, 0, 0, 1)));
    let low = (0..=63_u8).map(|part| IpAddr::V4(Ipv4Addr::new(1, 1, 1, part)));
    let low_six = (0..=63_u16).map(|part| IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, part / 16, part, part)));
    let known =
        ["81.2.69.142", "89.160.20.112", "216.160.83.56", "2.125.160.216", "2001:218::1", "::1.1.1.1"];
    let known = known.into_iter().map(ip);
    four.chain(six).chain(low).chain(low_six).chain(known).collect()
}

/// Opens a file and asks it for all addresses; nothing may panic or take long. Gives what kept it from opening, or how many
/// lookups failed.
fn ask(path: &Path) -> Result<(Vec<Place>, Failures), String> {
    let owned = path.to_owned();
    in_time(&path.display().to_string(), move || {
        let databases = Databases::open(&[owned]).map_err(|error| error.to_string())?;
        let places = addresses().into_iter().map(|ip| databases.lookup(ip)).collect();
        let failures = databases.failures().next().unwrap().1;
        Ok((places, failures))
    })
}

#[test]
fn public_databases_answer_as_documented() {
    let Some(folder) = corpus("geo/maxmind-test") else { return };
    let open = |names: &[&str]| {
        Databases::open(&names.iter().map(|name| folder.join(format!("{name}.mmdb"))).collect::<Vec<_>>())
            .unwrap()
    };
    let text = |value: &str| Some(value.to_owned());
    let london = Place {
        country_iso_code: text("GB"),
        country_name: text("United Kingdom"),
        city_name: text("London"),
        time_zone: text("Europe/London"),
        location: Some((51.5142, -0.0931)),
        ..Place::default()
    };
    for name in ["GeoIP2-City-Test", "GeoLite2-City-Test"] {
        assert_eq!(open(&[name]).lookup(ip("81.2.69.142")), london, "{name}");
    }
    let city = open(&["GeoIP2-City-Test"]);
    assert_eq!(city.lookup(ip("::ffff:81.2.69.142")), london);
    // Used in one country, registered in another.
    assert_eq!(city.lookup(ip("89.160.20.112")).country_iso_code, text("SE"));
    let japan = city.lookup(ip("2001:218::1"));
    assert_eq!((japan.country_iso_code, japan.time_zone), (text("JP"), text("Asia/Tokyo")));
    let asn = open(&["GeoLite2-ASN-Test"]).lookup(ip("1.128.0.0"));
    assert_eq!((asn.as_number, asn.as_organization), (Some(1221), text("Telstra Pty Ltd")));
    let kind = |name: &str, address: &str| open(&[name]).lookup(ip(address)).network_kind;
    assert_eq!(kind("GeoIP2-Anonymous-IP-Test", "1.2.0.1"), text("vpn"));
    assert_eq!(kind("GeoIP2-Anonymous-IP-Test", "71.160.223.0"), text("hosting"));
    assert_eq!(kind("GeoIP2-Anonymous-IP-Test", "65.0.0.1"), text("tor"));
    let both = open(&["GeoLite2-ASN-Test", "GeoIP2-City-Test"]);
    assert!(both.has(Attribute::AutonomousSystem) && both.has(Attribute::City));
    assert!(!open(&["GeoIP2-Country-Test"]).has(Attribute::City));
    assert!(!open(&["GeoIP-Residential-Proxy-Test"]).has(Attribute::NetworkKind));
    assert_eq!(
        both.iter().map(portcullis::enrich::Database::database_type).collect::<Vec<_>>(),
        ["GeoLite2-ASN", "GeoIP2-City"]
    );
}

#[test]
fn every_good_public_database_opens_and_no_lookup_fails() {
    let Some(folder) = corpus("geo/maxmind-test") else { return };
    let mut checked = 0;
    for path in files(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.contains("roken") || name.contains("Invalid") {
            continue;
        }
        let (_, failures) = ask(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(failures.broken, 0, "{name}");
        checked += 1;
    }
    assert!(checked >= 30, "{checked}");
}

#[test]
fn bad_public_databases_neither_panic_nor_hang() {
    let (Some(good), Some(bad)) = (corpus("geo/maxmind-test"), corpus("geo/maxmind-bad")) else { return };
    let broken = files(&good).into_iter().filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.contains("roken") || name.contains("Invalid")
    });
    let all: Vec<PathBuf> = files(&bad).into_iter().chain(broken).collect();
    assert!(all.len() >= 24, "{}", all.len());
    for path in all {
        let name = path.file_name().unwrap().to_str().unwrap();
        match ask(&path) {
            Err(error) => {
                eprintln!("{name}: refused: {error}");
                assert!(error.contains(name), "{error}");
            }
            Ok((places, failures)) => {
                let known = places.iter().filter(|place| **place != Place::default()).count();
                eprintln!("{name}: {known} of {} known, {failures:?}", places.len());
            }
        }
    }
}

#[test]
fn a_database_cut_off_anywhere_is_refused() {
    let Some(folder) = corpus("geo/maxmind-test") else { return };
    let whole = std::fs::read(folder.join("GeoIP2-City-Test.mmdb")).unwrap();
    let made = Made::new(&[]);
    for part in 0..200 {
        let path = made.folder.path().join("cut.mmdb");
        std::fs::write(&path, &whole[..whole.len() * part / 200]).unwrap();
        assert!(ask(&path).is_err(), "{part}");
    }
    // Within the metadata, at its very end.
    for cut in 1..200 {
        let path = made.folder.path().join("cut.mmdb");
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        assert!(ask(&path).is_err(), "{cut}");
    }
}

/// Bytes that are wrong anywhere: nothing panics or hangs, and what is said is a place.
#[test]
fn a_database_with_wrong_bytes_says_nothing_impossible() {
    let Some(folder) = corpus("geo/maxmind-test") else { return };
    let whole = std::fs::read(folder.join("GeoIP2-City-Test.mmdb")).unwrap();
    let made = Made::new(&[]);
    let (mut state, mut opened) = (11_u64, 0);
    for _ in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from(state >> 33).unwrap() % bytes.len();
            bytes[at] = state.to_be_bytes()[1];
        }
        let path = made.folder.path().join("wrong.mmdb");
        std::fs::write(&path, &bytes).unwrap();
        let Ok((places, _)) = ask(&path) else { continue };
        opened += 1;
        for place in places {
            if let Some((latitude, longitude)) = place.location {
                assert!((-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude));
                assert!(great_circle_km((latitude, longitude), (0.0, 0.0)).is_finite());
            }
        }
    }
    assert!(opened >= 100, "{opened}");
}

#[test]
fn a_list_of_ones_own_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.toml");
    let head = "[[network]]\nname = \"Our VPN\"\nkind = \"vpn\"\nsource = \"https://example.com\"\ntaken = \"2026-01-31\"\n";
    std::fs::write(&path, format!("{head}ranges = [\"203.0.113.0/24\"]\nas_numbers = [64500]\n")).unwrap();
    let list = KnownNetworks::read(&path).unwrap();
    assert_eq!(list.kind(ip("203.0.113.9"), None).unwrap().name, "Our VPN");
    assert_eq!(list.kind(ip("::ffff:203.0.113.9"), None).unwrap().name, "Our VPN");
    assert_eq!(list.kind(ip("198.51.100.1"), Some(64500)).unwrap().name, "Our VPN");
    assert_eq!(list.kind(ip("198.51.100.1"), None), None);
    std::fs::write(&path, format!("{head}rangs = []\n")).unwrap();
    let error = KnownNetworks::read(&path).unwrap_err().to_string();
    assert!(error.starts_with(path.to_str().unwrap()), "{error}");
    assert!(error.contains("unknown key `rangs` in a network; did you mean `ranges`?"), "{error}");
    let error = KnownNetworks::read(&folder.path().join("none.toml")).unwrap_err().to_string();
    assert!(
        error.contains("none.toml") && error.ends_with("give a TOML file with [[network]] tables"),
        "{error}"
    );
}

#[test]
fn builtin_networks_are_those_that_their_operators_publish() {
    let list = KnownNetworks::builtin().unwrap();
    let name =
        |address: &str, number: Option<u32>| list.kind(ip(address), number).map(|known| known.name.as_str());
    assert_eq!(name("172.225.77.1", None), Some("Apple iCloud Private Relay"));
    assert_eq!(name("2a09:bac7:ffff::1", None), Some("Cloudflare WARP"));
    assert_eq!(name("2a09:bac8::1", None), None);
    assert_eq!(name("203.0.113.1", Some(14593)), Some("Starlink"));
    assert_eq!(name("203.0.113.1", None), None);
}
