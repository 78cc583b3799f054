//! Groups, aliases, correlations of correlations and what is shown of them, by hand.

use super::by_hand::check;
use super::correlate::alerts;
use super::model::{Files, Log};
use super::rules::{Alias, Condition, Correlation, Filter, Kind, Op, Rules};
use super::run::{self, PLAIN};
use super::table::{self, correlation};

/// Two of `a` within ten minutes, by the name of `many`.
fn many() -> Correlation {
    Correlation { name: "many".to_owned(), ..correlation(Kind::EventCount, "a", Condition::at_least(2)) }
}

fn above(kind: Kind, names: &[&str], condition: Condition) -> Correlation {
    let rules = names.iter().map(|name| (*name).to_owned()).collect();
    Correlation { rules, ..correlation(kind, "", condition) }
}

#[test]
fn groups() {
    let by_both = |group_by: &[&'static str]| {
        let group_by = group_by.to_vec();
        table::rules(vec![Correlation {
            group_by,
            ..correlation(Kind::EventCount, "a", Condition::at_least(2))
        }])
    };
    let both = by_both(&["user.email", "source.ip"]);
    for (what, records, expected) in [
        ("both the same", "a0~1 a1~1", "0,1"),
        ("another address", "a0~1 a1~2", ""),
        ("another actor", "a0~1 a1~1:x", ""),
        ("without an address", "a0 a1", ""),
        ("without an actor", "a0~1:none a1~1:none", ""),
        ("four groups", "a0~1 a0~2 a0~1:x a0~2:x a1~1 a1~2 a1~1:x a1~2:x", "0,4 1,5 2,6 3,7"),
    ] {
        check(what, &both, records, expected);
    }
    let address = by_both(&["source.ip"]);
    check("by address alone", &address, "a0~1 a1~1:x a2~1:none a3~2", "0,1");
}

#[test]
fn aliases() {
    let fields = vec![(0, "user.email"), (1, "details.target")];
    let mut made = correlation(Kind::Temporal, "a b", Condition::Default);
    (made.group_by, made.aliases) = (vec!["who"], vec![Alias { name: "who", fields }]);
    let who = table::rules(vec![made.clone()]);
    for (what, records, expected) in [
        ("the actor of one, the target of the other", "a0:x b1:y>x", "0,1"),
        ("the other way", "a0:y>x b1:x", ""),
        ("the same actor is not asked for", "a0:x b1:x>y", ""),
        ("without the target", "a0:x b1:x", ""),
        ("without an actor that is not asked for", "a0:x b1:none>x", "0,1"),
    ] {
        check(what, &who, records, expected);
    }
    made.group_by.push("source.ip");
    let and_address = table::rules(vec![made]);
    check("an alias and a field", &and_address, "a0:x~1 b1:y>x~2 b2:y>x~1", "0,2");
}

