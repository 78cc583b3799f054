//! Held against the emulator's own truth: what the account could do is asked of the emulated tenant itself after each change,
//! never of the code that is tried here.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Duration;

use serde_json::json;
use url::Url;

use super::{Radius, Sources, Verdict, graph, radius, view};
use crate::config::Settings;
use crate::drill::emulator::mixpanel::{Mixpanel, Ui, sign_in};
use crate::drill::emulator::{
    Emulator, Faults, Moment, Request, Service, Setup, Size, Switches, Tenant, audit,
};
use crate::event::time::Timestamp;
use crate::governance::estate::Estate;
use crate::governance::matrix::{CredentialKind, matrix};
use crate::governance::members::{self, Members};
use crate::governance::trail::tests::trail;
use crate::governance::{sheet, trail};
use crate::lockdown::http::{self, Transport};
use crate::lockdown::provider::{Opening, Target, mixpanel};
use crate::synth::people::RESPONDER;
use crate::synth::rng::Rng;

const START: i64 = 1_780_000_000;
const ROLES: [&str; 4] = ["owner", "admin", "analyst", "consumer"];

/// What the emulator says of an account over its whole life.
#[derive(Debug, Default, PartialEq, Eq)]
struct Truth {
    /// Projects that it could see anything of, at any time.
    projects: BTreeSet<String>,
    /// Projects that it can see anything of now.
    now: BTreeSet<String>,
    /// Projects that it administered at any time.
    administered: BTreeSet<String>,
    /// It administered the organization at any time.
    organization: bool,
    /// Service accounts that it made, also by way of such ones.
    made: BTreeSet<String>,
    /// Service accounts whose maker has left, so that no list tells it.
    orphaned: BTreeSet<String>,
    /// Service accounts that are in a project that it administered.
    seen: BTreeSet<String>,
    exports: usize,
}

impl Truth {
    fn note(&mut self, tenant: &Tenant, account: &str) {
        let access = tenant.mixpanel.member_access(account).unwrap_or_default();
        self.now = access.projects.keys().map(u64::to_string).collect();
        self.projects.extend(self.now.clone());
        let administered = access.projects.keys().filter(|id| access.manages_project(**id));
        self.administered.extend(administered.map(u64::to_string));
        self.organization |= access.manages_organization();
    }

    fn finish(&mut self, tenant: &Tenant, account: &str, made_in_life: &BTreeSet<u64>) {
        let state = &tenant.mixpanel;
        let mut users: BTreeSet<u64> =
            state.members.get(account).map(|member| member.id).into_iter().collect();
        for id in state.service_accounts.keys() {
            if state
                .account_access(*id)
                .unwrap()
                .projects
                .keys()
                .any(|project| self.administered.contains(&project.to_string()))
            {
                self.seen.insert(id.to_string());
            }
        }
        self.made = made_in_life.iter().map(u64::to_string).collect();
        users.extend(made_in_life.iter().map(|id| state.service_accounts[id].user));
        loop {
            let before = self.made.len();
            for (id, made) in &state.service_accounts {
                if users.contains(&made.creator) && self.made.insert(id.to_string()) && *id != 88_101 {
                    users.insert(made.user);
                }
            }
            if self.made.len() == before {
                break;
            }
        }
        let known: BTreeSet<u64> = state
            .members
            .values()
            .map(|member| member.id)
            .chain(state.service_accounts.values().map(|account| account.user))
            .collect();
        let orphans = state.service_accounts.iter().filter(|(_, account)| !known.contains(&account.creator));
        self.orphaned = orphans.map(|(id, _)| id.to_string()).filter(|id| !self.made.contains(id)).collect();
    }
}

/// A tenant that lived for a while, and what a person could export of it.
struct Life {
    tenant: Tenant,
    setup: Setup,
    account: String,
    before: String,
    after: String,
    log: String,
    truth: Truth,
}

