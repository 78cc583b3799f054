//! The configuration as a user meets it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{Place, command};

const CANARY: &str = "hunter2-canary";
const MIXPANEL: &str = "[provider.mixpanel]\norganization = 12345\n";

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn run(place: &Place, args: &[&str]) -> Ran {
    run_with(place.folder.path(), args, &[])
}

fn run_with(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Ran {
    let output = command(folder).arg("config").args(args).envs(environment.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
    assert!(!ran.out.contains(CANARY) && !ran.err.contains(CANARY), "{}{}", ran.out, ran.err);
    ran
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_init_writes_passes_the_check_and_is_private() {
    let place = Place::new();
    let made = run(&place, &["init"]);
    assert_eq!((made.code, made.out.as_str()), (0, ""));
    assert!(made.err.contains("portcullis.toml") && made.err.contains("config check"), "{}", made.err);
    assert_eq!(mode(&place.path("portcullis.toml")), 0o600);
    let checked = run(&place, &["check"]);
    assert_eq!(checked.code, 0, "{}", checked.err);
    for part in ["mixpanel", "https://mixpanel.com/", "env:PORTCULLIS_MIXPANEL", "okta", "scim", "vault"] {
        assert!(checked.out.contains(part), "{part}: {}", checked.out);
    }
    assert!(checked.err.contains("portcullis.toml is well-formed; providers: "), "{}", checked.err);
}

#[test]
fn init_replaces_nothing_unless_told() {
    let place = Place::new();
    place.write("portcullis.toml", b"# mine\n");
    let refused = run(&place, &["init"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("is there already") && refused.err.contains("--force"), "{}", refused.err);
    assert_eq!(std::fs::read(place.path("portcullis.toml")).unwrap(), b"# mine\n");
    assert_eq!(run(&place, &["init", "--output", "other.toml"]).code, 0);
    assert_eq!(run(&place, &["init", "--force"]).code, 0);
    assert_eq!(
        std::fs::read(place.path("portcullis.toml")).unwrap(),
        std::fs::read(place.path("other.toml")).unwrap()
    );
    assert_eq!(mode(&place.path("portcullis.toml")), 0o600);
    let nowhere = run(&place, &["init", "-o", "no/such/folder/x"]);
    assert!(nowhere.code == 2 && nowhere.err.contains("no/such/folder/x"), "{}", nowhere.err);
}

#[test]
fn a_mistake_is_told_whole() {
    let place = Place::new();
    place.write(
        "portcullis.toml",
        format!("{MIXPANEL}credential = 'env:X'\nrequest-per-second = 3\n").as_bytes(),
    );
    let ran = run(&place, &["check"]);
    assert_eq!(ran.code, 2);
    assert_eq!(
        ran.err,
        "error: portcullis.toml:4:1: unknown key `request-per-second` in [provider.mixpanel]\n\
         hint: did you mean `requests-per-second`?\n"
    );
    place.write("portcullis.toml", b"wiat = '9s'\n[provider.mixpanel]\n");
    let ran = run(&place, &["check"]);
    assert_eq!(
        ran.err,
        "error: portcullis.toml:1:1: unknown key `wiat`\n  \
         hint: did you mean `wait`?\n\
         portcullis.toml:2:11: `credential` is missing in [provider.mixpanel]\n  \
         hint: write where the secret is: env:NAME, file:PATH, prompt or command:PROGRAM …\n\
         portcullis.toml:2:11: `organization` is missing in [provider.mixpanel]\n"
    );
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_shown() {
    let place = Place::new();
    for line in [
        format!("credential = '{CANARY}'"),
        format!("credential = 'sa:{CANARY}'"),
        format!("credential = 'command:x {CANARY} | y'"),
        format!("credential = '{CANARY}"),
        format!("secret = '{CANARY}'"),
        format!("base-url = 'https://sa:{CANARY}@mixpanel.com'\ncredential = 'env:X'"),
    ] {
        place.write("portcullis.toml", format!("{MIXPANEL}{line}\n").as_bytes());
        for args in [&["check"][..], &["check", "--resolve"]] {
            let ran = run(&place, args);
            assert!(ran.code == 2 && ran.err.contains("portcullis.toml:3:"), "{line}: {}", ran.err);
        }
    }
}

#[test]
fn credentials_are_fetched_when_asked_and_never_shown() {
    let place = Place::new();
    let key = place.write("keys/mixpanel", CANARY.as_bytes());
    let set = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    let write = |credential: &str| {
        place.write("portcullis.toml", format!("{MIXPANEL}credential = '{credential}'\n").as_bytes());
    };
    let resolve =
        |environment: &[(&str, &str)]| run_with(place.folder.path(), &["check", "--resolve"], environment);
    write("file:keys/mixpanel");
    for good in [0o600, 0o400] {
        set(good);
        let ran = resolve(&[]);
        assert!(ran.code == 0 && ran.out.contains("found"), "{}{}", ran.out, ran.err);
    }
    set(0o640);
    let ran = resolve(&[]);
    assert!(ran.code == 2 && ran.out.contains("NOT FOUND"), "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains("its mode is 0640") && ran.err.contains("chmod 600 keys/mixpanel"),
        "{}",
        ran.err
    );
    assert_eq!(run(&place, &["check"]).code, 0);
    write("env:KEY");
    assert_eq!(resolve(&[("KEY", CANARY)]).code, 0);
    let ran = resolve(&[]);
    assert!(ran.code == 2 && ran.err.contains("KEY is not set"), "{}", ran.err);
    write("command:/bin/cat keys/mixpanel");
    assert_eq!(resolve(&[]).code, 0);
    write("command:/bin/sh -c \"cat keys/mixpanel; exit 3\"");
    let ran = resolve(&[]);
    assert!(ran.code == 2 && ran.err.contains("`/bin/sh` ended with exit status: 3"), "{}", ran.err);
}

#[test]
fn the_file_is_found_above_or_named() {
    let place = Place::new();
    place.write("portcullis.toml", b"wait = 1\n");
    place.write("good.toml", b"wait = '1s'\n");
    std::fs::create_dir_all(place.path("a/b")).unwrap();
    let from = place.path("a/b");
    let ran = run_with(&from, &["check"], &[]);
    assert!(ran.code == 2 && ran.err.contains("portcullis.toml:1:8"), "{}", ran.err);
    assert_eq!(run_with(&from, &["check"], &[("PORTCULLIS_CONFIG", "../../good.toml")]).code, 0);
    assert_eq!(
        run_with(&from, &["check", "--config", "../../good.toml"], &[("PORTCULLIS_CONFIG", "x")]).code,
        0
    );
    std::fs::remove_file(place.path("portcullis.toml")).unwrap();
    let ran = run_with(&from, &["check"], &[]);
    assert!(ran.code == 2 && ran.err.contains("portcullis config init"), "{}", ran.err);
    let ran = run_with(&from, &["check", "--config", "none.toml"], &[]);
    assert!(ran.code == 2 && ran.err.contains("cannot read none.toml"), "{}", ran.err);
}

#[test]
fn the_inventory_is_checked_with_it() {
    let place = Place::new();
    place.write(
        "portcullis.toml",
        b"inventory = 'who.toml'\n[store.vault]\nbase-url = 'https://vault.acme.example'\ncredential = 'env:V'\n",
    );
    let ran = run(&place, &["check"]);
    assert!(ran.code == 2 && ran.err.contains("cannot read who.toml"), "{}", ran.err);
    let integration = "[[integration]]\nname = 'etl'\ntype = 'service-account'\ncredential = 'etl.mp-service-account'\n\
                       store = 'vualt'\npath = 'mixpanel/etl'\nconsumer = 'airflow'\n";
    place.write("who.toml", integration.as_bytes());
    let ran = run(&place, &["check"]);
    assert!(ran.code == 2 && ran.err.contains("who.toml:5:9: no such store"), "{}", ran.err);
    assert!(ran.err.contains("did you mean `vault`?"), "{}", ran.err);
    place.write("who.toml", integration.replace("vualt", "vault").as_bytes());
    let ran = run(&place, &["check"]);
    assert!(ran.code == 0 && ran.err.contains("integrations in who.toml: 1"), "{}", ran.err);
}

#[test]
fn what_a_terminal_obeys_is_escaped() {
    let place = Place::new();
    place.write("p\u{1b}[2J.toml", b"\"\\u001b[2J\\nerror: x\" = 1\n[provider.\"\\u202e\"]\n");
    let ran = run(&place, &["check", "--config", "p\u{1b}[2J.toml"]);
    assert_eq!(ran.code, 2);
    assert!(!ran.err.contains(['\u{1b}', '\u{202e}']) && !ran.err.contains("\nerror: x"), "{}", ran.err);
    let ran = run(&place, &["check", "--config", "no\u{1b}[2J"]);
    assert!(ran.code == 2 && !ran.err.contains('\u{1b}'), "{}", ran.err);
}

#[test]
fn a_client_needs_its_secret_and_has_known_keys() {
    let place = Place::new();
    place.write(
        "portcullis.toml",
        b"[provider.entra]\nclient-id = 'a'\ntenant = 't'\n[provider.auth0]\nbase-url = 'https://a.example'\n\
          credential = 'env:X'\nclient_id = 'a'\n",
    );
    let ran = run(&place, &["check"]);
    assert_eq!(ran.code, 2);
    for part in [
        "portcullis.toml:1:11: `credential` is missing in [provider.entra]",
        "unknown key `client_id` in [provider.auth0]",
        "did you mean `client-id`?",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
}
