//! Networks whose operators publish them: anonymising services, relays, access by satellite.
//!
//! The list that comes with the program, `networks.toml`, is small on purpose: what an operator documents itself, with its
//! source and the date it was taken. A list of the user's own has the same form:
//!
//! ```toml
//! [[network]]
//! name = "Our VPN"
//! kind = "vpn"                        # a kind's name
//! source = "https://example.com/vpn"  # who says so
//! taken = "2026-01-31"                # when it was read there
//! ranges = ["192.0.2.0/24", "2001:db8::/32"]
//! as_numbers = [64500]
//! ```
//!
//! Apple's whole list makes such a file with one line of shell:
//!
//! ```sh
//! { printf '[[network]]\nname = "iCloud Private Relay"\nkind = "relay"\n'
//!   printf 'source = "https://mask-api.icloud.com/egress-ip-ranges.csv"\ntaken = "%s"\nranges = [\n' "$(date +%F)"
//!   cut -d, -f1 egress-ip-ranges.csv | sed 's/.*/"&",/'; printf ']\n'; } > relay.toml
//! ```
//!
//! `ranges` or `as_numbers` may be left out, not both. Where ranges of a list lie within each other, the narrowest counts; an
//! address's range counts before its autonomous system.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use ipnet::IpNet;
use toml::{Table, Value};

use super::{EnrichError, Kind};

/// A larger list is not read, in bytes.
const MAX_FILE: u64 = 16 << 20;

const BUILTIN: &str = include_str!("networks.toml");

/// The keys of a network.
const KEYS: [&str; 6] = ["name", "kind", "source", "taken", "ranges", "as_numbers"];

/// A group of networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What it is called.
    pub name: String,
    /// What kind of network it is.
    pub kind: Kind,
    /// The URL that says so.
    pub source: String,
    /// The date on which it was taken from there, as `2026-01-31`.
    pub taken: String,
}

/// Addresses from `start` to `end`, both included, of the group `group`. IPv4 addresses are in their IPv6 form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Interval {
    start: u128,
    end: u128,
    group: usize,
}

/// A list of networks.
#[derive(Debug, Clone, Default)]
pub struct KnownNetworks {
    groups: Vec<Known>,
    /// Sorted, without overlap.
    intervals: Vec<Interval>,
    as_numbers: HashMap<u32, usize>,
}

impl KnownNetworks {
    /// The list that comes with the program.
    pub fn builtin() -> Result<Self, EnrichError> {
        Self::parse(BUILTIN).map_err(|reason| EnrichError::Networks { path: "networks.toml".into(), reason })
    }

