//! The crash sweep.

use std::collections::BTreeSet;
use std::sync::Mutex;

use portcullis::drill::emulator::google::ServiceAccount;
use portcullis::drill::emulator::{Fault, Faults, SERVICES, Service, Switches, Tenant, What, When};
use portcullis::lockdown::journal::Timed;
use portcullis::lockdown::open;

use super::check::{self, Checked, DONE, PARTIAL, UNKNOWN, ensure};
use super::operations::agree_to_all;
use super::pool::{Tally, full, try_all, variable};
use super::stage::{Run, Stage, WAIT};
use super::tenant::{beside, beside_without_teams, further, small};

/// Runs that are given to come to the same end as an undisturbed one, once the faults are over.
const RUNS: usize = 4;

/// What an undisturbed run comes to.
struct Calm {
    code: i32,
    ways: BTreeSet<String>,
    points: u64,
    restore_points: u64,
    requests: u64,
    changes: u64,
    /// The service beside which it runs, where its own points alone are wanted.
    own: Option<&'static str>,
}

struct Setting {
    tenant: Tenant,
    switches: Switches,
    more: &'static [&'static str],
    operation: Operation,
}

/// What is swept.
#[derive(Clone, Copy)]
struct Operation {
    /// The command, which `more` follows; without one, the lockdown of the account.
    command: &'static [&'static str],
    /// What happened before, undisturbed.
    before: fn(&Stage),
}

const LOCKDOWN: Operation = Operation { command: &[], before: |_| {} };

impl Setting {
    fn run(&self, stage: &Stage, crash: Option<u64>) -> Run {
        match self.operation.command {
            [] => stage.lockdown(self.more, crash),
            command => stage.carry_out(&[command, self.more].concat(), crash),
        }
    }

    fn stage(&self, faults: Faults) -> Stage {
        let stage = Stage::new(self.tenant.clone(), self.switches.clone(), Faults::default());
        (self.operation.before)(&stage);
        stage.emulator.set_faults(faults);
        stage
    }

    fn calm(&self) -> Calm {
        let stage = self.stage(Faults::default());
        let before = (stage.emulator.requests().len() as u64, stage.changes());
        let run = self.run(&stage, None);
        let code = run.code.unwrap();
        assert!([DONE, PARTIAL].contains(&code), "{}{}", run.stdout, run.stderr);
        let ways = check::ways_in(&stage);
        check::verdict(&stage, &run, &ways).unwrap();
        check::always(&stage).unwrap();
        let (requests, changes) =
            (stage.emulator.requests().len() as u64 - before.0, stage.changes() - before.1);
        if self.switches.attacker.every > 0 {
            // What the attacker made in between is nobody's to restore.
            return Calm {
                code,
                ways,
                points: run.points(),
                restore_points: 0,
                requests,
                changes,
                own: None,
            };
        }
        let kept = check::rests(&stage);
        let restore = stage.restore(None);
        check::restored(&stage, &restore, &kept).unwrap();
        check::always(&stage).unwrap();
        assert!(!check::undone(&stage).is_empty(), "nothing was undone");
        let (points, restore_points) = (run.points(), restore.points());
        Calm { code, ways, points, restore_points, requests, changes, own: None }
    }

    /// The points at which a run is about the service: what was asked last, or written last into the journal.
    fn own_points(&self, calm: &Calm, service: &dyn Service) -> Vec<u64> {
        let points: Vec<u64> = (1..=calm.points).collect();
        let kinds = kinds(service, &self.tenant);
        let own = Mutex::new(Vec::new());
        try_all("its own points", &points, u64::to_string, |&point, _| {
            let stage = self.stage(Faults::default());
            self.run(&stage, Some(point));
            let asked = stage.emulator.requests().last().is_some_and(|last| last.service == service.name());
            let written = stage.journal().ok().and_then(|journal| journal.entries.last().map(words));
            if asked
                || written.is_some_and(|text| kinds.iter().any(|kind| text.contains(&format!("{kind:?}"))))
            {
                own.lock().unwrap().push(point);
            }
            Ok(())
        });
        let mut own = own.into_inner().unwrap();
        own.sort_unstable();
        own
    }
}

