//! The Mixpanel provider against the emulated tenant: every step there and back, and every point that the vendor leaves
//! open.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use portcullis::config::{Integration, IntegrationKind, Pause, Settings, Stored, Value as Setting};
use portcullis::drill::emulator::switches::Paging;
use portcullis::drill::emulator::tenant::differences;
use portcullis::drill::emulator::{Emulator, Faults, Switches, Tenant, What, When};
use portcullis::lockdown::http::{Auth, Settings as Http, Stats, Transport};
use portcullis::lockdown::operation::Ask;
use portcullis::lockdown::provider::{
    Check, CheckState, Discovery, Facts, Guard, Hand, Opening, Proof, Provider, Target, kind,
};
use portcullis::lockdown::step::{GuidedProof, Phase, SecretRole, Step, StepId, Undo};
use portcullis::lockdown::store::system::StoreSystem;
use portcullis::lockdown::store::{Entry, Store, StoreError, Version, Write};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

const JANE: &str = "jane@agency.example";
const TAG: &str = "c0ffee";
/// What the account made and no integration uses.
const PLANTED: [u64; 2] = [88_123, 88_124];
const NIGHTLY: u64 = 88_102;
const REVERSE: u64 = 88_103;

/// A store in memory that keeps every version.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Vec<BTreeMap<String, SecretString>>>>);

#[async_trait]
impl Store for Memory {
    fn name(&self) -> &'static str {
        "vault"
    }

    async fn read(&self, path: &str) -> Result<Option<Entry>, StoreError> {
        let entries = self.0.lock().unwrap();
        let versions = entries.get(path);
        Ok(versions
            .and_then(|all| Some(Entry { version: (all.len() as u64).into(), fields: all.last()?.clone() })))
    }

    async fn earlier(&self, path: &str, version: &Version) -> Result<Option<Entry>, StoreError> {
        let entries = self.0.lock().unwrap();
        let Version::Number(number) = version else { panic!("{version}") };
        let fields = entries.get(path).and_then(|all| all.get(usize::try_from(*number).unwrap() - 1));
        Ok(fields.map(|fields| Entry { version: version.clone(), fields: fields.clone() }))
    }

    async fn write(
        &self,
        path: &str,
        write: Write,
        expected: &Version,
        _: &str,
    ) -> Result<Version, StoreError> {
        let mut entries = self.0.lock().unwrap();
        let versions = entries.entry(path.to_owned()).or_default();
        assert_eq!(Version::Number(versions.len() as u64), *expected);
        let fields = match write {
            Write::Replace(fields) => fields,
            Write::Merge(fields) => {
                let mut all = versions.last().cloned().unwrap_or_default();
                all.extend(fields);
                all
            }
        };
        versions.push(fields);
        Ok((versions.len() as u64).into())
    }

    async fn check(&self) -> Vec<Check> {
        Vec::new()
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }
}

/// A tenant, the provider that works in it, and what steps share.
struct World {
    emulator: Emulator,
    provider: Box<dyn Provider>,
    store: Arc<Memory>,
    hand: Hand,
    target: Target,
}

fn row(name: &str, credential: &str, created_by: &str, stored: bool) -> Integration {
    Integration {
        name: name.to_owned(),
        kind: IntegrationKind::ServiceAccount,
        project: None,
        credential: Some(credential.to_owned()),
        stored: stored.then(|| Stored {
            store: "vault".to_owned(),
            path: format!("mixpanel/{name}"),
            username: "username".to_owned(),
            secret: "secret".to_owned(),
        }),
        point: None,
        pause: None,
        consumer: format!("{name} on etl-1"),
        owner: None,
        purpose: None,
        created_by: Some(created_by.to_owned()),
        last_rotated: None,
        restart: None,
    }
}

fn nightly() -> Vec<Integration> {
    vec![row("nightly", "etl-nightly", JANE, true)]
}

impl World {
    fn new(switches: Switches, inventory: Vec<Integration>) -> Self {
        Self::of(Tenant::example(7), switches, inventory)
    }

    fn of(tenant: Tenant, switches: Switches, inventory: Vec<Integration>) -> Self {
        let own = tenant.mixpanel.service_accounts[&88_101].clone();
        let store = Arc::new(Memory::default());
        for row in &inventory {
            let Some(stored) = &row.stored else { continue };
            let used = row.credential.as_deref().unwrap();
            let used =
                tenant.mixpanel.service_accounts.values().find(|account| account.username.starts_with(used));
            let used = used.unwrap();
            let pairs = [("username", used.username.as_str()), ("secret", &used.secret), ("note", "keep")];
            let fields = pairs.map(|(name, value)| (name.to_owned(), value.to_owned().into())).into();
            store.0.lock().unwrap().insert(stored.path.clone(), vec![fields]);
        }
        let emulator = Emulator::start(tenant, switches, Faults::default()).unwrap();
        let base = emulator.base_url("mixpanel");
        let url: url::Url = base.parse().unwrap();
        let auth = Auth::Basic { username: own.username, secret: own.secret.into() };
        let http = Http {
            requests_per_second: 5000.0,
            burst: 5000,
            timeout: Duration::from_secs(2),
            deadline: Duration::from_millis(300),
            backoff: Duration::from_millis(20),
            ..Http::new(url.clone(), auth)
        };
        let settings = [
            ("organization", Setting::Number(90_210)),
            ("data-url", Setting::Url(url)),
            ("scim", Setting::Flag(false)),
        ];
        let opening = Opening {
            name: "mixpanel".to_owned(),
            settings: Settings::from_iter(settings),
            transport: Transport::open(http).unwrap(),
            inventory: inventory.into(),
            default_store: None,
            disabling: BTreeSet::new(),
        };
        let provider = (kind("mixpanel").unwrap().open)(opening).unwrap_or_else(|error| panic!("{error}"));
        let stores: BTreeMap<String, Arc<dyn Store>> =
            [("vault".to_owned(), Arc::clone(&store) as Arc<dyn Store>)].into();
        let target = Target::new(JANE, TAG);
        Self { emulator, provider, store, hand: Hand::new(TAG, stores), target }
    }

