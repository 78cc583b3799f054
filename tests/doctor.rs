//! `portcullis doctor` against an emulated tenant.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
mod emulated;

use std::os::unix::fs::PermissionsExt as _;

use common::{Place, command};
use emulated::{ADMIN, Ran, World};
use portcullis::drill::configuration::Configuration;
use portcullis::drill::emulator::census::Census;
use portcullis::drill::emulator::lambda::{Alias, Function, Lambda};
use portcullis::drill::emulator::tenant::differences;
use portcullis::drill::emulator::vault::Secret;
use portcullis::drill::emulator::{Emulator, Faults, SERVICES, Service, Switches, Tenant};
use portcullis::lockdown::open;
use serde_json::Value;

/// Runs it, and holds it to reading alone.
fn doctor(world: &World, args: &[&str]) -> Ran {
    let before = (world.changes().len(), differing(world));
    let mut all = vec!["doctor"];
    all.extend(args);
    let ran = world.run(&all);
    assert_eq!((world.changes().len(), differing(world)), before, "doctor changes nothing at the providers");
    ran
}

fn differing(world: &World) -> usize {
    let tenant = world.emulator.tenant();
    tenant.mixpanel.service_accounts.len()
        + tenant.vault.mounts.values().map(|mount| mount.secrets.len()).sum::<usize>()
}

fn state(report: &Value, system: &str, what: &str) -> String {
    let checks = report["checks"].as_array().unwrap();
    let found =
        checks.iter().find(|row| row["system"] == system && row["what"].as_str().unwrap().starts_with(what));
    let found = found.unwrap_or_else(|| panic!("{system}, {what}: {report}"));
    found["state"].as_str().unwrap().to_owned()
}

fn means(report: &Value, system: &str) -> String {
    let checks = report["checks"].as_array().unwrap().iter();
    let rows = checks.filter(|row| row["system"] == system);
    rows.fold(String::new(), |all, row| all + &row["means"].to_string() + "\n")
}

