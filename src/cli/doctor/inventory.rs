//! The inventory: whether what it names is there, so that a rotation reaches who needs it.

use super::Row;
use super::systems::{Examined, Opened};
use crate::config::{Config, Integration, IntegrationKind, Inventory, Pause, Point, Stored};
use crate::lockdown::consumer::system::rehearse;
use crate::lockdown::http::CallError;
use crate::lockdown::provider::CheckState;
use crate::lockdown::store::system::Put;
use crate::lockdown::store::{self, Store, StoreError, Version};

/// The name of these lines.
const SYSTEM: &str = "inventory";

pub(super) async fn rows(
    config: &Config,
    inventory: &Inventory,
    opened: &[Opened<'_>],
    examined: &[Examined],
) -> Vec<Row> {
    let default = store::default_of(&config.stores);
    let default = default.as_ref().map(|store| store.name.as_str());
    let mut rows = Vec::new();
    for integration in &inventory.integrations {
        let rotates = integration.kind == IntegrationKind::ServiceAccount;
        let mut parts = Vec::new();
        if rotates {
            parts.push(account(integration, examined));
        }
        if rotates || integration.stored.is_some() {
            parts.push(entry(integration, default, opened).await);
        }
        if let Some((point, stored)) = integration.point.as_ref().zip(integration.stored.as_ref()) {
            parts.push(place(integration, point, stored, opened).await);
        }
        if !parts.is_empty() {
            let what = format!("rotate the credential of {}", integration.name);
            rows.push(joined(&what, parts));
        }
        if let Some(pause) = &integration.pause {
            let what = format!("pause what {} carries", integration.name);
            rows.push(joined(&what, flows(pause, opened).await));
        }
    }
    rows
}

/// One line: the worst state, and all that keeps it from being better.
fn joined(what: &str, parts: Vec<(CheckState, String)>) -> Row {
    let any = |state| parts.iter().any(|(of, _)| *of == state);
    let state = if any(CheckState::Missing) {
        CheckState::Missing
    } else if any(CheckState::Unknown) {
        CheckState::Unknown
    } else {
        CheckState::Works
    };
    let notes: Vec<String> = parts.into_iter().filter(|(of, _)| *of == state).map(|(_, note)| note).collect();
    Row::new(SYSTEM, what, state, notes.join("; "))
}

/// Whether some system has the service account, as discovery saw it.
fn account(integration: &Integration, examined: &[Examined]) -> (CheckState, String) {
    let credential = integration.credential.as_deref().unwrap_or_default();
    let mut looked = examined.iter().filter_map(|system| system.discovery.as_ref()).filter(|discovery| {
        discovery.snapshot.get("service_accounts").is_some_and(serde_json::Value::is_array)
    });
    // The provider knows by which of its names a service account may be called, and says where it is by none.
    let missing =
        format!("the integration {} of the inventory names a service account that is not", integration.name);
    let has = |discovery: &crate::lockdown::provider::Discovery| {
        !discovery.notes.iter().any(|note| note.starts_with(&missing))
    };
    match looked.next() {
        None => (CheckState::Unknown, format!("whether {credential} is there could not be read")),
        Some(first) if has(first) || looked.any(has) => (CheckState::Works, format!("{credential} is there")),
        Some(_) => {
            let note = format!(
                "no service account is called {credential}: correct the inventory, or it will be missed"
            );
            (CheckState::Missing, note)
        }
    }
}

async fn entry(
    integration: &Integration,
    default: Option<&str>,
    opened: &[Opened<'_>],
) -> (CheckState, String) {
    let Some(stored) = &integration.stored else {
        return match default {
            Some(store) => (
                CheckState::Works,
                format!("a new one goes into {store}: {} has to be told", integration.consumer),
            ),
            None => (CheckState::Missing, "no store is configured: it is left to people".to_owned()),
        };
    };
    let (name, path) = (&stored.store, &stored.path);
    let store = opened.iter().find(|opened| opened.name() == name).and_then(|opened| opened.store.as_deref());
    let Some(store) = store else {
        return (CheckState::Unknown, format!("{name} could not be opened"));
    };
    match version(store, path).await {
        Ok(Some(_)) => (CheckState::Works, format!("{name} has {path}")),
        Ok(None) => {
            let note = format!(
                "{name} has no entry {path}: {} reads its credential elsewhere",
                integration.consumer
            );
            (CheckState::Missing, note)
        }
        Err(error) => (CheckState::Unknown, format!("{name}, entry {path}: {error}")),
    }
}

/// Whether its consumer could be given a new credential, and the old one again.
async fn place(
    integration: &Integration,
    point: &Point,
    stored: &Stored,
    opened: &[Opened<'_>],
) -> (CheckState, String) {
    let find = |name: &str| opened.iter().find(|opened| opened.name() == name);
    let consumer = find(&point.system).and_then(|opened| opened.consumer.as_deref());
    let store = find(&stored.store).and_then(|opened| opened.store.as_deref());
    let Some((consumer, store)) = consumer.zip(store) else {
        return (CheckState::Unknown, format!("{} or {} could not be opened", point.system, stored.store));
    };
    // What kept it away is told of the entry itself.
    let Ok(Some(entry)) = store.read(&stored.path).await else {
        return (CheckState::Unknown, format!("{} could not be compared", point.place));
    };
    let put = Put::of(stored, &integration.consumer);
    let place = format!("{}, {}", point.system, point.place);
    match rehearse(consumer, point, &entry, &put).await {
        Ok(()) => (CheckState::Works, format!("{place} holds what {} holds", stored.store)),
        Err(CallError::Refused { message, .. }) => (
            CheckState::Missing,
            format!("{place}: {message}; it has to be given the new credential by hand"),
        ),
        Err(error) => (CheckState::Unknown, format!("{place}: {error}")),
    }
}

/// Whether each flow could be told from the others, and how it stands. What a change needs, no read shows.
async fn flows(pause: &Pause, opened: &[Opened<'_>]) -> Vec<(CheckState, String)> {
    let system = &pause.system;
    let flows = opened.iter().find(|opened| opened.name() == system).and_then(|opened| opened.flows.as_ref());
    let Some(flows) = flows else {
        return vec![(CheckState::Unknown, format!("{system} could not be opened"))];
    };
    let mut parts = Vec::new();
    for name in &pause.flows {
        parts.push(match flows.look(name).await {
            Ok(now) if now.stopped => (CheckState::Works, format!("{name} of {system} is stopped already")),
            Ok(_) => (CheckState::Works, format!("{name} of {system} runs, and is shown")),
            Err(CallError::Refused { message, .. }) => {
                (CheckState::Missing, format!("{name} of {system}: {message}; it has to be stopped by hand"))
            }
            Err(error) => (CheckState::Unknown, format!("{name} of {system}: {error}")),
        });
    }
    parts
}

async fn version(store: &dyn Store, path: &str) -> Result<Option<Version>, StoreError> {
    store.version(path).await
}
