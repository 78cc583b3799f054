//! Rules that cannot be loaded: what is said, of which place, with what advice.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_collect,
    reason = "a test may fail, and its files need not survive a power cut"
)]

use std::path::Path;

use portcullis::rule::{Loaded, Placeholders, load, parse_document};

/// What is wrong, the rule, line, column, part of the message, part of the advice (empty: there is none).
type Wrong = (&'static str, &'static str, usize, usize, &'static str, &'static str);

/// Lines 1 to 3 of a rule; searches follow from line 4.
const HEAD: &str = "title: t\nlogsource: {category: c}\ndetection:\n";

const DETECTIONS: &[Wrong] = &[
    (
        "unknown modifier",
        "  s: {f|contain: x}\n  condition: s\n",
        4,
        7,
        "unknown modifier `contain`",
        "did you mean `contains`?",
    ),
    (
        "unknown modifier, far",
        "  s: {f|qqqq: x}\n  condition: s\n",
        4,
        7,
        "unknown modifier `qqqq`",
        "appendix",
    ),
    (
        "unknown search",
        "  sel: {f: x}\n  condition: sel and not filter\n",
        5,
        26,
        "no search is called `filter`",
        "searches of this rule: sel",
    ),
    (
        "misspelt search",
        "  selection: {f: x}\n  condition: selecton\n",
        5,
        14,
        "no search is called `selecton`",
        "did you mean `selection`?",
    ),
    (
        "pattern without a search",
        "  s: {f: x}\n  condition: 1 of t*\n",
        5,
        19,
        "no search is like `t*`",
        "searches of this rule: s",
    ),
    (
        "only hidden searches",
        "  _s: {f: x}\n  condition: 1 of them\n",
        5,
        19,
        "no search is like `them`",
        "_s",
    ),
    ("no condition", "  s: {f: x}\n", 4, 3, "`detection` has no `condition`", ""),
    ("empty condition", "  s: {f: x}\n  condition: ''\n", 5, 15, "ends where a search", ""),
    ("condition cut short", "  s: {f: x}\n  condition: s and\n", 5, 14, "ends where a search", ""),
    ("open bracket", "  s: {f: x}\n  condition: s or (s\n", 5, 19, "never closed", ""),
    ("two searches in a row", "  s: {f: x}\n  condition: s s\n", 5, 16, "unexpected `s`", ""),
    ("quoted condition", "  s: {f: x}\n  condition: 's or zz'\n", 5, 20, "no search is called `zz`", "s"),
    (
        "condition over lines",
        "  s: {f: x}\n  condition:\n    s or\n    zz\n",
        6,
        5,
        "no search is called `zz`",
        "s",
    ),
    (
        "condition with an escape",
        "  s: {f: x}\n  condition: \"s \\x6fr zz\"\n",
        5,
        14,
        "no search is called `zz`",
        "s",
    ),
    ("aggregation", "  s: {f: x}\n  condition: s | count() > 5\n", 5, 14, "after a pipe", "correlation"),
    ("condition of the wrong kind", "  s: {f: x}\n  condition: 1\n", 5, 14, "`condition` has to be text", ""),
    (
        "timeframe",
        "  s: {f: x}\n  timeframe: 5m\n  condition: s\n",
        5,
        3,
        "`timeframe` belongs to correlations",
        "correlation",
    ),
    (
        "duplicate key",
        "  s:\n    f: x\n    f: y\n  condition: s\n",
        6,
        5,
        "key `f` stands twice",
        "join the two",
    ),
    (
        "two searches of one name",
        "  s: {f: x}\n  s: {g: x}\n  condition: s\n",
        5,
        3,
        "key `s` stands twice",
        "name of its own",
    ),
    ("bad regex", "  s: {f|re: 'a(b'}\n  condition: s\n", 4, 13, "unclosed group", ""),
    ("look-around", "  s: {f|re: 'a(?!b)'}\n  condition: s\n", 4, 13, "look-around", ""),
    ("regex too large", "  s: {f|re: '(\\w{1000}){1000}'}\n  condition: s\n", 4, 13, "size limit", ""),
    (
        "bad network",
        "  s: {f|cidr: 10.0.0.0/33}\n  condition: s\n",
        4,
        15,
        "`10.0.0.0/33` is no network",
        "10.0.0.0/8",
    ),
    (
        "placeholder",
        "  s: {f|expand: '%who%'}\n  condition: s\n",
        4,
        17,
        "placeholder `%who%` has no value",
        "--placeholders",
    ),
    (
        "null in a list",
        "  s: {f: [a, null]}\n  condition: s\n",
        4,
        14,
        "null cannot be part of a list",
        "search of its own",
    ),
    ("null as a keyword", "  s: [a, ~]\n  condition: s\n", 4, 10, "null is no keyword", ""),
    (
        "exists with text",
        "  s: {f|exists: 'yes'}\n  condition: s\n",
        4,
        17,
        "`exists` takes true or false, not text",
        "",
    ),
    (
        "all with one value",
        "  s: {f|contains|all: x}\n  condition: s\n",
        4,
        23,
        "`all` needs a list of two",
        "leave `all` out",
    ),
    (
        "all with a list of one",
        "  s:\n    '|all': [x]\n  condition: s\n",
        5,
        13,
        "`all` needs a list of two",
        "leave `all` out",
    ),
    ("number that is none", "  s: {f|gt: x}\n  condition: s\n", 4, 13, "expected a number, not text", ""),
    ("two kinds of test", "  s: {f|re|cidr: x}\n  condition: s\n", 4, 7, "different kinds", ""),
    ("flag without re", "  s: {f|i: x}\n  condition: s\n", 4, 7, "only for `re`", "re|i"),
    (
        "wildcard that is encoded",
        "  s: {f|base64: 'a*'}\n  condition: s\n",
        4,
        17,
        "wildcards cannot be encoded",
        "`contains` after",
    ),
    (
        "too short for offsets",
        "  s: {f|base64offset|contains: a}\n  condition: s\n",
        4,
        32,
        "no trace",
        "two letters",
    ),
    ("fieldref to a number", "  s: {f|fieldref: 1}\n  condition: s\n", 4, 19, "takes a field's name", ""),
    ("a map as a value", "  s: {f: {g: x}}\n  condition: s\n", 4, 10, "`f` cannot be a map", "dots"),
    ("a list in a list", "  s: [[a]]\n  condition: s\n", 4, 7, "list in a list", ""),
    ("empty search", "  s: {}\n  condition: s\n", 4, 6, "this search is empty", ""),
    ("empty list of values", "  s: {f: []}\n  condition: s\n", 4, 10, "`f` has no value", ""),
    (
        "alias",
        "  s: {f: &x a, g: *x}\n  condition: s\n",
        4,
        10,
        "anchors are not allowed",
        "write the value out",
    ),
    ("tag", "  s: {f: !!str 1}\n  condition: s\n", 4, 10, "tags are not allowed", "quote the value"),
    ("key that is null", "  s: {null: x}\n  condition: s\n", 4, 7, "null cannot be a key", "quote"),
    (
        "level",
        "  s: {f: x}\n  condition: s\nlevel: hihgh\n",
        6,
        8,
        "unknown level `hihgh`",
        "did you mean `high`?",
    ),
    (
        "own block, unknown key",
        "  s: {f: x}\n  condition: s\nx-portcullis: {sample: []}\n",
        6,
        16,
        "unknown key `sample` in x-portcullis",
        "did you mean `samples`?",
    ),
    (
        "samples, unknown key",
        "  s: {f: x}\n  condition: s\nx-portcullis: {samples: {nomatch: []}}\n",
        6,
        26,
        "unknown key `nomatch`",
        "did you mean `no_match`?",
    ),
    (
        "own block of the wrong kind",
        "  s: {f: x}\n  condition: s\nx-portcullis: text\n",
        6,
        15,
        "`x-portcullis` has to be a map",
        "",
    ),
    (
        "samples of the wrong kind",
        "  s: {f: x}\n  condition: s\nx-portcullis: {samples: [1]}\n",
        6,
        25,
        "`samples` has to be a map",
        "",
    ),
    (
        "response of the wrong kind",
        "  s: {f: x}\n  condition: s\nx-portcullis: {response: [1]}\n",
        6,
        26,
        "`response` has to be text",
        "",
    ),
];

