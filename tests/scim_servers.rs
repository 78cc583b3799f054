//! The SCIM provider against servers that nobody here wrote. `.ci/install-scim` installs them; without them the tests say
//! so and try nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, find their servers through the environment, and say what they leave out"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use portcullis::config::{Settings, Value as Setting};
use portcullis::lockdown::http::{self, Auth, Body, Call, CallError, Transport};
use portcullis::lockdown::provider::{CheckState, Hand, Opening, Proof, Provider, Target, kind};
use portcullis::lockdown::step::{Phase, Step};
use serde_json::{Value, json};
use url::Url;

const TOKEN: &str = "canary-scim-token";

/// A server that is stopped when dropped.
struct Server {
    child: Child,
    base: Url,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts it and reads its first line, which says where it is.
    fn start(command: &mut Command, base: impl Fn(&str) -> String) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = Url::parse(&base(line.trim())).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        Self { child, base }
    }

    fn transport(&self, token: &str) -> Transport {
        let mut settings = http::Settings::new(self.base.clone(), Auth::Bearer(token.into()));
        settings.requests_per_second = 1000.0;
        settings.deadline = Duration::from_secs(5);
        Transport::open(settings).unwrap()
    }

    fn provider(&self, token: &str) -> Box<dyn Provider> {
        let groups = Setting::List(vec!["growth".to_owned(), "No such group".to_owned()]);
        let opening = Opening {
            name: "directory".to_owned(),
            settings: Settings::from_iter([("groups", groups)]),
            transport: self.transport(token),
            inventory: Arc::from(Vec::new()),
            default_store: None,
            disabling: BTreeSet::new(),
        };
        (kind("scim").unwrap().open)(opening).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Makes something, and gives its identifier.
    async fn make(&self, kind: &str, schema: &str, mut fields: Value) -> String {
        fields["schemas"] = json!([format!("urn:ietf:params:scim:schemas:core:2.0:{schema}")]);
        let call = Call::post(&[kind]).body(Body::JsonAs("application/scim+json", fields));
        let reply = self.transport(TOKEN).change(&call, "seed").await.unwrap();
        reply.json().unwrap()["id"].as_str().unwrap().to_owned()
    }
}

fn target(email: &str) -> Target {
    Target::new(email, "i1")
}

fn by_action<'a>(steps: &'a [Step], action: &str) -> &'a Step {
    steps.iter().find(|step| step.action == action).unwrap_or_else(|| panic!("no step {action} in {steps:?}"))
}

/// The whole life of an account at a server: found, deactivated, out of a group, back, and destroyed.
async fn exercise(server: &Server) {
    let provider = server.provider(TOKEN);
    let unknown = provider.discover(&target("jane@agency.example")).await.unwrap();
    assert!(unknown.steps.is_empty() && unknown.notes[0].contains("no user is called"), "{unknown:?}");

    let jane = server.make("Users", "User", json!({"userName": "Jane@Agency.example", "active": true})).await;
    let bob = server.make("Users", "User", json!({"userName": "bob@agency.example", "active": true})).await;
    let members = json!([{"value": jane}, {"value": bob}]);
    server.make("Groups", "Group", json!({"displayName": "Growth", "members": members})).await;

    let found = provider.discover(&target("jane@agency.example")).await.unwrap();
    let actions: Vec<&str> = found.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(actions, ["deactivate", "leave", "delete"]);
    assert_eq!(found.notes, ["directory: there is no group No such group"]);
    for action in ["deactivate", "leave"] {
        there_and_back(&*provider, by_action(&found.steps, action)).await;
    }

    // Under another user name, and found by the address.
    let emails = json!([{"value": "Joe.Doe@agency.example", "type": "work"}]);
    let joe =
        server.make("Users", "User", json!({"userName": "jdoe", "emails": emails, "active": true})).await;
    let found_joe = provider.discover(&target("joe.doe@agency.example")).await.unwrap();
    assert_eq!(by_action(&found_joe.steps, "deactivate").object.id, joe, "{found_joe:?}");
    there_and_back(&*provider, by_action(&found_joe.steps, "deactivate")).await;

    let hand = Hand::new("i1", BTreeMap::new());
    let (deactivate, delete) = (by_action(&found.steps, "deactivate"), by_action(&found.steps, "delete"));
    assert!(delete.commit && delete.phase == Phase::Retire && delete.needs == [deactivate.id.clone()]);
    provider.apply(deactivate, &hand, "k").await.unwrap();
    let again = provider.discover(&target("jane@agency.example")).await.unwrap();
    assert!(again.steps.iter().all(|step| step.action != "deactivate"), "{:?}", again.steps);

    let before = provider.look(delete, &hand).await.unwrap();
    assert_eq!(before.done, Some(false));
    provider.apply(delete, &hand, "k").await.unwrap();
    assert_eq!(provider.look(delete, &hand).await.unwrap().done, Some(true));
    assert!(matches!(provider.prove(delete, &hand).await, Ok(Proof::Proved(_))));
    assert!(matches!(provider.undo(delete, &before.state, &hand, "k").await, Err(CallError::NotSent { .. })));
    let bob = provider.discover(&target("bob@agency.example")).await.unwrap();
    assert_eq!(bob.steps.len(), 3, "nothing of bob's was touched: {:?}", bob.steps);
    refused(server, deactivate).await;
}

