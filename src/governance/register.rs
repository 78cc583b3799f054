//! What the organization says of itself and no system knows: who is a contractor and until when, who is admin for a while, which
//! projects are closed.
//!
//! ```toml
//! closed-projects = ["3187003"]      # nobody should have access any more
//! review-every = 90                  # days between two reviews; 90 unless given
//!
//! [[person]]
//! email = "jane@agency.example"
//! contractor = true
//! ends = 2026-12-31                  # access ends with this day
//! admin-until = 2026-10-31           # admin for a while, until this day
//! ```

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use super::access::same;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Register {
    /// Numbers of projects to which nobody should have access any more.
    #[serde(default)]
    pub closed_projects: BTreeSet<String>,
    /// Days between two reviews.
    #[serde(default = "every")]
    pub review_every: u16,
    /// People of whom there is something to say.
    #[serde(default, rename = "person")]
    pub people: Vec<Person>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Person {
    /// E-mail address, in lower case.
    #[serde(deserialize_with = "email")]
    pub email: String,
    /// Works for somebody else.
    #[serde(default)]
    pub contractor: bool,
    /// The last day with access.
    #[serde(default, deserialize_with = "date")]
    pub ends: Option<Date>,
    /// The last day as an admin.
    #[serde(default, deserialize_with = "date")]
    pub admin_until: Option<Date>,
}

impl Default for Register {
    fn default() -> Self {
        Self { closed_projects: BTreeSet::new(), review_every: every(), people: Vec::new() }
    }
}

fn every() -> u16 {
    90
}

fn email<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = same(&String::deserialize(from)?);
    if text.contains('@') { Ok(text) } else { Err(serde::de::Error::custom("an e-mail address is needed")) }
}

/// A date, in quotes or not.
fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Plain(toml::value::Datetime),
    }
    let text = match Either::deserialize(from)? {
        Either::Text(text) => text,
        Either::Plain(time) => time.to_string(),
    };
    text.parse().map(Some).map_err(|_unknown| serde::de::Error::custom("a date such as 2026-12-31 is needed"))
}

/// Reads a register.
///
/// # Errors
/// In words, with the line.
pub fn parse(text: &str) -> Result<Register, String> {
    let register: Register = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
    let mut emails = BTreeSet::new();
    match register.people.iter().find(|person| !emails.insert(&person.email)) {
        Some(twice) => Err(format!("{} stands twice", twice.email)),
        None if register.review_every == 0 => Err("review-every has to be a day at least".to_owned()),
        None => Ok(register),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_register_is_read() {
        let lines = include_str!("register.rs").lines().take_while(|line| line.starts_with("//!"));
        let lines = lines.map(|line| line.trim_start_matches("//!").trim_start());
        let inside = lines.skip_while(|line| *line != "```toml").skip(1).take_while(|line| *line != "```");
        let register = parse(&inside.collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!(register.closed_projects, ["3187003".to_owned()].into());
        let [jane] = &register.people[..] else { panic!() };
        assert!(jane.contractor);
        assert_eq!(
            (jane.ends, jane.admin_until),
            (Some(Date::constant(2026, 12, 31)), Some(Date::constant(2026, 10, 31)))
        );
        assert_eq!(parse("").unwrap(), Register::default());
    }

    #[test]
    fn mistakes_are_told() {
        for (text, told) in [
            ("closed = []", "unknown field"),
            ("[[person]]\nemail = 'x'", "an e-mail address"),
            ("[[person]]\nemail = 'x@y'\nends = 'soon'", "a date such as"),
            ("[[person]]\nemail = 'x@y'\n[[person]]\nemail = 'X@y'", "stands twice"),
            ("review-every = 0", "a day at least"),
        ] {
            assert!(parse(text).unwrap_err().contains(told), "{text}: {:?}", parse(text));
        }
    }
}
