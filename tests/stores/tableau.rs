//! Tableau as a consumer, against the emulated service.

use std::sync::Arc;

use portcullis::config::{Settings as Keys, Value as Key};
use portcullis::drill::emulator::tableau::{Connection, Content, Job, Tableau};
use portcullis::drill::emulator::{Emulator, Faults, Service as _, Switches, Tenant, What, When};
use portcullis::lockdown::consumer::{Consumer, Fields, Outcome, Runs, Trials};
use portcullis::lockdown::provider::CheckState;
use secrecy::ExposeSecret as _;

use super::emulated::FATES;
use super::fields;
use super::lambda::{class, meets, open_with};

const KIND: &str = "tableau";
const CONTENT: &str = "datasources/9dbd2263-16b5-46e1-9c43-000000088102";
const PLACE: &str = "datasources/9dbd2263-16b5-46e1-9c43-000000088102/connections/c0-88102";

fn open(emulator: &Emulator, credential: &str) -> Arc<dyn Consumer> {
    let text = |name: &'static str, value: &str| (name, Key::Text(value.to_owned()));
    let keys: Keys = [text("token-name", "portcullis"), text("site", "acme")].into_iter().collect();
    open_with(KIND, &format!("{}/api/3.24", emulator.base_url("tableau")), credential, keys).unwrap()
}

/// The tenant of the example, and its consumer.
fn world(switches: Switches, change: impl FnOnce(&mut Tenant)) -> (Emulator, Arc<dyn Consumer>) {
    let mut tenant = Tenant::example(5);
    Tableau.example(&mut tenant);
    let client = Tableau.client(KIND, &tenant, "").unwrap();
    change(&mut tenant);
    let emulator = Emulator::start(tenant, switches, Faults::default()).unwrap();
    let consumer = open(&emulator, &client.credential);
    (emulator, consumer)
}

fn calm() -> (Emulator, Arc<dyn Consumer>) {
    world(Switches::default(), |_| {})
}

fn connection(emulator: &Emulator) -> Connection {
    emulator.tenant().tableau.contents[CONTENT].connections["c0-88102"].clone()
}

fn jobs(emulator: &Emulator) -> Vec<Job> {
    emulator.tenant().tableau.jobs.values().cloned().collect()
}

fn sign_ins(emulator: &Emulator) -> usize {
    emulator.requests().iter().filter(|request| request.path.ends_with("/signin")).count()
}

fn new() -> Fields {
    fields(&[("userName", "new"), ("password", "CANARYnew")])
}

