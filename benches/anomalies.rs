//! What the built-in rules find in made-up organisations, and what they say of ordinary life in them.
//!
//! `cargo bench --bench anomalies -- [--organisations 200] [--seed 1] [--held-out] [--quiet] [--examples 0]
//! [--rules FOLDER] [--keep FOLDER]` makes organisations over half a year with one to three planted attacks each
//! (`--quiet`: none), scans both their logs, and prints precision by rule and recall by behaviour. Seeds 1 to 200 are for
//! development; `--held-out` takes 1001 to 1200, which rules are never tuned on. `--examples 3` shows three false
//! positives of each rule; `--rules` loads rules from a folder instead of the built-in ones; `--keep` leaves the logs and
//! what is true about them there, a folder for each seed.
//!
//! A finding is a true positive if it cites a record of an attacker, or a record of a stolen account while an attacker
//! uses it or in the day after; else a false positive. A behaviour is found if one of its expected rules has
//! such a finding for it; `meant high` says for how many such a rule has level high, `any high` for how many any rule of
//! that level has. Forty exports in a night are forty findings but one case: cases are one for each rule and
//! attack, and one for each rule, account and day where there is none.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a benchmark prints and ends by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use portcullis::event::time::Timestamp;
use portcullis::finding::Finding;
use portcullis::incident::{GAP, Incident};
use portcullis::output::{Sink, Summary};
use portcullis::rule::{Level, Loaded, Placeholders, load, load_embedded};
use portcullis::scan::{self, Config, Progress};
use portcullis::synth::organisation::attack::{Behaviour, EXPECTED, Truth};
use portcullis::synth::organisation::diary::Circumstance;
use portcullis::synth::organisation::{Book, Organisation, Plan};

const DEVELOPMENT: u64 = 1;
const HELD_OUT: u64 = 1001;
/// How long after an attack its account's own records may still show it.
const SCORES: [u32; 5] = [50, 60, 70, 80, 90];
const AFTERMATH: i64 = 24 * 3600;
/// Nanoseconds of a day.
const DAY: i128 = 86_400_000_000_000;

struct Quiet;

impl Progress for Quiet {
    fn bytes(&self, _: u64) {}
    fn total(&self, _: Option<u64>) {}
}

#[derive(Default)]
struct Collect(Vec<Finding>);

impl Sink for Collect {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.0.push(finding.clone());
        Ok(())
    }
    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

struct Asked {
    organisations: u64,
    seed: u64,
    attack: bool,
    examples: usize,
    rules: Option<PathBuf>,
    keep: Option<PathBuf>,
}

fn asked() -> Asked {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| words.iter().any(|word| word == flag);
    let number = |flag: &str, default: u64| {
        let at = words.iter().position(|word| word == flag);
        at.map_or(default, |at| words.get(at + 1).and_then(|word| word.parse().ok()).unwrap())
    };
    let folder = |flag: &str| {
        let at = words.iter().position(|word| word == flag);
        at.map(|at| PathBuf::from(words.get(at + 1).unwrap()))
    };
    Asked {
        organisations: number("--organisations", 200),
        seed: if has("--held-out") { HELD_OUT } else { number("--seed", DEVELOPMENT) },
        attack: !has("--quiet"),
        examples: usize::try_from(number("--examples", 0)).unwrap(),
        rules: folder("--rules"),
        keep: folder("--keep"),
    }
}

/// What was found of a rule.
#[derive(Default)]
struct Tally {
    level: Option<Level>,
    right: u64,
    wrong: u64,
    right_cases: BTreeSet<(u64, usize)>,
    wrong_cases: BTreeSet<(u64, Option<String>, i128)>,
    causes: BTreeMap<Circumstance, u64>,
    examples: Vec<String>,
}

#[derive(Default)]
struct Score {
    rules: BTreeMap<String, Tally>,
    planted: BTreeMap<Behaviour, (u64, u64)>,
    missed: BTreeMap<Behaviour, Vec<u64>>,
    /// How many were found by an expected rule of level high or above, and by any rule of that level.
    serious: BTreeMap<Behaviour, (u64, u64)>,
    incidents: u64,
    seen_high: u64,
    /// For each of [`SCORES`]: groups of findings that are about an attack, those that are not, attacks seen.
    groups: [(u64, u64, u64); SCORES.len()],
    records: u64,
}

