//! Starts a real `OpenBao` server in development mode: in memory, on loopback, unsealed.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::panic,
    reason = "each test file uses its part, fails by panicking, and says what it skips"
)]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use portcullis::config::{Settings as Keys, Value as Key};
use portcullis::lockdown::http::{Auth, Call, Settings, Transport};
use portcullis::lockdown::store::{Opening, Store, kind};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

const ROOT: &str = "r00t-t0ken-canary";

/// A server, until it is dropped.
pub struct Bao {
    child: Child,
    base: Url,
    _home: TempDir,
}

impl Bao {
    /// Starts the program that `PORTCULLIS_BAO` names; `None` when it names none, which is said.
    pub async fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("PORTCULLIS_BAO") else {
            eprintln!("PORTCULLIS_BAO is unset: the store was NOT tried against a real OpenBao");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let home = tempfile::tempdir().unwrap();
        let child = Command::new(program)
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-root-token-id={ROOT}"))
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let base = Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        let bao = Self { child, base, _home: home };
        let slow = Settings { deadline: Duration::from_mins(1), ..bao.settings() };
        // The engine is mounted last.
        let mounted =
            Call::get(&["v1", "sys", "internal", "ui", "mounts", "secret"]).header("x-vault-token", ROOT);
        let transport = Transport::open(slow).unwrap();
        for _ in 0..100 {
            if transport.read(&mounted).await.is_ok() {
                return Some(bao);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("OpenBao did not start");
    }

    fn settings(&self) -> Settings {
        Settings {
            requests_per_second: 1000.0,
            burst: 100,
            deadline: Duration::from_secs(1),
            backoff: Duration::from_millis(50),
            ..Settings::new(self.base.clone(), Auth::None)
        }
    }

    /// The store as configured, with this token and these settings.
    pub fn store_with(&self, token: &str, keys: &[(&'static str, &str)]) -> Arc<dyn Store> {
        let settings: Keys = keys.iter().map(|&(name, text)| (name, Key::Text(text.to_owned()))).collect();
        let opening = Opening {
            name: "vault".to_owned(),
            settings,
            credential: Some(token.into()),
            transport: Some(Transport::open(self.settings()).unwrap()),
        };
        (kind("vault").unwrap().open)(opening).unwrap()
    }

    pub fn store(&self) -> Arc<dyn Store> {
        self.store_with(ROOT, &[])
    }

    /// A request as the administrator, past the store.
    pub async fn admin(&self, call: Call) -> Value {
        let auth = Auth::Header { name: "x-vault-token", prefix: "", secret: ROOT.into() };
        let transport = Transport::open(Settings { auth, ..self.settings() }).unwrap();
        let reply = transport.change(&call, "admin").await.unwrap();
        if reply.body.is_empty() { Value::Null } else { reply.json().unwrap() }
    }

    /// A token with one policy.
    pub async fn token(&self, name: &str, policy: &str) -> String {
        let segments = ["v1", "sys", "policies", "acl", name];
        self.admin(Call::put(&segments).json(json!({ "policy": policy }))).await;
        let made = self
            .admin(Call::post(&["v1", "auth", "token", "create"]).json(json!({ "policies": [name] })))
            .await;
        made.pointer("/auth/client_token").and_then(Value::as_str).unwrap().to_owned()
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        let _ended = self.child.wait();
    }
}
