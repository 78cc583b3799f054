//! AWS Lambda as a consumer: against the emulated service, and against moto where it is installed.

use std::sync::Arc;
use std::time::Duration;

use portcullis::config::{Settings as Keys, Value as Key};
use portcullis::drill::emulator::lambda::{Alias, Lambda};
use portcullis::drill::emulator::{Emulator, Faults, Service as _, Switches, Tenant, What, When};
use portcullis::lockdown::consumer::{Consumer, Fields, Held, Opening, Runs, kind};
use portcullis::lockdown::http::{Auth, CallError, Settings, Transport};
use portcullis::lockdown::provider::{CheckState, OpenError};
use secrecy::ExposeSecret as _;
use serde_json::json;
use url::Url;

use super::emulated::FATES;
use super::fields;
use super::moto::Moto;

const KIND: &str = "aws-lambda";
const JOBS: &str = "nightly-jobs";

/// Opens a consumer of this kind at this address.
pub(crate) fn open(
    name: &str,
    base: &str,
    credential: &str,
    region: Option<&str>,
) -> Result<Arc<dyn Consumer>, OpenError> {
    let settings: Keys = region.map(|region| ("region", Key::Text(region.to_owned()))).into_iter().collect();
    open_with(name, base, credential, settings)
}

/// The same with these settings.
pub(crate) fn open_with(
    name: &str,
    base: &str,
    credential: &str,
    settings: Keys,
) -> Result<Arc<dyn Consumer>, OpenError> {
    let http = Settings {
        requests_per_second: 1000.0,
        burst: 100,
        timeout: Duration::from_secs(2),
        deadline: Duration::from_secs(4),
        backoff: Duration::from_millis(5),
        ..Settings::new(Url::parse(base).unwrap(), Auth::None)
    };
    (kind(name).unwrap().open)(Opening {
        name: name.to_owned(),
        settings,
        credential: credential.into(),
        transport: Transport::open(http).unwrap(),
    })
}

/// The tenant of the example, and its consumer.
fn world(switches: Switches, change: impl FnOnce(&mut Tenant)) -> (Emulator, Arc<dyn Consumer>) {
    let mut tenant = Tenant::example(5);
    Lambda.example(&mut tenant);
    change(&mut tenant);
    let client = Lambda.client(KIND, &tenant, "").unwrap();
    let emulator = Emulator::start(tenant, switches, Faults::default()).unwrap();
    let consumer = open(KIND, &emulator.base_url("lambda"), &client.credential, Some("eu-west-1")).unwrap();
    (emulator, consumer)
}

fn calm() -> (Emulator, Arc<dyn Consumer>) {
    let mut switches = Switches::default();
    switches.lambda.update_ms = 0;
    world(switches, |_| {})
}

fn new() -> Fields {
    fields(&[("MIXPANEL_88102_USERNAME", "new"), ("MIXPANEL_88102_SECRET", "CANARYnew")])
}

fn shown(held: &Held) -> Vec<(String, String)> {
    held.fields.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect()
}

/// What the function works with.
fn running(emulator: &Emulator) -> Vec<(String, String)> {
    emulator.tenant().lambda.functions[JOBS].running().clone().into_iter().collect()
}

pub(crate) fn class<T>(result: Result<T, CallError>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(CallError::NotSent { .. }) => "not sent".to_owned(),
        Err(CallError::Lost { .. }) => "lost".to_owned(),
        Err(CallError::Limited { .. }) => "limited".to_owned(),
        Err(CallError::Refused { status, code, .. }) => {
            format!("refused {status} {}", code.unwrap_or_default())
        }
    }
}

#[tokio::test]
async fn a_write_keeps_every_other_variable() {
    let (emulator, consumer) = calm();
    let held = consumer.read(JOBS).await.unwrap();
    assert_eq!((shown(&held), &held.runs), (running(&emulator), &Runs::WithThis));
    let mut expected = running(&emulator);
    for (name, value) in &mut expected {
        match name.as_str() {
            "MIXPANEL_88102_USERNAME" => "new".clone_into(value),
            "MIXPANEL_88102_SECRET" => "CANARYnew".clone_into(value),
            _ => {}
        }
    }
    consumer.write(JOBS, new(), held, "k").await.unwrap();
    assert_eq!(running(&emulator), expected);
    assert!(expected.len() > 4, "others are there too");
}

