//! What derived fields come to, by looking at every record.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

use super::model::{DAY, Record};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    Text,
    Ip,
    Network,
    Domain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    FirstSeen(&'static str, As),
    UsualHours(usize),
    Dormant,
    /// Seconds of the span, the field that is summed, whether other keys are what it is held against.
    Volume(i64, Option<&'static str>, bool),
    LocalTime,
}

/// A derived field.
#[derive(Debug, Clone)]
pub struct Declaration {
    pub kind: Kind,
    /// Fields of the key; none: one key for all.
    pub per: Vec<&'static str>,
    /// Days.
    pub window: i64,
    /// Days.
    pub min_history: i64,
    /// Actions of the records that are history; `None`: all.
    pub history: Option<Vec<&'static str>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Bool(bool),
    Number(f64),
    Text(String),
}

/// Sub-fields that are not absent.
pub type Values = BTreeMap<&'static str, Value>;

impl Declaration {
    pub fn sub_fields(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::FirstSeen(..) => &["is_new", "age_days", "seen_days"],
            Kind::UsualHours(_) => &["is_usual", "seen_days"],
            Kind::Dormant => &["days"],
            Kind::Volume(..) => &["count", "ratio", "zscore"],
            Kind::LocalTime => &["hour", "weekday", "zone_source"],
        }
    }

    /// A rule that finds the records for which `test`, on the field `x`, holds.
    pub fn rule(&self, name: &str, test: &str) -> String {
        let searches = self.searches(test);
        format!(
            "title: Rule {name}\nname: {name}\nlogsource:\n    category: saas_audit\n\
             detection:\n{searches}    condition: probe\nlevel: low\n{}",
            self.block()
        )
    }

    /// The searches `probe` and, where history is chosen, `past`.
    pub fn searches(&self, test: &str) -> String {
        let past =
            |actions: &Vec<&str>| format!("    past:\n        event.action: [{}]\n", actions.join(", "));
        format!("    probe:\n        {test}\n{}", self.history.as_ref().map(past).unwrap_or_default())
    }

    /// What declares the field.
    pub fn block(&self) -> String {
        let mut out = "x-portcullis:\n    derive:\n        x:\n".to_owned();
        let mut set = |name: &str, value: &str| writeln!(out, "            {name}: {value}").unwrap();
        match self.kind {
            Kind::FirstSeen(value, read_as) => {
                set("kind", "first_seen");
                set("value", value);
                set(
                    "as",
                    match read_as {
                        As::Text => "text",
                        As::Ip => "ip",
                        As::Network => "network",
                        As::Domain => "domain",
                    },
                );
            }
            Kind::UsualHours(min_days) => {
                set("kind", "usual_hours");
                set("min_days", &min_days.to_string());
            }
            Kind::Dormant => set("kind", "dormant"),
            Kind::Volume(span, sum, peers) => {
                set("kind", "volume");
                set("span", &format!("{span}s"));
                if let Some(field) = sum {
                    set("sum", field);
                }
                set("against", if peers { "peers" } else { "own" });
            }
            Kind::LocalTime => set("kind", "local_time"),
        }
        match self.per.as_slice() {
            [] => set("per", "organisation"),
            [field] => set("per", field),
            fields => set("per", &format!("[{}]", fields.join(", "))),
        }
        set("window", &format!("{}d", self.window));
        if self.asks_for_history() {
            set("min_history", &format!("{}d", self.min_history));
        }
        if self.history.is_some() {
            set("where", "past");
        }
        out
    }

    fn asks_for_history(&self) -> bool {
        !matches!(self.kind, Kind::Dormant | Kind::LocalTime)
    }

    fn key(&self, record: &Record) -> Option<Vec<String>> {
        self.per.iter().map(|field| Some(record.field(field)?.to_ascii_lowercase())).collect()
    }

    fn is_history(&self, record: &Record) -> bool {
        self.history.as_ref().is_none_or(|actions| actions.contains(&record.action.as_str()))
    }

    /// Records that are history in the window, and no later; of this key, or of all others.
    fn history<'a>(&self, log: &'a [Record], of: &Record, others: bool) -> Vec<(i64, &'a Record)> {
        let (now, key) = (of.time.unwrap(), self.key(of));
        let counts = |time: i64| time <= now && day(time) >= day(now) - self.window;
        let same = |record: &Record| match self.key(record) {
            None => false,
            of_this => (of_this != key) == others,
        };
        let timed = log.iter().filter_map(|record| Some((record.time?, record)));
        timed.filter(|(time, record)| counts(*time) && self.is_history(record) && same(record)).collect()
    }

    /// The sub-fields of a record.
    pub fn values(&self, log: &[Record], at: usize) -> Values {
        let record = &log[at];
        let (Some(now), Some(_)) = (record.time, self.key(record)) else { return Values::new() };
        let mut history = self.history(log, record, false);
        if let Kind::Volume(span, sum, peers) = self.kind {
            let others = if peers { self.history(log, record, true) } else { history.clone() };
            return self.volume(now, &history, &others, span, sum);
        }
        history.retain(|(time, _)| *time < now);
        match self.kind {
            Kind::FirstSeen(field, read_as) => {
                let value = |record: &Record| read(&record.field(field)?, read_as);
                history.retain(|(_, earlier)| value(earlier).is_some());
                let Some(value) = value(record).filter(|_| self.is_enough(now, &history)) else {
                    return Values::new();
                };
                let same = |earlier: &Record| {
                    earlier.field(field).and_then(|of| read(&of, read_as)) == Some(value.clone())
                };
                let seen = history.iter().filter(|(_, earlier)| same(earlier)).map(|(time, _)| *time).min();
                let mut values = Values::from([("is_new", Value::Bool(seen.is_none()))]);
                values.extend(seen.map(|first| ("age_days", Value::Number(((now - first) / DAY) as f64))));
                let days: BTreeSet<i64> =
                    history.iter().filter(|(_, earlier)| same(earlier)).map(|(time, _)| day(*time)).collect();
                values.insert("seen_days", Value::Number(days.len() as f64));
                values
            }
            Kind::UsualHours(_) if !self.is_enough(now, &history) => Values::new(),
            Kind::UsualHours(min_days) => {
                let days = seen_days(now, &history);
                let is_usual = Value::Bool(days >= min_days);
                Values::from([("is_usual", is_usual), ("seen_days", Value::Number(days as f64))])
            }
            Kind::Dormant => {
                let last = history.iter().map(|(time, _)| *time).max();
                last.map(|last| ("days", Value::Number(((now - last) / DAY) as f64))).into_iter().collect()
            }
            Kind::LocalTime => Values::from([
                ("hour", Value::Number((now.rem_euclid(DAY) / 3600) as f64)),
                // 1970 began on a Thursday.
                ("weekday", Value::Number(((day(now) + 3).rem_euclid(7) + 1) as f64)),
                ("zone_source", Value::Text("organisation".to_owned())),
            ]),
            Kind::Volume(..) => unreachable!(),
        }
    }

    /// Whether there is something earlier, and that old enough.
    fn is_enough(&self, now: i64, history: &[(i64, &Record)]) -> bool {
        let oldest = history.iter().map(|(time, _)| *time).filter(|time| *time < now).min();
        oldest.is_some_and(|oldest| (now - oldest) / DAY >= self.min_history)
    }

    /// `own`: the key's history, and what happens at the same instant; `against`: what it is held against.
    fn volume(
        &self,
        now: i64,
        own: &[(i64, &Record)],
        against: &[(i64, &Record)],
        span: i64,
        sum: Option<&str>,
    ) -> Values {
        let amount = |record: &Record| match sum {
            None => Some(1.0),
            Some(field) => record.field(field).and_then(|value| value.parse::<f64>().ok()),
        };
        let begin = now - span;
        let is_before = |time: i64| (time.div_euclid(span) + 1) * span <= begin;
        let is_own = !matches!(self.kind, Kind::Volume(.., true));
        // Peers need a history that can be compared with; the key itself any.
        let mut history = against.to_vec();
        history.retain(|(time, record)| amount(record).is_some() && (is_own || is_before(*time)));
        if !self.is_enough(now, &history) {
            return Values::new();
        }
        let in_span = own.iter().filter(|(time, _)| *time > begin);
        let count = in_span.filter_map(|(_, record)| amount(record)).fold(0.0, |sum, amount| sum + amount);
        let mut values = Values::from([("count", Value::Number(count))]);
        let mut spans: BTreeMap<(Option<Vec<String>>, i64), f64> = BTreeMap::new();
        for (time, record) in history.iter().filter(|(time, _)| is_before(*time)) {
            *spans.entry((self.key(record), time.div_euclid(span))).or_default() += amount(record).unwrap();
        }
        if spans.is_empty() {
            return values;
        }
        let mean = spans.values().sum::<f64>() / spans.len() as f64;
        let variance = spans.values().map(|value| (value - mean).powi(2)).sum::<f64>() / spans.len() as f64;
        if mean > 0.0 {
            values.insert("ratio", Value::Number(count / mean));
        }
        values.insert("zscore", Value::Number((count - mean) / variance.sqrt().max(1.0)));
        values
    }
}

