//! `portcullis verify`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::json;

use crate::cli::config::Place;
use crate::cli::error::CliError;
use crate::cli::incident::{self, Setup};
use crate::cli::pace_view::Pace;
use crate::cli::proof::activity::{self, Judgement};
use crate::cli::proof::{self, Evidence, Logs};
use crate::cli::ui::{Ui, print};
use crate::cli::{attest, letters, plan_view, proof_view, value};
use crate::lockdown::engine::Engine;
use crate::lockdown::execute::{self, Options};
use crate::lockdown::incidents::{Held, Incidents};
use crate::lockdown::record::{Entry, Record};
use crate::lockdown::verdict;
use crate::output::escape::Safe;
use crate::output::json;

/// Prove again that an account is shut out. Nothing is changed at the providers.
///
/// Everything is read twice more and every step is proved again. --log takes a fresh export of the audit log: its records
/// prove guided steps, and show whether the account still did anything after the lockdown. Where no log shows that a
/// guided step is done, --attest notes who vouches for it. Exit codes: 0 CONTAINED, 4 PARTIAL (what is left is for
/// people to do), 5 UNKNOWN (treat as not contained).
///
/// Examples:
///   portcullis verify 2026-10-24-jane-agency-example
///   portcullis verify 2026-10-24-jane-agency-example --log audit.ndjson --log okta.json
///   portcullis verify 2026-10-24-jane-agency-example --attest 5 --by ada@acme.example --note "ticket 4711"
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The incident's name; `portcullis status` lists them.
    incident: String,
    #[command(flatten)]
    place: Place,
    /// How long proofs are asked for; else what the configuration says.
    #[arg(long, value_name = "TIME", value_parser = value::time_span)]
    wait: Option<Duration>,
    /// Write how the incident stands as JSON to standard output.
    #[arg(long)]
    json: bool,

    /// A fresh export of the audit log, of any format that `scan` reads; can be given several times.
    #[arg(long, value_name = "FILE", help_heading = "Audit log")]
    log: Vec<String>,
    /// The kind of log, instead of recognising it.
    #[arg(long, value_name = "NAME", requires = "log", value_parser = value::source, help_heading = "Audit log")]
    source: Option<String>,
    /// TOML file that says which keys or columns give which fields.
    #[arg(long, value_name = "FILE", requires = "log", help_heading = "Audit log")]
    mapping: Option<PathBuf>,
    /// The zone of times that name none, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE", requires = "log", value_parser = value::zone, help_heading = "Audit log")]
    log_zone: Option<TimeZone>,

    /// Note that this guided step is done, by its number or identifier; can be given several times.
    #[arg(long, value_name = "STEP", requires = "by", help_heading = "Vouching")]
    attest: Vec<String>,
    /// Who vouches for it.
    #[arg(long, value_name = "WHO", requires = "attest", help_heading = "Vouching")]
    by: Option<String>,
    /// How they know: a ticket, what was seen.
    #[arg(long, value_name = "TEXT", requires = "attest", help_heading = "Vouching")]
    note: Option<String>,
    /// Also for steps that a log would prove.
    #[arg(long, requires = "attest", help_heading = "Vouching")]
    without_log: bool,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    // A slip in the name is said before any credential is asked for.
    let incidents = Incidents::new(&args.place.load()?.incidents);
    allowed(&args.incident, &incidents.record(&args.incident)?)?;
    let setup = Setup::load(ui, &args.place)?;
    let held = setup.incidents.hold(&args.incident)?;
    incident::block_on(async {
        let engine = setup.engine(ui, &held).map_err(CliError::nothing_changed)?;
        allowed(&args.incident, &engine.record())?;
        Verify { ui, args, setup: &setup, held: &held, engine }.run().await
    })?
}

/// Whether there is something to prove.
fn allowed(name: &str, record: &Record) -> Result<(), CliError> {
    if record.restoring {
        return Err(CliError::usage(format!("incident {name} is being restored: there is nothing to prove"))
            .hint(format!("`portcullis restore {name}` goes on with that")));
    }
    if record.steps.values().all(|tracked| !tracked.confirmed) && record.confirmed.is_none() {
        let what = format!("the plan of incident {name} was never agreed to, and nothing was done");
        return Err(
            CliError::usage(what).hint(format!("`portcullis {}` begins", record.operation.kind.command()))
        );
    }
    Ok(())
}

