//! The table `log`: every record a row.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::{
    AnonymousScan, AnonymousScanArgs, Column, DataFrame, DataType, Expr, IntoColumn, IntoLazy, LazyFrame,
    NamedFrom, NewChunkedArray, PlSmallStr, PolarsError, PolarsResult, ScanArgsAnonymous, Schema, SchemaRef,
    Series, StringChunked, TimeUnit,
};

use super::Shared;
use crate::scan::rows::{Projection, Rows, TakeRows};
use crate::scan::{self, Config, NoFindings, Progress};
use crate::source::SOURCES;

/// Time of the record, UTC.
pub(super) const TIME: &str = "@timestamp";
/// The input's label.
pub(super) const FILE: &str = "_file";
/// Number of the record in its input, from 1.
pub(super) const RECORD: &str = "_record";
/// Offset of the record in its decompressed input.
pub(super) const OFFSET: &str = "_offset";
/// Bytes of the record.
pub(super) const LENGTH: &str = "_length";
/// Name of the log's source.
pub(super) const SOURCE: &str = "_source";
/// The raw record.
const RAW: &str = "_raw";

/// Reads the logs when it is asked for rows.
pub(super) struct LogTable {
    config: Mutex<Config>,
    schema: SchemaRef,
    extra: BTreeSet<String>,
    progress: Arc<dyn Progress + Send + Sync>,
    seen: Shared,
}

impl LogTable {
    /// `names`: what the query may mean by columns of this table.
    pub(super) fn new(
        names: &BTreeSet<String>,
        config: Config,
        progress: Arc<dyn Progress + Send + Sync>,
        seen: Shared,
    ) -> Self {
        let mut schema = Schema::default();
        let time = DataType::Datetime(TimeUnit::Nanoseconds, None);
        let known: BTreeSet<&str> = SOURCES
            .iter()
            .flat_map(|source| source.fields.iter().copied().chain(source.meanings.iter().map(|of| of.field)))
            .collect();
        for name in known {
            schema.with_column(name.into(), DataType::String);
        }
        for (name, kind) in [
            (TIME, time),
            (SOURCE, DataType::String),
            (FILE, DataType::String),
            (RECORD, DataType::UInt64),
            (OFFSET, DataType::UInt64),
            (LENGTH, DataType::UInt64),
        ] {
            schema.with_column(name.into(), kind);
        }
        let extra: BTreeSet<String> =
            names.iter().filter(|name| schema.get(name).is_none()).cloned().collect();
        for name in &extra {
            schema.with_column(name.as_str().into(), DataType::String);
        }
        Self { config: Mutex::new(config), schema: Arc::new(schema), extra, progress, seen }
    }

    /// Columns that the query names and logs may have or not.
    pub(super) fn extra(&self) -> BTreeSet<String> {
        self.extra.iter().filter(|name| *name != RAW).cloned().collect()
    }

    pub(super) fn into_frame(self) -> PolarsResult<LazyFrame> {
        let schema = Some(Arc::clone(&self.schema));
        let args = ScanArgsAnonymous { schema, name: "log", ..ScanArgsAnonymous::default() };
        LazyFrame::anonymous_scan(Arc::new(self), args)
    }

    fn read(&self, asked: &Asked) -> Result<Vec<Unit>, String> {
        let units = Units { asked, done: Mutex::default() };
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        config.projection = Some(asked.projection());
        let ledger = scan::read_rows(&config, &mut NoFindings, &units, &*self.progress);
        let ledger = ledger.map_err(|error| error.to_string())?;
        drop(config);
        let done = units.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.ledgers.push(ledger);
        seen.columns.extend(done.columns);
        let mut units = done.units;
        units.sort_by_key(|unit| (unit.input, unit.number));
        Ok(units)
    }
}

impl AnonymousScan for LogTable {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn allows_predicate_pushdown(&self) -> bool {
        true
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }

    fn scan(&self, args: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let asked = Asked::new(&self.schema, &args);
        let units = self.read(&asked).map_err(|failure| {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).failure = Some(failure.clone());
            PolarsError::ComputeError(failure.into())
        })?;
        let mut whole = asked.empty(&self.schema)?;
        let mut before: BTreeMap<usize, u64> = BTreeMap::new();
        for mut unit in units {
            let before = before.entry(unit.input).or_default();
            if asked.numbers {
                let column = unit.frame.column(RECORD)?.as_materialized_series() + *before;
                unit.frame.with_column(column.into_column())?;
            }
            *before += unit.records;
            whole.vstack_mut_owned(unit.frame)?;
        }
        if asked.numbers {
            whole = asked.filtered(whole)?;
        }
        let whole = whole.select(asked.output.iter().cloned())?;
        Ok(match args.n_rows {
            Some(most) => whole.head(Some(most)),
            None => whole,
        })
    }
}

