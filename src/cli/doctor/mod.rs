//! What lockdown could do today: every credential tried by reads, side by side, and what stands around it looked at.

mod inventory;
mod letters;
mod local;
mod systems;
pub mod view;

use std::time::Duration;

use super::error::{PARTIAL, UNKNOWN};
use super::ui::Ui;
use crate::config::{Config, Inventory};
use crate::lockdown::provider::{Check, CheckState};

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The instance, or the part of Portcullis.
    pub system: String,
    /// What was tried, how it went, and what that means for a lockdown.
    pub check: Check,
}

impl Row {
    fn new(system: &str, what: &str, state: CheckState, note: impl Into<String>) -> Self {
        let check = Check { what: what.to_owned(), state, note: note.into() };
        Self { system: system.to_owned(), check }
    }
}

/// All that was looked at.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of the configuration, Portcullis itself first.
    pub rows: Vec<Row>,
    /// What is left to people in every lockdown, by system; whether the account is not shut out before.
    pub guided: Vec<(String, String, bool)>,
}

impl Report {
    /// 0: everything works; 4: something is missing; 5: nothing is known to be missing, but something could not be told.
    pub fn code(&self) -> u8 {
        let any = |state| self.rows.iter().any(|row| row.check.state == state);
        if any(CheckState::Missing) {
            PARTIAL
        } else if any(CheckState::Unknown) {
            UNKNOWN
        } else {
            0
        }
    }

    /// Systems and what of them is in this state, in words.
    pub fn all(&self, state: CheckState) -> impl Iterator<Item = (&str, String)> {
        let rows = self.rows.iter().filter(move |row| row.check.state == state);
        rows.map(move |row| {
            let Check { what, note, .. } = &row.check;
            let words = if note.is_empty() { what.clone() } else { format!("{what}: {note}") };
            (row.system.as_str(), words)
        })
    }
}

/// Looks at everything. `patience`: how long a system that does not answer is asked.
pub async fn examine(ui: &Ui, config: &Config, inventory: &Inventory, patience: Duration) -> Report {
    let mut config = config.clone();
    config.http.deadline = config.http.deadline.min(patience);
    config.http.timeout = config.http.timeout.min(patience);
    let mut report = Report { rows: local::rows(&config), guided: Vec::new() };
    let opened = systems::open_all(ui, &config, &inventory.integrations);
    let examined = systems::examine(&config, &opened).await;
    report.rows.extend(examined.iter().flat_map(|system| system.rows.iter().cloned()));
    report.rows.extend(inventory::rows(&config, inventory, &opened, &examined).await);
    report.rows.extend(letters::rows(ui, &config).await);
    let guided = examined.into_iter().flat_map(|system| {
        let name = system.name;
        system.guided.into_iter().map(move |(title, needed)| (name.clone(), title, needed))
    });
    report.guided.extend(guided);
    report
}