fn cited(finding: &Finding) -> impl Iterator<Item = (Book, u64)> {
    finding.events.iter().map(|event| {
        let book = if event.path.ends_with("okta.ndjson") { Book::Okta } else { Book::Mixpanel };
        (book, event.record)
    })
}

/// Which incidents a finding is about.
fn about(finding: &Finding, organisation: &Organisation) -> BTreeSet<usize> {
    let mut incidents: BTreeSet<usize> =
        cited(finding).filter_map(|(book, record)| Some(organisation.mark(book, record)?.incident)).collect();
    for (book, record) in cited(finding) {
        let entry = organisation.book(book).get(usize::try_from(record).unwrap() - 1).unwrap();
        let account = &organisation.people().get(entry.moment.who).unwrap().email;
        let during = |truth: &Truth| (truth.start..=truth.end + AFTERMATH).contains(&entry.moment.time);
        let stolen = |truth: &&Truth| truth.accounts.contains(account) && during(truth);
        let truths = organisation.truth().iter().zip(0..);
        incidents.extend(truths.filter(|(truth, _)| stolen(truth)).map(|(_, incident)| incident));
    }
    incidents
}

fn scan(folder: &Path, organisation: &Organisation, rules: &Loaded) -> (Vec<Finding>, u64) {
    let mut paths = Vec::new();
    let mut records = 0;
    for (book, name) in [(Book::Mixpanel, "mixpanel.ndjson"), (Book::Okta, "okta.ndjson")] {
        let path = folder.join(name);
        let mut file = File::create(&path).unwrap();
        records += organisation.write(book, &mut file).unwrap();
        file.flush().unwrap();
        paths.push(path.display().to_string());
    }
    let mut findings = Collect::default();
    let ledger = scan::run(&Config::new(paths, rules.clone()), &mut findings, &Quiet).unwrap();
    assert!(ledger.is_clean());
    (findings.0, records)
}

fn judge(seed: u64, organisation: &Organisation, findings: &[Finding], examples: usize, score: &mut Score) {
    let mut found: BTreeSet<usize> = BTreeSet::new();
    let mut high: BTreeSet<usize> = BTreeSet::new();
    let mut meant_and_high: BTreeSet<usize> = BTreeSet::new();
    for finding in findings {
        let tally = score.rules.entry(finding.rule_name.clone()).or_default();
        tally.level = Some(finding.level);
        let incidents = about(finding, organisation);
        if incidents.is_empty() {
            tally.wrong += 1;
            let day = finding.time.map_or(0, |time| i128::from(time.nanos) / DAY);
            tally.wrong_cases.insert((seed, finding.actor.clone(), day));
            let causes = cited(finding).filter_map(|(book, record)| organisation.circumstance(book, record));
            let cause = causes.max().unwrap_or(Circumstance::Routine);
            *tally.causes.entry(cause).or_default() += 1;
            if tally.examples.len() < examples {
                tally.examples.push(example(seed, finding, cause));
            }
            continue;
        }
        tally.right += 1;
        for incident in incidents {
            tally.right_cases.insert((seed, incident));
            let expected = organisation.truth().get(incident).map_or(&[][..], |truth| truth.rules);
            if expected.contains(&finding.rule_name.as_str()) {
                found.insert(incident);
                if finding.level >= Level::High {
                    meant_and_high.insert(incident);
                }
            }
            if finding.level >= Level::High {
                high.insert(incident);
            }
        }
    }
    for (incident, truth) in organisation.truth().iter().enumerate() {
        let (planted, seen) = score.planted.entry(truth.behaviour).or_default();
        *planted += 1;
        *seen += u64::from(found.contains(&incident));
        let (meant, any) = score.serious.entry(truth.behaviour).or_default();
        *meant += u64::from(meant_and_high.contains(&incident));
        *any += u64::from(high.contains(&incident));
        if !found.contains(&incident) {
            score.missed.entry(truth.behaviour).or_default().push(seed);
        }
    }
    score.incidents += organisation.truth().len() as u64;
    score.seen_high += high.len() as u64;
}

