//! One finding and nothing else.

use serde_json::Value;

use crate::bag::{CASE, lines, write};

fn disclose(number: usize) -> (String, Vec<u8>) {
    let file = format!("finding-{number}-{:?}.json", std::thread::current().id()).replace(['(', ')'], "");
    let ran =
        CASE.run(&["evidence", "disclose", CASE.bag.to_str().unwrap(), &number.to_string(), "-o", &file]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let bytes = std::fs::read(CASE.world.place.path(&file)).unwrap();
    (file, bytes)
}

#[test]
fn each_finding_is_shown_with_its_proof_and_without_the_others() {
    let findings = lines(&CASE.copy().read("data/findings.jsonl"));
    for number in [1, 2, findings.len()] {
        let (file, bytes) = disclose(number);
        let ran = CASE.run(&["evidence", "check", &file, "--key", CASE.key.to_str().unwrap(), "--json"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let shown = ran.json();
        assert_eq!((&shown["number"], &shown["of"]), (&Value::from(number), &Value::from(findings.len())));
        let line = String::from_utf8(findings[number - 1].clone()).unwrap();
        assert_eq!(shown["finding"], line.trim_end_matches('\n'));
        // The digests of the raw records are in every other finding, and in nothing else.
        let text = String::from_utf8(bytes).unwrap();
        for (at, other) in findings.iter().enumerate().filter(|(at, _)| at + 1 != number) {
            let other: Value = serde_json::from_slice(other).unwrap();
            let offset = format!("\\\"offset\\\":{},", other["events"][0]["offset"]);
            let own = line.contains(&offset.replace('\\', ""));
            assert!(own || !text.contains(&offset), "finding {at} is in the disclosure of {number}");
        }
        assert!(!text.contains("api.mixpanel") && !text.contains("\"seq\""), "no journal is in it");
    }
}

#[test]
fn every_flipped_byte_is_found() {
    let (file, bytes) = disclose(3);
    let path = CASE.world.place.path(&file);
    let step = if std::env::var_os("PORTCULLIS_FULL").is_some() { 1 } else { 7 };
    for at in (0..bytes.len()).step_by(step) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let shown = portcullis::evidence::disclose::Disclosure::check(&changed, None, "file");
        assert!(shown.is_err(), "byte {at}");
    }
    let text = String::from_utf8(bytes).unwrap();
    for (from, to, cause) in [
        ("\"number\": 3", "\"number\": 4", "its Merkle root is not the one in the seal"),
        ("\"finding\": \"{", "\"finding\": \"{ ", "its Merkle root is not the one in the seal"),
        ("portcullis-disclosure/1", "portcullis-disclosure/2", "its format is"),
        ("  \"number\"", "   \"number\"", "not formatted as Portcullis does"),
    ] {
        write(&path, text.replace(from, to).as_bytes());
        let ran = CASE.run(&["evidence", "check", &file]);
        assert!(ran.code == 3 && ran.err.contains(cause), "{to}: {}", ran.err);
    }
}

#[test]
fn there_has_to_be_such_a_finding_and_a_good_bag() {
    let bag = CASE.bag.to_str().unwrap();
    for number in ["0", "999999"] {
        let ran = CASE.run(&["evidence", "disclose", bag, number, "-o", "none.json"]);
        assert!(ran.code == 2 && ran.err.contains("there is no finding"), "{}", ran.err);
    }
    let copy = CASE.copy();
    copy.write("data/ledger.json", b"{}");
    let ran = CASE.run(&["evidence", "disclose", copy.bag.to_str().unwrap(), "1", "-o", "none.json"]);
    assert!(ran.code == 3 && ran.err.contains("data/ledger.json"), "{}", ran.err);
    assert!(!CASE.world.place.path("none.json").exists());
}
