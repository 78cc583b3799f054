//! Replays the corpora of the fuzz targets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fuzz;

fn replay(target: &str, body: fn(&[u8])) {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        body(&std::fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count >= 5, "{folder} has {count} inputs");
}

#[test]
fn json_lines() {
    replay("json_lines", fuzz::json_lines);
}

#[test]
fn json_stream() {
    replay("json_stream", fuzz::json_stream);
}

#[test]
fn csv() {
    replay("csv", fuzz::csv);
}

#[test]
fn rule() {
    replay("rule", fuzz::rule);
}

#[test]
fn time() {
    replay("time", fuzz::time);
}

#[test]
fn scan() {
    replay("scan", fuzz::scan);
}

#[test]
fn evidence() {
    replay("evidence", fuzz::evidence);
}
