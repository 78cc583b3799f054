//! The vendor's side: projects, people, teams, service accounts and what belongs to them.

use std::collections::BTreeMap;

use super::mixpanel::{Deletion, Import, Member, Pipeline, Project, ServiceAccount, Session, State, Team};
use super::{LONG_AGO, Maker};
use crate::synth::people::{RESPONDER, VICTIM};

/// Id of the first project.
const FIRST_PROJECT: u64 = 3_187_001;
/// Id of the first person, who is the responder.
const FIRST_MEMBER: u64 = 500_001;
/// Id of the tool's own service account.
pub(super) const TOOL_ACCOUNT: u64 = 88_101;
/// Ids that are made later.
const LATER: u64 = 1_000_000;

const ROLES: [&str; 4] = ["owner", "admin", "analyst", "consumer"];
const PLACES: [&str; 6] = ["Web", "Mobile", "Billing", "Support", "Partner", "Marketing"];
const STAGES: [&str; 3] = ["Production", "Staging", "Test"];
const JOBS: [&str; 8] =
    ["etl-nightly", "reverse-etl", "dbt", "dashboards", "backup", "exports", "alerts", "enrichment"];
const TEAMS: [&str; 6] = ["Growth", "Mobile", "Data", "Product", "Agencies", "Support"];

impl Maker {
    pub(super) fn organization(&mut self) -> State {
        let mut state = State {
            organization_id: 90_210,
            organization_name: "Acme".to_owned(),
            next_id: LATER,
            ..State::default()
        };
        let projects = self.size.projects.clone();
        for id in (FIRST_PROJECT..).take(self.count(&projects).max(1)) {
            let project = self.project(id);
            state.projects.insert(id, project);
        }
        let ids: Vec<u64> = state.projects.keys().copied().collect();
        self.members(&mut state, &ids);
        self.accounts(&mut state, &ids);
        self.teams(&mut state, &ids);
        self.belongings(&mut state);
        for email in [RESPONDER, VICTIM, VICTIM].into_iter().take(if self.rng.one_in(2) { 2 } else { 3 }) {
            let session = Session { email: email.to_owned(), ..Session::default() };
            state.sessions.insert(self.draws.secret(), session);
        }
        if self.rng.one_in(2) {
            state.oauth_tokens.insert(self.draws.secret(), VICTIM.to_owned());
        }
        state
    }

    fn project(&mut self, id: u64) -> Project {
        let name =
            format!("{} {} {}", self.rng.word(&PLACES), self.rng.word(&STAGES), id - FIRST_PROJECT + 1);
        let default_role = self.rng.one_in(5).then(|| self.rng.word(&["analyst", "consumer"]).to_owned());
        let mut project = Project {
            name,
            token: self.draws.letters(32),
            api_secret: self.draws.secret(),
            default_role,
            ..Project::default()
        };
        if self.rng.one_in(3) {
            project.json_pipelines.insert("json-gcs".to_owned(), self.rng.one_in(4));
        }
        if self.rng.one_in(3) {
            project.cohort_syncs.insert("webhook".to_owned(), true);
        }
        for board in 0..self.rng.below(3) {
            project.boards.insert(5_120 + board, self.rng.one_in(5));
        }
        project
    }

    /// Roles in some of the projects.
    fn grants(&mut self, ids: &[u64], most: u64) -> BTreeMap<u64, String> {
        let count = self.rng.below(most + 1);
        (0..count)
            .filter_map(|_| {
                let id = *self.rng.pick(ids)?;
                Some((id, self.rng.word(&ROLES).to_owned()))
            })
            .collect()
    }

    fn members(&mut self, state: &mut State, ids: &[u64]) {
        let people: Vec<(String, String)> =
            self.people.iter().map(|person| (person.email.clone(), person.name.clone())).collect();
        for (number, (email, name)) in people.into_iter().enumerate() {
            let role = match number {
                0 | 2 => "owner",
                1 => self.rng.word(&["member", "member", "member", "admin", "owner"]),
                _ => self.rng.word(&["member", "member", "member", "member", "admin"]),
            };
            let member = Member {
                id: FIRST_MEMBER + number as u64,
                name,
                role: role.to_owned(),
                projects: self.grants(ids, 4),
                active: true,
            };
            state.members.insert(email, member);
        }
    }

