//! What a lockdown refuses, and what it does when it cannot write.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portcullis::drill::emulator::{Faults, Switches, Tenant};
use portcullis::lockdown::state::Status;
use rustix::process::{Pid, Signal, kill_process};

use super::check::{self, DONE, PARTIAL, REFUSED, UNKNOWN};
use super::stage::{Run, Stage, journal_file};
use super::tenant::small;

fn stage(tenant: Tenant) -> Stage {
    Stage::new(tenant, Switches::default(), Faults::default())
}

fn refused(stage: &Stage, run: &Run, why: &str) {
    assert_eq!(run.code, Some(REFUSED), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains(why), "{why}: {}", run.stderr);
    assert_eq!(stage.changes(), 0, "{why}");
}

fn is_out(run: &Run) -> bool {
    run.code == Some(DONE) || run.code == Some(PARTIAL)
}

#[test]
fn the_responders_own_account() {
    let head = "responder = [\"Jane@agency.example\"]";
    let stage = Stage::with(small(1), Switches::default(), Faults::default(), head);
    refused(&stage, &stage.lockdown(&[], None), "is an account of the responders");
}

#[test]
fn the_owner_of_the_own_credential() {
    let stage = stage(small(1));
    let run = stage.run(&["lockdown", "portcullis@acme.example", "--yes", "--json"], None);
    refused(&stage, &run, "it would cut itself off");
}

#[test]
fn the_last_owner() {
    let mut tenant = small(1);
    for (email, member) in &mut tenant.mixpanel.members {
        member.role = if *email == tenant.attacker.email { "owner" } else { "admin" }.into();
    }
    let stage = stage(tenant);
    refused(&stage, &stage.lockdown(&[], None), "is the last owner");
}

#[test]
fn more_than_was_allowed() {
    let stage = stage(small(1));
    refused(&stage, &stage.lockdown(&["--max", "1"], None), "give --max");
    let run = stage.lockdown(&[], None);
    assert!(is_out(&run), "{}", run.stderr);
}

#[test]
fn a_plan_that_has_changed() {
    let stage = stage(small(1));
    let file = stage.path("plan.json");
    let file = file.to_str().unwrap();
    let run = stage.run(&["lockdown", &stage.account, "--plan", file, "--json"], None);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(stage.changes(), 0);
    let text = std::fs::read_to_string(file).unwrap();
    let apply = ["lockdown", &stage.account, "--plan", file, "--apply", "--yes", "--json", "--wait", "1s"];
    // Edited: its hash does not fit.
    stage.put("plan.json", text.replacen("\"reversible\"", "\"compensable\"", 1).as_bytes());
    refused(&stage, &stage.run(&apply, None), "the plan has changed");
    stage.put("plan.json", text.as_bytes());
    // One more thing is there.
    let held = stage.emulator.tenant().okta.users["00ujane"].roles.clone();
    stage.emulator.edit(|tenant| {
        let role =
            portcullis::drill::emulator::okta::Role { kind: "HELP_DESK_ADMIN".into(), groups: [].into() };
        tenant.okta.users.get_mut("00ujane").unwrap().roles.insert("ra-new".into(), role);
    });
    refused(&stage, &stage.run(&apply, None), "the plan has changed");
    stage.emulator.edit(|tenant| tenant.okta.users.get_mut("00ujane").unwrap().roles = held);
    let run = stage.run(&apply, None);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    assert_eq!(stage.record().confirmed.as_deref().map(|hash| text.contains(hash)), Some(true));
    check::always(&stage).unwrap();
}

#[test]
fn two_at_once() {
    let mut switches = Switches::default();
    switches.network.latency_ms = 40;
    let stage = Stage::new(small(1), switches, Faults::default());
    let first = stage.command(&stage.lockdown_args(&[])).spawn().unwrap();
    wait_for(&stage, "\"intended\"", 1);
    let before = stage.changes();
    let second = stage.command(&stage.lockdown_args(&[])).output().unwrap();
    assert_eq!(second.status.code(), Some(REFUSED), "{}", String::from_utf8_lossy(&second.stderr));
    assert!(String::from_utf8_lossy(&second.stderr).contains("is locked by process"));
    let run = stage.finish(first);
    assert!(is_out(&run), "{}{}", run.stdout, run.stderr);
    assert!(stage.changes() >= before);
    check::always(&stage).unwrap();
}