/// What a trial comes to when it is over.
async fn over(trials: &dyn Trials, job: &str) -> Outcome {
    for _ in 0..200 {
        match trials.outcome(PLACE, job).await.unwrap() {
            Outcome::UnderWay(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            other => return other,
        }
    }
    panic!("the job {job} is not over");
}

#[tokio::test]
async fn a_write_changes_the_two_fields_alone_and_a_refresh_tells_whether_they_work() {
    for (as_text, embeds_when_told) in [(false, false), (true, true)] {
        let mut switches = Switches::default();
        (switches.tableau.as_text, switches.tableau.embeds_when_told) = (as_text, embeds_when_told);
        let (emulator, consumer) = world(switches, |_| {});
        let before = connection(&emulator);
        let held = consumer.read(PLACE).await.unwrap();
        assert_eq!(held.fields["userName"].expose_secret(), before.username);
        assert_eq!((held.untold, &held.runs), (&["password"][..], &Runs::WithThis));
        assert_eq!(consumer.hindrance(PLACE).await.unwrap(), None);
        let trials = consumer.trials().unwrap();
        let job = trials.begin(PLACE, "k").await.unwrap();
        assert_eq!(over(trials, &job).await, Outcome::Works);
        consumer.write(PLACE, new(), held, "k").await.unwrap();
        let after = connection(&emulator);
        assert_eq!(
            (after.username.as_str(), after.password.as_str(), after.embeds, &after.server, &after.way),
            ("new", "CANARYnew", true, &before.server, &before.way)
        );
        let job = trials.begin(PLACE, "k").await.unwrap();
        let failed = over(trials, &job).await;
        assert!(
            matches!(&failed, Outcome::Fails(why) if why.contains(&job) && !why.contains("CANARY")),
            "{failed:?}"
        );
        let codes: Vec<u8> = jobs(&emulator).iter().map(|job| job.code).collect();
        assert!(codes == [0, 1] || codes == [1, 0], "{codes:?}");
        assert_eq!(sign_ins(&emulator), 1);
    }
}

#[tokio::test]
async fn what_became_of_a_request_is_what_is_said_of_it() {
    let own = [(What::Status(400), "refused 400 ", 0)];
    for (what, expected, effects) in FATES.into_iter().chain(own) {
        meets(calm(), (PLACE, new()), what, (expected, effects)).await;
    }
}

#[tokio::test]
async fn a_refresh_whose_answer_is_lost_is_lost_and_one_that_is_queued_is_not_sent() {
    let (emulator, consumer) = world(
        {
            let mut switches = Switches::default();
            switches.tableau.refresh_ms = 600_000;
            switches
        },
        |_| {},
    );
    let trials = consumer.trials().unwrap();
    consumer.read(PLACE).await.unwrap();
    emulator.set_faults(Faults::one(When::NthChange(1), What::ResetAfter));
    assert_eq!(class(trials.begin(PLACE, "k").await), "lost");
    assert_eq!(jobs(&emulator).len(), 1);
    let again = trials.begin(PLACE, "k").await;
    let queued = again.as_ref().unwrap_err().to_string();
    assert!(class(again) == "not sent" && queued.contains("queued already"), "{queued}");
    emulator.edit(|tenant| tenant.tableau.jobs.values_mut().for_each(|job| job.ends_ms = 0));
    let job = trials.begin(PLACE, "k").await.unwrap();
    assert!(matches!(trials.outcome(PLACE, &job).await.unwrap(), Outcome::UnderWay(_)));
    emulator.edit(|tenant| tenant.tableau.jobs.clear());
    // What is not there any more is begun anew.
    assert!(matches!(trials.outcome(PLACE, &job).await.unwrap(), Outcome::Fails(_)));
    for odd in ["", "..", "a/b", "é"] {
        let so_far = emulator.requests().len();
        assert!(trials.outcome(PLACE, odd).await.is_err());
        assert_eq!(emulator.requests().len(), so_far);
    }
}

/// Where it is said, nothing is sent; where it is not, the refusal says it.
#[tokio::test]
async fn what_has_no_extract_is_for_a_person() {
    for tells in [true, false] {
        let mut switches = Switches::default();
        switches.tableau.tells_extracts = tells;
        let live =
            |tenant: &mut Tenant| tenant.tableau.contents.values_mut().for_each(|one| one.extract = false);
        let (emulator, consumer) = world(switches, live);
        let error = consumer.trials().unwrap().begin(PLACE, "k").await.unwrap_err().to_string();
        assert!(error.contains("open it in Tableau") && error.contains("--skip"), "{error}");
        let changes = emulator.requests().iter().filter(|request| request.changing).count();
        assert_eq!((changes, jobs(&emulator).len()), (usize::from(!tells), 0));
    }
}

#[tokio::test]
async fn an_end_that_no_page_explains_is_no_proof() {
    let mut switches = Switches::default();
    switches.tableau.finish_code = 3;
    let (_emulator, consumer) = world(switches, |_| {});
    let trials = consumer.trials().unwrap();
    let job = trials.begin(PLACE, "k").await.unwrap();
    assert!(matches!(over(trials, &job).await, Outcome::Unknown(why) if why.contains("Some(3)")));
}

/// Another program signs in with the same token, and so ends the session.
#[tokio::test]
async fn a_session_that_somebody_ended_is_begun_anew_and_a_change_is_still_sent_once() {
    let (emulator, consumer) = calm();
    let secret = emulator.tenant().tableau.tokens["portcullis"].clone();
    let other = open(&emulator, &secret);
    let held = consumer.read(PLACE).await.unwrap();
    other.read(PLACE).await.unwrap();
    consumer.write(PLACE, new(), held, "k").await.unwrap();
    assert_eq!((connection(&emulator).username.as_str(), sign_ins(&emulator)), ("new", 3));
    other.read(PLACE).await.unwrap();
    let took = emulator.requests().iter().filter(|request| request.changing && request.took_effect).count();
    assert_eq!((took, sign_ins(&emulator), emulator.tenant().tableau.sessions.len()), (1, 4, 1));
}

#[tokio::test]
async fn places_stay_segments_and_what_is_not_there_is_told() {
    let (emulator, consumer) = calm();
    assert_eq!(class(consumer.read("datasources/other/connections/c").await), "refused 404 404004");
    assert_eq!(class(consumer.read(&format!("{CONTENT}/connections/other")).await), "refused 0 ");
    let so_far = emulator.requests().len();
    for place in
        ["", "..", "datasources/a/connections", "datasources/a%2Fb/connections/c", "sites/a/connections/c"]
    {
        assert_eq!(class(consumer.read(place).await), "refused 0 ", "{place:?}");
        assert_eq!(class(consumer.trials().unwrap().begin(place, "k").await), "refused 0 ", "{place:?}");
    }
    assert_eq!(emulator.requests().len(), so_far);
}

#[tokio::test]
async fn two_connections_of_one_workbook_are_told_apart() {
    let (emulator, consumer) = calm();
    emulator.edit(|tenant| {
        let other = Connection { username: "other".to_owned(), ..Connection::default() };
        let own = tenant.tableau.contents[CONTENT].connections["c0-88102"].clone();
        let connections = [("a".to_owned(), other), ("b".to_owned(), own)].into();
        let content = Content { extract: true, connections, ..Content::default() };
        tenant.tableau.contents.insert("workbooks/w".to_owned(), content);
    });
    let held = consumer.read("workbooks/w/connections/b").await.unwrap();
    consumer.write("workbooks/w/connections/b", new(), held, "k").await.unwrap();
    let connections = &emulator.tenant().tableau.contents["workbooks/w"].connections;
    assert_eq!((connections["a"].username.as_str(), connections["b"].username.as_str()), ("other", "new"));
    let why = consumer.hindrance("workbooks/w/connections/a").await.unwrap();
    assert!(why.is_some_and(|why| why.contains("embedPassword")));
}

#[tokio::test]
async fn doctor_tells_a_token_that_is_not_taken() {
    let (emulator, consumer) = calm();
    assert_eq!(consumer.check().await.remove(0).state, CheckState::Works);
    assert!(emulator.requests().iter().all(|request| !request.changing));
    let wrong = open(&emulator, "CANARYwrong");
    let check = wrong.check().await.remove(0);
    assert!(check.state == CheckState::Missing && !check.note.contains("CANARY"), "{check:?}");
    assert!(check.note.contains("401001") || check.note.contains("Error signing in"), "{check:?}");
    // What is refused there is not taken for something that is not there, and nothing of a change has left.
    assert_eq!(class(wrong.read(PLACE).await), "refused 401 401001");
    let held = consumer.read(PLACE).await.unwrap();
    assert_eq!(class(wrong.write(PLACE, new(), held, "k").await), "not sent");
    assert!(emulator.requests().iter().all(|request| !request.changing));
}