/// What a responder gets who looks at incidents of so many points or more.
fn judge_groups(organisation: &Organisation, findings: Vec<Finding>, score: &mut Score) {
    let groups = Incident::group(findings, GAP);
    for (least, (right, wrong, seen)) in SCORES.iter().zip(&mut score.groups) {
        let mut attacks: BTreeSet<usize> = BTreeSet::new();
        for group in groups.iter().filter(|group| group.score.total >= *least) {
            let about: BTreeSet<usize> =
                group.findings.iter().flat_map(|finding| about(finding, organisation)).collect();
            *(if about.is_empty() { &mut *wrong } else { &mut *right }) += 1;
            attacks.extend(about);
        }
        *seen += attacks.len() as u64;
    }
}

fn example(seed: u64, finding: &Finding, cause: Circumstance) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let time = finding.time.as_ref().map(Timestamp::to_rfc3339).unwrap_or_default();
    let (actor, action, ip) = (text(&finding.actor), text(&finding.action), text(&finding.source_ip));
    format!("seed {seed}: {actor} {action} {ip} {time} ({cause:?}, {} records)", finding.events.len())
}

fn ratio(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.3}", part as f64 / whole as f64) }
}

fn main() {
    let asked = asked();
    let last = asked.seed + asked.organisations - 1;
    let rules = match &asked.rules {
        Some(folder) => load(std::slice::from_ref(folder), &Placeholders::new()),
        None => load_embedded(),
    };
    assert!(rules.errors.is_empty(), "{:?}", rules.errors);
    let folder = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let mut score = Score::default();
    for seed in asked.seed..=last {
        let organisation = Organisation::new(seed, &Plan::half_year(seed, asked.attack));
        let place = asked.keep.as_ref().map(|keep| keep.join(seed.to_string()));
        if let Some(place) = &place {
            std::fs::create_dir_all(place).unwrap();
            let mut truth = File::create(place.join("truth.txt")).unwrap();
            writeln!(truth, "{:#?}", organisation.truth()).unwrap();
        }
        let (findings, records) = scan(place.as_deref().unwrap_or(folder.path()), &organisation, &rules);
        score.records += records;
        judge(seed, &organisation, &findings, asked.examples, &mut score);
        judge_groups(&organisation, findings, &mut score);
        if seed % 50 == 0 {
            eprintln!("{} of {}", seed + 1 - asked.seed, asked.organisations);
        }
    }
    let kind = if asked.seed >= HELD_OUT {
        "held out: rules were never tuned on these seeds"
    } else {
        "for development: rules may have been tuned on these seeds"
    };
    let (count, seconds) = (asked.organisations, start.elapsed().as_secs_f64());
    println!("{count} organisations of 180 days, seeds {} to {last} ({kind})", asked.seed);
    println!("{} records, {} incidents, {seconds:.0} s", score.records, score.incidents);
    by_rule(&score, count);
    by_behaviour(&score);
    by_incident(&score, count);
}

/// The rules that are measured: those that a behaviour expects, and all of level high and above.
fn by_rule(score: &Score, organisations: u64) {
    let expected: BTreeSet<&str> = EXPECTED.iter().flat_map(|(_, rules)| rules.iter().copied()).collect();
    println!(
        "\n{:<44} {:<9} {:>5} {:>5} {:>9} | {:>5} {:>5} {:>9} {:>10}  false positives by circumstance",
        "rule", "level", "true", "false", "precision", "cases", "false", "precision", "false/year"
    );
    let mut totals = [Total::default(), Total::default()];
    for (name, tally) in &score.rules {
        let high = tally.level >= Some(Level::High);
        if high {
            let [all, behavioural] = &mut totals;
            all.add(tally);
            if expected.contains(name.as_str()) {
                behavioural.add(tally);
            }
        }
        if !high && !expected.contains(name.as_str()) {
            continue;
        }
        let mut causes: Vec<_> = tally.causes.iter().map(|(cause, count)| (count, cause)).collect();
        causes.sort_by(|left, right| right.cmp(left));
        let causes: Vec<String> = causes.iter().map(|(count, cause)| format!("{cause:?} {count}")).collect();
        println!(
            "{name:<44} {:<9} {}  {}",
            tally.level.map_or("", Level::name),
            Total::of(tally).columns(organisations),
            causes.join(", ")
        );
        tally.examples.iter().for_each(|example| println!("    {example}"));
    }
    for name in expected.iter().filter(|name| !score.rules.contains_key(**name)) {
        println!("{name:<44} never fired, or does not exist");
    }
    let [all, behavioural] = totals;
    println!("{:<54} {}", "all rules of level high and critical", all.columns(organisations));
    println!("{:<54} {}", "of these, those that a behaviour expects", behavioural.columns(organisations));
}

