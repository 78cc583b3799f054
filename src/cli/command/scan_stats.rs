//! `portcullis scan --stats`: what there is in the logs; no rule is run.

use jiff::tz::TimeZone;

use super::scan::Args;
use crate::cli::error::CliError;
use crate::cli::put::Out;
use crate::cli::ui::Ui;
use crate::output::Options;
use crate::scan::ledger::Ledger;
use crate::scan::{self, NoFindings};
use crate::stats::{self, Counter, Form};

/// Counts and writes.
pub(super) fn write(ui: &Ui, args: &Args) -> Result<Ledger, CliError> {
    let zone = args.time_zone.clone().unwrap_or(TimeZone::UTC);
    let rows = if args.all { 0 } else { Options::default().per_rule * 2 };
    let form = match args.format.as_str() {
        "text" => Form::Text { rows, zone: zone.clone() },
        "csv" => Form::Csv,
        "jsonl" => Form::Jsonl,
        other => {
            return Err(CliError::usage(format!("--stats cannot be written as {other}"))
                .hint("use text, csv or jsonl"));
        }
    };
    let mut config = args.logs.records(&args.speed)?;
    config.since = args.since;
    config.until = args.until;
    config.projection = Some(Counter::projection(args.account.as_deref()));
    config.count_duplicates = args.ledger.is_some();
    let counter = Counter::new(zone);
    let out = Out::open(args.output.as_deref())?;
    let bar = ui.progress();
    let ledger = scan::read_rows(&config, &mut NoFindings, &counter, &bar);
    bar.finish();
    let ledger = ledger?;
    let counted = counter.finish();
    out.fill(|out| stats::write(out, &counted, &form))?;
    Ok(ledger)
}
