//! Filters, by hand.

use super::by_hand::check;
use super::model::{DAY, MONDAY, Record};
use super::rules::{Condition, Filter, Kind, Rules};
use super::{run, table};

const IP: &str = "198.51.100.1";

/// At least two of `a`, of which a filter keeps some back.
fn counted(filter: Filter) -> Rules {
    let condition = Condition::at_least(2);
    let mut rules = table::rules(vec![table::correlation(Kind::EventCount, "a b", condition)]);
    rules.bases[0].filter = Some(filter);
    rules
}

#[test]
fn a_filter_acts_on_the_rules_it_names_before_they_are_correlated() {
    let not = counted(Filter { ip: IP, not: true, expires: None });
    for (what, records, expected) in [
        ("kept back", "a0~1 a1~1", ""),
        ("others count", "a0~1 a1~2 a2~3", "1,2"),
        ("without the field", "a0~1 a1 a2", "1,2"),
        ("another rule's events", "b0~1 b1~1", "0,1"),
    ] {
        check(what, &not, records, expected);
    }
    let only = counted(Filter { ip: IP, not: false, expires: None });
    check("nothing but the selection", &only, "a0~2 a1~1 a2 a3~1", "1,3");
}

#[test]
fn a_filter_ends_with_the_day_before_it_expires() {
    let midnight = MONDAY - MONDAY % DAY + DAY;
    let filter = counted(Filter { ip: IP, not: true, expires: Some(midnight) });
    let to_midnight = midnight - MONDAY;
    for (what, from, expected) in
        [("before", to_midnight - 2, ""), ("across", to_midnight - 1, ""), ("after", to_midnight, "0,1")]
    {
        check(what, &filter, &format!("a{from}~1 a{}~1", from + 1), expected);
    }
}

#[test]
fn a_filter_acts_on_findings_of_single_records() {
    let rule = |name: &str, id: &str| {
        format!(
            "title: {name}\nid: {id}\nname: {name}\nlogsource:\n    product: mixpanel\ndetection:\n    sel:\n        \
             event.action: act.a\n    condition: sel\n"
        )
    };
    let (first, second) = ("30000000-0000-4000-8000-000000000001", "30000000-0000-4000-8000-000000000002");
    let filter = |ids: &str, condition: &str| {
        format!(
            "title: Known\nlogsource:\n    product: mixpanel\nfilter:\n    rules: [{ids}]\n    selection:\n        \
             source.ip: {IP}\n    nightly:\n        user.email|startswith: bot\n    condition: {condition}\n"
        )
    };
    let log = table::log("a0~1 a1~2 a2~1:bot a3~2:bot");
    for (ids, condition, of_first, of_second) in [
        (first, "not selection", "1 3", "0 1 2 3"),
        (second, "not selection", "0 1 2 3", "1 3"),
        (first, "not (selection and nightly)", "0 1 3", "0 1 2 3"),
        (first, "not 1 of them", "1", "0 1 2 3"),
        (first, "selection", "0 2", "0 1 2 3"),
        (
            "30000000-0000-4000-8000-000000000001, 30000000-0000-4000-8000-000000000002",
            "not nightly",
            "0 1",
            "0 1",
        ),
    ] {
        let yaml = [filter(ids, condition), rule("one", first), rule("two", second)].join("---\n");
        let found = run::of(&log, &yaml);
        assert_eq!(table::cited(&found, "one"), of_first, "{ids} {condition}");
        assert_eq!(table::cited(&found, "two"), of_second, "{ids} {condition}");
    }
}

#[test]
fn two_filters_of_a_rule_both_act() {
    let rule = "title: One\nid: 30000000-0000-4000-8000-000000000001\nname: one\nlogsource:\n    product: mixpanel\n\
                detection:\n    sel:\n        event.action: act.a\n    condition: sel\n";
    let filter = |what: &str| {
        format!(
            "title: Filter\nlogsource:\n    product: mixpanel\nfilter:\n    rules:\n        - \
             30000000-0000-4000-8000-000000000001\n    selection:\n        {what}\n    condition: not selection\n"
        )
    };
    let yaml = [filter("source.ip: 198.51.100.1"), rule.to_owned(), filter("details.n: 5")].join("---\n");
    let log = table::log("a0~1 a1~2 a2~2=5 a3=4 b4");
    assert_eq!(table::cited(&run::of(&log, &yaml), "one"), "1 3");
    let plain = [Record::at(0, "act.a"), Record::at(1, "act.b")];
    assert_eq!(table::cited(&run::of(&plain, &yaml), "one"), "0");
}
