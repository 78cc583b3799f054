//! AWS Secrets Manager: against the emulated service, and against moto where it is installed.

use std::time::Duration;

use portcullis::drill::emulator::aws::{Secret, State};
use portcullis::drill::emulator::{Switches, Tenant, What};
use portcullis::lockdown::provider::CheckState;
use portcullis::lockdown::store::{Store, StoreError, Version};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::emulated::{Emulated, class, open};
use super::moto::Moto;
use super::{Habits, is, merge};

const KIND: &str = "aws-secrets-manager";
pub(crate) const HABITS: Habits =
    Habits { paths: ["census", "team/analytics_+=.@-/mixpanel"], counts: false, kept: 9, goes_on: true };

pub(crate) fn tenant() -> Tenant {
    let mut tenant = Tenant::example(5);
    tenant.aws = State::with(
        &mut tenant.draws,
        &[("etl".to_owned(), json!({"username": "old", "secret": "CANARYold", "port": 5432}))],
    );
    tenant
}

fn new() -> portcullis::lockdown::store::Write {
    merge(&[("username", "new"), ("secret", "CANARYnew")])
}

fn holds(world: &Emulated) -> Value {
    world.emulator.tenant().aws.secrets["etl"].holds().unwrap()
}

async fn current(store: &dyn Store) -> Version {
    store.version("etl").await.unwrap().unwrap()
}

