//! The table `findings`: what the rules find, a row each.

use std::any::Any;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::{
    AnonymousScan, AnonymousScanArgs, DataFrame, LazyFrame, PolarsError, PolarsResult, ScanArgsAnonymous,
};

use super::Shared;
use crate::finding::Finding;
use crate::output::columns::FindingColumns;
use crate::output::{Sink, Summary};
use crate::scan::{self, Config, Progress};

/// Scans the logs when it is asked for rows.
pub(super) struct FindingsTable {
    config: Mutex<Config>,
    progress: Arc<dyn Progress + Send + Sync>,
    seen: Shared,
}

impl FindingsTable {
    pub(super) fn new(config: Config, progress: Arc<dyn Progress + Send + Sync>, seen: Shared) -> Self {
        Self { config: Mutex::new(config), progress, seen }
    }

    pub(super) fn into_frame(self) -> PolarsResult<LazyFrame> {
        let schema = Some(Arc::new(FindingColumns::schema()));
        let args = ScanArgsAnonymous { schema, name: "findings", ..ScanArgsAnonymous::default() };
        LazyFrame::anonymous_scan(Arc::new(self), args)
    }
}

impl AnonymousScan for FindingsTable {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn scan(&self, args: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let mut sink = Gather::default();
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let ledger = scan::run(&config, &mut sink, &*self.progress);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match ledger {
            Ok(ledger) => seen.ledgers.push(ledger),
            Err(error) => {
                seen.failure = Some(error.to_string());
                return Err(PolarsError::ComputeError(error.to_string().into()));
            }
        }
        let frame = sink.0.frame()?;
        Ok(args.n_rows.map_or(frame.clone(), |most| frame.head(Some(most))))
    }
}

#[derive(Default)]
struct Gather(FindingColumns);

impl Sink for Gather {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.0.push(finding);
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}
