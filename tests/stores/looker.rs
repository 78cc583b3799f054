//! Looker as a consumer, against the emulated service.

use std::sync::Arc;

use portcullis::drill::emulator::looker::{Connection, Looker};
use portcullis::drill::emulator::{Emulator, Faults, Service as _, Switches, Tenant, What};
use portcullis::lockdown::consumer::{Consumer, Fields, Runs, Tried};
use portcullis::lockdown::provider::CheckState;
use secrecy::ExposeSecret as _;

use super::emulated::FATES;
use super::fields;
use super::lambda::{class, meets, open};

const KIND: &str = "looker";
const PLACE: &str = "bi 88102";

/// The tenant of the example, and its consumer.
fn world(change: impl FnOnce(&mut Tenant)) -> (Emulator, Arc<dyn Consumer>) {
    let mut tenant = Tenant::example(5);
    Looker.example(&mut tenant);
    let client = Looker.client(KIND, &tenant, "").unwrap();
    change(&mut tenant);
    let emulator = Emulator::start(tenant, Switches::default(), Faults::default()).unwrap();
    let base = format!("{}{}", emulator.base_url("looker"), client.path);
    let consumer = open(KIND, &base, &client.credential, None).unwrap();
    (emulator, consumer)
}

fn connection(emulator: &Emulator) -> Connection {
    emulator.tenant().looker.connections[PLACE].clone()
}

fn new() -> Fields {
    fields(&[("username", "new"), ("password", "CANARYnew")])
}

#[tokio::test]
async fn a_write_changes_the_two_fields_alone_and_a_test_tells_whether_they_work() {
    let (emulator, consumer) = world(|_| {});
    let before = connection(&emulator);
    let held = consumer.read(PLACE).await.unwrap();
    assert_eq!(held.fields["username"].expose_secret(), before.username);
    assert_eq!((held.untold, &held.runs), (&["password"][..], &Runs::WithThis));
    assert_eq!(consumer.tried(PLACE).await.unwrap(), Tried::Works);
    consumer.write(PLACE, new(), held, "k").await.unwrap();
    let after = connection(&emulator);
    assert_eq!(
        (after.username.as_str(), after.password.as_str(), &after.host),
        ("new", "CANARYnew", &before.host)
    );
    let tried = consumer.tried(PLACE).await.unwrap();
    assert!(matches!(&tried, Tried::Fails(why) if !why.contains("CANARY")), "{tried:?}");
    let changes = emulator.requests().iter().filter(|request| request.changing).count();
    assert_eq!(changes, 1, "a test is no change");
}

#[tokio::test]
async fn what_became_of_a_request_is_what_is_said_of_it() {
    let own = [(What::Status(422), "refused 422 ", 0)];
    for (what, expected, effects) in FATES.into_iter().chain(own) {
        meets(world(|_| {}), (PLACE, new()), what, (expected, effects)).await;
    }
}

#[tokio::test]
async fn names_stay_one_segment_and_what_is_not_there_is_told() {
    let (emulator, consumer) = world(|_| {});
    assert_eq!(class(consumer.read("bi/../88102").await), "refused 404 ");
    assert_eq!(class(consumer.read("other").await), "refused 404 ");
    let so_far = emulator.requests().len();
    for place in ["", "..", "a\nb", "é", &"x".repeat(256)] {
        assert!(consumer.read(place).await.is_err(), "{place:?}");
    }
    assert_eq!(emulator.requests().len(), so_far);
}

#[tokio::test]
async fn doctor_tells_a_token_that_is_not_taken() {
    let (emulator, consumer) = world(|_| {});
    assert_eq!(consumer.check().await.remove(0).state, CheckState::Works);
    emulator.edit(|tenant| tenant.looker.token.push('x'));
    let check = consumer.check().await.remove(0);
    assert!(check.state == CheckState::Missing && !check.note.contains("CANARY"), "{check:?}");
}
