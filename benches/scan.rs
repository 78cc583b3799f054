//! How fast the scan is, against the rate at which this machine finds newlines in the same run.
//!
//! `cargo bench --bench scan` prints a row for each log, number of threads, number of rules and hit rate. Files are made
//! in a temporary folder; `PORTCULLIS_BENCH_MB` sets their size (default 512), `PORTCULLIS_BENCH_RUNS` the runs of each
//! row (default 3; the median is shown). `cargo bench --bench scan -- 'csv: 1 threads'` measures the rows that have this in
//! their names. `PORTCULLIS_BENCH_STATE_RECORDS` is the length of the log for rules with state, and
//! `PORTCULLIS_BENCH_STATE_ALONE=1` measures those alone. CPU time is that of the process, from /proc.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, reads its settings from the environment and ends by panicking"
)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use portcullis::decode::json::simd::Isa;
use portcullis::finding::Finding;
use portcullis::output::{Sink, Summary};
use portcullis::rule::{Level, Loaded, Placeholders, load_embedded, parse_document};
use portcullis::scan::{self, Config, Progress};
use portcullis::synth::{self, Log, Options, START, STORY_START};

struct Quiet;

impl Progress for Quiet {
    fn bytes(&self, _: u64) {}
    fn total(&self, _: Option<u64>) {}
}

#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn finding(&mut self, _: &Finding) -> io::Result<()> {
        self.0 += 1;
        Ok(())
    }
    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|value| value.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

/// Megabytes a second, by CPU time and by the clock: medians of some runs.
fn rate(bytes: u64, mut work: impl FnMut()) -> (f64, f64) {
    let mut rates: Vec<(f64, f64)> = (0..setting("PORTCULLIS_BENCH_RUNS", 3).max(1))
        .map(|_| {
            let (before, start) = (cpu(), Instant::now());
            work();
            let (wall, used) = (start.elapsed().as_secs_f64(), (cpu() - before).max(0.01));
            (bytes as f64 / 1e6 / used, bytes as f64 / 1e6 / wall)
        })
        .collect();
    let mut median = |of: fn(&(f64, f64)) -> f64| {
        rates.sort_by(|left, right| of(left).total_cmp(&of(right)));
        rates.get(rates.len() / 2).map_or(0.0, of)
    };
    (median(|rate| rate.0), median(|rate| rate.1))
}

/// Reads the file in blocks of 256 KiB and splits it at its newlines.
fn newlines(path: &Path) -> usize {
    let mut file = File::open(path).unwrap();
    let mut block = vec![0; 256 << 10];
    let mut count = 0;
    loop {
        let read = file.read(&mut block).unwrap();
        if read == 0 {
            return count;
        }
        // Every line's place is looked at, as a reader of lines has to.
        let mut start = 0;
        for newline in memchr::memchr_iter(b'\n', block.get(..read).unwrap_or_default()) {
            count += std::hint::black_box(newline - start).min(1);
            start = newline;
        }
    }
}

/// Rules as published ones are: most name an event type, half an outcome, some a country, a browser, a network, an
/// account. With `hits`, some of their event types are ordinary.
fn rules(okta: bool, count: usize, hits: bool) -> Loaded {
    let ordinary: &[&str] = if okta {
        &["user.session.start", "policy.evaluate_sign_on", "user.session.end", "user.authentication.verify"]
    } else {
        &["bookmark.created", "session.logged_in", "board.updated", "cohort.created"]
    };
    let action = if okta { "eventType" } else { "event.action" };
    let product = if okta { "okta" } else { "mixpanel" };
    let mut text = String::new();
    for number in 0..count {
        let common = ordinary.get(number / 3 % ordinary.len()).copied().unwrap_or_default();
        let event =
            if hits && number % 3 == 0 { common.to_owned() } else { format!("custom.event.number_{number}") };
        let mut tests = vec![format!("{action}: '{event}'")];
        if okta && number % 2 == 1 {
            tests.push("outcome.result: 'FAILURE'".to_owned());
        }
        if okta && number % 4 == 1 {
            tests.push("client.geographicalContext.country: 'Atlantis'".to_owned());
        }
        if okta && number % 5 == 2 {
            tests.push("client.userAgent.rawUserAgent|contains: 'python'".to_owned());
        }
        if number % 7 == 4 {
            tests.push(format!("source.ip|cidr: '10.{}.0.0/16'", number % 256));
        }
        if number % 11 == 5 {
            tests.push(format!("user.email|contains: 'smith{number}'"));
        }
        text.push_str(&format!(
            "---\ntitle: Rule {number}\nid: rule-{number}\nlogsource: {{product: {product}}}\nlevel: low\n\
             detection:\n  selection:\n    {}\n  condition: selection\n",
            tests.join("\n    ")
        ));
    }
    let loaded = parse_document(Path::new("bench.yml"), &text, &Placeholders::new());
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
    loaded
}

