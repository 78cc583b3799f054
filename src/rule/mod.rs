//! Sigma rules: read, checked, matched.
//!
//! A rule file becomes a [`Rule`]: positive tests on fields (its *atoms*) and a condition over them. [`Rule::matches`]
//! is the plain reference; the scan compiles all rules together and must come to the same.

mod condition;
pub mod correlation;
pub mod derive;
mod detection;
mod document;
mod explain;
mod filter;
mod hint;
mod link;
mod load;
mod matcher;
mod modifier;
mod placeholder;
pub mod sample;
mod test;
mod text;
pub mod threshold;
mod yaml;

use std::path::PathBuf;

use serde::Serialize;

pub use correlation::Correlation;
pub use derive::Derivation;
pub use explain::Explanation;
pub use filter::Filter;
pub use hint::nearest;
pub use load::{
    About, Loaded, RuleError, load, load_embedded, load_embedded_tuned, load_tuned, parse_document,
    read_placeholders,
};
pub(crate) use matcher::set;
pub use matcher::{FieldMatcher, Scratch};
pub use placeholder::Placeholders;
pub use sample::Samples;
pub use test::{Comparison, DatePart, Relation, Test};
pub use text::{Part, Pattern};
pub use yaml::Span;

/// Severity of a rule, after Sigma's `level`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For enrichment; expected in numbers.
    Informational,
    /// Notable, rarely an incident.
    Low,
    /// To be reviewed.
    #[default]
    Medium,
    /// To be reviewed promptly.
    High,
    /// Borders on certainty.
    Critical,
}

impl Level {
    /// All levels, the least serious first.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The score of a finding that has no history behind it, 10 to 90.
    pub fn score(self) -> u8 {
        match self {
            Self::Informational => 10,
            Self::Low => 25,
            Self::Medium => 50,
            Self::High => 75,
            Self::Critical => 90,
        }
    }

    /// Its name, as rules and the command line spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The level of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// What a rule says about itself.
#[derive(Debug, Clone, Default)]
pub struct Meta {
    /// Its `id`.
    pub id: Option<String>,
    /// Its `name`, else its file's stem.
    pub name: String,
    /// Its `title`.
    pub title: String,
    /// Its `description`.
    pub description: Option<String>,
    /// Its `status`.
    pub status: Option<String>,
    /// Its `author`.
    pub author: Option<String>,
    /// Its `license`.
    pub license: Option<String>,
    /// Its `date`.
    pub date: Option<String>,
    /// Its `modified`.
    pub modified: Option<String>,
    /// Its `references`.
    pub references: Vec<String>,
    /// Its `tags`.
    pub tags: Vec<String>,
    /// Its `falsepositives`.
    pub falsepositives: Vec<String>,
    /// Its `level`; medium where it gives none, so that it is neither hidden nor alarming.
    pub level: Level,
}

/// The log a rule is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSource {
    /// Its `category`.
    pub category: Option<String>,
    /// Its `product`.
    pub product: Option<String>,
    /// Its `service`.
    pub service: Option<String>,
    /// Its `definition`, for people.
    pub definition: Option<String>,
}

impl LogSource {
    /// Whether a rule with this log source is for a source with that one: every key the rule gives is equal, case
    /// aside.
    pub fn accepts(&self, source: &Self) -> bool {
        let same = |wanted: &Option<String>, has: &Option<String>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| has.as_ref().is_some_and(|has| wanted.eq_ignore_ascii_case(has)))
        };
        same(&self.category, &source.category)
            && same(&self.product, &source.product)
            && same(&self.service, &source.service)
    }
}

/// What a test looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A field.
    Field(String),
    /// Every value of the record and its raw text: keywords.
    Record,
    /// A value that depends on what came before.
    Derived {
        /// Index into the rule's derivations.
        at: usize,
        /// Which of its values.
        sub: derive::SubField,
        /// What the rule calls it.
        name: String,
    },
}

/// One test of a rule.
#[derive(Debug, Clone)]
pub struct Atom {
    /// What it looks at.
    pub subject: Subject,
    /// What it asks.
    pub test: Test,
    /// The search identifier it stands in.
    pub search: String,
    /// Where it stands in the file.
    pub span: Span,
}

/// A condition over a rule's atoms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// An atom, by index.
    Atom(usize),
    /// Negation.
    Not(Box<Expr>),
    /// All of them; true where there are none.
    All(Vec<Expr>),
    /// Any of them; false where there are none.
    Any(Vec<Expr>),
}

impl Expr {
    /// The same over atoms that stand `offset` further on.
    pub(crate) fn shifted(&self, offset: usize) -> Self {
        let all = |inner: &[Self]| inner.iter().map(|expr| expr.shifted(offset)).collect();
        match self {
            Self::Atom(at) => Self::Atom(at + offset),
            Self::Not(inner) => Self::Not(Box::new(inner.shifted(offset))),
            Self::All(inner) => Self::All(all(inner)),
            Self::Any(inner) => Self::Any(all(inner)),
        }
    }

    /// The truth of the expression where some atoms are known and others (`None`) are not.
    pub(crate) fn truth(&self, known: &mut dyn FnMut(usize) -> Option<bool>) -> Option<bool> {
        let (inner, decides) = match self {
            Self::Atom(at) => return known(*at),
            Self::Not(inner) => return inner.truth(known).map(|truth| !truth),
            Self::All(inner) => (inner, false),
            Self::Any(inner) => (inner, true),
        };
        let mut unknown = false;
        for expr in inner {
            match expr.truth(known) {
                Some(truth) if truth == decides => return Some(decides),
                Some(_) => {}
                None => unknown = true,
            }
        }
        (!unknown).then_some(!decides)
    }

    /// Nodes of the tree.
    pub fn size(&self) -> usize {
        match self {
            Self::Atom(_) => 1,
            Self::Not(inner) => 1 + inner.size(),
            Self::All(inner) | Self::Any(inner) => 1 + inner.iter().map(Self::size).sum::<usize>(),
        }
    }
}

/// A detection rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What it says about itself.
    pub meta: Meta,
    /// The log it is for.
    pub logsource: LogSource,
    /// Its tests.
    pub atoms: Vec<Atom>,
    /// Its condition over them.
    pub condition: Expr,
    /// Its derived fields.
    pub derived: Vec<Derivation>,
    /// Records it must and must not match.
    pub samples: Samples,
    /// What a responder does first.
    pub response: Option<String>,
    /// Where it was read from.
    pub file: PathBuf,
    /// Gives no findings of its own: it is part of correlations that did not ask for them.
    pub silent: bool,
}

impl Rule {
    /// What findings call it: its id, else its name.
    pub fn key(&self) -> &str {
        self.meta.key()
    }

    /// Whether some test reads a value that depends on what came before.
    pub fn is_stateful(&self) -> bool {
        self.atoms.iter().any(Atom::is_derived)
    }
}

impl Atom {
    /// Whether it reads a value that depends on what came before.
    pub fn is_derived(&self) -> bool {
        matches!(self.subject, Subject::Derived { .. })
    }
}

impl Meta {
    /// What findings call a rule: its id, else its name.
    pub fn key(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.name)
    }
}
