//! Access tokens that a client asks for, and that end in the middle.

use std::time::{Duration, Instant};

use portcullis::drill::emulator::clients::{Clients, Registered};
use portcullis::drill::emulator::{Faults, Record, Switches, Tenant};

use super::check::{self, DONE, PARTIAL};
use super::stage::Stage;
use super::tenant::{beside, further};

/// Each identity provider that has clients, with one.
fn tenants() -> Vec<(&'static str, Tenant)> {
    let secret = || "CANARY-client".to_owned();
    let named = ["entra", "auth0", "onelogin", "pingone"];
    let services = further().filter(|service| named.contains(&service.name()));
    let tenant = |service: &dyn portcullis::drill::emulator::Service| {
        let mut tenant = beside(service, 21);
        if let Some(token) = tenant.auth0.tokens.values().next().cloned() {
            let client = Registered { secret: secret(), basic: false, allowed: true, token };
            tenant.auth0.clients = Clients::one("client", client);
        }
        if let Some(token) = tenant.onelogin.tokens.values().next().copied() {
            let client = Registered { secret: secret(), basic: false, allowed: true, token };
            tenant.onelogin.clients = Clients::one("client", client);
        }
        tenant
    };
    services.map(|service| (service.name(), tenant(service))).collect()
}

fn tokens(stage: &Stage) -> Vec<Record> {
    let requests = stage.emulator.requests().into_iter();
    requests.filter(|request| request.method == "POST" && request.path.ends_with("/token")).collect()
}

#[test]
fn a_lockdown_outlives_its_tokens() {
    for (name, tenant) in tenants() {
        let calm = Stage::new(tenant.clone(), Switches::default(), Faults::default());
        let started = Instant::now();
        let run = calm.lockdown(&[], None);
        // So short that several end in a run, and long enough for a request on a machine that is as slow as this run was.
        let ends_after = (started.elapsed() / 4).max(Duration::from_millis(60));
        let (code, ways) = (run.code, check::ways_in(&calm));
        assert!(matches!(code, Some(DONE | PARTIAL)), "{name}: {}{}", run.stdout, run.stderr);
        assert_eq!(tokens(&calm).len(), 1, "{name}: one token is enough");
        check::always(&calm).unwrap();

        let mut switches = Switches::default();
        switches.tokens.ends_after_ms = u64::try_from(ends_after.as_millis()).unwrap();
        let stage = Stage::new(tenant, switches, Faults::default());
        let run = stage.lockdown(&[], None);
        assert_eq!(run.code, code, "{name}: {}{}", run.stdout, run.stderr);
        check::verdict(&stage, &run, &ways).unwrap();
        check::always(&stage).unwrap();
        let (given, requests) = (tokens(&stage), stage.emulator.requests());
        assert!(given.len() > 1, "{name}: {}", given.len());
        assert!(given.iter().all(|token| !token.changing && token.idempotency_key.is_none()), "{name}");
        let refused =
            requests.iter().filter(|request| request.service == name && request.status == Some(401));
        assert!(refused.count() > 0, "{name}: no token ended in the middle");
        let kept = check::rests(&stage);
        let restore = stage.restore(None);
        check::restored(&stage, &restore, &kept).unwrap();
        check::always(&stage).unwrap();
    }
}

#[test]
fn a_wrong_secret_contains_nothing_and_says_what_to_do() {
    let (_, tenant) = tenants().into_iter().find(|(name, _)| *name == "pingone").unwrap();
    let stage = Stage::new(tenant, Switches::default(), Faults::default());
    stage.emulator.edit(|tenant| {
        tenant.pingone.clients.registered.values_mut().for_each(|client| client.secret = "other".to_owned());
    });
    let run = stage.lockdown(&[], None);
    assert_eq!(run.code, Some(check::UNKNOWN), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("invalid_client") && run.stdout.contains("client-id"), "{}", run.stdout);
    check::always(&stage).unwrap();
    let sent = stage.emulator.requests().into_iter().filter(|request| request.service == "pingone");
    assert!(sent.into_iter().all(|request| request.path.ends_with("/as/token")), "nothing without a token");
}
