//! Which candidates need not wait: what a worker has noted by itself already decides them.
//!
//! Facts only grow. Once a value was seen before a record, it is not new for that record whatever other workers find;
//! an account that was active yesterday has not been silent for ninety days.

use crate::derive::Known;
use crate::event::{Scalar, SubField};
use crate::rule::derive::{DAY, Derivation, Kind};
use crate::rule::{Comparison, Expr, Rule, Subject, Test};

/// Whether the rule surely does not match a record of this time. `condition` is the rule's, without what the record alone
/// decides; `known` tells what is known for each derivation.
pub(super) fn is_ruled_out(
    rule: &Rule,
    condition: &Expr,
    time: i64,
    known: &mut dyn FnMut(usize) -> Known,
) -> bool {
    truth(rule, condition, time, known) == Some(false)
}

fn truth(rule: &Rule, expr: &Expr, time: i64, known: &mut dyn FnMut(usize) -> Known) -> Option<bool> {
    match expr {
        Expr::Atom(at) => {
            let atom = rule.atoms.get(*at)?;
            let Subject::Derived { at, sub, .. } = &atom.subject else { return None };
            bound(rule.derived.get(*at)?, *sub, &atom.test, time, known(*at))
        }
        Expr::Not(inner) => truth(rule, inner, time, known).map(|truth| !truth),
        Expr::All(inner) => join(rule, inner, time, known, false),
        Expr::Any(inner) => join(rule, inner, time, known, true),
    }
}

fn join(
    rule: &Rule,
    inner: &[Expr],
    time: i64,
    known: &mut dyn FnMut(usize) -> Known,
    decides: bool,
) -> Option<bool> {
    let mut unknown = false;
    for expr in inner {
        match truth(rule, expr, time, known) {
            Some(truth) if truth == decides => return Some(decides),
            Some(_) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(!decides)
}

/// What is sure of a test.
fn bound(derivation: &Derivation, sub: SubField, test: &Test, time: i64, known: Known) -> Option<bool> {
    if known.absent {
        return Some(false);
    }
    match (&derivation.kind, sub) {
        (Kind::UsualHours { .. }, SubField::IsUsual) if known.usual => {
            // The value is `true`, or absent where history is too short: then no test holds.
            let enough =
                known.since.is_some_and(|since| time.saturating_sub(since) >= derivation.min_history);
            if test.eval(Scalar::Bool(true)) { enough.then_some(true) } else { Some(false) }
        }
        (Kind::FirstSeen { .. }, SubField::IsNew) => {
            let since = time.saturating_sub(known.seen?);
            // The value is `false`, or absent where history is too short: then no test holds.
            let passes = test.eval(Scalar::Bool(false));
            if passes { (since >= derivation.min_history).then_some(true) } else { Some(false) }
        }
        (Kind::FirstSeen { .. }, SubField::AgeDays) => {
            too_great(test, days(time.saturating_sub(known.seen?))).then_some(false)
        }
        (Kind::Dormant, SubField::Days) => {
            too_small(test, days(time.saturating_sub(known.active?))).then_some(false)
        }
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "days of a century are exact")]
fn days(nanos: i64) -> f64 {
    (nanos / DAY) as f64
}

/// No number from `least` on passes.
fn too_great(test: &Test, least: f64) -> bool {
    match test {
        Test::Number { comparison: Comparison::Less, value } => least >= *value,
        Test::Number { comparison: Comparison::LessOrEqual | Comparison::Equal, value }
        | Test::NumberText { value, .. } => least > *value,
        _ => false,
    }
}

/// No number up to `most` passes.
fn too_small(test: &Test, most: f64) -> bool {
    match test {
        Test::Number { comparison: Comparison::Greater, value } => most <= *value,
        Test::Number { comparison: Comparison::GreaterOrEqual | Comparison::Equal, value }
        | Test::NumberText { value, .. } => most < *value,
        _ => false,
    }
}
