//! Files that are right, files that are wrong, and any bytes at all.

use proptest::prelude::*;

use super::*;

const LOCK: KindSpec = KindSpec {
    name: "lock",
    title: "A kind with every sort of setting",
    base_url: Some("https://lock.example"),
    credential: "token",
    settings: &[
        setting("text", SettingKind::Text, None),
        setting("number", SettingKind::Number, Some("7")),
        setting("flag", SettingKind::Flag, Some("true")),
        setting("path", SettingKind::Path, Some("keys.txt")),
        setting("list", SettingKind::List, Some("a, b")),
        setting("url", SettingKind::Url, Some("https://other.example/")),
    ],
};

const BARE: KindSpec = KindSpec {
    name: "bare",
    title: "No address, no credential",
    base_url: None,
    credential: "",
    settings: &[],
};

const fn setting(name: &'static str, value: SettingKind, default: Option<&'static str>) -> Setting {
    Setting { name, about: "A setting.", value, required: false, default, example: "1" }
}

const CATALOG: Catalog = Catalog {
    providers: &[&LOCK, kinds::KNOWN.providers[0], kinds::KNOWN.providers[1]],
    stores: &[&BARE, kinds::KNOWN.stores[0]],
    consumers: &[],
};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new("etc/p.toml"), text.as_bytes(), &CATALOG)
}

fn problems(text: &str) -> Vec<Problem> {
    match parse(text) {
        Err(ConfigError::Invalid { problems, .. }) => problems,
        other => panic!("{other:?}"),
    }
}

/// The only problem, as it is shown.
fn problem(text: &str) -> String {
    let problems = problems(text);
    assert_eq!(problems.len(), 1, "{text}: {problems:?}");
    problems[0].to_string()
}

#[test]
fn an_empty_file_means_the_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config.incidents, Path::new("etc/incidents"));
    assert_eq!((config.wait, config.max_objects), (Duration::from_secs(90), 50));
    assert_eq!((&config.http.ca_file, &config.http.proxy), (&None, &None));
    assert_eq!(config.http.timeout, Duration::from_secs(10));
    assert!(config.providers.is_empty() && config.stores.is_empty() && config.inventory.is_none());
}

#[test]
fn everything_is_read() {
    let config = parse(
        r#"
        incidents = "/var/incidents"
        responder = ["ir-lead@acme.example", "second@acme.example"]
        wait = "5m"
        max-objects = 1_000
        inventory = "integrations.toml"
        [http]
        ca-file = "ca.pem"
        proxy = "http://proxy.acme.example:3128"
        timeout = "30s"
        [provider.mixpanel]
        credential = "env:PORTCULLIS_MIXPANEL"
        organization = 12345
        requests-per-second = 2.5
        concurrency = 3
        [provider.lock-2]
        kind = "lock"
        credential = "prompt"
        base-url = "http://127.0.0.1:8080/x"
        burst = 4
        text = "t"
        list = []
        [store.vault]
        credential = "file:token"
        base-url = "https://vault.acme.example:8200"
        [store.bare]
        "#,
    )
    .unwrap();
    assert_eq!(config.incidents, Path::new("/var/incidents"));
    assert_eq!(config.responder, ["ir-lead@acme.example", "second@acme.example"]);
    assert_eq!((config.wait, config.max_objects), (Duration::from_mins(5), 1000));
    assert_eq!(config.inventory.as_deref(), Some(Path::new("etc/integrations.toml")));
    assert_eq!(config.http.ca_file.as_deref(), Some(Path::new("etc/ca.pem")));
    assert_eq!(config.http.proxy.as_ref().unwrap().as_str(), "http://proxy.acme.example:3128/");
    assert_eq!(config.http.timeout, Duration::from_secs(30));
    let [mixpanel, lock] = &config.providers[..] else { panic!("{:?}", config.providers) };
    assert_eq!((mixpanel.name.as_str(), mixpanel.kind.name), ("mixpanel", "mixpanel"));
    assert_eq!(mixpanel.base_url.as_ref().unwrap().as_str(), "https://mixpanel.com/");
    assert_eq!(mixpanel.credential, Some(Reference::Env("PORTCULLIS_MIXPANEL".into())));
    assert!((mixpanel.requests_per_second - 2.5).abs() < f64::EPSILON);
    assert_eq!((mixpanel.burst, mixpanel.concurrency), (3, 3));
    assert_eq!(mixpanel.settings.number("organization"), Some(12345));
    assert_eq!(mixpanel.settings.url("data-url").unwrap().as_str(), "https://data.mixpanel.com/");
    assert_eq!((lock.name.as_str(), lock.kind.name), ("lock-2", "lock"));
    assert_eq!(lock.base_url.as_ref().unwrap().as_str(), "http://127.0.0.1:8080/x");
    assert_eq!(lock.credential, Some(Reference::Prompt("credential of lock-2".into())));
    assert_eq!((lock.burst, lock.concurrency), (4, 8));
    assert_eq!(lock.settings.text("text"), Some("t"));
    assert!(lock.settings.list("list").is_empty());
    let vault = config.store("vault").unwrap();
    assert_eq!(vault.credential, Some(Reference::File("etc/token".into())));
    assert_eq!(vault.settings.text("mount"), Some("secret"));
    let bare = config.store("bare").unwrap();
    assert!(bare.base_url.is_none() && bare.credential.is_none());
}

