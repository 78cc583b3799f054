//! Starts a real `moto_server`, which nobody here wrote: AWS Secrets Manager with signatures checked.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use portcullis::config::Value as Key;
use portcullis::lockdown::http::{Auth, AwsKey, Call, Settings, Transport};
use portcullis::lockdown::store::Store;
use serde_json::Value;
use url::Url;

use super::emulated::open;

/// A server, until it is dropped.
pub(crate) struct Moto {
    child: Child,
    base: String,
    /// `ID:SECRET`.
    key: String,
}

impl Moto {
    /// Starts the program that `PORTCULLIS_MOTO_SERVER` names; `None` when it names none, which is said.
    pub(crate) async fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("PORTCULLIS_MOTO_SERVER") else {
            eprintln!("PORTCULLIS_MOTO_SERVER is unset: the store was NOT tried against moto");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            // The requests that make a user; from then on keys and signatures are checked.
            .env("INITIAL_NO_AUTH_ACTION_COUNT", "3")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut moto = Self { child, base: format!("http://127.0.0.1:{port}"), key: String::new() };
        moto.wait().await;
        moto.key = moto.user().await;
        Some(moto)
    }

    async fn wait(&self) {
        for _ in 0..300 {
            if std::net::TcpStream::connect(self.base.trim_start_matches("http://")).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("moto did not start");
    }

    /// Makes a user who may do everything with secrets, and gives its key.
    async fn user(&self) -> String {
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}"#;
        self.iam(&[("Action", "CreateUser"), ("UserName", "portcullis")]).await;
        let put = [
            ("Action", "PutUserPolicy"),
            ("UserName", "portcullis"),
            ("PolicyName", "p"),
            ("PolicyDocument", policy),
        ];
        self.iam(&put).await;
        let made = self.iam(&[("Action", "CreateAccessKey"), ("UserName", "portcullis")]).await;
        let part = |name: &str| {
            let (_, rest) = made.split_once(&format!("<{name}>")).unwrap();
            rest.split_once('<').unwrap().0.to_owned()
        };
        format!("{}:{}", part("AccessKeyId"), part("SecretAccessKey"))
    }

    /// A request to IAM, before keys are checked.
    async fn iam(&self, form: &[(&str, &str)]) -> String {
        let key = AwsKey {
            id: "AKIAFIRST".to_owned(),
            secret: "first".into(),
            session: None,
            region: "us-east-1".to_owned(),
            service: "iam",
        };
        let settings = Settings::new(Url::parse(&self.base).unwrap(), Auth::Aws(key));
        let pairs = form.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let call = Call::post(&[]).body(portcullis::lockdown::http::Body::Form(pairs));
        let reply = Transport::open(settings).unwrap().change(&call, "k").await.unwrap();
        String::from_utf8(reply.body.clone()).unwrap()
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.store_with(&self.key)
    }

    /// The key with another secret.
    pub(crate) fn wrong_key(&self) -> String {
        format!("{}:CANARYwrong", self.key.split(':').next().unwrap())
    }

    pub(crate) fn store_with(&self, key: &str) -> Arc<dyn Store> {
        let region = ("region", Key::Text("eu-west-1".to_owned()));
        open("aws-secrets-manager", &self.base, key, [region].into_iter().collect()).unwrap()
    }

    /// A request as somebody else with the same key.
    pub(crate) async fn ask(&self, action: &str, body: Value) -> Value {
        let (id, secret) = self.key.split_once(':').unwrap();
        let key = AwsKey {
            id: id.to_owned(),
            secret: secret.into(),
            session: None,
            region: "eu-west-1".to_owned(),
            service: "secretsmanager",
        };
        let settings = Settings::new(Url::parse(&self.base).unwrap(), Auth::Aws(key));
        let call = Call::post(&[]).header("x-amz-target", format!("secretsmanager.{action}"));
        let call = call.body(portcullis::lockdown::http::Body::JsonAs("application/x-amz-json-1.1", body));
        Transport::open(settings).unwrap().change(&call, "k").await.unwrap().json().unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        let _ended = self.child.wait();
    }
}