#[test]
fn correlations_of_correlations() {
    let then_b = above(Kind::Ordered, &["many", "rule_b"], Condition::Default);
    let rules = table::rules(vec![many(), then_b]);
    for (what, records, expected) in [
        ("inside", "a0 a1 b2", "0,1,2"),
        ("the wrong order", "b0 a1 a2", ""),
        ("between", "a0 b1 a2", ""),
        ("from the last event cited, exactly at the end", "a0 a600 b1200", "0,1,2"),
        ("outside by a second", "a0 a600 b1201", ""),
        ("not enough", "a0 a601 b602", ""),
        ("late arrival", "b2 a1 a0", "0,1,2"),
        ("other actor", "a0 a1 b2:x", ""),
        ("two of them", "a0 a1 b2 a700 a701 b702", "0,1,2 3,4,5"),
    ] {
        check(what, &rules, records, expected);
    }
    let twice = above(Kind::EventCount, &["many"], Condition::at_least(2));
    let twice = table::rules(vec![Correlation { span: 1000, ..twice }, many()]);
    check("twice", &twice, "a0 a1 a2 a601 a602", "0,1,3,4");
    check("twice, too far apart", &twice, "a0 a1 a1001 a1002", "");
    check("twice, exactly", &twice, "a0 a1 a1000 a1001", "0,1,2,3");
    let of_address = Correlation { group_by: vec!["user.email", "source.ip"], ..many() };
    let addresses = above(Kind::ValueCount("source.ip"), &["many"], Condition::at_least(2));
    let rules = table::rules(vec![of_address.clone(), addresses]);
    check("values of groups", &rules, "a0~1 a1~1 a2~2 a3~2", "0,1,2,3");
    check("one group", &rules, "a0~1 a1~1 a2~2 a3~3", "");
    let of_address_alone = Correlation { group_by: vec!["source.ip"], ..of_address };
    let by_actor = above(Kind::EventCount, &["many"], Condition::at_least(1));
    let rules = table::rules(vec![of_address_alone, by_actor]);
    check("no field to group by", &rules, "a0~1 a1~1", "");
    let deep =
        Correlation { name: "deep".to_owned(), ..above(Kind::EventCount, &["many"], Condition::at_least(1)) };
    let deeper = above(Kind::Temporal, &["deep", "rule_b"], Condition::Default);
    check("three deep", &table::rules(vec![many(), deep, deeper]), "b0 a1 a2", "0,1,2");
    let not = Condition::Count(vec![(Op::Lt, 2.0)]);
    let few = Correlation { name: "few".to_owned(), ..correlation(Kind::EventCount, "a", not) };
    let and_b = above(Kind::Temporal, &["few", "rule_b"], Condition::Default);
    check("few and b", &table::rules(vec![few, and_b]), "a0 a1 b2 a5000 b5001", "1,2 3,4");
}

#[test]
fn earlier_events_hide_no_later_ones() {
    let three = || Correlation { condition: Condition::at_least(3), ..many() };
    let with_three =
        |kind, names: &[&str], condition| table::rules(vec![three(), above(kind, names, condition)]);
    let then_b = with_three(Kind::Ordered, &["many", "rule_b"], Condition::Default);
    for (what, records, expected) in [
        ("inside", "a0 a60 a120 b720", "0,1,2,3"),
        ("outside by a second", "a0 a60 a120 b721", ""),
        ("earlier ones hide no later ones", "a0 a60 a120 a590 b721", "1,2,3,4"),
        ("one alert for a window", "a0 a1 a2 a3 a4 b5 b6", "0,1,2,5"),
        ("the wrong order", "b0 a1 a2 a3", ""),
    ] {
        check(what, &then_b, records, expected);
    }
    let and_b = with_three(Kind::Temporal, &["many", "rule_b"], Condition::Default);
    check("in any order, not hidden", &and_b, "a0 a60 a120 a590 b1000", "1,2,3,4");
    let twice = with_three(Kind::EventCount, &["many"], Condition::at_least(2));
    check("how often does not count what overlaps", &twice, "a0 a1 a2 a3 a4", "");
    check("how often counts one window after another", &twice, "a0 a1 a2 a601 a602 a602", "0,1,2,3,4,5");
}

#[test]
fn what_is_shown() {
    let log = table::log("a0 a1 b2");
    let found = |generate_below: bool, generate_above: bool| {
        let many = Correlation { generate: generate_below, ..many() };
        let both = above(Kind::Temporal, &["many", "rule_b"], Condition::Default);
        let rules = table::rules(vec![many, Correlation { generate: generate_above, ..both }]);
        let seen = run::of(&log, &rules.yaml());
        assert_eq!(seen, alerts(&rules, &log));
        ["rule_a", "many", "rule_b", "found"].map(|name| table::cited(&seen, name))
    };
    assert_eq!(found(false, false), ["", "", "", "0,1,2"]);
    assert_eq!(found(true, false), ["0 1", "", "", "0,1,2"]);
    assert_eq!(found(false, true), ["", "0,1", "2", "0,1,2"]);
    assert_eq!(found(true, true), ["0 1", "0,1", "2", "0,1,2"]);
}

