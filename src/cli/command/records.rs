//! The logs of a command that asks them for access, not for findings: they may be left out.

use std::collections::BTreeMap;

use super::logs::Reading;
use super::scan_summary;
use crate::cli::error::CliError;
use crate::cli::ui::Ui;
use crate::governance::trail::{Gather, Trail};
use crate::rule::Loaded;
use crate::scan::{self, Config, NoFindings};

/// Logs, and how they are read.
#[derive(Debug, clap::Args)]
pub(super) struct Records {
    /// Exported audit logs: files, folders, globs, or - for standard input.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    #[command(flatten)]
    reading: Reading,
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
        read(ui, &self.paths, (&self.reading, self.threads), projects)
    }
}

/// The same for paths that were given otherwise. `how`: how they are understood, and by how many workers.
pub(super) fn read(
    ui: &Ui,
    paths: &[String],
    how: (&Reading, usize),
    projects: &BTreeMap<String, String>,
) -> Result<Told, CliError> {
    if paths.is_empty() {
        return Ok(Told { trail: None, clean: true });
    }
    let mut config = Config::new(paths.to_vec(), Loaded::default());
    how.0.apply(&mut config);
    config.threads = how.1;
    config.projection = Some(Gather::projection());
    let gather = Gather::new(projects);
    let bar = ui.progress();
    let ledger = scan::read_rows(&config, &mut NoFindings, &gather, &bar);
    bar.finish();
    let ledger = ledger?;
    scan_summary::print_coverage(ui, &ledger);
    Ok(Told { trail: Some(gather.finish()), clean: ledger.is_clean() })
}