    /// A list of the user's own.
    pub fn read(path: &Path) -> Result<Self, EnrichError> {
        let bytes = super::read_file(path, MAX_FILE, "give a TOML file with [[network]] tables")?;
        let text = String::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"));
        text.and_then(|text| Self::parse(&text))
            .map_err(|reason| EnrichError::Networks { path: path.to_owned(), reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: Table = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
        only(&table, &["network"], "at the top")?;
        let networks = match table.get("network") {
            None => &[],
            Some(Value::Array(networks)) => networks.as_slice(),
            Some(_) => return Err("`network` is one table; write [[network]], in double brackets".to_owned()),
        };
        let mut list = Self::default();
        let mut ranges = Vec::new();
        for (at, network) in networks.iter().enumerate() {
            let name = network.get("name").and_then(Value::as_str);
            let place =
                name.map_or_else(|| format!("network {}", at + 1), |name| format!("network \"{name}\""));
            list.add(network, &mut ranges).map_err(|reason| format!("{place}: {reason}"))?;
        }
        list.intervals = flatten(ranges);
        Ok(list)
    }

    fn add(&mut self, network: &Value, ranges: &mut Vec<(IpNet, usize)>) -> Result<(), String> {
        let Value::Table(table) = network else {
            return Err("it is no table; write [[network]] and keys below".to_owned());
        };
        only(table, &KEYS, "in a network")?;
        let group = self.groups.len();
        self.groups.push(Known {
            name: text(table, "name")?,
            kind: kind(&text(table, "kind")?)?,
            source: text(table, "source")?,
            taken: date(table)?,
        });
        let own_ranges = list(table, "ranges")?;
        let own_numbers = list(table, "as_numbers")?;
        if own_ranges.is_empty() && own_numbers.is_empty() {
            return Err("it has neither `ranges` nor `as_numbers`; give one of them".to_owned());
        }
        for value in own_ranges {
            ranges.push((range(value)?, group));
        }
        for value in own_numbers {
            let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| *number != 0);
            let number = number.ok_or_else(|| format!("`{value}` is no AS number; write 1 to 4294967295"))?;
            match self.as_numbers.entry(number) {
                Entry::Occupied(_) => return Err(format!("AS{number} is given twice; keep one of them")),
                Entry::Vacant(entry) => entry.insert(group),
            };
        }
        Ok(())
    }

    /// The group that an address belongs to, by its range or else by its autonomous system. Takes time logarithmic in the
    /// number of ranges.
    pub fn kind(&self, ip: IpAddr, as_number: Option<u32>) -> Option<&Known> {
        let number = number(ip);
        let after = self.intervals.partition_point(|interval| interval.start <= number);
        let interval = after.checked_sub(1).and_then(|at| self.intervals.get(at));
        let by_range = interval.filter(|interval| number <= interval.end).map(|interval| interval.group);
        let group = by_range.or_else(|| self.as_numbers.get(&as_number?).copied())?;
        self.groups.get(group)
    }

    /// Every group.
    pub fn groups(&self) -> &[Known] {
        &self.groups
    }
}

/// An address as a number; IPv4 as the IPv6 address that maps it.
fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// Cuts ranges, of which any two are either apart or one within the other, into intervals that do not overlap: the narrowest
/// range of an address keeps it, of two equal ones the first.
fn flatten(ranges: Vec<(IpNet, usize)>) -> Vec<Interval> {
    let ends = |net: IpNet| (number(net.network()), number(net.broadcast()));
    let mut all: Vec<Interval> = ranges
        .into_iter()
        .map(|(net, group)| {
            let (start, end) = ends(net);
            Interval { start, end, group }
        })
        .collect();
    // Wide ones before those within them; the sort is stable.
    all.sort_by(|a, b| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));
    all.dedup_by_key(|interval| (interval.start, interval.end));
    let (mut out, mut open): (Vec<Interval>, Vec<Interval>) = (Vec::with_capacity(all.len()), Vec::new());
    for interval in all {
        while let Some(inner) = open.pop_if(|inner| inner.end < interval.start) {
            close(inner, &mut open, &mut out);
        }
        if let Some(outer) = open.last()
            && outer.start < interval.start
        {
            out.push(Interval { end: interval.start - 1, ..*outer });
        }
        open.push(interval);
    }
    while let Some(inner) = open.pop() {
        close(inner, &mut open, &mut out);
    }
    out
}

/// Gives out what is left of a range, and makes the one around it go on after it.
fn close(inner: Interval, open: &mut Vec<Interval>, out: &mut Vec<Interval>) {
    if inner.start <= inner.end {
        out.push(inner);
    }
    match inner.end.checked_add(1) {
        Some(next) => {
            if let Some(outer) = open.last_mut() {
                outer.start = next;
            }
        }
        // The last address of all: whatever is around ends there too.
        None => open.clear(),
    }
}

