//! What commands that change something share: the plan is shown, agreed to, carried out, proved; killed at any point, the
//! same command goes on. A command only says what is asked for.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::config::Place;
use super::error::CliError;
use super::incident::{self, Setup};
use super::plan_view;
use super::ui::{Ui, print};
use super::value;
use crate::lockdown::engine::Engine;
use crate::lockdown::execute::{self, Found, Options};
use crate::lockdown::incidents::{Held, IncidentError, tag};
use crate::lockdown::operation::{Kind, Operation};
use crate::lockdown::plan::Plan;
use crate::lockdown::provider::{Guard, Presence};
use crate::lockdown::record::{Entry, Record, Tracked};
use crate::lockdown::state::Status;
use crate::lockdown::step::{Phase, Step, StepId};
use crate::output::json;
use crate::sys::clock::{Clock, System};
use crate::sys::fs::Pending;

/// A larger plan file is not read, in bytes.
const MAX_PLAN: usize = 64 << 20;

/// How a plan is agreed to and carried out.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Order {
    /// Show the plan and end; no request that changes anything is sent, and no incident is opened.
    #[arg(long, help_heading = "Carrying out")]
    pub dry_run: bool,
    /// Do not ask: the plan is agreed to.
    #[arg(long, help_heading = "Carrying out")]
    yes: bool,
    /// Write the plan to this file and end; with --apply, carry out exactly that plan, or nothing.
    #[arg(long, value_name = "FILE", help_heading = "Carrying out")]
    pub plan: Option<PathBuf>,
    /// Carry out: of lockdown, rotate and offboard the plan of --plan, of review what was agreed to.
    #[arg(long, conflicts_with = "dry_run", help_heading = "Carrying out")]
    pub apply: bool,
    /// Delete what is quarantined too. It cannot be undone.
    #[arg(long, help_heading = "Carrying out")]
    commit: bool,
    /// Only steps of this system, or whose identifier matches this pattern; the rest is recorded as left out, and a later run
    /// without the pattern asks about it and does it. Of a review: only
    /// these of its items, by number, identifier or check.
    #[arg(long, value_name = "PATTERN", help_heading = "Carrying out")]
    pub only: Vec<String>,
    /// Leave out steps of this system, or whose identifier matches this pattern, for this reason: of this run. A later run without
    /// the pattern asks about them and does them.
    #[arg(long, value_name = "PATTERN=REASON", help_heading = "Carrying out")]
    skip: Vec<String>,
    /// Go on although no system has the account any more: what it made and knew is dealt with all the same.
    #[arg(long, help_heading = "Carrying out")]
    absent: bool,
    /// Objects that may be changed; else what the configuration says.
    #[arg(long, value_name = "N", help_heading = "Carrying out")]
    max: Option<usize>,
    /// How long proofs are asked for; else what the configuration says.
    #[arg(long, value_name = "TIME", value_parser = value::time_span, help_heading = "Carrying out")]
    wait: Option<Duration>,
    /// Write how the incident stands as JSON to standard output.
    #[arg(long, help_heading = "Carrying out")]
    pub json: bool,
}

impl Order {
    /// Whether nothing of it was given.
    pub fn is_empty(&self) -> bool {
        let Self { dry_run, yes, plan, apply, commit, only, skip, absent, max, wait, json } = self;
        !(*dry_run || *yes || *apply || *commit || *absent || *json)
            && plan.is_none()
            && only.is_empty()
            && skip.is_empty()
            && max.is_none()
            && wait.is_none()
    }

    /// Whether what is asked for stands in a plan file.
    pub fn is_from_file(&self) -> bool {
        self.apply && self.plan.is_some()
    }

    /// # Errors
    /// There is no plan to apply.
    pub fn needs_plan(&self) -> Result<(), CliError> {
        if self.apply && self.plan.is_none() {
            return Err(CliError::usage("--apply carries out the plan of a file, and --plan names none"));
        }
        Ok(())
    }
}

/// What is asked for.
#[derive(Debug)]
pub struct Wanted {
    /// What it is about: an account's e-mail address, or the name of a credential or review.
    pub subject: String,
    /// What for.
    pub operation: Operation,
    /// What is kept as it was before anything is changed: names of files, and their bytes.
    pub before: Vec<(String, Vec<u8>)>,
}

impl Wanted {
    /// With nothing to keep.
    pub fn new(subject: String, operation: Operation) -> Self {
        Self { subject, operation, before: Vec::new() }
    }
}