/// Findings and cases, true and false.
#[derive(Default)]
struct Total([u64; 4]);

impl Total {
    fn of(tally: &Tally) -> Self {
        let cases = [tally.right_cases.len() as u64, tally.wrong_cases.len() as u64];
        Self([tally.right, tally.wrong, cases[0], cases[1]])
    }

    fn add(&mut self, tally: &Tally) {
        self.0.iter_mut().zip(Self::of(tally).0).for_each(|(sum, value)| *sum += value);
    }

    /// The last column is false cases a year and organisation; half a year was made of each.
    fn columns(&self, organisations: u64) -> String {
        let [right, wrong, right_cases, wrong_cases] = self.0;
        let (precision, of_cases) =
            (ratio(right, right + wrong), ratio(right_cases, right_cases + wrong_cases));
        let yearly = yearly(wrong_cases, organisations);
        format!(
            "{right:>5} {wrong:>5} {precision:>9} | {right_cases:>5} {wrong_cases:>5} {of_cases:>9} {yearly:>10.2}"
        )
    }
}

fn yearly(count: u64, organisations: u64) -> f64 {
    count as f64 / organisations as f64 * 365.0 / 180.0
}

fn by_incident(score: &Score, organisations: u64) {
    println!(
        "\n{:<34} {:>7} {:>6} {:>9} {:>10} {:>12}",
        "incidents as the scan groups them", "true", "false", "precision", "false/year", "attacks seen"
    );
    for (least, (right, wrong, seen)) in SCORES.iter().zip(score.groups) {
        println!(
            "{:<34} {right:>7} {wrong:>6} {:>9} {:>10.2} {:>12}",
            format!("score {least} or more"),
            ratio(right, right + wrong),
            yearly(wrong, organisations),
            ratio(seen, score.incidents)
        );
    }
}

fn by_behaviour(score: &Score) {
    println!(
        "\n{:<34} {:>7} {:>6} {:>7} {:>10} {:>9}  missed seeds",
        "behaviour", "planted", "found", "recall", "meant high", "any high"
    );
    let (mut all, mut all_found, mut all_meant) = (0, 0, 0);
    for (behaviour, _) in EXPECTED {
        let (planted, found) = score.planted.get(behaviour).copied().unwrap_or_default();
        let (meant, any) = score.serious.get(behaviour).copied().unwrap_or_default();
        (all, all_found, all_meant) = (all + planted, all_found + found, all_meant + meant);
        let missed = score.missed.get(behaviour).cloned().unwrap_or_default();
        let missed: Vec<String> = missed.iter().take(6).map(u64::to_string).collect();
        let name = format!("{behaviour:?}");
        println!(
            "{name:<34} {planted:>7} {found:>6} {:>7} {meant:>10} {any:>9}  {}",
            ratio(found, planted),
            missed.join(" ")
        );
    }
    let (recall, seen_high) = (ratio(all_found, all), score.seen_high);
    println!("{:<34} {all:>7} {all_found:>6} {recall:>7} {all_meant:>10} {seen_high:>9}", "all");
    println!(
        "incidents with any finding of level high or above: {} of {} ({})",
        score.seen_high,
        score.incidents,
        ratio(score.seen_high, score.incidents)
    );
}
