//! The identity provider, and the directory that it or somebody else feeds.

use super::okta::{ApiToken, App, Assignment, Grant, Group, Role, Rule, State, Status, User};
use super::scim::{self, User as DirectoryUser};
use super::{LONG_AGO, Maker, mixpanel};
use crate::synth::people::{RESPONDER, VICTIM};

/// Whose API token the tool has: an administrator who is no member at the vendor.
pub(super) const AUTOMATION: &str = "okta-automation@acme.example";
/// Name of the tool's API token.
pub(super) const TOOL_TOKEN: &str = "portcullis";

/// Ids of groups.
struct Groups {
    everyone: String,
    directory: String,
    users: String,
    ruled: String,
    other: String,
}

/// Where an account may be in its life when the incident begins; mostly in use.
const STATUSES: [Status; 12] = [
    Status::Active,
    Status::Active,
    Status::Active,
    Status::Active,
    Status::Active,
    Status::Active,
    Status::Suspended,
    Status::LockedOut,
    Status::PasswordExpired,
    Status::Recovery,
    Status::Provisioned,
    Status::Deprovisioned,
];

impl Maker {
    /// `provisions`: the application keeps the directory up to date.
    pub(super) fn identity(&mut self, provisions: bool) -> State {
        let mut state = State::default();
        let people: Vec<(String, String, String)> = self
            .people
            .iter()
            .map(|person| (person.id.clone(), person.email.clone(), person.name.clone()))
            .collect();
        for (id, email, name) in people {
            // A collaborator need not be here at all.
            if email != VICTIM || !self.rng.one_in(12) {
                let user = self.person(&email, &name);
                state.users.insert(id, user);
            }
        }
        let automation = self.id("00u");
        let mut user = self.person(AUTOMATION, "Okta Automation");
        user.roles.insert(self.id("ra1"), role("SUPER_ADMIN"));
        state.users.insert(automation.clone(), user);
        let groups = self.groups(&mut state);
        self.apps(&mut state, &groups, provisions);
        self.tokens(&mut state, &automation);
        self.victim(&mut state, &groups);
        state
    }

    fn person(&mut self, email: &str, name: &str) -> User {
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        let mut user = User {
            login: email.to_owned(),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            status_changed: LONG_AGO.to_owned(),
            created: LONG_AGO.to_owned(),
            ..User::default()
        };
        for _ in 0..self.rng.below(3) {
            user.sessions.insert(self.id("102"));
            user.devices.insert(self.id("guo"));
        }
        for _ in 0..self.rng.below(3) {
            let client = self.rng.word(&["cli", "calendar", "notebook"]).to_owned();
            user.oauth_tokens.insert(self.id("oar"), client.clone());
            user.grants.insert(self.id("oag"), Grant { client, scope: "okta.users.read".to_owned() });
        }
        let kind = match email {
            RESPONDER => Some("SUPER_ADMIN"),
            VICTIM if self.rng.one_in(3) => {
                Some(self.rng.word(&["ORG_ADMIN", "USER_ADMIN", "APP_ADMIN", "READ_ONLY_ADMIN"]))
            }
            _ => None,
        };
        if let Some(kind) = kind {
            user.roles.insert(self.id("ra1"), role(kind));
        }
        user
    }

    fn groups(&mut self, state: &mut State) -> Groups {
        let mut group = |name: &str, kind: &str| {
            let id = self.id("00g");
            let group = Group { name: name.to_owned(), kind: kind.to_owned(), ..Group::default() };
            state.groups.insert(id.clone(), group);
            id
        };
        let groups = Groups {
            everyone: group("Everyone", "BUILT_IN"),
            directory: group("Directory People", "APP_GROUP"),
            users: group("Mixpanel Users", "OKTA_GROUP"),
            ruled: group("Agencies", "OKTA_GROUP"),
            other: group("Newsletter", "OKTA_GROUP"),
        };
        let rule = Rule {
            name: "Agencies by domain".to_owned(),
            expression: "String.stringContains(user.login, \"@agency.example\")".to_owned(),
            groups: [groups.ruled.clone()].into(),
            active: true,
            ..Rule::default()
        };
        state.rules.insert(self.id("0pr"), rule);
        let people: Vec<(String, bool)> =
            state.users.iter().map(|(id, user)| (id.clone(), user.login == VICTIM)).collect();
        for (id, is_victim) in people {
            join(state, &groups.everyone, &id, None);
            if !is_victim {
                join(state, &groups.users, &id, None);
            }
            if self.rng.one_in(3) {
                join(state, &groups.other, &id, None);
            }
            if self.rng.one_in(4) {
                join(state, &groups.directory, &id, None);
            }
        }
        groups
    }

