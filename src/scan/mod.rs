//! The scan: logs in, findings and a coverage ledger out.
//!
//! Inputs are cut into units of whole records. Workers read, evaluate and account for units in any order; the
//! collector strings them together again. Nothing that is written depends on how the cutting was done.

pub mod collect;
pub mod evaluate;
mod facts;
pub mod fields;
mod heap;
mod judge;
mod kept;
pub mod ledger;
pub mod lines;
mod mapped;
pub mod program;
mod prune;
mod report;
mod resolve;
pub mod rows;
pub mod session;
mod stream;
pub mod unit;
mod work;

use std::io;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::decode::fields::View;
use crate::decode::json::simd::Isa;
use crate::derive::Baseline;
use crate::derive::zone::Profile;
use crate::enrich::{Attribute, Given, Locate};
use crate::event::time::{TimeOptions, TimeReader, Timestamp};
use crate::output::Sink;
use crate::rule::{Level, Loaded};
use crate::source::input::{self, Limits};
use crate::source::mapping::MappingError;
use crate::source::{self, Mapping};
use ledger::Ledger;
use rows::{Projection, TakeRows};

/// Which engine evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Templates, shared tests, remembered values.
    Fast,
    /// The plain reference: every record walked, every rule evaluated by itself. Slower; the same findings.
    Strict,
}

/// What a scan is asked to do.
pub struct Config {
    /// Files, folders, globs, or `-`.
    pub paths: Vec<String>,
    /// The rules, and what could not be loaded.
    pub rules: Loaded,
    /// Name of the source, where it is not to be told from the content.
    pub source: Option<String>,
    /// The user's mapping file.
    pub mapping: Option<PathBuf>,
    /// The zone of times that name none.
    pub log_zone: Option<TimeZone>,
    /// Findings from this instant on.
    pub since: Option<Timestamp>,
    /// Findings before this instant.
    pub until: Option<Timestamp>,
    /// Findings of this actor alone.
    pub account: Option<String>,
    /// Rules of at least this level.
    pub level: Option<Level>,
    /// Workers; 0: one for each core.
    pub threads: usize,
    /// Bytes of a unit, about.
    pub chunk_size: usize,
    /// Longest record in bytes.
    pub max_record: usize,
    /// Limits on decompression.
    pub limits: Limits,
    /// Which engine.
    pub engine: Engine,
    /// Which instruction set; `None`: the best there is.
    pub isa: Option<Isa>,
    /// Whether to count repeated records.
    pub count_duplicates: bool,
    /// Tells where addresses are.
    pub locate: Option<Box<dyn Locate + Send>>,
    /// What the organisation says of itself.
    pub profile: Profile,
    /// What was usual before these logs.
    pub baseline: Option<Baseline>,
    /// Facts are noted, of records before [`Config::until`]; rules find nothing.
    pub facts_alone: bool,
    /// Bytes of memory that facts may take, about; beyond it they go to temporary files.
    pub state_memory: usize,
    /// The values that [`read_rows`] gives, of records within the times asked for.
    pub projection: Option<Projection>,
}

/// Told how far a scan is. Called from workers.
pub trait Progress: Sync {
    /// So many more bytes of plain files, or of decompressed streams, were read.
    fn bytes(&self, count: u64);
    /// How many there are; `None` where that cannot be known.
    fn total(&self, count: Option<u64>);
}

/// Why a scan ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// No such source.
    #[error("unknown source `{0}`")]
    UnknownSource(String),
    /// The mapping file is unusable.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// Workers could not be started.
    #[error("cannot start workers: {0}")]
    Workers(#[from] rayon::ThreadPoolBuildError),
    /// The rules read more fields than can be numbered.
    #[error("the rules read more than 65,535 fields or path segments: load fewer rules")]
    TooManyFields,
    /// Findings could not be written.
    #[error("cannot write findings: {0}")]
    Output(io::Error),
    /// Matches could not be kept in a temporary file.
    #[error("cannot keep findings in a temporary file: {0}")]
    Spill(io::Error),
    /// Rows could not be taken.
    #[error("cannot take the records' values: {0}")]
    Rows(io::Error),
}

