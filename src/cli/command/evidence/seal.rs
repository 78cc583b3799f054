//! `portcullis evidence seal`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr as _;

use age::x25519::Recipient;

use crate::cli::config::Place;
use crate::cli::error::CliError;
use crate::cli::incident;
use crate::cli::ui::{Ui, print};
use crate::cli::value;
use crate::event::time::Timestamp;
use crate::evidence::key::SigningKey;
use crate::evidence::material::Material;
use crate::evidence::seal::{self, Attached, Order, Sealed};
use crate::evidence::timestamp;
use crate::lockdown::incidents::Incidents;
use crate::output::escape::Safe;
use crate::source::input;

/// Seal an incident: a bag with its journal, plan, snapshots, letters and what you add, signed.
///
/// The page that the lockdown left (report.html) comes along, unless another of that name is given.
///
/// The bag is ROOT/YEAR/TICKET and is never overwritten. The same inputs, --at and key give the same bytes. With --recipient
/// there is an encrypted copy beside it, TICKET.tar.age, to hand over; `age -d -i IDENTITY FILE | tar x` opens it.
///
/// Examples:
///   portcullis evidence seal 2026-10-24-jane-agency-example --root bags --ticket T-4711 --key evidence.pem
///   portcullis evidence seal INCIDENT --root bags --key evidence.pem --findings findings.jsonl --ledger ledger.json --log logs/
///   portcullis evidence seal INCIDENT --root bags --key evidence.pem --file timeline.svg=out/timeline.svg --recipient age1…
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// The incident's name; `portcullis status` lists them.
    incident: String,
    #[command(flatten)]
    place: Place,
    /// The folder of all bags.
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// The ticket, which names the bag; else the incident does.
    #[arg(long, value_name = "T")]
    ticket: Option<String>,
    /// The private key; `portcullis evidence key new` makes one.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Who seals it, for the custody log; else the key's number.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// The time of the sealing; else now.
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    at: Option<Timestamp>,

    /// A log that was scanned (file, folder or glob): its digest comes along; can be given several times.
    #[arg(long, value_name = "PATH", help_heading = "What comes along")]
    log: Vec<String>,
    /// The logs themselves too.
    #[arg(long, requires = "log", help_heading = "What comes along")]
    copy_inputs: bool,
    /// Findings, from `scan --format jsonl`.
    #[arg(long, value_name = "FILE.jsonl", help_heading = "What comes along")]
    findings: Option<PathBuf>,
    /// The coverage ledger, from `scan --ledger`.
    #[arg(long, value_name = "FILE.json", help_heading = "What comes along")]
    ledger: Option<PathBuf>,
    /// A chart, a report, anything; can be given several times.
    #[arg(long, value_name = "NAME=PATH", value_parser = named, help_heading = "What comes along")]
    file: Vec<(String, PathBuf)>,

    /// Also an encrypted copy for the owner of this age key; can be given several times.
    #[arg(long, value_name = "AGE1…", value_parser = recipient)]
    recipient: Vec<Recipient>,
    /// A time-stamp answer (RFC 3161) to exactly this seal, from a run with the same inputs and --at. `evidence stamp` adds one later.
    #[arg(long, value_name = "FILE.tsr")]
    timestamp: Option<PathBuf>,
}

fn named(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("write NAME=PATH")?;
    Ok((name.to_owned(), PathBuf::from(path)))
}

fn recipient(text: &str) -> Result<Recipient, String> {
    Recipient::from_str(text).map_err(|error| format!("{error}: write a public key of age, age1…"))
}

/// Runs it.
pub(super) fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let config = args.place.load()?;
    let incidents = Incidents::new(&config.incidents);
    // An incident that is not there would be made by holding it.
    incidents.record(&args.incident)?;
    let held = incidents.hold(&args.incident)?;
    let key = SigningKey::read(&args.key)?;
    let by = args.by.clone().unwrap_or_else(|| format!("key {}", key.public().id()));
    let stamp = args.timestamp.as_deref().map(|path| super::read(path, timestamp::LARGEST)).transpose()?;
    let material = Material::gather(&held.folder)?;
    let order = Order {
        root: &args.root,
        ticket: args.ticket.as_deref(),
        at: super::time(args.at),
        by: &by,
        key: &key,
        attached: Attached {
            findings: args.findings.clone(),
            ledger: args.ledger.clone(),
            inputs: inputs(ui, &args.log)?,
            copy_inputs: args.copy_inputs,
            files: files(&held.folder, &args.file),
        },
        stamp,
        recipients: args.recipient.clone(),
    };
    report(ui, args, &seal::seal(&material, &order)?)
}

/// The files that were given, and the page in the incident's folder where none of its name was.
fn files(folder: &Path, given: &[(String, PathBuf)]) -> Vec<(String, PathBuf)> {
    let page = folder.join(incident::PAGE);
    let left = !given.iter().any(|(name, _)| name == incident::PAGE);
    let is_there = std::fs::symlink_metadata(&page).is_ok_and(|about| about.is_file());
    let page = (left && is_there).then(|| (incident::PAGE.to_owned(), page));
    given.iter().cloned().chain(page).collect()
}

/// The files that a scan of these paths reads.
fn inputs(ui: &Ui, paths: &[String]) -> Result<Vec<PathBuf>, CliError> {
    if paths.iter().any(|path| input::is_read_once(path)) {
        return Err(CliError::usage("standard input and pipes have no file that could be named in evidence"));
    }
    let found = input::discover(paths);
    if let Some(problem) = found.problems.first() {
        return Err(CliError::usage(format!("{}: {}", problem.path, problem.reason)));
    }
    found.notes.iter().for_each(|note| ui.note(&Safe(note).to_string()));
    let mut files: Vec<PathBuf> = found.inputs.into_iter().filter_map(|input| input.path).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

fn report(ui: &Ui, args: &Args, sealed: &Sealed) -> Result<ExitCode, CliError> {
    let mut text = format!("sealed   {}\n", sealed.bag.display());
    if let Some(path) = &sealed.encrypted {
        text.push_str(&format!("copy     {}\n", path.display()));
    }
    text.push_str(&format!("key      {}\nseal     {}\ncustody  {}\n", sealed.key, sealed.seal, sealed.head));
    print(&text)?;
    let given = [
        ("--findings", args.findings.is_none()),
        ("--ledger", args.ledger.is_none()),
        ("--log", args.log.is_empty()),
    ];
    let missing: Vec<&str> = given.iter().filter(|(_, missing)| *missing).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        ui.note(&format!("without {}: an auditor will ask for them", missing.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}
