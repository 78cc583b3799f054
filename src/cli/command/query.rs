//! `portcullis query`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;

use super::logs::{Logs, Speed};
use super::scan_summary;
use crate::cli::error::{CliError, INCOMPLETE};
use crate::cli::put::{self, Out};
use crate::cli::ui::Ui;
use crate::output::escape::Safe;
use crate::query::write::{self, Form};
use crate::query::{self, QueryError, sql};
use crate::scan::Progress;

/// Ask the logs in SQL: records are the table `log`, what the rules find in them is `findings`.
///
/// Columns of `log` are the fields that rules read (user.email, source.ip, event.action, event.outcome, …), @timestamp in
/// UTC, and every key or path of the records themselves (debugContext.debugData.requestUri); values are text, as the
/// log has them: CAST(x AS DOUBLE) makes numbers of them. _file, _record, _offset and _length say where a record is,
/// _source what kind of log, and _raw is the record itself. Columns of `findings`: time, level, score, title, actor,
/// action, why, `source_ip`, `rule_id` and more.
///
/// A query that names two tables, or one twice, reads the logs again, so not standard input.
///
/// The summary of what was read goes to standard error. Exit codes: 0 every byte accounted for; 2 bad usage or query;
/// 3 answered, but something was rejected or unreadable.
///
/// Examples:
///   portcullis query "SELECT event.action, count(*) AS n FROM log GROUP BY event.action ORDER BY n DESC" fixtures/incident
///   portcullis query "SELECT @timestamp, source.ip, _raw FROM log WHERE user.email = 'jane@agency.example'" logs/ --format jsonl
///   portcullis query "SELECT actor, level, count(*) AS n FROM findings GROUP BY actor, level" logs/
///   portcullis query "SELECT * FROM log WHERE @timestamp >= '2026-05-01'" 'logs/*.gz' -o may.parquet
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// One SELECT statement.
    #[arg(value_name = "SQL")]
    sql: String,
    #[command(flatten)]
    logs: Logs,

    /// How the answer is written: table, csv, jsonl or parquet. Without it, the name of --output decides, else table.
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    format: Option<FormName>,
    /// Write the answer to a file, which appears when it is complete.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

    #[command(flatten)]
    speed: Speed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormName {
    /// Aligned columns; long cells are cut.
    Table,
    /// For spreadsheets.
    Csv,
    /// One object a line, exact.
    Jsonl,
    /// For data tools; needs --output.
    Parquet,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let form = form(args)?;
    let parsed = sql::parse(&args.sql).map_err(|error| failed(&error))?;
    if parsed.reads_again && args.logs.are_read_once() {
        return Err(CliError::usage(
            "standard input and pipes can be read once, and this query reads the logs twice",
        )
        .hint("save them to a file first"));
    }
    let findings = query::reads_findings(&parsed).then(|| args.logs.config(ui, &args.speed)).transpose()?;
    put::spare(args.output.as_deref(), args.logs.paths())?;
    let out = Out::open(args.output.as_deref())?;
    let bar = Arc::new(ui.progress());
    let progress: Arc<dyn Progress + Send + Sync> = Arc::<crate::cli::ui::Bar>::clone(&bar);
    let answer = query::execute(&parsed, args.logs.records(&args.speed)?, findings, &progress);
    bar.finish();
    let mut answer = answer.map_err(|error| failed(&error))?;
    out.fill(|out| write::write(out, &mut answer.frame, form))?;
    for column in &answer.absent {
        ui.warn(&format!("no record has `{}`: the column is empty", Safe(column)));
    }
    if let Some(ledger) = answer.ledgers.last() {
        scan_summary::print_coverage(ui, ledger);
    }
    let clean = answer.ledgers.iter().all(crate::scan::ledger::Ledger::is_clean);
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

fn form(args: &Args) -> Result<Form, CliError> {
    let extension = args.output.as_deref().and_then(Path::extension).and_then(|extension| extension.to_str());
    let form = match (args.format, extension) {
        (Some(FormName::Csv), _) | (None, Some("csv")) => Form::Csv,
        (Some(FormName::Jsonl), _) | (None, Some("jsonl" | "ndjson")) => Form::Jsonl,
        (Some(FormName::Parquet), _) | (None, Some("parquet")) => Form::Parquet,
        (Some(FormName::Table) | None, _) => Form::Table,
    };
    if form == Form::Parquet && put::is_standard(args.output.as_deref()) {
        return Err(CliError::usage("Parquet is not for a terminal").hint("name a file with --output"));
    }
    Ok(form)
}

fn failed(error: &QueryError) -> CliError {
    let said = CliError::usage(Safe(&error.to_string()).to_string());
    match error {
        QueryError::Syntax(_) | QueryError::Engine(_) | QueryError::Table(_) => {
            said.hint("`portcullis query --help` has examples and names the columns")
        }
        QueryError::NotOne | QueryError::NotASelect | QueryError::Scan(_) => said,
    }
}