const DOCUMENTS: &[Wrong] = &[
    ("no detection", "title: t\nlogsource: {category: c}\n", 1, 1, "the rule has no `detection`", ""),
    (
        "misspelt detection",
        "title: t\nlogsource: {category: c}\ndetecton: {s: {f: x}, condition: s}\n",
        3,
        1,
        "the rule has no `detection`",
        "`detecton` was probably meant",
    ),
    (
        "no logsource",
        "title: t\ndetection: {s: {f: x}, condition: s}\n",
        1,
        1,
        "the rule has no `logsource`",
        "",
    ),
    (
        "empty logsource",
        "title: t\nlogsource: {definition: d}\ndetection: {s: {f: x}, condition: s}\n",
        2,
        12,
        "needs a category, a product or a service",
        "",
    ),
    (
        "no title",
        "logsource: {category: c}\ndetection: {s: {f: x}, condition: s}\n",
        1,
        1,
        "the rule has no `title`",
        "",
    ),
    (
        "title of the wrong kind",
        "title: [t]\nlogsource: {category: c}\ndetection: {s: {f: x}, condition: s}\n",
        1,
        8,
        "`title` has to be text",
        "",
    ),
    (
        "detection of the wrong kind",
        "title: t\nlogsource: {category: c}\ndetection: text\n",
        3,
        12,
        "`detection` has to be a map, not text",
        "",
    ),
    ("collection", "action: global\ntitle: t\n", 1, 9, "rule collections", "in full"),
    ("no map", "- a\n", 1, 1, "a rule has to be a map, not a list", ""),
    ("nothing", "", 1, 1, "the file holds no rule", ""),
    ("no YAML", "title: 'x\n", 1, 8, "not valid YAML", ""),
    ("alias alone", "title: *x\n", 1, 8, "anchor", ""),
];