    fn apps(&mut self, state: &mut State, groups: &Groups, provisions: bool) {
        let mut app = App {
            name: "mixpanel".to_owned(),
            label: "Mixpanel".to_owned(),
            groups: [groups.users.clone()].into(),
            provisions,
            ..App::default()
        };
        if self.rng.one_in(3) {
            app.groups.insert(groups.ruled.clone());
        }
        state.apps.insert(self.id("0oa"), app);
        let wiki = App { name: "wiki".to_owned(), label: "Wiki".to_owned(), ..App::default() };
        let wiki = App { groups: [groups.everyone.clone()].into(), ..wiki };
        state.apps.insert(self.id("0oa"), wiki);
    }

    fn tokens(&mut self, state: &mut State, automation: &str) {
        let mut owners = vec![(automation.to_owned(), TOOL_TOKEN.to_owned())];
        let people: Vec<(String, bool)> =
            state.users.iter().map(|(id, user)| (id.clone(), user.login == VICTIM)).collect();
        for (id, is_victim) in people {
            let most = if is_victim { 4 } else { 2 };
            let count = self.rng.below(most);
            owners.extend((0..count).map(|number| (id.clone(), format!("script-{number}"))));
        }
        for (user, name) in owners {
            let secret = self.draws.secret();
            let token = ApiToken { secret, name, user, created: LONG_AGO.to_owned() };
            state.tokens.insert(self.id("00T"), token);
        }
    }

    /// How the compromised account comes to the application, and where it is in its life.
    fn victim(&mut self, state: &mut State, groups: &Groups) {
        let Some(id) = state.find(VICTIM).map(|(id, _)| id.to_owned()) else { return };
        let rule = state.rules.keys().next().cloned();
        if self.rng.one_in(2)
            && let Some(rule) = rule
        {
            state.rules.values_mut().for_each(|rule| rule.fits = [id.clone()].into());
            join(state, &groups.ruled, &id, Some(&rule));
        }
        let way = self.rng.below(8);
        if way < 5 {
            join(state, &groups.users, &id, None);
        }
        if matches!(way, 4..7) {
            let assignment = Assignment { user_name: VICTIM.to_owned(), profile: state.mapped_profile(&id) };
            if let Some(app) = state.apps.values_mut().find(|app| app.name == "mixpanel") {
                app.users.insert(id.clone(), assignment);
            }
        }
        let status = self.rng.pick(&STATUSES).copied().unwrap_or_default();
        if status == Status::Deprovisioned {
            bereave(state, &id);
        }
        if let Some(user) = state.users.get_mut(&id) {
            user.status = status;
        }
    }

    /// The directory: everybody of a claimed domain.
    pub(super) fn directory(
        &mut self,
        claimed: bool,
        mixpanel: &mixpanel::State,
        okta: &State,
    ) -> scim::State {
        let mut state = scim::State { token: self.draws.secret(), ..scim::State::default() };
        state.claimed_domains.insert("acme.example".to_owned());
        if claimed {
            state.claimed_domains.insert("agency.example".to_owned());
        }
        let app = okta.mixpanel_app();
        for (email, member) in &mixpanel.members {
            if !state.claims(email) {
                continue;
            }
            let assigned = app
                .zip(okta.find(email))
                .is_some_and(|((app, _), (user, _))| okta.assignment(app, user).is_some());
            let mut user = DirectoryUser {
                user_name: email.clone(),
                active: assigned || app.is_none_or(|(_, app)| !app.provisions),
                version: 1,
                created: LONG_AGO.to_owned(),
                modified: LONG_AGO.to_owned(),
                ..DirectoryUser::default()
            };
            user.attributes.insert("displayName".to_owned(), member.name.clone().into());
            state.users.insert(self.draws.letters(20), user);
        }
        for team in mixpanel.teams.values() {
            if self.rng.one_in(2) {
                let members =
                    team.members.iter().filter_map(|email| state.find(email)).map(str::to_owned).collect();
                let group = scim::Group {
                    display_name: team.name.clone(),
                    members,
                    version: 1,
                    created: LONG_AGO.to_owned(),
                    modified: LONG_AGO.to_owned(),
                };
                state.groups.insert(self.draws.letters(20), group);
            }
        }
        state
    }
}

fn role(kind: &str) -> Role {
    Role { kind: kind.to_owned(), ..Role::default() }
}

fn join(state: &mut State, group: &str, user: &str, rule: Option<&str>) {
    if let Some(group) = state.groups.get_mut(group) {
        group.members.insert(user.to_owned(), rule.map(str::to_owned));
    }
}

/// Who is gone has nothing left.
fn bereave(state: &mut State, id: &str) {
    for group in state.groups.values_mut().filter(|group| group.kind != "BUILT_IN") {
        group.members.remove(id);
    }
    state.apps.values_mut().for_each(|app| {
        app.users.remove(id);
    });
    state.rules.values_mut().for_each(|rule| {
        rule.fits.remove(id);
    });
    state.tokens.retain(|_, token| token.user != id);
    if let Some(user) = state.users.get_mut(id) {
        user.sessions.clear();
        user.devices.clear();
        user.grants.clear();
        user.oauth_tokens.clear();
        user.roles.clear();
    }
}