/// A step that destroys and was not done is left for later, whatever was allowed then.
const COMMIT: bool = false;

struct Verify<'a> {
    ui: &'a Ui,
    args: &'a Args,
    setup: &'a Setup,
    held: &'a Held,
    engine: Engine,
}

impl Verify<'_> {
    async fn run(&self) -> Result<ExitCode, CliError> {
        self.attest()?;
        let evidence = self.read_logs()?;
        let options = Options {
            commit: COMMIT,
            extend: false,
            unasked: false,
            max: self.setup.config.max_objects,
            wait: self.setup.wait(self.args.wait),
            leave_out: Box::new(|_| None),
        };
        let snapshots = incident::snapshots(self.held);
        let verify = execute::verify(&self.engine, &snapshots, &options);
        incident::interruptible(&self.engine, verify).await?;
        let judgement = self.judge(evidence.as_ref())?;
        self.report(evidence.as_ref(), &judgement).await
    }

    fn attest(&self) -> Result<(), CliError> {
        let Some(by) = &self.args.by else { return Ok(()) };
        let how = attest::how(by, self.args.note.as_deref())?;
        let record = self.engine.record();
        let steps = attest::steps(&record, &self.args.attest, self.args.without_log)?;
        for guided in steps {
            self.engine.note(&Entry::Guided { guided, how: how.clone() })?;
        }
        Ok(())
    }

    /// Proofs go into the journal at once.
    fn read_logs(&self) -> Result<Option<Evidence>, CliError> {
        if self.args.log.is_empty() {
            return Ok(None);
        }
        let logs = Logs {
            paths: self.args.log.clone(),
            source: self.args.source.clone(),
            mapping: self.args.mapping.clone(),
            zone: self.args.log_zone.clone(),
        };
        let record = self.engine.record();
        let entries = self.setup.incidents.read(&self.held.name)?.entries;
        let bar = self.ui.progress();
        let evidence = proof::read(&logs, &record, &entries, &bar);
        bar.finish();
        let evidence = evidence?;
        for fault in evidence.faults() {
            self.ui.warn(&Safe(&fault).to_string());
        }
        for (at, how) in evidence.proved() {
            let open = record.guided.get(at).filter(|tracked| tracked.done.is_none());
            if let Some(tracked) = open {
                let guided = tracked.guided.id.clone();
                self.engine.note(&Entry::Guided { guided, how: how.to_owned() })?;
            }
        }
        Ok(Some(evidence))
    }

    /// Puts what the account did into the verdict.
    fn judge(&self, evidence: Option<&Evidence>) -> Result<Judgement, CliError> {
        let record = self.engine.record();
        let entries = self.setup.incidents.read(&self.held.name)?.entries;
        let judgement = match evidence {
            Some(evidence) if record.operation.kind.is_about_an_account() => {
                activity::judge(evidence, &record, &entries)
            }
            _ => activity::without_log(&record),
        };
        if judgement.active != record.active {
            self.engine.note(&Entry::Active { records: judgement.active.clone() })?;
        }
        if let Some(before) = record.verdict {
            let (verdict, reasons) = verdict::conclude(&self.engine.record(), COMMIT);
            let (verdict, reasons) = activity::conclude(&judgement, verdict, reasons);
            if before != (verdict, reasons.clone()) {
                self.engine.note(&Entry::Concluded { verdict, reasons })?;
            }
        }
        Ok(judgement)
    }

    async fn report(&self, evidence: Option<&Evidence>, judgement: &Judgement) -> Result<ExitCode, CliError> {
        let (record, json) = (self.engine.record(), self.args.json);
        let Some(evidence) = evidence else {
            return incident::report(self.ui, self.setup, &self.engine, self.held, json).await;
        };
        let text = if json {
            let mut value = plan_view::record_json(&record, Some(&Pace::of(&self.engine)));
            if let Some(fields) = value.as_object_mut() {
                fields.insert("log".to_owned(), json!(proof_view::json(evidence, judgement, &record)));
            }
            json::line(&value)
        } else {
            proof_view::text(evidence, judgement, &record)
        };
        print(&text)?;
        if json {
            incident::leave_page(self.ui, self.held);
            letters::send_at_end(self.ui, &self.setup.config, &record, &|entry| self.engine.note(entry))
                .await;
            Ok(incident::exit_code(&record))
        } else {
            incident::report(self.ui, self.setup, &self.engine, self.held, false).await
        }
    }
}
