//! Derived fields, by hand.

use super::derive::{As, Declaration, Kind, Value};
use super::model::Log;
use super::probe::scan_alone;
use super::run::{self, PLAIN};
use super::{probe, table};

fn declaration(kind: Kind) -> Declaration {
    Declaration { kind, per: vec!["user.email"], window: 3, min_history: 1, history: None }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Text(value) => value.clone(),
    }
}

/// The sub-field of each record that has it, by the reference and by the scan: `1=true 2=false`.
fn check(what: &str, declaration: &Declaration, sub: &str, records: &str, expected: &str) {
    let log = table::log(records);
    let values = (0..log.len()).filter_map(|at| Some((at, shown(declaration.values(&log, at).get(sub)?))));
    let wanted: Vec<String> = values.map(|(at, value)| format!("{at}={value}")).collect();
    assert_eq!(wanted.join(" "), expected, "reference, {what}: {records}");
    let rule = declaration.rule("found-0", &format!("x.{sub}|exists: true"));
    let (places, findings) = scan_alone(&Log::of(log), &rule, PLAIN);
    let all = probe::seen(&findings);
    let values = places.iter().enumerate().filter_map(|(at, place)| {
        let value = all.get(&("found-0".to_owned(), *place))?;
        Some(format!("{at}={}", shown(value)))
    });
    assert_eq!(values.collect::<Vec<_>>().join(" "), expected, "scan, {what}: {records}\n{rule}");
}

#[test]
fn first_seen() {
    let text = declaration(Kind::FirstSeen("source.ip", As::Text));
    for (what, records, is_new, age) in [
        ("new and known", "a0~1 a1d~1 a1d~2", "1=false 2=true", "1=1"),
        ("history too short by a second", "a0~1 a1d-1~2", "", ""),
        ("late arrival", "a1d~1 a0~1", "0=false", "0=1"),
        ("first seen a second less than two days ago", "a0~2 a1~1 a2d~1", "2=false", "2=1"),
        ("in the first day of the window", "a0~1 a3d15h~1", "1=false", "1=3"),
        ("before the first day of the window", "a0~1 a1d~2 a3d16h~1", "1=true 2=true", ""),
        ("all of the history before the window", "a0~1 a3d16h~1", "", ""),
        ("equal times", "a0~2 a1d~1 a1d~1", "1=true 2=true", ""),
        ("duplicates", "a0~1 a0~1 a1d~1", "2=false", "2=1"),
        ("other actor", "a0~1 a1d~1:x", "", ""),
        ("actor in capitals", "a0~1:jim a1d~1:JIM", "1=false", "1=1"),
        ("without an actor", "a0~1:none a1d~1:none a1d~1", "", ""),
        ("without the value", "a0~1 a1d a2d~1", "2=false", "2=2"),
        ("history without the value", "a0 a1d~1", "", ""),
        ("without a time", "a-~1 a0~2 a1d~1 a-~1", "2=true", ""),
        ("any action is history", "a0~1 b1d~1", "1=false", "1=1"),
    ] {
        check(what, &text, "is_new", records, is_new);
        check(what, &text, "age_days", records, age);
    }
    for (what, records, seen_days) in [
        ("never and on one day", "a0~1 a1d~2 a2d~2", "1=0 2=1"),
        ("twice a day, then the day after", "a0~1 a1~1 a1d~1 a1d~1 a2d~1", "2=1 3=1 4=2"),
        ("earlier that day", "a0~2 a1d~1 a1d1~1", "1=0 2=1"),
        ("days before the window do not count", "a0~1 a1d~1 a3d~1 a3d16h~1", "1=1 2=2 3=2"),
    ] {
        check(what, &text, "seen_days", records, seen_days);
    }
    let of_a = Declaration { history: Some(vec!["act.a"]), ..text };
    check("history of one action", &of_a, "is_new", "a0~1 b1~2 b1d~1 b1d~2", "2=false 3=true");
    let domain = declaration(Kind::FirstSeen("details.target", As::Domain));
    check("domain", &domain, "is_new", "a0>x a1d>y", "1=false");
    let per = vec!["user.email", "event.action"];
    let both = Declaration { per, ..declaration(Kind::FirstSeen("source.ip", As::Text)) };
    check("key of two fields", &both, "is_new", "a0~1 b0~2 a1d~2 b1d~2", "2=true 3=false");
    let all = Declaration { per: Vec::new(), ..declaration(Kind::FirstSeen("source.ip", As::Text)) };
    check("one key for all", &all, "is_new", "a0~1:none a1d~1:x a1d~2", "1=false 2=true");
}

#[test]
fn first_seen_in_networks() {
    let log = |read_as, ips: [&str; 2]| {
        let declaration = declaration(Kind::FirstSeen("source.ip", read_as));
        let mut records = table::log("a0 a1d");
        records.iter_mut().zip(ips).for_each(|(record, ip)| record.ip = Some(ip.to_owned()));
        let wanted = declaration.values(&records, 1).get("is_new").map(shown);
        let found = run::of(&records, &declaration.rule("found", "x.is_new: true"));
        let known = run::of(&records, &declaration.rule("found", "x.is_new: false"));
        let seen = match (found.len(), known.len()) {
            (1, 0) => Some("true".to_owned()),
            (0, 1) => Some("false".to_owned()),
            _ => None,
        };
        assert_eq!(seen, wanted, "{read_as:?} {ips:?}");
        wanted.unwrap_or_default()
    };
    for (read_as, first, second, is_new) in [
        (As::Network, "198.51.100.1", "198.51.100.254", "false"),
        (As::Network, "198.51.100.1", "198.51.101.1", "true"),
        (As::Network, "2001:db8:0:1::1", "2001:DB8:0:2::1", "false"),
        (As::Network, "2001:db8:0:1::1", "2001:db8:1:1::1", "true"),
        (As::Network, "::ffff:198.51.100.1", "198.51.100.2", "false"),
        (As::Ip, "2001:db8::1", "2001:DB8:0:0:0:0:0:1", "false"),
        (As::Ip, "::ffff:198.51.100.1", "198.51.100.1", "false"),
        (As::Ip, "198.51.100.1", "198.51.100.2", "true"),
        (As::Text, "2001:db8::1", "2001:DB8::1", "false"),
        (As::Text, "2001:db8::1", "2001:db8:0::1", "true"),
        (As::Ip, "198.51.100.1", "somewhere", ""),
        (As::Ip, "somewhere", "198.51.100.1", ""),
    ] {
        assert_eq!(log(read_as, [first, second]), is_new, "{read_as:?} {first} {second}");
    }
}

