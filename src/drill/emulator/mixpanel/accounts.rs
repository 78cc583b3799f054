//! Service accounts of the organisation and of projects.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::auth::{Caller, bad_request, error, not_found, ok};
use super::list;
use super::log::log;
use super::state::{Ghost, Lingering, ServiceAccount, State};
use super::{project_roles, roles};
use crate::drill::emulator::{Answer, Moment, Request, Tenant};

/// `GET /organizations/{org}/service-accounts`.
pub(super) fn list(tenant: &mut Tenant, caller: &Caller, request: &Request, moment: &Moment<'_>) -> Reply {
    caller.manages_organization()?;
    let state = &tenant.mixpanel;
    let mut rows: Vec<(u64, Value)> = state
        .service_accounts
        .iter()
        .filter(|(_, account)| account.listed_from_ms <= moment.millis())
        .map(|(id, account)| (*id, wire(state, *id, account, moment)))
        .collect();
    let ghosts = state.ghosts.iter().filter(|ghost| moment.millis() < ghost.until_ms);
    rows.extend(ghosts.map(|ghost| (ghost.id, wire(state, ghost.id, &ghost.account, moment))));
    rows.sort_by_key(|(id, _)| *id);
    Ok(list::answer(tenant, rows.into_iter().map(|(_, row)| row).collect(), request, moment))
}

/// `GET /organizations/{org}/service-accounts/{id}`.
pub(super) fn get(tenant: &Tenant, caller: &Caller, id: u64, moment: &Moment<'_>) -> Reply {
    caller.manages_organization()?;
    let state = &tenant.mixpanel;
    let account = state.service_accounts.get(&id).ok_or_else(not_found)?;
    let row = wire(state, id, account, moment);
    Ok(if moment.switches.mixpanel.envelope_single { ok(&row) } else { Answer::json(200, &row) })
}

/// `POST /organizations/{org}/service-accounts`.
pub(super) fn create(tenant: &mut Tenant, caller: &Caller, request: &Request, moment: &Moment<'_>) -> Reply {
    let body = object(request)?;
    let asked = body.get("username").and_then(Value::as_str).unwrap_or_default();
    if asked.is_empty() || asked.len() > 200 {
        return Err(bad_request("username: this field is required"));
    }
    let role = match body.get("role") {
        None | Some(Value::Null) => None,
        Some(role) => Some(role.as_str().ok_or_else(|| bad_request("role: not a string"))?.to_owned()),
    };
    let expires = match body.get("expires") {
        None | Some(Value::Null) => None,
        Some(time) => {
            let time = time.as_str().filter(|time| time.parse::<jiff::Timestamp>().is_ok());
            Some(time.ok_or_else(|| bad_request("expires: not a date-time"))?.to_owned())
        }
    };
    let projects = project_roles(body.get("projects"), &tenant.mixpanel, false)?;
    // Whoever manages all of its projects may make one that holds no more than its maker does.
    let own = !projects.is_empty() && role.is_none() && may_give(caller, &projects);
    if !own {
        caller.manages_organization()?;
        let most = caller.access.role.as_deref().map(roles::rank);
        if role.as_deref().map(roles::rank) > most {
            return Err(super::auth::forbidden());
        }
    }
    let username = new_username(tenant, asked, moment)?;
    let account = ServiceAccount {
        username,
        secret: tenant.draws.secret(),
        role,
        projects: projects.clone(),
        creator: caller.user,
        created: moment.wall.to_rfc3339(),
        expires,
        last_used: None,
        user: tenant.mixpanel.take_id(),
        listed_from_ms: moment.millis().saturating_add(moment.switches.mixpanel.list_lag_ms),
    };
    let id = tenant.mixpanel.take_id();
    let details =
        json!({"service_account": account.username, "service_account_id": id, "role": account.role});
    log(tenant, caller, "service_account.created", None, details, moment);
    for (project, role) in &projects {
        let details = json!({"service_account_id": id, "role": role});
        log(tenant, caller, "service_account.added_to_project", Some(*project), details, moment);
    }
    let mut row = wire(&tenant.mixpanel, id, &account, moment);
    if let Some(row) = row.as_object_mut() {
        row.insert("token".to_owned(), json!(account.secret));
    }
    tenant.mixpanel.service_accounts.insert(id, account);
    Ok(Answer::json(201, &json!({"status": "ok", "results": row})))
}

