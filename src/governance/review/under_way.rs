//! What incidents are about that wait for something: a review that finds it does not propose it again. Items that were agreed
//! to stand beside the journal of the incident that carries them out; accounts that are shut out or leave, and service accounts
//! that go in the end, are in the journal of any incident.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Item, Of, Review};
use crate::governance::access::same;
use crate::lockdown::incidents::{IncidentError, Incidents};
use crate::lockdown::record::Record;
use crate::output::json;
use crate::sys::hash::sha256_hex;

/// How the names of these files begin, below an incident's folder.
pub const FILES: &str = "snapshots/agreed-";

/// Something that is found, and that an incident sees to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnderWay {
    /// The incident that carries it out.
    pub incident: String,
    /// As it is found now.
    pub item: Item,
}

/// The kind of object in a plan that is a service account of the vendor.
const SERVICE_ACCOUNT: &str = "service-account";

/// Incidents that wait for something, by what they are about; and what could not be told, in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Begun {
    /// By identifiers of items.
    items: BTreeMap<String, String>,
    /// By e-mail addresses and user names.
    subjects: BTreeMap<(Of, String), String>,
    gaps: Vec<String>,
}

/// The items that people agreed to, as a file in an incident's snapshots: its name, which tells its content, and JSON.
pub fn file(agreed: &[&Item]) -> (String, Vec<u8>) {
    // Structures of strings cannot fail to serialise.
    let text = json::pretty(&agreed).unwrap_or_default();
    let digest: String = sha256_hex(text.as_bytes()).chars().take(16).collect();
    (format!("agreed-{digest}.json"), text.into_bytes())
}

/// What the incidents are about that are not at their end.
pub fn begun(incidents: &Incidents) -> Begun {
    let mut begun = Begun::default();
    let names = match incidents.names() {
        Ok(names) => names,
        Err(error) => {
            begun.gaps.push(format!("whether something was agreed to before: {error}"));
            return begun;
        }
    };
    for name in names {
        if let Err(error) = begun.add(incidents, &name) {
            begun.gaps.push(format!("whether {name} carries out what was agreed to: {error}"));
        }
    }
    begun
}

impl Begun {
    fn add(&mut self, incidents: &Incidents, name: &str) -> Result<(), IncidentError> {
        let read = incidents.read(name)?;
        if !is_under_way(&read.record) {
            return Ok(());
        }
        let subjects = subjects(&read.record).into_iter().map(|subject| (subject, name.to_owned()));
        self.subjects.extend(subjects);
        for (file, bytes) in incidents.filed(name, &read, FILES)? {
            match serde_json::from_slice::<Vec<Item>>(&bytes) {
                Ok(items) => self.items.extend(items.into_iter().map(|item| (item.id, name.to_owned()))),
                Err(error) => self.gaps.push(format!("{name}: {file} is no list of items: {error}")),
            }
        }
        Ok(())
    }

    /// The incident that sees to an item.
    fn incident(&self, item: &Item) -> Option<&String> {
        self.items.get(&item.id).or_else(|| self.subjects.get(&(item.of, same(&item.subject))))
    }
}

/// Somebody agreed to it, it was not taken back, and it waits for something.
fn is_under_way(record: &Record) -> bool {
    let is_done =
        record.verdict.as_ref().is_some_and(|(verdict, _)| *verdict == record.operation.kind.best());
    record.confirmed.is_some() && !record.restoring && !is_done
}

/// The people whose accounts it is about, and the service accounts that it deletes in the end.
fn subjects(record: &Record) -> BTreeSet<(Of, String)> {
    let people =
        record.operation.people(&record.account).into_iter().map(|(email, _)| (Of::Member, same(email)));
    let steps = record.steps.values().map(|tracked| &tracked.step);
    let go = steps.filter(|step| step.commit && step.object.kind == SERVICE_ACCOUNT);
    people.chain(go.map(|step| (Of::ServiceAccount, same(&step.object.name)))).collect()
}

impl Review {
    /// Proposes nothing that an incident sees to.
    pub fn set_aside(&mut self, begun: Begun) {
        for item in std::mem::take(&mut self.items) {
            match begun.incident(&item).cloned() {
                Some(incident) => self.under_way.push(UnderWay { incident, item }),
                None => self.items.push(item),
            }
        }
        self.gaps.extend(begun.gaps);
    }

    /// Everything that is found, whether it is proposed or under way.
    pub fn found(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().chain(self.under_way.iter().map(|under_way| &under_way.item))
    }
}
