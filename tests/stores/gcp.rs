//! Google Cloud Secret Manager, against the emulated service.

use std::sync::Arc;
use std::time::Duration;

use portcullis::drill::emulator::gcp::{Secret, State};
use portcullis::drill::emulator::{Switches, Tenant, What};
use portcullis::lockdown::provider::CheckState;
use portcullis::lockdown::store::{Version, Write};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::emulated::{Emulated, class, open};
use super::{Habits, is, merge};

const KIND: &str = "gcp-secret-manager";
pub(crate) const HABITS: Habits =
    Habits { paths: ["census", "team-analytics_mixpanel"], counts: true, kept: 9, goes_on: true };

/// One secret with a version, and some without any.
pub(crate) fn tenant() -> Tenant {
    let mut tenant = Tenant::example(5);
    let fields = json!({"username": "old", "secret": "CANARYold", "port": 5432});
    tenant.gcp = State::with(&mut tenant.draws, &[("etl".to_owned(), fields)]);
    for name in HABITS.paths.into_iter().chain(["new"]) {
        tenant.gcp.secrets.insert(name.to_owned(), Secret::default());
    }
    tenant
}

fn new() -> Write {
    merge(&[("username", "new"), ("secret", "CANARYnew")])
}

fn holds(world: &Emulated) -> Value {
    world.emulator.tenant().gcp.secrets["etl"].holds().unwrap()
}

#[tokio::test]
async fn reads_go_on_from_a_latest_that_lags() {
    let mut switches = Switches::default();
    switches.gcp.latest_lag_ms = 600_000;
    let world = Emulated::with(KIND, tenant(), switches);
    for version in 1..4 {
        let write = merge(&[("username", &format!("new-{version}"))]);
        assert_eq!(
            world.store.write("etl", write, &version.into(), "k").await.unwrap(),
            (version + 1).into()
        );
    }
    assert_eq!(world.store.version("etl").await.unwrap(), Some(4.into()));
    assert_eq!(holds(&world), json!({"username": "new-3", "secret": "CANARYold", "port": 5432}));
    assert_eq!(world.store.bring_back("etl", &1.into(), &4.into(), "k").await.unwrap(), 5.into());
    assert_eq!(holds(&world), json!({"username": "old", "secret": "CANARYold", "port": 5432}));
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found() {
    for what in [What::ResetAfter, What::StatusAfter(503), What::TruncatedBody, What::NotJson] {
        let world = Emulated::new(KIND, tenant());
        world.next_change(what);
        assert_eq!(class(world.store.write("etl", new(), &1.into(), "k").await), "lost", "{what}");
        let entry = world.store.read("etl").await.unwrap().unwrap();
        assert_eq!((entry.fields["username"].expose_secret(), world.effects()), ("new", 1), "{what}");
        assert_eq!(class(world.store.write("etl", new(), &1.into(), "k").await), "conflict", "{what}");
    }
}

#[tokio::test]
async fn what_somebody_wrote_in_between_is_told_by_the_number() {
    let world = Emulated::new(KIND, tenant());
    let store = Arc::clone(&world.store);
    world.emulator.on_change(|_, _| std::thread::sleep(Duration::from_millis(100)));
    let writing = tokio::spawn(async move { store.write("etl", new(), &1.into(), "k").await });
    tokio::time::sleep(Duration::from_millis(60)).await;
    world.emulator.edit(|tenant| tenant.gcp.secrets.get_mut("etl").unwrap().add("{}".to_owned(), 0));
    let error = writing.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("version 3 was written, over one that somebody wrote after version 1"), "{error}");
}

#[tokio::test]
async fn a_version_that_is_disabled_holds_nothing_and_one_that_was_the_first_is_shut_again() {
    let world = Emulated::new(KIND, tenant());
    let made = world.store.write("new", new(), &Version::NONE, "k").await.unwrap();
    assert_eq!(world.store.bring_back("new", &Version::NONE, &made, "k").await.unwrap(), made);
    is(world.store.read("new").await.unwrap(), &made, &[]);
    assert!(world.store.earlier("new", &made).await.unwrap().is_none());
    // A secret that is not there cannot be made by one request.
    assert_eq!(class(world.store.write("other", new(), &Version::NONE, "k").await), "refused 404 404");
}

#[tokio::test]
async fn what_cannot_be_a_store_s_is_left_alone() {
    for text in ["CANARYplain", "[\"CANARY\"]", ""] {
        let world = Emulated::new(KIND, tenant());
        world.emulator.edit(|tenant| tenant.gcp.secrets.get_mut("etl").unwrap().add(text.to_owned(), 0));
        assert_eq!(class(world.store.read("etl").await), "invalid", "{text}");
        assert_eq!(class(world.store.write("etl", new(), &2.into(), "k").await), "invalid");
        assert_eq!(world.effects(), 0);
    }
    let world = Emulated::new(KIND, tenant());
    for path in ["", "a/b", "é", "a:destroy", &"a".repeat(256)] {
        assert_eq!(class(world.store.read(path).await), "invalid", "{path:?}");
    }
    assert!(world.emulator.requests().is_empty());
    for project in ["", "a/../b", "a b"] {
        let settings = [("project", portcullis::config::Value::Text(project.to_owned()))];
        let error =
            open(KIND, "https://secretmanager.googleapis.com", "CANARY", settings.into_iter().collect());
        assert!(error.is_err(), "{project:?}");
    }
}

#[tokio::test]
async fn doctor_tells_a_token_that_is_not_taken() {
    let world = Emulated::new(KIND, tenant());
    assert!(world.store.check().await.iter().all(|check| check.state == CheckState::Works));
    world.emulator.edit(|tenant| tenant.gcp.tokens.values_mut().for_each(Vec::clear));
    assert_eq!(class(world.store.read("etl").await), "refused 403 403");
    world.emulator.edit(|tenant| tenant.gcp.tokens.clear());
    assert!(world.store.check().await.iter().all(|check| check.state == CheckState::Missing));
}

#[tokio::test]
async fn a_version_is_disabled_and_enabled_again() {
    let world = Emulated::new(KIND, tenant());
    let store = &*world.store;
    let first = Version::Number(1);
    store.write("etl", new(), &first, "k").await.unwrap();
    assert!(store.disables_old(), "as the responders have configured it");
    for enabled in [false, true] {
        store.enable("etl", &first, enabled, "k").await.unwrap();
        assert_eq!(store.is_enabled("etl", &first).await.unwrap(), Some(enabled));
        assert_eq!(store.earlier("etl", &first).await.unwrap().is_some(), enabled);
    }
    assert_eq!(store.is_enabled("etl", &9.into()).await.unwrap(), None);
    assert_eq!(holds(&world)["username"], "new", "the new one is not touched");
}
