use std::time::Duration;

use proptest::prelude::*;

use super::super::Switches;
use super::*;
use crate::event::time::Timestamp;

fn ask(tenant: &mut Tenant, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let token = tenant.azure.tokens.keys().next().cloned().unwrap_or_default();
    let sign = if target.contains('?') { '&' } else { '?' };
    let target = format!("{target}{sign}api-version=7.4");
    let request = Request::new(method, &target).with_header("authorization", &format!("Bearer {token}"));
    let request = if body.is_null() { request } else { request.with_json(body) };
    let switches = Switches::default();
    let wall = Timestamp { nanos: 1_800_000_000_000_000_000, digits: 0 };
    let answer = Azure.handle(tenant, &request, &Moment { now: Duration::ZERO, wall, switches: &switches });
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

fn tenant() -> Tenant {
    let mut tenant = Tenant::example(3);
    tenant.azure = State::with(&mut tenant.draws, &[("etl".to_owned(), json!({"username": "a"}))]);
    tenant
}

#[test]
fn the_newest_version_is_the_current_one_and_a_disabled_one_is_not_read() {
    let mut tenant = tenant();
    let (status, made) = ask(&mut tenant, "PUT", "/secrets/etl", &json!({"value": "{\"username\":\"b\"}"}));
    assert_eq!((status, &made["attributes"]["created"]), (200, &json!(1_800_000_000)));
    let id = made["id"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned();
    assert_eq!(ask(&mut tenant, "GET", "/secrets/etl", &Value::Null).1["value"], "{\"username\":\"b\"}");
    let (_, shut) =
        ask(&mut tenant, "PATCH", &format!("/secrets/etl/{id}"), &json!({"attributes": {"enabled": false}}));
    assert_eq!((&shut["attributes"]["enabled"], &shut["value"]), (&json!(false), &Value::Null));
    for target in ["/secrets/etl".to_owned(), format!("/secrets/etl/{id}")] {
        let (status, refused) = ask(&mut tenant, "GET", &target, &Value::Null);
        assert_eq!((status, &refused["error"]["innererror"]["code"]), (403, &json!("SecretDisabled")));
    }
    let (status, refused) = ask(&mut tenant, "GET", "/secrets/other", &Value::Null);
    assert_eq!((status, &refused["error"]["code"]), (404, &json!("SecretNotFound")));
}

#[test]
fn versions_come_in_pages() {
    let mut tenant = tenant();
    for _ in 0..60 {
        ask(&mut tenant, "PUT", "/secrets/etl", &json!({"value": "{}"}));
    }
    let (mut target, mut seen) = ("/secrets/etl/versions".to_owned(), 0);
    loop {
        let (_, page) = ask(&mut tenant, "GET", &target, &Value::Null);
        seen += page["value"].as_array().unwrap().len();
        let Some(link) = page["nextLink"].as_str() else { break };
        link.replace("api-version=7.4&", "").clone_into(&mut target);
    }
    assert_eq!(seen, 61);
}

#[test]
fn a_token_may_do_what_it_was_given() {
    let mut tenant = tenant();
    tenant.azure.tokens.values_mut().for_each(|rights| rights.retain(|right| right == "list"));
    for (method, target) in [("GET", "/secrets/etl"), ("PUT", "/secrets/etl")] {
        assert_eq!(ask(&mut tenant, method, target, &json!({"value": "{}"})).0, 403);
    }
    assert_eq!(ask(&mut tenant, "GET", "/secrets/etl/versions", &Value::Null).0, 200);
    tenant.azure.tokens.clear();
    assert_eq!(ask(&mut tenant, "GET", "/secrets/etl", &Value::Null).0, 401);
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        method in "GET|PUT|PATCH|DELETE",
        tail in "(/(versions|[0-9a-f]{32}|\\PC{0,5}))?(\\?\\$skiptoken=[-0-9a-z]{0,20})?",
        value in prop_oneof![Just(Value::Null), Just(json!("{}")), Just(json!(7)), "\\PC{0,20}".prop_map(Value::from)],
    ) {
        let mut tenant = tenant();
        let body = json!({"value": value, "tags": value, "attributes": value});
        let (status, _) = ask(&mut tenant, &method, &format!("/secrets/etl{tail}"), &body);
        prop_assert!((200..500).contains(&status));
    }
}
