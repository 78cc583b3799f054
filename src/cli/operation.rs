//! What commands that change something share: the plan is shown, agreed to, carried out, proved; killed at any point, the
//! same command goes on. A command only says what is asked for.

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
use crate::lockdown::incidents::{Held, tag};
use crate::lockdown::operation::{Kind, Operation};
use crate::lockdown::plan::Plan;
use crate::lockdown::provider::Guard;
use crate::lockdown::record::{Entry, Record};
use crate::lockdown::step::StepId;
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
    /// Only steps of this system, or whose identifier matches this pattern; the rest is recorded as left out. Of a review: only
    /// these of its items, by number, identifier or check.
    #[arg(long, value_name = "PATTERN", help_heading = "Carrying out")]
    pub only: Vec<String>,
    /// Leave out steps of this system, or whose identifier matches this pattern, for this reason.
    #[arg(long, value_name = "PATTERN=REASON", help_heading = "Carrying out")]
    skip: Vec<String>,
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
        let Self { dry_run, yes, plan, apply, commit, only, skip, max, wait, json } = self;
        !(*dry_run || *yes || *apply || *commit || *json)
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
    let setup = Setup::load(ui, place)?;
    incident::block_on(Running { ui, order, setup: &setup, wanted, skips }.run())?
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
}

