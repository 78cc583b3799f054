//! Exports, legacy pipelines, warehouse imports, user-data deletions.

use serde_json::{Value, json};

use super::accounts::Reply;
use super::auth::{Caller, bad_request, error, forbidden, not_found, ok, unauthorized};
use super::log::log;
use super::number;
use super::state::{Import, State};
use crate::drill::emulator::{Answer, Moment, Request, Tenant};

/// Intervals of an import, in nanoseconds, that the specification allows: on request, hourly, daily, weekly.
const INTERVALS: [u64; 4] = [0, 3_600_000_000_000, 86_400_000_000_000, 604_800_000_000_000];

/// An error of the data API.
fn refused(request: &Request, status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({"request": request.path, "error": text}))
}

/// The project of a call of the data API, which the caller may read.
fn project_of(
    tenant: &Tenant,
    caller: &Caller,
    given: Option<&str>,
    request: &Request,
    moment: &Moment<'_>,
) -> Result<u64, Answer> {
    let only = || caller.access.projects.keys().next().copied().filter(|_| caller.account.is_none());
    let project = match given {
        Some(text) => number(text).ok_or_else(|| refused(request, 400, "project_id is not a number"))?,
        None => only().ok_or_else(|| refused(request, 400, "project_id is required"))?,
    };
    if !tenant.mixpanel.projects.contains_key(&project) {
        return Err(refused(request, 403, "Project does not exist or you have no access"));
    }
    caller.reads_project(project, moment).map_err(|answer| refused(request, answer.status, "No access"))?;
    Ok(project)
}

/// `GET /api/2.0/export`.
pub(super) fn export(tenant: &mut Tenant, caller: &Caller, request: &Request, moment: &Moment<'_>) -> Reply {
    let date = |name: &str| request.parameter(name).and_then(|text| text.parse::<jiff::civil::Date>().ok());
    let (Some(from), Some(to)) = (date("from_date"), date("to_date")) else {
        return Err(refused(request, 400, "from_date and to_date are required, as YYYY-MM-DD"));
    };
    if from > to {
        return Err(refused(request, 400, "from_date is after to_date"));
    }
    let project = project_of(tenant, caller, request.parameter("project_id"), request, moment)?;
    let details = json!({"from": from.to_string(), "to": to.to_string()});
    log(tenant, caller, "raw_event_export.requested", Some(project), details, moment);
    tenant.mixpanel.exports.push((caller.actor.email.clone(), project));
    let line = json!({"event": "Sign Up", "properties": {
        "time": 1_602_611_311, "$insert_id": "1f4f", "distinct_id": "u-1", "mp_processing_time_ms": 1_602_625_711_874_u64,
    }});
    Ok(Answer::text(200, "text/plain", format!("{line}\n")))
}

/// `GET /api/2.0/nessie/pipeline/jobs`.
pub(super) fn jobs(tenant: &Tenant, caller: &Caller, request: &Request, moment: &Moment<'_>) -> Reply {
    let project = project_of(tenant, caller, request.parameter("project_id"), request, moment)?;
    let pipelines = tenant.mixpanel.projects.get(&project).into_iter().flat_map(|project| &project.pipelines);
    let rows: Vec<Value> = pipelines
        .map(|(name, pipeline)| {
            let mut row = json!({
                "name": name, "Dispatcher": "backfill", "last_dispatched": "2026-02-01 12:00:00 US/Pacific",
                "frequency": pipeline.frequency, "sync_enabled": "true",
            });
            if let (true, Some(row)) = (moment.switches.mixpanel.jobs_show_paused, row.as_object_mut()) {
                row.insert("paused".to_owned(), json!(pipeline.paused));
            }
            row
        })
        .collect();
    let key = project.to_string();
    Ok(Answer::json(200, &if rows.is_empty() { json!({}) } else { json!({ key: rows }) }))
}

/// `POST /api/2.0/nessie/pipeline/pause|resume|cancel`.
pub(super) fn pipeline(
    tenant: &mut Tenant,
    caller: &Caller,
    what: &str,
    request: &Request,
    moment: &Moment<'_>,
) -> Reply {
    let form = request.form();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let given = field("project_id").or_else(|| request.parameter("project_id").map(str::to_owned));
    let name = field("name").ok_or_else(|| refused(request, 400, "name is required"))?;
    let project = project_of(tenant, caller, given.as_deref(), request, moment)?;
    if !caller.access.manages_project(project) {
        return Err(refused(request, 403, "You must manage the project"));
    }
    let pipelines = tenant.mixpanel.projects.get_mut(&project).map(|project| &mut project.pipelines);
    let found = pipelines.and_then(|pipelines| match what {
        "cancel" => pipelines.remove(&name).map(|_| "data_pipeline.deleted"),
        _ => pipelines.get_mut(&name).map(|pipeline| {
            pipeline.paused = what == "pause";
            "data_pipeline.updated"
        }),
    });
    let action = found.ok_or_else(|| refused(request, 404, "No pipeline of this name"))?;
    log(tenant, caller, action, Some(project), json!({"pipeline": name, "change": what}), moment);
    Ok(Answer::json(200, &json!({"status": "ok"})))
}

