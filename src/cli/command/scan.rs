//! `portcullis scan`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use jiff::tz::TimeZone;

use super::rules;
pub(super) use super::scan_summary::print as print_summary;
use crate::cli::error::{CliError, FINDING, INCOMPLETE, USAGE};
use crate::cli::ui::{Ui, stdout};
use crate::cli::{size, value};
use crate::derive::Baseline;
use crate::derive::zone::Profile;
use crate::enrich::{Atlas, Databases, KnownNetworks, Locate};
use crate::event::time::Timestamp;
use crate::output::{self, Options};
use crate::rule::Level;
use crate::scan::ledger::Ledger;
use crate::scan::{self, Config, Engine};
use crate::source::input::Limits;
use crate::sys::fs::Pending;

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
///   portcullis scan 'exports/*.csv' --source mixpanel-audit --log-zone `America/Los_Angeles`
///   zstdcat big.zst | portcullis scan - --account jane@agency.example --fail-on high
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Files, folders, globs, or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,

    /// Rule files or folders, instead of the built-in rules; can be given several times.
    #[arg(long, value_name = "PATH", help_heading = "Rules")]
    rules: Vec<PathBuf>,
    /// Use the built-in rules as well as those of --rules.
    #[arg(long, requires = "rules", help_heading = "Rules")]
    with_builtin: bool,
    /// YAML file with values for the placeholders of rules (`expand`).
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    placeholders: Option<PathBuf>,
    /// Rules of at least this level: informational, low, medium, high or critical.
    #[arg(long, value_name = "LEVEL", value_parser = value::level, help_heading = "Rules")]
    level: Option<Level>,

    /// What was usual before these logs, from `portcullis baseline learn`. Its facts count for days before the first
    /// record of the logs.
    #[arg(long, value_name = "FILE", help_heading = "What is usual")]
    baseline: Option<PathBuf>,
    /// TOML file with what the organisation says of itself: time zones of accounts, values of placeholders.
    #[arg(long, value_name = "FILE", help_heading = "What is usual")]
    profile: Option<PathBuf>,
    #[command(flatten)]
    places: Places,

    /// The kind of log: okta, mixpanel-audit or json, instead of recognising it.
    #[arg(long, value_name = "NAME", value_parser = value::source, help_heading = "Reading")]
    source: Option<String>,
    /// TOML file that says which keys or columns give which fields.
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    mapping: Option<PathBuf>,
    /// The zone of times that name none, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE", value_parser = value::zone, help_heading = "Reading")]
    log_zone: Option<TimeZone>,
    /// Longest record; longer ones are rejected.
    #[arg(long, value_name = "SIZE", default_value = "4MiB", value_parser = size::parse, help_heading = "Reading")]
    max_record: u64,
    /// Most bytes of one decompressed input.
    #[arg(long, value_name = "SIZE", default_value = "1TiB", value_parser = size::parse, help_heading = "Reading")]
    max_expanded: u64,
    /// Most bytes out for each compressed byte in, judged after 64 MiB.
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_ratio, help_heading = "Reading")]
    max_ratio: u64,

    /// Findings from this time on: 2026-05-01 or 2026-05-01T02:14:09Z. Records without a time are kept.
    #[arg(long, value_name = "TIME", value_parser = value::time, help_heading = "Findings")]
    since: Option<Timestamp>,
    /// Findings before this time.
    #[arg(long, value_name = "TIME", value_parser = value::time, help_heading = "Findings")]
    until: Option<Timestamp>,
    /// Findings of this account alone.
    #[arg(long, value_name = "EMAIL", help_heading = "Findings")]
    account: Option<String>,
    /// Exit with 1 if there is a finding of this level or above.
    #[arg(long, value_name = "LEVEL", value_parser = value::level, help_heading = "Findings")]
    fail_on: Option<Level>,

    /// How findings are written: text, jsonl or csv.
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = value::format, help_heading = "Output")]
    format: String,
    /// Group findings: `incident` puts those of one account together that are close in time, scored, most serious first.
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Output")]
    group: Option<Group>,
    /// The longest silence inside an incident, such as 12h or 2d.
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = value::duration, help_heading = "Output")]
    incident_gap: i64,
    /// Write findings to a file, which appears when it is complete.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Write the coverage ledger, in JSON; repeated records are counted too.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    ledger: Option<PathBuf>,
    /// The zone in which text output shows times.
    #[arg(long, value_name = "ZONE", value_parser = value::zone, help_heading = "Output")]
    time_zone: Option<TimeZone>,
    /// Show every finding in text output, not the first few of each rule.
    #[arg(long, help_heading = "Output")]
    all: bool,

    /// Workers; 0: one for each core.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Speed")]
    threads: usize,
    /// Bytes that a worker takes at a time.
    #[arg(long, value_name = "SIZE", default_value = "4MiB", value_parser = size::parse, help_heading = "Speed")]
    chunk_size: u64,
    /// Memory for the facts behind derived fields; beyond it they go to temporary files.
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = size::parse, help_heading = "Speed")]
    state_memory: u64,
    /// fast, or strict: the plain reference engine, slower, with the same findings.
    #[arg(long, value_enum, default_value_t = EngineName::Fast, value_name = "ENGINE", help_heading = "Speed")]
    engine: EngineName,
}