    async fn discover(&self) -> Discovery {
        let mut found = self.provider.discover(&self.target).await.unwrap();
        found.steps.sort_by_key(|step| (step.phase, step.id.clone()));
        // What needs another step comes after it.
        let mut sorted: Vec<Step> = Vec::new();
        while !found.steps.is_empty() {
            let left: Vec<StepId> = found.steps.iter().map(|step| step.id.clone()).collect();
            let ready =
                found.steps.iter().position(|step| step.needs.iter().all(|need| !left.contains(need)));
            sorted.push(found.steps.remove(ready.unwrap()));
        }
        found.steps = sorted;
        found
    }

    async fn steps(&self) -> Vec<Step> {
        self.discover().await.steps
    }

    /// The steps that need no `--commit`.
    async fn soft(&self) -> Vec<Step> {
        self.steps().await.into_iter().filter(|step| !step.commit).collect()
    }

    fn system(&self, step: &Step) -> Box<dyn Fn() -> Arc<dyn Provider> + '_> {
        let store = Arc::clone(&self.store);
        assert_eq!(step.system, "vault");
        Box::new(move || Arc::new(StoreSystem(Arc::clone(&store) as Arc<dyn Store>)))
    }

    async fn look(&self, step: &Step) -> portcullis::lockdown::provider::Look {
        match step.system.as_str() {
            "mixpanel" => self.provider.look(step, &self.hand).await.unwrap(),
            _ => self.system(step)().look(step, &self.hand).await.unwrap(),
        }
    }

    /// As the engine does a step; returns the state before.
    async fn apply(&self, step: &Step) -> Value {
        let before = self.look(step).await;
        assert_ne!(before.done, Some(true), "{}", step.id);
        let mut facts = Facts { before: before.state.clone(), ..Facts::default() };
        self.hand.set_facts(&step.id, facts.clone());
        let key = step.id.to_string();
        let acted = match step.system.as_str() {
            "mixpanel" => self.provider.apply(step, &self.hand, &key).await,
            _ => self.system(step)().apply(step, &self.hand, &key).await,
        };
        let acted = acted.unwrap_or_else(|error| panic!("{}: {error}", step.id));
        if let Some(secret) = acted.secret {
            self.hand.hold(&step.id, secret);
        }
        facts.result = acted.result;
        self.hand.set_facts(&step.id, facts.clone());
        facts.after = self.look(step).await.state;
        self.hand.set_facts(&step.id, facts);
        before.state
    }

    async fn undo(&self, step: &Step, before: &Value) {
        let key = format!("undo {}", step.id);
        let undone = match step.system.as_str() {
            "mixpanel" => self.provider.undo(step, before, &self.hand, &key).await,
            _ => self.system(step)().undo(step, before, &self.hand, &key).await,
        };
        undone.unwrap_or_else(|error| panic!("{}: {error}", step.id));
    }

    async fn prove(&self, step: &Step) -> Proof {
        match step.system.as_str() {
            "mixpanel" => self.provider.prove(step, &self.hand).await.unwrap(),
            _ => self.system(step)().prove(step, &self.hand).await.unwrap(),
        }
    }

    async fn apply_all(&self, steps: &[Step]) {
        for step in steps {
            self.apply(step).await;
        }
    }

    fn account_exists(&self, id: u64) -> bool {
        self.emulator.tenant().mixpanel.service_accounts.contains_key(&id)
    }

    fn replacements(&self) -> Vec<u64> {
        let tenant = self.emulator.tenant();
        let accounts = tenant.mixpanel.service_accounts.iter();
        accounts
            .filter(|(_, account)| account.username.starts_with("pc-c0ffee-"))
            .map(|(id, _)| *id)
            .collect()
    }
}

fn of<'a>(steps: &'a [Step], action: &str, id: &str) -> &'a Step {
    let found = steps.iter().find(|step| step.action == action && step.object.id == id);
    found.unwrap_or_else(|| panic!("no {action} of {id} among {:?}", ids(steps)))
}

fn ids(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.id.0.as_str()).collect()
}

fn proved(proof: Proof) -> String {
    match proof {
        Proof::Proved(how) => how,
        other => panic!("not proved: {other:?}"),
    }
}

/// Every setting of what the vendor leaves open that changes answers.
fn variants() -> Vec<(&'static str, Switches)> {
    let with = |change: fn(&mut Switches)| {
        let mut switches = Switches::default();
        change(&mut switches);
        switches
    };
    vec![
        ("default", Switches::default()),
        ("plain names", with(|switches| switches.mixpanel.mangle_usernames = false)),
        ("enveloped", with(|switches| switches.mixpanel.envelope_single = true)),
        ("slashes", with(|switches| switches.mixpanel.slash_redirect = true)),
        ("no creator names", with(|switches| switches.mixpanel.creator_names = false)),
        ("no unpublished routes", with(|switches| switches.mixpanel.unpublished_routes = false)),
        ("paused not shown", with(|switches| switches.mixpanel.jobs_show_paused = false)),
        ("401 without project", with(|switches| switches.mixpanel.without_project = 401)),
        (
            "pages by cursor",
            with(|switches| (switches.mixpanel.paging, switches.mixpanel.page_size) = (Paging::Cursor, 2)),
        ),
        (
            "pages by link",
            with(|switches| (switches.mixpanel.paging, switches.mixpanel.page_size) = (Paging::Link, 1)),
        ),
        ("ghosts in lists", with(|switches| switches.mixpanel.list_ghost_ms = 60_000)),
    ]
}

