//! Providers, stores and consumers: credential, permissions, a whole discovery, the clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::Row;
use crate::cli::door::Process;
use crate::cli::ui::Ui;
use crate::config::{Config, Instance, Integration};
use crate::lockdown::consumer::Consumer;
use crate::lockdown::flow::Flows;
use crate::lockdown::http::{Auth, Call, Settings, Transport};
use crate::lockdown::open::{self, Systems};
use crate::lockdown::provider::{Check, CheckState, Discovery, Provider, Target};
use crate::lockdown::store::Store;
use crate::sys::clock::{Clock as _, System as SystemClock};

/// Nobody: a discovery about this account reads what any discovery reads, and finds nothing to do.
const NOBODY: &str = "nobody@portcullis.invalid";
/// Seconds by which clocks may differ.
const SKEW: i64 = 60;

/// An instance, opened or not.
pub(super) struct Opened<'a> {
    instance: &'a Instance,
    provider: bool,
    system: Result<Arc<dyn Provider>, String>,
    /// Where it is a store.
    pub(super) store: Option<Arc<dyn Store>>,
    /// Where it is a consumer that is given credentials.
    pub(super) consumer: Option<Arc<dyn Consumer>>,
    /// Where it is one whose flows are stopped.
    pub(super) flows: Option<Arc<dyn Flows>>,
}

impl Opened<'_> {
    pub(super) fn name(&self) -> &str {
        &self.instance.name
    }
}

/// What came of one instance.
pub(super) struct Examined {
    pub(super) name: String,
    pub(super) rows: Vec<Row>,
    /// Titles, and whether they are needed.
    pub(super) guided: Vec<(String, bool)>,
    /// What a discovery gave, where there was one.
    pub(super) discovery: Option<Discovery>,
}

/// Resolves every credential and opens every instance, each by itself.
pub(super) fn open_all<'a>(ui: &Ui, config: &'a Config, inventory: &[Integration]) -> Vec<Opened<'a>> {
    let mut opened: Vec<Opened<'a>> = Vec::new();
    for instance in config.stores.iter().chain(&config.consumers) {
        let systems = open_one(ui, config, instance, &[], inventory);
        let one = systems.as_ref().ok();
        let store = one.and_then(|systems| systems.stores.get(&instance.name).cloned());
        let consumer = one.and_then(|systems| systems.consumers.get(&instance.name).cloned());
        let flows = one.and_then(|systems| systems.flows.get(&instance.name).cloned());
        let system = system(systems, instance);
        opened.push(Opened { instance, provider: false, system, store, consumer, flows });
    }
    // Only so that a provider knows the name of the default store; what it needs of the store is not tried here.
    let stores: Vec<Instance> =
        opened.iter().filter(|store| store.store.is_some()).map(|store| store.instance.clone()).collect();
    let providers = config.providers.iter().map(|instance| {
        let systems = open_one(ui, config, instance, &stores, inventory);
        let system = system(systems, instance);
        Opened { instance, provider: true, system, store: None, consumer: None, flows: None }
    });
    let providers: Vec<Opened<'a>> = providers.collect();
    providers.into_iter().chain(opened).collect()
}

fn system(systems: Result<Systems, String>, instance: &Instance) -> Result<Arc<dyn Provider>, String> {
    systems?.all.remove(&instance.name).ok_or_else(|| "there is no such kind".to_owned())
}

/// The instance alone, beside stores that are known to open.
fn open_one(
    ui: &Ui,
    config: &Config,
    instance: &Instance,
    stores: &[Instance],
    inventory: &[Integration],
) -> Result<Systems, String> {
    let mut one = config.clone();
    one.providers.retain(|other| other.name == instance.name);
    one.consumers.retain(|other| other.name == instance.name);
    one.stores
        .retain(|other| other.name == instance.name || stores.iter().any(|store| store.name == other.name));
    let mut credentials = BTreeMap::new();
    for wanted in one.instances() {
        if let Some(reference) = &wanted.credential {
            ui.progress_note(&format!("credential of {}", wanted.name));
            let secret = reference.resolve(&Process).map_err(|error| error.to_string())?;
            credentials.insert(wanted.name.clone(), Ok(secret));
        }
    }
    open::open(&one, inventory, &credentials).map_err(|error| error.to_string())
}

/// Tries all of them side by side.
pub(super) async fn examine(config: &Config, opened: &[Opened<'_>]) -> Vec<Examined> {
    join_all(opened.iter().map(|opened| one(config, opened))).await
}

async fn one(config: &Config, opened: &Opened<'_>) -> Examined {
    let name = opened.name().to_owned();
    let mut examined = Examined { name: name.clone(), rows: Vec::new(), guided: Vec::new(), discovery: None };
    let system = match &opened.system {
        Ok(system) => system,
        Err(why) => {
            let note = format!("{why}; nothing can be done there");
            examined.rows.push(Row::new(&name, "open it with its credential", CheckState::Missing, note));
            return examined;
        }
    };
    let (checks, clock) = tokio::join!(system.check(), clock(config, opened.instance));
    let row = |check: Check| Row { system: name.clone(), check };
    let usable = checks.iter().any(|check| check.state == CheckState::Works);
    examined.rows.extend(checks.into_iter().map(row));
    examined.rows.extend(clock.map(row));
    if opened.provider && usable {
        let target = Target::new(NOBODY, "doctor");
        let what = "read all that a lockdown reads";
        match system.discover(&target).await {
            Ok(discovery) => {
                examined.rows.push(Row::new(&name, what, CheckState::Works, ""));
                let guided = discovery.guided.iter().map(|guided| (guided.title.clone(), guided.required));
                examined.guided.extend(guided);
                examined.discovery = Some(discovery);
            }
            Err(error) => {
                let note = format!("{error}; no plan could be made");
                examined.rows.push(Row::new(&name, what, CheckState::Unknown, note));
            }
        }
    }
    examined
}

/// How the server's clock differs from ours; nothing where it does not tell. The request carries no credential.
async fn clock(config: &Config, instance: &Instance) -> Option<Check> {
    let base_url = instance.base_url.clone()?;
    let settings = Settings {
        timeout: config.http.timeout,
        deadline: config.http.timeout,
        backoff: config.http.backoff,
        ca_file: config.http.ca_file.clone(),
        proxy: config.http.proxy.clone(),
        ..Settings::new(base_url, Auth::None)
    };
    let call = (400..=405).fold(Call::get(&[]), Call::also);
    let reply = Transport::open(settings).ok()?.read(&call).await.ok()?;
    let theirs = jiff::fmt::rfc2822::parse(reply.header("date")?).ok()?.timestamp().as_second();
    let ours = SystemClock.now().nanos.div_euclid(1_000_000_000);
    let skew = theirs - ours;
    let (state, note) = if skew.abs() > SKEW {
        let note = format!(
            "theirs is {} s {}: records of a log are told from before and after a lockdown by both",
            skew.abs(),
            if skew > 0 { "ahead" } else { "behind" }
        );
        (CheckState::Missing, note)
    } else {
        (CheckState::Works, String::new())
    };
    Some(Check { what: "agree on the time".to_owned(), state, note })
}