#[test]
fn documents_of_several_files_find_each_other() {
    let twice = above(Kind::EventCount, &["many"], Condition::at_least(1));
    let mut rules = table::rules(vec![many(), twice]);
    rules.bases[0].filter = Some(Filter { ip: "198.51.100.1", not: true, expires: None });
    let log = table::log("a0~1 a1~2 a2~3");
    let wanted = run::of(&log, &rules.yaml());
    assert_eq!(table::cited(&wanted, "found"), "1,2");
    let mut texts: Vec<String> = rules.yaml().split("---\n").map(str::to_owned).collect();
    for _ in 0..texts.len() {
        texts.rotate_left(1);
        let mut all = portcullis::rule::Loaded::default();
        for text in &texts {
            all.join(run::parse(text));
        }
        assert!(all.errors.is_empty(), "{:?}", all.errors);
        let mut files = Files::new();
        log.iter().for_each(|record| {
            files.push(0, record);
        });
        let found = run::scan(&files, &all, PLAIN);
        let places: Vec<Vec<u64>> =
            found.iter().map(|finding| run::places(finding).iter().map(|place| place.1).collect()).collect();
        assert_eq!(places, [[3, 4]]);
    }
}

#[test]
fn values_of_several_fields_are_told_apart_together() {
    let yaml = "title: Found\nname: found\ncorrelation:\n    type: value_count\n    rules: [single]\n    group-by: \
                [user.email]\n    timespan: 10m\n    condition:\n        field: [source.ip, details.n]\n        gte: 3\n---\n\
                title: Single\nname: single\nlogsource:\n    category: saas_audit\ndetection:\n    sel:\n        \
                event.action: act.a\n    condition: sel\n";
    for (records, expected) in [
        ("a0~1=1 a1~1=2 a2~2=1", "0,1,2"),
        ("a0~1=1 a1~1=2 a2~1=1", ""),
        ("a0~1=1 a1~1 a2=2 a3~2=2 a4~1=1 a5~3=3", "0,3,5"),
    ] {
        assert_eq!(table::cited(&run::of(&table::log(records), yaml), "found"), expected, "{records}");
    }
}

#[test]
fn rules_are_named_by_id_and_spans_have_units() {
    for (span, last, expected) in [
        ("90s", 90, "0,1"),
        ("90s", 91, ""),
        ("2m", 120, "0,1"),
        ("2m", 121, ""),
        ("3h", 10_800, "0,1"),
        ("3h", 10_801, ""),
        ("2d", 172_800, "0,1"),
        ("2d", 172_801, ""),
    ] {
        let yaml = format!(
            "title: Found\nname: found\nid: 30000000-0000-4000-8000-000000000001\ncorrelation:\n    type: event_count\n    \
             rules:\n        - 30000000-0000-4000-8000-000000000002\n    group-by:\n        - user.email\n    timespan: {span}\n    \
             condition:\n        gte: 2\n---\ntitle: Single\nid: 30000000-0000-4000-8000-000000000002\nlogsource:\n    \
             category: saas_audit\ndetection:\n    sel:\n        event.action: act.a\n    condition: sel\n"
        );
        let log = table::log(&format!("a0 a{last}"));
        let found = run::alone(&Log::of(log), &yaml, PLAIN);
        assert_eq!(table::cited(&found, "found"), expected, "{span} {last}");
        assert_eq!(found.len(), usize::from(!expected.is_empty()));
    }
}

#[test]
fn a_record_that_two_rules_find_is_two_events_and_comes_not_after_itself() {
    for (kind, condition) in
        [(Kind::EventCount, Condition::at_least(2)), (Kind::Temporal, Condition::Default)]
    {
        let mut rules = table::rules(vec![correlation(kind, "a b", condition)]);
        rules.bases.iter_mut().for_each(|base| base.actions = vec!["act.a"]);
        check("the same record", &rules, "a0", "0");
    }
    let ordered = |records, expected| {
        let mut rules = table::rules(vec![correlation(Kind::Ordered, "a b", Condition::Default)]);
        rules.bases.iter_mut().for_each(|base| base.actions = vec!["act.a"]);
        check("the same record in order", &rules, records, expected);
    };
    ordered("a0", "");
    ordered("a0 a0", "0,1");
    ordered("a0 a5 a600", "0,1");
}

#[test]
fn rules_of_several_are_one_set() {
    let names = ["rule_a", "rule_b"].map(str::to_owned).to_vec();
    let made = Correlation { rules: names, ..correlation(Kind::EventCount, "", Condition::at_least(2)) };
    let rules: Rules = table::rules(vec![made]);
    check("either", &rules, "a0 b1", "0,1");
    check("the same", &rules, "b0 b1", "0,1");
}