/// One state of the sweep.
#[derive(Clone)]
struct Case {
    /// The point of the lockdown at which it is killed.
    point: u64,
    fault: Option<What>,
}

impl Case {
    /// Which requests meet the fault: another choice for every state, the same in every sweep.
    fn faults(&self, calm: &Calm, before: u64) -> Faults {
        let Some(what) = self.fault else { return Faults::default() };
        let mix = self.point.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        let when = match mix % 4 {
            0 | 2 if calm.own.is_some() => When::Match {
                service: calm.own.unwrap_or_default().to_owned(),
                method: String::new(),
                path_part: String::new(),
                times: 1 + mix / 4 % 6,
            },
            // One is enough of what takes its time.
            0 | 1 if matches!(what, What::HugeBody | What::SlowBody | What::RateLimited(Some(_))) => {
                When::Nth(1 + mix / 4 % calm.requests)
            }
            0 => When::Every(3),
            1 => When::Every(7),
            2 => When::Nth(1 + mix / 4 % calm.requests),
            _ => When::NthChange(before + 1 + mix / 4 % calm.changes),
        };
        Faults { hold_ms: 300, huge_bytes: 17 << 20, ..Faults::one(when, what) }
    }

    /// As `PORTCULLIS_STATE` names it: the point, and the fault if there is one.
    fn show(&self) -> String {
        self.fault.map_or_else(|| self.point.to_string(), |fault| format!("{} {fault}", self.point))
    }

    fn read(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let point = words.next().and_then(|point| point.parse().ok());
        let point = point.unwrap_or_else(|| panic!("PORTCULLIS_STATE: {text:?} does not begin with a point"));
        Self { point, fault: words.next().map(|fault| fault.parse().expect("a fault")) }
    }
}

fn count(tally: &mut Tally, what: &'static str) {
    *tally.entry(what).or_default() += 1;
}

fn attempt(setting: &Setting, calm: &Calm, case: &Case, tally: &mut Tally) -> Checked {
    let stage = setting.stage(Faults::default());
    stage.emulator.set_faults(case.faults(calm, stage.changes()));
    let result = there_and_back(&stage, setting, calm, case, tally);
    if result.is_err() && variable("PORTCULLIS_STATE").is_some() {
        stage.tell();
    }
    result
}

fn there_and_back(stage: &Stage, setting: &Setting, calm: &Calm, case: &Case, tally: &mut Tally) -> Checked {
    let first = setting.run(stage, Some(case.point));
    let killed = first.code.is_none();
    count(tally, if killed { "kills" } else { "past the end" });
    check::always(stage)?;
    if !killed {
        check::verdict(stage, &first, &calm.ways)?;
    }
    let resumed = setting.run(stage, None);
    count(tally, "resumes");
    check::verdict(stage, &resumed, &calm.ways)?;
    check::always(stage)?;
    stage.emulator.set_faults(Faults::default());
    let mut settled = until(calm.code, tally, || setting.run(stage, None))?;
    if settled.code == Some(UNKNOWN) && look_by_hand(stage) {
        count(tally, "ended by a person");
        settled = until(calm.code, tally, || setting.run(stage, None))?;
    }
    check::verdict(stage, &settled, &calm.ways)?;
    check::always(stage)?;
    ensure!(settled.code == Some(calm.code), "{}", check::reasons(&settled));
    if setting.switches.attacker.every == 0 {
        back(stage, calm, case, tally)?;
    }
    Ok(())
}

