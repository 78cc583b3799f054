use std::time::Duration;

use proptest::prelude::*;

use super::super::Switches;
use super::*;
use crate::event::time::Timestamp;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

fn at<R>(millis: u64, lag_ms: u64, then: impl FnOnce(&Moment<'_>) -> R) -> R {
    let mut switches = Switches::default();
    switches.aws.lag_ms = lag_ms;
    // 2015-08-30T12:36:00Z
    let wall = Timestamp { nanos: 1_440_938_160_000_000_000, digits: 0 };
    then(&Moment { now: Duration::from_millis(millis), wall, switches: &switches })
}

fn ask(state: &mut State, millis: u64, action: &str, body: &Value) -> Result<Value, &'static str> {
    lagging(state, millis, 0, action, body)
}

fn lagging(
    state: &mut State,
    millis: u64,
    lag: u64,
    action: &str,
    body: &Value,
) -> Result<Value, &'static str> {
    let body = body.as_object().unwrap();
    let answer = at(millis, lag, |moment| secrets::reply(state, action, "etl", body, moment));
    answer.map_err(|refusal| refusal.code)
}

fn state() -> State {
    State::with(&mut Draws::new(1), &[("etl".to_owned(), json!({"username": "a"}))])
}

fn put(token: &str, text: &str) -> Value {
    json!({"ClientRequestToken": token.repeat(32), "SecretString": text})
}

fn labels(state: &mut State) -> Value {
    ask(state, 0, "DescribeSecret", &json!({})).unwrap()["VersionIdsToStages"].clone()
}

#[test]
fn the_label_moves_with_a_write_and_the_version_before_is_the_previous_one() {
    let mut state = state();
    let first = labels(&mut state).as_object().unwrap().keys().next().unwrap().clone();
    assert_eq!(
        ask(&mut state, 0, "PutSecretValue", &put("x", "{}")).unwrap()["VersionStages"],
        json!([CURRENT])
    );
    let x = "x".repeat(32);
    assert_eq!(labels(&mut state), json!({&first: [PREVIOUS], &x: [CURRENT]}));
    // Once more the same: nothing. The same token for something else: refused.
    assert!(ask(&mut state, 0, "PutSecretValue", &put("x", "{}")).is_ok());
    assert_eq!(labels(&mut state), json!({&first: [PREVIOUS], &x: [CURRENT]}));
    assert_eq!(ask(&mut state, 0, "PutSecretValue", &put("x", "[]")), Err("ResourceExistsException"));
    assert_eq!(ask(&mut state, 0, "PutSecretValue", &put("", "[]")), Err("InvalidParameterException"));
    // A version without labels is not described, and can be read by its name.
    ask(&mut state, 0, "PutSecretValue", &put("y", "{}")).unwrap();
    assert_eq!(labels(&mut state), json!({&x: [PREVIOUS], "y".repeat(32): [CURRENT]}));
    let read = ask(&mut state, 0, "GetSecretValue", &json!({"VersionId": first})).unwrap();
    assert_eq!((&read["SecretString"], &read["VersionStages"]), (&json!("{\"username\":\"a\"}"), &json!([])));
}

#[test]
fn a_label_is_only_taken_from_where_it_is() {
    let mut state = state();
    ask(&mut state, 0, "PutSecretValue", &put("x", "{}")).unwrap();
    ask(&mut state, 0, "PutSecretValue", &put("y", "{}")).unwrap();
    let (x, y) = ("x".repeat(32), "y".repeat(32));
    let move_to = |to: &str, from: Value| json!({"VersionStage": CURRENT, "MoveToVersionId": to, "RemoveFromVersionId": from});
    for from in [json!(x), Value::Null] {
        let answer = ask(&mut state, 0, "UpdateSecretVersionStage", &move_to(&x, from));
        assert_eq!(answer, Err("InvalidParameterException"));
    }
    assert!(ask(&mut state, 0, "UpdateSecretVersionStage", &move_to(&x, json!(y))).is_ok());
    assert_eq!(labels(&mut state), json!({x: [CURRENT], y: [PREVIOUS]}));
}

#[test]
fn reads_may_lag() {
    let mut state = state();
    ask(&mut state, 1000, "PutSecretValue", &put("x", "{\"username\":\"b\"}")).unwrap();
    for (lag, username) in [(0, "b"), (500, "a")] {
        let read = lagging(&mut state, 1400, lag, "GetSecretValue", &json!({})).unwrap();
        assert!(read["SecretString"].as_str().unwrap().contains(username), "{lag}");
    }
}

