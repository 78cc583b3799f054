//! Portcullis: incident response for a compromised SaaS analytics account.
//!
//! The binary is thin; this library does the work. `ARCHITECTURE.md` is the map.

pub mod cli;
pub mod config;
pub mod correlate;
pub mod decode;
pub mod derive;
pub mod drill;
pub mod enrich;
pub mod event;
pub mod evidence;
pub mod finding;
pub mod governance;
pub mod incident;
pub mod letters;
pub mod lockdown;
pub mod output;
pub mod query;
pub mod report;
pub mod rule;
pub mod scan;
pub mod source;
pub mod stats;
pub mod synth;
pub mod sys;
pub mod timeline;
