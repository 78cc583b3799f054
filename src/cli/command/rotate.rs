//! `portcullis rotate`.

use std::process::ExitCode;

use crate::cli::config::Place;
use crate::cli::error::CliError;
use crate::cli::operation::{self, Order, Wanted};
use crate::cli::ui::Ui;
use crate::config::{Integration, Inventory};
use crate::governance::matrix::matrix;
use crate::governance::tasks::rotation;
use crate::lockdown::incidents::Incidents;
use crate::lockdown::operation::{Kind, Operation, Task};

/// Longest name of a credential, in bytes.
const MAX_NAME: usize = 200;
const WHY: &str = "its planned rotation";

/// Rotate one credential as planned, without an outage: new one, consumers, old one out, deleted.
///
/// A service account gets a successor with the same roles in the same projects, whose secret goes into the store that the inventory
/// names. Consumers with an API (`system` in the inventory) are given it; the others are told (guided steps, and letters in the
/// incident's folder). Once `verify INCIDENT --attest` says that they have taken it up, or where there are none, the same command
/// takes the old one out of its projects and writes the new name and the day into the inventory; `verify INCIDENT` watches the old
/// one being refused and the new one working, and --commit deletes the old one.
/// API secrets and project tokens are rotated by people, step by step. `restore INCIDENT` takes it back until the deletion.
///
/// Killed at any point, the same command goes on where it was. Exit codes: 0 DONE, 4 PARTIAL (what is left is for people to do, or
/// waits for them, or for --commit), 5 UNKNOWN, 6 REFUSED (nothing was changed).
///
/// Examples:
///   portcullis rotate nightly-etl --dry-run
///   portcullis rotate nightly-etl
///   portcullis rotate etl.a1b2c3.mp-service-account --at-once --yes     # its consumers read the store at every run
///   portcullis rotate nightly-etl --commit
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The row of the inventory, or the user name or number of the service account.
    credential: String,
    #[command(flatten)]
    place: Place,
    /// Take the old one out as soon as the new one is stored, without waiting for its consumers.
    #[arg(long)]
    at_once: bool,
    #[command(flatten)]
    order: Order,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    args.order.needs_plan()?;
    let name = args.credential.as_str();
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(CliError::usage(format!("{name:?} is not the name of a credential")));
    }
    let config = args.place.load()?;
    let inventory = config.inventory.as_deref();
    let inventory = inventory.map(|path| Inventory::load(path, config.known())).transpose()?;
    let rows = inventory.map(|inventory| inventory.integrations).unwrap_or_default();
    let wanted = wanted(name, &rows, args.at_once);
    let wanted = match under_way(&Incidents::new(&config.incidents), name, &wanted)? {
        Some(under_way) if !args.order.is_from_file() => under_way,
        _ => wanted,
    };
    operation::run(ui, &args.place, &args.order, wanted)
}

/// By the row's name, or else by what it works with: then the first such row gives the incident its name.
fn wanted(name: &str, rows: &[Integration], at_once: bool) -> Wanted {
    let named = rows.iter().find(|row| row.name.eq_ignore_ascii_case(name));
    let row = named.or_else(|| rows.iter().find(|row| row.credential.as_deref() == Some(name)));
    let (subject, tasks) = match row {
        Some(row) => (row.name.clone(), rotation::tasks(row, at_once, WHY, matrix())),
        None => (name.to_owned(), vec![rotation::service_account(name, at_once, WHY)]),
    };
    Wanted::new(subject, Operation::new(Kind::Rotation, tasks))
}

/// A rotation of the same credential that is not over. Rows may name the successor already.
fn under_way(incidents: &Incidents, name: &str, wanted: &Wanted) -> Result<Option<Wanted>, CliError> {
    let of = |task: &Task| match task {
        Task::Credential(wish) => Some(wish.credential.clone()),
        Task::Account { .. } | Task::Guided { .. } => None,
    };
    let meant: Vec<String> = wanted.operation.tasks.iter().filter_map(of).chain([name.to_owned()]).collect();
    for incident in incidents.names()?.into_iter().rev() {
        let record = incidents.record(&incident)?;
        let asked = |meant: &String| record.operation.tasks.iter().filter_map(of).any(|own| own == *meant);
        let same = record.account == wanted.subject
            || meant.iter().any(|meant| asked(meant) || record.has_made(meant));
        if record.operation.kind == Kind::Rotation && !record.is_over() && same {
            return Ok(Some(Wanted::new(record.account, record.operation)));
        }
    }
    Ok(None)
}