#[test]
fn what_is_marked_for_deletion_is_described_and_nothing_else() {
    let mut state = state();
    ask(&mut state, 0, "DeleteSecret", &json!({})).unwrap();
    assert!(ask(&mut state, 0, "DescribeSecret", &json!({})).unwrap()["DeletedDate"].is_i64());
    for action in ["GetSecretValue", "PutSecretValue", "DeleteSecret"] {
        assert_eq!(ask(&mut state, 0, action, &put("z", "")), Err("InvalidRequestException"));
    }
    assert_eq!(ask(&mut state, 0, "CreateSecret", &put("z", "")), Err("InvalidRequestException"));
    ask(&mut state, 0, "RestoreSecret", &json!({})).unwrap();
    assert!(ask(&mut state, 0, "GetSecretValue", &json!({})).is_ok());
}

/// The request of the suite that AWS publishes, as far as it is one of this service: what it signs, and with what.
fn signed() -> (State, Request) {
    let mut state = State { region: "us-east-1".to_owned(), ..State::default() };
    let key = Key { secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(), ..Key::default() };
    state.keys.insert("AKIDEXAMPLE".to_owned(), key);
    let request = Request::new("POST", "/")
        .with_header("host", "example.amazonaws.com")
        .with_header("x-amz-date", "20150830T123600Z")
        .with_header("x-amz-target", "secretsmanager.DescribeSecret");
    (state, request)
}

#[test]
fn a_request_that_is_not_signed_by_a_known_key_is_refused() {
    let scope = "20150830/us-east-1/secretsmanager/aws4_request";
    let header = |id: &str, scope: &str, names: &str, signature: &str| {
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
    };
    let names = "host;x-amz-date;x-amz-target";
    // By botocore 1.44.8 for this request.
    let right = "a28408a724c52ab4413e214bc89d02b75a06952ffb906a538b8ddab2b8df5780";
    for (authorization, expected) in [
        (header("AKIDEXAMPLE", scope, names, right), Ok(())),
        (header("AKIDEXAMPLE", scope, names, &"0".repeat(64)), Err("InvalidSignatureException")),
        (header("AKIDEXAMPLE", scope, "host;x-amz-date", right), Err("InvalidSignatureException")),
        (header("AKIDEXAMPLE", &scope.replace("us", "eu"), names, right), Err("InvalidSignatureException")),
        (
            header("AKIDEXAMPLE", &scope.replace("0830", "0829"), names, right),
            Err("InvalidSignatureException"),
        ),
        (header("AKIDOTHER", scope, names, right), Err("UnrecognizedClientException")),
        ("Bearer x".to_owned(), Err("IncompleteSignatureException")),
        (String::new(), Err("IncompleteSignatureException")),
    ] {
        let (state, request) = signed();
        let request = request.with_header("authorization", &authorization);
        let answer = at(0, 0, |moment| sign::verify(state.account(), "secretsmanager", &request, moment));
        assert_eq!(answer.map(drop).map_err(|refusal| refusal.code), expected, "{authorization}");
    }
    let (state, request) = signed();
    let none = at(0, 0, |moment| sign::verify(state.account(), "secretsmanager", &request, moment));
    assert_eq!(none.map(drop).map_err(|refusal| refusal.code), Err("MissingAuthenticationTokenException"));
}

proptest! {
    #[test]
    fn no_request_is_too_much(
        action in "(Get|Put)SecretValue|(Create|Describe|Delete|Restore)Secret|UpdateSecretVersionStage|\\PC{0,9}",
        members in prop::collection::vec((
            "SecretId|Name|VersionId|VersionStage|MoveToVersionId|RemoveFromVersionId|SecretString|ClientRequestToken|VersionStages",
            prop_oneof![Just(json!("etl")), Just(json!("x".repeat(32))), Just(json!("AWSCURRENT")), Just(json!([1, "a"])), Just(Value::Null), "\\PC{0,40}".prop_map(Value::from)],
        ), 0..5),
        name in "etl|new|\\PC{0,9}|arn:aws:secretsmanager:x:1:secret:\\PC{0,4}",
    ) {
        let mut state = state();
        let body = members.into_iter().collect();
        let _ = at(5, 2, |moment| secrets::reply(&mut state, &action, &name, &body, moment));
        prop_assert!(serde_json::to_value(&state).is_ok());
    }
}