#[test]
fn settings_have_their_types_and_defaults() {
    let config = parse("[provider.lock]\ncredential = 'env:X'\n").unwrap();
    let settings = &config.providers[0].settings;
    assert_eq!(settings.text("text"), None);
    assert_eq!((settings.number("number"), settings.flag("flag")), (Some(7), Some(true)));
    assert_eq!(settings.path("path"), Some(Path::new("etc/keys.txt")));
    assert_eq!(settings.list("list"), ["a", "b"]);
    assert_eq!(settings.url("url").unwrap().as_str(), "https://other.example/");
    assert_eq!((settings.number("text"), settings.text("number"), settings.text("x")), (None, None, None));
}

#[test]
fn a_mistake_is_told_with_its_place() {
    for (text, told) in [
        ("wait = 90", "1:8: `wait` has to be text in quotes"),
        ("wait = \"90\"", "1:8: `wait` has to be a time such as \"90s\" or \"5m\""),
        ("wait = \"3h\"", "1:8: `wait` has to be from 1s to 2h"),
        ("\nmax-objects = 0", "2:15: `max-objects` has to be from 1 to 100000"),
        ("max-objects = 99999999999999999999", "1:15: `max-objects` has to be from 1 to 100000"),
        ("max-objects = -1", "1:15: `max-objects` has to be from 1 to 100000"),
        ("incidents = \"~/x\"", "1:13: `incidents` has to be a whole path: only a shell expands `~`"),
        ("incidents = \"\"", "1:13: `incidents` has to be one line of 1 to 4096 bytes"),
        ("responder = \"a\"", "1:13: `responder` has to be a list of texts in quotes"),
        ("responder = ['a', 1]", "1:19: `responder` has to be text in quotes"),
        ("waìt = 1", "1:3: not TOML:"),
        ("\"wäit\" = 1", "1:1: unknown key `wäit`"),
        ("ä = 1", "1:1: not TOML:"),
        ("http = 1", "1:8: `http` has to be a table"),
        ("provider = 1", "1:12: `provider` has to be a table for each"),
        ("[[provider]]\nx = 1", "1:1: `provider` has to be a table for each"),
        ("[provider]\nlock = 1", "2:8: `lock` has to be a table"),
        ("[http]\nproxi = 1", "2:1: unknown key `proxi` in [http]"),
        ("[http]\nproxy = 'ftp://x'", "2:9: `proxy` has another scheme than https"),
        ("wait = '9s'\nwait = '8s'", "2:1: not TOML: duplicate key"),
    ] {
        let shown = problem(text);
        assert!(shown.starts_with(told), "{text}: {shown}");
    }
}

#[test]
fn a_mistake_in_an_instance_is_told_with_its_place() {
    for (lines, told) in [
        ("", "1:11: `credential` is missing in [provider.lock]"),
        ("credential='env:X'\ncredential='env:X'", "3:1: not TOML: duplicate key"),
        ("credential='env:X'\nhost='x'", "3:1: unknown key `host` in [provider.lock]"),
        ("credential='env:X'\nnumber='1'", "3:8: `number` has to be a whole number"),
        ("credential='env:X'\nflag=1", "3:6: `flag` has to be true or false"),
        ("credential='env:X'\nurl='http://x.example'", "3:5: `url` is http to another machine"),
        ("credential='env:X'\nbase-url='http://x.example'", "3:10: `base-url` is http to another machine"),
        (
            "credential='env:X'\nrequests-per-second=0",
            "3:21: `requests-per-second` has to be from 0.01 to 1000",
        ),
        (
            "credential='env:X'\nrequests-per-second=nan",
            "3:21: `requests-per-second` has to be from 0.01 to 1000",
        ),
        ("credential='env:X'\nrequests-per-second='1'", "3:21: `requests-per-second` has to be a number"),
        ("credential='env:X'\nburst=1001", "3:7: `burst` has to be from 1 to 1000"),
        ("credential='env:X'\nconcurrency=0", "3:13: `concurrency` has to be from 1 to 256"),
        ("credential='env:X'\nkind='lok'", "3:6: no such kind of provider"),
        ("credential='env:X'\nkind=1", "3:6: `kind` has to be text in quotes"),
        ("credential=1", "2:12: `credential` has to be a reference in quotes"),
        ("credential='env:'", "2:12: `credential` names no environment variable"),
        ("credential='file:~/x'", "2:12: `credential` begins a path with `~`"),
        ("credential='command:a | b'", "2:12: `credential` has a `|` for a shell"),
    ] {
        let text = format!("[provider.lock]\n{lines}\n");
        let shown = problem(&text);
        assert!(shown.starts_with(told), "{text}: {shown}");
    }
}

