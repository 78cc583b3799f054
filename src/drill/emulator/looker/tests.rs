use std::time::Duration;

use super::super::Switches;
use super::*;
use crate::event::time::Timestamp;

fn ask(tenant: &mut Tenant, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let switches = Switches::default();
    let wall = Timestamp { nanos: 1_792_803_720_000_000_000, digits: 3 };
    let moment = Moment { now: Duration::ZERO, wall, switches: &switches };
    let token = format!("token {}", tenant.looker.token);
    let request = Request::new(method, path).with_header("authorization", &token).with_json(body);
    let answer = Looker.handle(tenant, &request, &moment);
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn tenant() -> Tenant {
    let mut tenant = Tenant::example(7);
    Looker.example(&mut tenant);
    tenant
}

const ONE: &str = "/api/4.0/connections/bi%2088102";

#[test]
fn a_change_sets_what_it_names_and_no_answer_has_the_password() {
    let mut tenant = tenant();
    let before = tenant.looker.connections["bi 88102"].clone();
    let (status, shown) = ask(&mut tenant, "GET", ONE, &Value::Null);
    assert_eq!((status, shown["username"].as_str()), (200, Some(before.username.as_str())));
    assert!(!shown.to_string().contains("CANARY"));
    let (status, shown) = ask(&mut tenant, "PATCH", ONE, &json!({ "password": "CANARYnew" }));
    assert!(status == 200 && !shown.to_string().contains("CANARY"), "{shown}");
    let after = &tenant.looker.connections["bi 88102"];
    assert_eq!((&after.username, after.password.as_str()), (&before.username, "CANARYnew"));
    for (body, status) in [(json!({ "username": 1 }), 422), (json!([1]), 400)] {
        assert_eq!(ask(&mut tenant, "PATCH", ONE, &body).0, status);
    }
    assert_eq!(ask(&mut tenant, "GET", "/api/4.0/connections/other", &Value::Null).0, 404);
    assert_eq!(tenant.looker.connections["bi 88102"].username, before.username);
}

#[test]
fn a_test_says_whether_it_gets_in_and_changes_nothing() {
    let mut tenant = tenant();
    let path = format!("{ONE}/test?tests=connect");
    assert!(!Looker.changes(&Request::new("PUT", &path)) && Looker.changes(&Request::new("PATCH", ONE)));
    let status = |tenant: &mut Tenant| ask(tenant, "PUT", &path, &Value::Null).1[0]["status"].clone();
    assert_eq!(status(&mut tenant), "success");
    tenant.looker.connections.get_mut("bi 88102").unwrap().password.push('x');
    assert_eq!(status(&mut tenant), "error");
    assert_eq!(ask(&mut tenant, "PUT", &format!("{ONE}/test?tests=query"), &Value::Null).1, json!([]));
}

#[test]
fn nobody_gets_in_without_the_token() {
    for token in ["", "other"] {
        let mut tenant = tenant();
        let right = std::mem::replace(&mut tenant.looker.token, token.to_owned());
        let request = Request::new("GET", ONE).with_header("authorization", &format!("token {right}"));
        let switches = Switches::default();
        let wall = Timestamp { nanos: 0, digits: 3 };
        let moment = Moment { now: Duration::ZERO, wall, switches: &switches };
        assert_eq!(Looker.handle(&mut tenant, &request, &moment).status, 401);
    }
}
