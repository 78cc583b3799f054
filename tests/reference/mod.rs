//! The plainest statement of what correlations and derived fields mean, written from `rules/README.md` alone.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking, prints how much it tried, and counts small things"
)]

pub mod batch;
mod by_hand;
mod by_hand_chains;
mod by_hand_derived;
pub mod correlate;
pub mod derive;
mod filters;
pub mod generate;
pub mod history;
mod laws;
pub mod model;
pub mod probe;
pub mod rng;
pub mod rules;
pub mod run;
pub mod table;

/// Whether everything is to be tried.
pub fn is_full() -> bool {
    std::env::var_os("PORTCULLIS_FULL").is_some()
}

/// How many to try: 24 times as many when `PORTCULLIS_FULL` is set. The logs of all comparisons are then more than 100,000.
pub fn scale(quick: usize) -> usize {
    if is_full() { quick * 24 } else { quick }
}
