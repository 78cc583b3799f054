//! What the commands of lockdown share: configuration, credentials, systems, the engine over an incident's journal.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::config::Place;
use super::door::Process;
use super::error::{CliError, PARTIAL, UNKNOWN};
use super::letters;
use super::pace_view::Pace;
use super::plan_view;
use super::ui::{Ui, print};
use crate::config::{Config, Inventory};
use crate::lockdown::engine::Engine;
use crate::lockdown::incidents::{Held, Incidents, tag};
use crate::lockdown::journal;
use crate::lockdown::open::{self, Credentials, Systems};
use crate::lockdown::provider::Hand;
use crate::lockdown::record::{Entry, Record, Verdict};
use crate::lockdown::snapshot::Snapshots;
use crate::output::json;
use crate::report::Report;
use crate::sys::fs::Pending;
use crate::sys::{clock, crash};

/// The page in an incident's folder.
pub const PAGE: &str = "report.html";
/// The point at which the process dies, for tests of recovery: a number counted from 1.
const CRASH_AT: &str = "PORTCULLIS_CRASH_AT";
/// How it dies there: `kill`, `panic`, `abort`.
const CRASH_BY: &str = "PORTCULLIS_CRASH_BY";

/// Everything that is configured.
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// Its incidents.
    pub incidents: Incidents,
    systems: Systems,
}

impl Setup {
    /// Reads the configuration, resolves every credential and opens every system. Nothing is sent.
    pub fn load(ui: &Ui, place: &Place) -> Result<Self, CliError> {
        let config = place.load()?;
        let inventory = config.inventory.as_deref();
        let inventory = inventory.map(|path| Inventory::load(path, config.known())).transpose()?;
        let credentials = credentials(ui, &config);
        if let Some(why) = none_of_providers(&config, &credentials) {
            return Err(CliError::usage(format!("no provider's credential can be had: {why}"))
                .hint("`portcullis doctor` tries every credential"));
        }
        let integrations = inventory.map(|inventory| inventory.integrations).unwrap_or_default();
        let systems = open::open(&config, &integrations, &credentials)?;
        if config.providers.is_empty() {
            return Err(CliError::usage(format!("{}: no provider is configured", config.path.display()))
                .hint("fill in a [provider.…] section, then run `portcullis doctor`"));
        }
        arm_crash_point()?;
        let incidents = Incidents::new(&config.incidents);
        Ok(Self { config, incidents, systems })
    }

    /// The systems by their names.
    pub fn systems(&self) -> &BTreeMap<String, Arc<dyn crate::lockdown::provider::Provider>> {
        &self.systems.all
    }

    /// An engine that goes on with the incident.
    pub fn engine(&self, ui: &Ui, held: &Held) -> Result<Engine, CliError> {
        let hand = Hand::new(&tag(&held.name), self.systems.stores.clone());
        let (systems, clock) = (self.systems.all.clone(), Arc::new(clock::System));
        let watch = ui.watch();
        Ok(Engine::new(systems, hand, held.journal()?, clock, watch, self.config.http.backoff))
    }

    /// How long proofs are asked for.
    pub fn wait(&self, given: Option<Duration>) -> Duration {
        given.unwrap_or(self.config.wait)
    }
}

/// Where an incident keeps what discovery read.
pub fn snapshots(held: &Held) -> Snapshots {
    Snapshots::new(&held.folder)
}

/// One that cannot be had stops none of the others: in an incident there is no time for that.
fn credentials(ui: &Ui, config: &Config) -> Credentials {
    let mut credentials = Credentials::new();
    for instance in config.instances() {
        if let Some(reference) = &instance.credential {
            ui.progress_note(&format!("credential of {}", instance.name));
            let resolved = reference.resolve(&Process).map_err(|error| error.to_string());
            if let Err(why) = &resolved {
                ui.warn(&format!("{}: {why}: nothing can be read or done there", instance.name));
            }
            credentials.insert(instance.name.clone(), resolved);
        }
    }
    credentials
}

/// Why no provider can be asked, where that is so.
fn none_of_providers(config: &Config, credentials: &Credentials) -> Option<String> {
    let failed = config.providers.iter().map(|of| credentials.get(&of.name)?.as_ref().err());
    let failed: Option<Vec<&String>> = failed.collect();
    failed.and_then(|failed| failed.first().map(ToString::to_string))
}

/// Arms the point that the environment names, if it does.
///
/// # Errors
/// What it names is none.
pub fn arm_crash_point() -> Result<(), CliError> {
    if let Some(by) = std::env::var_os(CRASH_BY) {
        let by = by.to_str().and_then(|by| by.parse().ok());
        crash::die_by(by.ok_or_else(|| CliError::usage(format!("{CRASH_BY} is not kill, panic or abort")))?);
    }
    let Some(at) = std::env::var_os(CRASH_AT) else { return Ok(()) };
    let at = at.to_str().and_then(|at| at.parse().ok());
    crash::arm(at.ok_or_else(|| CliError::usage(format!("{CRASH_AT} is not a number")))?);
    Ok(())
}

/// Runs `work` on a runtime of its own. Ctrl-C ends it between two requests.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::usage(format!("cannot start: {error}")))?;
    Ok(runtime.block_on(work))
}

/// Runs `work`; Ctrl-C tells `engine` to send nothing more, and what is under way is finished.
pub async fn interruptible<T>(engine: &Engine, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            signal = tokio::signal::ctrl_c(), if !engine.is_interrupted() => {
                // Without a handler the signal ends the process, which recovery survives too.
                if signal.is_ok() {
                    engine.interrupt();
                }
            }
        }
    }
}

