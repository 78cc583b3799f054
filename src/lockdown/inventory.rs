//! The inventory as a system with steps: a rotation writes the new credential and its day into the row, and a restore takes
//! both out again. Its steps are planned by others.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::http::{CallError, Stats};
use super::provider::{Acted, Check, Discovery, Hand, Look, Proof, Provider, Target};
use super::step::{Object, Phase, Step, StepId, Undo};
use crate::config::amend::{Rotated, amended};
use crate::config::{Integration, Inventory};
use crate::sys::clock::{Clock, System};
use crate::sys::crash;
use crate::sys::fs::{Pending, read_plain_up_to};

/// The name of the system. No instance of the configuration can have it, since those have no dot.
pub const NAME: &str = "integrations.toml";
const NOTE: &str = "note-rotation";
/// A larger file is not read, in bytes.
const MAX_FILE: usize = 4 << 20;

/// What a step is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    /// The row.
    row: String,
    /// The step that makes the new credential; `None` where a person has rotated it.
    replace: Option<StepId>,
}

/// The step that notes the rotation of a row. `needs`, `after`: what has to be done before.
pub fn note(row: &str, replace: Option<&StepId>, needs: Vec<StepId>, after: Vec<String>) -> Step {
    let object = Object { kind: "integration".to_owned(), id: row.to_owned(), name: row.to_owned() };
    let what = if replace.is_some() { "the new credential, and today as" } else { "today as" };
    Step {
        why: "the inventory says who works with which credential, and when it is rotated next".to_owned(),
        effect: format!("the row {row} gets {what} the day of its last rotation; the rest of the file stays"),
        needs,
        after,
        details: serde_json::to_value(Note { row: row.to_owned(), replace: replace.cloned() })
            .unwrap_or_default(),
        ..Step::new(NAME, object, NOTE, Phase::Rotate, Undo::Reversible)
    }
}

/// The file.
pub struct InventorySystem {
    path: PathBuf,
    /// One writer at a time: a write is the whole file.
    turn: Mutex<()>,
}

impl InventorySystem {
    /// Of this file.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), turn: Mutex::default() }
    }

    fn text(&self) -> Result<String, CallError> {
        let failed = |why: String| self.refused(&why);
        let file = std::fs::File::open(&self.path).map_err(|error| failed(error.to_string()))?;
        let bytes = read_plain_up_to(file, MAX_FILE).map_err(|error| failed(error.to_string()))?;
        let bytes = bytes.ok_or_else(|| failed("larger than 4 MiB".to_owned()))?;
        String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
    }

    fn row(&self, name: &str) -> Result<Option<Integration>, CallError> {
        let read = Inventory::parse_with(&self.path, self.text()?.as_bytes(), None);
        let rows = read.map_err(|error| self.refused(&error.to_string()))?.integrations;
        Ok(rows.into_iter().find(|row| row.name == name))
    }

    fn write(&self, row: &str, rotated: &Rotated) -> Result<(), CallError> {
        let changed = amended(&self.text()?, row, rotated).map_err(|why| self.refused(&why))?;
        // A link stays a link: what it leads to is replaced.
        let path = std::fs::canonicalize(&self.path).map_err(|error| self.refused(&error.to_string()))?;
        let mut pending = Pending::create(&path).map_err(|error| self.refused(&error.to_string()))?;
        crash::point("inventory");
        let written = pending.write_all(changed.as_bytes()).and_then(|()| pending.finish(&path));
        crash::point("inventory");
        written.map_err(|error| CallError::Lost { what: format!("{}: {error}", self.path.display()) })
    }

    fn refused(&self, why: &str) -> CallError {
        let message = format!("{}: {why}", self.path.display());
        CallError::Refused { status: 0, code: None, message }
    }
}

#[async_trait]
impl Provider for InventorySystem {
    fn name(&self) -> &str {
        NAME
    }

    fn discovers(&self) -> bool {
        false
    }

    async fn discover(&self, _: &Target) -> Result<Discovery, CallError> {
        Ok(Discovery::default())
    }

    async fn look(&self, step: &Step, hand: &Hand) -> Result<Look, CallError> {
        let note = details(step)?;
        let row =
            self.row(&note.row)?.ok_or_else(|| self.refused(&format!("there is no row {}", note.row)))?;
        let done = match &note.replace {
            Some(replace) => new_name(hand, replace).is_some_and(|new| row.credential == Some(new)),
            None => row.last_rotated == Some(today()) || is_later(&hand.facts(&step.id).before, &row),
        };
        let day = row.last_rotated.map(|day| day.to_string());
        let state = json!({ "credential": row.credential, "last-rotated": day });
        Ok(Look { state, done: Some(done), result: Value::Null })
    }

    async fn apply(&self, step: &Step, hand: &Hand, _: &str) -> Result<Acted, CallError> {
        let note = details(step)?;
        let _turn = self.turn.lock().await;
        let credential = match &note.replace {
            Some(replace) => {
                Some(new_name(hand, replace).ok_or_else(|| lacks("the new credential has no name"))?)
            }
            None => None,
        };
        self.write(&note.row, &Rotated { credential, last_rotated: Some(today()) })?;
        Ok(Acted::default())
    }

    async fn undo(&self, step: &Step, before: &Value, _: &Hand, _: &str) -> Result<Acted, CallError> {
        let note = details(step)?;
        let _turn = self.turn.lock().await;
        let credential = before.get("credential").and_then(Value::as_str).map(str::to_owned);
        self.write(&note.row, &Rotated { credential, last_rotated: noted(before) })?;
        Ok(Acted::default())
    }

    async fn prove(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError> {
        let look = self.look(step, hand).await?;
        Ok(match look.done {
            Some(true) => Proof::Proved("the row says so, read back".to_owned()),
            _ => Proof::NotYet("the row does not say so".to_owned()),
        })
    }

    async fn check(&self) -> Vec<Check> {
        Vec::new()
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }
}

fn details(step: &Step) -> Result<Note, CallError> {
    serde_json::from_value(step.details.clone()).map_err(|error| lacks(&error.to_string()))
}

/// The user name of what `replace` has made.
fn new_name(hand: &Hand, replace: &StepId) -> Option<String> {
    hand.facts(replace).result.get("username").and_then(Value::as_str).map(str::to_owned)
}

fn noted(state: &Value) -> Option<Date> {
    state.get("last-rotated").and_then(Value::as_str).and_then(|day| day.parse().ok())
}

/// Whether a rotation was noted after `before`: the day may have changed since.
fn is_later(before: &Value, row: &Integration) -> bool {
    !before.is_null() && row.last_rotated.is_some_and(|day| noted(before).is_none_or(|then| then < day))
}

/// In UTC, as everywhere.
fn today() -> Date {
    let day = System.now().to_rfc3339();
    day.get(..10).and_then(|day| day.parse().ok()).unwrap_or_default()
}

fn lacks(what: &str) -> CallError {
    CallError::NotSent { what: what.to_owned() }
}