#[tokio::test]
async fn an_update_under_way_is_told_and_takes_no_other() {
    let mut switches = Switches::default();
    switches.lambda.update_ms = 600_000;
    let (emulator, consumer) = world(switches, |_| {});
    let before = running(&emulator);
    let held = consumer.read(JOBS).await.unwrap();
    consumer.write(JOBS, new(), held, "k").await.unwrap();
    let held = consumer.read(JOBS).await.unwrap();
    assert_eq!((&held.runs, running(&emulator)), (&Runs::Soon, before));
    let error = consumer.write(JOBS, new(), held, "k2").await.unwrap_err();
    assert!(
        matches!(&error, CallError::NotSent { what } if what.contains("An update is in progress")),
        "{error}"
    );
}

#[tokio::test]
async fn what_somebody_wrote_in_between_is_not_written_over() {
    let (emulator, consumer) = calm();
    let held = consumer.read(JOBS).await.unwrap();
    emulator.edit(|tenant| tenant.lambda.functions.get_mut(JOBS).unwrap().set("REGION", "us"));
    let theirs = running(&emulator);
    let error = consumer.write(JOBS, new(), held, "k").await.unwrap_err();
    assert!(matches!(&error, CallError::NotSent { what } if what.contains("Revision Id")), "{error}");
    assert_eq!(running(&emulator), theirs);
    let held = consumer.read(JOBS).await.unwrap();
    consumer.write(JOBS, new(), held, "k2").await.unwrap();
    assert!(running(&emulator).contains(&("REGION".to_owned(), "us".to_owned())));
}

/// A write of these fields meets a fault: it is told as expected, and so many changes took effect.
pub(crate) async fn meets(
    (emulator, consumer): (Emulator, Arc<dyn Consumer>),
    (place, fields): (&str, Fields),
    what: What,
    (expected, effects): (&str, usize),
) {
    let held = consumer.read(place).await.unwrap();
    emulator.set_faults(Faults::one(When::NthChange(1), what));
    assert_eq!(class(consumer.write(place, fields, held, "k").await), expected, "{what}");
    let took = emulator.requests().iter().filter(|request| request.changing && request.took_effect).count();
    assert_eq!((took, emulator.trapped().len()), (effects, 0), "{what}");
}

#[tokio::test]
async fn what_became_of_a_request_is_what_is_said_of_it() {
    let own = [(What::Status(409), "not sent", 0), (What::Status(403), "refused 403 ", 0)];
    for (what, expected, effects) in FATES.into_iter().chain(own) {
        meets(calm(), (JOBS, new()), what, (expected, effects)).await;
    }
}

#[tokio::test]
async fn no_error_shows_a_variable() {
    let (emulator, consumer) = calm();
    let held = consumer.read(JOBS).await.unwrap();
    let long = fields(&[("MIXPANEL_88102_SECRET", &format!("CANARY{}", "x".repeat(5000)))]);
    let error = consumer.write(JOBS, long, held, "k").await.unwrap_err();
    assert_eq!(class::<()>(Err(error.clone())), "refused 400 InvalidParameterValueException");
    assert!(!error.to_string().contains("CANARY"), "{error}");
    emulator.edit(|tenant| tenant.lambda.functions.get_mut(JOBS).unwrap().locked = true);
    let error = consumer.read(JOBS).await.unwrap_err().to_string();
    assert!(error.contains("AccessDeniedException") && !error.contains("CANARY"), "{error}");
    for place in ["", "..", "a/b", "f:7"] {
        let so_far = emulator.requests().len();
        assert_eq!(class(consumer.read(place).await), "refused 0 ", "{place:?}");
        assert_eq!(emulator.requests().len(), so_far, "{place:?}");
    }
}

#[tokio::test]
async fn an_alias_of_a_published_version_is_found_on_every_page() {
    let (emulator, consumer) = calm();
    let alias = |name: &str, version: &str| {
        emulator.edit(|tenant| {
            let function = tenant.lambda.functions.get_mut(JOBS).unwrap();
            function.aliases.insert(name.to_owned(), Alias { version: version.to_owned(), also: None });
        });
    };
    assert_eq!(consumer.hindrance(JOBS).await.unwrap(), None);
    for name in ["a", "b", "c", "d"] {
        alias(name, "$LATEST");
    }
    assert_eq!(consumer.hindrance(JOBS).await.unwrap(), None);
    alias("e", "12");
    let why = consumer.hindrance(JOBS).await.unwrap().unwrap();
    assert!(why.contains("alias e of nightly-jobs runs version 12"), "{why}");
    // Where it may not be told, it is not taken for none.
    emulator.edit(|tenant| {
        let key = tenant.lambda.keys.values_mut().next().unwrap();
        key.actions = ["GetFunctionConfiguration", "UpdateFunctionConfiguration"].map(str::to_owned).to_vec();
    });
    assert_eq!(class(consumer.hindrance(JOBS).await), "refused 403 AccessDeniedException");
}

