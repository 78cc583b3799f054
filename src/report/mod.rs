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
use crate::scan::ledger::Ledger;

/// What a report is about.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// The zone in which times are shown.
    pub zone: &'a TimeZone,
    /// A scan.
    pub scan: Option<Scanned<'a>>,
    /// The journal of a lockdown.
    pub lockdown: Option<&'a journal::Read>,
}

/// What a report tells of a scan.
#[derive(Clone, Copy)]
pub struct Scanned<'a> {
    /// What was found.
    pub held: &'a Held,
    /// What the second reading of the logs gave.
    pub again: &'a Again,
    /// What was covered.
    pub ledger: &'a Ledger,
}

impl Report<'_> {
    /// The whole file.
    pub fn html(&self) -> String {
        page::html(self)
    }
}
