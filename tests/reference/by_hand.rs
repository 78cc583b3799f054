//! Each type of correlation: inside, at the edge, outside, reversed, late, repeated, incomplete.

use super::correlate::alerts;
use super::rules::{Condition, Expr, Kind, Op, Rules};
use super::{run, table};

/// What a case says, what the reference says and what the scan says are the same.
pub fn check(what: &str, rules: &Rules, records: &str, expected: &str) {
    let log = table::log(records);
    let wanted = alerts(rules, &log);
    assert_eq!(table::cited(&wanted, "found"), expected, "reference, {what}: {records}");
    for alert in &wanted {
        let last = alert.records.iter().filter_map(|&at| log[at].time).max();
        assert_eq!(alert.time, last, "time of the last event cited, {what}: {records}");
    }
    let seen = run::of(&log, &rules.yaml());
    assert_eq!(seen, wanted, "scan, {what}: {records}\n{}", rules.yaml());
}

#[test]
fn event_count_by_hand() {
    let at_least_3 = table::rules(vec![table::correlation(Kind::EventCount, "a", Condition::at_least(3))]);
    for (what, records, expected) in [
        ("inside", "a0 a300 a599", "0,1,2"),
        ("exactly at the end", "a0 a300 a600", "0,1,2"),
        ("outside by a second", "a0 a300 a601", ""),
        ("the second window is enough", "a0 a300 a601 a900", "1,2,3"),
        ("reversed", "a600 a300 a0", "0,1,2"),
        ("late arrival", "a0 a600 a300", "0,1,2"),
        ("too few", "a0 a1", ""),
        ("another rule's events", "a0 a1 b2", ""),
        ("other actors", "a0 a1:x a2:y a3:x", ""),
        ("two actors", "a0 a1:x a2 a3:x a4 a5:x", "0,2,4 1,3,5"),
        ("the same actor in capitals", "a0:jim a1:JIM a2:Jim", "0,1,2"),
        ("without an actor", "a0:none a1:none a2:none", ""),
        ("one without an actor", "a0 a1:none a2", ""),
        ("without a time", "a- a- a- a0 a1", ""),
        ("the same record thrice", "a0 a0 a0", "0,1,2"),
        ("the first that are enough", "a0 a1 a2 a3 a4", "0,1,2"),
        ("equal times, order of arrival", "a5 a5 a5 a5", "0,1,2"),
        ("one alert for a window", "a0 a1 a2 a300 a301 a600", "0,1,2"),
        ("the next after the window's end", "a0 a1 a2 a600 a601 a602 a603", "0,1,2 4,5,6"),
        ("what the first window took begins no other", "a0 a1 a2 a601 a602", "0,1,2"),
        ("no records", "", ""),
    ] {
        check(what, &at_least_3, records, expected);
    }
}

#[test]
fn conditions_by_hand() {
    let log = "a0 a10 a20 a30 a1000 a1010 a2000";
    for (condition, expected) in [
        (vec![(Op::Gt, 2.0)], "0,1,2"),
        (vec![(Op::Gte, 2.0)], "0,1 4,5"),
        (vec![(Op::Lt, 2.0)], "3 5 6"),
        (vec![(Op::Lte, 2.0)], "2,3 4,5 6"),
        (vec![(Op::Eq, 4.0)], "0,1,2,3"),
        (vec![(Op::Eq, 3.0)], "1,2,3"),
        (vec![(Op::Neq, 4.0)], "1,2,3 4,5 6"),
        (vec![(Op::Gt, 1.0), (Op::Lte, 3.0)], "1,2,3 4,5"),
        (vec![(Op::Gte, 2.0), (Op::Lt, 3.0)], "2,3 4,5"),
    ] {
        let what = format!("{condition:?}");
        let rules = vec![table::correlation(Kind::EventCount, "a", Condition::Count(condition))];
        check(&what, &table::rules(rules), log, expected);
    }
}

