//! A provider, the emulated tenant that it acts in, and the calls of an engine that waits: for the providers' tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;
use url::Url;

use super::{Acted, Discovery, Hand, Look, Opening, Proof, Provider, ProviderKind, Target};
use crate::config::{Config, Settings};
use crate::drill::emulator::draws::CANARY;
use crate::drill::emulator::{Emulator, Fault, Faults, SERVICES, Switches, Tenant, What, When};
use crate::lockdown::http::{self, Auth, CallError, Transport};
use crate::lockdown::open;
use crate::lockdown::step::{Step, Undo};

pub(super) struct World {
    pub(super) emulator: Arc<Emulator>,
    pub(super) provider: Box<dyn Provider>,
    pub(super) runtime: Runtime,
    pub(super) hand: Hand,
}

/// Identifiers of the steps that were found.
pub(super) fn ids(found: &Discovery) -> Vec<&str> {
    found.steps.iter().map(|step| step.id.0.as_str()).collect()
}

/// Requests without a limit that matters, and failures that are final soon.
pub(super) fn transport(base: &str, auth: Auth) -> Transport {
    let mut settings = http::Settings::new(Url::parse(base).unwrap(), auth);
    settings.requests_per_second = 1000.0;
    settings.burst = 1000;
    settings.backoff = Duration::from_millis(1);
    settings.deadline = Duration::from_secs(1);
    Transport::open(settings).unwrap()
}

impl World {
    /// Asserts that whatever goes wrong with reads, nothing that is to be done about this account is taken for proved.
    pub(super) fn no_failure_is_a_proof(&self, email: &str) {
        let steps = self.discover(email).steps;
        assert!(!steps.is_empty());
        for status in [401, 403, 404, 429, 500, 503] {
            let (service, method, path_part) = (self.provider.name().into(), "GET".into(), String::new());
            let when = When::Match { service, method, path_part, times: u64::MAX };
            self.emulator.set_faults(Faults {
                faults: vec![Fault { when, what: What::Status(status) }],
                ..Faults::default()
            });
            for step in &steps {
                let proof = self.prove(step);
                assert!(matches!(proof, Proof::Unknown(_)), "{status}, {}: {proof:?}", step.id);
            }
        }
    }

    /// Asserts that neither what is found of this account nor what doctor says has a secret in it.
    pub(super) fn nothing_shows_a_secret(&self, email: &str) {
        let found = format!("{:?}", self.discover(email));
        let checks = format!("{:?}", self.runtime.block_on(self.provider.check()));
        assert!(!found.contains(CANARY) && !checks.contains(CANARY));
    }

    /// Takes back what was `done`, each step with the state before it, the last first. Asserts that this state is there again, and
    /// that nothing is sent for what has no way back.
    pub(super) fn takes_back(&self, done: &[(Step, Value)]) {
        for (step, before) in done.iter().rev() {
            if step.undo == Undo::Irreversible {
                assert!(matches!(self.undo(step, before), Err(CallError::NotSent { .. })), "{}", step.id);
            } else {
                self.undo(step, before).unwrap_or_else(|error| panic!("{}: {error}", step.id));
                assert_eq!(self.look(step).state, *before, "{}", step.id);
            }
        }
    }

    /// The service and the instance have the kind's name.
    pub(super) fn new(
        kind: &ProviderKind,
        token: &str,
        settings: Settings,
        tenant: Tenant,
        switch: impl FnOnce(&mut Switches),
    ) -> Self {
        let mut switches = Switches::default();
        switch(&mut switches);
        let service = SERVICES.iter().find(|service| service.name() == kind.spec.name);
        let path = service.and_then(|service| {
            let mut example = Tenant::example(1);
            service.example(&mut example);
            service.client(kind.spec.name, &example, "").map(|client| client.path)
        });
        let emulator = Arc::new(Emulator::start(tenant, switches, Faults::default()).unwrap());
        Self::opened(kind, token, settings, emulator, path.unwrap_or_default())
    }

    /// As the responders of the tenant are configured.
    pub(super) fn configured(
        kind: &ProviderKind,
        tenant: Tenant,
        switch: impl FnOnce(&mut Switches),
    ) -> Self {
        let mut switches = Switches::default();
        switch(&mut switches);
        let name = kind.spec.name;
        let service = SERVICES.iter().find(|service| service.name() == name).unwrap();
        let emulator = Arc::new(Emulator::start(tenant, switches, Faults::default()).unwrap());
        let base = emulator.base_url(name);
        let client = service.client(name, &emulator.tenant(), &base).unwrap();
        let mut text = format!("[provider.{name}]\ncredential = 'env:X'\nbase-url = '{base}'\n");
        for (key, value) in client.settings {
            text.push_str(&format!("{key} = {value}\n"));
        }
        let config = Config::parse(Path::new("p"), text.as_bytes(), open::catalog());
        let settings = config.unwrap_or_else(|error| panic!("{error}\n{text}")).providers[0].settings.clone();
        Self::opened(kind, &client.credential, settings, emulator, client.path)
    }

    fn opened(
        kind: &ProviderKind,
        token: &str,
        settings: Settings,
        emulator: Arc<Emulator>,
        path: &str,
    ) -> Self {
        let auth = (kind.auth)(token.into()).unwrap();
        let opening = Opening {
            name: kind.spec.name.to_owned(),
            settings,
            transport: transport(&format!("{}{path}", emulator.base_url(kind.spec.name)), auth),
            inventory: Arc::from(Vec::new()),
            default_store: None,
            disabling: BTreeSet::new(),
        };
        Self {
            provider: (kind.open)(opening).unwrap_or_else(|error| panic!("{error}")),
            emulator,
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            hand: Hand::new("i1", BTreeMap::new()),
        }
    }

    pub(super) fn discover(&self, email: &str) -> Discovery {
        let target = Target::new(email, "i1");
        self.runtime.block_on(self.provider.discover(&target)).unwrap()
    }

    pub(super) fn look(&self, step: &Step) -> Look {
        self.runtime.block_on(self.provider.look(step, &self.hand)).unwrap()
    }

    pub(super) fn apply(&self, step: &Step) -> Result<Acted, CallError> {
        self.runtime.block_on(self.provider.apply(step, &self.hand, "key"))
    }

    pub(super) fn undo(&self, step: &Step, before: &Value) -> Result<Acted, CallError> {
        self.runtime.block_on(self.provider.undo(step, before, &self.hand, "key"))
    }

    pub(super) fn prove(&self, step: &Step) -> Proof {
        self.runtime.block_on(self.provider.prove(step, &self.hand)).unwrap()
    }
}