fn check(name: &str, text: &str, expected: (usize, usize, &str, &str)) {
    let (line, column, message, hint) = expected;
    let loaded = parse_document(Path::new("r.yml"), text, &Placeholders::new());
    assert_eq!((loaded.rules.len(), loaded.errors.len()), (0, 1), "{name}: {:?}", loaded.errors);
    let error = &loaded.errors[0];
    assert_eq!((error.line, error.column), (line, column), "{name}: {error:?}");
    assert!(error.message.contains(message), "{name}: {error:?}");
    match &error.hint {
        Some(has) => assert!(!hint.is_empty() && has.contains(hint), "{name}: {error:?}"),
        None => assert_eq!(hint, "", "{name}: {error:?}"),
    }
}

#[test]
fn wrong_detections_are_named_with_their_place() {
    for &(name, text, line, column, message, hint) in DETECTIONS {
        check(name, &format!("{HEAD}{text}"), (line, column, message, hint));
    }
}

#[test]
fn wrong_documents_are_named_with_their_place() {
    for &(name, text, line, column, message, hint) in DOCUMENTS {
        check(name, text, (line, column, message, hint));
    }
}

#[test]
fn what_is_too_large_is_refused_in_little_time() {
    let start = std::time::Instant::now();
    let values: Vec<String> = (0..1000).map(|at| format!("a{at}")).collect();
    let searches = |count: usize| (0..count).map(|at| format!("  s{at}: {{f: x}}\n")).collect::<String>();
    let word = "w".repeat(400_000);
    let deep = "[".repeat(70);
    let keys: String = (0..60_000).map(|at| format!("k{at}: 1\n")).collect();
    for (name, text, message) in [
        (
            "condition",
            format!(
                "{HEAD}  s: {{f: [{}]}}\n  condition: {}\n",
                values.join(","),
                vec!["s"; 250].join(" or ")
            ),
            "more than 200,000 nodes",
        ),
        (
            "list of conditions",
            format!(
                "{HEAD}  s: {{f: [{}]}}\n  condition: [{}]\n",
                values.join(","),
                vec!["s"; 250].join(",")
            ),
            "more than 200,000 nodes",
        ),
        ("searches", format!("{HEAD}{}  condition: s1\n", searches(1001)), "more than 1,000 searches"),
        (
            "long words",
            format!("{HEAD}  ? {word}x\n  : {{f: x}}\n  condition: {word}y\n"),
            "no search is called",
        ),
        (
            "long modifier",
            format!("{HEAD}  s:\n    ? f|{word}\n    : x\n  condition: s\n"),
            "unknown modifier",
        ),
        ("brackets", format!("{HEAD}  s: {{f: x}}\n  condition: {}s\n", "(".repeat(65)), "deeper than 64"),
        ("nots", format!("{HEAD}  s: {{f: x}}\n  condition: {}s\n", "not ".repeat(65)), "deeper than 64"),
        ("nesting", format!("title: {deep}\n"), "nested deeper than 64"),
        ("nodes", keys, "more than 100,000 nodes"),
        ("bytes", "#".repeat((1 << 20) + 1), "larger than 1 MiB"),
        ("encodings", format!("{HEAD}  s: {{f{}: abcd}}\n  condition: s\n", "|wide".repeat(50)), "1 MiB"),
    ] {
        let loaded = parse_document(Path::new("r.yml"), &text, &Placeholders::new());
        assert_eq!(loaded.errors.len(), 1, "{name}");
        let shown: String = loaded.errors[0].message.chars().take(200).collect();
        assert!(shown.contains(message), "{name}: {shown}");
    }
    for piece in [
        "- ", "? ", "{", "[a, ", "'", "\"\\n", "a: ", "!a ", "&a ", "\n", " ", "\t", "# x\n", "a\n", "|\n",
        "---\n",
    ] {
        let text = format!("title: {}", piece.repeat((1 << 19) / piece.len()));
        let start = std::time::Instant::now();
        let loaded = parse_document(Path::new("r.yml"), &text, &Placeholders::new());
        assert!(!loaded.errors.is_empty(), "{piece:?}");
        assert!(start.elapsed().as_secs() < 5, "{piece:?}: {:?}", start.elapsed());
    }
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

fn loaded(files: &[(&str, &str)]) -> (Loaded, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    (load(&[folder.path().to_owned()], &Placeholders::new()), folder)
}

#[test]
fn two_rules_with_one_id_are_an_error() {
    let rule = |title: &str| {
        format!(
            "title: {title}\nid: 5f0c1e5e-0000-4000-8000-000000000001\nlogsource: {{category: c}}\ndetection: {{s: {{f: x}}, condition: s}}\n"
        )
    };
    let (loaded, folder) = loaded(&[("a.yml", &rule("one")), ("b.yaml", &rule("two")), ("c.txt", "no rule")]);
    let titles: Vec<&str> = loaded.rules.iter().map(|rule| rule.meta.title.as_str()).collect();
    assert_eq!(titles, ["one"]);
    let [error] = loaded.errors.as_slice() else { panic!("{:?}", loaded.errors) };
    assert_eq!(error.file, folder.path().join("b.yaml"));
    assert!(
        error.message.contains("5f0c1e5e-0000-4000-8000-000000000001") && error.message.contains("a.yml")
    );
    assert!(error.hint.as_ref().unwrap().contains("an id of its own"));
}

#[test]
fn one_bad_document_leaves_the_others() {
    let good = "title: good\nlogsource: {category: c}\ndetection: {s: {f: x}, condition: s}\n";
    let bad = "title: bad\nlogsource: {category: c}\ndetection: {s: {f: x}, condition: t}\n";
    let text = format!("{bad}---\n{good}");
    let (loaded, _folder) = loaded(&[("a.yml", &text)]);
    assert_eq!((loaded.rules.len(), loaded.errors.len()), (1, 1));
    assert_eq!((loaded.errors[0].line, loaded.errors[0].column), (3, 35));
    assert_eq!(loaded.rules[0].meta.title, "good");
}

#[test]
fn correlations_and_filters_name_rules_that_are_there() {
    let rule = "title: r\nname: a\nlogsource: {category: c}\ndetection: {s: {f: x}, condition: s}\n";
    let correlation = "title: c\nname: burst\ncorrelation: {type: event_count, rules: [b], group-by: [u], timespan: 1h, condition: {gte: 2}}\n";
    let filter = "title: f\nlogsource: {category: c}\nfilter: {rules: [b], s: {f: x}, condition: not s}\n";
    let (loaded, _folder) = loaded(&[("a.yml", rule), ("b.yml", correlation), ("c.yml", filter)]);
    let errors: Vec<(String, usize, usize)> =
        loaded.errors.iter().map(|error| (error.message.clone(), error.line, error.column)).collect();
    let message = "no rule has the id or name `b`".to_owned();
    assert_eq!(errors, [(message.clone(), 3, 41), (message, 3, 17)]);
    assert_eq!((loaded.rules.len(), loaded.correlations.len(), loaded.filters.len()), (1, 0, 1));
}

#[test]
fn what_one_load_does_not_have_another_may_bring() {
    let rule = "title: r\nname: b\nlogsource: {category: c}\ndetection: {s: {f: x}, condition: s}\n";
    let correlation = "title: c\nname: burst\ncorrelation: {type: event_count, rules: [b], group-by: [u], timespan: 1h, condition: {gte: 2}}\n";
    let filter = "title: f\nlogsource: {category: c}\nfilter: {rules: [b], s: {f: x}, condition: not s}\n";
    let (mut loaded, _one) = loaded(&[("b.yml", correlation), ("c.yml", filter)]);
    assert_eq!((loaded.errors.len(), loaded.correlations.len()), (2, 0));
    let (other, _two) = self::loaded(&[("a.yml", rule)]);
    loaded.join(other);
    assert_eq!(loaded.errors, []);
    assert_eq!(loaded.correlations[0].links, [0]);
    assert!(loaded.rules[0].silent);
    assert_eq!(loaded.rules[0].atoms.len(), 2);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.yml");
    let loaded = load(std::slice::from_ref(&missing), &Placeholders::new());
    assert_eq!((loaded.errors.len(), loaded.errors[0].file.clone()), (1, missing));
    std::fs::write(folder.path().join("x.yml"), b"title: \xff\n").unwrap();
    let loaded = load(&[folder.path().to_owned()], &Placeholders::new());
    assert!(loaded.errors[0].message.contains("UTF-8"), "{:?}", loaded.errors);
}
