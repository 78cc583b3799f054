//! `portcullis evidence`: an incident of the emulated tenant, sealed by the real program, and everything that can be done to a bag.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what was left out"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../emulated/mod.rs"]
mod emulated;

mod bag;
mod custody;
mod disclose;
mod outside;
mod seal;
mod tamper;
