use std::time::Duration;

use proptest::prelude::*;

use super::super::Switches;
use super::*;
use crate::event::time::Timestamp;

const SECRET: &str = "/v1/projects/acme-analytics/secrets/etl";

fn ask(tenant: &mut Tenant, millis: u64, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let token = tenant.gcp.tokens.keys().next().cloned().unwrap_or_default();
    let request = Request::new(method, target).with_header("authorization", &format!("Bearer {token}"));
    let request = if body.is_null() { request } else { request.with_json(body) };
    let mut switches = Switches::default();
    switches.gcp.latest_lag_ms = 500;
    let (now, wall) = (Duration::from_millis(millis), Timestamp { nanos: 0, digits: 0 });
    let answer = Gcp.handle(tenant, &request, &Moment { now, wall, switches: &switches });
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

fn tenant() -> Tenant {
    let mut tenant = Tenant::example(3);
    tenant.gcp = State::with(&mut tenant.draws, &[("etl".to_owned(), json!({"username": "a"}))]);
    tenant
}

fn add(tenant: &mut Tenant, millis: u64, text: &str, crc: &str) -> (u16, Value) {
    let body = json!({"payload": {"data": STANDARD.encode(text), "dataCrc32c": crc}});
    ask(tenant, millis, "POST", &format!("{SECRET}:addVersion"), &body)
}

#[test]
fn a_version_is_accessed_by_number_at_once_and_as_the_latest_later() {
    let mut tenant = tenant();
    let (status, added) = add(&mut tenant, 1000, "123456789", "3808858755");
    assert_eq!((status, &added["state"]), (200, &json!("ENABLED")));
    assert_eq!(added["name"], "projects/acme-analytics/secrets/etl/versions/2");
    for (name, millis, number) in [("2", 1000, 2), ("latest", 1400, 1), ("latest", 1500, 2)] {
        let (_, got) =
            ask(&mut tenant, millis, "GET", &format!("{SECRET}/versions/{name}:access"), &Value::Null);
        assert!(got["name"].as_str().unwrap().ends_with(&format!("/versions/{number}")), "{name} {millis}");
    }
    let (status, refused) = add(&mut tenant, 0, "123456789", "1");
    assert_eq!((status, &refused["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
}

#[test]
fn a_disabled_version_is_not_accessed() {
    let mut tenant = tenant();
    let version = format!("{SECRET}/versions/1");
    let (_, shut) = ask(&mut tenant, 0, "POST", &format!("{version}:disable"), &json!({}));
    assert_eq!(shut["state"], "DISABLED");
    let (status, refused) = ask(&mut tenant, 0, "GET", &format!("{version}:access"), &Value::Null);
    assert_eq!((status, &refused["error"]["status"]), (400, &json!("FAILED_PRECONDITION")));
    assert_eq!(tenant.gcp.secrets["etl"].holds(), None);
    ask(&mut tenant, 0, "POST", &format!("{version}:enable"), &json!({}));
    assert_eq!(ask(&mut tenant, 0, "GET", &version, &Value::Null).1["state"], "ENABLED");
}

#[test]
fn permissions_are_asked_for_without_any() {
    let mut tenant = tenant();
    let body = json!({"permissions": ["secretmanager.versions.add", "secretmanager.versions.destroy"]});
    let (_, has) = ask(&mut tenant, 0, "POST", &format!("{SECRET}:testIamPermissions"), &body);
    assert_eq!(has, json!({"permissions": ["secretmanager.versions.add"]}));
    let (_, none) = ask(&mut tenant, 0, "POST", &format!("{SECRET}x:testIamPermissions"), &body);
    assert_eq!(none, json!({}));
    tenant.gcp.tokens.values_mut().for_each(Vec::clear);
    let (status, refused) = ask(&mut tenant, 0, "GET", &format!("{SECRET}/versions/1:access"), &Value::Null);
    assert_eq!((status, &refused["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
    tenant.gcp.tokens.clear();
    assert_eq!(ask(&mut tenant, 0, "GET", SECRET, &Value::Null).0, 401);
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        method in "GET|POST|PATCH|DELETE",
        tail in "(:addVersion|:\\PC{0,9}|)(/versions/(latest|1|-1|99999999999999999999|\\PC{0,4})(:(access|disable|\\PC{0,5}))?)?",
        data in prop_oneof![Just(Value::Null), Just(json!("e30=")), Just(json!("%")), Just(json!(7))],
        crc in prop_oneof![Just(Value::Null), Just(json!("-1")), Just(json!(1.5))],
    ) {
        let mut tenant = tenant();
        let body = json!({"payload": {"data": data, "dataCrc32c": crc}});
        let (status, _) = ask(&mut tenant, 5, &method, &format!("{SECRET}{tail}"), &body);
        prop_assert!((200..500).contains(&status));
    }
}
