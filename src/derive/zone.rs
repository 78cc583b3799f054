//! Which time zone an account lives in.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use crate::rule::threshold::{Threshold, Thresholds};

/// How a zone became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoneSource {
    /// The profile says so.
    Profile,
    /// Most days of its history were spent there.
    Learned,
    /// The record's address is there.
    Geo,
    /// Nothing better is known: the organisation's.
    Organisation,
}

impl ZoneSource {
    /// The word for it in rules and findings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Learned => "learned",
            Self::Geo => "geo",
            Self::Organisation => "organisation",
        }
    }
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// It is no profile.
    #[error("{path}: {message}")]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong, with line and column.
        message: String,
    },
}

/// What the organisation says of itself: zones of accounts, values of placeholders, thresholds.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// The organisation's zone, where it gives one.
    pub zone: Option<TimeZone>,
    accounts: HashMap<String, TimeZone>,
    /// Values for the placeholders of rules.
    pub placeholders: BTreeMap<String, Vec<String>>,
    /// Numbers and times instead of those in rules.
    pub thresholds: Thresholds,
    file: String,
    /// Lines of `thresholds`: rule and path; of a rule's table, rule alone.
    lines: BTreeMap<(String, String), usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Wire {
    time_zone: Option<String>,
    #[serde(default)]
    accounts: BTreeMap<String, WireAccount>,
    #[serde(default)]
    placeholders: BTreeMap<String, WireValues>,
    #[serde(default)]
    thresholds: BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, WireThreshold>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireAccount {
    time_zone: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireValues {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireThreshold {
    Number(f64),
    Time(String),
}

impl Profile {
    /// Reads a profile: TOML.
    ///
    /// # Errors
    /// The file cannot be read, is no profile, or names a zone that does not exist.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ProfileError::Read { path: name.clone(), error })?;
        match Self::parse(&text) {
            Ok(profile) => Ok(Self { file: name, ..profile }),
            Err(message) => Err(ProfileError::Invalid { path: name, message }),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wire: Wire = toml::from_str(text).map_err(|error| error.to_string())?;
        let zone = |name: &String| {
            TimeZone::get(name)
                .map_err(|error| format!("`{name}` is no time zone ({error}): write it as Europe/Berlin"))
        };
        let mut accounts = HashMap::new();
        for (account, of) in &wire.accounts {
            if let Some(name) = &of.time_zone {
                accounts.insert(account.to_ascii_lowercase(), zone(name)?);
            }
        }
        let values = |values: WireValues| match values {
            WireValues::One(value) => vec![value],
            WireValues::Many(values) => values,
        };
        let line =
            |span: Range<usize>| 1 + text.bytes().take(span.start).filter(|&byte| byte == b'\n').count();
        let (mut thresholds, mut lines) = (Thresholds::new(), BTreeMap::new());
        for (rule, own) in wire.thresholds {
            let (at, rule) = (line(rule.span()), rule.into_inner());
            let mut of = BTreeMap::new();
            for (path, value) in own {
                let (at, path) = (line(path.span()), path.into_inner());
                let value = threshold(&rule, &path, &value).map_err(|error| format!("line {at}: {error}"))?;
                lines.insert((rule.clone(), path.clone()), at);
                of.insert(path, value);
            }
            lines.insert((rule.clone(), String::new()), at);
            thresholds.insert(rule, of);
        }
        Ok(Self {
            thresholds,
            lines,
            file: String::new(),
            zone: wire.time_zone.as_ref().map(zone).transpose()?,
            accounts,
            placeholders: wire.placeholders.into_iter().map(|(name, of)| (name, values(of))).collect(),
        })
    }

    /// Where a threshold of a rule stands, or the rule's table where no path is given: file and line.
    pub fn place_of(&self, rule: &str, path: &str) -> String {
        let line = self.lines.get(&(rule.to_owned(), path.to_owned()));
        line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }

    /// Whether some account has a zone of its own.
    pub fn names_zones(&self) -> bool {
        !self.accounts.is_empty()
    }

    /// The zone of an account; the account in lower case.
    pub fn zone_of(&self, account: &str) -> Option<&TimeZone> {
        self.accounts.get(account)
    }
}

fn threshold(rule: &str, path: &str, value: &WireThreshold) -> Result<Threshold, String> {
    let threshold = match value {
        WireThreshold::Number(number) => Threshold::number(*number),
        WireThreshold::Time(text) => Threshold::time(text),
    };
    threshold.ok_or_else(|| {
        format!("threshold `{path}` of rule `{rule}` has to be a number, or a time such as 10m")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_names_zones_and_placeholders() {
        let text = "time-zone = 'Europe/Berlin'\n[accounts.'Jane@agency.example']\ntime-zone = 'Asia/Kolkata'\n\
                    [placeholders]\nadmins = ['a@b.example']\n\
                    [thresholds.many]\n'detection.a.b|gte' = 8\n'correlation.timespan' = '2h'\n";
        let profile = Profile::parse(text).unwrap();
        assert_eq!(profile.zone_of("jane@agency.example").unwrap().iana_name(), Some("Asia/Kolkata"));
        assert_eq!(profile.zone.unwrap().iana_name(), Some("Europe/Berlin"));
        assert_eq!(profile.placeholders["admins"], ["a@b.example"]);
        let own = &profile.thresholds["many"];
        assert_eq!(own["detection.a.b|gte"], Threshold::Number(8.0));
        assert_eq!(own["correlation.timespan"], Threshold::Time("2h".to_owned()));
        let profile = Profile { file: "p.toml".to_owned(), ..Profile::parse(text).unwrap() };
        assert_eq!(profile.place_of("many", "correlation.timespan"), "p.toml:8");
        assert_eq!(profile.place_of("many", ""), "p.toml:6");
        assert_eq!(profile.place_of("few", ""), "p.toml");
    }

    #[test]
    fn what_a_profile_does_not_know_is_an_error() {
        for bad in [
            "zone = 'UTC'",
            "time-zone = 'Mars/Base'",
            "[accounts.x]\nhome = 1",
            "[thresholds.x]\n'detection.a.b|gte' = 'soon'",
            "[thresholds.x]\n'detection.a.b|gte' = inf",
            "[thresholds.x]\n'detection.a.b|gte' = [1]",
        ] {
            assert!(Profile::parse(bad).is_err(), "{bad}");
        }
    }
}