/// What a fault hid while it could still be seen, a person has to find out, and there is a guided step for it: the person
/// does. False: that is not all that is unknown.
fn look_by_hand(stage: &Stage) -> bool {
    let record = stage.record();
    let open: Option<Vec<&str>> = record.open_gaps().map(|(_, gap)| gap.guided.as_deref()).collect();
    let Some(open) = open.filter(|open| !open.is_empty() && record.undiscovered.is_empty()) else {
        return false;
    };
    let incident = stage.incident().expect("an incident");
    let mut args = vec!["verify", &incident, "--wait", WAIT, "--by", "ada@acme.example", "--note", "looked"];
    args.extend(open.iter().flat_map(|guided| ["--attest", guided]));
    stage.run(&args, None);
    stage.record().open_gaps().next().is_none()
}

/// The way back, killed and under the same fault.
fn back(stage: &Stage, calm: &Calm, case: &Case, tally: &mut Tally) -> Checked {
    let point = 1 + case.point * 7 % calm.restore_points;
    let kept = check::rests(stage);
    stage.emulator.set_faults(case.faults(calm, stage.changes()));
    let first = stage.restore(Some(point));
    count(tally, if first.code.is_none() { "kills of the restore" } else { "past the end of the restore" });
    check::always(stage)?;
    let second = stage.restore(None);
    count(tally, "resumes of the restore");
    let legal = second.code.is_some_and(|code| [DONE, PARTIAL, UNKNOWN].contains(&code));
    ensure!(legal, "restore: {:?} {}", second.code, second.stderr);
    stage.emulator.set_faults(Faults::default());
    let code = if kept.is_empty() { DONE } else { PARTIAL };
    let settled = until(code, tally, || stage.restore(None))?;
    check::always(stage)?;
    ensure!(settled.code == Some(code), "restore: {}", check::reasons(&settled));
    check::restored(stage, &settled, &kept)?;
    ensure!(!check::undone(stage).is_empty(), "nothing was undone");
    Ok(())
}

/// Runs again until it ends so, a few times.
fn until(code: i32, tally: &mut Tally, run: impl Fn() -> Run) -> Result<Run, String> {
    let mut last = None;
    for _ in 0..RUNS {
        let run = run();
        count(tally, "calm runs");
        let there = run.code == Some(code);
        last = Some(run);
        if there {
            break;
        }
    }
    last.ok_or_else(|| "not run".to_owned())
}

/// Names the one fault under which every point is tried; `none` for kills alone.
const FAULT: &str = "PORTCULLIS_FAULT";

/// Names of the service's kinds: of its instances too.
fn kinds(service: &dyn Service, tenant: &Tenant) -> Vec<&'static str> {
    let catalog = open::catalog();
    let all = catalog.providers.iter().chain(catalog.stores).chain(catalog.consumers);
    all.map(|kind| kind.name).filter(|kind| serves(service, kind, tenant)).collect()
}

/// An entry of the journal as text.
fn words(timed: &Timed) -> String {
    serde_json::to_string(&timed.entry).unwrap()
}

/// All states.
fn cases(points: &[u64]) -> Vec<Case> {
    let faults: Vec<Option<What>> = match variable(FAULT).as_deref() {
        None => std::iter::once(None).chain(Fault::ALL.iter().copied().map(Some)).collect(),
        Some("none") => vec![None],
        Some(fault) => vec![Some(fault.parse().expect("PORTCULLIS_FAULT is a fault, or none"))],
    };
    let all = points.iter().flat_map(|&point| faults.iter().map(move |&fault| Case { point, fault }));
    all.collect()
}

/// Those of `all` that are tried: the one that is asked for, as often as is asked for, or a sample.
fn chosen(all: Vec<Case>, sample: usize) -> Vec<Case> {
    let asked = variable("PORTCULLIS_SWEEP")
        .map(|count| count.parse::<usize>().expect("PORTCULLIS_SWEEP is a number"));
    if let Some(state) = variable("PORTCULLIS_STATE") {
        return std::iter::repeat_n(Case::read(&state), asked.unwrap_or(1)).collect();
    }
    // Odd, so that it goes through all faults.
    let stride = if full() || variable(FAULT).is_some() && asked.is_none() {
        1
    } else {
        (all.len() / asked.unwrap_or(sample).max(1)).max(1) | 1
    };
    all.into_iter().step_by(stride).collect()
}