#[test]
fn names_are_names_and_are_taken_once() {
    assert_eq!(problem("[provider.'a b']\nkind = 'lock'"), "1:11: `a b` is no name");
    assert_eq!(problem("[provider.'../x']\nkind = 'lock'"), "1:11: `../x` is no name");
    let one = "[provider.lock]\ncredential='env:X'\n";
    let two = format!("{one}[store.lock]\nkind='bare'\n");
    assert_eq!(problem(&two), "3:8: the name `lock` is taken by line 1");
    let two = format!("{one}[provider.LOCK]\nkind='lock'\ncredential='env:X'\n");
    assert_eq!(problem(&two), "3:11: the name `LOCK` is taken by line 1");
}

#[test]
fn a_required_setting_and_what_a_kind_does_not_take() {
    let found = problems(
        "[provider.mixpanel]\n[provider.okta]\n[store.bare]\ncredential='env:X'\nbase-url='https://x'",
    );
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "1:11: `credential` is missing in [provider.mixpanel]",
            "1:11: `organization` is missing in [provider.mixpanel]",
            "2:11: `credential` is missing in [provider.okta]",
            "2:11: `base-url` is missing in [provider.okta]",
            "4:1: unknown key `credential` in [store.bare]",
            "5:1: unknown key `base-url` in [store.bare]",
        ]
    );
}

#[test]
fn what_was_meant_is_told() {
    let near = |text: &str| {
        let found = problems(text).into_iter().find_map(|problem| match problem.fault {
            Fault::UnknownKey { near, .. } | Fault::Unknown { near, .. } => Some(near),
            _ => None,
        });
        found.unwrap().unwrap_or_default()
    };
    assert_eq!(near("respnder = 1"), "responder");
    assert_eq!(near("[htpp]"), "http");
    assert_eq!(near("[provider.mixpanel]\norganisation = 1"), "organization");
    assert_eq!(near("[provider.mixpannel]"), "mixpanel");
    assert_eq!(near("[store.valut]"), "vault");
    assert_eq!(near("[store.x]\nkind='valt'"), "vault");
    assert_eq!(near("completely = 1"), "");
}

#[test]
fn no_value_is_ever_told() {
    const SECRET: &str = "hunter2-canary";
    for text in [
        format!("[provider.lock]\ncredential = '{SECRET}'"),
        format!("[provider.lock]\ncredential = 'user:{SECRET}'"),
        format!("[provider.lock]\ncredential = 'env:{SECRET}'"),
        format!("[provider.lock]\ncredential = 'file:~/{SECRET}'"),
        format!("[provider.lock]\ncredential = 'command:a {SECRET} | b'"),
        format!("[provider.lock]\ncredential = '{SECRET}"),
        format!("[provider.lock]\ncredential = {SECRET}"),
        format!("[provider.lock]\ncredential = ['{SECRET}']"),
        format!("[provider.lock]\nsecret = '{SECRET}'"),
        format!("[provider.lock]\nkind = '{SECRET}'"),
        format!("[provider.lock]\nbase-url = 'https://u:{SECRET}@x'\ncredential='env:X'"),
        format!("[provider.lock]\nbase-url = '{SECRET}'\ncredential='env:X'"),
        format!("[provider.lock]\nnumber = '{SECRET}'\ncredential='env:X'"),
        format!("[http]\nproxy = 'http://u:{SECRET}@x'"),
        format!("wait = '{SECRET}'"),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(SECRET), "{text}: {error:?}");
    }
    let config = parse(&format!("[provider.lock]\ncredential = 'command:get {SECRET}'")).unwrap();
    assert!(!format!("{config:?}").contains(SECRET), "{config:?}");
}