/// What polars asks of the table.
struct Asked {
    /// Columns that are built.
    columns: Vec<PlSmallStr>,
    /// Columns that are given.
    output: Vec<PlSmallStr>,
    predicate: Option<Expr>,
    /// The numbers of records are built: they are known only when all units are, so nothing is filtered before.
    numbers: bool,
}

impl Asked {
    fn new(schema: &Schema, args: &AnonymousScanArgs) -> Self {
        let output: Vec<PlSmallStr> = match &args.with_columns {
            Some(columns) => columns.iter().cloned().collect(),
            None => schema.iter_names().cloned().collect(),
        };
        let leaves = args.predicate.iter().flatten().filter_map(|leaf| match leaf {
            Expr::Column(name) => Some(name),
            _ => None,
        });
        let mut columns = output.clone();
        for name in leaves {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let numbers = columns.iter().any(|name| name == RECORD);
        Self { columns, output, predicate: args.predicate.clone(), numbers }
    }

    fn projection(&self) -> Projection {
        let fields = self.fields().map(PlSmallStr::to_string).collect();
        Projection { fields, account: None, raw: self.columns.iter().any(|name| name == RAW), brief: false }
    }

    /// Columns that are fields of records.
    fn fields(&self) -> impl Iterator<Item = &PlSmallStr> {
        let own = [TIME, FILE, RECORD, OFFSET, LENGTH, SOURCE, RAW];
        self.columns.iter().filter(move |name| !own.contains(&name.as_str()))
    }

    fn empty(&self, schema: &Schema) -> PolarsResult<DataFrame> {
        let kind = |name: &PlSmallStr| schema.get(name).cloned().unwrap_or(DataType::String);
        let columns = self.columns.iter().map(|name| Column::new_empty(name.clone(), &kind(name)));
        DataFrame::new(0, columns.collect())
    }

    fn filtered(&self, frame: DataFrame) -> PolarsResult<DataFrame> {
        match &self.predicate {
            None => Ok(frame),
            Some(predicate) => frame.lazy().filter(predicate.clone()).collect(),
        }
    }

    /// The rows of a unit that pass, all columns.
    fn frame(&self, rows: &Rows) -> PolarsResult<DataFrame> {
        let mut fields = rows.columns.iter();
        let columns = self.columns.iter().map(|name| match name.as_str() {
            TIME => times(rows),
            FILE => Ok(same(name, &rows.label, rows.len())),
            SOURCE => Ok(same(name, rows.source, rows.len())),
            RECORD => Ok(Series::new(name.clone(), &rows.numbers).into_column()),
            OFFSET => Ok(Series::new(name.clone(), &rows.offsets).into_column()),
            LENGTH => Ok(Series::new(name.clone(), &rows.lengths).into_column()),
            RAW => Ok(StringChunked::from_iter_options(name.clone(), rows.raw.iter()).into_column()),
            _ => {
                let cells = fields.next();
                let values = cells.into_iter().flat_map(scan::rows::Cells::iter);
                Ok(StringChunked::from_iter_options(name.clone(), values).into_column())
            }
        });
        let frame = DataFrame::new(rows.len(), columns.collect::<PolarsResult<_>>()?)?;
        if self.numbers { Ok(frame) } else { self.filtered(frame) }
    }
}

fn times(rows: &Rows) -> PolarsResult<Column> {
    let nanos: Vec<Option<i64>> = rows.times.iter().map(|time| time.map(|time| time.nanos)).collect();
    let column = Series::new(TIME.into(), nanos).into_column();
    column.cast(&DataType::Datetime(TimeUnit::Nanoseconds, None))
}

fn same(name: &PlSmallStr, text: &str, rows: usize) -> Column {
    Column::new_scalar(name.clone(), polars::prelude::Scalar::from(PlSmallStr::from(text)), rows)
}

/// The rows of one unit.
struct Unit {
    input: usize,
    number: u64,
    records: u64,
    frame: DataFrame,
}

#[derive(Default)]
struct Done {
    units: Vec<Unit>,
    columns: BTreeSet<String>,
}

struct Units<'a> {
    asked: &'a Asked,
    done: Mutex<Done>,
}

impl TakeRows for Units<'_> {
    fn take(&self, rows: Rows) -> io::Result<()> {
        let frame = self.asked.frame(&rows).map_err(|error| io::Error::other(error.to_string()))?;
        let had = self
            .asked
            .fields()
            .zip(&rows.columns)
            .filter(|(_, cells)| cells.iter().any(|cell| cell.is_some()));
        let had: Vec<String> = had.map(|(name, _)| name.to_string()).collect();
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.columns.extend(had);
        done.units.push(Unit { input: rows.input, number: rows.number, records: rows.records, frame });
        Ok(())
    }
}
