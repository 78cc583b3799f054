//! `portcullis lockdown`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::config::Place;
use crate::cli::error::CliError;
use crate::cli::incident::{self, Setup};
use crate::cli::plan_view;
use crate::cli::ui::{Ui, print};
use crate::cli::value;
use crate::lockdown::engine::Engine;
use crate::lockdown::execute::{self, Found, Options};
use crate::lockdown::incidents::{Held, tag};
use crate::lockdown::plan::Plan;
use crate::lockdown::provider::{Guard, Target};
use crate::lockdown::record::{Entry, Record};
use crate::lockdown::step::StepId;
use crate::output::json;
use crate::sys::clock::{Clock, System};
use crate::sys::fs::Pending;

/// A larger plan file is not read, in bytes.
const MAX_PLAN: usize = 64 << 20;

/// Shut an account out everywhere: plan, apply, verify, until it is proved.
///
/// What is going to be done is shown first. Killed at any point, the same command goes on where it was. Exit codes: 0
/// CONTAINED, 4 PARTIAL (what is left is for people to do), 5 UNKNOWN (treat as not contained), 6 REFUSED (nothing was
/// changed).
///
/// Examples:
///   portcullis lockdown jane@agency.example --dry-run
///   portcullis lockdown jane@agency.example
///   portcullis lockdown jane@agency.example --plan plan.json
///   portcullis lockdown jane@agency.example --plan plan.json --apply --yes --json
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The account's e-mail address.
    account: String,
    #[command(flatten)]
    place: Place,
    /// Show the plan and end; no request that changes anything is sent, and no incident is opened.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask: the plan is agreed to.
    #[arg(long)]
    yes: bool,
    /// Write the plan to this file and end; with --apply, carry out exactly that plan, or nothing.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Carry out the plan of --plan.
    #[arg(long, requires = "plan", conflicts_with = "dry_run")]
    apply: bool,
    /// Delete what is quarantined too. It cannot be undone.
    #[arg(long)]
    commit: bool,
    /// Only steps of this system, or whose identifier matches this pattern; the rest is recorded as left out.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Leave out steps of this system, or whose identifier matches this pattern, for this reason.
    #[arg(long, value_name = "PATTERN=REASON")]
    skip: Vec<String>,
    /// Objects that may be changed; else what the configuration says.
    #[arg(long, value_name = "N")]
    max: Option<usize>,
    /// How long proofs are asked for; else what the configuration says.
    #[arg(long, value_name = "TIME", value_parser = value::time_span)]
    wait: Option<Duration>,
    /// Write how the incident stands as JSON to standard output.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(ui: &Ui, args: &Args) -> Result<ExitCode, CliError> {
    let account = account(&args.account)?;
    let skips = args.skip.iter().map(|skip| Skip::parse(skip)).collect::<Result<Vec<_>, _>>()?;
    let setup = Setup::load(ui, &args.place)?;
    let lockdown = Lockdown { ui, args, setup: &setup, account, skips };
    incident::block_on(lockdown.run())?
}

/// Mail addresses are compared in lower case.
pub(super) fn account(text: &str) -> Result<String, CliError> {
    let plain = text.len() <= 254 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    match text.split_once('@') {
        Some((name, host)) if plain && !name.is_empty() && !host.is_empty() => Ok(text.to_lowercase()),
        _ => Err(CliError::usage(format!("{text:?} is not an e-mail address"))),
    }
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

struct Lockdown<'a> {
    ui: &'a Ui,
    args: &'a Args,
    setup: &'a Setup,
    account: String,
    skips: Vec<Skip>,
}