/// The exit code of an incident as it stands.
pub fn exit_code(record: &Record) -> ExitCode {
    match &record.verdict {
        Some((Verdict::Contained | Verdict::Done | Verdict::Restored, _)) => ExitCode::SUCCESS,
        Some((Verdict::Partial | Verdict::PartlyRestored, _)) => ExitCode::from(PARTIAL),
        Some((Verdict::Unknown, _)) | None => ExitCode::from(UNKNOWN),
    }
}

/// How the incident stands after a run, on standard output and as a page in its folder; the way on, on standard error. Then letters
/// are sent, where the configuration wants that: whatever comes of it, the incident stands as it was said.
pub async fn report(
    ui: &Ui,
    setup: &Setup,
    engine: &Engine,
    held: &Held,
    json: bool,
) -> Result<ExitCode, CliError> {
    let record = engine.record();
    leave_page(ui, held);
    let pace = Pace::of(engine);
    let text = if json {
        json::line(&plan_view::record_json(&record, Some(&pace)))
    } else {
        let guided = record.guided.iter().map(|tracked| (&tracked.guided, tracked.done.as_deref()));
        format!("{}{}{}", plan_view::record(&record), plan_view::guided(guided), pace.text())
    };
    print(&text)?;
    if record.verdict.is_none() {
        ui.warn(&format!(
            "not finished: run the same command again, it goes on where it was ({})",
            record.incident
        ));
    } else {
        letters::send_at_end(ui, &setup.config, &record, &|entry| engine.note(entry)).await;
    }
    Ok(exit_code(&record))
}

/// The page for people: it tells what the journal tells, so that a run does not fail without it.
pub fn leave_page(ui: &Ui, held: &Held) {
    let path = held.folder.join(PAGE);
    let written =
        journal::read(&held.folder.join(journal::FILE)).map_err(|error| error.to_string()).and_then(|read| {
            letters::leave(ui, held, &read.record);
            let html = Report { zone: &TimeZone::UTC, scan: None, lockdown: Some(&read) }.html();
            let mut file = Pending::create_private(&path).map_err(|error| error.to_string())?;
            file.write_all(html.as_bytes())
                .and_then(|()| file.finish(&path))
                .map_err(|error| error.to_string())
        });
    match written {
        Ok(()) => ui.note(&format!("report: {}", path.display())),
        Err(why) => ui.warn(&format!("cannot write {}: {why}", path.display())),
    }
}

/// One line for an entry, where it tells a person something.
pub fn line(entry: &Entry, record: &Record) -> Option<String> {
    use crate::lockdown::state::StepEvent as Event;
    let text = match entry {
        Entry::Opened { incident, .. } => format!("incident {incident}"),
        Entry::Discovered { pass, system, steps, .. } => format!("pass {pass}: {system} read, {steps} to do"),
        Entry::Undiscovered { pass, system, why } => {
            format!("pass {pass}: {system} could not be read: {why}")
        }
        Entry::Step { step, event: Event::Answered { .. } } => {
            let status = record.steps.get(step).map(|tracked| tracked.state.status);
            format!(
                "{}: {step}",
                status.map_or("done".to_owned(), |status| format!("{status:?}").to_lowercase())
            )
        }
        Entry::Step { step, event: Event::Seen { .. } } => format!("seen: {step}"),
        Entry::Step { step, event: Event::Back { .. } } => format!("back: {step}"),
        Entry::Step { step, event: Event::Refused { why } } => format!("refused: {step}: {why}"),
        Entry::Step { step, event: Event::Lost { why } } => format!("lost: {step}: {why}"),
        Entry::Step { step, event: Event::NotSent { why } } => format!("not sent: {step}: {why}"),
        Entry::Step { step, event: Event::Unreadable { why } } => format!("unreadable: {step}: {why}"),
        Entry::Step { step, event: Event::Skipped { reason } } => format!("left out: {step}: {reason}"),
        Entry::Step { step, event: Event::Included } => format!("left out no longer: {step}"),
        Entry::Step { step, event: Event::Kept { why } } => format!("kept: {step}: {why}"),
        Entry::Passed { pass, clean: true } => format!("pass {pass}: clean"),
        Entry::Passed { pass, clean: false } => format!("pass {pass}: more to do"),
        Entry::Proved { step, how } => format!("proved: {step}: {how}"),
        Entry::Unproved { step, why } => format!("not proved: {step}: {why}"),
        Entry::Guided { guided, how } => format!("guided step done: {guided}: {how}"),
        Entry::Interrupted { why } => format!("interrupted: {why}"),
        Entry::Active { records } if records.is_empty() => "the account is not active any more".to_owned(),
        Entry::Active { records } => format!("the account was active after the lockdown: {}", records.len()),
        Entry::Restoring { .. } => "restoring".to_owned(),
        Entry::Filed { file, .. } => format!("kept: {file}"),
        Entry::Reopened { steps } => format!("let in again since it was contained: {} steps", steps.len()),
        Entry::Widened { tasks } => format!("{} more to do than was asked before", tasks.len()),
        Entry::Step { event: Event::Intended { .. } | Event::Unseen { .. }, .. }
        | Entry::Planned { .. }
        | Entry::Confirmed { .. }
        | Entry::Concluded { .. }
        | Entry::Message { .. } => return None,
    };
    Some(text)
}