fn may_give(caller: &Caller, projects: &BTreeMap<u64, String>) -> bool {
    projects.iter().all(|(project, role)| {
        let held = caller.access.projects.get(project);
        held.is_some_and(|held| roles::manages(held) && roles::rank(held) >= roles::rank(role))
    })
}

fn new_username(tenant: &mut Tenant, asked: &str, moment: &Moment<'_>) -> Result<String, Answer> {
    let switches = &moment.switches.mixpanel;
    let mangled = |username: &str| {
        username.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let mut accounts = tenant.mixpanel.service_accounts.values();
    if !switches.duplicate_names && accounts.any(|account| mangled(&account.username)) {
        return Err(bad_request("username: a service account with this name exists"));
    }
    if switches.mangle_usernames {
        return Ok(format!("{asked}.{}.mp-service-account", tenant.draws.letters(6)));
    }
    Ok(asked.to_owned())
}

/// `DELETE /organizations/{org}/service-accounts/{id}`.
pub(super) fn delete(tenant: &mut Tenant, caller: &Caller, id: u64, moment: &Moment<'_>) -> Reply {
    caller.manages_organization()?;
    linger(&mut tenant.mixpanel, id, moment);
    let account = tenant.mixpanel.service_accounts.remove(&id).ok_or_else(not_found)?;
    for team in tenant.mixpanel.teams.values_mut() {
        team.service_accounts.remove(&id);
    }
    let details = json!({"service_account": account.username, "service_account_id": id});
    log(tenant, caller, "service_account.deleted", None, details, moment);
    let ghost = moment.switches.mixpanel.list_ghost_ms;
    if ghost > 0 {
        let until_ms = moment.millis().saturating_add(ghost);
        tenant.mixpanel.ghosts.push(Ghost { id, account, until_ms });
    }
    Ok(done())
}

/// `POST …/service-accounts/add-to-project`.
pub(super) fn add(tenant: &mut Tenant, caller: &Caller, request: &Request, moment: &Moment<'_>) -> Reply {
    let body = object(request)?;
    let projects = project_roles(body.get("projects"), &tenant.mixpanel, true)?;
    let accounts = ids(body.get("service_account_ids"))?;
    for project in projects.keys() {
        caller.manages_project(*project)?;
    }
    if accounts.iter().any(|id| !tenant.mixpanel.service_accounts.contains_key(id)) {
        return Err(not_found());
    }
    for id in accounts {
        for (project, role) in &projects {
            let Some(account) = tenant.mixpanel.service_accounts.get_mut(&id) else { continue };
            let before = account.projects.insert(*project, role.clone());
            let action = match before {
                None => "service_account.added_to_project",
                Some(old) if old != *role => "service_account.role_changed",
                Some(_) => continue,
            };
            let details = json!({"service_account_id": id, "role": role});
            log(tenant, caller, action, Some(*project), details, moment);
        }
    }
    Ok(done())
}

/// `POST …/service-accounts/remove-from-project`. Access through a team or the organisation stays.
pub(super) fn remove(tenant: &mut Tenant, caller: &Caller, request: &Request, moment: &Moment<'_>) -> Reply {
    let body = object(request)?;
    let rows = body.get("projects").and_then(Value::as_array);
    let rows = rows.ok_or_else(|| bad_request("projects: this field is required"))?;
    let mut pairs = Vec::new();
    for row in rows {
        let project = row.get("id").and_then(Value::as_u64).ok_or_else(|| bad_request("projects: id"))?;
        if !tenant.mixpanel.projects.contains_key(&project) {
            return Err(not_found());
        }
        caller.manages_project(project)?;
        pairs.extend(ids(row.get("service_account_ids"))?.into_iter().map(|id| (project, id)));
    }
    if pairs.iter().any(|(_, id)| !tenant.mixpanel.service_accounts.contains_key(id)) {
        return Err(not_found());
    }
    for (project, id) in pairs {
        linger(&mut tenant.mixpanel, id, moment);
        let account = tenant.mixpanel.service_accounts.get_mut(&id);
        if account.and_then(|account| account.projects.remove(&project)).is_some() {
            let details = json!({"service_account_id": id});
            log(tenant, caller, "service_account.removed_from_project", Some(project), details, moment);
        }
    }
    Ok(done())
}

/// `GET /projects/{project}/service-accounts`.
pub(super) fn of_project(
    tenant: &mut Tenant,
    caller: &Caller,
    project: u64,
    request: &Request,
    moment: &Moment<'_>,
) -> Reply {
    caller.manages_project(project)?;
    let state = &tenant.mixpanel;
    let listed =
        state.service_accounts.iter().filter(|(_, account)| account.listed_from_ms <= moment.millis());
    let rows = listed.flat_map(|(id, account)| {
        let mut grants = grants(state, *id, account, project);
        if !moment.switches.mixpanel.row_per_grant {
            grants.truncate(1);
        }
        grants.into_iter().map(|(role, target)| {
            let mut row = wire(state, *id, account, moment);
            let extra = json!({
                "hasSensitiveAccess": false, "role": role, "role_order": roles::rank(role), "target_type": target,
                "email": format!("{}@serviceaccount.mixpanel.example", account.username),
            });
            if let (Some(row), Value::Object(extra)) = (row.as_object_mut(), extra) {
                row.extend(extra);
            }
            row
        })
    });
    let rows = rows.collect();
    Ok(list::answer(tenant, rows, request, moment))
}

/// The grants by which an account is in a project: its own first, then the teams', then the organisation's.
fn grants<'a>(
    state: &'a State,
    id: u64,
    account: &'a ServiceAccount,
    project: u64,
) -> Vec<(&'a str, &'static str)> {
    let own = account.projects.get(&project).map(|role| (role.as_str(), "individual"));
    let teams = state.teams.values().filter(|team| team.service_accounts.contains(&id));
    let teams = teams.filter_map(|team| team.projects.get(&project)).map(|role| (role.as_str(), "team"));
    let organization = account.role.as_deref().filter(|role| roles::manages(role));
    own.into_iter().chain(teams).chain(organization.map(|role| (role, "organization"))).collect()
}