impl Running<'_> {
    async fn run(&self) -> Result<ExitCode, CliError> {
        if self.order.is_from_file() {
            return self.apply_file().await;
        }
        let incidents = &self.setup.incidents;
        let (subject, kind) = (&self.wanted.subject, self.wanted.operation.kind);
        let open = incidents.open_for(subject, kind)?;
        let name = match &open {
            Some(name) => name.clone(),
            None => incidents.fresh_name(subject, kind, &today())?,
        };
        if self.order.dry_run || self.order.plan.is_some() {
            return self.show(&name).await;
        }
        if open.is_none() && kind == Kind::Rotation {
            self.must_find(&name).await?;
        }
        let held = incidents.hold(&name)?;
        let engine = self.begin(&held)?;
        self.keep_before(&engine, &held)?;
        if engine.record().confirmed.is_none() {
            let (plan, _) = self.discover(&engine, &held).await?;
            self.say(&plan_view::plan(&plan, self.order.commit))?;
            let how = self.confirm(&engine, &plan)?;
            agree(&engine, &plan, how)?;
        }
        self.carry_out(&engine, &held, true).await
    }

    /// A misspelt name of a credential opens no incident.
    async fn must_find(&self, name: &str) -> Result<(), CliError> {
        let Wanted { subject, operation, .. } = &self.wanted;
        let found = execute::read_all(
            self.setup.systems(),
            &operation.targets(subject, &tag(name)),
            &Record::default(),
        )
        .await;
        let plan = self.plan(name, operation, &found)?;
        if !plan.steps.is_empty() || !plan.guided.is_empty() || !found.failed.is_empty() {
            return Ok(());
        }
        let notes = found.discoveries.values().flat_map(|discovery| discovery.notes.clone());
        let notes = notes.collect::<Vec<_>>().join("; ");
        Err(CliError::usage(format!("there is nothing to rotate: {notes}"))
            .hint("`portcullis inventory list` has the names of integrations"))
    }

    /// With `--json`, standard output is for JSON alone.
    fn say(&self, text: &str) -> Result<(), CliError> {
        if self.order.json {
            self.ui.note(text);
            return Ok(());
        }
        print(text)
    }

    /// The plan, and nothing else.
    async fn show(&self, name: &str) -> Result<ExitCode, CliError> {
        let targets = self.wanted.operation.targets(&self.wanted.subject, &tag(name));
        let found = execute::read_all(self.setup.systems(), &targets, &Record::default()).await;
        let plan = self.plan(name, &self.wanted.operation, &found)?;
        if let Some(path) = &self.order.plan {
            write_plan(path, &plan)?;
            self.ui.note(&format!("wrote {}; `--plan {0} --apply` carries out exactly this", path.display()));
        }
        let text =
            if self.order.json { json_line(&plan)? } else { plan_view::plan(&plan, self.order.commit) };
        print(&text)?;
        for (system, why) in &found.failed {
            self.ui.warn(&format!("{system} could not be read: {why}"));
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
        if engine.record().confirmed.is_none() {
            let (plan, _) = self.discover(&engine, &held).await?;
            if plan.hash != planned.hash {
                let differences = planned.differences(&plan).join("; ");
                return refuse(&engine, &[Guard::PlanChanged(differences)]);
            }
            let how = if self.order.yes {
                format!("--yes, plan file {}", planned.hash)
            } else {
                self.confirm(&engine, &plan)?
            };
            agree(&engine, &plan, how)?;
        }
        self.carry_out(&engine, &held, false).await
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

    async fn discover(&self, engine: &Engine, held: &Held) -> Result<(Plan, Found), CliError> {
        let found = execute::read_for(engine).await;
        execute::keep(engine, &found, &incident::snapshots(held))?;
        let plan = self.plan(&held.name, &engine.record().operation, &found)?;
        let guards = self.guards(&plan, &found);
        if !guards.is_empty() {
            refuse(engine, &guards)?;
        }
        Ok((plan, found))
    }

    fn plan(&self, name: &str, operation: &Operation, found: &Found) -> Result<Plan, CliError> {
        let discoveries = found.discoveries.values();
        let steps = discoveries.clone().flat_map(|discovery| discovery.steps.clone()).collect();
        let guided = discoveries.flat_map(|discovery| discovery.guided.clone()).collect();
        if found.discoveries.is_empty() && !found.failed.is_empty() {
            let why: Vec<String> = found.failed.iter().map(|(name, why)| format!("{name}: {why}")).collect();
            return Err(CliError::unknown(format!("no system could be read: {}", why.join("; ")))
                .hint("`portcullis doctor` tries every credential"));
        }
        Ok(Plan::of(&self.wanted.subject, name, operation, steps, guided))
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

    fn confirm(&self, engine: &Engine, plan: &Plan) -> Result<String, CliError> {
        if self.order.yes {
            return Ok("--yes".into());
        }
        let subject = &self.wanted.subject;
        let question = format!("Type {subject} to carry this out:");
        let answer = self.ui.ask(&question).map_err(|error| CliError::output(&error))?;
        match answer {
            Some(answer) if answer.eq_ignore_ascii_case(subject) => Ok("typed".into()),
            Some(_) => {
                engine.note(&Entry::Interrupted { why: "the responder did not agree to the plan".into() })?;
                Err(CliError::refused("not agreed, nothing was changed"))
            }
            None => {
                engine.note(&Entry::Interrupted { why: "nobody was there to agree to the plan".into() })?;
                Err(CliError::refused("there is no terminal to ask on, nothing was changed")
                    .hint(format!("--yes agrees to plan {}", plan.hash)))
            }
        }
    }

    async fn carry_out(&self, engine: &Engine, held: &Held, extend: bool) -> Result<ExitCode, CliError> {
        let options = Options {
            commit: self.order.commit,
            extend,
            max: self.max(),
            wait: self.setup.wait(self.order.wait),
            leave_out: Box::new(|step| self.leaves_out(&step.id, &step.system)),
        };
        let snapshots = incident::snapshots(held);
        let run = execute::run(engine, &snapshots, &options);
        incident::interruptible(engine, run).await?;
        incident::report(self.ui, self.setup, engine, held, self.order.json).await
    }

    fn leaves_out(&self, step: &StepId, system: &str) -> Option<String> {
        let skip = self.skips.iter().find(|skip| skip.takes(step, system));
        if let Some(skip) = skip {
            return Some(skip.reason.clone());
        }
        let only = self.order.only.iter().filter_map(|only| Skip::of(only, "only").ok());
        let mut only = only.peekable();
        let limited = only.peek().is_some();
        (limited && !only.any(|only| only.takes(step, system)))
            .then(|| format!("--only {}", self.order.only.join(" ")))
    }
}

fn refuse<T>(engine: &Engine, guards: &[Guard]) -> Result<T, CliError> {
    let why = guards.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    engine.note(&Entry::Interrupted { why: format!("refused: {why}") })?;
    Err(CliError::refused(format!("refused, nothing was changed: {why}")))
}

fn agree(engine: &Engine, plan: &Plan, how: String) -> Result<(), CliError> {
    execute::extend(engine, plan)?;
    engine.note(&Entry::Confirmed { hash: plan.hash.clone(), how })?;
    Ok(())
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
