//! Flows of every kind against their emulated services: there and back, each fault, and answers that are none of theirs.

use std::sync::Arc;

use portcullis::config::{Settings as Keys, Value};
use portcullis::drill::emulator::{
    Client, Emulator, Faults, Flow, SERVICES, Service, Switches, Tenant, What, When,
};
use portcullis::lockdown::consumer::Opening;
use portcullis::lockdown::flow::{FLOWS, Flows, kind};
use portcullis::lockdown::provider::{CheckState, OpenError};

use super::emulated::{FATES, keys, transport};
use super::hostile::{BODIES, server};
use super::lambda::class;
use super::moto::Moto;

/// Opens one of this kind at this address.
pub(crate) fn open(
    name: &str,
    base: &str,
    credential: &str,
    settings: Keys,
) -> Result<Arc<dyn Flows>, OpenError> {
    (kind(name).unwrap().open)(Opening {
        name: name.to_owned(),
        settings,
        credential: credential.into(),
        transport: transport(base),
    })
}

struct World {
    emulator: Emulator,
    service: &'static dyn Service,
    client: Client,
    flows: Arc<dyn Flows>,
    /// The first that runs.
    flow: String,
}

impl World {
    fn new(kind: &str) -> Self {
        let with = |service: &&'static dyn Service| {
            let mut tenant = Tenant::example(5);
            service.example(&mut tenant);
            let client = service.client(kind, &tenant, "http://127.0.0.1")?;
            (!service.flows(&tenant).is_empty()).then_some((*service, tenant, client))
        };
        let found = SERVICES.iter().find_map(with);
        let (service, tenant, client) = found.unwrap_or_else(|| panic!("{kind} is not emulated"));
        let flow = service.flows(&tenant).into_iter().find(|flow| flow.runs).unwrap().name;
        let emulator = Emulator::start(tenant, Switches::default(), Faults::default()).unwrap();
        let base = format!("{}{}", emulator.base_url(service.name()), client.path);
        let flows = open(kind, &base, &client.credential, keys(&client)).unwrap();
        Self { emulator, service, client, flows, flow }
    }

    fn all(&self) -> Vec<Flow> {
        self.service.flows(&self.emulator.tenant())
    }

    fn effects(&self) -> usize {
        let requests = self.emulator.requests();
        requests.iter().filter(|request| request.changing && request.took_effect).count()
    }
}

#[tokio::test]
async fn a_flow_is_stopped_by_one_request_alone_and_goes_on_as_it_was() {
    for kind in FLOWS {
        let world = World::new(kind.spec.name);
        let (before, flow) = (world.all(), world.flow.as_str());
        let was = world.flows.look(flow).await.unwrap();
        assert!(!was.stopped && !was.state.is_null(), "{}: {was:?}", kind.spec.name);
        world.flows.stop(flow, was.clone(), "k1").await.unwrap();
        let mut stopped = before.clone();
        stopped.iter_mut().filter(|own| own.name == flow).for_each(|own| own.runs = false);
        assert_eq!((world.all(), world.effects()), (stopped, 1));
        let now = world.flows.look(flow).await.unwrap();
        assert!(now.stopped && now.state != was.state, "{}: {now:?}", kind.spec.name);
        assert_eq!(world.flows.under_way(flow).await.unwrap(), None);
        world.flows.resume(flow, &was.state, now, "k2").await.unwrap();
        let now = world.flows.look(flow).await.unwrap();
        assert_eq!((now.state, now.stopped, world.all(), world.effects()), (was.state, false, before, 2));
    }
}

#[tokio::test]
async fn what_became_of_a_request_is_what_is_said_of_it() {
    for kind in FLOWS {
        let own = [(What::Status(403), "refused 403 ", 0)];
        for (what, expected, effects) in FATES.into_iter().chain(own) {
            let world = World::new(kind.spec.name);
            let now = world.flows.look(&world.flow).await.unwrap();
            world.emulator.set_faults(Faults::one(When::NthChange(1), what));
            let told = class(world.flows.stop(&world.flow, now, "k").await);
            assert_eq!((told.as_str(), world.effects()), (expected, effects), "{}: {what}", kind.spec.name);
            assert!(world.emulator.trapped().is_empty());
        }
    }
}