#[tokio::test]
async fn every_step_holds_is_proved_and_is_undone() {
    for (name, switches) in variants() {
        let world = World::new(switches, nightly());
        let start = world.emulator.tenant();
        let steps = world.soft().await;
        let mut done = Vec::new();
        for step in &steps {
            let before = world.apply(step).await;
            let after = world.look(step).await;
            assert_ne!(after.done, Some(false), "{name}: {}", step.id);
            if step.action == "replace" {
                // It is in memory, and where its consumers read it there is none yet.
                assert!(
                    matches!(world.prove(step).await, Proof::NotYet(why) if why.contains("in no store yet"))
                );
            }
            done.push((step, before));
        }
        for (step, _) in &done {
            proved(world.prove(step).await);
        }
        // What is blind comes up in each pass; nothing else does.
        let left = world.soft().await;
        assert!(left.iter().all(|step| step.blind), "{name}: {:?}", ids(&left));
        let actions: Vec<&str> = steps.iter().map(|step| step.action.as_str()).collect();
        let expected = [
            ["quarantine", "quarantine", "replace", "put"].as_slice(),
            ["quarantine", "pause-pipeline", "pause-import"].as_slice(),
        ]
        .concat();
        assert_eq!(actions, expected, "{name}");
        for (step, before) in done.iter().rev() {
            world.undo(step, before).await;
            let look = world.look(step).await;
            if step.system == "mixpanel" {
                assert_eq!(&look.state, before, "{name}: {}", step.id);
            }
        }
        let differences = differences(&start, &world.emulator.tenant());
        assert_eq!(differences, [""; 0], "{name}");
    }
}

#[tokio::test]
async fn a_second_pass_over_a_quiet_tenant_finds_only_what_waits_for_commit() {
    let world = World::new(Switches::default(), nightly());
    let first = world.steps().await;
    world.apply_all(&world.soft().await).await;
    let second = world.steps().await;
    let expected =
        ["service-account/88102/delete", "service-account/88123/delete", "service-account/88124/delete"];
    assert_eq!(ids(&second), expected.map(|id| format!("mixpanel/{id}")));
    for step in &second {
        assert!(step.commit && step.undo == Undo::Irreversible && step.phase == Phase::Retire);
        assert!(ids(&first).contains(&step.id.0.as_str()));
        world.apply(step).await;
        proved(world.prove(step).await);
        let refused = world.provider.undo(step, &json!({}), &world.hand, "k").await.unwrap_err();
        assert_eq!(refused.status(), Some(0));
    }
    assert!(PLANTED.iter().chain([&NIGHTLY]).all(|id| !world.account_exists(*id)));
    assert!(world.account_exists(88_101) && world.account_exists(REVERSE));
    assert_eq!(world.steps().await, []);
}

#[tokio::test]
async fn a_replacement_has_the_same_roles_and_its_secret_is_in_the_store() {
    let world = World::new(Switches::default(), nightly());
    let old = world.emulator.tenant().mixpanel.service_accounts[&NIGHTLY].clone();
    let steps = world.soft().await;
    let replace = of(&steps, "replace", "88102");
    let put = of(&steps, "put", "mixpanel/nightly");
    let quarantine = of(&steps, "quarantine", "88102");
    assert_eq!((&replace.secret, &put.secret), (&SecretRole::Yields, &SecretRole::Takes(replace.id.clone())));
    assert_eq!((&put.needs, &quarantine.needs), (&vec![replace.id.clone()], &vec![put.id.clone()]));
    assert!(matches!(world.prove(replace).await, Proof::NotYet(_)));
    world.apply(replace).await;
    world.apply(put).await;
    world.hand.forget(&replace.id);
    let [id] = world.replacements()[..] else { panic!("one replacement") };
    let new = world.emulator.tenant().mixpanel.service_accounts[&id].clone();
    assert_eq!((new.projects, new.role), (old.projects, old.role));
    let entry = world.store.read("mixpanel/nightly").await.unwrap().unwrap();
    let field = |name: &str| entry.fields[name].expose_secret().to_owned();
    assert_eq!(
        (field("username"), field("secret"), field("note")),
        (new.username, new.secret, "keep".to_owned())
    );
    assert!(proved(world.prove(replace).await).contains("2 projects"));
    // The old one still works: its quarantine is not proved.
    assert!(matches!(world.prove(quarantine).await, Proof::NotYet(_)));
    world.apply(quarantine).await;
    let how = proved(world.prove(quarantine).await);
    assert!(how.contains("quarantined, not dead"), "{how}");
}

