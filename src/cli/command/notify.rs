//! `portcullis notify`.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::config::Place;
use crate::cli::error::{CliError, PARTIAL, UNKNOWN};
use crate::cli::ui::{Ui, print};
use crate::cli::{incident, letters};
use crate::config::Config;
use crate::letters::post::{Item, Post};
use crate::letters::send::{self, Told};
use crate::lockdown::incidents::Incidents;
use crate::lockdown::message::Fate;
use crate::lockdown::record::{Entry, Record};
use crate::output::escape::Safe;
use crate::output::json;
use crate::sys::clock::{Clock as _, System};

/// Show who is told what of an incident, or send it.
///
/// Each run leaves letters in the incident's folder (`letters/`): for security, compliance, the owners of projects, everybody who
/// has something to do, and all who are concerned. With --send they go to the addresses and the webhook of `[notify]`, and letters
/// for owners of integrations to the addresses in the inventory; nobody else is written to, and never the account itself. What a
/// server took is not sent again; what may have arrived is sent again under the same name (`Message-ID`, `Idempotency-Key`), and
/// that is said. Exit codes: 0 all are sent, 4 some are not, 5 of some it is not known.
///
/// Examples:
///   portcullis notify 2026-10-24-jane-agency-example
///   portcullis notify 2026-10-24-jane-agency-example --send --letter to-security.txt
///   portcullis notify 2026-10-24-jane-agency-example --send --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The incident's name; `portcullis status` lists them.
    incident: String,
    #[command(flatten)]
    place: Place,
    /// Send what no server has taken yet.
    #[arg(long)]
    send: bool,
    /// Only this letter, by the name of its file; can be given several times.
    #[arg(long, value_name = "FILE")]
    letter: Vec<String>,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let config = args.place.load()?;
    incident::arm_crash_point()?;
    let incidents = Incidents::new(&config.incidents);
    let record = incidents.record(&args.incident)?;
    if record.confirmed.is_none() {
        let what =
            format!("the plan of incident {} was never agreed to, and nothing was done", args.incident);
        return Err(CliError::usage(what).hint("there is nothing to tell yet"));
    }
    let record = if args.send { send(ui, args, &config, &incidents)? } else { record };
    let post = wanted(args, &config, &record)?;
    print(&if args.json { json::line(&object(&record, &post)) } else { text(&post) })?;
    if args.send { Ok(code(&post)) } else { Ok(ExitCode::SUCCESS) }
}

/// Sends; the record afterwards.
fn send(ui: &Ui, args: &Args, config: &Config, incidents: &Incidents) -> Result<Record, CliError> {
    if !config.notify.can_send() {
        return Err(CliError::usage(format!("{}: nothing says how letters are sent", config.path.display()))
            .hint("fill in `smtp` or `webhook` in [notify]; `portcullis config init` has an example"));
    }
    let held = incidents.hold(&args.incident)?;
    let journal = RefCell::new(held.journal()?);
    let record = journal.borrow().record().clone();
    letters::leave(ui, &held, &record);
    let post = wanted(args, config, &record)?;
    let ways = letters::ways(ui, config, true);
    let note = |entry: &Entry| journal.borrow_mut().append(entry, System.now());
    let (limit, watch) = (std::time::Duration::from_hours(24), |told: &Told| letters::say(ui, told));
    incident::block_on(send::send(&post.items, &ways, &record, &note, limit, &watch))??;
    let record = journal.borrow().record().clone();
    Ok(record)
}

fn wanted(args: &Args, config: &Config, record: &Record) -> Result<Post, CliError> {
    let mut post = letters::addressed(config, record)?;
    let is_wanted = |file: &String| args.letter.is_empty() || args.letter.contains(file);
    let files = post.items.iter().map(|item| &item.letter.file).chain(&post.files_alone);
    let unknown = args.letter.iter().find(|wanted| !files.clone().any(|file| file == *wanted));
    if let Some(unknown) = unknown {
        let mut known: Vec<&str> = files.map(String::as_str).collect();
        known.dedup();
        return Err(CliError::usage(format!("there is no letter {unknown:?}"))
            .hint(format!("one of {}", known.join(", "))));
    }
    post.items.retain(|item| is_wanted(&item.letter.file));
    post.files_alone.retain(is_wanted);
    Ok(post)
}

fn fate(item: &Item) -> Option<Fate> {
    item.before.as_ref().map(|message| message.fate)
}

fn code(post: &Post) -> ExitCode {
    let any = |is: fn(Fate) -> bool| post.items.iter().any(|item| fate(item).is_some_and(is));
    if any(Fate::is_unknown) {
        ExitCode::from(UNKNOWN)
    } else if post.items.iter().all(Item::is_sent) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(PARTIAL)
    }
}

fn text(post: &Post) -> String {
    let mut text = String::new();
    for item in &post.items {
        let state = fate(item).map_or_else(|| "not tried".to_owned(), |fate| fate.to_string());
        let why = item.before.as_ref().and_then(|message| message.why.as_deref());
        let why = why.map_or_else(String::new, |why| format!(" ({})", Safe(why)));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<30} {:<8} {:<36} {state}{why}",
            Safe(&item.letter.file).to_string(),
            item.way.to_string(),
            Safe(&item.to).to_string()
        );
    }
    for file in &post.files_alone {
        let _ = writeln!(text, "{:<30} {:<8} nobody is named who reads it", Safe(file).to_string(), "file");
    }
    for address in &post.withheld {
        let _ = writeln!(text, "{}: not written to, the incident shuts it out", Safe(address));
    }
    text
}

fn object(record: &Record, post: &Post) -> Value {
    let messages = post.items.iter().map(|item| {
        let before = item.before.as_ref();
        json!({
            "id": item.id,
            "letter": item.letter.file,
            "way": item.way,
            "to": item.to,
            "subject": item.letter.subject,
            "fate": before.map(|message| message.fate),
            "why": before.and_then(|message| message.why.as_deref()),
            "attempts": before.map_or(0, |message| message.attempts),
        })
    });
    json!({
        "incident": record.incident,
        "messages": messages.collect::<Vec<_>>(),
        "files_alone": post.files_alone,
        "withheld": post.withheld,
        "crash_points": crate::sys::crash::passed(),
    })
}
