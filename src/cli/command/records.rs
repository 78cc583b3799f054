//! The logs of a command that asks them for access, not for findings: they may be left out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::scan_summary;
use crate::cli::error::CliError;
use crate::cli::ui::Ui;
use crate::cli::value;
use crate::governance::trail::{Gather, Trail};
use crate::rule::Loaded;
use crate::scan::{self, Config, NoFindings};

/// Logs, and how they are read.
#[derive(Debug, clap::Args)]
pub(super) struct Records {
    /// Exported audit logs: files, folders, globs, or - for standard input.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// The kind of log: mixpanel-audit, okta or json, instead of recognising it.
    #[arg(long, value_name = "NAME", value_parser = value::source, help_heading = "Reading")]
    source: Option<String>,
    /// TOML file that says which keys or columns give which fields.
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    mapping: Option<PathBuf>,
    /// The zone of times that name none, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE", value_parser = value::zone, help_heading = "Reading")]
    log_zone: Option<TimeZone>,
    /// Workers; 0: one for each core.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Reading")]
    threads: usize,
}

/// What logs show, and whether every byte of them was accounted for.
pub(super) struct Told {
    pub(super) trail: Option<Trail>,
    pub(super) clean: bool,
}

impl Records {
    /// Reads them, and says on standard error what was covered. `projects`: names by number.
    ///
    /// # Errors
    /// Bad usage; what cannot be read is told and makes `clean` false.
    pub(super) fn read(&self, ui: &Ui, projects: &BTreeMap<String, String>) -> Result<Told, CliError> {
        if self.paths.is_empty() {
            return Ok(Told { trail: None, clean: true });
        }
        let mut config = Config::new(self.paths.clone(), Loaded::default());
        config.source.clone_from(&self.source);
        config.mapping.clone_from(&self.mapping);
        config.log_zone.clone_from(&self.log_zone);
        config.threads = self.threads;
        config.projection = Some(Gather::projection());
        let gather = Gather::new(projects);
        let bar = ui.progress();
        let ledger = scan::read_rows(&config, &mut NoFindings, &gather, &bar);
        bar.finish();
        let ledger = ledger?;
        scan_summary::print_coverage(ui, &ledger);
        Ok(Told { trail: Some(gather.finish()), clean: ledger.is_clean() })
    }
}