    fn accounts(&mut self, state: &mut State, ids: &[u64]) {
        let tool = self.account("portcullis", TOOL_ACCOUNT, FIRST_MEMBER);
        let tool = ServiceAccount { role: Some("owner".to_owned()), ..tool };
        state.service_accounts.insert(TOOL_ACCOUNT, tool);
        let range = self.size.service_accounts.clone();
        for number in 0..self.count(&range) as u64 {
            let creator = match self.rng.below(3) {
                0 => FIRST_MEMBER + 1,
                _ => FIRST_MEMBER + self.rng.below(self.people.len() as u64),
            };
            let name = format!("{}-{}", self.rng.word(&JOBS), number + 1);
            let mut account = self.account(&name, TOOL_ACCOUNT + 1 + number, creator);
            account.projects = self.grants(ids, 4);
            account.role = self.rng.one_in(12).then(|| self.rng.word(&["admin", "owner"]).to_owned());
            account.expires = self.rng.one_in(6).then(|| "2027-12-31T00:00:00Z".to_owned());
            state.service_accounts.insert(TOOL_ACCOUNT + 1 + number, account);
        }
    }

    fn account(&mut self, name: &str, id: u64, creator: u64) -> ServiceAccount {
        ServiceAccount {
            username: format!("{name}.{}.mp-service-account", self.draws.letters(6)),
            secret: self.draws.secret(),
            creator,
            created: LONG_AGO.to_owned(),
            user: id + LATER,
            ..ServiceAccount::default()
        }
    }

    fn teams(&mut self, state: &mut State, ids: &[u64]) {
        let emails: Vec<String> = state.members.keys().cloned().collect();
        let accounts: Vec<u64> = state.service_accounts.keys().copied().skip(1).collect();
        let range = self.size.teams.clone();
        for number in 0..self.count(&range) {
            let base = TEAMS.get(number % TEAMS.len()).copied().unwrap_or_default();
            let round = number / TEAMS.len();
            let mut team = Team {
                name: if round == 0 { base.to_owned() } else { format!("{base} {}", round + 1) },
                projects: self.grants(ids, 3),
                ..Team::default()
            };
            for _ in 0..self.rng.below(5) {
                team.members.extend(self.rng.pick(&emails).cloned());
            }
            if self.rng.one_in(2) {
                team.members.insert(VICTIM.to_owned());
            }
            if self.rng.one_in(2) {
                team.service_accounts.extend(self.rng.pick(&accounts));
            }
            state.teams.insert(7_001 + number as u64, team);
        }
    }

    /// Pipelines, imports and a deletion, about a third of them of the compromised account.
    fn belongings(&mut self, state: &mut State) {
        let emails: Vec<String> = self.people.iter().map(|person| person.email.clone()).collect();
        let mut import_id = 9_000;
        for project in state.projects.values_mut() {
            for number in 0..self.rng.below(3) {
                let pipeline = Pipeline {
                    paused: self.rng.one_in(4),
                    frequency: self.rng.word(&["hourly", "daily"]).to_owned(),
                    destination: self
                        .rng
                        .word(&["s3://acme-lake", "s3://backup-eu-7", "gs://acme"])
                        .to_owned(),
                    creator: self.somebody(&emails),
                };
                project.pipelines.insert(format!("events-{number}"), pipeline);
            }
            for _ in 0..self.rng.below(3) {
                import_id += 1;
                let import = Import {
                    kind: self.rng.word(&["event_stream", "people", "groups"]).to_owned(),
                    source: 41 + self.rng.below(9),
                    paused: self.rng.one_in(4),
                    // On request or hourly.
                    run_every: self.rng.below(2) * 3_600_000_000_000,
                    creator: self.somebody(&emails),
                    created: LONG_AGO.to_owned(),
                };
                project.imports.insert(import_id, import);
            }
        }
        if self.rng.one_in(3) {
            let deletion = Deletion {
                project: FIRST_PROJECT,
                status: self.rng.word(&["PENDING", "STAGING", "STARTED"]).to_owned(),
                requested_by: VICTIM.to_owned(),
                requested: "2026-10-24T02:58:00".to_owned(),
                distinct_ids: vec!["u-1001".to_owned()],
            };
            state.deletions.insert(format!("{}-4711", self.draws.letters(8)), deletion);
        }
    }

    fn somebody(&mut self, emails: &[String]) -> String {
        if self.rng.one_in(3) {
            return VICTIM.to_owned();
        }
        self.rng.pick(emails).cloned().unwrap_or_default()
    }
}
