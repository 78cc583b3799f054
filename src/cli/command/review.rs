//! `portcullis review`.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::civil::Date;

use super::records::Records;
use crate::cli::error::{CliError, FINDING, INCOMPLETE, UNKNOWN};
use crate::cli::governance::{self, Form, Known, NOBODY};
use crate::cli::put;
use crate::cli::ui::Ui;
use crate::cli::value;
use crate::governance::matrix::matrix;
use crate::governance::review::{self, Review, Sources, view};

/// Review who has access: what should change, each with the reason, and what is new since the last review.
///
/// Looked for: contractors and temporary admins whose time is over (--register), members without a sign of life or a second
/// factor, admins who in 90 days did nothing that takes one (from the logs, through the table of roles), access to closed
/// projects, service accounts whose creator left or that were not used, credentials that were to be rotated, integrations that
/// nobody answers for. What cannot be judged is said. Nothing is changed anywhere: proposals are for people to decide on.
///
/// Exit codes: 0 reviewed; 1 with --check, where something is proposed; 2 bad usage or configuration; 3 something of the logs was
/// rejected or unreadable; 5 something could not be judged.
///
/// Examples:
///   portcullis review logs/ --members members.csv --register register.toml --save 2026-q4.json
///   portcullis review logs/ --members members.csv --previous 2026-q3.json --format csv -o review.csv
///   portcullis review logs/ --offline --members members.csv --snapshot pass-1-mixpanel.json --as-of 2026-12-31
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    records: Records,
    #[command(flatten)]
    known: Known,
    /// TOML of what no system knows: contractors, temporary admins, closed projects.
    #[arg(long, value_name = "FILE", help_heading = "What is known")]
    register: Option<PathBuf>,
    /// What --save wrote at the last review: new, open and done are told apart.
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    /// Write this review as JSON to a file, for the next one and for the evidence.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    save: Option<PathBuf>,
    /// The day of the review; today unless given.
    #[arg(long, value_name = "DATE", value_parser = value::day)]
    as_of: Option<Date>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Form::Table, value_name = "FORMAT", help_heading = "Output")]
    format: Form,
    /// Write to a file, which appears when it is complete.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Exit code 1 where something is proposed.
    #[arg(long, help_heading = "Output")]
    check: bool,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let previous = args.previous.as_deref().map(|path| {
        let bytes = governance::read(path)?;
        Review::parse(&bytes).map_err(|why| governance::wrong(path, &why))
    });
    let previous = previous.transpose()?;
    let register = governance::register(args.register.as_deref())?;
    let world = args.known.load(ui, NOBODY)?;
    let told = args.records.read(ui, &world.estate.projects)?;
    let sources = Sources {
        day: governance::today(args.as_of),
        estate: &world.estate,
        members: world.members.as_ref(),
        trail: told.trail.as_ref(),
        inventory: &world.inventory,
        register: &register,
    };
    let mut review = review::review(&sources, matrix());
    review.gaps.extend(world.failed);
    let since = previous.map(|previous| review.since(&previous));
    let text = match args.format {
        Form::Table => view::text(&review, since.as_ref()),
        Form::Csv => view::items_csv(&review, since.as_ref()),
        Form::Json => view::json(&review),
    };
    if let Some(path) = &args.save {
        put::bytes(path, view::json(&review).as_bytes())?;
    }
    put::text(args.output.as_deref(), &text)?;
    Ok(if !review.gaps.is_empty() {
        ExitCode::from(UNKNOWN)
    } else if !told.clean {
        ExitCode::from(INCOMPLETE)
    } else if args.check && !review.items.is_empty() {
        ExitCode::from(FINDING)
    } else {
        ExitCode::SUCCESS
    })
}
