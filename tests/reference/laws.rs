//! What holds of every log, whatever is found in it: arrival does not matter, and findings rest on what they cite.

use std::collections::BTreeSet;

use portcullis::event::time::Timestamp;
use portcullis::finding::Finding;
use portcullis::rule::Level;
use portcullis::scan::Config;

use super::batch::{by_log, compare, scan_batch};
use super::correlate::Alert;
use super::history;
use super::model::{Files, Log, digest};
use super::probe::{compare_derived, probes};
use super::rng::Rng;
use super::rules::{Condition, Correlation, Rules};
use super::run::WAYS;
use super::{generate, is_full, run, scale};

/// The same log with other actors, whom it shares with none.
fn renamed(log: &Log, number: usize) -> Log {
    let mut log = log.clone();
    for (_, record) in &mut log.records {
        for name in [&mut record.actor, &mut record.target].into_iter().flatten() {
            if name.starts_with(['u', 'U']) {
                *name = name.replacen('0', &number.to_string(), 1);
            }
        }
    }
    log
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let insert = |order: Vec<usize>| {
        (0..count).map(move |at| {
            let mut order = order.clone();
            order.insert(at, count - 1);
            order
        })
    };
    orders(count - 1).into_iter().flat_map(insert).collect()
}

/// Findings with records by content: the place of the first that is the same.
fn by_content(found: &[Alert], log: &Log, order: &[usize]) -> BTreeSet<(String, Option<i64>, Vec<usize>)> {
    let first = |at: usize| {
        let record = &log.records[order[at]].1;
        log.records.iter().position(|(_, other)| other == record).unwrap()
    };
    let content = |alert: &Alert| {
        let mut records: Vec<usize> = alert.records.iter().map(|&at| first(at)).collect();
        records.sort_unstable();
        (alert.rule.clone(), alert.time, records)
    };
    found.iter().map(content).collect()
}

/// Scans `log` in every order of arrival, each with other actors. Gives the number of orders and of findings.
fn every_order(log: &Log, yaml: &str, rng: &mut Rng, what: &str) -> (usize, usize) {
    let orders = orders(log.records.len());
    let mut logs = Vec::new();
    for (number, order) in orders.iter().enumerate() {
        let files = 1 + number % 3;
        let records = order.iter().map(|&at| (rng.below(files), log.records[at].1.clone())).collect();
        logs.push(renamed(&Log { records }, number));
    }
    let how = WAYS[rng.below(WAYS.len())];
    let (places, findings) = scan_batch(&logs, rng, yaml, how);
    let found = by_log(&places, &findings);
    // Records are named by their place in the order of inputs, which is not the order of arrival.
    let of = |at: usize| {
        let order: Vec<usize> = logs[at].input_order().into_iter().map(|place| orders[at][place]).collect();
        by_content(&found[at], log, &order)
    };
    let expected = of(0);
    for (at, order) in orders.iter().enumerate() {
        assert_eq!(of(at), expected, "{what}, order {order:?}, {how:?}\n{log:#?}\n{yaml}");
    }
    (orders.len(), expected.len())
}

/// A log of at least four records.
fn several(mut made: impl FnMut() -> Log) -> Log {
    loop {
        let log = made();
        if log.records.len() >= 4 {
            return log;
        }
    }
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let (mut tried, mut findings) = (0, 0);
    for seed in 0..scale(20) as u64 {
        let mut rng = Rng::new(seed);
        let rules = generate::rules(&mut rng);
        let log = several(|| generate::unordered(&mut rng, 0, 5));
        let history = several(|| history::log(&mut rng, 0, 5));
        let declarations = history::declarations(&mut rng, false);
        let what = format!("seed {seed}");
        for (log, yaml) in [(log, rules.yaml()), (history, probes(&declarations))] {
            let (orders, found) = every_order(&log, &yaml, &mut rng, &what);
            (tried, findings) = (tried + orders, findings + found);
        }
    }
    println!("{tried} orders of arrival, {findings} findings in one order of each log");
}

/// Each order is a log of its own, held to the reference: records of one time come in the order of arrival, so that what
/// is found may differ from order to order. Logs of six records; of seven where everything is tried.
#[test]
fn every_order_of_arrival_is_what_the_reference_says() {
    let (records, logs) = if is_full() { (7, 4) } else { (6, 1) };
    let (mut tried, mut findings) = (0, 0);
    for seed in 0..logs {
        let mut rng = Rng::new(5000 + seed);
        let rules = generate::rules(&mut rng);
        let small = exactly(records, || generate::log(&mut rng, 0, records));
        findings += compare(seed, &in_every_order(&small), &rules);
        let days = exactly(records, || history::log(&mut rng, 0, records));
        let orders = in_every_order(&days);
        findings += compare_derived(seed, &orders, &history::declarations(&mut rng, false));
        tried += 2 * orders.len();
    }
    println!("{tried} orders of arrival of {} logs of {records} records, {findings} findings", 2 * logs);
}

