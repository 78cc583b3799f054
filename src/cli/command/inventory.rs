//! `portcullis inventory`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan as _};
use serde_json::json;

use crate::cli::error::{CliError, FINDING, UNKNOWN};
use crate::cli::governance::{self, Book, Form, Known, NOBODY};
use crate::cli::put;
use crate::cli::ui::Ui;
use crate::cli::value;
use crate::config::Integration;
use crate::governance::book::{self, HEADER, Next};
use crate::governance::matrix::matrix;
use crate::governance::reconcile::{self, Difference};
use crate::governance::sheet;
use crate::output::json;

/// The live inventory of credentials and integrations: what is due, CSV in and out, held against what providers list.
///
/// The inventory is the file integrations.toml that the configuration names: who uses which credential. Credentials are rotated
/// every 90 days.
///
/// Examples:
///   portcullis inventory list --due 30d
///   portcullis inventory export -o integrations.csv
///   portcullis inventory import integrations.csv -o integrations.toml
///   portcullis inventory reconcile --check
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Rows with the day of their next rotation.
    ///
    /// Exit codes: 0; 1 with --check, where something is listed as due; 2 bad usage.
    ///
    /// Examples:
    ///   portcullis inventory list --format csv
    ///   portcullis inventory list --due 0d --check      # in a pipeline: fails where a rotation is overdue
    #[command(verbatim_doc_comment)]
    List(ListArgs),
    /// The inventory as CSV for spreadsheets; cells that start a formula get an apostrophe, which import takes off again.
    ///
    /// Examples:
    ///   portcullis inventory export -o integrations.csv
    #[command(verbatim_doc_comment)]
    Export(ExportArgs),
    /// CSV with the columns of export as integrations.toml.
    ///
    /// Every row is checked; the column `next rotation` is worked out and not read. The file of --output is replaced, comments
    /// in it too. Exit codes: 0; 2 a row is no integration, and nothing was written.
    ///
    /// Examples:
    ///   portcullis inventory import integrations.csv -o integrations.toml
    #[command(verbatim_doc_comment)]
    Import(ImportArgs),
    /// The inventory held against what providers list: unknown, missing, stale.
    ///
    /// By reads alone. Exit codes: 0 compared; 1 with --check, where there is a difference; 2 bad usage; 5 something could not
    /// be read.
    ///
    /// Examples:
    ///   portcullis inventory reconcile
    ///   portcullis inventory reconcile --format json --as-of 2026-12-31
    #[command(verbatim_doc_comment)]
    Reconcile(ReconcileArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    book: Book,
    /// Only what is rotated next within this time, overdue and never rotated included.
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    due: Option<i64>,
    #[command(flatten)]
    answer: Answer,
}

#[derive(Debug, clap::Args)]
struct ExportArgs {
    #[command(flatten)]
    book: Book,
    /// Write to a file, which appears when it is complete.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// The CSV file.
    #[arg(value_name = "FILE")]
    csv: PathBuf,
    /// Write to a file, which appears when it is complete.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct ReconcileArgs {
    #[command(flatten)]
    known: Known,
    #[command(flatten)]
    answer: Answer,
}

#[derive(Debug, clap::Args)]
struct Answer {
    /// The day that counts as today.
    #[arg(long, value_name = "DATE", value_parser = value::day)]
    as_of: Option<Date>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Form::Table, value_name = "FORMAT")]
    format: Form,
    /// Write to a file, which appears when it is complete.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit code 1 where anything is listed.
    #[arg(long)]
    check: bool,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    match &args.what {
        What::List(args) => list(args),
        What::Export(args) => {
            let csv = book::to_csv(&args.book.read()?.integrations, matrix());
            put::text(args.output.as_deref(), &csv)?;
            Ok(ExitCode::SUCCESS)
        }
        What::Import(args) => {
            let bytes = governance::read(&args.csv)?;
            let (toml, rows) = book::from_csv(&bytes).map_err(|why| governance::wrong(&args.csv, &why))?;
            put::text(args.output.as_deref(), &toml)?;
            ui.note(&format!(
                "{} integrations; `portcullis config check` holds them against the stores and consumers",
                rows.len()
            ));
            Ok(ExitCode::SUCCESS)
        }
        What::Reconcile(args) => reconcile(ui, args),
    }
}