/// Where what is known of addresses comes from.
#[derive(Debug, clap::Args)]
pub struct Places {
    /// `MaxMind` DB file with countries, cities, time zones or autonomous systems; can be given several times, the first
    /// that knows something wins.
    #[arg(long, value_name = "FILE", help_heading = "What is usual")]
    geo: Vec<PathBuf>,
    /// TOML file of VPN, relay and satellite networks, instead of those that are built in.
    #[arg(long, value_name = "FILE", help_heading = "What is usual")]
    networks: Option<PathBuf>,
}

impl Places {
    /// Opens the files.
    ///
    /// # Errors
    /// A file is no database or no list of networks.
    pub fn open(&self) -> Result<Option<Box<dyn Locate + Send>>, CliError> {
        let networks = match &self.networks {
            None => KnownNetworks::builtin()?,
            Some(path) => KnownNetworks::read(path)?,
        };
        Ok(Some(Box::new(Atlas { databases: Databases::open(&self.geo)?, networks })))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
    /// By account and time.
    Incident,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// Templates, shared tests, remembered values.
    Fast,
    /// Every record walked, every rule evaluated by itself.
    Strict,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let config = config(ui, args)?;
    let ledger = write(ui, args, &config)?;
    if let Some(path) = &args.ledger {
        write_ledger(path, &ledger)?;
    }
    print_summary(ui, &ledger);
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

fn config(ui: &Ui, args: &Args) -> Result<Config, CliError> {
    let profile = args.profile.as_deref().map(Profile::read).transpose()?.unwrap_or_default();
    let given = rules::placeholders(args.placeholders.as_deref(), &profile)?;
    let loaded = rules::load_with(&args.rules, args.with_builtin, &given);
    for error in &loaded.errors {
        ui.warn(&format!("rule not loaded: {}", crate::output::escape::Safe(&error.to_string())));
    }
    for warning in &loaded.warnings {
        ui.warn(&crate::output::escape::Safe(&warning.to_string()).to_string());
    }
    if loaded.rules.is_empty() {
        return Err(CliError::usage("no rule could be loaded").hint("`portcullis rules check PATH` says why"));
    }
    Ok(Config {
        paths: args.paths.clone(),
        rules: loaded,
        source: args.source.clone(),
        mapping: args.mapping.clone(),
        log_zone: args.log_zone.clone(),
        since: args.since,
        until: args.until,
        account: args.account.clone(),
        level: args.level,
        threads: args.threads,
        chunk_size: bytes(args.chunk_size, "--chunk-size", 64 << 20)?,
        max_record: bytes(args.max_record, "--max-record", 1 << 30)?,
        limits: Limits { max_expanded: args.max_expanded, max_ratio: args.max_ratio },
        engine: match args.engine {
            EngineName::Fast => Engine::Fast,
            EngineName::Strict => Engine::Strict,
        },
        isa: None,
        count_duplicates: args.ledger.is_some(),
        locate: args.places.open()?,
        profile,
        baseline: args.baseline.as_deref().map(Baseline::read).transpose()?,
        facts_alone: false,
        state_memory: usize::try_from(args.state_memory)
            .map_err(|error| CliError::usage(format!("--state-memory: {error}")))?,
    })
}

/// A size between 4 KiB and `most`.
fn bytes(size: u64, flag: &str, most: u64) -> Result<usize, CliError> {
    usize::try_from(size)
        .ok()
        .filter(|_| (4096..=most).contains(&size))
        .ok_or_else(|| CliError::usage(format!("{flag} has to be between 4KiB and {}MiB", most >> 20)))
}

fn write(ui: &Ui, args: &Args, config: &Config) -> Result<Ledger, CliError> {
    let format = output::format(&args.format).ok_or_else(|| CliError::usage("unknown format"))?;
    let options = Options {
        color: args.output.is_none() && ui.color_stdout(),
        zone: args.time_zone.clone().unwrap_or(TimeZone::UTC),
        per_rule: if args.all { 0 } else { Options::default().per_rule },
        incident_gap: args.incident_gap,
    };
    let open = match args.group {
        None => format.open,
        Some(Group::Incident) => format.open_grouped.ok_or_else(|| {
            CliError::usage(format!("--format {} has no groups", format.name)).hint("use text or jsonl")
        })?,
    };
    let bar = ui.progress();
    let result = match &args.output {
        None => {
            let mut sink = open(stdout(), options);
            scan::run(config, &mut *sink, &bar)
        }
        Some(path) => {
            let failed =
                |error: std::io::Error| CliError::usage(format!("cannot write {}: {error}", path.display()));
            let mut file = Pending::create(path).map_err(failed)?;
            let mut sink = open(Box::new(std::io::BufWriter::new(&mut file)), options);
            let result = scan::run(config, &mut *sink, &bar);
            drop(sink);
            if result.is_ok() {
                file.finish(path).map_err(failed)?;
            }
            result
        }
    };
    bar.finish();
    Ok(result?)
}

fn write_ledger(path: &std::path::Path, ledger: &Ledger) -> Result<(), CliError> {
    let failed = |error| CliError::usage(format!("cannot write {}: {error}", path.display()));
    let mut file = Pending::create(path).map_err(failed)?;
    let mut buffered = std::io::BufWriter::new(&mut file);
    ledger.write_json(&mut buffered).and_then(|()| buffered.flush()).map_err(failed)?;
    drop(buffered);
    file.finish(path).map_err(failed)
}
