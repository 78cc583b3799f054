//! What is usual, kept in a file: facts of earlier logs, with where they came from.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::extract::Origin;
use super::recorder::{Active, MINUTE};
use super::state::{KeyState, State, TableState};
use crate::rule::derive::DAY;

/// What the file calls itself.
const FORMAT: &str = "portcullis-baseline";
/// Raised whenever an older program would misread the file.
const VERSION: u32 = 1;
/// Largest file that is read.
const MAX_BYTES: u64 = 4 << 30;

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no baseline.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Two baselines rest on the same log.
    #[error("{label} is in both baselines (sha256 {sha256}): its facts would count twice")]
    Twice {
        /// The log.
        label: String,
        /// Its digest.
        sha256: String,
    },
}

/// A log that facts came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Its path, as it was given.
    pub path: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Of exactly these bytes.
    pub sha256: String,
}

/// Facts of earlier logs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    format: String,
    version: u32,
    /// The logs.
    pub logs: Vec<Provenance>,
    /// First and last time of any fact, RFC 3339.
    pub first: Option<String>,
    /// See `first`.
    pub last: Option<String>,
    /// Facts before this time alone were learnt, RFC 3339.
    pub until: Option<String>,
    /// By declaration, then by key.
    pub(super) tables: BTreeMap<String, BTreeMap<String, Facts>>,
}

/// Facts of one key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    /// Day since 1970, first and last nanosecond, quarters of an hour in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) active: Vec<(i64, i64, i64, String)>,
    /// Value: day since 1970, first nanosecond.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) values: BTreeMap<String, Vec<(i64, i64)>>,
    /// Nanosecond, amount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) amounts: Vec<(i64, f64)>,
    /// Minute since 1970, latitude, longitude, name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) visits: Vec<(i64, f64, f64, String)>,
}

impl Baseline {
    /// The facts of a state.
    pub fn of(state: &State, names: &[String], logs: Vec<Provenance>) -> Self {
        let tables = names.iter().zip(&state.tables);
        let tables = tables.map(|(name, table)| (name.clone(), table.facts()));
        let mut baseline = Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            logs,
            tables: tables.filter(|(_, facts)| !facts.is_empty()).collect(),
            ..Self::default()
        };
        baseline.span();
        baseline
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is no baseline, or is of a later version.
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let failed = |error| BaselineError::Read { path: path.to_owned(), error };
        let invalid = |message: String| BaselineError::Invalid { path: path.to_owned(), message };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(invalid("larger than 4 GiB".to_owned()));
        }
        let baseline: Self =
            serde_json::from_str(&text).map_err(|error| invalid(format!("not a baseline: {error}")))?;
        if baseline.format != FORMAT {
            return Err(invalid(format!("not a baseline: its format is `{}`", baseline.format)));
        }
        if baseline.version != VERSION {
            return Err(invalid(format!(
                "version {} of the format; this program reads version {VERSION}: learn it anew",
                baseline.version
            )));
        }
        match baseline.tables.values().flatten().find(|(_, facts)| !facts.are_possible()) {
            Some((key, _)) => {
                Err(invalid(format!("the facts of `{key}` have an impossible time, hour or place")))
            }
            None => Ok(baseline),
        }
    }

    /// Adds the facts of another.
    ///
    /// # Errors
    /// Both rest on the same log.
    pub fn merge(&mut self, other: Self) -> Result<(), BaselineError> {
        if let Some(log) = other.logs.iter().find(|log| self.logs.iter().any(|own| own.sha256 == log.sha256))
        {
            return Err(BaselineError::Twice { label: log.path.clone(), sha256: log.sha256.clone() });
        }
        self.logs.extend(other.logs);
        for (name, keys) in other.tables {
            let table = self.tables.entry(name).or_default();
            for (key, facts) in keys {
                let held = table.entry(key).or_default();
                *held = KeyFacts::joined(std::mem::take(held), facts);
            }
        }
        self.span();
        Ok(())
    }

    /// The declarations that it has facts for.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The keys of all tables, each once.
    pub fn keys(&self) -> std::collections::BTreeSet<&str> {
        self.tables.values().flat_map(|keys| keys.keys().map(String::as_str)).collect()
    }

    /// What is known of a key, table by table, in words.
    pub fn describe(&self, key: &str) -> Vec<(&str, Vec<String>)> {
        let tables = self.tables.iter();
        tables.filter_map(|(name, keys)| Some((name.as_str(), keys.get(key)?.describe()))).collect()
    }

    fn span(&mut self) {
        let facts = || self.tables.values().flat_map(BTreeMap::values);
        let times = || {
            let active = facts().flat_map(|facts| facts.active.iter().flat_map(|row| [row.1, row.2]));
            let values = facts().flat_map(|facts| facts.values.values().flatten().map(|row| row.1));
            let amounts = facts().flat_map(|facts| facts.amounts.iter().map(|row| row.0));
            active.chain(values).chain(amounts)
        };
        (self.first, self.last) = (times().min().map(shown), times().max().map(shown));
    }
}

fn shown(nanos: i64) -> String {
    crate::event::time::Timestamp { nanos, digits: 0 }.to_rfc3339()
}

fn date(day: i64) -> String {
    shown(day.saturating_mul(DAY)).chars().take(10).collect()
}

/// Joins the facts of one key through the state, which sorts and merges.
struct KeyFacts;

