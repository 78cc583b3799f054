//! Starts a real `moto_server`, which nobody here wrote: AWS Secrets Manager, Lambda and IAM with signatures checked.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use portcullis::config::Value as Key;
use portcullis::lockdown::http::{Auth, AwsKey, Call, Settings, Transport};
use portcullis::lockdown::store::Store;
use serde_json::{Value, json};
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
        Self::checking(true).await
    }

    /// The same without a look at signatures, which it takes for wrong where a request to Lambda has no body, the vendor's own
    /// client's too.
    pub(crate) async fn without_signatures() -> Option<Self> {
        Self::checking(false).await
    }

    async fn checking(signatures: bool) -> Option<Self> {
        let Some(program) = std::env::var_os("PORTCULLIS_MOTO_SERVER") else {
            eprintln!("PORTCULLIS_MOTO_SERVER is unset: the store was NOT tried against moto");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            // The requests that make a role and a user; from then on keys and signatures are checked.
            .env("INITIAL_NO_AUTH_ACTION_COUNT", if signatures { "4" } else { "1000000" })
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

    /// Makes a role for functions and a user who may do everything with secrets, functions and roles, and gives its key.
    async fn user(&self) -> String {
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:*","lambda:*","iam:*"],"Resource":"*"}]}"#;
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let role = [("Action", "CreateRole"), ("RoleName", "job"), ("AssumeRolePolicyDocument", trust)];
        self.iam(&role).await;
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

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// `ID:SECRET`.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The inline policies of a role, as somebody else with the same key reads them.
    pub(crate) async fn policies(&self, role: &str) -> String {
        let mut key = self.signer("iam");
        "us-east-1".clone_into(&mut key.region);
        let settings = Settings::new(Url::parse(&self.base).unwrap(), Auth::Aws(key));
        let pairs = [("Action", "ListRolePolicies"), ("Version", "2010-05-08"), ("RoleName", role)];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let call = Call::post(&[]).body(portcullis::lockdown::http::Body::Form(pairs));
        let reply = Transport::open(settings).unwrap().change(&call, "k").await.unwrap();
        String::from_utf8(reply.body.clone()).unwrap()
    }

    /// Makes a function with these variables, as somebody else with the same key.
    pub(crate) async fn function(&self, name: &str, variables: &Value) {
        let settings = Settings::new(Url::parse(&self.base).unwrap(), Auth::Aws(self.signer("lambda")));
        let body = json!({
            "FunctionName": name, "Role": "arn:aws:iam::123456789012:role/job", "PackageType": "Image",
            "Code": { "ImageUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/job:1" },
            "Environment": { "Variables": variables },
        });
        let call = Call::post(&["2015-03-31", "functions"]).json(body);
        Transport::open(settings).unwrap().change(&call, "k").await.unwrap();
    }

    /// How a function stands.
    pub(crate) async fn configuration(&self, name: &str) -> Value {
        let settings = Settings::new(Url::parse(&self.base).unwrap(), Auth::Aws(self.signer("lambda")));
        let call = Call::get(&["2015-03-31", "functions", name, "configuration"]);
        Transport::open(settings).unwrap().read(&call).await.unwrap().json().unwrap()
    }

    fn signer(&self, service: &'static str) -> AwsKey {
        let (id, secret) = self.key.split_once(':').unwrap();
        let (id, region) = (id.to_owned(), "eu-west-1".to_owned());
        AwsKey { id, secret: secret.into(), session: None, region, service }
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
        let key = self.signer("secretsmanager");
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