fn day(time: i64) -> i64 {
    time.div_euclid(DAY)
}

/// What two values have to share to be the same.
fn read(value: &str, read_as: As) -> Option<String> {
    let address = || value.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    match read_as {
        As::Text => Some(value.to_ascii_lowercase()),
        As::Ip => Some(address()?.to_string()),
        As::Network => Some(match address()? {
            IpAddr::V4(address) => format!("{:?}", &address.octets()[..3]),
            IpAddr::V6(address) => format!("{:?}", &address.segments()[..3]),
        }),
        As::Domain => Some(value.split_once('@')?.1.to_ascii_lowercase()),
    }
}

/// Earlier days of the same kind with activity in this hour of the clock, the one before or the one after.
fn seen_days(now: i64, history: &[(i64, &Record)]) -> usize {
    let is_weekend = |time: i64| (day(time) + 3).rem_euclid(7) >= 5;
    let hour = |time: i64| time.rem_euclid(DAY) / 3600;
    let near = |time: i64| [0, 1, 23].contains(&(hour(time) - hour(now)).rem_euclid(24));
    let days: BTreeSet<i64> = history
        .iter()
        .map(|(time, _)| *time)
        .filter(|&time| day(time) < day(now) && is_weekend(time) == is_weekend(now) && near(time))
        .map(day)
        .collect();
    days.len()
}
