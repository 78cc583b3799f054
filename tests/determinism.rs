//! However the work is cut, the findings are the same bytes and the ledger says the same.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Place, Scanned, gzip, zip};
use portcullis::synth::{self, Log, Options, START, STORY_START};
use serde_json::Value;

fn made(log: Log, records: u64) -> Vec<u8> {
    let mut out = Vec::new();
    synth::write(
        log,
        &Options {
            seed: 3,
            start: START,
            story: STORY_START,
            until: i64::MAX,
            days: 91,
            people: 40,
            records,
            incident: true,
        },
        &mut out,
    )
    .unwrap();
    out
}

/// Logs of every kind, some with broken lines in them.
fn logs() -> Vec<(&'static str, Vec<u8>)> {
    let broken = |log: Vec<u8>| {
        let mut lines: Vec<Vec<u8>> = log.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        for (at, line) in lines.iter_mut().enumerate() {
            match at % 97 {
                13 => line.truncate(line.len() / 2),
                50 => line.insert(line.len() / 3, b'"'),
                71 => line.clear(),
                _ => {}
            }
        }
        lines.join(&b'\n')
    };
    vec![
        ("a/mixpanel.ndjson", made(Log::MixpanelNdjson, 2000)),
        ("a/okta.ndjson", broken(made(Log::OktaNdjson, 900))),
        ("b/audit.csv", broken(made(Log::MixpanelCsv, 2000))),
        ("b/okta.json", made(Log::OktaArray, 300)),
    ]
}

/// The ledger without what names files and how they were packed.
fn comparable(scanned: &Scanned) -> Value {
    let mut ledger = scanned.ledger.clone();
    for input in ledger["inputs"].as_array_mut().unwrap() {
        for key in ["path", "member", "compression"] {
            input.as_object_mut().unwrap().remove(key);
        }
    }
    ledger
}

#[test]
fn threads_chunks_order_and_engine_change_nothing() {
    let place = Place::new();
    let logs = logs();
    for (name, bytes) in &logs {
        place.write(name, bytes);
    }
    let expected = place.scan(&["a", "b", "--threads", "1"]);
    assert_eq!(expected.code, 3);
    assert!(expected.findings().len() > 500 && expected.rejected().len() > 20);
    assert_eq!(expected.balance(), logs.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
    let ways: &[&[&str]] = &[
        &["a", "b", "--threads", "2"],
        &["a", "b", "--threads", "8", "--chunk-size", "4KiB"],
        &["b", "a", "--threads", "2", "--chunk-size", "64KiB"],
        &["b/okta.json", "a/okta.ndjson", "b/audit.csv", "a/mixpanel.ndjson", "--chunk-size", "64MiB"],
        &["?/*", "--threads", "3", "--chunk-size", "5000"],
        &["a", "b", "--engine", "strict"],
        &["a", "b", "--state-memory", "1KiB", "--chunk-size", "16KiB"],
        &["a", "b", "a/okta.ndjson"],
    ];
    for way in ways {
        let scanned = place.scan(way);
        assert!(scanned.stdout == expected.stdout, "findings differ for {way:?}");
        assert_eq!(comparable(&scanned), comparable(&expected), "{way:?}");
    }
}

/// Facts that say the same are merged before any goes to disk: a log that comes again, out of order, takes no more than once, but for what
/// is counted. Under each limit some are merged, some written, and nothing differs.
#[test]
fn the_memory_of_facts_changes_nothing() {
    let place = Place::new();
    let log = String::from_utf8(logs().swap_remove(0).1).unwrap();
    let mut lines: Vec<&str> = log.lines().collect();
    for copy in 0..5 {
        let third = lines.len() / 3;
        lines.rotate_left(third);
        lines.reverse();
        place.write(&format!("a/{copy}"), (lines.join("\n") + "\n").as_bytes());
    }
    let expected = place.scan(&["a", "--chunk-size", "64KiB"]);
    assert!(expected.findings().len() > 500);
    for memory in (4..13).map(|power| format!("{}KiB", 1 << power)) {
        let scanned = place.scan(&["a", "--chunk-size", "64KiB", "--state-memory", &memory]);
        assert!(scanned.stdout == expected.stdout, "findings differ with {memory}");
    }
}

#[test]
fn compression_changes_nothing() {
    let plain = Place::new();
    let logs = logs();
    for (name, bytes) in &logs {
        plain.write(name, bytes);
    }
    let expected = plain.scan(&["."]);
    for packing in ["gzip", "zstd", "zip"] {
        let place = Place::new();
        for (name, bytes) in &logs {
            match packing {
                "gzip" => place.write(&format!("{name}.gz"), &gzip(bytes)),
                "zstd" => {
                    place.write(&format!("{name}.zst"), &zstd::encode_all(bytes.as_slice(), 1).unwrap())
                }
                _ => place.write(&name.replace('/', "/all-"), b""),
            };
        }
        if packing == "zip" {
            for (name, _) in &logs {
                std::fs::remove_file(place.path(&name.replace('/', "/all-"))).unwrap();
            }
            let members: Vec<(&str, &[u8])> =
                logs.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
            place.write("logs.zip", &zip(&members));
        }
        let scanned = place.scan(&["."]);
        assert!(scanned.stdout == expected.stdout, "findings differ for {packing}: {}", scanned.stderr);
        assert_eq!(comparable(&scanned), comparable(&expected), "{packing}");
    }
}

#[test]
fn rules_do_not_touch_each_other() {
    let place = Place::new();
    place.write("log", &made(Log::OktaNdjson, 600));
    let all = place.scan(&["log"]);
    let mut kinds: Vec<String> =
        all.findings().iter().map(|finding| finding["rule_name"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    kinds.dedup();
    assert!(kinds.len() >= 8, "{kinds:?}");
    let root = env!("CARGO_MANIFEST_DIR");
    for kind in &kinds {
        let file = ["okta", "any"].map(|folder| format!("{root}/rules/{folder}/{kind}.yml"));
        let file = file.iter().find(|file| std::path::Path::new(file).exists()).unwrap();
        let alone = place.scan(&["log", "--rules", file]);
        let of_all: Vec<_> =
            all.findings().into_iter().filter(|finding| finding["rule_name"] == kind.as_str()).collect();
        assert_eq!(alone.findings(), of_all, "{kind}");
    }
}