fn scan(path: &Path, rules: &Loaded, threads: usize, isa: Option<Isa>) -> u64 {
    let paths = vec![path.display().to_string()];
    run(&Config { threads, isa, ..Config::new(paths, rules.clone()) })
}

fn run(config: &Config) -> u64 {
    let mut count = Count::default();
    let ledger = scan::run(config, &mut count, &Quiet).unwrap();
    assert!(ledger.is_clean());
    count.0
}

/// The built-in rules with and without those that need history or several records, findings of level medium and above.
fn stateful(folder: &Path) {
    let records = setting("PORTCULLIS_BENCH_STATE_RECORDS", 1_000_000);
    let path = make(folder, "state.ndjson", Log::MixpanelNdjson, records * 310, 310);
    let size = std::fs::metadata(&path).unwrap().len();
    let all = load_embedded();
    let mut plain = all.clone();
    plain.rules.retain(|rule| !rule.is_stateful() && !rule.silent);
    plain.correlations.clear();
    let mut rates = Vec::new();
    for (name, rules) in [("without state", plain), ("all", all)] {
        let paths = vec![path.display().to_string()];
        let count = rules.len();
        let config = Config { level: Some(Level::Medium), ..Config::new(paths, rules) };
        let mut found = 0;
        let (used, wall) = rate(size, || found = run(&config));
        rates.push((used, wall));
        let what = format!("{records} records, {count} built-in rules, {name}");
        println!("{what:<62} {used:>6.0} MB/CPU-s {wall:>6.0} MB/s {found:>8} findings, peak {} MB", peak());
    }
    if let [plain, all] = rates.as_slice() {
        println!(
            "with state to without: {:.2} by CPU time, {:.2} by the clock",
            all.0 / plain.0,
            all.1 / plain.1
        );
    }
}

/// The most memory that this process has held, in MB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or_default()
        / 1024
}

fn make(folder: &Path, name: &str, log: Log, bytes: u64, record: u64) -> PathBuf {
    let path = folder.join(name);
    let mut file = io::BufWriter::new(File::create(&path).unwrap());
    let options = Options {
        seed: 1,
        start: START,
        story: STORY_START,
        until: i64::MAX,
        days: 91,
        people: 5000,
        records: bytes / record,
        incident: true,
    };
    synth::write(log, &options, &mut file).unwrap();
    file.flush().unwrap();
    path
}

fn main() {
    if setting("PORTCULLIS_BENCH_STATE_ALONE", 0) > 0 {
        return stateful(tempfile::tempdir().unwrap().path());
    }
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let bytes = setting("PORTCULLIS_BENCH_MB", 512) << 20;
    let folder = tempfile::tempdir().unwrap();
    let logs = [
        ("okta ndjson", true, make(folder.path(), "okta.ndjson", Log::OktaNdjson, bytes, 1700)),
        ("mixpanel ndjson", false, make(folder.path(), "mixpanel.ndjson", Log::MixpanelNdjson, bytes, 310)),
        ("mixpanel csv", false, make(folder.path(), "mixpanel.csv", Log::MixpanelCsv, bytes / 2, 140)),
    ];
    println!("{:<46} {:>12} {:>12} {:>10} {:>10}", "", "MB/CPU-s", "MB/s wall", "of limit", "findings");
    for (name, okta, path) in &logs {
        let size = std::fs::metadata(path).unwrap().len();
        newlines(path);
        let (limit, wall) = rate(size, || assert!(newlines(path) > 0));
        println!("{:<46} {limit:>12.0} {wall:>12.0}", format!("{name}: read and find newlines"));
        let row = |what: String, rules: &Loaded, threads: usize, isa: Option<Isa>| {
            if !what.contains(&only) {
                return;
            }
            let mut found = 0;
            let (used, wall) = rate(size, || found = scan(path, rules, threads, isa));
            println!("{what:<46} {used:>12.0} {wall:>12.0} {:>9.0}% {found:>10}", used / limit * 100.0);
        };
        for threads in [1, 2] {
            for count in [5, 50, 300] {
                let rules = rules(*okta, count, false);
                row(format!("{name}: {threads} threads, {count} rules, few hits"), &rules, threads, None);
            }
        }
        row(format!("{name}: 1 thread, 50 rules, many hits"), &rules(*okta, 50, true), 1, None);
        row(
            format!("{name}: 1 thread, 50 rules, portable"),
            &rules(*okta, 50, false),
            1,
            Some(Isa::Portable),
        );
    }
    if only.is_empty() {
        stateful(folder.path());
    }
}
