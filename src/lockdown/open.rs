//! From the configuration to systems that can be asked: transports, providers, stores, consumers, flows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use secrecy::SecretString;
use url::Url;

use super::consumer::system::ConsumerSystem;
use super::consumer::{self, CONSUMERS, Consumer};
use super::flow::system::FlowSystem;
use super::flow::{self, FLOWS, Flows};
use super::http::{Auth, CallError, Settings, Transport};
use super::inventory::{self, InventorySystem};
use super::provider::{self, OpenError, PROVIDERS, Provider};
use super::store::system::StoreSystem;
use super::store::{self, STORES, Store};
use super::unavailable::Unavailable;
use crate::config::{Catalog, Config, Instance, Integration, KindSpec};

/// Systems by the names of their instances.
#[derive(Default)]
pub struct Systems {
    /// Providers, stores, consumers and flows, as systems with steps.
    pub all: BTreeMap<String, Arc<dyn Provider>>,
    /// The stores alone.
    pub stores: BTreeMap<String, Arc<dyn Store>>,
    /// The consumers that are given credentials alone.
    pub consumers: BTreeMap<String, Arc<dyn Consumer>>,
    /// Those whose flows are stopped.
    pub flows: BTreeMap<String, Arc<dyn Flows>>,
}

/// Why a system cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// A setting or the form of the credential does not hold.
    #[error("{name}: {error}")]
    Open {
        /// The instance.
        name: String,
        /// Why.
        error: OpenError,
    },
    /// Its address, proxy or certificates cannot be used.
    #[error("{name}: {error}")]
    Transport {
        /// The instance.
        name: String,
        /// Why.
        error: CallError,
    },
}

/// The kinds of providers, stores and consumers there are, as the configuration needs them.
pub fn catalog() -> &'static Catalog {
    type Specs = Vec<&'static KindSpec>;
    static KINDS: LazyLock<[Specs; 3]> = LazyLock::new(|| {
        let providers = PROVIDERS.iter().map(|kind| &kind.spec).collect();
        let stores = STORES.iter().map(|kind| &kind.spec).collect();
        let consumers = CONSUMERS.iter().map(|kind| &kind.spec);
        [providers, stores, consumers.chain(FLOWS.iter().map(|kind| &kind.spec)).collect()]
    });
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
        let [providers, stores, consumers] = &*KINDS;
        Catalog { providers, stores, consumers }
    });
    &CATALOG
}

/// By instance: its credential, or why it cannot be had.
pub type Credentials = BTreeMap<String, Result<SecretString, String>>;

/// Opens every instance of the configuration; nothing is sent. One whose credential cannot be had is there all the same, and
/// can do nothing.
pub fn open(
    config: &Config,
    inventory: &[Integration],
    credentials: &Credentials,
) -> Result<Systems, SystemError> {
    let mut systems = Systems::default();
    let discovers = |instance: &Instance| config.providers.iter().any(|of| of.name == instance.name);
    for instance in config.instances() {
        if let Some(Err(why)) = credentials.get(&instance.name) {
            let (name, why) = (instance.name.clone(), why.clone());
            let unavailable = Unavailable { name: name.clone(), why, discovers: discovers(instance) };
            systems.all.insert(name, Arc::new(unavailable));
        }
    }
    let credential = |instance: &Instance| credentials.get(&instance.name)?.as_ref().ok();
    let is_there = |instance: &&Instance| !matches!(credentials.get(&instance.name), Some(Err(_)));
    for instance in config.stores.iter().filter(is_there) {
        let store = open_store(config, instance, credential(instance))?;
        systems.all.insert(instance.name.clone(), Arc::new(StoreSystem(Arc::clone(&store))));
        systems.stores.insert(instance.name.clone(), store);
    }
    for instance in config.consumers.iter().filter(is_there) {
        open_consumer(&mut systems, config, instance, credential(instance))?;
    }
    fit(inventory, &systems)?;
    if let Some(path) = &config.inventory {
        systems.all.insert(inventory::NAME.to_owned(), Arc::new(InventorySystem::new(path)));
    }
    let disabling = systems.stores.iter().filter(|(_, store)| store.disables_old());
    let disabling: BTreeSet<String> = disabling.map(|(name, _)| name.clone()).collect();
    let inventory: Arc<[Integration]> = inventory.into();
    let default_store = store::default_of(&config.stores);
    for instance in config.providers.iter().filter(is_there) {
        let failed = |error| SystemError::Open { name: instance.name.clone(), error };
        let kind = provider::kind(instance.kind.name);
        let kind = kind.ok_or_else(|| failed(OpenError("there is no such kind of provider".into())))?;
        let auth = match credential(instance) {
            Some(credential) => (kind.auth)(credential.clone()).map_err(failed)?,
            None => Auth::None,
        };
        let base = instance.base_url.clone();
        let base = base.ok_or_else(|| failed(OpenError("a base-url is needed".into())))?;
        let opening = provider::Opening {
            name: instance.name.clone(),
            settings: instance.settings.clone(),
            transport: transport(config, instance, base, auth)?,
            inventory: Arc::clone(&inventory),
            default_store: default_store.clone(),
            disabling: disabling.clone(),
        };
        systems.all.insert(instance.name.clone(), (kind.open)(opening).map_err(failed)?.into());
    }
    Ok(systems)
}