fn sweep(name: &str, setting: &Setting, sample: usize) {
    let calm = setting.calm();
    // One point past the last: a run that is not killed.
    let points: Vec<u64> = (1..=calm.points + 1).collect();
    try_points(name, setting, &calm, &points, sample);
}

/// Beside a service; with `PORTCULLIS_OWN=1` its own points alone, and the faults meet its requests more often than others.
fn sweep_beside(service: &dyn Service, name: &str, setting: &Setting, sample: usize) {
    if variable("PORTCULLIS_OWN").is_none_or(|own| own != "1") {
        return sweep(name, setting, sample);
    }
    let calm = Calm { own: Some(service.name()), ..setting.calm() };
    let points = setting.own_points(&calm, service);
    assert!(!points.is_empty(), "{name}: no point is about it");
    try_points(&format!("{name}, {} own points", points.len()), setting, &calm, &points, sample);
}

fn try_points(name: &str, setting: &Setting, calm: &Calm, points: &[u64], sample: usize) {
    let all = cases(points);
    let whole = all.len();
    let cases = chosen(all, sample);
    eprintln!(
        "{name}: {} of {whole} states; an undisturbed run passes {} points, its restore {}",
        cases.len(),
        calm.points,
        calm.restore_points
    );
    let tally = try_all(name, &cases, Case::show, |case, tally| attempt(setting, calm, case, tally));
    assert!(tally.get("kills").is_some_and(|kills| *kills > 0), "{tally:?}");
}

/// Whether a tenant's responders have a client of this kind.
fn serves(service: &dyn Service, kind: &str, tenant: &Tenant) -> bool {
    service.client(kind, tenant, "http://127.0.0.1").is_some()
}

#[test]
fn every_kind_is_swept() {
    let (small, catalog) = (small(1), open::catalog());
    for kind in catalog.providers.iter().chain(catalog.stores).chain(catalog.consumers) {
        let in_small = || SERVICES.iter().any(|service| serves(*service, kind.name, &small));
        let beside = || further().any(|service| serves(service, kind.name, &beside(service, 1)));
        // A kind without a credential is local: it is in every tenant.
        let is_swept = kind.credential.is_empty() || in_small() || beside();
        assert!(
            is_swept,
            "{} is not in the sweep: it has no emulated service, or no client in its example",
            kind.name
        );
    }
}

#[test]
fn killed_anywhere_under_any_fault_it_comes_to_the_same_end() {
    let setting = Setting { tenant: small(7), switches: Switches::default(), more: &[], operation: LOCKDOWN };
    sweep("crash sweep", &setting, 40);
}

#[test]
fn with_commit_too() {
    let setting =
        Setting { tenant: small(8), switches: Switches::default(), more: &["--commit"], operation: LOCKDOWN };
    sweep("crash sweep with --commit", &setting, 20);
}

#[test]
fn with_an_attacker_who_is_awake() {
    let mut switches = Switches::default();
    (switches.attacker.every, switches.attacker.enough) = (2, 3);
    let setting = Setting { tenant: small(9), switches, more: &[], operation: LOCKDOWN };
    sweep("crash sweep with a live attacker", &setting, 15);
}

/// Each kind that the small tenant does not have, in a tenant of its own. `PORTCULLIS_SERVICE` names one.
#[test]
fn with_every_other_kind_in_turn() {
    let only = variable("PORTCULLIS_SERVICE");
    for service in further().filter(|service| only.as_deref().is_none_or(|only| only == service.name())) {
        let tenant = beside(service, 10);
        let setting = Setting { tenant, switches: Switches::default(), more: &[], operation: LOCKDOWN };
        sweep_beside(service, &format!("crash sweep beside {}", service.name()), &setting, 8);
    }
}

