//! What a responder agreed to is done, and nothing else; what is let in again is dealt with again.

use std::collections::BTreeSet;

use portcullis::drill::emulator::{Fault, Faults, Switches, What, When, okta};
use portcullis::lockdown::record::{Entry, Record, Tracked, Verdict};
use portcullis::lockdown::state::{Status, StepEvent};

use super::check::{self, DONE, PARTIAL, REFUSED, UNKNOWN};
use super::stage::{Run, Stage};
use super::tenant::{beside, further, small};

const USAGE: i32 = 2;
const JANE: &str = "00ujane";

fn stage() -> Stage {
    Stage::new(small(1), Switches::default(), Faults::default())
}

fn is_out(run: &Run) -> bool {
    run.code == Some(DONE) || run.code == Some(PARTIAL)
}

/// The lockdown without anybody who agrees.
fn unattended(stage: &Stage, more: &[&str]) -> Run {
    stage.run(&[&["lockdown", &stage.account, "--json", "--wait", "1s"], more].concat(), None)
}

/// Contained: everything is done, by people too, and what was quarantined is deleted.
fn contained() -> Stage {
    let stage = stage();
    assert!(is_out(&stage.lockdown(&["--commit"], None)));
    stage.attest_all();
    let run = stage.lockdown(&["--commit"], None);
    assert_eq!(run.code, Some(DONE), "{}{}", run.stdout, run.stderr);
    stage
}

