//! Many states side by side, and what they came to.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Failures that are shown; the rest is counted.
const SHOWN: usize = 12;

/// Whether everything is tried instead of a sample.
pub fn full() -> bool {
    variable("PORTCULLIS_FULL").is_some_and(|value| value == "1")
}

/// A variable of the environment by which tests are told what to try.
pub fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.into_string().expect("readable"))
}

/// States side by side: as many as there are cores, or as `PORTCULLIS_THREADS` says. A state waits more than it works, but on a
/// slow machine more of them meet time-outs that no fault has made.
fn threads() -> usize {
    let asked =
        variable("PORTCULLIS_THREADS").map(|count| count.parse().expect("PORTCULLIS_THREADS is a number"));
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, std::num::NonZero::get))
}

/// What was tried, by name.
pub type Tally = BTreeMap<&'static str, u64>;

/// Tries every case, on all cores, prints the sum of what was tried, and fails with the failures.
pub fn try_all<C: Sync>(
    name: &str,
    cases: &[C],
    show: impl Fn(&C) -> String + Sync,
    attempt: impl Fn(&C, &mut Tally) -> Result<(), String> + Sync,
) -> Tally {
    let (next, failures, sum) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(Tally::new()));
    let started = Instant::now();
    let work = || {
        let mut tally = Tally::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
            *tally.entry("states").or_default() += 1;
            if let Err(why) = attempt(case, &mut tally) {
                failures.lock().unwrap().push(format!("{}: {why}", show(case)));
            }
        }
        let mut sum = sum.lock().unwrap();
        tally.into_iter().for_each(|(what, count)| *sum.entry(what).or_default() += count);
    };
    let threads = threads();
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let (failures, sum) = (failures.into_inner().unwrap(), sum.into_inner().unwrap());
    eprintln!("{name}: {sum:?}, {} failed, {:.1} s", failures.len(), started.elapsed().as_secs_f64());
    let shown: Vec<&str> = failures.iter().take(SHOWN).map(String::as_str).collect();
    assert!(failures.is_empty(), "{name}: {} of {} fail:\n{}", failures.len(), cases.len(), shown.join("\n"));
    assert_eq!(sum.get("states").copied().unwrap_or_default(), cases.len() as u64, "every case is tried");
    sum
}
