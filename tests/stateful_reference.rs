//! Correlations, derived fields and filters against a reference that is written from their description alone.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints how much it tried"
)]

mod reference;

use reference::correlate::{Alert, alerts};
use reference::generate;
use reference::model::{Files, Log, Place};
use reference::rng::Rng;
use reference::rules::{Condition, Expr, Kind, Op, Rules};
use reference::run::{self, How, PLAIN, WAYS};
use reference::table;

/// How many logs to try: 100,000 of them when `PORTCULLIS_FULL` is set.
fn scale(quick: usize) -> usize {
    if std::env::var_os("PORTCULLIS_FULL").is_some() { quick * 20 } else { quick }
}

/// Logs of one scan.
const BATCH: usize = 250;

/// A finding in a batch: rule, time, places of its records.
type Found = (String, Option<i64>, Vec<Place>);

/// Scans all logs together. Gives, for each, the places of its records in the order of its inputs; and what was found.
fn scan_batch(logs: &[Log], rng: &mut Rng, yaml: &str, how: How) -> (Vec<Vec<Place>>, Vec<Found>) {
    let mut files = Files::new();
    let mut placed: Vec<Vec<(usize, Place)>> = vec![Vec::new(); logs.len()];
    // Logs take turns at random, each keeping its own order.
    let mut turns: Vec<usize> =
        logs.iter().enumerate().flat_map(|(at, log)| vec![at; log.records.len()]).collect();
    rng.shuffle(&mut turns);
    for log in turns {
        let at = placed[log].len();
        let (file, record) = &logs[log].records[at];
        placed[log].push((at, files.push(*file, record)));
    }
    let places = logs
        .iter()
        .zip(&placed)
        .map(|(log, placed)| log.input_order().iter().map(|&at| placed[at].1).collect());
    let places = places.collect();
    let found = run::scan(&files, &run::load(yaml), how);
    let found =
        found.iter().map(|finding| (finding.rule_name.clone(), run::seconds(finding), run::places(finding)));
    (places, found.collect())
}

/// Takes records away for as long as scan and reference still differ, and says what is left.
fn report(rules: &Rules, log: &Log) -> String {
    let differ = |rules: &Rules, log: &Log| {
        let (seen, wanted) = (run::alone(log, &rules.yaml(), PLAIN), alerts(rules, &log.sorted()));
        (seen != wanted).then_some((seen, wanted))
    };
    let mut rules = rules.clone();
    let mut log = log.clone();
    let narrower =
        rules.correlations.iter().map(|of| rules.only(&of.name)).find(|only| differ(only, &log).is_some());
    if let Some(narrower) = narrower {
        rules = narrower;
    }
    let mut at = 0;
    while at < log.records.len() {
        let mut less = log.clone();
        less.records.remove(at);
        if differ(&rules, &less).is_some() { (log, at) = (less, 0) } else { at += 1 }
    }
    let lines: Vec<String> =
        log.records.iter().map(|(file, record)| format!("{file}: {}", record.line())).collect();
    match differ(&rules, &log) {
        None => "the scan differs only when logs are scanned together".to_owned(),
        Some((seen, wanted)) => {
            format!("{}\n{}\nscan: {seen:#?}\nreference: {wanted:#?}", rules.yaml(), lines.join("\n"))
        }
    }
}

fn compare_batch(seed: u64, count: usize) -> usize {
    let mut rng = Rng::new(seed);
    let rules = generate::rules(&mut rng);
    let logs: Vec<Log> = (0..count).map(|number| generate::log(&mut rng, number, 30)).collect();
    let how = WAYS[rng.below(WAYS.len())];
    let (places, mut found) = scan_batch(&logs, &mut rng, &rules.yaml(), how);
    let mut wanted: Vec<Found> = Vec::new();
    for (log, places) in logs.iter().zip(&places) {
        let found_in = |alert: Alert| {
            let mut records: Vec<Place> = alert.records.iter().map(|&at| places[at]).collect();
            records.sort_unstable();
            (alert.rule, alert.time, records)
        };
        wanted.extend(alerts(&rules, &log.sorted()).into_iter().map(found_in));
    }
    found.sort_unstable();
    wanted.sort_unstable();
    if found != wanted {
        let differs = |found: &Found| {
            let place = found.2[0];
            places.iter().position(|places| places.contains(&place))
        };
        let first = found
            .iter()
            .filter(|one| !wanted.contains(one))
            .chain(wanted.iter().filter(|one| !found.contains(one)))
            .find_map(differs);
        let log = first.expect("a log that differs");
        panic!("seed {seed}, log {log}, {how:?}:\n{}", report(&rules, &logs[log]));
    }
    found.len()
}

#[test]
fn correlations_are_what_the_reference_says() {
    let (batches, mut findings) = (scale(3000) / BATCH, 0);
    for seed in 0..batches {
        findings += compare_batch(seed as u64, BATCH);
    }
    println!("{} logs with 14 or more correlations each, {findings} findings", batches * BATCH);
}

/// What a case says, what the reference says and what the scan says are the same.
fn check(what: &str, rules: &Rules, records: &str, expected: &str) {
    let log = table::log(records);
    let wanted = alerts(rules, &log);
    assert_eq!(table::cited(&wanted, "found"), expected, "reference, {what}: {records}");
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
    check("the whole window", &two, "a0~1 a1~1 a2~2 a3~2", "0,2");
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
    check("two of three, all in the window", &count(Op::Gte, 2.0), "a0 b2 c4", "0,1,2");
    check("one alone", &count(Op::Lt, 2.0), "a0 a1 b700 c700 c2000", "0 3 4");
    let rule = |rule| Box::new(Expr::Rule(rule));
    let not_c =
        made(Condition::Expr(Expr::And(Box::new(Expr::And(rule(0), rule(1))), Box::new(Expr::Not(rule(2))))));
    check("a and b and not c", &not_c, "a0 b1", "0,1");
    check("c at the end", &not_c, "a0 b1 c600", "");
    check("c just outside", &not_c, "a0 b1 c601", "0,1");
    check("c before", &not_c, "c0 a1 b2", "1,2");
    check("c of another", &not_c, "a0 b1 c2:x", "0,1");
    let either = made(Condition::Expr(Expr::Or(rule(0), rule(1))));
    check("a or b", &either, "c0 b1 b2", "0,1");
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
        ("a window that begins with another rule's event", "c0 a1 b2 c3 a605 b606 c607", "1,2,3 4,5,6"),
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
    check("the hundredth is the greatest", &percentile(Some(100), 3.0), "a0=4 a1=3 a2=2 a3=1", "1,2,3");
}
