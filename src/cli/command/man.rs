//! `portcullis man`.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::cli::error::CliError;
use crate::cli::ui::stdout;

/// Print the manual page, in roff.
///
/// Examples:
///   portcullis man | man -l -
///   portcullis man scan > portcullis-scan.1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A command; without one, the program's own page.
    command: Option<String>,
}

/// Runs it.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut command = Cli::command();
    command.build();
    if let Some(name) = &args.command {
        let names: Vec<String> = command.get_subcommands().map(|known| known.get_name().to_owned()).collect();
        let known = command.find_subcommand(name).cloned().ok_or_else(|| {
            CliError::usage(format!("no command `{name}`")).hint(format!("one of {}", names.join(", ")))
        })?;
        command = known;
    }
    let mut out = stdout();
    let rendered = clap_mangen::Man::new(command).render(&mut out).and_then(|()| out.flush());
    rendered.map_err(|error| CliError::output(&error))?;
    Ok(ExitCode::SUCCESS)
}
