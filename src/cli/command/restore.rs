//! `portcullis restore`.

use std::process::ExitCode;
use std::time::Duration;

use crate::cli::config::Place;
use crate::cli::error::CliError;
use crate::cli::incident::{self, Setup};
use crate::cli::ui::Ui;
use crate::cli::value;
use crate::lockdown::engine::Engine;
use crate::lockdown::incidents::Incidents;
use crate::lockdown::record::{Entry, Record};
use crate::lockdown::restore;

/// Undo what an incident did, and only that: for a false alarm.
///
/// What someone else changed since is left as it is and reported. Killed at any point, the same command goes on. Exit
/// codes: 0 RESTORED, 4 something was left as others made it, 5 UNKNOWN.
///
/// Examples:
///   portcullis restore 2026-10-24-jane-agency-example
///   portcullis restore 2026-10-24-jane-agency-example --yes --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The incident's name; `portcullis status` lists them.
    incident: String,
    #[command(flatten)]
    place: Place,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// How long to look whether the state before shows again; else what the configuration says.
    #[arg(long, value_name = "TIME", value_parser = value::time_span)]
    wait: Option<Duration>,
    /// Write how the incident stands as JSON to standard output.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    // A slip in the name is said before any credential is asked for.
    Incidents::new(&args.place.load()?.incidents).record(&args.incident)?;
    let setup = Setup::load(ui, &args.place)?;
    let held = setup.incidents.hold(&args.incident)?;
    incident::block_on(async {
        let engine = setup.engine(ui, &held).map_err(CliError::nothing_changed)?;
        begin(ui, args, &engine)?;
        let run = restore::run(&engine, setup.wait(args.wait));
        incident::interruptible(&engine, run).await?;
        incident::report(ui, &setup, &engine, &held, args.json).await
    })?
}

fn begin(ui: &Ui, args: &Args, engine: &Engine) -> Result<(), CliError> {
    let record = engine.record();
    if record.restoring {
        return Ok(());
    }
    let how = if args.yes { "--yes".to_owned() } else { confirm(ui, &record)? };
    engine.note(&Entry::Restoring { how })?;
    Ok(())
}

fn confirm(ui: &Ui, record: &Record) -> Result<String, CliError> {
    let (account, kind) = (&record.account, record.operation.kind);
    let what = if kind.is_about_an_account() {
        "give its access back".to_owned()
    } else {
        format!("take the {kind} back")
    };
    let answer = ui.ask(&format!("Type {account} to {what}:"));
    match answer.map_err(|error| CliError::output(&error))? {
        Some(answer) if answer.eq_ignore_ascii_case(account) => Ok("typed".into()),
        Some(_) => Err(CliError::refused("not agreed, nothing was changed")),
        None => Err(CliError::refused("there is no terminal to ask on, nothing was changed")
            .hint("--yes agrees to the restore")),
    }
}
