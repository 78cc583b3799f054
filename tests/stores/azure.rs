//! Azure Key Vault, against the emulated service.

use std::sync::Arc;
use std::time::Duration;

use portcullis::drill::emulator::azure::{State, Version as Made};
use portcullis::drill::emulator::{Tenant, What};
use portcullis::lockdown::provider::CheckState;
use portcullis::lockdown::store::{Store, Version, Write};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::emulated::{Emulated, class};
use super::{Habits, is, merge};

const KIND: &str = "azure-key-vault";
pub(crate) const HABITS: Habits =
    Habits { paths: ["census", "team-analytics-mixpanel"], counts: false, kept: 9, goes_on: true };

pub(crate) fn tenant() -> Tenant {
    let mut tenant = Tenant::example(5);
    let fields = json!({"username": "old", "secret": "CANARYold", "port": 5432});
    tenant.azure = State::with(&mut tenant.draws, &[("etl".to_owned(), fields)]);
    tenant
}

fn new() -> Write {
    merge(&[("username", "new"), ("secret", "CANARYnew")])
}

fn holds(world: &Emulated) -> Value {
    world.emulator.tenant().azure.secrets["etl"].holds().unwrap()
}

async fn current(store: &dyn Store) -> Version {
    store.version("etl").await.unwrap().unwrap()
}

#[tokio::test]
async fn a_new_version_keeps_what_the_old_one_had_besides_its_value() {
    let world = Emulated::new(KIND, tenant());
    let first = current(&*world.store).await;
    let second = world.store.write("etl", new(), &first, "k").await.unwrap();
    assert_eq!(holds(&world), json!({"username": "new", "secret": "CANARYnew", "port": 5432}));
    let third = world.store.bring_back("etl", &first, &second, "k").await.unwrap();
    assert_eq!(holds(&world), json!({"username": "old", "secret": "CANARYold", "port": 5432}));
    assert!(third != first && third != second);
    let versions = world.emulator.tenant().azure.secrets["etl"].versions.clone();
    assert!(versions.iter().all(|version| version.about == versions[0].about && !version.about.is_empty()));
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found() {
    for what in [What::ResetAfter, What::StatusAfter(503), What::TruncatedBody, What::NotJson] {
        let world = Emulated::new(KIND, tenant());
        let first = current(&*world.store).await;
        world.next_change(what);
        assert_eq!(class(world.store.write("etl", new(), &first, "k").await), "lost", "{what}");
        let entry = world.store.read("etl").await.unwrap().unwrap();
        assert_eq!((entry.fields["username"].expose_secret(), world.effects()), ("new", 1), "{what}");
        assert_eq!(class(world.store.write("etl", new(), &first, "k").await), "conflict", "{what}");
    }
}

#[tokio::test]
async fn what_somebody_wrote_in_between_is_told() {
    let world = Emulated::new(KIND, tenant());
    let (first, store) = (current(&*world.store).await, Arc::clone(&world.store));
    world.emulator.on_change(|_, _| std::thread::sleep(Duration::from_millis(100)));
    let writing = tokio::spawn(async move { store.write("etl", new(), &first, "k").await });
    tokio::time::sleep(Duration::from_millis(60)).await;
    world.emulator.edit(|tenant| {
        let (id, value) = ("f".repeat(32), "{}".to_owned());
        let made = Made { id, value, created: 1_800_000_000, ..Made::default() };
        tenant.azure.secrets.get_mut("etl").unwrap().versions.push(made);
    });
    let error = writing.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("somebody else wrote version ffff"), "{error}");
}

#[tokio::test]
async fn a_version_that_is_disabled_holds_nothing_and_one_that_was_the_first_is_shut_again() {
    let world = Emulated::new(KIND, tenant());
    let made = world.store.write("fresh", new(), &Version::NONE, "k").await.unwrap();
    assert_eq!(world.store.bring_back("fresh", &Version::NONE, &made, "k").await.unwrap(), made);
    is(world.store.read("fresh").await.unwrap(), &made, &[]);
    assert!(world.store.earlier("fresh", &made).await.unwrap().is_none());
    let again = world.store.write("fresh", new(), &made, "k").await.unwrap();
    is(world.store.read("fresh").await.unwrap(), &again, &[("secret", "CANARYnew"), ("username", "new")]);
}

#[tokio::test]
async fn what_cannot_be_a_store_s_is_left_alone() {
    for text in ["CANARYplain", "[\"CANARY\"]", ""] {
        let world = Emulated::new(KIND, tenant());
        let first = current(&*world.store).await;
        world.emulator.edit(|tenant| {
            text.clone_into(&mut tenant.azure.secrets.get_mut("etl").unwrap().versions[0].value);
        });
        assert_eq!(class(world.store.read("etl").await), "invalid", "{text}");
        assert_eq!(class(world.store.write("etl", new(), &first, "k").await), "invalid");
        assert_eq!(world.effects(), 0);
    }
    let world = Emulated::new(KIND, tenant());
    for path in ["", "a/b", "é", "a_b", &"a".repeat(128)] {
        assert_eq!(class(world.store.read(path).await), "invalid", "{path:?}");
    }
    for version in
        [Version::Number(1), Version::Name("../x".to_owned()), Version::Name("versions".to_owned())]
    {
        assert_eq!(class(world.store.earlier("etl", &version).await), "invalid", "{version}");
    }
    assert!(world.emulator.requests().is_empty());
}

#[tokio::test]
async fn doctor_tells_a_token_that_may_not_read() {
    let world = Emulated::new(KIND, tenant());
    let check = async |world: &Emulated| world.store.check().await.remove(0).state;
    assert_eq!(check(&world).await, CheckState::Works);
    world.emulator.edit(|tenant| tenant.azure.tokens.values_mut().for_each(Vec::clear));
    assert_eq!(check(&world).await, CheckState::Missing);
    assert_eq!(class(world.store.read("etl").await), "refused 403 Forbidden");
    world.emulator.edit(|tenant| tenant.azure.tokens.clear());
    assert_eq!(class(world.store.read("etl").await), "refused 401 Unauthorized");
}

#[tokio::test]
async fn a_version_is_disabled_and_enabled_again() {
    let world = Emulated::new(KIND, tenant());
    let store = &*world.store;
    let first = current(&*world.store).await;
    store.write("etl", new(), &first, "k").await.unwrap();
    assert!(store.disables_old(), "as the responders have configured it");
    for enabled in [false, true] {
        store.enable("etl", &first, enabled, "k").await.unwrap();
        assert_eq!(store.is_enabled("etl", &first).await.unwrap(), Some(enabled));
        assert_eq!(store.earlier("etl", &first).await.unwrap().is_some(), enabled);
    }
    assert_eq!(store.is_enabled("etl", &Version::Name("0".repeat(32))).await.unwrap(), None);
    assert_eq!(holds(&world)["username"], "new", "the new one is not touched");
}