/// A client's token, or a session, ends so early that most runs need more than one.
#[test]
fn with_tokens_that_end_in_the_middle() {
    let mut switches = Switches::default();
    switches.tokens.ends_after_ms = 100;
    for service in
        further().filter(|service| ["entra", "google", "pingone", "tableau"].contains(&service.name()))
    {
        let (mut tenant, switches) = (beside(service, 16), switches.clone());
        tenant.google.service_account = Some(ServiceAccount::full());
        let setting = Setting { tenant, switches, more: &[], operation: LOCKDOWN };
        sweep(&format!("crash sweep with short tokens beside {}", service.name()), &setting, 6);
    }
}

#[test]
fn a_rotation_too() {
    let operation = Operation { command: &["rotate", "use-1", "--at-once"], ..LOCKDOWN };
    let setting = Setting { tenant: small(11), switches: Switches::default(), more: &[], operation };
    sweep("crash sweep of a rotation", &setting, 12);
}

/// Without waiting for anybody: its consumer has an API.
#[test]
fn a_rotation_beside_every_consumer() {
    let only = variable("PORTCULLIS_SERVICE");
    for service in further().filter(|service| only.as_deref().is_none_or(|only| only == service.name())) {
        let tenant = beside_without_teams(service, 16);
        if !service.places(&tenant).is_empty() {
            let operation = Operation { command: &["rotate", "use-2"], ..LOCKDOWN };
            let setting = Setting { tenant, switches: Switches::default(), more: &[], operation };
            sweep_beside(
                service,
                &format!("crash sweep of a rotation beside {}", service.name()),
                &setting,
                8,
            );
        }
    }
}

#[test]
fn a_review_too() {
    let operation = Operation {
        command: &["review", "--agreed", "review.json", "--apply"],
        before: |stage| drop(agree_to_all(stage)),
    };
    let setting = Setting { tenant: small(12), switches: Switches::default(), more: &[], operation };
    sweep("crash sweep of a review", &setting, 12);
}

#[test]
fn an_offboarding_too() {
    let operation = Operation { command: OFFBOARD, ..LOCKDOWN };
    let setting = Setting { tenant: small(13), switches: Switches::default(), more: &[], operation };
    sweep("crash sweep of an offboarding", &setting, 12);
}

/// The day on which consumers have taken up the new credentials.
#[test]
fn its_second_day_too() {
    let before = |stage: &Stage| {
        let run = stage.carry_out(OFFBOARD, None);
        assert_eq!(run.code, Some(PARTIAL), "{}{}", run.stdout, run.stderr);
        assert!(!stage.attest_waiting().is_empty());
    };
    let operation = Operation { command: OFFBOARD, before };
    let setting = Setting { tenant: small(14), switches: Switches::default(), more: &[], operation };
    sweep("crash sweep of the second day of an offboarding", &setting, 8);
}

const OFFBOARD: &[&str] = &["offboard", "jane@agency.example"];

/// Stores and consumers that the small tenant does not have, with what is held back otherwise: replaced versions are disabled.
#[test]
fn with_commit_beside_every_other_store() {
    let only = variable("PORTCULLIS_SERVICE");
    for service in further().filter(|service| only.as_deref().is_none_or(|only| only == service.name())) {
        let tenant = beside(service, 11);
        if !service.entries(&tenant).is_empty() || !service.places(&tenant).is_empty() {
            let (switches, operation) = (Switches::default(), LOCKDOWN);
            let setting = Setting { tenant, switches, more: &["--commit"], operation };
            sweep_beside(
                service,
                &format!("crash sweep with --commit beside {}", service.name()),
                &setting,
                3,
            );
        }
    }
}

/// What is softened is softened behind all providers: each further one too.
#[test]
fn an_offboarding_beside_every_other_kind() {
    for service in further() {
        let tenant = beside(service, 15);
        let operation = Operation { command: OFFBOARD, ..LOCKDOWN };
        let setting = Setting { tenant, switches: Switches::default(), more: &[], operation };
        sweep(&format!("crash sweep of an offboarding beside {}", service.name()), &setting, 2);
    }
}
