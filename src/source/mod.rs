//! Log sources: what each calls its fields, how it is recognised, which Sigma log source it is.
//!
//! A new source is one file and one line in [`SOURCES`].

mod archive;
mod decompress;
pub mod input;
pub mod json;
pub mod mapping;
pub mod mixpanel_audit;
pub mod mixpanel_events;
pub mod okta;
pub mod sniff;
pub mod spelling;

use crate::rule::LogSource;
pub use mapping::Mapping;

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
    /// `category`, `product`, `service` of its Sigma log source; `None` takes every rule.
    pub logsource: Option<(&'static str, &'static str, &'static str)>,
    /// For an ECS field, the raw paths that give it, most wanted first. Empty where the source has no such field.
    pub aliases: fn(ecs: &str) -> Vec<String>,
    /// The ECS fields that `aliases` knows.
    pub fields: &'static [&'static str],
    /// ECS fields without which a log is not of this source.
    pub required: &'static [&'static str],
    /// Whether a sample of records looks like this source: `has` says whether a raw path is present in it.
    pub looks_like: fn(has: Has<'_>) -> bool,
    /// The date from which an event type is recorded, where the vendor has a catalogue.
    pub event_type: Option<EventType>,
    /// What this log never shows.
    pub blind_spots: &'static [&'static str],
}

/// Every source, the most particular first: sniffing takes the first that fits.
pub const SOURCES: &[&Source] = &[&okta::SOURCE, &mixpanel_audit::SOURCE, &json::SOURCE];

/// The source of that name.
pub fn find(name: &str) -> Option<&'static Source> {
    SOURCES.iter().copied().find(|source| source.name == name)
}

impl Source {
    /// Whether a rule with this log source applies.
    pub fn takes(&self, rule: &LogSource) -> bool {
        let Some((category, product, service)) = self.logsource else { return true };
        rule.accepts(&LogSource {
            category: Some(category.to_owned()),
            product: Some(product.to_owned()),
            service: Some(service.to_owned()),
            definition: None,
        })
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
