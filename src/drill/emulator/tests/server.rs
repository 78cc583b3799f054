//! Records, hooks, limits, latency, stopping.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::super::attacker;
use super::super::core;
use super::super::switches::{AttackerSwitches, Limit, NetworkSwitches};
use super::*;
use crate::sys::clock::{self, Clock as _};

#[test]
fn every_request_is_on_record() {
    let emulator = start(Switches::default(), Faults::default());
    let before = emulator.tenant();
    let keyed = text("POST", ACCOUNTS, &tool(&emulator), CREATE);
    let keyed = keyed.replacen("host: x", "host: x\r\nIdempotency-Key: step-7", 1);
    assert_eq!(exchange(&emulator, &keyed).unwrap().status, 201);
    let refused =
        exchange(&emulator, "GET /mixpanel/api/app/me HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(refused.unwrap().status, 401);
    assert_eq!(exchange(&emulator, &text("GET", "/nowhere", "x", "")).unwrap().status, 404);
    let records = emulator.requests();
    let [made, refused, nowhere] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((made.number, made.service.as_str(), made.method.as_str()), (1, "mixpanel", "POST"));
    assert_eq!(made.path, "/api/app/organizations/90210/service-accounts");
    assert_eq!(made.idempotency_key.as_deref(), Some("step-7"));
    assert!(made.changing && made.took_effect && made.with_credentials && made.status == Some(201));
    assert!(!refused.changing && !refused.took_effect && !refused.with_credentials);
    assert!(nowhere.service.is_empty() && nowhere.status == Some(404));
    let differences = tenant::differences(&before, &emulator.tenant());
    assert!(!differences.is_empty());
    assert!(differences.iter().all(|line| line.starts_with("mixpanel.service_accounts.")), "{differences:?}");
}

#[test]
fn the_hook_comes_before_the_effect_and_may_ask() {
    let emulator = Arc::new(start(Switches::default(), Faults::one(When::Nth(2), What::Status(500))));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (asked, notes) = (Arc::downgrade(&emulator), Arc::clone(&seen));
    emulator.on_change(move |service, request| {
        let accounts = accounts(&asked.upgrade().unwrap());
        notes.lock().unwrap().push((service.to_owned(), request.method.clone(), accounts));
    });
    let before = accounts(&emulator);
    assert_eq!(create(&emulator).unwrap().status, 201);
    assert_eq!(create(&emulator).unwrap().status, 500);
    exchange(&emulator, &text("GET", ACCOUNTS, &tool(&emulator), "")).unwrap();
    let note = |accounts| ("mixpanel".to_owned(), "POST".to_owned(), accounts);
    assert_eq!(*seen.lock().unwrap(), [note(before), note(before + 1)]);
}

#[test]
fn a_request_takes_effect_though_its_client_has_gone() {
    let slow = NetworkSwitches { latency_ms: 150, ..NetworkSwitches::default() };
    let emulator = start(Switches { network: slow, ..Switches::default() }, Faults::default());
    let before = accounts(&emulator);
    let mut stream = connect(&emulator);
    stream.write_all(text("POST", ACCOUNTS, &tool(&emulator), CREATE).as_bytes()).unwrap();
    drop(stream);
    std::thread::sleep(Duration::from_millis(40));
    assert!(emulator.settle(Duration::from_secs(5)));
    assert_eq!(accounts(&emulator), before + 1);
    assert!(emulator.requests()[0].took_effect);
}

#[test]
fn half_a_request_is_none() {
    let emulator = start(Switches::default(), Faults::default());
    let whole = text("POST", ACCOUNTS, &tool(&emulator), CREATE);
    let mut stream = connect(&emulator);
    stream.write_all(&whole.as_bytes()[..whole.len() - 5]).unwrap();
    drop(stream);
    std::thread::sleep(Duration::from_millis(40));
    assert!(emulator.settle(Duration::from_secs(5)));
    assert!(emulator.requests().is_empty());
}

#[test]
fn latency_delays_and_its_jitter_repeats() {
    let network = NetworkSwitches { latency_ms: 60, jitter_ms: 30, seed: 5, ..NetworkSwitches::default() };
    let switches = Switches { network, ..Switches::default() };
    let delays = || {
        let wall = clock::System.now();
        let (tenant, faults) = (Tenant::example(7), Faults::default());
        let mut core = core::Core::new(tenant, switches.clone(), faults, wall, String::new());
        let request = Request::new("GET", "/");
        (0..20).map(|_| core.arrive(None, &request, Duration::ZERO).delay.as_millis()).collect::<Vec<_>>()
    };
    let drawn = delays();
    assert_eq!(drawn, delays());
    assert!(
        drawn.iter().all(|delay| (60..=90).contains(delay)) && drawn.iter().any(|delay| *delay != drawn[0])
    );
    let emulator = start(switches, Faults::default());
    let begun = Instant::now();
    create(&emulator).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(60));
}

#[test]
fn limits_refuse_and_say_when_to_come_back() {
    let limit = Limit { per_second: 0.1, burst: 2 };
    let limits = [("mixpanel".to_owned(), limit), ("okta".to_owned(), limit)].into();
    let network = NetworkSwitches { limits, ..NetworkSwitches::default() };
    let mut switches = Switches { network, ..Switches::default() };
    let emulator = start(switches.clone(), Faults::default());
    let before = accounts(&emulator);
    let statuses: Vec<u16> = (0..3).map(|_| create(&emulator).unwrap().status).collect();
    assert_eq!(statuses, [201, 201, 429]);
    assert_eq!(accounts(&emulator), before + 2);
    assert!(create(&emulator).unwrap().head.contains("\r\nretry-after: "));
    switches.network.retry_after = false;
    emulator.set_switches(switches);
    assert!(!create(&emulator).unwrap().head.contains("retry-after"));
    let okta: Vec<Got> =
        (0..3).map(|_| exchange(&emulator, &text("GET", "/okta/api/v1/users", "x", "")).unwrap()).collect();
    assert!(okta[0].head.contains("\r\nx-rate-limit-limit: 2\r\n"), "{}", okta[0].head);
    assert!(okta[0].head.contains("\r\nx-rate-limit-remaining: 1\r\n"));
    assert!(okta[2].status == 429 && okta[2].head.contains("x-rate-limit-reset: "));
    assert!(okta[2].head.contains("\r\ndate: ") && !okta[2].head.contains("retry-after"));
    assert_eq!(emulator.refused_by_limit(), 4);
}

#[test]
fn it_stops_when_dropped() {
    let emulator = start(Switches::default(), Faults::default());
    let address = emulator.base_url("").trim_start_matches("http://").trim_end_matches('/').to_owned();
    drop(emulator);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn the_attacker_acts_between_requests_until_he_cannot() {
    let awake = AttackerSwitches { every: 1, enough: 2 };
    let emulator = start(Switches { attacker: awake, ..Switches::default() }, Faults::default());
    let before = accounts(&emulator);
    for _ in 0..3 {
        create(&emulator).unwrap();
    }
    let tenant = emulator.tenant();
    assert_eq!(attacker::successes(&tenant, attacker::CREATE), 2);
    assert_eq!(accounts(&emulator), before + 5);
    assert!(attacker::successes(&tenant, attacker::EXPORT) > 0);
    assert!(emulator.audit_log().contains("203.0.113.66"));
}