/// Every grant of a tenant, as the list of members that this project reads.
fn export(tenant: &Tenant) -> String {
    let state = &tenant.mixpanel;
    let mut rows = Vec::new();
    let mut row = |email: &str, grant: &str, project: String, team: &str, role: &str| {
        rows.push([email, grant, &project, team, role].map(str::to_owned).to_vec());
    };
    for (email, member) in &state.members {
        row(email, "organization", String::new(), "", &member.role);
        for (project, role) in &member.projects {
            row(email, "individual", project.to_string(), "", role);
        }
    }
    for team in state.teams.values() {
        for email in &team.members {
            row(email, "team", String::new(), &team.name, "");
        }
        for (project, role) in &team.projects {
            row("*", "team", project.to_string(), &team.name, role);
        }
    }
    for (id, project) in &state.projects {
        if let Some(role) = &project.default_role {
            row("*", "all-users", id.to_string(), "", role);
        }
    }
    sheet::csv(&["email", "grant", "project", "team", "role"], &rows)
}

fn live(seed: u64) -> Life {
    let (mut tenant, setup) = Tenant::generate(seed, &Size::small());
    let mut rng = Rng::new(seed ^ 0xb1a5);
    tenant.mixpanel.members.values_mut().for_each(|member| member.active = true);
    let emails: Vec<String> =
        tenant.mixpanel.members.keys().filter(|email| *email != RESPONDER).cloned().collect();
    let account = rng.pick(&emails).unwrap().clone();
    let before = export(&tenant);
    let mut truth = Truth::default();
    truth.note(&tenant, &account);
    let (switches, mut made) = (Switches::default(), BTreeSet::new());
    for step in 0..rng.between(5, 40) {
        let wall = Timestamp { nanos: (START + step * 3600) * 1_000_000_000, digits: 3 };
        let moment = Moment { now: Duration::from_secs(step.unsigned_abs()), wall, switches: &switches };
        let who = if rng.one_in(4) { rng.pick(&emails).unwrap().clone() } else { account.clone() };
        change(&mut tenant, &who, &mut rng, moment);
        truth.note(&tenant, &account);
        act(&mut tenant, &account, &mut rng, &moment, &mut made);
    }
    truth.exports = tenant
        .audit
        .iter()
        .filter(|entry| entry.actor.email == account && matrix().exports(&entry.action))
        .count();
    truth.finish(&tenant, &account, &made);
    // The emulator that lists them begins its time anew.
    tenant.mixpanel.service_accounts.values_mut().for_each(|made| made.listed_from_ms = 0);
    let log = audit::ndjson(&tenant.audit, tenant.mixpanel.organization());
    Life { before, after: export(&tenant), log, truth, account, setup, tenant }
}

/// A random change of somebody's access, by the responder.
fn change(tenant: &mut Tenant, who: &str, rng: &mut Rng, moment: Moment<'_>) {
    let projects: Vec<u64> = tenant.mixpanel.projects.keys().copied().collect();
    let teams: Vec<u64> = tenant.mixpanel.teams.keys().copied().collect();
    let project = *rng.pick(&projects).unwrap();
    let team = rng.pick(&teams).copied().unwrap_or_default();
    let role = rng.word(&ROLES);
    let mut ui = Ui::new(tenant, RESPONDER, "192.0.2.10", moment).unwrap();
    // What the page refuses changes nothing, and is not in the log.
    let _refused = match rng.below(16) {
        0 => ui.change_role(who, rng.word(&["member", "admin", "owner"])),
        1 | 2 => ui.change_role(who, "member"),
        3..=5 => ui.grant_project_access(who, project, role),
        6 => ui.revoke_project_access(who, project),
        7 => ui.grant_default_access(project, role),
        8 => ui.revoke_default_access(project),
        9 | 10 => ui.add_to_team(who, team),
        11 => ui.remove_from_team(who, team),
        12 => ui.grant_team(team, project, role),
        13 => ui.revoke_team(team, project),
        14 => ui.add_member(who, rng.word(&["member", "member", "admin"])),
        _ => ui.remove_member(who),
    };
}

