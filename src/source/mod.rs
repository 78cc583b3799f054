//! Log sources: what each calls its fields, how it is recognised, which Sigma log source it is.
//!
//! A new source is one file and one line in [`SOURCES`]. This is a whole one, for a log of records such as
//! `{"at":"2026-10-24T01:36:17Z","who":{"mail":"jane@agency.example"},"did":"sign_in","ok":false}`:
//!
//! ```
//! use portcullis::rule::LogSource;
//! use portcullis::source::{Mapping, Meaning, Meanings, Source, When};
//!
//! pub const SOURCE: Source = Source {
//!     name: "acme",
//!     about: "Acme's audit log, one event a line",
//!     logsources: &[("saas_audit", "acme", "audit")],
//!     aliases: |field| {
//!         let paths: &[&str] = match field {
//!             "@timestamp" => &["at"],
//!             "user.email" => &["who.mail", "who"],
//!             "event.action" => &["did"],
//!             _ => &[],
//!         };
//!         paths.iter().map(|&path| path.to_owned()).collect()
//!     },
//!     meanings: &[
//!         Meaning {
//!             field: "event.category",
//!             value: "authentication",
//!             when: &[When::Is("event.action", &["sign_in"])],
//!         },
//!         Meaning { field: "event.outcome", value: "success", when: &[When::Is("ok", &["true"])] },
//!         Meaning { field: "event.outcome", value: "failure", when: &[When::Is("ok", &["false"])] },
//!     ],
//!     fields: &["@timestamp", "user.email", "event.action"],
//!     is_mapped: false,
//!     is_calendar: false,
//!     required: &["@timestamp", "event.action"],
//!     looks_like: |has| has("at") && has("did") && has("who"),
//!     pages: &["events"],
//!     event_type: None,
//!     blind_spots: &["what happens on Acme's own servers"],
//! };
//!
//! // Rules for every log apply to it, and those for Acme.
//! let every = LogSource { category: Some("saas_audit".to_owned()), ..LogSource::default() };
//! assert!(SOURCE.takes(&every));
//! assert_eq!(SOURCE.raw_paths("user.email", &Mapping::default()), ["user.email", "who.mail", "who"]);
//!
//! // What a record means is said by other fields.
//! let record = serde_json::json!({"at": "2026-10-24T01:36:17Z", "who": {"mail": "jane@agency.example"}, "did": "sign_in", "ok": false});
//! let paths = |field: &str| SOURCE.raw_paths(field, &Mapping::default());
//! let fields = portcullis::rule::sample::JsonFields::new(&record, &paths);
//! let meanings = Meanings::of(&SOURCE, &Mapping::default());
//! assert_eq!(meanings.first(&fields, "event.category"), Some("authentication"));
//! assert_eq!(meanings.first(&fields, "event.outcome"), Some("failure"));
//! ```

mod archive;
pub mod auth0;
mod decompress;
pub mod entra;
mod findings;
pub mod generic;
pub mod google;
pub mod input;
pub mod json;
pub mod mapping;
pub mod meaning;
pub mod mixpanel_audit;
pub mod mixpanel_events;
pub mod mixpanel_export;
pub mod okta;
pub mod onelogin;
pub mod pingone;
pub mod roster;
pub mod sniff;
pub mod spelling;

use crate::rule::LogSource;
pub use mapping::Mapping;
pub use meaning::{Meaning, Meanings, When};

/// Whether a raw path is in a sample of records.
pub type Has<'a> = &'a dyn Fn(&str) -> bool;

/// For an event type of the vendor's catalogue, the date from which it is recorded.
pub type EventType = fn(name: &str) -> Option<&'static str>;

/// A kind of log.
pub struct Source {
    /// Name on the command line.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// `category`, `product`, `service` of the Sigma log sources that it is; none takes every rule.
    pub logsources: &'static [(&'static str, &'static str, &'static str)],
    /// For an ECS field, the raw paths that give it, most wanted first. Empty where the source has no such field.
    pub aliases: fn(ecs: &str) -> Vec<String>,
    /// ECS values that its records do not spell out.
    pub meanings: &'static [Meaning],
    /// The ECS fields that `aliases` knows.
    pub fields: &'static [&'static str],
    /// Whether a mapping file that names no source, and gives every required field, makes a log one of this source.
    pub is_mapped: bool,
    /// Whether its records are days that somebody wrote down, not events of a system: a date alone is the end of that
    /// day, a record may have none, and none of them says how far the logs go.
    pub is_calendar: bool,
    /// ECS fields without which a log is not of this source.
    pub required: &'static [&'static str],
    /// Whether a sample of records looks like this source: `has` says whether a raw path is present in it.
    pub looks_like: fn(has: Has<'_>) -> bool,
    /// Paths of the array in which pages of its API hold the records, as `_embedded.activities`.
    pub pages: &'static [&'static str],
    /// The date from which an event type is recorded, where the vendor has a catalogue.
    pub event_type: Option<EventType>,
    /// What this log never shows.
    pub blind_spots: &'static [&'static str],
}

/// Every source, the most particular first: sniffing takes the first that fits.
pub const SOURCES: &[&Source] = &[
    &okta::SOURCE,
    &mixpanel_export::SOURCE,
    &entra::SOURCE,
    &google::SOURCE,
    &onelogin::SOURCE,
    &pingone::SOURCE,
    &auth0::SOURCE,
    &roster::SOURCE,
    &mixpanel_audit::SOURCE,
    &generic::SOURCE,
    &json::SOURCE,
];

/// The source of that name.
pub fn find(name: &str) -> Option<&'static Source> {
    SOURCES.iter().copied().find(|source| source.name == name)
}

impl Source {
    /// Whether a rule with this log source applies.
    pub fn takes(&self, rule: &LogSource) -> bool {
        let accepts = |&(category, product, service): &(&str, &str, &str)| {
            rule.accepts(&LogSource {
                category: Some(category.to_owned()),
                product: Some(product.to_owned()),
                service: Some(service.to_owned()),
                definition: None,
            })
        };
        self.logsources.is_empty() || self.logsources.iter().any(accepts)
    }

    /// The raw paths that give a rule's field: the user's mapping first, then the field's own name as a path, then the
    /// source's spellings.
    pub fn raw_paths(&self, field: &str, mapping: &Mapping) -> Vec<String> {
        let mut paths: Vec<String> = mapping.paths(field).to_vec();
        paths.push(field.to_owned());
        paths.extend((self.aliases)(field));
        let mut seen = std::collections::HashSet::new();
        paths.retain(|path| seen.insert(path.clone()));
        paths
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_source_is_whole() {
        let names: BTreeSet<&str> = SOURCES.iter().map(|source| source.name).collect();
        assert_eq!(names.len(), SOURCES.len());
        for source in SOURCES {
            let known = |field: &str| {
                source.name == "generic" || !(source.aliases)(field).is_empty() || source.name == "json"
            };
            for field in source.fields.iter().chain(source.required) {
                assert!(known(field), "{}: {field} has no path", source.name);
            }
            let paths: Vec<(&str, Vec<String>)> =
                source.fields.iter().map(|field| (*field, (source.aliases)(field))).collect();
            assert!(!(source.looks_like)(&|_| false), "{} recognises nothing at all", source.name);
            for (field, paths) in paths {
                let distinct: BTreeSet<&String> = paths.iter().collect();
                assert_eq!(distinct.len(), paths.len(), "{}: {field} names a path twice", source.name);
            }
            for meaning in source.meanings {
                assert!(!meaning.when.is_empty(), "{}: {} is always said", source.name, meaning.field);
            }
        }
    }
}
