//! Random logs of days and weeks, and random derived fields.

use super::derive::{As, Declaration, Kind};
use super::model::{DAY, Log, MONDAY, Record};
use super::rng::Rng;

const ACTIONS: [&str; 3] = ["act.a", "act.b", "act.c"];
const IPS: [&str; 8] = [
    "198.51.100.7",
    "198.51.100.8",
    "198.51.101.7",
    "::ffff:198.51.100.7",
    "2001:db8:0:1::a",
    "2001:DB8:0:2::B",
    "2001:db8:1::a",
    "not an address",
];
const TARGETS: [&str; 5] =
    ["jim@agency.example", "JIM@Agency.example", "ann@agency.example", "bo@rival.example", "nobody"];
const NUMBERS: [&str; 6] = ["1", "2", "7", "-3", "0.5", "\"x\""];

/// The first one of logs.
pub const MIDNIGHT: i64 = MONDAY - 28_800;

/// Seconds of a day that lie close to, or exactly an hour from, each other, and around midnight.
const CLOCK: [i64; 10] = [0, 1_800, 3_599, 28_800, 29_100, 32_400, 32_401, 36_000, 82_800, 86_399];

/// A log of up to `most` records over up to three weeks, whose actors no other number shares.
pub fn log(rng: &mut Rng, number: usize, most: usize) -> Log {
    let actors =
        [format!("u{number}a@x.example"), format!("u{number}b@x.example"), format!("U{number}A@X.example")];
    let count = rng.below(most + 1);
    let days = [2, 8, 14, 21][rng.below(4)];
    let files = 1 + rng.below(3);
    let mut records: Vec<Record> = Vec::new();
    for _ in 0..count {
        if !records.is_empty() && rng.one_in(12) {
            records.push(records[rng.below(records.len())].clone());
            continue;
        }
        let mut record = Record::at(0, rng.pick(&ACTIONS));
        record.time = Some(MIDNIGHT + rng.below(days) as i64 * DAY + rng.number(&CLOCK));
        // Exactly some days after another, or a second less.
        if !records.is_empty() && rng.one_in(4) {
            let other = records[rng.below(records.len())].time;
            record.time = other.map(|time| time + rng.below(6) as i64 * DAY - rng.number(&[0, 0, 1]));
        }
        record.actor = Some(actors[[0, 0, 0, 1, 2][rng.below(5)]].clone()).filter(|_| !rng.one_in(15));
        record.ip = (!rng.one_in(8)).then(|| rng.pick(&IPS).to_owned());
        record.target = (!rng.one_in(6)).then(|| rng.pick(&TARGETS).to_owned());
        record.n = (!rng.one_in(6)).then(|| rng.pick(&NUMBERS).to_owned());
        if rng.one_in(20) {
            record.time = None;
        }
        records.push(record);
    }
    match rng.below(3) {
        0 => records.sort_by_key(|record| record.time),
        1 => records.sort_by_key(|record| record.time.map(std::ops::Neg::neg)),
        _ => {}
    }
    Log { records: records.into_iter().map(|record| (rng.below(files), record)).collect() }
}

/// Derived fields of every kind that is in scope. Where `isolated`, other actors can matter too.
pub fn declarations(rng: &mut Rng, isolated: bool) -> Vec<Declaration> {
    let spans = [3600, 6 * 3600, DAY];
    let mut kinds = vec![
        Kind::FirstSeen("source.ip", As::Text),
        Kind::FirstSeen("source.ip", As::Ip),
        Kind::FirstSeen("source.ip", As::Network),
        Kind::FirstSeen("details.target", As::Domain),
        Kind::UsualHours(1),
        Kind::UsualHours(2),
        Kind::Dormant,
        Kind::Volume(rng.number(&spans), None, false),
        Kind::Volume(rng.number(&spans), Some("details.n"), false),
        Kind::LocalTime,
    ];
    if isolated {
        kinds.push(Kind::Volume(rng.number(&spans), None, true));
        kinds.push(Kind::Volume(rng.number(&spans), Some("details.n"), true));
    }
    kinds.into_iter().map(|kind| declaration(rng, kind, isolated)).collect()
}

fn declaration(rng: &mut Rng, kind: Kind, isolated: bool) -> Declaration {
    let per = match rng.below(6) {
        0 => vec!["user.email", "event.action"],
        1 if isolated && !matches!(kind, Kind::Volume(.., true)) => Vec::new(),
        2 if isolated => vec!["source.ip"],
        _ => vec!["user.email"],
    };
    let history = match rng.below(3) {
        0 => Some(vec!["act.a"]),
        1 if rng.one_in(2) => Some(vec!["act.a", "act.b"]),
        _ => None,
    };
    Declaration {
        kind,
        per,
        window: rng.number(&[1, 3, 7, 90]),
        min_history: rng.number(&[1, 1, 2, 5]),
        history,
    }
}
