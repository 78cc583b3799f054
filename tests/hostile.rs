//! Input as an attacker or an accident shapes it: every byte is accounted for, no match is lost, and what was wrong is
//! named.

mod common;

use common::{HIT, PLAIN, Place, gzip, zip};
use portcullis::event::Fields;
use portcullis::rule::sample::JsonFields;
use portcullis::rule::{Loaded, load_embedded};
use portcullis::source::{SOURCES, Source};
use portcullis::synth::hostile;
use serde_json::Value;

/// A line between two planted records: both are found, the line is named.
#[test]
fn a_bad_line_costs_itself_alone() {
    let deep = String::from_utf8(hostile::deep(100_000)).unwrap();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("invalid UTF-8", b"{\"action\":\"\xFF\"}".to_vec(), "invalid UTF-8"),
        ("NUL", b"{\"action\":\"a\0b\"}".to_vec(), "control character in a string"),
        ("raw escape", b"{\"action\":\"\x1b[2J\"}".to_vec(), "control character in a string"),
        ("lone surrogate", br#"{"action":"\ud800"}"#.to_vec(), "lone surrogate in a \\u escape"),
        ("unknown escape", br#"{"action":"\q"}"#.to_vec(), "unknown escape in a string"),
        ("nesting", deep.trim_end().as_bytes().to_vec(), "nested deeper than 128 levels"),
        ("brackets", br#"{"action":["x"}"#.to_vec(), "expected a comma or ] after the value"),
        ("two objects", format!("{PLAIN}{HIT}").into_bytes(), "more data after the record's end"),
        ("trailing comma", br#"{"action":"x",}"#.to_vec(), "expected a key in double quotes"),
        ("single quotes", br"{'action':'x'}".to_vec(), "expected a key in double quotes"),
        ("NaN", br#"{"n":NaN}"#.to_vec(), "not a JSON value"),
        ("number", br#"{"n":01}"#.to_vec(), "not a JSON value"),
        ("cut off", br#"{"action":"x"#.to_vec(), "string is never closed"),
        ("array", b"[1,2]".to_vec(), "record is not a JSON object"),
        ("words", b"Traceback (most recent call last):".to_vec(), "record is not a JSON object"),
    ];
    for (what, bad, reason) in cases {
        let place = Place::new();
        let log = [HIT.as_bytes(), &bad, HIT.as_bytes(), b""].join(&b'\n');
        place.write("log", &log);
        for engine in ["fast", "strict"] {
            let scanned = place.scan(&["log", "--engine", engine]);
            assert_eq!(scanned.code, 3, "{what}: {}", scanned.stderr);
            assert_eq!(scanned.balance(), log.len() as u64, "{what}");
            assert_eq!(scanned.hits(), 2, "{what}");
            assert_eq!(scanned.rejected(), [(2, HIT.len() as u64 + 1, reason.to_owned())], "{what}");
        }
    }
}

#[test]
fn ten_kinds_of_malformed_line_among_a_thousand_good_ones() {
    let bad: [(&[u8], &str); 10] = [
        (b"{\"a\":\"\xC3\x28\"}", "invalid UTF-8"),
        (b"{\"a\":\"\x07\"}", "control character in a string"),
        (br#"{"a":"\udc00"}"#, "lone surrogate in a \\u escape"),
        (br#"{"a":"\x41"}"#, "unknown escape in a string"),
        (br#"{"a":1"#, "record ends before its brackets close"),
        (br#"{"a" 1}"#, "expected a colon after the key"),
        (br#"{"a":1 "b":2}"#, "expected a comma or } after the value"),
        (br#"{"a":tru}"#, "not a JSON value"),
        (b"null", "record is not a JSON object"),
        (br#"{"a":"x}"#, "string is never closed"),
    ];
    let (mut log, mut expected, mut line) = (Vec::new(), Vec::new(), 0);
    for number in 0..1000 {
        let mut push = |bytes: &[u8]| {
            line += 1;
            let offset = log.len() as u64;
            log.extend_from_slice(bytes);
            log.push(b'\n');
            (line, offset)
        };
        if number % 100 == 50 {
            push(HIT.as_bytes());
            let (bytes, reason) = bad[number / 100];
            let (line, offset) = push(bytes);
            expected.push((line, offset, reason.to_owned()));
            push(HIT.as_bytes());
        } else {
            push(PLAIN.as_bytes());
        }
    }
    let place = Place::new();
    place.write("log", &log);
    let scanned = place.scan(&["log"]);
    assert_eq!((scanned.code, scanned.hits()), (3, 20));
    assert_eq!(scanned.rejected(), expected);
    assert_eq!(scanned.balance(), log.len() as u64);
}

#[test]
fn good_logs_of_every_habit_are_clean() {
    let lines = format!("{HIT}\n{PLAIN}\n{HIT}\n");
    let cases = [
        ("byte order mark", format!("\u{feff}{lines}")),
        ("CRLF", lines.replace('\n', "\r\n")),
        ("no last newline", lines.trim_end().to_owned()),
        ("blank lines", format!("\n  \n{}", lines.replace('\n', "\n\n\t\n"))),
        ("spaces", lines.replace("\":", "\" : ")),
        ("array", format!("[{}]", lines.trim_end().replace('\n', ","))),
        (
            "array over lines",
            format!("[\n{}\n]\n", lines.trim_end().replace('\n', ",\n").replace("\",\"", "\",\n  \"")),
        ),
        ("pages", format!("[{HIT}]\n[{PLAIN},\n{HIT}]\n")),
    ];
    for (what, log) in cases {
        let place = Place::new();
        place.write("log", log.as_bytes());
        for (scanned, how) in
            [(place.scan(&["log"]), "file"), (place.scan_with(&["-"], Some(log.as_bytes())), "stream")]
        {
            assert_eq!((scanned.code, scanned.hits()), (0, 2), "{what} as {how}: {}", scanned.stderr);
            assert_eq!(scanned.balance(), log.len() as u64, "{what} as {how}");
        }
    }
    for empty in ["", "\n\n  \n"] {
        let place = Place::new();
        place.write("log", empty.as_bytes());
        let scanned = place.scan(&["log"]);
        assert_eq!((scanned.code, scanned.balance()), (0, empty.len() as u64), "{}", scanned.stderr);
    }
}

#[test]
fn a_line_over_the_limit_is_skipped_in_bounded_memory() {
    let mut log = format!("{HIT}\n").into_bytes();
    hostile::long_line(64 << 20, &mut log).unwrap();
    let long = log.len() as u64 - HIT.len() as u64 - 1;
    log.extend_from_slice(format!("{HIT}\n").as_bytes());
    let place = Place::new();
    place.write("log", &log);
    for scanned in [place.scan(&["log"]), place.scan_with(&["-"], Some(&log))] {
        assert_eq!((scanned.code, scanned.hits()), (3, 2), "{}", scanned.stderr);
        assert_eq!(
            scanned.rejected(),
            [(2, HIT.len() as u64 + 1, "record longer than the limit".to_owned())]
        );
        assert_eq!(scanned.ledger["inputs"][0]["rejected_bytes"], long);
        assert_eq!(scanned.balance(), log.len() as u64);
    }
}

/// The first record decides what a log is, however long it is; where it is too long, the next does.
#[test]
fn a_long_first_record_hides_nothing() {
    let place = Place::new();
    let long = |length: usize| {
        let padding = format!("\"details\":\"{}\",\"action\"", "x".repeat(length));
        HIT.replace("\"action\"", &padding)
    };
    for (length, code, hits) in [(70_000, 0, 3), (3 << 20, 0, 3), (5 << 20, 3, 2)] {
        let log = format!("\n{}\n{HIT}\n{HIT}\n", long(length));
        place.write("log", log.as_bytes());
        place.write("log.gz", &gzip(log.as_bytes()));
        for name in ["log", "log.gz"] {
            let scanned = place.scan(&[name]);
            assert_eq!((scanned.code, scanned.hits()), (code, hits), "{name} {length}: {}", scanned.stderr);
            assert_eq!(scanned.balance(), log.len() as u64, "{name} {length}");
            assert_eq!(scanned.rejected().len(), 3 - hits, "{name} {length}: {}", scanned.stderr);
        }
    }
    let too_long = format!("{}\n{}\n{HIT}\n", long(9_000), long(9_000));
    place.write("log", too_long.as_bytes());
    let scanned = place.scan(&["log", "--max-record", "4KiB"]);
    assert_eq!((scanned.code, scanned.hits()), (3, 1), "{}", scanned.stderr);
    assert!(scanned.stderr.contains("line 2, offset 9152"), "{}", scanned.stderr);
}

#[test]
fn gzip_cut_anywhere_gives_what_is_good_and_says_so() {
    let log = format!("{HIT}\n{PLAIN}\n").repeat(20);
    let whole = gzip(log.as_bytes());
    for cut in (12..whole.len()).step_by(7) {
        let place = Place::new();
        place.write("log.gz", &whole[..cut]);
        let scanned = place.scan(&["log.gz", "--source", "mixpanel-audit"]);
        assert_eq!(scanned.code, 3, "cut at {cut}");
        assert!(
            scanned.stderr.contains("cut off") || scanned.stderr.contains("no records"),
            "{cut}: {}",
            scanned.stderr
        );
        scanned.balance();
    }
    let place = Place::new();
    place.write("two.gz", &[gzip(log.as_bytes()), gzip(log.as_bytes())].concat());
    assert_eq!((place.scan(&["two.gz"]).code, place.scan(&["two.gz"]).hits()), (0, 40));
    place.write("garbage.gz", &[whole.clone(), b"garbage".to_vec()].concat());
    let scanned = place.scan(&["garbage.gz"]);
    assert_eq!((scanned.code, scanned.hits()), (3, 20), "{}", scanned.stderr);
    let mut broken = whole.clone();
    let crc = broken.len() - 8;
    broken[crc] ^= 1;
    place.write("crc.gz", &broken);
    let scanned = place.scan(&["crc.gz"]);
    assert_eq!((scanned.code, scanned.hits()), (3, 20), "{}", scanned.stderr);
}

#[test]
fn bombs_are_errors_and_not_truncated_in_silence() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut bomb, format!("{HIT}\n").as_bytes()).unwrap();
    for _ in 0..200 {
        std::io::Write::write_all(&mut bomb, &vec![b'\n'; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let place = Place::new();
    place.write("bomb.gz", &bomb);
    let scanned = place.scan(&["bomb.gz"]);
    assert_eq!((scanned.code, scanned.hits()), (3, 1));
    assert!(scanned.stderr.contains("--max-ratio"), "{}", scanned.stderr);
    scanned.balance();
    let scanned = place.scan(&["bomb.gz", "--max-ratio", "2000"]);
    assert_eq!((scanned.code, scanned.hits()), (0, 1), "{}", scanned.stderr);
    let scanned = place.scan(&["bomb.gz", "--max-expanded", "1MiB"]);
    assert!(scanned.code == 3 && scanned.stderr.contains("--max-expanded"), "{}", scanned.stderr);
}

#[test]
fn archives_cannot_lead_out_and_hide_nothing() {
    let log = format!("{HIT}\n");
    let place = Place::new();
    place.write(
        "a.zip",
        &zip(&[
            ("../../etc/log", log.as_bytes()),
            ("in/log", log.as_bytes()),
            ("inner.gz", &gzip(log.as_bytes())),
        ]),
    );
    let scanned = place.scan(&["a.zip"]);
    assert_eq!((scanned.code, scanned.hits()), (3, 2), "{}", scanned.stderr);
    assert!(
        scanned.stderr.contains("leaves the archive") && scanned.stderr.contains("compressed"),
        "{}",
        scanned.stderr
    );
    assert!(
        scanned
            .findings()
            .iter()
            .all(|finding| !finding["events"][0]["path"].as_str().unwrap().contains(".."))
    );
    assert!(!place.path("../../etc/log").exists());
    let scanned = place.scan_with(&["-"], Some(&zip(&[("log", log.as_bytes())])));
    assert!(scanned.code == 3 && scanned.stderr.contains("save it to a file"), "{}", scanned.stderr);
}

#[test]
fn what_nobody_knows_is_counted_and_named() {
    let place = Place::new();
    place.write("logs/words", b"just some words\nand more\n");
    place.write("logs/other", b"{\"level\":\"info\",\"msg\":\"x\"}\n");
    place.write("logs/good", format!("{HIT}\n").as_bytes());
    let scanned = place.scan(&["logs", "missing", "no*match"]);
    assert_eq!((scanned.code, scanned.hits()), (3, 1), "{}", scanned.stderr);
    scanned.balance();
    for named in ["logs/words", "level, msg", "missing", "no*match", "--mapping"] {
        assert!(scanned.stderr.contains(named), "{named}: {}", scanned.stderr);
    }
}

/// What a scan found lies beside the logs: it is not found once more.
#[test]
fn findings_are_no_log() {
    let place = Place::new();
    place.write("logs/log", format!("{HIT}\n").as_bytes());
    let before = place.scan(&["logs"]).hits();
    for (format, name) in [("jsonl", "found.jsonl"), ("csv", "found.csv"), ("timesketch-csv", "found.tl.csv")]
    {
        let path = format!("logs/{name}");
        let args = ["scan", "logs/log", "--format", format, "-o", &path];
        assert!(common::command(place.folder.path()).args(args).status().unwrap().success());
        let scanned = place.scan(&[&path]);
        assert_eq!((scanned.code, scanned.findings().len()), (3, 0), "{name}: {}", scanned.stderr);
        assert!(scanned.stderr.contains("findings of Portcullis"), "{name}: {}", scanned.stderr);
    }
    let scanned = place.scan(&["logs"]);
    assert_eq!((scanned.code, scanned.hits()), (0, before), "{}", scanned.stderr);
    assert!(scanned.stderr.contains("3 in folders and archives left alone: findings"), "{}", scanned.stderr);
}

#[test]
fn a_pattern_takes_folders_and_says_what_it_cannot_read() {
    let place = Place::new();
    place.write("logs/a", format!("{HIT}\n").as_bytes());
    place.write("logs/deep/er/b", format!("{HIT}\n").as_bytes());
    let scanned = place.scan(&["logs/*"]);
    assert_eq!((scanned.code, scanned.hits()), (0, 2), "{}", scanned.stderr);
    std::os::unix::fs::symlink("nowhere", place.path("logs/gone")).unwrap();
    std::os::unix::fs::symlink("nowhere", place.path("logs/deep/gone")).unwrap();
    for (pattern, hits, named) in [("logs/*", 2, "logs/deep/gone"), ("logs/g*", 0, "logs/gone")] {
        let scanned = place.scan(&[pattern]);
        assert_eq!((scanned.code, scanned.hits()), (3, hits), "{pattern}: {}", scanned.stderr);
        assert!(scanned.stderr.contains(named), "{pattern}: {}", scanned.stderr);
    }
    let twice = place.scan(&["logs/a", "logs/a*", "logs/*a"]);
    assert_eq!((twice.code, twice.hits()), (0, 1), "{}", twice.stderr);
    let scanned = place.scan(&["logs/a*"]);
    assert_eq!((scanned.code, scanned.hits()), (0, 1), "what cannot match is no problem: {}", scanned.stderr);
}

#[test]
fn a_pipe_given_as_a_path_is_read_whole() {
    for bytes in [format!("{HIT}\n").into_bytes(), gzip(format!("{HIT}\n").as_bytes())] {
        let place = Place::new();
        let made = std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap();
        assert!(made.success());
        let path = place.path("pipe");
        let feeder = std::thread::spawn(move || {
            let mut pipe = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            std::io::Write::write_all(&mut pipe, &bytes)
        });
        let scanned = place.scan(&["pipe"]);
        feeder.join().unwrap().unwrap();
        assert_eq!((scanned.code, scanned.hits()), (0, 1), "{}", scanned.stderr);
        assert_eq!(scanned.balance(), HIT.len() as u64 + 1);
    }
}

#[test]
fn archives_leave_alone_what_folders_do() {
    let place = Place::new();
    let log = format!("{HIT}\n");
    let members = ["log", "README.md", "in/.hidden", "__MACOSX/in/._log"].map(|name| (name, log.as_bytes()));
    place.write("a.zip", &zip(&members));
    let scanned = place.scan(&["a.zip"]);
    assert_eq!((scanned.code, scanned.hits()), (0, 1), "{}", scanned.stderr);
    for named in ["hidden", "README.md", "__MACOSX"] {
        assert!(scanned.stderr.contains(named), "{named}: {}", scanned.stderr);
    }
    place.write("none.zip", &zip(&members[1..]));
    let scanned = place.scan(&["none.zip"]);
    assert!(scanned.code == 3 && scanned.stderr.contains("no files to read"), "{}", scanned.stderr);
}

#[test]
fn broken_csv_costs_lines_and_no_more() {
    let header = "Date and Time,User,Action,IP Address";
    let hit = "2026-10-24 01:36:17 AM PDT,jane@agency.example,user.twofactor_disabled,203.0.113.77";
    let bad = ["a,b", "a,b,c,d,e", "a\"b,c,d,e", "\"a\"b,c,d,e"];
    let mut log = format!("{header}\n{hit}\n");
    for line in bad {
        log.push_str(&format!("{line}\n{hit}\n"));
    }
    log.push_str(&format!("\"multi\nline\",b,c,d\n{hit}\n\"never closed,b,c,d\n{hit}\n"));
    let place = Place::new();
    place.write("log.csv", log.as_bytes());
    let scanned = place.scan(&["log.csv"]);
    assert_eq!((scanned.code, scanned.hits()), (3, 7), "{}", scanned.stderr);
    let lines: Vec<u64> = scanned.rejected().iter().map(|range| range.0).collect();
    assert_eq!(lines, [3, 5, 7, 9, 14]);
    assert_eq!(scanned.balance(), log.len() as u64);
    let time = scanned.findings()[0]["time"].clone();
    assert_eq!(time, "2026-10-24T08:36:17Z");
}

#[test]
fn times_that_leave_a_doubt_are_evaluated_and_listed() {
    let place = Place::new();
    let doubt = HIT.replace("2026-10-24T01:36:17Z", "2026-10-24 01:36:17");
    place.write(
        "log",
        format!("{HIT}\n{doubt}\n{}\n", HIT.replace("2026-10-24T01:36:17Z", "soon")).as_bytes(),
    );
    let scanned = place.scan(&["log"]);
    assert_eq!((scanned.code, scanned.hits()), (3, 3));
    let times: Vec<_> = scanned.findings().iter().map(|finding| finding["time"].clone()).collect();
    assert_eq!(
        times,
        [serde_json::json!("2026-10-24T01:36:17Z"), serde_json::Value::Null, serde_json::Value::Null]
    );
    assert!(scanned.stderr.contains("--log-zone"), "{}", scanned.stderr);
    let scanned = place.scan(&["log", "--log-zone", "Europe/Berlin"]);
    assert_eq!(scanned.findings()[0]["time"], "2026-10-23T23:36:17Z");
}

#[test]
fn terminals_and_spreadsheets_get_no_orders() {
    let place = Place::new();
    let agent = "=cmd|' /C calc'!A0\\u001b[2J\\u202e<script>";
    let record = HIT.replace("jane@agency.example", agent);
    place.write("log", format!("{record}\n").as_bytes());
    let run = |format: &str| {
        let output =
            common::command(place.folder.path()).args(["scan", "log", "--format", format]).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let text = run("text");
    assert!(
        !text.chars().any(|letter| letter != '\n' && (letter.is_control() || letter == '\u{202e}')),
        "{text:?}"
    );
    assert!(text.contains("\\u{1b}[2J\\u{202e}"), "{text}");
    for format in ["csv", "timesketch-csv"] {
        let text = run(format);
        assert!(text.contains("'=cmd") && text.contains("\\u{1b}[2J\\u{202e}"), "{text:?}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
    let args = ["scan", "log", "--stats", "--format", "csv"];
    let stats = common::command(place.folder.path()).args(args).output().unwrap().stdout;
    let stats = String::from_utf8(stats).unwrap();
    assert!(stats.contains("\\u{1b}[2J\\u{202e}") && !stats.contains(['\u{1b}', '\u{202e}']), "{stats:?}");
    let scanned = place.scan(&["log"]);
    let decoded: serde_json::Value = serde_json::from_str(&format!("\"{agent}\"")).unwrap();
    assert!(scanned.findings().iter().all(|finding| finding["actor"] == decoded));
    let names: Vec<_> =
        scanned.findings().iter().map(|finding| finding["rule_name"].as_str().unwrap().to_owned()).collect();
    for rule in
        ["log_injection_terminal", "log_injection_bidi", "log_injection_formula", "log_injection_script"]
    {
        assert!(names.iter().any(|name| name == rule), "{rule}: {names:?}");
    }
}

/// Times at both ends of what can be told, in every rule that looks back or groups.
#[test]
fn times_at_the_ends_of_time_are_read() {
    let place = Place::new();
    let mut log = String::new();
    for time in
        ["1970-01-01T00:00:00Z", "1970-01-20T00:00:00Z", "2262-04-11T23:00:00Z", "2026-10-24T01:00:00Z"]
    {
        for action in
            ["session.logged_in", "raw_event_export.requested", "cohort.created", "user.twofactor_disabled"]
        {
            let record = HIT.replace("2026-10-24T01:36:17Z", time).replace("user.twofactor_disabled", action);
            log.push_str(&record);
            log.push('\n');
        }
    }
    place.write("log", log.as_bytes());
    for engine in ["fast", "strict"] {
        let scanned = place.scan(&["log", "--engine", engine]);
        assert_eq!(scanned.code, 0, "{}", scanned.stderr);
        assert_eq!(scanned.hits(), 4);
    }
}

/// A record that a rule for this source alone finds, and the rule; else one that a rule for every log finds.
fn hit_of(source: &Source, rules: &Loaded) -> (Value, String) {
    let own = rules.rules.iter().filter(|rule| rule.logsource.product.is_some());
    let own = own.filter(|rule| source.takes(&rule.logsource) && !source.logsources.is_empty());
    let sample = own.filter(|rule| !rule.is_stateful()).find_map(|rule| {
        let record = rule.samples.matches.iter().find(|sample| sample.is_object())?;
        let own = |name: &str| vec![name.to_owned()];
        let fields = JsonFields::new(record, &own);
        let has = |path: &str| {
            let mut found = false;
            fields.values(path, &mut |_| found = true);
            found
        };
        (source.looks_like)(&has).then(|| (record.clone(), rule.meta.name.clone()))
    });
    sample.unwrap_or_else(|| {
        let mut record = serde_json::json!({});
        for (field, value) in [
            ("@timestamp", "2026-10-24T01:36:17Z"),
            ("event.action", "session.logged_in"),
            ("user.email", "a\u{1b}[2J"),
        ] {
            let path = (source.aliases)(field).into_iter().next().unwrap_or_else(|| field.to_owned());
            let mut place = &mut record;
            for key in path.split('.') {
                place = &mut place[key];
            }
            *place = Value::from(value);
        }
        let rule = if source.is_calendar { "row" } else { "log_injection_terminal" };
        (record, rule.to_owned())
    })
}

const ROW: &str = "title: Row\nname: row\nlogsource: {product: roster}\nlevel: low\n\
                   detection: {s: {event.action: person.left}, condition: s}\n";

/// The same record with every leaf replaced, each key doubled, nested, renamed.
fn odd_variants(hit: &Value) -> Vec<String> {
    fn replace(value: &Value, with: &Value) -> Value {
        match value {
            Value::Object(members) => {
                members.iter().map(|(key, member)| (key.clone(), replace(member, with))).collect()
            }
            Value::Array(items) => items.iter().map(|item| replace(item, with)).collect(),
            _ => with.clone(),
        }
    }
    let long = Value::String("x".repeat(100_000));
    let deep = (0..100).fold(Value::from(1), |inner, _| Value::Array(vec![inner]));
    let numbers = serde_json::json!(-1e308);
    let odd =
        [Value::Null, Value::Bool(false), numbers, long, deep, serde_json::json!([]), serde_json::json!({})];
    let mut variants: Vec<String> = odd.iter().map(|with| replace(hit, with).to_string()).collect();
    let text = hit.to_string();
    let doubled = text.strip_suffix('}').zip(text.strip_prefix('{'));
    variants.extend(doubled.map(|(first, second)| format!("{first},{second}")));
    variants.push(text.replace("\":", "\\u0000\":"));
    variants.push(serde_json::json!({ "a": hit }).to_string());
    variants.push(text.replace(':', " :\t").replace(',', " ,"));
    variants
}

/// Every source of the registry: odd and broken records between good ones cost themselves alone, as lines and as a page.
#[test]
fn every_source_survives_what_an_attacker_writes() {
    let rules = load_embedded();
    for source in SOURCES {
        let (hit, rule) = hit_of(source, &rules);
        let good = hit.to_string();
        let half: String = good.chars().take(good.chars().count() / 2).collect();
        let broken = [half, good.replacen('"', "'", 1), "\u{0}\u{7}".to_owned()];
        let odd = odd_variants(&hit);
        let mut lines = String::new();
        for bad in odd.iter().chain(&broken) {
            lines.push_str(&format!("{good}\n{bad}\n"));
        }
        let pages = source.pages.iter().map(|path| {
            let records: Vec<String> = odd.iter().flat_map(|bad| [good.clone(), bad.clone()]).collect();
            let inner = format!("[{}]", records.join(",\n"));
            let page = path
                .rsplit('.')
                .fold(inner, |inner, key| format!("{{\"x\":[1],\"{key}\":{inner},\"y\":{{}}}}"));
            ((*path).to_owned(), page, odd.len())
        });
        let logs = std::iter::once(("lines".to_owned(), lines, odd.len() + broken.len())).chain(pages);
        for (what, log, planted) in logs {
            let place = Place::new();
            place.write("log", log.as_bytes());
            place.write("row.yml", ROW.as_bytes());
            // No built-in rule finds a row of a roster by itself.
            let rules: &[&str] = if source.is_calendar { &["--rules", "row.yml"] } else { &[] };
            let mut before = None;
            for engine in ["fast", "strict"] {
                let args = [&["log", "--source", source.name, "--engine", engine], rules].concat();
                let scanned = place.scan(&args);
                let what = format!("{} {what} {engine}: {}", source.name, scanned.stderr);
                assert!([0, 3].contains(&scanned.code), "{what}");
                assert_eq!(scanned.balance(), log.len() as u64, "{what}");
                assert_eq!(scanned.ledger["inputs"][0]["source"], source.name, "{what}");
                let findings = scanned.findings();
                let hits = findings.iter().filter(|finding| finding["rule_name"] == rule.as_str());
                assert!(hits.count() >= planted, "{what}");
                assert!(before.is_none_or(|before| before == findings), "{what}");
                before = Some(findings);
            }
        }
    }
}
