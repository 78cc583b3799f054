//! What is seen at the socket: every changing request, before its effect.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portcullis::drill::emulator::tenant::differences;
use portcullis::drill::emulator::{Emulator, Moment, Request, SERVICES, Switches, Tenant};
use portcullis::event::time::Timestamp;
use portcullis::sys::clock::{Clock, System};
use serde_json::Value;

/// One changing request.
#[derive(Clone)]
pub struct Change {
    /// The idempotency key.
    pub key: String,
    /// The step.
    pub step: String,
    /// What its intent is for: `apply`, `discard`, `undo`.
    pub direction: String,
    /// The service, by name.
    pub service: String,
    /// As it arrived there.
    pub request: Request,
    /// What it met.
    met: Arc<Met>,
}

struct Met {
    tenant: Tenant,
    /// Since the emulator started.
    now: Duration,
    wall: Timestamp,
    switches: Arc<Switches>,
}

impl Change {
    /// The paths in the tenant that it changes. The service is a function: its effect is seen on a copy.
    pub fn paths(&self) -> BTreeSet<String> {
        let before = &self.met.tenant;
        let mut after = before.clone();
        let moment = Moment { now: self.met.now, wall: self.met.wall, switches: &self.met.switches };
        let service = SERVICES.iter().find(|known| known.name() == self.service).unwrap();
        service.handle(&mut after, &self.request, &moment);
        differences(before, &after).iter().map(|line| path_of(line)).collect()
    }
}

#[derive(Default)]
pub struct Watch {
    changes: Mutex<Vec<Change>>,
    wrong: Mutex<Vec<String>>,
}

impl Watch {
    /// Watches an emulator whose client keeps its journals below `incidents`.
    pub fn begin(emulator: &Arc<Emulator>, incidents: PathBuf, switches: Switches) -> Arc<Self> {
        let watch = Arc::new(Self::default());
        let (seen, started, emulator_again) = (Arc::clone(&watch), Instant::now(), Arc::downgrade(emulator));
        let switches = Arc::new(switches);
        emulator.on_change(move |service, request| match seen.check(&incidents, request) {
            Ok((key, step, direction)) => {
                let Some(emulator) = emulator_again.upgrade() else { return };
                let met = Met {
                    tenant: emulator.tenant(),
                    now: started.elapsed(),
                    wall: System.now(),
                    switches: Arc::clone(&switches),
                };
                let (service, request) = (service.to_owned(), request.clone());
                let change = Change { key, step, direction, service, request, met: Arc::new(met) };
                seen.changes.lock().unwrap().push(change);
            }
            Err(why) => {
                let why = format!("{service}: {} {}: {why}", request.method, request.path);
                seen.wrong.lock().unwrap().push(why);
            }
        });
        watch
    }

    pub fn changes(&self) -> Vec<Change> {
        self.changes.lock().unwrap().clone()
    }

    /// Requests that should not have left.
    pub fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }

    /// Key, step and direction of a request whose intent is on disk.
    #[expect(clippy::unused_self, reason = "beside what it is called with")]
    fn check(&self, incidents: &Path, request: &Request) -> Result<(String, String, String), String> {
        let key = request.header("idempotency-key").ok_or("no idempotency key")?;
        let parts = key.split_once('/').and_then(|(_, rest)| rest.rsplit_once('/'));
        let (step, attempt) = parts.ok_or_else(|| format!("key {key:?}"))?;
        let attempt: usize = attempt.parse().map_err(|_unreadable| format!("key {key:?}"))?;
        let intents = intents(incidents, step);
        let direction = attempt.checked_sub(1).and_then(|at| intents.get(at));
        let direction = direction.ok_or_else(|| format!("{} intents on disk before {key}", intents.len()))?;
        Ok((key.to_owned(), step.to_owned(), direction.clone()))
    }
}

/// The directions of a step's intents, from the whole lines of the journal.
fn intents(incidents: &Path, step: &str) -> Vec<String> {
    let Some(journal) = super::stage::journal_file(incidents) else { return Vec::new() };
    let bytes = std::fs::read(journal).unwrap();
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let text = String::from_utf8(bytes[..whole].to_vec()).unwrap();
    let lines = text.lines().filter(|line| line.contains("\"intended\""));
    let entries = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let own = entries.filter(|entry| entry["step"] == step && entry["event"] == "intended");
    own.map(|entry| entry["direction"].as_str().unwrap().to_owned()).collect()
}

/// The path in a line of [`differences`].
pub fn path_of(line: &str) -> String {
    line.split(": ").next().unwrap_or_default().to_owned()
}