/// Something that the account does itself: it makes a service account, or carries data out.
fn act(tenant: &mut Tenant, account: &str, rng: &mut Rng, moment: &Moment<'_>, made: &mut BTreeSet<u64>) {
    let access = tenant.mixpanel.member_access(account).unwrap_or_default();
    let Some((project, _)) = access.projects.first_key_value() else { return };
    if rng.one_in(3) {
        let actor =
            audit::Actor { email: account.to_owned(), name: String::new(), ip: "203.0.113.66".to_owned() };
        let project = Some((*project, tenant.mixpanel.projects[project].name.clone()));
        let (action, details) = ("event_export.downloaded".to_owned(), json!({"rows": 7}));
        tenant.audit.push(audit::Entry { nanos: moment.wall.nanos, actor, action, project, details });
    }
    let own = access.projects.keys().find(|id| access.manages_project(**id)).copied();
    if let Some(own) = own.filter(|_| rng.one_in(6)) {
        let cookie = sign_in(tenant, account, "203.0.113.66", moment).unwrap();
        let body = json!({"username": format!("x{}", rng.below(1_000_000)), "projects": [{"id": own, "role": "analyst"}]});
        let request = Request::new("POST", "/api/app/organizations/90210/service-accounts")
            .with_header("cookie", &format!("sessionid={cookie}"))
            .with_json(&body);
        let before: BTreeSet<u64> = tenant.mixpanel.service_accounts.keys().copied().collect();
        let answer = Mixpanel.handle(tenant, &request, moment);
        assert_eq!(answer.status, 201);
        made.extend(tenant.mixpanel.service_accounts.keys().filter(|id| !before.contains(id)));
    }
}

/// What the provider reads, over HTTP.
fn estate(life: &Life) -> Estate {
    let emulator = Emulator::start(life.tenant.clone(), Switches::default(), Faults::default()).unwrap();
    let (username, secret) = life.setup.service_account.clone();
    let base = Url::parse(&emulator.base_url("mixpanel")).unwrap();
    let auth = http::Auth::Basic { username, secret: secret.into() };
    let mut transport = http::Settings::new(base, auth);
    (transport.requests_per_second, transport.burst) = (1000.0, 1000);
    let config = format!(
        "[provider.mixpanel]\nbase-url = '{0}'\ndata-url = '{0}'\norganization = 90210\ncredential = 'env:X'",
        emulator.base_url("mixpanel")
    );
    let config =
        crate::config::Config::parse("p".as_ref(), config.as_bytes(), crate::lockdown::open::catalog());
    let settings: Settings = config.unwrap().providers[0].settings.clone();
    let opening = Opening {
        name: "mixpanel".to_owned(),
        settings,
        transport: Transport::open(transport).unwrap(),
        inventory: Vec::new().into(),
        default_store: None,
        disabling: BTreeSet::new(),
    };
    let provider = (mixpanel::KIND.open)(opening).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let discovery = runtime.block_on(provider.discover(&Target::new(&life.account, "t"))).unwrap();
    assert!(emulator.requests().iter().all(|request| request.method == "GET"), "reads alone");
    let mut estate = Estate::default();
    estate.add(&discovery.snapshot).unwrap();
    estate
}

fn read_log(log: &str, estate: &Estate) -> trail::Trail {
    let mut file = tempfile::Builder::new().suffix(".ndjson").tempfile().unwrap();
    file.write_all(log.as_bytes()).unwrap();
    let change = |config: &mut crate::scan::Config| {
        config.threads = 1;
        config.source = Some("mixpanel-audit".to_owned());
    };
    trail(&[file.path()], &estate.projects, change)
}

