//! Correlations, derived fields and filters against a reference that is written from their description alone.
#![expect(clippy::print_stdout, reason = "prints how much was tried")]

mod reference;

use reference::batch::{BATCH, compare};
use reference::model::Log;
use reference::probe::compare_derived;
use reference::rng::Rng;
use reference::{generate, history, scale};

#[test]
fn correlations_are_what_the_reference_says() {
    let (batches, mut findings) = (scale(2500) / BATCH, 0);
    for seed in 0..batches as u64 {
        let mut rng = Rng::new(seed);
        let rules = generate::rules(&mut rng);
        let logs: Vec<Log> = (0..BATCH).map(|number| generate::log(&mut rng, number, 30)).collect();
        findings += compare(seed, &logs, &rules);
    }
    println!("{} logs with 15 or more correlations each, {findings} findings", batches * BATCH);
}

#[test]
fn correlations_of_what_is_unusual_are_what_the_reference_says() {
    let (batches, mut findings) = (scale(500) / BATCH, 0);
    for seed in 0..batches as u64 {
        let mut rng = Rng::new(3000 + seed);
        let rules = generate::rules_of_days(&mut rng, false);
        let logs: Vec<Log> = (0..BATCH).map(|number| history::log(&mut rng, number, 30)).collect();
        findings += compare(seed, &logs, &rules);
    }
    println!("{} logs with 15 or more correlations each, {findings} findings", batches * BATCH);
}

#[test]
fn correlations_of_several_actors_are_what_the_reference_says() {
    let (logs, mut findings) = (scale(200), 0);
    for seed in 0..logs as u64 {
        let mut rng = Rng::new(4000 + seed);
        let rules = generate::rules_of_days(&mut rng, true);
        findings += compare(seed, &[history::log(&mut rng, 0, 30)], &rules);
    }
    println!("{logs} logs with 15 or more correlations each, {findings} findings");
}

#[test]
fn derived_fields_are_what_the_reference_says() {
    let (batches, mut findings) = (scale(1000) / BATCH, 0);
    for seed in 0..batches as u64 {
        let mut rng = Rng::new(seed);
        let logs: Vec<Log> = (0..BATCH).map(|number| history::log(&mut rng, number, 30)).collect();
        findings += compare_derived(seed, &logs, &history::declarations(&mut rng, false));
    }
    println!("{} logs with 10 derived fields each, {findings} findings", batches * BATCH);
}

#[test]
fn derived_fields_that_look_at_other_actors_are_what_the_reference_says() {
    let (logs, mut findings) = (scale(200), 0);
    for seed in 0..logs as u64 {
        let mut rng = Rng::new(seed);
        let log = history::log(&mut rng, 0, 30);
        findings += compare_derived(seed, &[log], &history::declarations(&mut rng, true));
    }
    println!("{logs} logs with 12 derived fields each, {findings} findings");
}