impl Lockdown<'_> {
    async fn run(&self) -> Result<ExitCode, CliError> {
        if self.args.apply {
            return self.apply_file().await;
        }
        let incidents = &self.setup.incidents;
        let open = incidents.open_for(&self.account)?;
        let name = match &open {
            Some(name) => name.clone(),
            None => incidents.fresh_name(&self.account, &today())?,
        };
        if self.args.dry_run || self.args.plan.is_some() {
            return self.show(&name).await;
        }
        let held = incidents.hold(&name)?;
        let engine = self.begin(&held)?;
        if engine.record().confirmed.is_none() {
            let (plan, _) = self.discover(&engine, &held).await?;
            self.say(&plan_view::plan(&plan, self.args.commit))?;
            let how = self.confirm(&engine, &plan)?;
            agree(&engine, &plan, how)?;
        }
        self.carry_out(&engine, &held, true).await
    }

    /// With `--json`, standard output is for JSON alone.
    fn say(&self, text: &str) -> Result<(), CliError> {
        if self.args.json {
            self.ui.note(text);
            return Ok(());
        }
        print(text)
    }

    /// The plan, and nothing else.
    async fn show(&self, name: &str) -> Result<ExitCode, CliError> {
        let target = Setup::target(&self.account, name);
        let found = execute::read_all(self.setup.systems(), &target, &Record::default()).await;
        let plan = self.plan(name, &found)?;
        if let Some(path) = &self.args.plan {
            write_plan(path, &plan)?;
            self.ui.note(&format!("wrote {}; `--plan {0} --apply` carries out exactly this", path.display()));
        }
        let text = if self.args.json { json_line(&plan)? } else { plan_view::plan(&plan, self.args.commit) };
        print(&text)?;
        for (system, why) in &found.failed {
            self.ui.warn(&format!("{system} could not be read: {why}"));
        }
        for guard in self.guards(&plan, &found) {
            self.ui.warn(&format!("this would be refused: {guard}"));
        }
        let complete = found.failed.is_empty();
        Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(crate::cli::error::UNKNOWN) })
    }

    /// Exactly the plan of a file.
    async fn apply_file(&self) -> Result<ExitCode, CliError> {
        let path = self.args.plan.as_deref().unwrap_or(Path::new(""));
        let wanted = read_plan(path)?;
        if wanted.account != self.account {
            return Err(CliError::refused(format!("{} is about {}", path.display(), wanted.account)));
        }
        let held = self.setup.incidents.hold(&wanted.incident)?;
        let engine = self.begin(&held)?;
        if engine.record().confirmed.is_none() {
            let (plan, _) = self.discover(&engine, &held).await?;
            if !wanted.is_genuine() || plan.hash != wanted.hash {
                let differences = wanted.differences(&plan).join("; ");
                return refuse(&engine, &[Guard::PlanChanged(differences)]);
            }
            let how = if self.args.yes {
                format!("--yes, plan file {}", wanted.hash)
            } else {
                self.confirm(&engine, &plan)?
            };
            agree(&engine, &plan, how)?;
        }
        self.carry_out(&engine, &held, false).await
    }

    fn begin(&self, held: &Held) -> Result<Engine, CliError> {
        let engine = self.setup.engine(self.ui, held).map_err(CliError::nothing_changed)?;
        let record = engine.record();
        if record.restoring {
            return Err(CliError::usage(format!("incident {} is being restored", held.name))
                .hint(format!("`portcullis restore {}` goes on with that", held.name)));
        }
        if record.incident.is_empty() {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            let (incident, account) = (held.name.clone(), self.account.clone());
            let opened = Entry::Opened { tag: tag(&incident), incident, account, version };
            engine.note(&opened).map_err(|error| CliError::from(error).nothing_changed())?;
        } else if record.account != self.account {
            return Err(CliError::refused(format!("incident {} is about {}", held.name, record.account)));
        }
        Ok(engine)
    }

    async fn discover(&self, engine: &Engine, held: &Held) -> Result<(Plan, Found), CliError> {
        let target = Setup::target(&self.account, &held.name);
        let found = execute::read_for(engine, &target).await;
        execute::keep(engine, &found, &incident::snapshots(held))?;
        let plan = self.plan(&held.name, &found)?;
        let guards = self.guards(&plan, &found);
        if !guards.is_empty() {
            refuse(engine, &guards)?;
        }
        Ok((plan, found))
    }

    fn plan(&self, name: &str, found: &Found) -> Result<Plan, CliError> {
        let discoveries = found.discoveries.values();
        let steps = discoveries.clone().flat_map(|discovery| discovery.steps.clone()).collect();
        let guided = discoveries.flat_map(|discovery| discovery.guided.clone()).collect();
        if found.discoveries.is_empty() {
            let why: Vec<String> = found.failed.iter().map(|(name, why)| format!("{name}: {why}")).collect();
            return Err(CliError::unknown(format!("no system could be read: {}", why.join("; ")))
                .hint("`portcullis doctor` tries every credential"));
        }
        Ok(Plan::of(&self.account, name, steps, guided))
    }

    fn guards(&self, plan: &Plan, found: &Found) -> Vec<Guard> {
        let mut guards: Vec<Guard> =
            found.discoveries.values().flat_map(|discovery| discovery.guards.clone()).collect();
        guards.extend(plan.guards(&self.setup.config.responder, self.max()));
        guards
    }

    fn max(&self) -> usize {
        self.args.max.unwrap_or(self.setup.config.max_objects)
    }

    fn confirm(&self, engine: &Engine, plan: &Plan) -> Result<String, CliError> {
        if self.args.yes {
            return Ok("--yes".into());
        }
        let question = format!("Type {} to carry this out:", self.account);
        let answer = self.ui.ask(&question).map_err(|error| CliError::output(&error))?;
        match answer {
            Some(answer) if answer.eq_ignore_ascii_case(&self.account) => Ok("typed".into()),
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
        let target: Target = Setup::target(&self.account, &held.name);
        let options = Options {
            commit: self.args.commit,
            extend,
            max: self.max(),
            wait: self.setup.wait(self.args.wait),
            leave_out: Box::new(|step| self.leaves_out(&step.id, &step.system)),
        };
        let snapshots = incident::snapshots(held);
        let run = execute::run(engine, &target, &snapshots, &options);
        incident::interruptible(engine, run).await?;
        incident::report(self.ui, engine, held, self.args.json)
    }

    fn leaves_out(&self, step: &StepId, system: &str) -> Option<String> {
        let skip = self.skips.iter().find(|skip| skip.takes(step, system));
        if let Some(skip) = skip {
            return Some(skip.reason.clone());
        }
        let only = self.args.only.iter().filter_map(|only| Skip::of(only, "only").ok());
        let mut only = only.peekable();
        let limited = only.peek().is_some();
        (limited && !only.any(|only| only.takes(step, system)))
            .then(|| format!("--only {}", self.args.only.join(" ")))
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
    fn accounts_are_mail_addresses_in_lower_case() {
        assert_eq!(account("Jane@Agency.example").unwrap(), "jane@agency.example");
        for bad in ["", "jane", "@x", "x@", "a b@x", "a@x\n", "\x1b[2J@x"] {
            assert!(account(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_step_is_left_out_by_system_or_pattern_and_only_with_a_reason() {
        let skip = Skip::parse("okta/**/suspend=HR asked").unwrap();
        assert!(skip.takes(&StepId("okta/user/1/suspend".into()), "okta"));
        assert!(!skip.takes(&StepId("okta/user/1/sessions".into()), "okta"));
        assert!(Skip::parse("scim=later").unwrap().takes(&StepId("scim/user/1/x".into()), "scim"));
        assert!(Skip::parse("okta").is_err() && Skip::parse("okta= ").is_err());
    }
}
