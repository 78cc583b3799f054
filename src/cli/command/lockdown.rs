//! `portcullis lockdown`.

use std::process::ExitCode;

use super::exposure::Exposure;
use crate::cli::config::Place;
use crate::cli::error::CliError;
use crate::cli::governance::Known;
use crate::cli::operation::{self, Order, Wanted};
use crate::cli::ui::Ui;
use crate::governance::matrix::matrix;
use crate::governance::tasks::exposed;
use crate::lockdown::operation::{Kind, Operation};

/// Shut an account out everywhere: plan, apply, verify, until it is proved.
///
/// With --log, --members or --blast-radius, what the account could see at any time is rotated too, also where no list shows it
/// today: the plan says why. Given later, it is added to the lockdown that is under way.
///
/// What is going to be done is shown first. Killed at any point, the same command goes on where it was. Exit codes: 0
/// CONTAINED, 4 PARTIAL (what is left is for people to do), 5 UNKNOWN (treat as not contained), 6 REFUSED (nothing was
/// changed).
///
/// Examples:
///   portcullis lockdown jane@agency.example --dry-run
///   portcullis lockdown jane@agency.example
///   portcullis lockdown jane@agency.example --log logs/ --members members.csv
///   portcullis lockdown jane@agency.example --plan plan.json
///   portcullis lockdown jane@agency.example --plan plan.json --apply --yes --json
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
    let subject = account(&args.account)?;
    args.order.needs_plan()?;
    let tasks = if args.exposure.is_given() && !args.order.is_from_file() {
        let radius = args.exposure.radius(ui, &args.place, &subject)?;
        exposed::tasks(&radius.credentials, &Known::of(&args.place, None).rows()?, true, matrix())
    } else {
        Vec::new()
    };
    let operation = Operation::new(Kind::Lockdown, tasks);
    operation::run(ui, &args.place, &args.order, Wanted::new(subject, operation))
}

/// Mail addresses are compared in lower case.
pub(super) fn account(text: &str) -> Result<String, CliError> {
    let plain = text.len() <= 254 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    match text.split_once('@') {
        Some((name, host)) if plain && !name.is_empty() && !host.is_empty() => Ok(text.to_lowercase()),
        _ => Err(CliError::usage(format!("{text:?} is not an e-mail address"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_mail_addresses_in_lower_case() {
        assert_eq!(account("Jane@Agency.example").unwrap(), "jane@agency.example");
        for bad in ["", "jane", "@x", "x@", "a b@x", "a@x\n", "\x1b[2J@x"] {
            assert!(account(bad).is_err(), "{bad:?}");
        }
    }
}
