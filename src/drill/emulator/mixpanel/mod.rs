//! Mixpanel's App API and data API, as far as an incident touches them.

mod accounts;
mod auth;
mod data;
mod example;
mod grants;
mod list;
mod log;
mod members;
mod roles;
mod state;
mod ui;
mod ways;

use std::collections::BTreeMap;

use serde_json::Value;

use self::accounts::Reply;
use self::auth::{Caller, bad_request, error, not_found};
pub(in crate::drill::emulator) use self::example::USED;
pub use self::state::{
    Access, Deletion, Ghost, Import, Lingering, Member, Pipeline, Project, ServiceAccount, Session, State,
    Team,
};
pub use self::ui::{Refused, Ui, sign_in};
use super::{Answer, Client, Moment, Request, Service, Tenant};

/// See the module.
pub struct Mixpanel;

impl Service for Mixpanel {
    fn name(&self) -> &'static str {
        "mixpanel"
    }

    fn handle(&self, tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Answer {
        if moment.switches.mixpanel.slash_redirect && !request.path.ends_with('/') && is_app(request) {
            let location = format!("{}{}/{}", request.origin, request.path, request.query_text());
            return Answer::empty(301).header("location", &location);
        }
        match route(tenant, request, moment) {
            Ok(answer) | Err(answer) => answer,
        }
    }

    fn client(&self, kind: &str, tenant: &Tenant, base: &str) -> Option<Client> {
        match kind {
            "mixpanel" => ways::client(tenant, base),
            "mixpanel-deletions" => ways::deletions_client(tenant),
            _ => None,
        }
    }

    /// [`Tenant::example`] has it: everything else is around it.
    fn example(&self, _: &mut Tenant) {}

    fn ways_in(&self, tenant: &Tenant, email: &str, moment: &Moment<'_>) -> Vec<String> {
        ways::ways_in(tenant, email, moment)
    }

    fn volatile(&self) -> &'static [&'static str] {
        &[
            "next_id",
            "pages_served",
            "exports",
            "lingering",
            "ghosts",
            // How a session ends; that it did is nobody's setting, and does not come back.
            "sessions.*.ends_ms",
            "sessions.*.kept",
            "service_accounts.*.last_used",
            "service_accounts.*.listed_from_ms",
        ]
    }
}

/// The web page's routes; those of data have no slash at their end.
fn is_app(request: &Request) -> bool {
    request.path.starts_with("/api/app/") || request.path.starts_with("/organizations/")
}

fn route(tenant: &mut Tenant, request: &Request, moment: &Moment<'_>) -> Reply {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    // Who it is comes before what is there, so that nobody learns routes without credentials.
    let caller = auth::caller(tenant, request, moment)?;
    match segments.as_slice() {
        ["api", "2.0", rest @ ..] => data_api(tenant, &caller, rest, request, moment),
        ["api", "app", "me"] => only("GET", request).and_then(|()| members::me(tenant, &caller, moment)),
        ["api", "app", "data-deletions", "v3.0", tracking] => {
            data::deletion(tenant, &caller, tracking, request, moment)
        }
        ["api", "app", "organizations", organization, "service-accounts", rest @ ..] => {
            of_organization(tenant, organization)?;
            accounts_api(tenant, &caller, rest, request, moment)
        }
        ["api", "app", "projects", project, rest @ ..] => {
            let project = number(project).filter(|id| tenant.mixpanel.projects.contains_key(id));
            project_api(tenant, &caller, project.ok_or_else(not_found)?, rest, request, moment)
        }
        ["organizations", organization, what @ ("users" | "projects")]
            if moment.switches.mixpanel.unpublished_routes =>
        {
            of_organization(tenant, organization)?;
            only("GET", request)?;
            members::rows(tenant, &caller, what)
        }
        _ => Err(not_found()),
    }
}

fn data_api(
    tenant: &mut Tenant,
    caller: &Caller,
    rest: &[&str],
    request: &Request,
    moment: &Moment<'_>,
) -> Reply {
    match (request.method.as_str(), rest) {
        ("GET", ["export"]) => data::export(tenant, caller, request, moment),
        ("GET", ["nessie", "pipeline", "jobs"]) => data::jobs(tenant, caller, request, moment),
        ("POST", ["nessie", "pipeline", what @ ("pause" | "resume" | "cancel")]) => {
            data::pipeline(tenant, caller, what, request, moment)
        }
        _ => Err(not_found()),
    }
}

fn accounts_api(
    tenant: &mut Tenant,
    caller: &Caller,
    rest: &[&str],
    request: &Request,
    moment: &Moment<'_>,
) -> Reply {
    match (request.method.as_str(), rest) {
        ("GET", []) => accounts::list(tenant, caller, request, moment),
        ("POST", []) => accounts::create(tenant, caller, request, moment),
        ("POST", ["add-to-project"]) => accounts::add(tenant, caller, request, moment),
        ("POST", ["remove-from-project"]) => accounts::remove(tenant, caller, request, moment),
        ("GET", [id]) => accounts::get(tenant, caller, number(id).ok_or_else(not_found)?, moment),
        ("DELETE", [id]) => accounts::delete(tenant, caller, number(id).ok_or_else(not_found)?, moment),
        (_, [] | [_]) => Err(error(405, "Method not allowed")),
        _ => Err(not_found()),
    }
}

fn project_api(
    tenant: &mut Tenant,
    caller: &Caller,
    project: u64,
    rest: &[&str],
    request: &Request,
    moment: &Moment<'_>,
) -> Reply {
    match rest {
        ["service-accounts"] => {
            only("GET", request)?;
            accounts::of_project(tenant, caller, project, request, moment)
        }
        ["warehouse-sources", "imports"] => {
            only("GET", request)?;
            data::imports(tenant, caller, project, moment)
        }
        ["warehouse-sources", "imports", id] => {
            let id = number(id).ok_or_else(not_found)?;
            data::import(tenant, caller, (project, id), request, moment)
        }
        _ => Err(not_found()),
    }
}

fn only(method: &str, request: &Request) -> Result<(), Answer> {
    if request.method == method { Ok(()) } else { Err(error(405, "Method not allowed")) }
}

fn of_organization(tenant: &Tenant, id: &str) -> Result<(), Answer> {
    let known = number(id) == Some(tenant.mixpanel.organization_id);
    if known { Ok(()) } else { Err(not_found()) }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// A list of `{"id", "role"}`.
fn project_roles(
    value: Option<&Value>,
    state: &State,
    required: bool,
) -> Result<BTreeMap<u64, String>, Answer> {
    let rows = match value {
        None | Some(Value::Null) if !required => return Ok(BTreeMap::new()),
        Some(Value::Array(rows)) => rows,
        _ => return Err(bad_request("projects: not a list")),
    };
    rows.iter()
        .map(|row| {
            let id = row.get("id").and_then(Value::as_u64);
            let role = row.get("role").and_then(Value::as_str).filter(|role| !role.is_empty());
            let (Some(id), Some(role)) = (id, role) else {
                return Err(bad_request("projects: id and role are required"));
            };
            if state.projects.contains_key(&id) { Ok((id, role.to_owned())) } else { Err(not_found()) }
        })
        .collect()
}

#[cfg(test)]
mod tests;
