//! Correlations as a test thinks of them, and how they are written.

use std::fmt::Write;

use super::derive::Declaration;
use super::model::{Record, digest};
use super::probe::Test;

/// A rule for single records: those whose action is one of these.
#[derive(Debug, Clone)]
pub struct Base {
    pub name: String,
    pub actions: Vec<&'static str>,
    pub filter: Option<Filter>,
    /// A test of a derived field that has to hold too.
    pub usual: Option<Usual>,
}

/// A derived field, its sub-field, and what is asked of it.
#[derive(Debug, Clone)]
pub struct Usual {
    pub declaration: Declaration,
    pub sub: &'static str,
    pub test: Test,
}

/// What a filter adds to a rule.
#[derive(Debug, Clone)]
pub struct Filter {
    /// The selection: this address.
    pub ip: &'static str,
    /// Whether the selection is left out, or all that is left in.
    pub not: bool,
    /// The day from which it ends, in seconds.
    pub expires: Option<i64>,
}

impl Base {
    /// Whether a record of a log matches.
    pub fn matches(&self, log: &[Record], at: usize) -> bool {
        let record = &log[at];
        let usual = |usual: &Usual| {
            let values = usual.declaration.values(log, at);
            usual.test.finds(values.get(usual.sub)).is_some()
        };
        self.actions.contains(&record.action.as_str())
            && self.filter.as_ref().is_none_or(|filter| {
                let ended = filter.expires.is_some_and(|day| record.time.is_some_and(|time| time >= day));
                let same = record.ip.as_ref().is_some_and(|ip| ip.eq_ignore_ascii_case(filter.ip));
                ended || same != filter.not
            })
            && self.usual.as_ref().is_none_or(usual)
    }