#[test]
fn usual_hours() {
    let two = Declaration { window: 21, ..declaration(Kind::UsualHours(2)) };
    for (what, records, is_usual, days) in [
        ("twice at this time", "a0 a1d a2d", "1=false 2=true", "1=1 2=2"),
        ("the hours before and after", "a1h a1d-1h a2d", "2=true", "2=2"),
        ("two hours before", "a-1h a1d-1 a2d1h", "1=false 2=false", "1=1 2=0"),
        ("by the clock, not by minutes", "a59m a1d1h59m a2d", "1=false 2=true", "1=1 2=2"),
        ("twice on one day", "a0 a1m a1d", "2=false", "2=1"),
        ("the same day is no earlier one", "a0 a1d1m a1d2m", "1=false 2=false", "1=1 2=1"),
        ("around midnight", "a15h30m a1d16h30m a2d16h", "1=false 2=true", "1=1 2=2"),
        ("weekend and week", "a3d a4d a5d a6d a7d", "1=false 2=false 3=false 4=true", "1=1 2=0 3=1 4=2"),
        ("late arrival", "a2d a0 a1d", "0=true 2=false", "0=2 2=1"),
        ("other actor", "a0 a1d:x a2d", "2=false", "2=1"),
    ] {
        check(what, &two, "is_usual", records, is_usual);
        check(what, &two, "seen_days", records, days);
    }
}

#[test]
fn dormant_and_local_time() {
    let dormant = Declaration { window: 30, ..declaration(Kind::Dormant) };
    for (what, records, days) in [
        ("whole days", "a0 a1 a10d a20d-1", "1=0 2=9 3=9"),
        ("exactly", "a0 a10d", "1=10"),
        ("equal times", "a0 a3d a3d", "1=3 2=3"),
        ("late arrival", "a5d a0 a3d", "0=2 2=3"),
        ("other actor", "a0 a1d:x a5d", "2=5"),
        ("out of the window", "a0 a31d", ""),
        ("the last second of the window", "a0 a30d15h3599", "1=30"),
        ("without a time", "a0 a- a2d", "2=2"),
    ] {
        check(what, &dormant, "days", records, days);
    }
    let local = declaration(Kind::LocalTime);
    check("hour", &local, "hour", "a0 a59m59 a1h a15h59m59 a16h a- a0:none", "0=8 1=8 2=9 3=23 4=0");
    check("weekday", &local, "weekday", "a0 a5d a6d a7d", "0=1 1=6 2=7 3=1");
    check("zone", &local, "zone_source", "a0", "0=organisation");
}

#[test]
fn volume() {
    let own = |span, sum| Declaration { window: 7, ..declaration(Kind::Volume(span, sum, false)) };
    for (what, records, count, ratio) in [
        ("counted", "a0 a1 a2 a1d a1d1", "3=3 4=3", "3= 4="),
        ("left end is not included", "a0 a1d", "1=1", ""),
        ("a second inside", "a-1 a1 a1d", "2=2", ""),
        ("against the days before", "a0 a1 a2 a3 a2d", "4=1", "4=0.25"),
        (
            "days without any do not count",
            "a0 a1 a3d a3d1 a5d a5d1 a5d2",
            "2=1 3=2 4=1 5=2 6=3",
            "2=0.5 3=1 4=0.5 5=1 6=1.5",
        ),
        ("equal times", "a0 a2d a2d", "1=2 2=2", "1=2 2=2"),
        ("other actor", "a0 a2d a2d1:x", "1=1", "1=1"),
    ] {
        let ratio = if ratio.ends_with('=') { "" } else { ratio };
        check(what, &own(86_400, None), "count", records, count);
        check(what, &own(86_400, None), "ratio", records, ratio);
    }
    let sum = own(3600, Some("details.n"));
    check("summed", &sum, "count", "a0=4 a1d=5 a1d1=2.5 a1d1h=1", "1=5 2=7.5 3=3.5");
    check("of records without a number", &sum, "count", "a0=4 a1d a2d=2 a2d1 a2d2=\"x\"", "1=0 2=2 3=2 4=2");
    check("ratio of sums", &sum, "ratio", "a0=4 a1d=5 a1d1=3 a1d1h=1", "1=1.25 2=2 3=1");
    check("deviation of at least one", &own(3600, None), "zscore", "a0 a1d a1d1 a1d2", "1=0 2=1 3=2");
    check("deviation", &sum, "zscore", "a0=2 a2h=8 a1d=11", "2=2");
    let peers = Declaration { window: 7, ..declaration(Kind::Volume(86_400, None, true)) };
    check(
        "against others",
        &peers,
        "ratio",
        "a0 a0:x a1:x a1:y a2:y a3:y a3:y a2d a2d1 a2d2",
        "7=0.3333333333333333 8=0.6666666666666666 9=1",
    );
}
