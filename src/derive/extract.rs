//! Keys and values of a record, as tables and questions see them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::decode::fields::{self, FieldId, View};
use crate::enrich::Locate;
use crate::rule::derive::View as Seen;

/// Longest key or value that is kept as it is, in bytes; a longer one is kept as its beginning and its digest.
const MAX_VALUE: usize = 512;

/// A place of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Latitude and longitude in degrees.
    pub location: (f64, f64),
    /// What people call it.
    pub label: String,
}

/// What tells places apart: the bits of latitude and longitude, and the name.
pub type PlaceKey = (u64, u64, String);

impl Origin {
    pub(super) fn key(&self) -> PlaceKey {
        (self.location.0.to_bits(), self.location.1.to_bits(), self.label.clone())
    }
}

/// Gives the first text of a field to `with`.
pub fn text<V: View, R>(view: &V, field: FieldId, with: impl FnOnce(&str) -> Option<R>) -> Option<R> {
    let raw = fields::first(view, field, &mut Vec::new())?;
    let mut scratch = String::new();
    let text = raw.scalar(view.block(), &mut scratch).text()?;
    if text.is_empty() { None } else { with(text) }
}

/// The key of a record: its `fields`, ASCII letters in lower case; `None` where one is absent.
pub fn key<V: View>(view: &V, fields: &[FieldId]) -> Option<String> {
    let mut key = String::new();
    for (at, &field) in fields.iter().enumerate() {
        if at > 0 {
            key.push('\u{1f}');
        }
        text(view, field, |text| {
            key.push_str(&fold(text));
            Some(())
        })?;
    }
    Some(key)
}

fn fold(text: &str) -> String {
    let folded = text.to_ascii_lowercase();
    if folded.len() <= MAX_VALUE {
        return folded;
    }
    let start: String = folded.chars().take(64).collect();
    format!("{start}… sha256:{}", crate::sys::hash::sha256_hex(folded.as_bytes()))
}

/// A text as a view sees it; `None` where it is nothing to this view.
pub fn seen(text: &str, view: Seen, locate: Option<&dyn Locate>) -> Option<String> {
    match view {
        Seen::Text => Some(fold(text)),
        Seen::Ip => Some(address(text)?.to_string()),
        Seen::Network => Some(network(address(text)?)),
        Seen::Asn => Some(format!("AS{}", locate?.locate(address(text)?).asn?)),
        Seen::Country => locate?.locate(address(text)?).country,
        Seen::Domain => {
            text.rsplit_once('@').map(|(_, domain)| fold(domain)).filter(|domain| !domain.is_empty())
        }
        Seen::UserAgent => Some(user_agent(text)),
    }
}

/// An address, IPv4 inside IPv6 taken out.
pub fn address(text: &str) -> Option<IpAddr> {
    text.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The bits of an IPv4 address that tell its network.
pub(super) const NETWORK_BITS: u32 = 0xffff_ff00;

fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

/// The words of a user agent without what follows a `/` or is a number: updates do not make it new.
fn user_agent(text: &str) -> String {
    let folded = fold(text);
    let words = folded.split(|letter: char| !(letter.is_alphanumeric() || "/._-".contains(letter)));
    let names = words.filter_map(|word| word.split('/').next());
    let names = names.filter(|name| name.chars().any(char::is_alphabetic) && !is_version(name));
    names.collect::<Vec<_>>().join(" ")
}

/// `10_15_7`, `v2.1`, `x86_64` is none.
fn is_version(word: &str) -> bool {
    let rest = word.strip_prefix('v').unwrap_or(word);
    rest.chars().all(|letter| letter.is_ascii_digit() || "._-".contains(letter))
}

/// Fields that say where a record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OriginFields {
    /// `source.ip`.
    pub address: FieldId,
    /// `source.geo.location.lat`.
    pub latitude: FieldId,
    /// `source.geo.location.lon`.
    pub longitude: FieldId,
}

/// Where a record came from: as the log says, else as a database says of its address. Nothing where the address is
/// that of a relay.
pub fn origin<V: View>(view: &V, fields: OriginFields, locate: Option<&dyn Locate>) -> Option<Origin> {
    let ip = text(view, fields.address, |text| Some(text.to_owned()));
    let known = ip.as_deref().and_then(address).zip(locate).map(|(address, locate)| locate.locate(address));
    if known.as_ref().is_some_and(|known| known.is_relay) {
        return None;
    }
    let degrees = |field, most: f64| {
        text(view, field, |text| text.parse::<f64>().ok()).filter(|degrees| degrees.abs() <= most)
    };
    let logged = degrees(fields.latitude, 90.0).zip(degrees(fields.longitude, 180.0));
    let location = logged.or_else(|| known.as_ref().and_then(|known| known.location))?;
    let ip = ip.map(|ip| fold(&ip));
    let label = match (known.and_then(|known| known.label), ip) {
        (Some(label), Some(ip)) => format!("{label} ({ip})"),
        (Some(label), None) => label,
        (None, Some(ip)) => ip,
        (None, None) => format!("{:.2}, {:.2}", location.0, location.1),
    };
    Some(Origin { location, label })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_of_one_site() {
        assert_eq!(seen("198.51.100.77", Seen::Network, None).as_deref(), Some("198.51.100.0/24"));
        assert_eq!(seen("::ffff:198.51.100.77", Seen::Network, None).as_deref(), Some("198.51.100.0/24"));
        assert_eq!(seen("2001:db8:1:2::5", Seen::Network, None).as_deref(), Some("2001:db8:1::/48"));
        assert_eq!(seen("somewhere", Seen::Network, None), None);
    }

    #[test]
    fn an_update_does_not_make_a_user_agent_new() {
        let agent = |firefox: &str, system: &str| {
            format!(
                "Mozilla/5.0 (Macintosh; Intel Mac OS X {system}; rv:{firefox}) Gecko/20100101 Firefox/{firefox}"
            )
        };
        let seen = |text: &str| seen(text, Seen::UserAgent, None).unwrap();
        assert_eq!(seen(&agent("128.0", "10_15_7")), seen(&agent("130.1", "14.2")));
        assert_eq!(seen(&agent("128.0", "10.15")), "mozilla macintosh intel mac os x rv gecko firefox");
        assert_ne!(seen("python-requests/2.32.3"), seen("curl/8.5.0"));
    }

    #[test]
    fn domains_are_what_follows_the_last_at_sign() {
        assert_eq!(seen("Jane@Agency.Example", Seen::Domain, None).as_deref(), Some("agency.example"));
        assert_eq!(seen("etl.mp-service-account", Seen::Domain, None), None);
    }
}