#[test]
fn where_everything_works_it_says_so() {
    let world = World::new();
    let ran = doctor(&world, &["--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let report = ran.json();
    for what in ["credential", "list service accounts", "read all", "agree on the time"] {
        assert_eq!(state(&report, "mixpanel", what), "works");
    }
    assert_eq!(state(&report, "portcullis", "write in"), "works");
    let guided = report["guided"].to_string();
    assert!(guided.contains("End sessions") && guided.contains("Reset API secrets"), "{guided}");
    assert_eq!(
        (&report["could_not"], &report["not_known"]),
        (&Value::from(vec![""; 0]), &Value::from(vec![""; 0]))
    );
    let text = doctor(&world, &[]);
    for part in
        ["SYSTEM", "A lockdown today could:", "Left to people in any case", "mixpanel: list service accounts"]
    {
        assert!(text.out.contains(part), "{part}: {}", text.out);
    }
    assert!(!text.out.contains("It could not"), "{}", text.out);
    assert!(!world.place.path("incidents").exists(), "no incident is opened");
    // The emulated store has no route that shows its mounts: that is not known.
    world.configure(&(world.mixpanel() + &world.vault()));
    let report = doctor(&world, &["--json"]).json();
    assert_eq!(state(&report, "vault", "use the token"), "works");
    assert_eq!(state(&report, "vault", "reach the engine"), "unknown", "{}", means(&report, "vault"));
    assert!(world.emulator.requests().iter().any(|request| request.service == "vault"));
}

#[test]
fn what_no_read_shows_is_not_known() {
    let world = World::new();
    world.configure(&(world.mixpanel() + &world.scim()));
    let ran = doctor(&world, &["--json"]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert_eq!(state(&ran.json(), "scim", "find users"), "works");
    assert_eq!(state(&ran.json(), "scim", "change users"), "unknown");
}

#[test]
fn every_broken_credential_is_a_line_and_the_others_are_tried_all_the_same() {
    let mut world = World::new();
    let whole = world.mixpanel() + &world.scim() + &world.vault();
    world.configure(&whole);
    let (name, _) = world.environment[0]
        .1
        .split_once(':')
        .map(|(name, secret)| (name.to_owned(), secret.to_owned()))
        .unwrap();
    world.environment[0].1 = format!("{name}:CANARY-wrong");
    world.environment[1].1 = "CANARY-old-token".to_owned();
    world.environment.remove(2);
    let ran = doctor(&world, &["--json"]);
    let report = ran.json();
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert_eq!(state(&report, "mixpanel", "credential"), "missing");
    assert_eq!(state(&report, "scim", "find users"), "missing");
    assert_eq!(state(&report, "vault", "open it"), "missing");
    assert!(means(&report, "vault").contains("VAULT is not set"), "{report}");
    assert!(means(&report, "mixpanel").contains("401"), "{report}");
    assert!(!ran.out.contains("CANARY") && !ran.err.contains("CANARY"), "{}{}", ran.out, ran.err);
    world.environment[0].1 = "CANARY-without-colon".to_owned();
    let ran = doctor(&world, &[]);
    assert!(ran.code == 4 && ran.out.contains("username:secret"), "{}", ran.out);
    assert!(!ran.out.contains("CANARY") && !ran.err.contains("CANARY"), "{}{}", ran.out, ran.err);
}

#[test]
fn a_permission_that_is_missing_is_told_with_what_it_means() {
    let world = World::new();
    world.emulator.edit(|tenant| {
        let account = tenant.mixpanel.service_accounts.get_mut(&88_101).unwrap();
        account.role = None;
        account.projects = [(emulated::WEB, "analyst".to_owned())].into();
    });
    let ran = doctor(&world, &["--json"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert_eq!(state(&ran.json(), "mixpanel", "credential"), "works");
    assert_eq!(state(&ran.json(), "mixpanel", "role"), "missing");
    assert!(ran.json()["could_not"].to_string().contains("needs owner or admin"), "{}", ran.out);
}

#[test]
fn what_cannot_be_reached_and_a_sealed_store_are_lines() {
    let world = World::new();
    world.configure(&(world.mixpanel() + &world.vault()));
    world.emulator.edit(|tenant| tenant.vault.sealed = true);
    let ran = doctor(&world, &["--json", "--wait", "1s"]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert_eq!(state(&ran.json(), "vault", "use the token"), "unknown");
    // Nobody listens there.
    let scim = "[provider.scim]\nbase-url = 'http://127.0.0.1:9/scim/v2'\ncredential = 'env:SCIM'\n";
    world.configure(&(world.mixpanel() + scim));
    let ran = doctor(&world, &["--json", "--wait", "1s"]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert_eq!(state(&ran.json(), "scim", "find users"), "unknown");
    assert_eq!(state(&ran.json(), "mixpanel", "read all"), "works");
}

#[test]
fn the_inventory_is_compared_with_what_is_there() {
    let world = World::new();
    let secret = Secret::new(serde_json::Map::new(), "2026-01-05T09:00:00.000Z");
    let name = world.emulator.edit(|tenant| {
        let secrets = &mut tenant.vault.mounts.get_mut("secret").unwrap().secrets;
        secrets.insert("mixpanel/etl".to_owned(), secret.clone());
        secrets.insert("mixpanel/gone".to_owned(), secret);
        tenant.mixpanel.service_accounts[&88_102].username.clone()
    });
    let row = |integration: &str, credential: &str, path: &str| {
        format!(
            "[[integration]]\nname = '{integration}'\ntype = 'service-account'\ncredential = '{credential}'\n\
             store = 'vault'\npath = '{path}'\nconsumer = 'airflow'\n"
        )
    };
    let good = row("good", &name, "mixpanel/etl");
    let all =
        good.clone() + &row("gone", "gone.abc", "mixpanel/gone") + &row("astray", &name, "mixpanel/other");
    world.place.write("who.toml", all.as_bytes());
    world.configure_with("inventory = 'who.toml'", &(world.mixpanel() + &world.vault()));
    let ran = doctor(&world, &["--json"]);
    let report = ran.json();
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert_eq!(state(&report, "inventory", "rotate the credential of good"), "works");
    assert_eq!(state(&report, "inventory", "rotate the credential of gone"), "missing");
    assert_eq!(state(&report, "inventory", "rotate the credential of astray"), "missing");
    let means = means(&report, "inventory");
    assert!(means.contains("no service account is called gone.abc"), "{means}");
    assert!(means.contains("no entry mixpanel/other"), "{means}");
    world.place.write("who.toml", good.as_bytes());
    let ran = doctor(&world, &["--json"]);
    assert!(!ran.json()["could_not"].to_string().contains("inventory"), "{}", ran.out);
    world.place.write("who.toml", b"[[integration]]\nname = 1\n");
    assert_eq!(doctor(&world, &[]).code, 2);
}

#[test]
fn a_folder_without_room_or_rights_and_no_responder_are_missing() {
    let world = World::new();
    world.place.write("occupied", b"a file, no folder");
    world.configure_with("incidents = 'occupied'", &world.mixpanel());
    let ran = doctor(&world, &["--json"]);
    assert_eq!(
        (ran.code, state(&ran.json(), "portcullis", "write in").as_str()),
        (4, "missing"),
        "{}",
        ran.out
    );
    let text = std::fs::read_to_string(world.configure(&world.mixpanel())).unwrap();
    world.place.write("portcullis.toml", text.replace(&format!("responder = ['{ADMIN}']"), "").as_bytes());
    let ran = doctor(&world, &["--json"]);
    assert_eq!((ran.code, state(&ran.json(), "portcullis", "know the responders").as_str()), (4, "missing"));
    std::fs::set_permissions(world.place.path("portcullis.toml"), std::fs::Permissions::from_mode(0o600))
        .unwrap();
    world.place.write("portcullis.toml", b"wiat = '1s'\n");
    assert_eq!(doctor(&world, &[]).code, 2);
    world.configure("");
    let ran = doctor(&world, &[]);
    assert!(ran.code == 2 && ran.err.contains("no provider is configured"), "{}", ran.err);
}

#[test]
fn nothing_that_a_terminal_obeys_is_shown() {
    let world = World::new();
    world.emulator.edit(|tenant| {
        let project = tenant.mixpanel.projects.get_mut(&emulated::WEB).unwrap();
        project.name = "a\u{1b}[2J\u{202e}b".to_owned();
    });
    let text = doctor(&world, &[]);
    assert!(!text.out.contains(['\u{1b}', '\u{202e}']), "{}", text.out);
    // JSON is exact, and escapes controls by itself.
    let json = doctor(&world, &["--json"]);
    assert!(!json.out.contains('\u{1b}') && json.out.contains("\\u001b"), "{}", json.out);
}

/// What `doctor` says of what the inventory asks for of `use-1`, beside this service.
fn told_of_use(service: &dyn Service, what: &str, change: impl FnOnce(&mut Tenant)) -> (String, String) {
    let mut tenant = Tenant::example(7);
    service.example(&mut tenant);
    let emulator = Emulator::start(tenant, Switches::default(), Faults::default()).unwrap();
    let configuration = Configuration::of(&emulator, &format!("responder = ['{ADMIN}']"), "");
    let place = Place::new();
    place.write("portcullis.toml", configuration.portcullis.as_bytes());
    place.write("integrations.toml", configuration.integrations.as_bytes());
    emulator.edit(change);
    let before = emulator.tenant();
    let mut doctor = command(place.folder.path());
    let run = doctor.args(["doctor", "--json"]).envs(configuration.environment).output().unwrap();
    let out = String::from_utf8(run.stdout).unwrap();
    assert!(!out.contains("CANARY"), "{out}");
    assert!(differences(&before, &emulator.tenant()).is_empty(), "it changes something");
    let report: Value = serde_json::from_str(&out).unwrap();
    (state(&report, "inventory", what), means(&report, "inventory"))
}

/// What it says of rotating the credential of `use-1`, which a function has a copy of.
fn told_of_a_copy(change: impl FnOnce(&mut Tenant)) -> (String, String) {
    told_of_use(&Lambda, "rotate the credential of use-1", change)
}

#[test]
fn what_a_lockdown_would_pause_is_looked_at() {
    let told = |change: fn(&mut Tenant)| told_of_use(&Census, "pause what use-1 carries", change);
    assert_eq!(told(|_| {}).0, "works");
    let (state, means) = told(|tenant| drop(tenant.census.syncs.remove(&15_136)));
    assert!(
        state == "missing" && means.contains("15136 of census") && means.contains("by hand"),
        "{state}: {means}"
    );
    assert!(!means.contains("15135"), "{means}");
    let (state, means) = told(|tenant| tenant.census.token.push('x'));
    assert!(state == "missing" && means.contains("Unauthorized"), "{state}: {means}");
}

#[test]
fn what_consumers_hold_is_compared_with_what_their_store_holds() {
    type Change = fn(&mut Function);
    let (state, means) = told_of_a_copy(|_| {});
    assert_eq!(state, "works", "{means}");
    let function = |tenant: &mut Tenant, change: fn(&mut Function)| {
        change(tenant.lambda.functions.get_mut("nightly-jobs").unwrap());
    };
    let drifted = |one: &mut Function| one.set("MIXPANEL_88102_SECRET", "CANARYelse");
    let published = |one: &mut Function| {
        one.aliases.insert("prod".to_owned(), Alias { version: "7".to_owned(), also: None });
    };
    let empty = |one: &mut Function| *one = Function::default();
    let changes: [(Change, &str); 3] =
        [(drifted, "not what the store holds"), (published, "alias prod"), (empty, "correct place-fields")];
    for (change, part) in changes {
        let (state, means) = told_of_a_copy(|tenant| function(tenant, change));
        assert!(state == "missing" && means.contains(part) && means.contains("by hand"), "{state}: {means}");
    }
    let (state, means) = told_of_a_copy(|tenant| tenant.lambda.functions.clear());
    assert!(state == "missing" && means.contains("Function not found"), "{state}: {means}");
    let (state, _) =
        told_of_a_copy(|tenant| tenant.lambda.keys.values_mut().for_each(|key| key.secret.push('x')));
    assert_eq!(state, "missing");
}

/// What `doctor` says of the kinds of providers and consumers that one service has, in a tenant that has it beside Mixpanel: states
/// and meanings. With `wrong`, their credentials are not theirs.
fn told_of(service: &dyn Service, wrong: bool) -> Vec<(String, String)> {
    let mut tenant = Tenant::example(7);
    service.example(&mut tenant);
    let catalog = open::catalog();
    let kinds = catalog.providers.iter().chain(catalog.consumers).map(|kind| kind.name);
    let kinds: Vec<&str> = kinds.filter(|kind| service.client(kind, &tenant, "x").is_some()).collect();
    let emulator = Emulator::start(tenant, Switches::default(), Faults::default()).unwrap();
    let head =
        format!("responder = ['{ADMIN}']\n[http]\ntimeout = '2s'\ndeadline = '3s'\nbackoff = '10ms'\n");
    let mut configuration = Configuration::of(&emulator, &head, "");
    let place = Place::new();
    place.write("portcullis.toml", configuration.portcullis.as_bytes());
    place.write("integrations.toml", configuration.integrations.as_bytes());
    if wrong {
        let names: Vec<String> = kinds.iter().map(|kind| kind.to_uppercase().replace('-', "_")).collect();
        for (name, value) in &mut configuration.environment {
            if names.iter().any(|kind| name.ends_with(kind)) {
                "CANARY-wrong".clone_into(value);
            }
        }
    }
    let before = emulator.tenant();
    let run = command(place.folder.path())
        .args(["doctor", "--json"])
        .envs(configuration.environment)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap());
    assert!(!out.contains("CANARY") && !err.contains("CANARY"), "{out}{err}");
    assert!(differences(&before, &emulator.tenant()).is_empty(), "{}: it changes something", service.name());
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    let rows = report["checks"].as_array().unwrap().iter();
    let own = rows.filter(|row| kinds.iter().any(|kind| row["system"] == *kind));
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    own.map(|row| (text(row, "state"), format!("{}: {}", row["what"], row["means"]))).collect()
}

#[test]
fn every_provider_says_what_it_could_do_and_what_a_wrong_credential_keeps_it_from() {
    for service in SERVICES.iter().filter(|service| service.name() != "mixpanel") {
        let told = told_of(*service, false);
        // Stores have tests of their own.
        if told.is_empty() {
            continue;
        }
        let works = told.iter().filter(|(state, _)| state == "works").count();
        let missing = told.iter().filter(|(state, _)| state == "missing").count();
        assert!(works > 0 && missing == 0, "{}: {told:#?}", service.name());
        let told = told_of(*service, true);
        assert!(told.iter().any(|(state, _)| state == "missing"), "{}: {told:#?}", service.name());
    }
}

#[test]
fn a_client_that_gets_no_token_is_told_with_what_to_do() {
    let entra = SERVICES.iter().find(|service| service.name() == "entra").unwrap();
    let token = |wrong| {
        let told = told_of(*entra, wrong).into_iter();
        let mut rows = told.filter(|(_, row)| row.contains("get an access token"));
        rows.next().unwrap()
    };
    let (state, row) = token(false);
    assert!(state == "works" && row.contains("b2f6a7f0-5d0c-4a0e-9f5c-0c1f6f6e2d11"), "{row}");
    let (state, row) = token(true);
    assert!(state == "missing" && row.contains("invalid_client"), "{row}");
    assert!(row.contains("/oauth2/v2.0/token") && row.contains("`client-id` and `credential`"), "{row}");
}
