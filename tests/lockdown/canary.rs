//! Secrets, where the program ends badly: every secret of the emulated tenant has a word that must show up nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portcullis::drill::emulator::{Faults, Switches};

use super::check::{self, Checked, DONE, PARTIAL, ensure};
use super::pool::{Tally, try_all};
use super::stage::{Run, Stage};
use super::tenant::small;

/// Points at which each bad end is tried.
const POINTS: u64 = 8;

/// A bad end: its name for the program, and the exit code, if there is one.
type End = (&'static str, Option<i32>);

const ENDS: [End; 2] = [("panic", Some(101)), ("abort", None)];

fn stage() -> Stage {
    Stage::new(small(12), Switches::default(), Faults::default())
}

/// Runs a lockdown that ends so at a point, with every backtrace and with leave to write a core as large as it likes.
/// Gives what it said, and whether a process of it had a secret on its command line.
fn end_badly(stage: &Stage, (by, _): End, at: u64) -> (Run, bool) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_portcullis")]);
    command.args(stage.lockdown_args(&[]));
    stage.place(&mut command);
    command.env("PORTCULLIS_CRASH_AT", at.to_string()).env("PORTCULLIS_CRASH_BY", by);
    let child = command.env("RUST_BACKTRACE", "full").spawn().unwrap();
    let (ended, root) = (AtomicBool::new(false), child.id());
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut leaked = false;
            while !ended.load(Ordering::SeqCst) {
                leaked |= command_lines(root).iter().any(|line| check::leaks(line));
                std::thread::sleep(Duration::from_millis(2));
            }
            leaked
        });
        let run = stage.finish(child);
        ended.store(true, Ordering::SeqCst);
        (run, watch.join().unwrap())
    })
}

/// Of a process and all that came from it, as everybody may read them.
fn command_lines(root: u32) -> Vec<Vec<u8>> {
    let numbers = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse::<u32>().ok()
    });
    let parent = |process: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name in brackets may hold anything; after it come the state and the parent.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let parents: BTreeMap<u32, u32> =
        numbers.filter_map(|process| Some((process, parent(process)?))).collect();
    let mut family = BTreeSet::from([root]);
    loop {
        let grown = parents.iter().filter(|(_, parent)| family.contains(parent)).map(|(process, _)| *process);
        let grown: BTreeSet<u32> = grown.chain(family.iter().copied()).collect();
        if grown.len() == family.len() {
            break;
        }
        family = grown;
    }
    family.iter().filter_map(|process| std::fs::read(format!("/proc/{process}/cmdline")).ok()).collect()
}

fn attempt(end: End, at: u64, tally: &mut Tally) -> Checked {
    let stage = stage();
    let (run, leaked) = end_badly(&stage, end, at);
    ensure!(!leaked, "a secret is on a command line");
    ensure!(run.code == end.1, "{:?}: {}", run.code, run.stderr);
    if end.0 == "panic" {
        ensure!(run.stderr.contains("was to panic"), "{}", run.stderr);
        *tally.entry("panics").or_default() += 1;
    }
    check::always(&stage)?;
    let run = stage.lockdown(&[], None);
    ensure!(matches!(run.code, Some(DONE | PARTIAL)), "{:?}: {}", run.code, run.stderr);
    check::always(&stage)?;
    let restored = stage.restore(None);
    check::restored(&stage, &restored, &BTreeSet::new())?;
    check::always(&stage)
}

#[test]
fn a_panic_or_an_abort_leaves_no_secret_anywhere() {
    let points = stage().lockdown(&[], None).points();
    let cases: Vec<(End, u64)> = ENDS
        .into_iter()
        .zip(0..)
        .flat_map(|(end, nth)| (0..POINTS).map(move |at| (end, 1 + nth + at * points / POINTS)))
        .collect();
    let show = |(end, at): &(End, u64)| format!("{} at {at}", end.0);
    let tally = try_all("bad ends", &cases, show, |(end, at), tally| attempt(*end, *at, tally));
    assert_eq!(tally.get("panics"), Some(&POINTS), "{tally:?}");
}

/// Else the test above proves nothing.
#[test]
fn a_secret_would_be_seen() {
    let secret = stage().before.attacker.service_accounts[0].1.clone();
    assert!(check::leaks(secret.as_bytes()));
    assert!(check::leaks(&[b"Basic ", base64(&format!("user:{secret}")).as_bytes()].concat()));
    assert!(!check::leaks(b"portcullis lockdown jane@agency.example"));
    let child = Command::new("/bin/sh").args(["-c", "sleep 5; true", "CANARY"]).spawn().unwrap();
    let seen = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        command_lines(child.id()).iter().any(|line| check::leaks(line))
    });
    let mut child = child;
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(seen);
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