/// Until the journal has so many lines with this.
fn wait_for(stage: &Stage, what: &str, lines: usize) {
    let begun = Instant::now();
    loop {
        let journal = journal_file(&stage.path("incidents"));
        let text = journal.map(|path| std::fs::read_to_string(path).unwrap()).unwrap_or_default();
        if text.lines().filter(|line| line.contains(what)).count() >= lines {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the journal does not grow: {text}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The shell ignores SIGXFSZ for the program, which then gets an error for each byte beyond the limit, as on a full disk.
fn with_file_limit(stage: &Stage, blocks: usize) -> Run {
    let args = stage.lockdown_args(&[]);
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"")).arg("sh");
    command.arg(env!("CARGO_BIN_EXE_portcullis")).args(args).current_dir(stage.path(""));
    command.env_clear().envs(stage.environment.clone()).env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    stage.finish(command.spawn().unwrap())
}

#[test]
fn a_full_disk_stops_everything_and_loses_nothing() {
    let mut stopped = 0;
    for blocks in [0, 1, 2, 4, 8, 16, 24, 32, 40, 48, 64] {
        let stage = stage(small(1));
        let run = with_file_limit(&stage, blocks);
        let code = run.code.unwrap_or_else(|| panic!("{blocks}: killed"));
        assert!([DONE, PARTIAL, UNKNOWN, REFUSED].contains(&code), "{blocks}: {code} {}", run.stderr);
        assert!(code != REFUSED || stage.changes() == 0, "{blocks}");
        stopped += u32::from(!is_out(&run));
        check::always(&stage).unwrap_or_else(|why| panic!("{blocks}: {why}"));
        let run = stage.lockdown(&[], None);
        assert!(is_out(&run), "{blocks}: {}{}", run.stdout, run.stderr);
        check::agrees(&stage).unwrap_or_else(|why| panic!("{blocks}: {why}"));
        check::always(&stage).unwrap_or_else(|why| panic!("{blocks}: {why}"));
    }
    assert!(stopped >= 3, "the limit stopped {stopped} runs");
}

#[test]
fn nothing_is_sent_where_no_journal_can_be_made() {
    let stage = stage(small(1));
    // Root may write into every folder, but nobody into a file as if it were one.
    stage.put("incidents", b"");
    let run = stage.lockdown(&[], None);
    assert!(matches!(run.code, Some(REFUSED | UNKNOWN)), "{:?} {}", run.code, run.stderr);
    assert_eq!(stage.changes(), 0);
}

#[test]
fn a_dry_run_changes_nothing_and_leaves_nothing() {
    let stage = stage(small(1));
    let files = |stage: &Stage| {
        let mut names: Vec<String> = stage.traces().into_iter().map(|(name, _)| name).collect();
        names.sort();
        names
    };
    let before = files(&stage);
    let run = stage.run(&["lockdown", &stage.account, "--dry-run", "--json"], None);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.json()["steps"].as_array().unwrap().len() > 3);
    assert_eq!(stage.changes(), 0);
    assert_eq!(stage.emulator.requests().iter().filter(|request| request.method != "GET").count(), 0);
    assert_eq!(files(&stage), before);
    check::always(&stage).unwrap();
}

#[test]
fn what_is_left_out_is_recorded_with_its_reason() {
    let skipped = stage(small(1));
    let run = skipped.lockdown(&["--skip", "okta=the people office keeps it open"], None);
    assert_eq!(run.code, Some(PARTIAL), "{}{}", run.stdout, run.stderr);
    let only = stage(small(1));
    let run =
        only.lockdown(&["--only", "mixpanel", "--only", "scim", "--only", "vault", "--only", "file"], None);
    assert_eq!(run.code, Some(PARTIAL), "{}{}", run.stdout, run.stderr);
    for (stage, reason) in [(skipped, "the people office keeps it open"), (only, "--only")] {
        let record = stage.record();
        let of_okta: Vec<_> = record.steps.values().filter(|tracked| tracked.step.system == "okta").collect();
        assert!(!of_okta.is_empty());
        for tracked in of_okta {
            assert_eq!(tracked.state.status, Status::Skipped);
            assert!(tracked.state.why.as_ref().is_some_and(|why| why.contains(reason)), "{tracked:?}");
        }
        let sent = stage.emulator.requests();
        assert!(sent.iter().all(|request| request.service != "okta" || !request.changing));
        check::always(&stage).unwrap();
    }
}

#[test]
fn ctrl_c_ends_between_two_requests_and_the_same_command_goes_on() {
    for lines in [1, 4, 8] {
        let mut switches = Switches::default();
        switches.network.latency_ms = 25;
        let stage = Stage::new(small(1), switches, Faults::default());
        let mut child = stage.command(&stage.lockdown_args(&[])).spawn().unwrap();
        wait_for(&stage, "\"intended\"", lines);
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let run = stage.finish(child);
        assert_eq!(run.code, Some(UNKNOWN), "{lines}: {run:?} {said}");
        assert!(said.contains("run the same command again"), "{lines}: {said}");
        let record = stage.record();
        assert!(
            record.steps.values().all(|tracked| !tracked.state.status.is_open()),
            "{lines}: a request is open"
        );
        check::always(&stage).unwrap();
        let run = stage.lockdown(&[], None);
        assert!(is_out(&run), "{lines}: {}{}", run.stdout, run.stderr);
        check::agrees(&stage).unwrap();
        check::always(&stage).unwrap();
    }
}
