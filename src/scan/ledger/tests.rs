use super::*;

fn input(label: &str, bytes: u64) -> InputLedger {
    let mut coverage = Coverage { parsed_bytes: bytes, records: 2, lines: 2, ..Coverage::default() };
    coverage.event_at(Timestamp { nanos: 1_777_601_649_000_000_000, digits: 0 });
    InputLedger { label: label.into(), path: label.into(), bytes, coverage, ..InputLedger::default() }
}

fn rule(id: &str, findings: u64) -> RuleLedger {
    RuleLedger {
        id: id.into(),
        name: "n".into(),
        title: "t".into(),
        level: Level::High,
        sources: vec!["okta".into()],
        fields: vec!["eventType".into()],
        fields_never_seen: Vec::new(),
        places_unknown: Vec::new(),
        event_types: vec![EventTypeNote { name: "x.y".into(), known: Some(true), since: None }],
        findings,
        suppressed: 0,
    }
}

fn json(ledger: &Ledger) -> serde_json::Value {
    let mut text = Vec::new();
    ledger.write_json(&mut text).unwrap();
    assert_eq!(text.last(), Some(&b'\n'));
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn the_sum_must_be_exact() {
    let mut ledger = Ledger { inputs: vec![input("a", 10)], ..Ledger::default() };
    assert_eq!(ledger.check(), Ok(()));
    assert!(ledger.is_clean());
    ledger.inputs[0].bytes = 11;
    let wrong = ledger.check().unwrap_err();
    assert_eq!(wrong.to_string(), "a: 11 bytes read, but 10 parsed + 0 blank + 0 rejected");
    assert!(!ledger.is_clean());
}

#[test]
fn anything_not_understood_is_not_clean() {
    let range = Range { offset: 0, length: 4, number: Some(1), reason: "r" };
    let spoil: [fn(&mut Ledger, Range); 5] = [
        |ledger, range| {
            ledger.inputs[0].bytes += 4;
            ledger.inputs[0].coverage.reject(range);
        },
        |ledger, range| ledger.inputs[0].coverage.untimed.push(range),
        |ledger, _| ledger.inputs[0].problem = Some("truncated".into()),
        |ledger, _| ledger.unreadable.push(Problem { path: "x".into(), reason: "denied".into(), hint: None }),
        |ledger, _| {
            let (path, message) = ("r.yml".into(), "no condition".into());
            ledger.rule_errors.push(RuleProblem { path, line: 1, column: 1, message, hint: None });
        },
    ];
    for (case, spoil) in spoil.iter().enumerate() {
        let mut ledger = Ledger { inputs: vec![input("a", 10)], ..Ledger::default() };
        spoil(&mut ledger, range);
        assert!(ledger.check().is_ok(), "case {case}");
        assert!(!ledger.is_clean(), "case {case}");
    }
}

#[test]
fn blind_rules_are_those_that_cannot_match() {
    let sighted = rule("1", 0);
    assert!(!sighted.is_blind());
    let never = RuleLedger { fields_never_seen: vec!["eventType".into()], ..rule("1", 0) };
    assert!(never.is_blind());
    let mut impossible = rule("1", 0);
    impossible.event_types[0].known = Some(false);
    assert!(impossible.is_blind());
    impossible.sources.clear();
    assert!(!impossible.is_blind(), "a rule that read nothing is idle, not blind");
}

#[test]
fn json_is_ordered_and_complete() {
    let mut ledger = Ledger {
        inputs: vec![input("b", 7), input("a", 10)],
        rules: vec![rule("2", 3), rule("1", 1)],
        ..Ledger::default()
    };
    let range = Range { offset: 10, length: 4, number: Some(3), reason: "not JSON" };
    ledger.inputs[1].bytes += 4;
    ledger.inputs[1].coverage.reject(range);
    ledger.sort();
    let json = json(&ledger);
    assert_eq!(json["version"], 1);
    assert_eq!(json["clean"], false);
    assert_eq!(json["inputs"][0]["label"], "a");
    assert_eq!(json["inputs"][0]["rejected"][0]["line"], 3);
    assert_eq!(json["inputs"][0]["rejected_reasons"]["not JSON"]["bytes"], 4);
    assert_eq!(json["inputs"][0]["first_time"], "2026-05-01T02:14:09Z");
    assert_eq!(json["rules"][0]["id"], "1");
    assert_eq!(json["totals"]["bytes"], 21);
    assert_eq!(json["totals"]["findings"]["high"], 4);
    assert_eq!(json["filters"]["since"], serde_json::Value::Null);
}