#[tokio::test]
async fn of_two_replacements_the_one_in_use_stays() {
    for first_is_kept in [true, false] {
        let world = World::new(Switches::default(), nightly());
        let steps = world.soft().await;
        let replace = of(&steps, "replace", "88102").clone();
        // Either the second or the first request is the one whose answer came.
        let mut made = Vec::new();
        for _ in 0..2 {
            made.push(world.provider.apply(&replace, &world.hand, "k").await.unwrap());
        }
        let kept = made.swap_remove(usize::from(!first_is_kept)).result;
        world.hand.set_facts(&replace.id, Facts { result: kept.clone(), ..Facts::default() });
        let steps = world.soft().await;
        let duplicates: Vec<&Step> = steps.iter().filter(|step| step.action == "remove-duplicate").collect();
        let [duplicate] = duplicates[..] else { panic!("{:?}", ids(&steps)) };
        assert_eq!(duplicate.needs, std::slice::from_ref(&replace.id));
        assert!(!duplicate.commit);
        world.apply(duplicate).await;
        proved(world.prove(duplicate).await);
        assert_eq!(world.replacements(), [kept["id"].as_u64().unwrap()]);
        assert!(!world.steps().await.iter().any(|step| step.action == "remove-duplicate"));
        assert_eq!(world.look(&replace).await.result, kept);
    }
}

#[tokio::test]
async fn a_lost_answer_is_found_again_and_a_lost_secret_is_made_anew() {
    for mangle in [true, false] {
        let mut switches = Switches::default();
        switches.mixpanel.mangle_usernames = mangle;
        let world = World::new(switches, nightly());
        let steps = world.soft().await;
        let replace = of(&steps, "replace", "88102").clone();
        let before = world.look(&replace).await;
        assert_eq!((before.done, &before.state), (Some(false), &json!({ "replacement": null })));
        world.emulator.set_faults(Faults::one(When::NthChange(1), What::ResetAfter));
        world.provider.apply(&replace, &world.hand, "k").await.unwrap_err();
        let found = world.look(&replace).await;
        assert_eq!(found.done, Some(true));
        assert_eq!(found.result["id"].as_u64(), world.replacements().first().copied());
        // Its secret is gone: the engine discards it.
        world.provider.undo(&replace, &Value::Null, &world.hand, "k").await.unwrap();
        assert_eq!(world.replacements(), [0; 0]);
        assert_eq!(world.look(&replace).await.state, before.state);
    }
}

