//! A small organisation with a compromised collaborator in it.

use std::collections::{BTreeMap, BTreeSet};

use super::state::{Deletion, Import, Member, Pipeline, Project, ServiceAccount, Session, State, Team};
use crate::drill::emulator::draws::Draws;
use crate::synth::people::{PROJECTS, RESPONDER, VICTIM};

/// Role in the organisation of somebody who has none above the plain one.
const PLAIN: &str = "member";
/// Id of the first project, used in grants.
const WEB: u64 = 3_187_001;
/// Service accounts that consumers use: the example of a secret store holds their credentials.
pub(in crate::drill::emulator) const USED: [u64; 2] = [88_102, 88_103];
/// Id of the second project.
const MOBILE: u64 = 3_187_002;

impl State {
    /// One organisation, three projects, six people; `jane@agency.example` has made two service accounts, an import, a
    /// pipeline and a deletion, and could see the secret of `etl-nightly`. `portcullis` is the tool's own account.
    pub fn example(draws: &mut Draws) -> Self {
        let mut state = Self {
            organization_id: 90_210,
            organization_name: "Acme".to_owned(),
            next_id: 88_200,
            ..Self::default()
        };
        for (id, name) in PROJECTS {
            // Every SDK carries the token: it is no secret.
            let (token, api_secret) = (draws.letters(32), draws.secret());
            let project = Project { name: name.to_owned(), token, api_secret, ..Project::default() };
            state.projects.insert(u64::from(id), project);
        }
        people(&mut state);
        accounts(&mut state, draws);
        belongings(&mut state);
        for email in [RESPONDER, VICTIM] {
            let session = Session { email: email.to_owned(), ..Session::default() };
            state.sessions.insert(draws.secret(), session);
        }
        state.oauth_tokens.insert(draws.secret(), RESPONDER.to_owned());
        state
    }
}

fn people(state: &mut State) {
    let grants = |list: &[(u64, &str)]| -> BTreeMap<u64, String> {
        list.iter().map(|(id, role)| (*id, (*role).to_owned())).collect()
    };
    let people = [
        (RESPONDER, "Ada Abel", "owner", grants(&[])),
        (VICTIM, "Jane Doe", PLAIN, grants(&[(WEB, "admin"), (MOBILE, "admin")])),
        ("bruno.brandt@acme.example", "Bruno Brandt", "owner", grants(&[])),
        ("chiara.costa@acme.example", "Chiara Costa", "admin", grants(&[])),
        ("dmitri.dietz@acme.example", "Dmitri Dietz", PLAIN, grants(&[(WEB, "analyst")])),
        ("elif.eriksen@acme.example", "Elif Eriksen", PLAIN, grants(&[(MOBILE, "consumer")])),
    ];
    for (id, (email, name, role, projects)) in (500_001..).zip(people) {
        let member = Member { id, name: name.to_owned(), role: role.to_owned(), projects, active: true };
        state.members.insert(email.to_owned(), member);
    }
    let growth = Team {
        name: "Growth".to_owned(),
        members: [VICTIM, "dmitri.dietz@acme.example"].map(str::to_owned).into(),
        service_accounts: BTreeSet::from([88_103]),
        projects: grants(&[(WEB, "analyst")]),
    };
    let mobile = Team {
        name: "Mobile".to_owned(),
        members: ["elif.eriksen@acme.example".to_owned()].into(),
        service_accounts: BTreeSet::new(),
        projects: grants(&[(MOBILE, "analyst")]),
    };
    state.teams.extend([(7_001, growth), (7_002, mobile)]);
    if let Some(staging) = state.projects.get_mut(&3_187_003) {
        staging.default_role = Some("consumer".to_owned());
    }
}

/// Id, name, role in the organisation, roles in projects, maker.
type Row = (u64, &'static str, Option<&'static str>, &'static [(u64, &'static str)], u64);

fn accounts(state: &mut State, draws: &mut Draws) {
    let (ada, jane) = (500_001, 500_002);
    let accounts: [Row; 5] = [
        (88_101, "portcullis", Some("owner"), &[], ada),
        (88_102, "etl-nightly", None, &[(WEB, "analyst"), (MOBILE, "analyst")], ada),
        (88_103, "reverse-etl", None, &[(MOBILE, "consumer")], ada),
        (88_123, "etl-sync", None, &[(WEB, "admin")], jane),
        (88_124, "backup-job", None, &[(WEB, "analyst"), (MOBILE, "admin")], jane),
    ];
    for (id, name, role, projects, creator) in accounts {
        let account = ServiceAccount {
            username: format!("{name}.{}.mp-service-account", draws.letters(6)),
            secret: draws.secret(),
            role: role.map(str::to_owned),
            projects: projects.iter().map(|(id, role)| (*id, (*role).to_owned())).collect(),
            creator,
            created: "2026-10-24T01:40:00Z".to_owned(),
            user: id + 1_000_000,
            ..ServiceAccount::default()
        };
        state.service_accounts.insert(id, account);
    }
}

fn belongings(state: &mut State) {
    let pipeline = |creator: &str, destination: &str| Pipeline {
        paused: false,
        frequency: "hourly".to_owned(),
        destination: destination.to_owned(),
        creator: creator.to_owned(),
    };
    let import = |creator: &str, paused| Import {
        kind: "event_stream".to_owned(),
        source: 41,
        paused,
        run_every: 3_600_000_000_000,
        creator: creator.to_owned(),
        created: "2026-09-01T08:00:00Z".to_owned(),
    };
    if let Some(web) = state.projects.get_mut(&WEB) {
        web.pipelines.insert("events-hourly-s3".to_owned(), pipeline(VICTIM, "s3://backup-eu-7"));
        web.imports.extend([(9_001, import(RESPONDER, false)), (9_002, import(VICTIM, false))]);
        web.json_pipelines.insert("json-gcs".to_owned(), false);
        web.cohort_syncs.insert("webhook".to_owned(), true);
        web.boards.extend([(5_120, true), (5_121, false)]);
    }
    let deletion = Deletion {
        project: WEB,
        status: "PENDING".to_owned(),
        requested_by: VICTIM.to_owned(),
        requested: "2026-10-24T02:58:00".to_owned(),
        distinct_ids: vec!["u-1001".to_owned(), "u-1002".to_owned()],
    };
    state.deletions.insert("c0ffee00-4711".to_owned(), deletion);
}
