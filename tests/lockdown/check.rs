//! What has to be true, whatever happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portcullis::config::{Config, Inventory};
use portcullis::drill::emulator::draws::CANARY;
use portcullis::drill::emulator::tenant::differences;
use portcullis::drill::emulator::{Faults, Flow, Moment, Place, Record, SERVICES, Switches, Tenant};
use portcullis::lockdown::consumer::system::{REPOINT, Repoint};
use portcullis::lockdown::flow::system::PAUSE;
use portcullis::lockdown::inventory;
use portcullis::lockdown::open::{self, Systems};
use portcullis::lockdown::operation::Kind;
use portcullis::lockdown::provider::{Facts, Hand};
use portcullis::lockdown::record::{Record as Incident, Tracked};
use portcullis::lockdown::state::Status;
use portcullis::lockdown::step::{SecretRole, StepId, Undo};
use portcullis::lockdown::store::system::Put;
use portcullis::sys::clock::{Clock, System};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::stage::{Run, Stage};
use super::watch::{Change, path_of};

pub type Checked = Result<(), String>;

/// Fails with a message unless it holds.
macro_rules! ensure {
    ($holds:expr, $($why:tt)*) => {
        if !$holds {
            return Err(format!($($why)*));
        }
    };
}
pub(super) use ensure;

/// Exit codes: CONTAINED or RESTORED, PARTIAL, UNKNOWN, REFUSED.
pub const DONE: i32 = 0;
pub const PARTIAL: i32 = 4;
pub const UNKNOWN: i32 = 5;
pub const REFUSED: i32 = 6;

/// Holds at every moment: no secret anywhere, intents before effects, one replacement at most, a journal that is whole.
pub fn always(stage: &Stage) -> Checked {
    let wrong = stage.watch.wrong();
    ensure!(wrong.is_empty(), "left without its intent: {}", wrong.join("; "));
    secrets(stage)?;
    let twice = doubled(stage);
    ensure!(twice.is_empty(), "had an effect twice: {twice:?}");
    if stage.incident().is_some() {
        let record = stage.journal()?.record;
        replacements(stage, &record)?;
    }
    Ok(())
}

/// The word that all secrets have, plain and in the three ways in which base64 can hold it.
fn secrets(stage: &Stage) -> Checked {
    for (name, bytes) in stage.traces() {
        ensure!(!leaks(&bytes), "a secret is in {name}");
    }
    Ok(())
}

/// Whether a secret is in there.
pub fn leaks(bytes: &[u8]) -> bool {
    let marks = [CANARY.as_bytes(), b"Q0FOQVJZ", b"NBTkFSW", b"DQU5BUl"];
    marks.iter().any(|mark| memchr::memmem::find(bytes, mark).is_some())
}

/// Keys under which a request had its effect more than once.
fn doubled(stage: &Stage) -> Vec<String> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    // A redirect to the same path with a slash is followed with the same key, and had no effect.
    let effect = |request: &Record| {
        request.changing
            && request.took_effect
            && request.status.is_none_or(|status| !(300..400).contains(&status))
    };
    for request in stage.emulator.requests().into_iter().filter(effect) {
        *counts.entry(request.idempotency_key.unwrap_or_default()).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(key, _)| key).collect()
}

/// Never two of them for one account.
fn replacements(stage: &Stage, record: &Incident) -> Checked {
    let prefix = format!("pc-{}-", record.tag);
    let mut of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for account in stage.emulator.tenant().mixpanel.service_accounts.into_values() {
        if let Some(rest) = account.username.strip_prefix(&prefix) {
            let replaced = rest.split('.').next().unwrap_or_default().to_owned();
            of.entry(replaced).or_default().push(account.username);
        }
    }
    let double = of.values().find(|names| names.len() > 1);
    ensure!(double.is_none(), "two replacements: {double:?}");
    Ok(())
}

/// By which ways the account still gets in.
pub fn ways_in(stage: &Stage) -> BTreeSet<String> {
    let (tenant, switches) = (stage.emulator.tenant(), Switches::default());
    // Late enough for everything that ends by itself to count only while it really works.
    let moment = Moment { now: Duration::ZERO, wall: System.now(), switches: &switches };
    let ways = SERVICES.iter().flat_map(|service| service.ways_in(&tenant, &stage.account, &moment));
    ways.collect()
}