#[tokio::test]
async fn what_shows_in_some_projects_alone_is_looked_at_again() {
    let world = World::new(Switches::default(), nightly());
    let steps = world.soft().await;
    let quarantine = of(&steps, "quarantine", "88102").clone();
    let other = of(&steps, "quarantine", "88123").clone();
    let before = world.apply(&quarantine).await;
    let roles = before["projects"].as_object().unwrap().clone();
    assert_eq!(roles.len(), 2);
    // A lost request that gives both back takes effect while the projects are read for another step: after one, before the other.
    let give_back = |count: usize| {
        world.emulator.edit(|tenant| {
            let account = tenant.mixpanel.service_accounts.get_mut(&88_102).unwrap();
            let roles = roles.iter().take(count);
            account.projects =
                roles.map(|(id, role)| (id.parse().unwrap(), role.as_str().unwrap().to_owned())).collect();
        });
    };
    let sweep = async |count: usize| {
        give_back(count);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        world.look(&other).await
    };
    sweep(1).await;
    give_back(2);
    assert_eq!(world.look(&quarantine).await.state, before);
    // Where it stays so, somebody else did it.
    sweep(1).await;
    assert_eq!(world.look(&quarantine).await.state["projects"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn a_project_that_was_found_after_the_plan_has_to_be_read_too() {
    let world = World::new(Switches::default(), nightly());
    let refuse = || {
        let when = When::Match {
            service: "mixpanel".to_owned(),
            method: String::new(),
            path_part: "projects/3187002/service-accounts".to_owned(),
            times: 99,
        };
        world.emulator.set_faults(Faults::one(when, What::Status(404)));
    };
    refuse();
    let steps = world.soft().await;
    let quarantine = of(&steps, "quarantine", "88124").clone();
    world.emulator.set_faults(Faults::default());
    let before = world.apply(&quarantine).await;
    assert_eq!(before["projects"].as_object().unwrap().len(), 2, "the second was found since: {before}");
    world.undo(&quarantine, &before).await;
    refuse();
    world.provider.look(&quarantine, &world.hand).await.unwrap_err();
    world.provider.prove(&quarantine, &world.hand).await.unwrap_err();
    world.emulator.set_faults(Faults::default());
    assert_eq!(world.look(&quarantine).await.state, before);
}

#[tokio::test]
async fn what_the_account_made_under_our_name_is_not_ours() {
    let mut tenant = Tenant::example(7);
    let mut trap = tenant.mixpanel.service_accounts[&88_123].clone();
    trap.username = "pc-c0ffee-88102.zzzzzz.mp-service-account".to_owned();
    tenant.mixpanel.service_accounts.insert(88_150, trap);
    let world = World::of(tenant, Switches::default(), nightly());
    let steps = world.soft().await;
    of(&steps, "quarantine", "88150");
    let replace = of(&steps, "replace", "88102");
    assert_eq!(world.look(replace).await.done, Some(false));
    world.apply(replace).await;
    assert_ne!(world.look(replace).await.result["id"], 88_150);
}

/// Whoever knows the day and the account can guess the name: who made it counts, where that is told.
#[tokio::test]
async fn what_somebody_else_made_under_our_name_is_planted_and_stops_no_replacement() {
    let mut tenant = Tenant::example(7);
    let bruno = tenant.mixpanel.members["bruno.brandt@acme.example"].id;
    let nightly_s = tenant.mixpanel.service_accounts[&NIGHTLY].user;
    for (id, creator) in [(88_150, bruno), (88_151, nightly_s)] {
        let mut trap = tenant.mixpanel.service_accounts[&88_123].clone();
        (trap.creator, trap.user) = (creator, id + 1_000_000);
        trap.username = format!("pc-c0ffee-88102.z{id}.mp-service-account");
        tenant.mixpanel.service_accounts.insert(id, trap);
    }
    let world = World::of(tenant, Switches::default(), nightly());
    let steps = world.soft().await;
    let cases = [("88150", "bruno.brandt@acme.example made it"), ("88151", "it was made with etl-nightly")];
    for (id, why) in cases {
        let step = of(&steps, "quarantine", id);
        assert!(step.why.contains(why), "{}", step.why);
    }
    let replace = of(&steps, "replace", "88102");
    assert_eq!(world.look(replace).await.done, Some(false));
    world.apply(replace).await;
    let made = world.look(replace).await.result["id"].to_string();
    assert!(made != "88150" && made != "88151" && made != "null", "{made}");
    let again = world.soft().await;
    assert!(again.iter().all(|step| step.object.id != made), "what we made is left alone: {again:?}");
}

#[tokio::test]
async fn access_through_a_team_is_said_and_keeps_the_proof_away() {
    let world = World::new(Switches::default(), vec![row("reverse", "reverse-etl", JANE, true)]);
    let found = world.discover().await;
    let guided = found.guided.iter().find(|step| step.id == "mixpanel/indirect-access/88103").unwrap();
    assert!(guided.required && guided.how.contains("through its team"), "{}", guided.how);
    let GuidedProof::Log { actions, .. } = &guided.proof else { panic!("by the log") };
    assert!(actions.contains(&"team.service_account_removed".to_owned()));
    for step in found.steps.iter().filter(|step| !step.commit) {
        world.apply(step).await;
    }
    let quarantine = of(&found.steps, "quarantine", "88103");
    assert_eq!(world.look(quarantine).await.done, Some(true));
    let Proof::Guided(why) = world.prove(quarantine).await else { panic!("proved") };
    assert!(why.contains("team"), "{why}");
    world.emulator.edit(|tenant| {
        tenant.mixpanel.teams.values_mut().for_each(|team| team.service_accounts.clear());
    });
    proved(world.prove(quarantine).await);
    assert!(!world.discover().await.guided.contains(guided));
}

#[tokio::test]
async fn an_old_credential_that_lingers_is_never_proved_dead_earlier() {
    let mut switches = Switches::default();
    switches.mixpanel.honour_old_ms = 2000;
    let world = World::new(switches, nightly());
    let steps = world.steps().await;
    let soft: Vec<Step> = steps.iter().filter(|step| !step.commit).cloned().collect();
    world.apply_all(&soft).await;
    for step in [of(&steps, "quarantine", "88102"), of(&steps, "delete", "88102")] {
        if step.commit {
            world.apply(step).await;
        }
        let removed = Instant::now();
        let mut asked = 0;
        loop {
            // The proof counts from before its own request.
            let age = removed.elapsed();
            match world.prove(step).await {
                Proof::Proved(how) => {
                    assert!(age > Duration::from_millis(1500), "{how} after {age:?}");
                    break;
                }
                Proof::NotYet(_) => asked += 1,
                // An account without a project may be refused with 403 for a while: that says nothing.
                Proof::Unknown(why) if why.contains("403") => asked += 1,
                Proof::Unknown(why) | Proof::Failed(why) | Proof::Guided(why) => panic!("{why}"),
            }
            assert!(age < Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(asked > 5, "{asked}");
    }
}

#[tokio::test]
async fn nothing_but_the_provider_s_own_refusal_is_death() {
    let world = World::new(Switches::default(), nightly());
    let steps = world.steps().await;
    world.apply_all(&steps).await;
    let delete = of(&steps, "delete", "88102");
    // The limit comes last, since it holds the whole instance.
    for what in
        [What::Status(403), What::Status(500), What::ResetBefore, What::NotJson, What::RateLimited(Some(60))]
    {
        let path_part = "/api/app/me".to_owned();
        let when =
            When::Match { service: "mixpanel".to_owned(), method: "GET".to_owned(), path_part, times: 99 };
        world.emulator.set_faults(Faults::one(when, what));
        let proof = world.provider.prove(delete, &world.hand).await;
        assert!(!matches!(proof, Ok(Proof::Proved(_))), "{what:?}: {proof:?}");
        world.emulator.set_faults(Faults::default());
    }
}

#[tokio::test]
async fn without_the_right_to_manage_people_are_told_what_to_do() {
    let world = World::new(Switches::default(), nightly());
    let refuse = |path: &str| {
        let (service, path_part) = ("mixpanel".to_owned(), path.to_owned());
        let when = When::Match { service, method: String::new(), path_part, times: 99 };
        world.emulator.set_faults(Faults::one(when, What::Status(403)));
    };
    refuse("service-accounts");
    let found = world.discover().await;
    let actions: Vec<&str> = found.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(actions, ["pause-pipeline", "pause-import"]);
    let unread = found.guided.iter().find(|step| step.id == "mixpanel/unread-service-accounts").unwrap();
    assert!(unread.required && unread.how.contains("the organization"), "{}", unread.how);
    assert!(found.notes.iter().any(|note| note.contains("403")), "{:?}", found.notes);
    let checks = world.provider.check().await;
    let of = |what: &str| checks.iter().find(|check| check.what.starts_with(what)).unwrap().state;
    assert_eq!((of("list service accounts"), of("list members")), (CheckState::Missing, CheckState::Works));

    refuse("projects/3187001/service-accounts");
    let found = world.discover().await;
    let unread = found.guided.iter().find(|step| step.id == "mixpanel/unread-service-accounts").unwrap();
    assert!(unread.how.contains("3187001"), "{}", unread.how);
    assert!(ids(&found.steps).contains(&"mixpanel/service-account/88124/quarantine"));
}

#[tokio::test]
async fn a_read_that_fails_is_no_empty_list() {
    let world = World::new(Switches::default(), nightly());
    for what in [What::Status(500), What::ResetBefore, What::NotJson, What::TruncatedBody] {
        let when = When::Match {
            service: "mixpanel".to_owned(),
            method: String::new(),
            path_part: "projects/3187002/service-accounts".to_owned(),
            times: 99,
        };
        world.emulator.set_faults(Faults::one(when, what));
        world.provider.discover(&world.target).await.expect_err(&format!("{what:?}"));
    }
}

#[tokio::test]
async fn doctor_says_what_works() {
    let world = World::new(Switches::default(), Vec::new());
    let checks = world.provider.check().await;
    assert!(checks.len() >= 7);
    assert!(checks.iter().all(|check| check.state == CheckState::Works), "{checks:?}");
}

#[tokio::test]
async fn no_secret_is_in_what_is_discovered() {
    let world = World::new(Switches::default(), nightly());
    let tenant = world.emulator.tenant();
    let mut found = format!("{:?}", world.discover().await);
    world.apply_all(&world.soft().await).await;
    found += &format!("{:?}", world.discover().await);
    let after = world.emulator.tenant();
    let accounts = tenant.mixpanel.service_accounts.values().chain(after.mixpanel.service_accounts.values());
    let projects = tenant.mixpanel.projects.values();
    let secrets = accounts
        .map(|account| &account.secret)
        .chain(projects.clone().map(|project| &project.token))
        .chain(projects.map(|project| &project.api_secret));
    let mut tried = 0;
    for secret in secrets {
        assert!(secret.len() > 8 && !found.contains(secret));
        tried += 1;
    }
    assert!(tried > 12);
}

#[tokio::test]
async fn without_makers_people_find_out() {
    let mut switches = Switches::default();
    switches.mixpanel.creator_names = false;
    switches.mixpanel.unpublished_routes = false;
    let world = World::new(switches, nightly());
    let found = world.discover().await;
    let step = found.guided.iter().find(|step| step.id.starts_with("mixpanel/unknown-makers/")).unwrap();
    assert!(
        step.required && step.how.contains("etl-sync") && step.how.contains("reverse-etl"),
        "{}",
        step.how
    );
    assert!(!step.how.contains("portcullis") && !step.how.contains("etl-nightly"), "{}", step.how);
    assert!(found.notes.iter().any(|note| note.contains("last owner")), "{:?}", found.notes);
    // What the inventory says is enough.
    of(&found.steps, "replace", "88102");
}

#[tokio::test]
async fn what_its_service_accounts_make_is_found_too() {
    let mut tenant = Tenant::example(7);
    let jane_s = tenant.mixpanel.service_accounts[&88_124].user;
    let nightly_s = tenant.mixpanel.service_accounts[&NIGHTLY].user;
    for (id, creator) in [(88_160, jane_s), (88_161, nightly_s)] {
        let mut account = tenant.mixpanel.service_accounts[&88_123].clone();
        (account.creator, account.user) = (creator, id + 1_000_000);
        account.username = format!("child{id}");
        tenant.mixpanel.service_accounts.insert(id, account);
    }
    let world = World::of(tenant, Switches::default(), nightly());
    let steps = world.steps().await;
    assert!(of(&steps, "quarantine", "88160").why.starts_with("the account made it"));
    let why = &of(&steps, "quarantine", "88161").why;
    assert!(why.starts_with("it was made with etl-nightly"), "{why}");
}

/// A credential makes a second one, and that a third: each works when the one before is gone.
#[tokio::test]
async fn what_was_made_with_a_known_credential_is_followed_to_its_end() {
    let mut tenant = Tenant::example(7);
    let mut maker = tenant.mixpanel.service_accounts[&NIGHTLY].user;
    for id in [88_163, 88_162, 88_161] {
        let mut account = tenant.mixpanel.service_accounts[&88_123].clone();
        (account.creator, account.user) = (maker, id + 1_000_000);
        account.username = format!("child{id}.abc.mp-service-account");
        maker = account.user;
        tenant.mixpanel.service_accounts.insert(id, account);
    }
    let last = tenant.mixpanel.service_accounts[&88_161].username.clone();
    let web = tenant.mixpanel.projects.get_mut(&3_187_001).unwrap();
    let mut import = web.imports[&9_001].clone();
    import.creator.clone_from(&last);
    web.imports.insert(9_003, import);
    let mut pipeline = web.pipelines["events-hourly-s3"].clone();
    pipeline.creator.clone_from(&last);
    web.pipelines.insert("again".to_owned(), pipeline);
    let inventory = [nightly(), vec![row("second", "child88162", "ada.abel@acme.example", true)]].concat();
    let world = World::of(tenant, Switches::default(), inventory);
    let steps = world.steps().await;
    let why = &of(&steps, "quarantine", "88161").why;
    assert!(why.contains("it was made with child88162") && why.contains("goes back to etl-nightly"), "{why}");
    // One that an integration uses has a successor, as everything that the account may know.
    assert_eq!(of(&steps, "replace", "88162").why, of(&steps, "put", "mixpanel/second").why);
    world.apply_all(&world.soft().await).await;
    let left = world.emulator.tenant().mixpanel;
    for id in [NIGHTLY, 88_163, 88_162, 88_161] {
        assert_eq!(left.service_accounts[&id].projects, BTreeMap::new(), "{id}");
    }
    let web = &left.projects[&3_187_001];
    assert!(web.imports[&9_003].paused && web.pipelines["again"].paused);
    assert!(!web.imports[&9_001].paused, "somebody else's");
    assert_eq!(left.service_accounts[&REVERSE].projects.len(), 1);
}

#[tokio::test]
async fn guards_and_the_tool_s_own_credential() {
    let mut tenant = Tenant::example(7);
    tenant.mixpanel.members.get_mut(JANE).unwrap().role = "owner".to_owned();
    for other in tenant.mixpanel.members.values_mut().filter(|member| member.name != "Jane Doe") {
        other.role = "admin".to_owned();
    }
    tenant.mixpanel.service_accounts.get_mut(&88_101).unwrap().creator = 500_002;
    let world = World::of(tenant, Switches::default(), nightly());
    let found = world.discover().await;
    assert_eq!(found.guards, [Guard::LastOwner { system: "mixpanel".into(), account: JANE.into() }]);
    assert!(found.guided.iter().any(|step| step.id == "mixpanel/own-credential" && step.required));
    assert!(!found.steps.iter().any(|step| step.object.id == "88101"));
    // An owner's role exposes what integrations use.
    assert!(of(&found.steps, "replace", "88102").why.contains("inventory"));
    let own = Target {
        email: world.emulator.tenant().mixpanel.service_accounts[&88_101].username.clone(),
        ..world.target
    };
    let guards = world.provider.discover(&own).await.unwrap().guards;
    assert!(matches!(guards[..], [Guard::OwnCredential { .. }]), "{guards:?}");
}

#[tokio::test]
async fn without_a_store_a_person_rotates() {
    let world = World::new(Switches::default(), vec![row("nightly", "88102", JANE, false)]);
    let found = world.discover().await;
    let step = found.guided.iter().find(|step| step.id == "mixpanel/rotate/88102").unwrap();
    assert!(step.required && step.how.contains("nightly on etl-1"), "{}", step.how);
    assert!(!found.steps.iter().any(|step| step.object.id == "88102"));
}

#[tokio::test]
async fn guided_steps_say_what_no_api_can() {
    let world = World::new(Switches::default(), nightly());
    let found = world.discover().await;
    let ids: Vec<(&str, bool)> =
        found.guided.iter().map(|step| (step.id.strip_prefix("mixpanel/").unwrap(), step.required)).collect();
    assert_eq!(
        ids,
        [
            ("export-audit-log", false),
            ("cancel-deletions", false),
            ("remove-member", true),
            ("project-access", false),
            ("end-sessions", true),
            ("api-secrets", true),
            ("json-pipelines", true),
            ("cohort-syncs", true),
            ("public-boards", true),
            ("project-tokens", false),
            ("mcp-off", false),
            ("consumer/nightly", false),
        ]
    );
    let member = &found.guided[2];
    let expected = GuidedProof::Log {
        actions: vec!["organization.user_removed".to_owned()],
        mentions: vec![JANE.to_owned()],
    };
    assert_eq!(member.proof, expected);
    assert_eq!(found.guided, world.discover().await.guided);
}

/// Nobody's word stands in for the list.
#[tokio::test]
async fn whoever_is_said_to_be_removed_and_is_listed_is_a_gap() {
    let mut world = World::new(Switches::default(), nightly());
    let gaps = async |world: &World| {
        let found = world.discover().await;
        let gaps = found.gaps.into_iter().filter(|gap| gap.what.contains("still listed"));
        gaps.map(|gap| gap.guided).collect::<Vec<_>>()
    };
    assert_eq!(gaps(&world).await, [], "it is for a person to do");
    world.target.read.done.insert("mixpanel/remove-member".to_owned());
    assert_eq!(gaps(&world).await, [None], "no attestation closes it");
    let emulator = &world.emulator;
    emulator.edit(|tenant| assert!(tenant.mixpanel.remove_member(JANE, 0)));
    assert_eq!(gaps(&world).await, []);
}

#[tokio::test]
async fn a_row_whose_service_account_is_not_found_is_paused_and_looked_for() {
    let mut lost = row("crm", "reverse-etl-before", "ada.abel@acme.example", false);
    lost.pause = Some(Pause { system: "census".to_owned(), flows: vec!["15135".to_owned()] });
    let mut world = World::new(Switches::default(), [nightly(), vec![lost]].concat());
    let rows = |found: &Discovery| {
        let ids = found.guided.iter().filter(|step| step.required).map(|step| step.id.clone());
        ids.filter(|id| id.starts_with("mixpanel/row/")).collect::<Vec<_>>()
    };
    let first = world.discover().await;
    assert_eq!(
        (rows(&first), ids(&first.elsewhere)),
        (vec!["mixpanel/row/crm".to_owned()], vec!["census/flow/15135/pause"])
    );
    assert!(first.notes.iter().any(|note| note.contains("names a service account that is not there")));
    // Who leaves stops nothing.
    let leaves = Target { ask: Ask::Leave, ..world.target.clone() };
    let found = world.provider.discover(&leaves).await.unwrap();
    assert_eq!((rows(&found), ids(&found.elsewhere)), (vec![], vec![]));
    // What was found, and was deleted since, was dealt with.
    world.target.read.memory = first.memory;
    world.emulator.edit(|tenant| drop(tenant.mixpanel.service_accounts.remove(&NIGHTLY)));
    assert_eq!(rows(&world.discover().await), ["mixpanel/row/crm"]);
    // Where nothing can be listed, nothing is found.
    let when = When::Match {
        service: "mixpanel".to_owned(),
        method: String::new(),
        path_part: "organizations/90210/service-accounts".to_owned(),
        times: 99,
    };
    world.emulator.set_faults(Faults::one(when, What::Status(403)));
    world.target.read.memory = Value::Null;
    assert_eq!(rows(&world.discover().await), ["mixpanel/row/nightly", "mixpanel/row/crm"]);
}

/// The log names neither the board nor what became of the pipeline as a proof would have to.
#[tokio::test]
async fn what_a_log_cannot_tell_is_vouched_for() {
    let mut tenant = Tenant::example(7);
    tenant.mixpanel.projects.values_mut().for_each(|project| project.pipelines.clear());
    let world = World::of(tenant, Switches::default(), nightly());
    let found = world.discover().await;
    for id in ["mixpanel/public-boards", "mixpanel/json-pipelines"] {
        let step = found.guided.iter().find(|step| step.id == id).unwrap();
        assert!(step.required && step.proof == GuidedProof::Attested, "{step:?}");
    }
}

/// The provider of pending deletions, with a person's token.
fn deletions(emulator: &Emulator, tracking: &[&str]) -> Box<dyn Provider> {
    let tenant = emulator.tenant();
    let (oauth, _) = tenant.mixpanel.oauth_tokens.first_key_value().unwrap();
    let http = Http {
        burst: 100,
        deadline: Duration::from_millis(300),
        backoff: Duration::from_millis(20),
        ..Http::new(emulator.base_url("mixpanel").parse().unwrap(), Auth::Bearer(oauth.clone().into()))
    };
    let tracking = tracking.iter().map(|&id| id.to_owned()).collect();
    let settings = [
        ("project-token", Setting::Text(tenant.mixpanel.projects[&3_187_001].token.clone())),
        ("tracking-ids", Setting::List(tracking)),
    ];
    let opening = Opening {
        name: "deletions".to_owned(),
        settings: Settings::from_iter(settings),
        transport: Transport::open(http).unwrap(),
        inventory: Vec::new().into(),
        default_store: None,
        disabling: BTreeSet::new(),
    };
    (kind("mixpanel-deletions").unwrap().open)(opening).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn a_pending_deletion_is_cancelled_and_a_started_one_is_said() {
    const ID: &str = "c0ffee00-4711";
    let world = World::new(Switches::default(), Vec::new());
    let provider = deletions(&world.emulator, &[ID, "c0ffee00-0000"]);
    let found = provider.discover(&world.target).await.unwrap();
    let [step] = &found.steps[..] else { panic!("{:?}", ids(&found.steps)) };
    assert_eq!((step.phase, found.notes.len()), (Phase::Preserve, 1));
    assert!(matches!(provider.prove(step, &world.hand).await.unwrap(), Proof::NotYet(_)));
    // One that is not found may be of another project, and go on.
    let [gap] = &found.gaps[..] else { panic!("{:?}", found.gaps) };
    let missing = found.guided.iter().find(|step| Some(&step.id) == gap.guided.as_ref()).unwrap();
    assert!(gap.what.contains("c0ffee00-0000") && missing.required, "{gap:?} {missing:?}");
    let leaves = Target { ask: Ask::Leave, ..world.target.clone() };
    assert_eq!(provider.discover(&leaves).await.unwrap().gaps, []);
    let misspelt = deletions(&world.emulator, &["c0ffee00-0000"]);
    assert_eq!(misspelt.check().await[0].state, CheckState::Unknown);

    let someone = Target { email: "ada@acme.example".into(), ..world.target.clone() };
    assert_eq!(provider.discover(&someone).await.unwrap().steps, []);

    let set = |status: &str| {
        world.emulator.edit(|tenant| {
            tenant.mixpanel.deletions.get_mut(ID).unwrap().status = status.to_owned();
        });
    };
    set("STARTED");
    let refused = provider.apply(step, &world.hand, "k").await.unwrap_err();
    assert_eq!(refused.status(), Some(405));
    let found = provider.discover(&world.target).await.unwrap();
    let guided: Vec<&str> = found.guided.iter().map(|step| step.id.as_str()).collect();
    let expected = ["deletions/support/c0ffee00-4711", "deletions/not-found/c0ffee00-0000"];
    assert_eq!((found.steps.len(), guided), (0, expected.to_vec()));
    assert!(found.notes.iter().any(|note| note.contains("evidence is being destroyed")), "{:?}", found.notes);

    set("PENDING");
    provider.apply(step, &world.hand, "k").await.unwrap();
    assert_eq!(provider.look(step, &world.hand).await.unwrap().done, Some(true));
    proved(provider.prove(step, &world.hand).await.unwrap());
    assert_eq!(provider.discover(&world.target).await.unwrap().steps, []);
    assert_eq!(world.emulator.tenant().mixpanel.deletions[ID].status, "REVOKED");
    assert_eq!(provider.check().await[0].state, CheckState::Works);
}

#[test]
fn a_credential_is_a_user_name_and_a_secret() {
    let auth = kind("mixpanel").unwrap().auth;
    for bad in ["", "c4n4ry", ":c4n4ry", "c4n4ry:"] {
        let error = auth(bad.to_owned().into()).unwrap_err().to_string();
        assert!(!error.contains("c4n4ry"), "{error}");
    }
    let Ok(Auth::Basic { username, secret }) = auth("sa.x.mp-service-account:a:b".to_owned().into()) else {
        panic!("not taken")
    };
    assert_eq!((username.as_str(), secret.expose_secret()), ("sa.x.mp-service-account", "a:b"));
}
