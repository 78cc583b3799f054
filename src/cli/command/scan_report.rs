//! `portcullis scan --format html`: the logs are read twice, first for findings, then for what stands behind them.

use jiff::tz::TimeZone;

use super::scan::Args;
use crate::cli::error::CliError;
use crate::cli::put::Out;
use crate::cli::ui::Ui;
use crate::lockdown::incidents::Incidents;
use crate::lockdown::journal;
use crate::report::{Again, Held, NotRead, Report, Scanned};
use crate::scan::ledger::Ledger;
use crate::scan::{self, Config};

/// What `--format` takes.
pub(crate) const FORMAT: &str = "html";

/// Scans and writes the report.
pub(super) fn write(ui: &Ui, args: &Args, config: Config) -> Result<Ledger, CliError> {
    if args.group.is_some() {
        return Err(CliError::usage("--format html always has its incidents").hint("leave out --group"));
    }
    let lockdown = args.incident.as_ref().map(|name| read_journal(args, name)).transpose()?;
    let zone = args.time_zone.clone().unwrap_or(TimeZone::UTC);
    let out = Out::open(args.output.as_deref())?;
    let mut held = Held::new(args.incident_gap);
    let bar = ui.progress();
    let ledger = scan::run(&config, &mut held, &bar);
    bar.finish();
    let ledger = ledger?;
    let again = if args.logs.are_read_once() {
        Again::without(NotRead::ReadOnce)
    } else if ledger.findings().total() == 0 && lockdown.is_none() {
        Again::without(NotRead::NothingFound)
    } else {
        let bar = ui.progress();
        let again = Again::read(config, &held, &zone, lockdown.as_ref(), &bar);
        bar.finish();
        again?
    };
    let scanned = Scanned { held: &held, again: &again, ledger: &ledger };
    let report = Report { zone: &zone, scan: Some(scanned), lockdown: lockdown.as_ref() };
    out.fill(|out| out.write_all(report.html().as_bytes()))?;
    Ok(ledger)
}

fn read_journal(args: &Args, name: &str) -> Result<journal::Read, CliError> {
    Ok(Incidents::new(&args.place.load()?.incidents).read(name)?)
}