/// `GET /projects/{project}/warehouse-sources/imports`.
pub(super) fn imports(tenant: &Tenant, caller: &Caller, project: u64, moment: &Moment<'_>) -> Reply {
    caller.reads_project(project, moment)?;
    let state = &tenant.mixpanel;
    let imports = state.projects.get(&project).ok_or_else(not_found)?.imports.iter();
    let rows: Vec<Value> = imports.map(|(id, import)| wire(state, *id, import)).collect();
    Ok(ok(&json!(rows)))
}

/// `GET|PATCH|DELETE …/imports/{id}`.
pub(super) fn import(
    tenant: &mut Tenant,
    caller: &Caller,
    (project, id): (u64, u64),
    request: &Request,
    moment: &Moment<'_>,
) -> Reply {
    caller.reads_project(project, moment)?;
    if request.method != "GET" {
        caller.manages_project(project)?;
    }
    let imports = tenant.mixpanel.projects.get_mut(&project).map(|project| &mut project.imports);
    let imports = imports.filter(|imports| imports.contains_key(&id)).ok_or_else(not_found)?;
    let body = if request.body.is_empty() { json!({}) } else { request.json().unwrap_or_default() };
    let action = match request.method.as_str() {
        "GET" => None,
        "DELETE" => {
            if !body.get("delete_data").is_none_or(Value::is_boolean) || !body.is_object() {
                return Err(bad_request("delete_data: not a boolean"));
            }
            imports.remove(&id);
            Some("warehouse_source_sync.deleted")
        }
        "PATCH" => {
            let paused = body.get("paused").and_then(Value::as_bool);
            let every =
                body.get("run_every").and_then(Value::as_u64).filter(|every| INTERVALS.contains(every));
            let (Some(paused), Some(run_every), Some(import)) = (paused, every, imports.get_mut(&id)) else {
                return Err(bad_request("paused and run_every are required"));
            };
            (import.paused, import.run_every) = (paused, run_every);
            Some("warehouse_source_sync.updated")
        }
        _ => return Err(error(405, "Method not allowed")),
    };
    let imports = tenant.mixpanel.projects.get(&project).map(|project| &project.imports);
    let row = imports.and_then(|imports| imports.get(&id)).map(|import| wire(&tenant.mixpanel, id, import));
    if let Some(action) = action {
        log(tenant, caller, action, Some(project), json!({"import_id": id}), moment);
    }
    Ok(row.map_or_else(|| Answer::json(200, &json!({"status": "ok"})), |row| ok(&row)))
}

fn wire(state: &State, id: u64, import: &Import) -> Value {
    let creator = state.members.get(&import.creator);
    json!({
        "id": id, "import_type": import.kind, "sync_mode": "time_based", "created": import.created,
        "creator_id": creator.map(|member| member.id), "creator_name": creator.map(|member| &member.name),
        "creator_email": import.creator, "warehouse_source_id": import.source,
        "table_params": {"dataset": "analytics", "table": "events"}, "paused": import.paused,
        "run_every": import.run_every, "last_dispatch": null, "is_deleted": false,
    })
}

/// `GET|DELETE /data-deletions/v3.0/{tracking_id}`, with an OAuth token and the project's token.
pub(super) fn deletion(
    tenant: &mut Tenant,
    caller: &Caller,
    tracking: &str,
    request: &Request,
    moment: &Moment<'_>,
) -> Reply {
    let bearer =
        request.header("authorization").is_some_and(|header| header.to_lowercase().starts_with("bearer "));
    if !bearer {
        return Err(unauthorized());
    }
    let token = request.parameter("token").ok_or_else(|| bad_request("token is required"))?;
    let state = &mut tenant.mixpanel;
    let project = state.projects.iter().find(|(_, project)| project.token == token).map(|(id, _)| *id);
    let project = project.ok_or_else(forbidden)?;
    caller.reads_project(project, moment)?;
    let deletion = state.deletions.get_mut(tracking).filter(|deletion| deletion.project == project);
    let deletion = deletion.ok_or_else(not_found)?;
    match request.method.as_str() {
        "GET" => Ok(ok(&json!({
            "tracking_id": tracking, "status": deletion.status, "requesting_user": deletion.requested_by,
            "compliance_type": "GDPR", "project_id": deletion.project, "date_requested": deletion.requested,
            "distinct_ids": deletion.distinct_ids,
        }))),
        "DELETE" if matches!(deletion.status.as_str(), "PENDING" | "STAGING") => {
            "REVOKED".clone_into(&mut deletion.status);
            let details = json!({"tracking_id": tracking});
            log(tenant, caller, "user_data_deletion.canceled", Some(project), details, moment);
            Ok(Answer::empty(204))
        }
        _ => Err(error(405, "The deletion cannot be cancelled any more")),
    }
}