/// What a verdict promises. `known`: ways that stay open after an undisturbed run, which people have to close.
pub fn verdict(stage: &Stage, run: &Run, known: &BTreeSet<String>) -> Checked {
    let code = run.code.ok_or("killed by itself")?;
    ensure!(
        [DONE, PARTIAL, UNKNOWN, REFUSED].contains(&code),
        "exit code {code}: {}",
        run.stderr.lines().last().unwrap_or_default()
    );
    if code == REFUSED {
        let changed = stage.emulator.requests().iter().any(|request| request.changing && request.took_effect);
        ensure!(!changed, "refused, and yet something was changed");
    }
    if code == DONE || code == PARTIAL {
        let ways = ways_in(stage);
        let open: Vec<&String> = ways.difference(known).collect();
        ensure!(open.is_empty(), "exit code {code}, and yet {open:?}");
        let shuts_out = stage.journal().is_ok_and(|read| read.record.operation.kind == Kind::Lockdown);
        ensure!(code != DONE || !shuts_out || ways.is_empty(), "CONTAINED, and yet {ways:?}");
        agrees(stage)?;
    }
    Ok(())
}

/// The systems of the stage, opened as the program does.
pub fn systems(stage: &Stage) -> Systems {
    let config = Config::load(&stage.path("portcullis.toml"), open::catalog()).unwrap();
    let inventory = Inventory::load(&stage.path("integrations.toml"), config.known()).unwrap();
    let variable = |name: &str| format!("PORTCULLIS_{}", name.to_uppercase().replace('-', "_"));
    let instances = config.instances();
    let credentials = instances.filter_map(|instance| {
        let (_, value) = stage.environment.iter().find(|(name, _)| *name == variable(&instance.name))?;
        Some((instance.name.clone(), Ok(SecretString::from(value.as_str()))))
    });
    open::open(&config, &inventory.integrations, &credentials.collect()).unwrap()
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// What the journal says of every step is what the other side says, and every stored secret works.
pub fn agrees(stage: &Stage) -> Checked {
    // What is looked at here is not what is tried.
    let faults = stage.emulator.faults();
    stage.emulator.set_faults(Faults::default());
    let agreed = agreed(stage);
    stage.emulator.set_faults(faults);
    agreed
}

fn agreed(stage: &Stage) -> Checked {
    let record = stage.record();
    let systems = systems(stage);
    let hand = Hand::new(&record.tag, systems.stores.clone());
    for tracked in record.steps.values() {
        let state = &tracked.state;
        let facts =
            Facts { before: state.before.clone(), after: state.after.clone(), result: state.result.clone() };
        hand.set_facts(&tracked.step.id, facts);
    }
    block_on(async {
        for tracked in record.in_order() {
            agrees_on(&systems, &hand, tracked, record.restoring).await?;
            if let (SecretRole::Takes(credential), true) =
                (&tracked.step.secret, tracked.state.status == Status::Applied)
            {
                let replacement = record.tracked(credential).map_err(|error| error.to_string())?;
                stored(stage, &systems, tracked, replacement).await?;
            }
        }
        Checked::Ok(())
    })?;
    flowing(stage, &record)?;
    placed(stage, &record)
}

fn flows(tenant: &Tenant) -> Vec<Flow> {
    SERVICES.iter().flat_map(|service| service.flows(tenant)).collect()
}

/// A flow is stopped where its step holds, and stands as it stood where it was taken back or there is none.
fn flowing(stage: &Stage, record: &Incident) -> Checked {
    let now = flows(&stage.emulator.tenant());
    for was in flows(&stage.before) {
        let name = format!("{} of {}", was.name, was.system);
        let is = now.iter().find(|is| (is.system, &is.name) == (was.system, &was.name));
        let is = is.ok_or_else(|| format!("{name} is gone"))?;
        let step = record.steps.values().find(|tracked| {
            let step = &tracked.step;
            step.action == PAUSE && step.system == was.system && step.object.name == was.name
        });
        let status = step.map(|tracked| tracked.state.status);
        if status.is_some_and(|status| status.is_open() || status == Status::Kept) {
            continue;
        }
        let runs = was.runs && !status.is_some_and(Status::holds);
        ensure!(is.runs == runs, "{name} {}", if is.runs { "runs" } else { "does not run" });
    }
    Ok(())
}

/// Places of consumers that have a copy of a credential.
pub fn places(tenant: &Tenant) -> Vec<Place> {
    SERVICES.iter().flat_map(|service| service.places(tenant)).collect()
}

/// Every consumer works with the replacement where its step holds, with what it worked with before where none does, and with all
/// else as it was.
fn placed(stage: &Stage, record: &Incident) -> Checked {
    let tenant = stage.emulator.tenant();
    let now = places(&tenant);
    for was in places(&stage.before) {
        let name = format!("{} of {}", was.names[1], was.place);
        let is = now.iter().find(|is| is.place == was.place && is.names == was.names);
        let is = is.ok_or_else(|| format!("{name} is gone"))?;
        ensure!(is.others == was.others, "{}: something else was changed", was.place);
        let step = record.steps.values().find(|tracked| {
            let details = serde_json::from_value(tracked.step.details.clone());
            tracked.step.action == REPOINT
                && details.is_ok_and(|own: Repoint| own.place == was.place && own.secret == was.names[1])
        });
        let status = step.map(|tracked| tracked.state.status);
        if status.is_some_and(|status| status.is_open() || status == Status::Kept) {
            continue;
        }
        let details =
            step.filter(|tracked| tracked.state.status.holds()).map(|tracked| &tracked.step.details);
        let replace: Option<Repoint> = details.and_then(|own| serde_json::from_value(own.clone()).ok());
        let expected = match replace {
            None => was.holds,
            Some(Repoint { replace, .. }) => {
                let made = record.tracked(&replace).map_err(|error| error.to_string())?;
                let made = made.state.result.get("username").and_then(Value::as_str).unwrap_or_default();
                let mut accounts = tenant.mixpanel.service_accounts.values();
                let made = accounts.find(|account| account.username == made);
                let made = made.ok_or_else(|| format!("{name}: there is no replacement"))?;
                [made.username.clone(), made.secret.clone()]
            }
        };
        ensure!(is.holds == expected, "{name} does not hold the credential of {}", expected[0]);
    }
    Ok(())
}

async fn agrees_on(systems: &Systems, hand: &Hand, tracked: &Tracked, restoring: bool) -> Checked {
    let id = &tracked.step.id;
    let system = systems.all.get(&tracked.step.system).ok_or_else(|| format!("{id}: no system"))?;
    let holds = tracked.state.status.holds();
    if !holds && tracked.state.status != Status::Undone {
        return Ok(());
    }
    // What held before us may come back with what we undo elsewhere: an application that provisions a directory.
    if restoring && holds && !tracked.state.ours {
        return Ok(());
    }
    let look = system.look(&tracked.step, hand).await.map_err(|error| format!("{id}: {error}"))?;
    if holds {
        ensure!(look.done != Some(false), "{id} is said to hold, and the other side says {}", look.state);
    } else {
        let back = system.is_back(&tracked.state.before, &look);
        ensure!(back, "{id} is said to be undone, and the other side says {}", look.state);
    }
    Ok(())
}

/// The store holds the name and the secret of the replacement, and the vendor knows just these.
async fn stored(stage: &Stage, systems: &Systems, put: &Tracked, replacement: &Tracked) -> Checked {
    let id = &put.step.id;
    let details: Put = serde_json::from_value(put.step.details.clone()).map_err(|error| error.to_string())?;
    let store = systems.stores.get(&details.store).ok_or_else(|| format!("{id}: no store"))?;
    let entry = store.read(&details.path).await.map_err(|error| format!("{id}: {error}"))?;
    let entry = entry.ok_or_else(|| format!("{id}: nothing is stored"))?;
    let fields: BTreeMap<&str, &str> =
        entry.fields.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    let wanted = replacement.state.result.get("username").and_then(Value::as_str).unwrap_or_default();
    let accounts = stage.emulator.tenant().mixpanel.service_accounts;
    let account = accounts.values().find(|account| account.username == wanted);
    let account = account.ok_or_else(|| format!("{id}: the replacement {wanted:?} does not exist"))?;
    let right = fields.values().any(|value| *value == wanted)
        && fields.values().any(|value| *value == account.secret);
    ensure!(right, "{id}: what is stored is not the credential of {wanted}");
    Ok(())
}

/// Steps that a restore has to keep: they are ours, and something of ours that cannot be undone rests on them, or has
/// destroyed their object.
pub fn rests(stage: &Stage) -> BTreeSet<String> {
    let record = stage.record();
    let ours = || record.steps.values().filter(|tracked| tracked.state.ours);
    let mut stays: BTreeSet<&StepId> = ours()
        .filter(|tracked| tracked.step.undo == Undo::Irreversible)
        .map(|tracked| &tracked.step.id)
        .collect();
    let mut kept = BTreeSet::new();
    loop {
        let carries = |tracked: &&Tracked| {
            let mut staying = stays.iter().map(|id| &record.steps[*id].step);
            let (id, object) = (&tracked.step.id, &tracked.step.object);
            let bound = &tracked.step.bound_to;
            staying.any(|step| {
                step.needs.contains(id) || step.commit && step.object == *object || bound.contains(&step.id)
            })
        };
        let more = ours().filter(carries).map(|tracked| &tracked.step.id);
        let more: Vec<&StepId> = more.filter(|id| !stays.contains(id)).collect();
        if more.is_empty() {
            return kept;
        }
        kept.extend(more.iter().map(|id| id.0.clone()));
        stays.extend(more);
    }
}

/// Steps that a restore left as they are, and said so.
pub fn kept(stage: &Stage) -> BTreeSet<String> {
    let record = stage.record();
    let kept = record.steps.values().filter(|tracked| tracked.state.status == Status::Kept);
    kept.map(|tracked| tracked.step.id.0.clone()).collect()
}

/// What differs after a restore, but for what requests of steps did that the plan called irreversible or compensable, or
/// that the restore says it kept.
pub fn leftovers(stage: &Stage) -> Vec<String> {
    let record = stage.record();
    let lasting = |step: &str| {
        let known = record.steps.values().find(|tracked| tracked.step.id.0 == step);
        known.is_some_and(|tracked| {
            tracked.step.undo != Undo::Reversible || tracked.state.status == Status::Kept
        })
    };
    let changes = stage.watch.changes();
    let excused: BTreeSet<String> =
        changes.iter().filter(|change| lasting(&change.step)).flat_map(Change::paths).collect();
    let lines = differences(&stage.before, &stage.emulator.tenant());
    let below = |path: &str, excused: &str| path == excused || path.starts_with(&format!("{excused}."));
    // An object that a kept step made, by its identifier: which one it got, only the answer tells.
    let kept = record.steps.values().filter(|tracked| tracked.state.status == Status::Kept);
    let made: Vec<String> =
        kept.filter_map(|tracked| Some(tracked.state.result.get("id")?.to_string())).collect();
    let is_excused = |line: &String| {
        let path = path_of(line);
        made.iter().any(|id| path.split('.').any(|part| part == id))
            || excused.iter().any(|excused| below(&path, excused) || below(excused, &path))
    };
    lines.into_iter().filter(|line| !is_excused(line)).collect()
}

/// Steps that were undone, and whose undoing was seen at the other side.
pub fn undone(stage: &Stage) -> BTreeSet<String> {
    let record = stage.record();
    let done: BTreeSet<String> = stage
        .emulator
        .requests()
        .into_iter()
        .filter(|request| request.changing && request.took_effect)
        .filter_map(|request| request.idempotency_key)
        .collect();
    let undone = |step: &str| {
        let mut steps = record.steps.values();
        steps.any(|tracked| tracked.step.id.0 == step && tracked.state.status == Status::Undone)
    };
    let changes = stage.watch.changes();
    let seen = changes.iter().filter(|change| change.direction == "undo" && done.contains(&change.key));
    seen.filter(|change| undone(&change.step)).map(|change| change.step.clone()).collect()
}

/// How a run ended, and why.
pub fn reasons(run: &Run) -> String {
    let json: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    format!("ends with {:?}: {} {}", run.code, json["reasons"], run.stderr.lines().last().unwrap_or_default())
}

/// A restore's end: nothing is left but what could not come back, and what was kept for it.
pub fn restored(stage: &Stage, run: &Run, kept_before: &BTreeSet<String>) -> Checked {
    let code = if kept_before.is_empty() { DONE } else { PARTIAL };
    ensure!(run.code == Some(code), "the restore {}", reasons(run));
    let kept = kept(stage);
    ensure!(kept == *kept_before, "kept {kept:?}, not {kept_before:?}");
    agrees(stage)?;
    let left = leftovers(stage);
    ensure!(left.is_empty(), "left after the restore: {left:?}");
    let noted = kept.iter().any(|step| step.starts_with(inventory::NAME));
    ensure!(noted || stage.inventory() == stage.inventory_before, "the inventory is not as it was");
    Ok(())
}
