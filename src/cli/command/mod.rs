//! One file a command: its arguments, whose doc comments are the help, and `run`.

pub mod baseline;
pub mod completions;
pub mod config;
pub mod doctor;
pub mod drill;
pub mod evidence;
pub mod lockdown;
mod logs;
pub mod man;
pub mod query;
pub mod restore;
mod rule_samples;
pub mod rules;
pub mod scan;
pub(super) mod scan_report;
mod scan_stats;
mod scan_summary;
pub mod status;
pub mod synth;
pub mod timeline;
pub mod verify;
