//! Writes small `MaxMind` DB files, so that tests can have documentation addresses in them. Not for large ones: the tree is
//! built bit by bit.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "each test file uses its part, and fails by panicking; sizes are small"
)]

use std::collections::HashMap;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

/// A database of networks, the narrower winning over the wider. With IPv4 networks alone it is an IPv4 database, otherwise
/// an IPv6 one, which has IPv4 below `::/96` as usual.
pub fn database(networks: &[(&str, Value)]) -> Vec<u8> {
    Writer::default().write(networks)
}

/// What can be chosen.
pub struct Writer<'a> {
    /// As in the metadata.
    pub database_type: &'a str,
    /// 24, 28 or 32 bits.
    pub record_size: u16,
    /// Makes an IPv6 database of IPv4 networks too.
    pub ipv6: bool,
}

impl Default for Writer<'_> {
    fn default() -> Self {
        Self { database_type: "Test", record_size: 24, ipv6: false }
    }
}

#[derive(Clone, Copy)]
enum Record {
    Empty,
    Node(usize),
    /// Offset in the data section.
    Data(usize),
}

impl Writer<'_> {
    /// The file's bytes.
    pub fn write(&self, networks: &[(&str, Value)]) -> Vec<u8> {
        let mut parsed: Vec<(IpNet, &Value)> =
            networks.iter().map(|(net, value)| (net.parse().unwrap(), value)).collect();
        // Narrow ones last, so that they cut the wide ones.
        parsed.sort_by_key(|(net, _)| net.prefix_len());
        let ipv6 = self.ipv6 || parsed.iter().any(|(net, _)| matches!(net, IpNet::V6(_)));
        let (mut tree, mut data, mut offsets) = (vec![[Record::Empty; 2]], Vec::new(), HashMap::new());
        for (net, value) in parsed {
            let offset = *offsets.entry(value.to_string()).or_insert_with(|| {
                let offset = data.len();
                encode(value, &mut data);
                offset
            });
            insert(&mut tree, &bits(net, ipv6), Record::Data(offset));
        }
        let mut out = Vec::new();
        for node in &tree {
            let number = |record: Record| match record {
                Record::Empty => tree.len(),
                Record::Node(node) => node,
                Record::Data(offset) => tree.len() + 16 + offset,
            } as u32;
            self.put_node(number(node[0]), number(node[1]), &mut out);
        }
        out.extend([0; 16]);
        out.extend(data);
        out.extend(b"\xAB\xCD\xEFMaxMind.com");
        self.put_metadata(tree.len() as u32, ipv6, &mut out);
        out
    }

    fn put_node(&self, left: u32, right: u32, out: &mut Vec<u8>) {
        let ([l0, l1, l2, l3], [r0, r1, r2, r3]) = (left.to_be_bytes(), right.to_be_bytes());
        match self.record_size {
            24 => out.extend([l1, l2, l3, r1, r2, r3]),
            28 => out.extend([l1, l2, l3, l0 << 4 | r0, r1, r2, r3]),
            32 => out.extend([l0, l1, l2, l3, r0, r1, r2, r3]),
            other => panic!("no record has {other} bits"),
        }
    }

    fn put_metadata(&self, nodes: u32, ipv6: bool, out: &mut Vec<u8>) {
        control(MAP, 9, out);
        let mut entry = |key: &str, encoded: &[u8]| {
            encode(&Value::from(key), out);
            out.extend(encoded);
        };
        let unsigned = |kind: u8, value: u64| {
            let mut out = Vec::new();
            integer(kind, value, &mut out);
            out
        };
        let any = |value: Value| {
            let mut out = Vec::new();
            encode(&value, &mut out);
            out
        };
        entry("binary_format_major_version", &unsigned(UINT16, 2));
        entry("binary_format_minor_version", &unsigned(UINT16, 0));
        entry("build_epoch", &unsigned(UINT64, 1_767_225_600));
        entry("database_type", &any(json!(self.database_type)));
        entry("description", &any(json!({"en": "made by a test"})));
        entry("ip_version", &unsigned(UINT16, if ipv6 { 6 } else { 4 }));
        entry("languages", &any(json!(["en"])));
        entry("node_count", &unsigned(UINT32, nodes.into()));
        entry("record_size", &unsigned(UINT16, self.record_size.into()));
    }
}

