//! `portcullis doctor`.

use std::process::ExitCode;
use std::time::Duration;

use crate::cli::config::Place;
use crate::cli::doctor::{self, view};
use crate::cli::error::CliError;
use crate::cli::ui::{Ui, print};
use crate::cli::{incident, value};
use crate::config::Inventory;
use crate::output::json;

/// How long a system that does not answer is asked, unless it is said otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// Say what a lockdown could and could not do today: for before the bad day.
///
/// Every credential is fetched and tried, by reads alone; nothing is changed anywhere. What does not work is a line in
/// the table. Exit codes: 0 everything works, 2 bad configuration, 4 something is missing, 5 nothing is known to be
/// missing, but something could not be told (some systems have no read that shows what a credential may change).
///
/// Examples:
///   portcullis doctor
///   portcullis doctor --json --wait 30s
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// How long a system that does not answer is asked; 10s unless the configuration says less.
    #[arg(long, value_name = "TIME", value_parser = value::time_span)]
    wait: Option<Duration>,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let config = args.place.load()?;
    if config.providers.is_empty() {
        return Err(CliError::usage(format!("{}: no provider is configured", config.path.display()))
            .hint("fill in a [provider.…] section: there is nothing to lock an account out of"));
    }
    let inventory = config.inventory.as_deref().map(|path| Inventory::load(path, config.known()));
    let inventory = inventory.transpose()?.unwrap_or_default();
    let patience = args.wait.unwrap_or(PATIENCE);
    let report = incident::block_on(doctor::examine(ui, &config, &inventory, patience))?;
    let text = if args.json { json::line(&view::json(&report)) } else { view::text(&report) };
    print(&text)?;
    Ok(ExitCode::from(report.code()))
}