#[test]
fn what_a_terminal_obeys_is_escaped() {
    let error = Config::parse(Path::new("a\u{1b}[2J"), b"\"x\\u001b[2J\\ny\" = 1", &CATALOG).unwrap_err();
    assert_eq!(error.to_string(), "a\\u{1b}[2J:1:1: unknown key `x\\u{1b}[2J\\ny`");
}

#[test]
fn many_mistakes_are_counted_and_big_files_are_not_read() {
    let lines: Vec<String> = (0..1000).map(|at| format!("key-{at} = 1\n")).collect();
    let text = lines.concat();
    let error = parse(&text).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 51);
    assert!(error.ends_with("950 more"), "{error}");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &vec![b'\n'; MAX_FILE + 1]).unwrap();
    let error = Config::load(file.path(), &CATALOG).unwrap_err();
    assert!(matches!(error, ConfigError::TooLarge { .. }), "{error}");
}

#[test]
fn the_time_grows_with_the_size_of_a_file_not_its_square() {
    let start = std::time::Instant::now();
    let tables: Vec<String> =
        (0..20_000).map(|at| format!("[store.n{at}]\nkind = 'bare'\nx{at} = 1\n")).collect();
    let ConfigError::Invalid { problems, more, .. } = parse(&tables.concat()).unwrap_err() else { panic!() };
    assert_eq!(problems.len() + more, 20_000);
    let uses = |at| format!("[[integration]]\nname = 'n{at}'\ntype = 'other'\nconsumer = 'x'\n");
    let uses: Vec<String> = (0..50_000).map(uses).collect();
    let inventory = Inventory::parse(Path::new("i"), uses.concat().as_bytes(), Known::default()).unwrap();
    assert_eq!(inventory.integrations.len(), 50_000);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn what_is_not_text_is_told_with_its_place() {
    let error = Config::parse(Path::new("p"), b"# \xc3\xa4\n# \xc3\xa4\xff", &CATALOG).unwrap_err();
    assert_eq!(error.to_string(), "p:2:4: not UTF-8");
}

#[test]
fn catalogs_say_what_they_mean() {
    let known = crate::lockdown::open::catalog();
    let real = known.providers.iter().chain(known.stores).chain(known.consumers);
    for kind in CATALOG.providers.iter().chain(CATALOG.stores).chain(real) {
        assert!(kind.base_url.is_none_or(|url| address::parse(url, Use::Service).is_ok()));
        for setting in kind.settings {
            let own = setting.name == catalog::BASE_URL;
            assert!(!instance::KEYS.contains(&setting.name), "{}", setting.name);
            assert!(!own || kind.base_url.is_none() && setting.value == SettingKind::Url);
            assert!(!(setting.required && setting.default.is_some()), "{}", setting.name);
        }
    }
    let kinds = known.providers.iter().chain(known.stores).chain(known.consumers);
    for setting in kinds.flat_map(|kind| kind.settings) {
        for text in setting.default.iter().chain([&setting.example]) {
            assert!(
                settings::parse(setting.value, text, Path::new("")).is_some(),
                "{}: {text}",
                setting.name
            );
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_give_a_configuration_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Err(error) = Config::parse(Path::new("p"), &bytes, &CATALOG) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn any_bytes_give_an_inventory_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Err(error) = Inventory::parse(Path::new("p"), &bytes, Known::default()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn so_do_any_pieces_of_a_file(pieces in proptest::collection::vec(0..PIECES.len(), 0..30)) {
        let text: String = pieces.into_iter().map(|at| PIECES[at]).collect();
        if let Err(error) = parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
        if let Err(error) = Inventory::parse(Path::new("p"), text.as_bytes(), Known::default()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

const PIECES: &[&str] = &[
    "[provider.lock]\n",
    "[provider]\n",
    "[[provider.lock]]\n",
    "[store.bare]\n",
    "[store.vault]\n",
    "[http]\n",
    "[[integration]]\n",
    "name = ",
    "type = 'other'\n",
    "store = ",
    "path = ",
    "fields = ",
    "last-rotated = ",
    "project = ",
    "kind = ",
    "credential = ",
    "base-url = ",
    "number = ",
    "list = ",
    "burst = ",
    "requests-per-second = ",
    "wait = ",
    "proxy = ",
    "'env:X'",
    "'command:a \"'",
    "'prompt'",
    "'lock'",
    "'https://x'",
    "'90s'",
    "1",
    "-1",
    "0xff",
    "1e400",
    "nan",
    "true",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "\n",
    "'",
    "\"",
    "2026-01-01",
    ".",
    "=",
    "\u{0}",
    "ä",
    "\u{feff}",
    "\\",
    "#",
];