fn bits(net: IpNet, ipv6: bool) -> Vec<usize> {
    let bit = |byte: u8, at: usize| usize::from(byte >> (7 - at) & 1);
    let mut all: Vec<usize> = match net {
        IpNet::V4(net) => {
            let lead = if ipv6 { 96 } else { 0 };
            let octets = net.network().octets();
            let own = (0..32).map(|at| bit(octets[at / 8], at % 8));
            std::iter::repeat_n(0, lead).chain(own).collect()
        }
        IpNet::V6(net) => {
            let octets = net.network().octets();
            (0..128).map(|at| bit(octets[at / 8], at % 8)).collect()
        }
    };
    let lead = if ipv6 && matches!(net, IpNet::V4(_)) { 96 } else { 0 };
    all.truncate(lead + usize::from(net.prefix_len()));
    all
}

fn insert(tree: &mut Vec<[Record; 2]>, bits: &[usize], record: Record) {
    let Some((&last, path)) = bits.split_last() else {
        tree[0] = [record; 2];
        return;
    };
    let mut node = 0;
    for &bit in path {
        node = match tree[node][bit] {
            Record::Node(next) => next,
            held => {
                tree.push([held; 2]);
                tree[node][bit] = Record::Node(tree.len() - 1);
                tree.len() - 1
            }
        };
    }
    tree[node][last] = record;
}

const STRING: u8 = 2;
const DOUBLE: u8 = 3;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const INT32: u8 = 8;
const UINT64: u8 = 9;
const ARRAY: u8 = 11;
const BOOLEAN: u8 = 14;

/// Type and size.
fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    let (short, rest) = match size {
        0..29 => (size as u8, vec![]),
        29..285 => (29, vec![(size - 29) as u8]),
        285..65_821 => (30, ((size - 285) as u16).to_be_bytes().to_vec()),
        _ => (31, ((size - 65_821) as u32).to_be_bytes()[1..].to_vec()),
    };
    match kind {
        ..=7 => out.push(kind << 5 | short),
        _ => out.extend([short, kind - 7]),
    }
    out.extend(rest);
}

/// Without leading zeros, as writers do.
fn integer(kind: u8, value: u64, out: &mut Vec<u8>) {
    let bytes = value.to_be_bytes();
    let skip = value.leading_zeros() as usize / 8;
    control(kind, 8 - skip, out);
    out.extend(&bytes[skip..]);
}

fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            control(STRING, text.len(), out);
            out.extend(text.as_bytes());
        }
        Value::Bool(set) => control(BOOLEAN, usize::from(*set), out),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => {
                integer(if u32::try_from(value).is_ok() { UINT32 } else { UINT64 }, value, out);
            }
            (None, Some(value)) => {
                control(INT32, 4, out);
                out.extend(i32::try_from(value).unwrap().to_be_bytes());
            }
            (None, None) => {
                control(DOUBLE, 8, out);
                out.extend(number.as_f64().unwrap().to_be_bytes());
            }
        },
        Value::Array(values) => {
            control(ARRAY, values.len(), out);
            values.iter().for_each(|value| encode(value, out));
        }
        Value::Object(map) => encode_map(map, out),
        Value::Null => panic!("a MaxMind DB has no null"),
    }
}

fn encode_map(map: &Map<String, Value>, out: &mut Vec<u8>) {
    control(MAP, map.len(), out);
    for (key, value) in map {
        control(STRING, key.len(), out);
        out.extend(key.as_bytes());
        encode(value, out);
    }
}