/// Runs an operation to its end, or to the point at which people are needed.
///
/// # Errors
/// Bad usage, a guard, nobody agreed, or the journal cannot be written.
pub fn run(ui: &Ui, place: &Place, order: &Order, wanted: Wanted) -> Result<ExitCode, CliError> {
    let skips = order.skip.iter().map(|skip| Skip::parse(skip)).collect::<Result<Vec<_>, _>>()?;
    let only = order.only.iter().map(|only| Skip::of(only, "only")).collect::<Result<Vec<_>, _>>()?;
    let setup = Setup::load(ui, place)?;
    incident::block_on(Running { ui, order, setup: &setup, wanted, skips, only }.run())?
}

struct Skip {
    pattern: globset::GlobMatcher,
    system: String,
    reason: String,
}

impl Skip {
    fn parse(text: &str) -> Result<Self, CliError> {
        let (pattern, reason) =
            text.split_once('=').filter(|(_, reason)| !reason.trim().is_empty()).ok_or_else(|| {
                CliError::usage(format!("--skip {text:?} has no reason")).hint(
                    "--skip 'okta/*/suspend=HR keeps the account open': the reason goes into the journal",
                )
            })?;
        Self::of(pattern, reason)
    }

    fn of(pattern: &str, reason: &str) -> Result<Self, CliError> {
        let glob = globset::Glob::new(pattern).map_err(|error| CliError::usage(error.to_string()))?;
        Ok(Self { pattern: glob.compile_matcher(), system: pattern.into(), reason: reason.trim().into() })
    }

    fn takes(&self, step: &StepId, system: &str) -> bool {
        self.system == system || self.pattern.is_match(&step.0)
    }
}

struct Running<'a> {
    ui: &'a Ui,
    order: &'a Order,
    setup: &'a Setup,
    wanted: Wanted,
    skips: Vec<Skip>,
    only: Vec<Skip>,
}