impl KeyFacts {
    fn joined(left: Facts, right: Facts) -> Facts {
        let mut table = TableState::default();
        table.add("", left, i64::MAX);
        table.add("", right, i64::MAX);
        table.settle(&[]);
        table.facts().remove("").unwrap_or_default()
    }
}

impl Facts {
    /// Whether days belong to their times, and hours, amounts and places exist.
    fn are_possible(&self) -> bool {
        let mut active = self.active.iter().map(|(day, first, last, quarters)| {
            let quarters = u128::from_str_radix(quarters, 16).is_ok_and(|mask| mask >> 96 == 0);
            quarters && first <= last && first.div_euclid(DAY) == *day && last.div_euclid(DAY) == *day
        });
        let mut values = self.values.values().flatten().map(|(day, first)| first.div_euclid(DAY) == *day);
        let mut amounts = self.amounts.iter().map(|(_, amount)| amount.is_finite());
        let mut visits = self.visits.iter().map(|(minute, latitude, longitude, _)| {
            minute.checked_mul(MINUTE).is_some() && latitude.abs() <= 90.0 && longitude.abs() <= 180.0
        });
        active.all(|fine| fine)
            && values.all(|fine| fine)
            && amounts.all(|fine| fine)
            && visits.all(|fine| fine)
    }

    fn describe(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let (Some(first), Some(last)) = (self.active.first(), self.active.last()) {
            lines.push(format!(
                "active on {} days, {} to {}",
                self.active.len(),
                date(first.0),
                date(last.0)
            ));
            lines.push(format!("hours (UTC): {}", self.hours()));
        }
        let mut values: Vec<(&String, &Vec<(i64, i64)>)> = self.values.iter().collect();
        values.sort_by_key(|(value, rows)| (std::cmp::Reverse(rows.len()), *value));
        for (value, rows) in values {
            if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
                lines.push(format!("{value}: {} days, {} to {}", rows.len(), date(first.0), date(last.0)));
            }
        }
        if let (Some(first), Some(last)) = (self.amounts.first(), self.amounts.last()) {
            let total: f64 = self.amounts.iter().map(|row| row.1).sum();
            lines.push(format!(
                "{total} in {} records, {} to {}",
                self.amounts.len(),
                date(first.0.div_euclid(DAY)),
                date(last.0.div_euclid(DAY))
            ));
        }
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        self.visits.iter().for_each(|visit| *places.entry(&visit.3).or_default() += 1);
        lines
            .extend(places.iter().map(|(place, count)| format!("at {place}: {count} minutes with a record")));
        lines
    }

    /// Days on which each hour of the day had a record.
    fn hours(&self) -> String {
        let masks: Vec<u128> =
            self.active.iter().filter_map(|row| u128::from_str_radix(&row.3, 16).ok()).collect();
        let days = |hour: u32| masks.iter().filter(|mask| (**mask >> (hour * 4)) & 0xf != 0).count();
        let hours = (0..24).map(|hour| (hour, days(hour))).filter(|(_, days)| *days > 0);
        hours.map(|(hour, days)| format!("{hour:02} h {days}")).collect::<Vec<_>>().join(", ")
    }
}

impl TableState {
    /// Adds facts of a key, those of days before `before` alone.
    pub(super) fn add(&mut self, key: &str, facts: Facts, before: i64) {
        let origins: Vec<Origin> = facts
            .visits
            .iter()
            .map(|(_, latitude, longitude, label)| Origin {
                location: (*latitude, *longitude),
                label: label.clone(),
            })
            .collect();
        let places: Vec<u32> = origins.iter().map(|origin| self.place_of(origin)).collect();
        let state = self.key(key);
        let active = facts.active.iter().filter(|row| row.0 < before);
        state.active.extend(active.filter_map(|(day, first, last, quarters)| {
            let quarters = u128::from_str_radix(quarters, 16).ok()?;
            Some(Active { day: *day, first: *first, last: *last, quarters })
        }));
        for (value, rows) in facts.values {
            let rows = rows.into_iter().filter(|(day, _)| *day < before);
            let rows: Vec<(i64, i64)> = rows.collect();
            if !rows.is_empty() {
                state.values.entry(value).or_default().extend(rows);
            }
        }
        state.amounts.extend(facts.amounts.into_iter().filter(|(time, _)| time.div_euclid(DAY) < before));
        let visits = facts.visits.iter().zip(places).map(|((minute, ..), place)| (*minute, place));
        state
            .visits
            .extend(visits.filter(|(minute, _)| minute.saturating_mul(MINUTE).div_euclid(DAY) < before));
    }

    pub(super) fn facts(&self) -> BTreeMap<String, Facts> {
        self.keys.iter().map(|(key, state)| (key.clone(), self.facts_of(state))).collect()
    }

    fn facts_of(&self, state: &KeyState) -> Facts {
        let active = state.active.iter();
        let visits = state.visits.iter().filter_map(|&(minute, place)| {
            let origin = self.origins.get(place as usize)?;
            Some((minute, origin.location.0, origin.location.1, origin.label.clone()))
        });
        Facts {
            active: active.map(|row| (row.day, row.first, row.last, format!("{:x}", row.quarters))).collect(),
            values: state.values.iter().map(|(value, rows)| (value.clone(), rows.clone())).collect(),
            amounts: state.amounts.clone(),
            visits: visits.collect(),
        }
    }
}