fn ids(radius: &Radius, kind: CredentialKind, verdicts: &[Verdict]) -> BTreeSet<String> {
    let found =
        radius.credentials.iter().filter(|found| found.kind == kind && verdicts.contains(&found.rotate));
    found.map(|found| found.id.clone()).collect()
}

const MUST: &[Verdict] = &[Verdict::Must];
const ANY: &[Verdict] = &[Verdict::Must, Verdict::UnlessRuledOut, Verdict::Advised];

/// With a list from before the log and one of now: exactly the truth.
fn exact(seed: u64, radius: &Radius, truth: &Truth) {
    let reached: BTreeSet<String> = radius.projects.iter().map(|project| project.id.clone()).collect();
    assert_eq!(reached, truth.projects, "seed {seed}: projects");
    let now: BTreeSet<String> =
        radius.projects.iter().filter(|project| project.now).map(|project| project.id.clone()).collect();
    assert_eq!(now, truth.now, "seed {seed}: projects now");
    assert_eq!(ids(radius, CredentialKind::ApiSecret, ANY), truth.administered, "seed {seed}: API secrets");
    assert_eq!(ids(radius, CredentialKind::ApiSecret, MUST), truth.administered, "seed {seed}: API secrets");
    let tokens = ids(radius, CredentialKind::ProjectToken, &[Verdict::Advised]);
    assert_eq!(tokens, truth.administered, "seed {seed}: tokens");
    let accounts: BTreeSet<String> = truth.made.union(&truth.seen).cloned().collect();
    assert_eq!(ids(radius, CredentialKind::ServiceAccount, MUST), accounts, "seed {seed}: service accounts");
    let doubtful: BTreeSet<String> = truth.orphaned.difference(&accounts).cloned().collect();
    let told = ids(radius, CredentialKind::ServiceAccount, &[Verdict::UnlessRuledOut]);
    assert_eq!(told, doubtful, "seed {seed}: service accounts of which nobody tells who made them");
    let made = radius.credentials.iter().filter(|found| found.made).map(|found| found.id.clone());
    assert_eq!(made.collect::<BTreeSet<_>>(), truth.made, "seed {seed}: made");
    assert_eq!(
        !ids(radius, CredentialKind::ScimToken, ANY).is_empty(),
        truth.organization,
        "seed {seed}: organization"
    );
    assert_eq!(
        radius.exports.iter().filter(|export| export.actor == radius.account).count(),
        truth.exports,
        "seed {seed}: exports"
    );
    assert!(radius.gaps.is_empty(), "seed {seed}: {:?}", radius.gaps);
    assert!(radius.credentials.iter().all(|found| !found.reasons.is_empty() && !found.action.is_empty()));
}

/// With less: nothing is called certain that is not, and nothing is left out.
fn safe(seed: u64, radius: &Radius, truth: &Truth) {
    let accounts: BTreeSet<String> = truth.made.union(&truth.seen).cloned().collect();
    for (kind, true_ones) in
        [(CredentialKind::ApiSecret, &truth.administered), (CredentialKind::ServiceAccount, &accounts)]
    {
        let (certain, all) = (ids(radius, kind, MUST), ids(radius, kind, ANY));
        assert!(certain.is_subset(true_ones), "seed {seed}: {kind:?}: {certain:?} of {true_ones:?}");
        assert!(true_ones.is_subset(&all), "seed {seed}: {kind:?}: {true_ones:?} in {all:?}");
    }
}

