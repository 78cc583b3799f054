//! Which tables the loaded rules need. The same declaration over the same log source shares its table.

use std::collections::HashMap;

use crate::rule::derive::{Against, Kind, View};
use crate::rule::{Expr, LogSource, Rule};

/// What a table keeps of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Track {
    /// When the key was active.
    Activity,
    /// Which values it had on which day.
    Values {
        /// The field.
        field: String,
        /// How it is seen.
        view: View,
    },
    /// How much it did: a number from a field, or one for each record.
    Amounts {
        /// The field.
        sum: Option<String>,
    },
    /// Where it was.
    Places,
    /// In which time zone it was, by its addresses.
    Zones,
}

/// A table of facts.
#[derive(Debug, Clone)]
pub struct Table {
    /// The declaration in a canonical form: the same text, the same facts.
    pub name: String,
    /// What is kept.
    pub track: Track,
    /// Fields that make the key.
    pub per: Vec<String>,
    /// The log whose records are facts.
    pub logsource: LogSource,
    /// The rule and its expression that a record has to satisfy.
    pub filter: Option<(usize, Expr)>,
}

/// The tables of a scan.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// All tables.
    pub tables: Vec<Table>,
    /// Rule and derivation: its table.
    uses: HashMap<(usize, usize), usize>,
    /// Tables, and lengths of spans, of which what all keys did is asked for.
    pub peers: Vec<(usize, i64)>,
    /// Tables, and lengths of calendar spans, that volumes ask for.
    spans: Vec<(usize, i64)>,
    /// Rule and derivation: the table that tells time zones.
    zones: HashMap<(usize, usize), usize>,
}

impl Plan {
    /// Plans for those of `rules` that are `wanted`. `zones`: whether addresses tell time zones.
    pub fn new(rules: &[Rule], wanted: &dyn Fn(usize) -> bool, zones: bool) -> Self {
        let mut plan = Self::default();
        for (number, rule) in rules.iter().enumerate().filter(|(number, _)| wanted(*number)) {
            for (at, derivation) in rule.derived.iter().enumerate() {
                let (track, local) = match &derivation.kind {
                    Kind::FirstSeen { value, view } => {
                        (Some(Track::Values { field: value.clone(), view: *view }), false)
                    }
                    Kind::UsualHours { .. } => (Some(Track::Activity), true),
                    Kind::Dormant => (Some(Track::Activity), false),
                    Kind::Volume { sum, .. } => (Some(Track::Amounts { sum: sum.clone() }), false),
                    Kind::Travel => (Some(Track::Places), false),
                    Kind::LocalTime => (None, true),
                    Kind::Reached { .. } => (None, false),
                };
                if let Some(track) = track {
                    let filter = derivation.filter.clone().map(|expr| (number, expr));
                    let table = plan.table(rules, track, &derivation.per, &rule.logsource, filter);
                    plan.uses.insert((number, at), table);
                    plan.ask_spans(table, &derivation.kind);
                }
                if local && zones {
                    let table = plan.table(rules, Track::Zones, &derivation.per, &rule.logsource, None);
                    plan.zones.insert((number, at), table);
                }
            }
        }
        plan
    }

    fn ask_spans(&mut self, table: usize, kind: &Kind) {
        if let Kind::Volume { span, .. } = kind
            && !self.spans.contains(&(table, *span))
        {
            self.spans.push((table, *span));
        }
        if let Kind::Volume { span, against: Against::Peers, .. } = kind
            && !self.peers.contains(&(table, *span))
        {
            self.peers.push((table, *span));
        }
    }

    /// Lengths of the calendar spans that are asked of a table.
    pub fn spans_of(&self, table: usize) -> Vec<i64> {
        self.spans.iter().filter(|(of, _)| *of == table).map(|(_, span)| *span).collect()
    }

    /// The table of a rule's derivation.
    pub fn table_of(&self, rule: usize, derivation: usize) -> Option<usize> {
        self.uses.get(&(rule, derivation)).copied()
    }

    /// The table that tells the time zone for a rule's derivation.
    pub fn zones_of(&self, rule: usize, derivation: usize) -> Option<usize> {
        self.zones.get(&(rule, derivation)).copied()
    }

    fn table(
        &mut self,
        rules: &[Rule],
        track: Track,
        per: &[String],
        logsource: &LogSource,
        filter: Option<(usize, Expr)>,
    ) -> usize {
        let words = filter.as_ref().map(|(rule, expr)| words(rules.get(*rule), expr));
        let name = canonical(&track, per, logsource, words.as_deref());
        self.tables.iter().position(|table| table.name == name).unwrap_or_else(|| {
            self.tables.push(Table {
                name,
                track,
                per: per.to_owned(),
                logsource: logsource.clone(),
                filter,
            });
            self.tables.len() - 1
        })
    }
}

fn canonical(track: &Track, per: &[String], logsource: &LogSource, filter: Option<&str>) -> String {
    let what = match track {
        Track::Activity => "activity".to_owned(),
        Track::Values { field, view } => format!("values of {field} as {}", view.word()),
        Track::Amounts { sum: None } => "records".to_owned(),
        Track::Amounts { sum: Some(field) } => format!("amounts of {field}"),
        Track::Places => "places".to_owned(),
        Track::Zones => "zones".to_owned(),
    };
    let per = if per.is_empty() { "organisation".to_owned() } else { per.join(" and ") };
    let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned()).to_ascii_lowercase();
    let source = [&logsource.product, &logsource.service, &logsource.category].map(part).join("/");
    let filter = filter.map_or_else(String::new, |filter| format!(" where {filter}"));
    format!("{what} per {per} in {source}{filter}")
}

/// An expression in words: the same tests, the same words.
fn words(rule: Option<&Rule>, expr: &Expr) -> String {
    let all = |inner: &[Expr], word: &str| {
        let parts: Vec<String> = inner.iter().map(|expr| words(rule, expr)).collect();
        format!("({})", parts.join(word))
    };
    match expr {
        Expr::Atom(at) => {
            let atom = rule.and_then(|rule| rule.atoms.get(*at));
            atom.map_or_else(String::new, |atom| format!("{} {}", atom.name(), atom.test.words()))
        }
        Expr::Not(inner) => format!("not {}", words(rule, inner)),
        Expr::All(inner) => all(inner, " and "),
        Expr::Any(inner) => all(inner, " or "),
    }
}
