//! The plain evaluation of a rule, and what it can say about it.

use super::{Atom, Expr, Rule, Subject, Test};
use crate::event::{Fields, Scalar};
use crate::finding::Fact;

/// Characters kept of a value that is shown.
const MAX_SHOWN: usize = 512;
/// Values shown of one field.
const MAX_VALUES: usize = 8;
/// Facts of one finding.
const MAX_FACTS: usize = 32;

/// Why a condition holds or not, part by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether it holds.
    pub holds: bool,
    /// What it is: `all of`, `any of`, `not`, or a test in words.
    pub what: String,
    /// For a test: the values seen; empty where the field is absent.
    pub seen: Vec<String>,
    /// For a test: its place in the rule file, line and column.
    pub place: Option<(usize, usize)>,
    /// Its parts.
    pub parts: Vec<Explanation>,
}

impl Rule {
    /// Whether the record matches. The reference: no memory, no sharing.
    pub fn matches(&self, record: &dyn Fields) -> bool {
        self.holds(&self.condition, record)
    }

    fn holds(&self, expr: &Expr, record: &dyn Fields) -> bool {
        self.could(expr, record, &|_| false)
    }

    /// Whether the record could satisfy `expr`, whatever the atoms that are `unknown` come to.
    pub fn could(&self, expr: &Expr, record: &dyn Fields, unknown: &dyn Fn(&Atom) -> bool) -> bool {
        self.bound(expr, record, unknown, true)
    }

    /// The condition with unknown atoms taken for what makes it true (`most`) or false.
    fn bound(&self, expr: &Expr, record: &dyn Fields, unknown: &dyn Fn(&Atom) -> bool, most: bool) -> bool {
        match expr {
            Expr::Atom(at) => {
                self.atoms.get(*at).is_some_and(|atom| if unknown(atom) { most } else { atom.holds(record) })
            }
            Expr::Not(inner) => !self.bound(inner, record, unknown, !most),
            Expr::All(inner) => inner.iter().all(|expr| self.bound(expr, record, unknown, most)),
            Expr::Any(inner) => inner.iter().any(|expr| self.bound(expr, record, unknown, most)),
        }
    }

    /// The facts that make the record match; empty where it does not. What had to be absent comes last.
    pub fn facts(&self, record: &dyn Fields) -> Vec<Fact> {
        let mut facts = Vec::new();
        if self.matches(record) {
            self.collect(&self.condition, true, record, &mut facts);
        }
        facts.sort_by_key(|(wanted, _)| !wanted);
        let mut facts: Vec<Fact> = facts.into_iter().map(|(_, fact)| fact).collect();
        let mut seen = Vec::new();
        facts.retain(|fact| {
            let new = !seen.contains(fact);
            seen.push(fact.clone());
            new
        });
        facts.truncate(MAX_FACTS);
        facts
    }

    /// Gathers the atoms that make `expr` come out as `wanted`.
    fn collect(&self, expr: &Expr, wanted: bool, record: &dyn Fields, facts: &mut Vec<(bool, Fact)>) {
        match expr {
            Expr::Atom(at) => {
                facts.extend(self.atoms.get(*at).map(|atom| (wanted, atom.fact(record, wanted))));
            }
            Expr::Not(inner) => self.collect(inner, !wanted, record, facts),
            Expr::All(inner) | Expr::Any(inner) => {
                let of_interest = inner.iter().filter(|expr| self.holds(expr, record) == wanted);
                let one_is_enough = matches!(expr, Expr::All(_)) != wanted;
                let enough = if one_is_enough { 1 } else { usize::MAX };
                of_interest.take(enough).for_each(|expr| self.collect(expr, wanted, record, facts));
            }
        }
    }

    /// Why the record matches or does not, atom by atom.
    pub fn explain(&self, record: &dyn Fields) -> Explanation {
        self.explain_expr(&self.condition, record)
    }

    fn explain_expr(&self, expr: &Expr, record: &dyn Fields) -> Explanation {
        let parts = |inner: &[Expr]| inner.iter().map(|expr| self.explain_expr(expr, record)).collect();
        let (what, parts) = match expr {
            Expr::Atom(at) => match self.atoms.get(*at) {
                Some(atom) => return atom.explain(record),
                None => (String::new(), Vec::new()),
            },
            Expr::Not(inner) => ("not".to_owned(), vec![self.explain_expr(inner, record)]),
            Expr::All(inner) => ("all of".to_owned(), parts(inner)),
            Expr::Any(inner) => ("any of".to_owned(), parts(inner)),
        };
        Explanation { holds: self.holds(expr, record), what, seen: Vec::new(), place: None, parts }
    }
}

impl Atom {
    fn holds(&self, record: &dyn Fields) -> bool {
        let mut holds = false;
        match (&self.subject, self.test.other_field()) {
            (Subject::Record, _) => record.all_values(&mut |value| holds |= self.test.eval(value)),
            (Subject::Derived { at, sub, .. }, _) => {
                record.derived(*at, *sub, &mut |value| holds |= self.test.eval(value));
            }
            (Subject::Field(name), None) => record.values(name, &mut |value| holds |= self.test.eval(value)),
            (Subject::Field(name), Some(other)) => record.own_values(name, &mut |value| {
                record.own_values(other, &mut |other| holds |= self.test.eval_pair(value, other));
            }),
        }
        holds
    }

    /// The field that it looks at.
    pub(crate) fn name(&self) -> &str {
        match &self.subject {
            Subject::Field(name) | Subject::Derived { name, .. } => name,
            Subject::Record => "keywords",
        }
    }

    /// Values of the subject: those that pass first.
    fn seen(&self, record: &dyn Fields) -> Vec<String> {
        let (mut passing, mut others) = (Vec::new(), Vec::new());
        let mut sort = |value: Scalar<'_>| {
            let list = if self.test.eval(value) { &mut passing } else { &mut others };
            list.push(shown(value));
        };
        match &self.subject {
            Subject::Field(name) => record.values(name, &mut sort),
            Subject::Derived { at, sub, .. } => record.derived(*at, *sub, &mut sort),
            Subject::Record => {}
        }
        passing.append(&mut others);
        passing.truncate(MAX_VALUES);
        passing
    }

    fn fact(&self, record: &dyn Fields, wanted: bool) -> Fact {
        let words = self.test.words();
        let expected = match (&self.test, wanted) {
            (_, true) => words,
            (Test::Exists, false) => "does not exist".to_owned(),
            (_, false) => format!("not: {words}"),
        };
        let note = match &self.subject {
            Subject::Derived { at, .. } => record.note(*at),
            _ => None,
        };
        Fact { field: self.name().to_owned(), seen: self.seen(record).into_iter().next(), expected, note }
    }

    fn explain(&self, record: &dyn Fields) -> Explanation {
        Explanation {
            holds: self.holds(record),
            what: format!("{}: {} {}", self.search, self.name(), self.test.words()),
            seen: self.seen(record),
            place: Some((self.span.line, self.span.column)),
            parts: Vec::new(),
        }
    }
}

fn shown(value: Scalar<'_>) -> String {
    match value {
        Scalar::Null => "null".to_owned(),
        Scalar::Container => "(an object or an empty list)".to_owned(),
        _ => value.text().unwrap_or_default().chars().take(MAX_SHOWN).collect(),
    }
}