fn exactly(records: usize, mut made: impl FnMut() -> Log) -> Log {
    loop {
        let log = made();
        if log.records.len() == records {
            return log;
        }
    }
}

/// The log in every order, each with other actors. A record keeps its file.
fn in_every_order(log: &Log) -> Vec<Log> {
    let ordered = |(number, order): (usize, &Vec<usize>)| {
        renamed(&Log { records: order.iter().map(|&at| log.records[at].clone()).collect() }, number)
    };
    orders(log.records.len()).iter().enumerate().map(ordered).collect()
}

/// A finding without the places of its records.
fn contents(findings: &[Finding]) -> Vec<String> {
    let content = |finding: &Finding| {
        let mut finding = finding.clone();
        for event in &mut finding.events {
            (event.path, event.record, event.offset) = (String::new(), 0, 0);
        }
        finding.events.sort_by(|one, other| one.sha256.cmp(&other.sha256));
        format!("{finding:?}")
    };
    let mut all: Vec<String> = findings.iter().map(content).collect();
    all.sort();
    all
}

#[test]
fn findings_say_the_same_in_every_order_of_arrival() {
    let (mut scans, mut findings) = (0, 0);
    for seed in 0..scale(2) as u64 {
        let mut rng = Rng::new(1000 + seed);
        let (rules, declarations) = (generate::rules(&mut rng), history::declarations(&mut rng, true));
        let log = several(|| generate::unordered(&mut rng, 0, 5));
        let rules = run::load(&[rules.yaml(), probes(&declarations)].join("---\n"));
        let mut expected = None;
        for order in orders(log.records.len()) {
            let (mut files, spread) = (Files::new(), 1 + rng.below(3));
            for &at in &order {
                // Of one source: the same record has other bytes in another.
                files.push(3 * rng.below(spread), &log.records[at].1);
            }
            let found = run::scan(&files, &rules, WAYS[rng.below(WAYS.len())]);
            let digests: Vec<String> =
                log.records.iter().map(|(_, record)| digest(&record.line(0))).collect();
            assert!(
                found.iter().flat_map(|finding| &finding.events).all(|event| digests.contains(&event.sha256))
            );
            let found = contents(&found);
            (scans, findings) = (scans + 1, findings + found.len());
            let expected = expected.get_or_insert_with(|| found.clone());
            assert_eq!(*expected, found, "seed {seed}, order {order:?}: {log:#?}");
        }
    }
    println!("{scans} scans, {findings} findings");
}

#[test]
fn what_is_asked_for_decides_what_is_shown_and_not_what_is_known() {
    let (mut scans, mut findings) = (0, 0);
    for seed in 0..scale(20) as u64 {
        let mut rng = Rng::new(2000 + seed);
        let (rules, declarations) = (generate::rules(&mut rng), history::declarations(&mut rng, true));
        let rules = run::load(&[rules.yaml(), probes(&declarations)].join("---\n"));
        let (mut files, mut times) = (Files::new(), Vec::new());
        for log in [history::log(&mut rng, 0, 30), generate::log(&mut rng, 0, 30)] {
            for (file, record) in &log.records {
                files.push(*file, record);
                times.extend(record.time);
            }
        }
        let all = run::scan(&files, &rules, WAYS[rng.below(WAYS.len())]);
        let instant =
            |rng: &mut Rng| times.get(rng.below(times.len().max(1))).map_or(0, |time| time * 1_000_000_000);
        let (from, to) = (instant(&mut rng), instant(&mut rng));
        let stamp = |nanos| Some(Timestamp { nanos, digits: 0 });
        let level = *rng.pick(&[&Level::Low, &Level::Medium, &Level::High, &Level::Critical]);
        let at_least = |finding: &&Finding| finding.level >= level;
        let since = |finding: &&Finding| finding.time.is_none_or(|time| time.nanos >= from);
        let until = |finding: &&Finding| finding.time.is_none_or(|time| time.nanos < to);
        let actor = |finding: &&Finding| {
            finding.actor.as_ref().is_some_and(|actor| actor.eq_ignore_ascii_case("u0a@x.example"))
        };
        let shown =
            |wanted: &dyn Fn(&&Finding) -> bool| all.iter().filter(wanted).cloned().collect::<Vec<_>>();
        let how = WAYS[rng.below(WAYS.len())];
        let scan = |set: &dyn Fn(&mut Config)| run::scan_with(&files, &rules, how, set);
        assert_eq!(scan(&|config| config.since = stamp(from)), shown(&since), "seed {seed}");
        assert_eq!(scan(&|config| config.until = stamp(to)), shown(&until), "seed {seed}");
        assert_eq!(scan(&|config| config.level = Some(level)), shown(&at_least), "seed {seed}");
        let account = |config: &mut Config| config.account = Some("U0a@x.example".to_owned());
        assert_eq!(scan(&account), shown(&actor), "seed {seed}");
        (scans, findings) = (scans + 5, findings + all.len());
    }
    println!("{scans} scans, {findings} findings without limits");
}

