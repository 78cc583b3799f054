//! One file a command: its arguments, whose doc comments are the help, and `run`.

pub mod baseline;
pub mod blast_radius;
pub mod calendar;
pub mod completions;
pub mod config;
pub mod doctor;
pub mod drill;
pub mod evidence;
pub mod inventory;
pub mod lockdown;
mod logs;
pub mod man;
pub mod providers;
pub mod query;
mod records;
pub mod restore;
pub mod review;
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
