//! Who had the bag.

use std::path::Path;

use crate::bag::{CASE, Copy, lines};
use crate::emulated::Ran;

fn add(copy: &Copy, what: &str, more: &[&str]) -> Ran {
    let mut args =
        vec!["evidence", "custody", copy.bag.to_str().unwrap(), "--add", what, "--by", "ada@acme.example"];
    if !more.contains(&"--key") {
        args.extend(["--key", "evidence.pem"]);
    }
    args.extend(more);
    CASE.run(&args)
}

fn handed() -> (Copy, Vec<String>) {
    let copy = CASE.copy();
    let heads = ["copied to the safe", "handed to the auditor"].map(|what| {
        let ran = add(&copy, what, &[]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out.split_whitespace().last().unwrap().to_owned()
    });
    (copy, heads.into())
}

#[test]
fn entries_are_appended_and_the_seal_stays() {
    let (copy, heads) = handed();
    let before = CASE.copy().read("custody.jsonl");
    let after = copy.read("custody.jsonl");
    assert!(after.starts_with(&before) && lines(&after).len() == 3);
    let ran = copy.check();
    assert!(ran.code == 0 && ran.out.contains("handed to the auditor"), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(&format!("head      {}", heads[1])), "{}", ran.out);
}

#[test]
fn entries_that_were_touched_are_named() {
    let (copy, _) = handed();
    let good = lines(&copy.read("custody.jsonl"));
    let edited = String::from_utf8(good[1].clone()).unwrap().replace("the safe", "the cafe").into_bytes();
    for (wrong, cause) in [
        (
            [&good[0], &edited, &good[2]].map(Vec::as_slice).concat(),
            "entry 2: its signature is not that of key",
        ),
        ([&good[0], &good[2], &good[1]].map(Vec::as_slice).concat(), "entry 2: it is numbered 3"),
        ([&good[0], &good[2]].map(Vec::as_slice).concat(), "entry 2: it is numbered 3"),
        ([&good[1], &good[2]].map(Vec::as_slice).concat(), "entry 1: it is numbered 2"),
        (good.concat()[..good.concat().len() - 5].to_vec(), "entry 3: it was not finished"),
        (Vec::new(), "it has no entry"),
    ] {
        copy.write("custody.jsonl", &wrong);
        copy.refused("custody.jsonl", cause);
    }
}

#[test]
fn a_cut_end_shows_by_the_digest_that_somebody_kept() {
    let (copy, heads) = handed();
    let good = lines(&copy.read("custody.jsonl"));
    copy.write("custody.jsonl", &good[..2].concat());
    let check = |head: &str| CASE.run(&["evidence", "check", copy.bag.to_str().unwrap(), "--head", head]);
    // Without it nobody can tell.
    assert_eq!(copy.check().code, 0);
    assert_eq!(check(&heads[0]).code, 0);
    let ran = check(&heads[1]);
    assert!(ran.code == 3 && ran.err.contains("custody.jsonl: it has no entry"), "{}", ran.err);
}

#[test]
fn another_hand_is_admitted_first() {
    let (copy, _) = handed();
    assert_eq!(CASE.run(&["evidence", "key", "new", "-o", "auditor.pem"]).code, 0);
    let ran = add(&copy, "received", &["--key", "auditor.pem"]);
    assert!(ran.code == 2 && ran.err.contains("--admit"), "{}", ran.err);
    assert_eq!(add(&copy, "handed over", &["--admit", "auditor.pub.pem"]).code, 0);
    let ran = add(&copy, "received", &["--key", "auditor.pem"]);
    assert!(ran.code == 0 && ran.out.starts_with("entry 5"), "{}{}", ran.out, ran.err);
    assert_eq!(copy.check().code, 0);
}

#[test]
fn an_entry_that_was_not_finished_is_cut_off_and_nothing_is_added_to_a_bad_bag() {
    let (copy, _) = handed();
    let good = copy.read("custody.jsonl");
    copy.write("custody.jsonl", &[&good[..], b"{\"seq\":4,"].concat());
    let ran = add(&copy, "found torn", &[]);
    assert!(ran.code == 0 && ran.err.contains("was cut off"), "{}{}", ran.out, ran.err);
    assert!(copy.read("custody.jsonl").starts_with(&good) && copy.check().code == 0);
    copy.write("data/plan.json", b"{}");
    let before = copy.read("custody.jsonl");
    let ran = add(&copy, "x", &[]);
    assert!(ran.code == 3 && ran.err.contains("data/plan.json"), "{}", ran.err);
    assert_eq!(copy.read("custody.jsonl"), before);
    let ran = add(&CASE.copy(), "two\nlines", &[]);
    assert!(ran.code == 2 && ran.err.contains("one line"), "{}", ran.err);
    assert!(!Path::new(&CASE.bag).join("custody.lock").exists());
}
