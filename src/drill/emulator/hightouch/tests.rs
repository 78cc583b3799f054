use std::time::Duration;

use super::*;
use crate::event::time::Timestamp;

const ONE: &str = "/api/v1/syncs/1127166";

fn ask(tenant: &mut Tenant, switches: &Switches, method: &str, body: &Value) -> (u16, Value) {
    let wall = Timestamp { nanos: 1_792_803_720_000_000_000, digits: 3 };
    let moment = Moment { now: Duration::ZERO, wall, switches };
    let bearer = format!("Bearer {}", tenant.hightouch.key);
    let request = Request::new(method, ONE).with_header("authorization", &bearer).with_json(body);
    let answer = Hightouch.handle(tenant, &request, &moment);
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn tenant() -> Tenant {
    let mut tenant = Tenant::example(7);
    Hightouch.example(&mut tenant);
    tenant
}

#[test]
fn a_change_sets_what_it_names_and_nothing_where_it_is_no_change() {
    let (mut tenant, switches) = (tenant(), Switches::default());
    let (status, sync) = ask(&mut tenant, &switches, "PATCH", &json!({ "disabled": true }));
    assert_eq!((status, &sync["disabled"], &sync["id"]), (200, &json!(true), &json!("1127166")));
    for body in [json!({ "disabled": 0 }), json!([true]), Value::Null] {
        assert_eq!(ask(&mut tenant, &switches, "PATCH", &body).0, 422);
    }
    assert!(tenant.hightouch.syncs[&1_127_166].disabled);
    assert_eq!(ask(&mut tenant, &switches, "PATCH", &json!({})).0, 200);
    assert!(tenant.hightouch.syncs[&1_127_166].disabled);
}

#[test]
fn what_the_reference_leaves_open_is_a_switch() {
    let mut tenant = tenant();
    let sync = tenant.hightouch.syncs.get_mut(&1_127_166).unwrap();
    (sync.disabled, sync.run) = (true, "processing".to_owned());
    let mut switches = Switches::default();
    assert_eq!(ask(&mut tenant, &switches, "GET", &Value::Null).1["status"], "processing");
    (switches.hightouch.numbers, switches.hightouch.hides_runs) = (true, true);
    let sync = ask(&mut tenant, &switches, "GET", &Value::Null).1;
    assert_eq!((&sync["status"], &sync["id"]), (&json!("disabled"), &json!(1_127_166)));
}

#[test]
fn nobody_gets_in_without_the_key() {
    let (mut tenant, switches) = (tenant(), Switches::default());
    tenant.hightouch.key.clear();
    assert_eq!(ask(&mut tenant, &switches, "GET", &Value::Null).0, 401);
}
