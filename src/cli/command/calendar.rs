//! `portcullis calendar`.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::civil::Date;

use crate::cli::error::CliError;
use crate::cli::governance::{self, Book};
use crate::cli::put;
use crate::cli::ui::Ui;
use crate::cli::value;
use crate::governance::calendar;
use crate::governance::matrix::matrix;
use crate::governance::review::Review;

/// What is due, as an iCalendar file: rotations, ends of access and of temporary admin rights, the next review.
///
/// Of the inventory and the register; no system is asked. What is overdue is due today. An entry keeps its identifier, so that a
/// calendar that subscribes to the file moves it instead of adding one.
///
/// Exit codes: 0; 2 bad usage, or a file that cannot be read.
///
/// Examples:
///   portcullis calendar -o access.ics
///   portcullis calendar --inventory integrations.toml --register register.toml --last-review 2026-q3.json -o access.ics
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    book: Book,
    /// TOML of what no system knows: contractors, temporary admins, how often access is reviewed.
    #[arg(long, value_name = "FILE")]
    register: Option<PathBuf>,
    /// What `review --save` wrote last: the next one is due from its day on.
    #[arg(long, value_name = "FILE")]
    last_review: Option<PathBuf>,
    /// The day that counts as today.
    #[arg(long, value_name = "DATE", value_parser = value::day)]
    as_of: Option<Date>,
    /// Write to a file, which appears when it is complete.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let register = governance::register(args.register.as_deref())?;
    let last = args.last_review.as_deref().map(|path| {
        let wrong = |why: &str| governance::wrong(path, why);
        let review = Review::parse(&governance::read(path)?).map_err(|why| wrong(&why))?;
        review.day.parse::<Date>().map_err(|_unknown| wrong("its day cannot be read"))
    });
    let inventory = args.book.rows()?;
    if inventory.is_empty() {
        ui.note("no inventory, or an empty one: there is no rotation in the calendar (--inventory FILE)");
    }
    let today = governance::today(args.as_of);
    let due = calendar::due(&inventory, &register, last.transpose()?, today, matrix());
    put::text(args.output.as_deref(), &calendar::ical(&due, today))?;
    Ok(ExitCode::SUCCESS)
}
