use std::time::Duration;

use super::super::Switches;
use super::*;
use crate::event::time::Timestamp;

fn ask(tenant: &mut Tenant, token: &str, (method, path): (&str, &str), body: &Value) -> (u16, Value) {
    let switches = Switches::default();
    let wall = Timestamp { nanos: 1_792_803_720_000_000_000, digits: 3 };
    let moment = Moment { now: Duration::ZERO, wall, switches: &switches };
    let bearer = format!("Bearer {token}");
    let request = Request::new(method, path).with_header("authorization", &bearer).with_json(body);
    let answer = Census.handle(tenant, &request, &moment);
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn tenant() -> (Tenant, String) {
    let mut tenant = Tenant::example(7);
    Census.example(&mut tenant);
    let token = tenant.census.token.clone();
    (tenant, token)
}

#[test]
fn a_change_sets_what_it_names_and_nothing_where_it_is_no_change() {
    let (mut tenant, token) = tenant();
    let one = "/api/v1/syncs/15135";
    let before = tenant.census.syncs[&15_135].clone();
    let (status, answer) = ask(&mut tenant, &token, ("PATCH", one), &json!({ "paused": true }));
    assert_eq!((status, &answer["data"]["paused"]), (200, &json!(true)));
    let after = tenant.census.syncs[&15_135].clone();
    assert_eq!((after.paused, after.label), (true, before.label));
    for body in [json!({ "paused": "false" }), json!({ "paused": false, "label": 1 }), json!([1])] {
        assert_eq!(ask(&mut tenant, &token, ("PATCH", one), &body).0, 422);
    }
    assert!(tenant.census.syncs[&15_135].paused);
    assert_eq!(ask(&mut tenant, &token, ("GET", "/api/v1/syncs/1"), &Value::Null).0, 404);
}

#[test]
fn runs_come_in_the_order_that_is_asked_for() {
    let (mut tenant, token) = tenant();
    let run = Run { status: "working".to_owned(), canceled: false };
    tenant.census.syncs.get_mut(&15_135).unwrap().runs.insert(151_351, run);
    let mut first = |query: &str| {
        let path = format!("/api/v1/syncs/15135/sync_runs?per_page=1{query}");
        ask(&mut tenant, &token, ("GET", &path), &Value::Null).1["data"].clone()
    };
    assert_eq!(first("&order=desc")[0]["status"], "working");
    assert_eq!(
        (first("")[0]["status"].clone(), first("").as_array().unwrap().len()),
        (json!("completed"), 1)
    );
}

#[test]
fn nobody_gets_in_without_the_token() {
    let (mut tenant, token) = tenant();
    let list = ("GET", "/api/v1/syncs");
    assert_eq!(ask(&mut tenant, &token, list, &Value::Null).0, 200);
    assert_eq!(ask(&mut tenant, "other", list, &Value::Null).0, 401);
    tenant.census.token.clear();
    assert_eq!(ask(&mut tenant, "", list, &Value::Null).0, 401);
}