fn only(table: &Table, known: &[&str], place: &str) -> Result<(), String> {
    let Some(unknown) = table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let near = crate::rule::nearest(unknown, known.iter().copied());
    let advice = near
        .map_or_else(|| format!("known are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    Err(format!("unknown key `{unknown}` {place}; {advice}"))
}

fn text(table: &Table, key: &str) -> Result<String, String> {
    let value = table.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
    let text = value.as_str().map(str::trim).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("`{key}` is no text; write it in quotes"))
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::parse(name).ok_or_else(|| {
        let names = Kind::ALL.map(Kind::name);
        let advice = crate::rule::nearest(name, names.into_iter()).map_or_else(
            || format!("known are {}", names.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        format!("unknown kind `{name}`; {advice}")
    })
}

/// A date as text or as TOML's own.
fn date(table: &Table) -> Result<String, String> {
    let given = match table.get("taken") {
        Some(Value::Datetime(date)) => date.to_string(),
        _ => text(table, "taken")?,
    };
    let date: Result<jiff::civil::Date, _> = given.parse();
    date.map(|date| date.to_string())
        .map_err(|error| format!("`taken` is no date ({error}); write it as 2026-01-31"))
}

fn list<'a>(table: &'a Table, key: &str) -> Result<&'a [Value], String> {
    match table.get(key) {
        None => Ok(&[]),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(format!("`{key}` is no list; write it in brackets")),
    }
}

fn range(value: &Value) -> Result<IpNet, String> {
    let advice = "write an address or a range such as 192.0.2.0/24";
    let text = value.as_str().ok_or_else(|| format!("`{value}` is no text; {advice}, in quotes"))?;
    let net: IpNet = text
        .parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        .ok_or_else(|| format!("`{text}` is no range of addresses; {advice}"))?;
    if net.trunc() != net {
        return Err(format!("`{text}` has bits set after its prefix; write {}", net.trunc()));
    }
    let mapped = IpAddr::V6(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped());
    if net.max_prefix_len() == 128 && net.prefix_len() < 96 && net.contains(&mapped) {
        return Err(format!("`{text}` includes the IPv6 form of every IPv4 address; write narrower ranges"));
    }
    Ok(net)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<KnownNetworks, String> {
        KnownNetworks::parse(text)
    }

    fn network(name: &str, rest: &str) -> String {
        format!(
            "[[network]]\nname = \"{name}\"\nkind = \"vpn\"\nsource = \"https://example.com\"\n\
             taken = 2026-01-31\n{rest}\n"
        )
    }

    fn name_of<'a>(list: &'a KnownNetworks, ip: &str, as_number: Option<u32>) -> Option<&'a str> {
        list.kind(ip.parse().unwrap(), as_number).map(|known| known.name.as_str())
    }

    #[test]
    fn the_builtin_list_is_read_and_has_no_documentation_addresses() {
        let list = KnownNetworks::builtin().unwrap();
        for net in ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"] {
            let net: IpNet = net.parse().unwrap();
            assert_eq!(list.kind(net.network(), None), None, "{net}");
            assert_eq!(list.kind(net.broadcast(), None), None, "{net}");
            let inside = |interval: &&Interval| {
                interval.start <= number(net.broadcast()) && number(net.network()) <= interval.end
            };
            assert_eq!(list.intervals.iter().find(inside), None, "{net}");
        }
        for private in ["10.0.0.1", "127.0.0.1", "192.168.1.1", "100.64.0.1", "::1", "fe80::1", "fd00::1"] {
            assert_eq!(list.kind(private.parse().unwrap(), None), None, "{private}");
        }
        for number in (64496..=64511).chain(64512..=65551) {
            assert!(!list.as_numbers.contains_key(&number), "AS{number}");
        }
        for group in list.groups() {
            assert!(group.source.starts_with("https://"), "{group:?}");
            assert!(group.taken.parse::<jiff::civil::Date>().is_ok(), "{group:?}");
        }
    }

    #[test]
    fn ranges_come_before_autonomous_systems_and_narrow_ranges_before_wide_ones() {
        let text = [
            network("wide", "ranges = [\"198.51.0.0/16\"]"),
            network("narrow", "ranges = [\"198.51.100.0/24\", \"2001:db8::/32\", \"192.0.2.7\"]"),
            network("system", "as_numbers = [64500]"),
        ];
        let list = parse(&text.concat()).unwrap();
        assert_eq!(name_of(&list, "198.51.99.255", None), Some("wide"));
        assert_eq!(name_of(&list, "198.51.100.0", Some(64500)), Some("narrow"));
        assert_eq!(name_of(&list, "198.51.100.255", None), Some("narrow"));
        assert_eq!(name_of(&list, "198.51.101.0", None), Some("wide"));
        assert_eq!(name_of(&list, "198.52.0.0", None), None);
        assert_eq!(name_of(&list, "198.52.0.0", Some(64500)), Some("system"));
        assert_eq!(name_of(&list, "2001:db8:ffff::1", None), Some("narrow"));
        assert_eq!(name_of(&list, "2001:db9::", Some(64501)), None);
        assert_eq!(name_of(&list, "::ffff:192.0.2.7", None), Some("narrow"));
        assert_eq!(name_of(&list, "192.0.2.8", None), None);
        let known = list.kind("192.0.2.7".parse().unwrap(), None).unwrap();
        assert_eq!((known.kind, known.taken.as_str()), (Kind::Vpn, "2026-01-31"));
    }

    /// Against the plain definition: of the ranges that contain an address the longest prefix, of equal ones the first.
    #[test]
    fn intervals_say_what_the_ranges_say() {
        let mut state = 7_u32;
        let mut next = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for _ in 0..300 {
            let count = next(12) as usize;
            let ranges: Vec<(IpNet, usize)> = (0..count)
                .map(|group| {
                    let prefix = u8::try_from(24 + next(9)).unwrap();
                    let top = if next(2) == 0 { 0xC000_0200 } else { 0xFFFF_FF00 };
                    let net = ipnet::Ipv4Net::new(Ipv4Addr::from(top | next(256)), prefix).unwrap().trunc();
                    (IpNet::V4(net), group)
                })
                .chain([("ffff:ffff:ffff:ffff:ffff:ffff:ffff:0/112".parse().unwrap(), 90)])
                .chain([("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/120".parse().unwrap(), 91)])
                .collect();
            let list = KnownNetworks { intervals: flatten(ranges.clone()), ..KnownNetworks::default() };
            assert!(list.intervals.windows(2).all(|two| two[0].end < two[1].start), "{:?}", list.intervals);
            assert!(list.intervals.iter().all(|one| one.start <= one.end));
            let six = ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:fe00", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"];
            let four = [0xC000_0200_u32, 0xFFFF_FF00].into_iter().flat_map(|top| top..=top + 255);
            let all = four.map(|ip| IpAddr::V4(ip.into())).chain(six.map(|ip| ip.parse().unwrap()));
            for ip in all {
                let containing = ranges.iter().filter(|(net, _)| net.contains(&ip));
                let expected =
                    containing.rev().max_by_key(|(net, _)| net.prefix_len()).map(|(_, group)| *group);
                let found =
                    list.intervals.iter().find(|one| one.start <= number(ip) && number(ip) <= one.end);
                assert_eq!(found.map(|one| one.group), expected, "{ip} in {ranges:?}");
            }
        }
    }

    #[test]
    fn mistakes_are_named_with_what_to_do() {
        let cases = [
            ("networks = 1".to_owned(), "unknown key `networks` at the top; did you mean `network`?"),
            ("[network]".to_owned(), "write [[network]], in double brackets"),
            ("network = [1]".to_owned(), "network 1: it is no table"),
            (
                network("A", "range = []"),
                "network \"A\": unknown key `range` in a network; did you mean `ranges`?",
            ),
            (network("A", "zzzzzzzzz = 1"), "known are name, kind, source, taken, ranges, as_numbers"),
            (network("A", ""), "neither `ranges` nor `as_numbers`"),
            (network("A", "ranges = \"192.0.2.0/24\""), "`ranges` is no list; write it in brackets"),
            (
                network("A", "ranges = [\"192.0.2.1/24\"]"),
                "has bits set after its prefix; write 192.0.2.0/24",
            ),
            (
                network("A", "ranges = [\"192.0.2.0/33\"]"),
                "no range of addresses; write an address or a range",
            ),
            (network("A", "ranges = [\"::/0\"]"), "write narrower ranges"),
            (network("A", "ranges = [5]"), "`5` is no text"),
            (network("A", "as_numbers = [0]"), "`0` is no AS number; write 1 to 4294967295"),
            (network("A", "as_numbers = [4294967296]"), "is no AS number"),
            (network("A", "as_numbers = [1, 1]"), "AS1 is given twice"),
            (network("A", "").replace("vpn", "vpm"), "unknown kind `vpm`; did you mean `vpn`?"),
            (network("A", "").replace("\"vpn\"", "7"), "`kind` is no text; write it in quotes"),
            (network("A", "").replace("2026-01-31", "\"last week\""), "`taken` is no date"),
            (network(" ", ""), "`name` is no text"),
            ("[[network]]\nkind = \"vpn\"".to_owned(), "network 1: `name` is missing"),
            ("[[network]".to_owned(), "line 1"),
        ];
        for (text, expected) in cases {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(expected), "{text}\n{error}");
        }
        assert_eq!(parse("").unwrap().groups().len(), 0);
    }
}
