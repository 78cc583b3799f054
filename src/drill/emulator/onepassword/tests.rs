use std::time::Duration;

use proptest::prelude::*;

use super::super::Switches;
use super::*;
use crate::event::time::Timestamp;

fn ask(tenant: &mut Tenant, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let token = tenant.onepassword.tokens.keys().next().cloned().unwrap_or_default();
    let request = Request::new(method, target).with_header("authorization", &format!("Bearer {token}"));
    let request = if body.is_null() { request } else { request.with_json(body) };
    let switches = Switches::default();
    let wall = Timestamp { nanos: 0, digits: 0 };
    let answer = Connect.handle(tenant, &request, &Moment { now: Duration::ZERO, wall, switches: &switches });
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// A tenant, and the address of its only item.
fn tenant() -> (Tenant, String) {
    let mut tenant = Tenant::example(3);
    let entries = [("etl".to_owned(), json!({"username": "a", "secret": "CANARY"}))];
    tenant.onepassword = State::with(&mut tenant.draws, &entries);
    let (vault, held) = tenant.onepassword.vaults.iter().next().unwrap();
    let item = held.items.keys().next().unwrap();
    let path = format!("/v1/vaults/{vault}/items/{item}");
    (tenant, path)
}

#[test]
fn items_are_found_by_their_title_and_patched_by_the_identifiers_of_fields() {
    let (mut tenant, path) = tenant();
    let list = path.rsplit_once('/').unwrap().0.to_owned();
    let (status, found) =
        ask(&mut tenant, "GET", &format!("{list}?filter=title%20eq%20%22etl%22"), &Value::Null);
    assert_eq!((status, found.as_array().map(Vec::len), &found[0]["fields"]), (200, Some(1), &Value::Null));
    assert_eq!(
        ask(&mut tenant, "GET", &format!("{list}?filter=title%20eq%20%22x%22"), &Value::Null).1,
        json!([])
    );
    let (_, item) = ask(&mut tenant, "GET", &path, &Value::Null);
    let secret = item["fields"].as_array().unwrap().iter().find(|field| field["label"] == "secret").unwrap();
    let id = secret["id"].as_str().unwrap();
    let patch = json!([
        {"op": "replace", "path": format!("/fields/{id}/value"), "value": "CANARY2"},
        {"op": "add", "path": "/fields", "value": {"label": "secret", "type": "string", "value": "x"}},
    ]);
    let (status, item) = ask(&mut tenant, "PATCH", &path, &patch);
    assert_eq!((status, &item["version"]), (200, &json!(2)));
    let held = tenant.onepassword.vaults.values().next().unwrap().items.values().next().unwrap();
    assert_eq!((held.value("secret"), held.fields.len()), (Some("CANARY2"), 3));
}

#[test]
fn a_patch_is_done_whole_or_not_at_all() {
    let (mut tenant, path) = tenant();
    let before = ask(&mut tenant, "GET", &path, &Value::Null);
    let patch =
        json!([{"op": "replace", "path": "/title", "value": "b"}, {"op": "remove", "path": "/fields/none"}]);
    assert_eq!(
        ask(&mut tenant, "PATCH", &path, &patch),
        (400, json!({"status": 400, "message": "Field not found"}))
    );
    assert_eq!(ask(&mut tenant, "GET", &path, &Value::Null), before);
}

#[test]
fn a_token_reaches_its_vaults_alone() {
    let (mut tenant, path) = tenant();
    tenant
        .onepassword
        .tokens
        .values_mut()
        .for_each(|rights| rights.values_mut().for_each(|may| *may = false));
    assert_eq!(ask(&mut tenant, "GET", &path, &Value::Null).0, 200);
    assert_eq!(ask(&mut tenant, "DELETE", &path, &Value::Null).0, 403);
    tenant.onepassword.tokens.values_mut().for_each(BTreeMap::clear);
    assert_eq!(ask(&mut tenant, "GET", &path, &Value::Null).0, 404);
    tenant.onepassword.tokens.clear();
    let refused = json!({"status": 401, "message": "Invalid token signature"});
    assert_eq!(ask(&mut tenant, "GET", &path, &Value::Null), (401, refused));
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        method in "GET|POST|PATCH|DELETE|PUT",
        tail in "|/items|/items/(x|%00)|/items\\?filter=\\PC{0,20}|/\\PC{0,20}",
        op in "add|remove|replace|\\PC{0,4}",
        pointer in "/fields(/\\PC{0,5}(/(value|label|x))?)?|/title|/|\\PC{0,9}",
        value in prop_oneof![Just(Value::Null), Just(json!({"label": 7})), Just(json!("x")), Just(json!([[]]))],
    ) {
        let (mut tenant, path) = tenant();
        let vault = path.split("/items").next().unwrap().to_owned();
        let body = json!([{"op": op, "path": pointer, "value": value}]);
        for target in [format!("{vault}{tail}"), path] {
            let (status, _) = ask(&mut tenant, &method, &target, &body);
            prop_assert!((200..500).contains(&status));
        }
    }
}
