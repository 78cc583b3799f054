//! The way back, and what others changed in between.

use std::collections::BTreeSet;

use portcullis::drill::emulator::generate::Size;
use portcullis::drill::emulator::switches::Paging;
use portcullis::drill::emulator::tenant::differences;
use portcullis::drill::emulator::{Faults, Service, Switches, Tenant, okta};
use portcullis::lockdown::state::Status;
use serde_json::{Map, json};

use super::check::{self, Checked, DONE, PARTIAL, REFUSED, UNKNOWN, ensure};
use super::pool::{Tally, full, try_all, variable};
use super::stage::{Run, Stage};
use super::tenant::{further, made_up_beside, small};

/// Locks down, lets somebody else change something, restores. Gives the statuses of the steps that `of` names, and what
/// the somebody's change still differs by.
fn after(change: impl Fn(&mut Tenant), of: &[&str]) -> (Option<i32>, Vec<Status>, Vec<String>) {
    let stage = Stage::new(small(11), Switches::default(), Faults::default());
    let run = stage.lockdown(&[], None);
    assert!(matches!(run.code, Some(DONE | PARTIAL)), "{}{}", run.stdout, run.stderr);
    let between = stage.emulator.tenant();
    stage.emulator.edit(&change);
    let mut theirs = between.clone();
    change(&mut theirs);
    let touched: Vec<String> = differences(&between, &theirs);
    assert!(!touched.is_empty(), "the change changes nothing");
    let run = stage.restore(None);
    check::always(&stage).unwrap();
    let record = stage.record();
    let status = |id: &&str| {
        record.steps.values().find(|tracked| tracked.step.id.0 == **id).map(|tracked| tracked.state.status)
    };
    let statuses = of
        .iter()
        .map(|id| status(id).unwrap_or_else(|| panic!("no step {id}: {:?}", record.order)))
        .collect();
    // What they changed is as they left it.
    let now = differences(&theirs, &stage.emulator.tenant());
    let path = |line: &String| super::watch::path_of(line);
    let theirs: Vec<String> = touched.iter().map(path).collect();
    let overwritten = now.into_iter().filter(|line| theirs.contains(&path(line))).collect();
    (run.code, statuses, overwritten)
}

#[test]
fn an_administrator_who_let_the_person_in_again_is_no_difference() {
    let change =
        |tenant: &mut Tenant| tenant.okta.users.get_mut("00ujane").unwrap().status = okta::Status::Active;
    let (code, statuses, overwritten) = after(change, &["okta/user/00ujane/suspend"]);
    assert_eq!((code, statuses, overwritten), (Some(DONE), vec![Status::Undone], Vec::new()));
}

#[test]
fn an_account_that_was_ended_for_good_stays_so() {
    let change = |tenant: &mut Tenant| {
        tenant.okta.users.get_mut("00ujane").unwrap().status = okta::Status::Deprovisioned;
    };
    let (code, statuses, overwritten) = after(change, &["okta/user/00ujane/suspend"]);
    assert_eq!((code, statuses, overwritten), (Some(PARTIAL), vec![Status::Kept], Vec::new()));
}

#[test]
fn an_entry_that_somebody_wrote_stays_and_so_does_what_it_rests_on() {
    let change = |tenant: &mut Tenant| {
        let mut data = Map::new();
        data.insert("username".into(), json!("by-hand"));
        data.insert("secret".into(), json!("CANARYbyhand"));
        let mount = tenant.vault.mounts.get_mut("secret").unwrap();
        let entry = mount.secrets.get_mut("mixpanel/88102").unwrap();
        let version = portcullis::drill::emulator::vault::Version { data, ..Default::default() };
        entry.current += 1;
        entry.versions.insert(entry.current, version);
    };
    let steps = ["vault/secret/mixpanel/88102/put", "mixpanel/service-account/88102/replace"];
    let (code, statuses, overwritten) = after(change, &steps);
    assert_eq!((code, statuses, overwritten), (Some(PARTIAL), vec![Status::Kept, Status::Kept], Vec::new()));
}

#[test]
fn a_role_that_somebody_gave_stays() {
    let change = |tenant: &mut Tenant| {
        let account = tenant.mixpanel.service_accounts.get_mut(&88_123).unwrap();
        account.projects.insert(3_187_001, "consumer".into());
    };
    let (code, statuses, overwritten) = after(change, &["mixpanel/service-account/88123/quarantine"]);
    assert_eq!((code, statuses, overwritten), (Some(PARTIAL), vec![Status::Kept], Vec::new()));
}

#[test]
fn a_service_account_that_somebody_deleted_stays_deleted() {
    let change = |tenant: &mut Tenant| drop(tenant.mixpanel.service_accounts.remove(&88_123));
    let (code, statuses, overwritten) = after(change, &["mixpanel/service-account/88123/quarantine"]);
    assert_eq!((code, statuses, overwritten), (Some(PARTIAL), vec![Status::Kept], Vec::new()));
}