/// Lets the credentials of an account work a while longer as they do now, where the switch says so.
fn linger(state: &mut State, id: u64, moment: &Moment<'_>) {
    let honoured = moment.switches.mixpanel.honour_old_ms;
    let (Some(account), Some(access)) = (state.service_accounts.get(&id), state.account_access(id)) else {
        return;
    };
    if honoured > 0 {
        let (username, secret) = (account.username.clone(), account.secret.clone());
        let until_ms = moment.millis().saturating_add(honoured);
        state.lingering.push(Lingering { username, secret, access, until_ms });
    }
}

fn wire(state: &State, id: u64, account: &ServiceAccount, moment: &Moment<'_>) -> Value {
    let mut row = json!({
        "id": id, "username": account.username, "last_used": account.last_used, "expires": account.expires,
        "creator": account.creator, "created": account.created, "user": account.user,
    });
    let creator = state.members.iter().find(|(_, member)| member.id == account.creator);
    if let (true, Some(row)) = (moment.switches.mixpanel.creator_names, row.as_object_mut()) {
        row.insert("creator_email".to_owned(), json!(creator.map(|(email, _)| email)));
        row.insert("creator_name".to_owned(), json!(creator.map(|(_, member)| &member.name)));
    }
    row
}

fn object(request: &Request) -> Result<Map<String, Value>, Answer> {
    match request.json() {
        Some(Value::Object(body)) => Ok(body),
        _ => Err(bad_request("The body is not a JSON object")),
    }
}

fn ids(value: Option<&Value>) -> Result<Vec<u64>, Answer> {
    let wrong = || error(400, "service_account_ids: not a list of integers");
    let rows = value.and_then(Value::as_array).ok_or_else(wrong)?;
    rows.iter().map(|id| id.as_u64().ok_or_else(wrong)).collect()
}

fn done() -> Answer {
    Answer::json(200, &json!({"status": "ok"}))
}

/// An answer, or the answer that refuses.
pub(super) type Reply = Result<Answer, Answer>;