#[tokio::test]
async fn doctor_tells_a_key_that_is_not_known_from_one_that_may_do_little() {
    let check = async |change: &dyn Fn(&mut Tenant)| {
        let (emulator, consumer) = calm();
        emulator.edit(|tenant| change(tenant));
        let mut checks = consumer.check().await;
        assert!(emulator.requests().iter().all(|request| !request.changing));
        checks.remove(0).state
    };
    assert_eq!(check(&|_| {}).await, CheckState::Works);
    let narrow = |tenant: &mut Tenant| {
        tenant.lambda.keys.values_mut().for_each(|key| key.resources = vec!["nightly-*".to_owned()]);
    };
    assert_eq!(check(&narrow).await, CheckState::Unknown);
    assert_eq!(check(&|tenant| tenant.lambda.keys.clear()).await, CheckState::Missing);
    let other = |tenant: &mut Tenant| tenant.lambda.keys.values_mut().for_each(|key| key.secret.push('x'));
    assert_eq!(check(&other).await, CheckState::Missing);
}

#[test]
fn the_region_has_to_be_known() {
    let at = |base: &str, credential: &str| open(KIND, base, credential, None).map(drop);
    assert_eq!(at("https://lambda.eu-west-1.amazonaws.com", "AKIA1:CANARYsecret"), Ok(()));
    assert!(
        at("https://functions.acme.example", "AKIA1:CANARYsecret")
            .unwrap_err()
            .0
            .contains("`region` is missing")
    );
    let error = at("https://lambda.eu-west-1.amazonaws.com", "CANARY").unwrap_err().0;
    assert!(error.contains("ID:SECRET") && !error.contains("CANARY"), "{error}");
}

/// Moto has no revisions, without which nothing is written: what it is asked for is what a write does to a function.
#[tokio::test]
async fn moto_changes_what_was_written_and_nothing_else() {
    let Some(moto) = Moto::without_signatures().await else { return };
    moto.function("etl", &json!({ "U": "old", "S": "CANARYold", "OTHER": "stays, ünd \"quoted\"" })).await;
    let before = moto.configuration("etl").await;
    let consumer = open(KIND, moto.base(), moto.key(), Some("eu-west-1")).unwrap();
    assert_eq!(class(consumer.read("etl").await), "lost");
    let others = fields(&[("U", "old"), ("S", "CANARYold"), ("OTHER", "stays, ünd \"quoted\"")]);
    let held = Held { revision: "r".to_owned(), fields: others, untold: &[], runs: Runs::WithThis };
    consumer.write("etl", fields(&[("U", "new"), ("S", "CANARYnew")]), held, "k").await.unwrap();
    let mut expected = before;
    expected["Environment"] =
        json!({ "Variables": { "U": "new", "S": "CANARYnew", "OTHER": "stays, ünd \"quoted\"" } });
    assert_eq!(moto.configuration("etl").await, expected);
    assert_eq!(consumer.hindrance("etl").await.unwrap(), None);
    assert!(class(consumer.read("other").await).starts_with("refused 404"));
}

#[tokio::test]
async fn moto_takes_the_signature_and_refuses_a_wrong_one() {
    let Some(moto) = Moto::start().await else { return };
    moto.function("etl", &json!({ "U": "old" })).await;
    let others = || fields(&[("O", "ünd")]);
    let held = || Held { revision: "r".to_owned(), fields: others(), untold: &[], runs: Runs::WithThis };
    let write = async |key: &str| {
        let consumer = open(KIND, moto.base(), key, Some("eu-west-1")).unwrap();
        class(consumer.write("etl", fields(&[("U", "new")]), held(), "k").await)
    };
    assert_eq!(write(moto.key()).await, "done");
    assert!(write(&moto.wrong_key()).await.starts_with("refused 403"));
    assert!(write("AKIAUNKNOWN:CANARYx").await.starts_with("refused 403"));
}
