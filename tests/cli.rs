//! The command line as a user meets it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::io::Read;
use std::process::Stdio;

use common::{HIT, Place, command};

fn run(place: &Place, args: &[&str]) -> (i32, String, String) {
    let output = command(place.folder.path()).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn flags(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    words.filter(|word| word.len() > 3 && word.starts_with("--")).map(str::to_owned).collect()
}

#[test]
fn the_readme_lists_exactly_the_options_of_scan() {
    let help = run(&Place::new(), &["scan", "--help"]).1;
    let readme = include_str!("../README.md");
    let table = readme.split("## Options of `scan`").nth(1).unwrap().split("\n## ").next().unwrap();
    let common: BTreeSet<String> = ["--help", "--version"].map(str::to_owned).into();
    assert_eq!(flags(table), &flags(&help) - &common);
}

#[test]
fn the_readme_shows_what_its_first_command_prints() {
    let place = Place::new();
    let readme = include_str!("../README.md");
    let output = command(std::path::Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["scan", "fixtures/incident"])
        .output();
    let output = output.unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for line in out.lines().take(3).chain(err.lines().take(1)) {
        let line = line.replace("fixtures/incident/okta-system-log.ndjson", "…");
        assert!(readme.contains(line.trim_end()), "{line}");
    }
    let count = run(&place, &["rules", "list"]).1.lines().count();
    assert!(readme.contains(&format!("{count} rules come with the program")), "{count}");
}

#[test]
fn every_command_has_help_with_examples_and_a_manual_page() {
    let place = Place::new();
    for command in [
        "scan",
        "query",
        "timeline",
        "evidence",
        "rules",
        "baseline",
        "synth",
        "drill",
        "lockdown",
        "offboard",
        "rotate",
        "review",
        "status",
        "verify",
        "restore",
        "doctor",
        "config",
        "completions",
        "man",
    ] {
        let (code, help, _) = run(&place, &[command, "--help"]);
        assert_eq!(code, 0, "{command}");
        assert!(help.contains("Examples:") || help.contains("Commands:"), "{command}: {help}");
        let (code, page, _) = run(&place, &["man", command]);
        assert!(code == 0 && page.contains(".TH"), "{command}");
    }
    let (code, script, _) = run(&place, &["completions", "bash"]);
    assert!(code == 0 && script.contains("portcullis"));
}

#[test]
fn bad_usage_is_2_and_says_what_to_do() {
    let place = Place::new();
    place.write("log", format!("{HIT}\n").as_bytes());
    place.write(
        "bad.yml",
        b"title: x\nlogsource: {product: okta}\ndetection:\n  a:\n    f|contain: x\n  condition: a\n",
    );
    std::fs::create_dir(place.path("empty")).unwrap();
    // The credential is missing, and no incident needs it.
    place.write(
        "portcullis.toml",
        b"[provider.mixpanel]\norganization = 90210\ncredential = 'env:MIXPANEL'\n",
    );
    for (args, part) in [
        (vec!["scan"], "PATH"),
        (vec!["scan", "log", "--source", "otka"], "did you mean `okta`"),
        (vec!["scan", "log", "--format", "json"], "jsonl"),
        (vec!["scan", "log", "--level", "hihg"], "did you mean `high`"),
        (vec!["scan", "log", "--since", "yesterday"], "2026-05-01"),
        (vec!["scan", "log", "--log-zone", "Mars/Olympus"], "Europe/Berlin"),
        (vec!["scan", "log", "--chunk-size", "12"], "between 4KiB"),
        (vec!["scan", "log", "--threads", "1000000"], "--threads has to be between 0 and 1024"),
        (vec!["scan", "log", "--since", "2026-05-01T00:00:00"], "time names no zone; write 2026-05-01"),
        (vec!["scan", "log", "--since", "2026-05-01T00:00:00+25:00"], "unknown zone"),
        (vec!["rules", "check", "empty"], "empty:1:1: no rules here"),
        (vec!["scan", "log", "--ledger", "-"], "cannot go to one place"),
        (vec!["scan", "log", "-o", "a", "--ledger", "a"], "cannot go to one place"),
        (vec!["restore", "nope"], "no incident nope"),
        (vec!["verify", "nope"], "no incident nope"),
        (vec!["scan", "log", "--rules", "bad.yml"], "bad.yml:5:5: unknown modifier `contain`"),
        (vec!["scan", "log", "--mapping", "missing.toml"], "cannot read mapping file"),
        (vec!["rules", "check", "bad.yml"], "did you mean `contains`"),
        (vec!["rules", "explain", "okta_api_token_create", "log:1"], "did you mean `okta_api_token_created`"),
        (vec!["rules", "explain", "okta_api_token_created", "log:7"], "no record 7"),
    ] {
        let (code, _, stderr) = run(&place, &args);
        assert_eq!(code, 2, "{args:?}: {stderr}");
        assert!(stderr.contains(part), "{args:?}: {stderr}");
    }
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let place = Place::new();
    place.write("good", format!("{HIT}\n").as_bytes());
    place.write("bad", format!("{HIT}\n{{\n").as_bytes());
    for (args, code) in [
        (vec!["scan", "good"], 0),
        (vec!["scan", "good", "--fail-on", "medium"], 1),
        (vec!["scan", "good", "--fail-on", "high"], 0),
        (vec!["scan", "bad"], 3),
        (vec!["scan", "bad", "--fail-on", "medium"], 1),
        (vec!["scan", "missing"], 3),
    ] {
        assert_eq!(run(&place, &args).0, code, "{args:?}");
    }
}

#[test]
fn filters_keep_what_they_say() {
    let place = Place::new();
    let other = HIT.replace("jane@", "bob@").replace("2026-10-24T01", "2026-10-25T01");
    place.write("log", format!("{HIT}\n{other}\n").as_bytes());
    let hits = |args: &[&str]| place.scan(&[&["log"], args].concat()).hits();
    assert_eq!(hits(&[]), 2);
    assert_eq!(hits(&["--account", "JANE@agency.example"]), 1);
    assert_eq!(hits(&["--since", "2026-10-25"]), 1);
    assert_eq!(hits(&["--until", "2026-10-24T01:36:17Z"]), 0);
    assert_eq!(hits(&["--since", "2026-10-24T01:36:17Z", "--until", "2026-10-24T01:36:18Z"]), 1);
    assert_eq!(hits(&["--level", "critical"]), 0);
    let ledger = place.scan(&["log", "--account", "nobody"]).ledger;
    let suppressed =
        ledger["rules"].as_array().unwrap().iter().map(|rule| rule["suppressed"].as_u64().unwrap());
    assert_eq!(suppressed.sum::<u64>(), 2);
}

#[test]
fn a_mapping_file_places_what_is_spelt_otherwise() {
    let place = Place::new();
    let log = HIT.replace("date_time", "When").replace("\"action\"", "\"What\"");
    place.write("log", format!("{log}\n").as_bytes());
    assert!(place.scan(&["log"]).stderr.contains("--mapping"));
    place.write("map.toml", b"[fields]\n\"@timestamp\" = \"When\"\n\"event.action\" = [\"What\"]\n");
    let scanned = place.scan(&["log", "--mapping", "map.toml", "--source", "mixpanel-audit"]);
    assert_eq!((scanned.code, scanned.findings().len()), (0, 1), "{}", scanned.stderr);
    assert_eq!(scanned.ledger["inputs"][0]["placed"]["@timestamp"], "When");
}

#[test]
fn what_a_mapping_file_says_in_vain_is_told() {
    let place = Place::new();
    place.write(
        "log",
        b"{\"When\":\"the day before yesterday\",\"What\":\"export\",\"Who\":\"jane@agency.example\"}\n",
    );
    let map = "[fields]\n\"@timestamp\" = \"When\"\n\"event.action\" = \"What\"\n\"user.emial\" = \"Who\"\n\"user.email\" = [\"Nobody\", \"No one\"]\n";
    place.write("map.toml", map.as_bytes());
    let scanned = place.scan(&["log", "--mapping", "map.toml", "--source", "generic"]);
    assert_eq!(scanned.code, 3, "{}", scanned.stderr);
    for told in [
        "no record has a time that can be read",
        "mapping: no rule reads `user.emial`; did you mean `user.email`?",
        "mapping: no record has `Nobody` or `No one`, which is to be read as `user.email`",
    ] {
        assert!(scanned.stderr.contains(told), "{told}: {}", scanned.stderr);
    }
    assert!(!scanned.stderr.contains("`What`"), "{}", scanned.stderr);
}

#[test]
fn colour_only_where_it_is_wanted() {
    let place = Place::new();
    place.write("log", format!("{HIT}\n").as_bytes());
    assert!(!run(&place, &["scan", "log"]).1.contains('\u{1b}'));
    assert!(run(&place, &["scan", "log", "--color", "always"]).1.contains('\u{1b}'));
    assert_eq!(run(&place, &["scan", "log", "-q"]).2, "");
}

#[test]
fn a_reader_that_goes_away_is_a_clean_end() {
    let place = Place::new();
    place.write("log", format!("{HIT}\n").repeat(20_000).as_bytes());
    let mut child = command(place.folder.path())
        .args(["scan", "log", "--format", "jsonl", "-q"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn an_output_file_is_whole_or_not_there() {
    let place = Place::new();
    place.write("log", format!("{HIT}\n").as_bytes());
    let (code, stdout, _) = run(&place, &["scan", "log", "--format", "csv", "-o", "out.csv"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(place.path("out.csv")).unwrap().lines().count(), 2);
    let (code, _, stderr) = run(&place, &["scan", "log", "-o", "no/such/folder/out"]);
    assert!(code == 2 && stderr.contains("no/such/folder/out"), "{stderr}");
}

#[test]
fn a_log_is_never_written_over_and_links_are_followed() {
    let place = Place::new();
    let log = format!("{HIT}\n");
    place.write("logs/log", log.as_bytes());
    std::os::unix::fs::symlink("logs/log", place.path("link")).unwrap();
    for args in [
        vec!["scan", "logs", "-o", "logs/log"],
        vec!["scan", "logs/*", "-o", "link"],
        vec!["scan", "logs/log", "--ledger", "link"],
        vec!["scan", "logs", "--stats", "-o", "link"],
        vec!["scan", "logs", "--format", "html", "-o", "link"],
        vec!["query", "SELECT 1 FROM log", "logs", "-o", "link"],
        vec!["baseline", "learn", "logs", "-o", "link"],
    ] {
        let (code, _, stderr) = run(&place, &args);
        assert!(code == 2 && stderr.contains("is one of the logs"), "{args:?}: {code} {stderr}");
        assert_eq!(std::fs::read_to_string(place.path("logs/log")).unwrap(), log, "{args:?}");
    }
    let stdin = std::fs::File::open(place.path("logs/log")).unwrap();
    let output =
        command(place.folder.path()).args(["scan", "-", "-o", "link"]).stdin(stdin).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("is one of the logs"));
    place.write("kept/old", b"old");
    std::os::unix::fs::symlink("kept/old", place.path("out")).unwrap();
    assert_eq!(run(&place, &["scan", "logs", "--format", "csv", "-o", "out"]).0, 0);
    assert!(std::fs::symlink_metadata(place.path("out")).unwrap().is_symlink());
    let written = std::fs::read_to_string(place.path("kept/old")).unwrap();
    let (_, stdout, _) = run(&place, &["scan", "logs", "--format", "csv", "-o", "-"]);
    assert!(written.lines().count() == 2 && stdout == written, "{stdout}");
    assert!(!place.path("-").exists());
    // A second run leaves the findings of the first alone, so they may be written over.
    for _ in 0..2 {
        let (code, _, stderr) = run(&place, &["scan", "logs", "--format", "jsonl", "-o", "logs/found.jsonl"]);
        assert_eq!(code, 0, "{stderr}");
    }
}

#[test]
fn a_pipe_is_written_into_and_not_replaced() {
    let place = Place::new();
    place.write("log", format!("{HIT}\n").as_bytes());
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap();
    assert!(made.success());
    let path = place.path("pipe");
    let reader = std::thread::spawn(move || std::fs::read_to_string(path).unwrap());
    let (code, _, stderr) = run(&place, &["scan", "log", "--format", "csv", "-o", "pipe"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(reader.join().unwrap().lines().count(), 2);
    let kind = std::fs::symlink_metadata(place.path("pipe")).unwrap().file_type();
    assert!(std::os::unix::fs::FileTypeExt::is_fifo(&kind));
}

#[test]
fn what_cannot_be_written_at_the_end_is_said_before_anything_is_read() {
    let place = Place::new();
    place.write("log", format!("{HIT}\n").as_bytes());
    for args in [
        ["scan", "log", "-o", "out", "--ledger", "no/such/ledger"],
        ["scan", "log", "-o", "no/such/out", "--ledger", "ledger"],
    ] {
        let (code, _, stderr) = run(&place, &args);
        assert!(code == 2 && stderr.contains("no/such"), "{args:?}: {stderr}");
        assert!(!stderr.contains("scanned"), "{args:?}: {stderr}");
        assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 1, "{args:?}");
    }
}

#[test]
fn a_baseline_of_nothing_takes_no_place() {
    let place = Place::new();
    place.write("log", format!("{HIT}\n").as_bytes());
    place.write("baseline.json", b"good");
    for (args, part) in [
        (vec!["baseline", "learn", "missing", "-o", "baseline.json"], "not one record was read"),
        (vec!["baseline", "learn", "log", "--until", "2020-01-01", "-o", "baseline.json"], "2020-01-01"),
    ] {
        let (code, _, stderr) = run(&place, &args);
        assert!(code == 2 && stderr.contains(part), "{args:?}: {code} {stderr}");
        assert_eq!(std::fs::read(place.path("baseline.json")).unwrap(), b"good", "{args:?}");
    }
    assert_eq!(run(&place, &["baseline", "learn", "log", "-o", "baseline.json"]).0, 0);
}

#[test]
fn an_empty_answer_is_said() {
    let place = Place::new();
    place.write(
        "portcullis.toml",
        b"[provider.mixpanel]\norganization = 90210\ncredential = 'env:MIXPANEL'\n",
    );
    let (code, out, stderr) = run(&place, &["status"]);
    assert!(code == 0 && out.is_empty() && stderr.contains("no incidents in "), "{code} {stderr}");
    let (code, out, stderr) = run(&place, &["calendar"]);
    assert!(code == 0 && out.contains("VCALENDAR") && stderr.contains("no inventory"), "{code} {stderr}");
}

#[test]
fn the_help_of_scan_names_every_format() {
    let help = run(&Place::new(), &["scan", "--help"]).1;
    let words: BTreeSet<&str> =
        help.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-')).collect();
    for format in portcullis::output::FORMATS {
        assert!(words.contains(format.name), "{}", format.name);
    }
}

#[test]
fn nothing_is_left_out_in_silence() {
    let place = Place::new();
    place.write("logs/log", format!("{HIT}\n").as_bytes());
    place.write("logs/.hidden", b"x");
    let burst = "title: Burst\ncorrelation: {type: event_count, rules: [nowhere], timespan: 1h, condition: {gte: 2}}\n";
    place.write("rules/a.yml", burst.as_bytes());
    let rule = format!("{}/rules/mixpanel/mixpanel_user_2fa_off.yml", env!("CARGO_MANIFEST_DIR"));
    let scanned = place.scan(&["logs", "--rules", &rule, "--rules", "rules"]);
    assert_eq!((scanned.code, scanned.hits()), (2, 1), "{}", scanned.stderr);
    for part in [
        "rules/a.yml",
        "no rule has the id or name `nowhere`",
        "hidden",
        "never show: token or secret resets",
    ] {
        assert!(scanned.stderr.contains(part), "{part}: {}", scanned.stderr);
    }
    let errors = scanned.ledger.get("rule_errors").and_then(|errors| errors.as_array()).map(Vec::len);
    assert_eq!(errors, Some(1));
}

#[test]
fn another_kind_of_log_in_the_same_file_is_told() {
    let place = Place::new();
    let event = "{\"id\":1,\"created_at\":\"2026-05-01T09:00:00Z\",\"account_id\":1,\"user_id\":2,\"event_type_id\":5,\
                 \"user_name\":\"bo\",\"ipaddr\":\"203.0.113.5\"}\n";
    place.write("one", event.repeat(3).as_bytes());
    assert_eq!(place.scan(&["one"]).code, 0);
    let other =
        "{\"created_at\":\"2026-05-01T09:10:00Z\",\"action\":\"project.transferred\",\"user\":\"bo\"}\n";
    place.write("both", format!("{event}{other}{event}{other}").as_bytes());
    let scanned = place.scan(&["both"]);
    assert_eq!(scanned.code, 3, "{}", scanned.stderr);
    let says = "2 of 4 records, the first of them record 2, have no action, as all of `onelogin` have";
    assert!(scanned.stderr.contains(says), "{}", scanned.stderr);
}
