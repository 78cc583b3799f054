//! Who gets in: the responders' own credential, and what an account and whoever took it over can still use.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{State, auth, roles};
use crate::drill::emulator::{Client, Moment, Request, Tenant};

/// How the service account of the responders' tool is called.
const TOOL: &str = "portcullis";

pub(super) fn client(tenant: &Tenant, base: &str) -> Option<Client> {
    let state = &tenant.mixpanel;
    let manages = |role: &Option<String>| role.as_deref().is_some_and(roles::manages);
    let mut accounts = state.service_accounts.values();
    let tool = accounts.find(|account| account.username.starts_with(TOOL) && manages(&account.role))?;
    let settings = vec![
        ("organization", state.organization_id.to_string()),
        ("data-url", format!("\"{base}\"")),
        ("scim", tenant.scim.claims(&tenant.attacker.email).to_string()),
    ];
    Some(Client { path: "", credential: format!("{}:{}", tool.username, tool.secret), settings })
}

/// For the project of the first deletion that waits: the token of a person who is not the account, where there is one.
pub(super) fn deletions_client(tenant: &Tenant) -> Option<Client> {
    let (state, email) = (&tenant.mixpanel, &tenant.attacker.email);
    let theirs =
        |deletion: &&super::Deletion| deletion.requested_by == *email && deletion.status == "PENDING";
    let project = state.deletions.values().find(theirs)?.project;
    let reaches = |owner: &String| {
        let access = state.member_access(owner).filter(|_| owner != email);
        access.is_some_and(|access| access.projects.contains_key(&project))
    };
    let (token, _) = state.oauth_tokens.iter().find(|(_, owner)| reaches(owner))?;
    let waiting =
        state.deletions.iter().filter(|(_, deletion)| theirs(deletion) && deletion.project == project);
    let waiting: Vec<&String> = waiting.map(|(tracking, _)| tracking).collect();
    let project_token = &state.projects.get(&project)?.token;
    let settings =
        vec![("project-token", format!("{project_token:?}")), ("tracking-ids", format!("{waiting:?}"))];
    Some(Client { path: "", credential: token.clone(), settings })
}

/// The person, its sessions and tokens, and the credentials that the attacker knows, tried one by one.
pub(super) fn ways_in(tenant: &Tenant, email: &str, moment: &Moment<'_>) -> Vec<String> {
    let state = &tenant.mixpanel;
    let mut ways = Vec::new();
    if state.member_access(email).is_some() {
        ways.push("mixpanel: the person is an active member".to_owned());
    }
    let session =
        |of: &&super::Session| of.email == email && of.ends_ms.is_none_or(|end| moment.millis() < end);
    if state.sessions.values().any(|of| session(&of)) {
        ways.push("mixpanel: a session of the person works".to_owned());
    }
    if state.oauth_tokens.values().any(|owner| owner == email) && state.member_access(email).is_some() {
        ways.push("mixpanel: an OAuth token of the person works".to_owned());
    }
    ways.extend(credentials(tenant, email).into_iter().filter_map(|(username, secret)| {
        works(tenant, &username, &secret, moment).then(|| format!("mixpanel: the secret of {username} works"))
    }));
    ways.extend(feeds(state, email));
    ways
}

/// Usernames and secrets that the attacker knows, and those of every service account that the account made.
fn credentials(tenant: &Tenant, email: &str) -> Vec<(String, String)> {
    let state = &tenant.mixpanel;
    let known = tenant.attacker.email == email;
    let known = tenant.attacker.service_accounts.iter().filter(|_| known).cloned();
    let user = state.members.get(email).map(|member| member.id);
    let made = state.service_accounts.values().filter(|account| Some(account.creator) == user);
    let made = made.map(|account| (account.username.clone(), account.secret.clone()));
    let mut all: Vec<_> = known.chain(made).collect();
    all.sort();
    all.dedup();
    all
}

/// Whether a credential opens any project, or the organisation.
fn works(tenant: &Tenant, username: &str, secret: &str, moment: &Moment<'_>) -> bool {
    let pair = STANDARD.encode(format!("{username}:{secret}"));
    let request = Request::new("GET", "/api/app/me").with_header("authorization", &format!("Basic {pair}"));
    let caller = auth::caller(&mut tenant.clone(), &request, moment);
    caller.is_ok_and(|caller| !caller.access.projects.is_empty() || caller.access.manages_organization())
}

/// What the account made and still carries data out or in.
fn feeds(state: &State, email: &str) -> Vec<String> {
    let mut feeds = Vec::new();
    for (id, project) in &state.projects {
        let pipelines =
            project.pipelines.iter().filter(|(_, pipeline)| pipeline.creator == email && !pipeline.paused);
        feeds.extend(pipelines.map(|(name, _)| format!("mixpanel: pipeline {name} of {id} runs")));
        let imports = project.imports.iter().filter(|(_, import)| import.creator == email && !import.paused);
        feeds.extend(imports.map(|(name, _)| format!("mixpanel: import {name} of {id} runs")));
    }
    feeds
}
