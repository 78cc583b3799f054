//! A store whose service is emulated.

use std::sync::Arc;
use std::time::Duration;

use portcullis::config::{Settings as Keys, Value as Key};
use portcullis::drill::emulator::{Client, Emulator, Faults, SERVICES, Switches, Tenant, What, When};
use portcullis::lockdown::http::{Auth, CallError, Settings, Transport};
use portcullis::lockdown::provider::OpenError;
use portcullis::lockdown::store::{Opening, Store, StoreError, kind};
use url::Url;

/// What a change may meet, what is said of it then, and how often it took effect.
pub(crate) const FATES: [(What, &str, usize); 5] = [
    (What::ResetAfter, "lost", 1),
    (What::StatusAfter(502), "lost", 1),
    (What::ResetBefore, "lost", 0),
    (What::RateLimited(Some(9)), "limited", 0),
    (What::RedirectElsewhere, "refused 307 ", 0),
];

pub(crate) struct Emulated {
    pub(crate) emulator: Emulator,
    pub(crate) store: Arc<dyn Store>,
}

impl Emulated {
    /// A store of this kind as the tenant's responders configure it.
    pub(crate) fn new(name: &str, tenant: Tenant) -> Self {
        Self::with(name, tenant, Switches::default())
    }

    pub(crate) fn with(name: &str, tenant: Tenant, switches: Switches) -> Self {
        let emulator = Emulator::start(tenant, switches, Faults::default()).unwrap();
        let tenant = emulator.tenant();
        let client = SERVICES.iter().find_map(|service| {
            let base = emulator.base_url(service.name());
            Some((service.client(name, &tenant, &base)?, base))
        });
        let (client, base) = client.unwrap_or_else(|| panic!("{name} is not emulated"));
        let base = format!("{base}{}", client.path);
        let store = open(name, &base, &client.credential, keys(&client)).unwrap();
        Self { emulator, store }
    }

    /// The next request that asks for a change meets this.
    pub(crate) fn next_change(&self, what: What) {
        let so_far = self.emulator.requests().iter().filter(|request| request.changing).count() as u64;
        self.emulator.set_faults(Faults { hold_ms: 600, ..Faults::one(When::NthChange(so_far + 1), what) });
    }

    /// Requests so far that changed something.
    pub(crate) fn effects(&self) -> usize {
        let requests = self.emulator.requests();
        requests.iter().filter(|request| request.changing && request.took_effect).count()
    }
}

/// The settings that a client is configured with.
pub(crate) fn keys(client: &Client) -> Keys {
    let settings = client.settings.iter().map(|(key, text)| {
        let table: toml::Table = toml::from_str(&format!("value = {text}")).unwrap();
        let value = match &table["value"] {
            toml::Value::String(text) => Key::Text(text.clone()),
            toml::Value::Boolean(flag) => Key::Flag(*flag),
            toml::Value::Array(texts) => {
                Key::List(texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect())
            }
            _ => panic!("{key} = {text}"),
        };
        (*key, value)
    });
    settings.collect()
}

/// A way to this address, without authentication, that gives up soon.
pub(crate) fn transport(base: &str) -> Transport {
    let http = Settings {
        requests_per_second: 1000.0,
        burst: 100,
        timeout: Duration::from_millis(500),
        deadline: Duration::from_secs(1),
        backoff: Duration::from_millis(5),
        ..Settings::new(Url::parse(base).unwrap(), Auth::None)
    };
    Transport::open(http).unwrap()
}

/// Opens a store at this address.
pub(crate) fn open(
    name: &str,
    base: &str,
    credential: &str,
    settings: Keys,
) -> Result<Arc<dyn Store>, OpenError> {
    let opening = Opening {
        name: name.to_owned(),
        settings,
        credential: Some(credential.into()),
        transport: Some(transport(base)),
    };
    (kind(name).unwrap().open)(opening)
}

/// The error's class, after making sure that it tells no secret.
pub(crate) fn class<T>(result: Result<T, StoreError>) -> String {
    let Err(error) = result else { return "done".to_owned() };
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("CANARY"), "{shown}");
    }
    match error {
        StoreError::Call(CallError::Refused { status, code, .. }) => {
            format!("refused {status} {}", code.unwrap_or_default())
        }
        StoreError::Call(CallError::Lost { .. }) => "lost".to_owned(),
        StoreError::Call(CallError::Limited { .. }) => "limited".to_owned(),
        StoreError::Call(CallError::NotSent { .. }) => "not sent".to_owned(),
        StoreError::Invalid(_) => "invalid".to_owned(),
        StoreError::Conflict { .. } => "conflict".to_owned(),
        other @ StoreError::Io { .. } => panic!("{other}"),
    }
}
