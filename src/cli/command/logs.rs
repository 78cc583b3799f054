//! The logs that a command reads, by which rules, and what it knows beside them.

use std::path::PathBuf;

use clap::ValueEnum;
use jiff::tz::TimeZone;

use super::rules;
use crate::cli::error::CliError;
use crate::cli::ui::Ui;
use crate::cli::{size, value};
use crate::derive::Baseline;
use crate::derive::zone::Profile;
use crate::enrich::{Atlas, Databases, KnownNetworks, Locate};
use crate::output::escape::Safe;
use crate::rule::{Level, Loaded};
use crate::scan::{Config, Engine};
use crate::source::input::{self, Limits};

/// Most workers.
const MAX_THREADS: usize = 1024;

/// Logs, rules, and how they are read.
#[derive(Debug, clap::Args)]
pub(super) struct Logs {
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
    /// TOML file with what the organisation says of itself: time zones of accounts, values of placeholders, thresholds
    /// of rules.
    #[arg(long, value_name = "FILE", help_heading = "What is usual")]
    profile: Option<PathBuf>,
    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    reading: Reading,
    /// Longest record; longer ones are rejected.
    #[arg(long, value_name = "SIZE", default_value = "4MiB", value_parser = size::parse, help_heading = "Reading")]
    max_record: u64,
    /// Most bytes of one decompressed input.
    #[arg(long, value_name = "SIZE", default_value = "1TiB", value_parser = size::parse, help_heading = "Reading")]
    max_expanded: u64,
    /// Most bytes out for each compressed byte in, judged after 64 MiB.
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_ratio, help_heading = "Reading")]
    max_ratio: u64,
}

/// How logs are understood.
#[derive(Debug, clap::Args)]
pub(super) struct Reading {
    /// The kind of log, instead of recognising it: mixpanel-audit, mixpanel-export, okta, entra, google-workspace, auth0,
    /// onelogin, pingone, roster, generic (with --mapping) or json.
    #[arg(long, value_name = "NAME", value_parser = value::source, help_heading = "Reading")]
    source: Option<String>,
    /// TOML file that says which keys or columns give which fields, what values mean, and how times are written.
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    mapping: Option<PathBuf>,
    /// The zone of times that name none, and of a roster's days, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE", value_parser = value::zone, help_heading = "Reading")]
    log_zone: Option<TimeZone>,
}

impl Reading {
    /// Puts it into what a scan is asked to do.
    pub(super) fn apply(&self, config: &mut Config) {
        config.source.clone_from(&self.source);
        config.mapping.clone_from(&self.mapping);
        config.log_zone.clone_from(&self.log_zone);
    }
}

/// Workers and memory.
#[derive(Debug, clap::Args)]
pub(super) struct Speed {
    /// Workers; 0: one for each core.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Speed")]
    threads: usize,
    /// Bytes that a worker takes at a time.
    #[arg(long, value_name = "SIZE", default_value = "4MiB", value_parser = size::parse, help_heading = "Speed")]
    chunk_size: u64,
    /// Memory for the facts behind derived fields; beyond it they go to temporary files.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size::parse, help_heading = "Speed")]
    state_memory: u64,
    /// fast, or strict: the plain reference engine, slower, with the same findings.
    #[arg(long, value_enum, default_value_t = EngineName::Fast, value_name = "ENGINE", help_heading = "Speed")]
    engine: EngineName,
}

/// Where what is known of addresses comes from.
#[derive(Debug, clap::Args)]
pub(super) struct Places {
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
    pub(super) fn open(&self) -> Result<Option<Box<dyn Locate + Send>>, CliError> {
        let networks = match &self.networks {
            None => KnownNetworks::builtin()?,
            Some(path) => KnownNetworks::read(path)?,
        };
        Ok(Some(Box::new(Atlas { databases: Databases::open(&self.geo)?, networks })))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// Templates, shared tests, remembered values.
    Fast,
    /// Every record walked, every rule evaluated by itself.
    Strict,
}

impl Logs {
    /// What a scan of these logs is asked to do. Rules that cannot be loaded are warned of.
    ///
    /// # Errors
    /// A file that is named cannot be read, a limit is out of its range, or no rule could be loaded.
    pub(super) fn config(&self, ui: &Ui, speed: &Speed) -> Result<Config, CliError> {
        let profile = self.profile.as_deref().map(Profile::read).transpose()?.unwrap_or_default();
        let loaded = self.load(ui, &profile)?;
        let mut config = self.read_with(loaded, speed)?;
        config.locate = self.places.open()?;
        config.profile = profile;
        config.baseline = self.baseline.as_deref().map(Baseline::read).transpose()?;
        Ok(config)
    }

    /// Whether there are logs among them that cannot be read a second time: standard input, pipes.
    pub(super) fn are_read_once(&self) -> bool {
        self.paths.iter().any(|path| input::is_read_once(path))
    }

    /// The paths as they were given.
    pub(super) fn paths(&self) -> &[String] {
        &self.paths
    }

    /// What a reading of these logs without rules is asked to do.
    ///
    /// # Errors
    /// A limit is out of its range.
    pub(super) fn records(&self, speed: &Speed) -> Result<Config, CliError> {
        self.read_with(Loaded::default(), speed)
    }

    fn load(&self, ui: &Ui, profile: &Profile) -> Result<Loaded, CliError> {
        let loaded = rules::load_with(&self.rules, self.with_builtin, self.placeholders.as_deref(), profile)?;
        for error in &loaded.errors {
            ui.warn(&format!("rule not loaded: {}", Safe(&error.to_string())));
        }
        for warning in &loaded.warnings {
            ui.warn(&Safe(&warning.to_string()).to_string());
        }
        if loaded.rules.is_empty() {
            return Err(
                CliError::usage("no rule could be loaded").hint("`portcullis rules check PATH` says why")
            );
        }
        Ok(loaded)
    }

    /// Reads with these rules, or with none, and knows nothing else.
    fn read_with(&self, rules: Loaded, speed: &Speed) -> Result<Config, CliError> {
        let mut config = Config::new(self.paths.clone(), rules);
        self.reading.apply(&mut config);
        config.level = self.level;
        config.max_record = bytes(self.max_record, "--max-record", 1 << 30)?;
        config.limits = Limits { max_expanded: self.max_expanded, max_ratio: self.max_ratio };
        config.threads = threads(speed.threads)?;
        config.chunk_size = bytes(speed.chunk_size, "--chunk-size", 64 << 20)?;
        config.engine = match speed.engine {
            EngineName::Fast => Engine::Fast,
            EngineName::Strict => Engine::Strict,
        };
        config.state_memory = usize::try_from(speed.state_memory)
            .map_err(|error| CliError::usage(format!("--state-memory: {error}")))?;
        Ok(config)
    }
}

/// Workers: more than any machine has cores are a slip.
fn threads(count: usize) -> Result<usize, CliError> {
    if count > MAX_THREADS {
        return Err(CliError::usage(format!("--threads has to be between 0 and {MAX_THREADS}")));
    }
    Ok(count)
}

/// A size between 4 KiB and `most`.
fn bytes(size: u64, flag: &str, most: u64) -> Result<usize, CliError> {
    usize::try_from(size)
        .ok()
        .filter(|_| (4096..=most).contains(&size))
        .ok_or_else(|| CliError::usage(format!("{flag} has to be between 4KiB and {}MiB", most >> 20)))
}
