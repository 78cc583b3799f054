//! `portcullis scan`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use jiff::tz::TimeZone;

use super::logs::{Logs, Speed};
pub(super) use super::scan_summary::print as print_summary;
use super::{scan_report, scan_stats};
use crate::cli::config::Place;
use crate::cli::error::{CliError, FINDING, INCOMPLETE, USAGE};
use crate::cli::put::{self, Out};
use crate::cli::ui::Ui;
use crate::cli::value;
use crate::event::time::Timestamp;
use crate::output::{self, Options};
use crate::rule::Level;
use crate::scan::ledger::Ledger;
use crate::scan::{self, Config};

/// Run the rules over logs: findings on standard output, a summary of what was covered on standard error.
///
/// PATH is a file, a folder, a quoted glob, or - for standard input; plain, gzip, zstd or zip. The kind of log is
/// recognised by its content.
///
/// Exit codes: 0 every byte accounted for; 1 a finding at or above --fail-on; 2 bad usage, configuration or rule;
/// 3 finished, but something was rejected or unreadable, and the ledger says what.
///
/// Examples:
///   portcullis scan fixtures/incident
///   portcullis scan audit.ndjson okta.json.gz --level high --since 2026-05-01
///   portcullis scan logs/ --format jsonl --ledger ledger.json -o findings.jsonl
///   portcullis scan logs/ --stats --account jane@agency.example
///   portcullis scan 'exports/*.csv' --source mixpanel-audit --log-zone America/Los_Angeles
///   portcullis scan logs/ --format html --incident 2026-10-24-jane-agency-example -o report.html
///   zstdcat big.zst | portcullis scan - --account jane@agency.example --fail-on high
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[expect(clippy::doc_markdown, reason = "examples are for a shell, which would run what stands in backticks")]
pub struct Args {
    #[command(flatten)]
    pub(super) logs: Logs,

    /// Findings from this time on: 2026-05-01 or 2026-05-01T02:14:09Z. Records without a time are kept.
    #[arg(long, value_name = "TIME", value_parser = value::time, help_heading = "Findings")]
    pub(super) since: Option<Timestamp>,
    /// Findings before this time.
    #[arg(long, value_name = "TIME", value_parser = value::time, help_heading = "Findings")]
    pub(super) until: Option<Timestamp>,
    /// Findings of this account alone.
    #[arg(long, value_name = "EMAIL", help_heading = "Findings")]
    pub(super) account: Option<String>,
    /// Exit with 1 if there is a finding of this level or above.
    #[arg(long, value_name = "LEVEL", value_parser = value::level, help_heading = "Findings")]
    fail_on: Option<Level>,

    /// How findings are written: text, jsonl, csv or html (a report for people); for other tools ecs, ocsf, ocsf-integrity, sarif,
    /// timesketch, timesketch-csv, navigator (an ATT&CK layer) or, with --output, parquet.
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = value::format, help_heading = "Output")]
    pub(super) format: String,
    /// Count instead of searching: records by account, action, address and hour, as text, csv or jsonl. No rule is run.
    #[arg(long, conflicts_with_all = ["group", "incident", "fail_on", "level"], help_heading = "Output")]
    stats: bool,
    /// Group findings: `incident` puts those of one account together that are close in time, scored, most serious first.
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Output")]
    pub(super) group: Option<Group>,
    /// The longest silence inside an incident, such as 12h or 2d.
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = value::duration, help_heading = "Output")]
    pub(super) incident_gap: i64,
    /// Write findings to a file, which appears when it is complete; - is standard output. A log is never written over.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(super) output: Option<PathBuf>,
    /// The incident whose lockdown is reported too, with --format html; `portcullis status` lists them.
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub(super) incident: Option<String>,
    #[command(flatten)]
    pub(super) place: Place,
    /// Write the coverage ledger, in JSON; repeated records are counted too.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) ledger: Option<PathBuf>,
    /// The zone in which text output shows times.
    #[arg(long, value_name = "ZONE", value_parser = value::zone, help_heading = "Output")]
    pub(super) time_zone: Option<TimeZone>,
    /// Show every finding in text output, not the first few of each rule.
    #[arg(long, help_heading = "Output")]
    pub(super) all: bool,

    #[command(flatten)]
    pub(super) speed: Speed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Group {
    /// By account and time.
    Incident,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let ledger_file = open_ledger(args)?;
    let ledger = if args.stats {
        scan_stats::write(ui, args)?
    } else if args.format == scan_report::FORMAT {
        scan_report::write(ui, args, config(ui, args)?)?
    } else if args.incident.is_some() {
        return Err(
            CliError::usage("--incident goes with --format html").hint("other formats have findings alone")
        );
    } else {
        write(ui, args, &config(ui, args)?)?
    };
    if let Some(file) = ledger_file {
        file.fill(|out| ledger.write_json(out))?;
    }
    if args.stats {
        super::scan_summary::print_coverage(ui, &ledger);
    } else {
        print_summary(ui, &ledger);
    }
    let serious = args.fail_on.is_some_and(|level| ledger.findings().at_least(level) > 0);
    Ok(if serious {
        ExitCode::from(FINDING)
    } else if !ledger.rule_errors.is_empty() {
        ExitCode::from(USAGE)
    } else if !ledger.is_clean() {
        ExitCode::from(INCOMPLETE)
    } else {
        ExitCode::SUCCESS
    })
}

/// Refuses what could not be written at the end, before anything is read.
fn open_ledger(args: &Args) -> Result<Option<Out>, CliError> {
    let (output, ledger) = (args.output.as_deref(), args.ledger.as_deref());
    let Some(ledger) = ledger else {
        put::spare(output, args.logs.paths())?;
        return Ok(None);
    };
    if output == Some(ledger) || (put::is_standard(output) && put::is_standard(Some(ledger))) {
        return Err(CliError::usage("findings and ledger cannot go to one place")
            .hint("name a file with --output or --ledger"));
    }
    [output, Some(ledger)].into_iter().try_for_each(|path| put::spare(path, args.logs.paths()))?;
    Out::open(Some(ledger)).map(Some)
}

fn config(ui: &Ui, args: &Args) -> Result<Config, CliError> {
    let mut config = args.logs.config(ui, &args.speed)?;
    config.since = args.since;
    config.until = args.until;
    config.account.clone_from(&args.account);
    config.count_duplicates = args.ledger.is_some();
    Ok(config)
}

fn write(ui: &Ui, args: &Args, config: &Config) -> Result<Ledger, CliError> {
    let format = output::format(&args.format).ok_or_else(|| CliError::usage("unknown format"))?;
    let options = Options {
        color: put::is_standard(args.output.as_deref()) && ui.color_stdout(),
        zone: args.time_zone.clone().unwrap_or(TimeZone::UTC),
        per_rule: if args.all { 0 } else { Options::default().per_rule },
        incident_gap: args.incident_gap,
    };
    if format.name == output::parquet::FORMAT.name && put::is_standard(args.output.as_deref()) {
        return Err(CliError::usage("Parquet is not for a terminal").hint("name a file with --output"));
    }
    let open = match args.group {
        None => format.open,
        Some(Group::Incident) => format.open_grouped.ok_or_else(|| {
            CliError::usage(format!("--format {} has no groups", format.name)).hint("use text or jsonl")
        })?,
    };
    let bar = ui.progress();
    let mut out = Out::open(args.output.as_deref())?;
    let mut sink = open(Box::new(&mut out), options);
    let result = scan::run(config, &mut *sink, &bar);
    drop(sink);
    bar.finish();
    let ledger = result?;
    out.finish()?;
    Ok(ledger)
}