#[test]
fn a_name_that_nobody_has_opens_no_incident() {
    let stage = stage();
    let lockdown = ["lockdown", "nobody.here@acme.example", "--yes", "--json", "--wait", "1s"];
    let run = stage.run(&lockdown, None);
    assert_eq!(run.code, Some(USAGE), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("no system has an account nobody.here@acme.example"), "{}", run.stderr);
    assert!(!stage.path("incidents").exists() || stage.incidents().is_empty());
    assert_eq!(stage.changes(), 0);
    // One that could be in a system that is down is looked for there later.
    let when = When::Match {
        service: "okta".into(),
        method: String::new(),
        path_part: String::new(),
        times: u64::MAX,
    };
    let down = Faults { faults: vec![Fault { when, what: What::Status(500) }], ..Faults::default() };
    stage.emulator.set_faults(down);
    assert_eq!(stage.run(&lockdown, None).code, Some(UNKNOWN));
    stage.emulator.set_faults(Faults::default());
    let run =
        stage.run(&["lockdown", "gone@acme.example", "--absent", "--yes", "--json", "--wait", "1s"], None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_pattern_that_names_nothing_is_refused() {
    let stage = stage();
    for (more, told) in [
        (["--only", "[okta"], "error parsing glob"),
        (["--only", "oktaa"], "\"oktaa\" names no step and no system"),
        (["--skip", "oktaa/**=a slip"], "\"oktaa/**\" names no step and no system"),
    ] {
        let run = stage.lockdown(&more, None);
        assert_eq!(run.code, Some(USAGE), "{more:?}: {}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains(told), "{more:?}: {}", run.stderr);
        assert_eq!(stage.changes(), 0, "{more:?}");
    }
}

#[test]
fn nothing_is_destroyed_that_nobody_agreed_to() {
    let stage = stage();
    assert!(is_out(&stage.lockdown(&[], None)));
    let before = stage.changes();
    let run = unattended(&stage, &["--commit"]);
    assert_eq!(run.code, Some(REFUSED), "{}{}", run.stdout, run.stderr);
    assert_eq!(stage.changes(), before);
    assert!(is_out(&stage.lockdown(&["--commit"], None)));
    let accounts = stage.emulator.tenant().mixpanel.service_accounts;
    assert!([88_102, 88_123, 88_124].iter().all(|id| !accounts.contains_key(id)));
    // What was agreed to with it goes on without a question.
    assert!(is_out(&unattended(&stage, &["--commit"])));
}

#[test]
fn whoever_is_let_in_again_is_shut_out_again_and_people_do_their_part_again() {
    let stage = contained();
    assert_eq!(unattended(&stage, &[]).code, Some(DONE), "nothing is asked where nothing is to be done");
    stage.emulator.edit(|tenant| {
        tenant.okta.users.get_mut(JANE).unwrap().status = okta::Status::Active;
    });
    let before = stage.changes();
    let run = unattended(&stage, &[]);
    assert_eq!(run.code, Some(REFUSED), "{}{}", run.stdout, run.stderr);
    assert_eq!(stage.changes(), before);
    let reopened = |entry: &Entry| match entry {
        Entry::Reopened { steps } => steps.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    let entries = stage.journal().unwrap().entries;
    let reopened: Vec<String> = entries.iter().flat_map(|timed| reopened(&timed.entry)).collect();
    assert!(reopened.iter().any(|step| step.ends_with("/suspend")), "{reopened:?}");
    assert!(stage.record().guided.iter().all(|tracked| tracked.done.is_none()));
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(PARTIAL), "{}{}", run.stdout, run.stderr);
    assert_eq!(stage.emulator.tenant().okta.users[JANE].status.name(), "SUSPENDED");
    stage.attest_all();
    assert_eq!(stage.lockdown(&[], None).code, Some(DONE));
    assert!(matches!(stage.record().verdict, Some((Verdict::Contained, _))));
    check::always(&stage).unwrap();
}

/// Somebody else may have seen it first: what is concluded in between changes nothing of it.
#[test]
fn whoever_is_let_in_again_is_asked_about_whatever_was_concluded_in_between() {
    let verify = |stage: &Stage| {
        let incident = stage.incident().unwrap();
        let run = stage.run(&["verify", &incident, "--json", "--wait", "1s"], None);
        assert_eq!(run.code, Some(UNKNOWN), "{}{}", run.stdout, run.stderr);
        assert!(matches!(stage.record().verdict, Some((Verdict::Unknown, _))));
    };
    let guard = |stage: &Stage| {
        let text = std::fs::read_to_string(stage.path("portcullis.toml")).unwrap();
        stage.put("portcullis.toml", format!("responder = [{:?}]\n{text}", stage.account).as_bytes());
        assert_eq!(unattended(stage, &[]).code, Some(REFUSED));
        stage.put("portcullis.toml", text.as_bytes());
        assert_eq!(stage.record().verdict, None);
    };
    let between: [&dyn Fn(&Stage); 2] = [&verify, &guard];
    for between in between {
        let stage = contained();
        stage.emulator.edit(|tenant| {
            tenant.okta.users.get_mut(JANE).unwrap().status = okta::Status::Active;
        });
        between(&stage);
        let before = stage.changes();
        let run = unattended(&stage, &[]);
        assert_eq!(run.code, Some(REFUSED), "{}{}", run.stdout, run.stderr);
        assert_eq!(stage.changes(), before);
        let record = stage.record();
        assert!(record.guided.iter().all(|tracked| tracked.done.is_none()));
        assert!(record.confirmed.is_none() && !record.commits && !record.was_best);
        assert_eq!(stage.lockdown(&[], None).code, Some(PARTIAL), "people have to do their part again");
        assert_eq!(stage.emulator.tenant().okta.users[JANE].status.name(), "SUSPENDED");
        check::always(&stage).unwrap();
    }
}

/// What is left out is left out of a run, and what the next one does with it is for the responder to say.
#[test]
fn what_was_left_out_is_done_by_a_run_that_does_not_leave_it_out() {
    let stage = stage();
    let without = ["--skip", "okta=the people office keeps it open"];
    assert_eq!(stage.lockdown(&without, None).code, Some(PARTIAL));
    let okta = |tracked: &&Tracked| tracked.step.system == "okta";
    let statuses = |stage: &Stage| {
        stage.record().steps.values().filter(okta).map(|of| of.state.status).collect::<Vec<_>>()
    };
    let left_out = statuses(&stage);
    assert!(!left_out.is_empty() && left_out.iter().all(|status| *status == Status::Skipped));
    let before = stage.changes();
    assert_eq!(unattended(&stage, &without).code, Some(PARTIAL), "nothing is asked where it stays left out");
    let run = unattended(&stage, &[]);
    assert_eq!(run.code, Some(REFUSED), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("the people office keeps it open"), "{}", run.stderr);
    let incident = stage.incident().unwrap();
    stage.run(&["verify", &incident, "--json", "--wait", "1s"], None);
    assert_eq!((stage.changes(), statuses(&stage)), (before, left_out), "nobody agreed to it");
    assert_eq!(stage.emulator.tenant().okta.users[JANE].status, stage.before.okta.users[JANE].status);
    let run = stage.lockdown(&[], None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    assert_eq!(stage.emulator.tenant().okta.users[JANE].status.name(), "SUSPENDED");
    assert!(statuses(&stage).iter().all(|status| status.holds()), "{:?}", statuses(&stage));
    let entries = stage.journal().unwrap().entries;
    let included = |entry: &Entry| matches!(entry, Entry::Step { event: StepEvent::Included, .. });
    assert_eq!(entries.iter().filter(|timed| included(&timed.entry)).count(), statuses(&stage).len());
    check::agrees(&stage).unwrap();
    let restore = stage.restore(None);
    check::restored(&stage, &restore, &check::rests(&stage)).unwrap();
    check::always(&stage).unwrap();
}

/// A responder begins with one system; what rests on others waits, and is done when they are taken up.
#[test]
fn what_an_only_left_out_is_done_with_what_rests_on_it() {
    let stage = stage();
    let run = stage.lockdown(&["--only", "mixpanel"], None);
    assert!(matches!(run.code, Some(PARTIAL | UNKNOWN)), "{}{}", run.stdout, run.stderr);
    assert_eq!(stage.emulator.tenant().okta.users[JANE].status, stage.before.okta.users[JANE].status);
    let run = stage.lockdown(&[], None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    let tenant = stage.emulator.tenant();
    assert_eq!(tenant.okta.users[JANE].status.name(), "SUSPENDED");
    assert!(tenant.mixpanel.service_accounts[&88_102].projects.is_empty());
    check::agrees(&stage).unwrap();
    check::always(&stage).unwrap();
}

/// Whatever is asked of these services, they fail.
fn down(services: &[&str]) -> Faults {
    let fault = |service: &&str| {
        let service = (*service).to_owned();
        let when = When::Match { service, method: String::new(), path_part: String::new(), times: u64::MAX };
        Fault { when, what: What::Status(500) }
    };
    Faults { faults: services.iter().map(fault).collect(), ..Faults::default() }
}

/// There is a store beside the systems, which has nothing to read.
#[test]
fn where_no_system_can_be_read_there_is_no_plan_to_agree_to() {
    let stage = stage();
    stage.emulator.set_faults(down(&["okta", "scim", "mixpanel"]));
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("no system could be read"), "{}", run.stderr);
    assert!(stage.incident().is_none(), "nothing was agreed to");
    stage.emulator.set_faults(Faults::default());
    let run = unattended(&stage, &[]);
    assert_eq!(run.code, Some(REFUSED), "{}{}", run.stdout, run.stderr);
    assert_eq!(stage.changes(), 0);
}

#[test]
fn what_a_system_shows_that_could_not_be_read_then_is_asked_about() {
    let stage = stage();
    stage.emulator.set_faults(down(&["okta"]));
    assert_eq!(stage.lockdown(&[], None).code, Some(UNKNOWN));
    let record = stage.record();
    assert_eq!(record.unasked, ["okta".to_owned()].into());
    assert!(record.order.iter().all(|id| !id.0.starts_with("okta/")), "{:?}", record.order);
    stage.emulator.set_faults(Faults::default());
    // A verification notes the steps, and nobody agrees to them by that.
    let incident = stage.incident().unwrap();
    stage.run(&["verify", &incident, "--json", "--wait", "1s"], None);
    let before = stage.changes();
    let run = unattended(&stage, &[]);
    assert_eq!(run.code, Some(REFUSED), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("okta"), "the plan that is asked about has them: {}", run.stderr);
    assert_eq!(stage.changes(), before);
    assert_eq!(stage.emulator.tenant().okta.users[JANE].status, stage.before.okta.users[JANE].status);
    let of_okta = |record: &Record| {
        let steps = record.steps.values().filter(|tracked| tracked.step.system == "okta");
        steps.map(|tracked| tracked.confirmed).collect::<BTreeSet<bool>>()
    };
    assert_eq!(of_okta(&stage.record()), [false].into());
    let run = stage.lockdown(&[], None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    assert_eq!(stage.emulator.tenant().okta.users[JANE].status.name(), "SUSPENDED");
    assert_eq!((of_okta(&stage.record()), stage.record().unasked), ([true].into(), [].into()));
    assert!(is_out(&unattended(&stage, &[])), "all was agreed to");
    check::always(&stage).unwrap();
}

/// A guard that could not be asked says so before anybody agrees.
#[test]
fn what_could_not_be_checked_is_told_with_the_plan() {
    const UNCHECKED: &str = "whether the account is the last owner could not be checked";
    let mut switches = Switches::default();
    switches.mixpanel.unpublished_routes = false;
    let stage = Stage::new(small(1), switches, Faults::default());
    let plan = |more: &[&str]| stage.run(&[&["lockdown", &stage.account, "--dry-run"], more].concat(), None);
    assert!(plan(&[]).stdout.contains(UNCHECKED), "{}", plan(&[]).stdout);
    let json = plan(&["--json"]).json();
    assert!(json["notes"].to_string().contains(UNCHECKED), "{json}");
    assert!(json["gaps"].is_array() && json["unread"].is_object(), "{json}");
    for json in [false, true] {
        let more: &[&str] = if json { &["--json"] } else { &[] };
        let run = stage.run(&[&["lockdown", &stage.account], more].concat(), None);
        assert_eq!(run.code, Some(REFUSED), "{}{}", run.stdout, run.stderr);
        assert!(if json { run.stderr } else { run.stdout }.contains(UNCHECKED));
    }
    assert_eq!(stage.changes(), 0);
}

#[test]
fn a_plan_file_is_held_against_what_is_there_whenever_it_is_applied() {
    let stage = stage();
    let path = |name: &str| stage.path(name).to_str().unwrap().to_owned();
    let plan = |name: &str| {
        let run = stage.run(&["lockdown", &stage.account, "--plan", &path(name), "--json"], None);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    };
    let apply = |name: &str| {
        stage.run(
            &[
                "lockdown",
                &stage.account,
                "--plan",
                &path(name),
                "--apply",
                "--yes",
                "--json",
                "--wait",
                "1s",
            ],
            None,
        )
    };
    plan("first.json");
    assert!(is_out(&stage.lockdown(&[], None)));
    assert!(is_out(&apply("first.json")), "the same was agreed to: it goes on with that, and finds it done");
    stage.emulator.edit(|tenant| {
        let role = okta::Role { kind: "HELP_DESK_ADMIN".into(), groups: [].into() };
        tenant.okta.users.get_mut(JANE).unwrap().roles.insert("ra-new".into(), role);
    });
    let roles = || stage.emulator.tenant().okta.users[JANE].roles.len();
    assert!(!is_out(&apply("first.json")));
    assert_eq!(roles(), 1, "what the file does not have is not done");
    plan("second.json");
    let run = apply("second.json");
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    assert_eq!(roles(), 0, "the new step was carried out");
    // The same file goes on.
    assert!(is_out(&apply("second.json")));
}

#[test]
fn guards_hold_when_a_run_goes_on() {
    let stage = stage();
    let killed = stage.lockdown(&[], Some(200));
    assert_eq!(killed.code, None, "{}", killed.stdout);
    let text = std::fs::read_to_string(stage.path("portcullis.toml")).unwrap();
    stage.put("portcullis.toml", format!("responder = [{:?}]\n{text}", stage.account).as_bytes());
    let before = stage.changes();
    assert!(before > 0);
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(REFUSED), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("nothing more was changed"), "{}", run.stderr);
    assert_eq!(stage.changes(), before);
    stage.put("portcullis.toml", text.as_bytes());
    assert!(is_out(&stage.lockdown(&[], None)));
    check::always(&stage).unwrap();
}

#[test]
fn a_credential_that_cannot_be_had_stops_none_of_the_others() {
    let stage = stage();
    let mut command = stage.command(&stage.lockdown_args(&[]));
    command.env_remove("PORTCULLIS_VAULT").env_remove("PORTCULLIS_SCIM");
    let run = stage.finish(command.spawn().unwrap());
    assert_eq!(run.code, Some(UNKNOWN), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("scim") && run.stderr.contains("nothing can be read or done there"));
    let tenant = stage.emulator.tenant();
    assert_eq!(tenant.okta.users[JANE].status.name(), "SUSPENDED");
    let asked = |service: &str| stage.emulator.requests().iter().any(|request| request.service == service);
    assert!(asked("okta") && !asked("scim") && !asked("vault"), "nobody is asked without a credential");
    let run = stage.lockdown(&[], None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    assert!(asked("scim") && asked("vault"));
    check::agrees(&stage).unwrap();
    check::always(&stage).unwrap();
}

#[test]
fn whom_the_directory_does_not_have_is_a_member_all_the_same() {
    let mut tenant = small(1);
    let account = tenant.attacker.email.clone();
    tenant.scim.users.retain(|_, user| user.user_name != account);
    let stage = Stage::new(tenant, Switches::default(), Faults::default());
    stage.lockdown(&["--commit"], None);
    stage.attest_all();
    let run = stage.lockdown(&["--commit"], None);
    assert_eq!(run.code, Some(UNKNOWN), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("it is still listed"), "{}", run.stdout);
    let record = stage.record();
    assert!(record.guided.iter().any(|tracked| tracked.guided.id.starts_with("scim/not-provisioned/")));
    stage.emulator.edit(|tenant| tenant.mixpanel.members.remove(&account));
    let run = stage.lockdown(&["--commit"], None);
    assert_eq!(run.code, Some(DONE), "{}{}", run.stdout, run.stderr);
}

/// Nothing shows that sessions ended; where the second sign-out is not sent, one that began in between may be open.
#[test]
fn a_sign_out_that_cannot_be_sent_again_is_not_proved() {
    let entra = || further().find(|service| service.name() == "entra").unwrap();
    let calm = Stage::new(beside(entra(), 3), Switches::default(), Faults::default());
    assert!(is_out(&calm.lockdown(&[], None)));
    let requests = calm.emulator.requests();
    let mut changing = requests.iter().filter(|request| request.changing);
    let last = changing.clone().count() as u64;
    assert!(changing.next_back().is_some_and(|request| request.path.contains("revokeSignInSessions")));
    let stage = Stage::new(beside(entra(), 3), Switches::default(), Faults::default());
    let faults = (last..last + 80)
        .map(|number| Fault { when: When::NthChange(number), what: What::RateLimited(None) });
    stage.emulator.set_faults(Faults { faults: faults.collect(), ..Faults::default() });
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(UNKNOWN), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("could not be sent once more"), "{}", run.stdout);
    stage.emulator.set_faults(Faults::default());
    assert!(is_out(&stage.lockdown(&[], None)));
    check::always(&stage).unwrap();
}
