//! A report for people: one HTML file that needs nothing else, opens no connection, and works without its script.
//!
//! What was found by a scan, what a lockdown did, or both. Everything that a log wrote is escaped twice over: what a reader
//! cannot see is shown by its code, and what HTML obeys is text. The policy of the page allows one style and one script,
//! by their digests.

mod again;
mod charts;
mod containment;
mod coverage;
mod findings;
mod held;
mod page;

pub use again::{Again, NotRead};
pub use held::Held;

use jiff::tz::TimeZone;

use crate::lockdown::journal;

/// What a report is about.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// The zone in which times are shown.
    pub zone: &'a TimeZone,
    /// What a scan found, and what the second reading of the logs gave.
    pub scan: Option<(&'a Held, &'a Again)>,
    /// The journal of a lockdown.
    pub lockdown: Option<&'a journal::Read>,
}

impl Report<'_> {
    /// The whole file.
    pub fn html(&self) -> String {
        page::html(self)
    }
}
