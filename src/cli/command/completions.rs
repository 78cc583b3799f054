//! `portcullis completions`.

use std::io;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::cli::error::CliError;
use crate::cli::ui::stdout;

/// Print a completion script for a shell.
///
/// Examples:
///   portcullis completions bash > /etc/bash_completion.d/portcullis
///   portcullis completions fish > ~/.config/fish/completions/portcullis.fish
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[expect(clippy::doc_markdown, reason = "examples are for a shell, which would run what stands in backticks")]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Runs it.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "portcullis", &mut script);
    let mut out = stdout();
    io::Write::write_all(&mut out, &script)
        .and_then(|()| out.flush())
        .map_err(|error| CliError::output(&error))?;
    Ok(ExitCode::SUCCESS)
}
