//! A report for people: one HTML file that needs nothing else, opens no connection, and works without its script.
//!
//! Everything that a log wrote is escaped twice over: what a reader cannot see is shown by its code, and what HTML obeys is
//! text. The policy of the page allows one style and one script, by their digests.

mod coverage;
mod page;

use std::io::{self, Write};

use super::{Format, Options, Sink, Summary};
use crate::finding::Finding;
use crate::scan::ledger::Ledger;

/// See the module.
pub const FORMAT: Format = Format {
    name: "html",
    description: "a report for people: incidents, findings with their reasons, what was covered; one file",
    open: |out, options: Options| {
        Box::new(Html { out, options, findings: Vec::new(), more: 0, coverage: String::new() })
    },
    open_grouped: None,
};

/// Findings that a report lists; a page of more is of no use to anyone, and the rest is counted.
const MAX_FINDINGS: usize = 5_000;

struct Html<'a> {
    out: Box<dyn Write + 'a>,
    options: Options,
    findings: Vec<Finding>,
    /// Findings beyond those that are listed.
    more: usize,
    coverage: String,
}

impl Sink for Html<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding.clone());
        } else {
            self.more += 1;
        }
        Ok(())
    }

    fn covered(&mut self, ledger: &Ledger) -> io::Result<()> {
        self.coverage = coverage::section(ledger, &self.options.zone);
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let page = page::Page {
            findings: &self.findings,
            more: self.more,
            coverage: &self.coverage,
            options: &self.options,
            summary,
        };
        self.out.write_all(page.html().as_bytes())?;
        self.out.flush()
    }
}