async fn there_and_back(provider: &dyn Provider, step: &Step) {
    let hand = Hand::new("i1", BTreeMap::new());
    let before = provider.look(step, &hand).await.unwrap();
    assert_eq!(before.done, Some(false), "{}", step.id);
    assert!(matches!(provider.prove(step, &hand).await, Ok(Proof::NotYet(_))), "{}", step.id);
    // Twice: a lost answer is asked for again.
    for _ in 0..2 {
        provider.apply(step, &hand, "k").await.unwrap_or_else(|error| panic!("{}: {error}", step.id));
    }
    let after = provider.look(step, &hand).await.unwrap();
    assert_eq!(after.done, Some(true), "{}", step.id);
    assert!(matches!(provider.prove(step, &hand).await, Ok(Proof::Proved(_))), "{}", step.id);
    for _ in 0..2 {
        provider
            .undo(step, &before.state, &hand, "k")
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", step.id));
    }
    assert_eq!(provider.look(step, &hand).await.unwrap(), before, "{}", step.id);
}

/// What a wrong token comes to: never a proof.
async fn refused(server: &Server, step: &Step) {
    let stranger = server.provider("another");
    let hand = Hand::new("i1", BTreeMap::new());
    let error = stranger.discover(&target("bob@agency.example")).await.unwrap_err();
    assert_eq!(error.status(), Some(401), "{error}");
    assert!(matches!(stranger.prove(step, &hand).await, Ok(Proof::Unknown(_))));
    let states: Vec<CheckState> = stranger.check().await.iter().map(|check| check.state).collect();
    assert_eq!(states[0], CheckState::Missing);
    let checks = server.provider(TOKEN).check().await;
    assert_eq!(checks[0].state, CheckState::Works, "{checks:?}");
    assert_eq!(checks[1].state, CheckState::Works, "{checks:?}");
    assert_eq!(checks[2].state, CheckState::Missing, "one group is not there: {checks:?}");
}

#[tokio::test]
async fn scim2_server() {
    let Ok(program) = std::env::var("PORTCULLIS_SCIM2_SERVER") else {
        eprintln!("left out: PORTCULLIS_SCIM2_SERVER names no scim2-server; run .ci/install-scim");
        return;
    };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(program);
    command.args(["--hostname", "127.0.0.1", "--port", &port.to_string(), "--bearer-token", TOKEN]);
    command.env("PYTHONUNBUFFERED", "1").stderr(Stdio::null());
    let server = Server::start(&mut command, |line| line.rsplit(' ').next().unwrap().to_owned());
    exercise(&server).await;
}

#[tokio::test]
async fn scimmy() {
    let Ok(folder) = std::env::var("PORTCULLIS_SCIMMY") else {
        eprintln!("left out: PORTCULLIS_SCIMMY names no folder with node_modules; run .ci/install-scim");
        return;
    };
    let glue = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/scimmy.mjs");
    let mut command = Command::new("node");
    command.args([glue, &folder, TOKEN]);
    let server = Server::start(&mut command, |port| format!("http://127.0.0.1:{port}/scim/v2"));
    exercise(&server).await;
}
