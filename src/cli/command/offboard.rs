//! `portcullis offboard`.

use std::process::ExitCode;

use super::exposure::Exposure;
use super::lockdown;
use crate::cli::config::Place;
use crate::cli::error::CliError;
use crate::cli::governance::{Known, has_scim};
use crate::cli::operation::{self, Order, Wanted};
use crate::cli::ui::Ui;
use crate::governance::blast::view;
use crate::governance::matrix::matrix;
use crate::governance::tasks::leaving;
use crate::lockdown::incidents::Incidents;
use crate::lockdown::operation::{Kind, Operation};

/// The access before anything is changed, beside the journal.
const BEFORE: &str = "access-before.json";

/// Let somebody leave, over days: the planned, gentle sibling of lockdown.
///
/// In this order: the audit log is exported and the access kept as it was (access-before.json in the incident's snapshots); groups
/// and applications of the identity provider and the directory, so that no sync brings the account back; the account itself; then
/// what it knew, where service accounts that others work with are replaced and the old ones go when their consumers have the new
/// ones. Boards, reports, schedules, alerts, cohorts and projects are lists for people, since no API hands them over. Nothing is
/// destroyed without --commit, and what the account made keeps running.
///
/// With --log and --members the plan has what the account could see at any time, what it made, and its projects one by one. People
/// sign off their steps by name (`verify INCIDENT --attest STEP --by WHO`), letters for them are in the incident's folder, and the
/// same command goes on each day. It ends when it is shown in four ways that the account is out: the login fails, the removal is in
/// the log (`verify --log`), old credentials are refused, it is in no group. `restore INCIDENT` takes it back.
///
/// Exit codes: 0 DONE, 4 PARTIAL (what is left is for people to do, or waits for them, or for --commit), 5 UNKNOWN, 6 REFUSED
/// (nothing was changed).
///
/// Examples:
///   portcullis offboard jane@agency.example --log logs/ --members members.csv --dry-run
///   portcullis offboard jane@agency.example --log logs/ --members members.csv
///   portcullis offboard jane@agency.example                       # the next day: goes on
///   portcullis offboard jane@agency.example --skip 'okta/user/*/suspend=moves to another team' --commit
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The account's e-mail address.
    account: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    exposure: Exposure,
    #[command(flatten)]
    order: Order,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    args.order.needs_plan()?;
    let subject = lockdown::account(&args.account)?;
    let config = args.place.load()?;
    // Journals that cannot be read are told of when it is carried out.
    let under_way = Incidents::new(&config.incidents).open_for(&subject, Kind::Offboarding, &|_| {})?;
    let goes_on = under_way.is_some() && !args.exposure.is_given();
    let wanted = if goes_on {
        Wanted::new(subject, Operation::new(Kind::Offboarding, Vec::new()))
    } else {
        let radius = args.exposure.radius(ui, &args.place, &subject)?;
        let inventory = Known::of(&args.place, None).rows()?;
        let tasks = leaving::tasks(&radius, &inventory, has_scim(&config), matrix());
        let before = vec![(BEFORE.to_owned(), view::json(&radius).into_bytes())];
        Wanted { before, ..Wanted::new(subject, Operation::new(Kind::Offboarding, tasks)) }
    };
    operation::run(ui, &args.place, &args.order, wanted)
}