/// The part of a [`Config`] that workers read.
pub struct Settings {
    /// Reads times.
    pub time: TimeReader,
    /// The zone of days that somebody wrote down.
    pub day_zone: TimeZone,
    /// See [`Config::since`].
    pub since: Option<Timestamp>,
    /// See [`Config::until`].
    pub until: Option<Timestamp>,
    /// See [`Config::account`].
    pub account: Option<String>,
    /// See [`Config::engine`].
    pub engine: Engine,
    /// See [`Config::isa`].
    pub isa: Option<Isa>,
    /// See [`Config::chunk_size`].
    pub chunk_size: usize,
    /// See [`Config::max_record`].
    pub max_record: usize,
    /// See [`Config::count_duplicates`].
    pub count_duplicates: bool,
    /// Facts before this time alone are noted.
    pub facts_until: Option<Timestamp>,
    /// The fields that databases give where a record does not have them.
    pub places: Given,
    /// The zone of every account, where all have the same.
    pub only_zone: Option<TimeZone>,
    /// See [`Config::projection`].
    pub projection: Option<Projection>,
}

impl Settings {
    /// Whether a match is within the times and of the account asked for. One without a time is.
    pub fn wants(&self, hit: &unit::Hit) -> bool {
        let in_time = hit.time.is_none_or(|(nanos, _)| self.is_in_time(nanos));
        let own = self.account.as_ref().is_none_or(|account| {
            hit.actor.as_ref().is_some_and(|actor| actor.eq_ignore_ascii_case(account))
        });
        in_time && own
    }

    /// The same of a record that something matches.
    pub fn wants_record<V: View>(&self, time: Option<(i64, u8)>, view: &V) -> bool {
        time.is_none_or(|(nanos, _)| self.is_in_time(nanos))
            && self.account.as_ref().is_none_or(|account| rows::is_of(view, account))
    }

    fn is_in_time(&self, nanos: i64) -> bool {
        self.since.is_none_or(|since| nanos >= since.nanos)
            && self.until.is_none_or(|until| nanos < until.nanos)
    }

    /// See [`Projection::brief`].
    pub fn is_brief(&self) -> bool {
        self.projection.as_ref().is_some_and(|wanted| wanted.brief)
    }

    /// The instruction set to use.
    pub fn isa(&self) -> Isa {
        match self.engine {
            Engine::Fast => self.isa.unwrap_or_else(Isa::detect),
            Engine::Strict => Isa::Portable,
        }
    }
}

/// Runs a scan: findings go to `sink` in their final order, the ledger comes back.
pub fn run(config: &Config, sink: &mut dyn Sink, progress: &dyn Progress) -> Result<Ledger, ScanError> {
    read(config, progress, None, |mapping, done, discovery| {
        report::finish(config, mapping, done, discovery, sink)
    })
}

/// Runs a scan like [`run`], and gives the values of [`Config::projection`] to `rows`.
pub fn read_rows(
    config: &Config,
    sink: &mut dyn Sink,
    rows: &dyn TakeRows,
    progress: &dyn Progress,
) -> Result<Ledger, ScanError> {
    read(config, progress, Some(rows), |mapping, done, discovery| {
        report::finish(config, mapping, done, discovery, sink)
    })
}

/// Notes what is usual, for the rules of `config`; records from [`Config::until`] on are left out. The ledger says what
/// was read. The baseline names no logs yet: who calls knows them.
pub fn learn(config: &Config, progress: &dyn Progress) -> Result<(Baseline, Ledger), ScanError> {
    read(config, progress, None, |mapping, mut done, discovery| {
        let names: Vec<String> = done.plan.tables.iter().map(|table| table.name.clone()).collect();
        let baseline = Baseline::of(&std::mem::take(&mut done.state), &names, Vec::new());
        Ok((baseline, report::finish(config, mapping, done, discovery, &mut NoFindings)?))
    })
}

