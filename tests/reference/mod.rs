//! The plainest statement of what correlations and derived fields mean, written from `rules/README.md` alone.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking, prints how much it tried, and counts small things"
)]

pub mod correlate;
pub mod generate;
pub mod model;
pub mod rng;
pub mod rules;
pub mod run;
pub mod table;
