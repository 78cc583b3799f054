//! `portcullis synth`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::cli::error::CliError;
use crate::cli::put;
use crate::cli::ui::Ui;
use crate::synth::{self, Log, Options};

/// Write made-up logs, for trying, testing and timing.
///
/// The same options give the same bytes. The shapes of Okta and the other identity providers are the documented ones;
/// Mixpanel documents only its event names, so keys and headers of its log are assumptions.
///
/// Examples:
///   portcullis synth mixpanel-ndjson --incident -o audit.ndjson
///   portcullis synth okta-ndjson --records 20000000 --people 5000 | portcullis scan -
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Which log.
    #[arg(value_enum)]
    log: Name,
    /// Seed of everything random.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Days, from 2026-08-17 on.
    #[arg(long, value_name = "N", default_value_t = 91)]
    days: u32,
    /// Accounts.
    #[arg(long, value_name = "N", default_value_t = 25)]
    people: usize,
    /// Records besides those of the incident.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    records: u64,
    /// Plant a compromised account.
    #[arg(long)]
    incident: bool,
    /// Write to a file, which appears when it is complete.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    MixpanelNdjson,
    MixpanelCsv,
    OktaNdjson,
    OktaArray,
    MixpanelExport,
    EntraPage,
    EntraMonitor,
    GooglePage,
    GoogleNdjson,
    Auth0Ndjson,
    Auth0Stream,
    OneloginPage,
    PingonePage,
    RosterCsv,
    RosterAudit,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let log = match args.log {
        Name::MixpanelNdjson => Log::MixpanelNdjson,
        Name::MixpanelCsv => Log::MixpanelCsv,
        Name::OktaNdjson => Log::OktaNdjson,
        Name::OktaArray => Log::OktaArray,
        Name::MixpanelExport => Log::MixpanelExport,
        Name::EntraPage => Log::EntraPage,
        Name::EntraMonitor => Log::EntraMonitor,
        Name::GooglePage => Log::GooglePage,
        Name::GoogleNdjson => Log::GoogleNdjson,
        Name::Auth0Ndjson => Log::Auth0Ndjson,
        Name::Auth0Stream => Log::Auth0Stream,
        Name::OneloginPage => Log::OneloginPage,
        Name::PingonePage => Log::PingonePage,
        Name::RosterCsv => Log::RosterCsv,
        Name::RosterAudit => Log::RosterAudit,
    };
    let options = Options {
        seed: args.seed,
        start: synth::START,
        story: synth::STORY_START,
        until: i64::MAX,
        days: args.days,
        people: args.people,
        records: args.records,
        incident: args.incident,
    };
    let count = put::stream(args.output.as_deref(), |out| synth::write(log, &options, out))?;
    ui.note(&format!("{count} records"));
    Ok(ExitCode::SUCCESS)
}
