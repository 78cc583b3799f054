//! Lockdown and restore by force: the real program against the emulated tenant, killed at every point and under every
//! fault, and what is true afterwards.
//!
//! `cargo test` tries a sample; `PORTCULLIS_FULL=1` tries everything, which takes hours.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking, and say what they tried"
)]

mod agreement;
mod canary;
mod check;
mod checklists;
mod consumers;
mod contracts;
mod flows;
mod large;
mod operations;
mod pool;
mod refusals;
mod restore;
mod settle;
mod stage;
mod sweep;
mod tenant;
mod tokens;
mod verdicts;
mod watch;
mod whole_review;
