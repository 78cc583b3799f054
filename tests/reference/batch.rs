//! Many small logs in one scan, and what to say when one of them differs.

use std::collections::HashMap;

use portcullis::finding::Finding;

use super::correlate::{Alert, alerts, alerts_before};
use super::model::{Files, Log, Place};
use super::rng::Rng;
use super::rules::Rules;
use super::run::{self, How, PLAIN, WAYS};

/// Logs of one scan.
pub const BATCH: usize = 125;

/// Scans all logs together. Gives, for each, the places of its records in the order of its inputs; and the findings.
pub fn scan_batch(logs: &[Log], rng: &mut Rng, yaml: &str, how: How) -> (Vec<Vec<Place>>, Vec<Finding>) {
    let mut files = Files::new();
    let mut placed: Vec<Vec<Place>> = vec![Vec::new(); logs.len()];
    // Logs take turns at random, each keeping its own order.
    let turns = logs.iter().enumerate().flat_map(|(at, log)| vec![at; log.records.len()]);
    let mut turns: Vec<usize> = turns.collect();
    rng.shuffle(&mut turns);
    for log in turns {
        let (file, record) = &logs[log].records[placed[log].len()];
        let place = files.push(*file, record);
        placed[log].push(place);
    }
    let in_order = |(log, placed): (&Log, &Vec<Place>)| {
        log.input_order().iter().map(|&at| placed[at]).collect::<Vec<Place>>()
    };
    let places = logs.iter().zip(&placed).map(in_order).collect();
    (places, run::scan(&files, &run::load(yaml), how))
}

/// Findings by log, records named by their place in the order of the log's inputs.
pub fn by_log(places: &[Vec<Place>], findings: &[Finding]) -> Vec<Vec<Alert>> {
    let mut known: HashMap<Place, (usize, usize)> = HashMap::new();
    for (log, places) in places.iter().enumerate() {
        known.extend(places.iter().enumerate().map(|(at, place)| (*place, (log, at))));
    }
    let mut found = vec![Vec::new(); places.len()];
    for finding in findings {
        let cited: Vec<(usize, usize)> = run::places(finding).iter().map(|place| known[place]).collect();
        let log = cited[0].0;
        assert!(cited.iter().all(|(of, _)| *of == log), "records of several logs: {finding:?}");
        let mut records: Vec<usize> = cited.iter().map(|(_, at)| *at).collect();
        records.sort_unstable();
        found[log].push(Alert { rule: finding.rule_name.clone(), time: run::seconds(finding), records });
    }
    found.iter_mut().for_each(|alerts| alerts.sort());
    found
}

/// Holds the scan to the reference. Gives the number of findings.
pub fn compare(seed: u64, logs: &[Log], rules: &Rules) -> usize {
    let mut rng = Rng::new(seed);
    let how = WAYS[rng.below(WAYS.len())];
    let (places, findings) = scan_batch(logs, &mut rng, &rules.yaml(), how);
    let found = by_log(&places, &findings);
    let times = logs.iter().flat_map(|log| &log.records).filter_map(|(_, record)| record.time);
    let horizon = times.max().unwrap_or_default();
    for (at, (log, found)) in logs.iter().zip(&found).enumerate() {
        let same = *found == alerts_before(rules, &log.sorted(), horizon);
        assert!(same, "seed {seed}, log {at}, {how:?}:\n{}", report(rules, log));
    }
    findings.len()
}

/// Without the records that can be taken away while `fails` holds.
pub fn shrunk(log: &Log, fails: &dyn Fn(&Log) -> bool) -> Log {
    let (mut log, mut at) = (log.clone(), 0);
    while at < log.records.len() {
        let mut less = log.clone();
        less.records.remove(at);
        if fails(&less) { (log, at) = (less, 0) } else { at += 1 }
    }
    log
}

/// Takes records away for as long as scan and reference still differ, and says what is left.
fn report(rules: &Rules, log: &Log) -> String {
    let differ = |rules: &Rules, log: &Log| {
        let (seen, wanted) = (run::alone(log, &rules.yaml(), PLAIN), alerts(rules, &log.sorted()));
        (seen != wanted).then_some((seen, wanted))
    };
    let mut each = rules.correlations.iter().map(|of| rules.only(&of.name));
    let rules = each.find(|only| differ(only, log).is_some()).unwrap_or_else(|| rules.clone());
    let log = shrunk(log, &|less| differ(&rules, less).is_some());
    match differ(&rules, &log) {
        None => "the scan differs only when logs are scanned together".to_owned(),
        Some((seen, wanted)) => {
            let lines = log.records.iter().map(|(file, record)| format!("{file}: {}", record.line(*file)));
            let lines: Vec<String> = lines.collect();
            format!("{}\n{}\nscan: {seen:#?}\nreference: {wanted:#?}", rules.yaml(), lines.join("\n"))
        }
    }
}