#[test]
fn value_count_by_hand() {
    let made =
        |condition| table::rules(vec![table::correlation(Kind::ValueCount("source.ip"), "a b", condition)]);
    let at_least_2 = made(Condition::at_least(2));
    for (what, records, expected) in [
        ("inside", "a0~1 a599~2", "0,1"),
        ("exactly at the end", "a0~1 b600~2", "0,1"),
        ("outside by a second", "a0~1 a601~2", ""),
        ("reversed", "a600~1 a0~2", "0,1"),
        ("one value", "a0~1 a1~1 a2~1", ""),
        ("the first of each value", "a0~1 a1~1 a2~2 a3~3", "0,2"),
        ("other actors", "a0~1 a1~2:x", ""),
        ("without the value", "a0 a1~1 a2 a3~1", ""),
        ("duplicates", "a0~1 a0~1 a0~2 a0~2", "0,2"),
        ("after the window", "a0~1 a1~2 a600~3 a601~4 a602~5", "0,1 3,4"),
    ] {
        check(what, &at_least_2, records, expected);
    }
    let two = made(Condition::Count(vec![(Op::Eq, 2.0)]));
    check("the whole window", &two, "a0~1 a1~1 a2~2 a3~2", "0,1,2,3");
    check("too many", &two, "a0~1 a1~2 a2~3", "1,2");
}

#[test]
fn temporal_by_hand() {
    let made = |condition| table::rules(vec![table::correlation(Kind::Temporal, "a b c", condition)]);
    for (what, records, expected) in [
        ("inside", "a0 b1 c599", "0,1,2"),
        ("exactly at the end", "a0 b1 c600", "0,1,2"),
        ("outside by a second", "a0 b1 c601", ""),
        ("any order", "c0 a1 b2", "0,1,2"),
        ("late arrival", "a2 b1 c0", "0,1,2"),
        ("one is missing", "a0 b1 b2", ""),
        ("other actor", "a0 b1 c2:x", ""),
        ("the first of each", "a0 a1 b2 b3 c4 c5", "0,2,4"),
        ("equal times", "a0 b0 c0", "0,1,2"),
        ("duplicates", "a0 a0 b0 b0 c0 c0", "0,2,4"),
        ("a later window", "a0 b1 c601 b602", ""),
        ("a later window that is enough", "a0 b1 a2 c601 b602", "1,2,3"),
        ("without a time", "a0 b1 c-", ""),
    ] {
        check(what, &made(Condition::Default), records, expected);
    }
    let count = |op, count| made(Condition::Count(vec![(op, count)]));
    check("two of three", &count(Op::Gte, 2.0), "a0 a1 b2", "0,2");
    check("two of three, all in the window", &count(Op::Gte, 2.0), "a0 b2 c4", "0,1");
    check("one alone", &count(Op::Lt, 2.0), "a0 a1 b700 c700 c2000", "0,1 3 4");
    let rule = |rule| Box::new(Expr::Rule(rule));
    let not_c =
        made(Condition::Expr(Expr::And(Box::new(Expr::And(rule(0), rule(1))), Box::new(Expr::Not(rule(2))))));
    check("a and b and not c", &not_c, "a0 b1 d600", "0,1");
    check("not yet known whether c", &not_c, "a0 b1 d599", "");
    check("c at the end", &not_c, "a0 b1 c600", "");
    check("c just outside", &not_c, "a0 b1 c601", "0,1");
    check("c after b, known by a later record", &not_c, "a0 b1 c2 a1000 b1001 d1600", "3,4");
    check("c before", &not_c, "c0 a1 b2 d601", "1,2");
    check("c of another", &not_c, "a0 b1 c2:x d600", "0,1");
    let either = made(Condition::Expr(Expr::Or(rule(0), rule(1))));
    check("a or b", &either, "c0 b1 b2", "1");
}

