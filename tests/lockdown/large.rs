//! How long a lockdown of a large tenant takes, and what it waits for. A measure, not a test of time: it prints.

use std::collections::BTreeSet;
use std::time::Instant;

use portcullis::drill::emulator::generate::Size;
use portcullis::drill::emulator::switches::{Limit, NetworkSwitches};
use portcullis::drill::emulator::{Faults, SERVICES, Switches, Tenant};

use super::check::{self, DONE, PARTIAL, UNKNOWN};
use super::stage::Stage;

/// What the emulated vendors take, and what the configuration is told of that. No vendor documents its limit for these
/// calls: this is what ten seconds need.
const LIMIT: Limit = Limit { per_second: 500.0, burst: 100 };
const EACH: &str = "requests-per-second = 450\nburst = 80\nconcurrency = 64";
const LATENCY_MS: u64 = 50;

#[test]
#[ignore = "a measure: run it alone, and with optimisation"]
fn a_large_tenant() {
    let (tenant, _) = Tenant::generate(1, &Size::large());
    let (projects, accounts) = (tenant.mixpanel.projects.len(), tenant.mixpanel.service_accounts.len());
    let limits = SERVICES.iter().map(|service| (service.name().to_owned(), LIMIT)).collect();
    let network = NetworkSwitches { latency_ms: LATENCY_MS, limits, ..NetworkSwitches::default() };
    let switches = Switches { network, ..Switches::default() };
    let stage = Stage::paced(tenant, switches, Faults::default(), "", "", EACH);
    // Whoever watches every change copies the tenant each time.
    stage.emulator.on_change(|_, _| ());
    let begun = Instant::now();
    let run = stage.run(&["lockdown", &stage.account, "--yes", "--wait", "10s"], None);
    let took = begun.elapsed();
    eprintln!(
        "{projects} projects, {accounts} service accounts, {LATENCY_MS} ms: {:.1} s",
        took.as_secs_f64()
    );
    let lines: Vec<&str> = run.stdout.lines().collect();
    let from = lines.iter().position(|line| line.starts_with("Where the time went")).unwrap_or(0);
    eprintln!("{}", lines[from..].join("\n"));
    assert!(matches!(run.code, Some(DONE | PARTIAL | UNKNOWN)), "{:?}: {}", run.code, run.stderr);
    assert_eq!(stage.emulator.refused_by_limit(), 0);
    check::verdict(&stage, &run, &check::ways_in(&stage)).unwrap();
    let restored = stage.restore(None);
    check::restored(&stage, &restored, &BTreeSet::new()).unwrap();
}
