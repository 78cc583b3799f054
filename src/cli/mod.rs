//! The command line: the only place that reads arguments and the environment, prints, and gives exit codes.

pub mod attest;
pub mod command;
pub mod config;
pub mod doctor;
pub mod door;
pub mod error;
pub mod governance;
pub mod incident;
pub mod letters;
mod ocsf_view;
pub mod operation;
pub mod pace_view;
pub mod plan_view;
pub mod proof;
pub mod proof_view;
pub mod put;
pub mod size;
pub mod ui;
pub mod value;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use ui::Ui;

/// Incident response for a compromised SaaS analytics account.
#[derive(Debug, Parser)]
#[command(
    name = "portcullis",
    version,
    about,
    propagate_version = true,
    disable_help_subcommand = true,
    after_help = "Start with `portcullis drill`: the whole story against a tenant of its own, no account needed."
)]
pub struct Cli {
    /// When to use colour; `NO_COLOR` is honoured.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
    /// No summary and no progress on standard error; errors are still said.
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Scan(Box<command::scan::Args>),
    Rules(command::rules::Args),
    Baseline(command::baseline::Args),
    Query(Box<command::query::Args>),
    Timeline(Box<command::timeline::Args>),
    Synth(command::synth::Args),
    Drill(command::drill::Args),
    Lockdown(Box<command::lockdown::Args>),
    Offboard(Box<command::offboard::Args>),
    Rotate(Box<command::rotate::Args>),
    Status(command::status::Args),
    Verify(Box<command::verify::Args>),
    Restore(command::restore::Args),
    Notify(command::notify::Args),
    Evidence(command::evidence::Args),
    Doctor(command::doctor::Args),
    Providers(command::providers::Args),
    BlastRadius(Box<command::blast_radius::Args>),
    Inventory(Box<command::inventory::Args>),
    Review(Box<command::review::Args>),
    Calendar(Box<command::calendar::Args>),
    Config(command::config::Args),
    Completions(command::completions::Args),
    Man(command::man::Args),
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    crate::sys::memory::keep_private();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let ui = Ui::new(cli.color, cli.quiet);
    let result = match &cli.command {
        Command::Scan(args) => command::scan::run(&ui, args),
        Command::Baseline(args) => command::baseline::run(&ui, args),
        Command::Rules(args) => command::rules::run(&ui, args),
        Command::Query(args) => command::query::run(&ui, args),
        Command::Timeline(args) => command::timeline::run(&ui, args),
        Command::Synth(args) => command::synth::run(&ui, args),
        Command::Drill(args) => command::drill::run(&ui, args),
        Command::Lockdown(args) => command::lockdown::run(&ui, args),
        Command::Offboard(args) => command::offboard::run(&ui, args),
        Command::Rotate(args) => command::rotate::run(&ui, args),
        Command::Status(args) => command::status::run(&ui, args),
        Command::Verify(args) => command::verify::run(&ui, args),
        Command::Restore(args) => command::restore::run(&ui, args),
        Command::Notify(args) => command::notify::run(&ui, args),
        Command::Evidence(args) => command::evidence::run(&ui, args),
        Command::Doctor(args) => command::doctor::run(&ui, args),
        Command::Providers(args) => command::providers::run(args),
        Command::BlastRadius(args) => command::blast_radius::run(&ui, args),
        Command::Inventory(args) => command::inventory::run(&ui, args),
        Command::Review(args) => command::review::run(&ui, args),
        Command::Calendar(args) => command::calendar::run(&ui, args),
        Command::Config(args) => command::config::run(&ui, args),
        Command::Completions(args) => command::completions::run(args),
        Command::Man(args) => command::man::run(args),
    };
    match result {
        Ok(code) => code,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            ui.error(&error);
            error.code()
        }
    }
}

/// Help and version go to standard output and are no errors; everything else is bad usage.
fn usage(error: &clap::Error) -> ExitCode {
    // Where even this cannot be printed, the exit code still says it.
    let printed = error.print();
    if error.use_stderr() || printed.is_err() { ExitCode::from(error::USAGE) } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// The examples of a command and of those below it, with the name of each.
    fn examples(command: &clap::Command, all: &mut Vec<(String, String)>) {
        let help = command.get_long_about().or(command.get_about()).map(ToString::to_string);
        let shown = help.as_deref().and_then(|help| help.split_once("Examples:")).map(|(_, rest)| rest);
        let lines = shown.into_iter().flat_map(str::lines);
        all.extend(lines.map(|line| (command.get_name().to_owned(), line.to_owned())));
        command.get_subcommands().for_each(|below| examples(below, all));
    }

    #[test]
    fn no_example_holds_what_a_shell_would_run() {
        let mut all = Vec::new();
        examples(&Cli::command(), &mut all);
        assert!(all.len() > 60, "{}", all.len());
        for (command, line) in all {
            assert!(!line.contains('`'), "{command}: {line}");
        }
    }
}