#[tokio::test]
async fn a_write_keeps_what_it_does_not_name_and_the_way_back_is_the_version_before() {
    let world = Emulated::new(KIND, tenant());
    let store = &*world.store;
    let first = current(store).await;
    let second = store.write("etl", new(), &first, "k").await.unwrap();
    assert_eq!(holds(&world), json!({"username": "new", "secret": "CANARYnew", "port": 5432}));
    assert_eq!(store.bring_back("etl", &first, &second, "k2").await.unwrap(), first);
    assert_eq!(holds(&world), json!({"username": "old", "secret": "CANARYold", "port": 5432}));
    assert_eq!(current(store).await, first, "the very same version");
    // Only from where the label is.
    assert_eq!(class(store.bring_back("etl", &first, &second, "k3").await), "conflict");
    assert_eq!(world.effects(), 2);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_and_the_same_request_does_nothing_more() {
    for what in
        [What::ResetAfter, What::TimeoutAfter, What::StatusAfter(500), What::TruncatedBody, What::NotJson]
    {
        let world = Emulated::new(KIND, tenant());
        let first = current(&*world.store).await;
        world.next_change(what);
        assert_eq!(class(world.store.write("etl", new(), &first, "k").await), "lost", "{what}");
        let entry = world.store.read("etl").await.unwrap().unwrap();
        assert_eq!((entry.fields["username"].expose_secret(), world.effects()), ("new", 1), "{what}");
        // Whoever wrote this has to name what is there now.
        assert_eq!(class(world.store.write("etl", new(), &first, "k").await), "conflict", "{what}");
        assert_eq!(world.effects(), 1, "{what}");
    }
}

#[tokio::test]
async fn a_refusal_changes_nothing() {
    for (what, expected) in [
        (What::Status(403), "refused 403 "),
        (What::ResetBefore, "lost"),
        (What::RateLimited(Some(9)), "limited"),
        (What::RedirectElsewhere, "refused 307 "),
    ] {
        let world = Emulated::new(KIND, tenant());
        let first = current(&*world.store).await;
        world.next_change(what);
        assert_eq!(class(world.store.write("etl", new(), &first, "k").await), expected, "{what}");
        assert_eq!((world.effects(), world.emulator.trapped().len()), (0, 0), "{what}");
    }
}

/// Nothing stands between the look and the write: it is seen afterwards.
#[tokio::test]
async fn what_somebody_wrote_in_between_is_told() {
    let world = Emulated::new(KIND, tenant());
    let first = current(&*world.store).await;
    let lagging = Emulated::with(KIND, tenant(), {
        let mut switches = Switches::default();
        switches.aws.lag_ms = 600_000;
        switches
    });
    // Reads that lag show the old version: the write is let through, and then nothing is to be seen of it yet.
    let second = lagging.store.write("etl", new(), &first, "k").await.unwrap();
    assert_ne!(second, first);
    assert_eq!(holds(&lagging)["username"], "new");
    // Somebody writes between look and request.
    world.emulator.edit(|tenant| {
        let secret = tenant.aws.secrets.get_mut("etl").unwrap();
        secret.put(&"z".repeat(32), "{}".to_owned(), ["AWSPREVIOUS".to_owned()].into(), 0, 0);
    });
    let (store, emulator) = (std::sync::Arc::clone(&world.store), &world.emulator);
    emulator.on_change(|_, _| std::thread::sleep(Duration::from_millis(100)));
    let writing = tokio::spawn(async move { store.write("etl", new(), &first, "k").await });
    tokio::time::sleep(Duration::from_millis(60)).await;
    emulator.edit(|tenant| {
        let secret = tenant.aws.secrets.get_mut("etl").unwrap();
        secret.put(
            &"y".repeat(32),
            "{\"username\":\"theirs\"}".to_owned(),
            ["AWSCURRENT".to_owned()].into(),
            50,
            0,
        );
    });
    match writing.await.unwrap() {
        Err(StoreError::Call(error)) => {
            assert!(error.to_string().contains("yyyy, which somebody wrote in between"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_secret_that_is_to_be_deleted_is_not_there_and_one_that_was_made_can_be_taken_back() {
    let world = Emulated::new(KIND, tenant());
    let store = &*world.store;
    let made = store.write("fresh", new(), &Version::NONE, "k").await.unwrap();
    assert_eq!(store.bring_back("fresh", &Version::NONE, &made, "k2").await.unwrap(), Version::NONE);
    assert!(store.read("fresh").await.unwrap().is_none() && store.version("fresh").await.unwrap().is_none());
    assert_eq!(
        class(store.write("fresh", new(), &Version::NONE, "k3").await),
        "refused 400 InvalidRequestException"
    );
    assert_eq!(class(store.bring_back("fresh", &Version::NONE, &made, "k4").await), "conflict");
}

#[tokio::test]
async fn a_secret_without_a_value_takes_its_first_one() {
    let mut tenant = tenant();
    tenant.aws.secrets.insert("empty".to_owned(), Secret::default());
    let world = Emulated::new(KIND, tenant);
    assert!(world.store.read("empty").await.unwrap().is_none());
    let made = world.store.write("empty", new(), &Version::NONE, "k").await.unwrap();
    is(world.store.read("empty").await.unwrap(), &made, &[("secret", "CANARYnew"), ("username", "new")]);
    // The secret is somebody else's: the way back leaves it, with nothing in it.
    let left = world.store.bring_back("empty", &Version::NONE, &made, "k2").await.unwrap();
    is(world.store.read("empty").await.unwrap(), &left, &[]);
    let secret = world.emulator.tenant().aws.secrets["empty"].clone();
    assert_eq!((secret.deleted, secret.holds(), world.effects()), (None, Some(json!({})), 2));
    assert_eq!(class(world.store.bring_back("empty", &Version::NONE, &made, "k3").await), "conflict");
}

#[tokio::test]
async fn what_is_no_object_is_left_alone() {
    for text in ["CANARYplain", "\"CANARYplain\"", "[1]", ""] {
        let mut tenant = tenant();
        let mut secret = Secret::default();
        secret.put(&"v".repeat(32), text.to_owned(), ["AWSCURRENT".to_owned()].into(), 0, 0);
        tenant.aws.secrets.insert("etl".to_owned(), secret);
        let world = Emulated::new(KIND, tenant);
        assert_eq!(class(world.store.read("etl").await), "invalid", "{text}");
        let expected = Version::Name("v".repeat(32));
        assert_eq!(class(world.store.write("etl", new(), &expected, "k").await), "invalid");
        assert_eq!(world.effects(), 0);
    }
    let world = Emulated::new(KIND, tenant());
    for path in ["", "é", "a b", "a\nb", &"a".repeat(2049)] {
        assert_eq!(class(world.store.read(path).await), "invalid", "{path:?}");
    }
    assert!(world.emulator.requests().is_empty());
}

#[tokio::test]
async fn doctor_tells_a_key_that_is_not_known_from_one_that_may_do_little() {
    let state = |change: &dyn Fn(&mut State)| {
        let mut tenant = tenant();
        change(&mut tenant.aws);
        Emulated::new(KIND, tenant)
    };
    let check = async |world: &Emulated| world.store.check().await.remove(0).state;
    assert_eq!(check(&state(&|_| {})).await, CheckState::Works);
    let only = |state: &mut State| {
        state.keys.values_mut().for_each(|key| key.resources = vec!["mixpanel/*".to_owned()]);
    };
    assert_eq!(check(&state(&only)).await, CheckState::Unknown);
    let world = state(&|_| {});
    world.emulator.edit(|tenant| tenant.aws.keys.clear());
    assert_eq!(class(world.store.read("etl").await), "refused 400 UnrecognizedClientException");
    assert_eq!(check(&world).await, CheckState::Missing);
    let world = state(&|_| {});
    world.emulator.edit(|tenant| tenant.aws.keys.values_mut().for_each(|key| key.secret.push('x')));
    assert_eq!(class(world.store.read("etl").await), "refused 400 InvalidSignatureException");
    assert_eq!(check(&world).await, CheckState::Missing);
}

#[test]
fn the_region_has_to_be_known() {
    let at = |base: &str| open(KIND, base, "AKIA1:CANARYsecret", [].into_iter().collect()).map(drop);
    assert_eq!(at("https://secretsmanager.eu-west-1.amazonaws.com"), Ok(()));
    assert!(at("https://secrets.acme.example").unwrap_err().0.contains("`region` is missing"));
    let error =
        open(KIND, "https://secretsmanager.eu-west-1.amazonaws.com", "CANARY", [].into_iter().collect());
    let error = error.map(drop).unwrap_err().0;
    assert!(error.contains("ID:SECRET") && !error.contains("CANARY"), "{error}");
}

#[tokio::test]
async fn moto_takes_the_signature_and_refuses_a_wrong_one() {
    let Some(moto) = Moto::start().await else { return };
    let store = moto.store();
    let text = r#"{"username": "old", "secret": "CANARYold", "port": 5432}"#;
    let made = moto
        .ask(
            "CreateSecret",
            json!({"Name": "etl", "SecretString": text, "ClientRequestToken": "c".repeat(32)}),
        )
        .await;
    let first = Version::Name(made["VersionId"].as_str().unwrap().to_owned());
    assert_eq!(current(&*store).await, first);
    let second = store.write("etl", new(), &first, "k").await.unwrap();
    is(
        store.read("etl").await.unwrap(),
        &second,
        &[("port", "5432"), ("secret", "CANARYnew"), ("username", "new")],
    );
    is(
        store.earlier("etl", &first).await.unwrap(),
        &first,
        &[("port", "5432"), ("secret", "CANARYold"), ("username", "old")],
    );
    assert_eq!(store.bring_back("etl", &first, &second, "k2").await.unwrap(), first);
    let held = moto.ask("GetSecretValue", json!({"SecretId": "etl", "VersionStage": "AWSCURRENT"})).await;
    let held: Value = serde_json::from_str(held["SecretString"].as_str().unwrap()).unwrap();
    assert_eq!(held, json!({"username": "old", "secret": "CANARYold", "port": 5432}));
    assert!(store.check().await.iter().all(|check| check.state == CheckState::Works));
    // A secret that was there without a version stays; one that was made goes.
    moto.ask("CreateSecret", json!({"Name": "empty"})).await;
    let ends = async |path: &str| {
        let made = store.write(path, new(), &Version::NONE, "k4").await.unwrap();
        let left = store.bring_back(path, &Version::NONE, &made, "k5").await.unwrap();
        let described = moto.ask("DescribeSecret", json!({"SecretId": path})).await;
        (left.is_none(), described["DeletedDate"].is_number())
    };
    assert_eq!(ends("empty").await, (false, false));
    assert!(store.read("empty").await.unwrap().unwrap().fields.is_empty());
    assert_eq!(ends("fresh").await, (true, true));
    let wrong = moto.store_with(&moto.wrong_key());
    assert!(class(wrong.read("etl").await).starts_with("refused 403"));
    assert!(wrong.check().await.iter().all(|check| check.state != CheckState::Works));
    let unknown = moto.store_with("AKIAUNKNOWN:CANARYx");
    assert!(class(unknown.write("etl", new(), &first, "k3").await).starts_with("refused 403"));
}
