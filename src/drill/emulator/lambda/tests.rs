use std::time::Duration;

use proptest::prelude::*;

use super::super::Switches;
use super::super::switches::LambdaSwitches;
use super::*;
use crate::event::time::Timestamp;

const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:f";

fn at<R>(millis: u64, lambda: &LambdaSwitches, then: impl FnOnce(&Moment<'_>) -> R) -> R {
    let switches = Switches { lambda: lambda.clone(), ..Switches::default() };
    // 2015-08-30T12:36:00Z
    let wall = Timestamp { nanos: 1_440_938_160_000_000_000, digits: 0 };
    then(&Moment { now: Duration::from_millis(millis), wall, switches: &switches })
}

fn function() -> Function {
    Function::new([("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())].into())
}

fn shown(function: &mut Function, millis: u64, switches: &LambdaSwitches) -> Value {
    at(millis, switches, |moment| function.settle(moment));
    function.shown("f", ARN)
}

fn update(
    function: &mut Function,
    millis: u64,
    switches: &LambdaSwitches,
    body: &Value,
) -> Result<(), &'static str> {
    let body = body.as_object().unwrap();
    at(millis, switches, |moment| {
        function.settle(moment);
        function.update(ARN, body, moment)
    })
    .map_err(|refusal| refusal.code)
}

fn set(variables: &Value, revision: &Value) -> Value {
    json!({ "Environment": { "Variables": variables }, "RevisionId": revision })
}

#[test]
fn an_update_replaces_every_variable_and_runs_when_it_is_over() {
    let (mut one, switches) = (function(), LambdaSwitches { update_ms: 100, ..LambdaSwitches::default() });
    let before = shown(&mut one, 0, &switches);
    assert_eq!(before["LastUpdateStatus"], "Successful");
    update(&mut one, 0, &switches, &set(&json!({"A": "3"}), &before["RevisionId"])).unwrap();
    let meanwhile = shown(&mut one, 99, &switches);
    assert_eq!(meanwhile["Environment"], json!({ "Variables": { "A": "3" } }));
    assert_eq!((&meanwhile["LastUpdateStatus"], one.running()["A"].as_str()), (&json!("InProgress"), "1"));
    // None other is taken, whatever it names.
    let other = set(&json!({}), &meanwhile["RevisionId"]);
    assert_eq!(update(&mut one, 99, &switches, &other), Err("ResourceConflictException"));
    let after = shown(&mut one, 100, &switches);
    assert_eq!(after["LastUpdateStatus"], "Successful");
    assert_eq!(one.running(), &BTreeMap::from([("A".to_owned(), "3".to_owned())]));
    assert_eq!(after["RevisionId"], meanwhile["RevisionId"]);
    assert_eq!(
        update(&mut one, 100, &switches, &set(&json!({}), &before["RevisionId"])),
        Err("PreconditionFailedException")
    );
    // What is not named is not changed.
    update(&mut one, 100, &switches, &json!({ "MemorySize": 128 })).unwrap();
    assert_eq!(shown(&mut one, 200, &switches)["Environment"], after["Environment"]);
}

#[test]
fn the_revision_may_change_once_more_and_an_update_may_fail() {
    let switches = LambdaSwitches { update_ms: 10, revises_twice: true, ..LambdaSwitches::default() };
    let mut one = function();
    update(&mut one, 0, &switches, &json!({ "Environment": { "Variables": {} } })).unwrap();
    let meanwhile = shown(&mut one, 5, &switches)["RevisionId"].clone();
    assert_ne!(shown(&mut one, 10, &switches)["RevisionId"], meanwhile);
    for shows_failed in [false, true] {
        let switches = LambdaSwitches { updates_fail: true, shows_failed, ..LambdaSwitches::default() };
        let mut one = function();
        update(&mut one, 0, &switches, &json!({ "Environment": { "Variables": { "A": "3" } } })).unwrap();
        let after = shown(&mut one, 50, &switches);
        assert_eq!(after["LastUpdateStatus"], "Failed");
        assert_eq!(after["Environment"]["Variables"]["A"], if shows_failed { "3" } else { "1" });
        assert_eq!(one.running()["A"], "1");
    }
}

#[test]
fn variables_are_text_and_not_too_long() {
    let (mut one, switches) = (function(), LambdaSwitches::default());
    for (variables, code) in [
        (json!([1]), "SerializationException"),
        (json!({ "A": 1 }), "SerializationException"),
        (json!({ "A": "x".repeat(4096) }), "InvalidParameterValueException"),
    ] {
        let body = json!({ "Environment": { "Variables": variables } });
        assert_eq!(update(&mut one, 0, &switches, &body), Err(code));
    }
    assert_eq!(one.running()["A"], "1");
}

#[test]
fn aliases_come_in_pages() {
    let mut one = function();
    for (name, version, also) in [("a", "$LATEST", None), ("b", "$LATEST", Some("9")), ("c", "7", None)] {
        let alias = Alias { version: version.to_owned(), also: also.map(str::to_owned) };
        one.aliases.insert(name.to_owned(), alias);
    }
    let first = one.listed(ARN, None);
    assert_eq!(first["Aliases"][1]["RoutingConfig"]["AdditionalVersionWeights"], json!({ "9": 0.1 }));
    assert_eq!((first["Aliases"].as_array().unwrap().len(), &first["NextMarker"]), (2, &json!("b")));
    let second = one.listed(ARN, Some("b"));
    assert_eq!((&second["Aliases"][0]["FunctionVersion"], second.get("NextMarker")), (&json!("7"), None));
}

proptest! {
    #[test]
    fn no_update_is_too_much(
        key in "Environment|RevisionId|MemorySize|\\PC{0,9}",
        value in prop_oneof![
            Just(Value::Null), Just(json!([1])), Just(json!({"Variables": {"A": "\u{0}"}})), "\\PC{0,40}".prop_map(Value::from),
        ],
    ) {
        let mut one = function();
        let body = json!({ key: value });
        let _ = update(&mut one, 0, &LambdaSwitches::default(), &body);
        prop_assert!(one.shown("f", ARN).is_object());
    }
}
