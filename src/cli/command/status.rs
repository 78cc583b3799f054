//! `portcullis status`.

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::cli::config::Place;
use crate::cli::error::CliError;
use crate::cli::incident::exit_code;
use crate::cli::ui::{Ui, print};
use crate::cli::{ocsf_view, plan_view};
use crate::lockdown::incidents::Incidents;
use crate::lockdown::record::Record;
use crate::output::escape::Safe;
use crate::output::json;

/// Show the incidents, or how one stands, from its journal alone. Nothing is sent.
///
/// Examples:
///   portcullis status
///   portcullis status 2026-10-24-jane-agency-example --json
///   portcullis status 2026-10-24-jane-agency-example --ocsf > remediation.jsonl
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The incident's name; without one, all are listed.
    incident: Option<String>,
    #[command(flatten)]
    place: Place,
    /// Write JSON.
    #[arg(long)]
    json: bool,
    /// Write the steps as OCSF Remediation Activities, one a line, with the record integrity of the draft of OCSF 1.9.
    #[arg(long, requires = "incident", conflicts_with = "json")]
    ocsf: bool,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let config = args.place.load()?;
    let incidents = Incidents::new(&config.incidents);
    let (text, code) = match &args.incident {
        Some(name) if args.ocsf => {
            let read = incidents.read(name)?;
            (ocsf_view::remediations(&read), exit_code(&read.record))
        }
        Some(name) => {
            let record = incidents.record(name)?;
            (one(&record, args.json), exit_code(&record))
        }
        None => (all(&incidents, args.json)?, ExitCode::SUCCESS),
    };
    if text.is_empty() && args.incident.is_none() {
        ui.note(&format!("no incidents in {}", config.incidents.display()));
    }
    print(&text)?;
    Ok(code)
}

fn one(record: &Record, json: bool) -> String {
    if json {
        return json::line(&plan_view::record_json(record, None));
    }
    let guided = record.guided.iter().map(|tracked| (&tracked.guided, tracked.done.as_deref()));
    format!("{}{}", plan_view::record(record), plan_view::guided(guided))
}

fn all(incidents: &Incidents, json: bool) -> Result<String, CliError> {
    let mut text = String::new();
    for name in incidents.names()? {
        let record = incidents.record(&name)?;
        if json {
            text.push_str(&one(&record, true));
            continue;
        }
        let verdict =
            record.verdict.as_ref().map_or("not finished".to_owned(), |(verdict, _)| verdict.to_string());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<16} {:<50} {}", verdict, Safe(&name), Safe(&record.account));
    }
    Ok(text)
}