#[test]
fn temporal_ordered_by_hand() {
    let ordered = table::rules(vec![table::correlation(Kind::Ordered, "a b c", Condition::Default)]);
    for (what, records, expected) in [
        ("inside", "a0 b1 c599", "0,1,2"),
        ("exactly at the end", "a0 b1 c600", "0,1,2"),
        ("outside by a second", "a0 b1 c601", ""),
        ("the wrong order", "a0 c1 b2", ""),
        ("the wrong order, later the right one", "a0 c1 b2 c3", "0,2,3"),
        ("late arrival", "c2 b1 a0", "0,1,2"),
        ("other actor", "a0 b1:x c2", ""),
        ("the next of each", "a0 a1 b2 b3 c4", "0,2,4"),
        ("equal times, order of arrival", "a0 b0 c0", "0,1,2"),
        ("equal times, the wrong order of arrival", "b0 a0 c0", ""),
        ("a later one is enough", "a0 a100 b101 c650", "1,2,3"),
        ("two windows", "a0 b1 c2 a601 b602 c603", "0,1,2 3,4,5"),
        ("events of other rules begin no window", "b0 a1 b2 c3 a601 b602 c603 a604 b605 c606", "1,2,3 7,8,9"),
    ] {
        check(what, &ordered, records, expected);
    }
}

#[test]
fn values_by_hand() {
    let made =
        |kind, condition| table::rules(vec![table::correlation(kind, "a", Condition::Count(condition))]);
    let sum = made(Kind::Sum("details.n"), vec![(Op::Gte, 10.0)]);
    for (what, records, expected) in [
        ("inside", "a0=4 a1=6", "0,1"),
        ("exactly at the end", "a0=4 a600=6", "0,1"),
        ("outside by a second", "a0=4 a601=6", ""),
        ("all of the window", "a0=4 a1=6 a2=1 a600=7", "0,1,2,3"),
        ("reversed", "a600=4 a0=6", "0,1"),
        ("less in all", "a0=12 a1=-4", ""),
        ("what is no number", "a0=4 a1=\"x\" a2=null a3 a4=6", "0,4"),
        ("fractions", "a0=9.5 a1=0.5", "0,1"),
        ("other actor", "a0=4 a1=6:x", ""),
        ("duplicates", "a0=5 a0=5", "0,1"),
    ] {
        check(what, &sum, records, expected);
    }
    check("after a number that hides others", &sum, "a0=-1e20 a1=5 a2=5", "1,2");
    check("after numbers without a sum", &sum, "a0=-1e308 a1=-1e308 a2=5 a3=5", "2,3");
    let average = made(Kind::Average("details.n"), vec![(Op::Gt, 5.0)]);
    check("average", &average, "a0=4 a1=8", "0,1");
    check("average at the limit", &average, "a0=4 a1=6", "1");
    check("average of those that are numbers", &average, "a0=6 a1 a2=6", "0,2");
    let percentile =
        |percentile, limit| made(Kind::Percentile("details.n", percentile), vec![(Op::Lte, limit)]);
    check("median of three", &percentile(None, 2.0), "a0=3 a1=1 a2=2", "0,1,2");
    check("median of four is the second", &percentile(None, 2.0), "a0=4 a1=3 a2=2 a3=1", "0,1,2,3");
    check("nearest rank", &percentile(Some(51), 2.0), "a0=4 a1=3 a2=1 a3=2", "1,2,3");
    check("the first percentile is the least", &percentile(Some(1), 1.0), "a0=4 a1=3 a2=2 a3=1", "0,1,2,3");
    let numbers: Vec<String> = (1..=25).map(|n| format!("a{n}={n}")).collect();
    let seventh = made(Kind::Percentile("details.n", Some(28)), vec![(Op::Gte, 7.0), (Op::Lt, 8.0)]);
    let all: Vec<String> = (0..25).map(|at| at.to_string()).collect();
    check("a rank that is whole", &seventh, &numbers.join(" "), &all.join(","));
    check("the hundredth is the greatest", &percentile(Some(100), 3.0), "a0=4 a1=3 a2=2 a3=1", "1,2,3");
}
