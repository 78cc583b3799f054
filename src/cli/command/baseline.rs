//! `portcullis baseline`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::logs::Places;
use super::rules;
use super::scan::print_summary;
use crate::cli::error::{CliError, INCOMPLETE};
use crate::cli::put;
use crate::cli::ui::{Ui, print};
use crate::cli::value;
use crate::derive::{Baseline, Provenance};
use crate::event::time::Timestamp;
use crate::output::escape::Safe;
use crate::scan::ledger::Ledger;
use crate::scan::{self, Config};
use crate::source::input;
use crate::sys::hash;

/// Learn and show what is usual: addresses, hours, volumes, per account.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Learn from logs what is usual, for the derived fields of rules.
    ///
    /// Leave the time of a suspected incident out with --until: what an attacker did must not become usual.
    ///
    /// Examples:
    ///   portcullis baseline learn logs/2026-h1/ -o baseline.json
    ///   portcullis baseline learn logs/ --until 2026-10-24 --merge baseline.json -o baseline.json
    #[command(verbatim_doc_comment)]
    Learn {
        /// Files, folders or globs.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<String>,
        /// Where the baseline is written; it appears when it is complete.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Learn from records before this time alone.
        #[arg(long, value_name = "TIME", value_parser = value::time)]
        until: Option<Timestamp>,
        /// Add to the facts of this baseline. A log that is in it already is an error.
        #[arg(long, value_name = "FILE")]
        merge: Option<PathBuf>,
        /// Rule files or folders, instead of the built-in rules.
        #[arg(long, value_name = "PATH")]
        rules: Vec<PathBuf>,
        #[command(flatten)]
        places: Places,
    },
    /// Show what is usual for an account.
    ///
    /// Examples:
    ///   portcullis baseline show jane@agency.example --baseline baseline.json
    #[command(verbatim_doc_comment)]
    Show {
        /// The account, as the log names it.
        account: String,
        /// The baseline.
        #[arg(long, value_name = "FILE")]
        baseline: PathBuf,
    },
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    match &args.command {
        Command::Learn { paths, output, until, merge, rules, places } => {
            learn(ui, &Learn { paths, output, until: *until, merge: merge.as_deref(), rules, places })
        }
        Command::Show { account, baseline } => show(account, baseline),
    }
}

struct Learn<'a> {
    paths: &'a [String],
    output: &'a Path,
    until: Option<Timestamp>,
    merge: Option<&'a Path>,
    rules: &'a [PathBuf],
    places: &'a Places,
}

fn learn(ui: &Ui, args: &Learn<'_>) -> Result<ExitCode, CliError> {
    if args.paths.iter().any(|path| input::is_read_once(path)) {
        return Err(CliError::usage("a baseline is learnt from files, not from standard input or a pipe")
            .hint("it names its logs and their digests"));
    }
    put::spare(Some(args.output), args.paths)?;
    let held = args.merge.map(Baseline::read).transpose()?;
    let mut config = Config::new(args.paths.to_vec(), rules::load_rules(args.rules, false, None)?);
    config.until = args.until;
    config.facts_alone = true;
    config.locate = args.places.open()?;
    let bar = ui.progress();
    let (mut baseline, ledger) = scan::learn(&config, &bar)?;
    bar.finish();
    if baseline.first.is_none() {
        print_summary(ui, &ledger);
        return Err(nothing(args, &ledger));
    }
    baseline.until = args.until.map(|until| until.to_rfc3339());
    baseline.logs = provenance(&ledger.inputs.iter().map(|input| input.path.clone()).collect::<Vec<_>>())?;
    if let Some(held) = held {
        baseline.merge(held)?;
    }
    write(args.output, &baseline)?;
    print_summary(ui, &ledger);
    ui.note(&format!(
        "learnt {} tables of {} keys from {} to {}",
        baseline.tables().count(),
        baseline.keys().len(),
        baseline.first.as_deref().unwrap_or("nothing"),
        baseline.last.as_deref().unwrap_or("nothing")
    ));
    Ok(if ledger.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

/// A baseline of nothing would only take the place of a good one.
fn nothing(args: &Learn<'_>, ledger: &Ledger) -> CliError {
    let output = args.output.display();
    if ledger.totals().records == 0 {
        return CliError::usage(format!("not one record was read: {output} is not written"));
    }
    let error = CliError::usage(format!("nothing is learnt from these records: {output} is not written"));
    error.hint(match args.until {
        Some(until) => format!("records before {} alone count", until.to_rfc3339()),
        None => "rules with derived fields say what is learnt, of records with a time".to_owned(),
    })
}

/// Digests of the files, each once.
fn provenance(paths: &[String]) -> Result<Vec<Provenance>, CliError> {
    let mut logs: Vec<Provenance> = Vec::new();
    for path in paths {
        if logs.iter().any(|log| log.path == *path) {
            continue;
        }
        let failed = |error| CliError::usage(format!("cannot read {path}: {error}"));
        let (bytes, sha256) = hash::sha256_file(Path::new(path)).map_err(failed)?;
        logs.push(Provenance { path: path.clone(), bytes, sha256 });
    }
    Ok(logs)
}

fn write(path: &Path, baseline: &Baseline) -> Result<(), CliError> {
    put::stream(Some(path), |out| {
        serde_json::to_writer(&mut *out, baseline)?;
        out.write_all(b"\n")
    })
}

fn show(account: &str, path: &Path) -> Result<ExitCode, CliError> {
    let baseline = Baseline::read(path)?;
    let key = account.to_ascii_lowercase();
    let known = baseline.describe(&key);
    if known.is_empty() {
        let keys = baseline.keys();
        let near = crate::rule::nearest(&key, keys.iter().copied());
        let error = CliError::usage(format!("{} knows nothing of {account}", path.display()));
        return Err(match near {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint(format!("it has {} keys", keys.len())),
        });
    }
    let mut text = format!("{account}\n");
    for (table, lines) in known {
        text.push_str(&format!("\n  {}\n", Safe(table)));
        lines.iter().for_each(|line| text.push_str(&format!("    {}\n", Safe(line))));
    }
    text.push('\n');
    for log in &baseline.logs {
        text.push_str(&format!(
            "\nlearnt from {}, {} bytes, sha256 {}\n",
            Safe(&log.path),
            log.bytes,
            log.sha256
        ));
    }
    if let Some(until) = &baseline.until {
        text.push_str(&format!("records before {until} alone\n"));
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