/// Takes nothing: without rules nothing is found.
#[derive(Debug)]
pub struct NoFindings;

impl Sink for NoFindings {
    fn finding(&mut self, _: &crate::finding::Finding) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &crate::output::Summary) -> io::Result<()> {
        Ok(())
    }
}

/// Reads everything and gives what it came to to `with`.
fn read<R>(
    config: &Config,
    progress: &dyn Progress,
    rows: Option<&dyn TakeRows>,
    with: impl FnOnce(&Mapping, work::Done, &input::Discovery) -> Result<R, ScanError>,
) -> Result<R, ScanError> {
    let forced = match &config.source {
        None => None,
        Some(name) => Some(source::find(name).ok_or_else(|| ScanError::UnknownSource(name.clone()))?),
    };
    let mapping = config.mapping.as_deref().map(Mapping::read).transpose()?.unwrap_or_default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(config.threads).build()?;
    let discovery = input::discover(&config.paths);
    progress.total(total_bytes(&discovery.inputs));
    let readers = work::Readers { threads: pool.current_num_threads(), progress, rows };
    let scan = work::Scan::new(config, forced, &mapping, &discovery.inputs, &readers);
    pool.scope(|scope| scan.start(scope));
    let done = pool.install(|| scan.finish())?;
    with(&mapping, done, &discovery)
}

fn total_bytes(inputs: &[input::Input]) -> Option<u64> {
    inputs
        .iter()
        .map(|input| {
            let plain = input.compression == input::Compression::None;
            let path = input.path.as_ref().filter(|_| plain)?;
            Some(std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len())
        })
        .sum()
}

/// Bytes of a unit, unless it is said otherwise.
pub const CHUNK_SIZE: usize = 4 << 20;
/// Memory for facts, unless it is said otherwise.
pub const STATE_MEMORY: usize = 1 << 30;
/// Longest record, unless it is said otherwise.
pub const MAX_RECORD: usize = 4 << 20;

impl Config {
    /// A scan of these paths with these rules, everything else as it is by default.
    pub fn new(paths: Vec<String>, rules: Loaded) -> Self {
        Self {
            paths,
            rules,
            source: None,
            mapping: None,
            log_zone: None,
            since: None,
            until: None,
            account: None,
            level: None,
            threads: 0,
            chunk_size: CHUNK_SIZE,
            max_record: MAX_RECORD,
            limits: Limits::default(),
            engine: Engine::Fast,
            isa: None,
            count_duplicates: false,
            locate: None,
            profile: Profile::default(),
            baseline: None,
            facts_alone: false,
            state_memory: STATE_MEMORY,
            projection: None,
        }
    }

    /// The fields that databases give where a record does not have them.
    fn places(&self) -> Given {
        self.locate.as_deref().map(|locate| Given::by(locate)).unwrap_or_default()
    }

    /// The organisation's zone, where neither the profile nor a database can tell another for an account.
    fn only_zone(&self) -> Option<TimeZone> {
        let told = self.locate.as_deref().is_some_and(|locate| locate.knows(Attribute::TimeZone));
        let one = !told && !self.profile.names_zones();
        one.then(|| self.profile.zone.clone().unwrap_or(TimeZone::UTC))
    }

    fn settings(&self, mapping: &Mapping) -> Settings {
        Settings {
            time: TimeReader::new(TimeOptions {
                log_zone: self.log_zone.clone(),
                formats: mapping.time_formats().to_vec(),
            }),
            day_zone: self.log_zone.clone().or_else(|| self.profile.zone.clone()).unwrap_or(TimeZone::UTC),
            since: self.since,
            until: self.until,
            account: self.account.clone(),
            engine: self.engine,
            isa: self.isa,
            chunk_size: self.chunk_size.max(1),
            max_record: self.max_record.max(1),
            count_duplicates: self.count_duplicates,
            facts_until: self.until.filter(|_| self.facts_alone),
            only_zone: self.only_zone(),
            places: self.places(),
            projection: self.projection.clone(),
        }
    }
}