impl Running<'_> {
    async fn run(&self) -> Result<ExitCode, CliError> {
        if self.order.is_from_file() {
            return self.apply_file().await;
        }
        let incidents = &self.setup.incidents;
        let (subject, kind) = (&self.wanted.subject, self.wanted.operation.kind);
        let unread = |error: &IncidentError| self.ui.warn(&format!("left out of account: {error}"));
        let open = incidents.open_for(subject, kind, &unread)?;
        let name = match &open {
            Some(name) => name.clone(),
            None => incidents.fresh_name(subject, kind, &today())?,
        };
        if self.order.dry_run || self.order.plan.is_some() {
            let record = open.as_ref().map(|name| incidents.record(name)).transpose()?;
            return self.show(&name, &record.unwrap_or_default()).await;
        }
        let found = if open.is_none() { Some(self.look_for(&name).await?) } else { None };
        let held = incidents.hold(&name)?;
        let engine = self.begin(&held)?;
        self.keep_before(&engine, &held)?;
        let (plan, unasked) = self.discover(&engine, &held, found).await?;
        reopen(&engine, &plan)?;
        if unasked || self.has_to_be_agreed(&engine.record(), &plan, &BTreeSet::new()) {
            self.agree(&engine, &plan, None)?;
        }
        self.carry_out(&engine, &held, &BTreeSet::new()).await
    }

    /// Reads everything before an incident is opened: a misspelt name opens none.
    async fn look_for(&self, name: &str) -> Result<Found, CliError> {
        let Wanted { subject, operation, .. } = &self.wanted;
        let targets = operation.targets(subject, &tag(name));
        let found = execute::read_all(self.setup.systems(), &targets, &Record::default()).await;
        let plan = self.plan(name, operation, &found)?;
        self.check_patterns(&plan, &Record::default(), &found)?;
        match operation.kind {
            Kind::Rotation => must_find(&plan, &found)?,
            Kind::Lockdown | Kind::Offboarding if !self.order.absent => must_know(subject, &found)?,
            Kind::Lockdown | Kind::Offboarding | Kind::Review => {}
        }
        Ok(found)
    }

    /// A pattern that names nothing is a slip: what it was to leave out would be done. What could not be read may have what it
    /// names.
    fn check_patterns(&self, plan: &Plan, record: &Record, found: &Found) -> Result<(), CliError> {
        let known = || plan.steps.iter().chain(record.steps.values().map(|tracked| &tracked.step));
        let is_idle = |skip: &&Skip| {
            !self.setup.systems().contains_key(&skip.system)
                && !known().any(|step| skip.takes(&step.id, &step.system))
        };
        match self.skips.iter().chain(&self.only).find(is_idle).filter(|_| found.failed.is_empty()) {
            None => Ok(()),
            Some(idle) => Err(CliError::usage(format!("{:?} names no step and no system", idle.system))
                .hint("`--dry-run` shows the steps with their identifiers")),
        }
    }

    /// With `--json`, standard output is for JSON alone.
    fn say(&self, text: &str) -> Result<(), CliError> {
        if self.order.json {
            self.ui.note(text);
            return Ok(());
        }
        print(text)
    }

    /// The plan, and nothing else. `record`: of the incident that goes on, if there is one.
    async fn show(&self, name: &str, record: &Record) -> Result<ExitCode, CliError> {
        let mut operation = Operation { kind: self.wanted.operation.kind, ..record.operation.clone() };
        operation.tasks.extend(record.missing(&self.wanted.operation.tasks));
        let targets = operation.targets(&self.wanted.subject, &tag(name));
        let found = execute::read_all(self.setup.systems(), &targets, record).await;
        let plan = self.plan(name, &operation, &found)?;
        if let Some(path) = &self.order.plan {
            write_plan(path, &plan)?;
            self.ui.note(&format!("wrote {}; `--plan {0} --apply` carries out exactly this", path.display()));
        }
        let text = if self.order.json {
            json_line(&plan_view::shown_json(&plan, &found))?
        } else {
            plan_view::plan(&plan, self.order.commit) + &plan_view::seen(&found.notes(), found.gaps())
        };
        print(&text)?;
        self.check_patterns(&plan, record, &found)?;
        for (system, why) in &found.failed {
            self.ui.warn(&format!("{system} could not be read: {why}"));
        }
        if found.presence() == Presence::Absent {
            self.ui.warn(&format!("no system has an account {}", self.wanted.subject));
        }
        for guard in self.guards(&plan, &found) {
            self.ui.warn(&format!("this would be refused: {guard}"));
        }
        let complete = found.failed.is_empty();
        Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(super::error::UNKNOWN) })
    }

    /// Exactly the plan of a file.
    async fn apply_file(&self) -> Result<ExitCode, CliError> {
        let path = self.order.plan.as_deref().unwrap_or(Path::new(""));
        let planned = read_plan(path)?;
        let (subject, kind) = (&self.wanted.subject, self.wanted.operation.kind);
        if planned.account != *subject || planned.operation.kind != kind {
            let (about, what) = (&planned.account, planned.operation.kind);
            return Err(CliError::refused(format!("{} is the {what} of {about}", path.display())));
        }
        if !planned.is_genuine() {
            let edited = Guard::PlanChanged("it was edited".to_owned());
            return Err(CliError::refused(format!("refused, nothing was changed: {edited}")));
        }
        let held = self.setup.incidents.hold(&planned.incident)?;
        let engine = self.begin_with(&held, &planned.operation)?;
        self.keep_before(&engine, &held)?;
        let beyond = beyond(&engine.record(), &planned);
        // What is not in the file is not done, whoever shows it.
        let (plan, _) = self.discover(&engine, &held, None).await?;
        reopen(&engine, &plan)?;
        let record = engine.record();
        let is_agreed = record.confirmed.as_ref() == Some(&planned.hash);
        if !is_agreed && plan.hash != planned.hash {
            let differences = planned.differences(&plan).join("; ");
            return refuse(&engine, &[Guard::PlanChanged(differences)]);
        }
        if !is_agreed || self.has_to_be_agreed(&record, &plan, &beyond) {
            self.agree(&engine, &planned, Some(&planned))?;
        }
        self.carry_out(&engine, &held, &beyond).await
    }

    fn begin(&self, held: &Held) -> Result<Engine, CliError> {
        self.begin_with(held, &self.wanted.operation)
    }

    /// Opens the incident, or goes on with it. What is asked for beyond what was asked before is added, and has to be agreed
    /// to.
    fn begin_with(&self, held: &Held, operation: &Operation) -> Result<Engine, CliError> {
        let engine = self.setup.engine(self.ui, held).map_err(CliError::nothing_changed)?;
        let (record, subject) = (engine.record(), &self.wanted.subject);
        if record.restoring {
            return Err(CliError::usage(format!("incident {} is being restored", held.name))
                .hint(format!("`portcullis restore {}` goes on with that", held.name)));
        }
        let entry = if record.incident.is_empty() {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            let (incident, account) = (held.name.clone(), subject.clone());
            Entry::Opened { tag: tag(&incident), incident, account, version, operation: operation.clone() }
        } else if record.account != *subject || record.operation.kind != operation.kind {
            let (kind, about) = (record.operation.kind, &record.account);
            return Err(CliError::refused(format!("incident {} is the {kind} of {about}", held.name)));
        } else {
            let tasks = record.missing(&operation.tasks);
            if tasks.is_empty() {
                return Ok(engine);
            }
            Entry::Widened { tasks }
        };
        engine.note(&entry).map_err(|error| CliError::from(error).nothing_changed())?;
        Ok(engine)
    }

    /// Keeps what was before: once, and before anything is sent.
    fn keep_before(&self, engine: &Engine, held: &Held) -> Result<(), CliError> {
        for (name, bytes) in &self.wanted.before {
            if engine.record().filed.iter().any(|filed| filed.ends_with(name.as_str())) {
                continue;
            }
            let (file, sha256) = incident::snapshots(held).keep_file(name, bytes)?;
            engine.note(&Entry::Filed { file, sha256 })?;
        }
        Ok(())
    }

    /// One more pass, and whether anything may be sent at all. `found`: what was read just now. Gives the plan, and whether a
    /// system has steps in it that could not be read when the responder was asked.
    async fn discover(
        &self,
        engine: &Engine,
        held: &Held,
        found: Option<Found>,
    ) -> Result<(Plan, bool), CliError> {
        let found = match found {
            Some(found) => found,
            None => execute::read_for(engine).await,
        };
        execute::keep(engine, &found, &incident::snapshots(held))?;
        let record = engine.record();
        let plan = match self.plan(&held.name, &record.operation, &found) {
            Err(_) if record.confirmed.is_some() => self.plan_of(&held.name, &record.operation, &found),
            plan => plan?,
        };
        self.check_patterns(&plan, &record, &found)?;
        let guards = self.guards(&plan, &found);
        if !guards.is_empty() {
            refuse(engine, &guards)?;
        }
        Ok((plan, found.shows_unasked(&record)))
    }

    fn plan(&self, name: &str, operation: &Operation, found: &Found) -> Result<Plan, CliError> {
        if found.discoveries.is_empty() && !found.failed.is_empty() {
            let why: Vec<String> = found.failed.iter().map(|(name, why)| format!("{name}: {why}")).collect();
            return Err(CliError::unknown(format!("no system could be read: {}", why.join("; ")))
                .hint("`portcullis doctor` tries every credential"));
        }
        Ok(self.plan_of(name, operation, found))
    }

    fn plan_of(&self, name: &str, operation: &Operation, found: &Found) -> Plan {
        let discoveries = found.discoveries.values();
        let steps = discoveries.clone().flat_map(|discovery| &discovery.steps).chain(&found.besides);
        let steps = steps.cloned().collect();
        let guided = discoveries.flat_map(|discovery| discovery.guided.clone()).collect();
        Plan::of(&self.wanted.subject, name, operation, steps, guided)
    }

    fn guards(&self, plan: &Plan, found: &Found) -> Vec<Guard> {
        let mut guards: Vec<Guard> =
            found.discoveries.values().flat_map(|discovery| discovery.guards.clone()).collect();
        guards.extend(plan.guards(&self.setup.config.responder, self.max()));
        guards
    }

    fn max(&self) -> usize {
        self.order.max.unwrap_or(self.setup.config.max_objects)
    }

    /// Whether it was not yet, or what destroys something was not, or what was left out is not any more.
    fn has_to_be_agreed(&self, record: &Record, plan: &Plan, beyond: &BTreeSet<StepId>) -> bool {
        let known = record.steps.values().filter(|tracked| !tracked.state.status.holds());
        let mut all = known.map(|tracked| &tracked.step).chain(&plan.steps);
        record.confirmed.is_none()
            || self.order.commit && !record.commits && all.any(|step| step.commit)
            || !self.taken_up(record, beyond).is_empty()
    }

    fn taken_up(&self, record: &Record, beyond: &BTreeSet<StepId>) -> Vec<StepId> {
        execute::taken_up(record, self.order.commit, &|step| self.why_left_out(step, beyond))
    }

    /// Shows the plan, asks, and notes the answer. `file`: the plan file that is carried out.
    fn agree(&self, engine: &Engine, plan: &Plan, file: Option<&Plan>) -> Result<(), CliError> {
        if file.is_none() || !self.order.yes {
            self.say(&plan_view::plan(plan, self.order.commit))?;
        }
        let record = engine.record();
        self.say_seen(&record)?;
        let beyond = file.map(|file| beyond(&record, file)).unwrap_or_default();
        let taken_up = self.taken_up(&record, &beyond);
        if !taken_up.is_empty() {
            self.say(&plan_view::taken_up(&record, &taken_up))?;
        }
        let mut how = self.confirm(engine, plan)?;
        if let Some(file) = file {
            how = format!("{how}, plan file {}", file.hash);
        }
        execute::extend(engine, plan)?;
        let record = engine.record();
        let is_meant = |id: &StepId| file.is_none_or(|file| file.steps.iter().any(|step| step.id == *id));
        let except = record.unconfirmed().filter(|id| !is_meant(id)).cloned().collect();
        let (hash, unread) = (plan.hash.clone(), record.undiscovered.keys().cloned().collect());
        engine.note(&Entry::Confirmed { hash, how, commit: self.order.commit, unread, except })?;
        Ok(())
    }

    /// What bears on whether to agree, and is no step: a guard that could not be asked, a system that is not in the plan.
    fn say_seen(&self, record: &Record) -> Result<(), CliError> {
        let seen = plan_view::seen(&record.notes, record.open_gaps());
        if !seen.is_empty() {
            self.say(&seen)?;
        }
        for (system, why) in &record.undiscovered {
            self.ui.warn(&format!("{system} could not be read, and has no steps in this plan: {why}"));
        }
        Ok(())
    }

    fn confirm(&self, engine: &Engine, plan: &Plan) -> Result<String, CliError> {
        if self.order.yes {
            return Ok("--yes".into());
        }
        let subject = &self.wanted.subject;
        let question = format!("Type {subject} to carry this out:");
        let answer = self.ui.ask(&question).map_err(|error| CliError::output(&error))?;
        let left = left(&engine.record());
        match answer {
            Some(answer) if answer.eq_ignore_ascii_case(subject) => Ok("typed".into()),
            Some(_) => {
                engine.note(&Entry::Interrupted { why: "the responder did not agree to the plan".into() })?;
                Err(CliError::refused(format!("not agreed, {left}")))
            }
            None => {
                engine.note(&Entry::Interrupted { why: "nobody was there to agree to the plan".into() })?;
                Err(CliError::refused(format!("there is no terminal to ask on, {left}"))
                    .hint(format!("--yes agrees to plan {}", plan.hash)))
            }
        }
    }

    /// `beyond`: see [`beyond`].
    async fn carry_out(
        &self,
        engine: &Engine,
        held: &Held,
        beyond: &BTreeSet<StepId>,
    ) -> Result<ExitCode, CliError> {
        let options = Options {
            commit: self.order.commit,
            extend: !self.order.is_from_file(),
            unasked: self.order.yes,
            max: self.max(),
            wait: self.setup.wait(self.order.wait),
            leave_out: Box::new(move |step| self.why_left_out(step, beyond)),
        };
        let snapshots = incident::snapshots(held);
        let run = execute::run(engine, &snapshots, &options);
        incident::interruptible(engine, run).await?;
        incident::report(self.ui, self.setup, engine, held, self.order.json).await
    }

    fn why_left_out(&self, step: &Step, beyond: &BTreeSet<StepId>) -> Option<String> {
        let is_beyond = || beyond.contains(&step.id).then(|| "it is not in the plan file".to_owned());
        self.leaves_out(&step.id, &step.system).or_else(is_beyond)
    }

    fn leaves_out(&self, step: &StepId, system: &str) -> Option<String> {
        let skip = self.skips.iter().find(|skip| skip.takes(step, system));
        if let Some(skip) = skip {
            return Some(skip.reason.clone());
        }
        (!self.only.is_empty() && !self.only.iter().any(|only| only.takes(step, system)))
            .then(|| format!("--only {}", self.order.only.join(" ")))
    }
}

