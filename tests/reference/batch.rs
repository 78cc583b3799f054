//! Many small logs in one scan, and what to say when one of them differs.

use portcullis::finding::Finding;

use super::correlate::{Alert, alerts};
use super::generate;
use super::model::{Files, Log, Place};
use super::rng::Rng;
use super::rules::Rules;
use super::run::{self, How, PLAIN, WAYS};

/// Logs of one scan.
pub const BATCH: usize = 250;

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

/// A finding in a batch: rule, time, places of its records.
type Found = (String, Option<i64>, Vec<Place>);

/// Holds the scan to the reference, on random logs and rules. Gives the number of findings.
pub fn compare_batch(seed: u64, count: usize) -> usize {
    let mut rng = Rng::new(seed);
    let rules = generate::rules(&mut rng);
    let logs: Vec<Log> = (0..count).map(|number| generate::log(&mut rng, number, 30)).collect();
    let how = WAYS[rng.below(WAYS.len())];
    let (places, findings) = scan_batch(&logs, &mut rng, &rules.yaml(), how);
    let found = findings
        .iter()
        .map(|finding| (finding.rule_name.clone(), run::seconds(finding), run::places(finding)));
    let mut found: Vec<Found> = found.collect();
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
    if found == wanted {
        return found.len();
    }
    let only_scan = found.iter().filter(|one| wanted.binary_search(one).is_err());
    let only_reference = wanted.iter().filter(|one| found.binary_search(one).is_err());
    let log_of = |one: &Found| places.iter().position(|places| places.contains(&one.2[0]));
    match only_scan.chain(only_reference).find_map(log_of) {
        None => panic!("seed {seed}, {how:?}: findings are repeated, or cite records of no log"),
        Some(log) => panic!("seed {seed}, log {log}, {how:?}:\n{}", report(&rules, &logs[log])),
    }
}

/// Takes records away for as long as scan and reference still differ, and says what is left.
fn report(rules: &Rules, log: &Log) -> String {
    let differ = |rules: &Rules, log: &Log| {
        let (seen, wanted) = (run::alone(log, &rules.yaml(), PLAIN), alerts(rules, &log.sorted()));
        (seen != wanted).then_some((seen, wanted))
    };
    let mut each = rules.correlations.iter().map(|of| rules.only(&of.name));
    let rules = each.find(|only| differ(only, log).is_some()).unwrap_or_else(|| rules.clone());
    let mut log = log.clone();
    let mut at = 0;
    while at < log.records.len() {
        let mut less = log.clone();
        less.records.remove(at);
        if differ(&rules, &less).is_some() { (log, at) = (less, 0) } else { at += 1 }
    }
    match differ(&rules, &log) {
        None => "the scan differs only when logs are scanned together".to_owned(),
        Some((seen, wanted)) => {
            let lines = log.records.iter().map(|(file, record)| format!("{file}: {}", record.line()));
            let lines: Vec<String> = lines.collect();
            format!("{}\n{}\nscan: {seen:#?}\nreference: {wanted:#?}", rules.yaml(), lines.join("\n"))
        }
    }
}