/// One correlation of each kind, and what it is made of; none asks for what is absent, and none has aliases: they can put
/// a record into two groups, of which one cites it and the other is changed when its uncited ones go.
fn positive(rng: &mut Rng) -> Vec<Rules> {
    let rules = generate::rules(rng);
    let is_plain = |of: &&Correlation| {
        let negates = matches!(&of.condition, Condition::Expr(expr) if expr.negates());
        !negates && of.aliases.is_empty() && of.rules.iter().all(|name| rules.correlation(name).is_none())
    };
    let alone = |of: &Correlation| {
        let mut only = rules.only(&of.name);
        only.correlations.iter_mut().for_each(|of| of.generate = false);
        only
    };
    rules.correlations.iter().filter(is_plain).map(alone).collect()
}

/// Without the records at these places of the order of inputs.
fn without(log: &Log, places: &BTreeSet<usize>) -> (Log, Vec<usize>) {
    let order = log.input_order();
    let gone: BTreeSet<usize> = places.iter().map(|&place| order[place]).collect();
    let kept = (0..log.records.len()).filter(|at| !gone.contains(at));
    let less = Log { records: kept.map(|at| log.records[at].clone()).collect() };
    (less, (0..order.len()).filter(|place| !places.contains(place)).collect())
}

fn scanned(logs: &[Log], rng: &mut Rng, yaml: &str) -> Vec<Vec<Alert>> {
    let how = WAYS[rng.below(WAYS.len())];
    let (places, findings) = scan_batch(logs, rng, yaml, how);
    by_log(&places, &findings)
}

#[test]
fn what_no_finding_cites_can_go_and_what_one_cites_cannot() {
    let (mut tried, mut findings) = (0, 0);
    for seed in 0..scale(4) as u64 {
        let mut rng = Rng::new(seed);
        for rules in positive(&mut rng) {
            let logs: Vec<Log> = (0..100).map(|number| generate::log(&mut rng, number, 20)).collect();
            let yaml = rules.yaml();
            let found = scanned(&logs, &mut rng, &yaml);
            let cited = found.iter().map(|all| all.iter().flat_map(|alert| alert.records.clone()).collect());
            let cited: Vec<BTreeSet<usize>> = cited.collect();
            let uncited = logs.iter().zip(&cited).map(|(log, cited)| {
                without(log, &(0..log.records.len()).filter(|at| !cited.contains(at)).collect())
            });
            let (fewer, kept): (Vec<Log>, Vec<Vec<usize>>) = uncited.unzip();
            let again = scanned(&fewer, &mut rng, &yaml);
            for (at, (again, found)) in again.iter().zip(&found).enumerate() {
                assert_eq!(
                    &renumbered(again, &kept[at]),
                    found,
                    "seed {seed}, log {at}: {:#?}\n{yaml}",
                    logs[at]
                );
            }
            // One cited record of each log.
            let gone: Vec<BTreeSet<usize>> = cited
                .iter()
                .map(|cited| cited.iter().nth(rng.below(cited.len().max(1))).copied().into_iter().collect())
                .collect();
            let less = logs.iter().zip(&gone).map(|(log, gone)| without(log, gone));
            let (fewer, kept): (Vec<Log>, Vec<Vec<usize>>) = less.unzip();
            let again = scanned(&fewer, &mut rng, &yaml);
            for (at, (again, found)) in again.iter().zip(&found).enumerate() {
                let rests_on_it =
                    |alert: &&Alert| alert.records.iter().any(|record| gone[at].contains(record));
                let again = renumbered(again, &kept[at]);
                let still = found.iter().filter(rests_on_it).find(|alert| again.contains(alert));
                assert_eq!(still, None, "seed {seed}, log {at}: {:#?}\n{yaml}", logs[at]);
                findings += found.len();
            }
            tried += logs.len();
        }
    }
    println!("{tried} logs without what was not cited, and without one cited record; {findings} findings");
}

/// Alerts on what is left of a log, with the numbers that records had in the whole.
fn renumbered(alerts: &[Alert], kept: &[usize]) -> Vec<Alert> {
    let mut alerts = alerts.to_vec();
    alerts.iter_mut().for_each(|alert| alert.records.iter_mut().for_each(|record| *record = kept[*record]));
    alerts.sort();
    alerts
}