/// A misspelt name of a credential.
fn must_find(plan: &Plan, found: &Found) -> Result<(), CliError> {
    if !plan.steps.is_empty() || !plan.guided.is_empty() || !found.failed.is_empty() {
        return Ok(());
    }
    let notes = found.discoveries.values().flat_map(|discovery| discovery.notes.clone());
    let notes = notes.collect::<Vec<_>>().join("; ");
    Err(CliError::usage(format!("there is nothing to rotate: {notes}"))
        .hint("`portcullis inventory list` has the names of integrations"))
}

/// A misspelt account. One that could not be looked for everywhere may be there.
fn must_know(subject: &str, found: &Found) -> Result<(), CliError> {
    if found.presence() != Presence::Absent || !found.failed.is_empty() {
        return Ok(());
    }
    Err(CliError::usage(format!("no system has an account {subject}: is it misspelt? Nothing was changed"))
        .hint("--absent goes on without: what an account that is gone made and knew is dealt with"))
}

/// What held when the incident had come to its best end, and does not hold now, was let in again: people do their part
/// again, and the plan is agreed to again. Whatever was concluded in between: a verification may have seen it first.
fn reopen(engine: &Engine, plan: &Plan) -> Result<(), CliError> {
    let record = engine.record();
    // Ours, and noted as not done: it was seen by a run that did not come to its end.
    let is_done = |tracked: &Tracked| tracked.state.status.holds() || tracked.state.ours;
    let held = |step: &&Step| record.steps.get(&step.id).is_some_and(is_done);
    let lets_in = |step: &&Step| !step.blind && !matches!(step.phase, Phase::Preserve | Phase::Exports);
    let steps = plan.steps.iter().filter(lets_in).filter(held).map(|step| step.id.clone());
    let steps: Vec<StepId> = steps.filter(|_| record.was_best).collect();
    if !steps.is_empty() {
        engine.note(&Entry::Reopened { steps })?;
    }
    Ok(())
}

