//! `portcullis query`: answers compared with what the logs hold, counted another way.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Place, command};
use polars::prelude::{ParquetReader, SerReader as _};
use serde_json::{Value, json};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/incident");

fn query(place: &Place, args: &[&str]) -> (i32, String, String) {
    let output = command(place.folder.path()).arg("query").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn rows(place: &Place, sql: &str, paths: &str) -> Vec<Value> {
    let (code, out, err) = query(place, &[sql, paths, "--format", "jsonl"]);
    assert_eq!(code, 0, "{sql}: {err}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A record of Mixpanel's audit log.
fn line(time: &str, email: &str) -> String {
    let user = json!({"email": email});
    let record =
        json!({"date_time": time, "user": user, "action": "a.b", "ip_address": "192.0.2.1", "n": -5});
    format!("{record}\n")
}

/// The records of a fixture, read by another parser.
fn records(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(Path::new(FIXTURE).join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn groups_count_what_another_reader_counts() {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for record in records("okta-system-log.ndjson") {
        *counts.entry(record["eventType"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert!(counts.len() > 5, "{counts:?}");
    let sql = "SELECT event.action AS a, count(*) AS n FROM log GROUP BY a ORDER BY n DESC";
    let answer = rows(&Place::new(), sql, &format!("{FIXTURE}/okta-system-log.ndjson"));
    let mut expected: Vec<(String, u64)> = counts.into_iter().collect();
    expected.sort_by_key(|(action, count)| (std::cmp::Reverse(*count), action.clone()));
    let expected: Vec<Value> = expected.into_iter().map(|(a, n)| json!({"a": a, "n": n})).collect();
    assert_eq!(answer, expected);
}

#[test]
fn raw_keys_are_columns_and_records_are_found_where_the_answer_says() {
    let file = format!("{FIXTURE}/okta-system-log.ndjson");
    let expected = records("okta-system-log.ndjson");
    let wanted: Vec<usize> = (0..expected.len())
        .filter(|at| expected[*at]["client"]["geographicalContext"]["city"] == "Berlin")
        .collect();
    assert!(wanted.len() > 3 && wanted.len() < expected.len());
    let sql = "SELECT _record, _offset, _length, _raw, user.email FROM log \
               WHERE client.geographicalContext.city = 'Berlin'";
    let answer = rows(&Place::new(), sql, &file);
    let numbers: Vec<usize> =
        answer.iter().map(|row| usize::try_from(row["_record"].as_u64().unwrap()).unwrap() - 1).collect();
    assert_eq!(numbers, wanted);
    let bytes = std::fs::read(&file).unwrap();
    for row in &answer {
        let place = |name: &str| usize::try_from(row[name].as_u64().unwrap()).unwrap();
        let raw = &bytes[place("_offset")..place("_offset") + place("_length")];
        assert_eq!(row["_raw"].as_str().unwrap().as_bytes(), raw);
        let record: Value = serde_json::from_slice(raw).unwrap();
        assert_eq!(row["user.email"], record["actor"]["alternateId"]);
    }
}

#[test]
fn times_compare_with_text_and_are_written_in_full() {
    let place = Place::new();
    place.write(
        "log.ndjson",
        (line("2026-05-01T00:00:00.250Z", "a") + &line("2026-05-02T02:00:00+02:00", "b")).as_bytes(),
    );
    let answer =
        rows(&place, "SELECT @timestamp FROM log WHERE @timestamp >= '2026-05-01 12:00:00'", "log.ndjson");
    assert_eq!(answer, [json!({"@timestamp": "2026-05-02T00:00:00Z"})]);
    let answer = rows(&place, "SELECT min(@timestamp) AS first FROM log", "log.ndjson");
    assert_eq!(answer, [json!({"first": "2026-05-01T00:00:00.250Z"})]);
    let sql = "SELECT EXTRACT(HOUR FROM @timestamp) AS h, count(*) AS n FROM log GROUP BY h";
    assert_eq!(rows(&place, sql, "log.ndjson"), [json!({"h": 0, "n": 2})]);
}

#[test]
fn findings_are_those_of_the_scan_and_join_with_records() {
    let place = Place::new();
    let scan = command(place.folder.path()).args(["scan", FIXTURE, "--format", "jsonl"]).output().unwrap();
    let findings: Vec<Value> = String::from_utf8(scan.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let answer =
        rows(&place, "SELECT rule_id, time, actor, level, score, _file, _record FROM findings", FIXTURE);
    assert_eq!(answer.len(), findings.len());
    for (row, finding) in answer.iter().zip(&findings) {
        for name in ["rule_id", "time", "actor", "level", "score"] {
            assert_eq!(row[name], finding[name], "{finding}");
        }
        assert_eq!(row["_record"], finding["events"].as_array().unwrap().last().unwrap()["record"]);
    }
    let sql = "SELECT f.rule_id, l.event.action FROM findings AS f JOIN log AS l \
               ON f._file = l._file AND f._record = l._record WHERE f.level = 'high'";
    let joined = rows(&place, sql, FIXTURE);
    let high: Vec<&Value> = findings.iter().filter(|finding| finding["level"] == "high").collect();
    assert_eq!(joined.len(), high.len());
    assert!(joined.iter().all(|row| row["event.action"].is_string()));
}

#[test]
fn the_same_query_gives_the_same_bytes() {
    let place = Place::new();
    for sql in [
        "SELECT * FROM log ORDER BY event.action",
        "SELECT user.email, source.ip, count(*) AS n FROM log GROUP BY user.email, source.ip ORDER BY n DESC LIMIT 7",
        "SELECT DISTINCT event.action FROM log",
        "SELECT f.title, count(*) AS n FROM findings f JOIN log l ON f.actor = l.user.email GROUP BY f.title",
    ] {
        let mut answers =
            [("1", "4KiB"), ("2", "64KiB"), ("3", "4MiB"), ("2", "64KiB")].map(|(threads, chunk)| {
                let args = [sql, FIXTURE, "--format", "csv", "--threads", threads, "--chunk-size", chunk];
                query(&place, &args).1
            });
        assert!(answers[0].lines().count() > 2, "{sql}: {}", answers[0]);
        answers.sort();
        assert!(answers.first() == answers.last(), "{sql}");
    }
    let write = |name: &str| {
        let sql = "SELECT * FROM log WHERE event.action IS NOT NULL";
        assert_eq!(query(&place, &[sql, FIXTURE, "-o", name]).0, 0);
        std::fs::read(place.folder.path().join(name)).unwrap()
    };
    let (one, two) = (write("one.parquet"), write("two.parquet"));
    assert!(one == two, "Parquet");
    let frame = ParquetReader::new(std::io::Cursor::new(one)).finish().unwrap();
    let total = records("okta-system-log.ndjson").len() + records("mixpanel-audit.ndjson").len();
    assert_eq!(frame.height(), total);
}

#[test]
fn hostile_text_stays_text() {
    let place = Place::new();
    let evil = "=cmd|' /C calc'!A0\u{1b}[2J\u{202e}\"\n";
    place.write("log.ndjson", line("2026-05-01T00:00:00Z", evil).as_bytes());
    let sql = "SELECT user.email, CAST(n AS BIGINT) AS n FROM log";
    assert_eq!(rows(&place, sql, "log.ndjson"), [json!({"user.email": evil, "n": -5})]);
    let csv = query(&place, &[sql, "log.ndjson", "--format", "csv"]).1;
    assert!(csv.contains("\"'=cmd") && csv.trim_end().ends_with(",-5"), "{csv:?}");
    assert!(csv.contains(r"\u{1b}[2J\u{202e}") && !csv.contains(['\u{1b}', '\u{202e}']), "{csv:?}");
    assert_eq!(csv.lines().count(), 2, "{csv:?}");
    let table = query(&place, &[sql, "log.ndjson"]).1;
    assert!(table.contains(r"=cmd|' /C calc'!A0\u{1b}[2J\u{202e}") && !table.contains('\u{1b}'), "{table:?}");
    assert_eq!(table.lines().count(), 3, "{table}");
}

#[test]
fn what_is_wrong_is_said_and_what_was_not_read_changes_the_exit_code() {
    let place = Place::new();
    place.write("log.ndjson", (line("2026-05-01T00:00:00Z", "a") + "broken\n").as_bytes());
    let (code, out, err) =
        query(&place, &["SELECT count(*) AS n FROM log", "log.ndjson", "--format", "jsonl"]);
    assert_eq!((code, out.trim()), (3, r#"{"n":1}"#));
    assert!(err.contains("line 2"), "{err}");
    let (_, _, err) = query(&place, &["SELECT user.emial FROM log", "log.ndjson"]);
    assert!(err.contains("no record has `user.emial`"), "{err}");
    for (sql, part) in [
        ("SELECT nothing FROM findings", "nothing"),
        ("SELECT a FROM logs", "there is no table `logs`"),
        ("SELEC a", "SQL"),
        ("DROP TABLE log", "SELECT"),
        ("SELECT * FROM read_csv('/etc/passwd')", "read_csv"),
        ("SELECT sum(user.email, 1, 2) FROM log", "sum"),
    ] {
        let (code, out, err) = query(&place, &[sql, "log.ndjson"]);
        assert!(code == 2 && out.is_empty(), "{sql}: {code} {out}");
        assert!(err.to_lowercase().contains(&part.to_lowercase()), "{sql}: {err}");
    }
    let (code, _, err) = query(&place, &["SELECT 1 FROM log", "log.ndjson", "--format", "parquet"]);
    assert!(code == 2 && err.contains("--output"), "{err}");
}

#[test]
fn standard_input_is_not_read_twice() {
    let place = Place::new();
    let ask = |sql: &str| {
        let log = std::fs::File::open(Path::new(FIXTURE).join("mixpanel-audit.ndjson")).unwrap();
        let output = command(place.folder.path()).args(["query", sql, "-"]).stdin(log).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for sql in [
        "SELECT l._record FROM log l JOIN findings f ON l.user.email = f.actor",
        "SELECT user.email FROM log WHERE user.email IN (SELECT actor FROM findings)",
        "SELECT count(*) FROM log UNION ALL SELECT count(*) FROM log",
    ] {
        let (code, err) = ask(sql);
        assert!(code == Some(2) && err.contains("save them to a file"), "{sql}: {err}");
    }
    let (code, err) = ask("SELECT count(*) FROM log");
    assert_eq!(code, Some(0), "{err}");
}

/// The counts of `scan --stats` are those of SQL over the same logs.
#[test]
fn statistics_are_what_sql_counts() {
    let place = Place::new();
    let stats = |more: &[&str]| {
        let args = [&["scan", FIXTURE, "--stats", "--format", "jsonl", "--quiet"], more].concat();
        let output = command(place.folder.path()).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = stats(&[]);
    let counted: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (by, field) in [("account", "user.email"), ("action", "event.action"), ("address", "source.ip")] {
        let sql = format!("SELECT {field} AS value, count(*) AS records FROM log GROUP BY {field}");
        let mut expected: Vec<(Value, Value)> = rows(&place, &sql, FIXTURE)
            .into_iter()
            .map(|row| (row["value"].clone(), row["records"].clone()))
            .collect();
        expected.sort_by_key(|(value, records)| {
            (std::cmp::Reverse(records.as_u64()), value.is_null(), value.as_str().map(str::to_owned))
        });
        let own: Vec<(Value, Value)> = counted
            .iter()
            .filter(|row| row["by"] == by)
            .map(|row| (row["value"].clone(), row["records"].clone()))
            .collect();
        assert!(own.len() > 5, "{by}: {own:?}");
        assert_eq!(own, expected, "{by}");
    }
    let hours: Vec<&Value> = counted.iter().filter(|row| row["by"] == "hour").collect();
    assert_eq!(hours.len(), 24);
    let all = records("okta-system-log.ndjson").len() + records("mixpanel-audit.ndjson").len();
    assert_eq!(hours.iter().filter_map(|row| row["records"].as_u64()).sum::<u64>(), all as u64);
    assert_eq!(text, stats(&["--threads", "2", "--chunk-size", "4KiB"]), "the same bytes however it is cut");
    let one = stats(&["--account", "jane@agency.example"]);
    let one: Vec<Value> = one.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let accounts: Vec<&Value> = one.iter().filter(|row| row["by"] == "account").collect();
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0], counted.iter().find(|row| row["value"] == "jane@agency.example").unwrap());
    for refused in [&["--stats", "--format", "html"][..], &["--stats", "--level", "high"]] {
        let args = [&["scan", FIXTURE], refused].concat();
        let output = command(place.folder.path()).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{refused:?}");
    }
}