fn list(args: &ListArgs) -> Result<ExitCode, CliError> {
    let inventory = args.book.read()?.integrations;
    let today = governance::today(args.answer.as_of);
    let until = args
        .due
        .map(|nanos| today.saturating_add((SignedDuration::from_nanos(nanos).as_hours() / 24).days()));
    let due = |row: &&Integration| {
        until.is_none_or(|until| book::next(row, matrix()).is_some_and(|next| next.by(until)))
    };
    let rows: Vec<Integration> = inventory.iter().filter(due).cloned().collect();
    let text = match args.answer.format {
        Form::Csv => book::to_csv(&rows, matrix()),
        Form::Json => rows_json(&rows),
        Form::Table => {
            let columns = [0, 1, 2, 5, 7, 8, 9];
            let header: Vec<&str> = columns.iter().filter_map(|at| HEADER.get(*at).copied()).collect();
            let cells = book::rows(&rows, matrix());
            let cells =
                cells.iter().map(|row| columns.iter().filter_map(|at| row.get(*at).cloned()).collect());
            sheet::table(&header, &cells.collect::<Vec<Vec<String>>>())
        }
    };
    put::text(args.answer.output.as_deref(), &text)?;
    let overdue = until.is_some() && !rows.is_empty();
    Ok(if args.answer.check && overdue { ExitCode::from(FINDING) } else { ExitCode::SUCCESS })
}

fn rows_json(rows: &[Integration]) -> String {
    let cells = book::rows(rows, matrix());
    let objects = rows.iter().zip(cells).map(|(row, cells)| {
        let mut object: serde_json::Map<String, serde_json::Value> =
            HEADER.iter().map(|name| name.replace(' ', "_")).zip(cells.into_iter().map(Into::into)).collect();
        let next = match book::next(row, matrix()) {
            Some(Next::On(day)) => json!(day.to_string()),
            Some(Next::NotKnown) => json!("not-known"),
            None => json!(null),
        };
        object.insert("next_rotation".to_owned(), next);
        serde_json::Value::Object(object)
    });
    json::pretty(&objects.collect::<Vec<_>>()).unwrap_or_default()
}

fn reconcile(ui: &Ui, args: &ReconcileArgs) -> Result<ExitCode, CliError> {
    let world = args.known.load(ui, NOBODY)?;
    let today = governance::today(args.answer.as_of);
    let (found, mut gaps) = reconcile::reconcile(&world.inventory, &world.estate, today, matrix());
    gaps.extend(world.failed.clone());
    let header = ["STATE", "WHAT", "NAME", "WHY"];
    let row = |found: &Difference| {
        vec![found.what.name().to_owned(), found.of.clone(), found.name.clone(), found.why.clone()]
    };
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    let text = match args.answer.format {
        Form::Csv => sheet::csv(&header, &rows),
        Form::Table if rows.is_empty() => "the inventory and what providers list are the same\n".to_owned(),
        Form::Table => sheet::table(&header, &rows),
        Form::Json => {
            let answer = json!({"differences": found, "not_compared": gaps});
            json::pretty(&answer).unwrap_or_default()
        }
    };
    put::text(args.answer.output.as_deref(), &text)?;
    gaps.iter().for_each(|gap| ui.note(&sheet::safe(gap)));
    let unread = !world.failed.is_empty() || !world.estate.unread.is_empty() || !world.estate.accounts_told;
    Ok(if unread {
        ExitCode::from(UNKNOWN)
    } else if args.answer.check && !found.is_empty() {
        ExitCode::from(FINDING)
    } else {
        ExitCode::SUCCESS
    })
}
