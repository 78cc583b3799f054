//! SQL over logs: records as the table `log`, what the rules found in them as `findings`.
//!
//! Polars executes the query. A table reads the logs when the query asks it to, and gives only the columns and rows that
//! are asked for; memory holds what is selected, not what is read.

mod findings;
mod log;
pub mod sql;
pub mod write;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use polars::error::PolarsError;
use polars::frame::DataFrame;
use polars::sql::SQLContext;

use self::findings::FindingsTable;
use self::log::LogTable;
use self::sql::{FINDINGS, LOG, Parsed};
use crate::output::columns::FindingColumns;
use crate::scan::ledger::Ledger;
use crate::scan::{Config, Progress};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is no SQL.
    #[error("this SQL is not understood: {0}")]
    Syntax(String),
    /// No statement, or several.
    #[error("a query is one statement")]
    NotOne,
    /// It changes something.
    #[error("a query is a SELECT; nothing can be changed")]
    NotASelect,
    /// It reads something else.
    #[error("there is no table `{0}`: a query reads `log` and `findings`")]
    Table(String),
    /// It does not fit the tables.
    #[error("{0}")]
    Engine(#[from] PolarsError),
    /// The logs could not be scanned at all.
    #[error("{0}")]
    Scan(String),
}

/// What a query came to.
pub struct Answer {
    /// Rows and columns.
    pub frame: DataFrame,
    /// What was read: one ledger for each time that the logs were.
    pub ledgers: Vec<Ledger>,
    /// Columns of the query that no record has.
    pub absent: BTreeSet<String>,
}

/// Ledgers of reads, and what they saw.
#[derive(Default)]
struct Seen {
    ledgers: Vec<Ledger>,
    /// Columns that some record had.
    columns: BTreeSet<String>,
    failure: Option<String>,
}

type Shared = Arc<Mutex<Seen>>;

/// Whether the logs have to be read with rules.
pub fn reads_findings(query: &Parsed) -> bool {
    query.tables.contains(FINDINGS)
}

/// Executes a query over the records of `records`, and over the findings of `findings` where it reads them.
///
/// Rows of one file keep their order, and groups are ordered by their keys, so the same logs give the same answer.
///
/// # Errors
/// The query does not fit the tables, or the logs cannot be read at all. What is unreadable in them is in the ledgers.
pub fn execute(
    query: &Parsed,
    records: Config,
    findings: Option<Config>,
    progress: &Arc<dyn Progress + Send + Sync>,
) -> Result<Answer, QueryError> {
    let seen = Shared::default();
    let names = log_names(query);
    let log = LogTable::new(&names, records, Arc::clone(progress), Arc::clone(&seen));
    let extra = if query.tables.contains(LOG) { log.extra() } else { BTreeSet::new() };
    let mut context = SQLContext::new();
    context.register(LOG, log.into_frame()?);
    if let Some(config) = findings {
        let table = FindingsTable::new(config, Arc::clone(progress), Arc::clone(&seen));
        context.register(FINDINGS, table.into_frame()?);
    }
    let frame = context.execute(&query.sql).and_then(polars::prelude::LazyFrame::collect);
    let mut seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(failure) = seen.failure.take() {
        return Err(QueryError::Scan(failure));
    }
    let absent = extra.difference(&seen.columns).cloned().collect();
    Ok(Answer { frame: frame?, ledgers: seen.ledgers, absent })
}

/// What a query may mean by columns of `log`: everything that `findings` does not have, where it reads that too.
fn log_names(query: &Parsed) -> BTreeSet<String> {
    let findings = FindingColumns::schema();
    let own = |name: &&String| !reads_findings(query) || findings.get(name).is_none();
    query.names.iter().filter(own).cloned().collect()
}
