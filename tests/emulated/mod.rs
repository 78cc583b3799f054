//! An emulated tenant, and the real binary configured for it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test file uses its part, and fails by panicking"
)]

use std::path::PathBuf;

use portcullis::drill::emulator::scim::User;
use portcullis::drill::emulator::vault::{Mount, Token};
use portcullis::drill::emulator::{Emulator, Faults, Record, Switches, Tenant};
use serde_json::Value;

use crate::common::{Place, command};

pub const VICTIM: &str = "jane@agency.example";
pub const ADMIN: &str = "ada.abel@acme.example";
/// Where the administrator works.
pub const OFFICE: &str = "192.0.2.10";
/// Where the intruder works.
pub const ELSEWHERE: &str = "203.0.113.66";
pub const WEB: u64 = 3_187_001;
pub const SCIM_TOKEN: &str = "CANARY-scim-token";
pub const VAULT_TOKEN: &str = "CANARY-vault-token";

/// What the vendors allow is not waited for.
const UNPACED: &str = "requests-per-second = 1000\nburst = 1000";

pub struct World {
    pub place: Place,
    pub emulator: Emulator,
    /// What the environment gives the binary.
    pub environment: Vec<(String, String)>,
}

/// What a run came to.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

impl World {
    /// Mixpanel alone, whose own service account is the credential.
    pub fn new() -> Self {
        Self::with(Tenant::example(7), Switches::default())
    }

    pub fn with(mut tenant: Tenant, switches: Switches) -> Self {
        SCIM_TOKEN.clone_into(&mut tenant.scim.token);
        tenant.scim.claimed_domains = ["agency.example".to_owned()].into();
        let jane = User { user_name: VICTIM.to_owned(), active: true, version: 1, ..User::default() };
        tenant.scim.users.insert("u1".to_owned(), jane);
        let rights = ["create", "read", "update", "patch"];
        let token = Token::new(
            "portcullis",
            "accessor-1".to_owned(),
            &["secret/*", "sys/internal/ui/mounts/*"],
            &rights,
        );
        tenant.vault.tokens.insert(VAULT_TOKEN.to_owned(), token);
        tenant.vault.mounts.insert("secret".to_owned(), Mount::default());
        let account = &tenant.mixpanel.service_accounts[&88_101];
        let credential = format!("{}:{}", account.username, account.secret);
        let emulator = Emulator::start(tenant, switches, Faults::default()).unwrap();
        let environment = vec![
            ("MIXPANEL".to_owned(), credential),
            ("SCIM".to_owned(), SCIM_TOKEN.to_owned()),
            ("VAULT".to_owned(), VAULT_TOKEN.to_owned()),
        ];
        let world = Self { place: Place::new(), emulator, environment };
        world.configure(&world.mixpanel());
        world
    }

    pub fn mixpanel(&self) -> String {
        let base = self.emulator.base_url("mixpanel");
        format!(
            "[provider.mixpanel]\nbase-url = '{base}'\ndata-url = '{base}'\norganization = 90210\ncredential = 'env:MIXPANEL'\n{UNPACED}\n"
        )
    }

    pub fn scim(&self) -> String {
        let base = self.emulator.base_url("scim");
        format!("[provider.scim]\nbase-url = '{base}/scim/v2'\ncredential = 'env:SCIM'\n{UNPACED}\n")
    }

    pub fn vault(&self) -> String {
        let base = self.emulator.base_url("vault");
        format!("[store.vault]\nbase-url = '{base}'\ncredential = 'env:VAULT'\n{UNPACED}\n")
    }

    /// Writes the configuration with these sections.
    pub fn configure(&self, sections: &str) -> PathBuf {
        self.configure_with("", sections)
    }

    pub fn configure_with(&self, top: &str, sections: &str) -> PathBuf {
        let text = format!(
            "responder = ['{ADMIN}']\nwait = '2s'\n{top}\n[http]\ntimeout = '2s'\ndeadline = '3s'\nbackoff = '1s'\n{sections}"
        );
        self.place.write("portcullis.toml", text.as_bytes())
    }

    /// Runs the binary. No output holds a secret of the tenant.
    pub fn run(&self, args: &[&str]) -> Ran {
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        let output = command(self.place.folder.path()).args(args).envs(environment).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran =
            Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
        for secret in self.secrets() {
            assert!(
                !ran.out.contains(&secret) && !ran.err.contains(&secret),
                "{args:?}: {}{}",
                ran.out,
                ran.err
            );
        }
        ran
    }

    pub fn secrets(&self) -> Vec<String> {
        let tenant = self.emulator.tenant();
        let mut secrets = vec![SCIM_TOKEN.to_owned(), VAULT_TOKEN.to_owned()];
        secrets.extend(tenant.mixpanel.service_accounts.values().map(|account| account.secret.clone()));
        secrets.extend(
            self.environment
                .iter()
                .filter_map(|(_, value)| value.split_once(':'))
                .map(|(_, secret)| secret.to_owned()),
        );
        secrets
    }

    /// The only incident.
    pub fn incident(&self) -> String {
        let names = std::fs::read_dir(self.place.path("incidents")).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(names.len(), 1, "{names:?}");
        names[0].clone()
    }

    /// What the journal has, entry by entry.
    pub fn journal(&self) -> Vec<Value> {
        let path = self.place.path("incidents").join(self.incident()).join("journal.jsonl");
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Writes the vendor's audit log as it is now.
    pub fn export(&self, name: &str) {
        self.place.write(name, self.emulator.audit_log().as_bytes());
    }

    /// Requests that asked for a change.
    pub fn changes(&self) -> Vec<Record> {
        self.emulator.requests().into_iter().filter(|record| record.changing).collect()
    }
}

/// The log tells whole seconds: what is to be later has to be in another one.
pub fn next_second() {
    std::thread::sleep(std::time::Duration::from_millis(1100));
}