/// Steps that were agreed to or left out, and that a plan file does not have.
fn beyond(record: &Record, planned: &Plan) -> BTreeSet<StepId> {
    let is_known = |tracked: &&Tracked| tracked.confirmed || tracked.state.status == Status::Skipped;
    let agreed = record.steps.values().filter(is_known);
    let agreed = agreed.map(|tracked| &tracked.step.id);
    agreed.filter(|id| !planned.steps.iter().any(|step| step.id == **id)).cloned().collect()
}

fn refuse<T>(engine: &Engine, guards: &[Guard]) -> Result<T, CliError> {
    let why = guards.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    engine.note(&Entry::Interrupted { why: format!("refused: {why}") })?;
    Err(CliError::refused(format!("refused, {}: {why}", left(&engine.record()))))
}

/// What a refusal leaves.
fn left(record: &Record) -> &'static str {
    let has_sent = record.steps.values().any(|tracked| tracked.state.attempts > 0);
    if has_sent { "nothing more was changed" } else { "nothing was changed" }
}

fn today() -> String {
    System.now().to_rfc3339().chars().take(10).collect()
}

fn write_plan(path: &Path, plan: &Plan) -> Result<(), CliError> {
    let failed = |error| CliError::usage(format!("cannot write {}: {error}", path.display()));
    let mut file = Pending::create_private(path).map_err(failed)?;
    file.write_all(json_line(plan)?.as_bytes()).and_then(|()| file.finish(path)).map_err(failed)
}

fn read_plan(path: &Path) -> Result<Plan, CliError> {
    let failed = |why: String| CliError::usage(format!("{}: {why}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let bytes =
        crate::sys::fs::read_plain_up_to(file, MAX_PLAN).map_err(|error| failed(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| failed("too large for a plan".into()))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(format!("not a plan: {error}")))
}

fn json_line(value: &impl serde::Serialize) -> Result<String, CliError> {
    json::pretty(value).map_err(|error| CliError::usage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_left_out_by_system_or_pattern_and_only_with_a_reason() {
        let skip = Skip::parse("okta/**/suspend=HR asked").unwrap();
        assert!(skip.takes(&StepId("okta/user/1/suspend".into()), "okta"));
        assert!(!skip.takes(&StepId("okta/user/1/sessions".into()), "okta"));
        assert!(Skip::parse("scim=later").unwrap().takes(&StepId("scim/user/1/x".into()), "scim"));
        assert!(Skip::parse("okta").is_err() && Skip::parse("okta= ").is_err());
    }
}