fn open_store(
    config: &Config,
    instance: &Instance,
    credential: Option<&SecretString>,
) -> Result<Arc<dyn Store>, SystemError> {
    let failed = |error| SystemError::Open { name: instance.name.clone(), error };
    let kind = store::kind(instance.kind.name);
    let kind = kind.ok_or_else(|| failed(OpenError("there is no such kind of store".into())))?;
    let base = instance.base_url.clone();
    let transport = base.map(|base| transport(config, instance, base, Auth::None)).transpose()?;
    let opening = store::Opening {
        name: instance.name.clone(),
        settings: instance.settings.clone(),
        credential: credential.cloned(),
        transport,
    };
    (kind.open)(opening).map_err(failed)
}

/// One that is given credentials, or one whose flows are stopped.
fn open_consumer(
    systems: &mut Systems,
    config: &Config,
    instance: &Instance,
    credential: Option<&SecretString>,
) -> Result<(), SystemError> {
    let name = &instance.name;
    let wrong = |error| SystemError::Open { name: name.clone(), error };
    let failed = |what: &str| wrong(OpenError(what.into()));
    let base = instance.base_url.clone().ok_or_else(|| failed("a base-url is needed"))?;
    let opening = consumer::Opening {
        name: name.clone(),
        settings: instance.settings.clone(),
        credential: credential.cloned().ok_or_else(|| failed("a credential is needed"))?,
        transport: transport(config, instance, base, Auth::None)?,
    };
    if let Some(kind) = flow::kind(instance.kind.name) {
        let flows = (kind.open)(opening).map_err(wrong)?;
        systems.all.insert(name.clone(), Arc::new(FlowSystem(Arc::clone(&flows))));
        systems.flows.insert(name.clone(), flows);
        return Ok(());
    }
    let kind = consumer::kind(instance.kind.name);
    let kind = kind.ok_or_else(|| failed("there is no such kind of consumer"))?;
    let consumer = (kind.open)(opening).map_err(wrong)?;
    systems.all.insert(name.clone(), Arc::new(ConsumerSystem::new(Arc::clone(&consumer))));
    systems.consumers.insert(name.clone(), consumer);
    Ok(())
}

/// Whether rows ask of consumers what their kinds can do.
fn fit(inventory: &[Integration], systems: &Systems) -> Result<(), SystemError> {
    for row in inventory {
        let place = row.point.as_ref().filter(|point| systems.flows.contains_key(&point.system));
        let pause = row.pause.as_ref().filter(|pause| systems.consumers.contains_key(&pause.system));
        let (system, why) = match (place, pause) {
            (Some(point), _) => {
                (&point.system, "no API gives it a credential: name what is paused, and no place")
            }
            (None, Some(pause)) => {
                (&pause.system, "nothing of it can be paused: name a place, and no `pause`")
            }
            (None, None) => continue,
        };
        let error = OpenError(format!("the integration {} of the inventory: {why}", row.name));
        return Err(SystemError::Open { name: system.clone(), error });
    }
    Ok(())
}

fn transport(
    config: &Config,
    instance: &Instance,
    base_url: Url,
    auth: Auth,
) -> Result<Transport, SystemError> {
    let settings = Settings {
        base_url,
        auth,
        requests_per_second: instance.requests_per_second,
        burst: instance.burst,
        concurrency: instance.concurrency,
        timeout: config.http.timeout,
        deadline: config.http.deadline,
        backoff: config.http.backoff,
        ca_file: config.http.ca_file.clone(),
        proxy: config.http.proxy.clone(),
    };
    Transport::open(settings).map_err(|error| SystemError::Transport { name: instance.name.clone(), error })
}