#[tokio::test]
async fn no_answer_is_taken_for_what_it_is_not() {
    for kind in FLOWS {
        let world = World::new(kind.spec.name);
        for status in ["200 OK", "401 Unauthorized", "403 Forbidden", "404 Not Found"] {
            for body in BODIES {
                let credential = &world.client.credential;
                let flows =
                    open(kind.spec.name, &server(status, body), credential, keys(&world.client)).unwrap();
                for told in [
                    flows.look(&world.flow).await.map(|now| now.stopped.to_string()),
                    flows.under_way(&world.flow).await.map(|_| String::new()),
                ] {
                    let told = told.unwrap_or_else(|error| error.to_string());
                    assert_ne!(told, "true", "{} given {status} {body}", kind.spec.name);
                    // A refusal is told in the vendor's words.
                    assert!(!told.contains("CANARY") || status != "200 OK", "{told}");
                    assert!(!told.contains(char::is_control), "{told}");
                }
            }
        }
    }
}

#[tokio::test]
async fn names_that_are_none_are_not_sent() {
    for kind in FLOWS {
        let world = World::new(kind.spec.name);
        for name in ["", ".", "..", "a/../b", "a\nb", "%2e%2e", "\u{202e}", &"x".repeat(300)] {
            let error = world.flows.look(name).await.unwrap_err();
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
        let sent = world.emulator.requests();
        assert!(sent.iter().all(|request| !request.path.contains("..")), "{sent:?}");
        assert!(world.flows.look("404").await.is_err(), "{}", kind.spec.name);
    }
}

#[tokio::test]
async fn doctor_tells_a_credential_that_is_not_taken() {
    for kind in FLOWS {
        let world = World::new(kind.spec.name);
        let states = async |flows: &Arc<dyn Flows>| {
            flows.check().await.into_iter().map(|check| check.state).collect::<Vec<CheckState>>()
        };
        assert!(states(&world.flows).await.contains(&CheckState::Works), "{}", kind.spec.name);
        let base = format!("{}{}", world.emulator.base_url(world.service.name()), world.client.path);
        let wrong = format!("{}x", world.client.credential);
        let wrong = open(kind.spec.name, &base, &wrong, keys(&world.client)).unwrap();
        assert!(states(&wrong).await.contains(&CheckState::Missing), "{}", kind.spec.name);
        assert_eq!(world.emulator.requests().iter().filter(|request| request.changing).count(), 0);
    }
}

fn of_moto(moto: &Moto, key: &str) -> Arc<dyn Flows> {
    let region = ("region", Value::Text("us-east-1".to_owned()));
    open("aws-iam", moto.base(), key, [region].into_iter().collect()).unwrap()
}

/// A program that nobody here wrote keeps what it is given, and gives it back.
#[tokio::test]
async fn moto_denies_everything_to_a_role_and_lets_it_go_on() {
    // It works out a signature from a form that it encodes anew, an asterisk in another way.
    let Some(moto) = Moto::without_signatures().await else { return };
    let flows = of_moto(&moto, moto.key());
    let was = flows.look("job").await.unwrap();
    assert!(!was.stopped, "{was:?}");
    flows.stop("job", was.clone(), "k1").await.unwrap();
    assert!(moto.policies("job").await.contains("PortcullisPause"));
    let now = flows.look("job").await.unwrap();
    assert!(now.stopped, "{now:?}");
    flows.resume("job", &was.state, now, "k2").await.unwrap();
    assert!(!moto.policies("job").await.contains("PortcullisPause"));
    assert_eq!(flows.look("job").await.unwrap(), was);
    assert_eq!(class(flows.look("other").await), "refused 404 NoSuchEntity");
}

#[tokio::test]
async fn moto_takes_the_signature_and_refuses_a_wrong_one() {
    let Some(moto) = Moto::start().await else { return };
    assert!(!of_moto(&moto, moto.key()).look("job").await.unwrap().stopped);
    for wrong in [moto.wrong_key().as_str(), "AKIAUNKNOWN:CANARYx"] {
        assert!(class(of_moto(&moto, wrong).look("job").await).starts_with("refused 403"));
    }
}

#[tokio::test]
async fn a_dataset_that_somebody_changed_in_between_is_not_written_over() {
    let world = World::new("bigquery");
    let name = world.flow.rsplit('.').next().unwrap();
    let now = world.flows.look(&world.flow).await.unwrap();
    let theirs = world.emulator.edit(|tenant| {
        let dataset = tenant.bigquery.datasets.get_mut(name).unwrap();
        dataset.set(dataset.access.iter().skip(1).cloned().collect());
        dataset.access.clone()
    });
    assert_eq!(class(world.flows.stop(&world.flow, now, "k").await), "not sent");
    assert_eq!(world.emulator.tenant().bigquery.datasets[name].access, theirs);
}