    fn id(&self) -> String {
        let mut id = digest(&self.name);
        id.truncate(32);
        [(8, '-'), (13, '-'), (18, '-'), (23, '-')].into_iter().for_each(|(at, dash)| id.insert(at, dash));
        id
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    EventCount,
    ValueCount(&'static str),
    Temporal,
    Ordered,
    Sum(&'static str),
    Average(&'static str),
    /// The field, and the percentile where it is written.
    Percentile(&'static str, Option<u32>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Gt,
    Gte,
    Lt,
    Lte,
    Eq,
    Neq,
}

pub const OPS: [Op; 6] = [Op::Gt, Op::Gte, Op::Lt, Op::Lte, Op::Eq, Op::Neq];

impl Op {
    pub fn holds(self, seen: f64, wanted: f64) -> bool {
        match self {
            Self::Gt => seen > wanted,
            Self::Gte => seen >= wanted,
            Self::Lt => seen < wanted,
            Self::Lte => seen <= wanted,
            Self::Eq => (seen - wanted).abs() < 1e-9,
            Self::Neq => (seen - wanted).abs() >= 1e-9,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Eq => "eq",
            Self::Neq => "neq",
        }
    }
}

/// An expression over the rules of a correlation, by their place in its list.
#[derive(Debug, Clone)]
pub enum Expr {
    Rule(usize),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
}

impl Expr {
    /// Truth, as far as it is known which rules are seen.
    pub fn holds(&self, seen: &dyn Fn(usize) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Rule(rule) => seen(*rule),
            Self::Not(of) => of.holds(seen).map(|holds| !holds),
            Self::And(left, right) => match (left.holds(seen), right.holds(seen)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Or(left, right) => match (left.holds(seen), right.holds(seen)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        }
    }

    /// Whether it names the rule other than to have it absent.
    pub fn asks_for(&self, rule: usize) -> bool {
        match self {
            Self::Rule(of) => *of == rule,
            // Nothing but a rule's name is negated here.
            Self::Not(_) => false,
            Self::And(left, right) | Self::Or(left, right) => left.asks_for(rule) || right.asks_for(rule),
        }
    }

    pub fn negates(&self) -> bool {
        match self {
            Self::Rule(_) => false,
            Self::Not(_) => true,
            Self::And(left, right) | Self::Or(left, right) => left.negates() || right.negates(),
        }
    }

    fn text(&self, names: &[String]) -> String {
        match self {
            Self::Rule(rule) => names[*rule].clone(),
            Self::Not(of) => format!("not {}", of.text(names)),
            Self::And(left, right) => format!("({} and {})", left.text(names), right.text(names)),
            Self::Or(left, right) => format!("({} or {})", left.text(names), right.text(names)),
        }
    }
}

#[derive(Debug, Clone)]
pub enum Condition {
    /// None is written.
    Default,
    /// All comparisons have to hold.
    Count(Vec<(Op, f64)>),
    Expr(Expr),
}

impl Condition {
    pub fn at_least(count: u32) -> Self {
        Self::Count(vec![(Op::Gte, f64::from(count))])
    }

    /// Whether more events can only help, and the first that are enough are cited.
    pub fn is_lower_bound(&self) -> bool {
        matches!(self, Self::Count(all) if all.iter().all(|(op, _)| matches!(op, Op::Gt | Op::Gte)))
    }

    pub fn count_holds(&self, seen: f64) -> bool {
        match self {
            Self::Count(all) => all.iter().all(|&(op, wanted)| op.holds(seen, wanted)),
            _ => panic!("no count"),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Alias {
    pub name: &'static str,
    /// A rule's place in the list, and the field that stands for the alias there.
    pub fields: Vec<(usize, &'static str)>,
}

#[derive(Debug, Clone)]
pub struct Correlation {
    pub name: String,
    pub kind: Kind,
    /// Names of rules or of other correlations.
    pub rules: Vec<String>,
    pub group_by: Vec<&'static str>,
    pub aliases: Vec<Alias>,
    /// Seconds.
    pub span: i64,
    pub condition: Condition,
    pub generate: bool,
}

/// A set of rules that are loaded together.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub bases: Vec<Base>,
    pub correlations: Vec<Correlation>,
}

impl Rules {
    pub fn correlation(&self, name: &str) -> Option<&Correlation> {
        self.correlations.iter().find(|correlation| correlation.name == name)
    }

    /// Whether a rule gives findings: no correlation names it, or one that does says `generate`.
    pub fn is_shown(&self, name: &str) -> bool {
        let mut users = self.correlations.iter().filter(|user| user.rules.iter().any(|rule| rule == name));
        let used = users.clone().next().is_some();
        !used || users.any(|user| user.generate)
    }

    /// This correlation, and what it is made of.
    pub fn only(&self, name: &str) -> Self {
        let mut wanted = vec![name.to_owned()];
        let mut at = 0;
        while at < wanted.len() {
            if let Some(correlation) = self.correlation(&wanted[at]) {
                wanted.extend(correlation.rules.iter().cloned());
            }
            at += 1;
        }
        let mut only = self.clone();
        only.bases.retain(|base| wanted.contains(&base.name));
        only.correlations.retain(|correlation| wanted.contains(&correlation.name));
        only
    }

    /// As YAML documents, correlations before what they name.
    pub fn yaml(&self) -> String {
        let correlations = self.correlations.iter().rev().map(Correlation::yaml);
        let bases = self.bases.iter().map(Base::yaml);
        correlations.chain(bases).collect::<Vec<_>>().join("---\n")
    }
}

impl Base {
    pub fn yaml(&self) -> String {
        let (Self { name, actions, .. }, id) = (self, self.id());
        let (searches, condition, block) = match &self.usual {
            None => (String::new(), "sel", String::new()),
            Some(Usual { declaration, sub, test }) => {
                (declaration.searches(&test.text(sub)), "sel and probe", declaration.block())
            }
        };
        let mut out = format!(
            "title: Rule {name}\nid: {id}\nname: {name}\nlogsource:\n    category: saas_audit\n\
             detection:\n    sel:\n        event.action: [{}]\n{searches}    condition: {condition}\nlevel: low\n{block}",
            actions.join(", ")
        );
        if let Some(Filter { ip, not, expires }) = &self.filter {
            let not = if *not { "not " } else { "" };
            write!(
                out,
                "---\ntitle: Filter of {name}\nlogsource:\n    category: saas_audit\nfilter:\n    \
                 rules: [{id}]\n    selection:\n        source.ip: '{ip}'\n    condition: {not}selection\n"
            )
            .unwrap();
            if let Some(day) = expires {
                let day = jiff::Timestamp::from_second(*day).unwrap().strftime("%F").to_string();
                writeln!(out, "x-portcullis:\n    expires: {day}").unwrap();
            }
        }
        out
    }
}

impl Correlation {
    pub fn yaml(&self) -> String {
        let (kind, field, percentile) = match self.kind {
            Kind::EventCount => ("event_count", None, None),
            Kind::ValueCount(field) => ("value_count", Some(field), None),
            Kind::Temporal => ("temporal", None, None),
            Kind::Ordered => ("temporal_ordered", None, None),
            Kind::Sum(field) => ("value_sum", Some(field), None),
            Kind::Average(field) => ("value_avg", Some(field), None),
            Kind::Percentile(field, percentile) => ("value_percentile", Some(field), percentile),
        };
        let name = &self.name;
        let mut out = format!("title: Correlation {name}\nname: {name}\ncorrelation:\n    type: {kind}\n");
        writeln!(out, "    rules: [{}]", self.rules.join(", ")).unwrap();
        if !self.group_by.is_empty() {
            writeln!(out, "    group-by: [{}]", self.group_by.join(", ")).unwrap();
        }
        if !self.aliases.is_empty() {
            out.push_str("    aliases:\n");
        }
        for alias in &self.aliases {
            writeln!(out, "        {}:", alias.name).unwrap();
            for (rule, field) in &alias.fields {
                writeln!(out, "            {}: {field}", self.rules[*rule]).unwrap();
            }
        }
        writeln!(out, "    timespan: {}s", self.span).unwrap();
        match &self.condition {
            Condition::Default => {}
            Condition::Expr(expr) => writeln!(out, "    condition: {}", expr.text(&self.rules)).unwrap(),
            Condition::Count(all) => {
                out.push_str("    condition:\n");
                if let Some(field) = field {
                    writeln!(out, "        field: {field}").unwrap();
                }
                if let Some(percentile) = percentile {
                    writeln!(out, "        percentile: {percentile}").unwrap();
                }
                all.iter().for_each(|(op, wanted)| writeln!(out, "        {}: {wanted}", op.name()).unwrap());
            }
        }
        if self.generate {
            out.push_str("generate: true\n");
        }
        out.push_str("level: high\n");
        out
    }
}
