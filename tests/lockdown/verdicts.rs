//! Verdicts do not flatter.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis::drill::emulator::{Fault, Faults, Switches, What, When, okta};
use portcullis::lockdown::record::Entry;
use portcullis::lockdown::state::Status;
use portcullis::lockdown::store::{Version, Write};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::check::{self, DONE, PARTIAL, UNKNOWN};
use super::stage::{Run, Stage};
use super::tenant::small;

fn is_out(run: &Run) -> bool {
    run.code == Some(DONE) || run.code == Some(PARTIAL)
}

#[test]
fn an_undisturbed_lockdown_and_its_restore() {
    let stage = Stage::new(small(1), Switches::default(), Faults::default());
    let run = stage.lockdown(&[], None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    let ways = check::ways_in(&stage);
    check::verdict(&stage, &run, &ways).unwrap();
    let tenant = stage.emulator.tenant();
    assert_eq!(tenant.okta.users["00ujane"].status.name(), "SUSPENDED");
    assert!(tenant.okta.users["00ujane"].sessions.is_empty());
    assert!(!tenant.mixpanel.members["jane@agency.example"].active);
    assert!(tenant.mixpanel.service_accounts[&88_123].projects.is_empty());
    assert!(tenant.mixpanel.service_accounts[&88_102].projects.is_empty());
    let run = stage.restore(None);
    check::restored(&stage, &run, &BTreeSet::new()).unwrap();
    let tenant = stage.emulator.tenant();
    assert_eq!(tenant.okta.users["00ujane"].status.name(), "ACTIVE");
    assert!(tenant.mixpanel.members["jane@agency.example"].active);
    for id in [88_102, 88_123, 88_124] {
        let (before, after) = (&stage.before.mixpanel, &tenant.mixpanel);
        assert_eq!(before.service_accounts[&id].projects, after.service_accounts[&id].projects);
    }
    check::always(&stage).unwrap();
}

#[test]
fn with_commit_the_account_is_gone() {
    let stage = Stage::new(small(1), Switches::default(), Faults::default());
    let run = stage.lockdown(&["--commit"], None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    let accounts = stage.emulator.tenant().mixpanel.service_accounts;
    assert!([88_102, 88_123, 88_124].iter().all(|id| !accounts.contains_key(id)));
    check::verdict(&stage, &run, &check::ways_in(&stage)).unwrap();
    check::always(&stage).unwrap();
}

/// Whoever has to set a new password signs in to do so: nobody's word stands in for what the identity provider says.
#[test]
fn an_account_that_comes_back_by_itself_is_not_out_on_a_persons_word() {
    let mut tenant = small(1);
    tenant.okta.users.get_mut("00ujane").unwrap().status = okta::Status::PasswordExpired;
    let stage = Stage::new(tenant, Switches::default(), Faults::default());
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{}{}", run.stdout, run.stderr);
    stage.attest_all();
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("it is PASSWORD_EXPIRED, and can come back"), "{}", run.stdout);
    check::verdict(&stage, &run, &check::ways_in(&stage)).unwrap();
    // As soon as it can be suspended, it is.
    let set = |status| {
        stage.emulator.edit(|tenant| tenant.okta.users.get_mut("00ujane").unwrap().status = status);
    };
    set(okta::Status::Active);
    let run = stage.lockdown(&[], None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    assert_eq!(stage.emulator.tenant().okta.users["00ujane"].status.name(), "SUSPENDED");
    check::verdict(&stage, &run, &check::ways_in(&stage)).unwrap();
}

/// The old secret is known from the store, so that it is tried. `more`: for the lockdown; `path`: of the requests by which
/// service accounts lose their access.
fn never_early(more: &[&str], path: &str) {
    let honoured = Duration::from_secs(30);
    let mut switches = Switches::default();
    switches.mixpanel.honour_old_ms = 30_000;
    let stage = Stage::new(small(2), switches, Faults::default());
    let run = |wait: &str| {
        let args = ["lockdown", &stage.account, "--yes", "--json", "--wait", wait];
        stage.run(&[&args, more].concat(), None)
    };
    // Shorter than it is honoured: not known, however often it is asked.
    for wait in ["1s", "4s"] {
        let run = run(wait);
        assert_eq!(run.code, Some(UNKNOWN), "{}", run.stderr);
        assert!(run.stdout.contains("still works"), "{}", run.stdout);
    }
    let run = run("90s");
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    check::verdict(&stage, &run, &check::ways_in(&stage)).unwrap();
    let requests = stage.emulator.requests();
    let taken = requests.iter().filter(|request| request.changing && request.took_effect);
    let taken = taken.filter(|request| request.path.contains(path)).map(|request| request.arrived);
    let last = requests.last().unwrap().arrived;
    assert!(last >= taken.max().unwrap() + honoured, "proved while it was honoured");
}

#[test]
fn never_contained_before_the_old_credential_is_dead() {
    never_early(&[], "remove-from-project");
}

#[test]
fn never_contained_before_the_credential_of_a_deleted_account_is_dead() {
    never_early(&["--commit"], "service-accounts/88102");
}

/// The status that an old credential without projects gets is a switch: only the vendor's own refusal proves anything.
#[test]
fn no_other_failure_is_proof_of_death() {
    for status in [429, 500, 502, 503, 404] {
        let mut switches = Switches::default();
        switches.mixpanel.without_project = status;
        let stage = Stage::new(small(3), switches, Faults::default());
        let run = stage.lockdown(&[], None);
        assert_eq!(run.code, Some(UNKNOWN), "{status}: {}", run.stderr);
        let record = stage.record();
        let id = "mixpanel/service-account/88102/quarantine";
        let tracked = record.steps.values().find(|tracked| tracked.step.id.0 == id).unwrap();
        assert_eq!((tracked.proved.as_deref(), tracked.unproved.is_some()), (None, true), "{status}");
    }
}

/// What was contained is not any more while nothing can be asked.
#[test]
fn errors_on_the_calls_that_prove_prove_nothing() {
    let stage = Stage::new(small(4), Switches::default(), Faults::default());
    let run = stage.lockdown(&[], None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    for what in
        [What::Status(403), What::RateLimited(None), What::Status(500), What::Status(503), What::NotJson]
    {
        for service in ["mixpanel", "okta", "scim"] {
            let concluded = stage.journal().unwrap().entries.len();
            let when = When::Match {
                service: service.into(),
                method: "GET".into(),
                path_part: String::new(),
                times: u64::MAX,
            };
            stage.emulator.set_faults(Faults { faults: vec![Fault { when, what }], ..Faults::default() });
            let run = stage.lockdown(&[], None);
            assert_eq!(run.code, Some(UNKNOWN), "{service} {what}: {}", run.stderr);
            let entries = stage.journal().unwrap().entries;
            let proved = entries[concluded..].iter().filter_map(|timed| match &timed.entry {
                Entry::Proved { step, .. } if step.0.starts_with(service) => Some(step.to_string()),
                _ => None,
            });
            let proved: Vec<String> = proved.collect();
            assert!(proved.is_empty(), "{service} {what}: {proved:?}");
            stage.emulator.set_faults(Faults::default());
        }
    }
    let run = stage.lockdown(&[], None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    check::always(&stage).unwrap();
}

#[test]
fn a_name_that_does_not_resolve_proves_nothing() {
    let stage = Stage::new(small(5), Switches::default(), Faults::default());
    assert!(is_out(&stage.lockdown(&[], None)));
    let text = std::fs::read_to_string(stage.path("portcullis.toml")).unwrap();
    let base = stage.emulator.base_url("mixpanel");
    let elsewhere = text.replace(&format!("base-url = \"{base}\""), "base-url = \"https://nobody.invalid\"");
    assert_ne!(elsewhere, text);
    stage.put("portcullis.toml", elsewhere.replace(&base, "https://nobody.invalid").as_bytes());
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{}{}", run.stdout, run.stderr);
    let reasons = run.json()["reasons"].clone();
    let reasons: Vec<&str> = reasons.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(reasons.iter().any(|reason| reason.contains("mixpanel could not be read")), "{reasons:?}");
    stage.put("portcullis.toml", text.as_bytes());
    assert!(is_out(&stage.lockdown(&[], None)));
}

/// The replacement of the service account that two jobs work with.
fn replacement(stage: &Stage) -> (u64, String, String) {
    let accounts = stage.emulator.tenant().mixpanel.service_accounts;
    let mut made = accounts
        .into_iter()
        .filter(|(_, account)| account.username.starts_with("pc-") && account.username.contains("-88102"));
    let (id, account) = made.next().unwrap();
    assert!(made.next().is_none());
    (id, account.username, account.secret)
}

/// A lockdown after which somebody finds a job that nobody had thought of.
fn with_a_forgotten_job(seed: u64) -> Stage {
    let stage = Stage::new(small(seed), Switches::default(), Faults::default());
    assert!(is_out(&stage.lockdown(&[], None)));
    let old = &stage.before.mixpanel.service_accounts[&88_102].username;
    let row = format!(
        "[[integration]]\nname = \"third\"\ntype = \"service-account\"\ncredential = {old:?}\n\
         consumer = \"a forgotten job\"\nstore = \"file\"\npath = \"mixpanel/third\"\n"
    );
    stage.put("integrations.toml", (stage.inventory() + &row).as_bytes());
    stage
}

const THIRD: &str = "file/secret/mixpanel/third/put";

fn third(stage: &Stage) -> Option<Status> {
    let record = stage.record();
    record.steps.values().find(|tracked| tracked.step.id.0 == THIRD).map(|tracked| tracked.state.status)
}

#[test]
fn a_row_that_comes_during_an_incident_gets_what_was_made_for_the_others() {
    let stage = with_a_forgotten_job(6);
    let made = replacement(&stage);
    assert_eq!(third(&stage), None);
    let run = stage.lockdown(&[], None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    assert_eq!((third(&stage), replacement(&stage)), (Some(Status::Applied), made.clone()));
    let systems = check::systems(&stage);
    let entry = check::block_on(systems.stores["file"].read("mixpanel/third")).unwrap().unwrap();
    let field = |name: &str| entry.fields[name].expose_secret().to_owned();
    assert_eq!((field("username"), field("secret")), (made.1, made.2));
    let record = stage.record();
    assert!(record.guided.iter().any(|tracked| tracked.guided.id == "mixpanel/consumer/third"));
    // Once more: it is not put there again.
    assert!(is_out(&stage.lockdown(&[], None)));
    let attempts = |id: &str| {
        let record = stage.record();
        record.steps.values().find(|tracked| tracked.step.id.0 == id).map(|tracked| tracked.state.attempts)
    };
    assert_eq!(attempts(THIRD), Some(1));
    check::agrees(&stage).unwrap();
    check::always(&stage).unwrap();
}

/// Jobs may have a copy of it.
#[test]
fn what_was_put_away_and_is_written_over_is_not_thrown_away_for_a_row_that_comes_later() {
    let stage = with_a_forgotten_job(7);
    let made = replacement(&stage);
    let systems = check::systems(&stage);
    for (store, path) in [("vault", "mixpanel/88102"), ("file", "mixpanel/second")] {
        let store = &systems.stores[store];
        let version = check::block_on(store.read(path)).unwrap().map_or(Version::NONE, |entry| entry.version);
        let fields = ["username", "secret"].map(|name| (name.to_owned(), "CANARYtheirs".to_owned().into()));
        check::block_on(store.write(path, Write::Replace(fields.into()), &version, "theirs")).unwrap();
    }
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("is in no store any more"), "{}", run.stdout);
    assert_eq!((third(&stage), replacement(&stage)), (Some(Status::Planned), made));
}
