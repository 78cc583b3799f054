//! What carries data out or in by itself: legacy pipelines and warehouse imports are paused, never cancelled, since that
//! would destroy their history.
//!
//! Paused is what the account made, itself or with a credential that it may know, and what nobody is named for, since it could
//! have been the account: a pause costs a delay. What somebody else made is left alone.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Mixpanel;
use super::chain::Chain;
use super::steps::{details, lacks};
use super::survey::Survey;
use super::suspect::Made;
use super::wire::{Creator, Import, Job};
use crate::lockdown::http::CallError;
use crate::lockdown::provider::{Acted, Look, Proof};
use crate::lockdown::step::{Object, Phase, Step, Undo};

/// Pauses a legacy pipeline.
pub(super) const PAUSE_PIPELINE: &str = "pause-pipeline";
/// Pauses a warehouse import.
pub(super) const PAUSE_IMPORT: &str = "pause-import";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pipeline {
    project: u64,
    name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ImportOf {
    project: u64,
    id: u64,
}

/// The steps that are still to be done, and what was left alone, in words.
pub(super) fn plan(system: &str, survey: &Survey, chain: &Chain) -> (Vec<Step>, Vec<String>) {
    let (mut steps, mut notes) = (Vec::new(), Vec::new());
    for (id, project) in &survey.projects {
        for job in project.jobs.iter().flatten() {
            let what = format!("the legacy pipeline {} of {}", job.name, survey.project_name(*id));
            match reason(survey, chain, &job.creator) {
                None => notes.push(format!("left alone, since somebody else made it: {what}")),
                Some(_) if job.paused == Some(true) => {}
                Some(why) => steps.push(pause_pipeline(system, *id, job, &what, why)),
            }
        }
        for import in project.imports.iter().flatten() {
            let what = format!("the warehouse import {} of {}", import.id, survey.project_name(*id));
            match reason(survey, chain, &import.creator) {
                None => notes.push(format!("left alone, since somebody else made it: {what}")),
                Some(_) if import.paused => {}
                Some(why) => steps.push(pause_import(system, *id, import, &what, why)),
            }
        }
    }
    (steps, notes)
}

fn reason(survey: &Survey, chain: &Chain, creator: &Creator) -> Option<String> {
    match survey.suspect.made(creator) {
        Made::Yes => Some("the account made it".to_owned()),
        Made::No => chain.made_with(creator),
        Made::Unknown => Some("Mixpanel does not tell who made it: it may have been the account".to_owned()),
    }
}

fn pause_pipeline(system: &str, project: u64, job: &Job, what: &str, why: String) -> Step {
    let object =
        Object { kind: "pipeline".to_owned(), id: format!("{project}/{}", job.name), name: what.to_owned() };
    let told = job.paused.is_some();
    let caveat = if told { "" } else { "; Mixpanel does not tell whether it ran, a restore resumes it" };
    let details = Pipeline { project, name: job.name.clone() };
    Step {
        effect: format!("{what} sends no data until it is resumed{caveat}"),
        blind: !told,
        undo: if told { Undo::Reversible } else { Undo::Compensable },
        details: serde_json::to_value(details).unwrap_or_default(),
        ..pause(system, object, PAUSE_PIPELINE, why)
    }
}

fn pause_import(system: &str, project: u64, import: &Import, what: &str, why: String) -> Step {
    let object = Object {
        kind: "warehouse-import".to_owned(),
        id: format!("{project}/{}", import.id),
        name: what.to_owned(),
    };
    let details = ImportOf { project, id: import.id };
    Step {
        effect: format!("{what} ({}) brings in no data until it is resumed", import.kind),
        details: serde_json::to_value(details).unwrap_or_default(),
        ..pause(system, object, PAUSE_IMPORT, why)
    }
}

fn pause(system: &str, object: Object, action: &str, why: String) -> Step {
    Step { why, ..Step::new(system, object, action, Phase::Exports, Undo::Reversible) }
}

impl Mixpanel {
    pub(super) async fn look_pipeline(&self, step: &Step) -> Result<Look, CallError> {
        let Pipeline { project, name } = details(step)?;
        let jobs = self.api.jobs(project).await?;
        Ok(match jobs.into_iter().find(|job| job.name == name) {
            Some(job) => {
                Look { state: json!({ "paused": job.paused }), done: job.paused, result: Value::Null }
            }
            // Cancelled, or not listed while it is paused: either way it does not run.
            None => Look { state: json!({ "listed": false }), done: Some(true), result: Value::Null },
        })
    }

    pub(super) async fn pause_pipeline(&self, step: &Step, key: &str) -> Result<Acted, CallError> {
        let Pipeline { project, name } = details(step)?;
        self.api.pipeline("pause", project, &name, key).await?;
        Ok(Acted::default())
    }

    pub(super) async fn resume_pipeline(
        &self,
        step: &Step,
        before: &Value,
        key: &str,
    ) -> Result<Acted, CallError> {
        let Pipeline { project, name } = details(step)?;
        if before.get("paused") == Some(&Value::Bool(true)) {
            return Err(lacks("it was paused before"));
        }
        self.api.pipeline("resume", project, &name, key).await?;
        Ok(Acted::default())
    }

    pub(super) async fn prove_pipeline(&self, step: &Step) -> Result<Proof, CallError> {
        Ok(match self.look_pipeline(step).await?.done {
            Some(true) => Proof::Proved("it is listed as paused, or not any more".to_owned()),
            Some(false) => Proof::NotYet("it is not listed as paused".to_owned()),
            None => Proof::Proved(
                "Mixpanel took the request and does not tell whether a pipeline is paused: the guided step proves it"
                    .to_owned(),
            ),
        })
    }

    pub(super) async fn look_import(&self, step: &Step) -> Result<Look, CallError> {
        let ImportOf { project, id } = details(step)?;
        let found = match self.api.import(project, id).await {
            Ok(import) => Some(import),
            // A 404 may come from something before the vendor: the list decides.
            Err(CallError::Refused { status: 404, .. }) => {
                self.api.imports(project).await?.into_iter().find(|import| import.id == id)
            }
            Err(error) => return Err(error),
        };
        let state = found.map_or_else(
            || json!({ "exists": false }),
            |import| json!({ "paused": import.paused, "run_every": import.run_every }),
        );
        let done = state.get("paused") != Some(&Value::Bool(false));
        Ok(Look { state, done: Some(done), result: Value::Null })
    }

    /// `before` is the import's state: for a pause the present one, for a restore the one before.
    pub(super) async fn set_import(
        &self,
        step: &Step,
        before: &Value,
        paused: bool,
        key: &str,
    ) -> Result<Acted, CallError> {
        let ImportOf { project, id } = details(step)?;
        let run_every = before.get("run_every").and_then(Value::as_u64);
        let run_every = run_every.ok_or_else(|| lacks("Mixpanel does not tell how often the import runs"))?;
        self.api.set_import((project, id), paused, run_every, key).await?;
        Ok(Acted::default())
    }

    pub(super) async fn pause_import(&self, step: &Step, key: &str) -> Result<Acted, CallError> {
        let now = self.look_import(step).await?.state;
        self.set_import(step, &now, true, key).await
    }

    pub(super) async fn resume_import(
        &self,
        step: &Step,
        before: &Value,
        key: &str,
    ) -> Result<Acted, CallError> {
        let paused = before.get("paused").and_then(Value::as_bool);
        let paused = paused.ok_or_else(|| lacks("whether it ran before is not known"))?;
        self.set_import(step, before, paused, key).await
    }

    pub(super) async fn prove_import(&self, step: &Step) -> Result<Proof, CallError> {
        Ok(match self.look_import(step).await?.done {
            Some(true) => Proof::Proved("it is paused, read back".to_owned()),
            Some(false) | None => Proof::NotYet("it is not paused yet".to_owned()),
        })
    }
}
