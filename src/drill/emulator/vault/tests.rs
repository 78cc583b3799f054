use std::borrow::Borrow;
use std::time::Duration;

use proptest::prelude::*;

use super::super::Switches;
use super::*;

const PATH: &str = "/v1/secret/data/mixpanel/loader";

fn state() -> State {
    let mut state = State::default();
    let root = Token { root: true, ..Token::new("root", "a1".to_owned(), &[], &[]) };
    state.tokens.insert("CANARYroot".to_owned(), root);
    let tool = Token::new("tool", "a2".to_owned(), &["secret/data/mixpanel/*"], &["create", "read"]);
    state.tokens.insert("CANARYtool".to_owned(), tool);
    state.mounts.insert("secret".to_owned(), Mount::default());
    state
}

fn at(state: &mut State, millis: u64, token: &str, request: Request) -> (u16, Value) {
    let switches = Switches::default();
    let now = Duration::from_millis(millis);
    let wall = Timestamp { nanos: 1_792_803_720_000_000_000, digits: 0 };
    let moment = Moment { now, wall, switches: &switches };
    let request = if token.is_empty() { request } else { request.with_header("X-Vault-Token", token) };
    let answer = reply(state, &request, &moment).answer(&mut Draws::new(1));
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

fn ask(state: &mut State, method: &str, target: &str, body: impl Borrow<Value>) -> (u16, Value) {
    let body = body.borrow();
    let mut request = Request::new(method, target);
    if method == "PATCH" {
        request.body = body.to_string().into_bytes();
        request = request.with_header("content-type", "application/merge-patch+json");
    } else if !body.is_null() {
        request = request.with_json(body);
    }
    at(state, 0, "CANARYroot", request)
}

fn errors(texts: &[&str]) -> Value {
    json!({ "errors": texts })
}

#[test]
fn an_unknown_token_is_refused_with_other_words_than_one_that_may_not() {
    let mut state = state();
    for token in ["", "CANARYother"] {
        let answer = at(&mut state, 0, token, Request::new("GET", PATH));
        assert_eq!(answer, (403, errors(&["permission denied"])));
    }
    for target in ["/v1/secret/data/other", "/v1/nomount/x", "/v1/secret/metadata/mixpanel/loader"] {
        let answer = at(&mut state, 0, "CANARYtool", Request::new("GET", target));
        assert_eq!(answer, (403, errors(&["1 error occurred:\n\t* permission denied\n\n"])), "{target}");
    }
    assert_eq!(at(&mut state, 0, "CANARYtool", Request::new("GET", PATH)), (404, errors(&[])));
    let bearer = Request::new("GET", PATH).with_header("Authorization", "Bearer CANARYtool");
    assert_eq!(at(&mut state, 0, "", bearer).0, 404);
}

#[test]
fn capabilities_are_those_of_the_longest_rule() {
    let mut state = state();
    let write = || Request::new("POST", PATH).with_json(&json!({"data": {"secret": "CANARY1"}}));
    assert_eq!(at(&mut state, 0, "CANARYtool", write()).0, 200);
    assert_eq!(at(&mut state, 0, "CANARYtool", write()).0, 403, "a second write is an update");
    let paths = json!({"paths": ["secret/data/mixpanel/loader", "secret/data/other"]});
    let ask = Request::new("POST", "/v1/sys/capabilities-self").with_json(&paths);
    assert!(!Vault.changes(&ask));
    let (status, body) = at(&mut state, 0, "CANARYtool", ask);
    assert_eq!(status, 200);
    assert_eq!(
        body["data"],
        json!({"secret/data/mixpanel/loader": ["create", "read"], "secret/data/other": ["deny"]})
    );
}

#[test]
fn a_token_can_look_at_itself_until_it_ends() {
    let mut state = state();
    state.tokens.get_mut("CANARYtool").unwrap().expires_ms = Some(60_000);
    let look = || Request::new("GET", "/v1/auth/token/lookup-self");
    let (status, body) = at(&mut state, 10_000, "CANARYtool", look());
    assert_eq!((status, &body["data"]["ttl"]), (200, &json!(50)));
    assert_eq!(body["data"]["expire_time"], "2026-10-24T01:02:50.000000000Z");
    assert_eq!(at(&mut state, 60_000, "CANARYtool", look()).0, 403);
    assert_eq!(at(&mut state, 0, "CANARYtool", Request::new("POST", "/v1/auth/token/revoke-self")).0, 204);
    assert_eq!(at(&mut state, 0, "CANARYtool", look()).0, 403);
}

#[test]
fn writes_make_versions_and_the_expected_one_is_checked() {
    let mut state = state();
    let data = json!({"data": {"username": "loader", "secret": "CANARY1", "region": "eu"}});
    let (status, body) = ask(&mut state, "POST", PATH, data);
    assert_eq!((status, &body["data"]["version"]), (200, &json!(1)));
    let mismatch = errors(&["check-and-set parameter did not match the current version"]);
    for cas in [json!(0), json!(-1), json!("7")] {
        let body = json!({"data": {"secret": "CANARY2"}, "options": {"cas": cas}});
        assert_eq!(ask(&mut state, "POST", PATH, body), (400, mismatch.clone()));
    }
    let body = json!({"data": {"secret": "CANARY2"}, "options": {"cas": "1.5"}});
    assert_eq!(
        ask(&mut state, "POST", PATH, body),
        (400, errors(&["error parsing check-and-set parameter"]))
    );
    let body = json!({"data": {"secret": "CANARY2", "username": null}, "options": {"cas": 1}});
    assert_eq!(ask(&mut state, "PATCH", PATH, body.clone()).0, 200);
    assert_eq!(ask(&mut state, "PATCH", PATH, body), (400, mismatch));
    let (_, body) = ask(&mut state, "GET", PATH, Value::Null);
    assert_eq!(body["data"]["data"], json!({"secret": "CANARY2", "region": "eu"}));
    let (_, body) = ask(&mut state, "GET", &format!("{PATH}?version=1"), Value::Null);
    assert_eq!(body["data"]["data"]["secret"], "CANARY1");
    for version in 3..=13 {
        let body = json!({"data": {"secret": format!("CANARY{version}")}, "options": {"cas": version - 1}});
        assert_eq!(ask(&mut state, "PUT", PATH, body).0, 200);
    }
    assert_eq!(ask(&mut state, "GET", &format!("{PATH}?version=3"), Value::Null), (404, errors(&[])));
    let (_, body) = ask(&mut state, "GET", "/v1/secret/metadata/mixpanel/loader", Value::Null);
    assert_eq!((&body["data"]["oldest_version"], &body["data"]["current_version"]), (&json!(4), &json!(13)));
}

#[test]
fn a_patch_needs_its_type_and_something_to_change() {
    let mut state = state();
    let body = json!({"data": {"secret": "CANARY"}});
    let plain = Request::new("PATCH", PATH).with_json(&body);
    assert_eq!(at(&mut state, 0, "CANARYroot", plain).0, 415);
    assert_eq!(ask(&mut state, "PATCH", PATH, body), (404, Value::Null));
    assert_eq!(ask(&mut state, "PATCH", PATH, json!({"a": 1})), (400, errors(&["no data provided"])));
}

#[test]
fn deleted_versions_come_back_and_destroyed_ones_do_not() {
    let mut state = state();
    ask(&mut state, "POST", PATH, json!({"data": {"secret": "CANARY1"}}));
    let versions = json!({"versions": [1, 9]});
    let read = |state: &mut State| ask(state, "GET", PATH, Value::Null);
    assert_eq!(ask(&mut state, "POST", "/v1/secret/delete/mixpanel/loader", versions.clone()).0, 204);
    let (status, body) = read(&mut state);
    assert_eq!((status, &body["data"]["data"]), (404, &Value::Null));
    assert_eq!(body["data"]["metadata"]["deletion_time"], "2026-10-24T01:02:00.000000000Z");
    assert_eq!(ask(&mut state, "POST", "/v1/secret/undelete/mixpanel/loader", versions.clone()).0, 204);
    assert_eq!(read(&mut state).0, 200);
    assert_eq!(ask(&mut state, "DELETE", PATH, Value::Null).0, 204);
    assert_eq!(read(&mut state).0, 404);
    assert_eq!(ask(&mut state, "PUT", "/v1/secret/destroy/mixpanel/loader", versions.clone()).0, 204);
    assert_eq!(ask(&mut state, "POST", "/v1/secret/undelete/mixpanel/loader", versions).0, 204);
    let (status, body) = read(&mut state);
    assert_eq!((status, &body["data"]["metadata"]["destroyed"]), (404, &json!(true)));
    for body in [json!({}), json!({"versions": []})] {
        let answer = ask(&mut state, "POST", "/v1/secret/delete/mixpanel/loader", body);
        assert_eq!(answer, (400, errors(&["No version number provided"])));
    }
}

#[test]
fn folders_are_listed() {
    let mut state = state();
    for path in ["mixpanel/a", "mixpanel/b/c", "mixpanel/b/d", "other"] {
        ask(&mut state, "POST", &format!("/v1/secret/data/{path}"), json!({"data": {}}));
    }
    for (folder, keys) in [("", json!(["mixpanel/", "other"])), ("/mixpanel", json!(["a", "b/"]))] {
        let (_, body) =
            ask(&mut state, "GET", &format!("/v1/secret/metadata{folder}?list=true"), Value::Null);
        assert_eq!(body["data"]["keys"], keys);
    }
    assert_eq!(ask(&mut state, "LIST", "/v1/secret/metadata/none", Value::Null).0, 404);
}

#[test]
fn a_sealed_store_answers_nothing_but_that() {
    let mut state = state();
    assert_eq!(ask(&mut state, "PUT", "/v1/sys/seal", Value::Null).0, 204);
    for token in ["CANARYroot", "nobody"] {
        assert_eq!(at(&mut state, 0, token, Request::new("GET", PATH)), (503, errors(&["Vault is sealed"])));
    }
    let (status, body) = at(&mut state, 0, "", Request::new("GET", "/v1/sys/seal-status"));
    assert_eq!((status, &body["sealed"]), (200, &json!(true)));
    assert_eq!(at(&mut state, 0, "", Request::new("GET", "/v1/sys/health")).0, 503);
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        method in "GET|POST|PUT|PATCH|DELETE|LIST|X",
        path in "/v1/secret/(data|metadata|delete|undelete|destroy|config)/(a|b/c|%2F|)(\\?(version|list)=[-0-9a-z]{0,20})?|/\\PC{0,30}",
        body in r#"\{"(data|versions|options)":(\{"cas":[-0-9]{1,20}\}|\[[-0-9,]{0,9}\]|null|1)\}|\PC{0,20}"#,
    ) {
        let mut state = state();
        let mut request = Request::new(&method, &path).with_header("content-type", "application/merge-patch+json");
        request.body = body.into_bytes();
        for token in ["CANARYroot", "CANARYtool"] {
            let (status, _) = at(&mut state, 0, token, request.clone());
            prop_assert!((200..504).contains(&status));
        }
    }
}