#[test]
fn the_blast_radius_is_what_the_emulator_says_for_300_accounts() {
    let (mut administered, mut made, mut left) = (0, 0, 0);
    for seed in 0..300 {
        let life = live(seed);
        let estate = estate(&life);
        let log = read_log(&life.log, &estate);
        let list = |text: &str| -> Members { members::read(text.as_bytes()).unwrap() };
        let (before, after) = (list(&life.before), list(&life.after));
        let sources = Sources {
            account: &life.account,
            estate: &estate,
            members: Some(&after),
            before: Some(&before),
            trail: Some(&log),
            inventory: &[],
            scim: false,
        };
        let whole = radius(&sources, matrix());
        exact(seed, &whole, &life.truth);
        exact(seed, &radius(&Sources { members: None, ..sources }, matrix()), &life.truth);
        safe(seed, &radius(&Sources { before: None, ..sources }, matrix()), &life.truth);
        let bare = radius(&Sources { before: None, members: None, ..sources }, matrix());
        safe(seed, &bare, &life.truth);
        administered += usize::from(!life.truth.administered.is_empty());
        made += usize::from(!life.truth.made.is_empty());
        left += usize::from(life.truth.now.is_empty() && !life.truth.projects.is_empty());
    }
    assert!(
        administered > 100 && made > 30 && left > 10,
        "{administered} {made} {left}: the lives are varied"
    );
}

#[test]
fn hostile_names_are_harmless_in_every_output_and_exact_in_json() {
    let hostile = "\u{1b}[2J\u{202e}=cmd|'/c calc'!A1<script>";
    let member = format!(
        "email,name,grant,project,team,role\nx@y,,organization,,,member\nx@y,,team,7,\"{hostile}\",admin\n"
    );
    let members = members::read(member.as_bytes()).unwrap();
    let projects = BTreeMap::from([("7".to_owned(), hostile.to_owned())]);
    let estate = Estate { projects, ..Estate::default() };
    let sources = Sources {
        account: "x@y",
        estate: &estate,
        members: Some(&members),
        before: None,
        trail: None,
        inventory: &[],
        scim: false,
    };
    let found = radius(&sources, matrix());
    let text = view::text(&found);
    assert!(!text.contains(['\u{1b}', '\u{202e}']) && text.contains(r"\u{1b}[2J\u{202e}"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&view::json(&found)).unwrap();
    assert_eq!(json["projects"][0]["name"], format!("{hostile} (7)"));
    assert_eq!(json["projects"][0]["roles"][0]["team"], hostile);
    let scene = graph::scene(&found);
    let svg = crate::timeline::page::svg(&scene, "x").unwrap();
    assert!(!svg.contains("<script") && !svg.contains(['\u{1b}', '\u{202e}']), "{svg}");
    assert_eq!(view::json(&found), view::json(&radius(&sources, matrix())), "the same bytes each time");
    assert_eq!(svg, crate::timeline::page::svg(&graph::scene(&found), "x").unwrap());
}

#[test]
fn what_an_account_did_outweighs_what_lists_say() {
    let listed = "email,role\nx@y,member\n";
    let members = members::read(listed.as_bytes()).unwrap();
    let estate = Estate::default();
    let line = |action: &str, project: u32| {
        format!(
            r#"{{"date_time":"2026-06-01T00:00:00Z","user":{{"email":"X@y"}},"action":"{action}","ip_address":"192.0.2.1","project":{{"id":{project},"name":"P"}},"details":{{}}}}"#
        )
    };
    let acts = [
        line("board.created", 7),
        line("data_pipeline.created", 8),
        line("board.created", 8),
        line("session.logged_in", 9),
    ];
    let log = read_log(&(acts.join("\n") + "\n"), &estate);
    let sources = Sources {
        account: "x@y",
        estate: &estate,
        members: Some(&members),
        before: None,
        trail: Some(&log),
        inventory: &[],
        scim: false,
    };
    let found = radius(&sources, matrix());
    let secrets: Vec<(&str, Verdict)> = found
        .credentials
        .iter()
        .filter(|found| found.kind == CredentialKind::ApiSecret)
        .map(|found| (found.name.as_str(), found.rotate))
        .collect();
    assert_eq!(secrets, [("P (8)", Verdict::Must), ("P (7)", Verdict::UnlessRuledOut)]);
    let told = found.gaps.iter().filter(|gap| gap.contains("no grant that is known allows it")).count();
    assert_eq!(told, 2, "{:?}", found.gaps);
}
