//! `portcullis review`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::civil::Date;

use super::records::Records;
use crate::cli::error::{CliError, FINDING, INCOMPLETE, UNKNOWN};
use crate::cli::governance::{self, Form, Known, NOBODY};
use crate::cli::operation::{self, Order, Wanted};
use crate::cli::put;
use crate::cli::ui::Ui;
use crate::cli::value;
use crate::governance::matrix::matrix;
use crate::governance::review::{self, Review, Sources, under_way, view};
use crate::governance::tasks;
use crate::lockdown::incidents::Incidents;
use crate::lockdown::operation::{Kind, Operation};

/// Review who has access: what should change, each with the reason, and what is new since the last review.
///
/// Looked for: contractors and temporary admins whose time is over (--register), members without a sign of life or a second
/// factor, admins who in 90 days did nothing that takes one (from the logs, through the table of roles), access to closed
/// projects, service accounts whose creator left or that were not used, credentials that were to be rotated, integrations that
/// nobody answers for. What cannot be judged is said. Nothing is changed anywhere: proposals are for people to decide on.
///
/// What they agreed to, --agreed FILE --apply carries out: the items with "agreed": true in the file that --save wrote, or those that
/// --only names. Accounts are deactivated or taken out by the directory, service accounts replaced, retired, or taken out of
/// projects; what has no API becomes a guided step. Shown, journalled, proved and taken back as a lockdown is; exit codes are 0 DONE,
/// 4 PARTIAL, 5 UNKNOWN, 6 REFUSED then. What waits for people there is not proposed again by the next review: it is under way.
///
/// Exit codes: 0 reviewed; 1 with --check, where something is proposed; 2 bad usage or configuration; 3 something of the logs was
/// rejected or unreadable; 5 something could not be judged.
///
/// Examples:
///   portcullis review logs/ --members members.csv --register register.toml --save 2026-q4.json
///   portcullis review logs/ --members members.csv --previous 2026-q3.json --format csv -o review.csv
///   portcullis review --agreed 2026-q4.json --apply --dry-run
///   portcullis review --agreed 2026-q4.json --apply --only credential-unused --only 1a2b3c4d
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
    /// A review that --save wrote, in which people have agreed to items: they are carried out.
    #[arg(long, value_name = "FILE", help_heading = "Carrying out")]
    agreed: Option<PathBuf>,
    #[command(flatten)]
    order: Order,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    match &args.agreed {
        Some(path) => apply(ui, args, path),
        None if args.order.is_empty() => review(ui, args),
        None => Err(CliError::usage("there is nothing to carry out: --agreed names no review").hint(
            "portcullis review … --save review.json; agree to items in it; --agreed review.json --apply",
        )),
    }
}

/// Carries out what was agreed to.
fn apply(ui: &Ui, args: &Args, path: &Path) -> Result<ExitCode, CliError> {
    let Order { dry_run, plan, apply, .. } = &args.order;
    if !(*apply || *dry_run || plan.is_some()) {
        return Err(CliError::usage(
            "--agreed needs --apply, or --dry-run or --plan to see what it would do",
        ));
    }
    let review = Review::parse(&governance::read(path)?).map_err(|why| governance::wrong(path, &why))?;
    let chosen = review.chosen(&args.order.only).map_err(|why| governance::wrong(path, &why))?;
    let tasks = tasks::review::tasks(&chosen, &args.known.rows()?, matrix());
    let operation = Operation::new(Kind::Review, tasks);
    // Items are chosen here: of their steps none is left out for it.
    let mut order = args.order.clone();
    order.only.clear();
    let before = vec![under_way::file(&chosen)];
    let wanted = Wanted { before, ..Wanted::new(format!("review {}", review.day), operation) };
    operation::run(ui, args.known.place(), &order, wanted)
}

fn review(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
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
    if let Some(config) = args.known.place().load_if_there()? {
        review.set_aside(under_way::begun(&Incidents::new(&config.incidents)));
    }
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
