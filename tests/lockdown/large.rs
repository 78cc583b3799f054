//! How long a lockdown of a large tenant takes, and what it waits for. A measure, not a test of time: it prints.

use std::collections::BTreeMap;
use std::time::Instant;

use portcullis::drill::emulator::generate::Size;
use portcullis::drill::emulator::switches::{Limit, NetworkSwitches};
use portcullis::drill::emulator::{Faults, SERVICES, Switches, Tenant};

use super::check::{DONE, PARTIAL};
use super::stage::Stage;

/// What the emulated vendors take, and what the configuration is told of that. No vendor documents its limit for these
/// calls: this is what ten seconds need.
const LIMIT: Limit = Limit { per_second: 1000.0, burst: 100 };
const EACH: &str = "requests-per-second = 900\nburst = 80\nconcurrency = 64";
const LATENCY_MS: u64 = 50;

/// Every service account may be known to an administrator: hundreds are replaced.
#[test]
#[ignore = "a measure: run it alone, and with optimisation"]
fn a_large_tenant_and_an_administrator() {
    measure("admin");
}

#[test]
#[ignore = "a measure: run it alone, and with optimisation"]
fn a_large_tenant_and_a_collaborator() {
    measure("consumer");
}

fn measure(role: &str) {
    let (mut tenant, _) = Tenant::generate(1, &Size::large());
    let account = tenant.attacker.email.clone();
    tenant.mixpanel.members.get_mut(&account).unwrap().role = role.into();
    // What service accounts reach through teams or the organization, a person has to end: that takes its time.
    tenant.mixpanel.teams.values_mut().for_each(|team| team.service_accounts.clear());
    let own = *tenant.mixpanel.service_accounts.keys().next().unwrap();
    let others = tenant.mixpanel.service_accounts.iter_mut().filter(|(id, _)| **id != own);
    others.for_each(|(_, account)| account.role = None);
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
    asked(&stage);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let from = lines.iter().position(|line| line.starts_with("Where the time went")).unwrap_or(0);
    eprintln!("{}", lines[from..].join("\n"));
    let verdict = stage.record().verdict.map(|(verdict, reasons)| (verdict, reasons.len()));
    eprintln!("{role}: {verdict:?}, {} steps, {} changes", stage.record().order.len(), stage.changes());
    assert!(matches!(run.code, Some(DONE | PARTIAL)), "{:?}: {}", run.code, run.stderr);
    assert_eq!(stage.emulator.refused_by_limit(), 0);
    let begun = Instant::now();
    let restored = stage.restore(None);
    eprintln!("restored in {:.1} s", begun.elapsed().as_secs_f64());
    assert!(matches!(restored.code, Some(DONE | PARTIAL)), "{:?}: {}", restored.code, restored.stderr);
}

/// Prints how often each kind of request was sent.
fn asked(stage: &Stage) {
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for request in stage.emulator.requests() {
        let number = |part: &str| part.bytes().any(|byte| byte.is_ascii_digit()) && part.len() > 3;
        let path: Vec<&str> =
            request.path.split('/').map(|part| if number(part) { "*" } else { part }).collect();
        *kinds.entry(format!("{} {} {}", request.service, request.method, path.join("/"))).or_default() += 1;
    }
    let mut kinds: Vec<_> = kinds.into_iter().map(|(kind, count)| (count, kind)).collect();
    kinds.sort();
    kinds.iter().rev().take(20).for_each(|(count, kind)| eprintln!("{count:>6} {kind}"));
}
