//! Which candidates need not wait: what a worker has noted by itself already decides them.
//!
//! Facts only grow. Once a value was seen before a record, it is not new for that record whatever other workers find;
//! an account that was active yesterday has not been silent for ninety days.

use crate::derive::{Known, days_between};
use crate::event::{Scalar, SubField};
use crate::rule::derive::{Derivation, Kind};
use crate::rule::{Comparison, Expr, Rule, Subject, Test};

/// Whether the rule surely does not match a record of this time. `condition` is the rule's, without what the record alone
/// decides; `known` tells what is known for each derivation.
pub(super) fn is_ruled_out(
    rule: &Rule,
    condition: &Expr,
    time: i64,
    known: &mut dyn FnMut(usize) -> Known,
) -> bool {
    let mut sure = |at: usize| {
        let atom = rule.atoms.get(at)?;
        let Subject::Derived { at, sub, .. } = &atom.subject else { return None };
        bound(rule.derived.get(*at)?, *sub, &atom.test, time, known(*at))
    };
    condition.truth(&mut sure) == Some(false)
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
            too_great(test, days_between(known.seen?, time)).then_some(false)
        }
        // What was seen at all was seen on a day.
        (Kind::FirstSeen { .. }, SubField::SeenDays) => {
            known.seen.filter(|_| too_great(test, 1.0)).map(|_| false)
        }
        (Kind::Dormant, SubField::Days) => {
            too_small(test, days_between(known.active?, time)).then_some(false)
        }
        _ => None,
    }
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