/// Made-up tenants, each under another setting of the switches.
fn made_up(seed: u64) -> (Tenant, Switches) {
    let (tenant, _) = Tenant::generate(seed, &Size::small());
    let mut switches = Switches::default();
    let bit = |at: u64| seed >> at & 1 == 1;
    switches.mixpanel.mangle_usernames = bit(0);
    switches.mixpanel.envelope_single = bit(1);
    switches.mixpanel.slash_redirect = bit(2);
    switches.mixpanel.without_project = if bit(3) { 403 } else { 401 };
    switches.mixpanel.paging =
        [Paging::Off, Paging::Cursor, Paging::Link][usize::try_from(seed % 3).unwrap()];
    switches.mixpanel.page_size = if bit(4) { 2 } else { 50 };
    switches.scim.patch_answers_body = bit(5);
    switches.scim.etags = bit(6);
    switches.okta.page_size = if bit(7) { 2 } else { 200 };
    (tenant, switches)
}

/// UNKNOWN only for service accounts that teams or the organization let in, and for people of Okta in a status from which they cannot
/// be suspended: guided steps end that.
fn waits_for_people(run: &Run) -> bool {
    let reasons = run.json()["reasons"].as_array().cloned().unwrap_or_default();
    let reasons: Vec<&str> = reasons.iter().filter_map(serde_json::Value::as_str).collect();
    let told = |reason: &&str| {
        reason.contains("a person has to end that")
            || reason.starts_with("guided step")
            || reason.contains("it is done with --commit only")
            || reason.ends_with("and can come back")
            || reason.ends_with("a new session may have begun")
    };
    // What is not blocked is left to do in every pass.
    let comes_back = reasons.iter().any(|reason| reason.ends_with("and can come back"));
    let is_open = |reason: &&str| comes_back && reason.starts_with("two passes in a row");
    run.code == Some(UNKNOWN) && reasons.iter().all(|reason| told(reason) || is_open(reason))
}

fn there_and_back((tenant, switches): (Tenant, Switches), tally: &mut Tally) -> Checked {
    let stage = Stage::new(tenant, switches, Faults::default());
    let run = stage.lockdown(&[], None);
    check::verdict(&stage, &run, &check::ways_in(&stage))?;
    check::always(&stage)?;
    let last = run.stderr.lines().last().unwrap_or_default().to_owned();
    if run.code == Some(REFUSED) {
        *tally.entry("refused by a guard").or_default() += 1;
        ensure!(last.contains("refused, nothing was changed"), "{last}");
        return Ok(());
    }
    ensure!(
        matches!(run.code, Some(DONE | PARTIAL)) || waits_for_people(&run),
        "{:?}: {} {last}",
        run.code,
        run.json()["reasons"]
    );
    let restored = stage.restore(None);
    check::always(&stage)?;
    ensure!(restored.code == Some(DONE), "{:?}: {}", restored.code, restored.json()["reasons"]);
    check::restored(&stage, &restored, &BTreeSet::new())?;
    *tally.entry("steps").or_default() += stage.record().order.len() as u64;
    *tally.entry("steps undone").or_default() += check::undone(&stage).len() as u64;
    Ok(())
}

#[test]
fn lockdown_and_restore_leave_no_difference_in_made_up_tenants() {
    let seeds: Vec<u64> = (1..=if full() { 500 } else { 20 }).collect();
    let tally = try_all(
        "lockdown and restore",
        &seeds,
        |seed| format!("seed {seed}"),
        |seed, tally| there_and_back(made_up(*seed), tally),
    );
    assert!(tally.get("steps undone").is_some_and(|undone| *undone > 0), "{tally:?}");
}

#[test]
fn and_in_made_up_tenants_with_every_other_kind() {
    let only = variable("PORTCULLIS_SERVICE");
    let services = further().filter(|service| only.as_deref().is_none_or(|only| only == service.name()));
    let seeds = 1..=if full() { 100 } else { 6 };
    let cases: Vec<(&dyn Service, u64)> =
        services.flat_map(|service| seeds.clone().map(move |seed| (service, seed))).collect();
    let tally = try_all(
        "lockdown and restore beside another kind",
        &cases,
        |(service, seed)| format!("{}, seed {seed}", service.name()),
        |(service, seed), tally| {
            let (tenant, switches) = made_up(*seed);
            there_and_back((made_up_beside(*service, *seed, tenant), switches), tally)
        },
    );
    assert!(cases.is_empty() || tally.get("steps undone").is_some_and(|undone| *undone > 0), "{tally:?}");
}
